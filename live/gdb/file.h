/** file.h - between files.c, which answers packets, and found.c, which finds files. */
#ifndef EG_LIVE_GDB_FILE_H
#define EG_LIVE_GDB_FILE_H

#include "gdb.h"

/** What is behind a name. */
struct gdb_found {
    enum { GDB_CACHED = 1, GDB_TEXT, GDB_KERNEL_ELF, GDB_FOLDER, GDB_OTHER } is;
    uint64_t inode; /**< CACHED: whose pages are read */
    uint64_t size;
    uint32_t dev, ino, mode, links, uid, gid, rdev;
    /* CACHED: what is given in place of the file's bytes (user/sections.h); the struct owns it. */
    uint8_t head[64];
    unsigned head_len; /**< 0: nothing is */
    uint8_t *tail;     /**< bytes from @tail_at on, to @size */
    uint64_t tail_at;
    int64_t times[3]; /**< of the last access, of the content, of the inode: seconds since 1970 */
};
/** Look for @path in the mount namespace of g->fs_pid; a file that one of its mappings is of is
 * found by its name there too, also when it is in no folder any more. @return 0, or an errno of the
 * protocol. */
unsigned gdb_find_file(struct gdb *g, const char *path, bool follow, struct gdb_found *out);
/** Has memory enough of it for a debugger? What is lacking is told by gdb_file_say(). Where it is
 * an ELF file without a whole table of sections, @f gets another one. */
bool gdb_file_useful(struct gdb *g, const char *path, struct gdb_found *f);
/** Its bytes, of the page cache, up to the first that is not there. @return how many; -1: none. */
ssize_t gdb_read_cached(struct gdb *g, const struct gdb_found *f, uint64_t at, void *out,
                        size_t len);
/** Where a symbolic link leads; in the run's memory. NULL: nowhere. */
const char *gdb_link_target(struct gdb *g, const char *path);
bool gdb_has_process(struct gdb *g, uint32_t pid);
/** A line of `monitor files`. */
void gdb_file_say(struct gdb *g, const char *name, const char *what);

#endif
