/* coverage_test.c - what nothing looks for is what no plugin is there for. */
#include "../../../cli/coverage.c"
#include "check.h"

void cli_warn(const struct cli *c, const char *format, ...)
{
    (void)c, (void)format;
}

static const struct eg_column columns[] = { { "PID", EG_COL_INT, "" }, { NULL, EG_COL_INT, NULL } };

static int run(struct eg_run *r)
{
    (void)r;
    return 0;
}

static void look_for(const struct eg_plugin_reg *reg)
{
    const struct eg_plugin_reg *const regs[] = { reg };
    const struct eg_module m = { .abi = EG_ABI, .plugins = regs, .plugins_end = regs + 1 };
    struct eg_error e;

    assert_int_equal(eg_registry_add(&m, &e), 0);
}

static bool lists(const char *list, const char *what)
{
    return list && strstr(list, what);
}

/* By its name, by an alias as Volatility has it, and not by a name that is only close. */
static void moves_with_the_plugin(void **state)
{
    static const char *const aliases[] = { "linux.check_syscall.Check_syscall", NULL };
    static const struct eg_plugin plugin = { .help = "x", .columns = columns, .run = run };
    static const struct eg_plugin with_alias = {
        .help = "x", .columns = columns, .run = run, .aliases = aliases
    };
    static const struct eg_plugin_reg psscan = { "psscan", __FILE__, &plugin },
                                      calls = { "calls", __FILE__, &with_alias },
                                      close_one = { "lsofs", __FILE__, &plugin };
    struct eg_arena a = { 0 };
    struct eg_error e;

    (void)state;
    assert_int_equal(eg_registry_init(&e), 0);
    assert_true(lists(cli_not_looked_for(&a), "hidden processes"));
    assert_false(lists(cli_looked_for(&a), "hidden processes"));
    assert_true(lists(cli_looked_for(&a), "memory that the image lacks (quality)"));
    assert_false(lists(cli_not_looked_for(&a), "memory that the image lacks"));
    look_for(&psscan);
    look_for(&calls);
    look_for(&close_one);
    assert_true(lists(cli_looked_for(&a), "hidden processes (psscan)"));
    assert_true(lists(cli_looked_for(&a), "changed system calls (calls)"));
    assert_false(lists(cli_not_looked_for(&a), "hidden processes"));
    assert_false(lists(cli_not_looked_for(&a), "changed system calls"));
    assert_true(lists(cli_not_looked_for(&a), "open files"));
    eg_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(moves_with_the_plugin) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
