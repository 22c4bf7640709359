/* elfdump - programs, libraries and the vdso of processes, as files again. */
#include "../../core/map.h"
#include "../linux/mm/changed.h"
#include "../linux/mm/copy.h"
#include "../linux/mm/filemap.h"
#include "../linux/mm/images.h"
#include "../linux/mm/mm.h"
#include "../linux/sched/task.h"
#include "../linux/user/whole.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KIND, TEXT, "program, library, loader, vdso")                                                \
    C(LOAD_ADDRESS, ADDR, "where its ELF header is")                                               \
    C(PATH, TEXT, "the file that is mapped, or the kernel's word for it: [vdso]")                  \
    C(FILE, TEXT, "the file that was written, in the folder of -o; not set: it cannot be")         \
    C(SIZE, INT, "bytes of the file; what is zero takes no room on the disk")                      \
    C(PRESENT, INT, "bytes of it that are in memory")                                              \
    C(MISSING, INT, "bytes that the image does not have, which are zeros")                         \
    C(REASONS, TEXT, "why they are missing, and how many bytes of each")                           \
    C(HINTS, TEXT, "where its bytes are from, what was changed in memory, what it lacks")
EG_COLUMNS(COLUMNS);

struct dumping {
    struct eg_run *r;
    struct eg_obj task;
    struct eg_space *own;
    struct linux_images images;
    struct eg_map *written;   /* files that are as in the page cache: one copy for all processes */
    struct linux_whole whole; /* with the pages of the vdso that the process did not touch */
    bool stop;
};

/* Bytes of what is not writable that differ from the file. */
static uint64_t changed_bytes(struct dumping *k, const struct linux_image *x)
{
    uint64_t n = 0;
    unsigned steps = 0;

    for (unsigned i = 0; i < x->elf.n_segments; i++) {
        const struct linux_elf_segment *s = &x->elf.segments[i];
        struct linux_change_walk w = {
            .user = k->own, .file = x->cached, .offset = s->offset, .steps = steps
        };
        struct linux_change c;

        if (s->type != ELF_LOAD || s->flags & ELF_W || !s->filesz ||
            !linux_elf_place(&x->elf, s->vaddr, s->filesz, &w.at))
            continue;
        w.last = w.at + s->filesz - 1;
        while (linux_next_change(k->r, &w, &c))
            n += c.last - c.first + 1;
        steps = w.steps;
    }
    return n;
}

/* A file without the table of sections that its header promises is not accepted by many tools. */
static bool has_sections(struct dumping *k, struct eg_space *space, uint64_t base)
{
    uint64_t at, n, vaddr, bytes;
    struct linux_elf whole;
    uint8_t byte;

    if (!linux_elf_open(k->r, space, base, true, &whole))
        return false;
    bytes = (uint64_t)whole.n_sections * whole.section_size;
    if (!whole.shoff || !bytes || bytes > 1 << 20)
        return false;
    for (uint64_t i = 0; i < bytes; i += 4096)
        if (!eg_read(eg_view_of(k->r), space, base + whole.shoff + i, &byte, 1))
            return false;
    // Its strings, among which is the name of their own section.
    return eg_read(eg_view_of(k->r), space, base + whole.shoff + bytes - 1, &byte, 1) &&
           linux_elf_section(k->r, &whole, ".shstrtab", &at, &n, &vaddr) && n && n < 1 << 20 &&
           eg_read(eg_view_of(k->r), space, at + n - 1, &byte, 1);
}

/* The header says that there are none. */
static bool drop_sections(struct linux_copy *c, const struct linux_elf *e)
{
    static const uint8_t zeros[8];
    const long shoff = e->wide ? 40 : 32, counts = e->wide ? 60 : 48;

    if (fseek(c->f, shoff, SEEK_SET) != 0 || fwrite(zeros, e->wide ? 8 : 4, 1, c->f) != 1 ||
        fseek(c->f, counts, SEEK_SET) != 0 || fwrite(zeros, 4, 1, c->f) != 1)
        c->failed = true;
    return !c->failed;
}

/* Segments that are mapped, over what the page cache gave. */
static bool copy_segments(struct dumping *k, const struct linux_image *x, struct linux_copy *c,
                          bool writable)
{
    for (unsigned i = 0; i < x->elf.n_segments; i++) {
        const struct linux_elf_segment *s = &x->elf.segments[i];
        uint64_t at;

        if (s->type == ELF_LOAD && s->filesz && (writable || !(s->flags & ELF_W)) &&
            linux_elf_place(&x->elf, s->vaddr, s->filesz, &at) &&
            !linux_copy_range(k->r, c, k->images.space, at, at + s->filesz - 1, s->offset))
            return false;
    }
    return true;
}

static uint64_t size_of_file(struct dumping *k, const struct linux_image *x)
{
    uint64_t size;

    return linux_file_size(linux_file_data(k->r, x->file), &size) ? size : 0;
}

/* From the page cache, and over it what is mapped and not writable: what is writable has been
 * relocated, and used. */
static bool write_cached(struct dumping *k, const struct linux_image *x, struct linux_copy *c)
{
    const uint64_t size = size_of_file(k, x);
    struct linux_copy mapped = { .f = c->f };

    if (size && !linux_copy_range(k->r, c, x->cached, 0, size - 1, 0))
        return false;
    // Of these nothing is missing that the page cache has.
    if (!copy_segments(k, x, &mapped, false))
        return false;
    c->end = EG_MAX(EG_MAX(c->end, mapped.end), size < INT64_MAX / 2 ? size : 0);
    return true;
}

static bool write_image(struct dumping *k, const struct linux_image *x, const char *name,
                        struct linux_copy *c, const char **hint)
{
    const bool laid_out = !x->file.why; // by its segments; the vdso and copies are as in a file
    struct eg_space *space = x->cached                     ? x->cached
                             : x->kind == LINUX_IMAGE_VDSO ? k->whole.space
                                                           : k->images.space;
    const uint64_t base = x->cached ? 0 : x->start;

    c->f = eg_output(k->r, name);
    if (!c->f)
        return false;
    if (x->cached) {
        if (!write_cached(k, x, c))
            return false;
    } else if (laid_out) {
        if (!copy_segments(k, x, c, true))
            return false;
    } else if (!linux_copy_range(k->r, c, space, x->start, x->end - 1, 0)) {
        return false;
    }
    if ((laid_out && !x->cached) || !has_sections(k, space, base)) {
        if (x->elf.n_sections && !drop_sections(c, &x->elf))
            return false;
        *hint = eg_strf(k->r, "%s%swithout sections", *hint, **hint ? ", " : "");
    }
    return linux_copy_done(k->r, c);
}

static const char *file_name(struct dumping *k, const struct linux_image *x)
{
    const char *slash = strrchr(x->path, '/');

    return eg_strf(k->r, "pid.%d.%#llx.%s", (int)eg_get_or(-1, k->task, task_struct.tgid),
                   (unsigned long long)x->start,
                   linux_copy_name(k->r, *x->path ? slash ? slash + 1 : x->path : "anonymous"));
}

static void emit(struct dumping *k, const struct linux_image *x, const char *name,
                 const struct linux_copy *c, const char *hint)
{
    static const char *const kinds[] = { "library", "program", "loader", "vdso" };
    const struct eg_cell none = { 0 };

    eg_row(k->r, .PID = linux_pid(k->task), .COMM = linux_comm(k->task),
           .KIND = eg_text(kinds[x->kind]), .LOAD_ADDRESS = eg_uint(x->start),
           .PATH = eg_text(x->path), .FILE = eg_text(name), .SIZE = c ? eg_uint(c->end) : none,
           .PRESENT = c ? eg_uint(c->present) : none, .MISSING = c ? eg_uint(c->missing) : none,
           .REASONS = c ? eg_text(linux_copy_reasons(k->r, c)) : none,
           .HINTS = hint && *hint ? eg_text(hint) : none);
}

static void dump(struct dumping *k, const struct linux_image *x)
{
    const uint64_t changed = x->cached && !x->headless ? changed_bytes(k, x) : 0;
    const char *hint = x->cached ? "" : x->file.why ? "as it is in memory" : "from mappings alone";
    struct linux_copy c = { 0 };
    const char *name;
    uint64_t before;

    if (x->headless && !x->cached && x->kind != LINUX_IMAGE_VDSO) {
        emit(k, x, NULL, NULL, "its header is not in memory");
        return;
    }
    if (x->cached && !changed && eg_map_get(k->written, (uintptr_t)x->cached, &before)) {
        emit(k, x, (const char *)(uintptr_t)before, NULL, "the same as of an earlier process");
        return;
    }
    if (changed)
        hint = eg_strf(k->r, "%llu bytes were changed in memory", (unsigned long long)changed);
    name = file_name(k, x);
    if (!write_image(k, x, name, &c, &hint)) {
        k->stop = true;
        return;
    }
    if (x->cached && !changed)
        eg_run_map_add(k->r, k->written, (uintptr_t)x->cached, (uintptr_t)name);
    emit(k, x, name, &c, hint);
}

static bool is_asked(struct eg_run *r, const struct linux_image *x)
{
    uint64_t first, last;
    size_t i;

    for (i = 0; eg_arg_range(r, "at", i, &first, &last); i++)
        if (first < x->end && last >= x->start)
            return true;
    return !i;
}

static int run(struct eg_run *r)
{
    struct dumping k = { .r = r, .written = eg_run_map(r) };

    linux_each_process(r, k.task) {
        if (!linux_pid_asked(r, k.task) || !linux_images(r, k.task, &k.images))
            continue;
        k.own = linux_task_space(r, k.task);
        if (!linux_whole_open(r, eg_deref(eg_at(k.task, task_struct.mm)), &k.whole))
            continue;
        for (size_t i = 0; i < k.images.n && !k.stop; i++)
            if (k.images.at[i].mapped && is_asked(r, &k.images.at[i]))
                dump(&k, &k.images.at[i]);
        if (k.stop)
            return eg_failed(r, "an ELF file could not be written");
    }
    return 0;
}

EG_PLUGIN(elfdump) = {
    .os = "linux",
    .help = "Rebuild programs, libraries and the vdso of processes as ELF files",
    .manual =
        "Each ELF file that a process maps becomes a file in the folder of -o. Code and "
        "constants are as the process has them in memory, changes and all: HINTS counts changed "
        "bytes; data that was relocated, sections and debugging information are as the page "
        "cache has them. Where nothing is MISSING and nothing was changed, the file is what is "
        "on the disk, byte for byte, and a program runs (after chmod +x: no file is made "
        "executable). Without the page cache a file has what is mapped, without sections, and "
        "its data is as the program left it. Files that are alike in several processes are "
        "written once. What is missing reads as zeros.",
    .aliases = EG_NAMES("linux_librarydump", "linux_elfs_dump"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(at, ADDR, "only files that are mapped at these addresses or ranges")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
    .asks = true,
};
