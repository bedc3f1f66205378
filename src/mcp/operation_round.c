#include "mcp/operation_internal.h"

#include "json/read.h"
#include "json/write.h"

/* ms before a round without questions goes out: twice as long each time. */
static souk_ms delay_of(const souk_mcp_op *op)
{
    souk_ms delay = op->ops->config.round_delay;
    for (unsigned i = 1; i < op->rounds && delay < SOUK_MCP_ROUND_DELAY_MOST; i++) {
        delay *= 2;
    }
    return souk_ms_min(delay, SOUK_MCP_ROUND_DELAY_MOST);
}

static int count_round(souk_mcp_op *op, souk_err *err)
{
    if (op->rounds >= op->ops->config.max_rounds) {
        return souk_fail(err, SOUK_E_LIMIT, "the server asked for input more than %u times",
                         op->ops->config.max_rounds);
    }
    op->rounds++;
    return SOUK_OK;
}

/* What goes along with the next request: the answers, if any were asked for, and the state. */
static int write_input(souk_mcp_op *op, souk_err *err)
{
    int failed = SOUK_OK;
    souk_buf_clear(&op->input);
    if (op->questions.first != NULL) {
        failed = souk_mcp_op_questions_write(op, &op->input, err);
    }
    if (failed == SOUK_OK && op->state.len > 0) {
        if (op->input.len > 0) {
            souk_buf_add_byte(&op->input, ',');
        }
        souk_buf_add_text(&op->input, "\"requestState\":");
        souk_buf_add(&op->input, souk_buf_slice(&op->state));
        failed = souk_buf_check(&op->input, "the answers", err);
    }
    return failed;
}

/* All is there that the server asked for. */
static void close_round(souk_mcp_op *op)
{
    souk_err why;
    if (write_input(op, &why) != SOUK_OK) {
        souk_mcp_op_refuse(op, &why);
        return;
    }
    souk_mcp_op_questions_end(op); /* they are answered: this only frees them */
    souk_buf_free(&op->state);
    souk_mcp_op_resend(op);
}

void souk_mcp_op_take_round(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now)
{
    souk_err why;
    const souk_jval *state = souk_json_get(end->value, "requestState");
    op->asked = true;
    souk_buf_free(&op->input);
    souk_buf_clear(&op->state);
    int failed = count_round(op, &why);
    if (failed == SOUK_OK && state != NULL) {
        /* Byte for byte as it came: it is the server's, and may be signed. */
        souk_buf_add(&op->state, souk_json_raw(&end->doc, state));
        failed = souk_buf_check(&op->state, "the requestState", &why);
    }
    if (failed == SOUK_OK) {
        failed = souk_mcp_op_questions_ask(op, SOUK_MCP_ASKED_BY_ROUND, &end->doc,
                                           souk_json_get(end->value, "inputRequests"), &why);
    }
    if (failed == SOUK_OK && souk_mcp_op_questions_open(op) == 0) {
        failed = write_input(op, &why);
        souk_deadline_move(&op->ops->deadlines, &op->due, souk_ms_after(now, delay_of(op)));
    }
    if (failed != SOUK_OK) {
        souk_mcp_op_refuse(op, &why);
    }
}

/* --- -32042: URLs to be visited first (2025-11-25, client/elicitation, "URL mode") --- */

/* The text of a request for one of them: as a 2025-11-25 server would have sent it. */
static int write_url_request(souk_buf *out, const souk_json_doc *doc, const souk_jval *elicitation,
                             souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "method", SOUK_LIT("elicitation/create"));
    souk_jw_key(&w, SOUK_LIT("params"));
    souk_jw_object(&w);
    souk_jw_key_string(&w, "mode", SOUK_LIT("url"));
    souk_json_members it = souk_json_each_member(elicitation);
    while (souk_json_next_member(&it)) {
        if (!souk_slice_is(it.key, "mode")) {
            souk_jw_key(&w, it.key);
            souk_jw_raw(&w, souk_json_raw(doc, it.value));
        }
    }
    souk_jw_end_object(&w);
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

/* An object of requests, numbered, as the rounds of later revisions have it. */
static int write_url_requests(souk_buf *out, const souk_json_doc *doc, const souk_jval *list,
                              souk_err *err)
{
    unsigned number = 0;
    int failed = SOUK_OK;
    souk_buf_add_byte(out, '{');
    souk_json_elements it = souk_json_each_element(list);
    while (failed == SOUK_OK && souk_json_next_element(&it)) {
        const souk_jval *mode = souk_json_get(it.value, "mode");
        if (mode != NULL && !souk_json_is_string(mode, "url")) {
            return souk_fail(err, SOUK_E_PROTOCOL, "an elicitation has another mode than url");
        }
        number++;
        souk_buf_addf(out, "%s\"%u\":", number > 1 ? "," : "", number);
        failed = write_url_request(out, doc, it.value, err);
    }
    souk_buf_add_byte(out, '}');
    return failed == SOUK_OK ? souk_buf_check(out, "the elicitations", err) : failed;
}

static int ask_for_urls(souk_mcp_op *op, const souk_json_doc *doc, const souk_jval *list,
                        souk_err *err)
{
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = SIZE_MAX};
    souk_buf text;
    souk_json_doc requests;
    souk_buf_init(&text, op->ops->alloc, SIZE_MAX / 4);
    souk_json_doc_init(&requests, op->ops->alloc);
    int failed = write_url_requests(&text, doc, list, err);
    if (failed == SOUK_OK) {
        failed = souk_json_read_take(&requests, &text, &limits, err);
    }
    if (failed == SOUK_OK) {
        failed =
            souk_mcp_op_questions_ask(op, SOUK_MCP_ASKED_BY_URL, &requests, requests.root, err);
    }
    souk_json_doc_free(&requests);
    souk_buf_free(&text);
    return failed;
}

bool souk_mcp_op_asks_for_urls(souk_mcp_op *op, souk_mcp_end *end)
{
    const souk_jval *list = souk_json_get(end->value, "elicitations");
    if (!end->err.has_code || end->err.code != SOUK_RPC_URL_ELICITATION_NEEDED || end->lost ||
        !souk_mcp_shows_urls(op->ops->mcp) ||
        (op->ops->config.abilities & SOUK_MCP_CAN_ELICIT_URL) == 0 ||
        souk_json_type_of(list) != SOUK_JSON_ARRAY || list->size == 0) {
        return false;
    }
    souk_err why;
    souk_mcp_op_keep(op, end);
    op->asked = true;
    if (count_round(op, &why) != SOUK_OK || ask_for_urls(op, &op->end.doc, list, &why) != SOUK_OK) {
        souk_mcp_op_give_up(op, false); /* with the server's own error, which says what it wants */
    }
    return true;
}

/* --- answers --- */

static bool is_accepted(souk_mcp_ops *ops, souk_slice json)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, ops->alloc);
    bool accepted = souk_json_read(&doc, json, NULL, NULL) == SOUK_OK &&
                    souk_json_is_string(souk_json_get(doc.root, "action"), "accept");
    souk_json_doc_free(&doc);
    return accepted;
}

static void take_url_answer(souk_mcp_op_question *q, souk_slice json, const souk_err *err)
{
    souk_mcp_op *op = q->op;
    bool accepted = err == NULL && is_accepted(q->ops, json);
    souk_mcp_op_question_free(q);
    if (!accepted) {
        souk_mcp_op_give_up(op, false);
    } else if (souk_mcp_op_questions_open(op) == 0) {
        souk_mcp_op_resend(op);
    }
}

/* A first look: who answers is trusted to write JSON. */
static int check_answer(souk_slice json, souk_err *err)
{
    if (json.len < 2 || json.ptr[0] != '{' || json.ptr[json.len - 1] != '}') {
        return souk_fail(err, SOUK_E_SCHEMA, "the answer to a question is no JSON object");
    }
    return SOUK_OK;
}

static void pass_on(souk_mcp_op_question *q, souk_slice json, const souk_err *err)
{
    souk_err why;
    if (err == NULL && check_answer(json, &why) != SOUK_OK) {
        err = &why;
    }
    souk_mcp_reply(q->ops->mcp, q->asked, json, err);
    souk_mcp_op_question_free(q);
}

static int keep_answer(souk_mcp_op_question *q, souk_slice json, souk_err *err)
{
    int failed = check_answer(json, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_buf_add(&q->answer, json);
    return souk_buf_check(&q->answer, "the answer to a question", err);
}

static void take_answer(souk_mcp_op_question *q, souk_slice json, const souk_err *err, souk_ms now)
{
    souk_err why;
    souk_mcp_op *op = q->op;
    q->answered = true;
    if (err != NULL) {
        why = *err;
    } else {
        souk_err_clear(&why);
        (void)keep_answer(q, json, &why);
    }
    if (why.kind != SOUK_OK) {
        souk_mcp_op_refuse(op, &why);
    } else if (op->task != NULL) {
        souk_mcp_task_answered(op, now);
    } else if (souk_mcp_op_questions_open(op) == 0) {
        close_round(op);
    }
}

void souk_mcp_ops_answer(souk_mcp_ops *ops, uint64_t question, souk_slice json, const souk_err *err,
                         souk_ms now)
{
    souk_mcp_op_question *q = question == 0 ? NULL : souk_idmap_get(&ops->questions, question);
    if (q == NULL || q->answered || q->item.queued) {
        return;
    }
    if (err != NULL && err->kind == SOUK_OK) {
        err = NULL;
    }
    json = souk_slice_trim(json);
    switch (q->asker) {
    case SOUK_MCP_ASKED_BY_SERVER:
        pass_on(q, json, err);
        break;
    case SOUK_MCP_ASKED_BY_URL:
        take_url_answer(q, json, err);
        break;
    default:
        take_answer(q, json, err, now);
        break;
    }
}
