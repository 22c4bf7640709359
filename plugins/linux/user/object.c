/* object.c - programs and libraries in a process, for unwinding: their tables and their symbols. */
#include "../../../core/map.h"
#include "../mm/filemap.h"
#include "minidebug.h"
#include "unwind.h"

enum {
    STT_NOTYPE_ = 0,
    OBJECTS_MOST = 512, // of one process, whose stacks are in code of
};

enum { TABLES = 3 };
/* What was read of one file; the same for all processes that map it. */
struct linux_user_names {
    struct linux_elf_symbol *of[TABLES]; // .symtab, .gnu_debugdata, .dynsym
    size_t n[TABLES];
    bool named, indexed;
    struct linux_cfi_place *places; // of a program whose CFI has no header
    size_t n_places;
};

/* The mapping with the ELF header of the file that @m maps a part of: the nearest below with the
 * beginning of the same file. */
static struct linux_mapping *head_of(struct linux_whole *w, struct linux_mapping *m)
{
    enum { APART_MOST = 64 }; // mappings of one object

    if (!m->file)
        return linux_mapping_anonymous(m) ? NULL : m;
    for (int i = 0; i < APART_MOST; i++) {
        if (!m->offset)
            return m;
        for (struct linux_mapping *below = m;;) {
            if (below == w->at)
                return NULL;
            below--;
            if (below->file && below->inode.addr == m->inode.addr && !below->inode.why) {
                if (below->offset > m->offset)
                    return NULL;
                m = below;
                break;
            }
            if (m - below > APART_MOST)
                return NULL;
        }
    }
    return NULL;
}

static void set_tables(struct linux_user_object *o, struct linux_whole *w)
{
    const struct linux_elf *e = &o->elf;
    uint64_t last = e->at;

    for (unsigned i = 0; i < e->n_segments; i++) {
        const struct linux_elf_segment *s = &e->segments[i];
        const uint64_t at = e->bias + s->vaddr;

        if (s->type == ELF_EH_FRAME) {
            o->cfi.header = at;
            o->cfi.header_len = s->memsz;
        }
        if (s->type == ELF_LOAD && s->memsz && at >= e->at && s->memsz - 1 <= UINT64_MAX - at)
            last = EG_MAX(last, at + s->memsz - 1);
    }
    o->cfi.space = w->space;
    o->cfi.first = e->at;
    o->cfi.last = last;
    o->cfi.word = e->wide ? 8 : 4;
    o->cfi.big_endian = e->big_endian;
    o->cfi.is_aarch64 = e->machine == ELF_AARCH64;
    if (o->cfi.header < o->cfi.first || o->cfi.header > last)
        o->cfi.header = 0;
}

struct linux_user_object *linux_user_object_at(struct linux_user_unwinder *u,
                                               struct linux_mapping *m)
{
    const size_t places = sizeof u->objects / sizeof *u->objects;
    struct linux_mapping *head = m ? head_of(u->whole, m) : NULL;
    struct linux_user_object **place, *o;

    if (!head)
        return NULL;
    place = &u->objects[(head->first >> 12) * 0x9e3779b97f4a7c15u >> 58 & (places - 1)];
    for (o = *place; o; o = o->next)
        if (o->head == head)
            return o->elf.n_segments ? o : NULL;
    if (u->n_objects == OBJECTS_MOST)
        return NULL;
    u->n_objects++;
    o = eg_tmp(u->r, sizeof *o);
    o->head = head;
    o->next = *place;
    *place = o;
    if (!linux_elf_open(u->r, u->whole->space, head->first, false, &o->elf)) {
        o->elf.n_segments = 0;
        return NULL;
    }
    set_tables(o, u->whole);
    return o->elf.n_segments ? o : NULL;
}

static struct linux_user_names *names_of(struct linux_user_unwinder *u,
                                         struct linux_user_object *o);

void linux_user_object_index(struct linux_user_unwinder *u, struct linux_user_object *o)
{
    uint64_t left = 16 << 20; // bytes that are looked at; segments can lie over one another
    struct linux_user_names *n = names_of(u, o);
    struct eg_view *v = eg_view_of(u->r);
    size_t room;

    for (unsigned i = 0; !n->indexed && !n->n_places && i < o->elf.n_segments; i++) {
        const struct linux_elf_segment *s = &o->elf.segments[i];
        const uint64_t from = o->elf.bias + s->vaddr;
        uint64_t len;

        if (s->type != ELF_LOAD || s->flags & ELF_W || s->filesz > UINT64_MAX - from)
            continue;
        len = EG_MIN(s->filesz, left);
        left -= len;
        room = linux_cfi_index(v, &o->cfi, from, from + len, NULL, 0);
        if (!room)
            continue;
        n->places = eg_tmp(u->r, room * sizeof *n->places);
        n->n_places = EG_MIN(room, linux_cfi_index(v, &o->cfi, from, from + len, n->places, room));
    }
    n->indexed = true;
    o->cfi.index = n->places;
    o->cfi.n_index = n->n_places;
}

/* ---- symbols ---- */

static bool is_code(const struct linux_elf_symbol *s)
{
    return s->section && (s->type == ELF_FUNC || s->type == STT_NOTYPE_ || s->type == ELF_IFUNC) &&
           *s->name && *s->name != '$';
}

static void read_names(struct linux_user_unwinder *u, const struct linux_user_object *o,
                       struct linux_user_names *n)
{
    struct linux_elf file;
    struct eg_space *space = NULL;

    if (n->named)
        return;
    n->named = true;
    if (o->head->file && !o->head->inode.why)
        space = linux_file_space(u->r, o->head->inode);
    if (space && linux_elf_open(u->r, space, 0, true, &file)) {
        n->n[0] = linux_elf_symbols(u->r, &file, false, &n->of[0]);
        if (!n->n[0])
            n->n[1] = linux_minidebug_symbols(u->r, &file, &n->of[1]);
    }
    n->n[2] = linux_elf_symbols(u->r, &o->elf, true, &n->of[2]);
    for (int k = 0; k < TABLES; k++) {
        size_t kept = 0;

        for (size_t i = 0; i < n->n[k]; i++)
            if (is_code(&n->of[k][i]))
                n->of[k][kept++] = n->of[k][i];
        n->n[k] = kept;
    }
}

static struct linux_user_names *names_of(struct linux_user_unwinder *u, struct linux_user_object *o)
{
    const uint64_t key = o->head->file ? o->head->inode.addr : o->head->backing_at;
    uint64_t found;

    if (o->names)
        return o->names;
    if (!u->names)
        u->names = eg_run_map(u->r);
    if (key && eg_map_get(u->names, key, &found))
        return o->names = (struct linux_user_names *)(uintptr_t)found;
    o->names = eg_tmp(u->r, sizeof *o->names);
    if (key)
        eg_map_add(u->names, key, (uintptr_t)o->names);
    return o->names;
}

/* Of those that begin at or before @at, the last that reaches it. One without a size reaches to the
 * next. */
static const struct linux_elf_symbol *nearest(const struct linux_elf_symbol *s, size_t n,
                                              uint64_t at)
{
    enum { BACK_MOST = 32 }; // functions inside of each other, aliases
    size_t i = eg_lower_bound(n, j, s[j].value <= at);
    const struct linux_elf_symbol *best = NULL;
    const size_t stop = i > BACK_MOST ? i - BACK_MOST : 0;

    while (i-- > stop) {
        if (best && s[i].value != best->value)
            break;
        if (s[i].size ? at - s[i].value >= s[i].size
                      : i + 1 < n && s[i].value != s[i + 1].value && s[i + 1].value <= at)
            continue;
        // of several for one place a global one, and of these the shortest name: read, not __read
        if (!best || (s[i].bind && !best->bind) ||
            (!s[i].bind == !best->bind &&
             __builtin_strlen(s[i].name) < __builtin_strlen(best->name)))
            best = &s[i];
    }
    return best;
}

bool linux_user_symbol(struct linux_user_unwinder *u, const struct linux_user_frame *f,
                       struct linux_user_symbol *out)
{
    const struct linux_elf_symbol *s = NULL;
    struct linux_user_names *names;
    uint64_t at;

    if (!f->object)
        return false;
    names = names_of(u, f->object);
    read_names(u, f->object, names);
    // What a function without return was called from may be the end of its caller.
    at = f->pc - f->object->elf.bias - !f->exact;
    for (int k = 0; k < TABLES && !s; k++)
        s = nearest(names->of[k], names->n[k], at);
    if (!s)
        return false;
    *out = (struct linux_user_symbol){ s->name, at + !f->exact - s->value, s->size };
    return true;
}
