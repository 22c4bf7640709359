/** dwarf_lib.h - opens libdwarf on bytes that are mapped once, and hides the differences between
 * its two interfaces: that of 2021 in Debian 12, and that of 0.x and later (HAVE_LIBDWARF_0).
 *
 *  Types can be in several sections of several files: .debug_info and .debug_types, which an object
 * file has many of, of the file itself, of the file that dwz moved common types to, and of .dwo and
 * .dwp files. Each such section is a part. A place is the offset of an entry in all parts, one
 * behind the other; 0 is never a type.
 *
 *  To find a unit, a handle of libdwarf reads and keeps the abbreviations of all units before it.
 * So each handle gets only a window, some consecutive units of a part. */
#ifndef EG_DWARF_LIB_H
#define EG_DWARF_LIB_H

#include "../core/base.h"
#include "config.h"

// Upstream's .pc file has this folder in the include path, Debian's has not.
#if __has_include(<libdwarf.h>)
#include <dwarf.h>
#include <libdwarf.h>
#else
#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#endif

enum eg_dwarf_section {
    EG_DW_INFO,
    EG_DW_ABBREV,
    EG_DW_STR,
    EG_DW_STR_OFFSETS,
    EG_DW_LINE_STR,
    EG_DW_ADDR,
    EG_DW_SECTIONS
};
const char *eg_dwarf_section_name(enum eg_dwarf_section s);

/** Units, and the sections that they refer to. Read-only, shared by all handles. */
struct eg_dwarf_part {
    struct {
        const uint8_t *p;
        uint64_t len;
    } at[EG_DW_SECTIONS];            /**< EG_DW_INFO: .debug_info or .debug_types */
    uint64_t place;                  /**< of the first byte of EG_DW_INFO */
    const struct eg_dwarf_part *alt; /**< of the file that dwz made beside this one; NULL: none */
    const char *path;                /**< borrowed */
    uint8_t ptr_size;
    bool big_endian;
    bool types;   /**< EG_DW_INFO is .debug_types (DWARF 4) */
    bool split;   /**< of a .dwo or .dwp file */
    bool by_need; /**< only units that others import are read: dwz keeps those of other programs
                       there too */
};

/** One handle. It must not be moved while it is open. */
struct eg_dwarf_window {
    Dwarf_Debug dbg; /**< NULL: closed */
    const struct eg_dwarf_part *part;
    uint64_t start, end; /**< places */
#ifdef HAVE_LIBDWARF_0
    Dwarf_Obj_Access_Interface_a object;
#else
    Dwarf_Obj_Access_Interface object;
#endif
};

/** Call it before any thread opens a handle. Makes libdwarf leave the freeing of single objects to
 * us. */
void eg_dwarf_lib_init(void);
/** @start and @end are places in @part. @return false: libdwarf failed, with *@error. */
bool eg_dwarf_window_open(struct eg_dwarf_window *w, const struct eg_dwarf_part *part,
                          uint64_t start, uint64_t end, Dwarf_Error *error);
void eg_dwarf_window_close(struct eg_dwarf_window *w);
/** What libdwarf calls is_info: not .debug_types. */
static inline Dwarf_Bool eg_dwarf_is_info(const struct eg_dwarf_window *w)
{
    return !w->part->types;
}

#endif
