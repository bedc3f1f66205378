#include "io/child.h"

#include <errno.h>
#include <unistd.h>

#include "io/quiet_write.h"

enum {
    CHUNK =
        64 * 1024, /* bytes read from a pipe in one round, so that no child starves the others */
    KEPT_CAPACITY = 64 * 1024 /* an empty queue that grew larger is freed */
};

static void close_pipe(souk_child *child, int *fd)
{
    if (*fd >= 0) {
        souk_loop_forget(child->engine->loop, *fd);
        (void)close(*fd);
        *fd = -1;
    }
}

void souk_pipes_close_input(souk_child *child)
{
    close_pipe(child, &child->process.in);
    souk_buf_free(&child->input);
    child->input_done = 0;
}

void souk_pipes_close(souk_child *child)
{
    souk_pipes_close_input(child);
    close_pipe(child, &child->process.out);
    close_pipe(child, &child->process.errors);
    child->output_paused = false;
}

void souk_pipes_free(souk_child *child)
{
    souk_buf_free(&child->input);
    souk_buf_free(&child->output);
    souk_buf_free(&child->errors);
    souk_buf_free(&child->tail);
}

/* --- stdin --- */

/* Writes as much as the pipe takes; false when the child has closed its end. */
static bool push(souk_child *child, souk_slice bytes, size_t *pushed)
{
    *pushed = 0;
    while (*pushed < bytes.len) {
        ssize_t written =
            souk_write_quietly(child->process.in, bytes.ptr + *pushed, bytes.len - *pushed);
        if (written < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        *pushed += (size_t)written;
    }
    return true;
}

static void empty_queue(souk_child *child)
{
    child->input_done = 0;
    if (child->input.cap > KEPT_CAPACITY) {
        souk_buf_free(&child->input);
    } else {
        souk_buf_clear(&child->input);
    }
}

static void on_input(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_child *child = owner;
    souk_slice waiting = souk_slice_from(souk_buf_slice(&child->input), child->input_done);
    size_t pushed;
    if (!push(child, waiting, &pushed)) {
        souk_pipes_close_input(child);
        return;
    }
    child->input_done += pushed;
    if (pushed < waiting.len) {
        return;
    }
    souk_loop_rest(child->engine->loop, fd);
    empty_queue(child);
    souk_child_advance(child);
}

static int check_writable(const souk_child *child, souk_err *err)
{
    if (child->closing) {
        return souk_fail(err, SOUK_E_CLOSED, "the process '%s' is being closed", child->name);
    }
    if (child->dead || child->ended) {
        return souk_fail(err, SOUK_E_TRANSPORT, "the process '%s' has ended", child->name);
    }
    if (child->process.in < 0) {
        return souk_fail(err, SOUK_E_TRANSPORT, "the process '%s' has closed its input",
                         child->name);
    }
    return SOUK_OK;
}

/* Puts the bytes behind those that wait already. */
static int enqueue(souk_child *child, souk_slice bytes, souk_err *err)
{
    if (child->input_done > child->input.len / 2) {
        souk_buf_consume(&child->input, child->input_done);
        child->input_done = 0;
    }
    if (souk_buf_add(&child->input, bytes) != SOUK_OK) {
        child->input.failed = SOUK_OK;
        return souk_fail_memory(err);
    }
    return souk_loop_watch(child->engine->loop, child->process.in, SOUK_LOOP_WRITE, on_input, child,
                           err);
}

int souk_pipes_write(souk_child *child, souk_slice bytes, souk_err *err)
{
    int rc = check_writable(child, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    size_t waiting = child->input.len - child->input_done;
    if (bytes.len > child->input_max || waiting > child->input_max - bytes.len) {
        return souk_fail(err, SOUK_E_LIMIT,
                         "the process '%s' does not read its input: %zu bytes wait, %zu may",
                         child->name, waiting, child->input_max);
    }
    if (waiting > 0) {
        return enqueue(child, bytes, err);
    }
    /*
     * Room for what the pipe does not take has to be there first: a byte that is written cannot be
     * taken back.
     */
    if (souk_buf_reserve(&child->input, bytes.len) != SOUK_OK) {
        empty_queue(child);
        return souk_fail_memory(err);
    }
    size_t pushed;
    if (!push(child, bytes, &pushed)) {
        souk_pipes_close_input(child);
        rc = check_writable(child, err);
        if (pushed > 0 && err != NULL) {
            err->delivery = SOUK_DELIVERY_AMBIGUOUS;
        }
        return rc;
    }
    if (pushed == bytes.len) {
        empty_queue(child);
        return SOUK_OK;
    }
    return enqueue(child, souk_slice_from(bytes, pushed), err);
}

/* --- stdout and stderr --- */

static int watch_output(souk_child *child, souk_err *err);

/*
 * Reads what is there, at most a chunk: false at the end of the pipe, *got is empty when nothing is
 * there now.
 */
static bool read_chunk(souk_engine *engine, int fd, souk_slice *got)
{
    *got = SOUK_LIT("");
    souk_buf *chunk = &engine->chunk;
    ssize_t count = read(fd, chunk->data, CHUNK);
    if (count > 0) {
        *got = souk_slice_make(chunk->data, (size_t)count);
        return true;
    }
    return count < 0 && (errno == EAGAIN || errno == EINTR);
}

static void on_output(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_child *child = owner;
    souk_engine *engine = child->engine;
    souk_slice got;
    if (!read_chunk(engine, fd, &got)) {
        close_pipe(child, &child->process.out);
        souk_child_advance(child);
        return;
    }
    if (souk_buf_add(&child->output, got) != SOUK_OK) {
        souk_child_lose(child);
        return;
    }
    if (got.len > 0) {
        souk_engine_offer(engine, &child->source);
    }
    if (child->output.len >= engine->options.max_queued) {
        souk_loop_rest(engine->loop, fd);
        child->output_paused = true;
    }
}

void souk_pipes_resume(souk_child *child)
{
    if (child->output_paused && child->process.out >= 0) {
        child->output_paused = false;
        (void)watch_output(child, NULL); /* it was watched before: nothing new is needed */
    }
}

/* Keeps the last `max` bytes; moves them only now and then. */
static void add_to_tail(souk_buf *tail, souk_slice bytes, size_t max)
{
    if (bytes.len > max) {
        bytes = souk_slice_from(bytes, bytes.len - max);
    }
    if (tail->len > max) {
        souk_buf_consume(tail, tail->len + bytes.len - max);
    }
    (void)souk_buf_add(tail, bytes);
    tail->failed = SOUK_OK; /* without memory, a hole in what is only for people to read */
}

void souk_pipes_trim_tail(souk_child *child)
{
    if (child->tail.len > child->tail_max) {
        souk_buf_consume(&child->tail, child->tail.len - child->tail_max);
    }
}

/* stderr is drained always: a child must never wait because nobody reads its complaints. */
static void on_errors(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_child *child = owner;
    souk_slice got;
    if (!read_chunk(child->engine, fd, &got)) {
        close_pipe(child, &child->process.errors);
        souk_child_advance(child);
        return;
    }
    add_to_tail(&child->tail, got, child->tail_max);
    add_to_tail(&child->errors, got, child->engine->options.max_queued);
    if (child->errors.len > 0) {
        souk_engine_offer(child->engine, &child->source);
    }
}

static int watch_output(souk_child *child, souk_err *err)
{
    return souk_loop_watch(child->engine->loop, child->process.out, SOUK_LOOP_READ, on_output,
                           child, err);
}

int souk_pipes_open(souk_child *child, souk_err *err)
{
    souk_loop *loop = child->engine->loop;
    if (souk_buf_reserve(&child->engine->chunk, CHUNK) != SOUK_OK) {
        souk_buf_clear(&child->engine->chunk);
        return souk_fail_memory(err);
    }
    int rc = souk_loop_adopt(loop, child->process.in, err);
    if (rc == SOUK_OK) {
        rc = souk_loop_adopt(loop, child->process.out, err);
    }
    if (rc == SOUK_OK) {
        rc = souk_loop_adopt(loop, child->process.errors, err);
    }
    if (rc == SOUK_OK) {
        rc = watch_output(child, err);
    }
    if (rc == SOUK_OK) {
        rc = souk_loop_watch(loop, child->process.errors, SOUK_LOOP_READ, on_errors, child, err);
    }
    return rc;
}
