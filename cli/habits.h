/** habits.h - what people type who come from Volatility and crash, and near misses. */
#ifndef EG_CLI_HABITS_H
#define EG_CLI_HABITS_H

#include "cli.h"

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
/** "ip", "route" is routes; NULL: no such command of two words. */
const char *cli_habit_words(const char *first, const char *second);
/** Why there is no plugin of their name, and what there is; NULL: the name is not known. */
const char *cli_elsewhere(const char *name);
int cli_unknown_plugin(const char *name); /**< @return CLI_USAGE */
/** @option, which is unknown here, stands behind @name: as in "ss -tulpn". @return CLI_OK, or
 * CLI_USAGE: it was said what is wrong. */
int cli_not_its_option(const char *name, const char *option);
/** @word stands where the image should. @return CLI_OK, or CLI_USAGE: it is no file, and is the
 * name of something else, or nearly. */
int cli_no_such_image(const char *word);

#endif
