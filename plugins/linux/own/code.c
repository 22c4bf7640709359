/* code.c - what bytes of code are. */
#include "code.h"
#include "../../../core/disasm.h"
#include "../../../core/run.h"
#include "../kernel/codeof.h"
#include "../mm/elf.h"
#include <inttypes.h>
#include <stdio.h>

static uint64_t relative(const uint8_t *bytes, uint64_t next)
{
    return next + (uint64_t)(int64_t)(int32_t)eg_le32(bytes);
}

static struct linux_stub x86_stub(const uint8_t *b, size_t len, uint64_t at)
{
    struct linux_stub s = { 0 };
    const uint8_t *use;
    bool movabs, wide;

    if (len >= 4 && !memcmp(b, "\xf3\x0f\x1e\xfa", 4)) { // endbr64
        b += 4;
        len -= 4;
        at += 4;
    }
    movabs = len >= 10 && (b[0] == 0x48 || b[0] == 0x49) && b[1] >= 0xb8 && b[1] <= 0xbf;
    wide = movabs && b[0] == 0x49; // r8 to r15: what uses them has a prefix too
    use = b + 10 + wide;
    if (len >= 5 && (b[0] == 0xe9 || b[0] == 0xe8))
        s = (struct linux_stub){ b[0] == 0xe9 ? "jmp" : "call", relative(b + 1, at + 5), true,
                                 false };
    else if (len >= 2 && b[0] == 0xeb)
        s = (struct linux_stub){ "jmp", at + 2 + (uint64_t)(int64_t)(int8_t)b[1], true, false };
    else if (len >= 14 && !memcmp(b, "\xff\x25\0\0\0\0", 6))
        s = (struct linux_stub){ "jmp through the next word", eg_le64(b + 6), true, true };
    else if (len >= 6 && b[0] == 0xff && b[1] == 0x25)
        s = (struct linux_stub){ "jmp through a word", relative(b + 2, at + 6), false, false };
    else if (movabs && len >= 12u + wide && (!wide || b[10] == 0x41) && use[0] == 0xff &&
             use[1] == (0xe0 | (b[1] & 7)))
        s = (struct linux_stub){ "movabs, jmp", eg_le64(b + 2), true, true };
    else if (movabs && len >= 12u + wide && (!wide || b[10] == 0x41) &&
             use[0] == (0x50 | (b[1] & 7)) && use[1] == 0xc3)
        s = (struct linux_stub){ "movabs, push, ret", eg_le64(b + 2), true, true };
    else if (len >= 14 && b[0] == 0x68 && !memcmp(b + 5, "\xc7\x44\x24\x04", 4) && b[13] == 0xc3)
        s = (struct linux_stub){ "push, mov, ret", eg_le32(b + 1) | (uint64_t)eg_le32(b + 9) << 32,
                                 true, true };
    else if (len >= 6 && b[0] == 0x68 && b[5] == 0xc3)
        s = (struct linux_stub){ "push, ret", eg_le32(b + 1), true, true };
    return s;
}

static struct linux_stub arm64_stub(const uint8_t *b, size_t len, uint64_t at)
{
    uint32_t one, two, n;

    if (len >= 4 && (eg_le32(b) & 0xffffff3f) == 0xd503241f) { // bti
        b += 4;
        len -= 4;
        at += 4;
    }
    if (len < 4)
        return (struct linux_stub){ 0 };
    one = eg_le32(b);
    n = one & 31;
    if ((one & 0x7c000000) == 0x14000000)
        return (struct linux_stub){ one >> 31 ? "bl" : "b",
                                    at + (uint64_t)((int64_t)((uint64_t)one << 38) >> 36), true,
                                    false };
    if (len < 8)
        return (struct linux_stub){ 0 };
    two = eg_le32(b + 4);
    if (len >= 16 && (one & 0xffffffe0) == 0x58000040 && two == (0xd61f0000 | n << 5))
        return (struct linux_stub){ "ldr, br", eg_le64(b + 8), true, true };
    if ((one & 0xff000000) == 0x58000000 && two == (0xd61f0000 | n << 5))
        return (struct linux_stub){ "ldr, br",
                                    at + (uint64_t)((int64_t)((uint64_t)(one >> 5) << 45) >> 43),
                                    false, true };
    if ((one & 0x9f000000) == 0x90000000) {
        const uint64_t imm = (one >> 29 & 3) | (one >> 5 & 0x7ffff) << 2;
        const uint64_t page =
            (at & ~UINT64_C(0xfff)) + ((uint64_t)((int64_t)(imm << 43) >> 43) << 12);

        if (two == (0xd61f0000 | n << 5))
            return (struct linux_stub){ "adrp, br", page, true, false };
        if (len >= 12 && (two & 0xff8003ff) == (0x91000000 | n << 5 | n) &&
            eg_le32(b + 8) == (0xd61f0000 | n << 5))
            return (struct linux_stub){ "adrp, add, br",
                                        page + ((two >> 10 & 0xfff) << (two >> 22 & 1 ? 12 : 0)),
                                        true, false };
    }
    return (struct linux_stub){ 0 };
}

struct linux_stub linux_stub_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len,
                                uint64_t at)
{
    if (arch->elf_machine == ELF_X86_64)
        return x86_stub(bytes, len, at);
    if (arch->elf_machine == ELF_AARCH64)
        return arm64_stub(bytes, len, at);
    return (struct linux_stub){ 0 };
}

const char *linux_leaves_kernel(struct eg_run *r, uint64_t function)
{
    uint8_t code[16];
    struct linux_stub stub;
    enum linux_code_kind kind;

    if (!eg_read(eg_view_of(r), eg_kernel(r), function, code, sizeof code))
        return NULL;
    stub = linux_stub_at(eg_system_of(r)->arch, code, sizeof code, function);
    if (!stub.what || !stub.known)
        return NULL;
    kind = linux_whose_code(linux_codes(r), stub.target, NULL);
    return kind == LINUX_CODE_KERNEL || kind == LINUX_CODE_FTRACE || kind == LINUX_CODE_BPF ||
                   kind == LINUX_CODE_KPROBES
               ? NULL
               : eg_strf(r, "begins with a jump out of the kernel, to %#" PRIx64, stub.target);
}

size_t linux_breakpoint_at(const struct eg_arch *arch, const uint8_t *bytes, size_t len)
{
    if (arch->elf_machine == ELF_X86_64)
        return len && bytes[0] == 0xcc;
    if (arch->elf_machine == ELF_AARCH64 && len >= 4) // brk
        return (eg_le32(bytes) & 0xffe0001f) == 0xd4200000 ? 4 : 0;
    return 0;
}

const char *linux_code_text(struct eg_run *r, bool narrow, const uint8_t *bytes, size_t len,
                            uint64_t at, unsigned most)
{
    const struct eg_arch *arch = eg_system_of(r)->arch;
    const size_t unit = arch->code_unit;
    const char *why;
    struct eg_disasm *d = eg_disasm_open(arch, narrow, &why);
    struct eg_instruction in;
    char text[2048];
    size_t n = 0;

    for (size_t off = 0; d && most-- && off < len && n < sizeof text; off += in.size) {
        if (!eg_disasm_one(d, bytes + off, len - off, at + off, &in)) {
            if (len - off < EG_INSTRUCTION_MAX)
                break; // cut off
            snprintf(in.text, sizeof in.text, "(bad)");
            in.size = unit;
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "; " : "", in.text);
    }
    eg_disasm_close(d);
    return n ? eg_strf(r, "%s", text) : NULL;
}
