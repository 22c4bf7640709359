/** outnames.h - names for files that a machine's files are written to. The names come from an
 * image, and may be anything: "..", absolute, with control characters, too long, the name of a file
 * where another's folder is. What is made of them is below a folder of one's own, unique also where
 * disks do not tell capitals from small letters, and the same for the same image. */
#ifndef EG_OUTNAMES_H
#define EG_OUTNAMES_H

#include "arena.h"
#include "map.h"
#include "vec.h"

struct eg_outname {
    uint32_t parent; /**< index of its folder; 0 is the top, its own */
    uint32_t len;
    const char *name;   /**< as it is written */
    const char *source; /**< of a folder: as the image has it, @len bytes */
};
/** Zeroed before use. Of about as many bytes as all names have. */
struct eg_outnames {
    struct eg_arena arena;
    EG_VEC(struct eg_outname) at;
    struct eg_map known; /**< folder and source → index, of folders */
    struct eg_map taken; /**< folder and name in small letters → index */
};
void eg_outnames_fini(struct eg_outnames *n);

enum { EG_OUTNAME_MAX = 255, EG_OUTPATH_MAX = 3000 };
/** A path for a new file @path (components of any bytes with '/' between) below the folder @top. A
 * component that is "." or "..", a byte that is a control character, no valid UTF-8, or '%', and
 * what changes the direction of text is %XX; what is too long is cut; what is taken gets "~2".
 * @return NULL: out of memory. */
const char *eg_outnames_place(struct eg_outnames *n, const char *top, const char *path);
/** The path of a folder that has been made for files in it; NULL: there is none. */
const char *eg_outnames_find(struct eg_outnames *n, const char *top, const char *path);

#endif
