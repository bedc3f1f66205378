#include "base/address.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

/* --- reading --- */

/* A number as inet_aton takes it: 0x for hex, 0 for octal, else decimal. */
static bool read_number(souk_slice text, uint64_t *out)
{
    int base = 10;
    if (souk_slice_starts_nocase(text, SOUK_LIT("0x"))) {
        base = 16;
        text = souk_slice_from(text, 2);
    } else if (text.len == 0) {
        return false;
    } else if (text.len > 1 && text.ptr[0] == '0') {
        base = 8;
    }
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = souk_hex_digit(text.ptr[i]);
        if (value < 0 || value >= base) {
            return false;
        }
        *out = *out * (uint64_t)base + (uint64_t)value;
        if (*out > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

/* One to four parts; the last one fills what the others leave. */
static bool read_v4(souk_slice text, unsigned char out[4])
{
    uint64_t value = 0;
    for (int part = 0; part < 4; part++) {
        size_t len = souk_slice_find(text, '.');
        bool is_last = len == text.len;
        uint64_t number;
        uint64_t most = is_last ? UINT32_MAX >> (8 * part) : UINT8_MAX;
        if (!read_number(souk_slice_make(text.ptr, len), &number) || number > most) {
            return false;
        }
        value |= is_last ? number : number << (24 - 8 * part);
        if (is_last) {
            for (int i = 0; i < 4; i++) {
                out[i] = (unsigned char)(value >> (24 - 8 * i));
            }
            return true;
        }
        text = souk_slice_from(text, len + 1);
    }
    return false;
}

/* One to four hex digits. */
static bool read_group(souk_slice text, unsigned char out[2])
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = souk_hex_digit(text.ptr[i]);
        if (digit < 0) {
            return false;
        }
        value = value * 16 + (unsigned)digit;
    }
    out[0] = (unsigned char)(value >> 8);
    out[1] = (unsigned char)value;
    return text.len >= 1 && text.len <= 4;
}

/* Groups with colons between them, to at most `room` bytes; the last may be an IPv4 address. */
static bool read_groups(souk_slice text, unsigned char *out, size_t room, size_t *len)
{
    *len = 0;
    while (text.len > 0) {
        size_t end = souk_slice_find(text, ':');
        souk_slice group = souk_slice_make(text.ptr, end);
        bool is_last = end == text.len;
        bool is_v4 = is_last && souk_slice_find(group, '.') < group.len;
        size_t size = is_v4 ? 4 : 2;
        if (*len + size > room ||
            !(is_v4 ? read_v4(group, out + *len) : read_group(group, out + *len))) {
            return false;
        }
        *len += size;
        text = souk_slice_from(text, end + 1);
        if (!is_last && text.len == 0) {
            return false; /* ends with a colon */
        }
    }
    return true;
}

static bool read_v6(souk_slice text, unsigned char out[16])
{
    unsigned char tail[16];
    size_t head_len;
    size_t tail_len = 0;
    size_t gap = 0;
    while (gap < text.len && !souk_slice_starts(souk_slice_from(text, gap), SOUK_LIT("::"))) {
        gap++;
    }
    memset(out, 0, 16);
    if (gap == text.len) {
        return read_groups(text, out, 16, &head_len) && head_len == 16;
    }
    souk_slice head = souk_slice_make(text.ptr, gap);
    /* "::" stands for one group of zeros at least; an IPv4 address only ends the whole. */
    if (souk_slice_find(head, '.') < head.len || !read_groups(head, out, 14, &head_len) ||
        !read_groups(souk_slice_from(text, gap + 2), tail, 14 - head_len, &tail_len)) {
        return false;
    }
    memcpy(out + 16 - tail_len, tail, tail_len);
    return true;
}

bool souk_address_read(souk_slice host, souk_address *out)
{
    memset(out, 0, sizeof *out);
    bool has_brackets = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (has_brackets) {
        host = souk_slice_make(host.ptr + 1, host.len - 2);
    }
    if (souk_slice_find(host, ':') < host.len) {
        out->len = 16;
        host.len = souk_slice_find(host, '%'); /* the zone says through which interface */
        return read_v6(host, out->bytes);
    }
    out->len = 4;
    return !has_brackets && read_v4(host, out->bytes);
}

bool souk_address_eq(const souk_address *a, const souk_address *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

void souk_address_write_v4(const souk_address *address, char out[SOUK_ADDRESS_TEXT])
{
    char *at = out;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = address->bytes[i];
        if (i > 0) {
            *at++ = '.';
        }
        if (value >= 100) {
            *at++ = (char)('0' + value / 100);
        }
        if (value >= 10) {
            *at++ = (char)('0' + value / 10 % 10);
        }
        *at++ = (char)('0' + value % 10);
    }
    *at = '\0';
}

/* --- judging --- */

/* The addresses whose first `bits` are those of `bytes`. */
typedef struct block {
    unsigned char bytes[12];
    unsigned bits;
} block;

static bool is_within(const unsigned char *address, const block *within)
{
    size_t whole = within->bits / 8;
    unsigned rest = within->bits % 8;
    if (memcmp(address, within->bytes, whole) != 0) {
        return false;
    }
    unsigned mask = 0xFFU << (8 - rest) & 0xFFU;
    return rest == 0 || ((address[whole] ^ within->bytes[whole]) & mask) == 0;
}

static bool is_in_any(const unsigned char *address, const block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_within(address, &blocks[i])) {
            return true;
        }
    }
    return false;
}

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static bool is_private_v4(const unsigned char address[4])
{
    static const block blocks[] = {
        {{0}, 8},             /* this network, unspecified */
        {{10}, 8},            /* private */
        {{100, 64}, 10},      /* shared by the customers of a provider */
        {{127}, 8},           /* loopback */
        {{169, 254}, 16},     /* link-local, and where clouds keep their secrets */
        {{172, 16}, 12},      /* private */
        {{192, 0, 0}, 24},    /* protocol assignments */
        {{192, 0, 2}, 24},    /* documentation */
        {{192, 88, 99}, 24},  /* relays of 6to4, given up */
        {{192, 168}, 16},     /* private */
        {{198, 18}, 15},      /* benchmarking */
        {{198, 51, 100}, 24}, /* documentation */
        {{203, 0, 113}, 24},  /* documentation */
        {{224}, 4},           /* multicast */
        {{240}, 4},           /* reserved, broadcast */
    };
    return is_in_any(address, blocks, COUNT(blocks));
}

/* IPv6 addresses that carry an IPv4 address at a certain byte. */
typedef struct embedding {
    block block;
    size_t at;
    bool stands_for; /* it is that address, to the system or a translator */
} embedding;

static const embedding embeddings[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96}, 12, true}, /* mapped */
    {{{0, 0x64, 0xFF, 0x9B}, 96}, 12, true},                      /* NAT64, RFC 6052 */
    {{{0x20, 0x02}, 16}, 2, false},                               /* 6to4, RFC 3056 */
};

static const embedding *find_embedding(const unsigned char address[16])
{
    for (size_t i = 0; i < COUNT(embeddings); i++) {
        if (is_within(address, &embeddings[i].block)) {
            return &embeddings[i];
        }
    }
    return NULL;
}

/* RFC 5214: an interface identifier under any prefix; one bit of it says "globally unique". */
static bool is_isatap(const unsigned char address[16])
{
    return (address[8] & ~2U) == 0 && address[9] == 0 && address[10] == 0x5E && address[11] == 0xFE;
}

static bool is_private_v6(const unsigned char address[16])
{
    /* All that is given out to hosts of the Internet (RFC 4291 section 2.4), ... */
    static const block global = {{0x20}, 3};
    /* ... but for these. */
    static const block blocks[] = {
        {{0x20, 0x01, 0}, 23},          /* protocol assignments, Teredo, ORCHID */
        {{0x20, 0x01, 0x0D, 0xB8}, 32}, /* documentation */
        {{0x3F, 0xFF, 0}, 20},          /* documentation */
    };
    const embedding *found = find_embedding(address);
    if (found != NULL && is_private_v4(address + found->at)) {
        return true;
    }
    if (found != NULL && found->stands_for) {
        return false;
    }
    return !is_within(address, &global) || is_in_any(address, blocks, COUNT(blocks)) ||
           (is_isatap(address) && is_private_v4(address + 12));
}

bool souk_address_is_private(const souk_address *address)
{
    return address->len == 4 ? is_private_v4(address->bytes) : is_private_v6(address->bytes);
}
