/* pstree - processes under the process that is to be told when they end. */
#include "../../core/map.h"
#include "../linux/mm/args.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is", EG_MINOR)                                          \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_PPID(C)                                                                           \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(ARGS, TEXT, "with --args: command line, of a kernel thread its name in brackets")
EG_COLUMNS(COLUMNS);

enum { NONE = -1 };

struct node {
    struct eg_obj task;
    int32_t parent, child, last_child, sibling;
    bool done;
};
struct tree {
    struct node *at;
    int32_t n;
    size_t cap;
    bool args; // --args
    struct linux_buffer buf;
};

static struct node *add(struct eg_run *r, struct tree *t)
{
    t->at = eg_grow(r, t->at, (size_t)t->n, &t->cap, sizeof *t->at);
    return &t->at[t->n++];
}

static void collect(struct eg_run *r, struct tree *t)
{
    struct eg_map *index = eg_run_map(r);
    struct eg_obj task;
    uint64_t i;

    linux_each_process(r, task) {
        if (eg_run_map_add(r, index, task.addr, (uint64_t)t->n))
            *add(r, t) = (struct node){ task, NONE, NONE, NONE, NONE, false };
    }
    for (int32_t k = 0; k < t->n; k++) {
        struct node *node = &t->at[k], *above;
        const struct eg_obj parent = linux_parent(r, node->task);

        if (parent.why || !eg_map_get(index, parent.addr, &i) || i == (uint64_t)k)
            continue;
        node->parent = (int32_t)i;
        above = &t->at[i];
        if (above->child == NONE)
            above->child = k;
        else
            t->at[above->last_child].sibling = k;
        above->last_child = k;
    }
}

static void emit(struct eg_run *r, struct tree *t, struct eg_obj task, unsigned depth)
{
    eg_row_tree(r, depth, .OFFSET = eg_addr(task), .PID = linux_pid(task), .TID = linux_tid(task),
                .PPID = linux_ppid(task), .COMM = linux_comm(task),
                .ARGS = t->args ? linux_shown_args(r, task, &t->buf) : eg_text(NULL));
}

/* A subtree, each node once: so a ring of parents ends where it began. */
static void draw(struct eg_run *r, struct tree *t, int32_t top)
{
    unsigned depth = 0;

    for (int32_t at = top; at != NONE;) {
        struct node *node = &t->at[at];

        if (!node->done) {
            emit(r, t, node->task, depth);
            node->done = true;
            if (node->child != NONE) {
                at = node->child;
                depth++;
                continue;
            }
        }
        while (at != top && t->at[at].sibling == NONE) {
            at = t->at[at].parent;
            depth--;
        }
        at = at == top ? NONE : t->at[at].sibling;
    }
}

static int run(struct eg_run *r)
{
    struct tree t = { .args = eg_arg_flag(r, "args") };

    collect(r, &t);
    if (eg_arg_limits(r, "pid")) {
        for (int32_t i = 0; i < t.n; i++)
            if (!t.at[i].done && linux_pid_asked(r, t.at[i].task))
                draw(r, &t, i);
        return 0;
    }
    for (int32_t i = 0; i < t.n; i++)
        if (t.at[i].parent == NONE)
            draw(r, &t, i);
    for (int32_t i = 0; i < t.n; i++) {
        if (t.at[i].done)
            continue;
        eg_note(r, "the parents of process %d go in a ring",
                eg_get_or(-1, t.at[i].task, task_struct.pid));
        draw(r, &t, i);
    }
    return 0;
}

EG_PLUGIN(pstree) = {
    .os = "linux",
    .help = "Show processes as a tree by their real parents",
    .manual = "A process whose parent is not on the task list stands at the root. A debugger is no "
              "parent here.",
    .aliases = EG_NAMES("linux.pstree.PsTree"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only what is under these processes, and they themselves"),
                    EG_ARG(args, FLAG, "with command lines")),
    .needs = EG_NEEDS(task_struct.real_parent, task_struct.group_leader),
    .uses = EG_NAMES("tasks"),
    .tree = true,
    .run = run,
    .key = EG_NAMES("PID", "TID", "OFFSET"),
};
