/*
 * The world around the protocol side, for tests: a port that only writes down what it is asked, an
 * environment, and a clock that is a plain variable. What the world answers is in fake_events.h.
 *
 * Its memory is the C library's, so that a failing allocator hits only what is tested. It watches
 * the rules of base/wire.h, and aborts when the asking side breaks one.
 */
#ifndef SOUK_FAKE_PORT_H
#define SOUK_FAKE_PORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/wire.h"

enum { FAKE_VARIABLES = 16 };

typedef struct fake_exchange {
    souk_id id;
    char *method;
    char *url;
    char *headers; /* "Name: value" lines */
    char *body;
    char *group;
    char *ca_file;
    souk_ms timeout;
    size_t open_headers;
    unsigned max_redirects;
    bool repeatable;
    bool has_head;
    bool ended; /* END or FAILED was given */
    bool cancelled;
} fake_exchange;

typedef struct fake_child {
    souk_id id;
    char *command; /* argv, joined by spaces */
    char *env;     /* "NAME=value" lines */
    char *cwd;
    char *input; /* all that was written to it */
    size_t input_len;
    bool deaf;      /* writing to it fails */
    bool half_deaf; /* if so, after a part was written */
    bool closed;
    souk_ms grace; /* of the last close */
    bool exited;
} fake_child;

typedef struct fake_port {
    souk_port port;
    souk_env env;
    souk_ms now;
    void (*sink)(void *user, const souk_io_event *event); /* takes the events */
    void *sink_user;

    fake_exchange **exchanges; /* in the order of starting */
    size_t exchange_count;
    fake_child **children;
    size_t child_count;

    int refuse_exchange; /* not SOUK_OK: what `exchange` fails with */
    int refuse_spawn;
    int refuse_write;
    const char *names[FAKE_VARIABLES];
    const char *values[FAKE_VARIABLES];
    size_t variable_count;
} fake_port;

static inline void *fake_alloc(size_t size)
{
    void *ptr = calloc(1, size);
    if (ptr == NULL) {
        abort();
    }
    return ptr;
}

static inline char *fake_dup(const char *bytes, size_t len)
{
    char *copy = fake_alloc(len + 1);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* `text` and a line (both may be NULL or empty) in new memory; text is freed. */
static inline char *fake_join(char *text, const char *line, size_t len, const char *end)
{
    size_t old = text == NULL ? 0 : strlen(text);
    char *joined = fake_alloc(old + len + strlen(end) + 1);
    if (old > 0) {
        memcpy(joined, text, old);
    }
    if (len > 0) {
        memcpy(joined + old, line, len);
    }
    memcpy(joined + old + len, end, strlen(end));
    free(text);
    return joined;
}

static inline void fake_require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fake_port: a rule of base/wire.h was broken: %s\n", what);
        abort();
    }
}

static inline fake_exchange *fake_exchange_of(const fake_port *fake, souk_id id)
{
    for (size_t i = fake->exchange_count; i > 0; i--) {
        if (fake->exchanges[i - 1]->id == id) {
            return fake->exchanges[i - 1];
        }
    }
    return NULL;
}

static inline fake_child *fake_child_of(const fake_port *fake, souk_id id)
{
    for (size_t i = fake->child_count; i > 0; i--) {
        if (fake->children[i - 1]->id == id) {
            return fake->children[i - 1];
        }
    }
    return NULL;
}

static inline void fake_check_id(const fake_port *fake, souk_id id)
{
    fake_require(id != 0, "an id is 0");
    fake_require(fake_exchange_of(fake, id) == NULL && fake_child_of(fake, id) == NULL,
                 "an id is used twice");
}

static inline void fake_check_header(const souk_header *header)
{
    for (size_t i = 0; i < header->name.len; i++) {
        char c = header->name.ptr[i];
        fake_require(c > ' ' && c < 0x7F && c != ':', "a header's name is no token");
    }
    for (size_t i = 0; i < header->value.len; i++) {
        char c = header->value.ptr[i];
        fake_require(c != '\r' && c != '\n' && c != '\0', "a header's value has a line end or NUL");
    }
    fake_require(header->name.len > 0, "a header has no name");
}

static inline int fake_start(void *user, const souk_exchange *ask, souk_err *err)
{
    fake_port *fake = user;
    fake_check_id(fake, ask->id);
    fake_require(ask->timeout_ms > 0, "an exchange has no time at all");
    fake_require(ask->url != NULL && ask->method != NULL, "an exchange has no URL or method");
    if (fake->refuse_exchange != SOUK_OK) {
        return souk_fail(err, fake->refuse_exchange, "the port refuses exchanges");
    }
    fake_exchange *x = fake_alloc(sizeof *x);
    x->id = ask->id;
    x->method = fake_dup(ask->method, strlen(ask->method));
    x->url = fake_dup(ask->url, strlen(ask->url));
    x->headers = fake_dup("", 0);
    for (size_t i = 0; i < ask->header_count; i++) {
        fake_check_header(&ask->headers[i]);
        x->headers =
            fake_join(x->headers, ask->headers[i].name.ptr, ask->headers[i].name.len, ": ");
        x->headers =
            fake_join(x->headers, ask->headers[i].value.ptr, ask->headers[i].value.len, "\n");
    }
    x->body = ask->body == NULL ? fake_dup("", 0) : fake_dup(ask->body->data, ask->body->len);
    if (ask->body != NULL) {
        souk_buf_free(ask->body);
    }
    x->group = fake_dup(ask->group.ptr, ask->group.len);
    x->ca_file = ask->ca_file == NULL ? NULL : fake_dup(ask->ca_file, strlen(ask->ca_file));
    x->timeout = ask->timeout_ms;
    x->open_headers = ask->open_headers;
    x->max_redirects = ask->max_redirects;
    x->repeatable = ask->repeatable;
    fake->exchanges =
        realloc(fake->exchanges, (fake->exchange_count + 1) * sizeof(fake_exchange *));
    fake_require(fake->exchanges != NULL, "memory");
    fake->exchanges[fake->exchange_count++] = x;
    return SOUK_OK;
}

static inline void fake_cancel(void *user, souk_id id)
{
    fake_exchange *x = fake_exchange_of(user, id);
    if (x != NULL) {
        x->cancelled = true;
    }
}

static inline int fake_spawn(void *user, const souk_spawn *ask, souk_err *err)
{
    fake_port *fake = user;
    fake_check_id(fake, ask->id);
    if (fake->refuse_spawn != SOUK_OK) {
        return souk_fail(err, fake->refuse_spawn, "the port refuses children");
    }
    fake_child *child = fake_alloc(sizeof *child);
    child->id = ask->id;
    for (size_t i = 0; ask->argv[i] != NULL; i++) {
        child->command = fake_join(child->command, ask->argv[i], strlen(ask->argv[i]),
                                   ask->argv[i + 1] == NULL ? "" : " ");
    }
    child->env = fake_dup("", 0);
    for (size_t i = 0; ask->env != NULL && ask->env[i] != NULL; i++) {
        child->env = fake_join(child->env, ask->env[i], strlen(ask->env[i]), "\n");
    }
    child->cwd = ask->cwd == NULL ? NULL : fake_dup(ask->cwd, strlen(ask->cwd));
    child->input = fake_dup("", 0);
    fake->children = realloc(fake->children, (fake->child_count + 1) * sizeof(fake_child *));
    fake_require(fake->children != NULL, "memory");
    fake->children[fake->child_count++] = child;
    return SOUK_OK;
}

static inline int fake_write(void *user, souk_id id, souk_slice bytes, souk_err *err)
{
    fake_port *fake = user;
    fake_child *child = fake_child_of(fake, id);
    fake_require(child != NULL, "writing to a child that was never started");
    if (child->closed) {
        return souk_fail(err, SOUK_E_CLOSED, "the child is being closed");
    }
    if (child->exited || child->deaf) {
        int failed = souk_fail(err, SOUK_E_TRANSPORT, "the child does not read");
        if (err != NULL && child->half_deaf) {
            err->delivery = SOUK_DELIVERY_AMBIGUOUS;
        }
        return failed;
    }
    if (fake->refuse_write != SOUK_OK) {
        return souk_fail(err, fake->refuse_write, "the port refuses to write");
    }
    fake_require(bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\n', "what is written is no line");
    fake_require(souk_slice_find(bytes, '\n') == bytes.len - 1,
                 "what is written is more than a line");
    char *grown = fake_alloc(child->input_len + bytes.len + 1);
    memcpy(grown, child->input, child->input_len);
    memcpy(grown + child->input_len, bytes.ptr, bytes.len);
    free(child->input);
    child->input = grown;
    child->input_len += bytes.len;
    return SOUK_OK;
}

static inline void fake_close_child(void *user, souk_id id, souk_ms grace)
{
    fake_child *child = fake_child_of(user, id);
    fake_require(child != NULL, "closing a child that was never started");
    child->closed = true;
    child->grace = grace;
}

static inline const char *fake_getenv(void *user, const char *name)
{
    fake_port *fake = user;
    for (size_t i = fake->variable_count; i > 0; i--) {
        if (strcmp(fake->names[i - 1], name) == 0) {
            return fake->values[i - 1];
        }
    }
    return NULL;
}

static inline void fake_init(fake_port *fake)
{
    memset(fake, 0, sizeof *fake);
    fake->port =
        (souk_port){fake, fake_start, fake_cancel, fake_spawn, fake_write, fake_close_child};
    fake->env = (souk_env){fake_getenv, fake};
    fake->now = 1000000;
}

static inline void fake_free(fake_port *fake)
{
    for (size_t i = 0; i < fake->exchange_count; i++) {
        fake_exchange *x = fake->exchanges[i];
        free(x->method);
        free(x->url);
        free(x->headers);
        free(x->body);
        free(x->group);
        free(x->ca_file);
        free(x);
    }
    for (size_t i = 0; i < fake->child_count; i++) {
        fake_child *child = fake->children[i];
        free(child->command);
        free(child->env);
        free(child->cwd);
        free(child->input);
        free(child);
    }
    free(fake->exchanges);
    free(fake->children);
    memset(fake, 0, sizeof *fake);
}

/* Sets a variable; value NULL unsets it. Both texts are borrowed. */
static inline void fake_setenv(fake_port *fake, const char *name, const char *value)
{
    fake_require(fake->variable_count < FAKE_VARIABLES, "too many variables");
    fake->names[fake->variable_count] = name;
    fake->values[fake->variable_count++] = value;
}

/* The exchange that was started last, or NULL. */
static inline fake_exchange *fake_last(const fake_port *fake)
{
    return fake->exchange_count == 0 ? NULL : fake->exchanges[fake->exchange_count - 1];
}

static inline fake_child *fake_last_child(const fake_port *fake)
{
    return fake->child_count == 0 ? NULL : fake->children[fake->child_count - 1];
}

/* Copies the string member `name` of a message that souk wrote into `out`; "" when it has none. */
static inline const char *fake_member(const char *text, const char *name, char *out, size_t size)
{
    char start[64];
    snprintf(start, sizeof start, "\"%s\":\"", name);
    const char *at = text == NULL ? NULL : strstr(text, start);
    size_t len = 0;
    if (at != NULL) {
        at += strlen(start);
        while (at[len] != '\0' && at[len] != '"' && len + 1 < size) {
            out[len] = at[len];
            len++;
        }
    }
    out[len] = '\0';
    return out;
}

/* Whether the message in `text` is of that JSON-RPC method. */
static inline bool fake_is(const char *text, const char *method)
{
    char found[64];
    return strcmp(fake_member(text, "method", found, sizeof found), method) == 0;
}

/* The JSON-RPC id of a message that souk wrote, 0 when it has none. */
static inline long long fake_rpc_id(const char *text)
{
    const char *at = text == NULL ? NULL : strstr(text, "\"id\":");
    return at == NULL ? 0 : atoll(at + strlen("\"id\":"));
}

/* The value of a header, copied into `out`; NULL when the exchange has none of that name. */
static inline const char *fake_header(const fake_exchange *x, const char *name, char *out,
                                      size_t size)
{
    for (const char *line = x->headers; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t len = strlen(name);
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            const char *value = line + len + 2;
            snprintf(out, size, "%.*s", (int)(strchr(value, '\n') - value), value);
            return out;
        }
    }
    return NULL;
}

static inline bool fake_has_header(const fake_exchange *x, const char *name, const char *value)
{
    char found[512];
    const char *got = fake_header(x, name, found, sizeof found);
    return value == NULL ? got == NULL : got != NULL && strcmp(got, value) == 0;
}

/* How many exchanges of that JSON-RPC method were started ("" for none, such as DELETE). */
static inline size_t fake_count(const fake_port *fake, const char *method)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->exchange_count; i++) {
        count += fake_is(fake->exchanges[i]->body, method);
    }
    return count;
}

static inline size_t fake_count_verb(const fake_port *fake, const char *verb)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->exchange_count; i++) {
        count += strcmp(fake->exchanges[i]->method, verb) == 0;
    }
    return count;
}

/* The last exchange of that JSON-RPC method that has neither ended nor was cancelled, or NULL. */
static inline fake_exchange *fake_open(const fake_port *fake, const char *method)
{
    for (size_t i = fake->exchange_count; i > 0; i--) {
        fake_exchange *x = fake->exchanges[i - 1];
        if (!x->ended && !x->cancelled && fake_is(x->body, method)) {
            return x;
        }
    }
    return NULL;
}

/* The last line that was written to the child, or "". It is a copy that the next call overwrites.
 */
static inline const char *fake_line(const fake_child *child, char *out, size_t size)
{
    size_t end = child->input_len == 0 ? 0 : child->input_len - 1;
    size_t start = end;
    while (start > 0 && child->input[start - 1] != '\n') {
        start--;
    }
    snprintf(out, size, "%.*s", (int)(end - start), child->input + start);
    return out;
}

static inline size_t fake_lines(const fake_child *child, const char *method)
{
    char start[64];
    size_t count = 0;
    snprintf(start, sizeof start, "\"method\":\"%s\"", method);
    for (const char *at = child->input; (at = strstr(at, start)) != NULL; at++) {
        count++;
    }
    return count;
}

#endif
