/*
 * Flattening, and manifests from JSON. Of any object: flat keys are all different and have no '-'
 * and no ':' at their start, look-up finds each, flattening what is flat changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "cap/flatten.h"
#include "cap/write.h"
#include "json/read.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool flatten(const souk_json_doc *doc, souk_arena *arena, souk_diags *diags, souk_flat *flat)
{
    souk_flattening f;
    souk_err err;
    souk_flatten_begin(&f, arena);
    int kind = souk_flatten_add(&f, doc, doc->root, &err);
    if (kind == SOUK_OK) {
        kind = souk_flatten_end(&f, diags, flat, &err);
    }
    require(kind == SOUK_OK || kind == SOUK_E_CONFIG);
    return kind == SOUK_OK;
}

static void check_flat(const souk_flat *flat)
{
    for (size_t i = 0; i < flat->count; i++) {
        souk_slice value;
        require(memchr(flat->keys[i].ptr, '-', flat->keys[i].len) == NULL);
        require(flat->keys[i].len <= SOUK_FLAT_KEY_MAX);
        require(souk_flat_find(flat, flat->keys[i], &value));
        require(souk_slice_eq(value, flat->values[i]));
        if (i > 0) {
            require(souk_slice_compare(flat->keys[flat->order[i - 1]], flat->keys[flat->order[i]]) <
                    0);
        }
    }
}

/* A flat map as a JSON object is its own flat map, unless a ':' was left at the start of a key. */
static void check_again(const souk_flat *flat)
{
    souk_buf text;
    souk_jw w;
    souk_json_doc doc;
    souk_arena arena;
    souk_flat again;
    souk_err err;
    bool same_keys = true;
    souk_buf_init(&text, souk_alloc_libc(), (size_t)1 << 28);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    for (size_t i = 0; i < flat->count; i++) {
        same_keys = same_keys && !souk_slice_starts(flat->keys[i], SOUK_LIT(":"));
        souk_jw_key(&w, flat->keys[i]);
        souk_jw_string(&w, flat->values[i]);
    }
    souk_jw_end_object(&w);
    require(souk_jw_check(&w, &err) == SOUK_OK);
    souk_json_doc_init(&doc, souk_alloc_libc());
    require(souk_json_read(&doc, souk_buf_slice(&text), NULL, &err) == SOUK_OK);
    souk_arena_init(&arena, souk_alloc_libc());
    require(flatten(&doc, &arena, NULL, &again));
    require(!same_keys || again.count == flat->count);
    for (size_t i = 0; same_keys && i < flat->count; i++) {
        require(souk_slice_eq(again.keys[i], flat->keys[i]));
        require(souk_slice_eq(again.values[i], flat->values[i]));
    }
    souk_arena_free(&arena);
    souk_json_doc_free(&doc);
    souk_buf_free(&text);
}

/* As a manifest: it is refused with a reason, or written and read again. */
static void check_manifest(const souk_json_doc *doc)
{
    souk_manifest *manifest = NULL;
    souk_manifest *again = NULL;
    souk_buf text;
    souk_json_doc back;
    souk_err err;
    int kind = souk_manifest_from_json(souk_alloc_libc(), doc, doc->root, NULL, &manifest, &err);
    require(kind == SOUK_OK || (kind == SOUK_E_CONFIG && err.message[0] != '\0'));
    if (manifest == NULL) {
        return;
    }
    souk_buf_init(&text, souk_alloc_libc(), (size_t)1 << 28);
    require(souk_manifest_write(manifest, &text, &err) == SOUK_OK);
    souk_buf_clear(&text);
    require(souk_manifest_to_json(manifest, &text, &err) == SOUK_OK);
    souk_json_doc_init(&back, souk_alloc_libc());
    require(souk_json_read(&back, souk_buf_slice(&text), NULL, &err) == SOUK_OK);
    require(souk_manifest_from_json(souk_alloc_libc(), &back, back.root, NULL, &again, &err) ==
            SOUK_OK);
    require(souk_slice_eq(again->id, manifest->id));
    require(souk_slice_eq(again->extra, manifest->extra));
    souk_manifest_unref(again);
    souk_manifest_unref(manifest);
    souk_json_doc_free(&back);
    souk_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_json_doc doc;
    souk_arena arena;
    souk_diags diags;
    souk_flat flat;
    souk_json_doc_init(&doc, souk_alloc_libc());
    if (souk_json_read(&doc, souk_slice_make((const char *)data, size), NULL, NULL) == SOUK_OK) {
        souk_arena_init(&arena, souk_alloc_libc());
        souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT("fuzz"), 10);
        if (flatten(&doc, &arena, &diags, &flat)) {
            check_flat(&flat);
            check_again(&flat);
        }
        check_manifest(&doc);
        souk_diags_free(&diags);
        souk_arena_free(&arena);
    }
    souk_json_doc_free(&doc);
    return 0;
}
