/** dwarf_lib.h - opens libdwarf on bytes that are mapped once, and hides the differences between
 * its two interfaces: that of 2021 in Debian 12, and that of 0.x and later (HAVE_LIBDWARF_0).
 *
 *  To find a unit, a handle of libdwarf reads and keeps the abbreviations of all units before it.
 * So each handle gets only a window, some consecutive units. Offsets outside of dwarf_lib.c are
 * always from the start offsets in .debug_info. */
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

/** Shared by all handles; read-only. */
struct eg_dwarf_bytes {
    struct {
        const uint8_t *p;
        uint64_t len;
    } at[EG_DW_SECTIONS];
    uint8_t ptr_size;
    bool big_endian;
};

/** One handle. It must not be moved while it is open. */
struct eg_dwarf_window {
    Dwarf_Debug dbg; /**< NULL: closed */
    const struct eg_dwarf_bytes *bytes;
    uint64_t start, end; /**< of .debug_info */
#ifdef HAVE_LIBDWARF_0
    Dwarf_Obj_Access_Interface_a object;
#else
    Dwarf_Obj_Access_Interface object;
#endif
};

/** Call it before any thread opens a handle. Makes libdwarf leave the freeing of single objects to
 * us. */
void eg_dwarf_lib_init(void);
/** @return false: libdwarf failed, with *@error. */
bool eg_dwarf_window_open(struct eg_dwarf_window *w, const struct eg_dwarf_bytes *bytes,
                          uint64_t start, uint64_t end, Dwarf_Error *error);
void eg_dwarf_window_close(struct eg_dwarf_window *w);

#endif
