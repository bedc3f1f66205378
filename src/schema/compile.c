#include "schema/compile.h"

#include <string.h>

#include "schema/message.h"
#include "json/read.h"

enum {
    DEFAULT_TEXT = 4 * 1024 * 1024,
    DEFAULT_NESTING = 128,
    DEFAULT_SUBSCHEMAS = 20000,
    DEFAULT_INSTRUCTIONS = 100000,
    DEFAULT_STEPS = 10 * 1000 * 1000,
    DEFAULT_DEPTH = 512,
    MAX_DEPTH = 4096,
    MAX_WARNINGS = 100, /* the first ones; who has so many does not read on */
    SHOWN = 80          /* bytes of a text from the schema in a message */
};

souk_node *souk_node_at(const souk_compiler *c, const souk_jval *value)
{
    return c->by_value[value - c->schema->doc.root];
}

int souk_compile_steps(souk_compiler *c, size_t steps)
{
    if (steps > c->steps_left) {
        return souk_fail(c->err, SOUK_E_LIMIT, "the schema takes more than %zu steps to compile",
                         c->schema->options.compile_steps);
    }
    c->steps_left -= steps;
    return SOUK_OK;
}

/* --- messages --- */

static void begin_message(const souk_compiler *c, souk_message *message, const souk_jval *place)
{
    souk_message_init(message);
    souk_message_add_pointer(message, c->schema->doc.root, place);
    if (message->len > 0) {
        souk_message_add(message, ": ");
    }
}

static void add_quoted(souk_message *message, souk_slice text)
{
    souk_message_add(message, "\"");
    souk_message_add_bytes(message, text, SHOWN);
    souk_message_add(message, "\" ");
}

int souk_compile_fail(souk_compiler *c, const souk_jval *place, const char *what)
{
    souk_message message;
    begin_message(c, &message, place);
    souk_message_add(&message, what);
    return souk_message_fail(&message, SOUK_E_SCHEMA, c->err);
}

int souk_compile_fail_about(souk_compiler *c, const souk_jval *place, const char *what)
{
    souk_message message;
    begin_message(c, &message, place);
    add_quoted(&message, souk_json_string(place));
    souk_message_add(&message, what);
    return souk_message_fail(&message, SOUK_E_SCHEMA, c->err);
}

int souk_compile_warn(souk_compiler *c, const souk_jval *place, souk_slice about, const char *what)
{
    struct souk_schema *schema = c->schema;
    if (schema->warning_count == MAX_WARNINGS) {
        return SOUK_OK;
    }
    if (schema->warnings == NULL) {
        schema->warnings = souk_arena_array(&schema->arena, MAX_WARNINGS, sizeof *schema->warnings);
    }
    souk_message message;
    begin_message(c, &message, place);
    add_quoted(&message, about);
    souk_message_add(&message, what);
    souk_slice text = souk_slice_make(message.text, message.len);
    if (schema->warnings == NULL ||
        !souk_arena_copy(&schema->arena, text, &schema->warnings[schema->warning_count])) {
        return souk_fail_memory(c->err);
    }
    schema->warning_count++;
    return SOUK_OK;
}

size_t souk_schema_warnings(const souk_schema *schema, const souk_slice **out)
{
    if (out != NULL) {
        *out = schema->warnings;
    }
    return schema->warning_count;
}

/* --- compiling --- */

static size_t or_default(size_t given, size_t standard)
{
    return given != 0 ? given : standard;
}

static souk_schema_options complete(const souk_schema_options *given)
{
    souk_schema_options o;
    memset(&o, 0, sizeof o);
    if (given != NULL) {
        o = *given;
    }
    o.dialect = o.dialect == SOUK_SCHEMA_DEFAULT ? SOUK_SCHEMA_2020_12 : o.dialect;
    o.text = or_default(o.text, DEFAULT_TEXT);
    o.nesting = (unsigned)or_default(o.nesting, DEFAULT_NESTING);
    o.nesting = o.nesting > SOUK_JSON_MAX_DEPTH ? SOUK_JSON_MAX_DEPTH : o.nesting;
    o.subschemas = or_default(o.subschemas, DEFAULT_SUBSCHEMAS);
    o.instructions = or_default(o.instructions, DEFAULT_INSTRUCTIONS);
    o.compile_steps = or_default(o.compile_steps, DEFAULT_STEPS);
    o.steps = or_default(o.steps, DEFAULT_STEPS);
    o.depth = (unsigned)or_default(o.depth, DEFAULT_DEPTH);
    o.depth = o.depth > MAX_DEPTH ? MAX_DEPTH : o.depth;
    return o;
}

/* Copies the text and reads it. Duplicate keys are refused: which of two keywords counts would be
 * anybody's guess. */
static int read_document(struct souk_schema *schema, souk_slice json, souk_err *err)
{
    souk_json_limits limits = {schema->options.nesting, schema->options.text,
                               SOUK_JSON_NO_DUPLICATES};
    souk_buf text;
    souk_buf_init(&text, schema->alloc, schema->options.text);
    (void)souk_buf_add(&text, json);
    int result = souk_buf_check(&text, "the schema", err);
    if (result == SOUK_OK) {
        result = souk_json_read_take(&schema->doc, &text, &limits, err);
    }
    souk_buf_free(&text);
    if (result == SOUK_E_PROTOCOL) {
        result = SOUK_E_SCHEMA; /* what is wrong with the text is wrong with the schema; the
                                   position stays */
        if (err != NULL) {
            err->kind = result;
        }
    }
    return result;
}

static int compile_nodes(souk_compiler *c)
{
    int result = souk_declare(c, c->schema->doc.root, NULL);
    for (souk_node *node = c->schema->root; node != NULL && result == SOUK_OK; node = node->next) {
        result = souk_build_node(c, node);
    }
    return result == SOUK_OK ? souk_check_circles(c) : result;
}

static int compile_document(struct souk_schema *schema, souk_err *err)
{
    souk_compiler c;
    memset(&c, 0, sizeof c);
    c.schema = schema;
    c.err = err;
    c.nodes_left = schema->options.subschemas;
    c.steps_left = schema->options.compile_steps;
    c.instructions_left = schema->options.instructions;
    souk_arena_init(&c.scratch, schema->alloc);
    souk_map_init(&c.places, schema->alloc, schema->seed);
    size_t values = (size_t)(souk_json_after(schema->doc.root) - schema->doc.root);
    c.by_value = souk_arena_array(&c.scratch, values, sizeof(souk_node *));
    int result = c.by_value == NULL ? souk_fail_memory(err) : compile_nodes(&c);
    souk_map_free(&c.places);
    souk_arena_free(&c.scratch);
    return result;
}

int souk_schema_compile_with(const souk_alloc *alloc, souk_slice json,
                             const souk_schema_options *options, souk_schema **out, souk_err *err)
{
    *out = NULL;
    struct souk_schema *schema = souk_new(alloc, sizeof *schema);
    if (schema == NULL) {
        return souk_fail_memory(err);
    }
    /* Where the schema lies in memory is the only thing here that an outsider cannot know. */
    uintptr_t address = (uintptr_t)schema;
    schema->seed = souk_hash(souk_slice_make((const char *)&address, sizeof address), 0);
    schema->alloc = alloc;
    schema->options = complete(options);
    souk_arena_init(&schema->arena, alloc);
    souk_json_doc_init(&schema->doc, alloc);
    int result = read_document(schema, json, err);
    if (result == SOUK_OK) {
        result = compile_document(schema, err);
    }
    if (result != SOUK_OK) {
        souk_schema_free(schema);
        return result;
    }
    *out = schema;
    return SOUK_OK;
}

int souk_schema_compile(const souk_alloc *alloc, souk_slice json, souk_schema **out, souk_err *err)
{
    return souk_schema_compile_with(alloc, json, NULL, out, err);
}

void souk_schema_free(souk_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    const souk_alloc *alloc = schema->alloc;
    souk_json_doc_free(&schema->doc);
    souk_arena_free(&schema->arena);
    souk_free(alloc, schema);
}
