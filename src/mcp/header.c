#include "mcp/header.h"

#include <string.h>

#include "base/buf.h"

enum {
    FIRST_CAPACITY = 16,
    SHOWN_NAME_MAX = 64 /* bytes of a wrong header name that an error shows */
};

void souk_mcp_headers_init(souk_mcp_headers *headers, const souk_alloc *alloc)
{
    memset(headers, 0, sizeof *headers);
    souk_arena_init(&headers->texts, alloc);
}

void souk_mcp_headers_free(souk_mcp_headers *headers)
{
    const souk_alloc *alloc = headers->texts.alloc;
    if (headers->list != NULL) {
        souk_free(alloc, headers->list);
    }
    souk_arena_free(&headers->texts);
    souk_mcp_headers_init(headers, alloc);
}

const char *souk_mcp_verb_name(souk_mcp_verb verb)
{
    switch (verb) {
    case SOUK_MCP_GET:
        return "GET";
    case SOUK_MCP_DELETE:
        return "DELETE";
    case SOUK_MCP_POST:
        break;
    }
    return "POST";
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static size_t token_length(souk_slice bytes)
{
    size_t len = 0;
    while (len < bytes.len && bytes.ptr[len] != '\0' &&
           (is_alphanumeric(bytes.ptr[len]) || strchr("!#$%&'*+-.^_`|~", bytes.ptr[len]) != NULL)) {
        len++;
    }
    return len;
}

bool souk_mcp_is_token(souk_slice bytes)
{
    return bytes.len > 0 && token_length(bytes) == bytes.len;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

bool souk_mcp_is_header_value(souk_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (is_control(bytes.ptr[i]) && bytes.ptr[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* A name with a fault may be a whole header line, with a secret behind the fault: it is shown up to
 * there. */
static int check_name(souk_slice name, int kind, souk_err *err)
{
    size_t good = token_length(name);
    if (name.len == 0) {
        return souk_fail(err, kind, "a header has an empty name");
    }
    if (good < name.len) {
        int shown = good < SHOWN_NAME_MAX ? (int)good : SHOWN_NAME_MAX;
        return souk_fail(err, kind,
                         "the name of the header that begins with \"%.*s\" has a character that "
                         "is not allowed there",
                         shown, name.ptr);
    }
    return SOUK_OK;
}

static int check_value(souk_slice name, souk_slice value, int kind, souk_err *err)
{
    if (souk_mcp_is_header_value(value)) {
        return SOUK_OK;
    }
    return souk_fail(err, kind, "the value of header \"%.*s\" has a control character",
                     SOUK_ARG(name));
}

/* Appends a header whose texts live long enough. */
static int append(souk_mcp_headers *headers, souk_slice name, souk_slice value, souk_err *err)
{
    if (headers->count == SOUK_MCP_HEADERS_MAX) {
        return souk_fail(err, SOUK_E_LIMIT, "a request has more than %d headers",
                         SOUK_MCP_HEADERS_MAX);
    }
    if (headers->count == headers->cap) {
        size_t cap = headers->cap == 0 ? FIRST_CAPACITY : headers->cap * 2;
        souk_header *list =
            souk_resize_array(headers->texts.alloc, headers->list, cap, sizeof *list);
        if (list == NULL) {
            return souk_fail_memory(err);
        }
        headers->list = list;
        headers->cap = cap;
    }
    headers->list[headers->count].name = name;
    headers->list[headers->count].value = value;
    headers->count++;
    return SOUK_OK;
}

static int add_checked(souk_mcp_headers *headers, const char *name, souk_slice value, int kind,
                       souk_err *err)
{
    souk_slice bytes = souk_slice_of(name);
    int rc = check_value(bytes, value, kind, err);
    return rc == SOUK_OK ? append(headers, bytes, value, err) : rc;
}

int souk_mcp_headers_add(souk_mcp_headers *headers, souk_slice name, souk_slice value, int kind,
                         souk_err *err)
{
    int rc = check_name(name, kind, err);
    if (rc == SOUK_OK) {
        rc = check_value(name, value, kind, err);
    }
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_slice own_name;
    souk_slice own_value;
    if (!souk_arena_copy(&headers->texts, name, &own_name) ||
        !souk_arena_copy(&headers->texts, value, &own_value)) {
        return souk_fail_memory(err);
    }
    return append(headers, own_name, own_value, err);
}

bool souk_mcp_header_is_ours(souk_slice name)
{
    static const char *const ours[] = {
        /* the protocol's */
        "Accept", "Content-Type", "MCP-Protocol-Version", "Mcp-Session-Id", "Mcp-Method",
        "Mcp-Name", "Last-Event-ID",
        /* the engine's: they decide where a message ends (RFC 9112 section 6) and how it travels */
        "Content-Length", "Transfer-Encoding", "Content-Encoding", "Connection", "Keep-Alive", "TE",
        "Trailer", "Upgrade", "Expect"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (souk_slice_eq_nocase(name, souk_slice_of(ours[i]))) {
            return true;
        }
    }
    return souk_slice_starts_nocase(name, SOUK_LIT("Mcp-Param-"));
}

const char *souk_mcp_name_member(souk_slice rpc_method)
{
    static const struct {
        const char *method;
        const char *member;
    } rows[] = {
        {"tools/call", "name"},  {"prompts/get", "name"},    {"resources/read", "uri"},
        {"tasks/get", "taskId"}, {"tasks/update", "taskId"}, {"tasks/cancel", "taskId"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (souk_slice_is(rpc_method, rows[i].method)) {
            return rows[i].member;
        }
    }
    return NULL;
}

bool souk_mcp_session_id_valid(souk_slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] < 0x21 || id.ptr[i] > 0x7E) {
            return false;
        }
    }
    return id.len > 0 && id.len <= SOUK_MCP_SESSION_ID_MAX;
}

/* Accept and Content-Type: a POST lists both answers, a GET wants a stream (basic/transports). */
static int add_media(souk_mcp_headers *headers, souk_mcp_verb verb, souk_err *err)
{
    if (verb == SOUK_MCP_DELETE) {
        return SOUK_OK;
    }
    if (verb == SOUK_MCP_GET) {
        return append(headers, SOUK_LIT("Accept"), SOUK_LIT("text/event-stream"), err);
    }
    int rc =
        append(headers, SOUK_LIT("Accept"), SOUK_LIT("application/json, text/event-stream"), err);
    if (rc == SOUK_OK) {
        rc = append(headers, SOUK_LIT("Content-Type"), SOUK_LIT("application/json"), err);
    }
    return rc;
}

/* What only legacy revisions have: the session, and resuming. */
static int add_session(souk_mcp_headers *headers, const souk_mcp_http_request *request,
                       souk_err *err)
{
    if (!souk_mcp_has_session(request->revision)) {
        return SOUK_OK;
    }
    int rc = SOUK_OK;
    if (request->session_id.len > 0) {
        if (!souk_mcp_session_id_valid(request->session_id)) {
            return souk_fail(err, SOUK_E_PROTOCOL,
                             "the session id has a character that is not allowed");
        }
        rc = append(headers, SOUK_LIT("Mcp-Session-Id"), request->session_id, err);
    }
    if (rc == SOUK_OK && request->verb == SOUK_MCP_GET && request->last_event_id.len > 0) {
        rc = add_checked(headers, "Last-Event-ID", request->last_event_id, SOUK_E_PROTOCOL, err);
    }
    return rc;
}

/* The value of Mcp-Name, encoded into the arena. */
static int add_name(souk_mcp_headers *headers, souk_slice name, souk_err *err)
{
    souk_buf value;
    souk_buf_init(&value, headers->texts.alloc, SOUK_MCP_HEADER_VALUE_MAX);
    int rc = souk_mcp_write_header_value(&value, name, err);
    if (rc == SOUK_OK) {
        rc = souk_mcp_headers_add(headers, SOUK_LIT("Mcp-Name"), souk_buf_slice(&value),
                                  SOUK_E_PROTOCOL, err);
    }
    souk_buf_free(&value);
    return rc;
}

/* What only modern revisions have: the message's method and name, for who routes without reading.
 */
static int add_method(souk_mcp_headers *headers, const souk_mcp_http_request *request,
                      souk_err *err)
{
    if (!souk_mcp_sends_method_headers(request->revision) || request->rpc_method.len == 0) {
        return SOUK_OK;
    }
    int rc = add_checked(headers, "Mcp-Method", request->rpc_method, SOUK_E_PROTOCOL, err);
    if (rc == SOUK_OK && request->name.ptr != NULL &&
        souk_mcp_name_member(request->rpc_method) != NULL) {
        rc = add_name(headers, request->name, err);
    }
    return rc;
}

static int add_more(souk_mcp_headers *headers, const souk_mcp_http_request *request, souk_err *err)
{
    int rc = SOUK_OK;
    for (size_t i = 0; rc == SOUK_OK && i < request->more_count; i++) {
        const souk_header *header = &request->more[i];
        rc = check_name(header->name, SOUK_E_CONFIG, err);
        if (rc == SOUK_OK) {
            rc = check_value(header->name, header->value, SOUK_E_CONFIG, err);
        }
        if (rc == SOUK_OK) {
            rc = append(headers, header->name, header->value, err);
        }
    }
    return rc;
}

static int add_extra(souk_mcp_headers *headers, const souk_mcp_http_request *request, souk_err *err)
{
    int rc = SOUK_OK;
    for (size_t i = 0; rc == SOUK_OK && i < request->extra_count; i++) {
        souk_slice name = request->extra[i].name;
        souk_slice value = request->extra[i].value;
        bool is_replaced =
            request->authorization.len > 0 && souk_slice_eq_nocase(name, SOUK_LIT("Authorization"));
        rc = check_name(name, SOUK_E_CONFIG, err);
        if (rc == SOUK_OK) {
            rc = check_value(name, value, SOUK_E_CONFIG, err);
        }
        if (rc == SOUK_OK && !is_replaced && !souk_mcp_header_is_ours(name)) {
            rc = append(headers, name, value, err);
        }
    }
    return rc;
}

int souk_mcp_headers_build(souk_mcp_headers *headers, const souk_mcp_http_request *request,
                           souk_err *err)
{
    int rc = add_media(headers, request->verb, err);
    if (rc == SOUK_OK && souk_mcp_sends_version_header(request->revision)) {
        rc = append(headers, SOUK_LIT("MCP-Protocol-Version"),
                    souk_slice_of(souk_mcp_revision_name(request->revision)), err);
    }
    if (rc == SOUK_OK) {
        rc = add_method(headers, request, err);
    }
    if (rc == SOUK_OK) {
        rc = add_more(headers, request, err);
    }
    headers->open_count = headers->count;
    if (rc == SOUK_OK) {
        rc = add_session(headers, request, err);
    }
    if (rc == SOUK_OK && request->authorization.len > 0) {
        rc = add_checked(headers, "Authorization", request->authorization, SOUK_E_AUTH, err);
    }
    if (rc == SOUK_OK) {
        rc = add_extra(headers, request, err);
    }
    return rc;
}
