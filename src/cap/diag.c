#include "cap/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { FIRST_CAPACITY = 8, EXCERPT_BYTES = 60 };

void souk_diags_init(souk_diags *diags, const souk_alloc *alloc, souk_slice file, size_t max)
{
    memset(diags, 0, sizeof *diags);
    souk_arena_init(&diags->arena, alloc);
    diags->max = max;
    diags->failed = !souk_arena_copy(&diags->arena, file, &diags->here.file);
}

void souk_diags_set_file(souk_diags *diags, souk_slice file)
{
    if (!souk_slice_eq(diags->here.file, file) &&
        !souk_arena_copy(&diags->arena, file, &diags->here.file)) {
        diags->failed = true;
    }
}

void souk_diags_free(souk_diags *diags)
{
    if (diags->arena.alloc == NULL) {
        return;
    }
    souk_free(diags->arena.alloc, diags->own_items);
    souk_arena_free(&diags->arena);
    memset(diags, 0, sizeof *diags);
}

void souk_diags_enter(souk_diags *diags, souk_slice capability, unsigned line, unsigned column)
{
    diags->here.capability = capability;
    souk_diags_move_to(diags, line, column);
}

void souk_diags_move_to(souk_diags *diags, unsigned line, unsigned column)
{
    diags->here.line = line;
    diags->here.column = column;
}

static bool make_room(souk_diags *diags)
{
    if (diags->count < diags->cap) {
        return true;
    }
    size_t cap = diags->cap == 0 ? FIRST_CAPACITY : diags->cap * 2;
    souk_diag *items = souk_resize_array(diags->arena.alloc, diags->own_items, cap, sizeof *items);
    if (items == NULL) {
        return false;
    }
    diags->own_items = items;
    diags->items = items;
    diags->cap = cap;
    return true;
}

static void add(souk_diags *diags, souk_severity severity, const souk_diag *place, souk_slice text)
{
    diags->tallies[severity]++;
    if (diags->count >= diags->max) {
        diags->dropped++;
        return;
    }
    souk_diag diag = *place;
    diag.severity = severity;
    if (!make_room(diags) || !souk_arena_copy(&diags->arena, text, &diag.message) ||
        !souk_arena_copy(&diags->arena, place->capability, &diag.capability)) {
        diags->failed = true;
        return;
    }
    diags->own_items[diags->count++] = diag;
}

/* A message that is too long is cut, and then between UTF-8 characters. */
static souk_slice message_of(const char *text, int wanted)
{
    size_t len = wanted < 0 ? 0 : (size_t)wanted;
    if (len >= SOUK_MESSAGE_MAX) {
        len = SOUK_MESSAGE_MAX - 1;
        souk_utf8_valid(souk_slice_make(text, len), &len);
    }
    return souk_slice_make(text, len);
}

void souk_diags_add(souk_diags *diags, souk_severity severity, const char *format, ...)
{
    if (diags == NULL) {
        return;
    }
    char text[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(diags, severity, &diags->here, message_of(text, wanted));
}

void souk_diags_add_at(souk_diags *diags, souk_severity severity, unsigned line, unsigned column,
                       const char *format, ...)
{
    if (diags == NULL) {
        return;
    }
    char text[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    souk_diag place = diags->here;
    place.line = line;
    place.column = column;
    add(diags, severity, &place, message_of(text, wanted));
}

const char *souk_severity_name(souk_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    size_t count = sizeof names / sizeof names[0];
    return (size_t)severity < count ? names[severity] : "unknown";
}

souk_slice souk_excerpt(souk_slice text)
{
    if (text.len <= EXCERPT_BYTES) {
        return text;
    }
    size_t len = EXCERPT_BYTES;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return souk_slice_make(text.ptr, len);
}
