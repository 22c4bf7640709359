/* keyrings - the kernel's keys: what programs and the kernel gave it to keep (security/keys/). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/kernel/assoc.h"
#include "../linux/sched/cred.h"
#include "../linux/sched/task.h"
#include "../linux/text.h"
#include "fingerprint.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS(key, description, expiry, flags, keys, perm, serial, serial_node, state, type);
EG_FIELD_AS(key_usage, key, "usage.refs.counter|usage.counter");
EG_FIELD_AS(key_uid, key, "uid.val|uid");
EG_FIELD_AS(key_gid, key, "gid.val|gid");
EG_FIELD_AS(key_payload, key, "payload.data");
EG_FIELDS(key_type, name);
EG_FIELDS(user_key_payload, data, datalen);
EG_FIELDS_OF("encrypted_keys", encrypted_key_payload, decrypted_data, decrypted_datalen);
EG_FIELDS_OF("trusted", trusted_key_payload, key, key_len);
EG_FIELD_AS(node_parent, rb_node, "__rb_parent_color");
EG_FIELD_AS(node_left, rb_node, "rb_left");
EG_FIELD_AS(node_right, rb_node, "rb_right");
EG_TYPE(rb_node);
EG_FIELDS(cred, process_keyring, session_keyring, thread_keyring);
EG_FIELD_AS(ns_keyrings, user_namespace, "user_keyring_register");
EG_TYPE(inode);
EG_TYPE(dentry);
EG_SYMBOL(key_serial_tree, "rb_root");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct key is", EG_MINOR)                                           \
    C(SERIAL, INT, "its number, as keyctl has it; /proc/keys has it in hex")                       \
    C(KIND, TEXT, "type of key: keyring, user, logon, encrypted, asymmetric…")                     \
    C(UID, INT, "owner")                                                                           \
    C(GID, INT, "group; 4294967295: none")                                                         \
    C(PERMISSIONS, TEXT, "setattr, link, search, write, read, view: of possessor, UID, GID, all")  \
    C(FLAGS, FLAGS, "as /proc/keys: I instantiated, R revoked, D dead, Q in quota…")               \
    C(USAGE, INT, "references to it", EG_MINOR)                                                    \
    C(EXPIRES, TIME, "when it becomes invalid; empty: never")                                      \
    C(REVOKED_TIME, TIME, "when it was revoked", EG_MINOR)                                         \
    C(SIZE, INT, "bytes of the secret; empty: of a type that has none, or not known")              \
    C(FINGERPRINT, TEXT, "of the secret: the first 8 bytes of its SHA-256")                        \
    C(LINKED_KEYS, TEXT, "of a keyring: serials of its keys", EG_LIST)                             \
    C(FOUND_BY, TEXT, "what leads to it: tree; keyring, thread: not the tree", EG_MINOR)           \
    C(DESCRIPTION, TEXT, "its name")                                                               \
    C(SECRET, BYTES, "the secret itself", EG_ASKED)
EG_COLUMNS(COLUMNS);

enum { LINKS_MAX = 1 << 20, READ_MAX = 1 << 28, SECRET_MAX = 1 << 16 };
enum { DESCRIPTION_MAX = 4096, TYPE_MAX = 64 }; // KEY_MAX_DESC_SIZE; of any type's name
enum { BIG_KEY_DATA = 0, BIG_KEY_LEN = 3 };     // words of its payload (security/keys/big_key.c)

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
    size_t room;                  /**< bytes of secrets that may still be read */
    bool show;
};

/** Where a secret is; both bad: there is none. */
struct secret {
    struct eg_obj len, at; /**< the member that says how long; at: the bytes, of whatever type */
};

/* Types whose payload is a struct user_key_payload: user_preparse, and those that call it or make
 * one (fs/nfs/nfs4idmap.c, net/dns_resolver/dns_key.c). */
static bool is_user_payload(const char *type)
{
    static const char *const types[] = { "user", "logon", "id_resolver", "id_legacy",
                                         "dns_resolver" };

    for (size_t i = 0; i < countof(types); i++)
        if (!strcmp(type, types[i]))
            return true;
    return false;
}

static struct secret secret_of(struct eg_run *r, struct eg_obj key, const char *type)
{
    struct eg_obj words = eg_at(key, key_payload), first = eg_index(words, 0), p;
    struct secret s = { .len = { .why = EG_NULL } };
    uint64_t len;

    s.at = s.len;
    if (is_user_payload(type)) {
        p = eg_deref(eg_cast(first, user_key_payload));
        s.len = eg_at(p, user_key_payload.datalen);
        s.at = eg_at(p, user_key_payload.data);
    } else if (!strcmp(type, "encrypted")) {
        p = eg_deref(eg_cast(first, encrypted_key_payload));
        s.len = eg_at(p, encrypted_key_payload.decrypted_datalen);
        s.at = eg_deref(eg_at(p, encrypted_key_payload.decrypted_data));
    } else if (!strcmp(type, "trusted")) {
        p = eg_deref(eg_cast(first, trusted_key_payload));
        s.len = eg_at(p, trusted_key_payload.key_len);
        s.at = eg_at(p, trusted_key_payload.key);
    } else if (!strcmp(type, "big_key")) {
        // What is longer than an inode and a dentry lies encrypted in a file of shmem.
        s.len = eg_index(words, BIG_KEY_LEN);
        if (eg_load(&len, s.len) && len && len <= eg_size(r, inode) + eg_size(r, dentry))
            s.at = eg_deref(eg_index(words, BIG_KEY_DATA));
    }
    return s;
}

static void add_secret(struct listing *l, struct eg_obj key, const char *type, struct row *row)
{
    struct eg_run *r = l->r;
    const struct secret s = secret_of(r, key, type);
    uint64_t len;
    uint8_t *bytes;

    if (s.len.why == EG_NULL)
        return;
    if (!eg_load(&len, s.len)) {
        row->SIZE = eg_cell_of(s.len);
        return;
    }
    row->SIZE = eg_uint(len);
    if (!len || s.at.why == EG_NULL)
        return;
    if (len > SECRET_MAX || s.at.why) {
        row->FINGERPRINT = eg_missing(s.at.why ? (enum eg_why)s.at.why : EG_BAD_VALUE, s.len.addr);
        return;
    }
    if (len > l->room) {
        if (l->room)
            eg_note(r, "secrets past %d bytes in all are not read", READ_MAX);
        l->room = 0;
        return;
    }
    l->room -= len;
    bytes = eg_tmp(r, len);
    if (!eg_read(eg_view_of(r), eg_kernel(r), s.at.addr, bytes, len)) {
        row->FINGERPRINT = eg_missing((enum eg_why)eg_view_of(r)->why, eg_view_of(r)->why_addr);
        return;
    }
    row->FINGERPRINT = eg_text(eg_key_fingerprint(r, bytes, len));
    if (l->show)
        row->SECRET = eg_blob(bytes, len);
}

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

/* Before 4.15 (363b02dab09b) all are bits of flags; since then `state` says whether it is
 * instantiated, 1, or with which error it was rejected, negative. */
static const char *flags_of(struct eg_run *r, struct eg_obj key, uint64_t flags)
{
    enum { DEAD = 1, REVOKED = 2, IN_QUOTA = 4, CONSTRUCT = 8, INVALIDATED = 32 };
    int16_t state = 0;
    bool ready, negative;

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

/* As `keyctl rdescribe` and `show` write it. */
static const char *permissions(struct eg_run *r, uint32_t perm)
{
    char text[25];

    for (unsigned i = 0; i < 24; i++)
        text[i] = perm >> (8 * (3 - i / 6) + 5 - i % 6) & 1 ? "alswrv"[i % 6] : '-';
    text[24] = 0;
    return eg_strf(r, "%s", text);
}

/* Seconds since 1970; never: 0, and the largest number since 6.7 (39299bdd2546). */
static struct eg_cell time_of(struct eg_obj o)
{
    int64_t s, ns;

    if (!eg_load(&s, o))
        return eg_cell_of(o);
    if (!s || s == INT64_MAX)
        return (struct eg_cell){ 0 };
    return __builtin_mul_overflow(s, INT64_C(1000000000), &ns) ? eg_missing(EG_BAD_VALUE, o.addr)
                                                               : eg_int(ns);
}

static void show(struct listing *l, struct eg_obj key, const char *found_by)
{
    struct eg_run *r = l->r;
    struct eg_cell when = time_of(eg_at(key, key.expiry));
    const char *type = eg_string(r, eg_at(key, key.type, key_type.name), TYPE_MAX);
    struct row row = { .OFFSET = eg_addr(key),
                       .SERIAL = eg_val(key, key.serial),
                       .KIND = eg_val(key, key.type, key_type.name),
                       .UID = eg_val(key, key_uid),
                       .GID = eg_val(key, key_gid),
                       .USAGE = eg_val(key, key_usage),
                       .FOUND_BY = eg_text(found_by) };
    const char *flags = "";
    uint64_t bits;
    uint32_t perm;

    if (type)
        row.KIND = eg_text(type);
    row.PERMISSIONS =
        eg_get(&perm, key, key.perm) ? eg_text(permissions(r, perm)) : eg_val(key, key.perm);
    row.FLAGS = eg_get(&bits, key, key.flags) ? eg_text(flags = flags_of(r, key, bits))
                                              : eg_val(key, key.flags);
    if (strchr(flags, 'R')) // a union of both times
        row.REVOKED_TIME = when;
    else
        row.EXPIRES = when;
    if (type && !strcmp(type, "keyring"))
        row.LINKED_KEYS = eg_text(links_of(l, key));
    else if (type && flags[0] == 'I' && !strchr(flags, 'N'))
        add_secret(l, key, type, &row);
    row.DESCRIPTION = eg_val(key, key.description);
    if (!row.DESCRIPTION.obj.why) {
        const char *text = eg_string(r, row.DESCRIPTION.obj, DESCRIPTION_MAX);

        if (text)
            row.DESCRIPTION = eg_text(text);
    }
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
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

static int run(struct eg_run *r)
{
    struct listing *l = eg_tmp(r, sizeof *l);
    const bool has_tree = eg_has_symbol(r, key_serial_tree);

    *l = (struct listing){ .r = r,
                           .seen = eg_run_map(r),
                           .links = LINKS_MAX,
                           .room = READ_MAX,
                           .show = eg_arg_flag(r, "show") };
    if (has_tree)
        show_tree(l);
    else
        push_threads(l);
    show_linked(l, has_tree);
    if (!has_tree && !l->seen->n)
        eg_note(r, "key_serial_tree is not known, and no thread leads to a key");
    if (!l->links)
        eg_note(r, "more than %d links of keyrings: the rest is left out", LINKS_MAX);
    return 0;
}

EG_PLUGIN(keyrings) = {
    .os = "linux",
    .help = "List the kernel's keys and keyrings",
    .manual =
        "As /proc/keys, by SERIAL, and with the keys that it hides from its reader: those that\n"
        "programs gave the kernel (keyctl, add_key), that disk encryption, file systems and\n"
        "network protocols use, and keyrings with what they hold. A key that is revoked, dead\n"
        "or past EXPIRES is listed until the kernel has collected it.\n"
        "FLAGS: I instantiated, R revoked, D dead, Q counts against its owner's quota, U a\n"
        "program is asked for it, N there is no such key, i invalidated.\n"
        "SIZE, FINGERPRINT and SECRET are of user, logon, encrypted (decrypted), trusted (the\n"
        "unsealed key), short big_key, dns_resolver, id_resolver and id_legacy: longer big_keys\n"
        "lie encrypted in a file, and asymmetric keys here are public ones.\n"
        "Secrets are shown by fingerprints, as those of aeskeys; --show prints them.",
    .aliases = EG_NAMES("proc_keys", "keyctl"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(show, FLAG, "print the secrets too")),
    .needs = EG_NEEDS(key.serial_node, key.serial, key.type, key_type.name),
    .run = run,
};
