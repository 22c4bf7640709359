/* pack.c - engram pack: an image as seekable zstd, which opens in place. */
#include "../formats/write/pack.h"
#include "../core/address.h"
#include "open.h"
#include "report.h"
#include "sha256.h"
#include "verb.h"
#include <stdio.h>

static const struct eg_arg args[] = {
    EG_ARG(level, INT, "1 (fast) to 22 (small); 10 otherwise"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    const char *level = cli_arg(c, "level");
    struct eg_pack_options o = { .threads = (unsigned)c->jobs,
                                 .force = c->force,
                                 .quiet = c->quiet };
    struct cli_opened from = { 0 };
    struct eg_error e;
    uint64_t v = 0;
    int status;

    if (!c->out)
        return cli_fail(CLI_USAGE, "pack: -o FILE.zst is needed: where to write");
    if (level && (!eg_number_parse(level, &v) || !v || v > 22))
        return cli_fail(CLI_USAGE, "--level %s: from 1 (fast) to 22 (small)", level);
    o.level = (int)v;
    status = cli_open_image(c, &from);
    if (!status)
        status =
            eg_pack(from.image, c->out, &o, &e) ? cli_cannot(&e) : cli_image_notes(c, &from, false);
    if (!status && !c->quiet)
        printf("%s%s\n", c->out, sha256_said(&c->arena, c->out, false));
    cli_close(&from);
    return status;
}

CLI_VERB(pack) = {
    .name = "pack",
    .usage = "IMAGE -o FILE.zst",
    .help = "compress an image so that it can be read in place",
    .args = args,
    .image = CLI_WANTS_IMAGE,
    .order = 120,
    .out = "FILE",
    .run = run_verb,
};
