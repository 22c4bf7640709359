/* disasm.c - instructions as text, by libcapstone. */
#include "disasm.h"
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#ifdef HAVE_CAPSTONE
#include <capstone.h>

struct eg_disasm {
    csh engine;
    cs_insn *in;
    cs_arch code;
};

struct eg_disasm *eg_disasm_open(const struct eg_arch *arch, bool narrow, const char **why)
{
    struct eg_disasm *d;
    cs_arch code;
    cs_mode mode;

    *why = "instructions of this processor are not known here";
    if (!arch || !arch->code_unit)
        return NULL;
    code = (cs_arch)arch->capstone.arch;
    mode = (cs_mode)arch->capstone.mode;
    if (narrow && code == CS_ARCH_X86)
        mode = CS_MODE_32;
    if (narrow && code == CS_ARCH_ARM64) {
        code = CS_ARCH_ARM;
        mode = CS_MODE_ARM;
    }
    *why = "out of memory";
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    if (cs_open(code, mode, &d->engine) != CS_ERR_OK) {
        *why = "libcapstone was built without this processor";
        free(d);
        return NULL;
    }
    d->code = code;
    d->in = cs_malloc(d->engine);
    if (!d->in) {
        cs_close(&d->engine);
        free(d);
        return NULL;
    }
    return d;
}

void eg_disasm_close(struct eg_disasm *d)
{
    if (!d)
        return;
    cs_free(d->in, 1);
    cs_close(&d->engine);
    free(d);
}

static enum eg_flow flow_of_x86(unsigned id)
{
    switch (id) {
    case X86_INS_CALL:
    case X86_INS_LCALL:
        return EG_FLOW_CALL;
    case X86_INS_JMP:
    case X86_INS_LJMP:
        return EG_FLOW_JUMP;
    case X86_INS_JAE:
    case X86_INS_JA:
    case X86_INS_JBE:
    case X86_INS_JB:
    case X86_INS_JCXZ:
    case X86_INS_JECXZ:
    case X86_INS_JE:
    case X86_INS_JGE:
    case X86_INS_JG:
    case X86_INS_JLE:
    case X86_INS_JL:
    case X86_INS_JNE:
    case X86_INS_JNO:
    case X86_INS_JNP:
    case X86_INS_JNS:
    case X86_INS_JO:
    case X86_INS_JP:
    case X86_INS_JRCXZ:
    case X86_INS_JS:
    case X86_INS_LOOP:
    case X86_INS_LOOPE:
    case X86_INS_LOOPNE:
        return EG_FLOW_BRANCH;
    case X86_INS_RET:
    case X86_INS_RETF:
    case X86_INS_RETFQ:
    case X86_INS_IRETQ:
    case X86_INS_IRETD:
    case X86_INS_SYSRET:
    case X86_INS_SYSEXIT:
        return EG_FLOW_RETURN;
    case X86_INS_INT3:
    case X86_INS_UD2:
        return EG_FLOW_TRAP;
    default:
        return EG_FLOW_NEXT;
    }
}

static enum eg_flow flow_of_arm64(const cs_insn *in)
{
    switch (in->id) {
    case ARM64_INS_BL:
    case ARM64_INS_BLR:
        return EG_FLOW_CALL;
    case ARM64_INS_B: // b.eq has the same number
        return in->mnemonic[1] == '.' ? EG_FLOW_BRANCH : EG_FLOW_JUMP;
    case ARM64_INS_BR:
        return EG_FLOW_JUMP;
    case ARM64_INS_CBZ:
    case ARM64_INS_CBNZ:
    case ARM64_INS_TBZ:
    case ARM64_INS_TBNZ:
        return EG_FLOW_BRANCH;
    case ARM64_INS_RET:
    case ARM64_INS_ERET:
        return EG_FLOW_RETURN;
    case ARM64_INS_BRK:
        return EG_FLOW_TRAP;
    default:
        return EG_FLOW_NEXT;
    }
}

/* The target is the last operand: "0xffffffff81000000", "#0xffff800008010000" behind a register. */
static void find_target(const cs_insn *in, struct eg_instruction *out)
{
    const char *comma = strrchr(in->op_str, ','), *at = comma ? comma + 1 : in->op_str;
    char *end;

    at += strspn(at, " #");
    if (out->flow < EG_FLOW_CALL || out->flow > EG_FLOW_BRANCH || strncmp(at, "0x", 2) != 0)
        return;
    out->target = strtoull(at, &end, 16);
    out->direct = !*end;
    if (!out->direct)
        out->target = 0;
}

bool eg_disasm_one(struct eg_disasm *d, const uint8_t *bytes, size_t len, uint64_t at,
                   struct eg_instruction *out)
{
    if (!cs_disasm_iter(d->engine, &bytes, &len, &at, d->in))
        return false;
    out->size = d->in->size;
    snprintf(out->text, sizeof out->text, "%s%s%s", d->in->mnemonic, *d->in->op_str ? " " : "",
             d->in->op_str);
    out->operands = out->text + EG_MIN(strlen(d->in->mnemonic), sizeof out->text - 1);
    out->flow = d->code == CS_ARCH_X86     ? flow_of_x86(d->in->id)
                : d->code == CS_ARCH_ARM64 ? flow_of_arm64(d->in)
                                           : EG_FLOW_NEXT;
    out->direct = false;
    out->target = 0;
    find_target(d->in, out);
    return true;
}
#else
struct eg_disasm *eg_disasm_open(const struct eg_arch *arch, bool narrow, const char **why)
{
    (void)arch, (void)narrow;
    *why = "this build has no libcapstone";
    return NULL;
}

void eg_disasm_close(struct eg_disasm *d)
{
    (void)d;
}

bool eg_disasm_one(struct eg_disasm *d, const uint8_t *bytes, size_t len, uint64_t at,
                   struct eg_instruction *out)
{
    (void)d, (void)bytes, (void)len, (void)at, (void)out;
    return false;
}
#endif
