/*
 * From forms to manifests: the properties of one capability, in each shape in which files have
 * them.
 */
#ifndef SOUK_CAPABILITY_H
#define SOUK_CAPABILITY_H

#include "cap/manifest.h"
#include "cap/value.h"

/*
 * Both make one manifest. SOUK_E_FILE: it does not load, and the diagnostics of `reading` say why;
 * SOUK_E_LIMIT: out of memory. The scratch arena of `reading` is used and not freed.
 */

/* (capability "id" :name "..." ...). The id may be a keyword. */
int souk_capability_from_list(souk_reading *reading, const souk_form *list, souk_manifest **out);

/*
 * An element of a module's :capabilities: {:capability {"id" "..." "name" "..."} :input-schema
 * ...}, or the inner map alone. Keys are keywords or strings.
 */
int souk_capability_from_entry(souk_reading *reading, const souk_form *map, souk_manifest **out);

/* True when souk gives a property of that name a meaning; '-' and '_' are the same in it. */
bool souk_is_known_property(souk_slice name);

#endif
