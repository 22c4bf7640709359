/* find_code_test.c - the addresses that AArch64 code forms: an instruction that writes a register,
 * or calls, leaves nothing behind of what the register held. */
#include "../../../core/arch.h"
#include "check.h"

#define AT UINT64_C(0xffff800008000000)

static const struct {
    const char *what;
    uint32_t code[6];
    uint64_t targets[2]; /* from AT on */
} cases[] = {
    { "ADD behind ADRP", { 0xb0000000, 0x91004000 }, { 0x1010 } },
    { "LDR behind ADRP", { 0xb0000001, 0xf9400423 }, { 0x1008 } },
    { "LDP: its second register", { 0xb0000001, 0xa9400440, 0xf9400423 }, { 0 } },
    { "STP writes neither", { 0xb0000001, 0xa9000440, 0xf9400423 }, { 0x1008 } },
    { "LDP of 32 bits", { 0xb0000001, 0x29410c20 }, { 0x1008 } },
    { "LDPSW", { 0xb0000001, 0x69410440, 0xf9400423 }, { 0 } },
    { "LDP behind the base", { 0xb0000001, 0xa8c10c22, 0xf9400423 }, { 0x1000, 0x1018 } },
    { "LDP of vectors", { 0xb0000001, 0xad410420, 0xf9400423 }, { 0x1020, 0x1008 } },
    { "MOVZ", { 0xb0000001, 0xd28000a1, 0xf9400423 }, { 0 } },
    { "MOVK", { 0xb0000001, 0xf28000a1, 0xf9400423 }, { 0 } },
    { "SUB", { 0xb0000001, 0xd1001421, 0xf9400423 }, { 0 } },
    { "ADD of 32 bits", { 0xb0000001, 0x11001421, 0xf9400423 }, { 0 } },
    { "ADD of registers", { 0xb0000001, 0x8b020021, 0xf9400423 }, { 0 } },
    { "CSEL", { 0xb0000001, 0x9a820021, 0xf9400423 }, { 0 } },
    { "CMP writes none", { 0xb0000001, 0xf100143f, 0xf9400423 }, { 0x1008 } },
    { "CCMP writes none", { 0xb0000001, 0xfa430041, 0xf9400423 }, { 0x1008 } },
    { "MOV", { 0xb0000001, 0xaa0103e2, 0xf9400443 }, { 0x1008 } },
    { "MOV of what is not known", { 0xb0000001, 0xaa0203e1, 0xf9400423 }, { 0 } },
    { "UBFX", { 0xb0000001, 0xd3431821, 0xf9400423 }, { 0 } },
    { "FMOV", { 0xb0000001, 0x9e660001, 0xf9400423 }, { 0 } },
    { "LDR near the code", { 0xb0000001, 0x58000041, 0xf9400423 }, { 0 } },
    { "LDR with a register", { 0xb0000001, 0xf8636841, 0xf9400423 }, { 0 } },
    { "STR with a register", { 0xb0000001, 0xf8236841, 0xf9400423 }, { 0x1008 } },
    { "LDUR", { 0xb0000001, 0xf85f8041, 0xf9400423 }, { 0 } },
    { "LDR before the base", { 0xb0000001, 0xf8410c22, 0xf9400423 }, { 0x1010, 0x1018 } },
    { "LDR behind the base", { 0xb0000001, 0xf8410422, 0xf9400423 }, { 0x1000, 0x1018 } },
    { "LDRSW", { 0xb0000001, 0xb9800841, 0xf9400423 }, { 0 } },
    { "LDR of a vector", { 0xb0000001, 0x3dc00421, 0xf9400423 }, { 0x1010, 0x1008 } },
    { "PRFM writes none", { 0xb0000000, 0xf9800440, 0xf9400403 }, { 0x1008 } },
    { "LDAXR", { 0xb0000001, 0xc85ffc41, 0xf9400423 }, { 0 } },
    { "STXR: its status", { 0xb0000001, 0xc8017c62, 0xf9400423 }, { 0 } },
    { "STLR writes none", { 0xb0000001, 0xc89ffc41, 0xf9400423 }, { 0x1008 } },
    { "LDXP", { 0xb0000001, 0xc87f0440, 0xf9400423 }, { 0 } },
    { "CAS", { 0xb0000001, 0xc8a17c62, 0xf9400423 }, { 0 } },
    { "CASP: its second register", { 0xb0000001, 0x48207c82, 0xf9400423 }, { 0 } },
    { "LDADDA", { 0xb0000001, 0xf8a20061, 0xf9400423 }, { 0 } },
    { "SWP", { 0xb0000001, 0xf8228061, 0xf9400423 }, { 0 } },
    { "LDAPR", { 0xb0000001, 0xf8bfc061, 0xf9400423 }, { 0 } },
    { "LD1 behind the base", { 0xb0000001, 0x4cdf7020, 0xf9400423 }, { 0 } },
    { "MRS", { 0xb0000001, 0xd5384101, 0xf9400423 }, { 0 } },
    { "MSR writes none", { 0xb0000001, 0xd5184101, 0xf9400423 }, { 0x1008 } },
    { "BL: the result", { 0xb0000000, 0x94000010, 0xf9400403 }, { 0 } },
    { "BLR: a scratch register", { 0xb0000009, 0xd63f0040, 0xf9400523 }, { 0 } },
    { "BL keeps x19", { 0xb0000013, 0x94000010, 0xf9400663 }, { 0x1008 } },
    { "SMC", { 0xb0000000, 0xd4000003, 0xf9400403 }, { 0 } },
    { "RET", { 0xb0000013, 0xd65f03c0, 0xf9400663 }, { 0 } },
    { "B.cond keeps", { 0xb0000001, 0x54000040, 0xf9400423 }, { 0x1008 } },
    { "B over a change", { 0xb0000001, 0x14000002, 0xd28000a1, 0xf9400423 }, { 0x1008 } },
    { "B behind which a branch leads",
      { 0xb0000001, 0xb4000060, 0xd28000a1, 0xd65f03c0, 0xf9400423 },
      { 0x1008 } },
    { "TBNZ", { 0xb0000001, 0xb7400060, 0xd28000a1, 0x14000010, 0xf9400423 }, { 0x1008 } },
    { "where only a branch back leads",
      { 0x14000002, 0xf9400423, 0xb0000001, 0x17fffffe },
      { 0x1008 } },
    { "a branch back to a place that is known",
      { 0xd2800001, 0xf9400423, 0xb0000001, 0x17fffffe },
      { 0 } },
};

static void addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        uint8_t code[sizeof cases[i].code];
        uint64_t out[8] = { 0 };
        size_t len = 0, wanted = 0, n;

        for (; len < sizeof code && cases[i].code[len / 4]; len += 4)
            for (unsigned b = 0; b < 4; b++)
                code[len + b] = (uint8_t)(cases[i].code[len / 4] >> 8 * b);
        while (wanted < countof(cases[i].targets) && cases[i].targets[wanted])
            wanted++;
        n = eg_arch_find("aarch64")->targets(code, len, AT, out, countof(out));
        print_message("# %s: %zu\n", cases[i].what, n);
        assert_int_equal(n, wanted);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(out[k], AT + cases[i].targets[k]);
    }
}

/* Any bytes are read as code, and no more targets are given than there is room for. */
static void noise(void **state)
{
    uint32_t x = 1, code[2048];
    uint64_t out[4];

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        for (size_t i = 0; i < countof(code); i++)
            code[i] = (x = x * 1664525 + 1013904223);
        for (size_t i = 0; i < countof(code); i += 3)
            code[i] = 0xb0000000 | (code[i] & 31);
        assert_true(eg_arch_find("aarch64")->targets((const uint8_t *)code, sizeof code, AT, out,
                                                     countof(out)) <= countof(out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
