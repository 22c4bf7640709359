/* kdiff.c - code of the kernel, or of a module, against its file. */
#include "kdiff.h"
#include "../../../core/run.h"
#include "../kernel/codeof.h"
#include "../kernel/step.h"

#include <stdlib.h>
#include <string.h>

EG_FIELDS(alt_instr, instr_offset, instrlen, repl_offset, replacementlen);

enum { DIFFS_MAX = 4096, WINDOW = 8 };

const char *const linux_kdiff_names[LINUX_KDIFF_KINDS] = {
    "addresses", "alternatives", "paravirt",       "retpolines",         "returns",
    "calls",     "locks",        "landing places", "run-time constants", "live patches",
};

struct work {
    struct eg_run *r;
    const struct eg_arch *arch;
    const struct linux_ktext_part *p;
    const struct linux_kfile *f;
    struct linux_kdiffs *out;
    const uint8_t *live;
    uint8_t *want; /* what the file has; places that are explained become what is live */
    size_t len;
    struct site *sites; /* of a module, by kind and address */
    size_t n_sites;
};

/* A place that the module's file says is patched while the kernel runs. */
struct site {
    uint64_t at;
    uint8_t kind; /* enum linux_patch_kind */
};

/* ---- places that are explained ---- */

static bool inside(const struct work *w, uint64_t at, size_t len)
{
    return at >= w->p->first && eg_within(at - w->p->first, len, w->len);
}

/* Is there an entry of @size bytes at @n of a table? A false file has more of them than code. */
static bool may_go_on(const struct work *w, const struct linux_kfile_section *t, uint64_t n,
                      size_t size)
{
    return t && eg_within(n, size, t->size) && n / size <= w->len / 2 && !eg_stopped(w->r);
}

/* The place that the distance at @n of a table leads to. */
static uint64_t relative(const struct linux_kfile_section *t, uint64_t n)
{
    return t->addr + n + (uint64_t)(int64_t)(int32_t)eg_le32(t->bytes + n);
}

/* The kernel may have written what is there. */
static void accept(struct work *w, uint64_t at, size_t len, enum linux_kdiff_kind kind)
{
    const size_t off = (size_t)(at - w->p->first);

    if (!memcmp(w->want + off, w->live + off, len))
        return;
    w->out->explained[kind]++;
    memcpy(w->want + off, w->live + off, len);
}

static bool step(const struct work *w, const uint8_t *b, size_t len, uint64_t at,
                 struct linux_step *s)
{
    return linux_step_at(w->arch, b, len, at, s);
}

static bool is_named(struct work *w, uint64_t target, const char *prefix)
{
    struct linux_codeof code;

    linux_codeof(w->r, target, &code);
    return code.symbol && !strncmp(code.symbol, prefix, strlen(prefix));
}

/* What stands for a jump or call of __x86_indirect_thunk_REG (patch_retpoline(),
 * arch/x86/kernel/alternative.c). */
static bool is_retpoline(struct work *w, const uint8_t *b, size_t len, uint64_t at)
{
    struct linux_step s;

    for (size_t n = 0; n < len; n += s.size) {
        const uint8_t *c = b + n;

        if (!step(w, c, len - n, at + n, &s))
            return false;
        if (s.direct && (is_named(w, s.target, "__x86_indirect_") ||
                         (s.flow == EG_FLOW_BRANCH && s.target > at && s.target <= at + len)))
            continue;
        if ((s.size == 3 && !memcmp(c, "\x0f\xae\xe8", 3)) || *c == 0xcc ||
            linux_nops(w->arch, c, s.size))
            continue;
        if (s.direct || (s.flow != EG_FLOW_CALL && s.flow != EG_FLOW_JUMP) ||
            c[s.size - 2] != 0xff || c[s.size - 1] < 0xd0)
            return false;
    }
    return true;
}

static bool is_return(struct work *w, const uint8_t *b, size_t len, uint64_t at)
{
    return linux_returns(w->r, b, len, at);
}

/* ---- alternatives ---- */

/* Bytes that do nothing at the beginning of @b: a nop, or a jump over breakpoints, as long padding
 * has since 6.4 (optimize_nops(), arch/x86/kernel/alternative.c). */
static size_t nothing(const struct work *w, const uint8_t *b, size_t len)
{
    struct linux_step s;
    uint64_t n;

    if (!step(w, b, len, 0, &s))
        return 0;
    if (linux_nops(w->arch, b, s.size))
        return s.size;
    if (s.flow != EG_FLOW_JUMP || !s.direct || s.target > len)
        return 0;
    for (n = s.size; n < s.target && b[n] == 0xcc; n++)
        ;
    return n == s.target && n > s.size ? (size_t)n : 0;
}

static size_t all_nothing(const struct work *w, const uint8_t *b, size_t len)
{
    size_t n = 0, one;

    while (n < len && (one = nothing(w, b + n, len - n)))
        n += one;
    return n;
}

/* Two instructions that do the same at two places: by their target, or the address that they
 * use. */
static bool same(const struct linux_step *a, const uint8_t *x, uint64_t x_at,
                 const struct linux_step *b, const uint8_t *y, uint64_t y_at)
{
    size_t i = 0;

    if (a->direct && b->direct)
        return a->flow == b->flow && a->target == b->target;
    if (a->size != b->size)
        return false;
    while (i < a->size && x[i] == y[i])
        i++;
    if (i == a->size)
        return true;
    for (size_t k = i < 3 ? 0 : i - 3; k <= i && k + 4 <= a->size; k++)
        if (!memcmp(x, y, k) && !memcmp(x + k + 4, y + k + 4, a->size - k - 4) &&
            (uint32_t)(eg_le32(x + k) + x_at) == (uint32_t)(eg_le32(y + k) + y_at))
            return true;
    return false;
}

/* Is @live, of @len bytes, the @n bytes of @code, with other or more nops? */
static bool is_code(struct work *w, const uint8_t *live, size_t len, uint64_t at,
                    const uint8_t *code, size_t n, uint64_t code_at)
{
    struct linux_step a = { 0 }, b;
    size_t i = 0, k = 0;

    while (k < n) {
        if (!step(w, code + k, n - k, code_at + k, &b))
            return false;
        if (nothing(w, code + k, n - k)) {
            k += nothing(w, code + k, n - k);
            continue;
        }
        i += all_nothing(w, live + i, len - i);
        if (i >= len)
            return false;
        if (b.direct && i + b.size <= len &&
            ((is_named(w, b.target, "__x86_indirect_") &&
              is_retpoline(w, live + i, b.size, at + i)) ||
             (is_return(w, code + k, b.size, code_at + k) &&
              is_return(w, live + i, b.size, at + i)))) {
            i += b.size;
            k += b.size;
            continue;
        }
        if (!step(w, live + i, len - i, at + i, &a) ||
            !(same(&a, live + i, at + i, &b, code + k, code_at + k) ||
              (a.direct && b.direct && a.flow == b.flow && b.target - code_at <= n &&
               a.target - at == b.target - code_at))) // within the replacement
            return false;
        i += a.size;
        k += b.size;
    }
    while (i < len && live[i] == 0xcc && n && a.flow != EG_FLOW_NEXT) // behind a return
        i++;
    return i + all_nothing(w, live + i, len - i) == len;
}

/* A call or jump through pv_ops, of which the pointer was written into the code; nothing where it
 * leads to a function that does nothing (alt_replace_call(), paravirt_patch()). */
static bool is_direct_call(struct work *w, const uint8_t *live, size_t len, uint64_t at,
                           const uint8_t *code)
{
    struct linux_step s;
    uint64_t target, slot;

    if (len >= 7 && code[0] == 0xff && code[1] == 0x14 && code[2] == 0x25) // until 5.17
        slot = (uint64_t)(int64_t)(int32_t)eg_le32(code + 3);
    else if (len >= 6 && code[0] == 0xff && (code[1] == 0x15 || code[1] == 0x25))
        slot = at + 6 + (uint64_t)(int64_t)(int32_t)eg_le32(code + 2);
    else
        return false;
    if (!eg_read_u64(eg_view_of(w->r), eg_kernel(w->r), slot, false, &target))
        return false;
    if (all_nothing(w, live, len) == len)
        return is_named(w, target, "nop_func") || is_named(w, target, "x86_nop") ||
               is_named(w, target, "_paravirt_nop") || is_named(w, target, "paravirt_nop");
    return step(w, live, len, at, &s) && s.direct && s.target == target &&
           s.flow == (code[1] == 0x25 ? EG_FLOW_JUMP : EG_FLOW_CALL) &&
           s.size + all_nothing(w, live + s.size, len - s.size) == len;
}

/* What the native operations are inline (arch/x86/kernel/paravirt_patch.c, until 5.17). */
static bool is_native(struct work *w, const uint8_t *live, size_t len)
{
    static const struct {
        const char *bytes;
        size_t n;
    } ops[] = {
        { "\xfa", 1 },         { "\xfb", 1 },         { "\x9c\x58", 2 },     { "\x57\x9d", 2 },
        { "\x0f\x20\xd0", 3 }, { "\x0f\x20\xd8", 3 }, { "\x0f\x22\xdf", 3 }, { "\x0f\x09", 2 },
        { "\x48\x89\xf8", 3 }, { "\xc6\x07\x00", 3 }, { "\x31\xc0", 2 },
    };

    if (linux_nops(w->arch, live, len))
        return true;
    for (size_t i = 0; i < countof(ops); i++)
        if (len >= ops[i].n && !memcmp(live, ops[i].bytes, ops[i].n) &&
            (len == ops[i].n || linux_nops(w->arch, live + ops[i].n, len - ops[i].n)))
            return true;
    return false;
}

/* Where the member is in an entry of @size bytes; false: this kernel's type has none there. */
static bool member(struct work *w, uint32_t id, size_t len, size_t size, size_t *off)
{
    const struct eg_slot *s = eg_slot(w->r, id);

    *off = s->off;
    return s->kind && eg_within(s->off, len, size);
}

static void alternatives(struct work *w)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, ".altinstructions");
    const size_t size = eg_has(w->r, alt_instr.instrlen) ? eg_object(w->r, alt_instr, 1).size : 0;
    size_t instr, repl, its_len, made_len;

    if (!t || size < 12 || !member(w, eg_f_alt_instr.instr_offset.id, 4, size, &instr) ||
        !member(w, eg_f_alt_instr.repl_offset.id, 4, size, &repl) ||
        !member(w, eg_f_alt_instr.instrlen.id, 1, size, &its_len) ||
        !member(w, eg_f_alt_instr.replacementlen.id, 1, size, &made_len))
        return;
    for (size_t n = 0; may_go_on(w, t, n, size); n += size) {
        const uint8_t *e = t->bytes + n;
        const uint64_t at = t->addr + n + instr + (uint64_t)(int64_t)(int32_t)eg_le32(e + instr),
                       from = t->addr + n + repl + (uint64_t)(int64_t)(int32_t)eg_le32(e + repl);
        const uint8_t len = e[its_len], made = e[made_len];
        const uint8_t *live, *code, *before;

        if (!inside(w, at, len) || !(before = linux_kfile_at(w->f, at, len)))
            continue;
        live = w->live + (at - w->p->first);
        code = made ? linux_kfile_at(w->f, from, made) : live;
        if ((code && is_code(w, live, len, at, code, made, from)) ||
            is_code(w, live, len, at, before, len, at) || is_direct_call(w, live, len, at, before))
            accept(w, at, len, LINUX_KDIFF_ALTERNATIVE);
    }
}

/* struct paravirt_patch_site (arch/x86/include/asm/paravirt_types.h, until 6.7): pointer, type,
 * length. */
static void paravirt(struct work *w)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, ".parainstructions");

    for (size_t n = 0; may_go_on(w, t, n, 10); n += 16) { // the last is not padded
        const uint64_t at = eg_le64(t->bytes + n) + (w->f->relocated ? 0 : (uint64_t)w->f->shift);
        const uint8_t len = t->bytes[n + 9];
        const uint8_t *live, *code;

        if (!inside(w, at, len))
            continue;
        live = w->live + (at - w->p->first);
        code = w->want + (at - w->p->first);
        if (is_direct_call(w, live, len, at, code) || is_native(w, live, len))
            accept(w, at, len, LINUX_KDIFF_PARAVIRT);
    }
}

/* ---- lists of places ---- */

static void one_place(struct work *w, enum linux_kdiff_kind kind, uint64_t at)
{
    const size_t off = (size_t)(at - w->p->first), left = w->len - off;
    const uint8_t *live = w->live + off, *want = w->want + off;
    struct linux_step a, b;

    switch (kind) {
    case LINUX_KDIFF_LOCK:
        if (*want == 0xf0 && *live == 0x3e)
            accept(w, at, 1, kind);
        break;
    case LINUX_KDIFF_ENDBR:
        if (left >= 4 && !memcmp(want, "\xf3\x0f\x1e\xfa", 4) && linux_nops(w->arch, live, 4))
            accept(w, at, 4, kind);
        break;
    case LINUX_KDIFF_CALL:
        if (step(w, live, left, at, &a) && step(w, want, left, at, &b) && a.direct && b.direct &&
            a.size == b.size && a.flow == b.flow && a.target < b.target &&
            b.target - a.target <= 16)
            accept(w, at, a.size, kind);
        break;
    case LINUX_KDIFF_RETURN:
        if (left >= 5 && step(w, want, left, at, &b) && b.size == 5 && is_return(w, live, 5, at))
            accept(w, at, 5, kind);
        break;
    case LINUX_KDIFF_RETPOLINE:
        if (step(w, want, left, at, &b) && b.direct && is_retpoline(w, live, b.size, at))
            accept(w, at, b.size, kind);
        break;
    default:
        break;
    }
}

static void places(struct work *w, const char *section, enum linux_kdiff_kind kind)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, section);

    for (size_t n = 0; may_go_on(w, t, n, 4); n += 4) {
        const uint64_t at = relative(t, n);

        if (inside(w, at, 1))
            one_place(w, kind, at);
    }
}

/* arch/x86/include/asm/runtime-const.h (since 6.11): sections name the variable. */
static void runtime_constants(struct work *w)
{
    for (size_t i = 0; i < w->f->n_sections; i++) {
        const struct linux_kfile_section *t = &w->f->sections[i];
        const bool pointer = !strncmp(t->name, "runtime_ptr_", 12);
        const char *name = t->name + (pointer ? 12 : 14);
        const size_t len = pointer ? 8 : 1;
        uint64_t var, value = 0, at;
        bool known;

        if (!pointer && strncmp(t->name, "runtime_shift_", 14) != 0)
            continue;
        known = eg_system_own_symbol(eg_system_of(w->r), name, &var, NULL) &&
                eg_read_u64(eg_view_of(w->r), eg_kernel(w->r), var, false, &value);
        for (size_t n = 0; may_go_on(w, t, n, 4); n += 4) {
            at = relative(t, n);
            if (!inside(w, at, len))
                continue;
            // A variable whose name the kernel does not keep: all places agree with the first.
            if (!known)
                value = eg_le64(w->live + (at - w->p->first));
            known = true;
            if (!memcmp(w->live + (at - w->p->first), &value, len))
                accept(w, at, len, LINUX_KDIFF_RUNTIME);
        }
    }
}

static int by_kind(const void *a, const void *b)
{
    const struct site *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* What the tables of a module's file name; the kernel's own are in its data. */
static void find_sites(struct work *w)
{
    static const struct {
        const char *section;
        unsigned size; /* of an entry */
        enum linux_patch_kind kind;
    } tables[] = {
        { "__mcount_loc", 8, LINUX_PATCH_FTRACE },
        { "__jump_table", 16, LINUX_PATCH_JUMP },
        { ".static_call_sites", 8, LINUX_PATCH_CALL },
    };

    for (int pass = 0; w->f->module && pass < 2; pass++) {
        if (pass)
            w->sites = eg_tmp(w->r, (w->n_sites + 1) * sizeof *w->sites);
        w->n_sites = 0;
        for (size_t i = 0; i < countof(tables); i++) {
            const struct linux_kfile_section *t = linux_kfile_section(w->f, tables[i].section);

            for (uint64_t n = 0; may_go_on(w, t, n, tables[i].size); n += tables[i].size) {
                if (pass)
                    w->sites[w->n_sites] =
                        (struct site){ tables[i].kind == LINUX_PATCH_FTRACE ? eg_le64(t->bytes + n)
                                                                            : relative(t, n),
                                       (uint8_t)tables[i].kind };
                w->n_sites++;
            }
        }
    }
    if (w->n_sites)
        qsort(w->sites, w->n_sites, sizeof *w->sites, by_kind);
}

/* Does the file name the place of this live record, as far as files do? */
static bool is_site(const struct work *w, const struct linux_patch *p)
{
    const struct site site = { p->at, p->kind };

    return !w->f->module || p->kind == LINUX_PATCH_KPROBE || p->kind == LINUX_PATCH_TRAMPOLINE ||
           (w->n_sites && bsearch(&site, w->sites, w->n_sites, sizeof site, by_kind));
}

static void live_patches(struct work *w)
{
    const struct linux_patches *all = linux_patches(w->r);

    for (size_t i = all ? linux_patch_from(all, w->p->first) : 0; all && i < all->n; i++) {
        const struct linux_patch *p = &all->at[i];
        const uint8_t *live;
        struct linux_step s;
        size_t len = 5;

        if (!inside(w, p->at, LINUX_PATCH_BYTES))
            break;
        live = w->live + (p->at - w->p->first);
        if (!is_site(w, p) || linux_patch_hint(w->r, p, live, LINUX_PATCH_BYTES) ||
            !step(w, live, 8, p->at, &s))
            continue;
        if (p->kind == LINUX_PATCH_JUMP && s.size == 2)
            len = 2;
        else if (p->kind == LINUX_PATCH_KPROBE && *live == 0xcc)
            len = 1;
        else if (p->kind == LINUX_PATCH_KPROBE &&
                 (!s.direct ||
                  linux_whose_code(linux_codes(w->r), s.target, NULL) != LINUX_CODE_KPROBES))
            continue;
        else if ((p->kind == LINUX_PATCH_CALL || p->kind == LINUX_PATCH_TRAMPOLINE) && !p->known)
            continue;
        else if (s.direct && s.size == 6)
            len = 6;
        accept(w, p->at, len, LINUX_KDIFF_LIVE);
    }
}

/* What ftrace's own entries call: the function that it has in a variable
 * (ftrace_update_ftrace_func(), kernel/trace/ftrace.c); and that of graphs. */
static void ftrace_entries(struct work *w)
{
    static const char *const calls[] = { "ftrace_call", "ftrace_regs_call", "ftrace_graph_call" };
    const struct eg_system *sys = eg_system_of(w->r);
    uint64_t at, var, function, graph;
    struct linux_step s;

    if (!eg_system_own_symbol(sys, "ftrace_graph_caller", &graph, NULL))
        graph = 0;
    for (size_t i = 0; i < countof(calls); i++) {
        if (!eg_system_own_symbol(sys, calls[i], &at, NULL) || !inside(w, at, 5) ||
            !step(w, w->live + (at - w->p->first), 5, at, &s) || !s.direct || s.size != 5)
            continue;
        if (i == 2 ? graph && s.target == graph
                   : is_named(w, s.target, "ftrace_ops_list_func") ||
                         is_named(w, s.target, "arch_ftrace_ops_list_func") ||
                         is_named(w, s.target, "ftrace_stub") ||
                         (eg_system_own_symbol(sys, "ftrace_trace_function", &var, NULL) &&
                          eg_read_u64(eg_view_of(w->r), eg_kernel(w->r), var, false, &function) &&
                          function == s.target &&
                          linux_whose_code(linux_codes(w->r), function, NULL) == LINUX_CODE_KERNEL))
            accept(w, at, 5, LINUX_KDIFF_LIVE);
    }
}

/* ---- what is left ---- */

/* A file without relocations: a word that KASLR has moved by just its shift. */
static void moved_addresses(struct work *w)
{
    const uint64_t by = (uint64_t)w->f->shift;

    for (size_t i = 0; i + WINDOW <= w->len && !w->f->relocated; i++) {
        if (w->live[i] == w->want[i])
            continue;
        for (size_t k = i < 3 ? 0 : i - 3; k <= i; k++) {
            const uint32_t now = eg_le32(w->live + k), was = eg_le32(w->want + k);

            if (now - was == (uint32_t)by || was - now == (uint32_t)by) {
                accept(w, w->p->first + k, 4, LINUX_KDIFF_ADDRESS);
                i = k + 3;
                break;
            }
        }
    }
}

static void add(struct work *w, size_t off, size_t *cap)
{
    size_t at = off;
    struct linux_step s;
    struct linux_kdiff *d;

    while (at && off - at < 15 && !(w->p->starts[at] & 1))
        at--;
    if (!(w->p->starts[at] & 1) || !step(w, w->live + at, w->len - at, w->p->first + at, &s) ||
        at + s.size <= off)
        s.size = (uint8_t)EG_MIN((size_t)8, w->len - (at = off));
    if (w->out->n == DIFFS_MAX) {
        w->out->cut = true;
        return;
    }
    w->out->at = eg_grow(w->r, w->out->at, w->out->n, cap, sizeof *w->out->at);
    d = &w->out->at[w->out->n++];
    *d = (struct linux_kdiff){ .at = w->p->first + at, .len = s.size, .module = w->f->module };
    memcpy(d->expected, w->want + at, EG_MIN((size_t)s.size, sizeof d->expected));
}

static void collect(struct work *w)
{
    uint64_t last = 0;

    for (size_t i = 0; i < w->len && !w->out->cut; i++) {
        if (w->live[i] == w->want[i] || w->p->first + i < last ||
            !linux_ktext_there(w->p, w->p->first + i))
            continue;
        add(w, i, &w->out->cap);
        last = w->out->at[w->out->n - 1].at + w->out->at[w->out->n - 1].len;
    }
}

/* What the file has of this part of the code; between sections it has nothing. */
static void overlay(struct work *w)
{
    memcpy(w->want, w->live, w->len);
    for (size_t i = 0; i < w->f->n_sections; i++) {
        const struct linux_kfile_section *s = &w->f->sections[i];
        const uint64_t first = EG_MAX(s->addr, w->p->first),
                       end = EG_MIN(s->addr + s->size, w->p->first + w->len);

        if (!s->code || s->addr + s->size < s->addr || first >= end)
            continue;
        memcpy(w->want + (first - w->p->first), s->bytes + (first - s->addr),
               (size_t)(end - first));
        w->out->compared += end - first;
    }
}

static void forget(void *arg)
{
    uint8_t **bytes = arg;

    free(*bytes);
    *bytes = NULL;
}

bool linux_kdiff(struct eg_run *r, const struct linux_ktext_part *p, const struct linux_kfile *f,
                 struct linux_kdiffs *out)
{
    struct work w = { .r = r,
                      .arch = eg_system_of(r)->arch,
                      .p = p,
                      .f = f,
                      .out = out,
                      .live = p->bytes,
                      .len = (size_t)(p->last - p->first) + 1 };
    const uint64_t before = out->compared;
    uint8_t **want = eg_tmp(r, sizeof *want);

    *want = w.want = malloc(w.len);
    if (!w.want) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's file");
        eg_run_leave(r);
    }
    eg_run_defer(r, forget, want);
    overlay(&w);
    find_sites(&w);
    moved_addresses(&w);
    alternatives(&w);
    paravirt(&w);
    places(&w, ".retpoline_sites", LINUX_KDIFF_RETPOLINE);
    places(&w, ".return_sites", LINUX_KDIFF_RETURN);
    places(&w, ".call_sites", LINUX_KDIFF_CALL);
    places(&w, ".smp_locks", LINUX_KDIFF_LOCK);
    places(&w, ".ibt_endbr_seal", LINUX_KDIFF_ENDBR);
    runtime_constants(&w);
    live_patches(&w);
    if (!f->module)
        ftrace_entries(&w);
    collect(&w);
    forget(want);
    return out->compared > before;
}
