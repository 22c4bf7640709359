/* keyrings_test.c - keys by the tree of serials, by keyrings and by threads; states, secrets of
 * each type, and links that lead astray. */
#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

#define KEY_TYPES                                                                                  \
    "struct key_type { const char *name; };"                                                       \
    "struct assoc_array { void *root; unsigned long nr_leaves_on_tree; };"                         \
    "struct assoc_array_node { void *back_pointer; u8 parent_slot; void *slots[16]; };"            \
    "struct assoc_array_shortcut { void *back_pointer; int parent_slot, skip_to_level;"            \
    "  void *next_node; };"                                                                        \
    "struct user_key_payload { void *rcu[2]; unsigned short datalen; u8 data[8]; };"               \
    "struct encrypted_key_payload { void *rcu[2]; unsigned short decrypted_datalen;"               \
    "  u8 *decrypted_data; };"                                                                     \
    "struct trusted_key_payload { void *rcu[2]; unsigned int key_len; u8 key[8]; };"
#define KEY(STATE)                                                                                 \
    "struct key { struct { struct { int counter; } refs; } usage; int serial;"                     \
    "  struct rb_node serial_node; s64 expiry; kuid_t uid, gid; u32 perm;" STATE                   \
    "  unsigned long flags; struct key_type *type; char *description;"                             \
    "  union { struct { void *data[4]; } payload; struct { void *link[2];"                         \
    "  struct assoc_array keys; }; }; };"
#define NAMESPACE "struct user_namespace { struct ns_common ns; };"
#define CRED      "struct cred { kuid_t uid,"
#define EDITS(STATE)                                                                               \
    {                                                                                              \
        NAMESPACE, KEY_TYPES KEY(STATE) NAMESPACE, CRED,                                           \
            "struct cred { struct key *thread_keyring, *session_keyring; kuid_t uid,", NULL        \
    }
static const char *const with_keys[] = EDITS("s16 state;"), *const before_4_15[] = EDITS("");

enum { NODE = 1, SHORTCUT = 3 };

struct world {
    struct mk_guest g;
    struct mk *k;
    uint64_t tree, key[4]; // the second is the root
};

static uint64_t add_key(struct world *w, const char *type, const char *description, int serial)
{
    uint64_t key = mk_object(w->k, "key"), of = mk_object(w->k, "key_type");

    mk_put(w->k, of, "key_type.name", mk_text(w->k, type));
    mk_put(w->k, key, "key.type", of);
    mk_put(w->k, key, "key.description", mk_text(w->k, description));
    mk_put(w->k, key, "key.serial", (uint64_t)serial);
    mk_put(w->k, key, "key.perm", 0x3f010000);
    mk_put(w->k, key, "key.usage.refs.counter", 1);
    return key;
}

static void positive(struct world *w, uint64_t key)
{
    mk_put(w->k, key, "key.state", 1);
    mk_put(w->k, key, "key.flags", 4);
}

/** @below hangs at the left or right of @above. */
static void hang(struct world *w, uint64_t above, const char *side, uint64_t below)
{
    mk_put(w->k, above, side, mk_at(w->k, below, "key.serial_node"));
    mk_put(w->k, below, "key.serial_node.__rb_parent_color",
           mk_at(w->k, above, "key.serial_node") | 1);
}

static void payload(struct world *w, uint64_t key, unsigned i, uint64_t value)
{
    mk_write_ptr(w->k, mk_at(w->k, key, "key.payload.data") + i * mk_model(w->k)->ptr_size, value);
}

static uint64_t user_payload(struct world *w, uint64_t key, const char *text)
{
    uint64_t p = mk_object(w->k, "user_key_payload");

    mk_put(w->k, p, "user_key_payload.datalen", strlen(text));
    mk_write(w->k, mk_at(w->k, p, "user_key_payload.data"), text, strlen(text));
    payload(w, key, 0, p);
    return p;
}

static void slot(struct world *w, uint64_t node, unsigned i, uint64_t value)
{
    mk_write_ptr(w->k, mk_at(w->k, node, "assoc_array_node.slots") + i * mk_model(w->k)->ptr_size,
                 value);
}

/** keyring 10 < user 20 < logon 30 < user 40; the keyring is empty. */
static struct world begin(const struct mk_machine *m, const char *const *edits, bool tree)
{
    struct world w = { .g = mk_guest(m, edits) };

    w.k = w.g.k;
    w.key[0] = add_key(&w, "keyring", "ring", 10);
    w.key[1] = add_key(&w, "user", "first", 20);
    w.key[2] = add_key(&w, "logon", "second", 30);
    w.key[3] = add_key(&w, "user", "third", 40);
    for (unsigned i = 0; i < 4 && edits == with_keys; i++)
        positive(&w, w.key[i]);
    hang(&w, w.key[1], "key.serial_node.rb_left", w.key[0]);
    hang(&w, w.key[1], "key.serial_node.rb_right", w.key[2]);
    hang(&w, w.key[2], "key.serial_node.rb_right", w.key[3]);
    w.tree = mk_object(w.k, "rb_root");
    mk_put(w.k, w.tree, "rb_root.rb_node", mk_at(w.k, w.key[1], "key.serial_node"));
    if (tree)
        mk_symbol(w.k, "key_serial_tree", w.tree);
    return w;
}

static const char *rows(struct world *w, const char *args, int from, int to)
{
    return mk_columns(mk_guest_rows(&w->g, "keyrings", args), from, to);
}

static void keys(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, true);

        mk_put(w.k, w.key[1], "key.uid", 1000);
        mk_put(w.k, w.key[1], "key.gid", 50);
        mk_put(w.k, w.key[1], "key.expiry", 86400);
        mk_put(w.k, w.key[2], "key.perm", 0x00010208);
        user_payload(&w, w.key[1], "abc");
        user_payload(&w, w.key[2], "secret"); // nobody shows it unless asked
        assert_string_equal(rows(&w, NULL, 1, 15),
                            "10|keyring|0|0|alswrv-----v------------|I--Q---|1||||||tree|ring|\n"
                            "20|user|1000|50|alswrv-----v------------|I--Q---|1"
                            "|1970-01-02T00:00:00Z||3|ba7816bf8f01cfea||tree|first|\n"
                            "30|logon|0|0|-----------v----r---s---|I--Q---|1|||6|2bb80d537b1da3e3"
                            "||tree|second|\n"
                            "40|user|0|0|alswrv-----v------------|I--Q---|1||||||tree|third|");
        assert_string_equal(rows(&w, "show", 15, 15), "\n616263\n736563726574\n");
        mk_free(w.k);
    }
}

static void other_types(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, true);
        uint64_t encrypted = mk_object(w.k, "encrypted_key_payload");
        uint64_t trusted = mk_object(w.k, "trusted_key_payload");
        uint64_t type[3] = { mk_text(w.k, "encrypted"), mk_text(w.k, "trusted"),
                             mk_text(w.k, "big_key") };

        for (unsigned i = 0; i < 3; i++)
            mk_put(w.k, mk_of(&w.g, w.key[i + 1], "key.type"), "key_type.name", type[i]);
        mk_put(w.k, encrypted, "encrypted_key_payload.decrypted_datalen", 2);
        mk_put(w.k, encrypted, "encrypted_key_payload.decrypted_data", mk_text(w.k, "xy"));
        mk_put(w.k, trusted, "trusted_key_payload.key_len", 3);
        mk_write(w.k, mk_at(w.k, trusted, "trusted_key_payload.key"), "tru", 3);
        payload(&w, w.key[1], 0, encrypted);
        payload(&w, w.key[2], 0, trusted);
        payload(&w, w.key[3], 0, mk_text(w.k, "big"));
        payload(&w, w.key[3], 3, 3);
        assert_string_equal(rows(&w, "show", 15, 15), "\n7879\n747275\n626967");
        // A longer one is a file.
        payload(&w, w.key[3], 3, 100000);
        assert_string_equal(rows(&w, "show", 10, 11) + strlen("|\n2|"),
                            "769a4e6d0003189c\n3|e2de3f751ecb7821\n100000|");
        mk_free(w.k);
    }
}

static void states(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, true);

        for (unsigned i = 1; i < 4; i++)
            user_payload(&w, w.key[i], "abc");
        mk_put(w.k, w.key[0], "key.flags", 1 | 8 | 32);
        mk_put(w.k, w.key[0], "key.state", 0);
        mk_put(w.k, w.key[1], "key.flags", 2);
        mk_put(w.k, w.key[1], "key.expiry", 1);
        mk_put(w.k, w.key[2], "key.state", 0xffff & (uint64_t)-126);
        mk_put(w.k, w.key[2], "key.expiry", INT64_MAX);
        mk_put(w.k, w.key[3], "key.expiry", INT64_MAX - 1); // no time
        assert_string_equal(rows(&w, NULL, 6, 10), "--D-U-i|1|||\n"
                                                   "IR-----|1||1970-01-01T00:00:01Z|3\n"
                                                   "I--Q-N-|1|||\n"
                                                   "I--Q---|1|-||3");
        mk_free(w.k);
        w = begin(m, before_4_15, true);
        mk_put(w.k, w.key[0], "key.flags", 1 | 2 | 8);
        mk_put(w.k, w.key[1], "key.flags", 1 | 4 | 16);
        mk_put(w.k, w.key[2], "key.flags", 1 | 32 | 128);
        mk_put(w.k, w.key[3], "key.flags", 64);
        user_payload(&w, w.key[1], "abc");
        assert_string_equal(rows(&w, NULL, 6, 6), "I-DQ---\nIR--U--\nI----Ni\n-------");
        mk_free(w.k);
    }
}

/** A node, behind a shortcut if @cut, with three keys. */
static uint64_t fill(struct world *w, uint64_t *cut)
{
    uint64_t node = mk_object(w->k, "assoc_array_node");

    *cut = mk_object(w->k, "assoc_array_shortcut");
    mk_put(w->k, w->key[0], "key.keys.root", *cut | SHORTCUT);
    mk_put(w->k, *cut, "assoc_array_shortcut.next_node", node | NODE);
    mk_put(w->k, node, "assoc_array_node.back_pointer", *cut | SHORTCUT);
    slot(w, node, 3, w->key[1]);
    slot(w, node, 6, w->key[2]);
    slot(w, node, 9, w->key[0] | 2); // a keyring
    return node;
}

/** A shortcut in the place 5 of @node, which says that it is in @place, to @below. */
static void cut_below(struct world *w, uint64_t node, unsigned place, uint64_t below)
{
    uint64_t cut = mk_object(w->k, "assoc_array_shortcut");

    mk_put(w->k, cut, "assoc_array_shortcut.back_pointer", node | NODE);
    mk_put(w->k, cut, "assoc_array_shortcut.parent_slot", place);
    mk_put(w->k, cut, "assoc_array_shortcut.next_node", below | NODE);
    mk_put(w->k, below, "assoc_array_node.back_pointer", cut | SHORTCUT);
    mk_put(w->k, below, "assoc_array_node.parent_slot", 0);
    slot(w, node, 5, cut | SHORTCUT);
}

static void links(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, true);
        uint64_t cut, node = fill(&w, &cut), below = mk_object(w.k, "assoc_array_node");
        uint64_t hidden = add_key(&w, "user", "hidden", 25), no_key = mk_object(w.k, "key");

        positive(&w, hidden);
        mk_put(w.k, below, "assoc_array_node.back_pointer", node | NODE);
        mk_put(w.k, below, "assoc_array_node.parent_slot", 5);
        slot(&w, node, 5, below | NODE);
        slot(&w, below, 15, hidden);
        assert_string_equal(rows(&w, NULL, 12, 14),
                            "20,25,30,10|tree|ring\n|tree|first\n|tree|second\n"
                            "|tree|third\n|keyring|hidden");
        assert_int_equal(mk_row_notes(NULL), 0);
        // One that is none, one that cannot be read, and a way back up.
        slot(&w, below, 0, no_key);
        slot(&w, below, 1, 64);
        slot(&w, below, 2, node | NODE);
        slot(&w, below, 15, 0);
        assert_string_equal(rows(&w, NULL, 12, 14), "20,0,30,10|tree|ring\n|tree|first\n"
                                                    "|tree|second\n|tree|third");
        assert_int_equal(mk_row_notes("1 keys cannot be read"), 1);
        assert_int_equal(mk_row_notes("branch"), 1);
        // Of another slot, of another node; a shortcut of another.
        mk_put(w.k, below, "assoc_array_node.parent_slot", 4);
        assert_string_equal(rows(&w, NULL, 12, 12), "20,30,10\n\n\n");
        mk_put(w.k, below, "assoc_array_node.parent_slot", 5);
        mk_put(w.k, below, "assoc_array_node.back_pointer", below | NODE);
        assert_string_equal(rows(&w, NULL, 12, 12), "20,30,10\n\n\n");
        assert_int_equal(mk_row_notes("branch"), 1);
        cut_below(&w, node, 5, below);
        assert_string_equal(rows(&w, NULL, 12, 12), "20,0,30,10\n\n\n");
        cut_below(&w, node, 4, below);
        assert_string_equal(rows(&w, NULL, 12, 12), "20,30,10\n\n\n");
        mk_put(w.k, cut, "assoc_array_shortcut.back_pointer", node | NODE);
        assert_string_equal(rows(&w, NULL, 12, 12), "\n\n\n");
        assert_int_equal(mk_row_notes("branch"), 1);
        mk_free(w.k);
    }
}

/* The tree is not known: any key leads to it. */
static void without_tree(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, false);
        uint64_t cut, task = mk_guest_task(&w.g, 5, "prog", 0);

        assert_string_equal(mk_guest_rows(&w.g, "keyrings", NULL), "");
        assert_int_equal(mk_row_notes("no thread leads to a key"), 1);
        mk_put(w.k, mk_of(&w.g, task, "task_struct.cred"), "cred.session_keyring", w.key[0]);
        fill(&w, &cut);
        assert_string_equal(rows(&w, NULL, 13, 14),
                            "thread|ring\ntree|first\ntree|second\ntree|third");
        // Broken, and a key that leads to itself.
        mk_put(w.k, w.key[3], "key.serial_node.__rb_parent_color", 64);
        mk_put(w.k, w.key[2], "key.serial_node.rb_left", mk_at(w.k, w.key[2], "key.serial_node"));
        assert_string_equal(rows(&w, NULL, 13, 14), "thread|ring\ntree|first\ntree|second");
        assert_int_equal(mk_row_notes("broken between"), 2);
        mk_free(w.k);
    }
}

static void damage(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m, with_keys, true);
        uint64_t first = user_payload(&w, w.key[1], "abc"), page = mk_page_size(w.k);
        uint64_t gap = mk_alloc_aligned(w.k, page, page), end = mk_alloc_aligned(w.k, page, page);

        // A count to where nothing is, and more than any key has.
        (void)first;
        payload(&w, w.key[1], 0, gap + page - mk_size(w.k, "user_key_payload"));
        mk_put(w.k, gap + page - mk_size(w.k, "user_key_payload"), "user_key_payload.datalen", 100);
        mk_unmap(w.k, end);
        payload(&w, w.key[2], 0, end);
        mk_put(w.k, mk_of(&w.g, w.key[3], "key.type"), "key_type.name", mk_text(w.k, "trusted"));
        first = mk_object(w.k, "trusted_key_payload");
        mk_put(w.k, first, "trusted_key_payload.key_len", UINT32_MAX);
        payload(&w, w.key[3], 0, first);
        mk_put(w.k, w.key[2], "key.description", 0);
        mk_put(w.k, w.key[1], "key.serial", 50);
        assert_string_equal(rows(&w, "show", 10, 15), "|||tree|ring|\n"
                                                      "100|-||tree|first|\n"
                                                      "-|||tree|-|\n"
                                                      "4294967295|-||tree|third|");
        assert_int_equal(mk_row_notes("not in its order"), 1);
        mk_put(w.k, w.key[0], "key.type", 0);
        assert_string_equal(rows(&w, NULL, 1, 2), "10|-\n50|user\n30|logon\n40|trusted");
        mk_free(w.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),  cmocka_unit_test(other_types),  cmocka_unit_test(states),
        cmocka_unit_test(links), cmocka_unit_test(without_tree), cmocka_unit_test(damage)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
