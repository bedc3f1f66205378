/*
 * What the program is told between the ends of calls: notes for observers, notices of servers, the
 * progress of calls. One queue for all of them, because their order says something; it is bounded
 * in count and bytes, and what finds no room is dropped and counted.
 */
#include "pool/internal.h"
#include "json/write.h"

#include <string.h>

/* Bytes that may wait to be fetched; a single one may have more. */
enum { MOST_BYTES = 64 * 1024 * 1024 };

static size_t bytes_of(const souk_note *note)
{
    return note->name.len + note->payload.len + note->server.len + note->identity.len;
}

static bool has_room(const souk_pool *pool, size_t bytes)
{
    return pool->note_count < (size_t)pool->options.max_notes &&
           (pool->note_count == 0 || bytes <= MOST_BYTES - pool->note_bytes);
}

static souk_slice put(char **at, souk_slice text)
{
    souk_slice copy = souk_slice_make(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.ptr, text.len);
        *at += text.len;
    }
    return copy;
}

void souk_notes_add(souk_pool *pool, const souk_note *what)
{
    souk_note *note = NULL;
    size_t bytes = bytes_of(what);
    if (has_room(pool, bytes)) {
        note = souk_new(pool->alloc, sizeof *note + bytes + 1);
    }
    if (note == NULL) {
        pool->stats.notes_dropped++;
        return;
    }
    char *at = note->text;
    note->kind = what->kind;
    note->call = what->call;
    note->name = put(&at, what->name);
    note->payload = put(&at, what->payload);
    note->server = put(&at, what->server);
    note->identity = put(&at, what->identity);
    if (pool->notes == NULL) {
        pool->notes = note;
    } else {
        pool->notes_last->next = note;
    }
    pool->notes_last = note;
    pool->note_count++;
    pool->note_bytes += bytes;
}

static void add_note(souk_pool *pool, const char *name, souk_slice fields)
{
    const souk_note note = {
        .kind = SOUK_OUTCOME_NOTE, .name = souk_slice_of(name), .payload = fields};
    souk_notes_add(pool, &note);
}

typedef struct note_facts {
    const souk_entry *entry;
    const souk_slot *slot; /* NULL: it is about the endpoint */
    const char *reason;    /* or NULL */
    souk_slice fields;     /* a JSON object's text, or empty */
} note_facts;

static void note_about(souk_pool *pool, const char *name, const note_facts *facts, souk_ms now)
{
    const souk_slot *slot = facts->slot;
    souk_buf text;
    souk_jw w;
    souk_buf_init(&text, pool->alloc, 64 * 1024);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", facts->entry->target.name);
    souk_jw_key_string(&w, "handler", souk_slice_of(facts->entry->handler->prefix));
    souk_jw_key_string(&w, "identity", facts->entry->target.identity);
    if (slot != NULL) {
        souk_jw_key_string(&w, "session", souk_slice_of(slot->session.label));
        souk_jw_key_string(&w, "detail", souk_slice_of(slot->session.detail));
        souk_jw_key_int(&w, "generation", (int64_t)slot->generation);
        souk_jw_key_int(&w, "age_ms", now - slot->born);
    }
    if (facts->reason != NULL) {
        souk_jw_key_string(&w, "reason", souk_slice_of(facts->reason));
    }
    if (facts->fields.len > 0) {
        souk_jw_key_raw(&w, "data", facts->fields);
    }
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        add_note(pool, name, souk_buf_slice(&text));
    } else {
        pool->stats.notes_dropped++;
    }
    souk_buf_free(&text);
}

void souk_slot_note(souk_pool *pool, const souk_slot *slot, const char *name, const char *reason,
                    souk_ms now)
{
    if (pool->want_notes) {
        const note_facts facts = {.entry = slot->entry, .slot = slot, .reason = reason};
        note_about(pool, name, &facts, now);
    }
}

void souk_entry_note(souk_pool *pool, const souk_entry *entry, const char *name, const char *reason)
{
    if (pool->want_notes) {
        const note_facts facts = {.entry = entry, .reason = reason};
        note_about(pool, name, &facts, 0);
    }
}

void souk_session_note(souk_session *session, const char *name, souk_slice fields)
{
    const souk_slot *slot = (const souk_slot *)(const void *)session; /* its first member */
    if (session->pool->want_notes) {
        const note_facts facts = {.entry = slot->entry, .slot = slot, .fields = fields};
        note_about(session->pool, name, &facts, slot->last_used);
    }
}

void souk_pool_want_notes(souk_pool *pool, bool wanted)
{
    pool->want_notes = wanted;
}

void souk_pool_note(souk_pool *pool, const char *name, souk_slice fields)
{
    if (pool->want_notes) {
        add_note(pool, name, fields);
    }
}

void souk_session_notice(souk_session *session, souk_slice method, souk_slice params)
{
    const souk_note note = {.kind = SOUK_OUTCOME_NOTICE,
                            .name = method,
                            .payload = params,
                            .server = session->target->name,
                            .identity = session->target->identity};
    souk_notes_add(session->pool, &note);
}

void souk_notes_free(souk_pool *pool)
{
    while (pool->notes != NULL) {
        souk_note *next = pool->notes->next;
        souk_free(pool->alloc, pool->notes);
        pool->notes = next;
    }
    souk_free(pool->alloc, pool->note_handed_out);
    pool->note_handed_out = NULL;
}

bool souk_notes_next(souk_pool *pool, souk_outcome *out)
{
    souk_note *note = pool->notes;
    if (note == NULL) {
        return false;
    }
    pool->notes = note->next;
    pool->note_count--;
    pool->note_bytes -= bytes_of(note);
    pool->note_handed_out = note;
    out->kind = note->kind;
    out->id = note->call;
    out->name = note->name;
    out->payload = note->payload;
    out->server = note->server;
    out->identity = note->identity;
    return true;
}
