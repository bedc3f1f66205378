/*
 * What must be known about a URL before anybody follows it: that it is one of ours, which host it
 * leads to, and how to speak of it without repeating what may be secret.
 */
#ifndef SOUK_URL_H
#define SOUK_URL_H

#include "base/err.h"
#include "base/slice.h"

typedef struct souk_url {
    bool tls;
    souk_slice host; /* an IPv6 address keeps its brackets */
    unsigned port;   /* of the URL, else that of the scheme */
    souk_slice open; /* scheme, host, port and path: all that an error message may show */
} souk_url;

/*
 * Takes apart an absolute http or https URL (RFC 3986, section 3). SOUK_E_CONFIG, with a message
 * that shows nothing of a user, password or query, when it is something else: another scheme, no
 * host, a user, a wrong port, or a byte that has to be percent-encoded. *out borrows from `text`.
 */
int souk_url_read(souk_slice text, souk_url *out, souk_err *err);

/* The same scheme, host and port (RFC 6454): what belongs to one may be told to the other. */
bool souk_url_same_origin(const souk_url *a, const souk_url *b);

#endif
