/** profile.h - types and symbols of one program (a kernel, a module), immutable, in flat arrays.
 *
 *  Every source (DWARF, BTF, ISF, .egp, ELF symbols, System.map, kallsyms) makes a profile through
 * an eg_builder, which checks it once: after eg_builder_finish every index is in range, every
 * string is terminated, there are no cycles of typedefs or arrays, and no struct contains itself.
 * The same arrays are stored in .egp files (profiles/store.c).
 *
 *  Type ids: 0 is void. A module's profile (split BTF) may continue the ids of a base profile: its
 * own types begin at `base_count`, and smaller ids are types of the base. In an eg_types (the base
 * and all modules of a system) ids are global: the base keeps its ids, and the types of each module
 * get a range. */
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
    EG_T_FUNC, /**< ref: return type; first, count: parameters as members, if the source has them */
    EG_T_FWD,  /**< a struct, union or enum whose members are not known */
    EG_T_VAR,  /**< a variable, not a type; ref: its type. Nothing refers to it */
};
enum eg_type_flags {
    EG_TF_SIGNED = 1,
    EG_TF_CHAR = 2,
    EG_TF_BOOL = 4,
    EG_TF_UNION = 8, /* of EG_T_FWD */
    /* Of an EG_T_TYPEDEF without a name, if the source tells them apart. */
    EG_TF_CONST = 16,
    EG_TF_VOLATILE = 32,
    EG_TF_RESTRICT = 64
};

/** For const, volatile, restrict and type tags a reader pushes an EG_T_TYPEDEF without a name;
 * eg_builder_finish replaces references to it by its target. Arrays of arrays are arrays of
 * EG_T_ARRAY. */
struct eg_type {
    uint64_t
        size; /**< bytes; of an array all of it, set by finish; 0 for void, func, fwd and typedef */
    uint32_t name; /**< in strings; 0: anonymous */
    uint32_t ref;
    uint32_t first;
    uint32_t count;
    uint8_t kind, flags;
    uint8_t pad[6];
};
struct eg_member {
    uint64_t bit_off; /**< from the start of the struct, in the bit order of the machine */
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
    uint8_t letter; /**< the type letter of nm; upper case: global */
    uint8_t pad[3];
};

struct eg_profile {
    struct eg_model model;
    char *source;   /**< "BTF of the image", a path: owned */
    char *module;   /**< name of the module; NULL: the kernel; owned */
    char *build_id; /**< hex; NULL: not known; owned */
    char *banner;   /**< "Linux version …", without the end of the line; NULL: not known; owned */
    uint32_t base_count; /**< smaller ids are those of the base; 0 or 1: no base */
    uint32_t n_types, n_members, n_enumerators, n_symbols, n_strings; /**< without the base's */
    const struct eg_type *types; /**< [0] is void, or with a base the first own type: the index is
                                      id - base_count */
    const struct eg_member *members;
    const struct eg_enumerator *enumerators;
    const struct eg_symbol *symbols; /**< sorted by address; stable, so that a sorted source keeps
                                          its order */
    const char *strings;             /**< ends with a NUL; offset 0 is "" */
    const uint32_t
        *type_hash; /**< open addressing, n_type_hash a power of two: own type index + 1, 0 empty */
    const uint32_t *symbol_hash; /**< the same: symbol index + 1 */
    uint32_t n_type_hash, n_symbol_hash;
    uint32_t btf_strings; /**< length of the BTF section's strings, which are the first of strings:
                               offsets in a module's BTF continue from there. 0: not from BTF */
    uint32_t n_left_out;  /**< invalid records of the source that were left out */
    bool qualified;       /**< its references lead to const and the like, and not past them:
                               eg_builder_qualified */
    bool partial;         /**< a few types only: what they lack the program may have */
    bool dwarf_symbols;   /**< addresses are link-time ones: the system adds its KASLR shift */
    void *block; /**< the allocation of all arrays, owned; NULL: each array is a separate one */
    size_t block_len;
};
void eg_profile_free(struct eg_profile *p); /**< NULL-safe */

/** Types named @name, one per call: start with *@iter 0. @kinds is a mask of 1u << EG_T_…. @return
 * the id in this profile, 0 at the end. */
uint32_t eg_profile_type(const struct eg_profile *p, const char *name, uint32_t kinds,
                         uint32_t *iter);
#define EG_TAGGED (1u << EG_T_STRUCT | 1u << EG_T_UNION | 1u << EG_T_ENUM)
#define EG_NAMED                                                                                   \
    (EG_TAGGED | 1u << EG_T_TYPEDEF | 1u << EG_T_INT | 1u << EG_T_FLOAT | 1u << EG_T_FWD)

#define EG_INDEXED (EG_NAMED | 1u << EG_T_VAR)

/** Symbols by name, one per call (several can have the same name: start with *@iter 0); and the
 * symbol nearest at or below an address, the first of several at the same address. */
const struct eg_symbol *eg_profile_symbol(const struct eg_profile *p, const char *name,
                                          uint32_t *iter);
const struct eg_symbol *eg_profile_symbol_at(const struct eg_profile *p, uint64_t addr);

/* ---- building ---- */

/** Collects the output of a reader. Types are pushed in the order of their ids; the first is 1, or
 * base_count if that is greater. After an error (memory, a limit) all pushes do nothing and finish
 * returns the error, so readers need not check each push. */
struct eg_builder;
struct eg_builder *eg_builder_new(struct eg_model model, const char *source);
void eg_builder_free(struct eg_builder *b); /**< NULL-safe */
/** Build a module's types over @base, which must live longer than the result. Ids continue from
 * n_types of @base. */
void eg_builder_set_base(struct eg_builder *b, const struct eg_profile *base, const char *module);
void eg_builder_set_build_id(struct eg_builder *b, const char *hex);
void eg_builder_set_banner(struct eg_builder *b, const char *text);
/** Keep references to const and the like, for who writes declarations again. The base must be such
 * a profile too. Such types are not for cursors, which know no typedef without a name. */
void eg_builder_qualified(struct eg_builder *b);
void eg_builder_link_time(struct eg_builder *b); /**< its symbols are not relocated */

/** Copy the source's string section; its offsets are then names. Call this before any
 * eg_builder_name, which adds single names. @section NULL: @len bytes that the caller fills before
 * the next name. @return the copy, NULL after an error. */
char *eg_builder_strings(struct eg_builder *b, const char *section, size_t len);
uint32_t eg_builder_name(struct eg_builder *b, const char *s, size_t len);
/** Reserve room, if the source says how many there are. */
void eg_builder_expect(struct eg_builder *b, size_t types, size_t members, size_t symbols);
/** Push many records at once: the caller fills every byte of all @n before the next push of the
 * same kind. NULL after an error, or when @n is 0. */
struct eg_type *eg_builder_types(struct eg_builder *b, size_t n);
struct eg_member *eg_builder_members(struct eg_builder *b, size_t n);
struct eg_symbol *eg_builder_symbols(struct eg_builder *b, size_t n);

uint32_t eg_builder_type(struct eg_builder *b,
                         const struct eg_type *t); /**< @return its id; 0 after an error */
struct eg_type *eg_builder_edit(struct eg_builder *b,
                                uint32_t id); /**< for forward references; valid until the next
                                                   push */
void eg_builder_member(struct eg_builder *b, uint32_t name, uint32_t type, uint64_t bit_off,
                       uint32_t bit_size);
void eg_builder_enumerator(struct eg_builder *b, uint32_t name, int64_t value);
uint32_t eg_builder_member_count(const struct eg_builder *b); /**< for eg_type.first */
uint32_t eg_builder_enumerator_count(const struct eg_builder *b);
void eg_builder_symbol(struct eg_builder *b, uint32_t name, uint64_t addr, uint32_t size,
                       char letter);

/** Check and index the profile, which the caller then owns. An invalid record (a reference out of
 * range, a cycle, a member past the end of its struct) becomes void or is left out, and is counted
 * in *@dropped (may be NULL) and in the profile. Frees the builder, also on errors. */
int eg_builder_finish(struct eg_builder *b, struct eg_profile **out, size_t *dropped,
                      struct eg_error *e);

/** The checks of finish for the writable arrays of a stored profile, without its indexes. @base as
 * in eg_builder_set_base, or NULL. @return false: out of memory. */
bool eg_profile_check(struct eg_profile *p, const struct eg_profile *base, size_t *dropped);

/* ---- several profiles together: ids are global ---- */

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
                 struct eg_error *e);    /**< not while a run is active */
void eg_types_fini(struct eg_types *ts); /**< frees the layer list, not the profiles */

/** Never NULL: an id out of range is void. */
const struct eg_type *eg_type(const struct eg_types *ts, uint32_t id,
                              const struct eg_profile **profile);
const char *eg_type_name(const struct eg_types *ts, uint32_t id);
uint32_t eg_type_ref(const struct eg_types *ts, uint32_t id);   /**< the global id of .ref */
uint32_t eg_type_strip(const struct eg_types *ts, uint32_t id); /**< past typedefs */
/** The target of a pointer to @id, following typedefs. For a struct that the kernel only declares
 * and modules define, all in the same way, it is that definition. */
uint32_t eg_type_target(const struct eg_types *ts, uint32_t id);
/** The id of an EG_T_PTR to @ref or an EG_T_ARRAY of @count elements of @ref; 0: there is none.
 * Slow. */
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
/** A member by name or path ("a.b"), also inside anonymous structs. The offset is from the start of
 * @id. */
bool eg_type_find(const struct eg_types *ts, uint32_t id, const char *path,
                  struct eg_member_at *out);
/** The name of the enumerator with a value; NULL: none. */
const char *eg_type_enumerator(const struct eg_types *ts, uint32_t id, int64_t value);
/** The declaration as C writes it: "struct list_head tasks", "int (*show)(struct seq_file *, void
 * *)", "char comm[16]". */
size_t eg_type_declare(const struct eg_types *ts, uint32_t id, const char *name, char *out,
                       size_t size);

/** The global ids with this name, one per call: start with *@iter 0; 0 at the end. Those of @module
 * (may be NULL) come first. */
uint32_t eg_types_named(const struct eg_types *ts, const char *name, const char *module,
                        uint32_t kinds, uint64_t *iter);

/** The type of the variable @name; 0: not known, or ambiguous because variables of different types
 * have this name. */
uint32_t eg_types_variable(const struct eg_types *ts, const char *name);

/** Parse a C type expression ("struct list_head", "task_struct *", "unsigned long", "u8[16]") into
 * a slot with off and parent 0. The integers of C and u8 to s64 need no profile: their type is 0.
 * The slot's why is EG_NO_TYPE when the type is not known. */
void eg_types_parse(const struct eg_types *ts, const struct eg_model *m, const char *text,
                    struct eg_slot *out);
/** Kind, type and size of a cursor of type @id. */
void eg_types_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                   struct eg_slot *out);
/** A member as a slot: bit-fields get the size to load, shift and width for the byte order of the
 * model. */
void eg_types_member_slot(const struct eg_types *ts, const struct eg_model *m, uint32_t parent,
                          const struct eg_member_at *mem, struct eg_slot *out);

#endif
