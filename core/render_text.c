/* render_text.c - aligned columns for people. The column widths are computed from the first rows,
 * which are held back; the rows after these are written at once. A bad value is "-", one that was
 * not computed is blank. Only on a terminal are rows fitted to its width, column names bold and bad
 * values dim. A tree is drawn as `ps f` does: two spaces for each level, then "\_ ".
 *
 * A row that is too wide for the terminal is shortened until it fits: first times lose the fraction
 * of a second; then minor columns (EG_MINOR) are left out, the rightmost first, and a line below
 * the table names them; then the widest texts are cut. What is never cut (EG_WHOLE) takes the room
 * of blanks behind it, and where there are none its row is longer. */
#include "below.h"
#include "table.h"
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    HELD = 256,
    GAP = 2,
    NARROWEST = 12,
    DEPTH_DRAWN = 40,
    READABLE = 48,   // so much of a text is worth more than a minor column
    LIST_SHOWN = 40, // of a list, whatever the width
};

/* Owns memory only between head() and tail(). */
struct text {
    size_t results, n_results;
    size_t screen; /* columns of the terminal; 0: not a terminal */
    bool colour;
    bool streaming;
    struct eg_arena held, one; // of the rows held back; of the row that is printed
    size_t n_held, *widths, tree_column;
    enum { SHOWN, NO_ROOM, NOT_ASKED, TOO_LATE, BELOW } * hidden; // TOO_LATE: first in a later row
    bool whole_seconds;
    struct held {
        unsigned depth;
        char **cells;
        bool *bad;
    } * rows;
};

static void begin(void *state, FILE *f, const struct eg_provenance *p)
{
    struct text *s = state;
    const char *columns = getenv("COLUMNS"), *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    struct winsize w = { 0 };
    const int fd = fileno(f);

    s->n_results = p->n_results;
    if (fd < 0 || !isatty(fd))
        return;
    if (columns && atoi(columns) > 0)
        s->screen = (size_t)atoi(columns);
    else if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col)
        s->screen = w.ws_col;
    s->screen = s->screen ? s->screen : 80;
    s->colour = !(plain && *plain) && term && strcmp(term, "dumb") != 0;
}

static void paint(const struct text *s, FILE *f, const char *colour)
{
    if (s->colour)
        fprintf(f, "\033[%sm", colour);
}

/* ---- widths ---- */

/** The number of code points: cells are valid UTF-8 without control characters. */
static size_t width_of(const char *cell)
{
    size_t n = 0;

    for (; *cell; cell++)
        n += (*cell & 0xc0) != 0x80;
    return n;
}

static bool is_left(const struct eg_result_head *h, size_t i)
{
    enum eg_column_kind kind = h->columns[i].kind;

    return kind != EG_COL_INT && kind != EG_COL_BIG && kind != EG_COL_ADDR &&
           kind != EG_COL_DURATION;
}

/** Is this no table, but a text, line by line? */
static bool is_text(const struct eg_result_head *h)
{
    return h->n_columns == 1 && h->columns[0].shown & EG_LINES;
}

static bool is_cut(const struct eg_result_head *h, size_t i)
{
    return !h->wide && (h->columns[i].shown & EG_LIST);
}

static bool may_cut(const struct eg_result_head *h, size_t i)
{
    return h->columns[i].kind == EG_COL_TEXT || h->columns[i].kind == EG_COL_BYTES ||
           h->columns[i].kind == EG_COL_FLAGS;
}

static size_t drawing(unsigned depth)
{
    return depth ? 2 * (size_t)EG_MIN(depth, (unsigned)DEPTH_DRAWN) + 1 : 0;
}

/** What a row takes, with at most @most of each text. */
static size_t row_width(const struct text *s, const struct eg_result_head *h, size_t most)
{
    size_t total = 0;

    for (size_t i = 0; i < h->n_columns; i++)
        if (!s->hidden[i])
            total +=
                (total ? GAP : 0) + (may_cut(h, i) ? EG_MIN(s->widths[i], most) : s->widths[i]);
    return total;
}

/** "…53.505Z" becomes "…53Z". */
static void cut_fraction(char *time)
{
    char *from = strchr(time, '.');

    if (from)
        memmove(from, from + 1 + strspn(from + 1, "0123456789"),
                strlen(from + 1 + strspn(from + 1, "0123456789")) + 1);
}

static void cut_fractions(const struct eg_result_head *h, char **cells)
{
    for (size_t i = 0; i < h->n_columns; i++)
        if (h->columns[i].kind == EG_COL_TIME)
            cut_fraction(cells[i]);
}

/** Leave out minor columns until there is room; then those of an option, which was given for them:
 * they stay as long as texts can be made narrower. */
static void hide_minor(struct text *s, const struct eg_result_head *h)
{
    for (size_t i = h->n_columns; i-- > 0 && row_width(s, h, READABLE) > s->screen;)
        if (!s->hidden[i] && (h->columns[i].shown & EG_MINOR))
            s->hidden[i] = NO_ROOM;
    for (size_t i = h->n_columns; i-- > 0 && row_width(s, h, READABLE / 2) > s->screen;)
        if (!s->hidden[i] && (h->columns[i].shown & EG_ASKED) && !may_cut(h, i))
            s->hidden[i] = NO_ROOM;
}

/** Columns that an option adds, where it was not given. */
static void hide_not_asked(struct text *s, const struct eg_result_head *h)
{
    for (size_t i = 0; i < h->n_columns; i++) {
        bool any = !(h->columns[i].shown & EG_ASKED);

        for (size_t k = 0; k < s->n_held && !any; k++)
            any = s->rows[k].cells[i][0];
        if (!any)
            s->hidden[i] = NOT_ASKED;
    }
}

/** Fit a row to the terminal: leave out minor columns, then make the widest text columns narrower
 * until it fits; if there is room left, the last column gets it. */
static void fit(struct text *s, const struct eg_result_head *h)
{
    size_t total, last = h->n_columns;

    hide_minor(s, h);
    total = row_width(s, h, SIZE_MAX);
    while (last && s->hidden[last - 1])
        last--;
    while (total > s->screen) {
        size_t widest = SIZE_MAX, next = NARROWEST, cut;

        for (size_t i = 0; i < h->n_columns; i++)
            if (may_cut(h, i) && !s->hidden[i] && s->widths[i] > NARROWEST &&
                (widest == SIZE_MAX || s->widths[i] > s->widths[widest]))
                widest = i;
        if (widest == SIZE_MAX)
            return;
        for (size_t i = 0; i < h->n_columns; i++)
            if (may_cut(h, i) && !s->hidden[i] && s->widths[i] < s->widths[widest])
                next = EG_MAX(next, s->widths[i]);
        cut = EG_MIN(total - s->screen, EG_MAX(s->widths[widest] - next, 1));
        s->widths[widest] -= cut;
        total -= cut;
    }
    if (last && may_cut(h, last - 1))
        s->widths[last - 1] += s->screen - total;
}

static void hide_below(struct text *s, const struct eg_result_head *h)
{
    for (size_t i = 0; i < h->n_columns; i++)
        if (h->columns[i].shown & EG_BELOW)
            s->hidden[i] = BELOW;
}

static void learn(struct text *s, const struct eg_result_head *h)
{
    for (size_t i = 0; i < h->n_columns; i++)
        s->widths[i] = width_of(h->columns[i].name);
    for (size_t k = 0; k < s->n_held; k++)
        for (size_t i = 0; i < h->n_columns; i++) {
            size_t w = width_of(s->rows[k].cells[i]);

            w += h->tree && i == s->tree_column ? drawing(s->rows[k].depth) : 0;
            s->widths[i] = EG_MAX(s->widths[i], is_cut(h, i) ? EG_MIN(w, (size_t)LIST_SHOWN) : w);
        }
}

static void measure(struct text *s, const struct eg_result_head *h)
{
    hide_not_asked(s, h);
    hide_below(s, h);
    learn(s, h);
    if (!s->screen || !h->n_columns || is_text(h))
        return;
    s->whole_seconds = row_width(s, h, SIZE_MAX) > s->screen;
    for (size_t k = 0; s->whole_seconds && k < s->n_held; k++)
        cut_fractions(h, s->rows[k].cells);
    learn(s, h);
    fit(s, h);
}

/* ---- printing ---- */

static void spaces(FILE *f, size_t n)
{
    static const char blanks[] = "                                                                ";

    for (; n >= sizeof blanks; n -= sizeof blanks - 1)
        fwrite(blanks, 1, sizeof blanks - 1, f);
    fwrite(blanks, 1, n, f);
}

/** How far a row is written, and where its column of the table begins. */
struct pen {
    size_t at, start;
};

/** Spaces are printed before a cell, so that no line ends with them. */
static void put_cell(const struct text *s, FILE *f, const struct eg_result_head *h, size_t i,
                     unsigned depth, const char *cell, bool bad, struct pen *pen)
{
    const size_t draw = h->tree && i == s->tree_column ? drawing(depth) : 0;
    const size_t room = s->widths[i], w = width_of(cell) + draw;
    const bool whole = h->columns[i].shown & EG_WHOLE || is_text(h);
    const bool cut =
        ((s->screen && may_cut(h, i) && !whole) || is_cut(h, i)) && w > room && room > draw;
    const size_t from = pen->start + (!is_left(h, i) && w < room ? room - w : 0);
    const size_t gap = pen->at ? pen->at + GAP : 0;
    const char *end = cell;

    spaces(f, EG_MAX(from, gap) - pen->at);
    if (bad)
        paint(s, f, "2");
    if (draw)
        fprintf(f, "%*s\\_ ", (int)draw - 3, "");
    for (size_t keep = cut ? room - draw - 1 : 0; keep; keep--)
        do
            end++;
        while ((*end & 0xc0) == 0x80);
    fwrite(cell, 1, cut ? (size_t)(end - cell) : strlen(cell), f);
    if (cut)
        fputs("\u2026", f);
    if (bad)
        paint(s, f, "0");
    pen->at = EG_MAX(from, gap) + (cut ? room : w);
    if (!whole && pen->at > pen->start + room)
        pen->start = pen->at - room; // the columns behind it keep their distance
}

/** Bytes of @cell that fit into @room, up to a blank if there is one, or to a bar. */
static size_t line_length(const char *cell, size_t room)
{
    const char *bar = strstr(cell, " | ");
    size_t n = 0, blank = 0;

    for (size_t w = 0; cell[n] && cell + n != bar; n++) {
        w += (cell[n] & 0xc0) != 0x80;
        if (w > room)
            return blank ? blank : n;
        blank = cell[n] == ' ' ? n : blank;
    }
    return n;
}

/** A cell below its row: the column's name, then the text in as many lines as it needs. */
static void put_below(const struct text *s, FILE *f, const char *name, const char *cell)
{
    enum { NAME = 14, WIDE = 120 };
    const size_t room = EG_MAX(EG_MIN(s->screen ? s->screen : WIDE, WIDE), 40 + NAME) - NAME;
    bool first = true;

    while (*cell) {
        const size_t n = line_length(cell, room);

        if (first)
            paint(s, f, "2");
        fprintf(f, "  %-*s", NAME - 2, first ? name : "");
        if (first)
            paint(s, f, "0");
        fprintf(f, "%.*s\n", (int)n, cell);
        cell += n;
        cell += !strncmp(cell, " | ", 3) ? 3 : *cell == ' ';
        first = false;
    }
}

static void put_row(struct text *s, FILE *f, const struct eg_result_head *h, unsigned depth,
                    char *const *cells, const bool *bad)
{
    struct pen pen = { 0 };
    bool below = false;

    for (size_t i = 0; i < h->n_columns; i++) {
        if (bad && s->hidden[i] == NOT_ASKED && cells[i][0])
            s->hidden[i] = TOO_LATE;
        if (s->hidden[i])
            continue;
        if (cells[i][0] || (h->tree && depth && i == s->tree_column))
            put_cell(s, f, h, i, depth, cells[i], bad && bad[i], &pen);
        pen.start += s->widths[i] + GAP;
    }
    putc('\n', f);
    for (size_t i = 0; bad && i < h->n_columns; i++)
        if (s->hidden[i] == BELOW) {
            put_below(s, f, h->columns[i].name, cells[i]);
            below = true;
        }
    if (below)
        putc('\n', f);
}

static void put_names(struct text *s, FILE *f, const struct eg_result_head *h)
{
    char **names = eg_arena_array(&s->held, char *, h->n_columns);

    for (size_t i = 0; names && i < h->n_columns; i++)
        names[i] = (char *)(uintptr_t)h->columns[i].name;
    paint(s, f, "1");
    if (names)
        put_row(s, f, h, 0, names, NULL);
    paint(s, f, "0");
}

/** Compute the widths from the held rows, and write the column names and these rows. */
static void flush(struct text *s, FILE *f, const struct eg_result_head *h)
{
    if (s->streaming || !s->widths || !s->hidden)
        return;
    measure(s, h);
    if (h->n_columns && !is_text(h))
        put_names(s, f, h);
    for (size_t k = 0; k < s->n_held; k++)
        put_row(s, f, h, s->rows[k].depth, s->rows[k].cells, s->rows[k].bad);
    s->n_held = 0;
    s->streaming = true;
}

/* ---- the renderer ---- */

static void head(void *state, FILE *f, const struct eg_result_head *h)
{
    struct text *s = state;

    if (s->results)
        putc('\n', f);
    if (s->results++ || s->n_results > 1)
        fprintf(f, "== %s ==\n", h->plugin);
    s->held = (struct eg_arena){ 0 };
    s->screen = h->wide ? 0 : s->screen;
    s->whole_seconds = false;
    s->widths = eg_arena_array(&s->held, size_t, h->n_columns + 1);
    s->hidden = eg_arena_array(&s->held, __typeof__(*s->hidden), h->n_columns + 1);
    s->rows = eg_arena_array(&s->held, struct held, HELD);
    s->n_held = 0;
    s->streaming = false;
    s->tree_column = 0;
    for (size_t i = h->n_columns; i-- > 0;)
        if (h->columns[i].kind == EG_COL_TEXT)
            s->tree_column = i;
}

static bool make_row(struct held *row, struct eg_arena *a, const struct eg_result_head *h,
                     unsigned depth, const struct eg_value *v)
{
    row->depth = depth;
    row->cells = eg_arena_array(a, char *, h->n_columns);
    row->bad = eg_arena_array(a, bool, h->n_columns);
    if (!row->cells || !row->bad)
        return false;
    for (size_t i = 0; i < h->n_columns; i++) {
        row->cells[i] = eg_cell_text(a, h, i, &v[i]);
        row->bad[i] = v[i].tag == EG_V_BAD;
        if (!row->cells[i])
            return false;
    }
    return true;
}

static void row(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v)
{
    struct text *s = state;
    struct held now;

    if (!s->widths || !s->hidden || !s->rows) {
        fputs("(out of memory)\n", f);
    } else if (!s->streaming) {
        if (make_row(&s->rows[s->n_held], &s->held, h, depth, v))
            s->n_held++;
        else
            fputs("(out of memory)\n", f);
        if (s->n_held == HELD)
            flush(s, f, h);
    } else {
        const bool ok = make_row(&now, &s->one, h, depth, v);

        if (ok && s->whole_seconds)
            cut_fractions(h, now.cells);
        if (ok)
            put_row(s, f, h, depth, now.cells, now.bad);
        else
            fputs("(out of memory)\n", f);
        eg_arena_reset(&s->one);
    }
}

static void line(const struct text *s, FILE *f, const char *colour, const char *what,
                 const char *text)
{
    size_t n = strlen(text), size = 4 * n + 1;
    char *safe = malloc(size);

    if (safe)
        eg_escape(safe, size, text, n);
    paint(s, f, colour);
    fprintf(f, "%s: %s", what, safe ? safe : "(out of memory)");
    paint(s, f, "0");
    putc('\n', f);
    free(safe);
}

/** The columns that were left out for one reason. @what: how the line begins; @end: how it ends. */
static void put_hidden(const struct text *s, FILE *f, const struct eg_result_head *h, int reason,
                       const char *what, const char *end)
{
    bool any = false;

    for (size_t i = 0; s->hidden && i < h->n_columns; i++) {
        if ((int)s->hidden[i] != reason)
            continue;
        if (!any)
            paint(s, f, "2");
        fprintf(f, "%s%s", any ? ", " : what, h->columns[i].name);
        any = true;
    }
    if (!any)
        return;
    fputs(end, f);
    paint(s, f, "0");
    putc('\n', f);
}

static void tail(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error)
{
    struct text *s = state;

    flush(s, f, h);
    put_hidden(s, f, h, NO_ROOM, "left out to fit the terminal: ", " (--wide shows all)");
    put_hidden(s, f, h, TOO_LATE,
               "left out, for no row had it when the table began: ", " (--columns shows it)");
    for (; notes && *notes; notes++)
        line(s, f, "33", is_text(h) ? "# note" : "note", *notes);
    if (error)
        line(s, f, "31", is_text(h) ? "# error" : "error", error);
    eg_arena_fini(&s->held);
    eg_arena_fini(&s->one);
    s->widths = NULL;
    s->hidden = NULL;
    s->rows = NULL;
}

EG_RENDERER(text) = {
    .desc = "aligned columns, for people",
    .state = sizeof(struct text),
    .begin = begin,
    .head = head,
    .row = row,
    .tail = tail,
    .end = eg_no_end,
};
