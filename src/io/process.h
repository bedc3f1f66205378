/* Starting a process: everything between souk_spawn and a running program with three pipes. */
#ifndef SOUK_PROCESS_H
#define SOUK_PROCESS_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/wire.h"

typedef struct souk_process {
    pid_t pid; /* also the id of its process group */
    int in;    /* our ends of the pipes: non-blocking, closed on exec, 3 or higher */
    int out;
    int errors;
} souk_process;

/* All that the forked child needs, made before the fork, because memory cannot be had after it. */
typedef struct souk_process_plan {
    char **argv;
    char **shell_argv; /* { "/bin/sh", (the script), argv[1], ... } for a script without #! */
    char **envp;
    char **paths; /* the files to try, in order; NULL-terminated */
    const char *cwd;
    bool searched; /* PATH was searched */
    bool outlives; /* this process */
} souk_process_plan;

/*
 * Makes the plan. SOUK_E_CONFIG for an empty command or a variable without a name, SOUK_E_LIMIT
 * when out of memory. It lives in the arena and borrows from *spawn.
 */
int souk_process_prepare(const souk_spawn *spawn, souk_arena *arena, souk_process_plan *plan,
                         souk_err *err);

/*
 * What souk_process_prepare would make of spawn->env and what this process has: for another thread,
 * which must not look at the environment while this one may change it. It lives in the arena and
 * borrows from both. False when out of memory.
 */
bool souk_process_whole_env(const souk_spawn *spawn, souk_arena *arena, const char *const **out);

typedef enum souk_process_bond {
    SOUK_PROCESS_DIES, /* on Linux with the thread that started it */
    SOUK_PROCESS_OUTLIVES
} souk_process_bond;

/*
 * Starts the program and waits until it runs (or cannot). It has its own process group, default
 * signals, and no other descriptors than 0, 1 and 2.
 * SOUK_E_TRANSPORT when the program or its folder is not there; SOUK_E_LIMIT when processes,
 * descriptors or memory are exhausted. The caller closes the pipes and reaps the process.
 */
int souk_process_start(const souk_alloc *alloc, const souk_spawn *spawn, souk_process_bond bond,
                       souk_process *out, souk_err *err);

/* Closes a descriptor that is open, and makes it -1. */
void souk_close_fd(int *fd);

#endif
