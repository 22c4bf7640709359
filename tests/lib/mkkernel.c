/** mkkernel.c - see mkkernel.h. Layouts are the kernel's (arch/x86/mm, kernel/kallsyms.c,
 * include/uapi/linux/btf.h), written anew. */
#include "mkkernel.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define IMAGE_VA    (MK_DELTA + MK_IMAGE)
#define START_MAP   UINT64_C(0xffffffff80000000)
#define LINEAR_VA   UINT64_C(0xffff888000000000)
#define LINEAR_VA_5 UINT64_C(0xff11000000000000)
#define SLIDE       UINT64_C(0x1000000)
#define RELEASE     "6.1.0-test"
#define BUILD_ID    "0123456789abcdef0123456789abcdef01234567"

enum {
    PRESENT = 1,
    WRITE = 2,
    LARGE = 0x80,
    TABLES = 0x7000, /**< bytes of the tables from MK_ROOT on */
    FILLERS = 2000,
    BTF_FILLERS = 50000,
    TASK_1 = MK_TASK + 0x1000,
    VARS = MK_DATA + 0xb000,
    LINEAR_BASE = VARS,
    NOTE_DATA = VARS + 8,
    MODULES = VARS + 16,
    CPU_IDS = VARS + 32,
    CPU_OFFSETS = VARS + 40,
    UTS = VARS + 0x100,
    NSPROXY = VARS + 0x400,
    NAMING = MK_IMAGE + 0x11000, /**< code that names NOTE_DATA */
    NOTES = MK_RODATA + 0x200,
    BANNER = MK_RODATA + 0x100,
};
#define NX (UINT64_C(1) << 63)

static void put64(struct mk_kernel *k, uint64_t pa, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        k->ram[pa + i] = (uint8_t)(v >> 8 * i);
}

static void put32(struct mk_kernel *k, uint64_t pa, uint64_t v)
{
    for (unsigned i = 0; i < 4; i++)
        k->ram[pa + i] = (uint8_t)(v >> 8 * i);
}

/* ---- page tables ---- */

/** One entry on the way to a 2 MiB page: tables are the pages from @tables on, in order of levels.
 */
static void map_large(struct mk_kernel *k, uint64_t root, uint64_t tables, uint64_t va,
                      uint64_t entry)
{
    uint64_t table = root;

    for (unsigned level = k->levels - 1; level > 1; level--) {
        put64(k, table + 8 * (va >> (12 + 9 * level) & 511), tables | PRESENT | WRITE);
        table = tables;
        tables += 4096;
    }
    put64(k, table + 8 * (va >> 21 & 511), entry | PRESENT | LARGE);
}

static uint64_t linear(const struct mk_kernel *k)
{
    return k->levels == 5 ? LINEAR_VA_5 : LINEAR_VA;
}

static void map_all(struct mk_kernel *k)
{
    for (uint64_t pa = MK_IMAGE; pa < MK_IMAGE_END; pa += 2 << 20)
        map_large(k, MK_ROOT, MK_ROOT + 0x1000, pa + MK_DELTA,
                  pa | (pa < MK_RODATA ? 0
                        : pa < MK_DATA ? NX
                                       : NX | WRITE));
    for (uint64_t pa = 0; pa < MK_RAM; pa += 2 << 20)
        map_large(k, MK_ROOT, MK_ROOT + 0x4000, pa + linear(k), pa | NX | WRITE);
    memcpy(k->ram + MK_LOW_ROOT + 8 * 511, k->ram + MK_ROOT + 8 * 511, 8);
}

/* ---- BTF ---- */

struct btf {
    struct mk_kernel *k;
    uint64_t types, strings; /**< where the next goes */
    uint64_t first_type, first_string;
    uint32_t n;
};

static uint32_t name(struct btf *b, const char *s)
{
    const uint64_t at = b->strings - b->first_string;

    memcpy(b->k->ram + b->strings, s, strlen(s) + 1);
    b->strings += strlen(s) + 1;
    return (uint32_t)at;
}

static uint32_t type(struct btf *b, const char *s, uint32_t kind, uint32_t vlen,
                     uint32_t size_or_type)
{
    put32(b->k, b->types, *s ? name(b, s) : 0);
    put32(b->k, b->types + 4, kind << 24 | vlen);
    put32(b->k, b->types + 8, size_or_type);
    b->types += 12;
    return ++b->n;
}

static void words(struct btf *b, size_t n, const uint32_t *w)
{
    for (size_t i = 0; i < n; i++, b->types += 4)
        put32(b->k, b->types, w[i]);
}

static void member(struct btf *b, const char *s, uint32_t id, uint32_t byte)
{
    words(b, 3, (const uint32_t[]){ name(b, s), id, byte * 8 });
}

enum { T_INT = 1, T_PTR, T_ARRAY, T_STRUCT };
enum { OFF_TASKS = 16, OFF_PID = 32, OFF_PARENT = 40, OFF_LEADER = 48, OFF_COMM = 56 };
enum { OFF_TGID = 36, OFF_NSPROXY = 80 };

static void write_btf(struct mk_kernel *k, unsigned fillers, bool modules)
{
    struct btf b = { .k = k, .types = MK_BTF + 24, .strings = MK_BTF + (5 << 18) };
    uint32_t word, letter, list, text, to, sec, uts, names;

    b.first_type = b.types;
    b.first_string = b.strings;
    name(&b, "");
    word = type(&b, "int", T_INT, 0, 4);
    words(&b, 1, (const uint32_t[]){ 1u << 24 | 32 });
    letter = type(&b, "char", T_INT, 0, 1);
    words(&b, 1, (const uint32_t[]){ 8 });
    sec = type(&b, "u64", T_INT, 0, 8);
    words(&b, 1, (const uint32_t[]){ 64 });
    list = type(&b, "list_head", T_STRUCT, 2, 16);
    member(&b, "next", list + 1, 0);
    member(&b, "prev", list + 1, 8);
    to = type(&b, "", T_PTR, 0, list);
    text = type(&b, "", T_ARRAY, 0, 0);
    words(&b, 3, (const uint32_t[]){ letter, word, 16 });
    type(&b, "nsproxy", T_STRUCT, 1, 8);
    member(&b, "uts_ns", to, 0);
    names = type(&b, "", T_PTR, 0, b.n);
    type(&b, "task_struct", T_STRUCT, 7, 128);
    member(&b, "tasks", list, OFF_TASKS);
    member(&b, "pid", word, OFF_PID);
    member(&b, "tgid", word, OFF_TGID);
    member(&b, "nsproxy", names, OFF_NSPROXY);
    member(&b, "real_parent", to, OFF_PARENT);
    member(&b, "group_leader", to, OFF_LEADER);
    member(&b, "comm", text, OFF_COMM);
    type(&b, "timekeeper", T_STRUCT, 1, 8);
    member(&b, "xtime_sec", sec, 0);
    uts = type(&b, "new_utsname", T_STRUCT, 1, 390);
    member(&b, "release", text, 130);
    type(&b, "uts_namespace", T_STRUCT, 1, 400);
    member(&b, "name", uts, 0);
    for (unsigned i = 0; i < fillers; i++) {
        char filler[16];

        sprintf(filler, "f%u", i);
        type(&b, filler, T_INT, 0, 4);
        words(&b, 1, (const uint32_t[]){ 32 });
    }
    text = type(&b, "", T_ARRAY, 0, 0);
    words(&b, 3, (const uint32_t[]){ to, word, MK_SLOTS });
    type(&b, "xa_node", T_STRUCT, 2, 8 + 8 * MK_SLOTS);
    member(&b, "shift", letter, 0);
    member(&b, "slots", text, 8);
    uts = type(&b, "xarray", T_STRUCT, 1, 8);
    member(&b, "xa_head", to, 0);
    type(&b, "idr", T_STRUCT, 2, 16);
    member(&b, "idr_rt", uts, 0);
    member(&b, "idr_base", word, 8);
    type(&b, "btf", T_STRUCT, 1, 8);
    member(&b, "id", word, 0);
    type(&b, "dentry", T_STRUCT, 2, 64);
    member(&b, "d_hash", list, 8);
    member(&b, "d_parent", to, 24);
    type(&b, "resource", T_STRUCT, 1, 64);
    member(&b, "name", to, 16);
    uts = type(&b, "atomic_t", T_STRUCT, 1, 4);
    member(&b, "counter", word, 0);
    type(&b, "page", T_STRUCT, 1, 64);
    member(&b, "_refcount", uts, 52);
    sec = type(&b, "prb_desc_ring", T_STRUCT, 2, 24);
    member(&b, "count_bits", word, 0);
    member(&b, "descs", to, 8);
    uts = type(&b, "prb_data_ring", T_STRUCT, 2, 24);
    member(&b, "size_bits", word, 0);
    member(&b, "data", to, 8);
    type(&b, "printk_ringbuffer", T_STRUCT, 2, 48);
    member(&b, "desc_ring", sec, 0);
    member(&b, "text_data_ring", uts, 24);
    if (modules) {
        type(&b, "module_kobject", T_STRUCT, 1, 16);
        member(&b, "mod", to, 8);
        text = type(&b, "", T_ARRAY, 0, 0);
        words(&b, 3, (const uint32_t[]){ letter, word, 56 });
        type(&b, "module", T_STRUCT, 3, 128);
        member(&b, "list", list, 8);
        member(&b, "name", text, 24);
        member(&b, "mkobj", text - 1, 80);
    }
    put32(k, MK_BTF, 0x1eb9f);
    put32(k, MK_BTF + 4, 24);
    put32(k, MK_BTF + 8, 0);
    put32(k, MK_BTF + 12, b.types - b.first_type);
    put32(k, MK_BTF + 16, b.first_string - b.first_type);
    put32(k, MK_BTF + 20, b.strings - b.first_string);
}

/* ---- kallsyms, as 6.4 and later lay it out: names first, offsets from a base last ---- */

struct symbol {
    char text[32]; /**< its letter first */
    uint64_t va;
};

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;

    return x->va < y->va ? -1 : x->va > y->va;
}

static void write_tables(struct mk_kernel *k, const struct symbol *s, size_t n)
{
    uint64_t at = MK_KALLSYMS, names, markers = 0, table, tokens[256];
    uint32_t marks[16] = { 0 };

    put32(k, at, n);
    names = at += 8;
    for (size_t i = 0; i < n; i++) {
        if (i % 256 == 0)
            marks[markers++] = (uint32_t)(at - names);
        k->ram[at] = (uint8_t)strlen(s[i].text);
        memcpy(k->ram + at + 1, s[i].text, strlen(s[i].text));
        at += 1 + strlen(s[i].text);
    }
    at = eg_align_up(at, 8);
    for (size_t i = 0; i < markers; i++, at += 4)
        put32(k, at, marks[i]);
    table = at = eg_align_up(at, 8);
    for (unsigned i = 0; i < 256; i++) { /* a token is its own letter, or one that is not used */
        tokens[i] = at - table;
        if (i > ' ' && i < 127)
            k->ram[at++] = (uint8_t)i;
        else
            at += (uint64_t)sprintf((char *)k->ram + at, "~%02x", i);
        k->ram[at++] = 0;
    }
    at = eg_align_up(at, 8);
    for (unsigned i = 0; i < 256; i++, at += 2) {
        k->ram[at] = (uint8_t)tokens[i];
        k->ram[at + 1] = (uint8_t)(tokens[i] >> 8);
    }
    at = eg_align_up(at, 8);
    for (size_t i = 0; i < n; i++, at += 4)
        put32(k, at, s[i].va - IMAGE_VA);
    put64(k, eg_align_up(at, 8), IMAGE_VA);
}

static void write_kallsyms(struct mk_kernel *k, bool functions_only)
{
    static const struct {
        const char *text;
        uint64_t pa;
    } named[] = {
        { "T_text", MK_IMAGE },
        { "T_stext", MK_IMAGE },
        { "tcmdline_proc_show", MK_IMAGE + 0x10000 },
        { "Tvmcoreinfo_append_str", NAMING },
        { "tnothing", NAMING + 64 },
        { "tbtf_free_id", MK_IMAGE + 0x11000 },
        { "t__d_rehash", MK_IMAGE + 0x11800 },
        { "Tlookup_address_in_pgd", MK_CODE },
        { "tversion_show", MK_CODE + 0x100 },
        { "Tkfree", MK_CODE + 0x200 },
        { "tfind_next_iomem_res", MK_CODE + 0x300 },
        { "tprint_modules", MK_CODE + 0x400 },
        { "tdevkmsg_open", MK_CODE + 0x500 },
        { "tnr_iowait_cpu", MK_CODE + 0x600 },
        { "tnothing_else", MK_CODE + 0x700 },
        { "T_etext", MK_RODATA - 16 },
        { "Rlinux_banner", BANNER },
        { "R__start_notes", NOTES },
        { "R__stop_notes", NOTES + 36 },
        { "R__start_BTF", MK_BTF },
        { "Dinit_top_pgt", MK_ROOT },
        { "Dswapper_pg_dir", MK_ROOT },
        { "Dinit_task", MK_TASK },
        { "Dpage_offset_base", LINEAR_BASE },
        { "Dvmcoreinfo_data", NOTE_DATA },
        { "Dmodules", MODULES },
        { "Dnr_cpu_ids", CPU_IDS },
        { "D__per_cpu_offset", CPU_OFFSETS },
        { "Dinit_uts_ns", UTS },
        { "dshadow_timekeeper", MK_CLOCK },
    };
    struct symbol *s = calloc(FILLERS + countof(named), sizeof *s);

    for (size_t i = 0; i < FILLERS; i++) {
        sprintf(s[i].text, "tfiller_%zu", i);
        s[i].va = IMAGE_VA + 64 + 16 * i;
    }
    for (size_t i = 0; i < countof(named); i++) {
        sprintf(s[FILLERS + i].text, "%s", named[i].text);
        s[FILLERS + i].va = named[i].pa + MK_DELTA;
        if (functions_only && named[i].text[0] != 'T' && named[i].text[0] != 't')
            sprintf(s[FILLERS + i].text, "t_%zu", i);
    }
    qsort(s, FILLERS + countof(named), sizeof *s, by_address);
    write_tables(k, s, FILLERS + countof(named));
    free(s);
}

/* ---- the rest ---- */

static void list_of_two(struct mk_kernel *k, uint64_t a, uint64_t b)
{
    put64(k, a, b + MK_DELTA);
    put64(k, a + 8, b + MK_DELTA);
    put64(k, b, a + MK_DELTA);
    put64(k, b + 8, a + MK_DELTA);
}

static void write_task(struct mk_kernel *k, uint64_t at, uint32_t pid, const char *comm)
{
    put32(k, at + OFF_PID, pid);
    put64(k, at + OFF_PARENT, MK_TASK + MK_DELTA);
    put64(k, at + OFF_LEADER, at + MK_DELTA);
    put64(k, at + OFF_NSPROXY, NSPROXY + MK_DELTA);
    put32(k, at + OFF_TGID, pid);
    strcpy((char *)k->ram + at + OFF_COMM, comm);
}

static size_t vmcoreinfo(const struct mk_kernel *k, char *out, size_t size, uint64_t by)
{
    return (size_t)snprintf(out, size,
                            "OSRELEASE=" RELEASE "\nBUILD-ID=" BUILD_ID "\nPAGESIZE=4096\n"
                            "SYMBOL(init_uts_ns)=%" PRIx64 "\nSYMBOL(swapper_pg_dir)=%" PRIx64 "\n"
                            "SYMBOL(_stext)=%" PRIx64
                            "\nOFFSET(uts_namespace.name)=0\nNUMBER(phys_base)=%" PRId64 "\n"
                            "SYMBOL(init_top_pgt)=%" PRIx64
                            "\nNUMBER(pgtable_l5_enabled)=%d\nKERNELOFFSET=%" PRIx64 "\n",
                            UTS + MK_DELTA + by, MK_ROOT + MK_DELTA + by, IMAGE_VA + by,
                            (int64_t)(MK_IMAGE - (IMAGE_VA + by - START_MAP)),
                            MK_ROOT + MK_DELTA + by, k->levels == 5, SLIDE + by);
}

void mk_kernel_note(struct mk_kernel *k, uint64_t pa, uint64_t by)
{
    const size_t len = vmcoreinfo(k, (char *)k->ram + pa + 24, 4000, by);

    put32(k, pa, 11);
    put32(k, pa + 4, len);
    put32(k, pa + 8, 0);
    memcpy(k->ram + pa + 12, "VMCOREINFO", 11);
}

static void write_build_id(struct mk_kernel *k)
{
    put32(k, NOTES, 4);
    put32(k, NOTES + 4, 20);
    put32(k, NOTES + 8, 3);
    memcpy(k->ram + NOTES + 12, "GNU", 4);
    for (unsigned i = 0; i < 20; i++) {
        unsigned byte;

        sscanf(&BUILD_ID[2 * i], "%2x", &byte);
        k->ram[NOTES + 16 + i] = (uint8_t)byte;
    }
}

void mk_kernel_init(struct mk_kernel *k, unsigned levels)
{
    k->ram = calloc(1, MK_RAM);
    k->levels = levels;
    if (!k->ram)
        abort();
    map_all(k);
    write_btf(k, BTF_FILLERS, false);
    write_kallsyms(k, false);
    write_build_id(k);
    strcpy((char *)k->ram + BANNER, "Linux version " RELEASE " (a test)\n");
    strcpy((char *)k->ram + UTS + 130, RELEASE);
    write_task(k, MK_TASK, 0, "swapper/0");
    write_task(k, TASK_1, 1, "init");
    list_of_two(k, MK_TASK + OFF_TASKS, TASK_1 + OFF_TASKS);
    put64(k, NSPROXY, UTS + MK_DELTA);
    memcpy(k->ram + NAMING, "\x48\x8b\x05", 3); // mov NOTE_DATA(%rip),%rax
    put32(k, NAMING + 3, NOTE_DATA - (NAMING + 7));
    put64(k, LINEAR_BASE, linear(k));
    put64(k, NOTE_DATA, linear(k) + MK_BARE);
    put64(k, MODULES, MODULES + MK_DELTA);
    put64(k, MODULES + 8, MODULES + MK_DELTA);
    put32(k, CPU_IDS, 1);
    put64(k, MK_CLOCK, 1700000000);
    mk_kernel_note(k, MK_NOTE, 0);
    vmcoreinfo(k, (char *)k->ram + MK_BARE, 4096, 0);
}

void mk_kernel_fini(struct mk_kernel *k)
{
    free(k->ram);
}

void mk_kernel_no_trampoline(struct mk_kernel *k)
{
    memset(k->ram + MK_LOW_ROOT, 0, 4096);
}

void mk_kernel_no_vmcoreinfo(struct mk_kernel *k)
{
    memset(k->ram + MK_NOTE, 0, 8192);
}

void mk_kernel_no_btf(struct mk_kernel *k)
{
    k->ram[MK_BTF] = 0;
}

void mk_kernel_no_kallsyms(struct mk_kernel *k)
{
    memset(k->ram + MK_KALLSYMS, 0, MK_DATA - MK_KALLSYMS);
}

void mk_kernel_functions_only(struct mk_kernel *k)
{
    mk_kernel_no_kallsyms(k);
    write_kallsyms(k, true);
}

void mk_kernel_encrypt(struct mk_kernel *k, unsigned bit)
{
    for (uint64_t at = MK_ROOT; at < MK_ROOT + TABLES; at += 8)
        if (k->ram[at] & PRESENT)
            k->ram[at + bit / 8] |= (uint8_t)(1 << bit % 8);
    if (k->ram[MK_LOW_ROOT + 8 * 511])
        k->ram[MK_LOW_ROOT + 8 * 511 + bit / 8] |= (uint8_t)(1 << bit % 8);
}

void mk_kernel_no_naming(struct mk_kernel *k)
{
    memset(k->ram + NAMING, 0xc3, 7);
}

void mk_kernel_small_btf(struct mk_kernel *k)
{
    memset(k->ram + MK_BTF, 0, MK_KALLSYMS - MK_BTF);
    write_btf(k, 1000, true);
}

struct eg_system *mk_kernel_open(const struct mk_kernel *k, size_t len, uint64_t cpu_root,
                                 const struct eg_find_options *o)
{
    const struct eg_open_options raw = { .format = "raw", .quiet = true };
    struct eg_find_options quiet = o ? *o : (struct eg_find_options){ 0 };
    struct eg_space *file;
    struct eg_image *img;
    struct eg_system *sys;
    struct eg_error e;
    struct eg_cpu *cpu;

    quiet.quiet = true;
    if (eg_memory_open(&file, k->ram, len, &e) < 0 ||
        eg_image_open_space(&img, file, "a test", &raw, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    if (cpu_root && (cpu = eg_vec_push(&img->cpus)))
        *cpu = (struct eg_cpu){ .arch = eg_arch_find("x86_64"), .root = cpu_root };
    if (eg_system_open(&sys, img, &quiet, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        eg_image_close(img);
        return NULL;
    }
    return sys;
}

bool mk_kernel_opens(const struct eg_system *sys)
{
    return sys && sys->os && !strcmp(sys->os->name, "linux");
}

bool mk_kernel_says(const struct eg_system *sys, const char *text)
{
    for (size_t i = 0; i < sys->notes.n; i++)
        if (strstr(sys->notes.at[i], text))
            return true;
    return false;
}

void mk_kernel_explain(const struct eg_system *sys)
{
    for (size_t i = 0; sys && i < sys->candidates.n; i++) {
        const struct eg_candidate *c = &sys->candidates.at[i];

        printf("# %s: %d of %d\n", c->trace, c->score, c->max_score);
        for (size_t j = 0; j < c->n_checks; j++)
            if (!c->checks[j].passed)
                printf("#   %s: %s\n", c->checks[j].name, c->checks[j].detail);
    }
}

void mk_kernel_close(struct eg_system *sys)
{
    struct eg_image *img = sys ? sys->image : NULL;

    eg_system_close(sys);
    eg_image_close(img);
}
