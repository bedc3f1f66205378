/*
 * Files, for the binding: capability files and configurations are read whole, folders are listed,
 * and what is written appears whole or not at all. All errors are of kind SOUK_E_FILE and name the
 * path, unless something else is said.
 */
#ifndef SOUK_FILES_H
#define SOUK_FILES_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * Appends the content of a regular file to *out. SOUK_E_LIMIT when it does not fit in out->max or
 * memory; *out is then as it was. A pipe or device is an error: reading one could block for ever.
 */
int souk_file_read(const char *path, souk_buf *out, souk_err *err);

/*
 * Replaces the file, or makes it: the bytes go to a new file beside it, which then takes its name
 * (and keeps the permissions of the one that was there). A symbolic link stays, and what it points
 * to is replaced.
 */
int souk_file_write(const souk_alloc *alloc, const char *path, souk_slice bytes, souk_err *err);

/* What a list may hold; what is 0 or NULL takes its default. */
typedef struct souk_files_limits {
    const char *const *suffixes; /* NULL-terminated, ".rtfs" and the like; NULL: every file */
    size_t max_files;            /* default 100,000; also of folders */
    size_t max_depth;            /* of folders in folders; default 32 */
} souk_files_limits;

typedef struct souk_files {
    const souk_alloc *alloc;
    souk_arena arena;
    souk_slice *paths; /* in byte order, each with a NUL behind it */
    size_t count;
    size_t cap;
    souk_slice *problems; /* messages about what could not be looked at */
    size_t problem_count;
    size_t problem_cap;
} souk_files;

/*
 * Lists the regular files in and below a folder. Names that start with a dot are left out. Symbolic
 * links are followed, and no folder is entered twice, so that a loop of links ends. If `path` is
 * itself a file, the list holds just that. SOUK_E_LIMIT when there are too many files. The caller
 * frees the list, also after a failure.
 */
int souk_files_list(const souk_alloc *alloc, const char *path, const souk_files_limits *limits,
                    souk_files *out, souk_err *err);

/* A zeroed list is allowed. */
void souk_files_free(souk_files *files);

#endif
