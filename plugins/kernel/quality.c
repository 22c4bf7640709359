/* quality - which part of the machine's memory the image lacks, even if it looks complete. */
#include "../../core/quality.h"
#include "../../core/run.h"
#include "../linux/kernel/iomem.h"
#include "../linux/own/lost.h"
#include <inttypes.h>

#define COLUMNS(C)                                                                                 \
    C(START, ADDR, "physical address of the first byte")                                           \
    C(END, ADDR, "and of the first byte behind it")                                                \
    C(SIZE, INT, "bytes")                                                                          \
    C(PERCENT, INT,                                                                                \
      "of RAM, rounded; where RAM is not known, of the memory that the image should have")         \
    C(KIND, TEXT, "RAM, memory: all of it; zeros, repeated, copy, missing, unreadable, not RAM")   \
    C(REASON, TEXT, "what shows it")
EG_COLUMNS(COLUMNS);

enum {
    LEAST = EG_PART_PAGES * EG_VIEW_PAGE, // bytes that are worth a row
    ROWS_MAX = 1000,                      // of holes
    HOLES_MAX = 1 << 20,
    QUICK_PAGES = 1024, // struct pages that are asked of a part
    ALL_PAGES = 1 << 20,
    PROOFS = 4, // that memory was in use: one alone may be a race with the acquisition
};

struct quality {
    struct eg_run *r;
    struct eg_run *aside; // for what is read of the kernel: its notes (a list that is broken, since
                          // its memory is lost) say nothing more
    struct linux_ram *ram, *kept;
    size_t n_ram, n_kept; // 0: not known
    uint64_t whole;       // bytes of RAM; where it is not known, of the image and what it lacks
    uint64_t in_image;
    struct eg_parts parts;
    bool quick;
};

static bool has_kernel(const struct quality *q)
{
    return eg_system_of(q->r)->os != NULL;
}

/* ---- words ---- */

static uint64_t percent(const struct quality *q, uint64_t bytes)
{
    return q->whole ? (uint64_t)(100.0 * (double)bytes / (double)q->whole + 0.5) : 0;
}

/** "58 % of RAM" */
static const char *share(const struct quality *q, uint64_t bytes)
{
    const uint64_t n = percent(q, bytes);

    return eg_strf(q->r, "%s%" PRIu64 " %% of %s", n ? "" : "less than ", n ? n : 1,
                   q->n_ram                  ? "RAM"
                   : q->whole == q->in_image ? "the memory in the image"
                                             : "the memory that the image should have");
}

static void row(struct quality *q, uint64_t first, uint64_t last, const char *kind,
                const char *what)
{
    eg_row(q->r, .START = eg_uint(first),
           .END = last < UINT64_MAX ? eg_uint(last + 1) : eg_missing(EG_ABSENT, 0),
           .SIZE = eg_uint(last - first + 1), .PERCENT = eg_uint(percent(q, last - first + 1)),
           .KIND = eg_text(kind), .REASON = eg_text(what));
}

struct words {
    const char *at[8];
    size_t n;
};

/** "a, b and c" */
static const char *joined(struct eg_run *r, const struct words *w)
{
    const char *text = w->at[0];

    for (size_t i = 1; i < w->n; i++)
        text = eg_strf(r, "%s%s%s", text, i + 1 < w->n ? ", " : " and ", w->at[i]);
    return text;
}

static void count(struct eg_run *r, struct words *w, const char *before, uint64_t n,
                  const char *one, const char *many)
{
    if (n)
        w->at[w->n++] = eg_strf(r, "%s%" PRIu64 " %s", before, n, n == 1 ? one : many);
}

/** Do it in the run aside. @return false: it failed. */
static bool apart(struct quality *q, int (*what)(struct eg_run *r, void *context), void *context)
{
    if (!eg_run_do(q->aside, what, context))
        return true;
    eg_run_fail(q->r, (enum eg_errno) - q->aside->status, "%s", q->aside->error);
    return false;
}

struct question {
    uint64_t first, last, pages;
    struct linux_lost lost;
};
static int ask(struct eg_run *r, void *context)
{
    struct question *about = context;

    linux_lost_in(r, about->first, about->last, about->pages, &about->lost);
    return 0;
}

/** What was there that cannot be pages of zeros, or (not @zeros) the same as others; NULL: too
 * little to say so. */
static const char *proof(struct quality *q, uint64_t first, uint64_t last, bool zeros)
{
    struct question about = { first, last, q->quick ? QUICK_PAGES : ALL_PAGES, { 0 } };
    struct linux_lost l;
    struct words w = { .n = 0 };

    if (!has_kernel(q) || !apart(q, ask, &about))
        return NULL;
    l = about.lost;
    if (!zeros) // gaps in code are filled with one byte, and unused struct pages are alike
        l.code = l.memmap = 0;
    if (!l.root && l.tables + l.code + l.memmap + l.roots + l.stacks < PROOFS && l.caches < PROOFS)
        return NULL;
    if (l.root || l.tables)
        w.at[w.n++] = "the kernel's page tables";
    if (l.code)
        w.at[w.n++] = "the kernel's code";
    if (l.memmap)
        w.at[w.n++] = "struct pages";
    count(q->r, &w, "the page tables of ", l.roots, "process", "processes");
    count(q->r, &w, "", l.stacks, "kernel stack", "kernel stacks");
    count(q->r, &w, "objects of ", l.caches, "slab cache", "slab caches");
    return joined(q->r, &w);
}

/* ---- what is there ---- */

static uint64_t bytes_from(struct quality *q, uint64_t first)
{
    struct eg_space *phys = eg_physical(q->r);
    struct eg_extent x;
    uint64_t n = 0;

    for (uint64_t at = first; eg_next_mapped(eg_view_of(q->r), phys, at, phys->last, &x);
         at = x.last + 1) {
        n += x.last - EG_MAX(at, x.start) + 1;
        if (x.last >= phys->last)
            break;
    }
    return n;
}

/** Is from part @i on nothing but zeros? *@zeros: how many. */
static bool is_tail(struct quality *q, size_t i, uint64_t *zeros)
{
    *zeros = 0;
    for (size_t k = i; k < q->parts.list.n; k++)
        if (!q->parts.list.at[k].distance)
            *zeros += q->parts.list.at[k].last - q->parts.list.at[k].first + 1;
    return bytes_from(q, q->parts.list.at[i].first) - *zeros < LEAST;
}

/** Of a kernel that could not be opened, the page table in @p. */
static const char *trace_in(const struct quality *q, const struct eg_part *p)
{
    const struct eg_system *sys = eg_system_of(q->r);

    for (size_t i = 0; !sys->os && i < sys->candidates.n; i++) {
        const uint64_t root = sys->candidates.at[i].paging.root;

        if (root && root >= p->first && root <= p->last)
            return "the kernel's page tables";
    }
    return NULL;
}

/** Read all of a part of which only some pages were probed: its longest run of zeros is left of it.
 * @return false: none is long. */
static bool make_sure(struct quality *q, struct eg_part *p)
{
    struct eg_part longest = { 0 };
    struct eg_parts all;
    struct eg_error e;

    eg_quality_scan(&all, eg_physical(q->r), p->first, p->last, q->r->options->threads, true, &e);
    for (size_t i = 0; i < all.list.n; i++) {
        const struct eg_part *x = &all.list.at[i];

        if (!x->distance && x->last - x->first > longest.last - longest.first)
            longest = *x;
    }
    eg_parts_fini(&all);
    *p = longest.last ? longest : *p;
    return longest.last;
}

/* Free memory is zeros, and so is what was never used. */
static bool zeros(struct quality *q, size_t i)
{
    enum { OF_IMAGE = 64 };
    struct eg_part *p = &q->parts.list.at[i];
    const char *among = proof(q, p->first, p->last, true);
    uint64_t all;
    bool tail;

    if (among && q->quick)
        among = make_sure(q, p) ? proof(q, p->first, p->last, true) : NULL;
    if (!among)
        among = trace_in(q, p);
    if (!among && has_kernel(q))
        return false;
    tail = is_tail(q, i, &all);
    if (!among && (!tail || all < q->in_image / OF_IMAGE || all < 4 * LEAST))
        return false;
    row(q, p->first, p->last, "zeros",
        among ? eg_strf(q->r, "%s among it", among)
              : "nothing but zeros to the end of the image, and no kernel to say what was there");
    if (tail)
        eg_note(q->r, "zeros from %#" PRIx64 " on: %s%s%s%s", p->first, share(q, all),
                among ? ", " : "", among ? among : "",
                among ? " among it: the acquisition was cut"
                      : ": the acquisition was cut, or that memory was never used");
    else
        eg_note(q->r,
                "zeros from %#" PRIx64 " to %#" PRIx64
                ": %s, %s among it: this memory was not read",
                p->first, p->last, share(q, p->last - p->first + 1), among);
    return tail;
}

/* Files and what programs copy stand in memory twice. */
static void copy(struct quality *q, const struct eg_part *p)
{
    const bool repeated = p->distance <= p->last - p->first;
    const uint64_t size = p->last - p->first + 1;
    const char *among = proof(q, p->first, p->last, false);
    const char *what;

    if (!among)
        return;
    what = eg_strf(q->r, "the same %#" PRIx64 " bytes as from %#" PRIx64 " on%s",
                   repeated ? p->distance : size, p->first - p->distance,
                   repeated ? ", again and again" : "");
    row(q, p->first, p->last, repeated ? "repeated" : "copy",
        eg_strf(q->r, "%s, %s among it", what, among));
    eg_note(q->r,
            "from %#" PRIx64 " to %#" PRIx64 ": %s is %s, %s among it: this memory was not read",
            p->first, p->last, share(q, size), what, among);
}

static int parts(struct quality *q)
{
    const struct eg_run_options *o = q->r->options;
    struct eg_space *phys = eg_physical(q->r);
    bool done = false;
    struct eg_error e;
    int rc;

    rc = q->quick ? eg_quality_probe(&q->parts, phys, o->threads, &e)
                  : eg_quality_scan(&q->parts, phys, 0, UINT64_MAX, o->threads, o->quiet, &e);
    if (rc == -EG_ENOMEM)
        return eg_failed(q->r, "%s", e.text);
    for (size_t i = 0; i < q->parts.list.n && !eg_stopped(q->r); i++) {
        const struct eg_part *p = &q->parts.list.at[i];

        if (p->distance)
            copy(q, p);
        else if (!done)
            done = zeros(q, i);
    }
    if (q->parts.more)
        eg_note(q->r, "%zu more parts were not looked at", q->parts.more);
    if (q->parts.from)
        eg_note(q->r, "nothing was looked at from %#" PRIx64 " on", q->parts.from);
    return 0;
}

/* ---- the ranges ---- */

/** Holes of one kind, what touches joined. */
struct holes {
    const char *kind, *what;
    uint64_t bytes, n;     // all; how many are worth a row
    struct linux_ram *at;  // they, ROWS_MAX at most
    struct linux_ram open; // not ended yet
    bool is_open;
};

static bool is_kept(const struct quality *q, const struct linux_ram *hole)
{
    for (size_t i = 0; i < q->n_kept; i++)
        if (hole->first >= q->kept[i].first && hole->last <= q->kept[i].last)
            return true;
    return false;
}

static void end_hole(struct quality *q, struct holes *h)
{
    if (h->is_open && h->open.last - h->open.first >= LEAST - 1 && !is_kept(q, &h->open) &&
        h->n++ < ROWS_MAX)
        h->at[h->n - 1] = h->open;
    h->is_open = false;
}

static void add_hole(struct quality *q, struct holes *h, uint64_t first, uint64_t last)
{
    if (!h->is_open || h->open.last + 1 != first) {
        end_hole(q, h);
        h->is_open = true;
        h->open.first = first;
    }
    h->open.last = last;
    h->bytes += last - first + 1;
}

struct ranges {
    struct holes missing, unreadable;
    uint64_t excluded, there; // bytes
};

static void compare(struct quality *q, uint64_t first, uint64_t last, struct ranges *out)
{
    struct eg_space *phys = eg_physical(q->r);

    for (int n = 0; n < HOLES_MAX && !eg_stopped(q->r); n++) {
        struct eg_extent x;
        uint64_t from = first;

        eg_extent_at(eg_view_of(q->r), phys, first, &x);
        x.last = EG_MIN(x.last, last);
        if (!x.why)
            out->there += x.last - from + 1;
        else if (x.why == EG_EXCLUDED)
            out->excluded += x.last - from + 1;
        else if (x.why == EG_ABSENT && q->n_ram)
            add_hole(q, &out->missing, from, x.last);
        else if (x.why != EG_ABSENT)
            add_hole(q, &out->unreadable, from, x.last);
        if (x.last == last)
            return;
        first = x.last + 1;
    }
    if (!eg_stopped(q->r))
        eg_note(q->r, "the ranges of the image were compared only up to %#" PRIx64, first);
}

static void say_holes(struct quality *q, const struct holes *h)
{
    if (!h->n)
        return;
    for (size_t i = 0; i < h->n && i < ROWS_MAX; i++)
        row(q, h->at[i].first, h->at[i].last, h->kind, h->what);
    eg_note(q->r, "%s is not there: %s: %" PRIu64 " range%s, %sfrom %#" PRIx64 " on",
            share(q, h->bytes), h->what, h->n, h->n == 1 ? "" : "s", h->n == 1 ? "" : "the first ",
            h->at[0].first);
}

/* A kernel never runs from what is no RAM. */
static void hidden(struct quality *q)
{
    const uint64_t delta = eg_system_of(q->r)->chosen->kernel_pa_delta;
    uint64_t first, last;

    if (!eg_lookup(q->r, "_stext", &first) || !eg_lookup(q->r, "_etext", &last) || first >= last)
        return;
    first -= delta;
    last -= delta + 1;
    for (size_t i = 0; i < q->n_ram; i++)
        if (first >= q->ram[i].first && last <= q->ram[i].last)
            return;
    row(q, first, last, "not RAM",
        "the kernel's code, which its own map of memory does not call RAM");
    eg_note(q->r,
            "the kernel's map of memory (iomem) does not call the memory of the kernel's own code "
            "RAM (%#" PRIx64 "): it was changed, or is damaged",
            first);
}

static void ranges(struct quality *q)
{
    struct ranges g = {
        .missing = { .kind = "missing", .what = "RAM by the kernel's own map, not in the image" },
        .unreadable = { .kind = "unreadable", .what = "the file is cut off or damaged there" },
    };
    struct eg_space *phys = eg_physical(q->r);
    uint64_t end;
    const char *what = "in the image; how much the machine had is not known";

    g.missing.at = eg_tmp(q->r, 2 * ROWS_MAX * sizeof *g.missing.at);
    g.unreadable.at = g.missing.at + ROWS_MAX;
    for (size_t i = 0; i < q->n_ram; i++)
        compare(q, q->ram[i].first, q->ram[i].last, &g);
    if (!q->n_ram)
        compare(q, 0, phys->last, &g);
    if (!q->n_ram && has_kernel(q) && linux_ram_end(q->r, &end) && end - 1 > phys->last) {
        g.missing.what = "the kernel's memory reaches so far (max_pfn), the image does not";
        add_hole(q, &g.missing, phys->last + 1, end - 1);
    }
    end_hole(q, &g.missing);
    end_hole(q, &g.unreadable);
    if (!q->n_ram && (g.missing.bytes || g.unreadable.bytes)) {
        q->whole += g.missing.bytes + g.unreadable.bytes;
        what = eg_strf(q->r,
                       "should be in the image, %" PRIu64
                       " bytes are; how much the machine had is not known",
                       q->in_image);
    }
    if (q->n_ram)
        what = eg_strf(
            q->r,
            "by the kernel's own map: %s in the image%s; %" PRIu64 " bytes of the image are no RAM",
            g.there == q->whole ? "all of it is" : eg_strf(q->r, "%" PRIu64 " bytes are", g.there),
            g.excluded ? eg_strf(q->r, ", %" PRIu64 " bytes were left out on purpose", g.excluded)
                       : "",
            q->in_image - g.there);
    eg_row(q->r, .SIZE = eg_uint(q->whole), .PERCENT = eg_uint(100),
           .KIND = eg_text(q->n_ram ? "RAM" : "memory"), .REASON = eg_text(what));
    say_holes(q, &g.missing);
    say_holes(q, &g.unreadable);
    if (q->n_ram)
        hidden(q);
}

static int read_map(struct eg_run *r, void *context)
{
    struct quality *q = context;

    q->n_ram = linux_ram(r, &q->ram);
    q->n_kept = linux_ram_kept(r, &q->kept);
    for (size_t i = 0; i < q->n_ram; i++)
        q->whole = (i ? q->whole : 0) + (q->ram[i].last - q->ram[i].first + 1);
    return 0;
}

static void fini(void *arg)
{
    struct quality *q = arg;

    eg_parts_fini(&q->parts);
    eg_run_close(q->aside);
}

static int run(struct eg_run *r)
{
    struct quality *q = eg_tmp(r, sizeof *q);
    struct eg_error e;

    *q = (struct quality){ .r = r, .quick = eg_arg_flag(r, "quick") };
    eg_run_defer(r, fini, q);
    if (eg_run_open(&q->aside, eg_system_of(r), r->options, &e) < 0)
        return eg_failed(r, "%s", e.text);
    q->in_image = q->whole = eg_mapped_bytes(eg_view_of(r), eg_physical(r));
    if (has_kernel(q) && !apart(q, read_map, q))
        return r->status;
    ranges(q);
    if (parts(q))
        return r->status;
    if (!q->n_ram && has_kernel(q))
        eg_note(r, "how much RAM the machine had is not known: the kernel's map of memory (iomem) "
                   "cannot be read");
    return 0;
}

EG_PLUGIN(quality) = {
    .help = "Tell which memory the image lacks: cut off, zero-filled, repeated, missing",
    .manual =
        "The first row is all of RAM by the kernel's own map (iomem), and how much of it the image "
        "has. Each other row is memory that is not what the machine had there: zeros where the "
        "kernel had what cannot be zeros (page tables, code, struct pages, kernel stacks, slabs of "
        "small objects), the same bytes repeated or a second time where it had such things, RAM "
        "that is missing from the image, and what the file is too short or too damaged for. A note "
        "says each.\n"
        "\n"
        "Four such things in one place must agree. Zeros in free memory, in a program's memory or "
        "in files are no finding, nor are copies of files: so lost memory of which only programs "
        "and files had any use is not noticed. Without a kernel only zeros up to the end of the "
        "image are told, and those that hold the page tables of a kernel that left traces. Whether "
        "memory changed while it was read is not measured.",
    .looks_for = EG_NAMES("memory that the image lacks"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(
        quick, FLAG, "probe a thousand pages instead of reading all, as `engram IMAGE` does")),
    .run = run,
};
