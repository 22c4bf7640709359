/* elfnotes.c - notes of ELF cores: VMCOREINFO and PRSTATUS (Linux, include/linux/elfcore.h), QEMU's
 * CPU state (target/i386/arch_dump.c), VirtualBox's (include/VBox/vmm/dbgfcorefmt.h). */
#include "elfnotes.h"
#include "../core/arch.h"

enum {
    CPUS_MAX = 8192,
    NT_PRSTATUS = 1,
    NT_AUXV = 6, // include/uapi/linux/elf.h
    NT_FILE = 0x46494c45,
    NT_SIGINFO = 0x53494749,
    NT_VBOXCPU = 0xb01,
    PRSTATUS_PID = 32,
    PRSTATUS_MIN = 112
};

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

/** Read a CPU's note, if its processor and layout are known. */
static struct eg_cpu *cpu_note(struct eg_image *img, struct eg_elf_class c,
                               enum eg_cpu_format format, const uint8_t *d, size_t len, size_t i)
{
    struct eg_cpu read = { .arch = eg_arch_of_elf(c.machine, c.big) }, *cpu;

    if (!eg_cpu_read(&read, format, c.big, d, len) || !(cpu = cpu_at(img, i, c)))
        return NULL;
    eg_cpu_read(cpu, format, c.big, d, len);
    return cpu;
}

static void prstatus(struct eg_image *img, struct eg_elf_class c, const uint8_t *d, size_t len,
                     size_t i)
{
    struct eg_cpu *cpu = c.wide && len >= PRSTATUS_MIN ? cpu_at(img, i, c) : NULL;

    if (!cpu)
        return;
    cpu->pid = eg_elf32(c, d + PRSTATUS_PID);
    eg_cpu_read(cpu, EG_CPU_PRSTATUS, c.big, d, len);
}

static void qemu(struct eg_image *img, struct eg_elf_class c, const uint8_t *d, size_t len,
                 size_t i)
{
    struct eg_cpu *cpu =
        len >= 4 && eg_le32(d) == 1 ? cpu_note(img, c, EG_CPU_QEMU_NOTE, d, len, i) : NULL;

    if (cpu)
        cpu->pid = 0; // QEMU's PRSTATUS has the CPU's number there
}

static bool named(const uint8_t *name, size_t len, const char *what)
{
    while (len && !name[len - 1])
        len--;
    return len == strlen(what) && !memcmp(name, what, len);
}

void eg_elf_erased(struct eg_image *img, const char *text, size_t len)
{
    enum { SHOWN = 200 };
    char shown[SHOWN + 1];
    size_t n = 0;

    for (; n < len && n < SHOWN && text[n]; n++)
        shown[n] = (unsigned char)text[n] < ' ' ? ' ' : text[n];
    shown[n] = 0;
    if (n)
        eg_image_note(img, "some data was erased before the dump was written: %s%s", shown,
                      n < len && text[n] ? "…" : "");
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
            eg_image_note(
                img,
                "ELF core: a note reaches past its segment: the rest of the segment is left out");
            break;
        }
        if (named(n, name_len, "VMCOREINFO") && !img->vmcoreinfo)
            img->vmcoreinfo = eg_arena_strndup(&img->arena, (const char *)d, desc_len);
        else if (named(n, name_len, "ERASEINFO"))
            eg_elf_erased(img, (const char *)d, desc_len);
        else if (named(n, name_len, "CORE") && type == NT_PRSTATUS)
            prstatus(img, c, d, desc_len, cpus->prstatus++);
        else if (named(n, name_len, "CORE") &&
                 (type == NT_AUXV || type == NT_FILE || type == NT_SIGINFO))
            cpus->program = true;
        else if (named(n, name_len, "QEMU"))
            qemu(img, c, d, desc_len, cpus->qemu++);
        else if (named(n, name_len, "VBCPU") && type == NT_VBOXCPU &&
                 !cpu_note(img, c, EG_CPU_VIRTUALBOX_NOTE, d, desc_len, img->cpus.n))
            cpu_at(img, img->cpus.n, c); // without paging: a CPU, but no page tables
        at = EG_MIN(desc + eg_align_up(desc_len, 4), len);
    }
}
