/** locate.c - complete a candidate after its tables were read: delta (virtual minus physical
 * address of the image) and the root of its page tables. */
#include "locate.h"
#include "base.h"
#include "given.h"
#include "load.h"
#include "swapper.h"
#include <inttypes.h>

enum { SEARCH = 64 << 20, PAGE = 4096 };

/** By the kernel's struct btf, which contains the virtual address of the BTF and a copy of its
 * header (kernel/bpf/btf.c). */
static bool delta_of_btf(struct linux_finder *f, const struct linux_candidate *c, uint64_t *delta)
{
    const struct eg_model *m = &c->paging.arch->model;
    uint64_t hdr, data, va;
    uint8_t own[24], copy[24];

    if (!c->types || !linux_member(&c->ts, "btf", "hdr", &hdr, NULL) ||
        !linux_member(&c->ts, "btf", "data", &data, NULL) ||
        !eg_read(f->v, f->phys, c->btf, own, sizeof own))
        return false;
    for (size_t i = 0; i < f->n_btf; i++) {
        if (f->btf[i] == c->btf || f->btf[i] < hdr ||
            !eg_read(f->v, f->phys, f->btf[i], copy, sizeof copy) ||
            memcmp(own, copy, sizeof own) != 0 ||
            !linux_ptr(f->v, f->phys, m, f->btf[i] - hdr + data, &va) || va < c->arch->image_min ||
            va > c->arch->image_max)
            continue;
        *delta = va - c->btf;
        return true;
    }
    return false;
}

/** The virtual address of init_task, which is at physical @pa, if the types are not known. Its
 * members real_parent and parent are adjacent and both point to init_task: two equal words that
 * are an address in the image with the same offset in a page. */
static bool self_pointers(struct linux_finder *f, const struct linux_candidate *c, uint64_t pa,
                          uint64_t *va)
{
    const struct eg_model *m = &c->paging.arch->model;
    uint64_t last = 0;

    for (uint64_t at = 0; at < 16384; at += m->ptr_size) {
        if (!linux_spend(f, LINUX_WORDS, 1) || !linux_ptr(f->v, f->phys, m, pa + at, va))
            return false;
        if (*va == last && linux_in_image(c->arch, *va) && (*va - pa) % PAGE == 0)
            return true;
        last = *va;
    }
    return false;
}

/** By init_task, which is its own parent: the pointer is its virtual address. */
static bool delta_of_init_task(struct linux_finder *f, const struct linux_candidate *c,
                               uint64_t *delta)
{
    uint64_t pa, off, va;

    if (!linux_sym_pa(c, "init_task", &pa))
        return false;
    if (linux_member(&c->ts, "task_struct", "real_parent", &off, NULL)
            ? !linux_ptr(f->v, f->phys, &c->paging.arch->model, pa + off, &va)
            : !self_pointers(f, c, pa, &va))
        return false;
    *delta = va - pa;
    return linux_in_image(c->arch, va);
}

/** By names for which kallsyms has a virtual and the export table a physical address: the
 * difference that most of them have. */
static bool delta_by_vote(const struct linux_candidate *c, uint64_t *delta)
{
    uint64_t best = 0;
    size_t count = 0, votes = 0, agree = 0;

    if (!c->symbols || !c->exports || c->symbols_are_physical)
        return false;
    for (unsigned pass = 0; pass < 2; pass++) /* pass 0 finds the majority, pass 1 counts it */
        for (uint32_t i = 0; i < c->exports->n_symbols; i++) {
            const struct eg_symbol *x = &c->exports->symbols[i], *s;
            uint32_t iter = 0;

            s = eg_profile_symbol(c->symbols, c->exports->strings + x->name, &iter);
            if (!s)
                continue;
            if (pass) {
                votes++;
                agree += s->addr - x->addr == best;
            } else if (!count) {
                best = s->addr - x->addr;
                count = 1;
            } else {
                count += s->addr - x->addr == best ? 1 : (size_t)-1;
            }
        }
    *delta = best;
    return votes >= 64 && agree >= votes / 2;
}

/** By the banner in memory. There are other texts like it; for the kernel's own, the difference
 * is a multiple of the page size and leads to init_task. */
static bool delta_of_banner(struct linux_finder *f, const struct linux_candidate *c,
                            uint64_t *delta)
{
    static const char banner[] = "Linux version ";
    struct linux_pieces ro = { f->v, f->phys, c->ro_from, c->ro_to, !c->ro_to };
    uint64_t va, task, self, pa;
    const uint8_t *p;
    size_t len;

    if (c->symbols_are_physical || !linux_sym(c, "linux_banner", &va) ||
        !linux_sym(c, "init_task", &task))
        return false;
    while (!eg_cancelled && (p = linux_next_piece(&ro, &pa, &len))) {
        const uint8_t *hit = memmem(p, len, banner, sizeof banner - 1);

        if (!hit)
            continue;
        pa += (uint64_t)(hit - p);
        *delta = va - pa;
        if (*delta % PAGE == 0 && self_pointers(f, c, task - *delta, &self) && self == task)
            return true;
        ro.at = pa + 1; // continue behind this text
        ro.done = false;
    }
    return false;
}

/** Delta by the first method that works. */
static bool delta_of(struct linux_finder *f, const struct linux_candidate *c, uint64_t *delta)
{
    uint64_t va;

    if (!c->symbols_are_physical && c->btf && linux_sym(c, "__start_BTF", &va) &&
        linux_in_image(c->arch, va)) {
        *delta = va - c->btf;
        return true;
    }
    return delta_of_init_task(f, c, delta) || delta_by_vote(c, delta) ||
           delta_of_btf(f, c, delta) || delta_of_banner(f, c, delta);
}

/** Now that delta is known, symbols at physical addresses get their virtual ones. */
static void set_delta(struct linux_candidate *c, uint64_t delta)
{
    c->delta = delta;
    c->has_delta = true;
    if (c->symbols_are_physical)
        c->shift = delta;
    c->symbols_are_physical = false;
}

/** How many symbols, and the image's first byte, do these page tables map to the address that the
 * delta gives? 0 if one of them is mapped elsewhere, or not at all. init_task is data, which the
 * user half of an isolated page table does not map. */
static unsigned maps_image(struct linux_finder *f, const struct linux_candidate *c,
                           const struct eg_paging *paging)
{
    static const char *const names[] = { "init_task",   "_stext",         "linux_banner",
                                         "init_uts_ns", "swapper_pg_dir", "modules" };
    struct eg_space *as;
    uint64_t linear, root;
    unsigned n;

    if (eg_paging_open(&as, NULL, f->phys, paging, NULL) < 0)
        return 0;
    /* The trampoline's table and the user half of an isolated one lack the linear map. */
    n = !c->arch->linear(f->v, f->phys, c, paging->root, &linear) ||
        (eg_translate(f->v, as, linear, f->phys, &root) && root == paging->root);
    for (size_t i = 0; n && i <= countof(names); i++) {
        uint64_t va = c->start, pa;

        if (i < countof(names) ? !linux_sym(c, names[i], &va) : !va)
            continue;
        if (!eg_translate(f->v, as, va, f->phys, &pa) || pa != va - c->delta) {
            n = 0;
            break;
        }
        n++;
    }
    linux_space_close(f->v, as);
    return n;
}

/** The kernel's top-level table, by its symbol. */
static bool root_of(struct linux_finder *f, const struct linux_candidate *c, struct eg_paging *p)
{
    for (const char *const *name = c->arch->roots; *name; name++) {
        uint64_t va;

        if (!linux_sym(c, *name, &va))
            continue;
        *p = c->paging;
        p->root = va - c->delta;
        linux_set_encryption(f->v, f->phys, c->arch, p);
        for (size_t i = 0; linux_mode(c->arch, i, p); i++)
            if (maps_image(f, c, p) > 1)
                return true;
    }
    return false;
}

/** Physical memory in which the image is, and what the boot put beside it. */
static struct eg_range near_image(const struct linux_finder *f, const struct linux_candidate *c)
{
    uint64_t last;

    if (!eg_add(c->ro_to, SEARCH, &last))
        last = UINT64_MAX;
    return (struct eg_range){ c->ro_from > SEARCH ? c->ro_from - SEARCH : 0,
                              EG_MIN(last, f->phys->last) };
}

/** Is the top-level table the kernel's own? That is inside the image that it maps, and has no user
 * memory. The tables of processes and of the boot map the kernel too, and pages of the image that
 * were freed can hold one. */
static bool root_in_image(struct linux_finder *f, const struct linux_candidate *c,
                          const struct eg_paging *p)
{
    struct linux_candidate image = *c;
    struct eg_extent x;
    struct eg_space *as;
    bool own;

    if (!linux_image_of(f, p, &image) || p->root + c->delta < image.start ||
        p->root + c->delta >= image.end || eg_paging_open(&as, NULL, f->phys, p, NULL) < 0)
        return false;
    own = !eg_next_mapped(f->v, as, 0, INT64_MAX, &x);
    linux_space_close(f->v, as);
    return own;
}

/** No symbol of the root: every page of the image and near it is tried as one. If none is the
 * kernel's own, the trace's is taken, else the first that maps the image. */
static bool root_by_search(struct linux_finder *f, const struct linux_candidate *c,
                           struct eg_paging *p)
{
    const struct eg_range in = near_image(f, c);
    struct eg_paging first = c->paging;
    bool maps = c->has_root && maps_image(f, c, &first) > 1;

    *p = c->paging;
    for (uint64_t pa = eg_align_up(in.first, PAGE);
         pa < in.last && in.last - pa >= PAGE - 1 && !eg_cancelled; pa += PAGE)
        for (size_t i = 0; linux_mode(c->arch, i, p) && linux_spend(f, LINUX_ROOTS, 1); i++) {
            p->root = pa;
            p->enc_mask = c->paging.enc_mask;
            linux_set_encryption(f->v, f->phys, c->arch, p);
            if (maps_image(f, c, p) < 2)
                continue;
            if (root_in_image(f, c, p))
                return true;
            if (!maps)
                first = *p;
            maps = true;
        }
    *p = first;
    return maps || c->has_root;
}

/** The root: by its symbol, else that of the trace, else by search. */
static bool find_root(struct linux_finder *f, const struct linux_candidate *c, struct eg_paging *p)
{
    uint64_t va;

    if (root_of(f, c, p))
        return true;
    *p = c->paging;
    return (!linux_sym(c, "init_task", &va) && !c->start) ||
                   (c->has_root && maps_image(f, c, p) > 1 && root_in_image(f, c, p))
               ? c->has_root
               : root_by_search(f, c, p);
}

/** The text of VMCOREINFO, by the kernel's pointer to it. */
static void text_of(struct linux_finder *f, struct linux_candidate *c)
{
    uint8_t page[PAGE];
    uint64_t at, p;
    struct eg_vmcoreinfo t;
    bool bare;

    if (linux_sym(c, "vmcoreinfo_data", &at) &&
        linux_ptr(f->v, c->space, &c->paging.arch->model, at, &p) &&
        eg_read(f->v, c->space, p, page, sizeof page) &&
        eg_vmcoreinfo_page(page, sizeof page, &bare, &t) &&
        (t.text = eg_arena_strndup(&f->sys->arena, t.text, t.len)))
        c->text = t;
}

/** A kernel whose init_task no symbol table names: the first object that looks like it by its type,
 * and that page tables map. */
static bool find_first_task(struct linux_finder *f, struct linux_candidate *c)
{
    const struct eg_range in = near_image(f, c);
    struct linux_first_task found[LINUX_FIRST_TASKS_MAX];
    uint64_t va;
    size_t n;

    if (!c->ts.n_layers || !c->ro_to || linux_sym(c, "init_task", &va))
        return false;
    n = linux_first_tasks(f, c->arch, &c->ts, in.first, in.last, found, NULL);
    for (size_t i = 0; i < n; i++) {
        const uint64_t delta = found[i].va - found[i].pa;
        struct linux_candidate with = *c;
        struct eg_paging root;

        if (c->has_delta && delta != c->delta)
            continue;
        with.init_task = found[i].va;
        set_delta(&with, delta);
        if (find_root(f, &with, &root)) {
            with.paging = root;
            with.has_root = true;
            *c = with;
            return true;
        }
    }
    return false;
}

/** Do symbols of a file from a profile folder, which may belong to the kernel by its name only,
 * agree with those that are known without it? */
static bool agrees(struct linux_finder *f, const struct linux_candidate *c)
{
    static const char *const names[] = { "init_task", "init_uts_ns", "swapper_pg_dir", "_stext" };
    struct linux_candidate without = *c;

    without.given = NULL;
    for (size_t i = 0; i < countof(names); i++) {
        uint64_t known, given;

        if (linux_sym(&without, names[i], &known) && linux_given_sym(c, names[i], &given) &&
            known != given) {
            eg_system_note(f->sys,
                           "profile folders: %s is of another kernel: its %s is at %#" PRIx64
                           ", that of the image at %#" PRIx64,
                           c->given->symbols[0]->source, names[i], given, known);
            return false;
        }
    }
    return true;
}

/** A crash kernel has the address of the crashed kernel's ELF headers (kernel/crash_dump.c). */
static bool is_capture_kernel(struct linux_finder *f, const struct linux_candidate *c)
{
    uint64_t at, headers;

    return linux_sym(c, "elfcorehdr_addr", &at) &&
           eg_read_u64(f->v, c->space, at, c->paging.arch->model.big_endian, &headers) &&
           headers != UINT64_MAX;
}

void linux_locate(struct linux_finder *f, struct linux_candidate *c)
{
    const struct linux_given *const given = c->given;
    const uint64_t traced = c->paging.root;
    struct eg_paging root;
    uint64_t delta;
    bool found;

    if (!c->has_delta && delta_of(f, c, &delta))
        set_delta(c, delta);
    found = find_first_task(f, c);
    if (!c->has_delta)
        return;
    if (f->sys->image->movable && c->arch->moves && !c->has_root && linux_move_by_symbols(f, c))
        return;
    if (!found && find_root(f, c, &root)) {
        c->paging = root;
        c->has_root = true;
    }
    if (c->has_root && (c->paging.root != traced || !c->start))
        linux_image_of(f, &c->paging, c);
    if (!c->has_root || eg_paging_open(&c->space, NULL, f->phys, &c->paging, NULL) < 0)
        return;
    if (!c->text.text)
        text_of(f, c);
    if (!c->text.text && (c->derived = linux_derive(f, c)))
        text_of(f, c);
    if (!linux_notes_build_id(f->v, c, c->notes_id, sizeof c->notes_id) && c->text.text)
        eg_vmcoreinfo_text(&c->text, "BUILD-ID", c->notes_id, sizeof c->notes_id);
    if (!c->given && (c->given = linux_given_find(f, c))) {
        if (agrees(f, c))
            linux_use_types(c);
        else
            c->given = NULL;
    }
    if (!c->derived || c->text.text || c->given != given) { // more is known now
        eg_profile_free(c->derived);
        c->derived = NULL;
        c->derived = linux_derive(f, c);
    }
    c->captures = is_capture_kernel(f, c);
}
