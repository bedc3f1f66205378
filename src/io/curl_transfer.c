#include "io/curl.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/os_error.h"

/*
 * libcurl wants to be initialised once in a process; these two are the only variables of souk that
 * ever change.
 */
static pthread_once_t souk_io_once = PTHREAD_ONCE_INIT;
static CURLcode souk_io_once_result;

static void initialise(void)
{
    souk_io_once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int souk_exchange_prepare(souk_err *err)
{
    if (pthread_once(&souk_io_once, initialise) != 0 || souk_io_once_result != CURLE_OK) {
        return souk_fail(err, SOUK_E_LIMIT, "libcurl cannot be initialised");
    }
    return SOUK_OK;
}

/* --- sockets: souk opens and closes them, so that it knows which ones there are --- */

/* A child process that is started at any moment must not inherit it. */
static int make_socket(const struct curl_sockaddr *address)
{
#ifdef SOCK_CLOEXEC
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
#else
    int fd = socket(address->family, address->socktype, address->protocol);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

/*
 * The address that is really connected to, whatever the URL said and a name led to. With a proxy it
 * is the proxy's.
 */
static bool may_connect(const souk_reach *reach, const struct curl_sockaddr *to)
{
    souk_address address;
    if (reach == NULL || !reach->deny_private) {
        return true;
    }
    if (to->family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)&to->addr;
        address.len = 4;
        memcpy(address.bytes, &v4->sin_addr, 4);
    } else if (to->family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)&to->addr;
        address.len = 16;
        memcpy(address.bytes, &v6->sin6_addr, 16);
    } else {
        return false;
    }
    return !souk_address_is_private(&address);
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    souk_transfer *transfer = user;
    souk_engine *engine = transfer->engine;
    if (!may_connect(engine->options.reach, address)) {
        transfer->saw_private = true;
        return CURL_SOCKET_BAD;
    }
    transfer->saw_public = true;
    int fd = make_socket(address);
    if (fd < 0) {
        engine->socket_errno = errno;
        return CURL_SOCKET_BAD;
    }
    if (souk_loop_adopt(engine->loop, fd, NULL) != SOUK_OK) {
        engine->socket_errno = ENOMEM;
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    engine->counts.connections++;
    engine->counts.connections_opened++;
    return fd;
}

static int close_socket(void *user, curl_socket_t fd)
{
    souk_engine *engine = user;
    souk_loop_forget(engine->loop, fd);
    engine->counts.connections--;
    return close(fd);
}

/* --- the easy handle --- */

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_rules(CURL *easy)
{
    bool set = SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
               SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
               SET(CURLOPT_TCP_KEEPALIVE, 1L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
               SET(CURLOPT_SSL_VERIFYHOST, 2L) && SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
               SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    set = set && SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    set = set && SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    /*
     * Else a handle that is removed during a name look-up waits for the resolver's thread, and all
     * others with it.
     */
    set = set && SET(CURLOPT_QUICK_EXIT, 1L);
#endif
    return set;
}

/*
 * libcurl would look through the environment for each request. If there is no proxy, it is told so
 * once; a proxy that is set later holds for handles that are made later.
 */
static bool set_proxy(CURL *easy)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (getenv(names[i]) != NULL) {
            return true;
        }
    }
    return SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "");
}

static bool set_callbacks(CURL *easy, souk_transfer *transfer)
{
    return SET(CURLOPT_PRIVATE, transfer) && SET(CURLOPT_ERRORBUFFER, transfer->curl_text) &&
           SET(CURLOPT_HEADERFUNCTION, souk_response_header) && SET(CURLOPT_HEADERDATA, transfer) &&
           SET(CURLOPT_WRITEFUNCTION, souk_response_body) && SET(CURLOPT_WRITEDATA, transfer) &&
           SET(CURLOPT_PREREQFUNCTION, souk_response_prereq) && SET(CURLOPT_PREREQDATA, transfer) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, transfer) &&
           SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket) &&
           SET(CURLOPT_CLOSESOCKETDATA, transfer->engine);
}

/* The roots of a handle are set once: libcurl cannot go back to its default afterwards. */
static bool set_roots(CURL *easy, const char *ca_file)
{
    return ca_file == NULL ||
           (SET(CURLOPT_CAINFO, ca_file) && SET(CURLOPT_CAPATH, (const char *)NULL));
}

static int fill(souk_transfer *transfer, const char *ca_file, souk_err *err)
{
    const souk_alloc *alloc = transfer->engine->alloc;
    if (ca_file != NULL) {
        if (access(ca_file, R_OK) != 0) {
            return souk_fail(err, SOUK_E_CONFIG, "cannot read the trusted roots in '%s': %s",
                             ca_file, souk_os_error(errno));
        }
        transfer->ca_file = souk_dup(alloc, souk_slice_of(ca_file));
        if (transfer->ca_file == NULL) {
            return souk_fail_memory(err);
        }
    }
    transfer->easy = curl_easy_init();
    transfer->parsed_url = curl_url();
    if (transfer->easy == NULL || transfer->parsed_url == NULL || !set_rules(transfer->easy) ||
        !set_proxy(transfer->easy) || !set_callbacks(transfer->easy, transfer) ||
        !set_roots(transfer->easy, ca_file)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

int souk_transfer_new(souk_group *group, const char *ca_file, souk_transfer **out, souk_err *err)
{
    souk_engine *engine = group->engine;
    const souk_alloc *alloc = engine->alloc;
    souk_transfer *transfer = souk_new(alloc, sizeof *transfer);
    if (transfer == NULL) {
        return souk_fail_memory(err);
    }
    transfer->engine = engine;
    transfer->group = group;
    souk_buf_init(&transfer->url, alloc, SOUK_URL_MAX);
    souk_buf_init(&transfer->lines, alloc, SOUK_REQUEST_HEAD_MAX);
    souk_buf_init(&transfer->body, alloc, SIZE_MAX);
    souk_buf_init(&transfer->pending, alloc, SIZE_MAX);
    souk_head_init(&transfer->head, alloc);
    int rc = souk_alarm_add(engine, &transfer->alarm, souk_transfer_ring, transfer, err);
    if (rc == SOUK_OK) {
        rc = fill(transfer, ca_file, err);
    }
    if (rc != SOUK_OK) {
        souk_transfer_free(transfer);
        return rc;
    }
    *out = transfer;
    return SOUK_OK;
}

void souk_transfer_free(souk_transfer *transfer)
{
    if (transfer->running) {
        (void)curl_multi_remove_handle(transfer->group->multi, transfer->easy);
    }
    curl_easy_cleanup(transfer->easy);
    curl_url_cleanup(transfer->parsed_url);
    souk_alarm_remove(transfer->engine, &transfer->alarm);
    souk_transfer_free_memory(transfer);
}

void souk_transfer_free_memory(souk_transfer *transfer)
{
    const souk_alloc *alloc = transfer->engine->alloc;
    souk_buf_free(&transfer->url);
    souk_buf_free(&transfer->lines);
    souk_buf_free(&transfer->body);
    souk_buf_free(&transfer->pending);
    souk_head_free(&transfer->head);
    souk_free(alloc, transfer->list);
    souk_free(alloc, transfer->ca_file);
    souk_free(alloc, transfer);
}
