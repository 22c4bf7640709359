/* optables_devices.c - tables of terminals, and of character and block devices. */
#include "../linux/fs/block.h"
#include "../linux/own/holders.h"
#include "optables.h"
#include <inttypes.h>

EG_FIELD_AS(any_tty_drivers, tty_driver, "tty_drivers");
EG_FIELD_AS(any_driver_ttys, tty_driver, "ttys");
EG_FIELD_AS(any_driver_num, tty_driver, "num");
EG_FIELD_AS(any_driver_name, tty_driver, "name");
EG_FIELD_AS(any_tty_driver, tty_struct, "driver");
EG_FIELD_AS(any_tty_name, tty_struct, "name");
EG_FIELD_AS(any_tty_ldisc, tty_struct, "ldisc");
EG_FIELD_AS(any_tty_port, tty_struct, "port");
EG_FIELD_AS(any_tty_link, tty_struct, "link");
EG_FIELD_AS(any_file_private, file, "private_data");
EG_FIELD_AS(any_tty_file, tty_file_private, "file");
EG_FIELD_AS(any_tty_of_file, tty_file_private, "tty");
EG_FIELD_AS(any_probes, kobj_map, "probes");
EG_FIELD_AS(probe_next, probe, "next");
EG_FIELD_AS(probe_data, probe, "data");
EG_FIELD_AS(disk_queue, gendisk, "queue");
EG_FIELD_AS(disk_name, gendisk, "disk_name");
EG_SYMBOL(tty_drivers, "list_head");
EG_SYMBOL(cdev_map, "kobj_map *");
EG_TYPE(tty_struct);
EG_TYPE(tty_file_private);
EG_TYPE(file);

enum { TTYS_MAX = 1 << 14, DRIVERS_MAX = 1024, CHAIN_MAX = 4096 };

struct ttys {
    struct optables *o;
    struct optables_type *tty, *ldisc, *port;
    struct eg_map *seen;
    unsigned n;
};

static const char *say_tty(struct eg_run *r, uint64_t at)
{
    const char *name = eg_string(r, eg_at(eg_object(r, tty_struct, at), any_tty_name), 64);

    return name ? eg_strf(r, "terminal %s", name) : NULL;
}

static void terminal(struct ttys *t, uint64_t at)
{
    while (at && t->n < TTYS_MAX && eg_run_map_add(t->o->r, t->seen, at, 0)) {
        struct eg_obj tty = eg_object(t->o->r, tty_struct, at);
        const struct optables_user user = { say_tty, at, NULL };

        t->n++;
        optables_object(t->o, t->tty, at, user);
        optables_object(t->o, t->ldisc, eg_get_or((uint64_t)0, tty, any_tty_ldisc), user);
        optables_object(t->o, t->port, eg_get_or((uint64_t)0, tty, any_tty_port), user);
        at = eg_get_or((uint64_t)0, tty, any_tty_link); // the other side
    }
}

static void terminals(struct optables *o)
{
    struct ttys t = { o,
                      optables_type(o, "tty_struct"),
                      optables_type(o, "tty_ldisc"),
                      optables_type(o, "tty_port"),
                      eg_run_map(o->r),
                      0 };
    struct optables_type *type = optables_type(o, "tty_driver");
    const struct linux_holders *all = linux_holders(o->r);
    struct eg_obj driver;
    unsigned n = 0;

    if (!eg_has_symbol(o->r, tty_drivers))
        eg_note(o->r, "tty_drivers is not known: drivers of terminals are not looked at");
    else
        eg_each_list(driver, eg_sym(o->r, tty_drivers), any_tty_drivers) {
            const char *name = eg_string(o->r, eg_at(driver, any_driver_name), 64);
            struct eg_obj ttys = eg_at(driver, any_driver_ttys);
            uint64_t table, tty;
            uint32_t count;

            if (n++ == DRIVERS_MAX)
                break;
            optables_object(o, type, driver.addr,
                            optables_named(name ? eg_strf(o->r, "terminals %s", name) : NULL));
            if (!eg_load(&table, ttys) || !table || !eg_get(&count, driver, any_driver_num))
                continue;
            for (uint32_t i = 0; i < count && i < TTYS_MAX; i++)
                if (eg_load(&tty, eg_index(ttys, i)))
                    terminal(&t, tty);
        }
    for (size_t i = 0; all && i < all->n && !eg_stopped(o->r); i++) {
        struct eg_obj file = eg_object(o->r, file, all->at[i].file), own;
        uint64_t back, at;

        if (!all->at[i].file || all->at[i].how != LINUX_HOLD_FD)
            continue;
        own = eg_cast(eg_at(file, any_file_private), tty_file_private);
        // It says of which file it is, and nothing else there does.
        if (eg_get(&back, own, any_tty_file) && back == file.addr &&
            eg_get(&at, own, any_tty_of_file))
            terminal(&t, at);
    }
    if (t.n == TTYS_MAX)
        eg_note(o->r, "only the first %d terminals are looked at", TTYS_MAX);
}

/* Numbers of devices, and what serves them (drivers/base/map.c). */
static void characters(struct optables *o)
{
    struct eg_obj map = eg_deref(eg_sym(o->r, cdev_map)), probes = eg_at(map, any_probes), p;
    struct optables_type *probe = optables_type(o, "probe"), *cdev = optables_type(o, "cdev");
    struct eg_map *seen = eg_run_map(o->r);

    if (!eg_has_symbol(o->r, cdev_map)) {
        eg_note(o->r, "cdev_map is not known: character devices that are not open are not looked "
                      "at");
        return;
    }
    for (uint64_t i = 0; i < eg_count(probes) && !eg_stopped(o->r); i++) {
        unsigned n = 0;

        for (p = eg_deref(eg_index(probes, i)); !p.why && n < CHAIN_MAX;
             p = eg_deref(eg_at(p, probe_next)), n++) {
            if (!eg_run_map_add(o->r, seen, p.addr, 0))
                break;
            optables_object(o, probe, p.addr, optables_named("a character device"));
            optables_object(o, cdev, eg_get_or((uint64_t)0, p, probe_data),
                            optables_named("a character device"));
        }
    }
}

static const char *say_disk(struct eg_run *r, uint64_t at)
{
    const char *name = eg_string(r, eg_at(eg_object(r, gendisk, at), disk_name), 32);

    return name ? eg_strf(r, "disk %s", name) : NULL;
}

static void disks(struct optables *o)
{
    const struct linux_blockdevs *all = linux_blockdevs(o->r);
    struct optables_type *disk = optables_type(o, "gendisk"),
                         *queue = optables_type(o, "request_queue");

    for (size_t i = 0; all && i < all->n && !eg_stopped(o->r); i++) {
        const uint64_t at = all->at[i].disk;
        const struct optables_user user = { say_disk, at, NULL };

        if (i && at == all->at[i - 1].disk)
            continue;
        optables_object(o, disk, at, user);
        optables_object(o, queue, eg_get_or((uint64_t)0, eg_object(o->r, gendisk, at), disk_queue),
                        user);
    }
}

void optables_devices(struct optables *o)
{
    terminals(o);
    characters(o);
    disks(o);
}
