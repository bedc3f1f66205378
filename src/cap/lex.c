#include "cap/lex.h"

#include <string.h>

#include "base/utf8.h"
#include "cap/chars.h"

int souk_err_at(souk_err *err, int kind, size_t offset, unsigned line, unsigned column)
{
    if (err != NULL) {
        err->offset = offset;
        err->line = line;
        err->column = column;
    }
    return kind;
}

/* For an error on the current line. */
static int fail_at(const souk_lexer *lexer, size_t offset, int kind, souk_err *err)
{
    unsigned column = (unsigned)(offset - lexer->line_start) + 1;
    return souk_err_at(err, kind, offset, lexer->line, column);
}

static void find_valid_end(souk_lexer *lexer)
{
    size_t bad;
    bool valid = souk_utf8_valid(souk_slice_from(lexer->text, lexer->at), &bad);
    lexer->valid_until = valid ? lexer->text.len : lexer->at + bad;
}

void souk_lexer_init(souk_lexer *lexer, souk_slice text)
{
    memset(lexer, 0, sizeof *lexer);
    lexer->text = text;
    lexer->line = 1;
    if (souk_slice_starts(text, SOUK_LIT("\xEF\xBB\xBF"))) {
        lexer->at = 3;
        lexer->line_start = 3;
    }
    find_valid_end(lexer);
}

void souk_lexer_seek(souk_lexer *lexer, size_t offset, unsigned line)
{
    bool behind_bad = offset > lexer->valid_until;
    lexer->at = offset;
    lexer->line_start = offset;
    lexer->line = line;
    if (behind_bad) {
        find_valid_end(lexer);
    }
}

static bool at_end(const souk_lexer *lexer)
{
    return lexer->at >= lexer->text.len;
}

static char peek(const souk_lexer *lexer, size_t ahead)
{
    return souk_char_at(lexer->text, lexer->at + ahead);
}

static void new_line(souk_lexer *lexer)
{
    lexer->line++;
    lexer->line_start = lexer->at;
}

/* A block comment, `#|` to the matching `|#`. */
static int skip_block(souk_lexer *lexer, souk_err *err)
{
    souk_lexer start = *lexer;
    size_t depth = 0;
    while (!at_end(lexer)) {
        char c = peek(lexer, 0);
        if (c == '#' && peek(lexer, 1) == '|') {
            depth++;
            lexer->at += 2;
        } else if (c == '|' && peek(lexer, 1) == '#') {
            depth--;
            lexer->at += 2;
            if (depth == 0) {
                return SOUK_OK;
            }
        } else {
            lexer->at++;
            if (c == '\n') {
                new_line(lexer);
            }
        }
    }
    int kind = souk_fail(err, SOUK_E_FILE, "this block comment is not closed: expected |#");
    return fail_at(&start, start.at, kind, err);
}

static void skip_line(souk_lexer *lexer)
{
    lexer->at += souk_slice_find(souk_slice_from(lexer->text, lexer->at), '\n');
}

static int skip_blank(souk_lexer *lexer, souk_err *err)
{
    while (!at_end(lexer)) {
        char c = peek(lexer, 0);
        if (souk_char_is(c, SOUK_CHAR_SPACE)) {
            lexer->at++;
            if (c == '\n') {
                new_line(lexer);
            }
        } else if (c == ';') {
            skip_line(lexer);
        } else if (c == '#' && peek(lexer, 1) == '|') {
            int kind = skip_block(lexer, err);
            if (kind != SOUK_OK) {
                return kind;
            }
        } else {
            break;
        }
    }
    return SOUK_OK;
}

/*
 * An escape at `\`. Only \n \t \r \" \\ are in the grammar; \b \f \/ and \uXXXX are accepted
 * because writers that think of JSON produce them. Surrogates are checked when the string is
 * decoded.
 */
static int lex_escape(souk_lexer *lexer, souk_err *err)
{
    char c = peek(lexer, 1);
    if (souk_escape_value(c) != '\0') {
        lexer->at += 2;
        return SOUK_OK;
    }
    if (souk_match_shape(lexer->text, lexer->at, "\\uFFFF") > 0) {
        lexer->at += 6;
        return SOUK_OK;
    }
    int kind = souk_fail(err, SOUK_E_FILE, "%s",
                         c == 'u' ? "expected four hexadecimal digits behind \\u"
                                  : "unknown escape: expected \\n \\t \\r \\\" \\\\ or \\uXXXX");
    return fail_at(lexer, lexer->at, kind, err);
}

static int lex_string(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    souk_lexer start = *lexer;
    token->form = SOUK_FORM_STRING;
    lexer->at++;
    while (!at_end(lexer)) {
        char c = peek(lexer, 0);
        if (souk_char_is(c, SOUK_CHAR_PLAIN)) {
            lexer->at++;
        } else if (c == '"') {
            lexer->at++;
            return SOUK_OK;
        } else if (c == '\n') {
            lexer->at++;
            new_line(lexer);
        } else {
            token->escaped = true;
            int kind = lex_escape(lexer, err);
            if (kind != SOUK_OK) {
                return kind;
            }
        }
    }
    int kind = souk_fail(err, SOUK_E_FILE, "this string is not closed: expected \"");
    return fail_at(&start, start.at, kind, err);
}

/* Takes `len` bytes as a token, which must not run on into a name. */
static int take(souk_lexer *lexer, souk_token *token, souk_form_type form, size_t len,
                souk_err *err)
{
    if (souk_char_is(peek(lexer, len), SOUK_CHAR_REST)) {
        int kind = souk_fail(err, SOUK_E_FILE, "expected a space or a bracket behind this number");
        return fail_at(lexer, lexer->at + len, kind, err);
    }
    token->form = form;
    lexer->at += len;
    return SOUK_OK;
}

static int lex_number(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    size_t len = souk_match_timestamp(lexer->text, lexer->at);
    if (len > 0) {
        return take(lexer, token, SOUK_FORM_TIMESTAMP, len, err);
    }
    len = souk_match_uuid(lexer->text, lexer->at);
    if (len > 0) {
        return take(lexer, token, SOUK_FORM_UUID, len, err);
    }
    bool is_float;
    len = souk_match_number(lexer->text, lexer->at, &is_float);
    return take(lexer, token, is_float ? SOUK_FORM_FLOAT : SOUK_FORM_INTEGER, len, err);
}

static bool ends_resource(char c)
{
    return (unsigned char)c <= ' ' || (c != '\0' && strchr("()[]{},;\"", c) != NULL);
}

static int lex_name(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    size_t len = souk_match_uuid(lexer->text, lexer->at);
    if (len > 0 && !souk_char_is(peek(lexer, len), SOUK_CHAR_REST)) {
        return take(lexer, token, SOUK_FORM_UUID, len, err);
    }
    if (souk_match_shape(lexer->text, lexer->at, "resource://") > 0) {
        token->form = SOUK_FORM_RESOURCE;
        while (!at_end(lexer) && !ends_resource(peek(lexer, 0))) {
            lexer->at++;
        }
        return SOUK_OK;
    }
    len = souk_match_name(lexer->text, lexer->at);
    souk_slice name = souk_slice_make(lexer->text.ptr + lexer->at, len);
    token->form = souk_slice_is(name, "nil")     ? SOUK_FORM_NIL
                  : souk_slice_is(name, "true")  ? SOUK_FORM_TRUE
                  : souk_slice_is(name, "false") ? SOUK_FORM_FALSE
                                                 : SOUK_FORM_SYMBOL;
    lexer->at += len;
    return SOUK_OK;
}

static int lex_keyword(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    size_t len = souk_match_name(lexer->text, lexer->at + 1);
    if (len == 0) {
        int kind = souk_fail(err, SOUK_E_FILE, "expected a name behind ':'");
        return fail_at(lexer, lexer->at, kind, err);
    }
    token->form = SOUK_FORM_KEYWORD;
    lexer->at += 1 + len;
    return SOUK_OK;
}

static void set(souk_lexer *lexer, souk_token *token, souk_token_kind kind, souk_form_type form,
                size_t len)
{
    token->kind = kind;
    token->form = form;
    lexer->at += len;
}

static int lex_hash(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    static const char *const specials[] = {"##Inf", "##-Inf", "##NaN"};
    if (peek(lexer, 1) == '(') {
        set(lexer, token, SOUK_TOKEN_OPEN, SOUK_FORM_FN, 2);
        return SOUK_OK;
    }
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        size_t len = souk_match_shape(lexer->text, lexer->at, specials[i]);
        if (len > 0) {
            return take(lexer, token, SOUK_FORM_SPECIAL, len, err);
        }
    }
    int kind = souk_fail(err, SOUK_E_FILE, "expected #( or #| or ##Inf, ##-Inf, ##NaN here");
    return fail_at(lexer, lexer->at, kind, err);
}

static int lex_unexpected(const souk_lexer *lexer, souk_err *err)
{
    char c = peek(lexer, 0);
    int kind = c > ' ' && c < 0x7F
                   ? souk_fail(err, SOUK_E_FILE, "unexpected '%c': expected a form", c)
                   : souk_fail(err, SOUK_E_FILE, "unexpected byte 0x%02X: expected a form",
                               (unsigned)(unsigned char)c);
    return fail_at(lexer, lexer->at, kind, err);
}

/* Brackets and the one-character prefixes; false when the next byte is none of them. */
static bool lex_mark(souk_lexer *lexer, souk_token *token)
{
    static const struct {
        char mark;
        souk_token_kind kind;
        souk_form_type form;
    } marks[] = {
        {'(', SOUK_TOKEN_OPEN, SOUK_FORM_LIST},    {')', SOUK_TOKEN_CLOSE, SOUK_FORM_LIST},
        {'[', SOUK_TOKEN_OPEN, SOUK_FORM_VECTOR},  {']', SOUK_TOKEN_CLOSE, SOUK_FORM_VECTOR},
        {'{', SOUK_TOKEN_OPEN, SOUK_FORM_MAP},     {'}', SOUK_TOKEN_CLOSE, SOUK_FORM_MAP},
        {'`', SOUK_TOKEN_PREFIX, SOUK_FORM_QUASI}, {'@', SOUK_TOKEN_PREFIX, SOUK_FORM_DEREF},
        {'^', SOUK_TOKEN_PREFIX, SOUK_FORM_META},
    };
    char c = peek(lexer, 0);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (marks[i].mark == c) {
            set(lexer, token, marks[i].kind, marks[i].form, 1);
            return true;
        }
    }
    if (c != '~') {
        return false;
    }
    bool splices = peek(lexer, 1) == '@';
    set(lexer, token, SOUK_TOKEN_PREFIX, splices ? SOUK_FORM_SPLICE : SOUK_FORM_UNQUOTE,
        splices ? 2 : 1);
    return true;
}

static int lex_token(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    char c = peek(lexer, 0);
    token->kind = SOUK_TOKEN_ATOM;
    if (c == '"') {
        return lex_string(lexer, token, err);
    }
    if (c == ':') {
        return lex_keyword(lexer, token, err);
    }
    bool is_float;
    if (souk_match_number(lexer->text, lexer->at, &is_float) > 0) {
        return lex_number(lexer, token, err);
    }
    if (souk_char_is(c, SOUK_CHAR_START)) {
        return lex_name(lexer, token, err);
    }
    if (c == '#') {
        return lex_hash(lexer, token, err);
    }
    return lex_mark(lexer, token) ? SOUK_OK : lex_unexpected(lexer, err);
}

/* Bytes that are no UTF-8 were passed; says where they are. */
static int fail_utf8(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    size_t bad = lexer->valid_until;
    unsigned line = token->line;
    size_t line_start = token->begin - (token->column - 1);
    for (size_t i = token->begin; i < bad; i++) {
        if (lexer->text.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    int kind = souk_fail(err, SOUK_E_FILE, "invalid UTF-8");
    return souk_err_at(err, kind, bad, line, (unsigned)(bad - line_start) + 1);
}

static void place_here(const souk_lexer *lexer, souk_token *token)
{
    token->begin = lexer->at;
    token->line = lexer->line;
    token->column = (unsigned)(lexer->at - lexer->line_start) + 1;
}

int souk_lex(souk_lexer *lexer, souk_token *token, souk_err *err)
{
    memset(token, 0, sizeof *token);
    place_here(lexer, token);
    int kind = skip_blank(lexer, err);
    if (lexer->at > lexer->valid_until) {
        return fail_utf8(lexer, token, err);
    }
    if (kind != SOUK_OK) {
        return kind;
    }
    place_here(lexer, token);
    if (at_end(lexer)) {
        token->kind = SOUK_TOKEN_END;
    } else {
        kind = lex_token(lexer, token, err);
    }
    if (lexer->at > lexer->valid_until) {
        return fail_utf8(lexer, token, err);
    }
    token->end = lexer->at;
    return kind;
}
