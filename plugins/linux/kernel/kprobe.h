/** kernel/kprobe.h - probes in the kernel's code (kernel/kprobes.c). */
#ifndef EG_LINUX_KPROBE_H
#define EG_LINUX_KPROBE_H

#include "../../../core/engram.h"

EG_FIELDS(kprobe, addr, fault_handler, flags, hlist, list, post_handler,
          pre_handler);                    // include/linux/kprobes.h; fault_handler until 5.13
EG_SYMBOL(kprobe_table, "hlist_head[64]"); // KPROBE_TABLE_SIZE

#endif
