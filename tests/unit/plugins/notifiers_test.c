/* notifiers_test.c - which variables are chains of notifiers, and what is odd about blocks. */
#include "check.h"
#include "mkguest.h"

static const char *const types[] = {
    "struct file_system_type { const char *name; };",
    "struct module_layout { void *base; unsigned int size, text_size; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct list_head source_list, target_list; struct module_layout core_layout; };"
    "struct notifier_block { int (*notifier_call)(void); struct notifier_block *next;"
    "  int priority; };"
    "struct rw_semaphore { unsigned long count; struct list_head wait_list; };"
    "struct raw_notifier_head { struct notifier_block *head; };"
    "struct atomic_notifier_head { u32 lock; struct notifier_block *head; };"
    "struct blocking_notifier_head { struct rw_semaphore rwsem; struct notifier_block *head; };"
    "struct file_system_type { const char *name; };",
    NULL,
};

struct scene {
    struct mk_guest g;
    struct mk *k;
    unsigned ptr;
    uint64_t keys, reboot, devices, other; /* chains: atomic, blocking, raw; and no chain */
    uint64_t restart;                      /* one more that is atomic */
    uint64_t own;                          /* a block in the kernel's memory */
    uint64_t first, second;                /* functions */
    uint64_t rk;                           /* code of a module */
};

static uint64_t sized(struct scene *s, const char *symbol, uint64_t size)
{
    const uint64_t at = mk_alloc(s->k, size);

    mk_symbol_sized(s->k, symbol, at, (uint32_t)size);
    return at;
}

static struct scene make(const struct mk_machine *m)
{
    struct scene s = { .g = mk_guest(m, types) };
    uint64_t list, module, base;

    s.k = s.g.k;
    s.ptr = mk_model(s.k)->ptr_size;
    s.keys = sized(&s, "keyboard_notifier_list", 2 * s.ptr);
    s.reboot = sized(&s, "reboot_notifier_list", 4 * s.ptr);
    s.devices = sized(&s, "netdev_chain", s.ptr);
    s.other = sized(&s, "keyboard_state", 2 * s.ptr); // named otherwise
    s.restart = sized(&s, "restart_handler_list", 2 * s.ptr);
    s.own = mk_object(s.k, "notifier_block");
    s.first = sized(&s, "first", 64);
    s.second = sized(&s, "second", 64);
    mk_symbol(s.k, "_stext", s.first);
    mk_symbol(s.k, "_etext", s.second + 64);
    list = mk_object(s.k, "list_head");
    module = mk_object(s.k, "module");
    base = mk_alloc_aligned(s.k, 512, 64);
    mk_puts(s.k, module, "module.name", "rk");
    mk_put(s.k, module, "module.core_layout.base", base);
    mk_put(s.k, module, "module.core_layout.size", 512);
    mk_put(s.k, module, "module.core_layout.text_size", 256);
    mk_list_append(s.k, list, mk_at(s.k, module, "module.list"));
    mk_symbol(s.k, "modules", list);
    s.rk = base;
    mk_list(s.k, mk_at(s.k, s.reboot, "blocking_notifier_head.rwsem.wait_list"), NULL, 0);
    return s;
}

static uint64_t block(struct scene *s, uint64_t at, uint64_t function, uint64_t next, int priority)
{
    if (!at)
        at = mk_object(s->k, "notifier_block");
    mk_put(s->k, at, "notifier_block.notifier_call", function);
    mk_put(s->k, at, "notifier_block.next", next);
    mk_put(s->k, at, "notifier_block.priority", (uint64_t)(int64_t)priority);
    return at;
}

static void chains(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t b = block(&s, 0, s.second, 0, -5), a = block(&s, 0, s.first, b, 7);
        const uint64_t head = mk_at(s.k, s.keys, "atomic_notifier_head.head");

        assert_string_equal(mk_guest_rows(&s.g, "notifiers", NULL), "");
        assert_int_equal(mk_row_notes("no chain"), 1);
        mk_write_ptr(s.k, head, a);
        mk_put(s.k, s.reboot, "blocking_notifier_head.head", b);
        mk_write_ptr(s.k, s.devices, b);
        mk_write_ptr(s.k, s.other, b);
        mk_write_ptr(s.k, mk_at(s.k, s.restart, "atomic_notifier_head.head"), a);
        // TABLE KIND PRIORITY; SYMBOL MODULE; HINTS
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 0, 2),
                            "keyboard_notifier_list|atomic|7\nkeyboard_notifier_list|atomic|-5\n"
                            "reboot_notifier_list|blocking|-5\nnetdev_chain|raw|-5\n"
                            "restart_handler_list|atomic|7\nrestart_handler_list|atomic|-5");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 4, 5),
                            "first|kernel\nsecond|kernel\nsecond|kernel\nsecond|kernel\n"
                            "first|kernel\nsecond|kernel");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 7, 7), "\n\n\n\n\n");
        assert_int_equal(mk_row_notes("chain"), 0);
        block(&s, b, s.second, a, -5); // a circle
        mk_guest_rows(&s.g, "notifiers", NULL);
        assert_int_equal(mk_row_notes("the chain does not end"), 4);
        block(&s, b, s.second, 8, -5);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 2, 2),
                            "7\n-5\n7\n-5");
        assert_int_equal(mk_row_notes("the block at 0x8 cannot be read"), 2);
        mk_write_u32(s.k, s.keys, 1); // somebody holds the lock: it is not read as a chain
        mk_write_ptr(s.k, mk_at(s.k, s.reboot, "blocking_notifier_head.rwsem.wait_list"),
                     mk_object(s.k, "list_head")); // who waits
        mk_write_ptr(s.k, s.devices, s.own);       // no code
        mk_write_u32(s.k, s.restart, 1);
        assert_string_equal(mk_guest_rows(&s.g, "notifiers", NULL), "");
        mk_free(s.k);
    }
}

static void hints(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t head = mk_at(s.k, s.keys, "atomic_notifier_head.head");
        uint64_t b = block(&s, 0, s.second + 8, 0, 9), a;

        mk_write_ptr(s.k, head, b);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 7, 7),
                            "inside a function");
        block(&s, b, s.rk, 0, 9); // a module's block, or one that was allocated
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 7, 7), "");
        a = block(&s, 0, s.first, b, 8); // put before it by hand
        mk_write_ptr(s.k, head, a);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 7, 7),
                            "\nout of order: not put there by the kernel's function");
        mk_write_ptr(s.k, head, block(&s, s.own, s.rk, 0, 0));
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 7, 7),
                            "a block of the kernel leads into a module");
        mk_write_ptr(s.k, head, a); // a circle
        block(&s, b, s.rk, a, 8);
        mk_guest_rows(&s.g, "notifiers", NULL);
        assert_int_equal(mk_row_notes("does not end"), 1);
        mk_free(s.k);
    }
}

/* Code of AArch64 at @at that uses @target: adrp x0; add x0, x0. */
static void uses(struct scene *s, uint64_t at, uint64_t target)
{
    const uint32_t pages = (uint32_t)(((target & ~UINT64_C(4095)) - (at & ~UINT64_C(4095))) >> 12);

    mk_write_u32(s->k, at, 0x90000000 | (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5);
    mk_write_u32(s->k, at + 4, 0x91000000 | (uint32_t)(target & 4095) << 10);
}

/* Where no variable has a symbol: by the function that registers for the chain. */
static void by_function(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = { .g = mk_guest(m, types) };
        uint64_t text, chain, decoy, b, after;

        if (!m->arch || strcmp(m->arch, "aarch64") != 0) {
            mk_free(s.g.k);
            continue;
        }
        s.k = s.g.k;
        s.ptr = mk_model(s.k)->ptr_size;
        chain = mk_alloc(s.k, 2 * s.ptr);
        decoy = mk_alloc(s.k, 2 * s.ptr);
        text = mk_alloc(s.k, 256);
        mk_symbol(s.k, "_stext", text);
        mk_symbol_sized(s.k, "register_lab_notifier", text + 8, 8);
        mk_symbol_sized(s.k, "unregister_lab_notifier", text + 16, 8);
        mk_symbol_sized(s.k, "register_lab_driver", text + 24, 8);
        mk_symbol_sized(s.k, "on_event", text + 128, 8);
        mk_symbol(s.k, "_etext", text + 256);
        uses(&s, text + 8, chain);
        uses(&s, text + 16, decoy);
        uses(&s, text + 24, decoy);
        after = block(&s, 0, text + 128, 0, 1);
        b = block(&s, 0, text + 128, after, 2);
        mk_write_ptr(s.k, chain + s.ptr, b);
        mk_write_ptr(s.k, decoy + s.ptr, b);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "notifiers", NULL), 0, 2),
                            "(register_lab_notifier)|atomic|2\n(register_lab_notifier)|atomic|1");
        block(&s, after, chain, 0, 1); // what it leads to is no code: it was no chain
        assert_string_equal(mk_guest_rows(&s.g, "notifiers", NULL), "");
        mk_free(s.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(chains), cmocka_unit_test(hints),
                                               cmocka_unit_test(by_function) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
