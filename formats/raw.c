/* raw.c - memory as it lies: the first byte of the file is at physical address 0, or at --offset.
 * What nothing else claims; but what is known to be something else is refused, not misread. */
#include "../core/image.h"
#include <inttypes.h>

static int probe(const struct eg_head *h)
{
    (void)h;
    return 1;
}

/** Dumps and containers that are not read, by their first bytes. */
static const struct {
    const char *magic;
    uint8_t len;
    const char *what, *advice;
} others[] = {
    { "AVML", 4, "an AVML dump of another version", "convert it with `avml-convert`" },
    { "\x7f\x45LF", 4, "an ELF file, but no core", "a vmlinux is given with --vmlinux" },
    { "QEVM", 4, "a QEMU migration stream, but not of version 3", "dump with `dump-guest-memory`" },
    { "\xed\xeb\x0f\xf0", 4, "a Xen core of before 2007", "dump with `xl dump-core`" },
    { "\xee\xeb\x0f\xf0", 4, "a Xen core of before 2007", "dump with `xl dump-core`" },
    { "PAGEDU64", 8, "a Windows crash dump", "Engram reads Linux" },
    { "PAGEDUMP", 8, "a Windows crash dump", "Engram reads Linux" },
};

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    const uint64_t size = eg_space_size(file);
    struct eg_segment all = { .start = o->offset, .below = file, .stored = size };
    uint8_t head[16] = { 0 };

    eg_read_some(img->view, file, 0, head, EG_MIN(sizeof head, size), NULL);
    for (size_t i = 0; !o->format && i < countof(others); i++)
        if (!memcmp(head, others[i].magic, others[i].len))
            return eg_fail(e, EG_EUNSUP, "%s: is %s, which is not read: %s (or --format raw)",
                           img->path, others[i].what, others[i].advice);
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
