/* bpfkept_test.c - BPF maps of sorts of their own, and programs of control groups. */
#include "check.h"
#include "mkbpf.h"
#include "mkcode.h"

static const char *const types[] = {
    "struct css_set *cgroups; };",
    MK_BPF_TYPES,
    "int flags; struct bpf_prog_array *prog_array; };",
    "int flags; struct bpf_prog_array *prog_array; };"
    "enum bpf_struct_ops_state { BPF_STRUCT_OPS_STATE_INIT, BPF_STRUCT_OPS_STATE_INUSE };"
    "struct bpf_local_storage { u64 pad; void *owner; };"
    "struct bpf_local_storage_data { void *smap; char data[16]; };"
    "struct bpf_local_storage_elem { struct hlist_node map_node, snode;"
    "  struct bpf_local_storage *local_storage; struct bpf_local_storage_data sdata; };"
    "struct bpf_local_storage_map_bucket { struct hlist_head list; };"
    "struct bpf_local_storage_map { struct bpf_map map;"
    "  struct bpf_local_storage_map_bucket *buckets; u32 bucket_log; };"
    "struct lab_ops { int (*first)(int); void (*second)(void); char name[8]; u32 flags; };"
    "struct bpf_struct_ops { const char *name; };"
    "struct bpf_struct_ops_value { u32 refcnt; enum bpf_struct_ops_state state; u64 pad;"
    "  char data[64]; };"
    "struct bpf_struct_ops_map { struct bpf_map map; struct bpf_struct_ops *st_ops;"
    "  struct bpf_struct_ops_value *uvalue; struct bpf_struct_ops_value kvalue; };"
    "struct bpf_bloom_filter { struct bpf_map map; u32 bitset_mask, hash_seed, nr_hash_funcs;"
    "  unsigned long bitset[4]; };"
    "struct net_device { char name[16]; };"
    "struct bpf_dtab_netdev { struct net_device *dev; struct hlist_node index_hlist; u32 idx; };"
    "struct bpf_dtab { struct bpf_map map; struct hlist_head *dev_index_head; u32 n_buckets; };"
    "struct vm_struct { void *addr; };"
    "struct bpf_arena { struct bpf_map map; u64 user_vm_start, user_vm_end;"
    "  struct vm_struct *kern_vm; };"
    "struct fprobe { void *entry_handler, *exit_handler; };"
    "struct fprobe_hlist { struct hlist_node hlist; u64 pad; struct fprobe *fp; };"
    "struct bpf_kprobe_multi_link { struct bpf_link link; struct fprobe fp; u32 cnt; };"
    "struct uprobe_consumer { void *handler, *ret_handler; struct list_head cons_node; };"
    "struct bpf_uprobe { struct bpf_uprobe_multi_link *link; u64 offset;"
    "  struct uprobe_consumer consumer; };"
    "struct bpf_uprobe_multi_link { struct bpf_link link; u32 cnt; };"
    "struct uprobe { struct rb_node rb_node; struct list_head consumers; struct inode *inode;"
    "  u64 offset; };"
    "struct bpf_prog_list { struct hlist_node node; struct bpf_prog *prog; void *link; };",
    "BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY };",
    "BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_TASK_STORAGE,"
    "  BPF_MAP_TYPE_STRUCT_OPS, BPF_MAP_TYPE_BLOOM_FILTER, BPF_MAP_TYPE_DEVMAP_HASH,"
    "  BPF_MAP_TYPE_ARENA };",
    "struct cgroup_subsys *ss;  unsigned int flags; };",
    "struct cgroup_subsys *ss; unsigned int flags; struct cgroup_subsys_state *parent;"
    "  struct list_head sibling, children; };"
    "struct cgroup_bpf { struct hlist_head progs[2]; struct bpf_prog_array *effective[2];"
    "  u8 flags[2]; };",
    "struct kernfs_node *kn;  struct cgroup_root *root; };"
    "struct cgroup_root { int hierarchy_id;",
    "struct kernfs_node *kn; struct cgroup_root *root; struct cgroup_bpf bpf; };"
    "struct cgroup_root { struct cgroup cgrp; int hierarchy_id;",
    NULL,
};

enum { TASK_STORAGE = 3, STRUCT_OPS, BLOOM, DEVICES, ARENA };

static uint64_t add_map(struct world *w, const char *type, unsigned kind, unsigned value)
{
    uint64_t map = make_map(w, type, 1, kind, 4, value, 4);

    set_id(w, 1, 1, map);
    return map;
}

static const char *contents(struct world *w)
{
    static char text[4096];
    char rows[16384], *line, *rest = rows;
    size_t n = 0;

    snprintf(rows, sizeof rows, "%s", mk_guest_rows(&w->g, "bpfmaps", "contents"));
    text[0] = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        char key[256];

        snprintf(key, sizeof key, "%s", mk_columns(line, 15, 15));
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s: %s", n ? "\n" : "", key,
                              mk_columns(line, 17, 17));
    }
    return text;
}

static uint64_t element(struct world *w, uint64_t owner, const char *words)
{
    uint64_t e = mk_object(w->k, "bpf_local_storage_elem"),
             s = mk_object(w->k, "bpf_local_storage");

    mk_put(w->k, s, "bpf_local_storage.owner", owner);
    mk_put(w->k, e, "bpf_local_storage_elem.local_storage", s);
    mk_puts(w->k, e, "bpf_local_storage_elem.sdata.data", words);
    return e;
}

static void storage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t map = add_map(&w, "bpf_local_storage_map", TASK_STORAGE, 16);
        uint64_t buckets = mk_alloc(w.k, 64), e = element(&w, w.g.swapper, "first words");

        mk_put(w.k, map, "bpf_local_storage_map.buckets", buckets);
        mk_put(w.k, map, "bpf_local_storage_map.bucket_log", 1);
        mk_hlist_add(w.k, buckets, mk_at(w.k, e, "bpf_local_storage_elem.map_node"));
        mk_hlist_add(w.k, buckets + mk_model(w.k)->ptr_size,
                     mk_at(w.k, element(&w, 0, "second words"), "bpf_local_storage_elem.map_node"));
        assert_string_equal(contents(&w), "task 0 swapper/0: \"first words\"\n"
                                          "nothing that is known: \"second words\"");
        // A chain that leads back ends.
        mk_put(w.k, e, "bpf_local_storage_elem.map_node.next",
               mk_at(w.k, e, "bpf_local_storage_elem.map_node"));
        assert_string_equal(mk_columns(contents(&w), 0, 0),
                            "task 0 swapper/0: \"first words\"\n"
                            "nothing that is known: \"second words\"");
        mk_put(w.k, map, "bpf_local_storage_map.bucket_log", 30);
        assert_string_equal(contents(&w), "");
        mk_free(w.k);
    }
}

static void struct_ops(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t map = add_map(&w, "bpf_struct_ops_map", STRUCT_OPS, 64);
        uint64_t ops = mk_object(w.k, "bpf_struct_ops"),
                 value = mk_object(w.k, "bpf_struct_ops_value"), at;

        set_id(&w, 0, 3, w.prog[2]);
        at = mk_at(w.k, value, "bpf_struct_ops_value.data");
        mk_put(w.k, ops, "bpf_struct_ops.name", mk_text(w.k, "lab_ops"));
        mk_put(w.k, map, "bpf_struct_ops_map.st_ops", ops);
        mk_put(w.k, map, "bpf_struct_ops_map.uvalue", value);
        mk_put(w.k, map, "bpf_struct_ops_map.kvalue.state", 1);
        mk_write_ptr(w.k, at + mk_at(w.k, 0, "lab_ops.second"), 2); // number of a program
        mk_write(w.k, at + mk_at(w.k, 0, "lab_ops.name"), "lab", 4);
        assert_string_equal(contents(&w), "lab_ops: inuse\nsecond: program 2 prog2\nname: \"lab\"");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 2, 3),
                            "struct_ops|lab_ops.second, map 1 table");
        // What is not registered calls nothing.
        mk_put(w.k, map, "bpf_struct_ops_map.kvalue.state", 0);
        assert_string_equal(mk_guest_rows(&w.g, "bpflinks", NULL), "");
        mk_put(w.k, ops, "bpf_struct_ops.name", mk_text(w.k, "no_ops"));
        assert_string_equal(contents(&w), "");
        assert_int_equal(mk_row_notes("its functions cannot be read"), 1);
        mk_free(w.k);
    }
}

static void others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        // On AArch64 the size of pages is a register's, which no machine has here.
        const uint64_t page = m->arch && !strcmp(m->arch, "aarch64") ? 4096 : w.g.page;
        uint64_t map = add_map(&w, "bpf_bloom_filter", BLOOM, 8), heads, dev, end, area;
        char want[128];

        mk_put(w.k, map, "bpf_bloom_filter.bitset_mask", 63);
        mk_put(w.k, map, "bpf_bloom_filter.nr_hash_funcs", 5);
        mk_write(w.k, mk_at(w.k, map, "bpf_bloom_filter.bitset"),
                 "\x03\x00\x80\x00\x00\x00\x00\x00\xff",
                 9); // the last is behind the mask
        assert_string_equal(contents(&w), "bits: 3 of 64 set, 5 for a value");

        map = add_map(&w, "bpf_dtab", DEVICES, 4);
        heads = mk_alloc(w.k, 64);
        dev = mk_object(w.k, "net_device");
        end = mk_object(w.k, "bpf_dtab_netdev");
        mk_puts(w.k, dev, "net_device.name", "lab0");
        mk_put(w.k, end, "bpf_dtab_netdev.dev", dev);
        mk_put(w.k, end, "bpf_dtab_netdev.idx", 77);
        mk_put(w.k, map, "bpf_dtab.dev_index_head", heads);
        mk_put(w.k, map, "bpf_dtab.n_buckets", 2);
        mk_hlist_add(w.k, heads + mk_model(w.k)->ptr_size,
                     mk_at(w.k, end, "bpf_dtab_netdev.index_hlist"));
        assert_string_equal(contents(&w), "77: lab0");

        // Half of a guard lies before the place that the low 32 bits of an address count from.
        map = add_map(&w, "bpf_arena", ARENA, 0);
        area = mk_object(w.k, "vm_struct");
        end = mk_alloc_aligned(w.k, w.g.page, w.g.page);
        mk_puts(w.k, map, "bpf_map.name", "arena");
        mk_put(w.k, area, "vm_struct.addr", end - (page > 1 << 15 ? page : 1 << 15) - 2 * page);
        mk_put(w.k, map, "bpf_arena.kern_vm", area);
        mk_put(w.k, map, "bpf_arena.user_vm_start", 2 * page);
        mk_put(w.k, map, "bpf_arena.user_vm_end", 3 * page);
        mk_write(w.k, end, "words of an arena", 18);
        snprintf(want, sizeof want, "%#llx: \"words of an arena\"", (unsigned long long)(2 * page));
        assert_string_equal(contents(&w), want);
        mk_put(w.k, map, "bpf_arena.user_vm_end", 0);
        assert_string_equal(contents(&w), "");
        mk_free(w.k);
    }
}

/* ---- probes ---- */

static void put_link(struct world *w, uint64_t link, unsigned type, uint64_t prog)
{
    mk_put(w->k, link, "bpf_link.ops", w->ops);
    mk_put(w->k, link, "bpf_link.id", 9);
    mk_put(w->k, link, "bpf_link.type", type);
    mk_put(w->k, link, "bpf_link.prog", prog);
    mk_put(w->k, link, "bpf_link.refcnt.counter", 1);
}

static const char *shown(struct world *w)
{
    static char text[512];

    snprintf(text, sizeof text, "%s", mk_columns(mk_guest_rows(&w->g, "bpflinks", NULL), 2, 2));
    snprintf(text + strlen(text), sizeof text - strlen(text), ": %s",
             mk_columns(mk_guest_rows(&w->g, "bpflinks", NULL), 12, 12));
    return text;
}

static void probes(void **state)
{
    static const char HIDDEN[] = "not in the table of links; no process and no path holds the link";

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t link = mk_object(w.k, "bpf_kprobe_multi_link"), fp, node, probe, place;
        uint64_t users = mk_object(w.k, "bpf_uprobe_multi_link"), one;
        char want[128];

        put_link(&w, mk_at(w.k, link, "bpf_kprobe_multi_link.link"), 1, w.prog[0]);
        fp = mk_at(w.k, link, "bpf_kprobe_multi_link.fp");
        node = mk_object(w.k, "fprobe_hlist");
        mk_put(w.k, node, "fprobe_hlist.fp", fp);
        mk_put(w.k, fp, "fprobe.entry_handler", w.base + 0xc0);
        mk_hlist_add(w.k, w.fprobes + 8 * mk_model(w.k)->ptr_size,
                     mk_at(w.k, node, "fprobe_hlist.hlist"));
        snprintf(want, sizeof want, "kprobe_multi: %s", HIDDEN);
        assert_string_equal(shown(&w), want);
        mk_put(w.k, fp, "fprobe.entry_handler", w.base + 0x80); // of somebody else
        assert_string_equal(shown(&w), ": ");

        probe = mk_object(w.k, "uprobe");
        place = mk_object(w.k, "bpf_uprobe");
        one = mk_at(w.k, place, "bpf_uprobe.consumer");
        put_link(&w, mk_at(w.k, users, "bpf_uprobe_multi_link.link"), 2, w.prog[1]);
        mk_put(w.k, place, "bpf_uprobe.link", users);
        mk_put(w.k, one, "uprobe_consumer.handler", w.base + 0x100);
        mk_list_append(w.k, mk_at(w.k, probe, "uprobe.consumers"),
                       mk_at(w.k, one, "uprobe_consumer.cons_node"));
        mk_put(w.k, w.uprobes, "rb_root.rb_node", mk_at(w.k, probe, "uprobe.rb_node"));
        snprintf(want, sizeof want, "uprobe_multi: %s", HIDDEN);
        assert_string_equal(shown(&w), want);
        mk_put(w.k, one, "uprobe_consumer.handler", w.base + 0xc0);
        assert_string_equal(shown(&w), ": ");
        mk_free(w.k);
    }
}

/* ---- control groups ---- */

static void put_effective(struct world *w, uint64_t group, uint64_t one, uint64_t two)
{
    uint64_t array = mk_object(w->k, "bpf_prog_array"),
             items = mk_at(w->k, array, "bpf_prog_array.items");

    mk_write_ptr(w->k, items, one);
    mk_write_ptr(w->k, items + mk_model(w->k)->ptr_size, two);
    mk_write_ptr(w->k, mk_at(w->k, group, "cgroup.bpf.effective"), array);
}

static void groups(void **state)
{
    static const char WORKS[] = "works in the group, and no group has it in its list";

    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t root = mk_at(w.k, w.groups, "cgroup_root.cgrp");
        uint64_t child = mk_object(w.k, "cgroup");
        uint64_t pl[2], list;
        char want[256];

        set_id(&w, 0, 3, w.prog[2]);
        mk_list(w.k, mk_at(w.k, root, "cgroup.self.children"), NULL, 0);
        mk_list(w.k, mk_at(w.k, child, "cgroup.self.children"), NULL, 0);
        mk_list_append(w.k, mk_at(w.k, root, "cgroup.self.children"),
                       mk_at(w.k, child, "cgroup.self.sibling"));
        mk_put(w.k, child, "cgroup.self.cgroup", child);
        mk_put(w.k, child, "cgroup.self.parent", mk_at(w.k, root, "cgroup.self"));
        for (unsigned i = 0; i < 2; i++) {
            pl[i] = mk_object(w.k, "bpf_prog_list");
            mk_put(w.k, pl[i], "bpf_prog_list.prog", w.prog[i]);
            list = mk_at(w.k, i ? child : root, "cgroup.bpf.progs");
            mk_hlist_add(w.k, list, mk_at(w.k, pl[i], "bpf_prog_list.node"));
        }
        // The child's own, and that of the group above, which lets several work.
        mk_write(w.k, mk_at(w.k, root, "cgroup.bpf.flags"), "\x02", 1);
        put_effective(&w, root, w.prog[0], 0);
        put_effective(&w, child, w.prog[1], w.prog[0]);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            NOBODY "\n" NOBODY);
        // It does not: only the child's own works there.
        mk_write(w.k, mk_at(w.k, root, "cgroup.bpf.flags"), "\x01", 1);
        snprintf(want, sizeof want, "%s\n%s\n%s; %s", NOBODY, NOBODY, WORKS, NOBODY);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12), want);
        put_effective(&w, child, w.prog[1], 0);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12),
                            NOBODY "\n" NOBODY);
        // The list lacks what works; what is in the list does not work.
        put_effective(&w, child, w.prog[2], 0);
        snprintf(want, sizeof want, "%s\ndoes not work in ?; %s\n%s; %s", NOBODY, NOBODY, WORKS,
                 NOBODY);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 12, 12), want);
        mk_free(w.k);
    }
}

/* An LSM program of a group may refuse; one that looks only does not. */
static void refusals(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, types);
        uint64_t root = mk_at(w.k, w.groups, "cgroup_root.cgrp");
        uint64_t pl = mk_object(w.k, "bpf_prog_list");

        mk_list(w.k, mk_at(w.k, root, "cgroup.self.children"), NULL, 0);
        mk_put(w.k, pl, "bpf_prog_list.prog", w.prog[0]);
        mk_hlist_add(w.k, mk_at(w.k, root, "cgroup.bpf.progs"),
                     mk_at(w.k, pl, "bpf_prog_list.node"));
        mk_put(w.k, w.prog[0], "bpf_prog.type", 7);
        mk_put(w.k, aux_of(&w, 0), "bpf_prog_aux.attach_func_name",
               mk_text(w.k, "bpf_lsm_task_kill"));
        insn(&w, w.prog[0], 0, 0xb7, 0, -1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpflinks", NULL), 3, 3),
                            "lsm_cgroup bpf_lsm_task_kill ?");
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 24, 24),
                            "attached to task_kill, may answer -1");
        insn(&w, w.prog[0], 0, 0xb7, 0, 1); // which no error is
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 24, 24),
                            "attached to task_kill");
        insn(&w, w.prog[0], 0, 0xb7, 1, -1); // nor is another register the answer
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 24, 24),
                            "attached to task_kill");
        mk_put(w.k, aux_of(&w, 0), "bpf_prog_aux.attach_func_name",
               mk_text(w.k, "bpf_lsm_file_open"));
        insn(&w, w.prog[0], 0, 0xb7, 0, -1);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "bpfprogs", "id=1"), 24, 24), "");
        mk_free(w.k);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(storage), cmocka_unit_test(struct_ops), cmocka_unit_test(others),
        cmocka_unit_test(probes),  cmocka_unit_test(groups),     cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
