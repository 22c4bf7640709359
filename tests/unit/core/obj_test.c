/* obj_test.c - cursors: steps, values, reasons, casts; on every machine, over page ends. */
#include "check.h"
#include "mkimage.h"

static const char types[] =
    "enum color { RED, GREEN = 5 };"
    "struct leaf { u16 small; s16 negative; u64 wide; s64 low; char name[8]; };"
    "struct node { struct node *next; struct leaf *leaf; void *any; char *text;"
    "  u32 a : 5, b : 20; s32 c : 4; s32 d : 3; struct leaf table[3]; struct leaf *pointers[2];"
    "  enum color color; unsigned long word; bool yes; struct { u8 x, y; } in;"
    "  struct node *matrix[2][2]; void (*call)(int); struct leaf end[]; };"
    "struct other { u32 first; };"
    "struct copy { u32 one, two; };" // what handles mean; and a copy of it
    "struct copy { u32 one, two; };"
    "struct odd { u32 one; };"
    "struct odd { u32 one, two; };"
    "struct holder { struct copy *copy; struct odd *odd; };";

EG_FIELDS(leaf, small, negative, wide, low, name, nothing);
EG_FIELDS(node, next, leaf, any, text, a, b, c, d, table, pointers, color, word, yes, matrix, end);
EG_FIELD_AS(node_y, node, "in.y");
EG_FIELDS(other, first);
EG_FIELDS(copy, two);
EG_FIELDS(odd, one);
EG_FIELDS(holder, copy, odd);
EG_TYPE(absent_type);
EG_SYMBOL(root, "node");
EG_SYMBOL(missing, "node");
EG_ENUMERATOR(GREEN, "color");
EG_ENUMERATOR(BLUE, "color");

struct world {
    struct mk *k;
    struct eg_run *r;
    uint64_t node, leaf;
    struct eg_obj n;
};

static struct world make(const struct mk_machine *m)
{
    struct world w = { .k = mk_new(m, 1 << 20, types) };
    uint64_t text;

    mk_straddle(w.k, 24);
    w.node = mk_object(w.k, "node");
    mk_straddle(w.k, 8);
    w.leaf = mk_alloc_aligned(w.k, 64, 1) + 3; // no field is aligned, some are cut by the page
    text = mk_alloc(w.k, 16);
    mk_write(w.k, text, "hello", 6);
    mk_put(w.k, w.node, "node.next", w.node);
    mk_put(w.k, w.node, "node.leaf", w.leaf);
    mk_put(w.k, w.node, "node.any", w.leaf);
    mk_put(w.k, w.node, "node.text", text);
    mk_put(w.k, w.node, "node.a", 21);
    mk_put(w.k, w.node, "node.b", 0xabcde);
    mk_put(w.k, w.node, "node.c", (uint64_t)-8);
    mk_put(w.k, w.node, "node.d", 3);
    mk_put(w.k, w.node, "node.color", 5);
    mk_put(w.k, w.node, "node.word", 0x87654321);
    mk_put(w.k, w.node, "node.yes", 1);
    mk_put(w.k, w.node, "node.in.y", 9);
    mk_put(w.k, w.leaf, "leaf.small", 0xfffe);
    mk_put(w.k, w.leaf, "leaf.negative", (uint64_t)-2);
    mk_put(w.k, w.leaf, "leaf.wide", 0x1122334455667788);
    mk_put(w.k, w.leaf, "leaf.low", (uint64_t)INT64_MIN);
    mk_puts(w.k, w.leaf, "leaf.name", "12345678");
    mk_symbol(w.k, "root", w.node);
    w.r = mk_run(w.k);
    w.n = eg_sym(w.r, root);
    return w;
}

static void values(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t u = 1;
        int64_t s = 1;
        uint16_t h = 1;
        int8_t tiny;
        bool yes = false;

        assert_true(eg_get(&u, w.n, node.leaf, leaf.wide) && u == 0x1122334455667788);
        assert_true(eg_get(&s, w.n, node.next, node.next, node.leaf, leaf.negative) && s == -2);
        assert_true(eg_get(&h, w.n, node.leaf, leaf.small) && h == 0xfffe);
        assert_true(eg_get(&s, w.n, node.leaf, leaf.low) && s == INT64_MIN);
        assert_true(eg_get(&u, w.n, node.a) && u == 21);
        assert_true(eg_get(&u, w.n, node.b) && u == 0xabcde);
        assert_true(eg_get(&tiny, w.n, node.c) && tiny == -8);
        assert_true(eg_get(&tiny, w.n, node.d) && tiny == 3);
        assert_true(eg_get(&u, w.n, node.color) && u == 5);
        assert_true(eg_get(&u, w.n, node.word) && u == 0x87654321);
        assert_true(eg_get(&yes, w.n, node.yes) && yes);
        assert_true(eg_get(&u, w.n, node.leaf) && u == w.leaf);
        assert_int_equal(eg_get_or(7, w.n, node_y), 9);
        assert_int_equal(eg_get_or((uint64_t)7, w.n, node.matrix), 7); // no number
        assert_int_equal(w.r->status, 0);
        mk_free(w.k);
    }
}

static inline uint64_t through_pointer(struct eg_obj leaf)
{
    return eg_get_or((uint64_t)0, leaf, leaf.wide);
}

/** A second read finds the pages in the TLB: the inlined code and the step-by-step one must agree.
 */
static void twice(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const bool simple = mk_model(w.k)->ptr_size == 8;

        for (int i = 0; i < 3; i++) {
            struct eg_obj o;
            int64_t s = 1;

            assert_true(eg_get(&s, w.n, node.next, node.next, node.leaf, leaf.negative) && s == -2);
            assert_true(eg_get(&s, w.n, node.next, node.next, node.next, node.next, node.next,
                               node.next, node.leaf, leaf.low) &&
                        s == INT64_MIN);
            assert_true(eg_get(&s, w.n, node.next, node.c) && s == -8); // a bit-field
            assert_int_equal(eg_get_or(7, w.n, node.next, node.matrix), 7);
            assert_int_equal(eg_get_or(0, w.n, node.next, node_y), 9);
            assert_int_equal(through_pointer(eg_at(w.n, node.next, node.leaf)), 0x1122334455667788);
            assert_int_equal(eg_get_or(0u, eg_at(eg_at(w.n, node.next), node.leaf), leaf.small),
                             0xfffe);
            o = eg_at(w.n, node.next, node.b);
            assert_true(o.kind == EG_K_UINT && o.bits == 20 && eg_load(&s, o) && s == 0xabcde);
            o = eg_at(w.n, node.next, node.color);
            assert_true(o.kind == EG_K_ENUM && o.size == 4 && !o.bits && eg_load(&s, o) && s == 5);
        }
        // Paths of up to four pointers of eight bytes are resolved when the system opens.
#define RESOLVED(...) (w.n.bind->paths[EG_PATHREF_(__VA_ARGS__)->id].parent != EG_NO_PARENT)
        assert_int_equal(RESOLVED(node.next, node.leaf, leaf.wide), simple);
        assert_int_equal(RESOLVED(node.next, node.next, node.next, node.leaf, leaf.wide), simple);
        assert_false(RESOLVED(node.next, node.next, node.next, node.next, node.leaf, leaf.wide));
        assert_false(RESOLVED(node.leaf, leaf.nothing));
        assert_false(RESOLVED(node.table, leaf.wide));
#undef RESOLVED
        assert_int_equal(eg_at(w.n, node.table, leaf.wide).why, EG_WRONG_TYPE); // an array
        mk_put(w.k, w.node, "node.next", 0);
        assert_int_equal(eg_at(w.n, node.next, node.leaf).why, EG_NULL);
        mk_free(w.k);
    }
}

/** A cursor on an integer of a size that no compiler makes is no number, in whatever way it is come
 * to. */
static void odd_integers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_builder *b = eg_builder_new(*mk_model(w.k), "odd");
        struct eg_profile *p;
        struct eg_types ts;
        struct eg_slot s;
        uint64_t v = 77;

        for (uint32_t size = 0; size < 8; size++)
            eg_builder_type(b, &(struct eg_type){ .kind = EG_T_INT,
                                                  .size = size,
                                                  .name = eg_builder_name(b, "odd", 3) });
        assert_int_equal(eg_builder_finish(b, &p, NULL, NULL), 0);
        assert_int_equal(eg_types_init(&ts, p, NULL), 0);
        for (uint32_t size = 0; size < 8; size++) {
            const struct eg_binding bind = { .model = *mk_model(w.k), .types = &ts };
            const bool good = size == 1 || size == 2 || size == 4;
            struct eg_obj o = w.n;

            eg_types_slot(&ts, &bind.model, 1 + size, &s);
            o.bind = &bind;
            o.type = s.type;
            o.size = s.size;
            o.kind = s.kind;
            assert_int_equal(eg_value(o, &v), good);
            o.kind = EG_K_ARRAY;
            o.type = 1 + size;
            o.size = 64;
            assert_int_equal(eg_index(o, 1).why, good ? EG_OK : EG_BAD_VALUE);
        }
        eg_types_fini(&ts);
        eg_profile_free(p);
        mk_free(w.k);
    }
}

static void bad(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o;
        uint64_t v = 77;

        mk_put(w.k, w.node, "node.next", 0);
        o = eg_at(w.n, node.next, node.leaf, leaf.wide);
        assert_int_equal(o.why, EG_NULL);
        assert_false(eg_load(&v, o));
        assert_int_equal(v, 77); // untouched

        mk_put(w.k, w.node, "node.next", 0x20000);
        o = eg_at(w.n, node.next, node.leaf, leaf.wide);
        assert_int_equal(o.why, EG_NOT_PRESENT);
        assert_int_equal(o.addr, mk_at(w.k, 0x20000, "node.leaf"));
        assert_int_equal(eg_at(o, leaf.small).why, EG_NOT_PRESENT); // stays bad
        assert_int_equal(eg_deref(o).addr, o.addr);
        assert_int_equal(eg_index(o, 1).addr, o.addr);
        assert_int_equal(eg_path(o, "x.y").addr, o.addr);
        assert_int_equal(eg_container(o, node.leaf).addr, o.addr);
        assert_int_equal(eg_cast(o, other).addr, o.addr);
        assert_null(eg_string(w.r, o, 10));

        o = eg_at(w.n, node.leaf, leaf.nothing);
        assert_int_equal(o.why, EG_NO_MEMBER);
        assert_int_equal(eg_sym(w.r, missing).why, EG_NO_SYMBOL);
        assert_int_equal(eg_object(w.r, absent_type, 0x1000).why, EG_NO_TYPE);
        assert_int_equal(eg_object(w.r, node, 0).why, EG_NULL);
        assert_false(eg_has(w.r, leaf.nothing) || eg_has_type(w.r, absent_type) ||
                     eg_has_symbol(w.r, missing));
        assert_true(eg_has(w.r, leaf.wide) && eg_has_type(w.r, node) && eg_has_symbol(w.r, root));
        assert_int_equal(w.r->status, 0); // none of this is the author's error
        mk_free(w.k);
    }
}

/** A member of another struct: the run fails, with the place in the source. */
static void wrong(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);

        assert_int_equal(eg_at(w.n, other.first).why, EG_WRONG_TYPE);
        assert_int_equal(w.r->status, -EG_EFORMAT);
        assert_non_null(strstr(w.r->error, "obj_test.c:"));
        assert_non_null(strstr(w.r->error, "other"));
        assert_non_null(strstr(w.r->error, "node"));
        assert_true(eg_stopped(w.r));
        mk_free(w.k);
    }
}

/** A module's BTF may have a copy of the kernel's struct: it is the same if its size is. */
static void copies(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        const uint64_t at = mk_object(w.k, "holder"), other = mk_alloc(w.k, 16);
        struct eg_obj holder = eg_object(w.r, holder, at);
        uint32_t value = 0;

        mk_put(w.k, at, "holder.copy", other);
        mk_put(w.k, at, "holder.odd", other);
        mk_put(w.k, other, "copy.two", 7);
        assert_true(eg_get(&value, holder, holder.copy, copy.two) && value == 7);
        value = 0;
        assert_true(eg_get(&value, eg_deref(eg_at(holder, holder.copy)), copy.two) && value == 7);
        assert_int_equal(w.r->status, 0);
        assert_int_equal(eg_at(holder, holder.odd, odd.one).why, EG_WRONG_TYPE);
        assert_int_equal(w.r->status, -EG_EFORMAT);
        mk_free(w.k);
    }
}

static void pointers(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        struct eg_obj o;
        const uint64_t size = eg_size(w.r, leaf);

        o = eg_deref(eg_at(w.n, node.leaf));
        assert_true(o.addr == w.leaf && o.kind == EG_K_STRUCT && o.size == size);
        assert_int_equal(eg_deref(o).why, EG_WRONG_TYPE);

        o = eg_at(w.n, node.table);
        assert_int_equal(eg_count(o), 3);
        assert_int_equal(eg_index(o, 2).addr, o.addr + 2 * size);
        assert_int_equal(eg_index(o, 3).why, EG_BAD_VALUE);
        assert_int_equal(eg_index(o, UINT64_MAX).why, EG_BAD_VALUE);
        assert_int_equal(eg_index(eg_at(w.n, node.leaf), 4).addr, w.leaf + 4 * size);
        assert_int_equal(eg_index(eg_at(w.n, node.end), 1000).why, EG_OK); // no known end
        o = eg_index(eg_index(eg_at(w.n, node.matrix), 1), 1);
        assert_int_equal(o.kind, EG_K_PTR);
        assert_int_equal(o.addr, mk_at(w.k, w.node, "node.matrix") + 3 * mk_model(w.k)->ptr_size);
        assert_int_equal(eg_count(eg_at(w.n, node.leaf)), 0);

        o = eg_container(eg_at(w.n, node.table), node.table);
        assert_true(o.addr == w.node && o.type == w.n.type && o.size == w.n.size);
        o = eg_container(eg_at(w.n, node.leaf), leaf.wide); // through the pointer
        assert_int_equal(o.addr, w.leaf - eg_offset(w.r, leaf.wide));

        assert_int_equal(eg_get_or(0u, eg_cast(eg_at(w.n, node.any), leaf), leaf.small), 0xfffe);
        mk_put(w.k, w.node, "node.word", w.leaf);
        assert_int_equal(eg_get_or(0u, eg_cast(eg_at(w.n, node.word), leaf), leaf.small), 0xfffe);
        o = eg_cast(eg_deref(eg_at(w.n, node.leaf)), other);
        assert_true(o.addr == w.leaf && eg_at(o, other.first).why == EG_OK);
        assert_int_equal(eg_cast(w.n, absent_type).why, EG_NO_TYPE);
        assert_int_equal(w.r->status, 0);
        mk_free(w.k);
    }
}

static void paths(void **state)
{
    static const struct {
        const char *path;
        uint64_t value;
        uint8_t why;
    } cases[] = {
        { "leaf.wide", 0x1122334455667788, EG_OK },
        { "next->next.leaf->small", 0xfffe, EG_OK },
        { "in.y", 9, EG_OK },
        { "b", 0xabcde, EG_OK },
        { "c", (uint64_t)-8, EG_OK },
        { "table[2].small", 0, EG_OK },
        { "table[3].small", 0, EG_BAD_VALUE },
        { "nobody", 0, EG_NO_MEMBER },
        { "leaf.", 0, EG_NOT_SCALAR },
        { "pointers[0].small", 0, EG_NULL },
        { "[", 0, EG_NO_MEMBER },
        { "leaf..wide", 0, EG_NO_MEMBER },
        { "word.x", 0, EG_NO_MEMBER },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);
        struct eg_obj o = eg_path(w.n, cases[i].path);
        uint64_t v = 0;

        print_message("# %s: %s\n", m->name, cases[i].path);
        if (cases[i].why == EG_NOT_SCALAR) {
            assert_int_equal(o.addr, mk_at(w.k, w.node, "node.leaf")); // the pointer itself
        } else {
            assert_int_equal(eg_load(&v, o), cases[i].why == EG_OK);
            assert_int_equal(v, cases[i].value);
            assert_int_equal(o.why, cases[i].why);
        }
        mk_free(w.k);
    }
}

static void strings(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t text = mk_read_ptr(w.k, mk_at(w.k, w.node, "node.text"));

        assert_string_equal(eg_string(w.r, eg_at(w.n, node.text), 100), "hello");
        assert_string_equal(eg_string(w.r, eg_at(w.n, node.text), 3), "hel");
        assert_string_equal(eg_string(w.r, eg_at(w.n, node.leaf, leaf.name), 100), "12345678");
        assert_string_equal(eg_cstr(w.r, eg_kernel(w.r), text + 5, 10), "");
        assert_null(eg_cstr(w.r, eg_kernel(w.r), 0x20000, 10));
        assert_null(eg_string(w.r, eg_at(w.n, node.a), 10));
        mk_free(w.k);
    }
}

static void names(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = make(m);
        uint64_t addr;
        int64_t v = 0;

        assert_true(eg_lookup(w.r, "root", &addr) && addr == w.node);
        assert_false(eg_lookup(w.r, "nobody", &addr));
        assert_string_equal(eg_name_of(w.r, w.node), "root");
        assert_string_equal(eg_name_of(w.r, w.node + 16), "root+0x10");
        assert_null(eg_name_of(w.r, 16));
        assert_true(eg_enum(w.r, GREEN, &v) && v == 5);
        assert_false(eg_enum(w.r, BLUE, &v));
        assert_int_equal(v, 5);
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),   cmocka_unit_test(twice), cmocka_unit_test(odd_integers),
        cmocka_unit_test(bad),      cmocka_unit_test(wrong), cmocka_unit_test(copies),
        cmocka_unit_test(pointers), cmocka_unit_test(paths), cmocka_unit_test(strings),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
