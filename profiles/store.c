/* store.c - .egp files; docs/egp.md is the specification. */
#include "store.h"
#include "../core/mapped.h"
#include "../core/newfile.h"
#include "../core/reader.h"
#include "../core/vec.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

enum {
    HEADER = 24,
    RECORD = 72,
    PROFILES_MAX = EG_LAYERS_MAX,
    HEAD_MAX = 1 << 20,
    FILE_MAX = 1 << 30,
    RATIO_MAX = 1024,    // a frame with a higher ratio is refused
    BLOCK_MAX = 1 << 30, // a whole kernel's types and symbols take 1/50 of it
    LEVEL = 3,           // of zstd: 9 takes four times as long for 7 % less
};
static const char magic[8] = "EGP\r\n\x1a\n";
// Since version 2 variables have records among the types. Version 1 is read too.
static const uint32_t version = 2;

_Static_assert(sizeof(struct eg_type) == 32 && sizeof(struct eg_member) == 24 &&
                   sizeof(struct eg_enumerator) == 16 && sizeof(struct eg_symbol) == 24,
               "the arrays are the file: a change of one is a new version");

// The arrays, in the order that they have in the file.
enum { TYPES, MEMBERS, ENUMERATORS, SYMBOLS, TYPE_HASH, SYMBOL_HASH, STRINGS, ARRAYS };
static const uint8_t sizes[ARRAYS] = {
    sizeof(struct eg_type),
    sizeof(struct eg_member),
    sizeof(struct eg_enumerator),
    sizeof(struct eg_symbol),
    sizeof(uint32_t),
    sizeof(uint32_t),
    1,
};

static bool little_endian(void)
{
    const uint32_t one = 1;

    return eg_le32(&one) == 1;
}

static int no_memory(const char *path, struct eg_error *e)
{
    return eg_fail(e, EG_ENOMEM, "%s: out of memory", path);
}

/* ---- writing ---- */

struct file {
    EG_VEC(uint8_t) bytes;
};

static void put(uint8_t **to, uint64_t v, unsigned len)
{
    while (len--) {
        *(*to)++ = (uint8_t)v;
        v >>= 8;
    }
}

/** Append a text of the head. @return its offset from @texts; 0 for none. */
static bool add_text(struct file *f, size_t texts, const char *s, uint32_t *at)
{
    const size_t len = s ? strlen(s) + 1 : 0;

    *at = len ? (uint32_t)(f->bytes.n - texts) : 0;
    if (!eg_vec_reserve(&f->bytes, f->bytes.n + len))
        return false;
    if (len)
        memcpy(f->bytes.at + f->bytes.n, s, len);
    f->bytes.n += len;
    return true;
}

/** Append the frame of @p and fill its record at @head, but for the texts. */
static int add_profile(struct file *f, size_t head, const struct eg_profile *p, const char *path,
                       struct eg_error *e)
{
    const void *arrays[ARRAYS] = { p->types,     p->members,     p->enumerators, p->symbols,
                                   p->type_hash, p->symbol_hash, p->strings };
    const uint32_t counts[ARRAYS] = { p->n_types,   p->n_members,   p->n_enumerators,
                                      p->n_symbols, p->n_type_hash, p->n_symbol_hash,
                                      p->n_strings };
    eg_cleanup(eg_free_) uint8_t *block = NULL;
    uint64_t len = 0;
    size_t n, at = 0;
    uint8_t *to;

    for (int i = 0; i < ARRAYS; i++)
        len += (uint64_t)counts[i] * sizes[i];
    block = malloc(len);
    if (!block || !eg_vec_reserve(&f->bytes, f->bytes.n + ZSTD_compressBound(len)))
        return no_memory(path, e);
    for (int i = 0; i < ARRAYS; i++) {
        if (counts[i])
            memcpy(block + at, arrays[i], (size_t)counts[i] * sizes[i]);
        at += (size_t)counts[i] * sizes[i];
    }
    n = ZSTD_compress(f->bytes.at + f->bytes.n, f->bytes.cap - f->bytes.n, block, len, LEVEL);
    if (ZSTD_isError(n))
        return eg_fail(e, EG_ENOMEM, "%s: %s", path, ZSTD_getErrorName(n));
    to = f->bytes.at + head;
    put(&to, f->bytes.n, 8);
    put(&to, n, 8);
    put(&to, len, 8);
    for (int i = 0; i < ARRAYS; i++)
        put(&to, counts[i], 4);
    put(&to, p->base_count, 4);
    put(&to, p->model.ptr_size, 1);
    put(&to, p->model.long_size, 1);
    put(&to, p->model.big_endian, 1);
    put(&to, p->dwarf_symbols, 1);
    to += 8; // the texts
    put(&to, p->n_left_out, 4);
    f->bytes.n += n;
    return 0;
}

static int make(struct file *f, const struct eg_profile *const *profiles, size_t n,
                const char *path, struct eg_error *e)
{
    const size_t texts = HEADER + n * RECORD;
    uint32_t module, build_id;
    size_t head_len;
    uint8_t *to;

    if (!eg_vec_reserve(&f->bytes, texts + 1))
        return no_memory(path, e);
    memset(f->bytes.at, 0, texts + 1);
    f->bytes.n = texts + 1; // text 0 is none
    for (size_t i = 0; i < n; i++) {
        if (!add_text(f, texts, profiles[i]->module, &module) ||
            !add_text(f, texts, profiles[i]->build_id, &build_id))
            return no_memory(path, e);
        to = f->bytes.at + HEADER + i * RECORD + 60;
        put(&to, module, 4);
        put(&to, build_id, 4);
    }
    head_len = f->bytes.n;
    for (size_t i = 0; i < n; i++) {
        int rc = add_profile(f, HEADER + i * RECORD, profiles[i], path, e);

        if (rc < 0)
            return rc;
    }
    to = f->bytes.at;
    memcpy(to, magic, sizeof magic);
    to += sizeof magic;
    put(&to, version, 4);
    put(&to, n, 4);
    put(&to, head_len, 4);
    put(&to, eg_hash(f->bytes.at + HEADER, head_len - HEADER), 4);
    return head_len <= HEAD_MAX && f->bytes.n <= FILE_MAX
               ? 0
               : eg_fail(e, EG_EUSAGE, "%s: too many profiles for one file", path);
}

int eg_store_write(const char *path, bool replace, const struct eg_profile *const *profiles,
                   size_t n, struct eg_error *e)
{
    struct eg_newfile to = { 0 };
    struct file f = { 0 };
    int rc;

    if (!little_endian())
        return eg_fail(e, EG_EUNSUP, "%s: .egp is not written on big-endian machines", path);
    if (!n || n > PROFILES_MAX)
        return eg_fail(e, EG_EUSAGE, "%s: %zu profiles for one file", path, n);
    rc = eg_newfile_open(&to, path, replace, e);
    if (rc == 0)
        rc = make(&f, profiles, n, path, e);
    if (rc == 0) {
        fwrite(f.bytes.at, 1, f.bytes.n, to.f);
        rc = eg_newfile_keep(&to, e);
    }
    eg_newfile_drop(&to);
    eg_vec_fini(&f.bytes);
    return rc;
}

/* ---- reading ---- */

struct record {
    uint64_t frame, frame_len, block_len;
    uint32_t counts[ARRAYS], base_count, left_out;
    struct eg_model model;
    bool link_time;
    const char *module, *build_id; // NULL: none
};

static bool readable(const uint8_t *p)
{
    const uint32_t v = eg_le32(p + 8);

    return v >= 1 && v <= version;
}

/** Check the fixed header. @return how many bytes the head has; 0: not of ours. */
static size_t head_len(const uint8_t *p, size_t len, uint32_t *n_profiles)
{
    uint32_t n, total;

    if (len < HEADER || memcmp(p, magic, sizeof magic) != 0 || !readable(p))
        return 0;
    n = eg_le32(p + 12);
    total = eg_le32(p + 16);
    if (!n || n > PROFILES_MAX || total > HEAD_MAX || total <= HEADER + n * RECORD)
        return 0;
    *n_profiles = n;
    return total;
}

static bool head_good(const uint8_t *p, size_t len)
{
    return eg_hash(p + HEADER, len - HEADER) == eg_le32(p + 20) && !p[len - 1];
}

/** Record @i of a head that is good. */
static bool get_record(const uint8_t *head, size_t len, uint32_t n, uint32_t i, struct record *r)
{
    const uint8_t *p = head + HEADER + i * RECORD;
    const size_t texts = HEADER + n * RECORD;
    const uint32_t module = eg_le32(p + 60), build_id = eg_le32(p + 64);

    if (module >= len - texts || build_id >= len - texts)
        return false;
    *r = (struct record){
        .frame = eg_le64(p),
        .frame_len = eg_le64(p + 8),
        .block_len = eg_le64(p + 16),
        .base_count = eg_le32(p + 52),
        .left_out = eg_le32(p + 68),
        .model = { p[56], p[57], p[58] },
        .link_time = p[59],
        .module = module ? (const char *)head + texts + module : NULL,
        .build_id = build_id ? (const char *)head + texts + build_id : NULL,
    };
    for (int k = 0; k < ARRAYS; k++)
        r->counts[k] = eg_le32(p + 24 + 4 * k);
    return true;
}

static bool power_of_two_or_none(uint32_t n)
{
    return !(n & (n - 1));
}

static bool plausible(const struct record *r, size_t file_len)
{
    uint64_t sum = 0;

    for (int i = 0; i < ARRAYS; i++)
        sum += (uint64_t)r->counts[i] * sizes[i];
    return sum == r->block_len && r->counts[STRINGS] &&
           eg_within(r->frame, r->frame_len, file_len) && r->block_len <= BLOCK_MAX &&
           r->block_len / RATIO_MAX <= r->frame_len && power_of_two_or_none(r->counts[TYPE_HASH]) &&
           power_of_two_or_none(r->counts[SYMBOL_HASH]) &&
           (r->model.ptr_size == 4 || r->model.ptr_size == 8) &&
           (r->model.long_size == 4 || r->model.long_size == 8) &&
           (!r->build_id || strlen(r->build_id) < 64);
}

/** The arrays, in the block; then the checks that a builder's profile has passed. */
static bool settle(struct eg_profile *p, const struct record *r, const struct eg_profile *base)
{
    const void *arrays[ARRAYS];
    size_t at = 0, dropped;

    for (int i = 0; i < ARRAYS; i++) {
        arrays[i] = (uint8_t *)p->block + at;
        at += (size_t)r->counts[i] * sizes[i];
    }
    p->types = arrays[TYPES];
    p->n_types = r->counts[TYPES];
    p->members = arrays[MEMBERS];
    p->n_members = r->counts[MEMBERS];
    p->enumerators = arrays[ENUMERATORS];
    p->n_enumerators = r->counts[ENUMERATORS];
    p->symbols = arrays[SYMBOLS];
    p->n_symbols = r->counts[SYMBOLS];
    p->type_hash = arrays[TYPE_HASH];
    p->n_type_hash = r->counts[TYPE_HASH];
    p->symbol_hash = arrays[SYMBOL_HASH];
    p->n_symbol_hash = r->counts[SYMBOL_HASH];
    p->strings = arrays[STRINGS];
    p->n_strings = r->counts[STRINGS];
    if (p->strings[0] || p->strings[p->n_strings - 1])
        return false;
    if (p->base_count > 1 && (!base || p->base_count != base->n_types))
        return false;
    for (uint32_t i = 1; i < p->n_symbols; i++)
        if (p->symbols[i].addr < p->symbols[i - 1].addr)
            return false;
    return eg_profile_check(p, base, &dropped) && !dropped;
}

static int read_profile(const uint8_t *bytes, const struct record *r, const char *source,
                        const struct eg_profile *base, struct eg_profile **out, struct eg_error *e)
{
    struct eg_profile *p = calloc(1, sizeof *p);

    if (!p || !(p->block = malloc(r->block_len)) || !(p->source = strdup(source)) ||
        (r->module && !(p->module = strdup(r->module))) ||
        (r->build_id && !(p->build_id = strdup(r->build_id)))) {
        eg_profile_free(p);
        return no_memory(source, e);
    }
    p->block_len = r->block_len;
    p->model = r->model;
    p->base_count = r->base_count;
    p->dwarf_symbols = r->link_time;
    p->n_left_out = r->left_out;
    if (ZSTD_decompress(p->block, r->block_len, bytes + r->frame, r->frame_len) != r->block_len ||
        !settle(p, r, base)) {
        eg_profile_free(p);
        return eg_fail(e, EG_EFORMAT, "%s: damaged: make it again with `engram profile make`",
                       source);
    }
    *out = p;
    return 0;
}

int eg_store_read_bytes(const uint8_t *bytes, size_t len, const char *source,
                        struct eg_profile **out, size_t *n, struct eg_error *e)
{
    uint32_t count;
    const size_t head = head_len(bytes, len, &count);
    size_t done = 0;
    int rc = 0;

    if (!little_endian())
        return eg_fail(e, EG_EUNSUP, "%s: .egp is not read on big-endian machines", source);
    if (len >= HEADER && !memcmp(bytes, magic, sizeof magic) && !readable(bytes))
        return eg_fail(e, EG_EUNSUP,
                       "%s: it has version %" PRIu32
                       " of the .egp format, this program reads up to %" PRIu32
                       ": make it again with `engram profile make`",
                       source, eg_le32(bytes + 8), version);
    if (!head || head > len || !head_good(bytes, head))
        return eg_fail(e, EG_EFORMAT, "%s: not an .egp, or cut short", source);
    for (uint32_t i = 0; i < count && done < *n && rc == 0; i++) {
        struct record r;

        if (!get_record(bytes, head, count, i, &r) || !plausible(&r, len))
            rc = eg_fail(e, EG_EFORMAT, "%s: profile %" PRIu32 " is inconsistent", source, i);
        else
            rc = read_profile(bytes, &r, source, i ? out[0] : NULL, &out[done], e);
        done += rc == 0;
    }
    if (rc < 0) {
        while (done)
            eg_profile_free(out[--done]);
        return rc;
    }
    *n = count;
    return 0;
}

int eg_store_read(const char *path, struct eg_profile **out, size_t *n, struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *bytes = NULL;
    size_t len;
    int rc = eg_reader_slurp(&bytes, &len, path, FILE_MAX, e);

    return rc < 0 ? rc : eg_store_read_bytes(bytes, len, path, out, n, e);
}

bool eg_store_build_id(const char *path, char *hex)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, O_NONBLOCK);
    eg_cleanup(eg_free_) uint8_t *head = NULL;
    uint8_t fixed[HEADER];
    struct record r;
    uint32_t n;
    size_t len;

    if (fd < 0 || pread(fd, fixed, HEADER, 0) != HEADER || !(len = head_len(fixed, HEADER, &n)) ||
        !(head = malloc(len)) || pread(fd, head, len, 0) != (ssize_t)len || !head_good(head, len) ||
        !get_record(head, len, n, 0, &r) || !r.build_id || strlen(r.build_id) >= 64)
        return false;
    memcpy(hex, r.build_id, strlen(r.build_id) + 1);
    return true;
}

static int probe(const uint8_t *head, size_t len, const char *path)
{
    (void)path;
    return len >= sizeof magic && !memcmp(head, magic, sizeof magic) ? 100 : 0;
}

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    size_t n = 1;

    (void)threads;
    return eg_store_read(path, out, &n, e);
}

EG_READER(egp) = { .desc = "Engram profile", .probe = probe, .read = read_ };
