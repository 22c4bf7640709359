/* planted: what an intruder leaves without a module of the kernel: BPF programs, a packet socket
 * with a filter, io_uring in the place of system calls.  None of it changes anything.  It writes
 * lines of marks.jsonl. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *a)
{
    return (int)syscall(SYS_bpf, command, a, sizeof *a);
}

static uint32_t id_of(int fd)
{
    uint32_t info[64] = { 0 }; /* of programs the second word is the id, of maps and links too */
    union bpf_attr q = { .info = { (uint32_t)fd, sizeof info, (uintptr_t)info } };
    check(fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &q), "bpf id");
    return info[1];
}

static int load(const char *name, unsigned type, const struct bpf_insn *code, unsigned count)
{
    union bpf_attr a = {
        .prog_type = type, .insns = (uintptr_t)code, .insn_cnt = count, .license = (uintptr_t) "GPL"
    };
    strncpy(a.prog_name, name, sizeof a.prog_name - 1);
    int fd = bpf(BPF_PROG_LOAD, &a);
    check(fd >= 0, name);
    return fd;
}

#define SET(register, value)                                                                       \
    {                                                                                              \
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = register, .imm = value                     \
    }
#define HELPER(number)                                                                             \
    {                                                                                              \
        .code = BPF_JMP | BPF_CALL, .imm = number                                                  \
    }
#define RETURN                                                                                     \
    {                                                                                              \
        .code = BPF_JMP | BPF_EXIT                                                                 \
    }

/* Would write to the memory of a process if its number were 0, which none has. */
static int writer(const char *name, unsigned type)
{
    static const struct bpf_insn code[] = {
        HELPER(BPF_FUNC_get_current_pid_tgid),
        { .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = 0, .imm = 0, .off = 6 },
        { .code = BPF_ST | BPF_DW | BPF_MEM, .dst_reg = 10, .off = -8, .imm = 0 },
        SET(1, 0),
        { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
        { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -8 },
        SET(3, 8),
        HELPER(BPF_FUNC_probe_write_user),
        SET(0, 0),
        RETURN,
    };
    return load(name, type, code, sizeof code / sizeof *code);
}

/* Looks at the clock. */
static int watcher(const char *name, unsigned type)
{
    static const struct bpf_insn code[] = { HELPER(BPF_FUNC_ktime_get_ns), SET(0, 0), RETURN };
    return load(name, type, code, sizeof code / sizeof *code);
}

static int number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, text, sizeof text - 1) > 0, path);
    close(fd);
    return atoi(text);
}

static void mark_program(const char *kind, const char *name, int fd, const char *at)
{
    printf(
        "{\"kind\":\"%s\",\"name\":\"%s\",\"id\":%u,\"pid\":%d,\"at\":\"%s\",\"by\":\"planted\"}\n",
        kind, name, id_of(fd), getpid(), at);
}

/* A perf event carries the program. */
static void event(const char *what, struct perf_event_attr attr, int program)
{
    attr.size = sizeof attr;
    int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    check(fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) &&
              !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
          what);
}

static void programs_that_hide(void)
{
    int program = writer("lab_getdents", BPF_PROG_TYPE_TRACEPOINT);
    event("sys_exit_getdents64",
          (struct perf_event_attr){
              .type = PERF_TYPE_TRACEPOINT,
              .sample_period = 1,
              .config = (uint64_t)number_in(
                  "/sys/kernel/tracing/events/syscalls/sys_exit_getdents64/id") },
          program);
    mark_program("bpf_write_user", "lab_getdents", program, "sys_exit_getdents64");

    program = writer("lab_sys_bpf", BPF_PROG_TYPE_KPROBE);
#ifdef __x86_64__
    const char *function = "__x64_sys_bpf";
#else
    const char *function = "__arm64_sys_bpf";
#endif
    event(function,
          (struct perf_event_attr){
              .type = (uint32_t)number_in("/sys/bus/event_source/devices/kprobe/type"),
              .kprobe_func = (uintptr_t)function },
          program);
    mark_program("bpf_write_user", "lab_sys_bpf", program, function);
}

/* Two programs and a map for the module, which takes one program, its link and the map out of the
 * kernel's tables of numbers, and redirects a call in the other's machine code. */
static void programs_for_the_module(void)
{
    static const char *const names[] = { "lab_gone", "lab_patched" };
    for (int i = 0; i < 2; i++) {
        int program = watcher(names[i], BPF_PROG_TYPE_RAW_TRACEPOINT);
        union bpf_attr raw = { .raw_tracepoint = { .name = (uintptr_t) "sched_process_exec",
                                                   .prog_fd = (uint32_t)program } };
        int link = bpf(BPF_RAW_TRACEPOINT_OPEN, &raw);
        check(link >= 0, names[i]);
        mark_program("bpf_program", names[i], program, "sched_process_exec");
        mark_program("bpf_link", names[i], link, "sched_process_exec");
        close(program);
    }
    union bpf_attr a = {
        .map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 16, .max_entries = 8
    };
    strcpy(a.map_name, "lab_gone_map");
    int map = bpf(BPF_MAP_CREATE, &a);
    mark_program("bpf_map", "lab_gone_map", map, "");
}

/* Lets through what begins with a magic value. */
static void packets(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    struct sock_filter code[] = { { 0x28, 0, 0, 12 },     { 0x15, 0, 3, ETH_P_IP },
                                  { 0x20, 0, 0, 42 },     { 0x15, 0, 1, 0x1ab51ab5 },
                                  { 0x06, 0, 0, 0xffff }, { 0x06, 0, 0, 0 } };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "filter");
    printf("{\"kind\":\"packet_filter\",\"pid\":%d,\"fd\":%d,\"instructions\":%zu,\"by\":"
           "\"planted\"}\n",
           getpid(), fd, sizeof code / sizeof *code);
}

/* A connection that nobody answers and words that do not come, without a call of either. */
static void ring(void)
{
    struct io_uring_params p = { 0 };
    int fd = (int)syscall(SYS_io_uring_setup, 4, &p), silent = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(7300) };
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_on(AF_INET, 7300);
    check(fd >= 0 && !connect(silent, (void *)&peer, sizeof peer), "io_uring");
    char *queue = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = mmap(NULL, p.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
    check(queue != MAP_FAILED && entry != MAP_FAILED, "io_uring mmap");
    static struct sockaddr_in to = { .sin_family = AF_INET };
    to.sin_port = htons(4443);
    to.sin_addr.s_addr = inet_addr("198.51.100.171");
    static char words[64];
    int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    entry[0] = (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
                                      .fd = out,
                                      .addr = (uintptr_t)&to,
                                      .off = sizeof to,
                                      .user_data = 1 };
    entry[1] = (struct io_uring_sqe){ .opcode = IORING_OP_RECV,
                                      .fd = silent,
                                      .addr = (uintptr_t)words,
                                      .len = sizeof words,
                                      .user_data = 2 };
    for (uint32_t i = 0; i < 2; i++)
        ((uint32_t *)(queue + p.sq_off.array))[i] = i;
    __atomic_store_n((uint32_t *)(queue + p.sq_off.tail), 2, __ATOMIC_RELEASE);
    check(syscall(SYS_io_uring_enter, fd, 2, 0, 0, NULL, 0) == 2, "io_uring enter");
    printf("{\"kind\":\"io_uring\",\"pid\":%d,\"fd\":%d,\"waiting\":[\"CONNECT\",\"RECV\"],\"by\":"
           "\"planted\"}\n",
           getpid(), fd);
}

void planted(void)
{
    setlinebuf(stdout);
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    programs_that_hide();
    programs_for_the_module();
    packets();
    ring();
    fact("{\"kind\":\"planted\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
