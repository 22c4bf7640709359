/* tokens.c - what lets its bearer in: tokens of services, private keys as texts, and passwords,
 * from the environments of processes and from all memory. */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../../core/space.h"
#include "../linux/mm/args.h"
#include "../linux/sched/task.h"
#include "base64.h"
#include "crypto.h"
#include "fingerprint.h"
#include "hashes.h"
#include "jwk.h"
#include "lanes.h"
#include "privkey.h"
#include "tokentext.h"
#include "wallet.h"
#include <string.h>

#define KIND "token"
enum { VALUE_MAX = 4096, VARIABLES_MAX = 1 << 16 };

/* ---- environments ---- */

static bool ends_with(const char *s, size_t n, const char *end)
{
    const size_t m = strlen(end);

    return n >= m && !memcmp(s + n - m, end, m);
}

static bool ends_with_one(const char *s, size_t n, const char *const *ends)
{
    for (; *ends; ends++)
        if (ends_with(s, n, *ends))
            return true;
    return false;
}

/* By the name of a variable; NULL: it is no secret. */
static const char *kind_of(const char *name, size_t n)
{
    static const char *const passwords[] = { "PASSWORD", "PASSWD",     "_PASS",
                                             "_PWD",     "PASSPHRASE", NULL };
    static const char *const tokens[] = { "_TOKEN",       "_SECRET",         "_SECRET_KEY",
                                          "_API_KEY",     "_APIKEY",         "SECRET_ACCESS_KEY",
                                          "_PRIVATE_KEY", "SECRET_KEY_BASE", NULL };

    return ends_with_one(name, n, passwords) ? "password"
           : ends_with_one(name, n, tokens)  ? KIND
                                             : NULL;
}

/* A path, a number, a switch and "xxxx" are no secrets. */
static bool is_secret(const char *value, size_t n)
{
    static const char *const words[] = { "true", "false", "none", "null", "disabled", "enabled" };
    bool digits = true, same = true;

    if (n < 4 || n > VALUE_MAX || *value == '/' || *value == '$')
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)value[i] < ' ')
            return false;
        digits &= value[i] >= '0' && value[i] <= '9';
        same &= value[i] == *value;
    }
    for (size_t i = 0; i < countof(words); i++)
        if (n == strlen(words[i]) && !memcmp(value, words[i], n))
            return false;
    return !same && (!digits || n >= 6);
}

/* What one process has, those that it starts have too: the first one is told. */
struct environments {
    struct eg_trials trials;
    struct eg_map *seen;
    struct linux_buffer buf;
};

static bool is_new(struct eg_run *r, struct eg_map *seen, const struct linux_variable *var)
{
    const uint64_t key =
        eg_map_key(eg_map_hash(var->key, var->key_len), eg_map_hash(var->value, var->value_len));
    uint64_t before;

    if (eg_map_get(seen, key, &before))
        return false;
    eg_run_map_add(r, seen, key, 1);
    return true;
}

static void add_variable(struct eg_vault *v, struct environments *e, const struct eg_key_process *p,
                         const struct linux_variable *var, const char *aws_id)
{
    struct eg_run *r = v->r;
    const char *kind = kind_of(var->key, var->key_len), *value;
    const struct eg_account *a = NULL;
    struct eg_token token;
    struct eg_vault_key key = { .kind = kind, .process = p };

    if (!kind || !var->value || !is_secret(var->value, var->value_len) ||
        !is_new(v->r, e->seen, var))
        return;
    value = eg_strf(r, "%.*s", (int)var->value_len, var->value);
    key.secret = value;
    key.len = var->value_len;
    key.purpose = eg_strf(r, "%.*s", (int)var->key_len, var->key);
    if (kind[0] == 'p' && (a = eg_account_with(v, &e->trials, value))) {
        key.name = a->name;
        key.proof = eg_strf(r, "hash in %s", a->path);
    } else if (eg_token_read((const uint8_t *)value, key.len, &token) && token.len == key.len) {
        key.algorithm = *token.algorithm ? token.algorithm : NULL;
        key.name = *token.name ? token.name : NULL;
        key.proof = token.proof;
        key.hints = *token.claims ? token.claims : token.purpose;
    } else if (ends_with(var->key, var->key_len, "AWS_SECRET_ACCESS_KEY")) {
        key.name = aws_id;
    }
    if (eg_vault_add(v, &key) && v->exports)
        eg_vault_text(v, "tokens/environment.txt", eg_strf(r, "%s\t%s\n", key.purpose, value),
                      "secrets of environments: name of the variable, tab, value");
}

static void look_at_environment(struct eg_vault *v, struct environments *e,
                                const struct eg_key_process *p)
{
    static const char id[] = "AWS_ACCESS_KEY_ID";
    struct linux_variable var;
    const char *aws_id = NULL;
    size_t n = 0;

    linux_each_variable(v->r, p->task, &e->buf, var)
    {
        if (n++ == VARIABLES_MAX)
            break;
        if (var.value && var.key_len == sizeof id - 1 && !memcmp(var.key, id, var.key_len) &&
            eg_aws_id((const uint8_t *)var.value, var.value_len))
            aws_id = eg_strf(v->r, "%.*s", EG_AWS_ID, var.value);
    }
    n = 0;
    linux_each_variable(v->r, p->task, &e->buf, var)
    {
        if (n++ == VARIABLES_MAX)
            break;
        add_variable(v, e, p, &var, aws_id);
    }
}

static void find(struct eg_vault *v)
{
    struct environments e = { .seen = eg_run_map(v->r) };
    struct eg_obj task;

    linux_each_process(v->r, task) {
        struct eg_key_process p = { .task = task };

        if (!linux_pid_asked(v->r, task))
            continue;
        p.pid = eg_get_or((int64_t)-1, task, task_struct.tgid);
        p.comm = eg_string(v->r, eg_at(task, task_struct.comm), 16);
        look_at_environment(v, &e, &p);
    }
}

/* ---- memory ---- */

enum what { TOKEN, AWS, AGE, BASE58, MNEMONIC, JWK, PEM64 };
struct looking {
    const struct eg_window *w;
    struct eg_hits *out;
    uint32_t id;
};

static void add_hit(const struct looking *l, size_t at, size_t len, enum what what)
{
    if (len)
        eg_hit_add(l->out, l->w->addr + at, (uint32_t)len, l->id | what);
}

static bool is_alnum(uint8_t c)
{
    return eg_is_word(c) && c != '-' && c != '_';
}

static void try_key_set(const struct looking *l, size_t at)
{
    const size_t from = at > EG_JWK_MAX ? at - EG_JWK_MAX : 0;
    const size_t n = EG_MIN(l->w->len - from, (size_t)2 * EG_JWK_MAX);
    size_t begin, len = eg_jwk_form(l->w->bytes + from, n, at - from, &begin);

    if (len)
        add_hit(l, from + begin, len, JWK);
}

static void try_at(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes + at;
    const size_t n = l->w->len - at;
    const uint8_t before = at ? p[-1] : 0;
    struct eg_token token;
    size_t len;

    if (*p == '"') {
        try_key_set(l, at);
    } else if (is_alnum(before)) {
        return; // a part of something longer
    } else if (*p == 'A' && eg_aws_id(p, n)) {
        add_hit(l, at, EG_AWS_ID, AWS);
    } else if (*p == 'A' && (len = eg_age_form(p, n))) {
        add_hit(l, at, len, AGE);
    } else if ((len = eg_wif_form(p, n)) || (len = eg_xprv_form(p, n))) {
        add_hit(l, at, len, BASE58);
    } else if (*p == 'L') {
        add_hit(l, at, eg_pem64_form(p, n), PEM64);
    } else if (before != '_' && before != '-' && eg_token_read(p, n, &token)) {
        add_hit(l, at, token.len, TOKEN);
    }
}

static bool is_text(uint8_t c)
{
    return c == ' ' || (c >= 'a' && c <= 'z');
}

enum { REACH = 512 };

/* Text of small letters and blanks around a whole piece of 16 bytes: a mnemonic has two or more. */
static void try_words(const struct looking *l, size_t at)
{
    const uint8_t *p = l->w->bytes;
    size_t from = at, to = at, begin, len;

    while (from && at - from < REACH && is_text(p[from - 1]))
        from--;
    while (to < l->w->len && to - at < REACH && is_text(p[to]))
        to++;
    while (from < to && (len = eg_bip39_form(p + from, to - from, &begin))) {
        add_hit(l, from + begin, len, MNEMONIC);
        from += begin + len;
    }
}

/* What each of them begins with, without those that others tell from text anyway. */
LANES_WIDE static void may_begin(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++) {
        const uint8_t a = p[i], b = p[i + 1], c = p[i + 2], d = p[i + 3];

        m[i] = ((a == 'g') & (((b == 'h') & (d == '_')) | ((b == 'i') & (c == 't') & (d == 'h')) |
                              ((b == 'l') & (c == 'p') & (d == 'a')))) |
               ((a == 'n') & (b == 'p') & (c == 'm') & (d == '_')) |
               ((a == 'x') & (((b == 'o') & (c == 'x')) | ((b == 'p') & (c == 'r')))) |
               ((b == 'p') & (c == 'r') & (d == 'v')) |
               ((a == 'A') & (((b == 'I') & (c == 'z')) | ((b == 'G') & (c == 'E') & (d == '-')) |
                              ((c == 'I') & (d == 'A')))) |
               ((a == 'y') & (b == 'a') & (c == '2') & (d == '9')) |
               ((b == 'k') & (c == '_') & (d == 'l')) |
               ((a == 'h') & (b == 'v') & (c == 's') & (d == '.')) |
               ((a == 'd') & (b == 'o') & (c == 'p') & (d == '_')) |
               ((a == 'e') & (b == 'y') & (c == 'J')) |
               ((a == '"') & (b == 'k') & (c == 't') & (d == 'y')) |
               ((a == 'L') & (((b == 'S') & (c == '0') & (d == 't')) | ((uint8_t)(b - '1') < 5))) |
               ((a == '5') & ((uint8_t)(b - 'H') < 4)) | ((a == 'K') & ((uint8_t)(b - 'w') < 4));
    }
}

/* Which bytes cannot be of a mnemonic? */
enum { PIECE = 16 };
LANES_WIDE static void not_words(const uint8_t *restrict p, uint8_t *restrict m)
{
    for (size_t i = 0; i < LANES; i++)
        m[i] = ((uint8_t)(p[i] - 'a') >= 26) & (p[i] != ' ');
}

static bool is_words(const uint8_t *m)
{
    uint64_t any[PIECE / 8];

    memcpy(any, m, sizeof any);
    return !(any[0] | any[1]);
}

/* Is there a piece of text, of eight bytes? All of them have that. */
enum { TEXT_LEN = 8 };
LANES_WIDE static bool has_text(const uint8_t *restrict p)
{
    uint8_t text[LANES + TEXT_LEN], any = 0;

    for (size_t i = 0; i < LANES + TEXT_LEN; i++)
        text[i] = ((uint8_t)(p[i] - ' ') < 95) | ((uint8_t)(p[i] - '\t') < 5);
    for (size_t i = 0; i < LANES + TEXT_LEN - 1; i++)
        text[i] &= text[i + 1];
    for (size_t i = 0; i < LANES + TEXT_LEN - 3; i++)
        text[i] &= text[i + 2];
    for (size_t i = 0; i < LANES; i++)
        any |= text[i] & text[i + 4];
    return any != 0;
}

static void search_tokens(const struct eg_window *w, struct eg_hits *out, uint32_t id)
{
    const struct looking l = { w, out, id };
    const size_t end = EG_MIN(w->to, w->len);
    bool before = false;
    size_t at = w->from, tried = 0, i;
    uint8_t m[LANES];

    for (; at < end && at + LANES + TEXT_LEN <= w->len; at += LANES) {
        if (!has_text(w->bytes + at)) {
            before = false;
            continue;
        }
        may_begin(w->bytes + at, m);
        lanes_each(i, m)
        {
            try_at(&l, at + i);
        }
        not_words(w->bytes + at, m);
        for (i = 0; i < LANES; i += PIECE) {
            const bool words = is_words(m + i);

            if (words && (!before || at + i - tried >= REACH / 2)) {
                try_words(&l, at + i);
                tried = at + i;
            }
            before = words;
        }
    }
    for (; at < end; at++)
        try_at(&l, at);
}

/* ---- hits ---- */

struct found {
    struct eg_vault *v;
    const struct eg_region *region;
    const struct eg_hit *hit;
    const uint8_t *p;
    size_t n;
};

static bool add(const struct found *f, struct eg_vault_key key)
{
    struct eg_vault *v = f->v;

    if (!key.secret) {
        key.secret = f->p;
        key.len = f->n;
    }
    if (eg_vault_knows(v, key.secret, key.len))
        return false;
    if (!key.physical)
        eg_translate(eg_view_of(v->r), f->region->space, f->hit->addr, eg_physical(v->r),
                     &key.physical);
    if (!key.hints)
        key.hints = eg_vault_owner(v, f->region, f->hit);
    return eg_vault_add(v, &key);
}

static void add_text(const struct found *f, struct eg_vault_key key)
{
    if (add(f, key) && f->v->exports)
        eg_vault_text(f->v, "tokens/memory.txt",
                      eg_strf(f->v->r, "%s\t%.*s\n", key.purpose, (int)f->n, (const char *)f->p),
                      "tokens: what it is, tab, the token");
}

static void add_token(const struct found *f)
{
    struct eg_token t;

    if (eg_token_read(f->p, f->n, &t) && t.len == f->n)
        add_text(f, (struct eg_vault_key){ .kind = KIND,
                                           .name = *t.name ? t.name : NULL,
                                           .purpose = t.purpose,
                                           .algorithm = *t.algorithm ? t.algorithm : NULL,
                                           .proof = t.proof,
                                           .hints = *t.claims ? t.claims : NULL });
}

/* The secret of an access key stands near its id, behind it as a rule. */
static void add_aws(const struct found *f)
{
    enum { NEAR = 256 };
    uint8_t near[NEAR + EG_AWS_ID];
    const uint64_t from = f->hit->addr + EG_AWS_ID;
    size_t n = 0;
    const uint8_t *secret;
    char id[EG_AWS_ID + 1];

    while (n < NEAR && from + n <= f->region->last &&
           eg_read(eg_view_of(f->v->r), f->region->space, from + n, near + n, 1))
        n++;
    secret = eg_aws_secret(near, n);
    if (!secret)
        return;
    memcpy(id, f->p, EG_AWS_ID);
    id[EG_AWS_ID] = 0;
    add(f, (struct eg_vault_key){ .kind = KIND,
                                  .name = id,
                                  .purpose = "AWS secret access key",
                                  .secret = secret,
                                  .len = EG_AWS_SECRET });
}

static void add_jwk(const struct found *f)
{
    struct eg_run *r = f->v->r;
    struct eg_jwk k;

    if (!eg_vault_may(f->v, EG_WORK_TOKENS))
        return;
    eg_vault_worked(f->v, EG_WORK_TOKENS, 5000); // that of the slowest curve
    if (!eg_jwk_read(f->p, f->n, &k) ||
        !add(f, (struct eg_vault_key){ .kind = KIND,
                                       .name = *k.name ? k.name : NULL,
                                       .purpose = "JSON Web Key",
                                       .algorithm =
                                           *k.curve ? eg_strf(r, "%s %s", k.type, k.curve) : k.type,
                                       .proof = k.proof }))
        return;
    eg_vault_file(f->v, eg_strf(r, "tokens/%s.jwk", eg_key_fingerprint(r, f->p, f->n)), f->p, f->n,
                  "private key: JSON Web Key, RFC 7517");
}

static void add_pem(const struct found *f)
{
    struct eg_run *r = f->v->r;
    struct eg_privkey key;
    uint8_t pem[KEY_MAX];
    size_t len;
    bool good;

    if (!eg_crypto_works() || f->n > (size_t)KEY_MAX * 4 / 3 || !eg_vault_may(f->v, EG_WORK_TOKENS))
        return;
    len = eg_base64_decode(f->p, f->n, pem);
    len = eg_key_size(KEY_PEM, pem, len);
    if (!len)
        return;
    good = eg_privkey_read(KEY_PEM, pem, len, &key);
    eg_vault_worked(f->v, EG_WORK_TOKENS, key.work);
    if (!good || !key.der_len ||
        !add(f, (struct eg_vault_key){ .kind = "private key",
                                       .purpose = *key.public ? key.public : NULL,
                                       .algorithm = key.algorithm,
                                       .secret = key.der,
                                       .len = key.der_len,
                                       .proof = key.proof,
                                       .hints = "PEM in base64, as kubeconfig files have it" }))
        return;
    eg_vault_text(f->v, eg_strf(r, "private/%s.pem", eg_key_fingerprint(r, key.der, key.der_len)),
                  key.pem, "private key, PKCS#8: openssl pkey -in FILE");
}

static void hit(struct eg_vault *v, const struct eg_region *region, const struct eg_hit *h,
                uint32_t tag)
{
    enum { HIT_MAX = KEY_MAX * 2 };
    uint8_t bytes[HIT_MAX];
    const struct found f = { v, region, h, bytes, h->len };
    const char *what;

    if (h->len > sizeof bytes || !eg_read(eg_view_of(v->r), region->space, h->addr, bytes, h->len))
        return;
    switch ((enum what)tag) {
    case TOKEN:
        add_token(&f);
        break;
    case AWS:
        add_aws(&f);
        break;
    case AGE:
        add_text(&f, (struct eg_vault_key){
                         .kind = KIND, .purpose = "age identity", .proof = "checksum" });
        break;
    case BASE58:
        if (eg_base58_key(f.p, f.n, &what))
            add_text(&f,
                     (struct eg_vault_key){ .kind = KIND, .purpose = what, .proof = "checksum" });
        break;
    case MNEMONIC:
        if (eg_bip39_check(f.p, f.n))
            add_text(&f, (struct eg_vault_key){
                             .kind = KIND, .purpose = "mnemonic (BIP 39)", .proof = "checksum" });
        break;
    case JWK:
        add_jwk(&f);
        break;
    case PEM64:
        add_pem(&f);
        break;
    }
}

EG_KEY_SOURCE(tokens) = { .find = find, .search = search_tokens, .hit = hit };
