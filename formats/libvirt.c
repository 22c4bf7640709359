/* libvirt.c - what `virsh save` and `virsh managedsave` write: a header, the domain's XML, and
 * QEMU's stream, as it is or packed (libvirt, src/qemu/qemu_saveimage.h, version 2):
 *
 *   0 "LibvirtQemudSave"   16 u32 version   20 u32 bytes of XML and cookie   24 u32 was running
 *   28 u32 format   32 u32 offset of the cookie   36 56 unused bytes, in the host's byte order  */
#include "../core/image.h"
#include <inttypes.h>

enum { HEADER = 92, VERSION = 2 };

static const char *const formats[] = { "raw", "gzip", "bzip2", "xz", "lzop", "zstd", "sparse" };
static const char whole[] = "LibvirtQemudSave", part[] = "LibvirtQemudPart";

static int probe(const struct eg_head *h)
{
    return h->len >= sizeof whole - 1 && (!memcmp(h->at, whole, sizeof whole - 1) ||
                                          !memcmp(h->at, part, sizeof part - 1))
               ? 95
               : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    const uint64_t size = eg_space_size(file);
    const struct eg_format_reg *found;
    struct eg_segment content = { .below = file };
    struct eg_space *as;
    uint8_t h[HEADER];
    uint32_t version, data, format;
    int score, rc;
    bool big;

    (void)o;
    if (!eg_within(0, HEADER, size) || !eg_read(img->view, file, 0, h, sizeof h))
        return eg_fail(e, EG_EFORMAT, "%s: libvirt save file: its header is cut off", img->path);
    big = eg_le32(h + 16) > VERSION;
    version = big ? eg_be32(h + 16) : eg_le32(h + 16);
    data = big ? eg_be32(h + 20) : eg_le32(h + 20);
    format = big ? eg_be32(h + 28) : eg_le32(h + 28);
    if (!version || version > VERSION)
        return eg_fail(e, EG_EUNSUP, "%s: libvirt save file: version %" PRIu32 " is not known",
                       img->path, version);
    if (!eg_within(HEADER, (uint64_t)data + 1, size))
        return eg_fail(e, EG_EFORMAT, "%s: libvirt save file: it ends inside its XML", img->path);
    if (!memcmp(h, part, sizeof part - 1))
        eg_image_note(img, "libvirt: the file was not written to its end");
    content.below_addr = HEADER + (uint64_t)data;
    content.last = size - content.below_addr - 1;
    content.stored = content.last + 1;
    rc = eg_segments_open(&as, img->path, &content, 1, NULL, e);
    if (rc)
        return rc;
    rc = eg_format_probe(&found, &score, img->view, as, img->path, false, e);
    if (!rc && score <= 1) // it is never raw memory
        rc = eg_fail(e, EG_EUNSUP,
                     "%s: libvirt save file: its content (%s) cannot be read or is damaged: unpack "
                     "what begins at byte %" PRIu64,
                     img->path, format < countof(formats) ? formats[format] : "of unknown format",
                     content.below_addr);
    if (rc) {
        eg_view_forget(img->view, as);
        eg_space_close(as);
        return rc;
    }
    *out = as;
    return 0;
}

EG_FORMAT(libvirt) = {
    .desc = "libvirt save file",
    .suffix = ".save",
    .container = true,
    .head = sizeof whole - 1,
    .probe = probe,
    .open = open_,
};
