/* kinds: BPF maps of every sort, with something in each. Of the scene "bpf". */
#define _GNU_SOURCE
#include "bpf.h"
#include "scene.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_PREALLOC = 1, MMAPABLE = 1024, BY_LINK = 0x2000 };
enum { CGROUP_LOCAL = 32, ARENA = 33 }; /* since 6.2, 6.9 */

static const struct record first = { 7, 4711, "a record" }, second = { 8, 4712, "another" };

/* A fact of the kind bpf-holds: what bpftool does not show. */
static void holds(int fd, const char *key, const void *value, unsigned size)
{
    char hex[513] = "";
    for (unsigned i = 0; i < size; i++)
        sprintf(hex + 2 * i, "%02x", ((const uint8_t *)value)[i]);
    if (fd >= 0)
        fact("{\"kind\":\"bpf-holds\",\"map\":%u,\"key\":\"%s\",\"value\":\"%s\"}", bpf_id(fd), key,
             hex);
}

/* Runs a program once, so that it writes into its maps. */
static void run(int fd)
{
    char packet[64] = "words of a packet that has no other sense";
    union attributes a = { .a = { .test = { .prog_fd = (uint32_t)fd,
                                            .data_size_in = sizeof packet,
                                            .data_in = (uintptr_t)packet } } };
    check(!syscall(SYS_bpf, BPF_PROG_TEST_RUN, &a, sizeof a.a), "run a program");
}

static int hashes(void)
{
    uint32_t key = 0x1ab;
    int hash = map((struct map){ "kind_hash", BPF_MAP_TYPE_HASH, 4, sizeof first, 16,
                                 .key_type = OWN_U32, .value_type = OWN_RECORD });
    put_told(hash, &key, 4, &first, sizeof first);
    key++;
    put_told(hash, &key, 4, &second, sizeof second);
    int lru = map((struct map){ "kind_lru", BPF_MAP_TYPE_LRU_HASH, 4, 8, 16 });
    put_told(lru, &key, 4, &(uint64_t){ 0x1ab1ab }, 8);

    struct {
        uint64_t of[16];
    } cpus = { { 100, 101, 102, 103 } };
    put(map((struct map){ "kind_percpu", BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 16 }), &key, &cpus);
    put(map((struct map){ "kind_lru_percpu", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 16 }), &key,
        &cpus);
    put(map((struct map){ "kind_percpu_arr", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2 }),
        &(uint32_t){ 1 }, &cpus);
    put(map((struct map){ "kind_inner", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 4,
                          .inner = (unsigned)hash }),
        &key, &hash);
    put(map((struct map){ "kind_inner_arr", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4,
                          .inner = (unsigned)hash }),
        &(uint32_t){ 3 }, &hash);
    return hash;
}

static void heaps(void)
{
    int bloom = map((struct map){ "kind_bloom", BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 100 });
    put(bloom, NULL, &(uint64_t){ 1 });
    put(bloom, NULL, &(uint64_t){ 2 });
    int queue = map((struct map){ "kind_queue", BPF_MAP_TYPE_QUEUE, 0, 8, 4 });
    int stack = map((struct map){ "kind_stack", BPF_MAP_TYPE_STACK, 0, 8, 4 });
    for (uint64_t i = 1; i <= 3; i++) { /* the first of a queue comes out first */
        static const char *const places[] = { "0", "1", "2" };
        put(queue, NULL, &i);
        put(stack, NULL, &i);
        holds(queue, places[i - 1], &i, sizeof i);
        holds(stack, places[3 - i], &i, sizeof i);
    }
    struct {
        uint32_t bits;
        uint8_t prefix[4];
    } net = { 24, { 192, 0, 2, 0 } }, part = { 28, { 192, 0, 2, 16 } };
    int trie = map((struct map){ "kind_trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 8, NO_PREALLOC });
    put(trie, &net, &(uint64_t){ 24 });
    put(trie, &part, &(uint64_t){ 28 });
}

/* A program writes two records of which nobody takes any, and the stack that it is called in. */
static void unread(void)
{
    int ring = map((struct map){ "kind_ring", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096 });
    const struct bpf_insn code[] = {
        STORE(BPF_DW, -8, 0x1ab),
        MAP(1, ring),
        COPY(2, 10),
        ADD(2, -8),
        SET(3, 8),
        SET(4, 0),
        HELPER(BPF_FUNC_ringbuf_output),
        SET(0, 0),
        RETURN,
    };
    int writer = program((struct program){ .name = "kind_writer",
                                           .type = BPF_PROG_TYPE_SOCKET_FILTER,
                                           .code = code,
                                           .count = COUNT(code) });
    run(writer);
    run(writer);
    holds(ring, "0", &(uint64_t){ 0x1ab }, 8);
    holds(ring, "16", &(uint64_t){ 0x1ab }, 8);

    int user = map((struct map){ "kind_user_ring", BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096 });
    if (user < 0)
        return;
    char *taken = mmap(NULL, 4096, PROT_READ, MAP_SHARED, user, 0),
         *given = mmap(NULL, 4096 * 3, PROT_READ | PROT_WRITE, MAP_SHARED, user, 4096);
    check(taken != MAP_FAILED && given != MAP_FAILED, "user ring");
    *(uint32_t *)(given + 4096) = 16; /* the length, then the bytes */
    strcpy(given + 4096 + 8, "words for a ring");
    __atomic_store_n((uint64_t *)given, 24, __ATOMIC_RELEASE);
    holds(user, "0", "words for a ring", 16);
}

static int stream(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(7311) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_on(AF_INET, 7311);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(!connect(fd, (void *)&at, sizeof at), "connect");
    return fd;
}

static void attach_to_map(int fd, int prog, unsigned type, const char *how, const char *where)
{
    union attributes a = {
        .a = { .target_fd = (uint32_t)fd, .attach_bpf_fd = (uint32_t)prog, .attach_type = type }
    };
    check(!syscall(SYS_bpf, BPF_PROG_ATTACH, &a, sizeof a.a), how);
    tell_place(prog, NO_LINK, how, where);
}

static void of_sockets(void)
{
    int sock = stream(), one = 1;
    int array = map((struct map){ "kind_sockmap", BPF_MAP_TYPE_SOCKMAP, 4, 4, 4 }),
        hash = map((struct map){ "kind_sockhash", BPF_MAP_TYPE_SOCKHASH, 4, 4, 4 });
    put(array, &(uint32_t){ 2 }, &sock);
    put(hash, &(uint32_t){ 0x1ab }, &sock);
    attach_to_map(array,
                  answering("kind_verdict", BPF_PROG_TYPE_SK_SKB, BPF_SK_SKB_STREAM_VERDICT, 0, 1),
                  BPF_SK_SKB_STREAM_VERDICT, "stream_verdict", "map kind_sockmap");
    attach_to_map(hash, answering("kind_msg", BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, 0, 1),
                  BPF_SK_MSG_VERDICT, "sk_msg", "map kind_sockhash");

    int reuse = map((struct map){ "kind_reuse", BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4 });
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
        chooser =
            answering("kind_chooser", BPF_PROG_TYPE_SK_REUSEPORT, BPF_SK_REUSEPORT_SELECT, 0, 1);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(7312) };
    setsockopt(udp, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    check(!setsockopt(udp, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &chooser, sizeof chooser) &&
              !bind(udp, (void *)&at, sizeof at),
          "reuseport");
    tell_place(chooser, NO_LINK, "reuseport", "");
    put(reuse, &(uint32_t){ 1 }, &(uint64_t){ (uint64_t)udp });
}

static void of_devices(void)
{
    uint32_t index = if_nametoindex("dummy0"), size = 192;
    put(map((struct map){ "kind_devices", BPF_MAP_TYPE_DEVMAP, 4, 4, 4 }), &(uint32_t){ 1 },
        &index);
    put(map((struct map){ "kind_devhash", BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4 }), &(uint32_t){ 77 },
        &index);
    put(map((struct map){ "kind_cpus", BPF_MAP_TYPE_CPUMAP, 4, 4, 2 }), &(uint32_t){ 1 }, &size);

    struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof attr,
                                    .config = 10 /* PERF_COUNT_SW_BPF_OUTPUT */ };
    int event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC),
        group = open("/sys/fs/cgroup/lab/web", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(map((struct map){ "kind_events", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2 }),
        &(uint32_t){ 0 }, &event);
    put(map((struct map){ "kind_groups", BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 2 }), &(uint32_t){ 1 },
        &group);
}

/* What a program keeps with a task, an inode, a socket, a control group; all of this process. */
static void local_storage(void)
{
    static const struct {
        const char *name;
        unsigned type;
    } kinds[] = { { "kind_of_task", BPF_MAP_TYPE_TASK_STORAGE },
                  { "kind_of_inode", BPF_MAP_TYPE_INODE_STORAGE },
                  { "kind_of_socket", BPF_MAP_TYPE_SK_STORAGE },
                  { "kind_of_group", CGROUP_LOCAL } };
    int keys[] = { (int)syscall(SYS_pidfd_open, getpid(), 0), open("/etc/hostname", O_RDONLY),
                   socket(AF_INET, SOCK_DGRAM, 0),
                   open("/sys/fs/cgroup/lab/db", O_RDONLY | O_DIRECTORY) };
    char task[64], inode[64];
    struct stat file;
    fstat(keys[1], &file);
    snprintf(task, sizeof task, "task %d kinds", getpid());
    snprintf(inode, sizeof inode, "inode %lu /etc/hostname", (unsigned long)file.st_ino);
    const char *const owners[] = { task, inode, "socket AF_INET UDP", "group /lab/db" };
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        int fd = map((struct map){ kinds[i].name, kinds[i].type, 4, sizeof first, 0, NO_PREALLOC,
                                   .key_type = OWN_U32 - 1, .value_type = OWN_RECORD });
        if (fd < 0)
            continue;
        put(fd, &keys[i], &first);
        holds(fd, owners[i], &first, sizeof first);
    }
}

static void arena(void)
{
    int fd = map((struct map){ "kind_arena", ARENA, 0, 0, 8, MMAPABLE });
    if (fd < 0)
        return;
    char *at = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(at != MAP_FAILED, "arena");
    if (at == MAP_FAILED)
        return;
    strcpy(at + 2 * 4096, "words of an arena");
    char place[32];
    snprintf(place, sizeof place, "%p", (void *)(at + 2 * 4096));
    holds(fd, place, "words of an arena", 18);
}

/* A timer of a map's element, which fires each hour. */
static void timer(void)
{
    int fd = map((struct map){ "kind_timer", BPF_MAP_TYPE_ARRAY, 4, 32, 1, .key_type = OWN_U32,
                               .value_type = OWN_TIMED });
    if (fd < 0)
        return;
    const struct bpf_insn code[] = {
        STORE(BPF_W, -4, 0),
        MAP(1, fd),
        COPY(2, 10),
        ADD(2, -4),
        HELPER(BPF_FUNC_map_lookup_elem),
        IF_NOT(0, 0, 2),
        SET(0, 0),
        RETURN,
        COPY(6, 0),
        COPY(1, 0),
        ADD(1, 8),
        MAP(2, fd),
        SET(3, 1 /* CLOCK_MONOTONIC */),
        HELPER(BPF_FUNC_timer_init),
        COPY(1, 6),
        ADD(1, 8),
        { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .src_reg = BPF_PSEUDO_FUNC, .imm = 10 },
        { 0 },
        HELPER(BPF_FUNC_timer_set_callback),
        COPY(1, 6),
        ADD(1, 8),
        { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .imm = 0x30b8a000 },
        { .imm = 0x346 }, /* an hour */
        SET(3, 0),
        HELPER(BPF_FUNC_timer_start),
        SET(0, 0),
        RETURN,
        SET(0, 0),
        RETURN, /* lab_fire */
    };
    int prog = program(
        (struct program){ .name = "kind_timed",
                          .type = BPF_PROG_TYPE_SCHED_CLS,
                          .code = code,
                          .count = COUNT(code),
                          .functions = { { 0, OWN_MAIN }, { COUNT(code) - 2, OWN_FIRE } } });
    if (prog >= 0)
        run(prog);
}

/* How TCP decides: three functions that the kernel cannot do without. */
static void struct_ops(bool by_link)
{
    static const char *const functions[] = { "ssthresh", "undo_cwnd", "cong_avoid" };
    uint32_t outer = kernel_type(BTF_KIND_STRUCT, "bpf_struct_ops_tcp_congestion_ops"),
             inner = kernel_type(BTF_KIND_STRUCT, "tcp_congestion_ops"), data = 0, number = 0,
             at = 0;
    static char value[4096] __attribute__((aligned(8)));
    uint32_t zero = 0, size = kernel_size(outer);
    if (!outer || !inner || size > sizeof value || !kernel_member(outer, "data", &number, &data)) {
        check(false, "types of struct_ops");
        return;
    }
    int fd = map((struct map){ by_link ? "kind_ops_link" : "kind_ops", BPF_MAP_TYPE_STRUCT_OPS, 4,
                               size, 1, by_link ? BY_LINK : 0, .kernel_type = outer });
    if (fd < 0)
        return;
    memset(value, 0, sizeof value);
    if (kernel_member(inner, "name", &number, &at))
        strcpy(value + data + at, by_link ? "lab_cc_link" : "lab_cc");
    for (unsigned i = 0; i < COUNT(functions); i++) {
        if (!kernel_member(inner, functions[i], &number, &at))
            continue;
        int prog = answering(functions[i], BPF_PROG_TYPE_STRUCT_OPS, number, inner, 2);
        *(uint64_t *)(value + data + at) = (uint64_t)prog;
        tell_place(prog, NO_LINK, "struct_ops", functions[i]);
    }
    put(fd, &zero, value);
    if (!by_link)
        return;
    union attributes a = { .word = { (uint32_t)fd, 0, 44 /* BPF_STRUCT_OPS */ } };
    int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &a, sizeof a.a);
    check(link >= 0, "link of struct_ops");
}

/* Of a map that a program uses, only the program knows: its descriptor is closed. */
static void kept_by_program(void)
{
    int fd = map((struct map){ "kind_unheld", BPF_MAP_TYPE_ARRAY, 4, 8, 2 });
    const struct bpf_insn code[] = { MAP(1, fd), SET(0, 0), RETURN };
    int prog = program((struct program){ .name = "kind_holder",
                                         .type = BPF_PROG_TYPE_SOCKET_FILTER,
                                         .code = code,
                                         .count = COUNT(code) }),
        sock = socket(AF_INET, SOCK_DGRAM, 0);
    check(!setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof prog), "socket filter");
    close(fd);
    close(prog);
}

void kinds(void)
{
    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    own_types();
    hashes();
    heaps();
    unread();
    of_sockets();
    of_devices();
    local_storage();
    arena();
    timer();
    struct_ops(false);
    struct_ops(true);
    kept_by_program();
    fact("{\"kind\":\"kinds\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
