/* convert/config_python.c - Python as configurations are written in; see config_file.h. A recursive descent
 * over expressions of literals:
 *
 *     file   = { NAME '=' sum NEWLINE | anything else, skipped to the end of its line }
 *     sum    = product { ('+' | '-') product }        product = unary { ('*' | '/') unary }
 *     unary  = '-' unary | atom { '[' sum ']' | '[' [sum] ':' [sum] ']' }
 *     atom   = number | strings | True | False | None | NAME | dict(k=sum, ...) | [...] | (...) | {...}
 *
 * NAME is a variable of the file. Tuples become arrays. A statement that is none of these leaves its variable
 * undefined; the first one is remembered. */
#include "convert/config_tree.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_CAP     128
#define SKIPPED_MOST 200 /* statements; more are no configuration */

struct parser {
    struct glint_tree_read *r;
    const char *text;
    size_t size, at;
    int depth; /* of expressions */
    int open;  /* brackets: line ends are blanks inside */
    int n_skipped;
    json_t *vars;
};

static int line_of(const struct parser *p, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += p->text[i] == '\n';
    return line;
}

static int wrong(const struct parser *p, const char *fmt, ...) GLINT_PRINTF(2, 3);
static int wrong(const struct parser *p, const char *fmt, ...)
{
    char what[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    glint_fail(GLINT_E_FORMAT, "%s:%d: %s", p->r->name, line_of(p, p->at), what);
    return GLINT_E_FORMAT;
}

/* Letters */

static char peek(const struct parser *p)
{
    return p->at < p->size ? p->text[p->at] : 0;
}

static void skip_blanks(struct parser *p)
{
    for (; p->at < p->size; p->at++) {
        const char c = p->text[p->at];
        if (c == '#')
            while (p->at + 1 < p->size && p->text[p->at + 1] != '\n')
                p->at++;
        else if (c == '\\' && p->at + 1 < p->size && p->text[p->at + 1] == '\n')
            p->at++;
        else if (c != ' ' && c != '\t' && c != '\r' && !(c == '\n' && p->open))
            return;
    }
}

static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_word(struct parser *p, char *word)
{
    size_t n = 0;
    skip_blanks(p);
    if (!is_letter(peek(p)))
        return false;
    for (; is_letter(peek(p)) || is_digit(peek(p)); p->at++)
        if (n < WORD_CAP - 1)
            word[n++] = peek(p);
    word[n] = 0;
    return true;
}

/* Strings */

struct buffer {
    char *data;
    size_t n, cap;
};

static bool put(struct buffer *b, char c)
{
    if (b->n + 1 >= b->cap) {
        const size_t cap = b->cap ? 2 * b->cap : 64;
        char *more = realloc(b->data, cap);
        if (!more)
            return false;
        b->data = more;
        b->cap = cap;
    }
    b->data[b->n++] = c;
    b->data[b->n] = 0;
    return true;
}

static char escaped(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
}

/* One literal, its quotes included; raw: no escapes. */
static int read_string(struct parser *p, bool raw, struct buffer *b)
{
    const char quote = peek(p);
    const bool triple = p->at + 2 < p->size && p->text[p->at + 1] == quote && p->text[p->at + 2] == quote;
    for (p->at += triple ? 3 : 1; p->at < p->size; p->at++) {
        char c = peek(p);
        if (c == quote && (!triple || (p->at + 2 < p->size && p->text[p->at + 1] == quote &&
                                       p->text[p->at + 2] == quote))) {
            p->at += triple ? 3 : 1;
            return GLINT_OK;
        }
        if ((c == '\n' && !triple) || !c)
            break;
        if (c == '\\' && !raw && p->at + 1 < p->size) {
            c = escaped(p->text[++p->at]);
            if (c == '\n' && p->text[p->at] == '\n')
                continue;
        }
        if (!put(b, c))
            return glint_fail(GLINT_E_NOMEM, "%s: no memory", p->r->name);
    }
    return wrong(p, "a string without an end");
}

static bool at_string(const struct parser *p, bool *raw)
{
    const char c = peek(p), next = p->at + 1 < p->size ? p->text[p->at + 1] : 0;
    const bool marked = strchr("rRuUbB", c) && c && (next == '\'' || next == '"');
    *raw = marked && (c == 'r' || c == 'R');
    return c == '\'' || c == '"' || marked;
}

/* Literals that stand beside each other are one string. */
static int read_strings(struct parser *p, json_t **out)
{
    struct buffer b = {0};
    bool raw;
    int status = put(&b, 0) ? GLINT_OK : glint_fail(GLINT_E_NOMEM, "%s: no memory", p->r->name);
    b.n = 0;
    while (status == GLINT_OK && at_string(p, &raw)) {
        p->at += is_letter(peek(p));
        status = read_string(p, raw, &b);
        skip_blanks(p);
    }
    if (status == GLINT_OK && !(*out = json_stringn(b.data, b.n)))
        status = wrong(p, "a string that is no UTF-8");
    free(b.data);
    return status;
}

static int read_number(struct parser *p, json_t **out)
{
    char text[64], *end;
    size_t n = 0;
    for (; is_digit(peek(p)) || is_letter(peek(p)) || peek(p) == '.' ||
           (n && (text[n - 1] == 'e' || text[n - 1] == 'E') && (peek(p) == '-' || peek(p) == '+'));
         p->at++) {
        if (peek(p) != '_' && n < sizeof text - 1)
            text[n++] = peek(p);
    }
    text[n] = 0;
    if (!strpbrk(text, ".eE")) {
        const long long i = strtoll(text, &end, 10);
        *out = *end ? NULL : json_integer(i);
    } else {
        const double d = strtod(text, &end);
        *out = *end || !isfinite(d) ? NULL : json_real(d);
    }
    return *out ? GLINT_OK : wrong(p, "a number expected, found %.40s", text);
}

/* Containers */

static int read_sum(struct parser *p, json_t **out);

static int read_elements(struct parser *p, char end, json_t *out, bool *comma)
{
    *comma = false;
    while (!take(p, end)) {
        json_t *value = NULL;
        if (json_array_size(out) > 0 && !*comma)
            return wrong(p, "a comma or %c expected", end);
        GLINT_TRY(read_sum(p, &value));
        json_array_append_new(out, value);
        *comma = take(p, ',');
    }
    return GLINT_OK;
}

/* (a, b) and (a,) are tuples, (a) is a. */
static int read_sequence(struct parser *p, char end, json_t **out)
{
    bool comma = false;
    *out = json_array();
    p->open++;
    const int status = *out ? read_elements(p, end, *out, &comma) : GLINT_E_NOMEM;
    p->open--;
    if (status == GLINT_OK && end == ')' && json_array_size(*out) == 1 && !comma) {
        json_t *only = json_incref(json_array_get(*out, 0));
        json_decref(*out);
        *out = only;
    }
    return status;
}

static int set(struct parser *p, json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? GLINT_OK : wrong(p, "a key that is no UTF-8");
}

/* name=value of dict(...), or key: value of {...} */
static int read_member(struct parser *p, bool call, json_t *out)
{
    char word[WORD_CAP];
    json_t *key = NULL, *value = NULL;
    if (call) {
        if (!take_word(p, word) || !take(p, '='))
            return wrong(p, "name=value expected in dict()");
        GLINT_TRY(read_sum(p, &value));
        return set(p, out, word, value);
    }
    GLINT_TRY(read_sum(p, &key));
    char *text = json_is_string(key) ? NULL : json_dumps(key, JSON_ENCODE_ANY);
    int status = take(p, ':') ? read_sum(p, &value) : wrong(p, ": expected after a key");
    if (status == GLINT_OK)
        status = set(p, out, text ? text : json_string_value(key), value);
    free(text);
    json_decref(key);
    return status;
}

static int read_members(struct parser *p, char end, json_t *out)
{
    bool comma = true;
    while (!take(p, end)) {
        if (!comma)
            return wrong(p, "a comma or %c expected", end);
        GLINT_TRY(read_member(p, end == ')', out));
        comma = take(p, ',');
    }
    return GLINT_OK;
}

static int read_dict(struct parser *p, char end, json_t **out)
{
    *out = json_object();
    p->open++;
    const int status = *out ? read_members(p, end, *out) : GLINT_E_NOMEM;
    p->open--;
    return status;
}

/* Expressions */

static int read_name(struct parser *p, json_t **out)
{
    char word[WORD_CAP];
    take_word(p, word);
    if (!strcmp(word, "True") || !strcmp(word, "False"))
        *out = json_boolean(word[0] == 'T');
    else if (!strcmp(word, "None"))
        *out = json_null();
    else if (!strcmp(word, "dict") && take(p, '('))
        return read_dict(p, ')', out);
    else if (!json_object_get(p->vars, word))
        return wrong(p, "%.60s is no literal and no variable above", word);
    else if (!(*out = glint_tree_copy(p->r, json_object_get(p->vars, word))))
        return wrong(p, "%.60s is too large", word);
    return GLINT_OK;
}

static int read_plain_atom(struct parser *p, json_t **out)
{
    bool raw;
    skip_blanks(p);
    if (at_string(p, &raw))
        return read_strings(p, out);
    if (is_digit(peek(p)) || peek(p) == '.')
        return read_number(p, out);
    if (is_letter(peek(p)))
        return read_name(p, out);
    if (take(p, '['))
        return read_sequence(p, ']', out);
    if (take(p, '('))
        return read_sequence(p, ')', out);
    if (take(p, '{'))
        return read_dict(p, '}', out);
    return wrong(p, "a literal expected, found '%c'", peek(p) > 32 ? peek(p) : ' ');
}

static int64_t place(const json_t *index, int64_t n, int64_t absent)
{
    if (!index)
        return absent;
    int64_t i = (int64_t)json_integer_value(index);
    i = i < 0 && i >= -n ? i + n : i;
    return i < 0 ? 0 : i > n ? n : i;
}

static json_t *slice(const json_t *array, const json_t *from, const json_t *to)
{
    const int64_t n = (int64_t)json_array_size(array), end = place(to, n, n);
    json_t *out = json_array();
    for (int64_t i = place(from, n, 0); i < end; i++)
        json_array_append(out, json_array_get(array, (size_t)i));
    return out;
}

static json_t *element(const json_t *value, const json_t *index)
{
    const int64_t n = (int64_t)json_array_size(value);
    const int64_t i = (int64_t)json_integer_value(index);
    if (json_is_object(value) && json_is_string(index))
        return json_incref(json_object_get(value, json_string_value(index)));
    if (!json_is_array(value) || !json_is_integer(index) || i < -n || i >= n)
        return NULL;
    return json_incref(json_array_get(value, (size_t)(i < 0 ? i + n : i)));
}

/* [i] or [a:b] behind a value, which is replaced */
static int read_index(struct parser *p, json_t **value)
{
    json_t *from = NULL, *to = NULL, *out = NULL;
    int status = GLINT_OK;
    bool colon = take(p, ':');
    if (!colon) {
        status = read_sum(p, &from);
        colon = status == GLINT_OK && take(p, ':');
    }
    if (status == GLINT_OK && colon && !take(p, ']')) {
        status = read_sum(p, &to);
        if (status == GLINT_OK && !take(p, ']'))
            status = wrong(p, "] expected");
    } else if (status == GLINT_OK && !colon && !take(p, ']')) {
        status = wrong(p, "] expected");
    }
    if (status == GLINT_OK)
        out = !colon ? element(*value, from) : json_is_array(*value) ? slice(*value, from, to) : NULL;
    if (status == GLINT_OK && !out)
        status = wrong(p, "there is no such element");
    json_decref(from);
    json_decref(to);
    if (status == GLINT_OK) {
        json_decref(*value);
        *value = out;
    }
    return status;
}

static int read_atom(struct parser *p, json_t **out)
{
    GLINT_TRY(read_plain_atom(p, out));
    skip_blanks(p);
    while (peek(p) == '[') {
        p->at++;
        p->open++;
        const int status = read_index(p, out);
        p->open--;
        GLINT_TRY(status);
        skip_blanks(p);
    }
    return peek(p) == '(' || peek(p) == '.' ? wrong(p, "calls and attributes are not read") : GLINT_OK;
}

static json_t *number(const json_t *like, double value)
{
    return json_is_integer(like) && fabs(value) < 9e15 ? json_integer((json_int_t)value)
           : isfinite(value)                           ? json_real(value)
                                                       : NULL;
}

static json_t *joined(const json_t *a, const json_t *b)
{
    const size_t n = json_string_length(a), m = json_string_length(b);
    char *text = malloc(n + m + 1);
    if (!text)
        return NULL;
    memcpy(text, json_string_value(a), n);
    memcpy(text + n, json_string_value(b), m);
    json_t *out = json_stringn(text, n + m);
    free(text);
    return out;
}

/* a operator b, both replaced by one */
static int apply(struct parser *p, char op, json_t **a, json_t *b)
{
    json_t *out = NULL;
    const json_t *whole = json_is_integer(*a) && json_is_integer(b) && op != '/' ? *a : NULL;
    const double x = json_number_value(*a), y = json_number_value(b);
    if (json_is_number(*a) && json_is_number(b))
        out = number(whole, op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y);
    else if (op == '+' && json_is_string(*a) && json_is_string(b))
        out = joined(*a, b);
    else if (op == '+' && json_is_array(*a) && json_is_array(b) && json_array_extend(*a, b) == 0)
        out = json_incref(*a);
    json_decref(b);
    if (!out)
        return wrong(p, "%c of what are no numbers", op);
    json_decref(*a);
    *a = out;
    return GLINT_OK;
}

static int read_unary(struct parser *p, json_t **out)
{
    if (++p->depth > 4 * GLINT_TREE_DEPTH)
        return wrong(p, "nested deeper than %d", GLINT_TREE_DEPTH);
    GLINT_TRY(glint_tree_count(p->r));
    int status;
    if (take(p, '-')) {
        status = read_unary(p, out);
        if (status == GLINT_OK)
            status = json_is_number(*out) ? GLINT_OK : wrong(p, "- of what is no number");
        if (status == GLINT_OK) {
            json_t *turned = number(*out, -json_number_value(*out));
            json_decref(*out);
            *out = turned;
            status = turned ? GLINT_OK : wrong(p, "no number");
        }
    } else {
        status = read_atom(p, out);
    }
    p->depth--;
    return status;
}

static int read_chain(struct parser *p, const char *operators, int (*read)(struct parser *, json_t **),
                      json_t **out)
{
    GLINT_TRY(read(p, out));
    for (skip_blanks(p); peek(p) && strchr(operators, peek(p)); skip_blanks(p)) {
        const char op = p->text[p->at++];
        json_t *next = NULL;
        const int status = read(p, &next);
        if (status < 0) {
            json_decref(next);
            return status;
        }
        GLINT_TRY(apply(p, op, out, next));
    }
    return GLINT_OK;
}

static int read_product(struct parser *p, json_t **out)
{
    return read_chain(p, "*/", read_unary, out);
}

/* On failure *out is NULL. */
static int read_sum(struct parser *p, json_t **out)
{
    *out = NULL;
    const int status = read_chain(p, "+-", read_product, out);
    if (status < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* Statements */

/* To the end of the statement that begins at `at`: its line, brackets and strings closed. */
static void skip_statement(struct parser *p, size_t at)
{
    int open = 0;
    bool raw;
    for (p->at = at; p->at < p->size; p->at++) {
        const char c = peek(p);
        if (at_string(p, &raw)) {
            struct buffer b = {0};
            p->at += is_letter(c);
            const int status = read_string(p, raw, &b);
            free(b.data);
            if (status < 0)
                return;
            p->at--;
        } else if (c == '#') {
            while (p->at + 1 < p->size && p->text[p->at + 1] != '\n')
                p->at++;
        } else if (c == '\n' && open <= 0) {
            return;
        }
        open += c == '(' || c == '[' || c == '{';
        open -= c == ')' || c == ']' || c == '}';
    }
}

static int read_assignment(struct parser *p)
{
    char word[WORD_CAP];
    json_t *value = NULL;
    if (!take_word(p, word) || !take(p, '=') || peek(p) == '=')
        return wrong(p, "only assignments are read");
    GLINT_TRY(read_sum(p, &value));
    skip_blanks(p);
    if (peek(p) && peek(p) != '\n') {
        json_decref(value);
        return wrong(p, "the end of the line expected");
    }
    return set(p, p->vars, word, value);
}

static void read_statement(struct parser *p)
{
    const size_t start = p->at;
    p->open = p->depth = 0;
    if (read_assignment(p) == GLINT_OK)
        return;
    if (!p->r->skipped[0])
        snprintf(p->r->skipped, sizeof p->r->skipped, "%.150s", glint_error_text());
    p->open = 0;
    p->n_skipped++;
    skip_statement(p, start);
}

/* Bases: their variables are there before the file's; dictionaries are merged (mmcv's Config), those with
 * _delete_ replaced. */

static void merge(json_t *base, json_t *over, int depth)
{
    const char *key;
    json_t *value;
    json_object_foreach(over, key, value)
    {
        json_t *there = json_object_get(base, key);
        if (depth < GLINT_TREE_DEPTH && json_is_object(there) && json_is_object(value) &&
            !json_is_true(json_object_get(value, "_delete_")))
            merge(there, value, depth + 1);
        else
            json_object_set(base, key, value);
    }
}

static int read_bases(struct parser *p, json_t *into)
{
    json_t *bases = json_object_get(p->vars, "_base_");
    const size_t n = json_is_string(bases) ? 1 : json_array_size(bases);
    for (size_t i = 0; i < n; i++) {
        json_t *base = NULL;
        const char *name = json_string_value(json_is_string(bases) ? bases : json_array_get(bases, i));
        if (!name)
            return glint_fail(GLINT_E_FORMAT, "%s: _base_: names of files expected", p->r->name);
        GLINT_TRY(glint_tree_base(p->r, name, glint_tree_python, &base));
        merge(into, base, 0);
        json_decref(base);
    }
    return GLINT_OK;
}

int glint_tree_python(struct glint_tree_read *r, const char *text, size_t size, json_t **out)
{
    struct parser p = {.r = r, .text = text, .size = size, .vars = json_object()};
    *out = json_object();
    if (!p.vars || !*out)
        return glint_fail(GLINT_E_NOMEM, "%s: no memory", r->name);
    while (p.at < size && r->values <= GLINT_TREE_VALUES && p.n_skipped <= SKIPPED_MOST) {
        p.open = 1; /* empty lines */
        skip_blanks(&p);
        p.open = 0;
        if (p.at < size)
            read_statement(&p);
    }
    int status = r->values > GLINT_TREE_VALUES
                     ? glint_fail(GLINT_E_FORMAT, "%s: more than %d values", r->name, GLINT_TREE_VALUES)
                 : p.n_skipped > SKIPPED_MOST
                     ? glint_fail(GLINT_E_FORMAT, "%s: no configuration: first, %s", r->name, r->skipped)
                     : read_bases(&p, *out);
    if (status == GLINT_OK)
        merge(*out, p.vars, 0);
    json_decref(p.vars);
    if (status < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
