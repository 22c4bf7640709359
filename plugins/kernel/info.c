/* info - what the image is, in rows. */
#include "../../core/system.h"
#include "../../core/table.h"
#include "../linux/kernel/module.h"
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/task.h"
#include "../linux/sched/uts.h"

EG_SYMBOL(saved_command_line, "char *");

#define COLUMNS(C)                                                                                 \
    C(KEY, TEXT, "what")                                                                           \
    C(VALUE, TEXT, "its value")
EG_COLUMNS(COLUMNS);

static void text(struct eg_run *r, const char *key, const char *value)
{
    eg_row(r, .KEY = eg_text(key),
           .VALUE = value && *value ? eg_text(value) : eg_missing(EG_ABSENT, 0));
}

static void object(struct eg_run *r, const char *key, struct eg_obj o)
{
    const char *s = eg_string(r, o, 4096);

    eg_row(r, .KEY = eg_text(key), .VALUE = s ? eg_text(s) : eg_cell_of(o));
}

static void count(struct eg_run *r, const char *key, uint64_t n)
{
    text(r, key, eg_strf(r, "%llu", (unsigned long long)n));
}

static void address(struct eg_run *r, const char *key, bool known, uint64_t value)
{
    text(r, key, known ? eg_strf(r, "%#llx", (unsigned long long)value) : NULL);
}

static void moment(struct eg_run *r, const char *key, bool known, int64_t ns)
{
    char out[40];

    if (known)
        text(r, key, eg_strf(r, "%s", eg_time_text(NULL, ns, out)));
    else
        eg_row(r, .KEY = eg_text(key), .VALUE = eg_missing(EG_NO_SYMBOL, 0));
}

static void counts(struct eg_run *r)
{
    uint64_t processes = 0, threads = 0, modules = 0;
    const unsigned cpus = linux_cpus_online(r);
    struct eg_obj o, t;
    uint64_t at;

    if (!eg_has(r, task_struct.tasks) || !eg_lookup(r, "init_task", &at)) {
        text(r, "processes", NULL);
    } else {
        linux_each_process(r, o) {
            processes++;
            linux_each_thread(r, o, t)
                threads++;
        }
        count(r, "processes", processes);
        count(r, "threads", threads);
    }
    if (eg_has(r, module.list)) {
        linux_each_module(r, o)
            modules++;
        count(r, "modules", modules);
    }
    if (cpus)
        count(r, "online CPUs", cpus);
    else // it ran on one at least
        eg_row(r, .KEY = eg_text("online CPUs"), .VALUE = eg_missing(EG_UNREADABLE, 0));
}

static int run(struct eg_run *r)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct eg_candidate *c = sys->chosen;
    struct eg_obj uts = eg_sym(r, init_uts_ns);
    int64_t boot = 0, now = 0, up = 0;
    bool has_boot, has_now;

    text(r, "format", sys->image->format);
    count(r, "memory bytes in the image", eg_mapped_bytes(eg_view_of(r), eg_physical(r)));
    text(r, "architecture", sys->arch->name);
    text(r, "kernel", c->release);
    object(r, "version", eg_at(uts, uts_version));
    object(r, "host name", eg_at(uts, uts_nodename));
    object(r, "command line", eg_sym(r, saved_command_line));
    text(r, "build id", c->build_id);
    text(r, "found by", c->trace);
    address(r, "page table", true, c->paging.root);
    count(r, "page table levels", c->paging.levels);
    address(r, "KASLR shift", c->has_kaslr, c->kaslr);
    address(r, "virtual minus physical", true, c->kernel_pa_delta);
    has_boot = linux_boot_time(r, &boot);
    has_now = linux_now(r, &now, &up);
    moment(r, "boot time", has_boot, boot);
    moment(r, "capture time", has_now, now);
    text(r, "uptime",
         has_now && up >= 0 ? eg_strf(r, "%lld.%02lld s", (long long)up / 1000000000,
                                      (long long)up % 1000000000 / 10000000)
                            : NULL);
    counts(r);
    return 0;
}

EG_PLUGIN(info) = {
    .os = "linux",
    .help = "Tell what the image is: kernel, times, counts",
    .aliases = EG_NAMES("sys"),
    .columns = columns,
    .run = run,
    .key = EG_NAMES("KEY"),
};
