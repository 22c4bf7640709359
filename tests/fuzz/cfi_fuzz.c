/* cfi_fuzz.c - any bytes as the memory of a program with call frame information, found through its
 * header and without one, applied to registers, and its expressions computed.
 *
 * The first byte says what kind of program; 3 bytes where the header is; 4 bytes the code that is
 * asked about. */
#include "../../core/run.h"
#include "../../plugins/linux/user/cfi.h"
#include <stdlib.h>

enum { HEAD = 8, PLACES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct eg_view *v, struct linux_cfi *t, uint64_t pc)
{
    struct linux_cfi_registers in = { .known = UINT64_MAX >> (64 - LINUX_CFI_REGISTERS) }, out;
    struct linux_cfi_row row;
    uint64_t cfa;

    for (unsigned i = 0; i < LINUX_CFI_REGISTERS; i++)
        in.value[i] = i * 16;
    if (linux_cfi_find(v, t, pc, &row))
        return;
    if (pc < row.first || pc >= row.end || row.ra >= LINUX_CFI_REGISTERS ||
        row.cfa.reg >= LINUX_CFI_REGISTERS)
        abort();
    if (!linux_cfi_apply(v, t, &row, &in, &out, &cfa) && out.known >> LINUX_CFI_REGISTERS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_view v; // larger than a stack should hold
    struct linux_cfi_place places[PLACES];
    struct linux_cfi t = { 0 };
    struct eg_space *space;
    uint64_t value = 64;

    if (size <= HEAD || eg_memory_open(&space, data + HEAD, size - HEAD, NULL) < 0)
        return 0;
    eg_view_init(&v, NULL);
    t.space = space;
    t.last = size - HEAD - 1;
    t.word = data[0] & 1 ? 4 : 8;
    t.big_endian = data[0] & 2;
    t.is_aarch64 = data[0] & 4;
    t.header = data[1] | data[2] << 8 | data[3] << 16;
    t.header_len = size;
    if (t.header) {
        ask(&v, &t, eg_le32(data + 4));
    } else {
        t.n_index = linux_cfi_index(&v, &t, 0, t.last, places, PLACES);
        t.n_index = EG_MIN(t.n_index, (size_t)PLACES);
        t.index = places;
        for (size_t i = 0; i < t.n_index; i++)
            ask(&v, &t, t.first + places[i].end - 1);
    }
    linux_cfi_evaluate(&v, &t, 0, (uint32_t)(size - HEAD),
                       &(struct linux_cfi_registers){ { 0 }, 3 }, &value, &value);
    eg_view_fini(&v);
    eg_space_close(space);
    return 0;
}
