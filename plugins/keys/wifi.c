/* wifi.c - keys of Wi-Fi interfaces whose driver leaves the protocol to mac80211
 * (net/mac80211/key.h). */
#include "../../core/base.h"
#include "../linux/net/kind.h"
#include "tfm.h"
#include "vault.h"

EG_FIELD_AS(netdev_wireless, net_device, "ieee80211_ptr");
EG_FIELDS_OF("mac80211", ieee80211_sub_if_data, dev, key_list, wdev);
EG_FIELDS_OF("mac80211", ieee80211_key, conf, list, sta);
EG_FIELD_AS_OF("mac80211", wifi_cipher, ieee80211_key, "conf.cipher");
EG_FIELD_AS_OF("mac80211", wifi_index, ieee80211_key, "conf.keyidx");
EG_FIELD_AS_OF("mac80211", wifi_len, ieee80211_key, "conf.keylen");
EG_FIELD_AS_OF("mac80211", wifi_key, ieee80211_key, "conf.key");
EG_FIELD_AS_OF("mac80211", wifi_ccmp, ieee80211_key, "u.ccmp.tfm");
EG_FIELD_AS_OF("mac80211", wifi_gcmp, ieee80211_key, "u.gcmp.tfm");
EG_FIELD_AS_OF("mac80211", wifi_cmac, ieee80211_key, "u.aes_cmac.tfm");
EG_FIELD_AS_OF("mac80211", wifi_cmac_key, ieee80211_key, "u.aes_cmac.key");
EG_FIELD_AS_OF("mac80211", wifi_gmac, ieee80211_key, "u.aes_gmac.tfm");
EG_FIELD_AS_OF("mac80211", wifi_sta, sta_info, "addr");
EG_TYPE_("mac80211", sta_info);

enum { KEY_MAX_ = 64, CMAC_KEY_MAX = 1024, KEYS_MAX = 1 << 16, ADDRESS = 6, SUITE = 0x000fac00 };

/* Cipher suites of IEEE 802.11 (9.4.2.24.2): 00-0F-AC and this number; how long their keys are. */
static const struct suite {
    uint8_t number, len;
    enum { NONE, CCMP, GCMP, CMAC, GMAC } made_by;
    const char *name;
} suites[] = {
    { 1, 5, NONE, "WEP-40" },         { 2, 32, NONE, "TKIP" },
    { 4, 16, CCMP, "CCMP" },          { 5, 13, NONE, "WEP-104" },
    { 6, 16, CMAC, "BIP-CMAC-128" },  { 8, 16, GCMP, "GCMP" },
    { 9, 32, GCMP, "GCMP-256" },      { 10, 32, CCMP, "CCMP-256" },
    { 11, 16, GMAC, "BIP-GMAC-128" }, { 12, 32, GMAC, "BIP-GMAC-256" },
    { 13, 32, CMAC, "BIP-CMAC-256" },
};

/* Where CMAC has no transform, the schedule is in the key. */
struct wanted {
    const uint8_t *bytes, *key;
    size_t len;
    bool found, other;
};

static void compare(void *context, size_t at, const struct eg_aes_schedule *s)
{
    struct wanted *w = context;
    uint8_t key[AES_KEY_MAX];

    if (s->words * 4u != w->len || !eg_aes_is_schedule(w->bytes + at, s, key))
        return;
    if (!memcmp(key, w->key, w->len))
        w->found = true;
    else
        w->other = true;
}

static const char *prove_inside(struct eg_obj key, const struct suite *s, const uint8_t *bytes)
{
    struct eg_obj at = eg_at(key, wifi_cmac_key);
    uint8_t own[CMAC_KEY_MAX];
    struct wanted w = { own, bytes, s->len, false, false };

    if (s->made_by == CMAC && !at.why && at.size <= sizeof own &&
        eg_read(at.view, at.space, at.addr, own, at.size))
        eg_aes_find(own, at.size, compare, &w);
    return w.found ? "schedule" : w.other ? NULL : "payload";
}

/* NULL: the cipher has another key expanded. */
static const char *prove(struct eg_vault *v, struct eg_obj key, const struct suite *s,
                         const uint8_t *bytes)
{
    struct eg_tfm_keys *made = eg_tmp(v->r, sizeof *made);
    uint64_t tfm = 0;

    if (s->made_by == CCMP)
        eg_get(&tfm, key, wifi_ccmp);
    else if (s->made_by == GCMP)
        eg_get(&tfm, key, wifi_gcmp);
    else if (s->made_by == CMAC)
        eg_get(&tfm, key, wifi_cmac);
    else if (s->made_by == GMAC)
        eg_get(&tfm, key, wifi_gmac);
    if (tfm)
        eg_tfm_keys(v->r, tfm, made);
    for (size_t i = 0; i < made->n; i++)
        if (made->at[i].size == s->len && !memcmp(made->at[i].key, bytes, s->len))
            return "schedule";
    return made->n ? NULL : prove_inside(key, s, bytes);
}

static void export_key(struct eg_vault *v, const struct suite *s, const uint8_t *bytes)
{
    char hex[2 * KEY_MAX_ + 1];

    eg_hex(hex, bytes, s->len);
    eg_vault_text(
        v, "wifi/80211_keys",
        eg_strf(v->r, "\"%s\",\"%s\"\n", strncmp(s->name, "WEP", 3) != 0 ? "tk" : "wep", hex),
        "keys of Wi-Fi: a copy as 80211_keys in Wireshark's folder of settings");
}

static void add(struct eg_vault *v, struct eg_obj dev, struct eg_obj key)
{
    struct eg_obj at = eg_at(key, wifi_key), sta = eg_deref(eg_at(key, ieee80211_key.sta)), mac;
    const struct suite *s = NULL;
    const char *peer, *name = eg_string(v->r, eg_at(dev, net_device.name), 16);
    uint8_t bytes[KEY_MAX_], address[ADDRESS];
    uint32_t cipher, len;
    int index = 0;
    bool known;

    if (!eg_get(&cipher, key, wifi_cipher) || !eg_get(&len, key, wifi_len) || at.why)
        return;
    for (size_t i = 0; i < countof(suites); i++)
        if (cipher == (SUITE | suites[i].number) && len == suites[i].len)
            s = &suites[i];
    if (!s || !eg_read(at.view, at.space, at.addr, bytes, s->len))
        return;
    eg_get(&index, key, wifi_index);
    mac = eg_at(eg_cast(sta, sta_info), wifi_sta);
    peer = !mac.why && eg_read(mac.view, mac.space, mac.addr, address, sizeof address)
               ? linux_mac_text(v->r, address, sizeof address)
               : NULL;
    known = eg_vault_knows(v, bytes, s->len); // by the other end of the connection
    if (eg_vault_add(v,
                     &(struct eg_vault_key){
                         .kind = "Wi-Fi",
                         .name = peer ? eg_strf(v->r, "%s with %s", name ? name : "?", peer) : name,
                         .purpose = eg_strf(v->r, "%s key %d", peer ? "pairwise" : "group", index),
                         .algorithm = s->name,
                         .at = at.addr,
                         .secret = bytes,
                         .len = s->len,
                         .proof = prove(v, key, s, bytes),
                     }) &&
        !known)
        export_key(v, s, bytes);
}

static void find(struct eg_vault *v)
{
    struct eg_obj net, dev, own, key;
    uint64_t wireless, back;
    unsigned n = 0;

    linux_each_net(v->r, net)
    {
        eg_each_list(dev, eg_at(net, net.dev_base_head), net_device.dev_list) {
            if (!eg_get(&wireless, dev, netdev_wireless) || !wireless)
                continue;
            if (!eg_has(v->r, ieee80211_sub_if_data.key_list)) {
                eg_note(v->r, "there is a Wi-Fi interface, but the types of mac80211 are not known "
                              "(kernels have them in memory since 5.11): its keys are not found");
                return;
            }
            own = linux_netdev_priv_as(v->r, dev, ieee80211_sub_if_data);
            // Other drivers have other data there.
            if (eg_at(own, ieee80211_sub_if_data.wdev).addr != wireless ||
                !eg_get(&back, own, ieee80211_sub_if_data.dev) || back != dev.addr)
                continue;
            eg_each_list(key, eg_at(own, ieee80211_sub_if_data.key_list), ieee80211_key.list) {
                if (n++ == KEYS_MAX) {
                    eg_note(v->r, "more than %d keys of Wi-Fi: the others are left out", KEYS_MAX);
                    return;
                }
                add(v, dev, key);
            }
        }
    }
}

EG_KEY_SOURCE(wifi) = { .find = find };
