/** filter.h - which files a plugin is about: --path, --inode, --superblock, --type. */
#ifndef EG_FILES_FILTER_H
#define EG_FILES_FILTER_H

#include "../linux/fs/inodes.h"

#define FILE_FILTER_ARGS                                                                           \
    EG_ARG(path, TEXT, "only files with such a path: '/etc/*.conf'; of a folder all in it"),       \
        EG_ARG(inode, ADDR, "only these inodes: numbers or addresses"),                            \
        EG_ARG(superblock, ADDR, "only file systems with the super_block at these addresses"),     \
        FILE_TYPE_ARG
#define FILE_TYPE_ARG EG_ARG(type, TEXT, "only these types: REG, DIR, LNK, BLK, CHR, FIFO, SOCK")

struct file_filter {
    struct eg_run *r;
    unsigned types; /**< a bit for each type; 0: not asked for */
    bool by_path;
    bool found; /**< set by who uses it: a file was chosen */
};
/** The types that --type names, a bit for each. @return false: the run failed. */
bool file_filter_types(struct eg_run *r, unsigned *types);
/** @return false: the run failed. */
bool file_filter_open(struct eg_run *r, struct file_filter *f);
/** Say so when options chose files, and none was found. */
void file_filter_done(const struct file_filter *f);
bool file_filter_inode(const struct file_filter *f, const struct linux_inode *in);
/** @type: S_IFMT's part of i_mode; @usual: the one meant when none was asked for, 0: all. */
bool file_filter_type(const struct file_filter *f, unsigned type, unsigned usual);
/** Does one of a file's paths fit? */
bool file_filter_names(const struct file_filter *f, const char *const *names, size_t n);
bool file_filter_name(const struct file_filter *f, const char *path);

/** "REG", "DIR", …; NULL: none of them. */
const char *file_type_name(unsigned mode);

#endif
