/* What the server says about itself, kept as one text for whoever asks. */
#include "mcp/session_internal.h"
#include "json/write.h"

/* In the body (legacy), or in the result's _meta (2026-07-28, "server/discover"). */
static const souk_jval *find_info(const souk_jval *result)
{
    const souk_jval *meta = souk_json_get(result, "_meta");
    const souk_jval *info = souk_json_get(meta, "io.modelcontextprotocol/serverInfo");
    return info != NULL ? info : souk_json_get(result, "serverInfo");
}

static const char *transport_of(const souk_mcp *mcp)
{
    if (!souk_mcp_is_http(mcp)) {
        return "stdio";
    }
    return mcp->two_endpoints ? "sse" : "http";
}

static void write_member(souk_jw *w, const char *key, const souk_jval *value, souk_json_type type)
{
    if (value != NULL && souk_json_type_of(value) == type) {
        souk_jw_key(w, souk_slice_of(key));
        souk_jw_value(w, value);
    }
}

void souk_mcp_learn(souk_mcp *mcp, const souk_jval *result)
{
    souk_jw w;
    souk_buf text;
    /* The same content, written compactly: it is hardly ever larger than what was received. */
    souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "protocolVersion", souk_slice_of(souk_mcp_revision_name(mcp->revision)));
    souk_jw_key_string(&w, "era",
                       souk_slice_of(souk_mcp_era_name(souk_mcp_revision_era(mcp->revision))));
    souk_jw_key_string(&w, "transport", souk_slice_of(transport_of(mcp)));
    write_member(&w, "serverInfo", find_info(result), SOUK_JSON_OBJECT);
    write_member(&w, "capabilities", souk_json_get(result, "capabilities"), SOUK_JSON_OBJECT);
    write_member(&w, "instructions", souk_json_get(result, "instructions"), SOUK_JSON_STRING);
    souk_jw_end_object(&w);
    souk_free(mcp->alloc, mcp->about);
    mcp->about = NULL;
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        mcp->about = souk_dup(mcp->alloc, souk_buf_slice(&text)); /* of exactly its size */
    }
    souk_buf_free(&text);
}

souk_slice souk_mcp_about(const souk_mcp *mcp)
{
    return souk_slice_of(mcp->about);
}
