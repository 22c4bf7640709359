/* bpf_test.c - BPF programs, maps and links: hidden ones, what they call and what calls them. */
#include "../../../plugins/linux/state.h"
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

static const char *const types[] = {
    "struct css_set *cgroups; };",
    "struct css_set *cgroups; struct files_struct *files; };"
    "struct fdtable { unsigned int max_fds; struct file **fd; unsigned long *open_fds; };"
    "struct files_struct { struct fdtable *fdt; struct file *fd_array[8]; };"
    "typedef struct { s64 counter; } atomic64_t;"
    "struct idr { struct xarray idr_rt; unsigned int idr_base; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent; void *array;"
    "  void *slots[64]; };"
    "struct user_struct { kuid_t uid; };"
    "struct bpf_ksym { unsigned long start, end; char name[64]; struct list_head lnode; bool prog; "
    "};"
    "enum bpf_map_type { BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY };"
    "struct bpf_map_ops { void *a; };"
    "struct bpf_map { struct bpf_map_ops *ops; struct bpf_map *inner_map_meta; u32 map_type,"
    "  key_size, value_size, max_entries, map_flags, id; u32 btf_key_type_id, btf_value_type_id;"
    "  struct btf *btf; char name[16]; atomic64_t refcnt; bool frozen; };"
    "struct bpf_array { struct bpf_map map; u32 elem_size, index_mask; u64 pad;"
    "  union { char value[64]; void *ptrs[4]; void *pptrs[4]; }; };"
    "struct hlist_nulls_node { struct hlist_nulls_node *next, **pprev; };"
    "struct hlist_nulls_head { struct hlist_nulls_node *first; };"
    "struct bucket { struct hlist_nulls_head head; };"
    "struct htab_elem { struct hlist_nulls_node hash_node; u32 hash; char key[8]; };"
    "struct bpf_htab { struct bpf_map map; struct bucket *buckets; u32 n_buckets, elem_size; };"
    "struct bpf_prog_aux { atomic64_t refcnt; u32 used_map_cnt, id, func_cnt; u64 load_time;"
    "  struct bpf_ksym ksym; struct bpf_map **used_maps; struct bpf_prog **func;"
    "  struct bpf_prog *prog; struct user_struct *user; char name[16]; };"
    "struct bpf_insn { u8 code, regs; s16 off; s32 imm; };"
    "struct bpf_prog { u16 jited:1, blinded:1, is_func:1, kprobe_override:1; u32 type, len,"
    "  jited_len; u8 tag[8]; void *bpf_func; struct bpf_prog_aux *aux; struct bpf_insn insnsi[8]; "
    "};"
    "struct bpf_link_ops { void *a; };"
    "struct bpf_link { atomic64_t refcnt; u32 id, type; struct bpf_link_ops *ops;"
    "  struct bpf_prog *prog; };"
    "struct bpf_prog_array_item { struct bpf_prog *prog; };"
    "struct bpf_prog_array { u64 rcu; struct bpf_prog_array_item items[4]; };"
    "struct trace_event_class { const char *system; };"
    "struct trace_event_call { struct list_head list; struct trace_event_class *class;"
    "  const char *name; int flags; struct bpf_prog_array *prog_array; };",
    NULL,
};

enum { PROGS = 4 };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t ids[3]; // nodes of prog_idr, map_idr, link_idr
    uint64_t symbols, events, ops, base;
    uint64_t prog[PROGS]; // 1 and 2 are in the table; 3 is not; 4 has no trace
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

static struct world make(const struct mk_machine *m)
{
    static const char *const tables[] = { "prog_idr", "map_idr", "link_idr" };
    struct world w = { .g = mk_guest(m, types) };
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
    mk_symbol(w.k, "bpf_kallsyms", w.symbols);
    mk_symbol(w.k, "ftrace_events", w.events);
    mk_symbol(w.k, "_stext", image);
    mk_symbol(w.k, "_etext", image + w.g.page);
    mk_symbol_sized(w.k, "__bpf_call_base", w.base, 16);
    mk_symbol_sized(w.k, "bpf_probe_write_user", w.base + 0x40, 16);
    mk_symbol_sized(w.k, "bpf_ktime_get_ns", w.base + 0x80, 16);
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

/** BPF_NAME and HINTS of each program. */
static const char *hints(struct world *w)
{
    static char text[2048];
    char rows[8192], *line, *rest = rows;
    size_t n = 0;

    snprintf(rows, sizeof rows, "%s", mk_guest_rows(&w->g, "bpfprogs", NULL));
    text[0] = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        char name[64], *hint;

        snprintf(name, sizeof name, "%s", mk_columns(line, 2, 2));
        hint = (char *)mk_columns(line, 22, 22);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s: %s", n ? "\n" : "", name, hint);
    }
    return text;
}

/* ---- programs ---- */

static void hidden(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: not in the table of programs");
        // One that ends leaves the table first; functions of a program are none.
        mk_put(w.k, aux_of(&w, 2), "bpf_prog_aux.refcnt.counter", 0);
        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: ");
        mk_put(w.k, w.prog[2], "bpf_prog.is_func", 1);
        assert_string_equal(hints(&w), "prog1: \nprog2: ");
        mk_free(w.k);
    }
}

static void helpers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        set_id(&w, 0, 3, w.prog[2]);
        insn(&w, w.prog[0], 0, 0x85, 0, 0x40);
        insn(&w, w.prog[1], 0, 0x85, 0, 0x80);
        assert_string_equal(
            hints(&w),
            "prog1: writes memory of processes (bpf_probe_write_user)\nprog2: \nprog3: ");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 13, 13),
                            "bpf_probe_write_user");
        // The second half of a wide instruction is no call, whatever it holds.
        insn(&w, w.prog[0], 0, 0x18, 0, 0);
        insn(&w, w.prog[0], 1, 0x85, 0, 0x40);
        assert_string_equal(hints(&w), "prog1: \nprog2: \nprog3: ");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 13, 13), "");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=2 insns"), 23, 25),
                            "0||call bpf_ktime_get_ns\n1||exit");
        // More than can be read.
        mk_put(w.k, w.prog[1], "bpf_prog.len", 1 << 19);
        mk_guest_rows(&w.g, "bpfprogs", "id=2");
        assert_int_equal(mk_row_notes("instructions can be read"), 1);
        mk_free(w.k);
    }
}

static uint64_t make_event(struct world *w, const char *system, const char *name, uint64_t prog)
{
    uint64_t call = mk_object(w->k, "trace_event_call"), array = mk_object(w->k, "bpf_prog_array");
    uint64_t class = mk_object(w->k, "trace_event_class");

    mk_put(w->k, class, "trace_event_class.system", mk_text(w->k, system));
    mk_put(w->k, call, "trace_event_call.class", class);
    mk_put(w->k, call, "trace_event_call.name", mk_text(w->k, name));
    mk_put(w->k, call, "trace_event_call.prog_array", array);
    mk_write_ptr(w->k, mk_at(w->k, array, "bpf_prog_array.items"), prog);
    mk_list_append(w->k, w->events, mk_at(w->k, call, "trace_event_call.list"));
    return call;
}

static void attached(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t freed = make_prog(&w, 5, "freed");

        mk_put(w.k, mk_of(&w.g, freed, "bpf_prog.aux"), "bpf_prog_aux.prog", w.prog[0]);
        set_id(&w, 0, 3, w.prog[2]);
        make_event(&w, "syscalls", "sys_exit_getdents64", w.prog[0]);
        make_event(&w, "syscalls", "sys_enter_execve", w.prog[1]);
        // A program that only an event has, and one that was freed: its data leads elsewhere.
        make_event(&w, "sched", "sched_switch", w.prog[3]);
        make_event(&w, "sched", "sched_wakeup", freed);
        make_event(&w, "sched", "sched_waking", w.events);
        assert_string_equal(hints(&w), "prog1: attached to getdents64\nprog2: \nprog3: \n"
                                       "prog4: not in the table of programs");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", NULL), 11, 11),
                            "tracepoint syscalls:sys_exit_getdents64\n"
                            "tracepoint syscalls:sys_enter_execve\n\n"
                            "tracepoint sched:sched_switch");
        mk_free(w.k);
    }
}

/* ---- maps ---- */

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

static void use(struct world *w, unsigned prog, uint64_t map)
{
    uint64_t list = mk_alloc(w->k, 8);

    mk_write_ptr(w->k, list, map);
    mk_put(w->k, aux_of(w, prog), "bpf_prog_aux.used_maps", list);
    mk_put(w->k, aux_of(w, prog), "bpf_prog_aux.used_map_cnt", 1);
}

static void maps(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t table = make_map(&w, "bpf_htab", 1, 1, 4, 8, 16), elem[2];
        uint64_t array = make_map(&w, "bpf_array", 2, 2, 4, 8, 3);
        uint64_t buckets = mk_alloc(w.k, 256), at = mk_at(w.k, array, "bpf_array.value");

        use(&w, 1, array); // which is not in the table
        set_id(&w, 1, 1, table);
        mk_put(w.k, table, "bpf_htab.buckets", buckets);
        mk_put(w.k, table, "bpf_htab.n_buckets", 2);
        for (unsigned i = 0; i < 2; i++) {
            elem[i] = mk_object(w.k, "htab_elem");
            mk_put(w.k, elem[i], "htab_elem.hash_node.next", i ? 1 : elem[0]);
            mk_write_u32(w.k, mk_at(w.k, elem[i], "htab_elem.key"), 7 + i);
            mk_write(w.k, mk_at(w.k, elem[i], "htab_elem.key") + 8, "words", 6);
        }
        mk_put(w.k, elem[0], "htab_elem.hash_node.next", 1);
        mk_put(w.k, elem[1], "htab_elem.hash_node.next", elem[0]);
        mk_write_ptr(w.k, buckets, elem[1]);
        mk_write_ptr(w.k, buckets + mk_at(w.k, 0, "bucket.head") + mk_model(w.k)->ptr_size, 3);
        mk_put(w.k, array, "bpf_array.elem_size", 8);
        mk_write(w.k, at + 8, "word two", 8);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 2, 2), "table\narray");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 14, 14),
                            "\nnot in the table of maps");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 11, 11), "\n2 prog2");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=1 contents"), 15, 15),
                            "8\n7");
        mk_guest_rows(&w.g, "bpfmaps", "id=2 contents");
        assert_int_equal(mk_row_notes("2 elements that are zero"), 1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=2 contents all"), 15, 15),
                            "0\n1\n2");
        // A chain that leads back, and one whose map is being freed.
        mk_put(w.k, elem[0], "htab_elem.hash_node.next", elem[1]);
        mk_put(w.k, array, "bpf_map.refcnt.counter", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", "id=1 contents"), 15, 15),
                            "8\n7");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfmaps", NULL), 14, 14), "\n");
        mk_free(w.k);
    }
}

/* ---- links ---- */

static void links(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t link = mk_object(w.k, "bpf_link");

        set_id(&w, 0, 3, w.prog[2]);
        mk_put(w.k, link, "bpf_link.ops", w.ops);
        mk_put(w.k, link, "bpf_link.id", 9);
        mk_put(w.k, link, "bpf_link.prog", w.prog[0]);
        mk_put(w.k, link, "bpf_link.refcnt.counter", 1);
        make_event(&w, "syscalls", "sys_enter_kill", w.prog[1]);
        make_event(&w, "sched", "sched_switch", w.prog[2]);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\n");
        // A link that only its table has, and one that is being freed.
        set_id(&w, 2, 9, link);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\n\nno process and no path holds the link");
        mk_put(w.k, link, "bpf_link.refcnt.counter", 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\n\n");
        // One that the table lacks, and a program's array has.
        set_id(&w, 2, 9, 0);
        mk_put(w.k, link, "bpf_link.refcnt.counter", 1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\n");
        mk_put(w.k, link, "bpf_link.refcnt.counter", 0);
        set_id(&w, 2, 9, link);
        // What has no operations is no link.
        mk_put(w.k, link, "bpf_link.ops", 0x1000);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\n");
        assert_int_equal(mk_row_notes("link_idr: number 9 leads to"), 1);
        // The program is hidden too.
        set_id(&w, 0, 3, 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            "attached to kill\nthe program is not in the table of programs");
        mk_free(w.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden), cmocka_unit_test(helpers), cmocka_unit_test(attached),
        cmocka_unit_test(maps),   cmocka_unit_test(links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
