/** bpf/map_own.h - what the files that read entries of maps share. */
#ifndef EG_LINUX_BPF_MAP_OWN_H
#define EG_LINUX_BPF_MAP_OWN_H

#include "map.h"

enum { LINUX_BPF_CHAIN_MAX = 1 << 20, LINUX_BPF_BUCKETS_MAX = 1 << 24 };

struct linux_bpf_walk {
    struct linux_bpf *b;
    struct eg_run *r;
    struct eg_obj map;
    uint32_t key, value, entries;
    uint64_t left;
    bool percpu, inner; /**< inner: its values are maps */
    linux_bpf_entry_fn *each;
    void *context;
};
/** Give an entry. @return false: no more of them. */
bool linux_bpf_give(struct linux_bpf_walk *w, struct linux_bpf_entry e);
/** The pointer at @at; 0: it cannot be read. */
uint64_t linux_bpf_pointer(struct linux_bpf_walk *w, uint64_t at);
/** "socket AF_INET TCP at 0x…", "dummy0". */
const char *linux_bpf_sock_text(struct linux_bpf_walk *w, uint64_t sock);
const char *linux_bpf_device_text(struct linux_bpf_walk *w, uint64_t dtab_netdev);

/** Maps that have neither an array nor the common hash table (map_kept.c). @return false: the type
 * is none of those. */
bool linux_bpf_kept_entries(struct linux_bpf_walk *w, const char *type);

#endif
