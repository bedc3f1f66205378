#include "mcp/lines.h"

#include <stdlib.h>

#include "failing_alloc.h"
#include "tap.h"

/* Input and its lines, each closed by '|'; the last one is what finish gives. "ERROR" ends the log.
 */
typedef struct row {
    const char *input;
    const char *log;
} row;

static const row rows[] = {
    {"", ""},
    {"{}\n", "{}|"},
    {"a\nb\n", "a|b|"},
    {"a\r\nb\r\n", "a|b|"},
    {"\n\r\n\na\n\n", "a|"},
    {"a\rb\n", "a\rb|"},
    {"a\r\r\n", "a\r|"},
    {"a\nlast", "a|last|"},
    {"a\nlast\r", "a|last|"},
    {"a\n\r", "a|"},
    {"12345678\n12345678", "12345678|12345678|"},
    {"1\n123456789\n2\n", "1|ERROR"},
    {"123456789", "ERROR"},
    {"12345678\r\n", "ERROR"},
};

enum { MAX_LINE = 8, LOG_MAX = 128 };

static bool feed(souk_lines *lines, souk_slice piece, char *log)
{
    souk_err err;
    souk_slice line;
    char *copy = malloc(piece.len + 1);
    memcpy(copy, piece.len > 0 ? piece.ptr : "", piece.len);
    souk_slice input = souk_slice_make(copy, piece.len);
    int rc;
    while ((rc = souk_lines_feed(lines, &input, &line, &err)) == 1) {
        size_t len = strlen(log);
        snprintf(log + len, LOG_MAX - len, "%.*s|", SOUK_ARG(line));
    }
    if (rc < 0) {
        CHECK_INT(rc, SOUK_E_LIMIT);
        CHECK_INT(err.kind, SOUK_E_LIMIT);
        strcat(log, "ERROR");
    }
    free(copy);
    return rc == 0;
}

static void finish(souk_lines *lines, char *log)
{
    souk_err err;
    souk_slice line;
    int rc = souk_lines_finish(lines, &line, &err);
    if (rc == 1) {
        size_t len = strlen(log);
        snprintf(log + len, LOG_MAX - len, "%.*s|", SOUK_ARG(line));
    }
    CHECK(rc >= 0);
    CHECK_INT(souk_lines_finish(lines, &line, &err), 0);
}

static void lines_are_the_same_however_the_input_is_cut(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_slice input = souk_slice_of(rows[i].input);
        for (size_t cut = 0; cut <= input.len; cut++) {
            char log[LOG_MAX] = "";
            souk_lines lines;
            souk_lines_init(&lines, souk_alloc_libc(), MAX_LINE);
            if (feed(&lines, souk_slice_make(input.ptr, cut), log) &&
                feed(&lines, souk_slice_from(input, cut), log)) {
                finish(&lines, log);
            }
            CHECK_TEXT(log, rows[i].log);
            souk_lines_free(&lines);
        }
    }
}

static void lines_are_the_same_byte_by_byte(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char log[LOG_MAX] = "";
        bool fine = true;
        souk_lines lines;
        souk_lines_init(&lines, souk_alloc_libc(), MAX_LINE);
        for (const char *p = rows[i].input; fine && *p != '\0'; p++) {
            fine = feed(&lines, souk_slice_make(p, 1), log);
        }
        if (fine) {
            finish(&lines, log);
        }
        CHECK_TEXT(log, rows[i].log);
        souk_lines_free(&lines);
    }
}

static void after_a_line_that_is_too_long_there_are_errors_only(void)
{
    char log[LOG_MAX] = "";
    souk_err err;
    souk_slice line;
    souk_lines lines;
    souk_lines_init(&lines, souk_alloc_libc(), MAX_LINE);
    CHECK(!feed(&lines, SOUK_LIT("much too long\nfine\n"), log));
    CHECK(!feed(&lines, SOUK_LIT("fine\n"), log));
    CHECK_TEXT(log, "ERRORERROR");
    CHECK_INT(souk_lines_finish(&lines, &line, &err), SOUK_E_LIMIT);
    souk_lines_free(&lines);
}

static void a_nul_is_a_byte_like_others(void)
{
    souk_err err;
    souk_slice line;
    souk_slice input = SOUK_LIT("a\0b\n");
    souk_lines lines;
    souk_lines_init(&lines, souk_alloc_libc(), MAX_LINE);
    CHECK_INT(souk_lines_feed(&lines, &input, &line, &err), 1);
    CHECK_INT(line.len, 3);
    souk_lines_free(&lines);
}

static void a_framed_message_is_one_line(void)
{
    souk_err err;
    souk_buf buf;
    souk_buf_init(&buf, souk_alloc_libc(), 32);
    souk_buf_add_text(&buf, "{\r\n  \"a\":\n\"\\n\"}");
    CHECK_INT(souk_lines_frame(&buf, &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&buf), "{    \"a\": \"\\n\"}\n");
    souk_buf_free(&buf);

    souk_buf_init(&buf, souk_alloc_libc(), 2);
    souk_buf_add_text(&buf, "{}");
    CHECK_INT(souk_lines_frame(&buf, &err), SOUK_E_LIMIT);
    souk_buf_free(&buf);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    bool done = false;
    for (long n = 1; !done; n++) {
        failing_alloc f;
        failing_alloc_init(&f, n);
        souk_lines lines;
        char log[LOG_MAX] = "";
        souk_lines_init(&lines, &f.alloc, 1024);
        bool fine = feed(&lines, SOUK_LIT("one\ntw"), log) && feed(&lines, SOUK_LIT("o\n"), log);
        CHECK_INT(fine, !f.fired);
        CHECK_TEXT(log, fine ? "one|two|" : "one|ERROR");
        souk_lines_free(&lines);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
}

int main(void)
{
    CASE(lines_are_the_same_however_the_input_is_cut);
    CASE(lines_are_the_same_byte_by_byte);
    CASE(after_a_line_that_is_too_long_there_are_errors_only);
    CASE(a_nul_is_a_byte_like_others);
    CASE(a_framed_message_is_one_line);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
