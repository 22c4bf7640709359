/* optables_test.c - tables of functions: each hint, and what is close to it and has none. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

static const char *const types[] = {
    "struct file_system_type { const char *name; };",
    "struct module_layout { void *base; unsigned int size, text_size; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct list_head source_list, target_list; struct module_layout core_layout; };"
    "struct module_use { struct list_head source_list, target_list;"
    "  struct module *source, *target; };"
    "struct file_operations { void *owner; void *(*open)(void); void (*read)(void);"
    "  void (*write)(void); };"
    "struct inode_operations { void *(*lookup)(void); void (*link)(void); };"
    "struct seq_operations { void *(*start)(void); void (*stop)(void); void (*show)(void); };"
    "struct more { void (*f)(void); };"
    "struct tty_ldisc_ops { char *name; int num; void (*open)(void); void (*close)(void);"
    "  void (*receive)(void); struct more more[6]; };"
    "struct key_type { const char *name; struct list_head link; void (*parse)(void);"
    "  void (*free)(void); void (*match)(void); };"
    "struct tty_operations { void (*open)(void); void (*close)(void); };"
    "struct tty_ldisc { struct tty_ldisc_ops *ops; };"
    "struct tty_struct { struct tty_driver *driver; struct tty_operations *ops;"
    "  struct tty_ldisc *ldisc; struct tty_struct *link; char name[16]; };"
    "struct tty_driver { struct list_head tty_drivers; struct tty_struct **ttys; unsigned int num;"
    "  const char *name; struct tty_operations *ops; };"
    "struct parts { void (*callback)(void); void *data; };"
    "struct callback_head { struct callback_head *next; void (*func)(void); };"
    "struct linux_binfmt { struct list_head lh; struct callback_head rcu;"
    "  union { struct tty_ldisc_ops *ops; void (*load)(void); };"
    "  union { void (*maybe)(void); unsigned long number; };"
    "  struct parts parts[2]; struct key_type *key; void *(*dump)(void);"
    "  struct kernfs_ops *kernfs; };"
    "struct kernfs_ops { int (*open)(void); void (*release)(void); unsigned long len;"
    "  long (*write)(void); };"
    "struct cpuhp_step { const char *name; void (*startup)(void); void (*teardown)(void); };"
    "struct console { char name[16]; void (*write)(void); struct hlist_node node; };"
    "struct file_system_type { const char *name; struct module *owner; };",
    "unsigned int i_nlink;",
    "unsigned int i_nlink; struct inode_operations *i_op; struct file_operations *i_fop;",
    NULL,
};

struct scene {
    struct mk_guest g;
    struct mk *k;
    unsigned ptr;
    uint64_t ldiscs;             /* an array of 2 pointers: tty_ldiscs */
    uint64_t ours;               /* a table in the kernel's memory, the first of ldiscs */
    uint64_t fops;               /* a constant that nothing leads to */
    uint64_t keys, bins;         /* lists */
    uint64_t f[3], single;       /* functions of the kernel */
    uint64_t modules, rk, other; /* the list, and two modules */
    uint64_t rk_f, rk_data, other_f;
    uint64_t heap; /* 256 bytes of nobody */
    uint64_t nobody;
    uint64_t cgroup; /* the kernel's table of files of control groups */
};

static uint64_t module_of(struct scene *s, const char *name, uint64_t *text, uint64_t *data)
{
    const uint64_t m = mk_object(s->k, "module"), base = mk_alloc_aligned(s->k, 512, 64);

    mk_puts(s->k, m, "module.name", name);
    mk_put(s->k, m, "module.core_layout.base", base);
    mk_put(s->k, m, "module.core_layout.size", 512);
    mk_put(s->k, m, "module.core_layout.text_size", 256);
    mk_list(s->k, mk_at(s->k, m, "module.source_list"), NULL, 0);
    mk_list(s->k, mk_at(s->k, m, "module.target_list"), NULL, 0);
    mk_list_append(s->k, s->modules, mk_at(s->k, m, "module.list"));
    *text = base;
    *data = base + 256;
    return m;
}

static uint64_t function(struct scene *s, const char *name)
{
    const uint64_t at = mk_alloc(s->k, 64);

    mk_symbol_sized(s->k, name, at, 64);
    return at;
}

/* Memory of the kernel, its text, then what is allocated. */
static struct scene make(const struct mk_machine *m)
{
    struct scene s = { .g = mk_guest(m, types) };
    uint64_t unused;

    s.k = s.g.k;
    s.ptr = mk_model(s.k)->ptr_size;
    s.ldiscs = mk_alloc(s.k, 2 * s.ptr);
    s.ours = mk_object(s.k, "tty_ldisc_ops");
    mk_symbol_sized(s.k, "n_tty_ops", s.ours, 64);
    s.keys = mk_object(s.k, "list_head");
    s.bins = mk_object(s.k, "list_head");
    mk_list(s.k, s.keys, NULL, 0);
    mk_list(s.k, s.bins, NULL, 0);
    mk_write_ptr(s.k, s.ldiscs, s.ours);
    mk_symbol_sized(s.k, "tty_ldiscs", s.ldiscs, 2 * s.ptr);
    s.fops = mk_object(s.k, "file_operations");
    mk_symbol_sized(s.k, "kmsg_fops", s.fops, 64);
    mk_symbol(s.k, "__start_rodata", s.fops);
    mk_symbol(s.k, "__end_rodata", s.fops + mk_at(s.k, 0, "file_operations.write") + s.ptr);
    mk_alloc(s.k, 64);
    mk_symbol(s.k, "key_types_list", s.keys);
    mk_symbol(s.k, "formats", s.bins);
    s.f[0] = function(&s, "first");
    s.f[1] = function(&s, "second");
    s.f[2] = function(&s, "third");
    s.single = function(&s, "single_start");
    mk_symbol(s.k, "_stext", s.f[0]);
    mk_symbol(s.k, "_etext", s.single + 64);
    s.modules = mk_object(s.k, "list_head");
    mk_symbol(s.k, "modules", s.modules);
    s.rk = module_of(&s, "rk", &s.rk_f, &s.rk_data);
    s.other = module_of(&s, "other", &s.other_f, &unused);
    s.heap = mk_alloc(s.k, 256);
    s.nobody = mk_alloc(s.k, 64);
    s.cgroup = mk_object(s.k, "kernfs_ops");
    mk_symbol_sized(s.k, "cgroup_kf_ops", s.cgroup, 64);
    mk_put(s.k, s.ours, "tty_ldisc_ops.open", s.f[0]);
    mk_put(s.k, s.ours, "tty_ldisc_ops.close", s.f[1]);
    return s;
}

static void uses(struct scene *s, uint64_t user, uint64_t used)
{
    const uint64_t use = mk_object(s->k, "module_use");

    mk_put(s->k, use, "module_use.target", used);
    mk_put(s->k, use, "module_use.source", user);
    mk_list_append(s->k, mk_at(s->k, user, "module.target_list"),
                   mk_at(s->k, use, "module_use.target_list"));
}

static const char *hints(struct scene *s)
{
    return mk_columns(mk_guest_rows(&s->g, "optables", NULL), 10, 10);
}

/* A table of line disciplines at @at, the second of the array. */
static void second(struct scene *s, uint64_t at, uint64_t open, uint64_t close)
{
    mk_write_ptr(s->k, s->ldiscs + s->ptr, at);
    mk_put(s->k, at, "tty_ldisc_ops.open", open);
    mk_put(s->k, at, "tty_ldisc_ops.close", close);
}

static void pointers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);

        assert_string_equal(hints(&s), "");
        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", s.f[2] + 8);
        assert_string_equal(hints(&s), "inside a function");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 0, 1),
                            "tty_ldisc_ops|n_tty_ops");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 3, 4),
                            "kernel|receive");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 6, 9),
                            "third+0x8|kernel|1|tty_ldiscs[0]");
        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", s.nobody);
        assert_string_equal(hints(&s), "code of no module that is listed, nor of the kernel, "
                                       "unless it is of BPF or ftrace");
        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", s.ours);
        assert_string_equal(hints(&s), "not code but data");
        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", s.rk_f);
        assert_string_equal(hints(&s), "a table of the kernel leads into a module");
        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", 0);
        second(&s, s.ours, s.f[0], s.f[1]); // one table, two users
        assert_string_equal(hints(&s), "");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", "all"), 6, 9),
                            "first|kernel|2|tty_ldiscs[0]\nsecond|kernel|2|tty_ldiscs[0]");
        mk_free(s.k);
    }
}

static void modules(void **state)
{
    (void)state;
    mk_each_machine(m) for (int used = 0; used < 2; used++)
    {
        struct scene s = make(m);

        if (used)
            uses(&s, s.other, s.rk);
        second(&s, s.rk_data, s.rk_f, s.f[1]); // a module's own
        assert_string_equal(hints(&s), "");
        mk_put(s.k, s.rk_data, "tty_ldisc_ops.close", s.other_f);
        assert_string_equal(
            hints(&s),
            used ? "" : "a table of a module leads into one that it has nothing to do with");
        mk_free(s.k);
    }
}

/* Control groups copy a table of the kernel's, with another length. */
static void control_groups(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t bin = mk_object(s.k, "linux_binfmt"), copy = mk_object(s.k, "kernfs_ops");

        mk_list_append(s.k, s.bins, mk_at(s.k, bin, "linux_binfmt.lh"));
        mk_put(s.k, bin, "linux_binfmt.kernfs", copy);
        mk_put(s.k, s.cgroup, "kernfs_ops.open", s.f[0]);
        mk_put(s.k, s.cgroup, "kernfs_ops.write", s.f[1]);
        mk_put(s.k, copy, "kernfs_ops.open", s.f[0]);
        mk_put(s.k, copy, "kernfs_ops.write", s.f[1]);
        mk_put(s.k, copy, "kernfs_ops.len", 4095);
        assert_string_equal(hints(&s), "");
        mk_put(s.k, copy, "kernfs_ops.write", s.f[2]);
        assert_string_equal(hints(&s), "the table lies in memory of nobody");
        mk_free(s.k);
    }
}

static void places(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        uint64_t key;

        second(&s, s.heap, s.f[0], s.f[1]);
        assert_string_equal(hints(&s), "the table lies in memory of nobody");
        mk_put(s.k, s.heap, "tty_ldisc_ops.close", s.rk_f);
        assert_string_equal(hints(&s),
                            "the table lies in memory of nobody, and joins code of several");
        mk_put(s.k, s.heap, "tty_ldisc_ops.open", s.single); // as single_open() makes them
        assert_string_equal(hints(&s), "");
        mk_put(s.k, s.heap, "tty_ldisc_ops.open", 0);
        mk_put(s.k, s.heap, "tty_ldisc_ops.close", 0); // empty
        assert_string_equal(hints(&s), "");

        // One that registers itself is often allocated.
        key = mk_object(s.k, "key_type");
        mk_list_append(s.k, s.keys, mk_at(s.k, key, "key_type.link"));
        mk_put(s.k, key, "key_type.parse", s.rk_f);
        assert_string_equal(hints(&s), "");
        mk_put(s.k, key, "key_type.free", s.nobody);
        assert_string_equal(hints(&s), "code of no module that is listed, nor of the kernel, "
                                       "unless it is of BPF or ftrace");
        mk_free(s.k);
    }
}

/* Which members are looked at: nested ones, arrays; of a union what can be told. */
static void members(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t bin = mk_object(s.k, "linux_binfmt");
        const uint64_t parts = mk_at(s.k, bin, "linux_binfmt.parts");

        mk_write_ptr(s.k, s.ldiscs, 0);
        mk_list_append(s.k, s.bins, mk_at(s.k, bin, "linux_binfmt.lh"));
        mk_put(s.k, bin, "linux_binfmt.rcu.func", s.nobody); // set while it waits only
        mk_put(s.k, bin, "linux_binfmt.maybe", 5);
        assert_string_equal(hints(&s), "");
        mk_put(s.k, bin, "linux_binfmt.maybe", s.f[0]);
        mk_put(s.k, bin, "linux_binfmt.load", s.f[1]);
        mk_write_ptr(s.k, parts + 2 * s.ptr, s.f[2]);
        mk_put(s.k, bin, "linux_binfmt.dump", s.f[0]);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", "all"), 4, 4),
                            "ops/load\nmaybe\nparts[1].callback\ndump");
        assert_string_equal(hints(&s), "");
        mk_put(s.k, bin, "linux_binfmt.ops", s.ours); // the other of the two
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", "all"), 4, 4),
                            "maybe\nparts[1].callback\ndump\nopen\nclose");
        mk_put(s.k, bin, "linux_binfmt.dump", s.nobody);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 4, 4), "dump");
        mk_free(s.k);
    }
}

/* Terminals of a driver, and the other sides of those, which lead back. */
static void terminals(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t list = mk_object(s.k, "list_head"), driver = mk_object(s.k, "tty_driver");
        const uint64_t one = mk_object(s.k, "tty_struct"), other = mk_object(s.k, "tty_struct");
        const uint64_t ttys = mk_alloc(s.k, 4 * s.ptr), ldisc = mk_object(s.k, "tty_ldisc");

        mk_symbol(s.k, "tty_drivers", list);
        mk_list(s.k, list, NULL, 0);
        mk_list_append(s.k, list, mk_at(s.k, driver, "tty_driver.tty_drivers"));
        mk_put(s.k, driver, "tty_driver.ttys", ttys);
        mk_put(s.k, driver, "tty_driver.num", 0xffffffff);
        mk_write_ptr(s.k, ttys + s.ptr, one);
        mk_put(s.k, one, "tty_struct.link", other);
        mk_put(s.k, other, "tty_struct.link", one);
        mk_puts(s.k, one, "tty_struct.name", "ptm1");
        mk_puts(s.k, other, "tty_struct.name", "pts1");
        mk_put(s.k, one, "tty_struct.ops", s.fops); // the kernel's, and empty
        assert_string_equal(hints(&s), "");
        assert_int_equal(mk_row_notes("tty_drivers"), 0);
        mk_put(s.k, other, "tty_struct.ops", s.heap);
        mk_put(s.k, s.heap, "tty_operations.open", s.f[0]);
        assert_string_equal(hints(&s), "the table lies in memory of nobody");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 8, 9),
                            "1|terminal pts1");
        mk_put(s.k, other, "tty_struct.ops", 0);
        mk_put(s.k, ldisc, "tty_ldisc.ops", s.heap);
        mk_put(s.k, other, "tty_struct.ldisc", ldisc);
        mk_put(s.k, s.heap, "tty_operations.open", 0);
        mk_put(s.k, s.heap, "tty_ldisc_ops.open", s.f[0]);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 9, 10),
                            "terminal pts1|the table lies in memory of nobody");
        mk_put(s.k, driver, "tty_driver.ttys", 0);
        assert_string_equal(hints(&s), "");
        mk_free(s.k);
    }
}

static void constants(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);

        mk_put(s.k, s.fops, "file_operations.open", s.f[0]);
        mk_put(s.k, s.fops, "file_operations.write", s.rk_data); // no code
        assert_string_equal(hints(&s), "");
        mk_put(s.k, s.fops, "file_operations.read", s.rk_f);
        assert_string_equal(hints(&s), "constants of the kernel lead into a module");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 0, 1),
                            "file_operations|kmsg_fops");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 4, 4), "read");
        mk_free(s.k);
    }
}

static void copies(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const uint64_t off = mk_at(s.k, 0, "tty_ldisc_ops.more");

        mk_put(s.k, s.ours, "tty_ldisc_ops.receive", s.f[2]);
        second(&s, s.rk_data, s.f[0], s.f[1]);
        mk_put(s.k, s.rk_data, "tty_ldisc_ops.receive", s.f[2]);
        for (unsigned i = 0; i < 5; i++) {
            assert_string_equal(hints(&s), ""); // short ones are alike
            mk_write_ptr(s.k, s.ours + off + i * s.ptr, s.f[i % 3]);
            mk_write_ptr(s.k, s.rk_data + off + i * s.ptr, s.f[i % 3]);
        }
        assert_string_equal(hints(&s), "a copy of the kernel's n_tty_ops");
        mk_write_ptr(s.k, s.rk_data + off, s.f[1]); // another table
        assert_string_equal(hints(&s), "");
        mk_free(s.k);
    }
}

static void inodes(void **state)
{
    (void)state;
    mk_each_machine(m) for (int used = 0; used < 2; used++)
    {
        struct scene s = make(m);
        const uint64_t dentry = mk_guest_dentry(&s.g, s.g.top, "passwd");
        const uint64_t task = mk_guest_task(&s.g, 5, "cat", 0),
                       inode = mk_of(&s.g, dentry, "dentry.d_inode");
        const uint64_t mm = MK_MM(&s.g, task, "cat\0", "");

        mk_put(s.k, mm, "mm_struct.exe_file", mk_guest_file(&s.g, dentry));
        mk_put(s.k, inode, "inode.i_mode", 0100644);
        mk_put(s.k, s.g.type, "file_system_type.owner", s.other);
        mk_put(s.k, inode, "inode.i_fop", s.rk_data);
        mk_put(s.k, s.rk_data, "file_operations.open", s.rk_f);
        if (used)
            uses(&s, s.rk, s.other);
        assert_string_equal(hints(&s),
                            used ? ""
                                 : "it leads into a module that has nothing to do with its "
                                   "user\na table of the module rk serves files of ext4");
        mk_free(s.k);
    }
}

/* Arrays of structs, and hlists: what a module registers there is its own. */
static void registered(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct scene s = make(m);
        const unsigned step = 3 * s.ptr;
        const uint64_t steps = mk_alloc(s.k, 2 * step), head = mk_alloc(s.k, s.ptr);
        const uint64_t console = mk_object(s.k, "console");

        mk_symbol_sized(s.k, "cpuhp_hp_states", steps, 2 * step);
        mk_symbol_sized(s.k, "console_list", head, s.ptr);
        mk_write_ptr(s.k, head, mk_at(s.k, console, "console.node"));
        mk_put(s.k, steps + step, "cpuhp_step.startup", s.rk_f);
        mk_put(s.k, console, "console.write", s.rk_f);
        assert_string_equal(hints(&s), "");
        mk_put(s.k, steps + step, "cpuhp_step.teardown", s.nobody);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 4, 4), "teardown");
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 9, 9),
                            "cpuhp_hp_states[1]");
        mk_put(s.k, steps + step, "cpuhp_step.teardown", 0);
        mk_put(s.k, console, "console.write", s.nobody);
        assert_string_equal(mk_columns(mk_guest_rows(&s.g, "optables", NULL), 9, 9),
                            "console_list");
        mk_free(s.k);
    }
}

/* One file among many has another table: of few that is nothing. */
static void alone(void **state)
{
    enum { MANY = 64 };

    (void)state;
    mk_each_machine(m) for (int many = 0; many < 2; many++)
    {
        struct scene s = make(m);
        const uint64_t usual = mk_object(s.k, "file_operations"),
                       other = mk_object(s.k, "file_operations");
        const uint64_t mm = MK_MM(&s.g, mk_guest_task(&s.g, 5, "cat", 0), "cat\0", "");
        char name[8];

        mk_symbol_sized(s.k, "usual_ops", usual, 4 * s.ptr);
        mk_symbol_sized(s.k, "other_ops", other, 4 * s.ptr);
        for (int i = 0; i < MANY + many; i++) {
            snprintf(name, sizeof name, "f%d", i);
            const uint64_t dentry = mk_guest_dentry(&s.g, s.g.top, name),
                           inode = mk_of(&s.g, dentry, "dentry.d_inode");

            mk_guest_vma(&s.g, mm, 16 + (unsigned)i, 1, 5, mk_guest_file(&s.g, dentry));

            mk_put(s.k, inode, "inode.i_mode", 0100644);
            mk_put(s.k, inode, "inode.i_fop", i ? usual : other);
        }
        assert_string_equal(hints(&s),
                            many ? "1 of its file system has it, 64 have usual_ops" : "");
        mk_free(s.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers),   cmocka_unit_test(modules),   cmocka_unit_test(places),
        cmocka_unit_test(members),    cmocka_unit_test(constants), cmocka_unit_test(terminals),
        cmocka_unit_test(copies),     cmocka_unit_test(inodes),    cmocka_unit_test(control_groups),
        cmocka_unit_test(registered), cmocka_unit_test(alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
