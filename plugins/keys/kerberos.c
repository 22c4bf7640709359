/* kerberos.c - session keys and tickets of credential caches, and keys of keytabs: files in the
 * page cache, and what a search of memory finds besides: caches in the kernel's keyrings, files
 * that were removed, messages between programs. */
#include "../../core/base.h"
#include "../../core/space.h"
#include "cachedfile.h"
#include "fingerprint.h"
#include "krb5_open.h"
#include "lanes.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KIND "kerberos"
enum { READ_MAX = 1 << 16, CREDS_MAX = 4096, TIME_LEN = 32, FLAGS_LEN = 33 };
enum { SEARCHED_MAX = 64 }; // keys of a keytab that a search finds: others may begin in it
enum { TEXT_MAX = EG_KRB5_NAME + 1024 };

/* ---- texts ---- */

static const char *when(uint32_t seconds, char out[TIME_LEN])
{
    const time_t t = (time_t)seconds;
    struct tm tm;

    if (!seconds || !gmtime_r(&t, &tm) || !strftime(out, TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return "-";
    return out;
}

/* As klist has them: F forwardable, P proxiable, R renewable, I initial… RFC 4120, 5.3, from bit 1
 * on. */
static void flags_text(uint32_t flags, char out[FLAGS_LEN])
{
    static const char letters[] = "-FfPpDdiRIHATOa";
    size_t n = 0;

    for (unsigned bit = 1; bit < sizeof letters - 1; bit++)
        if (flags >> (31 - bit) & 1)
            out[n++] = letters[bit];
    out[n] = 0;
}

/* ---- keys and tickets that belong together ---- */

enum { PAIRS_MAX = 256 };
struct ticket {
    char client[EG_KRB5_NAME];
    uint8_t key[EG_KRB5_KEY_MAX]; // the session key that stands beside it
    size_t key_len;
    struct eg_key_bytes bytes;
    bool opened; // by a key, and has that session key in it
};
struct server {
    uint16_t type;
    uint8_t key[EG_KRB5_KEY_MAX];
    size_t key_len;
    const struct ticket *opens;
};
/* What the files have. */
struct pairs {
    struct eg_run *r;
    struct ticket *tickets;
    struct server *servers;
    size_t n_tickets, n_servers;
};

static void keep_ticket(struct pairs *w, const struct eg_krb5_cred *c)
{
    struct ticket *t = &w->tickets[w->n_tickets];
    uint8_t *copy;

    if (w->n_tickets == PAIRS_MAX || c->key.n > sizeof t->key || c->ticket.n > EG_KRB5_TICKET_MAX)
        return;
    eg_krb5_name(&c->client, t->client);
    memcpy(t->key, c->key.at, c->key.n);
    t->key_len = c->key.n;
    copy = eg_tmp(w->r, c->ticket.n);
    memcpy(copy, c->ticket.at, c->ticket.n);
    t->bytes = (struct eg_key_bytes){ copy, c->ticket.n };
    w->n_tickets++;
}

static void keep_server(struct pairs *w, const struct eg_krb5_entry *e)
{
    struct server *s = &w->servers[w->n_servers];

    if (w->n_servers == PAIRS_MAX || e->key.n > sizeof s->key)
        return;
    s->type = e->type;
    memcpy(s->key, e->key.at, e->key.n);
    s->key_len = e->key.n;
    w->n_servers++;
}

static void open_tickets(struct pairs *w)
{
    uint8_t key[EG_KRB5_KEY_MAX];
    size_t len;

    for (size_t i = 0; i < w->n_servers && !eg_stopped(w->r); i++)
        for (size_t k = 0; k < w->n_tickets; k++) {
            struct server *s = &w->servers[i];
            struct ticket *t = &w->tickets[k];

            if (!eg_krb5_open(s->type, s->key, s->key_len, t->bytes, key, &len))
                continue;
            s->opens = t;
            t->opened |= len == t->key_len && !memcmp(key, t->key, len);
        }
}

static bool is_opened(const struct pairs *w, struct eg_key_bytes key)
{
    for (size_t i = 0; w && i < w->n_tickets; i++)
        if (w->tickets[i].opened && key.n == w->tickets[i].key_len &&
            !memcmp(key.at, w->tickets[i].key, key.n))
            return true;
    return false;
}

static const char *opened_by(const struct pairs *w, struct eg_key_bytes key)
{
    for (size_t i = 0; w && i < w->n_servers; i++)
        if (w->servers[i].opens && key.n == w->servers[i].key_len &&
            !memcmp(key.at, w->servers[i].key, key.n))
            return w->servers[i].opens->client;
    return NULL;
}

/* ---- keys ---- */

static void add_cred(struct eg_vault *v, const struct pairs *w, const struct eg_krb5_cred *c,
                     const char *place, uint64_t physical)
{
    char client[EG_KRB5_NAME], server[EG_KRB5_NAME], times[3][TIME_LEN], flags[FLAGS_LEN];
    char purpose[TEXT_MAX], hints[TEXT_MAX];
    size_t len;

    eg_krb5_name(&c->client, client);
    eg_krb5_name(&c->server, server);
    flags_text(c->flags, flags);
    snprintf(purpose, sizeof purpose, "session key with %s", server);
    snprintf(hints, sizeof hints, "%.1000s%svalid %s to %s, renewable to %s, flags %s",
             place ? place : "", place ? ": " : "",
             when(c->starttime ? c->starttime : c->authtime, times[0]), when(c->endtime, times[1]),
             when(c->renew_till, times[2]), flags);
    eg_vault_add(v, &(struct eg_vault_key){
                        .kind = KIND,
                        .name = client,
                        .purpose = purpose,
                        .algorithm = eg_krb5_type(c->type, &len),
                        .physical = physical,
                        .secret = c->key.at,
                        .len = c->key.n,
                        .proof = is_opened(w, c->key)
                                     ? "the server's key opens the ticket, which has it"
                                     : "the ticket names the server; length of the key",
                        .hints = hints,
                    });
}

static void add_entry(struct eg_vault *v, const struct pairs *w, const struct eg_krb5_entry *e,
                      const char *place, uint64_t physical)
{
    char name[EG_KRB5_NAME], time[TIME_LEN], purpose[64], hints[TEXT_MAX], proof[TEXT_MAX];
    const char *client = opened_by(w, e->key);
    size_t len;

    eg_krb5_name(&e->of, name);
    snprintf(proof, sizeof proof, "opens a ticket of %s", client ? client : "");
    snprintf(purpose, sizeof purpose, "long-term key, version %u", e->kvno);
    snprintf(hints, sizeof hints, "%.1000s%sof %s", place ? place : "", place ? ": " : "",
             when(e->time, time));
    eg_vault_add(v, &(struct eg_vault_key){
                        .kind = KIND,
                        .name = name,
                        .purpose = purpose,
                        .algorithm = eg_krb5_type(e->type, &len),
                        .physical = physical,
                        .secret = e->key.at,
                        .len = e->key.n,
                        .proof = client ? proof : "the entry is complete; length of the key",
                        .hints = hints,
                    });
}

/* What is done with the keys: they are kept in .pairs first, and then added. */
struct doing {
    struct eg_vault *v; // NULL: they are only counted
    struct pairs *pairs;
    bool adds;
};

/* Each credential of a cache. @return how many are proven. */
static size_t cache(const struct doing *d, const uint8_t *p, size_t len, const char *place)
{
    struct eg_krb5_principal owner;
    struct eg_krb5_cred c;
    unsigned version;
    size_t at = eg_krb5_ccache(p, len, &version, &owner), n = 0;

    for (size_t i = 0; at && i < CREDS_MAX && eg_krb5_cred(p + at, len - at, version, &c); i++) {
        at += c.size;
        if (!c.proven)
            continue;
        n++;
        if (d->adds)
            add_cred(d->v, d->pairs, &c, place, 0);
        else
            keep_ticket(d->pairs, &c);
    }
    return n;
}

/* Each key of a keytab. @size: of what is proven. @return how many there are. */
static size_t keytab(const struct doing *d, const uint8_t *p, size_t len, const char *place,
                     uint64_t physical, size_t *size)
{
    const size_t most = d->v ? CREDS_MAX : SEARCHED_MAX;
    struct eg_krb5_entry e;
    size_t at = EG_KRB5_KEYTAB_HEADER, n = 0;

    *size = 0;
    if (len < at || p[0] != 5 || p[1] != 2)
        return 0;
    for (size_t i = 0; i < most && eg_krb5_entry(p + at, len - at, &e); i++) {
        if (!d->v && !n && !e.proven)
            break; // a search: the first one decides
        at += e.size;
        if (!e.proven)
            continue;
        n++;
        *size = at;
        if (d->adds)
            add_entry(d->v, d->pairs, &e, place,
                      physical ? physical + (uint64_t)(e.key.at - p) : 0);
        else if (d->pairs)
            keep_server(d->pairs, &e);
    }
    return n;
}

/* ---- files ---- */

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

static bool wanted(const char *name)
{
    return !strncmp(name, "krb5cc", 6) || !strncmp(name, "ccache_", 7) ||
           !strncmp(name, "tkt", 3) || strstr(name, "ccache") || ends_with(name, "keytab");
}

/* The path as one name, which ends in @end. */
static const char *file_name(struct eg_run *r, const char *path, const char *end)
{
    char *name = eg_strf(r, "kerberos/%s%s", path[0] == '/' ? path + 1 : path,
                         ends_with(path, end) ? "" : end);

    for (char *p = strchr(name, '/') + 1; *p; p++)
        if (*p == '/')
            *p = '_';
    return name;
}

static void use(struct eg_vault *v, const struct eg_cached_file *f, void *context)
{
    const struct doing *d = context;
    struct eg_run *r = v->r;
    size_t size;

    if (keytab(d, f->bytes, f->len, f->path, 0, &size)) {
        if (d->adds)
            eg_vault_file(v, file_name(r, f->path, ".keytab"), f->bytes, f->whole ? f->len : size,
                          "keytab: klist -k -K FILE, kinit -k -t FILE");
    } else if (cache(d, f->bytes, f->len, f->path) && d->adds) {
        eg_vault_file(v, file_name(r, f->path, ".ccache"), f->bytes, f->len,
                      "credential cache: KRB5CCNAME=FILE:…, klist -c FILE");
    }
}

static void find(struct eg_vault *v)
{
    struct pairs pairs = { .r = v->r };
    struct doing d = { v, &pairs, false };

    pairs.tickets = eg_tmp(v->r, PAIRS_MAX * sizeof *pairs.tickets);
    pairs.servers = eg_tmp(v->r, PAIRS_MAX * sizeof *pairs.servers);
    eg_cached_files(v, wanted, use, &d);
    open_tickets(&pairs);
    d.adds = true;
    eg_cached_files(v, wanted, use, &d);
}

/* ---- memory ---- */

enum { CRED, KEYTAB };
struct looking {
    const struct eg_window *w;
    struct eg_hits *out;
    uint32_t id;
};

static void try(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes + at;
    const size_t n = l->w->len - at;
    const struct doing count = { 0 };
    struct eg_krb5_cred c;
    size_t size;

    if (p[0] == 5) {
        if (p[1] == 2 && keytab(&count, p, n, NULL, 0, &size))
            eg_hit_add(l->out, l->w->addr + at, (uint32_t)size, l->id | KEYTAB);
    } else if (eg_krb5_may_begin(p) && eg_krb5_cred(p, n, 4, &c) && c.proven) {
        eg_hit_add(l->out, l->w->addr + at, (uint32_t)c.size, l->id | CRED);
    }
}

/* Most of memory that is not zero ends here: where a credential or a keytab begins, the second to
 * fourth bytes say little, the fifth to seventh are zero, and behind them is a small number. */
LANES_WIDE static void may_begin(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++) {
        const uint8_t a = p[i], b = p[i + 1], c = p[i + 2], d = p[i + 3];

        m[i] = (((a | b | c | p[i + 6] | p[i + 10]) == 0) & (d <= 11) & (p[i + 7] != 0) &
                (p[i + 7] <= EG_KRB5_PARTS) & (p[i + 11] != 0)) |
               ((a == 5) & (b == 2) & ((c | d) == 0));
    }
}

static void search_kerberos(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    enum { FIRST = 12 };
    const struct looking l = { w, out, id };
    const size_t end = w->len < FIRST ? 0 : EG_MIN(w->to, w->len - FIRST + 1);
    size_t at = w->from, i;
    uint8_t m[LANES];

    for (; at + LANES <= end; at += LANES) {
        may_begin(w->bytes + at, m);
        lanes_each(i, m) try(&l, at + i);
    }
    for (; at < end; at++)
        try(&l, at);
}

/* A cache with one credential: its owner is the client, which a credential begins with. */
static void export_cred(struct eg_vault *v, const uint8_t *p, const struct eg_krb5_cred *c)
{
    static const uint8_t header[] = { 5, 4, 0, 0 };
    const struct eg_key_bytes *last = &c->client.part[c->client.n - 1];
    struct eg_run *r = v->r;
    char client[EG_KRB5_NAME];
    const char *path;

    if (!v->exports)
        return;
    eg_krb5_name(&c->client, client);
    path = file_name(r, eg_strf(r, "%s-%s", client, eg_key_fingerprint(r, c->key.at, c->key.n)),
                     ".ccache");
    eg_vault_file(v, path, header, sizeof header,
                  "credential cache: KRB5CCNAME=FILE:…, klist -c FILE");
    eg_vault_file(v, path, p, (size_t)(last->at + last->n - p), NULL);
    eg_vault_file(v, path, p, c->size, NULL);
}

static void hit_keytab(struct eg_vault *v, const uint8_t *p, size_t len, uint64_t physical,
                       const char *owner)
{
    const struct doing d = { .v = v, .adds = true };
    struct eg_krb5_entry e;
    char name[EG_KRB5_NAME];
    struct eg_run *r = v->r;
    size_t at = EG_KRB5_KEYTAB_HEADER, size;
    bool is_new = false;

    while (at < len && eg_krb5_entry(p + at, len - at, &e)) {
        is_new |= e.proven && !eg_vault_knows(v, e.key.at, e.key.n);
        if (e.proven)
            eg_krb5_name(&e.of, name);
        at += e.size;
    }
    if (is_new && keytab(&d, p, len, owner, physical, &size) && v->exports)
        eg_vault_file(
            v, file_name(r, eg_strf(r, "%s-%s", name, eg_key_fingerprint(r, p, size)), ".keytab"),
            p, size, "keytab: klist -k -K FILE, kinit -k -t FILE");
}

static void hit(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    struct eg_krb5_cred c;
    uint64_t at = 0;
    uint8_t p[READ_MAX];

    if (h->len > sizeof p || !eg_read(eg_view_of(v->r), region->space, h->addr, p, h->len))
        return;
    eg_translate(eg_view_of(v->r), region->space, h->addr, eg_physical(v->r), &at);
    if (tag == KEYTAB) {
        hit_keytab(v, p, h->len, at, eg_vault_owner(v, region, h));
        return;
    }
    if (!eg_krb5_cred(p, h->len, 4, &c) || !c.proven || eg_vault_knows(v, c.key.at, c.key.n))
        return;
    add_cred(v, NULL, &c, eg_vault_owner(v, region, h), at + (uint64_t)(c.key.at - p));
    export_cred(v, p, &c);
}

EG_KEY_SOURCE(kerberos) = { .find = find, .search = search_kerberos, .hit = hit };
