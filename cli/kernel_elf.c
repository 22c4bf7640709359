/* kernel_elf.c - engram kernel-elf: a vmlinux with debug information, made of the image. */
#include "../core/newfile.h"
#include "../plugins/linux/kernel/vmlinux.h"
#include "hand.h"
#include "verb.h"
#include <inttypes.h>

static const struct eg_column columns[] = {
    { "PART", EG_COL_TEXT, "what is in the file" },
    { "COUNT", EG_COL_INT, "how many, or bytes" },
    { NULL, EG_COL_INT, NULL },
};

static int rows(struct cli_hand *h, const struct linux_vmlinux_counts *n)
{
    const struct {
        const char *part;
        uint64_t count;
    } parts[] = {
        { "symbols", n->symbols },        { "types", n->types },
        { "functions", n->functions },    { "variables", n->variables },
        { "frames", n->frames },          { "modules", n->modules },
        { "bytes of memory", n->text },   { "bytes that the image lacks", n->missing },
        { "bytes of the file", n->size },
    };
    const int status = cli_hand_table(h, columns, false);

    for (size_t i = 0; i < countof(parts) && !status; i++)
        cli_table_row(&h->table, 0,
                      (struct eg_value[]){ cli_text(parts[i].part), cli_uint(parts[i].count) });
    return status;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    struct cli *c = h->cli;
    const struct linux_vmlinux_options o = { .modules = cli_arg(c, "modules"),
                                             .no_text = cli_arg(c, "no-text"),
                                             .link_time = cli_arg(c, "link-time") };
    struct linux_vmlinux_counts counts;
    struct eg_newfile n = { 0 };
    struct eg_error e;

    if (!c->out)
        return eg_run_fail(r, EG_EUSAGE, "-o FILE is needed: where the file goes");
    if (eg_same_file(c->image, c->out))
        return eg_run_fail(r, EG_EUSAGE, "%s: is the image itself: name another file with -o",
                           c->out);
    if (eg_newfile_check(c->out, c->force, &e) < 0 || eg_newfile_open(&n, c->out, c->force, &e) < 0)
        return eg_run_fail(r, (enum eg_errno)e.code, "%s", e.text);
    if (!linux_vmlinux_write(r, &o, n.f, &counts)) {
        eg_newfile_drop(&n);
        return eg_run_fail(r, EG_EIO, "%s: cannot be written", c->out);
    }
    if (eg_newfile_keep(&n, &e) < 0)
        return eg_run_fail(r, (enum eg_errno)e.code, "%s", e.text);
    return rows(h, &counts);
}

static const struct eg_arg args[] = {
    EG_ARG(modules, FLAG, "symbols, types and frames of modules too"),
    { "no-text", EG_ARG_FLAG,
      "without the kernel's code and data: only symbols, types and frames" },
    { "link-time", EG_ARG_FLAG, "addresses as the linker gave them, without KASLR: for drgn" },
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(kernel_elf) = {
    .name = "kernel-elf",
    .usage = "IMAGE -o FILE",
    .help = "write a vmlinux with symbols, types and frames for gdb, crash, drgn and lldb",
    .args = args,
    .image = CLI_WANTS_IMAGE,
    .order = 115,
    .out = "FILE",
    .table = true,
    .run = run_verb,
};
