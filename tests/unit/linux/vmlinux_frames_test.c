/* vmlinux_frames_test.c - ORC written as DWARF's rules: whatever entry follows whichever, unwinding
 * by the rules gives what unwinding by the entry gives. */
#include "../../../plugins/linux/kernel/orc.h"
#include "../../../plugins/linux/kernel/vmlinux_frames.h"
#include "../../../plugins/linux/user/cfi.h"
#include "check.h"
#include "mkcfi.h"
#include "run.h"

enum { HEADER = 0x20, FRAMES = 0x100, CODE = 0x400, STACK = 0x800, SECOND = 11 };

static struct eg_view view;
static struct mk_cfi page;
static struct eg_space *space;
static struct linux_cfi tables = {
    .header = HEADER, .header_len = 0x80, .last = sizeof page.bytes - 1, .word = 8
};

/* DWARF's numbers in the order of linux_orc_state.regs: ax bx cx dx si di sp bp r8… */
static const uint8_t number[16] = { 0, 3, 2, 1, 4, 5, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

/* The entries: each type with each register that the stack pointer and the frame pointer can be
 * counted from, and offsets of which some are no multiple of 8. */
static struct linux_orc entries[512];
static size_t n_entries;

static void make_entries(void)
{
    static const int16_t offsets[] = { 8, 40, -16, 20 };
    static const uint8_t bps[] = { LINUX_ORC_UNDEFINED, LINUX_ORC_PREV_SP, LINUX_ORC_BP,
                                   LINUX_ORC_DX };

    for (uint8_t type = LINUX_ORC_NONE; type <= LINUX_ORC_IRET_REGS; type++)
        for (uint8_t sp = 0; sp < LINUX_ORC_REGS; sp++)
            for (size_t i = 0; i < countof(bps); i++)
                entries[n_entries++] = (struct linux_orc){ .sp_reg = sp,
                                                           .bp_reg = bps[i],
                                                           .type = type,
                                                           .sp_offset = offsets[(sp + i) % 4],
                                                           .bp_offset = offsets[i] };
    assert_true(n_entries <= countof(entries));
}

static bool read_stack(void *context, uint64_t addr, uint64_t *out)
{
    (void)context;
    if (addr > sizeof page.bytes - 8)
        return false;
    *out = eg_le64(page.bytes + addr);
    return true;
}

/* Instructions from a section that the writer made: behind the head of its only entry. */
static void take(struct eg_dwarf_section *s, size_t head, uint8_t *out, size_t *n)
{
    assert_false(s->failed);
    *n = s->n - head;
    assert_true(*n < 0x100);
    memcpy(out, s->at + head, *n);
    eg_dwarf_section_fini(s);
}

static void write_page(const struct linux_orc *first, const struct linux_orc *second)
{
    const struct linux_orc nothing = { 0 };
    struct eg_dwarf_section out = { 0 };
    struct linux_rules rules = { .out = &out, .factor = -8 };
    const uint64_t at = CODE;
    uint8_t common[0x104] = { 1, 0x78, 16, 1, 3 }, code[0x100]; // alignments, RA, augmentation
    size_t n, entry;

    memset(&page, 0, FRAMES + 0x300);
    page.at = FRAMES;
    linux_rules_orc(&rules, &nothing, &linux_rules_called);
    take(&out, 0, common + 5, &n);
    mk_cfi_cie(&page, "zR", (char *)common, 5 + n);
    linux_rules_fde(&rules, 0, CODE);
    out.n = 0; // the head is of .debug_frame
    linux_rules_orc(&rules, &linux_rules_called, first);
    linux_rules_advance(&rules, CODE + SECOND);
    linux_rules_orc(&rules, first, second);
    take(&out, 0, code, &n);
    entry = mk_cfi_fde(&page, CODE, 0x40, code, n);
    mk_cfi_table(&page, 0, HEADER, FRAMES, &entry, &at, 1);
}

static void compare(const struct linux_orc *o, uint64_t pc)
{
    struct linux_cfi_registers in = { 0 }, out = { 0 };
    struct linux_orc_state s = {
        .ip = pc, .sp = STACK + 0x100, .bp = STACK + 0x200, .known = 0xffff
    };
    enum linux_orc_result result;
    struct linux_cfi_row row;
    const char *why;
    uint64_t cfa;

    for (size_t i = 0; i < 16; i++)
        s.regs[i] = STACK + 0x108 + 8 * i;
    s.regs[6] = s.sp;
    s.regs[7] = s.bp;
    for (size_t i = 0; i < 16; i++)
        in.value[number[i]] = s.regs[i];
    in.value[16] = pc;
    in.known = 0x1ffff;
    why = linux_cfi_find(&view, &tables, pc, &row);
    assert_null(why);
    result = linux_orc_step(o, &s, read_stack, NULL);
    why = linux_cfi_apply(&view, &tables, &row, &in, &out, &cfa);
    if (result != LINUX_ORC_STEPPED && result != LINUX_ORC_TO_USER) {
        assert_true(why || !(out.known >> 16 & 1));
        return;
    }
    assert_null(why);
    assert_true(out.known >> 16 & 1);
    assert_int_equal(out.value[16], s.ip);
    assert_int_equal(out.value[7], s.sp);
    assert_int_equal(out.value[6], s.bp);
    for (size_t i = 0; i < 16; i++)
        if (i != 6 && i != 7) {
            assert_int_equal(out.known >> number[i] & 1, s.known >> i & 1);
            if (s.known >> i & 1)
                assert_int_equal(out.value[number[i]], s.regs[i]);
        }
}

static void rows(void **state)
{
    size_t steps = 0;

    (void)state;
    make_entries();
    for (size_t i = STACK; i < sizeof page.bytes; i++) // words that are places on the stack
        page.bytes[i] = i % 8 == 0 ? (uint8_t)(i >> 3 << 3) : i % 8 == 1 ? 0x09 : 0;
    assert_int_equal(eg_memory_open(&space, page.bytes, sizeof page.bytes, NULL), 0);
    tables.space = space;
    for (size_t i = 0; i < n_entries; i++)
        for (size_t k = i % 3; k < n_entries; k += 3) {
            eg_view_init(&view, NULL);
            write_page(&entries[i], &entries[k]);
            compare(&entries[i], CODE + 5);
            compare(&entries[k], CODE + SECOND);
            eg_view_fini(&view);
            steps++;
        }
    assert_true(steps > 10000);
    eg_space_close(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
