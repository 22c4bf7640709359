/* uprobes - probes in programs and libraries, and what they call in the kernel. */
#include "../../core/map.h"
#include "../linux/fs/inodes.h"
#include "../linux/kernel/hook.h"
#include "../linux/net/bpfprog.h"
#include "../linux/own/probes.h"
#include "../linux/own/traceevent.h"
#include <inttypes.h>

EG_FIELD_AS(event_consumer, trace_uprobe, "consumer"); // kernel/trace/trace_uprobe.c
EG_FIELD_AS(event_probe, trace_uprobe, "tp");
EG_FIELD_AS(multi_consumer, bpf_uprobe, "consumer"); // kernel/trace/bpf_trace.c, since 6.6
EG_FIELD_AS(multi_link, bpf_uprobe, "link");
EG_FIELD_AS(multi_program, bpf_uprobe_multi_link, "link.prog");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct uprobe is", EG_MINOR)                                        \
    C(KIND, TEXT, "\"uprobe\"; \"uretprobe\": when the function returns")                          \
    C(PATH, TEXT, "the program or library")                                                        \
    C(FILE_OFFSET, INT, "where in it")                                                             \
    C(FUNCTION, ADDR, "what is called", EG_MINOR)                                                  \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is")                                                            \
    C(DETAIL, TEXT, "event of tracefs or perf, BPF program")                                       \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

static const char *detail(struct eg_run *r, struct eg_obj consumer, const struct linux_hook *h)
{
    struct linux_bpfprog program;
    uint64_t at;

    if (linux_hook_is(h, "uprobe_dispatcher") || linux_hook_is(h, "uretprobe_dispatcher"))
        return linux_trace_probe(r, eg_at(eg_container(consumer, event_consumer), event_probe));
    if ((linux_hook_is(h, "uprobe_multi_link_handler") ||
         linux_hook_is(h, "uprobe_multi_link_ret_handler")) &&
        eg_get(&at, eg_container(consumer, multi_consumer), multi_link, multi_program)) {
        linux_bpfprog(r, at, &program);
        return program.text;
    }
    return NULL;
}

static void show_one(struct eg_run *r, struct eg_obj probe, const char *path, const char *kind,
                     struct eg_obj consumer, struct eg_obj function)
{
    struct linux_hook h;

    if (!linux_hook(r, function, &h))
        return;
    eg_row(r, .OFFSET = eg_addr(probe), .KIND = eg_text(kind), .PATH = eg_text(path),
           .FILE_OFFSET = eg_val(probe, uprobe.offset), .FUNCTION = eg_uint(h.at),
           .SYMBOL = eg_text(h.code.symbol), .MODULE = eg_text(h.code.module),
           .DETAIL = eg_text(detail(r, consumer, &h)), .HINTS = eg_text(h.code.hint));
}

static void show(struct eg_run *r, struct eg_obj probe, const char *path, struct eg_obj consumer)
{
    show_one(r, probe, path, "uprobe", consumer, eg_at(consumer, uprobe_consumer.handler));
    show_one(r, probe, path, "uretprobe", consumer, eg_at(consumer, uprobe_consumer.ret_handler));
}

/* A list since 6.12, a chain before. */
static void consumers(struct eg_run *r, struct eg_map *met, struct eg_obj probe, const char *path)
{
    struct eg_obj all = eg_at(probe, uprobe.consumers), one;

    if (all.kind == EG_K_STRUCT) {
        eg_each_list(one, all, uprobe_consumer.cons_node)
            show(r, probe, path, one);
        return;
    }
    // Each is of one probe: a chain that leads back, or into another's, ends there.
    for (one = eg_deref(all); !one.why && eg_run_map_add(r, met, one.addr, 0);) {
        show(r, probe, path, one);
        one = eg_deref(eg_at(one, uprobe_consumer.next));
    }
    if (one.why != EG_NULL)
        eg_note(r, "uprobe at %#" PRIx64 ": not all that it calls can be read", probe.addr);
}

static int run(struct eg_run *r)
{
    struct eg_map *met = eg_run_map(r);
    struct eg_obj probe;

    eg_each_rb(probe, eg_sym(r, uprobes_tree), uprobe.rb_node) {
        const char *path = NULL, *name;

        linux_each_name(r, eg_deref(eg_at(probe, uprobe.inode)), name)
        {
            path = name;
            break;
        }
        consumers(r, met, probe, path);
    }
    return 0;
}

EG_PLUGIN(uprobes) = {
    .os = "linux",
    .help = "List probes in programs and libraries, and whose code they call",
    .manual = "One row for each function of the kernel or of a module that is called where a "
              "program comes to a place of its file: those of perf, tracefs and BPF have an event "
              "or program in DETAIL. HINTS has something where that is code of no module that is "
              "listed, begins inside a function or is of a module that did not come with the "
              "kernel. It cannot see breakpoints that a debugger or the program itself wrote: "
              "apihooks and malfind show changed code.",
    .aliases = EG_NAMES("linux.uprobes.Uprobes"),
    .columns = columns,
    .needs = EG_NEEDS(uprobe.inode, uprobe.offset, uprobe_consumer.handler),
    .needs_symbols = EG_NEEDS_SYMBOLS(uprobes_tree),
    .run = run,
};
