#include "cap_help.h"
#include "failing_alloc.h"

/* "id id ..." of all that was loaded. */
static void loads(souk_cap_file *file, const char *text, const char *ids)
{
    char got[1024] = "";
    size_t len = 0;
    help_cap_read(file, text);
    for (size_t i = 0; i < file->count && len < sizeof got; i++) {
        len += (size_t)snprintf(got + len, sizeof got - len, "%s%.*s", i > 0 ? " " : "",
                                SOUK_ARG(file->manifests[i]->id));
    }
    if (!souk_slice_is(souk_slice_of(got), ids)) {
        tap_fail(__FILE__, __LINE__, text);
        printf("#   got:  %s\n#   want: %s\n", got, ids);
        help_cap_print(&file->diags);
    }
}

/* Loads, and expects exactly these diagnostics (up to three; NULL for no more). */
static void says(const char *text, const char *ids, const char *first, const char *second,
                 const char *third)
{
    const char *const expected[] = {first, second, third};
    souk_cap_file file;
    size_t count = 0;
    loads(&file, text, ids);
    while (count < 3 && expected[count] != NULL) {
        CHECK_SAYS(&file.diags, count, expected[count]);
        count++;
    }
    if (file.diags.count != count) {
        tap_fail(__FILE__, __LINE__, text);
        help_cap_print(&file.diags);
    }
    souk_cap_file_free(&file);
}

static void properties_are_kept(void)
{
    souk_manifest *m =
        help_cap_one("\n  (capability \"a.b\" :name \"n\" :version \"2.1\" :description \"d\"\n"
                     "   :provider \"MCP\" :permissions [:network.http \"x y\"] :effects :pure\n"
                     "   :domains [\"d1\"] :categories [:c1 c2] :language \"rtfs\"\n"
                     "   :annotations {:readOnlyHint true} :server \"s\"\n"
                     "   :metadata {:mcp {:server-url \"u\" :n 1}}\n"
                     "   :runtime {:x [1 2.50 nil]} :network false\n"
                     "   :input-schema [:map [:k :int]] :output_schema :any\n"
                     "   :implementation (fn [x]  ; kept as it is\n      x))");
    if (m == NULL) {
        return;
    }
    CHECK_SLICE(m->id, "a.b");
    CHECK_SLICE(m->name, "n");
    CHECK_SLICE(m->version, "2.1");
    CHECK_SLICE(m->description, "d");
    CHECK_SLICE(m->provider, "\"MCP\"");
    CHECK_SLICE(m->provider_kind, "mcp");
    CHECK_SLICE(m->permissions, "[\"network.http\",\"x y\"]");
    CHECK_SLICE(m->effects, "[\"pure\"]");
    CHECK_SLICE(m->domains, "[\"d1\"]");
    CHECK_SLICE(m->categories, "[\"c1\",\"c2\"]");
    CHECK_SLICE(m->language, "\"rtfs\"");
    CHECK_SLICE(m->annotations, "{\"readOnlyHint\":true}");
    CHECK_SLICE(m->server, "s");
    CHECK_SLICE(m->metadata, "{\"mcp\":{\"server-url\":\"u\",\"n\":1}}");
    CHECK_SLICE(souk_manifest_fact(m, "mcp_server_url"), "u");
    CHECK_SLICE(m->extra, "{\"runtime\":{\"x\":[1,2.50,null]},\"network\":false}");
    CHECK_SLICE(m->input_form, "[:map [:k :int]]");
    CHECK_SLICE(m->input_schema,
                "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\"}},"
                "\"required\":[\"k\"]}");
    CHECK_SLICE(m->output_schema, "{}");
    CHECK_SLICE(m->implementation, "(fn [x]  ; kept as it is\n      x)");
    CHECK_SLICE(m->file, "test.rtfs");
    CHECK_INT(m->line, 2);
    CHECK_INT(m->column, 3);
    souk_manifest_unref(m);
}

static void what_is_missing_has_a_default(void)
{
    souk_manifest *m = help_cap_one("(capability :tools.x :implementation nil :metadata nil)");
    if (m == NULL) {
        return;
    }
    CHECK_SLICE(m->id, "tools.x");
    CHECK_SLICE(m->name, "tools.x");
    CHECK_SLICE(m->version, "1.0.0");
    CHECK_SLICE(m->description, "");
    CHECK_SLICE(m->provider, "");
    CHECK_SLICE(m->permissions, "[]");
    CHECK_SLICE(m->metadata, "{}");
    CHECK_INT(m->input_schema.len, 0);
    CHECK_INT(m->implementation.len, 0);
    souk_manifest_unref(m);
}

static void every_shape_of_file_loads(void)
{
    says("", "", NULL, NULL, NULL);
    says("; nothing\n", "", NULL, NULL, NULL);
    says("(capability \"a\") (capability \"b\")", "a b", NULL, NULL, NULL);
    says("(do (capability \"a\") (do (capability \"b\")))", "a b", NULL, NULL, NULL);
    says("(def x (capability \"a\"))", "a", NULL, NULL, NULL);
    says("^{:doc \"x\"} (capability \"a\")", "a", NULL, NULL, NULL);
    says("(def m {:module-type \"t\", :capabilities [\n"
         " {:capability {\"id\" \"a\", \"name\" \"A\"}, :input-schema nil, :output-schema nil}\n"
         " {:capability {:id \"b\"}} {:id \"c\"} (capability \"d\")]})",
         "a b c d", NULL, NULL, NULL);
    says("(def m {\"capabilities\" [{\"capability\" {\"id\" \"a\"}}]})", "a", NULL, NULL, NULL);
}

static void what_is_no_capability_is_skipped_with_a_note(void)
{
    says("(server :source {} :capability_files [\"a\"])", "",
         "1:1: note: the description of a server: skipped", NULL, NULL);
    says("42\n(+ 1 2)(capability \"a\")", "a", "1:1: note: no capability: skipped",
         "2:1: note: no capability: skipped", NULL);
    says("(def x 1)", "", "1:1: note: a definition without capabilities", NULL, NULL);
    says("(def)", "", "1:1: note: a definition without capabilities", NULL, NULL);
    says("(def a {:capabilities 1})", "", "1:1: note: a definition without capabilities", NULL,
         NULL);
    says("()", "", "1:1: note: no capability: skipped", NULL, NULL);
    says("(capabilities \"a\")", "", "1:1: note: no capability: skipped", NULL, NULL);
}

static void the_members_of_a_modules_entry_are_properties(void)
{
    souk_manifest *m = help_cap_one(
        "(def m {:capabilities [{:capability {\"id\" \"a\", \"provider\" {\"type\" \"mcp\", "
        "\"tool_name\" \"t\", \"server_endpoint\" \"u\", \"timeout_seconds\" 5}, "
        "\"type\" \"x:v1\"}, :input-schema {\"n\" :float}}]})");
    if (m == NULL) {
        return;
    }
    CHECK_SLICE(souk_manifest_fact(m, "mcp_server_url"), "u");
    CHECK_SLICE(souk_manifest_fact(m, "mcp_timeout_seconds"), "5");
    CHECK_SLICE(m->extra, "{\"type\":\"x:v1\"}");
    CHECK_SLICE(m->input_form, "{\"n\" :float}");
    souk_manifest_unref(m);
}

static void a_wrong_property_is_an_error_at_its_place(void)
{
    says("(capability)", "", "1:1: error: expected an id: a string such as", NULL, NULL);
    says("(capability 42)", "", "1:13: error: expected an id (a string), got an integer", NULL,
         NULL);
    says("(capability \"\")", "", "1:13: error: the id is empty", NULL, NULL);
    says("(capability \"a\\nb\")", "", "1:13: error: the id has a control character", NULL, NULL);
    says("(capability \"a\"\n  :name)", "", "2:3: error: expected a value behind :name", NULL,
         NULL);
    says("(capability \"a\" \"name\" \"x\")", "",
         "1:17: error: expected a property such as :name, got a string", NULL, NULL);
    says("(capability \"a\" :name 42)", "", "1:23: error: name: expected a string, got an integer",
         NULL, NULL);
    says("(capability \"a\" :metadata [])", "",
         "1:27: error: metadata: expected a map, got a vector", NULL, NULL);
    says("(capability \"a\" :permissions [1])", "",
         "1:31: error: permissions: expected keywords or strings, got an integer", NULL, NULL);
    says("(capability \"a\" :provider [])", "",
         "1:27: error: provider: expected a label or a map, got a vector", NULL, NULL);
    says("(capability \"a\" :metadata {:a 1 :b})", "",
         "1:27: error: this map has a key without a value", NULL, NULL);
    says("(capability \"a\" :metadata {a 1})", "",
         "1:28: error: expected a keyword, a string or an integer as key, got a symbol", NULL,
         NULL);
    says("(capability \"a\" :name \"\\ud800\")", "",
         "1:23: error: this string has half of a surrogate pair", NULL, NULL);
    says("(capability \"a\" :metadata {:n 1.0e999})", "",
         "1:27: error: metadata: number out of range", NULL, NULL);
    says("(capability \"a\" :input-schema-json \"{\")", "",
         "1:36: error: input_schema_json: ", NULL, NULL);
    says("(capability \"a\" :input-schema-json \"[]\")", "",
         "1:36: error: input_schema_json: expected a schema (object or boolean), got array", NULL,
         NULL);
    says("(capability \"a\" :input-schema-json \"\\ud800\")", "",
         "1:36: error: this string has half of a surrogate pair", NULL, NULL);
    says("(capability \"a\" :extra 1)", "", "1:24: error: extra: expected a map, got an integer",
         NULL, NULL);
    says("(def m {:capabilities [7 {:capability {\"name\" \"x\"}} {\"id\" \"a\" \"x\"} {\"id\" "
         "\"b\"}]})",
         "b", "1:24: error: expected a map with a :capability, got an integer",
         "1:26: error: expected an id", "1:53: error: this map has a key without a value");
}

static void an_error_names_its_capability(void)
{
    souk_cap_file file;
    help_cap_read(&file, "(capability \"first\" :name 1)\n(capability \"second\" :name \"x\n");
    CHECK_INT(file.diags.count, 2);
    CHECK_SLICE(file.diags.items[0].capability, "first");
    CHECK_SLICE(file.diags.items[0].file, "test.rtfs");
    CHECK_SLICE(file.diags.items[1].capability, "second");
    CHECK_INT(file.diags.tallies[SOUK_ERROR], 2);
    souk_cap_file_free(&file);
}

static void duplicates_are_a_warning_and_the_later_counts(void)
{
    souk_cap_file file;
    loads(&file,
          "(capability \"a\" :name \"x\" :name \"y\" :z 1 :z 2\n"
          " :metadata {:a {:b 1} :a_b 2 :c 3 :c 4})",
          "a");
    CHECK_SLICE(file.manifests[0]->name, "y");
    CHECK_SLICE(file.manifests[0]->extra, "{\"z\":2}");
    CHECK_SLICE(souk_manifest_fact(file.manifests[0], "a_b"), "2");
    CHECK_SLICE(souk_manifest_fact(file.manifests[0], "c"), "4");
    CHECK_INT(file.diags.count, 4);
    CHECK_SAYS(&file.diags, 0, "1:33: warning: name was given before; this one counts");
    CHECK_SAYS(&file.diags, 1, "2:33: warning: the key \"c\" comes again");
    CHECK_SAYS(&file.diags, 2, "1:40: warning: the key \"z\" comes again");
    CHECK_SAYS(&file.diags, 3, "2:12: warning: two entries of the metadata are called a_b");
    souk_cap_file_free(&file);
}

static void code_in_data_is_kept_as_text(void)
{
    souk_cap_file file;
    loads(&file, "(capability \"a\" :metadata {:x (now) :t 2025-10-24T09:02:22Z :s sym})", "a");
    CHECK_SLICE(file.manifests[0]->metadata,
                "{\"x\":\"(now)\",\"t\":\"2025-10-24T09:02:22Z\",\"s\":\"sym\"}");
    CHECK_SAYS(&file.diags, 0, "1:31: warning: a list is not evaluated here");
    souk_cap_file_free(&file);
}

static void a_json_schema_in_the_file_is_preferred(void)
{
    souk_manifest *m = help_cap_one("(capability \"a\" :input-schema :map\n"
                                    " :input-schema-json \"{ \\\"type\\\" : \\\"object\\\" }\")");
    if (m != NULL) {
        CHECK_SLICE(m->input_schema, "{\"type\":\"object\"}");
        CHECK_INT(m->input_form.len, 0);
    }
    souk_manifest_unref(m);
}

static void the_neighbours_of_a_broken_capability_load(void)
{
    /* a bracket is missing */
    says("(capability \"a\"\n  :name \"x\"\n\n(capability \"b\")\n(capability \"c\")", "b c",
         "1:1: error: this '(' is never closed", NULL, NULL);
    /* a bracket too many, or of the wrong kind */
    says("(capability \"a\" :metadata {:x 1])\n(capability \"b\")", "b",
         "1:32: error: unexpected ']': expected '}' for the '{' at line 1, column 27", NULL, NULL);
    says("(capability \"a\"))\n(capability \"b\")", "a b", "1:17: error: this ')' closes nothing",
         NULL, NULL);
    /* a quote is missing: what is a string and what is not has changed places from there on */
    says("(capability \"a\"\n  :name \"x)\n(capability \"b\" :name \"y\")\n(capability \"c\")",
         "b c", "4:15: error: this string is not closed", NULL, NULL);
    /* the first, the middle and the last */
    says("(capability \"a\" :x #)\n(capability \"b\" :x #)\n(capability \"c\" :x #)\n", "",
         "1:20: error: expected #(", "2:20: error: expected #(", "3:20: error: expected #(");
    says("(capability \"a\")\n(capability \"b\" :x #)\n(capability \"c\")\n", "a c",
         "2:20: error: expected #(", NULL, NULL);
    /* a comment is not closed */
    says("#| (capability \"a\")\n(capability \"b\")", "b", "1:1: error: this block comment", NULL,
         NULL);
    /* bytes that are no UTF-8 */
    says("(capability \"a\" :name \"\xFF\")\n(capability \"b\")\n(capability \"c\xC0\")\n"
         "(capability \"d\")",
         "b d", "1:24: error: invalid UTF-8", "3:15: error: invalid UTF-8", NULL);
}

static void a_broken_form_is_reported_once(void)
{
    /* its rest looks like other forms */
    says("(capability \"a\"\n:implementation\n(fn [x]\n(foo x]\n(bar)\n)\n(capability \"b\")", "b",
         "4:7: error: unexpected ']'", NULL, NULL);
    /* and may be broken once more */
    says("(capability \"a\"\n(fn ]\n(fn }\n(capability \"b\")\n)", "b",
         "2:5: error: unexpected ']'", NULL, NULL);
}

static void the_neighbours_in_a_module_load(void)
{
    says("(do\n  (capability \"a\")\n  (capability \"b\" :x ])\n  (capability \"c\"))\n"
         "(capability \"d\")",
         "a c d", "3:22: error: unexpected ']'", NULL, NULL);
    says("(do\n  (capability \"a\"\n  (capability \"b\")\n  (capability \"c\"))\n", "b c",
         "1:1: error: this '(' is never closed", "2:3: error: expected ')' before the next", NULL);
}

static void a_capability_that_lacks_a_bracket_does_not_swallow_the_next(void)
{
    says("(capability \"a\" :name \"x\"\n(capability \"b\"))\n(capability \"c\")", "b c",
         "1:1: error: expected ')' before the next capability at line 2", NULL, NULL);
    says("(capability \"a\" :name\n(capability \"b\"))\n(capability \"c\")", "b c",
         "1:1: error: expected ')' before the next capability at line 2", NULL, NULL);
    says("(capability \"a\" :implementation (fn [x]\n(capability \"b\")\n(capability \"c\" :name "
         "1)))",
         "a", NULL, NULL, NULL);
    says("(capability \"a\" :name 1 :implementation (fn [x]\n(capability \"b\")))", "b",
         "1:23: error: name: expected a string", NULL, NULL);
}

static void a_long_text_is_cut_between_characters(void)
{
    char text[1200];
    souk_cap_file file;
    size_t len = (size_t)snprintf(text, sizeof text, "(capability \"a\" :metadata {:x 1 :");
    memset(text + len, 'k', 300);
    len += 300;
    len += (size_t)snprintf(text + len, sizeof text - len, " 2 :");
    memset(text + len, 'k', 300);
    strcpy(text + len + 300, " 3})");
    loads(&file, text, "a");
    CHECK_INT(file.diags.count, 1);
    CHECK(file.diags.items[0].message.len < 120);
    souk_cap_file_free(&file);

    souk_diags diags;
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT("f"), 2);
    for (size_t i = 0; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xC3\xA4", 2);
    }
    souk_slice whole = souk_slice_make(text, sizeof text);
    CHECK_INT(souk_excerpt(souk_slice_from(whole, 0)).len, 60);
    memmove(text + 1, text, sizeof text - 1);
    text[0] = '-';
    CHECK_INT(souk_excerpt(whole).len, 59);
    souk_diags_add(&diags, SOUK_NOTE, "%.*s", 1000, text);
    CHECK_INT(diags.items[0].message.len, 511);
    text[0] = '\xC3';
    memmove(text, text + 1, sizeof text - 1);
    souk_diags_add_at(&diags, SOUK_NOTE, 1, 1, "%.*s", 1000, text);
    CHECK_INT(diags.items[1].message.len, 510);
    souk_diags_free(&diags);
    souk_diags_add(NULL, SOUK_NOTE, "nobody listens");
    souk_diags_add_at(NULL, SOUK_NOTE, 1, 1, "nobody listens");
}

static void a_value_is_nested_only_so_deep(void)
{
    char text[512];
    for (int depth = 100; depth <= 101; depth++) {
        size_t len = (size_t)snprintf(text, sizeof text, "(capability \"a\" :x ");
        memset(text + len, '[', (size_t)depth - 1);
        len += (size_t)depth - 1;
        memset(text + len, ']', (size_t)depth - 1);
        strcpy(text + len + depth - 1, ")");
        says(text, depth == 100 ? "a" : "",
             depth == 100 ? NULL : "1:119: error: this value is nested deeper than 100", NULL,
             NULL);
    }
}

static void limits_hold(void)
{
    souk_cap_file file;
    souk_err err;
    souk_cap_limits limits = {.text = 10};
    CHECK_INT(souk_cap_read(souk_alloc_libc(), SOUK_LIT("f"), SOUK_LIT("(a b c d e)"), &limits,
                            &file, &err),
              SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "f is larger than 10 bytes");
    CHECK_INT(file.count, 0);
    souk_cap_file_free(&file);

    limits = (souk_cap_limits){.capabilities = 2};
    souk_slice three = SOUK_LIT("(capability \"a\")(do (capability \"b\")(capability \"c\")) (x");
    CHECK_INT(souk_cap_read(souk_alloc_libc(), SOUK_LIT("f"), three, &limits, &file, &err),
              SOUK_OK);
    CHECK_INT(file.count, 2);
    CHECK_INT(file.diags.count, 1);
    CHECK_SAYS(&file.diags, 0, "1:37: error: more than 2 capabilities");
    souk_cap_file_free(&file);

    limits = (souk_cap_limits){.depth = 3, .forms = 6};
    souk_slice deep = SOUK_LIT("(capability \"a\" :x [[[1]]])\n(capability \"b\" :x [1 2 3 4])\n"
                               "(capability \"c\" :x [1])");
    CHECK_INT(souk_cap_read(souk_alloc_libc(), SOUK_LIT("f"), deep, &limits, &file, &err), SOUK_OK);
    CHECK_INT(file.count, 1);
    CHECK_SAYS(&file.diags, 0, "1:22: error: nested deeper than 3");
    CHECK_SAYS(&file.diags, 1, "2:23: error: more than 6 forms in one");
    souk_cap_file_free(&file);

    limits = (souk_cap_limits){.diagnostics = 2};
    CHECK_INT(
        souk_cap_read(souk_alloc_libc(), SOUK_LIT("f"), SOUK_LIT("1 2 3 4"), &limits, &file, &err),
        SOUK_OK);
    CHECK_INT(file.diags.count, 2);
    CHECK_INT(file.diags.dropped, 2);
    CHECK_INT(file.diags.tallies[SOUK_NOTE], 4);
    souk_cap_file_free(&file);
}

/* Each of the many broken forms reaches to the end of the text. */
static void broken_text_costs_no_more_than_its_length_allows(void)
{
    static const char *const lines[] = {"(a b\n", "(\"\n", "#|\n(\n", "(capability \"x\n"};
    for (size_t which = 0; which < 4; which++) {
        size_t size = 1 << 19;
        size_t unit = strlen(lines[which]);
        char *text = malloc(size);
        for (size_t i = 0; i < size; i++) {
            text[i] = lines[which][i % unit];
        }
        souk_cap_file file;
        souk_err err;
        CHECK_INT(souk_cap_read(souk_alloc_libc(), SOUK_LIT("f"), souk_slice_make(text, size), NULL,
                                &file, &err),
                  SOUK_OK);
        CHECK_INT(file.count, 0);
        CHECK(file.diags.count > 0);
        souk_cap_file_free(&file);
        free(text);
    }
}

static void running_out_of_memory_is_an_error(void)
{
    static const char text[] =
        "(capability \"a\" :name \"\\u0041\" :provider {:type \"mcp\" :tool_name \"t\"}\n"
        " :permissions [:p] :metadata {:a {:b 1} :a_b 2 :c [1 (x)]} :z 1 :z 2\n"
        " :input-schema [:and {:k [:enum 1 2] :l {:m [:tuple :int]}} [:has-key :k] [:non-empty]]\n"
        " :output-schema-json \"{}\" :implementation (f))\n"
        "(capability \"b\" :x ])\n(def m {:capabilities [{:capability {\"id\" \"c\"}}]})\n(server)";
    failing_alloc f;
    for (long n = 1;; n++) {
        souk_cap_file file;
        souk_err err;
        failing_alloc_init(&f, n);
        int kind = souk_cap_read(&f.alloc, SOUK_LIT("f"), souk_slice_of(text), NULL, &file, &err);
        CHECK(kind == SOUK_OK || (f.fired && kind == SOUK_E_LIMIT));
        CHECK_INT(file.count, kind == SOUK_OK ? 2 : 0);
        CHECK_INT(file.diags.count, kind == SOUK_OK ? 5 : 0);
        souk_cap_file_free(&file);
        souk_cap_file_free(&file);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

int main(void)
{
    CASE(properties_are_kept);
    CASE(what_is_missing_has_a_default);
    CASE(every_shape_of_file_loads);
    CASE(what_is_no_capability_is_skipped_with_a_note);
    CASE(the_members_of_a_modules_entry_are_properties);
    CASE(a_wrong_property_is_an_error_at_its_place);
    CASE(an_error_names_its_capability);
    CASE(duplicates_are_a_warning_and_the_later_counts);
    CASE(code_in_data_is_kept_as_text);
    CASE(a_json_schema_in_the_file_is_preferred);
    CASE(the_neighbours_of_a_broken_capability_load);
    CASE(a_broken_form_is_reported_once);
    CASE(the_neighbours_in_a_module_load);
    CASE(a_capability_that_lacks_a_bracket_does_not_swallow_the_next);
    CASE(a_long_text_is_cut_between_characters);
    CASE(a_value_is_nested_only_so_deep);
    CASE(limits_hold);
    CASE(broken_text_costs_no_more_than_its_length_allows);
    CASE(running_out_of_memory_is_an_error);
    return tap_done();
}
