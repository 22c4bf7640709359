/** mkguest.h - a small Linux on a synthetic machine: tasks with credentials, memory, files and
 * namespaces, of which a test changes what it is about.
 *
 *  All types that plugins read are declared once, as a recent kernel has them. A test of another
 * kernel gives edits: pieces of that text, and what stands there instead. */
#ifndef MK_GUEST_H
#define MK_GUEST_H

#include "mklinux.h"

enum { MK_KTHREAD = 0x00200000, MK_EXITING = 4 };

/** What the stack of a kernel thread, or of the kernel in a process, has of x86-64's registers. */
#define MK_X86_64_REGS                                                                             \
    "struct inactive_task_frame { unsigned long r15, r14, r13, r12, bx, bp, ret_addr; };"          \
    "struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si," \
    "  di, orig_ax, ip, cs, flags, sp, ss; };"

struct mk_guest {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t swapper;                  /**< init_task */
    uint64_t top, mount, sb, fs, type; /**< "/", where it is mounted, its file system; a root */
    uint64_t proxy, user_ns;           /**< namespaces that all tasks are in */
    uint64_t page;                     /**< bytes of a page */
    struct {
        uint64_t mm, va, at;
    } pages[32]; /**< of user memory */
    size_t n_pages, n_mapped;
    uint64_t inode; /**< number of the last one */
};

/** @edits: pairs of texts, NULL at the end; may be NULL. After it, and before the first rows, the
 * test adds its symbols. mk_free(g.k) when done. */
struct mk_guest mk_guest(const struct mk_machine *m, const char *const *edits);
/** Rows of a plugin as mk_rows gives them. @args: one text of NAME=VALUE and NAME, with blanks
 * between; may be NULL. */
const char *mk_guest_rows(struct mk_guest *g, const char *plugin, const char *args);

/** A NUL-terminated string in kernel memory. */
uint64_t mk_text(struct mk *k, const char *s);
/** Append @node to the list at @head, which may be all zero. */
void mk_list_append(struct mk *k, uint64_t head, uint64_t node);

/** A process of one thread at the end of the task list: root's, without memory. */
uint64_t mk_guest_task(struct mk_guest *g, int pid, const char *comm, uint64_t parent);
/** What a pointer member of a task (or any object) points to: mk_of(g, task, "task_struct.mm"). */
uint64_t mk_of(struct mk_guest *g, uint64_t object, const char *member);

/** Memory of its own, with a command line and an environment. @return the mm_struct. */
uint64_t mk_guest_mm(struct mk_guest *g, uint64_t task, const char *args, size_t n_args,
                     const char *env, size_t n_env);
#define MK_MM(g, task, args, env)                                                                  \
    mk_guest_mm((g), (task), (args), sizeof(args) - 1, (env), sizeof(env) - 1)
/** Write into user memory, within one page, which is mapped by the next rows. */
void mk_guest_write(struct mk_guest *g, uint64_t mm, uint64_t va, const void *bytes, size_t len);
/** Mappings by address, one call after the other: @pages from @first on. @file may be 0. */
uint64_t mk_guest_vma(struct mk_guest *g, uint64_t mm, uint64_t first, uint64_t pages,
                      uint64_t flags, uint64_t file);

/** An entry @name of the directory @parent, with an inode of its own. */
uint64_t mk_guest_dentry(struct mk_guest *g, uint64_t parent, const char *name);
uint64_t mk_guest_file(struct mk_guest *g, uint64_t dentry);
/** The dentry is in its directory no more. */
void mk_guest_unlink(struct mk_guest *g, uint64_t dentry);

#endif
