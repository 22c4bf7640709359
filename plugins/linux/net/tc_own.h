/** tc_own.h - what the files of tc.h share. */
#ifndef EG_LINUX_TC_OWN_H
#define EG_LINUX_TC_OWN_H

#include "../../../core/base.h"
#include "tc.h"

enum { TC_RULES_MAX = 1 << 16 };

struct tc_rules {
    struct eg_run *r;
    uint64_t root, data;
    unsigned word;
    bool big;
    linux_tc_rule_fn *each;
    void *context;
};
bool tc_number(struct eg_obj o, const char *path, int64_t *out);
/** " flowid 1:10", where a rule has one. */
void tc_class(struct linux_text *t, struct eg_obj rule, const char *name);
const char *tc_hex_handle(struct eg_run *r, struct eg_obj rule, const char *path);
bool tc_rule(const struct tc_rules *w, struct eg_obj rule, const char *handle,
             const struct linux_text *t);
bool tc_flower(const struct tc_rules *w);

#endif
