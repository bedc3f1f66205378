/* TLS, against the servers of the openssl command, with a certificate that is made for the run. */
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "courier_help.h"

extern char **environ;

static char folder[] = "/tmp/souk-tls-XXXXXX";
static char cert[64];

static pid_t run_quietly(const char *command)
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char line[1024];
    snprintf(line, sizeof line, "exec %s", command);
    char *argv[] = {shell, option, line, NULL};
    pid_t pid = -1;
    return posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0 ? pid : -1;
}

static bool make_certificate(void)
{
    char command[512];
    int status = -1;
    if (mkdtemp(folder) == NULL) {
        return false;
    }
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
             "-subj /CN=souk-test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key.pem -out %s "
             "2>/dev/null",
             folder, cert);
    pid_t pid = run_quietly(command);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The status page of `openssl s_server` answers any GET. Returns its process, or -1. */
static pid_t start_server(char *url, size_t size)
{
    char command[512];
    int fd;
    unsigned port = listen_loopback(&fd, 1);
    close(fd);
    snprintf(command, sizeof command,
             "openssl s_server -accept 127.0.0.1:%u -key %s/key.pem -cert %s -www >/dev/null 2>&1",
             port, folder, cert);
    snprintf(url, size, "https://127.0.0.1:%u/?s3cret", port);
    pid_t pid = run_quietly(command);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 200; i++) {
        int probe = socket(AF_INET, SOCK_STREAM, 0);
        int rc = connect(probe, (struct sockaddr *)&address, sizeof address);
        close(probe);
        if (rc == 0) {
            return pid;
        }
        usleep(10000);
    }
    return pid;
}

static char tls_url[96];

static souk_exchange get(souk_id id)
{
    souk_exchange exchange = post_to(tls_url, id);
    exchange.method = "GET";
    return exchange;
}

static void a_certificate_nobody_vouches_for_is_refused(void)
{
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, get(1), NULL, &o);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(!o.err.retryable);
    CHECK_HAS(o.err.message, "the certificate of 127.0.0.1 was not accepted: self");
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_certificate_of_the_given_roots_is_accepted(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = get(1);
    exchange.ca_file = cert;
    outcome o;
    run(engine, exchange, NULL, &o);
    CHECK(!o.failed);
    CHECK_TEXT(o.err.message, "");
    CHECK_INT(o.status, 200);
    CHECK(o.body.len > 100);
    outcome_free(&o);

    /*
     * In the same group, but without these roots: neither handle nor connection may be taken from
     * there.
     */
    run(engine, get(2), NULL, &o);
    CHECK(o.failed);
    CHECK_HAS(o.err.message, "was not accepted");
    outcome_free(&o);
    exchange.id = 3;
    run(engine, exchange, NULL, &o);
    CHECK(!o.failed);
    outcome_free(&o);
    souk_engine_free(engine);
}

static void a_file_without_certificates_trusts_nobody(void)
{
    char path[80];
    snprintf(path, sizeof path, "%s/empty.pem", folder);
    FILE *file = fopen(path, "w");
    fputs("nothing here\n", file);
    fclose(file);
    souk_engine *engine = engine_start(NULL);
    souk_exchange exchange = get(1);
    exchange.ca_file = path;
    outcome o;
    run(engine, exchange, NULL, &o);
    CHECK(o.failed);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(!o.err.retryable);
    CHECK(!contains(o.err.message, "s3cret"));
    CHECK_HAS(o.err.message, "the trusted roots in");
    outcome_free(&o);
    souk_engine_free(engine);
    unlink(path);
}

static void script_no_tls(test_peer *peer)
{
    char byte;
    if (recv(peer->fd, &byte, 1, 0) == 1) {
        peer_send(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
    }
}

static void a_server_without_tls_was_sent_nothing(void)
{
    test_server *server = server_start(script_no_tls);
    char url[96];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", server->port);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(url, 1), "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_HAS(o.err.message, "no TLS connection to 127.0.0.1:");
    outcome_free(&o);
    souk_engine_free(engine);
    server_stop(server);
}

/* --- HTTP/2, against node --- */

static const char http2_server[] =
    "const http2 = require('node:http2'), fs = require('node:fs');\n"
    "const server = http2.createSecureServer({ key: fs.readFileSync(process.argv[1] + "
    "'/key.pem'),\n"
    "    cert: fs.readFileSync(process.argv[1] + '/cert.pem') });\n"
    "let sessions = 0;\n"
    "server.on('session', () => sessions++);\n"
    "server.on('stream', (stream, headers) => {\n"
    "    stream.on('error', () => {});\n"
    "    stream.resume();\n"
    "    stream.on('end', () => {\n"
    "        stream.respond({ ':status': 200, 'x-connections': String(sessions) });\n"
    "        stream.end(headers[':path'] === '/large' ? Buffer.alloc(5000000, 'x') : '{}');\n"
    "    });\n"
    "});\n"
    "server.listen(0, '127.0.0.1', () => console.log(server.address().port));\n"
    "process.stdin.resume().on('end', () => process.exit(0));\n";

/* Starts node as a child of the engine; false when there is no node. */
static bool start_node(souk_engine *engine, outcome *node, char *url, size_t size)
{
    const char *program = getenv("SOUK_NODE");
    const char *argv[] = {program != NULL && program[0] != '\0' ? program : "node", "-e",
                          http2_server, folder, NULL};
    souk_spawn spawn = {.id = node->id, .argv = argv, .stderr_tail = 1000};
    souk_port port = souk_engine_port(engine);
    if (port.spawn(port.user, &spawn, NULL) != SOUK_OK) {
        return false;
    }
    while (node->finals == 0 && (node->body.len == 0 || !contains(node->body.data, "\n"))) {
        CHECK_INT(souk_engine_wait(engine, LONGEST_TEST_MS, NULL), SOUK_OK);
        fetch(engine, node, 1);
    }
    CHECK_INT(node->finals, 0);
    snprintf(url, size, "https://127.0.0.1:%d/", node->body.len > 0 ? atoi(node->body.data) : 0);
    return node->finals == 0;
}

static void http2_carries_many_exchanges_over_one_connection(void)
{
    enum { MANY = 50, NODE = MANY, ALL = MANY + 1 };
    souk_engine_options options = {.max_queued = 100000};
    souk_engine *engine = engine_start(&options);
    static outcome all[ALL];
    char url[96];
    for (size_t i = 0; i < ALL; i++) {
        outcome_init(&all[i], i + 1);
    }
    if (!start_node(engine, &all[NODE], url, sizeof url)) {
        printf("# skipped: there is no node\n");
        souk_engine_free(engine);
        return;
    }
    /* The first one makes the connection; the others come while it stands. */
    souk_exchange exchange = post_to(url, 1);
    exchange.ca_file = cert;
    CHECK_INT(start(engine, exchange, "{}", NULL), SOUK_OK);
    finish_all(engine, all, 1);
    for (size_t i = 1; i < MANY; i++) {
        exchange.id = i + 1;
        CHECK_INT(start(engine, exchange, "{}", NULL), SOUK_OK);
    }
    finish_all(engine, all, MANY);
    for (size_t i = 0; i < MANY; i++) {
        CHECK(!all[i].failed);
        CHECK_HAS(all[i].headers, "x-connections: 1\n");
        outcome_free(&all[i]);
    }
    CHECK_INT(souk_engine_stats(engine).connections_opened, 1);

    /* A stream that is not fetched is paused here too, and loses nothing. */
    char large[128];
    snprintf(large, sizeof large, "%slarge", url);
    outcome_init(&all[0], 1000);
    exchange.id = 1000;
    exchange.url = large;
    exchange.stream = true;
    CHECK_INT(start(engine, exchange, "{}", NULL), SOUK_OK);
    for (int i = 0; i < 20; i++) {
        CHECK_INT(souk_engine_wait(engine, 5, NULL), SOUK_OK);
        usleep(1000);
    }
    finish_all(engine, all, 1);
    CHECK_INT(all[0].body.len, 5000000);
    outcome_free(&all[0]);
    souk_port port = souk_engine_port(engine);
    port.close_child(port.user, all[NODE].id, 5000);
    finish_all(engine, &all[NODE], 1);
    CHECK_INT(all[NODE].exit_code, 0);
    outcome_free(&all[NODE]);
    souk_engine_free(engine);
}

enum { EXITS = 40, HANDSHAKES = 16 };

/* Leaves by exit handlers, while a thread is in the middle of handshakes. */
static _Noreturn void leave(unsigned pause_us)
{
    souk_courier *courier = courier_start(NULL);
    char group[HANDSHAKES][8];
    for (unsigned i = 0; i < HANDSHAKES; i++) {
        souk_exchange exchange = get(i + 1);
        exchange.ca_file = cert;
        snprintf(group[i], sizeof group[i], "g%u", i);
        exchange.group = souk_slice_of(group[i]);
        courier_post(courier, exchange, "");
    }
    usleep(pause_us);
    exit(0);
}

static void a_process_may_exit_in_the_middle_of_handshakes(void)
{
    int crashed = 0;
    for (unsigned i = 0; i < EXITS; i++) {
        int status = -1;
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            leave(i * 500);
        }
        waitpid(pid, &status, 0);
        crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    CHECK_INT(crashed, 0);
}

int main(void)
{
    if (!make_certificate()) {
        printf("1..0 # SKIP the openssl command is missing\n");
        return 0;
    }
    pid_t server = start_server(tls_url, sizeof tls_url);
    CASE(a_certificate_nobody_vouches_for_is_refused);
    CASE(a_certificate_of_the_given_roots_is_accepted);
    CASE(a_file_without_certificates_trusts_nobody);
    CASE(a_server_without_tls_was_sent_nothing);
    CASE(http2_carries_many_exchanges_over_one_connection);
    CASE(a_process_may_exit_in_the_middle_of_handshakes);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    char path[80];
    unlink(cert);
    snprintf(path, sizeof path, "%s/key.pem", folder);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
