/* profile.c - look-ups in a profile, freeing it, and the pushes of its builder. */
#include "profile.h"
#include "builder.h"
#include <stdlib.h>
#include <sys/mman.h>

void eg_profile_free(struct eg_profile *p)
{
    if (!p)
        return;
    if (p->block) {
        free(p->block);
    } else {
        free((void *)p->types);
        free((void *)p->members);
        free((void *)p->enumerators);
        free((void *)p->symbols);
        free((void *)p->strings);
        free((void *)p->type_hash);
        free((void *)p->symbol_hash);
    }
    free(p->source);
    free(p->module);
    free(p->build_id);
    free(p->banner);
    free(p);
}

uint32_t eg_profile_type(const struct eg_profile *p, const char *name, uint32_t kinds,
                         uint32_t *iter)
{
    const uint32_t mask = p->n_type_hash - 1;
    const uint32_t hash = p->n_type_hash ? eg_hash(name, strlen(name)) : 0;

    // The table of a stored profile may be full, without an empty slot to stop at.
    while (*iter < EG_MIN(p->n_type_hash, (uint32_t)EG_PROBES_MAX)) {
        uint32_t i = p->type_hash[(hash + (*iter)++) & mask];

        if (!i) {
            *iter = p->n_type_hash;
            break;
        }
        if (i <= p->n_types && 1u << p->types[i - 1].kind & kinds &&
            !strcmp(p->strings + p->types[i - 1].name, name))
            return (p->base_count > 1 ? p->base_count : 0) + i - 1;
    }
    return 0;
}

const struct eg_symbol *eg_profile_symbol(const struct eg_profile *p, const char *name,
                                          uint32_t *iter)
{
    const uint32_t mask = p->n_symbol_hash - 1;
    const uint32_t hash = p->n_symbol_hash ? eg_hash(name, strlen(name)) : 0;

    while (*iter < EG_MIN(p->n_symbol_hash, (uint32_t)EG_PROBES_MAX)) {
        uint32_t i = p->symbol_hash[(hash + (*iter)++) & mask];
        const struct eg_symbol *s;

        if (!i) {
            *iter = p->n_symbol_hash;
            break;
        }
        if (i > p->n_symbols)
            continue;
        s = &p->symbols[i - 1];
        if (s->hash == hash && !strcmp(p->strings + s->name, name))
            return s;
    }
    return NULL;
}

enum { MARKS_MAX = 256 };

const struct eg_symbol *eg_profile_symbol_at(const struct eg_profile *p, uint64_t addr)
{
    size_t from = eg_lower_bound(p->n_symbols, i, p->symbols[i].addr <= addr);

    if (!from)
        return NULL;
    from--;
    // Marks of code and data, which ELF for Arm and RISC-V has beside the names, name nothing.
    for (size_t i = from, n = 0; n < MARKS_MAX && p->strings[p->symbols[from].name] == '$'; n++) {
        if (!i--)
            break;
        if (p->strings[p->symbols[i].name] != '$')
            from = i;
    }
    while (from && p->symbols[from - 1].addr == p->symbols[from].addr &&
           p->strings[p->symbols[from - 1].name] != '$')
        from--;
    return &p->symbols[from];
}

/* ---- building ---- */

void *eg_big_alloc(size_t len)
{
    const size_t page = (size_t)2 << 20, rest = len & (page - 1);
    void *p;

    if (len < page / 2 || len > PTRDIFF_MAX - page)
        return malloc(len);
    len += rest > page / 4 ? page - rest : 0; // including the last one if much of it is used
    if (posix_memalign(&p, page, len) != 0)
        return NULL;
    (void)madvise(p, len, MADV_HUGEPAGE); // a hint
    return p;
}

enum { RECORDS_MAX = 1 << 30 }; // ids and offsets are 32 bits

// Initial size of an array, if known.
static void *reserve(void *at, size_t *cap, size_t n, size_t size)
{
    uint64_t bytes;

    if (at || !n)
        return at;
    at = eg_mul(n, size, &bytes) && bytes <= PTRDIFF_MAX ? eg_big_alloc(bytes) : NULL;
    *cap = at ? n : 0;
    return at;
}
#define RESERVE(v, count) ((v)->at = reserve((v)->at, &(v)->cap, (count), sizeof *(v)->at))

// Make room for @add more elements after the @n existing ones. @return the array; NULL after an
// error, and then the old one is still valid.
static void *room(struct eg_builder *b, void *at, size_t n, size_t *cap, size_t add, size_t size)
{
    void *p;

    if (b->failed || !add)
        return NULL;
    if (add > RECORDS_MAX - n) {
        b->failed = EG_EFORMAT;
        return NULL;
    }
    p = at ? at : reserve(NULL, cap, n + add, size);
    p = p ? eg_vec_grow_(p, cap, n + add, size) : NULL;
    if (!p)
        b->failed = EG_ENOMEM;
    return p;
}
#define ROOM(b, v, add)                                                                            \
    __extension__({                                                                                \
        const size_t n_ = (b) ? (b)->v.n : 0;                                                      \
        void *at_ = (b) ? room((b), (b)->v.at, n_, &(b)->v.cap, (add), sizeof *(b)->v.at) : NULL;  \
                                                                                                   \
        if (at_) {                                                                                 \
            (b)->v.at = at_;                                                                       \
            (b)->v.n += (add);                                                                     \
        }                                                                                          \
        at_ ? &(b)->v.at[n_] : NULL;                                                               \
    })

static char *copy(struct eg_builder *b, const char *s)
{
    char *c = s ? strdup(s) : NULL;

    if (s && !c)
        b->failed = EG_ENOMEM;
    return c;
}

static uint32_t first_id(const struct eg_builder *b)
{
    return b->base ? b->base->n_types : 0;
}

struct eg_builder *eg_builder_new(struct eg_model model, const char *source)
{
    struct eg_builder *b = calloc(1, sizeof *b);
    char *nothing;

    if (!b)
        return NULL;
    b->profile = calloc(1, sizeof *b->profile);
    if (!b->profile) {
        free(b);
        return NULL;
    }
    b->profile->model = model;
    b->profile->source = copy(b, source);
    nothing = ROOM(b, strings, 1);
    if (nothing)
        *nothing = 0;
    return b;
}

void eg_builder_free(struct eg_builder *b)
{
    if (!b)
        return;
    eg_vec_fini(&b->types);
    eg_vec_fini(&b->members);
    eg_vec_fini(&b->enumerators);
    eg_vec_fini(&b->symbols);
    eg_vec_fini(&b->strings);
    eg_map_fini(&b->names);
    eg_profile_free(b->profile);
    free(b);
}

void eg_builder_set_base(struct eg_builder *b, const struct eg_profile *base, const char *module)
{
    if (!b)
        return;
    b->base = base && base->n_types > 1 ? base : NULL;
    b->profile->base_count = first_id(b);
    free(b->profile->module);
    b->profile->module = copy(b, module);
}

void eg_builder_set_build_id(struct eg_builder *b, const char *hex)
{
    if (!b)
        return;
    free(b->profile->build_id);
    b->profile->build_id = copy(b, hex);
}

void eg_builder_set_banner(struct eg_builder *b, const char *text)
{
    if (!b)
        return;
    free(b->profile->banner);
    b->profile->banner = copy(b, text);
}

void eg_builder_qualified(struct eg_builder *b)
{
    if (b)
        b->profile->qualified = true;
}

void eg_builder_link_time(struct eg_builder *b)
{
    if (b)
        b->profile->dwarf_symbols = true;
}

char *eg_builder_strings(struct eg_builder *b, const char *section, size_t len)
{
    char *s;

    if (!b || b->failed)
        return NULL;
    eg_vec_fini(&b->strings); // the first byte of the section is the empty name
    s = ROOM(b, strings, len);
    if (s && section)
        memcpy(s, section, len);
    return s;
}

uint32_t eg_builder_name(struct eg_builder *b, const char *s, size_t len)
{
    uint32_t hash, nth;
    uint64_t known;
    char *to;

    len = len ? strnlen(s, len) : 0;
    if (!len || !b || b->failed)
        return 0;
    hash = eg_map_hash(s, len);
    for (nth = 0; eg_map_get(&b->names, eg_map_key(hash, nth), &known); nth++) {
        const char *other = b->strings.at + known;

        if (!strncmp(other, s, len) && !other[len])
            return (uint32_t)known;
    }
    to = ROOM(b, strings, len + 1);
    if (!to)
        return 0;
    memcpy(to, s, len);
    to[len] = 0;
    known = (uint64_t)(to - b->strings.at);
    if (eg_map_add(&b->names, eg_map_key(hash, nth), known) < 0) {
        b->failed = EG_ENOMEM;
        return 0;
    }
    return (uint32_t)known;
}

void eg_builder_expect(struct eg_builder *b, size_t types, size_t members, size_t symbols)
{
    // Only a hint: if it is too large, the pushes will fail.
    if (!b || types > RECORDS_MAX || members > RECORDS_MAX || symbols > RECORDS_MAX)
        return;
    RESERVE(&b->types, types + 1);
    RESERVE(&b->members, members);
    RESERVE(&b->symbols, symbols);
}

struct eg_type *eg_builder_types(struct eg_builder *b, size_t n)
{
    if (b && !b->base && !b->types.n) {
        struct eg_type *none = ROOM(b, types, 1);

        if (none)
            *none = (struct eg_type){ 0 };
    }
    return ROOM(b, types, n);
}

uint32_t eg_builder_type(struct eg_builder *b, const struct eg_type *t)
{
    struct eg_type *to = eg_builder_types(b, 1);

    if (!to)
        return 0;
    *to = *t;
    return first_id(b) + (uint32_t)b->types.n - 1;
}

struct eg_type *eg_builder_edit(struct eg_builder *b, uint32_t id)
{
    if (!b || b->failed || id < first_id(b) || id - first_id(b) >= b->types.n)
        return NULL;
    return &b->types.at[id - first_id(b)];
}

struct eg_member *eg_builder_members(struct eg_builder *b, size_t n)
{
    return ROOM(b, members, n);
}

void eg_builder_member(struct eg_builder *b, uint32_t name, uint32_t type, uint64_t bit_off,
                       uint32_t bit_size)
{
    struct eg_member *m = ROOM(b, members, 1);

    if (m)
        *m = (struct eg_member){
            .bit_off = bit_off, .name = name, .type = type, .bit_size = bit_size
        };
}

void eg_builder_enumerator(struct eg_builder *b, uint32_t name, int64_t value)
{
    struct eg_enumerator *v = ROOM(b, enumerators, 1);

    if (v)
        *v = (struct eg_enumerator){ .value = value, .name = name };
}

uint32_t eg_builder_member_count(const struct eg_builder *b)
{
    return b ? (uint32_t)b->members.n : 0;
}

uint32_t eg_builder_enumerator_count(const struct eg_builder *b)
{
    return b ? (uint32_t)b->enumerators.n : 0;
}

struct eg_symbol *eg_builder_symbols(struct eg_builder *b, size_t n)
{
    return ROOM(b, symbols, n);
}

void eg_builder_symbol(struct eg_builder *b, uint32_t name, uint64_t addr, uint32_t size,
                       char letter)
{
    struct eg_symbol *s = ROOM(b, symbols, 1);
    const char *text;

    if (!s)
        return;
    text = name < b->strings.n ? b->strings.at + name : "";
    *s = (struct eg_symbol){ .addr = addr,
                             .name = name,
                             .size = size,
                             .hash = eg_hash(text, strnlen(text, b->strings.n - name)),
                             .letter = (uint8_t)letter };
}
