/*
 * Where connections may go. Input: a rule, a NUL, and a host. Addresses are read as the system
 * reads them, a rule lets through what it names, and deny_private lets no address through that is
 * private.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/reach.h"
#include "script.h"

enum { LONGEST = 400 };

/* What the system takes, souk takes, with the same meaning. */
static void compare_with_system(souk_slice text)
{
    char copy[LONGEST + 1];
    unsigned char bytes[16];
    struct in_addr v4;
    souk_address address;
    bool is_address = souk_address_read(text, &address);
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL) {
        return;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET6, copy, bytes) == 1) {
        must(is_address && address.len == 16 && memcmp(address.bytes, bytes, 16) == 0);
    }
    bool has_blank = strpbrk(copy, " \t\n\v\f\r") != NULL; /* inet_aton stops there */
    if (!has_blank && inet_aton(copy, &v4) == 1) {
        must(is_address && address.len == 4 && memcmp(address.bytes, &v4, 4) == 0);
    }
}

static void check_dotted(const souk_address *address)
{
    char dotted[SOUK_ADDRESS_TEXT];
    souk_address again;
    souk_address_write_v4(address, dotted);
    must(souk_address_read(souk_slice_of(dotted), &again) && souk_address_eq(address, &again));
}

static void check_rule(souk_slice rule, souk_slice host)
{
    souk_reach reach;
    souk_err err;
    souk_reach_init(&reach, souk_alloc_libc());
    int kind = souk_reach_allow(&reach, rule, &err);
    must(kind == SOUK_OK || (kind == SOUK_E_CONFIG && err.message[0] != '\0'));
    if (kind == SOUK_OK) {
        souk_address address;
        must(souk_reach_check_host(&reach, rule, &err) == SOUK_OK ||
             souk_slice_find(rule, '*') < rule.len || souk_slice_find(rule, '?') < rule.len);
        kind = souk_reach_check_host(&reach, host, &err);
        must(kind == SOUK_OK || (kind == SOUK_E_POLICY && err.delivery == SOUK_DELIVERY_NOT_SENT));
        reach.deny_private = true;
        if (souk_address_read(host, &address) && souk_address_is_private(&address)) {
            must(souk_reach_check_host(&reach, host, &err) == SOUK_E_POLICY);
        }
    }
    (void)souk_reach_check_url(&reach, host, &err);
    souk_reach_free(&reach);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_slice all = souk_slice_make((const char *)data, size);
    souk_address address;
    if (size > LONGEST) {
        return 0;
    }
    size_t mark = souk_slice_find(all, '\0');
    souk_slice host = souk_slice_from(all, mark + 1);
    compare_with_system(host);
    if (souk_address_read(host, &address) && address.len == 4) {
        check_dotted(&address);
    }
    check_rule(souk_slice_make(all.ptr, mark), host);
    return 0;
}
