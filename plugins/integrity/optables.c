/* optables - every table of functions that can be reached, and whose code it leads to. */
#include "optables.h"
#include "../../core/profile.h"
#include "../../core/space.h"
#include "../../core/system.h"
#include "../linux/kernel/hook.h"
#include "../linux/kernel/module.h"
#include "../linux/mm/vmalloc.h"
#include <inttypes.h>
#include <string.h>

#define COLUMNS(C)                                                                                 \
    C(KIND, TEXT, "what it is, by its type: file_operations, proto_ops, sock")                     \
    C(TABLE, TEXT, "the table's symbol; none: it has no name")                                     \
    C(OFFSET, ADDR, "where the table is, or the object that has the pointer")                      \
    C(TABLE_MODULE, TEXT, "whose memory that is: \"kernel\", or a module; empty: allocated")       \
    C(MEMBER, TEXT, "which of its pointers; none: HINTS is about the table")                       \
    C(FUNCTION, ADDR, "what it leads to", EG_MINOR)                                                \
    C(SYMBOL, TEXT, "its name")                                                                    \
    C(MODULE, TEXT, "whose code it is: \"kernel\", or a module that is listed")                    \
    C(USERS, INT, "how many objects have the table", EG_MINOR)                                     \
    C(USED_BY, TEXT, "one of them")                                                                \
    C(HINTS, TEXT, "what is odd")
EG_COLUMNS(COLUMNS);

enum { TABLES_MAX = 1 << 18, COPY_MIN = 8, CHANGED_MAX = 2 };

/* ---- what is reached ---- */

const char *optables_say_text(struct eg_run *r, uint64_t text)
{
    (void)r;
    return (const char *)(uintptr_t)text;
}

static struct optables_type *type_of(struct optables *o, uint32_t id)
{
    struct optables_type *t;
    uint64_t kept;

    if (eg_map_get(o->types, id, &kept))
        return (struct optables_type *)(uintptr_t)kept;
    t = eg_tmp(o->r, sizeof *t);
    *t = (struct optables_type){ .name = eg_type_name(&eg_system_of(o->r)->types, id),
                                 .id = id,
                                 .members = linux_fnmembers(o->r, id) };
    t->last = eg_tmp(o->r, (t->members->n + 1) * sizeof *t->last);
    t->last_seen = eg_tmp(o->r, (t->members->n + 1) * sizeof *t->last_seen);
    eg_run_map_add(o->r, o->types, id, (uintptr_t)t);
    return t;
}

struct optables_type *optables_type(struct optables *o, const char *name)
{
    uint64_t iter = 0;
    const uint32_t id = eg_types_named(&eg_system_of(o->r)->types, name, NULL,
                                       1u << EG_T_STRUCT | 1u << EG_T_UNION, &iter);

    return id ? type_of(o, id) : NULL;
}

static bool is_code(enum linux_code_kind kind)
{
    return kind == LINUX_CODE_KERNEL || kind == LINUX_CODE_STARTUP || kind == LINUX_CODE_MODULE ||
           kind == LINUX_CODE_BPF || kind == LINUX_CODE_FTRACE || kind == LINUX_CODE_KPROBES;
}

static size_t reach(struct optables *o, const struct optables_type *type, uint64_t addr,
                    struct optables_user user, bool object)
{
    const uint64_t key = addr ^ type->id * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t i, first;

    if (eg_map_get(o->seen, key, &i)) {
        o->at[i].users++;
        return i;
    }
    if (o->n == TABLES_MAX) {
        o->full = true;
        return SIZE_MAX;
    }
    if (!eg_pointer_at(o->r, addr, &first)) {
        o->unread++;
        return SIZE_MAX;
    }
    o->at = eg_grow(o->r, o->at, o->n, &o->cap, sizeof *o->at);
    o->at[o->n] =
        (struct optable){ .type = type, .addr = addr, .users = 1, .user = user, .object = object };
    eg_run_map_add(o->r, o->seen, key, o->n);
    return o->n++;
}

size_t optables_table(struct optables *o, struct optables_type *type, uint64_t addr,
                      struct optables_user user)
{
    const unsigned word_size = eg_binding_of(o->r)->model.ptr_size;

    // Constants such as ERR_PTR(-EINVAL), and numbers in place of a pointer, are no tables.
    if (!type || addr < 4096 || addr % word_size || addr > UINT64_MAX - 4096)
        return SIZE_MAX;
    return reach(o, type, addr, user, false);
}

/* The tables that a struct leads to. */
static void follow(struct optables *o, struct optables_type *type, uint64_t addr,
                   struct optables_user user)
{
    for (uint32_t i = 0; i < type->members->n; i++) {
        const struct linux_fnmember *m = &type->members->at[i];
        uint64_t to;

        if (!m->table || !eg_pointer_at(o->r, addr + m->off, &to) || !to)
            continue;
        if (type->last[i] == to) {
            o->at[type->last_seen[i]].users++;
            continue;
        }
        if (m->function && is_code(linux_whose_code(o->codes, to, NULL)))
            continue;
        const size_t seen = optables_table(o, type_of(o, m->table), to, user);

        if (seen != SIZE_MAX) {
            type->last[i] = to;
            type->last_seen[i] = seen;
        }
    }
}

void optables_object(struct optables *o, struct optables_type *type, uint64_t addr,
                     struct optables_user user)
{
    if (!type || !addr || eg_stopped(o->r))
        return;
    if (type->members->functions > 0)
        reach(o, type, addr, user, !type->members->table || type->object);
    follow(o, type, addr, user);
}

bool optables_related(struct eg_run *r, const char *one, const char *other)
{
    return !strcmp(one, other) || linux_uses_module(r, one, other) ||
           linux_uses_module(r, other, one);
}

/* ---- what is said of it ---- */

/** One table while it is shown. */
struct look {
    struct optables *o;
    const struct optable *t;
    const char *who;  /**< whose memory it lies in; NULL: nobody's */
    const char *name; /**< its symbol */
    bool all;
};

static const char *user_text(const struct look *l)
{
    return l->t->user.say ? l->t->user.say(l->o->r, l->t->user.at) : NULL;
}

/* Where two modules have nothing to do with each other, a table that joins them was changed. */
static const char *joined_hint(const struct look *l, const struct linux_codeof *code)
{
    if (code->kind != LINUX_CODE_MODULE || (l->t->object && !l->t->type->own))
        return NULL;
    if (l->who && !strcmp(l->who, "kernel"))
        return "a table of the kernel leads into a module";
    if (l->who && !optables_related(l->o->r, l->who, code->module))
        return "a table of a module leads into one that it has nothing to do with";
    if (l->t->user.module && !optables_related(l->o->r, l->t->user.module, code->module))
        return "it leads into a module that has nothing to do with its user";
    return NULL;
}

/* That a module is of another origin says less than where its code stands. */
static const char *pointer_hint(const struct look *l, uint64_t at, const struct linux_codeof *code)
{
    const char *hint = linux_pointer_hint(l->o->r, at, code), *joined = joined_hint(l, code);

    if (hint && joined && hint != code->hint)
        return hint;
    return joined ? linux_hints(l->o->r, joined, hint) : hint;
}

static void show(const struct look *l, const char *member, uint64_t function,
                 const struct linux_codeof *code, const char *hint)
{
    const struct optable *t = l->t;

    eg_row(l->o->r, .KIND = eg_text(t->type->name), .TABLE = eg_text(l->name),
           .OFFSET = eg_uint(t->addr), .TABLE_MODULE = eg_text(l->who), .MEMBER = eg_text(member),
           .FUNCTION = function ? eg_uint(function) : (struct eg_cell){ 0 },
           .SYMBOL = eg_text(code ? code->symbol : NULL),
           .MODULE = eg_text(code ? code->module : NULL), .USERS = eg_uint(t->users),
           .USED_BY = eg_text(user_text(l)), .HINTS = eg_text(hint));
}

/** What the functions of one table are together. */
struct seen {
    unsigned n, bpf, odd; /**< odd: with a hint of their own */
    bool single;          /**< single_start is one of them */
    bool mixed;           /**< they are of two, of which one is a module */
    const char *owner;    /**< of the last; nobody's are told by themselves */
};

static void note_owner(struct seen *s, const struct linux_codeof *code)
{
    s->mixed |= code->module && s->owner && strcmp(code->module, s->owner) != 0;
    s->owner = code->module ? code->module : s->owner;
    s->n++;
    s->bpf += code->kind == LINUX_CODE_BPF;
    s->single |= code->symbol && !strcmp(code->symbol, "single_start");
}

/* The same functions: one is a copy of the other. */
static uint64_t sum_of(struct optables *o, const struct optable *t, unsigned *n)
{
    const struct linux_fnmembers *members = t->type->members;
    uint64_t sum = t->type->id, at;

    *n = 0;
    for (uint32_t i = 0; i < members->n; i++)
        if (members->at[i].function && eg_pointer_at(o->r, t->addr + members->at[i].off, &at) &&
            at) {
            sum = (sum ^ at ^ members->at[i].off) * UINT64_C(0x9e3779b97f4a7c15);
            sum ^= sum >> 29;
            (*n)++;
        }
    return sum;
}

static void functions(const struct look *l, struct seen *s)
{
    const struct linux_fnmembers *members = l->t->type->members;

    for (uint32_t i = 0; i < members->n; i++) {
        const struct linux_fnmember *m = &members->at[i];
        struct linux_codeof code;
        const char *hint;
        uint64_t at;

        if (!m->function || !eg_pointer_at(l->o->r, l->t->addr + m->off, &at) || !at)
            continue;
        if ((m->maybe || m->table) && !is_code(linux_whose_code(l->o->codes, at, NULL)))
            continue;
        linux_codeof(l->o->r, at, &code);
        note_owner(s, &code);
        hint = pointer_hint(l, l->t->addr + m->off, &code);
        s->odd += code.hint != NULL;
        if (hint)
            eg_run_map_add(l->o->r, l->o->shown, l->t->addr + m->off, 0);
        if (hint || l->all)
            show(l, m->name, at, &code, hint);
    }
}

/* Control groups copy the table of a file of which more, or less, than a page is written at once
 * (cgroup_init_cftypes() in kernel/cgroup/cgroup.c): its functions stay the kernel's. */
static bool is_of_cgroups(const struct look *l)
{
    static const char *const originals[] = { "cgroup_kf_single_ops", "cgroup_kf_ops" };
    struct optable original = *l->t;
    unsigned n;

    for (size_t i = 0; !strcmp(l->t->type->name, "kernfs_ops") && i < countof(originals); i++)
        if (eg_lookup(l->o->r, originals[i], &original.addr) &&
            sum_of(l->o, l->t, &n) == sum_of(l->o, &original, &n) && n)
            return true;
    return false;
}

/* Tables are constants. Only single_open() makes one for each file that is open, struct_ops of BPF
 * are in maps, debugfs copies one for a file's driver (full_proxy_open(), until 6.13), and what
 * registers itself for each network namespace is copied whole. */
static const char *place_hint(const struct look *l, const struct seen *s)
{
    if (l->who || l->t->object || !s->n || s->bpf == s->n || s->single)
        return NULL;
    if ((l->t->type->members->linked && !s->mixed) || is_of_cgroups(l))
        return NULL;
    return s->mixed ? "the table lies in memory of nobody, and joins code of several"
                    : "the table lies in memory of nobody";
}

/* The upper layers of TCP (tls) begin with copies of the tables of the socket that they take. */
static bool takes_over(struct optables *o, const char *module)
{
    const char *who;

    if (o->asked == module)
        return o->takes_over;
    o->asked = module;
    o->takes_over = false;
    for (size_t i = 0; i < o->n && !o->takes_over; i++)
        o->takes_over = !strcmp(o->at[i].type->name, "tcp_ulp_ops") &&
                        linux_whose_code(o->codes, o->at[i].addr, &who) == LINUX_CODE_DATA &&
                        !strcmp(who, module);
    return o->takes_over;
}

/* A table of the kernel's that is in memory of a module, too, and with nothing of the module's. */
static const char *copy_hint(const struct look *l, const struct seen *s)
{
    struct optables *o = l->o;
    const char *name;
    uint64_t i;
    unsigned n;

    if (!l->who || !strcmp(l->who, "kernel") || l->t->object || s->mixed || !s->owner ||
        strcmp(s->owner, "kernel") != 0 || !eg_map_get(o->originals, sum_of(o, l->t, &n), &i) ||
        takes_over(o, l->who))
        return NULL;
    name = eg_name_of(o->r, o->at[i].addr);
    return eg_strf(o->r, "a copy of the kernel's %s", name ? name : o->at[i].type->name);
}

/* How many functions of two tables of one type are the same, and how many are not. */
static void compare(struct optables *o, const struct optable *a, const struct optable *b,
                    unsigned *same, unsigned *other)
{
    const struct linux_fnmembers *members = a->type->members;
    uint64_t x, y;

    *same = *other = 0;
    for (uint32_t i = 0; i < members->n && *other <= CHANGED_MAX; i++)
        if (members->at[i].function && eg_pointer_at(o->r, a->addr + members->at[i].off, &x) &&
            eg_pointer_at(o->r, b->addr + members->at[i].off, &y)) {
            *same += x && x == y;
            *other += x != y;
        }
}

/* A table of the kernel's that is elsewhere, too, with few functions that are odd. */
static const char *changed_hint(const struct look *l, const struct seen *s)
{
    const struct optable *t = l->t;
    unsigned same, other;
    const char *name;

    if ((l->who && !strcmp(l->who, "kernel")) || t->object || !s->odd || s->odd > CHANGED_MAX ||
        s->n < COPY_MIN / 2)
        return NULL;
    for (size_t i = 0; i < l->o->n; i++) {
        const struct optable *b = &l->o->at[i];
        const char *who;

        if (b->type != t->type || b->object ||
            linux_whose_code(l->o->codes, b->addr, &who) != LINUX_CODE_DATA ||
            strcmp(who, "kernel") != 0)
            continue;
        compare(l->o, t, b, &same, &other);
        if (!other || other > CHANGED_MAX || same < COPY_MIN / 2)
            continue;
        name = eg_name_of(l->o->r, b->addr);
        return eg_strf(l->o->r, "a copy of the kernel's %s, of which %u function%s changed",
                       name ? name : t->type->name, other, other == 1 ? " was" : "s were");
    }
    return NULL;
}

static void take_originals(struct optables *o)
{
    const char *who;
    unsigned n;

    for (size_t i = 0; i < o->n && !eg_stopped(o->r); i++)
        if (!o->at[i].object &&
            linux_whose_code(o->codes, o->at[i].addr, &who) == LINUX_CODE_DATA &&
            !strcmp(who, "kernel")) {
            const uint64_t sum = sum_of(o, &o->at[i], &n);

            if (n >= COPY_MIN)
                eg_run_map_add(o->r, o->originals, sum, i);
        }
}

static void show_constant(struct optables *o, const char *kind, const char *table, uint64_t at,
                          const char *member, uint64_t function, const char *hint)
{
    struct linux_codeof code;

    linux_codeof(o->r, function, &code);
    eg_row(o->r, .KIND = eg_text(kind), .TABLE = eg_text(table), .OFFSET = eg_uint(at),
           .TABLE_MODULE = eg_text("kernel"), .MEMBER = eg_text(member),
           .FUNCTION = eg_uint(function), .SYMBOL = eg_text(code.symbol),
           .MODULE = eg_text(code.module), .HINTS = eg_text(hint));
}

static void look(struct optables *o, const struct optable *t, bool all)
{
    struct look l = { .o = o, .t = t, .all = all };
    struct seen s = { 0 };
    const char *hint;

    linux_whose_code(o->codes, t->addr, &l.who);
    l.name = l.who ? eg_name_of(o->r, t->addr) : NULL;
    functions(&l, &s);
    hint = place_hint(&l, &s);
    if (!hint && !t->hint)
        hint = copy_hint(&l, &s);
    if (!hint && !t->hint)
        hint = changed_hint(&l, &s);
    if (t->hint)
        show(&l, NULL, 0, NULL, t->hint);
    if (hint)
        show(&l, NULL, 0, NULL, hint);
}

static int run(struct eg_run *r)
{
    struct optables o = { .r = r,
                          .codes = linux_codes(r),
                          .seen = eg_run_map(r),
                          .types = eg_run_map(r),
                          .pairs = eg_run_map(r),
                          .shown = eg_run_map(r),
                          .originals = eg_run_map(r) };
    const bool all = eg_arg_flag(r, "all");

    optables_files(&o);
    optables_single(&o);
    optables_sysfs(&o);
    optables_network(&o);
    optables_devices(&o);
    optables_lists(&o);
    for (size_t i = 0; i < o.n && !eg_stopped(r); i++) { // it grows
        const struct optable t = o.at[i];

        if (!t.object)
            follow(&o, (struct optables_type *)(uintptr_t)t.type, t.addr, t.user);
    }
    take_originals(&o);
    for (size_t i = 0; i < o.n && !eg_stopped(r); i++)
        look(&o, &o.at[i], all);
    optables_constants(&o, show_constant);
    if (o.full)
        eg_note(r, "only the first %d tables are looked at", TABLES_MAX);
    if (o.unread)
        eg_note(r, "%" PRIu64 " tables or objects cannot be read", o.unread);
    return 0;
}

EG_PLUGIN(optables) = {
    .os = "linux",
    .help = "Find tables of functions that lead to code that is not theirs",
    .manual =
        "A table is a struct of pointers to functions, as file_operations; which members are "
        "pointers to functions is read from the kernel's types, so that new ones are looked at "
        "too. Tables are reached from all inodes, names, locks, open files and file systems, "
        "entries of /proc, sysfs, debugfs and cgroups, mappings of processes, sockets and their "
        "protocols, interfaces, terminals and line disciplines, character and block devices, and "
        "from what registers itself: file systems, binary formats, protocols, commands of netlink, "
        "types of packets, keys, ciphers, clocks, consoles, input handlers, what CPUs do when they "
        "come. "
        "Objects with functions of their own (a socket's sk_data_ready) are looked at as tables "
        "are. A row says what is odd: code of nobody, constants of the kernel that lead into a "
        "module, two modules that have nothing to do with each other, a table that was copied into "
        "allocated memory or into a module's, a file whose table is another module's, or is that "
        "of "
        "few where all others of its file system have one table. All constants of the kernel are "
        "searched for pointers into modules, also in tables that nothing leads "
        "to. --all shows every pointer, with "
        "whose code each is.\n"
        "What it cannot see: a function that leads away from its own beginning (kernelcode, "
        "ftrace); tables that only objects lead to which memory holds no longer or no list has; "
        "pointers of a module's own structs that the kernel knows only as void *; a pointer to "
        "another function of the same owner; names of a kernel that has no symbols of its data: a "
        "note says which lists are not known. The pointers of a module that is on the list "
        "and of the kernel's tree are taken for its own where nothing else contradicts.",
    .aliases = EG_NAMES("check_fop", "linux.check_afinfo.Check_afinfo",
                        "linux.malware.check_afinfo.Check_afinfo"),
    .looks_for = EG_NAMES("hooks of terminals and keyboards", "hooks in tables of functions"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(all, FLAG, "every pointer, also those of which nothing is odd")),
    .needs = EG_NEEDS(module.list),
    .run = run,
};
