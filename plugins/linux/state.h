/** state.h - what the Linux layer knows of one system beside its types and symbols:
 * eg_system.os_priv.
 *
 *  Filled once by the finder (plugins/linux/find/open.c), read-only afterwards, but for what stands
 * under `lock`. Owned by the system; memory from its arena where nothing else is said. */
#ifndef EG_LINUX_STATE_H
#define EG_LINUX_STATE_H

#include "../../core/map.h"
#include "../../core/system.h"

/** A process's space, kept from its first use to the system's end. */
struct linux_mm_space {
    uint64_t mm; /**< address of the mm_struct */
    struct eg_space *space;
};

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

    pthread_mutex_t lock; /**< guards what follows */
    bool has_module_btfs;
    EG_VEC(struct linux_module_btf) module_btfs;
    uint64_t timekeeper; /**< found by time.c where no symbol names it; 0: not yet, 1: in vain */
    struct eg_map mm_of; /**< mm_struct address → index into mm_spaces, by the Linux layer */
    EG_VEC(struct linux_mm_space) mm_spaces; /**< closed with the system */
};

/** NULL when the system is no Linux. */
static inline struct linux_state *linux_state(const struct eg_system *sys)
{
    return sys->os_priv;
}

#endif
