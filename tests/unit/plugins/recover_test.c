/* recover_test.c - recover on a file system whose page cache and names are made here: what is
 * whole, what is missing, what is hostile. filecache_test.c has the other plugins, and the
 * library's part. */
#include "check.h"
#include "config.h"
#include "mkcache.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOP "unmounted-8-1-ext4"

static void whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, page;
        struct stat st;
        char path[200];

        mk_cache_begin(&w, m, "ext4");
        page = w.g.page;
        d = mk_cache_file(&w, 0, "whole", MK_REG, 2 * page + 10);
        mk_cache_folio(&w, d, 0, 1, "a", MK_FRESH);
        mk_cache_folio(&w, d, 1, 1, "b", MK_FRESH | MK_DIRTY);
        mk_cache_folio(&w, d, 2, 1, "c", MK_FRESH);
        assert_string_equal(mk_columns(mk_cache_recover(&w, NULL), 0, 7),
                            page == 4096    ? "/whole|" TOP "/whole|8202|3|3|1|0|true"
                            : page == 16384 ? "/whole|" TOP "/whole|32778|3|3|1|0|true"
                                            : "/whole|" TOP "/whole|131082|3|3|1|0|true");
        assert_true(mk_cache_load(&w, TOP "/whole"));
        assert_int_equal(w.len, 2 * page + 10);
        assert_true(mk_cache_has(&w, 0, 'a', page) && mk_cache_has(&w, 1, 'b', page) &&
                    mk_cache_has(&w, 2, 'c', 10));
        snprintf(path, sizeof path, "%s/" TOP "/whole", w.dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mtim.tv_sec, 1000000000);
        assert_int_equal(st.st_mtim.tv_nsec, 5);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_true(mk_cache_manifest(
            &w, "\"present\":[[0,2]],\"dirty\":[[1,1]],\"swapped\":[],\"zeros\":[],"
                "\"partial\":[],\"missing\":[]"));
        assert_true(mk_cache_manifest(&w, "\"mtime\":\"2001-09-09T01:46:40.000000005Z\""));
        assert_true(mk_cache_manifest(&w, "\"mode\":\"100644\",\"uid\":1000"));
        mk_cache_end(&w);
    }
}

/* What is missing, and why; each with its neighbour that is there. */
static void parts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d, page;

        mk_cache_begin(&w, m, "ext4");
        page = w.g.page;
        d = mk_cache_file(&w, 0, "parts", MK_REG, 20 * page);
        mk_cache_folio(&w, d, 0, 1, "a", MK_FRESH);
        mk_cache_folio(&w, d, 2, 1, "b", 0);           // on its way from the disk
        mk_cache_folio(&w, d, 3, 1, "c", MK_DIRTY);    // written in part
        mk_cache_folio(&w, d, 4, 4, "defg", MK_FRESH); // a large one, with siblings
        mk_cache_set(&w, d, 8,
                     mk_cache_page(
                         &w, mk_cache_folio(&w, d, 9, 1, "h", MK_FRESH))); // says that it is page 9
        mk_cache_folio(&w, d, 10, 2, "ij", MK_FRESH);
        mk_put(w.k, mk_cache_page(&w, w.free - 1), "page.compound_head", 0); // no part of it
        mk_cache_folio(&w, d, 12, 1, "k", MK_FRESH);
        mk_put(w.k, mk_cache_page(&w, w.free - 1), "page.mapping", 0x1230); // another file's
        mk_cache_set(&w, d, 14, 5); // a mark of a page that left
        mk_cache_set(&w, d, 15, w.map + 1000000 * w.size);
        mk_cache_folio(&w, d, 30, 1, "z", MK_FRESH); // behind its end
        mk_cache_recover(&w, NULL);
        assert_true(
            mk_row_notes("4 entries of its page cache lead to pages that are not its own") == 1);
        assert_true(mk_cache_load(&w, TOP "/parts"));
        assert_int_equal(w.len, 20 * page);
        assert_true(mk_cache_has(&w, 0, 'a', page) && mk_cache_has(&w, 1, 0, 2 * page) &&
                    mk_cache_has(&w, 3, 'c', page) && mk_cache_has(&w, 4, 'd', page) &&
                    mk_cache_has(&w, 7, 'g', page) && mk_cache_has(&w, 8, 0, page) &&
                    mk_cache_has(&w, 9, 'h', page) && mk_cache_has(&w, 10, 0, 10 * page));
        assert_true(mk_cache_manifest(&w, "\"whole\":false"));
        assert_true(mk_cache_manifest(&w, "\"present\":[[0,0],[3,7],[9,9]],\"dirty\":[[3,3]],"
                                          "\"swapped\":[],\"zeros\":[],\"partial\":[[3,3]]"));
        assert_true(mk_cache_manifest(&w, "\"sha256\":null"));
        mk_cache_end(&w);
    }
}

/* In memory only: what is not there was never written. */
static void memory(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_cache w;
        uint64_t d;

        mk_cache_begin(&w, m, "tmpfs");
        d = mk_cache_file(&w, 0, "t", MK_REG, 3 * w.g.page);
        mk_cache_folio(&w, d, 1, 1, "m", MK_FRESH);
        mk_cache_folio(&w, d, 2, 1, "x", 0); // allocated, not cleared
        mk_cache_file(&w, 0, "empty", MK_REG, 0);
        mk_cache_recover(&w, NULL);
        assert_true(mk_cache_load(&w, "unmounted-8-1-tmpfs/t"));
        assert_int_equal(w.len, 3 * w.g.page);
        assert_true(mk_cache_has(&w, 0, 0, w.g.page) && mk_cache_has(&w, 1, 'm', w.g.page) &&
                    mk_cache_has(&w, 2, 0, w.g.page));
        assert_true(mk_cache_manifest(&w, "\"whole\":true"));
        assert_true(mk_cache_manifest(&w, "\"zeros\":[[0,0],[2,2]]"));
        assert_true(mk_cache_load(&w, "unmounted-8-1-tmpfs/empty"));
        assert_int_equal(w.len, 0);
        mk_cache_end(&w);
    }
}

/* Sizes that are claimed cost nothing. */
static void sizes(void **state)
{
    static const uint64_t claimed[] = { INT64_MAX, UINT64_C(1) << 40, UINT64_C(1) << 62 };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(claimed); i++) for (int tar = 0; tar < 2;
                                                                          tar++)
    {
        struct mk_cache w;
        struct stat st;
        char path[200];
        uint64_t d, index;

        if (!m->arch)
            continue; // no index reaches so far
        mk_cache_begin(&w, m, "ext4");
        index = (UINT64_C(1) << 40) / w.g.page - 1;
        d = mk_cache_file(&w, 0, "large", MK_REG, claimed[i]);
        mk_cache_folio(&w, d, index, 1, "l", MK_FRESH);
        mk_cache_folio(&w, d, 3, 1, "s", MK_FRESH);
        mk_cache_recover(&w, tar ? "tar=x.tar" : NULL);
        snprintf(path, sizeof path, "%s/%s", w.dir, tar ? "x.tar" : TOP "/large");
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_blocks * 512 < 1 << 20);
        if (!tar) {
            char got[2];
            FILE *f = fopen(path, "rb");

            assert_true(st.st_size >= (off_t)1 << 40);
            assert_int_equal(fseeko(f, (off_t)((index + 1) * w.g.page - 1), SEEK_SET), 0);
            assert_int_equal(fread(got, 1, 1, f), 1);
            assert_int_equal(got[0], 'l');
            fclose(f);
        }
        assert_true(mk_cache_manifest(&w, "\"page_size\""));
        mk_cache_end(&w);
    }
}

/* Holes take time in a tar: those of many false sizes are cut, of what has pages as well. */
static void many_sizes(void **state)
{
    enum { FILES = 18, FIT = 16 }; // 8 TiB each, of 128 TiB
    struct mk_cache w;
    char name[16];

    (void)state;
    mk_cache_begin(&w, &mk_machines[0], "ext4");
    for (unsigned i = 0; i < FILES; i++) {
        uint64_t d;

        snprintf(name, sizeof name, "f%02u", i);
        d = mk_cache_file(&w, 0, name, MK_REG, UINT64_C(1) << 43);
        if (i == FILES - 1) // its last page is out of reach
            mk_cache_folio(&w, d, (UINT64_C(1) << 43) / w.g.page - 1, 1, "z", MK_FRESH);
        mk_cache_folio(&w, d, 0, 1, "a", MK_FRESH);
    }
    mk_cache_recover(&w, "tar=x.tar");
    assert_int_equal(mk_row_notes("up to its last page"), FILES - FIT - 1);
    assert_int_equal(mk_row_notes("pages behind these are left out"), 1);
    mk_cache_end(&w);
}

static int n_entries;
static int count(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path, (void)st, (void)at;
    n_entries += type == FTW_F;
    return type == FTW_SL || type == FTW_NS; // none was made
}

/* Names are not trusted: each file is below the folder, and the manifest has its true name. */
static void hostile(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        static const char *const names[] = {
            "..", "../../../x", "/etc/passwd", "a\x1b[2J", "Case", "cASE", ".", "same", "same", ""
        };
        struct mk_cache w;
        uint64_t d, folder, loop;
        char path[100];

        mk_cache_begin(&w, m, "ext4");
        for (size_t i = 0; i < countof(names); i++) {
            d = mk_cache_file(&w, 0, names[i], MK_REG, 5);
            mk_cache_folio(&w, d, 0, 1, "n", MK_FRESH);
        }
        folder = mk_cache_file(&w, 0, "same", MK_FOLDER, 0); // and a file of this name
        d = mk_cache_file(&w, folder, "in", MK_REG, 5);
        mk_cache_folio(&w, d, 0, 1, "n", MK_FRESH);
        folder = mk_cache_file(&w, 0, "loop", MK_FOLDER, 0);
        loop = mk_cache_file(&w, folder, "loop", MK_FOLDER, 0);
        mk_put(w.k, folder, "dentry.d_parent", loop);
        d = mk_cache_file(&w, folder, "in", MK_REG, 5);
        mk_cache_folio(&w, d, 0, 1, "n", MK_FRESH);
        d = mk_cache_file(&w, 0, "soft", MK_LINK, 4);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_link", mk_text(w.k, "/etc"));
        mk_cache_recover(&w, NULL);
        n_entries = 0;
        assert_int_equal(nftw(w.top, count, 16, FTW_PHYS), 0);
        assert_true(n_entries >= 11 + 1 && n_entries <= 12 + 1); // with the manifest
        assert_true(mk_cache_load(&w, TOP "/%2E%2E/%2E%2E/%2E%2E/x") ||
                    mk_cache_load(&w, TOP "/%2E%2E~2/%2E%2E/%2E%2E/x"));
        assert_true(mk_cache_load(&w, TOP "/etc/passwd"));
        assert_true(mk_cache_load(&w, TOP "/a%1B[2J"));
        assert_true(mk_cache_load(&w, TOP "/Case") && mk_cache_load(&w, TOP "/cASE~2"));
        assert_true(mk_cache_manifest(&w, "\"path\":\"/..\""));
        assert_true(mk_cache_manifest(&w, "a\\u001b[2J"));
        assert_true(mk_cache_manifest(&w, "\"target\":\"/etc\""));
        snprintf(path, sizeof path, "%s/x", w.top);
        assert_int_equal(access(path, F_OK), -1);
        mk_cache_end(&w);
    }
}

static unsigned mode_of(const struct mk_cache *w, const char *name, time_t *mtime)
{
    char path[200];
    struct stat st;

    snprintf(path, sizeof path, "%s/" TOP "/%s", w->dir, name);
    assert_int_equal(stat(path, &st), 0);
    *mtime = st.st_mtim.tv_sec;
    return st.st_mode & 07777;
}

/* Nothing that gives a program rights, unless that was asked for; what the analyst can read. */
static void modes(void **state)
{
    (void)state;
    for (int preserve = 0; preserve < 2; preserve++) {
        struct mk_cache w;
        uint64_t d, folder;
        time_t mtime;

        mk_cache_begin(&w, &mk_machines[0], "ext4");
        folder = mk_cache_file(&w, 0, "folder", 0040550, 0);
        d = mk_cache_file(&w, folder, "suid", 0106711, 5);
        mk_cache_folio(&w, d, 0, 1, "s", MK_FRESH);
        d = mk_cache_file(&w, folder, "none", 0100000, 5);
        mk_cache_folio(&w, d, 0, 1, "n", MK_FRESH);
        mk_put(w.k, mk_cache_inode(&w, d), "inode.i_mtime_sec", (uint64_t)-5);
        mk_cache_file(&w, 0, "without", 0040550, 0); // no file of it is cached
        mk_cache_recover(&w, preserve ? "preserve" : NULL);
        assert_int_equal(mode_of(&w, "folder/suid", &mtime), preserve ? 06711 : 0711);
        assert_int_equal(mtime, 1000000000);
        assert_int_equal(mode_of(&w, "folder/none", &mtime), preserve ? 0 : 0400);
        assert_int_equal(mtime, -5);
        assert_int_equal(mode_of(&w, "folder", &mtime), preserve ? 0550 : 0750);
        assert_int_equal(mtime, 1000000000);
        assert_false(mk_cache_load(&w, TOP "/without"));
        mk_cache_end(&w);
    }
}

/* An owner that memory does not have is not root. */
static void owners(void **state)
{
    struct mk_cache w;
    uint64_t d, inode;
    char text[200];

    (void)state;
    mk_cache_begin(&w, &mk_machines[0], "ext4");
    d = mk_cache_file(&w, 0, "file", MK_REG, 5);
    mk_alloc(w.k, w.g.page);
    mk_straddle(w.k, 8); // its owner and group on one page, the rest on the next
    inode = mk_cache_embed(&w, d, "inode", "inode.i_uid");
    mk_cache_folio(&w, d, 0, 1, "f", MK_FRESH);
    mk_cache_recover(&w, NULL);
    assert_true(mk_cache_manifest(&w, "\"uid\":1000,\"gid\":0,"));
    snprintf(text, sizeof text, "rm -rf %s", w.dir);
    assert_int_equal(system(text), 0);
    mk_unmap(w.k, inode);
    mk_cache_recover(&w, NULL);
    assert_true(mk_cache_manifest(&w, "\"uid\":null,\"gid\":null,\"links\":1,"));
    assert_int_equal(system(text), 0);
    mk_cache_recover(&w, "tar=x.tar");
    if (system("tar --version > /dev/null 2>&1") == 0) {
        assert_int_equal(mk_row_notes("have the owner or group 65534"), 1);
        snprintf(text, sizeof text,
                 "tar --numeric-owner -tvf %s/x.tar | grep -q '65534/65534 .*/file$'", w.dir);
        assert_int_equal(system(text), 0);
    }
    mk_cache_end(&w);
}

static void tar_links(void **state)
{
    struct mk_cache w;
    char text[600];
    uint64_t d, inode;

    (void)state;
    if (system("tar --version > /dev/null 2>&1") != 0)
        return;
    mk_cache_begin(&w, &mk_machines[0], "ext4");
    d = mk_cache_file(&w, 0, "one", 0104711, 300 * w.g.page + 7);
    inode = mk_cache_inode(&w, d);
    mk_cache_folio(&w, d, 200, 1, "q", MK_FRESH);
    mk_cache_folio(&w, d, 3, 1, "p", MK_FRESH);
    mk_cache_name(&w, mk_guest_dentry(&w.g, w.g.top, "two"), inode);
    mk_put(w.k, inode, "inode.i_nlink", 2);
    d = mk_cache_file(&w, 0, "none", MK_REG, 4 * w.g.page); // all of it zeros
    mk_cache_folio(&w, d, 1, 1, "\0", MK_FRESH);
    d = mk_cache_file(&w, 0, "soft", MK_LINK, 4);
    mk_put(w.k, mk_cache_inode(&w, d), "inode.i_link", mk_text(w.k, "one"));
    assert_non_null(strstr(mk_cache_recover(&w, "tar=x.tar"), "|" TOP "/"));
    snprintf(text, sizeof text,
             "cd %s && tar -xpf x.tar && test one -ef one || cd " TOP " && test one -ef two && "
             "test -L soft && test \"$(stat -c %%s.%%a one)\" = 1228807.4711 && "
             "test \"$(stat -c %%b one)\" -lt 100 && test \"$(stat -c %%s none)\" = 16384",
             w.dir);
    assert_int_equal(system(text), 0);
    assert_true(mk_cache_load(&w, TOP "/one"));
    assert_true(mk_cache_has(&w, 3, 'p', 4096) && mk_cache_has(&w, 200, 'q', 4096) &&
                mk_cache_has(&w, 4, 0, 4096));
    mk_cache_end(&w);
}

/** Two files of the same bytes and one of others; the digest of the two. */
static void three_files(struct mk_cache *w, char sum[65])
{
    static const struct {
        const char *name, *letter;
    } files[] = { { "first", "1" }, { "second", "2" }, { "third", "2" } };
    char text[200];

    mk_cache_begin(w, &mk_machines[0], "ext4");
    for (size_t i = 0; i < countof(files); i++) {
        const uint64_t d = mk_cache_file(w, 0, files[i].name, MK_REG, 100);

        mk_cache_folio(w, d, 0, 1, files[i].letter, MK_FRESH);
    }
    mk_cache_recover(w, NULL);
    assert_true(mk_cache_load(w, "manifest.jsonl"));
    w->bytes[w->len] = 0;
    snprintf(sum, 65, "%s", strstr(strstr(w->bytes, "/second"), "\"sha256\":\"") + 10);
    snprintf(text, sizeof text, "rm -rf %s", w->dir);
    assert_int_equal(system(text), 0);
}

static void check_known(struct mk_cache *w)
{
    char args[128];

    snprintf(args, sizeof args, "known=%s/list", w->top);
    mk_cache_recover(w, args);
    assert_true(mk_cache_load(w, TOP "/first"));
    assert_false(mk_cache_load(w, TOP "/second"));
    assert_false(mk_cache_load(w, TOP "/third"));
    assert_true(mk_cache_manifest(w, "\"known\":true"));
    mk_cache_end(w);
}

static void known(void **state)
{
    struct mk_cache w;
    char path[100], sum[65];
    FILE *f;

    (void)state;
    three_files(&w, sum);
    snprintf(path, sizeof path, "%s/list", w.top);
    f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "# a list\n%.63s  cut\nx%s\n%sx\n\"%s\",\"NAME\"\n", sum, sum, sum, sum);
    fclose(f);
    check_known(&w);
}

/* A list that is not there is an error before a file of the machine is read, and a FIFO into which
 * nobody writes is not waited for; what somebody writes into one is a list. */
static void known_opened(void **state)
{
    struct mk_cache w;
    char path[100], args[128], sum[65];
    int pipes[2];

    (void)state;
    three_files(&w, sum);
    mk_rows_may_fail = true;
    snprintf(args, sizeof args, "known=%s/nothing", w.top);
    mk_cache_recover(&w, args);
    assert_non_null(strstr(mk_row_error(), "/nothing: No such file"));
    snprintf(args, sizeof args, "known=%s", w.top);
    mk_cache_recover(&w, args);
    assert_non_null(strstr(mk_row_error(), "Is a directory"));
    snprintf(path, sizeof path, "%s/list", w.top);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(args, sizeof args, "known=%s", path);
    alarm(60);
    mk_cache_recover(&w, args);
    assert_non_null(strstr(mk_row_error(), "has no SHA-256"));
    mk_rows_may_fail = false;
    alarm(0);
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], sum, 64), 64);
    close(pipes[1]);
    snprintf(args, sizeof args, "known=/dev/fd/%d", pipes[0]);
    mk_cache_recover(&w, args);
    close(pipes[0]);
    assert_true(mk_cache_load(&w, TOP "/first"));
    assert_false(mk_cache_load(&w, TOP "/second"));
    mk_cache_end(&w);
}

/* NSRL's RDSv3: a table METADATA or FILE, with an index of its digests or without one. */
static void known_sqlite(void **state)
{
#ifdef HAVE_SQLITE
    static const char *const makes[] = {
        "CREATE TABLE FILE(sha256 VARCHAR, file_name VARCHAR)",
        "CREATE TABLE METADATA(sha256 VARCHAR, x INT);CREATE INDEX i ON METADATA(sha256);"
        "CREATE VIEW FILE AS SELECT sha256 FROM METADATA WHERE 0",
    };

    (void)state;
    if (system("python3 -c 'import sqlite3' 2> /dev/null") != 0)
        return;
    for (size_t i = 0; i < countof(makes); i++) {
        struct mk_cache w;
        char text[600], sum[65];

        three_files(&w, sum);
        snprintf(text, sizeof text,
                 "python3 -c 'import sqlite3; b = sqlite3.connect(\"%s/list\"); "
                 "b.executescript(\"%s\"); b.execute(\"INSERT INTO %s VALUES (?, 1)\", "
                 "(\"%s\".upper(),)); b.commit()'",
                 w.top, makes[i], i ? "METADATA" : "FILE", sum);
        assert_int_equal(system(text), 0);
        check_known(&w);
    }
#else
    (void)state;
#endif
}

/* A database that computes digests without end, one with a write-ahead log, and one that is cut:
 * each is refused, or read without a file beside it. */
static void known_hostile(void **state)
{
#ifdef HAVE_SQLITE
#define ENDLESS                                                                                    \
    "create view FILE as with recursive n(i) as (select 1 union all select 1 from n) select "      \
    "hex(zeroblob(32)) as sha256 from n"
    static const char *const makes[] = {
        ENDLESS,
        "pragma journal_mode=wal; create table FILE(sha256); insert into FILE values (1)",
        "create table FILE(sha256); insert into FILE values (zeroblob(100000))",
    };

    (void)state;
    if (system("python3 -c 'import sqlite3' 2> /dev/null") != 0)
        return;
    mk_rows_may_fail = true;
    for (size_t i = 0; i < countof(makes); i++) {
        static const char *const errors[] = { "no table of this database", "", "malformed" };
        struct mk_cache w;
        char text[600], sum[65], args[200], list[100];

        three_files(&w, sum);
        snprintf(list, sizeof list, "%s/list", w.top);
        snprintf(text, sizeof text,
                 "mkdir %s && python3 -c 'import sqlite3; b = sqlite3.connect(\"%s/d\"); "
                 "b.executescript(\"%s\"); b.commit(); b.close()'",
                 list, list, makes[i]);
        assert_int_equal(system(text), 0);
        snprintf(text, sizeof text, "%s/d", list);
        if (i == 2)
            assert_int_equal(truncate(text, 8192), 0);
        snprintf(args, sizeof args, "known=%s/d", list);
        mk_cache_recover(&w, args);
        assert_int_equal(!*mk_row_error(), i == 1);
        assert_non_null(strstr(mk_row_error(), errors[i]));
        assert_int_equal(mk_cache_load(&w, TOP "/second"), i == 1);
        snprintf(text, sizeof text, "test \"$(ls %s)\" = d", list);
        assert_int_equal(system(text), 0);
        mk_cache_end(&w);
    }
    mk_rows_may_fail = false;
#else
    (void)state;
#endif
}

/* A run that fails has closed the tar: nothing may be written to it then. Files of the same bytes
 * are looked for once, also very many. */
static void failing(void **state)
{
    struct mk_cache w;
    char sum[65], path[100];
    FILE *f;

    (void)state;
    three_files(&w, sum);
    mk_rows_may_fail = true;
    mk_cache_recover(&w, "tar=manifest.jsonl");
    assert_non_null(strstr(mk_row_error(), "--tar manifest.jsonl"));
    assert_true(mkdir(w.dir, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/manifest.jsonl", w.dir);
    f = fopen(path, "wb");
    assert_non_null(f);
    fclose(f);
    mk_cache_recover(&w, "tar=x.tar");
    assert_non_null(strstr(mk_row_error(), "manifest.jsonl: already exists"));
    mk_rows_may_fail = false;
    mk_cache_end(&w);
    mk_cache_begin(&w, &mk_machines[0], "tmpfs");
    for (unsigned i = 0; i < 2000; i++)
        mk_cache_file(&w, 0, "empty", MK_REG, 0);
    snprintf(path, sizeof path, "%s/list", w.top);
    f = fopen(path, "wb");
    assert_non_null(f);
    for (unsigned i = 0; i < 20000; i++)
        fputs("d41d8cd98f00b204e9800998ecf8427e\n", f);
    fclose(f);
    snprintf(path, sizeof path, "known=%s/list", w.top);
    mk_cache_recover(&w, path);
    assert_true(mk_cache_manifest(&w, "\"known\":true"));
    assert_false(mk_cache_manifest(&w, "\"known\":false"));
    mk_cache_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),        cmocka_unit_test(parts),
        cmocka_unit_test(memory),       cmocka_unit_test(sizes),
        cmocka_unit_test(hostile),      cmocka_unit_test(tar_links),
        cmocka_unit_test(modes),        cmocka_unit_test(known),
        cmocka_unit_test(known_sqlite), cmocka_unit_test(known_hostile),
        cmocka_unit_test(known_opened), cmocka_unit_test(failing),
        cmocka_unit_test(owners),       cmocka_unit_test(many_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
