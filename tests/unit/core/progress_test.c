/* progress_test.c - the progress line: on a terminal only, in one line of it, erased at the end. */
#include "check.h"
#include "parallel.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define WHAT "searching the memory of a machine with a long name"

/* What standard error is given, as a terminal of so many columns, or (0) as none. */
static void progress(unsigned short columns, bool quiet, char *out, size_t size)
{
    struct winsize w = { .ws_row = 24, .ws_col = columns };
    const int saved = dup(STDERR_FILENO);
    int ends[2], from, to;
    struct eg_progress_line *p;
    struct termios raw;
    ssize_t n = 0, got;

    if (columns) {
        from = posix_openpt(O_RDWR | O_NOCTTY);
        assert_true(from >= 0 && !grantpt(from) && !unlockpt(from));
        to = open(ptsname(from), O_RDWR | O_NOCTTY);
        assert_int_equal(tcgetattr(to, &raw), 0);
        cfmakeraw(&raw);
        tcsetattr(to, TCSANOW, &raw);
        ioctl(to, TIOCSWINSZ, &w);
    } else {
        assert_int_equal(pipe(ends), 0);
        from = ends[0];
        to = ends[1];
    }
    dup2(to, STDERR_FILENO);
    p = eg_progress_begin(WHAT, UINT64_C(3) << 30, "B", quiet);
    usleep(1100000); // nothing is shown before 0.8 s, nor twice in 0.2 s
    eg_progress_add(p, UINT64_C(1) << 30);
    usleep(300000);
    eg_progress_add(p, UINT64_C(1) << 30);
    eg_progress_end(p);
    dup2(saved, STDERR_FILENO);
    close(saved);
    fcntl(from, F_SETFL, O_NONBLOCK);
    while ((got = read(from, out + n, size - 1 - (size_t)n)) > 0)
        n += got;
    out[n] = 0;
    close(from);
    close(to);
}

static void one_line(void **state)
{
    static const char again[] = "\r\033[K";
    char out[2000];

    (void)state;
    for (unsigned short columns = 40; columns <= 200; columns += 160) {
        size_t lines = 0;

        progress(columns, false, out, sizeof out);
        assert_null(strchr(out, '\n'));
        for (char *s = out, *end; *s; s = end) {
            assert_memory_equal(s, again, sizeof again - 1);
            s += sizeof again - 1;
            end = strstr(s, again);
            end = end ? end : s + strlen(s);
            assert_true(end - s < columns);
            lines += end > s;
            if (columns == 40 && end > s)
                assert_memory_equal(s, WHAT, 39);
            if (columns == 200 && end > s)
                assert_non_null(strstr(s, " %, "));
        }
        assert_int_equal(lines, 2);
        assert_string_equal(out + strlen(out) - (sizeof again - 1), again);
    }
}

static void no_terminal(void **state)
{
    char out[2000];

    (void)state;
    progress(0, false, out, sizeof out);
    assert_string_equal(out, "");
    progress(80, true, out, sizeof out);
    assert_string_equal(out, "");
    eg_progress_off = true;
    progress(80, false, out, sizeof out);
    assert_string_equal(out, "");
    eg_progress_off = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line),
        cmocka_unit_test(no_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
