/* coverage_test.c - what is looked for follows from what plugins declare. */
#include "../../../cli/coverage.c"
#include "../../../lua/library.h"
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

static int setup(void **state)
{
    (void)state;
    return eg_registry_init(NULL) || eg_lua_add_own(NULL);
}

/* If a plugin used other words, the same thing would be in both lists. */
static void own_plugins_use_these_words(void **state)
{
    const struct eg_plugin_reg *reg;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; (reg = eg_plugin_nth(i)); i++) {
        for (const char *const *w = reg->plugin->looks_for; w && *w; w++, n++)
            if (!is_expected(*w))
                fail_msg("%s looks for '%s', which is not in cli/coverage.c", reg->name, *w);
        if (strstr(reg->file, "plugins/integrity/") && !reg->plugin->looks_for)
            fail_msg("%s does not declare what it looks for", reg->name);
    }
    assert_true(n >= 6);
}

static const struct eg_plugin scans = {
    .help = "x",
    .columns = columns,
    .run = run,
    .looks_for = EG_NAMES("changed firmware", "miners"),
};
static const struct eg_plugin too = {
    .help = "x",
    .columns = columns,
    .run = run,
    .looks_for = EG_NAMES("changed firmware"),
};
static const struct eg_plugin shows = { .help = "x", .columns = columns, .run = run };

/* What a plugin declares is looked for, from the moment that it is registered. */
static void moves_with_the_plugin(void **state)
{
    static const struct eg_plugin_reg scans_reg = { "scans-firmware", __FILE__, &scans },
                                      too_reg = { "views-firmware", __FILE__, &too },
                                      shows_reg = { "shows-firmware", __FILE__, &shows };
    struct eg_arena a = { 0 };

    (void)state;
    look_for(&shows_reg);
    assert_true(lists(cli_not_looked_for(&a), "changed firmware")); // not by its name
    assert_false(lists(cli_looked_for(&a), "changed firmware"));
    assert_true(lists(cli_looked_for(&a), "memory that the image lacks (quality)"));
    assert_true(lists(cli_looked_for(&a), "preloaded libraries (ldpreload)")); // in Lua
    assert_false(lists(cli_not_looked_for(&a), "memory that the image lacks"));
    look_for(&scans_reg);
    look_for(&too_reg);
    assert_true(lists(cli_looked_for(&a), "changed firmware (scans-firmware, views-firmware)"));
    assert_true(lists(cli_looked_for(&a), "miners (scans-firmware)"));
    assert_false(lists(cli_not_looked_for(&a), "changed firmware"));
    eg_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(own_plugins_use_these_words),
                                        cmocka_unit_test(moves_with_the_plugin) };

    return cmocka_run_group_tests(tests, setup, NULL);
}
