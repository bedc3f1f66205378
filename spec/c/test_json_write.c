#include "json/write.h"

#include <math.h>

#include "failing_alloc.h"
#include "json_help.h"
#include "tap.h"

static void write_everything(souk_jw *w)
{
    souk_jw_object(w);
    souk_jw_key(w, SOUK_LIT("list"));
    souk_jw_array(w);
    souk_jw_null(w);
    souk_jw_bool(w, true);
    souk_jw_bool(w, false);
    souk_jw_int(w, -12);
    souk_jw_double(w, 2);
    souk_jw_string(w, SOUK_LIT("x"));
    souk_jw_array(w);
    souk_jw_end_array(w);
    souk_jw_object(w);
    souk_jw_end_object(w);
    souk_jw_raw(w, SOUK_LIT("{\"raw\": 1}"));
    souk_jw_end_array(w);
    souk_jw_key_string(w, "s", SOUK_LIT("a\"b"));
    souk_jw_key_int(w, "i", INT64_MIN);
    souk_jw_key_bool(w, "b", false);
    souk_jw_key_raw(w, "r", SOUK_LIT("[1]"));
    souk_jw_key(w, SOUK_LIT(""));
    souk_jw_null(w);
    souk_jw_end_object(w);
}

static const char everything[] =
    "{\"list\":[null,true,false,-12,2.0,\"x\",[],{},{\"raw\": 1}],\"s\":\"a\\\"b\","
    "\"i\":-9223372036854775808,\"b\":false,\"r\":[1],\"\":null}";

static void commas_and_colons_are_the_writers_business(void)
{
    souk_buf out;
    souk_jw w;
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    souk_jw_init(&w, &out);
    write_everything(&w);
    CHECK_INT(souk_jw_check(&w, NULL), SOUK_OK);
    CHECK_TEXT(out.data, everything);
    souk_buf_free(&out);
}

static void check_string(souk_slice bytes, const char *want)
{
    souk_buf out;
    souk_jw w;
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    souk_jw_init(&w, &out);
    souk_jw_string(&w, bytes);
    CHECK_INT(souk_jw_check(&w, NULL), SOUK_OK);
    CHECK_TEXT(out.data, want);
    souk_buf_free(&out);
}

static void strings_are_escaped_where_json_demands_it(void)
{
    check_string(SOUK_LIT(""), "\"\"");
    check_string(souk_slice_make(NULL, 0), "\"\"");
    check_string(SOUK_LIT("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_string(souk_slice_make("\0\x01\x1F\x7F", 4), "\"\\u0000\\u0001\\u001f\x7F\"");
    check_string(SOUK_LIT("caf\xC3\xA9 \xF0\x9F\x98\x80"), "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"");
    check_string(SOUK_LIT("a long plain run and \n then another long plain run"),
                 "\"a long plain run and \\n then another long plain run\"");
}

static void what_json_cannot_say_makes_the_writer_invalid(void)
{
    static const double numbers[] = {NAN, INFINITY, -INFINITY};
    souk_buf out;
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    for (size_t i = 0; i < 3; i++) {
        souk_jw w;
        souk_err err;
        souk_jw_init(&w, &out);
        souk_jw_double(&w, numbers[i]);
        CHECK(w.invalid);
        CHECK_INT(souk_jw_check(&w, &err), SOUK_E_SCHEMA);
    }
    static const char *const texts[] = {"\xFF", "abc\xC3", "long enough for a word\xED\xA0\x80",
                                        "\n\x80"};
    for (size_t i = 0; i < 4; i++) {
        souk_jw w;
        souk_jw_init(&w, &out);
        souk_jw_key(&w, souk_slice_of(texts[i]));
        CHECK(w.invalid);
    }
    souk_buf_free(&out);
}

/*
 * With every maximum there is either the whole text or an error, and never more than the maximum.
 */
static void the_maximum_of_the_buffer_is_exact(void)
{
    for (size_t max = 0; max <= sizeof everything; max++) {
        souk_buf out;
        souk_jw w;
        souk_err err;
        souk_buf_init(&out, souk_alloc_libc(), max);
        souk_jw_init(&w, &out);
        write_everything(&w);
        bool fits = max >= sizeof everything - 1;
        CHECK(out.len <= max);
        CHECK_INT(souk_jw_check(&w, &err), fits ? SOUK_OK : SOUK_E_LIMIT);
        if (fits) {
            CHECK_TEXT(out.data, everything);
        }
        souk_buf_free(&out);
    }
    souk_buf out;
    souk_jw w;
    souk_buf_init(&out, souk_alloc_libc(), 8);
    souk_jw_init(&w, &out);
    souk_jw_string(&w, SOUK_LIT("\n\n\n"));
    CHECK_INT(souk_jw_check(&w, NULL), SOUK_OK);
    CHECK_TEXT(out.data, "\"\\n\\n\\n\"");
    souk_jw_null(&w);
    CHECK_INT(souk_jw_check(&w, NULL), SOUK_E_LIMIT);
    souk_buf_free(&out);
}

static void running_out_of_memory_sticks_and_leaks_nothing(void)
{
    bool fired = true;
    for (long n = 1; fired; n++) {
        failing_alloc f;
        failing_alloc_init(&f, n);
        souk_buf out;
        souk_jw w;
        souk_err err;
        souk_buf_init(&out, &f.alloc, 10000);
        souk_jw_init(&w, &out);
        souk_jw_array(&w);
        for (int i = 0; i < 10; i++) {
            write_everything(&w);
        }
        souk_jw_end_array(&w);
        CHECK_INT(souk_jw_check(&w, &err), f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_buf_free(&out);
        CHECK_INT(f.live, 0);
        fired = f.fired;
    }
}

static void a_document_is_written_compactly_and_in_its_order(void)
{
    CHECK_REWRITES(
        " { \"b\" : [ 1 , 2.50 , { } , [ ] ] , \"a\" : \"\\u00e9\\u0000\" , \"b\" : null } ",
        "{\"b\":[1,2.5,{},[]],\"a\":\"\xC3\xA9\\u0000\",\"b\":null}");
    CHECK_REWRITES("[1e2,-0,-0.0,1E-3,123456789012345678901234567890]",
                   "[100.0,0,-0.0,0.001,123456789012345678901234567890]");
}

static void a_part_of_a_document_can_be_written_into_another_text(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, SOUK_LIT("{\"args\":{\"x\":[1]},\"id\":7}"));
    souk_buf out;
    souk_jw w;
    souk_buf_init(&out, souk_alloc_libc(), 1000);
    souk_jw_init(&w, &out);
    souk_jw_object(&w);
    souk_jw_key(&w, SOUK_LIT("first"));
    souk_jw_value(&w, souk_json_get(root, "args"));
    souk_jw_key_raw(&w, "second", souk_json_raw(&doc, souk_json_get(root, "args")));
    souk_jw_key(&w, SOUK_LIT("nothing"));
    souk_jw_value(&w, souk_json_get(root, "missing"));
    souk_jw_end_object(&w);
    CHECK_TEXT(out.data, "{\"first\":{\"x\":[1]},\"second\":{\"x\":[1]},\"nothing\":null}");
    souk_buf_free(&out);
    souk_json_doc_free(&doc);
}

/* A random value of at most `depth` levels, written into w. */
static void write_random(souk_jw *w, uint64_t *seed, int depth)
{
    int count = (int)(help_random(seed) % 6);
    int kind = (int)(help_random(seed) % (depth > 0 ? 8 : 6));
    char key[16];
    switch (kind) {
    case 0:
        souk_jw_null(w);
        return;
    case 1:
        souk_jw_bool(w, count > 2);
        return;
    case 2:
        souk_jw_int(w, (int64_t)help_random(seed));
        return;
    case 3:
        souk_jw_double(w, (double)(int64_t)help_random(seed) * 1e-10);
        return;
    case 4:
        souk_jw_raw(w, SOUK_LIT("98765432109876543210"));
        return;
    case 5:
        souk_jw_string(w, souk_slice_make("\n\xC3\xA9\"plain", (size_t)count + 3));
        return;
    case 6:
        souk_jw_array(w);
        for (int i = 0; i < count; i++) {
            write_random(w, seed, depth - 1);
        }
        souk_jw_end_array(w);
        return;
    default:
        souk_jw_object(w);
        for (int i = 0; i < count; i++) {
            snprintf(key, sizeof key, "\t%d", i);
            souk_jw_key(w, souk_slice_of(key));
            write_random(w, seed, depth - 1);
        }
        souk_jw_end_object(w);
    }
}

static void reading_writing_and_reading_again_gives_the_same(void)
{
    uint64_t seed = 271828182845904523U;
    for (int round = 0; round < 500; round++) {
        souk_buf first;
        souk_buf second;
        souk_jw w;
        souk_json_doc doc;
        souk_json_doc again;
        souk_buf_init(&first, souk_alloc_libc(), SIZE_MAX);
        souk_jw_init(&w, &first);
        write_random(&w, &seed, 8);
        CHECK_INT(souk_jw_check(&w, NULL), SOUK_OK);
        const souk_jval *root = help_read(&doc, souk_buf_slice(&first));
        const souk_jval *same = help_read(&again, help_write(&second, root));
        CHECK(souk_slice_eq(souk_buf_slice(&first), souk_buf_slice(&second)));
        CHECK(souk_json_equal(root, same));
        souk_json_doc_free(&again);
        souk_json_doc_free(&doc);
        souk_buf_free(&second);
        souk_buf_free(&first);
    }
}

int main(void)
{
    CASE(commas_and_colons_are_the_writers_business);
    CASE(strings_are_escaped_where_json_demands_it);
    CASE(what_json_cannot_say_makes_the_writer_invalid);
    CASE(the_maximum_of_the_buffer_is_exact);
    CASE(running_out_of_memory_sticks_and_leaks_nothing);
    CASE(a_document_is_written_compactly_and_in_its_order);
    CASE(a_part_of_a_document_can_be_written_into_another_text);
    CASE(reading_writing_and_reading_again_gives_the_same);
    return tap_done();
}
