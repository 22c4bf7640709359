/* space.c - a process's user memory as an address space of its own. */
#include "../../../core/cache.h"
#include "../../../core/map.h"
#include "../../../core/run.h"
#include "../sched/task.h"
#include "mm.h"
#include "swap.h"

/* The spaces of processes, kept from their first use to the system's end. */
struct spaces {
    pthread_mutex_t lock; // guards the rest
    struct eg_map of;     // address of the top page table → index
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

static const struct eg_cache spaces = {
    .size = sizeof(struct spaces), .make = begin, .fini = end, .lasts = true
};

/* Under the lock. */
static int open_space(struct eg_system *sys, struct spaces *s, struct linux_swap *swap,
                      uint64_t root, struct eg_space **out)
{
    struct eg_space **new, *space, *tables;
    uint64_t i;
    int rc;

    if (eg_map_get(&s->of, root, &i)) {
        *out = s->all.at[i];
        return 0;
    }
    rc = linux_tables_open(sys, root, &tables);
    if (rc)
        return rc;
    space = tables;
    if (swap->n && linux_swap_space(&space, swap, tables)) {
        eg_space_close(tables);
        return -EG_ENOMEM;
    }
    new = eg_vec_push(&s->all);
    if (!new || eg_map_add(&s->of, root, s->all.n - 1) < 0) {
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
    struct linux_swap *swap;
    struct spaces *s;
    uint64_t root;
    int rc;

    if (mm.kind == EG_K_PTR)
        mm = eg_deref(mm);
    if (!linux_tables_root(r, mm, &root) || !(swap = linux_swap(r)) ||
        !(s = eg_system_cache(sys, r, &spaces)))
        return NULL;
    pthread_mutex_lock(&s->lock);
    rc = open_space(sys, s, swap, root, &space);
    pthread_mutex_unlock(&s->lock);
    if (rc == -EG_ENOMEM)
        eg_run_fail(r, EG_ENOMEM, "out of memory for an address space");
    return space;
}

struct eg_space *linux_task_space(struct eg_run *r, struct eg_obj task)
{
    return linux_mm_space(r, eg_at(task, task_struct.mm));
}

void linux_note_cut(struct eg_run *r, struct eg_obj task, const char *what,
                    const struct eg_cell *missing)
{
    struct eg_space *space = linux_task_space(r, task);

    eg_note(r, "process %d: %s cut at %#llx: %s", eg_get_or(-1, task, task_struct.pid), what,
            (unsigned long long)missing->u,
            space ? linux_why_at(r, space, missing->u, missing->why) : eg_why_text(missing->why));
}
