#include "mcp/rpc.h"

#include "failing_alloc.h"
#include "mcp_help.h"

static void messages_are_classified(void)
{
    static const struct {
        souk_rpc_kind kind;
        const char *text;
    } rows[] = {
        {SOUK_RPC_REQUEST, "{'jsonrpc':'2.0','id':1,'method':'ping'}"},
        {SOUK_RPC_REQUEST, "{'jsonrpc':'2.0','id':'a','method':'m','params':{'x':1}}"},
        {SOUK_RPC_REQUEST, "{'jsonrpc':'2.0','id':'','method':'m','params':[1,2]}"},
        {SOUK_RPC_REQUEST, "{'jsonrpc':'2.0','id':-5,'method':'','params':null,'more':true}"},
        {SOUK_RPC_NOTIFICATION, "{'jsonrpc':'2.0','method':'m'}"},
        {SOUK_RPC_NOTIFICATION, "{'method':'m','params':{},'jsonrpc':'2.0'}"},
        {SOUK_RPC_RESULT, "{'jsonrpc':'2.0','id':1,'result':{}}"},
        {SOUK_RPC_RESULT, "{'jsonrpc':'2.0','id':1.0,'result':null}"},
        {SOUK_RPC_RESULT, "{'jsonrpc':'2.0','id':'x','result':[]}"},
        {SOUK_RPC_ERROR, "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}"},
        {SOUK_RPC_ERROR, "{'jsonrpc':'2.0','id':null,'error':{'code':-32700,'message':'no'}}"},
        {SOUK_RPC_ERROR, "{'jsonrpc':'2.0','error':{'code':0,'message':'','data':[1]}}"},
        {SOUK_RPC_ERROR, "{'jsonrpc':'2.0','id':1,'error':{'code':1}}"},
        {SOUK_RPC_ERROR, "{'jsonrpc':'2.0','id':1,'error':{'code':1,'message':5}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        const souk_rpc_message *message = mcp_read_message(&doc, rows[i].text);
        CHECK_INT(message->kind, rows[i].kind);
        mcp_free(&doc);
    }
}

static void the_parts_of_a_message_are_found(void)
{
    mcp_doc doc;
    const souk_rpc_message *m = mcp_read_message(
        &doc, "{'jsonrpc':'2.0','id':'q-7','method':'tools/call','params':{'a':1}}");
    CHECK_SLICE(m->method, "tools/call");
    CHECK(souk_rpc_id_eq(m->id, souk_rpc_id_string(SOUK_LIT("q-7"))));
    CHECK_INT(m->params->type, SOUK_JSON_OBJECT);
    mcp_free(&doc);

    m = mcp_read_message(&doc, "{'jsonrpc':'2.0','id':9,'result':[true]}");
    CHECK(souk_rpc_id_eq(m->id, souk_rpc_id_int(9)));
    CHECK_INT(m->result->size, 1);
    CHECK(m->params == NULL && m->data == NULL);
    mcp_free(&doc);

    m = mcp_read_message(
        &doc, "{'jsonrpc':'2.0','id':9,'error':{'code':-5,'message':'no\\u0021','data':{}}}");
    CHECK_INT(m->code, -5);
    CHECK_SLICE(m->message, "no!");
    CHECK_INT(m->data->type, SOUK_JSON_OBJECT);
    CHECK(m->result == NULL);
    mcp_free(&doc);
}

static void broken_messages_are_refused_with_a_reason(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"5", "it is no object"},
        {"[]", "it is no object"},
        {"{}", "\"jsonrpc\" is not \"2.0\""},
        {"{'id':1,'method':'m'}", "\"jsonrpc\" is not \"2.0\""},
        {"{'jsonrpc':'1.0','id':1,'method':'m'}", "\"jsonrpc\" is not \"2.0\""},
        {"{'jsonrpc':2.0,'id':1,'method':'m'}", "\"jsonrpc\" is not \"2.0\""},
        {"{'jsonrpc':'2.0'}", "it has neither a method, nor a result, nor an error"},
        {"{'jsonrpc':'2.0','id':1}", "it has neither a method, nor a result, nor an error"},
        {"{'jsonrpc':'2.0','id':1,'result':1,'error':{'code':1,'message':''}}",
         "it has both a result and an error"},
        {"{'jsonrpc':'2.0','id':1,'result':1,'error':null}", "it has both a result and an error"},
        {"{'jsonrpc':'2.0','id':1,'method':'m','result':1}",
         "it has a method together with a result or an error"},
        {"{'jsonrpc':'2.0','id':1,'method':'m','error':{}}",
         "it has a method together with a result or an error"},
        {"{'jsonrpc':'2.0','id':1,'method':5}", "its method is no string"},
        {"{'jsonrpc':'2.0','id':1,'method':null}", "its method is no string"},
        {"{'jsonrpc':'2.0','id':null,'method':'m'}", "the id of a request is null"},
        {"{'jsonrpc':'2.0','id':1,'method':'m','params':5}",
         "its params are neither an object nor an array"},
        {"{'jsonrpc':'2.0','id':1,'method':'m','params':'x'}",
         "its params are neither an object nor an array"},
        {"{'jsonrpc':'2.0','id':1.5,'method':'m'}",
         "its id is neither a string nor an integer of 64 bits"},
        {"{'jsonrpc':'2.0','id':true,'result':1}",
         "its id is neither a string nor an integer of 64 bits"},
        {"{'jsonrpc':'2.0','id':{},'result':1}",
         "its id is neither a string nor an integer of 64 bits"},
        {"{'jsonrpc':'2.0','id':9223372036854775808,'result':1}",
         "its id is neither a string nor an integer of 64 bits"},
        {"{'jsonrpc':'2.0','id':null,'result':1}", "it has a result but no id"},
        {"{'jsonrpc':'2.0','result':1}", "it has a result but no id"},
        {"{'jsonrpc':'2.0','id':1,'error':'no'}", "its error is no object"},
        {"{'jsonrpc':'2.0','id':1,'error':null}", "its error is no object"},
        {"{'jsonrpc':'2.0','id':1,'error':{'message':'no'}}",
         "its error has no code that is an integer"},
        {"{'jsonrpc':'2.0','id':1,'error':{'code':'1','message':'no'}}",
         "its error has no code that is an integer"},
        {"{'jsonrpc':'2.0','id':1,'error':{'code':1.5,'message':'no'}}",
         "its error has no code that is an integer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        char want[SOUK_MESSAGE_MAX];
        mcp_read(&doc, rows[i].text);
        CHECK_INT(souk_rpc_read(doc.root, &doc.message, &err), SOUK_E_PROTOCOL);
        CHECK_INT(doc.message.kind, SOUK_RPC_INVALID);
        snprintf(want, sizeof want, "not a JSON-RPC message: %s", rows[i].reason);
        CHECK_TEXT(err.message, want);
        mcp_free(&doc);
    }
    souk_rpc_message message;
    CHECK_INT(souk_rpc_read(NULL, &message, NULL), SOUK_E_PROTOCOL);
}

static void ids_are_equal_only_with_their_type(void)
{
    souk_rpc_id none = {SOUK_RPC_ID_NONE, 0, {NULL, 0}};
    souk_rpc_id null = {SOUK_RPC_ID_NULL, 0, {NULL, 0}};
    souk_rpc_id one = souk_rpc_id_int(1);
    souk_rpc_id text = souk_rpc_id_string(SOUK_LIT("1"));
    CHECK(souk_rpc_id_eq(one, souk_rpc_id_int(1)));
    CHECK(souk_rpc_id_eq(text, souk_rpc_id_string(SOUK_LIT("1"))));
    CHECK(!souk_rpc_id_eq(one, text));
    CHECK(!souk_rpc_id_eq(one, souk_rpc_id_int(2)));
    CHECK(!souk_rpc_id_eq(text, souk_rpc_id_string(SOUK_LIT("2"))));
    CHECK(!souk_rpc_id_eq(none, null));
    CHECK(souk_rpc_id_eq(null, null));
}

static void an_error_becomes_ours(void)
{
    static const struct {
        const char *text;
        const char *message;
        int64_t code;
        souk_delivery delivery;
    } rows[] = {
        {"{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'No such method'}}",
         "No such method", -32601, SOUK_DELIVERY_REJECTED},
        {"{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'v'}}", "v", -32022,
         SOUK_DELIVERY_REJECTED},
        {"{'jsonrpc':'2.0','id':1,'error':{'code':-32602,'message':'Bad name'}}", "Bad name",
         -32602, SOUK_DELIVERY_DELIVERED},
        {"{'jsonrpc':'2.0','id':1,'error':{'code':7}}",
         "the server answered with error 7 and no text", 7, SOUK_DELIVERY_DELIVERED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        CHECK_INT(souk_rpc_fail(mcp_read_message(&doc, rows[i].text), &err), SOUK_E_RPC);
        CHECK_INT(err.kind, SOUK_E_RPC);
        CHECK(err.has_code && !err.retryable);
        CHECK_INT(err.code, rows[i].code);
        CHECK_INT(err.delivery, rows[i].delivery);
        CHECK_TEXT(err.message, rows[i].message);
        CHECK_INT(souk_rpc_fail(&doc.message, NULL), SOUK_E_RPC);
        mcp_free(&doc);
    }
}

static void replies_and_notifications_are_written(void)
{
    souk_buf out;
    souk_err err;
    souk_rpc_id none = {SOUK_RPC_ID_NONE, 0, {NULL, 0}};
    souk_slice empty = {NULL, 0};
    souk_buf_init(&out, souk_alloc_libc(), 1024);
    CHECK_INT(souk_rpc_write_result(&out, souk_rpc_id_int(-3), SOUK_LIT("{}"), &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), "{\"jsonrpc\":\"2.0\",\"id\":-3,\"result\":{}}");

    souk_buf_clear(&out);
    souk_rpc_id quoted = souk_rpc_id_string(SOUK_LIT("a\"b"));
    CHECK_INT(souk_rpc_write_error(&out, quoted, -32601, SOUK_LIT("no"), empty, &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\","
                                      "\"error\":{\"code\":-32601,\"message\":\"no\"}}");

    souk_buf_clear(&out);
    CHECK_INT(souk_rpc_write_error(&out, none, 1, SOUK_LIT(""), SOUK_LIT("[1]"), &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), "{\"jsonrpc\":\"2.0\",\"id\":null,"
                                      "\"error\":{\"code\":1,\"message\":\"\",\"data\":[1]}}");

    souk_buf_clear(&out);
    CHECK_INT(souk_rpc_write_notification(&out, SOUK_LIT("a/b"), empty, &err), SOUK_OK);
    CHECK_INT(souk_rpc_write_notification(&out, SOUK_LIT("c"), SOUK_LIT("{\"x\":1}"), &err),
              SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out),
                "{\"jsonrpc\":\"2.0\",\"method\":\"a/b\"}"
                "{\"jsonrpc\":\"2.0\",\"method\":\"c\",\"params\":{\"x\":1}}");
    souk_buf_free(&out);
}

static void a_writer_says_what_stopped_it(void)
{
    souk_buf out;
    souk_err err;
    souk_slice empty = {NULL, 0};
    souk_buf_init(&out, souk_alloc_libc(), 20);
    CHECK_INT(souk_rpc_write_notification(&out, SOUK_LIT("much/too/long"), empty, &err),
              SOUK_E_LIMIT);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    souk_buf_free(&out);

    souk_buf_init(&out, souk_alloc_libc(), 1000);
    souk_rpc_id id = souk_rpc_id_string(SOUK_LIT("\xFF"));
    CHECK_INT(souk_rpc_write_result(&out, id, SOUK_LIT("{}"), &err), SOUK_E_SCHEMA);
    souk_buf_free(&out);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    bool done = false;
    for (long n = 1; !done; n++) {
        failing_alloc f;
        souk_buf out;
        souk_err err;
        char text[300];
        memset(text, 'x', sizeof text);
        failing_alloc_init(&f, n);
        souk_buf_init(&out, &f.alloc, 4096);
        int rc = souk_rpc_write_error(&out, souk_rpc_id_int(1), 1,
                                      souk_slice_make(text, sizeof text), SOUK_LIT("{}"), &err);
        CHECK_INT(rc, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_buf_free(&out);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
}

int main(void)
{
    CASE(messages_are_classified);
    CASE(the_parts_of_a_message_are_found);
    CASE(broken_messages_are_refused_with_a_reason);
    CASE(ids_are_equal_only_with_their_type);
    CASE(an_error_becomes_ours);
    CASE(replies_and_notifications_are_written);
    CASE(a_writer_says_what_stopped_it);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
