/* logins_test.c - records of logins, lines of logs, entries of the journal; terminals. */
#include "../../../core/base.h"
#include "../../../core/space.h"
#include "../../../plugins/linux/user/authlog.h"
#include "../../../plugins/linux/user/journal.h"
#include "../../../plugins/linux/user/utmp.h"
#include "check.h"
#include "mkcache.h"
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

/* ---- records ---- */

static void put(uint8_t *p, uint64_t v, unsigned size, bool big)
{
    for (unsigned i = 0; i < size; i++)
        p[big ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static void utmp(void **state)
{
    (void)state;
    for (int wide = 0; wide <= 1; wide++)
        for (int big = 0; big <= 1; big++) {
            uint8_t p[LINUX_UTMP_MAX] = { 0 };
            const size_t size = wide ? 400 : 384;
            struct linux_utmp u;

            put(p, 7, 2, big);
            put(p + 4, 850, 4, big);
            memcpy(p + 8, "pts/0\0old", 9);
            memcpy(p + 44, "alice", 5);
            memset(p + 76, 'h', 256);
            put(p + (wide ? 344 : 340), wide ? UINT64_C(1) << 33 : 1773473354, wide ? 8 : 4, big);
            put(p + (wide ? 352 : 344), 999999, wide ? 8 : 4, big);
            p[wide ? 360 : 348] = 192;
            assert_true(linux_utmp_decode(p, size, big, &u));
            assert_int_equal(u.pid, 850);
            assert_string_equal(u.line, "pts/0");
            assert_string_equal(u.user, "alice");
            assert_int_equal(strlen(u.host), 256);
            assert_true(u.sec == (wide ? INT64_C(1) << 33 : 1773473354));
            assert_int_equal(u.addr[0], 192);
            assert_string_equal(linux_utmp_type(u.type), "USER_PROCESS");
            // A second more than a second has, a type that there is not, a name that is none.
            put(p + (wide ? 352 : 344), 1000000, wide ? 8 : 4, big);
            assert_false(linux_utmp_decode(p, size, big, &u));
            put(p + (wide ? 352 : 344), 0, wide ? 8 : 4, big);
            put(p, 10, 2, big);
            assert_false(linux_utmp_decode(p, size, big, &u));
            put(p, 8, 2, big);
            p[45] = 7;
            assert_false(linux_utmp_decode(p, size, big, &u));
        }
    assert_null(linux_utmp_type(10));
    assert_null(linux_utmp_type(-1));
}

static void lastlog(void **state)
{
    uint8_t p[LINUX_LASTLOG_MAX] = { 0 };
    struct linux_lastlog l;

    (void)state;
    put(p, 5, 4, false);
    memcpy(p + 4, "tty1", 4);
    memcpy(p + 36, "far", 3);
    assert_true(linux_lastlog_decode(p, 292, false, &l));
    assert_int_equal(l.sec, 5);
    assert_string_equal(l.line, "tty1");
    assert_string_equal(l.host, "far");
    put(p, 6, 8, false);
    memcpy(p + 8, "pts/9", 6);
    assert_true(linux_lastlog_decode(p, 296, false, &l));
    assert_int_equal(l.sec, 6);
    assert_string_equal(l.line, "pts/9");
    put(p, UINT64_MAX, 8, false);
    assert_false(linux_lastlog_decode(p, 296, false, &l));
}

/* ---- lines ---- */

static void lines(void **state)
{
    static const struct {
        const char *line, *program, *user, *tty, *from, *text;
        int64_t time, pid;
    } good[] = {
        { "Mar 14 09:21:07 lab sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
          "sudo", "alice", "pts/0", NULL, "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
          1773480067, 0 },
        { "Mar  4 09:21:07 lab sshd[950]: Failed password for invalid user eve from 203.0.113.66 "
          "port 1",
          "sshd", "eve", NULL, "203.0.113.66",
          "Failed password for invalid user eve from 203.0.113.66 port 1", 1772616067, 950 },
        // Of the year before: the image was taken in March.
        { "Dec 31 23:59:59 lab su: pam_unix(su:session): session opened for user bob(uid=1) by x",
          "su", "bob", NULL, NULL, "pam_unix(su:session): session opened for user bob(uid=1) by x",
          1767225599, 0 },
        { "2026-03-14T10:21:07.25+01:00 lab login[7]: hello", "login", NULL, NULL, NULL, "hello",
          1773480067, 7 },
        { "2026-03-14T09:21:07Z lab two words", NULL, NULL, NULL, NULL, "two words", 1773480067,
          0 },
    };
    static const char *const bad[] = { "",
                                       "Mar 14 09:21:07",
                                       "Mar 14 09:21:07 lab",
                                       "Mar 14 25:21:07 lab a: b",
                                       "Mai 14 09:21:07 lab a: b",
                                       "Mar 32 09:21:07 lab a: b",
                                       "2026-13-14T09:21:07Z lab a: b",
                                       "2026-03-14T09:21:0 lab a: b",
                                       "9999-12-31T23:59:59Z lab a: b" };
    const int64_t now = INT64_C(1773480800) * 1000000000;

    struct linux_auth_line a;

    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        assert_true(linux_auth_line(good[i].line, strlen(good[i].line), now, &a));
        assert_true(a.has_time && a.time / 1000000000 == good[i].time);
        assert_true(a.pid == good[i].pid);
        assert_int_equal(!a.program, !good[i].program);
        if (a.program)
            assert_string_equal(a.program, good[i].program);
        assert_int_equal(!a.user, !good[i].user);
        if (a.user)
            assert_string_equal(a.user, good[i].user);
        assert_int_equal(!a.tty, !good[i].tty);
        assert_int_equal(!a.from, !good[i].from);
        assert_int_equal(a.len, strlen(good[i].text));
        assert_memory_equal(a.text, good[i].text, a.len);
    }
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(linux_auth_line(bad[i], strlen(bad[i]), now, &a));
    linux_auth_message("cron", "hello", 5, &a);
    a.about_login = false;
    linux_auth_message("cron", "hello", 5, &a);
    assert_false(a.about_login);
    linux_auth_message("cron", "session opened for user x", 25, &a);
    assert_true(a.about_login);
}

/* Anyone may write lines: many cost no more memory than few. */
static void many_lines(void **state)
{
    enum { SIZE = 1 << 19 };
    static const char line[] = "Mar 14 09:21:07 h a: x from b for user c\n";

    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, page;
        uint8_t *ram;
        size_t len, n = 0;
        const char *rows;

        if (!m->arch)
            continue; // less memory than that
        mk_cache_begin(&w, m, "ext4");
        page = w.g.page;
        d = mk_cache_file(&w, 0, "auth.log", MK_REG, SIZE);
        ram = mk_ram(w.k, &len);
        for (uint64_t i = SIZE / page; i-- > 0;) {
            const uint64_t pfn = mk_cache_folio(&w, d, i, 1, "\n", MK_FRESH);

            for (uint64_t k = 0; k < page; k++)
                ram[pfn * page + k] = (uint8_t)line[(i * page + k) % (sizeof line - 1)];
        }
        mk_rows_memory = SIZE;
        rows = mk_guest_rows(&w.g, "logins", NULL);
        mk_rows_memory = 0;
        // not strstr: the sanitizer measures all that is left, each time
        for (const char *p = rows; *p; p++)
            n += p[0] == '|' && p[1] == 'c' && p[2] == '|';
        assert_int_equal(n, SIZE / (sizeof line - 1));
        mk_cache_end(&w);
    }
}

/* ---- the journal ---- */

enum { JOURNAL = 2048, FIRST = 256, PLAIN = 512, PACKED = 768, ENTRY_AT = 1024 };

static void make_journal(uint8_t *p, bool compact)
{
    const unsigned step = compact ? 4 : 16, begin = compact ? 72 : 64;
    static const char plain[] = "_PID=77";
    char text[600] = "MESSAGE=";

    memset(p, 0, JOURNAL);
    memcpy(p, "LPKSHHRH", 8);
    put(p + 12, (compact ? 16 : 0) | 8, 4, false);
    put(p + 88, FIRST, 8, false);
    put(p + 152, 1, 8, false);
    put(p + 160, 9, 8, false);
    p[PLAIN] = 1;
    put(p + PLAIN + 8, begin + sizeof plain - 1, 8, false);
    memcpy(p + PLAIN + begin, plain, sizeof plain - 1);
    memset(text + 8, 'x', sizeof text - 8);
    p[PACKED] = 1;
    p[PACKED + 1] = 4;
    put(p + PACKED + 8, begin + ZSTD_compress(p + PACKED + begin, 160, text, sizeof text, 1), 8,
        false);
    p[ENTRY_AT] = 3;
    put(p + ENTRY_AT + 8, 64 + 3 * step, 8, false);
    put(p + ENTRY_AT + 16, 9, 8, false);
    put(p + ENTRY_AT + 24, UINT64_C(1773480067000000), 8, false);
    put(p + ENTRY_AT + 64, PLAIN, compact ? 4 : 8, false);
    put(p + ENTRY_AT + 64 + step, PACKED, compact ? 4 : 8, false);
    put(p + ENTRY_AT + 64 + 2 * step, 4096, compact ? 4 : 8, false); // not in memory
}

static void journal(void **state)
{
    uint8_t *p = malloc(JOURNAL), out[1024];
    static struct eg_view v;

    (void)state;
    for (int compact = 0; compact <= 1; compact++) {
        struct linux_journal_entry e;
        struct linux_journal j;
        struct eg_space *space;
        unsigned found = 0;
        size_t len;

        make_journal(p, compact);
        assert_int_equal(eg_memory_open(&space, p, JOURNAL, NULL), 0);
        eg_view_init(&v, NULL);
        assert_true(linux_journal_open(&j, &v, space, 8192));
        assert_int_equal(j.compact, compact);
        for (uint64_t at = 0; at < JOURNAL; at += 8)
            found += linux_journal_entry_at(&j, at, &e);
        assert_int_equal(found, 1);
        assert_true(linux_journal_entry_at(&j, ENTRY_AT, &e));
        assert_int_equal(e.items, 3);
        assert_int_equal(linux_journal_field(&j, &e, 0, out, sizeof out, &len),
                         LINUX_JOURNAL_FIELD);
        assert_int_equal(len, 7);
        assert_memory_equal(out, "_PID=77", 7);
        assert_int_equal(linux_journal_field(&j, &e, 1, out, sizeof out, &len),
                         LINUX_JOURNAL_FIELD);
        assert_int_equal(len, 600);
        assert_memory_equal(out, "MESSAGE=xx", 10);
        assert_int_equal(linux_journal_field(&j, &e, 1, out, 100, &len), LINUX_JOURNAL_FIELD);
        assert_int_equal(len, 100); // cut
        assert_int_equal(linux_journal_field(&j, &e, 2, out, sizeof out, &len),
                         LINUX_JOURNAL_ABSENT);
        assert_int_equal(linux_journal_field(&j, &e, 3, out, sizeof out, &len),
                         LINUX_JOURNAL_DAMAGED);
        // A field of another kind, one as large as nothing is, and bytes that are not packed.
        p[PLAIN] = 2;
        assert_int_equal(linux_journal_field(&j, &e, 0, out, sizeof out, &len),
                         LINUX_JOURNAL_DAMAGED);
        p[PLAIN] = 1;
        put(p + PLAIN + 8, UINT64_C(1) << 63, 8, false);
        assert_int_equal(linux_journal_field(&j, &e, 0, out, sizeof out, &len),
                         LINUX_JOURNAL_DAMAGED);
        p[PACKED + (compact ? 72 : 64)] ^= 0xff;
        assert_int_equal(linux_journal_field(&j, &e, 1, out, sizeof out, &len),
                         LINUX_JOURNAL_DAMAGED);
        // References to more than the file has room for, and to what takes long to unpack.
        put(p + PLAIN + 8, (compact ? 72 : 64) + 7, 8, false);
        assert_false(j.excess);
        j.unpacked = UINT64_C(1) << 40;
        linux_journal_field(&j, &e, 1, out, sizeof out, &len);
        assert_true(j.excess);
        assert_true(linux_journal_open(&j, &v, space, 8192));
        for (size_t i = 0; i < 8192 / e.item_bytes; i++)
            assert_int_equal(linux_journal_field(&j, &e, 0, out, sizeof out, &len),
                             LINUX_JOURNAL_FIELD);
        assert_int_equal(linux_journal_field(&j, &e, 0, out, sizeof out, &len),
                         LINUX_JOURNAL_DAMAGED);
        assert_true(j.excess);
        // What is no entry: a number behind the newest, a time before there were journals, too many
        // fields, a size that does not fit.
        put(p + ENTRY_AT + 16, 10, 8, false);
        assert_false(linux_journal_entry_at(&j, ENTRY_AT, &e));
        put(p + ENTRY_AT + 16, 9, 8, false);
        put(p + ENTRY_AT + 24, 1000, 8, false);
        assert_false(linux_journal_entry_at(&j, ENTRY_AT, &e));
        put(p + ENTRY_AT + 24, UINT64_C(1773480067000000), 8, false);
        put(p + ENTRY_AT + 8, 64 + 1025 * (compact ? 4 : 16), 8, false);
        assert_false(linux_journal_entry_at(&j, ENTRY_AT, &e));
        put(p + ENTRY_AT + 8, 65, 8, false);
        assert_false(linux_journal_entry_at(&j, ENTRY_AT, &e));
        p[0] = 'l';
        assert_false(linux_journal_open(&j, &v, space, 8192));
        eg_view_fini(&v);
        eg_space_close(space);
    }
    free(p);
}

/* ---- terminals ---- */

static const char *const with_ttys[] = {
    "struct task_struct {",
    "struct tty_ldisc_ops { char *name; void *receive_buf; };"
    "struct tty_ldisc { struct tty_ldisc_ops *ops; };"
    "struct tty_buffer { struct tty_buffer *next; int used, size, read; u8 data[0]; };"
    "struct llist_head { void *first; };"
    "struct tty_bufhead { struct tty_buffer *head; struct tty_buffer sentinel;"
    "  struct llist_head free; };"
    "struct tty_port { struct tty_bufhead buf; void *xmit_buf; };"
    "struct n_tty_data { unsigned long read_head, read_tail; u8 read_buf[4096];"
    "  unsigned long echo_head, echo_tail; u8 echo_buf[4096]; };"
    "struct tty_driver { char *name; struct tty_struct **ttys; u32 num; int type;"
    "  struct list_head tty_drivers; };"
    "struct tty_file_private { struct tty_struct *tty; struct file *file; struct list_head list; };"
    "struct tty_struct { struct tty_driver *driver; int index; struct tty_ldisc *ldisc;"
    "  struct tty_port *port; struct tty_struct *link; void *disc_data, *driver_data;"
    "  struct list_head tty_files; u8 *write_buf; int write_cnt; char name[64]; };"
    "struct vc_data { u16 vc_num; u32 vc_cols, vc_rows, vc_size_row; unsigned long vc_origin;"
    "  u16 *vc_screenbuf; u16 vc_hi_font_mask; u32 **vc_uni_lines; };"
    "struct vc { struct vc_data *d; };"
    "struct task_struct {",
    NULL,
};

static void ttys(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, with_ttys);
        struct mk *k = g.k;
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t head = mk_alloc(k, 2 * ptr), driver = mk_object(k, "tty_driver");
        const uint64_t table = mk_alloc(k, 2 * ptr), tty = mk_object(k, "tty_struct");
        const uint64_t data = mk_object(k, "n_tty_data"), port = mk_object(k, "tty_port");
        const uint64_t flip = mk_alloc(k, 256), written = mk_alloc(k, 16);
        const uint64_t cons = mk_alloc(k, 63 * ptr), vc = mk_object(k, "vc_data");
        const uint64_t cells = mk_alloc(k, 64), lines_ = mk_alloc(k, 2 * ptr);
        const uint64_t line = mk_alloc(k, 64), buf = mk_at(k, data, "n_tty_data.read_buf");
        uint64_t link = mk_at(k, driver, "tty_driver.tty_drivers");

        mk_list(k, head, &link, 1);
        mk_list(k, mk_at(k, tty, "tty_struct.tty_files"), NULL, 0);
        mk_symbol(k, "tty_drivers", head);
        mk_put(k, driver, "tty_driver.name", mk_text(k, "ttyS"));
        mk_put(k, driver, "tty_driver.ttys", table);
        mk_put(k, driver, "tty_driver.num", 2);
        mk_write_ptr(k, table, tty); // two places of one: it is shown once
        mk_write_ptr(k, table + ptr, tty);
        mk_puts(k, tty, "tty_struct.name", "ttyS1");
        mk_put(k, tty, "tty_struct.driver", driver);
        mk_put(k, tty, "tty_struct.disc_data", data);
        mk_put(k, tty, "tty_struct.port", port);
        mk_put(k, tty, "tty_struct.write_buf", written);
        mk_put(k, tty, "tty_struct.write_cnt", 5);
        mk_write(k, written, "out\0\0", 5);
        // The ring has gone round: 4 bytes of before at its end, then what waits.
        mk_write(k, buf + 4092, "old!", 4);
        mk_write(k, buf, "wait", 4);
        mk_put(k, data, "n_tty_data.read_head", 4096 + 4);
        mk_put(k, data, "n_tty_data.read_tail", 4096);
        mk_put(k, port, "tty_port.buf.head", flip);
        mk_put(k, flip, "tty_buffer.used", 6);
        mk_put(k, flip, "tty_buffer.size", 3); // twice as many without flags
        mk_put(k, flip, "tty_buffer.read", 2);
        mk_write(k, mk_at(k, flip, "tty_buffer.data"), "\0\0flip", 6);
        mk_symbol(k, "vc_cons", cons);
        mk_write_ptr(k, cons + 2 * ptr, vc);
        mk_put(k, vc, "vc_data.vc_num", 2);
        mk_put(k, vc, "vc_data.vc_cols", 4);
        mk_put(k, vc, "vc_data.vc_rows", 2);
        mk_put(k, vc, "vc_data.vc_size_row", 8);
        mk_put(k, vc, "vc_data.vc_origin", cells);
        mk_put(k, vc, "vc_data.vc_screenbuf", cells);
        mk_put(k, vc, "vc_data.vc_uni_lines", lines_);
        mk_write_ptr(k, lines_ + ptr, line);
        mk_write_u32(k, line, 'u');
        mk_write_u32(k, line + 4, 0x20ac);
        mk_write_u32(k, line + 8, 0x1f600);
        mk_write_u32(k, line + 12, ' ');
        for (unsigned i = 0; i < 4; i++) {
            const uint8_t glyph[] = { 'a', 0x81, ' ', ' ' };
            const uint8_t cell[] = { mk_model(k)->big_endian ? 7 : glyph[i],
                                     mk_model(k)->big_endian ? glyph[i] : 7 };

            mk_write(k, cells + 2 * i, cell, 2);
        }
        assert_string_equal(mk_columns(mk_guest_rows(&g, "tty", NULL), 1, 1),
                            "ttyS1\nttyS1\nttyS1\nttyS1\ntty3\ntty3");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "tty", NULL), 8, 12),
                            "input|past||4|old!\ninput|waiting||4|wait\nflip|waiting||4|flip\n"
                            "write|past||3|out\nscreen||1|3|a\xc3\xbc\n"
                            "screen||2|8|u\xe2\x82\xac\xf0\x9f\x98\x80");
        assert_int_equal(mk_row_notes(NULL), 0);

        // Sizes that cannot be; a chain of buffers that leads back; ends that cannot be.
        mk_put(k, flip, "tty_buffer.used", 7);
        mk_put(k, vc, "vc_data.vc_cols", 1 << 20);
        mk_put(k, data, "n_tty_data.read_tail", 1);
        mk_guest_rows(&g, "tty", NULL);
        assert_int_equal(mk_row_notes("has a size that cannot be true"), 1);
        assert_int_equal(mk_row_notes("columns cannot be"), 1);
        assert_int_equal(mk_row_notes("ends cannot be true"), 1);
        mk_put(k, flip, "tty_buffer.next", flip);
        mk_put(k, tty, "tty_struct.disc_data", 16);
        assert_non_null(strstr(mk_columns(mk_guest_rows(&g, "tty", NULL), 8, 12), "input||||-"));
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utmp),       cmocka_unit_test(lastlog), cmocka_unit_test(lines),
        cmocka_unit_test(many_lines), cmocka_unit_test(journal), cmocka_unit_test(ttys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
