/* select_parse.c - the expression of --filter: read, and asked of a row. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "address.h"
#include "select.h"
#include "vec.h"
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>

enum {
    TEXT_MAX = 64 << 10, // of an expression
    NODES_MAX = 1000,
    DEPTH_MAX = 100,     // of parentheses and negations
    STEPS_MAX = 200000,  // of one match of a regular expression
    HEAP_MAX = 16 << 10, // KiB, where it could not be compiled for the processor
};

enum op { EQ, NE, LT, LE, GT, GE, MATCH, NO_MATCH };
/* ORDER op */
static const char *const ops[] = { "=", "!=", "<", "<=", ">", ">=", "~", "!~" };

/* A number with its sign: columns are of 64 bits, with or without one. */
struct number {
    bool minus;
    uint64_t u; // its magnitude
};

struct node {
    enum { AND, OR, NOT, MISSING, COMPARE } kind;
    uint32_t left, right; // of AND, OR; NOT has left
    size_t column;
    enum op op;
    char *text;
    bool is_number, is_true;
    struct number number;
    int64_t first, last; // of a time, or a duration
    pcre2_code *code;
};

struct eg_filter {
    const struct eg_column *columns;
    const struct eg_zone *zone;
    EG_VEC(struct node) nodes;
    uint32_t top;
    struct eg_arena texts, scratch; // of the expression; of one row
    pcre2_match_context *limits;
    pcre2_match_data *match;
};

struct parser {
    struct eg_filter *f;
    const char *at, *plugin;
    unsigned depth;
    struct eg_error *e;
};

/* ---- columns ---- */

int eg_column_find(const struct eg_column *columns, const char *name, size_t len,
                   const char *plugin, size_t *out, struct eg_error *e)
{
    struct eg_arena a = { 0 };
    const char **names, *near, *list = "", *word;
    size_t n = 0;
    int rc;

    for (size_t i = 0; columns[i].name; i++)
        if (strlen(columns[i].name) == len && !strncasecmp(columns[i].name, name, len)) {
            *out = i;
            return 0;
        }
    while (columns[n].name)
        n++;
    names = eg_arena_array(&a, const char *, n + 1);
    for (size_t i = 0; names && i < n; i++) {
        names[i] = columns[i].name;
        list = eg_arena_strf(&a, "%s%s%s", list ? list : "", i ? ", " : "", names[i]);
    }
    word = eg_arena_strndup(&a, name, EG_MIN(len, (size_t)60));
    near = names && word ? eg_nearest(word, names) : NULL;
    if (near)
        rc =
            eg_fail(e, EG_ENOTFOUND, "%s has no column '%s'; did you mean %s?", plugin, word, near);
    else
        rc = eg_fail(e, EG_ENOTFOUND, "%s has no column '%s'; it has %s", plugin, word ? word : "",
                     list ? list : "others");
    eg_arena_fini(&a);
    return rc;
}

/* ---- words ---- */

static void blanks(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static int wanted(struct parser *p, const char *what)
{
    return *p->at ? eg_fail(p->e, EG_EUSAGE, "--filter: at '%.40s': %s is expected", p->at, what)
                  : eg_fail(p->e, EG_EUSAGE, "--filter: %s is expected at the end", what);
}

/* How long the word is that names a column, or joins. */
static size_t word_length(const char *s)
{
    return strcspn(s, " \t\r\n\f\v()=!<>~'\"");
}

static bool is_keyword(const struct parser *p, const char *keyword)
{
    const size_t n = strlen(keyword);

    return word_length(p->at) == n && !strncasecmp(p->at, keyword, n);
}

static bool take_keyword(struct parser *p, const char *keyword)
{
    blanks(p);
    if (!is_keyword(p, keyword))
        return false;
    p->at += strlen(keyword);
    blanks(p);
    return true;
}

static bool take(struct parser *p, char c)
{
    blanks(p);
    if (*p->at != c)
        return false;
    p->at++;
    blanks(p);
    return true;
}

static bool take_op(struct parser *p, enum op *op)
{
    static const struct {
        const char *text;
        enum op op;
    } all[] = {
        { "==", EQ }, { "=~", MATCH }, { "=", EQ },  { "!=", NE }, { "!~", NO_MATCH },
        { "<=", LE }, { "<", LT },     { ">=", GE }, { ">", GT },  { "~", MATCH },
    };

    blanks(p);
    for (size_t i = 0; i < countof(all); i++)
        if (!strncmp(p->at, all[i].text, strlen(all[i].text))) {
            p->at += strlen(all[i].text);
            *op = all[i].op;
            blanks(p);
            return true;
        }
    return false;
}

/* Up to a blank, or a parenthesis that was opened before the value. */
static size_t bare_length(const char *s)
{
    size_t n = 0, open = 0;

    for (; s[n] && !isspace((unsigned char)s[n]); n++) {
        if (s[n] == ')' && !open)
            break;
        open += s[n] == '(';
        open -= s[n] == ')';
    }
    return n;
}

/* What stands behind an operator. */
static int take_value(struct parser *p, char **out)
{
    const char quote = *p->at, *s = p->at + 1;
    size_t len = 0;
    char *text;

    if (quote != '"' && quote != '\'') {
        if (!(len = bare_length(p->at)))
            return wanted(p, "a value (in quotes if it has blanks)");
        if (!(*out = eg_arena_strndup(&p->f->texts, p->at, len)))
            return eg_fail(p->e, EG_ENOMEM, "out of memory");
        p->at += len;
        return 0;
    }
    if (!(text = eg_arena_alloc(&p->f->texts, strlen(s) + 1)))
        return eg_fail(p->e, EG_ENOMEM, "out of memory");
    for (; *s && *s != quote; s++) {
        s += s[0] == '\\' && s[1] == quote;
        text[len++] = *s;
    }
    if (!*s)
        return eg_fail(p->e, EG_EUSAGE, "--filter: at '%.40s': the quote does not end", p->at);
    *out = text;
    p->at = s + 1;
    return 0;
}

/* ---- comparisons ---- */

static int bad_value(struct parser *p, const struct node *n, const char *expected)
{
    return eg_fail(p->e, EG_EUSAGE, "--filter: %s %s '%.60s': %s", p->f->columns[n->column].name,
                   ops[n->op], n->text, expected);
}

static void read_number(struct node *n, bool address)
{
    const bool minus = *n->text == '-';

    n->number.minus = minus;
    n->is_number = eg_number_parse(n->text + minus, &n->number.u) ||
                   (address && !eg_address_parse(n->text, NULL, &n->number.u, NULL));
}

static int read_literal(struct parser *p, struct node *n)
{
    const enum eg_column_kind kind = p->f->columns[n->column].kind;

    switch (kind) {
    case EG_COL_TIME:
        if (!eg_time_parse(n->text, p->f->zone, &n->first, &n->last))
            return bad_value(p, n, "not a time: 2026-03-14, 2026-03-14T09:26:53.5Z, …+01:00");
        return 0;
    case EG_COL_DURATION:
        if (!eg_duration_parse(n->text, &n->first, &n->last))
            return bad_value(p, n, "not a number of seconds: 12, 12.345678");
        return 0;
    case EG_COL_BOOL:
        n->is_true = !strcasecmp(n->text, "true") || !strcasecmp(n->text, "yes");
        if (!n->is_true && strcasecmp(n->text, "false") != 0 && strcasecmp(n->text, "no") != 0)
            return bad_value(p, n, "true or false is expected");
        return n->op > NE ? bad_value(p, n, "only = and != are possible") : 0;
    case EG_COL_BYTES:
        for (char *c = n->text; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        return 0;
    default:
        read_number(n, kind == EG_COL_ADDR);
        if (!n->is_number && (kind == EG_COL_INT || kind == EG_COL_BIG || kind == EG_COL_ADDR))
            return bad_value(p, n, "not a number such as 4096, 0x1000, 4K");
        return 0;
    }
}

static int compile(struct parser *p, struct node *n)
{
    PCRE2_UCHAR why[160] = "out of memory";
    PCRE2_SIZE at = 0;
    int error = 0;

    n->code = pcre2_compile((PCRE2_SPTR)n->text, strlen(n->text),
                            PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
                            &at, NULL);
    if (n->code) {
        pcre2_jit_compile(n->code, PCRE2_JIT_COMPLETE); // slower without, but the same
        return 0;
    }
    pcre2_get_error_message(error, why, sizeof why);
    return eg_fail(p->e, EG_EUSAGE, "--filter: '%.200s': %s, at its byte %zu", n->text,
                   (const char *)why, (size_t)at + 1);
}

static struct node *add(struct parser *p, int kind, uint32_t *out)
{
    struct node *n = p->f->nodes.n < NODES_MAX ? eg_vec_push(&p->f->nodes) : NULL;

    if (!n) {
        eg_fail(p->e, EG_EUSAGE, "--filter: more than %d parts", NODES_MAX);
        return NULL;
    }
    n->kind = kind;
    *out = (uint32_t)p->f->nodes.n - 1;
    return n;
}

static int comparison(struct parser *p, uint32_t *out)
{
    const size_t len = word_length(p->at);
    struct node *n;
    struct eg_error why;
    size_t column;
    int rc;

    if (!len)
        return wanted(p, "a column");
    if (eg_column_find(p->f->columns, p->at, len, p->plugin, &column, &why) < 0)
        return eg_fail(p->e, why.code, "--filter: %s", why.text);
    p->at += len;
    if (take_keyword(p, "is")) {
        const bool negated = take_keyword(p, "not");

        if (!take_keyword(p, "missing"))
            return wanted(p, "'missing'");
        if (!(n = add(p, MISSING, out)))
            return -EG_EUSAGE;
        n->column = column;
        n->is_true = !negated;
        return 0;
    }
    if (!(n = add(p, COMPARE, out)))
        return -EG_EUSAGE;
    n->column = column;
    if (!take_op(p, &n->op))
        return wanted(p, "one of = != < <= > >= ~ !~, or 'is missing',");
    if ((rc = take_value(p, &n->text)) < 0)
        return rc;
    return n->op >= MATCH ? compile(p, n) : read_literal(p, n);
}

/* ---- the whole ---- */

static int either(struct parser *p, uint32_t *out);

static int negation(struct parser *p, uint32_t *out)
{
    uint32_t inner = 0;
    struct node *n;
    bool negated = false;
    int rc;

    if (++p->depth > DEPTH_MAX)
        return eg_fail(p->e, EG_EUSAGE, "--filter: more than %d levels", DEPTH_MAX);
    if (take_keyword(p, "not")) {
        negated = true;
        rc = negation(p, &inner);
    } else if (take(p, '(')) {
        rc = either(p, &inner);
        if (!rc && !take(p, ')'))
            rc = wanted(p, "')'");
    } else {
        rc = comparison(p, &inner);
    }
    p->depth--;
    *out = inner;
    if (rc || !negated)
        return rc;
    if (!(n = add(p, NOT, out)))
        return -EG_EUSAGE;
    n->left = inner;
    return 0;
}

static int chain(struct parser *p, const char *keyword, int kind,
                 int (*part)(struct parser *p, uint32_t *out), uint32_t *out)
{
    int rc = part(p, out);

    while (!rc && take_keyword(p, keyword)) {
        uint32_t left = *out, right;
        struct node *n;

        if ((rc = part(p, &right)))
            return rc;
        if (!(n = add(p, kind, out)))
            return -EG_EUSAGE;
        n->left = left;
        n->right = right;
    }
    return rc;
}

static int both(struct parser *p, uint32_t *out)
{
    return chain(p, "and", AND, negation, out);
}

static int either(struct parser *p, uint32_t *out)
{
    return chain(p, "or", OR, both, out);
}

int eg_filter_open(struct eg_filter **out, const char *text, const char *plugin,
                   const struct eg_column *columns, const struct eg_zone *zone, struct eg_error *e)
{
    struct eg_filter *f = calloc(1, sizeof *f);
    struct parser p = { f, text, plugin, 0, e };
    int rc;

    *out = NULL;
    if (!f)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    f->columns = columns;
    f->zone = zone;
    f->limits = pcre2_match_context_create(NULL);
    f->match = pcre2_match_data_create(1, NULL);
    if (!f->limits || !f->match) {
        rc = eg_fail(e, EG_ENOMEM, "out of memory");
    } else if (strlen(text) > TEXT_MAX) {
        rc = eg_fail(e, EG_EUSAGE, "--filter: longer than %d bytes", TEXT_MAX);
    } else {
        pcre2_set_match_limit(f->limits, STEPS_MAX);
        pcre2_set_heap_limit(f->limits, HEAP_MAX);
        rc = either(&p, &f->top);
    }
    if (!rc && *p.at)
        rc = wanted(&p, "'and', 'or' or the end");
    if (rc) {
        eg_filter_close(f);
        return rc;
    }
    *out = f;
    return 0;
}

void eg_filter_close(struct eg_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->nodes.n; i++)
        pcre2_code_free(f->nodes.at[i].code);
    eg_vec_fini(&f->nodes);
    eg_arena_fini(&f->texts);
    eg_arena_fini(&f->scratch);
    pcre2_match_data_free(f->match);
    pcre2_match_context_free(f->limits);
    free(f);
}

/* ---- a row ---- */

/* What is not known stays so under `not`: as NULL in SQL. In this order `and` is the least of two,
 * `or` the greatest. */
enum answer { NO, UNKNOWN, YES };

static int compare_numbers(struct number a, struct number b)
{
    const int c = (a.u > b.u) - (a.u < b.u);

    if (a.minus != b.minus && (a.u || b.u))
        return a.minus ? -1 : 1;
    return a.minus ? -c : c;
}

static int compare_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
    const size_t n = EG_MIN(a_len, b_len);
    const int c = n ? memcmp(a, b, n) : 0;

    return c ? c : (a_len > b_len) - (a_len < b_len);
}

/* The text of a cell: its own bytes, or what a table shows. NULL: out of memory. */
static const char *text_of(struct eg_filter *f, const struct node *n, const struct eg_value *v,
                           size_t *len)
{
    const struct eg_column *c = &f->columns[n->column];
    char time[40], *s;

    if (v->tag == EG_V_TEXT && c->kind != EG_COL_BYTES) {
        *len = v->bytes.len;
        return (const char *)v->bytes.p;
    }
    if (c->kind == EG_COL_TIME && v->tag != EG_V_TEXT && v->tag != EG_V_BYTES)
        s = eg_arena_strf(&f->scratch, "%s", eg_time_text(f->zone, v->i, time));
    else
        s = eg_value_text(&f->scratch, c, v);
    *len = s ? strlen(s) : 0;
    return s;
}

static enum answer by_order(enum op op, int order)
{
    static const bool fulfils[][3] = {
        // ORDER op; less, equal, greater
        { 0, 1, 0 }, { 1, 0, 1 }, { 1, 0, 0 }, { 1, 1, 0 }, { 0, 0, 1 }, { 0, 1, 1 },
    };

    return fulfils[op][(order > 0) - (order < 0) + 1] ? YES : NO;
}

static enum answer compare(struct eg_filter *f, const struct node *n, const struct eg_value *v,
                           uint64_t *unknown)
{
    const enum eg_column_kind kind = f->columns[n->column].kind;
    const bool number = v->tag == EG_V_INT || v->tag == EG_V_UINT;
    const bool is_signed = v->tag == EG_V_INT && kind != EG_COL_ADDR && kind != EG_COL_FLAGS;
    const char *text;
    size_t len;
    int rc;

    if (v->tag == EG_V_NONE || v->tag == EG_V_BAD)
        return UNKNOWN;
    if (n->op < MATCH && number) {
        if (kind == EG_COL_TIME || kind == EG_COL_DURATION)
            return by_order(n->op, v->i < n->first ? -1 : v->i > n->last);
        if (kind == EG_COL_BOOL)
            return by_order(n->op, (v->u != 0) != n->is_true);
        if (n->is_number) {
            const bool minus = is_signed && v->i < 0;

            return by_order(
                n->op, compare_numbers((struct number){ minus, minus ? -v->u : v->u }, n->number));
        }
    }
    if (!(text = text_of(f, n, v, &len)))
        return UNKNOWN;
    if (n->op < MATCH)
        return by_order(n->op, compare_bytes(text, len, n->text, strlen(n->text)));
    rc = pcre2_match(n->code, (PCRE2_SPTR)text, len, 0, 0, f->match, f->limits);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        ++*unknown;
        return UNKNOWN;
    }
    return (rc >= 0) == (n->op == MATCH) ? YES : NO;
}

static enum answer answer(struct eg_filter *f, uint32_t at, const struct eg_value *row,
                          uint64_t *unknown)
{
    const struct node *n = &f->nodes.at[at];
    enum answer left, right;
    bool missing;

    switch (n->kind) {
    case COMPARE:
        return compare(f, n, &row[n->column], unknown);
    case MISSING:
        missing = row[n->column].tag == EG_V_NONE || row[n->column].tag == EG_V_BAD;
        return missing == n->is_true ? YES : NO;
    case NOT:
        return YES - answer(f, n->left, row, unknown);
    default:
        left = answer(f, n->left, row, unknown);
        if (left == (n->kind == AND ? NO : YES))
            return left;
        right = answer(f, n->right, row, unknown);
        return n->kind == AND ? EG_MIN(left, right) : EG_MAX(left, right);
    }
}

bool eg_filter_match(struct eg_filter *f, const struct eg_value *row, uint64_t *unknown)
{
    const bool yes = answer(f, f->top, row, unknown) == YES;

    eg_arena_reset(&f->scratch);
    return yes;
}
