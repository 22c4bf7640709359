/** mkcache.h - a synthetic machine with a file system whose page cache and names a test makes: on
 * top of mkguest.h. */
#ifndef MK_CACHE_H
#define MK_CACHE_H

#include "mkguest.h"

enum { MK_REG = 0100644, MK_FOLDER = 0040750, MK_LINK = 0120777, MK_DIRTY = 4, MK_FRESH = 8 };

struct mk_cache {
    struct mk_guest g;
    struct mk *k;
    uint64_t swap;      // the array swap_info
    uint64_t clock;     // the timekeeper, which stands at zero
    uint64_t uts;       // init_uts_ns, without names
    uint64_t setting;   // kptr_restrict
    uint64_t supers;    // the list super_blocks
    uint64_t map, size; // struct page of page 0, and bytes of one
    uint64_t free;      // number of the next page that holds nothing yet
    struct {
        uint64_t dentry;
        unsigned shift; // of the top of its page cache's tree
    } tops[32];
    unsigned n_tops;
    uint64_t functions[4]; // of mk_cache_functions()
    char top[64], dir[80];
    char *bytes; // of the file that was read last
    size_t len;
};

/** Of the file system type @fs; its device is 8:1, and it is mounted nowhere. */
void mk_cache_begin(struct mk_cache *w, const struct mk_machine *m, const char *fs);
/** The same with the text @from of the declarations as @to. */
void mk_cache_begin_edited(struct mk_cache *w, const struct mk_machine *m, const char *fs,
                           const char *from, const char *to);
void mk_cache_end(struct mk_cache *w);
/** Names of functions, of 64 bytes each, that the kernels of machines have which begin from now on:
 * at most 4, NULL at the end. */
void mk_cache_functions(const char *const *names);

/** The struct page of a page of physical memory. */
uint64_t mk_cache_page(const struct mk_cache *w, uint64_t pfn);
/** A file of root's folder, or of @parent. @return its dentry. */
uint64_t mk_cache_file(struct mk_cache *w, uint64_t parent, const char *text, unsigned mode,
                       uint64_t size);
uint64_t mk_cache_inode(struct mk_cache *w, uint64_t dentry);
/** The file's inode becomes a member of a new object, before it has pages. @return the object. */
uint64_t mk_cache_embed(struct mk_cache *w, uint64_t dentry, const char *type, const char *member);
/** One more name of an inode. */
void mk_cache_name(struct mk_cache *w, uint64_t dentry, uint64_t inode);
/** An entry of a file's page cache. The tree has as many levels as the first one needs. */
void mk_cache_set(struct mk_cache *w, uint64_t dentry, uint64_t index, uint64_t value);
/** Pages of a file that lie behind each other in memory, filled with a letter for each. @return the
 * number of the first. */
uint64_t mk_cache_folio(struct mk_cache *w, uint64_t dentry, uint64_t index, unsigned pages,
                        const char *letters, unsigned flags);

/** Rows of the plugin recover, which writes below w->dir. */
const char *mk_cache_recover(struct mk_cache *w, const char *args);
/** A file below the folder of -o. */
bool mk_cache_load(struct mk_cache *w, const char *path);
/** Has it @n bytes of @c at page @index? */
bool mk_cache_has(struct mk_cache *w, uint64_t index, char c, size_t n);
/** Has the manifest this text? */
bool mk_cache_manifest(struct mk_cache *w, const char *text);

#endif
