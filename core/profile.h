/** profile.h - types and symbols of one program (a kernel, a module), immutable, in flat arrays.
 *
 *  A profile is what each source (DWARF, BTF, ISF, .egp, ELF symbols, System.map, kallsyms) makes
 * through an eg_builder, which checks it once: after eg_builder_finish every index is in range,
 * every string ends, no typedef or array chain goes in a circle, no struct holds itself. The arrays
 * are also the .egp file (profiles/store.c).
 *
 *  Ids. In a profile 0 is void. A module's profile (split BTF) may count on: its own types begin at
 * `base_count`, and smaller ids are the base profile's. In an eg_types (a system's base and module
 * profiles together) ids are global: the base keeps its own; each module's own types get a range of
 * their own. */
#ifndef EG_PROFILE_H
#define EG_PROFILE_H

#include "base.h"
#include "engram.h"

enum eg_type_kind {
    EG_T_VOID,
    EG_T_INT,
    EG_T_FLOAT,
    EG_T_PTR,    /**< ref: target */
    EG_T_ARRAY,  /**< ref: element; count elements */
    EG_T_STRUCT, /**< first, count: members */
    EG_T_UNION,
    EG_T_ENUM,    /**< first, count: enumerators */
    EG_T_TYPEDEF, /**< ref: what it names */
    EG_T_FUNC, /**< ref: return type; first, count: parameters as members, where the source has them
                */
    EG_T_FWD,  /**< a struct, union or enum whose members are not known */
    EG_T_VAR,  /**< no type but a variable, by its name; ref: its type. Nothing refers to one */
};
enum eg_type_flags {
    EG_TF_SIGNED = 1,
    EG_TF_CHAR = 2,
    EG_TF_BOOL = 4,
    EG_TF_UNION = 8 /* of EG_T_FWD */
};

/** const, volatile, restrict and type tags: a reader pushes an EG_T_TYPEDEF without a name, and
 * finish makes every reference lead past it. Arrays of arrays are arrays of EG_T_ARRAY. */
struct eg_type {
    uint64_t
        size; /**< bytes; of arrays the whole, set by finish; 0 of void, func, fwd and typedef */
    uint32_t name; /**< in strings; 0: anonymous */
    uint32_t ref;
    uint32_t first;
    uint32_t count;
    uint8_t kind, flags;
    uint8_t pad[6];
};
struct eg_member {
    uint64_t bit_off; /**< from the start of the struct; little-endian numbering on little-endian
                         machines, else big */
    uint32_t name;    /**< 0: an anonymous struct or union */
    uint32_t type;
    uint32_t bit_size; /**< 0: not a bit-field */
    uint32_t pad;
};
struct eg_enumerator {
    int64_t value;
    uint32_t name;
    uint32_t pad;
};
struct eg_symbol {
    uint64_t addr;
    uint32_t name;
    uint32_t size;  /**< 0: not known */
    uint32_t hash;  /**< eg_hash of the name */
    uint8_t letter; /**< nm's; upper case: global */
    uint8_t pad[3];
};

struct eg_profile {
    struct eg_model model;
    char *source;   /**< "BTF of the image", a path: owned */
    char *module;   /**< the module whose types these are; NULL: the kernel's; owned */
    char *build_id; /**< hex; NULL: not known; owned */
    char *banner;   /**< "Linux version …", without the end of the line; NULL: not known; owned */
    uint32_t base_count; /**< 0 or 1: stands alone; else ids below are the base's */
    uint32_t n_types, n_members, n_enumerators, n_symbols, n_strings; /**< of its own */
    const struct eg_type *types; /**< [0] is void (or the first own type when base_count > 1: index
                                    id - base_count) */
    const struct eg_member *members;
    const struct eg_enumerator *enumerators;
    const struct eg_symbol *symbols; /**< sorted by address; a sorted source's own order is kept */
    const char *strings;             /**< ends with a NUL; offset 0 is "" */
    const uint32_t
        *type_hash; /**< open addressing, n_type_hash a power of two: own type index + 1, 0 empty */
    const uint32_t *symbol_hash; /**< the same: symbol index + 1 */
    uint32_t n_type_hash, n_symbol_hash;
    uint32_t btf_strings; /**< bytes of the BTF section's own strings, which come first in strings:
                             a module's BTF counts on from there. 0: not made of BTF */
    uint32_t n_left_out;  /**< records of the source that could not be true and are not in it */
    bool dwarf_symbols;   /**< addresses are link-time: the system adds its KASLR shift */
    void *block; /**< what all arrays live in (malloc): owned; NULL: each array is its own */
    size_t block_len;
};
void eg_profile_free(struct eg_profile *p); /**< NULL-safe */

/** Named types, in the order of the hash: start with *@iter 0. Only kinds in @kinds (a mask of 1u
 * << EG_T_…).
 *  @return the id (in the profile's own counting), 0 at the end. */
uint32_t eg_profile_type(const struct eg_profile *p, const char *name, uint32_t kinds,
                         uint32_t *iter);
#define EG_TAGGED (1u << EG_T_STRUCT | 1u << EG_T_UNION | 1u << EG_T_ENUM)
#define EG_NAMED                                                                                   \
    (EG_TAGGED | 1u << EG_T_TYPEDEF | 1u << EG_T_INT | 1u << EG_T_FLOAT | 1u << EG_T_FWD)

#define EG_INDEXED (EG_NAMED | 1u << EG_T_VAR)

/** Symbols by name (several may share one: *@iter 0 first), and the symbol that holds an address:
 * the nearest at or below it, of several at one place the first. */
const struct eg_symbol *eg_profile_symbol(const struct eg_profile *p, const char *name,
                                          uint32_t *iter);
const struct eg_symbol *eg_profile_symbol_at(const struct eg_profile *p, uint64_t addr);

/* ---- building ---- */

/** Any reader's output. Push types in id order (the first push is id 1, or base_count when that is
 * > 1). After an error (memory, a limit) all pushes do nothing and finish says so: readers need no
 * checks between. */
struct eg_builder;
struct eg_builder *eg_builder_new(struct eg_model model, const char *source);
void eg_builder_free(struct eg_builder *b); /**< NULL-safe */
/** A module's types on top of @base, which must outlive the result's use. Ids continue from @base's
 * n_types. */
void eg_builder_set_base(struct eg_builder *b, const struct eg_profile *base, const char *module);
void eg_builder_set_build_id(struct eg_builder *b, const char *hex);
void eg_builder_set_banner(struct eg_builder *b, const char *text);
void eg_builder_link_time(struct eg_builder *b); /**< its symbols are not relocated */

/** Names: either interned one by one, or the source's own string section taken over (before any
 * name), whose offsets are then the names. @return our copy, NULL after an error; @section NULL:
 * room that the caller fills before the next name. */
char *eg_builder_strings(struct eg_builder *b, const char *section, size_t len);
uint32_t eg_builder_name(struct eg_builder *b, const char *s, size_t len);
/** Room for so many, when the source says: fewer copies. */
void eg_builder_expect(struct eg_builder *b, size_t types, size_t members, size_t symbols);
/** Many records at once: the caller fills all @n, every byte, before the next push of their sort.
 * NULL after an error, or for none. */
struct eg_type *eg_builder_types(struct eg_builder *b, size_t n);
struct eg_member *eg_builder_members(struct eg_builder *b, size_t n);
struct eg_symbol *eg_builder_symbols(struct eg_builder *b, size_t n);

uint32_t eg_builder_type(struct eg_builder *b,
                         const struct eg_type *t); /**< @return its id; 0 after an error */
struct eg_type *eg_builder_edit(struct eg_builder *b,
                                uint32_t id); /**< for forward references; until the next push */
void eg_builder_member(struct eg_builder *b, uint32_t name, uint32_t type, uint64_t bit_off,
                       uint32_t bit_size);
void eg_builder_enumerator(struct eg_builder *b, uint32_t name, int64_t value);
uint32_t eg_builder_member_count(const struct eg_builder *b); /**< for eg_type.first */
uint32_t eg_builder_enumerator_count(const struct eg_builder *b);
void eg_builder_symbol(struct eg_builder *b, uint32_t name, uint64_t addr, uint32_t size,
                       char letter);

/** Check, index, and give the profile to the caller. A record that cannot be (a reference out of
 * range, a circle, a member past the end of its struct) becomes void or is left out, and is counted
 * in *@dropped (may be NULL) and the profile. Frees the
 * builder in every case. */
int eg_builder_finish(struct eg_builder *b, struct eg_profile **out, size_t *dropped,
                      struct eg_error *e);

/** The checks of finish on arrays that came from elsewhere (a stored profile) and can be written
 * to; not the indexes. @base as in eg_builder_set_base, or NULL. @return false: out of memory. */
bool eg_profile_check(struct eg_profile *p, const struct eg_profile *base, size_t *dropped);

/* ---- several profiles as one: ids are global ---- */

enum { EG_LAYERS_MAX = 4096 };
struct eg_types {
    struct eg_layer {
        const struct eg_profile *profile;
        uint32_t first, end; /**< global ids of its own types */
    } * layers;              /**< [0] the base */
    size_t n_layers;
};
int eg_types_init(struct eg_types *ts, const struct eg_profile *base, struct eg_error *e);
int eg_types_add(struct eg_types *ts, const struct eg_profile *module,
                 struct eg_error *e);    /**< not while runs read */
void eg_types_fini(struct eg_types *ts); /**< frees the layer list, not the profiles */

/** Never NULL: an id out of range is void. */
const struct eg_type *eg_type(const struct eg_types *ts, uint32_t id,
                              const struct eg_profile **profile);
const char *eg_type_name(const struct eg_types *ts, uint32_t id);
uint32_t eg_type_ref(const struct eg_types *ts, uint32_t id);   /**< global id of .ref */
uint32_t eg_type_strip(const struct eg_types *ts, uint32_t id); /**< past typedefs */
/** What a pointer to @id leads to: past typedefs; and where the kernel only declares a struct that
 * modules define, all of them alike, that definition. */
uint32_t eg_type_target(const struct eg_types *ts, uint32_t id);
/** An EG_T_PTR to @ref, or EG_T_ARRAY of @count of it; 0: the program has none. Slow. */
uint32_t eg_type_derived(const struct eg_types *ts, enum eg_type_kind kind, uint32_t ref,
                         uint32_t count);
uint64_t eg_type_size(const struct eg_types *ts, uint32_t id,
                      const struct eg_model *m); /**< past typedefs; pointers too */
/** Member @i of a struct: its name, global type id, bit offset and size. */
struct eg_member_at {
    const char *name;
    uint32_t type, bit_size;
    uint64_t bit_off;
};
bool eg_type_member(const struct eg_types *ts, uint32_t id, uint32_t i, struct eg_member_at *out);
/** A member by name or path ("a.b"), through anonymous structs: offset is from @id's start. */
bool eg_type_find(const struct eg_types *ts, uint32_t id, const char *path,
                  struct eg_member_at *out);
/** The enumerator's name for a value (NULL: none) and back. */
const char *eg_type_enumerator(const struct eg_types *ts, uint32_t id, int64_t value);
/** The declaration as C writes it: "struct list_head tasks", "int (*show)(struct seq_file *, void
 * *)", "char comm[16]". */
size_t eg_type_declare(const struct eg_types *ts, uint32_t id, const char *name, char *out,
                       size_t size);

/** All global ids that have this name: *@iter 0 first; 0 at the end. @module (may be NULL): that
 * module's first. */
uint32_t eg_types_named(const struct eg_types *ts, const char *name, const char *module,
                        uint32_t kinds, uint64_t *iter);

/** The type of the program's variable @name; 0: not known, or several variables of different types
 * have this name. */
uint32_t eg_types_variable(const struct eg_types *ts, const char *name);

/** A C type expression ("struct list_head", "task_struct *", "unsigned long", "u8[16]") into a slot
 * (off, parent 0). The integers of C, and u8 to s64, need no profile: then type is 0.
 *  @why: EG_NO_TYPE in the slot when it does not resolve. */
void eg_types_parse(const struct eg_types *ts, const struct eg_model *m, const char *text,
                    struct eg_slot *out);
/** What a cursor on a place of type @id is: kind, type, size. */
void eg_types_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                   struct eg_slot *out);
/** A member as a slot: bit-fields get their load, shift and width for the model's byte order. */
void eg_types_member_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t parent,
                          const struct eg_member_at *mem, struct eg_slot *out);

#endif
