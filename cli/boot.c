/* boot.c - which boot of which machine an image shows. The clock is no proof, for it is set; the
 * moment at which process 1 was made, in ns, is. */
#include "boot.h"
#include "../core/run.h"
#include "../plugins/linux/kernel/time.h"
#include "../plugins/linux/sched/task.h"
#include <inttypes.h>

static int read_boot(struct eg_run *r, void *boot)
{
    struct cli_boot *b = boot;
    int64_t up;
    uint64_t at;

    if (eg_lookup(r, "linux_banner", &at))
        eg_read_some(&r->view, eg_kernel(r), at, b->banner, sizeof b->banner - 1, NULL);
    b->banner[strcspn(b->banner, "\n")] = 0;
    if (!eg_lookup(r, "_stext", &b->text))
        b->text = 0;
    if (!linux_task_started(linux_init(r), &b->started))
        b->started = 0;
    if (!linux_boot_time(r, &b->clock))
        b->clock = 0;
    if (!linux_now(r, &b->now, &up))
        b->now = 0;
    return 0;
}

void cli_boot_of(struct cli_boot *b, struct eg_system *sys)
{
    const struct eg_run_options o = { .threads = 1, .quiet = true };
    struct eg_error e;
    struct eg_run *r;

    *b = (struct cli_boot){ 0 };
    if (!sys->os || eg_run_open(&r, sys, &o, &e))
        return;
    eg_run_do(r, read_boot, b);
    eg_run_close(r);
}

bool cli_boot_same(const struct cli_boot *a, const struct cli_boot *b)
{
    return (!*a->banner || !*b->banner || !strcmp(a->banner, b->banner)) &&
           (!a->text || !b->text || a->text == b->text) &&
           (!a->started || !b->started || a->started == b->started);
}

static const char *since(const struct cli_boot *b, char *out)
{
    return b->clock ? eg_time_text(NULL, b->clock, out) : "an unknown time";
}

const char *cli_boot_text(struct eg_arena *a, const struct cli_boot *before,
                          const struct cli_boot *after)
{
    char was[40], is[40];

    if (strcmp(before->banner, after->banner) != 0)
        return eg_arena_strf(a,
                             "another kernel, since %s: '%.100s'; before that since %s: '%.100s'",
                             since(after, is), after->banner, since(before, was), before->banner);
    return eg_arena_strf(a, "rebooted: it runs since %s, before that since %s", since(after, is),
                         since(before, was));
}
