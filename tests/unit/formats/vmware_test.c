/* vmware_test.c - VMware's memory and saved states: beside each other, in one, damaged, with false
 * values. */
#include "../../../core/arch.h"
#include "mkdump.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PAGE = 4096, GROUPS = 4 };

static bool wide;       // sizes of blocks have 64 bits
static unsigned groups; // written so far

static char folder[64];

static void begin(uint32_t magic)
{
    clear();
    groups = 0;
    wide = magic & 15;
    put(magic, 4);
    put(8, 4);
    put(GROUPS, 4);
    file.len += GROUPS * 80;
}

static void group(const char *name)
{
    uint8_t *g = file.at + 12 + 80 * groups++;

    strcpy((char *)g, name);
    for (unsigned i = 0; i < 8; i++)
        g[64 + i] = (uint8_t)((uint64_t)file.len >> 8 * i);
}

static void tag(const char *name, unsigned size, unsigned n, uint32_t i, uint32_t j)
{
    put(n << 6 | size, 1);
    put(strlen(name), 1);
    memcpy(file.at + file.len, name, strlen(name));
    file.len += strlen(name);
    if (n > 0)
        put(i, 4);
    if (n > 1)
        put(j, 4);
}

static void number(const char *name, unsigned n, uint32_t i, uint32_t j, uint64_t value,
                   size_t size)
{
    tag(name, (unsigned)size, n, i, j);
    put(value, size);
}

static void region(uint32_t i, uint32_t page, uint32_t ppn, uint32_t size)
{
    number("regionPageNum", 1, i, 0, page, 4);
    number("regionPPN", 1, i, 0, ppn, 4);
    number("regionSize", 1, i, 0, size, 4);
}

static void block(const char *name, unsigned n, uint64_t size, uint64_t mem_size, unsigned pad)
{
    tag(name, 63, n, 0, 0);
    put(size, wide ? 8 : 4);
    put(mem_size, wide ? 8 : 4);
    put(pad, 2);
    file.len += pad;
}

static void end(void)
{
    put(0, 2);
}

/** @n pages: each is filled with its number plus one. */
static void pages(unsigned n)
{
    for (unsigned i = 0; i < n; i++, file.len += PAGE)
        memset(file.at + file.len, (int)i + 1, PAGE);
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(path_of(name), "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int open_file(const char *name, struct eg_error *e)
{
    const struct eg_open_options o = { .quiet = true };

    return eg_image_open(&img, path_of(name), &o, e);
}

static int setup_folder(void **state)
{
    setup(state);
    strcpy(folder, "/tmp/vmware_test.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown_folder(void **state)
{
    static const char *const names[] = { "a.vmem",           "a.vmss",           "a.vmsn",
                                         "a-Snapshot1.vmem", "a-Snapshot1.vmsn", "a.guest" };

    teardown(state);
    for (size_t i = 0; i < countof(names); i++)
        unlink(path_of(names[i]));
    return rmdir(folder);
}

/** Two CPUs, as single values and as blocks, and three regions. */
static void whole_state(void)
{
    group("Checkpoint");
    number("Platform", 0, 0, 0, 1, 4);
    end();
    group("cpu");
    number("cpu:numVCPUs", 0, 0, 0, 2, 4);
    number("rip", 1, 0, 0, 0xffffffff81000000, 8);
    number("eflags", 1, 0, 0, 0x246, 4);
    number("CR64", 2, 0, 3, 0x1234000, 8);
    number("CR64", 2, 0, 4, 0x6f0, 8);
    tag("CR64", 63, 1, 1, 0);
    put(72, wide ? 8 : 4);
    put(72, wide ? 8 : 4);
    put(0, 2);
    for (unsigned i = 0; i < 9; i++)
        put(0x1000 * i, 8);
    tag("gpregs", 63, 1, 1, 0);
    put(128, wide ? 8 : 4);
    put(128, wide ? 8 : 4);
    put(0, 2);
    for (unsigned i = 0; i < 16; i++)
        put(100 + i, 8);
    number("CR64", 2, 7, 3, 0x5000, 8); // no such CPU
    end();
    group("memory");
    number("align_mask", 0, 0, 0, 0xffff, 4);
    number("regionsCount", 0, 0, 0, 3, 4);
    region(0, 0, 0, 2);
    region(1, 3, 0x100, 1); // not in the order of the file
    region(2, 2, 0x100000, 1);
}

static void check_whole(void)
{
    const struct eg_cpu *cpu = img->cpus.at;

    assert_string_equal(img->format, "VMware");
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(peek(0), 1);
    assert_int_equal(peek(2 * PAGE - 1), 2);
    assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
    assert_int_equal(peek(0x100000), 4);
    assert_int_equal(peek(0x100000000), 3);
    assert_int_equal(peek(0x100001000), -EG_ABSENT);
    assert_int_equal(img->cpus.n, 2);
    assert_true(cpu[0].root == 0x1234000 && cpu[0].control == 0x6f0);
    assert_true(cpu[1].root == 0x3000 && cpu[1].control == 0x4000);
    assert_string_equal(cpu[0].arch->name, "x86_64");
    for (unsigned i = 0; cpu[0].arch->registers[i]; i++) {
        const char *name = cpu[0].arch->registers[i];

        if (!strcmp(name, "rip"))
            assert_true(cpu[0].regs[i] == 0xffffffff81000000);
        else if (!strcmp(name, "rflags"))
            assert_int_equal(cpu[0].regs[i], 0x246);
        else if (!strcmp(name, "rbx"))
            assert_int_equal(cpu[1].regs[i], 103);
    }
}

static void single(void **state)
{
    static const uint32_t magics[] = { 0xbed0bed0, 0xbed2bed0, 0xbad1bad1,
                                       0xbad2bad2, 0xbed2bed2, 0xbed3bed3 };
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(magics); i++) {
        begin(magics[i]);
        whole_state();
        block("Memory", 2, 4 * PAGE, 4 * PAGE, 17);
        pages(4);
        number("after", 0, 0, 0, 1, 4);
        end();
        if (open_dump(&e) != 0)
            fail_msg("%#x: %s", magics[i], e.text);
        check_whole();
        close_image();
    }
}

/** Fewer than 3 GiB: no regions. On ARM memory begins elsewhere. */
static void no_regions(void **state)
{
    struct eg_error e;

    (void)state;
    for (unsigned arm = 0; arm < 2; arm++) {
        begin(0xbed2bed2);
        group("Checkpoint");
        number("Platform", 0, 0, 0, arm ? 3 : 1, 4);
        end();
        group("memory");
        number("regionsCount", 0, 0, 0, 0, 4);
        block("Memory", 2, 2 * PAGE, 2 * PAGE, 0);
        pages(2);
        end();
        assert_int_equal(open_dump(&e), 0);
        assert_int_equal(peek(arm ? 0x80000000 : 0), 1);
        assert_int_equal(peek(arm ? 0x80001000 : PAGE), 2);
        assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
        close_image();
    }
}

static void damaged(void **state)
{
    struct eg_error e;

    (void)state;
    begin(0xbed2bed2); // the memory is cut off
    whole_state();
    block("Memory", 2, 4 * PAGE, 4 * PAGE, 0);
    pages(3);
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(peek(PAGE), 2);
    assert_int_equal(peek(0x100000000), 3);
    assert_int_equal(peek(0x100000), -EG_UNREADABLE);
    assert_true(noted("truncated"));
    close_image();

    begin(0xbed2bed2); // regions that overlap, are not there, or past all
    group("memory");
    number("regionsCount", 0, 0, 0, 4, 4);
    region(0, 0, 0, 2);
    region(1, 1, 1, 2);
    region(2, 0, 0xffffffff, 0xffffffff);
    block("Memory", 0, 4 * PAGE, 4 * PAGE, 0);
    pages(4);
    end();
    assert_int_equal(open_dump(&e), 0);
    assert_int_equal(peek(PAGE), 2);
    assert_int_equal(peek(2 * PAGE), 3);
    assert_true(noted("overlap"));
    assert_true(noted("regions of memory"));
    close_image();

    begin(0xbed2bed2); // a value that reaches past the file
    group("memory");
    number("regionsCount", 0, 0, 0, 0, 4);
    block("Memory", 0, 2 * PAGE, 2 * PAGE, 0);
    pages(2);
    tag("x", 63, 1, 0, 0);
    assert_int_equal(open_dump(&e), 0);
    assert_true(noted("damaged"));
    assert_int_equal(peek(0), 1);
}

static void hopeless(void **state)
{
    struct eg_error e;

    (void)state;
    begin(0xbed2bed2); // compressed
    group("memory");
    block("Memory", 2, PAGE, 2 * PAGE, 0);
    pages(1);
    end();
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "compressed"));
    begin(0xbed2bed2); // without memory
    whole_state();
    end();
    assert_int_equal(open_dump(&e), -EG_ENOTFOUND);
    begin(0xbed2bed2); // a block of 2^64 bytes
    group("memory");
    block("Memory", 2, UINT64_MAX, UINT64_MAX, 0);
    pages(1);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin(0xbed2bed2); // groups that are nowhere
    file.at[11] = 0xff;
    group("memory");
    file.at[12 + 64 + 7] = 0xff;
    assert_int_equal(open_dump(&e), -EG_ENOTFOUND);
    // A group whose values are the table of groups itself, and four billion groups: it ends.
    begin(0xbed2bed2);
    memset(file.at + 8, 0xff, 4);
    group("memory");
    memset(file.at + 12 + 64, 0, 8);
    assert_int_equal(open_dump(&e), -EG_ENOTFOUND);
}

static void beside(void **state)
{
    static const struct {
        const char *vmem, *side;
    } names[] = { { "a.vmem", "a.vmss" }, { "a-Snapshot1.vmem", "a-Snapshot1.vmsn" } };
    static uint8_t memory[4 * PAGE];
    struct eg_error e;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        memset(memory + i * PAGE, (int)i + 1, PAGE);
    for (size_t i = 0; i < countof(names); i++) {
        write_file(names[i].vmem, memory, sizeof memory);
        assert_int_equal(open_file(names[i].vmem, &e), 0); // no saved state yet
        assert_true(noted("no saved state"));
        assert_int_equal(peek(2 * PAGE), 3);
        close_image();
        begin(0xbed3bed3);
        whole_state();
        end();
        write_file(names[i].side, file.at, file.len);
        assert_int_equal(open_file(names[i].vmem, &e), 0);
        check_whole();
        close_image();
        assert_int_equal(open_file(names[i].side, &e), 0);
        check_whole();
        close_image();
    }
    write_file("a.vmss", "not a saved state", 17);
    assert_int_equal(open_file("a.vmem", &e), 0);
    assert_true(noted(".vmss beside it is not a saved state"));
    assert_int_equal(peek(2 * PAGE), 3);
    close_image();
    write_file("a.vmss", file.at, file.len);
    write_file("a.vmem", memory, PAGE + 1); // less than the regions say
    assert_int_equal(open_file("a.vmss", &e), 0);
    assert_int_equal(peek(PAGE - 1), 1);
    assert_int_equal(peek(PAGE + 1), -EG_UNREADABLE);
    assert_int_equal(peek(0x100000), -EG_UNREADABLE);
    assert_true(noted("truncated"));
    close_image();
    assert_int_equal(unlink(path_of("a.vmem")), 0);
    assert_int_equal(open_file("a.vmss", &e), -EG_ENOTFOUND);
    assert_non_null(strstr(e.text, ".vmem"));
}

/** 4 GiB without a saved state: only the e820 map in boot_params says what is past 3. */
static void large_alone(void **state)
{
    static const uint64_t size = UINT64_C(1) << 32, hole = 0xc0000000;
    uint8_t p[0x1000] = { 0 };
    struct eg_error e;
    int fd;

    (void)state;
    fd = open(path_of("a.vmem"), O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(pwrite(fd, "B", 1, 1), 1);
    assert_int_equal(pwrite(fd, "H", 1, (off_t)hole), 1);
    assert_int_equal(open_file("a.vmem", &e), 0);
    assert_true(noted("may be wrong"));
    assert_int_equal(peek(1), 'B');
    assert_int_equal(peek(hole), 'H');
    close_image();
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        const uint64_t ram[2][2] = { { 0, 0xbff00000 }, { size, size - hole - (wrong ? 1 : 0) } };

        p[0x1e8] = 2;
        p[0x1fe] = 0x55;
        p[0x1ff] = 0xaa;
        memcpy(p + 0x202, "HdrS", 4);
        for (unsigned i = 0; i < 2; i++) {
            for (unsigned b = 0; b < 16; b++)
                p[0x2d0 + 20 * i + b] = (uint8_t)(ram[i][b / 8] >> 8 * (b % 8));
            p[0x2d0 + 20 * i + 16] = 1;
        }
        assert_int_equal(pwrite(fd, p, sizeof p, 0x90010), sizeof p);
        assert_int_equal(open_file("a.vmem", &e), 0);
        assert_int_equal(peek(hole), wrong ? 'H' : -EG_ABSENT);
        assert_int_equal(peek(size), wrong ? -EG_ABSENT : 'H');
        assert_true(noted(wrong ? "may be wrong" : "boot_params says"));
        assert_int_equal(img->movable, wrong); // the search for a kernel may find the places
        close_image();
    }
    close(fd);
}

/** debug.guest beside debug.vmem: two holes, and the page tables of two CPUs. Either name opens
 * it. */
static void guest(void **state)
{
    static const char *const names[] = { "a.vmem", "a.guest" };
    static const uint64_t holes[2][2] = { { 2, 3 }, { 6, 10 } }; // first page, pages
    enum { CPU = 300, CPUS = 2 };
    static uint8_t memory[5 * PAGE];
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(1 + i / PAGE);
    write_file("a.vmem", memory, sizeof memory);
    clear();
    put(4, 4);
    put(CPUS, 4);
    put(1, 1);
    put(0, 5 + 8);
    put(17 * PAGE - 1, 8);
    put(5, 8);
    put(0, 4);
    put(countof(holes), 4);
    for (size_t i = 0; i < 4; i++)
        put(holes[i / 2][i % 2], 8);
    for (uint64_t i = 0; i < CPUS; i++) {
        put(0, 12);
        put(0x1000 * (i + 1), 8); // cr3
        put(0x6f0, 8);
        put(0, CPU - 28);
    }
    file.len += CPUS * PAGE;
    write_file("a.guest", file.at, file.len);
    for (size_t i = 0; i < countof(names); i++) {
        assert_int_equal(open_file(names[i], &e), 0);
        assert_int_equal(peek(PAGE), 2);
        assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
        assert_int_equal(peek(5 * PAGE), 3);
        assert_int_equal(peek(6 * PAGE), -EG_ABSENT);
        assert_int_equal(peek(16 * PAGE), 4);
        assert_int_equal(peek(18 * PAGE - 1), 5);
        assert_int_equal(img->cpus.n, CPUS);
        assert_int_equal(img->cpus.at[1].root, 0x2000);
        assert_int_equal(img->notes.n, 0);
        close_image();
    }
    put_at(62, 1, 8); // the holes are not in order
    write_file("a.guest", file.at, file.len);
    assert_int_equal(open_file("a.guest", &e), -EG_EFORMAT);
    assert_int_equal(open_file("a.vmem", &e), 0);
    assert_true(noted("the .guest beside it is none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(single, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(no_regions, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(damaged, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(hopeless, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(beside, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(large_alone, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(guest, setup_folder, teardown_folder),
    };

    return cmocka_run_group_tests_name("vmware", tests, NULL, NULL);
}
