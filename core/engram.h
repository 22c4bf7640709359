/** engram.h - the one header that a plugin includes: cursors into the memory of the analysed
 * machine, walkers of its data structures, rows, and the declarations by which one file is a whole
 * plugin.
 *
 *  Ownership: a plugin owns nothing. Cursors and cells are values. Memory from eg_tmp() and all
 * strings that these functions return live until the run ends. Errors: a cursor that meets an
 * unreadable place is bad and stays bad; no accessor returns a number for it. Only <stdint.h>,
 * <stddef.h> and <stdbool.h> are included, because macros of libc (si_pid, sa_handler) have the
 * names of kernel members. */
#ifndef EG_ENGRAM_H
#define EG_ENGRAM_H

#include "cursor.h"
#include "walkers.h"

/* ---- a run ---- */

EG_API struct eg_view *eg_view_of(struct eg_run *r);
EG_API struct eg_system *eg_system_of(struct eg_run *r);
EG_API struct eg_space *eg_kernel(struct eg_run *r);
EG_API struct eg_space *eg_physical(struct eg_run *r);
EG_API const struct eg_binding *eg_binding_of(struct eg_run *r);

/** Zeroed memory and text that live until the run ends. Never NULL: a run past its memory limit
 * fails and ends. */
EG_API void *eg_tmp(struct eg_run *r, size_t len);
/** Room for one more element of @size bytes behind the @n at @at: where the array is from now on.
 * @cap: how many it has room for, at first 0. */
EG_API void *eg_grow(struct eg_run *r, void *at, size_t n, size_t *cap, size_t size);
EG_API char *eg_strf(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** Add a note: something that the reader of the result must know. Notes are kept with the rows, in
 * order; a text that was noted before is not added again. */
EG_API void eg_note(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** The run fails: `return eg_failed(r, "…")` from .run. */
EG_API int eg_failed(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** The same for invalid arguments of the user: the command then exits with the status for wrong
 * usage. */
EG_API int eg_refused(struct eg_run *r, const char *format, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/** True after Ctrl-C, or when the run has failed: leave long loops. Walkers and eg_row check this
 * themselves. */
EG_API bool eg_stopped(struct eg_run *r);

/** Progress of long work, 0..total. Cheap; shown only on a terminal and after a second. */
EG_API void eg_progress(struct eg_run *r, uint64_t done, uint64_t total);

/** Create file @name (without a slash) in the folder of -o, for plugins that dump. @return a FILE *
 * to write to, which is closed when the run ends; NULL when there is no -o, and then the run
 * fails. */
EG_API void *eg_output(struct eg_run *r, const char *name);
/** Close it now, for plugins that write many files. @return false when not all of it reached the
 * disk, and then the run fails. */
EG_API bool eg_output_done(struct eg_run *r, void *file);

/* ---- arguments ---- */

enum eg_arg_kind {
    EG_ARG_FLAG = 1, /**< --threads */
    EG_ARG_INT,      /**< --pid 1 or --pid 1,2: always a list */
    EG_ARG_ADDR,     /**< --at init_task+0x10,0x1000-0x2000: always a list (core/address.h) */
    EG_ARG_TEXT,
    EG_ARG_FILE, /**< text too: a file or folder of this machine, which who asks from elsewhere (a
                      debugger, engram gdb) may not name */
};
struct eg_arg {
    const char *name;
    enum eg_arg_kind kind;
    const char *help; /**< of a text it may begin with a name for the value: "SECONDS: end after so
                           many" */
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
/** Can eg_arg_match() be false: was the option given, or for "pid" another that chooses
 * processes? */
EG_API bool eg_arg_limits(struct eg_run *r, const char *name);
EG_API bool eg_arg_addr(struct eg_run *r, const char *name, uint64_t *out); /**< the first */
/** The @i-th address or range that was given. @last is inclusive, and equals @first for a single
 * address. @return false: fewer were given. */
EG_API bool eg_arg_range(struct eg_run *r, const char *name, size_t i, uint64_t *first,
                         uint64_t *last);
EG_API const char *eg_arg_text(struct eg_run *r, const char *name); /**< NULL when not given */
/** The @i-th value, in the order given; NULL: no more. */
EG_API const char *eg_arg_text_nth(struct eg_run *r, const char *name, size_t i);

/* ---- rows ---- */

/** ORDER eg_column_kind (core/table.c) */
enum eg_column_kind {
    EG_COL_INT = 1, /**< as a rule fits 2^53: a JSON number. One that does not is a string of its
                         digits, for many readers of JSON would round it */
    EG_COL_BIG,     /**< 64 bits that often do not fit 2^53 (hashes, masks): always such a string */
    EG_COL_ADDR,    /**< "0x…" */
    EG_COL_TEXT,    /**< any bytes; written as valid UTF-8, with the bytes in NAME_raw where they
                         were not */
    EG_COL_BYTES,   /**< hex */
    EG_COL_TIME,    /**< ns since 1970-01-01 UTC, signed */
    EG_COL_FLAGS,   /**< short text of letters or words */
    EG_COL_BOOL,
    EG_COL_DURATION, /**< ns, signed; written as seconds with six digits behind the point */
};
struct eg_column {
    const char *name;
    enum eg_column_kind kind;
    const char *help;
    enum {
        EG_MINOR = 1, /**< text leaves it out where the terminal is too narrow for the others */
        EG_LIST = 2,  /**< text shows the beginning of it */
        EG_ASKED = 4, /**< some options only have it: text leaves it out where no row has it, and on
                           a narrow terminal after the minor ones; may stand with EG_LIST: | */
        EG_WHOLE = 8, /**< text never cuts it: an address without its end says nothing */
        EG_LINES = 16, /**< each row is a line of a text that another program reads: text writes it
                            as it is where it is the only column, and notes as "# note" */
    } shown;
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

/** Cells from values. The cell of a cursor is read (value or reason) when the row is emitted. */
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
/** The address of the object; for a pointer cursor that of the pointer itself. */
static inline struct eg_cell eg_addr(struct eg_obj o)
{
    return o.why ? eg_missing((enum eg_why)o.why, o.addr) : eg_uint(o.addr);
}
/** The value at the end of a path. */
#define eg_val(obj, ...) eg_cell_of(eg_at(obj, __VA_ARGS__))

#define EG_COL_CELL_(NAME, ...)       struct eg_cell NAME;
#define EG_COL_DESC_(NAME, KIND, ...) { #NAME, EG_COL_##KIND, __VA_ARGS__ },
/** Declare columns: `#define COLUMNS(C) C(PID, INT, "…")`, with EG_MINOR, EG_LIST or EG_ASKED as
 * a fourth word where that is so; then EG_COLUMNS(COLUMNS), which defines struct row and
 * columns[]. */
#define EG_COLUMNS(LIST)                                                                           \
    struct row {                                                                                   \
        LIST(EG_COL_CELL_)                                                                         \
    };                                                                                             \
    static const struct eg_column columns[] = { LIST(EG_COL_DESC_){ NULL, EG_COL_INT, NULL } }

/** Emit one row, with cells by column name. A cell that is not given was "not computed". */
#define eg_row(r, ...) eg_row_tree((r), 0, __VA_ARGS__)
/** Emit a row of a tree. Text output draws the tree; other formats are flat, so give the parent's
 * key as a column. Depth 0 is a root; children follow their parent. */
#define eg_row_tree(r, depth, ...)                                                                 \
    eg_emit_((r), (depth),                                                                         \
             (const struct eg_cell *)(const void *)&(const struct row){ __VA_ARGS__ },             \
             sizeof(struct row) / sizeof(struct eg_cell))
EG_API void eg_emit_(struct eg_run *r, unsigned depth, const struct eg_cell *cells, size_t n);

/* ---- plugins ---- */

struct eg_scan;

struct eg_need {
    const struct eg_field *field; /**< one of the two */
    const struct eg_symref *symbol;
};
#define EG_NEED_(c, f)     { &(eg_f_##f), NULL },
#define EG_NEED_SYM_(c, s) { NULL, &(eg_s_##s) },
/** A member or symbol without which a plugin, a walker or a function cannot work. This is checked
 * before .run. `engram plugins IMAGE` says which plugins can run and what the others lack. */
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
    const char *manual;         /**< more text: what it cannot see, what to compare it with; may be
                                     NULL */
    const char *const *aliases; /**< Volatility's and crash's names:
                                   EG_NAMES("linux.pslist.PsList"); may be NULL */
    /** What can only be called absent when this plugin has run: EG_NAMES("hidden processes"), in
     * the words of cli/coverage.c where it has them. NULL: it only shows what is there. */
    const char *const *looks_for;
    const struct eg_column *columns;
    const struct eg_arg *args;                   /**< may be NULL */
    const struct eg_need *needs, *needs_symbols; /**< may be NULL */
    /** The names of walkers and functions that it calls: EG_NAMES("tasks", "vmas"). Their needs are
     * then checked too. May be NULL. */
    const char *const *uses;
    bool tree;                    /**< rows have a depth */
    int (*run)(struct eg_run *r); /**< 0, or eg_failed() */
    const struct eg_scan *scan;   /**< instead of run: the plugin searches memory, see scan.h */
    bool asks; /**< it needs arguments: `all` does not run it, nor does it run searches */
    /** The columns by which a row of one result is found again in another: EG_NAMES("PID", "TID").
     * NULL: OFFSET, with PID, TID and FD where it has them; without OFFSET all columns that stand
     * still. See changes.h. */
    const char *const *key;
    /** Columns whose values come and go while the machine runs, and mean nothing by that: counters,
     * queues, the CPU that a task is on. What changes in them is no change of the row. May be
     * NULL. */
    const char *const *moves;
};
struct eg_plugin_reg {
    const char *name, *file;
    const struct eg_plugin *plugin;
};

struct eg_format_reg;
struct eg_reader_reg;

/** The declarations of one shared object and the interface for which it was built: its symbol
 * "eg_module". Each pair points to the first record of a kind and past the last. */
struct eg_module {
    const char *abi; /**< EG_ABI of the headers it was built with */
    const struct eg_plugin_reg *const *plugins, *const *plugins_end;
    const struct eg_walker_reg *const *walkers, *const *walkers_end;
    const struct eg_function_reg *const *functions, *const *functions_end;
    const struct eg_constants_reg *const *constants, *const *constants_end;
    const struct eg_format_reg *const *formats, *const *formats_end; /**< image.h */
    const struct eg_reader_reg *const *readers, *const *readers_end; /**< reader.h */
    const struct eg_fieldset *const *fields, *const *fields_end;
    const struct eg_typeref *const *types, *const *types_end;
    const struct eg_symref *const *symbols, *const *symbols_end;
    const struct eg_enumref *const *enums, *const *enums_end;
    const struct eg_pathref *const *paths, *const *paths_end;
};
/** EG_ABI: a hash of the layouts that modules see, which the build (core/abi.sh) computes from the
 * installed headers. */
#include "abi.h"

/* clang-format off */
#define EG_SECTION_(type, section)                                                                                     \
    extern const struct type *const __start_##section[]                                                                \
        __attribute__((__weak__, __visibility__("hidden")));                                                           \
    extern const struct type *const __stop_##section[]                                                                 \
        __attribute__((__weak__, __visibility__("hidden")))
EG_SECTION_(eg_plugin_reg, eg_plugins);
EG_SECTION_(eg_walker_reg, eg_walkers);
EG_SECTION_(eg_function_reg, eg_functions);
EG_SECTION_(eg_constants_reg, eg_constants);
EG_SECTION_(eg_format_reg, eg_formats);
EG_SECTION_(eg_reader_reg, eg_readers);
EG_SECTION_(eg_fieldset, eg_fields);
EG_SECTION_(eg_typeref, eg_typerefs);
EG_SECTION_(eg_symref, eg_symrefs);
EG_SECTION_(eg_enumref, eg_enumrefs);
EG_SECTION_(eg_pathref, eg_paths);

/** The linker's sections of the program or shared object that this is compiled into, in the order
 * of eg_module. */
#define EG_MODULE_                                                                                                     \
    { EG_ABI, __start_eg_plugins, __stop_eg_plugins, __start_eg_walkers, __stop_eg_walkers,                            \
      __start_eg_functions, __stop_eg_functions, __start_eg_constants, __stop_eg_constants,                            \
      __start_eg_formats, __stop_eg_formats, __start_eg_readers, __stop_eg_readers, __start_eg_fields,                 \
      __stop_eg_fields, __start_eg_typerefs, __stop_eg_typerefs, __start_eg_symrefs, __stop_eg_symrefs,                \
      __start_eg_enumrefs, __stop_eg_enumrefs, __start_eg_paths, __stop_eg_paths }
/* clang-format on */

#ifndef EG_BUILT_IN /* which is defined where Engram itself is compiled: it has no use for this */
/** Each source file of a shared object defines it, and the linker keeps one. */
__attribute__((__weak__, __visibility__("default"))) const struct eg_module eg_module = EG_MODULE_;
#endif

/** `EG_PLUGIN(pslist) = { .os = "linux", … };` registers a plugin; nothing else is needed. */
#define EG_PLUGIN(n)                                                                               \
    static const struct eg_plugin eg_plugin_##n;                                                   \
    static const struct eg_plugin_reg eg_preg_##n = { #n, __FILE__, &eg_plugin_##n };              \
    EG_ENTRY(eg_plugins, eg_plugin_reg, p_##n) = &eg_preg_##n;                                     \
    static const struct eg_plugin eg_plugin_##n

#endif
