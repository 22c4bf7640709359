/** xt_rule.h - one rule of a table of iptables. Only for net/xt_*.c. */
#ifndef EG_LINUX_XT_RULE_H
#define EG_LINUX_XT_RULE_H

#include "xt_table.h"

struct xt_entry {
    uint64_t at;
    uint32_t offset, size; /**< in the table's block */
    uint16_t target;       /**< offset of the target from the rule */
    uint64_t packets, bytes;
    bool counted;      /**< these two could be read */
    uint8_t head[192]; /**< what stands before the matches */
    const char *error; /**< the name of a chain that begins here, or "ERROR" at the end */
    bool standard;     /**< the target is a verdict: */
    int32_t verdict;   /**< or where to jump */
};
/** The rule at @offset. @return false: none that can be. */
bool linux_xt_entry(struct eg_run *r, const struct linux_xt_table *t, uint32_t offset,
                    struct xt_entry *out);
const char *linux_xt_rule_text(struct eg_run *r, const struct linux_xt_table *t,
                               const struct xt_entry *e);
/** @return false: they cannot be read. */
bool linux_xt_counters(struct eg_run *r, uint64_t at, uint64_t *packets, uint64_t *bytes);

#endif
