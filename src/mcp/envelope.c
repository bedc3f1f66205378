#include "mcp/envelope.h"

#include <string.h>

#include "mcp/rpc.h"
#include "json/read.h"
#include "json/write.h"

#define META_PREFIX "io.modelcontextprotocol/"

/* The keys of `_meta` that this file writes; an index into `ours`, below. */
static const char *const meta_keys[] = {
    META_PREFIX "protocolVersion",
    META_PREFIX "clientInfo",
    META_PREFIX "clientCapabilities",
    META_PREFIX "logLevel",
    "progressToken",
    "traceparent",
    "tracestate",
    "baggage",
};

enum {
    META_VERSION,
    META_CLIENT,
    META_CAPABILITIES,
    META_LOG_LEVEL,
    META_PROGRESS,
    META_TRACEPARENT,
    META_TRACESTATE,
    META_BAGGAGE,
    META_COUNT
};

/* Which of meta_keys a request writes. */
typedef struct ours {
    bool has[META_COUNT];
    bool any;
} ours;

static ours choose_ours(const souk_mcp_envelope *e)
{
    bool modern = souk_mcp_is_modern(e->revision);
    ours set = {{false}, false};
    set.has[META_VERSION] = modern;
    set.has[META_CLIENT] = modern && e->client != NULL && e->client->name.len > 0;
    set.has[META_CAPABILITIES] = modern;
    set.has[META_LOG_LEVEL] = modern && e->log_level.len > 0;
    set.has[META_PROGRESS] = e->progress_token != 0;
    set.has[META_TRACEPARENT] = e->traceparent.len > 0;
    set.has[META_TRACESTATE] = e->tracestate.len > 0;
    set.has[META_BAGGAGE] = e->baggage.len > 0;
    for (size_t i = 0; i < META_COUNT; i++) {
        set.any = set.any || set.has[i];
    }
    return set;
}

static bool is_ours(const ours *set, souk_slice key)
{
    for (size_t i = 0; i < META_COUNT; i++) {
        if (set->has[i] && souk_slice_is(key, meta_keys[i])) {
            return true;
        }
    }
    return false;
}

static void write_client_info(souk_jw *w, const souk_mcp_client *client)
{
    souk_jw_object(w);
    souk_jw_key_string(w, "name", client->name);
    souk_jw_key_string(w, "version", client->version);
    if (client->title.len > 0) {
        souk_jw_key_string(w, "title", client->title);
    }
    souk_jw_end_object(w);
}

/* An object even when there is nothing to declare. */
static void write_capabilities(souk_jw *w, const char *key, const souk_mcp_client *client,
                               souk_mcp_era era)
{
    souk_jw_key(w, souk_slice_of(key));
    (void)souk_mcp_write_capabilities(w->out, client == NULL ? 0 : client->abilities, era, NULL);
    w->comma = true;
}

static void write_ours(souk_jw *w, const souk_mcp_envelope *e, const ours *set)
{
    if (set->has[META_VERSION]) {
        souk_jw_key_string(w, meta_keys[META_VERSION],
                           souk_slice_of(souk_mcp_revision_name(e->revision)));
    }
    if (set->has[META_CLIENT]) {
        souk_jw_key(w, souk_slice_of(meta_keys[META_CLIENT]));
        write_client_info(w, e->client);
    }
    if (set->has[META_CAPABILITIES]) {
        write_capabilities(w, meta_keys[META_CAPABILITIES], e->client, SOUK_MCP_ERA_MODERN);
    }
    if (set->has[META_PROGRESS]) {
        souk_jw_key_int(w, meta_keys[META_PROGRESS], e->progress_token);
    }
    const struct {
        int key;
        souk_slice value;
    } texts[] = {
        {META_LOG_LEVEL, e->log_level},
        {META_TRACEPARENT, e->traceparent},
        {META_TRACESTATE, e->tracestate},
        {META_BAGGAGE, e->baggage},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (set->has[texts[i].key]) {
            souk_jw_key_string(w, meta_keys[texts[i].key], texts[i].value);
        }
    }
}

/*
 * False when no member of these params can be called `_meta`: neither the name is in the text, nor
 * an escape that could spell one of its letters. Params can be large; this keeps most of them from
 * being read.
 */
static bool may_have_meta(souk_slice params)
{
    for (souk_slice rest = params; rest.len > 0;) {
        rest = souk_slice_from(rest, souk_slice_find(rest, '_'));
        if (souk_slice_starts(rest, SOUK_LIT("_meta"))) {
            return true;
        }
        rest = souk_slice_from(rest, 1);
    }
    for (souk_slice rest = params; rest.len > 0;) {
        rest = souk_slice_from(rest, souk_slice_find(rest, '\\'));
        if (souk_slice_starts(rest, SOUK_LIT("\\u00"))) {
            return true;
        }
        rest = souk_slice_from(rest, 1);
    }
    return false;
}

/* Params without a `_meta`: ours becomes the first member, the rest follows as it is. */
static void write_params_with_new_meta(souk_jw *w, const souk_mcp_envelope *e, const ours *set,
                                       souk_slice params)
{
    souk_slice members = souk_slice_trim(souk_slice_make(params.ptr + 1, params.len - 2));
    souk_jw_object(w);
    souk_jw_key(w, SOUK_LIT("_meta"));
    souk_jw_object(w);
    write_ours(w, e, set);
    souk_jw_end_object(w);
    if (members.len > 0) {
        souk_buf_add_byte(w->out, ',');
        souk_buf_add(w->out, members);
    }
    souk_jw_end_object(w);
}

/*
 * Params that have a `_meta`: its members are joined with ours, all that is around it stays byte
 * for byte.
 */
static void write_params_with_old_meta(souk_jw *w, const souk_mcp_envelope *e, const ours *set,
                                       const souk_json_doc *doc, const souk_jval *meta)
{
    souk_jw inner;
    souk_buf_add(w->out, souk_slice_make(doc->text.ptr, meta->begin));
    souk_jw_init(&inner, w->out);
    souk_jw_object(&inner);
    write_ours(&inner, e, set);
    souk_json_members it = souk_json_each_member(meta);
    while (souk_json_next_member(&it)) {
        if (!is_ours(set, it.key)) {
            souk_jw_key(&inner, it.key);
            souk_jw_raw(&inner, souk_json_raw(doc, it.value));
        }
    }
    souk_jw_end_object(&inner);
    souk_buf_add(w->out, souk_slice_from(doc->text, meta->end));
    w->invalid = w->invalid || inner.invalid;
}

/* They are the caller's: what the reader calls a broken protocol is an input that is wrong. */
static int fail_params(int rc, souk_err *err)
{
    souk_err_prefix(err, "params");
    if (rc != SOUK_E_PROTOCOL) {
        return rc;
    }
    if (err != NULL) {
        err->kind = SOUK_E_SCHEMA;
    }
    return SOUK_E_SCHEMA;
}

/* Params that might have a `_meta` are read to find out. */
static int write_read_params(souk_jw *w, const souk_mcp_envelope *e, const ours *set,
                             souk_slice params, souk_err *err)
{
    const souk_json_limits limits = {.text = params.len, .duplicates = SOUK_JSON_NO_DUPLICATES};
    souk_json_doc doc;
    souk_json_doc_init(&doc, w->out->alloc);
    int rc = souk_json_read(&doc, params, &limits, err);
    if (rc != SOUK_OK) {
        return fail_params(rc, err);
    }
    const souk_jval *meta = souk_json_get(doc.root, "_meta");
    if (meta == NULL) {
        write_params_with_new_meta(w, e, set, params);
    } else if (meta->type != SOUK_JSON_OBJECT) {
        rc = souk_fail(err, SOUK_E_SCHEMA, "params: _meta is no object");
    } else {
        write_params_with_old_meta(w, e, set, &doc, meta);
    }
    souk_json_doc_free(&doc);
    return rc;
}

static int write_params(souk_jw *w, const souk_mcp_envelope *e, souk_err *err)
{
    const ours set = choose_ours(e);
    souk_slice params = souk_slice_trim(e->params);
    if (params.len == 0) {
        if (!set.any) {
            return SOUK_OK;
        }
        params = SOUK_LIT("{}");
    }
    if (params.len < 2 || params.ptr[0] != '{' || params.ptr[params.len - 1] != '}') {
        return souk_fail(err, SOUK_E_SCHEMA, "params are no JSON object");
    }
    souk_jw_key(w, SOUK_LIT("params"));
    if (!set.any) {
        souk_jw_raw(w, params);
        return SOUK_OK;
    }
    if (may_have_meta(params)) {
        return write_read_params(w, e, &set, params, err);
    }
    write_params_with_new_meta(w, e, &set, params);
    return SOUK_OK;
}

int souk_mcp_write_request(souk_buf *out, const souk_mcp_envelope *envelope, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "jsonrpc", SOUK_LIT("2.0"));
    souk_jw_key_int(&w, "id", envelope->id);
    souk_jw_key_string(&w, "method", envelope->method);
    int rc = write_params(&w, envelope, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

int souk_mcp_write_initialize(souk_buf *out, int64_t id, souk_mcp_revision revision,
                              const souk_mcp_client *client, souk_err *err)
{
    if (!souk_mcp_is_legacy(revision)) {
        return souk_fail(err, SOUK_E_CONFIG, "initialize knows no revision \"%s\"",
                         souk_mcp_revision_name(revision));
    }
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "jsonrpc", SOUK_LIT("2.0"));
    souk_jw_key_int(&w, "id", id);
    souk_jw_key_string(&w, "method", SOUK_LIT("initialize"));
    souk_jw_key(&w, SOUK_LIT("params"));
    souk_jw_object(&w);
    souk_jw_key_string(&w, "protocolVersion", souk_slice_of(souk_mcp_revision_name(revision)));
    write_capabilities(&w, "capabilities", client, SOUK_MCP_ERA_LEGACY);
    souk_jw_key(&w, SOUK_LIT("clientInfo"));
    write_client_info(&w, client);
    souk_jw_end_object(&w);
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

int souk_mcp_write_discover(souk_buf *out, int64_t id, souk_mcp_revision revision,
                            const souk_mcp_client *client, souk_err *err)
{
    if (!souk_mcp_is_modern(revision)) {
        return souk_fail(err, SOUK_E_CONFIG, "server/discover knows no revision \"%s\"",
                         souk_mcp_revision_name(revision));
    }
    const souk_mcp_envelope envelope = {
        .id = id,
        .method = SOUK_LIT_INIT("server/discover"),
        .revision = revision,
        .client = client,
    };
    return souk_mcp_write_request(out, &envelope, err);
}

int souk_mcp_write_initialized(souk_buf *out, souk_err *err)
{
    return souk_rpc_write_notification(out, SOUK_LIT("notifications/initialized"),
                                       souk_slice_make(NULL, 0), err);
}

int souk_mcp_write_cancelled(souk_buf *out, int64_t id, souk_slice reason, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "jsonrpc", SOUK_LIT("2.0"));
    souk_jw_key_string(&w, "method", SOUK_LIT("notifications/cancelled"));
    souk_jw_key(&w, SOUK_LIT("params"));
    souk_jw_object(&w);
    souk_jw_key_int(&w, "requestId", id);
    if (reason.len > 0) {
        souk_jw_key_string(&w, "reason", reason);
    }
    souk_jw_end_object(&w);
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

int souk_mcp_write_tool_params(souk_buf *out, souk_slice name, souk_slice arguments, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "name", name);
    souk_jw_key_raw(&w, "arguments", arguments.len > 0 ? arguments : SOUK_LIT("{}"));
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

int souk_mcp_write_page_params(souk_buf *out, const souk_slice *cursor, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    if (cursor != NULL) {
        souk_jw_key_string(&w, "cursor", *cursor);
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}
