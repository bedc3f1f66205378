/*
 * Sessions that several processes use, such as the workers of an nginx: one opens, all use it. The
 * program keeps what they know of each other; here is what it is asked and told. Each payload has
 * "endpoint", a name that is the same in every process and tells nothing.
 *
 *   ADOPT    "server", "identity"    -> null: open it for yourself
 *                                       {"open": true, "generation", "seat"}: open it for all
 *                                       {"session", "protocol", "about", "generation", "seat"}:
 *                                       adopt it; session null: the server gives out none
 *                                       and "protocol" in the first two: what the server speaks
 *   PUBLISH  "generation", "protocol", "session", "about"; or "alone": true in place of the last
 *            two: this server's sessions cannot be shared
 *   GIVE_UP  "generation"
 *   LOST     "generation"            nobody is to adopt this one; others may be newer
 *   LEAVE    "generation"            -> true: nobody else uses it, and it is to be ended
 *
 * Nothing depends on the program's doing it well: without an answer, or with a wrong one, a process
 * opens a session of its own. about is a text, so that it goes through the program as it is.
 */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "pool/mcp_state.h"
#include "pool/pool.h"
#include "pool/traits.h"
#include "json/read.h"
#include "json/write.h"

enum {
    PLACES = 64,        /* bits of SOUK_MCP_MEMORY_SHARED */
    NAME_BYTES = 16,    /* of the digest */
    PAYLOAD = 64 * 1024 /* bytes beside what the server said about itself */
};

/* --- names and places --- */

static bool take_place(const souk_session *session, unsigned *place)
{
    uint64_t *taken = &session->memory[SOUK_MCP_MEMORY_SHARED];
    for (*place = 0; *place < PLACES; (*place)++) {
        if ((*taken >> *place & 1) == 0) {
            *taken |= UINT64_C(1) << *place;
            return true;
        }
    }
    return false;
}

static souk_mcp_role role_of(const souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    return state->share == NULL ? SOUK_MCP_ALONE : state->share->role;
}

static void give_place_back(const souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    session->memory[SOUK_MCP_MEMORY_SHARED] &= ~(UINT64_C(1) << state->share->place);
}

/* It is this process's own affair from now on. */
static void stand_alone(const souk_session *session)
{
    souk_mcp_slot *state = session->state;
    if (state->share != NULL) {
        if (state->share->role != SOUK_MCP_LEAVING) {
            give_place_back(session);
        }
        souk_free(session->alloc, state->share);
        state->share = NULL;
    }
}

/* It is going to be asked for; false when there is no place for it. */
static bool begin_share(const souk_mcp_handler *handler, const souk_session *session, souk_ms by)
{
    souk_mcp_slot *state = session->state;
    unsigned place;
    if (!take_place(session, &place)) {
        return false;
    }
    state->share = souk_new(session->alloc, sizeof *state->share);
    if (state->share == NULL) {
        session->memory[SOUK_MCP_MEMORY_SHARED] &= ~(UINT64_C(1) << place);
        return false;
    }
    state->share->role = SOUK_MCP_ASKING;
    state->share->place = place;
    state->share->number = handler->share;
    state->share->ask_by = by;
    return true;
}

/*
 * A digest that cannot be turned back, because headers of the user may be in it. The second session
 * with an endpoint is shared with the second ones of the others.
 */
static int name_endpoint(const souk_mcp_handler *handler, const souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    souk_mcp_share *share = state->share;
    uint8_t digest[SOUK_DIGEST_SIZE];
    souk_buf text;
    souk_buf_init(&text, session->alloc, 1024 * 1024);
    souk_mcp_endpoint_spell(&state->endpoint, session->target, souk_pool_env(handler->pool), &text);
    int failed = souk_buf_check(&text, "the description of an endpoint", NULL);
    if (failed == SOUK_OK) {
        souk_digest(souk_buf_slice(&text), digest);
        for (size_t i = 0; i < NAME_BYTES; i++) {
            snprintf(share->endpoint + 2 * i, 3, "%02x", digest[i]);
        }
        if (share->place > 0) {
            snprintf(share->endpoint + 2 * NAME_BYTES, sizeof share->endpoint - 2 * NAME_BYTES,
                     ".%u", share->place);
        }
    }
    souk_buf_free(&text);
    return failed;
}

/* Ordinary sessions are shared: nobody holds them, and many calls may run on them at once. */
static bool may_be_shared(const souk_mcp_handler *handler, const souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    souk_mcp_revision known = state->endpoint.pinned != SOUK_MCP_UNKNOWN
                                  ? state->endpoint.pinned
                                  : (souk_mcp_revision)session->memory[SOUK_MCP_MEMORY_REVISION];
    souk_traits traits;
    return handler->share != 0 && state->endpoint.url != NULL && !state->refreshed &&
           session->target->affinity.len == 0 && !souk_mcp_is_modern(known) &&
           souk_traits_read(&traits, session->target, NULL) == SOUK_OK &&
           traits.mode == SOUK_MODE_SHARED;
}

/* --- what the program is asked and told --- */

static void begin_payload(const souk_session *session, souk_buf *payload, souk_jw *w)
{
    const souk_mcp_slot *state = session->state;
    size_t about = state->mcp == NULL ? 0 : souk_mcp_about(state->mcp).len;
    souk_buf_init(payload, session->alloc,
                  PAYLOAD + 6 * about); /* "\u0001" is the longest escape */
    souk_jw_init(w, payload);
    souk_jw_object(w);
    souk_jw_key_string(w, "endpoint", souk_slice_of(state->share->endpoint));
}

static int put(souk_session *session, souk_ask_kind kind, souk_buf *payload, souk_jw *w,
               uint64_t *id)
{
    const souk_mcp_slot *state = session->state;
    souk_err why;
    souk_jw_end_object(w);
    int failed = souk_jw_check(w, &why);
    if (failed == SOUK_OK) {
        const souk_question question = {kind, state->share->number, 0, souk_buf_slice(payload)};
        failed = souk_session_ask(session, &question, id, &why);
    }
    souk_buf_free(payload);
    return failed;
}

/* What is only about the generation. */
static int put_generation(souk_session *session, souk_ask_kind kind, uint64_t *id)
{
    const souk_mcp_slot *state = session->state;
    souk_buf payload;
    souk_jw w;
    begin_payload(session, &payload, &w);
    souk_jw_key_int(&w, "generation", (int64_t)state->share->generation);
    return put(session, kind, &payload, &w, id);
}

/* Where that is impossible, what the program knows grows old by itself. */
static void tell(souk_session *session, souk_ask_kind kind)
{
    uint64_t id;
    (void)put_generation(session, kind, &id);
}

static int put_adopt(const souk_mcp_handler *handler, souk_session *session)
{
    souk_mcp_slot *state = session->state;
    souk_buf payload;
    souk_jw w;
    int failed = name_endpoint(handler, session);
    if (failed != SOUK_OK) {
        return failed;
    }
    begin_payload(session, &payload, &w);
    souk_jw_key_string(&w, "server", session->target->name);
    souk_jw_key_string(&w, "identity", session->target->identity);
    return put(session, SOUK_ASK_ADOPT, &payload, &w, &state->share->ask);
}

static int publish(souk_session *session, bool can_be_shared)
{
    const souk_mcp_slot *state = session->state;
    souk_slice id = souk_mcp_session_id(state->mcp);
    souk_buf payload;
    souk_jw w;
    uint64_t unused;
    begin_payload(session, &payload, &w);
    souk_jw_key_int(&w, "generation", (int64_t)state->share->generation);
    souk_jw_key_string(&w, "protocol",
                       souk_slice_of(souk_mcp_revision_name(souk_mcp_get_revision(state->mcp))));
    if (!can_be_shared) {
        souk_jw_key_bool(&w, "alone", true);
    } else {
        if (id.len > 0) {
            souk_jw_key_string(&w, "session", id);
        } else {
            souk_jw_key_raw(&w, "session", SOUK_LIT("null"));
        }
        souk_jw_key_string(&w, "about", souk_mcp_about(state->mcp));
    }
    return put(session, SOUK_ASK_PUBLISH, &payload, &w, &unused);
}

/* --- opening --- */

static void open_it(const souk_handler *self, souk_session *session, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    bool for_all = role_of(session) == SOUK_MCP_OPENER;
    souk_mcp_take_seat(state->mcp, for_all ? state->share->seat : 0);
    souk_mcp_open(state->mcp, now);
    souk_mcp_slot_report(self, session, now);
}

/* Whoever opens it for all has open_timeout; when that process died, somebody else has it again. */
static souk_ms patience(const souk_mcp_handler *handler)
{
    return 2 * handler->options.open_timeout + 1000;
}

void souk_mcp_share_begin(const souk_handler *self, souk_session *session, souk_ms now)
{
    const souk_mcp_handler *handler = self->user;
    bool asks = role_of(session) == SOUK_MCP_ALONE && may_be_shared(handler, session) &&
                begin_share(handler, session, souk_ms_after(now, patience(handler)));
    if (asks && put_adopt(handler, session) == SOUK_OK) {
        return;
    }
    if (asks) {
        stand_alone(session);
    }
    open_it(self, session, now); /* or it is the second try of who opens for all */
}

/* What the program says to an ADOPT. */
typedef struct said {
    bool opens, adopts;
    uint64_t generation;
    uint32_t seat;
    souk_mcp_known known;
} said;

static bool is_object_text(const souk_alloc *alloc, souk_slice text)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, alloc);
    bool is_object = souk_json_read(&doc, text, NULL, NULL) == SOUK_OK &&
                     souk_json_type_of(doc.root) == SOUK_JSON_OBJECT;
    souk_json_doc_free(&doc);
    return is_object;
}

static void read_said(const souk_jval *root, const souk_alloc *alloc, said *out)
{
    int64_t generation = 0;
    int64_t seat = 0;
    const souk_jval *session = souk_json_get(root, "session");
    const souk_jval *about = souk_json_get(root, "about");
    souk_json_type type = souk_json_type_of(session);
    memset(out, 0, sizeof *out);
    out->known.revision = souk_mcp_revision_from(souk_json_string(souk_json_get(root, "protocol")));
    bool has_numbers = souk_json_integer(souk_json_get(root, "generation"), &generation) &&
                       souk_json_integer(souk_json_get(root, "seat"), &seat) && generation > 0 &&
                       seat > 0 && seat <= SOUK_MCP_SEAT_MAX;
    if (!has_numbers) {
        return;
    }
    out->generation = (uint64_t)generation;
    out->seat = (uint32_t)seat;
    out->opens = souk_json_is_true(souk_json_get(root, "open"));
    out->adopts = !out->opens && session != NULL &&
                  (type == SOUK_JSON_STRING || type == SOUK_JSON_NULL) &&
                  is_object_text(alloc, souk_json_string(about));
    out->known.session_id = souk_json_string(session);
    out->known.about = souk_json_string(about);
}

static bool adopt(const souk_handler *self, souk_session *session, const said *what, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    souk_err why;
    souk_mcp_take_seat(state->mcp, what->seat);
    state->share->role = SOUK_MCP_SHARING;
    if (souk_mcp_adopt(state->mcp, &what->known, &why) != SOUK_OK) {
        souk_mcp_share_lost(session); /* it is of no use to anybody */
        return false;
    }
    souk_mcp_slot_report(self, session, now);
    return true;
}

static void act_on(const souk_handler *self, souk_session *session, const said *what, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    state->share->ask = 0;
    state->share->ask_by = SOUK_NEVER;
    state->share->generation = what->generation;
    state->share->seat = what->seat;
    if (what->adopts && adopt(self, session, what, now)) {
        return;
    }
    if (what->opens) {
        state->share->role = SOUK_MCP_OPENER;
    } else {
        stand_alone(session);
    }
    souk_mcp_remember(state->mcp, what->known.revision);
    open_it(self, session, now);
}

void souk_mcp_share_silent(const souk_handler *self, souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    (void)souk_session_withdraw(session, state->share->ask);
    stand_alone(session);
    open_it(self, session, now);
}

void souk_mcp_share_ready(souk_session *session)
{
    souk_mcp_slot *state = session->state;
    if (role_of(session) != SOUK_MCP_OPENER) {
        return;
    }
    bool can = souk_mcp_can_be_shared(state->mcp) && souk_mcp_about(state->mcp).len > 0;
    if (publish(session, can) == SOUK_OK && can) {
        state->share->role = SOUK_MCP_SHARING;
    } else {
        stand_alone(session);
    }
}

void souk_mcp_share_failed(souk_session *session)
{
    if (role_of(session) == SOUK_MCP_OPENER) {
        tell(session, SOUK_ASK_GIVE_UP);
        stand_alone(session);
    }
}

/* --- the end --- */

void souk_mcp_share_lost(souk_session *session)
{
    if (role_of(session) == SOUK_MCP_SHARING) {
        tell(session, SOUK_ASK_LOST);
        stand_alone(session);
    }
}

/* Who closes a session in order has left it before. */
void souk_mcp_share_free(souk_session *session)
{
    souk_mcp_share_failed(session);
    souk_mcp_share_lost(session);
    stand_alone(session);
}

souk_ms souk_mcp_share_deadline(const souk_mcp_slot *state)
{
    return state->share == NULL ? SOUK_NEVER : state->share->ask_by;
}

/* Only the last one ends the session at the server, and only the program knows who that is. */
static bool ask_to_leave(const souk_mcp_handler *handler, souk_session *session)
{
    souk_mcp_slot *state = session->state;
    uint64_t id = 0;
    bool is_heard = handler->share != 0;
    if (!is_heard || put_generation(session, SOUK_ASK_LEAVE, &id) != SOUK_OK) {
        souk_mcp_leave_to_others(state->mcp);
        stand_alone(session);
        return false;
    }
    give_place_back(session);
    state->share->role = SOUK_MCP_LEAVING;
    state->share->ask = id;
    return true;
}

bool souk_mcp_share_leave(const souk_handler *self, souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    bool has_id = souk_mcp_session_id(state->mcp).len > 0;
    switch (role_of(session)) {
    case SOUK_MCP_ALONE:
    case SOUK_MCP_LEAVING:
        break;
    case SOUK_MCP_ASKING:
        (void)souk_session_withdraw(session, state->share->ask);
        stand_alone(session);
        break;
    case SOUK_MCP_OPENER:
        souk_mcp_share_failed(session);
        break;
    case SOUK_MCP_SHARING:
        if (has_id) {
            return ask_to_leave(self->user, session);
        }
        stand_alone(session);
        break;
    }
    return false;
}

static void left(const souk_handler *self, souk_session *session, bool is_last, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    stand_alone(session);
    if (!is_last) {
        souk_mcp_leave_to_others(state->mcp);
    }
    souk_mcp_close(state->mcp);
    souk_mcp_slot_report(self, session, now);
}

bool souk_mcp_share_answered(const souk_handler *self, souk_session *session, uint64_t ask,
                             souk_slice json, const souk_err *err, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    souk_json_doc doc;
    if (state->share == NULL || ask != state->share->ask) {
        return false;
    }
    souk_json_doc_init(&doc, session->alloc);
    if (err == NULL) {
        (void)souk_json_read(&doc, json, NULL, NULL); /* what cannot be read says nothing */
    }
    if (role_of(session) == SOUK_MCP_ASKING) {
        said what;
        read_said(doc.root, session->alloc, &what);
        act_on(self, session, &what, now);
    } else {
        left(self, session, souk_json_is_true(doc.root), now);
    }
    souk_json_doc_free(&doc);
    return true;
}
