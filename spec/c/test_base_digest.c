/* SHA-256: the examples of FIPS 180-4 and its neighbours, and the lengths at which a block is full.
 */
#include <string.h>

#include "base/digest.h"
#include "tap.h"

static void check(souk_slice text, const char *wanted)
{
    uint8_t digest[SOUK_DIGEST_SIZE];
    char hex[2 * SOUK_DIGEST_SIZE + 1];
    souk_digest(text, digest);
    for (size_t i = 0; i < SOUK_DIGEST_SIZE; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    CHECK_TEXT(hex, wanted);
}

static void known_texts_have_their_digests(void)
{
    check(SOUK_LIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(souk_slice_make(NULL, 0),
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(SOUK_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void texts_may_end_anywhere_in_a_block(void)
{
    static const struct {
        size_t len;
        const char *digest; /* of so many letters "a", by coreutils' sha256sum */
    } rows[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {57, "f13b2d724659eb3bf47f2dd6af1accc87b81f09f59f2b75e5c0bed6589dfe8c6"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
        {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
        {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
    };
    char text[128];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(souk_slice_make(text, rows[i].len), rows[i].digest);
    }
}

int main(void)
{
    CASE(known_texts_have_their_digests);
    CASE(texts_may_end_anywhere_in_a_block);
    return tap_done();
}
