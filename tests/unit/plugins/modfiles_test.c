/* modfiles_test.c - modsections and module_extract: what is known of a module's sections and
 * symbols, and what is gone; taints: who says that the kernel is tainted. */
#include "base.h"
#include "check.h"
#include "mklinux.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TYPES                                                                                      \
    MK_LIST_TYPES                                                                                  \
    "struct attribute { const char *name; unsigned short mode; };"                                 \
    "struct bin_attribute { struct attribute attr; unsigned long size; void *private; };"          \
    "struct attribute_group { const char *name; struct bin_attribute **bin_attrs; };"              \
    "struct mod_kallsyms { void *symtab; unsigned int num_symtab; char *strtab; };"                \
    "struct module_memory { void *base; unsigned int size; };"                                     \
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"       \
    "  struct mod_kallsyms *kallsyms; struct module_sect_attrs *sect_attrs;"                       \
    "  struct list_head source_list, target_list; struct module_memory mem[7]; };"
static const char old_types[] =
    TYPES "struct module_sect_attr { struct bin_attribute battr; unsigned long address; };"
          "struct module_sect_attrs { struct attribute_group grp; unsigned int nsections; };";
static const char new_types[] = TYPES "struct module_sect_attrs { struct attribute_group grp; };";

enum { RAM = 4 << 20, PAGE = 1 << 16, SECTIONS = 5, LOCAL_FUNC = 0x02, GLOBAL_OBJECT = 0x11 };

struct world {
    struct mk *k;
    uint64_t head, module, code, data, strings, symbols;
    unsigned word;
};

static uint64_t text(struct world *w, const char *s)
{
    uint64_t at = mk_alloc(w->k, strlen(s) + 1);

    mk_write(w->k, at, s, strlen(s) + 1);
    return at;
}

static void add_sections(struct world *w, bool is_old)
{
    const struct {
        const char *name;
        uint64_t addr;
    } all[SECTIONS] = {
        { ".data", w->data },           { ".text", w->code },         { ".init.text", 0x1000 },
        { ".exit.text", w->code + 64 }, { ".note.x", w->data + 256 },
    };
    const uint64_t attrs = mk_object(w->k, "module_sect_attrs");
    const uint64_t list = mk_alloc(w->k, (SECTIONS + 1) * w->word);

    for (unsigned i = 0; i < SECTIONS; i++) {
        uint64_t at = mk_object(w->k, is_old ? "module_sect_attr" : "bin_attribute"), attr = at;

        if (is_old) {
            attr = mk_at(w->k, at, "module_sect_attr.battr");
            mk_put(w->k, at, "module_sect_attr.address", all[i].addr);
        } else {
            mk_put(w->k, attr, "bin_attribute.private", all[i].addr);
        }
        mk_put(w->k, attr, "bin_attribute.attr.name", text(w, all[i].name));
        mk_write_ptr(w->k, list + i * w->word, attr);
    }
    mk_put(w->k, attrs, "module_sect_attrs.grp.bin_attrs", list);
    mk_put(w->k, w->module, "module.sect_attrs", attrs);
    mk_write_u32(w->k, w->data + 256, 4); // a note: its name and four bytes
    mk_write_u32(w->k, w->data + 260, 4);
}

static void add_symbol(struct world *w, unsigned i, const char *name, uint64_t addr, uint8_t info)
{
    const bool wide = w->word == 8;
    const uint64_t at = w->symbols + i * (wide ? 24 : 16), before = w->strings + 16 * i;

    mk_write_u32(w->k, at, 16 * i);
    mk_write_ptr(w->k, at + (wide ? 8 : 4), addr);
    mk_write(w->k, at + (wide ? 4 : 12), &info, 1);
    mk_write(w->k, at + (wide ? 6 : 14), "\1\1", 2); // in a section
    mk_write(w->k, before, name, strlen(name) + 1);
}

static struct world make(const struct mk_machine *m, bool is_old)
{
    struct world w = { .k = mk_new(m, RAM, is_old ? old_types : new_types) };
    const uint64_t tables = mk_object(w.k, "mod_kallsyms"),
                   mem_size = mk_size(w.k, "module_memory");
    uint64_t link, mem, outside;

    w.word = mk_model(w.k)->ptr_size;
    w.head = mk_object(w.k, "list_head");
    w.module = mk_object(w.k, "module");
    w.code = mk_alloc_aligned(w.k, PAGE, PAGE);
    w.data = mk_alloc_aligned(w.k, PAGE, PAGE);
    w.symbols = w.data + 1024;
    w.strings = w.symbols + 3 * (w.word == 8 ? 24 : 16);
    mk_puts(w.k, w.module, "module.name", "mod");
    mem = mk_at(w.k, w.module, "module.mem");
    mk_put(w.k, mem, "module_memory.base", w.code);
    mk_put(w.k, mem, "module_memory.size", 4096);
    mk_put(w.k, mem + mem_size, "module_memory.base", w.data);
    mk_put(w.k, mem + mem_size, "module_memory.size", 4096);
    add_sections(&w, is_old);
    add_symbol(&w, 1, "mod_variable", w.data + 8, GLOBAL_OBJECT);
    add_symbol(&w, 2, "mod_function", w.code, LOCAL_FUNC);
    mk_put(w.k, tables, "mod_kallsyms.symtab", w.symbols);
    mk_put(w.k, tables, "mod_kallsyms.strtab", w.strings);
    mk_put(w.k, tables, "mod_kallsyms.num_symtab", 3);
    mk_put(w.k, w.module, "module.kallsyms", tables);
    link = mk_at(w.k, w.module, "module.list");
    mk_list(w.k, w.head, &link, 1);
    mk_symbol(w.k, "modules", w.head);
    outside = mk_alloc(w.k, 16);
    mk_symbol_sized(w.k, "kernel_function", outside, 8);
    mk_write_ptr(w.k, w.data + 16, outside);
    return w;
}

static void sections(void **state)
{
    (void)state;
    mk_each_machine(m) for (int is_old = 0; is_old <= 1; is_old++)
    {
        struct world w = make(m, is_old);
        char want[512];

        snprintf(want, sizeof want,
                 ".init.text|0x1000|\n"
                 ".text|%#llx|64\n.exit.text|%#llx|4032\n.data|%#llx|256\n.note.x|%#llx|20",
                 (unsigned long long)w.code, (unsigned long long)w.code + 64,
                 (unsigned long long)w.data, (unsigned long long)w.data + 256);
        // NAME ADDRESS SIZE; KIND
        assert_string_equal(mk_columns(mk_rows(w.k, "modsections", NULL), 2, 4), want);
        assert_string_equal(mk_columns(mk_rows(w.k, "modsections", NULL), 6, 6),
                            "gone\ncode\ncode\ndata\ndata");
        assert_string_equal(mk_rows(w.k, "modsections", (const char *[]){ "module=mode", NULL }),
                            "");
        assert_non_null(
            strstr(mk_rows(w.k, "modsections", (const char *[]){ "module=mod", NULL }), ".text"));
        if (m->arch && !strcmp(m->arch, "x86_64")) {
            assert_string_equal(mk_columns(mk_rows(w.k, "modsections", NULL), 5, 5),
                                "\nrwx\nrwx\nrwx\nrwx");
            mk_protect(w.k, w.code, 0, 2);
            mk_protect(w.k, w.data, UINT64_C(1) << 63, 0);
            assert_string_equal(mk_columns(mk_rows(w.k, "modsections", NULL), 5, 5),
                                "\nr-x\nr-x\nrw-\nrw-");
        }
        // Without the list: parts of memory.
        mk_put(w.k, w.module, "module.sect_attrs", 0);
        assert_string_equal(mk_columns(mk_rows(w.k, "modsections", NULL), 2, 2),
                            "[.text]\n[.data]");
        mk_free(w.k);
    }
}

/* ---- files ---- */

static uint64_t field(const struct world *w, const uint8_t *p, unsigned at, unsigned size)
{
    return eg_load_(p + at, size, mk_model(w->k)->big_endian);
}

static FILE *take(const struct world *w, const char *folder)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/mod.%#llx.ko", folder, (unsigned long long)w->module);
    f = fopen(path, "rb");
    assert_non_null(f);
    unlink(path);
    return f;
}

/* The file that was written into @folder: header, sections by name, symbols. */
static void check_file(struct world *w, const char *folder, const char *const *names)
{
    const bool wide = w->word == 8;
    static uint8_t file[1 << 18];
    uint64_t shoff, n, each = wide ? 64 : 40, strings;
    FILE *f = take(w, folder);
    const size_t len = fread(file, 1, sizeof file, f);

    fclose(f);
    assert_memory_equal(file, "\177ELF", 4);
    assert_int_equal(file[4], wide ? 2 : 1);
    assert_int_equal(file[5], mk_model(w->k)->big_endian ? 2 : 1);
    shoff = field(w, file, wide ? 40 : 32, w->word);
    n = field(w, file, wide ? 60 : 48, 2);
    assert_true(eg_within(shoff, n * each, len));
    strings = field(w, file + shoff + (n - 1) * each, wide ? 24 : 16, w->word);
    for (uint64_t i = 1; i < n; i++) {
        const uint8_t *s = file + shoff + i * each;

        assert_non_null(names[i - 1]);
        assert_string_equal(file + strings + field(w, s, 0, 4), names[i - 1]);
        if (!strcmp(names[i - 1], ".symtab")) { // the local one first
            const uint64_t at = field(w, s, wide ? 24 : 16, w->word), sym = at + (wide ? 24 : 16);

            assert_int_equal(field(w, s, wide ? 44 : 28, 4), 2);
            assert_int_equal(field(w, file + sym, wide ? 8 : 4, w->word), w->code);
            assert_int_equal(file[sym + (wide ? 4 : 12)], LOCAL_FUNC);
        }
    }
    assert_null(names[n - 1]);
}

static void files(void **state)
{
    static const char *const whole[] = { ".text",   ".exit.text",      ".data",
                                         ".note.x", ".outside.kernel", ".symtab",
                                         ".strtab", ".shstrtab",       NULL },
                             *const bare[] = { ".text",   ".data",   ".outside.kernel",
                                               ".symtab", ".strtab", ".shstrtab",
                                               NULL };
    char folder[] = "/tmp/modfiles.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    mk_out_dir = folder;
    // What others point to is not looked for in memory that may be executed.
    mk_each_machine(m) if (!strncmp(m->name, "riscv", 5))
    {
        struct world w = make(m, false);

        // SECTIONS NAMES NAMES_OUTSIDE GONE HINTS
        assert_string_equal(mk_columns(mk_rows(w.k, "module_extract", NULL), 7, 11),
                            "4|2|1|.init.text|");
        check_file(&w, folder, whole);
        mk_free(w.k);
        w = make(m, false);
        mk_put(w.k, w.module, "module.sect_attrs", 0);
        mk_put(w.k, mk_read_ptr(w.k, mk_at(w.k, w.module, "module.kallsyms")),
               "mod_kallsyms.num_symtab", 0);
        assert_string_equal(
            mk_columns(mk_rows(w.k, "module_extract", NULL), 7, 11),
            "2|2|1||its table of symbols was emptied; its list of sections is gone; "
            "its sections follow from its parts of memory; "
            "how many symbols it has follows from where their names begin");
        check_file(&w, folder, bare);
        mk_free(w.k);
    }
    mk_each_machine(m)
    {
        struct world w = make(m, true);
        const char *none[] = { "module=other", NULL };
        char at[2][64];

        assert_string_equal(mk_rows(w.k, "module_extract", none), "");
        snprintf(at[0], sizeof at[0], "at=%#llx", (unsigned long long)w.code + 4096);
        snprintf(at[1], sizeof at[1], "at=%#llx", (unsigned long long)w.code + 4095);
        none[0] = at[0];
        assert_string_equal(mk_rows(w.k, "module_extract", none), "");
        none[0] = at[1];
        assert_non_null(strstr(mk_rows(w.k, "module_extract", none), "mod|mod."));
        fclose(take(&w, folder));
        assert_non_null(strstr(mk_rows(w.k, "module_extract", NULL), "mod|mod."));
        fclose(take(&w, folder));
        mk_free(w.k);
    }
    mk_out_dir = NULL;
    rmdir(folder);
}

/* The size of the section @name in the file that was written into @folder. */
static uint64_t size_in(struct world *w, const char *folder, const char *name)
{
    static uint8_t file[1 << 18];
    FILE *f = take(w, folder);
    const size_t len = fread(file, 1, sizeof file, f);
    const uint64_t shoff = field(w, file, 40, 8), n = field(w, file, 60, 2),
                   strings = field(w, file + shoff + (n - 1) * 64, 24, 8);

    fclose(f);
    assert_true(eg_within(shoff, n * 64, len));
    for (uint64_t i = 1; i < n; i++)
        if (!strcmp((const char *)file + strings + field(w, file + shoff + i * 64, 0, 4), name))
            return field(w, file + shoff + i * 64, 32, 8);
    return 0;
}

/* The last section of a part of memory, .exit.text, does not end with the page. */
static void sizes(void **state)
{
    static const struct {
        bool write, symbol, list; // the page is writable; a symbol of 8 bytes; sysfs has sections
        char bytes[5];            // of the section
        uint64_t size;
    } cases[] = {
        { false, false, true, "\x13\0\0\x55", 8 }, { false, false, true, "", 8 },
        { false, true, true, "\x13\0\0\x55", 24 }, { true, true, true, "\x13\0\0\x55", 24 },
        { true, false, true, "\x13", 4032 },       { false, false, false, "\x13", 0 },
    };
    char folder[] = "/tmp/modfiles.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    mk_out_dir = folder;
    mk_each_machine(m) if (!strncmp(m->name, "riscv", 5)) for (size_t i = 0; i < countof(cases);
                                                               i++)
    {
        struct world w = make(m, false);

        mk_write(w.k, w.code + 64, cases[i].bytes, cases[i].bytes[0] ? 4 : 0);
        if (!cases[i].write)
            mk_protect(w.k, w.code, 0, 1 << 2);
        if (cases[i].symbol)
            mk_write_u32(w.k, w.symbols + 2 * 24 + 8, (uint32_t)(w.code + 80));
        mk_write_ptr(w.k, w.symbols + 2 * 24 + 16, 8);
        if (!cases[i].list)
            mk_put(w.k, w.module, "module.sect_attrs", 0);
        mk_rows(w.k, "module_extract", NULL);
        assert_int_equal(size_in(&w, folder, cases[i].list ? ".exit.text" : ".text"),
                         cases[i].list ? cases[i].size : 4096);
        mk_free(w.k);
    }
    mk_out_dir = NULL;
    rmdir(folder);
}

/* AArch64: what the module calls far away is behind code that no symbol has. */
static void veneers(void **state)
{
    char folder[] = "/tmp/modfiles.XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    mk_out_dir = folder;
    mk_each_machine(m) if (m->arch && !strcmp(m->arch, "aarch64")) for (int jumps = 0; jumps < 2;
                                                                        jumps++)
    {
        static uint8_t file[1 << 18];
        struct world w = make(m, false);
        const uint64_t at = w.code + 0x100, to = w.code + 2 * PAGE + 0x40,
                       pages = (to >> 12) - (at >> 12);
        size_t len;
        FILE *f;

        mk_alloc_aligned(w.k, PAGE, PAGE);
        mk_symbol_sized(w.k, "far_function", to, 8);
        mk_write_u32(w.k, w.code, 0x94000000 | 0x100 >> 2); // bl
        mk_write_u32(w.k, at,
                     0x90000010 | (uint32_t)(pages & 3) << 29 |
                         ((uint32_t)(pages >> 2) & 0x7ffff) << 5); // adrp x16
        mk_write_u32(w.k, at + 4, 0x91000210 | (uint32_t)(to & 0xfff) << 10);
        mk_write_u32(w.k, at + 8, jumps ? 0xd61f0200 : 0xd503201f); // br x16, or a nop
        mk_rows(w.k, "module_extract", NULL);
        f = take(&w, folder);
        len = fread(file, 1, sizeof file, f);
        fclose(f);
        assert_int_equal(memmem(file, len, "far_function@plt", 17) != NULL, jumps);
        mk_free(w.k);
    }
    mk_out_dir = NULL;
    rmdir(folder);
}

/* ---- taints ---- */

#define LOG_TYPES                                                                                  \
    MK_LIST_TYPES                                                                                  \
    "typedef struct { long counter; } atomic_long_t;"                                              \
    "struct printk_info { u64 seq, ts_nsec; u16 text_len; u8 facility; u8 flags:5; u8 level:3;"    \
    "  u32 caller_id; };"                                                                          \
    "struct prb_data_blk_lpos { unsigned long begin, next; };"                                     \
    "struct prb_desc { atomic_long_t state_var; struct prb_data_blk_lpos text_blk_lpos; };"        \
    "struct prb_data_ring { unsigned int size_bits; char *data; };"                                \
    "struct prb_desc_ring { unsigned int count_bits; struct prb_desc *descs;"                      \
    "  struct printk_info *infos; atomic_long_t head_id, tail_id; };"                              \
    "struct printk_ringbuffer { struct prb_desc_ring desc_ring;"                                   \
    "  struct prb_data_ring text_data_ring; };"                                                    \
    "struct module { int state; struct list_head list; char name[56]; unsigned long taints;"       \
    "  struct list_head source_list, target_list; };"

/* One line of the log. */
static void put_log(struct mk *k, const char *line, uint8_t facility)
{
    const unsigned word = mk_model(k)->ptr_size;
    const uint64_t rb = mk_object(k, "printk_ringbuffer"), desc = mk_object(k, "prb_desc");
    const uint64_t info = mk_object(k, "printk_info"), data = mk_alloc(k, 256);
    const uint64_t prb = mk_alloc(k, 8);

    mk_put(k, rb, "printk_ringbuffer.desc_ring.descs", desc);
    mk_put(k, rb, "printk_ringbuffer.desc_ring.infos", info);
    mk_put(k, rb, "printk_ringbuffer.text_data_ring.size_bits", 8);
    mk_put(k, rb, "printk_ringbuffer.text_data_ring.data", data);
    mk_write(k, data + word, line, strlen(line));
    mk_put(k, desc, "prb_desc.text_blk_lpos.next", 240);
    mk_put(k, desc, "prb_desc.state_var.counter", UINT64_C(2) << (8 * word - 2));
    mk_put(k, info, "printk_info.text_len", strlen(line));
    mk_put(k, info, "printk_info.facility", facility);
    mk_write_ptr(k, prb, rb);
    mk_symbol(k, "prb", prb);
}

static void taints(void **state)
{
    static const char of_module[] = "a module has it, the kernel's mask lacks it";
    static const char of_log[] = "the log says it, the kernel's mask lacks it";
    static const struct {
        uint64_t mask, module;
        const char *line, *rows; // BIT TAINTS IN_MASK; MODULES; HINTS
        uint8_t facility;
    } cases[] = {
        { 0, 0, "all is well", "", 0 },
        { 1 << 12, 1 << 12, "mod: loading out-of-tree module taints kernel.", "12|O|true|mod|", 0 },
        { 1 << 12, 0, "all is well", "12|O|true||", 0 }, // of one that is gone
        { 1 << 12, 0, "mod: loading out-of-tree module taints kernel.",
          "12|O|true||the log says it of a module, which lacks it", 0 },
        { 1 << 12, 0, "mode: loading out-of-tree module taints kernel.", "12|O|true||", 0 },
        { 0, 1 << 12, "all is well", "12|O|false|mod|M", 0 },
        { 0, 0, "x: loading out-of-tree module taints kernel.", "12|O|false||L", 0 },
        { 0, 0, "x: loading out-of-tree module taints kernel.", "", 1 }, // a program's words
        { 0, 1 << 13,
          "x: module verification failed: signature and/or required key missing - "
          "tainting kernel",
          "13|E|false|mod|M; L", 0 },
        { 1 << 13, 1 << 13,
          "x: module verification failed: signature and/or required key missing "
          "- tainting kernel",
          "13|E|true|mod|", 0 },
        { 0, 0, "x: module license 'Proprietary' taints kernel.", "0|P|false||L", 0 },
        { 0, 0, "x: module license 'GPL' is fine", "", 0 },
        { 0, 0, "WARNING: CPU: 0 PID: 1 at f+0x1", "9|W|false||L", 0 },
        { 1 << 11, 0, "WARNING: CPU: 0 PID: 1 at f+0x1", "9|W|false||\n11|I|true||", 0 },
        { 0, 0, "WARNING: possible circular locking dependency detected", "", 0 },
        { 1 << 15, 0, "x: tainting kernel with TAINT_LIVEPATCH", "15|K|true||", 0 },
    };

    (void)state;
    mk_each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct mk *k = mk_new(m, RAM, LOG_TYPES);
        const uint64_t mask = mk_alloc(k, 8), mod = mk_object(k, "module");
        const uint64_t head = mk_object(k, "list_head");
        uint64_t link = mk_at(k, mod, "module.list");
        char want[256] = "", rows[1024], left[1024];
        const char *rest;

        mk_puts(k, mod, "module.name", "mod");
        mk_put(k, mod, "module.taints", cases[i].module);
        mk_list(k, head, &link, 1);
        mk_write_ptr(k, mask, cases[i].mask);
        mk_symbol(k, "tainted_mask", mask);
        mk_symbol(k, "modules", head);
        put_log(k, cases[i].line, cases[i].facility);
        for (rest = cases[i].rows; *rest; rest++) { // M and L stand for the hints
            const char at[2] = { *rest, 0 };

            strcat(want, *rest == 'M' ? of_module : *rest == 'L' ? of_log : at);
        }
        snprintf(left, sizeof left, "%s", mk_rows(k, "taints", NULL));
        assert_int_equal(mk_row_notes("the kernel is not tainted"), !*cases[i].rows);
        assert_int_equal(mk_row_notes("not known"), 0);
        snprintf(rows, sizeof rows, "%s", mk_columns(left, 0, 2));
        assert_int_equal(strncmp(rows, want, strcspn(want, "|")), 0);
        // A row without its meaning and the line of the log.
        if (*want && !strchr(want, '\n'))
            snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "|%s",
                     mk_columns(left, 4, 4));
        if (*want && !strchr(want, '\n'))
            snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "|%s",
                     mk_columns(left, 6, 6));
        if (!strchr(want, '\n'))
            assert_string_equal(rows, want);
        else
            assert_string_equal(mk_columns(left, 6, 6), "\n");
        mk_put(k, mod, "module.taints", 1 << 25);
        mk_write_ptr(k, mask, 1 << 26);
        mk_rows(k, "taints", NULL);
        assert_int_equal(mk_row_notes("1 modules have taints that are not known"), 1);
        assert_int_equal(mk_row_notes("bits that are not known: 0x4000000"), 1);
        mk_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections), cmocka_unit_test(files),  cmocka_unit_test(sizes),
        cmocka_unit_test(veneers),  cmocka_unit_test(taints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
