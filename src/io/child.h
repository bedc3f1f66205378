/*
 * Child processes of the engine. A child is alive until its leader (the process that was started)
 * is dead; then what it left in its pipes is read, what is left of its process group is killed, and
 * it is reaped. The dead leader is kept as a zombie until then, since that keeps its number, and
 * with it the number of its group, from being reused.
 */
#ifndef SOUK_CHILD_H
#define SOUK_CHILD_H

#include "io/internal.h"
#include "io/process.h"

typedef struct souk_child {
    souk_source source;
    souk_engine *engine;
    struct souk_child *prev;
    struct souk_child *next;
    char *name;           /* argv[0] */
    souk_process process; /* its descriptors become -1 when they are closed */
    int pidfd;            /* -1 where there is none */

    /* child_pipes.c */
    souk_buf input; /* waits for the child to read, from input_done on */
    size_t input_done;
    size_t input_max;
    souk_buf output;
    bool output_paused;
    souk_buf errors;
    souk_buf tail; /* the last bytes of stderr */
    size_t tail_max;

    /* child.c */
    souk_alarm alarm;
    bool closing;
    bool term_sent;
    bool kill_sent;
    souk_ms term_at;
    souk_ms kill_at;
    souk_ms look_at; /* without a pidfd: when to ask whether it is dead */
    bool dead;
    bool reaped; /* by us, or by somebody else */
    souk_ms drain_until;
    int exit_code;
    int exit_signal;
    bool ended; /* nothing follows but the exit event */
} souk_child;

/* --- child_pipes.c --- */

/* Watches the pipes; SOUK_E_LIMIT when that is not possible. */
int souk_pipes_open(souk_child *child, souk_err *err);

/* As souk_port's write. */
int souk_pipes_write(souk_child *child, souk_slice bytes, souk_err *err);

/* Reads again what was paused, once its bytes were fetched. */
void souk_pipes_resume(souk_child *child);

void souk_pipes_close_input(souk_child *child);
void souk_pipes_close(souk_child *child);

/* Cuts the tail of stderr to its size. */
void souk_pipes_trim_tail(souk_child *child);

/* Frees the buffers. */
void souk_pipes_free(souk_child *child);

/* --- child.c, called by child_pipes.c --- */

/* A pipe has come to its end, or the queue to stdin is empty: it may be time for the next step. */
void souk_child_advance(souk_child *child);

/*
 * Out of memory in the middle of its output: what follows would make no sense, so the child is
 * killed.
 */
void souk_child_lose(souk_child *child);

#endif
