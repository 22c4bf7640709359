/* qemu_machine_test.c - what a migration stream says about its machine: where memory lies, the
 * CPUs; pages at fixed places; libvirt's files around it. */
#include "qemu_stream.h"

static void split_by_cmos(void **state)
{
    const unsigned low = (17 << 20) / PAGE;
    uint8_t cmos[200] = { 0 };

    (void)state;
    cmos[0x34] = 16; // of 64 KiB, above 16 MiB
    cmos[0x5b] = 32; // above 4 GiB
    begin("pc-q35-9.0");
    blocks("pc.ram", 19 << 20, NULL, 0);
    section(PART, RAM_ID, NULL);
    for (unsigned i = 0; i < low + 3; i++)
        zero(i, i < low ? 1 : 2, i ? NULL : "pc.ram");
    end_ram();
    section_device("mc146818rtc", cmos, sizeof cmos);
    open_ok();
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(peek((17 << 20) - 1), 1);
    assert_int_equal(peek(17 << 20), -EG_ABSENT);
    assert_int_equal(peek(UINT64_C(4) << 30), 2);
    assert_int_equal(img->phys->last, (UINT64_C(4) << 30) + (2 << 20) - 1);
}

static void split_by_rule(void **state)
{
    static const struct {
        const char *machine, *block;
        uint64_t size, low;
    } all[] = {
        { "pc-i440fx-7.2", "pc.ram", 0xdff00000, 0xdff00000 },
        { "pc-i440fx-7.2", "pc.ram", 0xe0000000, 0xc0000000 },
        { "pc-q35-7.2", "pc.ram", 0xaff00000, 0xaff00000 },
        { "pc-q35-7.2", "/objects/pc.ram", 0xb0000000, 0x80000000 },
        { "microvm", "microvm.ram", 0xd0000000, 0xc0000000 },
        { "pc-q35-rhel9.2.0", "ram0", 0x140000000, 0x80000000 },
    };

    (void)state;
    for (size_t i = 0; i < countof(all); i++) {
        const uint64_t high = all[i].size - all[i].low;

        begin(all[i].machine);
        blocks(all[i].block, all[i].size, "vga.vram", 16 << 20);
        open_ok();
        assert_int_equal(img->phys->last, high ? (UINT64_C(4) << 30) + high - 1 : all[i].low - 1);
        assert_int_equal(noted("assumed"), high != 0);
        assert_int_equal(noted("ram0, is taken"), !strcmp(all[i].block, "ram0"));
    }
}

static void nodes(void **state)
{
    (void)state;
    begin("pc-q35-9.0");
    blocks("/objects/ram-node1", 512 * PAGE, "/objects/ram-node0", 256 * PAGE);
    section(PART, RAM_ID, NULL);
    whole(0, 1, "/objects/ram-node1");
    whole(0, 2, "/objects/ram-node0");
    end_ram();
    open_ok();
    assert_int_equal(peek(0), 2);
    assert_int_equal(peek(256 * PAGE), 1);
    assert_int_equal(img->phys->last, 768 * PAGE - 1);
    assert_int_equal(img->notes.n, 0);

    // Memory backends with names of the user's.
    begin("pc-q35-9.0");
    blocks("ram10", 512 * PAGE, "ram9", 256 * PAGE);
    section(PART, RAM_ID, NULL);
    whole(0, 1, "ram10");
    whole(0, 2, "ram9");
    end_ram();
    open_ok();
    assert_true(noted("2 blocks are taken as the machine's memory"));
    assert_int_equal(peek(0), 2);
    assert_int_equal(peek(256 * PAGE), 1);
    assert_int_equal(img->phys->last, 768 * PAGE - 1);
}

static void be64_at(uint8_t *p, uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * (7 - i));
}

static void arm(void **state)
{
    static uint8_t cpu[2000];

    (void)state;
    // Pages of 1 KiB, which old machines have but do not state: found by page 1.
    for (int first = 0; first < 2; first++) {
        begin("virt-2.6");
        blocks("mach-virt.ram", 64 << 10, NULL, 0);
        section(PART, RAM_ID, NULL);
        for (unsigned i = 0; i < 8; i++) {
            put(i * 1024 | (i == 2 || first ? WHOLE : ZERO) | (i ? CONTINUE : 0), 8);
            if (!i)
                text("mach-virt.ram", 1);
            fill((int)i, i == 2 || first ? 1024 : 1);
        }
        end_ram();
        open_ok();
        for (int i = 0; i < 8; i++)
            assert_int_equal(peek((UINT64_C(1) << 30) + (unsigned)i * 1024 + 1023), i);
        assert_int_equal(peek((UINT64_C(1) << 30) + 8192), -EG_ABSENT);
        assert_int_equal(img->elf_machine, 183);
    }
    cpu[571] = 2; // so many coprocessor registers; their numbers, their values
    be64_at(cpu + 572, 0x603000000013c100);
    be64_at(cpu + 580, 0x603000000013c101);
    be64_at(cpu + 596, 0x00010000419de001);
    section_device("cpu", cpu, sizeof cpu);
    open_ok();
    assert_int_equal(img->cpus.n, 1);
    assert_int_equal(img->cpus.at[0].root, 0x419de000);
}

static void x86_cpu(void **state)
{
    static uint8_t cpu[2000];

    (void)state;
    healthy();
    be64_at(cpu + 24, 0xb);
    be64_at(cpu + 340, 0x1000);
    be64_at(cpu + 456, 0x80050033);
    be64_at(cpu + 472, 0x2a10000);
    be64_at(cpu + 480, 0x6f0);
    be64_at(cpu + 856, 0xffff888000000000);
    section_device("cpu", cpu, sizeof cpu);
    cpu[459] = 0; // no paging yet
    cpu[456 + 4] = 0;
    section_device("cpu", cpu, sizeof cpu);
    open_ok();
    assert_int_equal(img->cpus.n, 1);
    assert_int_equal(img->cpus.at[0].root, 0x2a10000);
    assert_int_equal(img->cpus.at[0].control, 0x6f0);
    assert_int_equal(img->cpus.at[0].gs_base, 0xffff888000000000);
    assert_int_equal(img->cpus.at[0].regs[1], 0xb);
    check_healthy();
}

/** The capability mapped-ram, in a file that begins @before bytes earlier. */
static void mapped(uint64_t before)
{
    uint64_t bitmap, data;

    begin("pc-q35-10.0");
    put(5, 1);
    text("configuration/capabilities", 1);
    put(1, 4);
    put(1, 4);
    text("mapped-ram", 1);
    section(START, RAM_ID, "ram");
    put(1024 * PAGE | SIZE, 8);
    text("pc.ram", 1);
    put(1024 * PAGE, 8);
    bitmap = file.len + 28;
    data = (bitmap + before + 128 + 0xfffff) & ~UINT64_C(0xfffff);
    put(1, 4);
    put(PAGE, 8);
    put(bitmap + before, 8);
    put(data, 8);
    file.at[bitmap] = 1 << 5;
    file.at[bitmap + 127] = 0x80; // the last
    memset(file.at + data - before + 5 * PAGE, 0x55, PAGE);
    memset(file.at + data - before + 1023 * PAGE, 0x66, PAGE);
    file.len = data - before + 1024 * PAGE;
    put(EOS, 8);
    footer(RAM_ID);
    section(END, RAM_ID, NULL);
    put(EOS, 8);
    footer(RAM_ID);
}

static void check_mapped(void)
{
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(peek(4 * PAGE), 0);
    assert_int_equal(peek(5 * PAGE), 0x55);
    assert_int_equal(peek(6 * PAGE), 0);
    assert_int_equal(peek(1022 * PAGE), 0);
    assert_int_equal(peek(1024 * PAGE - 1), 0x66);
}

static void mapped_ram(void **state)
{
    struct eg_error e;
    struct eg_extent x;

    (void)state;
    mapped(0);
    open_ok();
    check_mapped();
    eg_extent_at(view, img->phys, 6 * PAGE, &x);
    assert_int_equal(x.last, 0x9ffff);
    // Cut inside the pages.
    file.len -= 2000 * 1024;
    open_ok();
    assert_true(noted("truncated"));
    assert_int_equal(peek(5 * PAGE), 0x55);
    assert_int_equal(peek(1024 * PAGE - 1), -EG_UNREADABLE);
    // Impossible places.
    for (int i = 0; i < 2; i++) {
        mapped(0);
        memset(file.at + 107 + 8 * i, 0xff, 8);
        (void)open_dump(&e);
    }
}

/* ---- libvirt ---- */

static void libvirt(const char *magic, bool big, uint32_t version, uint32_t data, uint32_t format)
{
    const uint32_t words[] = { version, data, 1, format };
    static uint8_t h[4096];
    const size_t n = 92 + 1000;

    memset(h, 0, sizeof h);
    memcpy(h, magic, 16);
    for (size_t i = 0; i < countof(words); i++)
        for (size_t b = 0; b < 4; b++)
            h[16 + 4 * i + b] = (uint8_t)(words[i] >> 8 * (big ? 3 - b : b));
    memmove(file.at + n, file.at, file.len);
    memcpy(file.at, h, n);
    file.len += n;
}

static void save_files(void **state)
{
    struct eg_error e;

    (void)state;
    for (int i = 0; i < 4; i++) {
        healthy();
        libvirt(i & 1 ? "LibvirtQemudPart" : "LibvirtQemudSave", i & 2, 2, 1000, 0);
        open_ok();
        assert_string_equal(img->format, "QEMU migration stream on libvirt save file");
        assert_int_equal(noted("not written to its end"), i & 1);
        check_healthy();
    }
    mapped(1092); // places are those of the whole file
    libvirt("LibvirtQemudSave", false, 2, 1000, 6);
    open_ok();
    check_mapped();
    healthy();
    libvirt("LibvirtQemudSave", false, 3, 1000, 0);
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
    assert_int_equal(open_cut(91, &e), -EG_EFORMAT);
    healthy();
    libvirt("LibvirtQemudSave", false, 2, 0xffffffff, 0);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    file.len = 0;
    fill(0x89, 9000);
    libvirt("LibvirtQemudSave", false, 2, 1000, 7);
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "(of unknown format)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(split_by_cmos, setup, teardown),
        cmocka_unit_test_setup_teardown(split_by_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(arm, setup, teardown),
        cmocka_unit_test_setup_teardown(x86_cpu, setup, teardown),
        cmocka_unit_test_setup_teardown(mapped_ram, setup, teardown),
        cmocka_unit_test_setup_teardown(save_files, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
