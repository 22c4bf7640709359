/* creds - credentials that processes share, or that were changed in place. */
#include "../linux/fs/file.h"
#include "../linux/fs/inode.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/slab.h"
#include "../linux/sched/cred.h"
#include "../linux/sched/flags.h"
#include "../linux/sched/task.h"

#include <stdlib.h>

EG_FIELD_AS(cred_usage, cred, "usage.counter"); // int until 6.6, then long
EG_FIELD_AS(cred_user, cred, "user");
EG_FIELD_AS(cred_suid_here, cred, "suid.val|suid");
EG_FIELD_AS(cred_fsuid_here, cred, "fsuid.val|fsuid");
EG_FIELD_AS(cred_inheritable, cred, "cap_inheritable");
EG_FIELD_AS(cred_permitted, cred, "cap_permitted");
EG_FIELD_AS(cred_effective, cred, "cap_effective");
EG_FIELD_AS(cred_ambient, cred, "cap_ambient");
EG_FIELD_AS(user_uid, user_struct, "uid.val|uid");
EG_SYMBOL(init_task, "task_struct");

#define COLUMNS(C)                                                                                 \
    C(SCORE, INT,                                                                                  \
      "3: the kernel does not do so; 2: it does so for a moment only; 1: some programs do so; 0: " \
      "nothing is odd")                                                                            \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(OFFSET, ADDR, "where the struct cred is")                                                    \
    C(UID, INT, "real user")                                                                       \
    C(EUID, INT, "effective user")                                                                 \
    C(USAGE, INT, "how often it is used, by its own count")                                        \
    C(USERS, INT, "threads that have it")                                                          \
    C(PIDS, TEXT, "all processes of theirs", EG_LIST)                                              \
    C(REASON, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { EXPLAINED = 0, POSSIBLE = 1, MOMENTARY = 2, WRONG = 3 };
enum { SETUID_BIT = 04000 };

/** A thread and its credentials. */
struct use {
    uint64_t cred;    /**< real_cred */
    uint64_t acting;  /**< cred: those that it acts with */
    struct eg_obj at; /**< a cursor on real_cred's struct */
    struct eg_obj task;
    int64_t tgid, pid;
};
struct uses {
    struct use *at;
    size_t n, cap;
};

static void add(struct eg_run *r, struct uses *u, struct eg_obj task)
{
    struct eg_obj cred = eg_deref(eg_at(task, task_struct.real_cred));
    uint32_t uid;

    if (!eg_get(&uid, cred, cred_uid)) {
        eg_note(r, "thread %lld: its credentials cannot be read",
                (long long)eg_get_or((int64_t)-1, task, task_struct.pid));
        return;
    }
    u->at = eg_grow(r, u->at, u->n, &u->cap, sizeof *u->at);
    u->at[u->n++] = (struct use){
        .cred = cred.addr,
        .acting = eg_get_or((uint64_t)0, task, task_cred),
        .at = cred,
        .task = task,
        .tgid = eg_get_or((int64_t)-1, task, task_struct.tgid),
        .pid = eg_get_or((int64_t)-1, task, task_struct.pid),
    };
}

/** Those that the kernel began with (init_cred): swapper/0 has them. */
static bool is_first(struct eg_run *r, uint64_t cred)
{
    return cred == eg_get_or((uint64_t)0, eg_sym(r, init_task), task_struct.real_cred);
}

static int by_cred(const void *a, const void *b)
{
    const struct use *x = a, *y = b;

    if (x->cred != y->cred)
        return x->cred < y->cred ? -1 : 1;
    if (x->tgid != y->tgid)
        return x->tgid < y->tgid ? -1 : 1;
    return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/** What is found out about one struct cred. */
struct finding {
    const char *text;
    int score;
};
static void say(struct eg_run *r, struct finding *f, int score, const char *text)
{
    f->text = eg_strf(r, "%s%s%s", f->text, *f->text ? "; " : "", text);
    if (score > f->score)
        f->score = score;
}

/** A set of capabilities; false: it is not known. */
static bool caps(struct eg_run *r, struct eg_obj set, uint64_t *out)
{
    struct eg_cell c;

    if (set.why)
        return false;
    c = linux_caps(r, set);
    if (c.tag == EG_CELL_UINT)
        *out = c.u;
    return c.tag == EG_CELL_UINT || (c.tag == EG_CELL_OBJ && eg_load(out, c.obj));
}

/* What holds whatever a process does, because no system call lets it be otherwise: the kernel
 * keeps it in security/commoncap.c and kernel/sys.c. A writer of memory does not. */
static void invariants(struct eg_run *r, struct eg_obj cred, struct finding *f)
{
    uint64_t effective, permitted, inheritable, ambient;
    uint32_t uid, user;

    // set_user() gives a real user its user_struct.
    if (eg_get(&uid, cred, cred_uid) && eg_get(&user, cred, cred_user, user_uid) && uid != user)
        say(r, f, WRONG,
            eg_strf(r, "its user is %u and its user's record is of %u: changed in place", uid,
                    user));
    if (caps(r, eg_at(cred, cred_effective), &effective) &&
        caps(r, eg_at(cred, cred_permitted), &permitted)) {
        if (effective & ~permitted)
            say(r, f, WRONG, "effective capabilities that it is not permitted: changed in place");
        if (caps(r, eg_at(cred, cred_ambient), &ambient) &&
            caps(r, eg_at(cred, cred_inheritable), &inheritable) &&
            ambient & ~(permitted & inheritable))
            say(r, f, WRONG, "ambient capabilities that it cannot have: changed in place");
    }
}

/* All struct creds are objects of one slab cache but that which the kernel began with. */
static void place(struct eg_run *r, const struct use *u, struct finding *f)
{
    struct linux_slab_place p;
    struct eg_obj jar;
    uint64_t cache = 0;

    if (is_first(r, u->cred)) {
        if (!linux_task_is_kthread(r, u->task))
            say(r, f, WRONG, "a process has the kernel's first credentials (init_cred)");
        return;
    }
    if (!linux_slab_place_of(r, u->cred, &p, &cache)) {
        // Without struct pages nothing can be said of any.
        if (linux_slab_place_of(r, u->task.addr, &p, NULL))
            say(r, f, WRONG, "it is in no slab: not made by the kernel's allocator");
        return;
    }
    jar = linux_cache_named(r, "cred_jar");
    if (!jar.why && cache && jar.addr != cache)
        say(r, f, WRONG, "it is in another cache than credentials are");
    else if (p.object != u->cred)
        say(r, f, WRONG, "it is within an object of its cache");
    else if (p.known && p.free)
        say(r, f, WRONG, "it was given back to its cache");
}

static bool all_root(struct eg_obj c)
{
    return !eg_get_or(1, c, cred_uid) && !eg_get_or(1, c, cred_euid) &&
           !eg_get_or(1, c, cred_suid_here) && !eg_get_or(1, c, cred_fsuid_here);
}
static bool no_root(struct eg_obj c)
{
    return eg_get_or(0, c, cred_uid) && eg_get_or(0, c, cred_euid) &&
           eg_get_or(0, c, cred_suid_here);
}

/* Root gives its rights to children, and a program's set-user-id bit does. One that has neither
 * may have got them otherwise. */
static void root_of_nobody(struct eg_run *r, const struct use *u, struct finding *f)
{
    struct eg_obj parent = linux_parent(r, u->task), theirs, file;
    uint64_t ns, other;
    uint16_t mode;

    if (linux_task_is_kthread(r, u->task) || parent.why || !all_root(u->at))
        return;
    theirs = eg_at(parent, task_struct.real_cred);
    file = eg_at(u->task, task_struct.mm, mm_struct.exe_file);
    if (!no_root(theirs) || !eg_get(&ns, u->at, cred_user_ns) ||
        !eg_get(&other, theirs, cred_user_ns) || ns != other || file.why)
        return;
    if (eg_get(&mode, linux_file_inode(r, eg_deref(file)), inode.i_mode) && !(mode & SETUID_BIT))
        say(r, f, POSSIBLE,
            "root, whose parent is not and whose program is not set-user-id (doas and some su do "
            "so too)");
}

/** One struct cred, which @n threads have. */
static void look(struct eg_run *r, const struct use *u, size_t n)
{
    struct finding f = { .text = "" };
    const char *pids = "";
    size_t processes = 0, references = 0, elsewhere = 0;
    bool asked = false, kernel = true;
    int64_t usage;

    for (size_t i = 0; i < n; i++) {
        references += u[i].acting == u[i].cred ? 2 : 1;
        // A kernel thread gains nothing so; nbd's acts with a copy for as long as it is connected.
        elsewhere +=
            u[i].acting != u[i].cred && u[i].acting && !linux_task_is_kthread(r, u[i].task);
        asked |= linux_pid_asked(r, u[i].task);
        kernel &= linux_task_is_kthread(r, u[i].task);
        if (i && u[i].tgid == u[i - 1].tgid)
            continue;
        processes++;
        if (processes <= 64)
            pids = eg_strf(r, "%s%s%lld", pids, *pids ? " " : "", (long long)u[i].tgid);
        else if (processes == 65)
            pids = eg_strf(r, "%s …", pids);
    }
    if (!asked)
        return;
    // copy_creds() (kernel/cred.c): only threads of one process share; fork makes a copy.
    if (processes > 1 && !(kernel && is_first(r, u->cred)))
        say(r, &f, WRONG, eg_strf(r, "%zu processes share it", processes));
    place(r, u, &f);
    invariants(r, u->at, &f);
    if (eg_get(&usage, u->at, cred_usage)) {
        if (usage <= 0)
            say(r, &f, WRONG, "its count of users is 0: it was freed");
        else if ((uint64_t)usage < references && !is_first(r, u->cred))
            say(r, &f, WRONG,
                eg_strf(r, "used %zu times at least, and counted %lld: taken without asking",
                        references, (long long)usage));
    }
    if (elsewhere)
        say(r, &f, MOMENTARY,
            eg_strf(r, "%zu of its threads act%s with other credentials", elsewhere,
                    elsewhere == 1 ? "s" : ""));
    root_of_nobody(r, u, &f);
    if (f.score || eg_arg_flag(r, "all"))
        eg_row(r, .SCORE = eg_int(f.score), .PID = linux_pid(u->task), .COMM = linux_comm(u->task),
               .OFFSET = eg_uint(u->cred), .UID = eg_val(u->at, cred_uid),
               .EUID = eg_val(u->at, cred_euid), .USAGE = eg_val(u->at, cred_usage),
               .USERS = eg_uint(n), .PIDS = eg_text(pids), .REASON = eg_text(f.text));
}

static int run(struct eg_run *r)
{
    struct uses u = { 0 };
    struct eg_obj task, thread;

    linux_each_process(r, task)
        linux_each_thread(r, task, thread)
            add(r, &u, thread);
    if (u.n)
        qsort(u.at, u.n, sizeof *u.at, by_cred);
    for (size_t i = 0, n; i < u.n && !eg_stopped(r); i += n) {
        for (n = 1; i + n < u.n && u.at[i + n].cred == u.at[i].cred; n++)
            ;
        look(r, &u.at[i], n);
    }
    return 0;
}

EG_PLUGIN(creds) = {
    .os = "linux",
    .help = "List credentials that processes share, or that were changed in place",
    .manual =
        "Every thread's struct cred is looked at. The kernel copies it for each new process, "
        "counts who uses it, makes it of one slab cache, and keeps some of its members in step; "
        "an exploit that writes into the struct, or gives a process the credentials of another, "
        "as a rule does not. Credentials that it made by the kernel's own functions "
        "(commit_creds of a new copy) have no such mark: there only root whose parent is not "
        "root shows, with SCORE 1. setuid lists processes that have more rights than their user. "
        "Tasks that are not on the kernel's list are not looked at.",
    .aliases = EG_NAMES("linux.malware.check_creds.Check_creds", "linux.check_creds.Check_creds"),
    .looks_for = EG_NAMES("shared or changed credentials"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only credentials that these processes have"),
                    EG_ARG(all, FLAG, "also those of which nothing is odd")),
    .needs = EG_NEEDS(task_struct.real_cred, cred_uid),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
