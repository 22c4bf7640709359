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
#include <sys/swap.h>
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

/* prefer DEVICE PRIORITY: swapon with a priority, which busybox's of Debian has not. */
int prefer(const char *device, int priority)
{
    if (!swapon(device, SWAP_FLAG_PREFER | priority))
        return 0;
    perror(device);
    return 1;
}

/* SHA-256 of this memory, by the program of that name; "" when it fails. */
static void sha256(const void *at, size_t len, char out[65])
{
    char command[64], path[48];
    snprintf(path, sizeof path, "/run/lab/sum-%d", getpid());
    snprintf(command, sizeof command, "sha256sum > %s", path);
    FILE *to = popen(command, "w");
    memset(out, 0, 65);
    if (to && fwrite(at, 1, len, to) == len && !pclose(to) && (to = fopen(path, "r"))) {
        if (fread(out, 1, 64, to) != 64)
            out[0] = 0;
        fclose(to);
    }
    unlink(path);
}

/* How many pages /proc/self/pagemap says are swapped (bit 62). */
static int swapped(const char *at, int pages, size_t page)
{
    uint64_t entry;
    int n = 0, fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < pages; i++)
        n += pread(fd, &entry, 8, (off_t)((uintptr_t)at / page + (size_t)i) * 8) == 8 &&
             entry >> 62 & 1;
    close(fd);
    return n;
}

/* Pages of every sort, paged out: text, noise, one byte, few words, one word, zeros.  All but the
 * last two sorts begin with their number. */
void packed(void)
{
    enum { PAGES = 384, SORTS = 6, PAGE_OUT = 21 /* MADV_PAGEOUT */ };
    const char *name = getenv("LAB_SWAP");
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const int touch = atoi(getenv("LAB_TOUCH"));
    char sum[65];
    uint64_t noise = 1;
    int out = 0;

    madvise(at, PAGES * page, MADV_NOHUGEPAGE);
    for (int i = 0; i < PAGES; i++) {
        char *p = at + (size_t)i * page;
        for (size_t k = 0; k < page; k++) {
            noise = noise * 6364136223846793005u + 1442695040888963407u;
            p[k] =
                i % SORTS == 0
                    ? "the quick brown fox jumps over the lazy dog; "[(k + (noise >> 60 == 0)) % 45]
                : i % SORTS == 1 ? (char)(noise >> 56)
                : i % SORTS == 2 ? 'p'
                : i % SORTS == 3 ? (k % 64 ? 0 : (char)(k / 64 + (size_t)i))
                : i % SORTS == 4 ? "\x01\xab\x01\xab\x01\xab\x01\xab"[k % 8]
                                 : 0;
        }
        if (i % SORTS < 4)
            snprintf(p, 64, "page %d of %s", i, name);
    }
    sha256(at, PAGES * page, sum);
    for (int i = 0; i < 20 && out < PAGES; i++) {
        madvise(at, PAGES * page, PAGE_OUT);
        usleep(200000);
        out = swapped(at, PAGES, page);
    }
    for (int i = 0; touch && i < PAGES; i += touch)
        (void)*(volatile char *)(at + (size_t)i * page);
    fact("{\"kind\":\"packed\",\"pid\":%d,\"name\":\"%s\",\"at\":\"%p\",\"pages\":%d,"
         "\"page_size\":%zu,\"swapped\":%d,\"sha256\":\"%s\"}",
         getpid(), name, (void *)at, PAGES, page, out, sum);
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
