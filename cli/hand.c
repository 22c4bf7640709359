/* hand.c - what read, hexdump, vtop, dump and dt share: an image, a space in it, addresses by name.
 */
#include "../plugins/linux/linux.h"
#include "cli.h"
#include <inttypes.h>
#include <stdlib.h>

/* The process whose id in the outermost namespace is h->pid, and its memory. */
static int process_space(struct eg_run *r, struct hand *h)
{
    struct eg_obj task;
    int32_t pid;

    linux_each_process(r, task) {
        if (!linux_task_pids(r, task, &pid, 1) || pid != h->pid)
            continue;
        h->task = task;
        h->space = linux_task_space(r, task);
        if (!h->space)
            return eg_run_fail(r, EG_ENOTFOUND,
                               "--pid %" PRId64
                               ": this process has no memory of its own that can be "
                               "read: a kernel thread, or it was ending",
                               h->pid);
        return 0;
    }
    return eg_run_fail(r, EG_ENOTFOUND,
                       "--pid %" PRId64 ": no such process; `engram %s pslist` lists them", h->pid,
                       h->cli->image);
}

static int choose_space(struct eg_run *r, struct hand *h)
{
    const char *pid = cli_arg(h->cli, "pid");
    uint64_t v;

    h->phys = cli_arg(h->cli, "phys") != NULL;
    h->pid = -1;
    if (h->phys && pid)
        return eg_run_fail(r, EG_EUSAGE, "--phys and --pid: an address is in one of them");
    if (h->phys) {
        h->space = eg_physical(r);
        return 0;
    }
    if (!h->o.sys->os)
        return eg_run_fail(r, EG_ENOTFOUND,
                           "no kernel was found: only --phys is possible; `engram %s` says why",
                           h->cli->image);
    if (!pid) {
        h->space = eg_kernel(r);
        return 0;
    }
    if (!cli_number(pid, &v) || v > INT32_MAX)
        return eg_run_fail(r, EG_EUSAGE, "--pid %s: not a process id", pid);
    h->pid = (int64_t)v;
    return process_space(r, h);
}

struct start {
    struct hand *hand;
    int (*body)(struct eg_run *r, void *hand);
};

static int start(struct eg_run *r, void *context)
{
    struct start *s = context;
    int status = choose_space(r, s->hand);

    if (!status)
        status = s->body(r, s->hand);
    if (!status && eg_cancelled)
        status = eg_run_fail(r, EG_ECANCEL, "stopped before it was done");
    return status;
}

int cli_hand_end(struct hand *h, int code)
{
    struct eg_run *r = h->run;
    const char **notes = calloc(r->notes.n + 1, sizeof *notes);
    const char *error = code ? r->error : NULL;
    int status = CLI_OK;

    for (size_t i = 0; notes && i < r->notes.n; i++)
        notes[i] = r->notes.at[i].text;
    if (h->table.state)
        status = cli_table_end(&h->table, notes, error);
    else if (!error)
        for (size_t i = 0; notes && notes[i]; i++, status = h->cli->strict ? CLI_FAILED : CLI_OK)
            cli_fail(0, "note: %s", notes[i]);
    else
        status = cli_fail(CLI_FAILED, "%s: %s", h->cli->verb->name, error);
    free(notes);
    if (code == -EG_EUSAGE)
        return CLI_USAGE;
    return status;
}

int cli_by_hand(struct cli *c, int (*body)(struct eg_run *r, void *hand))
{
    struct hand h = { .cli = c };
    struct start s = { &h, body };
    const struct eg_run_options options = { .out_dir = c->out,
                                            .threads = c->jobs,
                                            .quiet = c->quiet };
    struct eg_error e;
    int status = cli_open(c, &h.o);

    if (!status && eg_run_open(&h.run, h.o.sys, &options, &e))
        status = cli_fail(CLI_FAILED, "%s", e.text);
    if (!status)
        status = cli_hand_end(&h, eg_run_do(h.run, start, &s));
    if (h.o.sys)
        cli_image_notes(c, &h.o);
    eg_run_close(h.run);
    cli_close(&h.o);
    return status;
}

int cli_hand_table(struct hand *h, const struct eg_column *columns, bool tree)
{
    if (cli_table_begin(&h->table, h->cli, h->cli->verb->name, columns, tree, &h->o.from))
        return eg_run_fail(h->run, EG_ENOMEM, "out of memory");
    return 0;
}

/* An address as crash and /proc/kallsyms print it, without 0x. */
static bool bare_hex(const char *text, uint64_t *out)
{
    if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16)
        return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

int cli_address(struct hand *h, const char *text, uint64_t *out)
{
    const char *sign = strpbrk(text, "+-");
    const size_t len = sign ? (size_t)(sign - text) : strlen(text);
    uint64_t base, off = 0;
    char *name;

    if (bare_hex(text, out) || cli_number(text, out))
        return 0;
    name = eg_strf(h->run, "%.*s", (int)EG_MIN(len, (size_t)512), text);
    if (!len || (sign && !cli_number(sign + 1, &off)))
        return eg_run_fail(h->run, EG_EUSAGE, "%s: not an address: 0x…, a symbol, or a symbol+0x…",
                           text);
    if (h->phys)
        return eg_run_fail(h->run, EG_EUSAGE,
                           "%s: a symbol is no physical address; `engram vtop %s %s` gives it",
                           text, h->cli->image, text);
    if (!h->o.sys->os || !eg_lookup(h->run, name, &base))
        return eg_run_fail(h->run, EG_EUSAGE,
                           "%s: no symbol of this name; `engram %s kallsyms` lists them", name,
                           h->cli->image);
    *out = sign && *sign == '-' ? base - off : base + off;
    return 0;
}

int cli_length(struct hand *h, const char *text, uint64_t *out)
{
    if (!cli_number(text, out) || !*out)
        return eg_run_fail(h->run, EG_EUSAGE, "%s: not a length: 64, 0x1000, 4K, 2M", text);
    return 0;
}
