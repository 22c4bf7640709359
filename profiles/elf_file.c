/* elf_file.c - ELF files by libelf: opening, and sections as bytes (System V gABI chapters 4 and
 * 5). */
#include "elf_file.h"
#include "../core/arch.h"
#include "../core/tmpfile.h"
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

// No compressor of sections has a higher ratio: a header that claims one is refused.
enum { RATIO_MAX = 4096 };
// Sections of fewer bytes are copied to memory, of which there is a limit for all of them.
enum { SMALL = 1 << 16, SMALL_MAX = 1 << 26 };

// One section of relocations.
struct eg_elf_relocations {
    uint32_t target, own; // section indexes
};

int eg_elf_open_bytes(struct eg_elf *f, const void *bytes, uint64_t len, const char *path,
                      struct eg_error *e)
{
    const uint8_t *ident = bytes;
    GElf_Ehdr h;

    *f = (struct eg_elf){ .path = path, .bytes = bytes, .size = len, .small.limit = SMALL_MAX };
    elf_version(EV_CURRENT);
    if (len < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        !(f->elf = elf_memory((char *)bytes, len)) || !gelf_getehdr(f->elf, &h)) {
        elf_end(f->elf);
        f->elf = NULL;
        return eg_fail(e, EG_EFORMAT, "%s: not an ELF file, or cut short", path);
    }
    f->model.ptr_size = f->model.long_size = ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
    f->model.big_endian = ident[EI_DATA] == ELFDATA2MSB;
    f->machine = h.e_machine;
    f->relocatable = h.e_type == ET_REL;
    return 0;
}

int eg_elf_open(struct eg_elf *f, const char *path, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, 0);
    struct stat st;
    struct eg_mapped *map;
    int rc;

    *f = (struct eg_elf){ 0 };
    if (fd < 0 || fstat(fd, &st) != 0)
        return eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
    if (st.st_size <= 0)
        return eg_fail(e, EG_EIO, "%s: cannot be mapped: it is empty or not a regular file", path);
    rc = eg_mapped_open(&map, fd, (uint64_t)st.st_size, false, path, e);
    if (rc < 0)
        return rc;
    rc = eg_elf_open_bytes(f, map->bytes, map->size, path, e);
    if (rc < 0) {
        eg_mapped_close(map);
        return rc;
    }
    f->maps[f->n_maps++] = map;
    return 0;
}

int eg_elf_check(const struct eg_elf *f, struct eg_error *e)
{
    uint64_t faults = 0;

    for (unsigned i = 0; i < f->n_maps; i++)
        faults += atomic_load(&f->maps[i]->faults);
    return faults ? eg_fail(e, EG_EIO,
                            "%s: %" PRIu64 " pages could not be read: a failing disk, or the file "
                            "was cut short meanwhile",
                            f->path, faults)
                  : 0;
}

void eg_elf_close(struct eg_elf *f)
{
    elf_end(f->elf);
    while (f->n_maps)
        eg_mapped_close(f->maps[--f->n_maps]);
    eg_arena_fini(&f->small);
    eg_vec_fini(&f->relocations);
    *f = (struct eg_elf){ 0 };
}

/* ---- sections ---- */

// The first section of that name behind section @after. ".debug_info" is also found as
// ".zdebug_info", the older GNU way to compress.
static Elf_Scn *find(const struct eg_elf *f, const char *name, size_t after, GElf_Shdr *h,
                     bool *gnu)
{
    size_t names;

    if (elf_getshdrstrndx(f->elf, &names) != 0)
        return NULL;
    for (Elf_Scn *s = after ? elf_getscn(f->elf, after) : NULL; (s = elf_nextscn(f->elf, s));) {
        const char *is = gelf_getshdr(s, h) ? elf_strptr(f->elf, names, h->sh_name) : NULL;

        if (!is || h->sh_type == SHT_NOBITS || !eg_within(h->sh_offset, h->sh_size, f->size))
            continue;
        *gnu = is[0] == '.' && is[1] == 'z' && !strcmp(is + 2, name + 1);
        if (*gnu || !strcmp(is, name))
            return s;
    }
    return NULL;
}

bool eg_elf_has(const struct eg_elf *f, const char *name)
{
    GElf_Shdr h;
    bool gnu;

    return find(f, name, 0, &h, &gnu) && h.sh_size;
}

// Room for a copy of a section, kept by @f: a shared map of a new file without a name.
static uint8_t *temporary(struct eg_elf *f, uint64_t len, struct eg_error *e)
{
    eg_cleanup(eg_close_fd_) int fd = -1;
    uint8_t *small = len < SMALL ? eg_arena_alloc(&f->small, (size_t)len) : NULL;

    if (small)
        return small;
    fd = eg_tmpfile(NULL);
    // posix_fallocate: a full disk is an error here, and not a signal later.
    if (fd < 0 || f->n_maps == EG_ELF_MAPS_MAX || posix_fallocate(fd, 0, (off_t)len) != 0 ||
        eg_mapped_open(&f->maps[f->n_maps], fd, len, true, f->path, NULL) < 0) {
        eg_fail(e, EG_EIO, "%s: no room for %" PRIu64 " MiB in %s: set TMPDIR to another folder",
                f->path, len >> 20, eg_tmpdir(NULL));
        return NULL;
    }
    return f->maps[f->n_maps++]->bytes;
}

static bool unpack_zlib(const uint8_t *from, uint64_t n, uint8_t *to, uint64_t len)
{
    enum { STEP = 1 << 30 };
    z_stream z = { .next_in = (uint8_t *)from, .next_out = to };
    int rc = inflateInit(&z);

    while (rc == Z_OK) {
        const uint64_t in = (uint64_t)(z.next_in - from), out = (uint64_t)(z.next_out - to);

        z.avail_in = (uInt)EG_MIN(n - in, (uint64_t)STEP);
        z.avail_out = (uInt)EG_MIN(len - out, (uint64_t)STEP);
        rc = inflate(&z, Z_NO_FLUSH);
    }
    inflateEnd(&z);
    return rc == Z_STREAM_END && z.next_out == to + len;
}

static int unpack(struct eg_elf *f, const char *name, Elf_Scn *s, bool gnu, const uint8_t **p,
                  uint64_t *len, struct eg_error *e)
{
    const size_t head = gnu ? 12 : f->model.ptr_size == 8 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
    uint32_t how = ELFCOMPRESS_ZLIB;
    uint64_t size;
    GElf_Chdr c;
    uint8_t *to;
    bool good;

    if (gnu && *len >= head && !memcmp(*p, "ZLIB", 4)) {
        size = eg_be64(*p + 4);
    } else if (!gnu && *len >= head && gelf_getchdr(s, &c)) {
        size = c.ch_size;
        how = c.ch_type;
    } else {
        return eg_fail(e, EG_EFORMAT, "%s: %s: bad header of a compressed section", f->path, name);
    }
    if (how != ELFCOMPRESS_ZLIB && how != ELFCOMPRESS_ZSTD)
        return eg_fail(e, EG_EUNSUP,
                       "%s: %s: compression %" PRIu32
                       " is not known: try objcopy --decompress-debug-sections",
                       f->path, name, how);
    if (!size || size / RATIO_MAX > *len)
        return eg_fail(e, EG_EFORMAT, "%s: %s: says that it unpacks to %" PRIu64 " bytes", f->path,
                       name, size);
    to = temporary(f, size, e);
    if (!to)
        return -EG_EIO;
    good = how == ELFCOMPRESS_ZLIB ? unpack_zlib(*p + head, *len - head, to, size)
                                   : ZSTD_decompress(to, size, *p + head, *len - head) == size;
    if (!good)
        return eg_fail(e, EG_EFORMAT, "%s: %s: compressed data is damaged: get the file again",
                       f->path, name);
    *p = to;
    *len = size;
    return 0;
}

/* ---- relocations ---- */

static uint64_t load(const uint8_t *p, unsigned w, bool big)
{
    return w == 8 ? (big ? eg_be64(p) : eg_le64(p)) : big ? eg_be32(p) : eg_le32(p);
}

static void store(uint8_t *p, unsigned w, bool big, uint64_t v)
{
    for (unsigned i = 0; i < w; i++)
        p[big ? w - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

// One SHT_RELA or SHT_REL section, on the @len bytes at @to. An unknown relocation type is an
// error, because a name or reference would be wrong without it.
static int apply(const struct eg_elf *f, const GElf_Shdr *h, Elf_Data *relocs, Elf_Data *symbols,
                 uint8_t *to, uint64_t len, struct eg_error *e)
{
    const size_t n = h->sh_entsize ? h->sh_size / h->sh_entsize : 0;

    for (size_t i = 0; i < n; i++) {
        GElf_Rela r = { 0 };
        GElf_Rel rel;
        GElf_Sym sym;
        unsigned w;

        if (h->sh_type == SHT_RELA ? !gelf_getrela(relocs, (int)i, &r)
                                   : !gelf_getrel(relocs, (int)i, &rel))
            return 0;
        if (h->sh_type == SHT_REL)
            r = (GElf_Rela){ .r_offset = rel.r_offset, .r_info = rel.r_info };
        w = eg_arch_relocation(f->machine, (uint32_t)GELF_R_TYPE(r.r_info));
        if (!w && eg_arch_relocation_spared(f->machine, (uint32_t)GELF_R_TYPE(r.r_info)))
            continue;
        if (!w)
            return eg_fail(e, EG_EUNSUP,
                           "%s: relocations of type %" PRIu32
                           " of ELF machine %u are not known: take "
                           "a linked file, or one that is already relocated",
                           f->path, (uint32_t)GELF_R_TYPE(r.r_info), f->machine);
        if (!eg_within(r.r_offset, w, len) ||
            !gelf_getsym(symbols, (int)GELF_R_SYM(r.r_info), &sym))
            continue;
        if (h->sh_type == SHT_REL)
            r.r_addend = (int64_t)load(to + r.r_offset, w, f->model.big_endian);
        store(to + r.r_offset, w, f->model.big_endian, sym.st_value + (uint64_t)r.r_addend);
    }
    return 0;
}

static int by_target(const void *a, const void *b)
{
    const struct eg_elf_relocations *x = a, *y = b;

    if (x->target != y->target)
        return x->target < y->target ? -1 : 1;
    return (x->own > y->own) - (x->own < y->own);
}

// An object file has thousands of sections: they are looked through once.
static int list_relocations(struct eg_elf *f, struct eg_error *e)
{
    uint64_t bytes = 0;

    for (Elf_Scn *s = NULL; !f->listed && (s = elf_nextscn(f->elf, s));) {
        struct eg_elf_relocations *to;
        GElf_Shdr h;

        if (!gelf_getshdr(s, &h) || (h.sh_type != SHT_RELA && h.sh_type != SHT_REL) ||
            h.sh_flags & SHF_COMPRESSED)
            continue;
        // A thousand headers may mean the same relocations, for one section.
        if (!eg_add(bytes, h.sh_size, &bytes) || bytes > f->size)
            return eg_fail(e, EG_EFORMAT, "%s: sections of relocations overlap", f->path);
        to = eg_vec_push(&f->relocations);
        if (!to)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory", f->path);
        *to = (struct eg_elf_relocations){ h.sh_info, (uint32_t)elf_ndxscn(s) };
    }
    if (!f->listed && f->relocations.n)
        qsort(f->relocations.at, f->relocations.n, sizeof *f->relocations.at, by_target);
    f->listed = true;
    return 0;
}

/** @ours: *@p was unpacked, so it can be written to. */
static int relocate(struct eg_elf *f, size_t target, bool ours, const uint8_t **p, uint64_t len,
                    struct eg_error *e)
{
    uint8_t *to = ours ? (uint8_t *)*p : NULL;
    int rc = list_relocations(f, e);

    if (rc < 0)
        return rc;
    for (size_t i = eg_lower_bound(f->relocations.n, k, f->relocations.at[k].target < target);
         i < f->relocations.n && f->relocations.at[i].target == target; i++) {
        Elf_Scn *s = elf_getscn(f->elf, f->relocations.at[i].own), *table;
        Elf_Data *relocs, *symbols;
        GElf_Shdr h, hs;

        if (!gelf_getshdr(s, &h))
            continue;
        table = elf_getscn(f->elf, h.sh_link);
        symbols = table && gelf_getshdr(table, &hs) && hs.sh_type == SHT_SYMTAB
                      ? elf_getdata(table, NULL)
                      : NULL;
        relocs = elf_getdata(s, NULL);
        if (!symbols || !relocs)
            return eg_fail(e, EG_EFORMAT, "%s: relocations without symbols", f->path);
        if (!to) {
            to = temporary(f, len, e);
            if (!to)
                return -EG_EIO;
            memcpy(to, *p, len);
            *p = to;
        }
        rc = apply(f, &h, relocs, symbols, to, len, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int eg_elf_next_section(struct eg_elf *f, const char *name, size_t *i, const uint8_t **p,
                        uint64_t *len, struct eg_error *e)
{
    const uint8_t *bytes = NULL;
    uint64_t n = 0;
    GElf_Shdr h;
    bool gnu, packed;
    int rc = 0;
    Elf_Scn *s = find(f, name, *i, &h, &gnu);

    while (s && !h.sh_size)
        s = find(f, name, elf_ndxscn(s), &h, &gnu);
    if (s) {
        *i = elf_ndxscn(s);
        bytes = f->bytes + h.sh_offset;
        n = h.sh_size;
        packed = gnu || h.sh_flags & SHF_COMPRESSED;
        if (packed)
            rc = unpack(f, name, s, gnu, &bytes, &n, e);
        if (rc == 0 && f->relocatable)
            rc = relocate(f, *i, packed, &bytes, n, e);
        if (rc < 0)
            return rc;
    }
    *p = bytes;
    *len = n;
    return 0;
}

int eg_elf_section(struct eg_elf *f, const char *name, const uint8_t **p, uint64_t *len,
                   struct eg_error *e)
{
    return eg_elf_next_section(f, name, &(size_t){ 0 }, p, len, e);
}
