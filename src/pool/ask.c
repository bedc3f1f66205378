/* Questions to the program, until they are answered or taken back. */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

static souk_slot *slot_of(souk_session *session)
{
    return (souk_slot *)(void *)session; /* its first member */
}

int souk_session_ask(souk_session *session, const souk_question *question, uint64_t *id,
                     souk_err *err)
{
    souk_pool *pool = session->pool;
    if (pool->ask_count >= (size_t)pool->options.max_asks) {
        return souk_fail(err, SOUK_E_LIMIT,
                         "more than %lld questions to the program are open (option max_asks)",
                         (long long)pool->options.max_asks);
    }
    souk_ask *ask = souk_new(pool->alloc, sizeof *ask);
    char *copy = ask == NULL ? NULL : souk_dup(pool->alloc, question->payload);
    if (copy == NULL) {
        souk_free(pool->alloc, ask);
        return souk_fail_memory(err);
    }
    ask->id = ++pool->serial;
    ask->kind = question->kind;
    ask->number = question->number;
    ask->call = question->call;
    ask->slot = slot_of(session);
    ask->payload = copy;
    ask->payload_len = question->payload.len;
    if (pool->asks == NULL) {
        pool->asks = ask;
    } else {
        pool->asks_last->next = ask;
    }
    pool->asks_last = ask;
    pool->ask_count++;
    *id = ask->id;
    return SOUK_OK;
}

static void ask_free(souk_pool *pool, souk_ask *ask)
{
    if (ask != NULL) {
        souk_free(pool->alloc, ask->payload);
        souk_free(pool->alloc, ask);
    }
}

/* Takes the ask out of the list, which goes on at *at. */
static souk_ask *ask_unlink(souk_pool *pool, souk_ask **at, souk_ask *before)
{
    souk_ask *ask = *at;
    *at = ask->next;
    if (pool->asks_last == ask) {
        pool->asks_last = before;
    }
    pool->ask_count--;
    return ask;
}

static bool wants_answer(souk_ask_kind kind)
{
    switch (kind) {
    case SOUK_ASK_CREDENTIAL:
    case SOUK_ASK_OPEN:
    case SOUK_ASK_CALL:
    case SOUK_ASK_INPUT:
    case SOUK_ASK_ADOPT:
    case SOUK_ASK_LEAVE:
        return true;
    case SOUK_ASK_CANCEL:
    case SOUK_ASK_CLOSE:
    case SOUK_ASK_WITHDRAWN:
    case SOUK_ASK_PUBLISH:
    case SOUK_ASK_GIVE_UP:
    case SOUK_ASK_LOST:
        break;
    }
    return false;
}

/* The program may be showing it to somebody, or waiting for another process. */
static bool is_worked_on(const souk_ask *ask)
{
    return (ask->kind == SOUK_ASK_INPUT || ask->kind == SOUK_ASK_ADOPT) && ask->fetched;
}

/* The question becomes the word that its answer is not needed: no memory is needed for that. */
static void turn_into_withdrawal(souk_pool *pool, souk_ask *ask)
{
    ask->withdrawn = ask->id;
    ask->id = ++pool->serial;
    ask->kind = SOUK_ASK_WITHDRAWN;
    ask->slot = NULL;
    ask->fetched = false;
}

void souk_asks_forget(souk_pool *pool, souk_slot *slot)
{
    souk_ask *before = NULL;
    souk_ask **at = &pool->asks;
    while (*at != NULL) {
        souk_ask *ask = *at;
        if (ask->slot != slot) {
            before = ask;
            at = &ask->next;
        } else if (is_worked_on(ask)) {
            turn_into_withdrawal(pool, ask);
            before = ask;
            at = &ask->next;
        } else if (!ask->fetched && !wants_answer(ask->kind)) {
            ask->slot =
                NULL; /* "close" is still to be delivered, though the session is gone here */
            before = ask;
            at = &ask->next;
        } else {
            ask_free(pool, ask_unlink(pool, at, before));
        }
    }
}

bool souk_session_withdraw(souk_session *session, uint64_t id)
{
    souk_pool *pool = session->pool;
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        if ((*at)->id == id && is_worked_on(*at)) {
            turn_into_withdrawal(pool, *at);
            return true;
        }
        if ((*at)->id == id) {
            souk_ask *ask = ask_unlink(pool, at, before);
            bool seen = ask->fetched;
            ask_free(pool, ask);
            return seen;
        }
    }
    return true;
}

void souk_asks_free(souk_pool *pool)
{
    while (pool->asks != NULL) {
        ask_free(pool, ask_unlink(pool, &pool->asks, NULL));
    }
    souk_free(pool->alloc, pool->payload_handed_out);
    pool->payload_handed_out = NULL;
}

bool souk_pool_answer(souk_pool *pool, uint64_t id, souk_slice json, const souk_err *err,
                      souk_ms now)
{
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        if ((*at)->id != id) {
            continue;
        }
        souk_ask *ask = ask_unlink(pool, at, before);
        souk_slot *slot = ask->slot;
        if (slot != NULL) {
            const souk_handler *handler = slot->entry->handler;
            handler->answer(handler, &slot->session, id, json, err, now);
            souk_slot_schedule(pool, slot);
        }
        ask_free(pool, ask);
        return slot != NULL;
    }
    return false;
}

bool souk_asks_next(souk_pool *pool, souk_outcome *out)
{
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        souk_ask *ask = *at;
        if (ask->fetched) {
            continue;
        }
        ask->fetched = true;
        out->kind = SOUK_OUTCOME_ASK;
        out->id = ask->id;
        out->ask = ask->kind;
        out->number = ask->number;
        out->call = ask->call;
        out->payload = souk_slice_make(ask->payload, ask->payload_len);
        /* It outlives the ask, which may be answered or forgotten while the program reads it. */
        pool->payload_handed_out = ask->payload;
        ask->payload = NULL;
        if (ask->kind == SOUK_ASK_WITHDRAWN) {
            snprintf(pool->withdrawal, sizeof pool->withdrawal, "{\"ask\":%llu}",
                     (unsigned long long)ask->withdrawn);
            out->payload = souk_slice_of(pool->withdrawal);
        }
        if (!wants_answer(ask->kind)) {
            ask_free(pool, ask_unlink(pool, at, before));
        }
        return true;
    }
    return false;
}

bool souk_asks_any(const souk_pool *pool)
{
    for (const souk_ask *ask = pool->asks; ask != NULL; ask = ask->next) {
        if (!ask->fetched) {
            return true;
        }
    }
    return false;
}
