/** pack.h - writes any image file as a seekable zstd file. */
#ifndef EG_PACK_H
#define EG_PACK_H

#include "../../core/space.h"

struct eg_pack_options {
    int level;           /**< 1..22; 0: 10 */
    unsigned threads;    /**< 0: all cores */
    const char *tmp_dir; /**< folder for unpacking @in, if needed; NULL: $TMPDIR or /var/tmp */
    uint64_t *lost;      /**< unreadable bytes become zeros and are counted here; NULL: they are an
                              error */
    bool force;          /**< replace @out */
    bool quiet;          /**< no progress */
};

/** Write the bytes of @in (the content, if it is zstd; all pieces joined, if it is split) to @out
 * in independent frames with checksums. The output does not depend on the number of threads. @out
 * appears only when it is complete. */
int eg_pack(const char *in, const char *out, const struct eg_pack_options *o, struct eg_error *e);
/** The same for the bytes of a space; @name is for messages. */
int eg_pack_space(struct eg_space *from, const char *name, const char *out,
                  const struct eg_pack_options *o, struct eg_error *e);

#endif
