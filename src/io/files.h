/* Files and folders: capability files are read and written here, and nowhere else. */
#ifndef SOUK_IO_FILES_H
#define SOUK_IO_FILES_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Appends the whole file to *out, whose maximum is the limit. SOUK_E_FILE with path and reason
 * (also for a folder); SOUK_E_LIMIT when it is larger.
 */
int souk_file_read(const char *path, souk_buf *out, souk_err *err);

/*
 * Writes the file as a whole: under another name beside it, then renamed, so that no reader ever
 * sees half of it. An existing file is replaced. SOUK_E_FILE with path and reason.
 */
int souk_file_write(const char *path, souk_slice bytes, souk_err *err);

/* True for a folder (also through a symbolic link). */
bool souk_file_is_folder(const char *path);

typedef struct souk_file_list {
    const char **paths; /* sorted by bytes; in the arena */
    size_t count;
    size_t cap;
    const souk_alloc *alloc;
    souk_arena arena;
} souk_file_list;

/*
 * All regular files below `folder` whose names end with `suffix`, sorted. Symbolic links to files
 * are followed, links to folders are not (they could go round in a circle); names that begin with a
 * dot are skipped. SOUK_E_FILE when a folder cannot be read; SOUK_E_LIMIT past `max` files or 64
 * levels. souk_file_list_free in every case.
 */
int souk_file_find(const souk_alloc *alloc, const char *folder, const char *suffix, size_t max,
                   souk_file_list *list, souk_err *err);

void souk_file_list_free(souk_file_list *list);

#endif
