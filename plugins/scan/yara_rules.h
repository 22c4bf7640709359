/** yara_rules.h - the rules of a search: files and folders of them, compiled by libyara. */
#ifndef EG_YARA_RULES_H
#define EG_YARA_RULES_H

#include "../../core/run.h"
#include <yara.h>

/** What one compiler made: all rules in text are one set, each compiled file is another. */
struct yara_set {
    YR_RULES *rules;
    uint32_t first_string, first_rule; /**< numbers over all sets */
};
struct yara_string {
    const YR_STRING *string;
    uint32_t rule; /**< its number */
};
struct yara_rules {
    bool begun; /**< the library is initialised */
    YR_COMPILER *compiler;
    EG_VEC(struct yara_set) sets;
    struct yara_string *strings; /**< by number */
    const YR_RULE **rules;       /**< by number */
    uint32_t n_strings, n_rules;
    EG_VEC(char *) paths; /**< of files */
    struct eg_run *run;
    unsigned n_errors; /**< of the compiler */
    char error[256];   /**< the first */
    size_t n_warnings;
    char warnings[16][256]; /**< the first ones */
};

/** What --rules and --define say. @y is zeroed, and closed by the caller, whatever is returned: 0
 * or the run's failure. */
int yara_rules_open(struct eg_run *r, struct yara_rules *y);
void yara_rules_close(struct yara_rules *y);
const char *yara_error_text(int error);

#endif
