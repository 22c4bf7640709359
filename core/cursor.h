/** cursor.h - cursors, which are typed places in the memory of the analysed machine; and handles,
 * the names of members, types and symbols, which are resolved once. Part of engram.h.
 *
 *  Cursors are values. A cursor that meets an unreadable place is bad and stays bad; no accessor
 * returns a number for it. */
#ifndef EG_CURSOR_H
#define EG_CURSOR_H

#include "view.h"

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

/** A member, type or symbol, resolved in one binding. An absent one has kind 0; an absent member
 * has parent EG_NO_PARENT. */
#define EG_NO_PARENT UINT32_MAX
struct eg_slot {
    uint64_t off;    /**< bytes from the parent's start, or a symbol's address */
    uint32_t parent; /**< type id of the struct the step starts from */
    uint32_t type;   /**< type id as described in eg_kind: its own, its target's or its element's */
    uint32_t size;   /**< bytes, of an array all of it */
    uint8_t kind;    /**< enum eg_kind; 0: absent */
    uint8_t shift;   /**< bit-field: number of lower bits in a load of `size` bytes */
    uint8_t bits;    /**< bit-field: width in bits; 0: not a bit-field */
    uint8_t why;     /**< absent: the reason */
};

/** How a machine's C compiler lays out data. */
struct eg_model {
    uint8_t ptr_size; /**< 4 or 8 */
    uint8_t long_size;
    bool big_endian;
};

struct eg_path_at;

/** What is needed to interpret bytes: the types of a kernel, the slots of all handles, and the
 * resolved paths. Borrowed from the system. @types is only for core (core/profile.h). */
struct eg_binding {
    struct eg_slot *slots;    /**< by handle id; slot 0 is always absent */
    struct eg_path_at *paths; /**< by path id; path 0 is always absent */
    struct eg_model model;
    struct eg_types *types;
};

/** A cursor: a typed place in memory. It is copied freely and never freed, and must not be used
 * after its run. */
struct eg_obj {
    struct eg_view *view;
    struct eg_space *space;
    const struct eg_binding *bind;
    uint64_t addr; /**< of a bad cursor: the address that could not be read */
    uint32_t type;
    uint32_t size;
    uint8_t kind;
    uint8_t shift, bits;
    uint8_t why; /**< not EG_OK: the cursor is bad */
};

/* ---- handles: names of the kernel, resolved once ---- */

struct eg_field {
    const char *type, *name; /**< name: "a|b": the first that exists; "a.b": a member of a member */
    uint32_t id;
};
struct eg_fieldset {
    const char *file, *module; /**< module: the one that has the type; NULL: the kernel */
    struct eg_field *first;
    unsigned n;
};
struct eg_typeref {
    const char *name, *module;
    uint32_t id;
};
struct eg_symref {
    const char *name, *type; /**< in both "a|b" means the first that exists; type: a C type
                                  expression: "list_head", "char *", "u64[4]" */
    uint32_t id;
};
struct eg_enumref {
    const char *name, *type; /**< enumerator's name ("a|b"); the enum's name, or NULL for any */
    uint32_t id;
};

/** One path in the source: each eg_at(task, task_struct.mm, mm_struct.pgd) defines one, and the
 * linker collects them. */
struct eg_pathref {
    const struct eg_field *const *steps;
    const char *file;
    int line;
    uint32_t n; /**< steps: 1..EG_STEPS_MAX */
    uint32_t id;
};
enum { EG_STEPS_MAX = 8 };

/** A path resolved in one binding: offsets to add, with a pointer followed before each offset but
 * the first. This is only for paths that the inlined code can follow: at most four pointers, of 8
 * bytes in the byte order of this computer, and all members known. Any other path has the parent
 * EG_NO_PARENT and is followed step by step. The size is one cache line. */
struct eg_path_at {
    uint32_t parent;           /**< type id of the struct that the path starts from */
    uint32_t type, size;       /**< of the last member, copied from its slot */
    uint8_t kind, shift, bits; /**< the same */
    uint8_t load;              /**< bytes to load for its integer; 0: needs the slow path */
    uint64_t hops;             /**< pointers followed on the way */
    uint64_t off[5];
};

/* clang-format off */
#define EG_FDECL_(T, f) struct eg_field f;
#define EG_FINIT_(T, f) .f = { #T, #f, 0 },
#define EG_FIELDS_(module_, T, ...)                                                                                    \
    static union {                                                                                                     \
        struct { EG_MAP(EG_FDECL_, T, __VA_ARGS__) };                                                                  \
        struct eg_field all_[EG_NARG(__VA_ARGS__)]; /* for the registry, which assigns ids */                                 \
    } eg_f_##T = { { EG_MAP(EG_FINIT_, T, __VA_ARGS__) } };                                                            \
    static const struct eg_fieldset EG_CAT(eg_set_, T) = { __FILE__, module_, eg_f_##T.all_, EG_NARG(__VA_ARGS__) };   \
    EG_ENTRY(eg_fields, eg_fieldset, EG_CAT(f_, T)) = &EG_CAT(eg_set_, T);                                             \
    EG_TYPE_(module_, T)
#define EG_TYPE_(module_, T)                                                                                           \
    __attribute__((__unused__)) static struct eg_typeref eg_t_##T = { #T, module_, 0 };                                \
    EG_ENTRY(eg_typerefs, eg_typeref, EG_CAT(t_, T)) = &eg_t_##T
/* clang-format on */

/** Declare the members of one kernel struct that this file reads: EG_FIELDS(task_struct, mm, comm).
 * Then `task_struct.mm` is a step for eg_at() and similar functions, and `task_struct` is a type
 * for eg_object(). */
#define EG_FIELDS(T, ...) EG_FIELDS_(NULL, T, __VA_ARGS__)

/** The same for a type of a module: EG_FIELDS_OF("dm_crypt", crypt_config, key). */
#define EG_FIELDS_OF(module, T, ...) EG_FIELDS_(module, T, __VA_ARGS__)

/** A type of which this file reads no members. */
#define EG_TYPE(T) EG_TYPE_(NULL, T)

/** One member with a handle of another name: for members that were renamed between releases
 * ("__state|state"), are nested ("se.vruntime"), or have the name of a macro of libc. */
#define EG_FIELD_AS(handle, T, names) EG_FIELD_AS_OF(NULL, handle, T, names)
/** The same for a type of a module. */
#define EG_FIELD_AS_OF(module, handle, T, names)                                                   \
    static struct eg_field eg_f_##handle = { #T, names, 0 };                                       \
    static const struct eg_fieldset EG_CAT(eg_set_, handle) = { __FILE__, module, &eg_f_##handle,  \
                                                                1 };                               \
    EG_ENTRY(eg_fields, eg_fieldset, EG_CAT(f_, handle)) = &EG_CAT(eg_set_, handle)

/** A variable of the kernel and its type, which most profiles lack: EG_SYMBOL(modules,
 * "list_head"). With type NULL the profile's type is used: BTF has those of per-CPU variables,
 * DWARF and ISF those of all variables. A declared array is cut to the size that the variable has
 * in this kernel; any other type larger than the variable gives a bad cursor. Both add a note. */
#define EG_SYMBOL(name_, type_) EG_SYMBOL_AS(name_, #name_, type_)
#define EG_SYMBOL_AS(handle, names, type_)                                                         \
    static struct eg_symref eg_s_##handle = { names, type_, 0 };                                   \
    EG_ENTRY(eg_symrefs, eg_symref, EG_CAT(s_, handle)) = &eg_s_##handle

/** An enumerator's value in this kernel: eg_enum(r, MOD_TEXT, &v). */
#define EG_ENUMERATOR(name_, type_)                                                                \
    static struct eg_enumref eg_e_##name_ = { #name_, type_, 0 };                                  \
    EG_ENTRY(eg_enumrefs, eg_enumref, EG_CAT(e_, name_)) = &eg_e_##name_

/* ---- cursors ---- */

/** Eight bytes in this computer's byte order are the common case, so they come first. */
EG_HOT uint64_t eg_load_(const uint8_t *p, unsigned size, bool big)
{
    uint64_t v8;
    uint32_t v4;
    uint16_t v2;

    if (__builtin_expect(size == 8, 1)) {
        __builtin_memcpy(&v8, p, 8);
        return __builtin_expect_with_probability(big, 0, 1.0) ? __builtin_bswap64(v8) : v8;
    }
    if (size == 4) {
        __builtin_memcpy(&v4, p, 4);
        return __builtin_expect_with_probability(big, 0, 1.0) ? __builtin_bswap32(v4) : v4;
    }
    if (size == 2) {
        __builtin_memcpy(&v2, p, 2);
        return __builtin_expect_with_probability(big, 0, 1.0) ? __builtin_bswap16(v2) : v2;
    }
    return *p;
}

EG_HOT struct eg_obj eg_bad(struct eg_obj o, enum eg_why why, uint64_t addr)
{
    o.why = (uint8_t)why;
    o.addr = addr;
    return o;
}

/* clang-format off */
#define EG_STEP_(c, a) &(eg_f_##a),
/** The path at this place of the source. The cursor is not part of it, so that one eg_at() can be
 * the cursor of another. */
#define EG_PATHREF_(...)                                                                                               \
    __extension__({                                                                                                    \
        static const struct eg_field *const eg_steps_[] = { EG_MAP(EG_STEP_, 0, __VA_ARGS__) };                        \
        static struct eg_pathref eg_path_ = { eg_steps_, __FILE__, __LINE__, EG_NARG(__VA_ARGS__), 0 };                \
        EG_ENTRY(eg_paths, eg_pathref, path_) = &eg_path_;                                                             \
        &eg_path_;                                                                                                     \
    })
/* clang-format on */

/** Follow the whole path step by step. A bad result has the reason and address of the step that
 * failed. @form: the rest of the cursor, see EG_FORM_. */
EG_API struct eg_obj eg_at_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                                 uint64_t addr, uint64_t form, const struct eg_pathref *path);
#define EG_FORM_(o) ((o).type | (uint64_t)(o).kind << 32 | (uint64_t)(o).why << 40)

/** Follow the pointer at *@addr. @return false: it is null or its page is not in the TLB. */
EG_HOT bool eg_hop_(const struct eg_view *v, const struct eg_space *as, uint64_t *addr)
{
    const uint8_t *p;

    if (!eg_tlb_hit_(v, as, *addr, 8, &p))
        return false;
    __builtin_memcpy(addr, p, 8);
    return __builtin_expect(*addr != 0, 1);
}

/** The address at the end of the path. @return false: the path must be followed step by step. */
EG_HOT bool eg_follow_(struct eg_obj o, const struct eg_path_at *path, uint32_t steps,
                       uint64_t *out)
{
    uint64_t addr = o.addr;

    // This also catches absent paths: their parent is not a type id.
    if (__builtin_expect(o.why || o.type != path->parent, 0))
        return false;
    if (o.kind == EG_K_PTR) {
        if (!eg_hop_(o.view, o.space, &addr))
            return false;
    } else if (__builtin_expect(o.kind != EG_K_STRUCT, 0)) {
        return false;
    }
    addr += path->off[0];
    for (uint32_t i = 1; i < steps && i <= path->hops; i++) {
        if (!eg_hop_(o.view, o.space, &addr))
            return false;
        addr += path->off[i];
    }
    *out = addr;
    return true;
}

EG_HOT struct eg_obj eg_at_path_(struct eg_obj o, const struct eg_pathref *ref, uint32_t steps)
{
    const struct eg_path_at *path = &o.bind->paths[ref->id];
    uint64_t addr;

    if (__builtin_expect(!eg_follow_(o, path, steps, &addr), 0))
        return eg_at_slow_(o.view, o.space, o.bind, o.addr, EG_FORM_(o), ref);
    o.addr = addr;
    o.type = path->type;
    o.size = path->size;
    o.kind = path->kind;
    o.shift = path->shift;
    o.bits = path->bits;
    return o;
}

/** The cursor at the end of a path: eg_at(task, task_struct.mm, mm_struct.pgd). It follows the
 * pointers between steps and does not read the last member. At most eight steps. */
#define eg_at(obj, ...) eg_at_path_((obj), EG_PATHREF_(__VA_ARGS__), EG_NARG(__VA_ARGS__))

/** @form: kind, shift, bits and why, one byte each, from the lowest. */
EG_API bool eg_value_slow_(struct eg_view *v, struct eg_space *as, const struct eg_binding *b,
                           uint64_t addr, uint32_t size, uint32_t form, uint64_t *out);

/** Read the integer at a cursor: sign-extended where it is signed; for a pointer the address in it.
 * @return false when it cannot be read. */
EG_HOT bool eg_value(struct eg_obj o, uint64_t *out)
{
    const uint8_t *p;

    // The values are ORed because compilers join separate tests into one load that is wider than
    // the stores before it, which stalls the processor.
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

/** An integer, or none. */
struct eg_number {
    uint64_t value;
    bool ok;
};

EG_HOT struct eg_number eg_number_(struct eg_obj o)
{
    struct eg_number n = { 0, false };

    n.ok = eg_value(o, &n.value);
    return n;
}

EG_API struct eg_number eg_number_slow_(struct eg_view *v, struct eg_space *as,
                                        const struct eg_binding *b, uint64_t addr, uint64_t form,
                                        const struct eg_pathref *path);

EG_HOT struct eg_number eg_number_at_(struct eg_obj o, const struct eg_pathref *ref, uint32_t steps)
{
    const struct eg_path_at *path = &o.bind->paths[ref->id];
    const uint8_t *p;
    uint64_t addr, value;

    if (__builtin_expect(!eg_follow_(o, path, steps, &addr) || !path->load ||
                             !eg_tlb_hit_(o.view, o.space, addr, path->load, &p),
                         0))
        return eg_number_slow_(o.view, o.space, o.bind, o.addr, EG_FORM_(o), ref);
    value = eg_load_(p, path->load, false);
    if (path->load < 8 && path->kind == EG_K_SINT)
        value = (uint64_t)((int64_t)(value << (64 - 8 * path->load)) >> (64 - 8 * path->load));
    return (struct eg_number){ value, true };
}

#define EG_PUT_(name, type)                                                                        \
    EG_HOT bool eg_put_##name##_(type *out, struct eg_number n)                                    \
    {                                                                                              \
        if (n.ok)                                                                                  \
            *out = (type)n.value;                                                                  \
        return n.ok;                                                                               \
    }
EG_PUT_(u64, uint64_t)
EG_PUT_(s64, int64_t)
EG_PUT_(u32, uint32_t)
EG_PUT_(s32, int32_t)
EG_PUT_(u16, uint16_t)
EG_PUT_(s16, int16_t)
EG_PUT_(u8, uint8_t)
EG_PUT_(s8, int8_t)
EG_PUT_(bool, bool)
#undef EG_PUT_
/* clang-format off */
#define EG_PUT_(out, number)                                                                                           \
    _Generic((out), uint64_t *: eg_put_u64_, int64_t *: eg_put_s64_, uint32_t *: eg_put_u32_, int32_t *: eg_put_s32_,  \
             uint16_t *: eg_put_u16_, int16_t *: eg_put_s16_, uint8_t *: eg_put_u8_, int8_t *: eg_put_s8_,             \
             bool *: eg_put_bool_)((out), (number))
/* clang-format on */

/** Read the integer at a cursor, without a path, into an integer of any width: `if (!eg_load(&pid,
 * obj)) …`. */
#define eg_load(out, obj) EG_PUT_(out, eg_number_(obj))

/** `if (eg_get(&v, obj, path…))`reads the integer at the end of a path. @v is unchanged when it
 * cannot be read. */
#define eg_get(out, obj, ...)                                                                      \
    EG_PUT_(out, eg_number_at_((obj), EG_PATHREF_(__VA_ARGS__), EG_NARG(__VA_ARGS__)))

EG_HOT uint64_t eg_number_or_(uint64_t def, struct eg_number n)
{
    return n.ok ? n.value : def;
}

/** The integer at the end of a path, or @def when it cannot be read. The result has the type of
 * @def. */
#define eg_get_or(def, obj, ...)                                                                   \
    ((__typeof__(def))eg_number_or_(                                                               \
        (uint64_t)(def), eg_number_at_((obj), EG_PATHREF_(__VA_ARGS__), EG_NARG(__VA_ARGS__))))

/** Follow a pointer cursor to its target. Bad when it is null or unreadable. */
EG_API struct eg_obj eg_deref(struct eg_obj o);

/** Element @i of an array, or of what a pointer points to. Bad past the end of an array whose size
 * is known. */
EG_API struct eg_obj eg_index(struct eg_obj o, uint64_t i);

/** Number of elements of an array cursor; 0 for other cursors. */
EG_API uint64_t eg_count(struct eg_obj o);

/** A path in a string, for names known only at run time: "mm.pgd", "comm", "fdt->fd[3]". Much
 * slower than handles. */
EG_API struct eg_obj eg_path(struct eg_obj o, const char *path);

/** A struct T at @addr in the kernel's space. @addr 0 gives a bad cursor. */
#define eg_object(r, T, addr)           eg_object_((r), eg_kernel(r), (eg_t_##T).id, (addr))
#define eg_object_in(r, space, T, addr) eg_object_((r), (space), (eg_t_##T).id, (addr))
EG_API struct eg_obj eg_object_(struct eg_run *r, struct eg_space *as, uint32_t id, uint64_t addr);

/** The same place as a T (a struct), or as a pointer to T (a pointer, or an integer that holds
 * one): for void pointers and for pointers with tag bits. */
#define eg_cast(obj, T) eg_cast_((obj), (eg_t_##T).id)
EG_API struct eg_obj eg_cast_(struct eg_obj o, uint32_t id);

/** The struct around a member: eg_container(node, task_struct.tasks). */
#define eg_container(obj, field) eg_container_((obj), (eg_f_##field).id)
EG_API struct eg_obj eg_container_(struct eg_obj member, uint32_t id);

/** The slot of a handle: does this kernel have the member, type or symbol; its size and offset. */
#define eg_has(r, field)       (eg_slot((r), (eg_f_##field).id)->kind != 0)
#define eg_has_type(r, T)      (eg_slot((r), (eg_t_##T).id)->kind != 0)
#define eg_has_symbol(r, name) (eg_slot((r), (eg_s_##name).id)->kind != 0)
#define eg_size(r, T)          (eg_slot((r), (eg_t_##T).id)->size)
#define eg_offset(r, field)    (eg_slot((r), (eg_f_##field).id)->off)
EG_API const struct eg_slot *eg_slot(struct eg_run *r, uint32_t id);

/** The variable, with its declared type; bad when this kernel does not have it. For a per-CPU
 * variable the CPU's offset must still be added. */
#define eg_sym(r, name) eg_sym_((r), (eg_s_##name).id)
EG_API struct eg_obj eg_sym_(struct eg_run *r, uint32_t id);

/** A variable by a name known only at run time, with its type from the profile (BTF has those of
 * per-CPU variables; DWARF and ISF of all). Bad when no source has the variable or its type. */
EG_API struct eg_obj eg_variable(struct eg_run *r, const char *name);

/** An enumerator's value. @return false: this kernel does not have it. */
#define eg_enum(r, name, out) eg_enum_((r), (eg_e_##name).id, (out))
EG_API bool eg_enum_(struct eg_run *r, uint32_t id, int64_t *out);

/** Text of a char array, or of what a char pointer points to (at most @max bytes): NULL when
 * unreadable. */
EG_API char *eg_string(struct eg_run *r, struct eg_obj o, size_t max);

/** A symbol's address by name at run time, and the name of an address ("init_task",
 * "ext4_file_open+0x10 [ext4]"). */
EG_API bool eg_lookup(struct eg_run *r, const char *name, uint64_t *addr);
EG_API const char *eg_name_of(struct eg_run *r, uint64_t addr);

#endif
