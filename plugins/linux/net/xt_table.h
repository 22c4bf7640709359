/** net/xt_table.h - tables of iptables, ip6tables and arptables (net/netfilter/x_tables.c): chains
 * and rules as iptables-save prints them. */
#ifndef EG_LINUX_XT_TABLE_H
#define EG_LINUX_XT_TABLE_H

#include "../text.h"
#include "pernet.h"

enum { LINUX_XT_CHAINS_MAX = 4096, LINUX_XT_RULES_MAX = 1 << 16, LINUX_XT_HOOKS = 5 };

struct linux_xt_chain {
    const char *name;
    uint32_t first, end;     /**< offsets of its rules; end: of what is no rule of it any more */
    const char *policy;      /**< "ACCEPT"; of a user's chain "-" */
    uint64_t packets, bytes; /**< of the policy */
    bool counted;            /**< these two could be read */
};
struct linux_xt_table {
    uint64_t at; /**< struct xt_table */
    const char *name;
    uint8_t family;
    uint64_t entries; /**< where the first rule is */
    uint32_t size;
    struct linux_xt_chain *chains;
    size_t n_chains;
    const char *lost; /**< what could not be read; NULL: nothing */
};
struct linux_xt_rule {
    uint64_t at;
    uint32_t offset;
    uint64_t packets, bytes;
    bool counted;     /**< these two could be read */
    const char *text; /**< "-s 192.0.2.0/24 -j DROP" */
};
struct linux_xt_walk {
    struct eg_run *r;
    struct linux_pernet pernet;
    struct eg_obj net;
    unsigned family; /**< the next */
    struct eg_list_walk list;
    bool walking;
};
/** Begin: false: this kernel has none, or their module is not loaded. */
bool linux_xt_open(struct eg_run *r, struct linux_xt_walk *w);
/** From now on the tables of this namespace. */
void linux_xt_enter(struct linux_xt_walk *w, struct eg_obj net);
bool linux_xt_next(struct linux_xt_walk *w, struct linux_xt_table *out);
/** The next rule of a chain; start with rule->offset = chain->first and rule->at 0. */
bool linux_xt_next_rule(struct eg_run *r, const struct linux_xt_table *t,
                        const struct linux_xt_chain *chain, struct linux_xt_rule *rule);

#endif
