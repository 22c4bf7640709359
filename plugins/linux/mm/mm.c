/* mm.c - a process's user memory as an address space of its own. */
#include "../../../core/run.h"
#include "../linux.h"
#include "../state.h"

EG_FIELDS(task_struct, pid, mm);
EG_FIELDS(mm_struct, pgd, arg_start, arg_end);

/* Under the lock. */
static int open_space(struct eg_system *sys, struct linux_state *s, uint64_t mm, uint64_t root,
                      struct eg_space **out)
{
    struct eg_paging paging = sys->chosen->paging;
    struct linux_mm_space *new;
    struct eg_space *space;
    uint64_t i;
    int rc;

    if (eg_map_get(&s->mm_of, mm, &i)) {
        *out = s->mm_spaces.at[i].space;
        return 0;
    }
    *(sys->arch->two_roots ? &paging.user_root : &paging.root) = root;
    rc = eg_paging_open(&space, NULL, sys->image->phys, &paging, NULL);
    if (rc)
        return rc;
    new = eg_vec_push(&s->mm_spaces);
    if (!new || eg_map_add(&s->mm_of, mm, s->mm_spaces.n - 1) < 0) {
        s->mm_spaces.n -= new != NULL;
        eg_space_close(space);
        return -EG_ENOMEM;
    }
    *new = (struct linux_mm_space){ mm, space };
    *out = space;
    return 0;
}

struct eg_space *linux_mm_space(struct eg_run *r, struct eg_obj mm)
{
    struct eg_system *sys = eg_system_of(r);
    struct linux_state *s = linux_state(sys);
    struct eg_space *space = NULL;
    uint64_t pgd, root;
    int rc;

    if (mm.kind == EG_K_PTR)
        mm = eg_deref(mm);
    if (!eg_get(&pgd, mm, mm_struct.pgd) ||
        !eg_translate(eg_view_of(r), eg_kernel(r), pgd, eg_physical(r), &root))
        return NULL;
    pthread_mutex_lock(&s->lock);
    rc = open_space(sys, s, mm.addr, root, &space);
    pthread_mutex_unlock(&s->lock);
    if (rc == -EG_ENOMEM)
        eg_run_fail(r, EG_ENOMEM, "%s", "memory: none for an address space");
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

/* A process that wrote over the last byte of its arguments has set a title, which may run on into
 * the environment: up to its first NUL, and over one page at most. */
static bool has_title(struct eg_run *r, struct eg_space *user, uint64_t arg_end)
{
    const uint8_t *last = eg_bytes(eg_view_of(r), user, arg_end - 1, 1);

    return last && *last;
}

char *linux_command_line(struct eg_run *r, struct eg_obj task, struct linux_buffer *buf,
                         size_t *len, struct eg_cell *missing)
{
    struct eg_obj mm = eg_at(task, task_struct.mm), end_at = eg_at(mm, mm_struct.arg_end);
    struct eg_space *user = linux_mm_space(r, mm);
    uint64_t start, end;
    size_t got, whole;
    bool title;
    char *s;

    *missing = eg_cell_of(end_at);
    if (!eg_get(&start, mm, mm_struct.arg_start) || !eg_load(&end, end_at))
        return NULL;
    if (start >= end) {
        *len = 0;
        return eg_strf(r, "%s", "");
    }
    *missing = eg_missing(EG_TABLE_MISSING, mm.addr);
    if (!user)
        return NULL;
    title = has_title(r, user, end);
    if (title)
        end = start + (UINT64_C(1) << linux_page_shift(r));
    s = linux_user_bytes(r, user, start, end, buf, &got, missing);
    if (!s)
        return NULL;
    whole = title ? __builtin_strlen(s) : got;
    if (whole == got && got < end - start)
        linux_note_cut(r, task, "command line", missing);
    while (whole && !s[whole - 1])
        whole--;
    *len = whole;
    return s;
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
