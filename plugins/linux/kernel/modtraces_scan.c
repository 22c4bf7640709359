/* modtraces_scan.c - struct module by its shape: what a module that hides cannot clear without
 * breaking itself. */
#include "modtraces_scan.h"
#include "../../../core/space.h"
#include "module.h"
#include <ctype.h>

EG_FIELD_AS(own_kobject, module, "mkobj.mod");
EG_FIELD_AS(core_node, module, "core_layout.mtn.mod"); // until 6.3
EG_FIELD_AS(mem_node, module_memory, "mtn.mod");       // since 6.4
EG_FIELD_AS(own_symbols, module, "kallsyms");
EG_FIELD_AS(core_symbols, module, "core_kallsyms");
EG_FIELD_AS(after, list_head, "next");
EG_FIELD_AS(before, list_head, "prev");

enum {
    ALIGN = 32,     // ____cacheline_aligned, of the smallest cache lines (include/linux/module.h)
    NAME_MAX = 128, // MODULE_NAME_LEN is 64 less a pointer
    CHUNK = 4096,
    OVERLAP = 2048, // a struct module may go on in the next page
    STATES = 4,
    PAGES_MAX = 1 << 17, // in one call
};

bool linux_mod_executable(struct eg_run *r, uint64_t addr)
{
    struct eg_extent x;

    eg_extent_at(eg_view_of(r), eg_kernel(r), addr, &x);
    return !x.why && x.flags & EG_X_EXEC;
}

/* Letters, digits, _ and -; zeros behind it (scripts/mod/modpost.c makes it so). */
static bool is_name(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && (isalnum(p[n]) || p[n] == '_' || p[n] == '-'))
        n++;
    return n && n < len && eg_all_zero(p + n, len - n);
}

static bool has_name(struct eg_obj m)
{
    struct eg_obj name = eg_at(m, module.name);
    uint8_t text[NAME_MAX];
    const size_t len = EG_MIN(name.size, (size_t)NAME_MAX);

    return !name.why && eg_read(name.view, name.space, name.addr, text, len) && is_name(text, len);
}

static bool points_to(struct eg_obj pointer, uint64_t addr)
{
    uint64_t at;

    return addr && eg_load(&at, pointer) && at == addr;
}

/* Both neighbours of a list_head that is in use, or itself, point back. */
static bool is_linked(struct eg_obj head)
{
    return points_to(eg_at(head, after, before), head.addr) &&
           points_to(eg_at(head, before, after), head.addr);
}

/* Its code is mapped as such, and the struct is in its own memory. */
static unsigned memory_marks(struct eg_run *r, struct eg_obj m)
{
    struct linux_module_part part;
    bool code = false, within = false;

    for (unsigned i = 0; linux_next_module_part(r, m, &i, &part);) {
        code |= part.code && !(part.first & (CHUNK - 1)) && linux_mod_executable(r, part.first);
        within |= m.addr - part.first < part.size;
    }
    return (unsigned)code + within;
}

/* At least one pointer to itself: a copy has none. */
bool linux_mod_shape(struct eg_run *r, uint64_t addr)
{
    struct eg_obj m = eg_object(r, module, addr);
    struct eg_obj core = eg_at(m, core_symbols);
    struct eg_obj node = eg_at(eg_index(eg_at(m, module.mem), 0), mem_node);
    unsigned own, marks;
    uint32_t state;

    if (!eg_get(&state, m, module.state))
        return false;
    own = points_to(eg_at(m, own_kobject), addr);
    own += points_to(node.why ? eg_at(m, core_node) : node, addr);
    own += !core.why && points_to(eg_at(m, own_symbols), core.addr);
    own += is_linked(eg_at(m, module.source_list)) && is_linked(eg_at(m, module.target_list));
    marks = own ? own + memory_marks(r, m) : 0;
    return marks >= 3 || (marks == 2 && state < STATES && has_name(m));
}

/** Where in a struct module are the members by which most places are ruled out. */
struct sieve {
    uint64_t state, name, name_len;
    uint64_t at[3], to[3]; /* pointers to a place in itself; at 0: it has no such member */
    unsigned word;
    bool big;
};

static struct sieve sieve_of(struct eg_run *r)
{
    const struct eg_model *m = &eg_binding_of(r)->model;
    struct eg_obj name = eg_at(eg_object(r, module, CHUNK), module.name);

    return (struct sieve){
        .state = eg_offset(r, module.state),
        .name = eg_offset(r, module.name),
        .name_len = name.why ? 0 : name.size,
        .at = { eg_has(r, own_kobject) ? eg_offset(r, own_kobject) : 0,
                eg_has(r, core_node) ? eg_offset(r, core_node)
                : eg_has(r, mem_node) && eg_has(r, module.mem)
                    ? eg_offset(r, module.mem) + eg_offset(r, mem_node)
                    : 0,
                eg_has(r, own_symbols) && eg_has(r, core_symbols) ? eg_offset(r, own_symbols) : 0 },
        .to = { 0, 0, eg_offset(r, core_symbols) },
        .word = m->ptr_size,
        .big = m->big_endian,
    };
}

/* @p: at least OVERLAP bytes of memory at @addr. */
static bool passes(const struct sieve *s, const uint8_t *p, uint64_t addr)
{
    for (unsigned i = 0; i < countof(s->at); i++)
        if (s->at[i] && s->at[i] + s->word <= OVERLAP &&
            eg_load_(p + s->at[i], s->word, s->big) == addr + s->to[i])
            return true;
    return eg_load_(p + s->state, 4, s->big) < STATES && is_name(p + s->name, s->name_len);
}

void linux_mod_scan(struct eg_run *r, uint64_t first, uint64_t last,
                    void (*found)(void *context, uint64_t addr), void *context)
{
    const struct sieve s = sieve_of(r);
    struct eg_view *v = eg_view_of(r);
    uint8_t *p = eg_tmp(r, CHUNK + OVERLAP);
    struct eg_extent x;
    uint32_t pages = 0;

    if (s.name + s.name_len > OVERLAP || s.state + 4 > OVERLAP || !s.name_len)
        return;
    for (uint64_t at = first; at <= last && eg_next_mapped(v, eg_kernel(r), at, last, &x);) {
        const uint64_t end = EG_MIN(x.last, last);

        for (at = EG_MAX(x.start, at) & ~(uint64_t)(CHUNK - 1); at <= end && !eg_stopped(r);
             at += CHUNK) {
            if (pages++ == PAGES_MAX) {
                eg_note(r, "memory of modules from %#llx on is not searched: it is too much",
                        (unsigned long long)at);
                return;
            }
            eg_read_some(v, eg_kernel(r), at, p, CHUNK + OVERLAP, NULL);
            for (unsigned i = 0; i < CHUNK; i += ALIGN)
                if (passes(&s, p + i, at + i) && linux_mod_shape(r, at + i))
                    found(context, at + i);
            if (at > UINT64_MAX - CHUNK)
                return;
        }
        if (end == UINT64_MAX)
            return;
        at = end + 1;
    }
}
