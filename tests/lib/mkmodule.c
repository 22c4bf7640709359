/* mkmodule.c - a module and its file. */
#include "mkmodule.h"
#include "../../plugins/linux/state.h"
#include <string.h>

static const char types[] = MK_LIST_TYPES MK_PATCHED_TYPES
    "struct attribute { const char *name; unsigned short mode; };"
    "struct bin_attribute { struct attribute attr; unsigned long size; void *private; };"
    "struct attribute_group { const char *name; struct bin_attribute **bin_attrs; };"
    "struct module_sect_attrs { struct attribute_group grp; };"
    "struct kernel_symbol { s32 value_offset, name_offset; };"
    "struct new_utsname { char sysname[65], nodename[65], release[65]; };"
    "struct uts_namespace { struct new_utsname name; };"
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"
    "  struct module_memory mem[7]; struct module_sect_attrs *sect_attrs;"
    "  const struct kernel_symbol *syms, *gpl_syms; unsigned int num_syms, num_gpl_syms;"
    "  struct jump_entry *jump_entries; unsigned int num_jump_entries;"
    "  struct static_call_site *static_call_sites; int num_static_call_sites;"
    "  void *percpu; char *srcversion; struct list_head source_list, target_list; };";

enum {
    PAGE = 0x1000,
    STEP = 0x100,
    HEADERS = 0x100,
    NAMES = 0x900,
    SYMBOLS = 0xb00,
    RELAS = 0xd00
};
enum { BITS = 1, TABLE = 3, SYMTAB = 2, RELA = 4, NOTE = 7, ALLOC = 2, EXEC = 4 };
enum { R_64 = 1, R_PC32 = 2, R_PLT32 = 4, R_32S = 11, R_PC64 = 24 };
enum { ABS64 = 257, PREL64 = 260, PREL32 = 261, ADRP = 275, ADD_LO12 = 277, CALL26 = 283 };
#define FAR_AWAY UINT64_C(0x10000000)

static const struct part {
    const char *name;
    int page; /* of the module: 0 code, 1 constants, 2 data; -1: not in memory */
    uint32_t at, size, flags;
} parts[] = {
    { "", -1, 0, 0, 0 },
    { ".text", 0, 0, MK_MODULE_TEXT, ALLOC | EXEC },
    { ".altinstr_replacement", 0, 0x100, 5, ALLOC | EXEC },
    { ".exit.text", 0, 0x110, 1, ALLOC | EXEC },
    { ".note.gnu.build-id", 1, 0, 0x24, ALLOC },
    { "__mcount_loc", 1, 0x40, 8, ALLOC },
    { ".altinstructions", 1, 0x80, 12, ALLOC },
    { ".return_sites", 1, 0xc0, 4, ALLOC },
    { ".retpoline_sites", 1, 0xd0, 4, ALLOC },
    { ".smp_locks", 1, 0xe0, 4, ALLOC },
    { ".ibt_endbr_seal", 1, 0xf0, 4, ALLOC },
    { ".rodata", 1, 0x100, 0x20, ALLOC },
    { "__jump_table", 2, 0, 16, ALLOC },
    { ".static_call_sites", 2, 0x40, 8, ALLOC },
    { ".data", 2, 0x80, 8, ALLOC },
    { ".modinfo", -1, 0, 0x20, 0 },
};
enum { DATA = countof(parts) - 2, MODINFO, SYMS, STRINGS, TEXTS, FIRST_RELA };

static const struct symbol {
    const char *name;
    uint8_t section; /* 0: the kernel's, or another module's */
    uint32_t at;     /* in the kernel's code, or data */
    bool data;
} symbols[] = {
    { "", 0, 0, false },
    { "", 1, 0, false },
    { "", 2, 0, false },
    { "", 11, 0, false },
    { "", DATA, 0, false },
    { "__fentry__", 0, 0, false },
    { "callee", 0, STEP, false },
    { "__x86_return_thunk", 0, 2 * STEP, false },
    { "__x86_indirect_thunk_rax", 0, 3 * STEP, false },
    { "__SCT__hello", 0, 4 * STEP, false },
    { "__SCK__hello", 0, 0x100, true },
    { "far_callee", 0, 0, false },
    { "other_export", 0, 0, false },
};
enum { FAR = countof(symbols) - 2, OTHERS };

struct rela {
    uint8_t section, at;
    uint16_t type, symbol;
    int64_t addend;
};
static const struct rela x86_relas[] = {
    { 1, MK_MODULE_FTRACE + 1, R_PLT32, 5, -4 },
    { 1, MK_MODULE_OWN + 1, R_PLT32, 6, -4 },
    { 1, 0x0d, R_32S, 3, 8 },
    { 1, MK_MODULE_RETURN + 1, R_PLT32, 7, -4 },
    { 1, MK_MODULE_RETPOLINE + 1, R_PLT32, 8, -4 },
    { 1, MK_MODULE_CALL + 1, R_PLT32, 9, -4 },
    { 1, MK_MODULE_WIDE + 2, R_64, 4, 0 },
    { 1, MK_MODULE_OTHERS + 1, R_PLT32, OTHERS, -4 },
    { 5, 0, R_64, 1, MK_MODULE_FTRACE },
    { 6, 0, R_PC32, 1, MK_MODULE_ALT },
    { 6, 4, R_PC32, 2, 0 },
    { 7, 0, R_PC32, 1, MK_MODULE_RETURN },
    { 8, 0, R_PC32, 1, MK_MODULE_RETPOLINE },
    { 9, 0, R_PC32, 1, MK_MODULE_LOCK },
    { 10, 0, R_PC32, 1, MK_MODULE_ENDBR },
    { 12, 0, R_PC32, 1, MK_MODULE_JUMP },
    { 12, 4, R_PC32, 1, MK_MODULE_JUMP + 8 },
    { 12, 8, R_PC64, 4, 0 },
    { 13, 0, R_PC32, 1, MK_MODULE_CALL },
    { 13, 4, R_PC32, 10, 0 },
};

static const struct rela arm64_relas[] = {
    { 1, MK_MODULE_NEAR, CALL26, 6, 0 },
    { 1, MK_MODULE_FAR, CALL26, FAR, 0 },
    { 1, MK_MODULE_PAGE, ADRP, 4, 0 },
    { 1, MK_MODULE_PAGE + 4, ADD_LO12, 4, 0 },
    { 5, 0, ABS64, 1, MK_MODULE_NOPS },
    { 6, 0, PREL32, 1, MK_MODULE_ALT },
    { 6, 4, PREL32, 2, 0 },
    { 12, 0, PREL32, 1, MK_MODULE_JUMP },
    { 12, 4, PREL32, 1, MK_MODULE_JUMP + 8 },
    { 12, 8, PREL64, 4, 0 },
};

static const struct rela *relas_of(const struct mk_module *m, size_t *n)
{
    *n = m->arm64 ? countof(arm64_relas) : countof(x86_relas);
    return m->arm64 ? arm64_relas : x86_relas;
}

static void put(uint8_t *p, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* ---- what the sections have before they are relocated ---- */

static void fill_text(uint8_t *t)
{
    static const struct {
        uint32_t at;
        const char *bytes;
        size_t n;
    } code[] = {
        { MK_MODULE_FTRACE, "\xe8", 1 },
        { MK_MODULE_OWN, "\xe8", 1 },
        { 0x0a, "\x48\xc7\xc0", 3 }, // mov rax, imm32
        { MK_MODULE_RETURN, "\xe9", 1 },
        { MK_MODULE_ALT, "\x48\x89\xd8\x90\x90", 5 }, // mov rax, rbx
        { MK_MODULE_RETPOLINE, "\xe8", 1 },
        { MK_MODULE_LOCK, "\xf0\xff\x00", 3 }, // lock inc dword [rax]
        { MK_MODULE_JUMP, "\x0f\x1f\x44", 3 },
        { MK_MODULE_CALL, "\xe8", 1 },
        { MK_MODULE_ENDBR, "\xf3\x0f\x1e\xfa", 4 },
        { MK_MODULE_WIDE, "\x48\xb8", 2 },
        { MK_MODULE_OTHERS, "\xe8", 1 },
        { MK_MODULE_PLAIN, "\x31\xc0", 2 }, // xor eax, eax
        { MK_MODULE_TEXT - 1, "\xc3", 1 },
    };

    memset(t, 0x90, MK_MODULE_TEXT);
    for (size_t i = 0; i < countof(code); i++) {
        memcpy(t + code[i].at, code[i].bytes, code[i].n);
        if (*code[i].bytes == '\xe8' || *code[i].bytes == '\xe9')
            memset(t + code[i].at + 1, 0, 4);
    }
    memset(t + MK_MODULE_JUMP + 3, 0, 2);
    memset(t + 0x0d, 0, 4);
    memset(t + MK_MODULE_WIDE + 2, 0, 8);
}

#define NOP UINT32_C(0xd503201f)
#define RET UINT32_C(0xd65f03c0)

static void fill_arm64(uint8_t *t)
{
    for (unsigned at = 0; at < MK_MODULE_TEXT; at += 4)
        put(t + at, NOP, 4);
    put(t + 8, 0xaa1f03e0, 4); // mov x0, xzr
    put(t + MK_MODULE_NEAR, 0x94000000, 4);
    put(t + MK_MODULE_FAR, 0x94000000, 4);
    put(t + MK_MODULE_PAGE, 0x90000001, 4);     // adrp x1, .data
    put(t + MK_MODULE_PAGE + 4, 0x91000021, 4); // add x1, x1, :lo12:.data
    put(t + MK_MODULE_ALT, 0xaa0103e0, 4);      // mov x0, x1
    put(t + MK_MODULE_PLAIN, 0xaa0203e0, 4);    // mov x0, x2
    put(t + MK_MODULE_TEXT - 4, RET, 4);
}

static void fill(const struct mk_module *m, unsigned section, uint8_t *p)
{
    switch (section) {
    case 1:
        (m->arm64 ? fill_arm64 : fill_text)(p);
        break;
    case 2:
        if (m->arm64)
            put(p, 0xaa0303e0, 4); // mov x0, x3
        else
            memcpy(p, "\x48\x89\xc8\x66\x90", 5); // mov rax, rcx; nop
        break;
    case 3:
        *p = 0xc3;
        break;
    case 4:
        put(p, 4, 4);
        put(p + 4, 20, 4);
        put(p + 8, 3, 4);
        memcpy(p + 12, "GNU\0mk_module's own id..", 24);
        break;
    case 6:
        p[10] = p[11] = m->arm64 ? 4 : 5;
        break;
    case MODINFO:
        memcpy(p, "srcversion=ABC\0vermagic=6.1 SMP", 32);
        break;
    default:
        break;
    }
}

/* ---- the file ---- */

static const char *name_of(const struct mk_module *m, unsigned section)
{
    return m->arm64 && section == 5 ? "__patchable_function_entries" : parts[section].name;
}

static uint64_t address(const struct mk_module *m, unsigned section)
{
    const uint64_t pages[] = { m->code, m->constants, m->writable };

    return pages[parts[section].page] + parts[section].at;
}

static uint64_t value_of(const struct mk_module *m, unsigned i)
{
    if (symbols[i].section)
        return address(m, symbols[i].section);
    if (i == OTHERS)
        return m->code + PAGE;
    if (i == FAR)
        return m->text + FAR_AWAY;
    return (symbols[i].data ? m->data : m->text) + symbols[i].at;
}

static void header(uint8_t *file, unsigned i, uint32_t name, uint32_t type, uint64_t flags,
                   uint64_t at, uint64_t size, uint32_t link, uint32_t info)
{
    uint8_t *h = file + HEADERS + 64 * i;

    put(h, name, 4);
    put(h + 4, type, 4);
    put(h + 8, flags, 8);
    put(h + 24, at, 8);
    put(h + 32, size, 8);
    put(h + 40, link, 4);
    put(h + 44, info, 4);
}

static size_t write_relas(struct mk_module *m, unsigned *sections)
{
    size_t at = RELAS, first = at, count;
    const struct rela *relas = relas_of(m, &count);

    *sections = FIRST_RELA;
    for (size_t i = 0; i < count; i++) {
        put(m->file + at, relas[i].at, 8);
        put(m->file + at + 8, (uint64_t)relas[i].symbol << 32 | relas[i].type, 8);
        put(m->file + at + 16, (uint64_t)relas[i].addend, 8);
        at += 24;
        if (i + 1 < count && relas[i + 1].section == relas[i].section)
            continue;
        header(m->file, (*sections)++, 0, RELA, 0x40, first, at - first, SYMS, relas[i].section);
        first = at;
    }
    return at;
}

static void write_file(struct mk_module *m)
{
    size_t name = NAMES + 1, string = name + 0x100, at;
    unsigned n;

    memcpy(m->file, "\177ELF\2\1\1", 7);
    put(m->file + 16, 1, 2);
    put(m->file + 18, m->arm64 ? 183 : 62, 2);
    put(m->file + 40, HEADERS, 8);
    put(m->file + 58, 64, 2);
    put(m->file + 62, TEXTS, 2);
    at = eg_align_up(write_relas(m, &n), 16);
    put(m->file + 60, n, 2);
    for (unsigned i = 1; i < countof(parts); i++) {
        header(m->file, i, (uint32_t)(name - NAMES), i == 4 ? NOTE : BITS, parts[i].flags, at,
               parts[i].size, 0, 0);
        strcpy((char *)m->file + name, name_of(m, i));
        name += strlen(name_of(m, i)) + 1;
        fill(m, i, m->file + at);
        m->in_file = i == 1 ? m->file + at : m->in_file;
        at = eg_align_up(at + parts[i].size, 16);
    }
    for (unsigned i = 0; i < countof(symbols); i++) {
        uint8_t *s = m->file + SYMBOLS + 24 * i;

        put(s, symbols[i].name[0] ? string - NAMES : 0, 4);
        put(s + 6, symbols[i].section, 2);
        memcpy(m->file + string, symbols[i].name, strlen(symbols[i].name) + 1);
        string += strlen(symbols[i].name) + 1;
    }
    header(m->file, SYMS, 0, SYMTAB, 0, SYMBOLS, 24 * countof(symbols), STRINGS, 5);
    header(m->file, STRINGS, 0, TABLE, 0, NAMES, SYMBOLS - NAMES, 0, 0);
    header(m->file, TEXTS, 0, TABLE, 0, NAMES, SYMBOLS - NAMES, 0, 0);
    m->len = at;
}

/* ---- the module in memory ---- */

static void put_relocated(const struct mk_module *m, uint8_t *p, uint32_t type, uint64_t at,
                          uint64_t value)
{
    const uint64_t pages = (value >> 12) - (at >> 12);
    uint32_t word = eg_le32(p);

    switch (type) {
    case CALL26: // far away is behind the veneer
        value = value - at > FAR_AWAY / 2 && at - value > FAR_AWAY / 2 ? m->code + MK_MODULE_VENEER
                                                                       : value;
        put(p, word | ((uint32_t)((value - at) >> 2) & 0x3ffffff), 4);
        break;
    case ADRP:
        put(p, word | (uint32_t)(pages & 3) << 29 | (uint32_t)(pages >> 2 & 0x7ffff) << 5, 4);
        break;
    case ADD_LO12:
        put(p, word | (uint32_t)(value & 0xfff) << 10, 4);
        break;
    default:
        put(p, value - (type == R_64 || type == R_32S || type == ABS64 ? 0 : at),
            type == R_64 || type == R_PC64 || type == ABS64 || type == PREL64 ? 8 : 4);
    }
}

static void add_veneer(struct mk_module *m)
{
    const uint64_t at = m->code + MK_MODULE_VENEER, to = value_of(m, FAR);
    uint8_t code[12] = { 0x10, 0, 0, 0x90, 0x10, 0x02, 0, 0x91, 0, 0x02, 0x1f, 0xd6 };

    put_relocated(m, code, ADRP, at, to); // adrp x16; add x16, x16; br x16
    put_relocated(m, code + 4, ADD_LO12, at + 4, to);
    mk_write(m->k, at, code, sizeof code);
}

static void load(struct mk_module *m)
{
    uint8_t bytes[MK_MODULE_TEXT];
    size_t count;
    const struct rela *relas = relas_of(m, &count);

    for (unsigned i = 1; i < countof(parts); i++) {
        if (parts[i].page < 0)
            continue;
        memset(bytes, 0, sizeof bytes);
        fill(m, i, bytes);
        for (size_t k = 0; k < count; k++)
            if (relas[k].section == i)
                put_relocated(m, bytes + relas[k].at, relas[k].type, address(m, i) + relas[k].at,
                              value_of(m, relas[k].symbol) + (uint64_t)relas[k].addend);
        mk_write(m->k, address(m, i), bytes, parts[i].size);
    }
    if (m->arm64) {
        mk_write_u32(m->k, m->code + MK_MODULE_NOPS, 0xaa1e03e9); // mov x9, x30
        add_veneer(m);
    } else {
        mk_write(m->k, m->code + MK_MODULE_FTRACE, "\x0f\x1f\x44\0\0", 5);
    }
}

static uint64_t text_at(struct mk_module *m, const char *text)
{
    const uint64_t at = mk_alloc(m->k, strlen(text) + 1);

    mk_write(m->k, at, text, strlen(text) + 1);
    return at;
}

static void add_sections(struct mk_module *m)
{
    const uint64_t list = mk_alloc(m->k, 8 * (countof(parts) + 1));
    uint64_t attr, n = 0;

    for (unsigned i = 1; i < countof(parts); i++) {
        if (parts[i].page < 0)
            continue;
        attr = mk_object(m->k, "bin_attribute");
        mk_put(m->k, attr, "bin_attribute.private", address(m, i));
        mk_put(m->k, attr, "bin_attribute.attr.name", text_at(m, name_of(m, i)));
        mk_write_ptr(m->k, list + 8 * n++, attr);
    }
    m->sections = mk_object(m->k, "module_sect_attrs");
    mk_put(m->k, m->sections, "module_sect_attrs.grp.bin_attrs", list);
    mk_put(m->k, m->module, "module.sect_attrs", m->sections);
}

static void add_tables(struct mk_module *m)
{
    struct mk *k = m->k;
    const uint64_t pages = mk_object(k, "ftrace_page"), pointer = mk_alloc(k, 8),
                   probes = mk_alloc(k, 64 * 8);

    m->record = mk_object(k, "dyn_ftrace");
    mk_put(k, m->record, "dyn_ftrace.ip", m->code + (m->arm64 ? 4 : MK_MODULE_FTRACE));
    mk_put(k, pages, "ftrace_page.records", m->record);
    mk_put(k, pages, "ftrace_page.index", 1);
    mk_write_ptr(k, pointer, pages);
    mk_symbol(k, "ftrace_pages_start", pointer);
    mk_symbol_sized(k, "kprobe_table", probes, 64 * 8);
    m->static_key = address(m, DATA);
    mk_put(k, m->module, "module.jump_entries", address(m, 12));
    mk_put(k, m->module, "module.num_jump_entries", 1);
    mk_put(k, m->module, "module.static_call_sites", address(m, 13));
    mk_put(k, m->module, "module.num_static_call_sites", 1);
    mk_put(k, m->data + 0x100, "static_call_key.func", m->text + STEP);
}

static uint64_t add_module(struct mk_module *m, const char *name, uint64_t base)
{
    struct mk *k = m->k;
    const uint64_t at = mk_object(k, "module"), mem = mk_at(k, at, "module.mem");

    mk_puts(k, at, "module.name", name);
    for (unsigned i = 0; i < 3 && base; i++) { // code, data, constants
        const uint64_t page = i == 0 ? base : i == 1 ? m->writable : m->constants;

        mk_write_ptr(k, mem + 16 * i, page);
        mk_write_u32(k, mem + 16 * i + 8, PAGE);
        if (base != m->code)
            break;
    }
    mk_list(k, mk_at(k, at, "module.target_list"), NULL, 0);
    return at;
}

/* What the module uses of another one. */
static void add_export(struct mk_module *m)
{
    struct mk *k = m->k;
    const uint64_t symbol = mk_object(k, "kernel_symbol"), use = mk_object(k, "module_use"),
                   node = mk_at(k, use, "module_use.target_list");

    mk_put(k, symbol, "kernel_symbol.value_offset", m->code + PAGE - symbol);
    mk_put(k, symbol, "kernel_symbol.name_offset", text_at(m, "other_export") - (symbol + 4));
    mk_put(k, m->other, "module.syms", symbol);
    mk_put(k, m->other, "module.num_syms", 1);
    mk_put(k, use, "module_use.target", m->other);
    mk_list(k, mk_at(k, m->module, "module.target_list"), &node, 1);
}

static void add_kernel(struct mk_module *m)
{
    struct mk *k = m->k;
    uint8_t code[PAGE];
    uint64_t uts;

    memset(code, 0xcc, sizeof code);
    for (unsigned at = 0; at < PAGE; at += STEP)
        code[at] = 0xc3;
    code[4 * STEP] = 0xe9; // __SCT__hello jumps to callee
    put(code + 4 * STEP + 1, (uint64_t)(int64_t)(STEP - (4 * STEP + 5)), 4);
    for (unsigned at = 0; m->arm64 && at < PAGE; at += 4)
        put(code + at, RET, 4);
    mk_write(k, m->text, code, sizeof code);
    mk_symbol(k, "_stext", m->text);
    mk_symbol(k, "_etext", m->text + PAGE);
    for (unsigned i = 5; i < OTHERS; i++)
        mk_symbol_sized(k, symbols[i].name, value_of(m, i), 16);
    mk_symbol(k, "ftrace_caller", m->text + 5 * STEP);
    mk_symbol(k, "__x86_indirect_thunk_rcx", m->text + 6 * STEP);
    mk_symbol(k, "bpf_kallsyms", mk_alloc(k, 16)); // it has none
    uts = mk_object(k, "uts_namespace");
    mk_puts(k, uts, "uts_namespace.name.release", "6.1");
    mk_symbol(k, "init_uts_ns", uts);
}

static const struct mk_machine *machine(const char *arch)
{
    mk_each_machine(m) if (m->arch && strcmp(m->arch, arch) == 0) return m;
    return NULL;
}

void mk_module(struct mk_module *m)
{
    uint64_t nodes[2];

    m->k = mk_new(machine(m->arm64 ? "aarch64" : "x86_64"), 8 << 20, types);
    m->text = mk_alloc_aligned(m->k, PAGE, PAGE);
    m->data = mk_alloc_aligned(m->k, PAGE, PAGE);
    m->code = mk_alloc_aligned(m->k, 2 * PAGE, PAGE);
    m->constants = mk_alloc_aligned(m->k, PAGE, PAGE);
    m->writable = mk_alloc_aligned(m->k, PAGE, PAGE);
    add_kernel(m);
    mk_write(m->k, m->code + PAGE, m->arm64 ? "\xc0\x03\x5f\xd6" : "\xc3", m->arm64 ? 4 : 1);
    m->module = add_module(m, "mod_a", m->code);
    m->other = add_module(m, "other", m->code + PAGE);
    add_export(m);
    add_tables(m);
    add_sections(m);
    load(m);
    write_file(m);
    nodes[0] = mk_at(m->k, m->module, "module.list");
    nodes[1] = mk_at(m->k, m->other, "module.list");
    m->head = mk_alloc(m->k, 16);
    mk_list(m->k, m->head, nodes, 2);
}

void mk_module_settle(struct mk_module *m)
{
    struct linux_state *s;

    mk_rows_may_fail = true;
    mk_rows(m->k, "modparams", NULL); // the first makes the system
    mk_rows_may_fail = false;
    s = linux_state(mk_system(m->k));
    s->modules = m->head;
    s->image_start = m->text;
    s->image_end = m->data + PAGE;
}
