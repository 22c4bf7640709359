/** swapper.c - a kernel that has neither BTF nor kallsyms, by types that the user gave: the
 * task that is its own parent. */
#include "find.h"
#include <inttypes.h>
#include <stdio.h>

enum { FOUND_MAX = 16 };

struct swapper {
    struct linux_finder *finder;
    const struct linux_arch *arch;
    struct eg_types ts;
    uint64_t comm, pid, tgid, real_parent, group_leader;
    pthread_mutex_t lock;
    struct {
        uint64_t pa, va;
    } found[FOUND_MAX];
    size_t n;
};

/** Is there a task_struct of pid 0 around this comm, that is its own parent and leader? */
static void probe(struct swapper *s, struct eg_view *v, uint64_t comm)
{
    const struct eg_model *m = &s->ts.layers[0].profile->model;
    struct eg_space *phys = s->finder->phys;
    const uint64_t task = comm - s->comm;
    uint64_t parent, leader;
    uint32_t pid, tgid;

    if (comm < s->comm || !eg_read_u32(v, phys, task + s->pid, m->big_endian, &pid) || pid != 0 ||
        !eg_read_u32(v, phys, task + s->tgid, m->big_endian, &tgid) || tgid != 0 ||
        !linux_ptr(v, phys, m, task + s->real_parent, &parent) ||
        !linux_ptr(v, phys, m, task + s->group_leader, &leader) || parent != leader ||
        !linux_in_image(s->arch, parent) || (parent - task) % 4096 != 0)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->n < FOUND_MAX) {
        s->found[s->n].pa = task;
        s->found[s->n++].va = parent;
    }
    pthread_mutex_unlock(&s->lock);
}

static void see(void *context, struct eg_view *v, uint64_t pa, const uint8_t *p, size_t len)
{
    const uint8_t *at = p, *const end = p + len;

    while ((at = memmem(at, (size_t)(end - at), "swapper", 7))) {
        if (end - at > 9 && (!memcmp(at + 7, "/0", 3) || at[7] == 0))
            probe(context, v, pa + (uint64_t)(at - p));
        at++;
    }
}

static bool offsets(struct swapper *s)
{
    const struct {
        const char *name;
        uint64_t *at;
    } members[] = { { "comm", &s->comm },
                    { "pid", &s->pid },
                    { "tgid", &s->tgid },
                    { "real_parent", &s->real_parent },
                    { "group_leader", &s->group_leader } };

    for (size_t i = 0; i < countof(members); i++)
        if (!linux_member(&s->ts, "task_struct", members[i].name, members[i].at, NULL))
            return false;
    return true;
}

static void try_all(struct swapper *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct linux_candidate g = { .arch = s->arch, .paging.arch = eg_arch_find(s->arch->name) };

        if (!g.paging.arch)
            return;
        g.init_task = s->found[i].va;
        g.delta = g.init_task - s->found[i].pa;
        g.has_delta = true;
        snprintf(g.trace, sizeof g.trace, "swapper's task_struct at %#" PRIx64, s->found[i].pa);
        linux_try(s->finder, &g);
    }
}

void linux_trace_swapper(struct linux_finder *f)
{
    for (size_t i = 0; f->given && f->given->types && linux_arch_nth(i); i++) {
        struct swapper s = { .finder = f,
                             .arch = linux_arch_nth(i),
                             .lock = PTHREAD_MUTEX_INITIALIZER };
        struct linux_windows w;

        if (f->given->types->model.big_endian == s.arch->big_endian &&
            eg_types_init(&s.ts, f->given->types, NULL) == 0 && offsets(&s) &&
            linux_windows_init(&w, f, 0, f->phys->last)) {
            while (linux_windows_scan(&w, "looking for swapper", see, &s))
                ;
            linux_windows_fini(&w);
        }
        try_all(&s);
        eg_types_fini(&s.ts);
    }
}
