/* radio_test.c - keys of Wi-Fi and Bluetooth: what is one, and what lies where one would be. */
#include "../../../plugins/keys/aes.h"
#include "check.h"
#include "mkguest.h"

#define TYPES                                                                                      \
    "struct wireless_dev { int x; };"                                                              \
    "struct net_device { char name[16]; struct list_head dev_list;"                                \
    "  struct wireless_dev *ieee80211_ptr; void *rtnl_link_ops; };"                                \
    "struct net { struct ns_common ns; struct list_head list, dev_base_head; };"                   \
    "struct sta_info { struct sta_info *next; u8 addr[6]; };"                                      \
    "struct ieee80211_key_conf { u32 cipher; s8 keyidx; u8 keylen; u8 key[32]; };"                 \
    "struct aes_cmac_key { u8 schedule[240], k_final[32]; };"                                      \
    "struct ieee80211_key { struct sta_info *sta; struct list_head list;"                          \
    "  union { struct { u8 rx_pn[6]; struct aes_cmac_key key; } aes_cmac; } u;"                    \
    "  struct ieee80211_key_conf conf; };"                                                         \
    "struct ieee80211_sub_if_data { struct wireless_dev wdev; struct list_head key_list;"          \
    "  struct net_device *dev; };"                                                                 \
    "struct bdaddr { u8 b[6]; };"                                                                  \
    "struct link_key { struct list_head list; struct bdaddr bdaddr; u8 type; u8 val[16]; };"       \
    "struct smp_ltk { struct list_head list; struct bdaddr bdaddr; u8 authenticated, type,"        \
    "  enc_size; u8 val[16]; };"                                                                   \
    "struct smp_irk { struct list_head list; struct bdaddr bdaddr; u8 val[16]; };"                 \
    "struct hci_dev { struct list_head list; u16 id; struct list_head link_keys,"                  \
    "  long_term_keys, identity_resolving_keys; };"

enum { COLUMNS_FROM = 0, COLUMNS_TO = 4, CCMP = 0x000fac04, CMAC = 0x000fac06, SIZE = 4096 };

static struct mk_guest guest(const struct mk_machine *m)
{
    struct mk_guest g =
        mk_guest(m, (const char *const[]){ "struct net { struct ns_common ns; };", "",
                                           "struct css_set *cgroups; };",
                                           "struct css_set *cgroups; };" TYPES, NULL });

    mk_guest_task(&g, 1, "init", 0);
    return g;
}

static uint64_t head_of(struct mk_guest *g, uint64_t object, const char *member)
{
    const uint64_t at = mk_at(g->k, object, member);

    mk_write_ptr(g->k, at, at);
    mk_write_ptr(g->k, at + mk_model(g->k)->ptr_size, at);
    return at;
}

static const char *rows(struct mk_guest *g)
{
    return mk_columns(mk_guest_rows(g, "keys", "show"), COLUMNS_FROM, COLUMNS_TO);
}

static void write16(struct mk_guest *g, uint64_t at, char c)
{
    char key[16];

    memset(key, c, sizeof key);
    mk_write(g->k, at, key, sizeof key);
}

/* ---- Wi-Fi ---- */

static uint64_t add_key(struct mk_guest *g, uint64_t own, uint32_t cipher, uint8_t len, char c)
{
    uint64_t key = mk_object(g->k, "ieee80211_key");

    mk_put(g->k, key, "ieee80211_key.conf.cipher", cipher);
    mk_put(g->k, key, "ieee80211_key.conf.keylen", len);
    mk_put(g->k, key, "ieee80211_key.conf.keyidx", 1);
    write16(g, mk_at(g->k, key, "ieee80211_key.conf.key"), c);
    mk_list_append(g->k, mk_at(g->k, own, "ieee80211_sub_if_data.key_list"),
                   mk_at(g->k, key, "ieee80211_key.list"));
    return key;
}

static void write_schedule(struct mk_guest *g, uint64_t at, char c)
{
    uint8_t key[16], bytes[AES_SCHEDULE_MAX];

    memset(key, c, sizeof key);
    eg_aes_expand(key, 4, bytes);
    mk_write(g->k, at, bytes, eg_aes_size(4));
}

static void wifi(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = guest(m);
        const uint64_t list = mk_alloc(g.k, 2 * mk_model(g.k)->ptr_size);
        uint64_t net = mk_object(g.k, "net"), dev = mk_alloc_aligned(g.k, SIZE, 32), own, sta, key;

        mk_symbol(g.k, "net_namespace_list", list);
        mk_list_append(g.k, list, mk_at(g.k, net, "net.list"));
        head_of(&g, net, "net.dev_base_head");
        mk_puts(g.k, dev, "net_device.name", "wlan0");
        mk_list_append(g.k, mk_at(g.k, net, "net.dev_base_head"),
                       mk_at(g.k, dev, "net_device.dev_list"));
        own = dev + (mk_size(g.k, "net_device") + 31) / 32 * 32;
        head_of(&g, own, "ieee80211_sub_if_data.key_list");
        mk_put(g.k, own, "ieee80211_sub_if_data.dev", dev);
        key = add_key(&g, own, CCMP, 16, 'P');
        sta = mk_object(g.k, "sta_info");
        mk_write(g.k, mk_at(g.k, sta, "sta_info.addr"), (const uint8_t[]){ 2, 0, 0, 0, 1, 0 }, 6);
        mk_put(g.k, key, "ieee80211_key.sta", sta);
        assert_string_equal(rows(&g), ""); // an interface without wires it is not
        mk_put(g.k, dev, "net_device.ieee80211_ptr", mk_at(g.k, own, "ieee80211_sub_if_data.wdev"));
        assert_string_equal(rows(&g), "Wi-Fi|wlan0 with 02:00:00:00:01:00|pairwise key 1|CCMP|128");
        add_key(&g, own, CCMP, 5, 'S');          // too short
        add_key(&g, own, CCMP, 255, 'L');        // longer than there are
        add_key(&g, own, CCMP | 0x100, 16, 'O'); // of no suite
        add_key(&g, own, CCMP, 16, 'G');
        assert_string_equal(rows(&g), "Wi-Fi|wlan0 with 02:00:00:00:01:00|pairwise key 1|CCMP|128\n"
                                      "Wi-Fi|wlan0|group key 1|CCMP|128");
        // A key without a transform has its schedule itself; that of another key contradicts.
        key = add_key(&g, own, CMAC, 16, 'M');
        write_schedule(&g, mk_at(g.k, key, "ieee80211_key.u.aes_cmac.key"), 'N');
        assert_string_equal(mk_columns(mk_guest_rows(&g, "keys", "show"), 9, 9),
                            "payload\npayload\n");
        write_schedule(&g, mk_at(g.k, key, "ieee80211_key.u.aes_cmac.key"), 'M');
        assert_string_equal(mk_columns(mk_guest_rows(&g, "keys", "show"), 9, 9),
                            "payload\npayload\nschedule");
        mk_put(g.k, own, "ieee80211_sub_if_data.dev", own); // another driver's data
        assert_string_equal(rows(&g), "");
        mk_free(g.k);
    }
}

/* ---- Bluetooth ---- */

static uint64_t add_peer(struct mk_guest *g, uint64_t list, const char *type, const char *bdaddr,
                         const char *val, char c)
{
    uint64_t key = mk_object(g->k, type);

    mk_write(g->k, mk_at(g->k, key, bdaddr), (const uint8_t[]){ 1, 2, 3, 4, 5, 6 }, 6);
    write16(g, mk_at(g->k, key, val), c);
    mk_list_append(g->k, list, key); // its first member is the link
    return key;
}

static void bluetooth(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct mk_guest g = guest(m);
        const uint64_t list = mk_alloc(g.k, 2 * mk_model(g.k)->ptr_size);
        uint64_t dev = mk_object(g.k, "hci_dev"), links, ltks, irks, key;

        mk_write_ptr(g.k, list, list);
        mk_write_ptr(g.k, list + mk_model(g.k)->ptr_size, list);
        mk_symbol(g.k, "hci_dev_list", list);
        links = head_of(&g, dev, "hci_dev.link_keys");
        ltks = head_of(&g, dev, "hci_dev.long_term_keys");
        irks = head_of(&g, dev, "hci_dev.identity_resolving_keys");
        assert_string_equal(rows(&g), "");
        mk_list_append(g.k, list, dev);
        assert_string_equal(rows(&g), "");
        mk_put(g.k, dev, "hci_dev.id", 7);
        add_peer(&g, links, "link_key", "link_key.bdaddr", "link_key.val", 'L');
        key = add_peer(&g, ltks, "smp_ltk", "smp_ltk.bdaddr", "smp_ltk.val", 'T');
        mk_put(g.k, key, "smp_ltk.enc_size", 7);
        mk_put(g.k, key, "smp_ltk.authenticated", 1);
        add_peer(&g, irks, "smp_irk", "smp_irk.bdaddr", "smp_irk.val", 'I');
        assert_string_equal(rows(&g),
                            "Bluetooth|hci7 with 06:05:04:03:02:01|link key||128\n"
                            "Bluetooth|hci7 with 06:05:04:03:02:01|long term key||128\n"
                            "Bluetooth|hci7 with 06:05:04:03:02:01|identity resolving key||128");
        assert_string_equal(mk_columns(mk_guest_rows(&g, "keys", "show"), 11, 12),
                            "4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c|\n"
                            "54545454545454545454545454545454|7 bytes are used, authenticated\n"
                            "49494949494949494949494949494949|");
        mk_write_ptr(g.k, ltks, 0x123456789); // leads nowhere: the others stay
        assert_string_equal(mk_columns(mk_guest_rows(&g, "keys", "show"), 2, 2),
                            "link key\nlong term key\nidentity resolving key");
        mk_free(g.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wifi),
        cmocka_unit_test(bluetooth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
