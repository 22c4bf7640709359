/* mm.c - a process's user memory as an address space of its own. */
#include "mm.h"
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../sched/task.h"

/* The spaces of processes, kept from their first use to the system's end. */
struct spaces {
    pthread_mutex_t lock; // guards the rest
    struct eg_map of;     // address of the mm_struct → index
    EG_VEC(struct eg_space *) all;
};

static bool begin(struct eg_system *sys, struct eg_run *r, void *kept)
{
    struct spaces *s = kept;

    (void)sys, (void)r;
    pthread_mutex_init(&s->lock, NULL);
    return true;
}

static void end(void *kept)
{
    struct spaces *s = kept;

    for (size_t i = 0; i < s->all.n; i++)
        eg_space_close(s->all.at[i]);
    eg_vec_fini(&s->all);
    eg_map_fini(&s->of);
    pthread_mutex_destroy(&s->lock);
}

static const struct eg_cache spaces = { .size = sizeof(struct spaces), .make = begin, .fini = end };

/* Under the lock. */
static int open_space(struct eg_system *sys, struct spaces *s, uint64_t mm, uint64_t root,
                      struct eg_space **out)
{
    struct eg_paging paging = sys->chosen->paging;
    struct eg_space **new, *space;
    uint64_t i;
    int rc;

    if (eg_map_get(&s->of, mm, &i)) {
        *out = s->all.at[i];
        return 0;
    }
    *(sys->arch->two_roots ? &paging.user_root : &paging.root) = root;
    rc = eg_paging_open(&space, NULL, sys->image->phys, &paging, NULL);
    if (rc)
        return rc;
    new = eg_vec_push(&s->all);
    if (!new || eg_map_add(&s->of, mm, s->all.n - 1) < 0) {
        s->all.n -= new != NULL;
        eg_space_close(space);
        return -EG_ENOMEM;
    }
    *new = *out = space;
    return 0;
}

struct eg_space *linux_mm_space(struct eg_run *r, struct eg_obj mm)
{
    struct eg_system *sys = eg_system_of(r);
    struct eg_space *space = NULL;
    struct spaces *s;
    uint64_t pgd, root;
    int rc;

    if (mm.kind == EG_K_PTR)
        mm = eg_deref(mm);
    if (!eg_get(&pgd, mm, mm_struct.pgd) ||
        !eg_translate(eg_view_of(r), eg_kernel(r), pgd, eg_physical(r), &root) ||
        !(s = eg_system_cache(sys, r, &spaces)))
        return NULL;
    pthread_mutex_lock(&s->lock);
    rc = open_space(sys, s, mm.addr, root, &space);
    pthread_mutex_unlock(&s->lock);
    if (rc == -EG_ENOMEM)
        eg_run_fail(r, EG_ENOMEM, "out of memory for an address space");
    return space;
}

char *linux_user_bytes(struct eg_run *r, struct eg_space *user, uint64_t start, uint64_t end,
                       struct linux_buffer *buf, size_t *len, struct eg_cell *missing)
{
    enum { MOST = 6 << 20 }; // arguments and environment of one program: fs/exec.c
    struct eg_view *v = eg_view_of(r);
    uint64_t at = start, stop = end;
    size_t n;

    *missing = eg_missing(EG_BAD_VALUE, start);
    if (end > start && end - start > MOST)
        stop = start + MOST;
    for (; at < stop; at += n) {
        n = stop - at;
        if (!eg_map_some(v, user, at, &n)) {
            *missing = eg_missing((enum eg_why)v->why, at);
            break;
        }
    }
    if (at <= start)
        return NULL;
    n = at - start;
    if (n >= buf->cap) {
        buf->cap = 2 * n + 1;
        buf->at = eg_tmp(r, buf->cap);
    }
    if (!eg_read(v, user, start, buf->at, n))
        return NULL;
    buf->at[n] = 0;
    *len = n;
    return buf->at;
}

void linux_note_cut(struct eg_run *r, struct eg_obj task, const char *what,
                    const struct eg_cell *missing)
{
    eg_note(r, "process %d: %s cut at %#llx: %s", eg_get_or(-1, task, task_struct.pid), what,
            (unsigned long long)missing->u, eg_why_text(missing->why));
}

unsigned linux_page_shift(struct eg_run *r)
{
    const struct eg_system *sys = eg_system_of(r);

    return sys->chosen->paging.granule ? sys->chosen->paging.granule : sys->arch->page_shift;
}

struct eg_space *linux_task_space(struct eg_run *r, struct eg_obj task)
{
    return linux_mm_space(r, eg_at(task, task_struct.mm));
}

static struct eg_cell page_shift(struct eg_run *r, const struct eg_obj *args, unsigned n)
{
    (void)args, (void)n;
    return eg_int(linux_page_shift(r));
}

EG_FUNCTION(page_shift) = {
    .os = "linux",
    .help = "log2 of the kernel's page size",
    .args = "",
    .returns = "integer",
    .call = page_shift,
};
