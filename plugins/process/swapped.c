/* swapped - what of each process is swapped out, and where these pages are now. */
#include "../../core/space.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/swap.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(PATH, TEXT, "the swap device or file")                                                       \
    C(HELD_IN, TEXT,                                                                               \
      "swap cache, zeros, zswap, zram, file (of --swap), device (not at hand), lost")              \
    C(COMPRESSOR, TEXT, "of zram and zswap; same: one word fills the page; none: as it is")        \
    C(PAGES, INT, "pages there")                                                                   \
    C(UNREADABLE, INT, "of these, pages whose bytes cannot be made: damaged, or not at hand")      \
    C(ADDRESS, ADDR, "the lowest of their addresses")                                              \
    C(UNREADABLE_WHY, TEXT, "why the first of the unreadable ones is that")
EG_COLUMNS(COLUMNS);

EG_SYMBOL(swap_info, "unsigned long");

/* Pages of one process that are at one place. */
struct group {
    uint32_t device;
    enum linux_swap_place place;
    const char *compressor, *reason;
    uint64_t pages, unreadable, first;
};
enum { GROUPS = 64 };
struct found {
    struct group at[GROUPS];
    unsigned n;
    uint64_t others; /**< pages of more groups than that */
};

static const char *compressor_of(const struct linux_swap *s, const struct linux_swapped *p)
{
    if (p->place == LINUX_SWAP_ZRAM)
        return p->zram.same  ? "same"
               : p->zram.raw ? "none"
                             : s->device[p->slot.type].zram->by[p->zram.by].name;
    if (p->place == LINUX_SWAP_ZSWAP)
        return p->zswap.same                                   ? "same"
               : p->zswap.length == UINT32_C(1) << s->zs.shift ? "none"
                                                               : p->zswap.compressor;
    return NULL;
}

static void count(struct eg_run *r, struct linux_swap *s, struct found *f, uint64_t addr,
                  uint64_t entry, uint8_t *page)
{
    const char *compressor, *wrong = NULL;
    struct linux_swapped p;
    struct eg_swap_slot slot;
    struct group *g = f->at;

    if (!linux_swap_slot(s, entry, &slot))
        return;
    linux_swap_find(s, eg_view_of(r), slot, &p);
    compressor = compressor_of(s, &p);
    if (p.place != LINUX_SWAP_ZEROS)
        wrong = linux_swap_read(s, eg_view_of(r), &p, page);
    while (g < f->at + f->n &&
           (g->device != slot.type || g->place != p.place || !g->compressor != !compressor ||
            (compressor && strcmp(g->compressor, compressor) != 0)))
        g++;
    if (g == f->at + GROUPS) {
        f->others++;
        return;
    }
    if (g == f->at + f->n) {
        f->n++;
        *g = (struct group){ .device = slot.type,
                             .place = p.place,
                             .compressor = compressor ? eg_strf(r, "%s", compressor) : NULL,
                             .first = addr };
    }
    g->pages++;
    if (wrong && !g->unreadable++)
        g->reason = wrong;
}

static const char *place_name(const struct linux_swap *s, const struct group *g)
{
    static const char *const names[] = { "device", "swap cache", "zeros", "zswap", "zram", "file" };

    if (g->place == LINUX_SWAP_LOST && (g->device >= s->n || !s->device[g->device].info ||
                                        s->device[g->device].zram || s->device[g->device].file))
        return "lost";
    return names[g->place];
}

static void emit(struct eg_run *r, const struct linux_swap *s, struct eg_obj task,
                 const struct found *f)
{
    for (const struct group *g = f->at; g < f->at + f->n; g++) {
        const char *path = g->device < s->n ? s->device[g->device].path : NULL;

        eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task),
               .PATH = path ? eg_text(path) : eg_missing(EG_BAD_VALUE, g->first),
               .HELD_IN = eg_text(place_name(s, g)), .COMPRESSOR = eg_text(g->compressor),
               .PAGES = eg_uint(g->pages), .UNREADABLE = eg_uint(g->unreadable),
               .ADDRESS = eg_uint(g->first), .UNREADABLE_WHY = eg_text(g->reason));
    }
    if (f->others)
        eg_note(r, "process %d: %llu swapped pages at more places than can be true are left out",
                eg_get_or(-1, task, task_struct.pid), (unsigned long long)f->others);
}

/* A process has a slot once, or a few times where it maps shared memory. */
static uint64_t most_pages(const struct linux_swap *s)
{
    uint64_t n = 1 << 16;

    for (unsigned i = 0; i < s->n; i++)
        n += 4 * s->device[i].slots;
    return n;
}

/* The page tables of its mappings. */
static void walk(struct eg_run *r, struct linux_swap *s, struct eg_obj mm, struct eg_space *space,
                 struct found *f, uint8_t *page)
{
    enum { STEPS_MAX = 1 << 24 }; // of one process: tables in circles end
    struct eg_view *v = eg_view_of(r);
    uint64_t left = most_pages(s);
    unsigned steps = 0;
    struct eg_obj vma;

    linux_each_vma(r, mm, vma) {
        uint64_t at, end;
        struct eg_extent x;

        if (!eg_get(&at, vma, vm_area_struct.vm_start) || !eg_get(&end, vma, vm_area_struct.vm_end))
            continue;
        for (; at < end && left && steps++ < STEPS_MAX && !eg_stopped(r); at = x.last + 1) {
            eg_extent_at(v, space, at, &x);
            if (!x.level && (x.why == EG_SWAPPED || x.flags & EG_X_SWAPPED)) {
                count(r, s, f, x.start, x.entry, page);
                left--;
            }
            if (x.last >= end - 1)
                break;
        }
    }
}

static int run(struct eg_run *r)
{
    struct linux_swap *s = linux_swap(r);
    struct eg_obj task;
    uint8_t *page;

    if (!s || !s->n)
        return 0;
    page = eg_tmp(r, (size_t)1 << s->zs.shift);
    linux_each_process(r, task) {
        struct eg_obj mm = eg_deref(eg_at(task, task_struct.mm));
        struct eg_space *space;
        struct found f = { .n = 0 };

        if (!linux_pid_asked(r, task) || mm.why || !(space = linux_mm_space(r, mm)))
            continue;
        walk(r, s, mm, space, &f, page);
        emit(r, s, task, &f);
    }
    return 0;
}

EG_PLUGIN(swapped) = {
    .os = "linux",
    .help = "List how much of each process is swapped out, where it is, and if it can be read",
    .manual =
        "One row for each process, device and place. Each page is unpacked, so that UNREADABLE is "
        "what other plugins do not get. The sum of PAGES of a process is its VmSwap of "
        "/proc/PID/status: pages of shared memory that are swapped are in no process's page tables "
        "and not counted. A page that several processes share is counted for each.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs_symbols = EG_NEEDS_SYMBOLS(swap_info),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
