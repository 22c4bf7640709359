/* tell: what the guest says of itself, as one tar stream.
 *
 *     tell PORT            write the truth to PORT, then "FROZEN", then wait for ever
 *     tell -c PORT         write the truth to PORT, then crash the kernel
 *     tell -n WHEN PORT    only the last pass (pids, tids, stat lines, clock), as *-WHEN.txt, and
 * exit
 *
 * One program, no child and no temporary file: the collector disturbs the memory that it describes
 * as little as it can. The last members of the stream, *-at-freeze.txt, are read in one go when all
 * else has been sent. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int port;

struct text {
    char *at;
    size_t used, room;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* mmap, not malloc: what is given back is wiped first, so that the image does not hold a second
 * copy of the truth. */
static void need(struct text *t, size_t more)
{
    if (t->used + more <= t->room)
        return;
    size_t room = t->room ? t->room : 1 << 16;
    while (room < t->used + more)
        room *= 2;
    char *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    if (t->room) {
        memcpy(at, t->at, t->used);
        memset(t->at, 0, t->used);
        munmap(t->at, t->room);
    }
    t->at = at;
    t->room = room;
}

static void drop(struct text *t)
{
    if (!t->room)
        return;
    memset(t->at, 0, t->used);
    munmap(t->at, t->room);
    *t = (struct text){ 0 };
}

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
    char line[8192];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof line)
        length = sizeof line - 1;
    need(t, (size_t)length);
    memcpy(t->at + t->used, line, (size_t)length);
    t->used += (size_t)length;
}

static bool slurp(struct text *t, const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return false;
    for (;;) {
        need(t, 1 << 14);
        ssize_t n = read(fd, t->at + t->used, t->room - t->used);
        if (n < 0 && (errno == EPIPE || errno == EINTR))
            continue; /* /dev/kmsg: a record was overwritten under us */
        if (n <= 0)
            break;
        t->used += (size_t)n;
        if (t->used > 64 << 20)
            break;
    }
    close(fd);
    return true;
}

static void send_all(const void *data, size_t size)
{
    for (const char *p = data; size;) {
        ssize_t n = write(port, p, size);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            die("write");
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
}

/* The head of one ustar member.  All carry the same owner and time: only names and contents tell.
 */
static bool member_head(const char *name, size_t size)
{
    char h[512] = { 0 };
    size_t length = strlen(name);
    const char *tail = name;
    if (length > 100) {
        tail = name + length - 101;
        while (*tail && *tail != '/')
            tail++;
        if (!*tail || tail - name > 155)
            return false;
        memcpy(h + 345, name, (size_t)(tail - name));
        tail++;
    }
    memcpy(h, tail, strlen(tail));
    snprintf(h + 100, 8, "%07o", 0644);
    snprintf(h + 108, 8, "%07o", 0);
    snprintf(h + 116, 8, "%07o", 0);
    snprintf(h + 124, 12, "%011zo", size);
    snprintf(h + 136, 12, "%011o", 0);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    send_all(h, sizeof h);
    return true;
}

static void member_end(size_t size)
{
    static const char zeros[512];
    send_all(zeros, -size & 511);
}

static void member(const char *name, const void *data, size_t size)
{
    if (!member_head(name, size))
        return;
    send_all(data, size);
    member_end(size);
}

static void member_text(const char *name, struct text *t)
{
    if (t->used)
        member(name, t->at, t->used);
    drop(t);
}

/* A small guest has no room for all of /proc/kallsyms: a long file is read twice, once for its
 * size.  If it has changed in between, it is cut or filled with line ends. */
static void file_member(const char *name, const char *path, bool if_empty)
{
    enum { STEP = 1 << 16 };
    static char data[STEP];
    size_t size = 0, done = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while ((n = read(fd, data + size % STEP, STEP - size % STEP)) > 0)
        size += (size_t)n;
    if ((size || if_empty) && size < STEP) {
        member(name, data, size);
    } else if (size && member_head(name, size)) {
        close(fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        while (done < size) {
            n = fd < 0 ? 0 : read(fd, data, STEP);
            if (n <= 0)
                memset(data, '\n', (size_t)(n = STEP));
            if ((size_t)n > size - done)
                n = (ssize_t)(size - done);
            send_all(data, (size_t)n);
            done += (size_t)n;
        }
        member_end(size);
    }
    close(fd);
}

static void member_file(const char *name, const char *path)
{
    file_member(name, path, false);
}

/* Entries of a folder in numeric, then alphabetic order. */
static int order(const struct dirent **a, const struct dirent **b)
{
    bool na = isdigit((unsigned char)(*a)->d_name[0]), nb = isdigit((unsigned char)(*b)->d_name[0]);
    if (na && nb) {
        long la = atol((*a)->d_name), lb = atol((*b)->d_name);
        return la < lb ? -1 : la > lb;
    }
    return na != nb ? (na ? -1 : 1) : strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int number(const struct dirent *e)
{
    return isdigit((unsigned char)e->d_name[0]);
}

struct listing {
    struct dirent **all;
    int count, next;
    const char *name;
};

static struct listing list(const char *folder, int (*filter)(const struct dirent *))
{
    struct listing l = { 0 };
    l.count = scandir(folder, &l.all, filter, order);
    return l;
}

/* Frees the name before. */
static bool next(struct listing *l)
{
    if (l->next > 0)
        free(l->all[l->next - 1]);
    if (l->next < l->count) {
        l->name = l->all[l->next++]->d_name;
        return true;
    }
    free(l->all);
    return false;
}

static void link_line(struct text *t, const char *folder, const char *name)
{
    char path[PATH_MAX], to[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ssize_t n = readlink(path, to, sizeof to - 1);
    if (n < 0)
        return;
    to[n] = 0;
    add(t, "%s\t%s\n", name, to);
}

/* A folder of plain files, `depth` levels down; links as one links.txt. */
static void tree(const char *folder, const char *as, int depth)
{
    struct text links = { 0 };
    char path[PATH_MAX], name[PATH_MAX];
    for (struct listing e = list(folder, visible); next(&e);) {
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", folder, e.name);
        snprintf(name, sizeof name, "%s/%s", as, e.name);
        if (lstat(path, &s))
            continue;
        if (S_ISLNK(s.st_mode))
            link_line(&links, folder, e.name);
        else if (S_ISDIR(s.st_mode) && depth)
            tree(path, name, depth - 1);
        else if (S_ISREG(s.st_mode) && s.st_mode & 0444)
            member_file(name, path);
    }
    snprintf(name, sizeof name, "%s/links.txt", as);
    member_text(name, &links);
}

/* Lines "kernel.hostname = lab", as sysctl prints them. */
static void settings(struct text *t, const char *folder)
{
    char path[PATH_MAX];
    for (struct listing e = list(folder, visible); next(&e);) {
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", folder, e.name);
        if (lstat(path, &s))
            continue;
        if (S_ISDIR(s.st_mode))
            settings(t, path);
        if (!S_ISREG(s.st_mode) || !(s.st_mode & 0444))
            continue;
        struct text value = { 0 };
        slurp(&value, path, 0);
        add(t, "%s = %.*s%s", path + strlen("/proc/sys/"), (int)value.used,
            value.used ? value.at : "", value.used && value.at[value.used - 1] == '\n' ? "" : "\n");
        drop(&value);
    }
}

static void one_process(const char *pid)
{
    static const char *const files[] = {
        "stat",          "status",        "statm",   "cmdline",   "environ",         "comm",
        "maps",          "smaps_rollup",  "smaps",   "mountinfo", "cgroup",          "wchan",
        "stack",         "personality",   "limits",  "loginuid",  "sessionid",       "syscall",
        "oom_score_adj", "timerslack_ns", "uid_map", "gid_map",   "coredump_filter", "auxv",
        "timers",        "cpuset",        "io",
    };
    char folder[64], path[PATH_MAX - 512], name[PATH_MAX];
    snprintf(folder, sizeof folder, "/proc/%s", pid);
    struct text t = { 0 };
    link_line(&t, folder, "exe");
    link_line(&t, folder, "cwd");
    link_line(&t, folder, "root");
    snprintf(name, sizeof name, "proc/%s/links.txt", pid);
    member_text(name, &t);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        member_file(path + 1, path);
    }
    snprintf(path, sizeof path, "%s/ns", folder);
    for (struct listing e = list(path, visible); next(&e);)
        link_line(&t, path, e.name);
    snprintf(name, sizeof name, "proc/%s/ns.txt", pid);
    member_text(name, &t);

    snprintf(path, sizeof path, "%s/fd", folder);
    for (struct listing e = list(path, number); next(&e);) {
        char info[PATH_MAX];
        struct text one = { 0 };
        link_line(&t, path, e.name);
        snprintf(info, sizeof info, "%s/fdinfo/%s", folder, e.name);
        if (t.used && slurp(&one, info, 0)) {
            t.used--; /* the newline */
            add(&t, "\t");
            for (size_t i = 0; i < one.used; i++)
                add(&t, "%c", one.at[i] == '\n' || one.at[i] == '\t' ? ' ' : one.at[i]);
            add(&t, "\n");
        }
        drop(&one);
    }
    snprintf(name, sizeof name, "proc/%s/fd.txt", pid);
    member_text(name, &t);

    struct text tids = { 0 };
    snprintf(path, sizeof path, "%s/task", folder);
    for (struct listing e = list(path, number); next(&e);) {
        static const char *const each[] = { "stat", "status", "comm" };
        add(&tids, "%s\n", e.name);
        for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
            snprintf(name, sizeof name, "%s/%s/%s", path, e.name, each[i]);
            member_file(name + 1, name);
        }
    }
    snprintf(name, sizeof name, "proc/%s/tids.txt", pid);
    member_text(name, &tids);

    char mine[64] = "", other[64] = "";
    snprintf(path, sizeof path, "%s/ns/net", folder);
    if (readlink(path, other, sizeof other - 1) > 0 &&
        readlink("/proc/self/ns/net", mine, sizeof mine - 1) > 0 && strcmp(mine, other)) {
        snprintf(path, sizeof path, "%s/net", folder);
        tree(path, path + 1, 0);
    }
}

static void whole_system(void)
{
    static const char *const files[] = {
        "proc/version",
        "proc/cmdline",
        "proc/modules",
        "proc/kallsyms",
        "proc/iomem",
        "proc/ioports",
        "proc/mounts",
        "proc/uptime",
        "proc/stat",
        "proc/meminfo",
        "proc/cpuinfo",
        "proc/swaps",
        "proc/filesystems",
        "proc/partitions",
        "proc/vmallocinfo",
        "proc/slabinfo",
        "proc/buddyinfo",
        "proc/pagetypeinfo",
        "proc/zoneinfo",
        "proc/vmstat",
        "proc/interrupts",
        "proc/softirqs",
        "proc/devices",
        "proc/misc",
        "proc/crypto",
        "proc/consoles",
        "proc/cgroups",
        "proc/diskstats",
        "proc/loadavg",
        "proc/locks",
        "proc/timer_list",
        "proc/key-users",
        "proc/keys",
        "proc/execdomains",
        "proc/fb",
        "proc/sysvipc/shm",
        "proc/sysvipc/sem",
        "proc/sysvipc/msg",
        "proc/tty/drivers",
        "proc/tty/ldiscs",
        "proc/bus/input/devices",
        "proc/bus/pci/devices",
    };
    char name[64], path[64];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/%s", files[i]);
        file_member(files[i], path, true);
    }
    tree("/proc/net/", "proc/net", 2);
    tree("/run/lab/said", ".", 1);
    member_file("vmcoreinfo", "/sys/kernel/vmcoreinfo");
    member_file("kernel-notes", "/sys/kernel/notes");
    member_file("users.txt", "/etc/passwd");
    member_file("groups.txt", "/etc/group");
    member_file("lab/facts.jsonl", "/run/lab/facts.jsonl");
    member_file("lab/lab.log", "/run/lab/lab.log");
    member_file("kprobes.txt", "/sys/kernel/debug/kprobes/list");
    member_file("tracing.txt", "/sys/kernel/tracing/kprobe_events");
    member_file("ftrace.txt", "/sys/kernel/tracing/enabled_functions");
    struct stat s;
    snprintf(name, sizeof name, "%lld\n",
             stat("/sys/kernel/btf/vmlinux", &s) ? 0LL : (long long)s.st_size);
    member("btf-size", name, strlen(name));

    struct text t = { 0 };
    slurp(&t, "/dev/kmsg", O_NONBLOCK);
    member_text("kmsg", &t);
    need(&t, 1 << 19);
    int n = klogctl(3 /* all of the buffer */, t.at, (int)t.room);
    t.used = n > 0 ? (size_t)n : 0;
    member_text("dmesg.txt", &t);

    settings(&t, "/proc/sys");
    member_text("sysctl.txt", &t);
    for (struct listing e = list("/sys/module", visible); next(&e);) {
        static const char *const parts[] = { "parameters", "holders", "sections", "notes" };
        static const char *const plain[] = { "taint",    "refcnt",  "initstate", "coresize",
                                             "initsize", "version", "srcversion" };
        char at[PATH_MAX];
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
            snprintf(at, sizeof at, "/sys/module/%s/%s", e.name, plain[i]);
            member_file(at + 1, at);
        }
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            snprintf(at, sizeof at, "/sys/module/%s/%s", e.name, parts[i]);
            tree(at, at + 1, 0);
        }
    }
}

static void clock_lines(struct text *t)
{
    struct timespec real, mono, boot;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    char when[64];
    time_t s = real.tv_sec;
    strftime(when, sizeof when, "%a %b %e %T UTC %Y", gmtime(&s));
    add(t, "%lld.%09ld\n%s\n", (long long)real.tv_sec, real.tv_nsec, when);
    struct text up = { 0 };
    slurp(&up, "/proc/uptime", 0);
    add(t, "%.*s", (int)up.used, up.at);
    drop(&up);
    add(t, "btime %lld\nmonotonic %lld.%09ld\nboottime %lld.%09ld\n",
        (long long)(real.tv_sec - boot.tv_sec), (long long)mono.tv_sec, mono.tv_nsec,
        (long long)boot.tv_sec, boot.tv_nsec);
}

/* The last pass: everything is read before anything is sent. */
static void last_pass(const char *when)
{
    static const char *const nets[] = { "tcp",  "tcp6", "udp",     "udp6",   "raw",
                                        "raw6", "unix", "netlink", "packet", "nf_conntrack" };
    enum { NETS = sizeof nets / sizeof *nets };
    struct text pids = { 0 }, tids = { 0 }, stats = { 0 }, clock = { 0 }, net[NETS] = { 0 };
    char path[PATH_MAX], name[64];
    for (struct listing p = list("/proc", number); next(&p);) {
        add(&pids, "%s%s", pids.used ? " " : "", p.name);
        snprintf(path, sizeof path, "/proc/%s/task", p.name);
        for (struct listing e = list(path, number); next(&e);) {
            char file[PATH_MAX];
            add(&tids, "%s %s\n", p.name, e.name);
            snprintf(file, sizeof file, "/proc/%s/task/%s/stat", p.name, e.name);
            slurp(&stats, file, 0);
        }
    }
    add(&pids, "\n");
    for (size_t i = 0; i < NETS; i++) {
        snprintf(path, sizeof path, "/proc/net/%s", nets[i]);
        slurp(&net[i], path, 0);
    }
    clock_lines(&clock);
    snprintf(name, sizeof name, "pids-%s.txt", when);
    member_text(name, &pids);
    snprintf(name, sizeof name, "tids-%s.txt", when);
    member_text(name, &tids);
    snprintf(name, sizeof name, "stat-%s.txt", when);
    member_text(name, &stats);
    for (size_t i = 0; i < NETS; i++) {
        snprintf(name, sizeof name, "net-%s-%s.txt", nets[i], when);
        member_text(name, &net[i]);
    }
    snprintf(name, sizeof name, "clock-%s.txt", when);
    member_text(name, &clock);
}

int main(int argc, char **argv)
{
    bool last = argc == 4 && !strcmp(argv[1], "-n"), crash = argc == 3 && !strcmp(argv[1], "-c");
    if (argc != 2 && !last && !crash) {
        fprintf(stderr, "usage: tell PORT | tell -c PORT | tell -n WHEN PORT\n");
        return 1;
    }
    port = open(argv[argc - 1], O_WRONLY | O_CLOEXEC);
    if (port < 0)
        die(argv[argc - 1]);
    if (last) {
        last_pass(argv[2]);
        return 0;
    }
    struct text t = { 0 };
    add(&t, "pid %d\n", (int)getpid());
    member_text("collector.txt", &t);
    clock_lines(&t);
    member_text("date.txt", &t);
    whole_system();
    for (struct listing e = list("/proc", number); next(&e);)
        one_process(e.name);
    last_pass("at-freeze");
    static const char end[1024];
    send_all(end, sizeof end);
    if (crash) {
        int trigger = open("/proc/sysrq-trigger", O_WRONLY);
        if (trigger < 0 || write(trigger, "c", 1) != 1)
            die("/proc/sysrq-trigger");
    }
    send_all("FROZEN\n", 7);
    for (;;)
        pause();
}
