/* openfiles: descriptors of every sort, and what waits behind them: unread bytes, files in flight,
 * events, watches; files that only the kernel holds. */
#define _GNU_SOURCE
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A descriptor that was opened; what an older kernel lacks is left out. */
static int held(int fd, const char *what, const char *words)
{
    if (fd >= 0)
        fact("{\"kind\":\"open\",\"pid\":%d,\"fd\":%d,\"what\":\"%s\",\"words\":\"%s\"}", getpid(),
             fd, what, words);
    return fd;
}

static void put(int fd, const char *words)
{
    check(write(fd, words, strlen(words)) == (ssize_t)strlen(words), words);
}

static int file_with(const char *path, int flags, const char *words)
{
    int fd = open(path, flags | O_CREAT | O_RDWR, 0640);
    check(fd >= 0, path);
    put(fd, words);
    return fd;
}

/* ---- unread bytes ---- */

/* Byte i is 'a' + i % 23: more than a page of them. */
static void put_many(int fd, size_t n)
{
    char line[4096];
    for (size_t i = 0; i < n;) {
        size_t part = n - i < sizeof line ? n - i : sizeof line;
        for (size_t k = 0; k < part; k++)
            line[k] = (char)('a' + (i + k) % 23);
        ssize_t done = write(fd, line, part);
        if (done <= 0)
            break;
        i += (size_t)done;
    }
}

static void pipes(void)
{
    int p[2], from = open("/srv/data/page3.bin", O_RDONLY);
    check(!pipe(p), "pipe");
    held(p[0], "pipe, read end, unread", "first words|second words");
    held(p[1], "pipe, write end, unread", "first words|second words");
    put(p[1], "first words|");
    put(p[1], "second words");
    check(!pipe2(p, O_NONBLOCK), "pipe");
    fcntl(p[1], F_SETPIPE_SZ, 1 << 18);
    put_many(p[1], 70001);
    held(p[0], "pipe, 70001 unread bytes, byte i is 'a' + i % 23", "");
    check(!pipe2(p, O_DIRECT), "pipe");
    put(p[1], "packet one");
    put(p[1], "packet number two");
    held(p[0], "pipe of packets, two unread", "packet one|packet number two");
    check(!pipe(p) && splice(from, NULL, p[1], NULL, 5000, 0) > 0, "splice");
    held(p[0], "pipe with pages of /srv/data/page3.bin", "");
    static char own[4096] __attribute__((aligned(4096))) = "words of a page that was given away";
    check(!pipe(p) && vmsplice(p[1], &(struct iovec){ own, 35 }, 1, 0) == 35, "vmsplice");
    held(p[0], "pipe with a page of the process", own);
    /* half read: the offset in the first buffer is not 0 */
    char some[6];
    check(!pipe(p), "pipe");
    put(p[1], "read|not read");
    check(read(p[0], some, 5) == 5, "read");
    held(p[0], "pipe, half read", "not read");
    mkfifo("/run/lab/unread.fifo", 0622);
    int fifo = open("/run/lab/unread.fifo", O_RDWR);
    put(fifo, "words in a fifo with a name");
    held(fifo, "fifo /run/lab/unread.fifo", "words in a fifo with a name");
    check(!pipe(p), "pipe");
    if (!fork()) { /* the other end is another process's */
        close(p[1]);
        held(p[0], "pipe, read end alone", "from one process to another");
        sleep_for_ever();
    }
    close(p[0]);
    put(p[1], "from one process to another");
    held(p[1], "pipe, write end alone", "from one process to another");
}

/* Sends descriptors with a few words. */
static void send_files(int to, const char *words, const int *fds, size_t n)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control = { .head = { .cmsg_len = CMSG_LEN(n * sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS } };
    memcpy(CMSG_DATA(&control.head), fds, n * sizeof *fds);
    struct iovec part = { (void *)(uintptr_t)words, strlen(words) };
    struct msghdr m = { .msg_iov = &part,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
    check(sendmsg(to, &m, 0) > 0, "sendmsg");
}

static void in_flight(void)
{
    static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    static const char *const names[] = { "stream", "dgram", "seqpacket" };
    for (size_t i = 0; i < 3; i++) {
        int s[2], p[2], inner[2], fds[3];
        char path[64], what[160];
        check(!socketpair(AF_UNIX, types[i], 0, s) && !pipe(p) &&
                  !socketpair(AF_UNIX, SOCK_STREAM, 0, inner),
              "socketpair");
        snprintf(path, sizeof path, "/srv/in-flight-%s", names[i]);
        fds[0] = file_with(path, O_TRUNC, "a deleted file that is only in flight\n");
        unlink(path);
        put(p[1], "words in a pipe in flight");
        fds[1] = p[0];
        fds[2] = inner[0];
        int nested = open("/etc/hostname", O_RDONLY);
        send_files(inner[1], "nested", &nested, 1);
        send_files(s[0], "words with three files", fds, 3);
        put(s[1], "the other way");
        snprintf(what, sizeof what, "%s pair; the peer is fd %d", names[i], s[1]);
        held(s[0], what, "the other way");
        snprintf(what, sizeof what,
                 "%s pair; in flight: %.40s, a pipe, a unix socket with /etc/hostname in flight",
                 names[i], path);
        held(s[1], what, "words with three files");
        close(fds[0]);
        close(p[0]), close(p[1]);
        close(inner[0]), close(inner[1]);
        close(nested);
    }
}

/* ---- what the kernel tells ---- */

static void watches(void)
{
    mkdir("/run/lab/watched", 0755);
    mkdir("/run/lab/watched/gone", 0755);
    int in = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in, "/run/lab/watched", IN_CREATE | IN_DELETE | IN_ONLYDIR);
    inotify_add_watch(in, "/run/lab/watched/gone", IN_ATTRIB);
    inotify_add_watch(in, "/srv/data/odd.txt", IN_OPEN | IN_CLOSE_NOWRITE);
    close(file_with("/run/lab/watched/seen-by-inotify", 0, "x"));
    rmdir("/run/lab/watched/gone");
    held(in, "inotify of /run/lab/watched, /srv/data/odd.txt and a folder that is gone",
         "seen-by-inotify");

    close(file_with("/run/lab/marked", 0, "x"));
    close(file_with("/run/lab/guarded", 0, "x"));
    int fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE, O_RDONLY);
    check(fan >= 0 &&
              !fanotify_mark(fan, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "/run/lab/marked") &&
              !fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CLOSE_WRITE, AT_FDCWD,
                             "/mnt/loop") &&
              !fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_CLOSE_WRITE, AT_FDCWD,
                             "/mnt/loop/folder/file.txt"),
          "fanotify");
    close(file_with("/run/lab/marked", O_TRUNC, "y")); /* waits in the queue */
    held(fan, "fanotify: inode /run/lab/marked, mount /mnt/loop, ignores /mnt/loop/folder/file.txt",
         "");
    fan = fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY);
    check(fan >= 0 &&
              !fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "/run/lab/guarded"),
          "fanotify");
    held(fan, "fanotify: permission to open /run/lab/guarded", "");
    fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_REPORT_FID, O_RDONLY);
    check(fan >= 0 && !fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
                                     FAN_CREATE | FAN_DELETE, AT_FDCWD, "/mnt/loop"),
          "fanotify");
    held(fan, "fanotify: file system of /mnt/loop", "");
}

static void events(void)
{
    int e = held(eventfd(1711, EFD_NONBLOCK), "eventfd 1711", "");
    held(eventfd(3, EFD_SEMAPHORE), "eventfd, semaphore 3", "");
    int t = held(timerfd_create(CLOCK_REALTIME, 0), "timerfd, absolute", "");
    timerfd_settime(t, TFD_TIMER_ABSTIME,
                    &(struct itimerspec){ .it_value.tv_sec = time(NULL) + 500000 }, NULL);
    t = held(timerfd_create(CLOCK_BOOTTIME_ALARM, 0), "timerfd, alarm", "");
    if (t >= 0)
        timerfd_settime(t, 0, &(struct itimerspec){ { 7, 0 }, { 60000, 0 } }, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 4);
    sigprocmask(SIG_BLOCK, &set, NULL);
    held(signalfd(-1, &set, 0), "signalfd SIGUSR1 SIGRTMIN+4", "");
    int inner = epoll_create1(0), outer = epoll_create1(0);
    epoll_ctl(inner, EPOLL_CTL_ADD, e,
              &(struct epoll_event){ EPOLLIN | EPOLLET, { .u64 = 0x1ab0 } });
    epoll_ctl(inner, EPOLL_CTL_ADD, t, &(struct epoll_event){ EPOLLIN, { .u64 = 0x1ab1 } });
    epoll_ctl(outer, EPOLL_CTL_ADD, inner, &(struct epoll_event){ EPOLLIN, { .u64 = 0x1ab2 } });
    held(inner, "epoll of eventfd and timerfd", "");
    held(outer, "epoll of an epoll", "");
    pid_t living = fork();
    if (!living)
        sleep_for_ever();
    pid_t ended = fork();
    if (!ended)
        _exit(7);
    held((int)syscall(SYS_pidfd_open, living, 0), "pidfd of a child", "");
    held((int)syscall(SYS_pidfd_open, ended, 0), "pidfd of a process that has ended", "");
    waitpid(ended, NULL, 0);
    held((int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), "userfaultfd", "");
    struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                    .size = sizeof attr,
                                    .config = PERF_COUNT_SW_PAGE_FAULTS };
    held((int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0), "perf, page faults", "");
    uint64_t rules[2] = { 1 /* execute */ };
    held((int)syscall(444 /* landlock_create_ruleset */, rules, 8, 0), "landlock rules", "");
    held((int)syscall(430 /* fsopen */, "tmpfs", 0), "fsopen tmpfs", "");
    held((int)syscall(428 /* open_tree */, AT_FDCWD, "/srv/data", 1 /* clone */),
         "open_tree: a copy of /srv/data, mounted nowhere", "");
}

/* ---- files without a name ---- */

static void nameless(void)
{
    static const char *const at[] = { "/srv/cache", "/mnt/xfs", "/mnt/huge", "/mnt/btrfs" };
    for (size_t i = 0; i < 4; i++) {
        char path[64], what[96], words[64];
        struct stat s;
        if (stat(at[i], &s))
            continue;
        snprintf(words, sizeof words, "deleted, but open, below %s", at[i]);
        snprintf(path, sizeof path, "%s/deleted-open", at[i]);
        snprintf(what, sizeof what, "deleted %s", path);
        held(file_with(path, 0, words), what, words);
        unlink(path);
        snprintf(words, sizeof words, "O_TMPFILE below %s", at[i]);
        int fd = open(at[i], O_TMPFILE | O_RDWR, 0600);
        if (fd < 0)
            continue;
        put(fd, words);
        held(fd, "O_TMPFILE", words);
    }
    /* three names, of which one is left */
    held(file_with("/srv/three-names", 0, "words of a file with several names"),
         "/srv/three-names, opened by the name that was removed; /srv/name-2 is left",
         "words of a file with several names");
    check(!link("/srv/three-names", "/srv/name-2") && !link("/srv/three-names", "/srv/name-3") &&
              !unlink("/srv/three-names") && !unlink("/srv/name-3"),
          "link");

    int fd = memfd_create("lab-sealed", MFD_ALLOW_SEALING);
    put(fd, "words in a sealed memfd");
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE);
    held(fd, "memfd lab-sealed", "words in a sealed memfd");
    fd = memfd_create("lab-large", 0);
    put_many(fd, 300000);
    held(fd, "memfd of 300000 bytes, byte i is 'a' + i % 23", "");
    fd = memfd_create("lab-huge", MFD_HUGETLB);
    char *p = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, 2 << 20))
        p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
        strcpy(p + 70000, "words in a memfd of huge pages");
        held(fd, "memfd of huge pages; words at 70000", "words in a memfd of huge pages");
    }
    fd = open("/dev/hugepages/lab-file", O_RDWR | O_CREAT, 0600);
    p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED) {
        strcpy(p + 4096, "words in a file of huge pages");
        held(fd, "/dev/hugepages/lab-file; words at 4096", "words in a file of huge pages");
    }
    /* only a mapping holds it */
    fd = file_with("/srv/mapped-only", O_TRUNC, "words that only a mapping holds");
    p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    check(p != MAP_FAILED && *p == 'w', "mmap");
    close(fd);
    unlink("/srv/mapped-only");
    fact("{\"kind\":\"mapped-only\",\"pid\":%d,\"address\":\"0x%lx\",\"what\":\"/srv/"
         "mapped-only\"}",
         getpid(), (unsigned long)p);
    /* only a ring holds it */
    struct io_uring_params ring = { 0 };
    int r = (int)syscall(SYS_io_uring_setup, 4, &ring);
    fd = file_with("/srv/in-the-ring", O_TRUNC, "words of a file that only a ring holds");
    check(r >= 0 && !syscall(SYS_io_uring_register, r, IORING_REGISTER_FILES, &fd, 1), "register");
    close(fd);
    held(r, "io_uring; only it holds /srv/in-the-ring", "");
    /* a file system that is mounted nowhere any more */
    mkdir("/run/lab/lazy", 0755);
    check(!mount("lab-lazy", "/run/lab/lazy", "tmpfs", 0, "size=1m"), "mount");
    held(file_with("/run/lab/lazy/kept", 0, "words of a file system that was unmounted"),
         "a file of an unmounted tmpfs", "words of a file system that was unmounted");
    umount2("/run/lab/lazy", MNT_DETACH);
    /* a mount namespace that only a descriptor keeps */
    int go[2];
    char c;
    check(!pipe(go), "pipe");
    pid_t other = fork();
    if (!other) {
        check(!unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
                  !mount("lab-kept-by-fd", "/mnt/loop", "tmpfs", 0, "size=1m") &&
                  write(go[1], "x", 1) == 1,
              "namespace");
        sleep_for_ever();
    }
    check(read(go[0], &c, 1) == 1, "namespace");
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", other);
    held(open(path, O_RDONLY), "mount namespace without a task; lab-kept-by-fd on /mnt/loop", "");
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    close(go[0]), close(go[1]);
}

static void flags(void)
{
    held(open("/srv/data", O_PATH | O_DIRECTORY), "O_PATH /srv/data", "");
    held(open("/srv/data/page1.bin", O_RDONLY | O_NOATIME | O_CLOEXEC), "O_NOATIME", "");
    int fd = held(open("/srv/appended", O_CREAT | O_WRONLY | O_APPEND | O_SYNC, 0640),
                  "O_APPEND O_SYNC /srv/appended", "a line");
    put(fd, "a line");
    held(dup2(fd, 700), "the same as the one before", "a line");
    held(open("/srv/data/page1.bin", O_RDONLY | O_DIRECT), "O_DIRECT", "");
    fd = open("/srv/data/odd.txt", O_RDONLY);
    lseek(fd, 4711, SEEK_SET);
    held(fd, "/srv/data/odd.txt at 4711", "");
    mkdir("/run/lab/gone-folder", 0755);
    if (!fork()) {
        check(!chdir("/run/lab/gone-folder") && !rmdir("/run/lab/gone-folder"), "chdir");
        fact("{\"kind\":\"gone-cwd\",\"pid\":%d,\"what\":\"/run/lab/gone-folder\"}", getpid());
        sleep_for_ever();
    }
}

/* Two processes with one table of files, and one that shares it no more. */
static int share(void *arg)
{
    prctl(PR_SET_NAME, arg);
    if (!strcmp(arg, "files-own"))
        check(!unshare(CLONE_FILES) && !close(700), "unshare");
    fact("{\"kind\":\"shared-files\",\"pid\":%d,\"what\":\"%s\"}", getpid(), (char *)arg);
    sleep_for_ever();
    return 0;
}

static void tables(void)
{
    static char stacks[2][65536] __attribute__((aligned(16)));
    check(clone(share, stacks[0] + sizeof stacks[0], CLONE_FILES | SIGCHLD, "files-shared") > 0 &&
              clone(share, stacks[1] + sizeof stacks[1], CLONE_FILES | SIGCHLD, "files-own") > 0,
          "clone");
}

/* Names that are looked for and not there: the kernel remembers that. */
static void looked_for(void)
{
    struct stat s;
    char path[64];
    for (int i = 1; i <= 8; i++) {
        snprintf(path, sizeof path, "/etc/looked-for-%d", i);
        stat(path, &s);
        snprintf(path, sizeof path, "/srv/cache/looked-for-%d", i);
        stat(path, &s);
    }
    fact("{\"kind\":\"looked-for\",\"pid\":%d,\"names\":\"/etc/looked-for-1 to 8, "
         "/srv/cache/looked-for-1 to 8\"}",
         getpid());
}

void openfiles(void)
{
    pipes();
    in_flight();
    watches();
    events();
    nameless();
    flags();
    tables();
    looked_for();
    usleep(300000);
    fact("{\"kind\":\"openfiles\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
