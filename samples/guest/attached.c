/* attached: BPF programs at every place that calls some. Of the scene "bpf". */
#define _GNU_SOURCE
#include "bpf.h"
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <linux/netfilter.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NETFILTER = 45,
    TCX_IN = 46,
    TCX_OUT = 47,
    UPROBE_MULTI = 48,
    NETKIT = 54,
    NETKIT_PEER = 55
};
enum { PROGRAM_OF_NETFILTER = 32 };

/* What LINK_CREATE and PROG_ATTACH take, by offset: words 4 and behind are of the kind of link. */
static int link_of(const char *what, int prog, int target, unsigned type, union attributes a)
{
    a.word[0] = (uint32_t)prog;
    a.word[1] = (uint32_t)target;
    a.word[2] = type;
    int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &a, 72);
    if (fd < 0 && errno == E2BIG)
        fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &a, 48);
    check(fd >= 0, what);
    return fd;
}

static void pin(int fd, const char *path)
{
    union attributes a = { .a = { .pathname = (uintptr_t)path, .bpf_fd = (uint32_t)fd } };
    check(!syscall(SYS_bpf, BPF_OBJ_PIN, &a, sizeof a.a), path);
}

/* ---- functions ---- */

static int open_link(int prog, const char *tracepoint)
{
    union attributes a = { .a = { .raw_tracepoint = { .name = (uintptr_t)tracepoint,
                                                      .prog_fd = (uint32_t)prog } } };
    return (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &a, sizeof a.a);
}

static void trampolines(void)
{
    static const struct {
        const char *name, *function, *how;
        unsigned type, attach, kind;
    } all[] = {
        { "at_fentry", "vfs_truncate", "fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY,
          BTF_KIND_FUNC },
        { "at_fexit", "vfs_truncate", "fexit", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT,
          BTF_KIND_FUNC },
        { "at_fmod_ret", "security_task_setnice", "fmod_ret", BPF_PROG_TYPE_TRACING,
          BPF_MODIFY_RETURN, BTF_KIND_FUNC },
        { "at_lsm", "bpf_lsm_path_chroot", "lsm", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, BTF_KIND_FUNC },
        { "at_tp_btf", "btf_trace_sched_process_exit", "raw_tracepoint", BPF_PROG_TYPE_TRACING,
          BPF_TRACE_RAW_TP, BTF_KIND_TYPEDEF },
    };
    for (unsigned i = 0; i < COUNT(all); i++) {
        int prog = answering(all[i].name, all[i].type, all[i].attach,
                             kernel_type(all[i].kind, all[i].function), 0),
            link = prog < 0 ? -1 : open_link(prog, NULL);
        check(link >= 0, all[i].function);
        tell_place(prog, link, all[i].how,
                   all[i].kind == BTF_KIND_TYPEDEF ? all[i].function + 10 : all[i].function);
        close(prog); /* the link keeps it */
    }
    int prog = answering("at_raw", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 0),
        link = open_link(prog, "sched_process_exec");
    tell_place(prog, link, "raw_tracepoint", "sched_process_exec");
}

/* A part of one program is replaced by another program. */
static void replaced(void)
{
    const struct bpf_insn code[] = {
        SET(1, 5), { .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 1 },
        RETURN,    SET(0, 2),
        RETURN,
    };
    const struct bpf_insn other[] = { SET(0, 1), RETURN };
    int target = program((struct program){ .name = "at_target",
                                           .type = BPF_PROG_TYPE_XDP,
                                           .code = code,
                                           .count = COUNT(code),
                                           .functions = { { 0, OWN_MAIN }, { 3, OWN_PART } } });
    int ext = program((struct program){ .name = "at_freplace",
                                        .type = BPF_PROG_TYPE_EXT,
                                        .code = other,
                                        .count = COUNT(other),
                                        .to_type = OWN_PART,
                                        .to_program = target,
                                        .functions = { { 0, OWN_PART } } });
    int link = ext < 0 ? -1 : open_link(ext, NULL);
    check(link >= 0, "freplace");
    tell_place(ext, link, "freplace", "lab_part");
}

static void probes(void)
{
    static const char *const functions[] = { "vfs_statfs", "vfs_getattr", "vfs_truncate" };
    union attributes a = { .word = { [4] = 0, [5] = COUNT(functions) } };
    *(uint64_t *)&a.word[6] = (uintptr_t)functions;
    int prog = answering("at_kprobes", BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, 0);
    tell_place(prog, link_of("kprobe_multi", prog, 0, BPF_TRACE_KPROBE_MULTI, a), "kprobe_multi",
               "vfs_statfs, vfs_getattr, vfs_truncate");

    /* The program `scene` is not relocatable, and lies at 4 MB. */
    const uint64_t offsets[] = { (uintptr_t)names - 0x400000, (uintptr_t)terminals - 0x400000 };
    a = (union attributes){ .word = { [12] = COUNT(offsets) } };
    *(uint64_t *)&a.word[4] = (uintptr_t) "/usr/bin/scene";
    *(uint64_t *)&a.word[6] = (uintptr_t)offsets;
    prog = answering("at_uprobes", BPF_PROG_TYPE_KPROBE, UPROBE_MULTI, 0, 0);
    if (prog >= 0)
        tell_place(prog, link_of("uprobe_multi", prog, 0, UPROBE_MULTI, a), "uprobe_multi",
                   "/usr/bin/scene (2 places)");
}

static int event_of(struct perf_event_attr attr)
{
    attr.size = sizeof attr;
    int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    check(fd >= 0, "perf event");
    return fd;
}

/* An event of perf keeps its program; one of them has a link besides. */
static void events(void)
{
    int kprobe = number_in("/sys/bus/event_source/devices/kprobe/type");
    struct perf_event_attr attr = { .type = (uint32_t)kprobe,
                                    .kprobe_func = (uintptr_t) "vfs_statfs" };
    int fd = event_of(attr), prog = answering("at_kprobe", BPF_PROG_TYPE_KPROBE, 0, 0, 0);
    check(!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
          "kprobe");
    tell_place(prog, NO_LINK, "kprobe", "vfs_statfs");
    close(prog);

    fd = event_of((struct perf_event_attr){
        .type = PERF_TYPE_TRACEPOINT,
        .sample_period = 1,
        .config = (uint64_t)number_in("/sys/kernel/tracing/events/sched/sched_process_fork/id") });
    prog = answering("at_point", BPF_PROG_TYPE_TRACEPOINT, 0, 0, 0);
    tell_place(prog, link_of("link of an event", prog, fd, BPF_PERF_EVENT, (union attributes){ 0 }),
               "tracepoint", "sched:sched_process_fork");
    close(prog);

    fd = event_of((struct perf_event_attr){
        .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = 1u << 30 });
    prog = answering("at_clock", BPF_PROG_TYPE_PERF_EVENT, 0, 0, 0);
    check(!ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) && !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
          "clock");
    tell_place(prog, NO_LINK, "perf_event", "");
    close(prog);
}

static void iterators(void)
{
    int prog = answering("at_iter", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER,
                         kernel_type(BTF_KIND_FUNC, "bpf_iter_task"), 0);
    int link = link_of("iterator", prog, 0, BPF_TRACE_ITER, (union attributes){ 0 });
    tell_place(prog, link, "iter", "task");
    pin(link, "/sys/fs/bpf/lab_tasks");
    close(prog);
    close(link);

    int array = map((struct map){ "at_iterated", BPF_MAP_TYPE_ARRAY, 4, 8, 4 });
    union bpf_iter_link_info info = { .map = { .map_fd = (uint32_t)array } };
    union attributes a = { .word = { [6] = sizeof info } };
    *(uint64_t *)&a.word[4] = (uintptr_t)&info;
    prog = answering("at_iter_map", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER,
                     kernel_type(BTF_KIND_FUNC, "bpf_iter_bpf_map_elem"), 0);
    tell_place(prog, link_of("iterator of a map", prog, 0, BPF_TRACE_ITER, a), "iter",
               "bpf_map_elem at_iterated");
}

/* ---- packets ---- */

static void attach(int prog, int target, unsigned type, unsigned flags, const char *how,
                   const char *where)
{
    union attributes a = { .a = { .target_fd = (uint32_t)target,
                                  .attach_bpf_fd = (uint32_t)prog,
                                  .attach_type = type,
                                  .attach_flags = flags } };
    const bool attached = !syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof a.a);

    check(attached, how);
    if (attached)
        tell_place(prog, NO_LINK, how, where);
}

static void packets(void)
{
    int device = (int)if_nametoindex("dummy0"),
        self = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int prog = answering("at_xdp", BPF_PROG_TYPE_XDP, BPF_XDP, 0, 2);
    tell_place(prog, link_of("xdp", prog, device, BPF_XDP, (union attributes){ 0 }), "xdp",
               "dummy0 generic");
    prog = answering("at_lookup", BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, 0, 1);
    tell_place(prog, link_of("sk_lookup", prog, self, BPF_SK_LOOKUP, (union attributes){ 0 }),
               "sk_lookup", "");
    attach(answering("at_dissector", BPF_PROG_TYPE_FLOW_DISSECTOR, BPF_FLOW_DISSECTOR, 0, 0), 0,
           BPF_FLOW_DISSECTOR, 0, "flow_dissector", "");

    prog = answering("at_netfilter", PROGRAM_OF_NETFILTER, NETFILTER, 0, 1);
    if (prog >= 0) {
        union attributes a = {
            .word = { [4] = NFPROTO_IPV4, [5] = NF_INET_LOCAL_IN, [6] = (uint32_t)-77 }
        };
        tell_place(prog, link_of("netfilter", prog, 0, NETFILTER, a), "netfilter", "ip input -77");
    }
    prog = answering("at_tcx", BPF_PROG_TYPE_SCHED_CLS, TCX_IN, 0, 0);
    if (prog >= 0) {
        int link = link_of("tcx", prog, device, TCX_IN, (union attributes){ 0 });
        tell_place(prog, link, "tcx", "dummy0 ingress");
        attach(answering("at_tcx_out", BPF_PROG_TYPE_SCHED_CLS, TCX_OUT, 0, 0), device, TCX_OUT, 0,
               "tcx", "dummy0 egress");
    }
    device = (int)if_nametoindex("nk-lab");
    prog = device ? answering("at_netkit", BPF_PROG_TYPE_SCHED_CLS, NETKIT, 0, 0) : -1;
    if (prog >= 0)
        tell_place(prog, link_of("netkit", prog, device, NETKIT, (union attributes){ 0 }), "netkit",
                   "nk-lab");
    prog = device ? answering("at_netkit_peer", BPF_PROG_TYPE_SCHED_CLS, NETKIT_PEER, 0, 0) : -1;
    if (prog >= 0)
        tell_place(prog, link_of("netkit peer", prog, device, NETKIT_PEER, (union attributes){ 0 }),
                   "netkit", "nk0");
    pin(answering("at_tc", BPF_PROG_TYPE_SCHED_CLS, 0, 0, -1), "/sys/fs/bpf/lab_tc");
    pin(answering("at_action", BPF_PROG_TYPE_SCHED_ACT, 0, 0, -1), "/sys/fs/bpf/lab_act");
}

/* ---- control groups: what a group has, and what of those above works in it too ---- */

static void groups(void)
{
    enum { OVERRIDE = 1, MULTI = 2 };
    int top = open("/sys/fs/cgroup/lab", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        low = open("/sys/fs/cgroup/lab/web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    attach(answering("at_top", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, 0, 1), top,
           BPF_CGROUP_INET_INGRESS, MULTI, "cgroup", "cgroup_inet_ingress /lab");
    attach(answering("at_low", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, 0, 1), low,
           BPF_CGROUP_INET_INGRESS, MULTI, "cgroup", "cgroup_inet_ingress /lab/web");
    attach(answering("at_over", BPF_PROG_TYPE_CGROUP_DEVICE, 0, 0, 1), top, BPF_CGROUP_DEVICE,
           OVERRIDE, "cgroup", "cgroup_device /lab");
    attach(answering("at_over_low", BPF_PROG_TYPE_CGROUP_DEVICE, 0, 0, 1), low, BPF_CGROUP_DEVICE,
           OVERRIDE, "cgroup", "cgroup_device /lab/web");
    int prog =
        answering("at_connect", BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT, 0, 1);
    tell_place(prog,
               link_of("cgroup", prog, low, BPF_CGROUP_INET4_CONNECT, (union attributes){ 0 }),
               "cgroup", "cgroup_inet4_connect /lab/web");
    prog = answering("at_sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL, 0, 1);
    tell_place(prog, link_of("cgroup", prog, low, BPF_CGROUP_SYSCTL, (union attributes){ 0 }),
               "cgroup", "cgroup_sysctl /lab/web");
    prog = answering("at_lsm_group", BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP,
                     kernel_type(BTF_KIND_FUNC, "bpf_lsm_socket_listen"), 1);
    if (prog >= 0)
        tell_place(prog, link_of("cgroup", prog, low, BPF_LSM_CGROUP, (union attributes){ 0 }),
                   "cgroup", "lsm_cgroup /lab/web");
}

/* ---- a namespace of users that may use BPF by a token ---- */

enum { FSOPEN = 430, FSCONFIG = 431, FSMOUNT = 432, TOKEN_CREATE = 36 };

static void say_option(int fs, const char *key, const char *value)
{
    check(!syscall(FSCONFIG, fs, 1 /* FSCONFIG_SET_STRING */, key, value, 0), key);
}

/* The child's file system is set up by the parent, who may; both share the table of files. */
static int in_namespace(void *pipes)
{
    int *to = pipes, *from = to + 2, fs = -1;
    char done;
    check(!unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
    fs = (int)syscall(FSOPEN, "bpf", 0);
    if (write(to[1], &fs, sizeof fs) != sizeof fs || read(from[0], &done, 1) != 1 || fs < 0)
        _exit(1);
    int mount = openat((int)syscall(FSMOUNT, fs, 0, 0), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    union attributes a = { .word = { 0, (uint32_t)mount } };
    int token = (int)syscall(SYS_bpf, TOKEN_CREATE, &a, 8);
    check(token >= 0, "token");
    if (token >= 0) {
        const struct bpf_insn code[] = { SET(0, 7), RETURN };
        map((struct map){ "tok_map", BPF_MAP_TYPE_ARRAY, 4, 8, 2, .token = token });
        program((struct program){ .name = "tok_program",
                                  .type = BPF_PROG_TYPE_SOCKET_FILTER,
                                  .code = code,
                                  .count = COUNT(code),
                                  .token = token });
        fact("{\"kind\":\"bpf-token\",\"pid\":%d,\"fd\":%d}", getpid(), token);
    }
    check(write(to[1], &done, 1) == 1, "pipe");
    sleep_for_ever();
    return 0;
}

static void token(void)
{
    static char stack[1 << 16];
    int pipes[4], fs = -1;
    char done = 0;
    if (pipe(pipes) || pipe(pipes + 2))
        return;
    if (!fork()) { /* not in this process: unshare() of users wants a task that shares nothing but files */
        pid_t pid = clone(in_namespace, stack + sizeof stack, CLONE_FILES | SIGCHLD, pipes);
        call_me("token-parent");
        if (pid < 0 || read(pipes[0], &fs, sizeof fs) != sizeof fs || fs < 0)
            _exit(1);
        say_option(fs, "delegate_cmds", "any");
        say_option(fs, "delegate_maps", "any");
        say_option(fs, "delegate_progs", "any");
        say_option(fs, "delegate_attachs", "any");
        check(!syscall(FSCONFIG, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0), "bpffs");
        check(write(pipes[3], &done, 1) == 1 && read(pipes[0], &done, 1) == 1, "pipe");
        fact("{\"kind\":\"token\",\"pid\":%d}", getpid());
        sleep_for_ever();
    }
    sleep(2);
}

void attached(void)
{
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    token(); /* first: it would keep the files of what follows */
    trampolines();
    replaced();
    probes();
    events();
    iterators();
    packets();
    groups();
    fact("{\"kind\":\"attached\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
