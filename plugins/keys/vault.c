/* vault.c - the keys that sources find, each once, and the files that are made of them. */
#include "vault.h"
#include "../../core/base.h"
#include "../../core/json.h"
#include "../../core/map.h"
#include "../../core/outnames.h"
#include "../../core/outtree.h"
#include "../../core/run.h"
#include "fingerprint.h"
#include "own.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { KEYS_MAX = 1 << 18, BYTES_MAX = 1 << 28, PART = 8 };

struct kept {
    struct eg_vault_key key;
    uint64_t process; // of the key: its place
};
struct file {
    const char *path, *what; // as the source has it
    uint8_t *bytes;
    size_t n, cap;
};
struct eg_vault_own {
    struct kept *keys;
    size_t n, cap, bytes;
    bool full;
    struct file *files;
    size_t n_files, cap_files;
    struct eg_map *seen;  // hash of a key → its index
    struct eg_map *parts; // 8 bytes of a secret, at a multiple of 4 → index of its key
};

struct eg_vault_own *eg_vault_open(struct eg_run *r)
{
    struct eg_vault_own *o = eg_tmp(r, sizeof *o);

    o->seen = eg_run_map(r);
    o->parts = eg_run_map(r);
    return o;
}

/* ---- keys ---- */

static const char *copy(struct eg_run *r, const char *s)
{
    return s ? eg_strf(r, "%s", s) : NULL;
}

static bool same(const struct eg_vault_key *a, const struct eg_vault_key *b)
{
    return a->len == b->len && a->at == b->at && a->physical == b->physical &&
           (a->process ? a->process->pid : -1) == (b->process ? b->process->pid : -1) &&
           !strcmp(a->kind, b->kind) &&
           !strcmp(a->purpose ? a->purpose : "", b->purpose ? b->purpose : "") &&
           !strcmp(a->name ? a->name : "", b->name ? b->name : "") &&
           (!a->len || !memcmp(a->secret, b->secret, a->len));
}

static bool is_new(struct eg_vault *v, const struct eg_vault_key *key)
{
    struct eg_vault_own *o = v->own;
    const uint32_t hash = eg_map_hash(key->secret, key->len);
    uint64_t i;
    uint32_t nth = 0;

    for (; eg_map_get(o->seen, eg_map_key(hash, nth), &i); nth++)
        if (same(&o->keys[i].key, key))
            return false;
    if (eg_map_add(o->seen, eg_map_key(hash, nth), o->n) < 0)
        eg_run_leave(v->r);
    return true;
}

bool eg_vault_add(struct eg_vault *v, const struct eg_vault_key *key)
{
    struct eg_vault_own *o = v->own;
    struct eg_run *r = v->r;
    struct eg_vault_key *k;
    struct eg_key_process *p;
    uint8_t *secret;

    if (o->n == KEYS_MAX || key->len > BYTES_MAX - o->bytes) {
        if (!o->full)
            eg_note(r, "more than %d keys, or %d bytes of keys: the others are left out", KEYS_MAX,
                    BYTES_MAX);
        o->full = true;
        return false;
    }
    if (!key->len || key->len > EG_SECRET_MAX || !is_new(v, key))
        return false;
    o->keys = eg_grow(r, o->keys, o->n, &o->cap, sizeof *o->keys);
    k = &o->keys[o->n].key;
    *k = *key;
    k->kind = copy(r, key->kind);
    k->name = copy(r, key->name);
    k->purpose = copy(r, key->purpose);
    k->algorithm = copy(r, key->algorithm);
    k->proof = copy(r, key->proof);
    k->hints = copy(r, key->hints);
    k->secret = secret = eg_tmp(r, key->len);
    memcpy(secret, key->secret, key->len);
    if (key->process) {
        p = eg_tmp(r, sizeof *p);
        *p = *key->process;
        p->user = NULL;
        p->notes = NULL;
        p->comm = copy(r, p->comm);
        k->process = p;
    }
    for (size_t at = 0; at + PART <= key->len; at += 4)
        if (eg_map_add(o->parts, eg_le64(secret + at), o->n) < 0)
            eg_run_leave(r);
    o->bytes += key->len;
    o->n++;
    return true;
}

bool eg_vault_knows(const struct eg_vault *v, const void *bytes, size_t len)
{
    const struct eg_vault_own *o = v->own;
    const uint32_t hash = eg_map_hash(bytes, len);
    uint64_t i;

    for (uint32_t nth = 0; eg_map_get(o->seen, eg_map_key(hash, nth), &i); nth++)
        if (o->keys[i].key.len == len && !memcmp(o->keys[i].key.secret, bytes, len))
            return true;
    return false;
}

bool eg_vault_knows_part(const struct eg_vault *v, const void *bytes, size_t len)
{
    const struct eg_vault_own *o = v->own;
    const struct eg_vault_key *k;
    uint64_t i;

    if (eg_vault_knows(v, bytes, len))
        return true;
    if (len < PART || !eg_map_get(o->parts, eg_le64(bytes), &i))
        return false;
    k = &o->keys[i].key;
    for (size_t at = 0; at + len <= k->len; at += 4)
        if (!memcmp((const uint8_t *)k->secret + at, bytes, len))
            return true;
    return false;
}

const char *eg_vault_owner(struct eg_vault *v, const struct eg_region *region,
                           const struct eg_hit *h)
{
    const struct eg_cell c = eg_hit_owners(v->r, region, h);

    return c.tag == EG_CELL_TEXT && c.bytes.len
               ? eg_strf(v->r, "%.*s", (int)EG_MIN(c.bytes.len, (size_t)4096),
                         (const char *)c.bytes.p)
               : NULL;
}

void eg_vault_each(struct eg_vault *v, eg_vault_emit *emit)
{
    for (int proven = 1; proven >= 0; proven--)
        for (size_t i = 0; i < v->own->n && !eg_stopped(v->r); i++)
            if ((v->own->keys[i].key.proof != NULL) == (proven == 1))
                emit(v, &v->own->keys[i].key);
}

/* ---- files ---- */

static struct file *known_file(const struct eg_vault *v, const char *path)
{
    for (size_t i = 0; i < v->own->n_files; i++)
        if (!strcmp(v->own->files[i].path, path))
            return &v->own->files[i];
    return NULL;
}

bool eg_vault_has_file(const struct eg_vault *v, const char *path)
{
    return known_file(v, path) != NULL;
}

static struct file *file_of(struct eg_vault *v, const char *path)
{
    struct eg_vault_own *o = v->own;
    struct file *f = known_file(v, path);

    if (f)
        return f;
    o->files = eg_grow(v->r, o->files, o->n_files, &o->cap_files, sizeof *o->files);
    o->files[o->n_files] = (struct file){ .path = copy(v->r, path) };
    return &o->files[o->n_files++];
}

void eg_vault_file(struct eg_vault *v, const char *path, const void *bytes, size_t len,
                   const char *what)
{
    struct file *f;
    uint8_t *more;

    if (!v->exports || v->own->full)
        return;
    if (len > BYTES_MAX - v->own->bytes) {
        eg_note(v->r, "files of more than %d bytes in all: the others are left out", BYTES_MAX);
        v->own->full = true;
        return;
    }
    v->own->bytes += len;
    f = file_of(v, path);
    if (!f->what)
        f->what = copy(v->r, what);
    if (len > f->cap - f->n) {
        f->cap = 2 * (f->n + len);
        more = eg_tmp(v->r, f->cap);
        if (f->n)
            memcpy(more, f->bytes, f->n);
        f->bytes = more;
    }
    if (len)
        memcpy(f->bytes + f->n, bytes, len);
    f->n += len;
}

void eg_vault_text(struct eg_vault *v, const char *path, const char *text, const char *what)
{
    eg_vault_file(v, path, text, strlen(text), what);
}

static bool write_file(struct eg_vault *v, struct eg_outtree *tree, const char *path,
                       const uint8_t *bytes, size_t n)
{
    const int fd = eg_outtree_create(tree, path);
    ssize_t done = 0;

    if (fd < 0)
        return false;
    while (n && done >= 0) {
        done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            done = 0;
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    if (close(fd) < 0 || done < 0) {
        eg_run_fail(v->r, EG_EIO, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* A line of JSON for each file. */
static bool write_manifest(struct eg_vault *v, struct eg_outtree *tree, const char *const *names)
{
    const struct eg_vault_own *o = v->own;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    bool ok = f != NULL;

    for (size_t i = 0; ok && i < o->n_files; i++) {
        const char *digest = eg_key_fingerprint(v->r, o->files[i].bytes, o->files[i].n);

        fputs("{\"file\":", f);
        eg_json_string(f, names[i]);
        fprintf(f, ",\"size\":%zu,\"fingerprint\":", o->files[i].n);
        eg_json_string(f, digest);
        fputs(",\"what\":", f);
        eg_json_string(f, o->files[i].what);
        fputs("}\n", f);
    }
    if (f && (ferror(f) | fclose(f)))
        ok = false;
    if (!ok)
        eg_run_fail(v->r, EG_ENOMEM, "out of memory");
    ok = ok && write_file(v, tree, "manifest.jsonl", (const uint8_t *)text, size);
    free(text);
    return ok;
}

static void close_names(void *names)
{
    eg_outnames_fini(names);
}

bool eg_vault_export(struct eg_vault *v, const char *folder)
{
    struct eg_vault_own *o = v->own;
    struct eg_outtree *tree = eg_outtree_open(v->r, "--export", folder);
    struct eg_outnames *names = eg_tmp(v->r, sizeof *names);
    const char **paths = eg_tmp(v->r, (o->n_files + 1) * sizeof *paths);

    if (!tree)
        return false;
    eg_run_defer(v->r, close_names, names);
    for (size_t i = 0; i < o->n_files; i++) {
        paths[i] = eg_outnames_place(names, "keys", o->files[i].path);
        if (!paths[i])
            eg_run_leave(v->r);
        if (!write_file(v, tree, paths[i], o->files[i].bytes, o->files[i].n))
            return false;
    }
    return write_manifest(v, tree, paths);
}
