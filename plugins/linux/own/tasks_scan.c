/* tasks_scan.c - one pass over physical memory, on all cores, for what may be a task_struct: a
 * pointer to a scheduling class, or one to the place where the task itself would be, which is the
 * group_leader of a leader. Either of the two may have been overwritten. */
#include "../../../core/parallel.h"
#include "../../../core/run.h"
#include "../../../core/space.h"
#include "../../../core/system.h"
#include "tasks.h"

// No task_struct is smaller than 1 KiB.
enum { PIECE = 4 << 20, HITS_MAX = PIECE >> 10, WORKERS_MAX = 256 };
#define PIECES_MAX (UINT64_C(1) << 22) // 16 TiB

struct piece {
    uint64_t first, last;
    struct linux_task_hits hits;
};
struct scan {
    const struct linux_task_anchor *a;
    struct eg_space *phys;
    struct eg_model model;
    struct eg_view **views;
    EG_VEC(struct piece) pieces;
    bool starved;
};

static bool add(struct piece *p, uint64_t at, uint64_t off)
{
    uint64_t *new;

    if (at < off)
        return true;
    if (p->hits.at.n == HITS_MAX) {
        p->hits.cut = true;
        return true;
    }
    new = eg_vec_push(&p->hits.at);
    if (!new)
        return false;
    *new = at - off;
    return true;
}

/** Words of [at, at + len), which @p are; both are aligned. */
static bool look_at(const struct scan *s, struct piece *piece, uint64_t at, const uint8_t *p,
                    size_t len)
{
    const struct linux_task_anchor *a = s->a;
    const uint64_t base = a->class_first, span = a->class_last - a->class_first;
    // A leader at T has T at T + leader_off.
    const uint64_t self = a->delta - a->leader_off;
    const unsigned size = s->model.ptr_size;
    const bool plain = size == 8 && !s->model.big_endian, classes = base, leaders = a->has_leader;
    const uint64_t all = size == 8 ? UINT64_MAX : UINT32_MAX;

    for (size_t i = 0; i + size <= len; i += size) {
        uint64_t w;

        if (plain)
            memcpy(&w, p + i, 8);
        else
            w = eg_load_(p + i, size, s->model.big_endian);
        if (__builtin_expect(w - base <= span, 0) && classes && !add(piece, at + i, a->class_off))
            return false;
        if (__builtin_expect(w == ((at + i + self) & all), 0) && leaders &&
            !add(piece, at + i, a->leader_off))
            return false;
    }
    return true;
}

static int look(void *context, size_t number, unsigned worker)
{
    struct scan *s = context;
    struct piece *piece = &s->pieces.at[number];
    struct eg_view *v = s->views[worker];

    for (uint64_t at = piece->first; at <= piece->last && !eg_cancelled;) {
        size_t len = (size_t)(piece->last - at) + 1;
        const uint8_t *p = eg_map_some(v, s->phys, at, &len);
        struct eg_extent x;

        if (!p) {
            eg_extent_at(v, s->phys, at, &x);
            if (v->starved)
                return 1;
            if (x.last >= piece->last)
                break;
            at = x.last + 1;
            continue;
        }
        if (len > s->model.ptr_size)
            len &= ~(size_t)(s->model.ptr_size - 1);
        if (!look_at(s, piece, at, p, len))
            return 1;
        at += len;
    }
    return eg_cancelled;
}

/** @return false: out of memory. */
static bool divide(struct eg_run *r, struct scan *s, bool *cut)
{
    // A damaged file can have the same bytes at any number of addresses.
    uint64_t left = eg_stored_bytes(eg_view_of(r), s->phys);
    struct eg_extent x;

    for (uint64_t at = 0; eg_next_mapped(eg_view_of(r), s->phys, at, s->phys->last, &x);
         at = x.last + 1) {
        // Zeros are no task, and a hole of a sparse file may be as large as it likes.
        for (uint64_t first = EG_MAX(x.start, at); !x.zero && first <= x.last;) {
            const uint64_t last = EG_MIN(x.last, (first | (PIECE - 1)));
            struct piece *new;

            *cut = last - first >= left || s->pieces.n == PIECES_MAX;
            if (*cut)
                return true;
            left -= last - first + 1;
            new = eg_vec_push(&s->pieces);
            if (!new)
                return false;
            *new = (struct piece){ .first = first, .last = last };
            if (last == x.last)
                break;
            first = last + 1;
        }
        if (x.last == s->phys->last || eg_stopped(r))
            break;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool collect(struct scan *s, struct linux_task_hits *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s->pieces.n; i++) {
        const struct linux_task_hits *hits = &s->pieces.at[i].hits;

        out->cut |= hits->cut;
        if (!eg_vec_reserve(&out->at, out->at.n + hits->at.n))
            return false;
        if (hits->at.n)
            memcpy(out->at.at + out->at.n, hits->at.at, hits->at.n * sizeof *hits->at.at);
        out->at.n += hits->at.n;
    }
    if (out->at.n)
        qsort(out->at.at, out->at.n, sizeof *out->at.at, by_value);
    for (size_t i = 0; i < out->at.n; i++)
        if (!n || out->at.at[n - 1] != out->at.at[i])
            out->at.at[n++] = out->at.at[i];
    out->at.n = n;
    return true;
}

bool linux_task_scan(struct eg_run *r, const struct linux_task_anchor *a,
                     struct linux_task_hits *out)
{
    const unsigned threads = EG_MIN(eg_threads(eg_system_of(r)->options.threads), WORKERS_MAX);
    struct eg_view *views[WORKERS_MAX] = { 0 };
    struct scan s = {
        .a = a, .phys = eg_physical(r), .model = eg_binding_of(r)->model, .views = views
    };
    bool cut = false, ok = divide(r, &s, &cut);

    if (cut)
        eg_note(r,
                "the image claims more memory than its file has: only up to %#llx was searched "
                "for tasks",
                s.pieces.n ? (unsigned long long)s.pieces.at[s.pieces.n - 1].last : 0);
    for (unsigned i = 0; i < threads && ok; i++) {
        ok = (views[i] = malloc(sizeof *views[i]));
        if (ok)
            eg_view_init(views[i], NULL);
    }
    ok = ok && !eg_parallel(threads, s.pieces.n, look, &s) && collect(&s, out);
    for (unsigned i = 0; i < threads; i++)
        if (views[i]) {
            eg_view_fini(views[i]);
            free(views[i]);
        }
    for (size_t i = 0; i < s.pieces.n; i++)
        eg_vec_fini(&s.pieces.at[i].hits.at);
    eg_vec_fini(&s.pieces);
    return ok && !eg_stopped(r);
}
