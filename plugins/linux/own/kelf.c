/* kelf.c - ELF files of the kernel and its modules, packed or not. */
#include "kelf.h"
#include "../../../core/run.h"
#include "../../../core/vec.h"
#include "../mm/elf.h"
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_XZ
#include <lzma.h>
#endif

enum {
    BLOCK = 8 << 20, /* of lz4's old format */
    SECTIONS_MAX = 1 << 12,
};

struct linux_kelf_kept {
    struct eg_space *own; /* a file that was opened here */
    uint64_t room;        /* for copies: sections may overlap in a false file */
    EG_VEC(void *) blocks;
};

static void empty(struct linux_kelf_kept *k)
{
    for (size_t i = 0; i < k->blocks.n; i++)
        free(k->blocks.at[i]);
    eg_vec_fini(&k->blocks);
    eg_space_close(k->own);
    k->own = NULL;
}

static void forget(void *arg)
{
    empty(arg);
    free(arg);
}

static void *block(struct eg_run *r, struct linux_kelf *k, size_t len)
{
    void *at = malloc(len ? len : 1), **slot = at ? eg_vec_push(&k->kept->blocks) : NULL;

    if (!slot) {
        free(at);
        eg_run_fail(r, EG_ENOMEM, "out of memory for a file of the kernel");
        eg_run_leave(r);
    }
    return *slot = at;
}

void linux_kelf_open(struct eg_run *r, struct eg_space *file, uint64_t size, struct linux_kelf *out)
{
    struct linux_kelf_kept *k = calloc(1, sizeof *k);

    if (!k) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for a file of the kernel");
        eg_run_leave(r);
    }
    k->room = 2 * (uint64_t)LINUX_KELF_MAX;
    eg_run_defer(r, forget, k);
    *out = (struct linux_kelf){ .file = file, .size = size, .kept = k };
}

bool linux_kelf_open_path(struct eg_run *r, const char *path, struct linux_kelf *out,
                          const char **why)
{
    struct eg_error e;

    linux_kelf_open(r, NULL, 0, out);
    if (eg_file_open(&out->kept->own, path, &e) < 0) {
        *why = eg_strf(r, "%s", e.text);
        return false;
    }
    out->file = out->kept->own;
    out->size = eg_space_size(out->file);
    return true;
}

void linux_kelf_close(struct eg_run *r, struct linux_kelf *k)
{
    if (k->file)
        eg_view_forget(eg_view_of(r), k->file);
    if (k->kept)
        empty(k->kept);
    *k = (struct linux_kelf){ .kept = k->kept };
}

/* ---- bytes ---- */

const uint8_t *linux_kelf_bytes(struct eg_run *r, struct linux_kelf *k, uint64_t at, uint64_t len)
{
    uint8_t *out;

    if (k->image)
        return eg_within(at, len, k->len) ? k->image + at : NULL;
    if (!k->file || len > k->kept->room || !eg_within(at, len, k->size))
        return NULL;
    k->kept->room -= len;
    out = block(r, k, (size_t)len);
    return eg_read(eg_view_of(r), k->file, at, out, (size_t)len) ? out : NULL;
}

uint8_t *linux_kelf_copy(struct eg_run *r, struct linux_kelf *k, const struct linux_kelf_section *s)
{
    const uint8_t *from;
    uint8_t *out;

    if (s->type == ELF_NOBITS)
        return NULL;
    if (!k->image) // it is a copy already
        return (uint8_t *)linux_kelf_bytes(r, k, s->offset, s->size);
    from = linux_kelf_bytes(r, k, s->offset, s->size);
    if (!from || s->size > k->kept->room)
        return NULL;
    k->kept->room -= s->size;
    out = block(r, k, (size_t)s->size);
    return memcpy(out, from, (size_t)s->size);
}

bool linux_kelf_read(struct eg_run *r, struct linux_kelf *k, uint64_t max)
{
    if (k->size > max)
        return false;
    k->image = (uint8_t *)linux_kelf_bytes(r, k, 0, k->size);
    k->len = (size_t)k->size;
    return k->image;
}

/* ---- unpacking ---- */

static size_t from_gzip(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    z_stream z = {
        .next_in = (z_const Bytef *)p, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)len
    };

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return 0;
    (void)inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return len - z.avail_out;
}

static size_t from_zstd(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    const size_t frame = ZSTD_findFrameCompressedSize(p, n);
    const size_t made = ZSTD_isError(frame) ? 0 : ZSTD_decompress(out, len, p, frame);

    return ZSTD_isError(made) ? 0 : made;
}

#ifdef HAVE_XZ
static size_t from_xz(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    uint64_t memory = LINUX_KELF_MAX;
    size_t in = 0, made = 0;

    return lzma_stream_buffer_decode(&memory, 0, NULL, p, &in, n, out, &made, len) == LZMA_OK ? made
                                                                                              : 0;
}
#endif

#ifdef HAVE_LZ4
/* The old format of lz4: blocks of at most 8 MiB, each behind its size (lib/decompress_unlz4.c). */
static size_t from_lz4(const uint8_t *p, size_t n, uint8_t *out, size_t len)
{
    size_t at = 4, made = 0;

    while (at < n && n - at >= 4) {
        const uint32_t size = eg_le32(p + at);
        int got;

        at += 4;
        if (!size || size > n - at)
            break;
        got = LZ4_decompress_safe((const char *)p + at, (char *)out + made, (int)size,
                                  (int)EG_MIN(len - made, (size_t)BLOCK));
        if (got <= 0)
            break;
        made += (size_t)got;
        at += size;
    }
    return made;
}
#endif

static const struct packer {
    const char *magic;
    size_t n;
    size_t (*make)(const uint8_t *p, size_t n, uint8_t *out, size_t len);
} packers[] = {
    { "\x1f\x8b", 2, from_gzip },
    { "\x28\xb5\x2f\xfd", 4, from_zstd },
#ifdef HAVE_XZ
    { "\xfd"
      "7zXZ",
      5, from_xz },
#endif
#ifdef HAVE_LZ4
    { "\x02\x21\x4c\x18", 4, from_lz4 },
#endif
};

static const struct packer *packer_of(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < countof(packers); i++)
        if (n > packers[i].n && !memcmp(p, packers[i].magic, packers[i].n))
            return &packers[i];
    return NULL;
}

bool linux_kelf_packed(const uint8_t *p, size_t n)
{
    return packer_of(p, n);
}

/* Of a file that does not say how much it makes, that a buffer was filled to its end may mean that
 * there is more. */
bool linux_kelf_unpack(struct eg_run *r, struct linux_kelf *k, const uint8_t *p, size_t n,
                       size_t len, const char **why)
{
    const struct packer *packer = packer_of(p, n);
    size_t room = len ? len : EG_MAX(8 * n, (size_t)1 << 20), made;

    *why = "it is packed in a way that this program or build does not know";
    if (!packer)
        return false;
    *why = "it is cut off or damaged";
    for (; room <= LINUX_KELF_MAX; room *= 8) {
        uint8_t *out = malloc(room);

        made = out ? packer->make(p, n, out, room) : 0;
        if (len ? made == len : made && made < room) {
            void **slot = eg_vec_push(&k->kept->blocks);

            if (slot) {
                *slot = k->image = out;
                k->len = made;
                return true;
            }
        }
        free(out);
        if (len || !out || eg_stopped(r))
            break;
    }
    return false;
}

/* ---- section headers ---- */

bool linux_kelf_sections(struct eg_run *r, struct linux_kelf *k)
{
    const uint8_t *head = linux_kelf_bytes(r, k, 0, 64), *table, *names, *s;
    uint64_t shoff, size;
    unsigned n, text;

    if (!head || memcmp(head, "\177ELF\2\1", 6) != 0 || eg_le16(head + 58) != 64)
        return false;
    shoff = eg_le64(head + 40);
    n = eg_le16(head + 60);
    text = eg_le16(head + 62);
    table =
        n && n <= SECTIONS_MAX && text < n ? linux_kelf_bytes(r, k, shoff, 64 * (uint64_t)n) : NULL;
    size = table ? eg_le64(table + 64 * text + 32) : 0;
    names = size ? linux_kelf_bytes(r, k, eg_le64(table + 64 * text + 24), size) : NULL;
    if (!names || names[size - 1])
        return false;
    k->section = eg_tmp(r, n * sizeof *k->section);
    for (unsigned i = 0; i < n; i++) {
        s = table + 64 * i;
        k->section[i] = (struct linux_kelf_section){
            .name = eg_le32(s) < size ? (const char *)names + eg_le32(s) : "",
            .type = eg_le32(s + 4),
            .flags = eg_le64(s + 8),
            .addr = eg_le64(s + 16),
            .offset = eg_le64(s + 24),
            .size = eg_le64(s + 32),
            .link = eg_le32(s + 40),
            .info = eg_le32(s + 44),
        };
    }
    k->n_sections = n;
    k->machine = eg_le16(head + 18);
    k->end = shoff + 64 * (uint64_t)n;
    return true;
}
