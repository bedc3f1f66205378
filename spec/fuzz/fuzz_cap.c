/*
 * Capability files: any text is read without a crash; what was read is written as a text that is
 * read without a finding, gives the same manifest, and is written as the same text again. So is
 * what went through JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "cap/read.h"
#include "cap/write.h"
#include "json/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void write(const souk_manifest *manifest, souk_buf *out)
{
    souk_err err;
    souk_buf_init(out, souk_alloc_libc(), (size_t)1 << 28);
    require(souk_manifest_write(manifest, out, &err) == SOUK_OK);
}

static void to_json(const souk_manifest *manifest, souk_buf *out)
{
    souk_err err;
    souk_buf_init(out, souk_alloc_libc(), (size_t)1 << 28);
    require(souk_manifest_to_json(manifest, out, &err) == SOUK_OK);
}

static bool has_secret(souk_slice text)
{
    static const char mark[] = "is left out: it may be a secret";
    for (size_t i = 0; i + sizeof mark <= text.len; i++) {
        if (memcmp(text.ptr + i, mark, sizeof mark - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Equal in all but where they were read, and in the forms that their schemas were made of. */
static void require_same(const souk_manifest *a, const souk_manifest *b)
{
    require(souk_slice_eq(a->id, b->id) && souk_slice_eq(a->name, b->name));
    require(souk_slice_eq(a->version, b->version) && souk_slice_eq(a->description, b->description));
    require(souk_slice_eq(a->provider, b->provider) && souk_slice_eq(a->language, b->language));
    require(souk_slice_eq(a->provider_kind, b->provider_kind) &&
            souk_slice_eq(a->server, b->server));
    require(souk_slice_eq(a->permissions, b->permissions) && souk_slice_eq(a->effects, b->effects));
    require(souk_slice_eq(a->domains, b->domains) && souk_slice_eq(a->categories, b->categories));
    require(souk_slice_eq(a->annotations, b->annotations) && souk_slice_eq(a->extra, b->extra));
    require(souk_slice_eq(a->input_schema, b->input_schema));
    require(souk_slice_eq(a->output_schema, b->output_schema));
    require(souk_slice_eq(a->implementation, b->implementation));
    require(a->flat.count == b->flat.count);
    for (size_t i = 0; i < a->flat.count; i++) {
        require(souk_slice_eq(a->flat.keys[i], b->flat.keys[i]));
        require(souk_slice_eq(a->flat.values[i], b->flat.values[i]));
    }
}

/* Writes, reads and writes again. */
static void check_round_trip(const souk_manifest *manifest)
{
    souk_buf text;
    souk_buf again;
    souk_cap_file file;
    souk_err err;
    souk_cap_limits limits = {.text = (size_t)1 << 28};
    write(manifest, &text);
    require(souk_cap_read(souk_alloc_libc(), SOUK_LIT("again"), souk_buf_slice(&text), &limits,
                          &file, &err) == SOUK_OK);
    require(file.count == 1);
    require(file.diags.tallies[SOUK_ERROR] == 0);
    if (!has_secret(souk_buf_slice(&text))) {
        require_same(manifest, file.manifests[0]);
        write(file.manifests[0], &again);
        require(souk_slice_eq(souk_buf_slice(&text), souk_buf_slice(&again)));
        souk_buf_free(&again);
    }
    souk_cap_file_free(&file);
    souk_buf_free(&text);
}

/* A manifest's JSON makes a manifest that is written and read like the first. */
static void check_json(const souk_manifest *manifest)
{
    souk_buf text;
    souk_json_doc doc;
    souk_err err;
    souk_manifest *back = NULL;
    souk_json_limits limits = {.depth = 1000};
    to_json(manifest, &text);
    souk_json_doc_init(&doc, souk_alloc_libc());
    require(souk_json_read(&doc, souk_buf_slice(&text), &limits, &err) == SOUK_OK);
    int kind = souk_manifest_from_json(souk_alloc_libc(), &doc, doc.root, NULL, &back, &err);
    /* Code of a file may be nested deeper than code that comes as JSON. */
    require(kind == SOUK_OK ||
            (kind == SOUK_E_CONFIG && strstr(err.message, "nested deeper") != NULL));
    if (back != NULL) {
        require(back->flat.count == manifest->flat.count);
        check_round_trip(back);
    }
    souk_manifest_unref(back);
    souk_json_doc_free(&doc);
    souk_buf_free(&text);
}

static void check_diagnostics(const souk_diags *diags, size_t size)
{
    require(diags->count + diags->dropped ==
            diags->tallies[SOUK_NOTE] + diags->tallies[SOUK_WARNING] + diags->tallies[SOUK_ERROR]);
    for (size_t i = 0; i < diags->count; i++) {
        require(diags->items[i].line >= 1 && diags->items[i].line <= size + 1);
        require(diags->items[i].column >= 1 && diags->items[i].column <= size + 1);
        require(diags->items[i].message.len > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_cap_file file;
    souk_err err;
    souk_slice text = souk_slice_make((const char *)data, size);
    require(souk_cap_read(souk_alloc_libc(), SOUK_LIT("fuzz"), text, NULL, &file, &err) == SOUK_OK);
    check_diagnostics(&file.diags, size);
    for (size_t i = 0; i < file.count; i++) {
        check_round_trip(file.manifests[i]);
        check_json(file.manifests[i]);
    }
    souk_cap_file_free(&file);
    return 0;
}
