/** mkimage.h - synthetic machines: memory with page tables, structs and symbols in it, written by
 * code, and the eg_system that reads it. Tests say what is where, and what is broken.
 *
 *  The machines are x86-64 with 4 and with 5 levels of tables, AArch64 with pages of 4K and of 16K,
 * riscv64 with 4 and with 5 levels, and an invented one, 32 bits wide, big endian, with pages of
 * 64 KiB: whoever hardens a `>> 12` or a pointer of 8 bytes fails on it.
 * Addresses that follow each other lie in physical pages that do not. A mistake in a test aborts
 * it. */
#ifndef MK_IMAGE_H
#define MK_IMAGE_H

#include "mktypes.h"
#include "run.h"

struct mk_machine {
    const char *name;
    const char *arch; /**< of the library; NULL: the invented one */
    uint8_t levels, page_shift, index_bits, entry_size;
    uint64_t kernel_va;                /**< where memory is mapped from */
    uint64_t entry_flags, table_flags; /**< of a page's entry, and of a table's */
    uint8_t entry_shift; /**< an entry holds an address shifted right by so many bits */
};
static inline uint64_t mk_entry(const struct mk_machine *m, uint64_t pa, bool table)
{
    return pa >> m->entry_shift | (table ? m->table_flags : m->entry_flags);
}
/** The address in an entry: bits above it say what is allowed (x86-64). */
static inline uint64_t mk_entry_pa(const struct mk_machine *m, uint64_t e)
{
    e &= (UINT64_C(1) << 52) - 1;
    return e >> (m->page_shift - m->entry_shift) << m->page_shift;
}
extern const struct mk_machine mk_machines[]; /**< the last has no name */
#define mk_each_machine(m) for (const struct mk_machine *m = mk_machines; m->name; m++)

struct mk;
/** A machine with @ram bytes (rounded up to pages) and the types that @declarations make. What the
 * test program declares (EG_FIELDS, EG_PLUGIN…) joins the registry. */
struct mk *mk_new(const struct mk_machine *m, size_t ram, const char *declarations);
void mk_free(struct mk *k);

const struct eg_model *mk_model(const struct mk *k);
uint64_t mk_page_size(const struct mk *k);
/** The physical memory: for formats and finders. */
uint8_t *mk_ram(struct mk *k, size_t *len);

uint64_t mk_root(const struct mk *k); /**< physical address of the kernel's top page table */

/** Zeroed, mapped memory, aligned for any type. */
uint64_t mk_alloc(struct mk *k, uint64_t size);
/** The next mk_alloc begins @before bytes before the end of a page: what it gives straddles. */
void mk_straddle(struct mk *k, uint64_t before);
/** The same, aligned to @align, a power of two. */
uint64_t mk_alloc_aligned(struct mk *k, uint64_t size, uint64_t align);
uint64_t mk_object(struct mk *k, const char *type);
uint64_t mk_size(struct mk *k, const char *type);

/** Where a member is: mk_at(k, task, "task_struct.tasks"). */
uint64_t mk_at(struct mk *k, uint64_t object, const char *member);
/** Write an integer or pointer into a member of any size, bit-fields too. */
void mk_put(struct mk *k, uint64_t object, const char *member, uint64_t value);
void mk_puts(struct mk *k, uint64_t object, const char *member, const char *text);
void mk_write(struct mk *k, uint64_t va, const void *bytes, size_t len);
void mk_write_ptr(struct mk *k, uint64_t va, uint64_t value); /**< a pointer or unsigned long */
void mk_write_u32(struct mk *k, uint64_t va, uint32_t value);
uint64_t mk_read_ptr(struct mk *k, uint64_t va);

/** Make a circular list of the list_heads @nodes on the list_head @head. */
void mk_list(struct mk *k, uint64_t head, const uint64_t *nodes, size_t n);

/** No page is mapped at @va any more. */
void mk_unmap(struct mk *k, uint64_t va);
/** Map the page of @to at the page of @va, too. */
void mk_alias(struct mk *k, uint64_t va, uint64_t to);

/** Of the page's entry, set the bits @set and clear the bits @clear. */
void mk_protect(struct mk *k, uint64_t va, uint64_t set, uint64_t clear);

void mk_symbol(struct mk *k, const char *name, uint64_t va);
void mk_symbol_sized(struct mk *k, const char *name, uint64_t va, uint32_t size);

/** The system, with all handles resolved; after the last mk_symbol. Memory may still change,
 * mappings only between runs. It belongs to the machine. */
struct eg_system *mk_system(struct mk *k);
/** A run on it, outside of any plugin; mk_free closes it. */
struct eg_run *mk_run(struct mk *k);
/** Notes of the run so far that contain @text. */
size_t mk_notes(const struct eg_run *r, const char *text);

#endif
