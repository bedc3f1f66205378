/*
 * What the steps of compiling a schema share. They are, in this order: declare (find all
 * subschemas, their identifiers and anchors), build (make rules of keywords, follow references),
 * check for circles.
 */
#ifndef SOUK_COMPILE_H
#define SOUK_COMPILE_H

#include "base/map.h"
#include "schema/program.h"

typedef struct souk_compiler {
    struct souk_schema *schema;
    souk_arena scratch;   /* freed when compiling ends */
    souk_node **by_value; /* for each value of the document the node that it is, or NULL */
    souk_map places;      /* "uri" and "uri#fragment" -> souk_node */
    souk_node *last;      /* the newest node; all are linked from schema->root */
    size_t nodes_left;
    size_t steps_left;
    size_t instructions_left;
    souk_err *err;
} souk_compiler;

/* All return SOUK_OK or an error, with *c->err filled. */

/* Makes nodes of `value` and all subschemas in it; `around` is the resource around it, NULL for the
 * document. */
int souk_declare(souk_compiler *c, const souk_jval *value, souk_resource *around);

/* Makes the rules of a node. May declare further nodes. */
int souk_build_node(souk_compiler *c, souk_node *node);

/* Finds the node that `reference`, the value of `keyword` in `node`, leads to. */
int souk_resolve(souk_compiler *c, const souk_node *node, souk_keyword keyword,
                 const souk_jval *reference, souk_ref_rule *out);

/* Refuses schemas that apply themselves to the same value for ever. */
int souk_check_circles(souk_compiler *c);

/* The node that was declared for a value, or NULL. */
souk_node *souk_node_at(const souk_compiler *c, const souk_jval *value);

/* Takes steps from the bound. */
int souk_compile_steps(souk_compiler *c, size_t steps);

/* The key of c->places for a URI and a fragment (which may be empty). False when out of memory. */
bool souk_place_name(souk_compiler *c, souk_slice uri, souk_slice fragment, souk_slice *out);

/* SOUK_E_SCHEMA, "<pointer to place>: <what>". */
int souk_compile_fail(souk_compiler *c, const souk_jval *place, const char *what);

/* SOUK_E_SCHEMA, "<pointer to place>: "<the string that place is>" <what>". */
int souk_compile_fail_about(souk_compiler *c, const souk_jval *place, const char *what);

/* Keeps the warning "<pointer to place>: "<about>" <what>". */
int souk_compile_warn(souk_compiler *c, const souk_jval *place, souk_slice about, const char *what);

#endif
