#include "cap_help.h"
#include "failing_alloc.h"

#include "base/glob.h"
#include "market/gate.h"
#include "market/policy.h"
#include "market/query.h"
#include "market/registry.h"

/* Registers a manifest from JSON; true when one of that id was replaced. */
static bool put(souk_registry *registry, const char *json)
{
    souk_err err;
    bool replaced = false;
    souk_manifest *m = help_cap_json(json, &err);
    CHECK(m != NULL);
    CHECK_INT(souk_registry_add(registry, m, &replaced, &err), SOUK_OK);
    souk_manifest_unref(m);
    return replaced;
}

/* The ids of what a query finds, in order. */
static void finds(const souk_registry *registry, souk_query query, const char *expected)
{
    char got[512] = "";
    size_t len = 0;
    size_t cursor = 0;
    const souk_manifest *m;
    while ((m = souk_query_next(&query, registry, &cursor)) != NULL) {
        len += (size_t)snprintf(got + len, sizeof got - len, "%s%.*s", len > 0 ? " " : "",
                                SOUK_ARG(m->id));
    }
    CHECK_TEXT(got, expected);
}

static void manifests_stay_in_the_order_in_which_they_came(void)
{
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 10);
    CHECK(!put(r, "{\"id\":\"c\"}"));
    CHECK(!put(r, "{\"id\":\"a\"}"));
    CHECK(!put(r, "{\"id\":\"b\"}"));
    finds(r, (souk_query){0}, "c a b");
    CHECK(put(r, "{\"id\":\"c\",\"name\":\"new\"}"));
    finds(r, (souk_query){0}, "c a b");
    CHECK_SLICE(souk_registry_get(r, SOUK_LIT("c"))->name, "new");
    CHECK(souk_registry_remove(r, SOUK_LIT("a")));
    CHECK(!souk_registry_remove(r, SOUK_LIT("a")));
    CHECK(souk_registry_get(r, SOUK_LIT("a")) == NULL);
    CHECK_INT(souk_registry_count(r), 2);
    finds(r, (souk_query){0}, "c b");
    souk_registry_free(r);
    souk_registry_free(NULL);
}

static void registering_the_same_manifest_again_keeps_it(void)
{
    souk_err err;
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 10);
    souk_manifest *m = help_cap_json("{\"id\":\"a\"}", &err);
    CHECK_INT(souk_registry_add(r, m, NULL, &err), SOUK_OK);
    CHECK_INT(souk_registry_add(r, m, NULL, &err), SOUK_OK);
    CHECK_INT(m->holders, 2);
    souk_manifest_unref(m);
    CHECK_SLICE(souk_registry_get(r, SOUK_LIT("a"))->id, "a");
    souk_registry_free(r);
}

static void a_call_in_flight_outlives_a_removal(void)
{
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 10);
    put(r, "{\"id\":\"a\"}");
    souk_manifest *held = souk_manifest_ref(souk_registry_get(r, SOUK_LIT("a")));
    CHECK(souk_registry_remove(r, SOUK_LIT("a")));
    CHECK_SLICE(held->id, "a");
    souk_manifest_unref(held);
    souk_registry_free(r);
}

static void a_full_registry_only_replaces(void)
{
    souk_err err;
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 1);
    put(r, "{\"id\":\"a\"}");
    CHECK(put(r, "{\"id\":\"a\"}"));
    souk_manifest *m = help_cap_json("{\"id\":\"b\"}", &err);
    CHECK_INT(souk_registry_add(r, m, NULL, &err), SOUK_E_LIMIT);
    CHECK_INT(m->holders, 1);
    souk_manifest_unref(m);
    souk_registry_free(r);
}

static void all_that_a_server_has_goes_together(void)
{
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 10);
    put(r, "{\"id\":\"a\",\"server\":\"s\"}");
    put(r, "{\"id\":\"b\"}");
    put(r, "{\"id\":\"c\",\"server\":\"s\"}");
    put(r, "{\"id\":\"d\",\"server\":\"t\"}");
    CHECK_INT(souk_registry_remove_server(r, SOUK_LIT("s")), 2);
    finds(r, (souk_query){0}, "b d");
    CHECK_INT(souk_registry_remove_server(r, SOUK_LIT("")), 0);
    souk_registry_free(r);
}

static void globs(const char *pattern, const char *text, bool expected)
{
    if (souk_glob(souk_slice_of(pattern), souk_slice_of(text)) != expected) {
        tap_fail(__FILE__, __LINE__, pattern);
        printf("#   with %s\n", text);
    }
}

static void globs_match_the_whole_id_and_nothing_but_stars_is_special(void)
{
    globs("", "", true);
    globs("", "a", false);
    globs("a", "a", true);
    globs("a", "ab", false);
    globs("b", "ab", false);
    globs("*", "", true);
    globs("*", "anything", true);
    globs("mcp.*", "mcp.github.get_me", true);
    globs("mcp.*", "mcp", false);
    globs("mcp.*", "mcpx", false);
    globs("mcp.*", "xmcp.a", false);
    globs("*.get_?e", "mcp.github.get_me", true);
    globs("a?c", "ac", false);
    globs("a*b*c", "aXbYbZc", true);
    globs("a*b*c", "aXbYbZ", false);
    globs("**a**", "bab", true);
    globs("a.c", "abc", false);
    globs("a?c",
          "a\xC3\xA9"
          "c",
          true); /* one character, not one byte */
    globs("a??c",
          "a\xC3\xA9"
          "c",
          false);
    globs("[a]", "a", false);
    globs("[a]", "[a]", true);
    globs("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
}

static void queries_find_by_what_manifests_say(void)
{
    souk_registry *r = souk_registry_new(souk_alloc_libc(), 1, 10);
    put(r, "{\"id\":\"mcp.a.x\",\"provider\":\"MCP\",\"permissions\":[\"net\",\"disk\"],"
           "\"effects\":[\":read\"],\"domains\":[\"web\"],\"server\":\"a\"}");
    put(r, "{\"id\":\"mcp.a.y\",\"provider\":{\"type\":\"mcp\"},\"permissions\":[\"net\"],"
           "\"categories\":[\"crud\"],\"server\":\"a\"}");
    put(r, "{\"id\":\"text.z\",\"effects\":[\"read\",\"say \\\"hi\\\"\"]}");
    finds(r, (souk_query){.match = SOUK_LIT("mcp.*")}, "mcp.a.x mcp.a.y");
    finds(r, (souk_query){.provider = SOUK_LIT("mcp")}, "mcp.a.x mcp.a.y");
    finds(r, (souk_query){.provider = SOUK_LIT("lua")}, "");
    finds(r, (souk_query){.permission = SOUK_LIT("disk")}, "mcp.a.x");
    finds(r, (souk_query){.effect = SOUK_LIT("read")}, "mcp.a.x text.z");
    finds(r, (souk_query){.effect = SOUK_LIT(":read")}, "mcp.a.x text.z");
    finds(r, (souk_query){.effect = SOUK_LIT("say \"hi\"")}, "text.z");
    finds(r, (souk_query){.effect = SOUK_LIT("hi")}, "");
    finds(r, (souk_query){.domain = SOUK_LIT("web")}, "mcp.a.x");
    finds(r, (souk_query){.category = SOUK_LIT("crud")}, "mcp.a.y");
    finds(r, (souk_query){.server = SOUK_LIT("a"), .permission = SOUK_LIT("net")},
          "mcp.a.x mcp.a.y");
    souk_registry_free(r);
}

static void policy_says(const souk_policy *policy, const char *id, const char *refusal)
{
    souk_err err = {0};
    int kind = souk_policy_check(policy, souk_slice_of(id), &err);
    CHECK_INT(kind, refusal == NULL ? SOUK_OK : SOUK_E_POLICY);
    CHECK(refusal == NULL || strstr(err.message, refusal) != NULL);
}

static void a_policy_allows_all_until_it_has_rules(void)
{
    souk_err err;
    souk_policy *p = souk_policy_new(souk_alloc_libc());
    policy_says(p, "a", NULL);
    CHECK_INT(souk_policy_deny(p, SOUK_LIT("mcp.*.delete_*"), &err), SOUK_OK);
    policy_says(p, "mcp.x.delete_all", "'mcp.*.delete_*'");
    policy_says(p, "mcp.x.get", NULL);
    CHECK_INT(souk_policy_allow(p, SOUK_LIT("mcp.*"), &err), SOUK_OK);
    policy_says(p, "mcp.x.get", NULL);
    policy_says(p, "mcp.x.delete_all", "denied");
    policy_says(p, "text.upper", "no rule allows");
    souk_policy_free(p);
    souk_policy_free(NULL);
}

static void a_restrictive_policy_allows_only_what_it_names(void)
{
    souk_err err;
    souk_policy *p = souk_policy_new(souk_alloc_libc());
    souk_policy_restrict(p);
    policy_says(p, "a", "no rule allows");
    CHECK_INT(souk_policy_allow(p, SOUK_LIT("a"), &err), SOUK_OK);
    policy_says(p, "a", NULL);
    policy_says(p, "ab", "no rule allows");
    souk_policy_free(p);
}

/* Checks one input; the refusal must contain `refusal`, or there is none. */
static void gate_says(souk_manifest *m, souk_gate_side side, const char *json, const char *refusal)
{
    souk_err err = {0};
    int kind = souk_gate_check_text(souk_alloc_libc(), m, souk_slice_of(json), side, &err);
    CHECK_INT(kind, refusal == NULL ? SOUK_OK : SOUK_E_SCHEMA);
    if (refusal != NULL && strstr(err.message, refusal) == NULL) {
        tap_fail(__FILE__, __LINE__, err.message);
    }
}

static void inputs_and_outputs_are_checked(void)
{
    souk_manifest *m =
        help_cap_one("(capability \"a\" :input-schema [:map [:n :int] [:s :string ?]]\n"
                     " :output-schema [:vector :int])");
    gate_says(m, SOUK_GATE_INPUT, "{\"n\":1}", NULL);
    gate_says(m, SOUK_GATE_INPUT, "{\"n\":1,\"s\":\"x\",\"more\":true}", NULL);
    gate_says(m, SOUK_GATE_INPUT, "{\"n\":\"1\"}", "input of 'a': /n");
    gate_says(m, SOUK_GATE_INPUT, "{}", "input of 'a'");
    gate_says(m, SOUK_GATE_OUTPUT, "[1,2]", NULL);
    gate_says(m, SOUK_GATE_OUTPUT, "[1,\"2\"]", "output of 'a': /1");
    souk_manifest_unref(m);
}

static void without_a_schema_everything_passes(void)
{
    souk_manifest *m = help_cap_one("(capability \"a\" :input-schema :any)");
    gate_says(m, SOUK_GATE_INPUT, "[]", NULL);
    gate_says(m, SOUK_GATE_OUTPUT, "null", NULL);
    CHECK(m->attachment == NULL);
    souk_manifest_unref(m);
}

static void a_schema_that_does_not_compile_is_a_warning_and_refuses_nothing(void)
{
    souk_err err;
    souk_diags diags;
    souk_manifest *m = help_cap_json("{\"id\":\"a\",\"input_schema\":{\"type\":\"no such type\"},"
                                     "\"output_schema\":{\"pattern\":\"(?=x)\"}}",
                                     &err);
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT(""), 10);
    CHECK_INT(souk_gate_prepare(souk_alloc_libc(), m, &diags, &err), SOUK_OK);
    CHECK_INT(diags.tallies[SOUK_WARNING], 2);
    gate_says(m, SOUK_GATE_INPUT, "7", NULL);
    gate_says(m, SOUK_GATE_OUTPUT, "\"y\"", NULL);
    CHECK_INT(souk_gate_prepare(souk_alloc_libc(), m, NULL, &err), SOUK_OK);
    souk_diags_free(&diags);
    souk_manifest_unref(m);
}

/* The schema room bounds what it compiles; a server with a larger schema still has a tool. */
static void a_schema_past_the_bounds_is_a_warning_and_refuses_nothing(void)
{
    souk_err err;
    souk_diags diags;
    souk_buf json;
    souk_buf_init(&json, souk_alloc_libc(), 4 * 1024 * 1024);
    souk_buf_add_text(&json, "{\"id\":\"large\",\"input_schema\":{\"allOf\":[");
    for (int i = 0; i < 30000; i++) {
        souk_buf_add_text(&json, i == 0 ? "{\"minLength\":1}" : ",{\"minLength\":1}");
    }
    souk_buf_add_text(&json, "]}}");
    CHECK_INT(json.failed, SOUK_OK);
    souk_manifest *m = help_cap_json(json.data, &err);
    CHECK(m != NULL);
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT(""), 10);
    CHECK_INT(souk_gate_prepare(souk_alloc_libc(), m, &diags, &err), SOUK_OK);
    CHECK_INT(diags.count, 1);
    gate_says(m, SOUK_GATE_INPUT, "\"\"", NULL);
    souk_diags_free(&diags);
    souk_manifest_unref(m);
    souk_buf_free(&json);
}

static void running_out_of_memory_is_an_error(void)
{
    failing_alloc f;
    for (long n = 1;; n++) {
        souk_err err;
        int kind = SOUK_E_LIMIT;
        failing_alloc_init(&f, n);
        souk_manifest parts = {.id = SOUK_LIT("a"),
                               .input_schema = SOUK_LIT("{\"type\":\"object\"}")};
        souk_manifest *m = NULL;
        souk_registry *r = souk_registry_new(&f.alloc, 0, 10);
        souk_policy *p = souk_policy_new(&f.alloc);
        if (r != NULL && p != NULL) {
            kind = souk_manifest_new(&f.alloc, &parts, NULL, &m, &err);
        }
        if (kind == SOUK_OK) {
            kind = souk_registry_add(r, m, NULL, &err);
        }
        if (kind == SOUK_OK) {
            kind = souk_policy_deny(p, SOUK_LIT("b"), &err);
        }
        if (kind == SOUK_OK) {
            kind = souk_gate_check_text(&f.alloc, m, SOUK_LIT("{}"), SOUK_GATE_INPUT, &err);
        }
        CHECK(kind == SOUK_OK || (f.fired && kind == SOUK_E_LIMIT));
        souk_manifest_unref(m);
        souk_registry_free(r);
        souk_policy_free(p);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

int main(void)
{
    CASE(manifests_stay_in_the_order_in_which_they_came);
    CASE(registering_the_same_manifest_again_keeps_it);
    CASE(a_call_in_flight_outlives_a_removal);
    CASE(a_full_registry_only_replaces);
    CASE(all_that_a_server_has_goes_together);
    CASE(globs_match_the_whole_id_and_nothing_but_stars_is_special);
    CASE(queries_find_by_what_manifests_say);
    CASE(a_policy_allows_all_until_it_has_rules);
    CASE(a_restrictive_policy_allows_only_what_it_names);
    CASE(inputs_and_outputs_are_checked);
    CASE(without_a_schema_everything_passes);
    CASE(a_schema_that_does_not_compile_is_a_warning_and_refuses_nothing);
    CASE(a_schema_past_the_bounds_is_a_warning_and_refuses_nothing);
    CASE(running_out_of_memory_is_an_error);
    return tap_done();
}
