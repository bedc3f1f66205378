/* The servers of fuzz_pool, and who asks them. */
#ifndef SOUK_FUZZ_POOL_TARGETS_H
#define SOUK_FUZZ_POOL_TARGETS_H

#include "pool_watch.h"

#define TOOL                                                                                       \
    {                                                                                              \
        SOUK_LIT_INIT("mcp_tool_name"), SOUK_LIT_INIT("t")                                         \
    }
#define AT(key, value)                                                                             \
    {                                                                                              \
        SOUK_LIT_INIT(key), SOUK_LIT_INIT(value)                                                   \
    }

/* Those from the sixth on have sessions that are used in other ways. */
static inline size_t choose_server(script *s)
{
    size_t byte = script_byte(s);
    return byte < 192 ? byte % 5 : 5 + byte % (SERVERS - 5);
}

static inline void fill_target(fuzz *f, size_t server, size_t identity, souk_target *target)
{
    static const souk_pair configs[SERVERS][4] = {
        {TOOL, AT("mcp_url", "http://a/")},
        {TOOL, AT("mcp_url", "http://b/")},
        {TOOL, AT("mcp_command", "c")},
        {TOOL, AT("asking_x", "d")},
        {TOOL, AT("mcp_url", "http://e/")},
        {TOOL, AT("mcp_url", "http://f/"), AT("mcp_session_mode", "exclusive"),
         AT("mcp_max_sessions", "3")},
        {TOOL, AT("mcp_url", "http://g/"), AT("mcp_rate_limit", "2/s")},
        {TOOL, AT("mcp_command", "h"), AT("mcp_session_mode", "pinned")},
    };
    static const char *const identities[IDENTITIES] = {"ann", "bob"};
    static const char *const names[SERVERS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    memset(target, 0, sizeof *target);
    target->prefix = server == 3 ? SOUK_LIT("asking") : SOUK_LIT("mcp");
    target->name = souk_slice_of(names[server]);
    target->config.items = configs[server];
    while (target->config.count < 4 && configs[server][target->config.count].key.len > 0) {
        target->config.count++;
    }
    target->auth = server == 4 ? 9 : 0;
    target->input = server < 3 ? INPUT_FUNCTION : 0;
    target->abilities = server < 3 ? 31 : 0;
    target->identity = souk_slice_of(identities[identity]);
    target->memo = identity == 0 && script_choose(&f->script, 2) == 0 ? &f->memos[server] : NULL;
}

#endif
