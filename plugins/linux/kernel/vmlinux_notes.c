/* vmlinux_notes.c - the kernel's own notes (ELF, "Note Section"), for its ELF file. */
#include "../../../core/run.h"
#include "vmlinux_parts.h"

enum { NOTES_MAX = 1 << 16, HEAD = 12 };

uint64_t linux_vmlinux_notes(struct eg_run *r, uint64_t at, uint64_t size)
{
    uint64_t whole = 0;
    uint8_t *notes;

    if (size > NOTES_MAX)
        return 0;
    notes = eg_tmp(r, size);
    if (!eg_read(eg_view_of(r), eg_kernel(r), at, notes, size))
        return 0;
    while (size - whole >= HEAD) {
        const uint64_t name = eg_le32(notes + whole), desc = eg_le32(notes + whole + 4),
                       end = whole + HEAD + eg_align_up(name, 4) + eg_align_up(desc, 4);

        if (!name || end > size) // what is missing was zeros
            break;
        whole = end;
    }
    return whole;
}
