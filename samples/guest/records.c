/* records: who logged in (utmp, wtmp, btmp, lastlog), accounting, what stands on terminals, a
 * network block device, and files with names that mislead. */
#define _GNU_SOURCE
#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <lastlog.h>
#include <linux/nbd.h>
#include <pty.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

static void append(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0664);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size, path);
    close(fd);
}

/* ---- logins ---- */

static void logged(const char *files, short type, pid_t pid, const char *line, const char *user,
                   const char *host, const char *address, int ago)
{
    struct utmp u = { .ut_type = type, .ut_pid = pid };
    u.ut_tv.tv_sec = (int32_t)(time(NULL) - ago);
    u.ut_tv.tv_usec = 123456;
    strncpy(u.ut_line, line, sizeof u.ut_line);
    strncpy(u.ut_user, user, sizeof u.ut_user);
    strncpy(u.ut_host, host, sizeof u.ut_host);
    strncpy(u.ut_id, strlen(line) > 3 ? line + 3 : line, sizeof u.ut_id);
    if (strchr(address, ':'))
        inet_pton(AF_INET6, address, u.ut_addr_v6);
    else
        inet_pton(AF_INET, address, u.ut_addr_v6);
    if (strchr(files, 'u'))
        append("/run/utmp", &u, sizeof u);
    if (strchr(files, 'w'))
        append("/var/log/wtmp", &u, sizeof u);
    if (strchr(files, 'b'))
        append("/var/log/btmp", &u, sizeof u);
    fact("{\"kind\":\"utmp\",\"files\":\"%s\",\"type\":%d,\"pid\":%d,\"line\":\"%s\",\"user\":\"%s"
         "\",\"host\":\"%s\",\"address\":\"%s\",\"time\":%d}",
         files, type, pid, line, user, host, address, (int)u.ut_tv.tv_sec);
}

static void last(uid_t uid, const char *line, const char *host, int ago)
{
    struct lastlog l = { .ll_time = (int32_t)(time(NULL) - ago) };
    int fd = open("/var/log/lastlog", O_WRONLY | O_CREAT | O_CLOEXEC, 0664);
    strncpy(l.ll_line, line, sizeof l.ll_line);
    strncpy(l.ll_host, host, sizeof l.ll_host);
    check(fd >= 0 && pwrite(fd, &l, sizeof l, (off_t)(uid * sizeof l)) == sizeof l, "lastlog");
    close(fd);
    fact("{\"kind\":\"lastlog\",\"uid\":%u,\"line\":\"%s\",\"host\":\"%s\",\"time\":%d}", uid, line,
         host, (int)l.ll_time);
}

void records(void)
{
    mkdir("/var/log", 0755);
    logged("uw", BOOT_TIME, 0, "~", "reboot", "6.0-lab", "0.0.0.0", 9000);
    logged("uw", RUN_LVL, 53, "~", "runlevel", "6.0-lab", "0.0.0.0", 8990);
    logged("uw", LOGIN_PROCESS, 812, "tty1", "LOGIN", "", "0.0.0.0", 8900);
    logged("uw", USER_PROCESS, getpid(), "pts/0", "alice", "host.lab.example", "192.0.2.44", 7200);
    logged("uw", USER_PROCESS, getppid(), "pts/1", "bob", "2001:db8::44", "2001:db8::44", 3600);
    logged("w", USER_PROCESS, 900, "pts/2", "web", "gone.lab.example", "198.51.100.9", 3000);
    logged("w", DEAD_PROCESS, 900, "pts/2", "", "", "0.0.0.0", 2400);
    logged("u", DEAD_PROCESS, 900, "pts/2", "web", "", "0.0.0.0", 2400);
    logged("b", LOGIN_PROCESS, 950, "ssh:notty", "root", "203.0.113.66", "203.0.113.66", 1800);
    logged("b", LOGIN_PROCESS, 951, "ssh:notty", "oracle", "203.0.113.66", "203.0.113.66", 1790);
    last(ALICE, "pts/0", "host.lab.example", 7200);
    last(BOB, "pts/1", "2001:db8::44", 3600);
    static const char lines[] =
        "Mar 14 09:20:01 lab sshd[950]: Failed password for root from 203.0.113.66 port 40001 "
        "ssh2\n"
        "Mar 14 09:21:07 lab sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; "
        "COMMAND=/usr/bin/id\n"
        "Mar 14 09:21:07 lab sudo: pam_unix(sudo:session): session opened for user root(uid=0) by "
        "alice(uid=1001)\n";
    append("/var/log/auth.log", lines, sizeof lines - 1);
    close(open("/var/log/pacct", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    check(!syscall(SYS_acct, "/var/log/pacct"), "acct"); /* the kernel holds the file open */
    fact("{\"kind\":\"records\",\"pid\":%d,\"accounting\":\"/var/log/pacct\"}", getpid());
    sleep_for_ever();
}

/* ---- terminals ---- */

static void typed(const char *what, bool raw, const char *words, const char *shown)
{
    int master, slave;
    char name[64] = "";
    struct termios t;
    check(!openpty(&master, &slave, name, NULL, NULL) && !tcgetattr(slave, &t), "pty");
    if (raw) {
        cfmakeraw(&t);
        tcsetattr(slave, TCSANOW, &t);
    }
    check(write(master, words, strlen(words)) == (ssize_t)strlen(words), "type");
    usleep(100000);
    check(write(slave, shown, strlen(shown)) == (ssize_t)strlen(shown), "show");
    fact("{\"kind\":\"terminal\",\"pid\":%d,\"tty\":\"%s\",\"master\":%d,\"slave\":%d,\"what\":\"%s"
         "\",\"typed\":\"%s\",\"shown\":\"%s\"}",
         getpid(), name, master, slave, what, words, shown);
}

void terminals(void)
{
    typed("canonical, no end of line", false, "typed-unread-1 sudo -S secret-of-the-lab",
          "shown-unread-1");
    typed("raw", true, "typed-unread-2 in raw mode", "shown-unread-2");
    /* virtual consoles: colours, a cleared line, more lines than a screen has, umlauts */
    for (int n = 1; n <= 3; n++) {
        char path[16], line[128];
        snprintf(path, sizeof path, "/dev/tty%d", n);
        int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            return;
        for (int i = 0; i < (n == 1 ? 70 : 5); i++) {
            int k = snprintf(line, sizeof line, "line %d of console %d\r\n", i, n);
            check(write(fd, line, (size_t)k) == k, "console");
        }
        static const char more[] = "\033[1;31mred words\033[0m and plain \303\274 \342\224\200\r\n"
                                   "lab login: alice";
        check(write(fd, more, sizeof more - 1) == sizeof more - 1, "console");
        fact("{\"kind\":\"console\",\"pid\":%d,\"fd\":%d,\"tty\":\"%s\"}", getpid(), fd, path);
    }
    fact("{\"kind\":\"terminals\",\"pid\":%d}", getpid());
    sleep_for_ever();
}

/* ---- a network block device: a child serves it from a file ---- */

static void serve(int fd, int file)
{
    struct nbd_request q;
    static char data[1 << 20];
    while (recv(fd, &q, sizeof q, MSG_WAITALL) == sizeof q) {
        struct nbd_reply answer = { .magic = htonl(NBD_REPLY_MAGIC) };
        uint32_t size = ntohl(q.len), type = ntohl(q.type) & 0xffff;
        off_t at = (off_t)be64toh(q.from);
        if (type == NBD_CMD_DISC)
            return;
        if (size > sizeof data)
            return;
        memcpy(answer.handle, q.handle, sizeof answer.handle);
        if (type == NBD_CMD_WRITE && (recv(fd, data, size, MSG_WAITALL) != (ssize_t)size ||
                                      pwrite(file, data, size, at) != (ssize_t)size))
            return;
        if (type == NBD_CMD_READ && pread(file, data, size, at) != (ssize_t)size)
            return;
        if (send(fd, &answer, sizeof answer, 0) != sizeof answer ||
            (type == NBD_CMD_READ && send(fd, data, size, 0) != (ssize_t)size))
            return;
    }
}

void blocks(void)
{
    int pair[2], device = open("/dev/nbd0", O_RDWR | O_CLOEXEC),
                 file = open("/srv/nbd.img", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(file >= 0 && !ftruncate(file, 1 << 20), "nbd file");
    if (device < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
        check(false, "nbd");
        return;
    }
    if (!fork()) {
        close(pair[0]);
        call_me("nbd-serves");
        serve(pair[1], file);
        _exit(0);
    }
    close(pair[1]);
    check(!ioctl(device, NBD_SET_BLKSIZE, 4096UL) && !ioctl(device, NBD_SET_SIZE_BLOCKS, 256UL) &&
              !ioctl(device, NBD_SET_SOCK, pair[0]),
          "nbd set");
    fact("{\"kind\":\"nbd\",\"pid\":%d,\"device\":\"/dev/nbd0\",\"file\":\"/srv/nbd.img\"}",
         getpid());
    ioctl(device, NBD_DO_IT); /* stays here */
    sleep_for_ever();
}

/* ---- names ---- */

void names(void)
{
    static const char *const all[] = {
        "-rf",
        "--help",
        " leading and trailing ",
        "new\nline",
        "tab\tand\x07 bell",
        "\033[31mred\033[0m",
        "back\\slash",
        "\"quotes\" 'and' `more`",
        "..hidden",
        ".hidden",
        "...",
        "UPPER",
        "upper",
        "umlaut-\303\274-\346\226\207-\360\237\230\200",
        "rtl-\342\200\256txt.exe",
        "not-utf8-\377\376",
        "C:\\Windows\\nul",
        "con",
        "star*and?",
        "$(id)",
        "a,b;c|d",
        "%s%n",
        "name (deleted)",
        "trailing-dot.",
    };
    char path[600], hex[600], longest[256], words[64];
    mkdir("/srv/names", 0755);
    memset(longest, 'n', 255);
    longest[255] = 0;
    for (size_t i = 0; i <= sizeof all / sizeof *all; i++) {
        const char *name = i < sizeof all / sizeof *all ? all[i] : longest;
        struct stat s = { 0 };
        snprintf(path, sizeof path, "/srv/names/%s", name);
        int n = snprintf(words, sizeof words, "words of the name %zu\n", i),
            fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        check(fd >= 0 && write(fd, words, (size_t)n) == n && !fstat(fd, &s), "name");
        close(fd);
        for (size_t k = 0; name[k] && k < 255; k++)
            snprintf(hex + 2 * k, 3, "%02x", (unsigned char)name[k]);
        fact("{\"kind\":\"name\",\"folder\":\"/srv/names\",\"hex\":\"%s\",\"inode\":%lu,\"words\":"
             "\"words of the name %zu\\n\"}",
             hex, (unsigned long)s.st_ino, i);
    }
    fact("{\"kind\":\"names\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
