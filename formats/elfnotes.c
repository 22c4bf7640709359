/* elfnotes.c - notes of ELF cores: VMCOREINFO and PRSTATUS (Linux, include/linux/elfcore.h), QEMU's
 * CPU state (target/i386/arch_dump.c), VirtualBox's (include/VBox/vmm/dbgfcorefmt.h). */
#include "elfnotes.h"

enum {
    CPUS_MAX = 8192,
    EM_386 = 3,
    EM_X86_64 = 62,
    NT_PRSTATUS = 1,
    NT_AUXV = 6, // include/uapi/linux/elf.h
    NT_FILE = 0x46494c45,
    NT_SIGINFO = 0x53494749,
    NT_VBOXCPU = 0xb01,
    PRSTATUS_PID = 32,
    PRSTATUS_REGS = 112,
    PRSTATUS_X86_64 = 336,
    QEMU_STATE = 440,
    QEMU_GS = 8 + 18 * 8 + 4 * 24,
    QEMU_CR = 392,
    QEMU_KERNEL_GS = 432,
    VBOX_GS = 240,
    VBOX_CR0 = 288,
    VBOX_CR3 = 304,
    VBOX_KERNEL_GS = 536,
};
static const uint64_t paged = 0x80000001; // CR0: PG and PE

static struct eg_cpu *cpu_at(struct eg_image *img, size_t i, struct eg_elf_class c)
{
    struct eg_cpu *cpu;

    if (i < img->cpus.n)
        return &img->cpus.at[i];
    cpu = i < CPUS_MAX ? eg_vec_push(&img->cpus) : NULL;
    if (cpu)
        cpu->arch = eg_arch_of_elf(c.machine, c.big);
    return cpu;
}

/** Registers from where a note has them: @from[i] is the place of the i-th of the architecture's.
 */
static void registers(struct eg_cpu *cpu, const uint8_t *base, const uint8_t *from, uint8_t n)
{
    for (uint8_t i = 0; i < n; i++)
        cpu->regs[i] = eg_le64(base + 8 * from[i]);
    cpu->n_regs = n;
}

/** swapgs exchanges the two; the kernel's is the one in the kernel's half. */
static uint64_t kernel_gs(uint64_t active, uint64_t other)
{
    return active >> 63 ? active : other >> 63 ? other : 0;
}

static void prstatus(struct eg_image *img, struct eg_elf_class c, const uint8_t *d, size_t len,
                     size_t i)
{
    // struct user_regs_struct: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs
    // flags sp
    static const uint8_t order[] = { 10, 5, 11, 12, 13, 14, 19, 4, 9, 8, 7, 6, 3, 2, 1, 0, 16, 18 };
    struct eg_cpu *cpu = c.wide && len >= PRSTATUS_REGS ? cpu_at(img, i, c) : NULL;

    if (!cpu)
        return;
    cpu->pid = eg_elf32(c, d + PRSTATUS_PID);
    if (c.machine == EM_X86_64 && len >= PRSTATUS_X86_64)
        registers(cpu, d + PRSTATUS_REGS, order, sizeof order);
}

static void qemu(struct eg_image *img, struct eg_elf_class c, const uint8_t *d, size_t len,
                 size_t i)
{
    static const uint8_t order[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
    struct eg_cpu *cpu;

    if ((c.machine != EM_X86_64 && c.machine != EM_386) || len < QEMU_STATE || eg_le32(d) != 1 ||
        !(cpu = cpu_at(img, i, c)))
        return;
    registers(cpu, d + 8, order, sizeof order);
    cpu->root = eg_le64(d + QEMU_CR + 3 * 8);
    cpu->control = eg_le64(d + QEMU_CR + 4 * 8);
    cpu->gs_base = kernel_gs(eg_le64(d + QEMU_GS + 16), eg_le64(d + QEMU_KERNEL_GS));
    cpu->pid = 0; // QEMU's PRSTATUS has the CPU's number there
}

static void vbox(struct eg_image *img, struct eg_elf_class c, const uint8_t *d, size_t len)
{
    // ax bx cx dx si di r8..r15 ip sp bp flags
    static const uint8_t order[] = { 0, 1, 2, 3, 4, 5, 15, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17 };
    struct eg_cpu *cpu = len >= VBOX_KERNEL_GS + 8 ? cpu_at(img, img->cpus.n, c) : NULL;

    // DBGFCORECPU; before VirtualBox 5 other things are here: only what is a CPU in paged mode.
    if (!cpu || (eg_le64(d + VBOX_CR0) & paged) != paged)
        return;
    registers(cpu, d, order, sizeof order);
    cpu->root = eg_le64(d + VBOX_CR3);
    cpu->control = eg_le64(d + VBOX_CR3 + 8);
    cpu->gs_base = kernel_gs(eg_le64(d + VBOX_GS), eg_le64(d + VBOX_KERNEL_GS));
}

static bool named(const uint8_t *name, size_t len, const char *what)
{
    while (len && !name[len - 1])
        len--;
    return len == strlen(what) && !memcmp(name, what, len);
}

void eg_elf_notes(struct eg_image *img, struct eg_elf_class c, const uint8_t *bytes, size_t len,
                  struct eg_elf_cpus *cpus)
{
    size_t at = 0;

    while (eg_within(at, 12, len)) {
        const uint64_t name_len = eg_elf32(c, bytes + at), desc_len = eg_elf32(c, bytes + at + 4);
        const uint32_t type = eg_elf32(c, bytes + at + 8);
        const uint64_t name = at + 12, desc = name + eg_align_up(name_len, 4);
        const uint8_t *n = bytes + name, *d = bytes + desc;

        if (!name_len && !desc_len && !type) // padding
            break;
        if (!eg_within(name, name_len, len) || !eg_within(desc, desc_len, len)) {
            eg_image_note(img, "ELF core: a note leaves its segment: the rest of it is left out");
            break;
        }
        if (named(n, name_len, "VMCOREINFO") && !img->vmcoreinfo)
            img->vmcoreinfo = eg_arena_strndup(&img->arena, (const char *)d, desc_len);
        else if (named(n, name_len, "CORE") && type == NT_PRSTATUS)
            prstatus(img, c, d, desc_len, cpus->prstatus++);
        else if (named(n, name_len, "CORE") &&
                 (type == NT_AUXV || type == NT_FILE || type == NT_SIGINFO))
            cpus->program = true;
        else if (named(n, name_len, "QEMU"))
            qemu(img, c, d, desc_len, cpus->qemu++);
        else if (named(n, name_len, "VBCPU") && type == NT_VBOXCPU)
            vbox(img, c, d, desc_len);
        at = EG_MIN(desc + eg_align_up(desc_len, 4), len);
    }
}
