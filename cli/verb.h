/** verb.h - a verb of the command: one file, one record. Parsing, `engram --help`, `engram help
 * VERB` and the shells' completions all read it. */
#ifndef EG_CLI_VERB_H
#define EG_CLI_VERB_H

#include "cli.h"

enum { CLI_VERB_WORDS = 3 };

struct cli_verb {
    const char *name, *usage;
    const char *help;          /**< NULL: not for people, and not listed */
    const struct eg_arg *args; /**< its own options; may be NULL */
    unsigned min, max;         /**< words, the image not counted */
    enum { CLI_NO_IMAGE, CLI_MAY_IMAGE, CLI_WANTS_IMAGE } image;
    unsigned order; /**< its place in lists */
    bool plugins;   /**< its words name plugins, whose options it takes too */
    bool table;     /**< it prints one: --filter and the like choose its rows */
    /** What its words and -o are, for completion: see cli_complete's list of kinds. The last word's
     * kind holds for all that follow. */
    const char *words[CLI_VERB_WORDS], *out;
    int (*run)(struct cli *c); /**< @return the exit status */
};

struct cli_verb_reg {
    const struct cli_verb *verb;
    const char *file; /**< that declares it */
};
/** `CLI_VERB(vtop) = { .usage = "IMAGE ADDR", … };` is all that registers a verb. */
#define CLI_VERB(n)                                                                                \
    static const struct cli_verb cli_verb_##n;                                                     \
    static const struct cli_verb_reg cli_verbreg_##n = { &cli_verb_##n, __FILE__ };                \
    EG_ENTRY(cli_verbs, cli_verb_reg, verb_##n) = &cli_verbreg_##n;                                \
    static const struct cli_verb cli_verb_##n

const struct cli_verb *cli_verb(const char *name);
const char *cli_verb_file(const struct cli_verb *v);
const struct cli_verb *cli_verb_nth(size_t i); /**< in their order; NULL past the end */

#endif
