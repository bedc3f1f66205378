#include "io/curl.h"

/* Any number but that of the bytes given, of which there is at least one. */
enum { FAIL = 0 };

enum { REDIRECT_BODY = 64 * 1024 /* bytes of a redirect's body that are read */ };

size_t souk_response_header(char *bytes, size_t size, size_t count, void *user)
{
    souk_transfer *transfer = user;
    souk_slice line = souk_slice_make(bytes, size * count);
    transfer->last_byte = transfer->engine->now;
    bool was_complete = transfer->head.complete;
    if (souk_head_line(&transfer->head, line, &transfer->failure) != SOUK_OK) {
        return FAIL;
    }
    if (transfer->head.complete && !was_complete) {
        souk_redirect_look(transfer);
    }
    if (transfer->turning) {
        return line.len;
    }
    if (transfer->stream && transfer->head.complete && !transfer->head_taken) {
        souk_engine_offer(transfer->engine, &transfer->source);
    }
    return line.len;
}

size_t souk_response_body(char *bytes, size_t size, size_t count, void *user)
{
    souk_transfer *transfer = user;
    size_t len = size * count;
    if (!transfer->head.complete) {
        return FAIL; /* souk_head_line has said why */
    }
    if (transfer->turning) { /* a short body is read to its end, which keeps the connection */
        transfer->received += len;
        return transfer->received > REDIRECT_BODY ? FAIL : len;
    }
    if (transfer->pending.len >= transfer->max_pending) {
        transfer->paused = true; /* libcurl keeps these bytes and brings them again */
        souk_engine_offer(transfer->engine, &transfer->source);
        return CURL_WRITEFUNC_PAUSE;
    }
    transfer->last_byte = transfer->engine->now;
    transfer->received += len;
    if (!transfer->stream && transfer->received > transfer->max_body) {
        (void)souk_fail(&transfer->failure, SOUK_E_LIMIT, "the response is larger than %zu bytes",
                        transfer->max_body);
        return FAIL;
    }
    if (souk_buf_add(&transfer->pending, souk_slice_make(bytes, len)) != SOUK_OK) {
        (void)souk_fail_memory(&transfer->failure);
        return FAIL;
    }
    if (transfer->stream || transfer->pending.len >= SOUK_GATHER) {
        souk_engine_offer(transfer->engine, &transfer->source);
    }
    return len;
}

/*
 * Called each time the request is about to be sent. When a kept-alive connection turns out to be
 * dead before a byte of the answer came, libcurl sends the request once more on a new one; but the
 * server may have executed the first.
 */
int souk_response_prereq(void *user, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    souk_transfer *transfer = user;
    if (transfer->attempts > 0 && !transfer->may_repeat) {
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->attempts++;
    return CURL_PREREQFUNC_OK;
}
