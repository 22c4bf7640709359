/** pack.h - any image file as a seekable zstd file, which opens as fast as it is written slowly. */
#ifndef EG_PACK_H
#define EG_PACK_H

#include "../../core/space.h"

struct eg_pack_options {
    int level;           /**< 1..22; 0: 10 */
    unsigned threads;    /**< 0: all cores */
    const char *tmp_dir; /**< where @in is unpacked to, if it must be; NULL: $TMPDIR or /var/tmp */
    uint64_t *lost;      /**< bytes that cannot be read become zeros and are counted here; NULL:
                            they are an error */
    bool force;          /**< replace @out */
    bool quiet;          /**< no progress */
};

/** Write @in's bytes (the content, if it is zstd; all pieces joined, if it is split) to @out, in
 * frames that can be read each by itself, with checksums. The same bytes for any number of threads.
 * @out is there when it is complete, or not at all. */
int eg_pack(const char *in, const char *out, const struct eg_pack_options *o, struct eg_error *e);
/** The same of the bytes of a space; @name is for messages. */
int eg_pack_space(struct eg_space *from, const char *name, const char *out,
                  const struct eg_pack_options *o, struct eg_error *e);

#endif
