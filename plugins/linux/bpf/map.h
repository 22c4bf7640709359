/** bpf/map.h - what BPF maps have in them (kernel/bpf/arraymap.c, hashtab.c, lpm_trie.c,
 * queue_stack_maps.c, ringbuf.c, net/core/sock_map.c, kernel/bpf/devmap.c). */
#ifndef EG_LINUX_BPF_MAP_H
#define EG_LINUX_BPF_MAP_H

#include "all.h"

struct linux_bpf_entry {
    uint64_t key_at, value_at; /**< addresses; 0: none, or said by the texts */
    uint32_t key_len, value_len;
    const char *key, *value; /**< NULL: of the addresses */
    int cpu;                 /**< of a map with a value for each; -1: of none */
    bool zero;               /**< an element of an array that has only zeros */
};
/** @return false: no more of them. */
typedef bool linux_bpf_entry_fn(void *context, const struct linux_bpf_entry *entry);

/** The entries of a map, at most @max of them. What is cut or cannot be read is a note. @return
 * false: contents of maps of this type are not known here. */
bool linux_bpf_entries(struct linux_bpf *b, struct eg_obj map, uint64_t max,
                       linux_bpf_entry_fn *each, void *context);

#endif
