/* hunger: a process that has more memory than its group may, and io_uring with work that waits. */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* 40 MB in a group that may have 12: most of it goes to swap.  Every page begins with its number;
 * every third is noise, which does not pack; every fourth is all of one byte behind the number. */
void hog(void)
{
    enum { PAGES = 10240, PAGE = 4096 };
    char *at = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", getpid());
    write_text("/sys/fs/cgroup/lab/hog/cgroup.procs", pid);
    madvise(at, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    uint64_t noise = 1;
    for (int i = 0; i < PAGES; i++) {
        char *page = at + (size_t)i * PAGE;
        for (int k = 0; i % 3 == 0 && k < PAGE; k++) {
            noise = noise * 6364136223846793005u + 1442695040888963407u;
            page[k] = (char)(noise >> 56);
        }
        if (i % 3 && i % 4 == 0)
            memset(page, 'h', PAGE);
        snprintf(page, 32, "page %d of the hog", i);
    }
    fact("{\"kind\":\"hog\",\"pid\":%d,\"at\":\"%p\",\"pages\":%d,\"page_size\":%d}", getpid(),
         (void *)at, PAGES, PAGE);
    sleep_for_ever();
}

/* A ring with registered files and buffers, and three requests that wait: a poll, a read, a
 * timeout. */
void rings(void)
{
    struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 64 };
    int ring = (int)syscall(SYS_io_uring_setup, 16, &p), ends[2];
    check(ring >= 0 && !pipe(ends), "io_uring");
    char *queue = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entry = mmap(NULL, p.sq_entries * sizeof *entry, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    check(queue != MAP_FAILED && entry != MAP_FAILED, "io_uring mmap");
    static char buffer[2][8192] __attribute__((aligned(4096)));
    strcpy(buffer[0], "a registered buffer of the lab");
    struct iovec buffers[2] = { { buffer[0], 8192 }, { buffer[1], 8192 } };
    int files[2] = { ends[0], open("/etc/hostname", O_RDONLY | O_CLOEXEC) };
    check(!syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, buffers, 2) &&
              !syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, files, 2),
          "io_uring register");
    static struct __kernel_timespec day = { .tv_sec = 86400 };
    static char line[64];
    entry[0] = (struct io_uring_sqe){
        .opcode = IORING_OP_POLL_ADD, .fd = ends[0], .poll32_events = POLLIN, .user_data = 1
    };
    entry[1] = (struct io_uring_sqe){ .opcode = IORING_OP_READ,
                                      .fd = 0,
                                      .flags = IOSQE_FIXED_FILE,
                                      .addr = (uintptr_t)line,
                                      .len = sizeof line,
                                      .user_data = 2 };
    entry[2] = (struct io_uring_sqe){
        .opcode = IORING_OP_TIMEOUT, .addr = (uintptr_t)&day, .len = 1, .user_data = 3
    };
    for (uint32_t i = 0; i < 3; i++)
        ((uint32_t *)(queue + p.sq_off.array))[i] = i;
    __atomic_store_n((uint32_t *)(queue + p.sq_off.tail), 3, __ATOMIC_RELEASE);
    check(syscall(SYS_io_uring_enter, ring, 3, 0, 0, NULL, 0) == 3, "io_uring enter");
    fact("{\"kind\":\"rings\",\"pid\":%d,\"fd\":%d,\"files\":2,\"buffers\":2,\"waiting\":[\"poll\","
         "\"read\",\"timeout\"]}",
         getpid(), ring);
    sleep_for_ever();
}
