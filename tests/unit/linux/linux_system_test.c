/* linux_system_test.c - the machine as a whole: physical map, clocks, CPUs, banner. */
#include "../../../plugins/linux/kernel/module.h"
#include "../../../plugins/linux/kernel/percpu.h"
#include "../../../plugins/linux/kernel/time.h"
#include "../../../plugins/linux/sched/task.h"
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mklinux.h"

static const char types[] = MK_LIST_TYPES
    "struct resource { u64 start, end; const char *name; struct resource *parent, *sibling, "
    "*child; };"
    "struct cpumask { unsigned long bits[2]; };"
    "struct new_utsname { char sysname[65], nodename[65], release[65], version[65]; };"
    "struct uts_namespace { int kref; struct new_utsname name; };"
    "struct timespec64 { s64 tv_sec; long tv_nsec; };"
    "struct tk_read_base { u32 shift; u64 xtime_nsec; };"
    "struct timekeeper { struct tk_read_base tkr_mono; u64 xtime_sec;"
    "                    struct timespec64 wall_to_monotonic; s64 offs_real, offs_boot; };"
    "struct ns_common { unsigned int inum; };"
    "struct timens_offsets { struct timespec64 monotonic, boottime; };"
    "struct time_namespace { struct ns_common ns; struct timens_offsets offsets; };"
    "struct nsproxy { struct time_namespace *time_ns; };"
    "struct clocksource { u32 mult, shift; };"
    "struct timer_list { unsigned long expires; };"
    "struct task_struct { struct list_head tasks; int pid, tgid; char comm[16];"
    "                     struct nsproxy *nsproxy; };";

EG_FIELDS(cpumask, bits);
EG_FIELDS(timer_list, expires);
EG_SYMBOL(a_variable, "u32");

enum { RAM = 1 << 20, N = 5 };

static uint64_t text(struct mk *k, const char *s)
{
    uint64_t at = mk_alloc(k, strlen(s) + 1);

    mk_write(k, at, s, strlen(s) + 1);
    return at;
}

/* ---- the physical map ---- */

/** root: a (b, c (d)), e */
static void make_resources(struct mk *k, uint64_t root, uint64_t *o)
{
    static const struct {
        uint64_t start, end;
        const char *name;
        int parent, sibling, child; /* 0 the root; -1 none; else number */
    } all[N] = {
        { 0x1000, 0x8fff, "a", 0, 5, 2 },     { 0x1000, 0x1fff, "b", 1, 3, -1 },
        { 0x4000, 0x7fff, "c", 1, -1, 4 },    { 0x5000, 0x5fff, "d", 3, -1, -1 },
        { 0x10000, 0x1ffff, "e", 0, -1, -1 },
    };

    for (int i = 0; i < N; i++)
        o[i + 1] = mk_object(k, "resource");
    o[0] = root;
    mk_put(k, root, "resource.child", o[1]);
    mk_put(k, root, "resource.end", UINT64_MAX);
    for (int i = 0; i < N; i++) {
        mk_put(k, o[i + 1], "resource.start", all[i].start);
        mk_put(k, o[i + 1], "resource.end", all[i].end);
        mk_put(k, o[i + 1], "resource.name", text(k, all[i].name));
        mk_put(k, o[i + 1], "resource.parent", o[all[i].parent]);
        mk_put(k, o[i + 1], "resource.sibling", all[i].sibling < 0 ? 0 : o[all[i].sibling]);
        mk_put(k, o[i + 1], "resource.child", all[i].child < 0 ? 0 : o[all[i].child]);
    }
}

static void iomem(void **state)
{
    static const char whole[] =
        "a|0x1000|0x8fff|\n.b|0x1000|0x1fff|0x1000\n.c|0x4000|0x7fff|0x1000\n"
        "..d|0x5000|0x5fff|0x4000\ne|0x10000|0x1ffff|";
    static const struct {
        const char *member;
        int of, to; /* -1: nowhere */
        const char *rows;
    } cases[] = {
        { "resource.sibling", 3, 2, whole }, // back among its own
        { "resource.child", 4, 1, whole },   // a part that is above
        { "resource.sibling", 5, 5, whole }, // itself
        { "resource.child", 1, -1, "a|0x1000|0x8fff|\ne|0x10000|0x1ffff|" },
        { "resource.sibling", 1, 4,
          "a|0x1000|0x8fff|\n.b|0x1000|0x1fff|0x1000\n"
          ".c|0x4000|0x7fff|0x1000\n..d|0x5000|0x5fff|0x4000" },
        { "resource.child", 0, -1, "" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        uint64_t root = mk_object(k, "resource"), o[N + 1];

        mk_symbol(k, "iomem_resource", root);
        make_resources(k, root, o);
        assert_string_equal(mk_rows(k, "iomem", NULL), whole);
        assert_int_equal(mk_row_notes(NULL), 0);
        for (size_t i = 0; i < countof(cases); i++) {
            uint64_t at = o[cases[i].of], was;

            was = mk_read_ptr(k, mk_at(k, at, cases[i].member));
            mk_put(k, at, cases[i].member, cases[i].to < 0 ? 0x10000 : o[cases[i].to]);
            assert_string_equal(mk_rows(k, "iomem", NULL), cases[i].rows);
            assert_int_equal(mk_row_notes("left out"), 1);
            mk_put(k, at, cases[i].member, was);
        }
        mk_put(k, o[1], "resource.child", o[0]); // the whole as a part of its part
        mk_put(k, o[0], "resource.parent", o[1]);
        assert_string_equal(mk_rows(k, "iomem", NULL), "a|0x1000|0x8fff|\ne|0x10000|0x1ffff|");
        assert_int_equal(mk_row_notes("left out"), 1);
        mk_free(k);
    }
}

/* ---- clocks ---- */

static void clocks(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        uint64_t init = mk_object(k, "task_struct"), tk = mk_alloc(k, 256), links[3];
        uint64_t keeper = tk + 16, other = 0, proxies[3];

        for (uint64_t i = 0; i < 3; i++) { // the first and the last are in one namespace
            uint64_t t = mk_object(k, "task_struct"), proxy = mk_object(k, "nsproxy");
            uint64_t ns = mk_object(k, "time_namespace");

            links[i] = mk_at(k, t, "task_struct.tasks");
            proxies[i] = proxy;
            other = i == 1 ? ns : other;
            mk_put(k, t, "task_struct.nsproxy", proxy);
            if (i < 2) {
                mk_put(k, ns, "time_namespace.ns.inum", 100 + i);
                mk_put(k, ns, "time_namespace.offsets.boottime.tv_sec", 3600 * i);
                mk_put(k, proxy, "nsproxy.time_ns", ns);
            } else {
                mk_put(k, proxy, "nsproxy.time_ns", 0);
            }
        }
        mk_list(k, mk_at(k, init, "task_struct.tasks"), links, 3);
        mk_symbol(k, "init_task", init);
        mk_symbol(k, "tk_core", tk);
        mk_put(k, keeper, "timekeeper.xtime_sec", 86400 + 7200);
        mk_put(k, keeper, "timekeeper.tkr_mono.shift", 8);
        mk_put(k, keeper, "timekeeper.tkr_mono.xtime_nsec", 250000000ull << 8);
        mk_put(k, keeper, "timekeeper.offs_real", 86400000000000);
        mk_put(k, keeper, "timekeeper.offs_boot", 60000000000); // it slept for a minute
        mk_put(k, keeper, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-86400);
        assert_string_equal(mk_rows(k, "boottime", NULL),
                            "100|1970-01-01T23:59:00Z|1970-01-02T02:00:00.25Z|7260.250000\n"
                            "101|1970-01-01T22:59:00Z|1970-01-02T02:00:00.25Z|10860.250000");
        mk_put(k, keeper, "timekeeper.tkr_mono.shift", 200);
        assert_string_equal(mk_rows(k, "boottime", NULL),
                            "100|1970-01-01T23:59:00Z||\n101|1970-01-01T22:59:00Z||");
        mk_put(k, keeper, "timekeeper.offs_real", 0);
        assert_string_equal(mk_rows(k, "boottime", NULL), "100|-|-|-\n101|-|-|-");
        // A namespace without its offset is not taken for one without an offset.
        mk_put(k, keeper, "timekeeper.offs_real", 86400000000000);
        mk_put(k, other, "time_namespace.offsets.boottime.tv_sec", UINT64_C(1) << 62);
        assert_string_equal(mk_rows(k, "boottime", NULL), "100|1970-01-01T23:59:00Z||\n101|-|-|-");
        mk_put(k, proxies[1], "nsproxy.time_ns", 0x10000);
        assert_string_equal(mk_rows(k, "boottime", NULL), "100|1970-01-01T23:59:00Z||");
        assert_int_equal(mk_row_notes("left out"), 1);
        // A kernel without time namespaces has the pointers all the same.
        mk_put(k, proxies[0], "nsproxy.time_ns", 0);
        mk_put(k, proxies[1], "nsproxy.time_ns", 0);
        assert_string_equal(mk_rows(k, "boottime", NULL), "|1970-01-01T23:59:00Z||");
        mk_free(k);
    }
}

/* ---- CPUs ---- */

static void cpus(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        static const uint64_t offsets[] = { 0x1000, 0x2000, UINT64_C(0) - 0x3000 };
        uint64_t mask = mk_object(k, "cpumask");
        struct linux_state *s;
        struct eg_run *r;
        unsigned cpu = ~0u;

        mk_symbol(k, "__cpu_online_mask", mask);
        mk_symbol(k, "a_variable", 0x8000);
        mk_write_ptr(k, mk_at(k, mask, "cpumask.bits"), 5);
        mk_rows(k, "vmcoreinfo", NULL); // makes the layer's state
        r = mk_run(k);
        s = linux_state(eg_system_of(r));
        assert_false(linux_next_cpu(r, &cpu));
        assert_int_equal(linux_percpu(r, eg_sym(r, a_variable), 0).why, EG_NO_SYMBOL);
        s->n_cpus = 3;
        s->percpu_offset = offsets;
        assert_true(linux_next_cpu(r, &cpu) && cpu == 0);
        assert_true(linux_next_cpu(r, &cpu) && cpu == 2);
        assert_false(linux_next_cpu(r, &cpu));
        assert_int_equal(linux_percpu(r, eg_sym(r, a_variable), 1).addr, 0xa000);
        assert_int_equal(linux_percpu(r, eg_sym(r, a_variable), 2).addr, 0x5000);
        assert_int_equal(linux_percpu(r, eg_sym(r, a_variable), 3).why, EG_NO_SYMBOL);
        mk_free(k);
    }
}

/** What counts from boot, and what counts ticks, as wall time. */
static void wall_times(void **state)
{
    enum { HZ = 250, JIFFIES = 5000, SHIFT = 8 };
    const int64_t second = 1000000000, real = 1700000000 * second, asleep = 30 * second;

    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        uint64_t core = mk_alloc_aligned(k, 256, 8), tk = core + 8, jiffies = mk_alloc(k, 8);
        uint64_t clock = mk_object(k, "clocksource"), timer = mk_object(k, "timer_list");
        struct eg_obj expires;
        struct eg_run *r;
        struct eg_cell c;

        mk_symbol(k, "tk_core", core);
        mk_symbol(k, "jiffies_64", jiffies);
        mk_symbol(k, "clocksource_jiffies", clock);
        mk_put(k, tk, "timekeeper.offs_real", (uint64_t)real);
        mk_put(k, tk, "timekeeper.offs_boot", (uint64_t)asleep);
        mk_put(k, tk, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-1700000000);
        mk_put(k, tk, "timekeeper.xtime_sec", 1700000100);
        mk_put(k, clock, "clocksource.mult", (1000000000 / HZ) << SHIFT);
        mk_put(k, clock, "clocksource.shift", SHIFT);
        mk_write_u32(k, jiffies + (mk_model(k)->big_endian ? 4 : 0), JIFFIES);
        r = mk_run(k);
        expires = eg_at(eg_object(r, timer_list, timer), timer_list.expires);

        mk_put(k, timer, "timer_list.expires", JIFFIES + 2 * HZ);
        c = linux_wall_of(r, LINUX_JIFFIES, expires);
        assert_int_equal(c.tag, EG_CELL_INT);
        assert_int_equal(c.i, 1700000102 * second);
        mk_put(k, timer, "timer_list.expires", (uint64_t)JIFFIES - 4 * HZ); // it is over
        assert_int_equal(linux_wall_of(r, LINUX_JIFFIES, expires).i, 1700000096 * second);
        mk_put(k, timer, "timer_list.expires", 1000000000);
        assert_int_equal(linux_wall_of(r, LINUX_MONOTONIC, expires).i, real + second);
        assert_int_equal(linux_wall_of(r, LINUX_BOOTTIME, expires).i, real - asleep + second);
        mk_put(k, clock, "clocksource.mult", 0);
        assert_int_equal(linux_wall_of(r, LINUX_JIFFIES, expires).tag, EG_CELL_BAD);
        assert_int_equal(linux_wall_of(r, LINUX_JIFFIES, LINUX_NOBODY).obj.why, EG_NULL);
        mk_free(k);
    }
}

/** Of a kernel that names no data: by what it must hold. */
static void searched(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);
        uint64_t image = mk_alloc_aligned(k, 4 * mk_page_size(k), mk_page_size(k));
        uint64_t uts = mk_object(k, "uts_namespace"), keeper = image + 3 * mk_page_size(k) - 24;
        const char line[] = "Linux version 6.1.0 (x@y) #1 SMP\n";
        struct linux_state *s;
        int64_t boot = 0;

        mk_symbol(k, "init_uts_ns", uts);
        mk_puts(k, uts, "uts_namespace.name.release", "6.1.0");
        mk_puts(k, uts, "uts_namespace.name.version", "#1 SMP");
        mk_write(k, image + 50, "Linux version 6.1.0 (x@y) # SMP\n", 33);       // without a date
        mk_write(k, image + 100, "<5>Linux version 6.1.0 (x@y) #1 SMP<6>", 39); // in the log
        mk_write(k, image + 4 * mk_page_size(k) - sizeof line, line, sizeof line);
        mk_put(k, image + 8, "timekeeper.offs_real", 1700000000000000000); // and nothing else
        mk_put(k, keeper, "timekeeper.offs_real", 1700000000000000000);
        mk_put(k, keeper, "timekeeper.offs_boot", 5);
        mk_put(k, keeper, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-1700000000);
        mk_rows(k, "vmcoreinfo", NULL); // makes the layer's state
        s = linux_state(mk_system(k));
        s->image_start = image;
        s->image_end = image + 4 * mk_page_size(k);
        mk_unmap(k, image + mk_page_size(k)); // a hole is stepped over
        assert_true(linux_boot_time(mk_run(k), &boot));
        assert_int_equal(boot, 1700000000000000000 - 5);
        s->image_end = 0; // what was found is kept
        assert_true(linux_boot_time(mk_run(k), &boot));
        s->image_end = image + 4 * mk_page_size(k);
        assert_string_equal(strchr(mk_rows(k, "banner", NULL), '|'),
                            "|Linux version 6.1.0 (x@y) #1 SMP");
        mk_free(k);
    }
}

static void banner(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk *k = mk_new(m, RAM, types);

        mk_symbol(k, "linux_banner", text(k, "Linux version 6.1.0 (x@y) #1 SMP\n"));
        assert_string_equal(strchr(mk_rows(k, "banner", NULL), '|'),
                            "|Linux version 6.1.0 (x@y) #1 SMP");
        mk_free(k);
    }
}

/** VMCOREINFO in the first page of memory, and in the last. */
static void vmcoreinfo(void **state)
{
    static _Alignas(4096) uint8_t pages[4 * 4096];
    struct mk *k = mk_new(&mk_machines[0], RAM, types);
    struct eg_image *image = mk_system(k)->image;
    struct eg_space *phys = image->phys;

    (void)state;
    strcpy((char *)pages, "OSRELEASE=6.1.0\n");
    strcpy((char *)pages + 3 * 4096, "OSRELEASE=5.10.0\n");
    assert_int_equal(eg_memory_open(&image->phys, pages, sizeof pages, NULL), 0);
    assert_string_equal(mk_rows(k, "vmcoreinfo", NULL),
                        "0x0|OSRELEASE|6.1.0\n0x3000|OSRELEASE|5.10.0");
    eg_space_close(image->phys);
    image->phys = phys;
    mk_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iomem),      cmocka_unit_test(clocks), cmocka_unit_test(cpus),
        cmocka_unit_test(searched),   cmocka_unit_test(banner), cmocka_unit_test(wall_times),
        cmocka_unit_test(vmcoreinfo),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
