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
#include "privkey.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

// Candidates leave room for what is proven. Each 4 bytes of a key are in a map: of keys there may
// be fewer bytes than of files.
enum {
    KEYS_MAX = 1 << 18,
    CANDIDATES_MAX = KEYS_MAX / 2,
    KEY_BYTES_MAX = 1 << 24,
    FILES_MAX = 1 << 18,
    FILE_BYTES_MAX = 1 << 27,
    PART = 8
};

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
    size_t n, cap, bytes, candidates;
    bool full;
    struct file *files;
    size_t n_files, cap_files, file_bytes;
    bool files_full;
    struct eg_map *seen;    // hash of a key with its place → its index
    struct eg_map *secrets; // hash of a secret → index of the first key that is it
    struct eg_map *parts;   // 8 bytes of a secret, at a multiple of 4 → index of its key
    struct eg_map *paths;   // hash of a path → index of the file
};

struct eg_vault_own *eg_vault_open(struct eg_run *r)
{
    struct eg_vault_own *o = eg_tmp(r, sizeof *o);

    o->seen = eg_run_map(r);
    o->secrets = eg_run_map(r);
    o->parts = eg_run_map(r);
    o->paths = eg_run_map(r);
    return o;
}

/* ---- keys ---- */

static const char *copy(struct eg_run *r, const char *s)
{
    return s ? eg_strf(r, "%s", s) : NULL;
}

static int64_t pid_of(const struct eg_vault_key *k)
{
    return k->process ? k->process->pid : -1;
}

static bool same_text(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static bool same(const struct eg_vault_key *a, const struct eg_vault_key *b)
{
    return a->len == b->len && a->at == b->at && a->physical == b->physical &&
           pid_of(a) == pid_of(b) && same_text(a->kind, b->kind) &&
           same_text(a->purpose, b->purpose) && same_text(a->name, b->name) &&
           (!a->len || !memcmp(a->secret, b->secret, a->len));
}

static uint32_t hash_text(const char *s)
{
    return s ? eg_map_hash(s, strlen(s)) : 0;
}

/* Of all that tells keys apart: one secret may be at very many places. */
static uint32_t hash_of(const struct eg_vault_key *k, uint32_t secret)
{
    const uint64_t parts[] = { secret,
                               k->at,
                               k->physical,
                               (uint64_t)pid_of(k),
                               hash_text(k->kind),
                               hash_text(k->purpose),
                               hash_text(k->name) };

    return eg_map_hash(parts, sizeof parts);
}

/* @return what eg_map_add takes for a secret that is not there; *@i: of one that is. */
static bool find_secret(const struct eg_vault_own *o, uint32_t hash, const void *bytes, size_t len,
                        uint64_t *key, uint64_t *i)
{
    for (uint32_t nth = 0; eg_map_get(o->secrets, *key = eg_map_key(hash, nth), i); nth++)
        if (o->keys[*i].key.len == len && !memcmp(o->keys[*i].key.secret, bytes, len))
            return true;
    return false;
}

static bool is_new(struct eg_vault *v, const struct eg_vault_key *key)
{
    struct eg_vault_own *o = v->own;
    const uint32_t secret = eg_map_hash(key->secret, key->len), hash = hash_of(key, secret);
    uint64_t i, free;
    uint32_t nth = 0;

    for (; eg_map_get(o->seen, eg_map_key(hash, nth), &i); nth++)
        if (same(&o->keys[i].key, key))
            return false;
    if (eg_map_add(o->seen, eg_map_key(hash, nth), o->n) < 0 ||
        (!find_secret(o, secret, key->secret, key->len, &free, &i) &&
         eg_map_add(o->secrets, free, o->n) < 0))
        eg_run_leave(v->r);
    return true;
}

/* Is there room for it? */
static bool has_room(struct eg_vault *v, const struct eg_vault_key *key)
{
    struct eg_vault_own *o = v->own;
    const size_t parts = key->proof ? 1 : 2; // a candidate may take half of what there is

    if (o->n < KEYS_MAX && key->len <= KEY_BYTES_MAX / parts &&
        o->bytes <= KEY_BYTES_MAX / parts - key->len &&
        (key->proof || o->candidates < CANDIDATES_MAX))
        return true;
    if (!o->full)
        eg_note(v->r, "more than %d keys, %d candidates or %d bytes of keys: others are left out",
                KEYS_MAX, CANDIDATES_MAX, KEY_BYTES_MAX);
    o->full = true;
    return false;
}

bool eg_vault_add(struct eg_vault *v, const struct eg_vault_key *key)
{
    struct eg_vault_own *o = v->own;
    struct eg_run *r = v->r;
    struct eg_vault_key *k;
    struct eg_key_process *p;
    uint8_t *secret;

    if (!key->len || key->len > EG_SECRET_MAX || !has_room(v, key) || !is_new(v, key))
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
    o->candidates += !key->proof;
    o->n++;
    return true;
}

bool eg_vault_knows(const struct eg_vault *v, const void *bytes, size_t len)
{
    const struct eg_vault_own *o = v->own;
    uint64_t i, free;

    return find_secret(o, eg_map_hash(bytes, len), bytes, len, &free, &i);
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

bool eg_vault_may(struct eg_vault *v, enum eg_vault_work sort)
{
    static const char *const names[EG_VAULT_WORKS] = { [EG_WORK_PRIVATE] = "a private key",
                                                       [EG_WORK_GPG] = "a key of GnuPG",
                                                       [EG_WORK_TOKENS] = "a key in a token",
                                                       [EG_WORK_TLS] = "secrets of TLS",
                                                       [EG_WORK_SSH] = "a shielded key of SSH" };

    if (v->work[sort] < EG_PRIVKEY_WORK_MAX)
        return true;
    if (v->work[sort] != UINT64_MAX)
        eg_note(v->r, "more places look like %s than are examined: keys may be missing",
                names[sort]);
    v->work[sort] = UINT64_MAX;
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

/* *@key: what eg_map_add takes for one that is not there. */
static struct file *known_file(const struct eg_vault *v, const char *path, uint64_t *key)
{
    const uint32_t hash = eg_map_hash(path, strlen(path));
    uint64_t i;

    for (uint32_t nth = 0; eg_map_get(v->own->paths, *key = eg_map_key(hash, nth), &i); nth++)
        if (!strcmp(v->own->files[i].path, path))
            return &v->own->files[i];
    return NULL;
}

bool eg_vault_has_file(const struct eg_vault *v, const char *path)
{
    uint64_t key;

    return known_file(v, path, &key) != NULL;
}

static struct file *file_of(struct eg_vault *v, const char *path)
{
    struct eg_vault_own *o = v->own;
    uint64_t key;
    struct file *f = known_file(v, path, &key);

    if (f || o->n_files == FILES_MAX)
        return f;
    o->files = eg_grow(v->r, o->files, o->n_files, &o->cap_files, sizeof *o->files);
    o->files[o->n_files] = (struct file){ .path = copy(v->r, path) };
    if (eg_map_add(o->paths, key, o->n_files) < 0)
        eg_run_leave(v->r);
    return &o->files[o->n_files++];
}

void eg_vault_file(struct eg_vault *v, const char *path, const void *bytes, size_t len,
                   const char *what)
{
    struct eg_vault_own *o = v->own;
    struct file *f = NULL;
    uint8_t *more;

    if (!v->exports || o->files_full)
        return;
    if (len <= FILE_BYTES_MAX - o->file_bytes)
        f = file_of(v, path);
    if (!f) {
        eg_note(v->r, "more than %d files, or %d bytes of them: the others are left out", FILES_MAX,
                FILE_BYTES_MAX);
        o->files_full = true;
        return;
    }
    o->file_bytes += len;
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
    struct eg_outtree *tree = v->tree;
    struct eg_outnames *names = eg_tmp(v->r, sizeof *names);
    const char **paths = eg_tmp(v->r, (o->n_files + 1) * sizeof *paths);

    eg_run_defer(v->r, close_names, names);
    for (size_t i = 0; i < o->n_files; i++) {
        paths[i] = eg_outnames_place(names, "keys", o->files[i].path);
        if (!paths[i])
            eg_run_leave(v->r);
        if (!write_file(v, tree, paths[i], o->files[i].bytes, o->files[i].n))
            return false;
    }
    if (!write_manifest(v, tree, paths))
        return false;
    eg_note(v->r, "%zu files were written into %s/keys: %s/manifest.jsonl says what each is for",
            o->n_files, folder, folder);
    return true;
}
