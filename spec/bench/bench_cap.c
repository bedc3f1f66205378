#include <stdbool.h>
/*
 * Capability files: bytes read in a second, ten thousand files, writing; and looking up one
 * capability among 100,000 beside one among 100.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cap/read.h"
#include "cap/write.h"
#include "market/registry.h"

enum { FILES = 10000, MANY = 100 * 1000, FEW = 100, LOOKUPS = 300 * 1000, ROUNDS = 5 };

static const char pattern[] =
    ";; MCP capability: %d\n"
    "(capability \"mcp.bench%d.list_things\"\n"
    "  :name \"list_things\"\n"
    "  :version \"1.0.0\"\n"
    "  :description \"Lists the things of an owner, a page at a time; \\\"mine\\\" are those of "
    "the caller.\"\n"
    "  :provider \"MCP\"\n"
    "  :permissions [:network.http]\n"
    "  :effects [:network_request :mcp_call]\n"
    "  :metadata {\n"
    "    :mcp {\n"
    "      :server_url \"https://mcp.example.org/things/\"\n"
    "      :server_name \"things\"\n"
    "      :tool_name \"list_things\"\n"
    "      :protocol_version \"2024-11-05\"\n"
    "      :requires_session \"auto\"\n"
    "      :auth_env_var \"MCP_AUTH_TOKEN\"\n"
    "      :server_url_override_env \"MCP_SERVER_URL\"\n"
    "    }\n"
    "    :discovery {\n"
    "      :method \"mcp_introspection\"\n"
    "      :source_url \"https://mcp.example.org/things/\"\n"
    "      :created_at \"2025-10-24T09:02:22+00:00\"\n"
    "      :capability_type \"mcp_tool\"\n"
    "    }\n"
    "  }\n"
    "  :input-schema {\n"
    "    :owner :string\n"
    "    :state [:optional [:enum \"OPEN\" \"CLOSED\"]]\n"
    "    :labels [:vector :string] ;; optional\n"
    "    :perPage :int ;; optional\n"
    "  }\n"
    "  :output-schema :any\n"
    "  :implementation\n"
    "    (fn [input]\n"
    "      (let [override (call \"ccos.system.get-env\" \"MCP_SERVER_URL\")\n"
    "            url (if override override \"https://mcp.example.org/things/\")\n"
    "            request {:jsonrpc \"2.0\" :id \"1\" :method \"tools/call\"\n"
    "                     :params {:name \"list_things\" :arguments input}}\n"
    "            answer (call \"ccos.network.http-fetch\" :method \"POST\" :url url\n"
    "                         :headers {:content-type \"application/json\"}\n"
    "                         :body (call \"ccos.data.serialize-json\" request))]\n"
    "        (if (get answer :body)\n"
    "          (get (call \"ccos.data.parse-json\" (get answer :body)) :result)\n"
    "          {:error \"the server sent no body\" :url url}))))\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of the table that `make bench` ends with. */
static void row(const char *what, double figure, const char *unit_and_goal, bool met)
{
    printf("row: %-32s %9.2f %-58s %s\n", what, figure, unit_and_goal, met ? "met" : "MISSED");
}

static void die(const char *why)
{
    fprintf(stderr, "bench_cap: %s\n", why);
    exit(1);
}

static void read_text(souk_slice text, size_t expected, souk_cap_file *file)
{
    souk_err err;
    if (souk_cap_read(souk_alloc_libc(), SOUK_LIT("bench.rtfs"), text, NULL, file, &err) !=
        SOUK_OK) {
        die(err.message);
    }
    if (file->count != expected || file->diags.count != 0) {
        die("not all capabilities were read");
    }
}

/* The best of some rounds: the machine has other things to do. */
static double best(double seconds, double so_far)
{
    return so_far == 0 || seconds < so_far ? seconds : so_far;
}

/* One file with thousands of capabilities. */
static void bench_large_file(void)
{
    enum { COUNT = 2000 };
    souk_cap_file file;
    souk_buf text;
    souk_buf written;
    souk_err err;
    double reading = 0;
    double writing = 0;
    souk_buf_init(&text, souk_alloc_libc(), 1U << 30);
    souk_buf_init(&written, souk_alloc_libc(), 1U << 30);
    for (int i = 0; i < COUNT; i++) {
        char one[4096];
        snprintf(one, sizeof one, pattern, i, i);
        souk_buf_add_text(&text, one);
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        read_text(souk_buf_slice(&text), COUNT, &file);
        reading = best(now() - start, reading);
        start = now();
        souk_buf_clear(&written);
        for (size_t i = 0; i < file.count; i++) {
            if (souk_manifest_write(file.manifests[i], &written, &err) != SOUK_OK) {
                die(err.message);
            }
        }
        writing = best(now() - start, writing);
        souk_cap_file_free(&file);
    }
    double megabytes = (double)text.len / 1e6;
    printf("capability text, read     %7.1f MB/s    (goal 50)\n", megabytes / reading);
    row("capability files, read", megabytes / reading, "MB/s (goal: at least 50)",
        megabytes / reading >= 50);
    printf("capability text, written  %7.1f MB/s\n", (double)written.len / 1e6 / writing);
    souk_buf_free(&text);
    souk_buf_free(&written);
}

/* Files with one capability each, read and registered one by one. */
static void bench_small_files(void)
{
    double least = 0;
    size_t bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        souk_registry *registry = souk_registry_new(souk_alloc_libc(), 0, FILES);
        double spent = 0;
        bytes = 0;
        for (int i = 0; i < FILES; i++) {
            char text[4096];
            souk_cap_file file;
            int len = snprintf(text, sizeof text, pattern, i, i);
            double start = now();
            read_text(souk_slice_make(text, (size_t)len), 1, &file);
            if (souk_registry_add(registry, file.manifests[0], NULL, NULL) != SOUK_OK) {
                die("a capability cannot be registered");
            }
            souk_cap_file_free(&file);
            spent += now() - start;
            bytes += (size_t)len;
        }
        souk_registry_free(registry);
        least = best(spent, least);
    }
    printf("%d files (%.1f MB)     %7.3f s     (goal 1)\n", FILES, (double)bytes / 1e6, least);
    row("10,000 capability files", least, "s (goal: under 1)", least < 1);
}

static souk_slice id_of(char *out, size_t size, unsigned number)
{
    int len = snprintf(out, size, "mcp.server%u.tool_%u", number % 50, number);
    return souk_slice_make(out, (size_t)len);
}

static souk_registry *fill(unsigned count)
{
    souk_registry *registry = souk_registry_new(souk_alloc_libc(), 0, count);
    for (unsigned i = 0; i < count; i++) {
        char id[64];
        souk_manifest parts = {.id = id_of(id, sizeof id, i)};
        souk_manifest *manifest;
        if (souk_manifest_new(souk_alloc_libc(), &parts, NULL, &manifest, NULL) != SOUK_OK ||
            souk_registry_add(registry, manifest, NULL, NULL) != SOUK_OK) {
            die("a manifest cannot be made");
        }
        souk_manifest_unref(manifest);
    }
    return registry;
}

/* Ids to be asked for, in an order that is not theirs in the registry. */
typedef struct questions {
    const souk_registry *registry;
    souk_slice *ids;
    char (*texts)[64]; /* what the ids point to */
    unsigned count;
    double least; /* nanoseconds of one look-up in the best round so far */
} questions;

/* `asked` ids, spread over all `count` that there are. */
static questions ask(const souk_registry *registry, unsigned count, unsigned asked)
{
    questions q = {registry, calloc(asked, sizeof(souk_slice)), calloc(asked, 64), asked, 0};
    if (q.ids == NULL || q.texts == NULL) {
        die("out of memory");
    }
    for (unsigned i = 0; i < asked; i++) {
        unsigned long number = (unsigned long)i * 7919 % asked * count / asked;
        q.ids[i] = id_of(q.texts[i], sizeof q.texts[i], (unsigned)number);
    }
    return q;
}

static void look_up(questions *q)
{
    size_t found = 0;
    double start = now();
    for (unsigned i = 0, next = 0; i < LOOKUPS; i++) {
        found += souk_registry_get(q->registry, q->ids[next]) != NULL;
        next = next + 1 == q->count ? 0 : next + 1;
    }
    q->least = best((now() - start) / LOOKUPS * 1e9, q->least);
    if (found != LOOKUPS) {
        die("a capability was not found");
    }
}

/*
 * A program calls some of its capabilities again and again, however many it has: the same number of
 * ids is asked for in both cases, in turns. The last line asks for all, so that it also shows what
 * memory costs that is in no cache.
 */
static void bench_look_up(void)
{
    souk_registry *few = fill(FEW);
    souk_registry *many = fill(MANY);
    questions among_few = ask(few, FEW, FEW);
    questions among_many = ask(many, MANY, FEW);
    questions all = ask(many, MANY, MANY);
    for (int round = 0; round < 4 * ROUNDS; round++) {
        look_up(&among_few);
        look_up(&among_many);
    }
    look_up(&all);
    printf("look-up among %d        %7.1f ns\n", FEW, among_few.least);
    printf("look-up among %d     %7.1f ns      %.2f x (goal at most 2)\n", MANY, among_many.least,
           among_many.least / among_few.least);
    double growth = among_many.least / among_few.least;
    row("look-up, 100,000 against 100", growth, "x the time (goal: at most 2)", growth <= 2);
    printf("  all of them in turn     %7.1f ns\n", all.least);
    free(among_few.texts);
    free(among_many.texts);
    free(all.texts);
    free(among_few.ids);
    free(among_many.ids);
    free(all.ids);
    souk_registry_free(few);
    souk_registry_free(many);
}

int main(void)
{
    bench_large_file();
    bench_small_files();
    bench_look_up();
    return 0;
}
