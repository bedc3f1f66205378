#include "mcp/rpc.h"

#include <string.h>

#include "json/write.h"

bool souk_rpc_id_eq(souk_rpc_id a, souk_rpc_id b)
{
    if (a.type != b.type) {
        return false;
    }
    switch (a.type) {
    case SOUK_RPC_ID_INT:
        return a.number == b.number;
    case SOUK_RPC_ID_STRING:
        return souk_slice_eq(a.text, b.text);
    case SOUK_RPC_ID_NONE:
    case SOUK_RPC_ID_NULL:
        break;
    }
    return true;
}

souk_rpc_id souk_rpc_id_int(int64_t number)
{
    souk_rpc_id id = {SOUK_RPC_ID_INT, number, {NULL, 0}};
    return id;
}

souk_rpc_id souk_rpc_id_string(souk_slice text)
{
    souk_rpc_id id = {SOUK_RPC_ID_STRING, 0, text};
    return id;
}

static int invalid(souk_err *err, const char *why)
{
    return souk_fail(err, SOUK_E_PROTOCOL, "not a JSON-RPC message: %s", why);
}

static bool read_id(const souk_jval *value, souk_rpc_id *id)
{
    int64_t number;
    if (value == NULL) {
        id->type = SOUK_RPC_ID_NONE;
    } else if (value->type == SOUK_JSON_NULL) {
        id->type = SOUK_RPC_ID_NULL;
    } else if (value->type == SOUK_JSON_STRING) {
        *id = souk_rpc_id_string(souk_json_string(value));
    } else if (souk_json_integer(value, &number)) {
        *id = souk_rpc_id_int(number);
    } else {
        return false;
    }
    return true;
}

static bool is_usable(const souk_rpc_id *id)
{
    return id->type == SOUK_RPC_ID_INT || id->type == SOUK_RPC_ID_STRING;
}

/* A request, or a notification when there is no id. */
static int read_call(const souk_jval *method, const souk_jval *params, souk_rpc_message *message,
                     souk_err *err)
{
    if (method->type != SOUK_JSON_STRING) {
        return invalid(err, "its method is no string");
    }
    if (message->id.type == SOUK_RPC_ID_NULL) {
        return invalid(err, "the id of a request is null");
    }
    souk_json_type type = souk_json_type_of(params);
    if (type != SOUK_JSON_NULL && type != SOUK_JSON_OBJECT && type != SOUK_JSON_ARRAY) {
        return invalid(err, "its params are neither an object nor an array");
    }
    message->method = souk_json_string(method);
    message->params = type == SOUK_JSON_NULL ? NULL : params;
    message->kind = is_usable(&message->id) ? SOUK_RPC_REQUEST : SOUK_RPC_NOTIFICATION;
    return SOUK_OK;
}

static int read_error(const souk_jval *error, souk_rpc_message *message, souk_err *err)
{
    if (souk_json_type_of(error) != SOUK_JSON_OBJECT) {
        return invalid(err, "its error is no object");
    }
    if (!souk_json_integer(souk_json_get(error, "code"), &message->code)) {
        return invalid(err, "its error has no code that is an integer");
    }
    message->message = souk_json_string(souk_json_get(error, "message"));
    message->data = souk_json_get(error, "data");
    message->kind = SOUK_RPC_ERROR;
    return SOUK_OK;
}

static int read_answer(const souk_jval *result, const souk_jval *error, souk_rpc_message *message,
                       souk_err *err)
{
    if (result != NULL && error != NULL) {
        return invalid(err, "it has both a result and an error");
    }
    if (error != NULL) {
        return read_error(error, message, err);
    }
    if (result == NULL) {
        return invalid(err, "it has neither a method, nor a result, nor an error");
    }
    if (!is_usable(&message->id)) {
        return invalid(err, "it has a result but no id");
    }
    message->result = result;
    message->kind = SOUK_RPC_RESULT;
    return SOUK_OK;
}

int souk_rpc_read(const souk_jval *root, souk_rpc_message *message, souk_err *err)
{
    memset(message, 0, sizeof *message);
    if (souk_json_type_of(root) != SOUK_JSON_OBJECT) {
        return invalid(err, "it is no object");
    }
    if (!souk_json_is_string(souk_json_get(root, "jsonrpc"), "2.0")) {
        return invalid(err, "\"jsonrpc\" is not \"2.0\"");
    }
    if (!read_id(souk_json_get(root, "id"), &message->id)) {
        return invalid(err, "its id is neither a string nor an integer of 64 bits");
    }
    const souk_jval *method = souk_json_get(root, "method");
    const souk_jval *result = souk_json_get(root, "result");
    const souk_jval *error = souk_json_get(root, "error");
    if (method == NULL) {
        return read_answer(result, error, message, err);
    }
    if (result != NULL || error != NULL) {
        return invalid(err, "it has a method together with a result or an error");
    }
    return read_call(method, souk_json_get(root, "params"), message, err);
}

/* Codes that a server gives before it executes anything. */
static bool is_rejection(int64_t code)
{
    switch (code) {
    case SOUK_RPC_PARSE_ERROR:
    case SOUK_RPC_INVALID_REQUEST:
    case SOUK_RPC_METHOD_NOT_FOUND:
    case SOUK_RPC_HEADER_MISMATCH:
    case SOUK_RPC_MISSING_CAPABILITY:
    case SOUK_RPC_UNSUPPORTED_VERSION:
        return true;
    default:
        return false;
    }
}

int souk_rpc_fail(const souk_rpc_message *message, souk_err *err)
{
    if (message->message.len > 0) {
        souk_fail(err, SOUK_E_RPC, "%.*s", SOUK_ARG(message->message));
    } else {
        souk_fail(err, SOUK_E_RPC, "the server answered with error %lld and no text",
                  (long long)message->code);
    }
    if (err != NULL) {
        err->has_code = true;
        err->code = message->code;
        err->delivery =
            is_rejection(message->code) ? SOUK_DELIVERY_REJECTED : SOUK_DELIVERY_DELIVERED;
    }
    return SOUK_E_RPC;
}

static void begin_message(souk_jw *w, souk_buf *out)
{
    souk_jw_init(w, out);
    souk_jw_object(w);
    souk_jw_key_string(w, "jsonrpc", SOUK_LIT("2.0"));
}

static int end_message(souk_jw *w, souk_err *err)
{
    souk_jw_end_object(w);
    return souk_jw_check(w, err);
}

static void write_id(souk_jw *w, souk_rpc_id id)
{
    switch (id.type) {
    case SOUK_RPC_ID_INT:
        souk_jw_key_int(w, "id", id.number);
        break;
    case SOUK_RPC_ID_STRING:
        souk_jw_key_string(w, "id", id.text);
        break;
    case SOUK_RPC_ID_NONE:
    case SOUK_RPC_ID_NULL:
        souk_jw_key_raw(w, "id", SOUK_LIT("null"));
        break;
    }
}

int souk_rpc_write_result(souk_buf *out, souk_rpc_id id, souk_slice result, souk_err *err)
{
    souk_jw w;
    begin_message(&w, out);
    write_id(&w, id);
    souk_jw_key_raw(&w, "result", result);
    return end_message(&w, err);
}

int souk_rpc_write_error(souk_buf *out, souk_rpc_id id, int64_t code, souk_slice message,
                         souk_slice data, souk_err *err)
{
    souk_jw w;
    begin_message(&w, out);
    write_id(&w, id);
    souk_jw_key(&w, SOUK_LIT("error"));
    souk_jw_object(&w);
    souk_jw_key_int(&w, "code", code);
    souk_jw_key_string(&w, "message", message);
    if (data.len > 0) {
        souk_jw_key_raw(&w, "data", data);
    }
    souk_jw_end_object(&w);
    return end_message(&w, err);
}

int souk_rpc_write_notification(souk_buf *out, souk_slice method, souk_slice params, souk_err *err)
{
    souk_jw w;
    begin_message(&w, out);
    souk_jw_key_string(&w, "method", method);
    if (params.len > 0) {
        souk_jw_key_raw(&w, "params", params);
    }
    return end_message(&w, err);
}

bool souk_rpc_is_nameless_error(const souk_rpc_message *message)
{
    return message->kind == SOUK_RPC_ERROR && message->id.type != SOUK_RPC_ID_INT;
}
