/*
 * Where a runtime may connect to, and what it may start: for programs that load configuration of
 * others. Without rules everything is allowed.
 */
#ifndef SOUK_REACH_H
#define SOUK_REACH_H

#include "base/address.h"
#include "base/arena.h"
#include "base/err.h"

typedef struct souk_reach {
    bool deny_private;  /* no address that souk_address_is_private */
    bool deny_commands; /* no child processes */
    bool only_hosts;    /* only hosts that one of `hosts` names */
    souk_slice *hosts;  /* globs, in lower case, or addresses; in `texts` */
    size_t count;
    size_t cap;
    souk_arena texts;
} souk_reach;

void souk_reach_init(souk_reach *reach, const souk_alloc *alloc);
void souk_reach_free(souk_reach *reach);

/*
 * From now on only hosts are allowed that this rule, or one before it, names: a glob
 * ("*.example.com", where the star is any run of characters, dots included; no case, no dot at the
 * end, international names in their ASCII form) or an address. SOUK_E_CONFIG for what names no
 * host: a URL, a port, a path.
 */
int souk_reach_allow(souk_reach *reach, souk_slice rule, souk_err *err);

/* The functions below take a reach that is NULL: everything is allowed. */

/* Whether it has any rule about hosts. */
bool souk_reach_limits_hosts(const souk_reach *reach);

/*
 * SOUK_OK, or SOUK_E_POLICY with the host and the option in the message, and delivery NOT_SENT.
 * host: of a URL, an IPv6 address with its brackets. Names are not looked up: what they lead to is
 * judged when they are connected to (souk_address_is_private), but "localhost" is known.
 */
int souk_reach_check_host(const souk_reach *reach, souk_slice host, souk_err *err);

/* The same for a URL; SOUK_E_POLICY also when it cannot be told where it leads to. */
int souk_reach_check_url(const souk_reach *reach, souk_slice url, souk_err *err);

/* SOUK_E_POLICY, NOT_SENT, when commands are denied. */
int souk_reach_check_command(const souk_reach *reach, souk_err *err);

#endif
