/* jit.c - machine code of BPF programs (arch/x86/net/bpf_jit_comp.c). */
#include "jit.h"
#include "../../../core/arch.h"
#include "../../../core/base.h"
#include "../../../core/disasm.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/system.h"
#include "../kernel/codeof.h"
#include "all.h"
#include "jit_arm64.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(prog_code, bpf_prog, "bpf_func");
EG_FIELD_AS(prog_jited, bpf_prog, "jited");
EG_FIELD_AS(prog_blinded, bpf_prog, "blinded");
EG_FIELD_AS(prog_jited_len, bpf_prog, "jited_len");
EG_FIELD_AS(aux_ksym_start, bpf_prog_aux, "ksym.start");
EG_FIELD_AS(aux_ksym_end, bpf_prog_aux, "ksym.end");
EG_TYPE(bpf_prog);

enum { ENTRY_MAX = 64, FUNCTIONS_MAX = 1024, CONSTANTS_MAX = 4096 };
enum { ALU = 4, BY_REGISTER = 8, LD_IMM64 = 0x18, CALL = 0x85, JUMP_WIDE = 0x06 };

struct linux_bpf_jit {
    struct eg_run *r;
    struct eg_disasm *d; /* NULL: this build has none, or none for this processor */
    bool x86, arm64;
    uint8_t *bytes; /* of the machine code that was read last */
    uint64_t of;
    uint32_t n;
    struct eg_map *called; /* what the machine code of one program calls */
    struct image {
        const uint8_t *bytes;
        uint32_t n;
    } * images; /* all machine code of one program */
    size_t n_images, cap;
};

static void close_disasm(void *d)
{
    eg_disasm_close(d);
}

struct linux_bpf_jit *linux_bpf_jit(struct eg_run *r, const char **why)
{
    struct linux_bpf_jit *j = eg_tmp(r, sizeof *j);
    const struct eg_arch *arch = eg_system_of(r)->arch;

    j->r = r;
    *why = NULL;
    j->x86 = arch && !strcmp(arch->name, "x86_64");
    j->arm64 = arch && !strcmp(arch->name, "aarch64");
    j->d = arch ? eg_disasm_open(arch, false, why) : NULL;
    if (j->d)
        eg_run_defer(r, close_disasm, j->d);
    if (j->d)
        *why = NULL;
    if (!*why && !j->x86 && !j->arm64)
        *why = "the check knows the code of x86-64 and AArch64 only";
    return j;
}

/** Read the machine code of a program. @return its length; 0: it has none that can be read. */
static uint32_t load(struct linux_bpf_jit *j, struct eg_obj prog, uint64_t *at)
{
    uint32_t len = 0;

    if (!eg_get(at, prog, prog_code) || !*at || !eg_get(&len, prog, prog_jited_len) || !len ||
        len > LINUX_BPF_JIT_MAX)
        return 0;
    if (j->of == *at && j->n == len)
        return len;
    j->bytes = eg_tmp(j->r, len);
    j->of = j->n = 0;
    if (!eg_read(eg_view_of(j->r), eg_kernel(j->r), *at, j->bytes, len))
        return 0;
    j->of = *at;
    j->n = len;
    return len;
}

/* ---- does it begin as it must ---- */

/* The frame is made behind a mark for indirect jumps, the place where trampolines are called from
 * and what is kept for tail calls: emit_prologue(). */
static bool begins(const uint8_t *p, uint32_t n)
{
    static const uint8_t frame[] = { 0x55, 0x48, 0x89, 0xe5 }; // push rbp; mov rbp, rsp
    static const uint8_t exception[] = { 0x48, 0x89, 0xf4, 0x48, 0x89, 0xd5 }; // exception_cb

    for (uint32_t i = 0; i + sizeof exception <= n && i < ENTRY_MAX; i++)
        if (!memcmp(p + i, frame, sizeof frame) || !memcmp(p + i, exception, sizeof exception))
            return true;
    return false;
}

/** Where a call or jump at the very beginning leads; 0: there is none. */
static uint64_t entry_target(const uint8_t *p, uint32_t n, uint64_t at)
{
    const uint32_t skip = n >= 4 && !memcmp(p, "\xf3\x0f\x1e\xfa", 4) ? 4 : 0;
    int32_t rel;

    if (n < skip + 5 || (p[skip] != 0xe8 && p[skip] != 0xe9))
        return 0;
    rel = (int32_t)eg_load_(p + skip + 1, 4, false);
    return at + skip + 5 + (uint64_t)(int64_t)rel;
}

/* ---- what it calls ---- */

/* Functions of the kernel that the JIT itself calls. */
static bool own_call(const char *name)
{
    static const char *const begin[] = { "__x86_", "srso_",  "retbleed_", "its_",    "clear_bhb",
                                         "bpf_",   "__bpf_", "entry_",    "arch_bpf" };

    for (size_t i = 0; i < countof(begin); i++)
        if (!strncmp(name, begin[i], strlen(begin[i])))
            return true;
    return false;
}

/** What the instructions of the program and all its functions call. */
static struct eg_map *callees(struct linux_bpf_jit *j, const struct linux_bpf_code *code,
                              bool *complete)
{
    struct eg_map *map = eg_run_map(j->r);

    *complete = code->base && code->n == code->says;
    for (uint32_t i = 0; i < code->n; i++) {
        const struct linux_bpf_call call = linux_bpf_call(code, i);

        if (call.kind == LINUX_BPF_KFUNC && !call.target)
            *complete = false;
        if (call.target)
            eg_run_map_add(j->r, map, call.target, 1);
        i += code->at[i].code == LD_IMM64;
    }
    return map;
}

static const char *call_hint(struct linux_bpf_jit *j, uint64_t target, const struct eg_map *known,
                             bool complete)
{
    struct linux_codeof to;
    uint64_t one;

    linux_codeof(j->r, target, &to);
    if (to.kind == LINUX_CODE_BPF || eg_map_get(known, target, &one))
        return NULL;
    if (to.kind != LINUX_CODE_KERNEL && to.kind != LINUX_CODE_MODULE)
        return eg_strf(j->r, "machine code calls %#" PRIx64 ": %s", target,
                       to.hint ? to.hint : "no function of the kernel");
    if (complete && to.symbol && !own_call(to.symbol))
        return eg_strf(j->r, "machine code calls %s, which its instructions do not", to.symbol);
    return NULL;
}

/* ---- what it lacks ---- */

static const char *uncalled(struct linux_bpf_jit *j, const struct linux_bpf_code *code)
{
    uint64_t one;

    for (uint32_t i = 0; i < code->n; i++) {
        const struct linux_bpf_call call = linux_bpf_call(code, i);

        if ((call.kind == LINUX_BPF_HELPER || call.kind == LINUX_BPF_KFUNC) && call.target &&
            !eg_map_get(j->called, call.target, &one))
            return eg_strf(j->r, "machine code does not call %s, which its instructions do",
                           call.name ? call.name : "?");
        i += code->at[i].code == LD_IMM64;
    }
    return NULL;
}

static bool holds(const struct linux_bpf_jit *j, uint32_t value)
{
    const uint8_t bytes[] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24) };

    for (size_t i = 0; i < j->n_images; i++)
        if (memmem(j->images[i].bytes, j->images[i].n, bytes, sizeof bytes))
            return true;
    return false;
}

/* Numbers too large for two bytes stand in the machine code as they are, unless blinded. */
static bool has_number(const struct linux_bpf_insn *in)
{
    const uint8_t class = in->code & 7;

    if (in->imm <= INT16_MAX && in->imm >= INT16_MIN)
        return false;
    return in->code == LD_IMM64 ||
           (class >= ALU && !(in->code & BY_REGISTER) && in->code != CALL && in->code != JUMP_WIDE);
}

static const char *unheld(struct linux_bpf_jit *j, const struct linux_bpf_code *code)
{
    struct eg_map *seen = eg_run_map(j->r);

    for (uint32_t i = 0; i < code->n && seen->n < CONSTANTS_MAX && !eg_stopped(j->r); i++) {
        const uint32_t value = (uint32_t)code->at[i].imm;

        if (has_number(&code->at[i]) && eg_run_map_add(j->r, seen, value, 1) && !holds(j, value))
            return eg_strf(j->r, "machine code lacks %#x, which its instructions have", value);
        i += code->at[i].code == LD_IMM64;
    }
    return NULL;
}

static const char *arm64_hint(struct linux_bpf_jit *j, uint64_t at, uint32_t len,
                              const struct eg_map *known, bool complete)
{
    uint64_t target;

    if (!linux_bpf_arm64_begins(j->bytes, len))
        return "machine code does not begin as the kernel makes it";
    for (uint32_t i = 0; linux_bpf_arm64_call(j->bytes, len, at, &i, &target);) {
        const char *hint =
            target < at || target >= at + len ? call_hint(j, target, known, complete) : NULL;

        if (hint)
            return hint;
    }
    return NULL;
}

static const char *image_hint(struct linux_bpf_jit *j, struct eg_obj prog,
                              const struct eg_map *known, bool complete)
{
    struct eg_obj aux = eg_at(prog, bpf_prog_aux_at);
    uint64_t at = 0, start = 0, end = 0, target;
    uint32_t len, off = 0;

    if (!eg_get_or((uint8_t)0, prog, prog_jited))
        return NULL; // it is interpreted
    len = load(j, prog, &at);
    if (!len)
        return NULL;
    if (eg_get(&start, aux, aux_ksym_start) && eg_get(&end, aux, aux_ksym_end) && start &&
        (at < start || len > end || at > end - len))
        return "machine code is not where its symbol says";
    if (j->arm64)
        return arm64_hint(j, at, len, known, complete);
    if (!j->x86)
        return NULL;
    j->images = eg_grow(j->r, j->images, j->n_images, &j->cap, sizeof *j->images);
    j->images[j->n_images++] = (struct image){ j->bytes, len };
    if (!begins(j->bytes, len))
        return "machine code does not begin as the kernel makes it";
    target = entry_target(j->bytes, len, at);
    if (target && (target < at || target >= at + len)) {
        const char *hint = call_hint(j, target, known, true);

        if (hint)
            return hint;
    }
    while (j->d && off < len && !eg_stopped(j->r)) {
        struct eg_instruction in;
        const char *hint;

        if (!eg_disasm_one(j->d, j->bytes + off, len - off, at + off, &in))
            return eg_strf(j->r, "machine code cannot be decoded at +%#x", off);
        if (in.direct && (in.target < at || in.target >= at + len)) {
            eg_run_map_add(j->r, j->called, in.target, 1);
            hint = call_hint(j, in.target, known, complete);
            if (hint)
                return hint;
        }
        off += (uint32_t)in.size;
    }
    return NULL;
}

const char *linux_bpf_jit_hint(struct linux_bpf_jit *j, const struct linux_bpf_code *code)
{
    struct eg_obj aux = eg_at(code->prog, bpf_prog_aux_at);
    bool complete;
    const struct eg_map *known = callees(j, code, &complete);
    const char *hint;
    uint32_t n = 0, have = 0;

    j->called = eg_run_map(j->r);
    j->n_images = 0;
    hint = image_hint(j, code->prog, known, complete);
    eg_get(&n, aux, bpf_aux_n_funcs);
    for (; !hint && have < n && have < FUNCTIONS_MAX; have++) {
        struct eg_obj func = eg_deref(eg_index(eg_at(aux, bpf_aux_funcs), have));

        if (func.why)
            break;
        hint = image_hint(j, func, known, complete);
    }
    // What is not there is only said where all of it was read.
    if (hint || !complete || have < n || j->n_images != n + 1 || eg_stopped(j->r))
        return hint;
    if (j->d)
        hint = uncalled(j, code);
    return hint || eg_get_or((uint64_t)0, code->prog, prog_blinded) ? hint : unheld(j, code);
}

bool linux_bpf_jit_next(struct linux_bpf_jit *j, struct eg_obj prog, uint32_t *off,
                        struct linux_bpf_jit_line *out)
{
    uint64_t at = 0;
    const uint32_t len = load(j, prog, &at);
    struct eg_instruction in;

    if (*off >= len)
        return false;
    *out = (struct linux_bpf_jit_line){ .addr = at + *off, .bytes = j->bytes + *off, .len = 1 };
    if (j->d && eg_disasm_one(j->d, j->bytes + *off, len - *off, at + *off, &in)) {
        out->len = in.size;
        out->text = eg_strf(j->r, "%s", in.text);
        if (in.direct && linux_bpf_symbol(j->r, in.target) &&
            (in.target < at || in.target >= at + len))
            out->text = eg_strf(j->r, "%s <%s>", in.text, linux_bpf_symbol(j->r, in.target));
    } else if (!j->d) {
        out->len = EG_MIN((size_t)16, (size_t)(len - *off));
    }
    *off += (uint32_t)out->len;
    return true;
}
