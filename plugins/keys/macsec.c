/* macsec.c - a source of the vault: keys of MACsec (IEEE 802.1AE), which the kernel has only in
 * their ciphers (drivers/net/macsec.c). */
#include "../../core/base.h"
#include "../linux/mm/place.h"
#include "../linux/net/kind.h"
#include "../linux/text.h"
#include "tfm.h"
#include "vault.h"

// The data of a device begins with it.
EG_FIELDS_OF("macsec", macsec_secy, key_len, rx_sc, sci, xpn);
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

/* Where members are: of types that are not known as in 5.10, with 8 bytes of a pointer. The key is
 * that of a cipher or none: nothing else is believed for its place alone. */
struct layout {
    struct linux_place sci, key_len, xpn, sending, encrypts, encoding, channels, real;
    struct {
        struct linux_place next, sci, active, sa;
    } sc;
    struct sa {
        struct linux_place active, next_pn, ssci, id, tfm, salt;
    } rx, tx;
};
/* One secure association. */
struct association {
    uint64_t at;
    const struct sa *layout;
    unsigned number;
    bool sends;
    uint64_t sci;
};
struct macsec {
    struct eg_vault *v;
    struct eg_run *r;
    struct linux_reader reader;
    struct layout l;
    const char *device; // its name
    bool is_plain;      // that a shell takes it
    bool xpn;
    uint32_t key_len;
    struct linux_text commands;
};

static void lay_out(struct eg_run *r, struct layout *l)
{
    *l = (struct layout){
        .sci = linux_place(r, macsec_secy.sci, 0x10, 8, 0, 0),
        .key_len = linux_place(r, macsec_secy.key_len, 0x18, 2, 0, 0),
        .xpn = linux_place(r, macsec_secy.xpn, 0x20, 1, 0, 0),
        .sending = linux_place(r, macsec_sending, 0x30, 8, 0, 0),
        .encrypts = linux_place(r, macsec_encrypts, 0x2a, 1, 0, 0),
        .encoding = linux_place(r, macsec_encoding, 0x29, 1, 0, 0),
        .channels = linux_place(r, macsec_secy.rx_sc, 0x58, 8, 0, 0),
        .real = linux_place(r, macsec_dev.real_dev, 0x60, 8, 0, 0),
        .sc = { linux_place(r, macsec_rx_sc.next, 0, 8, 0, 0),
                linux_place(r, macsec_rx_sc.sci, 8, 8, 0, 0),
                linux_place(r, macsec_rx_sc.active, 16, 1, 0, 0),
                linux_place(r, macsec_rx_sc.sa, 24, 8, 0, 0) },
        .rx = { linux_place(r, macsec_rx_sa.active, 60, 1, 0, 0),
                linux_place(r, macsec_rx_sa.next_pn, 48, 8, 0, 0),
                linux_place(r, macsec_rx_sa.ssci, 40, 4, 0, 0),
                linux_place(r, macsec_rx_id, 0, 8, 0, 0),
                linux_place(r, macsec_rx_tfm, 16, 8, 0, 0),
                linux_place(r, macsec_rx_salt, 24, 8, 0, 0) },
        .tx = { linux_place(r, macsec_tx_sa.active, 60, 1, 0, 0),
                linux_place(r, macsec_tx_sa.next_pn, 48, 8, 0, 0),
                linux_place(r, macsec_tx_sa.ssci, 40, 4, 0, 0),
                linux_place(r, macsec_tx_id, 0, 8, 0, 0),
                linux_place(r, macsec_tx_tfm, 16, 8, 0, 0),
                linux_place(r, macsec_tx_salt, 24, 8, 0, 0) },
    };
    if (!eg_has(r, macsec_secy.key_len))
        return;
    // What a known struct lacks, it has not: XPN came with 5.7.
    if (!eg_has(r, macsec_secy.xpn))
        l->xpn.size = 0;
}

/* A member of the struct at @at, 0 where it cannot be read. */
static uint64_t member(const struct macsec *m, uint64_t at, struct linux_place p)
{
    uint64_t value = 0;

    linux_place_get(&m->reader, eg_view_of(m->r), at, p, &value);
    return value;
}

/* The i-th pointer of an array. */
static uint64_t element(const struct macsec *m, uint64_t at, struct linux_place p, unsigned i)
{
    p.size = eg_binding_of(m->r)->model.ptr_size;
    p.off += (uint64_t)i * p.size;
    return member(m, at, p);
}

static bool is_plain(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return s && *s && *s != '-' && !s[strspn(s, plain)];
}

static bool read_bytes(const struct macsec *m, uint64_t at, struct linux_place p, void *out,
                       size_t n)
{
    return p.size && eg_add(at, p.off, &at) &&
           eg_read(eg_view_of(m->r), eg_kernel(m->r), at, out, n);
}

/* A number in the order of the network. */
static bool read_sci(const struct macsec *m, uint64_t at, struct linux_place p, uint64_t *out)
{
    uint8_t b[SCI];

    if (!read_bytes(m, at, p, b, sizeof b))
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
    const uint64_t pn = member(m, a->at, a->layout->next_pn);
    const bool active = member(m, a->at, a->layout->active) != 0;

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
    const uint64_t tfm = a->at ? member(m, a->at, a->layout->tfm) : 0;

    if (!tfm)
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
    read_bytes(m, a->at, a->layout->id, id, sizeof id);
    if (m->xpn) {
        read_bytes(m, a->at, a->layout->salt, salt, sizeof salt);
        read_bytes(m, a->at, a->layout->ssci, ssci, sizeof ssci);
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

static void add_device(struct macsec *m, uint64_t secy, uint64_t sci)
{
    struct eg_obj dev = eg_object(m->r, net_device, member(m, secy, m->l.real));
    const char *real = eg_string(m->r, eg_at(dev, net_device.name), 16);

    if (!is_plain(real))
        return;
    linux_text_add(&m->commands,
                   "ip link add link %s %s type macsec sci %016llx cipher gcm-aes-%s%u encrypt %s "
                   "encodingsa %u\n",
                   real, m->device, (unsigned long long)sci, m->xpn ? "xpn-" : "", 8 * m->key_len,
                   member(m, secy, m->l.encrypts) ? "on" : "off",
                   (unsigned)member(m, secy, m->l.encoding) % ASSOCIATIONS);
}

static void receive(struct macsec *m, uint64_t secy)
{
    uint64_t sc = member(m, secy, m->l.channels);
    size_t n = 0;

    for (; sc; sc = member(m, sc, m->l.sc.next)) {
        struct association a = { .layout = &m->l.rx };

        if (n++ == CHANNELS_MAX) {
            eg_note(m->r, "%s: more than %d channels: the others are left out", m->device,
                    CHANNELS_MAX);
            return;
        }
        if (!read_sci(m, sc, m->l.sc.sci, &a.sci))
            return;
        if (m->is_plain)
            linux_text_add(&m->commands, "ip macsec add %s rx sci %016llx %s\n", m->device,
                           (unsigned long long)a.sci, member(m, sc, m->l.sc.active) ? "on" : "off");
        for (a.number = 0; a.number < ASSOCIATIONS; a.number++) {
            a.at = element(m, sc, m->l.sc.sa, a.number);
            add(m, &a);
        }
    }
}

static void look(struct macsec *m, struct eg_obj dev)
{
    struct association a = { .sends = true, .layout = &m->l.tx };
    uint64_t secy;

    if (!linux_netdev_priv(m->r, dev, &secy) || !read_sci(m, secy, m->l.sci, &a.sci))
        m->key_len = 0;
    else
        m->key_len = (uint32_t)member(m, secy, m->l.key_len);
    if (!m->key_len || m->key_len > AES_KEY_MAX) {
        eg_note(m->r, "%s: what MACsec keeps of this interface cannot be read", m->device);
        return;
    }
    m->xpn = member(m, secy, m->l.xpn) != 0;
    m->commands = (struct linux_text){ .r = m->r };
    if (m->is_plain)
        add_device(m, secy, a.sci);
    for (a.number = 0; a.number < ASSOCIATIONS; a.number++) {
        a.at = element(m, secy, m->l.sending, a.number);
        add(m, &a);
    }
    receive(m, secy);
}

static void find(struct eg_vault *v)
{
    struct macsec m = { .v = v,
                        .r = v->r,
                        .reader = { eg_kernel(v->r), eg_binding_of(v->r)->model.big_endian } };
    struct eg_run *r = v->r;
    struct eg_obj net, dev;
    size_t n = 0;

    lay_out(r, &m.l);
    linux_each_net(r, net)
    {
        uint64_t inum = 0;

        eg_get(&inum, net, net_inum);
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            const char *kind = linux_netdev_kind(r, dev);

            if (!kind || strcmp(kind, "macsec") != 0)
                continue;
            if (!eg_has(r, macsec_tx_tfm) && eg_binding_of(r)->model.ptr_size != 8) {
                eg_note(r, "there is a MACsec interface, but the types of its module are not "
                           "known: its keys are not found");
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
