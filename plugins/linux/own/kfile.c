/* kfile.c - the kernel as its file has it. */
#include "kfile.h"
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
    FILE_MAX = 128 << 20,  /* of a boot image */
    IMAGE_MAX = 256 << 20, /* of what it has packed */
    BLOCK = 8 << 20,       /* of lz4's old format */
    SECTIONS_MAX = 1024,
    WANTED_MAX = 64,
    RELOCATIONS_MAX = 1 << 22, /* a kernel has half a million */
    SHT_NOBITS = 8,
    SHF_ALLOC = 2,
};

struct work {
    struct eg_space *file;
    uint8_t *image; /* the file, or what it has packed; of vmlinux its sections */
    size_t len;
    uint64_t room; /* for sections, which may overlap in a false file */
    EG_VEC(void *) blocks;
};

static void forget(void *arg)
{
    struct work *w = arg;

    for (size_t i = 0; i < w->blocks.n; i++)
        free(w->blocks.at[i]);
    eg_vec_fini(&w->blocks);
    eg_space_close(w->file);
    free(w);
}

static void *block(struct eg_run *r, struct work *w, size_t len)
{
    void *at = malloc(len ? len : 1), **slot = at ? eg_vec_push(&w->blocks) : NULL;

    if (!slot) {
        free(at);
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's file");
        eg_run_leave(r);
    }
    return *slot = at;
}

/* ---- what a boot image has packed ---- */

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
    uint64_t memory = IMAGE_MAX;
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

    while (n - at >= 4 && at < n) {
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

/* Documentation/arch/x86/boot.rst: payload_offset and payload_length, since protocol 2.08; the last
 * four bytes of the payload are how much it makes. */
static bool unpack(struct eg_run *r, struct work *w, const char **why)
{
    static const struct {
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
    const uint8_t *b = w->image;
    uint64_t at, n;
    size_t len;

    *why = "neither an ELF file nor a boot image of x86";
    if (w->len < 0x250 || memcmp(b + 0x202, "HdrS", 4) != 0 || eg_le16(b + 0x206) < 0x208)
        return false;
    at = ((uint64_t)(b[0x1f1] ? b[0x1f1] : 4) + 1) * 512 + eg_le32(b + 0x248);
    n = eg_le32(b + 0x24c);
    *why = "the boot image is cut off or damaged";
    if (n < 16 || !eg_within(at, n, w->len))
        return false;
    len = eg_le32(b + at + n - 4);
    if (len > IMAGE_MAX)
        return false;
    for (size_t i = 0; i < countof(packers); i++) {
        uint8_t *out;

        if (memcmp(b + at, packers[i].magic, packers[i].n) != 0)
            continue;
        out = block(r, w, len);
        if (packers[i].make(b + at, (size_t)n - 4, out, len) != len)
            return false;
        w->image = out;
        w->len = len;
        return true;
    }
    *why = "the boot image is packed in a way that this program or build does not know";
    return false;
}

/* ---- its sections ---- */

static bool wanted(const char *name)
{
    static const char *const prefixes[] = { ".text",  ".alt", ".para", ".retpoline", ".return",
                                            ".call_", ".ibt", ".smp",  "runtime_",   NULL };

    for (const char *const *p = prefixes; *p; p++)
        if (!strncmp(name, *p, strlen(*p)))
            return true;
    return false;
}

/* A place of the file: of a boot image in memory, of vmlinux still in the file. */
static const uint8_t *bytes_at(struct eg_run *r, struct work *w, uint64_t at, uint64_t len)
{
    uint8_t *out;

    if (w->image)
        return eg_within(at, len, w->len) ? w->image + at : NULL;
    if (len > w->room || !eg_within(at, len, eg_space_size(w->file)))
        return NULL;
    w->room -= len;
    out = block(r, w, (size_t)len);
    return eg_read(eg_view_of(r), w->file, at, out, (size_t)len) ? out : NULL;
}

/* @return the end of the ELF file, behind which a boot image has relocations; 0: no such file. */
static uint64_t find_sections(struct eg_run *r, struct work *w, struct linux_kfile *out)
{
    const uint8_t *head = bytes_at(r, w, 0, 64), *table, *names;
    uint64_t shoff, names_size;
    unsigned n, text;

    if (!head || memcmp(head, "\177ELF\2\1", 6) != 0 || eg_le16(head + 18) != ELF_X86_64 ||
        eg_le16(head + 58) != 64)
        return 0;
    shoff = eg_le64(head + 40);
    n = eg_le16(head + 60);
    text = eg_le16(head + 62);
    table = n && n <= SECTIONS_MAX && text < n ? bytes_at(r, w, shoff, 64 * (uint64_t)n) : NULL;
    names_size = table ? eg_le64(table + 64 * text + 32) : 0;
    names = names_size ? bytes_at(r, w, eg_le64(table + 64 * text + 24), names_size) : NULL;
    if (!names || names[names_size - 1])
        return 0;
    out->sections = eg_tmp(r, n * sizeof *out->sections);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *s = table + 64 * i;
        struct linux_kfile_section *to = &out->sections[out->n_sections];
        uint8_t *copy;

        if (eg_le32(s) >= names_size || !(eg_le64(s + 8) & SHF_ALLOC) ||
            eg_le32(s + 4) == SHT_NOBITS || !wanted((const char *)names + eg_le32(s)) ||
            out->n_sections == WANTED_MAX)
            continue;
        to->size = eg_le64(s + 32);
        to->bytes = bytes_at(r, w, eg_le64(s + 24), to->size);
        if (!to->bytes || to->size > w->room)
            continue;
        w->room -= to->size;
        copy = block(r, w, (size_t)to->size); // relocations change it
        to->bytes = memcpy(copy, to->bytes, (size_t)to->size);
        to->addr = eg_le64(s + 16) + (uint64_t)out->shift;
        to->name = (const char *)names + eg_le32(s);
        out->n_sections++;
    }
    return out->n_sections ? shoff + 64 * (uint64_t)n : 0;
}

/* ---- its relocations ---- */

static void relocate(struct linux_kfile *f, int32_t at, unsigned width, int64_t by)
{
    const uint64_t addr = (uint64_t)(int64_t)at + (uint64_t)f->shift;
    uint8_t *p = (uint8_t *)linux_kfile_at(f, addr, width); // of this file's own making
    uint64_t value;

    if (!p)
        return;
    value = (width == 8 ? eg_le64(p) : eg_le32(p)) + (uint64_t)by;
    for (unsigned i = 0; i < width; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* arch/x86/tools/relocs.c: behind the ELF file, each after a zero, the addresses of words of 8
 * bytes, until 6.14 those of words that say how far a per-CPU variable is, those of 4 bytes. */
static void apply_relocations(struct linux_kfile *f, const uint8_t *p, size_t n)
{
    unsigned lists = 0, list = 0;

    for (size_t i = 0; i < n; i++)
        lists += !eg_le32(p + 4 * i);
    if (n < 3 || n > RELOCATIONS_MAX || eg_le32(p) || lists < 2 || lists > 3)
        return;
    for (size_t i = 0; i < n; i++) {
        const int32_t at = (int32_t)eg_le32(p + 4 * i);

        if (!at)
            list++;
        else if (list == 1)
            relocate(f, at, 8, f->shift);
        else
            relocate(f, at, 4, list == 2 && lists == 3 ? -f->shift : f->shift);
    }
    f->relocated = true;
}

bool linux_kfile_open(struct eg_run *r, const char *path, int64_t shift, struct linux_kfile *out,
                      const char **why)
{
    struct work *w = calloc(1, sizeof *w);
    uint8_t magic[4] = { 0 };
    uint64_t end, size;
    struct eg_error e;

    *out = (struct linux_kfile){ .shift = shift };
    if (!w) {
        eg_run_fail(r, EG_ENOMEM, "out of memory for the kernel's file");
        eg_run_leave(r);
    }
    w->room = 2 * (uint64_t)IMAGE_MAX;
    eg_run_defer(r, forget, w);
    if (eg_file_open(&w->file, path, &e) < 0) {
        *why = eg_strf(r, "%s", e.text);
        return false;
    }
    size = eg_space_size(w->file);
    if (!eg_read(eg_view_of(r), w->file, 0, magic, sizeof magic) ||
        memcmp(magic, "\177ELF", 4) != 0) {
        *why = "the file is too large for a boot image, or cannot be read";
        w->len = (size_t)EG_MIN(size, (uint64_t)FILE_MAX + 1);
        if (size > FILE_MAX || !(w->image = (uint8_t *)bytes_at(r, w, 0, size)) ||
            !unpack(r, w, why))
            return false;
    }
    end = find_sections(r, w, out);
    *why = "no kernel of x86-64 with sections";
    if (end && w->image && end < w->len)
        apply_relocations(out, w->image + end, (w->len - (size_t)end) / 4);
    return end;
}

const uint8_t *linux_kfile_at(const struct linux_kfile *f, uint64_t addr, size_t len)
{
    for (size_t i = 0; i < f->n_sections; i++) {
        const struct linux_kfile_section *s = &f->sections[i];

        if (addr >= s->addr && eg_within(addr - s->addr, len, s->size))
            return s->bytes + (addr - s->addr);
    }
    return NULL;
}

const struct linux_kfile_section *linux_kfile_section(const struct linux_kfile *f, const char *name)
{
    for (size_t i = 0; i < f->n_sections; i++)
        if (!strcmp(f->sections[i].name, name))
            return &f->sections[i];
    return NULL;
}
