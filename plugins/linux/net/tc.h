/** net/tc.h - what queueing disciplines, filters and actions of traffic control are set to, as tc
 * prints it (net/sched). */
#ifndef EG_LINUX_TC_H
#define EG_LINUX_TC_H

#include "../text.h"

/** "1:", "1:10": the number of a discipline or class. */
const char *linux_tc_handle(struct eg_run *r, uint32_t handle);
/** "8Mbit", "1500bit": @bytes a second. */
void linux_tc_rate(struct linux_text *t, uint64_t bytes);
/** " limit 10p": what @name is set to, with a space before each. @return NULL: nothing is known of
 * it. */
const char *linux_tc_qdisc(struct eg_run *r, const char *name, struct eg_obj qdisc, uint64_t priv);
/** Of an action @name: " mark 7"; without what all actions have. */
const char *linux_tc_action(struct eg_run *r, const char *name, uint64_t action);

/** One rule of a filter. */
struct linux_tc_rule {
    uint64_t at;
    const char *handle; /**< as tc prints it */
    const char *text;   /**< "ip_proto tcp dst_port 443" */
    struct eg_obj exts; /**< its actions: tcf_exts; bad: none */
};
/** Called for each rule. @return false: no more of them. */
typedef bool linux_tc_rule_fn(void *context, const struct linux_tc_rule *rule);
/** The rules of a filter of the kind @name: u32, basic, flower, fw. @root, @data: of its tcf_proto;
 * u32 keeps its tables in the second. @return false: this kind is not known here, or its types are
 * not in this kernel. */
bool linux_tc_rules(struct eg_run *r, const char *name, uint64_t root, uint64_t data,
                    linux_tc_rule_fn *each, void *context);

#endif
