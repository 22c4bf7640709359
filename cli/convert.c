/* convert.c - engram convert: the memory of an image as a dump of another format. */
#include "../formats/write/convert.h"
#include "../core/newfile.h"
#include "open.h"
#include "report.h"
#include "sha256.h"
#include "verb.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 16 << 10 };

/* Linux's note to crash dumps (kernel/vmcore_info.c; before 6.9 kernel/crash_core.c): what other
 * tools open an ELF core by. NULL: not there. */
static const char *vmcoreinfo(struct cli *c, struct eg_system *sys)
{
    const unsigned size = sys->bind.model.ptr_size;
    char *text = eg_arena_alloc(&c->arena, TEXT_MAX);
    uint64_t at, len;

    if (!text || !eg_system_symbol(sys, "vmcoreinfo_data", &at) || size != 8 ||
        !eg_read_u64(sys->view, sys->kernel, at, sys->bind.model.big_endian, &at) ||
        !eg_system_symbol(sys, "vmcoreinfo_size", &len) ||
        !eg_read_u64(sys->view, sys->kernel, len, sys->bind.model.big_endian, &len) ||
        len >= TEXT_MAX || !eg_read(sys->view, sys->kernel, at, text, (size_t)len) ||
        strncmp(text, "OSRELEASE=", 10) != 0)
        return NULL;
    return text;
}

static int convert(struct cli *c, struct cli_opened *o, const char *to)
{
    struct eg_convert_options options = {
        .to = to, .threads = (unsigned)c->jobs, .replace = c->force, .quiet = c->quiet
    };
    struct eg_convert_result done;
    struct eg_error e;

    if (o->sys->os) {
        options.elf_machine = o->sys->arch->elf_machine;
        options.big_endian = o->sys->bind.model.big_endian;
        options.vmcoreinfo = vmcoreinfo(c, o->sys);
    }
    if (eg_convert(o->image, c->out, &options, &done, &e))
        return cli_cannot(&e);
    if (done.lost)
        cli_fail(0, "%s: %" PRIu64 " KiB could not be read: they are zeros in %s", c->image,
                 (done.lost + 1023) >> 10, c->out);
    if (!c->quiet)
        printf("%s: %" PRIu64 " MiB of memory in %" PRIu64 " range%s%s\n", c->out,
               done.written >> 20, done.ranges, done.ranges == 1 ? "" : "s",
               sha256_said(&c->arena, c->out, false));
    return done.lost && c->strict ? CLI_FAILED : CLI_OK;
}

static const struct eg_arg args[] = {
    EG_ARG(to, TEXT, "raw, lime, elf, or pack: LiME in seekable zstd"),
    { NULL, EG_ARG_FLAG, NULL },
};

static int run_verb(struct cli *c)
{
    const char *to = cli_arg(c, "to");
    struct cli_opened o;
    int status, notes;

    if (!c->out || !to)
        return cli_fail(CLI_USAGE, "convert: -o FILE and --to raw, lime, elf or pack are needed");
    if (eg_same_file(c->image, c->out))
        return cli_fail(CLI_USAGE, "%s: is the image itself: name another file with -o", c->out);
    status = cli_open(c, &o);
    if (!status)
        status = convert(c, &o, to);
    if (o.sys && (notes = cli_image_notes(c, &o, false)) && !status)
        status = notes;
    cli_close(&o);
    return status;
}

CLI_VERB(convert) = {
    .name = "convert",
    .usage = "IMAGE -o FILE --to raw|lime|elf|pack",
    .help = "write the image's memory as a dump of another format",
    .args = args,
    .image = CLI_WANTS_IMAGE,
    .order = 110,
    .out = "FILE",
    .run = run_verb,
};
