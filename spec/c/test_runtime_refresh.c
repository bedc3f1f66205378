/* Following the changes of a server's tools, and requests of every kind, with a server that is a
 * handler of the test. */
#include "runtime_peer.h"

static void begin_listening(peer *p, const char *about)
{
    souk_err err;
    CHECK(peer_begin(p, souk_alloc_libc(), &err));
    p->about = about;
    CHECK_INT(peer_add(p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    CHECK_INT(peer_discover(p, &err), SOUK_OK);
    peer_run(p);
}

static bool knows(const peer *p, const char *id)
{
    return souk_registry_get(souk_runtime_registry(p->rt), souk_slice_of(id)) != NULL;
}

static void tools_that_change_are_followed(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    CHECK(knows(&p, "own.peer.one"));
    p.tools = "{\"tools\":[" PEER_TOOL("two") "," PEER_TOOL("three") "]}";
    peer_say(&p, PEER_LIST_CHANGED);
    CHECK_INT(p.lists, 2);
    CHECK(!knows(&p, "own.peer.one"));
    CHECK(knows(&p, "own.peer.two"));
    CHECK(knows(&p, "own.peer.three"));
    CHECK_INT(p.notices, 1); /* the program hears of it, too */
    CHECK_INT(p.dones, 1);
    CHECK_TEXT(p.notes, "tools_refreshed {\"server\":\"peer\",\"tools\":2,\"diagnostics\":[]};");
    peer_end(&p);
}

static void a_schema_that_was_stale_is_followed_like_a_change(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("modern", "http", "{\"tools\":{}}"));
    peer_say(&p, "souk/tools_stale");
    CHECK_INT(p.lists, 2);
    peer_end(&p);
}

static void changes_that_another_process_heard_of_are_followed(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    souk_runtime_tools_changed(p.rt, SOUK_LIT("nobody"));
    peer_run(&p);
    CHECK_INT(p.lists, 1);
    souk_runtime_tools_changed(p.rt, SOUK_LIT("peer"));
    peer_run(&p);
    CHECK_INT(p.lists, 2);
    CHECK_INT(p.notices, 0);
    peer_end(&p);
}

static void changes_of_tools_that_nobody_asked_for_are_not_followed(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    CHECK_INT(peer_add(&p, SOUK_LISTEN_ALWAYS, &err), SOUK_OK);
    peer_run(&p);
    CHECK(p.session != NULL);
    peer_say(&p, PEER_LIST_CHANGED);
    peer_wait(&p, 100000);
    CHECK_INT(p.lists, 0);
    CHECK_INT(p.notices, 1);
    peer_end(&p);
}

static void there_is_one_refresh_at_a_time_and_one_more_after_it(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    p.hold_lists = true;
    peer_say(&p, PEER_LIST_CHANGED);
    CHECK_INT(p.lists, 2);
    peer_say(&p, PEER_LIST_CHANGED);
    peer_say(&p, PEER_LIST_CHANGED);
    peer_wait(&p, 5000);
    CHECK_INT(p.lists, 2);
    p.hold_lists = false;
    peer_answer_lists(&p);
    peer_run(&p);
    CHECK_INT(p.lists, 3);
    peer_wait(&p, 5000);
    CHECK_INT(p.lists, 3);
    peer_end(&p);
}

static void a_server_that_never_stops_changing_is_asked_once_a_second(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    p.lists = 0;
    for (int i = 0; i < 100; i++) {
        peer_say(&p, PEER_LIST_CHANGED);
        peer_wait(&p, 50);
    }
    CHECK(p.lists >= 4 && p.lists <= 6);
    peer_end(&p);
}

static void a_refresh_waits_for_a_discovery_of_the_program(void)
{
    peer p;
    souk_err err;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    p.hold_lists = true;
    CHECK_INT(peer_discover(&p, &err), SOUK_OK);
    peer_run(&p);
    peer_say(&p, PEER_LIST_CHANGED);
    CHECK_INT(p.lists, 2);
    p.hold_lists = false;
    peer_answer_lists(&p);
    peer_run(&p);
    CHECK_INT(p.lists, 3);
    CHECK_INT(p.dones, 2);
    peer_end(&p);
}

static void a_refresh_that_fails_is_told_and_tried_again(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    p.list_fails = SOUK_E_TRANSPORT;
    peer_say(&p, PEER_LIST_CHANGED);
    peer_wait(&p, 100);
    peer_wait(&p, 200); /* it was tried three times then */
    CHECK(peer_has(p.notes, "tools_refreshed {\"server\":\"peer\",\"reason\":\""));
    CHECK(knows(&p, "own.peer.one"));
    CHECK_INT(p.lists, 4);
    p.list_fails = 0;
    p.tools = "{\"tools\":[]}";
    peer_wait(&p, 500);
    CHECK_INT(p.lists, 5);
    CHECK(!knows(&p, "own.peer.one"));
    CHECK(peer_has(p.notes, "\"tools\":0"));
    CHECK_INT(p.dones, 1);
    peer_end(&p);
}

static void a_discovery_of_the_program_that_fails_leaves_the_change_to_be_followed(void)
{
    peer p;
    souk_err err;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    peer_say(&p, PEER_LIST_CHANGED);
    souk_session_notice(p.session, SOUK_LIT(PEER_LIST_CHANGED), souk_slice_make(NULL, 0));
    peer_fetch(&p); /* it is known, and nothing was done about it yet */
    p.list_fails = SOUK_E_TRANSPORT;
    CHECK_INT(peer_discover(&p, &err), SOUK_OK);
    peer_run(&p);
    peer_wait(&p, 100);
    peer_wait(&p, 200);
    CHECK_INT(p.last.kind, SOUK_E_TRANSPORT);
    p.list_fails = 0;
    int before = p.lists;
    peer_wait(&p, 1000);
    CHECK_INT(p.lists, before + 1);
    peer_end(&p);
}

static void only_listening_again_means_missed_events(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    peer_say(&p, "souk/listening");
    CHECK_INT(p.lists, 1);
    peer_say(&p, "souk/listening");
    CHECK_INT(p.lists, 2);
    peer_end(&p);

    begin_listening(&p, PEER_ABOUT("legacy", "http", "{\"prompts\":{\"listChanged\":true}}"));
    peer_say(&p, "souk/listening");
    peer_say(&p, "souk/listening");
    CHECK_INT(p.lists, 1); /* of its tools it tells nothing, so nothing was missed */
    peer_end(&p);
}

static void another_list_of_subscriptions_misses_nothing_where_there_is_no_stream(void)
{
    static const struct {
        const char *about;
        int lists;
    } rows[] = {
        {PEER_ABOUT("legacy", "stdio",
                    "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}"),
         1},
        {PEER_ABOUT("legacy", "http",
                    "{\"tools\":{\"listChanged\":true},\"resources\":{\"subscribe\":true}}"),
         2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        peer p;
        begin_listening(&p, rows[i].about);
        peer_say(&p, "souk/listening");
        peer_subscribe(&p, "a:1", true);
        peer_run(&p);
        peer_say(&p, "souk/listening");
        CHECK_INT(p.listens, 2);
        CHECK_INT(p.lists, rows[i].lists);
        peer_end(&p);
    }
}

static void a_server_that_is_removed_is_not_refreshed(void)
{
    peer p;
    souk_err err;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    p.hold_lists = true;
    peer_say(&p, PEER_LIST_CHANGED);
    CHECK(souk_runtime_remove_server(p.rt, SOUK_LIT("peer")));
    CHECK_INT(peer_add(&p, SOUK_LISTEN_NEVER, &err), SOUK_OK);
    peer_answer_lists(&p);
    peer_wait(&p, 100000);
    CHECK(!knows(&p, "own.peer.one"));
    CHECK_TEXT(p.notes, "");
    CHECK_INT(p.dones, 1);
    peer_end(&p);
}

static void wrong_header_annotations_leave_a_tool_out_over_modern_http(void)
{
    static const char tools[] =
        "{\"tools\":[" PEER_TOOL("one") ",{\"name\":\"bad\",\"inputSchema\":{\"type\":\"object\","
                                        "\"properties\":{\"a\":{\"type\":\"number\","
                                        "\"x-mcp-header\":\"A\"}}}}]}";
    static const struct {
        const char *about;
        bool is_there;
    } rows[] = {{PEER_ABOUT("modern", "http", PEER_LISTS), false},
                {PEER_ABOUT("modern", "stdio", PEER_LISTS), true},
                {PEER_ABOUT("legacy", "http", PEER_LISTS), true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        peer p;
        begin_listening(&p, rows[i].about);
        p.tools = tools;
        peer_say(&p, PEER_LIST_CHANGED);
        CHECK(knows(&p, "own.peer.one"));
        CHECK(knows(&p, "own.peer.bad") == rows[i].is_there);
        CHECK(peer_has(p.notes, "\"severity\":\"warning\",\"tool\":\"bad\"") != rows[i].is_there);
        peer_end(&p);
    }
}

/* --- requests --- */

static int request(peer *p, souk_request_kind kind, const char *name, const char *params,
                   const souk_invoke_options *options, souk_err *err)
{
    souk_method method = {SOUK_LIT("peer"), souk_slice_of(name), kind};
    souk_buf body;
    uint64_t call;
    souk_buf_init(&body, souk_runtime_alloc(p->rt), 4096);
    souk_buf_add_text(&body, params);
    int failed = souk_runtime_request(p->rt, &method, &body, options, &call, err);
    souk_buf_free(&body);
    peer_run(p);
    return failed;
}

static void requests_of_every_kind_are_handed_on(void)
{
    static const struct {
        souk_request_kind given;
        souk_request_kind got;
    } rows[] = {{SOUK_REQUEST_CAPABILITY, SOUK_REQUEST_METHOD},
                {SOUK_REQUEST_METHOD, SOUK_REQUEST_METHOD},
                {SOUK_REQUEST_NOTIFY, SOUK_REQUEST_NOTIFY},
                {SOUK_REQUEST_TASK, SOUK_REQUEST_TASK},
                {SOUK_REQUEST_LOG_LEVEL, SOUK_REQUEST_LOG_LEVEL}};
    peer p;
    souk_err err;
    souk_invoke_options options;
    memset(&options, 0, sizeof options);
    begin_listening(&p, PEER_ABOUT("legacy", "http", "{}"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        p.methods[0] = '\0';
        CHECK_INT(request(&p, rows[i].given, "a/name", "{\"x\":1}", &options, &err), SOUK_OK);
        CHECK_TEXT(p.methods, "a/name {\"x\":1};");
        CHECK_INT(p.kind, rows[i].got);
        CHECK_INT(p.last.kind, SOUK_OK);
    }
    CHECK_INT(request(&p, SOUK_REQUEST_PING, "", "{}", &options, &err), SOUK_OK);
    CHECK_INT(p.looks, 1);
    CHECK_INT(request(&p, SOUK_REQUEST_LISTEN, "", "{}", &options, &err), SOUK_E_CONFIG);
    CHECK_INT(p.dones, 7);
    peer_end(&p);
}

static void options_of_a_call_reach_the_handler(void)
{
    peer p;
    souk_err err;
    souk_buf input;
    souk_invoke_options options;
    uint64_t call;
    memset(&options, 0, sizeof options);
    options.progress = true;
    options.cap = 90000;
    options.traceparent = SOUK_LIT("tp");
    options.tracestate = SOUK_LIT("ts");
    options.baggage = SOUK_LIT("b");
    begin_listening(&p, PEER_ABOUT("legacy", "http", "{}"));
    CHECK_INT(request(&p, SOUK_REQUEST_METHOD, "m", "{}", &options, &err), SOUK_OK);
    CHECK(p.progress);
    CHECK_INT(p.cap, 90000);
    CHECK_TEXT(p.trace, "tp|ts|b");
    options.progress = false;
    options.tracestate = SOUK_LIT("");
    souk_buf_init(&input, souk_alloc_libc(), 100);
    CHECK_INT(souk_runtime_call(p.rt, SOUK_LIT("own.peer.one"), &input, &options, &call, &err),
              SOUK_OK);
    souk_buf_free(&input);
    peer_run(&p);
    CHECK(!p.progress);
    CHECK_INT(p.cap, 90000);
    CHECK_TEXT(p.trace, "tp||b");
    peer_end(&p);
}

/* Tools that change while the program runs. SOUK_OK, or the first error. */
static int whole_life(const souk_alloc *alloc, souk_err *err)
{
    peer p;
    int failed;
    souk_err_clear(err);
    if (peer_begin(&p, alloc, err)) {
        failed = peer_add(&p, SOUK_LISTEN_AUTO, err);
        failed = failed == SOUK_OK ? peer_discover(&p, err) : failed;
        if (failed == SOUK_OK) {
            peer_run(&p);
            p.tools = "{\"tools\":[" PEER_TOOL("two") "]}";
            peer_say(&p, PEER_LIST_CHANGED);
            peer_wait(&p, 60000);
            peer_end_listen(&p, SOUK_E_CLOSED);
        }
    } else {
        failed = err->kind;
    }
    peer_end(&p);
    return failed;
}

static void every_allocation_of_a_refresh_may_fail(void)
{
    failing_alloc f;
    long n = 1;
    for (; n < 3000; n++) {
        souk_err err;
        failing_alloc_init(&f, n);
        int failed = whole_life(&f.alloc, &err);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            CHECK_INT(failed, SOUK_OK);
            break;
        }
    }
    printf("# %ld allocations, each failed once\n", n - 1);
    CHECK(n > 50 && n < 3000);
}

int main(void)
{
    CASE(tools_that_change_are_followed);
    CASE(a_schema_that_was_stale_is_followed_like_a_change);
    CASE(changes_that_another_process_heard_of_are_followed);
    CASE(changes_of_tools_that_nobody_asked_for_are_not_followed);
    CASE(there_is_one_refresh_at_a_time_and_one_more_after_it);
    CASE(a_server_that_never_stops_changing_is_asked_once_a_second);
    CASE(a_refresh_waits_for_a_discovery_of_the_program);
    CASE(a_refresh_that_fails_is_told_and_tried_again);
    CASE(a_discovery_of_the_program_that_fails_leaves_the_change_to_be_followed);
    CASE(only_listening_again_means_missed_events);
    CASE(another_list_of_subscriptions_misses_nothing_where_there_is_no_stream);
    CASE(a_server_that_is_removed_is_not_refreshed);
    CASE(wrong_header_annotations_leave_a_tool_out_over_modern_http);
    CASE(requests_of_every_kind_are_handed_on);
    CASE(options_of_a_call_reach_the_handler);
    CASE(every_allocation_of_a_refresh_may_fail);
    return tap_done();
}
