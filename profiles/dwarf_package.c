/* dwarf_package.c - .dwp files: what many .dwo files held, and an index (DWARF 5, 7.3.5; before
 * that https://gcc.gnu.org/wiki/DebugFissionDWP).
 *
 *    version | n columns | n rows | n slots | slots: id … | slots: row, from 1 … |
 *    column: section … | row: column: offset … … | row: column: length … …
 *
 *  Each row is one unit: its offset and length in each section of the package. */
#include "dwarf_files.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

// Sections by their numbers in an index: the same in both versions, as far as we read them.
enum { INFO = 1, TYPES = 2, ABBREV = 3, STR_OFFSETS = 6, SECTIONS = 9 };
enum { HEAD = 16 };

struct index {
    const uint8_t *ids, *rows_of, *columns, *offsets, *lengths;
    uint32_t n_columns, n_rows, n_slots;
    bool big;
};
struct eg_dwarf_package {
    struct index units;
    struct eg_map row_of;          // id of a unit to its row
    struct eg_dwarf_part whole[2]; // all of .debug_info, of .debug_types
};

static uint32_t u32(const struct index *x, const uint8_t *p)
{
    return x->big ? eg_be32(p) : eg_le32(p);
}

static uint64_t u64(const struct index *x, const uint8_t *p)
{
    return x->big ? eg_be64(p) : eg_le64(p);
}

static bool open_index(struct index *x, const uint8_t *p, uint64_t len, bool big)
{
    uint64_t cells, need;
    uint32_t version;

    *x = (struct index){ .big = big };
    if (!len)
        return true;
    if (len < HEAD)
        return false;
    version = u32(x, p);
    // Version 5 has 16 bits, and 16 of padding.
    if (version != 2 && (big ? eg_be16(p) : eg_le16(p)) != 5)
        return false;
    x->n_columns = u32(x, p + 4);
    x->n_rows = u32(x, p + 8);
    x->n_slots = u32(x, p + 12);
    cells = (uint64_t)x->n_columns * x->n_rows;
    if (x->n_columns > SECTIONS || x->n_rows > x->n_slots)
        return false;
    need = HEAD + 12 * (uint64_t)x->n_slots + 4 * (uint64_t)x->n_columns + 8 * cells;
    if (need > len)
        return false;
    x->ids = p + HEAD;
    x->rows_of = x->ids + 8 * (size_t)x->n_slots;
    x->columns = x->rows_of + 4 * (size_t)x->n_slots;
    x->offsets = x->columns + 4 * (size_t)x->n_columns;
    x->lengths = x->offsets + 4 * (size_t)cells;
    return true;
}

// What of @whole is the row's. @return false: it is not inside.
static bool slice(const struct index *x, uint32_t row, const struct eg_dwarf_part *whole,
                  uint32_t own, struct eg_dwarf_part *to)
{
    bool there = false;

    *to = *whole;
    for (uint32_t c = 0; c < x->n_columns; c++) {
        const uint32_t section = u32(x, x->columns + 4 * (size_t)c);
        const size_t cell = 4 * ((size_t)row * x->n_columns + c);
        const uint64_t off = u32(x, x->offsets + cell), len = u32(x, x->lengths + cell);
        const int s = section == own           ? EG_DW_INFO
                      : section == ABBREV      ? EG_DW_ABBREV
                      : section == STR_OFFSETS ? EG_DW_STR_OFFSETS
                                               : EG_DW_SECTIONS;

        if (s == EG_DW_SECTIONS)
            continue;
        if (!eg_within(off, len, whole->at[s].len))
            return false;
        to->at[s].p = whole->at[s].p + off;
        to->at[s].len = len;
        there |= s == EG_DW_INFO;
    }
    return there;
}

static int damaged(const struct eg_dwarf_part *of, struct eg_error *e)
{
    return eg_fail(e, EG_EFORMAT, "%s: its index of units is damaged", of->path);
}

// List the unit of a row, whose section is .debug_info or .debug_types.
static int add_row(struct eg_dwarf_files *f, const struct index *x, uint32_t row,
                   const struct eg_dwarf_part *whole, uint32_t own, struct eg_error *e)
{
    struct eg_dwarf_part *part = eg_arena_new(&f->arena, struct eg_dwarf_part);

    if (!part)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", whole->path);
    if (!slice(x, row, whole, own, part))
        return damaged(whole, e);
    return eg_dwarf_parts_list(f, &(eg_dwarf_parts){ .at = &part, .n = 1 }, e);
}

static int add_type_units(struct eg_dwarf_files *f, struct eg_dwarf_package *p,
                          const struct index *x, struct eg_error *e)
{
    int rc = 0;

    for (uint32_t row = 0; row < x->n_rows && rc == 0; row++)
        rc = p->whole[1].at[EG_DW_INFO].len ? add_row(f, x, row, &p->whole[1], TYPES, e)
                                            : add_row(f, x, row, &p->whole[0], INFO, e);
    return rc;
}

static int read_package(struct eg_dwarf_files *f, struct eg_dwarf_package *p, struct eg_elf *elf,
                        struct eg_error *e)
{
    const bool big = elf->model.big_endian;
    eg_dwarf_parts parts = { 0 };
    const uint8_t *units, *types;
    uint64_t n_units, n_types;
    struct index type_units;
    int rc = eg_dwarf_parts_of(f, elf, true, &parts, e);

    for (size_t i = 0; i < parts.n; i++)
        p->whole[parts.at[i]->types] = *parts.at[i];
    eg_vec_fini(&parts);
    p->whole[0].path = elf->path;
    if (rc == 0)
        rc = eg_elf_section(elf, ".debug_cu_index", &units, &n_units, e);
    if (rc == 0)
        rc = eg_elf_section(elf, ".debug_tu_index", &types, &n_types, e);
    if (rc < 0)
        return rc;
    if (!open_index(&p->units, units, n_units, big) ||
        !open_index(&type_units, types, n_types, big))
        return damaged(&p->whole[0], e);
    for (uint32_t i = 0; i < p->units.n_slots; i++) {
        const uint32_t row = u32(&p->units, p->units.rows_of + 4 * (size_t)i);

        if (row > p->units.n_rows)
            return damaged(&p->whole[0], e);
        if (row &&
            eg_map_add(&p->row_of, u64(&p->units, p->units.ids + 8 * (size_t)i), row - 1) < 0)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", elf->path);
    }
    return add_type_units(f, p, &type_units, e);
}

// As debuggers do: its name and .dwp; without .debug if it has that.
static struct eg_elf *open_beside(struct eg_dwarf_files *f)
{
    const char *path = f->first->path;
    const size_t len = strlen(path);
    struct eg_elf *elf = NULL;
    char at[PATH_MAX];

    if (f->first->n_maps && (size_t)snprintf(at, sizeof at, "%s.dwp", path) < sizeof at)
        elf = eg_dwarf_open_other(f, at);
    if (!elf && f->first->n_maps && len > 6 && !strcmp(path + len - 6, ".debug") &&
        (size_t)snprintf(at, sizeof at, "%.*s.dwp", (int)len - 6, path) < sizeof at)
        elf = eg_dwarf_open_other(f, at);
    return elf;
}

int eg_dwarf_package_open(struct eg_dwarf_files *f, struct eg_dwarf_package **out,
                          struct eg_error *e)
{
    struct eg_elf *elf = open_beside(f);

    if (!elf)
        return 0;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", elf->path);
    return read_package(f, *out, elf, e);
}

void eg_dwarf_package_close(struct eg_dwarf_package *p)
{
    if (p)
        eg_map_fini(&p->row_of);
    free(p);
}

int eg_dwarf_package_add(struct eg_dwarf_files *f, const struct eg_dwarf_package *p, uint64_t id,
                         struct eg_error *e)
{
    uint64_t row;
    int rc;

    if (!eg_map_get(&p->row_of, id, &row))
        return 0;
    rc = add_row(f, &p->units, (uint32_t)row, &p->whole[0], INFO, e);
    return rc < 0 ? rc : 1;
}
