/** recover.h - what the parts of the plugin recover share: a file of the machine, and where it
 * goes. */
#ifndef EG_RECOVER_H
#define EG_RECOVER_H

#include "../../core/outnames.h"
#include "../../core/outtree.h"
#include "../linux/fs/inodes.h"
#include "../linux/mm/content.h"
#include "../linux/mm/xattr.h"
#include "recover_known.h"
#include <stdio.h>
#include <time.h>

enum {
    S_IFMT_ = 0170000,
    S_IFREG_ = 0100000,
    S_IFDIR_ = 0040000,
    S_IFLNK_ = 0120000,
    S_IFBLK_ = 0060000
};
enum { RECOVER_TIMES = 4 };

/** One file, directory or symbolic link of the machine. Texts live as long as the run. */
struct recover_file {
    const struct linux_inode *in;
    struct eg_obj inode, sb;
    const char **names;    /**< as the machine has them */
    size_t n_names, n_own; /**< own: those that are not in an overlay */
    const char **out;      /**< where each is written, below the folder of -o or in the tar */
    uint32_t mode, uid, gid, links;
    bool has_uid, has_gid, has_links;
    uint64_t size;
    int64_t time[RECOVER_TIMES]; /**< ns, by enum linux_inode_time */
    bool has_time[RECOVER_TIMES];
    const char *target; /**< of a symbolic link; NULL: not known */
    struct linux_xattr *xattrs;
    size_t n_xattrs;
    struct eg_sums sums;
    bool summed, known;
    uint64_t
        end;  /**< the size that it is written with; less than its own where that is too large */
    bool cut; /**< and pages lie behind that */
};

struct recover_tar;
struct recover {
    struct eg_run *r;
    struct eg_outnames names;
    struct eg_outtree *tree; /**< NULL: into a tar */
    struct recover_tar *tar;
    FILE *manifest;
    struct eg_digest *digest;     /**< NULL: this build has none */
    struct linux_content content; /**< of the file at hand */
    struct known known;
    struct eg_map *overlaid; /**< address of an inode → one of an overlay that shows it */
    struct eg_map *summed;   /**< address of an inode → index in known.files */
    uint64_t zeros;          /**< bytes of zeros whose digest was made: of these there is a limit */
    uint64_t n_files, n_bytes, n_owners, n_links, n_nobody;
    bool preserve;
};

/** The time of a file, of which @f->has_time says that it is known. */
static inline struct timespec recover_time(const struct recover_file *f,
                                           enum linux_inode_time which)
{
    enum { NS_PER_S = 1000000000 };
    int64_t s = f->time[which] / NS_PER_S, ns = f->time[which] % NS_PER_S;

    if (ns < 0) { // before 1970
        ns += NS_PER_S;
        s--;
    }
    return (struct timespec){ .tv_sec = (time_t)s, .tv_nsec = (long)ns };
}

/** What the inode says of itself, without names. @return false: nothing of it can be read. */
bool recover_look(struct recover *x, const struct linux_inode *in, struct recover_file *f);
/** Look which files overlays show. @return false: the run was stopped. */
bool recover_find_overlaid(struct recover *x);
/** Its names, those in overlays too, and times. */
void recover_names(struct recover *x, struct recover_file *f);
/** A place for each of its names; of a directory only where files were written into it. */
void recover_place(struct recover *x, struct recover_file *f);
/** SHA-256 of a file that is whole (and of --known the others). */
void recover_sum(struct recover *x, struct recover_file *f);

/** A note: the file is written up to its @end only. */
void recover_note_cut(struct recover *x, const struct recover_file *f);

/** Each writes the file at hand. @return false: the run failed. */
bool recover_to_tree(struct recover *x, struct recover_file *f);
bool recover_to_tar(struct recover *x, struct recover_file *f);
/** Attributes of a directory that was made for files in it. */
bool recover_folder_to_tree(struct recover *x, const struct recover_file *f, const char *out);
bool recover_entry_to_tar(struct recover *x, const struct recover_file *f, const char *out);

/** NULL: the run failed. It is closed by recover_tar_end(), or when the run ends. */
struct recover_tar *recover_tar_begin(struct recover *x, const char *name);
bool recover_tar_end(struct recover *x);

/** A line of manifest.jsonl. */
void recover_tell(struct recover *x, const struct recover_file *f);

#endif
