/*
 * A fast HTTP/1.1 server for benchmarks: one thread, epoll, keep-alive, replies of a fixed shape.
 * It speaks just enough of MCP (revision 2025-11-25 over Streamable HTTP) that a client can open a
 * session and call the tool "echo". The tools "big_text" and "big_rows" answer with 10 MB: one
 * text, and a list of small objects. The method "bench/drop" makes it forget all sessions.
 *
 *     bench_server [port]
 *
 * Listens on 127.0.0.1 (port 0, the default: one that is free), prints "port N" and serves until it
 * is killed or its stdin is closed. It trusts its peers: this is no server to learn from.
 */
#define _GNU_SOURCE 1 /* memmem */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, REPLY_ROOM = 2048, BATCH = 256, BIG = 10 * 1000 * 1000 };

typedef struct connection {
    int fd;
    size_t len;
    char bytes[ROOM]; /* what was received and not yet answered */
} connection;

typedef struct request {
    const char *method;
    const char *body;
    size_t body_len;
    size_t size; /* of the whole request */
} request;

/* --- reading a request --- */

static size_t content_length(const char *head, size_t head_len)
{
    static const char name[] = "\ncontent-length:";
    for (size_t i = 0; i + sizeof name < head_len; i++) {
        if (head[i] == '\n' && strncasecmp(head + i, name, sizeof name - 1) == 0) {
            return strtoul(head + i + sizeof name - 1, NULL, 10);
        }
    }
    return 0;
}

/* True when a whole request is there. */
static bool read_request(const char *bytes, size_t len, request *out)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    size_t head_len = (size_t)(end - bytes) + 4;
    out->method = bytes;
    out->body = bytes + head_len;
    out->body_len = content_length(bytes, head_len);
    out->size = head_len + out->body_len;
    return out->size <= len;
}

/*
 * The raw text behind the first `"key":` of the body, up to the comma or brace; false when there is
 * none.
 */
static bool find_member(const request *in, const char *key, const char **text, size_t *text_len)
{
    char *at = memmem(in->body, in->body_len, key, strlen(key));
    if (at == NULL) {
        return false;
    }
    const char *end = in->body + in->body_len;
    *text = at + strlen(key);
    size_t len = 0;
    while (*text + len < end && (*text)[len] != ',' && (*text)[len] != '}') {
        len++;
    }
    *text_len = len;
    return true;
}

/* --- big results --- */

typedef struct big_result {
    char *bytes; /* NULL until it was asked for the first time; the brace that ends the message is
                    in it */
    size_t len;
} big_result;

static big_result big_text;
static big_result big_rows;

static void add_text(big_result *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to->bytes + to->len, text, len);
    to->len += len;
}

static const big_result *make_big(big_result *big, const char *begin, const char *format,
                                  const char *end)
{
    char part[256];
    if (big->bytes != NULL) {
        return big;
    }
    big->bytes = malloc(BIG + 2 * REPLY_ROOM);
    if (big->bytes == NULL) {
        perror("bench_server");
        exit(1);
    }
    add_text(big, begin);
    for (unsigned number = 1; big->len < BIG; number++) {
        snprintf(part, sizeof part, format, number);
        add_text(big, part);
    }
    add_text(big, end);
    return big;
}

static const big_result *find_big(const char *name, size_t len)
{
    if (len == 10 && memcmp(name, "\"big_text\"", len) == 0) {
        return make_big(&big_text, "{\"content\":[{\"type\":\"text\",\"text\":\"",
                        "%u: the quick brown fox jumps over the lazy dog, again and again.\\n",
                        "\"}],\"isError\":false}}");
    }
    if (len == 10 && memcmp(name, "\"big_rows\"", len) == 0) {
        return make_big(
            &big_rows, "{\"content\":[],\"isError\":false,\"structuredContent\":{\"rows\":[0",
            ",{\"id\":%u,\"name\":\"the quick brown fox\",\"is_lazy\":false,\"legs\":[1,2,3,4]}",
            "]}}}");
    }
    return NULL;
}

/* --- answering --- */

static int answer_plain(char *out, const char *status, const char *text)
{
    return snprintf(out, REPLY_ROOM,
                    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                    status, strlen(text), text);
}

static int answer_json(char *out, const char *more_headers, const char *id, size_t id_len,
                       const char *result)
{
    size_t len = strlen("{'jsonrpc':'2.0','id':,'result':}") + id_len + strlen(result);
    return snprintf(
        out, REPLY_ROOM,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n"
        "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s}",
        more_headers, len, (int)id_len, id, result);
}

/* Everything before the result, which is sent from where it is. */
static int answer_big(char *out, const char *id, size_t id_len, const big_result *big)
{
    size_t len = strlen("{'jsonrpc':'2.0','id':,'result':") + id_len + big->len;
    return snprintf(
        out, REPLY_ROOM,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
        "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":",
        len, (int)id_len, id);
}

/*
 * Sessions are not kept: an id tells how often all sessions had been forgotten when it was given.
 * Nothing is looked at before the first time.
 */
static const char SESSION[] = "5f0c1e2a-bench-";
static unsigned drops;

static bool has_lost_session(const request *in)
{
    size_t head_len = (size_t)(in->body - in->method);
    const char *id = drops == 0 ? NULL : memmem(in->method, head_len, SESSION, sizeof SESSION - 1);
    return id != NULL && strtoul(id + sizeof SESSION - 1, NULL, 10) != drops;
}

static int answer_initialize(char *out, const char *id, size_t id_len)
{
    char header[64];
    snprintf(header, sizeof header, "Mcp-Session-Id: %s%u\r\n", SESSION, drops);
    return answer_json(out, header, id, id_len,
                       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
                       "\"serverInfo\":{\"name\":\"bench\",\"version\":\"1.0.0\"}}");
}

/* lua-cjson writes a slash as "\\/". */
static bool is_method(const char *text, size_t len, const char *name)
{
    size_t i = 1;
    while (i + 1 < len && *name != '\0') {
        i += text[i] == '\\';
        if (text[i++] != *name++) {
            return false;
        }
    }
    return i + 1 == len && *name == '\0';
}

static int answer_call(char *out, const request *in, const char *id, size_t id_len,
                       const big_result **big)
{
    const char *name;
    size_t name_len;
    if (find_member(in, "\"name\":", &name, &name_len)) {
        *big = find_big(name, name_len);
    }
    if (*big != NULL) {
        return answer_big(out, id, id_len, *big);
    }
    return answer_json(
        out, "", id, id_len,
        "{\"content\":[{\"type\":\"text\",\"text\":\"The quick brown fox jumps over the "
        "lazy dog, again and again, until the benchmark ends.\"}],\"isError\":false}");
}

/* `big`: what is to be sent behind the answer, if anything. */
static int answer_rpc(char *out, const request *in, const big_result **big)
{
    const char *method;
    const char *id;
    size_t method_len;
    size_t id_len;
    if (!find_member(in, "\"method\":", &method, &method_len)) {
        return answer_plain(out, "400 Bad Request", "no method\n");
    }
    if (is_method(method, method_len, "server/discover")) {
        return answer_plain(out, "400 Bad Request", "not here\n"); /* so that clients fall back */
    }
    if (!find_member(in, "\"id\":", &id, &id_len)) {
        return answer_plain(out, "202 Accepted", "");
    }
    if (id_len > 256) {
        return answer_plain(out, "400 Bad Request", "such an id\n");
    }
    if (has_lost_session(in)) {
        return answer_plain(out, "404 Not Found", "no such session\n");
    }
    if (is_method(method, method_len, "bench/drop")) {
        drops++;
        return answer_json(out, "", id, id_len, "{}");
    }
    if (is_method(method, method_len, "tools/call")) {
        return answer_call(out, in, id, id_len, big);
    }
    if (is_method(method, method_len, "initialize")) {
        return answer_initialize(out, id, id_len);
    }
    if (is_method(method, method_len, "tools/list")) {
        return answer_json(
            out, "", id, id_len,
            "{\"tools\":[{\"name\":\"echo\",\"description\":\"Answers the same always\","
            "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":"
            "\"string\"}}}},{\"name\":\"big_text\",\"inputSchema\":{\"type\":\"object\"}},"
            "{\"name\":\"big_rows\",\"inputSchema\":{\"type\":\"object\"}}]}");
    }
    if (is_method(method, method_len, "ping")) {
        return answer_json(out, "", id, id_len, "{}");
    }
    return answer_plain(out, "404 Not Found", "no such method\n");
}

static int answer(char *out, const request *in, const big_result **big)
{
    if (strncmp(in->method, "POST ", 5) == 0) {
        return answer_rpc(out, in, big);
    }
    if (strncmp(in->method, "DELETE ", 7) == 0) {
        return answer_plain(out, "200 OK", "");
    }
    return answer_plain(out, "405 Method Not Allowed", "");
}

/* --- serving --- */

/* Sockets block: a big reply holds up everybody else until its reader has it. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool serve(connection *c)
{
    ssize_t got = recv(c->fd, c->bytes + c->len, ROOM - c->len, 0);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    c->len += (size_t)got;
    size_t done = 0;
    request in;
    while (read_request(c->bytes + done, c->len - done, &in)) {
        char reply[REPLY_ROOM];
        const big_result *big = NULL;
        int size = answer(reply, &in, &big);
        if (size < 0 || size >= REPLY_ROOM || !send_all(c->fd, reply, (size_t)size) ||
            (big != NULL && !send_all(c->fd, big->bytes, big->len))) {
            return false;
        }
        done += in.size;
    }
    memmove(c->bytes, c->bytes + done, c->len - done);
    c->len -= done;
    return c->len < ROOM;
}

static void accept_all(int epoll, int listener)
{
    int fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = calloc(1, sizeof *c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (c == NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            free(c);
            close(fd);
            continue;
        }
        c->fd = fd;
    }
}

static int listen_on(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror("bench_server");
        exit(1);
    }
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void add(int epoll, int fd, void *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = mark};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                    &event); /* a stdin that is a file cannot be watched */
}

int main(int argc, char **argv)
{
    int listener = listen_on(argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0);
    int parent = STDIN_FILENO;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    add(epoll, listener, &listener);
    add(epoll, parent, &parent);
    for (;;) {
        struct epoll_event events[BATCH];
        int count = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            void *mark = events[i].data.ptr;
            if (mark == &listener) {
                accept_all(epoll, listener);
            } else if (mark == &parent) {
                char byte;
                if (read(parent, &byte, 1) <= 0) {
                    return 0;
                }
            } else if (!serve(mark)) {
                close(((connection *)mark)->fd);
                free(mark);
            }
        }
    }
}
