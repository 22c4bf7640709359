/* bpfprogs - BPF programs: who loaded them, what calls them, what they call, and their code. */
#include "../linux/bpf/all.h"
#include "../linux/bpf/code.h"
#include "../linux/bpf/jit.h"
#include "../linux/kernel/percpu.h"
#include "../linux/kernel/time.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(prog_tag, bpf_prog, "tag");
EG_FIELD_AS(prog_code, bpf_prog, "bpf_func");
EG_FIELD_AS(prog_len, bpf_prog, "len");
EG_FIELD_AS(prog_jited_len, bpf_prog, "jited_len");
EG_FIELD_AS(prog_jited, bpf_prog, "jited");
EG_FIELD_AS(prog_blinded, bpf_prog, "blinded");
EG_FIELD_AS(prog_override, bpf_prog, "kprobe_override");
EG_FIELD_AS(prog_sleepable, bpf_prog, "sleepable");
EG_FIELD_AS(prog_stats, bpf_prog, "stats"); // until 5.11 in its aux
EG_FIELD_AS(aux_stats, bpf_prog_aux, "stats");
EG_FIELD_AS(aux_sleepable, bpf_prog_aux, "sleepable"); // until 6.9
EG_FIELD_AS(aux_uid, bpf_prog_aux, "user");
EG_FIELD_AS(user_uid, user_struct, "uid.val");
EG_FIELD_AS(aux_load_time, bpf_prog_aux, "load_time");
EG_FIELD_AS(aux_token, bpf_prog_aux, "token"); // since 6.9
EG_FIELD_AS(token_owner, bpf_token, "userns");
EG_FIELD_AS(owner_inum, user_namespace, "ns.inum");
EG_FIELDS(bpf_token, allowed_cmds, allowed_maps, allowed_progs, allowed_attachs);
EG_FIELD_AS(stats_runs, bpf_prog_stats,
            "cnt.v.a.a.counter|cnt.v.a.counter|cnt.v.counter|cnt.v|cnt");
EG_FIELD_AS(stats_time, bpf_prog_stats,
            "nsecs.v.a.a.counter|nsecs.v.a.counter|nsecs.v.counter|nsecs.v|nsecs");
EG_TYPE(bpf_prog);

#define COLUMNS(C)                                                                                 \
    C(BPF_ID, INT, "number of the program")                                                        \
    C(KIND, TEXT, "its type: \"kprobe\", \"xdp\", \"cgroup_skb\"", EG_ASKED)                       \
    C(BPF_NAME, TEXT, "its name")                                                                  \
    C(TAG, TEXT, "hash of its instructions, as the kernel keeps it and bpftool shows it",          \
      EG_ASKED)                                                                                    \
    C(TAG_OF_CODE, TEXT,                                                                           \
      "the same hash of the instructions that memory has; the verifier changes those of most "     \
      "programs after the kernel made TAG",                                                        \
      EG_MINOR | EG_ASKED)                                                                         \
    C(UID, INT, "who loaded it", EG_ASKED)                                                         \
    C(LOAD_TIME, TIME, "when", EG_ASKED)                                                           \
    C(PID, INT, "process id", EG_ASKED)                                                            \
    C(COMM, TEXT, "name; the task can change it", EG_ASKED)                                        \
    C(KEPT_BY, TEXT, "open files that keep it: process, name, number", EG_MINOR | EG_ASKED)        \
    C(PINNED, TEXT, "its paths in bpffs", EG_ASKED)                                                \
    C(ATTACHED, TEXT, "what calls it", EG_LIST | EG_ASKED)                                         \
    C(MAPS, TEXT, "maps that it uses, by number and name", EG_LIST | EG_ASKED)                     \
    C(HELPERS, TEXT, "functions of the kernel that it calls", EG_LIST | EG_ASKED)                  \
    C(COMPARES, TEXT,                                                                              \
      "of a program of packets: what it compares with that is no protocol, of two bytes also as "  \
      "packets have them",                                                                         \
      EG_LIST | EG_MINOR | EG_ASKED)                                                               \
    C(INSTRUCTIONS, INT, "how many it has", EG_MINOR | EG_ASKED)                                   \
    C(JIT_ADDRESS, ADDR, "its machine code; with --jit of the instruction", EG_MINOR | EG_ASKED)   \
    C(JIT_BYTES, INT, "bytes of machine code", EG_MINOR | EG_ASKED)                                \
    C(BPF_FLAGS, FLAGS, "jited, blinded, sleepable, override, token", EG_MINOR | EG_ASKED)         \
    C(TOKEN, TEXT, "of one that a token allowed to load: the user namespace, and what it may",     \
      EG_MINOR | EG_ASKED)                                                                         \
    C(RUN_COUNT, INT, "how often it ran, while kernel.bpf_stats_enabled was set",                  \
      EG_MINOR | EG_ASKED)                                                                         \
    C(RUN_TIME, DURATION, "how long all of that took", EG_MINOR | EG_ASKED)                        \
    C(FOUND_BY, TEXT, "what leads to it", EG_MINOR | EG_ASKED)                                     \
    C(OFFSET, ADDR, "address of the bpf_prog", EG_MINOR)                                           \
    C(HINTS, TEXT, "what is odd")                                                                  \
    C(POSITION, INT, "with --insns: number of the instruction", EG_ASKED)                          \
    C(BYTES, BYTES, "with --jit: bytes of the instruction", EG_ASKED)                              \
    C(CODE, TEXT, "with --insns, --jit: the instruction", EG_ASKED)                                \
    C(SOURCE_LINE, TEXT, "with --insns: the line of source that begins there", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { ATTACHED_SHOWN = 64, MAPS_SHOWN = 256, FUNCTIONS_MAX = 1024 };

struct walk {
    struct eg_run *r;
    struct linux_bpf *b;
    struct linux_bpf_jit *jit;
};

/* A program that ends is taken out of the table first, then nothing refers to it. */
static bool hidden(const struct walk *w, const struct linux_bpf_object *o, struct eg_obj prog)
{
    uint64_t users = 0;
    uint32_t id = 0;

    eg_get(&id, prog, bpf_prog_aux_at, bpf_aux_id);
    eg_get(&users, prog, bpf_prog_aux_at, bpf_aux_refcnt);
    return w->b->progs.table && !(o->from & LINUX_BPF_TABLE) && users &&
           (id || o->from & (LINUX_BPF_SYMBOL | LINUX_BPF_FILE | LINUX_BPF_PINNED));
}

/** A filter that was classic has no number, and is not one of these. */
static bool classic(const struct linux_bpf_object *o, struct eg_obj prog)
{
    return !(o->from & (LINUX_BPF_TABLE | LINUX_BPF_SYMBOL | LINUX_BPF_FILE | LINUX_BPF_PINNED)) &&
           !eg_get_or(UINT32_C(0), prog, bpf_prog_aux_at, bpf_aux_id);
}

/* Programs of security hooks, and those that change what a function returns, decide. */
static const char *danger(const struct walk *w, const struct linux_bpf_attach *a, int32_t refusal)
{
    const char *dangerous = linux_bpf_dangerous(a->function);

    if (dangerous && refusal && strstr("lsm fmod_ret cgroup", a->kind))
        return eg_strf(w->r, "attached to %s, may answer %" PRId32, dangerous, refusal);
    return dangerous ? eg_strf(w->r, "attached to %s", dangerous) : NULL;
}

static const char *attached(const struct walk *w, const struct linux_bpf_code *c,
                            const char **hints)
{
    const uint64_t prog = c->prog.addr;
    const int32_t refusal = linux_bpf_refusal(c);
    struct linux_text text = { .r = w->r };
    unsigned n = 0;

    for (size_t i = 0; i < w->b->n_attaches; i++) {
        const struct linux_bpf_attach *a = &w->b->attaches[i];
        const char *hint;

        if (a->prog != prog)
            continue;
        hint = danger(w, a, refusal);
        if (hint && (!*hints || !strstr(*hints, hint)))
            *hints = linux_hints(w->r, *hints, hint);
        if (n++ < ATTACHED_SHOWN)
            linux_text_add(&text, "%s%s%s%s", n > 1 ? "; " : "", a->kind, a->where ? " " : "",
                           a->where ? a->where : "");
        else if (n == ATTACHED_SHOWN + 1)
            linux_text_add(&text, "; …");
    }
    return n ? linux_text_of(&text) : NULL;
}

/** Is it a type of programs that are given packets? */
static bool of_packets(const char *kind)
{
    static const char *const kinds[] = { "xdp",        "sched_cls", "sched_act", "socket_filter",
                                         "cgroup_skb", "sk_skb",    "netfilter" };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return !strncmp(kind, "lwt_", 4);
}

static const char *maps(const struct walk *w, const struct linux_bpf_code *c)
{
    struct linux_text text = { .r = w->r };

    for (uint32_t i = 0; i < c->n_maps && i < MAPS_SHOWN; i++)
        linux_text_add(&text, "%s%s", i ? ", " : "", linux_bpf_map_text(w->r, c->maps[i]));
    return c->n_maps ? linux_text_of(&text) : NULL;
}

static const char *flags(struct eg_run *r, struct eg_obj prog)
{
    const struct {
        const char *name;
        uint64_t set;
    } all[] = {
        { "jited", eg_get_or((uint64_t)0, prog, prog_jited) },
        { "blinded", eg_get_or((uint64_t)0, prog, prog_blinded) },
        { "sleepable", eg_get_or((uint64_t)0, prog, prog_sleepable) |
                           eg_get_or((uint64_t)0, prog, bpf_prog_aux_at, aux_sleepable) },
        { "override", eg_get_or((uint64_t)0, prog, prog_override) },
        { "token", eg_get_or((uint64_t)0, prog, bpf_prog_aux_at, aux_token) },
    };
    const char *text = NULL;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].set)
            text = eg_strf(r, "%s%s%s", text ? text : "", text ? "," : "", all[i].name);
    return text;
}

/** What a file system of BPF lets a user namespace do (kernel/bpf/token.c): sets of numbers. */
static const char *token_text(struct eg_run *r, struct eg_obj prog)
{
    struct eg_obj token = eg_deref(eg_at(prog, bpf_prog_aux_at, aux_token));
    uint32_t inum = 0;

    if (token.why)
        return NULL;
    eg_get(&inum, token, token_owner, owner_inum);
    return eg_strf(r,
                   "user:[%" PRIu32 "] commands %#" PRIx64 ", maps %#" PRIx64 ", programs %#" PRIx64
                   ", places %#" PRIx64,
                   inum, eg_get_or((uint64_t)0, token, bpf_token.allowed_cmds),
                   eg_get_or((uint64_t)0, token, bpf_token.allowed_maps),
                   eg_get_or((uint64_t)0, token, bpf_token.allowed_progs),
                   eg_get_or((uint64_t)0, token, bpf_token.allowed_attachs));
}

/** The sum over all CPUs. */
static void runs(struct eg_run *r, struct eg_obj prog, struct row *row)
{
    struct eg_obj stats = eg_has(r, prog_stats) ? eg_deref(eg_at(prog, prog_stats))
                                                : eg_deref(eg_at(prog, bpf_prog_aux_at, aux_stats)),
                  cpu;
    uint64_t n = 0, ns = 0, one;
    bool any = false;

    if (stats.why)
        return;
    linux_each_percpu(r, stats, cpu)
    {
        if (eg_get(&one, cpu, stats_runs)) {
            n += one;
            any = true;
        }
        if (eg_get(&one, cpu, stats_time))
            ns += one;
    }
    if (any) {
        row->RUN_COUNT = eg_uint(n);
        row->RUN_TIME = eg_int((int64_t)ns);
    }
}

static const char *tag_text(struct eg_run *r, struct eg_obj prog)
{
    struct eg_obj tag = eg_at(prog, prog_tag);
    uint8_t b[8];

    if (tag.why || !eg_read(tag.view, tag.space, tag.addr, b, sizeof b))
        return NULL;
    return eg_strf(r, "%02x%02x%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6],
                   b[7]);
}

/** Of a program of several functions, of all of them. */
static struct eg_cell machine_bytes(struct eg_obj prog)
{
    struct eg_obj aux = eg_at(prog, bpf_prog_aux_at);
    uint64_t sum = 0;
    uint32_t n = 0, len = 0;

    eg_get(&n, aux, bpf_aux_n_funcs);
    for (uint32_t i = 0; i < n && i < FUNCTIONS_MAX; i++) {
        if (!eg_get(&len, eg_deref(eg_index(eg_at(aux, bpf_aux_funcs), i)), prog_jited_len))
            break;
        sum += len;
    }
    return sum ? eg_uint(sum) : eg_val(prog, prog_jited_len);
}

static void program(const struct walk *w, const struct linux_bpf_object *o,
                    const struct linux_bpf_code *c)
{
    struct eg_run *r = w->r;
    struct eg_obj prog = c->prog, task;
    const char *hints = hidden(w, o, prog) ? "not in the table of programs" : NULL;
    const char *tag = tag_text(r, prog), *held = linux_bpf_keepers(w->b, o->at, false, &task);
    const char *pinned, *calls, *kind;
    bool magic = false;
    struct eg_obj none;
    uint64_t type = 0;
    struct row row = { 0 };

    pinned = linux_bpf_keepers(w->b, o->at, true, &none);
    hints = linux_hints(r, hints, linux_bpf_misuse(c));
    calls = attached(w, c, &hints);
    hints = linux_hints(r, hints, linux_bpf_jit_hint(w->jit, c));
    if (linux_bpf_odd_path(pinned))
        hints = linux_hints(r, hints, "pinned under an odd name");
    eg_get(&type, prog, bpf_prog_type_at);
    kind = linux_bpf_enum(r, "bpf_prog_type", "BPF_PROG_TYPE_", type);
    if (of_packets(kind))
        row.COMPARES = eg_text(linux_bpf_compares(c, &magic));
    if (magic)
        hints = linux_hints(r, hints, "compares packets with a number of four bytes");
    runs(r, prog, &row);
    row.BPF_ID = eg_val(prog, bpf_prog_aux_at, bpf_aux_id);
    row.KIND = eg_text(kind);
    row.BPF_NAME = eg_text(linux_bpf_prog_name(r, prog));
    row.TAG = tag ? eg_text(tag) : eg_val(prog, prog_tag);
    row.TAG_OF_CODE = eg_text(linux_bpf_tag(c));
    row.UID = eg_val(prog, bpf_prog_aux_at, aux_uid, user_uid);
    row.LOAD_TIME = linux_wall_of(r, LINUX_BOOTTIME, eg_at(prog, bpf_prog_aux_at, aux_load_time));
    if (!task.why) {
        row.PID = linux_pid(task);
        row.COMM = linux_comm(task);
    }
    row.KEPT_BY = eg_text(held);
    row.PINNED = eg_text(pinned);
    row.ATTACHED = eg_text(calls);
    row.MAPS = eg_text(maps(w, c));
    row.HELPERS = eg_text(linux_bpf_helpers(c));
    row.INSTRUCTIONS = eg_val(prog, prog_len);
    row.JIT_ADDRESS = eg_val(prog, prog_code);
    row.JIT_BYTES = machine_bytes(prog);
    row.BPF_FLAGS = eg_text(flags(r, prog));
    row.TOKEN = eg_text(token_text(r, prog));
    row.FOUND_BY = eg_text(eg_bits_text(r, linux_bpf_from_names, o->from, ","));
    row.OFFSET = eg_uint(o->at);
    row.HINTS = eg_text(hints);
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

static void insns(const struct walk *w, const struct linux_bpf_code *c)
{
    const char *name = linux_bpf_prog_name(w->r, c->prog);

    for (uint32_t i = 0; i < c->n && !eg_stopped(w->r); i++) {
        bool wide;
        const char *text = linux_bpf_insn_text(c, i, &wide);

        eg_row(w->r, .BPF_ID = eg_val(c->prog, bpf_prog_aux_at, bpf_aux_id),
               .BPF_NAME = eg_text(name), .POSITION = eg_uint(i), .CODE = eg_text(text),
               .SOURCE_LINE = eg_text(linux_bpf_source(c, i)), .OFFSET = eg_uint(c->prog.addr));
        i += wide;
    }
}

static void machine_code(const struct walk *w, struct eg_obj main, struct eg_obj prog)
{
    struct linux_bpf_jit_line line;
    uint32_t at = 0;
    const char *name = linux_bpf_prog_name(w->r, prog);

    while (linux_bpf_jit_next(w->jit, prog, &at, &line) && !eg_stopped(w->r))
        eg_row(w->r, .BPF_ID = eg_val(main, bpf_prog_aux_at, bpf_aux_id), .BPF_NAME = eg_text(name),
               .JIT_ADDRESS = eg_uint(line.addr), .BYTES = eg_blob(line.bytes, line.len),
               .CODE = eg_text(line.text), .OFFSET = eg_uint(prog.addr));
}

/** Of a program of several functions each has machine code of its own; the first is the
 * program's. */
static void all_machine_code(const struct walk *w, struct eg_obj prog)
{
    struct eg_obj aux = eg_at(prog, bpf_prog_aux_at);
    uint32_t n = 0;

    machine_code(w, prog, prog);
    eg_get(&n, aux, bpf_aux_n_funcs);
    for (uint32_t i = 1; i < n && i < FUNCTIONS_MAX; i++) {
        struct eg_obj func = eg_deref(eg_index(eg_at(aux, bpf_aux_funcs), i));

        if (func.why)
            return;
        machine_code(w, prog, func);
    }
}

static bool asked(const struct walk *w, uint64_t prog)
{
    struct eg_obj o = eg_object(w->r, bpf_prog, prog);
    uint32_t id = 0;

    if (eg_arg_limits(w->r, "id") &&
        (!eg_get(&id, o, bpf_prog_aux_at, bpf_aux_id) || !eg_arg_match(w->r, "id", id)))
        return false;
    return linux_bpf_kept_by_asked(w->b, prog);
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .b = linux_bpf(r) };
    const bool code = eg_arg_flag(r, "insns"), jit = eg_arg_flag(r, "jit");
    const char *why;

    w.jit = linux_bpf_jit(r, &why);
    if (why && w.b->progs.n)
        eg_note(r, "machine code of programs is not checked: %s", why);
    for (size_t i = 0; i < w.b->progs.n && !eg_stopped(r); i++) {
        const struct linux_bpf_object *o = &w.b->progs.at[i];
        struct eg_obj prog = eg_object(r, bpf_prog, o->at);
        struct linux_bpf_code c;

        if (classic(o, prog) || !asked(&w, o->at))
            continue;
        linux_bpf_code(r, prog, &c);
        if (c.n < c.says)
            eg_note(r, "program %s: %u of its %u instructions can be read",
                    linux_bpf_prog_text(r, o->at), c.n, c.says);
        if (code)
            insns(&w, &c);
        if (jit)
            all_machine_code(&w, prog);
        if (!code && !jit)
            program(&w, o, &c);
    }
    return 0;
}

EG_PLUGIN(bpfprogs) = {
    .os = "linux",
    .help = "List BPF programs: who loaded them, what calls them, and what they do",
    .manual =
        "Programs of the kernel's table, and others that its symbols, links, trampolines, "
        "tracepoints, control groups, interfaces, sockets, maps, open files and paths in bpffs "
        "lead to: a program that only those lead to was hidden. --insns shows instructions, "
        "--jit machine code; of a program whose constants the kernel blinded (BPF_FLAGS) they are "
        "the blinded ones.\n"
        "HINTS names helpers that write memory of processes, change what functions return or send "
        "signals; functions that listings of files, processes, connections and programs, signals, "
        "and decisions of security modules pass through, with the error that the program may "
        "answer there; numbers of four bytes that packets are compared with; and machine code that "
        "is not what the instructions give: another beginning, calls that only one of both has, "
        "numbers that it lacks. Tools that trace and products that protect use some of these "
        "too.\n"
        "What cannot be seen: a change of instructions and machine code alike, and one of machine "
        "code that neither calls nor has numbers of more than two bytes. TAG_OF_CODE equal to TAG "
        "says that the instructions are those that were loaded; another one says nothing, for the "
        "verifier rewrites most programs. Of AArch64 only how machine code begins and what it "
        "calls "
        "is checked, of other processors than these nothing.",
    .aliases = EG_NAMES("linux.ebpf.EBPF", "ebpf", "bpf"),
    .looks_for = EG_NAMES("eBPF programs"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only programs that these processes hold"),
                    EG_ARG(id, INT, "only these programs"),
                    EG_ARG(insns, FLAG, "show their instructions"),
                    EG_ARG(jit, FLAG, "show their machine code")),
    .needs = EG_NEEDS(bpf_prog_aux_at, bpf_aux_prog),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
    .key = EG_NAMES("BPF_ID", "POSITION"),
    .moves = EG_NAMES("RUN_COUNT", "RUN_TIME"),
};
