/* zram.c - the table of a zram disk, and its compressors.
 *
 *  Types of the module come from its BTF (since 5.11); before, the layouts are those of Linux 5.10,
 * whose first members nobody has moved since 4.14, and the length of an entry follows from the
 * memory that the table has. */
#include "zram.h"
#include "mm.h"
#include "vmalloc.h"
#include <stdlib.h>

EG_FIELDS_OF("zram", zram, table, mem_pool, disk, disksize);
EG_FIELD_AS_OF("zram", zram_comp, zram, "comps|comp"); // an array since 6.2
EG_FIELD_AS_OF("zram", zram_algs, zram, "comp_algs");
EG_FIELDS_OF("zram", zram_table_entry, handle);
EG_FIELD_AS_OF("zram", zram_flags, zram_table_entry, "flags|attr.flags"); // 7.0
EG_FIELD_AS_OF("zram", zcomp_name, zcomp, "name");
EG_FIELD_AS_OF("zram", zcomp_ops_at, zcomp, "ops"); // since 6.12
EG_FIELD_AS_OF("zram", zcomp_params_at, zcomp, "params");
EG_FIELD_AS_OF("zram", zcomp_ops_name, zcomp_ops, "name");
EG_FIELDS_OF("zram", zcomp_params, dict, dict_sz);
EG_FIELD_AS_OF("zram", zram_stored, zram, "stats.pages_stored.counter");
EG_FIELD_AS_OF("zram", zram_compressed, zram, "stats.compr_data_size.counter");
EG_FIELD_AS_OF("zram", zram_same, zram, "stats.same_pages.counter");
EG_FIELD_AS_OF("zram", zram_huge, zram, "stats.huge_pages.counter");
EG_FIELD_AS_OF("zram", zram_written, zram, "stats.bd_count.counter");
EG_FIELD_AS_OF("zsmalloc", zram_pool_pages, zs_pool, "pages_allocated.counter");
EG_FIELDS(gendisk, disk_name, private_data);
EG_ENUMERATOR(ZRAM_LOCK, "zram_pageflags"); // the first flag until 6.15
EG_ENUMERATOR(ZRAM_SAME, "zram_pageflags");
EG_ENUMERATOR(ZRAM_WB, "zram_pageflags");
EG_ENUMERATOR(ZRAM_HUGE, "zram_pageflags");
EG_ENUMERATOR(ZRAM_COMP_PRIORITY_BIT1, "zram_pageflags"); // since 6.2

enum { NONE = 64, DICTIONARY_MAX = 1 << 20 };

/* Bit number of a flag. */
static uint8_t bit(struct eg_run *r, const struct eg_enumref *e, int64_t usual)
{
    int64_t v = eg_slot(r, eg_e_ZRAM_SAME.id)->kind ? NONE : usual;

    eg_enum_(r, e->id, &v);
    return v >= 0 && v < NONE ? (uint8_t)v : NONE;
}

static void find_flags(struct eg_run *r, struct linux_zram *z)
{
    const uint8_t lock = bit(r, &eg_e_ZRAM_LOCK, 24);

    z->same = bit(r, &eg_e_ZRAM_SAME, 25);
    z->written = bit(r, &eg_e_ZRAM_WB, 26);
    z->huge = bit(r, &eg_e_ZRAM_HUGE, 28);
    z->priority = bit(r, &eg_e_ZRAM_COMP_PRIORITY_BIT1, NONE);
    // The size is below the first flag.
    z->size_bits = EG_MIN(EG_MIN(lock, z->same), 31);
}

/* The table has a memory area of its own, of whole pages. */
static uint64_t stride_of(struct eg_run *r, const struct linux_zram *z, unsigned shift)
{
    static const uint8_t strides[] = { 16, 24, 32 };
    const uint64_t page = UINT64_C(1) << shift;
    const struct linux_area *areas;
    const size_t n = linux_areas(r, &areas);
    const size_t at = eg_lower_bound(n, i, areas[i].last < z->table);

    if (eg_has_type(r, zram_table_entry))
        return eg_size(r, zram_table_entry);
    for (size_t i = 0; at < n && areas[at].first == z->table && i < countof(strides); i++) {
        const uint64_t len = areas[at].last - areas[at].first + 1;
        const uint64_t whole = eg_align_up(z->pages * strides[i], page);

        if (len == whole || len == whole + page) // with a guard page
            return strides[i];
    }
    return 0;
}

static void find_dictionary(struct eg_run *r, const struct linux_reader *m, uint64_t comp,
                            struct linux_dictionary *out)
{
    struct eg_view *v = eg_view_of(r);
    uint64_t params, at, len;
    void *bytes;

    if (!linux_place_get(m, v, comp, linux_place(r, zcomp_params_at, 0), &params) ||
        !linux_place_get(m, v, params, linux_place(r, zcomp_params.dict, 0), &at) || !at ||
        !linux_place_get(m, v, params, linux_place(r, zcomp_params.dict_sz, 0), &len) || !len ||
        len > DICTIONARY_MAX || !(bytes = malloc((size_t)len)))
        return;
    if (eg_read(v, m->kernel, at, bytes, (size_t)len))
        *out = (struct linux_dictionary){ bytes, (size_t)len };
    else
        free(bytes);
}

/* Each compressor, by the name that it has itself; else by what the user asked for. */
static void find_compressors(struct eg_run *r, const struct linux_reader *m, struct linux_zram *z)
{
    const struct linux_place comps = linux_place(r, zram_comp, 16, 8);
    const struct eg_slot *algs = eg_slot(r, eg_f_zram_algs.id);
    const struct eg_slot *all = eg_slot(r, eg_f_zram_comp.id);
    const unsigned n = all->kind == EG_K_ARRAY ? EG_MIN(all->size / 8, LINUX_ZRAM_COMPRESSORS) : 1;
    struct eg_view *v = eg_view_of(r);

    for (unsigned i = 0; i < n; i++) {
        char *name = z->by[i].name;
        uint64_t comp, ops, text = 0;

        if (!linux_word(m, v, z->at + comps.off + 8 * i, &comp) || !comp)
            continue;
        if (!linux_place_get(m, v, comp, linux_place(r, zcomp_ops_at, 0), &ops) ||
            !linux_place_get(m, v, ops, linux_place(r, zcomp_ops_name, 0), &text))
            linux_place_get(m, v, comp, linux_place(r, zcomp_name, 8, 8), &text);
        if (!linux_place_text(m, v, text, name, sizeof z->by[i].name) &&
            !(algs->kind && linux_word(m, v, z->at + algs->off + 8 * i, &text) &&
              linux_place_text(m, v, text, name, sizeof z->by[i].name)))
            *name = 0;
        find_dictionary(r, m, comp, &z->by[i].dict);
    }
}

bool linux_zram_open(struct eg_run *r, uint64_t disk, uint64_t pages, struct linux_zram *z,
                     const char **why)
{
    const struct linux_reader m = { eg_kernel(r), eg_binding_of(r)->model.big_endian };
    struct eg_obj gendisk = eg_object(r, gendisk, disk);
    const char *name = eg_string(r, eg_at(gendisk, gendisk.disk_name), 32);
    struct eg_view *v = eg_view_of(r);
    const unsigned shift = linux_page_shift(r);
    uint64_t back, size;

    *z = (struct linux_zram){ .pages = pages };
    *why = NULL;
    if (!name || strncmp(name, "zram", 4) != 0 || !eg_get(&z->at, gendisk, gendisk.private_data))
        return false;
    *why = "its zram cannot be read";
    if (!linux_place_get(&m, v, z->at, linux_place(r, zram.disk, 24, 8), &back) || back != disk ||
        !linux_place_get(&m, v, z->at, linux_place(r, zram.table, 0, 8), &z->table) ||
        !linux_place_get(&m, v, z->at, linux_place(r, zram.mem_pool, 8, 8), &z->pool))
        return false;
    if (linux_place_get(&m, v, z->at, linux_place(r, zram.disksize, 0), &size))
        z->pages = size >> shift;
    z->stride = stride_of(r, z, shift);
    z->handle = linux_place(r, zram_table_entry.handle, 0, 8);
    z->flags = linux_place(r, zram_flags, 8, 8);
    if (!z->stride)
        return false;
    find_flags(r, z);
    find_compressors(r, &m, z);
    *why = NULL;
    return true;
}

void linux_zram_close(struct linux_zram *z)
{
    for (size_t i = 0; i < countof(z->by); i++)
        free((void *)(uintptr_t)z->by[i].dict.at);
}

void linux_zram_find(const struct linux_zram *z, const struct linux_zsmalloc *zs, struct eg_view *v,
                     uint64_t page, struct linux_zram_page *out)
{
    uint64_t at, flags;

    *out = (struct linux_zram_page){ .missing = "zram's table cannot be read" };
    if (page >= z->pages || !eg_mul(page, z->stride, &at) || !eg_add(z->table, at, &at) ||
        !linux_place_get(&zs->mem, v, at, z->handle, &out->handle) ||
        !linux_place_get(&zs->mem, v, at, z->flags, &flags))
        return;
    out->size = (uint32_t)(flags & ((UINT64_C(1) << z->size_bits) - 1));
    out->same = z->same < NONE && flags >> z->same & 1;
    out->by = z->priority < NONE ? flags >> z->priority & 3 : 0;
    out->raw = out->size == 1u << zs->shift;
    out->missing = NULL;
    if (z->written < NONE && flags >> z->written & 1)
        out->missing = "zram wrote it to its backing device";
    else if (!out->same && !out->handle)
        out->missing = "zram has nothing there";
    else if (!out->same && (!out->size || out->size > 1u << zs->shift))
        out->missing = "zram's size of it cannot be true";
    else if (!out->same && !out->raw && !linux_unpacks(z->by[out->by].name))
        out->missing = *z->by[out->by].name ? "this program has no decompressor for it"
                                            : "zram's compressor for it is not known";
}

const char *linux_unpack_page(struct eg_view *v, const char *compressor,
                              const struct linux_dictionary *dict, const uint8_t *p, size_t n,
                              uint8_t *page, size_t len)
{
    switch (linux_unpack(compressor, dict && dict->at ? dict : NULL, p, n, page, len)) {
    case LINUX_UNPACKED:
        return NULL;
    case LINUX_UNPACK_NO_MEMORY:
        eg_view_starved(v);
        return "out of memory";
    case LINUX_UNPACK_UNKNOWN:
        return "this program has no decompressor for it";
    default:
        return "its compressed data is damaged";
    }
}

const char *linux_unpack_object(struct linux_zsmalloc *zs, struct eg_view *v, uint64_t pool,
                                uint64_t handle, size_t size, const char *compressor,
                                const struct linux_dictionary *dict, uint8_t *page)
{
    const size_t len = (size_t)1 << zs->shift;
    const char *wrong;
    uint8_t *packed;

    if (size > len)
        return "its compressed size cannot be true";
    if (size == len)
        return linux_zsmalloc_read(zs, v, pool, handle, size, page);
    packed = malloc(size ? size : 1);
    if (!packed) {
        eg_view_starved(v);
        return "out of memory";
    }
    wrong = linux_zsmalloc_read(zs, v, pool, handle, size, packed);
    if (!wrong)
        wrong = linux_unpack_page(v, compressor, dict, packed, size, page, len);
    free(packed);
    return wrong;
}

const char *linux_zram_read(const struct linux_zram *z, struct linux_zsmalloc *zs,
                            struct eg_view *v, const struct linux_zram_page *p, uint8_t *page)
{
    if (p->missing)
        return p->missing;
    if (p->same) {
        for (size_t i = 0; i < (size_t)1 << zs->shift; i++)
            page[i] = (uint8_t)(p->handle >> 8 * (zs->mem.big ? 7 - i % 8 : i % 8));
        return NULL;
    }
    return linux_unpack_object(zs, v, z->pool, p->handle, p->size, z->by[p->by].name,
                               &z->by[p->by].dict, page);
}

void linux_zram_count(struct eg_run *r, const struct linux_zram *z, struct linux_zram_stats *out)
{
    const struct linux_reader m = { eg_kernel(r), eg_binding_of(r)->model.big_endian };
    struct eg_view *v = eg_view_of(r);

    *out = (struct linux_zram_stats){ UINT64_MAX, UINT64_MAX, UINT64_MAX,
                                      UINT64_MAX, UINT64_MAX, UINT64_MAX };
    linux_place_get(&m, v, z->at, linux_place(r, zram_stored, 0), &out->stored);
    linux_place_get(&m, v, z->at, linux_place(r, zram_compressed, 0), &out->compressed);
    linux_place_get(&m, v, z->at, linux_place(r, zram_same, 0), &out->same);
    linux_place_get(&m, v, z->at, linux_place(r, zram_huge, 0), &out->huge);
    linux_place_get(&m, v, z->at, linux_place(r, zram_written, 0), &out->written);
    linux_place_get(&m, v, z->pool, linux_place(r, zram_pool_pages, 0), &out->used);
}
