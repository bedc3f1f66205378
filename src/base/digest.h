/*
 * SHA-256 (FIPS 180-4) of a text that is there as a whole. For names that go out of this process
 * and that nobody must be able to turn back; inside of one, souk_hash is quicker.
 */
#ifndef SOUK_DIGEST_H
#define SOUK_DIGEST_H

#include <stdint.h>

#include "base/slice.h"

enum { SOUK_DIGEST_SIZE = 32 };

void souk_digest(souk_slice text, uint8_t digest[SOUK_DIGEST_SIZE]);

#endif
