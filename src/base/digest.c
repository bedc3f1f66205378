#include "base/digest.h"

#include <string.h>

enum { BLOCK = 64, ROUNDS = 64, LENGTH_AT = BLOCK - 8 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4,
 * 4.2.2). */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t word, unsigned by)
{
    return word >> by | word << (32 - by);
}

static uint32_t read_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The block's 16 words, and 48 made of them (6.2.2, step 1). */
static void spread(const uint8_t block[BLOCK], uint32_t words[ROUNDS])
{
    for (size_t t = 0; t < 16; t++) {
        words[t] = read_word(block + 4 * t);
    }
    for (size_t t = 16; t < ROUNDS; t++) {
        uint32_t near = words[t - 2];
        uint32_t far = words[t - 15];
        words[t] = (turn(near, 17) ^ turn(near, 19) ^ near >> 10) + words[t - 7] +
                   (turn(far, 7) ^ turn(far, 18) ^ far >> 3) + words[t - 16];
    }
}

static void take_block(uint32_t hash[8], const uint8_t block[BLOCK])
{
    uint32_t words[ROUNDS];
    uint32_t s[8];
    spread(block, words);
    memcpy(s, hash, sizeof s);
    for (size_t t = 0; t < ROUNDS; t++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t first = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + choice +
                         constants[t] + words[t];
        uint32_t second = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + majority;
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += first;
        s[0] = first + second;
    }
    for (size_t i = 0; i < 8; i++) {
        hash[i] += s[i];
    }
}

/* What is left of the text, a single bit, zeros, and the length in bits: one block or two (5.1.1).
 */
static void take_end(uint32_t hash[8], souk_slice rest, uint64_t bits)
{
    uint8_t block[2 * BLOCK] = {0};
    size_t blocks = rest.len < LENGTH_AT ? 1 : 2;
    if (rest.len > 0) {
        memcpy(block, rest.ptr, rest.len);
    }
    block[rest.len] = 0x80;
    for (size_t i = 0; i < 8; i++) {
        block[blocks * BLOCK - 1 - i] = (uint8_t)(bits >> 8 * i);
    }
    for (size_t i = 0; i < blocks; i++) {
        take_block(hash, block + i * BLOCK);
    }
}

void souk_digest(souk_slice text, uint8_t digest[SOUK_DIGEST_SIZE])
{
    uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t at = 0;
    for (; at + BLOCK <= text.len; at += BLOCK) {
        take_block(hash, (const uint8_t *)text.ptr + at);
    }
    take_end(hash, souk_slice_from(text, at), (uint64_t)text.len * 8);
    for (size_t i = 0; i < SOUK_DIGEST_SIZE; i++) {
        digest[i] = (uint8_t)(hash[i / 4] >> (24 - 8 * (i % 4)));
    }
}
