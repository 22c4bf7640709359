/** open.h - an image and the system in it, opened as the command line says. */
#ifndef EG_CLI_OPEN_H
#define EG_CLI_OPEN_H

#include "cli.h"

struct cli_opened {
    struct eg_image *image;
    struct eg_system *sys;
    const char **notes; /**< of both, NULL-terminated */
    size_t n_notes;
    struct eg_provenance from;
};
/** Open c->image and the system in it. @return an exit status; @o has to be closed in every case.
 */
int cli_open(struct cli *c, struct cli_opened *o);
/** The same in o->image, which is open. */
int cli_open_system(struct cli *c, struct cli_opened *o);
/** The same without looking for a system. */
int cli_open_image(struct cli *c, struct cli_opened *o);
void cli_close(struct cli_opened *o);
/** Say that no kernel was found. @brief: the notes that say why have not been shown. @return
 * CLI_CANNOT_OPEN */
int cli_no_system(const struct cli *c, const struct cli_opened *o, bool brief);
/** Say the notes of the image and its system. @table: the output is a table, which in some formats
 * has them itself. @return CLI_FAILED if there are any and --strict was given */
int cli_image_notes(const struct cli *c, const struct cli_opened *o, bool table);

#endif
