/* ring_aarch64_test.c - what is AArch64's in QEMU's plugin: registers by their names, page tables,
 * the number of a system call in one place where it enters and in another where it leaves, and a
 * reset. ring_test.c has the rest. */
#define MKQEMU_ARM
#include "../../../contrib/qemu-plugin/guest.h"
#include "../../../live/events_ring.h"
#include "mkqemu.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct events *door;
static struct eg_error e;

static int set_up(void **state)
{
    static const struct ring_range range = { RAM, MEMORY, 0 };
    static const uint8_t texts[2][RING_CALLS] = { { [OPENAT] = 2 } };
    char ring[80], memory[80], places[] = "records=64";
    char *argv[] = { ring, memory, places };
    const qemu_info_t info = {
        .target_name = "aarch64", .version = { 2, 4 }, .system_emulation = true, .system = { 2, 2 }
    };

    (void)state;
    snprintf(memory_path, sizeof memory_path, "/tmp/ringtest-a-%d", (int)getpid());
    snprintf(ring_path, sizeof ring_path, "/tmp/ringtest-b-%d", (int)getpid());
    make_guest();
    snprintf(ring, sizeof ring, "ring=%s", ring_path);
    snprintf(memory, sizeof memory, "memory=%s", memory_path);
    assert_int_equal(qemu_plugin_install(1, &info, 3, argv), 0);
    if (events_ring_open(&door, ring_path, &e))
        fail_msg("%s", e.text);
    assert_string_equal(door->ops->file(door), memory_path);
    events_ring_memory(door, "", &range, 1);
    events_ring_os(door, &os, texts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    door->ops->close(door);
    unlink(memory_path);
    unlink(ring_path);
    return 0;
}

static void want(enum event_kind kind, uint64_t at, uint32_t id, uint32_t bits, uint64_t sp)
{
    const struct event_point p = {
        .kind = kind, .address = at, .len = bits, .sp = sp, .waits = false
    };

    assert_int_equal(door->ops->add(door, &p, id, &e), 0);
}

static void forget(uint32_t n)
{
    for (uint32_t id = 0; id < n; id++)
        assert_int_equal(door->ops->remove(door, id, &e), 0);
}

/* What the processor executes at @at is told: nobody waits for it, for nobody would answer. */
static int told(uint64_t at, struct event *out)
{
    const uint64_t code[] = { CALL_AT, LEAVE_AT };

    for (unsigned i = 0; i < control->n_points; i++)
        control->points[i].want &= (uint8_t)~RING_WANT_SYNC;
    control->generation += 2;
    on_idle(1, 0);
    translate(code, 2);
    execute(1, at);
    return door->ops->next(door, out, 1, &e);
}

static void a_call(void **state)
{
    struct event ev;

    (void)state;
    for (uint64_t i = 0; i < REGS; i++)
        regs[i].value = 1000 + i;
    want(EVENT_CALL, CALL_AT, 0, 0, 0);
    assert_int_equal(told(CALL_AT, &ev), 1);
    assert_int_equal(ev.state.n_regs, 34);
    for (uint64_t i = 0; i < 34; i++)
        assert_int_equal(ev.state.regs[i], 1000 + i);
    assert_int_equal(ev.task, DIRECT + TASK);
    assert_int_equal(ev.state.root, RAM + ROOT); // of its mm
    assert_int_equal(events_ring_record(door)->tgid, 41);
    forget(1);
    // A return is of one frame.
    want(EVENT_RETURN, LEAVE_AT, 0, 0, 1031);
    want(EVENT_RETURN, LEAVE_AT, 1, 0, 1032);
    assert_int_equal(told(LEAVE_AT, &ev), 1);
    assert_int_equal(ev.point, 0);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 0);
    forget(2);
}

static void a_store(void **state)
{
    struct event ev;

    (void)state;
    want(EVENT_WRITE, DIRECT + 0x3000, 0, 8, 0);
    assert_int_equal(told(CALL_AT, &ev), 0);
    store(0, CALL_AT, DIRECT + 0x3004, 2, 7);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.value, 7);
    assert_int_equal(ev.task, DIRECT + TASK);
    forget(1);
}

/* Which is chosen by its number, where it enters and where it leaves. */
static void system_calls(void **state)
{
    enum { OPENAT_32 = 322 };
    uint64_t calls[2][RING_CALLS / 64] = { { 0 } };
    const uint64_t entry = STACK + ENTRY_OF;
    const struct ring_record *n = events_ring_record(door);
    struct event ev;

    (void)state;
    calls[0][OPENAT / 64] |= UINT64_C(1) << OPENAT % 64;
    calls[1][OPENAT_32 / 64] |= UINT64_C(1) << OPENAT_32 % 64;
    events_ring_calls(door, (const uint64_t(*)[RING_CALLS / 64]) calls);
    want(EVENT_SYSCALL, CALL_AT, 0, 64, 0);
    want(EVENT_SYSRET, LEAVE_AT, 1, 64, 0);
    assert_int_equal(told(CALL_AT, &ev), 1);
    assert_int_equal(n->entry_len, ENTRY_LEN);
    assert_int_equal(n->texts, 1);
    assert_int_equal(n->text_arg[0], 1);
    assert_memory_equal(n->text[0], "/etc/passwd", 11);
    assert_int_equal(told(LEAVE_AT, &ev), 0); // no number yet where it leaves
    put64(entry + SYSCALLNO, OPENAT | UINT64_C(1) << 32);
    put64(entry + 8 * 8, 0);
    write_guest();
    assert_int_equal(told(LEAVE_AT, &ev), 1);
    assert_int_equal(told(CALL_AT, &ev), 0);
    forget(2);
    want(EVENT_SYSCALL, CALL_AT, 0, 32, 0);
    assert_int_equal(told(CALL_AT, &ev), 0);
    put64(entry + 8 * 7, OPENAT_32);
    write_guest();
    assert_int_equal(told(CALL_AT, &ev), 1);
    forget(1);
}

/* Blocks, pages of 16K and 64K, addresses of 52 bits, tags; and what is not there. */
static void page_tables(void **state)
{
    static const struct {
        const char *what;
        uint32_t levels, shift, bits;
        uint64_t
            entries[5]; // of the tables from the top, which are 64 KiB apart; the last is a leaf
        uint64_t va, pa;
    } cases[] = {
        { "pages of 4K", 4, 12, 48, { 3, 3, 3, RAM + 0x80003 }, 0xffff000000000123, 0x80123 },
        { "a block of 2M", 4, 12, 48, { 3, 3, RAM + 1 }, 0xffff000000080123, 0x80123 },
        { "pages of 16K", 3, 14, 47, { 3, 3, RAM + 0x84003 }, 0xffff800000000123, 0x84123 },
        { "pages of 64K", 3, 16, 48, { 3, 3, RAM + 0x90003 }, 0xffff00000000f123, 0x9f123 },
        { "52 bits", 5, 12, 52, { 3, 3, 3, 3, RAM + 0x80003 }, 0xfff0000000000123, 0x80123 },
        { "a tag", 4, 12, 48, { 3, 3, 3, RAM + 0x80003 }, 0x1200000000000123, 0x80123 },
        { "not valid", 4, 12, 48, { 3, 3, 3, RAM + 0x80002 }, 0xffff000000000123, 0 },
        { "above memory", 4, 12, 48, { 3, 3, 3, 2ull * RAM + 3 }, 0xffff000000000123, 0 },
        { "64K, an address of 52 bits", 3, 16, 48, { 3, 3, RAM + 0x9f003 }, 0xffff000000000123, 0 },
        { "52 bits, an address of them",
          5,
          12,
          52,
          { 3, 3, 3, 3, RAM + 0x80303 },
          0xfff0000000000123,
          0 },
        { "no such levels", 6, 12, 48, { 3 }, 0xffff000000000123, 0 },
        { "no such pages", 4, 20, 48, { 3 }, 0xffff000000000123, 0 },
    };
    const uint64_t tables = 0x40000, apart = 0x10000;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ring_linux kind = { .levels = cases[i].levels,
                                         .page_shift = cases[i].shift,
                                         .va_bits = cases[i].bits };
        const unsigned bits = cases[i].shift - 3;
        const uint64_t low = cases[i].va & ((UINT64_C(1) << cases[i].bits) - 1);
        uint64_t want_ = 0x1122334455667788, got = 0;

        memset(guest + tables, 0, 5 * apart);
        for (unsigned k = 0; k < cases[i].levels && k < 5 && cases[i].shift <= 16; k++) {
            const unsigned shift = cases[i].shift + bits * (cases[i].levels - 1 - k);
            const uint64_t index = low >> shift & ((UINT64_C(1) << bits) - 1);

            put64(tables + k * apart + 8 * index, cases[i].entries[k] == 3
                                                      ? (RAM + tables + (k + 1) * apart) | 3
                                                      : cases[i].entries[k]);
        }
        if (cases[i].pa)
            put64(cases[i].pa, want_);
        write_guest();
        if (guest_read(&kind, RAM + tables, cases[i].va, &got, 8) != (cases[i].pa ? 8 : 0) ||
            (cases[i].pa && got != want_))
            fail_msg("%s: %#llx", cases[i].what, (unsigned long long)got);
    }
}

/* QEMU's words to a kernel at the beginning of memory, which a program can have there too. */
static void is_reset(void **state)
{
    static const uint8_t words[4] = { 0xc0, 0, 0, 0x58 }, others[4] = { 0xc1, 0, 0, 0x58 };
    struct event ev;

    (void)state;
    translate_bytes(RAM, others);
    execute(0, RAM);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 0);
    translate_bytes(RAM, words);
    execute(0, RAM);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.kind, EVENT_RESET);
    translate_bytes(0, others); // of firmware
    execute(0, 0);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.kind, EVENT_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call),      cmocka_unit_test(a_store),  cmocka_unit_test(system_calls),
        cmocka_unit_test(page_tables), cmocka_unit_test(is_reset),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
