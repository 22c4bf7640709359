/** virtualbox_ssm.h - the outer layer of VirtualBox's saved states: units of records. */
#ifndef EG_VIRTUALBOX_SSM_H
#define EG_VIRTUALBOX_SSM_H

#include "../core/space.h"

enum {
    EG_SSM_PAGE = 4096,
    EG_SSM_HEADER = 64, /**< of the file; the first unit is behind it */
    EG_SSM_TERM = 1,    /**< record types: the last of a unit */
    EG_SSM_RAW = 2,     /**< bytes */
    EG_SSM_LZF = 3,     /**< one byte, KiB of content; that, compressed */
    EG_SSM_ZERO = 4,    /**< one byte, KiB of zeros */
};

/** A place in the data of a unit. */
struct eg_ssm {
    struct eg_view *view;
    struct eg_space *file; /**< borrowed */
    uint64_t size;
    uint64_t at;   /**< in a raw record when @left is not 0, else at the head of a record */
    uint64_t left; /**< of the raw record */
};
struct eg_ssm_unit {
    char name[49];
    uint32_t version, instance, pass;
    bool last;     /**< none: the end of the units */
    bool checked;  /**< its checksum is right */
    uint64_t data; /**< where its first record is */
};
struct eg_ssm_record {
    uint8_t type;
    uint64_t at, len; /**< its bytes */
};

/** The unit whose header is at @at. @return false: there is none. */
bool eg_ssm_unit(const struct eg_ssm *s, uint64_t at, struct eg_ssm_unit *out);
/** The record at @at. @return false: there is none, or its end is not in the file. */
bool eg_ssm_record(const struct eg_ssm *s, uint64_t at, struct eg_ssm_record *out);

/** The next @len bytes, which must be in raw records. */
bool eg_ssm_get(struct eg_ssm *s, void *to, size_t len);
bool eg_ssm_skip(struct eg_ssm *s, uint64_t len);
/** Step over a page: VirtualBox gives each a record of its own. @*at: where that is. */
bool eg_ssm_page(struct eg_ssm *s, uint64_t *at);

/** Make the page whose record is at @at. */
bool eg_ssm_unpack(const struct eg_ssm *s, uint64_t at, void *page);

#endif
