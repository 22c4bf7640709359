/** own/probes.h - probes that the kernel puts into programs. */
#ifndef EG_LINUX_PROBES_H
#define EG_LINUX_PROBES_H

#include "../../../core/engram.h"

EG_FIELDS(uprobe, consumers, inode, offset, rb_node);              // kernel/events/uprobes.c
EG_FIELDS(uprobe_consumer, cons_node, handler, next, ret_handler); // include/linux/uprobes.h
EG_SYMBOL(uprobes_tree, "rb_root");

/** Is there a uprobe at this offset of the file with the inode at @inode? Where the kernel's tree
 * of them has no symbol, it is said whether @mm has any. @return a number that tells it from
 * others; 0: none. */
EG_API uint64_t linux_uprobe_at(struct eg_run *r, struct eg_obj mm, uint64_t inode,
                                uint64_t offset);

#endif
