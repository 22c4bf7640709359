/* signals - what processes do with signals: handlers, masks, what is pending. */
#include "../linux/mm/mm.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/signal.h"
#include "../linux/sched/task.h"

EG_FIELD_AS(task_blocked, task_struct, "blocked");
EG_FIELD_AS(task_pending, task_struct, "pending");
EG_FIELD_AS(task_sighand, task_struct, "sighand");
EG_FIELD_AS(task_stack_at, task_struct, "sas_ss_sp");
EG_FIELD_AS(task_stack_size, task_struct, "sas_ss_size");
EG_FIELDS(sighand_struct, action);
// Macros of libc.
EG_FIELD_AS(action_handler, k_sigaction, "sa.sa_handler");
EG_FIELD_AS(action_flags, k_sigaction, "sa.sa_flags");
EG_FIELD_AS(action_mask, k_sigaction, "sa.sa_mask");

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(PENDING, TEXT, "signals that wait for this thread")                                          \
    C(SHARED_PENDING, TEXT, "signals that wait for any thread of the process")                     \
    C(QUEUED, TEXT, "what is known of those that wait: sender, cause, value", EG_LIST)             \
    C(BLOCKED, TEXT, "signals that this thread holds back")                                        \
    C(IGNORED, TEXT, "signals that the process ignores", EG_LIST)                                  \
    C(CAUGHT, TEXT, "signals that have a handler", EG_LIST)                                        \
    C(HANDLERS, TEXT, "of each: address, flags, signals held back meanwhile, where it is",         \
      EG_LIST)                                                                                     \
    C(ALTSTACK, ADDR, "stack for handlers", EG_MINOR)                                              \
    C(ALTSTACK_SIZE, INT, "bytes of it", EG_MINOR)
EG_COLUMNS(COLUMNS);

enum { SIGNALS = 64, QUEUE_MAX = 4096, SHOWN_MAX = 64 };

/* include/uapi/asm-generic/signal-defs.h */
static const struct eg_constant action_flags[] = {
    { "SA_NOCLDSTOP", 0x1 },
    { "SA_NOCLDWAIT", 0x2 },
    { "SA_SIGINFO", 0x4 },
    { "SA_UNSUPPORTED", 0x400 },
    { "SA_EXPOSE_TAGBITS", 0x800 },
    { "SA_IMMUTABLE", 0x00800000 }, // include/linux/signal_types.h, 5.16: of the kernel's own
    { "SA_RESTORER", 0x04000000 },
    { "SA_ONSTACK", 0x08000000 },
    { "SA_RESTART", 0x10000000 },
    { "SA_NODEFER", 0x40000000 },
    { "SA_RESETHAND", 0x80000000 },
    { NULL, 0 },
};

/* siginfo.si_code, of those causes that any signal may have (include/uapi/asm-generic/siginfo.h) */
static const struct eg_constant codes[] = {
    { "kill", 0 },
    { "kernel", 0x80 },
    { "sigqueue", (uint64_t)-1 },
    { "timer", (uint64_t)-2 },
    { "message queue", (uint64_t)-3 },
    { "asynchronous I/O", (uint64_t)-4 },
    { "SIGIO", (uint64_t)-5 },
    { "tgkill", (uint64_t)-6 },
    { "DETHREAD", (uint64_t)-7 },
    { NULL, 0 },
};

/** Append what is on a queue to @text. */
static const char *add_queue(struct eg_run *r, struct eg_obj pending, const char *text,
                             const char *whose)
{
    struct eg_obj q;
    unsigned n = 0;

    eg_each_list(q, eg_at(pending, sigpending.list), sigqueue_list) {
        int32_t number, code, pid = 0;
        const char *name, *cause;

        if (++n > QUEUE_MAX)
            break;
        if (n > SHOWN_MAX)
            continue; // counted, and told below
        if (!eg_get(&number, q, sigqueue_signo) || !eg_get(&code, q, sigqueue_code)) {
            text = eg_strf(r, "%s%s%s: cannot be read", text, *text ? "; " : "", whose);
            continue;
        }
        name = linux_signal_name(r, (uint32_t)number);
        cause = eg_constant_name(codes, (uint64_t)(int64_t)code);
        text = eg_strf(r, "%s%s%s%s by %s", text, *text ? "; " : "", name, whose,
                       cause ? cause : eg_strf(r, "code %d", code));
        // What else it has depends on the cause; these have a sender, and sigqueue a value.
        if ((code == 0 || code == -1 || code == -6) && eg_get(&pid, q, sigqueue_pid))
            text = eg_strf(r, "%s of %d, user %d", text, pid, eg_get_or(-1, q, sigqueue_uid));
        if (code == -1)
            text = eg_strf(r, "%s, value %#llx", text,
                           (unsigned long long)eg_get_or((uint64_t)0, q, sigqueue_value));
    }
    if (n > SHOWN_MAX)
        text = eg_strf(r, "%s; %s%u more", text, n > QUEUE_MAX ? "at least " : "", n - SHOWN_MAX);
    return text;
}

/** The name of the mapping that @at is in, with an offset. */
static const char *place(struct eg_run *r, struct eg_obj mm, uint64_t at)
{
    struct eg_obj vma;
    uint64_t start, end;

    linux_each_vma(r, mm, vma) {
        struct eg_cell name;

        if (!eg_get(&start, vma, vm_area_struct.vm_start) ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || at < start || at >= end)
            continue;
        name = linux_vma_name(r, mm, vma);
        if (name.tag != EG_CELL_TEXT || !name.bytes.len)
            return eg_strf(r, "anonymous+%#llx", (unsigned long long)(at - start));
        return eg_strf(r, "%.*s+%#llx", (int)name.bytes.len, (const char *)name.bytes.p,
                       (unsigned long long)(at - start +
                                            (eg_get_or((uint64_t)0, vma, vm_area_struct.vm_pgoff)
                                             << linux_page_shift(r))));
    }
    return "not mapped";
}

struct actions {
    uint64_t ignored, caught;
    const char *handlers;
    bool known;
};

static struct actions actions_of(struct eg_run *r, struct eg_obj task)
{
    struct actions a = { .handlers = "" };
    struct eg_obj all = eg_at(task, task_sighand, sighand_struct.action);

    a.known = !all.why;
    for (unsigned i = 0; i < SIGNALS && a.known; i++) {
        struct eg_obj action = eg_index(all, i);
        uint64_t handler, flags = 0, mask = 0;

        if (!eg_get(&handler, action, action_handler)) {
            a.known = false;
        } else if (handler == 1) { // SIG_IGN
            a.ignored |= UINT64_C(1) << i;
        } else if (handler > 1) {
            a.caught |= UINT64_C(1) << i;
            if (linux_task_is_kthread(r, task))
                continue; // SIG_KTHREAD and the like: no address
            flags = eg_get_or((uint64_t)0, action, action_flags);
            linux_sigset(eg_at(action, action_mask), &mask);
            a.handlers =
                eg_strf(r, "%s%s%s %#llx%s%s%s%s %s", a.handlers, *a.handlers ? "; " : "",
                        linux_signal_name(r, i + 1), (unsigned long long)handler, flags ? " " : "",
                        flags ? eg_bits_text(r, action_flags, (uint32_t)flags, "|") : "",
                        mask ? " blocks " : "", mask ? linux_sigset_text(r, mask) : "",
                        place(r, eg_at(task, task_struct.mm), handler));
        }
    }
    return a;
}

static struct eg_cell set_cell(struct eg_run *r, struct eg_obj set)
{
    uint64_t bits;

    if (set.why)
        return eg_cell_of(set);
    return linux_sigset(set, &bits) ? eg_text(linux_sigset_text(r, bits))
                                    : eg_missing(EG_UNREADABLE, set.addr);
}

static void show(struct eg_run *r, struct eg_obj task, const struct actions *a)
{
    struct eg_obj pending = eg_at(task, task_pending);
    struct eg_obj shared = eg_at(task, task_struct.signal, signal_struct.shared_pending);
    struct eg_obj blocked = eg_at(task, task_blocked);
    struct eg_cell no = eg_missing(EG_NULL, 0);
    uint64_t own = 0, all = 0, stack = 0;
    const char *queued = "";

    linux_sigset(eg_at(pending, sigpending.signal), &own);
    linux_sigset(eg_at(shared, sigpending.signal), &all);
    if (own) // its queue is looked at only then: most are empty
        queued = add_queue(r, pending, queued, "");
    if (all)
        queued = add_queue(r, shared, queued, " shared");
    eg_get(&stack, task, task_stack_size);
    eg_row(r, .PID = linux_pid(task), .TID = linux_tid(task), .COMM = linux_comm(task),
           .PENDING = set_cell(r, eg_at(pending, sigpending.signal)),
           .SHARED_PENDING = set_cell(r, eg_at(shared, sigpending.signal)),
           .QUEUED = eg_text(queued), .BLOCKED = set_cell(r, blocked),
           .IGNORED = a->known ? eg_text(linux_sigset_text(r, a->ignored)) : no,
           .CAUGHT = a->known ? eg_text(linux_sigset_text(r, a->caught)) : no,
           .HANDLERS = a->known ? eg_text(a->handlers) : no,
           .ALTSTACK = stack ? eg_val(task, task_stack_at) : (struct eg_cell){ 0 },
           .ALTSTACK_SIZE = stack ? eg_val(task, task_stack_size) : (struct eg_cell){ 0 });
}

static int run(struct eg_run *r)
{
    const bool threads = eg_arg_flag(r, "threads"), all = eg_arg_flag(r, "all");
    struct eg_obj task, thread;

    linux_each_process(r, task) {
        struct actions a;

        if (!linux_pid_asked(r, task) || (!all && linux_task_is_kthread(r, task)))
            continue;
        a = actions_of(r, task);
        if (!threads) {
            show(r, task, &a);
            continue;
        }
        linux_each_thread(r, task, thread)
            show(r, thread, &a);
    }
    return 0;
}

EG_PLUGIN(signals) = {
    .os = "linux",
    .help = "List what processes do with signals: handlers, masks, pending ones and their senders",
    .manual = "As /proc/PID/status has it (SigPnd, ShdPnd, SigBlk, SigIgn, SigCgt). Handlers and "
              "what is ignored are of the whole process; what is pending and blocked is of the "
              "first thread, or with --threads of each. Real-time signals are counted as the C "
              "library does: SIGRTMIN is 34. A handler outside of any mapped program is worth a "
              "look: \"anonymous\", \"not mapped\". Kernel threads are left out unless --all.",
    .aliases = EG_NAMES("sig"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(threads, FLAG, "a row for every thread"),
                    EG_ARG(all, FLAG, "kernel threads too")),
    .needs = EG_NEEDS(task_blocked, task_pending, task_sighand, sighand_struct.action),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
    .key = EG_NAMES("PID", "TID"),
    .moves = EG_NAMES("PENDING", "SHARED_PENDING", "QUEUED", "BLOCKED"),
};
