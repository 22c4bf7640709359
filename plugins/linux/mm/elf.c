/* elf.c - ELF headers, segments, dynamic sections (System V gABI, chapters 4 and 5). */
#include "elf.h"
#include <string.h>

enum {
    SEGMENTS_MAX = 1024, // the kernel takes 64 KiB of them at most: fs/binfmt_elf.c
    SECTIONS_MAX = 1 << 16,
    DYNAMIC_MAX = 4096,
    TEXT_MAX = 512,
};

static uint64_t number(const struct linux_elf *e, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, e->big_endian);
}

/* A word of the class's size, where the two classes have it at different places. */
static uint64_t word(const struct linux_elf *e, const uint8_t *p, unsigned wide, unsigned narrow)
{
    return e->wide ? number(e, p + wide, 8) : number(e, p + narrow, 4);
}

/* Bytes of the file by their offset. @return false: not there. */
static bool read_file(struct eg_run *r, const struct linux_elf *e, uint64_t offset, void *buf,
                      size_t len)
{
    uint64_t at, end;

    return eg_add(e->at, offset, &at) && eg_add(at, len, &end) &&
           eg_read(eg_view_of(r), e->space, at, buf, len);
}

char *linux_elf_text(struct eg_run *r, struct eg_space *space, uint64_t at, size_t max)
{
    char buf[TEXT_MAX], *out;
    size_t n = 0;

    max = EG_MIN(max, sizeof buf);
    while (n < max) {
        size_t len = max - n;
        const uint8_t *p = at + n < at ? NULL : eg_map_some(eg_view_of(r), space, at + n, &len);
        const uint8_t *nul = p ? memchr(p, 0, len) : NULL;

        if (!p)
            return NULL;
        if (nul)
            len = (size_t)(nul - p);
        memcpy(buf + n, p, len);
        n += len;
        if (!nul)
            continue;
        out = eg_tmp(r, n + 1);
        memcpy(out, buf, n);
        return out;
    }
    return NULL;
}

/* ---- headers ---- */

static void read_segments(struct eg_run *r, struct linux_elf *e, uint64_t offset, uint64_t n)
{
    const unsigned size = e->wide ? 56 : 32;
    uint8_t p[56];

    n = EG_MIN(n, (uint64_t)SEGMENTS_MAX);
    e->segments = n ? eg_tmp(r, n * sizeof e->segments[0]) : NULL;
    for (uint64_t i = 0; i < n; i++) {
        struct linux_elf_segment *s = &e->segments[e->n_segments];
        uint64_t at;

        if (!eg_add(offset, i * size, &at) || !read_file(r, e, at, p, size))
            continue;
        *s = (struct linux_elf_segment){ .type = (uint32_t)number(e, p, 4),
                                         .flags = (uint32_t)number(e, p + (e->wide ? 4 : 24), 4),
                                         .offset = word(e, p, 8, 4),
                                         .vaddr = word(e, p, 16, 8),
                                         .filesz = word(e, p, 32, 16),
                                         .memsz = word(e, p, 40, 20),
                                         .align = word(e, p, 48, 28) };
        e->n_segments++;
    }
}

static const struct linux_elf_segment *segment_of(const struct linux_elf *e, uint32_t type)
{
    for (unsigned i = 0; i < e->n_segments; i++)
        if (e->segments[i].type == type)
            return &e->segments[i];
    return NULL;
}

/* The header is at offset 0, which a segment maps. */
static uint64_t bias_of(const struct linux_elf *e)
{
    const struct linux_elf_segment *first = segment_of(e, ELF_LOAD),
                                   *headers = segment_of(e, ELF_PHDR);

    for (unsigned i = 0; i < e->n_segments; i++)
        if (e->segments[i].type == ELF_LOAD && !e->segments[i].offset)
            return e->at - e->segments[i].vaddr;
    if (headers)
        return e->at + headers->offset - headers->vaddr;
    return first ? e->at - (first->vaddr - first->offset) : e->at;
}

bool linux_elf_open(struct eg_run *r, struct eg_space *space, uint64_t at, bool is_file,
                    struct linux_elf *out)
{
    struct linux_elf e = { .space = space, .at = at, .is_file = is_file };
    unsigned entry, n;
    uint8_t h[64];

    if (!space || !read_file(r, &e, 0, h, 52) || memcmp(h, "\177ELF", 4) != 0 ||
        (h[4] != 1 && h[4] != 2) || (h[5] != 1 && h[5] != 2) || h[6] != 1)
        return false;
    e.wide = h[4] == 2;
    e.big_endian = h[5] == 2;
    e.type = (uint16_t)number(&e, h + 16, 2);
    e.machine = (uint16_t)number(&e, h + 18, 2);
    // ld.so has the first 16 bytes as a constant.
    if ((!e.type && !e.machine) || (e.wide && !read_file(r, &e, 0, h, 64)))
        return false;
    e.entry = word(&e, h, 24, 24);
    e.phoff = word(&e, h, 32, 28);
    e.shoff = word(&e, h, 40, 32);
    entry = (unsigned)number(&e, h + (e.wide ? 54 : 42), 2);
    n = (unsigned)number(&e, h + (e.wide ? 56 : 44), 2);
    e.section_size = (uint16_t)number(&e, h + (e.wide ? 58 : 46), 2);
    e.n_sections = (uint16_t)number(&e, h + (e.wide ? 60 : 48), 2);
    e.section_names = (uint16_t)number(&e, h + (e.wide ? 62 : 50), 2);
    if (entry == (e.wide ? 56 : 32))
        read_segments(r, &e, e.phoff, n);
    if (!is_file)
        e.bias = bias_of(&e);
    *out = e;
    return true;
}

bool linux_elf_of_headers(struct eg_run *r, struct eg_space *space, uint64_t headers, uint64_t n,
                          bool wide, bool big_endian, struct linux_elf *out)
{
    struct linux_elf e = { .space = space, .wide = wide, .big_endian = big_endian };
    const struct linux_elf_segment *own;

    // As a rule the ELF header is right before them.
    if (space && linux_elf_open(r, space, headers - (wide ? 64 : 52), false, out) &&
        out->n_segments && out->phoff == (wide ? 64 : 52))
        return true;
    if (!space)
        return false;
    read_segments(r, &e, headers, n);
    own = segment_of(&e, ELF_PHDR);
    if (!e.n_segments)
        return false;
    if (own)
        e.bias = headers - own->vaddr;
    e.at = e.bias;
    *out = e;
    return true;
}

/* ---- places ---- */

bool linux_elf_place(const struct linux_elf *e, uint64_t vaddr, uint64_t len, uint64_t *at)
{
    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];
        const uint64_t in = vaddr - s->vaddr;
        uint64_t offset, place;

        if (s->type != ELF_LOAD || vaddr < s->vaddr ||
            !eg_within(in, len, e->is_file ? s->filesz : s->memsz))
            continue;
        if (!e->is_file) {
            *at = vaddr + e->bias;
            return *at + len >= *at;
        }
        if (!eg_add(s->offset, in, &offset) || !eg_add(e->at, offset, &place))
            return false;
        *at = place;
        return true;
    }
    return false;
}

bool linux_elf_pointer(const struct linux_elf *e, uint64_t value, uint64_t len, uint64_t *at)
{
    return (!e->is_file && linux_elf_place(e, value - e->bias, len, at)) ||
           linux_elf_place(e, value, len, at);
}

bool linux_elf_dynamic(struct eg_run *r, const struct linux_elf *e, uint64_t tag, uint64_t *value)
{
    return linux_elf_dynamic_nth(r, e, tag, 0, value);
}

bool linux_elf_dynamic_nth(struct eg_run *r, const struct linux_elf *e, uint64_t tag, unsigned nth,
                           uint64_t *value)
{
    const struct linux_elf_segment *s = segment_of(e, ELF_DYNAMIC);
    const unsigned size = e->wide ? 16 : 8;
    uint64_t at, n;

    if (!s ||
        (e->is_file ? !eg_add(e->at, s->offset, &at) : !linux_elf_place(e, s->vaddr, size, &at)))
        return false;
    n = EG_MIN(s->filesz / size, (uint64_t)DYNAMIC_MAX);
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *p = eg_bytes(eg_view_of(r), e->space, at + i * size, size);
        const uint64_t own = p ? word(e, p, 0, 0) : 0;

        if (!own)
            return false;
        if (own == tag && !nth--) {
            *value = word(e, p, 8, 4);
            return true;
        }
    }
    return false;
}

/* ---- relocations ---- */

enum { DT_PLTRELSZ = 2, DT_RELA = 7, DT_RELASZ, DT_REL = 17, DT_RELSZ, DT_PLTREL = 20 };
enum { DT_JMPREL = 23, TABLES = 3, RELOCS_MAX = 1 << 20 };

/* DT_JMPREL, DT_RELA, DT_REL, one after the other. */
static bool next_table(struct eg_run *r, const struct linux_elf *e, struct linux_elf_reloc_walk *w)
{
    static const struct {
        uint64_t table, bytes;
    } tags[TABLES] = { { DT_JMPREL, DT_PLTRELSZ }, { DT_RELA, DT_RELASZ }, { DT_REL, DT_RELSZ } };
    const unsigned size = e->wide ? 8 : 4;

    while (w->table < TABLES) {
        const int i = w->table++;
        uint64_t at, bytes, kind = tags[i].table;

        if (!linux_elf_dynamic(r, e, tags[i].table, &at) ||
            !linux_elf_dynamic(r, e, tags[i].bytes, &bytes) ||
            (!i && !linux_elf_dynamic(r, e, DT_PLTREL, &kind)))
            continue;
        w->addends = kind == DT_RELA;
        w->entry = size * (w->addends ? 3 : 2);
        w->left = EG_MIN(bytes / w->entry, (uint64_t)RELOCS_MAX);
        if (w->left && linux_elf_pointer(e, at, w->left * w->entry, &w->at))
            return true;
        w->left = 0;
    }
    return false;
}

bool linux_elf_next_reloc(struct eg_run *r, const struct linux_elf *e,
                          struct linux_elf_reloc_walk *w, struct linux_elf_reloc *out)
{
    while (!eg_stopped(r) && (w->left || next_table(r, e, w))) {
        const uint8_t *p = eg_bytes(eg_view_of(r), e->space, w->at, w->entry);
        uint64_t info;

        w->at += w->entry;
        w->left--;
        if (!p)
            continue;
        info = word(e, p, 8, 4);
        *out = (struct linux_elf_reloc){
            .vaddr = word(e, p, 0, 0),
            .type = (uint32_t)(e->wide ? info : info & 0xff),
            .symbol = (uint32_t)(e->wide ? info >> 32 : info >> 8),
            .addend = w->addends ? word(e, p, 16, 8) : 0,
            .plt = w->table == 1,
        };
        if (out->symbol || linux_elf_reloc_kind(e->machine, out->type) == ELF_RELOC_RESOLVED)
            return true;
    }
    return false;
}

enum linux_elf_reloc_kind linux_elf_reloc_kind(uint16_t machine, uint32_t type)
{
    static const struct {
        uint16_t machine;
        uint32_t absolute, global, slot, resolved;
    } types[] = {
        // the processors' ABI supplements
        { 3, 1, 6, 7, 42 },
        { ELF_X86_64, 1, 6, 7, 37 },
        { 40, 2, 21, 22, 160 }, // ARM
        { ELF_AARCH64, 257, 1025, 1026, 1032 },
        { 243, 2, 2, 5, 58 }, // RISC-V
    };

    for (size_t i = 0; i < countof(types); i++)
        if (types[i].machine == machine)
            return type == types[i].slot       ? ELF_RELOC_SLOT
                   : type == types[i].global   ? ELF_RELOC_GLOBAL
                   : type == types[i].absolute ? ELF_RELOC_ABSOLUTE
                   : type == types[i].resolved ? ELF_RELOC_RESOLVED
                                               : ELF_RELOC_OTHER;
    return ELF_RELOC_OTHER;
}
