/* raw.c - memory as it lies: the first byte of the file is at physical address 0, or at --offset.
 * What nothing else claims; but what is known to be something else is refused, not misread. */
#include "../core/image.h"
#include "known.h"
#include <inttypes.h>
#include <stdlib.h>

static int probe(const struct eg_head *h)
{
    (void)h;
    return 1;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    const uint64_t size = eg_space_size(file);
    struct eg_segment all = { .start = o->offset, .below = file, .stored = size };
    const size_t len = (size_t)EG_MIN(size, (uint64_t)EG_KNOWN_HEAD);
    eg_cleanup(eg_free_) uint8_t *head = malloc(len);
    const struct eg_known *other;

    if (!head)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    eg_read_some(img->view, file, 0, head, len, NULL);
    other = o->format ? NULL : eg_known(head, len, size);
    if (other)
        return eg_fail(e, EG_EUNSUP, "%s: is %s, which is not read: %s (or --format raw)",
                       img->path, other->what, other->advice);
    if (!eg_add(o->offset, size - 1, &all.last))
        return eg_fail(e, EG_EUSAGE, "%s: offset %#" PRIx64 " leaves no room for the file",
                       img->path, o->offset);
    if (size % 4096)
        eg_image_note(img,
                      "raw: the size is no multiple of 4 KiB: the end is cut off, or it is no raw "
                      "memory");
    img->movable = !o->offset;
    return eg_segments_open(out, img->path, &all, 1, NULL, e);
}

EG_FORMAT(raw) = {
    .desc = "raw physical memory",
    .suffix = ".raw",
    .head = 16,
    .probe = probe,
    .open = open_,
};
