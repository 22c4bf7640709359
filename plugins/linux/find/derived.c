/** derived.c - variables that no symbol table lists. kallsyms may contain functions only
 * (CONFIG_KALLSYMS_ALL=n), and few variables are exported. The others are found by the code that
 * uses them, or by a pointer to them. A symbol is added only if exactly one address passes its
 * test. derived_table.c lists them. */
#include "derived.h"
#include "locate.h"

enum {
    CODE_MAX = 8192,
    DATA_AT_ONCE = 4096,
    TARGETS_MAX = 256,
    NAME_LEN = 64,
    VARIABLES_MAX = 4096,
    ALIASES_MAX = 64,
    FUNCTION_COST = 16,
};

uint64_t derived_size(const struct derive *d, const char *type)
{
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(&d->c->ts, type, NULL, 1u << EG_T_STRUCT, &iter);

    return id ? eg_type_size(&d->c->ts, id, d->model) : 0;
}

/* ---- where to look ---- */

/** The addresses that pass the test. */
struct choice {
    const struct derive *d;
    const struct test *test;
    uint64_t at; // the first one
    unsigned n;
    uint64_t used; // of the image's data, the first that the code uses
    bool more;     // it uses more than that
};

static void consider(struct choice *choice, uint64_t va)
{
    if (va % 4 || (choice->n && va == choice->at) ||
        !choice->test->passes(choice->d, choice->test, va))
        return;
    if (!choice->n++)
        choice->at = va;
}

/** The object whose member t->used, "a|b|c", is at @va. */
static void consider_members(struct choice *choice, uint64_t va)
{
    const struct test *t = choice->test;
    char name[NAME_LEN];
    uint64_t off;

    for (const char *p = t->used; *p;) {
        const size_t len = strcspn(p, "|");

        if (len < sizeof name) {
            memcpy(name, p, len);
            name[len] = 0;
            if (derived_member(choice->d, t->type, name, &off, NULL) &&
                derived_in_image(choice->d, va - off) &&
                linux_spend(choice->d->f, LINUX_TARGETS, 1))
                consider(choice, va - off);
        }
        p += len + (p[len] == '|');
    }
}

/** The object at @va, or one that @va is inside of. */
static void consider_inside(struct choice *choice, uint64_t va)
{
    const struct derive *d = choice->d;
    const uint64_t size = choice->test->inside ? derived_size(d, choice->test->type) : 1;

    if (choice->test->used) {
        consider_members(choice, va);
        return;
    }
    for (uint64_t off = 0;
         off < size && derived_in_image(d, va - off) && linux_spend(d->f, LINUX_TARGETS, 1);
         off += d->model->ptr_size)
        consider(choice, va - off);
}

static void note_used(struct choice *choice, uint64_t va)
{
    if (!derived_in_image(choice->d, va) || derived_is_code(choice->d, va) || choice->used == va)
        return;
    choice->more = choice->used;
    choice->used = va;
}

/** @return false: the function is not known. */
static bool consider_targets(struct choice *choice, const char *name, size_t len)
{
    const struct linux_candidate *c = choice->d->c;
    const struct eg_profile *p = c->symbols;
    const struct eg_symbol *s, *end = p->symbols + p->n_symbols, *next;
    uint64_t targets[TARGETS_MAX];
    uint8_t code[CODE_MAX];
    char function[NAME_LEN];
    uint32_t iter = 0;
    bool known = false;
    size_t n;

    if (len >= sizeof function)
        return false;
    memcpy(function, name, len);
    function[len] = 0;
    for (unsigned i = 0; i < ALIASES_MAX && (s = eg_profile_symbol(p, function, &iter)) &&
                         linux_spend(choice->d->f, LINUX_TARGETS, FUNCTION_COST);
         i++) {
        known = true;
        for (next = s; next < end && next - s < ALIASES_MAX && next->addr <= s->addr; next++)
            ;
        n = next < end && next->addr > s->addr
                ? (size_t)EG_MIN(next->addr - s->addr, (uint64_t)CODE_MAX)
                : CODE_MAX;
        n = eg_read_some(choice->d->f->v, c->space, s->addr + c->shift, code, n, NULL);
        n = c->paging.arch->targets(code, n, s->addr + c->shift, targets, TARGETS_MAX);
        for (size_t k = 0; k < n; k++) {
            note_used(choice, targets[k]);
            consider_inside(choice, targets[k]);
        }
    }
    return known;
}

/** @return false: none of the functions is known. */
static bool consider_code(struct choice *choice, const char *functions)
{
    bool known = false;

    for (const char *p = functions; *p;) {
        const size_t len = strcspn(p, " ");

        known |= consider_targets(choice, p, len);
        p += len + (p[len] == ' ');
    }
    return known;
}

/** Pointers of @page, which is at @at, or other words if the condition does not begin with one. */
static void consider_words(struct choice *choice, uint64_t at, const uint8_t *page, size_t len,
                           uint64_t key)
{
    const struct derive *d = choice->d;
    const unsigned size = d->model->ptr_size;

    for (size_t i = 0; i + size <= len && choice->n < 2; i += size) {
        const uint64_t word = eg_load_(page + i, size, d->model->big_endian);

        if (word && (choice->test->no_pointer || word >> (8 * size - 1)) &&
            at + i - d->c->start >= key)
            consider(choice, at + i - key);
    }
}

/** All of the image's data. Its variables are aligned to pointers, and none is zero where a
 * condition begins. */
static void consider_data(struct choice *choice)
{
    const struct derive *d = choice->d;
    const struct test *t = choice->test;
    const uint64_t last = d->c->end - 1;
    uint8_t page[DATA_AT_ONCE];
    struct eg_extent x;
    uint64_t key = t->key_at;

    if (t->key && !derived_member(d, t->type, t->key, &key, NULL))
        return;
    for (uint64_t from = d->c->start;
         choice->n < 2 && !eg_cancelled && linux_spend(d->f, LINUX_EXTENTS, 1) &&
         eg_next_mapped(d->f->v, d->c->space, from, last, &x);
         from = EG_MIN(x.last, last) + 1) {
        uint64_t at = eg_align_up(EG_MAX(from, x.start), d->model->ptr_size);

        x.last = EG_MIN(x.last, last);
        for (size_t n; !(x.flags & EG_X_EXEC) && at <= x.last && choice->n < 2; at += n) {
            n = (size_t)EG_MIN(x.last - at + 1, (uint64_t)sizeof page);
            if (!linux_spend(d->f, LINUX_DATA, (int64_t)n))
                return;
            if (eg_read_some(d->f->v, d->c->space, at, page, n, NULL) == n)
                consider_words(choice, at, page, n, key);
        }
        if (x.last == last)
            break;
    }
}

/** The address that the code of s->from uses and that passes the test, if there is exactly one. If
 * none of these functions is known, that in all of the image's data. */
bool derived_by_code(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    struct choice choice = { .d = d, .test = &s->test };

    if ((!d->c->paging.arch->targets || !d->c->symbols || !consider_code(&choice, s->from)) &&
        s->test.anywhere)
        consider_data(&choice);
    if (s->test.alone && choice.more)
        return false;
    if (choice.n == 1)
        *va = choice.at;
    return choice.n == 1;
}

/** A text in the image's data, where nothing better says which kernel this is. */
bool derived_by_text(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    struct choice choice = { .d = d, .test = &s->test };

    if (!derived_sym(d, "init_uts_ns", va))
        consider_data(&choice);
    *va = choice.at;
    return choice.n == 1;
}

/** The address in the member s->member of the object s->from. */
bool derived_by_pointer(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    uint64_t at, off, first;

    if (!derived_sym(d, s->from, &at) || !derived_member(d, s->type, s->member, &off, NULL) ||
        !derived_pointer(d, at + off, &at) || !derived_in_image(d, at) ||
        !derived_pointer(d, at, &first))
        return false;
    *va = at;
    return true;
}

/** The same where the object's pointer leads to another, of t->type, and t->link of that to it. */
bool derived_by_two_pointers(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    uint64_t at, off, next, first;

    if (!derived_sym(d, s->from, &at) || !derived_member(d, s->type, s->member, &off, NULL) ||
        !derived_member(d, s->test.type, s->test.link, &next, NULL) ||
        !derived_pointer(d, at + off, &at) || !derived_pointer(d, at + next, &at) ||
        !derived_in_image(d, at) || !derived_pointer(d, at, &first))
        return false;
    *va = at;
    return true;
}

/** init_task, as it was found by its type. */
bool derived_by_type(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    (void)s;
    *va = d->c->init_task;
    return *va != 0;
}

/** The top table, if it is the kernel's own. */
bool derived_by_root(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    (void)s;
    *va = d->c->paging.root + d->c->delta;
    return derived_in_image(d, *va);
}

/** The address of the struct page of frame 0, from the mem_section of any present section:
 * section_mem_map holds it with flags in its lower bits (include/linux/mmzone.h). */
static bool by_sections(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    enum { ROOTS_MAX = 1 << 14, FLAGS = 63, PRESENT = 3 };
    const uint64_t page = UINT64_C(1) << (d->c->paging.granule ? d->c->paging.granule
                                                               : d->c->paging.arch->page_shift);
    uint64_t roots, root = 0, off, size, map, first;

    (void)s;
    if (!d->c->text.text || !eg_vmcoreinfo_symbol(&d->c->text, "mem_section", &roots) ||
        !derived_member(d, "mem_section", "section_mem_map", &off, NULL) ||
        !(size = derived_size(d, "mem_section")))
        return false;
    for (uint64_t i = 0; i < ROOTS_MAX && !root; i++)
        if (!derived_pointer(d, roots + i * d->model->ptr_size, &root))
            return false;
    for (uint64_t i = 0; root && i < page / size; i++)
        if (derived_pointer(d, root + i * size + off, &map) && (map & PRESENT) == PRESENT) {
            *va = map & ~(uint64_t)FLAGS;
            return derived_pointer(d, *va + d->c->paging.root / page * derived_size(d, "page"),
                                   &first);
        }
    return false;
}

/** The same for kernels of x86 that cannot move it: the mapping that begins with it. */
static bool by_mapping(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    const uint64_t step = UINT64_C(1) << 30, last = d->c->arch->image_min - 1;
    struct eg_extent x;

    (void)s;
    for (uint64_t at = UINT64_C(1) << 63;
         linux_spend(d->f, LINUX_EXTENTS, 1) &&
         eg_next_mapped(d->f->v, d->c->space, at, last, &x) && x.last < last;
         at = x.last + 1)
        if (x.start % step == 0 && derived_is_memmap(d, x.start)) {
            *va = x.start;
            return true;
        }
    return false;
}

bool derived_by_sections_or_mapping(const struct derive *d, const struct derived_symbol *s,
                                    uint64_t *va)
{
    uint64_t at;

    return !derived_sym(d, "vmemmap_base", &at) &&
           (by_sections(d, s, va) ||
            (!strcmp(d->c->paging.arch->name, "x86_64") && by_mapping(d, s, va)));
}

/** Constants lie behind the code, and nothing may write there. Without s->member: where they
 * begin. */
bool derived_by_rights(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    const uint64_t page = UINT64_C(1) << d->c->paging.arch->page_shift;
    struct eg_extent x;
    uint64_t at, first;

    if (!derived_sym(d, s->from, &at))
        return false;
    first = at = eg_align_up(at, page);
    while (derived_in_image(d, at) && linux_spend(d->f, LINUX_EXTENTS, 1)) {
        eg_extent_at(d->f->v, d->c->space, at, &x);
        if (x.why || x.flags & (EG_X_EXEC | EG_X_WRITE) || x.last == UINT64_MAX)
            break;
        at = x.last + 1;
    }
    *va = s->member ? at : first;
    return at > first;
}

/** From pcpu_base_addr, which points to the first per-CPU area. */
bool derived_by_first_cpu(const struct derive *d, const struct derived_symbol *s, uint64_t *va)
{
    uint64_t at;

    return (derived_sym(d, "pcpu_base_addr", &at) || derived_by_code(d, s, &at)) &&
           derived_percpu_start(d, at, va);
}

/* ---- all of them ---- */

static bool is_found(const struct derive *d, const char *name, uint64_t *va)
{
    for (size_t i = 0; i < linux_derivable_n; i++)
        if (d->found[i] && !strcmp(linux_derivable[i].name, name)) {
            *va = d->found[i];
            return true;
        }
    return false;
}

bool derived_sym(const struct derive *d, const char *name, uint64_t *va)
{
    return linux_sym(d->c, name, va) || is_found(d, name, va);
}

/** Does each CPU's copy of runqueues, if it is at @offset from the first variable, have the CPU's
 * number? */
static bool is_percpu(const struct derive *d, uint64_t at)
{
    enum { LOOKED_AT = 2 };
    uint64_t offsets, cpu, offset, second;
    uint32_t number;

    if (!derived_sym(d, "__per_cpu_offset", &offsets) ||
        !derived_member(d, "rq", "cpu", &cpu, NULL) || !derived_pointer(d, offsets, &offset))
        return false;
    for (unsigned i = 0; i < LOOKED_AT; i++) {
        if (!derived_pointer(d, offsets + i * d->model->ptr_size, &second) ||
            (i && second <= offset)) // there is one CPU
            return i;
        if (!derived_word(d, at + second + cpu, &number) || number != i)
            return false;
        offset = second;
    }
    return true;
}

/** Per-CPU variables have a struct in BTF, whose members they are (pahole). */
static void add_percpu(const struct derive *d, struct eg_builder *b)
{
    static const char section[] = ".data..percpu";
    uint64_t start, off, iter = 0, known;
    const struct eg_types *ts = &d->c->ts;
    const uint32_t id = eg_types_named(ts, section, NULL, 1u << EG_T_STRUCT, &iter);
    struct eg_member_at m;

    if (!id || !derived_sym(d, "__per_cpu_start", &start) || linux_sym(d->c, "runqueues", &off) ||
        !derived_member(d, section, "runqueues", &off, NULL) || !is_percpu(d, start + off))
        return;
    for (uint32_t i = 0; i < VARIABLES_MAX && eg_type_member(ts, id, i, &m); i++)
        if (m.name && !derived_sym(d, m.name, &known))
            eg_builder_symbol(b, eg_builder_name(b, m.name, strlen(m.name)), start + m.bit_off / 8,
                              (uint32_t)eg_type_size(ts, m.type, d->model), '?');
}

struct eg_profile *linux_derive(struct linux_finder *f, const struct linux_candidate *c)
{
    uint64_t found[DERIVED_MAX] = { 0 }, room;
    const struct derive d = { f, c, &c->paging.arch->model, found, &room };
    struct eg_builder *b = NULL;
    struct eg_profile *out;

    if (!c->end)
        return NULL;
    for (size_t i = 0; i < linux_derivable_n; i++) {
        const struct derived_symbol *s = &linux_derivable[i];
        uint64_t va;

        room = 0;
        if ((linux_sym(c, s->name, &va) && va != c->init_task) || is_found(&d, s->name, &va) ||
            (s->arch && strcmp(s->arch, c->paging.arch->name) != 0) || !s->find(&d, s, &va))
            continue;
        found[i] = va;
        if (!b && !(b = eg_builder_new(*d.model, "derived")))
            return NULL;
        eg_builder_symbol(b, eg_builder_name(b, s->name, strlen(s->name)), va, (uint32_t)room, '?');
    }
    if (b)
        add_percpu(&d, b);
    return b && eg_builder_finish(b, &out, NULL, NULL) == 0 ? out : NULL;
}

/** Could the kernel have it? Not if it was built without the type. */
static bool may_have(const struct linux_candidate *c, const struct derived_symbol *s)
{
    const char *type = s->test.type ? s->test.type : s->type;
    const char *member = s->test.link ? s->test.link : s->test.key;
    uint64_t off;

    return s->plugins && (!type || (member && linux_member(&c->ts, type, member, &off, NULL)));
}

const char *linux_not_derived(const struct linux_candidate *c, struct eg_arena *a)
{
    const char *text = NULL;
    uint64_t va;

    for (size_t i = 0; c->ts.n_layers && i < linux_derivable_n; i++)
        if (may_have(c, &linux_derivable[i]) && !linux_sym(c, linux_derivable[i].name, &va))
            text = eg_arena_strf(a, "%s%s%s (%s)", text ? text : "", text ? ", " : "",
                                 linux_derivable[i].name, linux_derivable[i].plugins);
    return text;
}
