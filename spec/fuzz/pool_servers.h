/*
 * What the servers of fuzz_pool do: right answers, wrong ones, none, words in between.
 */
#ifndef SOUK_FUZZ_POOL_SERVERS_H
#define SOUK_FUZZ_POOL_SERVERS_H

#include "pool_watch.h"

/* The server executed nothing of what came in this exchange. */
static inline void was_rejected(fuzz *f, const char *body)
{
    size_t number = number_in(body);
    if (number > 0) {
        f->calls[number - 1].may_have_run = false;
    }
}

/* The server asks for something before it executes the call, which then comes once more. */
static inline void comes_again(fuzz *f, size_t number)
{
    f->calls[number - 1].sent = 0;
    f->calls[number - 1].may_have_run = false;
}

/* What a server may write before its answer: a notice, progress, a question. */
static inline const char *something_said(fuzz *f, long long id, char *text, size_t size)
{
    switch (script_choose(&f->script, 3)) {
    case 0:
        return "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
    case 1:
        snprintf(text, size,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                 "{\"progressToken\":%lld,\"progress\":1}}",
                 id);
        return text;
    default:
        snprintf(text, size, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"roots/list\"}",
                 (int)script_choose(&f->script, 4));
        return text;
    }
}

static inline void say_in_stream(fuzz *f, fake_exchange *x)
{
    char text[200];
    char event[256];
    long long id = fake_rpc_id(x->body);
    if (!x->has_head) {
        fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
    }
    for (size_t i = script_choose(&f->script, 4); i > 0 && !x->cancelled; i--) {
        snprintf(event, sizeof event, "data: %s\n\n", something_said(f, id, text, sizeof text));
        fake_text(&f->fake, x, event);
    }
    if (number_in(x->body) > 0 && !x->cancelled && script_choose(&f->script, 4) == 0) {
        snprintf(event, sizeof event,
                 "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"structuredContent\":"
                 "{\"n\":%zu}}}\n\n",
                 id, number_in(x->body));
        fake_text(&f->fake, x, event);
    }
}

/* Not the result yet, but a question or a task; false when it is to be the result. */
static inline bool answer_later(fuzz *f, fake_exchange *x)
{
    char text[200];
    size_t number = number_in(x->body);
    switch (script_choose(&f->script, 6)) {
    case 0:
        comes_again(f, number);
        fake_result(&f->fake, x,
                    "{'resultType':'input_required','requestState':'s','inputRequests':"
                    "{'k':{'method':'roots/list'}}}");
        return true;
    case 1:
        snprintf(text, sizeof text, "{'resultType':'task','taskId':'t%zu','status':'working'}",
                 number);
        fake_result(&f->fake, x, text);
        return true;
    default:
        return false;
    }
}

/* A look at a task: it goes on, wants input, or is done. */
static inline void answer_look(fuzz *f, fake_exchange *x)
{
    static const char *const wholes[] = {
        "{'taskId':'t','status':'working'}", "{'taskId':'t','status':'cancelled'}",
        "{'taskId':'t','status':'input_required','inputRequests':{'k':{'method':'roots/list'}}}",
        "{'taskId':'t','status':'failed'}"};
    char text[200];
    const char *at = strstr(x->body, "\"taskId\":\"t");
    size_t which = script_choose(&f->script, 8);
    if (which < 4 || at == NULL) {
        fake_result(&f->fake, x, wholes[which % 4]);
        return;
    }
    snprintf(text, sizeof text,
             "{'taskId':'t','status':'completed','result':{'structuredContent':{'n':%d}}}",
             atoi(at + strlen("\"taskId\":\"t")));
    fake_result(&f->fake, x, text);
}

static inline fake_exchange *pick_exchange(fuzz *f)
{
    fake_exchange *open[64];
    size_t count = 0;
    for (size_t i = f->fake.exchange_count; i > 0 && count < 64; i--) {
        if (!f->fake.exchanges[i - 1]->ended) {
            open[count++] = f->fake.exchanges[i - 1];
        }
    }
    return count == 0 ? NULL : open[script_choose(&f->script, count)];
}

/* The right answer to whatever it is. */
static inline void answer_well(fuzz *f, fake_exchange *x)
{
    char text[200];
    if (fake_is(x->body, "server/discover")) {
        if (x->url[7] == 'a' || x->url[7] == 'g') {
            fake_result(&f->fake, x, "{'supportedVersions':['2026-07-28']}");
        } else {
            fake_respond(&f->fake, x, 404, "", "");
        }
    } else if (fake_is(x->body, "initialize")) {
        snprintf(
            text, sizeof text,
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\"}}",
            fake_rpc_id(x->body));
        fake_respond(&f->fake, x, 200, "Content-Type: application/json\nMcp-Session-Id: abc", text);
    } else if (strcmp(x->method, "GET") == 0 || fake_is(x->body, "subscriptions/listen")) {
        if (script_choose(&f->script, 3) == 0) {
            was_rejected(f, x->body);
            fake_respond(&f->fake, x, 405, "", "");
        } else {
            say_in_stream(f, x);
        }
    } else if (fake_is(x->body, "tasks/get")) {
        answer_look(f, x);
    } else if (number_in(x->body) > 0 && answer_later(f, x)) {
        return;
    } else if (number_in(x->body) > 0) {
        snprintf(text, sizeof text, "{'content':[{'type':'text','text':'{\\'n\\':%zu}'}]}",
                 number_in(x->body));
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        fake_result(&f->fake, x, text);
    } else {
        fake_respond(&f->fake, x, 202, "", "");
    }
}

static inline void answer_badly(fuzz *f, fake_exchange *x)
{
    switch (script_choose(&f->script, 11)) {
    case 0:
        was_rejected(f, x->body);
        fake_respond(&f->fake, x, 404, "", "");
        break;
    case 1:
        was_rejected(f, x->body);
        fake_respond(&f->fake, x, 401, "", "");
        break;
    case 2:
        was_rejected(f, x->body);
        fake_error(&f->fake, x, 400, -32000, "Server not initialized");
        break;
    case 3:
        was_rejected(f, x->body); /* who names a time has done nothing */
        fake_respond(&f->fake, x, script_choose(&f->script, 2) == 0 ? 503 : 429, "Retry-After: 1",
                     "s3cret-no");
        break;
    case 4:
        fake_error(&f->fake, x, 200, -32603, "went wrong");
        break;
    case 5:
        was_rejected(f, x->body);
        fake_error(&f->fake, x, 404, -32601, "unknown");
        break;
    case 6:
        fake_respond(&f->fake, x, 200, "Content-Type: text/event-stream", "data: {\"jsonrpc\"\n\n");
        break;
    case 7:
        fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
        fake_text(&f->fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
        fake_end(&f->fake, x);
        break;
    case 8:
        was_rejected(f, x->body);
        fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
        break;
    case 9:
        fake_respond(&f->fake, x, 503, "", "s3cret-no");
        break;
    default:
        fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
        break;
    }
}

static inline void serve_exchange(fuzz *f, bool well)
{
    fake_exchange *x = pick_exchange(f);
    if (x == NULL) {
        return;
    }
    if (x->cancelled) {
        fake_fail(&f->fake, x, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS, "cancelled");
    } else if (x->has_head && script_choose(&f->script, 2) == 0) {
        say_in_stream(f, x);
    } else if (x->has_head) {
        fake_end(&f->fake, x);
    } else if (well) {
        answer_well(f, x);
    } else {
        answer_badly(f, x);
    }
}

static inline void serve_child(fuzz *f)
{
    if (f->fake.child_count == 0) {
        return;
    }
    fake_child *child =
        f->fake.children[f->fake.child_count - 1 -
                         script_choose(&f->script, f->fake.child_count) % 3 % f->fake.child_count];
    char line[1024];
    if (child->exited) {
        return;
    }
    fake_line(child, line, sizeof line);
    long long id = fake_rpc_id(line);
    char text[200];
    switch (script_choose(&f->script, 9)) {
    case 8:
        fake_say(&f->fake, child, "%s", something_said(f, id, text, sizeof text));
        break;
    case 0:
        fake_exit(&f->fake, child, 1, "\xFFwords");
        break;
    case 1:
        fake_say(&f->fake, child, "not a message");
        break;
    case 2:
        fake_say(&f->fake, child,
                 "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32603,'message':'no'}}", id);
        break;
    case 3:
        child->deaf = true;
        break;
    default:
        if (fake_is(line, "initialize")) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'protocolVersion':'2025-03-26'}}", id);
        } else if (fake_is(line, "server/discover")) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'supportedVersions':['2026-07-28']}}",
                     id);
        } else if (number_in(line) > 0) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'structuredContent':{'n':%zu}}}", id,
                     number_in(line));
        }
        break;
    }
}

#endif
