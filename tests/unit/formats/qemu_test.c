/* qemu_test.c - migration streams: every kind of page, cut at every byte, damaged, with false
 * values. */
#include "qemu_stream.h"

static void all_kinds(void **state)
{
    struct eg_extent x;

    (void)state;
    healthy();
    open_ok();
    assert_string_equal(img->format, "QEMU migration stream");
    assert_int_equal(img->notes.n, 0);
    assert_int_equal(img->elf_machine, 62);
    assert_int_equal(img->phys->last, 256 * PAGE - 1);
    check_healthy();
    eg_extent_at(view, img->phys, 2 * PAGE, &x);
    assert_true(x.zero);
    eg_extent_at(view, img->phys, 0xb0000, &x);
    assert_int_equal(x.start, 0xa0000);
    assert_int_equal(x.last, 0xbffff);
    eg_extent_at(view, img->phys, 8 * PAGE, &x);
    assert_int_equal(x.last, 0x9ffff);
}

/** Cut at every byte: it opens once the blocks are known, with a note of what is missing. */
static void cut(void **state)
{
    struct eg_error e;
    size_t opens = 0, total;

    (void)state;
    healthy();
    total = file.len;
    for (size_t n = 8; n < total - 5; n++) { // without the last footer it is whole
        if (open_cut(n, &e) != 0)
            continue;
        opens += 1;
        if (!noted("truncated"))
            fail_msg("%zu of %zu bytes", n, total);
        assert_int_equal(peek(7 * PAGE), -EG_UNREADABLE);
        assert_true(peek(0) == 0x10 || peek(0) == -EG_UNREADABLE);
    }
    assert_true(opens > total - 400);
}

static void damaged(void **state)
{
    size_t at;

    (void)state;
    begin("pc-i440fx-7.2");
    blocks("pc.ram", 256 * PAGE, NULL, 0);
    section(PART, RAM_ID, NULL);
    whole(0, 0x10, "pc.ram");
    at = file.len;
    for (unsigned i = 1; i < 20; i++)
        whole(i, 0x30, NULL);
    end_ram();
    file.at[at + 7] ^= 0x80; // flags of page 1
    open_ok();
    assert_true(noted("no record of a page"));
    assert_int_equal(peek(0), 0x10);
    assert_int_equal(peek(PAGE), -EG_UNREADABLE);
    for (unsigned i = 2; i < 20; i++)
        assert_int_equal(peek(i * PAGE), 0x30);
    // Nothing that follows is a record: what came before stays.
    memset(file.at + at, 0x99, file.len - at);
    open_ok();
    assert_true(noted("cannot be followed"));
    assert_int_equal(peek(0), 0x10);
    assert_int_equal(peek(PAGE), -EG_UNREADABLE);
}

static void strangers(void **state)
{
    (void)state;
    begin("pc-i440fx-7.2");
    blocks("pc.ram", 256 * PAGE, NULL, 0);
    section(PART, RAM_ID, NULL);
    whole(0, 0x10, "pc.ram");
    whole(1, 1, "none");
    whole(2, 1, NULL); // of the same
    whole(3, 0x13, "pc.ram");
    whole(UINT64_C(1) << 40, 1, NULL);
    zero(700, 1, NULL);
    end_ram();
    open_ok();
    assert_true(noted("2 pages of blocks"));
    assert_true(noted("2 pages beyond"));
    assert_int_equal(peek(PAGE), -EG_ABSENT);
    assert_int_equal(peek(3 * PAGE), 0x13);
}

static void lies(void **state)
{
    struct eg_error e;
    size_t at;

    (void)state;
    // Changes that reach past their page, of a page that is not there; invalid compressed bytes.
    begin("pc-i440fx-7.2");
    blocks("pc.ram", 256 * PAGE, NULL, 0);
    section(PART, RAM_ID, NULL);
    whole(0, 0x10, "pc.ram");
    change(0, 4096, 1);
    change(1, 0, 1);
    packed(2, 0x12);
    file.at[file.len - 20] ^= 0xff;
    whole(3, 0x13, NULL);
    end_ram();
    open_ok();
    assert_int_equal(peek(0), -EG_UNREADABLE);
    assert_int_equal(peek(PAGE), -EG_UNREADABLE);
    assert_int_equal(peek(2 * PAGE), -EG_UNREADABLE);
    assert_int_equal(peek(3 * PAGE), 0x13);
    // A block as large as the address space; more than the total; no block at all.
    begin("pc-i440fx-7.2");
    blocks("pc.ram", UINT64_MAX << 12, NULL, 0);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin("pc-i440fx-7.2");
    blocks("pc.ram", UINT64_C(1) << 50, NULL, 0);
    section(PART, RAM_ID, NULL);
    whole(0, 0x10, "pc.ram");
    whole(UINT64_C(1) << 37, 0x10, NULL);
    end_ram();
    open_ok();
    assert_int_equal(peek(0), 0x10);
    assert_true(noted("1 pages beyond"));
    begin("pc-i440fx-7.2");
    section(START, RAM_ID, "ram");
    at = file.len;
    put(PAGE | SIZE, 8);
    text("pc.ram", 1);
    put(2 * PAGE, 8);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    file.len = at;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "no memory found"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(cut, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers, setup, teardown),
        cmocka_unit_test_setup_teardown(lies, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
