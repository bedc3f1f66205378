/* Dates in HTTP headers (RFC 9110 section 5.6.7). */
#ifndef SOUK_MCP_HTTP_DATE_H
#define SOUK_MCP_HTTP_DATE_H

#include <stdint.h>

#include "base/slice.h"

/*
 * Reads any of the three forms into seconds since 1970-01-01 UTC. `now` (same unit) settles the
 * century of the form that has a year of two digits. False when the text is no valid date.
 */
bool souk_http_date_read(souk_slice text, int64_t now, int64_t *seconds);

#endif
