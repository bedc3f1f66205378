/* Capability files: reading them into the marketplace, and writing them from it. */
#include <string.h>

#include "cap/read.h"
#include "cap/write.h"
#include "io/files.h"
#include "market/gate.h"
#include "runtime/internal.h"

#define SUFFIX ".rtfs"

enum { MAX_EXPORT = 1024 * 1024 * 1024 };

int souk_runtime_register(souk_runtime *rt, souk_manifest *manifest, souk_diags *diags,
                          souk_err *err)
{
    if (diags != NULL) {
        souk_diags_enter(diags, manifest->id, manifest->line, manifest->column);
    }
    int failed = souk_gate_prepare(rt->alloc, manifest, diags, err);
    return failed == SOUK_OK ? souk_registry_add(rt->registry, manifest, NULL, err) : failed;
}

/* The findings about one file join those about all of them. */
static void pass_on(souk_diags *all, const souk_diags *some)
{
    for (size_t i = 0; i < some->count; i++) {
        const souk_diag *diag = &some->items[i];
        souk_diags_enter(all, diag->capability, diag->line, diag->column);
        souk_diags_add(all, diag->severity, "%.*s", SOUK_ARG(diag->message));
    }
}

int souk_runtime_load_text(souk_runtime *rt, const char *name, souk_slice text, size_t *loaded,
                           souk_diags *diags, souk_err *err)
{
    souk_cap_file file;
    souk_cap_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.text = (size_t)rt->options.max_file;
    int failed = souk_cap_read(rt->alloc, souk_slice_of(name), text, &limits, &file, err);
    if (failed == SOUK_OK) {
        souk_diags_set_file(diags, souk_slice_of(name));
        pass_on(diags, &file.diags);
    }
    for (size_t i = 0; failed == SOUK_OK && i < file.count; i++) {
        souk_manifest *before = souk_registry_get(rt->registry, file.manifests[i]->id);
        failed = souk_runtime_register(rt, file.manifests[i], diags, err);
        if (failed == SOUK_OK && before != NULL) {
            souk_diags_add(diags, SOUK_WARNING, "it replaces a capability of the same id");
        }
        *loaded += failed == SOUK_OK;
    }
    souk_diags_enter(diags, SOUK_LIT(""), 0, 0); /* the ids end with the file */
    souk_cap_file_free(&file);
    if (failed == SOUK_OK && diags->failed) {
        failed = souk_fail_memory(err);
    }
    return failed;
}

static int load_file(souk_runtime *rt, const char *path, size_t *loaded, souk_diags *diags,
                     souk_err *err)
{
    souk_buf text;
    souk_buf_init(&text, rt->alloc, (size_t)rt->options.max_file);
    int failed = souk_file_read(path, &text, err);
    if (failed == SOUK_OK) {
        failed = souk_runtime_load_text(rt, path, souk_buf_slice(&text), loaded, diags, err);
    }
    souk_buf_free(&text);
    return failed;
}

static void add_problem(souk_diags *diags, souk_slice file, const char *message)
{
    souk_diags_set_file(diags, file);
    souk_diags_enter(diags, SOUK_LIT(""), 0, 0);
    souk_diags_add(diags, SOUK_ERROR, "%s", message);
}

/* A file or folder that cannot be read does not lose the others: it is a diagnostic. */
static int load_listed(souk_runtime *rt, const souk_files *list, size_t *loaded, souk_diags *diags,
                       souk_err *err)
{
    for (size_t i = 0; i < list->problem_count; i++) {
        add_problem(diags, SOUK_LIT(""), list->problems[i].ptr);
    }
    for (size_t i = 0; i < list->count; i++) {
        souk_err why;
        int failed = load_file(rt, list->paths[i].ptr, loaded, diags, &why);
        if (failed == SOUK_E_FILE) {
            add_problem(diags, list->paths[i], why.message);
        } else if (failed != SOUK_OK) {
            *err = why;
            return failed;
        }
    }
    return SOUK_OK;
}

int souk_runtime_load(souk_runtime *rt, const char *path, size_t *loaded, souk_diags *diags,
                      souk_err *err)
{
    static const char *const suffixes[] = {SUFFIX, NULL};
    souk_files_limits limits = {suffixes, (size_t)rt->options.max_files, 0};
    souk_files list;
    *loaded = 0;
    memset(&list, 0, sizeof list);
    int failed = souk_files_list(rt->alloc, path, &limits, &list, err);
    if (failed == SOUK_OK && list.count == 1 && souk_slice_is(list.paths[0], path)) {
        failed = load_file(rt, path, loaded, diags, err); /* the path is itself a file */
    } else if (failed == SOUK_OK && list.count == 0 && list.problem_count == 0) {
        failed = souk_fail(err, SOUK_E_FILE, "the folder '%s' has no " SUFFIX " files", path);
    } else if (failed == SOUK_OK) {
        failed = load_listed(rt, &list, loaded, diags, err);
    }
    souk_files_free(&list);
    return failed;
}

int souk_runtime_export(souk_runtime *rt, const char *path, souk_slice match, size_t *count,
                        souk_err *err)
{
    souk_query query;
    souk_buf text;
    size_t cursor = 0;
    const souk_manifest *manifest;
    int failed = SOUK_OK;
    memset(&query, 0, sizeof query);
    query.match = match;
    *count = 0;
    souk_buf_init(&text, rt->alloc, MAX_EXPORT);
    while (failed == SOUK_OK &&
           (manifest = souk_query_next(&query, rt->registry, &cursor)) != NULL) {
        if (*count > 0) {
            souk_buf_add_byte(&text, '\n');
        }
        failed = souk_manifest_write(manifest, &text, err);
        *count += failed == SOUK_OK;
    }
    if (failed == SOUK_OK) {
        failed = souk_file_write(rt->alloc, path, souk_buf_slice(&text), err);
    }
    souk_buf_free(&text);
    return failed;
}
