/* system_test.c - what the kernel knows of the machine: sysctl, interrupts, cpus, modparams,
 * devices. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>

enum { RAM = 1 << 20, DIR = 0040555, LINK = 0120777, FILE_ = 0100644 };

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/* The state that tells of CPUs. */
static void with_cpus(struct mk *k, const struct mk_machine *m, const uint64_t *offsets, unsigned n)
{
    const uint64_t page = mk_page_size(k);
    struct linux_state *s;

    mk_user_map(k, m, mk_user_root(k, m), 64 * page, mk_alloc_aligned(k, page, page));
    s = linux_state(mk_system(k));
    s->percpu_offset = offsets;
    s->n_cpus = n;
}

/* ---- sysctl ---- */

static const char sysctl_types[] = MK_LIST_TYPES
    "struct rb_node { unsigned long __rb_parent_color; struct rb_node *rb_right, *rb_left; };"
    "struct rb_root { struct rb_node *rb_node; };"
    "struct ctl_table { const char *procname; void *data; int maxlen; u16 mode;"
    "  void *proc_handler; };"
    "struct ctl_table_header { struct ctl_table *ctl_table; struct ctl_node *node; };"
    "struct ctl_node { struct rb_node node; struct ctl_table_header *header; };"
    "struct ctl_dir { struct ctl_table_header header; struct rb_root root; };"
    "struct ctl_table_set { void *is_seen; struct ctl_dir dir; };"
    "struct ctl_table_root { struct ctl_table_set default_set; };"
    "struct timekeeper { int x; };"
    "struct clocksource { u32 mult, shift; };";

/* A folder with one table: nodes in a chain to the right. */
static void fill(struct mk *k, uint64_t dir, uint64_t table, uint64_t nodes, unsigned n,
                 uint64_t header)
{
    uint64_t parent = 0;

    mk_put(k, header, "ctl_table_header.ctl_table", table);
    mk_put(k, header, "ctl_table_header.node", nodes);
    for (unsigned i = 0; i < n; i++) {
        const uint64_t at = nodes + i * 4 * mk_model(k)->ptr_size;

        mk_put(k, at, "ctl_node.header", header);
        mk_put(k, at, "ctl_node.node.__rb_parent_color", parent | 1);
        if (parent)
            mk_put(k, parent, "ctl_node.node.rb_right", at);
        else
            mk_put(k, dir, "ctl_dir.root.rb_node", at);
        parent = at;
    }
}

static void entry(struct mk *k, uint64_t table, unsigned i, const char *name, uint64_t data,
                  unsigned len, unsigned mode, uint64_t handler)
{
    const uint64_t at = table + i * (mk_model(k)->ptr_size == 8 ? 32 : 20);

    mk_put(k, at, "ctl_table.procname", text(k, name));
    mk_put(k, at, "ctl_table.data", data);
    mk_put(k, at, "ctl_table.maxlen", len);
    mk_put(k, at, "ctl_table.mode", mode);
    mk_put(k, at, "ctl_table.proc_handler", handler);
}

static const char *const handlers[] = {
    "proc_dointvec",        "proc_dostring", "neigh_proc_dointvec_ms_jiffies",
    "proc_do_large_bitmap", "odd_handler",   "proc_watchdog"
};

static void sysctl(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, sysctl_types);
        const uint64_t root = mk_object(k, "ctl_table_root"), table = mk_alloc(k, 10 * 32);
        const uint64_t nodes = mk_alloc(k, 10 * 32), header = mk_object(k, "ctl_table_header");
        const uint64_t dir = mk_at(k, root, "ctl_table_root.default_set.dir");
        const uint64_t folder = mk_object(k, "ctl_dir"), clock = mk_object(k, "clocksource");
        const uint64_t ints = mk_alloc(k, 16), bits = mk_alloc(k, 16), fns = mk_alloc(k, 272) + 16;
        const uint64_t bitmap = mk_alloc(k, 8), inner = mk_alloc(k, 2 * 32);
        const uint64_t inner_nodes = mk_alloc(k, 2 * 32),
                       inner_head = mk_object(k, "ctl_table_header");
        const uint64_t itself = mk_object(k, "ctl_dir");
        const uint8_t set[] = { 0x0e, 0x01 };
        const char *rows;

        mk_symbol(k, "_stext", fns - 16);
        mk_symbol(k, "_etext", fns + 256);
        mk_symbol(k, "sysctl_table_root", root);
        mk_symbol(k, "clocksource_jiffies", clock);
        mk_put(k, clock, "clocksource.mult", 4000000);
        mk_put(k, clock, "clocksource.shift", 0);
        for (unsigned i = 0; i < 6; i++)
            mk_symbol_sized(k, handlers[i], fns + 16 * i, 16);
        mk_write_u32(k, ints, 5);
        mk_write_u32(k, ints + 4, (uint32_t)-7);
        mk_write(k, bitmap, set, sizeof set);
        mk_write_ptr(k, bits, bitmap);
        entry(k, table, 0, "two", ints, 8, FILE_, fns);
        entry(k, table, 1, "name", text(k, "a word"), 64, 0100400, fns + 16);
        entry(k, table, 2, "wait", ints, 4, FILE_, fns + 32);
        entry(k, table, 3, "ports", bits, 16, FILE_, fns + 48);
        entry(k, table, 4, "odd", ints + 4, 4, FILE_, fns + 64);
        entry(k, table, 5, "dog", ints, 4, FILE_, fns + 80);
        entry(k, table, 6, "gone", 0, 4, FILE_, fns);
        entry(k, table, 7, "lost", 8, 4, FILE_, fns);
        entry(k, table, 8, "link", ints, 4, LINK, fns);
        fill(k, dir, table, nodes, 9, header);
        rows = mk_columns(mk_rows(k, "sysctl", NULL), 2, 6);
        assert_string_equal(
            rows, "two|5 -7|-rw-r--r--|proc_dointvec|\n"
                  "name|a word|-r--------|proc_dostring|\n"
                  "wait|20|-rw-r--r--|neigh_proc_dointvec_ms_jiffies|\n"
                  "ports|1-3,8|-rw-r--r--|proc_do_large_bitmap|\n"
                  "odd|-7|-rw-r--r--|odd_handler|a number of this size: in which form HANDLER "
                  "shows it is not known\n"
                  "dog||-rw-r--r--|proc_watchdog|\n"
                  "gone||-rw-r--r--|proc_dointvec|\n"
                  "lost|-|-rw-r--r--|proc_dointvec|");
        assert_int_equal(mk_row_notes("2 values are made"), 1);

        // A function that is not the kernel's.
        assert_string_equal(mk_columns(mk_rows(k, "sysctl", NULL), 8, 8), "\n\n\n\n\n\n\n");
        entry(k, table, 1, "name", text(k, "a word"), 64, 0100400, ints);
        rows = mk_columns(mk_rows(k, "sysctl", NULL), 8, 8);
        assert_true(rows[0] == '\n' && rows[1] != '\n'); // by machine: nobody's, or data

        // A folder of this name with a dot in a name below it, and a value of too many numbers.
        mk_put(k, folder, "ctl_dir.header.ctl_table", 0);
        entry(k, table, 0, "net", 0, 0, DIR, 0);
        entry(k, inner, 0, "eth0.1", ints, 4, FILE_, fns);
        entry(k, inner, 1, "many", ints, 4 * 513, FILE_, fns);
        fill(k, folder, inner, inner_nodes, 2, inner_head);
        mk_put(k, folder, "ctl_dir.header.ctl_table", table);
        mk_put(k, folder, "ctl_dir.header.node", nodes);
        mk_put(k, nodes, "ctl_node.header", folder);
        rows = mk_columns(mk_rows(k, "sysctl", NULL), 2, 3);
        assert_int_equal(strncmp(rows, "net.eth0/1|5\nnet.many|-\nname|", 29), 0);

        // A folder that is inside of itself ends.
        entry(k, inner, 0, "net", 0, 0, DIR, 0);
        mk_put(k, inner_nodes, "ctl_node.header", itself);
        mk_put(k, itself, "ctl_dir.header.ctl_table", inner);
        mk_put(k, itself, "ctl_dir.header.node", inner_nodes);
        mk_put(k, itself, "ctl_dir.root.rb_node", inner_nodes);
        mk_rows(k, "sysctl", NULL);
        assert_int_equal(mk_row_notes("more folders than the kernel makes"), 1);
        mk_free(k);
    }
}

/* ---- interrupts ---- */

static const char irq_types[] =
    "struct maple_tree { void *ma_root; };"
    "struct xarray { u32 xa_lock, xa_flags; void *xa_head; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };"
    "struct cpumask { unsigned long bits[2]; };"
    "struct irq_chip { const char *name; };"
    "struct irq_data { u32 mask, irq; unsigned long hwirq; struct irq_chip *chip; void *domain; };"
    "struct irq_common_data { u32 state_use_accessors; struct cpumask *affinity; };"
    "struct irqaction { void *handler, *dev_id; struct irqaction *next; void *thread_fn;"
    "  const char *name; };"
    "struct irq_desc { struct irq_common_data irq_common_data; struct irq_data irq_data;"
    "  unsigned int *kstat_irqs; void *handle_irq; struct irqaction *action;"
    "  u32 status_use_accessors;"
    "  const char *name; };"
    "struct irq_cpustat_t { u32 __nmi_count, irq_tlb_count; };";

static void interrupts(void **state)
{
    static const uint64_t offsets[] = { 0, 0x100 };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, irq_types);
        const uint64_t tree = mk_object(k, "xarray"), desc = mk_object(k, "irq_desc");
        const uint64_t one = mk_object(k, "irqaction"), two = mk_object(k, "irqaction");
        const uint64_t chip = mk_object(k, "irq_chip"), mask = mk_object(k, "cpumask");
        const uint64_t counts = mk_alloc(k, 0x200), stat = mk_alloc(k, 0x200);
        const uint64_t fn = mk_alloc(k, 32) + 16;
        const char *rows;
        char want[512];

        mk_symbol(k, "irq_desc_tree", tree);
        mk_symbol(k, "irq_stat", stat);
        mk_symbol_sized(k, "a_handler", fn, 16);
        mk_symbol(k, "_stext", fn - 16);
        mk_symbol(k, "_etext", fn + 16);
        mk_put(k, tree, "xarray.xa_head", desc);
        mk_put(k, desc, "irq_desc.irq_data.irq", 17);
        mk_put(k, desc, "irq_desc.irq_data.hwirq", 9);
        mk_put(k, desc, "irq_desc.irq_data.chip", chip);
        mk_put(k, desc, "irq_desc.irq_data.domain", chip);
        mk_put(k, desc, "irq_desc.irq_common_data.affinity", mask);
        mk_put(k, desc, "irq_desc.irq_common_data.state_use_accessors", 1 << 13);
        mk_put(k, desc, "irq_desc.kstat_irqs", counts);
        mk_put(k, desc, "irq_desc.action", one);
        mk_put(k, chip, "irq_chip.name", text(k, "CHIP"));
        mk_write_ptr(k, mask, 2);
        mk_put(k, one, "irqaction.name", text(k, "disk"));
        mk_put(k, one, "irqaction.handler", fn);
        mk_put(k, one, "irqaction.next", two);
        mk_put(k, two, "irqaction.name", text(k, "net"));
        mk_put(k, two, "irqaction.handler", 0x4000);
        mk_put(k, two, "irqaction.thread_fn", fn);
        mk_write_u32(k, counts, 3);
        mk_write_u32(k, counts + 0x100, 4);
        mk_write_u32(k, stat + 0x104, 6);
        with_cpus(k, m, offsets, 2);
        snprintf(want, sizeof want,
                 "17|7|3 4|CHIP|9|level|disk|a_handler||1\n17|7|3 4|CHIP|9|level|net|0x4000|"
                 "a_handler|1\nNMI|0|0 0||||Non-maskable interrupts|||\n"
                 "TLB|6|0 6||||TLB shootdowns|||");
        assert_string_equal(mk_columns(mk_rows(k, "interrupts", NULL), 1, 10), want);

        // Whose code each is: handlers, threads, the flow. What it says is by machine.
        rows = mk_columns(mk_rows(k, "interrupts", NULL), 12, 12);
        assert_true(rows[0] == '\n' && rows[1] != '\n');
        mk_put(k, two, "irqaction.handler", fn);
        mk_put(k, two, "irqaction.thread_fn", 0x4000);
        rows = mk_columns(mk_rows(k, "interrupts", NULL), 12, 12);
        assert_int_equal(strncmp(rows, "\nthread: ", 9), 0);
        mk_put(k, two, "irqaction.thread_fn", 0);
        assert_string_equal(mk_columns(mk_rows(k, "interrupts", NULL), 12, 12), "\n\n\n");
        mk_put(k, desc, "irq_desc.handle_irq", 0x4000);
        rows = mk_columns(mk_rows(k, "interrupts", NULL), 12, 12);
        assert_int_equal(strncmp(rows, "flow: ", 6), 0);
        assert_non_null(strstr(rows, "\nflow: "));
        mk_put(k, desc, "irq_desc.handle_irq", fn);

        // One that nobody asked for, and that never came.
        mk_put(k, desc, "irq_desc.action", 0);
        mk_write_u32(k, counts, 0);
        mk_write_u32(k, counts + 0x100, 0);
        assert_string_equal(mk_columns(mk_rows(k, "interrupts", NULL), 1, 1), "NMI\nTLB");
        assert_string_equal(
            mk_columns(mk_rows(k, "interrupts", (const char *const[]){ "all", NULL }), 1, 1),
            "17\nNMI\nTLB");
        // Counts that cannot be read are no zeros; actions that lead back end.
        mk_put(k, desc, "irq_desc.kstat_irqs", 8);
        mk_put(k, desc, "irq_desc.action", one);
        mk_put(k, two, "irqaction.next", one);
        assert_int_equal(strncmp(mk_columns(mk_rows(k, "interrupts", NULL), 1, 3), "17|-|-", 6), 0);
        assert_int_equal(mk_row_notes("interrupt 17: only the first"), 1);
        mk_free(k);
    }
}

/* ---- cpus ---- */

static const char cpu_types[] =
    "struct cpuinfo_x86 { u8 x86, x86_vendor, x86_model, x86_stepping; u32 x86_capability[3];"
    "  char x86_vendor_id[16], x86_model_id[64]; u32 microcode, x86_cache_size;"
    "  u8 x86_phys_bits, x86_virt_bits; u16 phys_proc_id, cpu_core_id; };"
    "struct words { char *word; };";

static void cpus(void **state)
{
    static const uint64_t offsets[] = { 0 };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, cpu_types);
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t cpu = mk_object(k, "cpuinfo_x86"), flags = mk_alloc(k, 64 * ptr);
        const uint64_t bugs = mk_alloc(k, 32 * ptr);
        const uint64_t words = mk_at(k, cpu, "cpuinfo_x86.x86_capability");

        mk_symbol(k, "cpu_info", cpu);
        mk_symbol_sized(k, "x86_cap_flags", flags, 64 * ptr);
        mk_symbol_sized(k, "x86_bug_flags", bugs, 32 * ptr);
        mk_puts(k, cpu, "cpuinfo_x86.x86_vendor_id", "Maker");
        mk_put(k, cpu, "cpuinfo_x86.x86", 6);
        mk_put(k, cpu, "cpuinfo_x86.x86_stepping", 3);
        mk_put(k, cpu, "cpuinfo_x86.microcode", 0x2b);
        mk_put(k, cpu, "cpuinfo_x86.x86_cache_size", 512);
        mk_put(k, cpu, "cpuinfo_x86.cpu_core_id", 4);
        mk_write_ptr(k, flags, text(k, "fpu"));
        mk_write_ptr(k, flags + 2 * ptr, text(k, "de"));
        mk_write_ptr(k, flags + 33 * ptr, text(k, "pni"));
        mk_write_ptr(k, bugs + 1 * ptr, text(k, "meltdown"));
        mk_write_u32(k, words, 1 | 2); // the second has no name
        mk_write_u32(k, words + 4, 2);
        mk_write_u32(k, words + 8, 2);
        with_cpus(k, m, offsets, 1);
        assert_string_equal(mk_columns(mk_rows(k, "cpus", NULL), 1, 15),
                            "0|Maker||6|0|3|0x2b|0|4||524288|0|0|fpu pni|meltdown");
        mk_free(k);
    }
}

/* ---- modparams ---- */

static const char param_types[] = MK_LIST_TYPES
    "struct kernel_param_ops { u32 flags; void *set, *get; };"
    "struct kernel_param { const char *name; struct module *mod; struct kernel_param_ops *ops;"
    "  u16 perm; void *arg; };"
    "struct kobject { const char *name; struct list_head entry; struct kset *kset; };"
    "struct kset { struct list_head list; };"
    "struct param_attribute { void *x; struct kernel_param *param; };"
    "struct module_param_attrs { u32 num; struct param_attribute attrs[4]; };"
    "struct module_kobject { struct kobject kobj; struct module *mod;"
    "  struct module_param_attrs *mp; };"
    "struct module { struct list_head list; char name[56]; struct kernel_param *kp; u32 num_kp; };";

static void put_param(struct mk *k, uint64_t at, const char *name, uint64_t ops, uint64_t arg,
                      unsigned perm)
{
    mk_put(k, at, "kernel_param.name", text(k, name));
    mk_put(k, at, "kernel_param.ops", ops);
    mk_put(k, at, "kernel_param.arg", arg);
    mk_put(k, at, "kernel_param.perm", perm);
}

static void modparams(void **state)
{
    (void)state;
    mk_each_machine(m) for (int table = 0; table <= 1; table++)
    {
        struct mk *k = mk_new(m, RAM, param_types);
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t two = mk_alloc(k, 2 * 5 * ptr), get = mk_alloc(k, 32),
                       head = mk_alloc(k, 16);
        const uint64_t ops = mk_object(k, "kernel_param_ops"),
                       own = mk_object(k, "kernel_param_ops");
        const uint64_t module = mk_object(k, "module"), kp = mk_object(k, "kernel_param");
        const uint64_t value = mk_alloc(k, 4), folder = mk_object(k, "module_kobject");
        const uint64_t mp = mk_object(k, "module_param_attrs"), set = mk_object(k, "kset");
        const uint64_t pointer = mk_alloc(k, ptr);
        uint64_t link = mk_at(k, module, "module.list");

        mk_write_u32(k, value, 7);
        mk_symbol_sized(k, "param_get_int", get, 16);
        mk_symbol_sized(k, "get_own", get + 16, 16);
        mk_put(k, ops, "kernel_param_ops.get", get);
        mk_put(k, own, "kernel_param_ops.get", get + 16);
        put_param(k, two, "printk.time", ops, value, 0644);
        put_param(k, two + 5 * ptr, "quiet", own, value, 0);
        put_param(k, kp, "depth", ops, 8, 0400);
        mk_list(k, head, &link, 1);
        mk_symbol(k, "modules", head);
        mk_puts(k, module, "module.name", "mod");
        mk_put(k, module, "module.kp", kp);
        mk_put(k, module, "module.num_kp", 1);
        if (table) {
            mk_symbol(k, "__start___param", two);
            mk_symbol(k, "__stop___param", two + 10 * ptr);
        } else { // only what has a file
            link = mk_at(k, folder, "module_kobject.kobj.entry");
            mk_list(k, mk_at(k, set, "kset.list"), &link, 1);
            mk_write_ptr(k, pointer, set);
            mk_symbol(k, "module_kset", pointer);
            mk_put(k, folder, "module_kobject.kobj.name", text(k, "printk"));
            mk_put(k, folder, "module_kobject.mp", mp);
            mk_put(k, mp, "module_param_attrs.num", 1);
            mk_write_ptr(k, mk_at(k, mp, "module_param_attrs.attrs") + ptr, two);
        }
        assert_string_equal(mk_columns(mk_rows(k, "modparams", NULL), 1, 5),
                            table ? "printk|time|7|int|-rw-r--r--\n"
                                    "kernel|quiet||get_own|----------\n"
                                    "mod|depth|-|int|-r--------"
                                  : "printk|time|7|int|-rw-r--r--\nmod|depth|-|int|-r--------");
        assert_int_equal(mk_row_notes("__start___param is not known"), !table);
        mk_put(k, module, "module.num_kp", 1000000);
        mk_rows(k, "modparams", NULL);
        assert_int_equal(mk_row_notes("parameters of module mod"), 1);
        mk_free(k);
    }
}

/* ---- devices ---- */

static const char device_types[] = MK_LIST_TYPES
    "struct cdev { void *owner, *ops; };"
    "struct char_device_struct { struct char_device_struct *next; u32 major, baseminor;"
    "  int minorct; char name[64]; struct cdev *cdev; };"
    "struct blk_major_name { struct blk_major_name *next; int major; char name[16]; };"
    "struct miscdevice { int minor; const char *name; void *fops; struct list_head list; };"
    "struct probe { struct probe *next; u32 dev; unsigned long range; void *data; };"
    "struct kobj_map { struct probe *probes[255]; };"
    "struct file_operations { void *open, *read, *unlocked_ioctl; };";

static uint64_t serve(struct mk *k, uint64_t next, uint32_t dev, uint64_t range, uint64_t ops)
{
    const uint64_t probe = mk_object(k, "probe"), c = mk_object(k, "cdev");

    mk_put(k, c, "cdev.ops", ops);
    mk_put(k, probe, "probe.dev", dev);
    mk_put(k, probe, "probe.range", range);
    mk_put(k, probe, "probe.data", c);
    mk_put(k, probe, "probe.next", next);
    return probe;
}

static void devices(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, device_types);
        const unsigned ptr = mk_model(k)->ptr_size;
        const uint64_t chrdevs = mk_alloc(k, 255 * ptr), blocks = mk_alloc(k, 255 * ptr);
        const uint64_t map = mk_object(k, "kobj_map"), maps = mk_alloc(k, ptr);
        const uint64_t region = mk_object(k, "char_device_struct");
        const uint64_t other = mk_object(k, "char_device_struct");
        const uint64_t block = mk_object(k, "blk_major_name"), misc = mk_object(k, "miscdevice");
        const uint64_t head = mk_alloc(k, 16), ops = mk_alloc(k, 64);
        const uint64_t nameless = mk_object(k, "file_operations");
        uint64_t link = mk_at(k, misc, "miscdevice.list"), chain;
        char want[512];

        mk_symbol(k, "chrdevs", chrdevs);
        mk_symbol(k, "major_names", blocks);
        mk_symbol(k, "misc_list", head);
        mk_symbol(k, "cdev_map", maps);
        mk_symbol_sized(k, "tty_fops", ops, 16);
        mk_symbol_sized(k, "an_open", ops + 16, 16);
        mk_put(k, nameless, "file_operations.open", ops + 16);
        mk_write_ptr(k, maps, map);
        mk_list(k, head, &link, 1);
        mk_write_ptr(k, chrdevs + 4 * ptr, region);
        mk_put(k, region, "char_device_struct.major", 4);
        mk_put(k, region, "char_device_struct.baseminor", 1);
        mk_put(k, region, "char_device_struct.minorct", 8);
        mk_puts(k, region, "char_device_struct.name", "tty");
        mk_put(k, region, "char_device_struct.next", other);
        mk_put(k, other, "char_device_struct.major", 259);
        mk_put(k, other, "char_device_struct.minorct", 2);
        mk_puts(k, other, "char_device_struct.name", "idle");
        // Two of one set of functions, one of another, one of another region, and one of 259.
        chain = serve(k, 0, 4 << 20 | 3, 1, ops);
        chain = serve(k, chain, 4 << 20 | 2, 1, ops);
        chain = serve(k, chain, 4 << 20 | 6, 1, nameless);
        chain = serve(k, chain, 4 << 20 | 9, 1, nameless);
        chain = serve(k, chain, 5 << 20 | 1, 9, nameless);
        mk_write_ptr(k, map + 4 * ptr, chain);
        mk_write_ptr(k, blocks + 7 * ptr, block);
        mk_put(k, block, "blk_major_name.major", 7);
        mk_puts(k, block, "blk_major_name.name", "loop");
        mk_put(k, misc, "miscdevice.minor", 200);
        mk_put(k, misc, "miscdevice.name", text(k, "tun"));
        mk_put(k, misc, "miscdevice.fops", ops);
        snprintf(want, sizeof want,
                 "char|4|6|1|tty|||%#llx (an_open)\nchar|4|2|2|tty|||tty_fops\n"
                 "char|259|0|2|idle|||\nblock|7|||loop|||\nmisc|10|200||tun|||tty_fops",
                 (unsigned long long)nameless);
        assert_string_equal(mk_columns(mk_rows(k, "devices", NULL), 1, 8), want);
        assert_int_equal(mk_row_notes("devices of buses are missing"), 1);

        // Chains that lead back end, with a note, and no row is shown twice.
        mk_put(k, other, "char_device_struct.next", region);
        mk_put(k, block, "blk_major_name.next", block);
        assert_string_equal(mk_columns(mk_rows(k, "devices", NULL), 1, 8), want);
        assert_int_equal(mk_row_notes("the chain leads back to"), 2);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sysctl),    cmocka_unit_test(interrupts), cmocka_unit_test(cpus),
        cmocka_unit_test(modparams), cmocka_unit_test(devices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
