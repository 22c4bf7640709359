/* threads.c - the threads of the kernel and of processes, what is said of each, and their lists. */
#include "../../core/arch.h"
#include "../../core/table.h"
#include "../../plugins/linux/kernel/percpu.h"
#include "../../plugins/linux/mm/mm.h"
#include "../../plugins/linux/sched/kthread.h"
#include "../../plugins/linux/sched/processes.h"
#include "../../plugins/linux/sched/rq.h"
#include "../../plugins/linux/sched/syscalls.h"
#include "../../plugins/linux/sched/task.h"
#include "own.h"
#include <inttypes.h>
#include <stdlib.h>

enum { NAME_MAX_ = 64 };

/* ---- all of them, once ---- */

struct table {
    struct gdb_thread *at;
    size_t n, cap;
};

/* Text of the image as a terminal may show it, and XML and packets may have it. */
static const char *plain(struct eg_run *r, const char *text)
{
    char out[4 * NAME_MAX_ + 1];

    eg_escape(out, sizeof out, text, strnlen(text, NAME_MAX_));
    return eg_strf(r, "%s", out);
}

static void add(struct gdb *g, struct table *t, struct eg_obj task, int64_t tid, bool idle)
{
    struct eg_cell name = linux_task_name(g->r, task);
    struct gdb_thread new = { .task = task, .idle = idle, .name = "?" };

    if (tid <= 0 || tid >= GDB_ALL)
        return;
    new.tid = (uint32_t)tid;
    new.pid = idle ? GDB_KERNEL : eg_get_or(new.tid, task, task_struct.tgid);
    new.cpu = eg_get_or(-1, task, task_cpu);
    if (name.tag == EG_CELL_OBJ) {
        const char *comm = eg_string(g->r, name.obj, NAME_MAX_);

        name = comm ? eg_text(comm) : eg_missing(EG_UNREADABLE, 0);
    }
    if (name.tag == EG_CELL_TEXT)
        new.name = plain(g->r, eg_strf(g->r, "%.*s", (int)EG_MIN(name.bytes.len, NAME_MAX_),
                                       (const char *)name.bytes.p));
    t->at = eg_grow(g->r, t->at, t->n, &t->cap, sizeof *t->at);
    t->at[t->n++] = new;
}

static int by_tid(const void *a, const void *b)
{
    const struct gdb_thread *x = a, *y = b;

    return (x->tid > y->tid) - (x->tid < y->tid);
}

void gdb_threads_find(struct gdb *g)
{
    struct eg_run *r = g->r;
    struct table t = { 0 };
    struct eg_obj leader, task, rq;
    unsigned cpu = ~0u;
    size_t n = 0;

    linux_each_process(r, leader)
        linux_each_thread(r, leader, task)
            add(g, &t, task, eg_get_or((int64_t)0, task, task_struct.pid), false);
    while (linux_next_cpu(r, &cpu)) {
        rq = linux_percpu(r, eg_sym(r, runqueues), cpu);
        task = eg_deref(eg_at(rq, rq.idle));
        if (!task.why)
            add(g, &t, task, (int64_t)GDB_IDLE_TID + cpu, true);
    }
    if (t.n)
        qsort(t.at, t.n, sizeof *t.at, by_tid);
    for (size_t i = 0; i < t.n; i++) // an id is that of one thread: of others it is a lie
        if (!n || t.at[i].tid != t.at[n - 1].tid)
            t.at[n++] = t.at[i];
    if (n < t.n)
        eg_note(r, "%zu tasks have the thread id of another: left out", t.n - n);
    g->threads = t.at;
    g->n_threads = n;
}

struct gdb_thread *gdb_thread_find(struct gdb *g, uint32_t tid)
{
    const size_t i = eg_lower_bound(g->n_threads, j, g->threads[j].tid < tid);

    return i < g->n_threads && g->threads[i].tid == tid ? &g->threads[i] : NULL;
}

struct gdb_thread *gdb_current(struct gdb *g)
{
    return gdb_thread_find(g, g->tid);
}

bool gdb_in_process(const struct gdb *g)
{
    return g->pid != GDB_KERNEL;
}

/* ---- processes ---- */

static struct eg_obj with_memory(struct gdb *g, struct gdb_thread *leader)
{
    struct eg_obj task = leader->task;

    // A leader that has ended while others of its threads go on has none, nor files.
    for (size_t i = 0; eg_deref(eg_at(task, task_struct.mm)).why && i < g->n_threads; i++)
        if (g->threads[i].pid == leader->pid)
            task = g->threads[i].task;
    return task;
}

struct gdb_process *gdb_process_find(struct gdb *g, uint32_t pid)
{
    struct gdb_thread *leader;
    const struct linux_regs *regs;
    struct gdb_process *p, **end;
    struct eg_obj task, mm;

    for (p = g->processes; p; p = p->next)
        if (p->pid == pid)
            return p;
    leader = gdb_thread_find(g, pid);
    if (!leader || leader->idle || leader->pid != pid || linux_task_is_kthread(g->r, leader->task))
        return NULL;
    task = with_memory(g, leader);
    mm = eg_deref(eg_at(task, task_struct.mm));
    if (mm.why)
        return NULL;
    p = eg_tmp(g->r, sizeof *p);
    if (!linux_whole_open(g->r, mm, &p->whole))
        return NULL;
    p->pid = pid;
    p->leader = task;
    p->mm = mm;
    regs = gdb_registers(g, leader, true);
    p->compat = regs && regs->compat;
    for (end = &g->processes; *end; end = &(*end)->next)
        ;
    return *end = p;
}

bool gdb_sees(struct gdb *g, uint32_t pid)
{
    if (!g->multiprocess && pid != g->pid)
        return false;
    if (pid == GDB_KERNEL)
        return g->kernel;
    for (const struct gdb_process *p = g->processes; p; p = p->next)
        if (p->pid == pid)
            return p->attached;
    return false;
}

uint32_t gdb_inferior_next(struct gdb *g, size_t *i)
{
    size_t at = 1;

    if (!*i && ++*i && gdb_sees(g, GDB_KERNEL))
        return GDB_KERNEL;
    for (const struct gdb_process *p = g->processes; p; p = p->next)
        if (at++ == *i) {
            ++*i;
            if (gdb_sees(g, p->pid))
                return p->pid;
        }
    return 0;
}

struct gdb_thread *gdb_thread_next(struct gdb *g, uint32_t pid, size_t *i)
{
    while (*i < g->n_threads) {
        struct gdb_thread *t = &g->threads[(*i)++];

        if (pid == GDB_KERNEL || (t->pid == pid && !t->idle))
            return t;
    }
    return NULL;
}

/* ---- what is said of one ---- */

static uint32_t audit_arch(const struct gdb *g, const struct linux_regs *regs)
{
    switch (eg_system_of(g->r)->arch->elf_machine) {
    case 62: // EM_X86_64
        return regs->compat ? (uint32_t)LINUX_AUDIT_I386 : LINUX_AUDIT_X86_64;
    case 183: // EM_AARCH64
        return regs->compat ? (uint32_t)LINUX_AUDIT_ARM : LINUX_AUDIT_AARCH64;
    case 243: // EM_RISCV
        return LINUX_AUDIT_RISCV64;
    default:
        return 0;
    }
}

static void put_call(struct gdb *g, struct linux_text *text, struct gdb_thread *t)
{
    const struct linux_regs *regs = gdb_registers(g, t, true);
    const char *name;

    if (!regs || regs->source != LINUX_REGS_ENTRY || !regs->has_syscall || regs->syscall < 0 ||
        regs->syscall >= LINUX_SYSCALLS)
        return;
    name = linux_syscall_name(audit_arch(g, regs), (uint32_t)regs->syscall);
    if (name)
        linux_text_add(text, ", in %s()", name);
    else
        linux_text_add(text, ", in system call %" PRId64, regs->syscall);
}

static void put_context(struct gdb *g, struct linux_text *text, uint32_t pid)
{
    size_t n;
    const struct eg_process *at = linux_processes(g->r, &n), *p;
    const size_t i = eg_lower_bound(n, j, at[j].pid < (int64_t)pid);

    if (i == n || at[i].pid != (int64_t)pid)
        return;
    p = &at[i];
    if (p->container)
        linux_text_add(text, ", %s %.12s", p->runtime ? plain(g->r, p->runtime) : "container",
                       plain(g->r, p->container));
    if (p->pod)
        linux_text_add(text, ", pod %s", plain(g->r, p->pod));
    if (p->unit && !p->container)
        linux_text_add(text, ", %s", plain(g->r, p->unit));
}

/* Why the frames of @t are not to be had. */
static void put_reason(struct gdb *g, struct linux_text *text, struct gdb_thread *t)
{
    if (gdb_registers(g, t, false))
        return;
    if (t->why_kernel == EG_NULL && linux_task_runs(g->r, t->task))
        linux_text_add(text, ", in its program");
    else if (t->why_kernel == EG_NULL)
        linux_text_add(text, ", ended");
    else if (t->why_kernel == EG_ABSENT)
        linux_text_add(text, ", registers of its CPU not in the image");
    else
        linux_text_add(text, ", no registers: %s", eg_why_text((enum eg_why)t->why_kernel));
}

const char *gdb_thread_text(struct gdb *g, struct gdb_thread *t)
{
    static const char letters[] = "RSDTtXZPI";
    static const char *const words[] = { "ready", "sleeping", "disk sleep", "stopped", "traced",
                                         "dead",  "zombie",   "parked",     "idle" };
    struct linux_text text = { .r = g->r };
    const char state = linux_task_state(g->r, t->task);
    const char *letter = strchr(letters, state);

    if (t->text)
        return t->text;
    if (linux_task_runs(g->r, t->task))
        linux_text_add(&text, "running");
    else if (letter && *letter)
        linux_text_add(&text, "%s", words[letter - letters]);
    else
        linux_text_add(&text, "state not known");
    if (t->cpu >= 0)
        linux_text_add(&text, ", CPU %d", t->cpu);
    put_call(g, &text, t);
    if (!t->idle && t->pid != t->tid)
        linux_text_add(&text, ", thread of %" PRIu32, t->pid);
    if (!t->idle)
        put_context(g, &text, t->pid);
    put_reason(g, &text, t);
    t->text = linux_text_of(&text);
    return t->text;
}

void gdb_put_ids(struct gdb *g, uint32_t pid, uint32_t tid)
{
    if (g->multiprocess)
        rsp_text(&g->out, "p%" PRIx32 ".%" PRIx32, pid, tid);
    else
        rsp_text(&g->out, "%" PRIx32, tid);
}

/* ---- lists ---- */

static void xml(struct linux_text *text, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '&':
            linux_text_add(text, "&amp;");
            break;
        case '<':
            linux_text_add(text, "&lt;");
            break;
        case '>':
            linux_text_add(text, "&gt;");
            break;
        case '"':
            linux_text_add(text, "&quot;");
            break;
        default:
            linux_text_bytes(text, s, 1);
        }
}

const uint8_t *gdb_threads_xml(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    struct linux_text text = { .r = g->r };
    struct gdb_thread *t;
    size_t inferior = 0;
    uint32_t pid;

    (void)annex;
    (void)error;
    linux_text_add(&text, "<?xml version=\"1.0\"?>\n<threads>\n");
    while ((pid = gdb_inferior_next(g, &inferior)))
        for (size_t i = 0; (t = gdb_thread_next(g, pid, &i));) {
            linux_text_add(&text, "<thread id=\"");
            if (g->multiprocess)
                linux_text_add(&text, "p%" PRIx32 ".", pid);
            linux_text_add(&text, "%" PRIx32 "\"", t->tid);
            if (t->cpu >= 0)
                linux_text_add(&text, " core=\"%d\"", t->cpu);
            linux_text_add(&text, " name=\"");
            xml(&text, t->name);
            linux_text_add(&text, "\">");
            xml(&text, gdb_thread_text(g, t));
            linux_text_add(&text, "</thread>\n");
        }
    linux_text_add(&text, "</threads>\n");
    *len = text.n;
    return (const uint8_t *)linux_text_of(&text);
}

static bool has_room(const struct gdb *g)
{
    return g->out.at.n - g->out.begun < RSP_PACKET_MAX - 64;
}

/* As many as fit into a packet, from where the one before ended. */
static void put_list(struct gdb *g)
{
    struct gdb_thread *t = NULL;
    const char *between = "m";

    rsp_begin(&g->out);
    while (g->listed.pid) {
        while (has_room(g) && (t = gdb_thread_next(g, g->listed.pid, &g->listed.thread))) {
            rsp_text(&g->out, "%s", between);
            gdb_put_ids(g, g->listed.pid, t->tid);
            between = ",";
        }
        if (t)
            break;
        g->listed.thread = 0;
        g->listed.pid = gdb_inferior_next(g, &g->listed.inferior);
    }
    if (*between == 'm')
        rsp_text(&g->out, "l");
    rsp_end(&g->out);
}

void gdb_stop_reply(struct gdb *g)
{
    struct gdb_thread *t = gdb_current(g), *other;
    const char *between = "threads:";

    rsp_begin(&g->out);
    if (!t || !gdb_sees(g, g->pid)) {
        rsp_text(&g->out, "W00");
        rsp_end(&g->out);
        return;
    }
    rsp_text(&g->out, "T05thread:");
    gdb_put_ids(g, g->pid, t->tid);
    rsp_text(&g->out, ";");
    if (!g->lldb && t->cpu >= 0)
        rsp_text(&g->out, "core:%x;", (unsigned)t->cpu);
    if (g->lldb) {
        rsp_text(&g->out, "hexname:");
        rsp_hex(&g->out, t->name, strlen(t->name));
        rsp_text(&g->out, ";");
    }
    if (g->list_threads && g->n_threads < RSP_PACKET_MAX / 16) { // else it asks for the list
        for (size_t i = 0; (other = gdb_thread_next(g, g->pid, &i)); between = ",")
            rsp_text(&g->out, "%s%" PRIx32, between, other->tid);
        rsp_text(&g->out, ";reason:signal;");
    }
    rsp_end(&g->out);
}

static void put_name(struct gdb *g, const char *name)
{
    for (const char *s = name; *s; s++)
        if (*s == '"' || *s == '\\')
            rsp_text(&g->out, "\\u%04x", (unsigned)*s);
        else
            rsp_bytes(&g->out, s, 1);
}

static void put_json(struct gdb *g)
{
    const size_t begin = g->out.at.n;
    struct gdb_thread *t;
    const char *between = "";

    rsp_begin(&g->out);
    rsp_text(&g->out, "[");
    for (size_t i = 0; (t = gdb_thread_next(g, g->pid, &i)); between = ",") {
        rsp_text(&g->out, "%s{\"tid\":%" PRIu32 ",\"reason\":\"%s\",\"name\":\"", between, t->tid,
                 t->tid == g->tid ? "signal" : "none");
        put_name(g, t->name);
        rsp_text(&g->out, "\"}");
    }
    rsp_text(&g->out, "]");
    rsp_end(&g->out);
    if (g->out.at.n - begin > RSP_PACKET_MAX) { // then as if it were not known here
        g->out.at.n = begin;
        gdb_reply(g, "%s", "");
    }
}

/* ---- packets ---- */

static struct gdb_thread *named(struct gdb *g, struct gdb_words *w, uint32_t *pid)
{
    uint32_t tid;

    return gdb_ids(g, w, pid, &tid) && gdb_sees(g, *pid) ? gdb_thread_find(g, tid) : NULL;
}

static void no_thread(struct gdb *g)
{
    gdb_error(g, 1, "no such thread");
}

static void extra_info(struct gdb *g, struct gdb_words *w)
{
    uint32_t pid;
    struct gdb_thread *t = named(g, w, &pid);
    const char *text;

    if (!t) {
        no_thread(g);
        return;
    }
    text = gdb_thread_text(g, t);
    rsp_begin(&g->out);
    rsp_hex(&g->out, t->name, strlen(t->name));
    rsp_hex(&g->out, ": ", 2);
    rsp_hex(&g->out, text, strlen(text));
    rsp_end(&g->out);
}

static void stop_info(struct gdb *g, struct gdb_words *w)
{
    uint32_t pid;
    struct gdb_thread *t = named(g, w, &pid);

    if (!t) {
        no_thread(g);
        return;
    }
    rsp_begin(&g->out);
    rsp_text(&g->out, "T%s", t->tid == g->tid ? "05" : "00");
    rsp_text(&g->out, "thread:");
    gdb_put_ids(g, pid, t->tid);
    rsp_text(&g->out, ";hexname:");
    rsp_hex(&g->out, t->name, strlen(t->name));
    rsp_text(&g->out, ";reason:none;");
    rsp_end(&g->out);
}

bool gdb_thread_packet(struct gdb *g, struct gdb_words *w)
{
    uint32_t pid;

    if (gdb_word(w, "qfThreadInfo")) {
        g->listed.inferior = g->listed.thread = 0;
        g->listed.pid = gdb_inferior_next(g, &g->listed.inferior);
        put_list(g);
    } else if (gdb_word(w, "qsThreadInfo")) {
        put_list(g);
    } else if (gdb_word(w, "qThreadExtraInfo,")) {
        extra_info(g, w);
    } else if (gdb_word(w, "qThreadStopInfo")) {
        stop_info(g, w);
    } else if (gdb_word(w, "jThreadsInfo")) {
        put_json(g);
    } else if (gdb_word(w, "T")) {
        if (named(g, w, &pid))
            gdb_reply(g, "OK");
        else
            no_thread(g);
    } else {
        return false;
    }
    return true;
}
