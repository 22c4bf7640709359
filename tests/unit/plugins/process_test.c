/* process_test.c - cgroups, orphans, namespaces, environ_diff, timeline, elfs: each of their rules,
 * and what is close to it. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

/* ---- cgroups ---- */

#define ID   "0123456789ab"
#define ID64 ID ID ID ID ID "cdef"

/** A group by its path; of the hierarchy @root. */
static uint64_t make_group(struct mk_guest *g, const char *path, uint64_t root)
{
    uint64_t node = mk_object(g->k, "kernfs_node"), group = mk_object(g->k, "cgroup");
    char copy[200], *save = NULL;

    mk_put(g->k, node, "kernfs_node.name", mk_text(g->k, ""));
    snprintf(copy, sizeof copy, "%s", path);
    for (char *s = copy, *name; (name = strtok_r(s, "/", &save)); s = NULL) {
        uint64_t child = mk_object(g->k, "kernfs_node");

        mk_put(g->k, child, "kernfs_node.parent", node);
        mk_put(g->k, child, "kernfs_node.name", mk_text(g->k, name));
        node = child;
    }
    mk_put(g->k, group, "cgroup.kn", node);
    mk_put(g->k, group, "cgroup.root", root);
    mk_put(g->k, group, "cgroup.self.flags", 2); // CSS_ONLINE
    return group;
}

static void join(struct mk_guest *g, uint64_t set, uint64_t group)
{
    uint64_t link = mk_object(g->k, "cgrp_cset_link");

    mk_put(g->k, link, "cgrp_cset_link.cgrp", group);
    mk_list_append(g->k, mk_at(g->k, set, "css_set.cgrp_links"),
                   mk_at(g->k, link, "cgrp_cset_link.cgrp_link"));
}

static void cgroups(void **state)
{
    static const struct {
        const char *path, *container; // and who made it
    } cases[] = {
        { "/", "|" },
        { "/system.slice/ssh.service", "|" },
        { "/system.slice/docker-" ID64 ".scope", ID64 "|docker" },
        { "/docker/" ID, ID "|docker" },
        { "/docker/0123456789a", "|" },
        { "/docker/builder", "|" },
        { "/x/libpod-conmon-" ID ".scope", ID "|podman's monitor" },
        { "/x/libpod-" ID ".scope", ID "|podman" },
        { "/x/libpod-" ID "/container", ID "|podman" },
        { "/system.slice/cri-containerd-" ID ".scope", ID "|containerd" },
        { "/k/cri-containerd:" ID, ID "|containerd" },
        { "/k/crio-" ID ".scope", ID "|cri-o" },
        { "/k/crio-" ID, ID "|cri-o" },
        { "/k/crio-0123456789a", "|" },
        { "/lxc.payload.web/init.scope", "web|lxc" },
        { "/lxc/web/ns", "web|lxc" },
        { "/machine.slice/machine-a.scope", "a|systemd-nspawn or libvirt" },
        { "/machine.slice/a.scope", "|" },
        { "/kubepods/burstable/pod1ab00000-0000-4000-8000-000000000001/" ID, ID "|kubernetes" },
        { "/kubepods/burstable/pod1/" ID, "|" },
        { "/a/" ID64, ID64 "|unknown" },
        { "/a/" ID64 "0", "|" },
        { "/a/" ID64 "/b", ID64 "|unknown" },
        { "/docker/" ID64 "/docker/" ID, ID "|docker" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t root = mk_object(g.k, "cgroup_root"), sets[countof(cases)], t;

        t = mk_guest_task(&g, 1, "init", 0);
        for (size_t i = 0; i < countof(cases); i++) {
            uint64_t group = make_group(&g, cases[i].path, root);

            sets[i] = mk_object(g.k, "css_set");
            join(&g, sets[i], group);
            mk_put(g.k, sets[i], "css_set.dfl_cgrp", group);
        }
        for (size_t i = 0; i < countof(cases); i++) {
            char want[300];

            mk_put(g.k, t, "task_struct.cgroups", sets[i]);
            snprintf(want, sizeof want, "1|init|0||%s|%s", cases[i].path, cases[i].container);
            assert_string_equal(mk_guest_rows(&g, "cgroups", NULL), want);
            if (cases[i].container[0] == '|')
                want[0] = 0;
            assert_string_equal(mk_guest_rows(&g, "cgroups", "containers"), want);
        }
        mk_free(g.k);
    }
}

/** Hierarchies of version 1, groups that were removed, processes that end, and what is broken. */
static void cgroups_old(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t roots[3], groups[3], set = mk_object(g.k, "css_set"), t;

        t = mk_guest_task(&g, 7, "p", 0);
        mk_put(g.k, t, "task_struct.cgroups", set);
        for (uint64_t i = 0; i < 3; i++) {
            static const char *const names[] = { "cpu", "cpuacct", "memory" };
            uint64_t css = mk_object(g.k, "cgroup_subsys_state");
            uint64_t ss = mk_object(g.k, "cgroup_subsys");

            roots[i] = mk_object(g.k, "cgroup_root");
            mk_put(g.k, roots[i], "cgroup_root.hierarchy_id", 3 * i);
            groups[i] = make_group(&g, i ? "/a" : "/b", roots[i]);
            join(&g, set, groups[i]);
            // The first two subsystems are of the second hierarchy.
            mk_put(g.k, ss, "cgroup_subsys.legacy_name", mk_text(g.k, names[i]));
            mk_put(g.k, css, "cgroup_subsys_state.ss", ss);
            mk_put(g.k, css, "cgroup_subsys_state.cgroup", i < 2 ? groups[1] : groups[0]);
            if (i < 2)
                mk_write_ptr(g.k, mk_at(g.k, set, "css_set.subsys") + i * mk_model(g.k)->ptr_size,
                             css);
        }
        mk_put(g.k, mk_of(&g, set, "css_set.subsys"), "cgroup_subsys_state.cgroup", groups[1]);
        mk_puts(g.k, roots[2], "cgroup_root.name", "systemd");
        mk_put(g.k, set, "css_set.dfl_cgrp", groups[0]);
        assert_string_equal(mk_guest_rows(&g, "cgroups", NULL), "7|p|6|name=systemd|/a||\n"
                                                                "7|p|3|cpu,cpuacct|/a||\n"
                                                                "7|p|0||/b||");
        for (int i = 0; i < 3; i++)
            mk_put(g.k, groups[i], "cgroup.self.flags", 1);
        mk_put(g.k, t, "task_struct.flags", MK_EXITING);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "cgroups", NULL), 4, 4),
                            "/\n/\n/b (deleted)");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_put(g.k, groups[0], "cgroup.kn", 0x10000);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "cgroups", NULL), 4, 4), "/\n/\n");
        assert_int_equal(mk_row_notes("process 7: the path of a group cannot be read"), 1);
        mk_put(g.k, t, "task_struct.cgroups", 0);
        assert_string_equal(mk_guest_rows(&g, "cgroups", NULL), "");
        assert_int_equal(mk_row_notes("process 7: its groups cannot be read"), 1);
        mk_free(g.k);
    }
}

/* ---- orphans ---- */

static void orphans(void **state)
{
    enum { INIT, KTHREADD };
    static const struct {
        const char *comm;
        uint64_t flags;
        int parent;
        const char *argv0; // NULL: no memory
        const char *reason;
    } cases[] = {
        { "kworker/1:0", MK_KTHREAD, KTHREADD, NULL, "" },
        { "kworker/1:0", MK_KTHREAD, KTHREADD, "x", "a kernel thread with memory of its own" },
        { "kworker/1:0", MK_KTHREAD, INIT, NULL, "a kernel thread whose parent is not kthreadd" },
        { "prog", 0, INIT, "prog", "" },
        { "[kworker/1:0]", 0, INIT, "prog", "a kernel thread's name, and user memory" },
        { "kworker/9:9-x", 0, INIT, "prog", "a kernel thread's name, and user memory" },
        { "own_thread", 0, INIT, "prog", "a kernel thread's name, and user memory" },
        { "kwork", 0, INIT, "prog", "" },
        { "abc", 0, INIT, "prog", "" }, // as a kernel thread's, but too short to be told
        { "kworker/9:9", MK_EXITING, INIT, NULL, "a kernel thread's name, not the flag of one" },
        { "prog", 0, INIT, NULL, "no memory, and neither a kernel thread nor ended" },
        { "prog", MK_EXITING, INIT, NULL, "" },
        { "prog", 0, INIT, "[kthreadd]", "argv[0] in brackets, as ps shows kernel threads" },
        { "prog", 0, INIT, "[kthreadd", "" },
        { "modprobe", 0, KTHREADD, "modprobe", "a process whose parent is kthreadd" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t tasks[2], t, dentry = mk_guest_dentry(&g, g.top, "exe"), mm;
        static const char *const threads[] = { "kworker/0:1", "own_thread", "abc" };

        tasks[INIT] = mk_guest_task(&g, 1, "init", 0);
        MK_MM(&g, tasks[INIT], "init\0", "");
        tasks[KTHREADD] = mk_guest_task(&g, 2, "kthreadd", 0);
        mk_put(g.k, tasks[KTHREADD], "task_struct.flags", MK_KTHREAD);
        for (int n = 0; n < 3; n++)
            mk_put(g.k, mk_guest_task(&g, 3 + n, threads[n], tasks[KTHREADD]), "task_struct.flags",
                   MK_KTHREAD);
        t = mk_guest_task(&g, 50, cases[i].comm, tasks[cases[i].parent]);
        mk_put(g.k, t, "task_struct.flags", cases[i].flags);
        if (cases[i].argv0) {
            mm = mk_guest_mm(&g, t, cases[i].argv0, strlen(cases[i].argv0) + 1, "", 0);
            mk_put(g.k, mm, "mm_struct.exe_file", mk_guest_file(&g, dentry));
        }
        assert_string_equal(mk_columns(mk_guest_rows(&g, "orphans", NULL), 7, 7), cases[i].reason);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "orphans", NULL), 6, 6),
                            cases[i].argv0 && *cases[i].reason ? "/exe" : "");
        assert_string_equal(mk_guest_rows(&g, "orphans", "pid=2"), "");
        mk_put(g.k, tasks[KTHREADD], "task_struct.real_parent", tasks[INIT]);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "orphans", "pid=2"), 1, 7),
                            "2|1|kthreadd|true|0x0||kthreadd has a parent");
        mk_free(g.k);
    }
}

/* ---- namespaces ---- */

static void namespaces(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 60, "box", init);
        uint64_t u = mk_guest_task(&g, 50, "two", init), proxy = mk_object(g.k, "nsproxy");
        uint64_t net = mk_object(g.k, "net"), user = mk_object(g.k, "user_namespace");
        uint64_t pid = mk_object(g.k, "pid_namespace"), id = mk_alloc(g.k, 2048), size;

        // box has its own net, user and pid namespace; it has ids 60 and 1.
        mk_put(g.k, net, "net.ns.inum", 300);
        mk_put(g.k, user, "user_namespace.ns.inum", 301);
        mk_put(g.k, pid, "pid_namespace.ns.inum", 302);
        mk_put(g.k, proxy, "nsproxy.net_ns", net);
        mk_put(g.k, t, "task_struct.nsproxy", proxy);
        mk_put(g.k, mk_of(&g, t, "task_struct.real_cred"), "cred.user_ns", user);
        size = mk_at(g.k, 0, "upid.ns") + mk_model(g.k)->ptr_size;
        mk_put(g.k, id, "pid.level", 1);
        mk_write_ptr(g.k, mk_at(g.k, id, "pid.numbers") + size + mk_at(g.k, 0, "upid.ns"), pid);
        mk_put(g.k, t, "task_struct.thread_pid", id);
        mk_put(g.k, u, "task_struct.nsproxy", 0); // it is ending

        assert_string_equal(mk_columns(mk_guest_rows(&g, "namespaces", NULL), 1, 7),
                            "mnt|103|true|1|1|init|1\n"
                            "uts|101|true|1|1|init|1\n"
                            "ipc|102|true|1|1|init|1\n"
                            "net|105|true|1|1|init|1\n"
                            "cgroup|107|true|1|1|init|1\n"
                            "time|106|true|1|1|init|1\n"
                            "time_for_children|106|true|1|1|init|1\n"
                            "pid_for_children|104|true|1|1|init|1\n"
                            "pid|104|true|2|1|init|1 50\n"
                            "user|100|true|2|1|init|1 50\n"
                            "net|300|false|1|60|box|60\n"
                            "pid|302|false|1|60|box|60\n"
                            "user|301|false|1|60|box|60");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "namespaces", "others type=net"), 1, 2),
                            "net|300");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "namespaces", "pid=50"), 1, 4),
                            "pid|104|true|2\nuser|100|true|2");
        mk_put(g.k, id, "pid.level", 33); // one more than a kernel nests
        mk_write_ptr(g.k, mk_at(g.k, id, "pid.numbers") + 33 * size + mk_at(g.k, 0, "upid.ns"),
                     pid);
        assert_string_equal(mk_columns(mk_guest_rows(&g, "namespaces", "others"), 1, 2),
                            "net|300\nuser|301");
        mk_free(g.k);
    }
}

/* ---- environ_diff ---- */

static void environ_diff(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 9, "p", init),
                 thread;
        uint64_t k = mk_guest_task(&g, 10, "none", t), same = mk_guest_task(&g, 11, "same", init);
        static const char want[] = "9|1|p|init|changed|B|9|2\n9|1|p|init|added|D|4|\n"
                                   "9|1|p|init|removed|C||3=";

        MK_MM(&g, init, "init\0", "A=1\0B=2\0C=3=\0");
        MK_MM(&g, t, "p\0", "A=1\0B=9\0D=4\0B=2\0no equals\0");
        MK_MM(&g, same, "p\0", "C=3=\0B=2\0A=1\0");
        (void)k;
        assert_string_equal(mk_guest_rows(&g, "environ_diff", NULL), want);
        assert_string_equal(mk_guest_rows(&g, "environ_diff", "pid=1"), "");
        assert_string_equal(mk_guest_rows(&g, "environ_diff", "key=D"), "9|1|p|init|added|D|4|");
        // The parent is a process, whichever of its threads called fork().
        thread = mk_object(g.k, "task_struct");
        mk_put(g.k, thread, "task_struct.group_leader", init);
        mk_put(g.k, thread, "task_struct.pid", 5);
        mk_put(g.k, thread, "task_struct.tgid", 1);
        mk_put(g.k, t, "task_struct.real_parent", thread);
        assert_string_equal(mk_guest_rows(&g, "environ_diff", NULL), want);
        mk_free(g.k);
    }
}

/* ---- timeline ---- */

static void put_log(struct mk_guest *g, uint64_t id, uint64_t ns, uint32_t caller, const char *text)
{
    const unsigned word = mk_model(g->k)->ptr_size;
    static uint64_t rb, descs, infos, data;
    uint64_t desc, info;

    if (id == 1) {
        uint64_t prb = mk_alloc(g->k, 8);

        rb = mk_object(g->k, "printk_ringbuffer");
        descs = mk_alloc(g->k, 8 * 3 * word);
        infos = mk_alloc(g->k, 8 * 128);
        data = mk_alloc(g->k, 256);
        mk_put(g->k, rb, "printk_ringbuffer.desc_ring.count_bits", 3);
        mk_put(g->k, rb, "printk_ringbuffer.desc_ring.descs", descs);
        mk_put(g->k, rb, "printk_ringbuffer.desc_ring.infos", infos);
        mk_put(g->k, rb, "printk_ringbuffer.text_data_ring.size_bits", 8);
        mk_put(g->k, rb, "printk_ringbuffer.text_data_ring.data", data);
        mk_write_ptr(g->k, prb, rb);
        mk_symbol(g->k, "prb", prb);
        mk_put(g->k, rb, "printk_ringbuffer.desc_ring.tail_id.counter", 1);
    }
    desc = descs + id * 3 * word;
    info = infos + id * (mk_at(g->k, 0, "printk_info.dev_info") + 64);
    mk_write_ptr(g->k, data + 32 * id, id);
    mk_write(g->k, data + 32 * id + word, text, strlen(text));
    mk_put(g->k, desc, "prb_desc.text_blk_lpos.begin", 32 * id);
    mk_put(g->k, desc, "prb_desc.text_blk_lpos.next", 32 * (id + 1));
    mk_put(g->k, desc, "prb_desc.state_var.counter", id | UINT64_C(2) << (8 * word - 2));
    mk_put(g->k, info, "printk_info.seq", id);
    mk_put(g->k, info, "printk_info.ts_nsec", ns);
    mk_put(g->k, info, "printk_info.text_len", strlen(text));
    mk_put(g->k, info, "printk_info.caller_id", caller);
    mk_put(g->k, rb, "printk_ringbuffer.desc_ring.head_id.counter", id);
}

static void timeline(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = mk_guest(m, NULL);
        uint64_t init = mk_guest_task(&g, 1, "init", 0), t = mk_guest_task(&g, 9, "p", init);
        uint64_t thread = mk_object(g.k, "task_struct"), tk = mk_alloc(g.k, 256), keeper = tk + 16;

        mk_symbol(g.k, "tk_core", tk);
        mk_put(g.k, keeper, "timekeeper.xtime_sec", 86400 + 7200);
        mk_put(g.k, keeper, "timekeeper.tkr_mono.shift", 8);
        mk_put(g.k, keeper, "timekeeper.tkr_mono.xtime_nsec", 250000000ull << 8);
        mk_put(g.k, keeper, "timekeeper.offs_real", 86400000000000);
        mk_put(g.k, keeper, "timekeeper.wall_to_monotonic.tv_sec", (uint64_t)-86400);
        mk_put(g.k, init, "task_struct.start_boottime", 1);
        mk_put(g.k, t, "task_struct.start_boottime", 5000000000);
        mk_puts(g.k, thread, "task_struct.comm", "worker");
        mk_put(g.k, thread, "task_struct.pid", 10);
        mk_put(g.k, thread, "task_struct.tgid", 9);
        mk_put(g.k, thread, "task_struct.start_boottime", 7000000001);
        mk_list_append(g.k,
                       mk_at(g.k, mk_of(&g, t, "task_struct.signal"), "signal_struct.thread_head"),
                       mk_at(g.k, thread, "task_struct.thread_node"));
        put_log(&g, 1, 5000000, 0x80000001, "a CPU's");
        put_log(&g, 2, 7000000999, 10, "a thread's");
        put_log(&g, 3, 8000000000, 77, "one that has ended");

        // What psaux, pslist and threads tell of one task is one row, by the clock of boot.
        assert_string_equal(
            mk_columns(mk_guest_rows(&g, "timeline", NULL), 0, 7),
            "1970-01-02T00:00:00Z|boottime|BOOT_TIME||||NS=106 UPTIME=7200.250000|\n"
            "1970-01-02T00:00:00.000000001Z|psaux|CREATION_TIME|1|1|init|PPID=0 EUID=0|"
            "pslist,threads\n"
            "1970-01-02T00:00:00.005Z|kmsg|TIME||||a CPU's|\n"
            "1970-01-02T00:00:05Z|psaux|CREATION_TIME|9|9|p|PPID=1 EUID=0|pslist,threads\n"
            "1970-01-02T00:00:07.000000001Z|threads|CREATION_TIME|9|10|worker|"
            "NAME=worker STATE=R|\n"
            "1970-01-02T00:00:07.000000999Z|kmsg|TIME|9|10||a thread's|\n"
            "1970-01-02T00:00:08Z|kmsg|TIME||77||one that has ended|\n"
            "1970-01-02T02:00:00.25Z|boottime|CAPTURE_TIME||||NS=106 UPTIME=7200.250000|");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "timeline", "pid=9"), 0, 2),
                            "1970-01-02T00:00:05Z|psaux|CREATION_TIME\n"
                            "1970-01-02T00:00:07.000000001Z|threads|CREATION_TIME\n"
                            "1970-01-02T00:00:07.000000999Z|kmsg|TIME");
        // A time of whole seconds stands for all of that second.
        assert_string_equal(
            mk_columns(mk_guest_rows(&g, "timeline",
                                     "since=1970-01-02T00:00:05 until=1970-01-02T01:00:07+01:00"),
                       0, 1),
            "1970-01-02T00:00:05Z|psaux\n"
            "1970-01-02T00:00:07.000000001Z|threads\n"
            "1970-01-02T00:00:07.000000999Z|kmsg");
        // Two tasks of one moment are two.
        mk_put(g.k, t, "task_struct.start_boottime", 1);
        assert_string_equal(
            mk_columns(mk_guest_rows(&g, "timeline", "until=1970-01-02T00:00:00"), 1, 3),
            "boottime|BOOT_TIME|\npsaux|CREATION_TIME|1\n"
            "psaux|CREATION_TIME|9\nkmsg|TIME|");
        mk_put(g.k, keeper, "timekeeper.offs_real", 0);
        assert_string_equal(mk_guest_rows(&g, "timeline", NULL), "");
        mk_free(g.k);
    }
}

/* ---- elfs ---- */

struct elf {
    int wide, big, version, type, machine, phnum, shnum;
    unsigned entry;
};

static size_t put_number(uint8_t *out, uint64_t value, unsigned size, bool big)
{
    for (unsigned i = 0; i < size; i++)
        out[big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
    return size;
}

/** Header, and two program headers: DYNAMIC, and INTERP whose text is at 300. */
static void make_elf(uint8_t *out, const struct elf *e)
{
    const unsigned word = e->wide ? 8 : 4, header = e->wide ? 64 : 52;
    const bool big = e->big;
    size_t n = 16;

    memset(out, 0, 512);
    memcpy(out,
           "\x7f"
           "ELF",
           4);
    out[4] = (uint8_t)(e->wide ? 2 : 1);
    out[5] = (uint8_t)(big ? 2 : 1);
    out[6] = (uint8_t)e->version;
    n += put_number(out + n, (uint64_t)e->type, 2, big);
    n += put_number(out + n, (uint64_t)e->machine, 2, big);
    n += put_number(out + n, 1, 4, big);
    n += put_number(out + n, e->entry, word, big);
    n += put_number(out + n, header, word, big);
    n += put_number(out + n, 0, word, big);
    n += put_number(out + n, 0, 4, big);
    n += put_number(out + n, header, 2, big);
    n += put_number(out + n, e->wide ? 56 : 32, 2, big);
    n += put_number(out + n, (uint64_t)e->phnum, 2, big);
    n += put_number(out + n, 64, 2, big);
    put_number(out + n, (uint64_t)e->shnum, 2, big);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *p = out + header + i * (e->wide ? 56 : 32);

        put_number(p, 2 + i, 4, big);
        put_number(p + (e->wide ? 8 : 4), 300, word, big);
        put_number(p + (e->wide ? 32 : 16), 7, word, big);
    }
    memcpy(out + 300, "/ld.so", 7);
}

static void elfs(void **state)
{
    static const struct {
        struct elf e;
        const char *row; // NULL: none
    } cases[] = {
        { { 1, 0, 1, 3, 62, 2, 30, 0x40 }, "DYN|64|x86-64|0x40|2|30|dynamic, interpreter /ld.so" },
        { { 0, 1, 1, 2, 20, 2, 1, 0x1000 },
          "EXEC|32|PowerPC|0x1000|2|1|dynamic, interpreter /ld.so" },
        { { 1, 1, 1, 3, 22, 1, 1, 0 }, "DYN|64|S390|0x0|1|1|dynamic" },
        { { 0, 0, 1, 3, 3, 2, 1, 0 }, "DYN|32|x86|0x0|2|1|dynamic, interpreter /ld.so" },
        { { 1, 0, 1, 2, 183, 0, 0, 0 },
          "EXEC|64|AArch64|0x0|0|0|static, no program headers, no sections" },
        { { 1, 0, 1, 3, 183, 0, 9, 0 }, "DYN|64|AArch64|0x0|0|9|no program headers" },
        { { 1, 0, 1, 1, 243, 0, 9, 0 }, "REL|64|RISC-V|0x0|0|9|no program headers" },
        { { 1, 0, 1, 4, 999, 1, 9, 0 }, "CORE|64|999|0x0|1|9|dynamic" },
        { { 1, 0, 1, 9, 62, 1, 9, 0 }, "9|64|x86-64|0x0|1|9|dynamic" },
        { { 1, 0, 2, 3, 62, 2, 30, 0 }, NULL },
        { { 1, 0, 1, 0, 0, 0, 0, 0 }, NULL }, // the first bytes of one, as ld.so has them
    };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; i < countof(cases); i++) {
            struct mk_guest g = mk_guest(m, NULL);
            uint64_t t = mk_guest_task(&g, 1, "init", 0), mm = MK_MM(&g, t, "init\0", "");
            uint64_t file = mk_guest_file(&g, mk_guest_dentry(&g, g.top, "prog"));
            uint8_t bytes[512];
            char want[200];

            make_elf(bytes, &cases[i].e);
            mk_guest_write(&g, mm, 10 * g.page, bytes, sizeof bytes);
            mk_guest_vma(&g, mm, 10, 1, 5, file);
            snprintf(want, sizeof want, "1|init|%#llx|%#llx|/prog|%s", 10ull * g.page,
                     11ull * g.page, cases[i].row ? cases[i].row : "");
            assert_string_equal(mk_guest_rows(&g, "elfs", NULL), cases[i].row ? want : "");
            assert_string_equal(mk_guest_rows(&g, "elfs", "pid=2"), "");
            mk_free(g.k);
        }
    }
}

static void elfs_odd(void **state)
{
    static const struct {
        size_t at; // a byte that is changed
        uint8_t to;
        const char *hints; // NULL: no row
    } cases[] = {
        { 0, 0x7e, NULL },
        { 4, 3, NULL },                                                        // class
        { 5, 0, NULL },                                                        // byte order
        { 54, 55, "program headers not in the mapping, in anonymous memory" }, // phentsize
        { 38, 1, "program headers not in the mapping, in anonymous memory" },  // phoff: far away
        { 64, 9, "interpreter /ld.so, in anonymous memory" },                  // no DYNAMIC
        { 64 + 56 + 33, 0x10, "dynamic, in anonymous memory" },                // INTERP: too long
        { 64 + 56 + 32, 1, "dynamic, in anonymous memory" },                   // or only a NUL
    };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; i < countof(cases); i++) {
            static const struct elf e = { 1, 0, 1, 3, 62, 2, 30, 0x40 };
            struct mk_guest g = mk_guest(m, NULL);
            uint64_t t = mk_guest_task(&g, 1, "init", 0), mm = MK_MM(&g, t, "init\0", "");
            uint8_t bytes[512];

            make_elf(bytes, &e);
            bytes[cases[i].at] = cases[i].to;
            mk_guest_write(&g, mm, 10 * g.page, bytes, sizeof bytes);
            mk_guest_vma(&g, mm, 10, 1, 5, 0);
            mk_guest_vma(&g, mm, 12, 1, 5, 0); // not there
            assert_string_equal(mk_columns(mk_guest_rows(&g, "elfs", NULL), 11, 11),
                                cases[i].hints ? cases[i].hints : "");
            mk_free(g.k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cgroups),    cmocka_unit_test(cgroups_old),  cmocka_unit_test(orphans),
        cmocka_unit_test(namespaces), cmocka_unit_test(environ_diff), cmocka_unit_test(timeline),
        cmocka_unit_test(elfs),       cmocka_unit_test(elfs_odd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
