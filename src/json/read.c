#include "json/read.h"

#include <string.h>

#include "json/keys.h"
#include "json/num.h"
#include "json/reader.h"

enum {
    DEFAULT_DEPTH = 128,
    DEFAULT_TEXT = 16 * 1024 * 1024,
    FIRST_VALUES = 16,
    BYTES_PER_VALUE = 10 /* a guess; the tape grows when there are more values */
};

/* What comes next, as seen between two values. */
typedef enum step { STEP_VALUE, STEP_DONE, STEP_FAILED } step;

static bool grow_tape(souk_reader *r)
{
    size_t capacity = r->capacity * 2;
    const souk_alloc *alloc = r->doc->arena.alloc;
    souk_jval *tape = souk_resize_array(alloc, r->tape, capacity, sizeof *tape);
    if (tape == NULL) {
        r->failed = souk_fail_memory(r->err);
        return false;
    }
    r->tape = tape;
    r->capacity = capacity;
    return true;
}

/* Room for one more value at the end of the tape; NULL when out of memory. */
static souk_jval *next_slot(souk_reader *r)
{
    if (r->count == r->capacity && !grow_tape(r)) {
        return NULL;
    }
    return &r->tape[r->count];
}

/* The value in the next slot is complete up to r->at. */
static void add_value(souk_reader *r, souk_jval *value, souk_json_type type, const char *from)
{
    value->type = (uint8_t)type;
    value->begin = (uint32_t)(from - r->begin);
    value->end = (uint32_t)(r->at - r->begin);
    r->count++;
}

static void skip_space(souk_reader *r)
{
    while (r->at < r->end) {
        char c = *r->at;
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
            return;
        }
        r->at++;
    }
}

/* True when the next byte is `c`, after white space. */
static bool next_is(souk_reader *r, char c)
{
    skip_space(r);
    return r->at < r->end && *r->at == c;
}

static bool read_number(souk_reader *r, souk_jval *value)
{
    const char *from = r->at;
    souk_num number;
    if (!souk_num_read(souk_slice_make(from, (size_t)(r->end - from)), &number)) {
        if (number.expected == NULL) {
            r->failed = souk_fail(r->err, SOUK_E_PROTOCOL, "number out of range");
            return souk_reader_fail_at(r, from);
        }
        return souk_reader_unexpected(r, from + number.len, number.expected);
    }
    r->at += number.len;
    value->size = 0;
    if (number.type == SOUK_JSON_INT) {
        value->as.integer = number.integer;
    } else if (number.type == SOUK_JSON_DOUBLE) {
        value->as.number = number.number;
    } else {
        value->as.text = from;
        value->size = (uint32_t)number.len;
    }
    add_value(r, value, number.type, from);
    return true;
}

static bool read_string(souk_reader *r, souk_jval *value)
{
    const char *from = r->at;
    if (!souk_reader_string(r, value)) {
        return false;
    }
    add_value(r, value, SOUK_JSON_STRING, from);
    return true;
}

static bool read_literal(souk_reader *r, souk_jval *value, const char *word, souk_json_type type)
{
    const char *from = r->at;
    size_t len = strlen(word);
    if ((size_t)(r->end - from) < len || memcmp(from, word, len) != 0) {
        return souk_reader_unexpected(r, from, r->wanted);
    }
    r->at += len;
    value->size = 0;
    value->as.boolean = word[0] == 't';
    add_value(r, value, type, from);
    return true;
}

/*
 * Opens a container. Until it is closed its span holds the index of the container around it: the
 * open ones form a list on the tape, and reading needs no stack.
 */
static bool open_container(souk_reader *r, souk_jval *value, souk_json_type type)
{
    if (r->depth == r->limits.depth) {
        r->failed = souk_fail(r->err, SOUK_E_LIMIT, "nested deeper than %u", r->limits.depth);
        return souk_reader_fail_at(r, r->at);
    }
    value->size = 0;
    value->as.span = r->open;
    r->open = r->count;
    r->depth++;
    const char *from = r->at++;
    add_value(r, value, type, from);
    return true;
}

/* Checks that the keys of an object, which is complete, differ from one another. */
static bool check_keys(souk_reader *r, const souk_jval *object)
{
    const souk_jval *duplicate;
    if (!souk_json_find_duplicate(r->doc->arena.alloc, object, &duplicate)) {
        r->failed = souk_fail_memory(r->err);
        return false;
    }
    if (duplicate == NULL) {
        return true;
    }
    r->failed = souk_fail(r->err, SOUK_E_PROTOCOL, "the key occurs twice in its object");
    return souk_reader_fail_at(r, r->begin + duplicate->begin);
}

static bool close_container(souk_reader *r)
{
    souk_jval *box = &r->tape[r->open];
    size_t around = box->as.span;
    box->as.span = r->count - r->open;
    r->at++;
    box->end = (uint32_t)(r->at - r->begin);
    r->open = around;
    r->depth--;
    bool check = box->type == SOUK_JSON_OBJECT && r->limits.duplicates == SOUK_JSON_NO_DUPLICATES;
    return !check || check_keys(r, box);
}

/* Reads a scalar, or the opening bracket of a container. */
static bool read_value(souk_reader *r)
{
    skip_space(r);
    souk_jval *value = next_slot(r);
    if (value == NULL) {
        return false;
    }
    if (r->at == r->end) {
        return souk_reader_unexpected(r, r->at, r->wanted);
    }
    switch (*r->at) {
    case '"':
        return read_string(r, value);
    case '{':
        return open_container(r, value, SOUK_JSON_OBJECT);
    case '[':
        return open_container(r, value, SOUK_JSON_ARRAY);
    case 't':
        return read_literal(r, value, "true", SOUK_JSON_BOOL);
    case 'f':
        return read_literal(r, value, "false", SOUK_JSON_BOOL);
    case 'n':
        return read_literal(r, value, "null", SOUK_JSON_NULL);
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) {
            return read_number(r, value);
        }
        return souk_reader_unexpected(r, r->at, r->wanted);
    }
}

/* Reads a member's key and the colon behind it. */
static bool read_key(souk_reader *r, const char *expected)
{
    if (!next_is(r, '"')) {
        return souk_reader_unexpected(r, r->at, expected);
    }
    souk_jval *key = next_slot(r);
    if (key == NULL || !read_string(r, key)) {
        return false;
    }
    if (!next_is(r, ':')) {
        return souk_reader_unexpected(r, r->at, "':' after a key");
    }
    r->at++;
    return true;
}

/*
 * Behind a '[', '{' or ',': goes on to the element, or to the value of the member, that comes now.
 */
static step begin_child(souk_reader *r, bool is_first)
{
    souk_jval *box = &r->tape[r->open];
    box->size++;
    r->wanted = "a value";
    if (box->type == SOUK_JSON_ARRAY) {
        r->wanted = is_first ? "a value or ']'" : "a value";
        return STEP_VALUE;
    }
    return read_key(r, is_first ? "a key or '}'" : "a key") ? STEP_VALUE : STEP_FAILED;
}

/*
 * After a value, or after an opening bracket: closes what ends here, and goes on to the next value.
 */
static step find_next(souk_reader *r)
{
    while (r->open != SOUK_NOTHING_OPEN) {
        bool is_array = r->tape[r->open].type == SOUK_JSON_ARRAY;
        bool is_first = r->open + 1 == r->count;
        if (next_is(r, is_array ? ']' : '}')) {
            if (!close_container(r)) {
                return STEP_FAILED;
            }
        } else if (is_first) {
            return begin_child(r, true);
        } else if (r->at < r->end && *r->at == ',') {
            r->at++;
            return begin_child(r, false);
        } else {
            souk_reader_unexpected(
                r, r->at, is_array ? "',' or ']' after an element" : "',' or '}' after a member");
            return STEP_FAILED;
        }
    }
    return STEP_DONE;
}

static bool read_text(souk_reader *r)
{
    step next = STEP_VALUE;
    while (next == STEP_VALUE) {
        next = read_value(r) ? find_next(r) : STEP_FAILED;
    }
    if (next == STEP_FAILED) {
        return false;
    }
    skip_space(r);
    return r->at == r->end || souk_reader_unexpected(r, r->at, "nothing after the value");
}

static void apply_defaults(souk_json_limits *limits)
{
    limits->depth = limits->depth == 0 ? DEFAULT_DEPTH : limits->depth;
    limits->depth = limits->depth > SOUK_JSON_MAX_DEPTH ? SOUK_JSON_MAX_DEPTH : limits->depth;
    limits->text = limits->text == 0 ? DEFAULT_TEXT : limits->text;
    limits->text = limits->text >= UINT32_MAX ? UINT32_MAX - 1 : limits->text;
}

/*
 * Gives the tape to the document; without the part that was not needed, if that is the larger part.
 */
static void finish(souk_reader *r)
{
    if (r->count < r->capacity / 2) {
        const souk_alloc *alloc = r->doc->arena.alloc;
        souk_jval *fitting = souk_resize_array(alloc, r->tape, r->count, sizeof *r->tape);
        r->tape = fitting == NULL ? r->tape : fitting;
    }
    r->doc->tape = r->tape;
    r->doc->root = r->tape;
}

int souk_json_read(souk_json_doc *doc, souk_slice text, const souk_json_limits *limits,
                   souk_err *err)
{
    souk_json_doc_free(doc);
    souk_reader r;
    memset(&r, 0, sizeof r);
    if (limits != NULL) {
        r.limits = *limits;
    }
    apply_defaults(&r.limits);
    if (text.len > r.limits.text) {
        return souk_fail(err, SOUK_E_LIMIT, "the text is larger than %zu bytes", r.limits.text);
    }
    r.begin = text.len == 0 ? "" : text.ptr;
    r.at = r.begin;
    r.end = r.begin + text.len;
    r.doc = doc;
    r.open = SOUK_NOTHING_OPEN;
    r.wanted = "a value";
    r.err = err;
    r.capacity = text.len / BYTES_PER_VALUE + FIRST_VALUES;
    r.tape = souk_resize_array(doc->arena.alloc, NULL, r.capacity, sizeof *r.tape);
    if (r.tape == NULL) {
        return souk_fail_memory(err);
    }
    doc->text = text;
    if (!read_text(&r)) {
        souk_free(doc->arena.alloc, r.tape);
        souk_json_doc_free(doc);
        return r.failed;
    }
    finish(&r);
    return SOUK_OK;
}

int souk_json_read_take(souk_json_doc *doc, souk_buf *text, const souk_json_limits *limits,
                        souk_err *err)
{
    souk_buf taken;
    souk_buf_init(&taken, text->alloc, text->max);
    souk_buf_move(&taken, text);
    int result = souk_json_read(doc, souk_buf_slice(&taken), limits, err);
    if (result == SOUK_OK) {
        souk_buf_move(&doc->owned, &taken);
    } else {
        souk_buf_free(&taken);
    }
    return result;
}
