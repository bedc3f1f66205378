/*
 * Redirects (RFC 9110 section 15.4), followed by souk itself: libcurl would take along what must
 * not leave its origin.
 */
#include "io/curl.h"

#include <string.h>

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

/* A POST must stay one: of the others it is not certain, and clients are known to make it a GET. */
static bool keeps_method(int status, const char *method)
{
    bool is_safe = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    return status == 307 || status == 308 ||
           (is_safe && (status == 301 || status == 302 || status == 303));
}

static souk_slice find_location(souk_transfer *transfer)
{
    const souk_header *headers = souk_head_headers(&transfer->head);
    for (size_t i = 0; i < transfer->head.count; i++) {
        if (souk_slice_eq_nocase(headers[i].name, SOUK_LIT("location"))) {
            return headers[i].value;
        }
    }
    return souk_slice_make(NULL, 0);
}

void souk_redirect_look(souk_transfer *transfer)
{
    transfer->turning = transfer->max_redirects > 0 &&
                        keeps_method(transfer->head.status, transfer->method) &&
                        find_location(transfer).len > 0;
}

static int refuse(souk_transfer *transfer, const char *why)
{
    return souk_fail(&transfer->failure, SOUK_E_PROTOCOL, "%.*s redirects %s", SOUK_SHOWN(transfer),
                     why);
}

static size_t scheme_length(souk_slice location)
{
    for (size_t len = 0; len < location.len && strchr("/?#", location.ptr[len]) == NULL; len++) {
        if (location.ptr[len] == ':') {
            return len;
        }
    }
    return 0;
}

/* Programs disagree about "http:/host", "///host", "mailto:": only what is clear is followed. */
static bool is_clear(souk_slice location)
{
    souk_url ignored;
    if (scheme_length(location) > 0) {
        return souk_url_read(location, &ignored, NULL) == SOUK_OK;
    }
    return !souk_slice_starts(location, SOUK_LIT("///")) && !souk_request_has_control(location);
}

/* libcurl resolves the location against the URL that it has (RFC 3986 section 5). */
static CURLUcode resolve_text(souk_transfer *transfer, souk_slice given, souk_buf *url)
{
    souk_buf location;
    char *text = NULL;
    souk_buf_init(&location, transfer->engine->alloc, SOUK_URL_MAX);
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    if (souk_buf_add(&location, given) == SOUK_OK) {
        code =
            curl_url_set(transfer->parsed_url, CURLUPART_URL, location.data, CURLU_DISALLOW_USER);
    }
    if (code == CURLUE_OK) {
        code = curl_url_get(transfer->parsed_url, CURLUPART_URL, &text, 0);
    }
    if (code == CURLUE_OK && souk_buf_add_text(url, text) != SOUK_OK) {
        code = CURLUE_OUT_OF_MEMORY;
    }
    curl_free(text);
    souk_buf_free(&location);
    return code;
}

/* The absolute URL that the location stands for, and its parts. */
static int resolve(souk_transfer *transfer, souk_buf *url, souk_url *parts)
{
    souk_slice given = find_location(transfer);
    CURLUcode code = resolve_text(transfer, given, url);
    switch (code) {
    case CURLUE_OUT_OF_MEMORY:
        return souk_fail_memory(&transfer->failure);
    case CURLUE_USER_NOT_ALLOWED:
        return refuse(transfer, "to a URL with a user in it, which is not followed");
    default:
        break;
    }
    if (code != CURLUE_OK || !is_clear(given) ||
        souk_url_read(souk_buf_slice(url), parts, NULL) != SOUK_OK) {
        return refuse(transfer, "to what is no http or https URL");
    }
    return SOUK_OK;
}

static int check(souk_transfer *transfer, const souk_url *to)
{
    if (transfer->parts.tls && !to->tls) {
        return refuse(transfer, "from https to http, which is never followed");
    }
    int rc = souk_reach_check_host(transfer->engine->options.reach, to->host, &transfer->failure);
    if (rc != SOUK_OK) {
        souk_err_prefix(&transfer->failure, "%.*s redirects", SOUK_SHOWN(transfer));
    }
    return rc;
}

/*
 * Leaves out the headers that are bound to their origin. The list is an array of ours: those that
 * may go come first, and behind the given ones are souk's own.
 */
static bool drop_headers(souk_transfer *transfer)
{
    CURL *easy = transfer->easy;
    size_t given = transfer->lines_given;
    size_t open = transfer->open_headers < given ? transfer->open_headers : given;
    struct curl_slist *own = transfer->list + given; /* there is always one */
    struct curl_slist *first = open == 0 ? own : transfer->list;
    if (open > 0) {
        transfer->list[open - 1].next = own;
    }
    transfer->lines_given = SIZE_MAX; /* as no exchange has: they are set anew for the next one */
    return SET(CURLOPT_HTTPHEADER, first);
}

static int set_target(souk_transfer *transfer, souk_buf *url)
{
    CURL *easy = transfer->easy;
    souk_buf_move(&transfer->url, url);
    int rc = souk_url_read(souk_buf_slice(&transfer->url), &transfer->parts, &transfer->failure);
    if (rc == SOUK_OK &&
        (!SET(CURLOPT_URL, transfer->url.data) || !SET(CURLOPT_CURLU, transfer->parsed_url))) {
        rc = souk_fail_memory(&transfer->failure);
    }
    return rc;
}

int souk_redirect_follow(souk_transfer *transfer)
{
    souk_buf url;
    souk_url to;
    if (transfer->redirects >= transfer->max_redirects) {
        return souk_fail(&transfer->failure, SOUK_E_PROTOCOL,
                         "%.*s redirects again, after %u redirects (option max_redirects)",
                         SOUK_SHOWN(transfer), transfer->redirects);
    }
    souk_buf_init(&url, transfer->engine->alloc, SOUK_URL_MAX);
    int rc = resolve(transfer, &url, &to);
    if (rc == SOUK_OK) {
        rc = check(transfer, &to);
    }
    bool crosses = rc == SOUK_OK && !souk_url_same_origin(&transfer->parts, &to);
    if (crosses && !transfer->abroad) {
        transfer->abroad = true;
        rc = drop_headers(transfer) ? SOUK_OK : souk_fail_memory(&transfer->failure);
    }
    if (rc == SOUK_OK) {
        rc = set_target(transfer, &url);
    }
    if (rc != SOUK_OK) {
        /* The parsed URL may be that of where it must not go: nothing is equal to it from now on.
         */
        souk_buf_clear(&transfer->url);
    }
    souk_buf_free(&url);
    return rc;
}
