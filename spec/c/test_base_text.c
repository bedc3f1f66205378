/* Slices, buffers, UTF-8 and errors. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/kept_err.h"
#include "base/utf8.h"
#include "failing_alloc.h"
#include "tap.h"

static void slices_compare_bytes_and_lengths(void)
{
    CHECK(souk_slice_eq(SOUK_LIT("abc"), SOUK_LIT("abc")));
    CHECK(!souk_slice_eq(SOUK_LIT("abc"), SOUK_LIT("ab")));
    CHECK(!souk_slice_eq(SOUK_LIT("abc"), SOUK_LIT("abd")));
    CHECK(souk_slice_eq(SOUK_LIT("a\0b"), SOUK_LIT("a\0b")));
    CHECK(!souk_slice_eq(SOUK_LIT("a\0b"), SOUK_LIT("a\0c")));
    CHECK(souk_slice_eq(souk_slice_make(NULL, 0), SOUK_LIT("")));
    CHECK(souk_slice_of(NULL).len == 0);
    CHECK(souk_slice_compare(SOUK_LIT("a"), SOUK_LIT("b")) < 0);
    CHECK(souk_slice_compare(SOUK_LIT("a"), SOUK_LIT("ab")) < 0);
    CHECK(souk_slice_compare(SOUK_LIT("ab"), SOUK_LIT("a")) > 0);
    CHECK(souk_slice_compare(SOUK_LIT("\xFF"), SOUK_LIT("a")) > 0);
    CHECK_INT(souk_slice_compare(souk_slice_make(NULL, 0), SOUK_LIT("")), 0);
}

static void case_only_matters_for_ascii_letters_that_differ(void)
{
    CHECK(souk_slice_eq_nocase(SOUK_LIT("Mcp-Session-Id"), SOUK_LIT("mcp-session-id")));
    CHECK(!souk_slice_eq_nocase(SOUK_LIT("[]"), SOUK_LIT("{}")));
    CHECK(!souk_slice_eq_nocase(SOUK_LIT("\xC3\x84"), SOUK_LIT("\xC3\xA4")));
    CHECK(souk_slice_starts_nocase(SOUK_LIT("HTTPS://x"), SOUK_LIT("https://")));
    CHECK(!souk_slice_starts_nocase(SOUK_LIT("http"), SOUK_LIT("https")));
}

static void slices_are_cut_and_trimmed_within_their_bounds(void)
{
    CHECK_SLICE(souk_slice_from(SOUK_LIT("hello"), 2), "llo");
    CHECK_SLICE(souk_slice_from(SOUK_LIT("hello"), 5), "");
    CHECK_SLICE(souk_slice_from(SOUK_LIT("hello"), 99), "");
    CHECK_SLICE(souk_slice_trim(SOUK_LIT(" \t a b\r\n")), "a b");
    CHECK_SLICE(souk_slice_trim(SOUK_LIT(" \t\r\n")), "");
    CHECK(souk_slice_starts(SOUK_LIT("abc"), SOUK_LIT("ab")));
    CHECK(souk_slice_starts(SOUK_LIT("abc"), SOUK_LIT("")));
    CHECK(souk_slice_ends(SOUK_LIT("abc"), SOUK_LIT("bc")));
    CHECK(souk_slice_ends(SOUK_LIT("abc"), SOUK_LIT("")));
    CHECK(!souk_slice_ends(SOUK_LIT("bc"), SOUK_LIT("abc")));
    CHECK_INT(souk_slice_find(SOUK_LIT("a:b:c"), ':'), 1);
    CHECK_INT(souk_slice_find(SOUK_LIT("abc"), ':'), 3);
    CHECK_INT(souk_slice_find(souk_slice_make(NULL, 0), ':'), 0);
}

static void a_buffer_keeps_what_is_added_with_a_nul_behind(void)
{
    souk_buf buf;
    souk_buf_init(&buf, souk_alloc_libc(), 1000);
    CHECK_INT(souk_buf_add_text(&buf, "one "), SOUK_OK);
    CHECK_INT(souk_buf_add_byte(&buf, '2'), SOUK_OK);
    CHECK_INT(souk_buf_addf(&buf, " %d %s", 3, "four"), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&buf), "one 2 3 four");
    CHECK(buf.data[buf.len] == '\0');
    souk_buf_consume(&buf, 4);
    CHECK_SLICE(souk_buf_slice(&buf), "2 3 four");
    souk_buf_consume(&buf, 99);
    CHECK_SLICE(souk_buf_slice(&buf), "");
    CHECK_INT(souk_buf_add(&buf, souk_slice_make(NULL, 0)), SOUK_OK);
    souk_buf_free(&buf);
    CHECK(buf.data == NULL && buf.max == 1000);
}

static void a_buffer_never_grows_past_its_maximum_and_stays_failed(void)
{
    souk_buf buf;
    souk_err err;
    souk_buf_init(&buf, souk_alloc_libc(), 5);
    CHECK_INT(souk_buf_add_text(&buf, "12345"), SOUK_OK);
    CHECK_INT(souk_buf_add_byte(&buf, '6'), SOUK_E_LIMIT);
    CHECK(buf.full);
    CHECK_INT(souk_buf_add_text(&buf, ""), SOUK_E_LIMIT);
    CHECK_SLICE(souk_buf_slice(&buf), "12345");
    CHECK_INT(souk_buf_check(&buf, "the thing", &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the thing is larger than 5 bytes");
    souk_buf_clear(&buf);
    CHECK_INT(souk_buf_add_text(&buf, "abc"), SOUK_OK);
    CHECK_INT(souk_buf_check(&buf, "the thing", &err), SOUK_OK);
    CHECK_INT(souk_buf_reserve(&buf, SIZE_MAX), SOUK_E_LIMIT);
    souk_buf_free(&buf);
}

static void a_buffer_says_when_memory_ran_out(void)
{
    failing_alloc f;
    souk_buf buf;
    souk_err err;
    failing_alloc_init(&f, 2);
    souk_buf_init(&buf, &f.alloc, 100000);
    CHECK_INT(souk_buf_add_text(&buf, "kept"), SOUK_OK);
    CHECK_INT(souk_buf_reserve(&buf, 50000), SOUK_E_LIMIT);
    CHECK(!buf.full);
    CHECK_SLICE(souk_buf_slice(&buf), "kept");
    CHECK_INT(souk_buf_check(&buf, "the thing", &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "out of memory");
    souk_buf_free(&buf);
    CHECK_INT(f.live, 0);
}

static void a_moved_buffer_leaves_an_empty_one_with_its_own_maximum(void)
{
    souk_buf from;
    souk_buf to;
    souk_buf_init(&from, souk_alloc_libc(), 10);
    souk_buf_init(&to, souk_alloc_libc(), 20);
    souk_buf_add_text(&from, "content");
    souk_buf_add_text(&to, "old");
    souk_buf_move(&to, &from);
    CHECK_SLICE(souk_buf_slice(&to), "content");
    CHECK(from.data == NULL && from.len == 0 && from.max == 10);
    CHECK_INT(souk_buf_add_text(&from, "again"), SOUK_OK);
    souk_buf_free(&from);
    souk_buf_free(&to);
    souk_buf zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    souk_buf_free(&zeroed);
}

static void utf8_is_taken_only_in_its_shortest_form(void)
{
    static const struct {
        souk_slice bytes;
        bool valid;
        size_t bad;
    } cases[] = {
        {SOUK_LIT_INIT(""), true, 0},
        {SOUK_LIT_INIT("plain ascii, longer than a word"), true, 0},
        {SOUK_LIT_INIT("\xC2\x80"), true, 0},
        {SOUK_LIT_INIT("\xDF\xBF"), true, 0},
        {SOUK_LIT_INIT("\xE0\xA0\x80"), true, 0},
        {SOUK_LIT_INIT("\xED\x9F\xBF"), true, 0},
        {SOUK_LIT_INIT("\xEE\x80\x80"), true, 0},
        {SOUK_LIT_INIT("\xEF\xBF\xBF"), true, 0},
        {SOUK_LIT_INIT("\xF0\x90\x80\x80"), true, 0},
        {SOUK_LIT_INIT("\xF4\x8F\xBF\xBF"), true, 0},
        {SOUK_LIT_INIT("\xC0\x80"), false, 0},
        {SOUK_LIT_INIT("a\xC1\xBF"), false, 1},
        {SOUK_LIT_INIT("\xE0\x9F\xBF"), false, 0},
        {SOUK_LIT_INIT("\xED\xA0\x80"), false, 0},
        {SOUK_LIT_INIT("\xED\xBF\xBF"), false, 0},
        {SOUK_LIT_INIT("\xF0\x8F\xBF\xBF"), false, 0},
        {SOUK_LIT_INIT("\xF4\x90\x80\x80"), false, 0},
        {SOUK_LIT_INIT("\xF5\x80\x80\x80"), false, 0},
        {SOUK_LIT_INIT("\x80"), false, 0},
        {SOUK_LIT_INIT("12345678\xFF"), false, 8},
        {SOUK_LIT_INIT("\xE2\x82"), false, 0},
        {SOUK_LIT_INIT("\xE2\x28\xA1"), false, 0},
        {SOUK_LIT_INIT("\xF0\x9F\x92"), false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bad = 0;
        CHECK_INT(souk_utf8_valid(cases[i].bytes, &bad), cases[i].valid);
        CHECK_INT(bad, cases[i].bad);
    }
}

static void every_code_point_survives_encoding_and_decoding(void)
{
    unsigned wrong = 0;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        char bytes[4];
        uint32_t back = 0;
        size_t len = souk_utf8_encode(c, bytes);
        bool exists = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        wrong += (len > 0) != exists;
        wrong += exists && souk_utf8_decode(souk_slice_make(bytes, len), &back) != len;
        wrong += exists && back != c;
    }
    CHECK_INT(wrong, 0);
    CHECK_INT(souk_utf8_length(SOUK_LIT("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x92\xA9")), 4);
}

static void every_kind_has_a_name_a_meaning_and_a_default(void)
{
    for (int kind = SOUK_E_CLOSED; kind < 0; kind++) {
        souk_err err;
        CHECK_INT(souk_fail(&err, kind, "why"), kind);
        CHECK_INT(err.kind, kind);
        CHECK(strcmp(souk_kind_name(kind), "unknown") != 0);
        CHECK(souk_kind_meaning(kind)[0] != '\0');
        CHECK_INT(err.retryable, kind == SOUK_E_TRANSPORT || kind == SOUK_E_TIMEOUT);
        CHECK_INT(err.delivery, SOUK_DELIVERY_NONE);
    }
    CHECK_TEXT(souk_kind_name(SOUK_OK), "ok");
    CHECK_TEXT(souk_kind_name(1), "unknown");
    CHECK_TEXT(souk_kind_name(-99), "unknown");
    CHECK_TEXT(souk_kind_meaning(-99), "");
    CHECK_TEXT(souk_kind_name(SOUK_E_AUTH), "auth");
    CHECK_TEXT(souk_delivery_name(SOUK_DELIVERY_NOT_SENT), "not_sent");
    CHECK_TEXT(souk_delivery_name(SOUK_DELIVERY_DELIVERED), "delivered");
    CHECK_TEXT(souk_delivery_name(SOUK_DELIVERY_NONE), "");
}

static void a_long_message_is_cut_between_characters(void)
{
    static const char *const characters[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x92\xA9"};
    for (size_t c = 0; c < 4; c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[800] = "xxx";
            souk_err err;
            text[shift] = '\0';
            while (strlen(text) < 700) {
                memcpy(text + strlen(text), characters[c], strlen(characters[c]) + 1);
            }
            souk_fail(&err, SOUK_E_RPC, "%s", text);
            size_t len = strlen(err.message);
            CHECK(len < SOUK_MESSAGE_MAX && len + 4 >= SOUK_MESSAGE_MAX);
            CHECK(souk_utf8_valid(souk_slice_of(err.message), NULL));
            CHECK(strncmp(text, err.message, len) == 0);
        }
    }
}

/* What a server says ends up on somebody's terminal. */
static void a_message_has_no_control_characters(void)
{
    souk_err err;
    souk_fail(&err, SOUK_E_RPC, "it says: %s", "\x1B[2Jgone\rover\tand\nout\x7F");
    CHECK_TEXT(err.message, "it says:  [2Jgone over\tand\nout ");
}

static void a_message_may_be_made_of_itself(void)
{
    souk_err err;
    souk_fail(&err, SOUK_E_RPC, "inner");
    souk_fail(&err, SOUK_E_TOOL, "outer (%s)", err.message);
    CHECK_TEXT(err.message, "outer (inner)");
}

static void a_prefix_keeps_everything_else(void)
{
    souk_err err;
    char longest[SOUK_MESSAGE_MAX + 10];
    souk_fail(&err, SOUK_E_RPC, "no such tool");
    err.code = -32602;
    err.has_code = true;
    err.status = 404;
    err.delivery = SOUK_DELIVERY_DELIVERED;
    souk_err_prefix(&err, "server '%s'", "a");
    CHECK_TEXT(err.message, "server 'a': no such tool");
    CHECK(err.has_code && err.code == -32602 && err.status == 404);
    CHECK_INT(err.kind, SOUK_E_RPC);
    CHECK_INT(err.delivery, SOUK_DELIVERY_DELIVERED);
    memset(longest, 'p', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    souk_err_prefix(&err, "%s", longest);
    CHECK_TEXT(err.message, "server 'a': no such tool");
}

static void an_error_that_nobody_wants_is_still_a_kind(void)
{
    CHECK_INT(souk_fail(NULL, SOUK_E_FILE, "%s", "x"), SOUK_E_FILE);
    CHECK_INT(souk_fail_memory(NULL), SOUK_E_LIMIT);
    souk_err_prefix(NULL, "x");
    souk_err_clear(NULL);
}

static void an_error_can_be_kept_without_memory(void)
{
    failing_alloc f;
    souk_kept_err kept = {NULL};
    souk_err err;
    failing_alloc_init(&f, 1);
    souk_fail(&err, SOUK_E_RPC, "first");
    souk_kept_err_set(&kept, &f.alloc, &err);
    CHECK_INT(souk_kept_err_get(&kept)->kind, SOUK_E_LIMIT);
    CHECK_TEXT(souk_kept_err_get(&kept)->message, "out of memory");
    souk_kept_err_set(&kept, &f.alloc, &err);
    CHECK_TEXT(souk_kept_err_get(&kept)->message, "first");
    souk_fail(&err, SOUK_E_TOOL, "second");
    souk_kept_err_set(&kept, &f.alloc, &err);
    CHECK_TEXT(souk_kept_err_get(&kept)->message, "second");
    souk_kept_err_free(&kept, &f.alloc);
    souk_kept_err_free(&kept, &f.alloc);
    CHECK_INT(f.live, 0);
}

int main(void)
{
    CASE(slices_compare_bytes_and_lengths);
    CASE(case_only_matters_for_ascii_letters_that_differ);
    CASE(slices_are_cut_and_trimmed_within_their_bounds);
    CASE(a_buffer_keeps_what_is_added_with_a_nul_behind);
    CASE(a_buffer_never_grows_past_its_maximum_and_stays_failed);
    CASE(a_buffer_says_when_memory_ran_out);
    CASE(a_moved_buffer_leaves_an_empty_one_with_its_own_maximum);
    CASE(utf8_is_taken_only_in_its_shortest_form);
    CASE(every_code_point_survives_encoding_and_decoding);
    CASE(every_kind_has_a_name_a_meaning_and_a_default);
    CASE(a_long_message_is_cut_between_characters);
    CASE(a_message_has_no_control_characters);
    CASE(a_message_may_be_made_of_itself);
    CASE(a_prefix_keeps_everything_else);
    CASE(an_error_that_nobody_wants_is_still_a_kind);
    CASE(an_error_can_be_kept_without_memory);
    return tap_done();
}
