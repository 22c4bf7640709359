/* bpflinks - where BPF programs are attached, with links and without, and who keeps them there. */
#include "../../core/map.h"
#include "../linux/bpf/all.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include <string.h>

EG_TYPE(bpf_link);
EG_TYPE(bpf_prog);

#define COLUMNS(C)                                                                                 \
    C(LINK_ID, INT, "number of the link; none: the program is attached without one")               \
    C(LINK_KIND, TEXT, "the kernel's word for the link: \"tracing\", \"cgroup\"", EG_MINOR)        \
    C(KIND, TEXT, "what calls the program: \"fentry\", \"kprobe\", \"cgroup\", \"tc\"")            \
    C(ATTACHED_TO, TEXT, "function, event, control group, interface, map that it is attached to")  \
    C(BPF_ID, INT, "number of the program")                                                        \
    C(BPF_NAME, TEXT, "its name")                                                                  \
    C(PID, INT, "process id of who holds the link")                                                \
    C(COMM, TEXT, "name; the task can change it")                                                  \
    C(KEPT_BY, TEXT, "open files that keep it: process, name, number", EG_MINOR)                   \
    C(PINNED, TEXT, "its paths in bpffs")                                                          \
    C(FOUND_BY, TEXT, "what leads to the link", EG_MINOR)                                          \
    C(OFFSET, ADDR, "address of the bpf_link, or of what has the program", EG_MINOR)               \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

struct walk {
    struct eg_run *r;
    struct linux_bpf *b;
};

/* A link gets its number and its place in the table before a process gets its file. One that ends
 * has no users any more. */
static const char *link_hints(const struct walk *w, uint64_t at, bool kept)
{
    const struct linux_bpf_object *o = linux_bpf_find(&w->b->links, at);
    struct eg_obj link = eg_object(w->r, bpf_link, at);
    uint64_t users = 0;
    uint32_t id = 0;
    const char *hints = NULL;

    eg_get(&users, link, bpf_link_refcnt);
    eg_get(&id, link, bpf_link_id);
    if (!o || !users)
        return NULL;
    if (w->b->links.table && !(o->from & LINUX_BPF_TABLE) &&
        (id || o->from & (LINUX_BPF_FILE | LINUX_BPF_PINNED)))
        hints = "not in the table of links";
    if (id && !kept)
        hints = linux_hints(w->r, hints, "no process and no path holds the link");
    return hints;
}

static const char *prog_hints(const struct walk *w, uint64_t prog)
{
    const struct linux_bpf_object *o = linux_bpf_find(&w->b->progs, prog);
    struct eg_obj aux = eg_at(eg_object(w->r, bpf_prog, prog), bpf_prog_aux_at);
    uint64_t users = 0;
    uint32_t id = 0;

    eg_get(&users, aux, bpf_aux_refcnt);
    eg_get(&id, aux, bpf_aux_id);
    return o && users && id && w->b->progs.table && !(o->from & LINUX_BPF_TABLE)
               ? "the program is not in the table of programs"
               : NULL;
}

/* Sockets and maps hold programs themselves. Those that tell a container its devices are left
 * behind by who starts it. */
static bool unkept(const struct linux_bpf_attach *a)
{
    static const char *const kinds = "xdp tcx tc action netkit cgroup flow_dissector sk_lookup "
                                     "kprobe kretprobe uprobe tracepoint perf_event";

    return strstr(kinds, a->kind) && (!a->where || strncmp(a->where, "cgroup_device ", 14) != 0);
}

static void row(const struct walk *w, const struct linux_bpf_attach *a)
{
    struct eg_run *r = w->r;
    struct eg_obj link = eg_object(r, bpf_link, a->link), prog = eg_object(r, bpf_prog, a->prog);
    const uint64_t held = a->link ? a->link : a->prog;
    struct eg_obj task, none;
    const char *kept = linux_bpf_keepers(w->b, held, false, &task);
    const char *pinned = linux_bpf_keepers(w->b, held, true, &none);
    const char *dangerous = linux_bpf_dangerous(a->function), *hints = NULL;
    const struct linux_bpf_object *o = a->link ? linux_bpf_find(&w->b->links, a->link) : NULL;
    uint64_t type = 0;

    if (!linux_bpf_kept_by_asked(w->b, held))
        return;
    if (a->link) {
        eg_get(&type, link, bpf_link_type_at);
        hints = link_hints(w, a->link, kept || pinned);
    }
    if (a->prog)
        hints = linux_hints(r, hints, prog_hints(w, a->prog));
    hints = linux_hints(r, hints, a->hint);
    if (linux_bpf_odd_path(pinned))
        hints = linux_hints(r, hints, "pinned under an odd name");
    if (dangerous)
        hints = linux_hints(r, hints, eg_strf(r, "attached to %s", dangerous));
    if (!a->link && !kept && !pinned && unkept(a))
        hints = linux_hints(r, hints, "no link, process or path holds the program");
    eg_row(r, .LINK_ID = a->link ? eg_val(link, bpf_link_id) : (struct eg_cell){ 0 },
           .LINK_KIND = a->link
                            ? eg_text(linux_bpf_enum(r, "bpf_link_type", "BPF_LINK_TYPE_", type))
                            : (struct eg_cell){ 0 },
           .KIND = eg_text(a->kind), .ATTACHED_TO = eg_text(a->where),
           .BPF_ID = a->prog ? eg_val(prog, bpf_prog_aux_at, bpf_aux_id) : (struct eg_cell){ 0 },
           .BPF_NAME = a->prog ? eg_text(linux_bpf_prog_name(r, prog)) : (struct eg_cell){ 0 },
           .PID = task.why ? (struct eg_cell){ 0 } : linux_pid(task),
           .COMM = task.why ? (struct eg_cell){ 0 } : linux_comm(task), .KEPT_BY = eg_text(kept),
           .PINNED = eg_text(pinned),
           .FOUND_BY = o ? eg_text(eg_bits_text(r, linux_bpf_from_names, o->from, ","))
                         : (struct eg_cell){ 0 },
           .OFFSET = eg_uint(a->link ? a->link : a->at), .HINTS = eg_text(hints));
}

/** Filters of sockets that were classic have no number. */
static bool classic(const struct walk *w, const struct linux_bpf_attach *a)
{
    const struct linux_bpf_object *o = linux_bpf_find(&w->b->progs, a->prog);

    return !a->link && o && !(o->from & (LINUX_BPF_TABLE | LINUX_BPF_SYMBOL | LINUX_BPF_FILE)) &&
           !eg_get_or(UINT32_C(0), eg_object(w->r, bpf_prog, a->prog), bpf_prog_aux_at, bpf_aux_id);
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .b = linux_bpf(r) };
    struct eg_map *shown = eg_run_map(r);

    for (size_t i = 0; i < w.b->n_attaches && !eg_stopped(r); i++) {
        const struct linux_bpf_attach *a = &w.b->attaches[i];

        if (a->link)
            eg_run_map_add(r, shown, a->link, 1);
        if (!classic(&w, a))
            row(&w, a);
    }
    // Links that hold no program, or hold it nowhere: a link outlives what it was attached to.
    for (size_t i = 0; i < w.b->links.n && !eg_stopped(r); i++) {
        const uint64_t at = w.b->links.at[i].at;
        struct linux_bpf_attach a = { .link = at, .at = at, .kind = "nothing" };

        if (!eg_run_map_add(r, shown, at, 1))
            continue;
        eg_get(&a.prog, eg_object(r, bpf_link, at), bpf_link_prog);
        row(&w, &a);
    }
    return 0;
}

EG_PLUGIN(bpflinks) = {
    .os = "linux",
    .help = "List where BPF programs are attached, and who keeps them there",
    .manual =
        "Links of the kernel's table, and every place that calls a program, looked at by itself: "
        "trampolines, tracepoints, events of perf, kprobes and uprobes, single ones and those of "
        "many functions, control groups, interfaces, actions of traffic control, network "
        "namespaces, sockets, maps, and tables of functions (struct_ops). A program that a place "
        "has and no link holds is one row without LINK_ID: tc, control groups and sockets take "
        "programs so too.\n"
        "HINTS says which links and programs the kernel's tables lack, which links and programs "
        "nothing that is known holds any more, which programs work in a control group though no "
        "group has them in its list, or do not though one has, and which functions listings of "
        "files, processes, connections and programs, signals, and decisions of security modules "
        "pass through. Who starts containers leaves their cgroup_device programs behind: that is "
        "no hint.\n"
        "What cannot be seen: iterators and netfilter links when their link was taken out and its "
        "file closed (netfilter shows the hook itself), and light-weight tunnels.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only links that these processes hold")),
    .needs = EG_NEEDS(bpf_prog_aux_at, bpf_aux_prog),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
    .key = EG_NAMES("LINK_ID", "KIND", "ATTACHED_TO", "BPF_ID"),
};
