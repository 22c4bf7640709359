/* call.c - a program that is linked with libc.so.6: `call N`. It opens a file N times by the
 * library's function, and a child that it forks does so once more: "call: PID opened N, child
 * CHILD". */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    const long n = argc > 1 ? atol(argv[1]) : 1;
    pid_t child;
    long done = 0;

    for (long i = 0; i < n; i++) {
        const int fd = open("/etc/passwd", O_RDONLY);

        done += fd >= 0;
        close(fd);
    }
    child = fork();
    if (!child)
        _exit(open("/etc/none", O_RDONLY) != -1);
    waitpid(child, NULL, 0);
    printf("call: %d opened %ld, child %d\n", getpid(), done, child);
    return 0;
}
