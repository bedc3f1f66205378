/* A failure as a sentence: "/labels/2: expected string, got integer". */
#include "schema/message.h"
#include "schema/run.h"
#include "json/num.h"

enum { LONGEST_VALUE = 60, LONGEST_LIST = 120 };

static void add_quoted(souk_message *m, souk_slice text)
{
    souk_message_add(m, "\"");
    souk_message_add_bytes(m, text, LONGEST_VALUE);
    souk_message_add(m, "\"");
}

/* A value of the schema, as it is written there. */
static void add_literal(const souk_run *run, souk_message *m, const souk_jval *value)
{
    souk_message_add_bytes(m, souk_json_raw(&run->schema->doc, value), LONGEST_VALUE);
}

static void add_number(souk_message *m, const souk_number *number)
{
    char text[SOUK_NUM_TEXT];
    size_t len = 0;
    if (number->type == SOUK_JSON_INT) {
        len = souk_num_write_int(number->integer, text);
    } else if (number->type == SOUK_JSON_DOUBLE) {
        len = souk_num_write_double(number->number, text);
    }
    souk_message_add_bytes(m, len > 0 ? souk_slice_make(text, len) : number->digits, LONGEST_VALUE);
}

static void add_types(souk_message *m, uint16_t types)
{
    static const struct {
        uint16_t types;
        const char *name;
    } names[] = {{SOUK_TYPE_NULL, "null"},     {SOUK_TYPE_BOOL, "boolean"},
                 {SOUK_TYPE_OBJECT, "object"}, {SOUK_TYPE_ARRAY, "array"},
                 {SOUK_TYPE_NUMBER, "number"}, {SOUK_TYPE_INTEGER, "integer"},
                 {SOUK_TYPE_STRING, "string"}};
    bool is_first = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if ((types & names[i].types) == names[i].types) {
            souk_message_add(m, is_first ? "" : " or ");
            souk_message_add(m, names[i].name);
            types = (uint16_t)(types & ~names[i].types); /* an integer is a number as well */
            is_first = false;
        }
    }
    souk_message_add(m, is_first ? "no type at all" : "");
}

static void add_enum(const souk_run *run, souk_message *m, const souk_jval *values)
{
    size_t start = m->len;
    souk_message_add(m, "expected one of ");
    souk_json_elements it = souk_json_each_element(values);
    for (bool is_first = true; souk_json_next_element(&it); is_first = false) {
        souk_message_add(m, is_first ? "" : ", ");
        if (m->len - start > LONGEST_LIST) {
            souk_message_add(m, "...");
            break;
        }
        add_literal(run, m, it.value);
    }
}

static void add_bound(souk_message *m, const souk_failure *f, const char *relation)
{
    souk_number got = souk_number_of(f->value);
    souk_message_add(m, "expected ");
    souk_message_add(m, relation);
    souk_message_add(m, " ");
    add_number(m, f->rule->as.number);
    souk_message_add(m, ", got ");
    add_number(m, &got);
}

static void add_counts(souk_message *m, const char *relation, uint64_t wanted, const char *unit,
                       uint64_t found)
{
    souk_message_add(m, "expected ");
    souk_message_add(m, relation);
    souk_message_add(m, " ");
    souk_message_add_count(m, wanted);
    souk_message_add(m, " ");
    souk_message_add(m, unit);
    souk_message_add(m, wanted == 1 ? ", got " : "s, got ");
    souk_message_add_count(m, found);
}

static void add_pair(souk_message *m, const char *before, const souk_failure *f, const char *after)
{
    souk_message_add(m, before);
    souk_message_add_count(m, f->found);
    souk_message_add(m, " and ");
    souk_message_add_count(m, f->other);
    souk_message_add(m, after);
}

static void add_missing(souk_message *m, const souk_failure *f)
{
    souk_message_add(m, "expected property ");
    add_quoted(m, f->name);
    if (f->cause.len > 0) {
        souk_message_add(m, " beside ");
        add_quoted(m, f->cause);
    }
}

/* Rules about numbers and counts. */
static void add_measure(souk_message *m, const souk_failure *f)
{
    switch (f->keyword) {
    case SOUK_KEYWORD_MULTIPLE_OF:
        add_bound(m, f, "a multiple of");
        break;
    case SOUK_KEYWORD_MAXIMUM:
        add_bound(m, f, "at most");
        break;
    case SOUK_KEYWORD_EXCLUSIVE_MAXIMUM:
        add_bound(m, f, "less than");
        break;
    case SOUK_KEYWORD_MINIMUM:
        add_bound(m, f, "at least");
        break;
    case SOUK_KEYWORD_EXCLUSIVE_MINIMUM:
        add_bound(m, f, "more than");
        break;
    case SOUK_KEYWORD_MAX_LENGTH:
        add_counts(m, "at most", f->rule->as.count, "character", f->found);
        break;
    case SOUK_KEYWORD_MIN_LENGTH:
        add_counts(m, "at least", f->rule->as.count, "character", f->found);
        break;
    case SOUK_KEYWORD_MAX_ITEMS:
        add_counts(m, "at most", f->rule->as.count, "element", f->found);
        break;
    case SOUK_KEYWORD_MIN_ITEMS:
        add_counts(m, "at least", f->rule->as.count, "element", f->found);
        break;
    case SOUK_KEYWORD_MAX_PROPERTIES:
        add_counts(m, "at most", f->rule->as.count, "member", f->found);
        break;
    case SOUK_KEYWORD_MIN_PROPERTIES:
        add_counts(m, "at least", f->rule->as.count, "member", f->found);
        break;
    case SOUK_KEYWORD_MAX_CONTAINS:
        add_counts(m, "at most", f->rule->as.contains->max, "matching element", f->found);
        break;
    default: /* contains, minContains */
        add_counts(m, "at least", f->rule->as.contains->min, "matching element", f->found);
        break;
    }
}

static void add_reason(const souk_run *run, souk_message *m, const souk_failure *f)
{
    switch (f->keyword) {
    case SOUK_KEYWORD_TYPE:
        souk_message_add(m, "expected ");
        add_types(m, f->types);
        souk_message_add(m, ", got ");
        souk_message_add(m, souk_json_type_name(souk_json_type_of(f->value)));
        break;
    case SOUK_KEYWORD_CONST:
        souk_message_add(m, "expected ");
        add_literal(run, m, f->rule->as.value);
        break;
    case SOUK_KEYWORD_ENUM:
        add_enum(run, m, f->rule->as.value);
        break;
    case SOUK_KEYWORD_PATTERN:
        souk_message_add(m, "expected a match of ");
        add_quoted(m, f->rule->as.pattern->source);
        break;
    case SOUK_KEYWORD_REQUIRED:
    case SOUK_KEYWORD_DEPENDENT_REQUIRED:
    case SOUK_KEYWORD_DEPENDENCIES:
        add_missing(m, f);
        break;
    case SOUK_KEYWORD_UNIQUE_ITEMS:
        add_pair(m, "expected different elements, but elements ", f, " are equal");
        break;
    case SOUK_KEYWORD_ONE_OF:
        add_pair(m, "expected a match of exactly one alternative, but alternatives ", f, " match");
        break;
    case SOUK_KEYWORD_NOT:
        souk_message_add(m, "expected something that does not match");
        break;
    case SOUK_KEYWORD_ADDITIONAL_PROPERTIES:
    case SOUK_KEYWORD_UNEVALUATED_PROPERTIES:
        souk_message_add(m, "expected no property of this name");
        break;
    case SOUK_KEYWORD_PREFIX_ITEMS:
    case SOUK_KEYWORD_ITEMS:
    case SOUK_KEYWORD_ADDITIONAL_ITEMS:
    case SOUK_KEYWORD_UNEVALUATED_ITEMS:
        souk_message_add(m, "expected no element here");
        break;
    case SOUK_KEYWORD_COUNT:
        souk_message_add(m, "expected nothing: the schema for it is false");
        break;
    default:
        add_measure(m, f);
        break;
    }
}

int souk_run_report(const souk_run *run, souk_err *err)
{
    const souk_failure *f = &run->failure;
    souk_message m;
    souk_message_init(&m);
    souk_message_add_pointer(&m, run->root, f->value);
    souk_message_add(&m, m.len > 0 ? ": " : "");
    if (souk_message_is_key(run->root, f->value)) {
        souk_message_add(&m, "name ");
        add_quoted(&m, souk_json_string(f->value));
        souk_message_add(&m, ": ");
    }
    add_reason(run, &m, f);
    if (f->keyword != SOUK_KEYWORD_TYPE && f->keyword != SOUK_KEYWORD_COUNT) {
        souk_message_add(&m, " (");
        souk_message_add(&m, souk_keyword_name(f->keyword));
        souk_message_add(&m, ")");
    }
    if (f->alternatives > 1) {
        souk_message_add(&m, ", in the closest of ");
        souk_message_add_count(&m, f->alternatives);
        souk_message_add(&m, " alternatives");
    }
    return souk_message_fail(&m, SOUK_E_SCHEMA, err);
}
