/* dwarf_attr.c - attributes of entries (DWARF 5, 7.5.4 to 7.5.6). */
#include "dwarf_attr.h"
#include <inttypes.h>
#include <stdio.h>

bool eg_dwarf_say(struct eg_dwarf_worker *w, const char *why)
{
    if (!w->failed)
        snprintf(w->text, sizeof w->text, "%s", why);
    w->failed = true;
    return false;
}

bool eg_dwarf_fail(struct eg_dwarf_worker *w, Dwarf_Error error)
{
    eg_dwarf_say(w, error ? dwarf_errmsg(error) : "libdwarf cannot open it");
    if (error)
        dwarf_dealloc_error(w->unit.window ? w->unit.window->dbg : NULL, error);
    return false;
}

bool eg_dwarf_ok(struct eg_dwarf_worker *w, int result)
{
    if (result == DW_DLV_ERROR)
        return eg_dwarf_fail(w, w->error);
    return result == DW_DLV_OK;
}

bool eg_dwarf_attribute(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which,
                        Dwarf_Attribute *out, Dwarf_Half *form)
{
    if (w->failed || !eg_dwarf_ok(w, dwarf_attr(die, which, out, &w->error)))
        return false;
    if (eg_dwarf_ok(w, dwarf_whatform(*out, form, &w->error)))
        return true;
    dwarf_dealloc_attribute(*out);
    return false;
}

bool eg_dwarf_constant(struct eg_dwarf_worker *w, Dwarf_Attribute a, Dwarf_Half form, uint64_t *out)
{
    Dwarf_Unsigned value;
    Dwarf_Signed is_signed;

    switch (form) {
    case DW_FORM_sdata:
    case DW_FORM_implicit_const:
        if (!eg_dwarf_ok(w, dwarf_formsdata(a, &is_signed, &w->error)))
            return false;
        *out = (uint64_t)is_signed;
        return true;
    case DW_FORM_data1:
    case DW_FORM_data2:
    case DW_FORM_data4:
    case DW_FORM_data8:
    case DW_FORM_udata:
        if (!eg_dwarf_ok(w, dwarf_formudata(a, &value, &w->error)))
            return false;
        *out = value;
        return true;
    default:
        return false;
    }
}

bool eg_dwarf_number(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which, uint64_t *out)
{
    Dwarf_Attribute a;
    Dwarf_Half form;
    bool good;

    if (!eg_dwarf_attribute(w, die, which, &a, &form))
        return false;
    good = eg_dwarf_constant(w, a, form, out);
    dwarf_dealloc_attribute(a);
    return good;
}

bool eg_dwarf_expression(struct eg_dwarf_worker *w, Dwarf_Attribute a, Dwarf_Half form,
                         const uint8_t **p, uint64_t *len)
{
    Dwarf_Block *block;
    Dwarf_Unsigned n;
    Dwarf_Ptr at;

    switch (form) {
    case DW_FORM_exprloc:
        if (!eg_dwarf_ok(w, dwarf_formexprloc(a, &n, &at, &w->error)))
            return false;
        *p = at;
        *len = n;
        return true;
    case DW_FORM_block:
    case DW_FORM_block1:
    case DW_FORM_block2:
    case DW_FORM_block4:
        if (!eg_dwarf_ok(w, dwarf_formblock(a, &block, &w->error)))
            return false;
        *p = block->bl_data;
        *len = block->bl_len;
        dwarf_dealloc(w->unit.window->dbg, block, DW_DLA_BLOCK);
        return true;
    default:
        return false;
    }
}

// An offset in a section, as the unit's format has it: libdwarf does not give it, or refuses it
// since it has only a window of the section.
static bool section_offset(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Attribute a,
                           Dwarf_Half form, uint64_t *out)
{
    const struct eg_dwarf_part *of = eg_dwarf_part_of(w);
    Dwarf_Half version, size;
    Dwarf_Off at;
    const uint8_t *p;

    if (!eg_dwarf_ok(w, dwarf_get_version_of_die(die, &version, &size)) ||
        !eg_dwarf_ok(w, dwarf_attr_offset(die, a, &at, &w->error)))
        return false;
    if (form == DW_FORM_ref_addr && version == 2)
        size = of->ptr_size;
    else if (form == DW_FORM_ref_sup4 || form == DW_FORM_ref_sup8)
        size = form == DW_FORM_ref_sup4 ? 4 : 8;
    at += w->unit.window->start - of->place;
    if (!eg_within(at, size, of->at[EG_DW_INFO].len))
        return false;
    p = of->at[EG_DW_INFO].p + at;
    *out = size == 8 ? (of->big_endian ? eg_be64(p) : eg_le64(p))
                     : (of->big_endian ? eg_be32(p) : eg_le32(p));
    return true;
}

// The place in a part; 0: outside of it.
static uint64_t place_in(const struct eg_dwarf_part *of, uint64_t at)
{
    return at < of->at[EG_DW_INFO].len ? of->place + at : 0;
}

static uint64_t type_unit(struct eg_dwarf_worker *w, Dwarf_Attribute a)
{
    const struct eg_dwarf_part *of = eg_dwarf_part_of(w);
    const uint8_t *p;
    Dwarf_Sig8 signature;
    uint64_t place = 0;
    char why[64];

    if (!eg_dwarf_ok(w, dwarf_formsig8(a, &signature, &w->error)))
        return 0;
    p = (const uint8_t *)signature.signature;
    if (!eg_map_get(&w->shared->signatures, of->big_endian ? eg_be64(p) : eg_le64(p), &place)) {
        snprintf(why, sizeof why, "there is no type unit with the signature %016" PRIx64,
                 of->big_endian ? eg_be64(p) : eg_le64(p));
        eg_dwarf_say(w, why);
    }
    return place;
}

uint64_t eg_dwarf_reference(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which)
{
    Dwarf_Attribute a;
    Dwarf_Half form;
    Dwarf_Off at;
    uint64_t place = 0;

    if (!eg_dwarf_attribute(w, die, which, &a, &form))
        return 0;
    switch (form) {
    case DW_FORM_ref1:
    case DW_FORM_ref2:
    case DW_FORM_ref4:
    case DW_FORM_ref8:
    case DW_FORM_ref_udata:
        if (eg_dwarf_ok(w, dwarf_global_formref(a, &at, &w->error)))
            place = at + w->unit.window->start;
        break;
    case DW_FORM_ref_addr:
        place = section_offset(w, die, a, form, &place) ? place_in(eg_dwarf_part_of(w), place) : 0;
        break;
    case DW_FORM_ref_sig8:
        place = type_unit(w, a);
        break;
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_ref_sup4:
    case DW_FORM_ref_sup8:
        if (!eg_dwarf_part_of(w)->alt)
            eg_dwarf_say(w, "a type is in another file, which is not named");
        else
            place = section_offset(w, die, a, form, &place)
                        ? place_in(eg_dwarf_part_of(w)->alt, place)
                        : 0;
        break;
    default:
        eg_dwarf_say(w, "a reference of a form that is not known");
    }
    dwarf_dealloc_attribute(a);
    return place;
}

// A name in the other file of dwz.
static const char *alt_text(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Attribute a,
                            Dwarf_Half form)
{
    const struct eg_dwarf_part *alt = eg_dwarf_part_of(w)->alt;
    uint64_t at, len = alt ? alt->at[EG_DW_STR].len : 0;

    if (!section_offset(w, die, a, form, &at) || at >= len ||
        !memchr(alt->at[EG_DW_STR].p + at, 0, len - at)) {
        eg_dwarf_say(w, "a name is not in the other file");
        return NULL;
    }
    return (const char *)alt->at[EG_DW_STR].p + at;
}

const char *eg_dwarf_text(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which)
{
    const char *text = NULL;
    Dwarf_Attribute a;
    Dwarf_Half form;
    char *at;

    if (!eg_dwarf_attribute(w, die, which, &a, &form))
        return NULL;
    if (form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup)
        text = alt_text(w, die, a, form);
    else if (eg_dwarf_ok(w, dwarf_formstring(a, &at, &w->error)))
        text = at;
    dwarf_dealloc_attribute(a);
    return text && *text ? text : NULL;
}

bool eg_dwarf_has(struct eg_dwarf_worker *w, Dwarf_Die die, Dwarf_Half which)
{
    Dwarf_Bool is = false;

    return !w->failed && eg_dwarf_ok(w, dwarf_hasattr(die, which, &is, &w->error)) && is;
}
