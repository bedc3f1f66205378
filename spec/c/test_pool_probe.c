/* Probing sessions that were idle for long, or on which a call ran out of time. */
#include "pool_server_help.h"

enum { IDLE = 60000, LIMIT = 5000 }; /* as in the options */

/* A pool with one open session that answered a call and then was not used for so long. */
static pool_rig *rig_with_idle_session(const mcp_server *server, souk_ms idle)
{
    pool_rig *rig = rig_new_with_probes();
    rig_make(rig);
    finish_call(rig, start_call(rig, server));
    rig_wait_for(rig, idle);
    CHECK_INT(rig->session_count, 1);
    return rig;
}

static void a_session_that_was_used_a_moment_ago_is_not_probed(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE - 1);
    int call = call_server(rig, &server);
    CHECK(is_running(rig, call));
    CHECK_INT(rig->sessions[0].probes, 0);
    CHECK_INT(rig_stats(rig).sessions_probed, 0);
    rig_end(rig);
}

static void one_probe_is_for_all_who_wait(void)
{
    mcp_server server;
    int calls[10];
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    for (int i = 0; i < 10; i++) {
        calls[i] = call_server(rig, &server);
        CHECK(is_waiting(rig, calls[i]));
    }
    CHECK_INT(rig->sessions[0].probes, 1);
    CHECK_INT(rig->sessions[0].suspected, 0);
    CHECK(strstr(rig->said, "session_probed") != NULL);
    answer_probe(rig, 0);
    for (int i = 0; i < 10; i++) {
        CHECK(is_running(rig, calls[i]));
        CHECK_INT(rig->calls[calls[i]].session, 0);
        finish_call(rig, calls[i]);
    }
    CHECK_INT(rig->session_count, 1);
    CHECK_INT(rig_stats(rig).sessions_probed, 1);
    CHECK_INT(rig->sessions[0].probes, 1);
    rig_end(rig);
}

static void a_session_that_is_gone_is_replaced_before_a_call_is_risked(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    int call = call_server(rig, &server);
    lose_session(rig, 0, SOUK_E_RPC);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    CHECK(is_running(rig, call));
    CHECK_INT(rig->calls[call].starts, 1);
    CHECK_INT(rig_stats(rig).calls_resent, 0);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    rig_end(rig);
}

static void silence_is_a_loss_after_a_while(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    int call = call_server(rig, &server);
    rig_wait_for(rig, LIMIT - 1);
    CHECK_INT(rig->session_count, 1);
    rig_wait_for(rig, 1);
    CHECK_INT(rig->session_count, 2);
    CHECK(strstr(rig->said, "it did not answer a probe within 5000 ms (option probe_limit)") !=
          NULL);
    open_last(rig);
    CHECK(is_running(rig, call));
    rig_end(rig);
}

static void a_probe_that_cannot_be_sent_is_a_loss(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    rig->probe_answer = SOUK_E_TRANSPORT;
    int call = call_server(rig, &server);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    CHECK(is_running(rig, call));
    rig_end(rig);
}

static void where_nothing_can_be_lost_calls_go_at_once(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    rig->probe_answer = SOUK_NOTHING_TO_PROBE;
    int call = call_server(rig, &server);
    CHECK(is_running(rig, call));
    CHECK_INT(rig_stats(rig).sessions_probed, 0);
    rig_end(rig);
}

static void a_session_in_use_is_not_probed(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, 0);
    int slow = call_with(rig, &server, &(souk_call_options){.timeout = 400000});
    rig_wait_for(rig, 2 * IDLE);
    int call = call_server(rig, &server);
    CHECK(is_running(rig, slow) && is_running(rig, call));
    CHECK_INT(rig->sessions[0].probes, 0);
    rig_end(rig);
}

static void an_event_of_the_server(pool_rig *rig, size_t session)
{
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_BYTES;
    event.id = rig->sessions[session].session->id_base + 1;
    souk_pool_io(rig->pool, &event, rig->fake.now);
}

static void after_a_call_without_a_word_the_session_is_suspect(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, 0);
    int silent = call_with(rig, &server, &(souk_call_options){.timeout = 1000});
    rig_wait_for(rig, 1000);
    CHECK_END(rig, silent, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    int call = call_server(rig, &server);
    CHECK(is_waiting(rig, call));
    CHECK_INT(rig->sessions[0].suspected, 1);
    answer_probe(rig, 0);
    CHECK(is_running(rig, call));
    finish_call(rig, call);
    CHECK(is_running(rig, call_server(rig, &server))); /* once was enough */
    rig_end(rig);
}

static void after_a_call_during_which_something_was_heard_it_is_not(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, 0);
    int silent = call_with(rig, &server, &(souk_call_options){.timeout = 1000});
    an_event_of_the_server(rig, 0);
    rig_wait_for(rig, 1000);
    CHECK_END(rig, silent, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(is_running(rig, call_server(rig, &server)));
    CHECK_INT(rig->sessions[0].probes, 0);
    int cancelled = call_server(rig, &server);
    souk_pool_cancel(rig->pool, rig->calls[cancelled].id, rig->fake.now);
    rig_run(rig);
    CHECK(is_running(rig, call_server(rig, &server))); /* nor after one that was given up */
    rig_end(rig);
}

static void an_answer_to_another_call_takes_the_suspicion_away(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, 0);
    int slow = call_server(rig, &server);
    call_with(rig, &server, &(souk_call_options){.timeout = 1000});
    rig_wait_for(rig, 1000);
    finish_call(rig, slow);
    CHECK(is_running(rig, call_server(rig, &server)));
    CHECK_INT(rig->sessions[0].probes, 0);
    rig_end(rig);
}

static void probing_can_be_switched_off(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_new_with_probes();
    rig->options.probe_idle = 0;
    rig_make(rig);
    finish_call(rig, start_call(rig, &server));
    rig_wait_for(rig, 2 * IDLE);
    int call = call_with(rig, &server, &(souk_call_options){.timeout = 1000});
    CHECK(is_running(rig, call));
    rig_wait_for(rig, 1000);
    CHECK(is_running(rig, call_server(rig, &server)));
    CHECK_INT(rig->sessions[0].probes, 0);
    rig_end(rig);
}

static void who_gives_up_while_a_session_is_probed_leaves_it_usable(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    int call = call_server(rig, &server);
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    answer_probe(rig, 0);
    CHECK(is_running(rig, call_server(rig, &server)));
    CHECK_INT(rig->sessions[0].probes, 1);
    rig_end(rig);
}

/* Its probe says nothing about the next session, which nobody needs to wait for. */
static void a_session_that_is_closed_while_it_is_probed_is_replaced_at_once(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    rig->silent_close = true;
    int call = call_server(rig, &server);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    CHECK(is_running(rig, call));
    rig_end(rig);
}

static void a_suspect_session_that_retires_while_it_is_probed_is_replaced_at_once(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, 0);
    int slow = call_server(rig, &server);
    call_with(rig, &server, &(souk_call_options){.timeout = 1000});
    rig_wait_for(rig, 1000);
    int call = call_server(rig, &server);
    CHECK(is_waiting(rig, call) && is_running(rig, slow));
    CHECK_INT(rig->sessions[0].probes, 1);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->session_count, 2);
    answer_probe(rig, 0);
    finish_call(rig, slow);
    CHECK_OK(rig, slow);
    CHECK(rig->sessions[0].session == NULL);
    open_last(rig);
    CHECK(is_running(rig, call));
    rig_end(rig);
}

static void a_held_session_is_probed_too_and_its_loss_ends_the_hold(void)
{
    pool_rig *rig = rig_new_with_probes();
    mcp_server server;
    rig_make(rig);
    server_plain(&server, "a");
    int hold = hold_server(rig, &server);
    open_last(rig);
    rig_wait_for(rig, IDLE);
    int call = call_on_hold(rig, &server, rig->calls[hold].id);
    CHECK(is_waiting(rig, call));
    CHECK_INT(rig->sessions[0].probes, 1);
    rig_wait_for(rig, LIMIT);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->session_count, 1);
    release(rig, hold);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    rig_end(rig);
}

static void the_pool_closes_while_a_session_is_probed(void)
{
    mcp_server server;
    server_plain(&server, "a");
    pool_rig *rig = rig_with_idle_session(&server, IDLE);
    int call = call_server(rig, &server);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);
}

int main(void)
{
    CASE(a_session_that_was_used_a_moment_ago_is_not_probed);
    CASE(one_probe_is_for_all_who_wait);
    CASE(a_session_that_is_gone_is_replaced_before_a_call_is_risked);
    CASE(silence_is_a_loss_after_a_while);
    CASE(a_probe_that_cannot_be_sent_is_a_loss);
    CASE(where_nothing_can_be_lost_calls_go_at_once);
    CASE(a_session_in_use_is_not_probed);
    CASE(after_a_call_without_a_word_the_session_is_suspect);
    CASE(after_a_call_during_which_something_was_heard_it_is_not);
    CASE(an_answer_to_another_call_takes_the_suspicion_away);
    CASE(probing_can_be_switched_off);
    CASE(who_gives_up_while_a_session_is_probed_leaves_it_usable);
    CASE(a_session_that_is_closed_while_it_is_probed_is_replaced_at_once);
    CASE(a_suspect_session_that_retires_while_it_is_probed_is_replaced_at_once);
    CASE(a_held_session_is_probed_too_and_its_loss_ends_the_hold);
    CASE(the_pool_closes_while_a_session_is_probed);
    return tap_done();
}
