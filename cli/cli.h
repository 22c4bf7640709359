/** cli.h - the command line as it was read, and what the command may answer with. Every other file
 * here stands on this one. */
#ifndef EG_CLI_H
#define EG_CLI_H

#include "../core/select.h"
#include "../core/vec.h"

/** Exit statuses. */
enum {
    CLI_OK = 0,
    CLI_USAGE = 1,
    CLI_CANNOT_OPEN = 2,
    CLI_FAILED = 3,
};

/** What the command line says. */
struct cli {
    const struct cli_verb *verb;      /**< NULL: `engram IMAGE …` */
    const char *image;                /**< NULL: none given */
    const char *opening;              /**< the options that say how to open it, as shell words */
    const char *image_words;          /**< these and the image, for commands that are printed */
    EG_VEC(const char *) words;       /**< the other arguments, in order */
    EG_VEC(struct eg_given_arg) args; /**< options that plugins or the verb declare */
    EG_VEC(const char *) profile_dirs;
    EG_VEC(const char *) swap_files; /**< [PATH=]FILE */
    EG_VEC(const char *) warnings;   /**< shown once the line is read: -q may be its last word */
    struct eg_open_options open;
    struct eg_find_options find;
    const struct eg_renderer *renderer;
    const char *render; /**< its name */
    const char *out;    /**< -o */
    struct eg_select_options select;
    struct eg_zone zone; /**< of select, once it is given */
    /** As given; 0: not. */
    uint64_t jobs, kernel, script_seconds, script_memory;
    bool pause; /**< a running guest stands still while it is read */
    bool quiet, strict, sha256, force, help, version, wide;
    bool completing;       /**< only read to complete it: nobody has asked for code to be loaded */
    bool loaded_own;       /**< the user's own scripts */
    bool has_usual_dirs;   /**< those are among profile_dirs */
    bool said;             /**< that standard output could not be written */
    struct eg_arena arena; /**< for texts that live as long as the command */
};

/** The value of a plugin's or verb's option: "" for a flag; NULL: not given. */
const char *cli_arg(const struct cli *c, const char *name);
/** The declaration of an option in a plugin's or verb's list (may be NULL). */
const struct eg_arg *cli_declared(const struct eg_arg *args, const char *name);
/** Give back what it holds. */
void cli_fini(struct cli *c);

#endif
