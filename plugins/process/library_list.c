/* library_list - the libraries of processes, by their mappings and by their loaders' lists. */
#include "../linux/fs/file.h"
#include "../linux/mm/images.h"
#include "../linux/sched/task.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(KIND, TEXT, "program, library, loader, vdso")                                                \
    C(LOAD_ADDRESS, ADDR,                                                                          \
      "where its ELF header is; of one that is only listed, what was added to "                    \
      "its addresses")                                                                             \
    C(END, ADDR, "first address behind its last segment", EG_MINOR)                                \
    C(PATH, TEXT, "the file that is mapped; of one that is only listed, as the loader calls it")   \
    C(LINK_NAME, TEXT, "as the loader calls it; the process can write over that", EG_MINOR)        \
    C(LINK_MAP, ADDR, "its struct link_map", EG_MINOR)                                             \
    C(IN_LIST, BOOL, "the loader has it in its list")                                              \
    C(IN_MAPS, BOOL, "it is mapped")                                                               \
    C(HINTS, TEXT, "static, musl, a namespace of dlmopen(), a removed file")                       \
    C(REASON, TEXT, "what does not agree: list and mappings, or the list itself")
EG_COLUMNS(COLUMNS);

static bool is_file(const struct linux_image *x)
{
    return !x->file.why;
}

/* What loaders never do. */
static const char *reason_of(const struct linux_images *all, const struct linux_image *x)
{
    if (x->one_way)
        return "its entry is only linked backwards";
    if (x->listed)
        return x->mapped ? NULL : "in the loader's list, but not mapped";
    if (!x->executable || x->kind == LINUX_IMAGE_VDSO)
        return NULL;
    if (!is_file(x))
        return "an ELF file in executable anonymous memory";
    if (x->kind == LINUX_IMAGE_PROGRAM)
        return all->debug && !all->broken ? "the program is not in its loader's list" : NULL;
    if (all->is_static)
        return "mapped by a program without a loader";
    return all->debug && !all->broken ? "mapped, but not in the loader's list" : NULL;
}

static void say(struct eg_run *r, const char **out, const char *what)
{
    *out = *out ? eg_strf(r, "%s, %s", *out, what) : what;
}

static const char *hints_of(struct eg_run *r, const struct linux_images *all,
                            const struct linux_image *x)
{
    const char *gone = is_file(x) ? linux_file_gone(r, x->file) : NULL, *out = NULL;
    const bool program = x->kind == LINUX_IMAGE_PROGRAM;

    if (program && all->is_static)
        say(r, &out, "static");
    if (program && all->interpreter && strstr(all->interpreter, "ld-musl"))
        say(r, &out, "musl");
    if (program && all->interpreter)
        say(r, &out, eg_strf(r, "interpreter %s", all->interpreter));
    if (program && all->interpreter && !all->debug)
        say(r, &out, "no list of libraries found");
    if (program && all->broken)
        say(r, &out, "its list cannot be followed to its end");
    if (x->list)
        say(r, &out, eg_strf(r, "namespace %u of dlmopen()", x->list));
    if (gone)
        say(r, &out, eg_strf(r, "file: %s", gone));
    if (x->headless)
        say(r, &out, "its header is not in memory");
    if (x->mapped && !x->executable && !x->listed)
        say(r, &out, "mapped as data");
    return out;
}

static void emit(struct eg_run *r, struct eg_obj task, const struct linux_images *all,
                 const struct linux_image *x)
{
    static const char *const kinds[] = { "library", "program", "loader", "vdso" };
    const struct eg_cell name = x->name ? eg_text(x->name) : eg_missing(EG_UNREADABLE, x->link_map);

    eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .KIND = eg_text(kinds[x->kind]),
           .LOAD_ADDRESS = eg_uint(x->mapped ? x->start : x->bias),
           .END = x->mapped ? eg_uint(x->end) : (struct eg_cell){ 0 },
           .PATH = x->mapped ? eg_text(x->path) : name,
           .LINK_NAME = x->listed ? name : (struct eg_cell){ 0 },
           .LINK_MAP = x->listed ? eg_uint(x->link_map) : (struct eg_cell){ 0 },
           .IN_LIST = all->debug ? eg_int(x->listed) : (struct eg_cell){ 0 },
           .IN_MAPS = eg_int(x->mapped), .HINTS = eg_text(hints_of(r, all, x)),
           .REASON = eg_text(reason_of(all, x)));
}

static int run(struct eg_run *r)
{
    const bool odd = eg_arg_flag(r, "odd");
    struct eg_obj task;

    linux_each_process(r, task) {
        struct linux_images all;

        if (!linux_pid_asked(r, task) || !linux_images(r, task, &all))
            continue;
        for (size_t i = 0; i < all.n; i++)
            if (!odd || reason_of(&all, &all.at[i]))
                emit(r, task, &all, &all.at[i]);
    }
    return 0;
}

EG_PLUGIN(library_list) = {
    .os = "linux",
    .help = "List the libraries of processes, by their mappings and by their loaders' lists",
    .manual =
        "Each ELF file that a process maps is a row, its program and the vdso too, and each entry "
        "of the list that its dynamic loader (glibc, musl) keeps. REASON says where the two do "
        "not agree: a library that was mapped by hand, taken out of the list, or written into "
        "anonymous memory; an entry without a mapping. Memory that the process has not touched "
        "is read from the page cache. The list is the process's own memory, which it can change; "
        "a library whose header was written over is no ELF file here: compare malfind. "
        "Before glibc 2.35 libraries in namespaces of dlmopen() are in no list that can be found, "
        "and have a reason.",
    .aliases = EG_NAMES("linux.library_list.LibraryList", "linux_library_list"),
    .looks_for = EG_NAMES("hidden libraries"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(odd, FLAG, "only rows with a reason")),
    .needs = EG_NEEDS(task_struct.mm),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
