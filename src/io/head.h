/* The head of an HTTP response, gathered line by line as libcurl hands it over. */
#ifndef SOUK_HEAD_H
#define SOUK_HEAD_H

#include "base/wire.h"

struct souk_head_field;

typedef struct souk_head {
    souk_buf text; /* names and values, one after the other */
    struct souk_head_field *fields;
    souk_header *headers; /* filled by souk_head_headers */
    size_t count;
    size_t cap;
    size_t bytes; /* of all lines so far, those of interim responses included */
    size_t max;
    int status;    /* of the last status line; 0 before the first */
    bool complete; /* the blank line of the final response was seen */
} souk_head;

void souk_head_init(souk_head *head, const souk_alloc *alloc);
void souk_head_free(souk_head *head);

/* Empty again, for a response whose header lines may have `max` bytes in all; keeps the memory. */
void souk_head_reset(souk_head *head, size_t max);

/*
 * Takes one line with its line end: a status line, a field, or the blank one. Interim responses
 * (1xx; RFC 9110 section 15.2) are forgotten when the next status line comes; folded lines are
 * joined with a space (RFC 9112 section 5.2); trailers count for the size and are dropped, as are
 * lines that are no field. SOUK_E_LIMIT when there are more bytes than allowed, or no memory;
 * SOUK_E_TRANSPORT when the head ends and had no status line with three digits.
 */
int souk_head_line(souk_head *head, souk_slice line, souk_err *err);

/*
 * The fields of a complete head, in order, names as they were written. Valid until the next change
 * of the head.
 */
const souk_header *souk_head_headers(souk_head *head);

#endif
