/* type_walk - the bare libdwarf walk that `profile make` is measured against: the same C types and
 * members are visited, their names, sizes, offsets and references read, and nothing is kept.
 * `type_walk VMLINUX THREADS`. */
#include "../../core/parallel.h"
#include "../../core/vec.h"
#include "../../profiles/dwarf_unit.h"
#include "../../profiles/elf_file.h"
#include <stdio.h>
#include <stdlib.h>

enum { PIECE = 1 << 18 };

struct walk {
    struct eg_dwarf d;
    struct eg_dwarf_part part; // .debug_info
    EG_VEC(size_t) pieces;
    uint64_t seen[256]; // by worker: so that nothing is optimised away
};

static void read_one(Dwarf_Debug dbg, Dwarf_Die die, uint64_t *seen)
{
    static const Dwarf_Half numbers[] = { DW_AT_byte_size, DW_AT_data_member_location,
                                          DW_AT_const_value };
    Dwarf_Attribute attr;
    Dwarf_Error error;
    Dwarf_Unsigned u;
    Dwarf_Off off;
    char *name;

    (void)dbg;
    if (dwarf_diename(die, &name, &error) == DW_DLV_OK)
        *seen += (unsigned char)name[0];
    for (size_t i = 0; i < countof(numbers); i++)
        if (dwarf_attr(die, numbers[i], &attr, &error) == DW_DLV_OK) {
            if (dwarf_formudata(attr, &u, &error) == DW_DLV_OK)
                *seen += u;
            dwarf_dealloc_attribute(attr);
        }
    if (dwarf_attr(die, DW_AT_type, &attr, &error) == DW_DLV_OK) {
        if (dwarf_global_formref(attr, &off, &error) == DW_DLV_OK)
            *seen += off;
        dwarf_dealloc_attribute(attr);
    }
}

static void children(Dwarf_Debug dbg, Dwarf_Die parent, int depth, uint64_t *seen)
{
    Dwarf_Die die, next;
    Dwarf_Error error;
    Dwarf_Half tag;

    if (depth > 16 || dwarf_child(parent, &die, &error) != DW_DLV_OK)
        return;
    for (;;) {
        if (dwarf_tag(die, &tag, &error) == DW_DLV_OK && tag != DW_TAG_subprogram &&
            tag != DW_TAG_variable && tag != DW_TAG_label && tag != DW_TAG_inlined_subroutine) {
            read_one(dbg, die, seen);
            children(dbg, die, depth + 1, seen);
        }
        int rc = dwarf_siblingof_b(dbg, die, 1, &next, &error);

        dwarf_dealloc_die(die);
        if (rc != DW_DLV_OK)
            return;
        die = next;
    }
}

static int piece(void *context, size_t i, unsigned worker)
{
    struct walk *w = context;
    const size_t from = w->pieces.at[i], to = w->pieces.at[i + 1];
    struct eg_dwarf_window window = { 0 };
    Dwarf_Error error;

    if (!eg_dwarf_window_open(&window, &w->part, w->d.units.at[from].start,
                              w->d.units.at[to - 1].end, &error))
        return 1;
    for (;;) {
        Dwarf_Unsigned next;
        Dwarf_Die die;

        if (dwarf_next_cu_header_d(window.dbg, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                                   &next, NULL, &error) != DW_DLV_OK)
            break;
        if (dwarf_siblingof_b(window.dbg, NULL, 1, &die, &error) == DW_DLV_OK) {
            children(window.dbg, die, 0, &w->seen[worker]);
            dwarf_dealloc_die(die);
        }
    }
    eg_dwarf_window_close(&window);
    return 0;
}

int main(int argc, char **argv)
{
    struct walk w = { 0 };
    struct eg_elf f;
    struct eg_error e;
    uint64_t at, from = 0, sum = 0;
    size_t *to;

    if (argc != 3 || eg_elf_open(&f, argv[1], &e) < 0) {
        fprintf(stderr, "type_walk: %s\n", argc == 3 ? e.text : "usage: type_walk VMLINUX THREADS");
        return 1;
    }
    for (enum eg_dwarf_section s = 0; s < EG_DW_SECTIONS; s++)
        if (eg_elf_section(&f, eg_dwarf_section_name(s), &w.part.at[s].p, &w.part.at[s].len, &e) <
            0)
            return 1;
    w.part.ptr_size = f.model.ptr_size;
    w.part.big_endian = f.model.big_endian;
    if (eg_dwarf_list_units(&w.d, &w.part, &at) < 0)
        return 1;
    for (size_t i = 0; i <= w.d.units.n; i++) {
        at = i < w.d.units.n ? w.d.units.at[i].start : w.part.at[EG_DW_INFO].len;
        if (i && i < w.d.units.n && at - from < PIECE)
            continue;
        if (!(to = eg_vec_push(&w.pieces)))
            return 1;
        *to = i;
        from = at;
    }
    eg_dwarf_lib_init();
    if (eg_parallel((unsigned)atoi(argv[2]), w.pieces.n - 1, piece, &w))
        return 1;
    for (size_t i = 0; i < countof(w.seen); i++)
        sum += w.seen[i];
    printf("%llu\n", (unsigned long long)sum);
    eg_elf_close(&f);
    return 0;
}
