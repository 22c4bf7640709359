/** derived.h - variables that no symbol table lists: what derived.c, its table and its conditions
 * share. Not for others: locate.h has linux_derive(). */
#ifndef EG_LINUX_DERIVED_H
#define EG_LINUX_DERIVED_H

#include "finder.h"

struct derive {
    struct linux_finder *f;
    const struct linux_candidate *c;
    const struct eg_model *model;
    const uint64_t *found; /**< of linux_derivable, in their order; 0: not found (yet) */
    uint64_t *room;        /**< for the size of a variable, if its condition tells it */
};

/** The condition for an address. */
struct test {
    bool (*passes)(const struct derive *d, const struct test *t, uint64_t va);
    const char *type;   /**< of the object, or of the elements of a list or idr */
    const char *key;    /**< member of the object that the condition begins with, which is not 0 */
    uint16_t key_at;    /**< the same of an object whose layout no types tell: its offset */
    uint16_t count;     /**< elements of an array, at most; or bits of a number */
    const char *link;   /**< member that links the elements */
    const char *name;   /**< member that is an element's name or id; or what the key points to */
    const char *own;    /**< member that points to the element itself; NULL: none */
    const char *behind; /**< type to which link, or key, points, if the rest is a member of that */
    const char *calls;  /**< members, "a|b|c", one of which leads to code */
    const char *used;   /**< members whose addresses the code uses, not the object's; NULL: none */
    bool inside;        /**< code may use an address inside the object */
    bool no_pointer;    /**< the condition does not begin with a pointer */
    bool alone;         /**< the condition is weak: the code must use no other data of the image */
    bool anywhere;      /**< nothing else in an image passes: all of its data may be tested */
};

/** One line of the table, and how it is found: */
struct derived_symbol {
    const char *name;
    const char *arch;    /**< the only processor whose kernels have it; NULL: any */
    const char *plugins; /**< that show nothing, or less, without it; NULL: none */
    bool (*find)(const struct derive *d, const struct derived_symbol *s, uint64_t *va);
    const char *from;          /**< functions that use it, separated by blanks; or an object */
    const char *type, *member; /**< of that object: the member that points to it */
    struct test test;
};
enum { DERIVED_MAX = 160 };
EG_API extern const struct derived_symbol linux_derivable[]; /* for tests too */
EG_API extern const size_t linux_derivable_n;

#define DERIVED_WAYS(X)                                                                            \
    X(by_code)         /* the code of .from uses it, and nothing else there passes the test */     \
    X(by_pointer)      /* the object .from points to it */                                         \
    X(by_two_pointers) /* the same, of the object that this leads to */                            \
    X(by_text)         /* a text in the image's data, where init_uts_ns is not known */            \
    X(by_type)         /* init_task, as it was found by its type */                                \
    X(by_root)         /* the top table, if it is the kernel's own */                              \
    X(by_sections_or_mapping) /* the struct page of frame 0 */                                     \
    X(by_first_cpu)           /* from the pointer to the first per-CPU area */                     \
    X(by_rights)              /* constants behind .from, by what page tables allow */
#define DERIVED_WAY_(name)                                                                         \
    bool derived_##name(const struct derive *d, const struct derived_symbol *s, uint64_t *va);
DERIVED_WAYS(DERIVED_WAY_)

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
static inline bool derived_word(const struct derive *d, uint64_t at, uint32_t *out)
{
    return eg_read_u32(d->f->v, d->c->space, at, d->model->big_endian, out);
}
/** Is there a NUL-terminated text of at least one printable character? */
bool derived_is_text(const struct derive *d, uint64_t at);
/** May the processor execute what is there? */
bool derived_is_code(const struct derive *d, uint64_t va);
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
    X(zswap_trees)   /* zswap_trees[]: pointers to trees of entries that store their device */     \
    X(list_calls)    /* type, link, calls, key: a list that closes, whose elements lead to code */ \
    X(lists)         /* the same, name, count: an array of such lists, by the elements' number */  \
    X(chain_of)      /* type, link, name: a pointer to the first of structs with names */          \
    X(array_calls)   /* type, calls, name, count: an array of pointers to structs that do so */    \
    X(functions)     /* count, name: an array of pointers to code, that function among them */     \
    X(hash_of)       /* type, link, key, count: an array of chains, as those of hash_table */      \
    X(zeros)         /* count: pointers that are all NULL */                                       \
    X(number)        /* count: a number of so many bits */                                         \
    X(tree_of)       /* type, link, key: a tree of structs that have such a pointer */             \
    X(pointer_says)  /* type, key, name: a pointer to an object whose member leads to the text */  \
    X(numbers_map)   /* a pointer to a kobj_map: who has which numbers of devices */               \
    X(ftrace_ops)    /* a pointer to a chain of ftrace_ops that ends with the stub */              \
    X(ftrace_pages)  /* a pointer to a page of ftrace's records */                                 \
    X(points_first)  /* where the table of tracepoints begins */                                   \
    X(points_end)    /* where it ends */                                                           \
    X(jumps_first)   /* where the table of jump labels begins */                                   \
    X(jumps_end)     /* where it ends */                                                           \
    X(hook_heads)    /* security_hook_heads: lists of what security modules are asked */           \
    X(hook_calls)    /* the static calls that took their place in 6.12 */                          \
    X(call_records)  /* a pointer to pointers to records of system calls, by their number */       \
    X(task_of_cpu)   /* per CPU, a pointer to a task_struct */
#define DERIVED_TEST_(name)                                                                        \
    bool derived_##name(const struct derive *d, const struct test *t, uint64_t va);
DERIVED_TESTS(DERIVED_TEST_)

#endif
