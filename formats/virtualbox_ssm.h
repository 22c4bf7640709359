/** virtualbox_ssm.h - the outer layer of VirtualBox's saved states: units of records. */
#ifndef EG_VIRTUALBOX_SSM_H
#define EG_VIRTUALBOX_SSM_H

#include "../core/space.h"

enum {
    EG_SSM_PAGE = 4096,
    EG_SSM_HEADER = 64, /**< bytes of the file's header; the first unit follows it */
    EG_SSM_TERM = 1,    /**< record types: the end of a unit */
    EG_SSM_RAW = 2,     /**< bytes */
    EG_SSM_LZF = 3,     /**< one byte: KiB of content; then the compressed content */
    EG_SSM_ZERO = 4,    /**< one byte: KiB of zeros */
};

/** A place in the data of a unit. */
struct eg_ssm {
    struct eg_view *view;
    struct eg_space *file; /**< borrowed */
    uint64_t size;
    uint64_t at;   /**< inside a raw record if @left is not 0, else at the header of a record */
    uint64_t left; /**< bytes left of the raw record */
};
struct eg_ssm_unit {
    char name[49];
    uint32_t version, instance, pass;
    bool last;     /**< not a unit but the end of all units */
    bool checked;  /**< its checksum is correct */
    uint64_t data; /**< place of its first record */
};
struct eg_ssm_record {
    uint8_t type;
    uint64_t at, len; /**< its bytes */
};

/** Read the unit header at @at. @return false: there is none. */
bool eg_ssm_unit(const struct eg_ssm *s, uint64_t at, struct eg_ssm_unit *out);
/** Read the record at @at. @return false: there is none, or it is truncated. */
bool eg_ssm_record(const struct eg_ssm *s, uint64_t at, struct eg_ssm_record *out);

/** Read the next @len bytes, which must be in raw records. */
bool eg_ssm_get(struct eg_ssm *s, void *to, size_t len);
bool eg_ssm_skip(struct eg_ssm *s, uint64_t len);
/** Skip a page, which is always one record. *@at: the place of that record. */
bool eg_ssm_page(struct eg_ssm *s, uint64_t *at);

/** Decompress the page whose record is at @at. */
bool eg_ssm_unpack(const struct eg_ssm *s, uint64_t at, void *page);

#endif
