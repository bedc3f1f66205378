#include "io/curl.h"

/* --- time --- */

/* When the alarm has to ring next: the earliest of the limits that still apply. */
static souk_ms next_ring(const souk_transfer *transfer)
{
    souk_ms at = transfer->deadline;
    if (transfer->attempts == 0) {
        at = souk_ms_min(at, transfer->connect_by);
    }
    if (transfer->idle_timeout > 0) {
        at = souk_ms_min(at, souk_ms_after(transfer->last_byte, transfer->idle_timeout));
    }
    return at;
}

/* Bytes that went out count as well; libcurl is only asked when the time seems to be over. */
static bool is_idle(souk_transfer *transfer)
{
    souk_ms now = transfer->engine->now;
    if (transfer->idle_timeout <= 0 ||
        now < souk_ms_after(transfer->last_byte, transfer->idle_timeout)) {
        return false;
    }
    long head = 0;
    curl_off_t body = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &head);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    curl_off_t bytes_out = (curl_off_t)head + body;
    if (bytes_out != transfer->bytes_out || transfer->paused) {
        transfer->bytes_out = bytes_out;
        transfer->last_byte = now;
        return false;
    }
    return true;
}

void souk_transfer_ring(void *owner)
{
    souk_transfer *transfer = owner;
    souk_ms now = transfer->engine->now;
    bool over = now >= transfer->deadline ||
                (transfer->attempts == 0 && now >= transfer->connect_by) || is_idle(transfer);
    if (over) {
        souk_failure_from_time(transfer);
        souk_transfer_finish(transfer, CURLE_OK);
    } else {
        souk_alarm_set(transfer->engine, &transfer->alarm, next_ring(transfer));
    }
}

/* --- start and end --- */

static int get_transfer(souk_group *group, const char *ca_file, souk_transfer **out, souk_err *err)
{
    souk_slice wanted = souk_slice_of(ca_file);
    for (souk_transfer **link = &group->idle; *link != NULL; link = &(*link)->next) {
        souk_transfer *transfer = *link;
        if (souk_slice_eq(souk_slice_of(transfer->ca_file), wanted)) {
            *link = transfer->next;
            group->idle_count--;
            group->engine->counts.idle_handles--;
            *out = transfer;
            return SOUK_OK;
        }
    }
    return souk_transfer_new(group, ca_file, out, err);
}

/* Nothing was sent or received yet: of the exchange, or of its next part behind a redirect. */
static void reset_progress(souk_transfer *transfer)
{
    souk_ms now = transfer->engine->now;
    transfer->connect_by =
        transfer->connect_timeout > 0 ? souk_ms_after(now, transfer->connect_timeout) : SOUK_NEVER;
    transfer->last_byte = now;
    transfer->bytes_out = 0;
    transfer->socket = CURL_SOCKET_BAD;
    transfer->paused = false;
    transfer->saw_private = false;
    transfer->saw_public = false;
    transfer->attempts = 0;
    transfer->turning = false;
    transfer->received = 0;
    souk_head_reset(&transfer->head, transfer->max_head);
}

static void reset(souk_transfer *transfer, const souk_exchange *exchange)
{
    souk_engine *engine = transfer->engine;
    transfer->source.id = exchange->id;
    transfer->timeout = exchange->timeout_ms;
    transfer->deadline = souk_ms_after(engine->now, exchange->timeout_ms);
    transfer->connect_timeout = exchange->connect_timeout_ms;
    transfer->idle_timeout = exchange->idle_timeout_ms;
    transfer->max_head = exchange->max_header == 0 ? SOUK_DEFAULT_HEAD : exchange->max_header;
    transfer->max_redirects = exchange->max_redirects;
    transfer->redirects = 0;
    transfer->open_headers = exchange->open_headers;
    transfer->abroad = false;
    transfer->max_body = exchange->max_body == 0 ? SOUK_DEFAULT_BODY : exchange->max_body;
    transfer->max_pending = engine->options.max_queued;
    transfer->stream = exchange->stream;
    if (exchange->stream && transfer->max_body < transfer->max_pending) {
        transfer->max_pending = transfer->max_body;
    }
    transfer->head_taken = false;
    transfer->ended = false;
    transfer->failure.kind = SOUK_OK;
    souk_buf_clear(&transfer->pending);
    reset_progress(transfer);
}

/* Gives the transfer to libcurl, which starts it in the next round. */
static int launch(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    souk_engine *engine = transfer->engine;
    reset(transfer, exchange);
    int rc = souk_request_set(transfer, exchange, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    if (!souk_idmap_add(&engine->sources, exchange->id, &transfer->source)) {
        return souk_fail_memory(err);
    }
    if (curl_multi_add_handle(transfer->group->multi, transfer->easy) != CURLM_OK) {
        (void)souk_idmap_remove(&engine->sources, exchange->id);
        return souk_fail_memory(err);
    }
    transfer->running = true;
    engine->launched = true;
    if (exchange->body != NULL) {
        souk_buf_move(&transfer->body, exchange->body);
    }
    souk_alarm_set(engine, &transfer->alarm, next_ring(transfer));
    return SOUK_OK;
}

int souk_exchange_start(souk_engine *engine, const souk_exchange *exchange, souk_err *err)
{
    if (exchange->timeout_ms <= 0) {
        return souk_fail(err, SOUK_E_TIMEOUT, "the time was over before the request could be sent");
    }
    if (engine->counts.exchanges >= engine->options.max_exchanges) {
        return souk_fail(err, SOUK_E_LIMIT, "%zu exchanges are in flight already",
                         engine->options.max_exchanges);
    }
    souk_group *group;
    int rc = souk_group_get(engine, exchange->group, &group, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_transfer *transfer;
    rc = get_transfer(group, exchange->ca_file, &transfer, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_group_engage(group, transfer);
    rc = launch(transfer, exchange, err);
    if (rc != SOUK_OK) {
        souk_group_release(group, transfer);
        return rc;
    }
    engine->counts.exchanges++;
    engine->counts.exchanges_started++;
    return SOUK_OK;
}

/*
 * The exchange goes on where the redirect leads to, whatever became of the rest of the response.
 * False, with transfer->failure, when that cannot be.
 */
static bool turn(souk_transfer *transfer)
{
    (void)curl_multi_remove_handle(transfer->group->multi, transfer->easy);
    if (souk_redirect_follow(transfer) != SOUK_OK) {
        return false;
    }
    transfer->redirects++;
    reset_progress(transfer);
    if (curl_multi_add_handle(transfer->group->multi, transfer->easy) != CURLM_OK) {
        (void)souk_fail_memory(&transfer->failure);
        return false;
    }
    souk_alarm_set(transfer->engine, &transfer->alarm, next_ring(transfer));
    return true;
}

void souk_transfer_finish(souk_transfer *transfer, CURLcode code)
{
    if (transfer->turning && transfer->failure.kind == SOUK_OK && turn(transfer)) {
        return;
    }
    if (transfer->failure.kind == SOUK_OK) {
        souk_failure_from_curl(transfer, code);
    }
    if (transfer->failure.kind != SOUK_OK) {
        transfer->failure.delivery = souk_failure_delivery(transfer);
        transfer->failure.status = transfer->head.status;
    }
    (void)curl_multi_remove_handle(transfer->group->multi, transfer->easy);
    if (transfer->failure.kind == SOUK_OK) {
        souk_group_leave(transfer->group, transfer);
    }
    transfer->running = false;
    transfer->paused = false;
    transfer->ended = true;
    souk_alarm_set(transfer->engine, &transfer->alarm, SOUK_NEVER);
    souk_buf_free(&transfer->body);
    souk_engine_offer(transfer->engine, &transfer->source);
}

void souk_exchange_cancel(souk_engine *engine, souk_source *source)
{
    souk_transfer *transfer = (souk_transfer *)source;
    souk_err *failure = &transfer->failure;
    /*
     * A delivery and status that are known already stay; nothing else that came is of interest any
     * more.
     */
    souk_delivery delivery = transfer->running || failure->kind == SOUK_OK
                                 ? souk_failure_delivery(transfer)
                                 : failure->delivery;
    (void)souk_fail(failure, SOUK_E_CANCELLED, "the request was cancelled");
    if (transfer->running) {
        souk_transfer_finish(transfer, CURLE_OK);
    }
    failure->delivery = delivery;
    failure->status = transfer->head.status;
    souk_buf_clear(&transfer->pending);
    transfer->head_taken = true;
    souk_engine_offer(engine, source);
}

void souk_exchange_resume(souk_engine *engine)
{
    engine->paused = 0;
    for (souk_group *group = engine->group_head; group != NULL; group = group->next) {
        for (souk_transfer *t = group->busy; t != NULL; t = t->next) {
            if (!t->paused || t->pending.len > 0) {
                continue;
            }
            t->paused = false; /* before the call: it may bring bytes, and be paused again */
            t->last_byte = engine->now;
            CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
            if (code != CURLE_OK && t->running) {
                souk_transfer_finish(t, code);
            }
        }
    }
}

/* --- events --- */

static void take_end(souk_engine *engine, souk_transfer *transfer, souk_io_event *event)
{
    event->kind = SOUK_IO_END;
    if (transfer->failure.kind != SOUK_OK) {
        event->kind = SOUK_IO_FAILED;
        event->err = transfer->failure;
    }
    (void)souk_idmap_remove(&engine->sources, transfer->source.id);
    engine->counts.exchanges--;
    souk_group_release(transfer->group, transfer);
}

bool souk_exchange_take(souk_engine *engine, souk_source *source, souk_io_event *event, bool *more)
{
    souk_transfer *transfer = (souk_transfer *)source;
    event->id = source->id;
    if (transfer->head.complete && !transfer->turning && !transfer->head_taken) {
        transfer->head_taken = true;
        event->kind = SOUK_IO_HEAD;
        event->status = transfer->head.status;
        event->headers = souk_head_headers(&transfer->head);
        event->header_count = transfer->head.count;
        event->moved_to =
            souk_slice_make(transfer->url.data, transfer->redirects > 0 ? transfer->url.len : 0);
        event->abroad = transfer->abroad;
        *more = transfer->pending.len > 0 || transfer->ended;
        return true;
    }
    if (transfer->pending.len > 0) {
        event->kind = SOUK_IO_BYTES;
        event->bytes = souk_engine_hand_over(engine, &transfer->pending);
        engine->paused += transfer->paused;
        *more = transfer->ended;
        return true;
    }
    if (transfer->ended) {
        take_end(engine, transfer, event);
        return true;
    }
    return false;
}

/* --- the end of the engine --- */

void souk_exchange_free_all(souk_engine *engine)
{
    while (engine->group_head != NULL) {
        souk_group_free(engine->group_head);
    }
}

static void abandon_transfers(souk_transfer *first)
{
    while (first != NULL) {
        souk_transfer *next = first->next;
        souk_transfer_free_memory(first);
        first = next;
    }
}

void souk_exchange_abandon_all(souk_engine *engine)
{
    while (engine->group_head != NULL) {
        souk_group *group = engine->group_head;
        engine->group_head = group->next;
        abandon_transfers(group->idle);
        abandon_transfers(group->busy);
        souk_free(engine->alloc, group->name);
        souk_free(engine->alloc, group);
    }
}
