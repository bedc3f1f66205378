#include "io/curl.h"

#include <string.h>

#include "base/version.h"

/*
 * What an idle handle was set up for last is kept in its transfer. A request that is like the one
 * before (the common case: the same URL and headers, another body) costs a comparison; everything
 * else is checked and set anew.
 */

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

/* --- checking: nothing reaches the wire unchecked, and nothing that is refused is printed --- */

/* The bytes of a token, as methods and header names are: RFC 9110 section 5.6.2. */
static const bool token_bytes[128] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true, ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true, ['_'] = true,
    ['`'] = true, ['|'] = true, ['~'] = true, ['0'] = true, ['1'] = true, ['2'] = true,
    ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true,
    ['9'] = true, ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true,
    ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true, ['K'] = true,
    ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true,
    ['R'] = true, ['S'] = true, ['T'] = true, ['U'] = true, ['V'] = true, ['W'] = true,
    ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true,
    ['d'] = true, ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true,
    ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true,
    ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true, ['z'] = true,
};

static bool is_token(souk_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= sizeof token_bytes || !token_bytes[c]) {
            return false;
        }
    }
    return text.len > 0;
}

bool souk_request_has_control(souk_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

/*
 * Headers that say how the message is framed: two opinions on that are how requests get smuggled.
 */
static bool is_ours(souk_slice name)
{
    static const souk_slice names[] = {
        SOUK_LIT_INIT("content-length"),
        SOUK_LIT_INIT("transfer-encoding"),
        SOUK_LIT_INIT("connection"),
        SOUK_LIT_INIT("expect"),
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (souk_slice_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

static int check_header(const souk_exchange *exchange, size_t number, souk_err *err)
{
    const souk_header *header = &exchange->headers[number];
    if (!is_token(header->name)) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "header %zu has a name with a character that is not allowed", number + 1);
    }
    if (souk_request_has_control(header->value)) {
        return souk_fail(
            err, SOUK_E_CONFIG,
            "the value of the header %.*s has a line break or another control character",
            SOUK_ARG(header->name));
    }
    if (is_ours(header->name)) {
        return souk_fail(err, SOUK_E_CONFIG, "the header %.*s is set by souk itself",
                         SOUK_ARG(header->name));
    }
    return SOUK_OK;
}

/* --- method and URL --- */

/*
 * Safe or idempotent (RFC 9110 section 9.2): libcurl may send it again when a kept-alive connection
 * was dead.
 */
static bool is_idempotent(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(method, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int set_method(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    CURL *easy = transfer->easy;
    souk_slice method = souk_slice_of(exchange->method);
    bool is_post = souk_slice_is(method, "POST");
    bool has_body = exchange->body != NULL || is_post;
    transfer->may_repeat = exchange->repeatable || is_idempotent(exchange->method);
    if (souk_slice_is(method, transfer->method) && has_body == transfer->has_body) {
        return SOUK_OK;
    }
    if (!is_token(method) || method.len >= SOUK_METHOD_MAX) {
        return souk_fail(err, SOUK_E_CONFIG, "the method of a request is not valid");
    }
    bool is_head = souk_slice_is(method, "HEAD");
    if (is_head && has_body) {
        return souk_fail(err, SOUK_E_CONFIG, "a HEAD request has no body");
    }
    bool is_plain_get = souk_slice_is(method, "GET") && !has_body;
    const char *custom = is_post || is_head || is_plain_get ? NULL : exchange->method;
    transfer->method[0] = '\0'; /* unknown, should the next lines fail */
    if (!(has_body ? SET(CURLOPT_POST, 1L) : SET(CURLOPT_HTTPGET, 1L)) ||
        (is_head && !SET(CURLOPT_NOBODY, 1L)) || !SET(CURLOPT_CUSTOMREQUEST, custom)) {
        return souk_fail_memory(err);
    }
    memcpy(transfer->method, method.ptr, method.len);
    transfer->method[method.len] = '\0';
    transfer->has_body = has_body;
    return SOUK_OK;
}

/*
 * libcurl would parse the URL for each request; so it is given the parsed one, beside the text that
 * it wants too.
 */
static int set_new_url(souk_transfer *transfer, souk_slice url, souk_err *err)
{
    CURL *easy = transfer->easy;
    if (souk_buf_add(&transfer->url, url) != SOUK_OK) {
        return souk_buf_check(&transfer->url, "the URL", err);
    }
    int rc = souk_url_read(souk_buf_slice(&transfer->url), &transfer->parts, err);
    if (rc == SOUK_OK) {
        rc = souk_reach_check_host(transfer->engine->options.reach, transfer->parts.host, err);
    }
    if (rc != SOUK_OK) {
        return rc;
    }
    CURLUcode code =
        curl_url_set(transfer->parsed_url, CURLUPART_URL, transfer->url.data, CURLU_DISALLOW_USER);
    if (code != CURLUE_OK && code != CURLUE_OUT_OF_MEMORY) {
        return souk_fail(err, SOUK_E_CONFIG, "the URL is not valid");
    }
    if (code != CURLUE_OK || !SET(CURLOPT_URL, transfer->url.data) ||
        !SET(CURLOPT_CURLU, transfer->parsed_url)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

static int set_url(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    souk_slice url = souk_slice_of(exchange->url);
    if (transfer->url.len > 0 && souk_slice_eq(souk_buf_slice(&transfer->url), url)) {
        return SOUK_OK;
    }
    souk_buf_clear(&transfer->url);
    int rc = set_new_url(transfer, url, err);
    if (rc != SOUK_OK) {
        souk_buf_clear(&transfer->url); /* equal to nothing, so that it is set anew next time */
    }
    return rc;
}

/*
 * --- headers: lines in libcurl's forms, "Name: value", "Name;" for an empty value, "Name:" to
 * leave its own out ---
 */

/* The lines are those of the last request: given in the same order, with the same bytes. */
static bool has_same_headers(const souk_transfer *transfer, const souk_exchange *exchange)
{
    if (transfer->lines.len == 0 || transfer->lines_given != exchange->header_count ||
        transfer->lines_with_body != transfer->has_body) {
        return false;
    }
    const char *at = transfer->lines.data;
    const char *end = at + transfer->lines_given_size;
    for (size_t i = 0; i < exchange->header_count; i++) {
        souk_slice name = exchange->headers[i].name;
        souk_slice value = souk_slice_trim(exchange->headers[i].value);
        const char *mark = value.len == 0 ? ";" : ": ";
        size_t mark_len = strlen(mark);
        size_t left = (size_t)(end - at);
        if (name.len >= left || value.len >= left - name.len ||
            left - name.len - value.len < mark_len + 1 || memcmp(at, name.ptr, name.len) != 0 ||
            memcmp(at + name.len, mark, mark_len) != 0 ||
            (value.len > 0 && memcmp(at + name.len + mark_len, value.ptr, value.len) != 0) ||
            at[name.len + mark_len + value.len] != '\0') {
            return false;
        }
        at += name.len + mark_len + value.len + 1;
    }
    return at == end;
}

static void add_line(souk_transfer *transfer, souk_slice name, const char *mark, souk_slice value)
{
    souk_buf *out = &transfer->lines;
    (void)souk_buf_add(out, name);
    (void)souk_buf_add_text(out, mark);
    (void)souk_buf_add(out, value);
    (void)souk_buf_add_byte(out, '\0');
    transfer->line_count++;
}

static int write_lines(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    bool has_agent = false;
    bool has_type = !transfer->has_body;
    transfer->line_count = 0;
    for (size_t i = 0; i < exchange->header_count; i++) {
        int rc = check_header(exchange, i, err);
        if (rc != SOUK_OK) {
            return rc;
        }
        souk_slice name = exchange->headers[i].name;
        souk_slice value = souk_slice_trim(exchange->headers[i].value);
        add_line(transfer, name, value.len == 0 ? ";" : ": ", value);
        has_agent = has_agent || souk_slice_eq_nocase(name, SOUK_LIT("user-agent"));
        has_type = has_type || souk_slice_eq_nocase(name, SOUK_LIT("content-type"));
    }
    transfer->lines_given_size = transfer->lines.len;
    add_line(transfer, SOUK_LIT("Expect"), ":", SOUK_LIT(""));
    if (!has_agent) {
        add_line(transfer, SOUK_LIT("User-Agent"), ": ", SOUK_LIT("souk/" SOUK_VERSION));
    }
    if (!has_type) {
        add_line(transfer, SOUK_LIT("Content-Type"), ":", SOUK_LIT(""));
    }
    return souk_buf_check(&transfer->lines, "the head of the request", err);
}

/*
 * Chains the lines up as libcurl wants them. The nodes are ours, in one array; libcurl only reads
 * them.
 */
static bool link_lines(souk_transfer *transfer)
{
    size_t count = transfer->line_count;
    if (count > transfer->list_cap) {
        struct curl_slist *list =
            souk_resize_array(transfer->engine->alloc, transfer->list, count, sizeof *list);
        if (list == NULL) {
            return false;
        }
        transfer->list = list;
        transfer->list_cap = count;
    }
    char *line = transfer->lines.data;
    for (size_t i = 0; i < count; i++) {
        transfer->list[i].data = line;
        transfer->list[i].next = i + 1 < count ? &transfer->list[i + 1] : NULL;
        line += strlen(line) + 1;
    }
    return true;
}

static int set_headers(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    CURL *easy = transfer->easy;
    if (has_same_headers(transfer, exchange)) {
        return SOUK_OK;
    }
    souk_buf_clear(&transfer->lines);
    int rc = write_lines(transfer, exchange, err);
    if (rc == SOUK_OK && (!link_lines(transfer) || !SET(CURLOPT_HTTPHEADER, transfer->list))) {
        rc = souk_fail_memory(err);
    }
    if (rc != SOUK_OK) {
        souk_buf_clear(&transfer->lines); /* equal to nothing */
    }
    transfer->lines_given = exchange->header_count;
    transfer->lines_with_body = transfer->has_body;
    return rc;
}

/* --- all of it --- */

static bool set_body(souk_transfer *transfer, const souk_exchange *exchange)
{
    CURL *easy = transfer->easy;
    if (!transfer->has_body) {
        return true;
    }
    bool is_empty = exchange->body == NULL || exchange->body->len == 0;
    const char *bytes = is_empty ? "" : exchange->body->data;
    curl_off_t len = is_empty ? 0 : (curl_off_t)exchange->body->len;
    return SET(CURLOPT_POSTFIELDSIZE_LARGE, len) && SET(CURLOPT_POSTFIELDS, bytes);
}

int souk_request_set(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err)
{
    CURL *easy = transfer->easy;
    int rc = set_method(transfer, exchange, err);
    if (rc == SOUK_OK) {
        rc = set_url(transfer, exchange, err);
    }
    if (rc == SOUK_OK) {
        rc = set_headers(transfer, exchange, err);
    }
    /*
     * The size of the body is watched while receiving; here libcurl refuses a Content-Length that
     * promises more.
     */
    curl_off_t most = exchange->stream ? 0 : (curl_off_t)transfer->max_body;
    if (rc == SOUK_OK && (!set_body(transfer, exchange) || !SET(CURLOPT_MAXFILESIZE_LARGE, most))) {
        rc = souk_fail_memory(err);
    }
    return rc;
}
