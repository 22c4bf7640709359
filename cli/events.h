/** events.h - what happened to the rows of plugins between two looks at a machine, as tables: one
 * for each plugin, with when and what in front of the plugin's own columns, and behind them what
 * changed, why, and which rules it raises. */
#ifndef EG_CLI_EVENTS_H
#define EG_CLI_EVENTS_H

#include "../core/changes.h"
#include "cli.h"

/** One line of --rules: what deserves to be told apart. */
struct cli_rule {
    const char *id, *severity;
    const char *plugins; /**< "pslist,psaux"; "*": all that have its columns */
    const char *where;   /**< as --filter */
};
struct cli_rule_filter {
    const struct cli_rule *rule;
    struct eg_filter *filter;
};

/** One plugin, whose rows are followed. */
struct cli_followed {
    const struct eg_plugin_reg *reg;   /**< NULL: the machine itself */
    const struct eg_column *of_plugin; /**< what its runs emit */
    size_t n;                          /**< of them */
    struct eg_column *columns;         /**< of its events; in the command's arena */
    struct eg_result_head head;
    struct eg_select *select;
    struct eg_sink sink;
    EG_VEC(struct cli_rule_filter) rules;
    struct eg_filter *until;
    struct eg_value *values; /**< of one event */
    struct eg_arena texts;   /**< of one event */
    void *state;             /**< the renderer's */
    bool begun;              /**< its head is written */
    struct cli_events *all;
};

struct cli_events {
    struct cli *cli;
    EG_VEC(struct cli_followed *) at;
    EG_VEC(struct cli_rule) rules;
    bool stream; /**< events come one after the other, of any plugin: no numbers behind them */
    bool moving; /**< the machine runs while it is read: rows have MOVING (steady.h) */
    bool ended;  /**< --until has come true */
    uint64_t n, n_alerts;
};

/** What both verbs take. */
#define CLI_EVENT_ARGS                                                                             \
    EG_ARG(ignore, TEXT, "COLUMNS: changes in these columns are none: PPID,UID"),                  \
        EG_ARG(only, TEXT, "COLUMNS: only changes in these columns are one"),                      \
    {                                                                                              \
        "all-changes", EG_ARG_FLAG,                                                                \
            "changes too in columns that move while a machine runs: counters, states of tasks"     \
    }

/** Follow the plugins of "pslist,lsmod" too. @return an exit status. */
int cli_follow_words(struct cli_events *ev, const char *list);
/** Follow this plugin, or with NULL the machine: what happens to all of it. @return an exit
 * status. */
int cli_follow(struct cli_events *ev, const struct eg_plugin_reg *reg);
/** Read the file of --rules (may be NULL): before anything is followed. @return an exit status. */
int cli_rules_read(struct cli_events *ev, const char *path);
/** Does each rule fit a plugin that is followed? And @until (may be NULL): the event after which no
 * more are wanted. @return an exit status. */
int cli_events_check(struct cli_events *ev, const char *until);
void cli_events_fini(struct cli_events *ev);

/** How rows are compared, by the command line. */
int cli_compare(const struct cli_followed *f, bool other_boot, struct eg_comparison *out,
                struct eg_error *e);

/** One event. @was or @is may be NULL. @time in ns, 0: not known; @cause and @image may be NULL. */
void cli_event(struct cli_followed *f, const char *what, int64_t time,
               const struct eg_comparison *c, const struct eg_change *change, const char *cause,
               const char *image);
/** Each change as an event. @return how many. */
size_t cli_events_of(struct cli_followed *f, int64_t time, const struct eg_comparison *c,
                     const struct eg_changes *changes, const char *image);
/** Begin its table, if it was not begun; end it. */
void cli_events_head(struct cli_followed *f);
void cli_events_tail(struct cli_followed *f, const char *const *notes, const char *error);

#endif
