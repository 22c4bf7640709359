/* render_body.c - the body file of mactime (The Sleuth Kit 3 and later): a line for each time of a
 * row, MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime, times in seconds since 1970. The
 * name is the plugin, what the time is of, and the row's other cells. The times of an inode stand
 * where the format has them, in one line, with the inode's number, mode, owner and size where the
 * row has those; of other times, one whose name says that it is a creation fills crtime, any other
 * mtime. The format cannot hold notes: the command prints them on standard error. */
#include "times.h"
#include <inttypes.h>

enum slot { ATIME, MTIME, CTIME, CRTIME, SLOTS };

/** The bar separates fields; it becomes an escape as a control character does. */
static void field(FILE *f, const char *text)
{
    for (; *text; text++)
        if (*text == '|')
            fputs("\\x7c", f);
        else
            putc(*text, f);
}

/** Where the format has the times of an inode; SLOTS: it is another time. */
static enum slot inode_slot(const char *kind)
{
    static const char *const names[] = { "ATIME", "MTIME", "CTIME", "BTIME" }; // ORDER slot
    enum slot i = ATIME;

    while (i < SLOTS && strcmp(kind, names[i]) != 0)
        i++;
    return i;
}

static void number(FILE *f, struct eg_arena *a, const struct eg_result_head *h,
                   const struct eg_value *v, const char *name)
{
    const size_t i = eg_times_column(h, name);
    const char *text = i < h->n_columns && v[i].tag != EG_V_NONE && v[i].tag != EG_V_BAD
                           ? eg_value_text(a, &h->columns[i], &v[i])
                           : NULL;

    putc('|', f);
    field(f, text && *text ? text : "0");
}

/** @kind NULL: the times of an inode, each in its place. */
static void line(FILE *f, struct eg_arena *a, const struct eg_result_head *h,
                 const struct eg_value *v, const char *kind, const int64_t at[SLOTS])
{
    const char *text = eg_times_text(a, h, v);

    fputs("0|", f);
    field(f, eg_times_source(a, h, v));
    if (kind) {
        putc(' ', f);
        field(f, kind);
    }
    fputs(": ", f);
    field(f, text ? text : "(out of memory)");
    number(f, a, h, v, "INODE");
    number(f, a, h, v, "FILE_MODE");
    number(f, a, h, v, "UID");
    number(f, a, h, v, "GID");
    number(f, a, h, v, "SIZE");
    for (enum slot i = ATIME; i < SLOTS; i++)
        fprintf(f, "|%" PRId64, at[i]);
    putc('\n', f);
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    const int64_t second = 1000000000;
    struct eg_arena *a = state;
    int64_t inode[SLOTS] = { 0 };
    bool any = false;

    (void)depth;
    for (size_t i = 0; i < h->n_columns; i++) {
        int64_t other[SLOTS] = { 0 }, at;
        const char *kind;
        enum slot slot;

        if (!eg_is_time(h, i, v))
            continue;
        at = v[i].i / second - (v[i].i % second < 0);
        kind = eg_times_kind(a, h, v, i);
        slot = inode_slot(kind);
        if (slot < SLOTS) {
            inode[slot] = at;
            any = true;
            continue;
        }
        other[strcasestr(kind, "creat") ? CRTIME : MTIME] = at;
        line(f, a, h, v, kind, other);
    }
    if (any)
        line(f, a, h, v, NULL, inode);
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
