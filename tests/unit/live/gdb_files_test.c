/* gdb_files_test.c - files that a debugger reads: of the page cache, of /proc, and refusals. */
#include "../../../core/run.h"
#include "../../../live/gdb/gdb.h"
#include "check.h"
#include "mkcache.h"
#include "mkgdb.h"
#include <stdio.h>
#include <stdlib.h>

static struct gdb *g;

/* The answer's data, without escapes. */
static const uint8_t *say(const char *packet, size_t *len)
{
    static struct rsp_in in;
    enum rsp_what what;

    rsp_in_fini(&in);
    in = (struct rsp_in){ .keeps_runs = true };
    g->out.at.n = 0;
    gdb_answer(g, packet, strlen(packet));
    assert_int_equal(rsp_take(&in, g->out.at.at, g->out.at.n, &what), g->out.at.n);
    assert_int_equal(what, RSP_PACKET);
    *len = in.data.n;
    return in.data.at;
}

static void check(const char *packet, const char *want)
{
    size_t len;
    const char *got = (const char *)say(packet, &len);

    if (len != strlen(want) || memcmp(got, want, len) != 0)
        fail_msg("%s: '%.*s', not '%s'", packet, (int)len, got, want);
}

static void on_name(const char *verb, const char *name, const char *rest, const char *want)
{
    char hex[600], packet[700];

    eg_hex(hex, name, strlen(name));
    snprintf(packet, sizeof packet, "vFile:%s:%s%s", verb, hex, rest);
    check(packet, want);
}

static void opened(const char *name, const char *want)
{
    on_name("open", name, ",0,0", want);
}

static uint64_t be(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | *p++;
    return v;
}

static const struct mk_machine *x86(void)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, "x86_64") == 0) return m;
    return NULL;
}

static void cached(void **state)
{
    struct mk_cache w;
    uint64_t dir, whole, part, link, far, turn;
    const uint8_t *got;
    size_t len;

    (void)state;
    mk_cache_begin(&w, x86(), "ext4");
    mk_put(w.k, mk_cache_inode(&w, w.g.top), "inode.i_mode", MK_FOLDER);
    dir = mk_cache_file(&w, 0, "lib", MK_FOLDER, 0);
    whole = mk_cache_file(&w, dir, "whole", MK_REG, 0x1800);
    part = mk_cache_file(&w, dir, "part", MK_REG, 0x3000);
    link = mk_cache_file(&w, 0, "link", MK_LINK, 9);
    far = mk_cache_file(&w, 0, "far", MK_LINK, 7);
    turn = mk_cache_file(&w, 0, "turn", MK_LINK, 5);
    mk_put(w.k, mk_cache_inode(&w, link), "inode.i_link", mk_text(w.k, "lib/whole"));
    mk_put(w.k, mk_cache_inode(&w, far), "inode.i_link", mk_text(w.k, "/../lib"));
    mk_put(w.k, mk_cache_inode(&w, turn), "inode.i_link", mk_text(w.k, "/turn"));
    mk_cache_folio(&w, whole, 0, 2, "ab", MK_FRESH);
    mk_cache_folio(&w, part, 0, 1, "c", MK_FRESH);
    mk_guest_rows(&w.g, "pslist", NULL); // all is written
    g = gdb_open(mk_run(w.k), NULL, NULL, NULL);
    assert_non_null(g);

    opened("/lib/whole", "F1");
    opened("/link", "F2");
    opened("/far/./whole", "F3");
    opened("/lib/part", "F-1,2"); // no program, and not whole
    opened("/lib", "F-1,15");
    opened("/lib/none", "F-1,2");
    opened("/turn", "F-1,5b");
    opened("/lib/whole/x", "F-1,14");
    check("vFile:pread:1,4,ffe", "F4;aabb");
    check("vFile:pread:2,10,17fe", "F2;bb"); // up to its end
    check("vFile:pread:3,1,1800", "F0;");
    check("vFile:pread:1,1,ffffffffffffffff", "F0;");
    on_name("readlink", "/link", "", "F9;lib/whole");
    on_name("readlink", "/lib/whole", "", "F-1,2");
    got = say("vFile:fstat:1", &len);
    assert_int_equal(len, 4 + 64);
    assert_int_equal(be(got + 4, 4), 0x801);
    assert_int_equal(be(got + 4 + 8, 4), 0100644);
    assert_int_equal(be(got + 4 + 28, 8), 0x1800);
    assert_int_equal(be(got + 4 + 44, 8), 12);
    assert_true(strstr(gdb_files_text(g), "/lib/part: memory has 4096 of 12288 bytes") != NULL);
    check("vFile:close:1", "F0");
    check("vFile:pread:1,4,0", "F-1,9");
    check("vFile:close:1", "F-1,9");
    gdb_close(g);
    mk_cache_end(&w);
}

static void procfs(void **state)
{
    struct mk_gdb d = mk_gdb();
    const uint8_t *got;
    size_t len;

    (void)state;
    mk_put(d.g.k, mk_of(&d.g, d.g.top, "dentry.d_inode"), "inode.i_mode", MK_FOLDER);
    g = gdb_open(d.r, NULL, NULL, NULL);
    assert_non_null(g);
    opened("/proc/700/comm", "F1");
    check("vFile:pread:1,100,0", "F4;two\n");
    opened("/proc/700/cmdline", "F2");
    got = say("vFile:pread:2,100,0", &len);
    assert_int_equal(len, 7);
    assert_memory_equal(got, "F4;two\0", 7);
    opened("/proc/700/maps", "F3");
    check("vFile:pread:3,100,0", "F52;00401000-00402000 r-xp 00000000 00:00 0 \n"
                                 "00403000-00404000 rw-p 00000000 00:00 0 \n");
    opened("/proc/700", "F-1,15");
    opened("/proc/9/maps", "F-1,2");
    opened("just probing", "F-1,2");
    check("vFile:setfs:2bc", "F0");
    check("vFile:setfs:9", "F-1,2");
    gdb_close(g);
    mk_gdb_free(&d);
}

static void refused(void **state)
{
    struct mk_gdb d = mk_gdb();

    (void)state;
    g = gdb_open(d.r, NULL, NULL, NULL);
    assert_non_null(g);
    on_name("open", "/x", ",1,0", "F-1,1e");
    on_name("open", "/x", ",602,1a4", "F-1,1e");
    on_name("unlink", "/x", "", "F-1,1e");
    check("vFile:pwrite:1,0,abc", "F-1,1e");
    check("vFile:open:2", "F-1,16");
    check("vFile:open:,0,0", "F-1,16");
    check("vFile:open:7800,0,0", "F-1,16"); // a NUL in a name
    check("vFile:open:78,0", "F-1,16");
    check("vFile:pread:1", "F-1,16");
    check("vFile:fstat:7", "F-1,9");
    check("vFile:nothing:1", "");
    for (unsigned i = 0; i < 1024; i++) {
        char want[16];

        snprintf(want, sizeof want, "F%x", i + 1);
        opened("/proc/700/comm", want);
    }
    opened("/proc/700/comm", "F-1,18");
    check("vFile:close:3", "F0");
    opened("/proc/700/comm", "F401");
    gdb_close(g);
    mk_gdb_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cached),
        cmocka_unit_test(procfs),
        cmocka_unit_test(refused),
    };
    struct eg_error e;

    if (eg_registry_init(&e))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
