/* choose_test.c - options that choose processes, and what --context says of each. */
#include "../../../plugins/linux/sched/cgroup.h"
#include "../../../plugins/linux/sched/task.h"
#include "check.h"
#include "mkguest.h"
#include <stdio.h>

#define ID  "0123456789ab"
#define POD "1ab00000-0000-4000-8000-000000000001"
#define UID "1ab00000_0000_4000_8000_000000000001"

static void names(void **state)
{
    static const struct {
        const char *path, *container, *runtime, *pod, *unit;
    } cases[] = {
        { "/", "", NULL, "", "" },
        { "", "", NULL, "", "" },
        { "/system.slice/cron.service", "", NULL, "", "cron.service" },
        { "/system.slice/system-getty.slice/getty@tty1.service", "", NULL, "",
          "getty@tty1.service" },
        { "/init.scope", "", NULL, "", "init.scope" },
        { "/system.slice", "", NULL, "", "" },
        { "/lab/web", "", NULL, "", "" },
        { "/lab/cron.service", "", NULL, "", "" }, // no unit: systemd has only slices above one
        { "/system.slice/_cpu.service", "", NULL, "", "cpu.service" },
        { "/user.slice/user-1000.slice/session-3.scope", "", NULL, "", "session-3.scope" },
        { "/user.slice/user-1000.slice/user@1000.service/app.slice/app-a.scope", "", NULL, "",
          "user@1000.service/app-a.scope" },
        { "/user.slice/user-1000.slice/user@1000.service", "", NULL, "", "user@1000.service" },
        { "/system.slice/docker-" ID ".scope/init", ID, "docker", "", "docker-" ID ".scope" },
        { "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID
          ".slice/cri-containerd-" ID ".scope",
          ID, "containerd", POD, "cri-containerd-" ID ".scope" },
        { "/kubepods.slice/kubepods-pod" UID ".slice/crio-" ID ".scope", ID, "cri-o", POD,
          "crio-" ID ".scope" },
        { "/kubepods/burstable/pod" POD "/" ID, ID, "kubernetes", POD, "" },
        { "/kubepods/pod0123456789abcdef0123456789abcdef/" ID, ID, "kubernetes",
          "0123456789abcdef0123456789abcdef", "" }, // of a file on the node: no dashes
        { "/kubepods/podzab00000-0000-4000-8000-000000000001/" ID, "", NULL, "", "" },
        { "/system.slice/k.service/kubepods-pod" UID ".slice:cri-containerd:" ID, ID, "containerd",
          "", "k.service" },
        { "/lxc.monitor.web", "web", "lxc's monitor", "", "" },
        { "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope", "1\\x2dweb", "libvirt", "",
          "machine-qemu\\x2d1\\x2dweb.scope" },
        { "/machine.slice/systemd-nspawn@web.service/payload", "web", "systemd-nspawn", "",
          "systemd-nspawn@web.service" },
        // The name of a unit: no id.
        { "/system.slice/docker-compose.scope", "", NULL, "", "docker-compose.scope" },
        { "//docker///" ID "//", "", NULL, "", "" },
    };
    char path[5000];
    struct linux_group_names n;

    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        linux_group_names(cases[i].path, &n);
        assert_string_equal(n.container, cases[i].container);
        assert_string_equal(n.pod, cases[i].pod);
        assert_string_equal(n.unit, cases[i].unit);
        assert_int_equal(!n.runtime, !cases[i].runtime);
        if (n.runtime)
            assert_string_equal(n.runtime, cases[i].runtime);
    }
    // What is too long for its place is cut.
    memset(path, 'a', sizeof path);
    memcpy(path, "/lxc/", 5);
    memcpy(path + sizeof path - 9, ".service", 9);
    linux_group_names(path, &n);
    assert_int_equal(strlen(n.container), sizeof n.container - 1);
    assert_string_equal(n.unit, "");
    linux_group_names(path + 4, &n);
    assert_int_equal(strlen(n.unit), sizeof n.unit - 1);
}

/* ---- processes that are chosen ---- */

static uint64_t make_set(struct mk_guest *g, const char *path)
{
    uint64_t node = mk_object(g->k, "kernfs_node"), group = mk_object(g->k, "cgroup");
    uint64_t set = mk_object(g->k, "css_set"), link = mk_object(g->k, "cgrp_cset_link");
    uint64_t child = mk_object(g->k, "kernfs_node");

    mk_put(g->k, node, "kernfs_node.name", mk_text(g->k, ""));
    mk_put(g->k, child, "kernfs_node.parent", node);
    mk_put(g->k, child, "kernfs_node.name", mk_text(g->k, path));
    mk_put(g->k, group, "cgroup.kn", child);
    mk_put(g->k, link, "cgrp_cset_link.cgrp", group);
    mk_list_append(g->k, mk_at(g->k, set, "css_set.cgrp_links"),
                   mk_at(g->k, link, "cgrp_cset_link.cgrp_link"));
    return set;
}

static void set_user(struct mk_guest *g, uint64_t task, const char *member, unsigned id)
{
    char name[40];

    snprintf(name, sizeof name, "cred.%s.val", member);
    mk_put(g->k, mk_of(g, task, "task_struct.real_cred"), name, id);
}

/** 1 init has 10 shell, which has 11 sshd and 12 sleep; 13 and 14 are each other's parent. 11 is in
 * a container. */
static struct mk_guest make(const struct mk_machine *m)
{
    struct mk_guest g = mk_guest(m, NULL);
    const uint64_t plain = make_set(&g, "a.slice"), boxed = make_set(&g, "libpod-" ID ".scope");
    uint64_t t[5];

    t[0] = mk_guest_task(&g, 1, "init", 0);
    t[1] = mk_guest_task(&g, 10, "shell", t[0]);
    t[2] = mk_guest_task(&g, 11, "sshd", t[1]);
    t[3] = mk_guest_task(&g, 12, "sleep", t[1]);
    t[4] = mk_guest_task(&g, 13, "ring", 0);
    mk_put(g.k, t[4], "task_struct.real_parent", mk_guest_task(&g, 14, "ring", t[4]));
    for (size_t i = 0; i < countof(t); i++)
        mk_put(g.k, t[i], "task_struct.cgroups", i == 2 ? boxed : plain);
    set_user(&g, t[1], "uid", 7);
    set_user(&g, t[2], "euid", 7);
    set_user(&g, t[3], "suid", 7);
    return g;
}

static void choices(void **state)
{
    static const struct {
        const char *args, *pids;
        size_t notes;
    } cases[] = {
        { NULL, "1\n10\n11\n12\n13\n14", 0 },
        { "name=^s", "10\n11\n12", 0 },
        { "name=^sshd$ name=ini", "1\n11", 0 },
        { "name=S", "", 1 },
        { "uid=7", "10\n11", 0 },
        { "uid=7 pid=11,12", "11", 1 }, // 12 is none of theirs
        { "uid=7 name=h", "10\n11", 0 },
        { "uid=6,8", "", 1 },
        { "tree=10", "10\n11\n12", 0 },
        { "tree=1", "1\n10\n11\n12", 0 },
        { "tree=12,14", "12\n13\n14", 0 },
        { "tree=10 name=sleep", "12", 0 },
        { "tree=99", "", 2 },
        { "container=0123", "11", 0 },
        { "container=PODMAN", "11", 0 },
        { "container=123", "", 1 },
        { "container=docker container=podman", "11", 0 },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = make(m);

        for (size_t i = 0; i < countof(cases); i++) {
            const char *rows = mk_guest_rows(&g, "psaux", cases[i].args);

            assert_string_equal(mk_columns(rows, 0, 0), cases[i].pids);
            assert_int_equal(mk_row_notes(NULL), cases[i].notes);
        }
        // Of a tree, what is under those that are chosen.
        assert_string_equal(mk_columns(mk_guest_rows(&g, "pstree", "name=^sh"), 1, 1),
                            "10\n11\n12");
        mk_free(g.k);
    }
}

/** A plugin whose rows have a PID, but which does not choose by itself. */
#define COLUMNS(C) C(PID, INT, "process id") C(RUNTIME, INT, "its own column of this name")
EG_COLUMNS(COLUMNS);

static int run_plain(struct eg_run *r)
{
    for (int pid = 9; pid < 13; pid++)
        eg_row(r, .PID = eg_int(pid), .RUNTIME = eg_int(-pid));
    eg_row(r, .PID = eg_missing(EG_ABSENT, 1), .RUNTIME = eg_int(0));
    return 0;
}

EG_PLUGIN(plain) = { .os = "linux", .help = "Rows", .columns = columns, .run = run_plain };

/** It looks at threads that run a program, and shows none. */
static int run_silent(struct eg_run *r)
{
    struct eg_obj leader, t;

    linux_each_process(r, leader) {
        if (!linux_pid_asked(r, leader) || linux_task_is_kthread(r, leader))
            continue;
        linux_each_thread(r, leader, t)
            if (!eg_deref(eg_at(t, task_struct.mm)).why && !linux_task_has(t, 0x10))
                eg_arg_match(r, "tid", eg_get_or((int64_t)-1, t, task_struct.pid));
    }
    return 0;
}

EG_PLUGIN(silent) = {
    .os = "linux",
    .help = "No rows",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(tid, INT, "only these threads")),
    .run = run_silent,
};

static void filtered(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = make(m);

        assert_string_equal(mk_columns(mk_guest_rows(&g, "plain", NULL), 0, 0), "9\n10\n11\n12\n-");
        assert_string_equal(mk_guest_rows(&g, "plain", "pid=12"), "12|-12");
        assert_string_equal(mk_guest_rows(&g, "plain", "uid=7"), "10|-10\n11|-11");
        assert_string_equal(mk_guest_rows(&g, "plain", "uid=7 pid=12"), "");
        mk_free(g.k);
    }
}

static void contexts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = make(m);

        mk_put(g.k, mk_of(&g, g.proxy, "nsproxy.pid_ns_for_children"), "pid_namespace.ns.inum", 55);
        // Its own RUNTIME stays; of 9 nothing is known, and of no process nothing is said.
        assert_string_equal(mk_guest_rows(&g, "plain", "context"),
                            "9|-9||||||\n10|-10||||55|10|\n11|-11|" ID "||libpod-" ID
                            ".scope|55|11|\n12|-12||||55|12|\n-|0||||||");
        mk_free(g.k);
    }
}

/** Why a plugin shows nothing of what was asked for. */
static void nothing(void **state)
{
    static const struct {
        const char *args, *note;
    } cases[] = {
        { "pid=2", "--pid 2: a kernel thread (kthreadd): it runs no program" },
        { "pid=10", "--pid 10: this process (shell) has ended" },
        { "pid=99", "--pid 99: nothing with this value was found" },
        { "pid=21", "--pid 21: a thread of process 20 (web), not a process" },
        { "pid=20", NULL }, // its memory is there, only nothing in it is shown
        { "tid=2", "--tid 2: a kernel thread (kthreadd)" },
        { "pid=20 tid=2", "--tid 2: a thread of process 2 (kthreadd), which was not asked for" },
        { "pid=20 tid=22", "--tid 22: this thread of process 20 (web) has ended" },
        { "pid=20 tid=23", "--tid 23: a thread of io_uring in process 20 (web)" },
        { "pid=20 tid=99", "--tid 99: nothing with this value was found" },
    };

    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = make(m);
        const uint64_t kernel = mk_guest_task(&g, 2, "kthreadd", 0);
        const uint64_t web = mk_guest_task(&g, 20, "web", 0);
        const uint64_t mm = MK_MM(&g, web, "web", "");

        mk_put(g.k, kernel, "task_struct.flags", 0x200000);
        for (unsigned tid = 21; tid < 24; tid++) {
            const uint64_t t = mk_object(g.k, "task_struct");

            mk_put(g.k, t, "task_struct.pid", tid);
            mk_put(g.k, t, "task_struct.tgid", 20);
            mk_put(g.k, t, "task_struct.mm", tid == 22 ? 0 : mm);
            mk_put(g.k, t, "task_struct.flags", tid == 23 ? 0x10 : 0);
            mk_list_append(
                g.k, mk_at(g.k, mk_of(&g, web, "task_struct.signal"), "signal_struct.thread_head"),
                mk_at(g.k, t, "task_struct.thread_node"));
        }
        for (size_t i = 0; i < countof(cases); i++) {
            mk_guest_rows(&g, "silent", cases[i].args);
            assert_int_equal(mk_row_notes(cases[i].note), cases[i].note != NULL);
        }
        // One that has a row needs no reason.
        assert_string_equal(mk_guest_rows(&g, "plain", "pid=10"), "10|-10");
        assert_int_equal(mk_row_notes(NULL), 0);
        mk_free(g.k);
    }
}

/** In namespaces of its own, and in a group that tells nothing. */
static void namespaces(void **state)
{
    (void)state;
    mk_each_machine(m) for (int own = 0; own < 2; own++)
    {
        struct mk_guest g = make(m);
        uint64_t t = mk_guest_task(&g, 20, "inner", 0), proxy = mk_object(g.k, "nsproxy");
        uint64_t id = mk_of(&g, t, "task_struct.thread_pid"), ns = mk_object(g.k, "pid_namespace");
        uint64_t uts = mk_object(g.k, "uts_namespace");

        mk_put(g.k, mk_of(&g, g.proxy, "nsproxy.pid_ns_for_children"), "pid_namespace.ns.inum", 55);
        mk_put(g.k, ns, "pid_namespace.ns.inum", 66);
        mk_write_ptr(g.k, mk_at(g.k, id, "pid.numbers") + mk_at(g.k, 0, "upid.ns"), ns);
        mk_put(g.k, t, "task_struct.nsproxy", proxy);
        mk_put(g.k, t, "task_struct.cgroups", make_set(&g, "lab"));
        mk_puts(g.k, uts, "uts_namespace.name.nodename", "inside");
        mk_put(g.k, proxy, "nsproxy.uts_ns", uts);
        // Without a mount namespace of its own it is no container.
        mk_put(g.k, proxy, "nsproxy.mnt_ns",
               own ? mk_object(g.k, "mnt_namespace") : mk_of(&g, g.proxy, "nsproxy.mnt_ns"));
        assert_string_equal(mk_columns(mk_guest_rows(&g, "psaux", "context pid=20"), 6, 10),
                            own ? "inside|namespaces|||66" : "||||66");
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),    cmocka_unit_test(choices), cmocka_unit_test(filtered),
        cmocka_unit_test(contexts), cmocka_unit_test(nothing), cmocka_unit_test(namespaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
