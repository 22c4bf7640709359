/* cfi_test.c - call frame information: entries found, each instruction and each expression by what
 * it makes of registers; and tables that lie. */
#include "../../../plugins/linux/user/cfi.h"
#include "check.h"
#include "mkcfi.h"
#include "run.h"

enum { HEADER = 0x20, FRAMES = 0x100, STACK = 0x800, CODE = 0x400, SP = 7, RA = 16 };

struct world {
    struct mk_cfi f;
    struct eg_space *space;
    struct linux_cfi t;
};
static struct eg_view view;

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->f.at = FRAMES;
    assert_int_equal(eg_memory_open(&w->space, w->f.bytes, sizeof w->f.bytes, NULL), 0);
    eg_view_init(&view, NULL);
    w->t = (struct linux_cfi){ .space = w->space,
                               .header = HEADER,
                               .header_len = 0x80,
                               .last = sizeof w->f.bytes - 1,
                               .word = 8 };
}

static void end(struct world *w)
{
    eg_view_fini(&view);
    eg_space_close(w->space);
}

/* One function at CODE of 0x40 bytes with these instructions. */
static void one(struct world *w, const void *code, size_t n)
{
    const uint64_t first = CODE;
    size_t entry;

    begin(w);
    MK_CFI_X86_64(&w->f, "zR");
    entry = mk_cfi_fde(&w->f, CODE, 0x40, code, n);
    mk_cfi_table(&w->f, 0, HEADER, FRAMES, &entry, &first, 1);
}
#define ONE(w, ...)                                                                                \
    do {                                                                                           \
        const uint8_t code_[] = { __VA_ARGS__ };                                                   \
        one((w), code_, sizeof code_);                                                             \
    } while (0)

static const struct linux_cfi_registers registers = {
    .value = { [3] = 0x33,
               [6] = STACK + 0x40,
               [SP] = STACK,
               [12] = 0x1212,
               [13] = 0x1313,
               [RA] = CODE + 11 },
    .known = 1 << 3 | 1 << 6 | 1 << SP | 1 << 12 | 1 << 13 | 1 << RA,
};

/* The caller's registers of what is at CODE + @at. */
static const char *caller(struct world *w, unsigned at, struct linux_cfi_registers *out,
                          uint64_t *cfa)
{
    struct linux_cfi_row row;
    const char *why = linux_cfi_find(&view, &w->t, CODE + at, &row);

    return why ? why : linux_cfi_apply(&view, &w->t, &row, &registers, out, cfa);
}

static void rows_by_place(void **state)
{
    struct linux_cfi_registers out;
    struct world w;
    uint64_t cfa;

    (void)state;
    // after 4 bytes: CFA = SP + 16, rbx saved at CFA - 16; after 12: as in the beginning
    ONE(&w, 0x44, 0x0e, 16, 0x83, 2, 0x0a, 0x48, 0x0e, 24, 0x0b, 0x44, 0xc3, 0x0e, 8);
    w.f.bytes[STACK] = 0x77;
    w.f.bytes[STACK + 8] = 0x88;
    assert_null(caller(&w, 3, &out, &cfa));
    assert_int_equal(cfa, STACK + 8);
    assert_int_equal(out.value[RA], 0x77);
    assert_int_equal(out.value[3], 0x33); // no rule: preserved
    assert_null(caller(&w, 4, &out, &cfa));
    assert_int_equal(cfa, STACK + 16);
    assert_int_equal(out.value[RA], 0x88);
    assert_int_equal(out.value[3], 0x77);
    assert_null(caller(&w, 15, &out, &cfa)); // restored state
    assert_int_equal(cfa, STACK + 16);
    assert_null(caller(&w, 16, &out, &cfa));
    assert_int_equal(cfa, STACK + 8);
    assert_int_equal(out.value[3], 0x33);
    assert_null(caller(&w, 0x3f, &out, &cfa));
    assert_string_equal(caller(&w, 0x40, &out, &cfa), "no call frame information for this place");
    end(&w);
}

static void rules(void **state)
{
    struct linux_cfi_registers out;
    struct linux_cfi_row row;
    struct world w;
    uint64_t cfa;

    (void)state;
    ONE(&w, 0x0d, 6,               // CFA by rbp: its offset stays
        0x14, 12, 1,               // val_offset: r12 = CFA - 8
        0x09, 13, 12,              // register: r13 is in r12
        0x07, 3,                   // undefined: rbx
        0x08, RA,                  // same value: the return address is in its register
        0x16, 0, 3, 0x76, 8, 0x06, // val_expression: rax = [rbp + 8]
        0x10, 1, 2, 0x76, 16,      // expression: rdx is at rbp + 16
        0x2e, 8, 0x05, 70, 1);     // args_size; a register that is not followed
    memset(w.f.bytes + STACK + 0x48, 0x11, 8);
    memset(w.f.bytes + STACK + 0x50, 0x22, 8);
    w.f.bytes[STACK + 0x48 + 0] = 0x10;
    assert_null(linux_cfi_find(&view, &w.t, CODE, &row));
    assert_null(linux_cfi_apply(&view, &w.t, &row, &registers, &out, &cfa));
    assert_int_equal(cfa, STACK + 0x48);
    assert_int_equal(out.value[12], STACK + 0x40);
    assert_int_equal(out.value[13], 0x1212);
    assert_false(out.known >> 3 & 1);
    assert_int_equal(out.value[RA], CODE + 11);
    assert_int_equal(out.value[0], 0x1111111111111110);
    assert_int_equal(out.value[1], 0x2222222222222222);
    assert_false(out.known >> 2 & 1); // not known before, so not now
    end(&w);
}

static void plt_and_signal_frames(void **state)
{
    struct linux_cfi_registers out, in = registers;
    struct linux_cfi_row row;
    const uint64_t first = CODE;
    struct world w;
    size_t entry;
    uint64_t cfa;
    // as the linker describes PLT entries of 16 bytes: CFA = SP + 8 + ((pc & 15) >= 11) * 8
    const uint8_t plt[] = { 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 };

    (void)state;
    begin(&w);
    MK_CFI_X86_64(&w.f, "zRS");
    entry = mk_cfi_fde(&w.f, CODE, 0x40, plt, sizeof plt);
    mk_cfi_table(&w.f, 0, HEADER, FRAMES, &entry, &first, 1);
    assert_null(linux_cfi_find(&view, &w.t, CODE, &row));
    assert_true(row.is_signal);
    assert_int_equal(row.first, CODE);
    assert_int_equal(row.end, CODE + 0x40);
    row.cfa.len = sizeof plt - 2;
    for (unsigned at = 10; at < 12; at++) {
        in.value[RA] = CODE + at;
        // breg16: the place itself
        w.f.bytes[row.cfa.value + 2] = 0x80;
        assert_null(linux_cfi_apply(&view, &w.t, &row, &in, &out, &cfa));
        assert_int_equal(cfa, at < 11 ? STACK + 8 : STACK + 16);
    }
    end(&w);
    ONE(&w, 0);
    assert_null(linux_cfi_find(&view, &w.t, CODE, &row));
    assert_false(row.is_signal);
    end(&w);
}

static void signed_return_addresses(void **state)
{
    struct linux_cfi_row row;
    struct world w;

    (void)state;
    ONE(&w, 0x44, 0x2d, 0x44, 0x2d);
    assert_string_equal(linux_cfi_find(&view, &w.t, CODE + 4, &row),
                        "the instructions of its table entry (FDE) cannot be understood");
    w.t.is_aarch64 = true;
    assert_null(linux_cfi_find(&view, &w.t, CODE + 3, &row));
    assert_false(row.is_signed);
    assert_null(linux_cfi_find(&view, &w.t, CODE + 4, &row));
    assert_true(row.is_signed);
    assert_null(linux_cfi_find(&view, &w.t, CODE + 8, &row));
    assert_false(row.is_signed);
    end(&w);
}

/* An expression at STACK: its value, or false. */
static bool value_of(const void *code, uint32_t n, uint64_t *out)
{
    struct world w;
    bool ok;

    begin(&w);
    memcpy(w.f.bytes + STACK, code, n);
    w.f.bytes[0x10] = 0xfe;
    w.f.bytes[0x11] = 0xff;
    ok = linux_cfi_evaluate(&view, &w.t, STACK, n, &registers, NULL, out);
    end(&w);
    return ok;
}
#define VALUE(...)                                                                                 \
    (value = 0xbad,                                                                                \
     value_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), &value)  \
         ? value                                                                                   \
         : UINT64_C(0xdead))

static void expressions(void **state)
{
    uint64_t value;

    (void)state;
    assert_int_equal(VALUE(0x35, 0x32, 0x1c), 3); // 5 - 2
    assert_int_equal(VALUE(0x32, 0x35, 0x1c), (uint64_t)-3);
    assert_int_equal(VALUE(0x09, 0xff), UINT64_MAX);          // const1s
    assert_int_equal(VALUE(0x08, 0xff), 0xff);                // const1u
    assert_int_equal(VALUE(0x0b, 0xfe, 0xff), (uint64_t)-2);  // const2s
    assert_int_equal(VALUE(0x0c, 1, 0, 0, 0x80), 0x80000001); // const4u
    assert_int_equal(VALUE(0x10, 0x80, 1), 128);              // constu
    assert_int_equal(VALUE(0x11, 0x7f), UINT64_MAX);          // consts
    assert_int_equal(VALUE(0x31, 0x32, 0x33, 0x17), 2);       // rot: 3 1 2
    assert_int_equal(VALUE(0x31, 0x32, 0x33, 0x17, 0x13), 1);
    assert_int_equal(VALUE(0x31, 0x32, 0x16), 1);                         // swap
    assert_int_equal(VALUE(0x31, 0x32, 0x14), 1);                         // over
    assert_int_equal(VALUE(0x31, 0x32, 0x33, 0x15, 2), 1);                // pick
    assert_int_equal(VALUE(0x09, 0xf9, 0x32, 0x1b), (uint64_t)-3);        // div is signed
    assert_int_equal(VALUE(0x09, 0xf9, 0x19), 7);                         // abs
    assert_int_equal(VALUE(0x09, 0xf8, 0x31, 0x26), (uint64_t)-4);        // shra
    assert_int_equal(VALUE(0x31, 0x08, 64, 0x24), 0);                     // shl by the whole width
    assert_int_equal(VALUE(0x40, 0x06), 0xfffe);                          // deref at 0x10
    assert_int_equal(VALUE(0x40, 0x94, 1), 0xfe);                         // deref_size
    assert_int_equal(VALUE(0x77, 8), STACK + 8);                          // breg7
    assert_int_equal(VALUE(0x92, 7, 4), STACK + 4);                       // bregx
    assert_int_equal(VALUE(0x31, 0x28, 1, 0, 0x32, 0x35), 5);             // bra over the 2
    assert_int_equal(VALUE(0x30, 0x28, 1, 0, 0x32, 0x2f, 1, 0, 0x33), 2); // and not; skip
    assert_int_equal(VALUE(0x09, 0xff, 0x31, 0x2d), 1);                   // lt is signed
}

static void expressions_that_lie(void **state)
{
    const uint8_t before[] = { 0x35, 0x2f, 3, 0 }, back[] = { 0x2f, 0xf9, 0xff };
    struct world w;
    uint64_t value;

    (void)state;
    begin(&w); // what is before it would be an answer
    memcpy(w.f.bytes + STACK - 4, before, sizeof before);
    memcpy(w.f.bytes + STACK, back, sizeof back);
    assert_false(linux_cfi_evaluate(&view, &w.t, STACK, 3, &registers, NULL, &value));
    assert_true(linux_cfi_evaluate(&view, &w.t, STACK - 4, 7, &registers, NULL, &value));
    end(&w);
    assert_int_equal(VALUE(0x2f, 0xfd, 0xff), 0xdead);       // for ever
    assert_int_equal(VALUE(0x31, 0x2f, 0xfc, 0xff), 0xdead); // pushes for ever
    assert_int_equal(VALUE(0x2f, 0x00, 0x80), 0xdead);       // to before it
    assert_int_equal(VALUE(0x2f, 9, 0), 0xdead);             // to behind it
    assert_int_equal(VALUE(0x22), 0xdead);                   // nothing to add
    assert_int_equal(VALUE(0x96), 0xdead);                   // no value
    assert_int_equal(VALUE(0x31, 0x30, 0x1b), 0xdead);       // by zero
    assert_int_equal(VALUE(0x0f, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x09, 0xff, 0x1b), 0xdead);
    assert_int_equal(VALUE(0x09, 0xff, 0x06), 0xdead); // at no address
    assert_int_equal(VALUE(0x40, 0x94, 0), 0xdead);
    assert_int_equal(VALUE(0x40, 0x94, 9), 0xdead);
    assert_int_equal(VALUE(0x72, 0), 0xdead);             // a register that is not known
    assert_int_equal(VALUE(0x92, 0xff, 0x7f, 0), 0xdead); // one that is none
    assert_int_equal(VALUE(0xe0), 0xdead);                // an unknown operation
    assert_int_equal(VALUE(0x31, 0x15, 1), 0xdead);       // picks below the stack
    assert_int_equal(VALUE(0x10, 0x80), 0xdead);          // cut
}

static void without_a_header(void **state)
{
    struct linux_cfi_place places[8];
    struct linux_cfi_registers out;
    const uint8_t code[] = { 0x44, 0x0e, 16 };
    struct world w;
    uint64_t cfa;

    (void)state;
    begin(&w);
    MK_CFI_X86_64(&w.f, "zR");
    mk_cfi_fde(&w.f, CODE + 0x100, 0x10, code, sizeof code);
    mk_cfi_fde(&w.f, CODE, 0x40, code, sizeof code);
    w.f.at += 12; // not an entry: looked for from there on
    MK_CFI_X86_64(&w.f, "zR");
    mk_cfi_fde(&w.f, CODE + 0x200, 0x10, code, sizeof code);
    w.t.header = 0;
    assert_int_equal(linux_cfi_index(&view, &w.t, 0, sizeof w.f.bytes, places, 8), 3);
    assert_int_equal(places[0].first, CODE);
    assert_int_equal(places[2].first, CODE + 0x200);
    assert_int_equal(linux_cfi_index(&view, &w.t, 0, sizeof w.f.bytes, places, 2), 3);
    assert_int_equal(linux_cfi_index(&view, &w.t, 0, sizeof w.f.bytes, places, 8), 3);
    w.t.index = places;
    w.t.n_index = 3;
    assert_null(caller(&w, 4, &out, &cfa));
    assert_int_equal(cfa, STACK + 16);
    assert_non_null(caller(&w, 0x40, &out, &cfa));
    assert_null(caller(&w, 0x10f, &out, &cfa));
    end(&w);
}

/* What each changed byte of a table may say: never a crash, and an answer is about the place. */
static void damage(void **state)
{
    struct linux_cfi_registers out;
    struct linux_cfi_row row;
    struct world w;
    uint64_t cfa;

    (void)state;
    ONE(&w, 0x44, 0x0e, 16, 0x83, 2, 0x0a, 0x0b, 0x0f, 2, 0x77, 8, 0x16, 3, 2, 0x77, 8);
    for (size_t at = HEADER; at < w.f.at + 64; at++)
        for (unsigned value = 0; value < 256; value += 5) {
            const uint8_t was = w.f.bytes[at];

            w.f.bytes[at] = (uint8_t)value;
            if (!linux_cfi_find(&view, &w.t, CODE + 8, &row)) {
                assert_true(row.first <= CODE + 8 && CODE + 8 < row.end);
                linux_cfi_apply(&view, &w.t, &row, &registers, &out, &cfa);
            }
            w.f.bytes[at] = was;
        }
    end(&w);

    ONE(&w, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
        0x0a, 0x0a, 0x0a);
    assert_non_null(linux_cfi_find(&view, &w.t, CODE, &row)); // remembers too often
    end(&w);
    ONE(&w, 0x0b);
    assert_non_null(linux_cfi_find(&view, &w.t, CODE, &row)); // recalls what was never remembered
    end(&w);
    ONE(&w, 0x3c);
    assert_non_null(linux_cfi_find(&view, &w.t, CODE, &row)); // an unknown instruction
    end(&w);
    ONE(&w, 0);
    memset(w.f.bytes + HEADER + 8, 0xff, 4); // as many entries as there cannot be
    assert_non_null(linux_cfi_find(&view, &w.t, CODE, &row));
    end(&w);
    ONE(&w, 0);
    w.t.last = FRAMES + 8; // the entry is not in the object
    assert_non_null(linux_cfi_find(&view, &w.t, CODE, &row));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_by_place),         cmocka_unit_test(rules),
        cmocka_unit_test(plt_and_signal_frames), cmocka_unit_test(signed_return_addresses),
        cmocka_unit_test(expressions),           cmocka_unit_test(expressions_that_lie),
        cmocka_unit_test(without_a_header),      cmocka_unit_test(damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
