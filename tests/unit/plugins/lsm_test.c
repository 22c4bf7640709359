/* lsm_test.c - hooks of security modules: lists until 6.11, static calls since. */
#include "check.h"
#include "mkguest.h"

#define HOOKS                                                                                      \
    "struct file_system_type { const char *name; };"                                               \
    "struct module_layout { void *base; unsigned int size, text_size; };"                          \
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"       \
    "  struct list_head source_list, target_list; struct module_layout core_layout; };"            \
    "union security_list_options { int (*file_open)(void); void (*task_kill)(void); };"

static const char *const lists[] = {
    "struct file_system_type { const char *name; };",
    HOOKS "struct security_hook_heads { struct hlist_head file_open, task_kill; };"
          "struct security_hook_list { struct hlist_node list; struct hlist_head *head;"
          "  union security_list_options hook; const char *lsm; };",
    NULL,
};
static const char *const calls[] = {
    "struct file_system_type { const char *name; };",
    HOOKS "struct static_call_key { void *func; };"
          "struct lsm_id { const char *name; u64 id; };"
          "struct lsm_static_call { struct static_call_key *key; void *trampoline;"
          "  struct security_hook_list *hl; void *active; };"
          "struct lsm_static_calls_table { struct lsm_static_call file_open[2], task_kill[2]; };"
          "struct security_hook_list { struct lsm_static_call *scalls;"
          "  union security_list_options hook; struct lsm_id *lsmid; };",
    NULL,
};

struct scene {
    struct mk_guest g;
    struct mk *k;
    unsigned ptr;
    uint64_t table, first, second, rk;
};

static uint64_t function(struct mk *k, const char *name)
{
    const uint64_t at = mk_alloc(k, 64);

    mk_symbol_sized(k, name, at, 64);
    return at;
}

static struct scene make(const struct mk_machine *m, const char *const *types, const char *type,
                         const char *symbol)
{
    struct scene s = { .g = mk_guest(m, types) };
    uint64_t list, module;

    s.k = s.g.k;
    s.ptr = mk_model(s.k)->ptr_size;
    s.table = mk_object(s.k, type);
    mk_symbol(s.k, symbol, s.table);
    s.first = function(s.k, "cap_open");
    s.second = function(s.k, "cap_kill");
    mk_symbol(s.k, "_stext", s.first);
    mk_symbol(s.k, "_etext", s.second + 64);
    list = mk_object(s.k, "list_head");
    module = mk_object(s.k, "module");
    s.rk = mk_alloc_aligned(s.k, 512, 64);
    mk_puts(s.k, module, "module.name", "rk");
    mk_put(s.k, module, "module.core_layout.base", s.rk);
    mk_put(s.k, module, "module.core_layout.size", 512);
    mk_put(s.k, module, "module.core_layout.text_size", 256);
    mk_list_append(s.k, list, mk_at(s.k, module, "module.list"));
    mk_symbol(s.k, "modules", list);
    return s;
}

static const char *hints(struct scene *s)
{
    return mk_columns(mk_guest_rows(&s->g, "lsm", NULL), 7, 7);
}

static void in_lists(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m, lists, "security_hook_heads", "security_hook_heads");
        const uint64_t hook = mk_object(s.k, "security_hook_list");
        const uint64_t head = mk_at(s.k, s.table, "security_hook_heads.task_kill");

        assert_string_equal(mk_guest_rows(&s.g, "lsm", NULL), "");
        mk_write_ptr(s.k, head, mk_at(s.k, hook, "security_hook_list.list"));
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.list") + s.ptr, head);
        mk_put(s.k, hook, "security_hook_list.head", head);
        mk_put(s.k, hook, "security_hook_list.lsm", mk_text(s.k, "capability"));
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.hook"), s.second);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "lsm", NULL), 0, 2),
                            "task_kill|0|capability");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "lsm", NULL), 4, 5), "cap_kill|kernel");
        assert_string_equal(hints(&s), "");
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.hook"), s.rk);
        assert_string_equal(hints(&s), "a hook of the kernel leads into a module");
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.hook"), s.second + 4);
        assert_string_equal(hints(&s), "inside a function");
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.hook"), s.second);
        mk_put(s.k, hook, "security_hook_list.head", s.table);
        assert_string_equal(hints(&s),
                            "it is of another hook: not put there by the kernel's function");
        mk_free(s.k);
    }
}

static void in_calls(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m, calls, "lsm_static_calls_table", "static_calls_table");
        const uint64_t hook = mk_object(s.k, "security_hook_list"), id = mk_object(s.k, "lsm_id");
        const uint64_t key = mk_object(s.k, "static_call_key");
        const uint64_t kill = mk_at(s.k, s.table, "lsm_static_calls_table.task_kill");
        const uint64_t call = kill + mk_at(s.k, 0, "lsm_static_call.active") + s.ptr; // the second

        mk_put(s.k, call, "lsm_static_call.key", key); // nobody's
        assert_string_equal(mk_guest_rows(&s.g, "lsm", NULL), "");
        mk_put(s.k, key, "static_call_key.func", s.first);
        assert_string_equal(hints(&s), "it is called, and nobody registered it");
        mk_put(s.k, call, "lsm_static_call.hl", hook);
        mk_put(s.k, hook, "security_hook_list.scalls", kill);
        mk_put(s.k, hook, "security_hook_list.lsmid", id);
        mk_put(s.k, id, "lsm_id.name", mk_text(s.k, "yama"));
        mk_write_ptr(s.k, mk_at(s.k, hook, "security_hook_list.hook"), s.first);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "lsm", NULL), 0, 2), "task_kill|1|yama");
        assert_string_equal(hints(&s), "");
        mk_put(s.k, key, "static_call_key.func", s.second);
        assert_string_equal(hints(&s), "what is called is another function: cap_kill");
        mk_put(s.k, key, "static_call_key.func", s.first);
        mk_put(s.k, hook, "security_hook_list.scalls", s.table);
        assert_string_equal(hints(&s),
                            "it is of another hook: not put there by the kernel's function");
        mk_free(s.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(in_lists),
                                               cmocka_unit_test(in_calls) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
