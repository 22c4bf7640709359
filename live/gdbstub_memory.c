/* gdbstub_memory.c - physical memory of a machine through its gdbstub, a few KB at a time. What was
 * read is kept until the machine runs again. */
#include "../core/space.h"
#include "gdbstub.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

enum { PAGE = 4096, SLOTS = 8192, AHEAD_MAX = 32, RAM_MAX = 256 };

struct memory {
    struct gdbstub *stub;
    struct gdbstub_ram ram[RAM_MAX];
    size_t n;
    pthread_mutex_t lock; /**< guards the rest, and keeps requests apart */
    struct kept {
        uint64_t at; /**< the page's address + 1; 0: empty */
        uint32_t generation;
        uint8_t *bytes;
    } kept[SLOTS];
    uint32_t generation;
    uint64_t next;  /**< where reads would go on, if they are a sequence */
    unsigned ahead; /**< pages to read at once */
};

/* ---- where memory is ---- */

/* Memory of graphic cards and the like is RAM to QEMU. */
static bool is_of_device(const char *name, size_t len)
{
    static const char *const parts[] = { "vga",     "vram", "qxl",   "ramfb",
                                         "ivshmem", "rom",  "flash", "virtio",
                                         "pvpanic", "bios", "acpi",  "vmcoreinfo" };

    for (size_t i = 0; i < countof(parts); i++)
        if (memmem(name, len, parts[i], strlen(parts[i])))
            return true;
    return false;
}

static bool take_line(const char *line, const char *end, struct gdbstub_ram *out)
{
    const char *p = line, *name, *kind;
    uint64_t first, last;

    while (p < end && *p == ' ')
        p++;
    if (!rsp_number(&p, end, &first) || p == end || *p++ != '-' || !rsp_number(&p, end, &last) ||
        last < first)
        return false;
    kind = memmem(p, (size_t)(end - p), ", ram): ", 8);
    if (!kind) // a shadow of the firmware lies in ordinary memory; it is of no use here
        return false;
    name = kind + 8;
    while (name < end && isspace((unsigned char)*name))
        name++;
    if (is_of_device(name, (size_t)(end - name)))
        return false;
    *out = (struct gdbstub_ram){ first, last };
    return true;
}

/* The flat view of the space "memory": its head says `Root memory region: system`. */
size_t gdbstub_ram_of(const char *mtree, struct gdbstub_ram *out, size_t max)
{
    size_t n = 0;
    bool in_system = false;

    for (const char *line = mtree, *end; *line; line = *end ? end + 1 : end) {
        struct gdbstub_ram ram;

        end = line + strcspn(line, "\r\n");
        if (memmem(line, (size_t)(end - line), "FlatView", 8)) {
            if (n)
                break;
            in_system = false;
        }
        if (memmem(line, (size_t)(end - line), "Root memory region: system", 26))
            in_system = true;
        if (!in_system || !take_line(line, end, &ram) || n == max ||
            (n && ram.first <= out[n - 1].last))
            continue;
        if (n && ram.first == out[n - 1].last + 1)
            out[n - 1].last = ram.last;
        else
            out[n++] = ram;
    }
    return n;
}

/* ---- the space ---- */

static void extent(struct eg_view *v, struct eg_space *as, uint64_t addr, struct eg_extent *out)
{
    const struct memory *m = as->priv;
    uint64_t start = 0;

    (void)v;
    for (size_t i = 0; i < m->n; i++) {
        const struct gdbstub_ram *r = &m->ram[i];

        if (addr < r->first) {
            *out = (struct eg_extent){ .start = start, .last = r->first - 1, .why = EG_ABSENT };
            return;
        }
        if (addr <= r->last) {
            *out = (struct eg_extent){ .start = addr & ~(uint64_t)(PAGE - 1), .made = true };
            out->last = out->start + PAGE - 1;
            return;
        }
        start = r->last + 1;
    }
    *out = (struct eg_extent){ .start = start, .last = as->last, .why = EG_ABSENT };
}

static struct kept *slot_of(struct memory *m, uint64_t page)
{
    return &m->kept[page / PAGE % SLOTS];
}

static const uint8_t *find(struct memory *m, uint64_t page)
{
    const struct kept *k = slot_of(m, page);

    return k->at == page + 1 && k->generation == m->generation ? k->bytes : NULL;
}

static bool keep(struct memory *m, uint64_t page, const uint8_t *bytes)
{
    struct kept *k = slot_of(m, page);

    if (!k->bytes && !(k->bytes = malloc(PAGE)))
        return false;
    memcpy(k->bytes, bytes, PAGE);
    k->at = page + 1;
    k->generation = m->generation;
    return true;
}

/* How many pages from @page on: as many as a sequence of reads has earned, and the range has. */
static size_t how_many(struct memory *m, uint64_t page)
{
    uint64_t last = page + PAGE - 1;

    m->ahead = page == m->next && m->ahead ? EG_MIN(2 * m->ahead, (unsigned)AHEAD_MAX) : 1;
    for (size_t i = 0; i < m->n; i++)
        if (page >= m->ram[i].first && page <= m->ram[i].last)
            last = m->ram[i].last;
    return (size_t)EG_MIN((uint64_t)m->ahead, (last - page) / PAGE + 1);
}

static bool read_pages(struct memory *m, uint64_t page)
{
    static const size_t most = (size_t)AHEAD_MAX * PAGE;
    const size_t n = how_many(m, page);
    uint8_t *bytes = malloc(most);
    struct eg_error e;
    int64_t got = -1;

    if (bytes && !m->stub->running) {
        pthread_mutex_lock(&m->stub->lock);
        got = gdbstub_read(m->stub, true, page, bytes, n * PAGE, &e);
        pthread_mutex_unlock(&m->stub->lock);
    }
    for (size_t i = 0; i < n && got >= (int64_t)((i + 1) * PAGE); i++)
        if (!keep(m, page + i * PAGE, bytes + i * PAGE))
            got = -1;
    free(bytes);
    m->next = page + n * PAGE;
    return got >= PAGE;
}

static bool fill(struct eg_view *v, struct eg_space *as, uint64_t start, void *bytes, size_t len)
{
    struct memory *m = as->priv;
    const uint8_t *kept;

    (void)v;
    if (len != PAGE || start % PAGE)
        return false;
    pthread_mutex_lock(&m->lock);
    kept = find(m, start);
    if (!kept && read_pages(m, start))
        kept = find(m, start);
    if (kept)
        memcpy(bytes, kept, PAGE);
    pthread_mutex_unlock(&m->lock);
    return kept;
}

static void close_(struct eg_space *as)
{
    struct memory *m = as->priv;

    for (size_t i = 0; i < SLOTS; i++)
        free(m->kept[i].bytes);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct eg_space_ops ops = {
    .name = "gdbstub", .extent = extent, .fill = fill, .close = close_
};

void gdbstub_memory_renew(struct eg_space *as)
{
    struct memory *m = as->priv;

    m->generation++;
    m->ahead = 0;
}

int gdbstub_memory_open(struct eg_space **out, struct gdbstub *g, struct eg_error *e)
{
    struct eg_space *as = calloc(1, sizeof *as);
    struct memory *m = calloc(1, sizeof *m);
    char *text = NULL;
    int rc = as && m ? 0 : eg_fail(e, EG_ENOMEM, "out of memory for the machine's memory");

    if (!rc && !g->has_physical)
        rc = eg_fail(e, EG_ENOTFOUND, "the stub gives no physical memory (QEMU's mode PhyMemMode)");
    if (!rc && gdbstub_monitor(g, "info mtree -f", &text, e))
        rc = eg_fail(e, EG_ENOTFOUND, "the stub does not say where memory is (QEMU's info mtree)");
    if (!rc) {
        m->n = gdbstub_ram_of(text, m->ram, RAM_MAX);
        for (size_t i = 0; i < m->n; i++) { // whole pages
            m->ram[i].first = eg_align_up(m->ram[i].first, PAGE);
            m->ram[i].last = ((m->ram[i].last + 1) & ~(uint64_t)(PAGE - 1)) - 1;
        }
        if (!m->n || m->ram[m->n - 1].last > UINT64_C(1) << 52)
            rc = eg_fail(e, EG_ENOTFOUND, "the stub's monitor names no memory");
    }
    free(text);
    if (rc) {
        free(as);
        free(m);
        return rc;
    }
    m->stub = g;
    pthread_mutex_init(&m->lock, NULL);
    *as = (struct eg_space){ .ops = &ops, .last = m->ram[m->n - 1].last, .priv = m };
    *out = as;
    return 0;
}
