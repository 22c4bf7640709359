/** triage.h - rules that say which rows of which plugins deserve a look (docs/triage.md).
 *
 *  A rule reads rows of one plugin or of several. Rows that its filter lets pass are kept while the
 * plugins run; after that the rule's own function, if it has one, decides on the thread of the
 * script. */
#ifndef EG_LUA_TRIAGE_H
#define EG_LUA_TRIAGE_H

#include "../core/select.h"
#include "library.h"
#include "state.h"

enum triage_severity { TRIAGE_INFO = 1, TRIAGE_LOW, TRIAGE_MEDIUM, TRIAGE_HIGH, TRIAGE_CRITICAL };
enum { TRIAGE_ARGS = 16, TRIAGE_CELLS = 24 };

/** A plugin with its options, which runs once however many rules read it. */
struct triage_source {
    const char *name;
    const struct eg_plugin_reg *reg; /**< NULL: there is no plugin of this name */
    const struct eg_given_arg *args; /**< sorted by name */
    size_t n_args;
    const struct eg_column *columns;
    size_t n_columns;
    const char *lacks; /**< why it cannot run on this image; NULL: it can */
    bool wanted;       /**< a rule that is asked for reads it */
    EG_VEC(struct triage_input *) readers;
    struct eg_run_result result;
};

/** What one rule reads of a source. */
struct triage_input {
    struct triage *all;
    const struct triage_rule *rule;
    struct triage_source *source;
    struct eg_filter *filter; /**< NULL: every row */
    struct eg_arena arena;
    EG_VEC(const struct eg_value *) rows; /**< the first ones */
    uint64_t count, unknown;
    size_t counted; /**< bytes of it that are in triage.used */
    bool cut;       /**< rows are missing */
};

/** A cell that a rule shows, or by which its rows become several findings. */
struct triage_cell {
    const struct eg_column *column;
    size_t at; /**< of the first input's columns */
    bool key, shown;
};

struct triage_rule {
    const char *id, *title, *why, *benign, *attack, *more;
    const char *where; /**< file and line of it */
    enum triage_severity severity;
    bool built_in, wanted;
    struct triage_input *inputs;
    size_t n_inputs;
    struct triage_cell cells[TRIAGE_CELLS];
    size_t n_cells;
    int match, find;    /**< references to its functions; LUA_NOREF: none */
    int hits, misses;   /**< to its examples */
    const char *failed; /**< the error that its function raised */
};

/** Rows of a rule that agree in its keys. */
struct triage_finding {
    const struct triage_rule *rule;
    enum triage_severity severity;
    uint64_t count;
    EG_VEC(const struct eg_value *) rows; /**< the cells of the first ones */
};

struct triage {
    struct eg_run *run;
    struct script *script;
    struct eg_arena arena;
    EG_VEC(struct triage_rule *) rules;
    EG_VEC(struct triage_source *) sources;
    EG_VEC(struct triage_input *) inputs; /**< of all rules, also of those that others replace */
    EG_VEC(struct triage_finding *) findings;
    size_t evidence;      /**< rows of one finding that are shown */
    bool loading_own;     /**< rules are read that are part of the program */
    _Atomic(size_t) used; /**< bytes of rows that are kept */
};

/** "critical"; 0 or NULL: it is none. */
enum triage_severity triage_severity_of(const char *word);
const char *triage_severity_name(enum triage_severity s);

/** Read the built-in rules and those of the folder @dir (may be NULL). @return 0, or -EG_E… with
 * file and line in @e. */
int triage_load(struct triage *t, const char *dir, struct eg_error *e);
void triage_fini(struct triage *t);

/** Give a row to those that read @s. Callable from the thread that runs it. */
void triage_take(void *source, unsigned depth, const struct eg_value *v, size_t n);
/** Decide on the rows of @rule: add its findings to @t. Its function may fail: rule->failed. */
void triage_judge(struct triage *t, struct triage_rule *rule);
/** @text with each {COLUMN} replaced by the cell of the finding's first row. */
const char *triage_text(struct triage *t, const struct triage_finding *f, const char *text);

/** Hold a rule against its own examples. @return NULL, or what is wrong. */
const char *triage_try(struct triage *t, struct triage_rule *rule);

#endif
