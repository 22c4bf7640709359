/** mklinux.h - synthetic machines on which the Linux plugins run: the layer's own state, user
 * memory with page tables of its own, and a plugin's rows as text. */
#ifndef MK_LINUX_H
#define MK_LINUX_H

#include "mkimage.h"

/** What most tests declare: lists, and whatever else init_task needs to be found. */
#define MK_LIST_TYPES "struct list_head { struct list_head *next, *prev; };"
/** What the kernel patches, and where it says so: for tests of code. */
#define MK_PATCHED_TYPES                                                                           \
    "struct hlist_head { struct hlist_node *first; };"                                             \
    "struct hlist_node { struct hlist_node *next, **pprev; };"                                     \
    "struct module_memory { void *base; unsigned int size; };"                                     \
    "struct module_use { struct list_head source_list, target_list;"                               \
    "  struct module *source, *target; };"                                                         \
    "struct dyn_ftrace { unsigned long ip, flags; };"                                              \
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"     \
    "typedef struct { int counter; } atomic_t;"                                                    \
    "struct static_key { atomic_t enabled; void *entries; };"                                      \
    "struct jump_entry { s32 code, target; long key; };"                                           \
    "struct static_call_key { void *func; void *sites; };"                                         \
    "struct static_call_site { s32 addr, key; };"                                                  \
    "struct alt_instr { s32 instr_offset, repl_offset; u16 cpuid; u8 instrlen, replacementlen; };" \
    "struct kprobe { struct hlist_node hlist; unsigned char *addr; unsigned int flags; };"
/** A class of devices, of which the test adds struct class; device mapper. */
#define MK_CLASS_TYPES                                                                             \
    "struct kobject { const char *name; struct list_head entry; };"                                \
    "struct kset { struct list_head list; struct kobject kobj; };"                                 \
    "struct klist { int k_lock; struct list_head k_list; };"                                       \
    "struct klist_node { void *n_klist; struct list_head n_node; };"                               \
    "struct device { struct device *parent; u32 devt; };"                                          \
    "struct device_private { struct klist_node knode_class; struct device *device; };"             \
    "struct subsys_private { struct kset subsys; struct klist klist_devices;"                      \
    "    struct class *class; };"
#define MK_DM_TYPES                                                                                \
    "struct dm_dev { struct block_device *bdev; };"                                                \
    "struct target_type { u64 features; const char *name; };"                                      \
    "struct dm_target { struct dm_table *table; struct target_type *type; u64 begin, len;"         \
    "    u32 num_discard_bios; void *private; };"                                                  \
    "struct dm_table { struct mapped_device *md; u32 num_targets; struct dm_target *targets; };"   \
    "struct mapped_device { struct dm_table *map; struct gendisk *disk; void *interface_ptr; };"   \
    "struct hash_cell { char *name, *uuid; struct mapped_device *md; };"

/** Rows of @plugin, one a line, cells between bars: "-" is a bad cell. @args: "name=value" or
 * "name", NULL at the end; may be NULL. Depth is shown by leading dots. Lives until mk_free, or the
 * next call. The run must not fail. */
const char *mk_rows(struct mk *k, const char *plugin, const char *const *args);
/** The folder of -o for plugins that write files; NULL: none is given. */
extern const char *mk_out_dir;
/** Columns @from to @to of all of @rows, until the next call. */
const char *mk_columns(const char *rows, int from, int to);
/** Set: a run that fails does not end the test. */
extern bool mk_rows_may_fail;
/** The most memory that a run may have; 0: as usual. */
extern size_t mk_rows_memory;
/** Why the last mk_rows failed; "": it did not. */
const char *mk_row_error(void);
/** Notes of the last mk_rows that contain @text; NULL: all. */
size_t mk_row_notes(const char *text);

/** The physical address of kernel memory. */
uint64_t mk_physical(struct mk *k, uint64_t va);

/** A root table for user memory: an address of the kernel's, as mm_struct.pgd holds it. */
uint64_t mk_user_root(struct mk *k, const struct mk_machine *m);
/** Map the page of @to, kernel memory, at the page of @va. */
void mk_user_map(struct mk *k, const struct mk_machine *m, uint64_t root, uint64_t va, uint64_t to);

#endif
