/*
 * Runs the required tests of the JSON Schema Test Suite, and a few optional ones, for every dialect
 * that is supported.
 *
 * The suite comes from Debian's package libtest-json-schema-acceptance-perl, which has all dialects
 * (the package json-schema-test-suite ends with draft-07). SOUK_JSON_SCHEMA_TEST_SUITE names
 * another folder that has one folder for each dialect ("draft2020-12", "draft7", ...).
 *
 * What needs other documents is skipped: souk fetches nothing and has no metaschemas built in. Such
 * a group must fail to compile; that is checked, too.
 */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "schema/schema.h"
#include "tap.h"
#include "json/read.h"

static const char default_folder[] =
    "/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests";

static const struct {
    const char *folder;
    souk_schema_dialect dialect;
    int least; /* so many tests at least must have run, or the suite is not what it should be */
} dialects[] = {
    {"draft4", SOUK_SCHEMA_DRAFT_04, 560},       {"draft6", SOUK_SCHEMA_DRAFT_06, 750},
    {"draft7", SOUK_SCHEMA_DRAFT_07, 840},       {"draft2019-09", SOUK_SCHEMA_2019_09, 1120},
    {"draft2020-12", SOUK_SCHEMA_2020_12, 1110},
};

static const char other_document[] = "refers to another document";
static const char metaschema[] = "refers to a metaschema";
static const char vocabulary[] = "declares a dialect of its own, defined in another document";

/* Skipped groups; group NULL: all of the file. */
static const struct {
    const char *file;
    const char *group;
    const char *reason;
} skipped[] = {
    {"refRemote.json", NULL, other_document},
    {"vocabulary.json", NULL, vocabulary},
    {"definitions.json", "validate definition against metaschema", metaschema},
    {"defs.json", "validate definition against metaschema", metaschema},
    {"anchor.json", "invalid anchors", metaschema},
    {"ref.json", "remote ref, containing refs itself", metaschema},
    {"ref.json", "URN base URI with f-component", metaschema},
    {"id.json", "Invalid use of fragments in location-independent $id", metaschema},
    {"id.json", "Valid use of empty fragments in location-independent $id", metaschema},
    {"id.json", "Unnormalized $ids are allowed but discouraged", metaschema},
    {"dynamicRef.json", "strict-tree schema, guards against misspelled properties", other_document},
    {"dynamicRef.json", "tests for implementation dynamic anchor and reference link",
     other_document},
    {"dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $defs first",
     other_document},
    {"dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $ref first",
     other_document},
};

/* Of the optional tests those about what souk promises; a dialect need not have all files. */
static const char *const optional_files[] = {
    "bignum.json",         "dependencies-compatibility.json",
    "float-overflow.json", "non-bmp-regex.json",
    "no-schema.json",      "refOfUnknownKeyword.json"};

static const char *dialect_folder;
static souk_schema_options options;
static int groups;
static int skipped_groups;
static int tests;
static int passed;

static const char *skip_reason(const char *file, souk_slice group)
{
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        if (strcmp(skipped[i].file, file) == 0 &&
            (skipped[i].group == NULL || souk_slice_is(group, skipped[i].group))) {
            return skipped[i].reason;
        }
    }
    return NULL;
}

static void run_test(const souk_schema *schema, const char *file, souk_slice group,
                     const souk_jval *test)
{
    souk_err err;
    int result = souk_schema_validate(schema, souk_json_get(test, "data"), &err);
    bool valid = souk_json_is_true(souk_json_get(test, "valid"));
    tests++;
    if (result == (valid ? SOUK_OK : SOUK_E_SCHEMA)) {
        passed++;
        return;
    }
    souk_slice what = souk_json_string(souk_json_get(test, "description"));
    printf("# %s/%s: %.*s: %.*s: %s\n", dialect_folder, file, SOUK_ARG(group), SOUK_ARG(what),
           result == SOUK_OK ? "passed, but must not" : err.message);
    CHECK(false);
}

static void run_group(const souk_json_doc *doc, const char *file, const souk_jval *group)
{
    souk_slice what = souk_json_string(souk_json_get(group, "description"));
    souk_slice json = souk_json_raw(doc, souk_json_get(group, "schema"));
    const char *reason = skip_reason(file, what);
    souk_schema *schema;
    souk_err err;
    int result = souk_schema_compile_with(souk_alloc_libc(), json, &options, &schema, &err);
    if (reason == NULL && result == SOUK_OK) {
        groups++;
        souk_json_elements it = souk_json_each_element(souk_json_get(group, "tests"));
        while (souk_json_next_element(&it)) {
            run_test(schema, file, what, it.value);
        }
    } else if (reason == NULL) {
        printf("# %s/%s: %.*s: %s\n", dialect_folder, file, SOUK_ARG(what), err.message);
        CHECK(false);
    } else {
        skipped_groups++;
        if (result == SOUK_OK) {
            printf("# %s/%s: %.*s: compiles, but is skipped: %s\n", dialect_folder, file,
                   SOUK_ARG(what), reason);
            CHECK(false);
        }
    }
    souk_schema_free(schema);
}

static bool read_file(const char *path, souk_buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    char block[4096];
    size_t count;
    while ((count = fread(block, 1, sizeof block, file)) > 0) {
        (void)souk_buf_add(out, souk_slice_make(block, count));
    }
    bool fine = ferror(file) == 0 && out->failed == SOUK_OK;
    (void)fclose(file);
    return fine;
}

static void run_file(const char *folder, const char *name)
{
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    souk_buf text;
    souk_buf_init(&text, souk_alloc_libc(), 16 * 1024 * 1024);
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_err err = {0};
    if (!read_file(path, &text) || souk_json_read_take(&doc, &text, NULL, &err) != SOUK_OK) {
        printf("# cannot read %s: %s\n", path, err.message);
        CHECK(false);
    }
    souk_json_elements it = souk_json_each_element(doc.root);
    while (souk_json_next_element(&it)) {
        run_group(&doc, name, it.value);
    }
    souk_json_doc_free(&doc);
    souk_buf_free(&text);
}

static void run_optional_files(const char *folder)
{
    char optional[1000];
    (void)snprintf(optional, sizeof optional, "%s/optional", folder);
    for (size_t i = 0; i < sizeof optional_files / sizeof *optional_files; i++) {
        char path[1200];
        (void)snprintf(path, sizeof path, "%s/%s", optional, optional_files[i]);
        if (access(path, R_OK) == 0) {
            run_file(optional, optional_files[i]);
        }
    }
}

static void run_dialect(size_t number)
{
    const char *root = getenv("SOUK_JSON_SCHEMA_TEST_SUITE");
    char folder[900];
    dialect_folder = dialects[number].folder;
    memset(&options, 0, sizeof options);
    options.dialect = dialects[number].dialect;
    groups = skipped_groups = tests = passed = 0;
    (void)snprintf(folder, sizeof folder, "%s/%s", root != NULL ? root : default_folder,
                   dialect_folder);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        printf("# %s is missing: install the package libtest-json-schema-acceptance-perl, or let\n"
               "# SOUK_JSON_SCHEMA_TEST_SUITE name a folder with the tests of all dialects\n",
               folder);
        CHECK(false);
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (souk_slice_ends(souk_slice_of(entry->d_name), SOUK_LIT(".json"))) {
            run_file(folder, entry->d_name);
        }
    }
    (void)closedir(dir);
    run_optional_files(folder);
    printf("# %s: %d groups, %d tests, %d passed; %d groups skipped\n", dialect_folder, groups,
           tests, passed, skipped_groups);
    CHECK(tests >= dialects[number].least);
}

static void draft_04_is_what_the_suite_says(void)
{
    run_dialect(0);
}

static void draft_06_is_what_the_suite_says(void)
{
    run_dialect(1);
}

static void draft_07_is_what_the_suite_says(void)
{
    run_dialect(2);
}

static void dialect_2019_09_is_what_the_suite_says(void)
{
    run_dialect(3);
}

static void dialect_2020_12_is_what_the_suite_says(void)
{
    run_dialect(4);
}

int main(void)
{
    CASE(draft_04_is_what_the_suite_says);
    CASE(draft_06_is_what_the_suite_says);
    CASE(draft_07_is_what_the_suite_says);
    CASE(dialect_2019_09_is_what_the_suite_says);
    CASE(dialect_2020_12_is_what_the_suite_says);
    return tap_done();
}
