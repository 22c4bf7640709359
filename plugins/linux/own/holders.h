/** own/holders.h - who holds an open file: descriptors of every task, and what the kernel holds. */
#ifndef EG_LINUX_HOLDERS_H
#define EG_LINUX_HOLDERS_H

#include "../../../core/engram.h"

enum linux_hold {
    LINUX_HOLD_FD,      /**< a descriptor; threads that share a table are told once */
    LINUX_HOLD_EXE,     /**< mm_struct.exe_file */
    LINUX_HOLD_CWD,     /**< fs_struct.pwd; no file, only an inode */
    LINUX_HOLD_ROOT,    /**< fs_struct.root; as CWD */
    LINUX_HOLD_MAPPING, /**< vm_area_struct.vm_file: the first of a file in a process */
    LINUX_HOLD_PASSED,  /**< sent over a unix socket, and not received yet */
    LINUX_HOLD_RING,    /**< registered with io_uring */
    LINUX_HOLD_LOOP,    /**< below a loop device */
    LINUX_HOLD_SWAP,    /**< a swap file or device */
    LINUX_HOLD_ACCT,    /**< process accounting */
    LINUX_HOLD_NOBODY,  /**< in use, and none of these: only linux_unheld_files() tells */
};
struct linux_holder {
    uint64_t file;   /**< struct file; 0: none (CWD, ROOT), or it cannot be read */
    uint64_t inode;  /**< struct inode that the file's user sees; 0: cannot be read */
    uint64_t task;   /**< task_struct; 0: only the kernel */
    uint64_t number; /**< FD: the descriptor; MAPPING: the address; PASSED, RING: struct sock,
                          io_ring_ctx; LOOP, SWAP: the device's number */
    int64_t pid;     /**< of @task, its process; -1: none */
    enum linux_hold how;
};
/** Of all processes: those of the list of tasks, and others that the tables of process ids have.
 * Threads that share a table, a folder or memory are told once, processes each. Sorted by inode,
 * then file. Kept by the system; NULL: the run was stopped, or failed. */
struct linux_holders {
    const struct linux_holder *at;
    size_t n;
};
EG_API const struct linux_holders *linux_holders(struct eg_run *r);
/** The first one of an inode, and how many: they lie behind each other. NULL: nobody holds it. */
EG_API const struct linux_holder *linux_holders_of(const struct linux_holders *h, uint64_t inode,
                                                   size_t *n);

#endif
