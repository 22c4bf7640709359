/* qemu.c - QEMU's migration stream, version 3: what `migrate "exec:cat>FILE"`, `migrate file:FILE`,
 * and, with a header before it (libvirt.c), `virsh save` and `virsh dump` write (QEMU,
 * migration/savevm.c and ram.c). If a page is sent several times, the last is used. */
#include "qemu.h"
#include <stdlib.h>

static int probe(const struct eg_head *h)
{
    return h->len >= 8 && !memcmp(h->at, "QEVM", 4) && eg_be32(h->at + 4) == 3 ? 95 : 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_qemu *q = calloc(1, sizeof *q);
    int rc;

    if (!q)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    q->as = (struct eg_space){ .ops = &eg_qemu_ops, .below = file, .priv = q };
    q->file = file;
    q->size = eg_space_size(file);
    q->page_shift = 12;
    rc = eg_qemu_stream(q, img, o->quiet, e);
    if (!rc)
        rc = eg_qemu_machine(q, img, e);
    if (rc) {
        eg_space_close(&q->as);
        return rc;
    }
    q->as.last = q->ranges.at[q->ranges.n - 1].last;
    *out = &q->as;
    return 0;
}

EG_FORMAT(qemu) = {
    .desc = "QEMU migration stream",
    .suffix = ".qevm",
    .head = 8,
    .probe = probe,
    .open = open_,
};
