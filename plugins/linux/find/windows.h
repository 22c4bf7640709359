/** windows.h - scan physical memory in windows, on all cores. */
#ifndef EG_LINUX_WINDOWS_H
#define EG_LINUX_WINDOWS_H

#include "finder.h"

/** Compares two uint64_t for qsort. */
int linux_by_address(const void *a, const void *b);

struct linux_window {
    uint64_t from, last;
};
struct linux_windows {
    struct linux_finder *finder;
    EG_VEC(struct linux_window) list;
    struct eg_view **views; /**< two per worker: one for the window's bytes, one for other reads */
    unsigned n_views;
    size_t next; /**< the first window that was not scanned */
};
/** Make windows for all memory in [@from, @last], except holes of a sparse file and other zeros
 * that need not be read. */
bool linux_windows_init(struct linux_windows *w, struct linux_finder *f, uint64_t from,
                        uint64_t last);
void linux_windows_fini(struct linux_windows *w);
/** Called with contiguous bytes, from several threads, in any order. Reads through @v leave the
 * bytes valid. */
typedef void (*linux_window_fn)(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p,
                                size_t len);
/** Scan the next BATCH windows, a gigabyte. @return false: nothing was left. */
bool linux_windows_scan(struct linux_windows *w, const char *what, linux_window_fn fn,
                        void *context);

/** Call @fn for each BTF header in @p: magic number, version 1, no flags. */
typedef void (*linux_place_fn)(void *context, struct eg_view *v, uint64_t pa);
void linux_each_btf(struct eg_view *v, bool big, uint64_t pa, const uint8_t *p, size_t len,
                    linux_place_fn fn, void *context);

#endif
