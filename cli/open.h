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
    bool paused, went_on; /**< of a running guest: by us; and cli_go_on() was called */
};
/** Open c->image and the system in it. @return an exit status; @o has to be closed in every case.
 */
int cli_open(struct cli *c, struct cli_opened *o);
/** The same in o->image, which is open. */
int cli_open_system(struct cli *c, struct cli_opened *o);
/** The same without looking for a system. */
int cli_open_image(struct cli *c, struct cli_opened *o);
/** Does the machine run on while it is read? Not when it was paused. */
bool cli_moves(const struct cli_opened *o);
/** Does c->image name a machine that runs ("qmp:SOCKET", "/proc/kcore")? img->live says so once it
 * is open. */
bool cli_may_live(const struct cli *c);
/** All is read of it: let a guest that was paused go on, say how long it stood, and whether it was
 * there to the end. @return CLI_FAILED: it was not, or does not go on. */
int cli_go_on(struct cli_opened *o);
void cli_close(struct cli_opened *o); /**< with cli_go_on(), unless that was called */
/** Say that no kernel was found. @brief: the notes that say why have not been shown. @return
 * CLI_CANNOT_OPEN */
int cli_no_system(const struct cli *c, const struct cli_opened *o, bool brief);
/** Say the notes of the image and its system. @table: the output is a table, which in some formats
 * has them itself. @return CLI_FAILED if there are any and --strict was given */
int cli_image_notes(const struct cli *c, const struct cli_opened *o, bool table);

#endif
