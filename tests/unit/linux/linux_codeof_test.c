/* linux_codeof_test.c - whose code an address is, where a pointer may lead, and which members of a
 * struct lead to functions. */
#include "../../../core/profile.h"
#include "../../../core/system.h"
#include "../../../plugins/linux/kernel/codeof.h"
#include "../../../plugins/linux/kernel/fnmembers.h"
#include "../../../plugins/linux/kernel/module.h"
#include "check.h"
#include "mkguest.h"

#define USES                                                                                       \
    "struct module_use { struct list_head source_list, target_list;"                               \
    "  struct module *source, *target; };"                                                         \
    "struct file_system_type { const char *name; };"
#define MODULE                                                                                     \
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"       \
    "  struct list_head source_list, target_list;"

static const char *const layouts[] = { // until 6.3
    "struct file_system_type { const char *name; };",
    "struct module_layout { void *base; unsigned int size, text_size, ro_size; };" //
    MODULE " struct module_layout core_layout; };" USES,
    NULL
};
static const char *const memories[] = {
    "struct file_system_type { const char *name; };",
    "struct module_memory { void *base; unsigned int size; };" //
    MODULE " struct module_memory mem[7]; };" USES,
    NULL
};

enum { PART = 64 };

/* @return where its code begins; constants follow, then data. */
static uint64_t module_of(struct mk *k, uint64_t list, const char *name, bool layout, uint64_t *at)
{
    const uint64_t m = mk_object(k, "module"), base = mk_alloc_aligned(k, 3 * PART, PART);

    mk_puts(k, m, "module.name", name);
    mk_list(k, mk_at(k, m, "module.target_list"), NULL, 0);
    mk_list_append(k, list, mk_at(k, m, "module.list"));
    if (layout) {
        mk_put(k, m, "module.core_layout.base", base);
        mk_put(k, m, "module.core_layout.size", 3 * PART);
        mk_put(k, m, "module.core_layout.text_size", PART);
        mk_put(k, m, "module.core_layout.ro_size", 2 * PART);
    } else {
        const unsigned size = 2 * mk_model(k)->ptr_size; // of one part, padded
        const uint64_t mem = mk_at(k, m, "module.mem");

        for (unsigned i = 0; i < 3; i++) { // code, data, constants
            static const unsigned order[] = { 0, 2, 1 };

            mk_put(k, mem + i * size, "module_memory.base", base + order[i] * PART);
            mk_put(k, mem + i * size, "module_memory.size", PART);
        }
    }
    *at = m;
    return base;
}

struct asked {
    uint64_t one, other;
    bool used;
};

static int ask(struct eg_run *r, void *context)
{
    const struct asked *a = context;
    const char *foreign = "constants of a module lead into one that it does not use";
    struct linux_codeof code;

    linux_codeof(r, a->other, &code);
    assert_int_equal(code.kind, LINUX_CODE_MODULE);
    assert_string_equal(code.module, "other");
    assert_true(linux_uses_module(r, "one", "other") == a->used);
    assert_false(linux_uses_module(r, "other", "one"));
    assert_int_equal(linux_whose_code(linux_codes(r), a->one + PART, NULL), LINUX_CODE_DATA);
    assert_null(linux_pointer_hint(r, a->one + 2 * PART, &code)); // of data
    assert_null(linux_pointer_hint(r, a->other + PART, &code));   // its own
    if (a->used)
        assert_null(linux_pointer_hint(r, a->one + PART, &code));
    else
        assert_string_equal(linux_pointer_hint(r, a->one + PART, &code), foreign);
    return 0;
}

static void pointers(void **state)
{
    (void)state;
    mk_each_machine(m) for (int i = 0; i < 4; i++)
    {
        const bool layout = i & 1, used = i & 2;
        struct mk_guest g = mk_guest(m, layout ? layouts : memories);
        const uint64_t list = mk_object(g.k, "list_head"), text = mk_alloc(g.k, PART);
        uint64_t one, other, use;
        struct asked a = { .used = used };

        mk_list(g.k, list, NULL, 0);
        mk_symbol(g.k, "modules", list);
        mk_symbol(g.k, "_stext", text);
        mk_symbol(g.k, "_etext", text + PART);
        a.one = module_of(g.k, list, "one", layout, &one);
        a.other = module_of(g.k, list, "other", layout, &other);
        use = mk_object(g.k, "module_use");
        mk_put(g.k, use, "module_use.target", other);
        if (used)
            mk_list_append(g.k, mk_at(g.k, one, "module.target_list"),
                           mk_at(g.k, use, "module_use.target_list"));
        mk_guest_rows(&g, "lsmod", NULL); // from now on it is Linux
        assert_int_equal(eg_run_do(mk_run(g.k), ask, &a), 0);
        mk_free(g.k);
    }
}

/* ---- members ---- */

#define TIMES_16(type) type " a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5; };"
/* Before late some has 4,369 members, with those of members, and many 69,905. */
static const char *const wide[] = { "struct file_system_type { const char *name; };",
                                    "struct w0 { int " TIMES_16("")                     //
                                    "struct w1 { struct w0" TIMES_16("")                //
                                    "struct w2 { struct w1" TIMES_16("")                //
                                    "struct w3 { struct w2" TIMES_16("")                //
                                    "struct some { struct w2 w; void (*late)(void); };" //
                                    "struct many { struct w3 w; void (*late)(void); };" //
                                    "struct file_system_type { const char *name; };",
                                    NULL };

static int count(struct eg_run *r, void *context)
{
    static const char *const names[] = { "some", "many" };

    (void)context;
    for (unsigned i = 0; i < countof(names); i++) {
        uint64_t iter = 0;
        const uint32_t id =
            eg_types_named(&eg_system_of(r)->types, names[i], NULL, 1u << EG_T_STRUCT, &iter);
        const struct linux_fnmembers *all = linux_fnmembers(r, id);

        assert_int_equal(all->functions, i == 0); // the other was made to take long
        if (all->n)
            assert_string_equal(all->at[0].name, "late");
    }
    return 0;
}

static void many_members(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, wide);

        assert_int_equal(eg_run_do(mk_run(g.k), count, NULL), 0);
        mk_free(g.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers),
        cmocka_unit_test(many_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
