/** convert.h - physical memory of an opened image written as a dump of another format. */
#ifndef EG_CONVERT_H
#define EG_CONVERT_H

#include "../../core/image.h"

struct eg_convert_options {
    const char *to;         /**< "raw", "lime", "elf" or "pack" (LiME in seekable zstd) */
    uint16_t elf_machine;   /**< EM_… for elf; 0: of the image */
    bool big_endian;        /**< elf: of the machine */
    const char *vmcoreinfo; /**< text of elf's note; NULL: of the image, if it has one */
    unsigned threads;       /**< 0: all cores */
    bool replace, quiet;
};
struct eg_convert_result {
    uint64_t written; /**< bytes of memory */
    uint64_t ranges;  /**< in which they lie */
    uint64_t lost;    /**< bytes of them that could not be read: zeros now */
};

/** Write what @img has of physical memory to @out, which is there when it is complete, or not at
 * all. What the image does not have is left out: in raw, where a place is its address, it is a hole
 * of the file that reads as zeros. */
int eg_convert(struct eg_image *img, const char *out, const struct eg_convert_options *o,
               struct eg_convert_result *result, struct eg_error *e);

#endif
