/* mkimage.c - memory from both ends: page tables from the bottom, pages from the top downwards. */
#include "mkimage.h"
#include "odd32.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

const struct mk_machine mk_machines[] = {
    { "x86_64", "x86_64", 4, 12, 9, 8, 0xffff888000000000, 0x63, 0x63 },
    { "x86_64 with 5 levels", "x86_64", 5, 12, 9, 8, 0xff11000000000000, 0x63, 0x63 },
    { "aarch64", "aarch64", 4, 12, 9, 8, 0xffff888000000000, 0x403, 0x403 },
    { "aarch64 with pages of 16K", "aarch64", 3, 14, 11, 8, 0xffffe00000000000, 0x403, 0x403 },
    { "riscv64", "riscv64", 4, 12, 9, 8, 0xffffaf8000000000, 0xe7, 1, 2 },
    { "riscv64 with 5 levels", "riscv64", 5, 12, 9, 8, 0xff60000000000000, 0xe7, 1, 2 },
    { "odd32", NULL, 2, 16, 8, 4, 0xc0000000, 1, 1 },
    { NULL },
};

struct mk {
    const struct mk_machine *machine;
    const struct eg_arch *arch;
    uint8_t *ram;
    uint64_t size, next_table, next_page; /* physical */
    uint64_t root, next, mapped;          /* next and mapped: virtual */
    struct eg_image image;
    struct eg_system *sys;
    struct eg_builder *symbols;
    struct eg_run *run;
};

/* ---- page tables ---- */

const struct eg_model *mk_model(const struct mk *k)
{
    return &k->arch->model;
}

uint64_t mk_page_size(const struct mk *k)
{
    return UINT64_C(1) << k->machine->page_shift;
}

uint64_t mk_root(const struct mk *k)
{
    return k->root;
}

uint8_t *mk_ram(struct mk *k, size_t *len)
{
    *len = k->size;
    return k->ram;
}

static void store(struct mk *k, uint8_t *p, unsigned size, uint64_t v)
{
    for (unsigned i = 0; i < size; i++)
        p[k->arch->model.big_endian ? size - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load(const struct mk *k, const uint8_t *p, unsigned size)
{
    return eg_load_(p, size, k->arch->model.big_endian);
}

static uint64_t take_page(struct mk *k, bool table)
{
    const uint64_t page = mk_page_size(k);

    if (k->next_page - k->next_table < page)
        mk_fail("mkimage: the machine's memory is full");
    if (!table)
        return k->next_page -= page;
    k->next_table += page;
    return k->next_table - page;
}

/** The entry of the last level for @va; its tables are made. */
static uint8_t *entry_of(struct mk *k, uint64_t va)
{
    const struct mk_machine *m = k->machine;
    uint64_t table = k->root;

    for (int level = m->levels - 1;; level--) {
        uint64_t index =
            va >> (m->page_shift + m->index_bits * level) & ((UINT64_C(1) << m->index_bits) - 1);
        uint8_t *e = k->ram + table + index * m->entry_size;

        if (level == 0)
            return e;
        if (!load(k, e, m->entry_size))
            store(k, e, m->entry_size, mk_entry(m, take_page(k, true), true));
        table = mk_entry_pa(m, load(k, e, m->entry_size));
    }
}

static void map(struct mk *k, uint64_t va, uint64_t pa)
{
    store(k, entry_of(k, va), k->machine->entry_size, mk_entry(k->machine, pa, false));
}

void mk_unmap(struct mk *k, uint64_t va)
{
    store(k, entry_of(k, va), k->machine->entry_size, 0);
}

void mk_alias(struct mk *k, uint64_t va, uint64_t to)
{
    memcpy(entry_of(k, va), entry_of(k, to), k->machine->entry_size);
}

void mk_protect(struct mk *k, uint64_t va, uint64_t set, uint64_t clear)
{
    uint8_t *e = entry_of(k, va);
    const unsigned size = k->machine->entry_size;

    store(k, e, size, (load(k, e, size) | set) & ~clear);
}

static uint8_t *host(struct mk *k, uint64_t va)
{
    const uint64_t page = mk_page_size(k);
    uint64_t e = load(k, entry_of(k, va), k->machine->entry_size);

    if (!e)
        mk_fail("mkimage: nothing is mapped at %#llx", (unsigned long long)va);
    return k->ram + mk_entry_pa(k->machine, e) + (va & (page - 1));
}

/* ---- memory ---- */

uint64_t mk_alloc_aligned(struct mk *k, uint64_t size, uint64_t align)
{
    uint64_t va = eg_align_up(k->next, align);

    k->next = va + EG_MAX(size, 1u);
    for (; k->mapped < k->next; k->mapped += mk_page_size(k))
        map(k, k->mapped, take_page(k, false));
    return va;
}

uint64_t mk_alloc(struct mk *k, uint64_t size)
{
    return mk_alloc_aligned(k, size, 8);
}

void mk_straddle(struct mk *k, uint64_t before)
{
    const uint64_t page = mk_page_size(k);

    k->next = eg_align_up(k->next + before, page) - before;
}

void mk_write(struct mk *k, uint64_t va, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    while (len) {
        size_t n = EG_MIN(len, mk_page_size(k) - (va & (mk_page_size(k) - 1)));

        memcpy(host(k, va), p, n);
        va += n;
        p += n;
        len -= n;
    }
}

static void write_int(struct mk *k, uint64_t va, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    store(k, bytes, size, value);
    mk_write(k, va, bytes, size);
}

static uint64_t read_int(struct mk *k, uint64_t va, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = *host(k, va + i);
    return load(k, bytes, size);
}

void mk_write_ptr(struct mk *k, uint64_t va, uint64_t value)
{
    write_int(k, va, k->arch->model.ptr_size, value);
}

void mk_write_u32(struct mk *k, uint64_t va, uint32_t value)
{
    write_int(k, va, 4, value);
}

uint64_t mk_read_ptr(struct mk *k, uint64_t va)
{
    return read_int(k, va, k->arch->model.ptr_size);
}

/* ---- objects ---- */

static uint32_t type_id(struct mk *k, const char *name)
{
    const uint32_t kinds = 1u << EG_T_STRUCT | 1u << EG_T_UNION;
    uint64_t iter = 0;
    uint32_t id = eg_types_named(&k->sys->types, name, NULL, kinds, &iter);

    if (!id)
        mk_fail("mkimage: no struct %s", name);
    return id;
}

uint64_t mk_size(struct mk *k, const char *type)
{
    return eg_type_size(&k->sys->types, type_id(k, type), mk_model(k));
}

uint64_t mk_object(struct mk *k, const char *type)
{
    return mk_alloc(k, mk_size(k, type));
}

static struct eg_slot slot_of(struct mk *k, const char *member)
{
    const char *dot = strchr(member, '.');
    struct eg_member_at m;
    struct eg_slot s;
    char type[64];

    if (!dot || (size_t)(dot - member) >= sizeof type)
        mk_fail("mkimage: '%s' is not struct.member", member);
    memcpy(type, member, (size_t)(dot - member));
    type[dot - member] = 0;
    if (!eg_type_find(&k->sys->types, type_id(k, type), dot + 1, &m))
        mk_fail("mkimage: no member %s", member);
    eg_types_member_slot(&k->sys->types, mk_model(k), type_id(k, type), &m, &s);
    return s;
}

uint64_t mk_at(struct mk *k, uint64_t object, const char *member)
{
    return object + slot_of(k, member).off;
}

void mk_put(struct mk *k, uint64_t object, const char *member, uint64_t value)
{
    const struct eg_slot s = slot_of(k, member);
    const uint64_t mask = s.bits ? ((UINT64_C(1) << s.bits) - 1) << s.shift : UINT64_MAX;

    if (s.size > 8)
        mk_fail("mkimage: %s is no number", member);
    if (s.bits)
        value = (value << s.shift & mask) | (read_int(k, object + s.off, s.size) & ~mask);
    write_int(k, object + s.off, s.size, value);
}

void mk_puts(struct mk *k, uint64_t object, const char *member, const char *text)
{
    const struct eg_slot s = slot_of(k, member);

    if (strlen(text) > s.size)
        mk_fail("mkimage: '%s' does not fit %s", text, member);
    mk_write(k, object + s.off, text, EG_MIN(strlen(text) + 1, (size_t)s.size));
}

void mk_list(struct mk *k, uint64_t head, const uint64_t *nodes, size_t n)
{
    const unsigned ptr = k->arch->model.ptr_size;

    for (size_t i = 0; i <= n; i++) {
        uint64_t at = i ? nodes[i - 1] : head, next = i < n ? nodes[i] : head;

        mk_write_ptr(k, at, next);
        mk_write_ptr(k, next + ptr, at);
    }
}

/* ---- the system ---- */

/** What the test program declares (EG_FIELDS, EG_PLUGIN…): its own sections, which the library does
 * not see. */
static void register_own(void)
{
    static const struct eg_module own = EG_MODULE_;
    struct eg_error e;

    if (eg_registry_add(&own, &e) < 0)
        mk_fail("mkimage: %s", e.text);
}

struct mk *mk_new(const struct mk_machine *m, size_t ram, const char *declarations)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct mk *k = calloc(1, sizeof *k);
    struct eg_error e;

    if (!k)
        mk_fail("mkimage: out of memory");
    pthread_once(&once, register_own);
    k->machine = m;
    k->arch = m->arch ? eg_arch_find(m->arch) : &odd32_arch;
    if (!k->arch)
        mk_fail("mkimage: no architecture %s", m->arch);
    k->size = k->next_page = eg_align_up(ram, mk_page_size(k)) + 8 * mk_page_size(k);
    k->ram = calloc(1, k->size);
    k->sys = calloc(1, sizeof *k->sys);
    if (!k->ram || !k->sys || !(k->sys->view = malloc(sizeof *k->sys->view)))
        mk_fail("mkimage: out of memory");
    k->next_table = mk_page_size(k); // no table at 0
    k->root = take_page(k, true);
    k->next = k->mapped = m->kernel_va;
    pthread_mutex_init(&k->sys->lock, NULL);
    eg_view_init(k->sys->view, NULL);
    k->sys->image = &k->image;
    k->sys->arch = k->arch;
    k->sys->bind.model = k->arch->model;
    k->sys->bind.types = &k->sys->types;
    k->symbols = eg_builder_new(k->arch->model, "symbols of a test");
    if (!k->symbols || eg_memory_open(&k->image.phys, k->ram, k->size, &e) < 0 ||
        k->arch->open(
            &k->sys->kernel, NULL, k->image.phys,
            &(struct eg_paging){
                .arch = k->arch, .root = k->root, .levels = m->levels, .granule = m->page_shift },
            &e) < 0 ||
        eg_system_add_profile(k->sys, mk_types(mk_model(k), declarations, NULL, NULL), 0, &e) < 0)
        mk_fail("mkimage: %s", e.text);
    return k;
}

void mk_symbol_sized(struct mk *k, const char *name, uint64_t va, uint32_t size)
{
    if (!k->symbols)
        mk_fail("mkimage: a symbol after mk_system");
    eg_builder_symbol(k->symbols, eg_builder_name(k->symbols, name, strlen(name)), va, size, 'D');
}

void mk_symbol(struct mk *k, const char *name, uint64_t va)
{
    mk_symbol_sized(k, name, va, 0);
}

struct eg_system *mk_system(struct mk *k)
{
    struct eg_profile *p;
    struct eg_error e;

    if (!k->symbols) // threads come here too once it is made
        return k->sys;
    if (eg_builder_finish(k->symbols, &p, NULL, &e) < 0 ||
        eg_system_add_profile(k->sys, p, 0, &e) < 0 || eg_system_resolve(k->sys, &e) < 0)
        mk_fail("mkimage: %s", e.text);
    k->symbols = NULL;
    return k->sys;
}

struct eg_run *mk_run(struct mk *k)
{
    struct eg_error e;

    eg_run_close(k->run);
    if (eg_run_open(&k->run, mk_system(k), NULL, &e) < 0)
        mk_fail("mkimage: %s", e.text);
    return k->run;
}

size_t mk_notes(const struct eg_run *r, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < r->notes.n; i++)
        n += strstr(r->notes.at[i].text, text) != NULL;
    return n;
}

void mk_free(struct mk *k)
{
    if (!k)
        return;
    eg_run_close(k->run);
    eg_builder_free(k->symbols);
    eg_system_close(k->sys);
    eg_space_close(k->image.phys);
    free(k->ram);
    free(k);
}
