/*
 * Manifests as capability files. What is written is read back as an equal manifest, and that one is
 * written as the same text.
 *
 * Values that may be secrets are left out, with a comment in their place: members of maps whose
 * name is, or ends in an underscore and, "token", "secret" or "password".
 */
#ifndef SOUK_CAP_WRITE_H
#define SOUK_CAP_WRITE_H

#include "cap/manifest.h"

/*
 * Appends one (capability ...) and a line feed. Types that came from a file are written as they
 * stood there (unless with commas or rare escapes, which other readers do not take); a schema for
 * which there is no type form as :input-schema-json (or output), a string with its JSON text.
 * SOUK_E_LIMIT: memory, or the buffer's maximum.
 */
int souk_manifest_write(const souk_manifest *manifest, souk_buf *out, souk_err *err);

/* Appends a string literal. */
void souk_write_string(souk_buf *out, souk_slice text);

#endif
