/* qemu_machine.c - which blocks of a migration stream are the machine's memory, where they lie in
 * physical memory (hw/i386/pc_piix.c, pc_q35.c, microvm.c, pc.c; hw/arm/virt.c), and the CPUs'
 * state (target/i386/machine.c, target/arm/machine.c). */
#include "qemu.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GIB = 1 << 30,
    EM_X86_64 = 62,
    EM_AARCH64 = 183,
    EM_RISCV = 243,
    VGA = 0xa0000, // other things than memory are there, though the block has some
    VGA_END = 0xc0000,
    MICROVM_BIOS = 0xe0000,
    MICROVM_BIOS_END = 0x100000,
    DEVICES_MAX = 64 << 20, // bytes of devices' sections that are looked at
    CPUS_MAX = 4096,
    NODES_MAX = 1024,
    // mc146818rtc begins with the CMOS; what pc_cmos_init wrote there:
    CMOS = 128,
    CMOS_LOW = 0x34,  // u16: 64 KiB above 16 MiB
    CMOS_HIGH = 0x5b, // u24: 64 KiB above 4 GiB
    // "cpu" of x86-64, version 12
    X86_REGS = 0,
    X86_RIP = 128,
    X86_FLAGS = 136,
    X86_GS_BASE = 340,
    X86_CR0 = 456,
    X86_CR3 = 472,
    X86_CR4 = 480,
    X86_KERNEL_GS = 856,
    X86_NEED = 864,
    CR0_PAGING = 31,
    // "cpu" of AArch64, version 22
    ARM_N_CPREGS = 568,
    ARM_CPREGS_MAX = 4096,
};
#define ARM_TTBR1 UINT64_C(0x603000000013c101) // its number in KVM's words

/** Names that machines give their memory. */
static const struct machine {
    const char *block;
    uint16_t elf;
    uint64_t base;
} machines[] = {
    { "pc.ram", EM_X86_64, 0 },
    { "microvm.ram", EM_X86_64, 0 },
    { "mach-virt.ram", EM_AARCH64, GIB },
    { "riscv_virt_board.ram", EM_RISCV, UINT64_C(2) * GIB },
};

/** A block's name without the path of the object that backs it. */
static const char *plain(const struct eg_qemu_block *b)
{
    static const char objects[] = "/objects/";

    return strncmp(b->name, objects, sizeof objects - 1) ? b->name : b->name + sizeof objects - 1;
}

static const struct machine *machine_of(const struct eg_qemu_block *b)
{
    for (size_t i = 0; i < countof(machines); i++)
        if (!strcmp(plain(b), machines[i].block))
            return &machines[i];
    return NULL;
}

static bool node_of(const struct eg_qemu_block *b, unsigned *out)
{
    return sscanf(plain(b), "ram-node%u", out) == 1 && *out < NODES_MAX;
}

void eg_qemu_choose(struct eg_qemu *q, struct eg_image *img)
{
    struct eg_qemu_block *largest = NULL;
    bool any = false;
    unsigned node;

    // The machine's own block; else libvirt's, one for each NUMA node; else the largest.
    for (size_t i = 0; i < q->blocks.n; i++)
        any |= q->blocks.at[i].main = machine_of(&q->blocks.at[i]);
    for (size_t i = 0; i < q->blocks.n && !any; i++)
        q->blocks.at[i].main = node_of(&q->blocks.at[i], &node);
    for (size_t i = 0; i < q->blocks.n; i++) {
        struct eg_qemu_block *b = &q->blocks.at[i];

        any |= b->main;
        if (!largest || b->size > largest->size)
            largest = b;
    }
    if (any || !largest)
        return;
    largest->main = true;
    eg_image_note(img, "QEMU: the largest block, %s, is taken for the machine's memory",
                  largest->name);
}

/* ---- the devices' sections ---- */

struct devices {
    uint8_t *at;
    size_t len;
};

/** The content of the next section of a device behind *@from, which moves there. */
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

static void x86_cpus(struct eg_image *img, const struct devices *d)
{
    // QEMU has ax cx dx bx sp bp si di r8..r15
    static const uint8_t order[] = { 0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };
    const uint8_t *p;
    size_t from = 0, len;

    while (img->cpus.n < CPUS_MAX && (p = device(d, "cpu", &from, &len))) {
        struct eg_cpu *cpu;
        uint64_t gs, other;

        if (len < X86_NEED || !(eg_be64(p + X86_CR0) >> CR0_PAGING & 1) ||
            eg_be64(p + X86_CR3) >> 52 || !(cpu = eg_vec_push(&img->cpus)))
            continue;
        cpu->arch = eg_arch_of_elf(EM_X86_64, false);
        for (size_t i = 0; i < countof(order); i++)
            cpu->regs[i] = eg_be64(p + X86_REGS + 8 * order[i]);
        cpu->regs[16] = eg_be64(p + X86_RIP);
        cpu->regs[17] = eg_be64(p + X86_FLAGS);
        cpu->n_regs = 18;
        cpu->root = eg_be64(p + X86_CR3);
        cpu->control = eg_be64(p + X86_CR4);
        gs = eg_be64(p + X86_GS_BASE);
        other = eg_be64(p + X86_KERNEL_GS); // swapgs exchanges the two
        cpu->gs_base = gs >> 63 ? gs : other >> 63 ? other : 0;
    }
}

static void arm_cpus(struct eg_image *img, const struct devices *d)
{
    const uint8_t *p;
    size_t from = 0, len;

    while (img->cpus.n < CPUS_MAX && (p = device(d, "cpu", &from, &len))) {
        const uint64_t n = len >= ARM_N_CPREGS + 4 ? eg_be32(p + ARM_N_CPREGS) : 0;
        const uint8_t *ids = p + ARM_N_CPREGS + 4, *values = ids + 8 * n;
        struct eg_cpu *cpu;
        uint64_t i = 0;

        if (!n || n > ARM_CPREGS_MAX || len < ARM_N_CPREGS + 4 + 16 * n)
            continue;
        while (i < n && eg_be64(ids + 8 * i) != ARM_TTBR1)
            i++;
        if (i == n || !(cpu = eg_vec_push(&img->cpus)))
            continue;
        cpu->arch = eg_arch_of_elf(EM_AARCH64, false);
        cpu->root = eg_be64(values + 8 * i) & UINT64_C(0xffffffffffc0); // without ASID and CnP
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
                      "QEMU: the CMOS tells of other memory (%#" PRIx64 " and %#" PRIx64
                      " bytes) than the stream has",
                      below, high);
    }
    if (total > low)
        eg_image_note(
            img, "QEMU: assumed for machine %s: %" PRIu64 " MiB of memory at 0, the rest at 4 GiB",
            *q->machine ? q->machine : "(no name)", low >> 20);
    return low;
}

/** @len bytes of the main blocks in turn, from @from on, at @phys. */
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

/** The main blocks in the order of their addresses. */
static size_t sorted(const struct eg_qemu *q, size_t order[NODES_MAX])
{
    size_t n = 0;
    unsigned node, other;

    for (size_t i = 0; i < q->blocks.n && n < NODES_MAX; i++) {
        size_t k = n;

        if (!q->blocks.at[i].main)
            continue;
        if (node_of(&q->blocks.at[i], &node))
            for (; k && node_of(&q->blocks.at[order[k - 1]], &other) && other > node; k--)
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
            eg_image_note(
                img, "QEMU: block %s of %" PRIu64 " MiB is left out: where it lies is not told",
                b->name, b->size >> 20);
    }
}

int eg_qemu_machine(struct eg_qemu *q, struct eg_image *img, struct eg_error *e)
{
    const uint64_t unit = EG_MAX(UINT64_C(1) << q->page_shift, UINT64_C(4096));
    struct devices d = { 0 };
    size_t order[NODES_MAX];
    const size_t n = sorted(q, order);
    const struct machine *m = n ? machine_of(&q->blocks.at[order[0]]) : NULL;
    uint64_t total = 0, base = m ? m->base : 0, low, hole, end;
    const bool micro = strstr(q->machine, "microvm");
    bool ok;

    img->elf_machine = m                                         ? m->elf
                       : micro || !strncmp(q->machine, "pc-", 3) ? EM_X86_64
                       : !strncmp(q->machine, "virt", 4)         ? EM_AARCH64
                                                                 : 0;
    if (!m && img->elf_machine == EM_AARCH64)
        base = GIB;
    for (size_t i = 0; i < n; i++) {
        struct eg_qemu_block *b = &q->blocks.at[order[i]];

        b->size &= ~(unit - 1);
        if (!eg_add(total, b->size, &total) || total > UINT64_C(1) << 56)
            return eg_fail(e, EG_EFORMAT, "%s: QEMU: its memory blocks claim 2^56 bytes",
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
    if (img->elf_machine == EM_X86_64) {
        low = split(q, img, &d, total) & ~(unit - 1);
        hole = micro ? MICROVM_BIOS : VGA;
        end = micro ? MICROVM_BIOS_END : VGA_END;
        ok = place(q, order, n, 0, 0, EG_MIN(low, hole)) &&
             (low <= end || place(q, order, n, end, end, low - end)) &&
             place(q, order, n, low, UINT64_C(4) * GIB, total - low);
        x86_cpus(img, &d);
    } else {
        ok = place(q, order, n, 0, base, total);
        if (img->elf_machine == EM_AARCH64)
            arm_cpus(img, &d);
        if (!img->elf_machine)
            eg_image_note(img,
                          "QEMU: the machine %s is not known: its memory is taken to begin at 0",
                          q->machine);
    }
    free(d.at);
    note_others(q, img);
    return ok ? 0 : eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
}
