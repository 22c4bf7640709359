/** windows.h - physical memory piece by piece, on all cores, for the finder's searches. */
#ifndef EG_LINUX_WINDOWS_H
#define EG_LINUX_WINDOWS_H

#include "finder.h"

/** For qsort of uint64_t. */
int linux_by_address(const void *a, const void *b);

struct linux_window {
    uint64_t from, last;
};
struct linux_windows {
    struct linux_finder *finder;
    EG_VEC(struct linux_window) list;
    struct eg_view **views; /**< two per worker: the bytes last while the other one reads */
    unsigned n_views;
    size_t next; /**< the first that has not been scanned */
};
/** All that the image holds of [@from, @last], but for holes of a sparse file and other zeros that
 * need no reading. */
bool linux_windows_init(struct linux_windows *w, struct linux_finder *f, uint64_t from,
                        uint64_t last);
void linux_windows_fini(struct linux_windows *w);
/** Called for contiguous bytes, from several threads in no order; reads through @v leave them
 * valid. */
typedef void (*linux_window_fn)(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                                size_t len);
/** Scan the next gigabyte or so. @return false: nothing was left to scan. */
bool linux_windows_scan(struct linux_windows *w, const char *what, linux_window_fn fn,
                        void *context);

/** Each place in @p that begins like a BTF header does: magic, version 1, no flags. */
typedef void (*linux_place_fn)(void *context, struct eg_view *v, uint64_t pa);
void linux_each_btf(struct eg_view *v, bool big, uint64_t pa, const uint8_t *p, size_t len,
                    linux_place_fn fn, void *context);

#endif
