/*
 * When this process is killed, nobody is left to end its children. On Linux the kernel ends those
 * that we started (process_start.c), but not what they started in turn: the server behind `npx` or
 * `sh -c`. So while there are children, a small shell outlives us: it reads the numbers of their
 * process groups from a pipe, and kills the groups when the pipe closes, however we end.
 *
 * Where no such shell can be started, children go without it. What a server puts into a session or
 * group of its own is nobody's business but the server's.
 */
#ifndef SOUK_KEEPER_H
#define SOUK_KEEPER_H

#include "io/internal.h"

/* Starts the keeper, if there is none. */
void souk_keeper_add(souk_engine *engine, pid_t group);

/* To be called before the leader is reaped: afterwards its number may be somebody else's. */
void souk_keeper_remove(souk_engine *engine, pid_t group);

/* Ends the keeper. All groups have to be gone. */
void souk_keeper_stop(souk_engine *engine);

/* In a forked process: the keeper belongs to the parent. */
void souk_keeper_abandon(souk_engine *engine);

#endif
