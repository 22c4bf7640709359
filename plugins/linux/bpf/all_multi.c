/* all_multi.c - links that probe many functions or many places of a program, by the probes
 * themselves: the kernel calls those, whatever the table of links has (kernel/trace/bpf_trace.c,
 * kernel/trace/fprobe.c, kernel/events/uprobes.c). */
#include "../kernel/ftrace.h"
#include "../own/probes.h"
#include "all.h"
#include <string.h>

EG_FIELD_AS(multi_fprobe, bpf_kprobe_multi_link, "fp");
EG_FIELD_AS(multi_link, bpf_kprobe_multi_link, "link");
EG_FIELD_AS(place_consumer, bpf_uprobe, "consumer");
EG_FIELD_AS(place_link, bpf_uprobe, "link");
EG_FIELD_AS(users_link, bpf_uprobe_multi_link, "link");

enum { PROBES_MAX = 1 << 16 };

static bool handled_by(struct linux_bpf *b, struct eg_obj handler, const char *begins)
{
    uint64_t at = 0;
    const char *symbol = eg_load(&at, handler) ? linux_bpf_symbol(b->r, at) : NULL;

    return symbol && !strncmp(symbol, begins, strlen(begins));
}

static void add(struct linux_bpf *b, struct eg_obj link)
{
    if (!link.why && linux_bpf_is_link(b->r, link.addr))
        linux_bpf_add(b, &b->links, link.addr, LINUX_BPF_ATTACHED);
}

static void function_probe(struct linux_bpf *b, struct eg_obj fp)
{
    if (handled_by(b, eg_at(fp, fprobe.entry_handler), "kprobe_multi_link_") ||
        handled_by(b, eg_at(fp, fprobe.exit_handler), "kprobe_multi_link_"))
        add(b, eg_at(eg_container(fp, multi_fprobe), multi_link));
}

static void function_probes(struct linux_bpf *b)
{
    struct eg_obj table = eg_sym(b->r, fprobe_table), o;
    struct linux_ftrace f = { .n_ops = 0 };
    unsigned n = 0;

    if (!eg_has(b->r, multi_fprobe))
        return;
    for (uint64_t i = 0; eg_has_symbol(b->r, fprobe_table) && i < eg_count(table); i++)
        eg_each_hlist(o, eg_index(table, i), fprobe_hlist.hlist)
            if (n++ < PROBES_MAX)
                function_probe(b, eg_deref(eg_at(o, fprobe_hlist.fp)));
    if (!eg_has(b->r, fprobe_of))
        return;
    linux_ftrace(b->r, &f);
    for (size_t i = 0; i < f.n_ops; i++)
        if (handled_by(b, eg_at(f.ops[i].at, ftrace_ops.func), "fprobe_"))
            function_probe(b, eg_container(f.ops[i].at, fprobe_of));
}

static void consumer(struct linux_bpf *b, struct eg_obj one)
{
    if (handled_by(b, eg_at(one, uprobe_consumer.handler), "uprobe_multi_link_") ||
        handled_by(b, eg_at(one, uprobe_consumer.ret_handler), "uprobe_multi_link_"))
        add(b, eg_at(eg_deref(eg_at(eg_container(one, place_consumer), place_link)), users_link));
}

static void program_probes(struct linux_bpf *b)
{
    struct eg_obj probe, one;
    unsigned n = 0;

    if (!eg_has(b->r, place_consumer) || !eg_has_symbol(b->r, uprobes_tree))
        return;
    eg_each_rb(probe, eg_sym(b->r, uprobes_tree), uprobe.rb_node) {
        struct eg_obj all = eg_at(probe, uprobe.consumers);

        if (n++ > PROBES_MAX || eg_stopped(b->r))
            return;
        if (all.kind == EG_K_STRUCT) { // a list since 6.12, a chain before
            eg_each_list(one, all, uprobe_consumer.cons_node)
                consumer(b, one);
            continue;
        }
        for (one = eg_deref(all); !one.why && n++ < PROBES_MAX;
             one = eg_deref(eg_at(one, uprobe_consumer.next)))
            consumer(b, one);
    }
}

void linux_bpf_multi(struct linux_bpf *b)
{
    function_probes(b);
    program_probes(b);
}
