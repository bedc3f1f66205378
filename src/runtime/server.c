/* Servers that the program added by name. */
#include <string.h>

#include "pool/traits.h"
#include "runtime/internal.h"

souk_server *souk_rt_server(const souk_runtime *rt, souk_slice name)
{
    return souk_map_get(&rt->servers, name);
}

void souk_rt_server_free(souk_runtime *rt, souk_server *server)
{
    if (server != NULL) {
        souk_rt_watch_free(server);
        souk_arena_free(&server->arena);
        souk_free(rt->alloc, server);
    }
}

void souk_rt_server_target(souk_server *server, souk_slice identity, souk_target *target)
{
    memset(target, 0, sizeof *target);
    target->prefix = server->prefix;
    target->name = server->name;
    target->identity = identity.ptr == NULL ? server->identity : identity;
    target->config = server->config;
    target->auth = server->auth;
    target->input = server->input;
    target->abilities = server->abilities;
    target->no_stream = server->watch.mode == SOUK_LISTEN_NEVER;
    target->memo = identity.ptr == NULL ? &server->memo : NULL;
}

static bool name_is_good(souk_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-' || c == '.';
        if (!good) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 128;
}

static souk_server *server_new(souk_runtime *rt, const souk_server_options *options)
{
    souk_server *server = souk_new(rt->alloc, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    souk_arena_init(&server->arena, rt->alloc);
    souk_rt_watch_init(rt, server, options->listen);
    server->auth = options->auth;
    server->input = options->input;
    server->abilities = options->abilities;
    server->timeout = options->timeout;
    souk_slice prefix = options->prefix.len == 0 ? SOUK_LIT("mcp") : options->prefix;
    if (!souk_arena_copy(&server->arena, options->name, &server->name) ||
        !souk_arena_copy(&server->arena, prefix, &server->prefix) ||
        !souk_arena_copy(&server->arena, options->identity, &server->identity) ||
        !souk_pairs_copy(&server->arena, options->config, &server->config)) {
        souk_rt_server_free(rt, server);
        return NULL;
    }
    return server;
}

/* Asks the handler whether it could find the server by this configuration: a mistake is told now,
 * not at a call. */
static int check_config(souk_runtime *rt, souk_server *server, souk_err *err)
{
    souk_target target;
    souk_buf key;
    const souk_handler *handler = souk_pool_handler(rt->pool, server->prefix);
    if (handler == NULL) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "server '%.*s': no session handler for '%.*s' is registered",
                         SOUK_ARG(server->name), SOUK_ARG(server->prefix));
    }
    souk_rt_server_target(server, souk_slice_make(NULL, 0), &target);
    souk_buf_init(&key, rt->alloc, 64 * 1024);
    souk_traits traits;
    int failed = souk_traits_read(&traits, &target, err);
    failed = failed == SOUK_OK ? handler->key(handler, &target, &key, err) : failed;
    souk_buf_free(&key);
    return failed;
}

int souk_runtime_add_server(souk_runtime *rt, const souk_server_options *options, souk_err *err)
{
    if (!name_is_good(options->name)) {
        return souk_fail(
            err, SOUK_E_CONFIG,
            "the name of a server has 1 to 128 letters, digits, '_', '-' and '.' only");
    }
    souk_server *server = server_new(rt, options);
    if (server == NULL) {
        return souk_fail_memory(err);
    }
    int failed = check_config(rt, server, err);
    if (failed == SOUK_OK) {
        souk_runtime_remove_server(rt, server->name);
        failed = souk_map_set(&rt->servers, server->name, server, NULL) ? SOUK_OK
                                                                        : souk_fail_memory(err);
    }
    if (failed == SOUK_OK && options->listen == SOUK_LISTEN_ALWAYS) {
        souk_rt_watch_by(rt, &server->watch.due, 0);
        souk_rt_kick(rt);
    }
    if (failed != SOUK_OK) {
        souk_rt_server_free(rt, server);
    }
    return failed;
}

bool souk_runtime_remove_server(souk_runtime *rt, souk_slice name)
{
    souk_server *server = souk_map_remove(&rt->servers, name);
    if (server == NULL) {
        return false;
    }
    souk_rt_discoveries_forget(rt, server);
    souk_rt_watch_end(rt, server);
    souk_registry_remove_server(rt->registry, server->name);
    souk_pool_close_sessions(rt->pool, server->name, souk_runtime_now(rt));
    souk_rt_server_free(rt, server);
    souk_rt_kick(rt);
    return true;
}
