/*
 * IP addresses: what a literal in a URL means, and whether an address belongs to the public
 * Internet. Nothing is looked up here.
 */
#ifndef SOUK_ADDRESS_H
#define SOUK_ADDRESS_H

#include "base/slice.h"

typedef struct souk_address {
    unsigned char bytes[16];
    size_t len; /* 4 or 16 */
} souk_address;

enum { SOUK_ADDRESS_TEXT = 16 /* room for "255.255.255.255" and its NUL */ };

/*
 * Reads a host that is an address: IPv6 with or without brackets and zone (RFC 4291 section 2.2,
 * RFC 6874), IPv4 with dots, and its older forms, which URL parsers take as well: fewer parts, hex,
 * octal ("127.1", "0x7f000001", "2130706433", "0177.0.0.1"). False for everything else: a name.
 */
bool souk_address_read(souk_slice host, souk_address *out);

bool souk_address_eq(const souk_address *a, const souk_address *b);

/* An IPv4 address with dots, NUL-terminated. */
void souk_address_write_v4(const souk_address *address, char out[SOUK_ADDRESS_TEXT]);

/*
 * True unless a host of the public Internet may have the address: for loopback, private, shared
 * (100.64/10), link-local, unique-local, unspecified, multicast, broadcast, documentation,
 * benchmarking and reserved ones (the IANA special-purpose registries, RFC 6890), and for IPv6
 * addresses that lead to such an IPv4 address (mapped, NAT64, 6to4, ISATAP) or whose way cannot be
 * told (Teredo, IPv4-compatible, local NAT64).
 */
bool souk_address_is_private(const souk_address *address);

#endif
