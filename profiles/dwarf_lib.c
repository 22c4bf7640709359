/* dwarf_lib.c - libdwarf's object access: sections that are in memory. */
#include "dwarf_lib.h"

const char *eg_dwarf_section_name(enum eg_dwarf_section s)
{
    static const char *const names[EG_DW_SECTIONS] = { ".debug_info",     ".debug_abbrev",
                                                       ".debug_str",      ".debug_str_offsets",
                                                       ".debug_line_str", ".debug_addr" };

    return names[s];
}

// Section 0 is none, as in ELF.
static uint64_t section(const struct eg_dwarf_window *w, uint64_t i, const uint8_t **p)
{
    if (!i) {
        *p = NULL;
        return 0;
    }
    if (--i == EG_DW_INFO) {
        *p = w->part->at[i].p + (w->start - w->part->place);
        return w->end - w->start;
    }
    *p = w->part->at[i].p;
    return w->part->at[i].len;
}

static const char *section_name(const struct eg_dwarf_window *w, uint64_t i)
{
    if (!i)
        return "";
    return --i == EG_DW_INFO && w->part->types ? ".debug_types" : eg_dwarf_section_name(i);
}

static Dwarf_Small pointer_size(void *obj)
{
    return ((struct eg_dwarf_window *)obj)->part->ptr_size;
}

static Dwarf_Unsigned section_count(void *obj)
{
    (void)obj;
    return EG_DW_SECTIONS + 1;
}

#ifdef HAVE_LIBDWARF_0

typedef Dwarf_Unsigned section_index;

static Dwarf_Small byte_order(void *obj)
{
    return ((struct eg_dwarf_window *)obj)->part->big_endian ? DW_END_big : DW_END_little;
}

static int section_info(void *obj, section_index i, Dwarf_Obj_Access_Section_a *out, int *error)
{
    const uint8_t *p;

    (void)error;
    if (i > EG_DW_SECTIONS)
        return DW_DLV_NO_ENTRY;
    *out = (Dwarf_Obj_Access_Section_a){ .as_name = section_name(obj, i),
                                         .as_size = section(obj, i, &p) };
    return DW_DLV_OK;
}

static Dwarf_Unsigned file_size(void *obj)
{
    const struct eg_dwarf_window *w = obj;
    uint64_t sum = 0;

    for (size_t i = 0; i < EG_DW_SECTIONS; i++)
        sum += w->part->at[i].len;
    return sum;
}

#else

typedef Dwarf_Half section_index;

static Dwarf_Endianness byte_order(void *obj)
{
    return ((struct eg_dwarf_window *)obj)->part->big_endian ? DW_OBJECT_MSB : DW_OBJECT_LSB;
}

static int section_info(void *obj, section_index i, Dwarf_Obj_Access_Section *out, int *error)
{
    const uint8_t *p;

    (void)error;
    if (i > EG_DW_SECTIONS)
        return DW_DLV_NO_ENTRY;
    *out = (Dwarf_Obj_Access_Section){ .name = section_name(obj, i), .size = section(obj, i, &p) };
    return DW_DLV_OK;
}

#endif

static int load_section(void *obj, section_index i, Dwarf_Small **out, int *error)
{
    const uint8_t *p;

    (void)error;
    if (i > EG_DW_SECTIONS || !section(obj, i, &p))
        return DW_DLV_NO_ENTRY;
    *out = (Dwarf_Small *)p;
    return DW_DLV_OK;
}

void eg_dwarf_lib_init(void)
{
    dwarf_set_de_alloc_flag(0);
}

bool eg_dwarf_window_open(struct eg_dwarf_window *w, const struct eg_dwarf_part *part,
                          uint64_t start, uint64_t end, Dwarf_Error *error)
{
#ifdef HAVE_LIBDWARF_0
    static const Dwarf_Obj_Access_Methods_a methods = {
        .om_get_section_info = section_info,
        .om_get_byte_order = byte_order,
        .om_get_length_size = pointer_size,
        .om_get_pointer_size = pointer_size,
        .om_get_filesize = file_size,
        .om_get_section_count = section_count,
        .om_load_section = load_section,
    };

    *w = (struct eg_dwarf_window){ .part = part, .start = start, .end = end };
    w->object.ai_object = w;
    w->object.ai_methods = &methods;
#else
    static const Dwarf_Obj_Access_Methods methods = {
        .get_section_info = section_info,
        .get_byte_order = byte_order,
        .get_length_size = pointer_size,
        .get_pointer_size = pointer_size,
        .get_section_count = section_count,
        .load_section = load_section,
    };

    *w = (struct eg_dwarf_window){ .part = part, .start = start, .end = end };
    w->object.object = w;
    w->object.methods = &methods;
#endif
    if (dwarf_object_init_b(&w->object, NULL, NULL, DW_GROUPNUMBER_BASE, &w->dbg, error) ==
        DW_DLV_OK)
        return true;
    w->dbg = NULL;
    return false;
}

void eg_dwarf_window_close(struct eg_dwarf_window *w)
{
    if (!w->dbg)
        return;
#ifdef HAVE_LIBDWARF_0
    dwarf_object_finish(w->dbg);
#else
    dwarf_object_finish(w->dbg, &(Dwarf_Error){ NULL });
#endif
    w->dbg = NULL;
}
