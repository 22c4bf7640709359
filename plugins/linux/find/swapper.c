/** swapper.c - finds init_task by the types: it is the task that is its own parent. So it is known
 * where no symbol table names it, and a kernel without BTF and kallsyms is found if the user gave
 * its types. */
#include "swapper.h"
#include "traces.h"
#include "windows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FOUND_MAX = LINUX_FIRST_TASKS_MAX };

struct swapper {
    struct linux_finder *finder;
    const struct linux_arch *arch;
    const struct eg_types *ts;
    uint64_t comm, pid, tgid, real_parent, group_leader, tasks;
    pthread_mutex_t lock;
    struct linux_first_task *found; /**< at most FOUND_MAX */
    size_t n;
    bool more; /**< some were dropped */
};

static void keep(struct swapper *s, uint64_t pa, uint64_t va)
{
    size_t i;

    pthread_mutex_lock(&s->lock);
    for (i = s->n; i > 0 && pa < s->found[i - 1].pa; i--)
        if (i < FOUND_MAX)
            s->found[i] = s->found[i - 1];
    if (i < FOUND_MAX)
        s->found[i] = (struct linux_first_task){ pa, va };
    s->more |= s->n == FOUND_MAX;
    s->n += s->n < FOUND_MAX;
    pthread_mutex_unlock(&s->lock);
}

/** Is the text at physical @comm the comm of a task_struct with pid 0 that is its own parent and
 * group leader? Its task list must not be empty: a kernel that ran has other tasks. */
static void probe(struct swapper *s, struct eg_view *v, uint64_t comm)
{
    const struct eg_model *m = &s->ts->layers[0].profile->model;
    struct eg_space *phys = s->finder->phys;
    const uint64_t task = comm - s->comm;
    uint64_t parent, leader, next;
    uint32_t pid, tgid;

    if (comm < s->comm || !eg_read_u32(v, phys, task + s->pid, m->big_endian, &pid) || pid != 0 ||
        !eg_read_u32(v, phys, task + s->tgid, m->big_endian, &tgid) || tgid != 0 ||
        !linux_ptr(v, phys, m, task + s->real_parent, &parent) ||
        !linux_ptr(v, phys, m, task + s->group_leader, &leader) || parent != leader ||
        !linux_in_image(s->arch, parent) || (parent - task) % 4096 != 0 ||
        !linux_ptr(v, phys, m, task + s->tasks, &next) || !next || next == parent + s->tasks)
        return;
    keep(s, task, parent);
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
                    { "group_leader", &s->group_leader },
                    { "tasks", &s->tasks } };

    for (size_t i = 0; i < countof(members); i++)
        if (!linux_member(s->ts, "task_struct", members[i].name, members[i].at, NULL))
            return false;
    return true;
}

size_t linux_first_tasks(struct linux_finder *f, const struct linux_arch *arch,
                         const struct eg_types *ts, uint64_t from, uint64_t to,
                         struct linux_first_task out[LINUX_FIRST_TASKS_MAX], bool *more)
{
    struct swapper s = {
        .finder = f, .arch = arch, .ts = ts, .lock = PTHREAD_MUTEX_INITIALIZER, .found = out
    };
    struct linux_windows w;

    if (offsets(&s) && linux_windows_init(&w, f, from, to)) {
        while (linux_windows_scan(&w, "looking for the first task", see, &s))
            ;
        linux_windows_fini(&w);
    }
    if (more)
        *more = s.more;
    return s.n;
}

static void try_all(struct linux_finder *f, const struct linux_arch *arch,
                    const struct linux_first_task *found, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct linux_candidate c = { .arch = arch, .paging.arch = eg_arch_find(arch->name) };

        if (!c.paging.arch)
            return;
        c.init_task = found[i].va;
        c.delta = found[i].va - found[i].pa;
        c.has_delta = true;
        snprintf(c.trace, sizeof c.trace, "swapper's task_struct at %#" PRIx64, found[i].pa);
        f->offer(f, &c);
    }
}

void linux_trace_swapper(struct linux_finder *f)
{
    for (size_t i = 0; f->given && f->given->types && linux_arch_nth(i); i++) {
        const struct linux_arch *arch = linux_arch_nth(i);
        struct linux_first_task found[LINUX_FIRST_TASKS_MAX];
        struct eg_types ts = { 0 };
        bool more = false;

        if (f->given->types->model.big_endian == linux_big_endian(arch) &&
            eg_types_init(&ts, f->given->types, NULL) == 0)
            try_all(f, arch, found,
                    linux_first_tasks(f, arch, &ts, 0, f->phys->last, found, &more));
        if (more && !f->done)
            eg_system_note(f->sys,
                           "more than %d places in memory look like the first task: only those at "
                           "the lowest addresses were tried",
                           FOUND_MAX);
        eg_types_fini(&ts);
    }
}
