/* sched/cbpf.c - classic BPF: a program as text, and what a filter of system calls answers. */
#include "cbpf.h"

#include <stdio.h>
#include <string.h>

/* include/uapi/linux/bpf_common.h */
enum { LD, LDX, ST, STX, ALU, JMP, RET, MISC };
enum { IMM = 0x00, ABS = 0x20, IND = 0x40, MEM = 0x60, LEN = 0x80, MSH = 0xa0 };
enum { JA = 0x00, JEQ = 0x10, JGT = 0x20, JGE = 0x30, JSET = 0x40 };
enum { ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR };
enum { SOURCE_X = 0x08, RET_A = 0x10, TXA = 0x80, WORDS = 16 };

static const char *const alu[] = { "add", "sub", "mul", "div", "or", "and",
                                   "lsh", "rsh", "neg", "mod", "xor" };

/* struct seccomp_data (include/uapi/linux/seccomp.h), by words. */
static const char *data_name(uint32_t at)
{
    static const char *const words[] = {
        "nr",       "arch",      "ip.low",   "ip.high",   "arg0.low", "arg0.high",
        "arg1.low", "arg1.high", "arg2.low", "arg2.high", "arg3.low", "arg3.high",
        "arg4.low", "arg4.high", "arg5.low", "arg5.high",
    };

    return at % 4 == 0 && at / 4 < sizeof words / sizeof *words ? words[at / 4] : NULL;
}

void linux_seccomp_action(uint32_t answer, char *out, size_t len)
{
    static const struct {
        uint32_t action;
        const char *name;
    } actions[] = {
        { 0x80000000, "KILL_PROCESS" }, { 0x00000000, "KILL_THREAD" }, { 0x00030000, "TRAP" },
        { 0x00050000, "ERRNO" },        { 0x7fc00000, "USER_NOTIF" },  { 0x7ff00000, "TRACE" },
        { 0x7ffc0000, "LOG" },          { 0x7fff0000, "ALLOW" },
    };
    const uint32_t data = answer & 0xffff;

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (actions[i].action != (answer & 0xffff0000))
            continue;
        if (data && actions[i].action != 0x7fff0000)
            snprintf(out, len, "%s(%u)", actions[i].name, data);
        else
            snprintf(out, len, "%s", actions[i].name);
        return;
    }
    snprintf(out, len, "unknown %#x", answer); // the kernel kills
}

static void load_text(const struct linux_cbpf *f, bool seccomp, char *out, size_t len)
{
    static const char *const sizes[] = { "ld", "ldh", "ldb", "ld?" };
    const char *ld = (f->code & 7) == LDX ? "ldx" : sizes[f->code >> 3 & 3];
    const char *name = seccomp ? data_name(f->k) : NULL;

    switch (f->code & 0xe0) {
    case IMM:
        snprintf(out, len, "%s #%#x", ld, f->k);
        break;
    case ABS:
        if (name)
            snprintf(out, len, "%s %s", ld, name);
        else
            snprintf(out, len, "%s [%u]", ld, f->k);
        break;
    case IND:
        snprintf(out, len, "%s [x + %u]", ld, f->k);
        break;
    case MEM:
        snprintf(out, len, "%s M[%u]", ld, f->k);
        break;
    case LEN:
        snprintf(out, len, "%s len", ld);
        break;
    case MSH:
        snprintf(out, len, "%s 4*([%u]&0xf)", ld, f->k);
        break;
    default:
        snprintf(out, len, "unknown %#x", f->code);
    }
}

static void jump_text(const struct linux_cbpf *f, size_t i, char *out, size_t len)
{
    static const char *const names[] = { "ja", "jeq", "jgt", "jge", "jset" };
    const unsigned op = f->code >> 4 & 0xf;
    const unsigned long long next = (unsigned long long)i + 1;

    if (op >= sizeof names / sizeof *names)
        snprintf(out, len, "unknown %#x", f->code);
    else if (op == JA)
        snprintf(out, len, "ja %llu", next + f->k);
    else if (f->code & SOURCE_X)
        snprintf(out, len, "%s x jt %llu jf %llu", names[op], next + f->jt, next + f->jf);
    else
        snprintf(out, len, "%s #%#x jt %llu jf %llu", names[op], f->k, next + f->jt, next + f->jf);
}

void linux_cbpf_text(const struct linux_cbpf *program, size_t i, bool seccomp, char *out,
                     size_t len)
{
    const struct linux_cbpf *f = &program[i];
    const unsigned op = f->code >> 4 & 0xf;
    char action[32];

    switch (f->code & 7) {
    case LD:
    case LDX:
        load_text(f, seccomp, out, len);
        return;
    case ST:
    case STX:
        snprintf(out, len, "%s M[%u]", (f->code & 7) == ST ? "st" : "stx", f->k);
        return;
    case ALU:
        if (op >= sizeof alu / sizeof *alu)
            break;
        if (op == NEG)
            snprintf(out, len, "neg");
        else if (f->code & SOURCE_X)
            snprintf(out, len, "%s x", alu[op]);
        else
            snprintf(out, len, "%s #%#x", alu[op], f->k);
        return;
    case JMP:
        jump_text(f, i, out, len);
        return;
    case RET:
        if (f->code & RET_A) {
            snprintf(out, len, "ret a");
        } else if (seccomp) {
            linux_seccomp_action(f->k, action, sizeof action);
            snprintf(out, len, "ret %s", action);
        } else {
            snprintf(out, len, "ret #%#x", f->k);
        }
        return;
    default:
        snprintf(out, len, f->code & TXA ? "txa" : "tax");
        return;
    }
    snprintf(out, len, "unknown %#x", f->code);
}

/* ---- answers: the program is run with what is known of a call; where a jump depends on what is
 * not, both ways are taken. Jumps lead forward only, so each way ends. ---- */

struct word {
    uint32_t v;
    bool known;
};
struct state {
    struct word a, x, m[WORDS];
    size_t at;
};
enum { STEPS_MAX = 20000, WAITING_MAX = 48 };
struct walk {
    const struct linux_cbpf *program;
    size_t n, steps, waiting;
    struct state states[WAITING_MAX]; // ways not yet taken
    uint32_t arch, number, *out;
    size_t found, max;
    bool whole;
};

static void answer(struct walk *w, struct word v)
{
    if (!v.known) {
        w->whole = false;
        return;
    }
    for (size_t i = 0; i < w->found; i++)
        if (w->out[i] == v.v)
            return;
    if (w->found == w->max)
        w->whole = false;
    else
        w->out[w->found++] = v.v;
}

static struct word loaded(const struct walk *w, const struct state *s, const struct linux_cbpf *f)
{
    struct word v = { 0, false };

    switch (f->code & 0xe0) {
    case IMM:
        v = (struct word){ f->k, true };
        break;
    case ABS:
        if (f->k == 0)
            v = (struct word){ w->number, true };
        else if (f->k == 4)
            v = (struct word){ w->arch, true };
        break;
    case MEM:
        if (f->k < WORDS)
            v = s->m[f->k];
        break;
    case LEN:
        v = (struct word){ 64, true }; // sizeof(struct seccomp_data)
        break;
    default:
        break;
    }
    return v;
}

static struct word computed(unsigned op, struct word a, struct word b)
{
    struct word v = { 0, a.known && (b.known || op == NEG) };

    if (!v.known)
        return v;
    switch (op) {
    case ADD:
        v.v = a.v + b.v;
        break;
    case SUB:
        v.v = a.v - b.v;
        break;
    case MUL:
        v.v = a.v * b.v;
        break;
    case DIV:
        v.v = b.v ? a.v / b.v : 0;
        break;
    case OR:
        v.v = a.v | b.v;
        break;
    case AND:
        v.v = a.v & b.v;
        break;
    case LSH:
        v.v = b.v < 32 ? a.v << b.v : 0;
        break;
    case RSH:
        v.v = b.v < 32 ? a.v >> b.v : 0;
        break;
    case NEG:
        v.v = 0 - a.v;
        break;
    case MOD:
        v.v = b.v ? a.v % b.v : 0;
        break;
    case XOR:
        v.v = a.v ^ b.v;
        break;
    default:
        v.known = false;
    }
    return v;
}

/** One instruction. @return false: this way has ended. */
static bool step(struct walk *w, struct state *s)
{
    const struct linux_cbpf *f = &w->program[s->at];
    const struct word k = { f->k, true };
    struct word with = f->code & SOURCE_X ? s->x : k;
    size_t yes, no;
    bool take;

    s->at++;
    switch (f->code & 7) {
    case LD:
        s->a = loaded(w, s, f);
        return true;
    case LDX:
        s->x = loaded(w, s, f);
        return true;
    case ST:
    case STX:
        if (f->k < WORDS)
            s->m[f->k] = (f->code & 7) == ST ? s->a : s->x;
        return true;
    case ALU:
        s->a = computed(f->code >> 4 & 0xf, s->a, with);
        return true;
    case RET:
        answer(w, f->code & RET_A ? s->a : k);
        return false;
    case MISC:
        if (f->code & TXA)
            s->a = s->x;
        else
            s->x = s->a;
        return true;
    default:
        break;
    }
    if ((f->code & 0xf0) == JA) {
        if (f->k >= LINUX_CBPF_MAX)
            w->whole = false;
        else
            s->at += f->k;
        return f->k < LINUX_CBPF_MAX;
    }
    yes = s->at + f->jt;
    no = s->at + f->jf;
    if (!s->a.known || !with.known) {
        s->at = yes;
        if (yes == no)
            return true;
        if (w->waiting == WAITING_MAX) {
            w->whole = false;
            return true;
        }
        w->states[w->waiting] = *s;
        w->states[w->waiting++].at = no;
        return true;
    }
    switch (f->code & 0xf0) {
    case JEQ:
        take = s->a.v == with.v;
        break;
    case JGT:
        take = s->a.v > with.v;
        break;
    case JGE:
        take = s->a.v >= with.v;
        break;
    case JSET:
        take = s->a.v & with.v;
        break;
    default:
        w->whole = false;
        return false;
    }
    s->at = take ? yes : no;
    return true;
}

size_t linux_cbpf_answers(const struct linux_cbpf *program, size_t n, uint32_t arch,
                          uint32_t number, uint32_t *out, size_t max, uint64_t *left, bool *whole)
{
    const size_t most = *left < STEPS_MAX ? (size_t)*left : STEPS_MAX;
    struct walk w = { .program = program,
                      .n = n,
                      .arch = arch,
                      .number = number,
                      .out = out,
                      .max = max,
                      .whole = true,
                      .waiting = 1 };

    while (w.waiting) {
        struct state s = w.states[--w.waiting];

        for (;;) {
            if (s.at >= n || w.steps++ >= most) { // the kernel lets no program end so
                w.whole = false;
                break;
            }
            if (!step(&w, &s))
                break;
        }
        if (w.steps >= most && w.waiting) { // ways that are not looked at
            w.whole = false;
            break;
        }
    }
    *left -= w.steps < *left ? w.steps : *left;
    *whole = w.whole;
    return w.found;
}
