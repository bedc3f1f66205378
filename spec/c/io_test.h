/*
 * For the tests of the engine: a scripted server on raw sockets, and a way to run exchanges to
 * their end.
 *
 * A server calls its script for each connection, in a thread of its own; the script reads and
 * writes as it likes, with blocking calls, and the connection is closed when it returns.
 */
#ifndef SOUK_IO_TEST_H
#define SOUK_IO_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/engine.h"
#include "tap.h"

enum { SERVER_CONNECTIONS = 1000, REQUEST_ROOM = 1 << 20, LONGEST_TEST_MS = 20000 };

typedef struct test_server test_server;

/* One connection, as its script sees it. */
typedef struct test_peer {
    test_server *server;
    int fd;
    int number;    /* of the connection, from 1 */
    char *request; /* the last one that was read, with a NUL behind it */
    size_t have;   /* bytes in `request` that were received so far */
    pthread_t thread;
} test_peer;

struct test_server {
    int listener;
    unsigned port;
    void (*script)(test_peer *peer);
    pthread_t thread;
    test_peer peers[SERVER_CONNECTIONS];
    atomic_int connections;
    atomic_int requests; /* heads that were read */
    atomic_int gate;     /* for scripts that have to wait for the test */
    char url[64];
};

/* --- the server's side --- */

static inline void peer_send(test_peer *peer, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(peer->fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        len -= (size_t)sent;
    }
}

/*
 * Reads one request with a body of Content-Length bytes into peer->request; false at the end of the
 * connection.
 */
static inline bool peer_read(test_peer *peer)
{
    peer->have = 0;
    for (;;) {
        peer->request[peer->have] = '\0';
        char *end = strstr(peer->request, "\r\n\r\n");
        if (end != NULL) {
            char *length = strstr(peer->request, "Content-Length: ");
            size_t body = length == NULL || length > end ? 0 : strtoul(length + 16, NULL, 10);
            if (peer->have >= (size_t)(end + 4 - peer->request) + body) {
                atomic_fetch_add(&peer->server->requests, 1);
                return true;
            }
        }
        ssize_t got = recv(peer->fd, peer->request + peer->have, REQUEST_ROOM - 1 - peer->have, 0);
        if (got <= 0) {
            return false;
        }
        peer->have += (size_t)got;
    }
}

/* Waits until the test has opened the gate to `level`. */
static inline void peer_wait(test_peer *peer, int level)
{
    for (int i = 0; i < LONGEST_TEST_MS && atomic_load(&peer->server->gate) < level; i++) {
        usleep(1000);
    }
}

static inline void peer_answer(test_peer *peer, const char *status, const char *body)
{
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
             strlen(body));
    peer_send(peer, head);
    peer_send(peer, body);
}

static inline void *serve_peer(void *user)
{
    test_peer *peer = user;
    peer->server->script(peer);
    shutdown(peer->fd, SHUT_RDWR);
    return NULL;
}

static inline void *serve_all(void *user)
{
    test_server *server = user;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        int number = atomic_load(&server->connections);
        if (fd < 0 || number == SERVER_CONNECTIONS) {
            return NULL;
        }
        test_peer *peer = &server->peers[number];
        peer->server = server;
        peer->fd = fd;
        peer->number = number + 1;
        peer->request = malloc(REQUEST_ROOM);
        atomic_fetch_add(&server->connections, 1);
        pthread_create(&peer->thread, NULL, serve_peer, peer);
    }
}

static inline unsigned listen_loopback(int *fd, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(*fd, (struct sockaddr *)&address, size) != 0 || listen(*fd, backlog) != 0) {
        perror("listen");
        exit(1);
    }
    getsockname(*fd, (struct sockaddr *)&address, &size);
    return ntohs(address.sin_port);
}

static inline test_server *server_start(void (*script)(test_peer *peer))
{
    test_server *server = calloc(1, sizeof *server);
    server->script = script;
    server->port = listen_loopback(&server->listener, 512);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u/mcp", server->port);
    pthread_create(&server->thread, NULL, serve_all, server);
    return server;
}

static inline void server_stop(test_server *server)
{
    atomic_store(&server->gate, 1000000);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    for (int i = 0; i < atomic_load(&server->connections); i++) {
        test_peer *peer = &server->peers[i];
        shutdown(peer->fd, SHUT_RDWR);
        pthread_join(peer->thread, NULL);
        close(peer->fd);
        free(peer->request);
    }
    free(server);
}

/* Answers every request with {"ok":true}, as long as the client keeps the connection. */
static inline void script_ok(test_peer *peer)
{
    while (peer_read(peer)) {
        peer_answer(peer, "200 OK", "{\"ok\":true}");
    }
}

/* --- the client's side --- */

/* What became of one exchange or child. */
typedef struct outcome {
    souk_id id;
    int heads;
    int status;
    char headers[2048]; /* "name: value\n" lines */
    souk_buf body;      /* BYTES or STDOUT */
    souk_buf errors;    /* STDERR */
    souk_buf tail;
    int pieces; /* BYTES and STDOUT events */
    int finals; /* END, FAILED, EXIT, UNSTARTED: must become 1 */
    int unwritten;
    bool failed;
    bool out_of_order;
    souk_err err;
    int exit_code;
    int exit_signal;
} outcome;

static inline void outcome_init(outcome *o, souk_id id)
{
    memset(o, 0, sizeof *o);
    o->id = id;
    souk_buf_init(&o->body, souk_alloc_libc(), SIZE_MAX);
    souk_buf_init(&o->errors, souk_alloc_libc(), SIZE_MAX);
    souk_buf_init(&o->tail, souk_alloc_libc(), SIZE_MAX);
}

static inline void outcome_free(outcome *o)
{
    souk_buf_free(&o->body);
    souk_buf_free(&o->errors);
    souk_buf_free(&o->tail);
}

static inline void note_head(outcome *o, const souk_io_event *event)
{
    size_t len = 0;
    o->heads++;
    o->status = event->status;
    for (size_t i = 0; i < event->header_count && len < sizeof o->headers; i++) {
        len +=
            (size_t)snprintf(o->headers + len, sizeof o->headers - len, "%.*s: %.*s\n",
                             SOUK_ARG(event->headers[i].name), SOUK_ARG(event->headers[i].value));
    }
}

static inline void outcome_note(outcome *o, const souk_io_event *event)
{
    o->out_of_order = o->out_of_order || o->finals > 0;
    switch (event->kind) {
    case SOUK_IO_HEAD:
        o->out_of_order = o->out_of_order || o->pieces > 0;
        note_head(o, event);
        break;
    case SOUK_IO_BYTES:
    case SOUK_IO_STDOUT:
        o->out_of_order = o->out_of_order || (event->kind == SOUK_IO_BYTES && o->heads != 1);
        o->pieces++;
        souk_buf_add(&o->body, event->bytes);
        break;
    case SOUK_IO_STDERR:
        souk_buf_add(&o->errors, event->bytes);
        break;
    case SOUK_IO_EXIT:
        o->exit_code = event->exit_code;
        o->exit_signal = event->exit_signal;
        souk_buf_add(&o->tail, event->bytes);
        o->err = event->err;
        o->finals++;
        break;
    case SOUK_IO_UNWRITTEN:
        o->unwritten++;
        o->err = event->err;
        break;
    case SOUK_IO_FAILED:
    case SOUK_IO_UNSTARTED:
        o->failed = true;
        o->err = event->err;
        o->finals++;
        break;
    case SOUK_IO_END:
        o->finals++;
        break;
    }
}

/* Notes the event in the outcome it belongs to. */
static inline void note_in(outcome *all, size_t count, const souk_io_event *event)
{
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        if (all[i].id == event->id) {
            outcome_note(&all[i], event);
            known = true;
        }
    }
    CHECK(known);
}

/* Fetches what is there and notes it. */
static inline void fetch(souk_engine *engine, outcome *all, size_t count)
{
    souk_io_event event;
    while (souk_engine_next(engine, &event)) {
        note_in(all, count, &event);
    }
}

/* Drives the engine until all outcomes are final, or the time is over. */
static inline void finish_all(souk_engine *engine, outcome *all, size_t count)
{
    souk_ms until = souk_clock_now() + LONGEST_TEST_MS;
    size_t left = count;
    while (left > 0 && souk_clock_now() < until) {
        souk_err err;
        CHECK_INT(souk_engine_wait(engine, until - souk_clock_now(), &err), SOUK_OK);
        fetch(engine, all, count);
        left = 0;
        for (size_t i = 0; i < count; i++) {
            left += all[i].finals == 0;
        }
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(all[i].finals, 1);
        CHECK(!all[i].out_of_order);
    }
}

/* Drives the engine for so many ms, fetching what comes. */
static inline void drive_for(souk_engine *engine, souk_ms span, outcome *all, size_t count)
{
    souk_ms until = souk_clock_now() + span;
    while (souk_clock_now() < until) {
        CHECK_INT(souk_engine_wait(engine, until - souk_clock_now(), NULL), SOUK_OK);
        fetch(engine, all, count);
    }
}

static inline souk_engine *engine_start(const souk_engine_options *options)
{
    souk_engine *engine = NULL;
    souk_err err;
    if (souk_engine_new(souk_alloc_libc(), options, &engine, &err) != SOUK_OK) {
        printf("Bail out! %s\n", err.message);
        exit(1);
    }
    return engine;
}

/* A POST with sensible limits; the test changes what it is about. */
static inline souk_exchange post_to(const char *url, souk_id id)
{
    return (souk_exchange){
        .id = id,
        .method = "POST",
        .url = url,
        .timeout_ms = 10000,
        .connect_timeout_ms = 5000,
        .group = SOUK_LIT("test"),
    };
}

/* Starts the exchange with `body` (NULL: none); the result is that of the port. */
static inline int start(souk_engine *engine, souk_exchange exchange, const char *body,
                        souk_err *err)
{
    souk_buf bytes;
    souk_buf_init(&bytes, souk_alloc_libc(), SIZE_MAX);
    if (body != NULL) {
        souk_buf_add_text(&bytes, body);
        exchange.body = &bytes;
    }
    souk_port port = souk_engine_port(engine);
    int rc = port.exchange(port.user, &exchange, err);
    CHECK(rc != SOUK_OK || bytes.data == NULL); /* moved */
    souk_buf_free(&bytes);
    return rc;
}

/* The whole way. */
static inline void run(souk_engine *engine, souk_exchange exchange, const char *body, outcome *o)
{
    souk_err err;
    outcome_init(o, exchange.id);
    if (start(engine, exchange, body, &err) != SOUK_OK) {
        tap_fail(__FILE__, __LINE__, err.message);
        return;
    }
    finish_all(engine, o, 1);
}

static inline bool contains(const char *text, const char *piece)
{
    return strstr(text, piece) != NULL;
}

#define CHECK_HAS(text, piece)                                                                     \
    do {                                                                                           \
        if (!contains((text), (piece))) {                                                          \
            tap_fail(__FILE__, __LINE__, "not in the text: " piece);                               \
            printf("#   text: %s\n", (text));                                                      \
        }                                                                                          \
    } while (0)

#endif
