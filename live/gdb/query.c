/* query.c - what a debugger asks of the server itself, of the machine and of an inferior: q, Q and
 * j packets, and objects that are sent in pieces (qXfer). */
#include "../../core/arch.h"
#include "../../core/image.h"
#include "../../plugins/linux/sched/cred.h"
#include "../../plugins/linux/sched/task.h"
#include "own.h"
#include <inttypes.h>
#include <stdlib.h>

EG_SYMBOL(_text, "u8");

/* ---- objects ---- */

static const struct gdb_object own_objects[] = {
    { "features", gdb_target_xml },
    { "threads", gdb_threads_xml },
    { "memory-map", gdb_memory_map },
    { NULL, NULL },
};

static const struct gdb_object *find_object(const char *name, size_t len)
{
    const struct gdb_object *const lists[] = { own_objects, gdb_objects_process };

    for (size_t i = 0; i < countof(lists); i++)
        for (const struct gdb_object *o = lists[i]; o->name; o++)
            if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
                return o;
    return NULL;
}

/* Make it, unless it is the one that was asked for last. */
static bool make_object(struct gdb *g, const struct gdb_object *o, const char *annex, size_t len)
{
    const char *error = NULL;

    if (g->object.at && g->object.name == o->name && g->object.pid == g->pid &&
        g->object.tid == g->tid && strlen(g->object.annex) == len &&
        memcmp(g->object.annex, annex, len) == 0)
        return true;
    g->object.name = o->name;
    g->object.annex = eg_strf(g->r, "%.*s", (int)len, annex);
    g->object.pid = g->pid;
    g->object.tid = g->tid;
    g->object.at = o->make(g, g->object.annex, &g->object.len, &error);
    if (!g->object.at)
        gdb_error(g, 1, "%s", error ? error : "there is none");
    return g->object.at;
}

/* "NAME:read:ANNEX:OFFSET,LENGTH" */
static void transfer(struct gdb *g, struct gdb_words *w)
{
    enum { ANNEX_MAX = 4096 };
    const size_t most = RSP_PACKET_MAX / 2 - 16; // bytes may be escaped
    const char *name = w->at, *annex, *behind;
    const struct gdb_object *o;
    uint64_t offset, len;

    while (w->at < w->end && *w->at != ':')
        w->at++;
    o = find_object(name, (size_t)(w->at - name));
    if (!o) {
        gdb_reply(g, "%s", "");
        return;
    }
    if (!gdb_word(w, ":read:")) {
        gdb_error(g, 1, "an image is only read");
        return;
    }
    annex = w->at;
    for (behind = w->end; behind > annex && behind[-1] != ':'; behind--)
        ;
    w->at = behind;
    if (behind == annex || behind - annex > ANNEX_MAX || !rsp_number(&w->at, w->end, &offset) ||
        !gdb_word(w, ",") || !rsp_number(&w->at, w->end, &len) || w->at != w->end) {
        gdb_error(g, 1, "qXfer: no offset and length");
        return;
    }
    if (!make_object(g, o, annex, (size_t)(behind - 1 - annex)))
        return;
    len = EG_MIN(EG_MIN(len, most), g->object.len - EG_MIN(offset, g->object.len));
    rsp_begin(&g->out);
    rsp_text(&g->out, "%c", offset + len < g->object.len && len ? 'm' : 'l');
    if (len)
        rsp_bytes(&g->out, g->object.at + offset, len);
    rsp_end(&g->out);
}

/* ---- what each side can ---- */

static bool offers(const struct gdb_words *w, const char *feature)
{
    const size_t len = strlen(feature);

    for (const char *p = w->at; p < w->end; p++)
        if ((p == w->at || p[-1] == ';' || p[-1] == ':') && (size_t)(w->end - p) >= len &&
            memcmp(p, feature, len) == 0)
            return true;
    return false;
}

static void supported(struct gdb *g, struct gdb_words *w)
{
    const struct gdb_object *const lists[] = { own_objects, gdb_objects_process };

    g->multiprocess = offers(w, "multiprocess+");
    g->error_texts = offers(w, "error-message+");
    rsp_begin(&g->out);
    rsp_text(&g->out,
             "PacketSize=%x;QStartNoAckMode+;vContSupported+;binary-upload+;no-resumed+;%s%s",
             (unsigned)RSP_PACKET_MAX, g->multiprocess ? "multiprocess+;" : "",
             g->error_texts ? "error-message+;" : "");
    for (size_t i = 0; i < countof(lists); i++)
        for (const struct gdb_object *o = lists[i]; o->name; o++)
            rsp_text(&g->out, "qXfer:%s:read+;", o->name);
    rsp_end(&g->out);
}

/* ---- monitor ---- */

/* The text goes as console output, in packets that are small enough, and OK ends it. */
static void monitor(struct gdb *g, struct gdb_words *w)
{
    enum { LINE_MAX_ = 4096, PIECE = RSP_PACKET_MAX / 2 - 16 };
    char line[LINE_MAX_ + 1];
    const size_t n = rsp_unhex(w->at, w->end, line, LINE_MAX_);
    struct eg_arena arena = { .limit = (size_t)1 << 30 };
    const char *text = "this server has no commands\n";
    char *out = NULL;

    if (n != (size_t)(w->end - w->at) / 2 || (w->end - w->at) % 2) {
        gdb_error(g, 1, "monitor: too long, or no hexadecimal digits");
        return;
    }
    line[n] = 0;
    if (!strcmp(line, "files")) {
        text = gdb_files_text(g);
    } else if (g->hooks && g->hooks->monitor) {
        g->hooks->monitor(g->context, line, &arena, &out);
        text = out ? out : "";
    }
    for (size_t len = strlen(text), some; len; text += some, len -= some) {
        some = EG_MIN(len, (size_t)PIECE);
        rsp_begin(&g->out);
        rsp_text(&g->out, "O");
        rsp_hex(&g->out, text, some);
        rsp_end(&g->out);
    }
    gdb_reply(g, "OK");
    eg_arena_fini(&arena);
}

/* ---- the machine and the inferior ---- */

/* Where the kernel's code is, for a vmlinux whose addresses are those before it was moved. gdb
 * compares it with where the file has it, so that the minted file, which has it there, stays. lldb
 * moves any file by it. */
static void offsets(struct gdb *g)
{
    const struct eg_obj text = eg_sym(g->r, _text);

    if (g->lldb || gdb_in_process(g) || text.why)
        gdb_reply(g, "%s", "");
    else
        gdb_reply(g, "TextSeg=%" PRIx64, text.addr);
}

/* The kernel runs under no system: as one of Linux's programs lldb would ask its loader where it
 * is, and believe no address of its file. */
static void put_machine(struct gdb *g, bool compat)
{
    const struct eg_arch *arch = eg_system_of(g->r)->arch;
    const uint64_t mask = gdb_address_mask(g, true);
    const char *name = compat && !strcmp(arch->name, "x86_64") ? "i386"
                       : compat                                ? "arm"
                                                               : arch->name;
    char triple[64];
    const int len = snprintf(triple, sizeof triple, "%s-unknown-%s", name,
                             gdb_in_process(g) ? "linux-gnu" : "unknown");

    rsp_text(&g->out, "triple:");
    rsp_hex(&g->out, triple, (size_t)EG_MIN(len, (int)sizeof triple - 1));
    rsp_text(&g->out, ";endian:little;ptrsize:%d;", compat ? 4 : 8);
    if (mask) // else lldb takes signatures for bits of addresses
        rsp_text(&g->out, "addressing_bits:%d;", __builtin_ctzll(mask));
}

static void process_info(struct gdb *g)
{
    const struct gdb_process *p = gdb_in_process(g) ? gdb_process_find(g, g->pid) : NULL;

    rsp_begin(&g->out);
    rsp_text(&g->out, "pid:%" PRIx32 ";", g->pid);
    if (p)
        rsp_text(&g->out, "parent-pid:%x;real-uid:%x;effective-uid:%x;",
                 eg_get_or(0u, p->leader, task_struct.real_parent, task_struct.tgid),
                 eg_get_or(UINT32_MAX, p->leader, task_struct.real_cred, cred_uid),
                 eg_get_or(UINT32_MAX, p->leader, task_struct.real_cred, cred_euid));
    put_machine(g, p && p->compat);
    rsp_end(&g->out);
}

/* ---- packets ---- */

static void current_thread(struct gdb *g)
{
    rsp_begin(&g->out);
    if (gdb_current(g) && gdb_sees(g, g->pid)) {
        rsp_text(&g->out, "QC");
        gdb_put_ids(g, g->pid, g->tid);
    }
    rsp_end(&g->out);
}

/* lldb's; it sends the first of them before it asks what there is. */
static bool lldb_packet(struct gdb *g, struct gdb_words *w)
{
    bool *flag;

    if (gdb_word(w, "QThreadSuffixSupported"))
        flag = &g->thread_suffix;
    else if (gdb_word(w, "QListThreadsInStopReply"))
        flag = &g->list_threads;
    else if (gdb_word(w, "QEnableErrorStrings"))
        flag = &g->error_strings;
    else
        return false;
    *flag = true;
    if (!g->lldb && g->options &&
        g->options->n_pids && // it has one process: the one that was named
        gdb_process_find(g, g->options->pids[0]))
        gdb_enter(g, g->options->pids[0]);
    g->lldb = true;
    gdb_reply(g, "OK");
    return true;
}

bool gdb_query_packet(struct gdb *g, struct gdb_words *w)
{
    if (gdb_word(w, "qSupported")) {
        supported(g, w);
    } else if (gdb_word(w, "qXfer:")) {
        transfer(g, w);
    } else if (gdb_word(w, "qAttached")) { // quitting a debugger leaves it rather than kills it
        gdb_reply(g, "1");
    } else if (gdb_word(w, "qRcmd,")) {
        monitor(g, w);
    } else if (gdb_word(w, "qOffsets")) {
        offsets(g);
    } else if (gdb_word(w, "qSymbol:") || gdb_word(w, "QThreadEvents:")) {
        gdb_reply(g, "OK");
    } else if (gdb_word(w, "qHostInfo")) {
        rsp_begin(&g->out);
        put_machine(g, false);
        rsp_end(&g->out);
    } else if (gdb_word(w, "qProcessInfo") && w->at == w->end) {
        process_info(g);
    } else if (gdb_word(w, "QStartNoAckMode")) {
        g->no_acks = true;
        gdb_reply(g, "OK");
    } else if (w->end - w->at == 2 && gdb_word(w, "qC")) {
        current_thread(g);
    } else {
        return lldb_packet(g, w);
    }
    return true;
}
