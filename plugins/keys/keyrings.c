/* keyrings - the kernel's keys: what programs and the kernel gave it to keep (security/keys/). */
#include "../../core/base.h"
#include "fingerprint.h"
#include "keyring.h"
#include <string.h>

EG_FIELD_AS(key_usage, key, "usage.refs.counter|usage.counter");
EG_FIELD_AS(key_uid, key, "uid.val|uid");
EG_FIELD_AS(key_gid, key, "gid.val|gid");
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

enum { DESCRIPTION_MAX = 4096 }; // KEY_MAX_DESC_SIZE

struct listing {
    struct eg_run *r;
    size_t room; /**< bytes of secrets that may still be read */
    bool show;
};

static void add_secret(struct listing *l, const struct eg_keyring_key *k, struct row *row)
{
    struct eg_keyring_secret s;

    eg_keyring_secret(l->r, k, &l->room, &s);
    row->SIZE = s.size;
    row->FINGERPRINT = s.bytes ? eg_text(eg_key_fingerprint(l->r, s.bytes, s.len)) : s.unread;
    if (s.bytes && l->show)
        row->SECRET = eg_blob(s.bytes, s.len);
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

static void show(void *context, const struct eg_keyring_key *k)
{
    struct listing *l = context;
    struct eg_run *r = l->r;
    struct eg_obj key = k->key;
    struct eg_cell when = time_of(eg_at(key, key.expiry));
    const char *flags = eg_keyring_flags(r, key);
    struct row row = { .OFFSET = eg_addr(key),
                       .SERIAL = eg_val(key, key.serial),
                       .KIND = k->type ? eg_text(k->type) : eg_val(key, key.type, key_type.name),
                       .UID = eg_val(key, key_uid),
                       .GID = eg_val(key, key_gid),
                       .FLAGS = flags ? eg_text(flags) : eg_val(key, key.flags),
                       .USAGE = eg_val(key, key_usage),
                       .FOUND_BY = eg_text(k->found_by) };
    uint32_t perm;

    row.PERMISSIONS =
        eg_get(&perm, key, key.perm) ? eg_text(permissions(r, perm)) : eg_val(key, key.perm);
    if (flags && strchr(flags, 'R')) // a union of both times
        row.REVOKED_TIME = when;
    else
        row.EXPIRES = when;
    if (k->links)
        row.LINKED_KEYS = eg_text(k->links);
    else if (k->type && eg_keyring_ready(r, key))
        add_secret(l, k, &row);
    row.DESCRIPTION = eg_val(key, key.description);
    if (!row.DESCRIPTION.obj.why) {
        const char *text = eg_string(r, row.DESCRIPTION.obj, DESCRIPTION_MAX);

        if (text)
            row.DESCRIPTION = eg_text(text);
    }
    eg_emit_(r, 0, (const struct eg_cell *)(const void *)&row, sizeof row / sizeof(struct eg_cell));
}

static int run(struct eg_run *r)
{
    struct listing l = { r, KEYRING_READ_MAX, eg_arg_flag(r, "show") };

    eg_keyring_walk(r, show, &l);
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
        "unsealed key), big_key (long ones are decrypted), asymmetric (private ones), ceph,\n"
        "rxrpc (session keys), dns_resolver, id_resolver and id_legacy.\n"
        "Secrets are shown by fingerprints, as those of aeskeys; --show prints them.",
    .aliases = EG_NAMES("proc_keys", "keyctl"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(show, FLAG, "print the secrets too")),
    .needs = EG_NEEDS(key.serial_node, key.serial, key.type, key_type.name),
    .run = run,
    .key = EG_NAMES("SERIAL"),
    .moves = EG_NAMES("USAGE", "EXPIRES"),
};
