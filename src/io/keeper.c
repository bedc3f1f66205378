#include "io/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/child.h"
#include "io/quiet_write.h"

/* `read` fails when the pipe closes; a signal of the terminal must not end the shell before that.
 */
static const char script[] = "trap '' HUP INT QUIT TERM\n"
                             "groups=' '\n"
                             "while read -r what group; do\n"
                             "  case $what in\n"
                             "  +) groups=\"$groups$group \" ;;\n"
                             "  -) groups=\"${groups%% $group *} ${groups#* $group }\" ;;\n"
                             "  esac\n"
                             "done\n"
                             "for group in $groups; do kill -s KILL -- \"-$group\"; done\n";

enum { GOODBYE_MS = 500 };

static bool is_running(const souk_engine *engine)
{
    return engine->keeper.pid > 0;
}

static bool start(souk_engine *engine)
{
    static const char *const argv[] = {"/bin/sh", "-c", script, "souk-keeper", NULL};
    const souk_spawn spawn = {.argv = argv, .cwd = "/"}; /* no folder is held by it */
    souk_process *keeper = &engine->keeper;
    if (souk_process_start(engine->alloc, &spawn, SOUK_PROCESS_OUTLIVES, keeper, NULL) != SOUK_OK) {
        *keeper = (souk_process){-1, -1, -1, -1};
        return false;
    }
    souk_close_fd(&keeper->out);
    souk_close_fd(&keeper->errors);
    return true;
}

/* A line is written whole or not at all: it is shorter than PIPE_BUF. */
static bool tell(souk_engine *engine, char what, pid_t group)
{
    char line[32];
    int len = snprintf(line, sizeof line, "%c %ld\n", what, (long)group);
    return souk_write_quietly(engine->keeper.in, line, (size_t)len) == len;
}

void souk_keeper_add(souk_engine *engine, pid_t group)
{
    if (is_running(engine) && tell(engine, '+', group)) {
        return;
    }
    /* There is none yet, or somebody has killed it. */
    souk_keeper_stop(engine);
    if (!start(engine)) {
        return;
    }
    (void)tell(engine, '+', group);
    for (const souk_child *child = engine->children; child != NULL; child = child->next) {
        if (!child->reaped && child->process.pid > 0) {
            (void)tell(engine, '+', child->process.pid);
        }
    }
}

void souk_keeper_remove(souk_engine *engine, pid_t group)
{
    if (is_running(engine)) {
        (void)tell(engine, '-', group);
    }
}

void souk_keeper_stop(souk_engine *engine)
{
    if (!is_running(engine)) {
        return;
    }
    pid_t pid = engine->keeper.pid;
    souk_keeper_abandon(engine);
    /* Its pipe is closed, so it ends by itself, which is no news for programs that look at the ends
       of all processes (nginx). Only what is not reaped yet has its number for sure. */
    for (int i = 0; i < GOODBYE_MS; i++) {
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            return;
        }
        (void)poll(NULL, 0, 1);
    }
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

void souk_keeper_abandon(souk_engine *engine)
{
    if (is_running(engine)) {
        souk_close_fd(&engine->keeper.in);
        engine->keeper.pid = -1;
    }
}
