/** options.h - reading the command line. */
#ifndef EG_CLI_OPTIONS_H
#define EG_CLI_OPTIONS_H

#include "verb.h"

/** An option of the command itself: one record. */
struct cli_option {
    const char *name;
    char letter;       /**< 0: none */
    const char *value; /**< what it takes, as help shows it; NULL: a flag */
    const char *help;
    /** Take the value. @return an exit status. */
    int (*take)(struct cli *c, const struct cli_option *o, const char *value);
    size_t field; /**< in struct cli, for those that only fill one */
    uint64_t max; /**< of a number */
    bool opens;   /**< another command with this image needs it too */
};
const struct cli_option *cli_option_nth(size_t i); /**< NULL past the end */

/** Set the image, and how commands that are printed name it. @return an exit status. */
int cli_set_image(struct cli *c, const char *path);

/** Read the command line. @return an exit status; CLI_OK to go on. */
int cli_options(struct cli *c, int argc, char **argv);

#endif
