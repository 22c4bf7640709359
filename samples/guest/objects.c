/* objects: sockets, open files, a terminal, what is loaded into the kernel. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---- sockets and open files
 * ------------------------------------------------------------------------------------------ */

void sockets(void)
{
    int server = listen_on(AF_INET, 7000), client = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(7000),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    check(!connect(client, (void *)&to, sizeof to), "connect");
    int peer = accept(server, NULL, NULL);
    check(send(client, "waiting in the queue", 20, 0) == 20 && peer >= 0, "send");
    int second = socket(AF_INET, SOCK_STREAM, 0);
    check(!connect(second, (void *)&to, sizeof to) && !close(second) &&
              !close(accept(server, NULL, NULL)),
          "time-wait");
    int udp = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0),
        raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    to.sin_port = htons(5353);
    check(!bind(udp, (void *)&to, sizeof to), "udp");
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons(5354),
                                .sin6_addr = in6addr_loopback };
    check(!bind(udp6, (void *)&to6, sizeof to6), "udp6");
    int packet = socket(AF_PACKET, SOCK_RAW, htons(3 /* all */));
    int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    check(!bind(netlink, (void *)&nl, sizeof nl), "netlink");
    int named = socket(AF_UNIX, SOCK_STREAM, 0), abstract = socket(AF_UNIX, SOCK_DGRAM, 0), pair[2];
    struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/run/lab/lab.sock" };
    check(!bind(named, (void *)&un, sizeof un) && !listen(named, 5), "unix");
    memcpy(un.sun_path, "\0lab-abstract", 13);
    check(!bind(abstract, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 13), "abstract");
    check(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
    int queued =
        open("/etc/hostname",
             O_RDONLY); /* a file that is only in flight: sent, not received, and closed here */
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS } };
    memcpy(CMSG_DATA(&control.head), &queued, sizeof queued);
    struct msghdr m = { .msg_iov = &(struct iovec){ "x", 1 },
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof control.room };
    check(sendmsg(pair[0], &m, 0) == 1, "sendmsg");
    close(queued);
    setsockopt(raw, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    fact("{\"kind\":\"sockets\",\"pid\":%d,\"tcp\":7000,\"udp\":5353,\"udp6\":5354,\"packet\":%s,"
         "\"unix\":\"/run/lab/lab.sock\",\"abstract\":\"lab-abstract\"}",
         getpid(), packet >= 0 ? "true" : "false");
    sleep_for_ever();
}

void files(void)
{
    int ends[2], log = open("/run/lab/open.log", O_RDWR | O_CREAT | O_APPEND, 0600),
                 gone = open("/tmp/lab-gone", O_RDWR | O_CREAT, 0600);
    check(!pipe(ends) && write(ends[1], "in the pipe", 11) == 11, "pipe");
    check(write(log, "three lines\nof a\nlog\n", 21) == 21 && lseek(log, 5, SEEK_SET) == 5, "log");
    check(write(gone, "nobody sees this name\n", 22) == 22 && !unlink("/tmp/lab-gone"), "gone");
    check(!flock(log, LOCK_EX), "flock");
    struct flock range = { .l_type = F_WRLCK, .l_start = 100, .l_len = 50 };
    check(!fcntl(gone, F_SETLK, &range), "fcntl");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGUSR2); /* stays pending */
    signal(SIGHUP, SIG_IGN);
    int event = eventfd(7, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0),
        sig = signalfd(-1, &set, 0), watch = inotify_init1(0), poll = epoll_create1(0);
    timerfd_settime(timer, 0, &(struct itimerspec){ .it_value.tv_sec = 90000 }, NULL);
    inotify_add_watch(watch, "/etc", IN_MODIFY);
    epoll_ctl(poll, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){ .events = EPOLLIN });
    int folder = open("/srv", O_PATH | O_DIRECTORY),
        pid = (int)syscall(SYS_pidfd_open, getpid(), 0);
    fcntl(event, F_DUPFD, 200);
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_sec = 80000 }, NULL);
    timer_t posix;
    timer_create(CLOCK_REALTIME, NULL, &posix);
    check(folder >= 0 && pid >= 0 && sig >= 0, "open");
    struct io_uring_params ring = { .flags = IORING_SETUP_SQPOLL,
                                    .sq_thread_idle = 1000 }; /* with a kernel thread of its own */
    check(syscall(SYS_io_uring_setup, 8, &ring) >= 0, "io_uring");
    fact("{\"kind\":\"files\",\"pid\":%d,\"log\":\"/run/lab/open.log\",\"deleted\":\"/tmp/"
         "lab-gone\"}",
         getpid());
    sleep_for_ever();
}

/* ---- a login: a shell on a terminal, typed to
 * -------------------------------------------------------------------------- */

struct person {
    uid_t uid;
    const char *name, *home;
};

static pid_t login(struct person p, const char *const *typed, size_t count)
{
    int master;
    pid_t pid = forkpty(&master, NULL, NULL, &(struct winsize){ 25, 100, 0, 0 });
    if (!pid) {
        become(p.uid);
        char env[4][64];
        snprintf(env[0], sizeof env[0], "HOME=%s", p.home);
        snprintf(env[1], sizeof env[1], "USER=%s", p.name);
        snprintf(env[2], sizeof env[2], "LOGNAME=%s", p.name);
        snprintf(env[3], sizeof env[3], "HISTFILE=%s/.bash_history", p.home);
        char *all[] = { env[0],      env[1],
                        env[2],      "SHELL=/bin/bash",
                        "TERM=dumb", "PATH=/bin:/usr/bin",
                        env[3],      NULL };
        if (chdir(p.home))
            _exit(1);
        execle("/bin/bash", "-bash", "--norc", "--noprofile", "-i", NULL, all);
        _exit(1);
    }
    char c[256];
    fcntl(master, F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < count; i++) {
        usleep(400000);
        while (read(master, c, sizeof c) > 0)
            ;
        check(write(master, typed[i], strlen(typed[i])) > 0 && write(master, "\n", 1) == 1, "type");
    }
    sleep(1);
    while (read(master, c, sizeof c) > 0)
        ;
    return pid;
}

void session(void)
{
    static const char *const typed[] = { "cd /srv", "ls -l", "export LAB_VAR=typed",
                                         "echo hello from bob", "uname -r" };
    pid_t pid = login((struct person){ BOB, "bob", "/home/bob" }, typed, 5);
    fact("{\"kind\":\"login\",\"pid\":%d,\"shell\":%d,\"typed\":[\"cd /srv\",\"ls -l\",\"export "
         "LAB_VAR=typed\",\"echo hello from bob\",\"uname -r\"]}",
         getpid(), pid);
    sleep_for_ever();
}

/* More shells; each says at last itself what its history is, with times, in /tmp/history-NAME. */
void logins(void)
{
    static const char *const alice[] = {
        "id",
        "cat /etc/hostname",
        "for i in 1 2; do",
        "  echo $i",
        "done",
        " echo 'a command that begins with a space'",
        "export LAB_TOKEN='only an example'",
        "history -d 2",
        "HISTTIMEFORMAT='%s ' history > /tmp/history-alice",
    };
    static const char *const root[] = {
        "cd /root",
        "ps | grep web",
        "mount -o remount,rw /",
        "sleep 7000 &",
        "echo 'umlaut: \303\274'",
        "HISTTIMEFORMAT='%s ' history > /tmp/history-root",
    };
    pid_t a = login((struct person){ ALICE, "alice", "/home/alice" }, alice,
                    sizeof alice / sizeof *alice),
          b = login((struct person){ 0, "root", "/root" }, root, sizeof root / sizeof *root);
    fact("{\"kind\":\"logins\",\"pid\":%d,\"alice\":%d,\"root\":%d}", getpid(), a, b);
    sleep_for_ever();
}

/* ---- programs of the kernel's own machine
 * --------------------------------------------------------------------------- */

struct batch {
    char bytes[1024];
    size_t used;
    struct nlmsghdr *last;
};

static void batch_message(struct batch *b, int type, int family, int resource)
{
    b->last = (struct nlmsghdr *)(b->bytes + b->used);
    *b->last = (struct nlmsghdr){ .nlmsg_len = 20,
                                  .nlmsg_type = (uint16_t)type,
                                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE };
    struct nfgenmsg g = { .nfgen_family = (uint8_t)family,
                          .version = NFNETLINK_V0,
                          .res_id = htons((uint16_t)resource) };
    memcpy(b->last + 1, &g, sizeof g);
    b->used += 20;
}

static void batch_attribute(struct batch *b, int type, const void *data, size_t size)
{
    struct nlattr a = { .nla_len = (uint16_t)(size + 4), .nla_type = (uint16_t)type };
    memcpy(b->bytes + b->used, &a, 4);
    memcpy(b->bytes + b->used + 4, data, size);
    b->used += (size + 7) & ~(size_t)3;
    b->last->nlmsg_len = (uint32_t)(b->bytes + b->used - (char *)b->last);
}

/* nft add table ip lab; nft add chain ip lab input { type filter hook input priority 7; } */
static void nft(void)
{
    static struct batch b;
    const int tables = NFNL_SUBSYS_NFTABLES << 8;
    uint32_t hook[4] = { 8 | NFTA_HOOK_HOOKNUM << 16, htonl(1 /* input */),
                         8 | NFTA_HOOK_PRIORITY << 16, htonl(7) };
    batch_message(&b, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    batch_message(&b, tables | NFT_MSG_NEWTABLE, AF_INET, 0);
    batch_attribute(&b, NFTA_TABLE_NAME, "lab", 4);
    batch_message(&b, tables | NFT_MSG_NEWCHAIN, AF_INET, 0);
    batch_attribute(&b, NFTA_CHAIN_TABLE, "lab", 4);
    batch_attribute(&b, NFTA_CHAIN_NAME, "input", 6);
    batch_attribute(&b, NFTA_CHAIN_HOOK | NLA_F_NESTED, hook, sizeof hook);
    batch_attribute(&b, NFTA_CHAIN_TYPE, "filter", 7);
    batch_message(&b, NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    struct timeval patience = { .tv_usec = 300000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    check(send(fd, b.bytes, b.used, 0) == (ssize_t)b.used, "nft send");
    struct nlmsghdr *answer = (void *)b.bytes; /* only an error is answered */
    if (recv(fd, b.bytes, sizeof b.bytes, 0) > 0 && answer->nlmsg_type == NLMSG_ERROR) {
        errno = -*(int *)(answer + 1);
        check(!errno, "nft");
    }
    close(fd);
}

void filter(void)
{
    nft();
    union bpf_attr a = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 4
    };
    strcpy(a.map_name, "lab_map");
    int map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a);
    uint32_t key = 2;
    uint64_t value = 0x1ab1ab;
    union bpf_attr u = { .map_fd = (uint32_t)map,
                         .key = (uintptr_t)&key,
                         .value = (uintptr_t)&value };
    check(map >= 0 && !syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &u, sizeof u), "bpf map");
    struct bpf_insn code[] = {
        { .code = BPF_LD | BPF_DW | BPF_IMM,
          .dst_reg = 1,
          .src_reg = BPF_PSEUDO_MAP_FD,
          .imm = map },
        { 0 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0xffff },
        { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr p = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                         .insns = (uintptr_t)code,
                         .insn_cnt = 4,
                         .license = (uintptr_t) "GPL" };
    strcpy(p.prog_name, "lab_filter");
    int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &p, sizeof p),
        s = socket(AF_INET, SOCK_DGRAM, 0);
    check(prog >= 0 && !setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof prog),
          "bpf program");
    fact("{\"kind\":\"bpf\",\"pid\":%d,\"map\":\"lab_map\",\"program\":\"lab_filter\",\"entry\":[2,"
         "\"0x1ab1ab\"],\"nft\":\"table ip lab, chain input, hook input, priority 7\"}",
         getpid());
    sleep_for_ever();
}
