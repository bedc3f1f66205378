#include "io/mail.h"

#include <string.h>

enum { ALIGNMENT = 8 };

/* Stands for the length of a text that is NULL. */
#define NO_TEXT SIZE_MAX

static size_t padding(size_t size)
{
    return (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;
}

/* --- parts --- */

static void put_bytes(souk_buf *mail, const void *bytes, size_t size, size_t zeros)
{
    if (souk_buf_reserve(mail, size + zeros) != SOUK_OK) {
        return;
    }
    if (size > 0) {
        memcpy(mail->data + mail->len, bytes, size);
    }
    memset(mail->data + mail->len + size, 0, zeros);
    mail->len += size + zeros;
}

void souk_mail_put(souk_buf *mail, const void *part, size_t size)
{
    put_bytes(mail, part, size, padding(size));
}

void souk_mail_put_text(souk_buf *mail, souk_slice text)
{
    size_t len = text.ptr == NULL ? NO_TEXT : text.len;
    souk_mail_put(mail, &len, sizeof len);
    if (text.ptr != NULL) {
        put_bytes(mail, text.ptr, text.len, 1 + padding(text.len + 1));
    }
}

void souk_mail_get(souk_mail_cursor *cursor, void *part, size_t size)
{
    memcpy(part, cursor->bytes + cursor->at, size);
    cursor->at += size + padding(size);
}

souk_slice souk_mail_get_text(souk_mail_cursor *cursor)
{
    size_t len;
    souk_mail_get(cursor, &len, sizeof len);
    if (len == NO_TEXT) {
        return souk_slice_make(NULL, 0);
    }
    souk_slice text = souk_slice_make(cursor->bytes + cursor->at, len);
    cursor->at += len + 1 + padding(len + 1);
    return text;
}

static void put_c_text(souk_buf *mail, const char *text)
{
    souk_mail_put_text(mail, text == NULL ? souk_slice_make(NULL, 0) : souk_slice_of(text));
}

static const char *get_c_text(souk_mail_cursor *cursor)
{
    return souk_mail_get_text(cursor).ptr;
}

void souk_mail_arrays_free(souk_mail_arrays *arrays)
{
    souk_free(arrays->alloc, arrays->memory);
    arrays->memory = NULL;
    arrays->size = 0;
}

/* `count` x `size` bytes, valid until the next call. */
static void *array_of(souk_mail_arrays *arrays, size_t count, size_t size)
{
    size_t wanted = (count + 1) * size;
    if (wanted > arrays->size) {
        void *memory = souk_resize_array(arrays->alloc, arrays->memory, wanted, 1);
        if (memory == NULL) {
            return NULL;
        }
        arrays->memory = memory;
        arrays->size = wanted;
    }
    return arrays->memory;
}

/* --- beginning and end of a message --- */

static size_t begin(souk_buf *mail, souk_letter_kind kind)
{
    size_t start = mail->len;
    souk_mail_put(mail, &kind, sizeof kind);
    return start;
}

static bool end(souk_buf *mail, size_t start)
{
    if (mail->failed == SOUK_OK) {
        return true;
    }
    mail->failed = SOUK_OK;
    mail->len = start;
    return false;
}

souk_letter_kind souk_mail_kind(souk_mail_cursor *cursor)
{
    souk_letter_kind kind;
    souk_mail_get(cursor, &kind, sizeof kind);
    return kind;
}

/* --- headers --- */

static void put_headers(souk_buf *mail, const souk_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        souk_mail_put_text(mail, headers[i].name);
        souk_mail_put_text(mail, headers[i].value);
    }
}

/* The texts are passed even when there is no memory for the array. */
static bool get_headers(souk_mail_cursor *cursor, souk_mail_arrays *arrays, size_t count,
                        const souk_header **out)
{
    souk_header *headers = array_of(arrays, count, sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        souk_slice name = souk_mail_get_text(cursor);
        souk_slice value = souk_mail_get_text(cursor);
        if (headers != NULL) {
            headers[i] = (souk_header){name, value};
        }
    }
    *out = headers;
    return headers != NULL;
}

/* --- what is asked --- */

bool souk_mail_exchange(souk_buf *mail, const souk_exchange *exchange)
{
    size_t start = begin(mail, SOUK_LETTER_EXCHANGE);
    souk_mail_put(mail, exchange, sizeof *exchange);
    put_c_text(mail, exchange->method);
    put_c_text(mail, exchange->url);
    put_c_text(mail, exchange->ca_file);
    souk_mail_put_text(mail, exchange->group);
    souk_mail_put_text(mail, exchange->body == NULL ? souk_slice_make(NULL, 0)
                                                    : souk_buf_slice(exchange->body));
    put_headers(mail, exchange->headers, exchange->header_count);
    return end(mail, start);
}

bool souk_mail_read_exchange(souk_mail_cursor *cursor, souk_mail_arrays *arrays,
                             souk_exchange *exchange, souk_slice *body)
{
    souk_mail_get(cursor, exchange, sizeof *exchange);
    exchange->method = get_c_text(cursor);
    exchange->url = get_c_text(cursor);
    exchange->ca_file = get_c_text(cursor);
    exchange->group = souk_mail_get_text(cursor);
    *body = souk_mail_get_text(cursor);
    return get_headers(cursor, arrays, exchange->header_count, &exchange->headers);
}

bool souk_mail_cancel(souk_buf *mail, souk_id exchange)
{
    size_t start = begin(mail, SOUK_LETTER_CANCEL);
    souk_mail_put(mail, &exchange, sizeof exchange);
    return end(mail, start);
}

void souk_mail_read_cancel(souk_mail_cursor *cursor, souk_id *exchange)
{
    souk_mail_get(cursor, exchange, sizeof *exchange);
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    return count;
}

static void put_texts(souk_buf *mail, const char *const *texts, size_t count)
{
    souk_mail_put(mail, &count, sizeof count);
    for (size_t i = 0; i < count; i++) {
        put_c_text(mail, texts[i]);
    }
}

static void get_texts(souk_mail_cursor *cursor, const char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = get_c_text(cursor);
        if (texts != NULL) {
            texts[i] = text;
        }
    }
    if (texts != NULL) {
        texts[count] = NULL;
    }
}

bool souk_mail_spawn(souk_buf *mail, const souk_spawn *spawn)
{
    size_t start = begin(mail, SOUK_LETTER_SPAWN);
    souk_mail_put(mail, spawn, sizeof *spawn);
    put_c_text(mail, spawn->cwd);
    put_texts(mail, spawn->argv, count_texts(spawn->argv));
    put_texts(mail, spawn->env, count_texts(spawn->env));
    return end(mail, start);
}

bool souk_mail_read_spawn(souk_mail_cursor *cursor, souk_mail_arrays *arrays, souk_spawn *spawn)
{
    size_t arguments;
    size_t variables;
    souk_mail_get(cursor, spawn, sizeof *spawn);
    spawn->cwd = get_c_text(cursor);
    souk_mail_get(cursor, &arguments, sizeof arguments);
    souk_mail_cursor ahead = *cursor; /* both lists live in one array */
    get_texts(&ahead, NULL, arguments);
    souk_mail_get(&ahead, &variables, sizeof variables);
    const char **texts = array_of(arrays, arguments + variables + 1, sizeof *texts);
    get_texts(cursor, texts, arguments);
    souk_mail_get(cursor, &variables, sizeof variables);
    get_texts(cursor, texts == NULL ? NULL : texts + arguments + 1, variables);
    spawn->argv = texts;
    spawn->env = texts == NULL ? NULL : texts + arguments + 1;
    return texts != NULL;
}

bool souk_mail_write(souk_buf *mail, souk_id child, souk_slice bytes)
{
    size_t start = begin(mail, SOUK_LETTER_WRITE);
    souk_mail_put(mail, &child, sizeof child);
    souk_mail_put_text(mail, bytes);
    return end(mail, start);
}

void souk_mail_read_write(souk_mail_cursor *cursor, souk_id *child, souk_slice *bytes)
{
    souk_mail_get(cursor, child, sizeof *child);
    *bytes = souk_mail_get_text(cursor);
}

bool souk_mail_close_child(souk_buf *mail, souk_id child, souk_ms grace)
{
    size_t start = begin(mail, SOUK_LETTER_CLOSE_CHILD);
    souk_mail_put(mail, &child, sizeof child);
    souk_mail_put(mail, &grace, sizeof grace);
    return end(mail, start);
}

void souk_mail_read_close_child(souk_mail_cursor *cursor, souk_id *child, souk_ms *grace)
{
    souk_mail_get(cursor, child, sizeof *child);
    souk_mail_get(cursor, grace, sizeof *grace);
}

/* --- what has happened --- */

/* A souk_io_event without the error, which is large and mostly not there. */
typedef struct short_event {
    souk_io_kind kind;
    int status;
    souk_id id;
    size_t header_count;
    bool abroad;
    bool has_error;
    int exit_code;
    int exit_signal;
} short_event;

bool souk_mail_event(souk_buf *mail, const souk_io_event *event)
{
    bool has_error = event->kind == SOUK_IO_FAILED || event->kind == SOUK_IO_EXIT ||
                     event->kind == SOUK_IO_UNSTARTED || event->kind == SOUK_IO_UNWRITTEN;
    size_t start = begin(mail, SOUK_LETTER_EVENT);
    const short_event told = {.kind = event->kind,
                              .status = event->status,
                              .id = event->id,
                              .header_count = event->header_count,
                              .abroad = event->abroad,
                              .has_error = has_error,
                              .exit_code = event->exit_code,
                              .exit_signal = event->exit_signal};
    souk_mail_put(mail, &told, sizeof told);
    souk_mail_put_text(mail, event->bytes);
    souk_mail_put_text(mail, event->moved_to);
    if (has_error) {
        souk_mail_put(mail, &event->err, sizeof event->err);
    }
    put_headers(mail, event->headers, event->header_count);
    return end(mail, start);
}

bool souk_mail_read_event(souk_mail_cursor *cursor, souk_mail_arrays *arrays, souk_io_event *event)
{
    short_event told;
    souk_mail_get(cursor, &told, sizeof told);
    memset(event, 0, sizeof *event);
    event->kind = told.kind;
    event->status = told.status;
    event->id = told.id;
    event->header_count = told.header_count;
    event->abroad = told.abroad;
    event->exit_code = told.exit_code;
    event->exit_signal = told.exit_signal;
    event->bytes = souk_mail_get_text(cursor);
    event->moved_to = souk_mail_get_text(cursor);
    if (told.has_error) {
        souk_mail_get(cursor, &event->err, sizeof event->err);
    }
    return told.header_count == 0 ||
           get_headers(cursor, arrays, told.header_count, &event->headers);
}
