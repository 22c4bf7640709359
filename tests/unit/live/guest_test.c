/* guest_test.c - what QEMU's monitor prints, and a monitor that lies; memory that changes. */
#include "../../../core/arch.h"
#include "../../../live/guest_text.h"
#include "../../../live/qmp.h"
#include "../../../live/source_device.h"
#include "config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char mtree[] =
    "FlatView #0\n AS \"I/O\", root: io\n Root memory region: io\n"
    "  0000000000000000-0000000000000007 (prio 0, ram): not.this\n\n"
    "FlatView #1\n AS \"memory\", root: system\n Root memory region: system\n"
    "  0000000000000000-00000000000c2fff (prio 0, ram): mem0 KVM\n"
    "  00000000000c3000-00000000000e7fff (prio 0, rom): mem0 @00000000000c3000 KVM\n"
    "  00000000000e8000-00000000bfffffff (prio 0, ram): /objects/mem0 @00000000000e8000\n"
    "  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram\n"
    "  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic\n"
    "  0000000100000000-000000017fffffff (prio -1, ram): mem0 @00000000c0000000\n\n";

/** Neighbours are joined, the hole of PCI is one, the other view is none. */
static void map(void **state)
{
    struct guest_map m = { 0 };
    struct eg_error e;

    (void)state;
    assert_int_equal(guest_map_read(&m, mtree, &e), 0);
    assert_int_equal(m.at.n, 3);
    assert_int_equal(m.at.at[0].start, 0);
    assert_int_equal(m.at.at[0].last, 0xbfffffff);
    assert_string_equal(m.at.at[0].block, "mem0");
    assert_string_equal(m.at.at[1].block, "vga.vram");
    assert_int_equal(m.at.at[2].start, 0x100000000);
    assert_int_equal(m.at.at[2].at, 0xc0000000);
    guest_map_fini(&m);
}

static void map_that_lies(void **state)
{
    static const char head[] = "Root memory region: system\n";
    static const char *const bad[] = {
        "", // nothing
        ("  0000000000001000-0000000000001fff (prio 0, ram): a\n"
         "  0000000000001800-0000000000002fff (prio 0, ram): b\n"), // overlaps
        "  0000000000002000-0000000000001fff (prio 0, ram): a\n",   // ends before it begins
        "  0000000000000000-ffffffffffffffff (prio 0, ram): a\n",
        "  0000000000000000-0000000000001fff (prio 0, ram): a @ffffffffffffffff\n",
    };

    (void)state;
    for (size_t i = 0; i < countof(bad); i++) {
        struct guest_map m = { 0 };
        struct eg_error e;
        char text[512];

        snprintf(text, sizeof text, "%s%s", head, bad[i]);
        assert_int_equal(guest_map_read(&m, text, &e), -EG_EFORMAT);
        guest_map_fini(&m);
    }
}

static void registers(void **state)
{
    static const char text[] =
        "\r\nCPU#0\r\nRAX=0000000000000001 RBX=0000000000000002 RCX=0000000000000003 "
        "RDX=0000000000000004\r\n"
        "RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=0000000000000008\r\n"
        "R8 =0000000000000009 R9 =000000000000000a R10=000000000000000b R11=000000000000000c\r\n"
        "R12=000000000000000d R13=000000000000000e R14=000000000000000f R15=0000000000000010\r\n"
        "RIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
        "GS =0000 ffff888003e00000 00000000 00000000\r\n"
        "TR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy\r\n"
        "GDT=     fffffe0000001000 0000007f\r\nIDT=     fffffe0000000000 00000fff\r\n"
        "CR0=80050033 CR2=00007f0000000000 CR3=0000000004b3c000 CR4=000006f0\r\n"
        "EFER=0000000000000d01\r\n"
        "CPU#1\r\nRAX=0000000000000001\r\nGS =0000 00007f0000000000 00000000 00000000\r\n"
        "CR3=0000000004b3e000\r\nCPU#2\r\n";
    struct eg_image img = { 0 };

    (void)state;
    assert_int_equal(guest_registers_read(&img, eg_arch_find("x86_64"), text), 2);
    assert_int_equal(img.cpus.at[0].root, 0x4b3c000);
    assert_int_equal(img.cpus.at[0].control, 0x6f0);
    assert_int_equal(img.cpus.at[0].gs_base, 0xffff888003e00000);
    assert_int_equal(img.cpus.at[0].n_regs, 18);
    assert_int_equal(img.cpus.at[0].regs[6], 8); // rsp
    assert_int_equal(img.cpus.at[0].regs[8], 9); // r8
    assert_int_equal(img.cpus.at[0].regs[16], 0xffffffff81000000);
    assert_int_equal(img.cpus.at[0].regs[17], 0x246);
    assert_int_equal(img.cpus.at[0].x86[EG_X86_IDT], 0xfffffe0000000000);
    assert_int_equal(img.cpus.at[0].x86[EG_X86_EFER], 0xd01);
    assert_int_equal(img.cpus.at[1].root, 0x4b3e000);
    assert_int_equal(img.cpus.at[1].gs_base, 0); // a program's
    eg_vec_fini(&img.cpus);
}

static void words(void **state)
{
    static const char text[] = "0000000000001000: 0x1122334455667788 0x0000000000000002\r\n"
                               "0000000000001010: 0x0000000000000003\r\n";
    uint64_t got[3], host;

    (void)state;
    assert_true(guest_words_read(text, 0x1000, got, sizeof got));
    assert_int_equal(got[0], 0x1122334455667788);
    assert_int_equal(got[2], 3);
    assert_false(guest_words_read(text, 0x1008, got, sizeof got));        // of another place
    assert_false(guest_words_read(text, 0x1000, (uint64_t[4]){ 0 }, 32)); // too few
    assert_true(
        guest_host_address("Host virtual address for 0x1000 (mem0) is 0x7fedb8fff000\r\n", &host));
    assert_int_equal(host, 0x7fedb8fff000);
    assert_false(guest_host_address("No memory is mapped at address 0x1000", &host));
}

/* ---- a monitor ---- */

struct peer {
    int fd;
    const char *says[8]; // before the first command, and behind each
};

static void *serve(void *arg)
{
    const struct peer *p = arg;
    const int fd = accept(p->fd, NULL, NULL);
    char line[4096];

    for (size_t i = 0; p->says[i]; i++) {
        if (send(fd, p->says[i], strlen(p->says[i]), MSG_NOSIGNAL) < 0)
            break;
        if (p->says[i + 1] && recv(fd, line, sizeof line, 0) <= 0)
            break;
    }
    close(fd);
    return NULL;
}

/** Open a monitor that says this. @return what qmp_open() returned. */
static int open_peer(struct qmp **q, struct peer *p, pthread_t *thread, struct eg_error *e)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int rc;

    snprintf(a.sun_path, sizeof a.sun_path, "qmp-test-%d", (int)getpid());
    unlink(a.sun_path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->fd, 1), 0);
    assert_int_equal(pthread_create(thread, NULL, serve, p), 0);
    rc = qmp_open(q, a.sun_path, e);
    unlink(a.sun_path);
    return rc;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

#define GREETING "{\"QMP\": {\"version\": {}}}\r\n"
#define NOTHING  "{\"return\": {}, \"id\": 1}\r\n"

static void answers(void **state)
{
    struct peer p = { .says = { GREETING, NOTHING,
                                "{\"event\": \"RESUME\"}\r\n{\"return\": 7, \"id\": 1}\r\n"
                                "{\"return\": {\"a\": [1, true, \"x\"]}, \"id\": 2}\r\n",
                                "{\"event\": \"RESET\"}\n{\"error\": {\"desc\": \"no such\"}, "
                                "\"id\": 3}\n" } };
    struct qmp_value *v, *list;
    unsigned resets;
    struct eg_error e;
    pthread_t thread;
    uint64_t n;
    struct qmp *q;

    (void)state;
    assert_int_equal(open_peer(&q, &p, &thread, &e), 0);
    assert_true(qmp_is_here(q));
    // An event and a late answer come first.
    assert_int_equal(qmp_call(q, &v, "query", NULL, -1, &e), 0);
    list = qmp_member(qmp_member(v, "return"), "a");
    assert_true(qmp_number(qmp_item(list, 0), &n) && n == 1);
    assert_true(qmp_true(qmp_item(list, 1)));
    assert_string_equal(qmp_text(qmp_item(list, 2)), "x");
    assert_null(qmp_item(list, 3));
    qmp_free(v);
    assert_int_equal(qmp_call(q, NULL, "query", NULL, -1, &e), -EG_EUNSUP);
    assert_non_null(strstr(e.text, "no such"));
    pthread_join(thread, NULL);
    assert_int_equal(qmp_call(q, NULL, "query", NULL, -1, &e), -EG_ENOTFOUND); // it has ended
    assert_false(qmp_events(q, &resets));
    assert_int_equal(resets, 1);
    qmp_close(q);
    close(p.fd);
}

/** libvirt's command adds an id to what it passes on, and refuses what has one. */
static void libvirt(void **state)
{
    char *path = strdup(getenv("PATH")), folder[] = "virsh-XXXXXX", *named, *with, *full;
    struct qmp_value *v;
    struct eg_error e;
    struct qmp *q;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(asprintf(&named, "%s/virsh", folder) > 0);
    full = realpath(folder, NULL);
    assert_true(asprintf(&with, "%s:%s", full, path) > 0);
    write_file(named, "#!/bin/sh\n"
                      "[ \"$1 $2 $3 $4\" = 'qemu-monitor-command --domain vm --cmd' ] || exit 1\n"
                      "case $5 in *'\"id\"'*) exit 1 ;; esac\n"
                      "echo '{\"return\": {\"arch\": \"x86_64\"}, \"id\": \"libvirt-7\"}'\n");
    assert_int_equal(chmod(named, 0700), 0);
    setenv("PATH", with, 1);
    assert_int_equal(qmp_open(&q, "libvirt:vm", &e), 0);
    assert_false(qmp_is_here(q)); // libvirt may be on another machine
    assert_int_equal(qmp_call(q, &v, "query-target", NULL, -1, &e), 0);
    assert_string_equal(qmp_text(qmp_member(qmp_member(v, "return"), "arch")), "x86_64");
    qmp_free(v);
    qmp_close(q);
    setenv("PATH", path, 1);
    unlink(named);
    rmdir(folder);
    free(path);
    free(full);
    free(named);
    free(with);
}

static void peers_that_lie(void **state)
{
    static const char *const bad[] = { "SSH-2.0\r\n", "{\"other\": 1}\r\n", "[[[[\r\n", "" };
    static char deep[QMP_DEPTH_MAX * 2 + 8];

    (void)state;
    memset(deep, '[', sizeof deep - 2);
    deep[sizeof deep - 2] = '\n';
    for (size_t i = 0; i <= countof(bad); i++) {
        struct peer p = { .says = { i < countof(bad) ? bad[i] : deep } };
        struct eg_error e;
        pthread_t thread;
        struct qmp *q;

        assert_int_not_equal(open_peer(&q, &p, &thread, &e), 0);
        pthread_join(thread, NULL);
        close(p.fd);
    }
}

/** QEMU's gdbstub says nothing, and has stopped its guest: it is told to go on. */
static void is_a_gdbstub(void **state)
{
    struct peer p = { .says = { "", "+$OK#9a" } };
    struct eg_error e;
    pthread_t thread;
    struct qmp *q;

    (void)state;
    assert_int_equal(open_peer(&q, &p, &thread, &e), -EG_EFORMAT);
    assert_non_null(strstr(e.text, "gdbstub, not its monitor"));
    pthread_join(thread, NULL);
    close(p.fd);
}

/** yajl skips comments: a quote in one must not hide how deep what follows is. */
static void depth_behind_a_comment(void **state)
{
    enum { DEEP = QMP_DEPTH_MAX + 1 };
    char text[2 * DEEP + 16];
    struct qmp_value *v;
    size_t n = 0;

    (void)state;
    n += (size_t)snprintf(text, sizeof text, "/*\"*/");
    memset(text + n, '[', DEEP);
    memset(text + n + DEEP, ']', DEEP);
    n += 2 * DEEP;
    n += (size_t)snprintf(text + n, sizeof text - n, "/*\"*/");
    assert_int_equal(qmp_parse(&v, text, n, NULL), -EG_EFORMAT);
}

/* ---- memory that changes ---- */

static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    memset(to, *(uint8_t *)priv, len);
    return at < 0x8000 || at >= 0x9000; // a page that cannot be read
}

/** What was copied is not used again after a while; a page that fails is the only one. */
static void copied(void **state)
{
    struct eg_view *v = malloc(sizeof *v);
    uint8_t byte = 1, got[2 * 4096];
    struct eg_space *as;
    struct eg_error e;

    (void)state;
    assert_int_equal(
        eg_copied_open(&as, "copied", 0x20000, &(struct eg_copier){ copy, NULL, &byte }, &e), 0);
    eg_view_init(v, NULL);
    assert_int_equal(*eg_bytes(v, as, 0x100, 1), 1);
    byte = 2;
    usleep(2 * EG_FLEETING_NS / 1000);
    assert_true(eg_read(v, as, 0x10000 - 0x100, got, 0x200)); // looks anew
    assert_int_equal(got[0], 2);
    assert_int_equal(*eg_bytes(v, as, 0x100, 1), 2);
    assert_false(eg_read(v, as, 0x8000, got, 1));
    assert_true(eg_read(v, as, 0x7000, got, 4096));
    assert_int_equal(eg_read_some(v, as, 0x7000, got, sizeof got, NULL), 4096);
    eg_view_fini(v);
    eg_space_close(as);
    free(v);
}

/** Whether few pages were read or many: all are looked at anew. */
static void many_pages(void **state)
{
    enum { PAGES = 4 * EG_TLB_FEW };
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *as;
    struct eg_error e;
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(eg_copied_open(&as, "copied", PAGES * 4096, // without the page that fails
                                    &(struct eg_copier){ copy, NULL, &byte }, &e),
                     0);
    eg_view_init(v, NULL);
    for (unsigned n = 1; n <= PAGES; n = n < 4 ? n + 1 : 2 * n) {
        byte++;
        usleep(2 * EG_FLEETING_NS / 1000);
        assert_null(eg_bytes(v, as, 8 * 4096, 1)); // the time is looked at
        for (unsigned i = 0; i < n; i++)
            if (i != 8)
                assert_int_equal(*eg_bytes(v, as, i * UINT64_C(4096), 1), byte);
    }
    eg_view_fini(v);
    eg_space_close(as);
    free(v);
}

/** A hole of a sparse file that a machine writes to is data then, also where it was read. */
static void filled_hole(void **state)
{
    const int fd = memfd_create("live", 0);
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *as;
    struct eg_error e;

    (void)state;
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(pwrite(fd, "a", 1, 0), 1);
    assert_int_equal(eg_file_open_live(&as, dup(fd), "live", &e), 0);
    eg_view_init(v, NULL);
    assert_int_equal(*eg_bytes(v, as, 0, 1), 'a');
    assert_int_equal(*eg_bytes(v, as, 0x5000, 1), 0);
    assert_int_equal(pwrite(fd, "b", 1, 0x5000), 1);
    usleep(2 * EG_FLEETING_NS / 1000);
    eg_bytes(v, as, 0x9000, 1); // another page: the time is looked at
    assert_int_equal(*eg_bytes(v, as, 0x5000, 1), 'b');
    eg_view_fini(v);
    eg_space_close(as);
    close(fd);
    free(v);
}

/** A device is read where the machine's own map has memory, and page by page. */
static void device(void **state)
{
    struct eg_image img = { 0 };
    struct eg_view *v = malloc(sizeof *v);
    struct eg_space *as = NULL;
    uint8_t got[0x1000], pages[7 * 0x1000];
    struct eg_error e;
    FILE *f;

    (void)state;
    for (size_t i = 0; i < sizeof pages; i++)
        pages[i] = (uint8_t)(1 + i / 0x1000);
    f = fopen("device-memory", "w");
    assert_int_equal(fwrite(pages, sizeof pages, 1, f), 1);
    fclose(f);
    write_file("device-map", "00000000-00000fff : Reserved\n"
                             "00001000-00001fff : System RAM\n"
                             "  00001000-00001fff : System RAM\n"
                             "00003000-00003fff : System RAM\n"
                             "00004000-00004fff : Soft Reserved\n"
                             "  00005000-00005fff : System RAM (kmem)\n"
                             "00006000-00006fff : System RAMs\n");
    assert_int_equal(live_device_open(&as, &img, "device-memory", "device-map", &e), 0);
    eg_view_init(v, NULL);
    assert_true(eg_read(v, as, 0x1ff0, got, 16));
    assert_int_equal(got[15], 2);
    assert_true(eg_read(v, as, 0x3000, got, 0x1000));
    assert_int_equal(got[0xfff], 4);
    assert_false(eg_read(v, as, 0x0, got, 16));
    assert_false(eg_read(v, as, 0x2000, got, 16));
    assert_true(eg_read(v, as, 0x5000, got, 16));
    assert_int_equal(got[0], 6);
    assert_false(eg_read(v, as, 0x4000, got, 16));
    assert_false(eg_read(v, as, 0x6000, got, 16));
    eg_view_fini(v);
    eg_space_close(as);
    eg_space_close(img.beside.at[0]);
    img.beside.n = 0;

    write_file("device-map", "00000000-00000000 : System RAM\n");
    assert_int_equal(live_device_open(&as, &img, "device-memory", "device-map", &e), -EG_EIO);
    assert_non_null(strstr(e.text, "root"));
    write_file("device-map", "00001000-00007fff : System RAM\n"); // not all of it is shown
    assert_int_equal(live_device_open(&as, &img, "device-memory", "device-map", &e), -EG_EIO);
    assert_non_null(strstr(e.text, "/proc/kcore"));
    write_file("device-map", "nothing\n");
    assert_int_equal(live_device_open(&as, &img, "device-memory", "device-map", &e), -EG_EIO);
    write_file("device-map", "00001000-00001fff : System RAM\n");
    assert_int_equal(live_device_open(&as, &img, "no-such-device", "device-map", &e), -EG_EIO);
    unlink("device-map");
    unlink("device-memory");
    eg_vec_fini(&img.beside);
    free(v);
}

static void sources(void **state)
{
    const char *where;

    (void)state;
    assert_string_equal(eg_source_find("qmp:/run/x", &where)->name, "qmp");
    assert_string_equal(where, "/run/x");
    assert_string_equal(eg_source_find("libvirt:vm", &where)->name, "libvirt");
    assert_null(eg_source_find("other:x", &where));
    assert_null(eg_source_find("qmp", &where));
    close(open("qmp:file", O_CREAT | O_WRONLY, 0600));
    assert_null(eg_source_find("qmp:file", &where)); // a file of that name
    unlink("qmp:file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map),
        cmocka_unit_test(map_that_lies),
        cmocka_unit_test(registers),
        cmocka_unit_test(words),
#ifdef HAVE_YAJL
        cmocka_unit_test(answers),
        cmocka_unit_test(libvirt),
#endif
        cmocka_unit_test(peers_that_lie),
        cmocka_unit_test(is_a_gdbstub),
        cmocka_unit_test(depth_behind_a_comment),
        cmocka_unit_test(copied),
        cmocka_unit_test(many_pages),
        cmocka_unit_test(filled_hole),
        cmocka_unit_test(device),
        cmocka_unit_test(sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
