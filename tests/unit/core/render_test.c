/* render_test.c - the same rows in every format, to the byte. */
#include "check.h"
#include "table.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const struct eg_column columns[] = {
    { "OFFSET", EG_COL_ADDR, "where" },  { "PID", EG_COL_INT, "which" },
    { "COMM", EG_COL_TEXT, "\"name\"" }, { "SIZE", EG_COL_BIG, "bytes" },
    { "TIME", EG_COL_TIME, "when" },     { NULL, EG_COL_INT, NULL },
};
static const char *const args[] = { "pid=1", NULL };
static const struct eg_result_head flat = { "pslist", columns, 5, false, args };
static const struct eg_result_head tree = { "pstree", columns, 5, true, NULL };
static const struct eg_provenance from = { .tool = "engram 1",
                                           .image = "a\xff.lime",
                                           .image_size = 4096,
                                           .notes = (const char *const[]){ "cut", NULL } };

#define INT_(v)                                                                                    \
    {                                                                                              \
        .tag = EG_V_INT, .i = v                                                                    \
    }
#define UINT_(v)                                                                                   \
    {                                                                                              \
        .tag = EG_V_UINT, .u = v                                                                   \
    }
#define TEXT_(s)                                                                                   \
    {                                                                                              \
        .tag = EG_V_TEXT, .bytes = {(const uint8_t *)s, sizeof s - 1 }                             \
    }
#define BAD_(w, at)                                                                                \
    {                                                                                              \
        .tag = EG_V_BAD, .why = w, .u = at                                                         \
    }
#define NONE_                                                                                      \
    {                                                                                              \
        .tag = EG_V_NONE                                                                           \
    }

static const struct eg_value rows[][5] = {
    { UINT_(0xffff0010), INT_(1), TEXT_("init"), UINT_(UINT64_MAX), INT_(0) },
    { UINT_(0x20), INT_(-2), TEXT_("=cmd|'x',\"y\""), BAD_(EG_NULL, 0), NONE_ },
    { UINT_(0x30), UINT_(UINT64_C(1) << 60), TEXT_("\x1b[2J\xff"), NONE_,
      BAD_(EG_NOT_PRESENT, 0xdead000) },
    { UINT_(0), INT_(3), TEXT_("-\xe2\x80\xae\xc3\xa4"), INT_(0), NONE_ },
};
static const unsigned depths[] = { 0, 1, 2, 1 };
static const char *const notes[] = { "list: broken \x1b", NULL };

static void render(const char *name, const struct eg_result_head *h, const char *error,
                   const char *expected)
{
    const struct eg_renderer *r = eg_renderer_find(name);
    char *out;
    size_t len;
    FILE *f = open_memstream(&out, &len);
    void *state;

    assert_non_null(r);
    state = calloc(1, r->state + 1);
    r->begin(state, f, &from);
    r->head(state, f, h);
    for (size_t i = 0; i < countof(rows); i++)
        r->row(state, f, h, h->tree ? depths[i] : 0, rows[i]);
    r->tail(state, f, h, notes, error);
    r->end(state, f);
    fclose(f);
    assert_string_equal(out, expected);
    free(out);
    free(state);
}

static void text(void **state)
{
    (void)state;
    render("text", &flat, "it failed",
           "    OFFSET                  PID  COMM                            SIZE  TIME\n"
           "0xffff0010                    1  init            18446744073709551615  "
           "1970-01-01T00:00:00Z\n"
           "      0x20                   -2  =cmd|'x',\"y\"                       -\n"
           "      0x30  1152921504606846976  \\x1b[2J\\xff                           -\n"
           "       0x0                    3  -\\xe2\\x80\\xae\xc3\xa4                     0\n"
           "note: list: broken \\x1b\n"
           "error: it failed\n");
}

static void text_tree(void **state)
{
    (void)state;
    render("text", &tree, NULL,
           "    OFFSET                  PID  COMM                               SIZE  TIME\n"
           "0xffff0010                    1  init               18446744073709551615  "
           "1970-01-01T00:00:00Z\n"
           "      0x20                   -2  \\_ =cmd|'x',\"y\"                       -\n"
           "      0x30  1152921504606846976    \\_ \\x1b[2J\\xff                         -\n"
           "       0x0                    3  \\_ -\\xe2\\x80\\xae\xc3\xa4                     0\n"
           "note: list: broken \\x1b\n");
}

static void pretty(void **state)
{
    (void)state;
    render(
        "pretty", &tree, "it failed",
        "    |     OFFSET |                 PID |           COMM |                 SIZE |         "
        "        TIME\n"
        "*   | 0xffff0010 |                   1 |           init | 18446744073709551615 | "
        "1970-01-01T00:00:00Z\n"
        "**  |       0x20 |                  -2 |   =cmd|'x',\"y\" |                    - |        "
        " "
        "            \n"
        "*** |       0x30 | 1152921504606846976 |    \\x1b[2J\\xff |                      |        "
        " "
        "           -\n"
        "**  |        0x0 |                   3 | -\\xe2\\x80\\xae\xc3\xa4 |                    0 "
        "| "
        "                    \n"
        "note: list: broken \\x1b\n"
        "error: it failed\n");
}

/** More rows than are held back: none is lost. */
static void pretty_streams(void **state)
{
    const struct eg_renderer *r = eg_renderer_find("pretty");
    void *s = calloc(1, r->state + 1);
    size_t len, lines = 0;
    char *out;
    FILE *f = open_memstream(&out, &len);

    (void)state;
    r->begin(s, f, &from);
    r->head(s, f, &flat);
    for (int i = 0; i < 20000; i++)
        r->row(s, f, &flat, 0, rows[0]);
    r->tail(s, f, &flat, NULL, NULL);
    fclose(f);
    for (const char *p = out; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 20001);
    free(out);
    free(s);
}

#define PROVENANCE                                                                                 \
    "\"schema\":2,\"tool\":\"engram 1\",\"image\":\"a\\\\xff.lime\",\"format\":null,"              \
    "\"sha256\":null,\"os\":null,\"kernel\":null,\"found_by\":null,\"profile\":null,"              \
    "\"build_id\":null,\"image_size\":4096,\"notes\":[\"cut\"]"
#define ROW_1                                                                                      \
    "\"OFFSET\":\"0xffff0010\",\"PID\":1,\"COMM\":\"init\",\"SIZE\":\"18446744073709551615\","     \
    "\"TIME\":\"1970-01-01T00:00:00Z\"}"
#define ROW_2                                                                                      \
    "\"OFFSET\":\"0x20\",\"PID\":-2,\"COMM\":\"=cmd|'x',\\\"y\\\"\",\"SIZE\":null,"                \
    "\"SIZE_why\":\"null pointer\",\"TIME\":null}"
#define ROW_3                                                                                      \
    "\"OFFSET\":\"0x30\",\"PID\":\"1152921504606846976\",\"COMM\":\"\\\\x1b[2J\\\\xff\","          \
    "\"COMM_raw\":\"1b5b324aff\",\"SIZE\":null,\"TIME\":null,"                                     \
    "\"TIME_why\":\"not mapped at 0xdead000\"}"
#define ROW_4                                                                                      \
    "\"OFFSET\":\"0x0\",\"PID\":3,\"COMM\":\"-\\u202e\xc3\xa4\",\"SIZE\":\"0\",\"TIME\":null}"

static void json(void **state)
{
    (void)state;
    render("json", &flat, NULL,
           "{" PROVENANCE ",\"results\":[\n"
           "{\"plugin\":\"pslist\",\"args\":[\"pid=1\"],\"columns\":["
           "{\"name\":\"OFFSET\",\"type\":\"addr\",\"help\":\"where\"},"
           "{\"name\":\"PID\",\"type\":\"int\",\"help\":\"which\"},"
           "{\"name\":\"COMM\",\"type\":\"text\",\"help\":\"\\\"name\\\"\"},"
           "{\"name\":\"SIZE\",\"type\":\"big\",\"help\":\"bytes\"},"
           "{\"name\":\"TIME\",\"type\":\"time\",\"help\":\"when\"}],\"rows\":[\n"
           "{" ROW_1 ",\n{" ROW_2 ",\n{" ROW_3 ",\n{" ROW_4
           "],\"notes\":[\"list: broken \\u001b\"],\"error\":null}\n]}\n");
}

/** A number that a double cannot hold is a string; a duration is a number of seconds. */
static void json_numbers(void **state)
{
    static const struct {
        struct eg_value v;
        const char *text;
        enum eg_column_kind kind;
    } cases[] = {
        { INT_(-1500000), "-0.001500", EG_COL_DURATION },
        { UINT_(12345678901), "12.345678", EG_COL_DURATION },
        { INT_(INT64_C(1) << 53), "9007199254740992" },
        { INT_((INT64_C(1) << 53) + 1), "\"9007199254740993\"" },
        { INT_(-(INT64_C(1) << 53)), "-9007199254740992" },
        { INT_(-(INT64_C(1) << 53) - 1), "\"-9007199254740993\"" },
        { UINT_(UINT64_MAX), "\"18446744073709551615\"" },
        { INT_(INT64_MIN), "\"-9223372036854775808\"" },
    };
    struct eg_column one[] = { { "N", EG_COL_INT, "" }, { NULL, EG_COL_INT, NULL } };
    const struct eg_result_head h = { "x", one, 1, false, NULL };
    const struct eg_renderer *r = eg_renderer_find("jsonl");

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char *out, expected[128];
        size_t len;
        FILE *f = open_memstream(&out, &len);

        one[0].kind = cases[i].kind ? cases[i].kind : EG_COL_INT;
        r->row(NULL, f, &h, 0, &cases[i].v);
        fclose(f);
        snprintf(expected, sizeof expected, "{\"plugin\":\"x\",\"N\":%s}\n", cases[i].text);
        assert_string_equal(out, expected);
        free(out);
    }
}

static void jsonl(void **state)
{
    (void)state;
    render("jsonl", &tree, "bad",
           "{" PROVENANCE "}\n"
           "{\"plugin\":\"pstree\",\"depth\":0," ROW_1 "\n"
           "{\"plugin\":\"pstree\",\"depth\":1," ROW_2 "\n"
           "{\"plugin\":\"pstree\",\"depth\":2," ROW_3 "\n"
           "{\"plugin\":\"pstree\",\"depth\":1," ROW_4 "\n"
           "{\"plugin\":\"pstree\",\"note\":\"list: broken \\u001b\"}\n"
           "{\"plugin\":\"pstree\",\"error\":\"bad\"}\n");
}

static void csv(void **state)
{
    (void)state;
    render("csv", &flat, NULL,
           "OFFSET,PID,COMM,SIZE,TIME\n"
           "0xffff0010,1,init,18446744073709551615,1970-01-01T00:00:00Z\n"
           "0x20,-2,\"'=cmd|'x',\"\"y\"\"\",-,\n"
           "0x30,1152921504606846976,\\x1b[2J\\xff,,-\n"
           "0x0,3,'-\\xe2\\x80\\xae\xc3\xa4,0,\n");
}

/** More rows than are held back: the widths stay, the later rows stream. */
static void text_streams(void **state)
{
    const struct eg_renderer *r = eg_renderer_find("text");
    struct eg_value v[5] = { UINT_(1), INT_(1), TEXT_("x"), NONE_, NONE_ };
    void *s = calloc(1, r->state);
    size_t len, lines = 0;
    char *out;
    FILE *f = open_memstream(&out, &len);

    (void)state;
    r->begin(s, f, &from);
    r->head(s, f, &flat);
    for (int i = 0; i < 600; i++) {
        v[1].i = i;
        r->row(s, f, &flat, 0, v);
        if (i == 300) {
            fflush(f);
            assert_true(len > 300 * 10);
        }
    }
    r->tail(s, f, &flat, NULL, NULL);
    r->end(s, f);
    fclose(f);
    for (const char *p = out; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 601);
    assert_non_null(strstr(out, "   0x1  599  x\n"));
    free(out);
    free(s);
}

/** Two results: each has a title; json separates them. */
static void several(void **state)
{
    static const char *const expected[][2] = {
        { "text", "== pslist ==\nOFFSET  PID  COMM  SIZE  TIME\n\n"
                  "== pstree ==\nOFFSET  PID  COMM  SIZE  TIME\n" },
        { "csv", "OFFSET,PID,COMM,SIZE,TIME\ndepth,OFFSET,PID,COMM,SIZE,TIME\n" },
    };
    const struct eg_provenance two = { .n_results = 2 };

    (void)state;
    for (size_t i = 0; i < countof(expected); i++) {
        const struct eg_renderer *r = eg_renderer_find(expected[i][0]);
        void *s = calloc(1, r->state + 1);
        size_t len;
        char *out;
        FILE *f = open_memstream(&out, &len);

        r->begin(s, f, &two);
        r->head(s, f, &flat);
        r->tail(s, f, &flat, NULL, NULL);
        r->head(s, f, &tree);
        r->tail(s, f, &tree, NULL, NULL);
        r->end(s, f);
        fclose(f);
        assert_string_equal(out, expected[i][1]);
        free(out);
        free(s);
    }
}

/* ---- a choice of rows ---- */

static void chosen(void **state)
{
    static const struct eg_selected selected = {
        .rows = 106, .matched = 12, .shown = 5, .above = 2
    };
    static const char *const choice[] = { "filter=PID > 1", "limit=5", NULL };
    const struct eg_result_head h = { .plugin = "pslist",
                                      .columns = columns,
                                      .n_columns = 5,
                                      .args = choice,
                                      .selected = &selected };
    static const char *const expected[][2] = {
        { "jsonl", "{\"plugin\":\"pslist\",\"args\":[\"filter=PID > 1\",\"limit=5\"]}\n"
                   "{\"plugin\":\"pslist\"," ROW_1 "\n"
                   "{\"plugin\":\"pslist\",\"selected\":{\"rows\":106,\"matched\":12,"
                   "\"shown\":5,\"ancestors\":2}}\n" },
        { "json", "],\"selected\":{\"rows\":106,\"matched\":12,\"shown\":5,\"ancestors\":2},"
                  "\"notes\":[],\"error\":null}" },
    };

    (void)state;
    for (size_t i = 0; i < countof(expected); i++) {
        const struct eg_renderer *r = eg_renderer_find(expected[i][0]);
        void *s = calloc(1, r->state + 1);
        size_t len;
        char *out;
        FILE *f = open_memstream(&out, &len);

        r->head(s, f, &h);
        r->row(s, f, &h, 0, rows[0]);
        r->tail(s, f, &h, NULL, NULL);
        fclose(f);
        if (!strstr(out, expected[i][1]))
            fail_msg("%s", out);
        free(out);
        free(s);
    }
}

/** Times for people are in the zone; those of json stay in UTC. */
static void zone(void **state)
{
    static const struct eg_zone east = { .offset = 19800 };
    static const struct eg_column one[] = { { "T", EG_COL_TIME, "" }, { NULL, EG_COL_INT, NULL } };
    const struct eg_result_head h = {
        .plugin = "x", .columns = one, .n_columns = 1, .zone = &east
    };
    static const char *const expected[][2] = {
        { "text", "T\n1970-01-01T05:30:00+05:30\n" },
        { "csv", "T\n1970-01-01T05:30:00+05:30\n" },
        { "jsonl", "{\"plugin\":\"x\",\"T\":\"1970-01-01T00:00:00Z\"}\n" },
    };
    const struct eg_value v = INT_(0);

    (void)state;
    for (size_t i = 0; i < countof(expected); i++) {
        const struct eg_renderer *r = eg_renderer_find(expected[i][0]);
        void *s = calloc(1, r->state + 1);
        size_t len;
        char *out;
        FILE *f = open_memstream(&out, &len);

        r->head(s, f, &h);
        r->row(s, f, &h, 0, &v);
        r->tail(s, f, &h, NULL, NULL);
        fclose(f);
        assert_string_equal(out, expected[i][1]);
        free(out);
        free(s);
    }
}

/* ---- a terminal ---- */

#define LONG "a-line-of-the-log-that-is-sixty-bytes-long-and-has-no-blank."
static const struct eg_column wide_columns[] = {
    { "OFFSET", EG_COL_ADDR, "", EG_MINOR },
    { "PID", EG_COL_INT, "" },
    { "TIME", EG_COL_TIME, "" },
    { "COMM", EG_COL_TEXT, "" },
    { "KIND", EG_COL_TEXT, "", EG_MINOR },
    { "LINE", EG_COL_TEXT, "" },
    { NULL, EG_COL_INT, NULL },
};
static const struct eg_value wide_rows[][6] = {
    { UINT_(0xffff888000001000), INT_(1), INT_(1234567890), TEXT_("init"), TEXT_("kern"),
      TEXT_(LONG) },
    { UINT_(0xffff888000002000), INT_(20), BAD_(EG_NULL, 0), TEXT_("sshd"), NONE_, TEXT_("x") },
};

/* What a terminal of so many columns is given. */
static void table_on_terminal(unsigned short screen, const struct eg_result_head *h,
                              const struct eg_value *values, char *out, size_t size)
{
    const struct eg_renderer *r = eg_renderer_find("text");
    struct winsize w = { .ws_row = 24, .ws_col = screen };
    void *s = calloc(1, r->state);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct termios raw;
    ssize_t n = 0, got;
    FILE *f;

    assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
    f = fdopen(open(ptsname(master), O_RDWR | O_NOCTTY), "r+");
    assert_non_null(f);
    assert_int_equal(tcgetattr(fileno(f), &raw), 0);
    cfmakeraw(&raw);
    tcsetattr(fileno(f), TCSANOW, &raw);
    assert_int_equal(ioctl(fileno(f), TIOCSWINSZ, &w), 0);
    r->begin(s, f, &(struct eg_provenance){ 0 });
    r->head(s, f, h);
    for (size_t i = 0; i < 2; i++)
        r->row(s, f, h, 0, values + i * h->n_columns);
    r->tail(s, f, h, (const char *[]){ "n", NULL }, NULL);
    fflush(f);
    fcntl(master, F_SETFL, O_NONBLOCK);
    while ((got = read(master, out + n, size - 1 - (size_t)n)) > 0)
        n += got;
    out[n] = 0;
    fclose(f);
    close(master);
    free(s);
}

static void on_terminal(unsigned short screen, bool wide, char *out, size_t size)
{
    const struct eg_result_head h = {
        .plugin = "x", .columns = wide_columns, .n_columns = 6, .wide = wide
    };

    table_on_terminal(screen, &h, wide_rows[0], out, size);
}

/** What is given up first is worth least: fractions, minor columns, the ends of texts. */
static void text_fitted(void **state)
{
    static const struct {
        unsigned short screen;
        bool wide;
        const char *text;
    } cases[] = {
        { 80, true,
          "            OFFSET  PID  TIME                           COMM  KIND  LINE\n"
          "0xffff888000001000    1  1970-01-01T00:00:01.23456789Z  init  kern  " LONG "\n"
          "0xffff888000002000   20  -                              sshd        x\n" },
        { 200, false,
          "            OFFSET  PID  TIME                           COMM  KIND  LINE\n"
          "0xffff888000001000    1  1970-01-01T00:00:01.23456789Z  init  kern  " LONG "\n"
          "0xffff888000002000   20  -                              sshd        x\n" },
        { 119, false,
          "            OFFSET  PID  TIME                  COMM  KIND  LINE\n"
          "0xffff888000001000    1  1970-01-01T00:00:01Z  init  kern  " LONG "\n"
          "0xffff888000002000   20  -                     sshd        x\n" },
        { 106, false,
          "            OFFSET  PID  TIME                  COMM  LINE\n"
          "0xffff888000001000    1  1970-01-01T00:00:01Z  init  "
          "a-line-of-the-log-that-is-sixty-bytes-long-and-has-n\u2026\n"
          "0xffff888000002000   20  -                     sshd  x\n"
          "left out to fit the terminal: KIND (--wide shows all)\n" },
        { 80, false,
          "PID  TIME                  COMM  LINE\n"
          "  1  1970-01-01T00:00:01Z  init  a-line-of-the-log-that-is-sixty-bytes-long-and\u2026\n"
          " 20  -                     sshd  x\n"
          "left out to fit the terminal: OFFSET, KIND (--wide shows all)\n" },
        { 20, false,
          "PID  TIME                  COMM  LINE\n"
          "  1  1970-01-01T00:00:01Z  init  a-line-of-t\u2026\n"
          " 20  -                     sshd  x\n"
          "left out to fit the terminal: OFFSET, KIND (--wide shows all)\n" },
    };

    (void)state;
    unsetenv("COLUMNS");
    setenv("NO_COLOR", "1", 1);
    for (size_t i = 0; i < countof(cases); i++) {
        char out[2000];

        on_terminal(cases[i].screen, cases[i].wide, out, sizeof out);
        assert_int_equal(strncmp(out, cases[i].text, strlen(cases[i].text)), 0);
        assert_string_equal(out + strlen(cases[i].text), "note: n\n");
    }
}

/** An address is never cut: it takes the blanks behind it. A lone column of lines is the text. */
static void text_whole(void **state)
{
    static const struct eg_column whole[] = { { "ADDR", EG_COL_TEXT, "", EG_WHOLE },
                                              { "PORT", EG_COL_INT, "" },
                                              { "COMM", EG_COL_TEXT, "" },
                                              { NULL, EG_COL_INT, NULL } };
    static const struct eg_column lines[] = { { "LINE", EG_COL_TEXT, "", EG_LINES },
                                              { "N", EG_COL_INT, "" },
                                              { NULL, EG_COL_INT, NULL } };
    const struct eg_value addresses[] = {
        TEXT_("fe80::44a8:c4ff:fe04:271b"), INT_(7), TEXT_("x"), TEXT_("::1"), INT_(65535),
        TEXT_("a-long-name-of-it")
    };
    const struct eg_value text[] = { TEXT_(LONG), TEXT_("COMMIT") };
    const struct eg_value both[] = { TEXT_("a"), INT_(1), TEXT_("b"), INT_(2) };
    struct eg_result_head h = { .plugin = "x", .columns = whole, .n_columns = 3 };
    char out[2000];

    (void)state;
    unsetenv("COLUMNS");
    setenv("NO_COLOR", "1", 1);
    table_on_terminal(33, &h, addresses, out, sizeof out);
    assert_string_equal(out, "ADDR           PORT  COMM\n"
                             "fe80::44a8:c4ff:fe04:271b  7  x\n"
                             "::1           65535  a-long-name\u2026\n"
                             "note: n\n");
    h = (struct eg_result_head){ .plugin = "x", .columns = lines, .n_columns = 1 };
    table_on_terminal(20, &h, text, out, sizeof out);
    assert_string_equal(out, LONG "\nCOMMIT\n# note: n\n");
    h.n_columns = 2;
    table_on_terminal(20, &h, both, out, sizeof out);
    assert_string_equal(out, "LINE  N\na     1\nb     2\nnote: n\n");
}

/** A list is cut wherever it goes, but for --wide. */
static void text_list(void **state)
{
    static const struct eg_column list[] = { { "PIDS", EG_COL_TEXT, "", EG_LIST },
                                             { "N", EG_COL_INT, "" },
                                             { NULL, EG_COL_INT, NULL } };
    const struct eg_value v[] = { TEXT_(LONG), INT_(9) };
    const struct eg_renderer *r = eg_renderer_find("text");

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        const struct eg_result_head h = {
            .plugin = "x", .columns = list, .n_columns = 2, .wide = wide
        };
        void *s = calloc(1, r->state);
        size_t len;
        char *out;
        FILE *f = open_memstream(&out, &len);

        r->head(s, f, &h);
        r->row(s, f, &h, 0, v);
        r->tail(s, f, &h, NULL, NULL);
        fclose(f);
        assert_non_null(strstr(out, wide ? LONG "  9\n"
                                         : "a-line-of-the-log-that-is-sixty-bytes-l\u2026  9\n"));
        free(out);
        free(s);
    }
}

static void all_are_there(void **state)
{
    static const char *const names[] = { "body",   "csv",  "json",      "jsonl",
                                         "pretty", "text", "timesketch" };
    const struct eg_renderer_reg *r;
    size_t i = 0;

    (void)state;
    for (; (r = eg_renderer_nth(i)); i++)
        assert_string_equal(r->name, names[i]);
    assert_int_equal(i, countof(names));
    assert_null(eg_renderer_find("xml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),          cmocka_unit_test(text_tree),
        cmocka_unit_test(pretty),        cmocka_unit_test(pretty_streams),
        cmocka_unit_test(json),          cmocka_unit_test(jsonl),
        cmocka_unit_test(json_numbers),  cmocka_unit_test(csv),
        cmocka_unit_test(text_streams),  cmocka_unit_test(several),
        cmocka_unit_test(all_are_there), cmocka_unit_test(chosen),
        cmocka_unit_test(zone),          cmocka_unit_test(text_fitted),
        cmocka_unit_test(text_whole),    cmocka_unit_test(text_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
