/*
 * What the world around the protocol side does when a test says so: responses, lines of children,
 * their ends. The events go to the sink of the fake port.
 */
#ifndef SOUK_FAKE_EVENTS_H
#define SOUK_FAKE_EVENTS_H

#include <stdarg.h>

#include "fake_port.h"

enum { FAKE_HEADERS = 64 };

static inline void fake_give(fake_port *fake, souk_io_event *event, const char *bytes, size_t len)
{
    /* A block of exactly this size, so that reading past it is seen. */
    char *exact = malloc(len == 0 ? 1 : len);
    fake_require(exact != NULL, "memory");
    if (len > 0) {
        memcpy(exact, bytes, len);
    }
    event->bytes = souk_slice_make(exact, len);
    fake->sink(fake->sink_user, event);
    free(exact);
}

/*
 * The response begins; headers: "Name: value" lines. moved_to: the URL that it comes from, after
 * redirects; "" for none.
 */
static inline void fake_head_from(fake_port *fake, fake_exchange *x, int status,
                                  const char *headers, const char *moved_to, bool abroad)
{
    souk_header list[FAKE_HEADERS];
    souk_io_event event;
    memset(&event, 0, sizeof event);
    for (const char *line = headers; *line != '\0' && event.header_count < FAKE_HEADERS;) {
        size_t len = strcspn(line, "\n");
        size_t colon = strcspn(line, ":");
        souk_header *header = &list[event.header_count++];
        header->name = souk_slice_make(line, colon < len ? colon : len);
        header->value = souk_slice_trim(souk_slice_from(souk_slice_make(line, len), colon + 1));
        line += len + (line[len] == '\n');
    }
    event.kind = SOUK_IO_HEAD;
    event.id = x->id;
    event.status = status;
    event.headers = list;
    event.moved_to = souk_slice_of(moved_to);
    event.abroad = abroad;
    x->has_head = true;
    fake->sink(fake->sink_user, &event);
}

static inline void fake_head(fake_port *fake, fake_exchange *x, int status, const char *headers)
{
    fake_head_from(fake, x, status, headers, "", false);
}

static inline void fake_bytes(fake_port *fake, const fake_exchange *x, const char *bytes,
                              size_t len)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_BYTES;
    event.id = x->id;
    fake_give(fake, &event, bytes, len);
}

static inline void fake_text(fake_port *fake, const fake_exchange *x, const char *text)
{
    fake_bytes(fake, x, text, strlen(text));
}

static inline void fake_end(fake_port *fake, fake_exchange *x)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_END;
    event.id = x->id;
    x->ended = true;
    fake->sink(fake->sink_user, &event);
}

static inline void fake_fail(fake_port *fake, fake_exchange *x, int kind, souk_delivery delivery,
                             const char *message)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_FAILED;
    event.id = x->id;
    souk_fail(&event.err, kind, "%s", message);
    event.err.delivery = delivery;
    x->ended = true;
    fake->sink(fake->sink_user, &event);
}

/* A whole response. */
static inline void fake_respond(fake_port *fake, fake_exchange *x, int status, const char *headers,
                                const char *body)
{
    fake_head(fake, x, status, headers);
    if (body[0] != '\0') {
        fake_text(fake, x, body);
    }
    fake_end(fake, x);
}

/* A whole JSON response whose body is made from `format`, with `'` for `"`. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline void
fake_json(fake_port *fake, fake_exchange *x, int status, const char *format, ...)
{
    char body[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(body, sizeof body, format, args);
    va_end(args);
    for (char *c = body; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    fake_respond(fake, x, status, "Content-Type: application/json", body);
}

/* The result of the exchange's request, JSON with `'` for `"`. */
static inline void fake_result(fake_port *fake, fake_exchange *x, const char *result)
{
    fake_json(fake, x, 200, "{'jsonrpc':'2.0','id':%lld,'result':%s}", fake_rpc_id(x->body),
              result);
}

static inline void fake_error(fake_port *fake, fake_exchange *x, int status, int code,
                              const char *message)
{
    fake_json(fake, x, status, "{'jsonrpc':'2.0','id':%lld,'error':{'code':%d,'message':'%s'}}",
              fake_rpc_id(x->body), code, message);
}

static inline void fake_stdout(fake_port *fake, const fake_child *child, const char *bytes,
                               size_t len)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_STDOUT;
    event.id = child->id;
    fake_give(fake, &event, bytes, len);
}

/* A line of the child, made from `format`, with `'` for `"`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline void
fake_say(fake_port *fake, const fake_child *child, const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    fake_require(len >= 0 && (size_t)len < sizeof line - 1, "a line is too long for fake_say");
    for (char *c = line; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    line[len] = '\n';
    fake_stdout(fake, child, line, (size_t)len + 1);
}

static inline void fake_exit(fake_port *fake, fake_child *child, int code, const char *last_words)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_EXIT;
    event.id = child->id;
    event.exit_code = code;
    souk_fail(&event.err, SOUK_E_TRANSPORT, "exit code %d", code);
    child->exited = true;
    fake_give(fake, &event, last_words, strlen(last_words));
}

#endif
