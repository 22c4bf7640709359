/* arch.c - the architectures of this build, and opening a page table by its record. */
#include "arch.h"
#include <elf.h>

extern const struct eg_arch_reg *const __start_eg_archs[]
    __attribute__((__weak__, __visibility__("hidden")));
extern const struct eg_arch_reg *const __stop_eg_archs[]
    __attribute__((__weak__, __visibility__("hidden")));

const struct eg_arch *eg_arch_nth(size_t i)
{
    const struct eg_arch_reg *const *all = __start_eg_archs, *const *end = __stop_eg_archs;

    // There are few, in the linker's order: the i-th by name is the one with i smaller ones.
    for (const struct eg_arch_reg *const *a = all; a < end; a++) {
        size_t before = 0;

        for (const struct eg_arch_reg *const *b = all; b < end; b++)
            before += strcmp((*b)->name, (*a)->name) < 0;
        if (before == i)
            return (*a)->arch;
    }
    return NULL;
}

const struct eg_arch *eg_arch_find(const char *name)
{
    const struct eg_arch *a;

    for (size_t i = 0; (a = eg_arch_nth(i)); i++)
        if (!strcmp(a->name, name))
            return a;
    return NULL;
}

const struct eg_arch *eg_arch_of_elf(uint16_t machine, bool big_endian)
{
    const struct eg_arch *a;

    for (size_t i = 0; machine && (a = eg_arch_nth(i)); i++)
        if (a->elf_machine == machine && a->model.big_endian == big_endian)
            return a;
    return NULL;
}

const struct eg_arch *eg_arch_of_uname(const char *machine, size_t len)
{
    const struct eg_arch *a, *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; (a = eg_arch_nth(i)); i++) {
        const char *pattern = a->uname ? a->uname : a->name;
        size_t n = 0;

        while (pattern[n] && n < len && (pattern[n] == machine[n] || pattern[n] == '?'))
            n++;
        if (!pattern[n] && n > longest) {
            longest = n;
            best = a;
        }
    }
    return best;
}

static const struct eg_cpu_record *record_of(const struct eg_arch *a, enum eg_cpu_format format)
{
    for (const struct eg_cpu_record *r = a->cpu_records; r && r->format; r++)
        if (r->format == format)
            return r;
    return NULL;
}

const struct eg_arch *eg_arch_of_record(enum eg_cpu_format format)
{
    const struct eg_arch *a;

    for (size_t i = 0; (a = eg_arch_nth(i)); i++)
        if (record_of(a, format))
            return a;
    return NULL;
}

unsigned eg_arch_relocation(uint16_t machine, uint32_t type)
{
    const struct eg_arch *a;

    for (size_t i = 0; type && (a = eg_arch_nth(i)); i++)
        if (a->elf_machine == machine)
            return type == a->elf_abs64 ? 8 : type == a->elf_abs32 ? 4 : 0;
    return 0;
}

bool eg_arch_relocation_spared(uint16_t machine, uint32_t type)
{
    switch (machine) {
    case EM_X86_64:
        return !type || type == R_X86_64_DTPOFF64 || type == R_X86_64_DTPOFF32;
    case EM_AARCH64:
        return !type || type == 256 || type == R_AARCH64_TLS_DTPREL;
    case EM_386:
        return !type || type == R_386_TLS_LDO_32;
    case EM_ARM:
        return !type || type == R_ARM_TLS_LDO32;
    case EM_RISCV:
        return !type || type == R_RISCV_TLS_DTPREL64 || type == R_RISCV_TLS_DTPREL32 ||
               (type >= R_RISCV_ADD8 && type <= R_RISCV_SUB64) ||
               (type >= R_RISCV_SUB6 && type <= R_RISCV_SET32);
    case EM_S390:
        return !type || type == R_390_TLS_LDO64;
    case EM_PPC64:
        return !type || type == R_PPC64_DTPREL64;
    default:
        return !type;
    }
}

static uint64_t word(const uint8_t *p, size_t size, bool big_endian)
{
    return size == 8    ? (big_endian ? eg_be64(p) : eg_le64(p))
           : big_endian ? eg_be32(p)
                        : eg_le32(p);
}

bool eg_cpu_read(struct eg_cpu *cpu, enum eg_cpu_format format, bool big_endian, const uint8_t *p,
                 size_t len)
{
    const struct eg_cpu_record *r = cpu->arch ? record_of(cpu->arch, format) : NULL;
    const size_t w = r ? cpu->arch->model.ptr_size : 0;
    uint64_t root, gs;

    if (!r || len < r->len)
        return false;
    if (r->read)
        return r->read(cpu, p, len);
    root = r->root ? word(p + r->root, w, big_endian) : 0;
    // A CPU that translates has a table, and its address has at most so many bits.
    if (r->enabled && ((word(p + r->enabled, w, big_endian) & r->enabled_bits) != r->enabled_bits ||
                       !root || root >> 52))
        return false;
    for (uint8_t i = 0; cpu->arch->registers[i] && (!r->n || i < r->n); i++) {
        cpu->n_regs = EG_MAX(cpu->n_regs, (uint8_t)(i + 1));
        cpu->regs[i] = word(p + r->words + w * (r->order ? r->order[i] : i), w, big_endian);
    }
    if (r->root)
        cpu->root = root;
    if (r->control)
        cpu->control = word(p + r->control, w, big_endian);
    for (unsigned i = 0; r->x86 && i < EG_X86_STATES; i++)
        if (r->x86[i].size) {
            cpu->x86[i] = word(p + r->x86[i].at, r->x86[i].size, big_endian);
            cpu->x86_known |= (uint16_t)(1u << i);
        }
    // The kernel's GS base is the one in the upper half, whether the CPU was in user or in kernel
    // mode.
    for (size_t i = countof(r->gs); i--;) {
        gs = r->gs[i] ? word(p + r->gs[i], w, big_endian) : 0;
        if (gs >> 63)
            cpu->gs_base = gs;
    }
    return true;
}

int eg_paging_open(struct eg_space **out, struct eg_arena *a, struct eg_space *phys,
                   const struct eg_paging *p, struct eg_error *e)
{
    if (!p->arch)
        return eg_fail(e, EG_EUSAGE, "page tables of an unknown architecture: name one");
    if (!p->arch->open)
        return eg_fail(e, EG_EUNSUP, "page tables of %s are not known", p->arch->name);
    return p->arch->open(out, a, phys, p, e);
}
