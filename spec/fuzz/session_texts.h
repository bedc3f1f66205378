/* What a server may say to fuzz_session: messages that are sound, almost sound, or raw bytes. */
#ifndef SOUK_FUZZ_SESSION_TEXTS_H
#define SOUK_FUZZ_SESSION_TEXTS_H

#include "base/wire.h"
#include "script.h"

enum { TEXT_MAX = 6000 };

#define ELICIT(params) ("\"method\":\"elicitation/create\",\"params\":" params "}")

typedef struct text {
    char bytes[TEXT_MAX];
    size_t len;
} text;

static inline void add(text *t, const char *bytes, size_t len)
{
    size_t room = sizeof t->bytes - 1 - t->len;
    len = len < room ? len : room;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

static inline void add_text(text *t, const char *more)
{
    add(t, more, strlen(more));
}

static inline void add_number(text *t, long long number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", number);
    add_text(t, digits);
}

/* The id of a message: the right one, mostly. Returns the one that it claims, 0 for nonsense. */
static inline long long add_id(script *s, text *t, long long right)
{
    static const char *const others[] = {"\"id\":null,",
                                         "",
                                         "\"id\":\"1\",",
                                         "\"id\":0,",
                                         "\"id\":-1,",
                                         "\"id\":1.5,",
                                         "\"id\":99999999999999999999,"};
    size_t which = script_choose(s, 32);
    if (which < sizeof others / sizeof others[0]) {
        add_text(t, others[which]);
        return 0;
    }
    if (which < 12) {
        right = (long long)script_choose(s, 64); /* perhaps another request's */
    }
    add_text(t, "\"id\":");
    add_number(t, right);
    add_text(t, ",");
    return right;
}

static inline void add_result(script *s, text *t, long long id, souk_id via)
{
    static const char *const results[] = {
        "{}",
        "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}",
        "{\"supportedVersions\":[\"2025-06-18\",\"2025-03-26\"]}",
        "{\"supportedVersions\":[\"2040-01-01\"]}",
        "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":{}}",
        "{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{},\"serverInfo\":{}}",
        "{\"protocolVersion\":\"2025-11-25\"}",
        "{\"protocolVersion\":\"1999-01-01\"}",
        "{\"resultType\":\"task\",\"taskId\":\"t\"}",
        "{\"resultType\":\"input_required\",\"requestState\":\"x\"}",
        "[]",
        "null",
    };
    size_t which = script_choose(s, sizeof results / sizeof results[0] + 6);
    if (which < sizeof results / sizeof results[0]) {
        add_text(t, results[which]);
        return;
    }
    add_text(t, "{\"for\":");
    add_number(t, id);
    add_text(t, ",\"via\":");
    add_number(t, (long long)via);
    add_text(t, "}");
}

static inline void add_error(script *s, text *t)
{
    static const int codes[] = {-32700, -32600, -32601, -32602, -32603, -32000,
                                -32001, -32002, -32020, -32021, -32022, 1};
    static const char *const words[] = {"no", "Session not found", "Server not initialized", "",
                                        "\\u00e4\\ud83d\\ude00"};
    static const char *const data[] = {"", ",\"data\":{\"supported\":[\"2026-07-28\"]}",
                                       ",\"data\":{\"supported\":[\"2025-03-26\"]}",
                                       ",\"data\":[1]"};
    add_text(t, "{\"code\":");
    add_number(t, codes[script_choose(s, sizeof codes / sizeof codes[0])]);
    add_text(t, ",\"message\":\"");
    add_text(t, words[script_choose(s, 5)]);
    add_text(t, "\"");
    add_text(t, data[script_choose(s, 4)]);
    add_text(t, "}");
}

static inline void add_raw(script *s, text *t)
{
    size_t len = script_byte(s);
    len = len < s->left ? len : s->left;
    add(t, (const char *)s->data, len);
    s->data += len;
    s->left -= len;
}

/* A notification whose params may name one of our requests, or one of the server's. */
static inline void add_notification(script *s, text *t, long long id)
{
    static const char *const starts[] = {
        "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":",
        "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":",
        "\"method\":\"x\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":",
    };
    size_t which = script_choose(s, 3);
    size_t mark = script_choose(s, 4);
    add_text(t, starts[which]);
    add_text(t, mark == 0 ? "\"" : "");
    add_number(t, mark == 1 ? (long long)script_choose(s, 64) : id);
    add_text(t, mark == 0 ? "\"" : "");
    add_text(t, which == 2 ? "}}}" : "}}");
}

static inline void add_message(script *s, text *t, long long id, souk_id via)
{
    static const char *const calls[] = {
        "\"method\":\"ping\"}",
        "\"method\":\"roots/list\",\"params\":{}}",
        "\"method\":\"notifications/progress\",\"params\":[]}",
        "\"method\":7}",
        ELICIT("{\"message\":\"m\",\"requestedSchema\":{}}"),
        ELICIT("{\"mode\":\"url\",\"message\":\"m\",\"url\":\"u\"}"),
        "\"method\":\"sampling/createMessage\",\"params\":{\"messages\":[]}}",
    };
    size_t kind = script_choose(s, 16);
    if (kind == 0) {
        add_raw(s, t);
        return;
    }
    add_text(t, "{\"jsonrpc\":\"2.0\",");
    if (kind == 1) {
        add_notification(s, t, id);
        return;
    }
    id = add_id(s, t, id);
    if (kind < 4) {
        add_text(t, calls[script_choose(s, sizeof calls / sizeof calls[0])]);
    } else if (kind < 8) {
        add_text(t, "\"error\":");
        add_error(s, t);
        add_text(t, "}");
    } else {
        add_text(t, "\"result\":");
        add_result(s, t, id, via);
        add_text(t, "}");
    }
}

static inline void add_messages(script *s, text *t, long long id, souk_id via)
{
    size_t count = script_choose(s, 8);
    if (count > 3) {
        add_message(s, t, id, via);
        return;
    }
    add_text(t, "[");
    for (size_t i = 0; i < count; i++) {
        add_text(t, i > 0 ? "," : "");
        add_message(s, t, id, via);
    }
    add_text(t, "]");
}

#endif
