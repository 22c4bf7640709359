/** kallsyms_tables.h - what the decoder and the search for the tables share. */
#ifndef EG_KALLSYMS_TABLES_H
#define EG_KALLSYMS_TABLES_H

#include "kallsyms.h"

/** No kernel has more symbols, or longer names (KSYM_NAME_LEN is 512 since 6.1). */
enum { EG_KS_SYMBOLS_MAX = 1 << 20, EG_KS_NAME_MAX = 1024 };

/** Length of the compressed name at @p, where two bytes are readable. *@head: bytes of the length,
 * 1 or, since 6.1, 2 for long names; before no length had the top bit set. */
static inline uint32_t eg_kallsyms_length(const uint8_t *p, uint32_t *head)
{
    *head = 1 + (p[0] >> 7);
    return p[0] & 0x80 ? (p[0] & 0x7fu) | (uint32_t)p[1] << 7 : p[0];
}

/** The addresses of @k->count symbols. */
struct eg_kallsyms_addresses {
    enum eg_kallsyms_form form;
    bool big_endian;
    uint8_t ptr_size;
    uint64_t base; /**< the value of relative_base, or the address of offsets[0] */
    uint8_t *raw;
};

/** Read the addresses and detect their form if @k->form is 0: symbols are sorted by address, so
 * only with the right form do all addresses rise. The caller frees raw after success. */
int eg_kallsyms_addresses(struct eg_kallsyms_addresses *out, struct eg_view *v,
                          const struct eg_kallsyms *k, struct eg_error *e);

/** Address of symbol @i (kernel/kallsyms.c: kallsyms_sym_address). */
static inline uint64_t eg_kallsyms_address(const struct eg_kallsyms_addresses *a, uint32_t i)
{
    const uint8_t *p = a->raw + (size_t)i * (a->form == EG_KS_ABSOLUTE ? a->ptr_size : 4);
    const uint32_t raw = a->big_endian ? eg_be32(p) : eg_le32(p);
    const int64_t off = (int32_t)raw;
    uint64_t addr;

    switch (a->form) {
    case EG_KS_ABSOLUTE:
        if (a->ptr_size == 8)
            return a->big_endian ? eg_be64(p) : eg_le64(p);
        return raw;
    case EG_KS_BASE_RELATIVE:
        addr = a->base + raw;
        break;
    case EG_KS_ABS_PERCPU:
        addr = off >= 0 ? (uint64_t)off : a->base - 1 - (uint64_t)off;
        break;
    default:
        addr = a->base + 4 * (uint64_t)i + (uint64_t)off;
    }
    return a->ptr_size == 4 ? (uint32_t)addr : addr;
}

#endif
