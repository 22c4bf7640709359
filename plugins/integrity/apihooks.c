/* apihooks - functions of programs and libraries that begin with other code than their file has. */
#include "../../core/system.h"
#include "../linux/mm/changed.h"
#include "../linux/mm/mm.h"
#include "../linux/mm/objects.h"
#include "../linux/mm/vma.h"
#include "../linux/own/code.h"
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

/* Where code at @va jumps to. */
static bool find_jump(struct looking *k, const uint8_t *code, uint64_t va, uint64_t *to)
{
    const struct linux_stub s = linux_stub_at(eg_system_of(k->r)->arch, code, HEAD, va);

    *to = s.target;
    return s.what && (s.known || (s.target && eg_read_u64(eg_view_of(k->r), k->images.space,
                                                          s.target, false, to)));
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

/* Is a breakpoint all that differs? */
static bool is_breakpoint(const struct eg_arch *arch, const uint8_t *now, const uint8_t *file)
{
    bool found = false;

    for (unsigned i = 0; i < HEAD; i += arch->code_unit)
        if (memcmp(now + i, file + i, arch->code_unit) != 0) {
            if (!linux_breakpoint_at(arch, now + i, HEAD - i))
                return false;
            found = true;
        }
    return found;
}

static const char *reason_of(struct looking *k, const struct linux_image *x, const uint8_t *now,
                             const uint8_t *file, bool jumps, uint64_t to)
{
    const struct linux_image *there = jumps ? linux_image_at(&k->images, to) : NULL;

    if (is_breakpoint(eg_system_of(k->r)->arch, now, file))
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
    jumps = find_jump(k, now, va, &to);
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
    unsigned steps = 0; // segments can lie over one another

    if (!o || !o->n_functions)
        return;
    for (unsigned i = 0; i < x->elf.n_segments; i++) {
        const struct linux_elf_segment *s = &x->elf.segments[i];
        struct linux_change_walk w = {
            .user = user, .file = x->cached, .offset = s->offset, .steps = steps
        };
        struct linux_change c;

        if (s->type != ELF_LOAD || !(s->flags & ELF_X) || s->flags & ELF_W || !s->filesz ||
            !linux_elf_place(&x->elf, s->vaddr, s->filesz, &w.at))
            continue;
        w.last = w.at + s->filesz - 1;
        while (linux_next_change(k->r, &w, &c))
            look_at_change(k, x, o, &c, &next);
        k->unknown += w.unknown;
        steps = w.steps;
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
        "jump to now. A breakpoint is a debugger's, or that of a uprobe, which the kernel writes "
        "into the pages of each process that runs the file. What differs elsewhere, in functions "
        "that are not exported too, is shown by malfind. Code whose file was changed on disk too "
        "does not differ: compare the file with its package. Hooks by offset tables: plthook; by "
        "preloaded libraries: ldpreload.",
    .aliases = EG_NAMES("linux_apihooks"),
    .looks_for = EG_NAMES("hooks in programs"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
