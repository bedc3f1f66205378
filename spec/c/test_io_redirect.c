/*
 * Redirects: which are followed, what goes along, and how they fail. And addresses that must not be
 * connected to: the program brings its own getaddrinfo, which libcurl finds before that of the C
 * library, so that a public name leads to a private address.
 */
#include <netdb.h>

#include "failing_alloc.h"
#include "io_test.h"

/* What the servers do; set before an exchange is started. */
static char location[4096]; /* of the answer to /mcp */
static char way_back[100];  /* likewise, of the second server, if it is another one */
static const char *status;
static char seen[2][8192]; /* the last request that was not for /mcp, by server */

static void answer_or_redirect(test_peer *peer, int number)
{
    while (peer_read(peer)) {
        if (!contains(peer->request, " /mcp HTTP/")) {
            snprintf(seen[number], sizeof seen[number], "%s", peer->request);
            peer_answer(peer, "200 OK", "{\"ok\":true}");
            continue;
        }
        const char *to = number == 1 && way_back[0] != '\0' ? way_back : location;
        char head[8192];
        snprintf(head, sizeof head,
                 "HTTP/1.1 %s\r\n%s%s\r\nMcp-Session-Id: no\r\nContent-Length: 5\r\n\r\nmoved",
                 status, to[0] == '\0' ? "X-None: 1" : "Location: ", to);
        peer_send(peer, head);
    }
}

static void script_first(test_peer *peer)
{
    answer_or_redirect(peer, 0);
}

static void script_second(test_peer *peer)
{
    answer_or_redirect(peer, 1);
}

static const souk_header headers[] = {
    {SOUK_LIT_INIT("Content-Type"), SOUK_LIT_INIT("application/json")},
    {SOUK_LIT_INIT("Mcp-Method"), SOUK_LIT_INIT("tools/call")},
    {SOUK_LIT_INIT("Mcp-Session-Id"), SOUK_LIT_INIT("s3cret-session")},
    {SOUK_LIT_INIT("Authorization"), SOUK_LIT_INIT("Bearer s3cret")},
    {SOUK_LIT_INIT("X-Key"), SOUK_LIT_INIT("s3cret")},
};

static souk_exchange follow(const char *url, souk_id id)
{
    souk_exchange exchange = post_to(url, id);
    exchange.headers = headers;
    exchange.header_count = sizeof headers / sizeof headers[0];
    exchange.open_headers = 2;
    exchange.max_redirects = 3;
    return exchange;
}

typedef struct world {
    test_server *first;
    test_server *second;
    souk_engine *engine;
    souk_id id;
} world;

static void world_start(world *w, const souk_engine_options *options)
{
    memset(w, 0, sizeof *w);
    w->first = server_start(script_first);
    w->second = server_start(script_second);
    w->engine = engine_start(options);
    status = "307 Temporary Redirect";
    location[0] = way_back[0] = '\0';
}

static void world_stop(world *w)
{
    souk_engine_free(w->engine);
    server_stop(w->first);
    server_stop(w->second);
}

static void point_to(const char *format, unsigned port)
{
    snprintf(location, sizeof location, format, port);
}

/* Sends the exchange, whose answer has to come from the server of that number. */
static void arrives(world *w, souk_exchange exchange, int number, const char *request)
{
    outcome o;
    seen[0][0] = seen[1][0] = '\0';
    run(w->engine, exchange, strcmp(exchange.method, "GET") == 0 ? NULL : "{\"id\":1}", &o);
    CHECK(!o.failed);
    CHECK_INT(o.heads, 1);
    CHECK_INT(o.status, 200);
    CHECK_SLICE(souk_buf_slice(&o.body), "{\"ok\":true}");
    CHECK(!contains(o.headers, "Mcp-Session-Id"));
    CHECK_HAS(seen[number], "");
    if (!contains(seen[number], request)) {
        tap_fail(__FILE__, __LINE__, request);
    }
    CHECK(exchange.method[0] == 'G' || contains(seen[number], "{\"id\":1}"));
    outcome_free(&o);
}

static bool has_secrets(const char *request)
{
    return contains(request, "Authorization: Bearer s3cret\r\n") &&
           contains(request, "Mcp-Session-Id: s3cret-session\r\n") &&
           contains(request, "X-Key: s3cret\r\n");
}

static void the_same_origin_gets_everything(void)
{
    static const char *const places[][2] = {
        {"/mcp/", "POST /mcp/ HTTP"},         {"other?x=%u", "POST /other?x="},
        {"../a/./b#part", "POST /a/b HTTP"},  {"?q", NULL},
        {"//127.0.0.1:%u/c", "POST /c HTTP"}, {"HTTP://127.0.0.1:%u", "POST / HTTP"}};
    world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i][1] != NULL) {
            point_to(places[i][0], w.first->port);
            status = i % 2 == 0 ? "307 Temporary Redirect" : "308 Permanent Redirect";
            arrives(&w, follow(w.first->url, ++w.id), 0, places[i][1]);
            CHECK(has_secrets(seen[0]));
        }
    }
    CHECK_INT(atomic_load(&w.first->connections), 1);
    CHECK_INT(atomic_load(&w.second->connections), 0);
    world_stop(&w);
}

static void another_origin_gets_what_is_harmless(void)
{
    world w;
    world_start(&w, NULL);
    point_to("http://127.0.0.1:%u/other", w.second->port);
    arrives(&w, follow(w.first->url, ++w.id), 1, "POST /other HTTP");
    CHECK_HAS(seen[1], "Content-Type: application/json\r\n");
    CHECK_HAS(seen[1], "Mcp-Method: tools/call\r\n");
    CHECK_HAS(seen[1], "User-Agent: souk/");
    CHECK(!contains(seen[1], "s3cret"));
    souk_exchange closed = follow(w.first->url, ++w.id);
    closed.open_headers = 0;
    arrives(&w, closed, 1, "POST /other HTTP");
    CHECK(!contains(seen[1], "s3cret") && !contains(seen[1], "tools/call"));
    closed.id = ++w.id;
    closed.open_headers = 1000; /* more than there are */
    arrives(&w, closed, 1, "POST /other HTTP");
    CHECK(has_secrets(seen[1]));
    world_stop(&w);
}

/* A handle keeps what it was set up for last: that must be what the next exchange wants. */
static void what_comes_after_a_redirect_is_sent_as_it_should(void)
{
    world w;
    world_start(&w, NULL);
    char elsewhere[100];
    snprintf(elsewhere, sizeof elsewhere, "http://127.0.0.1:%u/other", w.second->port);
    for (int i = 0; i < 3; i++) {
        point_to("http://127.0.0.1:%u/other", w.second->port);
        arrives(&w, follow(w.first->url, ++w.id), 1, "POST /other HTTP");
        CHECK(!contains(seen[1], "s3cret"));
        /* there by itself */
        arrives(&w, follow(elsewhere, ++w.id), 1, "POST /other HTTP");
        CHECK(has_secrets(seen[1]));
        /* refused on the way, then again to the same URL */
        outcome o;
        point_to("http://x@127.0.0.1:%u/other", w.second->port);
        run(w.engine, follow(w.first->url, ++w.id), "{}", &o);
        CHECK(o.failed);
        outcome_free(&o);
        point_to("/mcp/", 0);
        arrives(&w, follow(w.first->url, ++w.id), 0, "POST /mcp/ HTTP");
        CHECK(has_secrets(seen[0]));
    }
    souk_engine_counts counts = souk_engine_stats(w.engine);
    CHECK_INT(counts.idle_handles, 1);
    world_stop(&w);
}

static void headers_do_not_come_back(void)
{
    world w;
    world_start(&w, NULL);
    /* first -> second -> first: the second may have changed where to */
    point_to("http://127.0.0.1:%u/mcp", w.second->port);
    snprintf(way_back, sizeof way_back, "http://127.0.0.1:%u/back", w.first->port);
    arrives(&w, follow(w.first->url, 1), 0, "POST /back HTTP");
    CHECK_HAS(seen[0], "Mcp-Method: tools/call\r\n");
    CHECK(!contains(seen[0], "s3cret"));
    world_stop(&w);
}

static void a_get_follows_more(void)
{
    static const char *const all[] = {"301 Moved Permanently", "302 Found", "303 See Other",
                                      "307 Temporary Redirect", "308 Permanent Redirect"};
    world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        souk_exchange exchange = follow(w.first->url, ++w.id);
        exchange.method = "GET";
        exchange.stream = true;
        status = all[i];
        point_to("/stream", 0);
        arrives(&w, exchange, 0, "GET /stream HTTP");
    }
    world_stop(&w);
}

static void is_delivered(world *w, souk_exchange exchange, int expected)
{
    outcome o;
    run(w->engine, exchange, "{}", &o);
    CHECK(!o.failed);
    CHECK_INT(o.status, expected);
    CHECK_SLICE(souk_buf_slice(&o.body), "moved");
    outcome_free(&o);
}

static void all_others_are_delivered(void)
{
    static const int others[] = {300, 301, 302, 303, 304, 305, 306, 399};
    char text[32];
    world w;
    world_start(&w, NULL);
    point_to("/elsewhere", 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i] != 304) { /* it has no body */
            snprintf(text, sizeof text, "%d Else", others[i]);
            status = text;
            is_delivered(&w, follow(w.first->url, ++w.id), others[i]);
        }
    }
    status = "307 Temporary Redirect";
    souk_exchange never = follow(w.first->url, ++w.id);
    never.max_redirects = 0;
    is_delivered(&w, never, 307);
    location[0] = '\0'; /* without one */
    is_delivered(&w, follow(w.first->url, ++w.id), 307);
    world_stop(&w);
}

static void fails(world *w, souk_exchange exchange, int kind, souk_delivery delivery,
                  const char *message)
{
    outcome o;
    run(w->engine, exchange, "{\"id\":1}", &o);
    CHECK(o.failed);
    CHECK_INT(o.heads, 0);
    CHECK_INT(o.err.kind, kind);
    CHECK_INT(o.err.delivery, delivery);
    if (!contains(o.err.message, message)) {
        tap_fail(__FILE__, __LINE__, message);
        printf("#   message: %s\n", o.err.message);
    }
    CHECK(!contains(o.err.message, "s3cret"));
    outcome_free(&o);
}

static void a_circle_ends(void)
{
    world w;
    world_start(&w, NULL);
    point_to("/mcp", 0);
    fails(&w, follow(w.first->url, 1), SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED,
          "/mcp redirects again, after 3 redirects (option max_redirects)");
    CHECK_INT(atomic_load(&w.first->requests), 4);
    world_stop(&w);
}

static void what_is_no_place_to_go_is_refused(void)
{
    static const struct {
        const char *location;
        const char *message;
    } cases[] = {
        {"ftp://127.0.0.1/s3cret", "redirects to what is no http or https URL"},
        {"file:///etc/s3cret", "redirects to what is no http or https URL"},
        {"mailto:s3cret@example.com", "redirects to what is no http or https URL"},
        {"javascript:alert(1)", "redirects to what is no http or https URL"},
        {"http:///s3cret", "redirects to what is no http or https URL"},
        {"http:/s3cret", "redirects to what is no http or https URL"},
        {"http:s3cret", "redirects to what is no http or https URL"},
        {"///s3cret/", "redirects to what is no http or https URL"},
        {"////s3cret/", "redirects to what is no http or https URL"},
        {"//s3cret:x/", "redirects to what is no http or https URL"},
        {"//", "redirects to what is no http or https URL"},
        {"http://127.0.0.1:99999/", "redirects to what is no http or https URL"},
        {"/\\s3cret", "redirects to what is no http or https URL"},
        {"http://127.0.0.1\\@s3cret/", "redirects"},
        {"http://s3cret@127.0.0.1/", "redirects to a URL with a user in it"},
        {"http://s3cret:s3cret@127.0.0.1/", "redirects to a URL with a user in it"},
        {"//s3cret@127.0.0.1/", "redirects to a URL with a user in it"},
    };
    world w;
    world_start(&w, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(location, sizeof location, "%s", cases[i].location);
        fails(&w, follow(w.first->url, ++w.id), SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED,
              cases[i].message);
    }
    CHECK_INT(atomic_load(&w.second->connections), 0);
    world_stop(&w);
}

static void script_silent(test_peer *peer)
{
    (void)peer_read(peer);
    peer_wait(peer, 1);
}

static void script_break(test_peer *peer)
{
    (void)peer_read(peer);
}

/* The first server did not execute it: what counts is how far the second one got. */
static void the_second_part_fails_like_any_other(void)
{
    world w;
    int fd;
    world_start(&w, NULL);
    unsigned port = listen_loopback(&fd, 1);
    close(fd); /* nobody is there */
    point_to("http://127.0.0.1:%u/", port);
    fails(&w, follow(w.first->url, 1), SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED,
          "could not connect to 127.0.0.1:");
    test_server *broken = server_start(script_break);
    point_to("http://127.0.0.1:%u/", broken->port);
    fails(&w, follow(w.first->url, 2), SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS,
          "closed before an answer came");
    server_stop(broken);
    test_server *silent = server_start(script_silent);
    point_to("http://127.0.0.1:%u/", silent->port);
    souk_exchange hurry = follow(w.first->url, 3);
    hurry.timeout_ms = 300;
    fails(&w, hurry, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS, "no complete answer within 300 ms");
    server_stop(silent);
    world_stop(&w);
}

/* Bodies of redirects: cut off, too long to be read, and never ending. */
static void script_odd_bodies(test_peer *peer)
{
    if (!peer_read(peer)) {
        return;
    }
    if (contains(peer->request, " /mcp ")) {
        peer_send(peer, "HTTP/1.1 307 Moved\r\nLocation: /ok\r\nContent-Length: 100\r\n\r\nhalf");
    } else if (contains(peer->request, " /long ")) {
        peer_send(peer, "HTTP/1.1 307 Moved\r\nLocation: /ok\r\n\r\n");
        char block[1025];
        memset(block, 'x', sizeof block);
        block[1024] = '\0';
        for (int i = 0; i < 1000; i++) {
            peer_send(peer, block);
        }
    } else if (contains(peer->request, " /endless ")) {
        peer_send(peer, "HTTP/1.1 307 Moved\r\nLocation: /ok\r\n\r\nx");
        peer_wait(peer, 1);
    } else {
        peer_answer(peer, "200 OK", "{\"ok\":true}");
    }
}

static void the_body_of_a_redirect_does_not_matter(void)
{
    static const char *const paths[] = {"mcp", "long"};
    test_server *server = server_start(script_odd_bodies);
    souk_engine *engine = engine_start(NULL);
    char url[100];
    for (size_t i = 0; i < 2; i++) {
        outcome o;
        snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", server->port, paths[i]);
        souk_exchange exchange = follow(url, i + 1);
        exchange.stream = i == 1;
        exchange.group = souk_slice_of(paths[i]); /* the server closes what it has answered on */
        run(engine, exchange, "{}", &o);
        CHECK(!o.failed);
        CHECK_SLICE(souk_buf_slice(&o.body), "{\"ok\":true}");
        outcome_free(&o);
    }
    world w = {.engine = engine};
    snprintf(url, sizeof url, "http://127.0.0.1:%u/endless", server->port);
    souk_exchange endless = follow(url, 3);
    endless.timeout_ms = 300;
    endless.group = SOUK_LIT("fresh connections");
    fails(&w, endless, SOUK_E_TIMEOUT, SOUK_DELIVERY_REJECTED, "no complete answer");
    outcome o;
    outcome_init(&o, 4);
    endless.id = 4;
    endless.timeout_ms = 10000;
    CHECK_INT(start(engine, endless, "{}", NULL), SOUK_OK);
    drive_for(engine, 50, &o, 1);
    souk_port port = souk_engine_port(engine);
    port.cancel(port.user, 4);
    finish_all(engine, &o, 1);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK_INT(o.heads, 0);
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

static void the_head_says_who_answered(void)
{
    world w;
    world_start(&w, NULL);
    for (int i = 0; i < 3; i++) {
        souk_io_event event;
        souk_err err;
        char expected[100] = "";
        const char *path = i == 0 ? "/x" : "/other";
        if (i > 0) {
            test_server *target = i == 1 ? w.first : w.second;
            point_to("http://127.0.0.1:%u/other", target->port);
            snprintf(expected, sizeof expected, "http://127.0.0.1:%u%s", target->port, path);
        }
        souk_exchange exchange = follow(w.first->url, (souk_id)i + 1);
        char direct[100];
        snprintf(direct, sizeof direct, "http://127.0.0.1:%u/x", w.first->port);
        exchange.url = i == 0 ? direct : w.first->url;
        CHECK_INT(start(w.engine, exchange, "{}", &err), SOUK_OK);
        do {
            while (!souk_engine_next(w.engine, &event)) {
                CHECK_INT(souk_engine_wait(w.engine, 1000, NULL), SOUK_OK);
            }
            if (event.kind == SOUK_IO_HEAD) {
                CHECK_SLICE(event.moved_to, expected);
                CHECK(event.abroad == (i == 2));
            }
        } while (event.kind != SOUK_IO_END && event.kind != SOUK_IO_FAILED);
        CHECK_INT(event.kind, SOUK_IO_END);
    }
    world_stop(&w);
}

/* --- addresses that are not public --- */

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out);
__attribute__((visibility("default"))) void freeaddrinfo(struct addrinfo *list);

/* Every name leads to 127.0.0.1, as one does that is bound anew for a moment. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *made = calloc(1, sizeof *made);
    (void)name;
    made->address.sin_family = AF_INET;
    made->address.sin_port = htons((unsigned short)(service == NULL ? 0 : atoi(service)));
    made->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made->info.ai_family = AF_INET;
    made->info.ai_socktype = hints == NULL ? SOCK_STREAM : hints->ai_socktype;
    made->info.ai_protocol = hints == NULL ? 0 : hints->ai_protocol;
    made->info.ai_addrlen = sizeof made->address;
    made->info.ai_addr = (struct sockaddr *)&made->address;
    *out = &made->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

static void is_refused_at_once(world *w, const char *url, const char *message)
{
    souk_err err;
    CHECK_INT(start(w->engine, follow(url, ++w->id), "{}", &err), SOUK_E_POLICY);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(contains(err.message, message));
    CHECK(!contains(err.message, "s3cret"));
}

static void a_name_is_judged_by_its_address(void)
{
    char url[100];
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    const souk_engine_options options = {.reach = &reach};
    world w;
    world_start(&w, &options);
    snprintf(url, sizeof url, "http://public.example.com:%u/x", w.first->port);
    arrives(&w, follow(url, ++w.id), 0, "POST /x HTTP"); /* it leads there indeed */
    world_stop(&w);
    reach.deny_private = true;
    world_start(&w, &options);
    snprintf(url, sizeof url, "http://public.example.com:%u/x?s3cret", w.first->port);
    fails(&w, follow(url, ++w.id), SOUK_E_POLICY, SOUK_DELIVERY_NOT_SENT,
          "public.example.com leads to an address that is not on the public Internet");
    is_refused_at_once(&w, w.first->url, "'127.0.0.1' is not on the public Internet");
    is_refused_at_once(&w, "http://[::1]:1/?s3cret", "'[::1]' is not on the public Internet");
    is_refused_at_once(&w, "http://localhost/", "(option deny_private)");
    CHECK_INT(atomic_load(&w.first->connections), 0);
    world_stop(&w);
    souk_reach_free(&reach);
}

static void a_redirect_obeys_the_rules_too(void)
{
    souk_reach reach;
    souk_reach_init(&reach, souk_alloc_libc());
    const souk_engine_options options = {.reach = &reach};
    world w;
    CHECK_INT(souk_reach_allow(&reach, SOUK_LIT("127.0.0.1"), NULL), SOUK_OK);
    world_start(&w, &options);
    point_to("http://evil.example.com:%u/x?s3cret", w.second->port);
    fails(&w, follow(w.first->url, ++w.id), SOUK_E_POLICY, SOUK_DELIVERY_REJECTED,
          "redirects: 'evil.example.com' is no host that option allow_hosts names");
    CHECK_INT(atomic_load(&w.second->connections), 0);
    point_to("http://127.0.0.1:%u/ok", w.second->port);
    arrives(&w, follow(w.first->url, ++w.id), 1, "POST /ok HTTP");
    is_refused_at_once(&w, "https://other.example.com/", "allow_hosts");
    world_stop(&w);
    souk_reach_free(&reach);
}

static void commands_can_be_denied(void)
{
    static const char *const argv[] = {"true", NULL};
    souk_reach reach;
    souk_err err;
    souk_reach_init(&reach, souk_alloc_libc());
    reach.deny_commands = true;
    const souk_engine_options options = {.reach = &reach};
    souk_engine *engine = engine_start(&options);
    souk_port port = souk_engine_port(engine);
    const souk_spawn spawn = {.id = 1, .argv = argv};
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_E_POLICY);
    CHECK_INT(souk_engine_stats(engine).children, 0);
    souk_engine_free(engine);
    souk_reach_free(&reach);
}

/* --- memory --- */

static void without_memory_it_ends_too(void)
{
    failing_alloc f;
    long n = 1;
    test_server *first = server_start(script_first);
    test_server *second = server_start(script_second);
    status = "307 Temporary Redirect";
    point_to("http://127.0.0.1:%u/other", second->port);
    do {
        souk_engine *engine = NULL;
        souk_err err;
        failing_alloc_init(&f, n++);
        if (souk_engine_new(&f.alloc, NULL, &engine, &err) == SOUK_OK) {
            outcome o;
            outcome_init(&o, 1);
            if (start(engine, follow(first->url, 1), "{}", &err) == SOUK_OK) {
                finish_all(engine, &o, 1);
                CHECK(!o.failed || o.err.kind == SOUK_E_LIMIT);
            }
            outcome_free(&o);
            souk_engine_free(engine);
        }
        CHECK_INT(f.live, 0);
    } while (f.fired && n < 1000);
    CHECK(!f.fired);
    server_stop(first);
    server_stop(second);
}

int main(void)
{
    CASE(the_same_origin_gets_everything);
    CASE(another_origin_gets_what_is_harmless);
    CASE(what_comes_after_a_redirect_is_sent_as_it_should);
    CASE(headers_do_not_come_back);
    CASE(a_get_follows_more);
    CASE(all_others_are_delivered);
    CASE(a_circle_ends);
    CASE(what_is_no_place_to_go_is_refused);
    CASE(the_second_part_fails_like_any_other);
    CASE(the_body_of_a_redirect_does_not_matter);
    CASE(the_head_says_who_answered);
    CASE(a_name_is_judged_by_its_address);
    CASE(a_redirect_obeys_the_rules_too);
    CASE(commands_can_be_denied);
    CASE(without_memory_it_ends_too);
    return tap_done();
}
