#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int kind;
    const char *name;
    bool retryable;
    const char *meaning;
} kinds[] = {
#define SOUK_KIND_ROW(name, value, text, retryable, meaning) {value, text, retryable, meaning},
    SOUK_KINDS(SOUK_KIND_ROW)
#undef SOUK_KIND_ROW
};

static const char *const delivery_names[] = {
#define SOUK_DELIVERY_ROW(name, text) text,
    SOUK_DELIVERIES(SOUK_DELIVERY_ROW)
#undef SOUK_DELIVERY_ROW
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

const char *souk_kind_name(int kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].name;
        }
    }
    return kind == SOUK_OK ? "ok" : "unknown";
}

const char *souk_kind_meaning(int kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].meaning;
        }
    }
    return "";
}

static bool kind_retryable(int kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].retryable;
        }
    }
    return false;
}

const char *souk_delivery_name(souk_delivery delivery)
{
    size_t count = sizeof delivery_names / sizeof delivery_names[0];
    return (size_t)delivery < count ? delivery_names[delivery] : "";
}

void souk_err_clear(souk_err *err)
{
    if (err != NULL) {
        memset(err, 0, sizeof *err);
    }
}

/* A cut can fall inside a UTF-8 character; drops the bytes of an unfinished one. */
static void drop_partial_character(char *text)
{
    size_t len = strlen(text);
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (want > 1 && len - (start - 1) < want) {
        text[start - 1] = '\0';
    }
}

/* Messages quote what servers and files say, and end up on terminals: control characters become
 * spaces. */
static void drop_control_characters(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
            *text = ' ';
        }
    }
}

int souk_fail(souk_err *err, int kind, const char *format, ...)
{
    if (err == NULL) {
        return kind;
    }
    /* The arguments may point into err->message, so the new text is made aside. */
    char message[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (wanted < 0) {
        message[0] = '\0';
    } else if ((size_t)wanted >= sizeof message) {
        drop_partial_character(message);
    }
    drop_control_characters(message);
    souk_err_clear(err);
    err->kind = kind;
    err->retryable = kind_retryable(kind);
    memcpy(err->message, message, sizeof message);
    return kind;
}

int souk_fail_memory(souk_err *err)
{
    souk_fail(err, SOUK_E_LIMIT, "out of memory");
    if (err != NULL) {
        err->out_of_memory = true;
    }
    return SOUK_E_LIMIT;
}

void souk_err_prefix(souk_err *err, const char *format, ...)
{
    if (err == NULL) {
        return;
    }
    char joined[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(joined, sizeof joined, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof joined) {
        return; /* a prefix that leaves no room for the message helps nobody */
    }
    size_t room = sizeof joined - (size_t)used;
    int rest = snprintf(joined + used, room, ": %s", err->message);
    if (rest >= 0 && (size_t)rest >= room) {
        drop_partial_character(joined);
    }
    memcpy(err->message, joined, sizeof joined);
}
