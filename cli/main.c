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
 *  plugins/    one file per plugin, in C or Lua, by the question that it answers; scan/, keys/: searches; linux/: all that knows Linux
 *  lua/        the binding, its sandbox, the shell's inside
 *  cli/        this command
 *    main cli            the way from arguments to a verb; what the line says
 *    options load        reading the command line; plugins of folders
 *    verb                the verbs that are declared: one file and one record each
 *    report layout       lines for the user; text in columns
 *    habits complete     what people type who come from other tools; for the shells' completions
 *    open choice table spool  an image and its system; chosen rows; tables; many writers into one output
 *    run summary provenance  engram IMAGE PLUGIN…; engram IMAGE; what stands beside files of results
 *    plugins help topics version   what there is
 *    diff watch events boot steady  what changed between images, or on a machine that runs
 *    hand read hexdump dis vtop dump dt  looking by hand; rows.h: for the shell too
 *    shell line          looking by hand in Lua, line by line
 *    gdb                 a server for debuggers (live/gdb)
 *    new                 a template of a plugin
 *    profile             making profile files
 *    convert pack        dumps of other formats; seekable zstd files
 *    sha256              of the image, when asked
 *  tests/      unit, golden (outputs kept), fuzz, bench, the tree's own rules
 *  samples/    small real images, what the guest said of itself, and how to make more
 *  docs/       manual page, plugin author's guide, file formats, how evidence is treated
 */
/* clang-format on */
#include "../core/parallel.h"
#include "../lua/library.h"
#include "choice.h"
#include "help.h"
#include "options.h"
#include "report.h"
#include "run.h"
#include "summary.h"
#include "version.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>

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

/* What is missing of @v's words, or is too much, and how it is used. */
static int wrong_words(const struct cli *c, const struct cli_verb *v)
{
    const bool no_image = v->image == CLI_WANTS_IMAGE && !c->image;
    const char *word = v->usage;
    int len;

    if (c->words.n > v->max)
        return cli_fail(CLI_USAGE, "%s: '%s' is one word too many; usage: engram %s %s", v->name,
                        c->words.at[v->max], v->name, v->usage);
    for (size_t i = no_image ? 0 : c->words.n + (v->image == CLI_WANTS_IMAGE); i; i--) {
        const size_t n = strcspn(word, " ");

        if (!word[n])
            break;
        word += n + 1;
    }
    len = (int)strcspn(word, " ");
    if (*word < 'A' || *word > 'Z') // one of several words that say what to do
        return cli_fail(CLI_USAGE, "%s: what? usage: engram %s %s", v->name, v->name, v->usage);
    return cli_fail(CLI_USAGE, "%s: %.*s is missing; usage: engram %s %s", v->name, len, word,
                    v->name, v->usage);
}

static int dispatch(struct cli *c, int argc, char **argv)
{
    const struct cli_verb *v;
    int status = cli_options(c, argc, argv);

    if (status)
        return status;
    v = c->verb;
    if (c->version) {
        cli_version();
        return CLI_OK;
    }
    if (c->help)
        return cli_help(c);
    if (!v && !c->image && !c->words.n)
        return cli_fail(CLI_USAGE,
                        "no image given: `engram IMAGE` says what it is, `engram --help` "
                        "what else there is");
    if (cli_choice_given(c) && (v ? !v->table : !c->words.n))
        return cli_choice_refuse(c, v ? v->name : "`engram IMAGE` without a plugin");
    if (!v)
        return c->words.n ? cli_run(c) : cli_summary(c);
    if (c->words.n < v->min || c->words.n > v->max || (v->image == CLI_WANTS_IMAGE && !c->image))
        return wrong_words(c, v);
    return v->run(c);
}

int main(int argc, char **argv)
{
    struct cli c = { 0 };
    struct sigaction on_interrupt = { .sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND };
    struct eg_error e;
    int status;

    sigaction(SIGINT, &on_interrupt, NULL);
    signal(SIGXFSZ, SIG_IGN); // a file that may not grow (ulimit -f) is an error of the write
    signal(SIGCHLD, SIG_DFL); // ignored by who started us, children could not be waited for
    __fsetlocking(
        stdout,
        FSETLOCKING_BYCALLER); // one thread writes at a time: a third of the time of long results
    if (eg_registry_init(&e) || eg_lua_add_own(&e)) {
        status = cli_fail(CLI_FAILED, "%s", e.text);
    } else {
        status = dispatch(&c, argc, argv);
    }
    status = flushed(&c, status);
    cli_fini(&c);
    return status;
}
