/* clang-format off */
/* main.c - the command `engram`. A map of the tree, for who looks for a place:
 *
 *  core/       what knows no dump format, no operating system and no plugin by name
 *    engram.h            the one header that a plugin includes: cursors, walkers, rows, declarations
 *    base arena vec map  checked arithmetic, errors, memory, containers
 *    space view file     address spaces, reads and their TLB, mapped files
 *    arch/               processors: one file and one record each
 *    profile types       types and symbols of one program; several as one
 *    obj walk            cursors; lists, trees, maps, bitmaps
 *    image system        a file opened; an operating system found in it
 *    registry run args   what was declared; running a plugin
 *    table render_*      values and columns; one output format per file
 *    scan search         searching memory: what a plugin sees; one pass for all of them
 *    parallel newfile    a pool of threads, progress; files that are whole or not there
 *  formats/    one file per dump format or compression
 *  profiles/   one file per source of types and symbols
 *  plugins/    one file per plugin, in C or Lua, by the question that it answers; linux/: all that knows Linux
 *  lua/        the binding, its sandbox, the shell's inside
 *  cli/        this command
 *    main                the verbs, and the way from arguments to one of them
 *    options report      the command line; lines for the user
 *    load                plugins of folders
 *    habits complete     what people type who come from other tools; for the shells' completions
 *    open table spool    an image and its system; tables; many writers into one output
 *    run summary         engram IMAGE PLUGIN…; engram IMAGE
 *    plugins help        what there is
 *    hand read hexdump dis vtop dump dt  looking by hand
 *    shell line          looking by hand in Lua, line by line
 *    new                 the beginning of a plugin
 *    profile             making profile files
 *    convert pack        dumps of other formats; seekable zstd files
 *    sha256              of the image, when asked
 *  tests/      unit, golden (outputs kept), fuzz, bench, the tree's own rules
 *  samples/    small real images, what the guest said of itself, and how to make more
 *  docs/       manual page, plugin author's guide, file formats, how evidence is treated
 */
/* clang-format on */
#include "../lua/library.h"
#include "cli.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>

static const struct eg_arg space_args[] = {
    EG_ARG(phys, FLAG, "ADDR is a physical address"),
    EG_ARG(pid, INT, "ADDR is an address of this process"),
    { NULL, EG_ARG_FLAG, NULL },
};
static const struct eg_arg dt_args[] = {
    EG_ARG(pid, INT, "ADDR is an address of this process"),
    EG_ARG(depth, INT, "levels of structs inside structs; all for an object, 1 for a type"),
    { NULL, EG_ARG_FLAG, NULL },
};

static const struct eg_arg shell_args[] = {
    EG_ARG(e, TEXT, "run this code instead of asking for lines; may be given several times"),
    EG_ARG(history, TEXT, "FILE that keeps the lines for the next time; otherwise none does"),
    { NULL, EG_ARG_FLAG, NULL },
};
static const struct eg_arg convert_args[] = {
    EG_ARG(to, TEXT, "raw, lime, elf, or pack: LiME in seekable zstd"),
    EG_ARG(force, FLAG, "replace FILE"),
    { NULL, EG_ARG_FLAG, NULL },
};
static const struct eg_arg pack_args[] = {
    EG_ARG(level, INT, "1 (fast) to 22 (small); 10 otherwise"),
    EG_ARG(force, FLAG, "replace FILE.zst"),
    { NULL, EG_ARG_FLAG, NULL },
};

static const struct eg_arg profile_args[] = {
    EG_ARG(nested, FLAG, "show: structs inside structs member by member"),
    EG_ARG(module, TEXT, "show: types of this module first"),
    { NULL, EG_ARG_FLAG, NULL },
};

/* To add a verb: its function in a file of its own, declared in cli.h, and one record here. */
static const struct verb verbs[] = {
    { "plugins", "[IMAGE]",
      "list the plugins; with an image: which can run on it, what others lack", NULL, 0, 0,
      MAY_IMAGE, cli_plugins },
    { "help", "[PLUGIN|VERB|TOPIC]", "describe a plugin or a verb: options, columns, other names",
      NULL, 0, 1, NO_IMAGE, cli_help },
    { "complete", "-- WORD...", NULL, NULL, 1, UINT_MAX, NO_IMAGE, cli_complete },
    { "read", "IMAGE ADDR LEN [-o FILE]", "write bytes to standard output or a file", space_args, 2,
      2, WANTS_IMAGE, cli_read },
    { "hexdump", "IMAGE ADDR [LEN]", "show bytes", space_args, 1, 2, WANTS_IMAGE, cli_hexdump },
    { "dis", "IMAGE ADDR [N]", "show instructions", space_args, 1, 2, WANTS_IMAGE, cli_dis },
    { "vtop", "IMAGE ADDR", "translate an address: each table on the way, then the file offset",
      space_args, 1, 1, WANTS_IMAGE, cli_vtop },
    { "dump", "IMAGE [ADDR [LEN]] -o DIR",
      "write memory to files: a range, or the mappings of a process (--pid)", space_args, 0, 2,
      WANTS_IMAGE, cli_dump },
    { "dt", "IMAGE TYPE [ADDR] | IMAGE SYMBOL", "show a type, or an object with its values",
      dt_args, 1, 2, WANTS_IMAGE, cli_dt },
    { "shell", "IMAGE [FILE.lua]",
      "look around in Lua, line by line, with plugins as functions; or run a file", shell_args, 0,
      1, WANTS_IMAGE, cli_shell },
    { "new", "NAME.lua|NAME.c", "write the beginning of a plugin", NULL, 1, 1, NO_IMAGE, cli_new },
    { "convert", "IMAGE -o FILE --to raw|lime|elf|pack",
      "write the image's memory as a dump of another format", convert_args, 0, 0, WANTS_IMAGE,
      cli_convert },
    { "pack", "IMAGE -o FILE.zst", "compress an image so that it can be read in place", pack_args,
      0, 0, WANTS_IMAGE, cli_pack },
    { "profile", "make VMLINUX [MODULE…] -o FILE.egp | show FILE|IMAGE [TYPE…]",
      "make or look into a profile (types and symbols)", profile_args, 2, UINT_MAX, NO_IMAGE,
      cli_profile },
};

const struct verb *cli_verb_nth(size_t i)
{
    return i < countof(verbs) ? &verbs[i] : NULL;
}

const struct verb *cli_verb(const char *name)
{
    for (size_t i = 0; i < countof(verbs); i++)
        if (!strcmp(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

/* The first Ctrl-C asks the work to end in order, the second ends the process. */
static void interrupted(int sig)
{
    (void)sig;
    eg_cancelled = 1;
}

/* A full disk must not look like success. */
static int flushed(const struct cli *c, int status)
{
    bool bad = ferror(stdout) != 0;

    if ((fclose(stdout) || bad) && !c->said)
        return cli_fail(status ? status : CLI_FAILED, "standard output: %s",
                        errno ? strerror(errno) : "write error");
    return status;
}

static int dispatch(struct cli *c, int argc, char **argv)
{
    const struct verb *v;
    int status = cli_options(c, argc, argv);

    if (status)
        return status;
    v = c->verb;
    if (c->version)
        return cli_version();
    if (c->help && (v || c->words.n))
        return cli_help(c);
    if (c->help)
        return cli_usage(stdout);
    if (!v && !c->image && !c->words.n)
        return cli_fail(CLI_USAGE,
                        "no image given: `engram IMAGE` says what it is, `engram --help` "
                        "what else there is");
    if (!v)
        return c->words.n ? cli_run(c) : cli_summary(c);
    if (c->words.n < v->min || c->words.n > v->max || (v->image == WANTS_IMAGE && !c->image))
        return cli_fail(CLI_USAGE, "%s: usage: engram %s %s", v->name, v->name, v->usage);
    return v->run(c);
}

int main(int argc, char **argv)
{
    struct cli c = { 0 };
    struct sigaction on_interrupt = { .sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND };
    struct eg_error e;
    int status;

    sigaction(SIGINT, &on_interrupt, NULL);
    __fsetlocking(
        stdout,
        FSETLOCKING_BYCALLER); // one thread writes at a time: a third of the time of long results
    if (eg_registry_init(&e) || eg_lua_add_own(&e)) {
        status = cli_fail(CLI_FAILED, "%s", e.text);
    } else {
        status = dispatch(&c, argc, argv);
        eg_vec_fini(&c.words);
        eg_vec_fini(&c.args);
        eg_vec_fini(&c.profile_dirs);
        eg_vec_fini(&c.warnings);
        eg_arena_fini(&c.arena);
    }
    return flushed(&c, status);
}
