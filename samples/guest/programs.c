/* programs: BPF maps, programs and links of several sorts, without a compiler or a library. */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *a)
{
    return (int)syscall(SYS_bpf, command, a, sizeof *a);
}

static int map(const char *name, unsigned type, unsigned key, unsigned value, unsigned count,
               unsigned flags, int inner)
{
    union bpf_attr a = { .map_type = type,
                         .key_size = key,
                         .value_size = value,
                         .max_entries = count,
                         .map_flags = flags,
                         .inner_map_fd = (uint32_t)inner };
    strncpy(a.map_name, name, sizeof a.map_name - 1);
    int fd = bpf(BPF_MAP_CREATE, &a);
    struct bpf_map_info info = { 0 };
    union bpf_attr q = { .info = { (uint32_t)fd, sizeof info, (uintptr_t)&info } };
    check(fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &q), name);
    fact("{\"kind\":\"bpf-map\",\"pid\":%d,\"id\":%u,\"name\":\"%s\",\"type\":%u,\"key\":%u,"
         "\"value\":%u,\"entries\":%u}",
         getpid(), info.id, name, type, key, value, count);
    return fd;
}

static void put(int fd, const void *key, const void *value)
{
    union bpf_attr a = { .map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)value };
    check(!bpf(BPF_MAP_UPDATE_ELEM, &a), "map entry");
}

/* A program that refers to a map and answers with a number. */
static int program(const char *name, unsigned type, unsigned attach, int map_fd, int answer)
{
    struct bpf_insn code[] = {
        { .code = BPF_LD | BPF_DW | BPF_IMM,
          .dst_reg = 1,
          .src_reg = BPF_PSEUDO_MAP_FD,
          .imm = map_fd },
        { 0 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = answer },
        { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr a = { .prog_type = type,
                         .insns = (uintptr_t)code,
                         .insn_cnt = 4,
                         .license = (uintptr_t) "GPL",
                         .expected_attach_type = attach };
    strncpy(a.prog_name, name, sizeof a.prog_name - 1);
    int fd = bpf(BPF_PROG_LOAD, &a);
    struct bpf_prog_info info = { 0 };
    union bpf_attr q = { .info = { (uint32_t)fd, sizeof info, (uintptr_t)&info } };
    check(fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &q), name);
    fact("{\"kind\":\"bpf-program\",\"pid\":%d,\"id\":%u,\"name\":\"%s\",\"type\":%u}", getpid(),
         info.id, name, type);
    return fd;
}

static void link_to(const char *what, int prog, int target, unsigned type)
{
    union bpf_attr a = { .link_create = { .prog_fd = (uint32_t)prog,
                                          .target_fd = (uint32_t)target,
                                          .attach_type = type } };
    int fd = bpf(BPF_LINK_CREATE, &a);
    check(fd >= 0, what);
    fact("{\"kind\":\"bpf-link\",\"pid\":%d,\"fd\":%d,\"what\":\"%s\"}", getpid(), fd, what);
}

static void pin(int fd, const char *path)
{
    union bpf_attr a = { .pathname = (uintptr_t)path, .bpf_fd = (uint32_t)fd };
    check(!bpf(BPF_OBJ_PIN, &a), path);
}

static int number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && read(fd, text, sizeof text - 1) > 0, path);
    close(fd);
    return atoi(text);
}

/* A perf event of a kprobe or a tracepoint carries the program. */
static void event(const char *what, struct perf_event_attr attr, int prog)
{
    int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    check(fd >= 0 && !ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) &&
              !ioctl(fd, PERF_EVENT_IOC_ENABLE, 0),
          what);
    fact("{\"kind\":\"bpf-event\",\"pid\":%d,\"fd\":%d,\"what\":\"%s\"}", getpid(), fd, what);
}

static int maps(void)
{
    uint32_t key = 0x1ab;
    char value[32] = "words in a hash of the lab", first[16] = "queued";
    int hash = map("lab_hash", BPF_MAP_TYPE_HASH, 4, 32, 64, 0, 0);
    put(hash, &key, value);
    key++;
    put(hash, &key, value);
    map("lab_percpu", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4, 0, 0);
    map("lab_lru", BPF_MAP_TYPE_LRU_HASH, 8, 16, 128, 0, 0);
    map("lab_ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 65536, 0, 0);
    put(map("lab_queue", BPF_MAP_TYPE_QUEUE, 0, 16, 8, 0, 0), NULL, first);
    struct {
        uint32_t bits;
        uint8_t prefix[4];
    } net = { 24, { 192, 0, 2, 0 } };
    uint64_t eight = 8;
    put(map("lab_lpm", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 16, 1 /* no preallocation */, 0), &net, &eight);
    uint32_t zero = 0, inner = (uint32_t)hash;
    put(map("lab_maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, 0, hash), &zero, &inner);
    pin(hash, "/sys/fs/bpf/lab_hash");
    return hash;
}

void programs(void)
{
    /* before 5.11 maps and programs count as locked memory */
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    int hash = maps(), cgroup = open("/sys/fs/cgroup/lab", O_RDONLY | O_DIRECTORY);
    int calls = map("lab_calls", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4, 0, 0);
    uint32_t slot = 1,
             filter = (uint32_t)program("lab_tail", BPF_PROG_TYPE_SOCKET_FILTER, 0, hash, 7);
    put(calls, &slot, &filter);
    pin(program("lab_cls", BPF_PROG_TYPE_SCHED_CLS, 0, hash, -1), "/sys/fs/bpf/lab_cls");

    link_to("cgroup /lab, egress",
            program("lab_egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, hash, 1),
            cgroup, BPF_CGROUP_INET_EGRESS);
    link_to("xdp on dummy0", program("lab_xdp", BPF_PROG_TYPE_XDP, BPF_XDP, hash, 2),
            (int)if_nametoindex("dummy0"), BPF_XDP);
    union bpf_attr device = { .target_fd = (uint32_t)cgroup,
                              .attach_bpf_fd = (uint32_t)program(
                                  "lab_device", BPF_PROG_TYPE_CGROUP_DEVICE, 0, hash, 1),
                              .attach_type = BPF_CGROUP_DEVICE };
    check(!bpf(BPF_PROG_ATTACH, &device), "cgroup device");

    union bpf_attr raw = { .raw_tracepoint = {
                               .name = (uintptr_t) "sched_process_exec",
                               .prog_fd = (uint32_t)program("lab_raw", BPF_PROG_TYPE_RAW_TRACEPOINT,
                                                            0, hash, 0) } };
    int fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &raw);
    check(fd >= 0, "raw tracepoint");
    fact("{\"kind\":\"bpf-link\",\"pid\":%d,\"fd\":%d,\"what\":\"raw tracepoint "
         "sched_process_exec\"}",
         getpid(), fd);
    event("kprobe vfs_statfs",
          (struct perf_event_attr){
              .type = (uint32_t)number_in("/sys/bus/event_source/devices/kprobe/type"),
              .size = sizeof(struct perf_event_attr),
              .kprobe_func = (uintptr_t) "vfs_statfs" },
          program("lab_kprobe", BPF_PROG_TYPE_KPROBE, 0, hash, 0));
    event("tracepoint sched/sched_process_fork",
          (struct perf_event_attr){ .type = PERF_TYPE_TRACEPOINT,
                                    .size = sizeof(struct perf_event_attr),
                                    .sample_period = 1,
                                    .config = (uint64_t)number_in(
                                        "/sys/kernel/tracing/events/sched/sched_process_fork/id") },
          program("lab_point", BPF_PROG_TYPE_TRACEPOINT, 0, hash, 0));
    fact("{\"kind\":\"programs\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
