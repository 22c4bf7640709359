/** traces.c - what points at a kernel: the format's notes, the boot trampoline's page tables,
 * the VMCOREINFO page. */
#include "find.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VMCOREINFO_MAX = 16 << 10, PAGE = 4096 };

struct eg_vmcoreinfo linux_keep_text(struct linux_finder *f, struct eg_vmcoreinfo t)
{
    t.text = eg_arena_strndup(&f->sys->arena, t.text, t.len);
    return t;
}

static void try_text(struct linux_finder *f, struct eg_vmcoreinfo text, const char *trace)
{
    for (size_t i = 0; linux_arch_nth(i); i++) {
        struct linux_candidate g = { .arch = linux_arch_nth(i), .text = text };

        g.paging.arch = eg_arch_find(g.arch->name);
        if (!g.paging.arch || !g.arch->vmcoreinfo(&text, &g))
            continue;
        if (f->sys->image->movable && g.arch->moves && linux_move_to(f, &g) && f->again)
            return;
        snprintf(g.trace, sizeof g.trace, "%s", trace);
        linux_try(f, &g);
        return;
    }
}

/** A page table root, with each number of levels that its processor knows. */
static bool try_root(struct linux_finder *f, const struct linux_arch *arch, uint64_t root,
                     const char *trace)
{
    struct eg_paging paging = { .arch = eg_arch_find(arch->name), .root = root };

    for (size_t i = 0; linux_mode(arch, i, &paging); i++) {
        struct linux_candidate g = { .arch = arch, .paging = paging };

        if (!g.paging.arch || !linux_image_of(f, &g.paging, &g))
            continue;
        g.has_root = true;
        snprintf(g.trace, sizeof g.trace, "%s %#" PRIx64, trace, root);
        linux_try(f, &g);
        return true;
    }
    return false;
}

void linux_trace_container(struct linux_finder *f)
{
    const struct eg_image *img = f->sys->image;

    if (f->sys->options.has_dtb) {
        bool found = false;

        for (size_t i = 0; linux_arch_nth(i) && !found; i++)
            found = try_root(f, linux_arch_nth(i), f->sys->options.dtb, "--dtb");
        if (!found)
            eg_system_note(f->sys,
                           "--dtb %#" PRIx64 " is no root of a page table that maps a kernel; "
                           "without it the root is looked for",
                           f->sys->options.dtb);
        f->done = true; // what the user says is not bettered
    }
    if (img->vmcoreinfo && !f->done)
        try_text(f, (struct eg_vmcoreinfo){ img->vmcoreinfo, strlen(img->vmcoreinfo) },
                 "VMCOREINFO note of the container");
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
    EG_VEC(uint64_t) found;
    pthread_mutex_t lock;
};

static bool begins_vmcoreinfo(const uint8_t *p)
{
    return !memcmp(p, "OSRELEASE=", 10) ||
           (!memcmp(p + 12, "VMCOREINFO", 11) && !memcmp(p + 24, "OSRELEASE=", 10));
}

static void probe_pages(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    struct pages *s = context;

    (void)v;
    for (size_t at = (size_t)(-pa & (PAGE - 1)); at + PAGE <= len; at += PAGE) {
        /* A name size of 11, in either byte order, or "OSRE". */
        const uint32_t first = eg_le32(p + at);
        uint64_t *slot;

        if ((first != 11 && first != 11u << 24 && first != 0x4552534f) ||
            !begins_vmcoreinfo(p + at))
            continue;
        pthread_mutex_lock(&s->lock);
        slot = eg_vec_push(&s->found);
        if (slot)
            *slot = pa + at;
        pthread_mutex_unlock(&s->lock);
    }
}

static int by_address(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void try_page(struct linux_finder *f, uint64_t pa)
{
    uint8_t bytes[VMCOREINFO_MAX];
    struct eg_vmcoreinfo text;
    char trace[80];
    bool bare;

    eg_read_some(f->v, f->phys, pa, bytes, sizeof bytes, NULL);
    if (!eg_vmcoreinfo_page(bytes, sizeof bytes, &bare, &text))
        return;
    text = linux_keep_text(f, text);
    snprintf(trace, sizeof trace, bare ? "vmcoreinfo_data at %#" PRIx64 : "VMCOREINFO at %#" PRIx64,
             pa);
    if (text.text)
        try_text(f, text, trace);
    if (f->again) { // this very page, where it is now
        f->done = f->again = false;
        try_page(f, f->base + pa);
        f->again = !f->done;
        f->done = true;
    }
}

void linux_trace_pages(struct linux_finder *f)
{
    struct pages s = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct linux_windows w;

    if (!linux_windows_init(&w, f, 0, f->phys->last))
        return;
    while (!f->done && linux_windows_scan(&w, "looking for VMCOREINFO", probe_pages, &s)) {
        if (s.found.n > 1)
            qsort(s.found.at, s.found.n, sizeof *s.found.at, by_address);
        for (size_t i = 0; i < s.found.n && !f->done; i++)
            try_page(f, s.found.at[i]);
        s.found.n = 0;
    }
    eg_vec_fini(&s.found);
    linux_windows_fini(&w);
}
