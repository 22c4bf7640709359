/* all.c - every BPF program, map and link (kernel/bpf/syscall.c, kernel/bpf/core.c). */
#include "all.h"
#include "../../../core/map.h"
#include "../fs/fdtable.h"
#include "../fs/inode.h"
#include "../fs/inodes.h"
#include "../fs/superblock.h"
#include "../kernel/codeof.h"
#include "../net/sock.h"
#include "../own/holders.h"
#include <inttypes.h>

EG_FIELD_AS(ksym_node, bpf_ksym, "lnode");
EG_FIELD_AS(ksym_prog, bpf_ksym, "prog");
EG_FIELD_AS(aux_ksym, bpf_prog_aux, "ksym");
EG_FIELD_AS(any_private, file, "private_data");
EG_FIELD_AS(inner_map, bpf_map, "inner_map_meta");
EG_SYMBOL(prog_idr, "idr");
EG_SYMBOL(map_idr, "idr");
EG_SYMBOL(link_idr, "idr");
EG_SYMBOL(bpf_kallsyms, "list_head");
EG_TYPE(bpf_prog);
EG_TYPE(bpf_prog_aux);
EG_TYPE(bpf_map);
EG_TYPE(bpf_link);
EG_TYPE(file);
EG_TYPE(perf_event);

enum { OBJECTS_MAX = 1 << 16, ATTACHES_MAX = 1 << 17, KEEPERS_MAX = 1 << 17, USED_MAX = 1024 };
enum { TYPES_MAX = 128, PINNED_MAX = 1 << 16 };
#define BPFFS_MAGIC 0xcafe4a11 // include/uapi/linux/magic.h

const struct eg_constant linux_bpf_from_names[] = {
    { "table", LINUX_BPF_TABLE },
    { "symbols", LINUX_BPF_SYMBOL },
    { "attachment", LINUX_BPF_ATTACHED },
    { "link", LINUX_BPF_LINK },
    { "program", LINUX_BPF_PROGRAM },
    { "map", LINUX_BPF_MAP },
    { "file", LINUX_BPF_FILE },
    { "path", LINUX_BPF_PINNED },
    { NULL, 0 },
};

/* ---- what is one ---- */

bool linux_bpf_is_prog(struct eg_run *r, uint64_t at)
{
    uint64_t back;

    return at && eg_get(&back, eg_object(r, bpf_prog, at), bpf_prog_aux_at, bpf_aux_prog) &&
           back == at;
}

static bool operations(struct eg_run *r, uint64_t ops)
{
    return ops && linux_whose_code(linux_codes(r), ops, NULL) == LINUX_CODE_DATA;
}

bool linux_bpf_is_map(struct eg_run *r, uint64_t at)
{
    struct eg_obj map = eg_object(r, bpf_map, at);
    uint64_t ops;
    uint32_t type;

    return at && eg_get(&ops, map, bpf_map_ops_at) && operations(r, ops) &&
           eg_get(&type, map, bpf_map_type_at) && type < TYPES_MAX;
}

bool linux_bpf_is_link(struct eg_run *r, uint64_t at)
{
    struct eg_obj link = eg_object(r, bpf_link, at);
    uint64_t ops, prog;
    uint32_t type;

    return at && eg_get(&ops, link, bpf_link_ops_at) && operations(r, ops) &&
           eg_get(&type, link, bpf_link_type_at) && type < TYPES_MAX &&
           eg_get(&prog, link, bpf_link_prog) && (!prog || linux_bpf_is_prog(r, prog));
}

/* ---- sets ---- */

struct linux_bpf_object *linux_bpf_find(const struct linux_bpf_set *set, uint64_t at)
{
    uint64_t i;

    return eg_map_get(set->index, at, &i) && i < set->n ? &set->at[i] : NULL;
}

bool linux_bpf_add(struct linux_bpf *b, struct linux_bpf_set *set, uint64_t at, unsigned from)
{
    struct linux_bpf_object *old = linux_bpf_find(set, at);

    if (old) {
        old->from |= from;
        return false;
    }
    if (!at)
        return false;
    if (set->n >= OBJECTS_MAX) {
        b->full = true;
        return false;
    }
    if (!eg_run_map_add(b->r, set->index, at, set->n))
        return false;
    set->at = eg_grow(b->r, set->at, set->n, &set->cap, sizeof *set->at);
    set->at[set->n++] = (struct linux_bpf_object){ .at = at, .from = from };
    return true;
}

void linux_bpf_attach(struct linux_bpf *b, struct linux_bpf_attach a)
{
    // Two keys of 64 bits become one: places lie at least 8 bytes apart.
    const uint64_t key = a.prog ^ (a.at << 29 | a.at >> 35);

    if (!linux_bpf_is_prog(b->r, a.prog))
        return;
    if (a.link && !linux_bpf_is_link(b->r, a.link))
        a.link = 0;
    // Where only the link says so, no place was seen.
    linux_bpf_add(b, &b->progs, a.prog,
                  a.link && a.link == a.at ? LINUX_BPF_LINK : LINUX_BPF_ATTACHED);
    if (a.link && a.link != a.at)
        linux_bpf_add(b, &b->links, a.link, LINUX_BPF_ATTACHED);
    if (!eg_run_map_add(b->r, b->attached, key, 1))
        return;
    if (b->n_attaches >= ATTACHES_MAX) {
        b->full = true;
        return;
    }
    b->attaches = eg_grow(b->r, b->attaches, b->n_attaches, &b->attaches_cap, sizeof *b->attaches);
    b->attaches[b->n_attaches++] = a;
}

static void keep(struct linux_bpf *b, struct linux_bpf_keeper k)
{
    if (b->n_keepers >= KEEPERS_MAX) {
        b->full = true;
        return;
    }
    b->keepers = eg_grow(b->r, b->keepers, b->n_keepers, &b->keepers_cap, sizeof *b->keepers);
    b->keepers[b->n_keepers++] = k;
}

/* ---- the tables ---- */

static void table(struct linux_bpf *b, struct linux_bpf_set *set, struct eg_obj idr, bool known,
                  bool (*is)(struct eg_run *r, uint64_t at), const char *name)
{
    struct eg_entry e;
    unsigned n = 0;

    set->index = eg_run_map(b->r);
    if (!known) {
        eg_note(b->r, "%s is not known in this kernel: what the table leaves out cannot be told",
                name);
        return;
    }
    set->table = true;
    eg_each_xa(e, idr) {
        if (n++ > OBJECTS_MAX || eg_stopped(b->r))
            break;
        if (is(b->r, e.value))
            linux_bpf_add(b, set, e.value, LINUX_BPF_TABLE);
        else if (e.value)
            eg_note(b->r, "%s: number %" PRIu64 " leads to %#" PRIx64 ", which is none", name,
                    e.index, e.value);
    }
}

/** Programs whose machine code has a name. Their functions are no programs of their own. */
static void symbols(struct linux_bpf *b)
{
    struct eg_obj sym;
    unsigned n = 0;

    if (!eg_has_symbol(b->r, bpf_kallsyms) || !eg_has(b->r, aux_ksym))
        return;
    eg_each_list(sym, eg_sym(b->r, bpf_kallsyms), ksym_node) {
        struct eg_obj aux = eg_container(sym, aux_ksym);
        uint64_t prog = 0;

        if (n++ > OBJECTS_MAX)
            return;
        if (!eg_get_or((uint8_t)0, sym, ksym_prog) || !eg_get(&prog, aux, bpf_aux_prog) ||
            !linux_bpf_is_prog(b->r, prog) ||
            eg_get_or((uint8_t)0, eg_object(b->r, bpf_prog, prog), bpf_prog_is_func))
            continue;
        linux_bpf_add(b, &b->progs, prog, LINUX_BPF_SYMBOL);
    }
}

/* ---- what one leads to ---- */

static void used_maps(struct linux_bpf *b, uint64_t prog)
{
    struct eg_obj aux = eg_at(eg_object(b->r, bpf_prog, prog), bpf_prog_aux_at);
    struct eg_obj maps = eg_at(aux, bpf_aux_maps);
    uint32_t n = 0;

    eg_get(&n, aux, bpf_aux_n_maps);
    for (uint32_t i = 0; i < n && i < USED_MAX; i++) {
        uint64_t map = 0;

        if (eg_load(&map, eg_index(maps, i)) && linux_bpf_is_map(b->r, map))
            linux_bpf_add(b, &b->maps, map, LINUX_BPF_PROGRAM);
    }
}

/* Sets grow while they are walked: what was found leads to more. */
static void follow(struct linux_bpf *b)
{
    size_t p = 0, m = 0, l = 0;

    while ((p < b->progs.n || m < b->maps.n || l < b->links.n) && !eg_stopped(b->r)) {
        if (p < b->progs.n)
            used_maps(b, b->progs.at[p++].at);
        if (m < b->maps.n)
            linux_bpf_map_programs(b, b->maps.at[m++].at);
        if (l < b->links.n) {
            const uint64_t link = b->links.at[l++].at;
            uint64_t prog = 0;

            if (eg_get(&prog, eg_object(b->r, bpf_link, link), bpf_link_prog) &&
                linux_bpf_is_prog(b->r, prog))
                linux_bpf_add(b, &b->progs, prog, LINUX_BPF_LINK);
            linux_bpf_link_attach(b, link);
        }
    }
}

/* ---- files and paths ---- */

static void kept_by_file(struct linux_bpf *b, const struct linux_holder *h, uint64_t object)
{
    keep(b, (struct linux_bpf_keeper){ .object = object,
                                       .task = h->task,
                                       .fd = h->how == LINUX_HOLD_FD ? h->number : UINT64_MAX });
}

static void file(struct linux_bpf *b, const struct linux_holder *h, struct linux_anon_kind kinds[4])
{
    struct eg_obj f = eg_object(b->r, file, h->file);
    uint64_t object = 0;
    unsigned kind = 0;

    while (kind < 4 && !linux_file_of_kind(b->r, f, &kinds[kind]))
        kind++;
    if (kind == 4)
        linux_bpf_socket(b, linux_file_sock(b->r, f));
    if (kind == 4 || !eg_get(&object, f, any_private) || !object)
        return;
    if (kind == 3) { // an event keeps the program that it calls
        object = linux_bpf_perf_event(b, eg_object(b->r, perf_event, object));
        if (object)
            kept_by_file(b, h, object);
        return;
    }
    if (kind == 0 ? !linux_bpf_is_prog(b->r, object)
                  : !(kind == 1 ? linux_bpf_is_map : linux_bpf_is_link)(b->r, object))
        return;
    linux_bpf_add(b,
                  kind == 0   ? &b->progs
                  : kind == 1 ? &b->maps
                              : &b->links,
                  object, LINUX_BPF_FILE);
    kept_by_file(b, h, object);
}

static void files(struct linux_bpf *b)
{
    const struct linux_holders *all = linux_holders(b->r);
    struct linux_anon_kind kinds[4] = { { .path = "anon_inode:bpf-prog" },
                                        { .path = "anon_inode:bpf-map" },
                                        { .path = "anon_inode:bpf_link" },
                                        { .path = "anon_inode:[perf_event]" } };

    for (size_t i = 0; all && i < all->n && !eg_stopped(b->r); i++)
        if (all->at[i].file && all->at[i].how != LINUX_HOLD_MAPPING)
            file(b, &all->at[i], kinds);
}

static void pin(struct linux_bpf *b, struct eg_obj inode)
{
    uint64_t object = 0;
    const char *path;
    struct linux_bpf_set *set;

    if (!eg_get(&object, inode, inode.i_private) || !object)
        return;
    set = linux_bpf_find(&b->progs, object) || linux_bpf_is_prog(b->r, object)   ? &b->progs
          : linux_bpf_find(&b->maps, object) || linux_bpf_is_map(b->r, object)   ? &b->maps
          : linux_bpf_find(&b->links, object) || linux_bpf_is_link(b->r, object) ? &b->links
                                                                                 : NULL;
    if (!set)
        return;
    linux_bpf_add(b, set, object, LINUX_BPF_PINNED);
    linux_each_name(b->r, inode, path)
        keep(b, (struct linux_bpf_keeper){ .object = object, .path = path ? path : "?" });
}

static void paths(struct linux_bpf *b)
{
    struct eg_obj sb, inode;
    unsigned n = 0;

    linux_each_superblock(b->r, sb)
    {
        if (eg_get_or((uint64_t)0, sb, super_block.s_magic) != BPFFS_MAGIC)
            continue;
        eg_each_list(inode, eg_at(sb, super_block.s_inodes), inode.i_sb_list)
            if (n++ < PINNED_MAX)
                pin(b, inode);
            else
                b->full = true;
    }
}

struct linux_bpf *linux_bpf(struct eg_run *r)
{
    struct linux_bpf *b = eg_tmp(r, sizeof *b);

    b->r = r;
    b->attached = eg_run_map(r);
    table(b, &b->progs, eg_sym(r, prog_idr), eg_has_symbol(r, prog_idr), linux_bpf_is_prog,
          "prog_idr");
    table(b, &b->maps, eg_sym(r, map_idr), eg_has_symbol(r, map_idr), linux_bpf_is_map, "map_idr");
    table(b, &b->links, eg_sym(r, link_idr), eg_has_symbol(r, link_idr), linux_bpf_is_link,
          "link_idr");
    symbols(b);
    linux_bpf_trampolines(b);
    linux_bpf_tracing(b);
    linux_bpf_multi(b);
    linux_bpf_cgroups(b);
    linux_bpf_network(b);
    files(b);
    paths(b);
    follow(b);
    if (b->full)
        eg_note(r, "there are more BPF programs, maps, links or places than are looked at");
    return b;
}
