/* objects.c - what a debugger asks of a process as a whole (qXfer): its auxiliary vector, program,
 * libraries, the signal that it stands at; and tables of the operating system. */
#include "../../plugins/linux/fs/file.h"
#include "../../plugins/linux/mm/images.h"
#include "../../plugins/linux/mm/mm.h"
#include "../../plugins/linux/sched/task.h"
#include "own.h"
#include <stdio.h>
#include <stdlib.h>

EG_FIELD_AS(task_siginfo, task_struct, "last_siginfo");

static const uint8_t *bytes_of(struct gdb *g, const void *p, size_t n)
{
    uint8_t *out = eg_tmp(g->r, n + 1);

    if (n)
        memcpy(out, p, n);
    return out;
}

static struct gdb_process *current(struct gdb *g, const char **error)
{
    struct gdb_process *p = gdb_in_process(g) ? gdb_process_find(g, g->pid) : NULL;

    if (!p)
        *error = "the kernel is no process";
    return p;
}

/* ---- of a process ---- */

static const uint8_t *auxv(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    const struct gdb_process *p = current(g, error);
    uint8_t raw[LINUX_AUXV_BYTES];

    (void)annex;
    if (!p)
        return NULL;
    *len = linux_auxv_bytes(g->r, p->mm, raw, NULL);
    if (!*len)
        *error = "its auxiliary vector cannot be read";
    return *len ? bytes_of(g, raw, *len) : NULL;
}

static const uint8_t *exec_file(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    const char *text = GDB_KERNEL_FILE, *end = annex + strlen(annex);
    struct gdb_process *p;
    uint64_t pid = g->pid;

    if (*annex && (!rsp_number(&annex, end, &pid) || annex != end || pid > INT32_MAX)) {
        *error = "not the number of a process";
        return NULL;
    }
    if (pid != GDB_KERNEL) {
        struct eg_obj file = LINUX_NOBODY;

        p = gdb_process_find(g, (uint32_t)pid);
        if (p) // as the process itself sees it: it is opened in its mount namespace
            file = eg_deref(eg_at(p->mm, mm_struct.exe_file));
        text = file.why ? NULL : linux_file_path(g->r, file, p->leader);
        if (!text)
            *error = p ? "its program cannot be read" : "no such process";
    }
    *len = text ? strlen(text) : 0;
    return (const uint8_t *)text;
}

/* Text between quotes of an attribute. */
static void put_xml(struct linux_text *t, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            linux_text_add(t, "&lt;");
            break;
        case '>':
            linux_text_add(t, "&gt;");
            break;
        case '&':
            linux_text_add(t, "&amp;");
            break;
        case '"':
            linux_text_add(t, "&quot;");
            break;
        case '\'':
            linux_text_add(t, "&apos;");
            break;
        default:
            if ((uint8_t)*s < 0x20)
                linux_text_add(t, "?"); // XML has no such characters
            else
                linux_text_bytes(t, s, 1);
        }
}

struct listing {
    uint64_t leader;
    char *text;
};

/* Where PT_DYNAMIC is, of one that no loader lists. */
static uint64_t dynamic_of(const struct linux_image *x)
{
    for (unsigned i = 0; i < x->elf.n_segments; i++)
        if (x->elf.segments[i].type == ELF_DYNAMIC)
            return x->elf.bias + x->elf.segments[i].vaddr;
    return 0;
}

static int list_libraries(struct eg_run *r, void *context)
{
    struct listing *l = context;
    struct eg_obj leader = eg_object(r, task_struct, l->leader);
    struct linux_text t = { .r = r };
    struct linux_images all;
    uint64_t main_map = 0;

    if (!linux_images(r, leader, &all))
        return 0;
    for (size_t i = 0; i < all.n; i++)
        if (all.at[i].kind == LINUX_IMAGE_PROGRAM && all.at[i].listed)
            main_map = all.at[i].link_map;
    linux_text_add(&t, "<library-list-svr4 version=\"1.0\"");
    if (main_map)
        linux_text_add(&t, " main-lm=\"0x%llx\"", (unsigned long long)main_map);
    linux_text_add(&t, ">\n");
    for (size_t i = 0; i < all.n; i++) {
        const struct linux_image *x = &all.at[i];
        const char *name = x->name;

        // Where no list can be found, what is mapped is all that is known.
        if (x->kind == LINUX_IMAGE_PROGRAM || x->kind == LINUX_IMAGE_VDSO ||
            !(x->listed || (!all.debug && x->executable && !x->file.why)))
            continue;
        if (x->mapped && !x->file.why) // as the process itself would name it
            name = linux_file_path(r, x->file, leader);
        if (!name || !*name)
            continue;
        linux_text_add(&t, "  <library name=\"");
        put_xml(&t, name);
        linux_text_add(&t, "\" lmid=\"0x%llx\" lm=\"0x%llx\" l_addr=\"0x%llx\" l_ld=\"0x%llx\"/>\n",
                       (unsigned long long)all.debug + x->list, // one for each namespace
                       (unsigned long long)(x->listed ? x->link_map : x->start),
                       (unsigned long long)(x->listed ? x->bias : x->elf.bias),
                       (unsigned long long)(x->listed ? x->dynamic : dynamic_of(x)));
    }
    linux_text_add(&t, "</library-list-svr4>\n");
    l->text = strdup(linux_text_of(&t));
    return 0;
}

static const uint8_t *libraries(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    const struct gdb_process *p = current(g, error);
    struct listing l = { 0 };
    const uint8_t *out = NULL;
    struct eg_run *r;

    (void)annex;
    if (!p)
        return NULL;
    l.leader = p->leader.addr;
    if (!eg_run_open(&r, eg_system_of(g->r), NULL, NULL)) { // much is needed on the way
        eg_run_do(r, list_libraries, &l);
        eg_run_close(r);
    }
    *error = "its libraries cannot be read";
    if (l.text) {
        *len = strlen(l.text);
        out = bytes_of(g, l.text, *len);
    }
    free(l.text);
    return out;
}

/* Of a thread that a debugger had stopped when the image was taken: nothing else keeps it. */
static const uint8_t *siginfo(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    enum { SIGINFO = 128, KEPT = 48 }; // the kernel keeps the used part (kernel_siginfo)
    const struct gdb_thread *t = gdb_in_process(g) ? gdb_current(g) : NULL;
    struct eg_obj info = t ? eg_deref(eg_at(t->task, task_siginfo)) : LINUX_NOBODY;
    uint8_t bytes[SIGINFO] = { 0 };

    (void)annex;
    if (info.why || !eg_read(eg_view_of(g->r), eg_kernel(g->r), info.addr, bytes, KEPT)) {
        *error = "the thread does not stand at a signal";
        return NULL;
    }
    *len = SIGINFO;
    return bytes_of(g, bytes, SIGINFO);
}

/* ---- tables ---- */

static const uint8_t *osdata(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    struct eg_arena arena = { .limit = (size_t)256 << 20 };
    const char *text = NULL;
    const uint8_t *out = NULL;

    if (g->hooks && g->hooks->osdata)
        text = g->hooks->osdata(g->context, annex, &arena);
    *error = "no such table: info os lists them";
    if (text) {
        *len = strlen(text);
        out = bytes_of(g, text, *len);
    }
    eg_arena_fini(&arena); // a run that is out of memory ends the session: this is lost then
    return out;
}

const struct gdb_object gdb_objects_process[] = {
    { "auxv", auxv },       { "exec-file", exec_file }, { "libraries-svr4", libraries },
    { "siginfo", siginfo }, { "osdata", osdata },       { NULL, NULL },
};
