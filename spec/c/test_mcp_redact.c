#include "mcp/redact.h"

#include "base/utf8.h"
#include "tap.h"

static void long_ids_show_their_ends(void)
{
    static const struct {
        const char *id;
        const char *shown;
    } rows[] = {
        {"", ""},
        {"7", "7"},
        {"12345678", "12345678"},
        {"123456789", "1234\xE2\x80\xA6"
                      "6789"},
        {"3f2a99e0-aa12-4d3c-9c1d", "3f2a\xE2\x80\xA6"
                                    "9c1d"},
        {"ab\ncd", "ab?cd"},
        {"\x1b[31mlong enough to cut\x7f", "?[31\xE2\x80\xA6"
                                           "cut?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[SOUK_MCP_SHORT_MAX];
        CHECK_TEXT(souk_mcp_shorten(souk_slice_of(rows[i].id), out), rows[i].shown);
    }
}

static const souk_header headers[] = {
    {SOUK_LIT_INIT("X-Api-Key"), SOUK_LIT_INIT("s3cret-header")},
    {SOUK_LIT_INIT("X-Short"), SOUK_LIT_INIT("blue")},
    {SOUK_LIT_INIT("X-Auth"), SOUK_LIT_INIT("Basic s3cret-basic")},
};
static const char *const environment[] = {"PART=s3cret-he", "ODD\"NAME\\=s3cret-odd",
                                          "EMPTY=", NULL};

static souk_mcp_secrets secrets(void)
{
    return (souk_mcp_secrets){.authorization = SOUK_LIT("Bearer s3cret-token"),
                              .headers = headers,
                              .header_count = sizeof headers / sizeof headers[0],
                              .env = environment};
}

static void secrets_are_named_instead_of_shown(void)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        {"", ""},
        {"nothing to hide", "nothing to hide"},
        {"bad token s3cret-token.", "bad token [the credential]."},
        {"got 'Bearer s3cret-token'", "got 'Bearer [the credential]'"},
        {"s3cret-tokens3cret-token", "[the credential][the credential]"},
        /* the longest one that fits, whichever comes first */
        {"key s3cret-header!", "key [header X-Api-Key]!"},
        {"key s3cret-he!", "key [variable PART]!"},
        {"s3cret-basic", "[header X-Auth]"},
        {"s3cret-odd", "[variable ODD?NAME?]"},
        {"blue sky", "blue sky"}, /* too short to be told from a word */
        /* cut at an end */
        {"refused: s3cret-to", "refused: [the credential]"},
        {"ret-token was refused", "[the credential] was refused"},
        {"refused: s3cret", "refused: s3cret"},
    };
    souk_mcp_secrets all = secrets();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[200];
        size_t len = souk_mcp_redact(&all, souk_slice_of(rows[i].text), out, sizeof out);
        CHECK_INT(len, strlen(rows[i].shown));
        CHECK_SLICE(souk_slice_make(out, len), rows[i].shown);
    }
}

static void the_room_is_kept_and_the_whole_length_is_told(void)
{
    souk_mcp_secrets all = secrets();
    char out[8] = "1234567";
    CHECK_INT(souk_mcp_redact(&all, SOUK_LIT("a s3cret-token"), out, 4), 18);
    CHECK_TEXT(out, "a [t567");
    CHECK_INT(souk_mcp_redact(&all, SOUK_LIT("abc"), NULL, 0), 3);
}

static void nothing_is_given_and_nothing_is_hidden(void)
{
    souk_mcp_secrets none = {.env = NULL};
    char out[16];
    CHECK_INT(souk_mcp_redact(&none, SOUK_LIT("s3cret-token"), out, sizeof out), 12);
}

static void messages_of_errors_stay_messages(void)
{
    souk_mcp_secrets all = secrets();
    souk_err err;
    souk_fail(&err, SOUK_E_RPC, "no: s3cret-token");
    souk_mcp_redact_error(&all, &err);
    CHECK_TEXT(err.message, "no: [the credential]");
    CHECK_INT(err.kind, SOUK_E_RPC);
    /* It grows past its end, which falls into a character. */
    char text[SOUK_MESSAGE_MAX] = "s3cret-he";
    size_t len = strlen(text);
    while (len + 2 < sizeof text - 1) {
        memcpy(text + len, "\xC3\xA9", 3);
        len += 2;
    }
    souk_fail(&err, SOUK_E_RPC, "%s", text);
    souk_mcp_redact_error(&all, &err);
    CHECK(strncmp(err.message, "[variable PART]\xC3\xA9", 17) == 0);
    CHECK(souk_utf8_valid(souk_slice_of(err.message), NULL));
}

int main(void)
{
    CASE(long_ids_show_their_ends);
    CASE(secrets_are_named_instead_of_shown);
    CASE(the_room_is_kept_and_the_whole_length_is_told);
    CASE(nothing_is_given_and_nothing_is_hidden);
    CASE(messages_of_errors_stay_messages);
    return tap_done();
}
