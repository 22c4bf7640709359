/* module_extract - modules as ELF files, also those that hide. */
#include "../../core/arch.h"
#include "../../core/map.h"
#include "../../core/system.h"
#include "../linux/kernel/codeof.h"
#include "../linux/kernel/modelf.h"
#include "../linux/kernel/modsects.h"
#include "../linux/kernel/modtraces.h"
#include "../linux/kernel/module.h"
#include "../linux/own/code.h"
#include <stdlib.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the struct module is; none: no struct module claims the memory")        \
    C(MODULE, TEXT, "its name")                                                                    \
    C(FILE, TEXT, "the file that was written, in the folder of -o")                                \
    C(SIZE, INT, "bytes of the file")                                                              \
    C(PRESENT, INT, "bytes of its memory that are in the image")                                   \
    C(MISSING, INT, "bytes that are not, which are zeros")                                         \
    C(REASONS, TEXT, "why they are missing, and how many bytes of each", EG_MINOR)                 \
    C(SECTIONS, INT, "sections with their names")                                                  \
    C(NAMES, INT, "symbols of its own")                                                            \
    C(NAMES_OUTSIDE, INT, "names of the kernel and of other modules that it leads to", EG_MINOR)   \
    C(GONE, TEXT, "sections of start-up, whose memory was given back", EG_LIST)                    \
    C(HINTS, TEXT, "what is odd about the module")
EG_COLUMNS(COLUMNS);

enum {
    NAMES_BYTES_MAX = 64 << 20, /* of one module */
    OUTSIDE_MAX = 1 << 16,
    OWNERS_MAX = 64,
    PIECE = 1 << 16,
    PART_MAX = 256 << 20,
};

/** One file. */
struct extract {
    struct eg_run *r;
    const struct linux_mod *mod;
    struct eg_obj module;
    struct linux_modelf elf;
    struct eg_map *met; /* addresses outside that have a name already */
    const char *gone, *hints;
    size_t n_own, n_veneers;
    uint64_t tables; /* its symbols, behind its data */
    bool whole;      /* its sections are not known, but its parts of memory */
    struct owner {
        const char *name; /* NULL: the kernel */
        uint64_t first, last;
        bool code;
    } owners[OWNERS_MAX];
    size_t n_owners;
};

static const char *join(struct eg_run *r, const char *text, const char *gap, const char *more)
{
    return text ? eg_strf(r, "%s%s%s", text, gap, more) : more;
}

/* ---- memory and sections ---- */

static unsigned flags_at(struct eg_run *r, uint64_t addr)
{
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), eg_kernel(r), addr, &x);
    return x.why ? 0 : x.flags;
}

static void add_part(struct extract *e, uint64_t first, uint64_t size)
{
    const unsigned flags = flags_at(e->r, first);
    struct linux_modelf *f = &e->elf;

    if (size > PART_MAX) {
        eg_note(e->r, "%s: a part of %llu bytes is cut", e->mod->name ? e->mod->name : "a module",
                (unsigned long long)size);
        size = PART_MAX;
    }
    f->parts = eg_grow(e->r, f->parts, f->n_parts, &f->cap_parts, sizeof *f->parts);
    f->parts[f->n_parts++] =
        (struct linux_modelf_part){ first, size, flags & EG_X_WRITE, flags & EG_X_EXEC, 0 };
}

static void add_section(struct extract *e, struct linux_modelf_section section)
{
    struct linux_modelf *f = &e->elf;

    f->sections = eg_grow(e->r, f->sections, f->n_sections, &f->cap_sections, sizeof *f->sections);
    f->sections[f->n_sections++] = section;
}

static int parts_by_address(const void *a, const void *b)
{
    const struct linux_modelf_part *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static int sections_by_address(const void *a, const void *b)
{
    const struct linux_modelf_section *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void find_memory(struct extract *e)
{
    struct linux_module_part part;
    struct linux_modsect *s;
    size_t n;

    if (!e->mod->addr) {
        const uint64_t size = e->mod->last - e->mod->first + 1;

        add_part(e, e->mod->first, size);
        add_section(e, (struct linux_modelf_section){ ".text", e->mod->first, size,
                                                      e->elf.parts[0].write, true, false });
        e->whole = true;
        return;
    }
    for (unsigned i = 0; linux_next_module_part(e->r, e->module, &i, &part);)
        add_part(e, part.first, part.size);
    n = linux_modsects(e->r, e->module, &s);
    for (size_t i = 0; i < n; i++) {
        const unsigned flags = s[i].kind ? flags_at(e->r, s[i].addr) : 0;

        if (!s[i].kind)
            e->gone = join(e->r, e->gone, " ", s[i].name);
        else if (s[i].size <= PART_MAX)
            add_section(e, (struct linux_modelf_section){ s[i].name, s[i].addr, s[i].size,
                                                          flags & EG_X_WRITE, flags & EG_X_EXEC,
                                                          false });
    }
    e->whole = n && s[0].made;
    if (e->whole)
        e->hints = join(e->r, e->hints, "; ", "its sections follow from its parts of memory");
    if (e->elf.n_parts)
        qsort(e->elf.parts, e->elf.n_parts, sizeof *e->elf.parts, parts_by_address);
}

/* ---- symbols ---- */

static void add_symbol(struct extract *e, struct linux_modelf_symbol symbol)
{
    struct linux_modelf *f = &e->elf;

    f->symbols = eg_grow(e->r, f->symbols, f->n_symbols, &f->cap_symbols, sizeof *f->symbols);
    f->symbols[f->n_symbols++] = symbol;
}

static void find_symbols(struct extract *e)
{
    struct linux_modsym_walk w = { 0 };
    struct linux_modsym s;
    size_t bytes = 0;

    if (!e->mod->addr)
        return;
    while (linux_next_modsym(e->r, e->module, &w, &s)) {
        bytes += strlen(s.name);
        if (bytes > NAMES_BYTES_MAX) {
            eg_note(e->r, "%s: names of symbols have more than %d bytes: cut",
                    e->mod->name ? e->mod->name : "a module", NAMES_BYTES_MAX);
            break;
        }
        add_symbol(e, (struct linux_modelf_symbol){ s.name, s.addr, s.size, s.info });
    }
    e->n_own = e->elf.n_symbols;
    e->tables = w.symtab;
    if (w.recounted && e->n_own)
        e->hints = join(e->r, e->hints, "; ",
                        "how many symbols it has follows from where their names begin");
    if (w.lost)
        eg_note(e->r, "%s: %u of its symbols cannot be read",
                e->mod->name ? e->mod->name : "a module", w.lost);
}

/* The last section of a part of memory ends where its symbols do, and what it has besides. Behind
 * code and constants the last page is filled, with zeros, or breakpoints (execmem, since 6.13);
 * behind data the kernel has put the tables of symbols, and zeros of data may be its own. */
static void trim(struct extract *e, struct linux_modelf_section *s)
{
    const uint64_t page = 4096, from = s->size > page ? s->size - page : 0;
    uint64_t end = EG_MAX(from, (uint64_t)1), named = 0;
    uint8_t bytes[4096];

    for (size_t i = 0; i < e->n_own; i++) {
        const struct linux_modelf_symbol *symbol = &e->elf.symbols[i];
        const uint64_t at = symbol->addr - s->addr;

        if (at < s->size && symbol->size <= s->size - at)
            named = EG_MAX(named, at + (symbol->size || s->execute ? symbol->size : 1));
    }
    if (s->write) {
        s->size = named ? named : EG_MIN(s->size, e->tables - s->addr);
        return;
    }
    if (!eg_read(eg_view_of(e->r), eg_kernel(e->r), s->addr + from, bytes,
                 (size_t)(s->size - from)))
        return;
    for (uint64_t i = from; i < s->size; i++)
        if (bytes[i - from] && !(s->execute && bytes[i - from] == 0xcc))
            end = i + 1;
    end = s->execute ? end : EG_MIN(eg_align_up(end, 8), s->size);
    s->size = EG_MAX(end, named);
}

static void trim_sections(struct extract *e)
{
    for (size_t i = 0; i < e->elf.n_parts; i++) {
        const struct linux_modelf_part *part = &e->elf.parts[i];
        struct linux_modelf_section *last = NULL;

        for (size_t k = 0; k < e->elf.n_sections; k++)
            if (e->elf.sections[k].addr - part->first < part->size)
                last = &e->elf.sections[k];
        if (last && last->size == part->size - (last->addr - part->first))
            trim(e, last);
    }
}

static bool is_own(const struct extract *e, uint64_t addr)
{
    for (size_t i = 0; i < e->elf.n_parts; i++)
        if (addr - e->elf.parts[i].first < e->elf.parts[i].size)
            return true;
    return false;
}

static struct owner *owner_of(struct extract *e, const char *module)
{
    for (size_t i = 0; i < e->n_owners; i++)
        if (!module == !e->owners[i].name && (!module || !strcmp(module, e->owners[i].name)))
            return &e->owners[i];
    if (e->n_owners == OWNERS_MAX)
        return NULL;
    e->owners[e->n_owners] = (struct owner){ .name = module, .first = UINT64_MAX };
    return &e->owners[e->n_owners++];
}

/* What the module calls or points to is the beginning of something with a name. */
static void add_outside(struct extract *e, uint64_t addr)
{
    enum { FUNC = 1 << 4 | 2, OBJECT = 1 << 4 | 1 }; // STB_GLOBAL, STT_…
    const struct linux_codes *codes = linux_codes(e->r);
    const char *name, *module = NULL;
    enum linux_code_kind kind;
    struct owner *owner;
    uint64_t off, seen;
    bool code;

    if (is_own(e, addr) || eg_map_get(e->met, addr, &seen) ||
        e->elf.n_symbols - e->n_own >= OUTSIDE_MAX ||
        !eg_system_symbol_at(eg_system_of(e->r), addr, &name, &off, &module) || off)
        return;
    kind = linux_whose_code(codes, addr, NULL);
    code = kind == LINUX_CODE_KERNEL || kind == LINUX_CODE_MODULE;
    owner = owner_of(e, module);
    if (!owner || !eg_run_map_add(e->r, e->met, addr, 0))
        return;
    owner->first = EG_MIN(owner->first, addr);
    owner->last = EG_MAX(owner->last, addr);
    owner->code |= code;
    add_symbol(e, (struct linux_modelf_symbol){ name, addr, 0, code ? FUNC : OBJECT });
}

/* ---- where its code and data lead ---- */

enum { EM_X86_64 = 62, EM_AARCH64 = 183 };

/* Calls and jumps with a distance of 32 bits: where no instruction begins, what they lead to has
 * hardly ever a name at its very address. */
static void scan_x86(struct extract *e, uint64_t at, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 5 <= len; i++)
        if ((p[i] & 0xfe) == 0xe8)
            add_outside(e, at + i + 5 + (uint64_t)(int64_t)(int32_t)eg_le32(p + i + 1));
}

/* AArch64: code that leads far away, which no symbol names (arch/arm64/kernel/module-plts.c), gets
 * the name of what it leads to. */
static void add_veneer(struct extract *e, uint64_t addr)
{
    enum { SIZE = 12, LOCAL_FUNC = 2 };
    struct eg_system *sys = eg_system_of(e->r);
    const char *name, *module;
    struct linux_stub stub;
    uint8_t bytes[SIZE];
    uint64_t off, seen;

    if (eg_map_get(e->met, addr, &seen) || !eg_run_map_add(e->r, e->met, addr, 0) ||
        (eg_system_symbol_at(sys, addr, &name, &off, &module) && !off) ||
        !eg_read(eg_view_of(e->r), eg_kernel(e->r), addr, bytes, SIZE))
        return;
    stub = linux_stub_at(sys->arch, bytes, SIZE, addr);
    if (!stub.what || !stub.known || is_own(e, stub.target) ||
        !eg_system_symbol_at(sys, stub.target, &name, &off, &module) || off)
        return;
    add_outside(e, stub.target);
    add_symbol(
        e, (struct linux_modelf_symbol){ eg_strf(e->r, "%s@plt", name), addr, SIZE, LOCAL_FUNC });
    e->n_veneers++;
}

/* BL and B. */
static void scan_aarch64(struct extract *e, uint64_t at, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 4 <= len; i += 4) {
        const uint32_t word = eg_le32(p + i);
        const int32_t distance = (int32_t)(word << 6) >> 4;

        const uint64_t to = at + i + (uint64_t)(int64_t)distance;

        if ((word & 0x7c000000) != 0x14000000)
            continue;
        if (is_own(e, to))
            add_veneer(e, to);
        else
            add_outside(e, to);
    }
}

static void scan_pointers(struct extract *e, const uint8_t *p, size_t len)
{
    const struct eg_model *m = &eg_binding_of(e->r)->model;
    const struct eg_arch *arch = eg_system_of(e->r)->arch;
    const uint64_t least = arch && arch->kernel_min ? arch->kernel_min : 1;

    for (size_t i = 0; i + m->ptr_size <= len; i += m->ptr_size) {
        const uint64_t to = eg_load_(p + i, m->ptr_size, m->big_endian);

        if (to >= least && to != UINT64_MAX)
            add_outside(e, to);
    }
}

static void find_outside(struct extract *e)
{
    enum { TAIL = 4 }; // an instruction may cross a piece's end
    const struct eg_arch *arch = eg_system_of(e->r)->arch;
    const unsigned machine = arch ? arch->elf_machine : 0;
    uint8_t *p = eg_tmp(e->r, PIECE + TAIL);
    uint64_t start;

    if (eg_get(&start, e->module, module.init)) // gone, and another's memory by now
        eg_run_map_add(e->r, e->met, start, 0);
    for (size_t i = 0; i < e->elf.n_parts; i++) {
        const struct linux_modelf_part *part = &e->elf.parts[i];

        for (uint64_t at = 0; at < part->size && !eg_stopped(e->r); at += PIECE) {
            const size_t len = (size_t)EG_MIN(part->size - at, (uint64_t)PIECE + TAIL);

            if (!eg_read_some(eg_view_of(e->r), eg_kernel(e->r), part->first + at, p, len, NULL))
                continue;
            if (!part->execute)
                scan_pointers(e, p, EG_MIN(len, (size_t)PIECE));
            else if (machine == EM_X86_64)
                scan_x86(e, part->first + at, p, len);
            else if (machine == EM_AARCH64)
                scan_aarch64(e, part->first + at, p, EG_MIN(len, (size_t)PIECE));
        }
    }
    for (size_t i = 0; i < e->n_owners; i++) {
        const struct owner *o = &e->owners[i];

        add_section(e, (struct linux_modelf_section){
                           o->name ? eg_strf(e->r, ".outside.%s", o->name) : ".outside.kernel",
                           o->first, o->last - o->first + 1, false, o->code, true });
    }
    if (e->elf.n_sections)
        qsort(e->elf.sections, e->elf.n_sections, sizeof *e->elf.sections, sections_by_address);
}

/* ---- rows ---- */

static bool extract(struct eg_run *r, const struct linux_mod *m)
{
    struct extract *e = eg_tmp(r, sizeof *e);
    struct linux_copy c = { 0 };
    const struct eg_cell none = { 0 };
    const char *name = m->name ? linux_copy_name(r, m->name) : m->addr ? "unnamed" : "nobody";
    size_t n_sections;

    *e = (struct extract){ .r = r,
                           .mod = m,
                           .module = linux_mod_module(r, m),
                           .met = eg_run_map(r),
                           .hints = linux_mod_hints(r, m) };
    find_memory(e);
    n_sections = e->elf.n_sections;
    find_symbols(e);
    if (!e->whole)
        trim_sections(e);
    find_outside(e);
    if (!e->elf.n_parts) {
        eg_row(r, .OFFSET = m->addr ? eg_uint(m->addr) : none, .MODULE = eg_text(m->name),
               .GONE = eg_text(e->gone),
               .HINTS = eg_text(join(r, e->hints, "; ", "it has no memory")));
        return true;
    }
    name = eg_strf(r, "%s.%#llx.ko", name, (unsigned long long)(m->addr ? m->addr : m->first));
    c.f = eg_output(r, name);
    if (!c.f || !linux_modelf_write(r, &e->elf, &c))
        return false;
    eg_row(r, .OFFSET = m->addr ? eg_uint(m->addr) : none, .MODULE = eg_text(m->name),
           .FILE = eg_text(name), .SIZE = eg_uint(c.end), .PRESENT = eg_uint(c.present),
           .MISSING = eg_uint(c.missing), .REASONS = eg_text(linux_copy_reasons(r, &c)),
           .SECTIONS = eg_uint(n_sections), .NAMES = eg_uint(e->n_own),
           .NAMES_OUTSIDE = eg_uint(e->elf.n_symbols - e->n_own - e->n_veneers),
           .GONE = eg_text(e->gone), .HINTS = eg_text(e->hints));
    return true;
}

/* Without a choice all; --at: an address in the struct module or in the module's code. */
static bool is_asked(struct eg_run *r, const struct linux_mod *m)
{
    bool any = eg_arg_flag(r, "hidden");
    uint64_t first, last;
    const char *name;

    if (any && linux_mod_hidden(m))
        return true;
    for (size_t i = 0; (name = eg_arg_text_nth(r, "module", i)); i++, any = true)
        if (m->name && !strcmp(name, m->name))
            return true;
    for (size_t i = 0; eg_arg_range(r, "at", i, &first, &last); i++, any = true)
        if ((m->addr >= first && m->addr <= last) ||
            (m->last && first <= m->last && last >= m->first))
            return true;
    return !any;
}

static int run(struct eg_run *r)
{
    const struct linux_mods *all = linux_mods(r);

    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++)
        if (is_asked(r, &all->at[i]) && !extract(r, &all->at[i]))
            return eg_failed(r, "the file of a module could not be written");
    return 0;
}

EG_PLUGIN(module_extract) = {
    .os = "linux",
    .help = "Rebuild modules as ELF files with sections, symbols and names of what they call",
    .manual =
        "Each module becomes a file in the folder of -o, at the addresses where it was, as it is "
        "in memory: relocated, patched, its data as it was used; readelf, gdb and Ghidra open it. "
        "Sections are those of sysfs, or the parts of its memory where that list is gone; symbols "
        "are its own. Sections .outside.kernel and .outside.MODULE have no bytes: they hold the "
        "names of functions and variables that its calls and pointers lead to, so that a "
        "disassembler shows them; NAME@plt is code of the module's own that only jumps there, as "
        "calls of the kernel do on AArch64; not of calls on RISC-V. A section reaches to the next "
        "one, the last one of a part of memory to its last symbol, or byte that fills no page. "
        "--hidden: what hidden_modules finds, also "
        "code that no module claims. GONE names the sections whose memory was given back when the "
        "module had started.",
    .aliases = EG_NAMES("linux.module_extract.ModuleExtract", "linux_moddump", "moddump"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(module, TEXT, "only modules with this name"),
                    EG_ARG(at, ADDR, "only the module with its struct module, or code, here"),
                    EG_ARG(hidden, FLAG, "only modules that hide, and code of nobody")),
    .uses = EG_NAMES("modules"),
    .asks = true,
    .run = run,
};
