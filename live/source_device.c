/* source_device.c - devices that show this machine's own physical memory: /dev/crash of crash's
 * driver (memory_driver/crash.c, crash 8.0), and /dev/mem of kernels without STRICT_DEVMEM. Both
 * are read at physical addresses, and neither says what is RAM: /proc/iomem does. */
#include "source_device.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANGES_MAX = 4096, DEVICE_PAGE = 4096 };

/* The driver refuses to read across the end of a page. */
static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    uint8_t *p = to;

    while (len) {
        const size_t n = EG_MIN(len, DEVICE_PAGE - at % DEVICE_PAGE);

        if (pread((int)(intptr_t)priv, p, n, (off_t)at) != (ssize_t)n)
            return false;
        p += n;
        at += n;
        len -= n;
    }
    return true;
}

static void close_device(void *priv)
{
    close((int)(intptr_t)priv);
}

/* "00100000-1ffdffff : System RAM", without blanks before it: what is inside of one stands below
 * it. @return how many; negative: all addresses are zero, as for who is not root. */
static int read_ranges(FILE *f, struct eg_segment *segs)
{
    char line[256];
    int n = 0;

    while (n < RANGES_MAX && fgets(line, sizeof line, f)) {
        uint64_t start, last;
        int end = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " : %n", &start, &last, &end) != 2 || !end ||
            *line == ' ' || strcmp(line + end, "System RAM\n") != 0)
            continue;
        if (!last)
            return -EG_EIO;
        if (start <= last && last <= INT64_MAX)
            segs[n++] = (struct eg_segment){ .start = start, .last = last };
    }
    return n;
}

int live_device_open(struct eg_space **out, struct eg_image *img, const char *path,
                     const char *iomem, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = calloc(RANGES_MAX, sizeof *segs);
    struct eg_space **slot = segs ? eg_vec_push(&img->beside) : NULL;
    size_t overlaps;
    uint8_t last;
    int fd, n, rc;
    FILE *f;

    if (!slot)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    img->beside.n--;
    f = fopen(iomem, "re");
    if (!f)
        return eg_fail(e, EG_EIO, "%s: where memory is: %s: %s", path, iomem, strerror(errno));
    n = read_ranges(f, segs);
    fclose(f);
    if (n <= 0)
        return eg_fail(e, EG_EIO, "%s: %s does not say where memory is%s", path, iomem,
                       n ? ": its addresses are for root alone" : "");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    if (!copy((void *)(intptr_t)fd, segs[n - 1].last, &last, 1)) {
        rc = errno;
        close(fd);
        return eg_fail(e, EG_EIO,
                       "%s: %s: the kernel does not show its memory here (STRICT_DEVMEM); "
                       "/proc/kcore, or /dev/crash of crash's driver, may",
                       path, strerror(rc));
    }
    rc = eg_copied_open(slot, path, segs[n - 1].last + 1,
                        &(struct eg_copier){ copy, close_device, (void *)(intptr_t)fd }, e);
    if (rc)
        return rc;
    img->beside.n++;
    for (int i = 0; i < n; i++) {
        segs[i].below = *slot;
        segs[i].below_addr = segs[i].start;
        segs[i].stored = segs[i].last - segs[i].start + 1;
    }
    return eg_segments_open(out, path, segs, (size_t)n, &overlaps, e);
}

static bool is(const char *path)
{
    const char *name = strrchr(path, '/');
    struct stat st;

    name = name ? name + 1 : path;
    return (!strcmp(name, "crash") || !strcmp(name, "mem")) && !stat(path, &st) &&
           S_ISCHR(st.st_mode);
}

static int open_(struct eg_space **out, struct eg_image *img, const char *where,
                 const struct eg_open_options *o, struct eg_error *e)
{
    (void)o;
    return live_device_open(out, img, where, "/proc/iomem", e);
}

EG_SOURCE(device) = {
    .desc = "this machine's memory, by a device of crash's driver",
    .where = "/dev/crash",
    .is = is,
    .open = open_,
};
