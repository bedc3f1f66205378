#include "io/head.h"

#include <string.h>

/* Where a field is in the text; pointers would not survive its growth. */
typedef struct souk_head_field {
    size_t name;
    size_t name_len;
    size_t value;
    size_t value_len;
} souk_head_field;

enum { FIRST_FIELDS = 16 };

void souk_head_init(souk_head *head, const souk_alloc *alloc)
{
    memset(head, 0, sizeof *head);
    souk_buf_init(&head->text, alloc, 0);
}

void souk_head_free(souk_head *head)
{
    const souk_alloc *alloc = head->text.alloc;
    if (alloc != NULL) {
        souk_buf_free(&head->text);
        souk_free(alloc, head->fields);
        souk_free(alloc, head->headers);
        souk_head_init(head, alloc);
    }
}

void souk_head_reset(souk_head *head, size_t max)
{
    souk_buf_clear(&head->text);
    head->text.max = max;
    head->max = max;
    head->count = 0;
    head->bytes = 0;
    head->status = 0;
    head->complete = false;
}

/* "HTTP/1.1 200 OK": the three digits behind the first space; 0 when there are none. */
static int status_of(souk_slice line)
{
    souk_slice rest = souk_slice_from(line, souk_slice_find(line, ' ') + 1);
    if (rest.len < 3) {
        return 0;
    }
    int status = 0;
    for (size_t i = 0; i < 3; i++) {
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9') {
            return 0;
        }
        status = status * 10 + (rest.ptr[i] - '0');
    }
    return status;
}

static int add_field(souk_head *head, souk_slice line, souk_err *err)
{
    size_t colon = souk_slice_find(line, ':');
    souk_slice name = souk_slice_trim(souk_slice_make(line.ptr, colon));
    if (name.len == 0 || colon == line.len) {
        return SOUK_OK;
    }
    if (head->count == head->cap) {
        size_t cap = head->cap == 0 ? FIRST_FIELDS : head->cap * 2;
        const souk_alloc *alloc = head->text.alloc;
        souk_head_field *fields = souk_resize_array(alloc, head->fields, cap, sizeof *fields);
        if (fields == NULL) {
            return souk_fail_memory(err);
        }
        head->fields = fields;
        souk_header *headers = souk_resize_array(alloc, head->headers, cap, sizeof *headers);
        if (headers == NULL) {
            return souk_fail_memory(err);
        }
        head->headers = headers;
        head->cap = cap;
    }
    souk_slice value = souk_slice_trim(souk_slice_from(line, colon + 1));
    souk_head_field *field = &head->fields[head->count++];
    field->name = head->text.len;
    field->name_len = name.len;
    field->value = head->text.len + name.len;
    field->value_len = value.len;
    (void)souk_buf_add(&head->text, name);
    (void)souk_buf_add(&head->text, value);
    return souk_buf_check(&head->text, "the head of the response", err);
}

/*
 * A folded line goes on with the value of the field before it, which is the last text of the
 * buffer.
 */
static int continue_field(souk_head *head, souk_slice line, souk_err *err)
{
    if (head->count == 0) {
        return SOUK_OK;
    }
    size_t before = head->text.len;
    (void)souk_buf_add_byte(&head->text, ' ');
    (void)souk_buf_add(&head->text, souk_slice_trim(line));
    head->fields[head->count - 1].value_len += head->text.len - before;
    return souk_buf_check(&head->text, "the head of the response", err);
}

int souk_head_line(souk_head *head, souk_slice line, souk_err *err)
{
    head->bytes += line.len;
    if (head->bytes > head->max) {
        return souk_fail(err, SOUK_E_LIMIT, "the head of the response is larger than %zu bytes",
                         head->max);
    }
    if (head->complete) {
        return SOUK_OK; /* a trailer */
    }
    if (souk_slice_starts(line, SOUK_LIT("HTTP/"))) {
        souk_buf_clear(&head->text);
        head->count = 0;
        head->status = status_of(line);
        return SOUK_OK;
    }
    if (souk_slice_trim(line).len == 0) {
        head->complete = head->status >= 200;
        if (head->status < 100) {
            int rc = souk_fail(err, SOUK_E_TRANSPORT, "the response has no valid status line");
            if (err != NULL) {
                err->retryable = false;
            }
            return rc;
        }
        return SOUK_OK;
    }
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        return continue_field(head, line, err);
    }
    return add_field(head, line, err);
}

const souk_header *souk_head_headers(souk_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        const souk_head_field *field = &head->fields[i];
        head->headers[i].name = souk_slice_make(head->text.data + field->name, field->name_len);
        head->headers[i].value = souk_slice_make(head->text.data + field->value, field->value_len);
    }
    return head->headers;
}
