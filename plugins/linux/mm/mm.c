/* mm.c - page tables of processes, and the bytes of their memory. */
#include "mm.h"
#include "../../../core/run.h"
#include "../../../core/system.h"

int linux_tables_open(const struct eg_system *sys, uint64_t root, struct eg_space **out)
{
    struct eg_paging paging = sys->chosen->paging;

    *(sys->arch->two_roots ? &paging.user_root : &paging.root) = root;
    return eg_paging_open(out, NULL, sys->image->phys, &paging, NULL);
}

bool linux_tables_root(struct eg_run *r, struct eg_obj mm, uint64_t *out)
{
    uint64_t pgd;

    return eg_get(&pgd, mm, mm_struct.pgd) &&
           eg_translate(eg_view_of(r), eg_kernel(r), pgd, eg_physical(r), out);
}

struct eg_space *linux_mm_tables(struct eg_run *r, struct eg_obj mm)
{
    struct eg_space *space;
    uint64_t root;

    return linux_tables_root(r, mm, &root) && !linux_tables_open(eg_system_of(r), root, &space)
               ? space
               : NULL;
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

unsigned linux_page_shift(struct eg_run *r)
{
    const struct eg_system *sys = eg_system_of(r);

    return sys->chosen->paging.granule ? sys->chosen->paging.granule : sys->arch->page_shift;
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
