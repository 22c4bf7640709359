/* nvme.c - a source of the vault: secrets of NVMe over fabrics, with which hosts and controllers
 * authenticate to each other (DH-HMAC-CHAP): those of this machine's connections
 * (drivers/nvme/host), and those that its target has of its hosts (drivers/nvme/target). */
#include "../../core/base.h"
#include "../../core/run.h"
#include "../../core/system.h"
#include "base64.h"
#include "vault.h"
#include <zlib.h>

EG_FIELDS_OF("nvme_core", nvme_subsystem, ctrls, entry);
EG_FIELDS_OF("nvme_core", nvme_ctrl, instance, opts, subsys_entry);
EG_FIELD_AS_OF("nvme_core", nvme_ours, nvme_ctrl, "host_key");
EG_FIELD_AS_OF("nvme_core", nvme_theirs, nvme_ctrl, "ctrl_key");
EG_FIELDS_OF("nvme_core", nvme_dhchap_key, key, len);
EG_FIELDS_OF("nvme_fabrics", nvmf_ctrl_options, dhchap_ctrl_secret, dhchap_secret, subsysnqn);
EG_FIELD_AS_OF("nvme_fabrics", nvmf_host_name, nvmf_host, "nqn");
EG_FIELD_AS_OF("nvme_fabrics", nvmf_host_of, nvmf_ctrl_options, "host");
EG_FIELDS_OF("nvmet", nvmet_host, dhchap_ctrl_secret, dhchap_secret);
EG_FIELD_AS_OF("nvmet", nvmet_link, nvmet_host, "group.cg_item.ci_entry");
EG_FIELD_AS_OF("nvmet", nvmet_name, nvmet_host, "group.cg_item.ci_name");
EG_FIELD_AS_OF("nvmet", nvmet_children, config_group, "cg_children");
EG_TYPE_("nvmet", config_group);
EG_TYPE(list_head);

enum { TEXT = 128, KEY_MAX_ = 64, SUM = 4, NQN = 224, SECRETS_MAX = 1 << 16 };

struct doing {
    struct eg_vault *v;
    struct eg_run *r;
    unsigned n;
};
/* A secret as the standard writes it: "DHHC-1:01:" base64 of the key and its CRC-32 ":". */
struct secret {
    char text[TEXT];
    uint64_t at;
    uint8_t key[KEY_MAX_ + SUM];
    size_t len; // without the CRC
    char hash;  // that the key is transformed with: a digit
};

static bool parse(struct secret *s)
{
    static const char head[] = "DHHC-1:0";
    const char *at = s->text + sizeof head + 1; // behind the digit and its colon
    uint8_t out[TEXT];
    size_t n, len;

    if (strncmp(s->text, head, sizeof head - 1) != 0)
        return false;
    s->hash = s->text[sizeof head - 1];
    if (s->hash < '0' || s->hash > '3' || s->text[sizeof head] != ':')
        return false;
    n = eg_base64_run((const uint8_t *)at, strlen(at), false);
    len = eg_base64_decode((const uint8_t *)at, n, out);
    at += n;
    at += strspn(at, "=");
    if (*at != ':' || (len != 32 + SUM && len != 48 + SUM && len != 64 + SUM))
        return false;
    s->len = len - SUM;
    memcpy(s->key, out, len);
    return eg_load_(s->key + s->len, SUM, false) == crc32(0, s->key, (unsigned)s->len);
}

/* What a member of type char * or u8 * points to. */
static bool read_secret(const struct doing *d, struct eg_obj member, struct secret *s)
{
    *s = (struct secret){ .at = 0 };
    if (member.why || !eg_uint_at(d->r, member.addr, member.size, &s->at) || !s->at)
        return false;
    for (size_t i = 0; i < sizeof s->text - 1; i++) {
        if (!eg_read(member.view, member.space, s->at + i, s->text + i, 1))
            return false;
        if (!s->text[i])
            return parse(s);
    }
    return false;
}

static void add(struct doing *d, const struct secret *s, const char *name, const char *purpose,
                struct eg_obj used)
{
    static const char *const hashes[] = { "DH-HMAC-CHAP", "DH-HMAC-CHAP SHA-256",
                                          "DH-HMAC-CHAP SHA-384", "DH-HMAC-CHAP SHA-512" };
    struct eg_obj at = eg_at(used, nvme_dhchap_key.key);
    uint8_t key[KEY_MAX_];
    uint64_t len, bytes = 0;

    if (d->n++ >= SECRETS_MAX)
        return;
    // A pointer at first, later the bytes themselves.
    if (at.kind == EG_K_PTR)
        eg_get(&bytes, used, nvme_dhchap_key.key);
    else if (!at.why)
        bytes = at.addr;
    if (!bytes || !eg_get(&len, used, nvme_dhchap_key.len) || len != s->len ||
        !eg_read(eg_view_of(d->r), eg_kernel(d->r), bytes, key, s->len) ||
        memcmp(key, s->key, s->len) != 0)
        bytes = 0;
    eg_vault_add(d->v, &(struct eg_vault_key){
                           .kind = "NVMe",
                           .name = name,
                           .purpose = purpose,
                           .algorithm = hashes[s->hash - '0'],
                           .at = bytes ? bytes : s->at,
                           .secret = s->key,
                           .len = s->len,
                           .proof = bytes ? "CRC-32, key in use" : "CRC-32",
                       });
}

static void controller(struct doing *d, struct eg_obj ctrl)
{
    struct eg_obj opts;
    const char *to, *host, *name;
    uint64_t at = 0;
    struct secret s;
    char *command;

    // The members of another module's types: its own of the same name.
    if (!eg_get(&at, ctrl, nvme_ctrl.opts) || !at)
        return;
    opts = eg_object(d->r, nvmf_ctrl_options, at);
    to = eg_string(d->r, eg_at(opts, nvmf_ctrl_options.subsysnqn), NQN);
    host = eg_string(d->r, eg_at(eg_deref(eg_at(opts, nvmf_host_of)), nvmf_host_name), NQN);
    name = eg_strf(d->r, "nvme%d %s", eg_get_or(-1, ctrl, nvme_ctrl.instance), to ? to : "?");
    command = eg_strf(d->r, "nvme connect -n %s -q %s", to ? to : "?", host ? host : "?");
    if (!read_secret(d, eg_at(opts, nvmf_ctrl_options.dhchap_secret), &s))
        return;
    add(d, &s, name, "host secret", eg_deref(eg_at(ctrl, nvme_ours)));
    command = eg_strf(d->r, "%s --dhchap-secret %s", command, s.text);
    if (read_secret(d, eg_at(opts, nvmf_ctrl_options.dhchap_ctrl_secret), &s)) {
        add(d, &s, name, "controller secret", eg_deref(eg_at(ctrl, nvme_theirs)));
        command = eg_strf(d->r, "%s --dhchap-ctrl-secret %s", command, s.text);
    }
    eg_vault_text(d->v, "nvme/connect", eg_strf(d->r, "%s\n", command),
                  "secrets of NVMe over fabrics, as options of nvme-cli");
}

static void host(struct doing *d, struct eg_obj host)
{
    struct eg_obj none = host;
    const char *nqn = eg_string(d->r, eg_at(host, nvmet_name), NQN), *name;
    struct secret s;

    none.why = EG_BAD_VALUE;
    name = eg_strf(d->r, "target of %s", nqn ? nqn : "?");
    if (read_secret(d, eg_at(host, nvmet_host.dhchap_secret), &s))
        add(d, &s, name, "host secret", none);
    if (read_secret(d, eg_at(host, nvmet_host.dhchap_ctrl_secret), &s))
        add(d, &s, name, "controller secret", none);
}

static bool has_room(const struct doing *d)
{
    if (d->n >= SECRETS_MAX)
        eg_note(d->r, "more than %d secrets of NVMe: the others are left out", SECRETS_MAX);
    return d->n < SECRETS_MAX && !eg_stopped(d->r);
}

static void find(struct eg_vault *v)
{
    struct doing d = { .v = v, .r = v->r };
    struct eg_obj subsystem, ctrl, each;
    uint64_t at;

    if (!eg_has(v->r, nvmf_ctrl_options.dhchap_secret) &&
        eg_system_symbol(eg_system_of(v->r), "nvme_auth_init_ctrl", &at) &&
        eg_system_symbol(eg_system_of(v->r), "nvmf_register_transport", &at))
        eg_note(v->r, "NVMe over fabrics is there, but the types of its modules are not known: its "
                      "secrets are not found");
    if (eg_has(v->r, nvmf_ctrl_options.dhchap_secret) &&
        eg_system_symbol(eg_system_of(v->r), "nvme_subsystems", &at)) {
        eg_each_list(subsystem, eg_object(v->r, list_head, at), nvme_subsystem.entry) {
            eg_each_list(ctrl, eg_at(subsystem, nvme_subsystem.ctrls), nvme_ctrl.subsys_entry) {
                if (!has_room(&d))
                    return;
                controller(&d, ctrl);
            }
        }
    }
    if (eg_has(v->r, nvmet_host.dhchap_secret) &&
        eg_system_symbol(eg_system_of(v->r), "nvmet_hosts_group", &at)) {
        eg_each_list(each, eg_at(eg_object(v->r, config_group, at), nvmet_children), nvmet_link) {
            if (!has_room(&d))
                return;
            host(&d, each);
        }
    }
}

EG_KEY_SOURCE(nvme) = { .find = find };
