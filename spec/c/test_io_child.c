/*
 * Child processes: pipes, ends of all kinds, the ladder that closes them, and what must not be left
 * behind.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io_child_test.h"

/* Runs a script to its end. */
static void run_script(const char *script, outcome *o)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    outcome_init(o, 1);
    CHECK_INT(spawn_script(engine, 1, script, &err), SOUK_OK);
    finish_all(engine, o, 1);
    CHECK_INT(souk_engine_stats(engine).children, 0);
    souk_engine_free(engine);
}

/* --- talking --- */

static void what_is_written_comes_back_from_cat(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    static const char *const argv[] = {"cat", NULL};
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_argv(engine, 1, argv, &err), SOUK_OK);
    CHECK_INT(write_to(engine, 1, "one\n", &err), SOUK_OK);
    CHECK_INT(write_to(engine, 1, "two\n", &err), SOUK_OK);
    wait_for_text(engine, &o, "one\ntwo\n");
    CHECK_INT(o.finals, 0);
    close_child(engine, 1, 5000);
    CHECK_INT(write_to(engine, 1, "three\n", &err), SOUK_E_CLOSED);
    CHECK_TEXT(err.message, "the process 'cat' is being closed");
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    finish_all(engine, &o, 1);
    CHECK_INT(o.exit_code, 0);
    CHECK_INT(o.exit_signal, 0);
    CHECK_TEXT(o.err.message, "'cat' exited with code 0");
    CHECK_SLICE(souk_buf_slice(&o.body), "one\ntwo\n");
    CHECK_INT(write_to(engine, 1, "x", &err), SOUK_E_CLOSED);
    close_child(engine, 1, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void stdout_stderr_and_code_are_told_apart(void)
{
    outcome o;
    run_script("echo out; echo err >&2; exit 3", &o);
    CHECK_SLICE(souk_buf_slice(&o.body), "out\n");
    CHECK_SLICE(souk_buf_slice(&o.errors), "err\n");
    CHECK_SLICE(souk_buf_slice(&o.tail), "err\n");
    CHECK_INT(o.exit_code, 3);
    CHECK_TEXT(o.err.message, "'sh' exited with code 3");
    outcome_free(&o);
}

static void a_death_by_signal_is_named(void)
{
    outcome o;
    run_script("kill -SEGV $$", &o);
    CHECK_INT(o.exit_code, -1);
    CHECK_INT(o.exit_signal, SIGSEGV);
    CHECK_TEXT(o.err.message, "'sh' was killed by signal 11, SIGSEGV");
    outcome_free(&o);
}

static void environment_and_folder_are_those_given(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    static const char *const argv[] = {"sh", "-c", "echo $A-$B-$HOME_OF_TEST; pwd", NULL};
    static const char *const env[] = {"A=first", "B=", "A=last", NULL};
    setenv("HOME_OF_TEST", "inherited", 1);
    setenv("B", "overridden", 1);
    souk_spawn spawn = {.id = 1, .argv = argv, .env = env, .cwd = "/"};
    souk_port port = souk_engine_port(engine);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_OK);
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), "last--inherited\n/\n");
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_flood_of_stderr_blocks_nobody_and_leaves_its_tail(void)
{
    outcome o;
    run_script(
        "i=0; while [ $i -lt 3000 ]; do echo \"complaint number $i of a great many, all of them "
        "about the weather\" >&2; i=$((i+1)); done; echo done",
        &o);
    CHECK_SLICE(souk_buf_slice(&o.body), "done\n");
    CHECK_INT(o.tail.len, 64);
    CHECK_HAS(o.tail.data, "about the weather\n");
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
}

static void much_output_comes_whole_and_waits_when_it_is_not_fetched(void)
{
    souk_engine_options options = {.max_queued = 100000};
    souk_engine *engine = engine_start(&options);
    souk_err err;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(
        spawn_script(engine, 1,
                     "head -c 3000000 /dev/zero | tr '\\0' x; head -c 500000 /dev/zero >&2; echo",
                     &err),
        SOUK_OK);
    for (int i = 0; i < 30; i++) {
        CHECK_INT(souk_engine_wait(engine, 10, NULL), SOUK_OK);
        usleep(1000);
    }
    finish_all(engine, &o, 1);
    CHECK_INT(o.body.len, 3000001);
    CHECK(o.body.len > 0 && o.body.data[o.body.len - 1] == '\n');
    CHECK(o.errors.len <= 500000);
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void what_a_dead_child_wrote_is_kept_until_it_is_fetched(void)
{
    souk_engine_options options = {.max_queued = 10000};
    souk_engine *engine = engine_start(&options);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "head -c 60000 /dev/zero", NULL), SOUK_OK);
    souk_ms until = souk_clock_now() + 600; /* longer than a dead child is drained */
    while (souk_clock_now() < until) {
        CHECK_INT(souk_engine_wait(engine, 10, NULL), SOUK_OK);
        usleep(1000);
    }
    finish_all(engine, &o, 1);
    CHECK_INT(o.body.len, 60000);
    outcome_free(&o);
    souk_engine_free(engine);
}

/* --- stdin --- */

static void a_queue_to_a_child_that_does_not_read_is_bounded(void)
{
    enum { LINE = 100000 };
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    static const char *const argv[] = {"sh", "-c", "read go; wc -c", NULL};
    souk_spawn spawn = {.id = 1, .argv = argv, .max_write_queue = 1000000};
    souk_port port = souk_engine_port(engine);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_OK);
    char *line = malloc(LINE + 1);
    memset(line, 'x', LINE);
    line[LINE] = '\0';
    static const char *const sleeper[] = {"sleep", "10", NULL};
    CHECK_INT(spawn_argv(engine, 2, sleeper, &err), SOUK_OK);
    int written = 0;
    souk_spawn stuck = {.id = 3, .argv = sleeper, .max_write_queue = 1000000};
    CHECK_INT(port.spawn(port.user, &stuck, &err), SOUK_OK);
    while (written < 100 && write_to(engine, 3, line, &err) == SOUK_OK) {
        written++;
    }
    CHECK(written >= 10 && written <= 11); /* the queue, and what the pipe takes */
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_HAS(err.message, "the process 'sleep' does not read its input: ");

    /* One that reads gets it all, in order, although it has to wait for it. */
    CHECK_INT(write_to(engine, 1, "go\n", &err), SOUK_OK);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(write_to(engine, 1, line, &err), SOUK_OK);
    }
    close_child(engine, 1, 10000);
    finish_all(engine, &o, 1);
    CHECK_HAS(o.body.data, "1000000");
    outcome_free(&o);
    free(line);
    souk_engine_free(engine);
}

static void writes_behind_a_queue_keep_their_order(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    /* It reads slowly, so that the queue is half written when more is put behind it. */
    CHECK_INT(
        spawn_script(engine, 1,
                     "i=0; while [ $i -lt 21 ]; do head -c 50000; sleep 0.002; i=$((i+1)); done "
                     "| tail -c 6",
                     NULL),
        SOUK_OK);
    char *line = malloc(200001);
    memset(line, '.', 200000);
    line[200000] = '\0';
    for (int i = 0; i < 5; i++) {
        CHECK_INT(write_to(engine, 1, line, NULL), SOUK_OK);
        drive_for(engine, 5, &o, 1);
    }
    CHECK_INT(write_to(engine, 1, "last\n", NULL), SOUK_OK);
    close_child(engine, 1, 10000);
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), ".last\n");
    free(line);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void what_waits_for_a_child_that_stops_reading_is_dropped(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "read one; exec 0<&-; echo closed; sleep 0.05; exit 0", &err),
              SOUK_OK);
    char *line = malloc(500001);
    memset(line, 'x', 500000);
    line[10] = '\n';
    line[500000] = '\0';
    /* A quick child has closed its end before all of it is written. */
    int wrote = write_to(engine, 1, line, &err);
    CHECK(wrote == SOUK_OK ||
          (wrote == SOUK_E_TRANSPORT && err.delivery == SOUK_DELIVERY_AMBIGUOUS));
    finish_all(engine, &o, 1);
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);

    /* Dead, but its end was not fetched yet. */
    outcome_init(&o, 2);
    CHECK_INT(spawn_script(engine, 2, "exit 0", &err), SOUK_OK);
    CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
    CHECK_INT(write_to(engine, 2, "x", &err), SOUK_E_TRANSPORT);
    CHECK_TEXT(err.message, "the process 'sh' has ended");
    close_child(engine, 2, 0);
    finish_all(engine, &o, 1);
    outcome_free(&o);
    free(line);
    souk_engine_free(engine);
}

static void a_closed_stdin_is_an_error_and_no_signal(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    outcome o;
    outcome_init(&o, 1);
    struct sigaction before;
    struct sigaction after;
    sigaction(SIGPIPE, NULL, &before);
    CHECK(before.sa_handler == SIG_DFL); /* a SIGPIPE would end this program */
    CHECK_INT(spawn_script(engine, 1, "exec 0<&-; echo closed; sleep 10", &err), SOUK_OK);
    wait_for_text(engine, &o, "closed");
    CHECK_INT(write_to(engine, 1, "hello\n", &err), SOUK_E_TRANSPORT);
    CHECK_TEXT(err.message, "the process 'sh' has closed its input");
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(write_to(engine, 1, "hello\n", &err), SOUK_E_TRANSPORT);
    sigaction(SIGPIPE, NULL, &after);
    sigset_t pending;
    sigset_t mask;
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    CHECK(after.sa_handler == SIG_DFL);
    CHECK(!sigismember(&pending, SIGPIPE));
    CHECK(!sigismember(&mask, SIGPIPE));
    close_child(engine, 1, 0);
    finish_all(engine, &o, 1);
    CHECK_INT(o.exit_signal, SIGKILL);
    outcome_free(&o);
    souk_engine_free(engine);
}

/* --- what cannot be started --- */

static void what_cannot_be_run_is_said_at_once(void)
{
    static const struct {
        const char *command;
        const char *cwd;
        const char *message;
    } cases[] = {
        {"souk-no-such-command", NULL,
         "cannot run 'souk-no-such-command': No such file or directory (PATH was searched)"},
        {"/no/such/command", NULL, "cannot run '/no/such/command': No such file or directory"},
        {"/tmp", NULL, "cannot run '/tmp': Permission denied"},
        {"cat", "/no/such/folder",
         "cannot run 'cat' in the folder '/no/such/folder': No such file or directory"},
    };
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argv[] = {cases[i].command, NULL};
        souk_spawn spawn = {.id = i + 1, .argv = argv, .cwd = cases[i].cwd};
        souk_port port = souk_engine_port(engine);
        CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_E_TRANSPORT);
        CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
        CHECK(!err.retryable);
        CHECK_TEXT(err.message, cases[i].message);
    }
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* no zombie either */
    souk_io_event event;
    CHECK_INT(souk_engine_wait(engine, 0, NULL), SOUK_OK);
    CHECK(!souk_engine_next(engine, &event));

    static const char *const nothing[] = {NULL};
    static const char *const empty[] = {"", NULL};
    static const char *const cat[] = {"cat", NULL};
    static const char *const bad_env[] = {"=x", NULL};
    static const char *const no_value[] = {"PATH", NULL};
    CHECK_INT(spawn_argv(engine, 1, nothing, &err), SOUK_E_CONFIG);
    CHECK_INT(spawn_argv(engine, 1, empty, &err), SOUK_E_CONFIG);
    CHECK_INT(spawn_argv(engine, 1, NULL, &err), SOUK_E_CONFIG);
    CHECK_INT(spawn_argv(engine, 0, cat, &err), SOUK_E_CONFIG);
    souk_spawn spawn = {.id = 1, .argv = cat, .env = bad_env};
    souk_port port = souk_engine_port(engine);
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_E_CONFIG);
    spawn.env = no_value;
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_E_CONFIG);
    CHECK_TEXT(err.message, "environment variable 1 for 'cat' is not written as NAME=value");
    souk_engine_free(engine);
}

static void the_path_of_the_child_is_searched(void)
{
    char folder[] = "/tmp/souk-path-XXXXXX";
    char path[64];
    char env_path[128];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/souk-here", folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0755);
    CHECK(write(fd, "echo a script without its first line: $1\n", 41) == 41);
    close(fd);
    snprintf(env_path, sizeof env_path, "PATH=/nowhere:%s:/bin:/usr/bin", folder);
    const char *argv[] = {"souk-here", "yes", NULL};
    const char *env[] = {env_path, NULL};
    souk_engine *engine = engine_start(NULL);
    souk_err err;
    outcome o;
    outcome_init(&o, 1);
    souk_spawn spawn = {.id = 1, .argv = argv, .env = env};
    souk_port port = souk_engine_port(engine);
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_OK);
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), "a script without its first line: yes\n");
    outcome_free(&o);

    /* One that may not be run is passed over, and named when there is no other. */
    chmod(path, 0644);
    spawn.id = 2;
    CHECK_INT(port.spawn(port.user, &spawn, &err), SOUK_E_TRANSPORT);
    CHECK_TEXT(err.message, getuid() == 0
                                ? "cannot run 'souk-here': Permission denied (PATH was searched)"
                                : err.message);
    souk_engine_free(engine);
    unlink(path);
    rmdir(folder);
}

static void children_are_bounded(void)
{
    souk_engine_options options = {.max_children = 1};
    souk_engine *engine = engine_start(&options);
    souk_err err;
    static const char *const argv[] = {"cat", NULL};
    CHECK_INT(spawn_argv(engine, 1, argv, &err), SOUK_OK);
    CHECK_INT(spawn_argv(engine, 2, argv, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "1 child processes are running already");
    CHECK_INT(spawn_argv(engine, 1, argv, &err), SOUK_E_CONFIG);
    souk_engine_free(engine);
}

/* --- the ladder --- */

static void a_child_that_ends_with_its_input_is_not_signalled(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "trap 'echo term' TERM; cat; echo bye", NULL), SOUK_OK);
    CHECK_INT(write_to(engine, 1, "last words\n", NULL), SOUK_OK);
    close_child(engine, 1, 5000);
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), "last words\nbye\n");
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_child_that_stays_gets_term_after_its_grace(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(
                  engine, 1,
                  "trap 'echo term; exit 7' TERM; echo ready; while :; do sleep 0.01; done", NULL),
              SOUK_OK);
    wait_for_text(engine, &o, "ready");
    souk_ms before = souk_clock_now();
    close_child(engine, 1, 400);  /* KILL comes so long after TERM: enough for a busy machine */
    close_child(engine, 1, 5000); /* never slower */
    finish_all(engine, &o, 1);
    souk_ms took = souk_clock_now() - before;
    CHECK(took >= 399 && took < 5000);
    CHECK_HAS(o.body.data, "term");
    CHECK_INT(o.exit_code, 7);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_child_that_ignores_term_is_killed(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(
        spawn_script(engine, 1, "trap '' TERM; echo ready; while :; do sleep 0.01; done", NULL),
        SOUK_OK);
    wait_for_text(engine, &o, "ready");
    souk_ms before = souk_clock_now();
    close_child(engine, 1, 50);
    finish_all(engine, &o, 1);
    souk_ms took = souk_clock_now() - before;
    CHECK(took >= 99 && took < 5000);
    CHECK_INT(o.exit_signal, SIGKILL);
    CHECK_TEXT(o.err.message, "'sh' was killed by signal 9, SIGKILL");
    outcome_free(&o);
    souk_engine_free(engine);
}

static void no_grace_kills_at_once(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "echo ready; exec sleep 100", NULL), SOUK_OK);
    wait_for_text(engine, &o, "ready");
    close_child(engine, 1, 60000);
    close_child(engine, 1, 0);
    finish_all(engine, &o, 1);
    CHECK_INT(o.exit_signal, SIGKILL);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void the_whole_group_goes(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    /* The leader ends by itself; its child ignores TERM, and holds the pipes. */
    CHECK_INT(spawn_script(engine, 1,
                           "(trap '' TERM; exec sleep 100) & echo $!; sleep 0.05; exit 4", NULL),
              SOUK_OK);
    souk_ms before = souk_clock_now();
    finish_all(engine, &o, 1);
    CHECK(souk_clock_now() - before < 5000);
    CHECK_INT(o.exit_code, 4);
    pid_t pid = (pid_t)strtol(o.body.data, NULL, 10);
    CHECK(pid > 1 && dies(pid));
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_grandchild_elsewhere_does_not_delay_the_end(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    /* In a session of its own it is none of our business, but it holds the pipes. */
    CHECK_INT(spawn_script(engine, 1, "setsid sleep 3 & sleep 0.1; exit 0", NULL), SOUK_OK);
    souk_ms before = souk_clock_now();
    finish_all(engine, &o, 1);
    CHECK(souk_clock_now() - before < 2500);
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_hurry_ends_the_draining_of_a_dead_child(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(
        spawn_script(engine, 1, "setsid sleep 3 & sleep 0.1; echo ready; read line; exit 0", NULL),
        SOUK_OK);
    wait_for_text(engine, &o, "ready");
    souk_ms before = souk_clock_now();
    close_child(engine, 1, 20000); /* it dies at once, but others hold its pipes */
    drive_for(engine, 300, &o, 1);
    CHECK_INT(o.finals, 0);
    close_child(engine, 1, 0);
    finish_all(engine, &o, 1);
    CHECK(souk_clock_now() - before < 2000);
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void the_tail_is_the_last_of_stderr(void)
{
    outcome o;
    run_script("printf '%060d' 1 >&2; sleep 0.05; printf '%060d' 2 >&2", &o);
    CHECK_INT(o.errors.len, 120);
    CHECK_INT(o.tail.len, 64);
    CHECK_HAS(o.tail.data, "0001000");
    CHECK(o.tail.len == 64 && o.tail.data[63] == '2');
    outcome_free(&o);
}

/* --- living with others --- */

static void a_child_that_somebody_else_reaped_has_ended_somehow(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "echo out; exit 5", NULL), SOUK_OK);
    int status;
    while (waitpid(-1, &status, 0) < 0 && errno == EINTR) {
    }
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), "out\n");
    CHECK_INT(o.exit_code, -1);
    CHECK_INT(o.exit_signal, 0);
    CHECK_TEXT(o.err.message, "'sh' ended; how is not known");
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_child_has_plain_signals_and_no_descriptors_of_ours(void)
{
    int fd = open("/dev/null", O_RDONLY); /* not closed on exec */
    CHECK(fd >= 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigset_t block;
    sigset_t mask_before;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigaction(SIGPIPE, &ignore, &before);
    pthread_sigmask(SIG_BLOCK, &block, &mask_before);
    outcome o;
    run_script("ls /proc/self/fd | tr '\\n' ' '; grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d "
               "'\\n\\t'",
               &o);
    sigaction(SIGPIPE, &before, NULL);
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    /* 3 is the folder that ls reads. */
    CHECK(souk_slice_starts(souk_buf_slice(&o.body),
                            SOUK_LIT("0 1 2 3 SigBlk:0000000000000000SigIgn:")));
    /* Children of make ignore 32 and 33, the C library's own signals, which nobody can reset. */
    unsigned long long reserved = 3ULL << 31;
    const char *ignored = o.body.len > 16 ? o.body.data + o.body.len - 16 : "1";
    CHECK_INT(strtoull(ignored, NULL, 16) & ~reserved, 0);
    outcome_free(&o);
    close(fd);
}

static void freeing_the_engine_kills_and_reaps(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_script(engine, 1, "trap '' TERM; sleep 100 & echo $$ $!; wait", NULL), SOUK_OK);
    wait_for_text(engine, &o, "\n");
    char *end;
    pid_t leader = (pid_t)strtol(o.body.data, &end, 10);
    pid_t other = (pid_t)strtol(end, NULL, 10);
    CHECK(leader > 1 && other > 1 && is_alive(leader) && is_alive(other));
    souk_ms before = souk_clock_now();
    souk_engine_free(engine);
    CHECK(souk_clock_now() - before < 1000);
    CHECK(!is_alive(leader));
    CHECK_INT(waitpid(leader, NULL, WNOHANG), -1); /* reaped */
    CHECK(dies(other));
    outcome_free(&o);
}

static void a_forked_process_leaves_our_children_alone(void)
{
    souk_engine *engine = engine_start(NULL);
    static const char *const argv[] = {"cat", NULL};
    souk_err err;
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(spawn_argv(engine, 1, argv, &err), SOUK_OK);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        bool fine = spawn_argv(engine, 2, argv, &err) == SOUK_E_CLOSED &&
                    write_to(engine, 1, "from the wrong one\n", &err) == SOUK_E_CLOSED;
        close_child(engine, 1, 0);
        souk_engine_free(engine);
        _exit(fine ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(write_to(engine, 1, "still here\n", &err), SOUK_OK);
    wait_for_text(engine, &o, "still here\n");
    close_child(engine, 1, 5000);
    finish_all(engine, &o, 1);
    CHECK_SLICE(souk_buf_slice(&o.body), "still here\n");
    CHECK_INT(o.exit_code, 0);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_child_dies_with_its_parent(void)
{
    int ends[2];
    char text[32] = {0};
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        souk_engine *engine = engine_start(NULL);
        outcome o;
        outcome_init(&o, 1);
        spawn_script(engine, 1, "echo $$; exec sleep 100", NULL);
        while (o.body.len == 0) {
            souk_engine_wait(engine, 100, NULL);
            fetch(engine, &o, 1);
        }
        ssize_t written = write(ends[1], o.body.data, o.body.len);
        _exit(written > 0 ? 0 : 1); /* without freeing anything */
    }
    CHECK(read(ends[0], text, sizeof text - 1) > 0);
    waitpid(pid, NULL, 0);
    pid_t child = (pid_t)strtol(text, NULL, 10);
    CHECK(child > 1 && dies(child));
    close(ends[0]);
    close(ends[1]);
}

static void two_hundred_children_leave_nothing_behind(void)
{
    enum { ROUNDS = 20, WIDTH = 10 };
    souk_engine *engine = engine_start(NULL);
    static const char *const argv[] = {"cat", NULL};
    int before = open_descriptors();
    souk_id id = 0;
    for (int round = 0; round < ROUNDS; round++) {
        outcome all[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            outcome_init(&all[i], ++id);
            CHECK_INT(spawn_argv(engine, id, argv, NULL), SOUK_OK);
            CHECK_INT(write_to(engine, id, "x\n", NULL), SOUK_OK);
            close_child(engine, id, i % 2 == 0 ? 5000 : 0);
        }
        finish_all(engine, all, WIDTH);
        for (int i = 0; i < WIDTH; i++) {
            outcome_free(&all[i]);
        }
    }
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(souk_engine_stats(engine).children_spawned, ROUNDS * WIDTH);
    CHECK_INT(souk_engine_stats(engine).children, 0);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    souk_engine_free(engine);
}

int main(void)
{
    CASE(what_is_written_comes_back_from_cat);
    CASE(stdout_stderr_and_code_are_told_apart);
    CASE(a_death_by_signal_is_named);
    CASE(environment_and_folder_are_those_given);
    CASE(a_flood_of_stderr_blocks_nobody_and_leaves_its_tail);
    CASE(much_output_comes_whole_and_waits_when_it_is_not_fetched);
    CASE(what_a_dead_child_wrote_is_kept_until_it_is_fetched);
    CASE(a_queue_to_a_child_that_does_not_read_is_bounded);
    CASE(writes_behind_a_queue_keep_their_order);
    CASE(what_waits_for_a_child_that_stops_reading_is_dropped);
    CASE(a_closed_stdin_is_an_error_and_no_signal);
    CASE(a_hurry_ends_the_draining_of_a_dead_child);
    CASE(the_tail_is_the_last_of_stderr);
    CASE(what_cannot_be_run_is_said_at_once);
    CASE(the_path_of_the_child_is_searched);
    CASE(children_are_bounded);
    CASE(a_child_that_ends_with_its_input_is_not_signalled);
    CASE(a_child_that_stays_gets_term_after_its_grace);
    CASE(a_child_that_ignores_term_is_killed);
    CASE(no_grace_kills_at_once);
    CASE(the_whole_group_goes);
    CASE(a_grandchild_elsewhere_does_not_delay_the_end);
    CASE(a_child_that_somebody_else_reaped_has_ended_somehow);
    CASE(a_child_has_plain_signals_and_no_descriptors_of_ours);
    CASE(freeing_the_engine_kills_and_reaps);
    CASE(a_forked_process_leaves_our_children_alone);
    CASE(a_child_dies_with_its_parent);
    CASE(two_hundred_children_leave_nothing_behind);
    return tap_done();
}
