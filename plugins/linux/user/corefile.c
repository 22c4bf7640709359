/* corefile.c - headers and memory of a core file. */
#include "corefile.h"
#include "../../../core/system.h"
#include "../mm/elf.h"
#include "../mm/flags.h"
#include "../mm/mm.h"
#include "../sched/flags.h"
#include "../sched/task.h"
#include <sys/stat.h>
#include <unistd.h>

enum {
    PART_MOST = 1 << 18,  // of one process
    LEFT_OUT = 64 << 20,  // untouched bytes in a row, from which on they are not in the file
    STEPS_MOST = 1 << 24, // pieces of one process that are looked at
    TIMES_IMAGE = 8,      // more memory than so many times the image's is page tables in circles
    PN_XNUM_ = 0xffff,    // more program headers: their number is in section header 0
    ET_CORE_ = 4,
};

bool linux_core_supported(struct eg_run *r)
{
    const uint16_t machine = eg_system_of(r)->arch->elf_machine;

    return machine == ELF_X86_64 || machine == ELF_AARCH64;
}

/* ---- what memory there is ---- */

static bool joins(const struct linux_core_part *a, const struct linux_core_part *b)
{
    return a->last + 1 == b->first && a->kind == b->kind && a->why == b->why &&
           a->flags == b->flags;
}

static bool push(struct linux_core *c, struct linux_core_part p)
{
    struct linux_core_part *last = c->n_parts ? &c->parts[c->n_parts - 1] : NULL;

    if (p.kind == LINUX_CORE_STORED)
        c->stored += p.last - p.first + 1;
    if (last && joins(last, &p)) {
        last->last = p.last;
        return true;
    }
    if (c->n_parts == PART_MOST) {
        c->cut = "it has more pieces than are written";
        return false;
    }
    c->parts = eg_grow(c->r, c->parts, c->n_parts, &c->cap_parts, sizeof *c->parts);
    c->parts[c->n_parts++] = p;
    return true;
}

static uint32_t segment_flags(uint64_t vm_flags)
{
    return (vm_flags & VM_READ ? ELF_R : 0) | (vm_flags & VM_WRITE ? ELF_W : 0) |
           (vm_flags & VM_EXEC ? ELF_X : 0);
}

/* One mapping, from piece to piece. @most: bytes that may be stored of a process. */
static bool look_at(struct linux_core *c, const struct linux_mapping *m, uint64_t most)
{
    struct eg_view *v = eg_view_of(c->r);
    const uint64_t page = (UINT64_C(1) << linux_page_shift(c->r)) - 1;
    struct eg_extent x;
    uint64_t at = m->first;

    for (;;) {
        struct linux_core_part p = { .first = at, .flags = segment_flags(m->flags) };
        size_t n;

        eg_extent_at(v, c->whole.space, at, &x);
        p.last = EG_MIN(x.last, m->last);
        p.kind = LINUX_CORE_STORED;
        if (x.why) {
            p.kind = LINUX_CORE_MISSING;
            p.why = (enum eg_why)x.why;
        } else if (x.zero) {
            p.kind = LINUX_CORE_UNTOUCHED;
        } else {
            n = (size_t)EG_MIN(p.last - at, (uint64_t)EG_FILL_MAX - 1) + 1;
            if (eg_map_some(v, c->whole.space, at, &n)) {
                p.last = at + (n - 1);
            } else { // the page tables name memory that the image lacks
                p.kind = LINUX_CORE_MISSING;
                p.why = (enum eg_why)v->why;
                p.last = EG_MIN(p.last, at | page);
            }
        }
        if (c->stored > most || c->steps++ == STEPS_MOST) {
            c->cut = "its page tables map more memory than there is";
            return false;
        }
        if (!push(c, p) || eg_stopped(c->r))
            return false;
        if (p.last >= m->last)
            return true;
        at = p.last + 1;
    }
}

/* Little untouched memory is in the file, as zeros that take no room. */
static void settle(struct linux_core *c)
{
    size_t n = 0;

    c->stored = 0;
    for (size_t i = 0; i < c->n_parts; i++) {
        struct linux_core_part p = c->parts[i];
        const uint64_t len = p.last - p.first + 1;

        if (p.kind == LINUX_CORE_UNTOUCHED && len < LEFT_OUT)
            p.kind = LINUX_CORE_STORED;
        c->stored += p.kind == LINUX_CORE_STORED ? len : 0;
        c->missing += p.kind == LINUX_CORE_MISSING && p.why != EG_NOT_PRESENT ? len : 0;
        if (n && joins(&c->parts[n - 1], &p))
            c->parts[n - 1].last = p.last;
        else
            c->parts[n++] = p;
    }
    c->n_parts = n;
}

bool linux_core_open(struct eg_run *r, struct eg_obj leader, struct linux_core *c)
{
    struct linux_regs regs;
    struct eg_obj task;
    enum eg_why why;
    uint64_t most;

    c->r = r;
    c->leader = leader;
    c->mm = LINUX_NOBODY;
    c->n_parts = 0;
    c->steps = 0;
    c->n_threads = c->n_without = c->stored = c->missing = c->size = 0;
    c->compat = false;
    c->cut = NULL;
    linux_each_thread(r, leader, task) { // the leader may have ended before the others
        struct eg_obj mm = eg_deref(eg_at(task, task_struct.mm));

        if (mm.why || linux_task_has(task, PF_IO_WORKER))
            continue;
        c->n_threads++;
        c->mm = c->mm.why ? mm : c->mm;
        if (linux_user_regs(r, task, &regs, &why))
            c->compat |= regs.compat;
    }
    if (c->mm.why || !linux_whole_open(r, c->mm, &c->whole))
        return false;
    if (!c->ram)
        c->ram = eg_stored_bytes(eg_view_of(r), eg_physical(r));
    if (!eg_mul(c->ram, TIMES_IMAGE, &most))
        most = UINT64_MAX;
    for (size_t i = 0; i < c->whole.n; i++)
        if (!look_at(c, &c->whole.at[i], most))
            break;
    settle(c);
    return !eg_stopped(r);
}

/* ---- writing ---- */

static void put(uint8_t **p, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) // the processors that are known are little-endian
        *(*p)++ = (uint8_t)(value >> 8 * i);
}

static unsigned word(const struct linux_core *c)
{
    return c->compat ? 4 : 8;
}

static void file_header(struct linux_core *c, size_t n, uint64_t sections)
{
    static const char ident[] = { 0x7f, 'E', 'L', 'F' };
    const unsigned w = word(c);
    uint8_t bytes[64] = { 0 }, *p = bytes + 16;
    const uint16_t machine = eg_system_of(c->r)->arch->elf_machine;

    memcpy(bytes, ident, sizeof ident);
    bytes[4] = w == 4 ? 1 : 2;
    bytes[5] = bytes[6] = 1;
    put(&p, ET_CORE_, 2);
    put(&p, !c->compat ? machine : machine == ELF_X86_64 ? ELF_386 : ELF_ARM, 2);
    put(&p, 1, 4);
    put(&p, 0, w);                // entry
    put(&p, w == 4 ? 52 : 64, w); // program headers
    put(&p, sections, w);
    put(&p, 0, 4);
    put(&p, w == 4 ? 52 : 64, 2);
    put(&p, w == 4 ? 32 : 56, 2);
    put(&p, EG_MIN(n, (size_t)PN_XNUM_), 2);
    put(&p, sections ? (w == 4 ? 40 : 64) : 0, 2);
    put(&p, sections ? 1 : 0, 2);
    put(&p, 0, 2);
    fwrite(bytes, 1, w == 4 ? 52 : 64, c->f);
}

struct header {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz, align;
};

static void program_header(struct linux_core *c, const struct header *h)
{
    const unsigned w = word(c);
    uint8_t bytes[56], *p = bytes;

    put(&p, h->type, 4);
    if (w == 8)
        put(&p, h->flags, 4);
    put(&p, h->offset, w);
    put(&p, h->vaddr, w);
    put(&p, 0, w);
    put(&p, h->filesz, w);
    put(&p, h->memsz, w);
    if (w == 4)
        put(&p, h->flags, 4);
    put(&p, h->align, w);
    fwrite(bytes, 1, (size_t)(p - bytes), c->f);
}

static void section_zero(struct linux_core *c, size_t n) // its sh_info is the number of headers
{
    uint8_t bytes[64] = { 0 }, *p = bytes + (word(c) == 4 ? 28 : 44);

    put(&p, n, 4);
    fwrite(bytes, 1, word(c) == 4 ? 40 : 64, c->f);
}

/* The bytes of one part; pages of zeros become a hole of the file. */
static bool memory(struct linux_core *c, const struct linux_core_part *p, uint64_t offset)
{
    enum { BLOCK = 4096 };
    struct eg_view *v = eg_view_of(c->r);
    uint64_t at = p->first;

    for (;;) {
        size_t n = (size_t)EG_MIN(p->last - at, (uint64_t)EG_FILL_MAX - 1) + 1, from, to;
        struct eg_extent x;
        const uint8_t *bytes;

        eg_extent_at(v, c->whole.space, at, &x);
        bytes = x.zero ? NULL : eg_map_some(v, c->whole.space, at, &n);
        if (x.zero)
            n = EG_MIN(x.last, p->last) - at + 1;
        for (from = 0; bytes && from < n; from = to) {
            to = EG_MIN(n, from + BLOCK);
            if (eg_all_zero(bytes + from, to - from))
                continue;
            while (to < n && !eg_all_zero(bytes + to, EG_MIN(n - to, (size_t)BLOCK)))
                to = EG_MIN(n, to + BLOCK);
            if (fseeko(c->f, (off_t)(offset + (at - p->first) + from), SEEK_SET) < 0 ||
                fwrite(bytes + from, 1, to - from, c->f) != to - from)
                return false;
        }
        if (p->last - at < n || eg_stopped(c->r))
            return !ferror(c->f) && !eg_stopped(c->r);
        at += n;
    }
}

bool linux_core_write(struct linux_core *c, FILE *f)
{
    const uint64_t page = UINT64_C(1) << linux_page_shift(c->r);
    const size_t n = c->n_parts + 1;
    const unsigned w = word(c);
    const uint64_t headers = (w == 4 ? 52 : 64) + (w == 4 ? 32 : 56) * (uint64_t)n;
    const uint64_t sections = n >= PN_XNUM_ ? headers : 0;
    const uint64_t notes = headers + (sections ? (w == 4 ? 40 : 64) : 0);
    struct header h = { .type = ELF_NOTE, .offset = notes, .align = 4 };
    uint64_t first, offset;
    off_t end;

    c->f = f;
    if (fseeko(f, (off_t)notes, SEEK_SET) < 0 || !linux_core_notes(c) || (end = ftello(f)) < 0)
        return false;
    h.filesz = (uint64_t)end - notes;
    first = offset = eg_align_up((uint64_t)end, page);
    if (fseeko(f, 0, SEEK_SET) < 0)
        return false;
    file_header(c, n, sections);
    program_header(c, &h);
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct linux_core_part *p = &c->parts[i];
        const uint64_t len = p->last - p->first + 1;

        h = (struct header){ ELF_LOAD, p->flags, offset, p->first, 0, len, page };
        if (p->kind == LINUX_CORE_STORED) {
            h.filesz = len;
            offset += len;
        }
        program_header(c, &h);
    }
    if (sections)
        section_zero(c, n);
    c->size = offset;
    if (fflush(f) || (ftruncate(fileno(f), (off_t)offset) < 0))
        return false;
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct linux_core_part *p = &c->parts[i];

        if (p->kind != LINUX_CORE_STORED)
            continue;
        if (!memory(c, p, first))
            return false;
        first += p->last - p->first + 1;
    }
    return !fflush(f);
}
