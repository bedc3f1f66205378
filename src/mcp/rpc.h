/*
 * JSON-RPC 2.0 messages: what a document is, and the messages that need no more than JSON-RPC to be
 * written. Requests are written by mcp/envelope.h.
 */
#ifndef SOUK_MCP_RPC_H
#define SOUK_MCP_RPC_H

#include <stdint.h>

#include "json/doc.h"

typedef enum souk_rpc_id_type {
    SOUK_RPC_ID_NONE = 0, /* the message has no id */
    SOUK_RPC_ID_NULL,     /* only in errors: the peer could not read the id */
    SOUK_RPC_ID_INT,
    SOUK_RPC_ID_STRING
} souk_rpc_id_type;

/* 1 and "1" are different ids. */
typedef struct souk_rpc_id {
    souk_rpc_id_type type;
    int64_t number;  /* SOUK_RPC_ID_INT */
    souk_slice text; /* SOUK_RPC_ID_STRING; borrowed from the document when it was read from one */
} souk_rpc_id;

typedef enum souk_rpc_kind {
    SOUK_RPC_INVALID = 0,
    SOUK_RPC_REQUEST,      /* id, method, perhaps params */
    SOUK_RPC_NOTIFICATION, /* method, perhaps params */
    SOUK_RPC_RESULT,       /* id, result */
    SOUK_RPC_ERROR         /* id (may be none or null), code, message, perhaps data */
} souk_rpc_kind;

/* Everything points into the document that the message was read from. */
typedef struct souk_rpc_message {
    souk_rpc_kind kind;
    souk_rpc_id id;
    souk_slice method;
    const souk_jval *params; /* an object or array; NULL when absent or null */
    const souk_jval *result; /* any value, of a RESULT */
    int64_t code;
    souk_slice message;    /* empty when the error has none */
    const souk_jval *data; /* NULL when absent */
} souk_rpc_message;

/*
 * An error that names no request of ours: it was made before the request was looked at, by the
 * transport. No id, null, or a text (the Python SDK has "server-error"): all of ours are integers.
 */
bool souk_rpc_is_nameless_error(const souk_rpc_message *message);

/* JSON-RPC 2.0 section 5.1, and the codes of MCP that souk acts upon. */
enum {
    SOUK_RPC_PARSE_ERROR = -32700,
    SOUK_RPC_INVALID_REQUEST = -32600,
    SOUK_RPC_METHOD_NOT_FOUND = -32601,
    SOUK_RPC_INVALID_PARAMS = -32602,
    SOUK_RPC_INTERNAL_ERROR = -32603,
    SOUK_RPC_SERVER_ERROR = -32000,          /* first of the range without a fixed meaning */
    SOUK_RPC_SESSION_NOT_FOUND = -32001,     /* used so by some legacy servers, defined nowhere */
    SOUK_RPC_NOT_INITIALIZED = -32002,       /* likewise; also "resource not found" */
    SOUK_RPC_HEADER_MISMATCH = -32020,       /* 2026-07-28 */
    SOUK_RPC_MISSING_CAPABILITY = -32021,    /* 2026-07-28 */
    SOUK_RPC_UNSUPPORTED_VERSION = -32022,   /* 2026-07-28 */
    SOUK_RPC_URL_ELICITATION_NEEDED = -32042 /* 2025-11-25 only */
};

bool souk_rpc_id_eq(souk_rpc_id a, souk_rpc_id b);
souk_rpc_id souk_rpc_id_int(int64_t number);
souk_rpc_id souk_rpc_id_string(souk_slice text);

/*
 * Classifies one message. Strict: "jsonrpc" must be "2.0"; ids are strings or integers of 64 bits,
 * and null only in errors; a response has either a result or an error; an error's code is an
 * integer. Lenient where nothing is lost: unknown members are ignored, params null counts as
 * absent, an error without a message text has an empty one.
 *
 * SOUK_OK, or SOUK_E_PROTOCOL with *err saying what is wrong and message->kind SOUK_RPC_INVALID.
 * root may be NULL (an empty document). *message lives as long as the document.
 */
int souk_rpc_read(const souk_jval *root, souk_rpc_message *message, souk_err *err);

/*
 * Fills *err from a message of kind ERROR: SOUK_E_RPC with code and the server's text, delivery
 * REJECTED for codes that say that nothing was executed (unparsable, invalid, unknown method, wrong
 * version, header or capability), else DELIVERED. Returns SOUK_E_RPC.
 */
int souk_rpc_fail(const souk_rpc_message *message, souk_err *err);

/*
 * Writers append one message, without a newline, to `out`. result, data and params are JSON texts,
 * copied as they are. They return SOUK_OK, or SOUK_E_LIMIT or SOUK_E_SCHEMA (invalid UTF-8) with
 * *err filled; `out` is then of no use.
 */

/* id: of the request that is answered; it is echoed exactly. */
int souk_rpc_write_result(souk_buf *out, souk_rpc_id id, souk_slice result, souk_err *err);

/* id of type NONE is written as null. data may be empty: none. */
int souk_rpc_write_error(souk_buf *out, souk_rpc_id id, int64_t code, souk_slice message,
                         souk_slice data, souk_err *err);

/* params may be empty: none. */
int souk_rpc_write_notification(souk_buf *out, souk_slice method, souk_slice params, souk_err *err);

#endif
