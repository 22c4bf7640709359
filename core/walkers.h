/** walkers.h - walkers of lists, trees and index structures in the analysed machine's memory. Part
 * of engram.h. */
#ifndef EG_WALKERS_H
#define EG_WALKERS_H

#include "cursor.h"

/* ---- walkers end on any damage and yield no address twice; what was lost is a note of the run
 * ---- */

/** The member that links elements, for members found by name instead of by handle. The strings must
 * live as long as the walk. */
struct eg_link {
    const char *type, *name;
    struct eg_slot slot;
};

/** A walk of a circular struct list_head. Each element's prev must point back to where the walk
 * came from. A list that is broken is also walked from its other end. A bad head is an empty list
 * with a note; where the path only met a null pointer there is no note. The members of walks are
 * only for core. */
enum { EG_LIST_CROSSED_MAX = 32 };
struct eg_list_walk {
    struct eg_obj elem; /**< the cursor of elements, without an address */
    uint64_t off, head, cur, last, broken_at, n, back;
    uint64_t back_end, between, crossed[EG_LIST_CROSSED_MAX]; /**< nodes behind contradictions */
    const char *type, *link;
    uint8_t state, why, n_crossed;
};
EG_API struct eg_list_walk eg_list_begin_(struct eg_obj head, uint32_t link);
EG_API struct eg_list_walk eg_list_begin(struct eg_obj head, const struct eg_link *link);
EG_API bool eg_list_next_(struct eg_list_walk *w, struct eg_obj *out);

/** for each struct whose member @link (a list_head: task_struct.tasks) is on the list at @head_ (a
 * list_head). */
#define eg_each_list(it, head_, link)                                                              \
    for (struct eg_list_walk EG_CAT(w_, __LINE__) = eg_list_begin_((head_), (eg_f_##link).id);     \
         eg_list_next_(&EG_CAT(w_, __LINE__), &(it));)

/** A walk of an hlist (head: hlist_head; also hlist_nulls). Each node's pprev must point back to
 * where the walk came from. */
struct eg_hlist_walk {
    struct eg_obj elem;
    uint64_t off, head, from, n;
    const char *type, *link;
    bool going;
};
EG_API struct eg_hlist_walk eg_hlist_begin_(struct eg_obj head, uint32_t link);
EG_API struct eg_hlist_walk eg_hlist_begin(struct eg_obj head, const struct eg_link *link);
EG_API bool eg_hlist_next_(struct eg_hlist_walk *w, struct eg_obj *out);
#define eg_each_hlist(it, head_, link)                                                             \
    for (struct eg_hlist_walk EG_CAT(w_, __LINE__) = eg_hlist_begin_((head_), (eg_f_##link).id);   \
         eg_hlist_next_(&EG_CAT(w_, __LINE__), &(it));)

/** A walk of a red-black tree (root: rb_root or rb_root_cached), in order. Each child's parent link
 * must point back to its parent. */
struct eg_rb_walk {
    struct eg_obj elem;
    uint64_t off, root, cur, n;
    const char *type, *link;
    uint8_t state;
};
EG_API struct eg_rb_walk eg_rb_begin_(struct eg_obj root, uint32_t link);
EG_API struct eg_rb_walk eg_rb_begin(struct eg_obj root, const struct eg_link *link);
EG_API bool eg_rb_next_(struct eg_rb_walk *w, struct eg_obj *out);
#define eg_each_rb(it, root_, link)                                                                \
    for (struct eg_rb_walk EG_CAT(w_, __LINE__) = eg_rb_begin_((root_), (eg_f_##link).id);         \
         eg_rb_next_(&EG_CAT(w_, __LINE__), &(it));)

/** One entry of an index structure: xarray, radix tree, idr, maple tree. */
struct eg_entry {
    uint64_t index, last; /**< the range that the entry covers, inclusive */
    uint64_t value;       /**< the entry as stored: a pointer, or a value entry (bit 0 set) */
};

/** A walk of an xarray or radix tree (a cursor on the xarray, radix_tree_root or idr), or of a
 * maple tree (a cursor on the maple_tree). */
struct eg_index_walk {
    struct eg_obj root;
    uint64_t base; /**< of an idr: its first id, which is added to every index */
    int depth;     /**< number of nodes in @at */
    struct {
        uint64_t node, min, max;
        uint32_t slot, shift, type;
    } at[32];
    struct eg_entry single; /**< the entry in the root itself, where there is no node */
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

/* ---- walkers and functions of one's own, found by name from any plugin and from Lua ---- */

struct eg_cell;
struct eg_need;

/** What an operating system's library offers to all plugins: a task's VMAs, a system's tasks. The
 * state is the caller's. */
struct eg_walker {
    const char *os, *help;
    const char *arg;  /**< type of the argument cursor, or NULL for the whole system */
    const char *elem; /**< type of the elements; NULL: the argument's */
    const struct eg_need *needs, *needs_symbols; /**< as a plugin's; may be NULL */
    size_t state; /**< bytes of @state, zeroed before the first call */
    bool (*next)(struct eg_run *r, struct eg_obj arg, void *state, struct eg_obj *out);
    /** Instead of .next, if elements are values and not places: sets one cell for each of .values.
     * The first is never unset. */
    bool (*next_values)(struct eg_run *r, struct eg_obj arg, void *state, struct eg_cell *out);
    const char *values; /**< names and types, as eg_function.returns: "key: text, value: text" */
    /** One element by its number; in Lua linux.percpu(variable, cpu). May be NULL. @return false:
     * it does not exist. */
    bool (*at)(struct eg_run *r, struct eg_obj arg, uint64_t number, struct eg_obj *out);
    const char *number, *at_help; /**< the number's name, and what .at gives */
};
enum { EG_WALKER_VALUES = 4 }; /**< at most */
struct eg_walker_reg {
    const char *name, *file;
    const struct eg_walker *walker;
};
#define EG_WALKER(n)                                                                               \
    static const struct eg_walker eg_walker_##n;                                                   \
    static const struct eg_walker_reg eg_wreg_##n = { #n, __FILE__, &eg_walker_##n };              \
    EG_ENTRY(eg_walkers, eg_walker_reg, w_##n) = &eg_wreg_##n;                                     \
    static const struct eg_walker eg_walker_##n

/** A walk by the name of a walker. For one that walks the whole system, @arg is an empty cursor:
 *
 *     struct eg_walking w = eg_walk(r, "tasks", (struct eg_obj){ 0 });
 *     struct eg_obj task;
 *
 *     while (eg_walk_next(&w, &task))
 *         eg_note(r, "a task at %#llx", (unsigned long long)task.addr); */
struct eg_walking {
    struct eg_run *run;
    const struct eg_walker *walker;
    struct eg_obj arg;
    void *state;
};
EG_API struct eg_walking eg_walk(struct eg_run *r, const char *name, struct eg_obj arg);
EG_API bool eg_walk_next(struct eg_walking *w, struct eg_obj *out);
/** The same for a walker of values. @out: EG_WALKER_VALUES cells. */
EG_API bool eg_walk_next_values(struct eg_walking *w, struct eg_cell *out);

/** A C function that scripts can call: EG_FUNCTION(is_kthread) with .is = linux_task_is_kthread
 * makes linux.is_kthread(task), which gives true or false. All arguments are cursors. */
struct eg_function {
    const char *os, *help;
    const char *args; /**< their names: "path [, task]"; "" for none, four at most */
    /** "integer", "text", "bytes", "time" (ns since 1970 UTC), or the struct that a cursor is on.
     * NULL where the form below says it: .is and .text. */
    const char *returns;
    const struct eg_need *needs, *needs_symbols; /**< as a plugin's; may be NULL */
    /** The C function itself, by its form: one of these. It is not called with a first argument
     * that could not be read, except .call. */
    bool (*is)(struct eg_run *r, struct eg_obj o);
    const char *(*text)(struct eg_run *r, struct eg_obj o); /**< NULL: it cannot be read */
    /** @other: the optional second argument; a bad cursor when it is not given. */
    const char *(*text_from)(struct eg_run *r, struct eg_obj o, struct eg_obj other);
    struct eg_obj (*cursor)(struct eg_run *r, struct eg_obj o);
    struct eg_cell (*cell)(struct eg_run *r, struct eg_obj o);
    struct eg_cell (*call)(struct eg_run *r, const struct eg_obj *args, unsigned n);
};
struct eg_function_reg {
    const char *name, *file;
    const struct eg_function *function;
};
#define EG_FUNCTION(n)                                                                             \
    static const struct eg_function eg_function_##n;                                               \
    static const struct eg_function_reg eg_fnreg_##n = { #n, __FILE__, &eg_function_##n };         \
    EG_ENTRY(eg_functions, eg_function_reg, fn_##n) = &eg_fnreg_##n;                               \
    static const struct eg_function eg_function_##n

/** Call a function by its name, as eg_walk() walks: `eg_call(r, "file_path", &file, 1)`. The cell
 * is unset where there is no answer, and its text lives as long as the run. The run fails when this
 * system has no such function, or it takes another number of arguments. */
EG_API struct eg_cell eg_call(struct eg_run *r, const char *name, const struct eg_obj *args,
                              unsigned n);

/* ---- constants of a foreign machine by name: bits, or the values of an enumeration ---- */

struct eg_constant {
    const char *name; /**< NULL at the end of a list */
    uint64_t value;
};
/** EG_CONSTANTS(task_flags) makes the table linux.task_flags of scripts:
 * linux.task_flags.PF_KTHREAD; eg.flags(t.flags, linux.task_flags) names the bits. */
struct eg_constants {
    const char *os, *help;
    const struct eg_constant *list;
};
struct eg_constants_reg {
    const char *name, *file;
    const struct eg_constants *constants;
};
#define EG_CONSTANTS(n)                                                                            \
    static const struct eg_constants eg_constants_##n;                                             \
    static const struct eg_constants_reg eg_creg_##n = { #n, __FILE__, &eg_constants_##n };        \
    EG_ENTRY(eg_constants, eg_constants_reg, c_##n) = &eg_creg_##n;                                \
    static const struct eg_constants eg_constants_##n

/** The name of a value; NULL: it has none. */
EG_API const char *eg_constant_name(const struct eg_constant *list, uint64_t value);
/** The names of the bits that are set, in the list's order, @gap between them; bits without a name
 * as one number at the end. In the run's memory. */
EG_API const char *eg_bits_text(struct eg_run *r, const struct eg_constant *list, uint64_t bits,
                                const char *gap);

#endif
