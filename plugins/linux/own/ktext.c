/* ktext.c - the code of the kernel and of its modules, instruction by instruction. */
#include "ktext.h"
#include "../../../core/run.h"
#include "../../../core/vec.h"
#include "../kernel/codeof.h"
#include "../kernel/patched.h"
#include "../kernel/step.h"
#include "../mm/elf.h"
#include "code.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    PIECE = 1 << 17, /* bytes of code that one thread takes at a time */
    PARTS_MAX = 2048,
    PART_MAX = 64 << 20,   /* bytes of one part: a kernel has 30 MiB */
    TOTAL_MAX = 128 << 20, /* of all */
    FOUND_MAX = 1 << 14,
    IMAGE_MAX = 64 << 20, /* of the kernel's image, about */
    FUNCTIONS_MAX = 1 << 20,
    BEGINS = 1, /* of a byte: an instruction begins there */
    LED_TO = 2, /* a jump of the same function leads there */
};

struct worker {
    EG_VEC(struct linux_ktext_found) found;
    uint64_t steps, undecoded;
    bool cut;
};

/* Everything that the run frees at its end. */
struct work {
    struct linux_ktext *out;
    const struct eg_arch *arch;
    EG_VEC(struct linux_ktext_part) parts;
    EG_VEC(void *) blocks;
    struct piece {
        uint32_t part;
        size_t from, to; /* indexes of functions */
    } * pieces;
    size_t n_pieces;
    struct worker *workers;
    unsigned n_workers;
};

static void forget(void *arg)
{
    struct work *w = arg;

    for (size_t i = 0; i < w->blocks.n; i++)
        free(w->blocks.at[i]);
    for (unsigned i = 0; i < w->n_workers; i++)
        eg_vec_fini(&w->workers[i].found);
    free(w->workers);
    eg_vec_fini(&w->blocks);
    eg_vec_fini(&w->parts);
    free(w);
}

/* Zeroed memory that the run frees at its end. */
static void *block(struct eg_run *r, struct work *w, size_t len)
{
    void *at = calloc(1, len ? len : 1), **slot = at ? eg_vec_push(&w->blocks) : NULL;

    if (!slot) {
        free(at);
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's code");
        eg_run_leave(r);
    }
    return *slot = at;
}

/* ---- what is to be looked at ---- */

static void read_part(struct eg_run *r, struct work *w, struct linux_ktext_part *p)
{
    const size_t len = (size_t)(p->last - p->first) + 1;
    uint8_t *bytes = block(r, w, len + EG_INSTRUCTION_MAX);
    uint8_t *missing = block(r, w, len / PAGE + 2);

    for (uint64_t at = p->first, end; at <= p->last; at = end) {
        end = EG_MIN((at | (PAGE - 1)) + 1, p->last + 1);
        if (!eg_read(eg_view_of(r), eg_kernel(r), at, bytes + (at - p->first),
                     (size_t)(end - at))) {
            missing[(at - (p->first & ~(uint64_t)(PAGE - 1))) / PAGE] = 1;
            w->out->n_missing++;
        }
    }
    p->bytes = bytes;
    p->missing = missing;
    p->starts = block(r, w, len + 1);
}

bool linux_ktext_there(const struct linux_ktext_part *p, uint64_t addr)
{
    return !p->missing[(addr - (p->first & ~(uint64_t)(PAGE - 1))) / PAGE];
}

static int by_place(const void *a, const void *b)
{
    const struct linux_ktext_function *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Symbols of one source that lie in a part. */
static size_t symbols_in(const struct eg_symbols *s, const struct linux_ktext_part *p,
                         struct linux_ktext_function *out, size_t max)
{
    const struct eg_symbol *all = s->profile->symbols;
    size_t low = 0, high = s->profile->n_symbols, n = 0;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (all[mid].addr + s->shift < p->first)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < s->profile->n_symbols && all[low].addr + s->shift <= p->last; low++) {
        if (n == max)
            break;
        if (out)
            out[n] = (struct linux_ktext_function){ (uint32_t)(all[low].addr + s->shift - p->first),
                                                    all[low].size };
        n++;
    }
    return n;
}

/* Sizes become ends. A module's code ends with replacements of instructions
 * (.altinstr_replacement), which belong to no symbol. */
static size_t settle(struct linux_ktext_function *f, size_t n, uint32_t len)
{
    size_t k = 0;

    qsort(f, n, sizeof *f, by_place);
    for (size_t i = 0; i < n; i++) {
        if (k && f[k - 1].at == f[i].at)
            f[k - 1].end = EG_MAX(f[k - 1].end, f[i].end);
        else
            f[k++] = f[i];
    }
    for (size_t i = 0; i < k; i++) {
        const uint32_t next = i + 1 < k ? f[i + 1].at : len;

        f[i].end = f[i].end && f[i].end < next - f[i].at ? f[i].at + f[i].end : next;
    }
    return k;
}

static void find_functions(struct eg_run *r, struct work *w, struct linux_ktext_part *p)
{
    struct eg_system *sys = eg_system_of(r);
    struct linux_ktext_function *at;
    size_t n = 1;

    for (int pass = 0; pass < 2; pass++) {
        at = pass ? block(r, w, n * sizeof *at) : NULL;
        n = 1; // what is before the first symbol
        for (size_t i = 0; i < sys->symbols.n; i++)
            n += symbols_in(&sys->symbols.at[i], p, at ? at + n : NULL, FUNCTIONS_MAX - n);
        for (size_t i = 0; i < sys->module_symbols.n; i++)
            n += symbols_in(&sys->module_symbols.at[i], p, at ? at + n : NULL, FUNCTIONS_MAX - n);
    }
    p->n_functions = settle(at, n, (uint32_t)(p->last - p->first) + 1);
    p->functions = at;
}

static bool find_parts(struct eg_run *r, struct work *w)
{
    const struct linux_codes *codes = linux_codes(r);
    const struct linux_code_range *c;
    const char *name, *module;
    uint64_t total = 0, off;

    eg_system_symbol_at(eg_system_of(r), 1, &name, &off, &module); // modules' names are read now
    for (int kernel = 1; kernel >= 0; kernel--) {
        for (size_t i = 0; linux_next_code(codes, &i, &c);) {
            struct linux_ktext_part *p;

            if (c->kind != (kernel ? LINUX_CODE_KERNEL : LINUX_CODE_MODULE))
                continue;
            if (c->last - c->first >= PART_MAX || total + (c->last - c->first) > TOTAL_MAX ||
                w->parts.n == PARTS_MAX) {
                w->out->cut = true;
                continue;
            }
            total += c->last - c->first;
            p = eg_vec_push(&w->parts);
            if (p)
                *p = (struct linux_ktext_part){ .first = c->first, .last = c->last, .who = c->who };
        }
        if (kernel && !w->parts.n)
            return false;
    }
    for (size_t i = 0; i < w->parts.n && !eg_stopped(r); i++) {
        read_part(r, w, &w->parts.at[i]);
        find_functions(r, w, &w->parts.at[i]);
        w->out->n_functions += w->parts.at[i].n_functions;
    }
    return true;
}

static void cut_into_pieces(struct eg_run *r, struct work *w)
{
    for (int pass = 0; pass < 2; pass++) {
        w->pieces = pass ? block(r, w, w->n_pieces * sizeof *w->pieces) : NULL;
        w->n_pieces = 0;
        for (size_t i = 0; i < w->parts.n; i++) {
            const struct linux_ktext_part *p = &w->parts.at[i];

            for (size_t from = 0, to; from < p->n_functions; from = to, w->n_pieces++) {
                for (to = from + 1;
                     to < p->n_functions && p->functions[to].at - p->functions[from].at < PIECE;
                     to++)
                    ;
                if (pass)
                    w->pieces[w->n_pieces] = (struct piece){ (uint32_t)i, from, to };
            }
        }
    }
}

/* ---- first pass: where instructions begin ---- */

static int find_starts(void *context, size_t piece, unsigned worker)
{
    struct work *w = context;
    const struct piece *pc = &w->pieces[piece];
    const struct linux_ktext_part *p = &w->parts.at[pc->part];
    uint8_t *starts = (uint8_t *)p->starts; // of this file's own making
    struct linux_step s;

    for (size_t i = pc->from; i < pc->to; i++) {
        const uint32_t end = p->functions[i].end;

        for (uint32_t at = p->functions[i].at; at < end; at += s.size) {
            if (!linux_ktext_there(p, p->first + at))
                break;
            // The last may go on behind the next symbol: retbleed_untrain_ret does.
            if (!linux_step_at(w->arch, p->bytes + at, EG_INSTRUCTION_MAX, p->first + at, &s)) {
                w->workers[worker].undecoded += 1;
                break;
            }
            starts[at] |= BEGINS;
            if (s.direct && s.target - p->first >= p->functions[i].at && s.target - p->first < end)
                starts[s.target - p->first] |= LED_TO;
            w->workers[worker].steps++;
        }
    }
    return 0;
}

/* ---- second pass: where they lead ---- */

const struct linux_ktext_part *linux_ktext_at(const struct linux_ktext *t, uint64_t addr)
{
    size_t low = 1, high = t->n_parts;

    if (t->n_parts && addr >= t->parts[0].first && addr <= t->parts[0].last)
        return &t->parts[0];
    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (t->parts[mid].last < addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n_parts && addr >= t->parts[low].first ? &t->parts[low] : NULL;
}

static void found(struct worker *k, const struct piece *pc, enum linux_ktext_what what, uint64_t at,
                  uint64_t target)
{
    struct linux_ktext_found *f = k->found.n < FOUND_MAX ? eg_vec_push(&k->found) : NULL;

    if (f)
        *f = (struct linux_ktext_found){ at, target, (uint8_t)what, pc->part };
    else
        k->cut = true;
}

/* AArch64: a module reaches what is far away by veneers behind its functions, which no symbol has
 * (arch/arm64/kernel/module-plts.c). */
static bool veneer(const struct work *w, const struct linux_ktext_part *p, uint64_t *target)
{
    const size_t left = (size_t)(p->last - *target) + 1;
    const struct linux_stub s =
        linux_stub_at(w->arch, p->bytes + (*target - p->first), left, *target);

    if (s.what && s.known)
        *target = s.target;
    return s.what && s.known;
}

static void direct(struct work *w, struct worker *k, const struct piece *pc, uint64_t at,
                   const struct linux_step *s)
{
    const struct linux_ktext_part *own = &w->parts.at[pc->part], *to;
    uint64_t target = s->target;
    unsigned n = 0;

    do
        to = target >= own->first && target <= own->last ? own : linux_ktext_at(w->out, target);
    while (w->arch->code_unit == 4 && to && !(to->starts[target - to->first] & BEGINS) &&
           linux_ktext_there(to, target) && n++ < 2 && veneer(w, to, &target));

    // What leads from a module into the kernel or into a module is told when it is shown.
    if (!to || (to != own && (pc->part == 0 || to != &w->parts.at[0])))
        found(k, pc, s->flow == EG_FLOW_CALL ? LINUX_KTEXT_CALL : LINUX_KTEXT_JUMP, at, target);
    else if (w->arch->code_unit != 4 && !(to->starts[target - to->first] & BEGINS) &&
             linux_ktext_there(to, target))
        found(k, pc, LINUX_KTEXT_INSIDE, at, target);
}

/* A breakpoint that is no padding: of x86-64 int3, which also fills what is behind code, several of
 * them, or one and nops up to the next function; of AArch64 that of kprobes
 * (arch/arm64/include/asm/brk-imm.h). */
static bool is_breakpoint(const struct work *w, const struct linux_ktext_part *p, uint32_t at,
                          uint32_t end)
{
    if (w->arch->elf_machine != ELF_X86_64)
        return eg_le32(p->bytes + at) == 0xd4200080;
    at++;
    return p->bytes[at - 1] == 0xcc && at < end && p->bytes[at] != 0xcc &&
           !linux_nops(w->arch, p->bytes + at, end - at);
}

/* x86-64: "call [place]", "jmp [rip + place]": where the pointer lies; 0: it is none of these. */
static uint64_t slot_of(const uint8_t *b, uint64_t at)
{
    enum { CALL = 0x10, JUMP = 0x20, NEXT_PLUS = 0x05, SIB = 0x04, PLAIN = 0x25 };
    const unsigned kind = b[1] & 0x38;

    if (b[0] != 0xff || (kind != CALL && kind != JUMP))
        return 0;
    if ((b[1] & 0xc7) == NEXT_PLUS)
        return at + 6 + (uint64_t)(int64_t)(int32_t)eg_le32(b + 2);
    return (b[1] & 0xc7) == SIB && b[2] == PLAIN ? (uint64_t)(int64_t)(int32_t)eg_le32(b + 3) : 0;
}

static void look(struct work *w, struct worker *k, const struct piece *pc, size_t function)
{
    const struct linux_ktext_part *p = &w->parts.at[pc->part];
    const uint32_t end = p->functions[function].end;
    enum eg_flow before = EG_FLOW_NEXT;
    struct linux_step s;
    bool data = false;

    for (uint32_t at = p->functions[function].at; at < end && p->starts[at] & BEGINS;
         at += s.size) {
        const uint8_t *b = p->bytes + at;
        struct linux_stub stub;

        if (!linux_step_at(w->arch, b, EG_INSTRUCTION_MAX, p->first + at, &s))
            return;
        // AArch64: what is behind a return, and no jump leads to, may be data of the function. A
        // branch reaches 1 MiB.
        data = w->arch->code_unit == 4 && !(p->starts[at] & LED_TO) &&
               (data || before == EG_FLOW_RETURN);
        if (data)
            continue;
        if (s.direct && w->arch->code_unit == 4 && s.flow == EG_FLOW_BRANCH)
            ;
        else if (s.direct)
            direct(w, k, pc, p->first + at, &s);
        else if (s.flow == EG_FLOW_TRAP && (before == EG_FLOW_NEXT || before == EG_FLOW_BRANCH) &&
                 is_breakpoint(w, p, at, end))
            found(k, pc, LINUX_KTEXT_STOPS, p->first + at, 0);
        // Calls by the kernel's own pointers, as of pv_ops, are many: its data is behind its code.
        if (w->arch->elf_machine == ELF_X86_64 && *b == 0xff && slot_of(b, p->first + at) &&
            slot_of(b, p->first + at) - w->parts.at[0].first >= IMAGE_MAX)
            found(k, pc, LINUX_KTEXT_SLOT, p->first + at, slot_of(b, p->first + at));
        if (w->arch->elf_machine != ELF_X86_64 || *b == 0x48 || *b == 0x49 || *b == 0x68 ||
            *b == 0xff) {
            stub = linux_stub_at(w->arch, b, end - at, p->first + at);
            if (stub.what && stub.far && stub.known)
                found(k, pc, LINUX_KTEXT_FAR, p->first + at, stub.target);
        }
        before = (enum eg_flow)s.flow;
    }
}

static int look_at_piece(void *context, size_t piece, unsigned worker)
{
    struct work *w = context;

    for (size_t i = w->pieces[piece].from; i < w->pieces[piece].to; i++)
        look(w, &w->workers[worker], &w->pieces[piece], i);
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct linux_ktext_found *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->what > y->what) - (x->what < y->what);
}

static void collect(struct eg_run *r, struct work *w)
{
    struct linux_ktext *t = w->out;
    size_t n = 0;

    for (unsigned i = 0; i < w->n_workers; i++) {
        t->n_steps += w->workers[i].steps;
        t->n_undecoded += w->workers[i].undecoded;
        t->n_found += w->workers[i].found.n;
        t->cut |= w->workers[i].cut;
    }
    t->found = block(r, w, t->n_found * sizeof *t->found);
    for (unsigned i = 0; i < w->n_workers; i++) {
        if (w->workers[i].found.n)
            memcpy(t->found + n, w->workers[i].found.at, w->workers[i].found.n * sizeof *t->found);
        n += w->workers[i].found.n;
    }
    qsort(t->found, t->n_found, sizeof *t->found, by_address);
}

bool linux_ktext(struct eg_run *r, struct linux_ktext *out)
{
    struct eg_system *sys = eg_system_of(r);
    struct work *w;

    *out = (struct linux_ktext){ 0 };
    if (!linux_steps(sys->arch))
        return false;
    w = calloc(1, sizeof *w);
    if (!w) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's code");
        eg_run_leave(r);
    }
    w->out = out;
    w->arch = sys->arch;
    eg_run_defer(r, forget, w);
    if (!find_parts(r, w))
        return false;
    out->parts = w->parts.at;
    out->n_parts = w->parts.n;
    cut_into_pieces(r, w);
    w->n_workers = eg_threads(sys->options.threads);
    w->workers = calloc(w->n_workers, sizeof *w->workers);
    if (!w->workers) {
        w->n_workers = 0;
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's code");
        eg_run_leave(r);
    }
    eg_parallel(sys->options.threads, w->n_pieces, find_starts, w);
    eg_parallel(sys->options.threads, w->n_pieces, look_at_piece, w);
    collect(r, w);
    return true;
}
