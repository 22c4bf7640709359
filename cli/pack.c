/* pack.c - engram pack: an image as seekable zstd, which opens in place. */
#include "../formats/write/pack.h"
#include "cli.h"

int cli_pack(struct cli *c)
{
    const char *level = cli_arg(c, "level");
    struct eg_pack_options o = { .threads = c->jobs,
                                 .tmp_dir = c->open.tmp_dir,
                                 .force = cli_arg(c, "force") != NULL,
                                 .quiet = c->quiet };
    struct eg_error e;
    uint64_t v = 0;

    if (!c->out)
        return cli_fail(CLI_USAGE, "pack: -o FILE.zst is needed: where to write");
    if (level && (!cli_number(level, &v) || !v || v > 22))
        return cli_fail(CLI_USAGE, "--level %s: from 1 (fast) to 22 (small)", level);
    o.level = (int)v;
    if (eg_pack(c->image, c->out, &o, &e))
        return cli_cannot(&e);
    return CLI_OK;
}
