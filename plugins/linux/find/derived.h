/** derived.h - variables that no symbol table lists: what derived.c and its conditions share. Not
 * for others: locate.h has linux_derive(). */
#ifndef EG_LINUX_DERIVED_H
#define EG_LINUX_DERIVED_H

#include "finder.h"

struct derive {
    struct linux_finder *f;
    const struct linux_candidate *c;
    const struct eg_model *model;
    const uint64_t *found; /**< of the symbols of derived.c, in its order; 0: not found (yet) */
};

/** The condition for an address. */
struct test {
    bool (*passes)(const struct derive *d, const struct test *t, uint64_t va);
    const char *type;   /**< of the object, or of the elements of a list or idr */
    const char *key;    /**< member of the object that the condition begins with, which is not 0 */
    uint16_t key_at;    /**< the same of an object whose layout no types tell: its offset */
    const char *link;   /**< member that links the elements */
    const char *name;   /**< member that is an element's name or id; or what the key points to */
    const char *own;    /**< member that points to the element itself; NULL: none */
    const char *behind; /**< type to which link points, if the name is a member of that */
    bool inside;        /**< code may use an address inside the object */
    bool no_pointer;    /**< the condition does not begin with a pointer */
    bool anywhere;      /**< nothing else in an image passes: all of its data may be tested */
};

/** A symbol of the tables, or one that was derived before. */
bool derived_sym(const struct derive *d, const char *name, uint64_t *va);
static inline bool derived_in_image(const struct derive *d, uint64_t va)
{
    return va >= d->c->start && va < d->c->end;
}
static inline bool derived_pointer(const struct derive *d, uint64_t at, uint64_t *out)
{
    return linux_ptr(d->f->v, d->c->space, d->model, at, out);
}
static inline bool derived_member(const struct derive *d, const char *type, const char *name,
                                  uint64_t *off, uint64_t *size)
{
    return linux_member(&d->c->ts, type, name, off, size);
}
uint64_t derived_size(const struct derive *d, const char *type);
/** The link-time address of the per-CPU variables: the address of the first per-CPU area minus
 * __per_cpu_offset[0] (mm/percpu.c). @at: address of the pointer to that area. */
bool derived_percpu_start(const struct derive *d, uint64_t at, uint64_t *va);

/** x86: is @base the address of the struct page of frame 0? */
bool derived_is_memmap(const struct derive *d, uint64_t base);

/* The conditions. */
#define DERIVED_TESTS(X)                                                                           \
    X(list_of)      /* type, link, name, own: a list that closes, whose elements have names */     \
    X(idr_of)       /* type, name; link, behind: an idr whose objects store their own ids */       \
    X(text_pointer) /* a pointer, out of the image, to text */                                     \
    X(vmcoreinfo)   /* a pointer to the text of VMCOREINFO */                                      \
    X(points_at)    /* type, key, name: an object whose member points to the symbol */             \
    X(points_home)  /* type, key, link: an object two members of which point to itself */          \
    X(majors)       /* type, link, name: a table of structs by the rest of their number by 255 */  \
    X(hash_table)   /* type, link, key: a pointer to chains of structs that have such a pointer */ \
    X(hash_shift)   /* the same, and name: how many chains that table has, as a power of two */    \
    X(midr)         /* arm64: a per-CPU struct with the number of the processor's model */         \
    X(irq_tree)     /* a radix tree of irq_descs that store their own numbers */                   \
    X(says)         /* type, key, name: an object whose member points to the text */               \
    X(timekeeper)   /* a sequence count followed by a timekeeper */                                \
    X(unit_size)    /* the distance between the per-CPU areas of the first two CPUs */             \
    X(first_unit)   /* a pointer to the first per-CPU area */                                      \
    X(cpu_offsets)  /* __per_cpu_offset[] */                                                       \
    X(log_ring)     /* a pointer to the ring of the kernel's log */                                \
    X(vsyscall_page) /* type, key: the mapping of x86's vsyscall page */                           \
    X(banner)        /* the kernel's line about itself */                                          \
    X(one_of_three)  /* a number of an enumeration of three */                                     \
    X(linear_base)   /* x86: the virtual address of physical 0 in the linear map */                \
    X(memmap_base)   /* x86: that of the struct page of frame 0 */                                 \
    X(vmalloc_base)  /* x86: where the vmalloc range begins */                                     \
    X(boot_params)   /* x86: what the boot loader passed */                                        \
    X(module_btfs)   /* btf_modules: a list that closes, of structs with the types of a module */  \
    X(swap_devices)  /* swap_info[]: pointers to structs that store their own number */            \
    X(swap_caches)   /* swapper_spaces[]: pointers to address spaces of no file */                 \
    X(zswap_trees)   /* zswap_trees[]: pointers to trees of entries that store their device */
#define DERIVED_TEST_(name)                                                                        \
    bool derived_##name(const struct derive *d, const struct test *t, uint64_t va);
DERIVED_TESTS(DERIVED_TEST_)

#endif
