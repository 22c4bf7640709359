/** linux.h - what every Linux plugin needs: tasks, their memory, modules, mounts, paths, times.
 * Guarded, and the same for all kernels: members are tested, never versions.
 *
 *  The walkers are also registered (EG_WALKER), so that plugins outside of the tree find them by
 * name (eg_walk). */
#ifndef EG_LINUX_H
#define EG_LINUX_H

#include "../../core/engram.h"
#include "../../core/map.h"

/** Tasks: thread group leaders in the order of init_task.tasks (init_task itself, swapper, is not
 * given). */
struct linux_task_walk {
    struct eg_list_walk list;
    bool begun;
};
bool linux_next_process(struct eg_run *r, struct linux_task_walk *w, struct eg_obj *task);
#define linux_each_process(r, t)                                                                   \
    for (struct linux_task_walk EG_CAT(w_, __LINE__) = { 0 };                                      \
         linux_next_process((r), &EG_CAT(w_, __LINE__), &(t));)

/** All threads of a process, the leader first. */
struct linux_thread_walk {
    struct eg_obj leader;
    struct eg_list_walk list;
    bool begun;
};
bool linux_next_thread(struct eg_run *r, struct linux_thread_walk *w, struct eg_obj *task);
#define linux_each_thread(r, leader_, t)                                                           \
    for (struct linux_thread_walk EG_CAT(w_, __LINE__) = { .leader = (leader_) };                  \
         linux_next_thread((r), &EG_CAT(w_, __LINE__), &(t));)

/** VMAs of an mm_struct (a cursor on the struct or on a pointer to it), by address: maple tree,
 * else the list. */
struct linux_vma_walk {
    struct eg_obj mm;
    struct eg_index_walk maple;
    struct eg_rb_walk rb;
    uint64_t cur, last_end, n;
    int state;
};
bool linux_next_vma(struct eg_run *r, struct linux_vma_walk *w, struct eg_obj *vma);
#define linux_each_vma(r, mm_, v)                                                                  \
    for (struct linux_vma_walk EG_CAT(w_, __LINE__) = { .mm = (mm_) };                             \
         linux_next_vma((r), &EG_CAT(w_, __LINE__), &(v));)

/** What /proc/PID/maps says of a mapping last: the file's path, "[heap]", "[anon:name]"; "" where
 * it is nothing. */
struct eg_cell linux_vma_name(struct eg_run *r, struct eg_obj mm, struct eg_obj vma);

/** Loaded modules, newest first as in /proc/modules. */
struct linux_module_walk {
    struct eg_list_walk list;
    bool begun;
};
bool linux_next_module(struct eg_run *r, struct linux_module_walk *w, struct eg_obj *module);
#define linux_each_module(r, m)                                                                    \
    for (struct linux_module_walk EG_CAT(w_, __LINE__) = { 0 };                                    \
         linux_next_module((r), &EG_CAT(w_, __LINE__), &(m));)

/** Mounts of a mount namespace (cursors on struct mount): rbtree or list. */
struct linux_mount_walk {
    struct eg_obj ns;
    struct eg_rb_walk rb;
    struct eg_list_walk list;
    int state;
};
bool linux_next_mount(struct eg_run *r, struct linux_mount_walk *w, struct eg_obj *mount);
#define linux_each_mount(r, ns_, m)                                                                \
    for (struct linux_mount_walk EG_CAT(w_, __LINE__) = { .ns = (ns_) };                           \
         linux_next_mount((r), &EG_CAT(w_, __LINE__), &(m));)

/** A process's user memory (through task->mm): NULL for kernel threads and where mm cannot be read.
 * Kept by the system. */
struct eg_space *linux_task_space(struct eg_run *r, struct eg_obj task);
/** The same of an mm_struct. */
struct eg_space *linux_mm_space(struct eg_run *r, struct eg_obj mm);

/** Memory that is used again and again. */
struct linux_buffer {
    char *at;
    size_t cap;
};
/** The bytes of [@start, @end) of user memory and a NUL: *@len of them, as far as they can be read.
 * @missing: the cell of what cannot. In @buf, until its next use; NULL when no byte can. */
char *linux_user_bytes(struct eg_run *r, struct eg_space *user, uint64_t start, uint64_t end,
                       struct linux_buffer *buf, size_t *len, struct eg_cell *missing);
/** The command line as in /proc/PID/cmdline, but for NULs at its end: *@len bytes, arguments apart
 * by NULs. @missing: the cell of one that cannot be read. In @buf, as above; NULL when there is
 * none. */
char *linux_command_line(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                         size_t *len, struct eg_cell *missing);
/** The note for text that linux_user_bytes could not give whole. */
void linux_note_cut(struct eg_run *r, struct eg_obj task, const char *what,
                    const struct eg_cell *missing);

/** log2 of the kernel's page size. */
unsigned linux_page_shift(struct eg_run *r);

/** Ids of a task in each pid namespace from the outermost inwards. @return how many, at most @max;
 * 0: not all can be read. */
unsigned linux_task_pids(struct eg_run *r, struct eg_obj task, int32_t *out, unsigned max);
/** One letter as in /proc/PID/stat: R S D T t X Z P I; '?' unreadable. */
char linux_task_state(struct eg_run *r, struct eg_obj task);
bool linux_task_is_kthread(struct eg_run *r, struct eg_obj task);
/** Process 1, whose root is the system's; swapper/0 when there is none. */
struct eg_obj linux_init(struct eg_run *r);
/** The task to name where there is none: a bad cursor. */
#define LINUX_NOBODY ((struct eg_obj){ .why = EG_NULL })

/** Path of a struct path, from the root of the task (or of init when @task is bad): "/usr/bin/x",
 * "/x (deleted)", "socket:[12]", "pipe:[3]", "/memfd:name (deleted)". Cut with a note when broken;
 * NULL when unreadable at once. */
char *linux_path(struct eg_run *r, struct eg_obj path, struct eg_obj task);
char *linux_file_path(struct eg_run *r, struct eg_obj file, struct eg_obj task);
/** The inode that a file's user sees: of overlayfs and the like not the one below. */
struct eg_obj linux_file_inode(struct eg_run *r, struct eg_obj file);
/** Why a file is in no folder: "removed", "memfd", "System V", "huge pages",
 * "shared memory"; NULL when it is in
 * one, or cannot be read. */
const char *linux_file_gone(struct eg_run *r, struct eg_obj file);
/** A dentry's path up to its file system's root; "//deleted" follows one that is in no directory.
 */
char *linux_dentry_path(struct eg_run *r, struct eg_obj dentry);
/** Which kind of namespace a dentry of nsfs is: "net"; NULL when unreadable. */
char *linux_ns_name(struct eg_run *r, struct eg_obj dentry);
/** Where a mount is, seen from the root of @task (or of init); @reached: below that root. */
char *linux_mount_point(struct eg_run *r, struct eg_obj mount, struct eg_obj task, bool *reached);

/** Times in ns since 1970 UTC. Boot: wall clock minus CLOCK_BOOTTIME. Now: the clock when the image
 * froze. */
bool linux_boot_time(struct eg_run *r, int64_t *ns);
bool linux_now(struct eg_run *r, int64_t *wall_ns, int64_t *boottime_ns);

/** A per-CPU variable's copy on @cpu; and the CPUs that are online, in order: where the kernel's
 * mask of them is not known, all that it has made room for. */
struct eg_obj linux_percpu(struct eg_run *r, struct eg_obj variable, unsigned cpu);
bool linux_next_cpu(struct eg_run *r, unsigned *cpu); /**< start with *cpu = ~0u */

/** An empty map, given back with the run: for what was seen before. */
struct eg_map *linux_map(struct eg_run *r);
/** Is @key new in @map? Then it is there from now on. Out of memory: no, and the run fails. */
bool linux_map_add(struct eg_run *r, struct eg_map *map, uint64_t key, uint64_t value);

#endif
