/* render_fuzz.c - any bytes as a text, a name and a number, in every format: no control character
 * and nothing but UTF-8 comes out, and csv has as many fields as columns. */
#include "table.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct eg_column columns[] = {
    { "TEXT", EG_COL_TEXT, "" }, { "NUMBER", EG_COL_INT, "" }, { "TIME", EG_COL_TIME, "" },
    { "MORE", EG_COL_TEXT, "" }, { "RAW", EG_COL_BYTES, "" },  { NULL, EG_COL_INT, NULL },
};

static void check_text(const char *out, size_t len)
{
    uint32_t code;
    size_t n;

    for (; len; out += n, len -= n) {
        n = eg_utf8(out, len, &code);
        if (!n || (code != '\n' && !eg_is_printable(code)))
            abort();
    }
}

/** Fields of each line, quotes observed. */
static void check_csv(const char *out)
{
    size_t fields = 1;
    bool quoted = false;

    for (; *out; out++) {
        if (*out == '"')
            quoted = !quoted;
        fields += *out == ',' && !quoted;
        if (*out == '\n' && (quoted || fields != countof(columns) - 1))
            abort();
        if (*out == '\n')
            fields = 1;
        else if (!quoted && *out == ',' && out[1] && strchr("=+@\t\r", out[1]))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct eg_renderer_reg *r;
    const size_t half = size / 2;
    char *name = malloc(size + 1);
    uint64_t number = size >= 8 ? eg_le64(data) : size;
    const struct eg_value row[] = {
        { .tag = EG_V_TEXT, .bytes = { data, size } },
        { .tag = size & 1 ? EG_V_INT : EG_V_UINT, .u = number },
        { .tag = EG_V_INT, .u = number },
        { .tag = EG_V_TEXT, .bytes = { data + half, size - half } },
        { .tag = EG_V_BYTES, .bytes = { data, half } },
    };
    const struct eg_result_head head = { "fuzz", columns, countof(columns) - 1, size % 3 == 0,
                                         (const char *const[]){ name, NULL } };

    if (!name)
        return 0;
    memcpy(name, data, size);
    name[size] = 0;
    for (size_t i = 0; (r = eg_renderer_nth(i)); i++) {
        void *state = calloc(1, r->renderer->state + 1);
        const bool csv = !strcmp(r->name, "csv");
        struct eg_result_head h = head;
        char *out;
        size_t len;
        FILE *f = open_memstream(&out, &len);

        if (!state || !f)
            abort();
        h.tree = head.tree && !csv;
        r->renderer->begin(state, f, &(struct eg_provenance){ .image = name });
        r->renderer->head(state, f, &h);
        for (unsigned k = 0; k < 3; k++)
            r->renderer->row(state, f, &h, h.tree ? k : 0, row);
        r->renderer->tail(state, f, &h, (const char *const[]){ name, NULL }, name);
        r->renderer->end(state, f);
        fclose(f);
        check_text(out, len);
        if (csv)
            check_csv(out);
        free(out);
        free(state);
    }
    free(name);
    return 0;
}
