#include "cap/manifest.h"

#include <string.h>

#include "base/ascii.h"
#include "cap/detect.h"
#include "cap/value.h"
#include "json/read.h"

/* All texts of a manifest, to be copied; and what an empty one becomes. */
static const struct {
    size_t offset;
    const char *otherwise;
} texts[] = {
    {offsetof(souk_manifest, id), ""},
    {offsetof(souk_manifest, name), ""},
    {offsetof(souk_manifest, version), "1.0.0"},
    {offsetof(souk_manifest, description), ""},
    {offsetof(souk_manifest, provider), ""},
    {offsetof(souk_manifest, provider_kind), ""},
    {offsetof(souk_manifest, permissions), "[]"},
    {offsetof(souk_manifest, effects), "[]"},
    {offsetof(souk_manifest, domains), "[]"},
    {offsetof(souk_manifest, categories), "[]"},
    {offsetof(souk_manifest, language), ""},
    {offsetof(souk_manifest, annotations), "{}"},
    {offsetof(souk_manifest, metadata), "{}"},
    {offsetof(souk_manifest, extra), "{}"},
    {offsetof(souk_manifest, input_schema), ""},
    {offsetof(souk_manifest, output_schema), ""},
    {offsetof(souk_manifest, input_form), ""},
    {offsetof(souk_manifest, output_form), ""},
    {offsetof(souk_manifest, implementation), ""},
    {offsetof(souk_manifest, server), ""},
    {offsetof(souk_manifest, file), ""},
};

enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

static souk_slice *text_of(souk_manifest *manifest, size_t number)
{
    return (souk_slice *)(void *)((char *)manifest + texts[number].offset);
}

/* --- copying: all into one piece of memory, measured beforehand ------------------------------- */

static bool measure(souk_manifest *m, size_t *total)
{
    size_t sum = m->flat.count * (2 * sizeof(souk_slice) + sizeof(uint32_t));
    bool fits = true;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        fits = fits && souk_size_add(sum, text_of(m, i)->len + 1, &sum);
    }
    for (size_t i = 0; i < m->flat.count; i++) {
        fits = fits && souk_size_add(sum, m->flat.keys[i].len + 1, &sum) &&
               souk_size_add(sum, m->flat.values[i].len + 1, &sum);
    }
    *total = sum;
    return fits;
}

/* Copies the text, with a NUL behind it, to where the copies have come. */
static souk_slice put(char **at, souk_slice text)
{
    souk_slice copy = souk_slice_make(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
    }
    (*at)[text.len] = '\0';
    *at += text.len + 1;
    return copy;
}

static int copy_all(souk_manifest *m, souk_err *err)
{
    size_t total;
    char *at = measure(m, &total) ? souk_arena_new(&m->arena, total) : NULL;
    if (at == NULL) {
        return souk_fail_memory(err);
    }
    size_t count = m->flat.count;
    souk_slice *keys = (souk_slice *)(void *)at;
    souk_slice *values = keys + count;
    uint32_t *order = (uint32_t *)(void *)(values + count);
    at = (char *)(order + count);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        *text_of(m, i) = put(&at, *text_of(m, i));
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = put(&at, m->flat.keys[i]);
        values[i] = put(&at, m->flat.values[i]);
        order[i] = m->flat.order[i];
    }
    m->flat.keys = keys;
    m->flat.values = values;
    m->flat.order = order;
    return SOUK_OK;
}

/* --- deriving --------------------------------------------------------------------------------- */

/*
 * Ids are printed, logged and sent: they are short, and nothing in them moves a terminal's cursor.
 */
int souk_check_id(souk_slice id, souk_err *err)
{
    if (id.len == 0) {
        return souk_fail(err, SOUK_E_CONFIG, "the id is empty");
    }
    if (id.len > SOUK_ID_MAX) {
        return souk_fail(err, SOUK_E_CONFIG, "the id is longer than %d bytes", SOUK_ID_MAX);
    }
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];
        if (c < 0x20 || c == 0x7F) {
            return souk_fail(err, SOUK_E_CONFIG, "the id has a control character (0x%02X)",
                             (unsigned)c);
        }
    }
    return SOUK_OK;
}

/* Reads a text of our own making; only a number that no double can hold is an error. */
static int read_part(souk_json_doc *doc, souk_slice text, const char *what, souk_err *err)
{
    souk_json_limits limits = {.text = SOUK_VALUE_BYTES};
    int kind = text.len == 0 ? SOUK_OK : souk_json_read(doc, text, &limits, err);
    if (kind == SOUK_E_PROTOCOL) {
        souk_err_prefix(err, "%s", what);
        err->kind = SOUK_E_CONFIG;
        return SOUK_E_CONFIG;
    }
    return kind;
}

static int derive_provider_kind(souk_manifest *m, const souk_jval *provider, souk_arena *scratch,
                                souk_err *err)
{
    souk_json_type type = souk_json_type_of(provider);
    if (provider == NULL) {
        return SOUK_OK;
    }
    if (type != SOUK_JSON_STRING && type != SOUK_JSON_OBJECT) {
        return souk_fail(err, SOUK_E_CONFIG, "provider: expected a label or an object, got %s",
                         souk_json_type_name(type));
    }
    souk_slice label =
        souk_json_string(type == SOUK_JSON_STRING ? provider : souk_json_get(provider, "type"));
    char *lower = souk_arena_new(scratch, label.len);
    if (lower == NULL) {
        return souk_fail_memory(err);
    }
    for (size_t i = 0; i < label.len; i++) {
        lower[i] = souk_ascii_lower(label.ptr[i]);
    }
    m->provider_kind = souk_slice_make(lower, label.len);
    return SOUK_OK;
}

/* The flat key that a member of an MCP provider's object stands for, or an empty slice. */
static souk_slice provider_fact(souk_slice member)
{
    static const struct {
        const char *member;
        souk_slice key;
    } facts[] = {
        {"server_endpoint", SOUK_LIT_INIT("mcp_server_url")},
        {"tool_name", SOUK_LIT_INIT("mcp_tool_name")},
        {"timeout_seconds", SOUK_LIT_INIT("mcp_timeout_seconds")},
        {"protocol_version", SOUK_LIT_INIT("mcp_protocol_version")},
    };
    souk_flat_path path;
    path.len = 0;
    if (souk_flat_path_add(&path, member)) {
        souk_slice name = souk_slice_make(path.bytes, path.len);
        for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
            if (souk_slice_is(name, facts[i].member)) {
                return facts[i].key;
            }
        }
    }
    return souk_slice_make(NULL, 0);
}

/* What an MCP provider's object says joins the metadata, where that says nothing. */
static int add_provider_facts(souk_flattening *flattening, const souk_json_doc *provider,
                              souk_err *err)
{
    int kind = SOUK_OK;
    souk_json_members it = souk_json_each_member(provider->root);
    while (kind == SOUK_OK && souk_json_next_member(&it)) {
        souk_slice key = provider_fact(it.key);
        souk_slice value = souk_json_string(it.value);
        souk_json_type type = souk_json_type_of(it.value);
        if (type == SOUK_JSON_INT || type == SOUK_JSON_DOUBLE) {
            value = souk_json_raw(provider, it.value);
        }
        if (key.len > 0 && value.ptr != NULL) {
            kind = souk_flatten_add_default(flattening, key, value, err);
        }
    }
    return kind;
}

static int derive_flat(souk_manifest *m, const souk_json_doc *metadata,
                       const souk_json_doc *provider, souk_arena *scratch, souk_diags *diags,
                       souk_err *err)
{
    souk_flattening flattening;
    souk_flatten_begin(&flattening, scratch);
    int kind = souk_flatten_add(&flattening, metadata, metadata->root, err);
    if (kind == SOUK_OK && souk_slice_is(m->provider_kind, "mcp")) {
        kind = add_provider_facts(&flattening, provider, err);
    }
    return kind == SOUK_OK ? souk_flatten_end(&flattening, diags, &m->flat, err) : kind;
}

static int derive_and_copy(souk_manifest *m, souk_diags *diags, souk_err *err)
{
    souk_json_doc provider;
    souk_json_doc metadata;
    souk_arena scratch;
    souk_json_doc_init(&provider, m->alloc);
    souk_json_doc_init(&metadata, m->alloc);
    souk_arena_init(&scratch, m->alloc);

    int kind = read_part(&provider, m->provider, "provider", err);
    if (kind == SOUK_OK) {
        kind = read_part(&metadata, m->metadata, "metadata", err);
    }
    if (kind == SOUK_OK) {
        kind = derive_provider_kind(m, provider.root, &scratch, err);
    }
    if (kind == SOUK_OK) {
        kind = derive_flat(m, &metadata, &provider, &scratch, diags, err);
    }
    if (kind == SOUK_OK) {
        kind = copy_all(m, err);
    }
    souk_arena_free(&scratch);
    souk_json_doc_free(&metadata);
    souk_json_doc_free(&provider);
    return kind;
}

/* --- life ------------------------------------------------------------------------------------- */

static souk_manifest *new_like(const souk_alloc *alloc, const souk_manifest *parts)
{
    souk_manifest *m = souk_new(alloc, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    *m = *parts;
    m->alloc = alloc;
    m->holders = 1;
    m->attachment = NULL;
    m->free_attachment = NULL;
    m->provider_kind = souk_slice_make(NULL, 0);
    memset(&m->flat, 0, sizeof m->flat);
    souk_arena_init(&m->arena, alloc);
    if (m->name.len == 0) {
        m->name = m->id;
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (text_of(m, i)->len == 0) {
            *text_of(m, i) = souk_slice_of(texts[i].otherwise);
        }
    }
    return m;
}

int souk_manifest_new(const souk_alloc *alloc, const souk_manifest *parts, souk_diags *diags,
                      souk_manifest **out, souk_err *err)
{
    *out = NULL;
    int kind = souk_check_id(parts->id, err);
    if (kind != SOUK_OK) {
        return kind;
    }
    souk_manifest *m = new_like(alloc, parts);
    if (m == NULL) {
        return souk_fail_memory(err);
    }
    kind = derive_and_copy(m, diags, err);
    if (kind != SOUK_OK) {
        souk_manifest_unref(m);
        return kind;
    }
    *out = m;
    return SOUK_OK;
}

souk_manifest *souk_manifest_ref(souk_manifest *manifest)
{
    manifest->holders++;
    return manifest;
}

void souk_manifest_unref(souk_manifest *manifest)
{
    if (manifest == NULL || --manifest->holders > 0) {
        return;
    }
    if (manifest->attachment != NULL && manifest->free_attachment != NULL) {
        manifest->free_attachment(manifest->alloc, manifest->attachment);
    }
    souk_arena_free(&manifest->arena);
    souk_free(manifest->alloc, manifest);
}

souk_slice souk_manifest_fact(const souk_manifest *manifest, const char *key)
{
    return souk_flat_get(&manifest->flat, key);
}

bool souk_manifest_needs_session(const souk_manifest *manifest, souk_slice *handler)
{
    return souk_needs_session(&manifest->flat, manifest->provider_kind, handler);
}
