/** sched/cbpf.h - classic BPF (include/uapi/linux/filter.h): a program as text, and what a filter
 * of system calls answers. Works on bytes alone, which may be anything. */
#ifndef EG_LINUX_CBPF_H
#define EG_LINUX_CBPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct sock_filter, in this computer's byte order. */
struct linux_cbpf {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};
enum { LINUX_CBPF_MAX = 4096 }; /**< BPF_MAXINSNS: the kernel takes no longer program */

/** Instruction @i as text: "ld [0]", "jeq #59 jt 5 jf 9". @seccomp: what it loads is named as a
 * member of struct seccomp_data, and what it returns by its action. */
void linux_cbpf_text(const struct linux_cbpf *program, size_t i, bool seccomp, char *out,
                     size_t len);

/** What a filter of system calls can answer to call @number of processor @arch, whatever its
 * arguments: at most @max of its return values, each once. *@whole: those are all. *@left: as many
 * instructions may be run, and it becomes less. */
enum { LINUX_CBPF_ANSWERS = 8 };
size_t linux_cbpf_answers(const struct linux_cbpf *program, size_t n, uint32_t arch,
                          uint32_t number, uint32_t *out, size_t max, uint64_t *left, bool *whole);

/** "ALLOW", "ERRNO(1)", of a return value of such a filter. */
void linux_seccomp_action(uint32_t answer, char *out, size_t len);

#endif
