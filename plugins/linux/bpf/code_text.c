/* code_text.c - BPF instructions as text, in the words of the kernel's own log of the verifier
 * (kernel/bpf/disasm.c). */
#include "../../../core/base.h"
#include "all.h"
#include "code.h"
#include <inttypes.h>

enum { LD = 0, LDX, ST, STX, ALU, JMP, JMP32, ALU64 }; // classes, the lowest three bits of a code

static const char *size_of(uint8_t code)
{
    static const char *const sizes[] = { "u32", "u16", "u8", "u64" };

    return sizes[code >> 3 & 3];
}

static const char *at(struct eg_run *r, unsigned reg, int off)
{
    return off ? eg_strf(r, "(r%u %c %d)", reg, off < 0 ? '-' : '+', off < 0 ? -off : off)
               : eg_strf(r, "(r%u)", reg);
}

static const char *alu(struct eg_run *r, const struct linux_bpf_insn *in)
{
    static const char *const ops[] = { "+=",  "-=", "*=", "/=", "|=", "&=",  "<<=",
                                       ">>=", "",   "%=", "^=", "=",  "s>>=" };
    const unsigned op = in->code >> 4;
    const char reg = (in->code & 7) == ALU64 ? 'r' : 'w';
    const bool x = in->code & 8;

    if (op == 8)
        return eg_strf(r, "%c%u = -%c%u", reg, in->dst, reg, in->dst);
    if (op == 13) // to and from the byte order of the network
        return eg_strf(r, "r%u = %s%d r%u", in->dst,
                       (in->code & 7) == ALU64 ? "bswap"
                       : x                     ? "be"
                                               : "le",
                       in->imm, in->dst);
    if (op > 12)
        return NULL;
    if (op == 11 && x && in->off)
        return in->off == 1 ? eg_strf(r, "r%u = addr_space_cast(r%u, %#x)", in->dst, in->src,
                                      (unsigned)in->imm)
                            : eg_strf(r, "%c%u = (s%d)%c%u", reg, in->dst, in->off, reg, in->src);
    if (x)
        return eg_strf(r, "%c%u %s%s %c%u", reg, in->dst, in->off ? "s" : "", ops[op], reg,
                       in->src);
    return eg_strf(r, "%c%u %s%s %d", reg, in->dst, in->off ? "s" : "", ops[op], in->imm);
}

static const char *atomic(struct eg_run *r, const struct linux_bpf_insn *in)
{
    const char *op = "?";

    switch (in->imm & ~1) {
    case 0:
        op = "+=";
        break;
    case 0x40:
        op = "|=";
        break;
    case 0x50:
        op = "&=";
        break;
    case 0xa0:
        op = "^=";
        break;
    case 0xe0:
        return eg_strf(r, "r%u = xchg(%s *%s, r%u)", in->src, size_of(in->code),
                       at(r, in->dst, in->off), in->src);
    case 0xf0:
        return eg_strf(r, "r0 = cmpxchg(%s *%s, r0, r%u)", size_of(in->code),
                       at(r, in->dst, in->off), in->src);
    }
    return eg_strf(r, "%slock *(%s *)%s %s r%u", in->imm & 1 ? "fetch " : "", size_of(in->code),
                   at(r, in->dst, in->off), op, in->src);
}

static const char *memory(struct eg_run *r, const struct linux_bpf_insn *in)
{
    const unsigned mode = in->code >> 5, class = in->code & 7;
    const char *size = size_of(in->code);

    if (class == STX && mode == 6)
        return atomic(r, in);
    if (class == LD && mode == 1)
        return eg_strf(r, "r0 = *(%s *)skb[%d]", size, in->imm);
    if (class == LD && mode == 2)
        return eg_strf(r, "r0 = *(%s *)skb[r%u + %d]", size, in->src, in->imm);
    if (class == LDX) // 3: with faults handled; 4: sign-extended; 1, 2: both, in an arena
        return eg_strf(r, "r%u = %s*(%s *)%s", in->dst, mode == 4 ? "signed " : "", size,
                       at(r, in->src, in->off));
    if (class == ST)
        return eg_strf(r, "*(%s *)%s = %d", size, at(r, in->dst, in->off), in->imm);
    if (class == STX)
        return eg_strf(r, "*(%s *)%s = r%u", size, at(r, in->dst, in->off), in->src);
    return NULL;
}

static const char *call(const struct linux_bpf_code *c, uint32_t i)
{
    const struct linux_bpf_call to = linux_bpf_call(c, i);

    if (to.kind == LINUX_BPF_TAIL_CALL)
        return "tail call";
    if (to.kind == LINUX_BPF_FUNCTION)
        return eg_strf(c->r, "call function %d at %" PRId64, c->at[i].imm,
                       (int64_t)i + 1 + c->at[i].off);
    if (to.name)
        return eg_strf(c->r, "call %s%s", to.kind == LINUX_BPF_KFUNC ? "kernel function " : "",
                       to.name);
    return eg_strf(c->r, "call %#" PRIx64, to.target ? to.target : (uint32_t)c->at[i].imm);
}

static const char *jump(const struct linux_bpf_code *c, uint32_t i)
{
    static const char *const ops[] = { NULL,  "==", ">",  ">=", "&",  "!=", "s>",
                                       "s>=", NULL, NULL, "<",  "<=", "s<", "s<=" };
    const struct linux_bpf_insn *in = &c->at[i];
    const unsigned op = in->code >> 4;
    const char reg = (in->code & 7) == JMP32 ? 'w' : 'r';
    const int64_t to = (int64_t)i + 1 + in->off;

    switch (op) {
    case 0:
        return eg_strf(c->r, "goto %" PRId64,
                       (in->code & 7) == JMP32 ? (int64_t)i + 1 + in->imm : to);
    case 8:
    case 15:
        return in->code & 8 ? eg_strf(c->r, "callx r%u", in->dst) : call(c, i);
    case 9:
        return "exit";
    case 14:
        return eg_strf(c->r, "may_goto %" PRId64, to);
    }
    if (!ops[op])
        return NULL;
    if (in->code & 8)
        return eg_strf(c->r, "if %c%u %s %c%u goto %" PRId64, reg, in->dst, ops[op], reg, in->src,
                       to);
    return eg_strf(c->r, "if %c%u %s %d goto %" PRId64, reg, in->dst, ops[op], in->imm, to);
}

static const char *load_wide(const struct linux_bpf_code *c, uint32_t i)
{
    const struct linux_bpf_insn *in = &c->at[i];
    uint64_t value;

    if (i + 1 >= c->n)
        return NULL;
    if (in->src == LINUX_BPF_CALLBACK)
        return eg_strf(c->r, "r%u = function at %" PRId64, in->dst, (int64_t)i + 1 + in->imm);
    value = (uint32_t)in->imm | (uint64_t)(uint32_t)c->at[i + 1].imm << 32;
    for (uint32_t m = 0; m < c->n_maps; m++)
        if (value == c->maps[m])
            return eg_strf(c->r, "r%u = map %s", in->dst, linux_bpf_map_text(c->r, value));
    return eg_strf(c->r, "r%u = %#" PRIx64, in->dst, value);
}

const char *linux_bpf_insn_text(const struct linux_bpf_code *c, uint32_t i, bool *wide)
{
    const struct linux_bpf_insn *in = &c->at[i];
    const char *text = NULL;

    *wide = in->code == 0x18;
    switch (in->code & 7) {
    case ALU:
    case ALU64:
        text = alu(c->r, in);
        break;
    case JMP:
    case JMP32:
        text = jump(c, i);
        break;
    default:
        text = *wide ? load_wide(c, i) : memory(c->r, in);
    }
    return text ? text
                : eg_strf(c->r, "? code %#x dst %u src %u off %d imm %d", in->code, in->dst,
                          in->src, in->off, in->imm);
}
