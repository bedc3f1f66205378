#include "runtime/metrics.h"

#include <string.h>

#include "base/utf8.h"

/* Names come from files and programs, so they may have any bytes; what is no UTF-8 is no label. */
static void label_value(souk_buf *out, souk_slice text)
{
    while (text.len > 0) {
        uint32_t c;
        size_t len = souk_utf8_decode(text, &c);
        if (len == 0) {
            souk_buf_add_text(out, "\xEF\xBF\xBD");
            len = 1;
        } else if (c == '\n') {
            souk_buf_add_text(out, "\\n");
        } else {
            if (c == '"' || c == '\\') {
                souk_buf_add_byte(out, '\\');
            }
            souk_buf_add(out, souk_slice_make(text.ptr, len));
        }
        text = souk_slice_from(text, len);
    }
}

/* Whole milliseconds as seconds. */
static void seconds(souk_buf *out, uint64_t ms)
{
    souk_buf_addf(out, "%llu", (unsigned long long)(ms / 1000));
    if (ms % 1000 != 0) {
        char digits[4] = {(char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
                          (char)('0' + ms % 10), '\0'};
        for (size_t i = 3; i > 0 && digits[i - 1] == '0'; i--) {
            digits[i - 1] = '\0';
        }
        souk_buf_addf(out, ".%s", digits);
    }
}

static void head(souk_buf *out, const char *name, const char *type, const char *help)
{
    souk_buf_addf(out, "# HELP souk_%s %s\n# TYPE souk_%s %s\n", name, help, name, type);
}

static void gauge(souk_buf *out, const char *name, const char *help, size_t value)
{
    head(out, name, "gauge", help);
    souk_buf_addf(out, "souk_%s %zu\n", name, value);
}

/* A name with the server as its label; NULL: it is of all together. It ends in a blank. */
static void put_name(souk_buf *out, const char *name, const char *suffix, const souk_slice *server)
{
    souk_buf_addf(out, "souk_%s%s", name, suffix);
    if (server != NULL) {
        souk_buf_add_text(out, "{server=\"");
        label_value(out, *server);
        souk_buf_add_text(out, "\"}");
    }
    souk_buf_add_byte(out, ' ');
}

static void put_bucket(souk_buf *out, const char *name, const souk_slice *server, souk_ms bound)
{
    souk_buf_addf(out, "souk_%s_bucket{", name);
    if (server != NULL) {
        souk_buf_add_text(out, "server=\"");
        label_value(out, *server);
        souk_buf_add_text(out, "\",");
    }
    souk_buf_add_text(out, "le=\"");
    if (bound == SOUK_NEVER) {
        souk_buf_add_text(out, "+Inf");
    } else {
        seconds(out, (uint64_t)bound);
    }
    souk_buf_add_text(out, "\"} ");
}

static void put_number(souk_buf *out, uint64_t number)
{
    souk_buf_addf(out, "%llu\n", (unsigned long long)number);
}

static void histogram(souk_buf *out, const char *name, const souk_slice *server,
                      const souk_histogram *values)
{
    uint64_t so_far = 0;
    for (size_t i = 0; i < SOUK_HISTOGRAM_BUCKETS; i++) {
        so_far += values->buckets[i];
        put_bucket(out, name, server, souk_histogram_bound(i));
        put_number(out, so_far);
    }
    put_name(out, name, "_sum", server);
    seconds(out, values->sum);
    souk_buf_add_byte(out, '\n');
    put_name(out, name, "_count", server);
    put_number(out, values->count);
}

static void counters(souk_buf *out, const souk_pool_stats *stats)
{
#define COUNTER(name, meaning)                                                                     \
    head(out, #name "_total", "counter", meaning);                                                 \
    put_name(out, #name, "_total", NULL);                                                          \
    put_number(out, stats->name);
    SOUK_POOL_COUNTERS(COUNTER)
#undef COUNTER
}

static void sessions_by_state(souk_runtime *rt, souk_buf *out)
{
    static const char *const states[] = {"opening", "open", "retiring", "lost", "closing"};
    size_t counts[sizeof states / sizeof states[0]] = {0};
    souk_session_info info;
    size_t cursor = 0;
    while (souk_pool_each_session(souk_runtime_pool(rt), &cursor, souk_runtime_now(rt), &info)) {
        for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
            counts[i] += strcmp(info.state, states[i]) == 0;
        }
    }
    head(out, "sessions", "gauge", "sessions now, by state");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        souk_buf_addf(out, "souk_sessions{state=\"%s\"} %zu\n", states[i], counts[i]);
    }
}

static void now(souk_runtime *rt, souk_buf *out, const souk_pool_stats *stats)
{
    sessions_by_state(rt, out);
    gauge(out, "endpoints", "endpoints that are remembered", stats->keys);
    gauge(out, "calls_in_flight", "calls that a session executes now", stats->in_flight);
    gauge(out, "calls_waiting", "calls that wait for a session now", stats->waiting);
    gauge(out, "calls_standing", "standing calls of souk's own: listening", stats->standing);
    gauge(out, "capabilities", "capabilities in the marketplace",
          souk_registry_count(souk_runtime_registry(rt)));
}

static uint64_t breaker_number(const char *breaker)
{
    return strcmp(breaker, "closed") == 0 ? 0 : strcmp(breaker, "open") == 0 ? 2 : 1;
}

/* X(name, type, help, expression on `info`): what is told of each server */
#define SERVER_NUMBERS(X)                                                                          \
    X(server_calls_total, "counter", "calls taken", info.calls)                                    \
    X(server_calls_failed_total, "counter", "calls that ended with an error", info.failed)         \
    X(server_sessions, "gauge", "sessions now", info.sessions)                                     \
    X(server_calls_in_flight, "gauge", "calls that a session executes now", info.in_flight)        \
    X(server_calls_waiting, "gauge", "calls that wait for a session now", info.waiting)            \
    X(server_breaker, "gauge", "0 closed, 1 half-open, 2 open: the worst of its endpoints",        \
      breaker_number(info.breaker))

/* All samples of one name stand together, as the format wants it. */
static void servers(const souk_pool *pool, souk_ms at, souk_buf *out)
{
    souk_server_info info;
    size_t cursor;
#define NUMBER(metric, type, help, value)                                                          \
    head(out, #metric, type, help);                                                                \
    cursor = 0;                                                                                    \
    while (souk_pool_each_server(pool, &cursor, at, &info)) {                                      \
        put_name(out, #metric, "", &info.name);                                                    \
        put_number(out, value);                                                                    \
    }
    SERVER_NUMBERS(NUMBER)
#undef NUMBER
    head(out, "call_duration_seconds", "histogram", "how long calls took, waiting included");
    cursor = 0;
    while (souk_pool_each_server(pool, &cursor, at, &info)) {
        histogram(out, "call_duration_seconds", &info.name, info.latency);
    }
}

int souk_runtime_metrics(souk_runtime *rt, souk_buf *out, souk_err *err)
{
    const souk_pool *pool = souk_runtime_pool(rt);
    const souk_pool_latency *latency = souk_pool_get_latency(pool);
    souk_pool_stats stats;
    souk_pool_get_stats(pool, &stats);
    counters(out, &stats);
    now(rt, out, &stats);
    servers(pool, souk_runtime_now(rt), out);
    head(out, "session_wait_seconds", "histogram", "how long calls waited for their session");
    histogram(out, "session_wait_seconds", NULL, &latency->wait);
    head(out, "session_open_seconds", "histogram", "how long it took to open a session");
    histogram(out, "session_open_seconds", NULL, &latency->open);
    return souk_buf_check(out, "the text of metrics", err);
}
