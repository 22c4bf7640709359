/* index_test.c - xarrays, radix trees, idrs and maple trees: whole and damaged, on every machine.
 */
#include "check.h"
#include "mkimage.h"
#include <stdio.h>

#define COMMON                                                                                     \
    "struct xarray { u32 xa_lock; u32 xa_flags; void *xa_head; };"                                 \
    "struct idr { struct xarray idr_rt; u32 idr_base; u32 idr_next; };"                            \
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"                 \
    "                 struct xarray *array; void *slots[64]; };"                                   \
    "struct maple_tree { u32 ma_lock; void *ma_root; u32 ma_flags; };"
#define MAPLE(node, range, range_1, arange, arange_1)                                              \
    "struct maple_range_64 { void *parent; unsigned long pivot[" range_1 "];"                      \
    "    union { void *slot[" range "]; struct { void *pad[" range_1 "]; u8 end, gap; }; }; };"    \
    "struct maple_arange_64 { void *parent; unsigned long pivot[" arange_1 "];"                    \
    "    void *slot[" arange "]; unsigned long gap[" arange "]; u8 end, gap_slot; };"              \
    "struct maple_node { union { struct { void *parent; void *slot[" node "]; };"                  \
    "    struct maple_range_64 mr64; struct maple_arange_64 ma64; }; };"
static const char wide[] = COMMON MAPLE("31", "16", "15", "10", "9");
static const char narrow[] = COMMON MAPLE("63", "32", "31", "21", "20");
static const char old[] = "struct radix_tree_node { u8 shift, offset; u32 count;"
                          "  struct radix_tree_node *parent; void *slots[64]; };"
                          "struct radix_tree_root { u32 gfp_mask; struct radix_tree_node *rnode; };"
                          "struct idr { struct radix_tree_root idr_rt; u32 idr_next; };";

EG_FIELDS(xarray, xa_head);
EG_TYPE(idr);
EG_TYPE(radix_tree_root);
EG_FIELDS(maple_tree, ma_root);

enum { RAM = 1 << 20 };

struct world {
    struct mk *k;
    struct eg_run *r;
    uint64_t tree;
    unsigned ptr;
    char got[4096]; /* "first-last=value …" */
};

static struct world make(const struct mk_machine *m, const char *types, const char *root)
{
    struct world w = { .k = mk_new(m, RAM, types ? types : (m->arch ? wide : narrow)) };

    w.ptr = mk_model(w.k)->ptr_size;
    w.tree = mk_object(w.k, root);
    return w;
}

static void add(struct world *w, const struct eg_entry *e)
{
    size_t n = strlen(w->got);

    assert_true(n < sizeof w->got - 64);
    snprintf(w->got + n, sizeof w->got - n, "%s%llx-%llx=%llx", n ? " " : "",
             (unsigned long long)e->index, (unsigned long long)e->last,
             (unsigned long long)e->value);
}

static void walk_xa(struct world *w, uint32_t type)
{
    struct eg_entry e;

    w->r = mk_run(w->k);
    w->got[0] = 0;
    eg_each_xa(e, eg_object_(w->r, eg_kernel(w->r), type, w->tree))
        add(w, &e);
    assert_int_equal(w->r->status, 0);
}

static void walk_maple(struct world *w)
{
    struct eg_entry e;

    w->r = mk_run(w->k);
    w->got[0] = 0;
    eg_each_maple(e, eg_object(w->r, maple_tree, w->tree))
        add(w, &e);
    assert_int_equal(w->r->status, 0);
}

static void expect(struct world *w, const char *entries, size_t notes)
{
    assert_string_equal(w->got, entries);
    assert_int_equal(w->r->notes.n, notes);
}

/* ---- xarrays ---- */

static uint64_t xa_node(struct world *w, unsigned shift, unsigned offset, uint64_t parent)
{
    uint64_t node;

    mk_straddle(w->k, 96); // its slots lie on two pages
    node = mk_object(w->k, "xa_node");
    mk_put(w->k, node, "xa_node.shift", shift);
    mk_put(w->k, node, "xa_node.offset", offset);
    mk_put(w->k, node, "xa_node.parent", parent);
    if (parent)
        mk_write_ptr(w->k, mk_at(w->k, parent, "xa_node.slots") + offset * w->ptr, node | 2);
    else
        mk_put(w->k, w->tree, "xarray.xa_head", node | 2);
    return node;
}

static void xa_set(struct world *w, uint64_t node, unsigned slot, uint64_t value)
{
    mk_write_ptr(w->k, mk_at(w->k, node, "xa_node.slots") + slot * w->ptr, value);
}

static void xa_small(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "xarray");

        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "", 0);
        mk_put(w.k, w.tree, "xarray.xa_head", 0x5000);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "0-0=5000", 0);
        mk_put(w.k, w.tree, "xarray.xa_head", 257 << 2 | 2); // a zero entry
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "", 0);
        mk_free(w.k);
    }
}

static void xa_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "xarray");
        uint64_t top = xa_node(&w, 12, 9, 0), mid = xa_node(&w, 6, 0, top); // 9: left from before
        uint64_t low = xa_node(&w, 0, 0, mid), high = xa_node(&w, 0, 63, mid);

        xa_set(&w, low, 0, 0x5000);
        xa_set(&w, low, 1, 0x77);         // a value entry
        xa_set(&w, low, 4, 0x6000);       // four slots wide
        xa_set(&w, low, 5, 4 << 2 | 2);   //   siblings
        xa_set(&w, low, 6, 4 << 2 | 2);   //
        xa_set(&w, low, 7, 4 << 2 | 2);   //
        xa_set(&w, low, 9, 256 << 2 | 2); // a retry entry
        xa_set(&w, high, 63, 0x7000);
        xa_set(&w, mid, 2, 0x8000); // an order 7 entry
        xa_set(&w, mid, 3, 2 << 2 | 2);
        xa_set(&w, top, 63, 0x9000);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "0-0=5000 1-1=77 4-7=6000 80-ff=8000 fff-fff=7000 3f000-3ffff=9000", 0);
        mk_free(w.k);
    }
}

static void xa_damaged(void **state)
{
    static const struct {
        const char *what, *member;
        uint64_t value;
    } cases[] = {
        { "a node with another's shift", "xa_node.shift", 6 },
        { "a shift past all bits", "xa_node.shift", 200 },
        { "a node at another slot", "xa_node.offset", 5 },
        { "a node of another", "xa_node.parent", 0x12340 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m, NULL, "xarray");
        uint64_t top = xa_node(&w, 6, 0, 0), a = xa_node(&w, 0, 0, top), b = xa_node(&w, 0, 1, top);

        print_message("# %s: %s\n", m->name, cases[i].what);
        xa_set(&w, a, 3, 0x5000);
        xa_set(&w, b, 3, 0x6000);
        mk_put(w.k, a, cases[i].member, cases[i].value);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "43-43=6000", 1);
        mk_free(w.k);
    }
}

/** In an image of several moments a tree may have grown between the copies of two of its nodes: its
 * old top is slot 0 of the new one, and knows the tree. */
static void xa_grown(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "xarray");
        uint64_t top = xa_node(&w, 6, 0, 0), a = xa_node(&w, 0, 0, top), b = xa_node(&w, 0, 1, top);

        xa_set(&w, a, 3, 0x5000);
        xa_set(&w, b, 3, 0x6000);
        mk_put(w.k, a, "xa_node.parent", 0);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "43-43=6000", 1);
        mk_put(w.k, a, "xa_node.array", w.tree);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "3-3=5000 43-43=6000", 1);
        mk_put(w.k, a, "xa_node.parent", top);
        mk_put(w.k, top, "xa_node.parent", 0x12340);
        mk_put(w.k, top, "xa_node.array", w.tree);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "3-3=5000 43-43=6000", 1);
        // Only the first slot's may be without a parent.
        mk_put(w.k, b, "xa_node.parent", 0);
        mk_put(w.k, b, "xa_node.array", w.tree);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "3-3=5000", 2);
        mk_free(w.k);
    }
}

/** A top node is checked too. */
static void xa_bad_top(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "xarray");
        uint64_t top = xa_node(&w, 0, 0, 0);

        xa_set(&w, top, 3, 0x5000);
        mk_put(w.k, top, "xa_node.shift", 200);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "", 1);
        mk_put(w.k, top, "xa_node.shift", 0);
        mk_put(w.k, top, "xa_node.parent", top);
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "", 1);
        mk_free(w.k);
    }
}

static void xa_circles(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "xarray");
        uint64_t top = xa_node(&w, 6, 0, 0), a = xa_node(&w, 0, 0, top);

        xa_set(&w, a, 3, 0x5000);
        xa_set(&w, a, 4, top | 2); // a leaf with a node in it
        xa_set(&w, top, 1, a | 2); // the same child twice
        xa_set(&w, top, 2, top | 2);
        xa_set(&w, top, 3, 0x10002); // nowhere
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "3-3=5000", 4);
        mk_unmap(w.k, a + 96); // its second half
        walk_xa(&w, eg_t_xarray.id);
        expect(&w, "3-3=5000", 5);
        assert_int_equal(mk_notes(w.r, "not mapped"), 2);
        mk_free(w.k);
    }
}

static void idr_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "idr");
        uint64_t node = xa_node(&w, 0, 0, 0);

        xa_set(&w, node, 0, 0x5000);
        xa_set(&w, node, 7, 0x6000);
        mk_put(w.k, w.tree, "idr.idr_base", 1);
        walk_xa(&w, eg_t_idr.id);
        expect(&w, "1-1=5000 8-8=6000", 0);
        mk_free(w.k);
    }
}

static void radix_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, old, "radix_tree_root");
        uint64_t top = mk_object(w.k, "radix_tree_node"), low = mk_object(w.k, "radix_tree_node");
        uint64_t slots = mk_at(w.k, low, "radix_tree_node.slots");

        mk_put(w.k, w.tree, "radix_tree_root.rnode", top | 1);
        mk_put(w.k, top, "radix_tree_node.shift", 6);
        mk_write_ptr(w.k, mk_at(w.k, top, "radix_tree_node.slots") + 2 * w.ptr, low | 1);
        mk_put(w.k, low, "radix_tree_node.parent", top);
        mk_put(w.k, low, "radix_tree_node.offset", 2);
        mk_write_ptr(w.k, slots, 0x5000);
        mk_write_ptr(w.k, slots + 1 * w.ptr, 0x5002);
        mk_write_ptr(w.k, slots + 4 * w.ptr, 0x6000);
        mk_write_ptr(w.k, slots + 5 * w.ptr, (slots + 4 * w.ptr) | 1);
        walk_xa(&w, eg_t_radix_tree_root.id);
        expect(&w, "80-80=5000 81-81=5002 84-85=6000", 0);
        mk_free(w.k);
    }
}

/* ---- maple trees ---- */

enum { LEAF = 1, RANGE = 2, ARANGE = 3 };

static uint64_t maple_node(struct world *w, uint64_t parent, unsigned slot)
{
    uint64_t node = mk_alloc_aligned(w->k, 256, 256);

    mk_put(w->k, node, "maple_node.parent", parent ? parent | slot << 3 | 6 : w->tree | 1);
    return node;
}

static void maple_set(struct world *w, uint64_t node, int type, unsigned i, uint64_t pivot,
                      uint64_t value)
{
    const char *pivots = type == ARANGE ? "maple_arange_64.pivot" : "maple_range_64.pivot";
    const char *slots = type == ARANGE ? "maple_arange_64.slot" : "maple_range_64.slot";

    if (pivot)
        mk_write_ptr(w->k, mk_at(w->k, node, pivots) + i * w->ptr, pivot);
    mk_write_ptr(w->k, mk_at(w->k, node, slots) + i * w->ptr, value);
}

static void maple_root(struct world *w, uint64_t node, int type)
{
    mk_put(w->k, w->tree, "maple_tree.ma_root", node | (uint64_t)type << 3 | 4 | 2);
}

static void maple_small(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "maple_tree");
        const char *last = w.ptr == 8 ? "ffffffffffffffff" : "ffffffff";
        char all[128];
        uint64_t leaf;

        walk_maple(&w);
        expect(&w, "", 0);
        mk_put(w.k, w.tree, "maple_tree.ma_root", 0x5000);
        walk_maple(&w);
        expect(&w, "0-0=5000", 0);

        leaf = maple_node(&w, 0, 0);
        maple_root(&w, leaf, LEAF);
        maple_set(&w, leaf, LEAF, 0, 0xfff, 0);
        maple_set(&w, leaf, LEAF, 1, 0x1fff, 0x5000);
        maple_set(&w, leaf, LEAF, 2, 0x2fff, 257 << 2 | 2); // a zero entry
        maple_set(&w, leaf, LEAF, 3, 0, 0x6000);            // the end
        maple_set(&w, leaf, LEAF, 4, 0x5fff, 0x7000);       // stale
        walk_maple(&w);
        snprintf(all, sizeof all, "1000-1fff=5000 3000-%s=6000", last);
        expect(&w, all, 0);
        mk_free(w.k);
    }
}

/** A full leaf: every slot is used, the last one up to the node's end. */
static void maple_full(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "maple_tree");
        uint64_t top = maple_node(&w, 0, 0), leaf = maple_node(&w, top, 0);
        const unsigned n = w.ptr == 8 ? 16 : 32;
        size_t entries = 1;

        maple_root(&w, top, ARANGE);
        maple_set(&w, top, ARANGE, 0, 0xffff, leaf | LEAF << 3 | 4);
        for (unsigned i = 0; i < n; i++)
            maple_set(&w, leaf, LEAF, i, i < n - 1 ? i * 0x10 + 0xf : 0, 0x5000 + i * 0x100);
        walk_maple(&w);
        for (const char *s = w.got; *s; s++)
            entries += *s == ' ';
        assert_int_equal(entries, n);
        assert_non_null(strstr(w.got, w.ptr == 8 ? " f0-ffff=5f00" : " 1f0-ffff=6f00"));
        assert_int_equal(w.r->notes.n, 0);
        mk_free(w.k);
    }
}

/** Two levels; what a case damages loses its own leaf and no other. */
static void maple_damaged(void **state)
{
    static const struct {
        const char *what, *entries;
        int node; /* 0 the top, 1 and 2 the leaves */
        const char *member;
        uint64_t value;
        size_t notes;
    } cases[] = {
        { "whole", "1000-1fff=5000 3000-ffff=6000 10000-1ffff=7000", 0, NULL, 0, 0 },
        { "a dead leaf", "10000-1ffff=7000", 1, "maple_node.parent", 0, 1 },
        { "a leaf at another slot", "10000-1ffff=7000", 1, "maple_node.parent", 1 << 3 | 6, 1 },
        { "a root of another", "", 0, "maple_node.parent", 1, 1 },
        { "pivots out of order", "1000-1fff=5000 10000-1ffff=7000", 1, NULL, 0x10, 1 },
        { "a pivot past the leaf", "1000-1fff=5000 10000-1ffff=7000", 1, NULL, 0x20000, 1 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m, NULL, "maple_tree");
        uint64_t top = maple_node(&w, 0, 0), a = maple_node(&w, top, 0), b = maple_node(&w, top, 1);

        print_message("# %s: %s\n", m->name, cases[i].what);
        maple_root(&w, top, RANGE);
        maple_set(&w, top, RANGE, 0, 0xffff, a | LEAF << 3 | 4);
        maple_set(&w, top, RANGE, 1, 0x1ffff, b | LEAF << 3 | 4);
        maple_set(&w, a, LEAF, 0, 0xfff, 0);
        maple_set(&w, a, LEAF, 1, 0x1fff, 0x5000);
        maple_set(&w, a, LEAF, 2, 0x2fff, 0);
        maple_set(&w, a, LEAF, 3, 0xffff, 0x6000);
        maple_set(&w, b, LEAF, 0, 0, 0x7000);
        mk_write_ptr(w.k, mk_at(w.k, b, "maple_range_64.pivot"), 0x1ffff);
        if (cases[i].member)
            mk_put(w.k, cases[i].node ? a : top, cases[i].member,
                   cases[i].value + (cases[i].node ? top : 0) + (cases[i].value ? 0 : a - top));
        else if (cases[i].node)
            maple_set(&w, a, LEAF, 2, cases[i].value, 0x4000);
        walk_maple(&w);
        expect(&w, cases[i].entries, cases[i].notes);
        mk_free(w.k);
    }
}

static void maple_circles(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m, NULL, "maple_tree");
        uint64_t top = maple_node(&w, 0, 0), a = maple_node(&w, top, 0);

        maple_root(&w, top, RANGE);
        maple_set(&w, top, RANGE, 0, 0xffff, a | RANGE << 3 | 4);
        maple_set(&w, top, RANGE, 1, 0x1ffff, a | LEAF << 3 | 4);   // the same child twice
        maple_set(&w, top, RANGE, 2, 0x2ffff, top | LEAF << 3 | 4); // itself
        maple_set(&w, top, RANGE, 3, 0x3ffff, 0x10000c);            // nowhere
        maple_set(&w, top, RANGE, 4, 0x4ffff, a | 9 << 3 | 4);      // no such type
        maple_set(&w, a, RANGE, 0, 0xffff, top | RANGE << 3 | 4);   // upwards
        walk_maple(&w);
        expect(&w, "", 3);                                    // one for each node
        maple_set(&w, top, RANGE, 0, 0xffff, a | 9 << 3 | 4); // in its place, but no such type
        walk_maple(&w);
        expect(&w, "", 3);
        assert_int_equal(mk_notes(w.r, "not mapped"), 1);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xa_small),      cmocka_unit_test(xa_whole),
        cmocka_unit_test(xa_damaged),    cmocka_unit_test(xa_circles),
        cmocka_unit_test(xa_grown),      cmocka_unit_test(xa_bad_top),
        cmocka_unit_test(idr_whole),     cmocka_unit_test(radix_whole),
        cmocka_unit_test(maple_small),   cmocka_unit_test(maple_full),
        cmocka_unit_test(maple_damaged), cmocka_unit_test(maple_circles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
