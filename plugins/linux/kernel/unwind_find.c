/* unwind_find.c - the kernel's ORC tables where kallsyms lists functions only
 * (CONFIG_KALLSYMS_ALL=n): by the code of the kernel's own unwinder, which uses their addresses. */
#include "../state.h"
#include "orc.h"
#include "unwind.h"

enum { CODE_MAX = 4096, TARGETS_MAX = 256, SAMPLE = 256, ENTRIES_MAX = 1 << 24 };

static bool place(struct eg_run *r, uint64_t table, uint64_t i, uint64_t *out)
{
    uint32_t word;

    if (!eg_read_u32(eg_view_of(r), eg_kernel(r), table + 4 * i, false, &word))
        return false;
    *out = table + 4 * i + (uint64_t)(int32_t)word;
    return true;
}

static bool in_image(struct eg_run *r, uint64_t va)
{
    const struct linux_state *s = linux_state(eg_system_of(r));

    return va >= s->image_start && va < s->image_end;
}

/* Places of code in order, the first at the beginning of the image's code. */
static bool is_places(struct eg_run *r, uint64_t table)
{
    enum { TEXT_IN = 1 << 22 };
    const struct linux_state *s = linux_state(eg_system_of(r));
    uint64_t last = 0, at;

    for (uint64_t i = 0; i < SAMPLE; i++, last = at)
        if (!place(r, table, i, &at) || at < last || !in_image(r, at) ||
            (!i && at - s->image_start > TEXT_IN))
            return false;
    return true;
}

/* Entries of which most count from the stack pointer or the frame pointer, in either numbering. */
static bool is_entries(struct eg_run *r, uint64_t at)
{
    uint8_t bytes[SAMPLE * LINUX_ORC_SIZE];
    unsigned usual = 0;

    if (!eg_read(eg_view_of(r), eg_kernel(r), at, bytes, sizeof bytes))
        return false;
    for (size_t i = 0; i < SAMPLE; i++) {
        const unsigned reg = bytes[LINUX_ORC_SIZE * i + 4] & 15;

        usual += reg >= 3 && reg <= 5;
    }
    return usual > SAMPLE / 2;
}

static size_t targets(struct eg_run *r, const char *function, uint64_t *out)
{
    const struct eg_arch *arch = eg_system_of(r)->arch;
    uint8_t *code = eg_tmp(r, CODE_MAX);
    uint64_t va;

    // What lies behind the function is read with it: other code, whose targets are no tables.
    if (!arch->targets || !eg_lookup(r, function, &va))
        return 0;
    eg_read_some(eg_view_of(r), eg_kernel(r), va, code, CODE_MAX, NULL);
    return arch->targets(code, CODE_MAX, va, out, TARGETS_MAX);
}

/* The second table begins where the first one ends (ORC_UNWIND_TABLE,
 * include/asm-generic/vmlinux.lds.h), and has as many entries. */
bool linux_unwind_find_orc(struct eg_run *r, uint64_t *ip, uint64_t *entries, uint64_t *n)
{
    static const char *const functions[] = { "unwind_next_frame", "orc_find", "__orc_find" };
    uint64_t *at = eg_tmp(r, TARGETS_MAX * sizeof *at), last;

    for (size_t f = 0; f < countof(functions); f++) {
        const size_t count = targets(r, functions[f], at);

        for (size_t i = 0; i < count; i++) {
            if (at[i] % 4 || !in_image(r, at[i]) || !is_places(r, at[i]))
                continue;
            for (size_t k = 0; k < count; k++) {
                *n = (at[k] - at[i]) / 4;
                if (at[k] <= at[i] || (at[k] - at[i]) % 4 || *n < SAMPLE || *n > ENTRIES_MAX ||
                    !place(r, at[i], *n - 1, &last) || !in_image(r, last) || !is_entries(r, at[k]))
                    continue;
                *ip = at[i];
                *entries = at[k];
                return true;
            }
        }
    }
    return false;
}
