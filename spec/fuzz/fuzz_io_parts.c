/*
 * URLs and response heads from hostile peers. The engine itself does I/O and is not fuzzed here;
 * these two of its parts need none, and are taken in as they are.
 *
 * First byte: even for a URL, odd for a head with a maximum of 16 bytes for each unit of the second
 * byte.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/url.h"
#include "io/head.c"

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool lies_within(souk_slice part, const char *ptr, size_t len)
{
    return part.len == 0 || (part.ptr >= ptr && part.ptr + part.len <= ptr + len);
}

static void try_url(souk_slice text)
{
    souk_url url;
    souk_err err;
    if (souk_url_read(text, &url, &err) != SOUK_OK) {
        demand(err.kind == SOUK_E_CONFIG && err.message[0] != '\0');
        return;
    }
    demand(url.host.len > 0 && lies_within(url.host, text.ptr, text.len));
    demand(url.open.ptr == text.ptr && url.open.len <= text.len);
    demand(souk_slice_find(url.open, '?') == url.open.len);
    demand(souk_slice_find(url.host, '@') == url.host.len);
    demand(url.port >= 1 && url.port <= 65535);
}

static void try_head(souk_slice text, size_t max)
{
    souk_head head;
    souk_err err;
    souk_head_init(&head, souk_alloc_libc());
    souk_head_reset(&head, max);
    int rc = SOUK_OK;
    while (text.len > 0 && rc == SOUK_OK) {
        size_t end = souk_slice_find(text, '\n');
        size_t len = end < text.len ? end + 1 : end;
        bool was_complete = head.complete;
        rc = souk_head_line(&head, souk_slice_make(text.ptr, len), &err);
        demand(head.complete || !was_complete);
        text = souk_slice_from(text, len);
    }
    demand(rc == SOUK_OK ? head.bytes <= max : err.kind == rc);
    demand(!head.complete || head.status >= 200);
    const souk_header *headers = souk_head_headers(&head);
    for (size_t i = 0; i < head.count; i++) {
        demand(headers[i].name.len > 0);
        demand(lies_within(headers[i].name, head.text.data, head.text.len));
        demand(lies_within(headers[i].value, head.text.data, head.text.len));
        demand(souk_slice_find(headers[i].value, '\n') == headers[i].value.len);
    }
    souk_head_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    souk_slice text = souk_slice_make((const char *)data + 2, size - 2);
    if (data[0] % 2 == 0) {
        try_url(text);
    } else {
        try_head(text, (size_t)data[1] * 16);
    }
    return 0;
}
