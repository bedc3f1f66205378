/*
 * HTTP exchanges that go wrong: what is refused, what breaks, what takes too long, and what is said
 * about it.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "io_test.h"

/* --- refused before anything is sent --- */

static void check_refused(souk_exchange exchange, const char *body, const char *message)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    souk_io_event event;
    CHECK_INT(start(engine, exchange, body, &err), SOUK_E_CONFIG);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    if (!contains(err.message, message)) {
        CHECK_TEXT(err.message, message);
    }
    CHECK(!contains(err.message, "s3cret"));
    CHECK_INT(souk_engine_wait(engine, 0, NULL), SOUK_OK);
    CHECK(!souk_engine_next(engine, &event));
    CHECK_INT(souk_engine_stats(engine).connections_opened, 0);
    CHECK_INT(souk_engine_stats(engine).exchanges, 0);
    souk_engine_free(engine);
}

static void headers_that_would_break_the_framing_are_refused(void)
{
    static const struct {
        souk_header header;
        const char *message;
    } cases[] = {
        {{SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("s3cret\r\nX-B: 1")}, "the value of the header X-A"},
        {{SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("s3cret\n")}, "the value of the header X-A"},
        {{SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("s3cret\0more")}, "the value of the header X-A"},
        {{SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("\x7Fs3cret")}, "the value of the header X-A"},
        {{SOUK_LIT_INIT("X-A: s3cret\r\nX-B"), SOUK_LIT_INIT("1")}, "header 1 has a name"},
        {{SOUK_LIT_INIT("X A"), SOUK_LIT_INIT("s3cret")}, "header 1 has a name"},
        {{SOUK_LIT_INIT("X-A;"), SOUK_LIT_INIT("s3cret")}, "header 1 has a name"},
        {{SOUK_LIT_INIT("X-A\0"), SOUK_LIT_INIT("s3cret")}, "header 1 has a name"},
        {{SOUK_LIT_INIT("X-\xC3\xA4"), SOUK_LIT_INIT("s3cret")}, "header 1 has a name"},
        {{SOUK_LIT_INIT(""), SOUK_LIT_INIT("s3cret")}, "header 1 has a name"},
        {{SOUK_LIT_INIT("content-LENGTH"), SOUK_LIT_INIT("1")}, "set by souk itself"},
        {{SOUK_LIT_INIT("Transfer-Encoding"), SOUK_LIT_INIT("chunked")}, "set by souk itself"},
        {{SOUK_LIT_INIT("connection"), SOUK_LIT_INIT("close")}, "set by souk itself"},
        {{SOUK_LIT_INIT("Expect"), SOUK_LIT_INIT("100-continue")}, "set by souk itself"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_exchange exchange = post_to("http://127.0.0.1:1/", 1);
        exchange.headers = &cases[i].header;
        exchange.header_count = 1;
        check_refused(exchange, "x", cases[i].message);
    }
}

static void a_header_cannot_pose_as_two_known_ones(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    souk_header two[] = {{SOUK_LIT("A"), SOUK_LIT("b")}, {SOUK_LIT("C"), SOUK_LIT("d")}};
    souk_exchange exchange = post_to(server->url, 1);
    exchange.headers = two;
    exchange.header_count = 2;
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    /* As bytes, this is what the handle remembers of the two. */
    souk_header one = {SOUK_LIT("A"), SOUK_LIT("b\0C: d")};
    souk_err err;
    exchange.id = 2;
    exchange.headers = &one;
    exchange.header_count = 1;
    CHECK_INT(start(engine, exchange, "x", &err), SOUK_E_CONFIG);
    souk_engine_free(engine);
    server_stop(server);
}

static void urls_methods_and_groups_are_checked(void)
{
    static const struct {
        const char *method;
        const char *url;
        souk_slice group;
        const char *message;
    } cases[] = {
        {"POST", "ftp://127.0.0.1/s3cret", SOUK_LIT_INIT("g"), "http:// or https://"},
        {"POST", "127.0.0.1/s3cret", SOUK_LIT_INIT("g"), "http:// or https://"},
        {"POST", "", SOUK_LIT_INIT("g"), "http:// or https://"},
        {"POST", "http://ann:s3cret@127.0.0.1/", SOUK_LIT_INIT("g"), "user or password"},
        {"POST", "http://s3cret@127.0.0.1/", SOUK_LIT_INIT("g"), "user or password"},
        {"POST", "http:///s3cret", SOUK_LIT_INIT("g"), "no valid host"},
        {"POST", "http://127.0.0.1:0/s3cret", SOUK_LIT_INIT("g"), "no valid port"},
        {"POST", "http://127.0.0.1:65536/s3cret", SOUK_LIT_INIT("g"), "no valid port"},
        {"POST", "http://127.0.0.1:/s3cret", SOUK_LIT_INIT("g"), "no valid port"},
        {"POST", "http://127.0.0.1/\r\nX: s3cret", SOUK_LIT_INIT("g"), "percent-encoded"},
        {"POST", "http://127.0.0.1/s3cret here", SOUK_LIT_INIT("g"), "percent-encoded"},
        {"POST", "http://127.0.0.1\\@s3cret/", SOUK_LIT_INIT("g"), "percent-encoded"},
        {"PO ST", "http://127.0.0.1/s3cret", SOUK_LIT_INIT("g"), "the method"},
        {"POST /s3cret HTTP/1.1\r\nX:", "http://127.0.0.1/", SOUK_LIT_INIT("g"), "the method"},
        {"", "http://127.0.0.1/s3cret", SOUK_LIT_INIT("g"), "the method"},
        {"POST", "http://127.0.0.1/", SOUK_LIT_INIT("a\ns3cret"), "connection group"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_exchange exchange = post_to(cases[i].url, 1);
        exchange.method = cases[i].method;
        exchange.group = cases[i].group;
        check_refused(exchange, "x", cases[i].message);
    }
    souk_exchange exchange = post_to("http://127.0.0.1/", 1);
    exchange.method = "HEAD";
    check_refused(exchange, "x", "a HEAD request has no body");
    exchange.method = "POST";
    exchange.ca_file = "/no/such/roots.pem";
    check_refused(exchange, "x",
                  "cannot read the trusted roots in '/no/such/roots.pem': No such file");
}

static void ids_and_limits_are_checked(void)
{
    test_server *server = server_start(script_ok);
    souk_engine_options options = {.max_exchanges = 1, .max_groups = 1};
    souk_engine *engine = engine_start(&options);
    souk_err err;
    CHECK_INT(start(engine, post_to(server->url, 0), "x", &err), SOUK_E_CONFIG);
    souk_exchange late = post_to(server->url, 1);
    late.timeout_ms = 0;
    CHECK_INT(start(engine, late, "x", &err), SOUK_E_TIMEOUT);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    outcome o;
    outcome_init(&o, 7);
    CHECK_INT(start(engine, post_to(server->url, 7), "x", &err), SOUK_OK);
    CHECK_INT(start(engine, post_to(server->url, 7), "x", &err), SOUK_E_CONFIG);
    CHECK_INT(start(engine, post_to(server->url, 8), "x", &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "1 exchanges are in flight already");
    souk_port port = souk_engine_port(engine);
    port.cancel(port.user, 99);
    port.close_child(port.user, 7, 0);
    CHECK_INT(port.write(port.user, 7, SOUK_LIT("x"), &err), SOUK_E_CLOSED);
    finish_all(engine, &o, 1);
    CHECK(!o.failed);
    port.cancel(port.user, 7);
    CHECK_INT(souk_engine_next_timer(engine) > 0, 1);
    outcome_free(&o);
    souk_engine_free(engine);

    options.max_exchanges = 10;
    engine = engine_start(&options);
    souk_exchange other = post_to(server->url, 9);
    other.group = SOUK_LIT("other");
    CHECK_INT(start(engine, post_to(server->url, 8), "x", &err), SOUK_OK);
    CHECK_INT(start(engine, other, "x", &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "all 1 connection groups are busy");
    souk_engine_free(engine);
    server_stop(server);
}

/* --- no connection --- */

static void a_refused_connection_was_not_sent(void)
{
    int fd;
    unsigned port = listen_loopback(&fd, 1);
    close(fd); /* now nobody listens there */
    char url[96];
    char want[96];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp?token=s3cret", port);
    snprintf(want, sizeof want, "could not connect to 127.0.0.1:%u: Connection refused", port);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(url, 1), "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.heads, 0);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(o.err.retryable);
    CHECK_TEXT(o.err.message, want);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void an_unknown_host_was_not_sent(void)
{
    /* A label of 70 letters is no name, so that the resolver knows without asking anybody. */
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine,
        post_to(
            "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/"
            "?s3cret",
            1),
        "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_HAS(o.err.message, "could not resolve host aaaa");
    CHECK(!contains(o.err.message, "s3cret"));
    outcome_free(&o);
    souk_engine_free(engine);
}

static void no_connection_in_time_was_not_sent(void)
{
    /* A listener that never accepts and has no room left: the next handshake is not answered. */
    int fd;
    unsigned port = listen_loopback(&fd, 0);
    int fillers[8];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char url[96];
    char want[96];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    snprintf(want, sizeof want, "no connection to 127.0.0.1:%u within 80 ms", port);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(url, 1);
    exchange.connect_timeout_ms = 80;
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TIMEOUT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(o.err.message, want);
    outcome_free(&o);
    souk_engine_free(engine);
    for (int i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(fd);
}

/* --- broken connections --- */

static void script_close_at_once(test_peer *peer)
{
    (void)peer_read(peer);
}

static void a_connection_closed_before_the_answer_is_ambiguous(void)
{
    test_server *server = server_start(script_close_at_once);
    souk_engine *engine = engine_start(NULL);
    char url[128];
    snprintf(url, sizeof url, "%s?token=s3cret", server->url);
    outcome o;
    run(engine, post_to(url, 1), "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_HAS(o.err.message, "/mcp: the connection was closed before an answer came");
    CHECK(!contains(o.err.message, "s3cret"));
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/*
 * Answers the first request of each connection; closes at the second, when it was read, without a
 * word.
 */
static void script_once(test_peer *peer)
{
    if (peer_read(peer)) {
        peer_answer(peer, "200 OK", "{}");
        (void)peer_read(peer);
    }
}

static void a_post_is_never_replayed_on_a_new_connection(void)
{
    test_server *server = server_start(script_once);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(server->url, 1), "first", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    run(engine, post_to(server->url, 2), "second", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_HAS(o.err.message, "the connection was closed before an answer came");
    outcome_free(&o);
    drive_for(engine, 50, NULL, 0);
    CHECK_INT(atomic_load(&server->requests), 2); /* each POST exactly once */
    run(engine, post_to(server->url, 3), "third", &o);
    CHECK(!o.failed); /* and the engine goes on */
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void a_get_may_be_repeated_on_a_new_connection(void)
{
    test_server *server = server_start(script_once);
    souk_engine *engine = engine_start(NULL);
    souk_exchange get = post_to(server->url, 1);
    get.method = "GET";
    outcome o;
    run(engine, get, NULL, &o);
    CHECK(!o.failed);
    outcome_free(&o);
    get.id = 2;
    run(engine, get, NULL, &o);
    CHECK(!o.failed);
    CHECK_INT(o.heads, 1);
    CHECK_INT(atomic_load(&server->requests), 3);
    CHECK_INT(atomic_load(&server->connections), 2);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_reset(test_peer *peer)
{
    if (peer_read(peer)) {
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        peer_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        peer_wait(peer, 1);
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, peer->fd); /* closes the socket, which resets the connection */
        close(nothing);
    }
}

static void a_reset_in_the_middle_says_how_far_it_got(void)
{
    test_server *server = server_start(script_reset);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.stream = true;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    for (int i = 0; i < 100 && o.body.len < 10; i++) {
        souk_engine_wait(engine, 100, NULL);
        fetch(engine, &o, 1);
    }
    atomic_store(&server->gate, 1);
    finish_all(engine, &o, 1);
    CHECK(o.failed);
    CHECK_INT(o.err.status, 200);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_HAS(o.err.message,
              "the connection was closed after 10 bytes, in the middle of the response");
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_cut(test_peer *peer)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n01234",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n01234",
        "HTTP/1.1 200 OK\r\nContent-Type: text/pl",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n",
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "\r\n\r\n\r\n",
        "HTTP/1.1 banana\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/\3771WW-Authenticate: Basic realm=x\r\nX-Y: z\r\n\r\n\037\213",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    };
    if (peer_read(peer)) {
        peer_send(peer, answers[peer->number - 1]);
    }
}

static void a_cut_or_garbled_response_is_a_failure(void)
{
    static const char *const messages[] = {
        "the connection was closed after 5 bytes, in the middle of the response",
        "the connection was closed after 5 bytes, in the middle of the response",
        "the connection was closed after 5 bytes, in the middle of the response",
        "the connection was closed in the middle of the response's head",
        "the connection was closed in the middle of the response's head",
        "the connection was closed before an answer came",
        "chunk",
        "Content-Length",
        "the answer is not HTTP",
        "the answer is not HTTP",
        "the answer is not HTTP",
        "the connection was closed in the middle of the response's head",
        "the response has no valid status line",
        "the connection was closed in the middle of the response's head",
    };
    test_server *server = server_start(script_cut);
    souk_engine *engine = engine_start(NULL);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        outcome o;
        run(engine, post_to(server->url, i + 1), "x", &o);
        CHECK(o.failed);
        CHECK(o.err.kind == SOUK_E_TRANSPORT);
        CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
        if (!contains(o.err.message, messages[i])) {
            CHECK_TEXT(o.err.message, messages[i]);
        }
        outcome_free(&o);
    }
    souk_engine_free(engine);
    server_stop(server);
}

/* --- too late --- */

static void script_silent(test_peer *peer)
{
    if (peer_read(peer)) {
        peer_wait(peer, 1);
    }
}

static void an_exchange_ends_at_its_deadline(void)
{
    test_server *server = server_start(script_silent);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.timeout_ms = 60;
    souk_ms before = souk_clock_now();
    outcome o;
    run(engine, exchange, "x", &o);
    souk_ms took = souk_clock_now() - before;
    CHECK(took >= 59 && took < 2000);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TIMEOUT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_HAS(o.err.message, "/mcp: no complete answer within 60 ms");
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_slow(test_peer *peer)
{
    if (peer_read(peer)) {
        peer_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        for (int i = 0; i < 5; i++) {
            usleep(80000);
            peer_send(peer, "x");
        }
        peer_wait(peer, 1);
    }
}

/* Five bytes, 80 ms apart, keep it alive; then nothing comes for 250 ms. */
static void silence_is_measured_from_the_last_byte(void)
{
    test_server *server = server_start(script_slow);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.idle_timeout_ms = 250;
    souk_ms before = souk_clock_now();
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(souk_clock_now() - before >= 640);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TIMEOUT);
    CHECK_HAS(o.err.message, "nothing was received for 250 ms");
    CHECK_INT(o.err.status, 200);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- too much --- */

static void script_flood(test_peer *peer)
{
    char piece[65536];
    memset(piece, 'x', sizeof piece);
    if (!peer_read(peer)) {
        return;
    }
    if (strstr(peer->request, "/lie") != NULL) {
        peer_send(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        peer_wait(peer, 1);
        return;
    }
    peer_send(peer, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 400; i++) { /* 25 MB */
        ssize_t sent = send(peer->fd, piece, sizeof piece, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        atomic_fetch_add(&peer->server->gate, (int)(sent / 1024));
    }
}

static void a_response_that_is_too_large_is_cut_off(void)
{
    test_server *server = server_start(script_flood);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.max_body = 1000000;
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_LIMIT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(o.err.message, "the response is larger than 1000000 bytes");
    CHECK(o.body.len <= 1000000);
    outcome_free(&o);

    char url[128];
    snprintf(url, sizeof url, "%s/lie", server->url);
    exchange = post_to(url, 2);
    exchange.max_body = 1000000;
    run(engine, exchange, "x", &o);
    CHECK_INT(o.err.kind, SOUK_E_LIMIT);
    CHECK_TEXT(o.err.message, "the response is larger than 1000000 bytes");
    CHECK_INT(o.body.len, 0);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_endless_head(test_peer *peer)
{
    if (!peer_read(peer)) {
        return;
    }
    bool interim = strstr(peer->request, "/interim") != NULL;
    peer_send(peer, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100000; i++) {
        if (send(peer->fd, "X-Header: and on and on and on\r\n", 32, MSG_NOSIGNAL) <= 0) {
            return;
        }
        if (interim) {
            peer_send(peer, "\r\nHTTP/1.1 100 Continue\r\n");
        }
    }
}

static void a_head_that_is_too_large_is_cut_off(void)
{
    test_server *server = server_start(script_endless_head);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.max_header = 5000;
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_LIMIT);
    CHECK_TEXT(o.err.message, "the head of the response is larger than 5000 bytes");
    CHECK_INT(o.heads, 0);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_long_line(test_peer *peer)
{
    if (peer_read(peer)) {
        peer_send(peer, "HTTP/1.1 200 OK\r\nX-Long: ");
        for (int i = 0; i < 3000; i++) {
            peer_send(peer,
                      "and on and on and on and on and on and on and on and on and on and on ");
        }
        peer_send(peer, "\r\nContent-Length: 0\r\n\r\n");
    }
}

static void an_endless_header_line_is_cut_off_too(void)
{
    test_server *server = server_start(script_long_line);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.max_header = 10000000;
    outcome o;
    run(engine, exchange, "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_LIMIT);
    CHECK_HAS(o.err.message, "has a line that is too long");
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/* A stream that nobody fetches stops at its sender; when it is fetched, all of it comes. */
static void a_stream_that_is_not_fetched_is_paused(void)
{
    test_server *server = server_start(script_flood);
    souk_engine_options options = {.max_queued = 100000};
    souk_engine *engine = engine_start(&options);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.stream = true;
    exchange.idle_timeout_ms = 300; /* being paused is no silence of the server */
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    for (int i = 0; i < 40; i++) {
        CHECK_INT(souk_engine_wait(engine, 10, NULL), SOUK_OK);
        usleep(15000);
    }
    CHECK(atomic_load(&server->gate) < 15000); /* KiB: what fits into the sockets, no more */
    finish_all(engine, &o, 1);
    CHECK(!o.failed);
    CHECK_INT(o.body.len, 400LL * 65536);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- cancelled --- */

static void cancelling_ends_an_exchange_once(void)
{
    test_server *server = server_start(script_slow);
    souk_engine *engine = engine_start(NULL);
    souk_port port = souk_engine_port(engine);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.stream = true;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    for (int i = 0; i < 100 && o.pieces == 0; i++) {
        souk_engine_wait(engine, 100, NULL);
        fetch(engine, &o, 1);
    }
    port.cancel(port.user, 1);
    port.cancel(port.user, 1);
    CHECK_INT(souk_engine_next_timer(engine), 0);
    finish_all(engine, &o, 1);
    port.cancel(port.user, 1);
    drive_for(engine, 100, &o, 1);
    CHECK_INT(o.finals, 1);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(o.err.status, 200);
    CHECK_INT(souk_engine_stats(engine).connections, 0);
    outcome_free(&o);

    /* Before libcurl was let at it, nothing can have been sent. */
    outcome_init(&o, 2);
    exchange.id = 2;
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    port.cancel(port.user, 2);
    finish_all(engine, &o, 1);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(o.heads, 0);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void cancelling_wins_over_an_answer_that_was_not_fetched(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    souk_port port = souk_engine_port(engine);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, post_to(server->url, 1), "x", NULL), SOUK_OK);
    CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
    port.cancel(port.user, 1);
    finish_all(engine, &o, 1);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK_INT(o.heads, 0);
    outcome_free(&o);

    /* With the head fetched, its headers stay readable although the rest is thrown away. */
    outcome_init(&o, 2);
    CHECK_INT(start(engine, post_to(server->url, 2), "x", NULL), SOUK_OK);
    CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
    souk_io_event event;
    CHECK(souk_engine_next(engine, &event));
    CHECK_INT(event.kind, SOUK_IO_HEAD);
    port.cancel(port.user, 2);
    CHECK_SLICE(event.headers[0].name, "Content-Type");
    finish_all(engine, &o, 1);
    CHECK_INT(o.pieces, 0);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void freeing_the_engine_ends_what_is_in_flight(void)
{
    test_server *server = server_start(script_silent);
    souk_engine *engine = engine_start(NULL);
    for (souk_id id = 1; id <= 5; id++) {
        CHECK_INT(start(engine, post_to(server->url, id), "x", NULL), SOUK_OK);
    }
    CHECK_INT(souk_engine_wait(engine, 20, NULL), SOUK_OK);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- another process --- */

static void a_forked_child_cannot_use_or_harm_the_engine(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    outcome_free(&o);
    CHECK_INT(start(engine, post_to(server->url, 2), "x", NULL), SOUK_OK);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        souk_err err;
        souk_io_event event;
        char want[64];
        snprintf(want, sizeof want, "was made in process %ld", (long)getppid());
        bool fine = start(engine, post_to(server->url, 3), "x", &err) == SOUK_E_CLOSED &&
                    contains(err.message, want) &&
                    souk_engine_wait(engine, 0, &err) == SOUK_E_CLOSED &&
                    !souk_engine_next(engine, &event) && souk_engine_fd(engine) == -1 &&
                    souk_engine_next_timer(engine) == SOUK_NEVER;
        souk_engine_wake(engine);
        souk_port port = souk_engine_port(engine);
        port.cancel(port.user, 2);
        souk_engine_free(engine);
        _exit(fine ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    outcome_init(&o, 2);
    finish_all(engine, &o, 1);
    CHECK(!o.failed);
    outcome_free(&o);
    run(engine, post_to(server->url, 4), "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->connections), 1); /* the kept-alive one */
    souk_engine_free(engine);
    server_stop(server);
}

int main(void)
{
    CASE(headers_that_would_break_the_framing_are_refused);
    CASE(a_header_cannot_pose_as_two_known_ones);
    CASE(urls_methods_and_groups_are_checked);
    CASE(ids_and_limits_are_checked);
    CASE(a_refused_connection_was_not_sent);
    CASE(an_unknown_host_was_not_sent);
    CASE(no_connection_in_time_was_not_sent);
    CASE(a_connection_closed_before_the_answer_is_ambiguous);
    CASE(a_post_is_never_replayed_on_a_new_connection);
    CASE(a_get_may_be_repeated_on_a_new_connection);
    CASE(a_reset_in_the_middle_says_how_far_it_got);
    CASE(a_cut_or_garbled_response_is_a_failure);
    CASE(an_exchange_ends_at_its_deadline);
    CASE(silence_is_measured_from_the_last_byte);
    CASE(a_response_that_is_too_large_is_cut_off);
    CASE(a_head_that_is_too_large_is_cut_off);
    CASE(an_endless_header_line_is_cut_off_too);
    CASE(a_stream_that_is_not_fetched_is_paused);
    CASE(cancelling_ends_an_exchange_once);
    CASE(cancelling_wins_over_an_answer_that_was_not_fetched);
    CASE(freeing_the_engine_ends_what_is_in_flight);
    CASE(a_forked_child_cannot_use_or_harm_the_engine);
    return tap_done();
}
