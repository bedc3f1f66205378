#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/os_error.h"

enum { CHUNK = 64 * 1024, ATTEMPTS = 16 };

static int fail(souk_err *err, const char *doing, const char *path, int number)
{
    return souk_fail(err, SOUK_E_FILE, "cannot %s '%s': %s", doing, path, souk_os_error(number));
}

/* --- reading --- */

/* Reads up to the end; the size is only a hint, since the file may grow meanwhile. */
static int read_all(int fd, const char *path, souk_buf *out, souk_err *err)
{
    for (;;) {
        /* One byte is enough to see the end of a file that fits exactly. */
        size_t left = out->max - out->len;
        size_t room = left > CHUNK ? CHUNK : left == 0 ? 1 : left;
        char spill;
        char *to = &spill;
        if (left > 0) {
            if (souk_buf_reserve(out, room) != SOUK_OK) {
                return souk_fail_memory(err);
            }
            to = out->data + out->len;
        }
        ssize_t got = read(fd, to, room);
        if (got == 0) {
            return SOUK_OK;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(err, "read", path, errno);
        }
        if (left == 0) {
            return souk_fail(err, SOUK_E_LIMIT, "'%s' is larger than %zu bytes", path, out->max);
        }
        out->len += (size_t)got;
        out->data[out->len] = '\0';
    }
}

int souk_file_read(const char *path, souk_buf *out, souk_err *err)
{
    /* Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fail(err, "read", path, errno);
    }
    struct stat info;
    int rc;
    size_t before = out->len;
    if (fstat(fd, &info) != 0) {
        rc = fail(err, "read", path, errno);
    } else if (S_ISDIR(info.st_mode)) {
        rc = fail(err, "read", path, EISDIR);
    } else if (!S_ISREG(info.st_mode)) {
        rc = souk_fail(err, SOUK_E_FILE, "cannot read '%s': it is no regular file", path);
    } else {
        rc = read_all(fd, path, out, err);
    }
    (void)close(fd);
    if (rc != SOUK_OK) {
        out->failed = SOUK_OK;
        out->len = before;
        if (out->data != NULL) {
            out->data[before] = '\0';
        }
    }
    return rc;
}

/* --- writing --- */

static bool write_all(int fd, souk_slice bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t written = write(fd, bytes.ptr + done, bytes.len - done);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* A new file in the folder of `path`, with a name that nobody else has. */
static int make_beside(const char *path, souk_buf *name)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    for (int i = 0; i < ATTEMPTS; i++) {
        souk_buf_clear(name);
        (void)souk_buf_add(name, souk_slice_make(path, folder));
        if (souk_buf_addf(name, ".souk-%016llx.tmp", (unsigned long long)souk_random_seed()) !=
            SOUK_OK) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(name->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

/* Makes the name durable too; a system that cannot do that for folders has its own ways. */
static void sync_folder(const char *path, souk_buf *folder)
{
    const char *slash = strrchr(path, '/');
    souk_buf_clear(folder);
    (void)souk_buf_add(folder, slash == NULL   ? SOUK_LIT(".")
                               : slash == path ? SOUK_LIT("/")
                                               : souk_slice_make(path, (size_t)(slash - path)));
    int fd = folder->failed != SOUK_OK ? -1 : open(folder->data, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* Writes to the new file and gives it the name of the old one. */
static int replace(const char *path, const struct stat *before, souk_slice bytes, souk_buf *name,
                   souk_err *err)
{
    int fd = make_beside(path, name);
    if (fd < 0) {
        return fail(err, "write", path, errno);
    }
    bool written = (before == NULL || fchmod(fd, before->st_mode & 07777) == 0) &&
                   write_all(fd, bytes) && fsync(fd) == 0;
    int number = errno;
    if (close(fd) != 0 && written) {
        written = false;
        number = errno;
    }
    if (written && rename(name->data, path) != 0) {
        written = false;
        number = errno;
    }
    if (!written) {
        (void)unlink(name->data);
        return fail(err, "write", path, number);
    }
    sync_folder(path, name);
    return SOUK_OK;
}

int souk_file_write(const souk_alloc *alloc, const char *path, souk_slice bytes, souk_err *err)
{
    struct stat info;
    char real[PATH_MAX];
    bool exists = stat(path, &info) == 0;
    if (!exists && errno != ENOENT) {
        return fail(err, "write", path, errno);
    }
    if (exists && !S_ISREG(info.st_mode)) {
        return souk_fail(err, SOUK_E_FILE, "cannot write '%s': it is no regular file", path);
    }
    if (exists && realpath(path, real) == NULL) {
        return fail(err, "write", path, errno);
    }
    souk_buf name;
    souk_buf_init(&name, alloc, PATH_MAX);
    int rc = replace(exists ? real : path, exists ? &info : NULL, bytes, &name, err);
    souk_buf_free(&name);
    return rc;
}
