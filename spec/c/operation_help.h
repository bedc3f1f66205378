/* souk_mcp_ops on a session between a test and a fake port. */
#ifndef SOUK_OPERATION_HELP_H
#define SOUK_OPERATION_HELP_H

#include "mcp/operation.h"
#include "session_help.h"

#define OPS_ALL                                                                                    \
    (SOUK_MCP_CAN_ELICIT_FORM | SOUK_MCP_CAN_ELICIT_URL | SOUK_MCP_CAN_SAMPLE |                    \
     SOUK_MCP_CAN_LIST_ROOTS | SOUK_MCP_CAN_FOLLOW_TASKS)

/* An elicitation as the value of a member of inputRequests. */
#define OPS_ELICIT                                                                                 \
    "{'method':'elicitation/create','params':{'message':'%s','requestedSchema':{'type':'object',"  \
    "'properties':{}}}}"

typedef struct ops_rig {
    session_rig session;
    souk_mcp_ops_config config;
    souk_mcp_ops *ops;
    souk_mcp_news news;
    bool has_news; /* `news` was fetched, and its document is to be freed */
    int tags[8];   /* their addresses are tags */
} ops_rig;

static inline void ops_config(ops_rig *rig, unsigned abilities)
{
    memset(&rig->config, 0, sizeof rig->config);
    rig->config.abilities = abilities;
    rig->config.max_rounds = 4;
    rig->config.max_pages = 5;
    rig->config.round_delay = 100;
    rig->config.poll_interval = 1000;
    rig->config.poll_least = 50;
    rig->config.poll_most = 60000;
    rig->config.max_poll_failures = 2;
    rig->session.config.abilities = abilities;
    rig->session.config.stream_retry = 10;
    rig->session.config.max_resumes = 3;
}

static inline void ops_make(ops_rig *rig)
{
    rig->ops = souk_mcp_ops_new(rig->session.alloc, rig->session.mcp, &rig->config);
    CHECK(rig->ops != NULL);
    rig->has_news = false;
}

/* Over HTTP; version "2026-07-28" or a legacy one. */
static inline void ops_open(ops_rig *rig, const char *version, unsigned abilities)
{
    memset(rig, 0, sizeof *rig);
    rig_http(&rig->session);
    ops_config(rig, abilities);
    rig->session.config.pinned = souk_mcp_revision_from(souk_slice_of(version));
    CHECK(rig_open(&rig->session));
    if (souk_mcp_is_legacy(rig->session.config.pinned)) {
        rig_initialize(&rig->session, version, "abc"); /* a modern one needs nothing */
    }
    CHECK_INT(souk_mcp_get_state(rig->session.mcp), SOUK_MCP_READY);
    ops_make(rig);
}

/* A modern child. */
static inline void ops_open_child(ops_rig *rig, unsigned abilities)
{
    memset(rig, 0, sizeof *rig);
    rig_stdio(&rig->session);
    ops_config(rig, abilities);
    CHECK(rig_open(&rig->session));
    fake_say(&rig->session.fake, fake_last_child(&rig->session.fake),
             "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_get_state(rig->session.mcp), SOUK_MCP_READY);
    ops_make(rig);
}

static inline void ops_drop_news(ops_rig *rig)
{
    if (rig->has_news) {
        souk_json_doc_free(&rig->news.doc);
        rig->has_news = false;
    }
}

static inline bool ops_next(ops_rig *rig)
{
    ops_drop_news(rig);
    rig->has_news = souk_mcp_ops_next(rig->ops, rig->session.fake.now, &rig->news);
    return rig->has_news;
}

static inline void ops_close(ops_rig *rig)
{
    if (ops_next(rig)) {
        tap_fail(__FILE__, __LINE__, "there is more news than the test asked for");
    }
    ops_drop_news(rig);
    souk_mcp_ops_free(rig->ops);
    rig_free(&rig->session);
}

/* Tag number 0 unless the order has one. NULL when it could not be started. */
static inline souk_mcp_op *ops_start(ops_rig *rig, souk_mcp_order order)
{
    souk_mcp_op *op;
    souk_err err;
    if (order.tag == NULL) {
        order.tag = &rig->tags[0];
    }
    if (order.timeout == 0) {
        order.timeout = 60000;
    }
    return souk_mcp_op_start(rig->ops, &order, rig->session.fake.now, &op, &err) == SOUK_OK ? op
                                                                                            : NULL;
}

/* A tools/call of "tool" with {"a":1}. */
static inline souk_mcp_op *ops_call(ops_rig *rig)
{
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_TOOL,
                                  .name = SOUK_LIT_INIT("tool"),
                                  .params = SOUK_LIT_INIT("{\"a\":1}")};
    souk_mcp_op *op = ops_start(rig, order);
    CHECK(op != NULL);
    return op;
}

/* Lets time pass, and what is due happen. */
static inline void ops_wait(ops_rig *rig, souk_ms span)
{
    souk_ms until = rig->session.fake.now + span;
    for (int i = 0; i < 1000; i++) {
        souk_ms at = souk_mcp_ops_deadline(rig->ops);
        if (at > until) {
            break;
        }
        rig->session.fake.now = at > rig->session.fake.now ? at : rig->session.fake.now;
        souk_mcp_ops_tick(rig->ops, rig->session.fake.now);
    }
    rig->session.fake.now = until;
}

static inline void ops_answer(ops_rig *rig, uint64_t question, const char *json)
{
    souk_mcp_ops_answer(rig->ops, question, souk_slice_of(json), NULL, rig->session.fake.now);
}

/* The open exchange of that method gets this result, JSON with `'` for `"`. */
static inline void ops_result(ops_rig *rig, const char *file, int line, const char *method,
                              const char *result)
{
    fake_exchange *x = fake_open(&rig->session.fake, method);
    if (x == NULL) {
        tap_fail(file, line, "no such request is under way");
    } else {
        fake_result(&rig->session.fake, x, result);
    }
}

#define RESULT(rig, method, result) ops_result((rig), __FILE__, __LINE__, (method), (result))

/* The open exchange of that method gets this error object, JSON with `'` for `"`. */
static inline void ops_error(ops_rig *rig, const char *file, int line, const char *method,
                             int status, const char *error)
{
    fake_exchange *x = fake_open(&rig->session.fake, method);
    if (x == NULL) {
        tap_fail(file, line, "no such request is under way");
    } else {
        fake_json(&rig->session.fake, x, status, "{'jsonrpc':'2.0','id':%lld,'error':%s}",
                  fake_rpc_id(x->body), error);
    }
}

#define ERROR(rig, method, status, error)                                                          \
    ops_error((rig), __FILE__, __LINE__, (method), (status), (error))

/* The next news has this kind, method and value (JSON text; NULL: none) and tag number 0. */
static inline void ops_check_news(ops_rig *rig, const char *file, int line, int kind,
                                  const char *method, const char *value)
{
    if (!ops_next(rig)) {
        tap_fail(file, line, "there is no news");
        return;
    }
    tap_check_int(file, line, rig->news.kind, kind);
    tap_check_text(file, line, souk_slice_of(rig->news.err.message), souk_slice_of(""));
    if (method != NULL) {
        tap_check_text(file, line, rig->news.method, souk_slice_of(method));
    }
    souk_slice got = rig->news.value == NULL ? souk_slice_of("(none)")
                                             : souk_json_raw(&rig->news.doc, rig->news.value);
    tap_check_text(file, line, got, souk_slice_of(value == NULL ? "(none)" : value));
}

#define NEWS(rig, kind, method, value)                                                             \
    ops_check_news((rig), __FILE__, __LINE__, SOUK_MCP_NEWS_##kind, (method), (value))

/* The next news is the end of tag number 0, with this result. */
#define DONE(rig, value)                                                                           \
    do {                                                                                           \
        NEWS(rig, END, "", value);                                                                 \
        CHECK((rig)->news.tag == &(rig)->tags[0]);                                                 \
    } while (0)

/* The next news is an end with this kind and delivery, whose message has `part` in it. */
static inline void ops_check_failed(ops_rig *rig, const char *file, int line, int kind,
                                    souk_delivery delivery, const char *part)
{
    if (!ops_next(rig) || rig->news.kind != SOUK_MCP_NEWS_END) {
        tap_fail(file, line, "nothing has ended");
        return;
    }
    tap_check_text(file, line, souk_slice_of(souk_kind_name(rig->news.err.kind)),
                   souk_slice_of(souk_kind_name(kind)));
    tap_check_text(file, line, souk_slice_of(souk_delivery_name(rig->news.err.delivery)),
                   souk_slice_of(souk_delivery_name(delivery)));
    if (strstr(rig->news.err.message, part) == NULL) {
        tap_check_text(file, line, souk_slice_of(rig->news.err.message), souk_slice_of(part));
    }
}

#define FAILED(rig, kind, delivery, part)                                                          \
    ops_check_failed((rig), __FILE__, __LINE__, SOUK_E_##kind, SOUK_DELIVERY_##delivery, (part))

/* The next news is a question; its id. */
static inline uint64_t ops_question(ops_rig *rig, const char *file, int line, const char *method)
{
    if (!ops_next(rig) || rig->news.kind != SOUK_MCP_NEWS_QUESTION) {
        tap_fail(file, line, "nothing is asked");
        return 0;
    }
    tap_check_text(file, line, rig->news.method, souk_slice_of(method));
    return rig->news.question;
}

#define QUESTION(rig, method) ops_question((rig), __FILE__, __LINE__, (method))

/* The params of the last request as they were sent, without `_meta`. */
static inline const char *ops_params(const char *body, char *out, size_t size)
{
    const char *params = body == NULL ? NULL : strstr(body, "\"params\":{\"_meta\":{");
    out[0] = '\0';
    if (params == NULL) {
        return out;
    }
    const char *at = params + strlen("\"params\":{\"_meta\":{");
    for (int depth = 1; depth > 0 && *at != '\0'; at++) {
        depth += (*at == '{') - (*at == '}');
    }
    at += *at == ',';
    size_t len = strlen(at);
    snprintf(out, size, "{%.*s", (int)(len > 0 ? len - 1 : 0), at);
    return out;
}

#define CHECK_PARAMS(rig, want)                                                                    \
    do {                                                                                           \
        char params_[4096];                                                                        \
        CHECK_TEXT(ops_params(fake_last(&(rig)->session.fake)->body, params_, sizeof params_),     \
                   (want));                                                                        \
    } while (0)

#endif
