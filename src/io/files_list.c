#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "io/clock.h"
#include "io/os_error.h"

enum { DEFAULT_FILES = 100000, DEFAULT_DEPTH = 32, PATH_LIMIT = 64 * 1024 };

typedef struct folder {
    souk_slice path;
    size_t depth;
} folder;

/* Folders are worked through one after the other, so that only one is open at a time. */
typedef struct walk {
    souk_files *files;
    const char *const *suffixes;
    size_t max_files;
    size_t max_depth;
    souk_map seen; /* folders, by device and number */
    folder *folders;
    size_t folder_count;
    size_t folder_cap;
    souk_buf path; /* of what is being looked at */
} walk;

static bool add_slice(const souk_alloc *alloc, souk_slice **list, size_t *count, size_t *cap,
                      souk_slice item)
{
    if (*count == *cap) {
        size_t larger = *cap == 0 ? 64 : *cap * 2;
        souk_slice *fresh = souk_resize_array(alloc, *list, larger, sizeof *fresh);
        if (fresh == NULL) {
            return false;
        }
        *list = fresh;
        *cap = larger;
    }
    (*list)[(*count)++] = item;
    return true;
}

static int add_file(walk *w, souk_slice path, souk_err *err)
{
    souk_files *files = w->files;
    souk_slice copy;
    if (files->count >= w->max_files) {
        return souk_fail(err, SOUK_E_LIMIT, "there are more than %zu files", w->max_files);
    }
    if (!souk_arena_copy(&files->arena, path, &copy) ||
        !add_slice(files->alloc, &files->paths, &files->count, &files->cap, copy)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

static int add_problem(walk *w, souk_slice path, const char *why, souk_err *err)
{
    souk_files *files = w->files;
    souk_err text;
    souk_slice copy;
    (void)souk_fail(&text, SOUK_E_FILE, "cannot read '%.*s': %s", SOUK_ARG(path), why);
    if (!souk_arena_copy(&files->arena, souk_slice_of(text.message), &copy) ||
        !add_slice(files->alloc, &files->problems, &files->problem_count, &files->problem_cap,
                   copy)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

static int add_folder(walk *w, souk_slice path, size_t depth, const struct stat *info,
                      souk_err *err)
{
    uint64_t identity[2] = {(uint64_t)info->st_dev, (uint64_t)info->st_ino};
    souk_slice key = souk_slice_make((const char *)identity, sizeof identity);
    if (souk_map_get(&w->seen, key) != NULL) {
        return SOUK_OK;
    }
    if (depth > w->max_depth) {
        return add_problem(w, path, "it is too deep in other folders", err);
    }
    if (w->folder_count >= w->max_files) {
        return souk_fail(err, SOUK_E_LIMIT, "there are more than %zu folders", w->max_files);
    }
    if (w->folder_count == w->folder_cap) {
        size_t larger = w->folder_cap == 0 ? 16 : w->folder_cap * 2;
        folder *fresh = souk_resize_array(w->files->alloc, w->folders, larger, sizeof *fresh);
        if (fresh == NULL) {
            return souk_fail_memory(err);
        }
        w->folders = fresh;
        w->folder_cap = larger;
    }
    souk_slice copy;
    if (!souk_arena_copy(&w->files->arena, path, &copy) ||
        !souk_map_set(&w->seen, key, w->files, NULL)) {
        return souk_fail_memory(err);
    }
    w->folders[w->folder_count++] = (folder){copy, depth};
    return SOUK_OK;
}

static bool is_wanted(const walk *w, souk_slice name)
{
    for (size_t i = 0; w->suffixes != NULL && w->suffixes[i] != NULL; i++) {
        if (souk_slice_ends(name, souk_slice_of(w->suffixes[i]))) {
            return true;
        }
    }
    return w->suffixes == NULL;
}

static int visit_entry(walk *w, folder in, int dir, const char *name, souk_err *err)
{
    souk_buf_clear(&w->path);
    (void)souk_buf_add(&w->path, in.path);
    if (!souk_slice_ends(in.path, SOUK_LIT("/"))) {
        (void)souk_buf_add_byte(&w->path, '/');
    }
    if (souk_buf_add_text(&w->path, name) != SOUK_OK) {
        return souk_buf_check(&w->path, "a path", err);
    }
    souk_slice path = souk_buf_slice(&w->path);
    struct stat info;
    if (fstatat(dir, name, &info, 0) != 0) {
        /*
         * A link that points nowhere says nothing unless it is one of the files that are asked for.
         */
        return is_wanted(w, path) ? add_problem(w, path, souk_os_error(errno), err) : SOUK_OK;
    }
    if (S_ISDIR(info.st_mode)) {
        return add_folder(w, path, in.depth + 1, &info, err);
    }
    return S_ISREG(info.st_mode) && is_wanted(w, path) ? add_file(w, path, err) : SOUK_OK;
}

static int visit_folder(walk *w, folder in, souk_err *err)
{
    int fd = open(in.path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int number = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        return add_problem(w, in.path, souk_os_error(number), err);
    }
    int rc = SOUK_OK;
    while (rc == SOUK_OK) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            rc = errno == 0 ? SOUK_OK : add_problem(w, in.path, souk_os_error(errno), err);
            break;
        }
        if (entry->d_name[0] != '.') {
            rc = visit_entry(w, in, fd, entry->d_name, err);
        }
    }
    (void)closedir(dir);
    return rc;
}

static int by_bytes(const void *a, const void *b)
{
    return souk_slice_compare(*(const souk_slice *)a, *(const souk_slice *)b);
}

static int walk_from(walk *w, const char *path, souk_err *err)
{
    struct stat info;
    souk_slice start = souk_slice_of(path);
    if (stat(path, &info) != 0) {
        return souk_fail(err, SOUK_E_FILE, "cannot read '%s': %s", path, souk_os_error(errno));
    }
    if (S_ISREG(info.st_mode)) {
        return add_file(w, start, err);
    }
    if (!S_ISDIR(info.st_mode)) {
        return souk_fail(err, SOUK_E_FILE, "cannot read '%s': it is no file and no folder", path);
    }
    int rc = add_folder(w, start, 0, &info, err);
    for (size_t i = 0; rc == SOUK_OK && i < w->folder_count; i++) {
        rc = visit_folder(w, w->folders[i], err);
    }
    return rc;
}

int souk_files_list(const souk_alloc *alloc, const char *path, const souk_files_limits *limits,
                    souk_files *out, souk_err *err)
{
    static const souk_files_limits defaults = {NULL, 0, 0};
    limits = limits == NULL ? &defaults : limits;
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    souk_arena_init(&out->arena, alloc);
    walk w;
    memset(&w, 0, sizeof w);
    w.files = out;
    w.suffixes = limits->suffixes;
    w.max_files = limits->max_files == 0 ? DEFAULT_FILES : limits->max_files;
    w.max_depth = limits->max_depth == 0 ? DEFAULT_DEPTH : limits->max_depth;
    souk_map_init(&w.seen, alloc, souk_random_seed());
    souk_buf_init(&w.path, alloc, PATH_LIMIT);
    int rc = walk_from(&w, path, err);
    if (rc == SOUK_OK && out->count > 1) {
        qsort(out->paths, out->count, sizeof *out->paths, by_bytes);
    }
    souk_map_free(&w.seen);
    souk_buf_free(&w.path);
    souk_free(alloc, w.folders);
    return rc;
}

void souk_files_free(souk_files *files)
{
    if (files->alloc == NULL) {
        return;
    }
    souk_arena_free(&files->arena);
    souk_free(files->alloc, files->paths);
    souk_free(files->alloc, files->problems);
    memset(files, 0, sizeof *files);
}
