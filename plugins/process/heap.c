/* heap - chunks of the C library's allocator. */
#include "../../core/base.h"
#include "../linux/fs/file.h"
#include "../linux/mm/vma.h"
#include "../linux/sched/task.h"
#include "../linux/user/malloc.h"
#include <string.h>

#define COLUMNS(C)                                                                                 \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(ADDRESS, ADDR, "what malloc() returned; the chunk's header is two words before")             \
    C(SIZE, INT, "bytes, with the header, as malloc counts")                                       \
    C(STATE, TEXT, "in use; free: tcache, fastbin, unsorted, small, large; top; mmapped")          \
    C(FLAGS, FLAGS, "P: the chunk before is in use; M: mmapped; A: not of the main arena")         \
    C(ARENA, ADDR, "its malloc_state; none: a mapping of its own", EG_MINOR)                       \
    C(STRING, TEXT, "--strings: text in it", EG_LIST | EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { LOOKED_AT = 4096, TEXT_MAX = 256, TEXT_MIN = 4 };

/** Names of mapped files that tell another allocator. */
static const char *other_allocator(struct eg_run *r, struct linux_user *u)
{
    static const struct {
        const char *part, *name;
    } all[] = { { "/ld-musl-", "musl" },
                { "/libc.musl-", "musl" },
                { "/libjemalloc", "jemalloc" },
                { "/libtcmalloc", "tcmalloc" },
                { "/libmimalloc", "mimalloc" } };
    struct eg_obj vma;

    linux_each_vma(r, u->mm, vma) {
        const struct eg_obj file = eg_deref(eg_at(vma, vm_area_struct.vm_file));
        const char *path = file.why ? NULL : linux_file_path(r, file, LINUX_NOBODY);

        for (size_t i = 0; path && i < countof(all); i++)
            if (strstr(path, all[i].part))
                return all[i].name;
    }
    return linux_user_is_go(u) ? "Go" : "never used, or an allocator that is not known here";
}

/** Runs of printable characters, two blanks between. */
static struct eg_cell strings(struct eg_run *r, struct linux_user *u, uint64_t at, uint64_t len,
                              char *out)
{
    static const struct eg_cell none = { 0 };
    uint8_t bytes[LOOKED_AT];
    size_t n = 0, run = 0;

    len = EG_MIN(len, (uint64_t)sizeof bytes);
    eg_read_some(eg_view_of(r), u->space, at, bytes, (size_t)len, NULL);
    for (size_t i = 0; i <= len; i++) {
        if (i < len && bytes[i] >= ' ' && bytes[i] != 0x7f && bytes[i] < 0x80) {
            run++;
            continue;
        }
        if (run >= TEXT_MIN && n + 2 < TEXT_MAX) {
            const size_t take = EG_MIN(run, TEXT_MAX - n - 2);

            if (n) {
                memcpy(out + n, "  ", 2);
                n += 2;
            }
            memcpy(out + n, bytes + i - run, take);
            n += take;
        }
        run = 0;
    }
    return n ? eg_textn(out, n) : none;
}

static void row(struct eg_run *r, struct eg_obj task, struct linux_user *u,
                const struct linux_chunk *c, bool with_strings)
{
    const unsigned ptr = u->ptr;
    char flags[4] = "", text[TEXT_MAX];
    size_t n = 0;

    for (int i = 0; i < 3; i++)
        if (c->flags & 1u << i)
            flags[n++] = "PMA"[i];
    eg_row(r, .PID = linux_pid(task), .COMM = linux_comm(task), .ADDRESS = eg_uint(c->at + 2 * ptr),
           .SIZE = eg_uint(c->size), .STATE = eg_text(linux_chunk_state_text(c->state)),
           .FLAGS = eg_text(flags), .ARENA = c->arena ? eg_uint(c->arena) : (struct eg_cell){ 0 },
           .STRING = with_strings && c->state != LINUX_CHUNK_TOP
                         ? strings(r, u, c->at + 2 * ptr, c->size - 2 * ptr, text)
                         : (struct eg_cell){ 0 });
}

static int run(struct eg_run *r)
{
    const bool with_strings = eg_arg_flag(r, "strings");
    struct linux_user u = { 0 };
    struct linux_malloc *m = eg_tmp(r, sizeof *m);
    struct linux_chunk c;
    struct eg_obj task;

    linux_each_process(r, task) {
        if (!linux_pid_asked(r, task) || !linux_user_open(r, task, &u))
            continue;
        if (!linux_malloc_open(&u, m)) {
            eg_note(r, "process %d: no heap of glibc's malloc: %s",
                    eg_get_or(-1, task, task_struct.tgid), other_allocator(r, &u));
            linux_user_notes(&u, task);
            continue;
        }
        while (linux_malloc_next(m, &c))
            row(r, task, &u, &c, with_strings);
        if (m->broken)
            eg_note(r, "process %d: the chunks at %#llx do not follow one another: going on behind",
                    eg_get_or(-1, task, task_struct.tgid), (unsigned long long)m->broken);
        linux_user_notes(&u, task);
    }
    return 0;
}

EG_PLUGIN(heap) = {
    .os = "linux",
    .help = "List the chunks of the C library's allocator",
    .manual =
        "Of glibc, whose arenas are found by their structure in the variables of libc or of a "
        "static program: each chunk of the main arena, of threads' arenas, and those that are "
        "mappings of their own. A chunk of the caches and lists is free; \"free\" alone is one "
        "that no list has. The main arena's first chunk is as a rule the first thread's cache. "
        "Programs with another allocator (musl, jemalloc, tcmalloc, Go) have no chunks of "
        "glibc's, or few: a note says which processes have none. Compare with maps; whatis finds "
        "whose memory an address is.",
    .aliases = EG_NAMES("heapdump"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only these processes"),
                    EG_ARG(strings, FLAG, "also the text in each chunk")),
    .uses = EG_NAMES("tasks", "vmas"),
    .run = run,
};
