/** recover_known.h - lists of known files: which of some digests do they have? A list may be of any
 * size: it is read once, and only what is looked for is kept. */
#ifndef EG_RECOVER_KNOWN_H
#define EG_RECOVER_KNOWN_H

#include "../../core/digest.h"
#include "../../core/engram.h"
#include "../../core/map.h"
#include "../../core/vec.h"

struct known_file {
    struct eg_sums sums;
    bool known;
};
struct known_list {
    const char *path;
    int fd;
    bool is_file; /**< a database must be one: it is opened by its path */
};
/** Zeroed before use. */
struct known {
    EG_VEC(struct known_list) lists;
    EG_VEC(struct known_file) files;
    struct eg_map by_sum; /**< of all kinds → index in files */
};
void known_fini(struct known *k);
/** Look for a file. @return its index in files; SIZE_MAX: out of memory. */
size_t known_add(struct known *k, const struct eg_sums *sums);
/** Open a list; @path must live as long as @k. Before the machine's files are read, which takes
 * minutes, it is known that there is one. @return false: the run failed. */
bool known_open(struct eg_run *r, struct known *k, const char *path);
/** Mark the files of which the list has a digest: lines with any of the three in
 * hexadecimal (sha256sum, md5sum, hashdeep, CSV of NSRL RDSv2), or a SQLite database with a column
 * sha256, sha1 or md5 (NSRL RDSv3). @return false: the run failed. */
bool known_read(struct eg_run *r, struct known *k, const struct known_list *list);

/** The SQLite part, for recover_known.c. */
bool known_read_sqlite(struct eg_run *r, struct known *k, const char *path);
/** The file's digest of this kind is in the list: bytes, or hexadecimal text. */
void known_mark(struct known *k, unsigned kind, const uint8_t *sum);
bool known_mark_text(struct known *k, const char *hex, size_t len);

#endif
