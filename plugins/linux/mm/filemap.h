/** mm/filemap.h - the bytes of a file as memory holds them (the page cache, mm/filemap.c). */
#ifndef EG_LINUX_FILEMAP_H
#define EG_LINUX_FILEMAP_H

#include "../../../core/space.h"

/** The file of @inode (a cursor on the struct) as an address space, whose addresses are offsets in
 * the file: a page that is cached lies in physical memory, folios of any size and entries with
 * siblings included; one that is not is a hole (EG_NOT_CACHED; of shared memory that was swapped
 * out EG_SWAPPED, if swap (swap.h) cannot give it). What is behind the file's size is
 * EG_NOT_PRESENT. Kept by the system. NULL: the inode cannot be read. */
EG_API struct eg_space *linux_file_space(struct eg_run *r, struct eg_obj inode);
/** Bytes of a file (i_size). */
EG_API bool linux_file_size(struct eg_obj inode, uint64_t *size);
/** The inode whose pages a struct file maps: with overlayfs that of the layer below. */
EG_API struct eg_obj linux_file_data(struct eg_run *r, struct eg_obj file);

/** A process's memory as linux_mm_space() has it, and where its page tables have nothing yet of a
 * mapped file what the page cache holds of it: the same bytes, which the process would have found
 * there (mm/backed.c). What is neither is EG_NOT_CACHED; what no program can read, devices and
 * what is behind the end of a file, stays EG_NOT_PRESENT. Kept by the system. */
EG_API struct eg_space *linux_mm_backed_space(struct eg_run *r, struct eg_obj mm);

#endif
