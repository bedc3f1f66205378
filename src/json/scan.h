/*
 * Finding the bytes of a string that need attention, eight at a time. Shared by the reader and the
 * writer.
 */
#ifndef SOUK_SCAN_H
#define SOUK_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SOUK_EVERY_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/*
 * True when the byte is printable ASCII other than '"' and '\\': it stands for itself, inside and
 * outside of JSON.
 */
static inline bool souk_is_plain(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/*
 * 0 when all eight bytes of the word are plain; else the top bit of each byte that is not is set,
 * and perhaps those of bytes above the lowest of them.
 */
static inline uint64_t souk_word_special(uint64_t word)
{
    /*
     * Subtracting sets the top bit of a byte that was too small; a borrow needs such a byte below
     * it.
     */
    uint64_t quote = word ^ SOUK_EVERY_BYTE('"');
    uint64_t backslash = word ^ SOUK_EVERY_BYTE('\\');
    uint64_t small = (word - SOUK_EVERY_BYTE(0x20)) | (quote - SOUK_EVERY_BYTE(1)) |
                     (backslash - SOUK_EVERY_BYTE(1));
    return (small | word) & SOUK_EVERY_BYTE(0x80);
}

/*
 * How many bytes of the eight at `at` are plain before the first that is not; `special` is not 0.
 */
static inline size_t souk_plain_before(uint64_t special, const char *at)
{
#if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    (void)at;
    return (size_t)__builtin_ctzll(special) / 8;
#else
    size_t count = 0;
    (void)special;
    while (souk_is_plain(at[count])) {
        count++;
    }
    return count;
#endif
}

/* The first byte that is not plain, or `end`. */
static inline const char *souk_scan_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t special = souk_word_special(word);
        if (special != 0) {
            return at + souk_plain_before(special, at);
        }
        at += sizeof word;
    }
    while (at < end && souk_is_plain(*at)) {
        at++;
    }
    return at;
}

#endif
