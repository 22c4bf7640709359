/* swap.c - the swap devices of a system, and what reading their pages takes, once for all. */
#include "swap.h"
#include "../../../core/cache.h"
#include "../../../core/run.h"
#include "../fs/file.h"
#include "../sched/task.h"
#include "mm.h"
#include "page.h"
#include "vma.h"
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

EG_FIELDS(block_device, bd_disk);
EG_FIELD_AS(block_bits, inode, "i_blkbits");
EG_FIELDS(swap_cluster_info, table, zero_bitmap); // 6.18
EG_FIELD_AS(swap_mapping_pages, address_space, "i_pages");
EG_TYPE(address_space);
EG_FIELD_AS(swap_page_private, page, "private");
EG_SYMBOL(swap_info, "unsigned long"); // an array of pointers, as long as the release wants it
EG_SYMBOL(nr_swapfiles, "unsigned int");
EG_SYMBOL(swapper_spaces, "unsigned long"); // until 6.17, such arrays too

enum { USED = 1, BLOCK = 1 << 6, SHIFT_64MB = 14 }; // linux/swap.h

/* ---- files of --swap ---- */

bool linux_swap_header(struct eg_view *v, struct eg_space *file, struct linux_swap_header *out)
{
    enum { MAGIC = 10, INFO = 1024, LAST = INFO + 4, UUID = INFO + 12, LABEL = UUID + 16 };
    uint8_t head[LABEL + 16], magic[MAGIC];

    *out = (struct linux_swap_header){ 0 };
    for (out->page = 4096; out->page <= 65536; out->page *= 4) {
        if (!eg_read(v, file, out->page - MAGIC, magic, MAGIC) ||
            memcmp(magic, "SWAPSPACE2", MAGIC) != 0)
            continue;
        if (!eg_read(v, file, 0, head, sizeof head))
            return false;
        out->slots = (uint64_t)eg_le32(head + LAST) + 1;
        memcpy(out->uuid, head + UUID, 16);
        memcpy(out->label, head + LABEL, 16);
        return true;
    }
    return false;
}

const char *linux_swap_given(const char *word, size_t *path)
{
    const char *split = access(word, F_OK) ? strchr(word, '=') : NULL; // a name can have one too

    if (path)
        *path = split ? (size_t)(split - word) : 0;
    return split ? split + 1 : word;
}

/* Of the device that has this path in the analysed machine; else of the only one with
 * as many slots, of those that are not zram. */
static struct linux_swap_device *device_of(struct linux_swap *s, const char *path, size_t len,
                                           uint64_t slots, unsigned *n)
{
    struct linux_swap_device *found = NULL;

    *n = 0;
    for (unsigned i = 0; i < s->n; i++) {
        struct linux_swap_device *d = &s->device[i];

        if (!d->info || (len ? !d->path || strlen(d->path) != len || memcmp(d->path, path, len) != 0
                             : d->zram || d->slots != slots))
            continue;
        found = d;
        ++*n;
    }
    return found;
}

/* A slot is a page's worth of blocks that lie together and aligned on the disk (mm/page_io.c,
 * generic_swapfile_activate): where blocks are smaller than a page, its place in the file is known
 * to the file system alone. */
static bool has_small_blocks(struct eg_run *r, const struct linux_swap *s,
                             const struct linux_swap_device *d)
{
    struct eg_obj info = eg_object(r, swap_info_struct, d->info), inode;
    uint64_t bits;

    if (d->block)
        return false;
    inode = linux_file_inode(r, eg_deref(eg_at(info, swap_info_struct.swap_file)));
    return eg_get(&bits, inode, block_bits) && bits < s->zs.shift;
}

static void give_file(struct eg_run *r, struct linux_swap *s, const char *given)
{
    size_t len;
    const char *name = linux_swap_given(given, &len);
    struct linux_swap_header h;
    struct linux_swap_device *d;
    struct eg_space *file;
    struct eg_error e;
    unsigned n;

    if (eg_file_open(&file, name, &e)) {
        eg_note(r, "--swap: %s", e.text);
        return;
    }
    if (!linux_swap_header(eg_view_of(r), file, &h)) {
        eg_note(r, "--swap %s: it does not begin with the header of a swap area", name);
        h.page = 0;
    } else if (h.page != UINT64_C(1) << s->zs.shift) {
        eg_note(r, "--swap %s: its pages have %" PRIu64 " bytes, this machine's %" PRIu64, name,
                h.page, UINT64_C(1) << s->zs.shift);
        h.page = 0;
    }
    d = h.page ? device_of(s, given, len, h.slots, &n) : NULL;
    if (d && n == 1 && has_small_blocks(r, s, d)) {
        eg_note(
            r,
            "--swap %s: not used: its file system has blocks smaller than a page, so that pages "
            "need not be where their slots are",
            name);
        eg_space_close(file);
        return;
    }
    if (d && n == 1 && !d->file) {
        d->file = file;
        d->file_name = name;
        return;
    }
    eg_space_close(file);
    if (h.page)
        eg_note(r, "--swap %s: %s: say which: --swap PATH=FILE, with a PATH that `swaps` lists",
                name,
                d && d->file ? "another file was given for its device"
                : n          ? "several swap devices have its size"
                             : "no swap device of this machine has its size");
}

/* ---- devices ---- */

static void open_device(struct eg_run *r, struct linux_swap *s, unsigned type)
{
    struct linux_swap_device *d = &s->device[type];
    const uint64_t infos = eg_sym(r, swap_info).addr, spaces = eg_sym(r, swapper_spaces).addr;
    struct eg_view *v = eg_view_of(r);
    struct eg_obj info;
    uint64_t flags, disk, at, own;
    const char *path;

    if (!linux_word(&s->zs.mem, v, infos + 8 * type, &at))
        return;
    info = eg_object(r, swap_info_struct, at);
    // The arrays have an end that is not known: what is one says its own number.
    if (!eg_get(&own, info, swap_info_struct.type) || own != type)
        return;

    if (!eg_get(&flags, info, swap_info_struct.flags) || !(flags & USED) ||
        !eg_get(&d->slots, info, swap_info_struct.max) || !d->slots || d->slots >> LINUX_SLOT_BITS)
        return;
    d->info = info.addr;
    d->block = flags & BLOCK;
    path = linux_file_path(r, eg_deref(eg_at(info, swap_info_struct.swap_file)),
                           (struct eg_obj){ .why = EG_NULL });
    d->path = path ? strdup(path) : NULL;
    d->clusters = eg_get_or(UINT64_C(0), info, swap_info_struct.cluster_info);
    d->zeros = eg_get_or(UINT64_C(0), info, swap_info_struct.zeromap);
    // One for each 64 MiB (mm/swap_state.c, init_swap_address_space).
    if (spaces && linux_word(&s->zs.mem, v, spaces + 8 * type, &d->cache) && d->cache)
        d->n_cache = ((d->slots - 1) >> SHIFT_64MB) + 1;
    if (s->zswap.is_xarray)
        s->zswap.pieces[type] = ((d->slots - 1) >> SHIFT_64MB) + 1;
    if (!d->block || !eg_get(&disk, info, swap_info_struct.bdev, block_device.bd_disk))
        return;
    d->zram = calloc(1, sizeof *d->zram);
    if (!d->zram) {
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for swap devices");
    } else if (!linux_zram_open(r, disk, d->slots, d->zram, &d->wrong)) {
        linux_zram_close(d->zram);
        free(d->zram);
        d->zram = NULL;
    }
}

/* ---- which form entries of page tables have ---- */

enum { FORMS = 4, SAMPLE = 256, STEPS = 1 << 18 };
struct sample {
    uint64_t entries[SAMPLE];
    unsigned n;
    uint64_t steps;
};

static void sample_process(struct eg_run *r, struct eg_obj mm, struct sample *out)
{
    struct eg_space *space = linux_mm_tables(r, mm);
    struct eg_view *v = eg_view_of(r);
    struct eg_obj vma;

    linux_each_vma(r, mm, vma) {
        uint64_t at, end;
        struct eg_extent x;

        if (!space || out->n == SAMPLE || out->steps >= STEPS)
            break;
        if (!eg_get(&at, vma, vm_area_struct.vm_start) || !eg_get(&end, vma, vm_area_struct.vm_end))
            continue;
        for (; at < end && out->n < SAMPLE && out->steps < STEPS; at = x.last + 1, out->steps++) {
            eg_extent_at(v, space, at, &x);
            if (x.why == EG_SWAPPED && !x.level)
                out->entries[out->n++] = x.entry;
            if (x.last >= end)
                break;
        }
    }
    eg_view_forget(v, space);
    eg_space_close(space);
}

/* A slot that a page table names is in use: by zram's table it has something; by any it exists. */
static unsigned plausible(const struct linux_swap *s, struct eg_view *v, struct eg_swap_slot slot)
{
    struct linux_swapped p;

    if (slot.type >= s->n || !s->device[slot.type].info || !slot.offset ||
        slot.offset >= s->device[slot.type].slots)
        return 0;
    linux_swap_find(s, v, slot, &p);
    return p.place != LINUX_SWAP_LOST ? 2 : !s->device[slot.type].zram;
}

/* The newest of those that fit the most entries. */
static void find_form(struct eg_run *r, struct linux_swap *s)
{
    struct sample *sample;
    struct eg_swap_slot slot;
    struct eg_obj task;
    unsigned most = 0;

    if (!s->arch->swap || !s->arch->swap(0, 1, &slot))
        return;
    sample = eg_tmp(r, sizeof *sample);
    linux_each_process(r, task) {
        struct eg_obj mm = eg_deref(eg_at(task, task_struct.mm));

        if (sample->n == SAMPLE || sample->steps >= STEPS)
            break;
        if (!mm.why)
            sample_process(r, mm, sample);
    }
    for (unsigned form = 0; form < FORMS && s->arch->swap(0, form, &slot); form++) {
        unsigned fit = 0;

        for (unsigned i = 0; i < sample->n; i++)
            if (s->arch->swap(sample->entries[i], form, &slot))
                fit += plausible(s, eg_view_of(r), slot);
        if (fit > most) {
            most = fit;
            s->form = form;
        }
    }
}

/* ---- once for a system ---- */

static void find_layouts(struct eg_run *r, struct linux_swap *s)
{
    s->private = linux_place(r, swap_page_private, 0);
    s->table = linux_place(r, swap_cluster_info.table, 0);
    s->cluster_size = eg_size(r, swap_cluster_info);
    s->mapping_size = eg_size(r, address_space);
    s->mapping_pages = eg_offset(r, swap_mapping_pages);
    s->has_xarrays = linux_xarrays_init(r, &s->xarrays) && s->mapping_size;
    s->has_zswap = linux_zswap_open(r, s->n, &s->zswap);
    if (eg_has(r, swap_cluster_info.zero_bitmap)) {
        s->cluster_zeros = eg_offset(r, swap_cluster_info.zero_bitmap);
        s->zeros = eg_slot(r, eg_f_swap_cluster_info.zero_bitmap.id)->kind == EG_K_PTR
                       ? LINUX_ZEROS_BY_POINTER
                       : LINUX_ZEROS_IN_CLUSTER;
    } else if (s->table.size && !eg_has(r, swap_info_struct.zeromap)) {
        s->zeros = LINUX_ZEROS_IN_TABLE;
    }
}

static bool make(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct linux_swap *s = kept;
    unsigned n = 0;

    s->arch = sys->arch;
    s->zs.mem = (struct linux_reader){ eg_kernel(r), eg_binding_of(r)->model.big_endian };
    s->zs.phys = eg_physical(r);
    s->zs.shift = linux_page_shift(r);
    if (!eg_load(&n, eg_sym(r, nr_swapfiles)))
        n = LINUX_SWAP_DEVICES;
    n = EG_MIN(n, (unsigned)LINUX_SWAP_DEVICES);
    if (!n || eg_sym(r, swap_info).why || eg_binding_of(r)->model.ptr_size != 8)
        return true;
    s->n = n;
    s->has_zsmalloc = linux_zsmalloc_init(r, &s->zs);
    find_layouts(r, s);
    for (unsigned i = 0; i < n && !eg_stopped(r); i++)
        open_device(r, s, i);
    while (s->n && !s->device[s->n - 1].info)
        s->n--;
    for (size_t i = 0; i < sys->options.n_swap_files; i++)
        give_file(r, s, sys->options.swap_files[i]);
    find_form(r, s);
    return !eg_stopped(r);
}

static void end(void *kept)
{
    struct linux_swap *s = kept;

    for (unsigned i = 0; i < s->n; i++) {
        struct linux_swap_device *d = &s->device[i];

        if (d->zram)
            linux_zram_close(d->zram);
        free(d->zram);
        free(d->path);
        eg_space_close(d->file);
    }
}

static const struct eg_cache swap = {
    .size = sizeof(struct linux_swap), .make = make, .fini = end, .lasts = true
};

struct linux_swap *linux_swap(struct eg_run *r)
{
    return eg_system_cache(eg_system_of(r), r, &swap);
}
