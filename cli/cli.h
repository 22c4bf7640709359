/** cli.h - what the verbs share: the command line as read, an image as opened, tables on their way
 * out.
 *
 *  A verb is one record in main.c and one function that returns the exit status. To the user speak
 * cli_fail and cli_warn (one line: what, where, what to try; on standard error, without control
 * characters) and the renderers. */
#ifndef EG_CLI_H
#define EG_CLI_H

#include "../core/registry.h"
#include "../core/run.h"
#include "../core/vec.h"
#include <stdio.h>

/** Exit statuses. */
enum {
    CLI_OK = 0,
    CLI_USAGE = 1,
    CLI_CANNOT_OPEN = 2,
    CLI_FAILED = 3,
};

/** What the command line says. */
struct cli {
    const struct verb *verb;          /**< NULL: `engram IMAGE …` */
    const char *image;                /**< NULL: none given */
    EG_VEC(const char *) words;       /**< the other arguments, in order */
    EG_VEC(struct eg_given_arg) args; /**< options that plugins or the verb declare */
    EG_VEC(const char *) profile_dirs;
    EG_VEC(const char *) warnings; /**< of load.c, for when -q is known */
    struct eg_open_options open;
    struct eg_find_options find;
    const struct eg_renderer *renderer;
    const char *render; /**< its name */
    const char *out;    /**< -o */
    unsigned jobs;      /**< 0: all cores */
    unsigned script_seconds;
    size_t script_memory; /**< 0, both: as they are without the options */
    bool quiet, strict, sha256, help, version;
    bool said;             /**< that standard output could not be written */
    struct eg_arena arena; /**< for texts that live as long as the command */
};

struct verb {
    const char *name, *usage;
    const char *help;          /**< NULL: not for people */
    const struct eg_arg *args; /**< may be NULL */
    unsigned min, max;         /**< words, the image not counted */
    enum { NO_IMAGE, MAY_IMAGE, WANTS_IMAGE } image;
    int (*run)(struct cli *c);
};
const struct verb *cli_verb(const char *name);
const struct verb *cli_verb_nth(size_t i); /**< NULL past the end */

/* ---- options.c ---- */

/** An option of the command itself. */
struct cli_option {
    const char *name;
    char letter;       /**< 0: none */
    const char *value; /**< NULL: a flag */
    const char *help;
};
const struct cli_option *cli_option_nth(size_t i); /**< NULL past the end */

/** Read the command line. @return an exit status; CLI_OK to go on. */
int cli_options(struct cli *c, int argc, char **argv);
/** Load plugins, of which the command line has the folders: the kinds of their options are needed
 * to read the rest of it. (load.c) */
int cli_load(struct cli *c, int argc, char **argv);
bool cli_number(const char *text, uint64_t *out); /**< decimal, 0x hex; K, M, G, T after it */
const char *cli_arg(const struct cli *c, const char *name); /**< "" for a flag; NULL: not given */
bool cli_declares(const struct eg_arg *args, const char *name);

/* ---- habits.c: what people type who come from Volatility and crash ---- */

/** An option of theirs. */
struct cli_habit {
    const char *name;
    char letter;      /**< 0: none */
    bool value;       /**< it takes one */
    const char *ours; /**< the option that it is here; "": it is so anyway; NULL: see say */
    const char *say;  /**< what to do instead */
};
const struct cli_habit *cli_habit(const char *name, char letter); /**< name NULL: by the letter */
/** The i-th verb of theirs, and which of ours it is; NULL past the end. */
const char *cli_habit_verb_nth(size_t i, const char **ours);
const char *cli_habit_verb(const char *name);     /**< "rd" is hexdump; others stay as they are */
const char *cli_habit_renderer(const char *name); /**< "quick" is text; the same */
/** Why there is no plugin of their name, and what there is; NULL: the name is not known. */
const char *cli_elsewhere(const char *name);
int cli_unknown_plugin(const char *name); /**< @return CLI_USAGE */
/** @word stands where the image should. @return CLI_OK, or CLI_USAGE: it is no file, and means
 * something else. */
int cli_no_such_image(const char *word);

/* ---- report.c: to the user ---- */

int cli_fail(int status, const char *format, ...) EG_PRINTF(2, 3);           /**< @return @status */
void cli_warn(const struct cli *c, const char *format, ...) EG_PRINTF(2, 3); /**< not with -q */

/** An image or a file could not be opened or made; what the user asked for or ended is not that.
 * @return the exit status. */
int cli_cannot(const struct eg_error *e);

/* ---- open.c ---- */

struct opened {
    struct eg_image *image;
    struct eg_system *sys;
    const char **notes; /**< of both, NULL-terminated */
    size_t n_notes;
    struct eg_provenance from;
};
/** Open c->image and the system in it. @return an exit status; @o has to be closed in every case.
 */
int cli_open(struct cli *c, struct opened *o);
void cli_close(struct opened *o);
/** No kernel was found. @brief: the notes that say why have not been shown. @return CLI_CANNOT_OPEN
 */
int cli_no_system(const struct opened *o, bool brief);

/** Notes of the image and its system, where the chosen format has no place for them. */
void cli_image_notes(const struct cli *c, const struct opened *o);
/** The same for a result's notes and its error (may be NULL). @return its exit status. */
int cli_result(const struct cli *c, const char *name, const char *const *notes, const char *error);

/* ---- table.c: one table of the command's own ---- */

struct cli_table {
    struct cli *cli;
    struct eg_result_head head;
    void *state;
    size_t n_rows;
};
/** @from may be NULL. */
int cli_table_begin(struct cli_table *t, struct cli *c, const char *name,
                    const struct eg_column *columns, bool tree, const struct eg_provenance *from);
void cli_table_row(struct cli_table *t, unsigned depth, const struct eg_value *values);
/** @return an exit status: CLI_FAILED for an @error (may be NULL), or for notes with --strict. */
int cli_table_end(struct cli_table *t, const char *const *notes, const char *error);

struct eg_value cli_text(const char *s); /**< NULL: not computed */
struct eg_value cli_uint(uint64_t u);
struct eg_value cli_missing(enum eg_why why, uint64_t addr);

/* ---- spool.c: many writers, one output in a fixed order ---- */

struct cli_spools;
/** @n files whose bytes reach @out one after another: the first at once, a later one when those
 * before it are closed; until then in memory, and past 4 MiB in an unlinked file in @tmp_dir. */
struct cli_spools *cli_spools_open(FILE *out, size_t n, const char *tmp_dir);
FILE *cli_spool(struct cli_spools *s, size_t i); /**< NULL: out of memory; fclose it */
int cli_spools_close(struct cli_spools *s);      /**< @return 0, or an errno */

/* ---- hand.c: what the verbs by hand share ---- */

/** An image, a run to read with, and the address space that --phys and --pid choose. */
struct hand {
    struct cli *cli;
    struct opened o;
    struct eg_run *run;
    struct eg_space *space;
    struct eg_obj task; /**< of --pid */
    int64_t pid;        /**< -1: none */
    bool phys;
    struct cli_table table; /**< the body's, when it has one; ended by cli_by_hand */
};
/** Open, call @body inside a run, end its table, close. @return an exit status. */
int cli_by_hand(struct cli *c, int (*body)(struct eg_run *r, void *hand));
/** "0xffff…", "4096", "init_task", "init_task+0x10"; a run that failed when it is none of these. */
int cli_address(struct hand *h, const char *text, uint64_t *out);
int cli_length(struct hand *h, const char *text, uint64_t *out);
/** End it: its tail, or without a table the notes and the error as lines. @code: the run's status.
 */
int cli_hand_end(struct hand *h, int code);
/** The body's table, once. */
int cli_hand_table(struct hand *h, const struct eg_column *columns, bool tree);

/* What their verbs show, for the shell too: a table of rows, in a run. */
int cli_hexdump_rows(struct hand *h, uint64_t at, uint64_t len);
int cli_dis_rows(struct hand *h, uint64_t at, uint64_t n);
/** An object with its values. @type: as C writes it; @depth: levels of structs inside structs. */
int cli_dt_rows(struct hand *h, struct eg_obj o, const char *name, const char *type,
                unsigned depth);

/* ---- verbs ---- */

int cli_run(struct cli *c); /**< engram IMAGE PLUGIN… */
/** One plugin with c->args on what is open: its result and its notes, not the image's. */
int cli_run_one(struct cli *c, const struct opened *o, const struct eg_plugin_reg *reg);
int cli_summary(struct cli *c); /**< engram IMAGE */
int cli_plugins(struct cli *c); /**< engram plugins [IMAGE] */
int cli_help(struct cli *c);    /**< engram help [NAME] */
/** What `engram help NAME` tells besides plugins and verbs. */
struct cli_topic {
    const char *name, *help;
    void (*print)(FILE *f);
};
const struct cli_topic *cli_topic_nth(size_t i); /**< NULL past the end */
const char *cli_tool(void);                      /**< "engram 0.1.0 (commit)" */
int cli_usage(FILE *f);                          /**< @return CLI_OK */
int cli_version(void);                           /**< engram --version */
int cli_complete(struct cli *c);                 /**< engram complete -- WORD…, for the shells */
int cli_read(struct cli *c);
int cli_hexdump(struct cli *c);
int cli_vtop(struct cli *c);
int cli_dump(struct cli *c);
int cli_dt(struct cli *c);
int cli_dis(struct cli *c);
int cli_shell(struct cli *c);
int cli_new(struct cli *c);
int cli_convert(struct cli *c);
int cli_pack(struct cli *c);
int cli_profile(struct cli *c); /**< engram profile make|show … */

#endif
