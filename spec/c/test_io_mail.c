/* Messages between the two sides of a courier: what is put in comes out, or nothing was put. */
#include "failing_alloc.h"
#include "io/mail.h"
#include "tap.h"

static souk_exchange sample_exchange(souk_buf *body, const souk_header headers[2])
{
    return (souk_exchange){.id = 77,
                           .method = "POST",
                           .url = "http://127.0.0.1/mcp",
                           .headers = headers,
                           .header_count = 2,
                           .open_headers = 1,
                           .max_redirects = 5,
                           .body = body,
                           .timeout_ms = SOUK_NEVER,
                           .group = SOUK_LIT("group"),
                           .repeatable = true,
                           .stream = true};
}

static void an_exchange_comes_out_as_it_was(void)
{
    souk_buf mail;
    souk_buf body;
    souk_exchange got;
    souk_slice bytes;
    souk_mail_arrays arrays = {.alloc = souk_alloc_libc()};
    const souk_header headers[2] = {{SOUK_LIT("Accept"), SOUK_LIT("text/plain")},
                                    {SOUK_LIT("X-Empty"), SOUK_LIT("")}};
    souk_buf_init(&mail, souk_alloc_libc(), SIZE_MAX);
    souk_buf_init(&body, souk_alloc_libc(), SIZE_MAX);
    souk_buf_add(&body, souk_slice_make("a\0b", 3));
    souk_exchange given = sample_exchange(&body, headers);
    CHECK(souk_mail_exchange(&mail, &given));
    souk_mail_cursor cursor = {mail.data, 0};
    CHECK_INT(souk_mail_kind(&cursor), SOUK_LETTER_EXCHANGE);
    CHECK(souk_mail_read_exchange(&cursor, &arrays, &got, &bytes));
    CHECK_INT(cursor.at, mail.len);
    CHECK_INT(got.id, 77);
    CHECK_TEXT(got.method, "POST");
    CHECK_TEXT(got.url, "http://127.0.0.1/mcp");
    CHECK(got.ca_file == NULL);
    CHECK_SLICE(got.group, "group");
    CHECK_INT(got.header_count, 2);
    CHECK_SLICE(got.headers[0].name, "Accept");
    CHECK_SLICE(got.headers[0].value, "text/plain");
    CHECK_SLICE(got.headers[1].value, "");
    CHECK_INT(got.open_headers, 1);
    CHECK_INT(got.timeout_ms, SOUK_NEVER);
    CHECK(got.repeatable && got.stream);
    CHECK_INT(bytes.len, 3);
    CHECK(memcmp(bytes.ptr, "a\0b", 3) == 0);
    souk_mail_arrays_free(&arrays);
    souk_buf_free(&mail);
    souk_buf_free(&body);
}

static void a_child_comes_out_as_it_was(void)
{
    souk_buf mail;
    souk_spawn got;
    souk_mail_arrays arrays = {.alloc = souk_alloc_libc()};
    const char *argv[] = {"sh", "-c", "", NULL};
    const char *env[] = {"A=1", NULL};
    const souk_spawn given = {.id = 5, .argv = argv, .env = env, .stderr_tail = 9};
    const souk_spawn bare = {.id = 6, .argv = argv, .cwd = "/"};
    souk_buf_init(&mail, souk_alloc_libc(), SIZE_MAX);
    CHECK(souk_mail_spawn(&mail, &given));
    CHECK(souk_mail_spawn(&mail, &bare));
    souk_mail_cursor cursor = {mail.data, 0};
    CHECK_INT(souk_mail_kind(&cursor), SOUK_LETTER_SPAWN);
    CHECK(souk_mail_read_spawn(&cursor, &arrays, &got));
    CHECK_INT(got.id, 5);
    CHECK_TEXT(got.argv[0], "sh");
    CHECK_TEXT(got.argv[2], "");
    CHECK(got.argv[3] == NULL);
    CHECK_TEXT(got.env[0], "A=1");
    CHECK(got.env[1] == NULL);
    CHECK(got.cwd == NULL);
    CHECK_INT(souk_mail_kind(&cursor), SOUK_LETTER_SPAWN);
    CHECK(souk_mail_read_spawn(&cursor, &arrays, &got));
    CHECK_TEXT(got.cwd, "/");
    CHECK(got.env[0] == NULL);
    CHECK_INT(cursor.at, mail.len);
    souk_mail_arrays_free(&arrays);
    souk_buf_free(&mail);
}

static souk_io_event sample_event(const souk_header *headers, size_t count)
{
    souk_io_event event = {.kind = SOUK_IO_HEAD,
                           .id = 3,
                           .status = 307,
                           .headers = headers,
                           .header_count = count,
                           .moved_to = SOUK_LIT("http://elsewhere/"),
                           .abroad = true};
    return event;
}

static void events_come_out_in_their_order(void)
{
    souk_buf mail;
    souk_io_event got;
    souk_mail_arrays arrays = {.alloc = souk_alloc_libc()};
    const souk_header headers[1] = {{SOUK_LIT("A"), SOUK_LIT("b")}};
    souk_io_event head = sample_event(headers, 1);
    souk_io_event failed = {.kind = SOUK_IO_FAILED, .id = 4};
    souk_io_event bytes = {.kind = SOUK_IO_BYTES, .id = 5, .bytes = SOUK_LIT("12345678")};
    souk_io_event gone = {.kind = SOUK_IO_EXIT, .id = 6, .exit_code = -1, .exit_signal = 9};
    souk_fail(&failed.err, SOUK_E_TIMEOUT, "too late");
    failed.err.delivery = SOUK_DELIVERY_AMBIGUOUS;
    souk_fail(&gone.err, SOUK_E_TRANSPORT, "killed");
    souk_buf_init(&mail, souk_alloc_libc(), SIZE_MAX);
    const souk_io_event *all[] = {&head, &failed, &bytes, &gone};
    for (size_t i = 0; i < 4; i++) {
        CHECK(souk_mail_event(&mail, all[i]));
    }
    souk_mail_cursor cursor = {mail.data, 0};
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(souk_mail_kind(&cursor), SOUK_LETTER_EVENT);
        CHECK(souk_mail_read_event(&cursor, &arrays, &got));
        CHECK_INT(got.kind, all[i]->kind);
        CHECK_INT(got.id, all[i]->id);
        CHECK_TEXT(got.err.message, all[i]->err.message);
        CHECK_INT(got.err.delivery, all[i]->err.delivery);
        CHECK_INT(got.exit_signal, all[i]->exit_signal);
        CHECK_INT(got.header_count, all[i]->header_count);
        CHECK_INT(got.bytes.len, all[i]->bytes.len);
    }
    CHECK_INT(cursor.at, mail.len);
    souk_mail_arrays_free(&arrays);
    souk_buf_free(&mail);
}

/* Out of memory at any place: the message is there whole, or not at all. */
static void nothing_is_put_by_halves(void)
{
    const souk_header headers[2] = {{SOUK_LIT("Name"), SOUK_LIT("value")},
                                    {SOUK_LIT("Other"), SOUK_LIT("v")}};
    souk_io_event event = sample_event(headers, 2);
    failing_alloc failing = {.fired = true};
    for (long nth = 1; failing.fired; nth++) {
        souk_buf mail;
        failing_alloc_init(&failing, nth);
        souk_buf_init(&mail, &failing.alloc, SIZE_MAX);
        size_t whole = 0;
        for (int i = 0; i < 20; i++) {
            size_t before = mail.len;
            if (souk_mail_event(&mail, &event)) {
                whole++;
            } else {
                CHECK_INT(mail.len, before);
            }
        }
        souk_mail_arrays arrays = {.alloc = souk_alloc_libc()};
        souk_mail_cursor cursor = {mail.data, 0};
        souk_io_event got;
        while (cursor.at < mail.len) {
            CHECK_INT(souk_mail_kind(&cursor), SOUK_LETTER_EVENT);
            CHECK(souk_mail_read_event(&cursor, &arrays, &got));
            CHECK_SLICE(got.headers[1].name, "Other");
            whole--;
        }
        CHECK_INT(whole, 0);
        souk_mail_arrays_free(&arrays);
        souk_buf_free(&mail);
        CHECK_INT(failing.live, 0);
    }
}

int main(void)
{
    CASE(an_exchange_comes_out_as_it_was);
    CASE(a_child_comes_out_as_it_was);
    CASE(events_come_out_in_their_order);
    CASE(nothing_is_put_by_halves);
    return tap_done();
}
