/*
 * The engine, and the engine on a thread of its own (courier), beside bare libcurl, posting the
 * same bytes to the same server (bench_server, which lies beside this program) in the same run, in
 * turns: one call after the other, and 64 in flight.
 *
 *     bench_curl                  all of them, as a table of medians and ratios
 *     bench_curl WHICH COUNT      only one: easy, engine, courier, multi, engine64, courier64; from
 *                                 2,000 on warmed up first, fewer as they are (for callgrind)
 */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/version.h"
#include "io/courier.h"
#include "io/engine.h"

enum { ROUNDS = 15, SEQUENTIAL = 1000, PARALLEL = 4000, WIDTH = 64, TIMED = 2000 };

static const char body[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1234,\"method\":\"tools/"
    "call\",\"params\":{\"name\":\"echo\",\"arguments\":"
    "{\"text\":\"The quick brown fox jumps over the lazy dog, again and again, until the benchmark "
    "ends.\",\"times\":3},\"_meta\":{\"progressToken\":1234}}}";

static const char *const header_names[] = {"Content-Type", "Accept", "Mcp-Session-Id",
                                           "MCP-Protocol-Version"};
static const char *const header_values[] = {
    "application/json", "application/json, text/event-stream", "5f0c1e2a-bench", "2025-11-25"};
enum { HEADERS = sizeof header_names / sizeof header_names[0] };

static char url[64];

static void die(const char *why)
{
    fprintf(stderr, "bench_curl: %s\n", why);
    exit(1);
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/* --- bare libcurl --- */

typedef struct answer {
    size_t len;
    char bytes[4096];
} answer;

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user)
{
    answer *a = user;
    size_t len = size * count;
    if (len > sizeof a->bytes - a->len) {
        return 0;
    }
    memcpy(a->bytes + a->len, bytes, len);
    a->len += len;
    return len;
}

static CURL *bare_handle(answer *a, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)(sizeof body - 1));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "souk/" SOUK_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
    return easy;
}

static struct curl_slist *bare_headers(void)
{
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < HEADERS; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s: %s", header_names[i], header_values[i]);
        headers = curl_slist_append(headers, line);
    }
    return curl_slist_append(headers, "Expect:");
}

static void check_answer(answer *a)
{
    if (a->len == 0 || a->bytes[0] != '{') {
        die("that was no answer");
    }
    a->len = 0;
}

static CURL *easy_handle;
static answer easy_answer;

static void run_easy(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (curl_easy_perform(easy_handle) != CURLE_OK) {
            die("curl_easy_perform failed");
        }
        check_answer(&easy_answer);
    }
}

static CURLM *multi;
static CURL *multi_handles[WIDTH];
static answer multi_answers[WIDTH];

/* Takes what is finished; starts the next request on the same handle as long as `left` says so. */
static size_t turn_over(size_t *left)
{
    size_t finished = 0;
    int queued;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &queued)) != NULL) {
        CURL *easy = message->easy_handle;
        answer *a = NULL;
        if (message->data.result != CURLE_OK) {
            die("a transfer failed");
        }
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &a);
        check_answer(a);
        curl_multi_remove_handle(multi, easy);
        finished++;
        if (*left > 0) {
            curl_multi_add_handle(multi, easy);
            (*left)--;
        }
    }
    return finished;
}

static void run_multi(size_t count)
{
    size_t left = count;
    size_t finished = 0;
    for (size_t i = 0; i < WIDTH && left > 0; i++, left--) {
        curl_multi_add_handle(multi, multi_handles[i]);
    }
    while (finished < count) {
        int running;
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            die("curl_multi_perform failed");
        }
        size_t now = turn_over(&left);
        finished += now;
        if (now == 0 && finished < count) {
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
    }
}

/* --- the engine, driven by this thread, and by one of its own --- */

typedef struct driver {
    souk_engine *engine;
    souk_courier *courier; /* NULL: the engine is driven here */
    souk_port port;
} driver;

static driver here;
static driver there;
static souk_id last_id;

static void start(const driver *by)
{
    static souk_header headers[HEADERS];
    souk_buf request;
    souk_err err;
    for (size_t i = 0; i < HEADERS; i++) {
        headers[i].name = souk_slice_of(header_names[i]);
        headers[i].value = souk_slice_of(header_values[i]);
    }
    souk_buf_init(&request, souk_alloc_libc(), 1 << 20);
    souk_buf_add(&request, souk_slice_make(body, sizeof body - 1));
    souk_exchange exchange = {
        .id = ++last_id,
        .method = "POST",
        .url = url,
        .headers = headers,
        .header_count = HEADERS,
        .body = &request,
        .timeout_ms = 60000,
        .connect_timeout_ms = 30000,
        .max_header = 65536,
        .max_body = 1 << 24,
        .group = SOUK_LIT("bench"),
        .stream = true,
    };
    if (by->port.exchange(by->port.user, &exchange, &err) != SOUK_OK) {
        die(err.message);
    }
}

static void wait_for_events(const driver *by)
{
    souk_err err;
    int rc = by->courier == NULL ? souk_engine_wait(by->engine, SOUK_NEVER, &err)
                                 : souk_courier_wait(by->courier, SOUK_NEVER, &err);
    if (rc != SOUK_OK) {
        die(err.message);
    }
}

static bool next_event(const driver *by, souk_io_event *event)
{
    return by->courier == NULL ? souk_engine_next(by->engine, event)
                               : souk_courier_next(by->courier, event);
}

static void run_engine(const driver *by, size_t count, size_t width)
{
    souk_io_event event;
    size_t left = count;
    size_t finished = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < width && left > 0; i++, left--) {
        start(by);
    }
    while (finished < count) {
        wait_for_events(by);
        while (next_event(by, &event)) {
            if (event.kind == SOUK_IO_FAILED) {
                die(event.err.message);
            }
            bytes += event.bytes.len;
            if (event.kind == SOUK_IO_END) {
                finished++;
                if (left > 0) {
                    start(by);
                    left--;
                }
            }
        }
    }
    if (bytes < count * 100) {
        die("these were no answers");
    }
}

static void run_engine_1(size_t count)
{
    run_engine(&here, count, 1);
}

static void run_engine_64(size_t count)
{
    run_engine(&here, count, WIDTH);
}

static void run_courier_1(size_t count)
{
    run_engine(&there, count, 1);
}

static void run_courier_64(size_t count)
{
    run_engine(&there, count, WIDTH);
}

/* --- the contest --- */

typedef struct contestant {
    const char *name;
    void (*run)(size_t count);
    size_t count;
    double wall[ROUNDS]; /* us for each request */
    double cpu[ROUNDS];
} contestant;

static contestant contestants[] = {
    {.name = "easy", .run = run_easy, .count = SEQUENTIAL},
    {.name = "engine", .run = run_engine_1, .count = SEQUENTIAL},
    {.name = "courier", .run = run_courier_1, .count = SEQUENTIAL},
    {.name = "multi", .run = run_multi, .count = PARALLEL},
    {.name = "engine64", .run = run_engine_64, .count = PARALLEL},
    {.name = "courier64", .run = run_courier_64, .count = PARALLEL},
};
enum { CONTESTANTS = sizeof contestants / sizeof contestants[0] };
enum { EASY, ENGINE, COURIER, MULTI, ENGINE_64, COURIER_64 }; /* as they stand there */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values)
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], by_size);
    return sorted[ROUNDS / 2];
}

/* The median of the rounds' ratios: what disturbed a round disturbed both. */
static double median_ratio(const double *a, const double *b)
{
    double ratios[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        ratios[i] = a[i] / b[i];
    }
    return median(ratios);
}

static void compare(const char *what, int a, int b)
{
    printf("%-44s %9.3f %9.3f\n", what, median_ratio(contestants[a].wall, contestants[b].wall),
           median_ratio(contestants[a].cpu, contestants[b].cpu));
}

static void contest(void)
{
    for (size_t c = 0; c < CONTESTANTS; c++) {
        contestants[c].run(WIDTH * 4); /* connections are made, buffers are there */
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t c = 0; c < CONTESTANTS; c++) {
            contestant *one = &contestants[c];
            double wall_before = wall();
            double cpu_before = cpu();
            one->run(one->count);
            one->wall[round] = (wall() - wall_before) * 1e6 / (double)one->count;
            one->cpu[round] = (cpu() - cpu_before) * 1e6 / (double)one->count;
        }
    }
    printf("%-44s %9s %9s\n", "us per request (medians)", "time", "own CPU");
    for (size_t c = 0; c < CONTESTANTS; c++) {
        printf("%-44s %9.2f %9.2f\n", contestants[c].name, median(contestants[c].wall),
               median(contestants[c].cpu));
    }
    compare("sequential, engine / easy handle: time", ENGINE, EASY);
    compare("sequential, courier / easy handle: time", COURIER, EASY);
    compare("64 in flight, engine / multi: throughput", MULTI, ENGINE_64);
    compare("64 in flight, courier / multi: throughput", MULTI, COURIER_64);
}

/* --- the server --- */

static pid_t start_server(const char *self)
{
    char path[4096];
    int ends[2];
    const char *slash = strrchr(self, '/');
    snprintf(path, sizeof path, "%.*sbench_server", slash == NULL ? 0 : (int)(slash - self) + 1,
             self);
    if (pipe(ends) != 0) {
        die("no pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    unsigned port = 0;
    if (pid < 0 || in == NULL || fscanf(in, "port %u", &port) != 1) {
        die("bench_server does not start");
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%u/mcp", port);
    return pid;
}

static void set_up(void)
{
    souk_err err;
    struct curl_slist *headers = bare_headers();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy_handle = bare_handle(&easy_answer, headers);
    multi = curl_multi_init();
    for (size_t i = 0; i < WIDTH; i++) {
        multi_handles[i] = bare_handle(&multi_answers[i], headers);
        curl_easy_setopt(multi_handles[i], CURLOPT_PRIVATE, &multi_answers[i]);
    }
    if (souk_engine_new(souk_alloc_libc(), NULL, &here.engine, &err) != SOUK_OK ||
        souk_courier_new(souk_alloc_libc(), NULL, &there.courier, &err) != SOUK_OK) {
        die(err.message);
    }
    here.port = souk_engine_port(here.engine);
    there.port = souk_courier_port(there.courier);
}

int main(int argc, char **argv)
{
    pid_t server = start_server(argv[0]);
    set_up();
    if (argc == 3) {
        for (size_t c = 0; c < CONTESTANTS; c++) {
            if (strcmp(argv[1], contestants[c].name) == 0) {
                size_t count = strtoul(argv[2], NULL, 10);
                contestants[c].run(count /
                                   2); /* a new server and a new process are slow at first */
                double start = wall();
                contestants[c].run(count);
                printf("%.3f us per request\n", (wall() - start) * 1e6 / (double)count);
            }
        }
    } else {
        contest();
    }
    souk_engine_free(here.engine);
    souk_courier_free(there.courier);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return 0;
}
