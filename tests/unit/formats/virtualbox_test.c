/* virtualbox_test.c - VirtualBox's saved states: all records, a live save, damage, false values. */
#include "../../../core/arch.h"
#include "mkdump.h"
#include <stdio.h>

enum {
    PAGE = 4096,
    TERM = 0x91,
    RAW,
    LZF,
    ZERO,
    BEGIN = 0x19200102,
    END = 0x19920406,
    ADDRESS = 0x80,
    PAGES_END = 0xff,
};
static const uint32_t final_pass = UINT32_MAX;
static const char head[32] = "\x7fVirtualBox SavedState V2.0\n";

/** The raw record that is being gathered. */
static struct {
    uint8_t at[1 << 12];
    size_t n;
} raw;

static void small(uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        raw.at[raw.n++] = (uint8_t)(i < 8 ? v >> 8 * i : 0);
}

static void record(uint8_t type, const void *p, size_t n)
{
    put(type, 1);
    if (n < 0x80) {
        put(n, 1);
    } else if (n < 0x800) {
        put(0xc0 | n >> 6, 1);
        put(0x80 | (n & 63), 1);
    } else {
        put(0xe0 | n >> 12, 1);
        put(0x80 | (n >> 6 & 63), 1);
        put(0x80 | (n & 63), 1);
    }
    append(p, n);
}

static void flush(void)
{
    if (raw.n)
        record(RAW, raw.at, raw.n);
    raw.n = 0;
}

static void begin(void)
{
    clear();
    append(head, sizeof head);
    put(7, 2);
    put(0, 2);
    put(28, 4);
    put(157968, 4);
    put(64 | 8 << 8 | 8 << 16, 4);
    put(0, 16);
}

static void unit(const char *name, uint32_t version, uint32_t pass)
{
    const size_t at = file.len;
    uint32_t crc = UINT32_MAX;

    append("\nUnit\n\0", 8);
    put(at, 8);
    put(0, 8);
    put(version, 4);
    put(1, 4);
    put(pass, 4);
    put(0, 4);
    put(strlen(name) + 1, 4);
    append(name, strlen(name) + 1);
    for (size_t i = at; i < file.len; i++) {
        crc ^= file.at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    crc = ~crc;
    memcpy(file.at + at + 20, (uint8_t[]){ crc & 255, crc >> 8 & 255, crc >> 16 & 255, crc >> 24 },
           4);
}

static void unit_end(void)
{
    flush();
    put(TERM, 1);
    put(14, 1);
    put(0, 14);
}

static void file_end(void)
{
    append("\nTheEnd", 8);
    put(0, 36);
}

static void text(const char *s)
{
    small(strlen(s), 4);
    for (; *s; s++)
        small((uint8_t)*s, 1);
}

static void lists(uint32_t version)
{
    if (version >= 11) {
        small(0x20000000, 4);
        small(1 << 20, 8);
    }
    small(1, 1);
    text("");
    small(0, 5);
    text("PC BIOS");
    small(0xe0000, 8);
    small(PAGE, 8);
    small(255, 1);
    small(1, 1);
    text("vga");
    small(0, 5);
    text("VRam");
    small(PAGE, 8);
    small(255, 1);
}

static void final_head(uint32_t version, bool live)
{
    small(BEGIN, 4);
    small(0, version >= 12 ? 17 : 13);
    small(END, 4);
    for (int cpu = 0; cpu < 3; cpu++) {
        small(BEGIN, 4);
        small(0, version >= 14 ? 45 : 13);
        small(END, 4);
    }
    if (version < 14) {
        small(0, 4);
        text("mapping");
        small(0, 16);
        small(UINT32_MAX, 4);
    }
    if (!live)
        lists(version);
}

/** A page of RAM; @address of UINT64_MAX: it follows the last. */
static void page(uint8_t kind, uint64_t address)
{
    small(kind | (address != UINT64_MAX ? ADDRESS : 0), 1);
    if (address != UINT64_MAX)
        small(address, 8);
}

static void raw_page(uint64_t address, int c)
{
    uint8_t bytes[PAGE];

    page(1, address);
    flush();
    memset(bytes, c, sizeof bytes);
    record(RAW, bytes, sizeof bytes);
}

static void lzf_page(uint64_t address, const void *packed, size_t len)
{
    uint8_t bytes[PAGE] = { 4 };

    page(1, address);
    flush();
    memcpy(bytes + 1, packed, len);
    record(LZF, bytes, len + 1);
}

/** @c, and references to it of 264 bytes at most. */
static size_t pack(uint8_t *out, int c)
{
    size_t n = 0, left = PAGE - 3;

    out[n++] = 2;
    for (int i = 0; i < 3; i++)
        out[n++] = (uint8_t)c;
    while (left) {
        const size_t len = EG_MIN(left, (size_t)264);

        out[n++] = len < 9 ? (uint8_t)((len - 2) << 5) : 7 << 5;
        if (len >= 9)
            out[n++] = (uint8_t)(len - 9);
        out[n++] = 2; // three bytes back
        left -= len;
    }
    return n;
}

static void records(void **state)
{
    (void)state;
    for (uint32_t version = 10; version <= 14; version++) {
        uint8_t bytes[PAGE], packed[PAGE];

        begin();
        unit("SSM", 1, final_pass);
        text("Build");
        unit_end();
        unit("pgm", version, final_pass);
        final_head(version, false);
        small(4 | ADDRESS, 1); // ROM: range, page, protection
        small(0, 1 + 4);
        small(1, 1);
        flush();
        record(ZERO, "\4", 1);
        small(7, 1);
        small(2, 1);
        small(2 | ADDRESS, 1); // memory of a device
        small(0, 1 + 4);
        flush();
        memset(bytes, 9, sizeof bytes);
        record(RAW, bytes, sizeof bytes);
        small(3, 1);
        raw_page(0, 1);
        raw_page(UINT64_MAX, 2);
        page(0, UINT64_MAX);
        page(8, UINT64_MAX); // ballooned
        lzf_page(0x100000000, packed, pack(packed, 77));
        page(1, UINT64_MAX);
        flush();
        record(ZERO, "\4", 1);
        raw_page(0x10000, 5);
        small(PAGES_END, 1);
        unit_end();
        file_end();
        open_ok();
        assert_string_equal(img->format, "VirtualBox saved state");
        assert_int_equal(img->notes.n, 1);
        assert_true(noted("balloon"));
        assert_int_equal(peek(0), 1);
        assert_int_equal(peek(2 * PAGE - 1), 2);
        assert_int_equal(peek(2 * PAGE), 0);
        assert_int_equal(peek(3 * PAGE), -EG_ABSENT);
        assert_int_equal(peek(4 * PAGE), -EG_ABSENT);
        for (unsigned i = 0; i < PAGE; i++)
            assert_int_equal(peek(0x100000000 + i), 77);
        assert_int_equal(peek(0x100001fff), 0);
        assert_int_equal(peek(0x10000), 5);
        assert_int_equal(peek(0xe0000), -EG_ABSENT); // ROM
        close_image();
    }
}

/** More pages than between two marks, and enough zeros for a range of their own. */
static void many(void **state)
{
    (void)state;
    begin();
    unit("pgm", 14, final_pass);
    final_head(14, false);
    for (unsigned i = 0; i < 40; i++)
        raw_page(i ? UINT64_MAX : 0, 1 + (int)i);
    for (unsigned i = 0; i < 700; i++) {
        page(0, UINT64_MAX);
        if (i % 100 == 0)
            flush();
    }
    for (unsigned i = 0; i < 20; i++)
        raw_page(UINT64_MAX, 100 + (int)i);
    small(PAGES_END, 1);
    unit_end();
    open_ok();
    assert_int_equal(img->notes.n, 0);
    for (unsigned i = 0; i < 760; i++)
        assert_int_equal(peek(i * PAGE + 5), i < 40    ? 1 + (int)i
                                             : i < 740 ? 0
                                                       : 100 + (int)(i - 740));
    assert_int_equal(peek(760 * PAGE), -EG_ABSENT);
}

static void live(void **state)
{
    (void)state;
    begin();
    for (uint32_t pass = 0; pass < 3; pass++) {
        unit("pgm", 13, pass == 2 ? final_pass : pass);
        if (pass == 0)
            lists(13);
        if (pass == 2)
            final_head(13, true);
        if (pass == 0)
            for (unsigned i = 0; i < 20; i++)
                raw_page(i ? UINT64_MAX : 0, 1);
        raw_page((pass + 2) * PAGE, 10 + (int)pass);
        raw_page(UINT64_MAX, 20 + (int)pass);
        if (pass == 2) {
            page(0, 7 * PAGE);
            page(8, 8 * PAGE);
        }
        small(PAGES_END, 1);
        unit_end();
        unit("cpum", 17, pass);
        unit_end();
    }
    open_ok();
    assert_int_equal(peek(PAGE), 1);
    assert_int_equal(peek(2 * PAGE), 10);
    assert_int_equal(peek(3 * PAGE), 11);
    assert_int_equal(peek(4 * PAGE), 12);
    assert_int_equal(peek(5 * PAGE), 22);
    assert_int_equal(peek(6 * PAGE), 1);
    assert_int_equal(peek(7 * PAGE), 0);
    assert_int_equal(peek(8 * PAGE), -EG_ABSENT);
    assert_int_equal(peek(19 * PAGE), 1);
}

/** One page that cannot be unpacked is one hole. */
static void bad_pages(void **state)
{
    static const struct {
        const char *what, *packed;
        size_t len;
    } bad[] = { { "ends too early", "\0A", 2 },
                { "refers to before the page", "\xe0\x09\x05", 3 },
                { "is longer than its record", "\x1f", 1 },
                { "ends in a reference", "\0A\x20", 3 },
                { "ends in a long reference", "\0A\xe0", 3 },
                { "is empty", "", 0 } };
    uint8_t packed[PAGE];

    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        begin();
        unit("pgm", 14, final_pass);
        final_head(14, false);
        raw_page(0, 1);
        lzf_page(UINT64_MAX, bad[i].packed, bad[i].len);
        lzf_page(UINT64_MAX, packed, pack(packed, 3));
        small(PAGES_END, 1);
        unit_end();
        open_ok();
        assert_int_equal(peek(0), 1);
        if (peek(PAGE) != -EG_UNREADABLE)
            fail_msg("a page that %s can be read", bad[i].what);
        assert_int_equal(peek(2 * PAGE), 3);
        close_image();
    }
    begin(); // too long
    unit("pgm", 14, final_pass);
    final_head(14, false);
    raw_page(0, 1);
    packed[pack(packed, 3)] = 0;
    packed[pack(packed, 3) + 1] = 3;
    lzf_page(UINT64_MAX, packed, pack(packed, 3) + 2);
    small(PAGES_END, 1);
    unit_end();
    open_ok();
    assert_int_equal(peek(0), 1);
    assert_int_equal(peek(PAGE), -EG_UNREADABLE);
}

/** What came before the damage is used. */
static void damaged(void **state)
{
    struct eg_error e;
    size_t whole;

    (void)state;
    begin();
    unit("pgm", 14, final_pass);
    final_head(14, false);
    raw_page(0, 1);
    raw_page(UINT64_MAX, 2);
    whole = file.len;
    raw_page(UINT64_MAX, 3);
    small(PAGES_END, 1);
    unit_end();
    file.len = whole + 100;
    open_ok();
    assert_true(noted("cut off"));
    assert_int_equal(peek(0), 1);
    assert_int_equal(peek(PAGE), 2);
    assert_int_equal(peek(2 * PAGE), -EG_ABSENT);
    close_image();

    // The first page without an address, one between pages, one past all, kinds that are none.
    for (unsigned i = 0; i < 5; i++) {
        static const uint64_t addresses[] = { UINT64_MAX, 1, UINT64_C(1) << 52, 0, 0 };

        begin();
        unit("pgm", 14, final_pass);
        final_head(14, false);
        if (i < 3)
            page(0, addresses[i]);
        else
            small(i == 3 ? 9 : 0x7f, 1);
        small(PAGES_END, 1);
        unit_end();
        assert_int_equal(open_dump(&e), i ? -EG_EFORMAT : 0);
        close_image();
    }

    // A wrong checksum is a note, no more.
    begin();
    unit("pgm", 14, final_pass);
    file.at[64 + 20]++;
    final_head(14, false);
    raw_page(0, 1);
    small(PAGES_END, 1);
    unit_end();
    open_ok();
    assert_true(noted("checksum"));
    assert_int_equal(peek(0), 1);
}

static void hopeless(void **state)
{
    struct eg_error e;

    (void)state;
    begin();
    file.at[24] = '1'; // V1.0
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "1.0"));
    begin();
    file.len = 40;
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin();
    file.at[46] = 5; // bytes of a virtual address
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "8 (physical) and 5 (virtual)"));
    begin();
    unit("pgm", 9, final_pass);
    assert_int_equal(open_dump(&e), -EG_EUNSUP);
    begin(); // a text of 4 GiB
    unit("pgm", 14, 0);
    small(0, 12);
    small(1, 1);
    small(UINT32_MAX, 4);
    unit_end();
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin(); // a record longer than the file
    unit("pgm", 14, 0);
    append("\x92\xfd\xbf\xbf\xbf\xbf\xbf", 7);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin(); // small things in a record of zeros
    unit("pgm", 14, 0);
    for (unsigned i = 0; i < 1000; i++)
        record(ZERO, "\xff", 1);
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
    begin(); // units, and no memory
    for (unsigned i = 0; i < 1000; i++) {
        unit("x", 1, 0);
        unit_end();
    }
    assert_int_equal(open_dump(&e), -EG_EFORMAT);
}

static void cpus(void **state)
{
    (void)state;
    begin();
    unit("cpum", 20, final_pass);
    small(2, 4);
    small(0, 4);
    for (uint64_t cpu = 0; cpu < 3; cpu++) {
        small(BEGIN, 4); // other things are between such marks, too
        small(0, 416);
        small(END, 4);
        small(BEGIN, 4);
        for (uint64_t i = 0; i < 18; i++)
            small(cpu << 8 | i, 8);
        for (uint64_t i = 0; i < 6; i++) {
            small(0, 6);
            small(i == 5 ? 0xffff888000000000 : 0, 8);
            small(0, 8);
        }
        small(cpu == 2 ? 0x10 : 0x80050033, 8); // the third has not been started
        small(0, 8);
        small(0x1000 * (cpu + 1), 8);
        small(0x6f0, 8);
        small(0, 192);
        small(1, 8);
        small(END, 4);
    }
    unit_end();
    unit("pgm", 14, final_pass);
    final_head(14, false);
    raw_page(0, 1);
    small(PAGES_END, 1);
    unit_end();
    open_ok();
    assert_int_equal(img->cpus.n, 2);
    for (uint64_t i = 0; i < 2; i++) {
        const struct eg_cpu *cpu = &img->cpus.at[i];

        assert_true(cpu->root == 0x1000 * (i + 1) && cpu->control == 0x6f0);
        assert_true(cpu->gs_base == 0xffff888000000000);
        for (unsigned r = 0; cpu->arch->registers[r]; r++)
            if (!strcmp(cpu->arch->registers[r], "rip"))
                assert_int_equal(cpu->regs[r], i << 8 | 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records, setup, teardown),
        cmocka_unit_test_setup_teardown(many, setup, teardown),
        cmocka_unit_test_setup_teardown(live, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(hopeless, setup, teardown),
        cmocka_unit_test_setup_teardown(cpus, setup, teardown),
    };

    return cmocka_run_group_tests_name("virtualbox", tests, NULL, NULL);
}
