/* For the tests of child processes: starting and closing them, and looks at them from outside. */
#ifndef SOUK_IO_CHILD_TEST_H
#define SOUK_IO_CHILD_TEST_H

#include <dirent.h>
#include <fcntl.h>

#include "io_test.h"

static inline int spawn_argv(souk_engine *engine, souk_id id, const char *const *argv,
                             souk_err *err)
{
    souk_spawn spawn = {.id = id, .argv = argv, .stderr_tail = 64};
    souk_port port = souk_engine_port(engine);
    return port.spawn(port.user, &spawn, err);
}

static inline int spawn_script(souk_engine *engine, souk_id id, const char *script, souk_err *err)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    return spawn_argv(engine, id, argv, err);
}

static inline int write_to(souk_engine *engine, souk_id id, const char *text, souk_err *err)
{
    souk_port port = souk_engine_port(engine);
    return port.write(port.user, id, souk_slice_of(text), err);
}

static inline void close_child(souk_engine *engine, souk_id id, souk_ms grace)
{
    souk_port port = souk_engine_port(engine);
    port.close_child(port.user, id, grace);
}

static inline void wait_for_text(souk_engine *engine, outcome *o, const char *text)
{
    souk_ms until = souk_clock_now() + LONGEST_TEST_MS;
    while ((o->body.len == 0 || !contains(o->body.data, text)) && souk_clock_now() < until) {
        CHECK_INT(souk_engine_wait(engine, 1000, NULL), SOUK_OK);
        fetch(engine, o, 1);
    }
    CHECK(o->body.len > 0 && contains(o->body.data, text));
}

/* A zombie that its new parent has not noticed yet is dead enough. */
static inline bool is_alive(pid_t pid)
{
    char path[64];
    char text[512] = {0};
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return false;
    }
    bool is_read = read(fd, text, sizeof text - 1) > 0;
    close(fd);
    const char *state = strrchr(text, ')');
    return is_read && state != NULL && state[2] != 'Z' && state[2] != 'X';
}

/* True when the process is gone, or will be soon. */
static inline bool dies(pid_t pid)
{
    for (int i = 0; i < 2000 && is_alive(pid); i++) {
        usleep(1000);
    }
    return !is_alive(pid);
}

static inline int open_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

#endif
