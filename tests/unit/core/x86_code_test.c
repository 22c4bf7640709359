/* x86_code_test.c - the addresses that x86-64 code names. Behind each case stands LEA of a known
 * address: a length that is wrong by one byte loses it. */
#include "../../../core/arch.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>

#define AT  UINT64_C(0xffffffff81000000)
#define SYM UINT64_C(0xffffffff82345678)
/* The 32 bits of SYM, and a distance of 0x1000 to it from the end of the instruction. */
#define S "\x78\x56\x34\x82"
#define R "\x00\x10\x00\x00"

#define CODE(bytes) sizeof(bytes) - 1, bytes

static const struct {
    const char *what;
    size_t len;
    const char *code;
    uint64_t absolute; /**< the address that it names; 0: none */
    bool relative;     /**< it names the one 0x1000 behind it */
} cases[] = {
    { "nothing", CODE("\x90"), 0, false },
    { "mov sym(%rip),%rax", CODE("\x48\x8b\x05" R), 0, true },
    { "mov sym(%rip),%eax", CODE("\x8b\x05" R), 0, true },
    { "lea sym(%rip),%r12", CODE("\x4c\x8d\x25" R), 0, true },
    { "mov $sym,%rdi", CODE("\x48\xc7\xc7" S), SYM, false },
    { "mov $sym,%edi: no address of the kernel's", CODE("\xbf" S), 0, false },
    { "movabs $sym,%rax", CODE("\x48\xb8" S "\xff\xff\xff\xff"), SYM, false },
    { "mov sym,%rax", CODE("\x48\x8b\x04\x25" S), SYM, false },
    { "mov sym(,%rdi,8),%rax", CODE("\x48\x8b\x04\xfd" S), SYM, false },
    { "mov sym(%rdi),%rax", CODE("\x48\x8b\x87" S), SYM, false },
    { "mov sym(%rdi,%rsi),%rax", CODE("\x48\x8b\x84\x37" S), SYM, false },
    { "mov 0x7000(%rdi),%rax", CODE("\x48\x8b\x87\x00\x70\x00\x00"), 0, false },
    { "mov 8(%rdi),%rax", CODE("\x48\x8b\x47\x08"), 0, false },
    { "mov 8(%rsp),%rax", CODE("\x48\x8b\x44\x24\x08"), 0, false },
    { "mov (%rsp),%rax", CODE("\x48\x8b\x04\x24"), 0, false },
    { "mov (%rdi),%rax", CODE("\x48\x8b\x07"), 0, false },
    { "cmp $sym,%rax", CODE("\x48\x3d" S), SYM, false },
    { "cmp $sym,%rbx", CODE("\x48\x81\xfb" S), SYM, false },
    { "cmp $5,%ebx", CODE("\x83\xfb\x05"), 0, false },
    { "cmpl $7,sym(%rip)", CODE("\x81\x3d" R "\x07\x00\x00\x00"), 0, true },
    { "cmpw $7,sym(%rip)", CODE("\x66\x81\x3d" R "\x07\x00"), 0, true },
    { "cmpb $7,sym(%rip)", CODE("\x80\x3d" R "\x07"), 0, true },
    { "movq $sym,sym(%rip)", CODE("\x48\xc7\x05" R S), SYM, true },
    { "movl $sym,8(%rdi): not extended", CODE("\xc7\x47\x08" S), 0, false },
    { "push $sym", CODE("\x68" S), SYM, false },
    { "pushw", CODE("\x66\x68\x34\x82"), 0, false },
    { "imul $-1,%rdi,%rax", CODE("\x48\x69\xc7\xff\xff\xff\xff"), UINT64_MAX, false },
    { "imul $9,%rdi,%rax", CODE("\x48\x6b\xc7\x09"), 0, false },
    { "test $1,%dil", CODE("\x40\xf6\xc7\x01"), 0, false },
    { "not %dil", CODE("\x40\xf6\xd7"), 0, false },
    { "testq $sym,8(%rdi)", CODE("\x48\xf7\x47\x08" S), SYM, false },
    { "testw $1,%di", CODE("\x66\xf7\xc7\x01\x00"), 0, false },
    { "neg %rdi", CODE("\x48\xf7\xdf"), 0, false },
    { "movabs 0x1122334455667788,%eax", CODE("\xa1\x88\x77\x66\x55\x44\x33\x22\x11"), 0, false },
    { "enter", CODE("\xc8\x10\x00\x00"), 0, false },
    { "ret $8", CODE("\xc2\x08\x00"), 0, false },
    { "call", CODE("\xe8" S), 0, false },
    { "jmp short", CODE("\xeb\x05"), 0, false },
    { "jne", CODE("\x0f\x85" S), 0, false },
    { "lock cmpxchg %rdx,sym(%rip)", CODE("\xf0\x48\x0f\xb1\x15" R), 0, true },
    { "bt $3,sym(%rip)", CODE("\x0f\xba\x25" R "\x03"), 0, true },
    { "shld $3,%rdx,%rax", CODE("\x48\x0f\xa4\xd0\x03"), 0, false },
    { "bswap", CODE("\x0f\xc8"), 0, false },
    { "ud2", CODE("\x0f\x0b"), 0, false },
    { "nopw %cs:0(%rax,%rax)", CODE("\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00"), 0, false },
    { "mov %gs:0x1fb40,%rax", CODE("\x65\x48\x8b\x04\x25\x40\xfb\x01\x00"), 0, false },
    { "endbr64", CODE("\xf3\x0f\x1e\xfa"), 0, false },
    { "crc32 sym(%rip),%eax", CODE("\xf2\x0f\x38\xf1\x05" R), 0, true },
    { "palignr $8,sym(%rip),%xmm1", CODE("\x66\x0f\x3a\x0f\x0d" R "\x08"), 0, true },
    { "pshufd $1,%xmm0,%xmm1", CODE("\x66\x0f\x70\xc8\x01"), 0, false },
    { "vzeroupper", CODE("\xc5\xf8\x77"), 0, false },
    { "vpxor sym(%rip),%ymm0,%ymm1", CODE("\xc5\xfd\xef\x0d" R), 0, true },
    { "vpshufb sym(%rip),%ymm0,%ymm1", CODE("\xc4\xe2\x7d\x00\x0d" R), 0, true },
    { "vpermq $1,sym(%rip),%ymm1", CODE("\xc4\xe3\xfd\x00\x0d" R "\x01"), 0, true },
    { "vmovdqu8 sym(%rip),%zmm1", CODE("\x62\xf1\x7f\x48\x6f\x0d" R), 0, true },
    { "rex.w beats 66", CODE("\x66\x48\x05" S), SYM, false },
    { "mov sym(%eip),%eax", CODE("\x67\x8b\x05" R), 0, true },
    { "mov sym(%edi),%eax: an address of 32 bits", CODE("\x67\x8b\x87" S), 0, false },
};

static void addresses(void **state)
{
    static const char lea[] = "\x48\x8d\x05\x00\x00\x01\x00"; // of what is 0x10000 behind it

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        const size_t len = cases[i].len, all = len + sizeof lea - 1;
        uint64_t wanted[3], out[8], n = 0;
        uint8_t code[32];

        memcpy(code, cases[i].code, len);
        memcpy(code + len, lea, sizeof lea - 1);
        if (cases[i].absolute)
            wanted[n++] = cases[i].absolute;
        if (cases[i].relative)
            wanted[n++] = AT + len + 0x1000;
        wanted[n++] = AT + all + 0x10000;
        print_message("# %s\n", cases[i].what);
        assert_int_equal(eg_arch_find("x86_64")->targets(code, all, AT, out, countof(out)), n);
        assert_memory_equal(out, wanted, n * sizeof *out);
        // Cut anywhere, it names nothing that is not all there.
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(eg_arch_find("x86_64")->targets(code, cut, AT, out, countof(out)), 0);
    }
}

/* What is no instruction ends the code: what would follow it is not known. */
static void ends(void **state)
{
    static const char *const bytes[] = { "\x06", "\x0f\x0a", "\x9a", "\xd4", "\x40\x06" };
    uint64_t out[4];

    (void)state;
    for (size_t i = 0; i < countof(bytes); i++) {
        uint8_t code[16] = "";
        const size_t len = strlen(bytes[i]);

        memcpy(code, bytes[i], len);
        memcpy(code + len, "\x48\x8d\x05\x00\x00\x01", 7);
        assert_int_equal(eg_arch_find("x86_64")->targets(code, len + 7, AT, out, 4), 0);
    }
}

/* Any bytes are read as code, and no more targets are given than there is room for. */
static void noise(void **state)
{
    uint32_t x = 1;
    uint64_t out[4];

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t *code = malloc(64); // exactly so many: a sanitizer sees what is read behind it

        assert_non_null(code);
        for (size_t i = 0; i < 64; i++)
            code[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
        assert_true(eg_arch_find("x86_64")->targets(code, 64, AT, out, 4) <= 4);
        free(code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(ends),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
