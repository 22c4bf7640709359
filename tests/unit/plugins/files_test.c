/* files_test.c - deleted: each way in which a file is in no folder, and files that are in one. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

static uint64_t inode_of(struct mk_guest *g, uint64_t file)
{
    return mk_of(g, file, "file.f_inode");
}

/** A file; @made: its name is made by its file system, which has no folders. */
static uint64_t make_file(struct mk_guest *g, const char *name, bool made, bool unlinked)
{
    uint64_t d = mk_guest_dentry(g, made ? 0 : g->top, name), file = mk_guest_file(g, d);

    if (made) {
        uint64_t ops = mk_object(g->k, "dentry_operations");

        mk_put(g->k, ops, "dentry_operations.d_dname", 0x1234);
        mk_put(g->k, d, "dentry.d_op", ops);
    }
    if (unlinked)
        mk_guest_unlink(g, d);
    mk_put(g->k, inode_of(g, file), "inode.i_ino", 77);
    mk_put(g->k, inode_of(g, file), "inode.i_nlink", 3);
    mk_put(g->k, inode_of(g, file), "inode.i_size", 0x123456789);
    return file;
}

static void deleted(void **state)
{
    static const struct {
        const char *name;
        bool made, unlinked;
        uint64_t flags;
        const char *why, *letters, *path; // NULL: no row
    } cases[] = {
        { "lib.so", false, false, 5, NULL, NULL, NULL },
        { "lib.so", false, true, 5, "removed", "r-xp", "/lib.so (deleted)" },
        { "x (deleted)", false, false, 5, NULL, NULL, NULL }, // is called so
        { "memfd:code", true, true, 6, "memfd", "-wxp", "/memfd:code (deleted)" },
        { "SYSV00000001", true, true, 0x83, "System V", "rw-s", "/SYSV00000001 (deleted)" },
        { "anon_hugepage", true, true, 0, "huge pages", "---p", "/anon_hugepage (deleted)" },
        { "dev/zero", true, true, 0x80, "shared memory", "---s", "/dev/zero (deleted)" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 9, "p", init), mm;
        uint64_t file = make_file(&g, cases[i].name, cases[i].made, cases[i].unlinked);
        char want[300] = "", exe[300] = "", both[600];

        MK_MM(&g, init, "init\0", "");
        mm = MK_MM(&g, t, "p\0", "");
        mk_guest_vma(&g, mm, 10, 2, 3, 0);
        mk_guest_vma(&g, mm, 12, 2, cases[i].flags, file);
        if (cases[i].why) {
            snprintf(want, sizeof want, "9|p|mapping||%s|%#llx|%#llx|%s|77|3|4886718345|%s",
                     cases[i].why, 12ull * g.page, 14ull * g.page, cases[i].letters, cases[i].path);
            snprintf(exe, sizeof exe, "9|p|exe||%s||||77|3|4886718345|%s", cases[i].why,
                     cases[i].path);
        }
        assert_string_equal(mk_guest_rows(&g, "deleted", NULL), want);
        assert_string_equal(mk_guest_rows(&g, "deleted", "exe"), "");
        mk_put(g.k, mm, "mm_struct.exe_file", file);
        snprintf(both, sizeof both, "%s%s%s", exe, *exe ? "\n" : "", want);
        assert_string_equal(mk_guest_rows(&g, "deleted", NULL), both);
        assert_string_equal(mk_guest_rows(&g, "deleted", "exe"), exe);
        assert_string_equal(mk_guest_rows(&g, "deleted", "pid=1"), "");
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
