/* ring_test.c - QEMU's plugin and the door that reads its ring, one beside the other: the plugin
 * runs over a QEMU and a guest that are made here. What it is told to look for it writes, and
 * nothing else; what does not fit is counted; who waits gets an answer, or goes on when nobody
 * is left to give one. A ring of a stranger, with any numbers in it, ends the trace at worst. */
#include "../../../live/events_ring.h"
#include "mkqemu.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the two sides ---- */

static struct events *door;
static struct eg_error e;

static void load_plugin(const char *n)
{
    char ring[80], memory[80], places[32], keep[] = "keep=off";
    char *argv[] = { ring, memory, places, keep };
    const qemu_info_t info = {
        .target_name = "x86_64", .version = { 2, 4 }, .system_emulation = true, .system = { 2, 2 }
    };

    snprintf(ring, sizeof ring, "ring=%s", ring_path);
    snprintf(memory, sizeof memory, "memory=%s", memory_path);
    snprintf(places, sizeof places, "records=%s", n);
    assert_int_equal(qemu_plugin_install(1, &info, 4, argv), 0);
    regs[18].value = ROOT | 5; // and a PCID
}

static int set_up(void **state)
{
    (void)state;
    snprintf(memory_path, sizeof memory_path, "/dev/shm/ringtest-m-%d", (int)getpid());
    snprintf(ring_path, sizeof ring_path, "/dev/shm/ringtest-r-%d", (int)getpid());
    if (access("/dev/shm", W_OK)) {
        snprintf(memory_path, sizeof memory_path, "/tmp/ringtest-m-%d", (int)getpid());
        snprintf(ring_path, sizeof ring_path, "/tmp/ringtest-r-%d", (int)getpid());
    }
    make_guest();
    load_plugin("64");
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    unlink(memory_path);
    unlink(ring_path);
    return 0;
}

static void open_door(const char *mode)
{
    static const uint8_t texts[2][RING_CALLS] = { { [257] = 2 } };
    char where[96];

    snprintf(where, sizeof where, "%s%s", ring_path, mode);
    if (events_ring_open(&door, where, &e))
        fail_msg("%s", e.text);
    events_ring_os(door, &os, texts);
}
static void want(enum event_kind kind, uint64_t at, uint32_t id, uint64_t root)
{
    const struct event_point p = { .kind = kind, .address = at, .root = root, .len = 8 };

    assert_int_equal(door->ops->add(door, &p, id, &e), 0);
}
static void sleep_and_wake(void)
{
    const uint64_t code[] = { CALL_AT, CALL_AT + 1, LEAVE_AT };

    on_idle(1, 0);
    translate(code, 3);
}
static void close_door(void)
{
    door->ops->close(door);
    on_idle(1, 0);
}
static unsigned count(int ms)
{
    struct event ev;
    unsigned n = 0;

    while (door->ops->next(door, &ev, ms, &e) == 1)
        n++;
    return n;
}

/* ---- tests ---- */

static void nothing_is_looked_at(void **state)
{
    const uint64_t code[] = { CALL_AT, CALL_AT + 1 };

    (void)state;
    translate(code, 2);
    assert_int_equal(n_callbacks, 0);
}

static void a_call(void **state)
{
    const struct ring_record *n;
    struct event ev;

    (void)state;
    open_door(",async");
    assert_false(events_ring_ready(door, 1));
    want(EVENT_CALL, CALL_AT, 7, 0);
    sleep_and_wake();
    assert_true(events_ring_ready(door, 1));
    assert_int_equal(n_callbacks, 1);
    for (uint64_t i = 0; i < 18; i++)
        regs[i].value = 1000 + i;
    execute(1, CALL_AT);
    execute(1, CALL_AT + 1);
    assert_int_equal(door->ops->next(door, &ev, 10, &e), 1);
    assert_int_equal(ev.kind, EVENT_CALL);
    assert_int_equal(ev.point, 7);
    assert_int_equal(ev.cpu, 1);
    assert_int_equal(ev.number, 0);
    assert_int_equal(ev.task, DIRECT + TASK);
    assert_int_equal(ev.state.root, ROOT);
    assert_int_equal(ev.state.n_regs, 18);
    assert_int_equal(ev.state.regs[5], 1005); // rdi
    assert_int_equal(ev.state.regs[6], 1007); // rsp is the 7th, and the 8th of gdb
    assert_int_equal(ev.state.regs[7], 1006);
    assert_int_equal(ev.state.regs[16], 1016);
    n = events_ring_record(door);
    assert_int_equal(n->pid, 42);
    assert_int_equal(n->tgid, 41);
    assert_string_equal(n->comm, "actor");
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 0);
    close_door();
    execute(1, CALL_AT);
    assert_int_equal(head->head, 1); // its point has gone
}

static void a_system_call(void **state)
{
    struct event ev;
    const struct ring_record *n;

    (void)state;
    open_door(",async");
    want(EVENT_SYSCALL, CALL_AT, 1, 0);
    want(EVENT_SYSRET, LEAVE_AT, 2, 0);
    sleep_and_wake();
    execute(0, CALL_AT);
    execute(0, LEAVE_AT);
    assert_int_equal(door->ops->next(door, &ev, 10, &e), 1);
    n = events_ring_record(door);
    assert_int_equal(ev.kind, EVENT_SYSCALL);
    assert_int_equal(n->entry_len, 168);
    assert_memory_equal(n->entry, guest + STACK + ENTRY_OF, 168);
    assert_int_equal(n->texts, 1);
    assert_int_equal(n->text_arg[0], 1);
    assert_int_equal(n->text_len[0], 11);
    assert_memory_equal(n->text[0], "/etc/passwd", 11);
    assert_int_equal(door->ops->next(door, &ev, 10, &e), 1);
    assert_int_equal(ev.kind, EVENT_SYSRET);
    assert_int_equal(ev.point, 2);
    assert_int_equal(ev.number, events_ring_record(door)->seq - 1);
    close_door();
}

/* By number, by page tables: what is not wanted is not written. */
static void filters(void **state)
{
    uint64_t calls[2][RING_CALLS / 64] = { { 0 } };

    (void)state;
    open_door(",async");
    events_ring_calls(door, (const uint64_t(*)[RING_CALLS / 64]) calls);
    want(EVENT_SYSCALL, CALL_AT, 1, 0);
    want(EVENT_CALL, LEAVE_AT, 2, 0x4000);
    sleep_and_wake();
    execute(0, CALL_AT);
    execute(0, LEAVE_AT);
    assert_int_equal(count(1), 0);
    calls[0][257 / 64] |= UINT64_C(1) << 257 % 64;
    events_ring_calls(door, (const uint64_t(*)[RING_CALLS / 64]) calls);
    on_idle(1, 0);                    // nothing has to be translated for this
    regs[18].value = 0x4000 | 0x1003; // of a program on the second page
    execute(0, CALL_AT);
    execute(0, LEAVE_AT);
    assert_int_equal(count(1), 2);
    regs[18].value = ROOT | 5;
    close_door();
}

/* More than there is room for: those that fit are the first, the rest is counted, and the numbers
 * have the gap. */
static void lost(void **state)
{
    struct event ev;
    uint64_t first, before;

    (void)state;
    open_door(",async");
    want(EVENT_CALL, CALL_AT, 1, 0);
    sleep_and_wake();
    before = door->ops->lost(door);
    for (int i = 0; i < SMALL + 10; i++)
        execute(0, CALL_AT);
    assert_int_equal(door->ops->lost(door) - before, 10);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    first = ev.number;
    assert_int_equal(count(1), SMALL - 1);
    execute(0, CALL_AT);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.number, first + SMALL + 10);
    close_door();
}

static void writes(void **state)
{
    struct event ev;

    (void)state;
    open_door(",async");
    want(EVENT_WRITE, DIRECT + 0x3000, 5, 0);
    sleep_and_wake();
    store(0, CALL_AT, DIRECT + 0x2ff8, 3, 1);
    store(0, CALL_AT, DIRECT + 0x3008, 3, 2);
    store(0, CALL_AT, DIRECT + 0x3004, 1, 0x123456);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.kind, EVENT_WRITE);
    assert_int_equal(ev.address, DIRECT + 0x3004);
    assert_int_equal(ev.len, 2);
    assert_int_equal(ev.value, 0x3456);
    assert_int_equal(count(1), 0);
    close_door();
}

/* A processor begins anew: that is of no point. */
static void is_reset(void **state)
{
    static const uint8_t any[4];
    struct event ev;

    (void)state;
    open_door(",async");
    want(EVENT_CALL, CALL_AT, 0, 0);
    sleep_and_wake();
    translate_bytes(UINT64_C(0xfffffff0), any);
    execute(0, UINT64_C(0xfffffff0));
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.kind, EVENT_RESET);
    assert_true(ev.point >= EVENT_POINTS_MAX);
    close_door();
}

static void *guest_runs(void *arg)
{
    const int n = *(int *)arg;

    for (int i = 0; i < n; i++) {
        execute(0, CALL_AT);
        __atomic_store_n((int *)arg, n - i - 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* The processor stands at each event until the next one is asked for. */
static void stands(void **state)
{
    const uint64_t before = head->head;
    struct event ev;
    pthread_t t;
    int left = 5;

    (void)state;
    open_door("");
    want(EVENT_CALL, CALL_AT, 1, 0);
    sleep_and_wake();
    assert_int_equal(pthread_create(&t, NULL, guest_runs, &left), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(door->ops->next(door, &ev, 60000, &e), 1);
        usleep(2000);
        assert_int_equal(__atomic_load_n(&left, __ATOMIC_ACQUIRE), 5 - i);
        assert_int_equal(head->head, before + (uint64_t)i + 1);
    }
    assert_int_equal(door->ops->next(door, &ev, 20, &e), 0);
    pthread_join(t, NULL);
    assert_int_equal(head->timeouts, 0);
    close_door();
}

/* A system call does not wait, unless it is asked to. */
static void system_calls_do_not_wait(void **state)
{
    (void)state;
    for (int sync = 0; sync < 2; sync++) {
        open_door(sync ? ",sync" : "");
        want(EVENT_SYSCALL, CALL_AT, 1, 0);
        assert_int_equal(control->points[0].want & RING_WANT_SYNC, sync ? RING_WANT_SYNC : 0);
        close_door();
    }
}

/* The reader is killed while a processor waits for it: it goes on, and without points. */
static void reader_dies(void **state)
{
    const uint64_t before = head->head;
    const pid_t child = fork();
    struct event ev;
    int status, left = 100;

    (void)state;
    if (!child) {
        if (events_ring_open(&door, ring_path, &e))
            _exit(1);
        events_ring_os(door, &os, (const uint8_t[2][RING_CALLS]){ { 0 } });
        door->ops->add(door, &(struct event_point){ .kind = EVENT_CALL, .address = CALL_AT }, 1,
                       &e);
        _exit(door->ops->next(door, &ev, 60000, &e) == 1 ? 0 : 2);
    }
    for (int i = 0; i < 60000 && !control->n_points; i++)
        usleep(1000);
    sleep_and_wake();
    guest_runs(&left);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(left, 0);
    assert_int_equal(head->head - before, 1);
}

/* In a process of its own, whose SIGBUS is not that of cmocka. */
static int cut_short(const char *path)
{
    struct event ev;
    int rc;

    if (events_ring_open(&door, path, &e) || door->ops->next(door, &ev, 1, &e) != 1 ||
        truncate(path, 4096))
        return 1;
    rc = door->ops->next(door, &ev, 1, &e);
    door->ops->close(door);
    return rc == -EG_EIO ? 0 : 2;
}

/* Any 4 KiB in the place of a record or of the head. */
static void strangers(void **state)
{
    static uint8_t bytes[RING_RECORDS_AT + 16 * sizeof(struct ring_record)];
    struct ring_head *h = (struct ring_head *)(void *)bytes;
    struct ring_record *r = (struct ring_record *)(void *)(bytes + RING_RECORDS_AT);
    char path[80];
    struct event ev;
    int fd, status;
    pid_t child;

    (void)state;
    snprintf(path, sizeof path, "%s-x", ring_path);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
#define WRITE() assert_true(pwrite(fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes)
#define REFUSED()                                                                                  \
    WRITE();                                                                                       \
    assert_true(events_ring_open(&door, path, &e) < 0)
    assert_true(events_ring_open(&door, path, &e) < 0); // empty
    REFUSED();
    *h = (struct ring_head){ .magic = RING_MAGIC,
                             .version = RING_VERSION,
                             .control_at = RING_CONTROL_AT,
                             .records_at = RING_RECORDS_AT,
                             .n_records = 16,
                             .record_size = sizeof *r,
                             .machine = 62 };
    memset(h->memory_file, 'x', sizeof h->memory_file);
    h->n_records = 32;
    REFUSED(); // more than the file has
    h->n_records = 0;
    REFUSED();
    h->n_records = 12;
    REFUSED();
    h->n_records = 16;
    h->machine = 3;
    REFUSED();
    h->machine = 62;
    h->version++;
    REFUSED();
    h->version--;
    for (int i = 0; i < 16; i++) {
        memset(&r[i], 0xff, sizeof r[i]);
        r[i].seq = (uint64_t)i + 1;
        r[i].kind = RING_CALL;
        r[i].cpu = 63;
    }
    r[3].kind = 77;
    WRITE();
    assert_int_equal(events_ring_open(&door, path, &e), 0);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(ev.state.n_regs, RING_REGS_MAX);
    assert_int_equal(events_ring_record(door)->entry_len, RING_ENTRY_MAX);
    assert_int_equal(events_ring_record(door)->text_len[1], 0); // of argument 255
    assert_int_equal(events_ring_record(door)->comm[15], 0);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), 1);
    assert_int_equal(door->ops->next(door, &ev, 1, &e), -EG_EFORMAT);
    door->ops->close(door);
    r[3].kind = RING_CALL;
    WRITE();
    child = fork();
    if (!child) {
        execl("/proc/self/exe", "ring_test", path, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
    unlink(path);
}

/* One reader of a ring; and the machine's end is told. */
static void one_reader(void **state)
{
    struct events *other;
    struct event ev;

    (void)state;
    open_door(",async");
    assert_int_equal(events_ring_open(&other, ring_path, &e), -EG_EUSAGE);
    close(ring_fd);
    munmap(head, RING_RECORDS_AT + SMALL * sizeof(struct ring_record)); // QEMU has ended
    assert_int_equal(door->ops->next(door, &ev, 1000, &e), -EG_ENOTFOUND);
    door->ops->close(door);
    tear_down(NULL);
    make_guest();
    load_plugin("64");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_looked_at),
        cmocka_unit_test(a_call),
        cmocka_unit_test(a_system_call),
        cmocka_unit_test(filters),
        cmocka_unit_test(lost),
        cmocka_unit_test(writes),
        cmocka_unit_test(is_reset),
        cmocka_unit_test(stands),
        cmocka_unit_test(system_calls_do_not_wait),
        cmocka_unit_test(reader_dies),
        cmocka_unit_test(strangers),
        cmocka_unit_test(one_reader),
    };

    if (argc > 1)
        return cut_short(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
