/* health.c - what the kernel counted of a process, and what can be counted. */
#include "health.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../../../core/vec.h"
#include "../fs/fdtable.h"
#include "../mm/mm.h"
#include "../mm/page.h"
#include "../mm/vma.h"
#include "../sched/cred.h"
#include "../sched/task.h"
#include <stdarg.h>
#include <stdio.h>

EG_FIELD_AS(mm_users, mm_struct, "mm_users.counter");
EG_FIELD_AS(mm_total, mm_struct, "total_vm");
EG_FIELD_AS(files_count, files_struct, "count.counter");
EG_FIELD_AS(fs_users, fs_struct, "users.counter|users"); // a seqcount'd int, an atomic long ago
EG_FIELD_AS(cred_usage, cred, "usage.counter|usage.refs.counter");
EG_SYMBOL(init_task, "task_struct");
EG_FIELD_AS(maple_top, maple_tree, "ma_root");
EG_FIELD_AS(node_parent, maple_range_64, "parent");
EG_FIELD_AS(narrow_pivot, maple_range_64, "pivot");
EG_FIELD_AS(narrow_slot, maple_range_64, "slot");
EG_FIELD_AS(wide_pivot, maple_arange_64, "pivot");
EG_FIELD_AS(wide_slot, maple_arange_64, "slot");
EG_TYPE(maple_range_64);
EG_TYPE(maple_arange_64);
EG_ENUMERATOR(maple_leaf_64, "maple_type");
EG_ENUMERATOR(maple_range_64, "maple_type");
EG_ENUMERATOR(maple_arange_64, "maple_type");

const char *linux_check_text(enum linux_check check)
{
    static const char *const texts[LINUX_CHECKS] = {
        [LINUX_CHECK_THREADS] = "threads of a process, as it counts them",
        [LINUX_CHECK_MM_USERS] = "users of an address space, as it counts them",
        [LINUX_CHECK_FILES] = "users of a table of files, as it counts them",
        [LINUX_CHECK_FS] = "users of a root and working folder, as it counts them",
        [LINUX_CHECK_CRED] = "references to credentials, at least their users",
        [LINUX_CHECK_MAP_COUNT] = "mappings of an address space, as it counts them",
        [LINUX_CHECK_TOTAL_VM] = "pages of all mappings, as it counts them",
        [LINUX_CHECK_MAPLE] = "nodes of trees of mappings that name their parent",
        [LINUX_CHECK_PAGES] = "pages of processes that are in use",
    };

    return texts[check];
}

/* ---- how many threads share an object, made once ---- */

struct uses {
    struct eg_map of; // address → its place in the counts
    EG_VEC(uint64_t) counts;
    bool starved;
};

static void use(struct uses *u, struct eg_obj pointer)
{
    uint64_t at, i, *new;

    if (!eg_load(&at, pointer) || !at)
        return;
    if (eg_map_get(&u->of, at, &i)) {
        u->counts.at[i]++;
        return;
    }
    new = eg_vec_push(&u->counts);
    if (new)
        *new = 1;
    u->starved |= !new || eg_map_add(&u->of, at, u->counts.n - 1) < 0;
}

static uint64_t users_of(const struct uses *u, uint64_t at)
{
    uint64_t i;

    return eg_map_get(&u->of, at, &i) ? u->counts.at[i] : 0;
}

static void use_all(struct uses *u, struct eg_obj task)
{
    use(u, eg_at(task, task_struct.mm));
    use(u, eg_at(task, task_files));
    use(u, eg_at(task, task_struct.fs));
    use(u, eg_at(task, task_cred));
    use(u, eg_at(task, task_struct.real_cred));
}

/* Threads of the list, and the first idle task, which shares what its children began with. */
static bool count_uses(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct uses *u = kept;
    struct eg_obj leader, t;

    (void)sys;
    use_all(u, eg_sym(r, init_task));
    linux_each_process(r, leader)
        linux_each_thread(r, leader, t)
            use_all(u, t);
    if (u->starved)
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for what threads share");
    return !eg_stopped(r);
}

static void forget(void *kept)
{
    struct uses *u = kept;

    eg_map_fini(&u->of);
    eg_vec_fini(&u->counts);
}

static const struct eg_cache uses = { .size = sizeof(struct uses),
                                      .make = count_uses,
                                      .fini = forget };

/* ---- one process ---- */

enum { KTHREADD = 2 }; // begins all others of the kernel

struct checking {
    struct eg_run *r;
    struct linux_health *sum;
    const char *text; // NULL: nothing wrong so far
};

__attribute__((__format__(__printf__, 5, 6))) static void check(struct checking *c,
                                                                enum linux_check what,
                                                                uint64_t made, uint64_t wrong,
                                                                const char *format, ...)
{
    char text[160];
    va_list ap;

    c->sum->checks[what].made += made;
    c->sum->checks[what].wrong += wrong;
    if (!wrong)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    c->text = eg_strf(c->r, "%s%s%s", c->text ? c->text : "", c->text ? "; " : "", text);
}

static void check_uses(struct checking *c, const struct uses *u, struct eg_obj task)
{
    static const struct {
        enum linux_check check;
        const char *name;
        bool least;
    } shared[] = {
        { LINUX_CHECK_MM_USERS, "mm_users", false },
        { LINUX_CHECK_FILES, "count of files", false },
        { LINUX_CHECK_FS, "users of fs", false },
        { LINUX_CHECK_CRED, "usage of cred", true },
    };
    const struct eg_obj counts[] = {
        eg_at(task, task_struct.mm, mm_users),
        eg_at(task, task_files, files_count),
        eg_at(task, task_struct.fs, fs_users),
        eg_at(task, task_struct.real_cred, cred_usage),
    };
    const struct eg_obj pointers[] = {
        eg_at(task, task_struct.mm),
        eg_at(task, task_files),
        eg_at(task, task_struct.fs),
        eg_at(task, task_struct.real_cred),
    };

    for (size_t i = 0; i < countof(shared); i++) {
        uint64_t at, n;
        int64_t has;

        if (!eg_load(&at, pointers[i]) || !at || !eg_load(&has, counts[i]))
            continue;
        n = users_of(u, at);
        check(c, shared[i].check, 1, shared[i].least ? has < (int64_t)n : has != (int64_t)n,
              "%s %lld: %llu threads", shared[i].name, (long long)has, (unsigned long long)n);
    }
}

/* Nodes of a maple tree, from the root on: the first word of each is its parent, with its place
 * there in the lowest bits; of the root the tree, with bit 0 (lib/maple_tree.c). */
static void check_maple(struct checking *c, struct eg_obj tree)
{
    enum { NODES_MAX = 1 << 16, MASK = 0xff, DEPTH = 32 };
    struct {
        uint64_t node, parent, max;
        unsigned type, slot;
    } stack[DEPTH];
    int64_t leaf = 1, range = 2, arange = 3;
    uint64_t entry, nodes = 0, wrong = 0;
    int depth = 0;

    if (!eg_get(&entry, tree, maple_top) || (entry & 3) != 2 || entry < 4096)
        return;
    eg_enum(c->r, maple_leaf_64, &leaf);
    eg_enum(c->r, maple_range_64, &range);
    eg_enum(c->r, maple_arange_64, &arange);
    stack[depth++] = (__typeof__(stack[0])){ entry & ~(uint64_t)MASK, tree.addr, UINT64_MAX,
                                             (unsigned)(entry >> 3 & 15), 0 };
    while (depth && nodes < NODES_MAX && !eg_stopped(c->r)) {
        __typeof__(stack[0]) *at = &stack[depth - 1];
        struct eg_obj narrow = eg_object(c->r, maple_range_64, at->node);
        struct eg_obj wide = eg_object(c->r, maple_arange_64, at->node);
        const bool is_wide = at->type == (unsigned)arange;
        struct eg_obj slots = is_wide ? eg_at(wide, wide_slot) : eg_at(narrow, narrow_slot);
        struct eg_obj pivots = is_wide ? eg_at(wide, wide_pivot) : eg_at(narrow, narrow_pivot);
        uint64_t parent, pivot = at->max, child;

        if (!at->slot) {
            nodes++;
            if (!eg_get(&parent, narrow, node_parent) ||
                (depth == 1 ? parent != (at->parent | 1)
                            : (parent & ~(uint64_t)MASK) != at->parent))
                wrong++;
        }
        if ((at->type != (unsigned)range && !is_wide) || at->slot >= eg_count(slots)) {
            depth--;
            continue;
        }
        if (at->slot < eg_count(pivots) && eg_load(&pivot, eg_index(pivots, at->slot)) &&
            at->slot && !pivot)
            pivot = at->max;
        if (!eg_load(&child, eg_index(slots, at->slot)) || child & 3 || child < 4096 ||
            depth == DEPTH) {
            at->slot = UINT32_MAX;
            continue;
        }
        at->slot = pivot >= at->max ? UINT32_MAX : at->slot + 1;
        stack[depth] = (__typeof__(stack[0])){ child & ~(uint64_t)MASK, at->node, pivot,
                                               (unsigned)(child >> 3 & 15), 0 };
        depth++;
    }
    check(c, LINUX_CHECK_MAPLE, nodes, wrong, "%llu of %llu nodes of its tree of mappings",
          (unsigned long long)wrong, (unsigned long long)nodes);
}

static void check_mappings(struct checking *c, struct eg_obj mm)
{
    const unsigned shift = linux_page_shift(c->r);
    uint64_t n = 0, pages = 0, start, end, total;
    struct eg_obj vma;
    int32_t count;

    linux_each_vma(c->r, mm, vma)
        if (eg_get(&start, vma, vm_area_struct.vm_start) &&
            eg_get(&end, vma, vm_area_struct.vm_end)) {
            n++;
            pages += (end - start) >> shift;
        }
    if (eg_get(&count, mm, mm_struct.map_count))
        check(c, LINUX_CHECK_MAP_COUNT, 1, count < 0 || (uint64_t)count != n,
              "map_count %d: %llu mappings", count, (unsigned long long)n);
    if (eg_get(&total, mm, mm_total))
        check(c, LINUX_CHECK_TOTAL_VM, 1, total != pages, "total_vm %llu: %llu pages",
              (unsigned long long)total, (unsigned long long)pages);
    if (eg_has(c->r, mm_struct.mm_mt))
        check_maple(c, eg_at(mm, mm_struct.mm_mt));
}

/* A page that a process maps is held by that alone: a count of 0 is that of a free one. */
static void check_pages(struct checking *c, struct eg_obj mm)
{
    enum { STEPS_MAX = 1 << 20 };
    const struct linux_memmap *m = linux_memmap(c->r);
    struct eg_space *space = linux_mm_space(c->r, mm);
    const uint64_t last = eg_get_or(UINT64_C(0), mm, mm_struct.task_size) - 1;
    uint64_t made = 0, wrong = 0;
    struct eg_extent x;
    unsigned steps = 0, tried = 0; // also of large pages that lie nowhere

    if (!space || !m || !m->found || last == UINT64_MAX)
        return;
    if (c->sum->checks[LINUX_CHECK_PAGES].made >= linux_pages_budget(c->r))
        return;
    for (uint64_t at = 0; at <= last && ++steps < STEPS_MAX && !eg_stopped(c->r) &&
                          eg_next_mapped(eg_view_of(c->r), space, at, last, &x);
         at = x.last + 1) {
        const uint64_t from = EG_MAX(at, x.start);

        for (uint64_t va = from;
             va <= EG_MIN(x.last, last) && x.below == eg_physical(c->r) &&
             !(x.flags & (EG_X_SPECIAL | EG_X_SWAPPED)) && tried++ < STEPS_MAX && !eg_stopped(c->r);
             va += UINT64_C(1) << m->shift) {
            const uint64_t pfn = (x.below_addr + (va - x.start)) >> m->shift;
            struct linux_page_state s;

            if (!linux_page_state(c->r, m, pfn, &s))
                continue;
            made++;
            wrong += s.refcount <= 0;
        }
        if (x.last >= last)
            break;
    }
    check(c, LINUX_CHECK_PAGES, made, wrong, "%llu of its pages are free",
          (unsigned long long)wrong);
}

const char *linux_process_health(struct eg_run *r, struct eg_obj leader, bool pages,
                                 struct linux_health *sum)
{
    const struct uses *u = eg_system_cache(eg_system_of(r), r, &uses);
    struct linux_health own = { 0 };
    struct checking c = { .r = r, .sum = sum ? sum : &own };
    struct eg_obj mm = eg_deref(eg_at(leader, task_struct.mm)), t;
    int32_t has;
    int n = 0;

    linux_each_thread(r, leader, t)
        n++;
    if (eg_get(&has, leader, task_struct.signal, signal_threads))
        check(&c, LINUX_CHECK_THREADS, 1, has != n, "nr_threads %d: %d threads", has, n);
    // What kernel threads share is looked at once, with the one that begins them.
    if (u &&
        (!linux_task_is_kthread(r, leader) || eg_get_or(0, leader, task_struct.pid) == KTHREADD))
        check_uses(&c, u, leader);
    if (!mm.why) {
        check_mappings(&c, mm);
        if (pages)
            check_pages(&c, mm);
    }
    return c.text;
}

void linux_list_health(struct eg_run *r, uint64_t head, uint64_t *links, uint64_t *wrong)
{
    enum { MOST = 1 << 20 };
    const struct eg_model *m = &eg_binding_of(r)->model;
    uint64_t at = head, met = head, power = 1, lap = 0;

    *links = *wrong = 0;
    while (head && *links < MOST && !eg_stopped(r)) {
        const uint8_t *p = eg_bytes(eg_view_of(r), eg_kernel(r), at, m->ptr_size);
        const uint64_t next = p ? eg_load_(p, m->ptr_size, m->big_endian) : 0;

        ++*links;
        p = next ? eg_bytes(eg_view_of(r), eg_kernel(r), next + m->ptr_size, m->ptr_size) : NULL;
        if (!p || eg_load_(p, m->ptr_size, m->big_endian) != at)
            ++*wrong;
        if (!p || next == head || next == met) // its end, or a circle that leaves the head out
            return;
        if (++lap == power) {
            met = next;
            power *= 2;
            lap = 0;
        }
        at = next;
    }
}

const char *linux_health_of(struct eg_run *r, const struct eg_process *p)
{
    return linux_process_health(r, eg_object(r, task_struct, p->object), false, NULL);
}

static struct eg_cell process_health(struct eg_run *r, struct eg_obj task)
{
    const char *text = linux_process_health(r, task, false, NULL);

    return text ? eg_text(text) : (struct eg_cell){ 0 };
}

EG_FUNCTION(process_health) = {
    .os = "linux",
    .help = "what the kernel counted of a process and does not agree with what can be counted; "
            "nothing where all does",
    .args = "task",
    .returns = "text",
    .cell = process_health,
};
