#include "market/gate.h"

#include "schema/schema.h"
#include "json/read.h"

/* One side of a capability: its schema, compiled when it was first needed. */
typedef struct compiled_side {
    bool tried;
    souk_schema *schema; /* NULL: there is none, or none that can be used */
} compiled_side;

/* What the gate keeps with a manifest. */
typedef struct gate {
    compiled_side sides[2];
} gate;

static void gate_free(const souk_alloc *alloc, void *attachment)
{
    gate *mine = attachment;
    souk_schema_free(mine->sides[SOUK_GATE_INPUT].schema);
    souk_schema_free(mine->sides[SOUK_GATE_OUTPUT].schema);
    souk_free(alloc, mine);
}

static gate *gate_of(souk_manifest *manifest)
{
    if (manifest->attachment == NULL) {
        manifest->attachment = souk_new(manifest->alloc, sizeof(gate));
        manifest->free_attachment = gate_free;
    }
    return manifest->attachment;
}

static souk_slice schema_text(const souk_manifest *manifest, souk_gate_side which)
{
    return which == SOUK_GATE_INPUT ? manifest->input_schema : manifest->output_schema;
}

static const char *side_name(souk_gate_side which)
{
    return which == SOUK_GATE_INPUT ? "input" : "output";
}

/* Schemas that allow everything are common: "any" of capability files. */
static bool allows_all(souk_slice schema)
{
    return schema.len == 0 || souk_slice_is(schema, "{}") || souk_slice_is(schema, "true");
}

/*
 * Compiles the side's schema once. SOUK_E_SCHEMA, and a reason, the first time that it turns out to
 * be unusable: wrong, or past the bounds of the schema room. SOUK_E_LIMIT only for memory.
 */
static int compile(const souk_alloc *alloc, souk_manifest *manifest, souk_gate_side which,
                   const souk_schema **schema, souk_err *err)
{
    *schema = NULL;
    if (allows_all(schema_text(manifest, which))) {
        return SOUK_OK;
    }
    gate *mine = gate_of(manifest);
    if (mine == NULL) {
        return souk_fail_memory(err);
    }
    compiled_side *one = &mine->sides[which];
    int failed = SOUK_OK;
    if (!one->tried) {
        failed = souk_schema_compile(alloc, schema_text(manifest, which), &one->schema, err);
        if (failed != SOUK_OK && !err->out_of_memory) {
            failed = SOUK_E_SCHEMA;
        }
        one->tried = failed == SOUK_OK || failed == SOUK_E_SCHEMA;
    }
    *schema = one->schema;
    return failed;
}

int souk_gate_check(const souk_alloc *alloc, souk_manifest *manifest, const souk_jval *value,
                    souk_gate_side side, souk_err *err)
{
    const souk_schema *schema;
    souk_err why;
    int failed = compile(alloc, manifest, side, &schema, &why);
    if (failed == SOUK_E_SCHEMA || (failed == SOUK_OK && schema == NULL)) {
        return SOUK_OK; /* a schema that nobody can read forbids nothing */
    }
    if (failed == SOUK_OK) {
        failed = souk_schema_validate(schema, value, &why);
    }
    if (failed != SOUK_OK && err != NULL) {
        *err = why;
        souk_err_prefix(err, "%s of '%.*s'", side_name(side), SOUK_ARG(manifest->id));
    }
    return failed;
}

int souk_gate_check_text(const souk_alloc *alloc, souk_manifest *manifest, souk_slice json,
                         souk_gate_side side, souk_err *err)
{
    souk_json_doc doc;
    souk_json_limits limits = {1000, 0, SOUK_JSON_LAST_WINS};
    if (allows_all(schema_text(manifest, side))) {
        return SOUK_OK;
    }
    limits.text = json.len + 1;
    souk_json_doc_init(&doc, alloc);
    int failed = souk_json_read(&doc, json, &limits, err);
    if (failed == SOUK_OK) {
        failed = souk_gate_check(alloc, manifest, doc.root, side, err);
    }
    souk_json_doc_free(&doc);
    return failed;
}

int souk_gate_prepare(const souk_alloc *alloc, souk_manifest *manifest, souk_diags *diags,
                      souk_err *err)
{
    for (int which = SOUK_GATE_INPUT; which <= SOUK_GATE_OUTPUT; which++) {
        const souk_schema *schema;
        souk_err why;
        int failed = compile(alloc, manifest, (souk_gate_side)which, &schema, &why);
        if (failed == SOUK_E_SCHEMA) {
            souk_diags_add(diags, SOUK_WARNING,
                           "the %s schema cannot be used and is not checked: %s",
                           side_name((souk_gate_side)which), why.message);
        } else if (failed != SOUK_OK) {
            return souk_fail_memory(err);
        }
        const souk_slice *warnings = NULL;
        size_t count = schema == NULL ? 0 : souk_schema_warnings(schema, &warnings);
        for (size_t i = 0; i < count; i++) {
            souk_diags_add(diags, SOUK_WARNING, "%s schema: %.*s", side_name((souk_gate_side)which),
                           SOUK_ARG(warnings[i]));
        }
    }
    return SOUK_OK;
}
