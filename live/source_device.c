/* source_device.c - devices that show this machine's own physical memory: /dev/crash of crash's
 * driver (memory_driver/crash.c, crash 8.0), and /dev/mem of kernels without STRICT_DEVMEM. Both
 * are read at physical addresses, and neither says what is RAM: /proc/iomem does. */
#include "source_device.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANGES_MAX = 4096, DEVICE_PAGE = 4096 };

struct device {
    int fd;
    pthread_mutex_t lock;
};

/* The driver refuses to read across the end of a page, and has one buffer for all who read by the
 * same descriptor: two at once would get each other's bytes. */
static bool copy(void *priv, uint64_t at, void *to, size_t len)
{
    struct device *d = priv;
    uint8_t *p = to;
    bool ok = true;

    pthread_mutex_lock(&d->lock);
    while (len && ok) {
        const size_t n = EG_MIN(len, DEVICE_PAGE - at % DEVICE_PAGE);

        ok = pread(d->fd, p, n, (off_t)at) == (ssize_t)n;
        p += n;
        at += n;
        len -= n;
    }
    pthread_mutex_unlock(&d->lock);
    return ok;
}

static void close_device(void *priv)
{
    struct device *d = priv;

    if (d->fd >= 0)
        close(d->fd);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

/* "00100000-1ffdffff : System RAM"; memory that a driver has added is "System RAM (virtio_mem)",
 * and can stand inside of something else. @return how many there are, more than 0, or an error. */
static int read_ranges(const char *path, const char *iomem, struct eg_segment *segs,
                       struct eg_error *e)
{
    FILE *f = fopen(iomem, "re");
    bool hidden = false; // all addresses are zero, as for who is not root
    char line[256];
    int n = 0;

    if (!f)
        return eg_fail(e, EG_EIO, "%s: where memory is: %s: %s", path, iomem, strerror(errno));
    while (n < RANGES_MAX && fgets(line, sizeof line, f)) {
        uint64_t start, last;
        int end = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " : System RAM%n", &start, &last, &end) != 2 ||
            !end || !strchr(" \n", line[end]))
            continue;
        hidden |= !last;
        if (start <= last && last && last <= INT64_MAX)
            segs[n++] = (struct eg_segment){ .start = start, .last = last };
    }
    fclose(f);
    return n ? n
             : eg_fail(e, EG_EIO, "%s: %s does not say where memory is%s", path, iomem,
                       hidden ? ": its addresses are for root alone" : "");
}

/* @at: an address of memory, which it must show. */
static int open_device(struct device **out, const char *path, uint64_t at, struct eg_error *e)
{
    struct device *d = calloc(1, sizeof *d);
    uint8_t byte;
    int rc = 0;

    if (!d)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    pthread_mutex_init(&d->lock, NULL);
    d->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (d->fd < 0)
        rc = eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    else if (!copy(d, at, &byte, 1))
        rc = eg_fail(e, EG_EIO,
                     "%s: %s: the kernel does not show its memory here (STRICT_DEVMEM); "
                     "/proc/kcore, or /dev/crash of crash's driver, may",
                     path, strerror(errno));
    if (rc)
        close_device(d);
    else
        *out = d;
    return rc;
}

int live_device_open(struct eg_space **out, struct eg_image *img, const char *path,
                     const char *iomem, struct eg_error *e)
{
    eg_cleanup(eg_free_) struct eg_segment *segs = calloc(RANGES_MAX, sizeof *segs);
    struct eg_space **slot = segs ? eg_vec_push(&img->beside) : NULL;
    struct device *d = NULL;
    size_t overlaps;
    int n, rc;

    if (!slot)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
    img->beside.n--;
    n = read_ranges(path, iomem, segs, e);
    rc = n < 0 ? n : open_device(&d, path, segs[n - 1].last, e);
    if (!rc)
        rc = eg_copied_open(slot, path, (uint64_t)INT64_MAX + 1,
                            &(struct eg_copier){ copy, close_device, d }, e);
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
