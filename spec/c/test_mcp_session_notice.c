/* Notifications of the server: whose they are, in which order they come, and how many wait. */
#include "failing_alloc.h"
#include "session_help.h"

#define STREAM "Content-Type: text/event-stream"
#define LOG "{'jsonrpc':'2.0','method':'notifications/message','params':{'data':%d}}"

static int first_tag, second_tag;

static uint64_t send_with(session_rig *rig, const char *method, void *tag)
{
    souk_err err;
    uint64_t id = 0;
    souk_mcp_request request = {.method = souk_slice_of(method), .timeout = 60000, .tag = tag};
    return souk_mcp_send(rig->mcp, &request, &id, &err) == SOUK_OK ? id : 0;
}

/* One event of a stream, JSON with `'` for `"`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
stream(session_rig *rig, const fake_exchange *x, const char *format, ...)
{
    char text[1024] = "data: ";
    va_list args;
    va_start(args, format);
    vsnprintf(text + 6, sizeof text - 16, format, args);
    va_end(args);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    strcat(text, "\n\n");
    fake_text(&rig->fake, x, text);
}

/* The next notice must be this one; params: JSON text with `'` for `"`, "" for none. */
static void check_notice(session_rig *rig, int line, const void *tag, const char *method,
                         const char *params)
{
    souk_mcp_notice notice;
    char want[512];
    if (!souk_mcp_next_notice(rig->mcp, &notice)) {
        tap_fail(__FILE__, line, "no notice waits");
        return;
    }
    if (notice.tag != tag) {
        tap_fail(__FILE__, line, "the notice has another tag");
    }
    for (size_t i = 0; i <= strlen(params); i++) {
        want[i] = params[i] == '\'' ? '"' : params[i];
    }
    tap_check_text(__FILE__, line, notice.method, souk_slice_of(method));
    tap_check_text(__FILE__, line,
                   notice.params == NULL ? SOUK_LIT("") : souk_json_raw(&notice.doc, notice.params),
                   souk_slice_of(want));
    souk_json_doc_free(&notice.doc);
}

#define CHECK_NOTICE(rig, tag, method, params)                                                     \
    check_notice((rig), __LINE__, (tag), (method), (params))

static void check_none(session_rig *rig, int line)
{
    souk_mcp_notice notice;
    if (souk_mcp_next_notice(rig->mcp, &notice)) {
        tap_fail(__FILE__, line, "a notice waits that should not");
        souk_json_doc_free(&notice.doc);
    }
}

#define CHECK_NO_NOTICE(rig) check_none((rig), __LINE__)

static void notices_in_the_stream_of_a_request_are_its_own(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(send_with(&rig, "tools/call", &first_tag) != 0);
    fake_exchange *first = rig_last(&rig);
    CHECK(send_with(&rig, "tools/call", &second_tag) != 0);
    fake_exchange *second = rig_last(&rig);
    fake_head(&rig.fake, first, 200, STREAM);
    fake_head(&rig.fake, second, 200, STREAM);
    stream(&rig, second, LOG, 1);
    stream(&rig, first, LOG, 2);
    stream(&rig, first, "{'jsonrpc':'2.0','method':'notifications/tools/list_changed'}");
    stream(&rig, first, "{'jsonrpc':'2.0','id':%lld,'result':{}}", fake_rpc_id(first->body));
    stream(&rig, first, LOG, 3); /* after the answer: nobody's */
    CHECK_NOTICE(&rig, &second_tag, "notifications/message", "{'data':1}");
    CHECK_NOTICE(&rig, &first_tag, "notifications/message", "{'data':2}");
    CHECK_NOTICE(&rig, &first_tag, "notifications/tools/list_changed", "");
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':3}");
    CHECK_NO_NOTICE(&rig);
    CHECK(rig_next(&rig));
    CHECK(rig.end.tag == &first_tag);
    rig_free(&rig);
}

static void progress_is_found_by_its_token_alone(void)
{
    static const struct {
        const char *token;
        const void *tag;
    } rows[] = {{"3", &first_tag}, {"4", &second_tag}, {"3.0", &first_tag}, {"'3'", NULL},
                {"2", NULL},       {"99", NULL},       {"0", NULL},         {"-3", NULL},
                {"null", NULL},    {"[3]", NULL}};
    session_rig rig;
    rig_open_child(&rig);
    fake_child *child = fake_last_child(&rig.fake);
    CHECK_INT(send_with(&rig, "tools/call", &first_tag), 3);
    CHECK_INT(send_with(&rig, "tools/call", &second_tag), 4);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char params[100];
        snprintf(params, sizeof params, "{'progressToken':%s,'progress':0.5}", rows[i].token);
        fake_say(&rig.fake, child,
                 "{'jsonrpc':'2.0','method':'notifications/progress','params':%s}", params);
        CHECK_NOTICE(&rig, rows[i].tag, "notifications/progress", params);
    }
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','method':'notifications/progress'}");
    CHECK_NOTICE(&rig, NULL, "notifications/progress", "");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':3,'result':{}}");
    fake_say(&rig.fake, child,
             "{'jsonrpc':'2.0','method':'notifications/progress','params':{'progressToken':3}}");
    CHECK_NOTICE(&rig, NULL, "notifications/progress", "{'progressToken':3}");
    rig_free(&rig);
}

static void progress_in_another_stream_is_found_by_its_token_too(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    uint64_t id = send_with(&rig, "tools/call", &first_tag);
    CHECK(send_with(&rig, "tools/call", &second_tag) != 0);
    fake_head(&rig.fake, rig_last(&rig), 200, STREAM);
    stream(&rig, rig_last(&rig),
           "{'jsonrpc':'2.0','method':'notifications/progress','params':{'progressToken':%d}}",
           (int)id);
    souk_mcp_notice notice;
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK(notice.tag == &first_tag);
    souk_json_doc_free(&notice.doc);
    rig_free(&rig);
}

/* A modern session over stdio, with a request and a subscription (ids 2 and 3). */
static fake_child *open_modern_child(session_rig *rig)
{
    rig_stdio(rig);
    CHECK(rig_open(rig));
    fake_child *child = fake_last_child(&rig->fake);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
    CHECK_INT(send_with(rig, "tools/call", &first_tag), 2);
    CHECK_INT(send_with(rig, "subscriptions/listen", &second_tag), 3);
    return child;
}

static void a_subscription_is_named_by_its_id_and_the_type_of_that(void)
{
    static const struct {
        const char *id;
        const void *tag;
    } rows[] = {{"3", &second_tag}, {"2", &first_tag}, {"'3'", NULL}, {"7", NULL}, {"{}", NULL}};
    session_rig rig;
    fake_child *child = open_modern_child(&rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char params[100];
        snprintf(params, sizeof params, "{'_meta':{'io.modelcontextprotocol/subscriptionId':%s}}",
                 rows[i].id);
        fake_say(&rig.fake, child,
                 "{'jsonrpc':'2.0','method':'notifications/tools/list_changed','params':%s}",
                 params);
        CHECK_NOTICE(&rig, rows[i].tag, "notifications/tools/list_changed", params);
    }
    rig_free(&rig);
}

static void a_server_may_end_a_subscription_by_cancelling_it(void)
{
    session_rig rig;
    fake_child *child = open_modern_child(&rig);
    static const char *const others[] = {"{'requestId':2}", "{'requestId':'3'}", "{}", "[]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fake_say(&rig.fake, child,
                 "{'jsonrpc':'2.0','method':'notifications/cancelled','params':%s}", others[i]);
        CHECK(!rig_next(&rig));
    }
    fake_say(&rig.fake, child,
             "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':3}}");
    CHECK(rig_next(&rig));
    CHECK(rig.end.tag == &second_tag);
    CHECK_INT(rig.end.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(!rig.end.lost);
    CHECK(!rig_next(&rig));
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':3,'result':{}}"); /* it may do both */
    CHECK(!rig_next(&rig));
    CHECK_NO_NOTICE(&rig);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

static void a_cancelled_subscription_over_http_ends_within_its_own_stream(void)
{
    session_rig rig;
    rig_open_modern(&rig);
    CHECK_INT(send_with(&rig, "subscriptions/listen", &second_tag), 2);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, STREAM);
    stream(&rig, x, "{'jsonrpc':'2.0','method':'notifications/subscriptions/acknowledged'}");
    CHECK_NOTICE(&rig, &second_tag, "notifications/subscriptions/acknowledged", "");
    fake_text(&rig.fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
              "{\"requestId\":2}}\n\n"
              "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n");
    CHECK(rig_next(&rig));
    CHECK_INT(rig.end.err.kind, SOUK_E_TRANSPORT);
    CHECK(!rig_next(&rig));
    rig_wait(&rig, 10000);
    CHECK(x->cancelled);
    rig_free(&rig);
}

static void what_waits_loses_the_tag_of_a_request_that_is_gone(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    uint64_t id = send_with(&rig, "tools/call", &first_tag);
    fake_exchange *first = rig_last(&rig);
    CHECK(send_with(&rig, "tools/call", &second_tag) != 0);
    fake_exchange *second = rig_last(&rig);
    fake_head(&rig.fake, first, 200, STREAM);
    fake_head(&rig.fake, second, 200, STREAM);
    stream(&rig, first, LOG, 1);
    stream(&rig, second, LOG, 2);
    souk_mcp_cancel(rig.mcp, id, "enough");
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':1}");
    stream(&rig, second, "{'jsonrpc':'2.0','id':%lld,'result':{}}", fake_rpc_id(second->body));
    CHECK(rig_next(&rig));
    CHECK(rig.end.tag == &second_tag);
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':2}");
    rig_free(&rig);
}

static void a_request_that_ended_may_be_given_up_before_its_end_is_fetched(void)
{
    for (int which = 0; which < 3; which++) {
        session_rig rig;
        rig_open_child(&rig);
        fake_child *child = fake_last_child(&rig.fake);
        for (int id = 3; id < 6; id++) {
            CHECK_INT(send_with(&rig, "tools/call", id == 3 + which ? &first_tag : &second_tag),
                      id);
        }
        fake_say(
            &rig.fake, child,
            "{'jsonrpc':'2.0','method':'notifications/progress','params':{'progressToken':%d}}",
            3 + which);
        for (int id = 3; id < 6; id++) {
            fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':%d,'result':{}}", id);
        }
        size_t written = child->input_len;
        souk_mcp_cancel(rig.mcp, 3 + (uint64_t)which, "enough");
        CHECK_INT(child->input_len, written); /* the server need not know */
        souk_mcp_notice notice;
        CHECK(souk_mcp_next_notice(rig.mcp, &notice));
        CHECK(notice.tag == NULL);
        souk_json_doc_free(&notice.doc);
        CHECK_INT(send_with(&rig, "tools/call", &second_tag), 6);
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':6,'result':{}}");
        for (int i = 0; i < 3; i++) {
            CHECK(rig_next(&rig));
            CHECK(rig.end.tag == &second_tag);
        }
        CHECK(!rig_next(&rig));
        rig_free(&rig);
    }
}

static void only_so_many_notices_wait(void)
{
    static const struct {
        size_t max;
        int kept;
    } rows[] = {{3, 3}, {0, 256}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        rig_stdio(&rig);
        rig.config.max_notices = rows[i].max;
        CHECK(rig_open(&rig));
        fake_child *child = fake_last_child(&rig.fake);
        for (int k = 0; k < rows[i].kept + 5; k++) {
            fake_say(&rig.fake, child, LOG, k);
        }
        for (int k = 0; k < rows[i].kept; k++) {
            char params[40];
            snprintf(params, sizeof params, "{'data':%d}", k);
            CHECK_NOTICE(&rig, NULL, "notifications/message", params);
        }
        CHECK_NO_NOTICE(&rig);
        fake_say(&rig.fake, child, LOG, 7); /* there is room again */
        CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':7}");
        rig_free(&rig);
    }
}

static void what_is_of_no_request_is_the_listeners(void)
{
    session_rig rig;
    souk_err err;
    uint64_t id = 0;
    rig_stdio(&rig);
    rig.config.max_notices = 1;
    rig.config.pinned = SOUK_MCP_2025_06_18;
    CHECK(rig_open(&rig));
    fake_child *child = fake_last_child(&rig.fake);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'result':" RIG_INITIALIZED "}",
             "2025-06-18");
    fake_say(&rig.fake, child, LOG, 1);
    CHECK_INT(souk_mcp_listen(rig.mcp, &second_tag, &id, &err), SOUK_OK);
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':1}");
    CHECK_NOTICE(&rig, &second_tag, SOUK_MCP_LISTENING, ""); /* it is never dropped */
    fake_say(&rig.fake, child, LOG, 2);
    CHECK_NOTICE(&rig, &second_tag, "notifications/message", "{'data':2}");
    fake_say(&rig.fake, child,
             "{'jsonrpc':'2.0','method':'notifications/progress','params':{'progressToken':%d}}",
             (int)id); /* it is no request that could progress */
    souk_mcp_notice notice;
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK(notice.tag == NULL);
    souk_json_doc_free(&notice.doc);
    fake_say(&rig.fake, child, LOG, 3);
    souk_mcp_cancel(rig.mcp, id, "enough");
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':3}");
    fake_say(&rig.fake, child, LOG, 4);
    CHECK_NOTICE(&rig, NULL, "notifications/message", "{'data':4}");
    rig_free(&rig);
}

static void notices_may_come_in_batches(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-03-26", "");
    CHECK(send_with(&rig, "tools/call", &first_tag) != 0);
    fake_json(&rig.fake, rig_last(&rig), 200,
              "[" LOG "," LOG ",{'jsonrpc':'2.0','id':%lld,'result':{}}]", 1, 2,
              fake_rpc_id(rig_last(&rig)->body));
    CHECK_NOTICE(&rig, &first_tag, "notifications/message", "{'data':1}");
    CHECK_NOTICE(&rig, &first_tag, "notifications/message", "{'data':2}");
    CHECK_NO_NOTICE(&rig);
    CHECK(rig_next(&rig));
    rig_free(&rig);
}

static void run_with(const souk_alloc *alloc)
{
    session_rig rig;
    souk_mcp_notice notice;
    rig_stdio(&rig);
    rig.alloc = alloc;
    if (!rig_open(&rig)) {
        rig_free(&rig);
        return;
    }
    fake_child *child = fake_last_child(&rig.fake);
    if (child != NULL) {
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
        (void)send_with(&rig, "subscriptions/listen", &first_tag);
        for (int i = 0; i < 3 && !child->closed; i++) {
            fake_say(&rig.fake, child, LOG, i);
        }
        if (souk_mcp_next_notice(rig.mcp, &notice)) {
            CHECK_SLICE(notice.method, "notifications/message");
            souk_json_doc_free(&notice.doc);
        }
    }
    rig_free(&rig);
}

static void notices_survive_every_failing_allocation(void)
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            run_with(&f.alloc);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                break;
            }
        }
    }
}

int main(void)
{
    CASE(notices_in_the_stream_of_a_request_are_its_own);
    CASE(progress_is_found_by_its_token_alone);
    CASE(progress_in_another_stream_is_found_by_its_token_too);
    CASE(a_subscription_is_named_by_its_id_and_the_type_of_that);
    CASE(a_server_may_end_a_subscription_by_cancelling_it);
    CASE(a_cancelled_subscription_over_http_ends_within_its_own_stream);
    CASE(what_waits_loses_the_tag_of_a_request_that_is_gone);
    CASE(a_request_that_ended_may_be_given_up_before_its_end_is_fetched);
    CASE(only_so_many_notices_wait);
    CASE(what_is_of_no_request_is_the_listeners);
    CASE(notices_may_come_in_batches);
    CASE(notices_survive_every_failing_allocation);
    return tap_done();
}
