/*
 * Requests: whatever the caller's params are, the message is valid JSON, our keys are in its _meta,
 * and nothing of the caller's is lost or changed. Input: one byte of choices, then the params.
 */
#include <stdint.h>
#include <stdlib.h>

#include "mcp/envelope.h"
#include "mcp/lines.h"
#include "mcp/rpc.h"
#include "json/read.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const souk_mcp_client client = {
    SOUK_LIT_INIT("fuzz"), SOUK_LIT_INIT("1"), {NULL, 0}, SOUK_MCP_CAN_LIST_ROOTS};

static const char version_key[] = "io.modelcontextprotocol/protocolVersion";
static const char log_key[] = "io.modelcontextprotocol/logLevel";

static souk_mcp_envelope choose(uint8_t choices)
{
    souk_mcp_envelope e = {.id = 42, .method = SOUK_LIT_INIT("tools/call"), .client = &client};
    e.revision = (choices & 1) != 0 ? SOUK_MCP_2026_07_28 : SOUK_MCP_2025_11_25;
    e.progress_token = (choices & 2) != 0 ? 7 : 0;
    e.log_level = (choices & 4) != 0 ? SOUK_LIT("debug") : SOUK_LIT("");
    e.traceparent = (choices & 8) != 0 ? SOUK_LIT("00-a-b-01") : SOUK_LIT("");
    return e;
}

/* The keys of _meta that this envelope writes, and their values. */
static bool is_ours(const souk_mcp_envelope *e, souk_slice key)
{
    bool modern = souk_mcp_is_modern(e->revision);
    return (modern && (souk_slice_is(key, version_key) ||
                       souk_slice_is(key, "io.modelcontextprotocol/clientInfo") ||
                       souk_slice_is(key, "io.modelcontextprotocol/clientCapabilities"))) ||
           (modern && e->log_level.len > 0 && souk_slice_is(key, log_key)) ||
           (e->progress_token != 0 && souk_slice_is(key, "progressToken")) ||
           (e->traceparent.len > 0 && souk_slice_is(key, "traceparent"));
}

static void check_ours(const souk_mcp_envelope *e, const souk_jval *meta)
{
    int64_t token;
    if (souk_mcp_is_modern(e->revision)) {
        must(souk_json_is_string(souk_json_get(meta, version_key), "2026-07-28"));
        must(souk_json_get(meta, "io.modelcontextprotocol/clientInfo") != NULL);
        must(souk_json_get(meta, "io.modelcontextprotocol/clientCapabilities")->size == 1);
        must(e->log_level.len == 0 || souk_json_is_string(souk_json_get(meta, log_key), "debug"));
    }
    if (e->progress_token != 0) {
        must(souk_json_integer(souk_json_get(meta, "progressToken"), &token) && token == 7);
    }
    if (e->traceparent.len > 0) {
        must(souk_json_is_string(souk_json_get(meta, "traceparent"), "00-a-b-01"));
    }
}

/* Every member of `before` is in `after` as it was, apart from what `skip` says. */
static void check_kept(const souk_jval *before, const souk_jval *after, const souk_mcp_envelope *e)
{
    souk_json_members it = souk_json_each_member(before);
    while (souk_json_next_member(&it)) {
        bool replaced = e != NULL ? is_ours(e, it.key) : souk_slice_is(it.key, "_meta");
        must(replaced || souk_json_equal(it.value, souk_json_get_slice(after, it.key)));
    }
}

static void check_written(const souk_mcp_envelope *e, const souk_jval *given, souk_buf *out)
{
    souk_err err;
    souk_json_doc doc;
    souk_rpc_message m;
    /* The envelope adds up to three levels, and keys that no object may have twice. */
    const souk_json_limits limits = {.depth = 131, .duplicates = SOUK_JSON_NO_DUPLICATES};
    must(souk_lines_frame(out, &err) == SOUK_OK);
    souk_slice line = souk_buf_slice(out);
    must(souk_slice_find(line, '\n') == line.len - 1);
    souk_json_doc_init(&doc, souk_alloc_libc());
    must(souk_json_read(&doc, line, &limits, &err) == SOUK_OK);
    must(souk_rpc_read(doc.root, &m, &err) == SOUK_OK);
    must(m.kind == SOUK_RPC_REQUEST && souk_rpc_id_eq(m.id, souk_rpc_id_int(42)));
    must(souk_slice_is(m.method, "tools/call"));

    const souk_jval *old_meta = souk_json_get(given, "_meta");
    const souk_jval *new_meta = souk_json_get(m.params, "_meta");
    check_ours(e, new_meta);
    check_kept(given, m.params, NULL);
    check_kept(old_meta, new_meta, e);
    if (given != NULL) {
        must(m.params->size == given->size + (old_meta == NULL && new_meta != NULL));
    }
    souk_json_doc_free(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_err err;
    souk_buf out;
    souk_json_doc given;
    if (size < 1) {
        return 0;
    }
    souk_mcp_envelope e = choose(data[0]);
    e.params = souk_slice_make((const char *)data + 1, size - 1);
    const souk_json_limits limits = {.duplicates = SOUK_JSON_NO_DUPLICATES};
    souk_json_doc_init(&given, souk_alloc_libc());
    souk_buf_init(&out, souk_alloc_libc(), SIZE_MAX / 2);
    bool is_json = souk_json_read(&given, e.params, &limits, &err) == SOUK_OK;
    bool is_object = is_json && given.root->type == SOUK_JSON_OBJECT;
    const souk_jval *meta = souk_json_get(given.root, "_meta");
    bool writes_meta =
        souk_mcp_is_modern(e.revision) || e.progress_token != 0 || e.traceparent.len > 0;

    int rc = souk_mcp_write_request(&out, &e, &err);
    must(rc == SOUK_OK || (rc == err.kind && err.message[0] != '\0'));
    if (is_json && !is_object) {
        must(rc == SOUK_E_SCHEMA);
    } else if (is_object && writes_meta && meta != NULL && meta->type != SOUK_JSON_OBJECT) {
        must(rc == SOUK_E_SCHEMA);
    } else if (is_object || souk_slice_trim(e.params).len == 0) {
        must(rc == SOUK_OK);
        check_written(&e, given.root, &out);
    }
    souk_buf_free(&out);
    souk_json_doc_free(&given);
    return 0;
}
