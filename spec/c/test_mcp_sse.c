#include "mcp/sse.h"

#include <stdlib.h>

#include "failing_alloc.h"
#include "tap.h"

/*
 * A stream and the log of its events. One line per event: its type, then !data, #id and ~retry as
 * far as it has them. LF in data is shown as '/'. "ERROR kind" ends the log of a broken stream.
 */
typedef struct row {
    const char *what;
    const char *stream;
    const char *log;
} row;

static const row rows[] = {
    {"a message", "data: hello\n\n", "message !hello\n"},
    {"two messages", "data: a\n\ndata: b\n\n", "message !a\nmessage !b\n"},
    {"data lines are joined", "data: a\ndata:\ndata: b\n\n", "message !a//b\n"},
    {"one space behind the colon is dropped", "data:  a\n\ndata:b \n\n",
     "message ! a\nmessage !b \n"},
    {"a field without a colon", "data\ndata\n\n", "message !/\n"},
    {"named events", "event: endpoint\ndata: /x\n\ndata: y\n\n", "endpoint !/x\nmessage !y\n"},
    {"an empty name is the default", "event: a\nevent:\ndata: x\n\n", "message !x\n"},
    {"CR ends lines", "data: a\rdata: b\r\rdata: c\r\r", "message !a/b\nmessage !c\n"},
    {"CRLF ends lines", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "message !a/b\nmessage !c\n"},
    {"line ends are mixed", "data: a\r\ndata: b\ndata: c\r\rdata: d\n\r",
     "message !a/b/c\nmessage !d\n"},
    {"comments are not seen", ": hi\ndata: a\n:\n: data: b\n\n:\n\n", "message !a\n"},
    {"a byte order mark is dropped",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     "message !a\n"},
    {"one byte order mark",
     "\xEF\xBB\xBF\xEF\xBB\xBF"
     "data: a\n\ndata: b\n\n",
     "message !b\n"},
    {"not inside of the stream",
     "data: a\n\n\xEF\xBB\xBF"
     "data: b\n\n",
     "message !a\n"},
    {"a comment behind the mark", "\xEF\xBB\xBF: hi\ndata: a\n\n", "message !a\n"},
    {"an id", "id: 7\ndata: a\n\ndata: b\n\n", "message !a #7\nmessage !b\n"},
    {"a priming event", "id: 7\ndata:\n\n", "message #7\n"},
    {"an id alone", "id: 7\n\n", "message #7\n"},
    {"an empty id", "id\n\n", "message #\n"},
    {"the last id of an event counts", "id: 1\nid: 2\ndata: a\n\n", "message !a #2\n"},
    {"a retry time", "retry: 500\n\n", "message ~500\n"},
    {"with an id", "retry: 0\nid: 1\ndata: \n\n", "message #1 ~0\n"},
    {"only digits", "retry: 5s\nretry: -1\nretry:\nretry: 1.5\nretry:  1\ndata: a\n\n",
     "message !a\n"},
    {"a huge retry time is cut", "retry: 99999999999999999999\n\n", "message ~2147483647\n"},
    {"unknown fields", "foo: bar\nDATA: a\n data: b\ndata : c\n\n", ""},
    {"a name alone is no event", "event: a\n\ndata: b\n\n", "message !b\n"},
    {"an unfinished event is not given", "data: a\n\ndata: b\nid: 9\n", "message !a\n"},
    {"nor an unfinished line", "data: a\n\ndata: b", "message !a\n"},
    {"empty lines", "\n\n\r\n\r\r\n", ""},
    {"UTF-8", "data: gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\n\n",
     "message !gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\n"},
    {"broken UTF-8 breaks the stream", "data: a\n\ndata: \xC3\ndata: b\n\ndata: c\n\n",
     "message !a\nERROR protocol\n"},
    {"in an id, too", "id: \xFF\n\n", "ERROR protocol\n"},
    {"but not in a comment", ": \xFF\ndata: a\n\n", "message !a\n"},
};

enum { MAX_EVENT = 64, LOG_MAX = 512 };

static void add_log(char *log, const char *mark, souk_slice text)
{
    size_t len = strlen(log);
    snprintf(log + len, LOG_MAX - len, "%s%.*s", mark, SOUK_ARG(text));
}

static void log_event(char *log, const souk_sse_event *event)
{
    char retry[32];
    add_log(log, "", event->type);
    if (event->has_data) {
        size_t from = strlen(log);
        add_log(log, " !", event->data);
        for (char *p = log + from; *p != '\0'; p++) {
            *p = *p == '\n' ? '/' : *p;
        }
    }
    if (event->has_id) {
        add_log(log, " #", event->id);
    }
    if (event->retry_ms >= 0) {
        snprintf(retry, sizeof retry, " ~%lld", (long long)event->retry_ms);
        add_log(log, "", souk_slice_of(retry));
    }
    add_log(log, "\n", SOUK_LIT(""));
}

/* Feeds one piece; false when the stream broke. The piece lives in memory of its own, so that ASan
 * sees borrowing. */
static bool feed(souk_sse *sse, souk_slice piece, char *log)
{
    souk_err err;
    souk_sse_event event;
    char *copy = malloc(piece.len + 1);
    memcpy(copy, piece.len > 0 ? piece.ptr : "", piece.len);
    souk_slice input = souk_slice_make(copy, piece.len);
    int rc;
    while ((rc = souk_sse_feed(sse, &input, &event, &err)) == 1) {
        log_event(log, &event);
    }
    CHECK(rc < 0 || input.len == 0);
    free(copy);
    if (rc < 0) {
        CHECK_INT(err.kind, rc);
        add_log(log, "ERROR ", souk_slice_of(souk_kind_name(rc)));
        add_log(log, "\n", SOUK_LIT(""));
    }
    return rc == 0;
}

static void every_stream_gives_its_events_however_it_is_cut(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_slice stream = souk_slice_of(rows[i].stream);
        for (size_t cut = 0; cut <= stream.len; cut++) {
            char log[LOG_MAX] = "";
            souk_sse sse;
            souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
            if (feed(&sse, souk_slice_make(stream.ptr, cut), log)) {
                feed(&sse, souk_slice_from(stream, cut), log);
            }
            CHECK_TEXT(log, rows[i].log);
            souk_sse_free(&sse);
        }
    }
}

static void every_stream_gives_its_events_byte_by_byte(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char log[LOG_MAX] = "";
        souk_sse sse;
        souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
        size_t len = strlen(rows[i].stream);
        for (size_t at = 0; at < len && feed(&sse, souk_slice_make(rows[i].stream + at, 1), log);) {
            at++;
        }
        CHECK_TEXT(log, rows[i].log);
        souk_sse_free(&sse);
    }
}

/* A small generator of our own, so that every run cuts the same. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

static void a_long_stream_gives_its_events_in_random_pieces(void)
{
    char stream[2048] = "";
    char want[LOG_MAX] = "";
    for (size_t i = 0; i < 20; i++) {
        strcat(stream, rows[i].stream);
    }
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), 4096);
    feed(&sse, souk_slice_of(stream), want);
    souk_sse_free(&sse);
    uint32_t state = 1;
    for (int round = 0; round < 200; round++) {
        char log[LOG_MAX] = "";
        souk_slice rest = souk_slice_of(stream);
        souk_sse_init(&sse, souk_alloc_libc(), 4096);
        while (rest.len > 0) {
            size_t len = 1 + next_random(&state) % 40;
            len = len < rest.len ? len : rest.len;
            feed(&sse, souk_slice_make(rest.ptr, len), log);
            rest = souk_slice_from(rest, len);
        }
        souk_sse_free(&sse);
        CHECK_TEXT(log, want);
    }
}

static void the_last_event_id_is_that_of_a_finished_event(void)
{
    char log[LOG_MAX] = "";
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
    CHECK_SLICE(souk_sse_last_id(&sse), "");
    feed(&sse, SOUK_LIT("id: 1\ndata: a\n\n"), log);
    CHECK_SLICE(souk_sse_last_id(&sse), "1");
    feed(&sse, SOUK_LIT("data: b\n\nid: 2\ndata: c\n"), log);
    CHECK_SLICE(souk_sse_last_id(&sse), "1");
    feed(&sse, SOUK_LIT("\nid: 3\n\n"), log);
    CHECK_SLICE(souk_sse_last_id(&sse), "3");
    feed(&sse, SOUK_LIT("id\n\n"), log);
    CHECK_SLICE(souk_sse_last_id(&sse), "");
    souk_sse_free(&sse);
}

static void an_id_with_a_nul_is_ignored(void)
{
    char log[LOG_MAX] = "";
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
    feed(&sse, SOUK_LIT("id: 1\ndata: a\n\nid: x\0y\ndata: b\n\n"), log);
    CHECK_TEXT(log, "message !a #1\nmessage !b\n");
    CHECK_SLICE(souk_sse_last_id(&sse), "1");
    souk_sse_free(&sse);
}

static void a_restart_keeps_the_last_id_and_forgets_the_unfinished_event(void)
{
    char log[LOG_MAX] = "";
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
    feed(&sse, SOUK_LIT("retry: 30\nid: 1\ndata: a\n\ndata: lo"), log);
    souk_sse_restart(&sse);
    CHECK_SLICE(souk_sse_last_id(&sse), "1");
    CHECK_INT(sse.retry_ms, 30);
    feed(&sse,
         SOUK_LIT("\xEF\xBB\xBF"
                  "data: b\n\n"),
         log);
    CHECK_TEXT(log, "message !a #1 ~30\nmessage !b\n");
    souk_sse_free(&sse);
}

static void comments_are_counted_and_cost_no_memory(void)
{
    char log[LOG_MAX] = "";
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), MAX_EVENT);
    feed(&sse, SOUK_LIT(": a very long comment"), log);
    for (int i = 0; i < 1000; i++) {
        feed(&sse, SOUK_LIT(", which goes on and on: longer than an event may be"), log);
    }
    feed(&sse, SOUK_LIT("\n:\n\n: third\n"), log);
    CHECK_INT(sse.comments, 3);
    CHECK_INT(sse.line.cap, 0);
    CHECK_TEXT(log, "");
    souk_sse_free(&sse);
}

static void an_event_past_the_maximum_breaks_the_stream(void)
{
    /* 16 bytes are allowed: "data: 1234567890" */
    static const row limits[] = {
        {"just fits", "data: 1234567890\n\n", "message !1234567890\n"},
        {"one too many", "data: 12345678901\n\n", "ERROR limit\n"},
        {"in two lines", "data: 1234\ndata: 5\n\n", "ERROR limit\n"},
        {"no line end", "data: 123456789012345", "ERROR limit\n"},
        {"each event counts alone", "data: 123456\n\ndata: 123456\n\n",
         "message !123456\nmessage !123456\n"},
        {"lines of no meaning count", "foo\nfoo\nfoo\nfoo\nfoo\nfoo\n", "ERROR limit\n"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        souk_slice stream = souk_slice_of(limits[i].stream);
        for (size_t cut = 0; cut <= stream.len; cut++) {
            char log[LOG_MAX] = "";
            souk_sse sse;
            souk_sse_init(&sse, souk_alloc_libc(), 16);
            if (feed(&sse, souk_slice_make(stream.ptr, cut), log)) {
                feed(&sse, souk_slice_from(stream, cut), log);
            }
            CHECK_TEXT(log, limits[i].log);
            souk_sse_free(&sse);
        }
    }
}

static void a_broken_stream_stays_broken(void)
{
    char log[LOG_MAX] = "";
    souk_sse sse;
    souk_sse_init(&sse, souk_alloc_libc(), 8);
    CHECK(!feed(&sse, SOUK_LIT("data: too long\n\n"), log));
    CHECK(!feed(&sse, SOUK_LIT("\n"), log));
    CHECK(!feed(&sse, SOUK_LIT(""), log));
    souk_sse_free(&sse);
}

static void freeing_twice_or_zeroed_is_harmless(void)
{
    souk_sse sse;
    memset(&sse, 0, sizeof sse);
    souk_sse_free(&sse);
    souk_sse_init(&sse, souk_alloc_libc(), 8);
    souk_sse_free(&sse);
    souk_sse_free(&sse);
    CHECK(sse.line.data == NULL);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    bool done = false;
    for (long n = 1; !done; n++) {
        failing_alloc f;
        failing_alloc_init(&f, n);
        souk_sse sse;
        char log[LOG_MAX] = "";
        souk_sse_init(&sse, &f.alloc, 1024);
        bool fine = feed(&sse, SOUK_LIT("id: 1\nevent: x\ndata: a\ndata:"), log) &&
                    feed(&sse, SOUK_LIT(" b\n\nid: 2\n\n"), log);
        CHECK_INT(fine, !f.fired);
        CHECK_TEXT(log, fine ? "x !a/b #1\nmessage #2\n" : "ERROR limit\n");
        souk_sse_free(&sse);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
}

int main(void)
{
    CASE(every_stream_gives_its_events_however_it_is_cut);
    CASE(every_stream_gives_its_events_byte_by_byte);
    CASE(a_long_stream_gives_its_events_in_random_pieces);
    CASE(the_last_event_id_is_that_of_a_finished_event);
    CASE(an_id_with_a_nul_is_ignored);
    CASE(a_restart_keeps_the_last_id_and_forgets_the_unfinished_event);
    CASE(comments_are_counted_and_cost_no_memory);
    CASE(an_event_past_the_maximum_breaks_the_stream);
    CASE(a_broken_stream_stays_broken);
    CASE(freeing_twice_or_zeroed_is_harmless);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
