/* gdb.c - engram gdb: a server for debuggers, which see the kernel and its processes as inferiors
 * (live/gdb/gdb.h). */
#include "../live/gdb/gdb.h"
#include "../core/arch.h"
#include "../core/parallel.h"
#include "../core/run.h"
#include "../live/listen.h"
#include "gdb_hooks.h"
#include "open.h"
#include "report.h"
#include "verb.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const struct eg_arg args[] = {
    EG_ARG(listen, TEXT,
           "PLACE: where a debugger may connect: HOST:PORT or unix:PATH; otherwise a port of "
           "127.0.0.1"),
    EG_ARG(stdio, FLAG, "speak on standard input and output: target remote | engram gdb --stdio …"),
    EG_ARG(once, FLAG, "end when the first debugger has gone"),
    EG_ARG(process, TEXT, "PIDS: processes that are inferiors from the beginning: 1,700, or all"),
    { NULL, EG_ARG_FLAG, NULL },
};

struct server {
    struct cli *cli;
    struct cli_opened o;
    struct gdb_options options;
    EG_VEC(uint32_t) pids;
};

/* --process 1,700 */
static int read_processes(struct server *s)
{
    const char *text = cli_arg(s->cli, "process"), *p = text;

    if (!text)
        return CLI_OK;
    if (!strcmp(text, "all")) {
        s->options.all = true;
        return CLI_OK;
    }
    for (;; p++) {
        char *end;
        const unsigned long v = strtoul(p, &end, 10);
        uint32_t *new;

        if (end == p || *p < '0' || *p > '9' || v > INT32_MAX || (*end && *end != ','))
            return cli_fail(CLI_USAGE, "--process %s: process ids with commas between, or all",
                            text);
        new = eg_vec_push(&s->pids);
        if (!new)
            return cli_no_memory();
        *new = (uint32_t)v;
        p = end;
        if (!*p)
            break;
    }
    s->options.pids = s->pids.at;
    s->options.n_pids = s->pids.n;
    return CLI_OK;
}

static void say_notes(const struct eg_run *r, size_t *said)
{
    for (; *said < r->notes.n; ++*said)
        cli_fail(0, "note: %s", r->notes.at[*said].text);
}

/* Make what a debugger asks for first, before it waits for it. */
static void prepare(struct server *s)
{
    struct eg_run *r;

    s->options.kernel_file = -1;
    if (eg_run_open(&r, s->o.sys, NULL, NULL))
        return;
    s->options.kernel_file = gdb_mint_kernel(r, &s->options.kernel_size);
    say_notes(r, &(size_t){ 0 });
    eg_run_close(r);
}

/* Each debugger has a run of its own: what one asked for is given back when it goes. */
static int serve(struct server *s, int in, int out)
{
    const struct eg_run_options options = { .threads = (unsigned)s->cli->jobs, .quiet = true };
    struct cli_gdb_context context = { s->o.sys, (unsigned)s->cli->jobs };
    struct eg_run *r = NULL;
    struct gdb *g = NULL;
    struct eg_error e;
    size_t said = 0;
    int rc = eg_run_open(&r, s->o.sys, &options, &e), status = CLI_OK;

    if (rc)
        return cli_fail(CLI_FAILED, "%s", e.text);
    g = gdb_open(r, &s->options, &cli_gdb_hooks, &context);
    say_notes(r, &said);
    if (g)
        rc = gdb_serve(g, in, out);
    say_notes(r, &said);
    if (r->status && !eg_cancelled)
        status = cli_fail(CLI_FAILED, "gdb: %s", r->error);
    gdb_close(g);
    eg_run_close(r);
    return status;
}

static int say_where(const struct server *s, const struct live_listener *l)
{
    const bool processes = s->options.all || s->options.n_pids;
    const char *arch = processes && !strcmp(s->o.sys->arch->name, "x86_64") ? "i386:x86-64" : NULL;

    if (l->open)
        cli_warn(s->cli, "gdb: whoever reaches %s can read all memory of the image", l->name);
    printf("%s%s\n", l->unix_socket ? "unix:" : "", l->name);
    // gdb takes processes that it did not attach itself to be of its own processor.
    printf("gdb%s%s%s -ex 'target extended-remote %s'\n", arch ? " -ex 'set architecture " : "",
           arch ? arch : "", arch ? "'" : "", l->name);
    if (l->unix_socket)
        printf("lldb -o 'process connect -p gdb-remote unix-connect://%s'\n", l->name);
    else
        printf("lldb -o 'gdb-remote %s'\n", l->name);
    return fflush(stdout) ? cli_fail(CLI_FAILED, "standard output: %s", strerror(errno)) : CLI_OK;
}

static int wait_and_serve(struct server *s)
{
    const char *where = cli_arg(s->cli, "listen");
    struct live_listener l;
    struct eg_error e;
    int status, fd;

    if (live_listen(&l, where ? where : "127.0.0.1:0", &e))
        return cli_fail(e.code == EG_EUSAGE ? CLI_USAGE : CLI_FAILED, "--listen %s", e.text);
    status = say_where(s, &l);
    while (!status) {
        fd = live_accept(&l);
        if (fd == -EG_ECANCEL)
            break;
        if (fd < 0) {
            status = cli_fail(CLI_FAILED, "gdb: %s: %s", l.name, strerror(errno));
            break;
        }
        if (cli_arg(s->cli, "once"))
            status = serve(s, fd, fd);
        else
            serve(s, fd, fd); // what one debugger broke is no matter of the next
        close(fd);
        if (cli_arg(s->cli, "once") || eg_cancelled)
            break;
    }
    live_listen_end(&l);
    return status;
}

static bool is_attached(const struct gdb *g, uint32_t pid)
{
    const struct gdb_process *p = g ? g->processes : NULL;

    while (p && p->pid != pid)
        p = p->next;
    return p || pid == GDB_KERNEL;
}

/* Those of --process, before a debugger finds out. */
static int check_processes(const struct server *s)
{
    int status = CLI_OK;
    struct eg_run *r;
    struct gdb *g;

    if (!s->pids.n || eg_run_open(&r, s->o.sys, NULL, NULL))
        return CLI_OK;
    g = gdb_open(r, &s->options, NULL, NULL);
    for (size_t i = 0; i < s->pids.n && !status; i++)
        if (!is_attached(g, s->pids.at[i]))
            status = cli_fail(CLI_USAGE,
                              "--process %" PRIu32 ": no such process that has a program; `engram "
                              "IMAGE pslist` lists them",
                              s->pids.at[i]);
    gdb_close(g);
    eg_run_close(r);
    return status;
}

static int run_verb(struct cli *c)
{
    struct server s = { .cli = c };
    int status = read_processes(&s);

    if (!status && cli_arg(c, "stdio") && cli_arg(c, "listen"))
        status = cli_fail(CLI_USAGE, "--stdio and --listen: a debugger comes by one of them");
    if (!status)
        status = cli_open(c, &s.o);
    if (!status && !s.o.sys->os)
        status = cli_no_system(c, &s.o, true);
    if (!status)
        status = check_processes(&s);
    if (!status) {
        signal(SIGPIPE, SIG_IGN);
        cli_image_notes(c, &s.o, false);
        prepare(&s);
        status = cli_arg(c, "stdio") ? serve(&s, STDIN_FILENO, STDOUT_FILENO) : wait_and_serve(&s);
    }
    if (s.options.kernel_size)
        close(s.options.kernel_file);
    cli_close(&s.o);
    eg_vec_fini(&s.pids);
    return status;
}

CLI_VERB(gdb) = {
    .name = "gdb",
    .usage = "IMAGE",
    .help = "let a debugger look at the kernel and its processes: gdb, lldb, rizin",
    .args = args,
    .image = CLI_WANTS_IMAGE,
    .order = 92,
    .run = run_verb,
};
