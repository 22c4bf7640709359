/* console.c - the screens of virtual consoles, as text. */
#include "console.h"
#include "../../../core/base.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(vc_data, vc_num, vc_cols, vc_rows, vc_size_row, vc_origin, vc_screenbuf, vc_hi_font_mask,
          vc_saved_screen, vc_saved_cols, vc_saved_rows);
EG_FIELD_AS(vc_unicode, vc_data, "vc_uni_lines"); // u32 ** since 6.1
EG_FIELD_AS(vc_uni_screen_, vc_data, "vc_uni_screen");
EG_FIELD_AS(uni_lines, uni_screen, "lines");
EG_FIELD_AS(vc_saved_unicode, vc_data, "vc_saved_uni_lines");
EG_FIELD_AS(vc_of, vc, "d");
EG_TYPE(vc);
EG_SYMBOL(vc_cons, "vc[63]"); // MAX_NR_CONSOLES

enum { COLS_MAX = 4096, ROWS_MAX = 4096 };

/* The PC's first font (code page 437): what the kernel's built-in fonts have in this order. */
static const uint16_t glyphs[256] = {
    ' ',    0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642,
    0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
    0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc, 0x20,   0x21,   0x22,   0x23,
    0x24,   0x25,   0x26,   0x27,   0x28,   0x29,   0x2a,   0x2b,   0x2c,   0x2d,   0x2e,   0x2f,
    0x30,   0x31,   0x32,   0x33,   0x34,   0x35,   0x36,   0x37,   0x38,   0x39,   0x3a,   0x3b,
    0x3c,   0x3d,   0x3e,   0x3f,   0x40,   0x41,   0x42,   0x43,   0x44,   0x45,   0x46,   0x47,
    0x48,   0x49,   0x4a,   0x4b,   0x4c,   0x4d,   0x4e,   0x4f,   0x50,   0x51,   0x52,   0x53,
    0x54,   0x55,   0x56,   0x57,   0x58,   0x59,   0x5a,   0x5b,   0x5c,   0x5d,   0x5e,   0x5f,
    0x60,   0x61,   0x62,   0x63,   0x64,   0x65,   0x66,   0x67,   0x68,   0x69,   0x6a,   0x6b,
    0x6c,   0x6d,   0x6e,   0x6f,   0x70,   0x71,   0x72,   0x73,   0x74,   0x75,   0x76,   0x77,
    0x78,   0x79,   0x7a,   0x7b,   0x7c,   0x7d,   0x7e,   0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2,
    0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2,
    0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566,
    0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
    0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0,
    0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a,
    0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)(c < ' ' ? ' ' : c);
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/** One screen: its cells, or the lines that the kernel keeps as Unicode. */
struct screen {
    uint32_t rows, cols;
    uint64_t cells, row_size;
    uint64_t lines; /**< pointers to a u32 for each column; 0: none */
    uint16_t high;  /**< the bit of a cell that belongs to the glyph's number; 0: none */
};

/* @return the bytes of the line's text; SIZE_MAX: it cannot be read. */
static size_t line_text(struct eg_run *r, const struct screen *s, uint32_t row, uint8_t *raw,
                        char *out)
{
    const bool big = eg_binding_of(r)->model.big_endian;
    struct eg_view *v = eg_view_of(r);
    const unsigned ptr = eg_binding_of(r)->model.ptr_size;
    size_t len = 0, end = 0;
    uint64_t at = 0;

    if (s->lines) {
        const uint8_t *p = eg_bytes(v, eg_kernel(r), s->lines + (uint64_t)row * ptr, ptr);

        at = p ? eg_load_(p, ptr, big) : 0;
        if (!at || !eg_read(v, eg_kernel(r), at, raw, 4 * (size_t)s->cols))
            at = 0;
    }
    if (!at && !eg_read(v, eg_kernel(r), s->cells + row * s->row_size, raw, 2 * (size_t)s->cols))
        return SIZE_MAX;
    for (uint32_t i = 0; i < s->cols; i++) {
        uint32_t c;

        if (at) {
            c = (uint32_t)eg_load_(raw + 4 * (size_t)i, 4, big);
        } else {
            const uint16_t cell = (uint16_t)eg_load_(raw + 2 * (size_t)i, 2, big);

            c = s->high && cell & s->high ? 0xfffd : glyphs[cell & 0xff];
        }
        len += put_utf8(out + len, c);
        if (c > ' ' && c != 0xa0)
            end = len;
    }
    return end;
}

static void show(struct eg_run *r, const struct screen *s, struct linux_console_line *l,
                 linux_console_fn *each, void *arg)
{
    struct eg_view *v = eg_view_of(r);
    uint8_t *raw = eg_tmp(r, 4 * (size_t)s->cols);
    bool lost = false;

    for (uint32_t row = 0; row < s->rows && !eg_stopped(r); row++) {
        char *out = eg_tmp(r, 4 * (size_t)s->cols + 1);
        const size_t n = line_text(r, s, row, raw, out);

        l->line = row + 1;
        l->text = out;
        l->len = n;
        l->why = EG_OK;
        if (n == SIZE_MAX) {
            if (lost)
                continue; // once for a screen
            lost = true;
            l->line = 0;
            l->len = 0;
            l->why = v->why ? (enum eg_why)v->why : EG_BAD_VALUE;
            l->why_addr = v->why_addr;
            each(r, arg, l);
        } else if (n) {
            each(r, arg, l);
        }
    }
}

static bool fits(uint32_t rows, uint32_t cols)
{
    return rows && cols && rows <= ROWS_MAX && cols <= COLS_MAX;
}

static void console(struct eg_run *r, struct eg_obj vc, linux_console_fn *each, void *arg)
{
    struct linux_console_line l = { .vc = vc.addr, .source = "screen" };
    struct screen s = { 0 };
    uint64_t buffer = 0;
    uint16_t number;

    if (!eg_get(&number, vc, vc_data.vc_num) || !eg_get(&s.rows, vc, vc_data.vc_rows) ||
        !eg_get(&s.cols, vc, vc_data.vc_cols) || !eg_get(&s.row_size, vc, vc_data.vc_size_row) ||
        !eg_get(&s.cells, vc, vc_data.vc_origin)) {
        eg_note(r, "the console at %#" PRIx64 " cannot be read", vc.addr);
        return;
    }
    l.name = eg_strf(r, "tty%u", number + 1u);
    if (!fits(s.rows, s.cols) || s.row_size < 2 * (uint64_t)s.cols || s.row_size > 4 * COLS_MAX) {
        eg_note(r, "%s: a screen of %" PRIu32 " lines and %" PRIu32 " columns cannot be", l.name,
                s.rows, s.cols);
        return;
    }
    s.high = eg_get_or((uint16_t)0, vc, vc_data.vc_hi_font_mask);
    if (!eg_get(&s.lines, vc, vc_unicode)) {
        struct eg_obj lines = eg_at(vc, vc_uni_screen_, uni_lines);

        s.lines = lines.why ? 0 : lines.addr;
    }
    if (eg_get(&buffer, vc, vc_data.vc_screenbuf) && buffer && buffer != s.cells &&
        !eg_bytes(eg_view_of(r), eg_kernel(r), s.cells, 1)) {
        eg_note(r,
                "%s is on the screen, and the graphics card has it: what is shown here is as it "
                "was when another console was chosen last",
                l.name);
        s.cells = buffer;
    }
    show(r, &s, &l, each, arg);

    s.lines = eg_get_or((uint64_t)0, vc, vc_saved_unicode);
    if (eg_get(&s.cells, vc, vc_data.vc_saved_screen) && s.cells &&
        eg_get(&s.rows, vc, vc_data.vc_saved_rows) && eg_get(&s.cols, vc, vc_data.vc_saved_cols) &&
        fits(s.rows, s.cols)) {
        l.source = "saved";
        s.row_size = 2 * (uint64_t)s.cols;
        show(r, &s, &l, each, arg);
    }
}

void linux_screens(struct eg_run *r, linux_console_fn *each, void *arg)
{
    struct eg_obj table = eg_sym(r, vc_cons);

    if (table.why) {
        eg_note(r, "vc_cons is not known: screens of virtual consoles are missing");
        return;
    }
    for (uint64_t i = 0; i < eg_count(table) && !eg_stopped(r); i++) {
        struct eg_obj vc = eg_deref(eg_at(eg_index(table, i), vc_of));

        if (!vc.why)
            console(r, vc, each, arg);
    }
}
