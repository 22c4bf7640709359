/* memory.c - memory of the kernel, of a process as it would read it, and physical memory. */
#include "../../core/arch.h"
#include "../../plugins/linux/mm/flags.h"
#include "../../plugins/linux/mm/vma.h"
#include "own.h"
#include <inttypes.h>
#include <stdlib.h>

/* What an address of the chosen thread is in. In the kernel's inferior an address of programs is
 * one of the thread's own, as for the kernel when it works for it. */
static struct eg_space *space_of(struct gdb *g, uint64_t addr)
{
    const struct gdb_thread *t = gdb_current(g);
    struct gdb_process *p = NULL;

    if (g->physical)
        return eg_physical(g->r);
    if (gdb_in_process(g))
        p = gdb_process_find(g, g->pid);
    else if (addr >= eg_system_of(g->r)->arch->kernel_min)
        return eg_kernel(g->r);
    else if (t && !t->idle)
        p = gdb_process_find(g, t->pid);
    return p ? p->whole.space : NULL;
}

/* @return how many of the @len bytes at @addr can be read before the first that cannot. */
static size_t read_until(struct gdb *g, uint64_t addr, uint8_t *out, size_t len)
{
    struct eg_view *v = eg_view_of(g->r);
    struct eg_space *as = space_of(g, addr);
    size_t n = 0;

    if (!as || !len || addr > as->last)
        return 0;
    len = EG_MIN(len - 1, as->last - addr) + 1;
    while (n < len) {
        const size_t page = EG_VIEW_PAGE - ((addr + n) & (EG_VIEW_PAGE - 1));
        const size_t some = EG_MIN(len - n, page);

        if (!eg_read(v, as, addr + n, out + n, some))
            break;
        n += some;
    }
    return n;
}

/* "ADDR,LEN" */
static void memory(struct gdb *g, struct gdb_words *w, bool binary)
{
    const size_t most = RSP_PACKET_MAX / 2 - 16; // each byte is two digits, or may be escaped
    uint64_t addr, len;
    uint8_t *bytes;
    size_t n;

    if (!rsp_number(&w->at, w->end, &addr) || !gdb_word(w, ",") ||
        !rsp_number(&w->at, w->end, &len) || w->at != w->end) {
        gdb_error(g, 1, "no address and length");
        return;
    }
    bytes = malloc(most);
    if (!bytes) {
        g->done = true;
        return;
    }
    n = read_until(g, addr, bytes, EG_MIN(len, most));
    if (!n && len) {
        const enum eg_why why = (enum eg_why)eg_view_of(g->r)->why;

        gdb_error(g, 14, "%#" PRIx64 ": %s", addr,
                  space_of(g, addr) && why ? eg_why_text(why) : "no memory of this inferior");
    } else {
        rsp_begin(&g->out);
        if (binary) {
            rsp_text(&g->out, "b");
            rsp_bytes(&g->out, bytes, n);
        } else {
            rsp_hex(&g->out, bytes, n);
        }
        rsp_end(&g->out);
    }
    free(bytes);
}

/* ---- maps ---- */

/* Nothing can be written, so a debugger need not try to put breakpoints there. */
const uint8_t *gdb_memory_map(struct gdb *g, const char *annex, size_t *len, const char **error)
{
    static const char map[] =
        "<?xml version=\"1.0\"?>\n"
        "<memory-map><memory type=\"rom\" start=\"0x0\" length=\"0xffffffffffffffff\"/>"
        "</memory-map>\n";

    (void)g;
    (void)annex;
    (void)error;
    *len = sizeof map - 1;
    return (const uint8_t *)map;
}

static void region_of_process(struct gdb *g, struct gdb_process *p, uint64_t addr)
{
    struct linux_whole *w = &p->whole;
    const size_t i = eg_lower_bound(w->n, j, w->at[j].last < addr);
    const struct linux_mapping *m = i < w->n && w->at[i].first <= addr ? &w->at[i] : NULL;
    const uint64_t first = m ? m->first : i ? w->at[i - 1].last + 1 : 0;
    const uint64_t last = m ? m->last : i < w->n ? w->at[i].first - 1 : UINT64_MAX;

    rsp_begin(&g->out);
    rsp_text(&g->out, "start:%" PRIx64 ";size:%" PRIx64 ";", first,
             last - first == UINT64_MAX ? UINT64_MAX : last - first + 1);
    if (m)
        rsp_text(&g->out, "permissions:%s%s%s;", m->flags & VM_READ ? "r" : "",
                 m->flags & VM_WRITE ? "w" : "", m->flags & VM_EXEC ? "x" : "");
    rsp_end(&g->out);
}

static void region(struct gdb *g, struct gdb_words *w)
{
    struct gdb_process *p = gdb_in_process(g) ? gdb_process_find(g, g->pid) : NULL;
    struct eg_extent x;
    uint64_t addr;

    if (!rsp_number(&w->at, w->end, &addr)) {
        gdb_error(g, 1, "no address");
        return;
    }
    if (p) {
        region_of_process(g, p, addr);
        return;
    }
    eg_extent_at(eg_view_of(g->r), eg_kernel(g->r), addr, &x);
    rsp_begin(&g->out);
    rsp_text(&g->out, "start:%" PRIx64 ";size:%" PRIx64 ";", x.start,
             x.last - x.start == UINT64_MAX ? UINT64_MAX : x.last - x.start + 1);
    if (!x.why)
        rsp_text(&g->out, "permissions:r%s%s;", x.flags & EG_X_WRITE ? "w" : "",
                 x.flags & EG_X_EXEC ? "x" : "");
    rsp_end(&g->out);
}

bool gdb_memory_packet(struct gdb *g, struct gdb_words *w)
{
    if (gdb_word(w, "m")) {
        memory(g, w, false);
    } else if (!g->lldb && gdb_word(w, "x")) { // lldb has an x of its own, and can do without
        memory(g, w, true);
    } else if (gdb_word(w, "qMemoryRegionInfo:")) {
        region(g, w);
    } else if (gdb_word(w, "qqemu.PhyMemMode")) {
        gdb_reply(g, "%d", g->physical);
    } else if (gdb_word(w, "Qqemu.PhyMemMode:")) {
        g->physical = w->at < w->end && *w->at == '1';
        gdb_reply(g, "OK");
    } else {
        return false;
    }
    return true;
}
