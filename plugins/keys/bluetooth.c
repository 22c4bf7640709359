/* bluetooth.c - keys of paired devices (net/bluetooth/hci_core.c): link keys of BR/EDR, long term
 * and identity resolving keys of LE. */
#include "../../core/base.h"
#include "../../core/system.h"
#include "../linux/net/device.h"
#include "vault.h"

EG_FIELDS_OF("bluetooth", hci_dev, id, identity_resolving_keys, link_keys, list, long_term_keys);
EG_FIELDS_OF("bluetooth", link_key, bdaddr, list, type, val);
EG_FIELDS_OF("bluetooth", smp_ltk, authenticated, bdaddr, enc_size, list, type, val);
EG_FIELDS_OF("bluetooth", smp_irk, bdaddr, list, val);
EG_TYPE(list_head);

enum { KEY = 16, ADDRESS = 6, KEYS_MAX = 1 << 16 };

/* Bluetooth's addresses lie with the last byte first. */
static const char *address(struct eg_run *r, struct eg_obj o)
{
    uint8_t in[ADDRESS], out[ADDRESS];

    if (o.why || !eg_read(o.view, o.space, o.addr, in, sizeof in))
        return "?";
    for (size_t i = 0; i < sizeof in; i++)
        out[i] = in[sizeof in - 1 - i];
    return linux_mac_text(r, out, sizeof out);
}

/* @section: of BlueZ's file. */
static void add(struct eg_vault *v, struct eg_obj dev, struct eg_obj val, struct eg_obj bdaddr,
                const char *purpose, const char *section, const char *hints)
{
    uint8_t key[KEY];
    char hex[2 * KEY + 1];

    if (val.why || !eg_read(val.view, val.space, val.addr, key, sizeof key))
        return;
    eg_hex(hex, key, sizeof key);
    if (eg_vault_add(v, &(struct eg_vault_key){
                            .kind = "Bluetooth",
                            .name = eg_strf(v->r, "hci%u with %s", eg_get_or(0u, dev, hci_dev.id),
                                            address(v->r, bdaddr)),
                            .purpose = purpose,
                            .at = val.addr,
                            .secret = key,
                            .len = sizeof key,
                            .proof = "payload",
                            .hints = hints,
                        }))
        eg_vault_text(v,
                      eg_strf(v->r, "bluetooth/hci%u/%s/info", eg_get_or(0u, dev, hci_dev.id),
                              address(v->r, bdaddr)),
                      eg_strf(v->r, "[%s]\nKey=%s\n", section, hex),
                      "keys of a paired device, as BlueZ keeps them below /var/lib/bluetooth");
}

static bool has_room(struct eg_vault *v, unsigned *n)
{
    if (*n == KEYS_MAX)
        eg_note(v->r, "more than %d keys of Bluetooth: the others are left out", KEYS_MAX);
    return (*n)++ < KEYS_MAX;
}

static void find(struct eg_vault *v)
{
    uint64_t list = 0;
    struct eg_obj dev, key;
    uint8_t size = 0, good = 0;
    unsigned n = 0;

    if (!eg_system_symbol(eg_system_of(v->r), "hci_dev_list", &list))
        return;
    if (!eg_has(v->r, hci_dev.link_keys)) {
        eg_note(v->r, "Bluetooth is there, but the types of its module are not known (kernels have "
                      "them in memory since 5.11): its keys are not found");
        return;
    }
    eg_each_list(dev, eg_object(v->r, list_head, list), hci_dev.list) {
        eg_each_list(key, eg_at(dev, hci_dev.link_keys), link_key.list) {
            if (!has_room(v, &n))
                return;
            add(v, dev, eg_at(key, link_key.val), eg_at(key, link_key.bdaddr), "link key",
                "LinkKey", NULL);
        }
        eg_each_list(key, eg_at(dev, hci_dev.long_term_keys), smp_ltk.list) {
            eg_get(&size, key, smp_ltk.enc_size);
            eg_get(&good, key, smp_ltk.authenticated);
            if (!has_room(v, &n))
                return;
            add(v, dev, eg_at(key, smp_ltk.val), eg_at(key, smp_ltk.bdaddr), "long term key",
                "LongTermKey",
                eg_strf(v->r, "%u bytes are used, %s", size,
                        good ? "authenticated" : "unauthenticated"));
        }
        eg_each_list(key, eg_at(dev, hci_dev.identity_resolving_keys), smp_irk.list) {
            if (!has_room(v, &n))
                return;
            add(v, dev, eg_at(key, smp_irk.val), eg_at(key, smp_irk.bdaddr),
                "identity resolving key", "IdentityResolvingKey", NULL);
        }
    }
}

EG_KEY_SOURCE(bluetooth) = { .find = find };
