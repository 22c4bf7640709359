/** siblings.h - the other files of a set, in the folder of the image: those that begin as one does
 * that belongs to it. */
#ifndef EG_SIBLINGS_H
#define EG_SIBLINGS_H

#include "../core/image.h"

enum { EG_SIBLINGS_MAX = 1024, EG_SIBLING_HEAD = 512 };

/** Names in the image's arena, sorted; the caller ends it with eg_vec_fini(). */
struct eg_siblings {
    char **at;
    size_t n, cap;
};

/** The image's name without its folder. */
const char *eg_own_name(const struct eg_image *img);
/** Find the regular files whose first @len bytes, at most EG_SIBLING_HEAD, @fits accepts; none if
 * the image is no file on disk. @return false: out of memory, or more than EG_SIBLINGS_MAX. */
bool eg_siblings(struct eg_siblings *out, struct eg_image *img, size_t len,
                 bool (*fits)(const uint8_t *head, const void *context), const void *context);

#endif
