/* diffdump.c - engram diff-dump: what a dump taken inside of a machine has otherwise than one taken
 * outside of it. Code that hides from tools that run beside it cannot change what is read from
 * outside. */
#include "../core/map.h"
#include "../plugins/linux/kernel/codeof.h"
#include "../plugins/linux/kernel/time.h"
#include "../plugins/linux/mm/page.h"
#include "hand.h"
#include "options.h"
#include "verb.h"
#include <inttypes.h>
#include <stdlib.h>

static const struct eg_column columns[] = {
    { "PHYSICAL", EG_COL_ADDR, "physical address of the first byte" },
    { "SIZE", EG_COL_INT, "bytes: pages that touch and are alike are one row" },
    { "KIND", EG_COL_TEXT, "absent; of code also zeros, differs: what IN has instead" },
    { "ADDRESS", EG_COL_ADDR, "of code and constants the virtual address" },
    { "MODULE", EG_COL_TEXT, "whose code it is: kernel, a module, bpf; nobody" },
    { "USE", EG_COL_TEXT, "of other pages what the kernel has them for" },
    { "CHANGED", EG_COL_INT, "bytes that differ" },
    { "FIRST_CHANGED", EG_COL_ADDR, "address of the first of them" },
    { "SYMBOL", EG_COL_TEXT, "the function or variable that it is in" },
    { NULL, EG_COL_INT, NULL },
};
enum column { PHYSICAL, SIZE, KIND, ADDRESS, MODULE, USE, CHANGED, FIRST, SYMBOL, COLUMNS };

enum { PAGE = EG_VIEW_PAGE, PAGE_BITS = EG_VIEW_SHIFT, CODE_PAGES = 1 << 20 };

struct piece {
    uint64_t pa, size, va, changed, first;
    const char *kind, *who, *use;
};
struct diff {
    struct cli_hand *h;
    struct eg_run *r, *in; /* in: of the dump that was taken inside */
    const struct linux_codes *codes;
    const struct linux_memmap *memmap;
    struct eg_map *code; /* page number → virtual address */
    struct piece piece;
    uint64_t same, data, free, reserved;
};

static void give(struct diff *d)
{
    const struct piece *p = &d->piece;
    struct eg_value v[COLUMNS] = { 0 };

    if (!p->size)
        return;
    v[PHYSICAL] = cli_uint(p->pa);
    v[SIZE] = cli_uint(p->size);
    v[KIND] = cli_text(p->kind);
    v[ADDRESS] = p->va ? cli_uint(p->va) : cli_text(NULL);
    v[MODULE] = cli_text(p->va ? p->who ? p->who : "nobody" : NULL);
    v[USE] = cli_text(p->use);
    v[CHANGED] = p->changed ? cli_uint(p->changed) : cli_text(NULL);
    v[FIRST] = p->changed && p->va ? cli_uint(p->first) : cli_text(NULL);
    v[SYMBOL] = cli_text(p->changed && p->va ? eg_name_of(d->r, p->first) : NULL);
    cli_table_row(&d->h->table, 0, v);
    d->piece = (struct piece){ 0 };
}

static bool alike(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void add(struct diff *d, const struct piece *p)
{
    struct piece *last = &d->piece;

    if (last->size && last->pa + last->size == p->pa && alike(last->kind, p->kind) &&
        alike(last->use, p->use) && alike(last->who, p->who) && !last->changed && !p->changed &&
        (p->va ? last->va + last->size == p->va : !last->va)) {
        last->size += p->size;
        return;
    }
    give(d);
    *last = *p;
}

/* ---- do both show one machine, since one start? ---- */

enum { BANNER = 160, SECONDS = 60 };

struct boot {
    char banner[BANNER + 1];
    uint64_t text;
    int64_t time;
    bool has_text, has_time;
};

static int boot_of(struct eg_run *r, void *boot)
{
    struct boot *b = boot;
    uint64_t at;
    size_t n;

    // "Linux version RELEASE (who made it) #N …" (init/version.c)
    if (eg_lookup(r, "linux_banner", &at))
        eg_read_some(&r->view, eg_kernel(r), at, b->banner, BANNER, NULL);
    for (n = strcspn(b->banner, "(\n"); n && b->banner[n - 1] == ' '; n--)
        ;
    b->banner[n] = 0;
    b->has_text = eg_lookup(r, "_stext", &b->text);
    b->has_time = linux_boot_time(r, &b->time);
    return 0;
}

static int same_boot(struct diff *d)
{
    struct boot out = { 0 }, in = { 0 };

    if (!d->in->sys->os) {
        eg_note(d->r, "no kernel was found in IN: whether it is of the same machine is not known");
        return 0;
    }
    boot_of(d->r, &out);
    eg_run_do(d->in, boot_of, &in);
    if (*out.banner && *in.banner && strcmp(out.banner, in.banner) != 0)
        return eg_run_fail(d->r, EG_EUSAGE, "IN and OUT are not of one boot: '%s' and '%s'",
                           in.banner, out.banner);
    if (out.has_text && in.has_text && out.text != in.text)
        return eg_run_fail(d->r, EG_EUSAGE,
                           "IN and OUT are not of one boot: the kernels' code begins at %#" PRIx64
                           " and %#" PRIx64,
                           in.text, out.text);
    if (out.has_time && in.has_time && llabs((out.time - in.time) / 1000000000) > SECONDS)
        eg_note(d->r,
                "IN and OUT were booted %" PRId64 " s apart: two boots, unless the clock was set "
                "between them",
                (out.time - in.time) / 1000000000);
    return 0;
}

/* ---- which pages are code ---- */

static void find_code(struct diff *d)
{
    struct eg_space *kernel = eg_kernel(d->r), *physical = eg_physical(d->r);
    struct eg_view *v = eg_view_of(d->r);
    uint64_t from = UINT64_C(1) << 63, pa, left = CODE_PAGES;
    const struct linux_code_range *range;
    struct eg_extent x;

    // What is executable, and what is the kernel's own constants: neither changes while it runs.
    while (left && eg_next_mapped(v, kernel, from, kernel->last, &x)) {
        for (uint64_t va = x.start; x.flags & EG_X_EXEC && left && va <= x.last; va += PAGE) {
            if (eg_translate(v, kernel, va, physical, &pa))
                eg_run_map_add(d->r, d->code, pa >> PAGE_BITS, va);
            left--;
            if (va + PAGE < va)
                break;
        }
        if (x.last >= kernel->last)
            break;
        from = x.last + 1;
    }
    for (size_t i = 0; linux_next_code(d->codes, &i, &range);)
        for (uint64_t va = range->first & ~(uint64_t)(PAGE - 1);
             range->kind == LINUX_CODE_MODULE && left && va <= range->last; va += PAGE, left--)
            if (eg_translate(v, kernel, va, physical, &pa))
                eg_run_map_add(d->r, d->code, pa >> PAGE_BITS, va);
    if (!left)
        eg_note(d->r, "more than %d pages are executable: the rest counts as data", CODE_PAGES);
}

/* ---- one page after the other ---- */

static const char *use_of(struct diff *d, uint64_t pa)
{
    static const char *const names[] = {
        [LINUX_PAGE_FREE] = "free",         [LINUX_PAGE_SLAB] = "slab",
        [LINUX_PAGE_FILE] = "file",         [LINUX_PAGE_ANON] = "process",
        [LINUX_PAGE_RESERVED] = "reserved", [LINUX_PAGE_UNREFERENCED] = "unreferenced",
    };
    struct linux_page p = { 0 };

    if (!d->memmap || !d->memmap->found)
        return NULL;
    linux_page_at(d->r, d->memmap, pa, &p);
    if (p.name)
        return p.name;
    return p.use < countof(names) ? names[p.use] : NULL;
}

static bool is_zero(const uint8_t *p)
{
    return !p[0] && !memcmp(p, p + 1, PAGE - 1);
}

/* Of a page without code: does it matter? Data of a machine that goes on differs, zeros too; what
 * is free may hold anything; and what the kernel has not to give out is often no RAM. */
static bool passes(struct diff *d, const struct piece *p, bool absent)
{
    if (absent && p->use && !strcmp(p->use, "reserved"))
        d->reserved++;
    else if (absent)
        return true;
    else if (!p->use || !strcmp(p->use, "free") || !strcmp(p->use, "unreferenced"))
        d->free++;
    else
        d->data++;
    return false;
}

static void page(struct diff *d, uint64_t pa, const uint8_t *out)
{
    struct piece p = { .pa = pa, .size = PAGE };
    uint8_t in[PAGE];
    const bool absent = !eg_read(&d->in->view, d->in->sys->image->phys, pa, in, PAGE);

    if (!absent && !memcmp(in, out, PAGE)) {
        d->same++;
        return;
    }
    p.kind = absent ? "absent" : is_zero(in) ? "zeros" : "differs";
    if (eg_map_get(d->code, pa >> PAGE_BITS, &p.va))
        linux_whose_code(d->codes, p.va, &p.who);
    else
        p.use = use_of(d, pa);
    if (!p.va && !passes(d, &p, absent))
        return;
    for (unsigned i = 0; p.va && !absent && i < PAGE; i++)
        if (in[i] != out[i]) {
            p.first = p.changed ? p.first : p.va + i;
            p.changed++;
        }
    add(d, &p);
}

static int compare(struct diff *d)
{
    struct eg_space *physical = eg_physical(d->r);
    struct eg_view *v = eg_view_of(d->r);
    const uint64_t total = eg_mapped_bytes(v, physical);
    uint64_t from = 0, done = 0;
    struct eg_extent x;

    while (eg_next_mapped(v, physical, from, physical->last, &x)) {
        for (uint64_t pa = (x.start + PAGE - 1) & ~(uint64_t)(PAGE - 1);
             pa <= x.last && x.last - pa >= PAGE - 1; pa += PAGE) {
            uint8_t out[PAGE];

            // What reads as zeros outside too has nothing that could be hidden.
            if (eg_read(v, physical, pa, out, PAGE) && !is_zero(out))
                page(d, pa, out);
            if (eg_stopped(d->r))
                return d->r->status;
            if (pa + PAGE < pa)
                break;
        }
        done += x.last - x.start + 1;
        eg_progress(d->r, done, total);
        if (x.last >= physical->last)
            break;
        from = x.last + 1;
    }
    give(d);
    eg_note(d->r,
            "%" PRIu64 " pages are the same; not shown: %" PRIu64
            " pages of data that differ, as those of a running machine do, %" PRIu64
            " free ones that differ, and %" PRIu64
            " that IN lacks and the kernel keeps reserved, as it does what is no RAM",
            d->same, d->data, d->free, d->reserved);
    return 0;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    const struct eg_run_options options = { .threads = 1, .quiet = true };
    struct diff d = { .h = h, .r = r };
    struct cli in = *h->cli;
    struct cli_opened o = { 0 };
    struct eg_error e;
    int status;

    in.image = h->cli->words.at[0];
    if (cli_open(&in, &o)) {
        cli_close(&o);
        return eg_run_fail(r, EG_ENOTFOUND, "IN, '%s', cannot be opened", in.image);
    }
    status = eg_run_open(&d.in, o.sys, &options, &e);
    if (status)
        eg_run_fail(r, (enum eg_errno) - status, "%s", e.text);
    if (!status && !(status = same_boot(&d)) && !(status = cli_hand_table(h, columns, false))) {
        d.codes = linux_codes(r);
        d.memmap = linux_memmap(r);
        d.code = eg_run_map(r);
        find_code(&d);
        status = compare(&d);
    }
    eg_run_close(d.in);
    cli_close(&o);
    return status;
}

/* The machine is read from OUT, whose kernel nobody could change while it was taken. */
static int run_verb(struct cli *c)
{
    const char *in = c->image;
    const int status = cli_set_image(c, c->words.at[0]);

    c->words.at[0] = in;
    return status ? status : cli_by_hand(c, body);
}

CLI_VERB(diff_dump) = {
    .name = "diff-dump",
    .usage = "IN OUT",
    .help = "compare a dump taken inside of a machine with one taken outside of it",
    .min = 1,
    .max = 1,
    .image = CLI_WANTS_IMAGE,
    .order = 65,
    .words = { "FILE" },
    .table = true,
    .run = run_verb,
};
