/*
 * URI references: RFC 3986 section 5, as much of it as the identifiers of JSON Schema need. Nothing
 * is fetched; URIs only name schemas inside one document.
 */
#ifndef SOUK_URI_H
#define SOUK_URI_H

#include "base/arena.h"

/* Splits at the first '#': *fragment is what follows it (without it), empty when there is none. */
void souk_uri_split(souk_slice uri, souk_slice *without_fragment, souk_slice *fragment);

/*
 * The URI that `reference` (without a fragment) means where `base` is the base URI (RFC 3986
 * section 5.2). The base may be empty or relative, for documents that never say who they are; the
 * result is then relative as well. *out lives in the arena, or is one of the arguments. False when
 * out of memory.
 */
bool souk_uri_resolve(souk_arena *arena, souk_slice base, souk_slice reference, souk_slice *out);

/*
 * Undoes percent-encoding (RFC 3986 section 2.1); a '%' that two hexadecimal digits do not follow
 * stays as it is. *out lives in the arena, or is `text`. False when out of memory.
 */
bool souk_uri_decode(souk_arena *arena, souk_slice text, souk_slice *out);

#endif
