/* krb5.c - see krb5.h. */
#include "krb5.h"
#include <string.h>

enum {
    TYPE_MAX = 16,        // of names: KRB5_NT_* go to 11
    STRING_MAX = 1024,    // of realms and names
    LIST_MAX = 256,       // addresses, authorization data
    BYTES_MAX = 1 << 17,  // of tickets: a PAC has up to 64 KiB
    FIELD_MAX_ = 1 << 16, // of a header
};

/* ---- bytes ---- */

static bool take_u8(struct eg_key_bytes *from, uint32_t *out)
{
    struct eg_key_bytes b;

    if (!eg_key_take(from, 1, &b))
        return false;
    *out = b.at[0];
    return true;
}

static bool take_u16(struct eg_key_bytes *from, uint32_t *out)
{
    struct eg_key_bytes b;

    if (!eg_key_take(from, 2, &b))
        return false;
    *out = eg_be16(b.at);
    return true;
}

static bool take_u32(struct eg_key_bytes *from, uint32_t *out)
{
    struct eg_key_bytes b;

    if (!eg_key_take(from, 4, &b))
        return false;
    *out = eg_be32(b.at);
    return true;
}

/* A length of @width bytes, and as many bytes, at most @max. */
static bool take_data(struct eg_key_bytes *from, unsigned width, size_t max,
                      struct eg_key_bytes *out)
{
    uint32_t n;

    return (width == 2 ? take_u16(from, &n) : take_u32(from, &n)) && n <= max &&
           eg_key_take(from, n, out);
}

/* ---- principals ---- */

static bool is_printable(struct eg_key_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.at[i] < ' ' || b.at[i] == 0x7f)
            return false;
    return true;
}

/* The realm and @n names; @width: bytes of the lengths. */
static bool take_names(struct eg_key_bytes *from, unsigned width, struct eg_krb5_principal *p)
{
    if (p->n > EG_KRB5_PARTS || !take_data(from, width, STRING_MAX, &p->realm) || !p->realm.n ||
        !is_printable(p->realm))
        return false;
    for (uint32_t i = 0; i < p->n; i++)
        if (!take_data(from, width, STRING_MAX, &p->part[i]) || !is_printable(p->part[i]))
            return false;
    return true;
}

static bool take_principal(struct eg_key_bytes *from, struct eg_krb5_principal *p)
{
    *p = (struct eg_krb5_principal){ 0 };
    return take_u32(from, &p->type) && p->type <= TYPE_MAX && take_u32(from, &p->n) && p->n &&
           take_names(from, 4, p);
}

static void append(char out[EG_KRB5_NAME], size_t *at, const void *text, size_t n)
{
    n = EG_MIN(n, EG_KRB5_NAME - 1 - *at);
    memcpy(out + *at, text, n);
    *at += n;
}

void eg_krb5_name(const struct eg_krb5_principal *p, char out[EG_KRB5_NAME])
{
    size_t at = 0;

    for (uint32_t i = 0; i < p->n && i < EG_KRB5_PARTS; i++) {
        if (i)
            append(out, &at, "/", 1);
        append(out, &at, p->part[i].at, p->part[i].n);
    }
    append(out, &at, "@", 1);
    append(out, &at, p->realm.at, p->realm.n);
    out[at] = 0;
}

const char *eg_krb5_type(uint16_t type, size_t *len)
{
    // RFC 3961, 3962, 4757, 6803, 8009
    static const struct {
        uint16_t type;
        uint8_t len;
        const char *name;
    } types[] = {
        { 1, 8, "des-cbc-crc" },
        { 2, 8, "des-cbc-md4" },
        { 3, 8, "des-cbc-md5" },
        { 16, 24, "des3-cbc-sha1" },
        { 17, 16, "aes128-cts-hmac-sha1-96" },
        { 18, 32, "aes256-cts-hmac-sha1-96" },
        { 19, 16, "aes128-cts-hmac-sha256-128" },
        { 20, 32, "aes256-cts-hmac-sha384-192" },
        { 23, 16, "arcfour-hmac" },
        { 24, 16, "arcfour-hmac-exp" },
        { 25, 16, "camellia128-cts-cmac" },
        { 26, 32, "camellia256-cts-cmac" },
    };

    for (size_t i = 0; i < countof(types); i++)
        if (types[i].type == type) {
            *len = types[i].len;
            return types[i].name;
        }
    return NULL;
}

/* ---- credential caches ---- */

size_t eg_krb5_ccache(const uint8_t *p, size_t len, unsigned *version,
                      struct eg_krb5_principal *owner)
{
    struct eg_key_bytes from = { p, len }, header;

    if (len < 4 || p[0] != 5 || (p[1] != 3 && p[1] != 4))
        return 0;
    *version = p[1];
    from.at += 2;
    from.n -= 2;
    if ((p[1] == 4 && !take_data(&from, 2, FIELD_MAX_, &header)) || !take_principal(&from, owner))
        return 0;
    return len - from.n;
}

/* Addresses, or authorization data: a type and bytes, each. */
static bool take_list(struct eg_key_bytes *from)
{
    struct eg_key_bytes data;
    uint32_t n, type;

    if (!take_u32(from, &n) || n > LIST_MAX)
        return false;
    for (; n; n--)
        if (!take_u16(from, &type) || !take_data(from, 4, BYTES_MAX, &data))
            return false;
    return true;
}

/* RFC 4120, 5.3: Ticket, [APPLICATION 1]. Is it one for @server? eg_der_take() compares the whole
 * byte of the tag. */
enum {
    TICKET = 0x61,
    CONTEXT = 0xa0, // [0], constructed
    GENERAL_STRING = 0x1b,
};

static bool is(struct eg_key_bytes a, struct eg_key_bytes b)
{
    return a.n == b.n && !memcmp(a.at, b.at, a.n);
}

static bool is_ticket_for(struct eg_key_bytes ticket, const struct eg_krb5_principal *server)
{
    struct eg_key_bytes in, seq, field, value, names;

    if (!eg_der_take(&ticket, TICKET, &in) || ticket.n || !eg_der_take(&in, DER_SEQUENCE, &seq) ||
        !eg_der_take(&seq, CONTEXT, &field) || !eg_der_take(&field, DER_INTEGER, &value) ||
        value.n != 1 || value.at[0] != 5)
        return false;
    if (!eg_der_take(&seq, CONTEXT + 1, &field) || !eg_der_take(&field, GENERAL_STRING, &value) ||
        !is(value, server->realm))
        return false;
    if (!eg_der_take(&seq, CONTEXT + 2, &field) || !eg_der_take(&field, DER_SEQUENCE, &value) ||
        !eg_der_take(&value, CONTEXT, &names) || !eg_der_take(&value, CONTEXT + 1, &field) ||
        !eg_der_take(&field, DER_SEQUENCE, &names))
        return false;
    for (uint32_t i = 0; i < server->n; i++)
        if (!eg_der_take(&names, GENERAL_STRING, &value) || !is(value, server->part[i]))
            return false;
    return !names.n && eg_der_take(&seq, CONTEXT + 3, &field);
}

static bool is_config(const struct eg_krb5_principal *server)
{
    static const char realm[] = "X-CACHECONF:";

    return server->realm.n == sizeof realm - 1 &&
           !memcmp(server->realm.at, realm, sizeof realm - 1);
}

static bool is_key(uint16_t type, size_t n)
{
    size_t len = 0;

    return eg_krb5_type(type, &len) && len == n;
}

bool eg_krb5_cred(const uint8_t *p, size_t len, unsigned version, struct eg_krb5_cred *out)
{
    struct eg_key_bytes from = { p, len }, second;
    uint32_t type, again, skey;

    *out = (struct eg_krb5_cred){ 0 };
    if (!take_principal(&from, &out->client) || !take_principal(&from, &out->server) ||
        !take_u16(&from, &type) || (version == 3 && (!take_u16(&from, &again) || again != type)) ||
        !take_data(&from, 4, 64, &out->key) || !take_u32(&from, &out->authtime) ||
        !take_u32(&from, &out->starttime) || !take_u32(&from, &out->endtime) ||
        !take_u32(&from, &out->renew_till) || !take_u8(&from, &skey) || skey > 1 ||
        !take_u32(&from, &out->flags) || !take_list(&from) || !take_list(&from) ||
        !take_data(&from, 4, BYTES_MAX, &out->ticket) || !take_data(&from, 4, BYTES_MAX, &second))
        return false;
    out->type = (uint16_t)type;
    out->is_skey = skey;
    out->config = is_config(&out->server);
    out->proven =
        !out->config && is_key(out->type, out->key.n) && is_ticket_for(out->ticket, &out->server);
    out->size = len - from.n;
    return true;
}

/* ---- keytabs ---- */

bool eg_krb5_entry(const uint8_t *p, size_t len, struct eg_krb5_entry *out)
{
    struct eg_key_bytes all = { p, len }, from;
    uint32_t size, version, type;

    *out = (struct eg_krb5_entry){ 0 };
    if (!take_u32(&all, &size) || !size)
        return false;
    out->hole = size >> 31;
    if (out->hole)
        size = -size;
    if (size > STRING_MAX * (EG_KRB5_PARTS + 2) || !eg_key_take(&all, size, &from))
        return false;
    out->size = len - all.n;
    if (out->hole)
        return true;
    if (!take_u16(&from, &out->of.n) || !out->of.n || !take_names(&from, 2, &out->of) ||
        !take_u32(&from, &out->of.type) || out->of.type > TYPE_MAX ||
        !take_u32(&from, &out->time) || !take_u8(&from, &version) || !take_u16(&from, &type) ||
        !take_data(&from, 2, 64, &out->key))
        return false;
    out->type = (uint16_t)type;
    out->kvno = version;
    // Behind it a number of 32 bits, which counts where it is not 0; Heimdal adds flags.
    if (from.n >= 4 && (!take_u32(&from, &out->kvno) || !out->kvno))
        out->kvno = version;
    out->proven =
        is_key(out->type, out->key.n) && (out->kvno & 0xff) == version && (!from.n || from.n == 4);
    return true;
}
