/* kdiff_alt.c - instructions that the kernel chose for this processor and hypervisor. */
#include "../kernel/codeof.h"
#include "kdiff_work.h"

#include <string.h>

EG_FIELD_AS(alt_instr_offset, alt_instr, "instr_offset|orig_offset"); // x86, AArch64
EG_FIELD_AS(alt_instrlen, alt_instr, "instrlen|orig_len");
EG_FIELD_AS(alt_repl_offset, alt_instr, "repl_offset|alt_offset");
EG_FIELD_AS(alt_replacementlen, alt_instr, "replacementlen|alt_len");
EG_TYPE(alt_instr);

/* Bytes that do nothing at the beginning of @b: a nop, or a jump over breakpoints, as long padding
 * has since 6.4 (optimize_nops(), arch/x86/kernel/alternative.c). */
static size_t nothing(const struct linux_kdiff_work *w, const uint8_t *b, size_t len)
{
    struct linux_step s;
    uint64_t n;

    if (!linux_kdiff_step(w, b, len, 0, &s))
        return 0;
    if (linux_nops(w->arch, b, s.size))
        return s.size;
    if (s.flow != EG_FLOW_JUMP || !s.direct || s.target > len)
        return 0;
    for (n = s.size; n < s.target && b[n] == 0xcc; n++)
        ;
    return n == s.target && n > s.size ? (size_t)n : 0;
}

static size_t all_nothing(const struct linux_kdiff_work *w, const uint8_t *b, size_t len)
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
static bool is_code(struct linux_kdiff_work *w, const uint8_t *live, size_t len, uint64_t at,
                    const uint8_t *code, size_t n, uint64_t code_at)
{
    struct linux_step a = { 0 }, b;
    size_t i = 0, k = 0;

    while (k < n) {
        if (!linux_kdiff_step(w, code + k, n - k, code_at + k, &b))
            return false;
        if (nothing(w, code + k, n - k)) {
            k += nothing(w, code + k, n - k);
            continue;
        }
        i += all_nothing(w, live + i, len - i);
        if (i >= len)
            return false;
        if (b.direct && i + b.size <= len &&
            (linux_kdiff_retpoline(w, live + i, b.size, at + i, b.target) ||
             (linux_returns(w->r, code + k, b.size, code_at + k) &&
              linux_returns(w->r, live + i, b.size, at + i)))) {
            i += b.size;
            k += b.size;
            continue;
        }
        if (!linux_kdiff_step(w, live + i, len - i, at + i, &a) ||
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
static bool is_direct_call(struct linux_kdiff_work *w, const uint8_t *live, size_t len, uint64_t at,
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
    if (!eg_pointer_at(w->r, slot, &target))
        return false;
    if (all_nothing(w, live, len) == len)
        return linux_kdiff_named(w, target, "nop_func") ||
               linux_kdiff_named(w, target, "x86_nop") ||
               linux_kdiff_named(w, target, "_paravirt_nop") ||
               linux_kdiff_named(w, target, "paravirt_nop");
    return linux_kdiff_step(w, live, len, at, &s) && s.direct && s.target == target &&
           s.flow == (code[1] == 0x25 ? EG_FLOW_JUMP : EG_FLOW_CALL) &&
           s.size + all_nothing(w, live + s.size, len - s.size) == len;
}

/* What the native operations are inline (arch/x86/kernel/paravirt_patch.c, until 5.17). */
static bool is_native(struct linux_kdiff_work *w, const uint8_t *live, size_t len)
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
static bool member(struct linux_kdiff_work *w, uint32_t id, size_t len, size_t size, size_t *off)
{
    const struct eg_slot *s = eg_slot(w->r, id);

    *off = s->off;
    return s->kind && eg_within(s->off, len, size);
}

void linux_kdiff_alternatives(struct linux_kdiff_work *w)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, ".altinstructions");
    const size_t size = eg_has(w->r, alt_instrlen) ? eg_object(w->r, alt_instr, 1).size : 0;
    size_t instr, repl, its_len, made_len;

    if (size < 12 || !member(w, eg_f_alt_instr_offset.id, 4, size, &instr) ||
        !member(w, eg_f_alt_repl_offset.id, 4, size, &repl) ||
        !member(w, eg_f_alt_instrlen.id, 1, size, &its_len) ||
        !member(w, eg_f_alt_replacementlen.id, 1, size, &made_len))
        return;
    for (size_t n = 0; linux_kdiff_entry(w, t, n, size); n += size) {
        const uint8_t *e = t->bytes + n;
        const uint64_t at = t->addr + n + instr + (uint64_t)(int64_t)(int32_t)eg_le32(e + instr),
                       from = t->addr + n + repl + (uint64_t)(int64_t)(int32_t)eg_le32(e + repl);
        const uint8_t len = e[its_len], made = e[made_len];
        const uint8_t *live, *code, *before;

        if (!linux_kdiff_inside(w, at, len) || !(before = linux_kfile_at(w->f, at, len)))
            continue;
        live = w->live + (at - w->p->first);
        code = made ? linux_kfile_at(w->f, from, made) : live;
        if ((code && is_code(w, live, len, at, code, made, from)) ||
            is_code(w, live, len, at, before, len, at) || is_direct_call(w, live, len, at, before))
            linux_kdiff_accept(w, at, len, LINUX_KDIFF_ALTERNATIVE);
    }
}

/* struct paravirt_patch_site (arch/x86/include/asm/paravirt_types.h, until 6.7): pointer, type,
 * length. */
void linux_kdiff_paravirt(struct linux_kdiff_work *w)
{
    const struct linux_kfile_section *t = linux_kfile_section(w->f, ".parainstructions");

    for (size_t n = 0; linux_kdiff_entry(w, t, n, 10); n += 16) { // the last is not padded
        const uint64_t at = eg_le64(t->bytes + n) + (w->f->relocated ? 0 : (uint64_t)w->f->shift);
        const uint8_t len = t->bytes[n + 9];
        const uint8_t *live, *code;

        if (!linux_kdiff_inside(w, at, len))
            continue;
        live = w->live + (at - w->p->first);
        code = w->want + (at - w->p->first);
        if (is_direct_call(w, live, len, at, code) || is_native(w, live, len))
            linux_kdiff_accept(w, at, len, LINUX_KDIFF_PARAVIRT);
    }
}
