/*
 * The endpoint of HTTP+SSE. Input: a byte that chooses the URL of the stream, then what the server
 * said. Whatever it said, the result begins with the scheme and the authority of the URL, has no
 * dot segment and no byte that could end a request line; resolving it once more changes nothing.
 */
#include "mcp/endpoint_uri.h"
#include "script.h"

static souk_slice authority_of(souk_slice url)
{
    size_t start = souk_slice_find(url, ':') + 3;
    size_t end = start;
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#') {
        end++;
    }
    return souk_slice_make(url.ptr, end);
}

static void check_result(souk_slice base, souk_slice result)
{
    souk_slice root = authority_of(base);
    must(souk_slice_starts(result, root));
    must(result.len > root.len && result.ptr[root.len] == '/');
    souk_slice rest = souk_slice_from(result, root.len);
    for (size_t i = 0; i < rest.len; i++) {
        must(rest.ptr[i] > ' ' && rest.ptr[i] < 0x7F && rest.ptr[i] != '#' && rest.ptr[i] != '\\');
    }
    souk_slice path = souk_slice_make(rest.ptr, souk_slice_find(rest, '?'));
    for (size_t i = 0; i < path.len; i++) {
        souk_slice tail = souk_slice_from(path, i);
        must(!souk_slice_starts(tail, SOUK_LIT("/./")) &&
             !souk_slice_starts(tail, SOUK_LIT("/../")) && !souk_slice_is(tail, "/..") &&
             !souk_slice_is(tail, "/."));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const bases[] = {"http://h/a/b?c", "https://h.test:8443", "http://[::1]/"};
    souk_buf out;
    souk_buf again;
    souk_err err;
    script s = {data, size};
    souk_slice base = souk_slice_of(bases[script_choose(&s, 3)]);
    souk_slice reference = souk_slice_make((const char *)s.data, s.left);
    souk_buf_init(&out, souk_alloc_libc(), 20000);
    souk_buf_init(&again, souk_alloc_libc(), 20000);
    int kind = souk_mcp_endpoint_resolve(&out, base, reference, &err);
    must(kind == SOUK_OK || (kind == SOUK_E_PROTOCOL && err.kind == kind && out.len == 0));
    if (kind == SOUK_OK) {
        check_result(base, souk_buf_slice(&out));
        if (out.len <= SOUK_MCP_ENDPOINT_MAX) {
            must(souk_mcp_endpoint_resolve(&again, base, souk_buf_slice(&out), &err) == SOUK_OK);
            must(souk_slice_eq(souk_buf_slice(&out), souk_buf_slice(&again)));
        }
    }
    souk_buf_free(&out);
    souk_buf_free(&again);
    return 0;
}
