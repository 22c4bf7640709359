/** own/probes.h - probes that the kernel puts into programs. */
#ifndef EG_LINUX_PROBES_H
#define EG_LINUX_PROBES_H

#include "../../../core/engram.h"

/** The struct uprobe at this offset of the file with the inode at @inode; 0: there is none
 * (kernel/events/uprobes.c). */
EG_API uint64_t linux_uprobe_at(struct eg_run *r, uint64_t inode, uint64_t offset);

#endif
