/* select_fuzz.c - any bytes as the values of --filter, --sort, --columns and --tz, with rows of
 * every kind of value: what is passed on is a part of what came, and the numbers add up. */
#include "select.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct eg_column columns[] = {
    { "PID", EG_COL_INT, "" },         { "OFFSET", EG_COL_ADDR, "" }, { "COMM", EG_COL_TEXT, "" },
    { "START", EG_COL_TIME, "" },      { "FLAGS", EG_COL_FLAGS, "" }, { "ROOT", EG_COL_BOOL, "" },
    { "UPTIME", EG_COL_DURATION, "" }, { "HASH", EG_COL_BYTES, "" },  { "SIZE", EG_COL_BIG, "" },
    { NULL, EG_COL_INT, NULL },
};
enum { N = countof(columns) - 1, ROWS = 12 };

static void count(void *context, unsigned depth, const struct eg_value *v, size_t n)
{
    size_t *seen = context;

    if (!n || n > N || depth > ROWS || v[0].tag > EG_V_BYTES)
        abort();
    ++*seen;
}

/* The next of the texts that NULs divide; NULL: empty. */
static const char *next(const char **at, const char *end)
{
    const char *s = *at < end ? *at : "";

    *at += strlen(s) + 1;
    return *s ? s : NULL;
}

static void cell(struct eg_value *v, const uint8_t *data, size_t size, size_t k)
{
    *v = (struct eg_value){ .tag = (int)(k * 7 % (EG_V_BYTES + 1)),
                            .u = k * UINT64_C(0x9e3779b97f4a7c15) };
    if (v->tag == EG_V_BAD)
        v->why = EG_NULL;
    if (v->tag == EG_V_TEXT || v->tag == EG_V_BYTES) {
        v->bytes.p = data + (size ? k % size : 0);
        v->bytes.len = size ? EG_MIN(size - k % size, (size_t)64) : 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), summary[160];
    const char *at = text;
    struct eg_select_options o = { 0 };
    struct eg_zone zone = { 0 };
    struct eg_select *s;
    struct eg_error e;
    size_t seen = 0;
    const char *word;

    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    o.filter = next(&at, text + size);
    o.sort = next(&at, text + size);
    o.columns = next(&at, text + size);
    if ((word = next(&at, text + size)) && *word != 'T' && !eg_zone_parse(word, &zone, &e))
        o.zone = &zone;
    o.limited = size % 3 == 1;
    o.limit = size % 5;
    if (eg_select_open(&s, &o, "fuzz", columns, size % 2, &e) == 0 && s) {
        struct eg_sink sink = eg_select_sink(s, (struct eg_sink){ count, &seen });
        const struct eg_selected *r = eg_select_result(s);

        for (size_t i = 0; i < ROWS; i++) {
            struct eg_value row[N];

            for (size_t k = 0; k < N; k++)
                cell(&row[k], data, size, i * N + k);
            sink.row(sink.context, size % 2 ? (unsigned)(i * 5 % 4) : 0, row, N);
        }
        eg_select_finish(s);
        eg_select_summary(s, summary);
        if (r->rows != ROWS || r->matched > ROWS || r->shown > r->matched || r->no_room ||
            seen != r->shown + r->above || (o.limited && r->shown > o.limit))
            abort();
        eg_select_close(s);
    }
    free(text);
    return 0;
}
