/* cifs.c - of the vault: keys and passwords of the kernel's SMB client (KIND "cifs"): of each
 * connection and of each mounted file system. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/fs/inode.h"
#include "../linux/fs/superblock.h"
#include "smb.h"
#include "vault.h"
#include <inttypes.h>
#include <string.h>

EG_FIELDS_OF("cifs", cifs_sb_info, master_tlink);
EG_FIELDS_OF("cifs", tcon_link, tl_tcon);
EG_FIELDS_OF("cifs", cifs_tcon, ses);
EG_FIELDS_OF("cifs", cifs_ses, Suid, chan_count, chans, domainName, ip_addr, password, password2,
             preauth_sha_hash, server, smb3decryptionkey, smb3encryptionkey, smb3signingkey,
             smb_ses_list, user_name);
EG_FIELD_AS_OF("cifs", session_key_at, cifs_ses, "auth_key.response");
EG_FIELD_AS_OF("cifs", session_key_len, cifs_ses, "auth_key.len");
EG_FIELDS_OF("cifs", cifs_chan, signkey);
EG_TYPE(list_head);
EG_FIELDS_OF("cifs", TCP_Server_Info, cipher_type, dialect, hostname);
EG_FIELD_AS_OF("cifs", server_link, TCP_Server_Info, "tcp_ses_list");
EG_FIELD_AS_OF("cifs", server_sessions, TCP_Server_Info, "smb_ses_list");

enum {
    SESSIONS_MAX = 1 << 14,
    SESSION_KEY_MAX = 512,
    CHANNELS_MAX = 16,
    TEXT_MAX = 512,
    NAME_MAX_ = 256,
};

struct finding {
    struct eg_vault *v;
    struct eg_run *r;
    struct eg_map *seen;
};

/** A session. */
struct session {
    struct eg_obj at;
    const char *name, *user, *domain, *hints;
    uint64_t id;
    uint16_t dialect, cipher;
    uint8_t key[SESSION_KEY_MAX], preauth[SMB_PREAUTH];
    uint32_t len; // of key
    bool proven;  // a key of the connection derives from it
    const uint8_t *to_server, *to_client;
    size_t cipher_len;
};

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n && !p[n - 1])
        n--;
    return !n;
}

static bool derives(const struct session *s, enum eg_smb_use use, const uint8_t *key, size_t len)
{
    return s->len >= SMB_SESSION_KEY && eg_smb_derives(use, s->key, s->preauth, key, len);
}

static void add(struct finding *f, const struct session *s, const char *purpose,
                const char *algorithm, uint64_t at, const void *secret, size_t len,
                const char *proof)
{
    eg_vault_add(f->v, &(struct eg_vault_key){ .kind = "cifs",
                                               .name = s->name,
                                               .purpose = purpose,
                                               .algorithm = algorithm,
                                               .at = at,
                                               .secret = secret,
                                               .len = len,
                                               .proof = proof,
                                               .hints = s->hints });
}

/* A key that derives from the session's, of @len bytes or of 16. @return its length. */
static size_t take(struct finding *f, struct session *s, enum eg_smb_use use, struct eg_obj at,
                   size_t len, const char *algorithm, uint8_t *key)
{
    static const char *const names[] = { "signing key", "encryption key", "decryption key" };
    bool good;

    if (at.why || !eg_read(eg_view_of(f->r), eg_kernel(f->r), at.addr, key, len) ||
        is_zero(key, len))
        return 0;
    good = derives(s, use, key, len);
    s->proven |= good;
    add(f, s, names[use], algorithm, at.addr, key, len,
        good ? "derives from the session key" : NULL);
    return len;
}

static void take_channels(struct finding *f, struct session *s, const uint8_t *first)
{
    struct eg_obj all = eg_at(s->at, cifs_ses.chans), one;
    uint64_t n = 0;
    uint8_t key[SMB_SESSION_KEY];

    eg_get(&n, s->at, cifs_ses.chan_count);
    for (uint64_t i = 1; i < EG_MIN(n, (uint64_t)CHANNELS_MAX); i++) {
        one = eg_at(eg_index(all, i), cifs_chan.signkey);
        if (!one.why && eg_read(eg_view_of(f->r), eg_kernel(f->r), one.addr, key, sizeof key) &&
            memcmp(key, first, sizeof key) != 0 && !is_zero(key, sizeof key))
            add(f, s, eg_strf(f->r, "signing key of channel %" PRIu64, i), NULL, one.addr, key,
                sizeof key,
                derives(s, SMB_SIGNING, key, sizeof key) ? "derives from the session key" : NULL);
    }
}

static bool is_line(const char *s)
{
    return s && !strpbrk(s, "\r\n");
}

static void take_password(struct finding *f, struct session *s, struct eg_obj at,
                          const char *purpose)
{
    const char *text = eg_string(f->r, at, TEXT_MAX);
    struct eg_obj to = eg_deref(at);

    if (!text || !*text)
        return;
    add(f, s, purpose, NULL, to.why ? 0 : to.addr, text, strlen(text),
        s->proven ? "session whose keys derive" : NULL);
    if (!strcmp(purpose, "password") && is_line(s->user) && is_line(text))
        eg_vault_text(f->v, eg_strf(f->r, "cifs/%s-%" PRIx64 ".credentials", s->name, s->id),
                      eg_strf(f->r, "username=%s\npassword=%s\n%s%s%s", s->user, text,
                              is_line(s->domain) ? "domain=" : "",
                              is_line(s->domain) ? s->domain : "", is_line(s->domain) ? "\n" : ""),
                      "for mount -t cifs -o credentials=FILE //SERVER/SHARE MOUNTPOINT");
}

/* A row of Wireshark's table of SMB2 session keys: id as it is sent, session key, key of what the
 * server sends, of what it gets. */
static void export(struct finding *f, const struct session *s)
{
    char id[17], key[2 * SMB_SESSION_KEY + 1] = "", in[2 * SMB_KEY_MAX + 1] = "";
    char out[2 * SMB_KEY_MAX + 1] = "";
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(s->id >> 8 * i);
    eg_hex(id, bytes, sizeof bytes);
    if (s->len)
        eg_hex(key, s->key, EG_MIN(s->len, (uint32_t)SMB_SESSION_KEY));
    if (s->to_client)
        eg_hex(in, s->to_client, s->cipher_len);
    if (s->to_server)
        eg_hex(out, s->to_server, s->cipher_len);
    eg_vault_text(f->v, "cifs/smb2_seskey_list", eg_strf(f->r, "%s,%s,%s,%s\n", id, key, in, out),
                  "for Wireshark: append to smb2_seskey_list of its configuration folder, or "
                  "tshark -o uat:smb2_seskey_list:LINE");
}

static void take_session(struct finding *f, struct eg_obj at)
{
    struct eg_run *r = f->r;
    struct session *s = eg_tmp(r, sizeof *s);
    struct eg_obj server = eg_deref(eg_at(at, cifs_ses.server)), key, preauth;
    uint8_t sign[SMB_SESSION_KEY], to_server[SMB_KEY_MAX], to_client[SMB_KEY_MAX];
    const char *host, *algorithm;

    if (at.why || server.why || f->seen->n >= SESSIONS_MAX ||
        !eg_run_map_add(r, f->seen, at.addr, 0) || !eg_get(&s->id, at, cifs_ses.Suid))
        return;
    s->at = at;
    s->user = eg_string(r, eg_at(at, cifs_ses.user_name), NAME_MAX_);
    s->domain = eg_string(r, eg_at(at, cifs_ses.domainName), NAME_MAX_);
    host = eg_string(r, eg_at(server, TCP_Server_Info.hostname), NAME_MAX_);
    if (!host || !*host)
        host = eg_string(r, eg_at(at, cifs_ses.ip_addr), NAME_MAX_);
    s->name = eg_strf(r, "%s@%s", s->user ? s->user : "", host ? host : "");
    eg_get(&s->dialect, server, TCP_Server_Info.dialect);
    eg_get(&s->cipher, server, TCP_Server_Info.cipher_type);
    s->hints = eg_strf(r, "session %#" PRIx64 ", SMB %x.%x.%x%s%s", s->id, s->dialect >> 8,
                       s->dialect >> 4 & 15, s->dialect & 15, s->domain ? ", domain " : "",
                       s->domain ? s->domain : "");
    preauth = eg_at(at, cifs_ses.preauth_sha_hash);
    if (preauth.why ||
        !eg_read(eg_view_of(r), eg_kernel(r), preauth.addr, s->preauth, sizeof s->preauth))
        memset(s->preauth, 0, sizeof s->preauth);
    key = eg_deref(eg_at(at, session_key_at));
    if (key.why || !eg_get(&s->len, at, session_key_len) || s->len > sizeof s->key ||
        !eg_read(eg_view_of(r), eg_kernel(r), key.addr, s->key, s->len))
        s->len = 0;
    algorithm = eg_smb_cipher(s->cipher, &s->cipher_len);

    if (take(f, s, SMB_SIGNING, eg_at(at, cifs_ses.smb3signingkey), sizeof sign, NULL, sign))
        take_channels(f, s, sign);
    if (take(f, s, SMB_TO_SERVER, eg_at(at, cifs_ses.smb3encryptionkey), s->cipher_len, algorithm,
             to_server))
        s->to_server = to_server;
    if (take(f, s, SMB_TO_CLIENT, eg_at(at, cifs_ses.smb3decryptionkey), s->cipher_len, algorithm,
             to_client))
        s->to_client = to_client;
    if (s->len)
        add(f, s, "session key", NULL, key.addr, s->key, EG_MIN(s->len, (uint32_t)SMB_SESSION_KEY),
            s->proven ? "keys of the session derive" : NULL);
    take_password(f, s, eg_at(at, cifs_ses.password), "password");
    take_password(f, s, eg_at(at, cifs_ses.password2), "next password");
    if (f->v->exports && s->len)
        export(f, s);
}

static void take_sessions(struct finding *f, struct eg_obj server)
{
    struct eg_obj ses;

    eg_each_list(ses, eg_at(server, server_sessions), cifs_ses.smb_ses_list)
        take_session(f, ses);
}

static void find(struct eg_vault *v)
{
    struct eg_run *r = v->r;
    struct finding f = { .v = v, .r = r, .seen = eg_run_map(r) };
    struct eg_obj sb, own, ses, server;
    uint64_t all;

    // Of the module's variable, where its symbols are known; else of what is mounted.
    if (eg_has_type(r, cifs_ses) && eg_lookup(r, "cifs_tcp_ses_list", &all))
        eg_each_list(server, eg_object(r, list_head, all), server_link)
            take_sessions(&f, server);
    linux_each_superblock(r, sb)
    {
        const char *type = eg_string(r, eg_at(sb, super_block.s_type, file_system_type.name), 16);

        if (!type || (strcmp(type, "cifs") != 0 && strcmp(type, "smb3") != 0))
            continue;
        if (!eg_has_type(r, cifs_ses)) {
            eg_note(r, "this kernel keeps no types of cifs: keys of SMB are not found");
            return;
        }
        own = eg_deref(eg_cast(eg_at(sb, super_block.s_fs_info), cifs_sb_info));
        ses = eg_deref(eg_at(own, cifs_sb_info.master_tlink, tcon_link.tl_tcon, cifs_tcon.ses));
        take_session(&f, ses);
        take_sessions(&f, eg_deref(eg_at(ses, cifs_ses.server)));
    }
    if (f.seen->n >= SESSIONS_MAX)
        eg_note(r, "cifs: more than %d sessions: the others are left out", SESSIONS_MAX - 1);
}

EG_KEY_SOURCE(cifs) = { .find = find };
