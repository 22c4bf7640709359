/** isf.h - Volatility 3's symbol files (Intermediate Symbol Format, schema 6), as a stream: no tree
 * of the document is made.
 *
 *  ISF has no typedefs and no parameters of functions, gives members in the order of their names
 * (here: of their offsets again), and calls what has no name "unnamed_…". */
#ifndef EG_ISF_H
#define EG_ISF_H

#include "../core/profile.h"

struct eg_isf_source {
    /** The next bytes of the document. @return how many, 0 at the end, negative: @e says why. */
    long (*read)(void *context, uint8_t *to, size_t room, struct eg_error *e);
    void *context;
    const char *name;
};

/** @return 1, with no profile, when the document turns out to be of another machine than *@model,
 * which has then been corrected: once more, from the start. */
int eg_isf_read(struct eg_profile **out, const struct eg_isf_source *from, struct eg_model *model,
                struct eg_error *e);

/** Does a file of this name hold ISF: .json, .json.xz, .json.gz, .json.bz2? */
bool eg_isf_name(const char *path);
/** The text of the kernel that the file is of ("Linux version 6.1.0-…"), up to the end of its line:
 * what dwarf2json keeps as the symbol linux_banner's constant data. Unpacks, but does not parse.
 * @return false: it says none. */
bool eg_isf_banner(const char *path, char *out, size_t size);
bool eg_isf_banner_in(const struct eg_isf_source *from, char *out, size_t size);

#endif
