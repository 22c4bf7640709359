/* hand.c - what read, hexdump, vtop, dump and dt share: an image, a space in it, addresses by name.
 */
#include "hand.h"
#include "../plugins/linux/mm/mm.h"
#include "../plugins/linux/sched/pid.h"
#include "../plugins/linux/sched/task.h"
#include "report.h"
#include "verb.h"
#include <inttypes.h>
#include <stdlib.h>

const struct eg_arg cli_space_args[] = {
    EG_ARG(phys, FLAG, "ADDR is a physical address"),
    EG_ARG(pid, INT, "ADDR is an address of this process"),
    { NULL, EG_ARG_FLAG, NULL },
};

/* The process whose id in the outermost namespace is h->pid, and its memory. */
static int process_space(struct eg_run *r, struct cli_hand *h)
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
                       h->cli->image_words);
}

static int choose_space(struct eg_run *r, struct cli_hand *h)
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
        return eg_run_fail(
            r, EG_ENOTFOUND, "no kernel was found in '%s'%s; `engram %s` says why", h->cli->image,
            cli_declared(h->cli->verb->args, "phys") ? ": only --phys is possible" : "",
            h->cli->image_words);
    if (!pid) {
        h->space = eg_kernel(r);
        return 0;
    }
    if (!eg_number_parse(pid, &v) || v > INT32_MAX)
        return eg_run_fail(r, EG_EUSAGE, "--pid %s: not a process id", pid);
    h->pid = (int64_t)v;
    return process_space(r, h);
}

struct start {
    struct cli_hand *hand;
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

int cli_hand_end(struct cli_hand *h, int code)
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
        status = cli_fail(CLI_FAILED, "%s: %s", h->name, error);
    free(notes);
    if (code == -EG_EUSAGE)
        return CLI_USAGE;
    return status;
}

int cli_by_hand(struct cli *c, int (*body)(struct eg_run *r, void *hand))
{
    struct cli_hand h = { .cli = c, .name = c->verb->name };
    struct start s = { &h, body };
    const struct eg_run_options options = {
        .out_dir = c->out, .replace = c->force, .threads = (unsigned)c->jobs, .quiet = c->quiet
    };
    struct eg_error e;
    int status = cli_open(c, &h.o), notes;

    if (!status && eg_run_open(&h.run, h.o.sys, &options, &e))
        status = cli_fail(CLI_FAILED, "%s", e.text);
    if (!status)
        status = cli_hand_end(&h, eg_run_do(h.run, start, &s));
    if (h.o.sys && (notes = cli_image_notes(c, &h.o, h.table.cli)) && !status)
        status = notes;
    eg_run_close(h.run);
    cli_close(&h.o);
    return status;
}

int cli_hand_table(struct cli_hand *h, const struct eg_column *columns, bool tree)
{
    struct eg_error e;
    const int rc = cli_table_begin(&h->table, h->cli, h->name, columns, tree, &h->o.from, &e);

    return rc ? eg_run_fail(h->run, (enum eg_errno) - rc, "%s", e.text) : 0;
}

static bool find_symbol(void *hand, const char *name, uint64_t *out)
{
    const struct cli_hand *h = hand;

    return h->o.sys->os && eg_lookup(h->run, name, out);
}

static int no_address(struct cli_hand *h, const char *text, const struct eg_error *e)
{
    const bool symbol = !strchr("0123456789", *text);

    if (h->phys && symbol)
        return eg_run_fail(h->run, EG_EUSAGE,
                           "%s: a symbol is no physical address; `engram vtop %s %s` gives it",
                           text, h->cli->image_words, text);
    if (symbol && strstr(e->text, "no symbol"))
        return eg_run_fail(h->run, EG_EUSAGE, "%s; `engram %s kallsyms` lists them", e->text,
                           h->cli->image_words);
    return eg_run_fail(h->run, EG_EUSAGE, "%s", e->text);
}

int cli_address(struct cli_hand *h, const char *text, uint64_t *out)
{
    const struct eg_names names = { find_symbol, h };
    struct eg_error e;

    if (eg_address_parse(text, h->phys ? NULL : &names, out, &e) < 0)
        return no_address(h, text, &e);
    return 0;
}

int cli_range(struct cli_hand *h, struct eg_addresses *out)
{
    const char *text = h->cli->words.at[0], *rest = text;
    const char *len = h->cli->words.n > 1 ? h->cli->words.at[1] : NULL;
    const struct eg_names names = { find_symbol, h };
    struct eg_addresses a = { 0 };
    struct eg_error e;
    uint64_t n;

    if (eg_address_next(&rest, h->phys ? NULL : &names, &a, &e) < 0)
        return no_address(h, text, &e);
    if (*rest || rest == text || (a.range && len))
        return eg_run_fail(h->run, EG_EUSAGE, "%s: one address or one range is wanted here%s", text,
                           len ? ", and a length only behind an address" : "");
    if (len) {
        if (!eg_number_parse(len, &n) || !n)
            return eg_run_fail(h->run, EG_EUSAGE, "%s: not a length: 64, 0x1000, 4K, 2M", len);
        if (!eg_add(a.first, n - 1, &a.last))
            return eg_run_fail(h->run, EG_EUSAGE, "%s + %s: past the last address", text, len);
        a.range = true;
    }
    *out = a;
    return 0;
}
