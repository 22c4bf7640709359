/* fpu.c - where the kernel keeps floating-point and vector registers (arch/x86/kernel/fpu/xstate.c,
 * arch/arm64/kernel/fpsimd.c).
 *
 * On x86 they are an XSAVE area: up to 5.15 in task_struct.thread.fpu; since 5.16 where
 * fpu.fpstate points; since 6.16 struct fpu itself lies behind task_struct. It may be compacted:
 * then components follow each other, while the standard format has a fixed place for each. */
#include "fpu.h"
#include "../../../core/base.h"
#include "../sched/task.h"

EG_FIELD_AS(task_fpu, task_struct, "thread.fpu");
EG_FIELD_AS(task_pkru, task_struct, "thread.pkru");
EG_FIELDS(fpu, fpstate, state);
EG_FIELDS(fpstate, regs, user_xfeatures);
EG_SYMBOL(xstate_offsets, "u32[20]");
EG_SYMBOL(xstate_sizes, "u32[20]");
EG_FIELD_AS(arm_fpsimd, task_struct, "thread.uw.fpsimd_state|thread.fpsimd_state");
EG_FIELD_AS(arm_fp_type, task_struct, "thread.fp_type"); // 6.2
EG_FIELD_AS(arm_sve_state, task_struct, "thread.sve_state");
EG_FIELD_AS(arm_vl, task_struct, "thread.vl|thread.sve_vl"); // an array since 5.16

enum {
    HEADER = 512, // of the XSAVE area: xfeatures, xcomp_bv
    EXTENDED = 576,
    XCR0 = 464, // where core dumps say which features there are (arch/x86/include/asm/user.h)
    COMPONENTS = 20,
    PKRU = 9,
    // What programs have: x87, SSE, AVX, MPX, AVX-512, PKRU, AMX; the others are the kernel's.
    USER = 0x602ff,
    ALIGNED = 0x60000, // by 64 bytes in the compacted format: AMX
};

struct component {
    uint32_t offset, size;
};
/* Intel's places. Other processors leave none for what they do not have: xstate_offsets says. */
static const struct component usual[COMPONENTS] = {
    [2] = { 576, 256 },   [3] = { 960, 64 },   [4] = { 1024, 64 },
    [5] = { 1088, 64 },   [6] = { 1152, 512 }, [7] = { 1664, 1024 },
    [PKRU] = { 2688, 8 }, [17] = { 2752, 64 }, [18] = { 2816, 8192 },
};

static struct component component(struct eg_run *r, unsigned i)
{
    struct component c;

    if (eg_load(&c.offset, eg_index(eg_sym(r, xstate_offsets), i)) &&
        eg_load(&c.size, eg_index(eg_sym(r, xstate_sizes), i)) && c.size && c.offset >= EXTENDED &&
        eg_within(c.offset, c.size, LINUX_XSAVE_MOST))
        return c;
    return usual[i];
}

static struct eg_obj area(struct eg_run *r, struct eg_obj task)
{
    struct eg_obj fpu = eg_at(task, task_fpu);

    if (!eg_has(r, task_fpu) && eg_has_type(r, fpu))
        fpu = eg_object(r, fpu, task.addr + eg_size(r, task_struct));
    return eg_has(r, fpu.fpstate) ? eg_at(fpu, fpu.fpstate, fpstate.regs) : eg_at(fpu, fpu.state);
}

/* As the processor begins: x87 and SSE that were never used (Intel SDM 1, 13.6). */
static void initial(uint8_t *out, uint64_t features)
{
    static const uint8_t control[] = { 0x7f, 0x03 }, mxcsr[] = { 0x80, 0x1f };

    if (!(features & 1)) {
        memset(out, 0, 24);
        memset(out + 32, 0, 128);
        memcpy(out, control, sizeof control);
    }
    if (!(features & 2))
        memset(out + 160, 0, 256);
    if (!(features & 6)) {
        memset(out + 24, 0, 8);
        memcpy(out + 24, mxcsr, sizeof mxcsr);
    }
    memset(out + 416, 0, HEADER - 416);
}

static void put64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* Components from their places at @from into those of the standard format. */
static size_t expand(struct eg_run *r, struct eg_obj from, uint8_t *out, uint64_t features,
                     uint64_t layout, uint64_t all)
{
    struct eg_view *v = eg_view_of(r);
    uint64_t at = EXTENDED;
    size_t len = EXTENDED;

    for (unsigned i = 2; i < COMPONENTS; i++) {
        const struct component c = component(r, i);
        const uint64_t bit = UINT64_C(1) << i;

        if (!c.size)
            continue; // one of the kernel's, behind all of the programs'
        if (layout >> 63 && (layout & bit) && (ALIGNED & bit))
            at = eg_align_up(at, 64);
        if (all & bit)
            len = EG_MAX(len, (size_t)c.offset + c.size);
        if (features & all & bit)
            eg_read_some(v, from.space, from.addr + (layout >> 63 ? at : c.offset), out + c.offset,
                         c.size, NULL);
        if (layout & bit)
            at += c.size;
    }
    return len;
}

size_t linux_fpu_x86(struct eg_run *r, struct eg_obj task, uint8_t *out, enum eg_why *why)
{
    struct eg_obj from = area(r, task);
    struct eg_view *v = eg_view_of(r);
    uint64_t features, layout, all = 0, end;
    uint32_t pkru;
    uint8_t header[64];
    struct component c;
    size_t len;

    memset(out, 0, LINUX_XSAVE_MOST);
    if (from.why || !eg_add(from.addr, LINUX_XSAVE_MOST, &end)) {
        *why = from.why ? (enum eg_why)from.why : EG_BAD_VALUE;
        return 0;
    }
    if (!eg_read(v, from.space, from.addr, out, LINUX_FXSAVE) ||
        !eg_read(v, from.space, from.addr + HEADER, header, sizeof header)) {
        *why = (enum eg_why)v->why;
        return 0;
    }
    features = eg_le64(header);
    layout = eg_le64(header + 8);
    // What was never an XSAVE area has no such header; reserved bits are zero.
    if (!eg_all_zero(header + 16, sizeof header - 16) || features >> 62 ||
        (layout && !(layout >> 63)))
        return LINUX_FXSAVE;
    if (!eg_get(&all, task, task_fpu, fpu.fpstate, fpstate.user_xfeatures) &&
        !eg_load(&all, eg_at(eg_object(r, fpu, task.addr + eg_size(r, task_struct)), fpu.fpstate,
                             fpstate.user_xfeatures)))
        all = (layout >> 63 ? layout : features) | 7;
    all = (all | 3) & USER;
    initial(out, features);
    len = expand(r, from, out, features, layout, all);
    features &= USER;
    if (eg_get(&pkru, task, task_pkru) && all >> PKRU & 1) { // kept apart since 5.14
        c = component(r, PKRU);
        for (int i = 0; i < 4; i++)
            out[c.offset + i] = (uint8_t)(pkru >> 8 * i);
        features |= UINT64_C(1) << PKRU;
    }
    put64(out + XCR0, all);
    put64(out + HEADER, features);
    return len;
}

void linux_fpu_i387(const uint8_t *fxsave, uint8_t *out)
{
    enum { EMPTY = 3, VALID = 0 };
    uint16_t tags = 0;

    memset(out, 0, 108);
    for (int i = 0; i < 8; i++) // one bit for each register became two; of its kinds this says two
        tags |= (uint16_t)((fxsave[4] >> i & 1 ? VALID : EMPTY) << 2 * i);
    memcpy(out, fxsave, 2);         // control
    memcpy(out + 4, fxsave + 2, 2); // status
    out[8] = (uint8_t)tags;
    out[9] = (uint8_t)(tags >> 8);
    out[2] = out[3] = out[6] = out[7] = out[10] = out[11] = 0xff;
    memcpy(out + 12, fxsave + 8, 4);  // instruction
    memcpy(out + 16, fxsave + 12, 2); // its segment
    memcpy(out + 18, fxsave + 6, 2);  // its opcode
    memcpy(out + 20, fxsave + 16, 4); // operand
    memcpy(out + 24, fxsave + 20, 2);
    out[26] = out[27] = 0xff;
    for (int i = 0; i < 8; i++)
        memcpy(out + 28 + 10 * i, fxsave + 32 + 16 * i, 10);
}

bool linux_fpu_arm64(struct eg_run *r, struct eg_obj task, uint8_t *out, enum eg_why *why)
{
    enum { SVE = 2, VL_MOST = 256 }; // FP_STATE_SVE
    struct eg_obj at = eg_at(task, arm_fpsimd), vl = eg_at(task, arm_vl);
    struct eg_view *v = eg_view_of(r);
    uint64_t sve;
    uint32_t bytes = 0;

    memset(out, 0, LINUX_ARM64_FPSIMD);
    if (at.why) {
        *why = (enum eg_why)at.why;
        return false;
    }
    if (!eg_read(v, at.space, at.addr, out, LINUX_ARM64_FPSIMD)) {
        *why = (enum eg_why)v->why;
        return false;
    }
    // With SVE the vectors may be there, each in the lower part of a longer one.
    if (eg_get_or(0u, task, arm_fp_type) != SVE || !eg_get(&sve, task, arm_sve_state) || !sve ||
        !eg_load(&bytes, vl.kind == EG_K_ARRAY ? eg_index(vl, 0) : vl) || bytes < 16 ||
        bytes > VL_MOST)
        return true;
    for (unsigned i = 0; i < 32; i++)
        if (!eg_read(v, eg_kernel(r), sve + i * bytes, out + 16 * i, 16)) {
            *why = (enum eg_why)v->why;
            return false;
        }
    return true;
}
