/* render_body.c - the body file of mactime (The Sleuth Kit 3 and later): a line for each time of a
 * row, MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime, times in seconds since 1970. The
 * name is the plugin, the column and the row's other cells. A column whose name says that it is a
 * creation fills crtime, any other mtime. The format cannot hold notes: the command prints them on
 * standard error. */
#include "times.h"
#include <inttypes.h>

/** The bar separates fields; it becomes an escape as a control character does. */
static void field(FILE *f, const char *text)
{
    for (; *text; text++)
        if (*text == '|')
            fputs("\\x7c", f);
        else
            putc(*text, f);
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    const int64_t second = 1000000000;
    struct eg_arena *a = state;
    const char *text = eg_times_text(a, h, v);

    (void)depth;
    for (size_t i = 0; i < h->n_columns; i++) {
        const char *name = h->columns[i].name;
        const bool created = strcasestr(name, "creat");
        int64_t at;

        if (!eg_is_time(h, i, v))
            continue;
        at = v[i].i / second - (v[i].i % second < 0);
        fprintf(f, "0|%s %s: ", h->plugin, name);
        field(f, text ? text : "(out of memory)");
        fprintf(f, "|0|0|0|0|0|0|%" PRId64 "|0|%" PRId64 "\n", created ? 0 : at, created ? at : 0);
    }
    eg_arena_reset(a);
}

EG_RENDERER(body) = {
    .desc = "times only, as a body file for mactime",
    .suffix = "body",
    .state = sizeof(struct eg_arena),
    .begin = eg_no_begin,
    .head = eg_no_head,
    .row = row,
    .tail = eg_free_row,
    .end = eg_no_end,
};
