/*
 * The parts of the io room that need no engine: URLs, response heads, clocks, the environment,
 * names of errors.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/url.h"
#include "failing_alloc.h"
#include "io/clock.h"
#include "io/env.h"
#include "io/head.h"
#include "io/os_error.h"
#include "tap.h"

/* --- URLs --- */

static void a_url_is_taken_apart(void)
{
    static const struct {
        const char *url;
        bool tls;
        const char *host;
        unsigned port;
        const char *open;
    } cases[] = {
        {"http://example.com", false, "example.com", 80, "http://example.com"},
        {"https://example.com/", true, "example.com", 443, "https://example.com/"},
        {"HTTPS://Example.COM:8443/a/b?q=1#f", true, "Example.COM", 8443,
         "HTTPS://Example.COM:8443/a/b"},
        {"http://127.0.0.1:1?token=x", false, "127.0.0.1", 1, "http://127.0.0.1:1"},
        {"http://[::1]:65535/mcp", false, "[::1]", 65535, "http://[::1]:65535/mcp"},
        {"https://[fe80::1%25eth0]/", true, "[fe80::1%25eth0]", 443, "https://[fe80::1%25eth0]/"},
        {"http://a-b.c_d.e~f/x@y:z", false, "a-b.c_d.e~f", 80, "http://a-b.c_d.e~f/x@y:z"},
        {"http://host#@other/", false, "host", 80, "http://host"},
        {"http://host?@other/", false, "host", 80, "http://host"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_url url;
        souk_err err;
        CHECK_INT(souk_url_read(souk_slice_of(cases[i].url), &url, &err), SOUK_OK);
        CHECK(url.tls == cases[i].tls);
        CHECK_SLICE(url.host, cases[i].host);
        CHECK_INT(url.port, cases[i].port);
        CHECK_SLICE(url.open, cases[i].open);
    }
}

static void what_is_no_url_of_ours_is_refused_without_being_repeated(void)
{
    static const char *const urls[] = {
        "",
        "http",
        "http:",
        "http:/s3cret",
        "http://",
        "http://?s3cret",
        "http://:80/s3cret",
        "file:///etc/s3cret",
        "//host/s3cret",
        "http://s3cret@host/",
        "http://u:s3cret@host/",
        "http://u:s3cret@[::1]/",
        "http://[::1/s3cret",
        "http://::1]/s3cret",
        "http://[]/s3cret",
        "http://[::1]x/s3cret",
        "http://[::1]:/s3cret",
        "http://host:port/s3cret",
        "http://host:99999999999999999999/s3cret",
        "http://host:-1/s3cret",
        "http://ho st/s3cret",
        "http://host/s3cret\n",
        "http://host/s3cret\x7F",
        "http://h\xC3\xB6st/s3cret",
        "http://host\\s3cret",
        "http://ho%73t/s3cret",
        "http://host/<s3cret>",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        souk_url url;
        souk_err err;
        int rc = souk_url_read(souk_slice_of(urls[i]), &url, &err);
        CHECK_INT(rc, SOUK_E_CONFIG);
        CHECK(strstr(err.message, "s3cret") == NULL);
        if (rc == SOUK_OK) {
            printf("# accepted: %s\n", urls[i]);
        }
    }
    souk_url url;
    CHECK_INT(souk_url_read(SOUK_LIT("http://host\0/"), &url, NULL), SOUK_E_CONFIG);
}

/* --- heads --- */

static int feed(souk_head *head, const char *const *lines, souk_err *err)
{
    int rc = SOUK_OK;
    for (size_t i = 0; rc == SOUK_OK && lines[i] != NULL; i++) {
        rc = souk_head_line(head, souk_slice_of(lines[i]), err);
    }
    return rc;
}

static void a_head_is_gathered_line_by_line(void)
{
    static const char *const lines[] = {
        "HTTP/1.1 100 Continue\r\n",
        "X-Early: 1\r\n",
        "\r\n",
        "HTTP/2 200 \r\n",
        " folded before any field\r\n",
        "content-type:text/plain\r\n",
        "Empty:\r\n",
        "no colon\r\n",
        ": no name\r\n",
        "Folded: one\r\n",
        "\t two \r\n",
        "   three\r\n",
        "Bare: line end\n",
        "\r\n",
        "Trailer: late\r\n",
        NULL,
    };
    static const char *const want[][2] = {
        {"content-type", "text/plain"},
        {"Empty", ""},
        {"Folded", "one two three"},
        {"Bare", "line end"},
    };
    souk_head head;
    souk_err err;
    souk_head_init(&head, souk_alloc_libc());
    for (int round = 0; round < 2; round++) {
        souk_head_reset(&head, 1000);
        CHECK(!head.complete);
        CHECK_INT(feed(&head, lines, &err), SOUK_OK);
        CHECK(head.complete);
        CHECK_INT(head.status, 200);
        CHECK_INT(head.count, 4);
        const souk_header *headers = souk_head_headers(&head);
        for (size_t i = 0; i < head.count && i < 4; i++) {
            CHECK_SLICE(headers[i].name, want[i][0]);
            CHECK_SLICE(headers[i].value, want[i][1]);
        }
    }
    souk_head_free(&head);
}

static void a_head_has_a_maximum_that_counts_every_line(void)
{
    static const char *const lines[] = {
        "HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", "A: b\r\n", "\r\n", NULL};
    souk_head head;
    souk_err err;
    souk_head_init(&head, souk_alloc_libc());
    for (size_t max = 0; max < 60; max++) {
        souk_head_reset(&head, max);
        int rc = feed(&head, lines, &err);
        CHECK_INT(rc, max >= 50 ? SOUK_OK : SOUK_E_LIMIT);
        CHECK(head.complete == (rc == SOUK_OK));
    }
    CHECK_INT(souk_head_line(&head, SOUK_LIT("A-Trailer-Past-The-Limit: 1\r\n"), &err),
              SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the head of the response is larger than 59 bytes");
    souk_head_free(&head);
}

static void a_head_without_a_proper_status_line_is_refused(void)
{
    static const char *const odd[] = {"HTTP/1.1\r\n", "HTTP/1.1 \r\n", "HTTP/1.1 2x0 OK\r\n",
                                      "HTTP/1.1 20", "HTTP/"};
    souk_head head;
    souk_head_init(&head, souk_alloc_libc());
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        souk_head_reset(&head, 1000);
        CHECK_INT(souk_head_line(&head, souk_slice_of(odd[i]), NULL), SOUK_OK);
        souk_err err;
        CHECK_INT(souk_head_line(&head, SOUK_LIT("\r\n"), &err), SOUK_E_TRANSPORT);
        CHECK_TEXT(err.message, "the response has no valid status line");
        CHECK(!err.retryable);
        CHECK_INT(head.status, 0);
        CHECK(!head.complete);
    }
    souk_head_free(&head);
}

static void a_head_without_memory_is_an_error(void)
{
    static const char *const lines[] = {"HTTP/1.1 200 OK\r\n", "A: b\r\n", " c\r\n", "\r\n", NULL};
    for (long n = 1; n < 100; n++) {
        failing_alloc f;
        failing_alloc_init(&f, n);
        souk_head head;
        souk_head_init(&head, &f.alloc);
        souk_head_reset(&head, 1000);
        int rc = feed(&head, lines, NULL);
        CHECK_INT(rc, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_head_free(&head);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            CHECK(n > 2);
            return;
        }
    }
    CHECK(false);
}

/* --- the rest --- */

static void the_clocks_go_on_and_seeds_differ(void)
{
    souk_ms before = souk_clock_now();
    CHECK(before > 0);
    CHECK(souk_clock_now() >= before);
    CHECK(souk_clock_wall() > 1700000000);
    CHECK(souk_random_seed() != souk_random_seed());
}

static void the_environment_is_that_of_the_process(void)
{
    souk_env env = souk_env_process();
    setenv("SOUK_TEST_VARIABLE", "a value", 1);
    CHECK_TEXT(env.get(env.user, "SOUK_TEST_VARIABLE"), "a value");
    unsetenv("SOUK_TEST_VARIABLE");
    CHECK(env.get(env.user, "SOUK_TEST_VARIABLE") == NULL);
}

static void errors_of_the_system_have_texts(void)
{
    CHECK_TEXT(souk_os_error(ENOENT), "No such file or directory");
    CHECK_TEXT(souk_os_error(ECONNREFUSED), "Connection refused");
    CHECK_TEXT(souk_os_error(-1), "unknown system error");
}

int main(void)
{
    CASE(a_url_is_taken_apart);
    CASE(what_is_no_url_of_ours_is_refused_without_being_repeated);
    CASE(a_head_is_gathered_line_by_line);
    CASE(a_head_has_a_maximum_that_counts_every_line);
    CASE(a_head_without_a_proper_status_line_is_refused);
    CASE(a_head_without_memory_is_an_error);
    CASE(the_clocks_go_on_and_seeds_differ);
    CASE(the_environment_is_that_of_the_process);
    CASE(errors_of_the_system_have_texts);
    return tap_done();
}
