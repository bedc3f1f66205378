/* The way back from a JSON Schema to a type form, where there is one. */
#ifndef SOUK_SCHEMA_FORM_H
#define SOUK_SCHEMA_FORM_H

#include "base/buf.h"

/*
 * Appends the type form that is read as exactly this schema, byte for byte; *found is false, and
 * nothing is appended, when no form says what the schema says. `schema` is compact JSON text.
 * SOUK_E_LIMIT.
 */
int souk_schema_to_form(const souk_alloc *alloc, souk_slice schema, souk_buf *out, bool *found,
                        souk_err *err);

#endif
