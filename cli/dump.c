/* dump.c - engram dump: memory into files of a folder: a range, all physical memory, or a process's
 * mappings. What is not in the image is a hole of the file. */
#include "../plugins/linux/mm/vma.h"
#include "hand.h"
#include "sha256.h"
#include "verb.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const struct eg_column columns[] = {
    { "FILE", EG_COL_TEXT, "its name in the folder of -o" },
    { "START", EG_COL_ADDR, "first address" },
    { "END", EG_COL_ADDR, "first address behind it" },
    { "PRESENT", EG_COL_INT, "bytes that were there; the others are holes" },
    { "SHA256", EG_COL_TEXT, "of the file, its holes read as zeros" },
    { NULL, EG_COL_INT, NULL },
};

/* A process can map terabytes of nothing; to hash them would take hours. */
#define HASHED_MAX (UINT64_C(64) << 30)

/* [@from, @last] into @f, holes skipped. @return false: it could not be written. */
static bool copy(struct eg_run *r, struct eg_space *as, uint64_t from, uint64_t last, FILE *f,
                 uint64_t *got)
{
    struct eg_extent x;
    uint64_t at = from;

    while (!eg_stopped(r) && eg_next_mapped(&r->view, as, at, last, &x)) {
        const uint64_t end = EG_MIN(x.last, last);

        if (x.zero) { // stays a hole, whatever length a header claims
            at = EG_MAX(at, x.start);
            *got += end - at + 1;
            if (end == last)
                break;
            at = end + 1;
            continue;
        }
        for (at = EG_MAX(at, x.start); at <= end;) {
            size_t len = (size_t)EG_MIN(end - at, (uint64_t)(1 << 20) - 1) + 1;
            const uint8_t *p = eg_map_some(&r->view, as, at, &len);

            if (!p)
                len = (size_t)EG_MIN(end - at + 1, 4096 - at % 4096); // a page below is missing
            else if (fseeko(f, (off_t)(at - from), SEEK_SET) || fwrite(p, 1, len, f) != len)
                return false;
            *got += p ? len : 0;
            if (end - at < len)
                break;
            at += len;
        }
        if (end == last)
            break;
        at = end + 1;
    }
    return !fflush(f) && !ftruncate(fileno(f), (off_t)(last - from + 1));
}

static int one(struct eg_run *r, struct cli_hand *h, uint64_t from, uint64_t last)
{
    const char *space = h->phys       ? "phys"
                        : h->pid >= 0 ? eg_strf(r, "pid%" PRId64, h->pid)
                                      : "kernel";
    char *name = eg_strf(r, "%s.0x%" PRIx64 "-0x%" PRIx64 ".dmp", space, from, last + 1);
    const char *digest = NULL;
    struct eg_error e = { 0 };
    uint64_t got = 0;
    FILE *f;

    if (last - from > INT64_MAX - 1)
        return eg_run_fail(r, EG_EUSAGE, "%#" PRIx64 " to %#" PRIx64 ": more than a file can hold",
                           from, last);
    f = eg_output(r, name);
    if (!f)
        return -EG_EIO;
    if (!copy(r, h->space, from, last, f, &got))
        return eg_run_fail(r, EG_EIO, "%s: %s", name, strerror(errno));
    if (!eg_output_done(r, f)) // a process has thousands of mappings, we fewer open files
        return -EG_EIO;
    if (last - from < HASHED_MAX)
        digest = sha256_of_file(&h->cli->arena, eg_strf(r, "%s/%s", h->cli->out, name), true, &e);
    else
        eg_note(r, "%s: SHA-256 is not computed of files of more than 64 GiB", name);
    if (!digest && last - from < HASHED_MAX && e.code != EG_EUNSUP) // a build without libcrypto
        return eg_run_fail(r, (enum eg_errno)e.code, "%s", e.text);
    cli_table_row(&h->table, 0,
                  (struct eg_value[]){ cli_text(name), cli_uint(from), cli_uint(last + 1),
                                       cli_uint(got), cli_text(digest) });
    return 0;
}

/* The mappings of a process: all, or the one that @at points into. */
static int mappings(struct eg_run *r, struct cli_hand *h, bool all, uint64_t at)
{
    struct eg_obj vma;
    size_t n = 0;
    int status = 0;

    linux_each_vma(r, eg_path(h->task, "mm"), vma) {
        uint64_t start, end;

        if (!eg_load(&start, eg_path(vma, "vm_start")) || !eg_load(&end, eg_path(vma, "vm_end")) ||
            start >= end)
            continue;
        if (all || (at >= start && at < end)) {
            n++;
            if ((status = one(r, h, start, end - 1)))
                break; // not to the end: the walk would say that it found too few
        }
    }
    if (!status && !n && !all)
        return eg_run_fail(r, EG_ENOTFOUND,
                           "%#" PRIx64
                           ": no mapping of this process holds it; `engram %s maps --pid %" PRId64
                           "` lists them",
                           at, h->cli->image_words, h->pid);
    return status;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    struct cli *c = h->cli;
    struct eg_addresses a = { 0 };
    int status = 0;

    if (!c->out)
        return eg_run_fail(r, EG_EUSAGE, "-o DIR is needed: where the files go");
    if (c->words.n && (status = cli_range(h, &a)))
        return status;
    if (!a.range && h->pid < 0 && !(h->phys && !c->words.n))
        return eg_run_fail(
            r, EG_EUSAGE,
            "ADDR and LEN or a range, or --pid N, or --phys for all of physical memory");
    if ((status = cli_hand_table(h, columns, false)))
        return status;
    if (a.range)
        return one(r, h, a.first, a.last);
    return h->phys ? one(r, h, 0, h->space->last) : mappings(r, h, !c->words.n, a.first);
}

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(dump) = {
    .name = "dump",
    .usage = "IMAGE [ADDR [LEN]|RANGE] -o DIR",
    .help = "write memory to files: a range, or the mappings of a process (--pid)",
    .args = cli_space_args,
    .max = 2,
    .image = CLI_WANTS_IMAGE,
    .order = 70,
    .words = { "SYMBOL", "" },
    .out = "DIR",
    .table = true,
    .run = run_verb,
};
