/* macsec.c - a source of the vault: keys of MACsec (IEEE 802.1AE), which the kernel has only in
 * their ciphers (drivers/net/macsec.c). */
#include "../../core/base.h"
#include "../linux/net/kind.h"
#include "../linux/text.h"
#include "tfm.h"
#include "vault.h"

// The data of a device begins with it.
EG_FIELDS_OF("macsec", macsec_secy, icv_len, key_len, rx_sc, sci, xpn);
EG_FIELDS_OF("macsec", macsec_dev, real_dev);
EG_FIELD_AS_OF("macsec", macsec_sending, macsec_secy, "tx_sc.sa");
EG_FIELD_AS_OF("macsec", macsec_encrypts, macsec_secy, "tx_sc.encrypt");
EG_FIELD_AS_OF("macsec", macsec_encoding, macsec_secy, "tx_sc.encoding_sa");
EG_FIELDS_OF("macsec", macsec_rx_sc, active, next, sa, sci);
EG_FIELDS_OF("macsec", macsec_rx_sa, active, next_pn, ssci);
EG_FIELD_AS_OF("macsec", macsec_rx_id, macsec_rx_sa, "key.id");
EG_FIELD_AS_OF("macsec", macsec_rx_tfm, macsec_rx_sa, "key.tfm");
EG_FIELD_AS_OF("macsec", macsec_rx_salt, macsec_rx_sa, "key.salt");
EG_FIELDS_OF("macsec", macsec_tx_sa, active, next_pn, ssci);
EG_FIELD_AS_OF("macsec", macsec_tx_id, macsec_tx_sa, "key.id");
EG_FIELD_AS_OF("macsec", macsec_tx_tfm, macsec_tx_sa, "key.tfm");
EG_FIELD_AS_OF("macsec", macsec_tx_salt, macsec_tx_sa, "key.salt");

enum {
    DEVICES_MAX = 1 << 12,
    CHANNELS_MAX = 1 << 10,
    ASSOCIATIONS = 4,
    ID = 16,
    SALT = 12,
    SCI = 8
};

/* One secure association. */
struct association {
    struct eg_obj active, next_pn, ssci, id, tfm, salt;
    unsigned number;
    bool sends;
    uint64_t sci;
};
struct macsec {
    struct eg_vault *v;
    struct eg_run *r;
    const char *device; // its name
    bool is_plain;      // that a shell takes it
    bool xpn;
    uint32_t key_len;
    struct linux_text commands;
};

static bool is_plain(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return s && *s && *s != '-' && !s[strspn(s, plain)];
}

static bool read_bytes(struct eg_obj o, void *out, size_t n)
{
    return !o.why && eg_read(o.view, o.space, o.addr, out, n);
}

/* A number in the order of the network. */
static bool read_sci(struct eg_obj o, uint64_t *out)
{
    uint8_t b[SCI];

    if (!read_bytes(o, b, sizeof b))
        return false;
    *out = eg_load_(b, sizeof b, true);
    return true;
}

static const char *hex(struct eg_run *r, const uint8_t *bytes, size_t n)
{
    char *text = eg_tmp(r, 2 * n + 1);

    eg_hex(text, bytes, n);
    return text;
}

static void add_command(struct macsec *m, const struct association *a, const uint8_t *key,
                        const uint8_t *id, const uint8_t *salt, uint32_t ssci)
{
    struct linux_text *t = &m->commands;
    uint64_t pn = 0, active = 0;

    eg_value(a->next_pn, &pn);
    eg_value(a->active, &active);
    linux_text_add(t, "ip macsec add %s %s", m->device, a->sends ? "tx" : "rx");
    if (!a->sends)
        linux_text_add(t, " sci %016llx", (unsigned long long)a->sci);
    linux_text_add(t, " sa %u %s %llu", a->number, m->xpn ? "xpn" : "pn", (unsigned long long)pn);
    if (m->xpn)
        linux_text_add(t, " salt %s ssci %u", hex(m->r, salt, SALT), ssci);
    linux_text_add(t, " %s key %s %s\n", active ? "on" : "off", hex(m->r, id, ID),
                   hex(m->r, key, m->key_len));
}

static void add(struct macsec *m, const struct association *a)
{
    struct eg_run *r = m->r;
    struct eg_tfm_keys made = { .n = 0 };
    const struct eg_tfm_key *key = NULL;
    uint8_t id[ID] = { 0 }, salt[SALT] = { 0 }, ssci[4] = { 0 };
    uint64_t tfm = 0;

    if (a->tfm.why || !eg_value(a->tfm, &tfm) || !tfm)
        return;
    eg_tfm_keys(r, tfm, &made);
    for (size_t i = 0; i < made.n; i++)
        if (made.at[i].size == m->key_len)
            key = key ? NULL : &made.at[i];
    if (!key) {
        eg_note(r, "%s: the cipher of association %u of channel %016llx has no AES key", m->device,
                a->number, (unsigned long long)a->sci);
        return;
    }
    read_bytes(a->id, id, sizeof id);
    if (m->xpn) {
        read_bytes(a->salt, salt, sizeof salt);
        read_bytes(a->ssci, ssci, sizeof ssci);
    }
    eg_vault_add(m->v,
                 &(struct eg_vault_key){
                     .kind = "macsec",
                     .name = m->device,
                     .purpose = eg_strf(r, "%s, channel %016llx, association %u",
                                        a->sends ? "sends" : "receives", (unsigned long long)a->sci,
                                        a->number),
                     .algorithm = eg_strf(r, "AES-%u-GCM", 8 * m->key_len),
                     .secret = key->key,
                     .len = key->size,
                     .proof = "schedule",
                     .hints = eg_strf(r, "key number %s%s%s", hex(r, id, ID),
                                      m->xpn ? "; salt " : "", m->xpn ? hex(r, salt, SALT) : ""),
                 });
    if (m->is_plain)
        add_command(m, a, key->key, id, salt, (uint32_t)eg_load_(ssci, 4, true));
}

/* ---- a device ---- */

static void add_device(struct macsec *m, struct eg_obj dev, struct eg_obj secy, uint64_t sci)
{
    struct eg_obj at = linux_netdev_priv_as(m->r, dev, macsec_dev);
    const char *real = eg_string(m->r, eg_at(at, macsec_dev.real_dev, net_device.name), 16);
    uint64_t encrypts = 0, encoding = 0;

    if (!is_plain(real))
        return;
    eg_get(&encrypts, secy, macsec_encrypts);
    eg_get(&encoding, secy, macsec_encoding);
    linux_text_add(&m->commands,
                   "ip link add link %s %s type macsec sci %016llx cipher gcm-aes-%s%u encrypt %s "
                   "encodingsa %llu\n",
                   real, m->device, (unsigned long long)sci, m->xpn ? "xpn-" : "", 8 * m->key_len,
                   encrypts ? "on" : "off", (unsigned long long)(encoding & 3));
}

static void receive(struct macsec *m, struct eg_obj secy)
{
    struct eg_obj sc = eg_at(secy, macsec_secy.rx_sc);
    size_t n = 0;

    for (sc = eg_deref(sc); !sc.why; sc = eg_deref(eg_at(sc, macsec_rx_sc.next))) {
        struct association a = { .sends = false };
        bool active = false;

        if (n++ == CHANNELS_MAX) {
            eg_note(m->r, "%s: more than %d channels: the others are left out", m->device,
                    CHANNELS_MAX);
            return;
        }
        if (!read_sci(eg_at(sc, macsec_rx_sc.sci), &a.sci))
            continue;
        eg_get(&active, sc, macsec_rx_sc.active);
        if (m->is_plain)
            linux_text_add(&m->commands, "ip macsec add %s rx sci %016llx %s\n", m->device,
                           (unsigned long long)a.sci, active ? "on" : "off");
        for (a.number = 0; a.number < ASSOCIATIONS; a.number++) {
            struct eg_obj sa = eg_deref(eg_index(eg_at(sc, macsec_rx_sc.sa), a.number));

            a.active = eg_at(sa, macsec_rx_sa.active);
            a.next_pn = eg_at(sa, macsec_rx_sa.next_pn);
            a.ssci = eg_at(sa, macsec_rx_sa.ssci);
            a.id = eg_at(sa, macsec_rx_id);
            a.tfm = eg_at(sa, macsec_rx_tfm);
            a.salt = eg_at(sa, macsec_rx_salt);
            add(m, &a);
        }
    }
}

static void look(struct macsec *m, struct eg_obj dev)
{
    struct eg_obj secy = linux_netdev_priv_as(m->r, dev, macsec_secy);
    struct association a = { .sends = true };

    if (!read_sci(eg_at(secy, macsec_secy.sci), &a.sci) ||
        !eg_get(&m->key_len, secy, macsec_secy.key_len) || m->key_len > AES_KEY_MAX) {
        eg_note(m->r, "%s: what MACsec keeps of this interface cannot be read", m->device);
        return;
    }
    m->xpn = false;
    eg_get(&m->xpn, secy, macsec_secy.xpn);
    m->commands = (struct linux_text){ .r = m->r };
    if (m->is_plain)
        add_device(m, dev, secy, a.sci);
    for (a.number = 0; a.number < ASSOCIATIONS; a.number++) {
        struct eg_obj sa = eg_deref(eg_index(eg_at(secy, macsec_sending), a.number));

        a.active = eg_at(sa, macsec_tx_sa.active);
        a.next_pn = eg_at(sa, macsec_tx_sa.next_pn);
        a.ssci = eg_at(sa, macsec_tx_sa.ssci);
        a.id = eg_at(sa, macsec_tx_id);
        a.tfm = eg_at(sa, macsec_tx_tfm);
        a.salt = eg_at(sa, macsec_tx_salt);
        add(m, &a);
    }
    receive(m, secy);
}

static void find(struct eg_vault *v)
{
    struct macsec m = { .v = v, .r = v->r };
    struct eg_run *r = v->r;
    struct eg_obj net, dev;
    size_t n = 0;

    linux_each_net(r, net)
    {
        uint64_t inum = 0;

        eg_get(&inum, net, net_inum);
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            const char *kind = linux_netdev_kind(r, dev);

            if (!kind || strcmp(kind, "macsec") != 0)
                continue;
            if (!eg_has(r, macsec_tx_tfm) || !eg_has(r, macsec_secy.key_len)) {
                eg_note(r, "there is a MACsec interface, but the types of its module are not known "
                           "(kernels have them in memory since 5.11): its keys are not found");
                return;
            }
            if (n++ == DEVICES_MAX) {
                eg_note(r, "more than %d interfaces of MACsec: the others are left out",
                        DEVICES_MAX);
                return;
            }
            m.device = eg_string(r, eg_at(dev, net_device.name), 16);
            m.is_plain = is_plain(m.device);
            if (!m.device)
                m.device = "?";
            look(&m, dev);
            if (m.commands.n)
                eg_vault_text(v, eg_strf(r, "macsec/%llu.sh", (unsigned long long)inum),
                              linux_text_of(&m.commands),
                              "MACsec interfaces of a network namespace with their keys: `sh "
                              "FILE`, as root in one that has the interfaces below them");
        }
    }
}

EG_KEY_SOURCE(macsec) = { .find = find };
