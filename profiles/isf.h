/** isf.h - Volatility 3's symbol files (Intermediate Symbol Format, schema 6), read as a stream,
 * without a tree of the document.
 *
 *  ISF has no typedefs and no parameters of functions, sorts members by name (the reader sorts them
 * by offset again), and names anonymous types "unnamed_…". */
#ifndef EG_ISF_H
#define EG_ISF_H

#include "../core/profile.h"

struct eg_isf_source {
    /** Read the next bytes of the document. @return how many, 0 at the end, negative on errors. */
    long (*read)(void *context, uint8_t *to, size_t room, struct eg_error *e);
    void *context;
    const char *name;
};

/** @return 1, without a profile, when the document is for another machine than *@model, which is
 * then corrected: call it again from the start of the document. */
int eg_isf_read(struct eg_profile **out, const struct eg_isf_source *from, struct eg_model *model,
                struct eg_error *e);

/** Is this the file name of an ISF: .json, .json.xz, .json.gz, .json.bz2? */
bool eg_isf_name(const char *path);
/** The banner of the file's kernel ("Linux version 6.1.0-…"), up to the end of the line.
 * dwarf2json stores it as constant data of the symbol linux_banner. The file is decompressed but
 * not parsed. @return false: it has none. */
bool eg_isf_banner(const char *path, char *out, size_t size);
bool eg_isf_banner_in(const struct eg_isf_source *from, char *out, size_t size);

#endif
