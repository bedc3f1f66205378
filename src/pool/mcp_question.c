/* Questions of servers to the program: put, answered, taken back, or left without an answer. */
#include "pool/mcp_state.h"
#include "pool/pool.h"
#include "json/read.h"
#include "json/write.h"

static souk_mcp_question *unlink_question(souk_mcp_question **at)
{
    souk_mcp_question *question = *at;
    *at = question->next;
    return question;
}

static int write_payload(const souk_session *session, const souk_mcp_news *news, souk_buf *payload,
                         souk_err *err)
{
    const souk_call *call = news->tag;
    souk_jw w;
    souk_jw_init(&w, payload);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", session->target->name);
    souk_jw_key_string(&w, "identity", session->target->identity);
    if (call != NULL && call->request.kind == SOUK_REQUEST_CAPABILITY) {
        souk_jw_key_string(&w, "capability", call->request.capability);
    }
    souk_jw_key_string(&w, "method", news->method);
    souk_jw_key(&w, SOUK_LIT("params"));
    if (news->value != NULL) {
        souk_jw_value(&w, news->value);
    } else {
        souk_jw_raw(&w, SOUK_LIT("{}"));
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

static int ask_program(const souk_mcp_handler *handler, souk_session *session,
                       const souk_mcp_news *news, uint64_t *ask, souk_err *err)
{
    const souk_call *call = news->tag;
    bool is_known = call != NULL && call->request.kind != SOUK_REQUEST_LISTEN;
    souk_buf payload;
    souk_buf_init(&payload, session->alloc, (size_t)handler->options.max_response + 64 * 1024);
    int failed = write_payload(session, news, &payload, err);
    if (failed == SOUK_OK) {
        souk_question question = {SOUK_ASK_INPUT, session->target->input, is_known ? call->id : 0,
                                  souk_buf_slice(&payload)};
        failed = souk_session_ask(session, &question, ask, err);
    }
    souk_buf_free(&payload);
    return failed;
}

/* A visit to a URL that the rules do not allow: declined, and the program hears of it. */
static bool decline_visit(const souk_mcp_handler *handler, souk_session *session,
                          const souk_mcp_news *news, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    souk_err why;
    souk_slice url = souk_json_string(souk_json_get(news->value, "url"));
    bool is_visit = souk_slice_is(news->method, "elicitation/create") &&
                    souk_slice_is(souk_json_string(souk_json_get(news->value, "mode")), "url");
    if (!is_visit || souk_reach_check_url(handler->reach, url, &why) == SOUK_OK) {
        return false;
    }
    souk_buf reason;
    souk_jw w;
    souk_buf_init(&reason, session->alloc, 64 * 1024);
    souk_jw_init(&w, &reason);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "reason", souk_slice_of(why.message));
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        souk_session_notice(session, SOUK_LIT(SOUK_MCP_VISIT_DECLINED), souk_buf_slice(&reason));
    }
    souk_buf_free(&reason);
    souk_mcp_ops_answer(state->ops, news->question, SOUK_LIT("{\"action\":\"decline\"}"), NULL,
                        now);
    return true;
}

void souk_mcp_question_put(const souk_mcp_handler *handler, souk_session *session,
                           const souk_mcp_news *news, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    souk_err err;
    if (decline_visit(handler, session, news, now)) {
        return;
    }
    souk_mcp_question *mine = souk_new(session->alloc, sizeof *mine);
    int failed = mine == NULL ? souk_fail_memory(&err) : SOUK_OK;
    if (failed == SOUK_OK) {
        failed = ask_program(handler, session, news, &mine->ask, &err);
    }
    if (failed != SOUK_OK) {
        souk_free(session->alloc, mine);
        souk_mcp_ops_answer(state->ops, news->question, souk_slice_make(NULL, 0), &err, now);
        return;
    }
    mine->question = news->question;
    mine->call = news->tag;
    mine->by = souk_ms_after(now, handler->options.input_timeout);
    mine->next = state->questions;
    state->questions = mine;
    /* A person may need longer than a call has. Of a question that names no call, any may be the
     * reason. */
    if (mine->call != NULL) {
        souk_call_hold(mine->call, mine->by);
    } else {
        souk_session_hold(session, mine->by);
    }
}

void souk_mcp_question_withdrawn(souk_session *session, uint64_t question)
{
    souk_mcp_slot *state = session->state;
    for (souk_mcp_question **at = &state->questions; *at != NULL; at = &(*at)->next) {
        if ((*at)->question == question) {
            souk_mcp_question *mine = unlink_question(at);
            (void)souk_session_withdraw(session, mine->ask);
            souk_free(session->alloc, mine);
            return;
        }
    }
}

/* Results of all methods that a server may ask for are objects. */
static int check_answer(const souk_session *session, souk_slice json, souk_err *err)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, session->alloc);
    int failed = souk_json_read(&doc, json, NULL, err);
    if (failed != SOUK_OK) {
        souk_err_prefix(err, "the answer to a question");
    } else if (souk_json_type_of(doc.root) != SOUK_JSON_OBJECT) {
        failed =
            souk_fail(err, SOUK_E_CONFIG, "the answer to a question is no object but a JSON %s",
                      souk_json_type_name(souk_json_type_of(doc.root)));
    }
    souk_json_doc_free(&doc);
    return failed;
}

/* Nobody has to think any more, unless there is another question. call may be NULL. */
static void release(souk_session *session, souk_call *call, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    for (const souk_mcp_question *it = state->questions; it != NULL; it = it->next) {
        if (it->call == call || it->call == NULL) {
            return;
        }
    }
    if (call != NULL) {
        souk_call_release(call, now);
    } else if (state->questions == NULL) {
        souk_session_release(session, now);
    }
}

bool souk_mcp_question_answered(souk_session *session, uint64_t ask, souk_slice json,
                                const souk_err *err, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_question **at = &state->questions;
    souk_err why;
    while (*at != NULL && (*at)->ask != ask) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return false;
    }
    souk_mcp_question *mine = unlink_question(at);
    release(session, mine->call, now);
    if (err == NULL && check_answer(session, json, &why) != SOUK_OK) {
        err = &why;
    }
    souk_mcp_ops_answer(state->ops, mine->question, json, err, now);
    souk_free(session->alloc, mine);
    return true;
}

void souk_mcp_question_forget_call(souk_mcp_slot *state, const souk_call *call)
{
    for (souk_mcp_question *mine = state->questions; mine != NULL; mine = mine->next) {
        if (mine->call == call) {
            mine->call = NULL;
        }
    }
}

souk_ms souk_mcp_question_deadline(const souk_mcp_slot *state)
{
    souk_ms at = SOUK_NEVER;
    for (const souk_mcp_question *mine = state->questions; mine != NULL; mine = mine->next) {
        at = souk_ms_min(at, mine->by);
    }
    return at;
}

void souk_mcp_question_tick(souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    for (souk_mcp_question **at = &state->questions; *at != NULL;) {
        if ((*at)->by > now) {
            at = &(*at)->next;
            continue;
        }
        souk_mcp_question *mine = unlink_question(at);
        souk_err err;
        souk_fail(&err, SOUK_E_TIMEOUT,
                  "a question of the server was not answered in time (option input_timeout)");
        (void)souk_session_withdraw(session, mine->ask);
        souk_mcp_ops_answer(state->ops, mine->question, souk_slice_make(NULL, 0), &err, now);
        souk_free(session->alloc, mine);
    }
}

void souk_mcp_question_drop_all(souk_session *session)
{
    souk_mcp_slot *state = session->state;
    while (state->questions != NULL) {
        souk_mcp_question *mine = unlink_question(&state->questions);
        (void)souk_session_withdraw(session, mine->ask);
        souk_free(session->alloc, mine);
    }
}
