/* virtualbox_cpu.c - the unit "cpum" of saved states (src/VBox/VMM/VMMR3/CPUM.cpp,
 * g_aCpumCtxFields). What is before and between the CPUs differs between releases; a CPU is a
 * structure between SSM's marks, whose beginning has been the same since VirtualBox 4.2. So the
 * unit is searched for what looks like a CPU with paging. */
#include "virtualbox_cpu.h"
#include "../core/arch.h"
#include "../core/vec.h"

enum {
    BEGIN = 0x19200102,
    END = 0x19920406,
    BYTES_MAX = 1 << 20,
    CPUS_MAX = 1 << 10,
    CPU_MIN = 500, // bytes up to the task register; later releases have more
    CPU_MAX = 640,
};

static bool is_cpu(struct eg_cpu *cpu, const uint8_t *p, size_t len)
{
    if (len < 4 + CPU_MIN + 4 || eg_le32(p) != BEGIN ||
        !eg_cpu_read(cpu, EG_CPU_VIRTUALBOX_STATE, false, p + 4, len - 4))
        return false;
    for (size_t at = 4 + CPU_MIN; at + 4 <= len && at <= CPU_MAX; at++)
        if (eg_le32(p + at) == END)
            return true;
    return false;
}

void eg_virtualbox_cpus(struct eg_image *img, const struct eg_ssm *s)
{
    EG_VEC(uint8_t) bytes = { 0 };
    struct eg_ssm_record r;

    for (uint64_t at = s->at; eg_ssm_record(s, at, &r) && r.type != EG_SSM_TERM;
         at = r.at + r.len) {
        if (r.type != EG_SSM_RAW) // compressed records hold only large fields
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
    for (size_t at = 0; at < bytes.n && img->cpus.n < CPUS_MAX; at++) {
        struct eg_cpu cpu = { .arch = eg_arch_of_record(EG_CPU_VIRTUALBOX_STATE) }, *slot;

        if (!is_cpu(&cpu, bytes.at + at, bytes.n - at))
            continue;
        slot = eg_vec_push(&img->cpus);
        if (slot)
            *slot = cpu;
        else
            eg_view_starved(img->view);
    }
    eg_vec_fini(&bytes);
}
