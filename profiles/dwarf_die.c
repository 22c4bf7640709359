/* dwarf_die.c - entries of .debug_info that are types and variables. */
#include "dwarf_die.h"
#include "dwarf_attr.h"

enum { NESTED_MAX = 64 };

bool eg_dwarf_child(struct eg_dwarf_worker *w, Dwarf_Die of, Dwarf_Die *die)
{
    return !w->failed && eg_dwarf_ok(w, dwarf_child(of, die, &w->error));
}

bool eg_dwarf_next(struct eg_dwarf_worker *w, Dwarf_Die *die)
{
    Dwarf_Die next = NULL;

    if (!w->failed && !w->budget--)
        eg_dwarf_say(w, "its entries refer to each other in a cycle");
    if (!w->failed &&
        !eg_dwarf_ok(w, dwarf_siblingof_b(w->unit.window->dbg, *die,
                                          eg_dwarf_is_info(w->unit.window), &next, &w->error)))
        next = NULL;
    dwarf_dealloc_die(*die);
    *die = next;
    return next;
}

static const char *name_of(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    char *name;

    if (eg_dwarf_part_of(w)->alt)
        return eg_dwarf_text(w, die, DW_AT_name);
    return !w->failed && eg_dwarf_ok(w, dwarf_diename(die, &name, &w->error)) && *name ? name
                                                                                       : NULL;
}

/* ---- what types hold ---- */

// Bytes from the start of the struct: a number, or (to DWARF 3) DW_OP_plus_uconst and a number.
static uint64_t location(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    uint64_t value = 0, len;
    Dwarf_Attribute a;
    Dwarf_Half form;
    const uint8_t *p;

    if (!eg_dwarf_attribute(w, die, DW_AT_data_member_location, &a, &form))
        return 0;
    if (!eg_dwarf_constant(w, a, form, &value) && !w->failed) {
        if (!eg_dwarf_expression(w, a, form, &p, &len) || len < 2 || *p != DW_OP_plus_uconst) {
            eg_dwarf_say(w, "the offset of a member has to be computed, which is not supported");
            len = 0;
        }
        for (uint64_t i = 1; i < len && i < 10; i++) {
            value |= (uint64_t)(p[i] & 127) << 7 * (i - 1);
            if (p[i] < 128)
                break;
        }
    }
    dwarf_dealloc_attribute(a);
    return value;
}

static struct eg_raw_member *push_member(struct eg_dwarf_worker *w)
{
    struct eg_raw_member *m = w->failed ? NULL : eg_vec_push(&w->raw.members);

    if (!m)
        eg_dwarf_say(w, "out of memory");
    return m;
}

// Behind every struct: such a member is left out and counted when the profile is finished.
static const uint64_t NO_PLACE = UINT64_MAX;

// The size of a type, through typedefs and the like. @return false: it does not say.
static bool size_of(struct eg_dwarf_worker *w, uint64_t place, uint64_t *size)
{
    const struct eg_dwarf_unit own = w->unit;
    bool found = false;
    Dwarf_Die die;

    for (int i = 0; i < NESTED_MAX && place && !found && eg_dwarf_visit(w, place, &die); i++) {
        found = eg_dwarf_number(w, die, DW_AT_byte_size, size);
        place = found ? 0 : eg_dwarf_reference(w, die, DW_AT_type);
        dwarf_dealloc_die(die);
        w->unit = own;
    }
    return found;
}

static void member(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    uint64_t bits = 0, at, storage = 0;
    struct eg_raw_member m = { .name = name_of(w, die),
                               .ref = eg_dwarf_reference(w, die, DW_AT_type) },
                         *to;

    eg_dwarf_number(w, die, DW_AT_bit_size, &bits);
    if (bits && eg_dwarf_number(w, die, DW_AT_data_bit_offset, &at)) {
        m.bit_off = at;
    } else {
        m.bit_off = 8 * location(w, die);
        // To DWARF 3: from the highest bit of a unit of storage, which is as large as the type
        // unless it has a size itself (DWARF 3, 5.5.6).
        if (bits && eg_dwarf_number(w, die, DW_AT_bit_offset, &at)) {
            if (eg_dwarf_number(w, die, DW_AT_byte_size, &storage) ||
                eg_dwarf_part_of(w)->big_endian || size_of(w, m.ref, &storage))
                m.bit_off += eg_dwarf_part_of(w)->big_endian ? at : 8 * storage - at - bits;
            else
                m.bit_off = NO_PLACE;
        }
    }
    m.bit_size = (uint32_t)bits;
    to = push_member(w);
    if (to)
        *to = m;
}

// Members, enumerators or parameters. @return whether types stand between them.
static bool contents(struct eg_dwarf_worker *w, Dwarf_Die of, size_t i)
{
    const size_t first = w->raw.members.n;
    struct eg_raw_member *to;
    bool types = false, negative = false;
    uint64_t encoding = DW_ATE_signed; // of an enum; gcc says it
    Dwarf_Die die;

    for (bool more = eg_dwarf_child(w, of, &die); more; more = eg_dwarf_next(w, &die)) {
        uint64_t value = 0;
        Dwarf_Half tag = 0;

        eg_dwarf_ok(w, dwarf_tag(die, &tag, &w->error));
        switch (tag) {
        case DW_TAG_member:
            member(w, die);
            break;
        case DW_TAG_enumerator:
            eg_dwarf_number(w, die, DW_AT_const_value, &value);
            negative = negative || (int64_t)value < 0;
            to = push_member(w);
            if (to)
                *to = (struct eg_raw_member){ .name = name_of(w, die), .bit_off = value };
            break;
        case DW_TAG_formal_parameter:
        case DW_TAG_unspecified_parameters: // void, as in BTF
            to = push_member(w);
            if (to)
                *to = (struct eg_raw_member){ .ref = eg_dwarf_reference(w, die, DW_AT_type) };
            break;
        default:
            types = true;
        }
    }
    w->raw.types.at[i].first = (uint32_t)first;
    w->raw.types.at[i].count = (uint32_t)(w->raw.members.n - first);
    if (negative)
        eg_dwarf_number(w, of, DW_AT_encoding, &encoding);
    if (negative && encoding == DW_ATE_signed) // and not 64 bits of which the highest is set
        w->raw.types.at[i].flags |= EG_TF_SIGNED;
    return types;
}

static uint32_t length(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    uint64_t n;

    if (eg_dwarf_number(w, die, DW_AT_count, &n))
        return n < UINT32_MAX ? (uint32_t)n : 0;
    // int a[] has no bound, or -1 in any number of bytes.
    return eg_dwarf_number(w, die, DW_AT_upper_bound, &n) && n < UINT32_MAX ? (uint32_t)n + 1 : 0;
}

// int a[2][3] is one entry: two arrays, the inner one at the next byte, where no entry begins.
static void dimensions(struct eg_dwarf_worker *w, Dwarf_Die of, size_t i)
{
    const uint64_t element = w->raw.types.at[i].ref;
    unsigned n = 0;
    Dwarf_Die die;

    for (bool more = eg_dwarf_child(w, of, &die); more; more = eg_dwarf_next(w, &die)) {
        struct eg_raw_type *to = &w->raw.types.at[i];

        if (n++) {
            if (!(to = eg_vec_push(&w->raw.types))) {
                eg_dwarf_say(w, "out of memory");
                continue;
            }
            to[-1].ref = to[-1].at + 1;
            *to = (struct eg_raw_type){ .at = to[-1].at + 1, .kind = EG_T_ARRAY };
        }
        to->count = length(w, die);
        to->ref = element;
    }
}

static void base_type(struct eg_dwarf_worker *w, Dwarf_Die die, struct eg_raw_type *t)
{
    uint64_t encoding = 0;

    eg_dwarf_number(w, die, DW_AT_encoding, &encoding);
    switch (encoding) {
    case DW_ATE_boolean:
        t->flags = EG_TF_BOOL;
        break;
    case DW_ATE_signed:
    case DW_ATE_signed_char:
        t->flags = EG_TF_SIGNED;
        break;
    case DW_ATE_float:
    case DW_ATE_complex_float:
    case DW_ATE_imaginary_float:
    case DW_ATE_decimal_float:
        t->kind = EG_T_FLOAT;
    }
    if (t->name && !strcmp(t->name, "char")) // text; "signed char" and "unsigned char" are numbers
        t->flags |= EG_TF_CHAR;
}

/* ---- variables ---- */

// Whether it has an address of its own: neither a declaration, a constant, nor of a thread.
static bool has_address(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    const uint8_t *p;
    uint64_t len;
    Dwarf_Attribute a;
    Dwarf_Half form;
    bool is;

    if (!eg_dwarf_attribute(w, die, DW_AT_location, &a, &form))
        return false;
    is = eg_dwarf_expression(w, a, form, &p, &len) && len > 1 &&
         ((*p == DW_OP_addr && len == 1 + (uint64_t)eg_dwarf_part_of(w)->ptr_size) ||
          *p == DW_OP_addrx || *p == DW_OP_GNU_addr_index);
    dwarf_dealloc_attribute(a);
    return is;
}

// A definition after a declaration refers to that, and has a type only if it says more about it:
// int a[] and int a[3].
static void variable(struct eg_dwarf_worker *w, Dwarf_Die die, uint64_t at)
{
    struct eg_raw_type t = { .at = at, .kind = EG_T_VAR }, *to;
    const struct eg_dwarf_unit own = w->unit;
    uint64_t place;
    Dwarf_Die declaration;

    if (!has_address(w, die))
        return;
    t.name = name_of(w, die);
    t.ref = eg_dwarf_reference(w, die, DW_AT_type);
    place = t.name ? 0 : eg_dwarf_reference(w, die, DW_AT_specification);
    if (place && eg_dwarf_visit(w, place, &declaration)) {
        t.name = name_of(w, declaration);
        t.ref = t.ref ? t.ref : eg_dwarf_reference(w, declaration, DW_AT_type);
        dwarf_dealloc_die(declaration);
    }
    w->unit = own;
    if (!t.name || !t.ref || w->failed)
        return;
    to = eg_vec_push(&w->raw.types);
    if (to)
        *to = t;
    else
        eg_dwarf_say(w, "out of memory");
}

/* ---- types ---- */

static uint8_t kind_of(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_base_type:
        return EG_T_INT;
    case DW_TAG_pointer_type:
        return EG_T_PTR;
    case DW_TAG_structure_type:
        return EG_T_STRUCT;
    case DW_TAG_union_type:
        return EG_T_UNION;
    case DW_TAG_enumeration_type:
        return EG_T_ENUM;
    case DW_TAG_typedef:
        return EG_T_TYPEDEF;
    case DW_TAG_array_type:
        return EG_T_ARRAY;
    case DW_TAG_subroutine_type:
        return EG_T_FUNC;
    default:
        return EG_T_VOID;
    }
}

static bool is_qualifier(Dwarf_Half tag)
{
    return tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
           tag == DW_TAG_atomic_type;
}

static bool is_tag(uint8_t kind)
{
    return kind == EG_T_STRUCT || kind == EG_T_UNION || kind == EG_T_ENUM;
}

// dwz and LTO: the types of that unit are this unit's too.
static void import(struct eg_dwarf_worker *w, Dwarf_Die die)
{
    const uint64_t place = eg_dwarf_reference(w, die, DW_AT_import);
    const struct eg_dwarf *d = w->shared;
    uint64_t *to;

    // Units that are not of the dwz file are read in any case.
    if (!place || !d->units.at[eg_dwarf_unit_at(d, place)].part->by_need)
        return;
    pthread_mutex_lock(&w->shared->lock);
    to = eg_vec_push(&w->shared->imports);
    if (to)
        *to = place;
    pthread_mutex_unlock(&w->shared->lock);
    if (!to)
        eg_dwarf_say(w, "out of memory");
}

// Types inside a function's body: of its blocks too, but not again of copies that were inlined.
static void body(struct eg_dwarf_worker *w, Dwarf_Die of, int nested)
{
    Dwarf_Die die;

    if (nested == NESTED_MAX || eg_dwarf_has(w, of, DW_AT_abstract_origin))
        return;
    for (bool more = eg_dwarf_child(w, of, &die); more; more = eg_dwarf_next(w, &die)) {
        Dwarf_Half tag = 0;

        eg_dwarf_ok(w, dwarf_tag(die, &tag, &w->error));
        if (tag == DW_TAG_lexical_block)
            body(w, die, nested + 1);
        else if (is_tag(kind_of(tag)) || tag == DW_TAG_typedef)
            eg_dwarf_parse(w, die, nested + 1);
    }
}

void eg_dwarf_parse(struct eg_dwarf_worker *w, Dwarf_Die die, int nested)
{
    struct eg_raw_type t = { 0 }, *to;
    Dwarf_Half tag = 0;
    Dwarf_Off at;
    size_t i;
    Dwarf_Die inner;

    if (w->failed || !eg_dwarf_ok(w, dwarf_tag(die, &tag, &w->error)))
        return;
    t.kind = kind_of(tag);
    if (tag == DW_TAG_imported_unit)
        import(w, die);
    if (tag == DW_TAG_subprogram)
        body(w, die, nested);
    if ((!t.kind && !is_qualifier(tag) && tag != DW_TAG_variable) ||
        !eg_dwarf_ok(w, dwarf_dieoffset(die, &at, &w->error)))
        return;
    t.at = at + w->unit.window->start;
    if (tag == DW_TAG_variable) {
        variable(w, die, t.at);
        return;
    }
    if (!is_qualifier(tag) && t.kind != EG_T_PTR && t.kind != EG_T_ARRAY && t.kind != EG_T_FUNC)
        t.name = name_of(w, die);
    if (t.kind == EG_T_INT)
        base_type(w, die, &t);
    if (is_tag(t.kind)) {
        t.tag = t.kind;
        t.ref = eg_dwarf_reference(w, die, DW_AT_signature);
        if (t.ref) { // it stands for the type there
            t.kind = EG_T_VOID;
            t.tag = 0;
            t.name = NULL;
        } else if (eg_dwarf_has(w, die, DW_AT_declaration)) {
            t.flags = t.kind == EG_T_UNION ? EG_TF_UNION : 0;
            t.kind = EG_T_FWD;
        }
    } else if (t.kind != EG_T_INT && t.kind != EG_T_FLOAT) {
        t.ref = eg_dwarf_reference(w, die, DW_AT_type);
    }
    t.size = t.kind == EG_T_PTR ? eg_dwarf_part_of(w)->ptr_size
                                : 0; // few say so themselves, with another size
    if (t.kind == EG_T_PTR || t.kind == EG_T_INT || t.kind == EG_T_FLOAT || is_tag(t.kind))
        eg_dwarf_number(w, die, DW_AT_byte_size, &t.size);
    if (w->failed)
        return;
    to = eg_vec_push(&w->raw.types);
    if (!to) {
        eg_dwarf_say(w, "out of memory");
        return;
    }
    *to = t;
    i = w->raw.types.n - 1;
    if (t.kind == EG_T_ARRAY)
        dimensions(w, die, i);
    if ((!is_tag(t.kind) && t.kind != EG_T_FUNC) || !contents(w, die, i))
        return;
    if (nested == NESTED_MAX) {
        eg_dwarf_say(w, "its structs are nested too deeply");
        return;
    }
    for (bool more = eg_dwarf_child(w, die, &inner); more; more = eg_dwarf_next(w, &inner))
        eg_dwarf_parse(w, inner, nested + 1);
}
