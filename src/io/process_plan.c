#include "io/process.h"

#include <string.h>

/* POSIX lets a program declare it itself. */
extern char **environ;

static char *copy_text(souk_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = souk_arena_new(arena, size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;
    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    return count;
}

static bool plan_argv(const souk_spawn *spawn, souk_arena *arena, souk_process_plan *plan)
{
    size_t count = count_texts(spawn->argv);
    plan->argv = souk_arena_array(arena, count + 1, sizeof(char *));
    plan->shell_argv = souk_arena_array(arena, count + 2, sizeof(char *));
    if (plan->argv == NULL || plan->shell_argv == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        plan->argv[i] = copy_text(arena, spawn->argv[i]);
        if (plan->argv[i] == NULL) {
            return false;
        }
        plan->shell_argv[i + 1] = plan->argv[i];
    }
    plan->shell_argv[0] = copy_text(arena, "/bin/sh");
    return plan->shell_argv[0] != NULL;
}

/* --- the environment: what is inherited, and over it what is given --- */

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

static bool is_overridden(const char *variable, const char *const *env)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++) {
        if (same_name(variable, env[i])) {
            return true;
        }
    }
    return false;
}

static bool plan_env(const souk_spawn *spawn, souk_arena *arena, souk_process_plan *plan)
{
    size_t inherited = spawn->whole_env ? 0 : count_texts((const char *const *)environ);
    size_t given = count_texts(spawn->env);
    plan->envp = souk_arena_array(arena, inherited + given + 1, sizeof(char *));
    if (plan->envp == NULL) {
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < inherited; i++) {
        if (!is_overridden(environ[i], spawn->env)) {
            plan->envp[count++] = environ[i];
        }
    }
    for (size_t i = 0; spawn->env != NULL && i < given; i++) {
        if (is_overridden(spawn->env[i], spawn->env + i + 1)) {
            continue; /* given twice: the later one counts */
        }
        plan->envp[count] = copy_text(arena, spawn->env[i]);
        if (plan->envp[count++] == NULL) {
            return false;
        }
    }
    return true;
}

bool souk_process_whole_env(const souk_spawn *spawn, souk_arena *arena, const char *const **out)
{
    size_t given = count_texts(spawn->env);
    size_t inherited = count_texts((const char *const *)environ);
    const char **all = souk_arena_array(arena, given + inherited + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    /* What was given comes first, so that a complaint about it has the right number. */
    for (size_t i = 0; spawn->env != NULL && i < given; i++) {
        all[i] = spawn->env[i];
    }
    size_t count = given;
    for (size_t i = 0; i < inherited; i++) {
        if (strchr(environ[i], '=') != NULL && environ[i][0] != '=' &&
            !is_overridden(environ[i], spawn->env)) {
            all[count++] = environ[i];
        }
    }
    *out = all;
    return true;
}

/* --- where the program may be --- */

static const char *path_of(const souk_process_plan *plan)
{
    for (size_t i = 0; plan->envp[i] != NULL; i++) {
        if (strncmp(plan->envp[i], "PATH=", 5) == 0) {
            return plan->envp[i] + 5;
        }
    }
    return "/usr/local/bin:/usr/bin:/bin"; /* no PATH at all: as execvp, something sensible */
}

static char *join_path(souk_arena *arena, souk_slice folder, const char *name)
{
    if (folder.ptr == NULL || folder.len == 0) {
        folder = SOUK_LIT("."); /* POSIX: an empty element is the current folder */
    }
    size_t name_size = strlen(name) + 1;
    char *path = souk_arena_new(arena, folder.len + 1 + name_size);
    if (path != NULL) {
        memcpy(path, folder.ptr, folder.len);
        path[folder.len] = '/';
        memcpy(path + folder.len + 1, name, name_size);
    }
    return path;
}

static bool plan_paths(souk_arena *arena, souk_process_plan *plan)
{
    char *name = plan->argv[0];
    plan->searched = strchr(name, '/') == NULL;
    souk_slice rest = souk_slice_of(plan->searched ? path_of(plan) : "");
    size_t most = 1;
    for (size_t i = 0; i < rest.len; i++) {
        most += rest.ptr[i] == ':';
    }
    plan->paths = souk_arena_array(arena, most + 1, sizeof(char *));
    if (plan->paths == NULL) {
        return false;
    }
    if (!plan->searched) {
        plan->paths[0] = name;
        return true;
    }
    for (size_t i = 0; i < most; i++) {
        size_t colon = souk_slice_find(rest, ':');
        plan->paths[i] = join_path(arena, souk_slice_make(rest.ptr, colon), name);
        if (plan->paths[i] == NULL) {
            return false;
        }
        rest = souk_slice_from(rest, colon + 1);
    }
    return true;
}

int souk_process_prepare(const souk_spawn *spawn, souk_arena *arena, souk_process_plan *plan,
                         souk_err *err)
{
    memset(plan, 0, sizeof *plan);
    if (spawn->argv == NULL || spawn->argv[0] == NULL || spawn->argv[0][0] == '\0') {
        return souk_fail(err, SOUK_E_CONFIG, "there is no command to run");
    }
    for (size_t i = 0; spawn->env != NULL && spawn->env[i] != NULL; i++) {
        size_t name = strcspn(spawn->env[i], "=");
        if (name == 0 || spawn->env[i][name] != '=') {
            return souk_fail(err, SOUK_E_CONFIG,
                             "environment variable %zu for '%s' is not written as NAME=value",
                             i + 1, spawn->argv[0]);
        }
    }
    plan->cwd = spawn->cwd;
    if (!plan_argv(spawn, arena, plan) || !plan_env(spawn, arena, plan) ||
        !plan_paths(arena, plan)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}
