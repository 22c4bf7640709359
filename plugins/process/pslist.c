/* pslist - processes, in the order of the kernel's own task list. */
#include "../linux/linux.h"

EG_FIELDS(task_struct, tasks, pid, tgid, real_parent, real_cred, comm, exit_state, thread_pid);
EG_FIELD_AS(task_started, task_struct, "start_boottime|real_start_time"); // renamed in 5.5
EG_FIELD_AS(cred_uid, cred, "uid.val|uid");
EG_FIELD_AS(cred_gid, cred, "gid.val|gid");
EG_FIELD_AS(cred_euid, cred, "euid.val|euid");
EG_FIELD_AS(cred_egid, cred, "egid.val|egid");
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the task_struct is")                                                    \
    C(PID, INT, "process id: the thread group's")                                                  \
    C(TID, INT, "thread id")                                                                       \
    C(PPID, INT, "process id of the real parent")                                                  \
    C(COMM, TEXT, "name; the task can change it")                                                  \
    C(UID, INT, "real user")                                                                       \
    C(GID, INT, "real group")                                                                      \
    C(EUID, INT, "effective user")                                                                 \
    C(EGID, INT, "effective group")                                                                \
    C(STATE, TEXT, "letter of /proc/PID/stat")                                                     \
    C(CREATION_TIME, TIME, "when it was created; moves with the wall clock")                       \
    C(NSPID, TEXT, "its id in each pid namespace, the outermost first")                            \
    C(EXIT_STATE, TEXT, "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it has not ended")
EG_COLUMNS(COLUMNS);

static struct eg_cell nspid(struct eg_run *r, struct eg_obj task)
{
    int32_t pids[32]; // MAX_PID_NS_LEVEL
    unsigned n = linux_task_pids(r, task, pids, 32);
    const char *text;

    if (!n) { // a null pointer: its struct pid was taken away, the task is gone
        struct eg_obj pid = eg_deref(eg_at(task, task_struct.thread_pid));

        return eg_missing(pid.why && pid.why != EG_NO_MEMBER ? pid.why : EG_UNREADABLE, pid.addr);
    }
    text = eg_strf(r, "%d", pids[0]);
    for (unsigned i = 1; i < n; i++)
        text = eg_strf(r, "%s,%d", text, pids[i]);
    return eg_text(text);
}

static struct eg_cell exit_state(struct eg_obj task)
{
    struct eg_obj state = eg_at(task, task_struct.exit_state);
    uint32_t value;

    if (!eg_load(&value, state))
        return eg_cell_of(state);
    switch (value) {
    case 0:
        return eg_text("TASK_RUNNING");
    case 0x10:
        return eg_text("EXIT_DEAD");
    case 0x20:
        return eg_text("EXIT_ZOMBIE");
    case 0x30:
        return eg_text("EXIT_TRACE");
    }
    return eg_missing(EG_BAD_VALUE, state.addr);
}

static struct eg_cell started(struct eg_obj task, bool has_boot, int64_t boot)
{
    struct eg_obj start = eg_at(task, task_started);
    int64_t ns;

    if (!eg_load(&ns, start))
        return eg_cell_of(start);
    if (!has_boot)
        return eg_missing(EG_NO_SYMBOL, 0);
    if (__builtin_add_overflow(ns, boot, &ns))
        return eg_missing(EG_BAD_VALUE, start.addr);
    return eg_int(ns);
}

static struct eg_cell state_letter(struct eg_run *r, struct eg_obj task)
{
    char letter = linux_task_state(r, task);

    if (letter == '?')
        return eg_missing(EG_UNREADABLE, task.addr);
    return eg_text(eg_strf(r, "%c", letter));
}

static int run(struct eg_run *r)
{
    const bool threads = eg_arg_flag(r, "threads");
    struct eg_obj leader, t;
    int64_t boot = 0;
    bool has_boot = linux_boot_time(r, &boot);

    linux_each_process(r, leader) {
        if (!eg_arg_match(r, "pid", eg_get_or((int64_t)-1, leader, task_struct.pid)))
            continue;
        linux_each_thread(r, leader, t) {
            eg_row(r, .OFFSET = eg_addr(t), .PID = eg_val(t, task_struct.tgid),
                   .TID = eg_val(t, task_struct.pid),
                   .PPID = eg_val(t, task_struct.real_parent, task_struct.tgid),
                   .COMM = eg_val(t, task_struct.comm),
                   .UID = eg_val(t, task_struct.real_cred, cred_uid),
                   .GID = eg_val(t, task_struct.real_cred, cred_gid),
                   .EUID = eg_val(t, task_struct.real_cred, cred_euid),
                   .EGID = eg_val(t, task_struct.real_cred, cred_egid), .STATE = state_letter(r, t),
                   .CREATION_TIME = started(t, has_boot, boot), .NSPID = nspid(r, t),
                   .EXIT_STATE = exit_state(t));
            if (!threads)
                break;
        }
    }
    return 0;
}

EG_PLUGIN(pslist) = {
    .os = "linux",
    .help = "List processes by walking init_task.tasks",
    .manual =
        "Sees what is on the kernel's task list. A task that was taken off that list is missing "
        "here. Ids are those of the initial namespaces.",
    .aliases = EG_NAMES("linux.pslist.PsList", "ps"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(threads, FLAG, "every thread, not only the leaders")),
    .needs = EG_NEEDS(task_struct.tasks, task_struct.pid, task_struct.comm),
    .needs_symbols = EG_NEEDS_SYMBOLS(init_task),
    .run = run,
};
