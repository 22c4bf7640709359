/* times_test.c - the formats that write times and nothing else: body, timesketch. */
#include "check.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>

static const struct eg_provenance from = { .tool = "engram 1", .image = "a.lime" };
static const char *const notes[] = { "list: broken", NULL };

#define INT_(v)                                                                                    \
    {                                                                                              \
        .tag = EG_V_INT, .i = v                                                                    \
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

static char *rendered(const char *name, const struct eg_result_head *h, const struct eg_value *v,
                      size_t n)
{
    const struct eg_renderer *r = eg_renderer_find(name);
    void *s = calloc(1, r->state);
    char *out;
    size_t len;
    FILE *f = open_memstream(&out, &len);

    r->begin(s, f, &from);
    r->head(s, f, h);
    for (size_t i = 0; i < n; i++)
        r->row(s, f, h, 0, v + i * h->n_columns);
    r->tail(s, f, h, notes, NULL);
    r->end(s, f);
    fclose(f);
    free(s);
    return out;
}

static void times_only(void **state)
{
    static const struct eg_column two[] = { { "CREATION_TIME", EG_COL_TIME, "" },
                                            { "COMM", EG_COL_TEXT, "" },
                                            { "Seen", EG_COL_TIME, "" },
                                            { NULL, EG_COL_INT, NULL } };
    static const struct eg_result_head h = { "pslist", two, 3, false, NULL };
    static const struct eg_value v[][3] = {
        { INT_(INT64_C(1500000000000)), TEXT_("a|b\n"), INT_(-1) },
        { NONE_, TEXT_("no time"), BAD_(EG_NULL, 0) },
        { TEXT_("soon"), TEXT_("x"), INT_(INT64_C(5000000000)) }, // words where a time should be
        { TEXT_("soon"), NONE_, TEXT_("never") },
    };
    static const char *const names[] = { "body", "timesketch" };
    static const char *const expected[] = {
        "0|pslist CREATION_TIME: COMM=a\\x7cb\\x0a|0|0|0|0|0|0|0|0|1500\n"
        "0|pslist Seen: COMM=a\\x7cb\\x0a|0|0|0|0|0|0|-1|0|0\n"
        "0|pslist Seen: CREATION_TIME=soon COMM=x|0|0|0|0|0|0|5|0|0\n",
        "{\"CREATION_TIME\":\"1970-01-01T00:25:00Z\",\"COMM\":\"a|b\\u000a\","
        "\"Seen\":\"1969-12-31T23:59:59.999999999Z\",\"data_type\":\"engram:pslist\","
        "\"message\":\"COMM=a|b\\\\x0a\",\"datetime\":\"1970-01-01T00:25:00Z\","
        "\"timestamp_desc\":\"CREATION_TIME\"}\n"
        "{\"CREATION_TIME\":\"1970-01-01T00:25:00Z\",\"COMM\":\"a|b\\u000a\","
        "\"Seen\":\"1969-12-31T23:59:59.999999999Z\",\"data_type\":\"engram:pslist\","
        "\"message\":\"COMM=a|b\\\\x0a\",\"datetime\":\"1969-12-31T23:59:59.999999999Z\","
        "\"timestamp_desc\":\"Seen\"}\n"
        "{\"CREATION_TIME\":\"soon\",\"COMM\":\"x\",\"Seen\":\"1970-01-01T00:00:05Z\","
        "\"data_type\":\"engram:pslist\",\"message\":\"CREATION_TIME=soon COMM=x\","
        "\"datetime\":\"1970-01-01T00:00:05Z\",\"timestamp_desc\":\"Seen\"}\n",
    };

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        char *out = rendered(names[k], &h, v[0], countof(v));

        assert_string_equal(out, expected[k]);
        free(out);
    }
}

/** The times of an inode are one line, each where the format has it; columns stand in any order. */
static void times_of_inode(void **state)
{
    static const struct eg_column c[] = {
        { "INODE", EG_COL_INT, "" },  { "FILE_MODE", EG_COL_TEXT, "" },
        { "UID", EG_COL_INT, "" },    { "GID", EG_COL_INT, "" },
        { "SIZE", EG_COL_INT, "" },   { "BTIME", EG_COL_TIME, "" },
        { "CTIME", EG_COL_TIME, "" }, { "MTIME", EG_COL_TIME, "" },
        { "ATIME", EG_COL_TIME, "" }, { "PATH", EG_COL_TEXT, "" },
        { NULL, EG_COL_INT, NULL }
    };
    static const struct eg_result_head h = { "inodes", c, 10, false, NULL };
    static const struct eg_value v[][10] = {
        { INT_(7), TEXT_("-rw-r--r--"), INT_(1001), INT_(5), INT_(42), INT_(INT64_C(4000000000)),
          INT_(INT64_C(3000000000)), INT_(INT64_C(2000000000)), INT_(INT64_C(1000000000)),
          TEXT_("/a|b") },
        { BAD_(EG_NULL, 0), NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, INT_(INT64_C(9000000000)),
          NONE_, TEXT_("/c") },
        { INT_(8), NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, NONE_, TEXT_("/never") },
    };
    char *out = rendered("body", &h, v[0], countof(v));

    (void)state;
    assert_string_equal(out, "0|inodes: INODE=7 FILE_MODE=-rw-r--r-- UID=1001 GID=5 SIZE=42 "
                             "PATH=/a\\x7cb|7|-rw-r--r--|1001|5|42|1|2|3|4\n"
                             "0|inodes: PATH=/c|0|0|0|0|0|0|9|0|0\n");
    free(out);
}

/** Of rows that merge what others tell, SOURCE and KIND say what the time is of. */
static void times_merged(void **state)
{
    static const struct eg_column c[] = {
        { "TIME", EG_COL_TIME, "" }, { "SOURCE", EG_COL_TEXT, "" }, { "KIND", EG_COL_TEXT, "" },
        { "TEXT", EG_COL_TEXT, "" }, { "INODE", EG_COL_INT, "" },   { NULL, EG_COL_INT, NULL }
    };
    static const struct eg_result_head h = { "timeline", c, 5, false, NULL };
    static const struct eg_value v[][5] = {
        { INT_(INT64_C(5000000000)), TEXT_("inodes"), TEXT_("CTIME"), TEXT_("PATH=/a"), INT_(7) },
        { INT_(INT64_C(6000000000)), TEXT_("pslist"), TEXT_("CREATION_TIME"), TEXT_("init"),
          NONE_ },
        { INT_(INT64_C(7000000000)), TEXT_("kmsg"), TEXT_("TIME"), TEXT_("a line"), NONE_ },
        { INT_(INT64_C(8000000000)), TEXT_("x"), NONE_, NONE_, NONE_ },
    };
    char *out = rendered("body", &h, v[0], countof(v));

    (void)state;
    assert_string_equal(out, "0|inodes: PATH=/a INODE=7|7|0|0|0|0|0|0|5|0\n"
                             "0|pslist CREATION_TIME: init|0|0|0|0|0|0|0|0|6\n"
                             "0|kmsg TIME: a line|0|0|0|0|0|0|7|0|0\n"
                             "0|timeline TIME: SOURCE=x|0|0|0|0|0|0|8|0|0\n");
    free(out);
    out = rendered("timesketch", &h, v[0], 1);
    assert_string_equal(
        out, "{\"TIME\":\"1970-01-01T00:00:05Z\",\"SOURCE\":\"inodes\",\"KIND\":\"CTIME\","
             "\"TEXT\":\"PATH=/a\",\"INODE\":7,\"data_type\":\"engram:inodes\","
             "\"message\":\"PATH=/a INODE=7\",\"datetime\":\"1970-01-01T00:00:05Z\","
             "\"timestamp_desc\":\"CTIME\"}\n");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_only),
        cmocka_unit_test(times_of_inode),
        cmocka_unit_test(times_merged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
