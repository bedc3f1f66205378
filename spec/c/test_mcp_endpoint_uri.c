/* The endpoint of HTTP+SSE: what a server's URI becomes, and what is refused. */
#include "mcp/endpoint_uri.h"
#include "tap.h"

static souk_err why;

static int resolve(souk_buf *out, const char *base, const char *reference)
{
    souk_buf_init(out, souk_alloc_libc(), 64 * 1024);
    souk_err_clear(&why);
    return souk_mcp_endpoint_resolve(out, souk_slice_of(base), souk_slice_of(reference), &why);
}

static void check(const char *file, int line, const char *base, const char *reference,
                  const char *wanted)
{
    souk_buf out;
    tap_check_int(file, line, resolve(&out, base, reference), SOUK_OK);
    tap_check_text(file, line, souk_buf_slice(&out), souk_slice_of(wanted));
    souk_buf_free(&out);
}

#define CHECK_RESOLVES(base, reference, wanted) check(__FILE__, __LINE__, base, reference, wanted)

static void references_are_resolved(void)
{
    static const char base[] = "https://example.test/a/sse?x=1#f";
    CHECK_RESOLVES(base, "/messages", "https://example.test/messages");
    CHECK_RESOLVES(base, "/messages?session=1", "https://example.test/messages?session=1");
    CHECK_RESOLVES(base, "messages?session=1", "https://example.test/a/messages?session=1");
    CHECK_RESOLVES(base, "./messages", "https://example.test/a/messages");
    CHECK_RESOLVES(base, "../messages", "https://example.test/messages");
    CHECK_RESOLVES(base, "../../../messages/", "https://example.test/messages/");
    CHECK_RESOLVES(base, "/x/./y/../z", "https://example.test/x/z");
    CHECK_RESOLVES(base, "..", "https://example.test/");
    CHECK_RESOLVES(base, "?session=1", "https://example.test/a/sse?session=1");
    CHECK_RESOLVES(base, "#part", "https://example.test/a/sse?x=1");
    CHECK_RESOLVES(base, "/m#part", "https://example.test/m");
    CHECK_RESOLVES(base, "/m?u=http://b.test/", "https://example.test/m?u=http://b.test/");
    CHECK_RESOLVES(base, "a%20b/%2e%2e/c", "https://example.test/a/a%20b/%2e%2e/c");
    CHECK_RESOLVES(base, " \t/messages\r\n", "https://example.test/messages");
    CHECK_RESOLVES("http://h", "m", "http://h/m");
    CHECK_RESOLVES("http://h?x=/y", "m", "http://h/m");
    CHECK_RESOLVES("http://h/", "/.//m", "http://h//m");
}

static void a_url_of_the_same_origin_keeps_the_authority_that_is_known(void)
{
    CHECK_RESOLVES("https://example.test/sse", "https://example.test/m", "https://example.test/m");
    CHECK_RESOLVES("https://example.test/sse", "HTTPS://EXAMPLE.test:443/m?a",
                   "https://example.test/m?a");
    CHECK_RESOLVES("https://example.test:443/sse", "//example.test/m",
                   "https://example.test:443/m");
    CHECK_RESOLVES("http://example.test:80/sse", "http://example.test", "http://example.test:80/");
    CHECK_RESOLVES("http://127.0.0.1:8080/sse", "http://127.0.0.1:08080?a",
                   "http://127.0.0.1:8080/?a");
    CHECK_RESOLVES("http://[::1]:8080/sse", "http://[::1]:8080/m", "http://[::1]:8080/m");
    CHECK_RESOLVES("http://[::1]/sse", "http://[::1]:80/m", "http://[::1]/m");
}

static void another_origin_is_refused_and_both_are_named(void)
{
    static const char *const others[] = {
        "https://evil.test/m",        "http://example.test/m",
        "https://example.test:444/m", "//evil.test/m",
        "https://example.test.evil/", "https://xexample.test/",
        "https://example.test:80/m",  "https://[::1]/m",
        "//evil.test?example.test/",  "///evil.test/",
        "https://example.test:4430/",
    };
    souk_buf out;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        int kind = resolve(&out, "https://example.test/sse", others[i]);
        CHECK_INT(kind, SOUK_E_PROTOCOL);
        CHECK_INT(why.kind, SOUK_E_PROTOCOL);
        CHECK_INT(out.len, 0);
        souk_buf_free(&out);
    }
    CHECK_INT(resolve(&out, "https://example.test/sse", "http://evil.test:81/m?token=s3cret"),
              SOUK_E_PROTOCOL);
    CHECK_TEXT(why.message, "the server at https://example.test:443 wants messages to be sent to "
                            "http://evil.test:81, which is another origin");
    souk_buf_free(&out);
}

static void what_is_no_uri_is_refused(void)
{
    static const char *const others[] = {
        "",
        " ",
        "/a b",
        "/a\r\nX: 1",
        "/\\evil.test/",
        "\\\\evil/",
        "/\xC3\xA4",
        "/a\x7F",
        "m:n",
        "javascript:alert(1)",
        "https:/m",
        "https:",
        "ftp://example.test/",
        "https://u@example.test/m",
        "https://u:p@example.test",
        "https://example.test:x/",
        "https://example.test:99999/",
        "https://:443/",
        "https://[::1/",
        "/a|b",
        "/a\"b",
    };
    souk_buf out;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CHECK_INT(resolve(&out, "https://example.test/sse", others[i]), SOUK_E_PROTOCOL);
        CHECK_INT(out.len, 0);
        souk_buf_free(&out);
    }
    static char large[SOUK_MCP_ENDPOINT_MAX + 2];
    memset(large, '/', sizeof large - 1);
    CHECK_INT(resolve(&out, "https://example.test/sse", large), SOUK_E_PROTOCOL);
    souk_buf_free(&out);
    CHECK_INT(resolve(&out, "https://u@example.test/sse", "https://example.test/"), SOUK_E_CONFIG);
    souk_buf_free(&out);
    souk_buf_init(&out, souk_alloc_libc(), 20);
    CHECK_INT(souk_mcp_endpoint_resolve(&out, SOUK_LIT("https://example.test/sse"),
                                        SOUK_LIT("/messages"), &why),
              SOUK_E_LIMIT);
    souk_buf_free(&out);
}

int main(void)
{
    CASE(references_are_resolved);
    CASE(a_url_of_the_same_origin_keeps_the_authority_that_is_known);
    CASE(another_origin_is_refused_and_both_are_named);
    CASE(what_is_no_uri_is_refused);
    return tap_done();
}
