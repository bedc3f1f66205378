/*
 * The gate: does a value fit the input or output schema of a capability? Schemas are compiled once
 * per manifest, when they are first needed, and kept with it.
 */
#ifndef SOUK_GATE_H
#define SOUK_GATE_H

#include "cap/manifest.h"

typedef enum souk_gate_side { SOUK_GATE_INPUT, SOUK_GATE_OUTPUT } souk_gate_side;

/*
 * SOUK_OK when it fits, when there is no schema, or when the schema itself cannot be used
 * (souk_gate_prepare tells); SOUK_E_SCHEMA with "input of 'id': /path: what was expected";
 * SOUK_E_LIMIT.
 */
int souk_gate_check(const souk_alloc *alloc, souk_manifest *manifest, const souk_jval *value,
                    souk_gate_side side, souk_err *err);

/* The same for JSON text, which is only read when there is a schema that could refuse something. */
int souk_gate_check_text(const souk_alloc *alloc, souk_manifest *manifest, souk_slice json,
                         souk_gate_side side, souk_err *err);

/* Compiles both schemas now; what is wrong with them, or cannot be checked, becomes a warning in
 * diags. */
int souk_gate_prepare(const souk_alloc *alloc, souk_manifest *manifest, souk_diags *diags,
                      souk_err *err);

#endif
