#include "mcp/ability.h"

#include "mcp/rpc.h"
#include "json/write.h"

enum { CAN_ELICIT = SOUK_MCP_CAN_ELICIT_FORM | SOUK_MCP_CAN_ELICIT_URL };

static void write_empty(souk_jw *w, const char *key)
{
    souk_jw_key_raw(w, key, SOUK_LIT("{}"));
}

/* Servers of 2025-06-18 take any object here for a form. */
static void write_elicitation(souk_jw *w, unsigned abilities)
{
    souk_jw_key(w, SOUK_LIT("elicitation"));
    souk_jw_object(w);
    if ((abilities & SOUK_MCP_CAN_ELICIT_FORM) != 0) {
        write_empty(w, "form");
    }
    if ((abilities & SOUK_MCP_CAN_ELICIT_URL) != 0) {
        write_empty(w, "url");
    }
    souk_jw_end_object(w);
}

int souk_mcp_write_capabilities(souk_buf *out, unsigned abilities, souk_mcp_era era, souk_err *err)
{
    bool modern = era == SOUK_MCP_ERA_MODERN;
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    if ((abilities & SOUK_MCP_CAN_LIST_ROOTS) != 0) {
        souk_jw_key_raw(&w, "roots", modern ? SOUK_LIT("{}") : SOUK_LIT("{\"listChanged\":true}"));
    }
    if ((abilities & SOUK_MCP_CAN_SAMPLE) != 0) {
        write_empty(&w, "sampling");
    }
    if ((abilities & CAN_ELICIT) != 0) {
        write_elicitation(&w, abilities);
    }
    if (modern && (abilities & SOUK_MCP_CAN_FOLLOW_TASKS) != 0) {
        souk_jw_key_raw(&w, "extensions", SOUK_LIT("{\"io.modelcontextprotocol/tasks\":{}}"));
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

static int refuse(souk_err *err, int64_t code, const char *why)
{
    souk_fail(err, SOUK_E_PROTOCOL, "%s", why);
    if (err != NULL) {
        err->has_code = true;
        err->code = code;
    }
    return SOUK_E_PROTOCOL;
}

static int refuse_params(souk_err *err, const char *why)
{
    return refuse(err, SOUK_RPC_INVALID_PARAMS, why);
}

static bool has_member(const souk_jval *params, const char *name, souk_json_type type)
{
    const souk_jval *member = souk_json_get(params, name);
    return member != NULL && souk_json_type_of(member) == type;
}

/* client/elicitation: a request without a mode is a form. */
static int check_elicitation(unsigned abilities, const souk_jval *params, souk_err *err)
{
    const souk_jval *mode = souk_json_get(params, "mode");
    bool is_url = souk_json_is_string(mode, "url");
    bool is_form = mode == NULL || souk_json_is_string(mode, "form");
    unsigned needed = is_url ? SOUK_MCP_CAN_ELICIT_URL : SOUK_MCP_CAN_ELICIT_FORM;
    if ((!is_form && !is_url) || (abilities & needed) == 0) {
        return refuse_params(err, "the client does not support this mode of elicitation");
    }
    if (!has_member(params, "message", SOUK_JSON_STRING)) {
        return refuse_params(err, "elicitation/create needs a message, which is a string");
    }
    if (is_url && !has_member(params, "url", SOUK_JSON_STRING)) {
        return refuse_params(err, "elicitation/create needs a url, which is a string");
    }
    if (is_form && !has_member(params, "requestedSchema", SOUK_JSON_OBJECT)) {
        return refuse_params(err, "elicitation/create needs a requestedSchema, which is an object");
    }
    return SOUK_OK;
}

static int check_sampling(const souk_jval *params, souk_err *err)
{
    if (!has_member(params, "messages", SOUK_JSON_ARRAY)) {
        return refuse_params(err, "sampling/createMessage needs messages, which are an array");
    }
    return SOUK_OK;
}

static int check_roots(const souk_jval *params, souk_err *err)
{
    if (params != NULL && souk_json_type_of(params) != SOUK_JSON_OBJECT) {
        return refuse_params(err, "the params of roots/list are an object, if there are any");
    }
    return SOUK_OK;
}

int souk_mcp_ability_check(unsigned abilities, souk_slice method, const souk_jval *params,
                           souk_err *err)
{
    if (souk_slice_is(method, "elicitation/create") && (abilities & CAN_ELICIT) != 0) {
        return check_elicitation(abilities, params, err);
    }
    if (souk_slice_is(method, "sampling/createMessage") && (abilities & SOUK_MCP_CAN_SAMPLE) != 0) {
        return check_sampling(params, err);
    }
    if (souk_slice_is(method, "roots/list") && (abilities & SOUK_MCP_CAN_LIST_ROOTS) != 0) {
        return check_roots(params, err);
    }
    return refuse(err, SOUK_RPC_METHOD_NOT_FOUND, "the client does not support this method");
}
