/* rights: users, capabilities, namespaces. */
#define _GNU_SOURCE
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- users and rights
 * -------------------------------------------------------------------------------------------------
 */

static void real_and_effective(void)
{
    check(!setresgid(ALICE, 0, 0) && !setresuid(ALICE, 0, 0),
          "setresuid"); /* like a set-user-id program */
    sleep_for_ever();
}

static void saved_root(void)
{
    check(!setresgid(BOB, BOB, 0) && !setresuid(BOB, BOB, 0), "setresuid");
    sleep_for_ever();
}

static void file_user(void)
{
    setfsgid(WEB);
    setfsuid(WEB);
    sleep_for_ever();
}

static void few_rights(void)
{
    for (int cap = 0; cap < 41; cap++)
        if (cap != 10 && cap != 13) /* NET_BIND_SERVICE, NET_RAW */
            prctl(PR_CAPBSET_DROP, cap);
    prctl(PR_SET_KEEPCAPS, 1);
    check(!setresgid(WEB, WEB, WEB) && !setresuid(WEB, WEB, WEB), "setresuid");
    struct {
        uint32_t version;
        int pid;
    } head = { 0x20080522, 0 };
    uint32_t data[6] = { 1u << 10 | 1u << 13, 1u << 10 | 1u << 13, 1u << 10 };
    check(!syscall(SYS_capset, &head, data), "capset");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 10, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sleep_for_ever();
}

static void strict(void)
{
    int fd[2];
    char c;
    check(!pipe(fd), "pipe");
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    syscall(SYS_read, fd[0], &c, 1);
}

static void jailed(void)
{
    check(!chroot("/srv") && !chdir("/data"), "chroot");
    sleep_for_ever();
}

void rights(void)
{
    pid_t a = child("euid-root", real_and_effective), b = child("saved-root", saved_root),
          c = child("fsuid-web", file_user), d = child("few-rights", few_rights),
          e = child("strict", strict), f = child("jailed", jailed);
    fact("{\"kind\":\"rights\",\"pid\":%d,\"euid_root\":%d,\"saved_root\":%d,\"fsuid_web\":%d,"
         "\"few_rights\":%d,\"seccomp_strict\":%d,\"chroot\":%d}",
         getpid(), a, b, c, d, e, f);
    sleep_for_ever();
}

/* ---- namespaces
 * ---------------------------------------------------------------------------------------------------------
 */

static int deepest(void *arg)
{
    (void)arg;
    call_me("deepest");
    sleep_for_ever();
    return 0;
}

static char deep_stack[65536];

static void inner_two(void)
{
    check(clone(deepest, deep_stack + sizeof deep_stack, CLONE_NEWPID | SIGCHLD, NULL) > 0,
          "clone");
    sleep_for_ever();
}

static int inner_one(void *arg)
{
    (void)arg;
    call_me("inner-init");
    check(!sethostname("inner", 5), "sethostname");
    check(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    check(!mount("proc", "/proc", "proc", 0, NULL), "proc");
    check(!mount("inner-tmp", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700"), "tmpfs");
    check(!mkdir("/mnt/bound", 0700) && !mount("/etc", "/mnt/bound", NULL, MS_BIND, NULL), "bind");
    listen_on(AF_INET, 9090);
    child("inner-sleeper", sleep_for_ever);
    child("inner-parent", inner_two);
    sleep_for_ever();
    return 0;
}

static void own_user(void)
{
    char path[64];
    pid_t parent = getpid();
    int go[2], done[2];
    char c;
    check(!pipe(go) && !pipe(done), "pipe");
    if (!fork()) {
        check(read(go[0], &c, 1) == 1, "go");
        snprintf(path, sizeof path, "/proc/%d/uid_map", parent);
        write_text(path, "0 100000 1000\n");
        snprintf(path, sizeof path, "/proc/%d/gid_map", parent);
        write_text(path, "0 100000 1000\n");
        check(write(done[1], "x", 1) == 1, "done");
        _exit(0);
    }
    check(!unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS), "unshare user");
    check(write(go[1], "x", 1) == 1 && read(done[0], &c, 1) == 1, "map");
    wait(NULL);
    check(!setresgid(0, 0, 0) && !setresuid(0, 0, 0), "setresuid");
    sleep_for_ever();
}

void nest(void)
{
    static char stack[65536];
    pid_t pid = clone(inner_one, stack + sizeof stack,
                      CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
                          CLONE_NEWCGROUP | SIGCHLD,
                      NULL);
    check(pid > 0, "clone");
    pid_t user = child("userns-root", own_user);
    sleep(1);
    fact("{\"kind\":\"namespaces\",\"pid\":%d,\"inner_init\":%d,\"userns_root\":%d}", getpid(), pid,
         user);
    sleep_for_ever();
}
