/*
 * What can go wrong, in one table. The Lua binding and the README's table are checked against it.
 *
 * Every function that can fail returns an int: SOUK_OK, or one of the negative SOUK_E_ kinds.
 * Details go into a souk_err that the caller owns. It holds no pointers: it can be copied, and
 * nothing frees it.
 */
#ifndef SOUK_ERR_H
#define SOUK_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, value, text, retryable by default, what it means) */
#define SOUK_KINDS(X)                                                                              \
    X(CONFIG, -1, "config", false, "a capability, server, option or variable is missing or wrong") \
    X(FILE, -2, "file", false, "a file cannot be read, written or parsed")                         \
    X(SCHEMA, -3, "schema", false, "an input or output does not match its schema")                 \
    X(POLICY, -4, "policy", false, "a rule of the marketplace forbids it")                         \
    X(TRANSPORT, -5, "transport", true, "no connection, a broken one, or a dead child process")    \
    X(PROTOCOL, -6, "protocol", false, "the server's answer breaks the protocol")                  \
    X(RPC, -7, "rpc", false, "the server answered with a JSON-RPC error")                          \
    X(TOOL, -8, "tool", false, "the tool ran and reported failure")                                \
    X(AUTH, -9, "auth", false, "credentials are missing or were refused")                          \
    X(TIMEOUT, -10, "timeout", true, "a deadline passed")                                          \
    X(CANCELLED, -11, "cancelled", false, "the caller cancelled it")                               \
    X(LIMIT, -12, "limit", false, "a configured limit, or memory, is exhausted")                   \
    X(CLOSED, -13, "closed", false, "the marketplace, session or server was closed")

enum {
    SOUK_OK = 0,
#define SOUK_KIND_ENUM(name, value, text, retryable, meaning) SOUK_E_##name = value,
    SOUK_KINDS(SOUK_KIND_ENUM)
#undef SOUK_KIND_ENUM
};

/* How far a failed call got. Only the first two prove that the server did not execute it. */
#define SOUK_DELIVERIES(X)                                                                         \
    X(NONE, "")               /* not about a call */                                               \
    X(NOT_SENT, "not_sent")   /* no byte of the request left */                                    \
    X(REJECTED, "rejected")   /* the server refused it before executing */                         \
    X(AMBIGUOUS, "ambiguous") /* it was sent, and no answer says what became of it */              \
    X(DELIVERED, "delivered") /* the server answered */

typedef enum souk_delivery {
#define SOUK_DELIVERY_ENUM(name, text) SOUK_DELIVERY_##name,
    SOUK_DELIVERIES(SOUK_DELIVERY_ENUM)
#undef SOUK_DELIVERY_ENUM
} souk_delivery;

enum { SOUK_MESSAGE_MAX = 512 };

typedef struct souk_err {
    int kind; /* SOUK_OK or SOUK_E_... */
    souk_delivery delivery;
    bool out_of_memory;  /* made by souk_fail_memory, and not by some other limit */
    bool retryable;      /* the same call may succeed later without anybody changing anything */
    bool has_code;       /* code is a JSON-RPC error code */
    int64_t code;        /* JSON-RPC 2.0 section 5.1 */
    int status;          /* HTTP status, 0 when there is none */
    int64_t retry_after; /* ms after which the server, or souk, wants it again; 0: nobody said */
    size_t offset;       /* byte offset in a text that was being read */
    unsigned line;       /* from 1; 0 when there is no position */
    unsigned column;     /* in bytes, from 1 */
    char message[SOUK_MESSAGE_MAX];
} souk_err;

/* "config", "file", ... ; "ok" for SOUK_OK, "unknown" for other values. Static. */
const char *souk_kind_name(int kind);

/* What the kind means, as a clause; static. */
const char *souk_kind_meaning(int kind);

/* "not_sent", ...; "" for SOUK_DELIVERY_NONE. Static. */
const char *souk_delivery_name(souk_delivery delivery);

/* Resets *err to SOUK_OK; NULL is allowed. */
void souk_err_clear(souk_err *err);

/*
 * Fills *err (kind, default retryable, message; all else cleared) and returns `kind`, so that a
 * function can end with `return souk_fail(err, SOUK_E_FILE, "...")`. err may be NULL. A message
 * that is too long is cut between UTF-8 characters; control characters in it, but line feed and
 * tab, become spaces. Only conversions that ignore the locale may be used (no %f, %g).
 */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int souk_fail(souk_err *err, int kind, const char *format, ...);

/* SOUK_E_LIMIT, "out of memory". */
int souk_fail_memory(souk_err *err);

/* Puts "prefix: " before the message of *err, which keeps everything else. err may be NULL. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void souk_err_prefix(souk_err *err, const char *format, ...);

#endif
