/** volume_disk.h - the encrypted bytes of a volume, wherever they are: files that the user gives,
 * the page cache of the device, that of the file below a loop device. */
#ifndef KEYS_VOLUME_DISK_H
#define KEYS_VOLUME_DISK_H

#include "../../core/mapped.h"
#include "../linux/fs/block.h"
#include "../linux/mm/content.h"

enum { VOLUME_FILES_MAX = 16, VOLUME_SOURCES_MAX = 2 * VOLUME_FILES_MAX + 3 };

/** A file of --disk. */
struct eg_volume_file {
    const char *path;
    struct eg_mapped *bytes;
    bool used; /**< it has a volume */
};
/** What memory has of the content of an inode. */
struct eg_volume_cache {
    uint64_t inode;
    struct linux_content *content; /**< NULL: nothing */
};
/** What all volumes of a run share. */
struct eg_volume_work {
    struct eg_volume_file files[VOLUME_FILES_MAX];
    size_t n_files;
    uint64_t iterations; /**< of PBKDF2 that are still done */
    struct eg_volume_cache *caches;
    size_t n_caches, cap_caches;
    uint8_t *in, *out;  /**< EG_VOLUME_CONTENT_LEN bytes */
    unsigned n_volumes; /**< that were looked at */
};
/** Open the files of --disk. @return false: the run failed. */
bool eg_volume_work_open(struct eg_run *r, struct eg_volume_work *w);

/** One place that may have the device's bytes. */
struct eg_volume_source {
    struct eg_run *r;
    struct eg_volume_file *file;   /**< or */
    struct linux_content *content; /**< of a page cache */
    uint64_t base;                 /**< where in it the device begins */
    bool is_own;                   /**< its header or a sector says that it is this volume's */
    bool is_other;                 /**< its header is another volume's */
};
/** The places, the best first. */
struct eg_volume_disk {
    struct eg_volume_source at[VOLUME_SOURCES_MAX];
    size_t n;
};
/** @below: the device with the encrypted data. Everything lives as long as the run. */
void eg_volume_disk_open(struct eg_run *r, const struct linux_blockdev *below,
                         struct eg_volume_work *w, struct eg_volume_disk *out);
/** Bytes of the device. @return false: not all are there. */
EG_API bool eg_volume_bytes(const struct eg_volume_source *s, uint64_t at, void *to, size_t len);
/** Is any byte of [@at, @at + @len) there? @next: where what is said ends. */
bool eg_volume_has(const struct eg_volume_source *s, uint64_t at, uint64_t *next);

/** What memory has of the content of an inode; NULL: it cannot be read. */
struct linux_content *eg_volume_cached(struct eg_run *r, struct eg_volume_work *w,
                                       struct eg_obj inode);

#endif
