/** mm/place.h - members of structs that are read without a run, on any thread, and that a kernel
 * may lack the types of: modules have types only since Linux 5.11. */
#ifndef EG_LINUX_PLACE_H
#define EG_LINUX_PLACE_H

#include "../../../core/base.h"
#include "../../../core/engram.h"
#include "../../../core/space.h"

/** A member: an integer or a pointer of up to 8 bytes, also a bit-field. @size 0: the kernel has it
 * not. */
struct linux_place {
    uint64_t off;
    uint8_t size, shift, bits;
};

/** A machine's kernel memory, for such reads. */
struct linux_reader {
    struct eg_space *kernel;
    bool big;
};

static inline struct linux_place linux_place_(struct eg_run *r, uint32_t id,
                                              struct linux_place usual)
{
    const struct eg_slot *s = eg_slot(r, id);

    return s->kind ? (struct linux_place){ s->off, (uint8_t)(s->size <= 8 ? s->size : 8), s->shift,
                                           s->bits }
                   : usual;
}
/** The place of a member in this kernel; @usual where its struct is not known. */
#define linux_place(r, field, ...)                                                                 \
    linux_place_((r), (eg_f_##field).id, (struct linux_place){ __VA_ARGS__ })

/** The member of the struct at @at. */
static inline bool linux_place_get(const struct linux_reader *m, struct eg_view *v, uint64_t at,
                                   struct linux_place p, uint64_t *out)
{
    const uint8_t *bytes;
    uint64_t addr;

    if (!p.size || !at || !eg_add(at, p.off, &addr) ||
        !(bytes = eg_bytes(v, m->kernel, addr, p.size)))
        return false;
    *out = eg_load_(bytes, p.size, m->big) >> p.shift;
    if (p.bits)
        *out &= (UINT64_C(1) << p.bits) - 1;
    return true;
}

static inline bool linux_word(const struct linux_reader *m, struct eg_view *v, uint64_t at,
                              uint64_t *out)
{
    return linux_place_get(m, v, at, (struct linux_place){ .size = 8 }, out);
}

/** Text at @at, at most @size - 1 bytes; false: it cannot be read, or has no end there. */
static inline bool linux_place_text(const struct linux_reader *m, struct eg_view *v, uint64_t at,
                                    char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!at || !eg_read(v, m->kernel, at + i, out + i, 1) || !out[i])
            return at && i && !out[i];
    return false;
}

#endif
