/** mm/zram.h - disks of compressed memory (drivers/block/zram/). */
#ifndef EG_LINUX_ZRAM_H
#define EG_LINUX_ZRAM_H

#include "unpack.h"
#include "zsmalloc.h"

enum { LINUX_ZRAM_COMPRESSORS = 4, LINUX_COMPRESSOR_NAME = 64 };

struct linux_zram {
    uint64_t at;     /**< its struct zram */
    uint64_t table;  /**< one entry for each page of the disk */
    uint64_t pages;  /**< of the disk */
    uint64_t pool;   /**< its zs_pool */
    uint64_t stride; /**< bytes of an entry */
    struct linux_place handle, flags;
    uint8_t size_bits, same, written, huge; /**< bits of the flags; 64: none */
    uint8_t priority;                       /**< two bits from here; 64: none */
    struct {
        char name[LINUX_COMPRESSOR_NAME]; /**< "": none */
        struct linux_dictionary dict;
    } by[LINUX_ZRAM_COMPRESSORS]; /**< the first compresses, the others recompress */
};

/** The zram behind the gendisk at @disk, whose disk should have @pages pages. @return false: it is
 * not one; *@why then says what is wrong with one, or is NULL. */
bool linux_zram_open(struct eg_run *r, uint64_t disk, uint64_t pages, struct linux_zram *out,
                     const char **why);
void linux_zram_close(struct linux_zram *z);

/** Where a page of the disk is. */
struct linux_zram_page {
    uint64_t handle; /**< of the object; SAME: the word that fills it */
    uint32_t size;
    uint8_t by;          /**< index of its compressor */
    bool same, raw;      /**< filled with one word; not compressed */
    const char *missing; /**< why its bytes are not in memory; NULL: they are */
};
void linux_zram_find(const struct linux_zram *z, const struct linux_zsmalloc *zs, struct eg_view *v,
                     uint64_t page, struct linux_zram_page *out);
/** Make the page's bytes. @return NULL, or what is wrong. */
const char *linux_zram_read(const struct linux_zram *z, struct linux_zsmalloc *zs,
                            struct eg_view *v, const struct linux_zram_page *p, uint8_t *page);

/** The same for data of @size bytes in an object of @pool, by any compressor (zswap). */
const char *linux_unpack_object(struct linux_zsmalloc *zs, struct eg_view *v, uint64_t pool,
                                uint64_t handle, size_t size, const char *compressor,
                                const struct linux_dictionary *dict, uint8_t *page);
/** Unpack one page; @return NULL, or what is wrong. */
const char *linux_unpack_page(struct eg_view *v, const char *compressor,
                              const struct linux_dictionary *dict, const uint8_t *p, size_t n,
                              uint8_t *page, size_t len);

/** What it counts of itself: bytes and pages, UINT64_MAX where that cannot be read. */
struct linux_zram_stats {
    uint64_t stored, compressed, same, huge, used, written;
};
void linux_zram_count(struct eg_run *r, const struct linux_zram *z, struct linux_zram_stats *out);

#endif
