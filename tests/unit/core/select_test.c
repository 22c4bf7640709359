/* select_test.c - expressions, orders, columns and limits, right, wrong and hostile. */
#include "check.h"
#include "select.h"
#include <stdlib.h>

static const struct eg_column columns[] = {
    { "PID", EG_COL_INT, "" },     { "OFFSET", EG_COL_ADDR, "", EG_MINOR },
    { "COMM", EG_COL_TEXT, "" },   { "START", EG_COL_TIME, "" },
    { "FLAGS", EG_COL_FLAGS, "" }, { "ROOT", EG_COL_BOOL, "" },
    { "HASH", EG_COL_BYTES, "" },  { "AGE", EG_COL_DURATION, "" },
    { NULL, EG_COL_INT, NULL },
};

#define T_(s)                                                                                      \
    {                                                                                              \
        .tag = EG_V_TEXT, .bytes = {(const uint8_t *)(s), sizeof(s) - 1 }                          \
    }
#define B_(s)                                                                                      \
    {                                                                                              \
        .tag = EG_V_BYTES, .bytes = {(const uint8_t *)(s), sizeof(s) - 1 }                         \
    }
#define I_(v)                                                                                      \
    {                                                                                              \
        .tag = EG_V_INT, .i = (v)                                                                  \
    }
#define U_(v)                                                                                      \
    {                                                                                              \
        .tag = EG_V_UINT, .u = (v)                                                                 \
    }
#define BAD_                                                                                       \
    {                                                                                              \
        .tag = EG_V_BAD, .why = EG_NULL                                                            \
    }
#define NONE_                                                                                      \
    {                                                                                              \
        .tag = EG_V_NONE                                                                           \
    }
enum { N = 8 };
#define DAY INT64_C(86400000000000)

/* Each row by a letter: what a test expects is a text of them. */
static const struct eg_value rows[][N] = {
    /* a */ { I_(1), U_(0xffff888000001000), T_("init"), I_(20000 * DAY), T_("r-xp"), U_(1), NONE_,
              I_(12345678901) },
    /* b */
    { I_(20), U_(0xffff888000002000), T_("sshd"), I_(20000 * DAY + 1), T_("rw-p"), U_(0),
      B_("\x7f"
         "ELF"),
      I_(12345679000) },
    /* c */
    { I_(-3), U_(0x10), T_("s\xffh"), I_(20001 * DAY - 1), U_(5), U_(0), B_("\0"), I_(-1500) },
    /* d */ { BAD_, BAD_, BAD_, BAD_, BAD_, BAD_, BAD_, BAD_ },
    /* e */ { U_(UINT64_MAX), U_(0), T_(""), I_(20001 * DAY), U_(4096), U_(1), B_(""), U_(0) },
    /* f */ { I_(20), NONE_, T_("and"), I_(-DAY), NONE_, NONE_, NONE_, NONE_ },
};

struct seen {
    char letters[64];
    unsigned depths[64];
    size_t n, cells;
    struct eg_value first;
};

/* The letter of a row, told by a cell that the selection has copied or passed on. */
static char letter_of(const struct eg_value *v, size_t column)
{
    for (size_t i = 0; i < countof(rows); i++) {
        const struct eg_value *r = &rows[i][column];

        if (r->tag == v->tag &&
            (r->tag == EG_V_TEXT
                 ? r->bytes.len == v->bytes.len && !memcmp(r->bytes.p, v->bytes.p, v->bytes.len)
                 : true))
            return (char)('a' + (int)i);
    }
    return '?';
}

static size_t where_comm; // the column of what is shown

static void see(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    struct seen *s = context;

    assert_true(s->n < 63);
    s->depths[s->n] = depth;
    s->letters[s->n++] = letter_of(&v[where_comm], 2);
    s->cells = n;
}

/* Put the rows through; @depths NULL: a flat table. @return the error, or "". */
static const char *put(const struct eg_select_options *o, const unsigned *depths, struct seen *seen,
                       struct eg_selected *result)
{
    static struct eg_error e;
    struct eg_select *s;
    struct eg_sink sink;

    *seen = (struct seen){ 0 };
    e.text[0] = 0;
    if (eg_select_open(&s, o, "pslist", columns, depths != NULL, &e) < 0) {
        assert_null(s);
        return e.text;
    }
    sink = eg_select_sink(s, (struct eg_sink){ see, seen });
    for (size_t i = 0; i < countof(rows); i++) {
        struct eg_value copy[N];
        char text[N][16] = { { 0 } };

        // What a row borrows is gone when the next one comes.
        memcpy(copy, rows[i], sizeof copy);
        for (size_t k = 0; k < N; k++)
            if ((copy[k].tag == EG_V_TEXT || copy[k].tag == EG_V_BYTES) && copy[k].bytes.len)
                copy[k].bytes.p = memcpy(text[k], copy[k].bytes.p, copy[k].bytes.len);
        sink.row(sink.context, depths ? depths[i] : 0, copy, N);
        memset(text, 'X', sizeof text);
    }
    eg_select_finish(s);
    if (s && result)
        *result = *eg_select_result(s);
    eg_select_close(s);
    return "";
}

static void expressions(void **state)
{
    static const struct {
        const char *text, *rows;
    } cases[] = {
        { "PID = 20", "bf" },
        { "pid==20", "bf" },
        { "PID = 0x14", "bf" },
        { "PID != 20", "ace" },
        { "PID < 20", "ac" },
        { "PID <= 20", "abcf" },
        { "PID > 20", "e" },
        { "PID >= 20", "bef" },
        { "PID = -3", "c" },
        { "PID < -2", "c" },
        { "PID > -3", "abef" },
        { "PID = 18446744073709551615", "e" },
        { "PID < 18446744073709551615", "abcf" },
        { "PID < 1K", "abcf" },
        { "OFFSET = 0xffff888000001000", "a" },
        { "OFFSET > ffff888000001000", "b" },
        { "OFFSET >= 0xffff888000001000+0x1000", "b" },
        { "OFFSET = 0", "e" },
        { "COMM = sshd", "b" },
        { "COMM = 'sshd'", "b" },
        { "COMM = ''", "e" },
        { "COMM = and", "f" },
        { "COMM < init", "ef" },
        { "COMM ~ ^s", "bc" },
        { "COMM =~ ^s", "bc" },
        { "COMM !~ ^s", "aef" },
        { "COMM ~ (?i)SSH", "b" },
        { "COMM ~ \"^(sshd|init)$\"", "ab" },
        { "(COMM ~ ^(s)(s|x)hd) or PID = 1", "ab" },
        { "PID ~ ^2", "bf" },
        { "OFFSET ~ 2000$", "b" },
        { "START = 2024-10-04", "abc" },
        { "START != 2024-10-04", "ef" },
        { "START > 2024-10-04", "e" },
        { "START >= 2024-10-04", "abce" },
        { "START < 2024-10-04", "f" },
        { "START <= 2024-10-04", "abcf" },
        { "START = 2024-10-04T00:00", "ab" },
        { "START = '2024-10-04 00:00:00.000000001Z'", "b" },
        { "START = 2024-10-04T02:00:00.0+02:00", "ab" },
        { "START < 1970-01-01", "f" },
        { "START ~ T23:59", "c" },
        { "FLAGS = rw-p", "b" },
        { "FLAGS ~ x", "ace" }, // of numbers, too: 0x5
        { "FLAGS = 5", "c" },
        { "FLAGS = 4K", "e" },
        { "ROOT = true", "ae" },
        { "ROOT != yes", "bc" },
        { "ROOT = no", "bc" },
        { "HASH = 7F454c46", "b" },
        { "HASH ~ ^00", "c" },
        { "HASH = ''", "e" },
        { "AGE = 12.345678", "a" },
        { "AGE > 12.345678", "b" },
        { "AGE >= 12.345678", "ab" },
        { "AGE != 12.345678901", "bce" },
        { "AGE = 12.3456789", "" },
        { "AGE > 2", "ab" },
        { "AGE < 0", "c" },
        { "AGE = -0.000002", "c" },
        { "AGE ~ ^12.345", "ab" },
        { "PID is missing", "d" },
        { "PID is not missing", "abcef" },
        { "OFFSET IS MISSING", "df" },
        { "not PID = 20", "ace" },
        { "not OFFSET is missing", "abce" },
        { "not (PID = 20 and COMM = and)", "abce" },
        { "PID = 20 and not COMM = and", "b" },
        { "PID = 1 or PID = 20 and COMM = sshd", "ab" },
        { "(PID = 1 or PID = 20) and COMM = sshd", "b" },
        { "((PID=20)and(COMM~^s))or PID=1", "ab" },
        { "not not PID = 1", "a" },
        { "OFFSET = 1 or PID = 20", "bf" }, // f has no OFFSET: that is not known, and PID decides
        { "not (OFFSET = 1 and PID = 1)", "abcef" },
        { "not (OFFSET = 1 or PID = 1)", "bce" },
    };

    (void)state;
    where_comm = 2;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_select_options o = { .filter = cases[i].text };
        struct eg_selected r;
        struct seen seen;

        assert_string_equal(put(&o, NULL, &seen, &r), "");
        if (strcmp(seen.letters, cases[i].rows) != 0)
            fail_msg("%s: %s instead of %s", cases[i].text, seen.letters, cases[i].rows);
        assert_int_equal(r.rows, countof(rows));
        assert_int_equal(r.matched, strlen(cases[i].rows));
        assert_int_equal(r.shown, r.matched);
        assert_int_equal(r.unknown, 0);
    }
}

static void mistakes(void **state)
{
    static const struct {
        struct eg_select_options o;
        const char *error;
    } cases[] = {
        { { .filter = "" }, "--filter: a column is expected at the end" },
        { { .filter = "  " }, "--filter: a column is expected at the end" },
        { { .filter = "PID" },
          "--filter: one of = != < <= > >= ~ !~, or 'is missing', is expected at the end" },
        { { .filter = "PID =" },
          "--filter: a value (in quotes if it has blanks) is expected at the end" },
        { { .filter = "PID = 1 COMM = x" },
          "--filter: at 'COMM = x': 'and', 'or' or the end is expected" },
        { { .filter = "PID = 1 and" }, "--filter: a column is expected at the end" },
        { { .filter = "(PID = 1" }, "--filter: ')' is expected at the end" },
        { { .filter = "PID = 1)" }, "--filter: at ')': 'and', 'or' or the end is expected" },
        { { .filter = "PID is" }, "--filter: 'missing' is expected at the end" },
        { { .filter = "PID = one" },
          "--filter: PID = 'one': not a number such as 4096, 0x1000, 4K" },
        { { .filter = "PID = 1e3" },
          "--filter: PID = '1e3': not a number such as 4096, 0x1000, 4K" },
        { { .filter = "PID = --1" },
          "--filter: PID = '--1': not a number such as 4096, 0x1000, 4K" },
        { { .filter = "OFFSET = init_task" },
          "--filter: OFFSET = 'init_task': not a number such as 4096, 0x1000, 4K" },
        { { .filter = "START > yesterday" },
          "--filter: START > 'yesterday': not a time: 2026-03-14, 2026-03-14T09:26:53.5Z, "
          "…+01:00" },
        { { .filter = "ROOT = maybe" }, "--filter: ROOT = 'maybe': true or false is expected" },
        { { .filter = "ROOT < true" }, "--filter: ROOT < 'true': only = and != are possible" },
        { { .filter = "PIDD = 1" }, "--filter: pslist has no column 'PIDD'; did you mean PID?" },
        { { .filter = "xyzzy = 1" },
          "--filter: pslist has no column 'xyzzy'; it has PID, OFFSET, COMM, START, FLAGS, ROOT, "
          "HASH, AGE" },
        { { .filter = "AGE > 1h" },
          "--filter: AGE > '1h': not a number of seconds: 12, 12.345678" },
        { { .filter = "COMM = 'ssh" }, "--filter: at ''ssh': the quote does not end" },
        { { .filter = "COMM ~ 'a(b'" },
          "--filter: 'a(b': missing closing parenthesis, at its byte 4" },
        { { .sort = "" }, "--sort: names of columns are expected, with commas between them" },
        { { .sort = "PID,,COMM" },
          "--sort: names of columns are expected, with commas between them" },
        { { .sort = "-" }, "--sort: names of columns are expected, with commas between them" },
        { { .sort = "PID,COM" }, "--sort: pslist has no column 'COM'; did you mean COMM?" },
        { { .columns = "PID," },
          "--columns: names of columns are expected, with commas between them" },
        { { .columns = "PID,pid" }, "--columns: PID is there twice" },
        { { .columns = "-PID" }, "--columns: pslist has no column '-PID'; did you mean PID?" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct seen seen;

        assert_string_equal(put(&cases[i].o, NULL, &seen, NULL), cases[i].error);
    }
}

/* A backslash stands before the same quote only. */
static void quotes(void **state)
{
    static const struct eg_column one[] = { { "T", EG_COL_TEXT, "" }, { NULL, EG_COL_INT, NULL } };
    static const struct {
        const char *text, *value;
    } cases[] = {
        { "T = 'a\\'b'", "a'b" },     { "T = \"a'b\"", "a'b" },     { "T = 'a\\b'", "a\\b" },
        { "T = \"a\\\"b\"", "a\"b" }, { "T = 'a\\\"b'", "a\\\"b" }, { "T = a\\b", "a\\b" },
        { "T ~ '^a\\.b$'", "a.b" },   { "T = =x", "=x" },
    };

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_value v = {
            .tag = EG_V_TEXT, .bytes = { (const uint8_t *)cases[i].value, strlen(cases[i].value) }
        };
        struct eg_filter *f;
        uint64_t unknown = 0;

        assert_int_equal(eg_filter_open(&f, cases[i].text, "x", one, NULL, NULL), 0);
        if (!eg_filter_match(f, &v, &unknown))
            fail_msg("%s does not match %s", cases[i].text, cases[i].value);
        eg_filter_close(f);
    }
}

static char *repeated(const char *what, size_t n, const char *end)
{
    char *s = malloc(strlen(what) * n + strlen(end) + 1), *at = s;

    for (size_t i = 0; i < n; i++)
        at = stpcpy(at, what);
    strcpy(at, end);
    return s;
}

/* Depth, length, number of parts and steps are bounded. */
static void hostile(void **state)
{
    static const struct {
        const char *what;
        size_t n;
        const char *end, *error;
    } cases[] = {
        { "(", 100000, "PID=1", "--filter: longer than 65536 bytes" },
        { "(", 60000, "PID=1", "--filter: more than 100 levels" },
        { "not ", 15000, "PID=1", "--filter: more than 100 levels" },
        { "PID=1 or ", 7000, "PID=1", "--filter: more than 1000 parts" },
        { "PID=1 or ", 490, "PID=1", "" },
        { "((PID=20)) and ", 300, "PID=20", "" },
        { "COMM ~ (a", 1, "", "--filter: '(a': missing closing parenthesis, at its byte 3" },
    };
    const struct eg_select_options slow = { .filter = "T ~ '^(a+)+$' or T = b" };
    static const struct eg_column one[] = { { "T", EG_COL_TEXT, "" }, { NULL, EG_COL_INT, NULL } };
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
    const struct eg_value v = { .tag = EG_V_TEXT,
                                .bytes = { (const uint8_t *)text, sizeof text - 1 } };
    struct seen seen = { 0 };
    struct eg_select *s;
    struct eg_sink sink;

    (void)state;
    where_comm = 2;
    for (size_t i = 0; i < countof(cases); i++) {
        char *filter = repeated(cases[i].what, cases[i].n, cases[i].end);
        const struct eg_select_options o = { .filter = filter };

        assert_string_equal(put(&o, NULL, &seen, NULL), cases[i].error);
        free(filter);
    }
    assert_int_equal(eg_select_open(&s, &slow, "x", one, false, NULL), 0);
    sink = eg_select_sink(s, (struct eg_sink){ see, &seen });
    seen.n = 0;
    sink.row(sink.context, 0, &v, 1);
    eg_select_finish(s);
    assert_int_equal(seen.n, 0);
    assert_int_equal(eg_select_result(s)->unknown, 1);
    eg_select_close(s);
}

static void orders(void **state)
{
    static const struct {
        const char *sort, *rows;
    } cases[] = {
        { "PID", "cabfed" },
        { "-PID", "ebfacd" },
        { "OFFSET", "ecabdf" },
        { "-OFFSET", "baced"
                     "f" },
        { "COMM", "efabcd" },
        { "START", "fabced" },
        { "-START", "ecbafd" },
        { "FLAGS", "ceabdf" },
        { "-FLAGS", "baecdf" },
        { "ROOT", "bcaedf" },
        { "-ROOT", "aebcdf" },
        { "pid,-comm", "cabfed" },
        { "PID,COMM", "cafbed" },
        { "HASH", "ecbadf" },
    };

    (void)state;
    where_comm = 2;
    for (size_t i = 0; i < countof(cases); i++) {
        const struct eg_select_options o = { .sort = cases[i].sort };
        struct seen seen;

        assert_string_equal(put(&o, NULL, &seen, NULL), "");
        if (strcmp(seen.letters, cases[i].rows) != 0)
            fail_msg("%s: %s instead of %s", cases[i].sort, seen.letters, cases[i].rows);
    }
}

static void choices(void **state)
{
    static const unsigned depths[] = { 0, 1, 2, 1, 2, 1 }; // a (b (c) d (e) f)
    static const struct {
        struct eg_select_options o;
        const char *rows, *summary;
        bool tree;
    } cases[] = {
        { { .limit = 2, .limited = true }, "ab", "the first 2 of 6 rows are shown", false },
        { { .limit = 0, .limited = true }, "", "the first 0 of 6 rows are shown", false },
        { { .limit = 6, .limited = true }, "abcdef", NULL, false },
        { { .limit = 2, .limited = true, .sort = "-PID" },
          "eb",
          "the first 2 of 6 rows are shown",
          false },
        { { .limit = 1, .limited = true, .filter = "PID = 20" },
          "b",
          "2 of 6 rows match, the first 1 are shown",
          false },
        { { .limit = 1, .limited = true, .filter = "PID = 20", .sort = "COMM" },
          "f",
          "2 of 6 rows match, the first 1 are shown",
          false },
        { { .filter = "PID > 0" }, "abef", "4 of 6 rows match", false },
        { { .filter = "PID is not missing or PID is missing" },
          "abcdef",
          "6 of 6 rows match",
          false },
        // Trees: with their ancestors, once.
        { { .filter = "COMM = s\xffh" },
          "abc",
          "1 of 6 rows match; also shown: 2 ancestors",
          true },
        { { .filter = "PID = -3 or PID > 20" },
          "abcde",
          "2 of 6 rows match; also shown: 3 ancestors",
          true },
        { { .filter = "PID = 1 or COMM = and" }, "af", "2 of 6 rows match", true },
        { { .filter = "PID > 20", .limit = 0, .limited = true },
          "",
          "1 of 6 rows match, the first 0 are shown",
          true },
        { { .filter = "PID = -3 or PID > 20", .sort = "-PID" }, "ec", "2 of 6 rows match", true },
    };

    (void)state;
    where_comm = 2;
    for (size_t i = 0; i < countof(cases); i++) {
        struct eg_result_head h = { .columns = columns, .n_columns = N, .tree = cases[i].tree };
        struct eg_select *s;
        struct eg_sink sink;
        struct seen seen = { 0 };
        char text[160];
        const char *summary;

        assert_int_equal(eg_select_open(&s, &cases[i].o, "pslist", columns, cases[i].tree, NULL),
                         0);
        eg_select_head(s, &h);
        assert_int_equal(h.tree, cases[i].tree && !cases[i].o.sort);
        sink = eg_select_sink(s, (struct eg_sink){ see, &seen });
        for (size_t k = 0; k < countof(rows); k++)
            sink.row(sink.context, cases[i].tree ? depths[k] : 0, rows[k], N);
        eg_select_finish(s);
        if (strcmp(seen.letters, cases[i].rows) != 0)
            fail_msg("case %zu: %s instead of %s", i, seen.letters, cases[i].rows);
        for (size_t k = 0; k < seen.n; k++)
            assert_int_equal(seen.depths[k], h.tree ? depths[seen.letters[k] - 'a'] : 0);
        summary = eg_select_summary(s, text);
        if (cases[i].summary)
            assert_string_equal(summary ? summary : "(none)", cases[i].summary);
        else
            assert_null(summary);
        eg_select_close(s);
    }
}

/* A selection that asks for nothing is none. */
static void nothing(void **state)
{
    const struct eg_select_options o = { 0 };
    struct eg_select *s;
    struct seen seen = { 0 };
    struct eg_sink sink;

    (void)state;
    assert_int_equal(eg_select_open(&s, &o, "pslist", columns, false, NULL), 0);
    assert_null(s);
    sink = eg_select_sink(s, (struct eg_sink){ see, &seen });
    assert_ptr_equal(sink.context, &seen);
    eg_select_finish(s);
    eg_select_close(s);
}

static void fewer_columns(void **state)
{
    const struct eg_select_options o = { .columns = "comm,OFFSET", .filter = "PID = 20" };
    struct eg_result_head h = { .columns = columns, .n_columns = N };
    struct eg_select *s;
    struct seen seen;

    (void)state;
    where_comm = 0;
    assert_string_equal(put(&o, NULL, &seen, NULL), "");
    assert_string_equal(seen.letters, "bf");
    assert_int_equal(seen.cells, 2);
    assert_int_equal(eg_select_open(&s, &o, "pslist", columns, false, NULL), 0);
    eg_select_head(s, &h);
    assert_int_equal(h.n_columns, 2);
    assert_string_equal(h.columns[0].name, "COMM");
    assert_string_equal(h.columns[1].name, "OFFSET");
    assert_int_equal(h.columns[1].shown, 0); // what was asked for is not left out
    assert_null(h.columns[2].name);
    eg_select_close(s);
}

/* With a limit, rows that it leaves out are let go of: the right ones. */
static void many_rows(void **state)
{
    const struct eg_select_options o = { .sort = "-PID", .limit = 3, .limited = true };
    struct eg_value v[N];
    struct eg_select *s;
    struct seen seen = { 0 };
    struct eg_sink sink;

    (void)state;
    where_comm = 2;
    memcpy(v, rows[1], sizeof v);
    assert_int_equal(eg_select_open(&s, &o, "pslist", columns, false, NULL), 0);
    sink = eg_select_sink(s, (struct eg_sink){ see, &seen });
    for (int64_t i = 0; i < 100000; i++) {
        v[0].i = i * 7919 % 100003;
        v[2] = rows[i % 3][2];
        sink.row(sink.context, 0, v, N);
    }
    eg_select_finish(s);
    assert_int_equal(seen.n, 3);
    assert_int_equal(eg_select_result(s)->shown, 3);
    // The three greatest of i * 7919 mod 100003, and the letters that i mod 3 gave them.
    {
        int64_t best[3] = { -1, -1, -1 }, at[3] = { 0 };
        char expected[4] = { 0 };

        for (int64_t i = 0; i < 100000; i++)
            for (int k = 0; k < 3; k++)
                if (i * 7919 % 100003 > best[k]) {
                    for (int m = 2; m > k; m--) {
                        best[m] = best[m - 1];
                        at[m] = at[m - 1];
                    }
                    best[k] = i * 7919 % 100003;
                    at[k] = i;
                    break;
                }
        for (int k = 0; k < 3; k++)
            expected[k] = (char)('a' + at[k] % 3);
        assert_string_equal(seen.letters, expected);
    }
    eg_select_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions), cmocka_unit_test(mistakes),  cmocka_unit_test(quotes),
        cmocka_unit_test(hostile),     cmocka_unit_test(orders),    cmocka_unit_test(choices),
        cmocka_unit_test(nothing),     cmocka_unit_test(many_rows), cmocka_unit_test(fewer_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
