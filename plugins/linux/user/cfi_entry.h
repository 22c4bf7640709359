/** user/cfi_entry.h - what the files of call frame information share: one entry of a table. */
#ifndef EG_LINUX_CFI_ENTRY_H
#define EG_LINUX_CFI_ENTRY_H

#include "cfi.h"

struct linux_cfi_common { // CIE
    struct linux_cfi_bytes code;
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding, ra; // of the addresses of its FDEs
    bool has_data, is_signal;
};
struct linux_cfi_entry { // FDE
    uint64_t first, end;
    struct linux_cfi_bytes code;
    struct linux_cfi_common common;
};

/** The entry of the code at @pc. @return NULL, or why there is none. */
const char *linux_cfi_entry_at(struct eg_view *v, struct linux_cfi *t, uint64_t pc,
                               struct linux_cfi_entry *e);
/** A pointer in a table, with one of DWARF's encodings. An indirect one is followed. */
uint64_t linux_cfi_pointer(struct linux_cfi_bytes *b, const struct linux_cfi *t, uint8_t encoding);

static inline uint64_t linux_cfi_narrow(const struct linux_cfi *t, uint64_t value)
{
    return t->word == 4 ? (uint32_t)value : value;
}

#endif
