/* TLS, against the servers of the openssl command, with a certificate that is made for the run. */
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io_test.h"

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

    /* In the same group, but without these roots: neither handle nor connection may be taken from
     * there. */
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
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    char path[80];
    unlink(cert);
    snprintf(path, sizeof path, "%s/key.pem", folder);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
