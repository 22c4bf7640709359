/* failing.c - for LD_PRELOAD: the n-th allocation fails (FAIL_AT=n, from 1; 0 or unset: none), and
 * FAIL_COUNT=FILE is told how many there were. glibc only. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static unsigned long count, fail_at;

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("FAIL_AT");

    fail_at = n ? strtoul(n, NULL, 10) : 0;
    __atomic_store_n(&count, 0, __ATOMIC_RELAXED); // those of the loader are not ours
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (f) {
        fprintf(f, "%lu\n", count);
        fclose(f);
    }
}

static int fails(void)
{
    if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) != fail_at)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t len)
{
    return fails() ? NULL : __libc_malloc(len);
}

void *calloc(size_t n, size_t len)
{
    return fails() ? NULL : __libc_calloc(n, len);
}

void *realloc(void *p, size_t len)
{
    return fails() ? NULL : __libc_realloc(p, len);
}

void *aligned_alloc(size_t align, size_t len)
{
    return fails() ? NULL : __libc_memalign(align, len);
}

int posix_memalign(void **out, size_t align, size_t len)
{
    void *p = fails() ? NULL : __libc_memalign(align, len);

    if (p)
        *out = p;
    return p ? 0 : ENOMEM;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
    if ((flags & MAP_ANONYMOUS) && fails())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off); // NOLINT: as libc does
}
