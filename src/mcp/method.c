#include "mcp/method.h"

bool souk_mcp_is_repeatable(souk_slice rpc_method)
{
    static const char *const names[] = {"completion/complete",
                                        "initialize",
                                        "logging/setLevel",
                                        "ping",
                                        "prompts/get",
                                        "prompts/list",
                                        "resources/list",
                                        "resources/read",
                                        "resources/subscribe",
                                        "resources/templates/list",
                                        "resources/unsubscribe",
                                        "server/discover",
                                        "subscriptions/listen",
                                        "tasks/cancel",
                                        "tasks/get",
                                        "tools/list"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (souk_slice_is(rpc_method, names[i])) {
            return true;
        }
    }
    return false;
}
