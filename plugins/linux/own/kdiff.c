/* kdiff.c - code of the kernel, or of a module, against its file. */
#include "../kernel/codeof.h"
#include "../mm/elf.h"
#include "kdiff_work.h"

#include <stdlib.h>
#include <string.h>

enum { DIFFS_MAX = 4096, WINDOW = 8 };

const char *const linux_kdiff_names[LINUX_KDIFF_KINDS] = {
    "addresses", "alternatives", "paravirt",       "retpolines",         "returns",
    "calls",     "locks",        "landing places", "run-time constants", "patches at run time",
};

/* ---- places that are explained ---- */

/* The kernel may have written what is there. */
void linux_kdiff_accept(struct linux_kdiff_work *w, uint64_t at, size_t len,
                        enum linux_kdiff_kind kind)
{
    const size_t off = (size_t)(at - w->p->first);

    if (!memcmp(w->want + off, w->live + off, len))
        return;
    w->out->explained[kind]++;
    memcpy(w->want + off, w->live + off, len);
}

bool linux_kdiff_named(struct linux_kdiff_work *w, uint64_t target, const char *prefix)
{
    struct linux_codeof code;

    linux_codeof(w->r, target, &code);
    return code.symbol && !strncmp(code.symbol, prefix, strlen(prefix));
}

/* The number of the register whose name @text ends with, or has before a distance; -1: none. */
static int register_in(const char *text)
{
    static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi" };
    const char *name = strrchr(text, '_');

    if (!name || strchr(name, '+'))
        return -1;
    name++;
    if (*name == 'r' && name[1] >= '0' && name[1] <= '9')
        return atoi(name + 1);
    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(name, names[i]))
            return (int)i;
    return -1;
}

/* call or jmp through a register: [41] ff /2 or /4. */
static int register_of(const uint8_t *b, size_t len)
{
    const size_t n = len && *b == 0x41;

    if (len < n + 2 || b[n] != 0xff || ((b[n + 1] & 0xf8) != 0xd0 && (b[n + 1] & 0xf8) != 0xe0))
        return -1;
    return (b[n + 1] & 7) + (n ? 8 : 0);
}

/* The register of a thunk of the kernel, *@known: or of one made at run time (its_init_thunk(),
 * arch/x86/kernel/alternative.c): jmp *reg, int3. */
static int thunk_register(struct linux_kdiff_work *w, uint64_t at, bool *known)
{
    struct linux_codeof code;
    uint8_t b[4];

    linux_codeof(w->r, at, &code);
    *known = code.symbol && !strncmp(code.symbol, "__x86_indirect_", 15);
    if (*known)
        return register_in(code.symbol);
    if (!eg_read(eg_view_of(w->r), eg_kernel(w->r), at, b, sizeof b) ||
        b[*b == 0x41 ? 3 : 2] != 0xcc || (b[*b == 0x41 ? 2 : 1] & 0xf8) != 0xe0)
        return -1;
    *known = register_of(b, sizeof b) >= 0;
    return register_of(b, sizeof b);
}

/* patch_retpoline(), arch/x86/kernel/alternative.c. */
bool linux_kdiff_retpoline(struct linux_kdiff_work *w, const uint8_t *b, size_t len, uint64_t at,
                           uint64_t thunk)
{
    bool known;
    const int want = thunk_register(w, thunk, &known);
    struct linux_step s;

    for (size_t n = 0; known && n < len; n += s.size) {
        const uint8_t *c = b + n;
        int have;

        if (!linux_kdiff_step(w, c, len - n, at + n, &s))
            return false;
        if (s.direct && s.flow == EG_FLOW_BRANCH && s.target > at && s.target <= at + len)
            continue;
        if ((s.size == 3 && !memcmp(c, "\x0f\xae\xe8", 3)) || *c == 0xcc ||
            linux_nops(w->arch, c, s.size))
            continue;
        have = s.direct ? thunk_register(w, s.target, &known) : register_of(c, s.size);
        if (!known || (!s.direct && have < 0) || (have >= 0 && want >= 0 && have != want))
            return false;
    }
    return known;
}

/* ---- lists of places ---- */

static void one_place(struct linux_kdiff_work *w, enum linux_kdiff_kind kind, uint64_t at)
{
    const size_t off = (size_t)(at - w->p->first), left = w->len - off;
    const uint8_t *live = w->live + off, *want = w->want + off;
    struct linux_step a, b;

    switch (kind) {
    case LINUX_KDIFF_LOCK:
        if (*want == 0xf0 && *live == 0x3e)
            linux_kdiff_accept(w, at, 1, kind);
        break;
    case LINUX_KDIFF_ENDBR:
        if (left >= 4 && !memcmp(want, "\xf3\x0f\x1e\xfa", 4) && linux_nops(w->arch, live, 4))
            linux_kdiff_accept(w, at, 4, kind);
        break;
    case LINUX_KDIFF_CALL:
        if (linux_kdiff_step(w, live, left, at, &a) && linux_kdiff_step(w, want, left, at, &b) &&
            a.direct && b.direct && a.size == b.size && a.flow == b.flow && a.target < b.target &&
            b.target - a.target <= 16)
            linux_kdiff_accept(w, at, a.size, kind);
        break;
    case LINUX_KDIFF_RETURN:
        if (left >= 5 && linux_kdiff_step(w, want, left, at, &b) && b.size == 5 &&
            linux_returns(w->r, live, 5, at))
            linux_kdiff_accept(w, at, 5, kind);
        break;
    case LINUX_KDIFF_RETPOLINE:
        if (linux_kdiff_step(w, want, left, at, &b) && b.direct &&
            linux_kdiff_retpoline(w, live, b.size, at, b.target))
            linux_kdiff_accept(w, at, b.size, kind);
        break;
    default:
        break;
    }
}

static void places(struct linux_kdiff_work *w, const char *section, enum linux_kdiff_kind kind)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, section);

    for (size_t n = 0; linux_kdiff_entry(w, t, n, 4); n += 4) {
        const uint64_t at = linux_kdiff_place(t, n);

        if (linux_kdiff_inside(w, at, 1))
            one_place(w, kind, at);
    }
}

/* arch/x86/include/asm/runtime-const.h (since 6.11, masks since 7.3): sections name variables. */
static void runtime_constants(struct linux_kdiff_work *w)
{
    static const struct {
        const char *section;
        size_t len;
    } kinds[] = { { "runtime_ptr_", 8 }, { "runtime_shift_", 1 }, { "runtime_mask_", 4 } };

    for (size_t i = 0; i < w->f->n_sections * countof(kinds); i++) {
        const struct linux_kfile_section *t = &w->f->sections[i / countof(kinds)];
        const char *section = kinds[i % countof(kinds)].section;
        const char *name = t->name + strlen(section);
        const size_t len = kinds[i % countof(kinds)].len;
        uint64_t var, value = 0, at;
        bool known;

        if (strncmp(t->name, section, strlen(section)) != 0)
            continue;
        known = eg_system_own_symbol(eg_system_of(w->r), name, &var, NULL) &&
                eg_pointer_at(w->r, var, &value);
        for (size_t n = 0; linux_kdiff_entry(w, t, n, 4); n += 4) {
            at = linux_kdiff_place(t, n);
            if (!linux_kdiff_inside(w, at, len))
                continue;
            // A variable whose name the kernel does not keep: all places agree with the first.
            if (!known)
                memcpy(&value, w->live + (at - w->p->first), len);
            known = true;
            if (!memcmp(w->live + (at - w->p->first), &value, len))
                linux_kdiff_accept(w, at, len, LINUX_KDIFF_RUNTIME);
        }
    }
}

/* ---- what is left ---- */

/* A file without relocations: a word that KASLR has moved by just its shift. */
static void moved_addresses(struct linux_kdiff_work *w)
{
    const uint64_t by = (uint64_t)w->f->shift;

    for (size_t i = 0; i + WINDOW <= w->len && !w->f->relocated; i++) {
        if (w->live[i] == w->want[i])
            continue;
        for (size_t k = i < 3 ? 0 : i - 3; k <= i; k++) {
            const uint32_t now = eg_le32(w->live + k), was = eg_le32(w->want + k);

            if (now - was == (uint32_t)by || was - now == (uint32_t)by) {
                linux_kdiff_accept(w, w->p->first + k, 4, LINUX_KDIFF_ADDRESS);
                i = k + 3;
                break;
            }
        }
    }
}

static void add(struct linux_kdiff_work *w, size_t off, size_t *cap)
{
    size_t at = off;
    struct linux_step s;
    struct linux_kdiff *d;

    while (at && off - at < 15 && !(w->p->starts[at] & 1))
        at--;
    if (!(w->p->starts[at] & 1) ||
        !linux_kdiff_step(w, w->live + at, w->len - at, w->p->first + at, &s) || at + s.size <= off)
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

static void collect(struct linux_kdiff_work *w)
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
static void overlay(struct linux_kdiff_work *w)
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

static void by_tables(struct linux_kdiff_work *w)
{
    moved_addresses(w);
    linux_kdiff_alternatives(w);
    linux_kdiff_paravirt(w);
    places(w, ".retpoline_sites", LINUX_KDIFF_RETPOLINE);
    places(w, ".return_sites", LINUX_KDIFF_RETURN);
    places(w, ".call_sites", LINUX_KDIFF_CALL);
    places(w, ".smp_locks", LINUX_KDIFF_LOCK);
    places(w, ".ibt_endbr_seal", LINUX_KDIFF_ENDBR);
    runtime_constants(w);
    linux_kdiff_live(w);
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
    struct linux_kdiff_work w = { .r = r,
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
    if (linux_kfile_section(f, ".image"))
        linux_kdiff_arm64(&w);
    else
        by_tables(&w);
    collect(&w);
    forget(want);
    return out->compared > before;
}
