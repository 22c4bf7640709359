/* devices - device numbers and who serves them, and the devices of PCI, USB and other buses
 * (fs/char_dev.c, block/genhd.c, drivers/char/misc.c, drivers/base/bus.c). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/run.h"
#include "../linux/fs/inode.h"
#include "../linux/kernel/module.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(char_device_struct, next, major, baseminor, minorct, name);
EG_FIELDS(blk_major_name, next, major, name);
EG_FIELDS(miscdevice, minor, name, fops, list);
EG_FIELDS(kobj_map, probes);
EG_FIELDS(probe, next, dev, range, data);
EG_FIELDS(cdev, ops);
EG_FIELDS(file_operations, open, read, unlocked_ioctl);
EG_FIELD_AS(kset_members, kset, "list");
EG_FIELD_AS(kobject_entry, kobject, "entry");
EG_FIELD_AS(bus_kobj, subsys_private, "subsys.kobj");
EG_FIELD_AS(bus_kset_of, subsys_private, "subsys.kobj.kset");
EG_FIELD_AS(bus_devices, subsys_private, "klist_devices.k_list");
EG_FIELDS(subsys_private, bus);
EG_FIELDS(bus_type, name, p); // p until 6.3
EG_FIELD_AS(knode_bus, device_private, "knode_bus.n_node");
EG_FIELDS(device_private, device);
EG_FIELDS(device, driver);
EG_FIELD_AS(device_name, device, "kobj.name");
EG_FIELD_AS(driver_name, device_driver, "name");
EG_FIELD_AS(driver_owner, device_driver, "owner");
EG_FIELDS(pci_dev, dev, vendor, device, class);
EG_FIELDS_OF("usbcore", usb_device, dev, product);
EG_FIELD_AS_OF("usbcore", usb_vendor, usb_device, "descriptor.idVendor");
EG_FIELD_AS_OF("usbcore", usb_product_id, usb_device, "descriptor.idProduct");
EG_FIELD_AS_OF("usbcore", usb_class, usb_device, "descriptor.bDeviceClass");
EG_SYMBOL(chrdevs, "char_device_struct *[255]");
EG_SYMBOL(major_names, "blk_major_name *[255]");
EG_SYMBOL(misc_list, "list_head");
EG_SYMBOL(cdev_map, "kobj_map *");
EG_SYMBOL(bus_kset, "kset *");
EG_SYMBOL(pci_bus_type, "bus_type");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the kernel's struct of it is", EG_MINOR)                                \
    C(TYPE, TEXT, "char, block, misc: device numbers; pci, usb and others: the bus that it is on") \
    C(MAJOR, INT, "the number of its driver")                                                      \
    C(MINOR, INT, "the first number there")                                                        \
    C(MINORS, INT, "how many numbers", EG_MINOR)                                                   \
    C(NAME, TEXT, "as /proc/devices and /proc/misc have it; on a bus the device's name there")     \
    C(DRIVER, TEXT, "the driver that a device on a bus has")                                       \
    C(MODULE, TEXT, "the module of that driver", EG_MINOR)                                         \
    C(OPERATIONS, TEXT, "what serves its files: the struct of its functions")                      \
    C(DEVICE_ID, TEXT, "vendor and product, as lspci and lsusb have them")                         \
    C(DEVICE_CLASS, TEXT, "what kind of device it says it is", EG_MINOR)                           \
    C(PRODUCT, TEXT, "what a USB device calls itself", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { MAJORS = 255, CHAIN_MAX = 4096, NAME_LEN = 256, MINOR_BITS = 20, BUSES_MAX = 1024 };

/* The name of a struct of functions; where symbols name functions only, its address and the first
 * function that it has. */
static struct eg_cell symbol_of(struct eg_run *r, uint64_t va)
{
    const char *name = va ? eg_name_of(r, va) : NULL, *function;
    struct eg_obj ops = eg_object(r, file_operations, va);
    uint64_t at = 0;

    if (!va)
        return (struct eg_cell){ 0 };
    if (name && !strchr(name, '+'))
        return eg_text(name);
    if (!(eg_get(&at, ops, file_operations.open) && at) &&
        !(eg_get(&at, ops, file_operations.unlocked_ioctl) && at) &&
        !(eg_get(&at, ops, file_operations.read) && at))
        at = 0;
    function = at ? eg_name_of(r, at) : NULL;
    return eg_text(function ? eg_strf(r, "%#" PRIx64 " (%s)", va, function)
                            : eg_strf(r, "%#" PRIx64, va));
}

static struct eg_cell symbol(struct eg_run *r, struct eg_obj at)
{
    uint64_t va;

    return eg_load(&va, at) ? symbol_of(r, va) : eg_cell_of(at);
}

/* ---- numbers ---- */

/* Parts of a region by the functions that serve them. */
struct part {
    uint64_t ops, minor, count;
};

/* The part of @region that @p serves. @return false: none. */
static bool part_of(struct eg_obj p, uint64_t number, uint64_t first, uint64_t count,
                    struct part *out)
{
    uint64_t data, from, range;
    uint32_t dev;

    if (!eg_get(&data, p, probe.data) || !data || !eg_get(&dev, p, probe.dev) ||
        !eg_get(&range, p, probe.range) || linux_major(dev) != number)
        return false;
    from = linux_minor(dev);
    out->minor = from > first ? from : first;
    if (out->minor - first >= count || out->minor - from >= range)
        return false;
    out->count = EG_MIN(first + count, from + range) - out->minor;
    out->ops = data;
    return true;
}

/* A row for each set of functions that serves a part of a region; a region that nothing serves yet
 * has one too. */
static void char_region(struct eg_run *r, struct eg_obj region)
{
    enum { PARTS_MAX = 64 };
    struct eg_obj map = eg_deref(eg_sym(r, cdev_map)), p;
    struct part parts[PARTS_MAX], one;
    uint64_t first = 0, count = 0, number;
    unsigned n = 0, k, steps = 0;

    if (!eg_get(&number, region, char_device_struct.major) ||
        !eg_get(&first, region, char_device_struct.baseminor) ||
        !eg_get(&count, region, char_device_struct.minorct) || first > 1 << MINOR_BITS ||
        count > (1 << MINOR_BITS) - first) {
        eg_row(r, .OFFSET = eg_addr(region), .TYPE = eg_text("char"),
               .MAJOR = eg_val(region, char_device_struct.major),
               .NAME = eg_val(region, char_device_struct.name));
        return;
    }
    p = eg_deref(eg_index(eg_at(map, kobj_map.probes), number % MAJORS));
    for (; !p.why && steps++ < CHAIN_MAX; p = eg_deref(eg_at(p, probe.next))) {
        if (!part_of(p, number, first, count, &one) ||
            !eg_get(&one.ops, eg_object(r, cdev, one.ops), cdev.ops))
            continue;
        for (k = 0; k < n && parts[k].ops != one.ops; k++)
            ;
        if (k == n && n < PARTS_MAX)
            parts[n++] = (struct part){ one.ops, one.minor, 0 };
        if (k < n) {
            parts[k].minor = EG_MIN(parts[k].minor, one.minor);
            parts[k].count += one.count;
        }
    }
    if (!n)
        eg_row(r, .OFFSET = eg_addr(region), .TYPE = eg_text("char"), .MAJOR = eg_uint(number),
               .MINOR = eg_uint(first), .MINORS = eg_uint(count),
               .NAME = eg_val(region, char_device_struct.name));
    for (k = 0; k < n; k++)
        eg_row(r, .OFFSET = eg_addr(region), .TYPE = eg_text("char"), .MAJOR = eg_uint(number),
               .MINOR = eg_uint(parts[k].minor), .MINORS = eg_uint(parts[k].count),
               .NAME = eg_val(region, char_device_struct.name),
               .OPERATIONS = symbol_of(r, parts[k].ops));
}

static void block_number(struct eg_run *r, struct eg_obj one)
{
    eg_row(r, .OFFSET = eg_addr(one), .TYPE = eg_text("block"),
           .MAJOR = eg_val(one, blk_major_name.major), .NAME = eg_val(one, blk_major_name.name));
}

/* Each entry of a table of MAJORS chains, once. */
static void chains(struct eg_run *r, struct eg_obj table, const char *name, bool is_block)
{
    struct eg_map *seen = eg_run_map(r);

    for (unsigned i = 0; i < MAJORS && !eg_stopped(r); i++) {
        struct eg_obj one = eg_deref(eg_index(table, i));
        uint64_t chain;

        for (unsigned n = 0; !one.why; n++) {
            if (eg_map_get(seen, one.addr, &chain)) {
                eg_note(r, "%s[%u]: the chain leads back to %#" PRIx64, name, i, one.addr);
                break;
            }
            if (n == CHAIN_MAX) {
                eg_note(r, "%s[%u]: only the first %d are shown", name, i, CHAIN_MAX);
                break;
            }
            eg_run_map_add(r, seen, one.addr, i);
            if (is_block)
                block_number(r, one);
            else
                char_region(r, one);
            one = eg_deref(is_block ? eg_at(one, blk_major_name.next)
                                    : eg_at(one, char_device_struct.next));
        }
    }
}

static void numbers(struct eg_run *r)
{
    struct eg_obj chars = eg_sym(r, chrdevs), blocks = eg_sym(r, major_names), one;

    if (chars.why)
        eg_note(r, "chrdevs is not known: numbers of character devices are missing");
    else
        chains(r, chars, "chrdevs", false);
    if (blocks.why)
        eg_note(r, "major_names is not known: numbers of block devices are missing");
    else
        chains(r, blocks, "major_names", true);
    if (eg_has_symbol(r, misc_list))
        eg_each_list(one, eg_sym(r, misc_list), miscdevice.list)
            eg_row(r, .OFFSET = eg_addr(one), .TYPE = eg_text("misc"), .MAJOR = eg_int(10),
                   .MINOR = eg_val(one, miscdevice.minor), .NAME = eg_val(one, miscdevice.name),
                   .OPERATIONS = symbol(r, eg_at(one, miscdevice.fops)));
    else
        eg_note(r, "misc_list is not known: devices of misc are missing");
}

/* ---- buses ---- */

static void device_row(struct eg_run *r, struct eg_obj dev, const char *bus)
{
    struct eg_obj driver = eg_deref(eg_at(dev, device.driver));
    struct eg_cell id = { 0 }, class = { 0 }, product = { 0 }, name = { 0 }, module = { 0 };
    uint64_t owner = 0;
    uint32_t kind;
    uint16_t vendor, number;

    if (!strcmp(bus, "pci")) {
        struct eg_obj pci = eg_container(dev, pci_dev.dev);

        if (eg_get(&vendor, pci, pci_dev.vendor) && eg_get(&number, pci, pci_dev.device))
            id = eg_text(eg_strf(r, "%04x:%04x", vendor, number));
        if (eg_get(&kind, pci, pci_dev.class))
            class = eg_text(eg_strf(r, "0x%06x", kind));
    } else if (!strcmp(bus, "usb") && eg_has(r, usb_device.dev)) {
        struct eg_obj usb = eg_container(dev, usb_device.dev);
        const char *path = eg_string(r, eg_at(dev, device_name), NAME_LEN);

        if (path && !strchr(path, ':')) { // "1-1:1.0" is an interface of a device
            if (eg_get(&vendor, usb, usb_vendor) && eg_get(&number, usb, usb_product_id))
                id = eg_text(eg_strf(r, "%04x:%04x", vendor, number));
            if (eg_get(&kind, usb, usb_class))
                class = eg_text(eg_strf(r, "0x%02x", kind));
            product = eg_val(usb, usb_device.product);
        }
    }
    if (driver.why == EG_OK) {
        name = eg_val(driver, driver_name);
        if (eg_get(&owner, driver, driver_owner) && owner)
            module = eg_val(driver, driver_owner, module.name);
    }
    eg_row(r, .OFFSET = eg_addr(dev), .TYPE = eg_text(bus), .NAME = eg_val(dev, device_name),
           .DRIVER = name, .MODULE = module, .DEVICE_ID = id, .DEVICE_CLASS = class,
           .PRODUCT = product);
}

static void buses(struct eg_run *r)
{
    struct eg_obj set = eg_deref(eg_sym(r, bus_kset)), kobj, p;
    unsigned n = 0;

    if (set.why)
        set = eg_deref(eg_at(eg_sym(r, pci_bus_type), bus_type.p, bus_kset_of));
    if (set.why) {
        eg_note(r, "bus_kset is not known: devices of buses are missing");
        return;
    }
    eg_each_list(kobj, eg_at(set, kset_members), kobject_entry) {
        struct eg_obj bus = eg_container(kobj, bus_kobj);
        const char *name = eg_string(r, eg_at(bus, subsys_private.bus, bus_type.name), NAME_LEN);

        if (n++ == BUSES_MAX) {
            eg_note(r, "only the first %d buses are shown", BUSES_MAX);
            break;
        }
        if (!name || (strcmp(name, "pci") && strcmp(name, "usb") && !eg_arg_flag(r, "all")))
            continue;
        eg_each_list(p, eg_at(bus, bus_devices), knode_bus)
            device_row(r, eg_deref(eg_at(p, device_private.device)), name);
    }
}

static int run(struct eg_run *r)
{
    numbers(r);
    buses(r);
    return 0;
}

EG_PLUGIN(devices) = {
    .os = "linux",
    .help =
        "List device numbers with what serves them, and devices of PCI and USB with their drivers",
    .manual =
        "Numbers as /proc/devices and /proc/misc have them; one row for each set of functions that "
        "serves a part of a range. OPERATIONS that no symbol names lie outside of the kernel and "
        "its modules. --all shows every bus: virtio, platform, scsi and others. A device that took "
        "itself out of its bus is missing; lsblk shows disks.",
    .aliases = EG_NAMES("dev", "lspci", "lsusb", "linux.devices.Devices"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "also the devices of all other buses")),
    .run = run,
};
