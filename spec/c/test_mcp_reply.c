#include "mcp/reply.h"

#include "mcp/http_date.h"
#include "mcp_help.h"

/* 2026-11-22 12:00:00 UTC */
static const int64_t noon = 1795348800;

static souk_header header(const char *name, const char *value)
{
    souk_header h = {souk_slice_of(name), souk_slice_of(value)};
    return h;
}

static void media_types_are_known_without_case_and_parameters(void)
{
    static const struct {
        const char *text;
        souk_mcp_media media;
    } rows[] = {
        {"", SOUK_MCP_MEDIA_NONE},
        {" ", SOUK_MCP_MEDIA_NONE},
        {"application/json", SOUK_MCP_MEDIA_JSON},
        {"Application/JSON; charset=utf-8", SOUK_MCP_MEDIA_JSON},
        {"application/json;x", SOUK_MCP_MEDIA_JSON},
        {" application/json ;x", SOUK_MCP_MEDIA_JSON},
        {"text/event-stream", SOUK_MCP_MEDIA_SSE},
        {"TEXT/event-STREAM;charset=UTF-8", SOUK_MCP_MEDIA_SSE},
        {"text/html", SOUK_MCP_MEDIA_OTHER},
        {"application/jsonp", SOUK_MCP_MEDIA_OTHER},
        {"application/problem+json", SOUK_MCP_MEDIA_OTHER},
        {"json", SOUK_MCP_MEDIA_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(souk_mcp_media_of(souk_slice_of(rows[i].text)), rows[i].media);
    }
}

static void a_head_is_read_whatever_the_case_of_its_names(void)
{
    const souk_header headers[] = {
        header("content-type", "text/event-stream; charset=utf-8"),
        header("MCP-SESSION-ID", " 3f2a-9c1d "),
        header("www-authenticate", "Basic realm=\"x\""),
        header("WWW-Authenticate", "bearer resource_metadata=\"u\""),
        header("Location", "/elsewhere"),
        header("Location", "/ignored"),
        header("retry-after", "3"),
        header("X-Other", "1"),
    };
    souk_err err;
    souk_mcp_head head;
    CHECK_INT(
        souk_mcp_head_read(&head, 401, headers, sizeof headers / sizeof headers[0], noon, &err),
        SOUK_OK);
    CHECK_INT(head.status, 401);
    CHECK_INT(head.media, SOUK_MCP_MEDIA_SSE);
    CHECK_SLICE(head.content_type, "text/event-stream; charset=utf-8");
    CHECK_SLICE(head.session_id, "3f2a-9c1d");
    CHECK_SLICE(head.www_authenticate, "bearer resource_metadata=\"u\"");
    CHECK_SLICE(head.location, "/elsewhere");
    CHECK_INT(head.retry_after_ms, 3000);
}

static void an_empty_head_says_nothing(void)
{
    souk_mcp_head head;
    CHECK_INT(souk_mcp_head_read(&head, 202, NULL, 0, noon, NULL), SOUK_OK);
    CHECK_INT(head.media, SOUK_MCP_MEDIA_NONE);
    CHECK_INT(head.session_id.len, 0);
    CHECK_INT(head.retry_after_ms, -1);
}

static void a_session_id_that_cannot_be_sent_back_is_refused(void)
{
    static const char *const ids[] = {"a b", "a\tb", "gr\xC3\xBCn", "x\x01"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const souk_header headers[] = {header("Mcp-Session-Id", ids[i]),
                                       header("Content-Type", "application/json")};
        souk_err err;
        souk_mcp_head head;
        CHECK_INT(souk_mcp_head_read(&head, 200, headers, 2, noon, &err), SOUK_E_PROTOCOL);
        CHECK_INT(head.session_id.len, 0);
        CHECK_INT(head.media, SOUK_MCP_MEDIA_JSON);
        CHECK(strstr(err.message, ids[i]) == NULL);
    }
}

static void retry_after_is_seconds_or_a_date(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {" 7 ", 7000},
        {"86400", 86400000},
        {"86401", 86400000},
        {"99999999999999999999999", 86400000},
        {"", -1},
        {"-1", -1},
        {"1.5", -1},
        {"soon", -1},
        {"Sun, 22 Nov 2026 12:00:05 GMT", 5000},
        {"Sun, 22 Nov 2026 11:59:59 GMT", 0},
        {"Sun, 22 Nov 2099 11:59:59 GMT", 86400000},
        {"Sunday, 22-Nov-26 12:01:00 GMT", 60000},
        {"Sun Nov 22 12:00:01 2026", 1000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(souk_mcp_retry_after_ms(souk_slice_of(rows[i].text), noon), rows[i].ms);
    }
}

static void dates_are_read_in_three_forms(void)
{
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
        {"Sun Nov  6 08:49:37 1994", 784111777},
        {"Sun Nov 06 08:49:37 1994", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200},
        {"Fri, 01 Mar 2024 00:00:00 GMT", 1709251200},
        {"Tue, 31 Dec 2069 00:00:00 GMT", 3155673600},
        {"Wednesday, 01-Jan-70 00:00:00 GMT", 3155760000},
        {"Saturday, 01-Jan-77 00:00:00 GMT", 220924800},
        {"Sun, 06 Nov 1994 08:49:37", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT+1", -1},
        {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 19:4 08:49:37 GMT", -1},
        {"Sun, 06-Nov-1994 08:49:37 GMT", -1},
        {"Sun Nov  6 08:49:37 1994 GMT", -1},
        {"Sun", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t seconds = -1;
        bool ok = souk_http_date_read(souk_slice_of(rows[i].text), noon, &seconds);
        CHECK_INT(ok, rows[i].seconds >= 0);
        CHECK_INT(ok ? seconds : -1, rows[i].seconds);
    }
}

static void a_year_of_two_digits_is_the_nearest_one(void)
{
    static const struct {
        int64_t now;
        const char *text;
        int64_t seconds;
    } rows[] = {
        {941846400, "Saturday, 01-Jan-00 00:00:00 GMT", 946684800},   /* 1999 -> 2000 */
        {3471292800, "Monday, 01-Jan-20 00:00:00 GMT", 4733510400},   /* 2080 -> 2120 */
        {3471292800, "Wednesday, 01-Jan-31 00:00:00 GMT", 1924992000} /* 2080 -> 2031 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t seconds = -1;
        CHECK(souk_http_date_read(souk_slice_of(rows[i].text), rows[i].now, &seconds));
        CHECK_INT(seconds, rows[i].seconds);
    }
}

static void a_date_cut_anywhere_is_refused(void)
{
    static const char *const dates[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        for (size_t len = 0; len < strlen(dates[i]); len++) {
            int64_t seconds;
            CHECK(!souk_http_date_read(souk_slice_make(dates[i], len), noon, &seconds));
        }
    }
}

static void a_refusal_becomes_an_error_that_says_how_far_it_got(void)
{
    static const char unknown[] =
        "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'No such method'}}";
    static const char busy[] = "{'jsonrpc':'2.0','id':1,'error':{'code':-1,'message':'Busy'}}";
    static const struct {
        int status;
        const char *body;
        int kind;
        souk_delivery delivery;
        bool retryable;
        const char *message;
    } rows[] = {
        {401, "", SOUK_E_AUTH, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 401: it wants other credentials, or any"},
        {403, unknown, SOUK_E_AUTH, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 403: these credentials do not allow it"},
        {404, "", SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 404: it does not take the request"},
        {404, unknown, SOUK_E_RPC, SOUK_DELIVERY_REJECTED, false, "No such method"},
        {302, "", SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 302: it points elsewhere, in a way that may make a "
         "POST a GET, which is not followed (307 and 308 are)"},
        {308, "", SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 308: it points elsewhere, but does not say where "
         "to, or option max_redirects is 0"},
        {300, "", SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 300: it points elsewhere"},
        {413, "", SOUK_E_LIMIT, SOUK_DELIVERY_REJECTED, false,
         "the server answered with HTTP status 413: the request is too large for it"},
        {429, "", SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, true,
         "the server answered with HTTP status 429: too many requests"},
        {429, busy, SOUK_E_RPC, SOUK_DELIVERY_REJECTED, true, "Busy"},
        {503, "", SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, true,
         "the server answered with HTTP status 503: the server or a gateway is in trouble"},
        {500, busy, SOUK_E_RPC, SOUK_DELIVERY_DELIVERED, false, "Busy"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        souk_mcp_head head;
        souk_mcp_head_read(&head, rows[i].status, NULL, 0, noon, NULL);
        const souk_rpc_message *message = mcp_read_message(&doc, rows[i].body);
        CHECK_INT(souk_mcp_refused(&head, message, &err), rows[i].kind);
        CHECK_INT(err.kind, rows[i].kind);
        CHECK_INT(err.status, rows[i].status);
        CHECK_INT(err.delivery, rows[i].delivery);
        CHECK_INT(err.retryable, rows[i].retryable);
        CHECK_TEXT(err.message, rows[i].message);
        CHECK_INT(souk_mcp_refused(&head, message, NULL), rows[i].kind);
        mcp_free(&doc);
    }
}

/* Who names a time to come back at has done nothing; a gateway that lost the server names none. */
static void trouble_with_a_retry_after_is_a_refusal(void)
{
    static const struct {
        int status;
        const char *retry_after; /* NULL: none */
        const char *date;
        souk_delivery delivery;
        int64_t ms;
    } rows[] = {
        {503, "2", NULL, SOUK_DELIVERY_REJECTED, 2000},
        {503, "0", NULL, SOUK_DELIVERY_REJECTED, 1},
        {503, NULL, NULL, SOUK_DELIVERY_AMBIGUOUS, 0},
        {503, "soon", NULL, SOUK_DELIVERY_AMBIGUOUS, 0},
        {502, "2", NULL, SOUK_DELIVERY_AMBIGUOUS, 0},
        {429, NULL, NULL, SOUK_DELIVERY_REJECTED, 0},
        {429, "3", NULL, SOUK_DELIVERY_REJECTED, 3000},
        /* Dates are compared with the server's own clock, whatever ours says. */
        {503, "Sun, 22 Nov 2026 12:00:05 GMT", "Sun, 22 Nov 2026 12:00:00 GMT",
         SOUK_DELIVERY_REJECTED, 5000},
        {429, "Sun Nov 22 12:00:05 2026", "Sun, 22 Nov 2026 12:00:00 GMT", SOUK_DELIVERY_REJECTED,
         5000},
        {429, "Sun, 22 Nov 2026 12:00:05 GMT", "Sunday, 22-Nov-26 12:00:00 GMT",
         SOUK_DELIVERY_REJECTED, 5000},
        {503, "Sun, 22 Nov 2026 11:59:59 GMT", "Sun, 22 Nov 2026 12:00:00 GMT",
         SOUK_DELIVERY_REJECTED, 1},
        {503, "Sun, 22 Nov 2026 12:00:05 GMT", NULL, SOUK_DELIVERY_AMBIGUOUS, 0},
        {503, "Sun, 22 Nov 2026 12:00:05 GMT", "now", SOUK_DELIVERY_AMBIGUOUS, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_err err;
        souk_mcp_head head;
        souk_header headers[2];
        size_t count = 0;
        if (rows[i].retry_after != NULL) {
            headers[count++] = header("Retry-After", rows[i].retry_after);
        }
        if (rows[i].date != NULL) {
            headers[count++] = header("Date", rows[i].date);
        }
        CHECK_INT(souk_mcp_head_read(&head, rows[i].status, headers, count, 0, &err), SOUK_OK);
        CHECK_INT(souk_mcp_refused(&head, NULL, &err), SOUK_E_TRANSPORT);
        CHECK_TEXT(souk_delivery_name(err.delivery), souk_delivery_name(rows[i].delivery));
        CHECK_INT(err.retry_after, rows[i].ms);
        CHECK(err.retryable);
    }
}

int main(void)
{
    CASE(media_types_are_known_without_case_and_parameters);
    CASE(a_head_is_read_whatever_the_case_of_its_names);
    CASE(an_empty_head_says_nothing);
    CASE(a_session_id_that_cannot_be_sent_back_is_refused);
    CASE(retry_after_is_seconds_or_a_date);
    CASE(dates_are_read_in_three_forms);
    CASE(a_year_of_two_digits_is_the_nearest_one);
    CASE(a_date_cut_anywhere_is_refused);
    CASE(a_refusal_becomes_an_error_that_says_how_far_it_got);
    CASE(trouble_with_a_retry_after_is_a_refusal);
    return tap_done();
}
