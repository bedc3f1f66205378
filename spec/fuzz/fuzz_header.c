/*
 * Headers: a value that is encoded can be decoded again, and whatever comes from outside, the list
 * of a request never holds a line end, and the protocol's own headers once.
 *
 * Input: two bytes that choose verb, revision and more; then fields, divided by 0xFF: name, method,
 * session id, event id, token, and pairs of a user's header name and value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/header.h"
#include "mcp/reply.h"
#include "mcp_decode.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static souk_slice take_field(souk_slice *rest)
{
    size_t len = souk_slice_find(*rest, '\xFF');
    souk_slice field = souk_slice_make(rest->ptr, len);
    *rest = souk_slice_from(*rest, len + 1);
    return field;
}

static void check_value(souk_slice value)
{
    souk_buf written;
    souk_buf back;
    souk_buf_init(&written, souk_alloc_libc(), SIZE_MAX / 2);
    souk_buf_init(&back, souk_alloc_libc(), SIZE_MAX / 2);
    must(souk_mcp_write_header_value(&written, value, NULL) == SOUK_OK);
    souk_slice text = souk_buf_slice(&written);
    for (size_t i = 0; i < text.len; i++) {
        must(text.ptr[i] >= 0x20 && text.ptr[i] <= 0x7E);
    }
    must(text.len == 0 || (text.ptr[0] != ' ' && text.ptr[text.len - 1] != ' '));
    must(decode_header_value(text, &back));
    must(souk_slice_eq(souk_buf_slice(&back), value));
    souk_buf_free(&written);
    souk_buf_free(&back);
}

static void check_list(const souk_mcp_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        souk_slice name = headers->list[i].name;
        souk_slice value = headers->list[i].value;
        must(souk_mcp_is_token(name) && souk_mcp_is_header_value(value));
        for (size_t k = 0; k < value.len; k++) {
            must(value.ptr[k] != '\r' && value.ptr[k] != '\n' && value.ptr[k] != '\0');
        }
        for (size_t k = 0; souk_mcp_header_is_ours(name) && k < i; k++) {
            must(!souk_slice_eq_nocase(headers->list[k].name, name));
        }
    }
}

static void check_token(souk_slice token)
{
    souk_buf out;
    souk_buf_init(&out, souk_alloc_libc(), SIZE_MAX / 2);
    if (souk_mcp_write_authorization(&out, token, NULL) == SOUK_OK) {
        must(souk_mcp_is_header_value(souk_buf_slice(&out)));
        must(souk_slice_ends(souk_buf_slice(&out), token));
    }
    souk_buf_free(&out);
}

static void check_head(const souk_header *headers, size_t count)
{
    souk_mcp_head head;
    int rc = souk_mcp_head_read(&head, 200, headers, count, 1795348800, NULL);
    must(rc == SOUK_OK || rc == SOUK_E_PROTOCOL);
    must(head.session_id.len == 0 || souk_mcp_session_id_valid(head.session_id));
    must(head.retry_after_ms >= -1 && head.retry_after_ms <= 86400000);
}

enum { EXTRA_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const reply_names[] = {"Retry-After", "Mcp-Session-Id", "Content-Type",
                                              "WWW-Authenticate"};
    souk_header extra[EXTRA_MAX];
    souk_header reply[4];
    souk_mcp_headers headers;
    souk_mcp_http_request request;
    if (size < 2) {
        return 0;
    }
    souk_slice rest = souk_slice_make((const char *)data + 2, size - 2);
    memset(&request, 0, sizeof request);
    request.verb = (souk_mcp_verb)(data[0] % 3);
    request.revision = (souk_mcp_revision)(data[1] % 6);
    request.name = take_field(&rest);
    request.rpc_method = take_field(&rest);
    request.session_id = take_field(&rest);
    request.last_event_id = take_field(&rest);
    request.authorization = take_field(&rest);
    check_value(request.name);
    check_token(request.authorization);
    if ((data[0] & 0x80) != 0) {
        request.rpc_method = SOUK_LIT("tools/call");
    }
    while (rest.len > 0 && request.extra_count < EXTRA_MAX) {
        extra[request.extra_count].name = take_field(&rest);
        extra[request.extra_count].value = take_field(&rest);
        request.extra_count++;
    }
    request.extra = extra;
    for (size_t i = 0; i < 4 && i < request.extra_count; i++) {
        reply[i].name = souk_slice_of(reply_names[i]);
        reply[i].value = extra[i].value;
    }
    check_head(reply, request.extra_count < 4 ? request.extra_count : 4);

    souk_mcp_headers_init(&headers, souk_alloc_libc());
    souk_err err;
    int rc = souk_mcp_headers_build(&headers, &request, &err);
    must(rc == SOUK_OK || (rc == err.kind && err.message[0] != '\0'));
    check_list(&headers);
    souk_mcp_headers_free(&headers);
    return 0;
}
