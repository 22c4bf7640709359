/** engram.h - the one header that a plugin includes: cursors over a foreign machine's memory, the
 * walkers of its data structures, rows, and the declarations that make a plugin one file.
 *
 *  Ownership: a plugin owns nothing. Cursors and cells are values. eg_tmp() and all strings handed
 * out here live until the run ends. Errors: an unreadable place is a cursor that is bad and stays
 * bad; no accessor makes a number of it. Only <stdint.h>, <stddef.h> and <stdbool.h> are included:
 * libc's macros (si_pid, sa_handler) would eat members. */
#ifndef EG_ENGRAM_H
#define EG_ENGRAM_H

#include "macros.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EG_API __attribute__((__visibility__("default")))
/** Inlined always: a cursor that is passed through memory costs ten times what its step does. */
#define EG_HOT static inline __attribute__((__always_inline__))

/** `EG_ENTRY(section, type, name) = pointer`: a pointer that the linker collects. `used` and
 * `retain`, or lld's garbage collection drops it. The order in a section means nothing: core sorts
 * by name. */
#define EG_ENTRY(section, type, name)                                                              \
    static const struct type *const EG_CAT(eg_reg_, name)                                          \
        __attribute__((__section__(#section), __used__, __retain__))

struct eg_run;
struct eg_space;
struct eg_system;
struct eg_binding;
struct eg_image;

/* ---- why a place has no value ---- */

/** 0 is readable; the first group are holes of a space, the second are a cursor's own. ORDER eg_why
 * (core/obj.c) */
enum eg_why {
    EG_OK = 0,
    EG_ABSENT,        /**< physical memory that is not in the image */
    EG_EXCLUDED,      /**< left out by the dump's level */
    EG_UNREADABLE,    /**< the image file failed or ended underneath us */
    EG_NOT_PRESENT,   /**< no mapping */
    EG_NOT_CANONICAL, /**< no address of this machine */
    EG_TABLE_MISSING, /**< a page table on the way is not in the image */
    EG_SWAPPED,       /**< in swap; the extent holds the entry */
    EG_MIGRATING,     /**< a migration, device or marker entry */
    EG_POISONED,      /**< hardware-poisoned */
    EG_NULL,          /**< a null pointer on the path */
    EG_NO_MEMBER,     /**< this kernel's type has no such member */
    EG_NO_SYMBOL,     /**< no symbol by that name */
    EG_NO_TYPE,       /**< the type is unknown */
    EG_WRONG_TYPE,    /**< the author's error: the run fails */
    EG_NOT_SCALAR,    /**< a struct where a number was wanted */
    EG_BAD_VALUE,     /**< read, but impossible (a check failed) */
};
EG_API const char *eg_why_text(enum eg_why why);

/* ---- views and raw reads ---- */

/** A view's own granule; it says nothing of the guest's page size. */
enum { EG_VIEW_SHIFT = 12, EG_VIEW_PAGE = 1 << EG_VIEW_SHIFT, EG_TLB_SLOTS = 4096 };

struct eg_tlbe {
    const struct eg_space *space;
    uint64_t page;       /**< address >> EG_VIEW_SHIFT */
    const uint8_t *host; /**< that page in our memory */
};

/** One run on one thread: all reads take one. A pointer into a space is valid until the next read
 * through the view. */
struct eg_view {
    struct eg_run *run;          /**< NULL in core's own work */
    struct eg_fill_cache *fills; /**< pages that had to be made; NULL until the first */
    uint8_t why;                 /**< of the last read that failed: enum eg_why */
    uint64_t why_addr;           /**< and where */
    uint8_t bounce[32];          /**< a scalar that straddles two pages */
    bool brief; /**< one page is wanted: translators need not join its neighbours */
    struct {    /**< the last table a translator came to: its next page costs no walk */
        const struct eg_space *space;
        const uint8_t *host;  /**< the table */
        uint64_t first, last; /**< the addresses that it decides */
        uint64_t table;       /**< where it is in the space below */
        uint16_t above;       /**< flags that the levels above allow */
    } walked;
    struct eg_tlbe tlb[EG_TLB_SLOTS];
};

EG_API const uint8_t *eg_bytes_slow(struct eg_view *v, struct eg_space *as, uint64_t addr,
                                    size_t len);

/** @return @len bytes (1..32) at @addr, contiguous, valid until the next read; NULL with v->why and
 * v->why_addr set. */
EG_HOT const uint8_t *eg_bytes(struct eg_view *v, struct eg_space *as, uint64_t addr, size_t len)
{
    const uint64_t page = addr >> EG_VIEW_SHIFT;
    const struct eg_tlbe *e = &v->tlb[(page ^ (uintptr_t)as >> 6) & (EG_TLB_SLOTS - 1)];

    if (__builtin_expect(e->page == page && e->space == as &&
                             (addr & (EG_VIEW_PAGE - 1)) + len <= EG_VIEW_PAGE,
                         1))
        return e->host + (addr & (EG_VIEW_PAGE - 1));
    return eg_bytes_slow(v, as, addr, len);
}

/** All or nothing. */
EG_API bool eg_read(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf, size_t len);

/** Zero-fills what cannot be read. @return bytes that were read; @first_why (may be NULL) is why
 * the first hole is one. */
EG_API size_t eg_read_some(struct eg_view *v, struct eg_space *as, uint64_t addr, void *buf,
                           size_t len, enum eg_why *first_why);

/** A C string of at most @max bytes, without its end mark if that is not met. @return NULL when the
 * first byte is unreadable; cut short at a hole. Lives until the run ends. */
EG_API char *eg_cstr(struct eg_run *r, struct eg_space *as, uint64_t addr, size_t max);

/* ---- types as cursors see them ---- */

enum eg_kind {
    EG_K_STRUCT = 1, /**< struct or union */
    EG_K_UINT,       /**< also bool and plain char */
    EG_K_SINT,
    EG_K_ENUM, /**< type is the enum's */
    EG_K_PTR,  /**< type is what it points to (0: void) */
    EG_K_ARRAY,
    EG_K_CHARS, /**< an array of char: text */
    EG_K_FLOAT,
    EG_K_FUNC,
    EG_K_VOID,
};

/** A member, a type or a symbol's type, resolved in one binding. "Absent" has kind 0 and, as a
 * member, EG_NO_PARENT. */
#define EG_NO_PARENT UINT32_MAX
struct eg_slot {
    uint64_t off;    /**< bytes from the parent's start, or a symbol's address */
    uint32_t parent; /**< type id of the struct the step starts from */
    uint32_t type;   /**< see eg_kind: own type, or the target's or element's */
    uint32_t size;   /**< bytes of the whole thing */
    uint8_t kind;    /**< enum eg_kind; 0: absent */
    uint8_t shift;   /**< bit-field: bits above which it begins in a load of `size` bytes */
    uint8_t bits;    /**< bit-field: width; 0: not one */
    uint8_t why;     /**< absent: why */
};

/** How a machine's C compiler lays out data. */
struct eg_model {
    uint8_t ptr_size; /**< 4 or 8 */
    uint8_t long_size;
    bool big_endian;
};

/** What gives bytes a meaning: the types of a kernel (or of a program in it), its handles' slots.
 * Borrowed from the system. @types is core's (core/profile.h). */
struct eg_binding {
    struct eg_slot *slots; /**< by handle id; slot 0 is absent for ever */
    struct eg_model model;
    struct eg_types *types;
};

/** A typed place in a foreign memory: a value, copied freely, never freed. It never leaves its run.
 */
struct eg_obj {
    struct eg_view *view;
    struct eg_space *space;
    const struct eg_binding *bind;
    uint64_t addr; /**< of a bad cursor: where it failed */
    uint32_t type;
    uint32_t size;
    uint8_t kind;
    uint8_t shift, bits;
    uint8_t why; /**< not EG_OK: the cursor is bad */
};

/* ---- handles: foreign names, resolved once ---- */

struct eg_field {
    const char *type, *name; /**< name: "a|b" tries in order, "a.b" goes inside */
    uint32_t id;
};
struct eg_fieldset {
    const char *file, *module; /**< module: whose types; NULL: the kernel's */
    struct eg_field *first;
    unsigned n;
};
struct eg_typeref {
    const char *name, *module;
    uint32_t id;
};
struct eg_symref {
    const char *name, *type; /**< both: "a|b" tries in order; type: a C type expression:
                                "list_head", "char *", "u64[4]" */
    uint32_t id;
};
struct eg_enumref {
    const char *name, *type; /**< enumerator's name ("a|b"); the enum's name, or NULL for any */
    uint32_t id;
};

/* clang-format off */
#define EG_FDECL_(T, f) struct eg_field f;
#define EG_FINIT_(T, f) .f = { #T, #f, 0 },
#define EG_FIELDS_(module_, T, ...)                                                                                    \
    static struct { EG_MAP(EG_FDECL_, T, __VA_ARGS__) } eg_f_##T = { EG_MAP(EG_FINIT_, T, __VA_ARGS__) };              \
    static const struct eg_fieldset EG_CAT(eg_set_, T) = { __FILE__, module_, (struct eg_field *)(void *)&eg_f_##T,    \
                                                           EG_NARG(__VA_ARGS__) };                                     \
    EG_ENTRY(eg_fields, eg_fieldset, EG_CAT(f_, T)) = &EG_CAT(eg_set_, T);                                             \
    EG_TYPE_(module_, T)
#define EG_TYPE_(module_, T)                                                                                           \
    __attribute__((__unused__)) static struct eg_typeref eg_t_##T = { #T, module_, 0 };                                \
    EG_ENTRY(eg_typerefs, eg_typeref, EG_CAT(t_, T)) = &eg_t_##T
/* clang-format on */

/** The members of one foreign struct that this file reads: EG_FIELDS(task_struct, mm, comm); then
 * `task_struct.mm` is a step in eg_at() and friends, and `task_struct` a type in eg_object(). */
#define EG_FIELDS(T, ...) EG_FIELDS_(NULL, T, __VA_ARGS__)

/** The same for a type that lives in a module: EG_FIELDS_OF("dm_crypt", crypt_config, key). */
#define EG_FIELDS_OF(module, T, ...) EG_FIELDS_(module, T, __VA_ARGS__)

/** A type none of whose members are read here. */
#define EG_TYPE(T) EG_TYPE_(NULL, T)

/** One member under its own handle: renamed between releases ("__state|state"), nested
 * ("se.vruntime"), or a name that libc makes a macro. */
#define EG_FIELD_AS(handle, T, names)                                                              \
    static struct eg_field eg_f_##handle = { #T, names, 0 };                                       \
    static const struct eg_fieldset EG_CAT(eg_set_, handle) = { __FILE__, NULL, &eg_f_##handle,    \
                                                                1 };                               \
    EG_ENTRY(eg_fields, eg_fieldset, EG_CAT(f_, handle)) = &EG_CAT(eg_set_, handle)

/** A variable of the kernel; no source of types but DWARF types it, so the author does:
 * EG_SYMBOL(modules, "list_head"). */
#define EG_SYMBOL(name_, type_) EG_SYMBOL_AS(name_, #name_, type_)
#define EG_SYMBOL_AS(handle, names, type_)                                                         \
    static struct eg_symref eg_s_##handle = { names, type_, 0 };                                   \
    EG_ENTRY(eg_symrefs, eg_symref, EG_CAT(s_, handle)) = &eg_s_##handle

/** An enumerator's value in this kernel: eg_enum(r, MOD_TEXT, &v). */
#define EG_ENUMERATOR(name_, type_)                                                                \
    static struct eg_enumref eg_e_##name_ = { #name_, type_, 0 };                                  \
    EG_ENTRY(eg_enumrefs, eg_enumref, EG_CAT(e_, name_)) = &eg_e_##name_

/* ---- cursors ---- */

EG_HOT uint64_t eg_load_(const uint8_t *p, unsigned size, bool big)
{
    uint64_t v8;
    uint32_t v4;
    uint16_t v2;

    switch (size) {
    case 8:
        __builtin_memcpy(&v8, p, 8);
        return __builtin_expect(big, 0) ? __builtin_bswap64(v8) : v8;
    case 4:
        __builtin_memcpy(&v4, p, 4);
        return __builtin_expect(big, 0) ? __builtin_bswap32(v4) : v4;
    case 2:
        __builtin_memcpy(&v2, p, 2);
        return __builtin_expect(big, 0) ? __builtin_bswap16(v2) : v2;
    default:
        return *p;
    }
}

EG_HOT struct eg_obj eg_bad(struct eg_obj o, enum eg_why why, uint64_t addr)
{
    o.why = (uint8_t)why;
    o.addr = addr;
    return o;
}

EG_API uint8_t eg_step_failed_(struct eg_view *v, const struct eg_binding *b, uint32_t type,
                               const struct eg_slot *s, const char *file, int line);

EG_HOT struct eg_obj eg_step_(struct eg_obj o, uint32_t id, const char *file, int line)
{
    const struct eg_slot *s;

    if (__builtin_expect(o.why, 0))
        return o;
    s = &o.bind->slots[id];
    // An absent slot's parent is no type, so the first test finds it; 1 and 5 differ in one bit.
    if (__builtin_expect(s->parent != o.type || (o.kind | 4) != EG_K_PTR, 0)) {
        o.why = eg_step_failed_(o.view, o.bind, o.type, s, file, line);
        return o;
    }
    if (o.kind == EG_K_PTR) {
        const uint8_t *p = eg_bytes(o.view, o.space, o.addr, o.bind->model.ptr_size);

        if (__builtin_expect(!p, 0))
            return eg_bad(o, (enum eg_why)o.view->why, o.view->why_addr);
        o.addr = eg_load_(p, o.bind->model.ptr_size, o.bind->model.big_endian);
        if (__builtin_expect(!o.addr, 0))
            return eg_bad(o, EG_NULL, 0);
    }
    o.addr += s->off;
    o.type = s->type;
    o.size = s->size;
    o.kind = s->kind;
    o.shift = s->shift;
    o.bits = s->bits;
    return o;
}

/* clang-format off */
#define EG_S_(o, a) eg_step_((o), (eg_f_##a).id, __FILE__, __LINE__)
#define EG_A1(o, a) EG_S_(o, a)
#define EG_A2(o, a, ...) EG_A1(EG_S_(o, a), __VA_ARGS__)
#define EG_A3(o, a, ...) EG_A2(EG_S_(o, a), __VA_ARGS__)
#define EG_A4(o, a, ...) EG_A3(EG_S_(o, a), __VA_ARGS__)
#define EG_A5(o, a, ...) EG_A4(EG_S_(o, a), __VA_ARGS__)
#define EG_A6(o, a, ...) EG_A5(EG_S_(o, a), __VA_ARGS__)
#define EG_A7(o, a, ...) EG_A6(EG_S_(o, a), __VA_ARGS__)
#define EG_A8(o, a, ...) EG_A7(EG_S_(o, a), __VA_ARGS__)
/* clang-format on */

/** The cursor at the end of a path: eg_at(task, task_struct.mm, mm_struct.pgd). Pointers between
 * steps are followed; the last member is not read. Up to eight steps. */
#define eg_at(obj, ...) EG_CAT(EG_A, EG_NARG(__VA_ARGS__))(obj, __VA_ARGS__)

/** @form: kind, shift, bits, why, a byte each, the lowest first. */
EG_API bool eg_value_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                           uint64_t addr, uint32_t size, uint32_t form, uint64_t *out);

/** A cursor's integer (sign-extended where signed; a pointer's is the address), false when there is
 * none. */
EG_HOT bool eg_value(struct eg_obj o, uint64_t *out)
{
    const uint8_t *p;

    // Ored, not tested one by one: compilers would join the tests into a load that is wider than
    // the stores before it, which stalls.
    if (__builtin_expect(o.why | o.bits | (o.size > 8), 0) ||
        __builtin_expect((uint8_t)(o.kind - EG_K_UINT) > EG_K_PTR - EG_K_UINT, 0))
        return eg_value_slow_(o.view, o.space, o.bind, o.addr, o.size,
                              o.kind | o.shift << 8 | o.bits << 16 | (uint32_t)o.why << 24, out);
    p = eg_bytes(o.view, o.space, o.addr, o.size);
    if (__builtin_expect(!p, 0))
        return false;
    *out = eg_load_(p, o.size, o.bind->model.big_endian);
    if (o.kind == EG_K_SINT && o.size < 8)
        *out = (uint64_t)((int64_t)(*out << (64 - 8 * o.size)) >> (64 - 8 * o.size));
    return true;
}

#define EG_GET_(name, type)                                                                        \
    EG_HOT bool eg_get_##name##_(type *out, struct eg_obj o)                                       \
    {                                                                                              \
        uint64_t v;                                                                                \
                                                                                                   \
        if (!eg_value(o, &v))                                                                      \
            return false;                                                                          \
        *out = (type)v;                                                                            \
        return true;                                                                               \
    }
EG_GET_(u64, uint64_t)
EG_GET_(s64, int64_t)
EG_GET_(u32, uint32_t)
EG_GET_(s32, int32_t)
EG_GET_(u16, uint16_t)
EG_GET_(s16, int16_t)
EG_GET_(u8, uint8_t)
EG_GET_(s8, int8_t)
EG_GET_(bool, bool)
#undef EG_GET_

/** Read a cursor that has no further path into an integer of any width: `if (!eg_load(&pid, obj))
 * …`. */
#define eg_load(out, obj)                                                                          \
    _Generic((out), uint64_t *: eg_get_u64_, int64_t *: eg_get_s64_, uint32_t *: eg_get_u32_, int32_t *: eg_get_s32_,  \
             uint16_t *: eg_get_u16_, int16_t *: eg_get_s16_, uint8_t *: eg_get_u8_, int8_t *: eg_get_s8_,             \
             bool *: eg_get_bool_)((out), (obj))

/** `if (eg_get(&v, obj, path…))`: the integer at the end of a path. @v is untouched when it cannot
 * be read. */
#define eg_get(out, obj, ...) eg_load((out), eg_at(obj, __VA_ARGS__))

EG_HOT uint64_t eg_value_or_(uint64_t def, struct eg_obj o)
{
    uint64_t v;

    return eg_value(o, &v) ? v : def;
}

/** The integer at the end of a path, or @def, which stands in the source for all to see. Its type
 * is @def's. */
#define eg_get_or(def, obj, ...)                                                                   \
    ((__typeof__(def))eg_value_or_((uint64_t)(def), eg_at(obj, __VA_ARGS__)))

/** Follow a pointer cursor: what it points to, with its type. Bad when null or unreadable. */
EG_API struct eg_obj eg_deref(struct eg_obj o);

/** Element @i of an array, or of what a pointer points to. Past an array's known end: bad. */
EG_API struct eg_obj eg_index(struct eg_obj o, uint64_t i);

/** Number of elements of an array cursor; 0 when it is none. */
EG_API uint64_t eg_count(struct eg_obj o);

/** The dynamic form, for names that are known at run time only: "mm.pgd", "comm", "fdt->fd[3]".
 * Slower by far than handles. */
EG_API struct eg_obj eg_path(struct eg_obj o, const char *path);

/** A struct T at @addr in the kernel's space. @addr 0 makes a bad cursor. */
#define eg_object(r, T, addr)           eg_object_((r), eg_kernel(r), (eg_t_##T).id, (addr))
#define eg_object_in(r, space, T, addr) eg_object_((r), (space), (eg_t_##T).id, (addr))
EG_API struct eg_obj eg_object_(struct eg_run *r, struct eg_space *as, uint32_t id, uint64_t addr);

/** The same place as a T (a struct), or as a pointer to T (a pointer, or an integer that holds
 * one): for void pointers, RCU-tagged words, container tricks. */
#define eg_cast(obj, T) eg_cast_((obj), (eg_t_##T).id)
EG_API struct eg_obj eg_cast_(struct eg_obj o, uint32_t id);

/** The struct around a member: eg_container(node, task_struct.tasks). */
#define eg_container(obj, field) eg_container_((obj), (eg_f_##field).id)
EG_API struct eg_obj eg_container_(struct eg_obj member, uint32_t id);

/** Does this kernel have the member, the type, the symbol? How large is T, where is a member in it?
 */
#define eg_has(r, field)       (eg_slot((r), (eg_f_##field).id)->kind != 0)
#define eg_has_type(r, T)      (eg_slot((r), (eg_t_##T).id)->kind != 0)
#define eg_has_symbol(r, name) (eg_slot((r), (eg_s_##name).id)->kind != 0)
#define eg_size(r, T)          (eg_slot((r), (eg_t_##T).id)->size)
#define eg_offset(r, field)    (eg_slot((r), (eg_f_##field).id)->off)
EG_API const struct eg_slot *eg_slot(struct eg_run *r, uint32_t id);

/** The variable, typed as declared; bad when this kernel has none. A per-CPU one still needs its
 * CPU's offset. */
#define eg_sym(r, name) eg_sym_((r), (eg_s_##name).id)
EG_API struct eg_obj eg_sym_(struct eg_run *r, uint32_t id);

/** An enumerator's value; false when this kernel has none. */
#define eg_enum(r, name, out) eg_enum_((r), (eg_e_##name).id, (out))
EG_API bool eg_enum_(struct eg_run *r, uint32_t id, int64_t *out);

/** Text of a char array, or of what a char pointer points to (at most @max bytes): NULL when
 * unreadable. */
EG_API char *eg_string(struct eg_run *r, struct eg_obj o, size_t max);

/** A symbol's address by name at run time, and the name of an address ("init_task",
 * "ext4_file_open+0x10 [ext4]"). */
EG_API bool eg_lookup(struct eg_run *r, const char *name, uint64_t *addr);
EG_API const char *eg_name_of(struct eg_run *r, uint64_t addr);

/* ---- walkers: guarded; none yields an address twice; what was lost is a note of the run ---- */

/** A circular struct list_head. Healthy: one pass with each next's prev checked. Broken: from the
 * other end too. A bad head is an empty list with a note that says why; a null one is just empty.
 * The walks' states are core's own. */
struct eg_list_walk {
    struct eg_obj elem; /**< the elements' cursor, but for its address */
    uint64_t off, head, cur, last, broken_at, n, back;
    uint32_t id;
    uint8_t state, why;
};
EG_API struct eg_list_walk eg_list_begin_(struct eg_obj head, uint32_t link);
EG_API bool eg_list_next_(struct eg_list_walk *w, struct eg_obj *out);

/** for each struct whose member @link (a list_head: task_struct.tasks) is on the list at @head_ (a
 * list_head). */
#define eg_each_list(it, head_, link)                                                              \
    for (struct eg_list_walk EG_CAT(w_, __LINE__) = eg_list_begin_((head_), (eg_f_##link).id);     \
         eg_list_next_(&EG_CAT(w_, __LINE__), &(it));)

/** An hlist (head: hlist_head; also hlist_nulls): each node's pprev must be where we came from. */
struct eg_hlist_walk {
    struct eg_obj elem;
    uint64_t off, head, from, n;
    uint32_t id;
    bool going;
};
EG_API struct eg_hlist_walk eg_hlist_begin_(struct eg_obj head, uint32_t link);
EG_API bool eg_hlist_next_(struct eg_hlist_walk *w, struct eg_obj *out);
#define eg_each_hlist(it, head_, link)                                                             \
    for (struct eg_hlist_walk EG_CAT(w_, __LINE__) = eg_hlist_begin_((head_), (eg_f_##link).id);   \
         eg_hlist_next_(&EG_CAT(w_, __LINE__), &(it));)

/** A red-black tree (root: rb_root or rb_root_cached), in order. Each child's parent link must lead
 * back. */
struct eg_rb_walk {
    struct eg_obj elem;
    uint64_t off, root, cur, n;
    uint32_t id;
    uint8_t state;
};
EG_API struct eg_rb_walk eg_rb_begin_(struct eg_obj root, uint32_t link);
EG_API bool eg_rb_next_(struct eg_rb_walk *w, struct eg_obj *out);
#define eg_each_rb(it, root_, link)                                                                \
    for (struct eg_rb_walk EG_CAT(w_, __LINE__) = eg_rb_begin_((root_), (eg_f_##link).id);         \
         eg_rb_next_(&EG_CAT(w_, __LINE__), &(it));)

/** One entry of an index structure: xarray, radix tree, idr, maple tree. */
struct eg_entry {
    uint64_t index, last; /**< the range that the entry covers; equal in a single slot */
    uint64_t value;       /**< the entry as stored: a pointer, or a value entry (bit 0 set) */
};

/** An xarray or radix tree (a cursor on the xarray, radix_tree_root or idr), or a maple tree (on
 * the maple_tree). */
struct eg_index_walk {
    struct eg_obj root;
    uint64_t base; /**< of an idr: its first id, added to every index */
    int depth;     /**< nodes on the way */
    struct {
        uint64_t node, min, max;
        uint32_t slot, shift, type;
    } at[32];
    struct eg_entry single; /**< the root holds it, where there is no node */
    bool has_single;
};
EG_API struct eg_index_walk eg_xa_begin(struct eg_obj root);
EG_API bool eg_xa_next(struct eg_index_walk *w, struct eg_entry *out);
EG_API struct eg_index_walk eg_maple_begin(struct eg_obj tree);
EG_API bool eg_maple_next(struct eg_index_walk *w, struct eg_entry *out);
#define eg_each_xa(entry, root)                                                                    \
    for (struct eg_index_walk EG_CAT(w_, __LINE__) = eg_xa_begin(root);                            \
         eg_xa_next(&EG_CAT(w_, __LINE__), &(entry));)
#define eg_each_maple(entry, tree)                                                                 \
    for (struct eg_index_walk EG_CAT(w_, __LINE__) = eg_maple_begin(tree);                         \
         eg_maple_next(&EG_CAT(w_, __LINE__), &(entry));)

/** The set bits of a bitmap of unsigned longs (a cursor on the array or its first word): the next
 * set bit at or after
 *  @from and before @limit; @limit when there is none. */
EG_API uint64_t eg_next_bit(struct eg_obj bitmap, uint64_t from, uint64_t limit);

/* ---- a walker of one's own, found by name from any plugin ---- */

/** What an operating system's layer offers to all plugins: a task's VMAs, a system's tasks. The
 * state is the caller's. */
struct eg_walker {
    const char *name, *os, *help;
    const char *arg;  /**< type of the argument cursor, or NULL for the whole system */
    const char *elem; /**< type of the elements */
    size_t state;     /**< bytes of @state, zeroed before the first call */
    bool (*next)(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out);
};
struct eg_walker_reg {
    const char *name, *file;
    const struct eg_walker *walker;
};
#define EG_WALKER(n)                                                                               \
    static const struct eg_walker eg_walker_##n;                                                   \
    static const struct eg_walker_reg eg_wreg_##n = { #n, __FILE__, &eg_walker_##n };              \
    EG_ENTRY(eg_walkers, eg_walker_reg, w_##n) = &eg_wreg_##n;                                     \
    static const struct eg_walker eg_walker_##n

/** `for (struct eg_walking w = eg_walk(r, "tasks", none); eg_walk_next(&w, &t);)`: the generic
 * form. */
struct eg_walking {
    struct eg_run *run;
    const struct eg_walker *walker;
    struct eg_obj arg;
    void *state;
};
EG_API struct eg_walking eg_walk(struct eg_run *r, const char *name, struct eg_obj arg);
EG_API bool eg_walk_next(struct eg_walking *w, struct eg_obj *out);

/* ---- a run ---- */

EG_API struct eg_view *eg_view_of(struct eg_run *r);
EG_API struct eg_system *eg_system_of(struct eg_run *r);
EG_API struct eg_space *eg_kernel(struct eg_run *r);
EG_API struct eg_space *eg_physical(struct eg_run *r);
EG_API const struct eg_binding *eg_binding_of(struct eg_run *r);

/** Zeroed memory and text that live until the run ends. Never NULL: a run past its memory limit
 * fails and ends. */
EG_API void *eg_tmp(struct eg_run *r, size_t len);
EG_API char *eg_strf(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** Something the reader of the result must know: kept with the rows, in order, each text once. */
EG_API void eg_note(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** The run cannot go on: `return eg_failed(r, "…")` from .run. */
EG_API int eg_failed(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** True after Ctrl-C, or when the run failed: leave long loops. Walkers and eg_row ask by
 * themselves. */
EG_API bool eg_stopped(struct eg_run *r);

/** Progress of long work, 0..total. Cheap; shown only on a terminal and after a second. */
EG_API void eg_progress(struct eg_run *r, uint64_t done, uint64_t total);

/** A file in the folder that -o names, for plugins that dump: @return a FILE * to write, closed
 * with the run; NULL and the run failed when there is no -o. @name has no slash. */
EG_API void *eg_output(struct eg_run *r, const char *name);
/** Close it already now, for plugins that write many. @return false, and the run failed, when not
 * all reached the disk. */
EG_API bool eg_output_done(struct eg_run *r, void *file);

/* ---- arguments ---- */

enum eg_arg_kind {
    EG_ARG_FLAG = 1, /**< --threads */
    EG_ARG_INT,      /**< --pid 1 or --pid 1,2: a list everywhere */
    EG_ARG_ADDR,     /**< --at 0xffff… or a symbol's name */
    EG_ARG_TEXT,
};
struct eg_arg {
    const char *name;
    enum eg_arg_kind kind;
    const char *help;
};
#define EG_ARG(name_, kind_, help_)                                                                \
    {                                                                                              \
#name_, EG_ARG_##kind_, help_                                                              \
    }
#define EG_ARGS(...)                                                                               \
    (const struct eg_arg[])                                                                        \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, EG_ARG_FLAG, NULL                                                                \
        }                                                                                          \
    }

EG_API bool eg_arg_flag(struct eg_run *r, const char *name);
EG_API bool eg_arg_int(struct eg_run *r, const char *name,
                       int64_t *out); /**< the first; false when not given */
EG_API bool eg_arg_match(struct eg_run *r, const char *name,
                         int64_t value); /**< true when not given, or in the list */
EG_API bool eg_arg_addr(struct eg_run *r, const char *name, uint64_t *out);
EG_API const char *eg_arg_text(struct eg_run *r, const char *name); /**< NULL when not given */

/* ---- rows ---- */

/** ORDER eg_column_kind (core/table.c) */
enum eg_column_kind {
    EG_COL_INT = 1, /**< fits 2^53: a JSON number */
    EG_COL_BIG,     /**< 64 bits, a decimal string in JSON */
    EG_COL_ADDR,    /**< "0x…" */
    EG_COL_TEXT,    /**< any bytes; valid UTF-8 in output, with NAME_raw where it was not */
    EG_COL_BYTES,   /**< hex */
    EG_COL_TIME,    /**< ns since 1970-01-01 UTC, signed */
    EG_COL_FLAGS,   /**< short text of letters or words */
    EG_COL_BOOL,
};
struct eg_column {
    const char *name;
    enum eg_column_kind kind;
    const char *help;
};

enum eg_cell_tag {
    EG_CELL_UNSET = 0,
    EG_CELL_INT,
    EG_CELL_UINT,
    EG_CELL_TEXT,
    EG_CELL_BYTES,
    EG_CELL_OBJ,
    EG_CELL_BAD
};
struct eg_cell {
    enum eg_cell_tag tag;
    enum eg_why why; /**< EG_CELL_BAD */
    union {
        int64_t i;
        uint64_t u; /**< EG_CELL_BAD: the failing address */
        struct {
            const void *p;
            size_t len;
        } bytes; /**< TEXT and BYTES */
        struct eg_obj obj;
    };
};

/** Cells from values. A cursor's cell takes the value (or the reason) when the row is emitted. */
static inline struct eg_cell eg_int(int64_t i)
{
    return (struct eg_cell){ .tag = EG_CELL_INT, .i = i };
}
static inline struct eg_cell eg_uint(uint64_t u)
{
    return (struct eg_cell){ .tag = EG_CELL_UINT, .u = u };
}
static inline struct eg_cell eg_text(const char *s)
{
    return s ? (struct eg_cell){ .tag = EG_CELL_TEXT, .bytes = { s, __builtin_strlen(s) } }
             : (struct eg_cell){ .tag = EG_CELL_UNSET };
}
static inline struct eg_cell eg_textn(const void *s, size_t len)
{
    return (struct eg_cell){ .tag = EG_CELL_TEXT, .bytes = { s, len } };
}
static inline struct eg_cell eg_blob(const void *p, size_t len)
{
    return (struct eg_cell){ .tag = EG_CELL_BYTES, .bytes = { p, len } };
}
static inline struct eg_cell eg_cell_of(struct eg_obj o)
{
    return (struct eg_cell){ .tag = EG_CELL_OBJ, .obj = o };
}
static inline struct eg_cell eg_missing(enum eg_why why, uint64_t addr)
{
    return (struct eg_cell){ .tag = EG_CELL_BAD, .why = why, .u = addr };
}
/** Where the object is (also of a pointer cursor: the cursor's own place). */
static inline struct eg_cell eg_addr(struct eg_obj o)
{
    return o.why ? eg_missing((enum eg_why)o.why, o.addr) : eg_uint(o.addr);
}
/** The value at the end of a path. */
#define eg_val(obj, ...) eg_cell_of(eg_at(obj, __VA_ARGS__))

#define EG_COL_CELL_(NAME, KIND, HELP) struct eg_cell NAME;
#define EG_COL_DESC_(NAME, KIND, HELP) { #NAME, EG_COL_##KIND, HELP },
/** Columns once: `#define COLUMNS(C) C(PID, INT, "…")` then EG_COLUMNS(COLUMNS); makes struct row
 * and columns[]. */
#define EG_COLUMNS(LIST)                                                                           \
    struct row {                                                                                   \
        LIST(EG_COL_CELL_)                                                                         \
    };                                                                                             \
    static const struct eg_column columns[] = { LIST(EG_COL_DESC_){ NULL, EG_COL_INT, NULL } }

/** One row, cells by column name; an unset cell is "not computed". */
#define eg_row(r, ...) eg_row_tree((r), 0, __VA_ARGS__)
/** A row of a tree: flat in data (give the parent's key as a column), drawn as a tree in text.
 * Depth 0 is a root; a child follows its parent. */
#define eg_row_tree(r, depth, ...)                                                                 \
    eg_emit_((r), (depth),                                                                         \
             (const struct eg_cell *)(const void *)&(const struct row){ __VA_ARGS__ },             \
             sizeof(struct row) / sizeof(struct eg_cell))
EG_API void eg_emit_(struct eg_run *r, unsigned depth, const struct eg_cell *cells, size_t n);

/* ---- plugins ---- */

struct eg_need {
    const struct eg_field *field; /**< one of the two */
    const struct eg_symref *symbol;
};
#define EG_NEED_(c, f)     { &(eg_f_##f), NULL },
#define EG_NEED_SYM_(c, s) { NULL, &(eg_s_##s) },
/** What a plugin cannot do without. It is checked before .run; `engram plugins` says who can run
 * and what others lack. */
#define EG_NEEDS(...)                                                                              \
    (const struct eg_need[])                                                                       \
    {                                                                                              \
        EG_MAP(EG_NEED_, 0, __VA_ARGS__)                                                           \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }
#define EG_NEEDS_SYMBOLS(...)                                                                      \
    (const struct eg_need[])                                                                       \
    {                                                                                              \
        EG_MAP(EG_NEED_SYM_, 0, __VA_ARGS__)                                                       \
        {                                                                                          \
            NULL, NULL                                                                             \
        }                                                                                          \
    }
#define EG_NAMES(...)                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

struct eg_plugin {
    const char *os;             /**< "linux"; NULL: any image, even one with no system found */
    const char *help;           /**< one line, imperative, no full stop */
    const char *manual;         /**< more: what it cannot see, what to compare with; may be NULL */
    const char *const *aliases; /**< Volatility's and crash's names:
                                   EG_NAMES("linux.pslist.PsList"); may be NULL */
    const struct eg_column *columns;
    const struct eg_arg *args;                   /**< may be NULL */
    const struct eg_need *needs, *needs_symbols; /**< may be NULL */
    bool tree;                                   /**< rows have a depth */
    int (*run)(struct eg_run *r);                /**< 0, or eg_failed() */
};
struct eg_plugin_reg {
    const char *name, *file;
    const struct eg_plugin *plugin;
};

/** What dlsym(handle, "eg_module") finds in a plugin built as a shared object: the same source, no
 * #ifdef. */
struct eg_module {
    const char *abi; /**< EG_ABI of the headers it was built with */
    const struct eg_plugin_reg *const *plugins, *const *plugins_end;
    const struct eg_walker_reg *const *walkers, *const *walkers_end;
    const struct eg_fieldset *const *fields, *const *fields_end;
    const struct eg_typeref *const *types, *const *types_end;
    const struct eg_symref *const *symbols, *const *symbols_end;
    const struct eg_enumref *const *enums, *const *enums_end;
};
/** A hash of the layouts that plugins see. Made by the build (core/abi.h.in) over this header's
 * text. */
#include "abi.h"

/* clang-format off */
#define EG_SECTION_(type, section)                                                                                     \
    extern const struct type *const __start_##section[] __attribute__((__weak__, __visibility__("hidden")));           \
    extern const struct type *const __stop_##section[] __attribute__((__weak__, __visibility__("hidden")))
EG_SECTION_(eg_plugin_reg, eg_plugins);
EG_SECTION_(eg_walker_reg, eg_walkers);
EG_SECTION_(eg_fieldset, eg_fields);
EG_SECTION_(eg_typeref, eg_typerefs);
EG_SECTION_(eg_symref, eg_symrefs);
EG_SECTION_(eg_enumref, eg_enumrefs);
/* clang-format on */

/** `EG_PLUGIN(pslist) = { .os = "linux", … };` is all that registers a plugin. */
#define EG_PLUGIN(n)                                                                               \
    __attribute__((__weak__, __visibility__("default")))                                           \
    const struct eg_module eg_module = { EG_ABI,                                                   \
                                         __start_eg_plugins,                                       \
                                         __stop_eg_plugins,                                        \
                                         __start_eg_walkers,                                       \
                                         __stop_eg_walkers,                                        \
                                         __start_eg_fields,                                        \
                                         __stop_eg_fields,                                         \
                                         __start_eg_typerefs,                                      \
                                         __stop_eg_typerefs,                                       \
                                         __start_eg_symrefs,                                       \
                                         __stop_eg_symrefs,                                        \
                                         __start_eg_enumrefs,                                      \
                                         __stop_eg_enumrefs };                                     \
    static const struct eg_plugin eg_plugin_##n;                                                   \
    static const struct eg_plugin_reg eg_preg_##n = { #n, __FILE__, &eg_plugin_##n };              \
    EG_ENTRY(eg_plugins, eg_plugin_reg, p_##n) = &eg_preg_##n;                                     \
    static const struct eg_plugin eg_plugin_##n

#endif
