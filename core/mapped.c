/* mapped.c - mapped files, and the handler of SIGBUS that guards them. */
#include "mapped.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MAPPED_MAX = 16384 }; // a kernel can have its types in thousands of .dwo files

/* All mappings, global because the signal handler needs them. */
static struct eg_mapped *_Atomic mapped[MAPPED_MAX];
static struct sigaction previous;
static pthread_once_t installed = PTHREAD_ONCE_INIT;

/** Replace the page that failed by a page of zeros. */
static bool mend(struct eg_mapped *m, const uint8_t *at)
{
    uint64_t page;

    if (at < m->bytes || (uint64_t)(at - m->bytes) >= eg_align_up(m->size, EG_MAPPED_PAGE))
        return false;
    page = (uint64_t)(at - m->bytes) / EG_MAPPED_PAGE;
    if (mmap(m->bytes + page * EG_MAPPED_PAGE, EG_MAPPED_PAGE, m->prot,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        return false;
    __atomic_fetch_or(&m->bad[page / 8], (uint8_t)(1 << page % 8), __ATOMIC_SEQ_CST);
    atomic_fetch_add(&m->faults, 1);
    return true;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    for (int i = 0; i < MAPPED_MAX; i++) {
        struct eg_mapped *m = atomic_load(&mapped[i]);

        if (m && mend(m, info->si_addr))
            return;
    }
    // Not a mapping of ours: restore the previous handler.
    if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction)
        previous.sa_sigaction(sig, info, context);
    else if (!(previous.sa_flags & SA_SIGINFO) && previous.sa_handler != SIG_DFL &&
             previous.sa_handler != SIG_IGN)
        previous.sa_handler(sig);
    else
        signal(SIGBUS, SIG_DFL); // the access is repeated, and ends the process
}

static void install(void)
{
    struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGBUS, &sa, &previous);
}

static bool join(struct eg_mapped *m)
{
    pthread_once(&installed, install);
    for (int i = 0; i < MAPPED_MAX; i++) {
        struct eg_mapped *none = NULL;

        if (atomic_compare_exchange_strong(&mapped[i], &none, m))
            return true;
    }
    return false;
}

void eg_mapped_close(struct eg_mapped *m)
{
    if (!m)
        return;
    for (int i = 0; i < MAPPED_MAX; i++) {
        struct eg_mapped *expected = m;

        atomic_compare_exchange_strong(&mapped[i], &expected, NULL);
    }
    if (m->bytes)
        munmap(m->bytes, m->size);
    if (m->bad)
        munmap(m->bad, m->bad_len);
    free(m);
}

int eg_mapped_open(struct eg_mapped **out, int fd, uint64_t size, bool writable, const char *name,
                   struct eg_error *e)
{
    struct eg_mapped *m = calloc(1, sizeof *m);
    void *bytes, *bad;

    if (!m)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    m->size = size;
    m->prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    m->bad_len = (size_t)(size / EG_MAPPED_PAGE / 8 + 1);
    bytes = mmap(NULL, size, m->prot, MAP_SHARED, fd, 0);
    // Its untouched pages use no memory.
    bad = mmap(NULL, m->bad_len, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    m->bytes = bytes == MAP_FAILED ? NULL : bytes;
    m->bad = bad == MAP_FAILED ? NULL : bad;
    if (!m->bytes || !m->bad) {
        int rc = eg_fail(e, EG_EIO, "%s: cannot be mapped: %s", name, strerror(errno));

        eg_mapped_close(m);
        return rc;
    }
    if (!join(m)) {
        eg_mapped_close(m);
        return eg_fail(e, EG_EUNSUP, "%s: more than %d files are open", name, MAPPED_MAX);
    }
    *out = m;
    return 0;
}

bool eg_mapped_is_bad(const struct eg_mapped *m, uint64_t at)
{
    const uint64_t page = at / EG_MAPPED_PAGE;

    return __atomic_load_n(&m->bad[page / 8], __ATOMIC_SEQ_CST) >> page % 8 & 1;
}
