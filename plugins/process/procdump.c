/* procdump - processes as ELF core files, which gdb opens. */
#include "../linux/sched/task.h"
#include "../linux/user/corefile.h"
#include <ctype.h>
#include <inttypes.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(FILE, TEXT, "the file that was written, in the folder of -o")                                \
    C(SIZE, INT, "bytes of the file; what is zero takes no room on the disk")                      \
    C(THREADS, INT, "threads that are in it")                                                      \
    C(MAPPINGS, INT, "mappings of memory that are in it")                                          \
    C(PRESENT, INT, "bytes of memory that are in it")                                              \
    C(MISSING, INT, "bytes of memory that the image does not have, and so the file neither")       \
    C(REASONS, TEXT, "why they are missing, and how many bytes of each")
EG_COLUMNS(COLUMNS);

enum { REASONS = 32 }; // more than enum eg_why has

static const char *reasons(struct eg_run *r, const struct linux_core *c)
{
    uint64_t of[REASONS] = { 0 };
    char *text = eg_strf(r, "%s", c->cut ? c->cut : "");

    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i].kind == LINUX_CORE_MISSING && c->parts[i].why != EG_NOT_PRESENT &&
            (unsigned)c->parts[i].why < REASONS)
            of[c->parts[i].why] += c->parts[i].last - c->parts[i].first + 1;
    for (unsigned i = 0; i < REASONS; i++)
        if (of[i])
            text = eg_strf(r, "%s%s%s: %" PRIu64, text, *text ? "; " : "",
                           eg_why_text((enum eg_why)i), of[i]);
    return text;
}

/* What is not in the core file, in a file beside it. */
static bool list_holes(struct eg_run *r, const struct linux_core *c, const char *name)
{
    FILE *f = eg_output(r, eg_strf(r, "%s.missing.csv", name));

    if (!f)
        return false;
    fprintf(f, "START,END,SIZE,REASON\n");
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct linux_core_part *p = &c->parts[i];

        if (p->kind != LINUX_CORE_STORED)
            fprintf(f, "0x%" PRIx64 ",0x%" PRIx64 ",%" PRIu64 ",%s\n", p->first, p->last + 1,
                    p->last - p->first + 1,
                    p->kind == LINUX_CORE_UNTOUCHED ? "never written to: zeros"
                                                    : eg_why_text(p->why));
    }
    return eg_output_done(r, f);
}

static void dump(struct eg_run *r, struct eg_obj leader, struct linux_core *c)
{
    const int pid = eg_get_or(-1, leader, task_struct.tgid);
    char *comm = eg_string(r, eg_at(leader, task_struct.comm), 16);
    const char *name;
    FILE *f;

    if (!linux_core_open(r, leader, c)) {
        if (!eg_stopped(r))
            eg_note(r,
                    "process %d: no core file: its memory is gone, or its page tables cannot "
                    "be found",
                    pid);
        return;
    }
    for (char *p = comm; p && *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
            *p = '_';
    name = eg_strf(r, "core.%d.%s", pid, comm ? comm : "");
    f = eg_output(r, name);
    if (!f)
        return;
    if (!linux_core_write(c, f) && !eg_stopped(r)) {
        eg_failed(r, "%s could not be written", name);
        return;
    }
    if (!eg_output_done(r, f) || !list_holes(r, c, name))
        return;
    if (c->n_without)
        eg_note(r,
                "process %d: the registers of %" PRIu64 " of its threads are not known, and "
                "are zero in the file",
                pid, c->n_without);
    if (c->cut)
        eg_note(r, "process %d: not all of its memory is in the file: %s", pid, c->cut);
    eg_row(r, .PID = linux_pid(leader), .COMM = linux_comm(leader), .FILE = eg_text(name),
           .SIZE = eg_uint(c->size), .THREADS = eg_uint(c->n_threads),
           .MAPPINGS = eg_uint(c->whole.n), .PRESENT = eg_uint(c->stored),
           .MISSING = eg_uint(c->missing), .REASONS = eg_text(reasons(r, c)));
}

/* All processes only if that was said: they may be many times as large as the image. */
static bool is_asked(struct eg_run *r)
{
    static const char *const choices[] = { "pid", "name", "uid", "container", "tree" };

    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (eg_arg_text_nth(r, choices[i], 0))
            return true;
    return eg_arg_flag(r, "every");
}

static int run(struct eg_run *r)
{
    struct linux_core *c = eg_tmp(r, sizeof *c);
    struct eg_obj leader;

    if (!linux_core_supported(r))
        return eg_failed(r, "core files are made of processes of x86-64 and AArch64 only");
    if (!is_asked(r))
        return eg_refused(
            r, "say which processes: --pid, --name, --tree and the like, or --every for all");
    linux_each_process(r, leader)
        if (linux_pid_asked(r, leader) && !linux_task_is_kthread(r, leader))
            dump(r, leader, c);
    return 0;
}

EG_PLUGIN(procdump) = {
    .os = "linux",
    .help = "Write processes as ELF core files, which gdb opens",
    .manual =
        "Under -o DIR, core.PID.NAME has all threads with their registers, those of floating "
        "point and vectors too, the auxiliary vector, the table of mapped files, and the memory "
        "of every mapping, as large as it is: pages of mapped files that were not in the page "
        "tables come from the page cache. Memory that the image does not have is not in the "
        "file: gdb says that it cannot read it, or takes it from the program if it finds the "
        "same one; core.PID.NAME.missing.csv lists each such range with the reason. Memory that "
        "was never written to is zero; 64 MiB of it in a row, and more, are left out and listed "
        "too. Open it with gdb PROGRAM FILE: the program is what elfdump or the file system of "
        "the machine gives. A thread that was running has the registers of the dump's record of "
        "its CPU, but the floating-point registers of when it was last switched out.",
    .aliases = EG_NAMES("core", "linux.elfcore", "gcore", "linux_procdump", "linux_dump_core"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(every, FLAG, "all processes, if no others are chosen")),
    .needs = EG_NEEDS(task_struct.mm, task_struct.stack),
    .uses = EG_NAMES("tasks", "threads", "vmas"),
    .run = run,
    .asks = true,
};
