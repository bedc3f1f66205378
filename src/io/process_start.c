/* pipe2 and close_range are not POSIX; where they are missing, slower ways do. */
#ifdef __linux__
/* NOLINTNEXTLINE(bugprone-reserved-identifier): the name that the C library asks for */
#define _GNU_SOURCE 1
#endif

#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "io/os_error.h"

enum {
    START_MS = 10000,    /* from fork to exec; only a file system that hangs needs so long */
    MOST_CLOSED = 65536, /* descriptors looked at where close_range is missing */
};

/* Ours and the child's end of each pipe. */
typedef struct pipe_ends {
    int ours;
    int theirs;
} pipe_ends;

enum { PIPE_IN, PIPE_OUT, PIPE_ERRORS, PIPE_REPORT, PIPE_COUNT };

enum { STEP_NONE, STEP_FOLDER, STEP_PROGRAM, STEP_OTHER };

/* What a child that could not start its program tells through the fourth pipe. */
typedef struct start_report {
    int step;
    int number; /* errno */
} start_report;

/* --- pipes --- */

static int make_pipe(int ends[2])
{
#ifdef __linux__
    return pipe2(ends, O_CLOEXEC);
#else
    if (pipe(ends) != 0) {
        return -1;
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
#endif
}

/*
 * A program without stdin or stdout has 0, 1 or 2 free; the child's ends must not be there, nor
 * ours.
 */
static int move_up(int fd)
{
    if (fd > STDERR_FILENO) {
        return fd;
    }
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    (void)close(fd);
    return higher;
}

void souk_close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void close_pipes(pipe_ends pipes[PIPE_COUNT])
{
    for (int i = 0; i < PIPE_COUNT; i++) {
        souk_close_fd(&pipes[i].ours);
        souk_close_fd(&pipes[i].theirs);
    }
}

static int make_pipes(pipe_ends pipes[PIPE_COUNT], souk_err *err)
{
    for (int i = 0; i < PIPE_COUNT; i++) {
        pipes[i] = (pipe_ends){-1, -1};
    }
    for (int i = 0; i < PIPE_COUNT; i++) {
        int ends[2];
        if (make_pipe(ends) != 0) {
            return souk_fail(err, SOUK_E_LIMIT, "cannot make a pipe: %s", souk_os_error(errno));
        }
        pipes[i].ours = move_up(i == PIPE_IN ? ends[1] : ends[0]);
        pipes[i].theirs = move_up(i == PIPE_IN ? ends[0] : ends[1]);
        if (pipes[i].ours < 0 || pipes[i].theirs < 0) {
            return souk_fail(err, SOUK_E_LIMIT, "cannot make a pipe: %s", souk_os_error(errno));
        }
        if (i != PIPE_REPORT && fcntl(pipes[i].ours, F_SETFL, O_NONBLOCK) != 0) {
            return souk_fail(err, SOUK_E_LIMIT, "cannot make a pipe: %s", souk_os_error(errno));
        }
    }
    return SOUK_OK;
}

/* --- the child, between fork and exec: only functions that are safe in a signal handler --- */

/*
 * Whatever else is open in the parent, the program shall not have it. The report pipe must last
 * until exec.
 */
static void close_others_on_exec(void)
{
#if defined(SYS_close_range) && defined(CLOSE_RANGE_CLOEXEC)
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }
#endif
    long limit = sysconf(_SC_OPEN_MAX);
    int most = limit < 0 || limit > MOST_CLOSED ? MOST_CLOSED : (int)limit;
    for (int fd = STDERR_FILENO + 1; fd < most; fd++) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
}

static void reset_signals(void)
{
    struct sigaction plain;
    memset(&plain, 0, sizeof plain);
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &plain, NULL); /* KILL, STOP and the C library's own refuse: fine */
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void report_and_exit(int fd, int step, int number)
{
    start_report report;
    memset(&report, 0, sizeof report);
    report.step = step;
    report.number = number;
    ssize_t written = write(fd, &report, sizeof report);
    _exit(written == (ssize_t)sizeof report ? 127 : 126);
}

/* Tries each path, as execvp does; returns only when none can be run. */
static int run_program(const souk_process_plan *plan)
{
    int number = ENOENT;
    for (size_t i = 0; plan->paths[i] != NULL; i++) {
        (void)execve(plan->paths[i], plan->argv, plan->envp);
        if (errno == ENOEXEC) {
            plan->shell_argv[1] = plan->paths[i];
            (void)execve(plan->shell_argv[0], plan->shell_argv, plan->envp);
        }
        if (errno == EACCES) {
            number = EACCES; /* said in the end, unless a later folder has the program */
        } else if (errno != ENOENT && errno != ENOTDIR) {
            return errno;
        }
    }
    return number;
}

static void die_with(const souk_process_plan *plan, pid_t parent)
{
    if (plan->outlives) {
        return;
    }
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent) {
        _exit(126); /* it died before we asked to die with it */
    }
}

static _Noreturn void become(const souk_process_plan *plan, const pipe_ends pipes[PIPE_COUNT],
                             pid_t parent)
{
    int report = pipes[PIPE_REPORT].theirs;
    if (setpgid(0, 0) != 0) {
        report_and_exit(report, STEP_OTHER, errno);
    }
    die_with(plan, parent);
    if (dup2(pipes[PIPE_IN].theirs, STDIN_FILENO) < 0 ||
        dup2(pipes[PIPE_OUT].theirs, STDOUT_FILENO) < 0 ||
        dup2(pipes[PIPE_ERRORS].theirs, STDERR_FILENO) < 0) {
        report_and_exit(report, STEP_OTHER, errno);
    }
    close_others_on_exec();
    reset_signals();
    if (plan->cwd != NULL && chdir(plan->cwd) != 0) {
        report_and_exit(report, STEP_FOLDER, errno);
    }
    report_and_exit(report, STEP_PROGRAM, run_program(plan));
}

/* --- the parent --- */

/* No handler of the parent shall run in the child before it has forgotten them. */
static pid_t fork_quietly(const souk_process_plan *plan, const pipe_ends pipes[PIPE_COUNT])
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(plan, pipes, parent);
    }
    int number = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = number;
    return pid;
}

/* The pipe closes without a word when the program runs. */
static start_report read_report(int fd)
{
    start_report report;
    memset(&report, 0, sizeof report);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int rc;
    do {
        rc = poll(&ready, 1, START_MS);
    } while (rc < 0 && errno == EINTR);
    if (rc <= 0) {
        report.step = STEP_OTHER;
        report.number = ETIMEDOUT;
        return report;
    }
    ssize_t got;
    do {
        got = read(fd, &report, sizeof report);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof report) {
        memset(&report, 0, sizeof report);
    }
    return report;
}

static int fail_to_start(const souk_spawn *spawn, const souk_process_plan *plan,
                         start_report report, souk_err *err)
{
    const char *why = souk_os_error(report.number);
    if (report.step == STEP_FOLDER) {
        return souk_fail(err, SOUK_E_TRANSPORT, "cannot run '%s' in the folder '%s': %s",
                         spawn->argv[0], spawn->cwd, why);
    }
    return souk_fail(err, SOUK_E_TRANSPORT, "cannot run '%s': %s%s", spawn->argv[0], why,
                     plan->searched ? " (PATH was searched)" : "");
}

static int start_planned(const souk_spawn *spawn, const souk_process_plan *plan,
                         pipe_ends pipes[PIPE_COUNT], pid_t *out, souk_err *err)
{
    pid_t pid = fork_quietly(plan, pipes);
    if (pid < 0) {
        return souk_fail(err, SOUK_E_LIMIT, "cannot start a process for '%s': %s", spawn->argv[0],
                         souk_os_error(errno));
    }
    for (int i = 0; i < PIPE_COUNT; i++) {
        souk_close_fd(&pipes[i].theirs);
    }
    start_report report = read_report(pipes[PIPE_REPORT].ours);
    souk_close_fd(&pipes[PIPE_REPORT].ours);
    if (report.step == STEP_NONE) {
        *out = pid;
        return SOUK_OK;
    }
    /* It exits by itself after its report: a process that was killed would be news for programs
       that look at the ends of all (nginx). One that hangs in the kernel is not waited for: it
       becomes a zombie when it is let go. */
    bool hangs = report.step == STEP_OTHER && report.number == ETIMEDOUT;
    if (hangs) {
        (void)kill(pid, SIGKILL);
    }
    int how = hangs ? WNOHANG : 0;
    while (waitpid(pid, NULL, how) < 0 && errno == EINTR) {
    }
    int rc = fail_to_start(spawn, plan, report, err);
    if (err != NULL) {
        err->retryable = false;
    }
    return rc;
}

int souk_process_start(const souk_alloc *alloc, const souk_spawn *spawn, souk_process_bond bond,
                       souk_process *out, souk_err *err)
{
    souk_arena arena;
    souk_process_plan plan;
    pipe_ends pipes[PIPE_COUNT];
    souk_arena_init(&arena, alloc);
    int rc = souk_process_prepare(spawn, &arena, &plan, err);
    plan.outlives = bond == SOUK_PROCESS_OUTLIVES;
    if (rc == SOUK_OK) {
        rc = make_pipes(pipes, err);
        if (rc == SOUK_OK) {
            rc = start_planned(spawn, &plan, pipes, &out->pid, err);
        }
        if (rc != SOUK_OK) {
            close_pipes(pipes);
        }
    }
    souk_arena_free(&arena);
    if (rc == SOUK_OK) {
        out->in = pipes[PIPE_IN].ours;
        out->out = pipes[PIPE_OUT].ours;
        out->errors = pipes[PIPE_ERRORS].ours;
    }
    return rc;
}
