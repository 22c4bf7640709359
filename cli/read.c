/* read.c - engram read: bytes as they are, to standard output or a file; what is not there is zeros
 * and a note. */
#include "../core/newfile.h"
#include "../plugins/linux/mm/swap.h"
#include "hand.h"
#include "report.h"
#include "sha256.h"
#include "verb.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static int copy(struct eg_run *r, struct cli_hand *h, uint64_t addr, uint64_t len, uint8_t *buf,
                FILE *f)
{
    uint64_t got = 0, first_hole = 0;
    enum eg_why first_why = EG_OK;

    for (uint64_t at = 0; at < len && !eg_stopped(r);) {
        const size_t n = (size_t)EG_MIN(len - at, (uint64_t)CHUNK);
        enum eg_why why = EG_OK;
        size_t some = eg_read_some(&r->view, h->space, addr + at, buf, n, &why);

        if (some < n && !first_why) {
            first_why = why ? why : EG_UNREADABLE;
            first_hole = r->view.why_addr;
        }
        if (fwrite(buf, 1, n, f) != n) {
            h->cli->said = f == stdout;
            return eg_run_fail(r, EG_EIO, "%s: %s", h->cli->out ? h->cli->out : "standard output",
                               strerror(errno));
        }
        got += some;
        at += n;
        eg_progress(r, at, len);
    }
    if (first_why && !got)
        return eg_run_fail(r, EG_ENOTFOUND, "%#" PRIx64 ": %s; zeros were written", first_hole,
                           linux_why_at(r, h->space, first_hole, first_why));
    if (first_why)
        eg_note(r,
                "%" PRIu64 " of %" PRIu64
                " bytes are not there and are zeros: the first at %#" PRIx64 ": %s",
                len - got, len, first_hole, linux_why_at(r, h->space, first_hole, first_why));
    return 0;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    const char *path = h->cli->out;
    struct eg_addresses a;
    uint8_t *buf = eg_tmp(r, CHUNK);
    struct eg_error e;
    FILE *f = stdout;
    int status, fd;

    if ((status = cli_range(h, &a)))
        return status;
    if (!a.range)
        return eg_run_fail(r, EG_EUSAGE, "ADDR and LEN, or a range: how many bytes");
    if (a.last - a.first == UINT64_MAX)
        return eg_run_fail(r, EG_EUSAGE, "more than there is room for");
    if (path && eg_same_file(path, h->cli->image))
        return eg_run_fail(r, EG_EUSAGE, "-o %s: is the image itself: name another file", path);
    if (path && (fd = eg_newfile_create(path, h->cli->force, &e)) < 0)
        return eg_run_fail(r, (enum eg_errno)e.code, "%s", e.text);
    if (path && !(f = fdopen(fd, "wb"))) {
        close(fd);
        return eg_run_fail(r, EG_ENOMEM, "-o %s: out of memory", path);
    }
    status = copy(r, h, a.first, a.last - a.first + 1, buf, f);
    if (path && fclose(f) && !status)
        status = eg_run_fail(r, EG_EIO, "-o %s: %s", path, strerror(errno));
    if (path && !status && !h->cli->quiet)
        printf("%s: %" PRIu64 " bytes%s\n", path, a.last - a.first + 1,
               sha256_said(&h->cli->arena, path, false));
    return status;
}

static int run_verb(struct cli *c)
{
    if (!c->out && !c->force && isatty(STDOUT_FILENO))
        return cli_fail(CLI_USAGE,
                        "read: bytes of an image can control a terminal: give -o FILE or a pipe, "
                        "or use `engram hexdump %s %s%s%s`; --force writes them",
                        c->image_words, c->words.at[0], c->words.n > 1 ? " " : "",
                        c->words.n > 1 ? c->words.at[1] : "");
    return cli_by_hand(c, body);
}

CLI_VERB(read) = {
    .name = "read",
    .usage = "IMAGE ADDR LEN|RANGE [-o FILE]",
    .help = "write bytes to standard output or a file",
    .args = cli_space_args,
    .min = 1,
    .max = 2,
    .image = CLI_WANTS_IMAGE,
    .order = 30,
    .words = { "SYMBOL", "" },
    .out = "FILE",
    .run = run_verb,
};
