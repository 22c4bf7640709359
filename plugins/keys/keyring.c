/* keyring.c - all keys of the kernel: see keyring.h. */
#include "keyring.h"
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/kernel/assoc.h"
#include "../linux/sched/cred.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include <inttypes.h>
#include <string.h>

EG_FIELD_AS(node_parent, rb_node, "__rb_parent_color");
EG_FIELD_AS(node_left, rb_node, "rb_left");
EG_FIELD_AS(node_right, rb_node, "rb_right");
EG_TYPE(rb_node);
EG_FIELDS(cred, process_keyring, session_keyring, thread_keyring);
EG_FIELD_AS(ns_keyrings, user_namespace, "user_keyring_register");
EG_SYMBOL(key_serial_tree, "rb_root");

enum { LINKS_MAX = 1 << 20, TYPE_MAX = 64 }; // the latter: of any type's name

/** A key that something leads to, and that may have been shown. */
struct linked {
    struct linked *next;
    uint64_t key;
    const char *found_by;
};

struct listing {
    struct eg_run *r;
    struct eg_map *seen;
    struct linked *near, *linked; /**< neighbours in the tree, which come first; others */
    uint32_t links;               /**< nodes and links of keyrings that may still be read */
    eg_keyring_each *each;
    void *context;
};

static void push(struct listing *l, struct linked **list, uint64_t key, const char *found_by)
{
    struct linked *linked = eg_tmp(l->r, sizeof *linked);

    *linked = (struct linked){ *list, key, found_by };
    *list = linked;
}

static const char *links_of(struct listing *l, struct eg_obj key)
{
    struct linux_assoc_walk w = { .array = eg_at(key, key.keys), .left = &l->links };
    struct linux_text text = { .r = l->r };
    uint64_t at;
    unsigned lost = 0;

    while (linux_next_assoc(l->r, &w, &at)) {
        struct eg_obj to = eg_object(l->r, key, at);
        int32_t serial;

        if (!eg_get(&serial, to, key.serial)) {
            lost++;
            continue;
        }
        linux_text_add(&text, "%s%" PRId32, text.n ? "," : "", serial);
        push(l, &l->linked, at, "keyring");
    }
    if (lost)
        eg_note(l->r, "of the keyring at %#" PRIx64 " %u keys cannot be read", key.addr, lost);
    return linux_text_of(&text);
}

static void show(struct listing *l, struct eg_obj key, const char *found_by)
{
    struct eg_keyring_key k = { .key = key, .found_by = found_by };

    k.type = eg_string(l->r, eg_at(key, key.type, key_type.name), TYPE_MAX);
    if (k.type && !strcmp(k.type, "keyring"))
        k.links = links_of(l, key);
    l->each(l->context, &k);
}

/* The nodes above and below a key's, which must point back. */
static void push_neighbours(struct listing *l, struct eg_obj key)
{
    struct eg_obj own = eg_at(key, key.serial_node);
    uint64_t at[3] = { 0 }, back[2];

    eg_get(&at[0], own, node_left);
    eg_get(&at[1], own, node_right);
    eg_get(&at[2], own, node_parent);
    at[2] &= ~(uint64_t)3;
    for (unsigned i = 0; i < countof(at); i++) {
        struct eg_obj node = eg_object(l->r, rb_node, at[i]);
        const bool up = i == 2;

        if (!at[i])
            continue;
        if (up ? eg_get(&back[0], node, node_left) && eg_get(&back[1], node, node_right) &&
                     (back[0] == own.addr || back[1] == own.addr)
               : eg_get(&back[0], node, node_parent) && (back[0] & ~(uint64_t)3) == own.addr)
            push(l, &l->near, at[i] - eg_offset(l->r, key.serial_node), "tree");
        else
            eg_note(l->r, "the tree of keys is broken between %#" PRIx64 " and %#" PRIx64, own.addr,
                    at[i]);
    }
}

/* Keys that something else than the tree leads to. What has no type and no serial is none. */
static void show_linked(struct listing *l, bool has_tree)
{
    while ((l->near || l->linked) && !eg_stopped(l->r)) {
        struct linked **list = l->near ? &l->near : &l->linked, *next = *list;
        struct eg_obj key = eg_object(l->r, key, next->key);
        int32_t serial;

        *list = next->next;
        if (!eg_get(&serial, key, key.serial) || serial <= 0 ||
            !eg_string(l->r, eg_at(key, key.type, key_type.name), TYPE_MAX) ||
            !eg_run_map_add(l->r, l->seen, key.addr, 0))
            continue;
        show(l, key, next->found_by);
        if (!has_tree)
            push_neighbours(l, key);
    }
}

static void show_tree(struct listing *l)
{
    struct eg_obj key;
    int32_t serial, last = 0;
    bool noted = false;

    eg_each_rb(key, eg_sym(l->r, key_serial_tree), key.serial_node) {
        if (eg_get(&serial, key, key.serial) && serial > last) {
            last = serial;
        } else if (!noted) {
            eg_note(l->r, "key_serial_tree: the key at %#" PRIx64 " is not in its order", key.addr);
            noted = true;
        }
        eg_run_map_add(l->r, l->seen, key.addr, 0);
        show(l, key, "tree");
    }
}

/* All keys are in one tree: each key leads to all. */
static void push_threads(struct listing *l)
{
    struct eg_map *met = eg_run_map(l->r);
    struct eg_obj task, t;

    linux_each_process(l->r, task)
        linux_each_thread(l->r, task, t) {
            struct eg_obj cred = eg_deref(eg_at(t, task_cred));
            uint64_t keys[4] = { 0 };

            eg_get(&keys[0], cred, cred.thread_keyring);
            eg_get(&keys[1], cred, cred.process_keyring);
            eg_get(&keys[2], cred, cred.session_keyring);
            eg_get(&keys[3], cred, cred_user_ns, ns_keyrings);
            for (unsigned i = 0; i < countof(keys); i++)
                if (keys[i] && eg_run_map_add(l->r, met, keys[i], 0))
                    push(l, &l->linked, keys[i], "thread");
        }
}

void eg_keyring_walk(struct eg_run *r, eg_keyring_each *each, void *context)
{
    struct listing *l = eg_tmp(r, sizeof *l);
    const bool has_tree = eg_has_symbol(r, key_serial_tree);

    *l = (struct listing){
        .r = r, .seen = eg_run_map(r), .links = LINKS_MAX, .each = each, .context = context
    };
    if (has_tree)
        show_tree(l);
    else
        push_threads(l);
    show_linked(l, has_tree);
    if (!has_tree && !l->seen->n)
        eg_note(r, "key_serial_tree is not known, and no thread leads to a key");
    if (!l->links)
        eg_note(r, "more than %d links of keyrings: the rest is left out", LINKS_MAX);
}

/* Before 4.15 (363b02dab09b) all are bits of flags; since then `state` says whether it is
 * instantiated, 1, or with which error it was rejected, negative. */
const char *eg_keyring_flags(struct eg_run *r, struct eg_obj key)
{
    enum { DEAD = 1, REVOKED = 2, IN_QUOTA = 4, CONSTRUCT = 8, INVALIDATED = 32 };
    uint64_t flags;
    int16_t state = 0;
    bool ready, negative;

    if (!eg_get(&flags, key, key.flags))
        return NULL;
    if (eg_get(&state, key, key.state)) {
        ready = state != 0;
        negative = state < 0;
    } else {
        ready = flags & 1;
        negative = flags & 32;
        flags = (flags >> 1 & 15) | (flags >> 7 & 1) * INVALIDATED;
    }
    return eg_strf(r, "%c%c%c%c%c%c%c", ready ? 'I' : '-', flags & REVOKED ? 'R' : '-',
                   flags & DEAD ? 'D' : '-', flags & IN_QUOTA ? 'Q' : '-',
                   flags & CONSTRUCT ? 'U' : '-', negative ? 'N' : '-',
                   flags & INVALIDATED ? 'i' : '-');
}

bool eg_keyring_ready(struct eg_run *r, struct eg_obj key)
{
    const char *flags = eg_keyring_flags(r, key);

    return flags && flags[0] == 'I' && !strchr(flags, 'N');
}
