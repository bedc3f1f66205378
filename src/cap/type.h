/*
 * Type forms of capability files become JSON Schema (2020-12).
 *
 *   :int :float :string :bool :nil :any :never    integer, number, string, boolean, null, {}, false
 *   :keyword :symbol                              string
 *   T? and [:optional T]                          anyOf T, null; as a map entry it is not required
 * either
 *   [:vector T] [:tuple T+] [:array T [d|? ...]]  array; with prefixItems; nested, of fixed sizes
 *   [:map entry*] [:record entry*] {:k T ...}     object; entries are [:k T], [:k T ?], {:k T ...},
 * [:* T]
 *   [:map-of K V] [:dict K V]                     object with additionalProperties V
 *   [:union T+] [:enum lit+] [:val lit]           anyOf, enum, const
 *   [:and T pred+]                                T with the predicates' keywords
 *   [:fn ...] [:=> ...] [:resource s]             {}, with a note
 *
 * Names may be symbols, and begin with a capital. Objects allow more members than they name. In a
 * brace map an entry is also optional when a comment behind it on its line begins with "optional":
 * that is how generators of the first files said so. A brace map whose "type" is a string is a JSON
 * Schema already.
 */
#ifndef SOUK_TYPE_H
#define SOUK_TYPE_H

#include "cap/value.h"

/*
 * The schema as compact JSON text in the scratch arena of `reading`. What is no type is a warning
 * at its place and means {}. SOUK_E_FILE when the form is beyond that (nested too deep, odd maps):
 * reported as an error.
 */
int souk_type_to_schema(souk_reading *reading, const souk_form *form, souk_slice *out);

#endif
