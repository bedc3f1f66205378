#include "cap_help.h"
#include "failing_alloc.h"

#include "cap/form.h"

/* Reads one form; the result of reading. */
static int parse(souk_forms *forms, const char *text, souk_err *err)
{
    souk_lexer lexer;
    souk_forms_init(forms, souk_alloc_libc(), souk_slice_of(text), 1000, 8);
    souk_lexer_init(&lexer, souk_slice_of(text));
    return souk_forms_read(forms, &lexer, err);
}

static void fails(const char *text, int kind, const char *expected)
{
    souk_forms forms;
    souk_err err;
    char got[SOUK_MESSAGE_MAX + 32] = "";
    int result = parse(&forms, text, &err);
    if (result != SOUK_OK) {
        snprintf(got, sizeof got, "%u:%u %s", err.line, err.column, err.message);
    }
    CHECK_INT(result, kind);
    CHECK_TEXT(got, expected);
    souk_forms_free(&forms);
}

static void every_form_knows_its_bytes_and_its_place(void)
{
    souk_forms forms;
    souk_err err;
    CHECK_INT(parse(&forms, " (a\n  [1 {:k \"v\"}] #| c |# b) rest", &err), SOUK_OK);
    CHECK_INT(forms.count, 8);
    CHECK_INT(forms.items[0].size, 3);
    CHECK_INT(forms.items[0].span, 8);
    CHECK_SLICE(souk_form_source(&forms, &forms.items[0]), "(a\n  [1 {:k \"v\"}] #| c |# b)");
    const souk_form *vector = souk_form_after(souk_form_first(&forms.items[0]));
    CHECK_SLICE(souk_form_source(&forms, vector), "[1 {:k \"v\"}]");
    CHECK_INT(vector->line, 2);
    CHECK_INT(vector->column, 3);
    CHECK_INT(vector->span, 5);
    const souk_form *last = souk_form_after(vector);
    CHECK_SLICE(souk_form_name(&forms, last), "b");
    souk_forms_free(&forms);
}

static void prefixes_take_the_form_behind_them(void)
{
    souk_forms forms;
    souk_err err;
    CHECK_INT(parse(&forms, "(`(a ~b ~@c) @d ^{:x 1} ^{:y 2} e #(f) g)", &err), SOUK_OK);
    CHECK_INT(forms.items[0].size, 5);
    const souk_form *quoted = souk_form_first(&forms.items[0]);
    CHECK_INT(quoted->type, SOUK_FORM_QUASI);
    CHECK_SLICE(souk_form_source(&forms, quoted), "`(a ~b ~@c)");
    const souk_form *deref = souk_form_after(quoted);
    CHECK_SLICE(souk_form_source(&forms, deref), "@d");
    const souk_form *meta = souk_form_after(deref);
    CHECK_INT(meta->type, SOUK_FORM_META);
    CHECK_SLICE(souk_form_source(&forms, souk_form_bare(meta)), "e");
    souk_forms_free(&forms);
}

static void a_question_mark_right_behind_a_type_belongs_to_it(void)
{
    souk_forms forms;
    souk_err err;
    CHECK_INT(parse(&forms, "{:a [:vector :int]? :b {:c :int}? :d [:e] ?}", &err), SOUK_OK);
    CHECK_INT(forms.items[0].size, 7);
    const souk_form *first = souk_form_after(souk_form_first(&forms.items[0]));
    CHECK(first->optional);
    CHECK_SLICE(souk_form_source(&forms, first), "[:vector :int]?");
    const souk_form *second = souk_form_after(souk_form_after(first));
    CHECK(second->optional);
    const souk_form *third = souk_form_after(souk_form_after(second));
    CHECK(!third->optional);
    souk_forms_free(&forms);
}

static void broken_forms_say_what_was_expected(void)
{
    fails("(a [b)", SOUK_E_FILE,
          "1:6 unexpected ')': expected ']' for the '[' at line 1, column 4");
    fails("(a\n {b", SOUK_E_FILE, "2:2 this '{' is never closed: expected '}'");
    fails("#(a", SOUK_E_FILE, "1:1 this '#' is never closed: expected ')'");
    fails("]", SOUK_E_FILE, "1:1 this ']' closes nothing");
    fails("(a `)", SOUK_E_FILE, "1:5 unexpected ')': expected a form");
    fails("(a ~", SOUK_E_FILE, "1:4 expected a form behind this prefix");
    fails("@(a)", SOUK_E_FILE, "1:2 expected a symbol or keyword behind '@'");
    fails("^a b", SOUK_E_FILE, "1:2 expected a map behind '^'");
}

static void nesting_and_number_of_forms_are_limited(void)
{
    fails("((((((((a))))))))", SOUK_OK, "");
    fails("(((((((((a)))))))))", SOUK_E_LIMIT, "1:9 nested deeper than 8");
    fails("~~~~~~~~~a", SOUK_E_LIMIT, "1:9 nested deeper than 8");
    souk_forms forms;
    souk_lexer lexer;
    souk_err err;
    souk_forms_init(&forms, souk_alloc_libc(), SOUK_LIT("(1 2 3 4)"), 4, 8);
    souk_lexer_init(&lexer, SOUK_LIT("(1 2 3 4)"));
    CHECK_INT(souk_forms_read(&forms, &lexer, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "more than 4 forms in one");
    souk_forms_free(&forms);
}

static void text_is(const char *source, const char *expected)
{
    souk_forms forms;
    souk_err err;
    souk_arena arena;
    souk_slice text;
    souk_arena_init(&arena, souk_alloc_libc());
    CHECK_INT(parse(&forms, source, &err), SOUK_OK);
    int kind = souk_form_text(&forms, &forms.items[0], &arena, &text, &err);
    CHECK_INT(kind, expected != NULL ? SOUK_OK : SOUK_E_FILE);
    if (expected != NULL) {
        CHECK_SLICE(text, expected);
    }
    souk_arena_free(&arena);
    souk_forms_free(&forms);
}

static void escapes_in_strings_are_decoded(void)
{
    text_is("\"plain\"", "plain");
    text_is("\"\\n\\t\\r\\\"\\\\\"", "\n\t\r\"\\");
    text_is("\"\\b\\f\\/\"", "\b\f/");
    text_is("\"\\u0041\\u00e4\\u20AC\"", "A\xC3\xA4\xE2\x82\xAC");
    text_is("\"\\ud83c\\udf0d!\"", "\xF0\x9F\x8C\x8D!");
    text_is("\"\\ud83c!\"", NULL);
    text_is("\"\\udf0d\\ud83c\"", NULL);
    text_is("\"\\ud83c\\ud83c\"", NULL);
    text_is("\"\"", "");
}

static void running_out_of_memory_is_an_error(void)
{
    static const char text[] =
        "(a [b {:c \"d\"} `e] 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"
        " 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45"
        " 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65)";
    failing_alloc f;
    for (long n = 1;; n++) {
        souk_forms forms;
        souk_lexer lexer;
        souk_err err;
        failing_alloc_init(&f, n);
        souk_forms_init(&forms, &f.alloc, souk_slice_of(text), 1000, 8);
        souk_lexer_init(&lexer, souk_slice_of(text));
        int kind = souk_forms_read(&forms, &lexer, &err);
        CHECK_INT(kind, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_forms_free(&forms);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

int main(void)
{
    CASE(every_form_knows_its_bytes_and_its_place);
    CASE(prefixes_take_the_form_behind_them);
    CASE(a_question_mark_right_behind_a_type_belongs_to_it);
    CASE(broken_forms_say_what_was_expected);
    CASE(nesting_and_number_of_forms_are_limited);
    CASE(escapes_in_strings_are_decoded);
    CASE(running_out_of_memory_is_an_error);
    return tap_done();
}
