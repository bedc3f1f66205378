#include "mcp/reply.h"

#include "mcp_help.h"

/* An error as the transport gives it (id null), and as the answer to request 5. */
#define BARE(code, text)                                                                           \
    "{'jsonrpc':'2.0','id':null,'error':{'code':" code ",'message':'" text "'}}"
#define NAMED(code, text) "{'jsonrpc':'2.0','id':5,'error':{'code':" code ",'message':'" text "'}}"

enum { NOT, LOST };

/* What a server answered to a POST that carried our session id, in a session that had worked
 * before. */
static const struct {
    int status;
    const char *body;
    int verdict;
} rows[] = {
    /* the specification: 404 */
    {404, "", LOST},
    {404, BARE("-32001", "Session not found"), LOST},
    {404, NAMED("-32600", "Session has been terminated"), LOST},
    {404, NAMED("-32603", "whatever"), LOST},
    {404, NAMED("-32601", "Method not found"), NOT},
    {404, NAMED("-32601", "Session not found"), LOST},
    /* 400, by code and because no request is named */
    {400, BARE("-32000", "Bad Request: No valid session ID provided"), LOST},
    {400, BARE("-32000", "Bad Request"), LOST},
    {400, "{'jsonrpc':'2.0','error':{'code':-32000,'message':'nope'}}", LOST},
    {400, NAMED("-32000", "Upstream failed"), NOT},
    {400, NAMED("-32000", "Invalid session"), LOST},
    {400, BARE("-32600", "Missing session ID"), LOST},
    {400, BARE("-32600", "Invalid request"), NOT},
    {400, NAMED("-32602", "Unknown tool: session"), NOT},
    {400, BARE("-32001", "SESSION EXPIRED"), LOST},
    {400, BARE("-32700", "Parse error"), NOT},
    /* 400 with no JSON at all */
    {400, "", LOST},
    {400, "{'jsonrpc':'2.0','id':5,'result':{}}", NOT},
    /* 200 with an error */
    {200, NAMED("-32002", "Server not initialized"), LOST},
    {200, NAMED("-32002", "Session not initialised"), LOST},
    {200, NAMED("-32002", "Resource not found"), NOT},
    {200, NAMED("-32001", "Session not found"), LOST},
    {200, NAMED("-32001", "Request timed out"), NOT},
    {200, NAMED("-32001", "Session is busy"), NOT},
    {200, NAMED("-32600", "Session terminated"), LOST},
    {200, NAMED("-32000", "unknown session id"), LOST},
    {200, NAMED("-32000", "Connection closed"), NOT},
    {200, NAMED("-32000", "MCP session has expired"), LOST},
    {200, NAMED("-32600", "Bad Request: Server not initialized"), LOST},
    {200, NAMED("-32000", "Invalid request: No valid session ID provided"), LOST},
    /* what tools say of sessions that are their own: the call was executed */
    {200, NAMED("-32000", "Order stored, but the mail queue could not be initialized"), NOT},
    {200, NAMED("-32000", "User session expired in the CRM"), NOT},
    {200, NAMED("-32001", "The session of the user was terminated"), NOT},
    {400, NAMED("-32000", "The database session is gone"), NOT},
    {200, NAMED("-32002", "Resource not found: file:///src/initialize.ts"), NOT},
    {200, NAMED("-32002", "Resource not found: session://not-initialized"), NOT},
    {404, NAMED("-32601", "Unknown method session/initialize"), NOT},
    {200, NAMED("-32603", "session not found"), NOT},
    {200, NAMED("17", "no such session"), NOT},
    {200, "{'jsonrpc':'2.0','id':5,'result':{'isError':true}}", NOT},
    {200, "", NOT},
    /* other statuses say something else */
    {401, BARE("-32001", "Session expired"), NOT},
    {403, "", NOT},
    {405, "", NOT},
    {409, BARE("-32000", "Session not found"), NOT},
    {500, BARE("-32000", "Session not found"), NOT},
    {502, "", NOT},
    {503, "", NOT},
};

static bool is_lost(size_t i, souk_mcp_revision revision, bool sent_session, bool worked_before)
{
    mcp_doc doc;
    souk_mcp_outcome outcome = {.revision = revision,
                                .status = rows[i].status,
                                .message = mcp_read_message(&doc, rows[i].body),
                                .sent_session = sent_session,
                                .worked_before = worked_before};
    bool lost = souk_mcp_lost(&outcome);
    mcp_free(&doc);
    return lost;
}

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static void a_session_that_had_worked_is_known_to_be_lost(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool lost = is_lost(i, SOUK_MCP_2025_11_25, true, true);
        CHECK_INT(lost, rows[i].verdict);
        if (lost != rows[i].verdict) {
            printf("#   %d %s\n", rows[i].status, rows[i].body);
        }
    }
}

/* The first request of a session: only what speaks of the session counts, not what may be our own
 * fault. */
static void a_session_that_never_worked_needs_a_clear_word(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool unclear = rows[i].status == 400 && (strcmp(rows[i].body, "") == 0 ||
                                                 strstr(rows[i].body, "Bad Request'") != NULL ||
                                                 strstr(rows[i].body, "nope") != NULL);
        CHECK_INT(is_lost(i, SOUK_MCP_2025_03_26, true, false), unclear ? NOT : rows[i].verdict);
    }
}

/* Servers that give no id, but remember the connection or process that said initialize. */
static void without_an_id_only_an_error_about_the_session_counts(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool by_text = strstr(rows[i].body, "ession") != NULL ||
                       strstr(rows[i].body, "SESSION") != NULL ||
                       strstr(rows[i].body, "initialized") != NULL;
        bool by_code = strstr(rows[i].body, "-32601") == NULL;
        CHECK_INT(is_lost(i, SOUK_MCP_2025_06_18, false, true),
                  by_text && by_code ? rows[i].verdict : NOT);
        CHECK(!is_lost(i, SOUK_MCP_2025_06_18, false, false));
    }
}

static void a_modern_server_has_no_session_to_lose(void)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        CHECK(!is_lost(i, SOUK_MCP_2026_07_28, true, true));
        CHECK(!is_lost(i, SOUK_MCP_UNKNOWN, true, true));
    }
}

int main(void)
{
    CASE(a_session_that_had_worked_is_known_to_be_lost);
    CASE(a_session_that_never_worked_needs_a_clear_word);
    CASE(without_an_id_only_an_error_about_the_session_counts);
    CASE(a_modern_server_has_no_session_to_lose);
    return tap_done();
}
