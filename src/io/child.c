#ifdef __linux__
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the name that the C library asks for */
#define _GNU_SOURCE 1
#endif

#include "io/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "io/clock.h"
#include "io/keeper.h"
#include "io/os_error.h"

/*
 * Linux 5.3. Elsewhere (and with -DSOUK_NO_PIDFD, for the tests) a dead child is noticed by asking
 * now and then.
 */
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_send_signal) && !defined(SOUK_NO_PIDFD)
#define SOUK_PIDFD 1
#else
#define SOUK_PIDFD 0
#endif

enum {
    DRAIN_MS = 200,      /* after the leader's death, for others who hold its pipes */
    LOOK_MS = 500,       /* without a pidfd: how often to ask whether a quiet child is dead, */
    LOOK_SOON_MS = 10,   /* and how often when its death is near */
    LAST_WAIT_MS = 1000, /* for the dead to be let go, when the engine is freed */
    DEFAULT_QUEUE = 16 * 1024 * 1024,
    SIGNAL_WHOLE_GROUP = 4 /* PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9 */
};

/* --- signals and death --- */

static int open_pidfd(pid_t pid)
{
#if SOUK_PIDFD
    return (int)syscall(SYS_pidfd_open, pid, 0U);
#else
    (void)pid;
    return -1;
#endif
}

static void note_death(souk_child *child, const siginfo_t *info)
{
    child->dead = true;
    child->exit_code = info->si_code == CLD_EXITED ? info->si_status : -1;
    child->exit_signal = info->si_code == CLD_EXITED ? 0 : info->si_status;
}

/* Asks whether the leader is dead, and leaves it unreaped. */
static void look(souk_child *child)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int rc;
    do {
        rc = waitid(P_PID, (id_t)child->process.pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0 && info.si_pid == child->process.pid) {
        note_death(child, &info);
    } else if (rc != 0) {
        /* The program around us has reaped it. Its number may be somebody else's by now. */
        child->dead = true;
        child->reaped = true;
        child->exit_code = -1;
        child->exit_signal = 0;
    }
}

static void signal_group(souk_child *child, int number)
{
    if (!child->dead) {
        look(child);
    }
    if (!child->reaped) {
        (void)kill(-child->process.pid, number);
        return;
    }
#if SOUK_PIDFD
    /* The descriptor still means the group of our child, and nobody else's. */
    if (child->pidfd >= 0) {
        (void)syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, SIGNAL_WHOLE_GROUP);
    }
#endif
}

static void reap(souk_child *child, int options)
{
    pid_t rc = 0;
    while (!child->reaped) {
        rc = waitpid(child->process.pid, NULL, options);
        if (rc < 0 && errno == EINTR) {
            continue;
        }
        child->reaped = rc != 0;
        return;
    }
}

static void close_pidfd(souk_child *child)
{
    if (child->pidfd >= 0) {
        souk_loop_forget(child->engine->loop, child->pidfd);
        (void)close(child->pidfd);
        child->pidfd = -1;
    }
}

/* --- from step to step --- */

/*
 * Kills what is left of the group, which is nothing else than a zombie in the end, and takes all of
 * it down.
 */
static void take_down(souk_child *child)
{
    signal_group(child, SIGKILL);
    souk_keeper_remove(child->engine, child->process.pid);
    reap(child, 0);
    souk_pipes_close(child);
    close_pidfd(child);
}

static void finish(souk_child *child)
{
    take_down(child);
    child->ended = true;
    souk_alarm_set(child->engine, &child->alarm, SOUK_NEVER);
    souk_engine_offer(child->engine, &child->source);
}

static void send_term(souk_child *child)
{
    child->term_sent = true;
    souk_pipes_close_input(child);
    signal_group(child, SIGTERM);
}

static void send_kill(souk_child *child)
{
    child->kill_sent = true;
    souk_pipes_close_input(child);
    signal_group(child, SIGKILL);
}

/* What the dead leader's group may still be allowed: until the ladder's KILL, or a short while. */
static void start_draining(souk_child *child)
{
    souk_ms now = child->engine->now;
    souk_pipes_close_input(child);
    if (child->pidfd >= 0) {
        souk_loop_rest(child->engine->loop, child->pidfd);
    }
    if (!child->term_sent && !child->kill_sent) {
        signal_group(child, SIGTERM);
    }
    child->drain_until = souk_ms_after(now, DRAIN_MS);
    if (child->closing && !child->kill_sent && child->kill_at > child->drain_until) {
        child->drain_until = child->kill_at;
    }
}

static void climb(souk_child *child)
{
    souk_ms now = child->engine->now;
    if (!child->kill_sent && now >= child->kill_at) {
        send_kill(child);
    } else if (!child->term_sent && now >= child->term_at) {
        send_term(child);
    }
    if (child->pidfd < 0 && !child->dead && now >= child->look_at) {
        look(child);
        bool soon = child->process.out < 0 || child->closing;
        child->look_at = souk_ms_after(now, soon ? LOOK_SOON_MS : LOOK_MS);
    }
}

static souk_ms next_ring(const souk_child *child)
{
    if (child->dead) {
        return child->drain_until;
    }
    souk_ms at = child->pidfd < 0 ? child->look_at : SOUK_NEVER;
    if (!child->kill_sent) {
        at = souk_ms_min(at, child->kill_at);
    }
    if (!child->term_sent) {
        at = souk_ms_min(at, child->term_at);
    }
    return at;
}

void souk_child_advance(souk_child *child)
{
    souk_ms now = child->engine->now;
    if (child->ended) {
        return;
    }
    if (child->closing && child->input.len == child->input_done) {
        souk_pipes_close_input(child);
    }
    if (!child->dead) {
        climb(child);
    }
    if (child->dead && child->drain_until == SOUK_NEVER) {
        start_draining(child);
    }
    if (child->dead && child->output_paused) {
        child->drain_until =
            souk_ms_after(now, DRAIN_MS); /* the rest is read when this is fetched */
    }
    bool drained = child->process.out < 0 && child->process.errors < 0;
    if (child->dead && (drained || now >= child->drain_until)) {
        finish(child);
        return;
    }
    souk_alarm_set(child->engine, &child->alarm, next_ring(child));
}

void souk_child_lose(souk_child *child)
{
    child->closing = true;
    send_kill(child);
    souk_pipes_close(child);
    souk_child_advance(child);
}

static void on_alarm(void *owner)
{
    souk_child_advance(owner);
}

static void on_pidfd(void *owner, int fd, unsigned events)
{
    (void)fd;
    (void)events;
    souk_child *child = owner;
    if (!child->dead) {
        look(child);
    }
    souk_child_advance(child);
}

void souk_child_close(souk_engine *engine, souk_source *source, souk_ms grace)
{
    souk_child *child = (souk_child *)source;
    if (child->ended) {
        return;
    }
    souk_ms span = grace < 0 ? 0 : grace;
    child->closing = true;
    if (span == 0 && !child->kill_sent) {
        send_kill(child);
    }
    souk_ms term_at = souk_ms_after(engine->now, span);
    child->term_at = souk_ms_min(child->term_at, term_at);
    child->kill_at = souk_ms_min(child->kill_at, souk_ms_after(term_at, span));
    if (child->dead) {
        child->drain_until = souk_ms_min(child->drain_until, child->kill_at);
    }
    souk_child_advance(child);
}

/* --- life --- */

static void unlink_child(souk_child *child)
{
    if (child->prev != NULL) {
        child->prev->next = child->next;
    } else if (child->engine->children == child) {
        child->engine->children = child->next;
    }
    if (child->next != NULL) {
        child->next->prev = child->prev;
    }
}

static void free_memory(souk_child *child)
{
    souk_pipes_free(child);
    souk_free(child->engine->alloc, child->name);
    souk_free(child->engine->alloc, child);
}

static void free_child(souk_child *child)
{
    souk_engine *engine = child->engine;
    unlink_child(child);
    (void)souk_idmap_remove(&engine->sources, child->source.id);
    souk_alarm_remove(engine, &child->alarm);
    free_memory(child);
    if (engine->children == NULL) {
        souk_keeper_stop(engine);
    }
}

static souk_child *new_child(souk_engine *engine, const souk_spawn *spawn)
{
    souk_child *child = souk_new(engine->alloc, sizeof *child);
    if (child == NULL) {
        return NULL;
    }
    child->engine = engine;
    child->source.id = spawn->id;
    child->source.is_child = true;
    child->process = (souk_process){-1, -1, -1, -1};
    child->pidfd = -1;
    child->input_max = spawn->max_write_queue == 0 ? DEFAULT_QUEUE : spawn->max_write_queue;
    child->tail_max = spawn->stderr_tail;
    child->term_at = SOUK_NEVER;
    child->kill_at = SOUK_NEVER;
    child->drain_until = SOUK_NEVER;
    child->exit_code = -1;
    souk_buf_init(&child->input, engine->alloc, SIZE_MAX);
    souk_buf_init(&child->output, engine->alloc, SIZE_MAX);
    souk_buf_init(&child->errors, engine->alloc, SIZE_MAX);
    souk_buf_init(&child->tail, engine->alloc, SIZE_MAX);
    return child;
}

static int watch_death(souk_child *child, souk_err *err)
{
    souk_engine *engine = child->engine;
    child->pidfd = open_pidfd(child->process.pid);
    child->look_at = souk_ms_after(engine->now, LOOK_SOON_MS);
    if (child->pidfd < 0) {
        return SOUK_OK;
    }
    int rc = souk_loop_adopt(engine->loop, child->pidfd, err);
    return rc != SOUK_OK
               ? rc
               : souk_loop_watch(engine->loop, child->pidfd, SOUK_LOOP_READ, on_pidfd, child, err);
}

/*
 * The process, its pipes and its alarm; on failure nothing of them is left but what free_child
 * frees.
 */
static int bring_up(souk_child *child, const souk_spawn *spawn, souk_err *err)
{
    souk_engine *engine = child->engine;
    int rc = souk_alarm_add(engine, &child->alarm, on_alarm, child, err);
    if (rc == SOUK_OK) {
        rc = souk_process_start(engine->alloc, spawn, SOUK_PROCESS_DIES, &child->process, err);
    }
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_keeper_add(engine, child->process.pid);
    engine->now = souk_clock_now(); /* starting may have taken a while */
    rc = souk_pipes_open(child, err);
    if (rc == SOUK_OK) {
        rc = watch_death(child, err);
    }
    if (rc != SOUK_OK) {
        take_down(child);
        return rc;
    }
    souk_alarm_set(engine, &child->alarm, next_ring(child));
    return SOUK_OK;
}

int souk_child_spawn(souk_engine *engine, const souk_spawn *spawn, souk_err *err)
{
    if (engine->counts.children >= engine->options.max_children) {
        return souk_fail(err, SOUK_E_LIMIT, "%zu child processes are running already",
                         engine->options.max_children);
    }
    int allowed = souk_reach_check_command(engine->options.reach, err);
    if (allowed != SOUK_OK) {
        return allowed;
    }
    souk_child *child = new_child(engine, spawn);
    if (child == NULL) {
        return souk_fail_memory(err);
    }
    const char *name = spawn->argv == NULL ? NULL : spawn->argv[0];
    child->name = souk_dup(engine->alloc, souk_slice_of(name));
    bool added = child->name != NULL && souk_idmap_add(&engine->sources, spawn->id, &child->source);
    int rc = added ? bring_up(child, spawn, err) : souk_fail_memory(err);
    if (rc != SOUK_OK) {
        free_child(child);
        return rc;
    }
    child->next = engine->children;
    if (child->next != NULL) {
        child->next->prev = child;
    }
    engine->children = child;
    engine->counts.children++;
    engine->counts.children_spawned++;
    return SOUK_OK;
}

int souk_child_write(souk_engine *engine, souk_source *source, souk_slice bytes, souk_err *err)
{
    (void)engine;
    return souk_pipes_write((souk_child *)source, bytes, err);
}

/* --- events --- */

static void describe_end(const souk_child *child, souk_err *err)
{
    if (child->exit_signal == 0 && child->exit_code < 0) {
        (void)souk_fail(err, SOUK_E_TRANSPORT, "'%s' ended; how is not known", child->name);
        return;
    }
    if (child->exit_signal == 0) {
        (void)souk_fail(err, SOUK_E_TRANSPORT, "'%s' exited with code %d", child->name,
                        child->exit_code);
        return;
    }
    const char *name = souk_os_signal(child->exit_signal);
    (void)souk_fail(err, SOUK_E_TRANSPORT, "'%s' was killed by signal %d%s%s", child->name,
                    child->exit_signal, name == NULL ? "" : ", SIG", name == NULL ? "" : name);
}

bool souk_child_take(souk_engine *engine, souk_source *source, souk_io_event *event, bool *more)
{
    souk_child *child = (souk_child *)source;
    event->id = source->id;
    if (child->output.len > 0) {
        event->kind = SOUK_IO_STDOUT;
        event->bytes = souk_engine_hand_over(engine, &child->output);
        souk_pipes_resume(child);
        *more = child->errors.len > 0 || child->ended;
        return true;
    }
    if (child->errors.len > 0) {
        event->kind = SOUK_IO_STDERR;
        event->bytes = souk_engine_hand_over(engine, &child->errors);
        *more = child->ended;
        return true;
    }
    if (!child->ended) {
        return false;
    }
    event->kind = SOUK_IO_EXIT;
    event->exit_code = child->exit_code;
    event->exit_signal = child->exit_signal;
    describe_end(child, &event->err);
    souk_pipes_trim_tail(child);
    event->bytes = souk_engine_hand_over(engine, &child->tail);
    engine->counts.children--;
    free_child(child);
    return true;
}

/* --- the end of the engine --- */

void souk_child_free_all(souk_engine *engine)
{
    for (souk_child *child = engine->children; child != NULL; child = child->next) {
        signal_group(child, SIGKILL);
        souk_keeper_remove(engine, child->process.pid);
        souk_pipes_close(child);
        close_pidfd(child);
    }
    souk_ms until = souk_ms_after(souk_clock_now(), LAST_WAIT_MS);
    while (engine->children != NULL) {
        souk_child *child = engine->children;
        reap(child, WNOHANG);
        if (child->reaped || souk_clock_now() >= until) {
            free_child(child);
            continue;
        }
        struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

void souk_child_abandon_all(souk_engine *engine)
{
    souk_keeper_abandon(engine);
    while (engine->children != NULL) {
        souk_child *child = engine->children;
        engine->children = child->next;
        free_memory(child);
    }
}
