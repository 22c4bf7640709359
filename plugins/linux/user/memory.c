/* memory.c - the private, writable memory of a process. */
#include "memory.h"
#include "../../../core/space.h"
#include "../../../core/system.h"
#include "../mm/filemap.h"
#include "../mm/flags.h"
#include "../mm/vma.h"
#include "../sched/task.h"
#include <string.h>

enum {
    RANGES_MAX = 1 << 17, // vm.max_map_count is 65530 unless raised
    TEXT_MAX = 64 << 20,
    TIMES_MEMORY = 4, // compressed swap holds more than memory is large
    TIMES_ALL = 32,   // that much, of all processes: they share what they inherit
};

static void add_range(struct linux_user *u, uint64_t start, uint64_t end, bool file)
{
    const struct linux_user_range *last = u->n ? &u->ranges[u->n - 1] : NULL;

    u->ranges = eg_grow(u->run, u->ranges, u->n, &u->cap, sizeof *u->ranges);
    u->ranges[u->n++] = (struct linux_user_range){
        .start = start, .end = end, .data = file || (last && last->data && last->end == start)
    };
}

bool linux_user_open(struct eg_run *r, struct eg_obj task, struct linux_user *u)
{
    const struct eg_model *model = &eg_binding_of(r)->model;
    struct eg_obj vma;
    uint64_t top;

    u->run = r;
    u->n = 0;
    u->budget = TEXT_MAX;
    u->full = u->endless = false;
    if (!u->most && !eg_mul(TIMES_MEMORY, eg_mapped_bytes(eg_view_of(r), eg_physical(r)), &u->most))
        u->most = UINT64_MAX;
    u->mm = eg_deref(eg_at(task, task_struct.mm));
    u->big = model->big_endian;
    u->space = u->mm.why ? NULL : linux_mm_backed_space(r, u->mm);
    if (!u->space && !u->mm.why)
        u->space = linux_mm_space(r, u->mm);
    if (!u->space)
        return false;
    // A 32-bit program on a 64-bit kernel has 4 GB at most: TASK_SIZE of its personality.
    u->ptr = model->ptr_size;
    if (eg_get(&top, u->mm, mm_struct.task_size) && top && top <= UINT64_C(1) << 32)
        u->ptr = 4;
    linux_each_vma(r, u->mm, vma) {
        uint64_t start, end, flags, file;

        if (u->n == RANGES_MAX) {
            eg_note(r, "process %d: only the first %d of its mappings are searched",
                    eg_get_or(-1, task, task_struct.tgid), RANGES_MAX);
            break;
        }
        if (eg_get(&start, vma, vm_area_struct.vm_start) &&
            eg_get(&end, vma, vm_area_struct.vm_end) &&
            eg_get(&flags, vma, vm_area_struct.vm_flags) && (flags & VM_WRITE) &&
            !(flags & VM_MAYSHARE))
            add_range(u, start, end, eg_get(&file, vma, vm_area_struct.vm_file) && file);
    }
    return true;
}

const struct linux_user_range *linux_user_range(const struct linux_user *u, uint64_t addr)
{
    size_t lo = 0, hi = u->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (u->ranges[mid].end <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < u->n && u->ranges[lo].start <= addr ? &u->ranges[lo] : NULL;
}

static bool is_spent(const struct linux_user *u)
{
    return u->all / TIMES_ALL > u->most;
}

bool linux_user_next(struct linux_user *u, bool data_only, struct linux_user_piece *p)
{
    struct eg_view *v = eg_view_of(u->run);
    struct eg_extent x;

    if (!p->begun) {
        *p = (struct linux_user_piece){ .begun = true };
        p->next = u->n ? u->ranges[0].start : 0;
    }
    for (; p->range < u->n && !eg_stopped(u->run); p->range++) {
        const struct linux_user_range *range = &u->ranges[p->range];
        uint64_t at = p->next < range->start ? range->start : p->next;

        while ((range->data || !data_only) && at < range->end && !eg_stopped(u->run)) {
            size_t len = (size_t)(range->end - at);

            p->bytes = eg_map_some(v, u->space, at, &len);
            p->seen += p->bytes ? len : EG_VIEW_PAGE;
            u->all += p->bytes ? len : EG_VIEW_PAGE;
            if (p->seen > u->most || is_spent(u)) {
                u->endless = true;
                p->range = u->n;
                return false;
            }
            if (p->bytes && len >= u->ptr) {
                p->at = at;
                p->len = len - len % u->ptr;
                p->next = at + len;
                return true;
            }
            if (!eg_next_mapped(v, u->space, at, range->end - 1, &x))
                break;
            // What is mapped and yet gives no bytes is a page that its space cannot make.
            at = x.start > at ? x.start : x.last >= range->end - 1 ? range->end : x.last + 1;
        }
    }
    return false;
}

bool linux_user_word(const struct linux_user *u, uint64_t addr, uint64_t *out)
{
    const uint8_t *p;

    if (addr % u->ptr)
        return false;
    p = eg_bytes(eg_view_of(u->run), u->space, addr, u->ptr);
    if (!p)
        return false;
    *out = linux_user_load(u, p);
    return true;
}

bool linux_user_u32(const struct linux_user *u, uint64_t addr, uint32_t *out)
{
    const uint8_t *p = addr % 4 ? NULL : eg_bytes(eg_view_of(u->run), u->space, addr, 4);

    if (!p)
        return false;
    *out = (uint32_t)eg_load_(p, 4, u->big);
    return true;
}

static bool is_typed(unsigned char c)
{
    return c >= 0x20 ? c != 0x7f : (c >= '\a' && c <= '\r') || c == 0x1b;
}

/* Nothing is copied before it is known to be a text: most of what is asked is none. */
bool linux_user_is_text(struct linux_user *u, uint64_t addr, size_t max, enum linux_text_kind kind,
                        size_t *len)
{
    struct eg_view *v = eg_view_of(u->run);
    size_t got = 0;

    while (addr && got < max && u->budget) {
        size_t n = max - got, i = 0;
        const uint8_t *p = addr + got < addr ? NULL : eg_map_some(v, u->space, addr + got, &n);

        if (!p)
            return false;
        while (i < n && p[i] && (kind != LINUX_TEXT_LINE || is_typed(p[i])))
            i++;
        u->budget -= i < u->budget ? i : u->budget;
        got += i;
        if (i == n)
            continue;
        if (len)
            *len = got;
        return !p[i] && got > 0;
    }
    return false;
}

char *linux_user_text(struct linux_user *u, uint64_t addr, size_t max, enum linux_text_kind kind,
                      struct linux_buffer *buf, size_t *len)
{
    struct eg_cell missing;

    if (!linux_user_is_text(u, addr, max, kind, len))
        return NULL;
    return linux_user_bytes(u->run, u->space, addr, addr + *len, buf, len, &missing);
}

bool linux_user_is_go(struct linux_user *u)
{
    static const char mark[] = "\xff Go buildinf:";
    struct linux_user_piece p = { 0 };

    // It is aligned to 16 bytes, in the first page of the program's variables.
    while (linux_user_next(u, true, &p))
        for (size_t i = 0; i + sizeof mark - 1 <= p.len; i += 16)
            if (!memcmp(p.bytes + i, mark, sizeof mark - 1))
                return true;
    return false;
}

void linux_user_notes(struct linux_user *u, struct eg_obj task)
{
    const int pid = eg_get_or(-1, task, task_struct.tgid);

    if (u->full)
        eg_note(u->run,
                "process %d: more than %d places look like what is searched: not all are "
                "examined",
                pid, LINUX_ADDRESSES_MAX);
    if (u->endless && is_spent(u)) {
        if (!u->told)
            eg_note(u->run,
                    "searches of processes have gone through more than %d times the machine's "
                    "memory: the rest, from process %d on, is not searched",
                    TIMES_MEMORY * TIMES_ALL, pid);
        u->told = true;
    } else if (u->endless) {
        eg_note(u->run,
                "process %d: its page tables map more than %d times the machine's memory: not all "
                "of it is searched",
                pid, TIMES_MEMORY);
    }
    if (!u->budget)
        eg_note(u->run, "process %d: more than %d MiB of text was examined: the rest was not", pid,
                TEXT_MAX >> 20);
}

void linux_addresses_add(struct linux_user *u, struct linux_addresses *a, uint64_t addr)
{
    if (a->n == LINUX_ADDRESSES_MAX) {
        u->full = true;
        return;
    }
    a->at = eg_grow(u->run, a->at, a->n, &a->cap, sizeof *a->at);
    a->at[a->n++] = addr;
}
