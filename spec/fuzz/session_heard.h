/*
 * What a session under fuzz_session hears of its server: notices and questions. Nothing has the tag
 * of a request that is gone; each question is answered or withdrawn once, and none outlives its
 * session.
 */
#ifndef SOUK_FUZZ_SESSION_HEARD_H
#define SOUK_FUZZ_SESSION_HEARD_H

#include "mcp/session.h"
#include "script.h"

enum { HEARD_QUESTIONS = 64, HEARD_NOTICES = 20 };

typedef struct heard {
    uint64_t open[HEARD_QUESTIONS]; /* 0: free */
    uint64_t newest;
} heard;

static inline uint64_t *heard_find(heard *h, uint64_t id)
{
    for (size_t i = 0; i < HEARD_QUESTIONS; i++) {
        if (h->open[i] == id) {
            return &h->open[i];
        }
    }
    return NULL;
}

/* is_gone: whether a request with this tag is told nothing any more. */
static inline void heard_notices(souk_mcp *mcp, bool (*is_gone)(const void *tag))
{
    souk_mcp_notice notice;
    int count = 0;
    while (souk_mcp_next_notice(mcp, &notice)) {
        count += !souk_slice_is(notice.method, SOUK_MCP_LISTENING);
        must(count <= HEARD_NOTICES);
        must(notice.tag == NULL || !is_gone(notice.tag));
        must(notice.method.ptr != NULL);
        must(!souk_slice_is(notice.method, "notifications/cancelled"));
        souk_json_doc_free(&notice.doc);
    }
}

static inline void heard_questions(heard *h, souk_mcp *mcp, bool (*is_gone)(const void *tag))
{
    souk_mcp_asked asked;
    while (souk_mcp_next_asked(mcp, &asked)) {
        must(asked.id != 0);
        if (asked.withdrawn) {
            uint64_t *place = heard_find(h, asked.id);
            must(place != NULL && asked.tag == NULL);
            *place = 0;
        } else {
            uint64_t *place = heard_find(h, 0);
            must(place != NULL && asked.id > h->newest);
            must(asked.tag == NULL || !is_gone(asked.tag));
            must(souk_mcp_get_state(mcp) == SOUK_MCP_READY ||
                 souk_mcp_get_state(mcp) == SOUK_MCP_OPENING);
            must(!souk_mcp_is_modern(souk_mcp_get_revision(mcp)));
            h->newest = asked.id;
            *place = asked.id;
        }
        souk_json_doc_free(&asked.doc);
    }
    if (souk_mcp_get_state(mcp) > SOUK_MCP_READY) {
        for (size_t i = 0; i < HEARD_QUESTIONS; i++) {
            must(h->open[i] == 0);
        }
    }
}

/* Answers a question that may be open, or one that never was. */
static inline void heard_reply(heard *h, script *s, souk_mcp *mcp)
{
    souk_err err;
    uint64_t *place = &h->open[script_choose(s, 4)];
    uint64_t id = *place == 0 ? script_choose(s, 99) : *place;
    uint64_t *known = heard_find(h, id);
    souk_fail(&err, SOUK_E_CANCELLED, "nobody \xC3\xA4 is there");
    souk_mcp_reply(mcp, id, SOUK_LIT("{}"), script_choose(s, 2) == 0 ? NULL : &err);
    if (known != NULL) {
        *known = 0;
    }
}

#endif
