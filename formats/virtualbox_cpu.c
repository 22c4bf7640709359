/* virtualbox_cpu.c - the unit "cpum" of saved states (src/VBox/VMM/VMMR3/CPUM.cpp,
 * g_aCpumCtxFields). What is before and between the CPUs differs from release to release; a CPU is
 * a structure between SSM's marks, which has begun alike since VirtualBox 4.2. Only what looks like
 * a CPU in paged mode counts. */
#include "virtualbox_cpu.h"
#include "../core/vec.h"

enum {
    BEGIN = 0x19200102,
    END = 0x19920406,
    BYTES_MAX = 1 << 20,
    CPUS_MAX = 1 << 10,
    CPU_MIN = 500, // up to the task register; later ones have some more
    CPU_MAX = 640,

    // 18 registers; es cs ss ds fs gs, each u16 u16 u16 u64 base u32 u32; control registers
    GS_BASE = 18 * 8 + 5 * 22 + 6,
    CR0 = 18 * 8 + 6 * 22,
    CR3 = CR0 + 16,
    CR4 = CR0 + 24,
    KERNEL_GS_BASE = 448,
};
static const uint64_t paged = 0x80000001; // CR0: PG and PE

static bool is_cpu(const uint8_t *p, size_t len)
{
    if (len < 4 + CPU_MIN + 4 || eg_le32(p) != BEGIN || (eg_le64(p + 4 + CR0) & paged) != paged ||
        !eg_le64(p + 4 + CR3) || eg_le64(p + 4 + CR3) >> 52)
        return false;
    for (size_t at = 4 + CPU_MIN; at + 4 <= len && at <= CPU_MAX; at++)
        if (eg_le32(p + at) == END)
            return true;
    return false;
}

static void add_cpu(struct eg_image *img, const uint8_t *p)
{
    // di si bp ax bx dx cx sp flags ip r8..r15, for ax bx cx dx si di sp bp r8..r15 ip flags
    static const uint8_t from[] = { 3, 4, 6, 5, 1, 0, 7, 2, 10, 11, 12, 13, 14, 15, 16, 17, 9, 8 };
    const uint64_t gs = eg_le64(p + GS_BASE), other = eg_le64(p + KERNEL_GS_BASE);
    struct eg_cpu *cpu = eg_vec_push(&img->cpus);

    if (!cpu) {
        eg_view_starved(img->view);
        return;
    }
    cpu->arch = eg_arch_find("x86_64");
    cpu->root = eg_le64(p + CR3);
    cpu->control = eg_le64(p + CR4);
    cpu->gs_base = gs >> 63 ? gs : other >> 63 ? other : 0; // swapgs exchanges them
    for (size_t i = 0; i < sizeof from; i++)
        cpu->regs[i] = eg_le64(p + 8 * from[i]);
    cpu->n_regs = sizeof from;
}

void eg_virtualbox_cpus(struct eg_image *img, const struct eg_ssm *s)
{
    EG_VEC(uint8_t) bytes = { 0 };
    struct eg_ssm_record r;

    for (uint64_t at = s->at; eg_ssm_record(s, at, &r) && r.type != EG_SSM_TERM;
         at = r.at + r.len) {
        if (r.type != EG_SSM_RAW) // large fields: none of them
            continue;
        if (r.len > BYTES_MAX - bytes.n)
            break;
        if (!eg_vec_reserve(&bytes, bytes.n + (size_t)r.len)) {
            eg_view_starved(s->view);
            break;
        }
        if (!eg_read(s->view, s->file, r.at, bytes.at + bytes.n, (size_t)r.len))
            break;
        bytes.n += (size_t)r.len;
    }
    for (size_t at = 0; at < bytes.n; at++)
        if (img->cpus.n < CPUS_MAX && is_cpu(bytes.at + at, bytes.n - at))
            add_cpu(img, bytes.at + at + 4);
    eg_vec_fini(&bytes);
}
