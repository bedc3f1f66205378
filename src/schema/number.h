/*
 * JSON numbers as JSON Schema compares them: by their mathematical value, never rounded on the way.
 * An integer past 2^53 differs from its neighbours, and 0.3 is a multiple of 0.1.
 */
#ifndef SOUK_NUMBER_H
#define SOUK_NUMBER_H

#include "json/doc.h"

typedef struct souk_number {
    souk_json_type type; /* SOUK_JSON_INT, SOUK_JSON_BIGINT or SOUK_JSON_DOUBLE */
    int64_t integer;     /* of an INT */
    double number;       /* of a DOUBLE; of a BIGINT the nearest double, or infinity */
    souk_slice digits;   /* of a BIGINT: its literal; else empty */
} souk_number;

/* The number that `value` (of a numeric type) is. It borrows from the value's document. */
souk_number souk_number_of(const souk_jval *value);

/* True when it has no fraction: 1.0 and 1e300 are integers (draft 2020-12 core, section 4.2.3). */
bool souk_number_is_integer(const souk_number *number);

/* <0, 0, >0: a is less than, equal to, greater than b. */
int souk_number_compare(const souk_number *a, const souk_number *b);

/*
 * True when value divided by divisor is an integer. Doubles count as the shortest decimal number
 * that stands for them, because that is what people write: 19.99 is a multiple of 0.01. A BIGINT
 * whose digits are not known passes. The divisor is greater than 0 and no BIGINT.
 */
bool souk_number_is_multiple(const souk_number *value, const souk_number *divisor);

/* A hash under which equal numbers are equal. */
uint64_t souk_number_hash(const souk_number *number, uint64_t seed);

#endif
