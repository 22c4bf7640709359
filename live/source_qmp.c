/* source_qmp.c - `engram qmp:SOCKET …`: a running guest of QEMU as an image. */
#include "../core/arch.h"
#include "guest_memory.h"
#include <stdio.h>
#include <stdlib.h>

/** What is closed last with the image: the guest. */
struct opened {
    struct eg_control control;
    struct live_guest *guest;
    struct eg_space *space;
};

static struct live_guest *guest_of(struct eg_control *c)
{
    return ((struct opened *)(void *)c)->guest;
}

static int pause_(struct eg_control *c, struct eg_error *e)
{
    return live_guest_pause(guest_of(c), e);
}

static int resume(struct eg_control *c, uint64_t *ns, struct eg_error *e)
{
    return live_guest_resume(guest_of(c), ns, e);
}

static bool alive(struct eg_control *c, const char **why)
{
    return live_guest_alive(guest_of(c), why);
}

static void nothing(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    (void)v, (void)addr;
    *out = (struct eg_extent){ .last = as->last, .why = EG_ABSENT };
}

static void close_(struct eg_space *as)
{
    struct opened *o = as->priv;

    live_guest_close(o->guest);
    free(o);
}

static const struct eg_space_ops ops = { .name = "guest", .extent = nothing, .close = close_ };

/** Have the image own @g. @return NULL: out of memory, and it is closed. */
static struct opened *keep(struct eg_image *img, struct live_guest *g)
{
    struct opened *o = calloc(1, sizeof *o);
    struct eg_space *as = calloc(1, sizeof *as), **slot = eg_vec_push(&img->beside);

    if (slot)
        *slot = NULL;
    if (!o || !as || !slot) {
        free(o);
        free(as);
        live_guest_close(g);
        return NULL;
    }
    *o = (struct opened){ { pause_, resume, alive }, g, as };
    *as = (struct eg_space){ .ops = &ops, .priv = o };
    *slot = as;
    return o;
}

static void say_way(struct eg_image *img, const struct live_guest *g)
{
    const char *how;
    double speed;

    if (live_guest_way(g) != LIVE_MONITOR)
        return;
    speed = guest_pages_speed(g, &how);
    eg_image_note(
        img,
        "memory is read through the monitor (%s), %.1f MiB/s, so what is read is up to 5 s "
        "old: %s; a guest with -object memory-backend-memfd,…,share=on is read in place",
        how, speed, g->why_slow);
}

static int open_at(struct eg_space **out, struct eg_image *img, const char *where,
                   struct eg_error *e)
{
    struct live_guest *g;
    struct opened *o;
    int rc = live_guest_open(&g, where, e);

    if (rc)
        return rc;
    if (!(o = keep(img, g)))
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    rc = live_guest_memory(g, out, e);
    if (rc)
        return rc;
    img->control = &o->control;
    img->elf_machine = g->arch->elf_machine;
    say_way(img, g);
    if (live_guest_cpus(g, img, e))
        eg_image_note(img, "the registers of its processors are not known: %s", e ? e->text : "");
    return 0;
}

static int open_qmp(struct eg_space **out, struct eg_image *img, const char *where,
                    const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_error own;

    (void)o;
    if (!*where)
        return eg_fail(e, EG_EUSAGE,
                       "qmp: the socket of QEMU's monitor is missing: qmp:/run/vm.sock "
                       "or qmp:localhost:4444");
    return open_at(out, img, where, e ? e : &own);
}

static int open_libvirt(struct eg_space **out, struct eg_image *img, const char *where,
                        const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_error own;

    (void)o, (void)where;
    return open_at(out, img, img->path, e ? e : &own); // with "libvirt:"
}

EG_SOURCE(qmp) = {
    .desc = "running guest of QEMU",
    .where = "SOCKET or HOST:PORT",
    .open = open_qmp,
};

EG_SOURCE(libvirt) = {
    .desc = "running guest of libvirt",
    .where = "DOMAIN",
    .open = open_libvirt,
};
