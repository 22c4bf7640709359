/* integrity_test.c - setuid, ldpreload, spoofed: every reason, and what is close to it. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

enum { EXEC = 5, WRITE = 3 };

/* ---- setuid ---- */

#define FULL UINT64_C(0x1ffffffffff)

struct edit {
    const char *member;
    uint64_t value;
};

/** A user's process without rights, and process 1 with all. */
struct rights {
    struct mk_guest g;
    uint64_t init, task, inode;
};

static void set_ids(struct mk_guest *g, uint64_t cred, uint32_t id)
{
    static const char *const ids[] = { "uid", "euid", "suid", "fsuid",
                                       "gid", "egid", "sgid", "fsgid" };
    char member[16];

    for (size_t i = 0; i < countof(ids); i++) {
        snprintf(member, sizeof member, "cred.%s", ids[i]);
        mk_write_u32(g->k, mk_at(g->k, cred, member), id);
    }
}

static struct rights make_rights(const struct mk_machine *m, const char *const *edits)
{
    struct rights w = { .g = mk_guest(m, edits) };
    struct mk_guest *g = &w.g;
    uint64_t dentry = mk_guest_dentry(g, g->top, "prog"), mm, cred;

    w.init = mk_guest_task(g, 1, "init", 0);
    w.task = mk_guest_task(g, 50, "prog", w.init);
    mm = MK_MM(g, w.task, "prog\0", "");
    mk_put(g->k, mm, "mm_struct.exe_file", mk_guest_file(g, dentry));
    w.inode = mk_of(g, dentry, "dentry.d_inode");
    cred = mk_of(g, w.task, "task_struct.real_cred");
    set_ids(g, cred, 1000);
    return w;
}

static void put_set(struct mk_guest *g, uint64_t cred, const char *member, uint64_t value)
{
    const bool high_first = mk_model(g->k)->big_endian;
    uint64_t at = mk_at(g->k, cred, member);

    // One integer of 8 bytes; on a little-endian machine two words, low first, are the same.
    mk_write_u32(g->k, at, (uint32_t)(high_first ? value >> 32 : value));
    mk_write_u32(g->k, at + 4, (uint32_t)(high_first ? value : value >> 32));
}

static void apply(struct rights *w, const struct edit *e)
{
    uint64_t cred = mk_of(&w->g, w->task, "task_struct.real_cred");

    if (!strncmp(e->member, "cred.cap_", 9))
        put_set(&w->g, cred, e->member, e->value);
    else if (!strcmp(e->member, "cred.user_ns"))
        mk_put(w->g.k, cred, e->member, mk_object(w->g.k, "user_namespace"));
    else if (!strncmp(e->member, "cred.", 5))
        mk_write_u32(w->g.k, mk_at(w->g.k, cred, e->member), (uint32_t)e->value);
    else if (!strcmp(e->member, "ids"))
        set_ids(&w->g, cred, (uint32_t)e->value);
    else if (!strcmp(e->member, "task_struct.cred"))
        mk_put(w->g.k, w->task, e->member, mk_object(w->g.k, "cred"));
    else if (!strncmp(e->member, "inode.", 6))
        mk_put(w->g.k, w->inode, e->member, e->value);
    else
        mk_put(w->g.k, w->task, e->member, e->value);
}

static void setuid(void **state)
{
    static const struct {
        struct edit edits[3];
        const char *reason; // NULL: no row
    } cases[] = {
        { { { "cred.uid", 1000 } }, NULL },
        { { { "cred.uid", 1 } }, "effective user; saved user" },
        { { { "cred.suid", 1 } }, "saved user" },
        { { { "cred.fsuid", 1 } }, "user for files" },
        { { { "cred.euid", 1 }, { "cred.fsuid", 1 } }, "effective user" },
        { { { "cred.gid", 1 } }, "effective group; saved group" },
        { { { "cred.sgid", 1 } }, "saved group" },
        { { { "cred.fsgid", 1 } }, "group for files" },
        { { { "cred.egid", 1 }, { "cred.fsgid", 1 } }, "effective group" },
        { { { "cred.cap_effective", 1 } }, "capabilities without being root" },
        { { { "cred.cap_permitted", 1 } }, "capabilities without being root" },
        { { { "cred.cap_permitted", 1 }, { "cred.user_ns", 0 } },
          "capabilities in a user namespace of its own" },
        { { { "cred.user_ns", 0 } }, NULL },
        { { { "cred.cap_inheritable", 1 } }, NULL },
        { { { "cred.cap_ambient", 1 } }, "ambient capabilities" },
        { { { "ids", 0 }, { "cred.cap_effective", FULL } }, NULL },
        { { { "ids", 0 }, { "cred.cap_effective", FULL - 1 } }, "root without all capabilities" },
        { { { "ids", 0 }, { "task_struct.flags", MK_KTHREAD } }, NULL },
        { { { "task_struct.cred", 0 } }, "other credentials for a while" },
        { { { "inode.i_mode", 0104755 } }, "set-user-id program" },
        { { { "inode.i_mode", 0104644 } }, "set-user-id program" },
        { { { "inode.i_mode", 0102755 } }, "set-group-id program" },
        { { { "inode.i_mode", 0102745 } }, NULL }, // mandatory locks
        { { { "inode.i_mode", 0101777 } }, NULL },
        { { { "inode.i_mode", 0104755 }, { "task_struct.flags", MK_KTHREAD } }, NULL },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct rights w = make_rights(m, NULL);
        uint64_t cred = mk_of(&w.g, w.init, "task_struct.real_cred");

        put_set(&w.g, cred, "cred.cap_effective", FULL);
        for (const struct edit *e = cases[i].edits; e->member && e < cases[i].edits + 3; e++)
            apply(&w, e);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "setuid", NULL), 18, 18),
                            cases[i].reason ? cases[i].reason : "");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(w.g.k);
    }
}

static void setuid_columns(void **state)
{
    static const char *const words[] = { "typedef struct { u64 val; } kernel_cap_t",
                                         "typedef struct { u32 cap[2]; } kernel_cap_t", NULL };

    (void)state;
    mk_each_machine(m) for (int old = 0; old <= (m->arch != NULL); old++)
    {
        struct rights w = make_rights(m, old ? words : NULL);
        struct mk_guest *g = &w.g;
        uint64_t cred = mk_of(g, w.task, "task_struct.real_cred");
        static const char *const ids[] = { "uid", "euid", "suid", "fsuid",
                                           "gid", "egid", "sgid", "fsgid" };

        put_set(g, mk_of(g, w.init, "task_struct.real_cred"), "cred.cap_effective", FULL);
        for (uint32_t i = 0; i < countof(ids); i++) {
            char member[16];

            snprintf(member, sizeof member, "cred.%s", ids[i]);
            mk_write_u32(g->k, mk_at(g->k, cred, member), 10 + i);
        }
        put_set(g, cred, "cred.cap_effective", 1 | UINT64_C(1) << 40);
        put_set(g, cred, "cred.cap_permitted", FULL);
        put_set(g, cred, "cred.cap_inheritable", UINT64_C(1) << 41 | 1 << 10);
        put_set(g, cred, "cred.cap_ambient", UINT64_C(1) << 31);
        put_set(g, cred, "cred.cap_bset", 0);
        mk_put(g->k, w.task, "task_struct.atomic_flags", 3);
        assert_string_equal(
            mk_guest_rows(g, "setuid", NULL),
            "50|prog|10|11|12|13|14|15|16|17|chown,checkpoint_restore|all|net_bind_service,41|"
            "setfcap||true|100|/prog|effective user; saved user; user for files; effective group; "
            "saved group; group for files; capabilities without being root; ambient capabilities");
        mk_put(g->k, w.task, "task_struct.atomic_flags", 2);
        assert_string_equal(mk_columns(mk_guest_rows(g, "setuid", NULL), 15, 15), "false");
        assert_string_equal(mk_columns(mk_guest_rows(g, "setuid", "pid=1"), 0, 1), "");
        assert_string_equal(mk_columns(mk_guest_rows(g, "setuid", "pid=1 all"), 0, 2), "1|init|0");
        mk_put(g->k, w.init, "task_struct.real_cred", 0);
        assert_non_null(strstr(mk_guest_rows(g, "setuid", NULL), "|chown,dac_override,"));
        assert_int_equal(mk_row_notes("none are called all"), 1);
        mk_free(g->k);
    }
}

/* ---- ldpreload ---- */

static void ldpreload(void **state)
{
    static const struct {
        const char *env; // up to its end
        const char *rows;
    } cases[] = {
        { "PATH=/bin\0LD_DEBUG=all\0XLD_PRELOAD=/a\0", "" },
        { "LD_PRELOAD=/lib/a.so\0", "LD_PRELOAD|/lib/a.so|/lib/a.so|" },
        { "LD_PRELOAD=a.so\0", "LD_PRELOAD|a.so|a.so|" }, // was searched for
        { "LD_PRELOAD=/usr/lib/a.so\0", "LD_PRELOAD|/usr/lib/a.so|/usr/lib/a.so|" }, // a link
        { "LD_PRELOAD=/lib/b.so\0", "LD_PRELOAD|/lib/b.so||not mapped: /lib/b.so" },
        { "LD_PRELOAD=.so\0", "LD_PRELOAD|.so||not mapped: .so" },
        { "LD_PRELOAD=/x /lib/a.so:/y\0",
          "LD_PRELOAD|/x /lib/a.so:/y|/lib/a.so|not mapped: /x /y" },
        { "LD_PRELOAD=gone.so\0", "LD_PRELOAD|gone.so|gone.so|" }, // mapped, then deleted
        { "A=1\0LD_AUDIT=/y\0", "LD_AUDIT|/y||not mapped: /y" },
        { "LD_LIBRARY_PATH=/y\0", "LD_LIBRARY_PATH|/y||" },
        { "LD_LIBRARY_PATH=\0LD_PRELOAD=\0", "LD_LIBRARY_PATH|||\nLD_PRELOAD|||" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t t = mk_guest_task(&g, 1, "init", 0), lib = mk_guest_dentry(&g, g.top, "lib"), mm;
        uint64_t gone = mk_guest_dentry(&g, lib, "gone.so");
        size_t n = 0;

        while (cases[i].env[n])
            n += strlen(cases[i].env + n) + 1;
        mm = mk_guest_mm(&g, t, "init", 5, cases[i].env, n);
        mk_guest_vma(&g, mm, 10, 1, WRITE, 0);
        mk_guest_vma(&g, mm, 12, 1, EXEC, mk_guest_file(&g, mk_guest_dentry(&g, lib, "a.so")));
        mk_guest_vma(&g, mm, 14, 1, EXEC, mk_guest_file(&g, gone));
        mk_guest_unlink(&g, gone);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "ldpreload", NULL), 2, 5), cases[i].rows);
        assert_string_equal(mk_guest_rows(&g, "ldpreload", "pid=2"), "");
        mk_free(g.k);
    }
}

/* The file is found by its name in the cache, and only below /etc. */
static void ldpreload_file(void **state)
{
    static const struct {
        const char *folder, *name;
        bool negative;
        const char *row;
    } cases[] = {
        { "etc", "ld.so.preload", false,
          "|/etc/ld.so.preload|||the file is there, 21 bytes; its text is not in the page cache" },
        { "etc", "ld.so.preload", true, "" },
        { "etc", "ld.so.preloads", false, "" },
        { "etc", "ld.so.preloa", false, "" },
        { "opt", "ld.so.preload", false, "" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t t = mk_guest_task(&g, 1, "init", 0), folder, file;

        MK_MM(&g, t, "init\0", "");
        folder = mk_guest_dentry(&g, g.top, cases[i].folder);
        mk_guest_dentry(&g, folder, "passwd");
        file = mk_guest_dentry(&g, folder, cases[i].name);
        mk_put(g.k, mk_of(&g, file, "dentry.d_inode"), "inode.i_size", 21);
        if (cases[i].negative)
            mk_put(g.k, file, "dentry.d_inode", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "ldpreload", NULL), 1, 5), cases[i].row);
        assert_string_equal(mk_guest_rows(&g, "ldpreload", "pid=1"), "");
        mk_free(g.k);
    }
}

/* ---- spoofed ---- */

static void spoofed(void **state)
{
    static const struct {
        const char *comm, *exe, *args; // of @args each NUL is a '\n'
        const char *reason;
        int score;
    } cases[] = {
        { "prog", "prog", "prog\n-x\n", "", 0 },
        { "prog", "prog", "/usr/bin/prog\n", "", 0 },
        { "bash", "bash", "-bash\n", "", 0 },
        { "a-name-of-more-", "a-name-of-more-than-15", "a-name-of-more-than-15\n", "", 0 },
        { "kworker/0:1", "prog", "prog\n",
          "comm is a kernel thread's, the process has user memory; comm was changed: argv[0] and "
          "exe agree",
          3 },
        { "own_thread", "prog", "prog\n", // as a kernel thread of this machine
          "comm is a kernel thread's, the process has user memory; comm was changed: argv[0] and "
          "exe agree",
          3 },
        { "prog", "prog", "[kthreadd]\n",
          "argv[0] is a kernel thread's, the process has user memory; argv[0] is not exe's name",
          3 },
        { "[kthreadd]", "[kthreadd]", "[kthreadd]\n", // no program of a package has such a name
          "argv[0] is a kernel thread's, the process has user memory", 3 },
        { "prog", "prog", "", "no argv[0]", 2 },
        { "prog", "prog", "\n", "no argv[0]", 2 },
        { "pr\tog", "pr\tog", "pr\tog\n", "control characters in a name", 3 },
        { "prog ", "prog ", "prog \n",
          "comm begins or ends with a blank; argv[0] is not exe's name", 2 },
        { " prog", " prog", " prog\n", "comm begins or ends with a blank", 2 },
        { "run", "python3", "python3\n/opt/run\n", "comm is a script's, exe its interpreter", 0 },
        { "run", "python3", "python3\n/opt/walk\n", "comm was changed: argv[0] and exe agree", 2 },
        { "other", "prog", "third\n", "comm is neither exe's nor argv[0]'s", 2 },
        { "ls", "busybox", "ls\n",
          "exe has another name than comm and argv[0]: started by a link, or named so", 1 },
        { "nginx", "nginx", "nginx: worker\n", "argv[0] is a title", 0 },
        { "nginx", "nginx", "apache: worker\n", "argv[0] is not exe's name", 2 },
        { "nginx", "nginx", "apache\n", "argv[0] is not exe's name", 2 },
        { "python3", "python3.11", "python3\n-x\n",
          "exe is a version of the name that comm and argv[0] have", 0 },
        { "python3.11", "python3.11", "/usr/bin/python\n",
          "exe is a version of the name that argv[0] has", 0 },
        { "python", "python-evil", "python\n",
          "exe has another name than comm and argv[0]: started by a link, or named so", 1 },
        { "python3.11", "python3.11", "pytho\n", "argv[0] is not exe's name", 2 },
        { "(sd-pam)", "systemd", "(sd-pam)\n",
          "systemd, before it runs a service or to keep a session", 0 },
        { "(httpd)", "systemd-executor", "(httpd)\n",
          "systemd, before it runs a service or to keep a session", 0 },
        { "(sd-pam)", "prog", "(sd-pam)\n",
          "exe has another name than comm and argv[0]: started by a link, or named so", 1 },
        { "init", "systemd", "init\n",
          "exe has another name than comm and argv[0]: started by a link, or named so", 1 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t, kt, mm;
        char args[64], score[] = { (char)('0' + cases[i].score), 0 };
        size_t n = strlen(cases[i].args);

        kt = mk_guest_task(&g, 2, "own_thread", 0);
        mk_put(g.k, kt, "task_struct.flags", MK_KTHREAD);
        t = mk_guest_task(&g, 50, cases[i].comm, init);
        memcpy(args, cases[i].args, n);
        for (char *p = args; (p = memchr(p, '\n', (size_t)(args + n - p)));)
            *p = 0;
        mm = mk_guest_mm(&g, t, args, n, "A=1", 4);
        mk_put(g.k, mm, "mm_struct.exe_file",
               mk_guest_file(&g, mk_guest_dentry(&g, g.top, cases[i].exe)));
        assert_string_equal(mk_columns(mk_guest_rows(&g, "spoofed", NULL), 6, 6), cases[i].reason);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "spoofed", "unexplained"), 6, 6),
                            cases[i].score < 2 ? "" : cases[i].reason);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "spoofed", NULL), 0, 0),
                            *cases[i].reason ? score : "");
        assert_string_equal(mk_guest_rows(&g, "spoofed", "pid=1"), "");
        mk_free(g.k);
    }
}

static void suspicious_programs(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 50, "x", init);
        uint64_t d = mk_guest_dentry(&g, 0, "memfd:x"), ops = mk_object(g.k, "dentry_operations");
        uint64_t mm = MK_MM(&g, t, "x\0", ""), file = mk_guest_file(&g, d);

        mk_put(g.k, ops, "dentry_operations.d_dname", 0x1234);
        mk_put(g.k, d, "dentry.d_op", ops);
        mk_guest_unlink(&g, d);
        mk_put(g.k, mm, "mm_struct.exe_file", file);
        assert_string_equal(mk_guest_rows(&g, "spoofed", NULL),
                            "3|50|1|x|x|/memfd:x (deleted)|the program is a memory file");
        mk_put(g.k, mm, "mm_struct.exe_file", 0x10000);
        assert_string_equal(mk_guest_rows(&g, "spoofed", NULL),
                            "2|50|1|x|x|-|the program's path cannot be read");
        mk_put(g.k, mm, "mm_struct.exe_file", 0);
        assert_string_equal(mk_guest_rows(&g, "spoofed", NULL), "");
        mk_free(g.k);
    }
}

/* The file that a process is said to run is mapped, itself or through overlayfs. */
static void spoofed_program(void **state)
{
    enum { OWN, OTHER, SAME_PATH, NO_FILE, NOTHING };
    static const char *const gone =
        "3|50|1|prog|prog|/prog|none of its mappings is of its program: changed by prctl, or "
        "unmapped as packers do";

    (void)state;
    mk_each_machine(m) for (int what = OWN; what <= NOTHING; what++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 50, "prog", init);
        uint64_t mm = MK_MM(&g, t, "prog\0", ""), d = mk_guest_dentry(&g, g.top, "prog");
        uint64_t file = mk_guest_file(&g, d), below = mk_object(g.k, "inode");

        mk_put(g.k, mm, "mm_struct.exe_file", file);
        if (what == OTHER)
            file = mk_guest_file(&g, mk_guest_dentry(&g, g.top, "lib"));
        if (what == SAME_PATH) {
            file = mk_guest_file(&g, d);
            mk_put(g.k, file, "file.f_inode", below);
        }
        if (what != NOTHING)
            mk_guest_vma(&g, mm, 10, 1, EXEC, what == NO_FILE ? 0 : file);
        assert_string_equal(mk_guest_rows(&g, "spoofed", NULL),
                            what == OTHER || what == NO_FILE ? gone : "");
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setuid),          cmocka_unit_test(setuid_columns),
        cmocka_unit_test(ldpreload),       cmocka_unit_test(ldpreload_file),
        cmocka_unit_test(spoofed),         cmocka_unit_test(suspicious_programs),
        cmocka_unit_test(spoofed_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
