/* lsblk_others.c - devices over files, other devices and the network: loop, md, nbd. */
#include "../linux/fs/file.h"
#include "../linux/mm/place.h"
#include "../linux/sched/task.h"
#include "lsblk.h"

EG_FIELD_AS(other_private, gendisk, "private_data");
EG_FIELDS_OF("loop", loop_device, lo_backing_file, lo_device, lo_disk, lo_flags, lo_offset,
             lo_sizelimit);
EG_FIELDS_OF("nbd", nbd_device, backend, config, disk, pid);
EG_FIELD_AS_OF("nbd", nbd_connections, nbd_config, "num_connections");
EG_FIELDS_OF("md_mod", mddev, disks, gendisk, level, raid_disks);
EG_FIELDS_OF("md_mod", md_rdev, bdev, same_set);
EG_TYPE(file);

enum { LO_READ_ONLY = 1, LO_AUTOCLEAR = 4, LO_PARTSCAN = 8, LO_DIRECT_IO = 16 };

static const struct eg_constant loop_flags[] = {
    { "autoclear", LO_AUTOCLEAR },
    { "partscan", LO_PARTSCAN },
    { "direct-io", LO_DIRECT_IO },
    { NULL, 0 },
};

static struct linux_reader reader(struct eg_run *r)
{
    return (struct linux_reader){ eg_kernel(r), eg_binding_of(r)->model.big_endian };
}

static bool private_of(struct eg_run *r, const struct linux_blockdev *b, const char *name,
                       uint64_t *at)
{
    return strncmp(b->name, name, strlen(name)) == 0 && !b->part &&
           eg_get(at, eg_object(r, gendisk, b->disk), other_private) && *at;
}

#define GET(at, out_, field, ...)                                                                  \
    linux_place_get(&m, v, (at), linux_place(r, field, __VA_ARGS__), (out_))

/** Without the module's types (before 5.11) the layout of 5.10; believed when it names the
 * device. */
bool lsblk_loop(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out)
{
    const struct linux_reader m = reader(r);
    struct eg_view *v = eg_view_of(r);
    uint64_t lo, back, file, flags, limit;
    uint32_t dev;

    if (!private_of(r, b, "loop", &lo))
        return false;
    out->type = "loop";
    if (eg_has(r, loop_device.lo_disk)) {
        if (!GET(lo, &back, loop_device.lo_disk, 0, 0) || back != b->disk)
            return false;
    } else if (!GET(lo, &back, loop_device.lo_device, 0xf8, 8) || !back) {
        return true; // nothing is below it
    } else if (!eg_get(&dev, eg_object(r, block_device, back), bdev_dev) || dev != b->dev) {
        return false;
    }
    if (!GET(lo, &file, loop_device.lo_backing_file, 0xf0, 8) ||
        !GET(lo, &flags, loop_device.lo_flags, 0x18, 4))
        return false;
    if (!file)
        return true;
    out->is_file = true;
    out->file = linux_file_path(r, eg_object(r, file, file), LINUX_NOBODY);
    GET(lo, &out->offset, loop_device.lo_offset, 8, 8);
    out->hints =
        eg_bits_text(r, loop_flags, flags & (LO_AUTOCLEAR | LO_PARTSCAN | LO_DIRECT_IO), " ");
    if (GET(lo, &limit, loop_device.lo_sizelimit, 0x10, 8) && limit)
        out->hints = eg_strf(r, "%s%slimit=%llu", out->hints, *out->hints ? " " : "",
                             (unsigned long long)limit);
    return true;
}

bool lsblk_nbd(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out)
{
    const struct linux_reader m = reader(r);
    struct eg_view *v = eg_view_of(r);
    uint64_t nbd, back, config, pid, n, backend;
    char text[256];

    if (!private_of(r, b, "nbd", &nbd) || !eg_has_type(r, nbd_device) ||
        !GET(nbd, &back, nbd_device.disk, 0, 0) || back != b->disk)
        return false;
    if (!GET(nbd, &config, nbd_device.config, 0, 0) || !config)
        return true;
    out->hints = "connected";
    if (GET(config, &n, nbd_connections, 0, 0))
        out->hints = eg_strf(r, "connections=%llu", (unsigned long long)n);
    if (GET(nbd, &pid, nbd_device.pid, 0, 0) && pid)
        out->hints = eg_strf(r, "%s pid=%llu", out->hints, (unsigned long long)pid);
    if (GET(nbd, &backend, nbd_device.backend, 0, 0) && backend &&
        linux_place_text(&m, v, backend, text, sizeof text))
        out->hints = eg_strf(r, "%s backend=%s", out->hints, text);
    return true;
}

/** mdadm's words (drivers/md/md_u.h); 0 and above are raid levels. */
static const char *level_text(struct eg_run *r, int32_t level)
{
    static const struct eg_constant levels[] = { { "linear", (uint32_t)-1 },
                                                 { "multipath", (uint32_t)-4 },
                                                 { "faulty", (uint32_t)-5 },
                                                 { "container", (uint32_t)-100 },
                                                 { NULL, 0 } };
    const char *name = eg_constant_name(levels, (uint32_t)level);

    return name ? name : level >= 0 && level < 100 ? eg_strf(r, "raid%d", level) : "md";
}

bool lsblk_md(struct eg_run *r, const struct linux_blockdev *b, struct lsblk_below *out)
{
    const struct linux_reader m = reader(r);
    struct eg_view *v = eg_view_of(r);
    struct eg_obj mddev, rdev;
    uint64_t at, back;
    int32_t level, disks;
    uint32_t dev;

    if (!private_of(r, b, "md", &at) || !eg_has_type(r, mddev) ||
        !GET(at, &back, mddev.gendisk, 0, 0) || back != b->disk)
        return false;
    mddev = eg_object(r, mddev, at);
    out->type = eg_get(&level, mddev, mddev.level) ? level_text(r, level) : "md";
    if (eg_get(&disks, mddev, mddev.raid_disks))
        out->hints = eg_strf(r, "disks=%d", disks);
    eg_each_list(rdev, eg_at(mddev, mddev.disks), md_rdev.same_set) {
        struct eg_obj bdev = eg_deref(eg_at(rdev, md_rdev.bdev));

        if (out->n < LSBLK_BELOW_MAX && eg_get(&dev, eg_cast(bdev, block_device), bdev_dev))
            out->dev[out->n++] = dev;
    }
    return true;
}
