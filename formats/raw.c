/* raw.c - raw memory: the first byte of the file is at physical address 0, or at --offset. A file
 * is taken for this when no other format fits, except for what is known not to be memory
 * (known.h). */
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
    // The first bytes of the file that a negative offset leaves without an address.
    const uint64_t cut = o->offset < 0 ? -(uint64_t)o->offset : 0;
    const struct eg_image_range all = { cut, cut ? 0 : (uint64_t)o->offset, size - cut };
    const size_t len = (size_t)EG_MIN(size, (uint64_t)EG_KNOWN_HEAD);
    eg_cleanup(eg_free_) uint8_t *head = malloc(len);
    const struct eg_known *other;

    if (!head)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    eg_read_some(img->view, file, 0, head, len, NULL);
    other = o->format ? NULL : eg_known(head, len, size);
    if (other)
        return eg_fail(e, EG_EUNSUP, "%s: is %s, which cannot be read: %s (or --format raw)",
                       img->path, other->what, other->advice);
    if (cut >= size)
        return eg_fail(e, EG_EUSAGE, "%s: offset -%#" PRIx64 " leaves nothing of the file",
                       img->path, cut);
    if ((size - cut) % 4096)
        eg_image_note(
            img, "raw: the size is not a multiple of 4 KiB: the end is cut off, or it is not raw "
                 "memory");
    img->movable = !o->offset;
    return eg_image_ranges_open(out, img->path, file, &all, 1, e);
}

EG_FORMAT(raw) = {
    .desc = "raw physical memory",
    .suffix = ".raw",
    .head = 16,
    .probe = probe,
    .open = open_,
};
