/* field_test.c - files as users have them: damaged headers, zeros left out, and files that are
 * not images of a machine. */
#include "mkdump.h"
#include <stdio.h>

enum { EM_X86_64 = 62 };

/* ---- LiME ---- */

static size_t header(uint64_t first, uint64_t last)
{
    const size_t at = file.len;

    put(0x4c694d45, 4);
    put(1, 4);
    put(first, 8);
    put(last, 8);
    put(0, 8);
    return at;
}

static void range(uint64_t first, uint64_t last, int c)
{
    header(first, last);
    fill(c, last - first + 1);
}

/** A header directly after a header: the first one's range is zeros, which are not stored. */
static void zeros_not_stored(void **state)
{
    (void)state;
    range(0x1000, 0x1fff, 1);
    header(0x2000, 0x101fff);
    header(0x102000, 0x201fff);
    range(0x202000, 0x202fff, 2);
    header(0x203000, 0x203fff);
    range(0x300000, 0x300fff, 3);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_int_equal(peek(0x2000), 0);
    assert_int_equal(peek(0x201fff), 0);
    assert_int_equal(peek(0x202000), 2);
    assert_int_equal(peek(0x203fff), 0);
    assert_int_equal(peek(0x204000), -EG_ABSENT);
    assert_int_equal(peek(0x300fff), 3);
    assert_true(noted("2 MiB have a header but no bytes"));
    assert_int_equal(img->notes.n, 1);
}

/** Memory that itself begins with a header, such as a cached LiME file, is memory. */
static void header_in_memory(void **state)
{
    (void)state;
    header(0x1000, 0x1fff);
    header(0x900000, 0x900fff);
    fill(7, 0x1000 - 32);
    range(0x2000, 0x2fff, 2);
    open_ok();
    assert_int_equal(peek(0x1000), 'E');
    assert_int_equal(peek(0x1fff), 7);
    assert_int_equal(peek(0x2000), 2);
    assert_int_equal(peek(0x900000), -EG_ABSENT);
    assert_int_equal(img->notes.n, 0);
}

static void damaged_header(void **state)
{
    size_t second;

    (void)state;
    range(0x1000, 0x1fff, 1);
    second = header(0x5000, 0x5fff);
    fill(5, 0x1000);
    range(0x8000, 0x8fff, 8);
    memset(file.at + second, 0, 4); // its magic number only: the rest fits
    open_ok();
    assert_int_equal(peek(0x1000), 1);
    assert_int_equal(peek(0x5000), 5);
    assert_int_equal(peek(0x8000), 8);
    assert_true(noted("at 0x1020 has no magic number"));

    memset(file.at + second, 0xff, 32); // all of it: the next one is found
    open_ok();
    assert_int_equal(peek(0x1000), 1);
    assert_int_equal(peek(0x5000), -EG_ABSENT);
    assert_int_equal(peek(0x8fff), 8);
    assert_true(noted("4128 bytes up to the next one at 0x2040"));
    assert_int_equal(img->notes.n, 1);

    // In what is lost are a magic number alone, and a header of memory that came already.
    put_at(second + 0x100, 0x4c694d45, 4);
    put_at(second + 0x200, UINT64_C(0x14c694d45), 8);
    put_at(second + 0x208, 0x800, 8);
    put_at(second + 0x210, 0x8ff, 8);
    put_at(second + 0x218, 0, 8);
    open_ok();
    assert_int_equal(peek(0x800), -EG_ABSENT);
    assert_int_equal(peek(0x8fff), 8);
    assert_true(noted("4128 bytes up to the next one at 0x2040"));
}

/** A false end reaches over the next header, or past the file; the range ends inside a page. */
static void damaged_size(void **state)
{
    static const uint64_t lasts[] = { 0x13ff + 0x1000, 0xfffffc00, UINT64_MAX - 1 };

    (void)state;
    range(0x1000, 0x13ff, 1);
    range(0x5000, 0x5fff, 5);
    range(0x8000, 0x8fff, 8);
    for (size_t i = 0; i < countof(lasts); i++) {
        put_at(16, lasts[i], 8);
        open_ok();
        assert_int_equal(peek(0x13ff), 1);
        assert_int_equal(peek(0x1400), -EG_ABSENT);
        assert_int_equal(peek(0x5000), 5);
        assert_int_equal(peek(0x8fff), 8);
        assert_true(noted("cannot be right: the next header follows after 1024 bytes"));
    }
}

static void something_appended(void **state)
{
    (void)state;
    range(0x1000, 0x1fff, 1);
    fill('x', 92);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_true(noted("the last 92 bytes"));
}

/* ---- ELF ---- */

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

static void elf(const struct segment *s, size_t n)
{
    static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    memcpy(file.at, ident, sizeof ident);
    file.len = sizeof ident;
    put(4, 2); // ET_CORE
    put(EM_X86_64, 2);
    put(1, 4);
    put(0, 8);
    put(64, 8);
    put(0, 8);
    put(0, 4);
    put(64, 2);
    put(56, 2);
    put(n, 2);
    put(0, 6);
    for (size_t i = 0; i < n; i++) {
        put(s[i].type, 4);
        put(0, 4);
        put(s[i].offset, 8);
        put(s[i].vaddr, 8);
        put(s[i].paddr, 8);
        put(s[i].filesz, 8);
        put(s[i].memsz, 8);
        put(0, 8);
    }
    fill(0, 0x1000 - file.len);
}

static void bytes_win_over_zeros(void **state)
{
    static const struct segment s[] = {
        { 1, 0x1000, 0xa000, 0xa000, 0x2000, 0x8000 },
        { 1, 0x3000, 0xc000, 0xc000, 0x2000, 0x4000 },
    };

    (void)state;
    elf(s, countof(s));
    fill(0x55, 0x2000);
    fill(0xaa, 0x2000);
    open_ok();
    assert_int_equal(peek(0xbfff), 0x55);
    assert_int_equal(peek(0xc000), 0xaa);
    assert_int_equal(peek(0xdfff), 0xaa);
    assert_int_equal(peek(0xe000), 0);
    assert_int_equal(peek(0x11fff), 0);
    assert_int_equal(peek(0x12000), -EG_ABSENT);
}

/** NT_AUXV, NT_FILE and NT_SIGINFO are in no core of a machine. */
static void program(void **state)
{
    static const uint32_t types[] = { 6, 0x46494c45, 0x53494749 };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(types); i++) {
        static const struct segment s[] = {
            { 4, 0x1000, 0, 0, 0x24, 0x24 },
            { 1, 0x2000, 0x400000, 0, 0x1000, 0x1000 },
            { 1, 0x3000, 0xffffffffff600000, 0, 0x1000, 0x1000 }, // vsyscall
        };

        elf(s, countof(s));
        put(5, 4);
        put(16, 4);
        put(types[i], 4);
        memcpy(file.at + file.len, "CORE\0\0\0", 8);
        file.len += 8;
        fill(0, 16);
        fill(0, 0x4000 - file.len);
        assert_int_equal(open_dump(&e), -EG_EUNSUP);
        assert_non_null(strstr(e.text, "core of a program"));
    }
}

/** A copy of /proc/kcore: views without a physical address are larger than any file. */
static void nothing_lost_of_a_view(void **state)
{
    static const struct segment s[] = {
        { 1, 0x1000, 0xffff888000000000, 0x1000, 0x1000, 0x1000 },
        { 1, 0x2000, 0xffffc90000000000, UINT64_MAX, UINT64_C(1) << 45, UINT64_C(1) << 45 },
    };

    (void)state;
    elf(s, countof(s));
    fill(1, 0x1000);
    open_ok();
    assert_int_equal(peek(0x1fff), 1);
    assert_false(noted("truncated"));
}

/* ---- no images ---- */

static void named(void **state)
{
    static const struct {
        const char *magic;
        size_t n, at;
        const char *what;
    } cases[] = {
        { "PK\3\4", 4, 0, "a zip archive" },
        { "container.description", 21, 30, "an AFF4 container" },
        { "070701", 6, 0, "a cpio archive" },
        { "MSCF", 4, 0, "a cabinet archive" },
        { "ZOO 2.10", 8, 0, "a zoo archive" },
        { "LRZI", 4, 0, "lrzip" },
        { "\x64\x86\x84\x19\x10\7", 6, 2, "Firecracker" },
        { "\xaa\xaa\x84\x19\x10\7", 6, 2, "Firecracker" },
        { "QED\0", 4, 0, "a QEMU disk" },
        { "COWD", 4, 0, "a VMware disk" },
        { "\x7f\x10\xda\xbe", 4, 64, "a VirtualBox disk" },
        { "WithoutFreeSpace", 16, 0, "a Parallels disk" },
        { "ULSUSPEND", 9, 4086, "hibernated" },
        { "\x19\x43\x56\x54", 4, 0, "an image of CRIU" },
        { "\xd4\xc3\xb2\xa1", 4, 0, "a packet capture" },
        { "ADSEGMENTEDFILE", 16, 0, "an AD1 image" },
        { "ustar", 5, 257, "a tar archive" },
        { "070702", 6, 0, "a cpio archive" },
        { "070707", 6, 0, "a cpio archive" },
        { "\xc7\x71\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0etc", 30, 0, "a cpio" },
        { "\x71\xc7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0etc", 30, 0, "a cpio" },
        { "NXSB", 4, 32, "a file system (APFS)" },
        { "H+\0\4", 4, 1024, "a file system (HFS+)" },
        { "HX\0\5", 4, 1024, "a file system (HFSX)" },
        { "\x5d\0\0\x10\0\xff\xff\xff\xff\xff\xff\xff\xff", 13, 0, "lzma" },
        { "\x5d\0\x10\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 13, 0, "lzma" }, // a small dictionary
        { "\x5d\0\0\x80\0\xd\0\0\0\0\0\0\0", 13, 0, "lzma" },                // the size is known
        { "\x5d\0\0\x30\0\0\0\0\x40\0\0\0\0", 13, 0, "lzma" }, // three times a power of two
        { "\x1f\x9d\x90", 3, 0, "compress" },
        { "AVML", 4, 0, "another version" },
        { "QEVM", 4, 0, "not of version 3" },
        { "PAGEDU64", 8, 0, "a Windows crash dump" },
        { "MDMP", 4, 0, "a Windows minidump" },
        { "{\"metadata\": {\"linux\"", 21, 0, "a JSON text" },
        { "<!DOCTYPE html>", 15, 0, "a web page" },
        { "SWAPSPACE2", 10, 4086, "a swap space" },
        { "SWAPSPACE2", 10, 65526, "a swap space" },
        { "S1SUSPEND", 9, 4086, "hibernated" },
        { "CD001", 5, 0x8001, "an ISO image" },
        { "\x53\xef", 2, 1080, "a file system (ext" },
        { "_BHRfS_M", 8, 0x10040, "a file system (btrfs)" },
    };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        file.len = 0;
        fill(0, 1 << 17);
        memcpy(file.at + cases[i].at, cases[i].magic, cases[i].n);
        assert_int_equal(open_dump(&e), -EG_EUNSUP);
        if (!strstr(e.text, cases[i].what))
            fail_msg("%s: %s", cases[i].what, e.text);
        assert_int_equal(open_as("raw", &e), 0); // the user decides
        file.at[cases[i].at] ^= 0x80;            // without the magic number: raw memory
        assert_int_equal(open_dump(&e), 0);
    }
}

/** What begins like a file of lzma(1) and cannot be one is memory. */
static void no_lzma(void **state)
{
    static const char heads[][15] = {
        "\x5d\0\x12\x34\0\xff\xff\xff\xff\xff\xff\xff\xff", // a dictionary of odd size
        "\x5d\0\x10\0\0\xd\0\0\0\0\xff\0\0",                // content of an exabyte
        "\x5d\0\x10\0\0\xd\0\0\0\0\0\0\0\1",                // no range coder
        "\x5d\0\2\0\0\xd\0\0\0\0\0\0\0",                    // a dictionary of 512 bytes
    };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(heads); i++) {
        file.len = 0;
        fill(0, 1 << 17);
        memcpy(file.at, heads[i], 14);
        assert_int_equal(open_dump(&e), 0);
    }
}

/** A vmlinux is named; memory that begins with a copy of an ELF file is memory. */
static void elf_at_the_start(void **state)
{
    static const uint8_t ident[] = {
        0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0
    };
    struct eg_error e;

    (void)state;
    append(ident, sizeof ident);
    file.len = 32 << 20;
    for (int own = 0; own < 2; own++) {
        put_at(40, own ? file.len - 4096 : 9000, 8); // the section headers
        assert_int_equal(open_dump(&e), own ? -EG_EUNSUP : 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(zeros_not_stored), T(header_in_memory),       T(damaged_header),
        T(damaged_size),     T(something_appended),     T(bytes_win_over_zeros),
        T(program),          T(nothing_lost_of_a_view), T(named),
        T(no_lzma),          T(elf_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
