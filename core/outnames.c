/* outnames.c - see outnames.h. */
#include "outnames.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>

// Of many with one name those behind some get a number that no other has.
enum { COMPONENTS_MAX = 256, TRIES = 64, KEPT = EG_OUTNAME_MAX - 15 };

void eg_outnames_fini(struct eg_outnames *n)
{
    eg_arena_fini(&n->arena);
    eg_map_fini(&n->known);
    eg_map_fini(&n->taken);
    eg_vec_fini(&n->at);
}

/* Where a name of @len bytes is cut to get something behind it: not within a character. */
static size_t cut_at(const char *name, size_t len)
{
    size_t at = EG_MIN(len, (size_t)KEPT);

    while (len > KEPT && at && ((uint8_t)name[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* @out: EG_OUTNAME_MAX + 16 bytes. What does not fit is cut off, with a hash of the whole instead:
 * two long names stay two. */
static void encode(char *out, const char *s, size_t len)
{
    const bool dots = (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.');
    size_t n = 0, step;

    for (size_t i = 0; i < len; i += step) {
        uint32_t code;
        size_t room;
        bool hidden;

        step = eg_utf8(s + i, len - i, &code);
        hidden = !step || dots || !eg_is_printable(code) || code == '%' || code == '/';
        step = step ? step : 1;
        room = hidden ? 3 * step : step;
        if (n + room > EG_OUTNAME_MAX) {
            snprintf(out + cut_at(out, n), 16, "~%08x", eg_hash(s, len));
            return;
        }
        for (size_t k = 0; k < step; k++) {
            if (hidden)
                n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned)(uint8_t)s[i + k]);
            else
                out[n++] = s[i + k];
        }
    }
    out[n] = 0;
}

static uint32_t hash_of(uint32_t parent, const char *s, size_t len, bool fold)
{
    uint8_t buf[sizeof parent + EG_OUTNAME_MAX + 64];
    const size_t n = EG_MIN(len, sizeof buf - sizeof parent);

    memcpy(buf, &parent, sizeof parent);
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];

        buf[sizeof parent + i] = (uint8_t)(fold && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return eg_map_hash(buf, sizeof parent + n);
}

static bool same_folded(const char *a, const char *b)
{
    for (;; a++, b++) {
        const char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
        const char y = *b >= 'A' && *b <= 'Z' ? (char)(*b - 'A' + 'a') : *b;

        if (x != y || !x)
            return x == y;
    }
}

/* Is there something else in this folder which some disk would take for @name? *@nth: where in the
 * map the first free place is. */
static bool is_taken(const struct eg_outnames *n, uint32_t parent, const char *name, uint64_t *key)
{
    const uint32_t hash = hash_of(parent, name, strlen(name), true);
    uint64_t i;

    for (uint32_t nth = 0;; nth++) {
        *key = eg_map_key(hash, nth);
        if (!eg_map_get(&n->taken, *key, &i))
            return false;
        if (n->at.at[i].parent == parent && same_folded(n->at.at[i].name, name))
            return true;
    }
}

static bool find_folder(const struct eg_outnames *n, uint32_t parent, const char *s, size_t len,
                        uint64_t *key, uint32_t *out)
{
    const uint32_t hash = hash_of(parent, s, len, false);
    uint64_t i;

    for (uint32_t nth = 0;; nth++) {
        const struct eg_outname *at;

        *key = eg_map_key(hash, nth);
        if (!eg_map_get(&n->known, *key, &i))
            return false;
        at = &n->at.at[i];
        if (at->parent == parent && at->len == len && !memcmp(at->source, s, len)) {
            *out = (uint32_t)i;
            return true;
        }
    }
}

/* @return 0: out of memory. */
static uint32_t add(struct eg_outnames *n, uint32_t parent, const char *s, size_t len, bool folder)
{
    char name[EG_OUTNAME_MAX + 48];
    struct eg_outname *new;
    uint64_t known = 0, taken;
    uint32_t i;
    size_t plain;

    if (folder && find_folder(n, parent, s, len, &known, &i))
        return i;
    encode(name, s, len);
    plain = cut_at(name, strlen(name));
    for (size_t k = 2; is_taken(n, parent, name, &taken); k = k < TRIES ? k + 1 : n->at.n + k)
        snprintf(name + plain, 12, "~%u", (unsigned)k);
    new = eg_vec_push(&n->at);
    if (!new)
        return 0;
    i = (uint32_t)(n->at.n - 1);
    *new = (struct eg_outname){ .parent = parent,
                                .name = eg_arena_strndup(&n->arena, name, strlen(name)),
                                .source = folder ? eg_arena_strndup(&n->arena, s, len) : "",
                                .len = (uint32_t)len };
    if (!new->name || !new->source || eg_map_add(&n->taken, taken, i) < 0 ||
        (folder && eg_map_add(&n->known, known, i) < 0))
        return 0;
    return i;
}

static const char *text_of(struct eg_outnames *n, uint32_t i)
{
    uint32_t up[COMPONENTS_MAX + 2];
    size_t count = 0, len = 0;
    char *text, *to;

    for (; i && count < countof(up); i = n->at.at[i].parent) {
        up[count++] = i;
        len += strlen(n->at.at[i].name) + 1;
    }
    text = to = eg_arena_alloc(&n->arena, len + 1);
    if (!text)
        return NULL;
    while (count--) {
        const char *name = n->at.at[up[count]].name;

        len = strlen(name);
        memcpy(to, name, len);
        to += len;
        *to++ = count ? '/' : 0;
    }
    return text;
}

/* Deeper or longer than programs can name: into one folder, under a name of its own. */
static bool is_long(const char *path)
{
    size_t n = 0, bytes = 0;
    bool in = false;

    for (const char *p = path; *p; p++) {
        const bool plain = (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x7f && *p != '%';

        n += !in && *p != '/';
        in = *p != '/';
        bytes += plain ? 1 : 3;
    }
    return n > COMPONENTS_MAX || bytes > EG_OUTPATH_MAX;
}

const char *eg_outnames_place(struct eg_outnames *n, const char *top, const char *path)
{
    uint32_t at = 0;
    bool named = false;

    if (!n->at.n && !eg_vec_push(&n->at)) // the top
        return NULL;
    at = add(n, 0, top, strlen(top), true);
    if (at && is_long(path)) {
        const char *slash = strrchr(path, '/');

        at = add(n, at, "too-long", 8, true);
        path = slash ? slash : path;
    }
    while (at && *path) {
        const size_t len = strcspn(path, "/"), next = len + strspn(path + len, "/");

        if (len) {
            named = !path[next];
            at = add(n, at, path, len, !named);
        }
        path += next;
    }
    if (at && !named)
        at = add(n, at, "unnamed", 7, false);
    return at ? text_of(n, at) : NULL;
}

const char *eg_outnames_find(struct eg_outnames *n, const char *top, const char *path)
{
    uint64_t key;
    uint32_t at = 0;

    if (!n->at.n || !find_folder(n, 0, top, strlen(top), &key, &at))
        return NULL;
    while (*path) {
        const size_t len = strcspn(path, "/");

        if (len && !find_folder(n, at, path, len, &key, &at))
            return NULL;
        path += len + strspn(path + len, "/");
    }
    return text_of(n, at);
}
