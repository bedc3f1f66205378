/*
 * A session handler that the program itself implements: every operation becomes a question
 * (souk_ask_kind) that the program answers. It is how handlers are written in Lua, and the proof
 * that the pool knows no protocol.
 *
 *     SOUK_ASK_OPEN     {server, identity, config}           answer: any JSON value, the session
 *     SOUK_ASK_CALL     {session, capability, metadata, input}
 *                       {session, capability, method, params}     answer: the result
 *     SOUK_ASK_CANCEL   {session, call}                      no answer
 *     SOUK_ASK_CLOSE    {session}                            no answer
 *
 * An error of kind SOUK_E_CLOSED as the answer to a call means: the session is gone and the call
 * was not executed.
 */
#ifndef SOUK_ASK_HANDLER_H
#define SOUK_ASK_HANDLER_H

#include "pool/handler.h"

/* number: comes with each ask. NULL when out of memory. */
souk_handler *souk_ask_handler_new(const souk_alloc *alloc, souk_slice prefix, uint64_t number);
void souk_ask_handler_free(souk_handler *handler);

#endif
