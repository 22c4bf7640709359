/* vmlinux.c - the ELF file of a kernel (elf(5)): header and program headers, memory, types and
 * frames, symbols, names, section headers: in this order, so that it is written in one go. */
#include "vmlinux.h"
#include "../../../core/run.h"
#include "../../../profiles/vmcoreinfo.h"
#include "../mm/elf.h"
#include "vmlinux_frames.h"
#include <stdlib.h>

EG_SYMBOL_AS(own_vmcoreinfo, "vmcoreinfo_data", "char *");
EG_SYMBOL_AS(own_vmcoreinfo_size, "vmcoreinfo_size", "unsigned long");

enum {
    EXEC = 2,     // ET_EXEC: addresses are final
    PROGBITS = 1, // SHT_…
    SYMTAB = 2,
    STRTAB = 3,
    NOTE = 7,
    NOBITS = 8,
    WRITE = 1, // SHF_…
    ALLOC = 2,
    EXECUTE = 4,
    SECTION_SYMBOL = 3, // STT_SECTION
    ABSOLUTE = 0xfff1,  // SHN_ABS
    PAGE = 4096,
    HEADER = 64,
    SEGMENT = 56,
    SECTIONS_MAX = 0xf000,
    NOTES_MAX = 1 << 16,
    TEXT_MAX = 1 << 30, // bytes of one section that are copied
};

struct section {
    const char *name;
    uint32_t type, flags, link, info, align, each;
    uint64_t addr, size;  // addr: in memory
    const uint8_t *bytes; // NULL: of memory, or none
    uint64_t offset;
};
struct elf {
    struct linux_vmlinux x;
    FILE *f;
    struct section *sections;
    size_t n, cap;
    size_t n_memory; // those that have addresses, by address; they come first behind section 0
    struct eg_dwarf_section symtab, strtab, names;
    uint64_t at; // bytes written
};

static struct section *add(struct elf *e, struct section s)
{
    e->sections = eg_grow(e->x.r, e->sections, e->n, &e->cap, sizeof s);
    e->sections[e->n] = s;
    return &e->sections[e->n++];
}

/* ---- what lies in memory ---- */

/* Parts of the image, as the kernel's own linker script names their ends
 * (include/asm-generic/vmlinux.lds.h). crash opens no file without the bytes of .text and .data,
 * takes symbols of data below the image for per-CPU variables, and looks for the banner in the
 * section that the symbol .rodata begins; and debuggers take what has no bytes for zeros. */
static const struct part {
    const char *name, *from, *to;
    uint32_t type, flags;
} parts[] = {
    { ".text", "_stext", "_etext", PROGBITS, ALLOC | EXECUTE },
    { ".rodata", "__start_rodata", "__end_rodata", PROGBITS, ALLOC },
    { ".notes", "__start_notes", "__stop_notes", NOTE, ALLOC },
    { ".init.text", "_sinittext", "_einittext", PROGBITS, ALLOC | EXECUTE },
    { ".data", "_sdata", "_edata", PROGBITS, ALLOC | WRITE },
    { ".bss", "__bss_start", "__bss_stop", PROGBITS, ALLOC | WRITE },
    { ".data..percpu", "__per_cpu_start", "__per_cpu_end", PROGBITS, ALLOC | WRITE },
};

static int by_address(const void *a, const void *b)
{
    const struct section *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return (x->size < y->size) - (x->size > y->size); // what holds the other one first
}

static bool between(struct eg_system *sys, const struct part *p, uint64_t *from, uint64_t *size)
{
    uint64_t end;

    if (!eg_system_own_symbol(sys, p->from, from, NULL) ||
        !eg_system_own_symbol(sys, p->to, &end, NULL) || end <= *from || end - *from > TEXT_MAX)
        return false;
    *size = end - *from;
    return true;
}

static void add_parts(struct elf *e)
{
    struct eg_run *r = e->x.r;

    for (size_t i = 0; i < countof(parts); i++) {
        const struct part *p = &parts[i];
        struct section s = { .name = p->name, .type = p->type, .flags = p->flags, .align = 1 };

        if (!between(eg_system_of(r), p, &s.addr, &s.size))
            continue;
        if (p->type == NOTE && !(s.size = linux_vmlinux_notes(r, s.addr, s.size)))
            continue;
        if (p->type == PROGBITS && e->x.o->no_text)
            s.type = NOBITS;
        add(e, s);
    }
}

/* Code elsewhere: of modules, and what was made at run time. */
static void add_code(struct elf *e)
{
    const struct linux_vmlinux *x = &e->x;
    const struct section code = { .type = NOBITS, .flags = ALLOC | EXECUTE, .align = 1 };
    uint64_t end = 0;

    for (size_t i = 0; i < x->n_modules && e->n < SECTIONS_MAX / 2; i++) {
        struct section s = code;

        if (!x->modules[i].first)
            continue;
        s.name = eg_strf(x->r, ".text.%s", x->modules[i].name);
        s.addr = x->modules[i].first;
        s.size = x->modules[i].end - s.addr;
        add(e, s);
    }
    for (size_t i = 0; i < x->n_symbols && e->n < SECTIONS_MAX; i++) {
        const struct linux_vmlinux_symbol *m = &x->symbols[i];
        struct section s = code;

        if (m->module || !linux_vmlinux_code(m) || !m->size || m->size > TEXT_MAX ||
            (m->addr >= x->image_start && m->addr < x->image_end) || m->addr < end)
            continue;
        s.name = eg_strf(x->r, ".text.made.%zu", e->n);
        s.addr = m->addr;
        s.size = m->size;
        if (!eg_add(s.addr, s.size, &end))
            break;
        add(e, s);
    }
}

/* @s behind those that begin before it, or at the same place. No two may overlap: what begins
 * inside another one divides it, but inside one that divides is left out: what is last then is the
 * rest behind it. */
static void place(struct elf *e, struct section s)
{
    struct section *last = e->n ? &e->sections[e->n - 1] : NULL, rest;
    const uint64_t last_end = last ? last->addr + last->size : 0, end = s.addr + s.size;

    if (!last || last_end <= s.addr) {
        add(e, s);
        return;
    }
    if (s.addr < last->addr)
        return;
    rest = *last;
    rest.name = eg_strf(e->x.r, "%s.rest", last->name);
    rest.addr = end;
    rest.size = last_end > end ? last_end - end : 0;
    last->size = s.addr - last->addr;
    if (last->size)
        add(e, s);
    else
        *last = s;
    if (rest.size)
        add(e, rest);
}

/* The rest of the image is a section too, so that each symbol has one. No two have the same name,
 * else lldb takes their symbols for those of the first. */
static void fill(struct elf *e, uint64_t *at, uint64_t to)
{
    if (*at < to && to <= e->x.image_end)
        add(e, (struct section){ .name = eg_strf(e->x.r, ".image.%zu", e->n),
                                 .type = e->x.o->no_text ? NOBITS : PROGBITS,
                                 .flags = ALLOC | WRITE,
                                 .align = 1,
                                 .addr = *at,
                                 .size = to - *at });
}

static void settle(struct elf *e)
{
    const struct linux_vmlinux *x = &e->x;
    struct section *old = e->sections;
    uint64_t at = x->image_start;
    size_t n = e->n;

    e->sections = NULL;
    e->n = e->cap = 0;
    if (n)
        qsort(old, n, sizeof *old, by_address);
    for (size_t i = 0; i < n; i++)
        place(e, old[i]);
    old = e->sections;
    n = e->n;
    e->sections = NULL;
    e->n = e->cap = 0;
    add(e, (struct section){ 0 });
    for (size_t i = 0; i < n; i++) {
        if (old[i].addr >= x->image_start && old[i].addr < x->image_end) {
            fill(e, &at, old[i].addr);
            at = old[i].addr + old[i].size;
        } else if (old[i].addr >= x->image_end) {
            fill(e, &at, x->image_end);
            at = UINT64_MAX;
        }
        add(e, old[i]);
    }
    fill(e, &at, x->image_end);
    e->n_memory = e->n - 1;
}

/* ---- symbols ---- */

static uint16_t section_of(const struct elf *e, const struct linux_vmlinux_symbol *s)
{
    const struct section *of = e->sections + 1;
    const size_t i = eg_lower_bound(e->n_memory, k, of[k].addr <= s->addr);

    // One at the very end of a section belongs to it too.
    return i && s->addr - of[i - 1].addr <= of[i - 1].size ? (uint16_t)i : ABSOLUTE;
}

static uint8_t info_of(char letter)
{
    enum { LOCAL = 0, GLOBAL = 1, WEAK = 2, OBJECT = 1, FUNCTION = 2 };
    const bool global = letter >= 'A' && letter <= 'Z';
    unsigned bind = global ? GLOBAL : LOCAL, type = 0;

    switch (letter | 32) {
    case 't':
        type = FUNCTION;
        break;
    case 'd':
    case 'b':
    case 'r':
    case 'g':
    case 's':
        type = OBJECT;
        break;
    case 'v':
        type = OBJECT;
        bind = WEAK;
        break;
    case 'w':
        bind = WEAK;
        break;
    default:
        break;
    }
    return (uint8_t)(bind << 4 | type);
}

/* Local ones first (elf(5)). @return how many, with the one that every table begins with. */
static uint32_t put_symbols(struct elf *e)
{
    const struct linux_vmlinux *x = &e->x;
    struct eg_dwarf_section *t = &e->symtab;
    uint32_t n = 1;

    eg_dwarf_put(&e->strtab, 1, 0);
    eg_dwarf_put(t, 8, 0);
    eg_dwarf_put(t, 8, 0);
    eg_dwarf_put(t, 8, 0);
    for (size_t i = 1; i <= e->n_memory; i++, n++) { // crash looks for them
        eg_dwarf_put(t, 4, 0);
        eg_dwarf_put(t, 1, SECTION_SYMBOL);
        eg_dwarf_put(t, 1, 0);
        eg_dwarf_put(t, 2, i);
        eg_dwarf_put(t, 8, linux_vmlinux_address(x, e->sections[i].addr));
        eg_dwarf_put(t, 8, 0);
    }
    for (int global = 0; global <= 1; global++)
        for (size_t i = 0; i < x->n_symbols && !eg_stopped(x->r); i++) {
            const struct linux_vmlinux_symbol *s = &x->symbols[i];
            const uint8_t info = info_of(s->letter);

            if ((info >> 4 != 0) != global)
                continue;
            eg_dwarf_put(t, 4, e->strtab.n);
            eg_dwarf_put(t, 1, info);
            eg_dwarf_put(t, 1, 0);
            eg_dwarf_put(t, 2, section_of(e, s));
            eg_dwarf_put(t, 8, linux_vmlinux_address(x, s->addr));
            eg_dwarf_put(t, 8, s->size);
            eg_dwarf_put_bytes(&e->strtab, s->name, s->length);
            eg_dwarf_put(&e->strtab, 1, 0);
            n += !global;
        }
    return n;
}

/* ---- other sections ---- */

static void add_bytes(struct elf *e, const char *name, const struct eg_dwarf_section *s,
                      struct section like)
{
    if (!s->n)
        return;
    like.name = name;
    like.bytes = s->at;
    like.size = s->n;
    like.type = like.type ? like.type : PROGBITS;
    like.align = like.align ? like.align : 1;
    add(e, like);
}

/* The kernel's note to crash dumps, as a note. */
static void add_vmcoreinfo(struct elf *e)
{
    static const char name[] = "VMCOREINFO";
    struct eg_run *r = e->x.r;
    uint64_t at, len;
    uint8_t *note;

    if (!eg_load(&at, eg_sym(r, own_vmcoreinfo)) ||
        !eg_load(&len, eg_sym(r, own_vmcoreinfo_size)) || !len || len > NOTES_MAX)
        return;
    note = eg_tmp(r, 24 + eg_align_up(len, 4));
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, note + 24, len) ||
        strncmp((char *)note + 24, "OSRELEASE=", 10) != 0)
        return;
    note[0] = sizeof name;
    for (unsigned i = 0; i < 4; i++)
        note[4 + i] = (uint8_t)(len >> 8 * i);
    memcpy(note + 12, name, sizeof name);
    add(e, (struct section){ .name = ".note.vmcoreinfo",
                             .type = NOTE,
                             .align = 4,
                             .bytes = note,
                             .size = 24 + eg_align_up(len, 4) });
}

static void add_others(struct elf *e)
{
    struct linux_vmlinux *x = &e->x;
    const struct section frame = { .align = 8 };
    uint32_t locals;

    add_vmcoreinfo(e);
    add_bytes(e, ".debug_info", &x->dwarf.info, (struct section){ 0 });
    add_bytes(e, ".debug_abbrev", &x->dwarf.abbrev, (struct section){ 0 });
    add_bytes(e, ".debug_str", &x->dwarf.str, (struct section){ 0 });
    add_bytes(e, ".debug_aranges", &x->dwarf.aranges, (struct section){ 0 });
    add_bytes(e, ".debug_frame", &x->frame, frame);
    locals = put_symbols(e);
    add_bytes(
        e, ".symtab", &e->symtab,
        (struct section){
            .type = SYMTAB, .link = (uint32_t)e->n + 1, .info = locals, .align = 8, .each = 24 });
    add_bytes(e, ".strtab", &e->strtab, (struct section){ .type = STRTAB });
}

/* ---- the file ---- */

static void emit(struct elf *e, const void *p, size_t n)
{
    if (n && fwrite(p, 1, n, e->f) != n)
        eg_run_fail(e->x.r, EG_EIO, "%s", "the file cannot be written");
    e->at += n;
}

static void pad(struct elf *e, uint64_t to)
{
    static const uint8_t zeros[PAGE];

    while (e->at < to && !eg_stopped(e->x.r))
        emit(e, zeros, (size_t)EG_MIN(to - e->at, (uint64_t)PAGE));
}

static bool has_bytes(const struct section *s)
{
    return s->type && s->type != NOBITS;
}

/* Offsets and addresses are alike in a page, as loaders want them. @return the end. */
static uint64_t lay_out(struct elf *e, size_t n_segments)
{
    uint64_t at = HEADER + SEGMENT * n_segments;

    for (size_t i = 1; i < e->n; i++) {
        struct section *s = &e->sections[i];

        at = eg_align_up(at, 16);
        if (s->flags & ALLOC)
            at += (linux_vmlinux_address(&e->x, s->addr) - at) & (PAGE - 1);
        s->offset = at;
        at += has_bytes(s) ? s->size : 0;
    }
    return eg_align_up(at, 16);
}

static void put_header(struct elf *e, struct eg_dwarf_section *h, size_t n_segments,
                       uint64_t sections)
{
    const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    eg_dwarf_put_bytes(h, ident, sizeof ident);
    eg_dwarf_put(h, 2, EXEC);
    eg_dwarf_put(h, 2, eg_system_of(e->x.r)->arch->elf_machine);
    eg_dwarf_put(h, 4, 1);
    eg_dwarf_put(h, 8, 0);
    eg_dwarf_put(h, 8, HEADER);
    eg_dwarf_put(h, 8, sections);
    eg_dwarf_put(h, 4, 0);
    eg_dwarf_put(h, 2, HEADER);
    eg_dwarf_put(h, 2, SEGMENT);
    eg_dwarf_put(h, 2, n_segments);
    eg_dwarf_put(h, 2, 64);
    eg_dwarf_put(h, 2, e->n);
    eg_dwarf_put(h, 2, e->n - 1);
}

static bool is_segment(const struct elf *e, size_t i)
{
    const struct section *s = &e->sections[i];

    return i <= e->n_memory &&
           (s->type == PROGBITS || (s->addr >= e->x.image_start && s->addr < e->x.image_end));
}

static void put_segment(struct elf *e, struct eg_dwarf_section *h, const struct section *s,
                        uint32_t type)
{
    const uint64_t addr = linux_vmlinux_address(&e->x, s->addr);

    eg_dwarf_put(h, 4, type);
    eg_dwarf_put(h, 4, ELF_R | (s->flags & WRITE ? ELF_W : 0) | (s->flags & EXECUTE ? ELF_X : 0));
    eg_dwarf_put(h, 8, s->offset);
    eg_dwarf_put(h, 8, addr);
    eg_dwarf_put(h, 8, addr);
    eg_dwarf_put(h, 8, has_bytes(s) ? s->size : 0);
    eg_dwarf_put(h, 8, s->size);
    eg_dwarf_put(h, 8, type == ELF_LOAD ? PAGE : 4);
}

/* Those of the sections from @from up to @to. The first one of all is the image's, not that of
 * per-CPU variables at 0: programs take the first and the last for the ends of what KASLR moved. */
static void put_segments(struct elf *e, struct eg_dwarf_section *h, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (is_segment(e, i))
            put_segment(e, h, &e->sections[i], ELF_LOAD);
        if (e->sections[i].type == NOTE)
            put_segment(e, h, &e->sections[i], ELF_NOTE);
    }
}

static void put_section(struct elf *e, struct eg_dwarf_section *h, const struct section *s,
                        uint32_t name)
{
    eg_dwarf_put(h, 4, name);
    eg_dwarf_put(h, 4, s->type);
    eg_dwarf_put(h, 8, s->flags);
    eg_dwarf_put(h, 8, linux_vmlinux_address(&e->x, s->addr));
    eg_dwarf_put(h, 8, s->offset);
    eg_dwarf_put(h, 8, s->size);
    eg_dwarf_put(h, 4, s->link);
    eg_dwarf_put(h, 4, s->info);
    eg_dwarf_put(h, 8, s->align);
    eg_dwarf_put(h, 8, s->each);
}

/* What the image lacks is zeros; so are the initial values of per-CPU variables, which the kernel
 * gave back when it had started. */
static void copy_memory(struct elf *e, const struct section *s)
{
    struct eg_run *r = e->x.r;
    uint8_t zeros[PAGE] = { 0 };

    if (s->addr < e->x.image_start) {
        pad(e, e->at + s->size);
        return;
    }
    for (uint64_t at = 0; at < s->size && !eg_stopped(r);) {
        size_t n = (size_t)EG_MIN(s->size - at, (uint64_t)1 << 20);
        const uint8_t *p = eg_map_some(eg_view_of(r), eg_kernel(r), s->addr + at, &n);

        if (!p)
            n = (size_t)EG_MIN(s->size - at, PAGE - (s->addr + at) % PAGE);
        *(p ? &e->x.counts->text : &e->x.counts->missing) += n;
        emit(e, p ? p : zeros, n);
        at += n;
    }
}

static void write_file(struct elf *e)
{
    struct eg_dwarf_section head = { 0 }, table = { 0 };
    size_t n_segments = 0, image = 1;
    uint64_t end;

    for (size_t i = 1; i < e->n; i++)
        n_segments += is_segment(e, i) + (e->sections[i].type == NOTE);
    add_bytes(e, ".shstrtab", &(struct eg_dwarf_section){ .at = (uint8_t *)"", .n = 1 },
              (struct section){ .type = STRTAB });
    eg_dwarf_put(&e->names, 1, 0);
    for (size_t i = 0; i < e->n; i++) {
        const char *name = e->sections[i].name;

        if (name)
            eg_dwarf_put_bytes(&e->names, name, strlen(name) + 1);
    }
    e->sections[e->n - 1].bytes = e->names.at;
    e->sections[e->n - 1].size = e->names.n;
    end = lay_out(e, n_segments);
    put_header(e, &head, n_segments, end);
    while (image < e->n_memory && e->sections[image].addr < e->x.image_start)
        image++;
    put_segments(e, &head, image, image + 1);
    put_segments(e, &head, 1, image);
    put_segments(e, &head, image + 1, e->n);
    for (size_t i = 0, name = 1; i < e->n; i++) {
        const struct section *s = &e->sections[i];

        put_section(e, &table, s, s->name ? (uint32_t)name : 0);
        name += s->name ? strlen(s->name) + 1 : 0;
    }
    if (head.failed || table.failed || e->names.failed || e->symtab.failed || e->strtab.failed ||
        e->x.frame.failed)
        eg_run_fail(e->x.r, EG_ENOMEM, "%s", "out of memory for the file's tables");
    else
        emit(e, head.at, head.n);
    for (size_t i = 1; i < e->n && !eg_stopped(e->x.r); i++) {
        const struct section *s = &e->sections[i];

        if (!has_bytes(s))
            continue;
        pad(e, s->offset);
        if (s->bytes)
            emit(e, s->bytes, s->size);
        else
            copy_memory(e, s);
    }
    pad(e, end);
    if (!eg_stopped(e->x.r))
        emit(e, table.at, table.n);
    e->x.counts->size = e->at;
    eg_dwarf_section_fini(&head);
    eg_dwarf_section_fini(&table);
}

static void forget(void *arg)
{
    struct elf *e = arg;

    eg_dwarf_section_fini(&e->symtab);
    eg_dwarf_section_fini(&e->strtab);
    eg_dwarf_section_fini(&e->names);
}

bool linux_vmlinux_write(struct eg_run *r, const struct linux_vmlinux_options *o, FILE *f,
                         struct linux_vmlinux_counts *out)
{
    const struct eg_system *sys = eg_system_of(r);
    const struct linux_state *state = linux_state(sys);
    const struct eg_model *m = &eg_binding_of(r)->model;
    struct elf *e = eg_tmp(r, sizeof *e);

    *out = (struct linux_vmlinux_counts){ 0 };
    *e = (struct elf){ .x = { .r = r, .o = o, .counts = out }, .f = f };
    if (!state || m->ptr_size != 8 || m->big_endian) {
        eg_run_fail(r, EG_EUNSUP, "%s", "only of Linux kernels of 64 bits, little endian");
        return false;
    }
    e->x.image_start = state->image_start;
    e->x.image_end = state->image_end;
    if (o->link_time) {
        if (!sys->chosen->has_kaslr) {
            eg_run_fail(r, EG_ENOTFOUND, "%s",
                        "by how much KASLR moved this kernel is not known: without --link-time the "
                        "addresses are those of the run");
            return false;
        }
        e->x.shift = sys->chosen->kaslr;
    }
    eg_run_defer(r, forget, e);
    linux_vmlinux_symbols(&e->x);
    out->symbols = e->x.n_symbols;
    out->modules = e->x.n_modules;
    if (!e->x.n_symbols) {
        eg_run_fail(r, EG_ENOTFOUND, "%s", "no symbols are known");
        return false;
    }
    linux_vmlinux_types(&e->x);
    linux_vmlinux_frames(&e->x);
    add_parts(e);
    add_code(e);
    settle(e);
    add_others(e);
    if (!eg_stopped(r))
        write_file(e);
    return !eg_stopped(r) && !ferror(f) && fflush(f) == 0;
}
