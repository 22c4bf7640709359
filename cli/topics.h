/** topics.h - what `engram help NAME` describes besides plugins and verbs. */
#ifndef EG_CLI_TOPICS_H
#define EG_CLI_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_topic {
    const char *name, *help;
    void (*print)(FILE *f);
};
const struct cli_topic *cli_topic_nth(size_t i); /**< NULL past the end */
/** Describe the format of images or the reader of types named @name. @return false: there is
 * none. */
bool cli_describe_source(FILE *f, const char *name);

#endif
