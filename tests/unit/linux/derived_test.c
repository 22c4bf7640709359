/* derived_test.c - by what variables are known that no table lists: each condition with a variable
 * that it is right for, and with one change that makes it wrong. */
#include "../../../plugins/linux/find/derived.h"
#include "check.h"
#include "mkimage.h"
#include <string.h>

/* Of kernel memory, nothing is executable here unless a test says so. */
#define NX (UINT64_C(1) << 63)
static const struct mk_machine machine = {
    "x86_64", "x86_64", 4, 12, 9, 8, 0xffff888000000000, NX | 0x63, 0x67,
};
enum { PAGE = 4096, IMAGE = 16 * PAGE };

static const char types[] =
    "struct list_head { struct list_head *next, *prev; };"
    "struct hlist_node { struct hlist_node *next, **pprev; };"
    "struct rb_node { unsigned long color; struct rb_node *left, *right; };"
    "struct linux_binfmt { struct list_head lh; int (*load_binary)(void); };"
    "struct packet_type { unsigned short type; struct list_head list; int (*func)(void); };"
    "struct file_system_type { const char *name; struct file_system_type *next; };"
    "struct tty_ldisc_ops { char *name; int num; int (*open)(void); };"
    "struct kprobe { struct hlist_node hlist; void *addr; };"
    "struct uprobe { struct rb_node rb_node; void *inode; };"
    "struct kobject { const char *name; };"
    "struct kset { struct list_head list; struct kobject kobj; };"
    "struct probe { struct probe *next; unsigned int dev; int (*get)(void); };"
    "struct kobj_map { struct probe *probes[255]; };"
    "struct ftrace_ops { int (*func)(void); struct ftrace_ops *next; unsigned long flags; };"
    "struct dyn_ftrace { unsigned long ip, flags; };"
    "struct ftrace_page { struct ftrace_page *next; struct dyn_ftrace *records; int index; };"
    "struct tracepoint { const char *name; };"
    "struct jump_entry { int code, target; long key; };"
    "struct security_hook_list { struct hlist_node list; void *hook, *scalls; };"
    "struct security_hook_heads { void *ptrace_access_check, *b, *c, *d, *e, *f, *g, *h, *i; };"
    "struct lsm_static_call { void *key, *trampoline, *hl, *active; };"
    "struct lsm_static_calls_table { struct lsm_static_call ptrace_access_check[2], b[2], c[2],"
    "  d[2], e[2]; };"
    "struct tracer { const char *name; };"
    "struct trace_array { struct list_head list; struct tracer *current_trace; };"
    "struct xarray { unsigned int xa_lock, xa_flags; void *xa_head; };"
    "struct xa_node { unsigned char shift; void *slots[64]; };"
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"
    "struct bpf_link { unsigned int id; };"
    "struct syscall_metadata { const char *name; int syscall_nr; };"
    "struct task_struct { long flags; void *stack; };";

struct world {
    struct mk *k;
    uint64_t image, code, other, var; /* code: a page of the image; other: outside of it */
    uint64_t text;                    /* "lab" */
    uint64_t found[DERIVED_MAX], room;
};

static struct world make(void)
{
    struct world w = { .k = mk_new(&machine, 4 << 20, types) };

    w.image = mk_alloc_aligned(w.k, IMAGE, PAGE);
    w.code = w.image;
    mk_protect(w.k, w.code, 0, NX);
    w.var = w.image + 4 * PAGE;
    w.text = w.image + PAGE;
    mk_write(w.k, w.text, "lab", 4);
    w.other = mk_alloc_aligned(w.k, PAGE, PAGE);
    mk_symbol(w.k, "net_rx_action", w.code + 64);
    mk_symbol(w.k, "__per_cpu_offset", w.image + 3 * PAGE);
    return w;
}

/** Does the variable w->var pass the test of the @nth line of the table with this name? */
static bool passes(struct world *w, const char *name, unsigned nth, uint64_t at)
{
    struct eg_system *sys = mk_system(w->k);
    struct linux_finder f = { .sys = sys, .v = sys->view, .phys = sys->image->phys };
    struct linux_candidate c = { .space = sys->kernel,
                                 .ts = sys->types,
                                 .start = w->image,
                                 .end = w->image + IMAGE,
                                 .symbols = (struct eg_profile *)sys->symbols.at[0].profile,
                                 .paging.arch = sys->arch };
    const struct derive d = { &f, &c, mk_model(w->k), w->found, &w->room };

    for (size_t i = 0; i < LINUX_WORKS; i++)
        f.left[i] = 1 << 20;
    w->room = 0;
    for (size_t i = 0; i < linux_derivable_n; i++)
        if (!strcmp(linux_derivable[i].name, name) && !nth--)
            return linux_derivable[i].test.passes(&d, &linux_derivable[i].test, at);
    fail_msg("no line for %s", name);
    return false;
}

/** Passes with the word at @at as it is, and with @wrong in its place not. */
static void two_sided(struct world *w, const char *name, uint64_t at, uint64_t wrong)
{
    const uint64_t right = mk_read_ptr(w->k, at);

    if (!passes(w, name, 0, w->var))
        fail_msg("%s: what is right does not pass", name);
    mk_write_ptr(w->k, at, wrong);
    if (passes(w, name, 0, w->var))
        fail_msg("%s: what is wrong passes", name);
    mk_write_ptr(w->k, at, right);
}

static uint64_t heads(struct world *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mk_list(w->k, w->var + 16 * (uint64_t)i, NULL, 0);
    return w->var;
}

static void lists(void **state)
{
    struct world w = make();
    const uint64_t format = mk_object(w.k, "linux_binfmt"), ip = mk_object(w.k, "packet_type"),
                   arp = mk_object(w.k, "packet_type"), tr = mk_object(w.k, "trace_array"),
                   tracer = mk_object(w.k, "tracer"), node = mk_at(w.k, ip, "packet_type.list");

    (void)state;
    mk_put(w.k, format, "linux_binfmt.load_binary", w.code + 64);
    assert_false(passes(&w, "formats", 0, heads(&w, 1)));
    mk_list(w.k, w.var, (const uint64_t[]){ mk_at(w.k, format, "linux_binfmt.lh") }, 1);
    two_sided(&w, "formats", mk_at(w.k, format, "linux_binfmt.load_binary"), w.other);
    two_sided(&w, "formats", mk_at(w.k, format, "linux_binfmt.lh"), 0);

    mk_put(w.k, ip, "packet_type.type", 0x0008); // in the order of networks
    mk_put(w.k, arp, "packet_type.type", 0x0608);
    mk_put(w.k, ip, "packet_type.func", w.code + 64);
    mk_put(w.k, arp, "packet_type.func", w.code + 128);
    heads(&w, 16);
    mk_list(w.k, w.var, &node, 1);
    assert_false(passes(&w, "ptype_base", 0, w.var)); // one chain alone says little
    mk_list(w.k, w.var + 6 * 16, (const uint64_t[]){ mk_at(w.k, arp, "packet_type.list") }, 1);
    two_sided(&w, "ptype_base", mk_at(w.k, arp, "packet_type.type"), 0x0708);
    assert_true(passes(&w, "ptype_base", 0, w.var));
    assert_int_equal(w.room, 256);
    assert_false(passes(&w, "ptype_base", 0, w.var + 16));

    mk_put(w.k, tr, "trace_array.current_trace", tracer);
    mk_put(w.k, tracer, "tracer.name", w.text);
    mk_list(w.k, w.var, (const uint64_t[]){ mk_at(w.k, tr, "trace_array.list") }, 1);
    two_sided(&w, "ftrace_trace_arrays", mk_at(w.k, tracer, "tracer.name"), w.other);
    mk_free(w.k);
}

static void arrays(void **state)
{
    struct world w = make();
    const uint64_t ext4 = mk_object(w.k, "file_system_type"),
                   proc = mk_object(w.k, "file_system_type"), tty = mk_object(w.k, "tty_ldisc_ops"),
                   slip = mk_object(w.k, "tty_ldisc_ops");

    (void)state;
    mk_put(w.k, ext4, "file_system_type.name", w.text);
    mk_put(w.k, proc, "file_system_type.name", w.text);
    mk_put(w.k, ext4, "file_system_type.next", proc);
    mk_write_ptr(w.k, w.var, ext4);
    two_sided(&w, "file_systems", mk_at(w.k, proc, "file_system_type.name"), w.other);
    two_sided(&w, "file_systems", mk_at(w.k, proc, "file_system_type.next"), ext4); // no end

    mk_put(w.k, tty, "tty_ldisc_ops.open", w.code);
    mk_put(w.k, slip, "tty_ldisc_ops.open", w.code);
    mk_put(w.k, slip, "tty_ldisc_ops.num", 2);
    mk_write_ptr(w.k, w.var, tty);
    mk_write_ptr(w.k, w.var + 16, slip);
    mk_write_ptr(w.k, w.var + 32, w.other); // another variable
    two_sided(&w, "tty_ldiscs", w.var, w.other);
    assert_true(passes(&w, "tty_ldiscs", 0, w.var));
    assert_int_equal(w.room, 32);
    assert_false(passes(&w, "tty_ldiscs", 0, w.var + 8)); // each has its number

    for (unsigned i = 0; i < 10; i++)
        mk_write_ptr(w.k, w.var + 8 * i, w.code + 64 * (i + 1));
    two_sided(&w, "softirq_vec", w.var + 72, w.other);
    two_sided(&w, "softirq_vec", w.var, w.code); // net_rx_action is not among them
    mk_free(w.k);
}

static void tables(void **state)
{
    struct world w = make();
    const uint64_t probe = mk_object(w.k, "kprobe"), up = mk_object(w.k, "uprobe"),
                   kset = mk_object(w.k, "kset"), map = mk_object(w.k, "kobj_map"),
                   major = mk_object(w.k, "probe");

    (void)state;
    assert_false(passes(&w, "kprobe_table", 0, w.var));
    assert_true(passes(&w, "kprobe_table", 1, w.var)); // empty, where nothing else can be meant
    mk_write_ptr(w.k, w.var + 24, probe);
    mk_write_ptr(w.k, probe + 8, w.var + 24);
    mk_put(w.k, probe, "kprobe.addr", w.code);
    assert_false(passes(&w, "kprobe_table", 1, w.var));
    two_sided(&w, "kprobe_table", probe + 8, w.var + 32);

    mk_write_ptr(w.k, w.var, 1 << 12);
    two_sided(&w, "tainted_mask", w.var, UINT64_C(1) << 24);

    mk_write_ptr(w.k, w.var, up);
    mk_put(w.k, up, "uprobe.rb_node.color", 1);
    mk_put(w.k, up, "uprobe.inode", w.other);
    two_sided(&w, "uprobes_tree", up, w.other); // it has a parent
    two_sided(&w, "uprobes_tree", mk_at(w.k, up, "uprobe.inode"), 0);

    mk_write(w.k, w.text, "module", 7);
    mk_put(w.k, kset, "kset.kobj.name", w.text);
    mk_write_ptr(w.k, w.var, kset);
    two_sided(&w, "module_kset", mk_at(w.k, kset, "kset.kobj.name"), w.text + 1);

    mk_put(w.k, major, "probe.get", w.code);
    for (unsigned i = 0; i < 255; i++)
        mk_write_ptr(w.k, map + 8 * i, major);
    mk_write_ptr(w.k, w.var, map);
    two_sided(&w, "cdev_map", map + 8 * 254, 0);
    mk_free(w.k);
}

static void idrs(void **state)
{
    struct world w = make();

    (void)state;
    mk_put(w.k, w.var, "idr.idr_rt.xa_flags", 1u << 26 | 4); // IDR_RT_MARKER
    assert_true(passes(&w, "link_idr", 0, w.var));
    mk_put(w.k, w.var, "idr.idr_rt.xa_flags", 3u << 26 | 4); // of other trees
    assert_false(passes(&w, "link_idr", 0, w.var));
    mk_put(w.k, w.var, "idr.idr_rt.xa_flags", 4);
    assert_false(passes(&w, "link_idr", 0, w.var));
    mk_put(w.k, w.var, "idr.idr_rt.xa_flags", 0);
    assert_false(passes(&w, "link_idr", 0, w.var));
    mk_free(w.k);
}

static void tracing(void **state)
{
    struct world w = make();
    const uint64_t stub = w.image + 2 * PAGE, ops = mk_object(w.k, "ftrace_ops"),
                   page = mk_object(w.k, "ftrace_page"), records = mk_object(w.k, "dyn_ftrace"),
                   point = w.image + 3 * PAGE;

    (void)state;
    mk_put(w.k, stub, "ftrace_ops.func", w.code);
    mk_put(w.k, stub, "ftrace_ops.flags", 1 << 5);
    mk_put(w.k, ops, "ftrace_ops.func", w.code);
    mk_put(w.k, ops, "ftrace_ops.next", stub);
    mk_write_ptr(w.k, w.var, ops);
    two_sided(&w, "ftrace_ops_list", mk_at(w.k, stub, "ftrace_ops.flags"), 0);
    two_sided(&w, "ftrace_ops_list", mk_at(w.k, stub, "ftrace_ops.next"), ops);

    mk_put(w.k, page, "ftrace_page.records", records);
    mk_put(w.k, records, "dyn_ftrace.ip", w.code + 8);
    mk_write_ptr(w.k, w.var, page);
    two_sided(&w, "ftrace_pages_start", records, w.var);

    mk_put(w.k, point, "tracepoint.name", w.text);
    for (unsigned i = 0; i < 3; i++)
        mk_write_u32(w.k, w.var + 4 * i, (uint32_t)(point - w.var - 4 * i));
    assert_true(passes(&w, "__start___tracepoints_ptrs", 0, w.var));
    assert_false(passes(&w, "__start___tracepoints_ptrs", 0, w.var + 4));
    for (size_t i = 0; i < linux_derivable_n; i++)
        if (!strcmp(linux_derivable[i].name, "__start___tracepoints_ptrs"))
            w.found[i] = w.var;
    assert_true(passes(&w, "__stop___tracepoints_ptrs", 0, w.var + 12));
    assert_false(passes(&w, "__stop___tracepoints_ptrs", 0, w.var + 8));
    mk_free(w.k);
}

static void jumps(void **state)
{
    enum { JUMPS = 3, ENTRY = 16 };
    struct world w = make();

    (void)state;
    for (unsigned i = 0; i < JUMPS; i++) {
        const uint64_t at = w.var + ENTRY * i;

        mk_put(w.k, at, "jump_entry.code", w.code + 8 * i - at);
        mk_put(w.k, at, "jump_entry.target", w.code + 64 - at - 4);
        mk_put(w.k, at, "jump_entry.key", (w.image + 2 * PAGE - at - 8) | i);
    }
    assert_true(passes(&w, "__start___jump_table", 0, w.var));
    assert_false(passes(&w, "__start___jump_table", 0, w.var + ENTRY));
    for (size_t i = 0; i < linux_derivable_n; i++)
        if (!strcmp(linux_derivable[i].name, "__start___jump_table"))
            w.found[i] = w.var;
    assert_true(passes(&w, "__stop___jump_table", 0, w.var + JUMPS * ENTRY));
    assert_false(passes(&w, "__stop___jump_table", 0, w.var + (JUMPS - 1) * ENTRY));
    mk_put(w.k, w.var + ENTRY, "jump_entry.key", w.code - w.var); // no data
    assert_false(passes(&w, "__stop___jump_table", 0, w.var + JUMPS * ENTRY));
    mk_free(w.k);
}

static void security(void **state)
{
    struct world w = make();
    const uint64_t step = mk_size(w.k, "lsm_static_call");
    uint64_t hooks[9];

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        hooks[i] = mk_object(w.k, "security_hook_list");
        mk_write_ptr(w.k, w.var + 8 * i, i ? hooks[i] : 0);
        mk_write_ptr(w.k, hooks[i] + 8, w.var + 8 * i);
        mk_put(w.k, hooks[i], "security_hook_list.hook", w.code);
    }
    two_sided(&w, "security_hook_heads", hooks[3] + 8, w.var);
    two_sided(&w, "security_hook_heads", mk_at(w.k, hooks[3], "security_hook_list.hook"), w.other);
    two_sided(&w, "security_hook_heads", w.var + 8, 0); // too few

    for (unsigned i = 0; i < 10; i++) {
        mk_put(w.k, w.var + step * i, "lsm_static_call.key", w.image + 2 * PAGE);
        mk_put(w.k, w.var + step * i, "lsm_static_call.hl", i < 9 ? hooks[i] : 0);
        if (i < 9)
            mk_put(w.k, hooks[i], "security_hook_list.scalls", w.var + step * (i & ~1u));
    }
    two_sided(&w, "static_calls_table", mk_at(w.k, hooks[3], "security_hook_list.scalls"),
              w.var - step);
    two_sided(&w, "static_calls_table", w.var + 3 * step, w.other); // a key is of the image
    mk_free(w.k);
}

/** Records of system calls by their number, half of which have to fit; a processor's task. */
static void calls_and_tasks(void **state)
{
    enum { LEAST = 33 };
    struct world w = make();
    const uint64_t table = mk_alloc(w.k, 64 * 8), step = mk_size(w.k, "syscall_metadata"),
                   records = w.image + 5 * PAGE, task = mk_object(w.k, "task_struct"),
                   stack = mk_alloc(w.k, 64);

    (void)state;
    mk_write(w.k, w.text + 16, "sys_lab", 8);
    mk_write_ptr(w.k, w.var, table);
    for (unsigned i = 0; i < LEAST; i++) {
        mk_put(w.k, records + i * step, "syscall_metadata.name", w.text + 16);
        mk_put(w.k, records + i * step, "syscall_metadata.syscall_nr", 2 * i % 64 + i / 32);
        mk_write_ptr(w.k, table + 8 * (2 * i % 64 + i / 32), records + i * step);
    }
    two_sided(&w, "syscalls_metadata", w.var, 0);
    two_sided(&w, "syscalls_metadata", mk_at(w.k, records, "syscall_metadata.name"), w.text);
    two_sided(&w, "syscalls_metadata", mk_at(w.k, records, "syscall_metadata.syscall_nr"), 1);
    two_sided(&w, "syscalls_metadata", table, 0);

    mk_write_ptr(w.k, w.image + 3 * PAGE, w.other - w.var); // of the first processor
    mk_write_ptr(w.k, w.other, task);
    mk_put(w.k, task, "task_struct.stack", stack);
    mk_write_ptr(w.k, stack, 0x57ac6e9d);
    two_sided(&w, "__entry_task", stack, 0x57ac6e9c);
    two_sided(&w, "__entry_task", mk_at(w.k, task, "task_struct.stack"), 0);
    two_sided(&w, "__entry_task", w.other, 0);
    mk_free(w.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_tasks), cmocka_unit_test(lists),    cmocka_unit_test(arrays),
        cmocka_unit_test(tables),          cmocka_unit_test(idrs),     cmocka_unit_test(tracing),
        cmocka_unit_test(jumps),           cmocka_unit_test(security),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
