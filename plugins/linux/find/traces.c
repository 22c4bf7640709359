/** traces.c - evidence of a kernel: the notes of the dump format, the page tables of the boot
 * trampoline, and the VMCOREINFO page. */
#include "traces.h"
#include "base.h"
#include "load.h"
#include "windows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VMCOREINFO_MAX = 16 << 10,
    PAGE = 4096,
    LATER_MAX = 16,
    PLACES_MAX = 1 << 16,
    LAYOUTS_MAX = 16
};

/** Make the candidate that @text describes. @return false: its processor is not supported. */
static bool describe(struct linux_finder *f, struct eg_vmcoreinfo text, struct linux_candidate *c)
{
    for (size_t i = 0; linux_arch_nth(i); i++) {
        *c = (struct linux_candidate){ .arch = linux_arch_nth(i), .text = text };
        c->paging.arch = eg_arch_find(c->arch->name);
        if (c->paging.arch && c->arch->vmcoreinfo(&text, c)) {
            linux_set_encryption(f->v, f->phys, c->arch, &c->paging);
            return true;
        }
    }
    return false;
}

/** Try a page-table root in each translation mode of the processor. */
static bool try_root(struct linux_finder *f, const struct linux_arch *arch, uint64_t root,
                     const char *trace)
{
    struct eg_paging paging = { .arch = eg_arch_find(arch->name), .root = root };

    linux_set_encryption(f->v, f->phys, arch, &paging);
    for (size_t i = 0; linux_mode(arch, i, &paging); i++) {
        struct linux_candidate c = { .arch = arch, .paging = paging };

        if (!c.paging.arch || !linux_image_of(f, &c.paging, &c))
            continue;
        c.has_root = true;
        snprintf(c.trace, sizeof c.trace, "%s %#" PRIx64, trace, root);
        f->offer(f, &c);
        return true;
    }
    return false;
}

void linux_trace_container(struct linux_finder *f)
{
    const struct eg_image *img = f->sys->image;
    struct linux_candidate c;

    if (f->sys->options.has_dtb) {
        bool found = false;

        for (size_t i = 0; linux_arch_nth(i) && !found; i++)
            found = try_root(f, linux_arch_nth(i), f->sys->options.dtb, "--dtb");
        if (!found)
            eg_system_note(f->sys,
                           "--dtb %#" PRIx64 ": no page table there maps a kernel; without --dtb "
                           "the root is searched for",
                           f->sys->options.dtb);
        f->done = true; // the user's choice is final
    }
    if (img->vmcoreinfo && !f->done &&
        describe(f, (struct eg_vmcoreinfo){ img->vmcoreinfo, strlen(img->vmcoreinfo) }, &c)) {
        snprintf(c.trace, sizeof c.trace, "%s", "VMCOREINFO note of the container");
        f->offer(f, &c);
    }
    for (size_t i = 0; i < img->cpus.n && !f->done; i++) {
        const struct eg_cpu *cpu = &img->cpus.at[i];
        const struct linux_arch *arch = cpu->arch ? linux_arch_of(cpu->arch->name) : NULL;

        if (arch && cpu->root && !try_root(f, arch, cpu->root, "page table of a CPU,"))
            try_root(f, arch, cpu->root & ~arch->user_half, "page table of a CPU,");
    }
}

void linux_trace_low_roots(struct linux_finder *f)
{
    for (size_t i = 0; linux_arch_nth(i); i++) {
        const struct linux_arch *arch = linux_arch_nth(i);

        for (uint64_t pa = 0; pa < arch->low_roots && !f->done; pa += PAGE) {
            size_t len = PAGE;

            if (eg_map_some(f->v, f->phys, pa, &len))
                try_root(f, arch, pa, "page table of the boot trampoline at");
        }
    }
}

/* ---- the VMCOREINFO page: one probe per page, on all cores ---- */

struct pages {
    EG_VEC(uint64_t) found; /**< in the windows scanned last */
    pthread_mutex_t lock;
    uint64_t later[LATER_MAX]; /**< pages whose page tables do not map their kernel */
    size_t n_later;
};

static bool begins_vmcoreinfo(const uint8_t *p)
{
    return !memcmp(p, "OSRELEASE=", 10) ||
           (!memcmp(p + 12, "VMCOREINFO", 11) && !memcmp(p + 24, "OSRELEASE=", 10));
}

static void probe_pages(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    static const char root[] = "\nSYMBOL(swapper_pg_dir)=", x86[] = "\nSYMBOL(init_top_pgt)=";
    struct pages *s = context;

    (void)v;
    for (size_t at = (size_t)(-pa & (PAGE - 1)); at + PAGE <= len; at += PAGE) {
        /* the size of the name, 11, in either byte order; or "OSRE" */
        const uint32_t first = eg_le32(p + at);
        uint64_t *slot;

        if ((first != 11 && first != 11u << 24 && first != 0x4552534f) ||
            !begins_vmcoreinfo(p + at) ||
            (!memmem(p + at, PAGE, root, sizeof root - 1) &&
             !memmem(p + at, PAGE, x86, sizeof x86 - 1)))
            continue;
        pthread_mutex_lock(&s->lock);
        slot = eg_vec_push(&s->found);
        if (slot)
            *slot = pa + at;
        pthread_mutex_unlock(&s->lock);
    }
}

/** Offer the kernel that the page at @pa describes if its page tables map it, or @anyway.
 * @return false: they do not. */
static bool try_page(struct linux_finder *f, uint64_t pa, bool anyway)
{
    uint8_t bytes[VMCOREINFO_MAX];
    struct linux_candidate c;
    struct eg_vmcoreinfo text;
    bool bare;

    eg_read_some(f->v, f->phys, pa, bytes, sizeof bytes, NULL);
    if (!eg_vmcoreinfo_page(bytes, sizeof bytes, &bare, &text) || !describe(f, text, &c))
        return true;
    if (!anyway && !linux_holds(f, &c)) {
        if (!f->sys->image->movable || !c.arch->moves || !linux_move_to(f, &c))
            return false;
        f->resume = f->base + pa; // this page, at its new address
        return true;
    }
    snprintf(c.trace, sizeof c.trace,
             bare ? "vmcoreinfo_data at %#" PRIx64 : "VMCOREINFO at %#" PRIx64, pa);
    f->offer(f, &c);
    return true;
}

static void try_pages(struct linux_finder *f, struct pages *s)
{
    if (s->found.n > 1)
        qsort(s->found.at, s->found.n, sizeof *s->found.at, linux_by_address);
    for (size_t i = 0; i < s->found.n && !f->done && linux_spend(f, LINUX_PAGES, 1); i++)
        if (!try_page(f, s->found.at[i], false) && s->n_later < LATER_MAX)
            s->later[s->n_later++] = s->found.at[i];
    s->found.n = 0;
}

void linux_trace_pages(struct linux_finder *f)
{
    struct pages s = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct linux_windows w;

    if (f->resume)
        try_page(f, f->resume, true);
    f->resume = 0;
    if (f->done || !linux_windows_init(&w, f, 0, f->phys->last))
        return;
    while (!f->done && linux_windows_scan(&w, "looking for VMCOREINFO", probe_pages, &s))
        try_pages(f, &s);
    for (size_t i = 0; i < s.n_later && !f->done; i++)
        try_page(f, s.later[i], true);
    eg_vec_fini(&s.found);
    linux_windows_fini(&w);
}

/* ---- raw memory without its holes: VMCOREINFO at any offset, and memory maps ---- */

struct places {
    EG_VEC(uint64_t) notes, maps; /**< VMCOREINFO notes, and the "HdrS" of boot_params */
    pthread_mutex_t lock;
};

static void keep_place(struct places *s, bool is_note, uint64_t pa)
{
    uint64_t *slot = NULL;

    pthread_mutex_lock(&s->lock);
    if (is_note && s->notes.n < PLACES_MAX)
        slot = eg_vec_push(&s->notes);
    else if (!is_note && s->maps.n < PLACES_MAX)
        slot = eg_vec_push(&s->maps);
    if (slot)
        *slot = pa;
    pthread_mutex_unlock(&s->lock);
}

static void probe_places(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                         size_t len)
{
    static const char note[] = "VMCOREINFO\0\0OSRELEASE=";
    enum { NAME_AT = 12, MAGIC_BEFORE = 4 };
    const uint8_t *hit, *const end = p + len;

    (void)v;
    for (hit = p; (hit = memmem(hit, (size_t)(end - hit), note, sizeof note - 1)); hit++)
        if (hit - p >= NAME_AT)
            keep_place(context, true, pa + (uint64_t)(hit - p) - NAME_AT);
    for (hit = p; (hit = memmem(hit, (size_t)(end - hit), "HdrS", 4)); hit++)
        if (hit - p >= MAGIC_BEFORE && eg_le16(hit - MAGIC_BEFORE) == 0xaa55)
            keep_place(context, false, pa + (uint64_t)(hit - p));
}

/** All layouts that agree with the size of the file. */
struct layouts {
    struct linux_ranges at[LAYOUTS_MAX];
    size_t n;
};

static struct layouts *read_maps(struct linux_finder *f, const struct places *s)
{
    struct layouts *l = malloc(sizeof *l);

    if (!l)
        return NULL;
    l->n = 0;
    for (size_t i = 0; i < s->maps.n && linux_spend(f, LINUX_MAPS, 1); i++) {
        if (l->n + LINUX_LAYOUTS > LAYOUTS_MAX) {
            eg_system_note(f->sys,
                           "%zu layouts of memory agree with the size of the file: no others were "
                           "tried",
                           l->n);
            break;
        }
        l->n += linux_ranges_of(f, s->maps.at[i], l->at + l->n);
    }
    return l;
}

static void try_place(struct linux_finder *f, const struct layouts *l, uint64_t at,
                      bool may_move_up)
{
    uint8_t bytes[VMCOREINFO_MAX];
    struct linux_candidate c;
    struct eg_vmcoreinfo text;
    bool bare;

    eg_read_some(f->v, f->phys, at, bytes, sizeof bytes, NULL);
    if (!eg_vmcoreinfo_page(bytes, sizeof bytes, &bare, &text) || !describe(f, text, &c))
        return;
    for (size_t i = 0; l && i < l->n && c.arch->low_holes; i++) {
        const struct linux_ranges *r = &l->at[i];

        if (!linux_move_to_ranges(f, &c, r))
            continue;
        linux_ranges_place(r, at, &f->resume);
        eg_system_note(
            f->sys,
            "raw memory is mapped as %s, %zu ranges: they are those of the boot loader's "
            "memory map, and the kernel's page tables are valid there",
            r->what, r->n);
        return;
    }
    if (!may_move_up || !linux_move_up(f, &c, at))
        return;
    f->resume = f->base + at;
    eg_system_note(f->sys,
                   "raw memory without its holes: the first byte is mapped at physical %#" PRIx64
                   ", where the kernel's page tables are valid; memory before the first hole, or "
                   "behind a second one, has wrong addresses",
                   f->base);
}

void linux_trace_shifted(struct linux_finder *f)
{
    struct places s = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct layouts *l;
    struct linux_windows w;
    bool opens = false;

    for (size_t i = 0; i < f->sys->candidates.n; i++)
        opens |= f->sys->candidates.at[i].opens;
    if (!f->sys->image->movable || !linux_windows_init(&w, f, 0, f->phys->last))
        return;
    while (linux_windows_scan(&w, "looking for VMCOREINFO", probe_places, &s))
        ;
    if (s.notes.n > 1)
        qsort(s.notes.at, s.notes.n, sizeof *s.notes.at, linux_by_address);
    if (s.maps.n > 1)
        qsort(s.maps.at, s.maps.n, sizeof *s.maps.at, linux_by_address);
    l = read_maps(f, &s);
    for (size_t i = 0; i < s.notes.n && !f->done && linux_spend(f, LINUX_PAGES, 1); i++)
        try_place(f, l, s.notes.at[i], !opens);
    free(l);
    eg_vec_fini(&s.notes);
    eg_vec_fini(&s.maps);
    linux_windows_fini(&w);
}
