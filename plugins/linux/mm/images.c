/* images.c - ELF images of a process: its mappings, and the list of its dynamic loader.
 *
 *  The loader (glibc, musl) leaves a struct r_debug for debuggers, to which DT_DEBUG of the program
 * leads; with glibc 2.35 there is one for each namespace of dlmopen(). From it hangs a list of
 * struct link_map: l_addr, l_name, l_ld, l_next, l_prev (glibc, include/link.h; musl, dynlink.c).
 */
#include "images.h"
#include "../../../core/map.h"
#include "../fs/file.h"
#include "../sched/task.h"
#include "filemap.h"
#include "flags.h"
#include "mm.h"
#include "vma.h"
#include <stdlib.h>
#include <string.h>

EG_FIELD_AS(mm_saved_auxv, mm_struct, "saved_auxv");

enum { IMAGES_MAX = 4096, LISTS_MAX = 64, DT_DEBUG = 21, PATH_MAX_ = 512 };

struct making {
    struct eg_run *r;
    struct linux_images *out;
    struct eg_obj mm;
    struct linux_elf program;
    bool has_program, wide, big;
    uint64_t vdso, loader, entry; // of the auxiliary vector
    int pid;
    size_t cap;
};

/* ---- the auxiliary vector ---- */

size_t linux_auxv_bytes(struct eg_run *r, struct eg_obj mm, uint8_t *out, bool *wide)
{
    struct eg_obj all = eg_at(mm, mm_saved_auxv);
    const bool big = mm.bind->model.big_endian;
    const unsigned bytes = all.why ? 0 : EG_MIN(all.size, (unsigned)LINUX_AUXV_BYTES);
    unsigned size = mm.bind->model.long_size;

    (void)r;
    if (!bytes || !eg_read(all.view, all.space, all.addr, out, bytes))
        return 0;
    // A 32-bit program has it in words of 32 bits (fs/compat_binfmt_elf.c): keys are small.
    if (size == 8 && eg_load_(out, 8, big) > 0xffff)
        size = 4;
    if (wide)
        *wide = size == 8;
    for (unsigned at = 0; at + 2 * size <= bytes; at += 2 * size)
        if (!eg_load_(out + at, size, big))
            return at + 2 * size;
    return bytes / (2 * size) * (2 * size);
}

bool linux_auxv(struct eg_run *r, struct eg_obj mm, uint64_t key, uint64_t *value, bool *wide)
{
    uint8_t raw[LINUX_AUXV_BYTES];
    bool is_wide = false;
    const size_t bytes = linux_auxv_bytes(r, mm, raw, &is_wide);
    const bool big = mm.bind->model.big_endian;
    const unsigned size = is_wide ? 8 : 4;

    if (bytes && wide)
        *wide = is_wide;
    for (size_t at = 0; at + 2 * size <= bytes; at += 2 * size) {
        const uint64_t own = eg_load_(raw + at, size, big);

        if (own && own == key) {
            *value = eg_load_(raw + at + size, size, big);
            return true;
        }
    }
    return false;
}

/* ---- what is mapped ---- */

static struct linux_image *add(struct making *k)
{
    struct linux_images *o = k->out;

    if (o->n == IMAGES_MAX) {
        o->broken = true;
        return NULL;
    }
    o->at = eg_grow(k->r, o->at, o->n, &k->cap, sizeof *o->at);
    return &o->at[o->n++];
}

struct linux_image *linux_image_at(const struct linux_images *o, uint64_t va)
{
    enum { NESTED = 8 }; // the vdso may lie in a gap of the loader
    size_t i = eg_lower_bound(o->n_mapped, j, o->at[j].start <= va);

    for (int n = 0; i-- > 0 && n < NESTED; n++)
        if (va < o->at[i].end)
            return &o->at[i];
    return NULL;
}

/* From the header to behind the last segment: what follows of the same file belongs to it. */
static uint64_t end_of(const struct linux_elf *e, uint64_t start, uint64_t vma_end, uint64_t page)
{
    uint64_t end = vma_end;

    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];
        uint64_t last;

        if (s->type == ELF_LOAD && eg_add(s->vaddr, s->memsz, &last) && last + e->bias > end &&
            last + e->bias - start < UINT64_C(1) << 40)
            end = eg_align_up(last + e->bias, page);
    }
    return end;
}

/* A mapping that an image may begin with. */
struct first {
    struct eg_obj vma;
    uint64_t start, end, file;
};

static struct linux_image *add_mapped(struct making *k, const struct first *f)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(k->r);
    struct linux_image *new;
    struct eg_cell name;
    struct linux_elf e = { 0 };
    const bool whole = linux_elf_open(k->r, k->out->space, f->start, false, &e);

    new = add(k);
    if (!new)
        return NULL;
    *new = (struct linux_image){ .mapped = true,
                                 .headless = !whole,
                                 .elf = e,
                                 .start = f->start,
                                 .end = f->end,
                                 .file = LINUX_NOBODY };
    // A copy of a file in anonymous memory is not laid out by its segments.
    if (f->file || f->start == k->vdso)
        new->end = end_of(&e, f->start, f->end, page);
    if (f->file) {
        new->file = eg_deref(eg_at(f->vma, vm_area_struct.vm_file));
        new->cached = linux_file_space(k->r, linux_file_data(k->r, new->file));
    }
    name = linux_vma_name(k->r, k->mm, f->vma);
    new->path = name.tag == EG_CELL_TEXT ? name.bytes.p : "";
    if (f->start == k->vdso)
        new->kind = LINUX_IMAGE_VDSO;
    else if (f->start == k->loader)
        new->kind = LINUX_IMAGE_LOADER;
    else if (k->entry && k->entry >= new->start && k->entry < new->end)
        new->kind = LINUX_IMAGE_PROGRAM;
    // One whose header is missing was found later than where it begins.
    for (k->out->n_mapped++; new > k->out->at &&new[-1].start > new->start; new --) {
        const struct linux_image one = new[-1];

        new[-1] = *new;
        *new = one;
    }
    return new;
}

static void find_mapped(struct making *k)
{
    struct first f, headless = { 0 };
    size_t open = SIZE_MAX; // the image without a header that goes on
    struct eg_obj vma;

    linux_each_vma(k->r, k->mm, vma) {
        uint64_t flags, off;
        struct linux_image *x;
        const uint8_t *p = NULL;

        f = (struct first){ .vma = vma };
        if (!eg_get(&f.start, vma, vm_area_struct.vm_start) ||
            !eg_get(&f.end, vma, vm_area_struct.vm_end) ||
            !eg_get(&flags, vma, vm_area_struct.vm_flags))
            continue;
        f.file = eg_get_or(UINT64_C(0), vma, vm_area_struct.vm_file);
        off = eg_get_or(UINT64_C(1), vma, vm_area_struct.vm_pgoff);
        x = open < k->out->n ? &k->out->at[open] : NULL;
        if (x && x->headless && f.file && f.file == x->file.addr && off) {
            x->end = f.end; // only its mappings tell how far it reaches
            x->executable |= !!(flags & VM_EXEC);
            continue;
        }
        x = linux_image_at(k->out, f.start);
        if (x && x->file.why && !f.file)
            x = NULL;
        if (x) // also where it is not the image's own file: then a segment was replaced
            x->executable |= !!(flags & VM_EXEC);
        if (x && (!f.file || f.file == x->file.addr || off) && f.start != k->vdso)
            continue;
        if (!(f.file && off) && flags & (VM_READ | VM_WRITE | VM_EXEC))
            p = eg_bytes(eg_view_of(k->r), k->out->space, f.start, 4);
        if (f.start == k->vdso || (p && memcmp(p, "\177ELF", 4) == 0)) {
            x = add_mapped(k, &f);
        } else if (f.file && !off && !p) {
            headless = f;
            x = flags & VM_EXEC ? add_mapped(k, &f) : NULL;
        } else if (f.file && f.file == headless.file && off) {
            headless.end = f.end;
            x = flags & VM_EXEC ? add_mapped(k, &headless) : NULL;
        } else {
            continue;
        }
        if (!x)
            continue;
        x->executable |= !!(flags & VM_EXEC);
        open = x->headless && f.file ? (size_t)(x - k->out->at) : open;
    }
}

/* ---- what the loader lists ---- */

static bool pointer(struct making *k, uint64_t at, unsigned i, uint64_t *out)
{
    const unsigned size = k->wide ? 8 : 4;
    const uint8_t *p = eg_bytes(eg_view_of(k->r), k->out->space, at + i * size, size);

    if (p)
        *out = eg_load_(p, size, k->big);
    return p;
}

static void take(struct making *k, uint64_t at, unsigned list, bool one_way)
{
    struct linux_image *x = NULL;
    uint64_t bias, name, dynamic;

    if (!pointer(k, at, 0, &bias) || !pointer(k, at, 1, &name) || !pointer(k, at, 2, &dynamic))
        return;
    if (dynamic)
        x = linux_image_at(k->out, dynamic);
    if (!x || x->listed) {
        // Its dynamic section is nowhere; or two entries claim one image.
        x = add(k);
        if (!x)
            return;
        *x = (struct linux_image){ .path = "", .file = LINUX_NOBODY };
    }
    x->listed = true;
    x->link_map = at;
    x->bias = bias;
    x->dynamic = dynamic;
    x->name = name ? linux_elf_text(k->r, k->out->space, name, PATH_MAX_) : "";
    x->list = list;
    x->one_way = one_way;
}

/* Each entry's l_prev must be where the walk came from. Where it is not, what it leads to is walked
 * backwards: an entry may have been taken out in one direction only. */
static void follow(struct making *k, uint64_t first, unsigned list, struct eg_map *seen)
{
    uint64_t at = first, before = 0, prev, next;

    while (at && !eg_stopped(k->r)) {
        if (!pointer(k, at, 3, &next) || !pointer(k, at, 4, &prev)) {
            eg_note(k->r, "process %d: its list of libraries broke at %#llx: %s", k->pid,
                    (unsigned long long)at, eg_why_text((enum eg_why)eg_view_of(k->r)->why));
            k->out->broken = true;
            return;
        }
        if (!eg_run_map_add(k->r, seen, at, 1)) {
            k->out->broken = true;
            return;
        }
        take(k, at, list, false);
        for (uint64_t other = prev;
             other && other != before && eg_run_map_add(k->r, seen, other, 1);) {
            if (!pointer(k, other, 4, &prev))
                break;
            take(k, other, list, true);
            other = prev;
        }
        before = at;
        at = next;
    }
}

/* r_debug: a version, then at the next pointer's place the list; behind three more words, of
 * version 2, the next one. */
static void follow_lists(struct making *k)
{
    struct eg_map *seen = eg_run_map(k->r);
    const unsigned size = k->wide ? 8 : 4;
    uint64_t at = k->out->debug, first;

    for (unsigned list = 0; at && list < LISTS_MAX; list++) {
        const uint8_t *p = eg_bytes(eg_view_of(k->r), k->out->space, at, 4);
        const uint32_t version = p ? (uint32_t)eg_load_(p, 4, k->big) : 0;

        if (!version || !eg_run_map_add(k->r, seen, at, 1) || !pointer(k, at, 1, &first)) {
            k->out->broken = true;
            return;
        }
        follow(k, first, list, seen);
        if (version < 2 || version > 16 || !pointer(k, at + size, 4, &at))
            return;
    }
}

/* The loader's own variable, where the program does not lead to it. */
static uint64_t debug_of(struct making *k, const struct linux_elf *e)
{
    enum { SYMBOLS_MAX = 4096 }; // a loader exports few
    struct linux_elf_table t;
    struct linux_elf_symbol *s;
    size_t n = 0;

    if (linux_elf_dynamic_table(k->r, e, &t) && t.n <= SYMBOLS_MAX)
        n = linux_elf_symbols(k->r, e, true, &s);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(s[i].name, "_r_debug") || !strcmp(s[i].name, "_dl_debug_addr"))
            return s[i].value + e->bias;
    return 0;
}

static void find_list(struct making *k)
{
    struct linux_images *o = k->out;
    const struct linux_image *loader = k->loader ? linux_image_at(o, k->loader) : NULL;
    bool has_dynamic = false;

    for (unsigned i = 0; i < k->program.n_segments; i++) {
        const struct linux_elf_segment *s = &k->program.segments[i];
        uint64_t at;

        has_dynamic |= s->type == ELF_DYNAMIC;
        if (s->type == ELF_INTERP && linux_elf_place(&k->program, s->vaddr, 1, &at))
            o->interpreter = linux_elf_text(k->r, o->space, at, s->memsz);
    }
    if (has_dynamic)
        linux_elf_dynamic(k->r, &k->program, DT_DEBUG, &o->debug);
    if (!o->debug && loader && !loader->headless)
        o->debug = debug_of(k, &loader->elf);
    if (!o->debug && !o->interpreter && has_dynamic)
        o->debug = debug_of(k, &k->program); // the loader was called as a program
    if (o->debug)
        follow_lists(k);
}

static int by_address(const void *a, const void *b)
{
    const struct linux_image *x = a, *y = b;
    const uint64_t p = x->mapped ? x->start : UINT64_MAX, q = y->mapped ? y->start : UINT64_MAX;

    if (p != q)
        return p < q ? -1 : 1;
    return x->link_map < y->link_map ? -1 : x->link_map > y->link_map;
}

bool linux_images(struct eg_run *r, struct eg_obj task, struct linux_images *out)
{
    struct making k = { .r = r, .out = out, .mm = eg_deref(eg_at(task, task_struct.mm)) };
    uint64_t headers, n = 0;

    *out = (struct linux_images){ 0 };
    k.pid = eg_get_or(-1, task, task_struct.tgid);
    if (k.mm.why || !(out->space = linux_mm_backed_space(r, k.mm)))
        return false;
    k.wide = k.mm.bind->model.ptr_size == 8;
    k.big = k.mm.bind->model.big_endian;
    if (linux_auxv(r, k.mm, AT_PHDR_, &headers, &k.wide)) {
        linux_auxv(r, k.mm, AT_PHNUM_, &n, NULL);
        linux_auxv(r, k.mm, AT_BASE_, &k.loader, NULL);
        linux_auxv(r, k.mm, AT_VDSO_, &k.vdso, NULL);
        linux_auxv(r, k.mm, AT_ENTRY_, &k.entry, NULL);
        k.has_program = linux_elf_of_headers(r, out->space, headers, n, k.wide, k.big, &k.program);
    }
    find_mapped(&k);
    find_list(&k);
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, by_address);
    out->is_static = k.has_program && !out->interpreter && !out->debug && !k.loader;
    return true;
}
