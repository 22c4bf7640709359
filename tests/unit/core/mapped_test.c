/* mapped_test.c - mapped files that cannot be read, and who handled SIGBUS before us. */
#include "check.h"
#include "mapped.h"
#include "profiles/elf_file.h"
#include "space.h"
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = EG_MAPPED_PAGE, PAGES = 8 };

static sigjmp_buf back;
static volatile sig_atomic_t calls;

static void plain(int sig)
{
    calls += sig == SIGBUS;
    siglongjmp(back, 1);
}

static int new_file(char *path)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(pwrite(fd, "page", 4, i * PAGE), 4);
    return fd;
}

/** The handler that a program set before it opened an image still gets what is not ours. */
static void earlier_handler(void)
{
    char path[] = "/tmp/engram-mapped-XXXXXX";
    int fd = new_file(path);
    volatile const uint8_t *own = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);

    assert_true(own != MAP_FAILED);
    assert_int_equal(ftruncate(fd, PAGE), 0);
    if (!sigsetjmp(back, 1)) {
        (void)own[2 * PAGE];
        fail_msg("no signal");
    }
    assert_int_equal(calls, 1);
    munmap((void *)(uintptr_t)own, PAGES * PAGE);
    close(fd);
    unlink(path);
}

static void pages_that_fail(void)
{
    char path[] = "/tmp/engram-mapped-XXXXXX";
    int fd = new_file(path);

    for (int writable = 0; writable < 2; writable++) {
        struct eg_mapped *m;
        struct eg_error e;

        assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
        assert_int_equal(eg_mapped_open(&m, fd, PAGES * PAGE, writable, path, &e), 0);
        assert_int_equal(m->bytes[0], 'p');
        assert_int_equal(ftruncate(fd, PAGE), 0);
        assert_int_equal(((volatile uint8_t *)m->bytes)[3 * PAGE], 0);
        if (writable)
            ((volatile uint8_t *)m->bytes)[3 * PAGE] = 1;
        assert_int_equal(m->faults, 1);
        assert_true(eg_mapped_is_bad(m, 3 * PAGE + 5) && !eg_mapped_is_bad(m, 2 * PAGE));
        eg_mapped_close(m);
    }
    assert_int_equal(calls, 1); // ours
    close(fd);
    unlink(path);
}

/** A file of types that was cut short while it was read is refused, not read as zeros. */
static void types_that_fail(void)
{
    static const uint8_t elf[64] = { 0x7f, 'E',      'L',       'F',      2,        1,
                                     1,    [16] = 2, [18] = 62, [20] = 1, [52] = 64 };
    char path[] = "/tmp/engram-mapped-XXXXXX";
    int fd = new_file(path);
    struct eg_error e;
    struct eg_elf f;

    assert_int_equal(pwrite(fd, elf, sizeof elf, 0), sizeof elf);
    assert_int_equal(eg_elf_open(&f, path, &e), 0);
    assert_int_equal(eg_elf_check(&f, &e), 0);
    assert_int_equal(ftruncate(fd, PAGE), 0);
    assert_int_equal(((volatile const uint8_t *)f.bytes)[5 * PAGE], 0);
    assert_int_equal(eg_elf_check(&f, &e), -EG_EIO);
    assert_non_null(strstr(e.text, path));
    assert_non_null(strstr(e.text, "could not be read"));
    eg_elf_close(&f);
    close(fd);
    unlink(path);
}

/** In one test, as cmocka takes the signal at the start of each. */
static void signals(void **state)
{
    struct sigaction sa = { .sa_handler = plain };
    char path[] = "/tmp/engram-mapped-XXXXXX";
    struct eg_space *as;
    struct eg_error e;
    int fd = new_file(path);

    (void)state;
    sigaction(SIGBUS, &sa, NULL);
    assert_int_equal(eg_file_open(&as, path, &e), 0); // our handler is set now
    eg_space_close(as);
    close(fd);
    unlink(path);
    earlier_handler();
    pages_that_fail();
    types_that_fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(signals) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
