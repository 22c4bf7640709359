/* luks_json.c - the JSON of LUKS2, of which only the digests matter: {"digests":{"0":{"type":…,
 * "hash":…,"iterations":…,"salt":…,"digest":…}}}. */
#include "config.h"
#include "luks.h"

#ifdef HAVE_YAJL
#include <yajl/yajl_parse.h>

enum { DEPTH_MAX = 64, MEMBER_MAX = 16 };

struct reading {
    struct eg_luks *out;
    unsigned depth;         // of braces and brackets
    bool is_map[DEPTH_MAX]; // by depth
    bool in_digests;
    char name[MEMBER_MAX]; // of the member that is read
    struct eg_luks_digest now;
    bool is_pbkdf2, is_bad;
};

/* A member's value: where it stands decides whether it is one of ours. */
static bool is_member(const struct reading *j, const char *name)
{
    return j->in_digests && j->depth == 3 && j->is_map[2] && !strcmp(j->name, name);
}

static int begin(struct reading *j, bool map)
{
    if (j->depth == DEPTH_MAX)
        return 0;
    j->is_map[j->depth++] = map;
    if (j->depth == 2)
        j->in_digests = map && j->is_map[0] && !strcmp(j->name, "digests");
    if (j->in_digests && j->depth == 3) {
        memset(&j->now, 0, sizeof j->now);
        j->is_pbkdf2 = j->is_bad = false;
    }
    return 1;
}

static int end(struct reading *j)
{
    const struct eg_luks_digest *d = &j->now;

    if (j->in_digests && j->depth == 3 && j->is_pbkdf2 && !j->is_bad && d->hash[0] &&
        d->iterations && d->salt_len && d->digest_len && j->out->n < LUKS_DIGESTS_MAX)
        j->out->digest[j->out->n++] = *d;
    if (!j->depth)
        return 0;
    j->depth--;
    if (j->depth < 2)
        j->in_digests = false;
    return 1;
}

static int begin_map(void *c)
{
    return begin(c, true);
}

static int begin_list(void *c)
{
    return begin(c, false);
}

static int end_any(void *c)
{
    return end(c);
}

static int key(void *c, const unsigned char *text, size_t len)
{
    struct reading *j = c;

    memset(j->name, 0, sizeof j->name);
    if (len < sizeof j->name)
        memcpy(j->name, text, len);
    return 1;
}

static int number(void *c, const char *text, size_t len)
{
    struct reading *j = c;
    uint64_t n = 0;

    if (!is_member(j, "iterations"))
        return 1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || n > UINT32_MAX)
            j->is_bad = true;
        else
            n = 10 * n + (uint64_t)(text[i] - '0');
    }
    j->now.iterations = n;
    return 1;
}

static int value_of(unsigned char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static bool from_base64(const unsigned char *text, size_t len, uint8_t *out, size_t size, size_t *n)
{
    uint32_t bits = 0;
    unsigned have = 0;

    *n = 0;
    while (len && text[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++) {
        const int v = value_of(text[i]);

        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        if (*n == size)
            return false;
        out[(*n)++] = (uint8_t)(bits >> have);
    }
    return true;
}

static int string(void *c, const unsigned char *text, size_t len)
{
    struct reading *j = c;
    struct eg_luks_digest *d = &j->now;

    if (is_member(j, "type")) {
        j->is_pbkdf2 = len == 6 && !memcmp(text, "pbkdf2", 6);
    } else if (is_member(j, "hash")) {
        if (len >= sizeof d->hash || memchr(text, 0, len))
            j->is_bad = true;
        else
            memset(d->hash, 0, sizeof d->hash), memcpy(d->hash, text, len);
    } else if (is_member(j, "salt")) {
        if (!from_base64(text, len, d->salt, sizeof d->salt, &d->salt_len))
            j->is_bad = true;
    } else if (is_member(j, "digest")) {
        if (!from_base64(text, len, d->digest, sizeof d->digest, &d->digest_len))
            j->is_bad = true;
    }
    return 1;
}

bool eg_luks_json(const char *text, size_t len, struct eg_luks *out)
{
    static const yajl_callbacks callbacks = {
        .yajl_number = number,
        .yajl_string = string,
        .yajl_start_map = begin_map,
        .yajl_map_key = key,
        .yajl_end_map = end_any,
        .yajl_start_array = begin_list,
        .yajl_end_array = end_any,
    };
    struct reading j = { .out = out };
    yajl_handle json = yajl_alloc(&callbacks, NULL, &j);
    bool ok;

    out->n = 0;
    ok = json && yajl_parse(json, (const unsigned char *)text, len) == yajl_status_ok &&
         yajl_complete_parse(json) == yajl_status_ok;
    if (json)
        yajl_free(json);
    return ok && out->n;
}

bool eg_luks_has_json(void)
{
    return true;
}

#else

bool eg_luks_json(const char *text, size_t len, struct eg_luks *out)
{
    (void)text, (void)len, (void)out;
    return false;
}

bool eg_luks_has_json(void)
{
    return false;
}

#endif
