/* procfs_test.c - names below /proc: what is there, where links lead, and what is not there. */
#include "../../../core/run.h"
#include "../../../live/procfs.h"
#include "check.h"
#include "mkgdb.h"
#include <stdio.h>
#include <stdlib.h>

static void texts(void **state)
{
    static const struct {
        const char *path, *want; // NULL: no such file
    } cases[] = {
        { "/proc/700/comm", "two\n" },
        { "//proc//700//comm", "two\n" },
        { "/proc/701/comm", "a<&\"\033\\}\n" }, // a thread's id will do
        { "/proc/700/task/701/comm", "a<&\"\033\\}\n" },
        { "/proc/2/maps", "" },
        { "/proc/2/statm", "0 0 0 0 0 0 0\n" },
        { "/proc/700/maps", "00401000-00402000 r-xp 00000000 00:00 0 \n"
                            "00403000-00404000 rw-p 00000000 00:00 0 \n" },
        { "/proc/700/task/1/comm", NULL }, // of another process
        { "/proc/1/task/1/task/1/comm", NULL },
        { "/proc/0700/comm", NULL },
        { "/proc/700x/comm", NULL },
        { "/proc/4294967996/comm", NULL }, // 700 in 32 bits
        { "/proc/-1/comm", NULL },
        { "/proc/700/comm/x", NULL },
        { "/proc/700/com", NULL },
        { "/proc/700/commx", NULL },
        { "/proc/700", NULL },
        { "/proc/../proc/700/comm", NULL },
        { "/proc", NULL },
        { "/", NULL },
        { "", NULL },
        { "/process/700/comm", NULL },
        { "/proc/comm", NULL },
    };
    struct mk_gdb d = mk_gdb();
    struct eg_error e;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        char *text = NULL;
        size_t len = 0;
        const int rc = procfs_text(eg_system_of(d.r), cases[i].path, &text, &len, &e);

        if (rc ? cases[i].want != NULL
               : !cases[i].want || len != strlen(cases[i].want) || strcmp(text, cases[i].want) != 0)
            fail_msg("%s: %d '%s'", cases[i].path, rc, rc ? e.text : text);
        assert_true(!rc || rc == -EG_ENOTFOUND);
        free(text);
    }
    mk_gdb_free(&d);
}

static bool add(void *context, const char *name, enum procfs_kind kind)
{
    char *all = context;

    snprintf(all + strlen(all), 1000 - strlen(all), "%s%c ", name, " f@/"[kind]);
    return true;
}

static bool stop(void *context, const char *name, enum procfs_kind kind)
{
    add(context, name, kind);
    return false;
}

static int names(struct eg_run *r, void *context)
{
    char all[1000] = "";

    (void)context;
    assert_true(procfs_each(r, "/proc/700/task", add, all));
    assert_string_equal(all, "700/ 701/ ");
    *all = 0;
    assert_true(procfs_each(r, "/proc/", add, all));
    assert_string_equal(all, "1/ 2/ 700/ cmdlinef modulesf versionf ");
    *all = 0;
    assert_true(procfs_each(r, "/proc/700/task/701", add, all));
    assert_null(strstr(all, "task"));
    assert_non_null(strstr(all, "statusf "));
    assert_non_null(strstr(all, "fd/ "));
    *all = 0;
    assert_true(procfs_each(r, "/proc/700", add, all));
    assert_non_null(strstr(all, "root@ "));
    *all = 0;
    assert_true(procfs_each(r, "/proc", stop, all));
    assert_string_equal(all, "1/ ");
    assert_false(procfs_each(r, "/proc/700/comm", add, all));
    assert_false(procfs_each(r, "/proc/9", add, all));
    assert_int_equal(procfs_kind(r, "/proc/700"), PROCFS_FOLDER);
    assert_int_equal(procfs_kind(r, "/proc/700/stat"), PROCFS_FILE);
    assert_int_equal(procfs_kind(r, "/proc/700/root"), PROCFS_LINK);
    assert_int_equal(procfs_kind(r, "/proc/700/exe"), PROCFS_NONE); // it has none here
    assert_int_equal(procfs_kind(r, "/proc/700/fd/3"), PROCFS_NONE);
    assert_string_equal(procfs_link(r, "/proc/700/root"), "/");
    assert_null(procfs_link(r, "/proc/700/comm"));
    return 0;
}

static void folders(void **state)
{
    struct mk_gdb d = mk_gdb();

    (void)state;
    assert_int_equal(eg_run_do(d.r, names, NULL), 0);
    mk_gdb_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(folders),
    };
    struct eg_error e;

    if (eg_registry_init(&e))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
