/** net/bpfprog.h - what a BPF program is called (include/linux/bpf.h, struct bpf_prog_aux). */
#ifndef EG_LINUX_BPFPROG_H
#define EG_LINUX_BPFPROG_H

#include "../../../core/engram.h"

struct linux_bpfprog {
    struct eg_cell id, name, tag;
    const char *text; /**< "BPF program 7 lab_cls"; NULL: it cannot be read */
};
/** Of the struct bpf_prog at @at; 0 gives empty cells. */
void linux_bpfprog(struct eg_run *r, uint64_t at, struct linux_bpfprog *out);

#endif
