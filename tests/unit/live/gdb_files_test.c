/* gdb_files_test.c - files that a debugger reads: of the page cache, of /proc, and refusals. */
#include "../../../core/run.h"
#include "../../../live/gdb/gdb.h"
#include "check.h"
#include "mkcache.h"
#include "mkelf.h"
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

enum {
    FILE_SIZE = 0x6000,
    FRAME_HEADER = 0x2000, // offsets; the segment is at 0x18000
    FRAMES = 0x2100,
    KEPT = 0x2118,
    CUT = 0x2130, // the first bytes of it are there
    LOST = 0x3010,
    BEHIND = 0x4020,
    ORPHAN = 0x4038, // its common entry is not there
    FRAMES_END = 0x4050,
    HEADERS = 0x5800,
};

static void entry(struct mk_elf *e, uint8_t *file, uint64_t at, uint64_t end, uint64_t common)
{
    memset(file + at, 0x5a, end - at);
    mk_elf_put(e, file + at, 4, end - at - 4);
    mk_elf_put(e, file + at + 4, 4, common ? at + 4 - common : 0);
}

/* The library of mkelf.h, with a third segment that has an unwind table; page 3 and page 5, where
 * the table of sections is, can be left out. */
static void program(struct mk_cache *w, const char *text, bool own)
{
    static const uint64_t entries[] = { KEPT, CUT, LOST, BEHIND, ORPHAN };
    const uint64_t at = mk_cache_file(w, 0, text, MK_REG, FILE_SIZE);
    static uint8_t file[FILE_SIZE];
    static struct mk_elf e;
    size_t len;
    uint8_t *p = file + FRAME_HEADER, *q;

    e = (struct mk_elf){ .wide = true, .machine = 62, .gnu = true };
    mk_elf_make(&e);
    mk_elf_segment(&e, 3, 1, FRAME_HEADER, 0x18000, 0x3000, 0x3000);
    mk_elf_segment(&e, 4, 0x6474e550, FRAME_HEADER, 0x18000, 0x40, 0x40);
    mk_elf_put(&e, e.at + 56, 2, 5);
    q = e.at + 40;
    mk_elf_word(&e, &q, HEADERS);
    if (own) { // .symtab is in the page that is missing
        mk_elf_section(&e, 1, 0, 2, 0x3400, 48, 2);
        mk_elf_section(&e, 4, 1, 1, FRAMES, FRAMES_END + 4 - FRAMES, 0);
    }
    memset(file, 0, sizeof file);
    memcpy(file, e.at, MK_ELF_FILE);
    memcpy(file + HEADERS, e.at + MK_ELF_SECTIONS, (size_t)5 * 64);
    memcpy(p, "\1\x1b\3\x3b", 4);
    mk_elf_put(&e, p + 4, 4, FRAMES - FRAME_HEADER - 4);
    mk_elf_put(&e, p + 8, 4, countof(entries));
    for (unsigned i = 0; i < countof(entries); i++)
        mk_elf_put(&e, p + 16 + (size_t)8 * i, 4, entries[i] - FRAME_HEADER);
    entry(&e, file, FRAMES, KEPT, 0);
    entry(&e, file, KEPT, CUT, FRAMES);
    entry(&e, file, CUT, LOST, FRAMES);
    entry(&e, file, LOST, BEHIND, FRAMES);
    entry(&e, file, BEHIND, ORPHAN, FRAMES);
    entry(&e, file, ORPHAN, FRAMES_END, LOST);
    for (unsigned i = 0; i < 6; i++)
        if (i != 3 && (i != 5 || own)) {
            const uint64_t page = mk_cache_folio(w, at, i, 1, "x", MK_FRESH);

            memcpy(mk_ram(w->k, &len) + page * w->g.page, file + (size_t)i * 0x1000, 0x1000);
        }
}

static const uint8_t *at_offset(unsigned fd, uint64_t at, size_t want)
{
    char packet[64];
    const uint8_t *got;
    size_t len;

    snprintf(packet, sizeof packet, "vFile:pread:%x,%zx,%llx", fd, want, (unsigned long long)at);
    got = say(packet, &len);
    got = memchr(got, ';', len);
    assert_non_null(got);
    return got + 1;
}

static uint64_t le(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n--)
        v = v << 8 | p[n];
    return v;
}

struct found_section {
    unsigned number, type;
    uint64_t vaddr, offset, size;
};

static struct found_section section(unsigned fd, unsigned i)
{
    const uint64_t at = le(at_offset(fd, 40, 8), 8);
    const uint8_t *p = at_offset(fd, at + (uint64_t)64 * i, 64);

    return (struct found_section){ i, (unsigned)le(p + 4, 4), le(p + 16, 8), le(p + 24, 8),
                                   le(p + 32, 8) };
}

static struct found_section named(unsigned fd, const char *text)
{
    const unsigned n = (unsigned)le(at_offset(fd, 60, 2), 2),
                   names = (unsigned)le(at_offset(fd, 62, 2), 2);
    const uint64_t at = le(at_offset(fd, 40, 8), 8), strings = section(fd, names).offset;

    for (unsigned i = 1; i < n; i++) {
        const uint64_t name = le(at_offset(fd, at + (uint64_t)64 * i, 4), 4);

        if (!strcmp((const char *)at_offset(fd, strings + name, strlen(text) + 1), text))
            return section(fd, i);
    }
    fail_msg("no section %s", text);
    return (struct found_section){ 0 };
}

static void check_frames(struct found_section s)
{
    static const struct {
        uint64_t at, end, id;
    } want[] = {
        { FRAMES, KEPT, 0 }, { KEPT, CUT, KEPT + 4 - FRAMES },        { CUT, LOST, 0 },
        { LOST, BEHIND, 0 }, { BEHIND, ORPHAN, BEHIND + 4 - FRAMES }, { ORPHAN, FRAMES_END, 0 }
    };

    assert_int_equal(s.size, FRAMES_END - FRAMES);
    assert_true(s.offset >= FILE_SIZE);
    for (size_t i = 0; i < countof(want); i++) {
        const uint8_t *p = at_offset(1, s.offset + want[i].at - FRAMES, 16);

        assert_int_equal(le(p, 4), want[i].end - want[i].at - 4);
        assert_int_equal(le(p + 4, 4), want[i].id);
        if (want[i].id || !i)
            assert_int_equal(p[8], 0x5a); // the file's own
        else
            assert_memory_equal(p + 8, "\1\0\1\1\20\0\0\0", 8);
    }
}

static void begin(struct mk_cache *w, bool own)
{
    mk_cache_begin(w, x86(), "ext4");
    mk_put(w->k, mk_cache_inode(w, w->g.top), "inode.i_mode", MK_FOLDER);
    program(w, "program", own);
    mk_guest_rows(&w->g, "pslist", NULL);
    g = gdb_open(mk_run(w->k), NULL, NULL, NULL);
    assert_non_null(g);
    opened("/program", "F1");
    check("vFile:pread:1,4,3000", "F-1,270f"); // no zeros
    check("vFile:pread:1,8,2ffe", "F2;ZZ");
    check("vFile:pread:1,4,0", "F4;\177ELF");
}

/* Neither the table of sections nor all of .eh_frame is there. */
static void made_sections(void **state)
{
    struct found_section text, symbols, strings;
    struct mk_cache w;
    const uint8_t *p;

    (void)state;
    begin(&w, false);
    assert_non_null(
        strstr(gdb_files_text(g), "given, with a table of the sections that are there"));
    check_frames(named(1, ".eh_frame"));
    assert_int_equal(named(1, ".eh_frame").vaddr, 0x18100);
    assert_int_equal(named(1, ".eh_frame_hdr").offset, FRAME_HEADER);
    assert_int_equal(named(1, ".dynamic").vaddr, MK_ELF_VADDR + 0x2000);
    assert_int_equal(named(1, ".bss").size, 0x400);
    text = named(1, ".text");
    assert_int_equal(text.vaddr, MK_ELF_VADDR);
    assert_int_equal(text.size, 0x1000);
    symbols = named(1, ".dynsym");
    strings = named(1, ".dynstr");
    assert_int_equal(symbols.size, 4 * 24);
    p = at_offset(1, symbols.offset + 48, 24);
    assert_int_equal(le(p + 6, 2), text.number);
    assert_int_equal(le(p + 8, 8), MK_ELF_VADDR + 0x900);
    assert_string_equal((const char *)at_offset(1, strings.offset + 10, 5), "work");
    gdb_close(g);
    mk_cache_end(&w);
}

/* The file's own table is there, some of its sections are not. */
static void own_sections(void **state)
{
    struct mk_cache w;

    (void)state;
    begin(&w, true);
    assert_int_equal(le(at_offset(1, 60, 2), 2), 5);
    assert_int_equal(section(1, 1).type, 8);
    assert_int_equal(section(1, 2).offset, MK_ELF_TEXT);
    check_frames(section(1, 4));
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
        cmocka_unit_test(cached), cmocka_unit_test(made_sections), cmocka_unit_test(own_sections),
        cmocka_unit_test(procfs), cmocka_unit_test(refused),
    };
    struct eg_error e;

    if (eg_registry_init(&e))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
