/* linux_user_test.c - what is read of processes' own memory: command lines, environment, mappings.
 */
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

#define TASK_TYPES                                                                                 \
    MK_LIST_TYPES                                                                                  \
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"     \
    "struct rb_root { struct rb_node *rb_node; };"                                                 \
    "struct vm_special_mapping { char *name; };"                                                   \
    "struct vm_operations_struct { char *(*name)(void *); };"                                      \
    "struct anon_vma_name { int kref; char name[0]; };"                                            \
    "struct vm_area_struct { unsigned long vm_start, vm_end; struct mm_struct *vm_mm;"             \
    "  unsigned long vm_flags, vm_pgoff; struct file *vm_file;"                                    \
    "  struct vm_operations_struct *vm_ops; void *vm_private_data;"                                \
    "  union { struct { struct rb_node rb; } shared; struct anon_vma_name *anon_name; };"          \
    "  struct vm_area_struct *vm_next; struct rb_node vm_rb; };"                                   \
    "struct mm_struct { struct vm_area_struct *mmap; struct rb_root mm_rb; int map_count;"         \
    "  unsigned long start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end;"         \
    "  void *pgd; };"                                                                              \
    "struct task_struct { unsigned int flags; struct list_head tasks; int pid, tgid;"              \
    "  struct task_struct *real_parent, *group_leader; struct mm_struct *mm; char comm[16]; };"

enum { RAM = 1 << 20, KTHREAD = 0x00200000, USER = 0x10000, VMAS = 5 };

struct world {
    struct mk *k;
    const struct mk_machine *m;
    uint64_t task, mm, root, page[2], user; // user: where page[0] is mapped, page[1] behind it
};

static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, RAM, TASK_TYPES), .m = m };
    uint64_t init = mk_object(w.k, "task_struct"), link;

    w.task = mk_object(w.k, "task_struct");
    link = mk_at(w.k, w.task, "task_struct.tasks");
    mk_list(w.k, mk_at(w.k, init, "task_struct.tasks"), &link, 1);
    mk_put(w.k, w.task, "task_struct.pid", 1);
    mk_put(w.k, w.task, "task_struct.tgid", 1);
    mk_put(w.k, w.task, "task_struct.real_parent", init);
    mk_puts(w.k, w.task, "task_struct.comm", "prog");
    w.mm = mk_object(w.k, "mm_struct");
    w.root = mk_user_root(w.k, m);
    mk_put(w.k, w.mm, "mm_struct.pgd", w.root);
    mk_put(w.k, w.task, "task_struct.mm", w.mm);
    w.user = 64 * mk_page_size(w.k);
    for (int i = 0; i < 2; i++)
        w.page[i] = mk_alloc_aligned(w.k, mk_page_size(w.k), mk_page_size(w.k));
    mk_symbol(w.k, "init_task", init);
    mk_symbol(w.k, "special_mapping_name", 0xc0001000);
    for (uint64_t i = 0; i < 2; i++)
        mk_user_map(w.k, m, w.root, w.user + i * mk_page_size(w.k), w.page[i]);
    return w;
}

/** Arguments and environment as execve() lays them: @args and behind it @env, from @at on. */
static void lay(struct world *w, uint64_t at, const char *args, size_t n_args, const char *env,
                size_t n_env)
{
    mk_write(w->k, w->page[0] + at, args, n_args);
    mk_write(w->k, w->page[0] + at + n_args, env, n_env);
    mk_put(w->k, w->mm, "mm_struct.arg_start", w->user + at);
    mk_put(w->k, w->mm, "mm_struct.arg_end", w->user + at + n_args);
    mk_put(w->k, w->mm, "mm_struct.env_start", w->user + at + n_args);
    mk_put(w->k, w->mm, "mm_struct.env_end", w->user + at + n_args + n_env);
}
#define LAY(w, at, args, env) lay((w), (at), args, sizeof args - 1, env, sizeof env - 1)

static void command_lines(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t page = mk_page_size(w.k);

        LAY(&w, 100, "prog\0-x\0\0last\0", "A=1\0B=2=3\0");
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|prog -x  last");
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4),
                            "1|0|prog|A|1\n1|0|prog|B|2=3");
        assert_string_equal(
            mk_columns(mk_rows(w.k, "pstree", (const char *[]){ "args", NULL }), 4, 5),
            "prog|prog -x  last");
        assert_string_equal(mk_columns(mk_rows(w.k, "pstree", NULL), 4, 5), "prog|");

        // A title within the arguments' room, the rest wiped; then one that runs on into what was
        // the environment, up to its first NUL.
        LAY(&w, 100, "title: short\0\0\0\0\0", "A=1\0");
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|title: short");
        LAY(&w, 100, "title: a long one, ", "on into it\0B=2\0");
        assert_string_equal(mk_rows(w.k, "psaux", NULL),
                            "1|0|prog|-|-|title: a long one, on into it");
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4),
                            "1|0|prog|on into it|\n1|0|prog|B|2");
        // Across a page's end.
        lay(&w, page - 3, "prog\0arg\0", 9, "A=1\0", 4);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|prog arg");
        assert_int_equal(mk_row_notes(NULL), 0);
        // What is missing is said: a part, or all of it.
        mk_put(w.k, w.mm, "mm_struct.arg_end", w.user + 2 * page + 10);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|prog arg A=1");
        assert_int_equal(mk_row_notes("process 1: command line cut at"), 1);
        mk_put(w.k, w.mm, "mm_struct.arg_start", w.user + 2 * page);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|-");
        mk_put(w.k, w.mm, "mm_struct.arg_end", UINT64_MAX);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|-");
        mk_put(w.k, w.mm, "mm_struct.env_end", w.user + 2 * page + 9);
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4), "1|0|prog|A|1");
        assert_int_equal(mk_row_notes("process 1: environment cut at"), 1);
        mk_put(w.k, w.mm, "mm_struct.env_start", w.user + 2 * page);
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4), "");
        assert_int_equal(mk_row_notes("process 1: environment cut at"), 1);
        mk_put(w.k, w.mm, "mm_struct.arg_end", 5);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|");

        mk_put(w.k, w.task, "task_struct.mm", 0); // it ended
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|-");
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4), "");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_put(w.k, w.task, "task_struct.flags", KTHREAD);
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|0|prog|-|-|[prog]");
        mk_free(w.k);
    }
}

/** A child that a thread forked has that thread as its real parent: its PPID is the process's
 * id. */
static void child_of_a_thread(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t thread = mk_object(w.k, "task_struct");

        mk_put(w.k, thread, "task_struct.pid", 12);
        mk_put(w.k, thread, "task_struct.tgid", 10);
        mk_put(w.k, w.task, "task_struct.real_parent", thread);
        LAY(&w, 100, "prog\0", "A=1\0");
        assert_string_equal(mk_rows(w.k, "psaux", NULL), "1|10|prog|-|-|prog");
        assert_string_equal(mk_columns(mk_rows(w.k, "envars", NULL), 0, 4), "1|10|prog|A|1");
        mk_free(w.k);
    }
}

/* ---- mappings ---- */

/** Five of one page each, with a gap of one between them; linked, and in a tree that is one line.
 */
static void make_vmas(struct world *w, uint64_t *vma)
{
    const uint64_t page = mk_page_size(w->k);

    for (uint64_t i = 0; i < VMAS; i++)
        vma[i] = mk_object(w->k, "vm_area_struct");
    for (uint64_t i = 0; i < VMAS; i++) {
        mk_put(w->k, vma[i], "vm_area_struct.vm_start", (64 + 2 * i) * page);
        mk_put(w->k, vma[i], "vm_area_struct.vm_end", (65 + 2 * i) * page);
        mk_put(w->k, vma[i], "vm_area_struct.vm_mm", w->mm);
        mk_put(w->k, vma[i], "vm_area_struct.vm_flags", 1 | (i == 2 ? 0x86 : 4));
        mk_put(w->k, vma[i], "vm_area_struct.vm_next", i + 1 < VMAS ? vma[i + 1] : 0);
        mk_put(w->k, vma[i], "vm_area_struct.vm_rb.rb_right",
               i + 1 < VMAS ? mk_at(w->k, vma[i + 1], "vm_area_struct.vm_rb") : 0);
        mk_put(w->k, vma[i], "vm_area_struct.vm_rb.__rb_parent_color",
               i ? mk_at(w->k, vma[i - 1], "vm_area_struct.vm_rb") | 1 : 1);
    }
    mk_put(w->k, w->mm, "mm_struct.mmap", vma[0]);
    mk_put(w->k, w->mm, "mm_struct.mm_rb.rb_node", mk_at(w->k, vma[0], "vm_area_struct.vm_rb"));
    mk_put(w->k, w->mm, "mm_struct.map_count", VMAS);
    mk_put(w->k, w->mm, "mm_struct.start_brk", 500 * page);
    mk_put(w->k, w->mm, "mm_struct.brk", 501 * page);
}

static size_t count_rows(const char *rows)
{
    size_t n = *rows != 0;

    for (; *rows; rows++)
        n += *rows == '\n';
    return n;
}

static void mappings(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t page = mk_page_size(w.k);
        uint64_t vma[VMAS], ops = mk_object(w.k, "vm_operations_struct"),
                            special = mk_object(w.k, "vm_special_mapping"),
                            name = mk_alloc(w.k, 32);
        char want[600];

        make_vmas(&w, vma);
        mk_write(w.k, name, "\0\0\0\0[vdso]", 11);
        mk_put(w.k, ops, "vm_operations_struct.name", 0xc0001000);
        mk_put(w.k, special, "vm_special_mapping.name", name + 4);
        mk_put(w.k, vma[0], "vm_area_struct.vm_ops", ops);
        mk_put(w.k, vma[0], "vm_area_struct.vm_private_data", special);
        mk_put(w.k, w.mm, "mm_struct.start_brk", 66 * page);
        mk_put(w.k, w.mm, "mm_struct.brk", 67 * page);
        mk_put(w.k, w.mm, "mm_struct.start_stack", 69 * page - 16);
        mk_put(w.k, vma[3], "vm_area_struct.anon_name", name);
        snprintf(
            want, sizeof want,
            "1|prog|%#llx|%#llx|r-xp|0x0|0|0|0|[vdso]\n1|prog|%#llx|%#llx|r-xp|0x0|0|0|0|[heap]\n"
            "1|prog|%#llx|%#llx|rwxs|0x0|0|0|0|[stack]\n"
            "1|prog|%#llx|%#llx|r-xp|0x0|0|0|0|[anon:[vdso]]\n1|prog|%#llx|%#llx|r-xp|0x0|0|0|0|",
            64ull * page, 65ull * page, 66ull * page, 67ull * page, 68ull * page, 69ull * page,
            70ull * page, 71ull * page, 72ull * page, 73ull * page);
        assert_string_equal(mk_columns(mk_rows(w.k, "maps", NULL), 0, 9), want);
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(w.k);
    }
}

static void mappings_damaged(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t vma[VMAS];

        make_vmas(&w, vma);
        // A list that turns back goes on by the tree; none is given twice.
        mk_put(w.k, vma[3], "vm_area_struct.vm_next", vma[1]);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), VMAS);
        assert_int_equal(mk_row_notes("going on by the tree"), 1);
        mk_put(w.k, vma[1], "vm_area_struct.vm_next", 0x10000);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), VMAS);
        // Another process's mapping is none of this one's; the count tells.
        mk_put(w.k, vma[1], "vm_area_struct.vm_mm", w.task);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), VMAS - 1);
        assert_int_equal(mk_row_notes("4 mappings found, the kernel counted 5"), 1);
        mk_put(w.k, vma[4], "vm_area_struct.vm_end", 0);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), VMAS - 2);
        mk_put(w.k, w.mm, "mm_struct.mm_rb.rb_node", 0x10000);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), 1);
        mk_put(w.k, w.mm, "mm_struct.mmap", 0);
        assert_int_equal(count_rows(mk_rows(w.k, "maps", NULL)), 0);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_lines),
        cmocka_unit_test(child_of_a_thread),
        cmocka_unit_test(mappings),
        cmocka_unit_test(mappings_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
