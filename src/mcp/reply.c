#include "mcp/reply.h"

#include <string.h>

#include "mcp/header.h"
#include "mcp/http_date.h"

/* A longer Retry-After is cut to this one. */
#define MAX_RETRY_AFTER_S INT64_C(86400)

souk_mcp_media souk_mcp_media_of(souk_slice content_type)
{
    souk_slice type = souk_slice_make(content_type.ptr, souk_slice_find(content_type, ';'));
    type = souk_slice_trim(type);
    if (type.len == 0) {
        return SOUK_MCP_MEDIA_NONE;
    }
    if (souk_slice_eq_nocase(type, SOUK_LIT("application/json"))) {
        return SOUK_MCP_MEDIA_JSON;
    }
    if (souk_slice_eq_nocase(type, SOUK_LIT("text/event-stream"))) {
        return SOUK_MCP_MEDIA_SSE;
    }
    return SOUK_MCP_MEDIA_OTHER;
}

static bool read_seconds(souk_slice text, int64_t *seconds)
{
    *seconds = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        *seconds = *seconds * 10 + (text.ptr[i] - '0');
        if (*seconds > MAX_RETRY_AFTER_S) {
            *seconds = MAX_RETRY_AFTER_S;
        }
    }
    return text.len > 0;
}

int64_t souk_mcp_retry_after_ms(souk_slice value, int64_t now)
{
    int64_t seconds;
    value = souk_slice_trim(value);
    if (!read_seconds(value, &seconds)) {
        int64_t date;
        if (now == 0 || !souk_http_date_read(value, now, &date)) {
            return -1;
        }
        seconds = date <= now ? 0 : date - now;
    }
    return 1000 * (seconds < MAX_RETRY_AFTER_S ? seconds : MAX_RETRY_AFTER_S);
}

/* The first header of a name counts; servers and gateways that repeat one repeat the same. */
static void set_first(souk_slice *field, souk_slice value)
{
    if (field->len == 0) {
        *field = souk_slice_trim(value);
    }
}

static void read_challenge(souk_mcp_head *head, souk_slice value)
{
    souk_slice bearer = SOUK_LIT("Bearer");
    value = souk_slice_trim(value);
    if (head->www_authenticate.len == 0 ||
        (souk_slice_starts_nocase(value, bearer) &&
         !souk_slice_starts_nocase(head->www_authenticate, bearer))) {
        head->www_authenticate = value;
    }
}

static void read_header(souk_mcp_head *head, const souk_header *header, int64_t now)
{
    if (souk_slice_eq_nocase(header->name, SOUK_LIT("Content-Type"))) {
        set_first(&head->content_type, header->value);
    } else if (souk_slice_eq_nocase(header->name, SOUK_LIT("Mcp-Session-Id"))) {
        set_first(&head->session_id, header->value);
    } else if (souk_slice_eq_nocase(header->name, SOUK_LIT("WWW-Authenticate"))) {
        read_challenge(head, header->value);
    } else if (souk_slice_eq_nocase(header->name, SOUK_LIT("Location"))) {
        set_first(&head->location, header->value);
    } else if (souk_slice_eq_nocase(header->name, SOUK_LIT("Retry-After")) &&
               head->retry_after_ms < 0) {
        head->retry_after_ms = souk_mcp_retry_after_ms(header->value, now);
    }
}

/* 2020-01-01: settles the century of a date that is the only clock there is; 1970 to 2070. */
static const int64_t some_day = 1577836800;

/* The response's own Date (RFC 9110 section 6.6.1); 0: it has none, or none that can be read. */
static int64_t date_of(const souk_header *headers, size_t count)
{
    int64_t date = 0;
    for (size_t i = 0; i < count; i++) {
        if (souk_slice_eq_nocase(headers[i].name, SOUK_LIT("Date")) &&
            souk_http_date_read(souk_slice_trim(headers[i].value), some_day, &date)) {
            return date;
        }
    }
    return 0;
}

int souk_mcp_head_read(souk_mcp_head *head, int status, const souk_header *headers, size_t count,
                       int64_t now, souk_err *err)
{
    memset(head, 0, sizeof *head);
    head->status = status;
    head->retry_after_ms = -1;
    now = now == 0 ? date_of(headers, count) : now;
    for (size_t i = 0; i < count; i++) {
        read_header(head, &headers[i], now);
    }
    head->media = souk_mcp_media_of(head->content_type);
    if (head->session_id.len > 0 && !souk_mcp_session_id_valid(head->session_id)) {
        head->session_id = souk_slice_make(NULL, 0);
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server's session id is too long or has a character that is not "
                         "allowed");
    }
    return SOUK_OK;
}

typedef struct refusal {
    int kind;
    souk_delivery delivery;
    bool retryable;
    const char *why;
} refusal;

/* The engine follows what it may: what arrives here it could not. */
static const char *why_not_followed(int status)
{
    switch (status) {
    case 301:
    case 302:
    case 303:
        return "it points elsewhere, in a way that may make a POST a GET, which is not followed "
               "(307 and 308 are)";
    case 307:
    case 308:
        return "it points elsewhere, but does not say where to, or option max_redirects is 0";
    default:
        return "it points elsewhere";
    }
}

static refusal refusal_of(int status)
{
    const refusal auth = {SOUK_E_AUTH, SOUK_DELIVERY_REJECTED, false,
                          status == 401 ? "it wants other credentials, or any"
                                        : "these credentials do not allow it"};
    const refusal later = {SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, true,
                           status == 429 ? "too many requests"
                                         : "it wants the request again later"};
    const refusal trouble = {SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, true,
                             "the server or a gateway is in trouble"};
    const refusal too_large = {SOUK_E_LIMIT, SOUK_DELIVERY_REJECTED, false,
                               "the request is too large for it"};
    refusal redirect = {SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false, "it points elsewhere"};
    const refusal other = {SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false,
                           "it does not take the request"};
    switch (status) {
    case 401:
    case 403:
        return auth;
    case 408:
    case 425:
    case 429:
        return later;
    case 413:
    case 431:
        return too_large;
    default:
        break;
    }
    if (status >= 300 && status <= 399) {
        redirect.why = why_not_followed(status);
        return redirect;
    }
    return status >= 500 ? trouble : other;
}

int souk_mcp_refused(const souk_mcp_head *head, const souk_rpc_message *message, souk_err *err)
{
    refusal row = refusal_of(head->status);
    /* A server that names a time to come back at has done nothing yet; a gateway that lost the
     * server on the way names none. RFC 9110 section 15.6.4. */
    if (head->status == 503 && head->retry_after_ms >= 0) {
        row = refusal_of(429);
        row.why = "it wants the request again later";
    }
    bool has_rpc_error = message != NULL && message->kind == SOUK_RPC_ERROR;
    bool is_rpc = has_rpc_error && row.kind != SOUK_E_AUTH;
    if (is_rpc) {
        souk_rpc_fail(message, err);
    } else {
        souk_fail(err, row.kind, "the server answered with HTTP status %d: %s", head->status,
                  row.why);
    }
    if (err != NULL) {
        /* "Later" stays true when the server says in JSON-RPC why. */
        if (!is_rpc || (row.retryable && row.delivery == SOUK_DELIVERY_REJECTED)) {
            err->delivery = row.delivery;
            err->retryable = row.retryable;
        }
        err->status = head->status;
        bool is_later = row.retryable && row.delivery == SOUK_DELIVERY_REJECTED;
        if (is_later && head->retry_after_ms >= 0) {
            err->retry_after = head->retry_after_ms > 0 ? head->retry_after_ms : 1;
        }
    }
    return is_rpc ? SOUK_E_RPC : row.kind;
}
