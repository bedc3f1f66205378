#include "mcp/redact.h"

#include <string.h>

#include "base/utf8.h"

enum {
    SHORTEST_SECRET = 8, /* bytes */
    LONGEST_NAME = 40,   /* bytes of a header's or variable's name that are shown */
    WHOLE_UP_TO = 8,     /* bytes of an id that is shown whole */
    END_BYTES = 4        /* bytes shown from each end of a longer one */
};

static char *put_visible(char *out, souk_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        bool is_visible = bytes.ptr[i] >= 0x21 && bytes.ptr[i] <= 0x7E;
        *out++ = is_visible ? bytes.ptr[i] : '?';
    }
    return out;
}

const char *souk_mcp_shorten(souk_slice id, char out[SOUK_MCP_SHORT_MAX])
{
    static const char ellipsis[] = "\xE2\x80\xA6";
    char *end = out;
    if (id.len <= WHOLE_UP_TO) {
        end = put_visible(end, id);
    } else {
        end = put_visible(end, souk_slice_make(id.ptr, END_BYTES));
        memcpy(end, ellipsis, sizeof ellipsis - 1);
        end += sizeof ellipsis - 1;
        end = put_visible(end, souk_slice_from(id, id.len - END_BYTES));
    }
    *end = '\0';
    return out;
}

typedef struct secret {
    souk_slice value;
    const char *what;
    souk_slice name;
} secret;

/* "Bearer x" is no more secret than x. */
static souk_slice without_scheme(souk_slice value)
{
    size_t blank = souk_slice_find(value, ' ');
    return blank == value.len ? value : souk_slice_trim(souk_slice_from(value, blank));
}

/* The secret of that number; false at the end. */
static bool secret_at(const souk_mcp_secrets *secrets, size_t number, secret *out)
{
    if (number == 0) {
        *out = (secret){without_scheme(secrets->authorization), "the credential",
                        souk_slice_make(NULL, 0)};
        return true;
    }
    number--;
    if (number < secrets->header_count) {
        const souk_header *header = &secrets->headers[number];
        *out = (secret){without_scheme(header->value), "header ", header->name};
        return true;
    }
    const char *assignment =
        secrets->env == NULL ? NULL : secrets->env[number - secrets->header_count];
    if (assignment == NULL) {
        return false;
    }
    souk_slice whole = souk_slice_of(assignment);
    size_t equals = souk_slice_find(whole, '=');
    *out = (secret){souk_slice_from(whole, equals + 1), "variable ",
                    souk_slice_make(whole.ptr, equals)};
    return true;
}

/* How many bytes at the start of the text are the secret, or what a cut has left of it; 0: none. */
static size_t covers(souk_slice value, souk_slice text, bool at_start)
{
    if (value.len < SHORTEST_SECRET) {
        return 0;
    }
    if (souk_slice_starts(text, value)) {
        return value.len;
    }
    if (text.len < value.len && text.len >= SHORTEST_SECRET && souk_slice_starts(value, text)) {
        return text.len;
    }
    for (size_t skip = 1; at_start && value.len - skip >= SHORTEST_SECRET; skip++) {
        if (souk_slice_starts(text, souk_slice_from(value, skip))) {
            return value.len - skip;
        }
    }
    return 0;
}

/* The secret that covers most of the start of the text; 0: none does. */
static size_t longest_at(const souk_mcp_secrets *secrets, souk_slice text, bool at_start,
                         secret *found)
{
    size_t most = 0;
    secret one;
    for (size_t i = 0; secret_at(secrets, i, &one); i++) {
        size_t covered = covers(one.value, text, at_start);
        if (covered > most) {
            most = covered;
            *found = one;
        }
    }
    return most;
}

/* A text of limited room; len goes on counting when it is full. */
typedef struct limited {
    char *out;
    size_t room;
    size_t len;
} limited;

static void put(limited *to, souk_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++, to->len++) {
        if (to->len < to->room) {
            to->out[to->len] = bytes.ptr[i];
        }
    }
}

/* Names of variables may have any bytes, and the text may be JSON. */
static void put_name(limited *to, souk_slice name)
{
    for (size_t i = 0; i < name.len && i < LONGEST_NAME; i++) {
        char c = name.ptr[i];
        bool is_plain = c > 0x20 && c < 0x7F && c != '"' && c != '\\';
        put(to, souk_slice_make(is_plain ? &c : "?", 1));
    }
}

size_t souk_mcp_redact(const souk_mcp_secrets *secrets, souk_slice text, char *out, size_t room)
{
    limited to = {out, room, 0};
    bool at_start = true;
    while (text.len > 0) {
        secret found = {0};
        size_t covered = longest_at(secrets, text, at_start, &found);
        if (covered > 0) {
            put(&to, SOUK_LIT("["));
            put(&to, souk_slice_of(found.what));
            put_name(&to, found.name);
            put(&to, SOUK_LIT("]"));
        } else {
            covered = 1;
            put(&to, souk_slice_make(text.ptr, 1));
        }
        text = souk_slice_from(text, covered);
        at_start = false;
    }
    return to.len;
}

void souk_mcp_redact_error(const souk_mcp_secrets *secrets, souk_err *err)
{
    char text[SOUK_MESSAGE_MAX];
    size_t room = sizeof text - 1, bad = 0;
    souk_slice message = souk_slice_make(err->message, strlen(err->message));
    size_t len = souk_mcp_redact(secrets, message, text, room);
    len = len < room ? len : room;
    if (!souk_utf8_valid(souk_slice_make(text, len), &bad)) {
        len = bad; /* it has grown, and was cut inside of a character */
    }
    text[len] = '\0';
    memcpy(err->message, text, len + 1);
}
