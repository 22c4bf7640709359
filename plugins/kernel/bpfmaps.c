/* bpfmaps - BPF maps: what programs keep and share with processes, and what is in them. */
#include "../../core/map.h"
#include "../linux/bpf/map.h"
#include "../linux/bpf/value.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include <string.h>

EG_FIELD_AS(map_key_size, bpf_map, "key_size");
EG_FIELD_AS(map_value_size, bpf_map, "value_size");
EG_FIELD_AS(map_flags, bpf_map, "map_flags");
EG_FIELD_AS(map_frozen, bpf_map, "frozen");
EG_FIELD_AS(map_btf, bpf_map, "btf");
EG_FIELD_AS(map_key_type, bpf_map, "btf_key_type_id");
EG_FIELD_AS(map_value_type, bpf_map, "btf_value_type_id");
EG_TYPE(bpf_map);
EG_TYPE(bpf_prog);

#define COLUMNS(C)                                                                                 \
    C(MAP_ID, INT, "number of the map")                                                            \
    C(KIND, TEXT, "its type: \"hash\", \"array\", \"ringbuf\"", EG_ASKED)                          \
    C(MAP_NAME, TEXT, "its name")                                                                  \
    C(KEY_SIZE, INT, "bytes of a key", EG_ASKED)                                                   \
    C(VALUE_SIZE, INT, "bytes of a value", EG_ASKED)                                               \
    C(ENTRIES_MAX, INT, "how many entries it has room for", EG_ASKED)                              \
    C(MAP_FLAGS, FLAGS, "how it was made; frozen: programs outside cannot write it", EG_ASKED)     \
    C(PID, INT, "process id", EG_ASKED)                                                            \
    C(COMM, TEXT, "name; the task can change it", EG_ASKED)                                        \
    C(KEPT_BY, TEXT, "open files that keep it: process, name, number", EG_MINOR | EG_ASKED)        \
    C(PINNED, TEXT, "its paths in bpffs", EG_ASKED)                                                \
    C(PROGRAMS, TEXT, "programs that use it, by number and name", EG_LIST | EG_ASKED)              \
    C(FOUND_BY, TEXT, "what leads to it", EG_MINOR | EG_ASKED)                                     \
    C(OFFSET, ADDR, "address of the bpf_map", EG_MINOR)                                            \
    C(HINTS, TEXT, "what is odd")                                                                  \
    C(KEY, TEXT, "with --contents: the key, by its type if the map has one", EG_ASKED)             \
    C(CPU, INT, "with --contents: whose value it is", EG_ASKED)                                    \
    C(VALUE, TEXT, "with --contents: the value, by its type", EG_ASKED)                            \
    C(KEY_BYTES, BYTES, "with --contents: the key", EG_MINOR | EG_ASKED)                           \
    C(VALUE_BYTES, BYTES, "with --contents: the value", EG_MINOR | EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { BYTES_MAX = 1 << 12, ROWS_MAX = 1 << 20, PROGRAMS_SHOWN = 64 };

// include/uapi/linux/bpf.h, BPF_F_…: flags of BPF_MAP_CREATE
static const struct eg_constant flags[] = {
    { "no_prealloc", 1 },    { "no_common_lru", 2 },
    { "numa_node", 4 },      { "rdonly", 8 },
    { "wronly", 16 },        { "zero_seed", 64 },
    { "rdonly_prog", 128 },  { "wronly_prog", 256 },
    { "clone", 512 },        { "mmapable", 1024 },
    { "inner_map", 0x1000 }, { "link", 0x2000 },
    { "token_fd", 0x10000 }, { NULL, 0 },
};

/** The users of every map, put together once. */
struct users {
    struct eg_map *index; /* map → its place in text, from 1 */
    struct linux_text *text;
    unsigned *n;
};

struct walk {
    struct eg_run *r;
    struct linux_bpf *b;
    struct users users;
    struct eg_map *types; /* struct btf → struct linux_bpf_types */
    bool all;
};

static void gather_users(struct walk *w)
{
    const size_t n = w->b->maps.n;

    w->users.index = eg_run_map(w->r);
    w->users.text = eg_tmp(w->r, (n + 1) * sizeof *w->users.text);
    w->users.n = eg_tmp(w->r, (n + 1) * sizeof *w->users.n);
    for (size_t i = 0; i < n; i++) {
        w->users.text[i].r = w->r;
        eg_run_map_add(w->r, w->users.index, w->b->maps.at[i].at, i);
    }
    for (size_t p = 0; p < w->b->progs.n && !eg_stopped(w->r); p++) {
        const uint64_t at = w->b->progs.at[p].at;
        struct eg_obj aux = eg_at(eg_object(w->r, bpf_prog, at), bpf_prog_aux_at);
        uint32_t count = 0;

        eg_get(&count, aux, bpf_aux_n_maps);
        for (uint32_t i = 0; i < count && i < 1024; i++) {
            uint64_t map = 0, k;

            if (!eg_load(&map, eg_index(eg_at(aux, bpf_aux_maps), i)) ||
                !eg_map_get(w->users.index, map, &k) || w->users.n[k] > PROGRAMS_SHOWN)
                continue;
            if (w->users.n[k]++ == PROGRAMS_SHOWN)
                linux_text_add(&w->users.text[k], ", …");
            else
                linux_text_add(&w->users.text[k], "%s%s", w->users.n[k] > 1 ? ", " : "",
                               linux_bpf_prog_text(w->r, at));
        }
    }
}

static bool hidden(const struct walk *w, const struct linux_bpf_object *o, struct eg_obj map)
{
    uint64_t users = 0;
    uint32_t id = 0;

    eg_get(&users, map, bpf_map_refcnt);
    eg_get(&id, map, bpf_map_id);
    return w->b->maps.table && !(o->from & LINUX_BPF_TABLE) && users &&
           (id || o->from & (LINUX_BPF_FILE | LINUX_BPF_PINNED));
}

static void map_row(const struct walk *w, size_t i)
{
    struct eg_run *r = w->r;
    const struct linux_bpf_object *o = &w->b->maps.at[i];
    struct eg_obj map = eg_object(r, bpf_map, o->at), task, none;
    const char *kept = linux_bpf_keepers(w->b, o->at, false, &task);
    const char *pinned = linux_bpf_keepers(w->b, o->at, true, &none), *how;
    uint64_t type = 0;
    uint32_t bits = 0;

    eg_get(&type, map, bpf_map_type_at);
    eg_get(&bits, map, map_flags);
    how = eg_bits_text(r, flags, bits, ",");
    if (eg_get_or((uint8_t)0, map, map_frozen))
        how = eg_strf(r, "%s%sfrozen", how, *how ? "," : "");
    eg_row(r, .MAP_ID = eg_val(map, bpf_map_id),
           .KIND = eg_text(linux_bpf_enum(r, "bpf_map_type", "BPF_MAP_TYPE_", type)),
           .MAP_NAME = eg_val(map, bpf_map_name), .KEY_SIZE = eg_val(map, map_key_size),
           .VALUE_SIZE = eg_val(map, map_value_size), .ENTRIES_MAX = eg_val(map, bpf_map_entries),
           .MAP_FLAGS = eg_text(*how ? how : NULL),
           .PID = task.why ? (struct eg_cell){ 0 } : linux_pid(task),
           .COMM = task.why ? (struct eg_cell){ 0 } : linux_comm(task), .KEPT_BY = eg_text(kept),
           .PINNED = eg_text(pinned),
           .PROGRAMS =
               w->users.n[i] ? eg_text(linux_text_of(&w->users.text[i])) : (struct eg_cell){ 0 },
           .FOUND_BY = eg_text(eg_bits_text(r, linux_bpf_from_names, o->from, ",")),
           .OFFSET = eg_uint(o->at),
           .HINTS = eg_text(hidden(w, o, map)            ? "not in the table of maps"
                            : linux_bpf_odd_path(pinned) ? "pinned under an odd name"
                                                         : NULL));
}

/* ---- contents ---- */

struct contents {
    const struct walk *w;
    struct eg_obj map;
    const struct linux_bpf_types *types;
    uint32_t key_type, value_type;
    uint64_t zeros;
    bool cut;
};

/** Bytes of an entry, and as text. */
static struct eg_cell text_of(struct contents *c, uint64_t at, uint32_t len, uint32_t type,
                              struct eg_cell *bytes)
{
    struct eg_run *r = c->w->r;
    const uint32_t n = len > BYTES_MAX ? BYTES_MAX : len;
    uint8_t *p = eg_tmp(r, n + 1);

    c->cut |= n < len;
    if (!n)
        return (struct eg_cell){ 0 };
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, p, n)) {
        *bytes = eg_missing(eg_view_of(r)->why, eg_view_of(r)->why_addr);
        return *bytes;
    }
    *bytes = eg_blob(p, n);
    return eg_text(linux_bpf_value(r, n < len ? NULL : c->types, type, p, n));
}

static bool entry(void *context, const struct linux_bpf_entry *e)
{
    struct contents *c = context;
    struct row row = { .MAP_ID = eg_val(c->map, bpf_map_id),
                       .MAP_NAME = eg_val(c->map, bpf_map_name),
                       .OFFSET = eg_addr(c->map) };

    if (e->zero && !c->w->all) {
        c->zeros++;
        return true;
    }
    if (e->key_at)
        row.KEY = text_of(c, e->key_at, e->key_len, c->key_type, &row.KEY_BYTES);
    if (e->key)
        row.KEY = eg_text(e->key);
    if (e->cpu >= 0)
        row.CPU = eg_int(e->cpu);
    if (e->value_at)
        row.VALUE = text_of(c, e->value_at, e->value_len, c->value_type, &row.VALUE_BYTES);
    if (e->value)
        row.VALUE = eg_text(e->value);
    eg_emit_(c->w->r, 0, (const struct eg_cell *)(const void *)&row,
             sizeof row / sizeof(struct eg_cell));
    return true;
}

static const struct linux_bpf_types *types_of(const struct walk *w, uint64_t btf)
{
    uint64_t at = 0;

    if (!btf)
        return NULL;
    if (!eg_map_get(w->types, btf, &at)) {
        at = (uint64_t)(uintptr_t)linux_bpf_types(w->r, btf);
        eg_run_map_add(w->r, w->types, btf, at);
    }
    return (const struct linux_bpf_types *)(uintptr_t)at;
}

static void contents(const struct walk *w, uint64_t at)
{
    struct contents c = { .w = w, .map = eg_object(w->r, bpf_map, at) };
    uint64_t btf = 0, type = 0;

    eg_get(&btf, c.map, map_btf);
    eg_get(&c.key_type, c.map, map_key_type);
    eg_get(&c.value_type, c.map, map_value_type);
    c.types = types_of(w, btf);
    eg_get(&type, c.map, bpf_map_type_at);
    if (!linux_bpf_entries(w->b, c.map, ROWS_MAX, entry, &c))
        eg_note(w->r, "map %s: what is in a map of the type %s is not shown",
                linux_bpf_map_text(w->r, at),
                linux_bpf_enum(w->r, "bpf_map_type", "BPF_MAP_TYPE_", type));
    if (c.zeros)
        eg_note(w->r, "map %s: %llu elements that are zero are left out (--all)",
                linux_bpf_map_text(w->r, at), (unsigned long long)c.zeros);
    if (c.cut)
        eg_note(w->r, "map %s: of keys and values %d bytes are shown", linux_bpf_map_text(w->r, at),
                BYTES_MAX);
}

static bool asked(const struct walk *w, uint64_t map)
{
    uint32_t id = 0;

    if (eg_arg_limits(w->r, "id") &&
        (!eg_get(&id, eg_object(w->r, bpf_map, map), bpf_map_id) || !eg_arg_match(w->r, "id", id)))
        return false;
    return linux_bpf_kept_by_asked(w->b, map);
}

static int run(struct eg_run *r)
{
    struct walk w = { .r = r, .b = linux_bpf(r), .types = eg_run_map(r) };
    const bool show = eg_arg_flag(r, "contents");

    w.all = eg_arg_flag(r, "all");
    gather_users(&w);
    for (size_t i = 0; i < w.b->maps.n && !eg_stopped(r); i++) {
        if (!asked(&w, w.b->maps.at[i].at))
            continue;
        if (show)
            contents(&w, w.b->maps.at[i].at);
        else
            map_row(&w, i);
    }
    return 0;
}

EG_PLUGIN(bpfmaps) = {
    .os = "linux",
    .help = "List BPF maps: who uses them, and what is in them",
    .manual =
        "Maps of the kernel's table, and others that programs, maps, links, open files and paths "
        "in bpffs lead to: one that only those lead to was hidden. --contents shows keys and "
        "values, by the types that the map's program brought with it, else numbers, texts or "
        "bytes: of a ring what was written and not read yet, of local storage whose it is (task, "
        "inode, socket, control group), of struct_ops the programs, of an arena its pages by the "
        "address that processes see, of stacks the functions, of timers and work what they will "
        "call. Elements of arrays that are zero "
        "are left out without --all.\n"
        "What cannot be seen: entries that were deleted, hidden maps that nothing of these leads "
        "to, what was put into a bloom filter (it keeps bits alone, which are counted), and "
        "contents of storage of the old kind for control groups.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only maps that these processes hold"),
                    EG_ARG(id, INT, "only these maps"),
                    EG_ARG(contents, FLAG, "show what is in them"),
                    EG_ARG(all, FLAG, "elements of arrays that are zero too")),
    .needs = EG_NEEDS(bpf_map_ops_at, bpf_map_type_at),
    .uses = EG_NAMES("tasks", "fds"),
    .run = run,
    .key = EG_NAMES("MAP_ID", "KEY", "CPU"),
};
