/* virtualbox.c - VirtualBox's saved states (.sav), version 2.0. The unit "pgm"
 * (src/VBox/VMM/VMMR3/PGMSavedState.cpp) has the pages of memory one after another; a live save has
 * several such units, whose pages replace earlier ones. Pages are decompressed when they are read;
 * the index has the place of every 16th page. ROM and the memory of devices are left out. */
#include "../core/image.h"
#include "../core/parallel.h"
#include "virtualbox_cpu.h"
#include "virtualbox_ssm.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    PAGE = EG_SSM_PAGE,
    EVERY = 16, // pages from one mark to the next
    RUNS_MAX = 1 << 22,
    LONG_ZERO = 256, // zero pages in a row that become a separate range
    GCPHYS_AT = 45,  // in the file's header: size of a physical address, and of a virtual one
    GCPTR_AT = 46,
    VERSION_MIN = 10, // of the unit: VirtualBox 3.1
    RAM_CONFIG = 11,  // first version with the configuration of RAM
    BALLOON = 12,
    NO_MAPPINGS = 14,
    STRUCT_BEGIN = 0x19200102,
    STRUCT_END = 0x19920406,
    TEXT_MAX = 1 << 10,
    RANGE_END = 0xff,

    // Records of pages. With ADDRESS, the page's address follows; else it is the next page.
    RAM_ZERO = 0,
    RAM_RAW = 1,
    MMIO2_RAW = 2,
    MMIO2_ZERO = 3,
    ROM_VIRGIN = 4,
    ROM_SHADOW_RAW = 5,
    ROM_SHADOW_ZERO = 6,
    ROM_PROTECTION = 7,
    RAM_BALLOONED = 8,
    ADDRESS = 0x80,
    END = 0xff,
};
static const uint32_t final_pass = UINT32_MAX;
static const uint64_t address_max = UINT64_C(1) << 52;

static const char magic[] = "\x7fVirtualBox SavedState V";
static const char magic_2_0[] = "\x7fVirtualBox SavedState V2.0\n";

static int probe(const struct eg_head *h)
{
    return h->len >= sizeof magic - 1 && !memcmp(h->at, magic, sizeof magic - 1) ? 95 : 0;
}

/* All pages of RAM in the order of the file, as a space. Each unit begins at a mark. */
struct mark {
    uint64_t at;
    uint32_t left;
};
struct pages {
    struct eg_space as;
    struct eg_space *file;
    uint8_t gcphys; // size of an address
    EG_VEC(struct mark) marks;
};

/** Pages that are adjacent both in memory and in the file. */
struct run {
    uint64_t address, first, n;
    uint8_t kind; // RAM_RAW (zero pages among them, too), RAM_ZERO or RAM_BALLOONED
};
struct index {
    struct eg_image *img;
    struct pages *pages;
    EG_VEC(struct run) runs;
    uint64_t n;     // pages so far
    uint64_t zeros; // at the end of the last run
    uint8_t gcphys, gcptr;
    bool live; // a pass before the last was read: it had the lists of ranges
    bool full; // out of memory, or too many runs
};

/* ---- the records of a unit ---- */

struct reader {
    struct eg_ssm s;
    uint64_t address; // of the last page
    uint8_t gcphys;
};
struct page {
    uint8_t kind;
    uint64_t address, record;
};
enum step { DAMAGED, PAGES_END, A_PAGE };

static bool get_number(struct eg_ssm *s, uint64_t *out, size_t len)
{
    uint8_t b[8] = { 0 };

    if (!eg_ssm_get(s, b, len))
        return false;
    *out = eg_le64(b);
    return true;
}

/** The next page of RAM. */
static enum step next_page(struct reader *r, struct page *out)
{
    for (;;) {
        uint8_t type;

        if (!eg_ssm_get(&r->s, &type, 1))
            return DAMAGED;
        if (type == END)
            return PAGES_END;
        *out = (struct page){ .kind = type & ~ADDRESS };
        switch (out->kind) {
        case RAM_ZERO:
        case RAM_RAW:
        case RAM_BALLOONED:
            if (!(type & ADDRESS))
                r->address += PAGE;
            else if (!get_number(&r->s, &r->address, r->gcphys))
                return DAMAGED;
            if (r->address % PAGE || r->address >= address_max)
                return DAMAGED;
            out->address = r->address;
            return out->kind != RAM_RAW || eg_ssm_page(&r->s, &out->record) ? A_PAGE : DAMAGED;
        case MMIO2_RAW:
        case MMIO2_ZERO:
        case ROM_VIRGIN:
        case ROM_SHADOW_RAW:
        case ROM_SHADOW_ZERO:
        case ROM_PROTECTION:
            // The range and a page in it, its protection, its bytes.
            if ((type & ADDRESS && !eg_ssm_skip(&r->s, 1 + 4)) ||
                (out->kind >= ROM_VIRGIN && !eg_ssm_skip(&r->s, 1)) ||
                ((out->kind == MMIO2_RAW || out->kind == ROM_VIRGIN ||
                  out->kind == ROM_SHADOW_RAW) &&
                 !eg_ssm_page(&r->s, &out->record)))
                return DAMAGED;
            break;
        default:
            return DAMAGED;
        }
    }
}

/** Skip a structure of @len bytes between its marks, if there is one. */
static bool skip_struct(struct eg_ssm *s, size_t len)
{
    struct eg_ssm ahead = *s;
    uint64_t begin, end;

    if (!get_number(&ahead, &begin, 4) || begin != STRUCT_BEGIN || !eg_ssm_skip(&ahead, len) ||
        !get_number(&ahead, &end, 4) || end != STRUCT_END)
        return false;
    *s = ahead;
    return true;
}

static bool skip_text(struct eg_ssm *s)
{
    uint64_t len;

    return get_number(s, &len, 4) && len <= TEXT_MAX && eg_ssm_skip(s, len);
}

/** Skip the list of ROMs, or of the memory of devices; each entry ends with @words addresses. */
static bool skip_ranges(struct eg_ssm *s, size_t words, uint8_t gcphys)
{
    uint8_t id;

    while (eg_ssm_get(s, &id, 1)) {
        if (id == RANGE_END)
            return true;
        if (!skip_text(s) || !eg_ssm_skip(s, 4 + 1) || !skip_text(s) ||
            !eg_ssm_skip(s, words * gcphys))
            return false;
    }
    return false;
}

/** Skip what is before the pages. */
static bool skip_head(struct index *x, struct eg_ssm *s, const struct eg_ssm_unit *u)
{
    uint64_t word;

    if (u->pass == final_pass) {
        if (!skip_struct(s, 1 + x->gcptr + 4 + (u->version >= BALLOON ? 4 : 0)))
            return false;
        while (skip_struct(s, 1 + x->gcphys + 4 + (u->version >= NO_MAPPINGS ? 4 * x->gcphys : 0)))
            ;                              // one for each CPU
        while (u->version < NO_MAPPINGS) { // mappings: a number, a name, two addresses
            if (!get_number(s, &word, 4))
                return false;
            if (word == UINT32_MAX)
                break;
            if (!skip_text(s) || !eg_ssm_skip(s, 2 * x->gcptr))
                return false;
        }
    }
    if (u->pass == final_pass ? x->live : u->pass != 0)
        return true;
    x->live = u->pass == 0;
    return (u->version < RAM_CONFIG || eg_ssm_skip(s, 4 + 8)) && skip_ranges(s, 2, x->gcphys) &&
           skip_ranges(s, 1, x->gcphys);
}

/* ---- the index ---- */

static struct run *new_run(struct index *x, struct run r)
{
    struct run *slot = x->runs.n < RUNS_MAX ? eg_vec_push(&x->runs) : NULL;

    if (slot)
        *slot = r;
    else
        x->full = true;
    return slot;
}

/** Make a separate run of the zeros at the end of the last one if they are many. */
static void end_run(struct index *x)
{
    struct run *r = x->runs.n ? &x->runs.at[x->runs.n - 1] : NULL;
    const uint64_t zeros = x->zeros;

    x->zeros = 0;
    if (!r || r->kind != RAM_RAW || zeros < LONG_ZERO)
        return;
    r->n -= zeros;
    if (!r->n)
        *r = (struct run){ r->address, r->first, zeros, RAM_ZERO };
    else
        new_run(x, (struct run){ r->address + r->n * PAGE, r->first + r->n, zeros, RAM_ZERO });
}

/** @at: where the reader was before the page. */
static void add(struct index *x, const struct page *p, const struct eg_ssm *at)
{
    struct run *r = x->runs.n ? &x->runs.at[x->runs.n - 1] : NULL;
    const uint8_t kind = p->kind == RAM_BALLOONED ? RAM_BALLOONED : RAM_RAW;

    if (x->n % EVERY == 0) {
        struct mark *m = eg_vec_push(&x->pages->marks);

        if (!m) {
            x->full = true;
            return;
        }
        *m = (struct mark){ at->at, (uint32_t)at->left };
    }
    if (!r || r->kind != kind || r->first + r->n != x->n ||
        r->address + r->n * PAGE != p->address || (p->kind == RAM_RAW && x->zeros >= LONG_ZERO)) {
        end_run(x);
        r = new_run(x, (struct run){ p->address, x->n, 0, kind });
    }
    if (r)
        r->n++;
    x->zeros = p->kind == RAM_ZERO ? x->zeros + 1 : 0;
    x->n++;
}

/** Read the pages of a unit "pgm". @return false: it is damaged; the pages before that are kept. */
static bool read_pages(struct index *x, struct eg_ssm *s, const struct eg_ssm_unit *u)
{
    struct reader r = { .gcphys = x->gcphys };

    if (!skip_head(x, s, u))
        return false;
    x->n = eg_align_up(x->n, EVERY);
    r.s = *s;
    r.address = -(uint64_t)PAGE;
    while (!x->full && !eg_cancelled) {
        const struct eg_ssm before = r.s;
        struct page p;
        const enum step step = next_page(&r, &p);

        if (step != A_PAGE) {
            end_run(x);
            *s = r.s;
            return step == PAGES_END;
        }
        add(x, &p, &before);
    }
    return false;
}

/** @return where the next unit begins; 0: not known. */
static uint64_t unit_end(const struct eg_ssm *s)
{
    uint64_t at = s->at + s->left;
    struct eg_ssm_record r;

    while (!eg_cancelled && eg_ssm_record(s, at, &r)) {
        at = r.at + r.len;
        if (r.type == EG_SSM_TERM)
            return at;
    }
    return 0;
}

/** All units up to the last with pages. */
static int read_units(struct index *x, struct eg_ssm *s, bool quiet, struct eg_error *e)
{
    struct eg_progress_line *line =
        eg_progress_begin("looking for the pages in the saved state", s->size, "B", quiet);
    struct eg_ssm_unit u = { 0 };
    uint64_t at = EG_SSM_HEADER;
    bool done = false;
    int rc = 0;

    while (at && !done && !rc) {
        const uint64_t begin = at;

        if (!eg_ssm_unit(s, at, &u) || u.last)
            break;
        if (!u.checked)
            eg_image_note(x->img, "VirtualBox: the checksum of the unit \"%s\" is wrong", u.name);
        s->at = u.data;
        s->left = 0;
        if (!strcmp(u.name, "pgm") && u.version < VERSION_MIN) {
            rc = eg_fail(e, EG_EUNSUP,
                         "%s: VirtualBox: saved by a version before 3.1: save it again with a "
                         "newer one",
                         x->img->path);
        } else if (!strcmp(u.name, "pgm")) {
            if (!read_pages(x, s, &u))
                break;
            done = u.pass == final_pass;
        } else if (!strcmp(u.name, "cpum") && u.pass == final_pass) {
            eg_virtualbox_cpus(x->img, s);
        }
        at = done ? 0 : unit_end(s);
        eg_progress_add(line, (done ? s->at : at) - begin);
    }
    eg_progress_end(line);
    if (!rc && eg_cancelled)
        rc = eg_fail(e, EG_ECANCEL, "%s: cancelled", x->img->path);
    if (!rc && x->full)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for the places of its pages", x->img->path);
    if (!rc && !done)
        eg_image_note(x->img,
                      "VirtualBox: damaged or cut off, at %#" PRIx64
                      " in the unit \"%s\", version %" PRIu32 ": the rest is missing",
                      s->at, u.name, u.version);
    return rc;
}

/* ---- the spaces ---- */

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    (void)v, (void)as;
    out->start = addr & ~(uint64_t)(PAGE - 1);
    out->last = out->start + PAGE - 1;
    out->made = true;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    const struct pages *p = as->priv;
    const struct mark *m = &p->marks.at[start / PAGE / EVERY];
    struct reader r = { .s = { v, p->file, eg_space_size(p->file), m->at, m->left },
                        .address = -(uint64_t)PAGE,
                        .gcphys = p->gcphys };
    struct page page;

    (void)len; // one page
    for (uint64_t i = start / PAGE % EVERY + 1; i; i--)
        if (next_page(&r, &page) != A_PAGE)
            return false;
    if (page.kind == RAM_RAW)
        return eg_ssm_unpack(&r.s, page.record, bytes);
    memset(bytes, 0, PAGE);
    return true;
}

static void close_(struct eg_space *as)
{
    struct pages *p = as->priv;

    eg_vec_fini(&p->marks);
}

static const struct eg_space_ops ops = {
    .name = "saved pages", .extent = extent, .fill = fill, .close = close_
};

static int open_runs(struct eg_space **out, struct index *x, struct eg_error *e)
{
    EG_VEC(struct eg_segment) segments = { 0 };
    uint64_t ballooned = 0;
    int rc;

    if (!x->runs.n)
        return eg_fail(e, EG_EFORMAT, "%s: VirtualBox: contains no pages of memory", x->img->path);
    if (!eg_vec_reserve(&segments, x->runs.n))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its ranges", x->img->path);
    while (segments.n < x->runs.n) { // backwards: in eg_segments_open the first wins
        const struct run *r = &x->runs.at[x->runs.n - 1 - segments.n];

        segments.at[segments.n++] =
            (struct eg_segment){ .start = r->address,
                                 .last = r->address + (r->n * PAGE - 1),
                                 .below = &x->pages->as,
                                 .below_addr = r->first * PAGE,
                                 .stored = r->kind == RAM_RAW ? r->n * PAGE : 0,
                                 .tail = r->kind == RAM_BALLOONED ? EG_ABSENT : EG_OK };
        ballooned += r->kind == RAM_BALLOONED ? r->n : 0;
    }
    rc = eg_segments_open(out, x->img->path, segments.at, segments.n, NULL, e);
    eg_vec_fini(&segments);
    if (!rc && ballooned)
        eg_image_note(x->img,
                      "VirtualBox: %" PRIu64 " MiB were given back to the host (balloon): they are "
                      "holes",
                      ballooned * PAGE >> 20);
    return rc;
}

static bool is_size(uint8_t n)
{
    return n == 4 || n == 8;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct index x = { .img = img };
    struct eg_ssm s = { .view = img->view, .file = file, .size = eg_space_size(file) };
    struct eg_space **slot;
    uint8_t h[EG_SSM_HEADER];
    int rc;

    if (s.size < sizeof h || !eg_read(img->view, file, 0, h, sizeof h))
        return eg_fail(e, EG_EFORMAT, "%s: VirtualBox: its header is cut off", img->path);
    if (memcmp(h, magic_2_0, sizeof magic_2_0 - 1) != 0)
        return eg_fail(
            e, EG_EUNSUP,
            "%s: VirtualBox: a saved state of version %.4s, which cannot be read: save it "
            "again with VirtualBox 3.1 or later",
            img->path, (const char *)h + sizeof magic - 1);
    if (!is_size(h[GCPHYS_AT]) || !is_size(h[GCPTR_AT]))
        return eg_fail(e, EG_EFORMAT,
                       "%s: VirtualBox: addresses of %u (physical) and %u (virtual) bytes",
                       img->path, h[GCPHYS_AT], h[GCPTR_AT]);
    x.gcphys = h[GCPHYS_AT];
    x.gcptr = h[GCPTR_AT];
    slot = eg_vec_push(&img->beside); // the image closes it, after the space above it
    x.pages = slot ? calloc(1, sizeof *x.pages) : NULL;
    if (!x.pages)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    x.pages->as = (struct eg_space){ .ops = &ops, .below = file, .priv = x.pages };
    x.pages->file = file;
    x.pages->gcphys = x.gcphys;
    *slot = &x.pages->as;
    rc = read_units(&x, &s, o->quiet, e);
    if (!rc) {
        x.pages->as.last = x.n ? x.n * PAGE - 1 : 0;
        rc = open_runs(out, &x, e);
    }
    eg_vec_fini(&x.runs);
    return rc;
}

EG_FORMAT(virtualbox) = {
    .desc = "VirtualBox saved state",
    .suffix = ".sav",
    .head = sizeof magic,
    .probe = probe,
    .open = open_,
};
