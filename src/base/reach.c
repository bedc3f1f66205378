#include "base/reach.h"

#include <string.h>

#include "base/ascii.h"
#include "base/glob.h"
#include "base/url.h"

enum {
    HOST_MAX = 255,  /* bytes of a name: RFC 1035 section 2.3.4 */
    SHOWN_HOST = 100 /* bytes of a host in a message */
};

static const souk_slice no_host = SOUK_LIT_INIT("/?#@\\ ");

void souk_reach_init(souk_reach *reach, const souk_alloc *alloc)
{
    memset(reach, 0, sizeof *reach);
    souk_arena_init(&reach->texts, alloc);
}

void souk_reach_free(souk_reach *reach)
{
    const souk_alloc *alloc = reach->texts.alloc;
    souk_free(alloc, reach->hosts);
    souk_arena_free(&reach->texts);
    souk_reach_init(reach, alloc);
}

/* A host as it is compared: in lower case, and without the dot of the root. */
static souk_slice normalise(souk_slice host, char out[HOST_MAX])
{
    if (host.len > 1 && host.ptr[host.len - 1] == '.') {
        host.len--;
    }
    for (size_t i = 0; i < host.len; i++) {
        out[i] = souk_ascii_lower(host.ptr[i]);
    }
    return souk_slice_make(out, host.len);
}

/* --- rules --- */

static bool may_be_rule(souk_slice rule)
{
    souk_address ignored;
    for (size_t i = 0; i < rule.len; i++) {
        unsigned char c = (unsigned char)rule.ptr[i];
        if (c < ' ' || c >= 0x7F || souk_slice_find(no_host, rule.ptr[i]) < no_host.len) {
            return false;
        }
    }
    bool has_colon = souk_slice_find(rule, ':') < rule.len;
    return rule.len > 0 && rule.len <= HOST_MAX &&
           (!has_colon || souk_address_read(rule, &ignored));
}

static bool make_room(souk_reach *reach)
{
    if (reach->count < reach->cap) {
        return true;
    }
    size_t cap = reach->cap == 0 ? 8 : reach->cap * 2;
    souk_slice *hosts = souk_resize_array(reach->texts.alloc, reach->hosts, cap, sizeof *hosts);
    if (hosts != NULL) {
        reach->hosts = hosts;
        reach->cap = cap;
    }
    return hosts != NULL;
}

int souk_reach_allow(souk_reach *reach, souk_slice rule, souk_err *err)
{
    char lower[HOST_MAX];
    if (!may_be_rule(rule)) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "'%.*s' names no host: expected a name such as 'api.example.com', a glob "
                         "such as '*.example.com', or an address, without scheme, port and path "
                         "(an international name as xn--...)",
                         rule.len < SHOWN_HOST ? (int)rule.len : SHOWN_HOST,
                         rule.len == 0 ? "" : rule.ptr);
    }
    if (!make_room(reach) ||
        !souk_arena_copy(&reach->texts, normalise(rule, lower), &reach->hosts[reach->count])) {
        return souk_fail_memory(err);
    }
    reach->count++;
    reach->only_hosts = true;
    return SOUK_OK;
}

/* --- judging --- */

static bool rule_fits(souk_slice rule, souk_slice host, const souk_address *address)
{
    souk_address named;
    if (address->len > 0 && souk_address_read(rule, &named)) {
        return souk_address_eq(&named, address);
    }
    if (address->len == 16) {
        return souk_slice_is(rule, "*"); /* its text has many forms */
    }
    return souk_glob(rule, host);
}

static bool is_named(const souk_reach *reach, souk_slice host, const souk_address *address)
{
    char dotted[SOUK_ADDRESS_TEXT];
    if (address->len == 4) {
        souk_address_write_v4(address, dotted);
        host = souk_slice_of(dotted);
    }
    for (size_t i = 0; i < reach->count; i++) {
        if (rule_fits(reach->hosts[i], host, address)) {
            return true;
        }
    }
    return false;
}

/* RFC 6761 section 6.3: it and what is under it is loopback, whatever a resolver says. */
static bool is_localhost(souk_slice host)
{
    return souk_slice_is(host, "localhost") || souk_slice_ends(host, SOUK_LIT(".localhost"));
}

static int refuse(souk_err *err, souk_slice host, const char *why)
{
    int kind = souk_fail(err, SOUK_E_POLICY, "'%.*s' %s",
                         host.len < SHOWN_HOST ? (int)host.len : SHOWN_HOST,
                         host.len == 0 ? "" : host.ptr, why);
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return kind;
}

bool souk_reach_limits_hosts(const souk_reach *reach)
{
    return reach != NULL && (reach->deny_private || reach->only_hosts);
}

int souk_reach_check_host(const souk_reach *reach, souk_slice host, souk_err *err)
{
    char lower[HOST_MAX];
    souk_address address;
    if (!souk_reach_limits_hosts(reach)) {
        return SOUK_OK;
    }
    if (host.len == 0 || host.len > HOST_MAX) {
        return refuse(err, host, "is no host (options deny_private and allow_hosts)");
    }
    souk_slice name = normalise(host, lower);
    if (!souk_address_read(name, &address)) {
        address.len = 0;
    }
    bool is_private = address.len > 0 ? souk_address_is_private(&address) : is_localhost(name);
    if (reach->deny_private && is_private) {
        return refuse(err, host, "is not on the public Internet (option deny_private)");
    }
    if (reach->only_hosts && !is_named(reach, name, &address)) {
        return refuse(err, host, "is no host that option allow_hosts names");
    }
    return SOUK_OK;
}

int souk_reach_check_url(const souk_reach *reach, souk_slice url, souk_err *err)
{
    souk_url parts;
    if (!souk_reach_limits_hosts(reach)) {
        return SOUK_OK;
    }
    if (souk_url_read(url, &parts, NULL) != SOUK_OK) {
        return refuse(err, SOUK_LIT("a URL"),
                      "does not say clearly which host it leads to (options deny_private and "
                      "allow_hosts)");
    }
    return souk_reach_check_host(reach, parts.host, err);
}

int souk_reach_check_command(const souk_reach *reach, souk_err *err)
{
    if (reach == NULL || !reach->deny_commands) {
        return SOUK_OK;
    }
    int kind = souk_fail(err, SOUK_E_POLICY,
                         "servers that are commands are not allowed (option deny_commands)");
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return kind;
}
