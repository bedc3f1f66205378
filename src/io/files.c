#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/os_error.h"

enum { READ_STEP = 64 * 1024, MAX_LEVELS = 64 };

static int fail(souk_err *err, const char *what, const char *path)
{
    return souk_fail(err, SOUK_E_FILE, "cannot %s '%s': %s", what, path, souk_os_error(errno));
}

static int read_all(int fd, const char *path, souk_buf *out, souk_err *err)
{
    for (;;) {
        size_t room = out->max - out->len;
        size_t want =
            room < READ_STEP ? room + 1 : READ_STEP; /* one more than fits: is there more? */
        char step[READ_STEP];
        ssize_t got = read(fd, step, want < READ_STEP ? want : READ_STEP);
        if (got == 0) {
            return SOUK_OK;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(err, "read", path);
        }
        souk_buf_add(out, souk_slice_make(step, (size_t)got));
        int failed = souk_buf_check(out, path, err);
        if (failed != SOUK_OK) {
            return failed;
        }
    }
}

int souk_file_read(const char *path, souk_buf *out, souk_err *err)
{
    struct stat info;
    /* Without O_NONBLOCK a pipe that somebody named x.rtfs would hang the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(err, "open", path);
    }
    int failed;
    if (fstat(fd, &info) != 0) {
        failed = fail(err, "look at", path);
    } else if (!S_ISREG(info.st_mode)) {
        failed = souk_fail(err, SOUK_E_FILE, "cannot read '%s': it is no regular file", path);
    } else if ((uintmax_t)info.st_size > out->max - out->len) {
        failed = souk_fail(err, SOUK_E_LIMIT, "'%s' is larger than %zu bytes", path, out->max);
    } else {
        failed = read_all(fd, path, out, err);
    }
    close(fd);
    return failed;
}

static int write_all(int fd, souk_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno != EINTR) {
            return -1;
        }
        if (put > 0) {
            bytes = souk_slice_from(bytes, (size_t)put);
        }
    }
    return 0;
}

int souk_file_write(const char *path, souk_slice bytes, souk_err *err)
{
    char temporary[4096];
    int used = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (used < 0 || (size_t)used >= sizeof temporary) {
        return souk_fail(err, SOUK_E_FILE, "cannot write a file with a name so long");
    }
    int fd = mkstemp(temporary);
    if (fd < 0) {
        return fail(err, "write", path);
    }
    bool ok = write_all(fd, bytes) == 0 && fchmod(fd, 0644) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0) {
        int failed = fail(err, "write", path);
        unlink(temporary);
        return failed;
    }
    return SOUK_OK;
}

bool souk_file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* --- folders
 * --------------------------------------------------------------------------------------------- */

typedef struct search {
    souk_file_list *list;
    const char *suffix;
    size_t max;
    souk_err *err;
} search;

static char *join(search *s, const char *folder, const char *name)
{
    size_t head = strlen(folder);
    size_t tail = strlen(name);
    bool slash = head > 0 && folder[head - 1] == '/';
    char *path = souk_arena_new(&s->list->arena, head + tail + 2);
    if (path != NULL) {
        memcpy(path, folder, head);
        if (!slash) {
            path[head++] = '/';
        }
        memcpy(path + head, name, tail + 1);
    }
    return path;
}

static int add(search *s, const char *path)
{
    souk_file_list *list = s->list;
    if (list->count >= s->max) {
        return souk_fail(s->err, SOUK_E_LIMIT, "more than %zu files (option max_files)", s->max);
    }
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 64 : list->cap * 2;
        const char **paths = souk_resize_array(list->alloc, list->paths, cap, sizeof(char *));
        if (paths == NULL) {
            return souk_fail_memory(s->err);
        }
        list->paths = paths;
        list->cap = cap;
    }
    list->paths[list->count++] = path;
    return SOUK_OK;
}

static int search_folder(search *s, const char *folder, int level);

static int look_at(search *s, const char *folder, const char *name, int level)
{
    struct stat info;
    char *path = join(s, folder, name);
    if (path == NULL) {
        return souk_fail_memory(s->err);
    }
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return search_folder(s, path, level + 1);
    }
    bool wanted = souk_slice_ends(souk_slice_of(name), souk_slice_of(s->suffix));
    if (wanted && stat(path, &info) == 0 && S_ISREG(info.st_mode)) {
        return add(s, path);
    }
    return SOUK_OK;
}

static int search_folder(search *s, const char *folder, int level)
{
    if (level > MAX_LEVELS) {
        return souk_fail(s->err, SOUK_E_LIMIT, "folders are nested more than %d levels deep: '%s'",
                         MAX_LEVELS, folder);
    }
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return fail(s->err, "open the folder", folder);
    }
    int failed = SOUK_OK;
    struct dirent *entry;
    while (failed == SOUK_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            failed = look_at(s, folder, entry->d_name, level);
        }
    }
    closedir(dir);
    return failed;
}

static int compare_paths(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

int souk_file_find(const souk_alloc *alloc, const char *folder, const char *suffix, size_t max,
                   souk_file_list *list, souk_err *err)
{
    search s = {list, suffix, max, err};
    memset(list, 0, sizeof *list);
    list->alloc = alloc;
    souk_arena_init(&list->arena, alloc);
    int failed = search_folder(&s, folder, 0);
    if (failed == SOUK_OK && list->count > 1) {
        qsort(list->paths, list->count, sizeof *list->paths, compare_paths);
    }
    return failed;
}

void souk_file_list_free(souk_file_list *list)
{
    if (list->alloc != NULL) {
        souk_free(list->alloc, list->paths);
        souk_arena_free(&list->arena);
        memset(list, 0, sizeof *list);
    }
}
