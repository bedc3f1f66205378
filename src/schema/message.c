#include "schema/message.h"

#include <string.h>

#include "base/utf8.h"
#include "json/num.h"

enum { LONGEST_NAME = 64, LONGEST_POINTER = 256 };

void souk_message_init(souk_message *message)
{
    message->len = 0;
    message->text[0] = '\0';
}

/* What does not fit is left out as a whole. */
static void add(souk_message *message, souk_slice bytes)
{
    if (bytes.len > 0 && bytes.len < sizeof message->text - message->len) {
        memcpy(message->text + message->len, bytes.ptr, bytes.len);
        message->len += bytes.len;
        message->text[message->len] = '\0';
    }
}

void souk_message_add(souk_message *message, const char *text)
{
    add(message, souk_slice_of(text));
}

void souk_message_add_count(souk_message *message, uint64_t count)
{
    char digits[SOUK_NUM_TEXT];
    int64_t shown = count > INT64_MAX ? INT64_MAX : (int64_t)count;
    add(message, souk_slice_make(digits, souk_num_write_int(shown, digits)));
}

static void add_escaped(souk_message *message, souk_slice character, uint32_t code_point)
{
    static const char hex[] = "0123456789abcdef";
    bool control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
    if (!control) {
        add(message, character);
        return;
    }
    char escape[6] = {'\\', 'u', '0', '0', hex[code_point >> 4], hex[code_point & 15]};
    add(message, souk_slice_make(escape, sizeof escape));
}

void souk_message_add_bytes(souk_message *message, souk_slice bytes, size_t most)
{
    size_t at = 0;
    while (at < bytes.len) {
        uint32_t code_point;
        size_t len = souk_utf8_decode(souk_slice_from(bytes, at), &code_point);
        if (len == 0 || at + len > most) {
            souk_message_add(message, "...");
            return;
        }
        add_escaped(message, souk_slice_make(bytes.ptr + at, len), code_point);
        at += len;
    }
}

/* --- pointers --- */

/* One step from a container towards a place below it. */
typedef struct step {
    const souk_jval *key; /* of an object's member, else NULL */
    const souk_jval
        *child; /* the value that is, or contains, the place; NULL when the place is the key */
    size_t index;
} step;

static step step_towards(const souk_jval *container, const souk_jval *place)
{
    step s = {NULL, souk_json_first(container), 0};
    bool is_object = container->type == SOUK_JSON_OBJECT;
    for (;; s.index++) {
        s.key = is_object ? s.child : NULL;
        if (is_object && place == s.key) {
            s.child = NULL;
            return s;
        }
        s.child = is_object ? s.key + 1 : s.child;
        const souk_jval *after = souk_json_after(s.child);
        if (place < after) {
            return s;
        }
        s.child = after;
    }
}

/* "~" and "/" have escapes of their own in a pointer. */
static void add_name(souk_message *message, souk_slice name)
{
    size_t start = 0;
    size_t shown = name.len < LONGEST_NAME ? name.len : LONGEST_NAME;
    for (size_t i = 0; i < shown; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/') {
            souk_message_add_bytes(message, souk_slice_make(name.ptr + start, i - start), i);
            souk_message_add(message, name.ptr[i] == '~' ? "~0" : "~1");
            start = i + 1;
        }
    }
    souk_message_add_bytes(message, souk_slice_from(name, start), shown - start);
}

void souk_message_add_pointer(souk_message *message, const souk_jval *root, const souk_jval *place)
{
    size_t start = message->len;
    while (root != place) {
        step s = step_towards(root, place);
        if (s.child == NULL) {
            return;
        }
        souk_message_add(message, "/");
        if (message->len - start > LONGEST_POINTER) {
            souk_message_add(message, "...");
            return;
        }
        if (s.key != NULL) {
            add_name(message, souk_json_string(s.key));
        } else {
            souk_message_add_count(message, s.index);
        }
        root = s.child;
    }
}

bool souk_message_is_key(const souk_jval *root, const souk_jval *place)
{
    while (root != place) {
        step s = step_towards(root, place);
        if (s.child == NULL) {
            return true;
        }
        root = s.child;
    }
    return false;
}

int souk_message_fail(const souk_message *message, int kind, souk_err *err)
{
    return souk_fail(err, kind, "%s", message->text);
}
