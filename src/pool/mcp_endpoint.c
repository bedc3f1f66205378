#include "pool/mcp_endpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "json/read.h"

typedef struct reader {
    souk_mcp_endpoint *endpoint;
    souk_arena *arena;
    const souk_target *target;
    const souk_env *env;
    souk_err *err;
} reader;

static const char *text(reader *r, souk_slice bytes)
{
    souk_slice copy;
    return souk_arena_copy(r->arena, bytes, &copy) ? copy.ptr : NULL;
}

static bool has_nul(souk_slice bytes)
{
    return souk_slice_find(bytes, '\0') < bytes.len;
}

/* The text of an optional key; NULL when it is not there. */
static int optional(reader *r, const char *key, const char **out)
{
    souk_slice value = souk_pairs_get(r->target->config, key);
    *out = NULL;
    if (has_nul(value)) {
        return souk_fail(r->err, SOUK_E_CONFIG, "%s of server '%.*s' contains a NUL byte", key,
                         SOUK_ARG(r->target->name));
    }
    if (value.len > 0) {
        *out = text(r, value);
    }
    return value.len > 0 && *out == NULL ? souk_fail_memory(r->err) : SOUK_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Splits "npx -y some-server" at blanks; there is no quoting: mcp_command and mcp_args are for
 * that. */
static int split_command(reader *r, souk_slice line)
{
    const char **argv = souk_arena_array(r->arena, line.len / 2 + 2, sizeof *argv);
    size_t count = 0;
    for (size_t at = 0; argv != NULL && at < line.len;) {
        size_t start = at;
        while (at < line.len && !is_blank(line.ptr[at])) {
            at++;
        }
        if (at > start) {
            argv[count] = text(r, souk_slice_make(line.ptr + start, at - start));
            if (argv[count++] == NULL) {
                return souk_fail_memory(r->err);
            }
        }
        at++;
    }
    if (argv == NULL) {
        return souk_fail_memory(r->err);
    }
    r->endpoint->argv = argv;
    return SOUK_OK;
}

static int read_json(reader *r, souk_json_doc *doc, const char *key, souk_slice json,
                     souk_json_type wanted)
{
    int failed = souk_json_read(doc, json, NULL, r->err);
    if (failed == SOUK_OK && souk_json_type_of(doc->root) == wanted) {
        return SOUK_OK;
    }
    if (failed == SOUK_E_LIMIT) {
        souk_err_prefix(r->err, "%s of server '%.*s'", key, SOUK_ARG(r->target->name));
        return failed;
    }
    return souk_fail(r->err, SOUK_E_CONFIG, "%s of server '%.*s': expected a JSON %s", key,
                     SOUK_ARG(r->target->name), souk_json_type_name(wanted));
}

static int read_args(reader *r, souk_slice command)
{
    souk_slice json = souk_pairs_get(r->target->config, "mcp_args");
    souk_json_doc doc;
    souk_json_doc_init(&doc, r->arena->alloc);
    int failed = json.len == 0 ? SOUK_OK : read_json(r, &doc, "mcp_args", json, SOUK_JSON_ARRAY);
    size_t count = failed != SOUK_OK || doc.root == NULL ? 0 : doc.root->size;
    const char **argv = souk_arena_array(r->arena, count + 2, sizeof *argv);
    size_t at = 0;
    if (argv == NULL || (argv[at++] = text(r, command)) == NULL) {
        failed = souk_fail_memory(r->err);
    }
    souk_json_elements it = souk_json_each_element(doc.root);
    while (failed == SOUK_OK && souk_json_next_element(&it)) {
        souk_slice value = souk_json_string(it.value);
        if (souk_json_type_of(it.value) != SOUK_JSON_STRING || has_nul(value)) {
            failed = souk_fail(r->err, SOUK_E_CONFIG,
                               "args of server '%.*s': argument %zu is no plain string",
                               SOUK_ARG(r->target->name), at);
        } else if ((argv[at++] = text(r, value)) == NULL) {
            failed = souk_fail_memory(r->err);
        }
    }
    souk_json_doc_free(&doc);
    r->endpoint->argv = argv;
    return failed;
}

/* "NAME=value" in the arena, or NULL. */
static const char *assignment(reader *r, souk_slice name, souk_slice value)
{
    char *out = souk_arena_new(r->arena, name.len + value.len + 2);
    if (out != NULL) {
        memcpy(out, name.ptr, name.len);
        out[name.len] = '=';
        if (value.len > 0) {
            memcpy(out + name.len + 1, value.ptr, value.len);
        }
        out[name.len + value.len + 1] = '\0';
    }
    return out;
}

static bool valid_assignment(souk_slice name, souk_slice value)
{
    return name.len > 0 && !has_nul(name) && !has_nul(value) &&
           souk_slice_find(name, '=') == name.len;
}

static int add_assignment(reader *r, const char **env, size_t *count, souk_slice name,
                          souk_slice value)
{
    if (!valid_assignment(name, value)) {
        return souk_fail(r->err, SOUK_E_CONFIG,
                         "env of server '%.*s': '%.*s' is no name or value of a variable",
                         SOUK_ARG(r->target->name), SOUK_ARG(name));
    }
    env[*count] = assignment(r, name, value);
    return env[(*count)++] == NULL ? souk_fail_memory(r->err) : SOUK_OK;
}

static int read_child_env(reader *r)
{
    souk_slice json = souk_pairs_get(r->target->config, "mcp_env");
    souk_json_doc doc;
    souk_json_doc_init(&doc, r->arena->alloc);
    int failed = json.len == 0 ? SOUK_OK : read_json(r, &doc, "mcp_env", json, SOUK_JSON_OBJECT);
    size_t most =
        r->target->config.count + (failed != SOUK_OK || doc.root == NULL ? 0 : doc.root->size);
    const char **env = souk_arena_array(r->arena, most + 1, sizeof *env);
    size_t count = 0;
    if (env == NULL) {
        failed = souk_fail_memory(r->err);
    }
    for (size_t i = 0; failed == SOUK_OK && i < r->target->config.count; i++) {
        souk_pair pair = r->target->config.items[i];
        if (souk_slice_starts(pair.key, SOUK_LIT("mcp_env_"))) {
            failed = add_assignment(r, env, &count, souk_slice_from(pair.key, 8), pair.value);
        }
    }
    souk_json_members it = souk_json_each_member(doc.root);
    while (failed == SOUK_OK && souk_json_next_member(&it)) {
        if (souk_json_type_of(it.value) != SOUK_JSON_STRING) {
            failed = souk_fail(r->err, SOUK_E_CONFIG, "env of server '%.*s': '%.*s' is no string",
                               SOUK_ARG(r->target->name), SOUK_ARG(it.key));
        } else {
            failed = add_assignment(r, env, &count, it.key, souk_json_string(it.value));
        }
    }
    souk_json_doc_free(&doc);
    r->endpoint->env = env;
    return failed;
}

static int read_headers(reader *r)
{
    souk_slice json = souk_pairs_get(r->target->config, "mcp_headers");
    if (json.len == 0) {
        return SOUK_OK;
    }
    souk_json_doc doc;
    souk_json_doc_init(&doc, r->arena->alloc);
    int failed = read_json(r, &doc, "mcp_headers", json, SOUK_JSON_OBJECT);
    souk_header *headers = NULL;
    size_t count = 0;
    if (failed == SOUK_OK) {
        headers = souk_arena_array(r->arena, doc.root->size + 1, sizeof *headers);
        failed = headers == NULL ? souk_fail_memory(r->err) : SOUK_OK;
    }
    souk_json_members it = souk_json_each_member(doc.root);
    while (failed == SOUK_OK && souk_json_next_member(&it)) {
        souk_header *header = &headers[count++];
        if (souk_json_type_of(it.value) != SOUK_JSON_STRING) {
            failed =
                souk_fail(r->err, SOUK_E_CONFIG, "headers of server '%.*s': '%.*s' is no string",
                          SOUK_ARG(r->target->name), SOUK_ARG(it.key));
        } else if (!souk_arena_copy(r->arena, it.key, &header->name) ||
                   !souk_arena_copy(r->arena, souk_json_string(it.value), &header->value)) {
            failed = souk_fail_memory(r->err);
        }
    }
    souk_json_doc_free(&doc);
    r->endpoint->headers = headers;
    r->endpoint->header_count = count;
    return failed;
}

/* The URL, or a command line, from the first source that has one; else it is empty. */
static int find_url(reader *r, souk_slice *url)
{
    static const char *const keys[] = {"mcp_server_url", "mcp_url", "mcp_server_endpoint"};
    const char *variable;
    int failed = optional(r, "mcp_server_url_override_env", &variable);
    const char *value =
        failed == SOUK_OK && variable != NULL ? r->env->get(r->env->user, variable) : NULL;
    *url = souk_slice_trim(souk_slice_of(value));
    for (size_t i = 0; url->len == 0 && i < sizeof keys / sizeof keys[0]; i++) {
        *url = souk_slice_trim(souk_pairs_get(r->target->config, keys[i]));
    }
    return failed;
}

/* Whether it begins with a scheme and "://"; later ones may be arguments of a command. */
static bool has_scheme(souk_slice url)
{
    size_t len = souk_slice_find(url, ':');
    for (size_t i = 0; i < len; i++) {
        if (is_blank(url.ptr[i]) || url.ptr[i] == '/') {
            return false;
        }
    }
    return souk_slice_starts(souk_slice_from(url, len), SOUK_LIT("://"));
}

static int read_place(reader *r)
{
    souk_slice url;
    souk_slice command = souk_pairs_get(r->target->config, "mcp_command");
    int failed = find_url(r, &url);
    if (failed != SOUK_OK) {
        return failed;
    }
    if (has_nul(url) || has_nul(command)) {
        return souk_fail(r->err, SOUK_E_CONFIG, "the address of server '%.*s' contains a NUL byte",
                         SOUK_ARG(r->target->name));
    }
    if (url.len > 0 && has_scheme(url)) {
        if (!souk_slice_starts_nocase(url, SOUK_LIT("http://")) &&
            !souk_slice_starts_nocase(url, SOUK_LIT("https://"))) {
            return souk_fail(r->err, SOUK_E_CONFIG,
                             "the URL of server '%.*s' is neither http nor https",
                             SOUK_ARG(r->target->name));
        }
        r->endpoint->url = text(r, url);
        return r->endpoint->url == NULL ? souk_fail_memory(r->err) : SOUK_OK;
    }
    if (command.len > 0) {
        failed = read_args(r, command);
    } else if (url.len > 0) {
        failed = split_command(r, url);
    } else {
        return souk_fail(
            r->err, SOUK_E_CONFIG,
            "server '%.*s' has no address: expected mcp_server_url or mcp_command in its metadata",
            SOUK_ARG(r->target->name));
    }
    return failed == SOUK_OK ? read_child_env(r) : failed;
}

static int read_pinned(reader *r)
{
    souk_slice pinned = souk_pairs_get(r->target->config, "mcp_pinned_version");
    r->endpoint->pinned = souk_mcp_revision_from(pinned);
    if (pinned.len > 0 && r->endpoint->pinned == SOUK_MCP_UNKNOWN) {
        return souk_fail(r->err, SOUK_E_CONFIG,
                         "protocol_version of server '%.*s': '%.*s' is none that souk speaks",
                         SOUK_ARG(r->target->name), SOUK_ARG(pinned));
    }
    return SOUK_OK;
}

static const char *const levels[] = {"",      "debug",    "info",  "notice",   "warning",
                                     "error", "critical", "alert", "emergency"};

unsigned souk_mcp_log_level_from(souk_slice name)
{
    for (unsigned i = 1; i < sizeof levels / sizeof levels[0]; i++) {
        if (souk_slice_is(name, levels[i])) {
            return i;
        }
    }
    return 0;
}

const char *souk_mcp_log_level_name(unsigned level)
{
    return level < sizeof levels / sizeof levels[0] ? levels[level] : "";
}

static int read_log_level(reader *r)
{
    souk_slice name = souk_pairs_get(r->target->config, "mcp_log_level");
    r->endpoint->log_level = souk_mcp_log_level_from(name);
    if (name.len > 0 && r->endpoint->log_level == 0) {
        return souk_fail(r->err, SOUK_E_CONFIG,
                         "log_level of server '%.*s': '%.*s' is none, expected debug, info, "
                         "notice, warning, error, critical, alert or emergency",
                         SOUK_ARG(r->target->name), SOUK_ARG(name));
    }
    return SOUK_OK;
}

/* A name that cannot be looked up must not lead to another credential in silence. */
static int check_auth_variable(reader *r)
{
    souk_slice name = souk_pairs_get(r->target->config, "mcp_auth_env_var");
    if (name.len >= SOUK_MCP_VARIABLE_MAX || has_nul(name) ||
        souk_slice_find(name, '=') < name.len) {
        return souk_fail(r->err, SOUK_E_CONFIG,
                         "mcp_auth_env_var of server '%.*s' is no name of a variable",
                         SOUK_ARG(r->target->name));
    }
    return SOUK_OK;
}

int souk_mcp_endpoint_read(souk_mcp_endpoint *endpoint, souk_arena *arena,
                           const souk_target *target, const souk_env *env, souk_err *err)
{
    reader r = {endpoint, arena, target, env, err};
    memset(endpoint, 0, sizeof *endpoint);
    int failed = read_place(&r);
    failed = failed == SOUK_OK ? read_headers(&r) : failed;
    failed = failed == SOUK_OK ? optional(&r, "mcp_cwd", &endpoint->cwd) : failed;
    failed = failed == SOUK_OK ? optional(&r, "mcp_ca_file", &endpoint->ca_file) : failed;
    failed = failed == SOUK_OK ? read_pinned(&r) : failed;
    failed = failed == SOUK_OK ? read_log_level(&r) : failed;
    failed = failed == SOUK_OK ? check_auth_variable(&r) : failed;
    if (failed == SOUK_OK) {
        endpoint->name = text(&r, target->name.len > 0 ? target->name : SOUK_LIT("mcp"));
        failed = endpoint->name == NULL ? souk_fail_memory(err) : SOUK_OK;
    }
    return failed;
}

int souk_mcp_endpoint_check(const souk_mcp_endpoint *endpoint, const souk_reach *reach,
                            souk_err *err)
{
    int failed = endpoint->url == NULL
                     ? souk_reach_check_command(reach, err)
                     : souk_reach_check_url(reach, souk_slice_of(endpoint->url), err);
    if (failed != SOUK_OK) {
        souk_err_prefix(err, "server '%s'", endpoint->name);
    }
    return failed;
}

/* 128 bits under the secret seed: nobody can aim at somebody else's key. */
static void add_hash(souk_buf *key, souk_slice bytes, uint64_t seed)
{
    souk_buf_addf(key, "%016llx%016llx\n", (unsigned long long)souk_hash(bytes, seed),
                  (unsigned long long)souk_hash(bytes, ~seed));
}

/* The length before the bytes: no two lists of parts give the same key. */
static void add_part(souk_buf *key, souk_slice bytes)
{
    souk_buf_addf(key, "%zu ", bytes.len);
    souk_buf_add(key, bytes);
    souk_buf_add_byte(key, '\n');
}

static void add_http_key(const souk_mcp_endpoint *endpoint, const souk_target *target,
                         const souk_env *env, souk_buf *key)
{
    souk_slice url = souk_slice_of(endpoint->url);
    url.len = souk_slice_find(url, '#'); /* a fragment never leaves the client */
    souk_buf_add_text(key, "http ");
    add_part(key, url);
    if (target->auth != 0) {
        souk_buf_addf(key, "function %llu\n", (unsigned long long)target->auth);
    } else {
        souk_mcp_token token;
        souk_mcp_token_find(&token, target, env);
        souk_buf_add_text(key, "variable ");
        add_part(key, souk_slice_of(token.source));
    }
}

static void add_stdio_key(const souk_mcp_endpoint *endpoint, uint64_t seed, souk_buf *key)
{
    souk_buf_add_text(key, "stdio\n");
    for (size_t i = 0; endpoint->argv[i] != NULL; i++) {
        add_part(key, souk_slice_of(endpoint->argv[i]));
    }
    souk_buf_add_text(key, "env\n");
    for (size_t i = 0; endpoint->env[i] != NULL; i++) {
        add_hash(key, souk_slice_of(endpoint->env[i]), seed);
    }
    souk_buf_add_text(key, "cwd ");
    add_part(key, souk_slice_of(endpoint->cwd));
}

/* What is declared to the server, and how it is spoken to. */
static void add_manner(const souk_mcp_endpoint *endpoint, const souk_target *target, souk_buf *key)
{
    souk_buf_addf(key, "%d %u %u %llu %d ", (int)endpoint->pinned, endpoint->log_level,
                  target->abilities, (unsigned long long)target->input, target->no_stream);
    add_part(key, souk_slice_of(endpoint->ca_file));
}

void souk_mcp_endpoint_key(const souk_mcp_endpoint *endpoint, const souk_target *target,
                           const souk_env *env, uint64_t seed, souk_buf *key)
{
    if (endpoint->url != NULL) {
        add_http_key(endpoint, target, env, key);
    } else {
        add_stdio_key(endpoint, seed, key);
    }
    add_hash(key, souk_pairs_get(target->config, "mcp_headers"), seed);
    add_manner(endpoint, target, key);
}

void souk_mcp_endpoint_spell(const souk_mcp_endpoint *endpoint, const souk_target *target,
                             const souk_env *env, souk_buf *text)
{
    add_part(text, target->identity);
    add_http_key(endpoint, target, env, text);
    if (target->auth != 0) {
        add_part(text, target->name); /* another process may have given the number to another one */
    }
    add_part(text, souk_pairs_get(target->config, "mcp_headers"));
    add_manner(endpoint, target, text);
}

/* Looks into one variable, and notes its name. */
static bool try_variable(souk_mcp_token *token, const char *name, const souk_env *env)
{
    size_t used = strlen(token->looked_for);
    snprintf(token->looked_for + used, sizeof token->looked_for - used, "%s%s",
             used > 0 ? ", " : "", name);
    const char *value = env->get(env->user, name);
    if (value == NULL || value[0] == '\0') {
        return false;
    }
    token->value = souk_slice_of(value);
    snprintf(token->source, sizeof token->source, "%s", name);
    return true;
}

void souk_mcp_token_find(souk_mcp_token *token, const souk_target *target, const souk_env *env)
{
    char name[128];
    memset(token, 0, sizeof *token);
    souk_slice variable = souk_pairs_get(target->config, "mcp_auth_env_var");
    if (variable.len > 0 && variable.len < sizeof name) {
        snprintf(name, sizeof name, "%.*s", SOUK_ARG(variable));
        if (try_variable(token, name, env)) {
            return;
        }
    }
    if (target->name.len > 0 && target->name.len + sizeof "_MCP_TOKEN" <= sizeof name) {
        for (size_t i = 0; i < target->name.len; i++) {
            char c = target->name.ptr[i];
            bool lower = c >= 'a' && c <= 'z';
            bool plain = lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            name[i] = lower ? (char)(c - 'a' + 'A') : plain ? c : '_';
        }
        memcpy(name + target->name.len, "_MCP_TOKEN", sizeof "_MCP_TOKEN");
        if (try_variable(token, name, env)) {
            return;
        }
    }
    if (!souk_slice_is(variable, "MCP_AUTH_TOKEN")) {
        (void)try_variable(token, "MCP_AUTH_TOKEN", env);
    }
}
