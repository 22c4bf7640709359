/* libraries_test.c - library_list, plthook, apihooks, hollowing, elfdump: a program, a library that
 * its loader lists, and what an intruder does with them. */
#include "check.h"
#include "mkelf.h"
#include "mkguest.h"
#include <stdio.h>

/* What is read of pages and auxiliary vectors, in the types of the guest. */
static const char *const edits[] = {
    "struct page { unsigned long flags; void *mapping; unsigned long index, private; };",
    "enum pageflags { PG_reserved, PG_slab };"
    "struct atomic { int counter; };"
    "struct page { unsigned long flags; unsigned long compound_head; unsigned long mapping;"
    "  unsigned long index, private; unsigned int page_type; struct atomic _refcount; };"
    "struct slab { unsigned long __page_flags; struct kmem_cache *slab_cache;"
    "  unsigned int objects; };"
    "struct kmem_cache { unsigned int size, red_left_pad; char *name; struct list_head list; };"
    "struct xa_node { u8 shift, offset, count, nr_values; struct xa_node *parent;"
    "  struct xarray *array; void *slots[64]; };",
    "struct file *exe_file; void *pgd;",
    "struct file *exe_file; void *pgd; unsigned long saved_auxv[16];",
    NULL,
};

enum { READ = 1, WRITE = 3, EXEC = 5, PROGRAM = 0x100, LIBRARY = 0x200, ROGUE = 0x300 };
enum { CODE = 0x400, HEAP = 0x500 }; // pages: of the process

struct world {
    struct mk_guest g;
    struct mk *k;
    const struct mk_machine *m;
    uint64_t task, mm, map, size; // struct page of page 0, and bytes of one
    uint64_t files[3], leaf[3];   // of the program, the library, the rogue
    struct mk_elf elf[3];
    bool ready;
};

static uint64_t bias_of(uint64_t page)
{
    return page * 0x1000 - MK_ELF_VADDR;
}

static void put_word(struct world *w, uint64_t va, uint64_t value)
{
    mk_guest_write(&w->g, w->mm, va, &value, 8);
}

/** The link_map at word @at of the heap's page. */
static void link_map(struct world *w, unsigned at, uint64_t base, unsigned name, unsigned next,
                     unsigned prev)
{
    const uint64_t heap = HEAP * 0x1000, va = heap + 8 * at;

    put_word(w, va, bias_of(base));
    put_word(w, va + 8, heap + name);
    put_word(w, va + 16, base * 0x1000 + 0x2000);
    put_word(w, va + 24, next ? heap + 8 * next : 0);
    put_word(w, va + 32, prev ? heap + 8 * prev : 0);
}

/** An ELF file of @name, which is mapped at @base: the struct file. */
static void add_file(struct world *w, int i, const char *name, uint64_t base, uint64_t debug)
{
    uint64_t dentry = mk_guest_dentry(&w->g, w->g.top, name), inode;

    w->files[i] = mk_guest_file(&w->g, dentry);
    inode = mk_of(&w->g, dentry, "dentry.d_inode");
    mk_put(w->k, inode, "inode.i_size", MK_ELF_FILE);
    w->leaf[i] = mk_object(w->k, "xa_node");
    mk_put(w->k, inode, "inode.i_data.i_pages.xa_head", w->leaf[i] | 2);
    w->elf[i] = (struct mk_elf){ .wide = true,
                                 .machine = strcmp(w->m->arch, "aarch64") ? 62 : 183,
                                 .gnu = true,
                                 .debug = debug };
    mk_elf_make(&w->elf[i]);
    mk_elf_reloc(&w->elf[i], MK_ELF_PLT, 0, MK_ELF_VADDR + 0x2300, 1,
                 w->elf[i].machine == 62 ? 7 : 1026, 0);
    mk_elf_reloc(&w->elf[i], MK_ELF_RELA, 1, MK_ELF_VADDR + 0x2310, 2,
                 w->elf[i].machine == 62 ? 6 : 1025, 0);
    memset(w->elf[i].at + 0x900, 0x90, 0x100); // code
    mk_elf_load(&w->elf[i]);
    mk_guest_write(&w->g, w->mm, base * 0x1000, w->elf[i].in, 0x1000);
    mk_guest_write(&w->g, w->mm, base * 0x1000 + 0x2000, w->elf[i].in + 0x2000, 0x1000);
}

/** Its mappings: code, a gap, data. */
static void map_file(struct world *w, int i, uint64_t base)
{
    uint64_t vma = mk_guest_vma(&w->g, w->mm, base, 1, EXEC, w->files[i]);

    mk_put(w->k, vma, "vm_area_struct.vm_pgoff", 0);
    vma = mk_guest_vma(&w->g, w->mm, base + 2, 1, WRITE, w->files[i]);
    mk_put(w->k, vma, "vm_area_struct.vm_pgoff", 1);
}

static uint64_t page_of(struct world *w, uint64_t va)
{
    return w->map + mk_physical(w->k, va) / 0x1000 * w->size;
}

/** The page cache has both pages of each file. */
static void fill_cache(struct world *w)
{
    for (int i = 0; i < 3; i++) {
        const uint64_t inode = mk_of(&w->g, w->files[i], "file.f_inode");

        for (unsigned n = 0; n < 2; n++) {
            uint64_t at = mk_alloc_aligned(w->k, 0x1000, 0x1000), page = page_of(w, at);

            mk_write(w->k, at, w->elf[i].at + 0x1000 * n, 0x1000);
            mk_put(w->k, page, "page.mapping", mk_at(w->k, inode, "inode.i_data"));
            mk_put(w->k, page, "page.index", n);
            mk_write_ptr(w->k, mk_at(w->k, w->leaf[i], "xa_node.slots") + 8 * n, page);
        }
    }
}

/** All is well: the program calls "work" of the library. */
static struct world make(const struct mk_machine *m)
{
    struct world w = { .g = mk_guest(m, edits), .m = m };
    uint64_t cache, node, auxv, heap = HEAP * 0x1000, init;

    w.k = w.g.k;
    w.size = mk_at(w.k, 0, "page._refcount") + 4;
    w.map = mk_alloc_aligned(w.k, (8 << 20) / 4096 * 64, 4096);
    mk_symbol(w.k, "vmemmap", w.map);
    cache = mk_object(w.k, "kmem_cache");
    node = mk_at(w.k, cache, "kmem_cache.list");
    mk_list(w.k, mk_alloc(w.k, 64), &node, 1);
    init = mk_guest_task(&w.g, 1, "init", 0);
    w.task = mk_guest_task(&w.g, 7, "prog", init);
    w.mm = MK_MM(&w.g, w.task, "prog\0", "");
    add_file(&w, 0, "prog", PROGRAM, heap);
    add_file(&w, 1, "libwork.so", LIBRARY, 0);
    add_file(&w, 2, "librogue.so", ROGUE, 0);
    mk_put(w.k, w.mm, "mm_struct.exe_file", w.files[0]);
    auxv = mk_at(w.k, w.mm, "mm_struct.saved_auxv");
    mk_write_ptr(w.k, auxv, 3); // AT_PHDR
    mk_write_ptr(w.k, auxv + 8, PROGRAM * 0x1000 + 64);
    mk_write_ptr(w.k, auxv + 16, 5); // AT_PHNUM
    mk_write_ptr(w.k, auxv + 24, 3);
    mk_write_ptr(w.k, auxv + 32, 9); // AT_ENTRY
    mk_write_ptr(w.k, auxv + 40, PROGRAM * 0x1000 + 0x900);
    // r_debug, two entries, names.
    put_word(&w, heap, 1);
    put_word(&w, heap + 8, heap + 8 * 16);
    link_map(&w, 16, PROGRAM, 0x200, 32, 0);
    link_map(&w, 32, LIBRARY, 0x208, 0, 16);
    mk_guest_write(&w.g, w.mm, heap + 0x208, "/libwork.so", 12);
    put_word(&w, PROGRAM * 0x1000 + 0x2310, LIBRARY * 0x1000 + 0x900);
    put_word(&w, LIBRARY * 0x1000 + 0x2310, LIBRARY * 0x1000 + 0x900);
    mk_guest_write(&w.g, w.mm, CODE * 0x1000, "\xc3", 1);
    mk_put(w.k, page_of(&w, init), "page.flags", 2);
    mk_put(w.k, page_of(&w, init), "slab.slab_cache", cache);
    fill_cache(&w);
    return w;
}

/* What a case changes before mappings are made, by address. */
static void map_all(struct world *w, bool rogue)
{
    map_file(w, 0, PROGRAM);
    map_file(w, 1, LIBRARY);
    if (rogue)
        map_file(w, 2, ROGUE);
    mk_guest_vma(&w->g, w->mm, CODE, 1, EXEC, 0);
    mk_guest_vma(&w->g, w->mm, HEAP, 1, WRITE, 0);
}

#define each_machine(m)                                                                            \
    mk_each_machine(m) if (m->arch && m->page_shift == 12 && strcmp(m->arch, "riscv64") != 0)

/** KIND, PATH, IN_LIST, IN_MAPS, HINTS, REASON of all rows. */
static void expect_list(struct world *w, const char *want)
{
    char got[2048], *save = NULL, *line;
    size_t n = 0;

    snprintf(got, sizeof got, "%s", mk_guest_rows(&w->g, "library_list", "pid=7"));
    static char out[2048];
    *out = 0;
    for (line = strtok_r(got, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        int column = 0;

        for (; *line; line++) {
            column += *line == '|';
            if (column == 2 || column == 5 || column >= 8)
                out[n++] = *line;
        }
        out[n++] = '\n';
    }
    out[n] = 0;
    assert_string_equal(out, want);
    mk_free(w->k);
}

/** The process has no page at @va: only the page cache can have it. */
static void untouched(struct world *w, uint64_t va)
{
    struct mk_guest *g = &w->g;

    for (size_t i = 0; i < g->n_pages; i++)
        if (g->pages[i].mm == w->mm && g->pages[i].va == va)
            g->pages[i] = g->pages[--g->n_pages];
}

static void page_cache(void **state)
{
    (void)state;
    each_machine(m)
    {
        struct world w = make(m);

        untouched(&w, LIBRARY * 0x1000);
        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n");
        w = make(m); // nor has that: what else is mapped of the file belongs to it
        untouched(&w, LIBRARY * 0x1000);
        mk_write_ptr(w.k, mk_at(w.k, w.leaf[1], "xa_node.slots"), 0);
        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n"
                        "|library|/libwork.so|true|true|its header is not in memory|\n");
    }
}

static void lists(void **state)
{
    (void)state;
    each_machine(m)
    {
        struct world w = make(m);

        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n");
        w = make(m);
        map_all(&w, true);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n"
                        "|library|/librogue.so|false|true||mapped, but not in the loader's list\n");
        w = make(m); // an entry that only l_prev of the next one leads to
        link_map(&w, 32, LIBRARY, 0x208, 0, 48);
        link_map(&w, 48, ROGUE, 0x208, 32, 16);
        map_all(&w, true);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n"
                        "|library|/librogue.so|true|true||its entry is only linked backwards\n");
        w = make(m); // the list goes in a circle, and then it is not known to be whole
        link_map(&w, 32, LIBRARY, 0x208, 16, 16);
        map_all(&w, true);
        expect_list(&w, "|program|/prog|true|true|its list cannot be followed to its end|\n"
                        "|library|/libwork.so|true|true||\n|library|/librogue.so|false|true||\n");
        w = make(m); // two entries of one library
        link_map(&w, 32, LIBRARY, 0x208, 48, 16);
        link_map(&w, 48, LIBRARY, 0x208, 0, 32);
        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n"
                        "|library|/libwork.so|true|false||in the loader's list, but not mapped\n");
        w = make(m); // listed, and nowhere
        link_map(&w, 32, LIBRARY, 0x208, 48, 16);
        link_map(&w, 48, 0x700, 0x208, 0, 32);
        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n"
                        "|library|/libwork.so|true|false||in the loader's list, but not mapped\n");
        w = make(m); // a header in anonymous memory that can be run
        mk_guest_write(&w.g, w.mm, CODE * 0x1000, w.elf[2].at, 0x400);
        map_all(&w, false);
        expect_list(&w, "|program|/prog|true|true||\n|library|/libwork.so|true|true||\n"
                        "|library||false|true||an ELF file in executable anonymous memory\n");
    }
}

/** SYMBOL, REASON of the rows of plthook. */
static void expect_hooks(struct world *w, const char *want)
{
    const char *rows = mk_guest_rows(&w->g, "plthook", "pid=7");
    char symbols[1024], *out;

    snprintf(symbols, sizeof symbols, "%s", *rows ? mk_columns(rows, 2, 3) : "");
    if (asprintf(&out, "%s%s%s", symbols, *rows ? "|" : "", *rows ? mk_columns(rows, 8, 8) : "") <
        0)
        fail();
    assert_string_equal(out, want);
    free(out);
    mk_free(w->k);
}

static void tables(void **state)
{
    static const struct {
        uint64_t to;
        bool rogue;
        const char *want;
    } cases[] = {
        { LIBRARY * 0x1000 + 0x900, false, "" },
        { PROGRAM * 0x1000 + 0x980, false, "" }, // not bound yet
        { 0, false, "" },
        { LIBRARY * 0x1000 + 0x904, false,
          "/prog|work|leads into another object, but not to this symbol" },
        { CODE * 0x1000, false, "/prog|work|leads to memory of no program or library" },
        { 0x7777000, false, "/prog|work|leads to memory of no program or library" },
        { ROGUE * 0x1000 + 0x900, true,
          "/prog|work|leads to a file that is not in the loader's list" },
    };

    (void)state;
    each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w = make(m);

        put_word(&w, PROGRAM * 0x1000 + 0x2310, cases[i].to);
        map_all(&w, cases[i].rogue);
        expect_hooks(&w, cases[i].want);
    }
    // What binds functions: the loader is in the list; what is not, and is no file, is not it.
    each_machine(m) for (int i = 0; i < 3; i++)
    {
        struct world w = make(m);
        static const uint64_t to[] = { LIBRARY, ROGUE, CODE };

        put_word(&w, bias_of(PROGRAM) + MK_ELF_VADDR + MK_ELF_GOT + 16, to[i] * 0x1000 + 0x900);
        map_all(&w, true);
        expect_hooks(&w,
                     i ? "/prog|(the loader)|functions are bound by what is not the loader" : "");
    }
    // The same library in the loader's list: nobody asks for it, and it has what another has.
    each_machine(m)
    {
        struct world w = make(m);

        link_map(&w, 32, LIBRARY, 0x208, 48, 16);
        link_map(&w, 48, ROGUE, 0x220, 0, 32);
        mk_guest_write(&w.g, w.mm, HEAP * 0x1000 + 0x220, "/librogue.so", 13);
        put_word(&w, PROGRAM * 0x1000 + 0x2310, ROGUE * 0x1000 + 0x900);
        map_all(&w, true);
        assert_string_equal(mk_columns(mk_guest_rows(&w.g, "plthook", "pid=7"), 7, 8),
                            "interposed by a library that none asks for|");
        mk_free(w.k);
    }
}

static void first_bytes(void **state)
{
    static const struct {
        const char *arch, *bytes;
        size_t n;
        unsigned at;
        const char *want; // SYMBOL, TARGET, REASON
    } cases[] = {
        { "x86_64", "", 0, 0, "" },
        { "x86_64", "\xe9\xfb\xf6\x1f\x00", 5, 0x900,
          "work|0x400000|begins with a jump to memory of no program or library" },
        { "x86_64", "\x48\xb8\x00\x00\x40\x00\x00\x00\x00\x00\xff\xe0", 12, 0x900,
          "work|0x400000|begins with a jump to memory of no program or library" },
        { "x86_64", "\xe9\xfb\xf6\xef\xff", 5, 0x900,
          "work|0x100000|begins with a jump into another object" },
        { "x86_64", "\xcc", 1, 0x900, "work||a breakpoint: of a debugger or a uprobe" },
        { "x86_64", "\x31\xc0\xc3", 3, 0x900, "work||begins with other code than its file has" },
        { "x86_64", "\x31\xc0\xc3", 3, 0x920, "" },
        { "aarch64", "\x00\xfc\x07\x14", 4, 0x900,
          "work|0x3ff900|begins with a jump to memory of no program or library" },
        { "aarch64", "\x50\x00\x00\x58\x00\x02\x1f\xd6\x00\x00\x40\x00\x00\x00\x00\x00", 16, 0x900,
          "work|0x400000|begins with a jump to memory of no program or library" },
        { "aarch64", "\x00\x00\x20\xd4", 4, 0x900,
          "work||a breakpoint: of a debugger or a uprobe" },
    };

    (void)state;
    each_machine(m) for (size_t i = 0; i < countof(cases); i++)
    {
        struct world w;
        const char *rows;
        char got[512] = "";

        if (strcmp(cases[i].arch, m->arch) != 0)
            continue;
        w = make(m);
        if (cases[i].n)
            mk_guest_write(&w.g, w.mm, LIBRARY * 0x1000 + cases[i].at, cases[i].bytes, cases[i].n);
        map_all(&w, false);
        rows = mk_guest_rows(&w.g, "apihooks", "pid=7");
        if (*rows) {
            snprintf(got, sizeof got, "%s|", mk_columns(rows, 3, 3));
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", mk_columns(rows, 7, 7));
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s", mk_columns(rows, 9, 9));
        }
        assert_string_equal(got, cases[i].want);
        mk_free(w.k);
    }
}

/** START, END, PATH, SIZE, REASON of the rows of hollowing. */
static void expect_hollow(struct world *w, const char *want)
{
    const char *rows = mk_guest_rows(&w->g, "hollowing", "pid=7");

    assert_string_equal(*rows ? mk_columns(rows, 3, 7) : "", want);
    mk_free(w->k);
}

static void hollow(void **state)
{
    (void)state;
    each_machine(m)
    {
        struct world w = make(m);
        const bool x86 = !strcmp(m->arch, "x86_64");
        uint64_t vma;

        map_all(&w, false);
        expect_hollow(&w, "");
        w = make(m);
        mk_guest_write(&w.g, w.mm, PROGRAM * 0x1000 + 0x950, "other", 5);
        map_all(&w, false);
        expect_hollow(&w, "0x100950|0x100955|/prog|5|its code or constants were written over");
        w = make(m);
        mk_guest_write(&w.g, w.mm, PROGRAM * 0x1000 + 0x950, x86 ? "\xcc" : "\x00\x00\x20\xd4",
                       x86 ? 1 : 4);
        map_all(&w, false);
        assert_string_equal(mk_guest_rows(&w.g, "hollowing", "pid=7"), "");
        assert_int_equal(mk_row_notes("uprobe: 1; no finding"), 1);
        mk_free(w.k);
        w = make(m); // data is written to
        mk_guest_write(&w.g, w.mm, PROGRAM * 0x1000 + 0x2350, "other", 5);
        map_all(&w, false);
        expect_hollow(&w, "");
        w = make(m); // code is another file's
        mk_guest_vma(&w.g, w.mm, PROGRAM, 1, EXEC, w.files[2]);
        vma = mk_guest_vma(&w.g, w.mm, PROGRAM + 2, 1, WRITE, w.files[0]);
        mk_put(w.k, vma, "vm_area_struct.vm_pgoff", 1);
        expect_hollow(&w, "0x100000|0x101000|/librogue.so|4096|another file is mapped where the "
                          "program belongs");
        w = make(m); // nobody's
        mk_guest_vma(&w.g, w.mm, PROGRAM, 1, EXEC, 0);
        vma = mk_guest_vma(&w.g, w.mm, PROGRAM + 2, 1, WRITE, w.files[0]);
        mk_put(w.k, vma, "vm_area_struct.vm_pgoff", 1);
        expect_hollow(&w, "0x100000|0x101000||4096|anonymous memory is where the program belongs");
        w = make(m); // another is said to run
        mk_put(w.k, w.mm, "mm_struct.exe_file", w.files[2]);
        map_all(&w, false);
        expect_hollow(&w, "||||nothing of the file that it is said to run is mapped");
        w = make(m); // gone
        vma = mk_guest_vma(&w.g, w.mm, PROGRAM + 2, 1, WRITE, w.files[0]);
        mk_put(w.k, vma, "vm_area_struct.vm_pgoff", 1);
        expect_hollow(&w, "0x100000|0x101000|||a part of the program is not mapped");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_cache),  cmocka_unit_test(lists),  cmocka_unit_test(tables),
        cmocka_unit_test(first_bytes), cmocka_unit_test(hollow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
