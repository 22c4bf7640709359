/* xattr_fuzz.c - any bytes as the extended attributes of an inode of ext4 or xfs, and as a list of
 * names that files are written under. */
#include "../../core/outnames.h"
#include "../../core/run.h"
#include "../../plugins/linux/mm/xattr_disk.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static void check(const struct linux_xattr_list *l)
{
    volatile uint8_t last = 0;

    for (size_t i = 0; i < l->n; i++) {
        if (!l->at[i].name || !*l->at[i].name)
            abort();
        for (size_t k = 0; k < l->at[i].len; k++)
            last = l->at[i].value[k];
    }
    (void)last;
}

/* Lines as paths: each stays below its folder, and no two are the same. */
static void paths(const struct input *in)
{
    struct eg_outnames n = { 0 };
    const char *seen[64];
    size_t n_seen = 0;
    char path[512];

    for (size_t at = 0; at < in->size && n_seen < countof(seen);) {
        const uint8_t *end = memchr(in->data + at, '\n', in->size - at);
        const size_t len = end ? (size_t)(end - in->data) - at : in->size - at;
        const size_t kept = EG_MIN(len, sizeof path - 1);
        const char *out;

        memcpy(path, in->data + at, kept);
        path[kept] = 0;
        at += len + 1;
        out = eg_outnames_place(&n, "t", path);
        if (!out || strncmp(out, "t/", 2) != 0 || strstr(out, "/../") || strstr(out, "//") ||
            strstr(out, "/./") || out[strlen(out) - 1] == '/')
            abort();
        if (strlen(out) > 2 && !strcmp(out + strlen(out) - 3, "/.."))
            abort();
        for (size_t i = 0; i < n_seen; i++)
            if (!strcasecmp(seen[i], out))
                abort();
        seen[n_seen++] = out;
    }
    eg_outnames_fini(&n);
}

static int work(struct eg_run *r, void *context)
{
    const struct input *in = context;
    struct linux_xattr_list ext4 = { .r = r }, block = { .r = r }, xfs = { .r = r };

    linux_xattrs_ext4_area(&ext4, in->data, in->size, 0, 0);
    linux_xattrs_ext4_area(&block, in->data, in->size, 32, 0);
    linux_xattrs_xfs_area(&xfs, in->data, in->size);
    check(&ext4);
    check(&block);
    check(&xfs);
    paths(in);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct eg_run_options options = { .quiet = true };
    struct input in = { data, size };
    struct eg_run *r;
    struct eg_error e;

    if (eg_run_open(&r, NULL, &options, &e) < 0)
        return 0;
    eg_run_do(r, work, &in);
    eg_run_close(r);
    return 0;
}
