/* Short ways to read capability files and type forms in the tests of the cap and market rooms. */
#ifndef SOUK_SPEC_CAP_HELP_H
#define SOUK_SPEC_CAP_HELP_H

#include <stdlib.h>

#include "tap.h"

#include "cap/read.h"
#include "cap/type.h"
#include "cap/write.h"
#include "json/read.h"

/* Reads a text with default limits; a failed check when that fails as a whole. */
static inline void help_cap_read_slice(souk_cap_file *file, souk_slice text)
{
    souk_err err;
    if (souk_cap_read(souk_alloc_libc(), SOUK_LIT("test.rtfs"), text, NULL, file, &err) !=
        SOUK_OK) {
        tap_fail(__FILE__, __LINE__, "the text should have been read");
        printf("#   %s\n", err.message);
    }
}

static inline void help_cap_read(souk_cap_file *file, const char *text)
{
    help_cap_read_slice(file, souk_slice_of(text));
}

static inline void help_cap_print(const souk_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        const souk_diag *d = &diags->items[i];
        printf("#   %u:%u: %s: %.*s\n", d->line, d->column, souk_severity_name(d->severity),
               SOUK_ARG(d->message));
    }
}

/*
 * Checks one diagnostic: "line:column: severity: message", the message only as far as it is given.
 */
static inline void help_cap_says(const char *at_file, int at_line, const souk_diags *diags,
                                 size_t index, const char *expected)
{
    char text[SOUK_MESSAGE_MAX + 64] = "";
    if (index < diags->count) {
        const souk_diag *d = &diags->items[index];
        snprintf(text, sizeof text, "%u:%u: %s: %.*s", d->line, d->column,
                 souk_severity_name(d->severity), SOUK_ARG(d->message));
    }
    if (!souk_slice_starts(souk_slice_of(text), souk_slice_of(expected))) {
        tap_fail(at_file, at_line, "another diagnostic was expected");
        printf("#   got:  %s\n#   want: %s\n", text, expected);
    }
}
#define CHECK_SAYS(diags, index, expected)                                                         \
    help_cap_says(__FILE__, __LINE__, (diags), (index), (expected))

/* The only capability of a text that has nothing wrong with it; the caller gives it up. */
static inline souk_manifest *help_cap_one_slice(souk_slice text)
{
    souk_cap_file file;
    help_cap_read_slice(&file, text);
    souk_manifest *manifest = file.count == 1 ? souk_manifest_ref(file.manifests[0]) : NULL;
    if (manifest == NULL || file.diags.count > 0) {
        tap_fail(__FILE__, __LINE__, "one capability and no diagnostic were expected");
        help_cap_print(&file.diags);
    }
    souk_cap_file_free(&file);
    return manifest;
}

static inline souk_manifest *help_cap_one(const char *text)
{
    return help_cap_one_slice(souk_slice_of(text));
}

/* A manifest from JSON; NULL and *err when it is refused. */
static inline souk_manifest *help_cap_json(const char *json, souk_err *err)
{
    souk_json_doc doc;
    souk_manifest *manifest = NULL;
    souk_json_doc_init(&doc, souk_alloc_libc());
    if (souk_json_read(&doc, souk_slice_of(json), NULL, err) == SOUK_OK) {
        souk_manifest_from_json(souk_alloc_libc(), &doc, doc.root, NULL, &manifest, err);
    }
    souk_json_doc_free(&doc);
    return manifest;
}

/* A file of the repository, NUL-terminated; the caller frees it. Tests run at its top. */
static inline char *help_cap_slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    if (file == NULL || text == NULL) {
        tap_fail(path, 0, "the file cannot be read");
    } else {
        size_t len = fread(text, 1, (1 << 16) - 1, file);
        text[len] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

#endif
