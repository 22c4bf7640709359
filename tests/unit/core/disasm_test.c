/* disasm_test.c - where the processor goes on behind an instruction. */
#include "../../../core/disasm.h"
#include "check.h"
#include "config.h"
#include <string.h>

#define AT          UINT64_C(0xffffffff81000000)
#define CODE(bytes) sizeof(bytes) - 1, bytes

static const struct {
    const char *arch, *text;
    size_t len;
    const char *code;
    enum eg_flow flow;
    uint64_t target; /**< 0: it is not in the instruction */
} cases[] = {
    { "x86_64", "nop", CODE("\x90"), EG_FLOW_NEXT, 0 },
    { "x86_64", "lea", CODE("\x48\x8d\x05\x10\0\0\0"), EG_FLOW_NEXT, 0 },
    { "x86_64", "call", CODE("\xe8\x10\0\0\0"), EG_FLOW_CALL, AT + 0x15 },
    { "x86_64", "call", CODE("\xff\xd0"), EG_FLOW_CALL, 0 },
    { "x86_64", "call", CODE("\xff\x14\xc5\x60\x03\x60\x8b"), EG_FLOW_CALL, 0 },
    { "x86_64", "call", CODE("\xff\x15\x10\0\0\0"), EG_FLOW_CALL, 0 },
    { "x86_64", "jmp", CODE("\xe9\xf0\xff\xff\xff"), EG_FLOW_JUMP, AT - 11 },
    { "x86_64", "jmp", CODE("\xeb\xfe"), EG_FLOW_JUMP, AT },
    { "x86_64", "jmp", CODE("\xff\xe0"), EG_FLOW_JUMP, 0 },
    { "x86_64", "jmp", CODE("\xff\x24\xf5\x60\x03\x60\x8b"), EG_FLOW_JUMP, 0 },
    { "x86_64", "je", CODE("\x74\x10"), EG_FLOW_BRANCH, AT + 0x12 },
    { "x86_64", "ja", CODE("\x0f\x87\x10\0\0\0"), EG_FLOW_BRANCH, AT + 0x16 },
    { "x86_64", "jle", CODE("\x7e\x10"), EG_FLOW_BRANCH, AT + 0x12 },
    { "x86_64", "jrcxz", CODE("\xe3\x10"), EG_FLOW_BRANCH, AT + 0x12 },
    { "x86_64", "loop", CODE("\xe2\xfe"), EG_FLOW_BRANCH, AT },
    { "x86_64", "ret", CODE("\xc3"), EG_FLOW_RETURN, 0 },
    { "x86_64", "iretq", CODE("\x48\xcf"), EG_FLOW_RETURN, 0 },
    { "x86_64", "sysret", CODE("\x48\x0f\x07"), EG_FLOW_RETURN, 0 },
    { "x86_64", "int3", CODE("\xcc"), EG_FLOW_TRAP, 0 },
    { "x86_64", "ud2", CODE("\x0f\x0b"), EG_FLOW_TRAP, 0 },
    { "aarch64", "nop", CODE("\x1f\x20\x03\xd5"), EG_FLOW_NEXT, 0 },
    { "aarch64", "adr", CODE("\x80\0\0\x10"), EG_FLOW_NEXT, 0 },
    { "aarch64", "bl", CODE("\x04\0\0\x94"), EG_FLOW_CALL, AT + 0x10 },
    { "aarch64", "blr", CODE("\0\0\x3f\xd6"), EG_FLOW_CALL, 0 },
    { "aarch64", "b", CODE("\xff\xff\xff\x17"), EG_FLOW_JUMP, AT - 4 },
    { "aarch64", "br", CODE("\0\0\x1f\xd6"), EG_FLOW_JUMP, 0 },
    { "aarch64", "b.eq", CODE("\x80\0\0\x54"), EG_FLOW_BRANCH, AT + 0x10 },
    { "aarch64", "cbz", CODE("\x80\0\0\xb4"), EG_FLOW_BRANCH, AT + 0x10 },
    { "aarch64", "tbnz", CODE("\x80\0\0\x37"), EG_FLOW_BRANCH, AT + 0x10 },
    { "aarch64", "ret", CODE("\xc0\x03\x5f\xd6"), EG_FLOW_RETURN, 0 },
    { "aarch64", "eret", CODE("\xe0\x03\x9f\xd6"), EG_FLOW_RETURN, 0 },
    { "aarch64", "brk", CODE("\0\0\x20\xd4"), EG_FLOW_TRAP, 0 },
};

#ifdef HAVE_CAPSTONE
static void flow(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *why;
        struct eg_disasm *d = eg_disasm_open(eg_arch_find(cases[i].arch), false, &why);
        struct eg_instruction in;

        assert_non_null(d);
        assert_true(eg_disasm_one(d, (const uint8_t *)cases[i].code, cases[i].len, AT, &in));
        assert_int_equal(in.size, cases[i].len);
        assert_memory_equal(in.text, cases[i].text, strlen(cases[i].text));
        assert_int_equal(in.flow, cases[i].flow);
        assert_int_equal(in.direct, cases[i].target != 0);
        assert_int_equal(in.target, cases[i].target);
        eg_disasm_close(d);
    }
}

static void none(void **state)
{
    const char *why;
    struct eg_disasm *d = eg_disasm_open(eg_arch_find("x86_64"), false, &why);
    struct eg_instruction in;

    (void)state;
    assert_non_null(d);
    assert_false(eg_disasm_one(d, (const uint8_t *)"\x06", 1, AT, &in)); // not in 64-bit mode
    assert_false(eg_disasm_one(d, (const uint8_t *)"\xe8\x10", 2, AT, &in));
    eg_disasm_close(d);
    assert_null(eg_disasm_open(NULL, false, &why));
    assert_string_equal(why, "instructions of this processor are not known here");
    eg_disasm_close(NULL);
}
#else
static void flow(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const char *why;

        assert_null(eg_disasm_open(eg_arch_find(cases[i].arch), false, &why));
        assert_string_equal(why, "this build has no libcapstone");
    }
}

static void none(void **state)
{
    struct eg_instruction in;

    (void)state;
    assert_false(eg_disasm_one(NULL, (const uint8_t *)"\x90", 1, AT, &in));
    eg_disasm_close(NULL);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flow),
        cmocka_unit_test(none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
