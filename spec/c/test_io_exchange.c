/* HTTP exchanges that go well: what is sent, what comes back, which connections are used. */
#include <poll.h>
#include <sys/wait.h>

#include "io_test.h"

/* Keeps the last request where the test can look at it. */
static char seen[4096];

static void script_note(test_peer *peer)
{
    while (peer_read(peer)) {
        snprintf(seen, sizeof seen, "%s", peer->request);
        peer_answer(peer, "200 OK", "{\"ok\":true}");
    }
}

static void a_post_is_sent_and_its_answer_comes_back(void)
{
    test_server *server = server_start(script_note);
    souk_engine *engine = engine_start(NULL);
    souk_header headers[] = {{SOUK_LIT("Content-Type"), SOUK_LIT("application/json")},
                             {SOUK_LIT("Authorization"), SOUK_LIT("Bearer s3cret")}};
    souk_exchange exchange = post_to(server->url, 1);
    exchange.headers = headers;
    exchange.header_count = 2;
    outcome o;
    run(engine, exchange, "{\"id\":1}", &o);
    CHECK(!o.failed);
    CHECK_INT(o.heads, 1);
    CHECK_INT(o.status, 200);
    CHECK_HAS(o.headers, "Content-Type: application/json\n");
    CHECK_SLICE(souk_buf_slice(&o.body), "{\"ok\":true}");
    CHECK(strncmp(seen, "POST /mcp HTTP/1.1\r\n", 20) == 0);
    CHECK_HAS(seen, "\r\nContent-Type: application/json\r\n");
    CHECK_HAS(seen, "\r\nAuthorization: Bearer s3cret\r\n");
    CHECK_HAS(seen, "\r\nContent-Length: 8\r\n");
    CHECK_HAS(seen, "\r\nUser-Agent: souk/");
    CHECK_HAS(seen, "\r\n\r\n{\"id\":1}");
    CHECK(!contains(seen, "Expect"));
    CHECK(!contains(seen, "Accept-Encoding"));
    CHECK(!contains(seen, "Transfer-Encoding"));
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void methods_are_sent_as_given(void)
{
    static const struct {
        const char *method;
        const char *body;
        const char *line;
    } cases[] = {
        {"GET", NULL, "GET /mcp HTTP/1.1\r\n"},
        {"DELETE", NULL, "DELETE /mcp HTTP/1.1\r\n"},
        {"PUT", "x", "PUT /mcp HTTP/1.1\r\n"},
        {"POST", NULL, "POST /mcp HTTP/1.1\r\n"},
        {"GET", NULL, "GET /mcp HTTP/1.1\r\n"},
        {"DELETE", "x", "DELETE /mcp HTTP/1.1\r\n"},
        {"PATCH", "x", "PATCH /mcp HTTP/1.1\r\n"},
        {"POST", "x", "POST /mcp HTTP/1.1\r\n"},
        {"OPTIONS", NULL, "OPTIONS /mcp HTTP/1.1\r\n"},
    };
    test_server *server = server_start(script_note);
    souk_engine *engine = engine_start(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_exchange exchange = post_to(server->url, i + 1);
        exchange.method = cases[i].method;
        outcome o;
        run(engine, exchange, cases[i].body, &o);
        CHECK(!o.failed);
        CHECK(strncmp(seen, cases[i].line, strlen(cases[i].line)) == 0);
        bool has_length = contains(seen, "\r\nContent-Length: ");
        CHECK(has_length == (cases[i].body != NULL || strcmp(cases[i].method, "POST") == 0));
        CHECK(!contains(seen, "Content-Type"));
        outcome_free(&o);
    }
    CHECK_INT(atomic_load(&server->connections), 1);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_head(test_peer *peer)
{
    while (peer_read(peer)) {
        peer_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    }
}

static void a_head_request_has_no_body_whatever_its_length_says(void)
{
    test_server *server = server_start(script_head);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.method = "HEAD";
    exchange.stream = true;
    outcome o;
    run(engine, exchange, NULL, &o);
    CHECK(!o.failed);
    CHECK_INT(o.status, 200);
    CHECK_INT(o.body.len, 0);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void headers_change_from_one_request_to_the_next(void)
{
    test_server *server = server_start(script_note);
    souk_engine *engine = engine_start(NULL);
    souk_header headers[] = {{SOUK_LIT("X-Empty"), SOUK_LIT("")}, {SOUK_LIT("X-A"), SOUK_LIT("1")}};
    souk_exchange exchange = post_to(server->url, 1);
    exchange.headers = headers;
    exchange.header_count = 2;
    outcome o;
    run(engine, exchange, "a", &o);
    CHECK_HAS(seen, "\r\nX-Empty:\r\n");
    CHECK_HAS(seen, "\r\nX-A: 1\r\n");
    outcome_free(&o);

    headers[1].value = SOUK_LIT("22");
    exchange.id = 2;
    run(engine, exchange, "b", &o);
    CHECK_HAS(seen, "\r\nX-A: 22\r\n");
    outcome_free(&o);

    headers[1].value = SOUK_LIT("2");
    exchange.id = 3;
    run(engine, exchange, "b", &o);
    CHECK_HAS(seen, "\r\nX-A: 2\r\n");
    outcome_free(&o);

    headers[1].value = SOUK_LIT("  \t ");
    exchange.id = 4;
    run(engine, exchange, "b", &o);
    CHECK_HAS(seen, "\r\nX-A:\r\n");
    outcome_free(&o);

    headers[0] = (souk_header){SOUK_LIT("user-agent"), SOUK_LIT("mine")};
    exchange.header_count = 1;
    exchange.id = 5;
    run(engine, exchange, "b", &o);
    CHECK_HAS(seen, "\r\nuser-agent: mine\r\n");
    CHECK(!contains(seen, "souk/"));
    CHECK(!contains(seen, "X-A"));
    outcome_free(&o);

    exchange.header_count = 0;
    exchange.id = 6;
    exchange.url = server->url;
    run(engine, exchange, NULL, &o);
    CHECK_HAS(seen, "\r\nUser-Agent: souk/");
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void the_url_changes_from_one_request_to_the_next(void)
{
    test_server *server = server_start(script_note);
    souk_engine *engine = engine_start(NULL);
    char url[128];
    for (int i = 0; i < 5; i++) {
        snprintf(url, sizeof url, "%s/part%d?q=%d#fragment", server->url, i % 3, i);
        outcome o;
        run(engine, post_to(url, (souk_id)i + 1), "x", &o);
        char line[64];
        snprintf(line, sizeof line, "POST /mcp/part%d?q=%d HTTP/1.1\r\n", i % 3, i);
        CHECK(strncmp(seen, line, strlen(line)) == 0);
        outcome_free(&o);
    }
    CHECK_INT(atomic_load(&server->connections), 1);
    souk_engine_free(engine);
    server_stop(server);
}

static void requests_of_a_group_share_a_connection_and_others_do_not(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    for (souk_id id = 1; id <= 20; id++) {
        souk_exchange exchange = post_to(server->url, id);
        exchange.group = id % 2 == 0 ? SOUK_LIT("ann") : SOUK_LIT("bob");
        outcome o;
        run(engine, exchange, "x", &o);
        CHECK(!o.failed);
        outcome_free(&o);
    }
    CHECK_INT(atomic_load(&server->connections), 2);
    CHECK_INT(atomic_load(&server->requests), 20);
    souk_engine_counts counts = souk_engine_stats(engine);
    CHECK_INT(counts.groups, 2);
    CHECK_INT(counts.connections, 2);
    CHECK_INT(counts.connections_opened, 2);
    CHECK_INT(counts.exchanges, 0);
    CHECK_INT(counts.exchanges_started, 20);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_redirect(test_peer *peer)
{
    while (peer_read(peer)) {
        peer_send(peer, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n"
                        "Content-Length: 5\r\n\r\nmoved");
    }
}

static void a_redirect_is_delivered_and_not_followed(void)
{
    test_server *server = server_start(script_redirect);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK(!o.failed);
    CHECK_INT(o.status, 307);
    CHECK_HAS(o.headers, "Location: http://127.0.0.1:1/\n");
    CHECK_SLICE(souk_buf_slice(&o.body), "moved");
    CHECK_INT(atomic_load(&server->requests), 1);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_shapes(test_peer *peer)
{
    static const char *const answers[] = {
        "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n"
        "X-Trailer: late\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Folded: one\r\n\t two\r\nX-Twice: a\r\nX-Twice: "
        "b\r\n"
        "Content-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0] && peer_read(peer); i++) {
        peer_send(peer, answers[i]);
    }
}

static void answers_come_in_many_shapes(void)
{
    test_server *server = server_start(script_shapes);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK(!o.failed);
    CHECK_INT(o.status, 200);
    CHECK_TEXT(o.headers, "Transfer-Encoding: chunked\n");
    CHECK_SLICE(souk_buf_slice(&o.body), "abcdefg");
    outcome_free(&o);

    run(engine, post_to(server->url, 2), "x", &o);
    CHECK_INT(o.status, 204);
    CHECK_INT(o.body.len, 0);
    outcome_free(&o);

    run(engine, post_to(server->url, 3), "x", &o);
    CHECK_TEXT(o.headers, "X-Folded: one two\nX-Twice: a\nX-Twice: b\nContent-Length: 2\n");
    CHECK_SLICE(souk_buf_slice(&o.body), "ok");
    outcome_free(&o);

    run(engine, post_to(server->url, 4), "x", &o);
    CHECK(!o.failed);
    CHECK_SLICE(souk_buf_slice(&o.body), "until the end");
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->connections), 1);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_trickle(test_peer *peer)
{
    if (!peer_read(peer)) {
        return;
    }
    peer_send(
        peer,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer_wait(peer, 1);
    peer_send(peer, "9\r\ndata: 1\n\n\r\n");
    peer_wait(peer, 2);
    peer_send(peer, "9\r\ndata: 2\n\n\r\n");
    peer_wait(peer, 3);
    peer_send(peer, "0\r\n\r\n");
}

/* Each step is only taken by the server when the one before it was seen by the client. */
static void a_stream_is_delivered_as_it_comes(void)
{
    test_server *server = server_start(script_trickle);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.stream = true;
    exchange.timeout_ms = SOUK_NEVER;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    souk_ms until = souk_clock_now() + LONGEST_TEST_MS;
    while (o.heads == 0 && souk_clock_now() < until) {
        souk_engine_wait(engine, 100, NULL);
        fetch(engine, &o, 1);
    }
    CHECK_INT(o.status, 200);
    CHECK_INT(o.pieces, 0);
    atomic_store(&server->gate, 1);
    while (o.pieces == 0 && souk_clock_now() < until) {
        souk_engine_wait(engine, 100, NULL);
        fetch(engine, &o, 1);
    }
    CHECK_SLICE(souk_buf_slice(&o.body), "data: 1\n\n");
    atomic_store(&server->gate, 2);
    while (o.pieces == 1 && souk_clock_now() < until) {
        souk_engine_wait(engine, 100, NULL);
        fetch(engine, &o, 1);
    }
    CHECK_SLICE(souk_buf_slice(&o.body), "data: 1\n\ndata: 2\n\n");
    CHECK_INT(o.finals, 0);
    atomic_store(&server->gate, 3);
    finish_all(engine, &o, 1);
    CHECK(!o.failed);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/* Nobody is answered before all have asked. */
static void script_all_together(test_peer *peer)
{
    if (peer_read(peer)) {
        for (int i = 0; i < LONGEST_TEST_MS && atomic_load(&peer->server->requests) < 64; i++) {
            usleep(1000);
        }
        peer_answer(peer, "200 OK", "{\"ok\":true}");
    }
}

static void sixty_four_requests_are_in_flight_at_once(void)
{
    enum { MANY = 64 };
    test_server *server = server_start(script_all_together);
    souk_engine *engine = engine_start(NULL);
    static outcome all[MANY];
    for (size_t i = 0; i < MANY; i++) {
        outcome_init(&all[i], i + 1);
        CHECK_INT(start(engine, post_to(server->url, i + 1), "x", NULL), SOUK_OK);
    }
    finish_all(engine, all, MANY);
    for (size_t i = 0; i < MANY; i++) {
        CHECK(!all[i].failed);
        CHECK_SLICE(souk_buf_slice(&all[i].body), "{\"ok\":true}");
        outcome_free(&all[i]);
    }
    CHECK_INT(atomic_load(&server->connections), MANY);
    souk_engine_free(engine);
    server_stop(server);
}

static void connections_of_a_group_are_bounded(void)
{
    enum { MANY = 20 };
    test_server *server = server_start(script_ok);
    souk_engine_options options = {.max_connections = 3};
    souk_engine *engine = engine_start(&options);
    static outcome all[MANY];
    for (size_t i = 0; i < MANY; i++) {
        outcome_init(&all[i], i + 1);
        CHECK_INT(start(engine, post_to(server->url, i + 1), "x", NULL), SOUK_OK);
    }
    finish_all(engine, all, MANY);
    for (size_t i = 0; i < MANY; i++) {
        CHECK(!all[i].failed);
        outcome_free(&all[i]);
    }
    CHECK(atomic_load(&server->connections) <= 3);
    CHECK_INT(atomic_load(&server->requests), MANY);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_sink(test_peer *peer)
{
    /* The head, then the body piece by piece, so that it may be larger than the room. */
    size_t body = 0;
    size_t got = 0;
    while (got == 0) {
        ssize_t n = recv(peer->fd, peer->request + peer->have, 8192, 0);
        if (n <= 0) {
            return;
        }
        peer->have += (size_t)n;
        peer->request[peer->have] = '\0';
        char *end = strstr(peer->request, "\r\n\r\n");
        if (end != NULL) {
            body = strtoul(strstr(peer->request, "Content-Length: ") + 16, NULL, 10);
            got = peer->have - (size_t)(end + 4 - peer->request);
        }
    }
    while (got < body) {
        ssize_t n = recv(peer->fd, peer->request, REQUEST_ROOM, 0);
        if (n <= 0) {
            return;
        }
        got += (size_t)n;
    }
    char answer[32];
    snprintf(answer, sizeof answer, "%zu", got);
    peer_answer(peer, "200 OK", answer);
}

static void a_large_body_is_sent_whole(void)
{
    enum { LARGE = 5000000 };
    test_server *server = server_start(script_sink);
    souk_engine *engine = engine_start(NULL);
    char *body = malloc(LARGE + 1);
    memset(body, 'x', LARGE);
    body[LARGE] = '\0';
    outcome o;
    run(engine, post_to(server->url, 1), body, &o);
    CHECK(!o.failed);
    CHECK_SLICE(souk_buf_slice(&o.body), "5000000");
    outcome_free(&o);
    free(body);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- the engine inside somebody else's loop --- */

static void an_event_loop_can_drive_it_with_descriptor_and_delay(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    int fd = souk_engine_fd(engine);
    CHECK(souk_engine_next_timer(engine) == SOUK_NEVER);
    for (souk_id id = 1; id <= 3; id++) {
        outcome o;
        outcome_init(&o, id);
        CHECK_INT(start(engine, post_to(server->url, id), "x", NULL), SOUK_OK);
        CHECK_INT(souk_engine_next_timer(engine), 0);
        for (int i = 0; i < 1000 && o.finals == 0; i++) {
            struct pollfd ready = {.fd = fd, .events = POLLIN};
            souk_ms delay = souk_engine_next_timer(engine);
            /* Without a descriptor (poll), a loop can only come back often. */
            int span = delay > 1000 ? 1000 : (int)delay;
            span = fd < 0 && span > 1 ? 1 : span;
            int rc = poll(&ready, fd < 0 ? 0 : 1, span);
            CHECK(rc >= 0);
            CHECK_INT(souk_engine_wait(engine, 0, NULL), SOUK_OK);
            fetch(engine, &o, 1);
        }
        CHECK_INT(o.finals, 1);
        CHECK(!o.failed);
        outcome_free(&o);
    }
    souk_engine_free(engine);
    server_stop(server);
}

static void *wake_later(void *engine)
{
    usleep(20000);
    souk_engine_wake(engine);
    return NULL;
}

static void another_thread_can_end_the_waiting(void)
{
    souk_engine *engine = engine_start(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, wake_later, engine);
    souk_ms before = souk_clock_now();
    CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
    CHECK(souk_clock_now() - before < LONGEST_TEST_MS / 2);
    pthread_join(thread, NULL);
    before = souk_clock_now();
    CHECK_INT(souk_engine_wait(engine, 30, NULL), SOUK_OK); /* the wake was used up */
    CHECK(souk_clock_now() - before >= 29);
    souk_engine_free(engine);
}

static void waiting_ends_in_time_when_nothing_happens(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_io_event event;
    souk_ms before = souk_clock_now();
    CHECK_INT(souk_engine_wait(engine, 0, NULL), SOUK_OK);
    CHECK_INT(souk_engine_wait(engine, 50, NULL), SOUK_OK);
    souk_ms took = souk_clock_now() - before;
    CHECK(took >= 49 && took < 2000);
    CHECK(!souk_engine_next(engine, &event));
    souk_engine_free(engine);
    souk_engine_free(NULL);
}

/* --- groups come and go --- */

static void an_unused_group_is_dropped_with_its_connections(void)
{
    test_server *server = server_start(script_ok);
    souk_engine_options options = {.group_idle_ms = 40};
    souk_engine *engine = engine_start(&options);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK_INT(souk_engine_stats(engine).groups, 1);
    CHECK_INT(souk_engine_stats(engine).idle_handles, 1);
    CHECK(souk_engine_next_timer(engine) <= 40);
    drive_for(engine, 80, NULL, 0);
    souk_engine_counts counts = souk_engine_stats(engine);
    CHECK_INT(counts.groups, 0);
    CHECK_INT(counts.connections, 0);
    CHECK_INT(counts.idle_handles, 0);
    CHECK(souk_engine_next_timer(engine) == SOUK_NEVER);
    outcome_free(&o);
    run(engine, post_to(server->url, 2), "x", &o);
    CHECK(!o.failed);
    CHECK_INT(atomic_load(&server->connections), 2);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void the_longest_unused_group_makes_room(void)
{
    test_server *server = server_start(script_ok);
    souk_engine_options options = {.max_groups = 2};
    souk_engine *engine = engine_start(&options);
    static const char *const names[] = {"a", "b", "a", "c", "a", "b"};
    static const int connections[] = {1, 2, 2, 3, 3, 4};
    for (size_t i = 0; i < 6; i++) {
        souk_exchange exchange = post_to(server->url, i + 1);
        exchange.group = souk_slice_of(names[i]);
        outcome o;
        run(engine, exchange, "x", &o);
        CHECK(!o.failed);
        CHECK_INT(atomic_load(&server->connections), connections[i]);
        CHECK(souk_engine_stats(engine).groups <= 2);
        outcome_free(&o);
    }
    souk_engine_free(engine);
    server_stop(server);
}

int main(void)
{
    CASE(a_post_is_sent_and_its_answer_comes_back);
    CASE(methods_are_sent_as_given);
    CASE(a_head_request_has_no_body_whatever_its_length_says);
    CASE(headers_change_from_one_request_to_the_next);
    CASE(the_url_changes_from_one_request_to_the_next);
    CASE(requests_of_a_group_share_a_connection_and_others_do_not);
    CASE(a_redirect_is_delivered_and_not_followed);
    CASE(answers_come_in_many_shapes);
    CASE(a_stream_is_delivered_as_it_comes);
    CASE(sixty_four_requests_are_in_flight_at_once);
    CASE(connections_of_a_group_are_bounded);
    CASE(a_large_body_is_sent_whole);
    CASE(an_event_loop_can_drive_it_with_descriptor_and_delay);
    CASE(another_thread_can_end_the_waiting);
    CASE(waiting_ends_in_time_when_nothing_happens);
    CASE(an_unused_group_is_dropped_with_its_connections);
    CASE(the_longest_unused_group_makes_room);
    return tap_done();
}
