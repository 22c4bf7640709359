/** pack.h - writes any image file as a seekable zstd file. */
#ifndef EG_PACK_H
#define EG_PACK_H

#include "../../core/image.h"

struct eg_pack_options {
    int level;        /**< 1..22; 0: 10 */
    unsigned threads; /**< 0: all cores */
    uint64_t *lost;   /**< unreadable bytes become zeros and are counted here; NULL: they are an
                           error */
    bool force;       /**< replace @out */
    bool quiet;       /**< no progress */
};

/** Write the bytes of @img's file (the content, if it is packed; all pieces joined, if it is split)
 * to @out in independent frames with checksums. The output does not depend on the number of
 * threads. @out appears only when it is complete. What opening found missing is in @img's notes. */
int eg_pack(struct eg_image *img, const char *out, const struct eg_pack_options *o,
            struct eg_error *e);
/** The same for the bytes of a space; @name is for messages. */
int eg_pack_space(struct eg_space *from, const char *name, const char *out,
                  const struct eg_pack_options *o, struct eg_error *e);

#endif
