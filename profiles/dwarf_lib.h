/** dwarf_lib.h - libdwarf over bytes that are mapped once, and the calls of which the library has
 * two kinds: Debian 12's of 2021, and today's (0.x and later: HAVE_LIBDWARF_0).
 *
 *  To find a unit, a handle reads the abbreviations of all units before it, and keeps them. So each
 * handle gets a window: some units that stand together. Places are counted from the start of
 * .debug_info everywhere outside. */
#ifndef EG_DWARF_LIB_H
#define EG_DWARF_LIB_H

#include "../core/base.h"
#include "config.h"

// Where upstream's .pc file leads to; Debian has the folder in none.
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

/** What all handles share; read-only. */
struct eg_dwarf_bytes {
    struct {
        const uint8_t *p;
        uint64_t len;
    } at[EG_DW_SECTIONS];
    uint8_t ptr_size;
    bool big_endian;
};

/** One handle. It does not move while it is open. */
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

/** Before any thread has a handle: what libdwarf gives out is then ours to give back, each by
 * itself. */
void eg_dwarf_lib_init(void);
/** @return false: libdwarf failed, and *@error says why. */
bool eg_dwarf_window_open(struct eg_dwarf_window *w, const struct eg_dwarf_bytes *bytes,
                          uint64_t start, uint64_t end, Dwarf_Error *error);
void eg_dwarf_window_close(struct eg_dwarf_window *w);

#endif
