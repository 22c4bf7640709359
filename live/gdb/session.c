/* session.c - one connection of a debugger: what it has chosen, and which file answers a packet. */
#include "own.h"
#include <inttypes.h>
#include <stdlib.h>

/* ---- answers ---- */

void gdb_reply(struct gdb *g, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    rsp_begin(&g->out);
    rsp_text(&g->out, "%s", text);
    rsp_end(&g->out);
}

void gdb_error(struct gdb *g, unsigned number, const char *format, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (g->error_texts) {
        gdb_reply(g, "E.%s", text);
        return;
    }
    rsp_begin(&g->out);
    rsp_text(&g->out, "E%02x", number & 0xff);
    if (g->error_strings) {
        rsp_text(&g->out, ";");
        rsp_hex(&g->out, text, strlen(text));
    }
    rsp_end(&g->out);
}

/* Where a debugger only looks whether there is an E, it may as well be shown a text: gdb does since
 * long before it could say so. */
static void refuse(struct gdb *g, const char *what)
{
    if (g->error_strings)
        gdb_error(g, 1, "this is an image of a machine: %s", what);
    else
        gdb_reply(g, "E.this is an image of a machine: %s", what);
}

/* lldb takes an error for the end of the connection: it is told by what it shows as output of the
 * program, and that this has stopped again. */
static void cannot_run(struct gdb *g)
{
    static const char text[] = "this is an image of a machine: nothing in it can run\n";

    if (!g->lldb) {
        refuse(g, "nothing in it can run");
        return;
    }
    rsp_begin(&g->out);
    rsp_text(&g->out, "O");
    rsp_hex(&g->out, text, sizeof text - 1);
    rsp_end(&g->out);
    gdb_stop_reply(g);
}

/* ---- words of a packet ---- */

bool gdb_word(struct gdb_words *w, const char *word)
{
    const size_t len = strlen(word);

    if ((size_t)(w->end - w->at) < len || memcmp(w->at, word, len) != 0)
        return false;
    w->at += len;
    return true;
}

static bool id(struct gdb_words *w, uint32_t *out)
{
    uint64_t v;

    if (gdb_word(w, "-1")) {
        *out = GDB_ALL;
        return true;
    }
    if (!rsp_number(&w->at, w->end, &v) || v >= GDB_ALL)
        return false;
    *out = (uint32_t)v;
    return true;
}

bool gdb_ids(struct gdb *g, struct gdb_words *w, uint32_t *pid, uint32_t *tid)
{
    *pid = g->pid;
    if (!gdb_word(w, "p"))
        return id(w, tid);
    if (!id(w, pid))
        return false;
    *tid = GDB_ALL;
    return !gdb_word(w, ".") || id(w, tid);
}

/* ---- what is chosen ---- */

bool gdb_choose(struct gdb *g, uint32_t pid, uint32_t tid)
{
    const struct gdb_thread *t = NULL;
    size_t i = 0;

    if (!pid || pid == GDB_ALL) {
        size_t inferior = 0;

        pid = gdb_sees(g, g->pid) ? g->pid : gdb_inferior_next(g, &inferior);
    }
    if (!pid || !gdb_sees(g, pid))
        return false;
    if (tid && tid != GDB_ALL) {
        t = gdb_thread_find(g, tid);
    } else if (pid == g->pid) {
        t = gdb_current(g);
    } else {
        t = gdb_thread_find(g, pid); // the leader; of the kernel kthreadd
        if (!t)
            t = gdb_thread_next(g, pid, &i);
    }
    if (!t || (pid != GDB_KERNEL && (t->pid != pid || t->idle)))
        return false;
    g->pid = pid;
    g->tid = t->tid;
    return true;
}

bool gdb_enter(struct gdb *g, uint32_t pid)
{
    if (!g->multiprocess)
        g->pid = pid; // one at a time: this one now
    if (!gdb_choose(g, pid, pid == GDB_KERNEL ? 0 : pid) && !gdb_choose(g, pid, 0))
        return false;
    if (pid != GDB_KERNEL) {
        // gdb attaches to nothing whose first thread has no registers, as a leader that has ended.
        struct gdb_thread *t = gdb_current(g);

        for (size_t i = 0; t && !gdb_registers(g, t, true);)
            t = gdb_thread_next(g, pid, &i);
        if (t)
            gdb_choose(g, pid, t->tid);
    }
    return true;
}

static void choose(struct gdb *g, struct gdb_words *w)
{
    uint32_t pid, tid;

    if (gdb_word(w, "c")) { // for what runs, which nothing does
        gdb_reply(g, "OK");
        return;
    }
    if (gdb_word(w, "g") && gdb_ids(g, w, &pid, &tid) && w->at == w->end && gdb_choose(g, pid, tid))
        gdb_reply(g, "OK");
    else
        gdb_error(g, 1, "no such thread");
}

/* @return whether it is an inferior from now on. */
static bool attach(struct gdb *g, uint32_t pid)
{
    struct gdb_process *p;

    if (pid == GDB_KERNEL)
        return g->kernel = true;
    p = gdb_process_find(g, pid);
    if (p)
        p->attached = true;
    return p;
}

static void attach_packet(struct gdb *g, struct gdb_words *w)
{
    struct gdb_thread *t;
    uint64_t pid;

    if (!rsp_number(&w->at, w->end, &pid) || w->at != w->end || pid >= GDB_ALL) {
        gdb_error(g, 1, "attach: no process id");
        return;
    }
    t = gdb_thread_find(g, (uint32_t)pid);
    if (!attach(g, (uint32_t)pid)) {
        if (t && t->pid == pid && pid)
            gdb_error(g, 1,
                      "%" PRIu64 " has no program: a thread of the kernel, or it has ended; the "
                      "inferior of process %d has it as a thread",
                      pid, GDB_KERNEL);
        else
            gdb_error(g, 1, "no process %" PRIu64 "; `monitor pslist` lists them", pid);
        return;
    }
    gdb_enter(g, (uint32_t)pid);
    gdb_stop_reply(g);
}

/* D, D;PID, vKill;PID: it is no inferior any more. */
static void leave(struct gdb *g, struct gdb_words *w)
{
    uint64_t pid;

    if (gdb_word(w, ";")) {
        if (!rsp_number(&w->at, w->end, &pid) || pid >= GDB_ALL || !gdb_sees(g, (uint32_t)pid)) {
            gdb_error(g, 1, "no such process");
            return;
        }
        if (pid == GDB_KERNEL)
            g->kernel = false;
        for (struct gdb_process *p = g->processes; p; p = p->next)
            if (p->pid == pid)
                p->attached = false;
    } else {
        g->kernel = false;
        for (struct gdb_process *p = g->processes; p; p = p->next)
            p->attached = false;
    }
    gdb_reply(g, "OK");
}

/* ---- packets ---- */

/* What would change the image or run it. */
static bool refused(struct gdb *g, const struct gdb_words *w)
{
    struct gdb_words v = *w;

    if (gdb_word(&v, "vCont?")) {
        gdb_reply(g, "vCont;c;C;s;S");
        return true;
    }
    if (gdb_word(&v, "vCont;") || gdb_word(&v, "vRun;")) {
        cannot_run(g);
        return true;
    }
    if (w->at == w->end || *w->at == 'v')
        return false;
    switch (*w->at) {
    case 'c':
    case 'C':
    case 's':
    case 'S':
    case 'i':
        cannot_run(g);
        return true;
    case 'M':
    case 'X':
        refuse(g, "its memory is only read");
        return true;
    case 'G':
    case 'P':
        refuse(g, "its registers are only read");
        return true;
    case 'Z':
        refuse(g, "nothing in it runs into a breakpoint");
        return true;
    case 'z':
        gdb_reply(g, "OK");
        return true;
    default:
        return false;
    }
}

static bool session_packet(struct gdb *g, struct gdb_words *w)
{
    const size_t len = (size_t)(w->end - w->at);

    if (len == 1 && gdb_word(w, "?"))
        gdb_stop_reply(g);
    else if (len == 1 && gdb_word(w, "!"))
        gdb_reply(g, "OK");
    else if (len == 1 && gdb_word(w, "k"))
        g->done = true;
    else if (gdb_word(w, "H"))
        choose(g, w);
    else if (gdb_word(w, "vAttach;"))
        attach_packet(g, w);
    else if (gdb_word(w, "vKill") || gdb_word(w, "D"))
        leave(g, w);
    else
        return refused(g, w);
    return true;
}

struct packet {
    struct gdb *g;
    struct gdb_words words;
    const char *text;
    size_t len;
};

static int answer(struct eg_run *r, void *context)
{
    struct packet *p = context;
    struct gdb *g = p->g;

    (void)r;
    if (!session_packet(g, &p->words) && !gdb_thread_packet(g, &p->words) &&
        !gdb_memory_packet(g, &p->words) && !gdb_register_packet(g, &p->words) &&
        !gdb_query_packet(g, &p->words) && !gdb_vfile(g, p->text, p->len))
        gdb_reply(g, "%s", ""); // not known: as the protocol wants it
    return 0;
}

void gdb_answer(struct gdb *g, const char *packet, size_t len)
{
    const size_t before = g->out.at.n;
    struct packet p = { .g = g, .words = { packet, packet + len }, .text = packet, .len = len };

    if (eg_run_do(g->r, answer, &p) || g->out.failed) {
        g->out.at.n = before; // half an answer is none
        g->done = true;
    }
}

/* ---- open and close ---- */

static int begin(struct eg_run *r, void *context)
{
    struct gdb *g = context;

    gdb_threads_find(g);
    g->kernel = true;
    g->pid = GDB_KERNEL;
    g->tid = gdb_thread_find(g, 1) || !g->n_threads ? 1 : g->threads[0].tid;
    for (size_t i = 0; g->options && i < g->options->n_pids; i++)
        if (!attach(g, g->options->pids[i]))
            eg_note(r,
                    "process %" PRIu32 " is no inferior: there is no such process with a program",
                    g->options->pids[i]);
    for (size_t i = 0; g->options && g->options->all && i < g->n_threads; i++)
        if (g->threads[i].pid == g->threads[i].tid && g->threads[i].pid != GDB_KERNEL)
            attach(g, g->threads[i].pid);
    return 0;
}

struct gdb *gdb_open(struct eg_run *r, const struct gdb_options *o, const struct gdb_hooks *hooks,
                     void *context)
{
    struct gdb *g = calloc(1, sizeof *g);

    if (!g) {
        eg_run_fail(r, EG_ENOMEM, "out of memory");
        return NULL;
    }
    g->r = r;
    g->options = o;
    g->hooks = hooks;
    g->context = context;
    if (eg_run_do(r, begin, g)) {
        gdb_close(g);
        return NULL;
    }
    return g;
}

void gdb_close(struct gdb *g)
{
    if (!g)
        return;
    rsp_out_fini(&g->out);
    free(g);
}
