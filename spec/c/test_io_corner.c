/*
 * The engine in rare weather: proxies, signals, slow uploads, many handles, descriptors that cannot
 * be watched.
 */
#include <fcntl.h>
#include <sys/time.h>

#include "failing_alloc.h"
#include "io_test.h"

/* --- proxies, from the environment as libcurl reads it --- */

static char proxied[1024];

static void script_proxy(test_peer *peer)
{
    while (peer_read(peer)) {
        snprintf(proxied, sizeof proxied, "%s", peer->request);
        if (strncmp(peer->request, "CONNECT", 7) == 0) {
            peer_answer(peer, "403 Forbidden", "not there");
            return;
        }
        peer_answer(peer, "200 OK", "{}");
    }
}

static void the_proxy_of_the_environment_is_used(void)
{
    test_server *server = server_start(script_proxy);
    char proxy[96];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", server->port);
    setenv("http_proxy", proxy, 1);
    setenv("https_proxy", proxy, 1);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to("http://tools.invalid/mcp", 1), "x", &o);
    CHECK(!o.failed);
    CHECK(strncmp(proxied, "POST http://tools.invalid/mcp HTTP/1.1\r\n", 40) == 0);
    outcome_free(&o);

    /*
     * A tunnel that the proxy refuses: nothing of the request has left, and its answer is not the
     * server's.
     */
    run(engine, post_to("https://tools.invalid/mcp", 2), "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.heads, 0);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_HAS(o.err.message, "403");
    CHECK(strncmp(proxied, "CONNECT tools.invalid:443 ", 26) == 0);
    outcome_free(&o);

    setenv("http_proxy",
           "http://"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid:3128",
           1);
    run(engine, post_to("http://tools.invalid/mcp", 3), "x", &o);
    CHECK_TEXT(o.err.message, "could not resolve the proxy for tools.invalid");
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    outcome_free(&o);
    unsetenv("http_proxy");
    unsetenv("https_proxy");
    souk_engine_free(engine);
    server_stop(server);
}

/* --- signals --- */

static void on_alarm_signal(int number)
{
    (void)number;
}

static void a_signal_ends_the_waiting(void)
{
    struct sigaction action = {.sa_handler = on_alarm_signal};
    struct sigaction before;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    sigaction(SIGALRM, &action, &before);
    souk_engine *engine = engine_start(NULL);
    souk_ms start_time = souk_clock_now();
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
    CHECK(souk_clock_now() - start_time < LONGEST_TEST_MS / 2);
    souk_engine_free(engine);
    sigaction(SIGALRM, &before, NULL);
}

/* --- slow uploads and small windows --- */

static void script_slow_reader(test_peer *peer)
{
    size_t got = 0;
    while (got < 20000000) {
        size_t piece = 0;
        while (piece < 1000000) {
            ssize_t n = recv(peer->fd, peer->request, REQUEST_ROOM, 0);
            if (n <= 0) {
                return;
            }
            piece += (size_t)n;
            got += (size_t)n;
            if (got >= 20000000) {
                break;
            }
        }
        usleep(20000);
    }
    peer_answer(peer, "200 OK", "{}");
}

static void bytes_that_go_out_are_no_silence(void)
{
    enum { LARGE = 20000000 };
    test_server *server = server_start(script_slow_reader);
    souk_engine *engine = engine_start(NULL);
    char *body = malloc(LARGE + 1);
    memset(body, 'x', LARGE);
    body[LARGE] = '\0';
    souk_exchange exchange = post_to(server->url, 1);
    exchange.idle_timeout_ms = 200;
    souk_ms before = souk_clock_now();
    outcome o;
    run(engine, exchange, body, &o);
    CHECK(souk_clock_now() - before > 200);
    CHECK(!o.failed);
    CHECK_TEXT(o.err.message, "");
    outcome_free(&o);
    free(body);
    souk_engine_free(engine);
    server_stop(server);
}

static void script_large(test_peer *peer)
{
    char piece[10001];
    memset(piece, 'x', 10000);
    piece[10000] = '\0';
    if (peer_read(peer)) {
        peer_send(peer, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < 200; i++) {
            peer_send(peer, piece);
        }
    }
}

static void a_stream_waits_when_its_own_limit_is_reached(void)
{
    test_server *server = server_start(script_large);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = post_to(server->url, 1);
    souk_exchange other = post_to(server->url, 2);
    exchange.stream = true;
    exchange.max_body = 30000; /* waiting at a time; 2,000,000 come in all */
    outcome all[2];
    outcome_init(&all[0], 1);
    outcome_init(&all[1], 2);
    CHECK_INT(start(engine, exchange, "x", NULL), SOUK_OK);
    CHECK_INT(start(engine, other, "x", NULL), SOUK_OK); /* one that is not paused beside it */
    finish_all(engine, all, 2);
    CHECK(!all[0].failed);
    CHECK_INT(all[0].body.len, 2000000);
    CHECK(all[0].pieces > 20);
    CHECK(!all[1].failed);
    CHECK_INT(all[1].body.len, 2000000);
    CHECK(all[1].pieces < 15); /* gathered */
    outcome_free(&all[0]);
    outcome_free(&all[1]);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- handles --- */

static void more_handles_than_are_kept_do_no_harm(void)
{
    enum { MANY = 100 };
    test_server *server = server_start(script_ok);
    souk_engine_options options = {.handle_idle_ms = 2000};
    souk_engine *engine = engine_start(&options);
    static outcome all[MANY];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            outcome_init(&all[i], i + 1);
            CHECK_INT(start(engine, post_to(server->url, i + 1), "x", NULL), SOUK_OK);
        }
        finish_all(engine, all, MANY);
        for (size_t i = 0; i < MANY; i++) {
            CHECK(!all[i].failed);
            outcome_free(&all[i]);
        }
    }
    souk_engine_counts counts = souk_engine_stats(engine);
    CHECK_INT(counts.idle_handles, 64);
    CHECK(counts.connections > 0);
    for (int i = 0; i < 200 && counts.idle_handles > 0; i++) {
        drive_for(engine, 50, NULL, 0);
        counts = souk_engine_stats(engine);
    }
    CHECK_INT(counts.idle_handles, 0);
    CHECK_INT(counts.groups, 1); /* its connections are kept longer */
    CHECK(counts.connections > 0);
    CHECK(souk_engine_next_timer(engine) > 60000);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- a socket that cannot be watched --- */

/*
 * The name look-up of libcurl brings a descriptor that it did not ask for; when the table has no
 * room for it and there is no memory, all exchanges of the group end, and the next one gets a new
 * group. Which number the descriptor has is tried out.
 */
/* One try with the next free descriptor being `lowest`; whether the group was given up. */
static bool gives_up_at(const test_server *server, int lowest, int *opened, size_t *opened_count)
{
    static const char url[] =
        "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/";
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        opened[(*opened_count)++] = fd;
    } while (fd >= 0 && fd < lowest);
    failing_alloc f;
    failing_alloc_init(&f, 0);
    souk_engine *engine = NULL;
    CHECK_INT(souk_engine_new(&f.alloc, NULL, &engine, NULL), SOUK_OK);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, post_to(url, 1), "x", NULL), SOUK_OK);
    f.fail_at = f.count + 1;
    f.for_ever = true;
    finish_all(engine, &o, 1);
    CHECK(o.failed);
    bool given_up = o.err.kind == SOUK_E_LIMIT && souk_engine_stats(engine).connections_opened == 0;
    outcome_free(&o);
    f.fail_at = 0;
    run(engine, post_to(server->url, 2), "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    souk_engine_free(engine);
    CHECK_INT(f.live, 0);
    return given_up;
}

static void a_group_that_cannot_watch_its_sockets_is_given_up(void)
{
    test_server *server = server_start(script_ok);
    int given_up = 0;
    /* On a busy machine the look-up may be over before anybody watches for it: more rounds then. */
    for (int round = 0; round < 20 && given_up == 0; round++) {
        int opened[128];
        size_t opened_count = 0;
        for (int lowest = 40; lowest < 64; lowest++) {
            given_up += gives_up_at(server, lowest, opened, &opened_count);
        }
        for (size_t i = 0; i < opened_count; i++) {
            close(opened[i]);
        }
    }
    CHECK(given_up > 0);
    server_stop(server);
}

enum { STRAY_WANTED = 1, STRAY_SENT };
static atomic_int stray; /* of a response that nobody has asked for */

static void script_stray(test_peer *peer)
{
    while (peer_read(peer)) {
        peer_answer(peer, "200 OK", "mine");
        while (atomic_load(&stray) == 0) {
            usleep(1000);
        }
        if (atomic_load(&stray) == STRAY_WANTED) {
            peer_answer(peer, "200 OK", "astray");
            atomic_store(&stray, STRAY_SENT);
        }
    }
}

/* Who waits on the engine between its calls does not matter: it may be nobody. */
static void check_stray(bool waits)
{
    test_server *server = server_start(script_stray);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    atomic_store(&stray, 0);
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK_SLICE(souk_buf_slice(&o.body), "mine");
    outcome_free(&o);
    atomic_store(&stray, STRAY_WANTED);
    while (atomic_load(&stray) != STRAY_SENT) {
        usleep(1000);
    }
    if (waits) {
        drive_for(engine, 20, NULL, 0);
    }
    run(engine, post_to(server->url, 2), "x", &o);
    CHECK(!o.failed);
    CHECK_SLICE(souk_buf_slice(&o.body), "mine");
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->connections), 2);
    souk_engine_free(engine);
    server_stop(server);
}

static void a_response_that_nobody_asked_for_is_not_the_next_answer(void)
{
    check_stray(false);
    check_stray(true);
}

/* --- answered before libcurl looks --- */

enum { AT_ONCE = 40000 }; /* bytes of such an answer */

static _Thread_local bool lingering;

/* libcurl sends with this one: it comes back when the answer has had time to arrive. */
__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t len,
                                                    int flags)
{
    ssize_t sent = sendto(fd, bytes, len, flags, NULL, 0);
    if (lingering) {
        usleep(20000);
    }
    return sent;
}

static void script_long(test_peer *peer)
{
    static char answer[AT_ONCE + 100];
    int head = snprintf(answer, 100, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", AT_ONCE);
    memset(answer + head, 'a', AT_ONCE);
    while (peer_read(peer)) {
        peer_send(peer, answer); /* head and body arrive together */
    }
}

/*
 * The answer is there as soon as the request is out, and is more than is taken at once: libcurl
 * sends, reads and rests without a word about the socket. What is still in it belongs to the
 * transfer.
 */
static void a_transfer_that_rests_at_once_keeps_its_bytes(void)
{
    test_server *server = server_start(script_long);
    souk_engine_options options = {.max_queued = 1000};
    souk_engine *engine = engine_start(&options);
    lingering = true;
    for (uint64_t id = 1; id <= 4; id++) {
        outcome o;
        run(engine, post_to(server->url, id), "x", &o);
        CHECK(!o.failed);
        CHECK_INT(o.body.len, AT_ONCE);
        outcome_free(&o);
    }
    lingering = false;
    CHECK_INT(atomic_load(&server->connections), 1);
    souk_engine_free(engine);
    server_stop(server);
}

int main(void)
{
    CASE(the_proxy_of_the_environment_is_used);
    CASE(a_signal_ends_the_waiting);
    CASE(bytes_that_go_out_are_no_silence);
    CASE(a_stream_waits_when_its_own_limit_is_reached);
    CASE(more_handles_than_are_kept_do_no_harm);
    CASE(a_group_that_cannot_watch_its_sockets_is_given_up);
    CASE(a_response_that_nobody_asked_for_is_not_the_next_answer);
    CASE(a_transfer_that_rests_at_once_keeps_its_bytes);
    return tap_done();
}
