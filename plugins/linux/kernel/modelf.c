/* modelf.c - memory of a module as an ELF file (elf(5)): program headers behind the header, then
 * the memory, then symbols, names and section headers. */
#include "modelf.h"
#include "../../../core/base.h"
#include "../../../core/system.h"

enum {
    EXEC = 2,     // ET_EXEC: addresses are final
    LOAD = 1,     // PT_LOAD
    PROGBITS = 1, // SHT_…
    SYMTAB = 2,
    STRTAB = 3,
    NOTE = 7,
    NOBITS = 8,
    WRITE = 1, // SHF_…
    ALLOC = 2,
    EXECUTE = 4,
    ABSOLUTE = 0xfff1, // SHN_ABS
    PAGE = 4096,
    SECTIONS_MAX = 0xff00 - 8, // SHN_LORESERVE
    PARTS_MAX = 64,
};

/** Bytes that are put together in memory. */
struct bytes {
    struct eg_run *r;
    uint8_t *at;
    size_t n, cap;
    bool wide, big;
};

static void put_raw(struct bytes *b, const void *p, size_t len)
{
    if (b->n + len > b->cap) {
        const size_t cap = 2 * (b->n + len) + 256;
        uint8_t *more = eg_tmp(b->r, cap);

        if (b->n)
            memcpy(more, b->at, b->n);
        b->at = more;
        b->cap = cap;
    }
    memcpy(b->at + b->n, p, len);
    b->n += len;
}

static void put(struct bytes *b, unsigned size, uint64_t v)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[b->big ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
    put_raw(b, bytes, size);
}

static void put_word(struct bytes *b, uint64_t v)
{
    put(b, b->wide ? 8 : 4, v);
}

/* @return where it begins. */
static uint32_t put_text(struct bytes *b, const char *s)
{
    const size_t at = b->n;

    put_raw(b, s, strlen(s) + 1);
    return (uint32_t)at;
}

struct section {
    uint32_t name, type, flags, link, info, align, each;
    uint64_t addr, offset, size;
};

static void put_section(struct bytes *b, const struct section *s)
{
    put(b, 4, s->name);
    put(b, 4, s->type);
    put_word(b, s->flags);
    put_word(b, s->addr);
    put_word(b, s->offset);
    put_word(b, s->size);
    put(b, 4, s->link);
    put(b, 4, s->info);
    put_word(b, s->align);
    put_word(b, s->each);
}

static void put_segment(struct bytes *b, const struct linux_modelf_part *p)
{
    const unsigned flags = 4u | (p->write ? 2u : 0) | (p->execute ? 1u : 0);

    put(b, 4, LOAD);
    if (b->wide)
        put(b, 4, flags);
    put_word(b, p->offset);
    put_word(b, p->first);
    put_word(b, p->first);
    put_word(b, p->size);
    put_word(b, p->size);
    if (!b->wide)
        put(b, 4, flags);
    put_word(b, PAGE);
}

static void put_symbol(struct bytes *b, uint32_t name, const struct linux_modelf_symbol *s,
                       uint16_t section)
{
    put(b, 4, name);
    if (b->wide) {
        put(b, 1, s->info);
        put(b, 1, 0);
        put(b, 2, section);
        put_word(b, s->addr);
        put_word(b, s->size);
    } else {
        put_word(b, s->addr);
        put_word(b, s->size);
        put(b, 1, s->info);
        put(b, 1, 0);
        put(b, 2, section);
    }
}

static void put_header(struct bytes *b, uint16_t machine, uint64_t sections, size_t n_parts,
                       size_t n_sections)
{
    const uint8_t ident[16] = {
        0x7f, 'E', 'L', 'F', b->wide ? 2 : 1, b->big ? 2 : 1, 1,
    };

    put_raw(b, ident, sizeof ident);
    put(b, 2, EXEC);
    put(b, 2, machine);
    put(b, 4, 1);
    put_word(b, 0);
    put_word(b, b->wide ? 64 : 52);
    put_word(b, sections);
    put(b, 4, 0);
    put(b, 2, b->wide ? 64 : 52);
    put(b, 2, b->wide ? 56 : 32);
    put(b, 2, n_parts);
    put(b, 2, b->wide ? 64 : 40);
    put(b, 2, n_sections);
    put(b, 2, n_sections - 1);
}

/* Sections are few, and symbols many: by address, the last that begins before the symbol. */
static uint16_t section_of(const struct linux_modelf *elf, uint64_t addr)
{
    const size_t i = eg_lower_bound(elf->n_sections, k, elf->sections[k].addr <= addr);

    for (size_t k = i; k > 0 && i - k < 8; k--) {
        const struct linux_modelf_section *s = &elf->sections[k - 1];

        // A symbol at the very end of a section (__start, __stop) belongs to it too.
        if (addr - s->addr <= s->size)
            return (uint16_t)k;
    }
    return ABSOLUTE;
}

/* Those of the file itself first. @return how many of them, with the one that every table begins
 * with. */
static uint32_t put_symbols(struct bytes *b, struct bytes *names, const struct linux_modelf *elf)
{
    const struct linux_modelf_symbol none = { 0 };
    uint32_t n = 1;

    put_symbol(b, 0, &none, 0);
    for (int global = 0; global <= 1; global++)
        for (size_t i = 0; i < elf->n_symbols && !eg_stopped(b->r); i++) {
            const struct linux_modelf_symbol *s = &elf->symbols[i];

            if ((s->info >> 4 != 0) != global)
                continue;
            put_symbol(b, put_text(names, s->name), s, section_of(elf, s->addr));
            n += !global;
        }
    return n;
}

static uint64_t offset_in(const struct linux_modelf *elf, const struct linux_modelf_section *s)
{
    for (size_t i = 0; i < elf->n_parts; i++)
        if (s->addr - elf->parts[i].first < elf->parts[i].size)
            return elf->parts[i].offset + (s->addr - elf->parts[i].first);
    return 0;
}

static uint32_t type_of(const struct linux_modelf_section *s)
{
    return s->outside ? NOBITS : !strncmp(s->name, ".note", 5) ? NOTE : PROGBITS;
}

/* Addresses and offsets are alike in a page, as loaders want them. @return the first offset behind
 * them. */
static uint64_t lay_out(struct linux_modelf *elf, uint64_t at)
{
    for (size_t i = 0; i < elf->n_parts; i++) {
        struct linux_modelf_part *p = &elf->parts[i];

        p->offset = eg_align_up(at, PAGE) + (p->first & (PAGE - 1));
        at = p->offset + p->size;
    }
    return eg_align_up(at, 16);
}

static bool write_at(struct linux_copy *c, uint64_t offset, const struct bytes *b)
{
    if (b->n &&
        (fseeko(c->f, (off_t)offset, SEEK_SET) != 0 || fwrite(b->at, 1, b->n, c->f) != b->n))
        c->failed = true;
    c->end = EG_MAX(c->end, offset + b->n);
    return !c->failed;
}

static void put_sections(struct bytes *b, struct bytes *names, const struct linux_modelf *elf,
                         const struct section *own)
{
    put_section(b, &(struct section){ 0 });
    for (size_t i = 0; i < elf->n_sections; i++) {
        const struct linux_modelf_section *s = &elf->sections[i];

        put_section(b, &(struct section){ .name = put_text(names, s->name),
                                          .type = type_of(s),
                                          .flags = ALLOC | (s->write ? WRITE : 0) |
                                                   (s->execute ? EXECUTE : 0),
                                          .addr = s->addr,
                                          .offset = s->outside ? 0 : offset_in(elf, s),
                                          .size = s->size,
                                          .align = 1 });
    }
    for (unsigned i = 0; i < 3; i++)
        put_section(b, &own[i]);
}

bool linux_modelf_write(struct eg_run *r, struct linux_modelf *elf, struct linux_copy *c)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    const struct eg_arch *arch = eg_system_of(r)->arch;
    struct bytes b[5] = { { 0 } }, *head = &b[0], *symbols = &b[1], *strings = &b[2],
                 *names = &b[3], *table = &b[4];
    uint64_t at, sections;
    struct section own[3];
    uint32_t locals;

    for (size_t i = 0; i < countof(b); i++)
        b[i] = (struct bytes){ .r = r, .wide = m->ptr_size == 8, .big = m->big_endian };
    elf->n_parts = EG_MIN(elf->n_parts, (size_t)PARTS_MAX);
    elf->n_sections = EG_MIN(elf->n_sections, (size_t)SECTIONS_MAX);
    at = lay_out(elf, head->wide ? 64 + 56 * elf->n_parts : 52 + 32 * elf->n_parts);
    put_text(strings, "");
    put_text(names, "");
    locals = put_symbols(symbols, strings, elf);
    own[0] = (struct section){ .name = put_text(names, ".symtab"),
                               .type = SYMTAB,
                               .offset = at,
                               .size = symbols->n,
                               .link = (uint32_t)elf->n_sections + 2,
                               .info = locals,
                               .align = 8,
                               .each = symbols->wide ? 24 : 16 };
    own[1] = (struct section){ .name = put_text(names, ".strtab"),
                               .type = STRTAB,
                               .offset = at + symbols->n,
                               .size = strings->n,
                               .align = 1 };
    own[2] = (struct section){ .name = put_text(names, ".shstrtab"), .type = STRTAB, .align = 1 };
    for (size_t i = 0; i < elf->n_sections; i++) // so that the size is known before the headers
        own[2].size += strlen(elf->sections[i].name) + 1;
    own[2].size += names->n;
    own[2].offset = own[1].offset + strings->n;
    sections = eg_align_up(own[2].offset + own[2].size, 16);
    put_sections(table, names, elf, own);
    put_header(head, arch ? arch->elf_machine : 0, sections, elf->n_parts, elf->n_sections + 4);
    for (size_t i = 0; i < elf->n_parts; i++) {
        const struct linux_modelf_part *p = &elf->parts[i];

        put_segment(head, p);
        if (!linux_copy_range(r, c, eg_kernel(r), p->first, p->first + (p->size - 1), p->offset))
            return false;
    }
    return write_at(c, 0, head) && write_at(c, at, symbols) &&
           write_at(c, own[1].offset, strings) && write_at(c, own[2].offset, names) &&
           write_at(c, sections, table) && linux_copy_done(r, c);
}
