/** convert.h - writes the physical memory of an open image as a dump of another format. */
#ifndef EG_CONVERT_H
#define EG_CONVERT_H

#include "../../core/image.h"

struct eg_convert_options {
    const char *to;         /**< "raw", "lime", "elf" or "pack" (LiME in seekable zstd) */
    uint16_t elf_machine;   /**< EM_… for elf; 0: that of the image */
    bool big_endian;        /**< elf: of the machine */
    const char *vmcoreinfo; /**< text of the note in elf; NULL: that of the image, if it has one */
    unsigned threads;       /**< 0: all cores */
    bool replace, quiet;
};
struct eg_convert_result {
    uint64_t written; /**< bytes of memory */
    uint64_t ranges;  /**< number of ranges */
    uint64_t lost;    /**< bytes that could not be read and were written as zeros */
};

/** Write the physical memory of @img to @out, which appears only when it is complete. Memory that
 * is not in the image is left out; in raw, where the place in the file is the address, it becomes a
 * hole that reads as zeros. */
int eg_convert(struct eg_image *img, const char *out, const struct eg_convert_options *o,
               struct eg_convert_result *result, struct eg_error *e);

#endif
