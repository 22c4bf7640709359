/* seccomp - which processes filter their system calls, and what the filters answer. */
#include "../../core/map.h"
#include "../../core/system.h"
#include "../linux/sched/cbpf.h"
#include "../linux/sched/syscalls.h"
#include "../linux/sched/task.h"

#include <string.h>

EG_FIELD_AS(task_seccomp, task_struct, "seccomp");
EG_FIELDS(seccomp, filter, mode);
EG_FIELDS(seccomp_filter, log, notif, prev, prog, wait_killable_recv);
EG_FIELD_AS(seccomp_users, seccomp_filter, "users.refs.counter|usage.refs.counter");
EG_FIELD_AS(prog_original, bpf_prog, "orig_prog");
EG_FIELDS(sock_fprog_kern, filter, len);

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_TID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(SECCOMP, TEXT, "strict: only read, write, exit and sigreturn; filter; none")                 \
    C(FILTER, INT, "its place in the chain: 0 is the newest; the strictest answer of all counts")  \
    C(OFFSET, ADDR, "where the struct seccomp_filter is", EG_MINOR)                                \
    C(USERS, INT, "threads that use it", EG_MINOR)                                                 \
    C(INSTRUCTIONS, INT, "how long the program is")                                                \
    C(SECCOMP_FLAGS, FLAGS, "LOG: what is refused is logged; NOTIF: a process answers for it")     \
    C(DEFAULT_ACTION, TEXT, "the answer to calls that RULES does not name")                        \
    C(RULES, TEXT, "other answers, and to which calls", EG_LIST)                                   \
    C(OTHER_ARCH, TEXT, "the answer to calls of another processor: of 32 bits", EG_MINOR)          \
    C(POSITION, INT, "with --disassemble: number of the instruction", EG_ASKED)                    \
    C(CODE, TEXT, "with --disassemble: the instruction", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { STRICT = 1, FILTER = 2 };
enum { CHAIN_MAX = 512, KNOWN_MAX = 256, KEPT_MAX = 1 << 22, STEPS_MAX = 1 << 27, UNNAMED = 4095 };

/** A filter that was looked at: processes share them. */
struct known {
    struct linux_cbpf *code;
    uint32_t n;
    enum eg_why why; /**< why there is no code */
    const char *all, *rules, *other;
};
struct context {
    struct eg_map *known; /* address of a filter → struct known */
    size_t n;             /* of them that are explained */
    size_t kept;          /* instructions */
    uint64_t left;        /* that may still be run: an odd filter takes very many */
    uint32_t arch, other;
};

/** "ALLOW", or "ERRNO(1) or ALLOW" where it depends on more than the number. */
static const char *answers_text(struct eg_run *r, struct context *c, const struct known *k,
                                uint32_t arch, uint32_t number)
{
    uint32_t found[LINUX_CBPF_ANSWERS];
    const char *text = "";
    bool whole;
    size_t n = linux_cbpf_answers(k->code, k->n, arch, number, found, LINUX_CBPF_ANSWERS, &c->left,
                                  &whole);

    for (size_t i = 0; i < n; i++) {
        char action[40];

        linux_seccomp_action(found[i], action, sizeof action);
        text = eg_strf(r, "%s%s%s", text, *text ? " or " : "", action);
    }
    return whole ? text : eg_strf(r, "%s%sothers", text, *text ? " or " : "");
}

/* Calls by answer: "ERRNO(1): mount, ptrace; ALLOW: read". The answer that most of them get is not
 * among them. */
static void explain(struct eg_run *r, struct context *c, struct known *k)
{
    enum { GROUPS = 32 };
    struct {
        const char *answer;
        unsigned count;
    } groups[GROUPS];
    const char *unnamed = answers_text(r, c, k, c->arch, UNNAMED);
    uint8_t group[LINUX_SYSCALLS];
    size_t n = 0, most = 0, g;

    k->other = c->other ? answers_text(r, c, k, c->other, UNNAMED) : "";
    k->rules = "";
    for (uint32_t i = 0; i < LINUX_SYSCALLS; i++) {
        const char *answer;

        group[i] = GROUPS;
        if (!linux_syscall_name(c->arch, i))
            continue;
        answer = answers_text(r, c, k, c->arch, i);
        for (g = 0; g < n && strcmp(groups[g].answer, answer); g++)
            ;
        if (g == GROUPS)
            continue; // 8 answers are known, and data of 16 bits: an odd filter
        if (g == n) {
            groups[n].answer = answer;
            groups[n++].count = 0;
        }
        group[i] = (uint8_t)g;
        if (++groups[g].count > groups[most].count)
            most = g;
    }
    k->all = n ? groups[most].answer : unnamed;
    for (g = 0; g < n; g++) {
        const char *calls = "";

        for (uint32_t i = 0; i < LINUX_SYSCALLS && g != most; i++)
            if (group[i] == g)
                calls =
                    eg_strf(r, "%s%s%s", calls, *calls ? ", " : "", linux_syscall_name(c->arch, i));
        if (g != most)
            k->rules =
                eg_strf(r, "%s%s%s: %s", k->rules, *k->rules ? "; " : "", groups[g].answer, calls);
    }
    if (strcmp(unnamed, k->all))
        k->rules =
            eg_strf(r, "%s%s%s: numbers without a call", k->rules, *k->rules ? "; " : "", unnamed);
}

/* The program as it was given. The kernel keeps it where processes can be checkpointed
 * (CONFIG_CHECKPOINT_RESTORE, as distributions have it); what it runs is translated. */
static void read_program(struct eg_run *r, struct context *c, struct eg_obj filter, struct known *k)
{
    struct eg_obj original = eg_at(filter, seccomp_filter.prog, prog_original);
    struct eg_obj code = eg_deref(eg_at(original, sock_fprog_kern.filter));
    const bool big = eg_binding_of(r)->model.big_endian;
    uint8_t *bytes;
    uint16_t n;

    if (!eg_get(&n, original, sock_fprog_kern.len) || code.why) {
        k->why = original.why ? (enum eg_why)original.why : EG_UNREADABLE;
        return;
    }
    if (!n || n > LINUX_CBPF_MAX) {
        k->why = EG_BAD_VALUE;
        return;
    }
    if (c->kept + n > KEPT_MAX) {
        eg_note(r, "more filters than are read: of the rest only that there is one is shown");
        k->why = EG_UNREADABLE;
        return;
    }
    c->kept += n;
    bytes = eg_tmp(r, (size_t)n * 8);
    if (!eg_read(eg_view_of(r), code.space, code.addr, bytes, (size_t)n * 8)) {
        k->why = EG_UNREADABLE;
        return;
    }
    k->code = eg_tmp(r, n * sizeof *k->code);
    k->n = n;
    for (size_t i = 0; i < n; i++)
        k->code[i] = (struct linux_cbpf){
            .code = (uint16_t)eg_load_(bytes + 8 * i, 2, big),
            .jt = bytes[8 * i + 2],
            .jf = bytes[8 * i + 3],
            .k = (uint32_t)eg_load_(bytes + 8 * i + 4, 4, big),
        };
}

static const struct known *look(struct eg_run *r, struct context *c, struct eg_obj filter)
{
    struct known *k;
    uint64_t kept;

    if (eg_map_get(c->known, filter.addr, &kept))
        return (const struct known *)(uintptr_t)kept;
    k = eg_tmp(r, sizeof *k);
    eg_run_map_add(r, c->known, filter.addr, (uintptr_t)k);
    read_program(r, c, filter, k);
    if (k->n && c->n++ < KNOWN_MAX)
        explain(r, c, k);
    else if (k->n)
        eg_note(r,
                "more than %u different filters: of further ones it is not said what they answer",
                KNOWN_MAX);
    return k;
}

static struct eg_cell flags_of(struct eg_run *r, struct eg_obj filter)
{
    const bool log = eg_get_or((uint8_t)0, filter, seccomp_filter.log);
    const bool wait = eg_get_or((uint8_t)0, filter, seccomp_filter.wait_killable_recv); // 5.19
    const bool notif = eg_get_or((uint64_t)0, filter, seccomp_filter.notif);

    return eg_text(eg_strf(r, "%s%s%s%s%s", log ? "LOG" : "", log && notif ? "|" : "",
                           notif ? "NOTIF" : "", wait ? "|" : "",
                           wait ? "WAIT_KILLABLE_RECV" : ""));
}

/** A row for the whole, or for each of its instructions. */
static void show_filter(struct eg_run *r, struct context *c, struct eg_obj task,
                        struct eg_obj filter, unsigned place)
{
    const struct known *k = look(r, c, filter);
    const struct eg_cell no = eg_missing(k->why ? k->why : EG_ABSENT, filter.addr);
    const bool has = k->n > 0;
    struct row row = {
        .PID = linux_pid(task),
        .TID = linux_tid(task),
        .COMM = linux_comm(task),
        .SECCOMP = eg_text("filter"),
        .FILTER = eg_uint(place),
        .OFFSET = eg_addr(filter),
        .USERS = eg_val(filter, seccomp_users),
        .INSTRUCTIONS = has ? eg_uint(k->n) : no,
        .SECCOMP_FLAGS = flags_of(r, filter),
        .DEFAULT_ACTION = has ? eg_text(k->all) : no,
        .RULES = has ? eg_text(k->rules) : no,
        .OTHER_ARCH = has ? eg_text(k->other) : no,
    };

    if (!eg_arg_flag(r, "disassemble") || !has) {
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
        return;
    }
    row.DEFAULT_ACTION = row.RULES = row.OTHER_ARCH = (struct eg_cell){ 0 };
    for (uint32_t i = 0; i < k->n; i++) {
        char text[96];
        const char *call;

        linux_cbpf_text(k->code, i, true, text, sizeof text);
        // Behind a load of the number, what is compared is a call.
        call = k->code[i].code == 0x15 ? linux_syscall_name(c->arch, k->code[i].k) : NULL;
        for (uint32_t back = i; call && back-- > 0;)
            if ((k->code[back].code & 7) < 2) { // the last load decides
                call = k->code[back].code == 0x20 && k->code[back].k == 0 ? call : NULL;
                break;
            }
        row.POSITION = eg_uint(i);
        row.CODE = eg_text(eg_strf(r, "%s%s%s", text, call ? " ; " : "", call ? call : ""));
        eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row,
                 sizeof row / sizeof(struct eg_cell));
    }
}

static void show(struct eg_run *r, struct context *c, struct eg_obj task, uint32_t mode)
{
    struct eg_obj filter = eg_deref(eg_at(task, task_seccomp, seccomp.filter));
    uint64_t chain[CHAIN_MAX];
    unsigned n = 0;

    if (mode != FILTER) {
        eg_row(r, .PID = linux_pid(task), .TID = linux_tid(task), .COMM = linux_comm(task),
               .SECCOMP = eg_text(mode == STRICT ? "strict"
                                  : mode         ? eg_strf(r, "mode %u", mode)
                                                 : "none"));
        return;
    }
    for (; !filter.why && n < CHAIN_MAX && !eg_stopped(r); n++) {
        for (unsigned i = 0; i < n; i++)
            if (chain[i] == filter.addr) {
                eg_note(r, "thread %lld: its chain of filters leads back into itself",
                        (long long)eg_get_or((int64_t)-1, task, task_struct.pid));
                return;
            }
        chain[n] = filter.addr;
        show_filter(r, c, task, filter, n);
        filter = eg_deref(eg_at(filter, seccomp_filter.prev));
    }
    if (filter.why != EG_NULL || !n)
        eg_note(r, "thread %lld: its chain of filters cannot be read to its end",
                (long long)eg_get_or((int64_t)-1, task, task_struct.pid));
}

static int run(struct eg_run *r)
{
    const char *arch = eg_system_of(r)->arch ? eg_system_of(r)->arch->name : "";
    const bool all = eg_arg_flag(r, "all"), threads = eg_arg_flag(r, "threads");
    struct context c = { 0 };
    struct eg_obj task, thread;

    c.arch = !strcmp(arch, "aarch64")   ? LINUX_AUDIT_AARCH64
             : !strcmp(arch, "riscv64") ? LINUX_AUDIT_RISCV64
                                        : LINUX_AUDIT_X86_64;
    c.other = c.arch == LINUX_AUDIT_X86_64    ? LINUX_AUDIT_I386
              : c.arch == LINUX_AUDIT_AARCH64 ? LINUX_AUDIT_ARM
                                              : 0;
    c.known = eg_run_map(r);
    c.left = STEPS_MAX;
    linux_each_process(r, task) {
        uint64_t leaders = 0;
        uint32_t leader_mode = 0;

        if (!linux_pid_asked(r, task))
            continue;
        linux_each_thread(r, task, thread) {
            uint64_t filter = eg_get_or((uint64_t)0, thread, task_seccomp, seccomp.filter);
            uint32_t mode = 0;
            bool first = thread.addr == task.addr;

            if (!eg_get(&mode, thread, task_seccomp, seccomp.mode)) {
                eg_note(r, "thread %lld: whether it filters system calls cannot be read",
                        (long long)eg_get_or((int64_t)-1, thread, task_struct.pid));
                continue;
            }
            if (first) {
                leaders = filter;
                leader_mode = mode;
            }
            if ((mode || all) && (first || threads || mode != leader_mode || filter != leaders))
                show(r, &c, thread, mode);
        }
    }
    return 0;
}

EG_PLUGIN(seccomp) = {
    .os = "linux",
    .help = "List processes that filter their system calls, and what each filter answers",
    .manual =
        "Each filter is run with every call's number and unknown arguments: RULES names calls "
        "whose answer is not DEFAULT_ACTION, \"ALLOW or ERRNO(1)\" where it depends on "
        "arguments. --disassemble shows a row for each instruction. The flags with which a "
        "filter was installed (TSYNC, SPEC_ALLOW) are not kept. Kernels built without "
        "CONFIG_CHECKPOINT_RESTORE do not keep the program as it was given: then a filter is "
        "shown without its rules. Threads that filter as their process does are left out unless "
        "--threads.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(disassemble, FLAG, "a row for each instruction"),
                    EG_ARG(threads, FLAG, "every thread"),
                    EG_ARG(all, FLAG, "also processes without filters")),
    .needs = EG_NEEDS(task_seccomp, seccomp.mode),
    .uses = EG_NAMES("tasks", "threads"),
    .run = run,
};
