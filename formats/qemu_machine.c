/* qemu_machine.c - which blocks of a migration stream are the machine's memory, where they lie in
 * physical memory (hw/i386/pc_piix.c, pc_q35.c, microvm.c, pc.c; hw/arm/virt.c), and the CPUs'
 * state (target/i386/machine.c, target/arm/machine.c). */
#include "../core/arch.h"
#include "qemu.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GIB = 1 << 30,
    VGA = 0xa0000, // from here on there are devices, though the block has memory for it
    VGA_END = 0xc0000,
    MICROVM_BIOS = 0xe0000,
    MICROVM_BIOS_END = 0x100000,
    DEVICES_MAX = 64 << 20, // bytes of devices' sections that are searched
    CPUS_MAX = 4096,
    NODES_MAX = 1024,
    BACKEND_MIN = 1 << 20,
    // the device mc146818rtc begins with the CMOS, in which pc_cmos_init wrote:
    CMOS = 128,
    CMOS_LOW = 0x34,  // u16: 64 KiB above 16 MiB
    CMOS_HIGH = 0x5b, // u24: 64 KiB above 4 GiB
};

/** A block's name without the path of the object that backs it. */
static const char *plain(const struct eg_qemu_block *b)
{
    static const char objects[] = "/objects/";

    return strncmp(b->name, objects, sizeof objects - 1) ? b->name : b->name + sizeof objects - 1;
}

/** The board that @b is the memory of, else the one that @machine names. */
static const struct eg_qemu_board *board_of(const struct eg_qemu_block *b, const char *machine,
                                            const struct eg_arch **arch)
{
    const struct eg_qemu_board *best = NULL;
    const struct eg_arch *a;
    size_t longest = 0;

    for (size_t i = 0; (a = eg_arch_nth(i)); i++)
        for (const struct eg_qemu_board *q = a->boards; q && q->ram; q++) {
            const size_t n = strlen(q->machine);

            if (b && !strcmp(plain(b), q->ram)) {
                *arch = a;
                return q;
            }
            if (machine && n > longest && !strncmp(machine, q->machine, n)) {
                longest = n;
                *arch = a;
                best = q;
            }
        }
    return best;
}

static bool is_ram(const struct eg_qemu_block *b)
{
    const struct eg_arch *arch;

    return board_of(b, NULL, &arch);
}

static bool node_of(const struct eg_qemu_block *b, unsigned *out)
{
    return sscanf(plain(b), "ram-node%u", out) == 1 && *out < NODES_MAX;
}

/** May it be a memory backend that the user has named? Memory of devices is called "vga.vram",
 * "pc.bios", "/rom@etc/acpi/tables", "0000:00:03.0/virtio-net-pci.rom". */
static bool is_backend(const struct eg_qemu_block *b)
{
    return b->size >= BACKEND_MIN && !strpbrk(plain(b), "./");
}

void eg_qemu_choose(struct eg_qemu *q, struct eg_image *img)
{
    struct eg_qemu_block *largest = NULL;
    bool any = false;
    unsigned node;
    size_t n = 0, backends = 0;

    // The machine's own block; else libvirt's, one for each NUMA node; else backends; else the
    // largest.
    for (size_t i = 0; i < q->blocks.n; i++)
        any |= q->blocks.at[i].main = is_ram(&q->blocks.at[i]);
    for (size_t i = 0; i < q->blocks.n && !any; i++)
        n += q->blocks.at[i].main = node_of(&q->blocks.at[i], &node);
    for (size_t i = 0; i < q->blocks.n; i++)
        backends += is_backend(&q->blocks.at[i]);
    if (!any && !n && backends > 1) {
        for (size_t i = 0; i < q->blocks.n; i++)
            q->blocks.at[i].main = is_backend(&q->blocks.at[i]);
        eg_image_note(img,
                      "QEMU: %zu blocks are taken as the machine's memory, one after the other in "
                      "the order of their names",
                      backends);
    }
    for (size_t i = 0; i < q->blocks.n; i++) {
        struct eg_qemu_block *b = &q->blocks.at[i];

        any |= b->main;
        if (!largest || b->size > largest->size)
            largest = b;
    }
    if (any || !largest)
        return;
    largest->main = true;
    eg_image_note(img, "QEMU: the largest block, %s, is taken as the machine's memory",
                  largest->name);
}

/* ---- the devices' sections ---- */

struct devices {
    uint8_t *at;
    size_t len;
};

/** The content of the next section of device @name at or after *@from, which is moved behind the
 * name. */
static const uint8_t *device(const struct devices *d, const char *name, size_t *from, size_t *len)
{
    const size_t n = strlen(name);

    while (*from < d->len) {
        const uint8_t *hit = memmem(d->at + *from, d->len - *from, name, n);
        size_t i;

        if (!hit)
            break;
        i = (size_t)(hit - d->at);
        *from = i + n;
        // u8 4 (a whole section), u32 id, u8 length, the name, u32 instance, u32 version
        if (i < 6 || hit[-1] != n || hit[-6] != 4 || eg_be32(hit - 5) > UINT16_MAX ||
            !eg_within(i + n, 8, d->len) || eg_be32(hit + n) > UINT16_MAX)
            continue;
        *len = d->len - (i + n + 8);
        return hit + n + 8;
    }
    return NULL;
}

static void read_cpus(struct eg_image *img, const struct devices *d, const struct eg_arch *arch)
{
    const uint8_t *p;
    size_t from = 0, len;

    while (img->cpus.n < CPUS_MAX && (p = device(d, "cpu", &from, &len))) {
        struct eg_cpu cpu = { .arch = arch }, *slot;

        if (eg_cpu_read(&cpu, EG_CPU_QEMU_STREAM, true, p, len) && (slot = eg_vec_push(&img->cpus)))
            *slot = cpu;
    }
}

/* ---- physical addresses ---- */

/** Where x86 has its memory: @low bytes at 0, the rest at 4 GiB. */
static uint64_t split(const struct eg_qemu *q, struct eg_image *img, const struct devices *d,
                      uint64_t total)
{
    const bool q35 = strstr(q->machine, "q35"), micro = strstr(q->machine, "microvm");
    const uint64_t from = q35 ? 0xb0000000 : micro ? 0xc0000000 : 0xe0000000;
    const uint64_t keep = q35 ? 0x80000000 : 0xc0000000;
    const uint64_t low = total < from ? total : keep;
    size_t at = 0, len;
    const uint8_t *cmos = device(d, "mc146818rtc", &at, &len);

    if (cmos && len >= CMOS) {
        const uint64_t high = (eg_le16(cmos + CMOS_HIGH) | (uint64_t)cmos[CMOS_HIGH + 2] << 16)
                              << 16;
        const uint64_t below = ((uint64_t)eg_le16(cmos + CMOS_LOW) << 16) + (16 << 20);

        if (below + high == total)
            return below;
        if (!high && total <= low)
            return total;
        eg_image_note(img,
                      "QEMU: the CMOS describes other memory (%#" PRIx64 " and %#" PRIx64
                      " bytes) than the stream has",
                      below, high);
    }
    if (total > low)
        eg_image_note(
            img, "QEMU: assumed for machine %s: %" PRIu64 " MiB of memory at 0, the rest at 4 GiB",
            *q->machine ? q->machine : "(no name)", low >> 20);
    return low;
}

/** Place @len bytes of the main blocks, one after another, from @from on, at @phys. */
static bool place(struct eg_qemu *q, const size_t *order, size_t n, uint64_t from, uint64_t phys,
                  uint64_t len)
{
    for (size_t i = 0; i < n && len; i++) {
        const uint64_t size = q->blocks.at[order[i]].size;
        const uint64_t take = from < size ? EG_MIN(size - from, len) : 0;
        struct eg_qemu_range *r = take ? eg_vec_push(&q->ranges) : NULL;

        if (take && !r)
            return false;
        if (r)
            *r = (struct eg_qemu_range){ phys, phys + take - 1, order[i], from };
        from = take ? 0 : from - size;
        phys += take;
        len -= take;
    }
    return true;
}

/** The main blocks in the order of their addresses, which is that of the numbers in their names. */
static size_t sorted(const struct eg_qemu *q, size_t order[NODES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < q->blocks.n && n < NODES_MAX; i++) {
        const struct eg_qemu_block *b = &q->blocks.at[i];
        size_t k = n;

        if (!b->main)
            continue;
        for (; k && strverscmp(plain(&q->blocks.at[order[k - 1]]), plain(b)) > 0; k--)
            order[k] = order[k - 1];
        order[k] = i;
        n++;
    }
    return n;
}

static void note_others(const struct eg_qemu *q, struct eg_image *img)
{
    for (size_t i = 0; i < q->blocks.n; i++) {
        const struct eg_qemu_block *b = &q->blocks.at[i];

        if (b->main && b->elsewhere)
            eg_image_note(img, "QEMU: the memory of block %s is shared memory, not in this file",
                          b->name);
        // ROMs, flash and screens are small.
        if (!b->main && b->size >= GIB / 2)
            eg_image_note(img,
                          "QEMU: block %s of %" PRIu64 " MiB is left out: its address is not known",
                          b->name, b->size >> 20);
    }
}

int eg_qemu_machine(struct eg_qemu *q, struct eg_image *img, struct eg_error *e)
{
    const uint64_t unit = EG_MAX(UINT64_C(1) << q->page_shift, UINT64_C(4096));
    struct devices d = { 0 };
    size_t order[NODES_MAX];
    const size_t n = sorted(q, order);
    const struct eg_arch *arch = NULL;
    const struct eg_qemu_board *board =
        board_of(n ? &q->blocks.at[order[0]] : NULL, q->machine, &arch);
    uint64_t total = 0, low, hole, end;
    const bool micro = strstr(q->machine, "microvm");
    bool ok;

    img->elf_machine = arch ? arch->elf_machine : 0;
    for (size_t i = 0; i < n; i++) {
        struct eg_qemu_block *b = &q->blocks.at[order[i]];

        b->size &= ~(unit - 1);
        if (!eg_add(total, b->size, &total) || total > UINT64_C(1) << 56)
            return eg_fail(e, EG_EFORMAT, "%s: QEMU: its memory blocks claim more than 2^56 bytes",
                           img->path);
    }
    if (!total)
        return eg_fail(e, EG_EFORMAT, "%s: QEMU: its memory blocks are empty", img->path);
    if (q->devices && q->devices < q->size) {
        d.len = (size_t)EG_MIN(q->size - q->devices, (uint64_t)DEVICES_MAX);
        d.at = malloc(d.len);
        if (!d.at)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
        eg_read_some(img->view, q->file, q->devices, d.at, d.len, NULL);
    }
    if (board && board->pc) {
        low = split(q, img, &d, total) & ~(unit - 1);
        hole = micro ? MICROVM_BIOS : VGA;
        end = micro ? MICROVM_BIOS_END : VGA_END;
        ok = place(q, order, n, 0, 0, EG_MIN(low, hole)) &&
             (low <= end || place(q, order, n, end, end, low - end)) &&
             place(q, order, n, low, UINT64_C(4) * GIB, total - low);
    } else {
        ok = place(q, order, n, 0, board ? board->base : 0, total);
        if (!board)
            eg_image_note(img,
                          "QEMU: the machine %s is not known: its memory is assumed to begin at 0",
                          q->machine);
    }
    read_cpus(img, &d, arch);
    free(d.at);
    note_others(q, img);
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
}
