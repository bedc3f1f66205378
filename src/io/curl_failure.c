#include "io/curl.h"

#include <errno.h>
#include <string.h>

#include "io/os_error.h"

/* printf("%.*s:%u"): host and port. */
#define HOST(t)                                                                                    \
    (int)((t)->parts.host.len < SOUK_SHOWN_MAX ? (t)->parts.host.len : SOUK_SHOWN_MAX),            \
        (t)->parts.host.ptr

souk_delivery souk_failure_delivery(const souk_transfer *transfer)
{
    /*
     * An attempt begins when the connection stands; then libcurl counts the bytes that the system
     * took.
     */
    long bytes = 0;
    if (transfer->turning) {
        return SOUK_DELIVERY_REJECTED;
    }
    bool sent =
        transfer->attempts > 0 &&
        (curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes) != CURLE_OK || bytes > 0);
    if (sent) {
        return SOUK_DELIVERY_AMBIGUOUS;
    }
    return transfer->redirects > 0 ? SOUK_DELIVERY_REJECTED : SOUK_DELIVERY_NOT_SENT;
}

/* What libcurl has to say, without the words that the message has already. */
static const char *detail_of(const souk_transfer *transfer, CURLcode code)
{
    static const char prefix[] = "SSL certificate problem: ";
    const char *text = transfer->curl_text;
    if (strncmp(text, prefix, sizeof prefix - 1) == 0) {
        text += sizeof prefix - 1;
    }
    return text[0] == '\0' ? curl_easy_strerror(code) : text;
}

static void fail_to_connect(souk_transfer *transfer)
{
    long number = 0;
    if (transfer->saw_private && !transfer->saw_public) {
        (void)souk_fail(&transfer->failure, SOUK_E_POLICY,
                        "%.*s leads to an address that is not on the public Internet, or the proxy "
                        "does (option deny_private)",
                        HOST(transfer));
        return;
    }
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    if (number == 0) {
        number = transfer->engine->socket_errno;
        transfer->engine->socket_errno = 0;
    }
    (void)souk_fail(&transfer->failure, SOUK_E_TRANSPORT, "could not connect to %.*s:%u: %s",
                    HOST(transfer), transfer->parts.port,
                    number == 0 ? "no address answered" : souk_os_error((int)number));
}

static void fail_broken(souk_transfer *transfer, CURLcode code)
{
    souk_err *failure = &transfer->failure;
    if (transfer->head.complete) {
        (void)souk_fail(
            failure, SOUK_E_TRANSPORT,
            "%.*s: the connection was closed after %llu bytes, in the middle of the response",
            SOUK_SHOWN(transfer), (unsigned long long)transfer->received);
    } else if (transfer->head.bytes > 0) {
        (void)souk_fail(failure, SOUK_E_TRANSPORT,
                        "%.*s: the connection was closed in the middle of the response's head",
                        SOUK_SHOWN(transfer));
    } else if (transfer->attempts == 0) {
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "%.*s: no connection: %s", SOUK_SHOWN(transfer),
                        detail_of(transfer, code));
    } else if (souk_failure_delivery(transfer) != SOUK_DELIVERY_AMBIGUOUS) {
        (void)souk_fail(failure, SOUK_E_TRANSPORT,
                        "%.*s: the connection was closed before the request was sent",
                        SOUK_SHOWN(transfer));
    } else {
        (void)souk_fail(failure, SOUK_E_TRANSPORT,
                        "%.*s: the connection was closed before an answer came",
                        SOUK_SHOWN(transfer));
    }
}

static void fail_certificate(souk_transfer *transfer, CURLcode code)
{
    (void)souk_fail(&transfer->failure, SOUK_E_TRANSPORT,
                    "the certificate of %.*s was not accepted: %s", HOST(transfer),
                    detail_of(transfer, code));
    transfer->failure.retryable = false;
}

/* Everything else: what libcurl says, behind the URL. */
static void fail_otherwise(souk_transfer *transfer, CURLcode code)
{
    (void)souk_fail(&transfer->failure, SOUK_E_TRANSPORT, "%.*s: %s", SOUK_SHOWN(transfer),
                    detail_of(transfer, code));
    transfer->failure.retryable = false;
}

/*
 * Older versions of libcurl say "out of memory" also of a header line that is longer than they take
 * (100 KB).
 */
static void fail_too_large(souk_transfer *transfer)
{
    if (transfer->attempts > 0 && !transfer->head.complete) {
        (void)souk_fail(
            &transfer->failure, SOUK_E_LIMIT,
            "%.*s: the head of the response has a line that is too long, or memory is exhausted",
            SOUK_SHOWN(transfer));
    } else {
        (void)souk_fail_memory(&transfer->failure);
    }
}

/*
 * A connection that broke, and an answer that is no HTTP, may have the same code; the system's
 * error tells them apart.
 */
static void fail_while_receiving(souk_transfer *transfer, CURLcode code)
{
    long number = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_RECV_ERROR && number == 0 && transfer->head.complete &&
        !transfer->parts.tls) {
        fail_otherwise(transfer, code);
    } else {
        fail_broken(transfer, code);
    }
}

/* What stands between us and the server; false when `code` is about something else. */
static bool fail_to_reach(souk_transfer *transfer, CURLcode code)
{
    souk_err *failure = &transfer->failure;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "could not resolve host %.*s", HOST(transfer));
        return true;
    case CURLE_COULDNT_RESOLVE_PROXY:
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "could not resolve the proxy for %.*s",
                        HOST(transfer));
        return true;
    case CURLE_COULDNT_CONNECT:
        fail_to_connect(transfer);
        return true;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        fail_certificate(transfer, code);
        return true;
    case CURLE_SSL_CACERT_BADFILE:
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "cannot use the trusted roots in %s",
                        transfer->ca_file == NULL ? "the system's files" : transfer->ca_file);
        failure->retryable = false;
        return true;
    case CURLE_SSL_CONNECT_ERROR:
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "no TLS connection to %.*s:%u: %s",
                        HOST(transfer), transfer->parts.port, detail_of(transfer, code));
        return true;
    default:
        return false;
    }
}

void souk_failure_from_curl(souk_transfer *transfer, CURLcode code)
{
    souk_err *failure = &transfer->failure;
    if (fail_to_reach(transfer, code)) {
        return;
    }
    switch (code) {
    case CURLE_OK:
        if (!transfer->head.complete) {
            fail_broken(transfer, code);
        }
        break;
    case CURLE_FILESIZE_EXCEEDED:
        (void)souk_fail(failure, SOUK_E_LIMIT, "the response is larger than %zu bytes",
                        transfer->max_body);
        break;
    case CURLE_OUT_OF_MEMORY:
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:
#endif
        fail_too_large(transfer);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        (void)souk_fail(failure, SOUK_E_TIMEOUT, "%.*s: %s", SOUK_SHOWN(transfer),
                        detail_of(transfer, code));
        break;
    case CURLE_RECV_ERROR:
        fail_while_receiving(transfer, code);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        (void)souk_fail(failure, SOUK_E_TRANSPORT, "%.*s: the answer is not HTTP (%s)",
                        SOUK_SHOWN(transfer), detail_of(transfer, code));
        failure->retryable = false;
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK:
        fail_broken(transfer, code);
        break;
    default:
        fail_otherwise(transfer, code);
        break;
    }
}

void souk_failure_from_time(souk_transfer *transfer)
{
    souk_err *failure = &transfer->failure;
    souk_ms now = transfer->engine->now;
    if (now >= transfer->deadline) {
        (void)souk_fail(failure, SOUK_E_TIMEOUT, "%.*s: no complete answer within %lld ms",
                        SOUK_SHOWN(transfer), (long long)transfer->timeout);
    } else if (transfer->attempts == 0 && now >= transfer->connect_by) {
        (void)souk_fail(failure, SOUK_E_TIMEOUT, "no connection to %.*s:%u within %lld ms",
                        HOST(transfer), transfer->parts.port, (long long)transfer->connect_timeout);
    } else {
        (void)souk_fail(failure, SOUK_E_TIMEOUT, "%.*s: nothing was received for %lld ms",
                        SOUK_SHOWN(transfer), (long long)transfer->idle_timeout);
    }
}
