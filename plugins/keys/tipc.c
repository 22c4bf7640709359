/* tipc.c - a source of the vault: keys of TIPC, those that this node sends with and those that it
 * has of each other node of the cluster (net/tipc/crypto.c). */
#include "../../core/base.h"
#include "../../core/system.h"
#include "../linux/kernel/percpu.h"
#include "../linux/net/net.h"
#include "../linux/net/pernet.h"
#include "aes.h"
#include "tfm.h"
#include "vault.h"

EG_FIELDS_OF("tipc", tipc_net, crypto_tx, node_list);
EG_FIELDS_OF("tipc", tipc_node, crypto_rx, list);
EG_FIELDS_OF("tipc", tipc_crypto, aead, name, net);
EG_FIELDS_OF("tipc", tipc_aead, crypto, key);
// A transform for each CPU; kernels whose library has AES-GCM keep the schedule in the key.
EG_FIELD_AS_OF("tipc", tipc_entry, tipc_aead, "tfm_entry");
EG_FIELD_AS_OF("tipc", tipc_tfm_of, tipc_tfm, "tfm");
EG_FIELD_AS_OF("tipc", tipc_gcm, tipc_aead, "gcm_key");
EG_FIELDS_OF("tipc", tipc_aead_key, alg_name, key, keylen);

enum { SALT = 4, MASTER = 0, ALGORITHM = 32, NAME = 48, NODES_MAX = 1 << 12, GCM_MAX = 4096 };

struct wanted {
    const uint8_t *bytes, *key;
    size_t len;
    bool found;
};

static void compare(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct wanted *w = context;
    uint8_t key[AES_KEY_MAX];

    if (s->words * 4u == w->len && eg_aes_is_schedule(w->bytes + at, s, key) &&
        !memcmp(key, w->key, w->len))
        w->found = true;
}

static bool is_used(struct eg_run *r, struct eg_obj aead, const uint8_t *key, size_t len)
{
    struct eg_obj gcm = eg_at(aead, tipc_gcm), entry = eg_deref(eg_at(aead, tipc_entry)), own;
    uint64_t tfm = 0;
    uint8_t bytes[GCM_MAX];
    struct wanted w = { bytes, key, len, false };

    if (!gcm.why && gcm.size <= sizeof bytes &&
        eg_read(gcm.view, gcm.space, gcm.addr, bytes, gcm.size))
        eg_aes_find(bytes, gcm.size, compare, &w);
    if (w.found || entry.why)
        return w.found;
    linux_each_percpu(r, entry, own)
    {
        if (eg_get(&tfm, eg_deref(own), tipc_tfm_of) && tfm)
            return eg_tfm_proof(r, tfm, key, len) != NULL;
    }
    return false;
}

static void add(struct eg_vault *v, struct eg_obj aead, const char *name, unsigned number)
{
    struct eg_obj own = eg_deref(eg_at(aead, tipc_aead.key)), at = eg_at(own, tipc_aead_key.key);
    const char *algorithm = eg_string(v->r, eg_at(own, tipc_aead_key.alg_name), ALGORITHM);
    uint8_t key[AES_KEY_MAX + SALT];
    char salt[2 * SALT + 1];
    uint32_t len;

    if (!algorithm || !eg_get(&len, own, tipc_aead_key.keylen) ||
        (len != 16 + SALT && len != 24 + SALT && len != 32 + SALT) || at.why ||
        !eg_read(at.view, at.space, at.addr, key, len) || !is_used(v->r, aead, key, len - SALT))
        return;
    eg_hex(salt, key + len - SALT, SALT);
    eg_vault_add(
        v, &(struct eg_vault_key){
               .kind = "TIPC",
               .name = name,
               .purpose = number == MASTER ? "master key" : eg_strf(v->r, "session key %u", number),
               .algorithm = algorithm,
               .at = at.addr,
               .secret = key,
               .len = len - SALT,
               .proof = "schedule",
               .hints = eg_strf(v->r, "salt %s", salt),
           });
}

/* @crypto: of one direction. */
static void direction(struct eg_vault *v, struct eg_obj net, struct eg_obj crypto)
{
    struct eg_obj keys = eg_at(crypto, tipc_crypto.aead);
    const char *name = eg_string(v->r, eg_at(crypto, tipc_crypto.name), NAME);
    uint64_t back;

    if (!eg_get(&back, crypto, tipc_crypto.net) || back != net.addr || keys.why)
        return;
    for (unsigned i = 0; (i + 1) * eg_binding_of(v->r)->model.ptr_size <= keys.size; i++) {
        struct eg_obj aead = eg_deref(eg_index(keys, i));

        if (eg_get(&back, aead, tipc_aead.crypto) && back == crypto.addr)
            add(v, aead, name, i);
    }
}

static bool is_tipc(void *context, uint64_t at)
{
    struct eg_run *r = context;
    struct eg_obj crypto = eg_deref(eg_at(eg_object(r, tipc_net, at), tipc_net.crypto_tx));
    const char *name = eg_string(r, eg_at(crypto, tipc_crypto.name), NAME);

    return name && !strncmp(name, "TX", 2);
}

static void find(struct eg_vault *v)
{
    struct linux_pernet p = { .symbol = "tipc_net_id", .is = is_tipc, .context = v->r };
    struct eg_obj net, own, node;
    unsigned n = 0;
    uint64_t at;

    if (!eg_has(v->r, tipc_aead.key)) {
        if (eg_system_symbol(eg_system_of(v->r), "tipc_crypto_start", &at))
            eg_note(v->r, "TIPC is there, but the types of its module are not known (kernels have "
                          "them in memory since 5.11): its keys are not found");
        return;
    }
    linux_each_net(v->r, net)
    {
        at = linux_pernet_at(v->r, &p, net);
        if (!at || eg_stopped(v->r))
            continue;
        own = eg_object(v->r, tipc_net, at);
        direction(v, net, eg_deref(eg_at(own, tipc_net.crypto_tx)));
        eg_each_list(node, eg_at(own, tipc_net.node_list), tipc_node.list) {
            if (n++ == NODES_MAX) {
                eg_note(v->r, "more than %d nodes of TIPC: the others are left out", NODES_MAX);
                return;
            }
            direction(v, net, eg_deref(eg_at(node, tipc_node.crypto_rx)));
        }
    }
}

EG_KEY_SOURCE(tipc) = { .find = find };
