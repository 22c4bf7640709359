/** kdump.h - the parts of the reader of kdump-compressed dumps: headers, compression of pages, the
 * other files of a split set.
 *
 *  Layout (makedumpfile's IMPLEMENTATION and diskdump_mod.h), in blocks of one page:
 *    main header | sub-header and notes | bitmap of RAM | bitmap of the pages that were written |
 *    a descriptor of 24 bytes for each written page | the pages' data */
#ifndef EG_KDUMP_H
#define EG_KDUMP_H

#include "../core/image.h"

/** makedumpfile's names: flags of a page, and of the whole dump (enum eg_kdump_status). */
enum eg_kdump_packing {
    EG_KDUMP_ZLIB = 0x1,
    EG_KDUMP_LZO = 0x2,
    EG_KDUMP_SNAPPY = 0x4,
    EG_KDUMP_ZSTD = 0x20,
    EG_KDUMP_PACKED = EG_KDUMP_ZLIB | EG_KDUMP_LZO | EG_KDUMP_SNAPPY | EG_KDUMP_ZSTD,
};
enum eg_kdump_status {
    EG_KDUMP_INCOMPLETE = 0x8,  /**< writing ended early */
    EG_KDUMP_NO_VMEMMAP = 0x10, /**< makedumpfile -e */
};

/** The first bytes, which are the same in all files of a split set: signature, version, utsname and
 * time. */
enum { EG_KDUMP_SAME_MAX = 424, EG_KDUMP_HEADER = 464, EG_KDUMP_DESC = 24 };

/** A place and length in the file, as the header has them: not checked. */
struct eg_kdump_piece {
    uint64_t at, len;
};

/** The header of one file. */
struct eg_kdump_header {
    bool big, wide; /**< byte order; `unsigned long` has 64 bits */
    bool diskdump;  /**< Red Hat's diskdump: its sub-header is not read */
    bool two;       /**< there is a bitmap of RAM before that of written pages */
    bool split;     /**< this file has the pages [from, to) only */
    uint32_t version, status;
    int32_t level;    /**< dump level (makedumpfile -d); -1: not known */
    uint32_t block;   /**< bytes of a page */
    uint64_t pages;   /**< page frames that the bitmaps cover */
    uint64_t claimed; /**< page frames according to the header */
    uint64_t from, to;
    uint64_t ram, written, descs; /**< where the bitmaps and descriptors are */
    uint16_t machine;             /**< EM_…; 0: unknown */
    struct eg_kdump_piece notes, vmcoreinfo, eraseinfo;
    uint8_t head[EG_KDUMP_HEADER];
};

/** Read the headers of @file. @name is for messages. */
int eg_kdump_header(struct eg_kdump_header *out, struct eg_view *v, struct eg_space *file,
                    const char *name, struct eg_error *e);

/** Read what the headers say of the machine into @img: notes, CPUs, VMCOREINFO. */
void eg_kdump_hints(struct eg_image *img, struct eg_space *file, const struct eg_kdump_header *h);

/** A file of a split set. */
struct eg_kdump_part {
    struct eg_space *file; /**< borrowed */
    const char *name;
    uint64_t from, to; /**< its page frames; @to is exclusive */
    uint64_t before;   /**< number of written pages in the parts before it */
    uint64_t descs, size;
    uint64_t zeros; /**< place of the zero page that many descriptors share; 0: not known */
};

/** The files in the folder of @img that belong to the same set as the one with header @h, which is
 * included; sorted and without overlaps. The caller frees @parts. */
int eg_kdump_parts(struct eg_kdump_part **parts, size_t *n, struct eg_image *img,
                   struct eg_space *file, const struct eg_kdump_header *h, struct eg_error *e);

/** A pool of decompression contexts for pages, for any thread. */
struct eg_kdump_codecs;
struct eg_kdump_codecs *eg_kdump_codecs_new(void);
void eg_kdump_codecs_free(struct eg_kdump_codecs *c);

/** The library that pages with these flags need and this build lacks; NULL: none is missing. */
const char *eg_kdump_lacks(uint32_t flags);

/** Decompress @packed bytes at @at of @file to the @len bytes at @to; flags as in the descriptor.
 * @return false: damaged, missing, or out of memory (v->starved). */
bool eg_kdump_unpack(struct eg_view *v, struct eg_kdump_codecs *c, uint32_t flags,
                     struct eg_space *file, uint64_t at, uint32_t packed, void *to, uint32_t len);

#endif
