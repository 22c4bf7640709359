/* dwarf_shapes.c - tags, attributes and forms of entries (DWARF 5, section 7.5). */
#include "dwarf_shapes.h"

enum {
    TAG_ARRAY = 0x01,
    TAG_ENUM = 0x04,
    TAG_PARAMETER = 0x05,
    TAG_MEMBER = 0x0d,
    TAG_POINTER = 0x0f,
    TAG_UNIT = 0x11,
    TAG_STRUCT = 0x13,
    TAG_SUBROUTINE = 0x15,
    TAG_TYPEDEF = 0x16,
    TAG_UNION = 0x17,
    TAG_UNSPECIFIED = 0x18,
    TAG_SUBRANGE = 0x21,
    TAG_BASE = 0x24,
    TAG_CONST = 0x26,
    TAG_ENUMERATOR = 0x28,
    TAG_SUBPROGRAM = 0x2e,
    TAG_VARIABLE = 0x34,
    TAG_VOLATILE = 0x35,
    TAG_RESTRICT = 0x37,
};
enum {
    AT_LOCATION = 0x02,
    AT_NAME = 0x03,
    AT_BYTE_SIZE = 0x0b,
    AT_BIT_SIZE = 0x0d,
    AT_LOW_PC = 0x11,
    AT_HIGH_PC = 0x12,
    AT_LANGUAGE = 0x13,
    AT_CONST_VALUE = 0x1c,
    AT_PRODUCER = 0x25,
    AT_PROTOTYPED = 0x27,
    AT_COUNT = 0x37,
    AT_MEMBER_LOCATION = 0x38,
    AT_DECLARATION = 0x3c,
    AT_ENCODING = 0x3e,
    AT_EXTERNAL = 0x3f,
    AT_TYPE = 0x49,
    AT_BIT_OFFSET = 0x6b,
};
enum {
    ADDR = 0x01,
    DATA4 = 0x06,
    DATA8 = 0x07,
    DATA1 = 0x0b,
    FLAG = 0x0c,
    SDATA = 0x0d,
    STRP = 0x0e,
    UDATA = 0x0f,
    REF_ADDR = 0x10,
    REF4 = 0x13,
    EXPRLOC = 0x18,
    PRESENT = 0x19,
};

/* @REF: within a unit or to another one, as the unit needs. ORDER shapes */
enum { REF = 0xff, PAIRS = 7 };
static const struct {
    uint8_t tag, children;
    uint8_t attributes[2 * PAIRS]; // ended by 0
} shapes[SHAPES] = {
    [UNIT] = { TAG_UNIT, 1, { AT_PRODUCER, STRP, AT_LANGUAGE, DATA1, AT_NAME, STRP } },
    [UNIT_CODE] = { TAG_UNIT,
                    1,
                    { AT_PRODUCER, STRP, AT_LANGUAGE, DATA1, AT_NAME, STRP, AT_LOW_PC, ADDR,
                      AT_HIGH_PC, DATA8 } },
    [BASE] = { TAG_BASE, 0, { AT_NAME, STRP, AT_BYTE_SIZE, DATA1, AT_ENCODING, DATA1 } },
    [POINTER] = { TAG_POINTER, 0, { AT_BYTE_SIZE, DATA1, AT_TYPE, REF } },
    [POINTER_VOID] = { TAG_POINTER, 0, { AT_BYTE_SIZE, DATA1 } },
    [STRUCT] = { TAG_STRUCT, 1, { AT_BYTE_SIZE, UDATA, AT_NAME, STRP } },
    [STRUCT_ANON] = { TAG_STRUCT, 1, { AT_BYTE_SIZE, UDATA } },
    [UNION] = { TAG_UNION, 1, { AT_BYTE_SIZE, UDATA, AT_NAME, STRP } },
    [UNION_ANON] = { TAG_UNION, 1, { AT_BYTE_SIZE, UDATA } },
    [ENUM] = { TAG_ENUM, 1, { AT_BYTE_SIZE, DATA1, AT_ENCODING, DATA1, AT_NAME, STRP } },
    [ENUM_ANON] = { TAG_ENUM, 1, { AT_BYTE_SIZE, DATA1, AT_ENCODING, DATA1 } },
    [ENUMERATOR] = { TAG_ENUMERATOR, 0, { AT_NAME, STRP, AT_CONST_VALUE, UDATA } },
    [ENUMERATOR_SIGNED] = { TAG_ENUMERATOR, 0, { AT_NAME, STRP, AT_CONST_VALUE, SDATA } },
    [TYPEDEF] = { TAG_TYPEDEF, 0, { AT_NAME, STRP, AT_TYPE, REF } },
    [TYPEDEF_VOID] = { TAG_TYPEDEF, 0, { AT_NAME, STRP } },
    [ARRAY] = { TAG_ARRAY, 1, { AT_TYPE, REF } },
    [RANGE] = { TAG_SUBRANGE, 0, { AT_COUNT, UDATA } },
    [RANGE_OPEN] = { TAG_SUBRANGE, 0, { 0 } },
    [CONST] = { TAG_CONST, 0, { AT_TYPE, REF } },
    [CONST_VOID] = { TAG_CONST, 0, { 0 } },
    [VOLATILE] = { TAG_VOLATILE, 0, { AT_TYPE, REF } },
    [VOLATILE_VOID] = { TAG_VOLATILE, 0, { 0 } },
    [RESTRICT] = { TAG_RESTRICT, 0, { AT_TYPE, REF } },
    [RESTRICT_VOID] = { TAG_RESTRICT, 0, { 0 } },
    [STRUCT_FWD] = { TAG_STRUCT, 0, { AT_NAME, STRP, AT_DECLARATION, PRESENT } },
    [UNION_FWD] = { TAG_UNION, 0, { AT_NAME, STRP, AT_DECLARATION, PRESENT } },
    [ENUM_FWD] = { TAG_ENUM, 0, { AT_NAME, STRP, AT_DECLARATION, PRESENT } },
    [SUBROUTINE] = { TAG_SUBROUTINE, 1, { AT_PROTOTYPED, PRESENT, AT_TYPE, REF } },
    [SUBROUTINE_VOID] = { TAG_SUBROUTINE, 1, { AT_PROTOTYPED, PRESENT } },
    [PARAMETER] = { TAG_PARAMETER, 0, { AT_TYPE, REF } },
    [PARAMETER_NAMED] = { TAG_PARAMETER, 0, { AT_TYPE, REF, AT_NAME, STRP } },
    [UNSPECIFIED] = { TAG_UNSPECIFIED, 0, { 0 } },
    [MEMBER] = { TAG_MEMBER, 0, { AT_TYPE, REF, AT_MEMBER_LOCATION, UDATA, AT_NAME, STRP } },
    [MEMBER_ANON] = { TAG_MEMBER, 0, { AT_TYPE, REF, AT_MEMBER_LOCATION, UDATA } },
    [BITS] = { TAG_MEMBER,
               0,
               { AT_TYPE, REF, AT_BIT_SIZE, DATA1, AT_BIT_OFFSET, UDATA, AT_NAME, STRP } },
    [BITS_ANON] = { TAG_MEMBER, 0, { AT_TYPE, REF, AT_BIT_SIZE, DATA1, AT_BIT_OFFSET, UDATA } },
    [FUNCTION] = { TAG_SUBPROGRAM,
                   1,
                   { AT_NAME, STRP, AT_EXTERNAL, FLAG, AT_PROTOTYPED, PRESENT, AT_LOW_PC, ADDR,
                     AT_HIGH_PC, DATA4, AT_TYPE, REF } },
    [FUNCTION_VOID] = { TAG_SUBPROGRAM,
                        1,
                        { AT_NAME, STRP, AT_EXTERNAL, FLAG, AT_PROTOTYPED, PRESENT, AT_LOW_PC, ADDR,
                          AT_HIGH_PC, DATA4 } },
    [VARIABLE] = { TAG_VARIABLE,
                   0,
                   { AT_NAME, STRP, AT_EXTERNAL, FLAG, AT_TYPE, REF, AT_LOCATION, EXPRLOC } },
};

void eg_dwarf_put_shapes(struct eg_dwarf_section *s, bool leave)
{
    const uint8_t ref = leave ? REF_ADDR : REF4;

    for (unsigned code = 1; code < SHAPES; code++) {
        const uint8_t *a = shapes[code].attributes;

        eg_dwarf_put_u(s, code);
        eg_dwarf_put_u(s, shapes[code].tag);
        eg_dwarf_put(s, 1, shapes[code].children);
        for (unsigned i = 0; i < PAIRS && a[2 * i]; i++) {
            eg_dwarf_put_u(s, a[2 * i]);
            eg_dwarf_put_u(s, a[2 * i + 1] == REF ? ref : a[2 * i + 1]);
        }
        eg_dwarf_put(s, 2, 0);
    }
    eg_dwarf_put(s, 1, 0);
}
