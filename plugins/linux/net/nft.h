/** net/nft.h - the rules of nf_tables (net/netfilter/nf_tables_api.c): tables, chains, rules, sets,
 * objects, and each as the text that `nft -a list ruleset` has for it.
 *
 *  The types are those of the module nf_tables and of the modules of its expressions. Kernels
 * without BTF of modules (before 5.11) have the layouts of Linux 5.10. */
#ifndef EG_LINUX_NFT_H
#define EG_LINUX_NFT_H

#include "../text.h"

struct linux_nft;
/** @return NULL: this kernel has no nf_tables, or its module is not loaded. In the run's memory. */
EG_API struct linux_nft *linux_nft_open(struct eg_run *r);
/** From now on the rules of this network namespace. @return false: it has none, or they cannot be
 * read. */
EG_API bool linux_nft_enter(struct linux_nft *n, struct eg_obj net);

struct linux_nft_table {
    uint64_t at;      /**< struct nft_table */
    const char *name; /**< never NULL */
    uint8_t family;
    uint64_t handle;
    uint8_t flags;
    const char *comment; /**< NULL: none */
};
struct linux_nft_chain {
    uint64_t at; /**< struct nft_chain */
    const char *name;
    uint64_t handle;
    bool base;               /**< packets come to it from a hook: then */
    const char *type;        /**< "filter", "nat", "route" */
    const char *hook;        /**< "input" */
    const char *priority;    /**< "filter + 5" */
    int32_t priority_number; /**< the same as a number */
    const char *policy;      /**< "accept", "drop"; NULL: it cannot be read */
    const char *devices;     /**< "device \"eth0\"", or NULL */
    const char *comment;
};
struct linux_nft_rule {
    uint64_t at; /**< struct nft_rule */
    uint64_t handle;
    const char *text; /**< "tcp dport 22 accept comment \"x\"" */
    const char *lost; /**< what of it could not be read; NULL: nothing */
};
struct linux_nft_set {
    uint64_t at; /**< struct nft_set */
    const char *name;
    uint64_t handle;
    const char *kind; /**< "set", "map" */
    /** The lines between its braces, without their indentation: "type ipv4_addr"; ends with NULL */
    const char *const *lines;
    uint64_t elements;
};
struct linux_nft_object {
    uint64_t at;
    const char *name;
    uint64_t handle;
    const char *kind; /**< "counter", "quota", "limit", "ct helper", "flowtable"… */
    const char *const *lines;
};

/** Walks of a namespace's tables, and of what a table has; start with a zeroed walk. */
struct linux_nft_walk {
    struct eg_list_walk list;
    bool begun;
};
EG_API bool linux_nft_next_table(struct linux_nft *n, struct linux_nft_walk *w,
                                 struct linux_nft_table *out);
EG_API bool linux_nft_next_chain(struct linux_nft *n, struct linux_nft_walk *w,
                                 const struct linux_nft_table *table, struct linux_nft_chain *out);
EG_API bool linux_nft_next_rule(struct linux_nft *n, struct linux_nft_walk *w,
                                const struct linux_nft_table *table,
                                const struct linux_nft_chain *chain, struct linux_nft_rule *out);
/** Anonymous sets are left out: they stand in their rules. */
EG_API bool linux_nft_next_set(struct linux_nft *n, struct linux_nft_walk *w,
                               const struct linux_nft_table *table, struct linux_nft_set *out);
/** Named counters, quotas, limits and the like. */
EG_API bool linux_nft_next_object(struct linux_nft *n, struct linux_nft_walk *w,
                                  const struct linux_nft_table *table,
                                  struct linux_nft_object *out);
EG_API bool linux_nft_next_flowtable(struct linux_nft *n, struct linux_nft_walk *w,
                                     const struct linux_nft_table *table,
                                     struct linux_nft_object *out);

/** "inet", "ip", "arp"…: the name of a protocol family (enum nf_… NFPROTO_*). */
EG_API const char *linux_nf_family(uint8_t family);
/** "prerouting", "ingress"…; NULL: it has no such hook. */
EG_API const char *linux_nf_hook(uint8_t family, uint32_t hook);
/** "table inet fw chain input" of a struct nft_chain; NULL: it is none. */
EG_API const char *linux_nft_chain_text(struct linux_nft *n, uint64_t chain);

#endif
