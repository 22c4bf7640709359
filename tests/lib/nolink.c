/* nolink.c - for LD_PRELOAD: a file system without hard links, as vfat; with NO_RENAME set also one
 * that cannot rename without replacing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    errno = EPERM;
    return -1;
}

int renameat2(int at, const char *from, int to_at, const char *to, unsigned flags)
{
    if (!getenv("NO_RENAME"))
        return (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
    errno = EINVAL;
    return -1;
}
