/** bpf/ops.h - tables of functions that programs take the place of: TCP's congestion control, the
 * scheduler (kernel/bpf/bpf_struct_ops.c). */
#ifndef EG_LINUX_BPF_OPS_H
#define EG_LINUX_BPF_OPS_H

#include "../../../core/engram.h"

struct linux_bpf_ops {
    struct eg_run *r;
    const char *name;  /**< of the kernel's structure: "tcp_congestion_ops" */
    const char *state; /**< "inuse", "ready", "init", "tobefree"; NULL: cannot be read */
    uint64_t at;       /**< the copy that has numbers of programs in the place of functions */
    uint32_t type, size, next;
};
/** Of a map of the type struct_ops. @return false: it cannot be read. */
bool linux_bpf_ops(struct eg_run *r, struct eg_obj map, struct linux_bpf_ops *out);

struct linux_bpf_op {
    const char *member;
    uint64_t member_at;
    uint32_t program;  /**< number; 0: it is no function */
    const char *value; /**< of other members, by their type */
};
/** The next member that is not zero. @return false: no more. */
bool linux_bpf_ops_next(struct linux_bpf_ops *ops, struct linux_bpf_op *out);

#endif
