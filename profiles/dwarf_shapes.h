/** dwarf_shapes.h - the shapes of entries that dwarf_write.c writes: the table of abbreviations. */
#ifndef EG_DWARF_SHAPES_H
#define EG_DWARF_SHAPES_H

#include "dwarf_put.h"

/** Their numbers; what each has, in its order, is in dwarf_shapes.c. ORDER shapes */
enum shape {
    UNIT = 1,
    UNIT_CODE,
    BASE,
    POINTER,
    POINTER_VOID,
    STRUCT,
    STRUCT_ANON,
    UNION,
    UNION_ANON,
    ENUM,
    ENUM_ANON,
    ENUMERATOR,
    ENUMERATOR_SIGNED,
    TYPEDEF,
    TYPEDEF_VOID,
    ARRAY,
    RANGE,
    RANGE_OPEN,
    CONST,
    CONST_VOID,
    VOLATILE,
    VOLATILE_VOID,
    RESTRICT,
    RESTRICT_VOID,
    STRUCT_FWD,
    UNION_FWD,
    ENUM_FWD,
    SUBROUTINE,
    SUBROUTINE_VOID,
    PARAMETER,
    PARAMETER_NAMED,
    UNSPECIFIED,
    MEMBER,
    MEMBER_ANON,
    BITS,
    BITS_ANON,
    FUNCTION,
    FUNCTION_VOID,
    VARIABLE,
    SHAPES
};

/** The table, for .debug_abbrev. @leave: references may leave their unit. */
void eg_dwarf_put_shapes(struct eg_dwarf_section *s, bool leave);

#endif
