#include "mcp/header.h"

#include "failing_alloc.h"
#include "mcp_decode.h"
#include "tap.h"

/* "Name: value\n" of every header in the list. */
static const char *show(const souk_mcp_headers *headers, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < headers->count && len < size; i++) {
        len += (size_t)snprintf(out + len, size - len, "%.*s: %.*s\n",
                                SOUK_ARG(headers->list[i].name), SOUK_ARG(headers->list[i].value));
    }
    return out;
}

static void check_built(const souk_mcp_http_request *request, const char *want)
{
    char text[1024];
    souk_err err;
    souk_mcp_headers headers;
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_headers_build(&headers, request, &err), SOUK_OK);
    CHECK_TEXT(show(&headers, text, sizeof text), want);
    souk_mcp_headers_free(&headers);
}

static void check_refused(const souk_mcp_http_request *request, int kind, const char *message)
{
    souk_err err;
    souk_mcp_headers headers;
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_headers_build(&headers, request, &err), kind);
    CHECK_TEXT(err.message, message);
    souk_mcp_headers_free(&headers);
}

#define POST_MEDIA "Accept: application/json, text/event-stream\nContent-Type: application/json\n"

/* Everything is offered to each revision; it takes what it knows. */
static void each_revision_takes_its_headers(void)
{
    static const struct {
        souk_mcp_revision revision;
        souk_mcp_verb verb;
        const char *headers;
    } rows[] = {
        {SOUK_MCP_UNKNOWN, SOUK_MCP_POST, POST_MEDIA "Authorization: Bearer s3cret\n"},
        {SOUK_MCP_2025_03_26, SOUK_MCP_POST,
         POST_MEDIA "Mcp-Session-Id: s-1\nAuthorization: Bearer s3cret\n"},
        {SOUK_MCP_2025_06_18, SOUK_MCP_POST,
         POST_MEDIA "MCP-Protocol-Version: 2025-06-18\nMcp-Session-Id: s-1\n"
                    "Authorization: Bearer s3cret\n"},
        {SOUK_MCP_2025_11_25, SOUK_MCP_POST,
         POST_MEDIA "MCP-Protocol-Version: 2025-11-25\nMcp-Session-Id: s-1\n"
                    "Authorization: Bearer s3cret\n"},
        {SOUK_MCP_2025_11_25, SOUK_MCP_GET,
         "Accept: text/event-stream\nMCP-Protocol-Version: 2025-11-25\nMcp-Session-Id: s-1\n"
         "Last-Event-ID: 41\nAuthorization: Bearer s3cret\n"},
        {SOUK_MCP_2025_11_25, SOUK_MCP_DELETE,
         "MCP-Protocol-Version: 2025-11-25\nMcp-Session-Id: s-1\nAuthorization: Bearer s3cret\n"},
        {SOUK_MCP_2026_07_28, SOUK_MCP_POST,
         POST_MEDIA "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n"
                    "Mcp-Name: get_me\nAuthorization: Bearer s3cret\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const souk_mcp_http_request request = {
            .verb = rows[i].verb,
            .revision = rows[i].revision,
            .session_id = SOUK_LIT("s-1"),
            .rpc_method = SOUK_LIT("tools/call"),
            .name = SOUK_LIT("get_me"),
            .authorization = SOUK_LIT("Bearer s3cret"),
            .last_event_id = SOUK_LIT("41"),
        };
        check_built(&request, rows[i].headers);
    }
}

/* What may go along to another origin stands before what may not. */
static void what_is_bound_to_the_server_stands_behind(void)
{
    static const souk_header more[] = {{SOUK_LIT_INIT("Mcp-Param-Region"), SOUK_LIT_INIT("eu")}};
    static const souk_header extra[] = {{SOUK_LIT_INIT("X-Key"), SOUK_LIT_INIT("s3cret")},
                                        {SOUK_LIT_INIT("Cookie"), SOUK_LIT_INIT("s3cret")}};
    static const souk_mcp_revision revisions[] = {SOUK_MCP_UNKNOWN, SOUK_MCP_2025_03_26,
                                                  SOUK_MCP_2025_11_25, SOUK_MCP_2026_07_28};
    for (size_t i = 0; i < 3 * sizeof revisions / sizeof revisions[0]; i++) {
        const souk_mcp_http_request request = {.verb = (souk_mcp_verb)(i % 3),
                                               .revision = revisions[i / 3],
                                               .session_id = SOUK_LIT("s3cret"),
                                               .rpc_method = SOUK_LIT("tools/call"),
                                               .name = SOUK_LIT("get_me"),
                                               .authorization = SOUK_LIT("Bearer s3cret"),
                                               .last_event_id = SOUK_LIT("s3cret"),
                                               .more = more,
                                               .more_count = 1,
                                               .extra = extra,
                                               .extra_count = 2};
        souk_mcp_headers headers;
        souk_mcp_headers_init(&headers, souk_alloc_libc());
        CHECK_INT(souk_mcp_headers_build(&headers, &request, NULL), SOUK_OK);
        CHECK(headers.open_count >= 1 && headers.count >= headers.open_count + 3);
        for (size_t j = 0; j < headers.count; j++) {
            bool is_bound = souk_slice_ends(headers.list[j].value, SOUK_LIT("s3cret"));
            CHECK(is_bound == (j >= headers.open_count));
        }
        souk_mcp_headers_free(&headers);
    }
}

static void the_name_header_goes_with_the_methods_that_have_one(void)
{
    static const struct {
        const char *method;
        const char *member;
    } rows[] = {{"tools/call", "name"},
                {"prompts/get", "name"},
                {"resources/read", "uri"},
                {"tasks/get", "taskId"},
                {"tasks/update", "taskId"},
                {"tasks/cancel", "taskId"},
                {"tools/list", NULL},
                {"server/discover", NULL},
                {"Tools/Call", NULL},
                {"resources/list", NULL},
                {"", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_TEXT(souk_mcp_name_member(souk_slice_of(rows[i].method)), rows[i].member);
        souk_mcp_headers headers;
        souk_mcp_headers_init(&headers, souk_alloc_libc());
        const souk_mcp_http_request request = {.revision = SOUK_MCP_2026_07_28,
                                               .rpc_method = souk_slice_of(rows[i].method),
                                               .name = SOUK_LIT("n")};
        CHECK_INT(souk_mcp_headers_build(&headers, &request, NULL), SOUK_OK);
        bool has_name = false;
        for (size_t k = 0; k < headers.count; k++) {
            has_name = has_name || souk_slice_is(headers.list[k].name, "Mcp-Name");
        }
        CHECK(has_name == (rows[i].member != NULL));
        souk_mcp_headers_free(&headers);
    }
}

static void an_empty_name_is_a_name_and_no_name_is_none(void)
{
    souk_mcp_http_request request = {.revision = SOUK_MCP_2026_07_28,
                                     .rpc_method = SOUK_LIT("tools/call"),
                                     .name = SOUK_LIT("")};
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n"
                                     "Mcp-Name: \n");
    request.name = souk_slice_make(NULL, 0);
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n");
    request.name = SOUK_LIT("a\r\nX: y");
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n"
                                     "Mcp-Name: =?base64?YQ0KWDogeQ==?=\n");
}

static void headers_of_one_request_are_sent_as_they_are_and_checked(void)
{
    static const souk_header more[] = {{SOUK_LIT_INIT("Mcp-Param-A"), SOUK_LIT_INIT("1")}};
    static const souk_header bad[] = {{SOUK_LIT_INIT("Mcp-Param-A"), SOUK_LIT_INIT("1\n")}};
    static const souk_header users[] = {{SOUK_LIT_INIT("Mcp-Param-B"), SOUK_LIT_INIT("2")},
                                        {SOUK_LIT_INIT("X-B"), SOUK_LIT_INIT("3")}};
    souk_mcp_http_request request = {.revision = SOUK_MCP_2026_07_28,
                                     .rpc_method = SOUK_LIT("tools/call"),
                                     .more = more,
                                     .more_count = 1,
                                     .extra = users,
                                     .extra_count = 2};
    souk_err err;
    souk_mcp_headers headers;
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2026-07-28\nMcp-Method: tools/call\n"
                                     "Mcp-Param-A: 1\nX-B: 3\n");
    request.more = bad;
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_headers_build(&headers, &request, &err), SOUK_E_CONFIG);
    souk_mcp_headers_free(&headers);
}

static void users_headers_cannot_replace_ours(void)
{
    static const souk_header extra[] = {
        {SOUK_LIT_INIT("X-Team"), SOUK_LIT_INIT("a b")},
        {SOUK_LIT_INIT("accept"), SOUK_LIT_INIT("text/html")},
        {SOUK_LIT_INIT("CONTENT-TYPE"), SOUK_LIT_INIT("text/html")},
        {SOUK_LIT_INIT("mcp-session-id"), SOUK_LIT_INIT("mine")},
        {SOUK_LIT_INIT("Mcp-Protocol-Version"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("Mcp-Method"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("Mcp-Name"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("mcp-PARAM-region"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("Last-Event-Id"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("Content-Length"), SOUK_LIT_INIT("1")},
        {SOUK_LIT_INIT("transfer-encoding"), SOUK_LIT_INIT("chunked")},
        {SOUK_LIT_INIT("authorization"), SOUK_LIT_INIT("Basic s3cret")},
        {SOUK_LIT_INIT("X-Empty"), SOUK_LIT_INIT("")},
    };
    souk_mcp_http_request request = {.revision = SOUK_MCP_2025_11_25,
                                     .extra = extra,
                                     .extra_count = sizeof extra / sizeof extra[0]};
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2025-11-25\nX-Team: a b\n"
                                     "authorization: Basic s3cret\nX-Empty: \n");
    request.authorization = SOUK_LIT("Bearer s3cret-ours");
    check_built(&request, POST_MEDIA "MCP-Protocol-Version: 2025-11-25\n"
                                     "Authorization: Bearer s3cret-ours\nX-Team: a b\nX-Empty: \n");
}

static void headers_that_could_inject_are_refused_without_their_value(void)
{
    static const struct {
        souk_slice name;
        souk_slice value;
        const char *message;
    } rows[] = {
        {SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("s3cret\r\nX-B: c"),
         "the value of header \"X-A\" has a control character"},
        {SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("s3cret\n"),
         "the value of header \"X-A\" has a control character"},
        {SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("sec\0ret"),
         "the value of header \"X-A\" has a control character"},
        {SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("\x7Fs3cret"),
         "the value of header \"X-A\" has a control character"},
        /* also where the header would have been left out */
        {SOUK_LIT_INIT("Accept"), SOUK_LIT_INIT("s3cret\r"),
         "the value of header \"Accept\" has a control character"},
        {SOUK_LIT_INIT(""), SOUK_LIT_INIT("s3cret"), "a header has an empty name"},
        {SOUK_LIT_INIT("X-A: s3cret\r\nX"), SOUK_LIT_INIT("v"),
         "the name of the header that begins with \"X-A\" has a character that is not allowed "
         "there"},
        {SOUK_LIT_INIT("\0X"), SOUK_LIT_INIT("s3cret"),
         "the name of the header that begins with \"\" has a character that is not allowed there"},
        {SOUK_LIT_INIT("X-\xC3\xBC"), SOUK_LIT_INIT("s3cret"),
         "the name of the header that begins with \"X-\" has a character that is not allowed "
         "there"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const souk_header extra = {rows[i].name, rows[i].value};
        const souk_mcp_http_request request = {
            .revision = SOUK_MCP_2025_11_25, .extra = &extra, .extra_count = 1};
        check_refused(&request, SOUK_E_CONFIG, rows[i].message);
    }
}

static void what_servers_chose_is_checked_before_it_is_sent_back(void)
{
    souk_mcp_http_request request = {.verb = SOUK_MCP_GET, .revision = SOUK_MCP_2025_11_25};
    request.session_id = SOUK_LIT("a b");
    check_refused(&request, SOUK_E_PROTOCOL, "the session id has a character that is not allowed");
    request.session_id = SOUK_LIT("");
    request.last_event_id = SOUK_LIT("1\n2");
    check_refused(&request, SOUK_E_PROTOCOL,
                  "the value of header \"Last-Event-ID\" has a control character");
    request.last_event_id = SOUK_LIT("");
    request.authorization = SOUK_LIT("Bearer \r\n");
    check_refused(&request, SOUK_E_AUTH,
                  "the value of header \"Authorization\" has a control character");
    request.authorization = SOUK_LIT("");
    request.verb = SOUK_MCP_POST;
    request.revision = SOUK_MCP_2026_07_28;
    request.rpc_method = SOUK_LIT("a\nb");
    check_refused(&request, SOUK_E_PROTOCOL,
                  "the value of header \"Mcp-Method\" has a control character");
}

static void the_number_of_headers_is_bounded(void)
{
    static souk_header extra[SOUK_MCP_HEADERS_MAX];
    souk_err err;
    souk_mcp_headers headers;
    for (size_t i = 0; i < SOUK_MCP_HEADERS_MAX; i++) {
        extra[i].name = SOUK_LIT("X-Many");
        extra[i].value = SOUK_LIT("v");
    }
    souk_mcp_http_request request = {
        .revision = SOUK_MCP_UNKNOWN, .extra = extra, .extra_count = SOUK_MCP_HEADERS_MAX - 2};
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_headers_build(&headers, &request, &err), SOUK_OK);
    CHECK_INT(headers.count, SOUK_MCP_HEADERS_MAX);
    CHECK_INT(souk_mcp_headers_add(&headers, SOUK_LIT("X"), SOUK_LIT(""), SOUK_E_CONFIG, &err),
              SOUK_E_LIMIT);
    souk_mcp_headers_free(&headers);
}

static void a_header_that_is_added_is_copied_and_checked(void)
{
    souk_err err;
    char value[] = "v";
    souk_mcp_headers headers;
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(
        souk_mcp_headers_add(&headers, SOUK_LIT("X-A"), souk_slice_of(value), SOUK_E_CONFIG, &err),
        SOUK_OK);
    value[0] = 'w';
    CHECK_INT(headers.count, 1);
    CHECK_SLICE(headers.list[0].name, "X-A");
    CHECK_SLICE(headers.list[0].value, "v");
    CHECK_INT(souk_mcp_headers_add(&headers, SOUK_LIT("X A"), SOUK_LIT(""), SOUK_E_CONFIG, &err),
              SOUK_E_CONFIG);
    CHECK_INT(souk_mcp_headers_add(&headers, SOUK_LIT("X"), SOUK_LIT("\n"), SOUK_E_PROTOCOL, &err),
              SOUK_E_PROTOCOL);
    CHECK_INT(headers.count, 1);
    souk_mcp_headers_free(&headers);
}

static void a_name_that_is_too_long_for_a_header_is_refused(void)
{
    static char name[SOUK_MCP_HEADER_VALUE_MAX + 1];
    souk_err err;
    souk_mcp_headers headers;
    memset(name, 'n', sizeof name);
    const souk_mcp_http_request request = {.revision = SOUK_MCP_2026_07_28,
                                           .rpc_method = SOUK_LIT("resources/read"),
                                           .name = souk_slice_make(name, sizeof name)};
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_headers_build(&headers, &request, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "a header value is larger than 65536 bytes");
    souk_mcp_headers_free(&headers);
}

static void verbs_have_names(void)
{
    CHECK_TEXT(souk_mcp_verb_name(SOUK_MCP_POST), "POST");
    CHECK_TEXT(souk_mcp_verb_name(SOUK_MCP_GET), "GET");
    CHECK_TEXT(souk_mcp_verb_name(SOUK_MCP_DELETE), "DELETE");
}

static void values_travel_as_they_are_or_encoded(void)
{
    static const struct {
        souk_slice value;
        const char *written;
    } rows[] = {
        {SOUK_LIT_INIT(""), ""},
        {SOUK_LIT_INIT("us-west1"), "us-west1"},
        {SOUK_LIT_INIT("file:///a b?c=d&e"), "file:///a b?c=d&e"},
        {SOUK_LIT_INIT("Hello, \xE4\xB8\x96\xE7\x95\x8C"), "=?base64?SGVsbG8sIOS4lueVjA==?="},
        {SOUK_LIT_INIT(" padded "), "=?base64?IHBhZGRlZCA=?="},
        {SOUK_LIT_INIT(" "), "=?base64?IA==?="},
        {SOUK_LIT_INIT("tab\t"), "=?base64?dGFiCQ==?="},
        {SOUK_LIT_INIT("a\tb"), "=?base64?YQli?="},
        {SOUK_LIT_INIT("line1\nline2"), "=?base64?bGluZTEKbGluZTI=?="},
        {SOUK_LIT_INIT("\0"), "=?base64?AA==?="},
        {SOUK_LIT_INIT("\x7F"), "=?base64?fw==?="},
        {SOUK_LIT_INIT("=?base64?IA==?="), "=?base64?PT9iYXNlNjQ/SUE9PT89?="},
        {SOUK_LIT_INIT("=?BASE64?"
                       "?="),
         "=?base64?PT9CQVNFNjQ/Pz0=?="},
        {SOUK_LIT_INIT("=?base64?IA=="), "=?base64?IA=="},
        {SOUK_LIT_INIT("IA==?="), "IA==?="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_buf written;
        souk_buf back;
        souk_buf_init(&written, souk_alloc_libc(), 256);
        souk_buf_init(&back, souk_alloc_libc(), 256);
        CHECK_INT(souk_mcp_write_header_value(&written, rows[i].value, NULL), SOUK_OK);
        CHECK_SLICE(souk_buf_slice(&written), rows[i].written);
        CHECK(decode_header_value(souk_buf_slice(&written), &back));
        CHECK(souk_slice_eq(souk_buf_slice(&back), rows[i].value));
        souk_buf_free(&written);
        souk_buf_free(&back);
    }
}

static void session_ids_are_visible_ascii(void)
{
    static char longest[SOUK_MCP_SESSION_ID_MAX + 1];
    memset(longest, 'x', sizeof longest);
    static const char *const good[] = {"1", "!", "~", "3f2a99e0-aa12-4d3c-9c1d", "a:b/c=="};
    static const char *const bad[] = {"", " ", "a b", "a\t", "\x7F", "\xC3\xBC", "a\r\nX: b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(souk_mcp_session_id_valid(souk_slice_of(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!souk_mcp_session_id_valid(souk_slice_of(bad[i])));
    }
    CHECK(!souk_mcp_session_id_valid(SOUK_LIT("a\0b")));
    CHECK(souk_mcp_session_id_valid(souk_slice_make(longest, SOUK_MCP_SESSION_ID_MAX)));
    CHECK(!souk_mcp_session_id_valid(souk_slice_make(longest, sizeof longest)));
}

static void tokens_become_authorizations(void)
{
    static const struct {
        const char *token;
        const char *value;
    } rows[] = {
        {"ghp_s3cret", "Bearer ghp_s3cret"},
        {"Bearer s3cret", "Bearer s3cret"},
        {"bearer abc", "bearer abc"},
        {"Basic s3cret==", "Basic s3cret=="},
        {"token s3cret", "token s3cret"},
        {"DPoP abc", "DPoP abc"},
        {"Digest username=\"u\", realm=\"r\"", "Digest username=\"u\", realm=\"r\""},
        {"Bearer", "Bearer Bearer"},
        {"Bearerabc", "Bearer Bearerabc"},
        {"strange thing", "Bearer strange thing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_buf out;
        souk_buf_init(&out, souk_alloc_libc(), 256);
        CHECK_INT(souk_mcp_write_authorization(&out, souk_slice_of(rows[i].token), NULL), SOUK_OK);
        CHECK_SLICE(souk_buf_slice(&out), rows[i].value);
        souk_buf_free(&out);
    }
}

static void broken_tokens_are_refused_and_not_shown(void)
{
    static const souk_slice tokens[] = {SOUK_LIT_INIT("s3cret\n"),
                                        SOUK_LIT_INIT("s3cret\r\nX: y"),
                                        SOUK_LIT_INIT("sec\0ret"),
                                        SOUK_LIT_INIT("\ts3cret"),
                                        SOUK_LIT_INIT("Bearer s3cret\x7F"),
                                        SOUK_LIT_INIT("\xE2\x80\x9Cs3cret\xE2\x80\x9D"),
                                        SOUK_LIT_INIT("")};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        souk_err err;
        souk_buf out;
        souk_buf_init(&out, souk_alloc_libc(), 256);
        CHECK_INT(souk_mcp_write_authorization(&out, tokens[i], &err), SOUK_E_AUTH);
        CHECK(strstr(err.message, "s3cret") == NULL && strstr(err.message, "ret") == NULL);
        CHECK_INT(out.len, 0);
        souk_buf_free(&out);
    }
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    static souk_header extra[20];
    bool done = false;
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        extra[i].name = SOUK_LIT("X-Many");
        extra[i].value = SOUK_LIT("v");
    }
    const souk_mcp_http_request request = {.revision = SOUK_MCP_2026_07_28,
                                           .rpc_method = SOUK_LIT("tools/call"),
                                           .name = SOUK_LIT(" padded "),
                                           .extra = extra,
                                           .extra_count = sizeof extra / sizeof extra[0]};
    for (long n = 1; !done; n++) {
        failing_alloc f;
        souk_err err;
        souk_mcp_headers headers;
        failing_alloc_init(&f, n);
        souk_mcp_headers_init(&headers, &f.alloc);
        int rc = souk_mcp_headers_build(&headers, &request, &err);
        CHECK_INT(rc, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_mcp_headers_free(&headers);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
    souk_mcp_headers zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    souk_mcp_headers_free(&zeroed);
}

int main(void)
{
    CASE(each_revision_takes_its_headers);
    CASE(what_is_bound_to_the_server_stands_behind);
    CASE(the_name_header_goes_with_the_methods_that_have_one);
    CASE(an_empty_name_is_a_name_and_no_name_is_none);
    CASE(headers_of_one_request_are_sent_as_they_are_and_checked);
    CASE(users_headers_cannot_replace_ours);
    CASE(headers_that_could_inject_are_refused_without_their_value);
    CASE(what_servers_chose_is_checked_before_it_is_sent_back);
    CASE(the_number_of_headers_is_bounded);
    CASE(a_header_that_is_added_is_copied_and_checked);
    CASE(a_name_that_is_too_long_for_a_header_is_refused);
    CASE(verbs_have_names);
    CASE(values_travel_as_they_are_or_encoded);
    CASE(session_ids_are_visible_ascii);
    CASE(tokens_become_authorizations);
    CASE(broken_tokens_are_refused_and_not_shown);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
