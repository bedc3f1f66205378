/* Files: read whole, listed, replaced whole. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing_alloc.h"
#include "io/files.h"
#include "tap.h"

static char root[] = "/tmp/souk-files-XXXXXX";

/* A path below the folder of the tests; valid until four more calls. */
static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", root, name);
    return paths[next];
}

static void make_file(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "wb");
    if (file != NULL) {
        fputs(text, file);
        fclose(file);
    }
    CHECK(file != NULL);
}

static void a_file_is_read_whole(void)
{
    souk_buf out;
    souk_err err;
    make_file("small", "0123456789");
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    CHECK_INT(souk_file_read(at("small"), &out, &err), SOUK_OK);
    CHECK_INT(souk_file_read(at("small"), &out, &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), "01234567890123456789"); /* appended */
    souk_buf_free(&out);

    make_file("none", "");
    CHECK_INT(souk_file_read(at("none"), &out, &err), SOUK_OK);
    CHECK_INT(out.len, 0);
    souk_buf_free(&out);

    souk_buf_init(&out, souk_alloc_libc(), 1 << 20);
    char *large = malloc(300001);
    memset(large, 'y', 300000);
    large[300000] = '\0';
    make_file("large", large);
    CHECK_INT(souk_file_read(at("large"), &out, &err), SOUK_OK);
    CHECK_TEXT(out.data, large);
    free(large);
    souk_buf_free(&out);
}

static void a_file_that_is_too_large_changes_nothing(void)
{
    souk_err err;
    for (size_t max = 0; max < 12; max++) {
        souk_buf out;
        souk_buf_init(&out, souk_alloc_libc(), max);
        int rc = souk_file_read(at("small"), &out, &err);
        CHECK_INT(rc, max >= 10 ? SOUK_OK : SOUK_E_LIMIT);
        CHECK_INT(out.len, max >= 10 ? 10 : 0);
        CHECK_INT(out.failed, SOUK_OK);
        souk_buf_free(&out);
    }
    souk_buf out;
    souk_buf_init(&out, souk_alloc_libc(), 9);
    CHECK_INT(souk_file_read(at("small"), &out, &err), SOUK_E_LIMIT);
    CHECK(strstr(err.message, "/small' is larger than 9 bytes") != NULL);
    souk_buf_free(&out);
}

static void what_is_no_readable_file_is_an_error_with_its_path(void)
{
    souk_buf out;
    souk_err err;
    char want[300];
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    CHECK_INT(souk_file_read(at("missing"), &out, &err), SOUK_E_FILE);
    snprintf(want, sizeof want, "cannot read '%s': No such file or directory", at("missing"));
    CHECK_TEXT(err.message, want);
    CHECK_INT(souk_file_read(root, &out, &err), SOUK_E_FILE);
    CHECK(strstr(err.message, "Is a directory") != NULL);
    CHECK_INT(mkfifo(at("fifo"), 0600), 0);
    CHECK_INT(souk_file_read(at("fifo"), &out, &err),
              SOUK_E_FILE); /* and does not wait for a writer */
    CHECK(strstr(err.message, "it is no regular file") != NULL);
    CHECK_INT(souk_file_write(souk_alloc_libc(), at("fifo"), SOUK_LIT("x"), &err), SOUK_E_FILE);
    if (getuid() != 0) {
        make_file("secret", "x");
        chmod(at("secret"), 0);
        CHECK_INT(souk_file_read(at("secret"), &out, &err), SOUK_E_FILE);
        CHECK(strstr(err.message, "Permission denied") != NULL);
    }
    CHECK_INT(out.len, 0);
    souk_buf_free(&out);
}

static void a_file_is_replaced_whole_and_keeps_its_permissions(void)
{
    souk_err err;
    struct stat info;
    souk_buf out;
    mode_t mask = umask(022);
    CHECK_INT(souk_file_write(souk_alloc_libc(), at("written"), SOUK_LIT("first"), &err), SOUK_OK);
    CHECK(stat(at("written"), &info) == 0 && (info.st_mode & 07777) == 0644);
    chmod(at("written"), 0600);
    CHECK(symlink("written", at("link")) == 0);
    CHECK_INT(souk_file_write(souk_alloc_libc(), at("link"), SOUK_LIT("second"), &err), SOUK_OK);
    CHECK(stat(at("written"), &info) == 0 && (info.st_mode & 07777) == 0600);
    CHECK(lstat(at("link"), &info) == 0 && S_ISLNK(info.st_mode));
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    CHECK_INT(souk_file_read(at("written"), &out, &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), "second");
    souk_buf_free(&out);
    umask(mask);

    CHECK_INT(souk_file_write(souk_alloc_libc(), at("no/such/folder"), SOUK_LIT("x"), &err),
              SOUK_E_FILE);
    CHECK(strstr(err.message, "/no/such/folder': No such file or directory") != NULL);
    CHECK_INT(souk_file_write(souk_alloc_libc(), root, SOUK_LIT("x"), &err), SOUK_E_FILE);

    /* Nothing is left beside it. */
    souk_files files;
    CHECK_INT(souk_files_list(souk_alloc_libc(), root, NULL, &files, &err), SOUK_OK);
    for (size_t i = 0; i < files.count; i++) {
        CHECK(strstr(files.paths[i].ptr, ".tmp") == NULL);
    }
    souk_files_free(&files);
}

static void make_tree(void)
{
    mkdir(at("tree"), 0755);
    mkdir(at("tree/b"), 0755);
    mkdir(at("tree/a"), 0755);
    mkdir(at("tree/a/deep"), 0755);
    mkdir(at("tree/.hidden"), 0755);
    make_file("tree/z.rtfs", "");
    make_file("tree/b/1.rtfs", "");
    make_file("tree/b/2.txt", "");
    make_file("tree/a/deep/3.rtfs", "");
    make_file("tree/.hidden/4.rtfs", "");
    make_file("tree/.5.rtfs", "");
    CHECK(symlink("..", at("tree/a/loop")) == 0);
    CHECK(symlink(".", at("tree/self")) == 0);
    CHECK(symlink("nowhere", at("tree/dangling.rtfs")) == 0);
    CHECK(symlink("nowhere", at("tree/dangling.txt")) == 0);
    CHECK(symlink("b/2.txt", at("tree/linked.rtfs")) == 0);
}

static void a_folder_is_listed_in_order_and_loops_end(void)
{
    static const char *const suffixes[] = {".rtfs", NULL};
    static const char *const want[] = {"tree/a/deep/3.rtfs", "tree/b/1.rtfs", "tree/linked.rtfs",
                                       "tree/z.rtfs"};
    souk_files_limits limits = {.suffixes = suffixes};
    souk_files files;
    souk_err err;
    make_tree();
    CHECK_INT(souk_files_list(souk_alloc_libc(), at("tree"), &limits, &files, &err), SOUK_OK);
    CHECK_INT(files.count, 4);
    for (size_t i = 0; i < files.count && i < 4; i++) {
        CHECK_SLICE(files.paths[i], at(want[i]));
        CHECK_INT(files.paths[i].ptr[files.paths[i].len], 0);
    }
    CHECK_INT(files.problem_count, 1);
    char problem[300];
    snprintf(problem, sizeof problem, "cannot read '%s': No such file or directory",
             at("tree/dangling.rtfs"));
    CHECK_SLICE(files.problems[0], problem);
    souk_files_free(&files);
    souk_files_free(&files);

    CHECK_INT(souk_files_list(souk_alloc_libc(), at("tree/"), NULL, &files, &err), SOUK_OK);
    CHECK_INT(files.count, 5);
    CHECK_SLICE(files.paths[0], at("tree/a/deep/3.rtfs")); /* one slash, not two */
    souk_files_free(&files);

    CHECK_INT(souk_files_list(souk_alloc_libc(), at("tree/b/2.txt"), &limits, &files, &err),
              SOUK_OK);
    CHECK_INT(files.count,
              1); /* a file that is asked for by name is listed whatever it is called */
    souk_files_free(&files);
}

static void lists_are_bounded(void)
{
    souk_files files;
    souk_err err;
    souk_files_limits few = {.max_files = 2};
    CHECK_INT(souk_files_list(souk_alloc_libc(), at("tree"), &few, &files, &err), SOUK_E_LIMIT);
    souk_files_free(&files);
    souk_files_limits shallow = {.max_depth = 1};
    CHECK_INT(souk_files_list(souk_alloc_libc(), at("tree"), &shallow, &files, &err), SOUK_OK);
    CHECK_INT(files.count, 4);
    CHECK_INT(files.problem_count, 3);
    bool found = false;
    for (size_t i = 0; i < files.problem_count; i++) {
        found = found ||
                strstr(files.problems[i].ptr, "a/deep': it is too deep in other folders") != NULL;
    }
    CHECK(found);
    souk_files_free(&files);
    CHECK_INT(souk_files_list(souk_alloc_libc(), at("gone"), NULL, &files, &err), SOUK_E_FILE);
    souk_files_free(&files);
    CHECK_INT(souk_files_list(souk_alloc_libc(), at("fifo"), NULL, &files, &err), SOUK_E_FILE);
    souk_files_free(&files);
}

static void files_without_memory_are_an_error(void)
{
    long n = 1;
    for (; n < 1000; n++) {
        failing_alloc f;
        souk_files files;
        souk_buf out;
        failing_alloc_init(&f, n);
        int listed = souk_files_list(&f.alloc, at("tree"), NULL, &files, NULL);
        souk_files_free(&files);
        souk_buf_init(&out, &f.alloc, 1000);
        int got = souk_file_read(at("small"), &out, NULL);
        souk_buf_free(&out);
        int written = souk_file_write(&f.alloc, at("written"), SOUK_LIT("x"), NULL);
        CHECK_INT(f.live, 0);
        CHECK(f.fired || (listed == SOUK_OK && got == SOUK_OK && written == SOUK_OK));
        if (!f.fired) {
            break;
        }
    }
    CHECK(n > 10 && n < 1000);
}

int main(void)
{
    if (mkdtemp(root) == NULL) {
        return 1;
    }
    CASE(a_file_is_read_whole);
    CASE(a_file_that_is_too_large_changes_nothing);
    CASE(what_is_no_readable_file_is_an_error_with_its_path);
    CASE(a_file_is_replaced_whole_and_keeps_its_permissions);
    CASE(a_folder_is_listed_in_order_and_loops_end);
    CASE(lists_are_bounded);
    CASE(files_without_memory_are_an_error);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) == 0 ? tap_done() : 1;
}
