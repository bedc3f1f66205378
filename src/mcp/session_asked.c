/*
 * Requests of a legacy server. Each is answered once: by the session itself (pings, and what it
 * refuses) or by its user. What the server or the end of the session takes back is told once, to a
 * user that has seen it.
 */
#include "mcp/session_internal.h"

/* Questions that wait for an answer, or for their withdrawal to be fetched. */
enum { QUESTIONS_MAX = 64 };

struct souk_mcp_question {
    souk_mcp_asked asked; /* its document goes to the taker */
    souk_rpc_id server_id;
    char *server_text; /* owned: the text of server_id */
    bool told;
    souk_mcp_question *next;
};

static void question_free(souk_mcp *mcp, souk_mcp_question *question)
{
    souk_json_doc_free(&question->asked.doc);
    souk_free(mcp->alloc, question->server_text);
    souk_free(mcp->alloc, question);
}

/* Takes the question out of the list; *link points at it. */
static void unlink_and_free(souk_mcp *mcp, souk_mcp_question **link)
{
    souk_mcp_question *question = *link;
    *link = question->next;
    question_free(mcp, question);
}

void souk_mcp_questions_free(souk_mcp *mcp)
{
    while (mcp->questions != NULL) {
        unlink_and_free(mcp, &mcp->questions);
    }
}

/* What nobody has seen is just gone. Returns where the next question hangs. */
static souk_mcp_question **take_back(souk_mcp *mcp, souk_mcp_question **link)
{
    if (!(*link)->told) {
        unlink_and_free(mcp, link);
        return link;
    }
    (*link)->asked.withdrawn = true;
    return &(*link)->next;
}

void souk_mcp_withdraw_all(souk_mcp *mcp)
{
    souk_mcp_question **link = &mcp->questions;
    while (*link != NULL) {
        link = take_back(mcp, link);
    }
}

/* Where the open question with the server's id hangs; *link is NULL when there is none. */
static souk_mcp_question **find_open(souk_mcp *mcp, souk_rpc_id id)
{
    souk_mcp_question **link = &mcp->questions;
    while (*link != NULL && ((*link)->asked.withdrawn || !souk_rpc_id_eq((*link)->server_id, id))) {
        link = &(*link)->next;
    }
    return link;
}

void souk_mcp_withdraw(souk_mcp *mcp, const souk_jval *id)
{
    int64_t number;
    souk_mcp_question **link;
    if (souk_json_integer(id, &number)) {
        link = find_open(mcp, souk_rpc_id_int(number));
    } else if (souk_json_type_of(id) == SOUK_JSON_STRING) {
        link = find_open(mcp, souk_rpc_id_string(souk_json_string(id)));
    } else {
        return;
    }
    if (*link != NULL) {
        souk_mcp_question_settled(mcp, (*link)->server_id);
        (void)take_back(mcp, link);
    }
}

void souk_mcp_questions_forget(souk_mcp *mcp, const void *tag)
{
    for (souk_mcp_question *it = mcp->questions; it != NULL; it = it->next) {
        if (it->asked.tag == tag) {
            it->asked.tag = NULL;
        }
    }
}

/* Answers a request of the server: with a result, or with *error when result is empty. */
static void answer(souk_mcp *mcp, souk_rpc_id id, souk_slice result, const souk_err *error)
{
    souk_buf reply;
    int failed;
    souk_buf_init(&reply, mcp->alloc, SIZE_MAX / 4);
    if (error == NULL) {
        failed = souk_rpc_write_result(&reply, id, result, NULL);
    } else {
        failed = souk_rpc_write_error(
            &reply, id, error->has_code ? error->code : SOUK_RPC_INTERNAL_ERROR,
            souk_slice_of(error->message), souk_slice_make(NULL, 0), NULL);
    }
    if (failed == SOUK_OK) {
        souk_mcp_send_quietly(mcp, &reply);
    }
    souk_buf_free(&reply);
}

static souk_mcp_question *question_new(souk_mcp *mcp, const souk_rpc_message *message)
{
    souk_mcp_question *question = souk_new(mcp->alloc, sizeof *question);
    if (question == NULL) {
        return NULL;
    }
    souk_json_doc_init(&question->asked.doc, mcp->alloc);
    question->server_id = message->id;
    if (message->id.type == SOUK_RPC_ID_STRING) {
        question->server_text = souk_dup(mcp->alloc, message->id.text);
        if (question->server_text == NULL) {
            question_free(mcp, question);
            return NULL;
        }
        question->server_id.text = souk_slice_make(question->server_text, message->id.text.len);
    }
    question->asked.id = ++mcp->question_serial;
    question->asked.method = message->method;
    question->asked.params = message->params;
    return question;
}

static int fail_with_code(souk_err *err, int64_t code, const char *message)
{
    souk_fail(err, SOUK_E_PROTOCOL, "%s", message);
    err->has_code = true;
    err->code = code;
    return SOUK_E_PROTOCOL;
}

/* Puts the question into the list; the reason why not is for the server. */
static int queue(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message, void *tag,
                 souk_err *err)
{
    size_t count = 0;
    souk_mcp_question **end = &mcp->questions;
    if (*find_open(mcp, message->id) != NULL) {
        return fail_with_code(err, SOUK_RPC_INVALID_REQUEST,
                              "a request with this id waits for its answer already");
    }
    for (; *end != NULL; end = &(*end)->next) {
        count++;
    }
    if (count >= QUESTIONS_MAX) {
        return fail_with_code(err, SOUK_RPC_INTERNAL_ERROR,
                              "too many requests wait for their answers");
    }
    *end = question_new(mcp, message);
    if (*end == NULL) {
        return souk_fail_memory(err);
    }
    souk_json_doc_move(&(*end)->asked.doc, doc);
    (*end)->asked.tag = tag;
    return SOUK_OK;
}

bool souk_mcp_shows_urls(const souk_mcp *mcp)
{
    return mcp->two_endpoints || mcp->revision == SOUK_MCP_2025_11_25;
}

static unsigned abilities_now(const souk_mcp *mcp)
{
    unsigned abilities = mcp->config.abilities;
    if (!souk_mcp_shows_urls(mcp)) {
        abilities &= ~(unsigned)SOUK_MCP_CAN_ELICIT_URL;
    }
    return souk_mcp_has_server_requests(mcp->revision) ? abilities : 0;
}

/* A standing relation asks for nothing by itself: what comes in its stream is of no request. */
static void *find_tag(const souk_mcp_exchange *exchange)
{
    const souk_mcp_pending *pending = exchange == NULL ? NULL : exchange->pending;
    return pending != NULL && pending->purpose == SOUK_MCP_FOR_REQUEST ? pending->tag : NULL;
}

static bool is_repeated(souk_mcp *mcp, souk_rpc_id id)
{
    return souk_mcp_question_is_settled(mcp, id) ||
           (mcp->resumed_any && *find_open(mcp, id) != NULL);
}

void souk_mcp_take_question(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message,
                            const souk_mcp_exchange *exchange)
{
    souk_err why;
    bool is_open = mcp->state == SOUK_MCP_OPENING ||
                   (mcp->state == SOUK_MCP_READY && souk_mcp_has_server_requests(mcp->revision));
    if (!is_open || mcp->replies >= SOUK_MCP_REPLIES_MAX) {
        return;
    }
    if (souk_slice_is(message->method, "ping")) {
        answer(mcp, message->id, SOUK_LIT("{}"), NULL);
        return;
    }
    if (is_repeated(mcp, message->id)) {
        return; /* it has its answer, or gets one */
    }
    int failed = souk_mcp_ability_check(abilities_now(mcp), message->method, message->params, &why);
    if (failed == SOUK_OK) {
        failed = queue(mcp, doc, message, find_tag(exchange), &why);
    }
    if (failed != SOUK_OK) {
        answer(mcp, message->id, SOUK_LIT(""), &why);
    }
}

bool souk_mcp_next_asked(souk_mcp *mcp, souk_mcp_asked *asked)
{
    souk_mcp_question **link = &mcp->questions;
    while (*link != NULL && (*link)->told && !(*link)->asked.withdrawn) {
        link = &(*link)->next;
    }
    souk_mcp_question *question = *link;
    if (question == NULL) {
        return false;
    }
    *asked = question->asked;
    souk_json_doc_init(&question->asked.doc, mcp->alloc); /* it has moved to the taker */
    if (question->asked.withdrawn) {
        asked->tag = NULL;
        asked->method = souk_slice_make(NULL, 0);
        asked->params = NULL;
        unlink_and_free(mcp, link);
    } else {
        question->told = true;
    }
    return true;
}

void souk_mcp_reply(souk_mcp *mcp, uint64_t id, souk_slice result, const souk_err *error)
{
    souk_mcp_question **link = &mcp->questions;
    while (*link != NULL && ((*link)->asked.withdrawn || (*link)->asked.id != id)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        answer(mcp, (*link)->server_id, result, error);
        souk_mcp_question_settled(mcp, (*link)->server_id);
        unlink_and_free(mcp, link);
    }
}
