/* Single bytes of ASCII, whatever the locale. */
#ifndef SOUK_ASCII_H
#define SOUK_ASCII_H

static inline char souk_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* 0 to 15, or -1 for what is no hexadecimal digit. */
static inline int souk_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = souk_ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
