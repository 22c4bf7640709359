/** state.h - what the Linux layer knows of one system beside its types and symbols:
 * eg_system.os_priv.
 *
 *  Filled by the finder (plugins/linux/find/), read-only for all others. What a subsystem finds out
 * on first use it keeps with eg_system_cache (core/cache.h). Owned by the system; memory from its
 * arena where nothing else is said. */
#ifndef EG_LINUX_STATE_H
#define EG_LINUX_STATE_H

#include "../../core/system.h"

/** Where the kernel keeps the BTF of a module (struct btf, kernel/bpf/btf.c). */
struct linux_module_btf {
    char name[64];
    uint64_t data;
    uint32_t size;
};

struct linux_state {
    uint64_t image_start, image_end; /**< virtual, _text.._end; 0, 0: not known */
    const uint64_t *percpu_offset;   /**< __per_cpu_offset[], n_cpus of them; NULL: not found */
    unsigned n_cpus;                 /**< nr_cpu_ids */
    uint64_t modules, btf_modules;   /**< list heads; 0: not found */
    const struct eg_profile *btf;    /**< the base profile, if it is the image's BTF; NULL */
    uint64_t btf_at;                 /**< the physical address of that */

    bool has_module_btfs; /**< these two are filled when a module's types are first wanted */
    EG_VEC(struct linux_module_btf) module_btfs;
};

/** NULL when the system is no Linux. */
static inline struct linux_state *linux_state(const struct eg_system *sys)
{
    return sys->os_priv;
}

#endif
