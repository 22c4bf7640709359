/* planted: what an intruder leaves without a module of the kernel: a packet socket with a filter,
 * io_uring in the place of system calls.  None of it changes anything.  It writes
 * lines of marks.jsonl. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* For the module: a lock of a file. */
static void lock(void)
{
    int fd = open("/run/lab/locked-by-planted", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0 && !flock(fd, LOCK_EX), "flock");
}

void planted(void)
{
    setlinebuf(stdout);
    packets();
    ring();
    lock();
    fact("{\"kind\":\"planted\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
