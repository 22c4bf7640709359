/* apihooks - functions of programs and libraries that begin with other code than their file has. */
#include "../linux/mm/changed.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/objects.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(PATH, TEXT, "program or library that has the function")                                      \
    C(SYMBOL, TEXT, "the function")                                                                \
    C(ADDRESS, ADDR, "where it begins")                                                            \
    C(BYTES, BYTES, "what is there now")                                                           \
    C(FILE_BYTES, BYTES, "what its file has there", EG_MINOR)                                      \
    C(DESTINATION, ADDR, "where it jumps to; not set: no jump that is known")                      \
    C(DESTINATION_NAME, TEXT, "what is there: a file, or the kind of memory")                      \
    C(REASON, TEXT, "why it is a finding")
EG_COLUMNS(COLUMNS);

enum { HEAD = 16, DEPTH = 16 }; // bytes of a function's begin: the longest jump has 16

struct looking {
    struct eg_run *r;
    struct eg_obj task;
    struct linux_images images;
    struct linux_objects *all;
    uint64_t unknown; /* bytes of code that could not be compared */
};

static int64_t signed_bits(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* Where code of x86-64 at @va jumps to. */
static bool jump_of_x86(struct looking *k, const uint8_t *p, uint64_t va, uint64_t *to)
{
    const unsigned skip = !memcmp(p, "\xf3\x0f\x1e\xfa", 4) ? 4 : 0; // endbr64
    const uint8_t *q;

    p += skip;
    va += skip;
    if (*p == 0xe9 || *p == 0xe8) // jmp, call
        return *to = va + 5 + (uint64_t)(int64_t)(int32_t)eg_load_(p + 1, 4, false), true;
    if (*p == 0xeb)
        return *to = va + 2 + (uint64_t)(int64_t)(int8_t)p[1], true;
    if (p[0] == 0xff && p[1] == 0x25) { // jmp *off(%rip)
        q = eg_bytes(eg_view_of(k->r), k->images.space,
                     va + 6 + (uint64_t)(int64_t)(int32_t)eg_load_(p + 2, 4, false), 8);
        return q && (*to = eg_load_(q, 8, false), true);
    }
    if (skip)
        return false; // what follows is longer than what was read
    if ((p[0] == 0x48 || p[0] == 0x49) && (p[1] & 0xf8) == 0xb8) { // movabs; jmp or push, ret
        *to = eg_load_(p + 2, 8, false);
        q = p + 10 + (p[0] == 0x49);
        return (q[0] == 0xff && (q[1] & 0xf8) == 0xe0) || ((q[0] & 0xf8) == 0x50 && q[1] == 0xc3);
    }
    if (p[0] == 0x68 && p[5] == 0xc3) // push, ret
        return *to = (uint64_t)(int64_t)(int32_t)eg_load_(p + 1, 4, false), true;
    return false;
}

static bool jump_of_arm(const uint8_t *p, uint64_t va, uint64_t *to)
{
    uint32_t w[4];
    unsigned i;

    for (i = 0; i < 4; i++)
        w[i] = (uint32_t)eg_load_(p + 4 * i, 4, false);
    i = (w[0] & 0xffffff3f) == 0xd503241f; // bti
    if ((w[i] & 0x7c000000) == 0x14000000) // b, bl
        return *to = va + 4 * i + 4 * (uint64_t)signed_bits(w[i] & 0x3ffffff, 26), true;
    if (i)
        return false;
    if (w[0] >> 24 == 0x58 && (w[1] & 0xfffffc1f) == 0xd61f0000 &&
        (w[0] & 31) == (w[1] >> 5 & 31) && (w[0] >> 5 & 0x7ffff) == 2) // ldr x, +8; br x
        return *to = eg_load_(p + 8, 8, false), true;
    if ((w[0] & 0x9f000000) == 0x90000000) { // adrp x; [add x]; br x
        const int64_t page = signed_bits((w[0] >> 29 & 3) | (w[0] >> 5 & 0x7ffff) << 2, 21);

        *to = (va & ~UINT64_C(0xfff)) + (uint64_t)page * 4096;
        if ((w[1] & 0xff800000) == 0x91000000) {
            *to += (w[1] >> 10 & 0xfff) << (w[1] >> 22 & 1 ? 12 : 0);
            return (w[2] & 0xfffffc1f) == 0xd61f0000;
        }
        return (w[1] & 0xfffffc1f) == 0xd61f0000;
    }
    return false;
}

static const char *place_name(struct looking *k, uint64_t va)
{
    const struct linux_image *x = linux_image_at(&k->images, va);
    struct eg_obj mm = eg_at(k->task, task_struct.mm), vma;

    if (x && *x->path)
        return eg_strf(k->r, "%s+%#llx", x->path, (unsigned long long)(va - x->start));
    linux_each_vma(k->r, mm, vma) {
        struct eg_cell name;
        uint64_t start, end;

        if (!eg_get(&start, vma, vm_area_struct.vm_start) || va < start ||
            !eg_get(&end, vma, vm_area_struct.vm_end) || va >= end)
            continue;
        name = linux_vma_name(k->r, mm, vma);
        return name.tag == EG_CELL_TEXT && name.bytes.len ? name.bytes.p : "anonymous memory";
    }
    return "nothing is mapped there";
}

static const char *reason_of(struct looking *k, const struct linux_image *x, const uint8_t *now,
                             const uint8_t *file, bool jumps, uint64_t to)
{
    const struct linux_image *there = jumps ? linux_image_at(&k->images, to) : NULL;
    unsigned n = 0;

    for (unsigned i = 0; i < HEAD; i++)
        n += now[i] != file[i];
    if (x->elf.machine == ELF_X86_64 && n == 1)
        for (unsigned i = 0; i < HEAD; i++)
            if (now[i] != file[i] && now[i] == 0xcc)
                return "a breakpoint: of a debugger or a uprobe";
    if (x->elf.machine == ELF_AARCH64)
        for (unsigned i = 0; i < HEAD; i += 4)
            if (memcmp(now + i, file + i, 4) != 0 &&
                (eg_load_(now + i, 4, false) & 0xffe0001f) == 0xd4200000)
                return "a breakpoint: of a debugger or a uprobe";
    if (!jumps)
        return "begins with other code than its file has";
    if (!there)
        return "begins with a jump to memory of no program or library";
    return there == x ? "begins with a jump that its file does not have"
                      : "begins with a jump into another object";
}

/* A function near whose begin something differs. */
static void look_at_function(struct looking *k, const struct linux_image *x,
                             const struct linux_elf_symbol *s, uint64_t offset)
{
    const uint64_t va = s->value + x->elf.bias;
    uint8_t now[HEAD], file[HEAD];
    uint64_t to = 0;
    bool jumps;

    if (!eg_read(eg_view_of(k->r), k->images.space, va, now, HEAD) ||
        !eg_read(eg_view_of(k->r), x->cached, offset, file, HEAD))
        return;
    jumps = x->elf.machine == ELF_X86_64    ? jump_of_x86(k, now, va, &to)
            : x->elf.machine == ELF_AARCH64 ? jump_of_arm(now, va, &to)
                                            : false;
    eg_row(k->r, .PID = linux_pid(k->task), .COMM = linux_comm(k->task), .PATH = eg_text(x->path),
           .SYMBOL = eg_text(s->name), .ADDRESS = eg_uint(va), .BYTES = eg_blob(now, HEAD),
           .FILE_BYTES = eg_blob(file, HEAD),
           .DESTINATION = jumps ? eg_uint(to) : (struct eg_cell){ 0 },
           .DESTINATION_NAME = jumps ? eg_text(place_name(k, to)) : (struct eg_cell){ 0 },
           .REASON = eg_text(reason_of(k, x, now, file, jumps, to)));
}

static void look_at_change(struct looking *k, const struct linux_image *x,
                           const struct linux_object *o, const struct linux_change *c,
                           uint64_t *next)
{
    const uint64_t first = c->first - x->elf.bias, last = c->last - x->elf.bias;
    size_t i = eg_lower_bound(o->n_functions, j, o->functions[j].value + HEAD <= first);

    for (; i < o->n_functions && o->functions[i].value <= last; i++) {
        const struct linux_elf_symbol *s = &o->functions[i];

        // Names of one place, and of what was told already.
        if (s->value < *next)
            continue;
        *next = s->value + 1;
        look_at_function(k, x, s, c->offset + (s->value - first));
    }
}

static void look_at(struct looking *k, const struct linux_image *x, struct eg_space *user)
{
    const struct linux_object *o = linux_object_of(k->r, k->all, &k->images, x);
    uint64_t next = 0;

    if (!o || !o->n_functions)
        return;
    for (unsigned i = 0; i < x->elf.n_segments; i++) {
        const struct linux_elf_segment *s = &x->elf.segments[i];
        struct linux_change_walk w = { .user = user, .file = x->cached, .offset = s->offset };
        struct linux_change c;

        if (s->type != ELF_LOAD || !(s->flags & 1) || s->flags & 2 || !s->filesz ||
            !linux_elf_place(&x->elf, s->vaddr, s->filesz, &w.at))
            continue;
        w.last = w.at + s->filesz - 1;
        while (linux_next_change(k->r, &w, &c))
            look_at_change(k, x, o, &c, &next);
        k->unknown += w.unknown;
    }
}

static int run(struct eg_run *r)
{
    struct linux_objects all = { 0 };
    struct looking k = { .r = r, .all = &all };

    linux_each_process(r, k.task) {
        struct eg_space *user = linux_task_space(r, k.task);

        if (!user || !linux_pid_asked(r, k.task) || !linux_images(r, k.task, &k.images))
            continue;
        for (size_t i = 0; i < k.images.n; i++)
            if (k.images.at[i].mapped && k.images.at[i].cached && !k.images.at[i].headless &&
                k.images.at[i].executable)
                look_at(&k, &k.images.at[i], user);
    }
    if (k.unknown)
        eg_note(r,
                "%llu KiB of code could not be compared: their file's pages are not in the page "
                "cache, or swapped out",
                (unsigned long long)(k.unknown + 1023) >> 10);
    return 0;
}

EG_PLUGIN(apihooks) = {
    .os = "linux",
    .help = "Find functions of programs and libraries that begin with other code than their file",
    .manual =
        "The code of each program and library in memory is compared with the page cache of its "
        "file. Where the first 16 bytes of an exported function differ, the row says where they "
        "jump to now. A breakpoint is a debugger's or a uprobe's, which the kernel writes into "
        "the pages of each process that runs the file. What differs behind those bytes is shown by "
        "malfind, functions that no symbol table of the loader names by neither. Code "
        "whose file was changed on disk too does not differ: compare the file with its package. "
        "Hooks by offset tables: plthook; by preloaded libraries: ldpreload.",
    .aliases = EG_NAMES("linux_apihooks"),
    .looks_for = EG_NAMES("hooks in programs"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
