/* walk_test.c - lists, hlists, red-black trees and bitmaps: whole and damaged, on every machine. */
#include "check.h"
#include "mkimage.h"

static const char types[] = "struct list_head { struct list_head *next, *prev; };"
                            "struct hlist_node { struct hlist_node *next, **pprev; };"
                            "struct hlist_head { struct hlist_node *first; };"
                            "struct rb_node { unsigned long __rb_parent_color;"
                            "                 struct rb_node *rb_right, *rb_left; };"
                            "struct rb_root { struct rb_node *rb_node; };"
                            "struct rb_root_cached { struct rb_root rb_root;"
                            "                        struct rb_node *rb_leftmost; };"
                            "struct item { u32 number; struct list_head link;"
                            "              struct hlist_node hash; struct rb_node tree; };"
                            "struct owner { struct list_head items; struct hlist_head bucket;"
                            "               struct rb_root root; struct rb_root_cached cached;"
                            "               struct list_head *far; unsigned long bits[4]; };";

EG_FIELDS(item, number, link, hash, tree);
EG_FIELDS(owner, items, bucket, root, cached, far, bits);
EG_FIELD_AS(item_gone, item, "gone");

enum { ITEMS = 7, RAM = 1 << 20 };

struct world {
    struct mk *k;
    struct eg_run *r;
    uint64_t owner, item[ITEMS], list[ITEMS];
    uint32_t got[4 * ITEMS]; /* numbers in the order they came; 0: unreadable */
    size_t n;
};

/** Items that straddle pages, each with its number, 1 to ITEMS. */
static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, RAM, types) };

    w.owner = mk_object(w.k, "owner");
    for (size_t i = 0; i < ITEMS; i++) {
        mk_straddle(w.k, 8 + 4 * i); // every one of the item's words is cut once
        w.item[i] = mk_object(w.k, "item");
        mk_put(w.k, w.item[i], "item.number", i + 1);
        w.list[i] = mk_at(w.k, w.item[i], "item.link");
    }
    mk_list(w.k, mk_at(w.k, w.owner, "owner.items"), w.list, ITEMS);
    return w;
}

static void take(struct world *w, struct eg_obj it)
{
    assert_true(w->n < countof(w->got));
    w->got[w->n++] = eg_get_or(0u, it, item.number);
}

static struct eg_obj begin(struct world *w)
{
    w->r = mk_run(w->k);
    w->n = 0;
    return eg_object(w->r, owner, w->owner);
}

static void walk_list(struct world *w)
{
    struct eg_obj o = begin(w), it;

    eg_each_list(it, eg_at(o, owner.items), item.link)
        take(w, it);
}

static void expect(struct world *w, const char *numbers, size_t notes, const char *note)
{
    char got[4 * ITEMS + 1];

    for (size_t i = 0; i < w->n; i++)
        got[i] = (char)('0' + w->got[i]);
    got[w->n] = 0;
    assert_string_equal(got, numbers);
    assert_int_equal(w->r->notes.n, notes);
    if (note && !mk_notes(w->r, note))
        assert_string_equal(w->r->notes.at[0].text, note);
    assert_int_equal(w->r->status, 0);
}

/* ---- lists ---- */

static void list_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o, it;

        walk_list(&w);
        expect(&w, "1234567", 0, NULL);

        mk_put(w.k, w.owner, "owner.far", mk_at(w.k, w.owner, "owner.items"));
        o = begin(&w);
        eg_each_list(it, eg_at(o, owner.far), item.link) // through a pointer to the head
        {
            assert_int_equal(it.addr, w.item[w.n]);
            take(&w, it);
        }
        expect(&w, "1234567", 0, NULL);

        mk_list(w.k, mk_at(w.k, w.owner, "owner.items"), NULL, 0);
        walk_list(&w);
        expect(&w, "", 0, NULL);
        mk_free(w.k);
    }
}

static void list_damaged(void **state)
{
    static const struct {
        const char *what;
        int node;   /* whose link is overwritten: 0 the head's, else the item's number */
        bool prev;  /* its prev, not its next */
        int target; /* by what: an item's number, 0 the head, -1 null, -2 nowhere */
        const char *numbers, *note;
    } cases[] = {
        { "a next into nowhere", 3, false, -2, "1237654", "not mapped" },
        { "a null next", 3, false, -1, "1237654", "broken after 3 entries" },
        { "a circle", 5, false, 2, "1234576", "broken after 5 entries" },
        { "to itself", 5, false, 5, "1234576", "broken after 5 entries" },
        { "past some", 2, false, 6, "1276543", "and the ends meet" },
        { "closed early", 3, false, 0, "1237654", "leads elsewhere" },
        { "a prev elsewhere", 4, true, 1, "1237654", "walked from the other end, 4 more" },
        { "the head's next", 0, false, -2, "7654321", "broken after 0 entries" },
        { "the head's prev", 0, true, -2, "1234567", "walked from the other end, 0 more" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        const uint64_t head = mk_at(w.k, w.owner, "owner.items");
        const uint64_t at = cases[i].node ? w.list[cases[i].node - 1] : head;
        const int t = cases[i].target;

        print_message("# %s: %s\n", m->name, cases[i].what);
        mk_write_ptr(w.k, at + (cases[i].prev ? mk_model(w.k)->ptr_size : 0),
                     t > 0 ? w.list[t - 1] : (t == 0 ? head : (t == -1 ? 0 : 0x10000)));
        walk_list(&w);
        expect(&w, cases[i].numbers, 1, cases[i].note);
        mk_free(w.k);
    }
}

static void list_two_breaks(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        mk_write_ptr(w.k, w.list[1], 0x10000);
        mk_write_ptr(w.k, w.list[5] + mk_model(w.k)->ptr_size, w.list[0]);
        walk_list(&w);
        expect(&w, "1276", 1, "broken after 2 entries");
        assert_int_equal(mk_notes(w.r, "the ends meet"), 0);
        mk_free(w.k);
    }
}

/** Frozen in the midst of list_add(): the new one is known to its successor, not yet to its
 * predecessor. */
static void list_half_added(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t head = mk_at(w.k, w.owner, "owner.items");

        mk_write_ptr(w.k, head, w.list[1]); // the first is the new one
        walk_list(&w);
        expect(&w, "7654321", 1, "the ends meet");
        mk_free(w.k);
    }
}

/** Older and newer pages: the head's link back is damaged, and so are others. */
static void list_contradicts(void **state)
{
    static const struct {
        const char *what;
        struct {
            int node; // an item's number; 0: no more
            bool prev;
            int target;
        } links[5];
        const char *numbers, *note;
    } cases[] = {
        { "removed: its successor knows",
          { { 3, true, 7 }, { 4, true, 2 } },
          "124567",
          "behind 1 place that changed" },
        { "two were removed",
          { { 2, true, 7 }, { 3, true, 1 }, { 5, true, 7 }, { 6, true, 4 } },
          "13467",
          "behind 2 places" },
        { "an older link back", { { 4, true, 1 } }, "1234567", "4 more, and the ends meet" },
        { "a circle", { { 5, false, 2 } }, "12345", "0 more" },
        { "a circle behind it",
          { { 3, false, 5 }, { 6, false, 4 } },
          "123564",
          "behind 2 places that changed while the image was taken, 3 more" },
        { "to itself behind it", { { 4, true, 1 }, { 5, false, 5 } }, "12345", "2 more" },
        { "nobody agrees", { { 4, true, 1 }, { 5, true, 1 } }, "123", "other end, 0 more" },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        const uint64_t size = mk_model(w.k)->ptr_size;

        print_message("# %s: %s\n", m->name, cases[i].what);
        mk_write_ptr(w.k, mk_at(w.k, w.owner, "owner.items") + size, 0x10000);
        for (size_t k = 0; cases[i].links[k].node; k++)
            mk_write_ptr(w.k, w.list[cases[i].links[k].node - 1] + size * cases[i].links[k].prev,
                         w.list[cases[i].links[k].target - 1]);
        walk_list(&w);
        expect(&w, cases[i].numbers, 1, cases[i].note);
        mk_free(w.k);
    }
}

static void list_bad_begin(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o = begin(&w), it;

        eg_each_list(it, eg_at(o, owner.items), item_gone)
            take(&w, it);
        expect(&w, "", 1, "item.gone: not walked");

        o = begin(&w); // a null pointer on the way is just empty
        eg_each_list(it, eg_at(o, owner.far), item.link)
            take(&w, it);
        expect(&w, "", 0, NULL);

        begin(&w);
        o = eg_object(w.r, owner, 0x10000);
        eg_each_list(it, eg_at(o, owner.items), item.link)
            take(&w, it);
        expect(&w, "", 1, "not mapped");

        o = begin(&w);
        eg_each_list(it, eg_at(o, owner.bucket), item.link)
            take(&w, it);
        assert_int_equal(w.n, 0);
        assert_int_equal(w.r->status, -EG_EFORMAT); // the author's error
        mk_free(w.k);
    }
}

/* ---- hlists ---- */

static void make_hlist(struct world *w, uint64_t end)
{
    uint64_t from = mk_at(w->k, w->owner, "owner.bucket");

    for (size_t i = 0; i < ITEMS; i++) {
        uint64_t node = mk_at(w->k, w->item[i], "item.hash");

        mk_write_ptr(w->k, from, node);
        mk_write_ptr(w->k, node + mk_model(w->k)->ptr_size, from);
        from = node;
    }
    mk_write_ptr(w->k, from, end);
}

static void walk_hlist(struct world *w)
{
    struct eg_obj o = begin(w), it;

    eg_each_hlist(it, eg_at(o, owner.bucket), item.hash)
        take(w, it);
}

static void hlists(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        walk_hlist(&w);
        expect(&w, "", 0, NULL);
        make_hlist(&w, 0);
        walk_hlist(&w);
        expect(&w, "1234567", 0, NULL);
        make_hlist(&w, 2 * 77 + 1); // hlist_nulls
        walk_hlist(&w);
        expect(&w, "1234567", 0, NULL);
        mk_put(w.k, w.item[4], "item.hash.next", mk_at(w.k, w.item[1], "item.hash"));
        walk_hlist(&w);
        expect(&w, "12345", 1, "broken after 5 entries");
        // The head as the last one's next, and as a node that names it.
        make_hlist(&w, mk_at(w.k, w.owner, "owner.bucket"));
        mk_write_ptr(w.k, mk_at(w.k, w.owner, "owner.bucket") + mk_model(w.k)->ptr_size,
                     mk_at(w.k, w.item[ITEMS - 1], "item.hash"));
        walk_hlist(&w);
        expect(&w, "1234567", 1, "broken after 7 entries");
        mk_put(w.k, w.item[0], "item.hash.next", 0x10000);
        walk_hlist(&w);
        expect(&w, "1", 1, "not mapped");
        mk_free(w.k);
    }
}

/* ---- red-black trees ---- */

/** Items [from, to) as a balanced tree in order; its root, whose parent is @parent. */
static uint64_t make_rb(struct world *w, size_t from, size_t to, uint64_t parent)
{
    size_t mid = from + (to - from) / 2;
    uint64_t node;

    if (from == to)
        return 0;
    node = mk_at(w->k, w->item[mid], "item.tree");
    mk_put(w->k, w->item[mid], "item.tree.__rb_parent_color", parent | (mid & 1));
    mk_put(w->k, w->item[mid], "item.tree.rb_left", make_rb(w, from, mid, node));
    mk_put(w->k, w->item[mid], "item.tree.rb_right", make_rb(w, mid + 1, to, node));
    return node;
}

static void walk_rb(struct world *w)
{
    struct eg_obj o = begin(w), it;

    eg_each_rb(it, eg_at(o, owner.root), item.tree)
        take(w, it);
}

static void rb_whole(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o, it;

        walk_rb(&w);
        expect(&w, "", 0, NULL);
        mk_put(w.k, w.owner, "owner.root.rb_node", make_rb(&w, 0, ITEMS, 0));
        walk_rb(&w);
        expect(&w, "1234567", 0, NULL);
        mk_put(w.k, w.owner, "owner.cached.rb_root.rb_node", make_rb(&w, 0, ITEMS, 0));
        o = begin(&w);
        eg_each_rb(it, eg_at(o, owner.cached), item.tree)
            take(&w, it);
        expect(&w, "1234567", 0, NULL);
        mk_free(w.k);
    }
}

/* The tree is 4 (2 (1 3) 6 (5 7)). */
static void rb_damaged(void **state)
{
    static const struct {
        const char *what, *member;
        int item, target; /* as in list_damaged; 0: null */
        const char *numbers;
        size_t notes;
    } cases[] = {
        { "a child without a page", "item.tree.rb_left", 6, -2, "123467", 1 },
        { "a child of another", "item.tree.__rb_parent_color", 2, 6, "4567", 1 },
        { "a root with a parent", "item.tree.__rb_parent_color", 4, 6, "", 1 },
        { "a circle downwards", "item.tree.rb_left", 2, 4, "234567", 1 },
        { "a circle to the side", "item.tree.rb_right", 2, 6, "124567", 1 },
        { "two branches in one", "item.tree.rb_right", 2, 1, "124567", 1 },
        { "a node below itself", "item.tree.rb_right", 7, 7, "1234567", 1 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        const int t = cases[i].target;

        print_message("# %s: %s\n", m->name, cases[i].what);
        mk_put(w.k, w.owner, "owner.root.rb_node", make_rb(&w, 0, ITEMS, 0));
        mk_put(w.k, w.item[cases[i].item - 1], cases[i].member,
               t > 0 ? mk_at(w.k, w.item[t - 1], "item.tree") : 0x10000);
        walk_rb(&w);
        expect(&w, cases[i].numbers, cases[i].notes, NULL);
        mk_free(w.k);
    }
}

/* ---- bitmaps ---- */

static void bitmaps(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o;
        const unsigned word = mk_model(w.k)->long_size;
        const uint64_t bits = mk_at(w.k, w.owner, "owner.bits");
        uint64_t huge;

        mk_write_ptr(w.k, bits, 1 | 1 << 5);
        mk_write_ptr(w.k, bits + 2 * word, UINT64_C(1) << (8 * word - 1));
        o = eg_at(begin(&w), owner.bits);
        assert_int_equal(eg_next_bit(o, 0, 100), 0);
        assert_int_equal(eg_next_bit(o, 1, 100), 5);
        assert_int_equal(eg_next_bit(o, 6, 8 * word), 8 * word);
        assert_int_equal(eg_next_bit(o, 6, 1000), 3 * 8 * word - 1);
        assert_int_equal(eg_next_bit(o, 3 * 8 * word, 100000), 100000); // the array ends
        assert_int_equal(w.r->notes.n, 0);
        // As the optional argument of a function that was not given.
        assert_int_equal(eg_next_bit((struct eg_obj){ .why = EG_NULL }, 0, 9), 9);
        assert_int_equal(eg_next_bit(eg_index(o, 0), 6, 8 * word), 8 * word);
        assert_int_equal(w.r->notes.n, 0);

        huge = UINT64_MAX; // of a bitmap whose length is not known, up to the first hole
        assert_int_equal(eg_next_bit(eg_index(o, 3), 0, huge),
                         eg_next_bit(eg_index(o, 3), 0, huge));
        assert_int_equal(eg_next_bit(eg_index(eg_object(w.r, owner, 0x10000), 0), 0, huge), huge);
        assert_true(w.r->notes.n > 0);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_whole),       cmocka_unit_test(list_damaged),
        cmocka_unit_test(list_two_breaks),  cmocka_unit_test(list_half_added),
        cmocka_unit_test(list_contradicts), cmocka_unit_test(list_bad_begin),
        cmocka_unit_test(hlists),           cmocka_unit_test(rb_whole),
        cmocka_unit_test(rb_damaged),       cmocka_unit_test(bitmaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
