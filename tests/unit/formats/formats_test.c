/* formats_test.c - raw, LiME, ELF cores and pieces: healthy, truncated, overlapping, with false
 * values. */
#include "mkdump.h"
#include <stdio.h>
#include <unistd.h>

static bool wide_; // the ELF file's numbers have 64 bits

static int open_at(int64_t offset, struct eg_error *e)
{
    const struct eg_open_options o = { .offset = offset, .quiet = true };

    return open_with(&o, e);
}

static void word(uint64_t v)
{
    put(v, wide_ ? 8 : 4);
}

/* ---- raw ---- */

static void raw(void **state)
{
    struct eg_error e;

    (void)state;
    fill(7, 8192);
    assert_int_equal(open_at(0x100000, &e), 0);
    assert_int_equal(peek(0xfffff), -EG_ABSENT);
    assert_int_equal(peek(0x100000), 7);
    assert_int_equal(peek(0x101fff), 7);
    assert_int_equal(peek(0x102000), -EG_ABSENT);
    assert_int_equal(img->notes.n, 0);
    assert_string_equal(img->format, "raw physical memory");
    assert_int_equal(open_at(-8192, &e), -EG_EUSAGE);
    assert_int_equal(open_as("no such", &e), -EG_EUSAGE);
    assert_non_null(strstr(e.text, "avml, "));
    fill(7, 1);
    open_ok();
    assert_true(noted("not a multiple"));
}

/* ---- LiME ---- */

static void lime_range(uint64_t first, uint64_t last, int c, size_t stored)
{
    put(0x4c694d45, 4);
    put(1, 4);
    put(first, 8);
    put(last, 8);
    put(0, 8);
    fill(c, stored);
}

static void lime(void **state)
{
    struct eg_extent x;

    (void)state;
    lime_range(0x1000, 0x1fff, 1, 0x1000);
    lime_range(0x8000, 0x83ff, 2, 0x400); // ends inside a page
    lime_range(0x3000, 0x3fff, 3, 0x1000);
    open_ok();
    assert_string_equal(img->format, "LiME");
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(peek(0), -EG_ABSENT);
    assert_int_equal(peek(0x1000), 1);
    assert_int_equal(peek(0x1fff), 1);
    assert_int_equal(peek(0x2000), -EG_ABSENT);
    assert_int_equal(peek(0x3abc), 3);
    assert_int_equal(peek(0x83ff), 2);
    assert_int_equal(peek(0x8400), -EG_ABSENT);
    eg_extent_at(view, img->phys, 0x4000, &x);
    assert_true(x.start == 0x4000 && x.last == 0x7fff);
}

static void lime_overlap(void **state)
{
    (void)state;
    lime_range(0x1000, 0x2fff, 1, 0x2000);
    lime_range(0x2000, 0x3fff, 2, 0x2000);
    open_ok();
    assert_int_equal(peek(0x2000), 1);
    assert_int_equal(peek(0x3000), 2);
    assert_true(noted("1 ranges overlap"));
}

static void lime_truncated(void **state)
{
    (void)state;
    lime_range(0x1000, 0x1fff, 1, 0x1000);
    lime_range(0x100000, 0x4fffff, 2, 0x1000);
    open_ok();
    assert_int_equal(peek(0x100fff), 2);
    assert_int_equal(peek(0x101000), -EG_UNREADABLE);
    assert_int_equal(peek(0x4fffff), -EG_UNREADABLE);
    assert_int_equal(peek(0x500000), -EG_ABSENT);
    assert_true(noted("3 of 4 MiB are missing"));
}

static void notes_are_bounded(void **state)
{
    (void)state;
    lime_range(0x1000, 0x1fff, 1, 0x1000);
    open_ok();
    for (int i = 0; i < 5000; i++)
        eg_image_note(img, "note %d", i);
    assert_int_equal(img->notes.n, 1001);
    assert_true(noted("there are more problems"));
}

static void lime_damaged(void **state)
{
    static const struct {
        const char *what;
        uint64_t first, last;
    } cases[] = {
        { "backwards", 0x3000, 0x2000 },
        { "the whole space", 0, UINT64_MAX },
    };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        file.len = 0;
        lime_range(cases[i].first, cases[i].last, 2, 0x1000);
        assert_int_equal(open_dump(&e), -EG_EFORMAT);
        file.len = 0;
        lime_range(0x1000, 0x1fff, 1, 0x1000);
        lime_range(cases[i].first, cases[i].last, 2, 0x1000);
        open_ok();
        assert_true(noted("no range header at 0x1020"));
        assert_int_equal(peek(0x1000), 1);
        assert_int_equal(peek(0x3000), -EG_ABSENT);
    }
}

/* ---- ELF ---- */

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

/** A core with room for its headers; content from 0x1000 on. */
static void elf(bool wide, bool big, uint16_t machine, const struct segment *s, size_t n)
{
    const size_t ehsize = wide ? 64 : 52, phentsize = wide ? 56 : 32;

    file.len = 0;
    wide_ = wide;
    file.big = big;
    fill(0, 4);
    memcpy(file.at, "\x7f\x45LF", 4);
    put((uint64_t)(wide ? 2 : 1) << (big ? 56 : 0) | (uint64_t)(big ? 2 : 1) << (big ? 48 : 8) |
            UINT64_C(1) << (big ? 40 : 16),
        8);
    fill(0, 4);
    put(4, 2); // ET_CORE
    put(machine, 2);
    put(1, 4);
    word(0);
    word(ehsize); // program headers
    word(0x20);   // section headers: not valid, but not needed
    put(0, 4);
    put(8, 2); // QEMU 7.2's e_ehsize
    put(phentsize, 2);
    put(n, 2);
    put(wide ? 64 : 40, 2);
    put(0, 2);
    put(0, 2);
    for (size_t i = 0; i < n; i++) {
        put(s[i].type, 4);
        if (wide)
            put(0, 4);
        word(s[i].offset);
        word(s[i].vaddr);
        word(s[i].paddr);
        word(s[i].filesz);
        word(s[i].memsz);
        if (!wide)
            put(0, 4);
        word(0);
    }
    fill(0, 0x1000 - file.len);
}

enum { LOAD = 1, NOTE = 4 };

static void elf_all_classes(void **state)
{
    static const struct segment s[] = {
        { LOAD, 0x1000, 0, 0, 0x1000, 0x1000 },
        { LOAD, 0x2000, 0, 0x8000, 0x1000, 0x3000 }, // with a tail of zeros
        { LOAD, 0, 0, 0x20000, 0, 0x1000 },          // QEMU: no RAM
    };

    (void)state;
    for (int i = 0; i < 4; i++) {
        elf(i & 1, i & 2, 62, s, countof(s));
        fill(1, 0x1000);
        fill(2, 0x1000);
        open_ok();
        assert_string_equal(img->format, "ELF core");
        assert_int_equal(img->elf_machine, 62);
        assert_int_equal(peek(0xfff), 1);
        assert_int_equal(peek(0x1000), -EG_ABSENT);
        assert_int_equal(peek(0x8fff), 2);
        assert_int_equal(peek(0x9000), 0);
        assert_int_equal(peek(0xafff), 0);
        assert_int_equal(peek(0xb000), -EG_ABSENT);
        assert_int_equal(peek(0x20000), -EG_ABSENT);
        assert_null(img->kernel_va);
        assert_int_equal(img->notes.n, 0);
    }
}

static void elf_with_paging(void **state)
{
    static const struct segment s[] = {
        { LOAD, 0x1000, 0xffff888000000000, 0, 0x2000, 0x2000 },
        { LOAD, 0x2000, 0xffffc90000000000, 0x1000, 0x1000, 0x1000 }, // the second page again
        { LOAD, 0x1000, 0x400000, 0x0, 0x1000, 0x1000 },              // a program's
        { LOAD, 0x3000, 0xffffc90000005000, UINT64_MAX, 0x1000, 0x1000 },
        { LOAD, 0x1000, 0xffff000000400000, 0x0, 0x1000, 0x1000 }, // as QEMU writes a program's
    };

    (void)state;
    elf(true, false, 62, s, countof(s));
    fill(1, 0x1000);
    fill(2, 0x1000);
    fill(3, 0x1000);
    open_ok();
    assert_int_equal(peek(0), 1);
    assert_int_equal(peek(0x1000), 2);
    assert_int_equal(peek(0x2000), -EG_ABSENT);
    assert_non_null(img->kernel_va);
    assert_int_equal(peek_in(img->kernel_va, 0xffffc90000000000), 2);
    assert_int_equal(peek_in(img->kernel_va, 0xffffc90000005000), 3);
    assert_int_equal(peek_in(img->kernel_va, 0x400000), -EG_ABSENT);
    assert_int_equal(peek_in(img->kernel_va, 0xffff000000400000), -EG_ABSENT);
    assert_false(img->virtual_only);
    assert_int_equal(img->notes.n, 0);
}

static void elf_old_kcore(void **state)
{
    static const struct segment s[] = {
        { LOAD, 0x1000, 0xffff888000000000, 0, 0x1000, 0x1000 },
        { LOAD, 0x2000, 0xffffffff81000000, 0, 0x1000, 0x1000 },
        { LOAD, 0x2000, 0xffffffffff600000, UINT64_MAX, 0x1000, 0x1000 },
    };
    struct eg_error e;

    (void)state;
    elf(true, false, 62, s, countof(s));
    fill(1, 0x1000);
    fill(2, 0x1000);
    open_ok();
    assert_true(img->virtual_only);
    assert_int_equal(peek(0), -EG_ABSENT);
    assert_int_equal(peek_in(img->kernel_va, 0xffffffff81000fff), 2);

    { // as in a core of a program
        struct segment p[2] = { s[0], s[1] };

        p[0].vaddr = 0x400000;
        p[1].vaddr = 0x500000;
        elf(true, false, 62, p, 2);
        fill(1, 0x2000);
        assert_int_equal(open_dump(&e), -EG_EFORMAT);
    }
}

static void elf_truncated(void **state)
{
    static const struct segment s[] = {
        { LOAD, 0x1000, 0, 0x1000, 0x1000, 0x1000 },
        { LOAD, 0x2000, 0, 0x100000, 0x300000, 0x300000 },
        { LOAD, 0x302000, 0, 0x800000, 0x100000, 0x100000 },
        { LOAD, 0x1000, 0, UINT64_MAX - 5, 0x1000, 0x1000 },
    };

    (void)state;
    elf(true, false, 62, s, countof(s));
    fill(1, 0x1000);
    fill(2, 0x1000);
    open_ok();
    assert_int_equal(peek(0x100fff), 2);
    assert_int_equal(peek(0x101000), -EG_UNREADABLE);
    assert_int_equal(peek(0x8abcde), -EG_UNREADABLE);
    assert_true(noted("truncated: 3 MiB"));
    assert_true(noted("1 segments reach past"));
    elf(true, false, 62, s, 1);
    fill(1, 0x1000);
    put(0, 1);
    file.at[57] = 0xf0; // e_phnum: more than the file holds
    open_ok();
    assert_true(noted("program headers are missing"));
    assert_int_equal(peek(0x1000), 1);
}

static void elf_many_segments(void **state)
{
    static const struct segment s[] = {
        { LOAD, 0x1000, 0, 0, 1, 1 },
        { LOAD, 0x1000, 0, 0x1000, 1, 1 },
        { LOAD, 0x1000, 0, 0x2000, 1, 1 },
    };

    (void)state;
    elf(true, false, 62, s, countof(s));
    fill(9, 0x1000);
    file.at[56] = file.at[57] = 0xff; // PN_XNUM: section 0 says how many
    file.at[41] = 0x11;               // it is at 0x1120
    memset(file.at + 0x1120, 0, 64);
    file.at[0x1120 + 44] = countof(s);
    open_ok();
    assert_int_equal(peek(0x2000), 9);
    assert_int_equal(img->notes.n, 0);
}

static void note(const char *name, uint32_t type, size_t desc)
{
    const size_t n = strlen(name) + 1;

    put(n, 4);
    put(desc, 4);
    put(type, 4);
    memcpy(file.at + file.len, name, n);
    file.len += (n + 3) & ~(size_t)3;
}

static void elf_notes(void **state)
{
    static const char text[] = "OSRELEASE=6.1.0\nPAGESIZE=4096\n";
    const struct segment s[] = {
        { NOTE, 0x1000, 0, 0, 0x800, 0x800 },
        { LOAD, 0x1800, 0, 0x1000, 0x1000, 0x2000 },
    };
    size_t at;

    (void)state;
    elf(true, false, 62, s, countof(s));
    for (int cpu = 0; cpu < 2; cpu++) {
        note("CORE", 1, 336);
        at = file.len;
        file.len += 32;
        put(100 + (unsigned)cpu, 4);
        file.len = at + 112 + 16 * 8;
        put(0xffffffff81000000 + (unsigned)cpu, 8); // rip
        file.len = at + 336;
    }
    note("QEMU", 0, 440);
    at = file.len;
    put(1, 4);
    put(440, 4);
    for (unsigned i = 0; i < 18; i++)
        put(0x1000 + i, 8);
    file.len = at + 8 + 18 * 8 + 4 * 24 + 16;
    put(0x7f00000000, 8); // gs is the program's,
    file.len = at + 392 + 3 * 8;
    put(0x2a1c000, 8);
    put(0x750eb0, 8);
    put(0xffff8ca71f400000, 8); // this one the kernel's
    assert_int_equal(file.len, at + 440);
    note("VMCOREINFO", 0, sizeof text - 1);
    memcpy(file.at + file.len, text, sizeof text - 1);
    file.len += sizeof text - 1;
    file.len = (file.len + 3) & ~(size_t)3;
    note("ERASEINFO", 0, 14);
    memcpy(file.at + file.len, "erase cred 40\n", 14);
    file.len = 0x1800;
    fill(4, 0x1000);
    open_ok();
    assert_true(noted("some data was erased before the dump was written: erase cred 40"));
    assert_string_equal(img->vmcoreinfo, text);
    assert_int_equal(img->cpus.n, 2);
    assert_ptr_equal(img->cpus.at[0].arch, eg_arch_find("x86_64"));
    assert_int_equal(img->cpus.at[0].root, 0x2a1c000);
    assert_int_equal(img->cpus.at[0].control, 0x750eb0);
    assert_true(img->cpus.at[0].gs_base == 0xffff8ca71f400000);
    assert_int_equal(img->cpus.at[0].pid, 0);
    assert_int_equal(img->cpus.at[0].regs[16], 0x1010);
    assert_int_equal(img->cpus.at[1].pid, 101);
    assert_true(img->cpus.at[1].regs[16] == 0xffffffff81000001);
    assert_int_equal(img->cpus.at[1].root, 0);
    // With VMCOREINFO, makedumpfile ended the segment early: the rest is not zeros.
    assert_int_equal(peek(0x1000), 4);
    assert_int_equal(peek(0x2000), -EG_EXCLUDED);
}

static void elf_bad_notes(void **state)
{
    const struct segment s[] = {
        { NOTE, 0x1000, 0, 0, 0x100, 0x100 },
        { NOTE, 0x1100, 0, 0, UINT64_MAX, 0 },
        { LOAD, 0x1100, 0, 0x1000, 0x100, 0x100 },
    };

    (void)state;
    elf(true, false, 62, s, countof(s));
    note("VBCPU", 0xb01, 0xfffffff0); // reaches past the segment
    file.len = 0x1100;
    fill(4, 0x100);
    open_ok();
    assert_true(noted("reaches past its segment"));
    assert_true(noted("cut off or too large"));
    assert_int_equal(img->cpus.n, 0);
}

/* ---- pieces ---- */

static void write_piece(const char *dir, const char *name, int c, size_t n)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        fputc(c, f);
    assert_int_equal(fclose(f), 0);
}

/** Instead of the image that was open. */
static void open_path(const char *path)
{
    struct eg_error e;

    close_image();
    assert_int_equal(eg_image_open(&img, path, NULL, &e), 0);
}

static void pieces(void **state)
{
    char dir[] = "/tmp/engram-test.XXXXXX", path[64];

    (void)state;
    assert_non_null(mkdtemp(dir));
    write_piece(dir, "m.001", 1, 4096);
    write_piece(dir, "m.002", 2, 4096);
    write_piece(dir, "m.004", 4, 100);
    snprintf(path, sizeof path, "%s/m.001", dir);
    open_path(path);
    assert_int_equal(img->file_size, 3 * 4096 + 100);
    assert_string_equal(img->format, "raw physical memory on 3 pieces");
    assert_int_equal(peek(4095), 1);
    assert_int_equal(peek(4096), 2);
    assert_int_equal(peek(8192), -EG_ABSENT);
    assert_int_equal(peek(3 * 4096), 4);
    assert_true(noted("1 piece(s) before"));

    // Opened by a piece in the middle: all of the set.
    path[strlen(path) - 1] = '4';
    open_path(path);
    assert_int_equal(img->file_size, 3 * 4096 + 100);
    assert_true(noted("is a piece of a set"));

    // A later piece alone.
    write_piece(dir, "x.003", 3, 4096);
    snprintf(path, sizeof path, "%s/x.003", dir);
    open_path(path);
    assert_true(noted("is named as a piece of a set, but the first is not in its folder"));
    assert_int_equal(peek(0), 3);
    unlink(path);
    write_piece(dir, "x.raw", 3, 4096);
    snprintf(path, sizeof path, "%s/x.raw", dir);
    open_path(path);
    assert_int_equal(img->notes.n, 0);
    unlink(path);

    // A series of dumps is not a split file.
    write_piece(dir, "s.part1", 1, 4096);
    lime_range(0, 0xfff, 1, 0x1000);
    snprintf(path, sizeof path, "%s/s.part2", dir);
    {
        FILE *f = fopen(path, "wb");

        assert_int_equal(fwrite(file.at, 1, file.len, f), file.len);
        fclose(f);
    }
    path[strlen(path) - 1] = '1';
    open_path(path);
    assert_int_equal(img->file_size, 4096);
    assert_true(noted("a dump of its own (LiME)"));
    path[strlen(path) - 1] = '2';
    open_path(path);
    assert_string_equal(img->format, "LiME");
    assert_int_equal(img->notes.n, 0);

    write_piece(dir, "x.aa", 1, 4096);
    write_piece(dir, "x.ab", 2, 4096);
    snprintf(path, sizeof path, "%s/x.aa", dir);
    open_path(path);
    assert_int_equal(img->file_size, 8192);
    write_piece(dir, "m.000", 9, 4096); // counted from 0: the first is not dropped
    snprintf(path, sizeof path, "%s/m.001", dir);
    open_path(path);
    assert_int_equal(img->file_size, 4 * 4096 + 100);
    assert_int_equal(peek(0), 9);
    for (const char *const *name =
             (const char *const[]){ "m.000", "m.001", "m.002", "m.004", "s.part1", "s.part2",
                                    "x.aa", "x.ab", NULL };
         *name; name++) {
        snprintf(path, sizeof path, "%s/%s", dir, *name);
        unlink(path);
    }
    rmdir(dir);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(raw),
        T(lime),
        T(lime_overlap),
        T(lime_truncated),
        T(notes_are_bounded),
        T(lime_damaged),
        T(elf_all_classes),
        T(elf_with_paging),
        T(elf_old_kcore),
        T(elf_truncated),
        T(elf_many_segments),
        T(elf_notes),
        T(elf_bad_notes),
        T(pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
