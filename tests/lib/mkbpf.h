/** mkbpf.h - a small Linux with four BPF programs: two are in the table, one only the symbols have,
 * and one nothing. */
#ifndef MK_BPF_H
#define MK_BPF_H

#include "../../plugins/linux/state.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

/** What a guest needs more: an edit of "struct css_set *cgroups; };". */
#define MK_BPF_TYPES                                                                               \
    "struct css_set *cgroups; struct files_struct *files; };"                                      \
    "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds; };"         \
    "struct files_struct { struct fdtable *fdt; struct file *fd_array[8]; };"                      \
    "typedef struct { s64 counter; } atomic64_t;"                                                  \
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"                                 \
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent; void *array;"    \
    "  void *slots[64]; };"                                                                        \
    "struct user_struct { kuid_t uid; };"                                                          \
    "struct bpf_ksym { unsigned long start, end; char name[64]; struct list_head lnode; bool "     \
    "prog; "                                                                                       \
    "};"                                                                                           \
    "enum bpf_prog_type { BPF_PROG_TYPE_TRACEPOINT = 5, BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_LSM };"   \
    "enum bpf_map_type { BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY };"            \
    "struct bpf_map_ops { void *a; };"                                                             \
    "struct bpf_map { struct bpf_map_ops *ops; struct bpf_map *inner_map_meta; u32 map_type,"      \
    "  key_size, value_size, max_entries, map_flags, id; u32 btf_key_type_id, btf_value_type_id;"  \
    "  struct btf *btf; char name[16]; atomic64_t refcnt; bool frozen; };"                         \
    "struct bpf_array { struct bpf_map map; u32 elem_size, index_mask; u64 pad;"                   \
    "  union { char value[64]; void *ptrs[4]; void *pptrs[4]; }; };"                               \
    "struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };"                         \
    "struct hlist_nulls_head { struct hlist_nulls_node *first; };"                                 \
    "struct bucket { struct hlist_nulls_head head; };"                                             \
    "struct htab_elem { struct hlist_nulls_node hash_node; u32 hash; char key[8]; };"              \
    "struct bpf_htab { struct bpf_map map; struct bucket *buckets; u32 n_buckets, elem_size; };"   \
    "struct bpf_prog_aux { atomic64_t refcnt; u32 used_map_cnt, id, func_cnt; u64 load_time;"      \
    "  struct bpf_ksym ksym; struct bpf_map **used_maps; struct bpf_prog **func;"                  \
    "  struct bpf_prog *prog; struct user_struct *user; char name[16]; char *attach_func_name; };" \
    "struct bpf_insn { u8 code, regs; s16 off; s32 imm; };"                                        \
    "struct bpf_prog { u16 jited:1, blinded:1, is_func:1, kprobe_override:1; u32 type, len,"       \
    "  jited_len; u8 tag[8]; void *bpf_func; struct bpf_prog_aux *aux; struct bpf_insn "           \
    "insnsi[8]; "                                                                                  \
    "};"                                                                                           \
    "struct bpf_link_ops { void *a; };"                                                            \
    "struct bpf_link { atomic64_t refcnt; u32 id, type; struct bpf_link_ops *ops;"                 \
    "  struct bpf_prog *prog; };"                                                                  \
    "enum bpf_link_type { BPF_LINK_TYPE_UNSPEC, BPF_LINK_TYPE_KPROBE_MULTI, "                      \
    "BPF_LINK_TYPE_UPROBE_MULTI };"                                                                \
    "struct bpf_prog_array_item { struct bpf_prog *prog; };"                                       \
    "struct bpf_prog_array { u64 rcu; struct bpf_prog_array_item items[4]; };"                     \
    "struct trace_event_class { const char *system; };"                                            \
    "struct trace_event_call { struct list_head list; struct trace_event_class *class;"            \
    "  const char *name; int flags; struct bpf_prog_array *prog_array; };"

#define NOBODY "no link, process or path holds the program"

enum { PROGS = 4 };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t ids[3]; // nodes of prog_idr, map_idr, link_idr
    uint64_t symbols, events, ops, base;
    uint64_t groups, fprobes, uprobes; // cgrp_dfl_root, fprobe_table, uprobes_tree
    uint64_t prog[PROGS];              // 1 and 2 are in the table; 3 is not; 4 has no trace
};

static void set_id(struct world *w, unsigned table, unsigned id, uint64_t at)
{
    mk_write_ptr(w->k, mk_at(w->k, w->ids[table], "xa_node.slots") + id * mk_model(w->k)->ptr_size,
                 at);
}

static void insn(struct world *w, uint64_t prog, unsigned i, uint8_t code, uint8_t regs, int imm)
{
    const uint64_t at = mk_at(w->k, prog, "bpf_prog.insnsi") + 8 * i;
    const bool big = mk_model(w->k)->big_endian;
    const uint8_t head[] = { code, big ? (uint8_t)(regs << 4 | regs >> 4) : regs, 0, 0 };

    mk_write(w->k, at, head, sizeof head);
    mk_write_u32(w->k, at + 4, (uint32_t)imm);
}

/** A program of two instructions: r0 = 0; exit. */
static uint64_t make_prog(struct world *w, unsigned id, const char *name)
{
    uint64_t prog = mk_object(w->k, "bpf_prog"), aux = mk_object(w->k, "bpf_prog_aux");
    uint64_t user = mk_object(w->k, "user_struct");

    mk_put(w->k, user, "user_struct.uid.val", 1000);
    mk_put(w->k, prog, "bpf_prog.aux", aux);
    mk_put(w->k, prog, "bpf_prog.type", 5);
    mk_put(w->k, prog, "bpf_prog.len", 2);
    mk_put(w->k, aux, "bpf_prog_aux.prog", prog);
    mk_put(w->k, aux, "bpf_prog_aux.id", id);
    mk_put(w->k, aux, "bpf_prog_aux.refcnt.counter", 1);
    mk_put(w->k, aux, "bpf_prog_aux.user", user);
    mk_put(w->k, aux, "bpf_prog_aux.ksym.prog", 1);
    mk_puts(w->k, aux, "bpf_prog_aux.name", name);
    insn(w, prog, 0, 0xb7, 0, 0);
    insn(w, prog, 1, 0x95, 0, 0);
    return prog;
}

static uint64_t aux_of(struct world *w, unsigned i)
{
    return mk_of(&w->g, w->prog[i], "bpf_prog.aux");
}

static void add_symbol(struct world *w, unsigned i)
{
    mk_list_append(w->k, w->symbols, mk_at(w->k, aux_of(w, i), "bpf_prog_aux.ksym.lnode"));
}

/** @edits: as mk_guest() has them, with MK_BPF_TYPES. */
static struct world make(const struct mk_machine *m, const char *const *edits)
{
    static const char *const tables[] = { "prog_idr", "map_idr", "link_idr" };
    struct world w = { .g = mk_guest(m, edits) };
    uint64_t image;

    w.k = w.g.k;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t idr = mk_object(w.k, "idr");

        w.ids[i] = mk_object(w.k, "xa_node");
        mk_put(w.k, idr, "idr.idr_rt.xa_head", w.ids[i] | 2);
        mk_symbol(w.k, tables[i], idr);
    }
    w.symbols = mk_object(w.k, "list_head");
    w.events = mk_object(w.k, "list_head");
    image = mk_alloc_aligned(w.k, 2 * w.g.page, w.g.page);
    w.base = image + 64;
    w.ops = image + w.g.page + 64;
    w.groups = mk_object(w.k, "cgroup_root");
    mk_symbol(w.k, "cgrp_dfl_root", w.groups);
    w.fprobes = mk_alloc(w.k, 64 * 8);
    w.uprobes = mk_object(w.k, "rb_root");
    mk_symbol(w.k, "fprobe_table", w.fprobes);
    mk_symbol(w.k, "uprobes_tree", w.uprobes);
    mk_symbol(w.k, "bpf_kallsyms", w.symbols);
    mk_symbol(w.k, "ftrace_events", w.events);
    mk_symbol(w.k, "_stext", image);
    mk_symbol(w.k, "_etext", image + w.g.page);
    mk_symbol_sized(w.k, "__bpf_call_base", w.base, 16);
    mk_symbol_sized(w.k, "bpf_probe_write_user", w.base + 0x40, 16);
    mk_symbol_sized(w.k, "bpf_ktime_get_ns", w.base + 0x80, 16);
    mk_symbol_sized(w.k, "kprobe_multi_link_handler", w.base + 0xc0, 16);
    mk_symbol_sized(w.k, "uprobe_multi_link_handler", w.base + 0x100, 16);
    for (unsigned i = 0; i < PROGS; i++) {
        char name[16];

        snprintf(name, sizeof name, "prog%u", i + 1);
        w.prog[i] = make_prog(&w, i + 1, name);
    }
    set_id(&w, 0, 1, w.prog[0]);
    set_id(&w, 0, 2, w.prog[1]);
    mk_list(w.k, w.symbols, NULL, 0);
    mk_list(w.k, w.events, NULL, 0);
    for (unsigned i = 0; i < 3; i++)
        add_symbol(&w, i);
    mk_rows(w.k, "vmcoreinfo", NULL); // makes the layer's state
    linux_state(mk_system(w.k))->image_start = image;
    linux_state(mk_system(w.k))->image_end = image + 2 * w.g.page;
    return w;
}

static uint64_t make_map(struct world *w, const char *type, unsigned id, unsigned kind,
                         unsigned key, unsigned value, unsigned entries)
{
    uint64_t map = mk_object(w->k, type);

    mk_put(w->k, map, "bpf_map.ops", w->ops);
    mk_put(w->k, map, "bpf_map.id", id);
    mk_put(w->k, map, "bpf_map.map_type", kind);
    mk_put(w->k, map, "bpf_map.key_size", key);
    mk_put(w->k, map, "bpf_map.value_size", value);
    mk_put(w->k, map, "bpf_map.max_entries", entries);
    mk_put(w->k, map, "bpf_map.refcnt.counter", 1);
    mk_puts(w->k, map, "bpf_map.name", id == 1 ? "table" : "array");
    return map;
}

#endif
