/* credtext.c - see credtext.h. Most are lines of a key and a value, with sections or other keys
 * before them that say whose it is; the others have a form of their own. */
#include "credtext.h"
#include "../../core/base.h"
#include "base64.h"
#include "tokentext.h"
#include <string.h>

struct span {
    const char *at;
    size_t n;
};

struct reader {
    const struct eg_cred_format *format;
    struct eg_cred cred;
    void (*use)(void *context, const struct eg_cred *c);
    void *context;
};
typedef void line_fn(struct reader *r, struct span line);

struct eg_cred_format {
    const char *name; // of the file; "*.x": its end
    const char *program;
    line_fn *line;
    const char *const *keys;  // of values that are secrets
    const char *const *owner; // of values that say whose the next one is
    bool parts;               // sections are parts of one account's settings
};

/* ---- pieces ---- */

static bool is(struct span s, const char *word)
{
    return s.n == strlen(word) && !memcmp(s.at, word, s.n);
}

static bool begins(struct span s, const char *word)
{
    return s.n >= strlen(word) && !memcmp(s.at, word, strlen(word));
}

static struct span trim(struct span s)
{
    while (s.n && (*s.at == ' ' || *s.at == '\t'))
        s.at++, s.n--;
    while (s.n && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t' || s.at[s.n - 1] == '\r'))
        s.n--;
    return s;
}

static struct span unquote(struct span s)
{
    if (s.n >= 2 && (*s.at == '"' || *s.at == '\'') && s.at[s.n - 1] == *s.at)
        return (struct span){ s.at + 1, s.n - 2 };
    return s;
}

/* What is before the first @c; @s becomes what is behind it. */
static bool cut(struct span *s, char c, struct span *before)
{
    const char *at = memchr(s->at, c, s->n);

    if (!at)
        return false;
    *before = (struct span){ s->at, (size_t)(at - s->at) };
    s->n -= before->n + 1;
    s->at = at + 1;
    return true;
}

static struct span word(struct span *s)
{
    struct span w;

    *s = trim(*s);
    w = *s;
    for (w.n = 0; w.n < s->n && s->at[w.n] > ' ';)
        w.n++;
    s->at += w.n;
    s->n -= w.n;
    return w;
}

static void copy(char out[EG_CRED_MAX], struct span s)
{
    const size_t n = EG_MIN(s.n, (size_t)EG_CRED_MAX - 1);

    memcpy(out, s.at, n);
    out[n] = 0;
}

static const char *one_of(struct span s, const char *const *words)
{
    for (; words && *words; words++)
        if (is(s, *words))
            return *words;
    return NULL;
}

/* A secret is a text on one line; "${TOKEN}" stands for one that is elsewhere. */
static void found(struct reader *r, struct span secret, const char *key)
{
    if (secret.n < 3 || secret.n >= EG_CRED_MAX || *secret.at == '$' || *secret.at == '<')
        return;
    for (size_t i = 0; i < secret.n; i++)
        if ((uint8_t)secret.at[i] < ' ')
            return;
    copy(r->cred.secret, secret);
    r->cred.word = key;
    r->cred.password = !strstr(key, "oken") && !strstr(key, "secret") && !strstr(key, "psk");
    r->use(r->context, &r->cred);
}

/* ---- forms ---- */

/* "key = value", "key: value", and "[section]". */
static void setting(struct reader *r, struct span line)
{
    const struct eg_cred_format *f = r->format;
    struct span key, value = line;
    const char *name;

    line = trim(line);
    if (line.n && *line.at == '[' && line.at[line.n - 1] == ']') {
        if (!f->parts)
            copy(r->cred.name, (struct span){ line.at + 1, line.n - 2 });
        return;
    }
    if (!cut(&value, '=', &key) && (value = line, !cut(&value, ':', &key)))
        return;
    key = trim(key);
    if (begins(key, "- ")) // an element of a list
        key = trim((struct span){ key.at + 1, key.n - 1 });
    value = unquote(trim(value));
    if (one_of(key, f->owner))
        copy(r->cred.name, value);
    name = one_of(key, f->keys);
    if (name)
        found(r, value, name);
}

/* .npmrc: "//HOST/:_authToken=…". */
static void registry(struct reader *r, struct span line)
{
    struct span key;
    const char *colon, *name;

    line = trim(line);
    if (!cut(&line, '=', &key))
        return;
    colon = memrchr(key.at, ':', key.n);
    copy(r->cred.name, (struct span){ key.at, colon ? (size_t)(colon - key.at) : 0 });
    if (colon)
        key = (struct span){ colon + 1, key.n - (size_t)(colon + 1 - key.at) };
    name = one_of(trim(key), r->format->keys);
    if (name)
        found(r, unquote(trim(line)), name);
}

/* A token may stand where a user's name does: then it is the secret, and no name. */
static bool is_token(struct span s)
{
    struct eg_token token;

    return eg_token_read((const uint8_t *)s.at, s.n, &token) && token.len == s.n;
}

/* "user@machine". */
static void at_machine(struct reader *r, struct span user, struct span machine)
{
    char name[EG_CRED_MAX + 1];
    size_t n = EG_MIN(user.n, (size_t)EG_CRED_MAX / 2);

    if (is_token(user)) {
        n = EG_MIN(machine.n, (size_t)EG_CRED_MAX);
        memcpy(name, machine.at, n); // it may be in r->cred.name
        copy(r->cred.name, (struct span){ name, n });
        found(r, user, "token");
        return;
    }
    memcpy(name, user.at, n);
    name[n++] = '@';
    machine.n = EG_MIN(machine.n, EG_CRED_MAX - n);
    memcpy(name + n, machine.at, machine.n);
    copy(r->cred.name, (struct span){ name, n + machine.n });
}

/* .netrc: "machine M login L password P", on one line or several. */
static void machine(struct reader *r, struct span line)
{
    struct span key, value;

    while ((key = word(&line)).n) {
        if (is(key, "default")) {
            copy(r->cred.name, key);
            continue;
        }
        value = word(&line);
        if (is(key, "machine"))
            copy(r->cred.name, value);
        else if (is(key, "login"))
            at_machine(r, value, (struct span){ r->cred.name, strlen(r->cred.name) });
        else if (is(key, "password"))
            found(r, value, "password");
    }
}

/* .pgpass: host:port:database:user:password. */
static void five_fields(struct reader *r, struct span line)
{
    struct span field[4], rest = line;

    if (!line.n || *line.at == '#')
        return;
    for (size_t i = 0; i < countof(field); i++)
        if (!cut(&rest, ':', &field[i]))
            return;
    copy(r->cred.name, (struct span){ line.at, (size_t)(rest.at - line.at) - 1 });
    found(r, trim(rest), "password");
}

/* .git-credentials: "https://user:password@host". */
static void address(struct reader *r, struct span line)
{
    struct span scheme, user, password, rest = trim(line);
    bool both;

    if (!cut(&rest, ':', &scheme) || !begins(rest, "//"))
        return;
    rest.at += 2, rest.n -= 2;
    if (!cut(&rest, '@', &password))
        return;
    both = cut(&password, ':', &user);
    if (!both)
        user = password;
    if (user.n && (both || is_token(user)))
        at_machine(r, user, rest);
    if (user.n && both && !is(password, "x-oauth-basic")) // what stands behind a token
        found(r, password, "password");
}

/* Docker's config.json: "auth": "…", base64 of user:password. */
static void docker(struct reader *r, struct span line)
{
    uint8_t bytes[EG_CRED_MAX];
    struct span key, value = trim(line), user;
    size_t n;

    if (value.n && value.at[value.n - 1] == ',')
        value.n--;
    if (!cut(&value, ':', &key))
        return;
    key = unquote(trim(key));
    value = trim(value);
    if (is(value, "{")) {
        copy(r->cred.name, key);
        return;
    }
    value = unquote(value);
    while (value.n && value.at[value.n - 1] == '=')
        value.n--;
    if (!is(key, "auth") || value.n >= EG_CRED_MAX)
        return;
    n = eg_base64_decode((const uint8_t *)value.at, value.n, bytes);
    value = (struct span){ (const char *)bytes, n };
    if (cut(&value, ':', &user))
        found(r, value, "auth");
}

/* ---- files ---- */

static const char *const kube_keys[] = { "token", "password", NULL };
static const char *const kube_owner[] = { "name", NULL };
static const char *const ini_keys[] = { "password", NULL };
static const char *const ini_owner[] = { "user", "username", NULL };
static const char *const aws_keys[] = { "aws_secret_access_key", "aws_session_token", NULL };
static const char *const aws_owner[] = { "aws_access_key_id", NULL };
static const char *const npm_keys[] = { "_authToken", "_auth", "_password", NULL };
static const char *const wifi_keys[] = { "psk", "password", "wep-key0", NULL };
static const char *const wifi_owner[] = { "ssid", "id", "identity", NULL };

static const struct eg_cred_format formats[] = {
    { "/.kube/config", "kubectl", setting, kube_keys, kube_owner },
    { "*.kubeconfig", "kubectl", setting, kube_keys, kube_owner },
    { "/etc/kubernetes/admin.conf", "kubectl", setting, kube_keys, kube_owner },
    { "/.netrc", ".netrc", machine, NULL, NULL },
    { "/.pgpass", "psql", five_fields, NULL, NULL },
    { "/.git-credentials", "git", address, NULL, NULL },
    { "/.my.cnf", "mysql", setting, ini_keys, ini_owner },
    { "/etc/mysql/debian.cnf", "mysql", setting, ini_keys, ini_owner },
    { "/.aws/credentials", "aws", setting, aws_keys, aws_owner },
    { "/.docker/config.json", "docker", docker, NULL, NULL },
    { "/.npmrc", "npm", registry, npm_keys, NULL },
    { "/.pypirc", "twine", setting, ini_keys, ini_owner },
    { "*.nmconnection", "NetworkManager", setting, wifi_keys, wifi_owner, true },
    { "/wpa_supplicant.conf", "wpa_supplicant", setting, wifi_keys, wifi_owner, true },
};

static bool ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

bool eg_cred_may(const char *name)
{
    for (size_t i = 0; i < countof(formats); i++) {
        const char *slash = strrchr(formats[i].name, '/');

        if (slash ? !strcmp(slash + 1, name) : ends_with(name, formats[i].name + 1))
            return true;
    }
    return false;
}

const struct eg_cred_format *eg_cred_format(const char *path)
{
    for (size_t i = 0; i < countof(formats); i++)
        if (ends_with(path, formats[i].name + (formats[i].name[0] == '*')))
            return &formats[i];
    return NULL;
}

const char *eg_cred_program(const struct eg_cred_format *f)
{
    return f->program;
}

void eg_cred_each(const struct eg_cred_format *f, const char *text, size_t n,
                  void (*use)(void *context, const struct eg_cred *c), void *context)
{
    struct reader r = { .format = f, .use = use, .context = context };

    while (n) {
        const char *nl = memchr(text, '\n', n);
        const size_t len = nl ? (size_t)(nl - text) : n;

        f->line(&r, (struct span){ text, len });
        text += len + (nl != NULL);
        n -= len + (nl != NULL);
    }
}
