/** mm/vma.h - the mappings of an address space. */
#ifndef EG_LINUX_VMA_H
#define EG_LINUX_VMA_H

#include "../../../core/engram.h"

EG_FIELDS(vm_area_struct, anon_name, shared, vm_end, vm_file, vm_flags, vm_mm, vm_next, vm_ops,
          vm_pgoff, vm_private_data, vm_rb, vm_start);
EG_FIELDS(vm_special_mapping, name, pages);

/** Mappings of an mm_struct (a cursor on the struct or on a pointer to it), by address: from the
 * maple tree, else from the list. */
struct linux_vma_walk {
    struct eg_obj mm;
    struct eg_index_walk maple;
    struct eg_rb_walk rb;
    uint64_t cur, last_end, n;
    int state;
};
EG_API bool linux_next_vma(struct eg_run *r, struct linux_vma_walk *w, struct eg_obj *vma);
#define linux_each_vma(r, mm_, v)                                                                  \
    for (struct linux_vma_walk EG_CAT(w_, __LINE__) = { .mm = (mm_) };                             \
         linux_next_vma((r), &EG_CAT(w_, __LINE__), &(v));)

/** What /proc/PID/maps says last of a mapping: the file's path, "[heap]", "[anon:name]"; "" where
 * it has none. */
EG_API struct eg_cell linux_vma_name(struct eg_run *r, struct eg_obj mm, struct eg_obj vma);
/** "r-xp": read, write, execute, then private or shared. */
EG_API struct eg_cell linux_vma_flags(struct eg_run *r, struct eg_obj vma);

/** The page of the old system calls (x86), which is in every 64-bit process and in no list; a bad
 * cursor where @mm does not have it. */
EG_API struct eg_obj linux_gate_vma(struct eg_run *r, struct eg_obj mm);

#endif
