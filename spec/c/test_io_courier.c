/*
 * An engine on a thread of its own. This program runs under ThreadSanitizer, too (make tsan), where
 * only what has to do with fork is left out.
 */
#include <sys/un.h>
#include <sys/wait.h>

#include "courier_help.h"
#include "failing_alloc.h"

#if defined(__SANITIZE_THREAD__)
#define FORKS 0
#else
#define FORKS 1
#endif

/* --- exchanges --- */

static void script_echo(test_peer *peer)
{
    while (peer_read(peer)) {
        peer_answer(peer, "200 OK", strstr(peer->request, "\r\n\r\n") + 4);
    }
}

static void a_post_is_sent_and_its_answer_comes_back(void)
{
    test_server *server = server_start(script_echo);
    souk_courier *courier = courier_start(NULL);
    outcome o;
    outcome_init(&o, 7);
    courier_post(courier, post_to(server->url, 7), "{\"n\":1}");
    courier_finish(courier, &o, 1);
    CHECK(!o.failed);
    CHECK_INT(o.status, 200);
    CHECK_TEXT(o.body.data, "{\"n\":1}");
    CHECK_HAS(o.headers, "Content-Type: application/json");
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

enum { MANY = 64, ROUNDS = 20 };

static void many_are_in_flight_again_and_again(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    for (int round = 0; round < ROUNDS; round++) {
        outcome all[MANY];
        for (unsigned i = 0; i < MANY; i++) {
            outcome_init(&all[i], (souk_id)round * MANY + i + 1);
            courier_post(courier, post_to(server->url, all[i].id), "x");
        }
        courier_finish(courier, all, MANY);
        for (int i = 0; i < MANY; i++) {
            CHECK(!all[i].failed);
            CHECK_TEXT(all[i].body.data, "{\"ok\":true}");
            outcome_free(&all[i]);
        }
    }
    CHECK_INT(atomic_load(&server->requests), MANY * ROUNDS);
    souk_courier_free(courier);
    server_stop(server);
}

/* What the engine refuses at once when its caller drives it. */
static void what_is_refused_comes_as_a_failure(void)
{
    souk_courier *courier = courier_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    souk_exchange exchange = post_to("ftp://127.0.0.1/", 1);
    courier_post(courier, exchange, "x");
    courier_finish(courier, &o, 1);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_CONFIG);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    outcome_free(&o);
    souk_courier_free(courier);
}

static void script_silent(test_peer *peer)
{
    if (peer_read(peer)) {
        peer_wait(peer, 1);
    }
}

static void a_cancelled_one_ends_at_once(void)
{
    test_server *server = server_start(script_silent);
    souk_courier *courier = courier_start(NULL);
    souk_port port = souk_courier_port(courier);
    outcome o;
    outcome_init(&o, 1);
    souk_ms before = souk_clock_now();
    courier_post(courier, post_to(server->url, 1), "x");
    port.cancel(port.user, 99); /* nobody knows it */
    port.cancel(port.user, 1);
    courier_finish(courier, &o, 1);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK(souk_clock_now() - before < 3000);
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

enum { LARGE = 40 * 1024 * 1024 };

static void script_large(test_peer *peer)
{
    static char bytes[64 * 1024 + 1];
    char head[128];
    memset(bytes, 'a', sizeof bytes - 1);
    if (peer_read(peer)) {
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE);
        peer_send(peer, head);
        for (int i = 0; i < LARGE / (64 * 1024); i++) {
            peer_send(peer, bytes);
            atomic_fetch_add(&peer->server->gate, 1); /* how far it got */
        }
    }
}

/* Whoever does not fetch is not flooded: the server has to wait, and nothing is lost. */
static void a_large_answer_waits_for_whoever_fetches(void)
{
    test_server *server = server_start(script_large);
    souk_courier *courier = courier_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    souk_exchange exchange = post_to(server->url, 1);
    exchange.stream = true;
    exchange.max_body = LARGE;
    exchange.timeout_ms = SOUK_NEVER;
    courier_post(courier, exchange, "x");
    usleep(500 * 1000);
    int waits_at = atomic_load(&server->gate);
    usleep(300 * 1000);
    CHECK_INT(atomic_load(&server->gate), waits_at);
    CHECK(waits_at > 0 && waits_at < LARGE / (64 * 1024) / 2);
    courier_finish(courier, &o, 1);
    CHECK(!o.failed);
    CHECK_INT(o.body.len, LARGE);
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

static void freeing_it_cuts_everything_off(void)
{
    test_server *server = server_start(script_silent);
    for (int i = 0; i < 20; i++) {
        souk_courier *courier = courier_start(NULL);
        for (souk_id id = 1; id <= 8; id++) {
            courier_post(courier, post_to(server->url, id), "x");
        }
        CHECK_INT(courier_spawn(courier, 100, "cat"), SOUK_OK);
        if (i % 2 == 0) {
            usleep((useconds_t)i * 1000);
        }
        souk_ms before = souk_clock_now();
        souk_courier_free(courier);
        CHECK(souk_clock_now() - before < 3000);
    }
    server_stop(server);
}

/* --- children --- */

static void a_child_is_written_to_and_heard(void)
{
    souk_courier *courier = courier_start(NULL);
    souk_port port = souk_courier_port(courier);
    outcome o;
    outcome_init(&o, 1);
    setenv("SOUK_COURIER_TEST", "asked for", 1);
    CHECK_INT(courier_spawn(courier, 1, "echo \"$SOUK_COURIER_TEST\"; exec cat"), SOUK_OK);
    setenv("SOUK_COURIER_TEST", "changed later", 1);
    CHECK_INT(courier_write(courier, 1, "one\n", NULL), SOUK_OK);
    CHECK_INT(courier_write(courier, 1, "two\n", NULL), SOUK_OK);
    courier_hear(courier, &o, "asked for\none\ntwo\n");
    port.close_child(port.user, 1, 1000);
    courier_finish(courier, &o, 1);
    CHECK_INT(o.exit_code, 0);
    CHECK_INT(o.unwritten, 0);
    outcome_free(&o);
    souk_courier_free(courier);
}

static void a_child_that_cannot_be_started_is_told(void)
{
    souk_courier *courier = courier_start(NULL);
    const char *argv[] = {"souk-no-such-program", NULL};
    const char *env[] = {"A=1", NULL};
    souk_spawn spawn = {.id = 1, .argv = argv, .env = env};
    souk_port port = souk_courier_port(courier);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(port.spawn(port.user, &spawn, NULL), SOUK_OK);
    courier_finish(courier, &o, 1);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_HAS(o.err.message, "souk-no-such-program");
    outcome_free(&o);
    souk_courier_free(courier);
}

static void a_child_that_does_not_listen_is_told(void)
{
    souk_courier *courier = courier_start(NULL);
    souk_port port = souk_courier_port(courier);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(courier_spawn(courier, 1, "exec 0<&-; echo deaf; sleep 60"), SOUK_OK);
    courier_hear(courier, &o, "deaf");
    for (int i = 0; i < 100 && o.unwritten == 0; i++) {
        CHECK_INT(courier_write(courier, 1, "hello\n", NULL), SOUK_OK);
        CHECK_INT(souk_courier_wait(courier, 20, NULL), SOUK_OK);
        courier_fetch(courier, &o, 1);
    }
    CHECK(o.unwritten > 0);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    port.close_child(port.user, 1, 0);
    courier_finish(courier, &o, 1);
    CHECK_INT(courier_write(courier, 1, "nobody there\n", NULL), SOUK_OK); /* and nothing follows */
    CHECK_INT(souk_courier_wait(courier, 50, NULL), SOUK_OK);
    courier_fetch(courier, &o, 1);
    outcome_free(&o);
    souk_courier_free(courier);
}

/* --- the bell --- */

static void the_bell_rings_for_events_and_for_times(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    int fd = souk_courier_fd(courier);
    outcome o;
    outcome_init(&o, 1);
    CHECK(!rings(fd, 20));
    courier_post(courier, post_to(server->url, 1), "x");
    CHECK(rings(fd, 5000));
    souk_courier_hush(courier);
    courier_finish(courier, &o, 1);
    CHECK(!rings(fd, 20));
    souk_ms before = souk_clock_now();
    souk_courier_wake_at(courier, before + 1000000);
    souk_courier_wake_at(courier, before + 60); /* the earlier one counts */
    souk_courier_wake_at(courier, before + 5000);
    souk_courier_wake_at(courier, SOUK_NEVER);
    CHECK(rings(fd, 4000));
    CHECK(souk_clock_now() - before >= 60);
    CHECK_INT(souk_courier_wait(courier, 0, NULL), SOUK_OK);
    CHECK(!rings(fd, 20));
    souk_courier_wake_at(courier, souk_clock_now());
    CHECK(rings(fd, 0));
    CHECK_INT(souk_courier_wait(courier, 0, NULL), SOUK_OK);
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

static void what_is_corked_waits_for_its_end(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    outcome all[3];
    CHECK(!rings(souk_courier_fd(courier), 50)); /* now the thread sleeps */
    souk_courier_cork(courier);
    for (souk_id id = 1; id <= 3; id++) {
        outcome_init(&all[id - 1], id);
        courier_post(courier, post_to(server->url, id), "x");
    }
    CHECK(!rings(souk_courier_fd(courier), 100));
    CHECK_INT(atomic_load(&server->requests), 0);
    souk_courier_uncork(courier);
    courier_finish(courier, all, 3);
    souk_courier_cork(courier);
    outcome_free(&all[0]);
    outcome_init(&all[0], 4);
    courier_post(courier, post_to(server->url, 4), "x");
    courier_finish(courier, all, 1); /* waiting for it ends the cork */
    for (int i = 0; i < 3; i++) {
        CHECK(!all[i].failed);
        outcome_free(&all[i]);
    }
    souk_courier_free(courier);
    server_stop(server);
}

static void waiting_ends_at_the_time_that_was_asked_for(void)
{
    souk_courier *courier = courier_start(NULL);
    souk_ms before = souk_clock_now();
    souk_courier_wake_at(courier, before + 50);
    CHECK_INT(souk_courier_wait(courier, 10000, NULL), SOUK_OK);
    CHECK(souk_clock_now() - before < 5000);
    before = souk_clock_now();
    CHECK_INT(souk_courier_wait(courier, 30, NULL), SOUK_OK);
    CHECK(souk_clock_now() - before >= 30);
    souk_courier_free(courier);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The folder that the socket was in, whether it is still there. */
static bool is_left_behind(const char *door)
{
    char folder[SOUK_DOOR_MAX];
    snprintf(folder, sizeof folder, "%s", door);
    *strrchr(folder, '/') = '\0';
    return access(door, F_OK) == 0 || access(folder, F_OK) == 0;
}

static void a_guest_hears_it_at_a_socket(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    const char *path = NULL;
    char door[SOUK_DOOR_MAX];
    souk_err err;
    outcome o;
    char byte;
    outcome_init(&o, 1);
    CHECK_INT(souk_courier_open_door(courier, "/tmp", &path, &err), SOUK_OK);
    snprintf(door, sizeof door, "%s", path);
    courier_post(courier, post_to(server->url, 1), "x"); /* before anybody listens */
    int guest = connect_to(door);
    CHECK(guest >= 0);
    CHECK_INT(souk_courier_let_in(courier, &err), SOUK_OK);
    CHECK(!is_left_behind(door));
    CHECK(rings(guest, 5000));
    CHECK_INT(recv(guest, &byte, 1, 0), 1);
    courier_finish(courier, &o, 1);
    souk_courier_wake_at(courier, souk_clock_now() + 20);
    CHECK(rings(guest, 5000));
    CHECK_INT(recv(guest, &byte, 1, 0), 1);
    souk_courier_close_door(courier);
    CHECK_INT(recv(guest, &byte, 1, 0), 0);
    close(guest);
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

static void a_door_that_cannot_be_made_says_why(void)
{
    souk_courier *courier = courier_start(NULL);
    const char *path = NULL;
    souk_err err;
    char long_folder[200];
    CHECK_INT(souk_courier_open_door(courier, "/nowhere/at/all", &path, &err), SOUK_E_FILE);
    CHECK_HAS(err.message, "/nowhere/at/all");
    memset(long_folder, 'a', sizeof long_folder - 1);
    long_folder[sizeof long_folder - 1] = '\0';
    CHECK_INT(souk_courier_open_door(courier, long_folder, &path, &err), SOUK_E_FILE);
    CHECK_INT(souk_courier_open_door(courier, "/tmp", &path, &err), SOUK_OK);
    CHECK_INT(souk_courier_let_in(courier, &err), SOUK_E_TRANSPORT); /* nobody came */
    CHECK_HAS(err.message, "did not connect");
    souk_courier_free(courier);
}

#if FORKS
/* Runs f in a forked process; its exit code. */
static int in_a_fork(int (*f)(void *), void *user)
{
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(f(user));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int come_as_a_stranger(void *user)
{
    int fd = connect_to(user);
    char byte;
    return fd >= 0 && rings(fd, 5000) && recv(fd, &byte, 1, 0) == 0 ? 0 : 1; /* shown out */
}

static void a_stranger_is_not_let_in(void)
{
    souk_courier *courier = courier_start(NULL);
    const char *path = NULL;
    char door[SOUK_DOOR_MAX];
    souk_err err;
    CHECK_INT(souk_courier_open_door(courier, "/tmp", &path, &err), SOUK_OK);
    snprintf(door, sizeof door, "%s", path);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(come_as_a_stranger(door));
    }
    usleep(200 * 1000);
    CHECK_INT(souk_courier_let_in(courier, &err), SOUK_E_TRANSPORT);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    CHECK(!is_left_behind(door));
    souk_courier_free(courier);
}

/* --- forks and the end of the process --- */

static int use_what_is_the_parents(void *user)
{
    souk_courier *courier = user;
    souk_port port = souk_courier_port(courier);
    souk_exchange exchange = post_to("http://127.0.0.1:1/", 77);
    souk_io_event event;
    souk_err err;
    bool refused = port.exchange(port.user, &exchange, &err) == SOUK_E_CLOSED &&
                   contains(err.message, "cannot be used in process") &&
                   souk_courier_wait(courier, 1000, &err) == SOUK_E_CLOSED &&
                   !souk_courier_next(courier, &event) && souk_courier_fd(courier) == -1;
    souk_courier_free(courier);
    /* One of its own works. */
    test_server *server = server_start(script_ok);
    souk_courier *own = courier_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    courier_post(own, post_to(server->url, 1), "x");
    courier_finish(own, &o, 1);
    souk_courier_free(own);
    server_stop(server);
    bool works = !o.failed;
    outcome_free(&o);
    return refused && works ? 0 : 1;
}

static void a_forked_process_is_refused_and_has_its_own(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(in_a_fork(use_what_is_the_parents, courier), 0);
    courier_post(courier, post_to(server->url, 1), "x");
    courier_finish(courier, &o, 1);
    CHECK(!o.failed); /* the parent's goes on */
    outcome_free(&o);
    souk_courier_free(courier);
    server_stop(server);
}

static int leave_in_the_middle(void *user)
{
    const test_server *server = user;
    souk_courier *courier = courier_start(NULL);
    outcome o;
    outcome_init(&o, 9);
    courier_post(courier, post_to(server->url, 1), "x");
    (void)courier_spawn(courier, 9, "trap '' TERM; echo $$; exec sleep 60");
    courier_hear(courier, &o, "\n");
    FILE *file = fopen("/dev/fd/9", "w"); /* who was started is told through a pipe */
    fprintf(file, "%s", o.body.data);
    fclose(file);
    exit(0); /* and not _exit: with exit handlers */
}

static void a_process_that_exits_leaves_no_thread_and_no_child(void)
{
    test_server *server = server_start(script_silent);
    int ends[2];
    char text[32] = {0};
    CHECK_INT(pipe(ends), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 9);
        leave_in_the_middle(server);
    }
    close(ends[1]);
    CHECK(read(ends[0], text, sizeof text - 1) > 0);
    close(ends[0]);
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    CHECK(dies((pid_t)atol(text)));
    server_stop(server);
}
#endif

static void making_one_without_memory_leaves_nothing(void)
{
    failing_alloc failing = {.fired = true};
    int descriptors = open_descriptors();
    for (long nth = 1; failing.fired; nth++) {
        souk_courier *courier = NULL;
        souk_err err;
        failing_alloc_init(&failing, nth);
        int rc = souk_courier_new(&failing.alloc, NULL, &courier, &err);
        CHECK_INT(rc, failing.fired ? SOUK_E_LIMIT : SOUK_OK);
        CHECK((courier == NULL) == failing.fired);
        souk_courier_free(courier);
        CHECK_INT(failing.live, 0);
        CHECK_INT(open_descriptors(), descriptors);
    }
}

/* Signals are for the program's own threads. */
static atomic_ulong handled_by;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&handled_by, (unsigned long)pthread_self());
}

static void signals_are_left_to_the_caller(void)
{
    souk_courier *courier = courier_start(NULL);
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    sigset_t one;
    sigaction(SIGUSR1, &action, &before);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    kill(getpid(), SIGUSR1);
    usleep(100 * 1000);
    CHECK_INT(atomic_load(&handled_by), 0); /* no thread of souk took it */
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    usleep(1000);
    CHECK(atomic_load(&handled_by) == (unsigned long)pthread_self());
    sigaction(SIGUSR1, &before, NULL);
    souk_courier_free(courier);
}

int main(void)
{
    signal(SIGPIPE, SIG_DFL);
    CASE(a_post_is_sent_and_its_answer_comes_back);
    CASE(many_are_in_flight_again_and_again);
    CASE(what_is_refused_comes_as_a_failure);
    CASE(a_cancelled_one_ends_at_once);
    CASE(a_large_answer_waits_for_whoever_fetches);
    CASE(freeing_it_cuts_everything_off);
    CASE(a_child_is_written_to_and_heard);
    CASE(a_child_that_cannot_be_started_is_told);
    CASE(a_child_that_does_not_listen_is_told);
    CASE(the_bell_rings_for_events_and_for_times);
    CASE(what_is_corked_waits_for_its_end);
    CASE(waiting_ends_at_the_time_that_was_asked_for);
    CASE(a_guest_hears_it_at_a_socket);
    CASE(a_door_that_cannot_be_made_says_why);
    CASE(making_one_without_memory_leaves_nothing);
    CASE(signals_are_left_to_the_caller);
#if FORKS
    CASE(a_stranger_is_not_let_in);
    CASE(a_forked_process_is_refused_and_has_its_own);
    CASE(a_process_that_exits_leaves_no_thread_and_no_child);
#endif
    return tap_done();
}
