/*
 * A small TAP producer for the C unit tests: each program runs its cases and prints "ok N - what"
 * lines.
 *
 *     int main(void) { CASE(a_second_close_is_a_no_op); ...; return tap_done(); }
 *
 * Inside a case, CHECK(condition) and its kin report a failure with file and line and let the case
 * go on; the case is "not ok" when any of them failed.
 */
#ifndef SOUK_TAP_H
#define SOUK_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

static int tap_cases;
static int tap_failed_cases;
static bool tap_case_ok;

static inline void tap_fail(const char *file, int line, const char *what)
{
    tap_case_ok = false;
    printf("# %s:%d: failed: %s\n", file, line, what);
}

static inline void tap_check_text(const char *file, int line, souk_slice got, souk_slice want)
{
    if (!souk_slice_eq(got, want)) {
        tap_fail(file, line, "texts differ");
        printf("#   got:  %.*s\n#   want: %.*s\n", SOUK_ARG(got), SOUK_ARG(want));
    }
}

static inline void tap_check_int(const char *file, int line, int64_t got, int64_t want)
{
    if (got != want) {
        tap_fail(file, line, "numbers differ");
        printf("#   got:  %lld\n#   want: %lld\n", (long long)got, (long long)want);
    }
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            tap_fail(__FILE__, __LINE__, #condition);                                              \
        }                                                                                          \
    } while (0)
#define CHECK_TEXT(got, want)                                                                      \
    tap_check_text(__FILE__, __LINE__, souk_slice_of(got), souk_slice_of(want))
#define CHECK_SLICE(got, want) tap_check_text(__FILE__, __LINE__, (got), souk_slice_of(want))
#define CHECK_INT(got, want) tap_check_int(__FILE__, __LINE__, (int64_t)(got), (int64_t)(want))

#define CASE(function)                                                                             \
    do {                                                                                           \
        tap_case_ok = true;                                                                        \
        function();                                                                                \
        tap_cases++;                                                                               \
        tap_failed_cases += !tap_case_ok;                                                          \
        printf("%s %d - %s\n", tap_case_ok ? "ok" : "not ok", tap_cases, #function);               \
        fflush(stdout);                                                                            \
    } while (0)

static inline int tap_done(void)
{
    printf("1..%d\n", tap_cases);
    return tap_failed_cases == 0 ? 0 : 1;
}

#endif
