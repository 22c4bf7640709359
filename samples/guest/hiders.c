/* hiders: BPF as intruders use it: programs that would change what others see, refuse, send signals or
 * wait for a packet; and those that marks_bpf hides. None of them does anything. Of the scene "marks";
 * they write lines of marks.jsonl. */
#define _GNU_SOURCE
#include "bpf.h"
#include "scene.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <linux/if_link.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define CALL_OF(name) "__x64_sys_" name
#else
#define CALL_OF(name) "__arm64_sys_" name
#endif

static void mark(const char *kind, const char *name, int fd, const char *at)
{
    if (fd >= 0)
        printf("{\"kind\":\"%s\",\"name\":\"%s\",\"id\":%u,\"pid\":%d,\"at\":\"%s\",\"by\":"
               "\"hiders\"}\n",
               kind, name, bpf_id(fd), getpid(), at);
}

static int load(const char *name, unsigned type, unsigned attach, uint32_t to_type,
                const struct bpf_insn *code, unsigned count)
{
    return program((struct program){ .name = name,
                                     .type = type,
                                     .attach = attach,
                                     .to_type = to_type,
                                     .code = code,
                                     .count = count });
}

/* Would write to the memory of a process if its number were 0, which none has. */
static int writer(const char *name, unsigned type)
{
    static const struct bpf_insn code[] = {
        HELPER(BPF_FUNC_get_current_pid_tgid),
        IF_NOT(0, 0, 6),
        STORE(BPF_DW, -8, 0),
        SET(1, 0),
        COPY(2, 10),
        ADD(2, -8),
        SET(3, 8),
        HELPER(BPF_FUNC_probe_write_user),
        SET(0, 0),
        RETURN,
    };
    return load(name, type, 0, 0, code, COUNT(code));
}

/* An event of perf keeps the program. */
static void event(const char *what, struct perf_event_attr attr, int prog)
{
    attr.size = sizeof attr;
    int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    check(fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) &&
              !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
          what);
}

static void kprobe(const char *function, int prog)
{
    event(function,
          (struct perf_event_attr){
              .type = (uint32_t)number_in("/sys/bus/event_source/devices/kprobe/type"),
              .kprobe_func = (uintptr_t)function },
          prog);
}

static void change_what_others_see(void)
{
    int prog = writer("lab_getdents", BPF_PROG_TYPE_TRACEPOINT);
    event("sys_exit_getdents64",
          (struct perf_event_attr){
              .type = PERF_TYPE_TRACEPOINT,
              .sample_period = 1,
              .config = (uint64_t)number_in(
                  "/sys/kernel/tracing/events/syscalls/sys_exit_getdents64/id") },
          prog);
    mark("bpf_write_user", "lab_getdents", prog, "sys_exit_getdents64");
    prog = writer("lab_sys_bpf", BPF_PROG_TYPE_KPROBE);
    kprobe(CALL_OF("bpf"), prog);
    mark("bpf_write_user", "lab_sys_bpf", prog, CALL_OF("bpf"));
}

/* Would refuse, and send a signal, to a process whose number is 0. */
static void refuse(void)
{
    static const struct bpf_insn code[] = {
        HELPER(BPF_FUNC_get_current_pid_tgid),
        IF_NOT(0, 0, 2),
        SET(0, -1),
        RETURN,
        SET(0, 0),
        RETURN,
    };
    static const struct bpf_insn sender[] = {
        HELPER(BPF_FUNC_get_current_pid_tgid), IF_NOT(0, 0, 2), SET(1, 10),
        HELPER(BPF_FUNC_send_signal),          SET(0, 0),       RETURN,
    };
    uint32_t hook = kernel_type(BTF_KIND_FUNC, "bpf_lsm_task_kill");
    int prog =
        hook ? load("lab_refuse", BPF_PROG_TYPE_LSM, BPF_LSM_MAC, hook, code, COUNT(code)) : -1;
    union attributes a = { .a = { .raw_tracepoint = { .prog_fd = (uint32_t)prog } } };
    if (prog >= 0 && syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &a, sizeof a.a) >= 0)
        mark("bpf_refuses", "lab_refuse", prog, "bpf_lsm_task_kill");
    prog = load("lab_signal", BPF_PROG_TYPE_KPROBE, 0, 0, sender, COUNT(sender));
    kprobe(CALL_OF("kill"), prog);
    mark("bpf_signals", "lab_signal", prog, CALL_OF("kill"));
}

/* Attached by a message to the kernel, as ip does it: nobody holds the program behind that. */
static bool attach_xdp(int prog)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg device;
        struct rtattr outer, inner;
        int32_t fd;
    } m = { .head = { sizeof m, RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK },
            .device = { .ifi_index = (int)if_nametoindex("dummy0") },
            .outer = { 16, IFLA_XDP | NLA_F_NESTED },
            .inner = { 8, IFLA_XDP_FD },
            .fd = prog };
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char more[512];
    } answer = { 0 };
    m.outer.rta_len = sizeof m.outer + sizeof m.inner + sizeof m.fd;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool good = send(fd, &m, sizeof m, 0) == sizeof m && recv(fd, &answer, sizeof answer, 0) > 0 &&
                !answer.error.error;
    close(fd);
    return good;
}

/* Waits for a packet with a magic number, and lets it through as all others. */
static void knock(void)
{
    static const struct bpf_insn code[] = {
        LOAD(BPF_W, 2, 1, 0),
        LOAD(BPF_W, 3, 1, 4),
        COPY(4, 2),
        ADD(4, 46),
        { .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = 4, .src_reg = 3, .off = 4 },
        LOAD(BPF_W, 5, 2, 42),
        { .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = 5, .imm = 0x1ab51ab5, .off = 2 },
        SET(0, 2),
        RETURN,
        SET(0, 2),
        RETURN,
    };
    int prog = load("lab_knock", BPF_PROG_TYPE_XDP, 0, 0, code, COUNT(code));
    bool good = attach_xdp(prog);
    check(good, "xdp");
    if (good) {
        mark("bpf_magic", "lab_knock", prog, "dummy0");
        mark("bpf_unheld", "lab_knock", prog, "dummy0");
    }
    close(prog);
}

static void pinned_oddly(void)
{
    int fd = map((struct map){ "lab_odd", BPF_MAP_TYPE_HASH, 4, 16, 8 });
    union attributes a = { .a = { .pathname = (uintptr_t) "/sys/fs/bpf/ lab",
                                  .bpf_fd = (uint32_t)fd } };
    check(!syscall(SYS_bpf, BPF_OBJ_PIN, &a, sizeof a.a), "/sys/fs/bpf/ lab");
    mark("bpf_odd_path", "lab_odd", fd, "/sys/fs/bpf/ lab");
}

/* Two programs and a map for the module, which takes one program, its link and the map out of the
 * kernel's tables of numbers, and redirects a call in the other's machine code; and one of a group, which
 * it takes out of the group's list. */
static void for_the_module(void)
{
    static const char *const names[] = { "lab_gone", "lab_patched" };
    static const struct bpf_insn code[] = { HELPER(BPF_FUNC_ktime_get_ns), SET(0, 0), RETURN };
    for (int i = 0; i < 2; i++) {
        int prog = load(names[i], BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, code, COUNT(code));
        union attributes raw = { .a = {
                                     .raw_tracepoint = { .name = (uintptr_t) "sched_process_exec",
                                                         .prog_fd = (uint32_t)prog } } };
        int link = (int)syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &raw, sizeof raw.a);
        check(link >= 0, names[i]);
        mark("bpf_program", names[i], prog, "sched_process_exec");
        mark("bpf_link", names[i], link, "sched_process_exec");
        close(prog);
    }
    mark("bpf_map", "lab_gone_map",
         map((struct map){ "lab_gone_map", BPF_MAP_TYPE_HASH, 4, 16, 8 }), "");

    int group = open("/sys/fs/cgroup/lab", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        prog = answering("lab_group", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 0, 1);
    union attributes a = { .a = { .target_fd = (uint32_t)group,
                                  .attach_bpf_fd = (uint32_t)prog,
                                  .attach_type = BPF_CGROUP_INET_EGRESS,
                                  .attach_flags = 2 /* several */ } };
    check(!syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof a.a), "group");
    mark("bpf_program", "lab_group", prog, "/lab");
}

void hiders(void)
{
    setlinebuf(stdout);
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    change_what_others_see();
    refuse();
    knock();
    pinned_oddly();
    for_the_module();
    fact("{\"kind\":\"hiders\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
