/* Requests of a legacy server: what is answered at once, what the user is asked, what is taken
 * back. */
#include "failing_alloc.h"
#include "session_help.h"

#define STREAM "Content-Type: text/event-stream"
#define FORM "'method':'elicitation/create','params':{'message':'m','requestedSchema':{}}"
#define CANCELLED "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':%s}}"

enum { ALL = 31 };

/* A legacy session over stdio of that revision; the child has been sent three messages. */
static fake_child *open_child(session_rig *rig, unsigned abilities, const char *version)
{
    char line[1024];
    rig_stdio(rig);
    rig->config.abilities = abilities;
    CHECK(rig_open(rig));
    fake_child *child = fake_last_child(&rig->fake);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}");
    CHECK(fake_is(fake_line(child, line, sizeof line), "initialize"));
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
             fake_rpc_id(line), version);
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
    return child;
}

/* The last line that was written must be this one, JSON with `'` for `"`. */
static void check_line(const fake_child *child, int at, const char *want)
{
    char line[1024];
    char text[1024];
    size_t len = strlen(want);
    for (size_t i = 0; i <= len; i++) {
        text[i] = want[i] == '\'' ? '"' : want[i];
    }
    tap_check_text(__FILE__, at, souk_slice_of(fake_line(child, line, sizeof line)),
                   souk_slice_of(text));
}

#define CHECK_LINE(child, want) check_line((child), __LINE__, (want))

/* The next question; 0 when there is none. The document is freed: what is wanted of it is checked
 * here. */
static uint64_t next_asked(session_rig *rig, int at, const void *tag, const char *method)
{
    souk_mcp_asked asked;
    if (!souk_mcp_next_asked(rig->mcp, &asked)) {
        tap_fail(__FILE__, at, "nothing is asked");
        return 0;
    }
    if (asked.withdrawn || asked.tag != tag) {
        tap_fail(__FILE__, at, "the question is withdrawn or has another tag");
    }
    tap_check_text(__FILE__, at, asked.method, souk_slice_of(method));
    souk_json_doc_free(&asked.doc);
    return asked.id;
}

#define NEXT_ASKED(rig, tag, method) next_asked((rig), __LINE__, (tag), (method))

static void check_withdrawn(session_rig *rig, int at, uint64_t id)
{
    souk_mcp_asked asked;
    if (!souk_mcp_next_asked(rig->mcp, &asked)) {
        tap_fail(__FILE__, at, "nothing is withdrawn");
        return;
    }
    if (!asked.withdrawn || asked.id != id || asked.tag != NULL || asked.params != NULL) {
        tap_fail(__FILE__, at, "it is not the withdrawal of that question");
    }
    souk_json_doc_free(&asked.doc);
}

#define CHECK_WITHDRAWN(rig, id) check_withdrawn((rig), __LINE__, (id))

static bool is_asked(session_rig *rig)
{
    souk_mcp_asked asked;
    bool is = souk_mcp_next_asked(rig->mcp, &asked);
    if (is) {
        souk_json_doc_free(&asked.doc);
    }
    return is;
}

static void pings_are_answered_and_what_was_not_declared_is_refused(void)
{
    static const struct {
        unsigned abilities;
        const char *version;
        const char *request;
        const char *reply;
    } rows[] = {
        {0, "2025-06-18", "'id':'p-1','method':'ping'", "'id':'p-1','result':{}"},
        {0, "2024-11-05", "'id':-7,'method':'ping','params':{}", "'id':-7,'result':{}"},
        {0, "2025-06-18", "'id':1,'method':'roots/list'",
         "'id':1,'error':{'code':-32601,'message':'the client does not support this method'}"},
        {ALL, "2025-06-18", "'id':1,'method':'tasks/get','params':{}",
         "'id':1,'error':{'code':-32601,'message':'the client does not support this method'}"},
        {SOUK_MCP_CAN_ELICIT_FORM, "2025-11-25",
         "'id':1,'method':'elicitation/create','params':{'mode':'url','message':'m','url':'u'}",
         "'id':1,'error':{'code':-32602,'message':'the client does not support this mode of "
         "elicitation'}"},
        {ALL, "2025-06-18",
         "'id':1,'method':'elicitation/create','params':{'mode':'url','message':'m','url':'u'}",
         "'id':1,'error':{'code':-32602,'message':'the client does not support this mode of "
         "elicitation'}"},
        {ALL, "2025-06-18", "'id':'\\u00e4\\n','method':'sampling/createMessage','params':{}",
         "'id':'\xC3\xA4\\n','error':{'code':-32602,'message':'sampling/createMessage needs "
         "messages, which are an array'}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        char want[512];
        fake_child *child = open_child(&rig, rows[i].abilities, rows[i].version);
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0',%s}", rows[i].request);
        snprintf(want, sizeof want, "{'jsonrpc':'2.0',%s}", rows[i].reply);
        CHECK_LINE(child, want);
        CHECK(!is_asked(&rig));
        rig_free(&rig);
    }
}

static void a_question_is_asked_once_and_answered_once(void)
{
    session_rig rig;
    souk_mcp_asked asked;
    souk_err no;
    fake_child *child = open_child(&rig, ALL, "2025-11-25");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':'a',%s}", FORM);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'method':'roots/list'}");
    fake_say(&rig.fake, child,
             "{'jsonrpc':'2.0','id':'1','method':'elicitation/create','params':"
             "{'mode':'url','message':'m','url':'u','elicitationId':'e'}}");
    CHECK_INT(fake_lines(child, "notifications/initialized"), 1);
    size_t written = child->input_len;
    CHECK(souk_mcp_next_asked(rig.mcp, &asked));
    CHECK(!asked.withdrawn && asked.tag == NULL);
    CHECK_SLICE(asked.method, "elicitation/create");
    CHECK_SLICE(souk_json_raw(&asked.doc, asked.params),
                "{\"message\":\"m\",\"requestedSchema\":{}}");
    souk_json_doc_free(&asked.doc);
    uint64_t roots = NEXT_ASKED(&rig, NULL, "roots/list");
    uint64_t url = NEXT_ASKED(&rig, NULL, "elicitation/create");
    CHECK(!is_asked(&rig));
    CHECK(asked.id != roots && roots != url && asked.id != url && asked.id != 0);
    CHECK_INT(child->input_len, written);

    souk_mcp_reply(rig.mcp, roots, SOUK_LIT("{\"roots\":[]}"), NULL);
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':1,'result':{'roots':[]}}");
    souk_fail(&no, SOUK_E_CANCELLED, "nobody is there");
    souk_mcp_reply(rig.mcp, url, SOUK_LIT(""), &no);
    CHECK_LINE(child,
               "{'jsonrpc':'2.0','id':'1','error':{'code':-32603,'message':'nobody is there'}}");
    no.has_code = true;
    no.code = -1;
    souk_mcp_reply(rig.mcp, asked.id, SOUK_LIT(""), &no);
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':'a','error':{'code':-1,'message':'nobody is there'}}");
    written = child->input_len;
    souk_mcp_reply(rig.mcp, roots, SOUK_LIT("{}"), NULL);
    souk_mcp_reply(rig.mcp, 0, SOUK_LIT("{}"), NULL);
    souk_mcp_reply(rig.mcp, 99, SOUK_LIT("{}"), NULL);
    CHECK_INT(child->input_len, written);
    rig_free(&rig);
}

static void over_http_a_question_belongs_to_the_request_in_whose_stream_it_came(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.abilities = ALL;
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "Content-Type: text/plain", "Not found");
    CHECK(strstr(fake_open(&rig.fake, "initialize")->body,
                 "\"capabilities\":{\"roots\":{\"listChanged\":true},\"sampling\":{},"
                 "\"elicitation\":{\"form\":{},\"url\":{}}}") != NULL);
    rig_initialize(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, STREAM);
    fake_text(&rig.fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"roots/list\"}\n\n"
              "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\",\"params\":{}}\n\n");
    uint64_t first = NEXT_ASKED(&rig, &rig, "roots/list");
    char answer[200];
    snprintf(answer, sizeof answer, "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}\n\n",
             fake_rpc_id(x->body));
    fake_text(&rig.fake, x, answer);
    CHECK(rig_next(&rig));
    /* The request has ended, and its tag with it; the server may still wait. */
    uint64_t second = NEXT_ASKED(&rig, NULL, "roots/list");
    souk_mcp_reply(rig.mcp, first, SOUK_LIT("{\"roots\":[]}"), NULL);
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"roots\":[]}}");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    CHECK_INT(souk_mcp_replies(rig.mcp), 1);
    souk_mcp_reply(rig.mcp, second, SOUK_LIT("{}"), NULL);
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK_INT(souk_mcp_replies(rig.mcp), 1);
    rig_free(&rig);
}

static void an_id_that_waits_already_is_refused(void)
{
    session_rig rig;
    fake_child *child = open_child(&rig, ALL, "2025-06-18");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':'5','method':'roots/list'}");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':5,'error':{'code':-32600,'message':'a request with "
                      "this id waits for its answer already'}}");
    uint64_t id = NEXT_ASKED(&rig, NULL, "roots/list");
    (void)NEXT_ASKED(&rig, NULL, "roots/list");
    CHECK(!is_asked(&rig));
    souk_mcp_reply(rig.mcp, id, SOUK_LIT("{}"), NULL);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    CHECK(NEXT_ASKED(&rig, NULL, "roots/list") != id);
    rig_free(&rig);
}

static void only_so_many_questions_wait(void)
{
    session_rig rig;
    uint64_t last = 0;
    fake_child *child = open_child(&rig, ALL, "2025-06-18");
    for (int i = 0; i < 64; i++) {
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':%d,'method':'roots/list'}", i);
        last = NEXT_ASKED(&rig, NULL, "roots/list");
    }
    size_t written = child->input_len;
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':64,'method':'roots/list'}");
    CHECK(!is_asked(&rig));
    CHECK(child->input_len > written);
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':64,'error':{'code':-32603,'message':'too many "
                      "requests wait for their answers'}}");
    souk_mcp_reply(rig.mcp, last, SOUK_LIT("{}"), NULL);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':64,'method':'roots/list'}");
    CHECK(is_asked(&rig));
    rig_free(&rig);
}

static void a_server_takes_its_question_back(void)
{
    session_rig rig;
    fake_child *child = open_child(&rig, ALL, "2025-06-18");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':'5',%s}", FORM);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':6,'method':'roots/list'}");
    fake_say(&rig.fake, child, CANCELLED, "5"); /* nobody has seen it */
    uint64_t form = NEXT_ASKED(&rig, NULL, "elicitation/create");
    uint64_t roots = NEXT_ASKED(&rig, NULL, "roots/list");
    CHECK(!is_asked(&rig));
    fake_say(&rig.fake, child, CANCELLED, "5");
    fake_say(&rig.fake, child, CANCELLED, "77");
    fake_say(&rig.fake, child, CANCELLED, "null");
    CHECK(!is_asked(&rig));
    fake_say(&rig.fake, child, CANCELLED, "'5'");
    size_t written = child->input_len;
    souk_mcp_reply(rig.mcp, form, SOUK_LIT("{}"), NULL); /* too late */
    CHECK_INT(child->input_len, written);
    fake_say(&rig.fake, child, CANCELLED, "'5'");
    CHECK_WITHDRAWN(&rig, form);
    CHECK(!is_asked(&rig));
    souk_mcp_reply(rig.mcp, form, SOUK_LIT("{}"), NULL);
    CHECK_INT(child->input_len, written);
    souk_mcp_reply(rig.mcp, roots, SOUK_LIT("{}"), NULL);
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':6,'result':{}}");
    souk_mcp_notice notice;
    CHECK(!souk_mcp_next_notice(rig.mcp, &notice));
    rig_free(&rig);
}

static void an_id_may_be_used_again_while_its_withdrawal_waits(void)
{
    session_rig rig;
    fake_child *child = open_child(&rig, ALL, "2025-06-18");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    uint64_t first = NEXT_ASKED(&rig, NULL, "roots/list");
    fake_say(&rig.fake, child, CANCELLED, "5");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':5,'method':'roots/list'}");
    CHECK_WITHDRAWN(&rig, first);
    uint64_t second = NEXT_ASKED(&rig, NULL, "roots/list");
    souk_mcp_reply(rig.mcp, second, SOUK_LIT("{}"), NULL);
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':5,'result':{}}");
    rig_free(&rig);
}

static void the_end_of_the_session_takes_all_questions_back(void)
{
    for (int how = 0; how < 3; how++) {
        session_rig rig;
        fake_child *child = open_child(&rig, ALL, "2025-06-18");
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'method':'roots/list'}");
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':2,'method':'roots/list'}");
        uint64_t first = NEXT_ASKED(&rig, NULL, "roots/list");
        uint64_t second = NEXT_ASKED(&rig, NULL, "roots/list");
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':3,'method':'roots/list'}");
        if (how == 0) {
            fake_exit(&rig.fake, child, 1, "");
            CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
        } else if (how == 1) {
            souk_mcp_close(rig.mcp);
        } else {
            child->deaf = true;
            CHECK_INT(rig_send(&rig, "ping", ""), 0);
            CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
        }
        CHECK_WITHDRAWN(&rig, first);
        CHECK_WITHDRAWN(&rig, second);
        CHECK(!is_asked(&rig));
        size_t written = child->input_len;
        souk_mcp_reply(rig.mcp, first, SOUK_LIT("{}"), NULL);
        if (!child->exited) {
            fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':3,'method':'roots/list'}");
        }
        CHECK(!is_asked(&rig));
        CHECK_INT(child->input_len, written);
        rig_free(&rig);
    }
}

static void before_initialize_is_answered_only_pings_are(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.abilities = ALL;
    CHECK(rig_open(&rig));
    fake_child *child = fake_last_child(&rig.fake);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':1,'result':{}}");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':2,'method':'roots/list'}");
    CHECK_LINE(child, "{'jsonrpc':'2.0','id':2,'error':{'code':-32601,'message':'the client does "
                      "not support this method'}}");
    CHECK(!is_asked(&rig));
    rig_free(&rig);
}

static void a_modern_server_may_not_ask(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.abilities = ALL;
    CHECK(rig_open(&rig));
    fake_child *child = fake_last_child(&rig.fake);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    size_t written = child->input_len;
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':2,'method':'roots/list'}");
    CHECK(!is_asked(&rig));
    CHECK_INT(child->input_len, written);
    rig_free(&rig);
}

static void one_stream_cannot_make_us_send_without_end(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, STREAM);
    for (int i = 0; i < 100; i++) {
        fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
    }
    CHECK_INT(souk_mcp_replies(rig.mcp), 64);
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}\n\n");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
    rig_free(&rig);
}

/* Whatever fails: what was asked is answered or withdrawn once. */
static void run_with(const souk_alloc *alloc)
{
    session_rig rig;
    char line[1024];
    souk_mcp_asked asked;
    size_t open = 0;
    uint64_t first = 0;
    rig_stdio(&rig);
    rig.alloc = alloc;
    rig.config.abilities = ALL;
    rig.config.pinned = SOUK_MCP_2025_06_18;
    if (!rig_open(&rig)) {
        rig_free(&rig);
        return;
    }
    fake_child *child = fake_last_child(&rig.fake);
    if (child != NULL && child->input_len > 0) {
        fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
                 fake_rpc_id(fake_line(child, line, sizeof line)), "2025-06-18");
        for (int i = 0; i < 3 && !child->closed; i++) {
            fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':'\\u0041%d',%s}", i, FORM);
        }
    }
    while (souk_mcp_next_asked(rig.mcp, &asked)) {
        if (asked.withdrawn) {
            CHECK(open-- > 0);
        } else {
            open++;
            first = first == 0 ? asked.id : first;
        }
        souk_json_doc_free(&asked.doc);
    }
    if (first != 0 && souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY) {
        souk_mcp_reply(rig.mcp, first, SOUK_LIT("{}"), NULL);
        open--;
    }
    souk_mcp_close(rig.mcp);
    while (souk_mcp_next_asked(rig.mcp, &asked)) {
        CHECK(asked.withdrawn);
        souk_json_doc_free(&asked.doc);
        open--;
    }
    CHECK_INT(open, 0);
    rig_free(&rig);
}

static void questions_survive_every_failing_allocation(void)
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
    CASE(pings_are_answered_and_what_was_not_declared_is_refused);
    CASE(a_question_is_asked_once_and_answered_once);
    CASE(over_http_a_question_belongs_to_the_request_in_whose_stream_it_came);
    CASE(an_id_that_waits_already_is_refused);
    CASE(only_so_many_questions_wait);
    CASE(a_server_takes_its_question_back);
    CASE(an_id_may_be_used_again_while_its_withdrawal_waits);
    CASE(the_end_of_the_session_takes_all_questions_back);
    CASE(before_initialize_is_answered_only_pings_are);
    CASE(a_modern_server_may_not_ask);
    CASE(one_stream_cannot_make_us_send_without_end);
    CASE(questions_survive_every_failing_allocation);
    return tap_done();
}
