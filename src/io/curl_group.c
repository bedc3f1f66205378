#include "io/curl.h"

#include <string.h>
#include <sys/socket.h>

enum {
    IDLE_HANDLES_MAX = 64, /* kept by one group */
    STRAY_MAX = 64 * 1024  /* bytes that are read from a connection that is to be closed */
};

/* --- libcurl's callbacks: they take notes, and have libcurl do nothing --- */

static void on_ready(void *owner, int fd, unsigned events)
{
    int mask = ((events & SOUK_LOOP_READ) ? CURL_CSELECT_IN : 0) |
               ((events & SOUK_LOOP_WRITE) ? CURL_CSELECT_OUT : 0);
    souk_group_act(owner, fd, mask);
}

/*
 * Whether a transfer may have that connection. libcurl does not mention the socket of a transfer
 * that was sent, answered and put to rest in one go: then it can be any.
 */
static bool may_be_in_use(const souk_group *group, int fd)
{
    for (const souk_transfer *it = group->busy; it != NULL; it = it->next) {
        bool unseen = it->socket == CURL_SOCKET_BAD && it->attempts > 0;
        if (it->running && (it->socket == fd || unseen)) {
            return true;
        }
    }
    return false;
}

/*
 * An idle connection stirred: the server has closed it, or sends a response that nobody asked for.
 * Older versions of libcurl (before 8.0) would give that to the next request. So it is thrown away,
 * and the connection is ended: libcurl finds it dead, and takes another one.
 */
static void on_stray(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_group *group = owner;
    char bytes[1024];
    ssize_t got = may_be_in_use(group, fd) ? 0 : 1;
    for (size_t total = 0; got > 0 && total < STRAY_MAX; total += (size_t)got) {
        got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            (void)shutdown(fd, SHUT_RDWR);
        }
    }
    souk_loop_rest(group->engine->loop, fd);
}

/*
 * libcurl takes its eyes off a socket when the transfer is done, but also while it rests. Which of
 * the two it was is known when the transfer is over: souk_group_leave.
 */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    (void)socket_user;
    souk_group *group = user;
    souk_transfer *transfer = NULL;
    souk_loop *loop = group->engine->loop;
    unsigned events = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? SOUK_LOOP_READ : 0U) |
                      (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? SOUK_LOOP_WRITE : 0U);
    if (events == 0) {
        souk_loop_rest(loop, fd);
        return 0;
    }
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer) == CURLE_OK && transfer != NULL) {
        transfer->socket = fd;
    }
    (void)souk_loop_watch(loop, fd, events, on_ready, group, &group->trouble);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    souk_group *group = user;
    /* 0 means soon, not now: the alarm rings in the next round. */
    souk_alarm_set(group->engine, &group->timer, souk_ms_after(group->engine->now, timeout_ms));
    return 0;
}

/*
 * Over TLS there is traffic that belongs to no request. A connection that libcurl has closed is not
 * in the loop any more; one that another transfer has taken up already is watched.
 */
void souk_group_leave(souk_group *group, souk_transfer *transfer)
{
    souk_loop *loop = group->engine->loop;
    curl_socket_t fd = transfer->socket;
    transfer->socket = CURL_SOCKET_BAD;
    if (!transfer->parts.tls && souk_loop_is_at_rest(loop, fd)) {
        (void)souk_loop_watch(loop, fd, SOUK_LOOP_READ, on_stray, group, &group->trouble);
    }
}

/* --- acting --- */

static void collect_finished(souk_group *group)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(group->multi, &left)) != NULL) {
        CURLcode code = message->data.result; /* the message is gone once the handle is removed */
        souk_transfer *transfer = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK) {
            souk_transfer_finish(transfer, code);
        }
    }
}

/* A group that cannot watch its sockets is given up, and a later exchange gets a new one. */
static void give_up(souk_group *group)
{
    (void)souk_map_remove(&group->engine->groups, souk_slice_make(group->name, group->name_len));
    for (souk_transfer *t = group->busy; t != NULL; t = t->next) {
        if (t->running) {
            t->failure = group->trouble;
            souk_transfer_finish(t, CURLE_OK);
        }
    }
}

void souk_group_act(souk_group *group, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(group->multi, fd, events, &running);
    collect_finished(group);
    if (code != CURLM_OK && group->trouble.kind == SOUK_OK) {
        (void)souk_fail(&group->trouble, SOUK_E_LIMIT, "libcurl: %s", curl_multi_strerror(code));
    }
    if (group->trouble.kind != SOUK_OK) {
        give_up(group);
    }
}

static void on_timer_due(void *owner)
{
    souk_group_act(owner, CURL_SOCKET_TIMEOUT, 0);
}

/* --- life and death --- */

static void link_first(souk_group *group)
{
    souk_engine *engine = group->engine;
    group->prev = NULL;
    group->next = engine->group_head;
    if (engine->group_head != NULL) {
        engine->group_head->prev = group;
    } else {
        engine->group_tail = group;
    }
    engine->group_head = group;
}

static void unlink_group(souk_group *group)
{
    souk_engine *engine = group->engine;
    if (group->prev != NULL) {
        group->prev->next = group->next;
    } else {
        engine->group_head = group->next;
    }
    if (group->next != NULL) {
        group->next->prev = group->prev;
    } else {
        engine->group_tail = group->prev;
    }
}

static void free_idle_handles(souk_group *group)
{
    while (group->idle != NULL) {
        souk_transfer *transfer = group->idle;
        group->idle = transfer->next;
        souk_transfer_free(transfer);
    }
    group->engine->counts.idle_handles -= group->idle_count;
    group->idle_count = 0;
}

/* Some while after the last use: first the idle handles go, then the group and its connections. */
static void on_idle(void *owner)
{
    souk_group *group = owner;
    souk_engine *engine = group->engine;
    if (group->busy_count > 0) {
        return; /* souk_group_release sets the alarm again */
    }
    souk_ms handles_until = souk_ms_after(group->last_used, engine->options.handle_idle_ms);
    souk_ms until = souk_ms_after(group->last_used, engine->options.group_idle_ms);
    if (engine->now >= until) {
        souk_group_free(group);
        return;
    }
    if (engine->now >= handles_until) {
        free_idle_handles(group);
        souk_alarm_set(engine, &group->idle_alarm, until);
    } else {
        souk_alarm_set(engine, &group->idle_alarm, souk_ms_min(until, handles_until));
    }
}

static bool set_multi(souk_group *group)
{
    long most = (long)group->engine->options.max_connections;
    CURLM *multi = group->multi;
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, group) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_TIMERDATA, group) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, most) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, most) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK;
}

static int make_group(souk_engine *engine, souk_slice name, souk_group **out, souk_err *err)
{
    if (souk_request_has_control(name)) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "the name of a connection group has a control character");
    }
    souk_group *group = souk_new(engine->alloc, sizeof *group);
    if (group == NULL) {
        return souk_fail_memory(err);
    }
    group->engine = engine;
    group->last_used = engine->now;
    link_first(group);
    engine->counts.groups++;
    group->name = souk_dup(engine->alloc, name);
    group->name_len = name.len;
    group->multi = curl_multi_init();
    bool made = group->name != NULL && group->multi != NULL && set_multi(group) &&
                souk_alarm_add(engine, &group->timer, on_timer_due, group, NULL) == SOUK_OK &&
                souk_alarm_add(engine, &group->idle_alarm, on_idle, group, NULL) == SOUK_OK &&
                souk_map_set(&engine->groups, name, group, NULL);
    if (!made) {
        souk_group_free(group);
        return souk_fail_memory(err);
    }
    *out = group;
    return SOUK_OK;
}

/* Makes room for one more: the longest unused group goes. */
static int make_room(souk_engine *engine, souk_err *err)
{
    if (engine->counts.groups < engine->options.max_groups) {
        return SOUK_OK;
    }
    for (souk_group *group = engine->group_tail; group != NULL; group = group->prev) {
        if (group->busy_count == 0) {
            souk_group_free(group);
            return SOUK_OK;
        }
    }
    return souk_fail(err, SOUK_E_LIMIT, "all %zu connection groups are busy",
                     engine->options.max_groups);
}

int souk_group_get(souk_engine *engine, souk_slice name, souk_group **out, souk_err *err)
{
    souk_group *group = souk_map_get(&engine->groups, name);
    if (group == NULL) {
        int rc = make_room(engine, err);
        return rc == SOUK_OK ? make_group(engine, name, out, err) : rc;
    }
    if (group->prev != NULL) {
        unlink_group(group);
        link_first(group);
    }
    *out = group;
    return SOUK_OK;
}

void souk_group_free(souk_group *group)
{
    souk_engine *engine = group->engine;
    free_idle_handles(group);
    while (group->busy != NULL) {
        souk_transfer *transfer = group->busy;
        group->busy = transfer->next;
        souk_transfer_free(transfer);
    }
    if (group->multi != NULL) {
        (void)curl_multi_cleanup(group->multi);
    }
    souk_alarm_remove(engine, &group->timer);
    souk_alarm_remove(engine, &group->idle_alarm);
    if (group->name != NULL) {
        souk_slice name = souk_slice_make(group->name, group->name_len);
        if (souk_map_get(&engine->groups, name) == group) {
            (void)souk_map_remove(&engine->groups, name);
        }
        souk_free(engine->alloc, group->name);
    }
    unlink_group(group);
    engine->counts.groups--;
    souk_free(engine->alloc, group);
}

/* --- transfers --- */

void souk_group_engage(souk_group *group, souk_transfer *transfer)
{
    transfer->prev = NULL;
    transfer->next = group->busy;
    if (group->busy != NULL) {
        group->busy->prev = transfer;
    }
    group->busy = transfer;
    group->busy_count++;
}

void souk_group_release(souk_group *group, souk_transfer *transfer)
{
    souk_engine *engine = group->engine;
    if (transfer->prev != NULL) {
        transfer->prev->next = transfer->next;
    } else {
        group->busy = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->prev = transfer->prev;
    }
    group->busy_count--;
    group->last_used = engine->now;
    if (group->idle_count < IDLE_HANDLES_MAX) {
        transfer->next = group->idle;
        group->idle = transfer;
        group->idle_count++;
        engine->counts.idle_handles++;
    } else {
        souk_transfer_free(transfer);
    }
    if (group->busy_count > 0) {
        return;
    }
    if (group->trouble.kind != SOUK_OK) {
        souk_group_free(group);
    } else if (group->idle_alarm.deadline.at == SOUK_NEVER) {
        souk_ms span = souk_ms_min(engine->options.handle_idle_ms, engine->options.group_idle_ms);
        souk_alarm_set(engine, &group->idle_alarm, souk_ms_after(engine->now, span));
    }
}
