/* Calls: from a capability's id to the pool, and back to a checked result. */
#include <string.h>

#include "market/gate.h"
#include "runtime/internal.h"
#include "json/read.h"

void souk_rt_call_free(souk_runtime *rt, souk_rt_call *call)
{
    if (call != NULL) {
        souk_manifest_unref(call->manifest);
        souk_free(rt->alloc, call);
    }
}

souk_rt_call *souk_rt_call_new(const souk_runtime *rt, size_t pairs)
{
    return souk_new(rt->alloc, sizeof(souk_rt_call) + pairs * sizeof(souk_pair));
}

static souk_rt_call *call_of_manifest(const souk_runtime *rt, souk_manifest *manifest)
{
    souk_rt_call *call = souk_rt_call_new(rt, manifest->flat.count);
    if (call == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < manifest->flat.count; i++) {
        call->pairs[i].key = manifest->flat.keys[i];
        call->pairs[i].value = manifest->flat.values[i];
    }
    call->manifest = souk_manifest_ref(manifest);
    return call;
}

/* What the tool's annotations promise. They are only hints of the server: the caller can forbid
 * their use. */
static bool is_idempotent(const souk_runtime *rt, const souk_manifest *manifest)
{
    souk_json_doc doc;
    bool yes = false;
    if (manifest->annotations.len <= strlen("{}")) {
        return false;
    }
    souk_json_doc_init(&doc, rt->alloc);
    if (souk_json_read(&doc, manifest->annotations, NULL, NULL) == SOUK_OK) {
        yes = souk_json_is_true(souk_json_get(doc.root, "readOnlyHint")) ||
              souk_json_is_true(souk_json_get(doc.root, "idempotentHint"));
    }
    souk_json_doc_free(&doc);
    return yes;
}

static souk_ms timeout_of(const souk_manifest *manifest, const souk_server *server,
                          const souk_invoke_options *options)
{
    if (options->timeout > 0) {
        return options->timeout;
    }
    if (server != NULL && server->timeout > 0) {
        return server->timeout;
    }
    souk_slice seconds = souk_manifest_fact(manifest, "mcp_timeout_seconds");
    souk_ms total = 0;
    for (size_t i = 0; i < seconds.len; i++) {
        if (seconds.ptr[i] < '0' || seconds.ptr[i] > '9' || total > 86400) {
            return 0; /* not a number that could be meant: the default */
        }
        total = total * 10 + (seconds.ptr[i] - '0');
    }
    return total * 1000;
}

/* Where the capability lives: its server if it was found on one, else what its own metadata says.
 */
static void target_of(const souk_runtime *rt, const souk_rt_call *call, souk_slice prefix,
                      const souk_invoke_options *options, souk_target *target)
{
    const souk_manifest *manifest = call->manifest;
    souk_server *server = souk_rt_server(rt, manifest->server);
    if (server != NULL) {
        souk_rt_server_target(server, options->identity, target);
        return;
    }
    memset(target, 0, sizeof *target);
    target->prefix = prefix;
    target->identity = options->identity;
    target->input = rt->options.input;
    target->abilities = rt->options.abilities;
    target->config.items = call->pairs;
    target->config.count = manifest->flat.count;
    char key[64];
    if (prefix.len + sizeof "_server_name" <= sizeof key) {
        memcpy(key, prefix.ptr, prefix.len);
        memcpy(key + prefix.len, "_server_name", sizeof "_server_name");
        target->name = souk_manifest_fact(manifest, key);
    }
}

/* What the pool is given for one call. */
typedef struct souk_passage {
    souk_target target;
    souk_request request;
    souk_call_options options;
} souk_passage;

/* What the caller's options say about any request. */
static void set_options(souk_passage *passage, const souk_invoke_options *options)
{
    passage->request.progress = options->progress;
    passage->request.traceparent = options->traceparent;
    passage->request.tracestate = options->tracestate;
    passage->request.baggage = options->baggage;
    passage->options.cap = options->cap;
    passage->options.on_hold = options->on_hold;
    if (options->affinity.len > 0) {
        passage->target.affinity = options->affinity;
        passage->target.memo = NULL; /* it is that of the server's common sessions */
    }
}

/* Hands the call to the pool; the record is kept until its outcome was fetched. */
static int submit(souk_runtime *rt, souk_rt_call *record, const souk_passage *passage,
                  souk_buf *body, uint64_t *id, souk_err *err)
{
    souk_order order = {&passage->target, &passage->request, body, passage->options};
    int failed = souk_pool_call(rt->pool, &order, souk_runtime_now(rt), id, err);
    if (failed == SOUK_OK && !souk_idmap_add(&rt->calls, *id, record)) {
        souk_pool_cancel(rt->pool, *id, souk_runtime_now(rt));
        failed = souk_fail_memory(err);
    }
    if (failed != SOUK_OK) {
        souk_rt_call_free(rt, record);
    }
    souk_rt_kick(rt);
    return failed;
}

/* Fills in what the pool needs for a capability; NULL when out of memory. */
static souk_rt_call *prepare(souk_runtime *rt, souk_manifest *manifest, souk_slice prefix,
                             const souk_invoke_options *options, souk_passage *passage)
{
    souk_rt_call *record = call_of_manifest(rt, manifest);
    if (record == NULL) {
        return NULL;
    }
    record->validate = rt->options.validate && !options->skip_validation && !options->raw;
    memset(passage, 0, sizeof *passage);
    target_of(rt, record, prefix, options, &passage->target);
    set_options(passage, options);
    passage->request.kind = SOUK_REQUEST_CAPABILITY;
    passage->request.capability = manifest->id;
    passage->request.metadata.items = record->pairs;
    passage->request.metadata.count = manifest->flat.count;
    passage->request.input_schema = manifest->input_schema;
    passage->request.raw = options->raw;
    passage->options.timeout = timeout_of(manifest, souk_rt_server(rt, manifest->server), options);
    passage->options.may_resend =
        options->may_resend || (!options->never_resend && is_idempotent(rt, manifest));
    return record;
}

static bool is_checked(const souk_runtime *rt, const souk_invoke_options *options)
{
    return rt->options.validate && !options->skip_validation;
}

bool souk_runtime_reads_input(const souk_runtime *rt, souk_slice id,
                              const souk_invoke_options *options)
{
    souk_slice prefix;
    souk_manifest *manifest = souk_registry_get(rt->registry, id);
    if (manifest == NULL) {
        return false;
    }
    return souk_manifest_needs_session(manifest, &prefix) ||
           (manifest->input_schema.len > 0 && is_checked(rt, options));
}

int souk_runtime_call(souk_runtime *rt, souk_slice id, souk_buf *input,
                      const souk_invoke_options *options, uint64_t *call, souk_err *err)
{
    souk_slice prefix;
    souk_manifest *manifest = souk_registry_get(rt->registry, id);
    if (manifest == NULL) {
        (void)souk_fail(err, SOUK_E_CONFIG, "there is no capability '%.*s'", SOUK_ARG(id));
        err->delivery = SOUK_DELIVERY_NOT_SENT;
        return SOUK_E_CONFIG;
    }
    int failed = souk_policy_check(rt->policy, id, err);
    if (failed == SOUK_OK && is_checked(rt, options)) {
        souk_slice text = input->len > 0 ? souk_buf_slice(input) : SOUK_LIT("{}");
        failed = souk_gate_check_text(rt->alloc, manifest, text, SOUK_GATE_INPUT, err);
    }
    if (failed == SOUK_OK && !souk_manifest_needs_session(manifest, &prefix)) {
        return SOUK_RUNTIME_LOCAL;
    }
    if (failed == SOUK_OK) {
        souk_passage passage;
        souk_rt_call *record = prepare(rt, manifest, prefix, options, &passage);
        failed =
            record == NULL ? souk_fail_memory(err) : submit(rt, record, &passage, input, call, err);
    }
    if (failed != SOUK_OK) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return failed;
}

/* Requests that do no harm when they are sent twice, whatever the caller says. */
static bool is_harmless(souk_request_kind kind)
{
    return kind == SOUK_REQUEST_TASK || kind == SOUK_REQUEST_PING || kind == SOUK_REQUEST_LOG_LEVEL;
}

static int check_method(const souk_method *method, souk_err *err)
{
    bool is_known = method->kind == SOUK_REQUEST_CAPABILITY ||
                    method->kind == SOUK_REQUEST_METHOD || method->kind == SOUK_REQUEST_NOTIFY ||
                    is_harmless(method->kind);
    return is_known ? SOUK_OK
                    : souk_fail(err, SOUK_E_CONFIG, "a request of kind %d cannot be made directly",
                                (int)method->kind);
}

int souk_runtime_request(souk_runtime *rt, const souk_method *method, souk_buf *params,
                         const souk_invoke_options *options, uint64_t *call, souk_err *err)
{
    souk_passage passage;
    souk_server *server = souk_rt_server(rt, method->server);
    if (server == NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "there is no server named '%.*s'",
                         SOUK_ARG(method->server));
    }
    int failed = check_method(method, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_rt_call *record = souk_rt_call_new(rt, 0);
    if (record == NULL) {
        return souk_fail_memory(err);
    }
    memset(&passage, 0, sizeof passage);
    souk_rt_server_target(server, options->identity, &passage.target);
    set_options(&passage, options);
    passage.request.kind =
        method->kind == SOUK_REQUEST_CAPABILITY ? SOUK_REQUEST_METHOD : method->kind;
    passage.request.capability = server->name;
    passage.request.name = method->name;
    passage.request.raw = method->kind != SOUK_REQUEST_TASK || options->raw;
    passage.options.timeout = options->timeout > 0 ? options->timeout : server->timeout;
    passage.options.may_resend = options->may_resend || is_harmless(method->kind);
    return submit(rt, record, &passage, params, call, err);
}

void souk_rt_check_output(souk_runtime *rt, const souk_rt_call *call, souk_outcome *outcome)
{
    if (outcome->err.kind != SOUK_OK || !call->validate || call->manifest == NULL) {
        return;
    }
    /* A tool that was found on a server promises its schema for structured results only. */
    if (call->manifest->server.len > 0 && !outcome->answer->structured) {
        return;
    }
    souk_err why;
    if (souk_gate_check(rt->alloc, call->manifest, outcome->answer->value, SOUK_GATE_OUTPUT,
                        &why) != SOUK_OK) {
        outcome->err = why;
        outcome->err.delivery = SOUK_DELIVERY_DELIVERED;
        /* outcome->answer keeps the value: it becomes the data of the error, nothing is lost. */
    }
}

int souk_runtime_check(souk_runtime *rt, souk_slice id, souk_slice json, bool output, souk_err *err)
{
    souk_manifest *manifest = souk_registry_get(rt->registry, id);
    if (manifest == NULL || !rt->options.validate) {
        return SOUK_OK;
    }
    return souk_gate_check_text(rt->alloc, manifest, json,
                                output ? SOUK_GATE_OUTPUT : SOUK_GATE_INPUT, err);
}
