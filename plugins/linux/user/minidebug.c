/* minidebug.c - an ELF file in xz in a section of an ELF file. */
#include "minidebug.h"
#include "../../../core/run.h"
#include "config.h"

#ifdef HAVE_XZ
#include <lzma.h>

enum {
    PACKED_MOST = 8 << 20,
    UNPACKED_MOST = 64 << 20,
    DECODER_MOST = 64 << 20, // bytes that the decoder may use
};

static void close_space(void *space)
{
    eg_space_close(space);
}

/* The unpacked bytes, in the run's memory; NULL: not valid. */
static uint8_t *unpack(struct eg_run *r, const uint8_t *packed, size_t len, size_t *size)
{
    for (size_t room = 8 * len; room <= UNPACKED_MOST; room *= 4) {
        uint8_t *out = eg_tmp(r, room);
        uint64_t memory = DECODER_MOST;
        size_t in = 0;
        lzma_ret rc;

        *size = 0;
        rc = lzma_stream_buffer_decode(&memory, 0, NULL, packed, &in, len, out, size, room);
        if (rc == LZMA_OK)
            return out;
        if (rc != LZMA_BUF_ERROR || *size < room)
            break;
    }
    return NULL;
}

size_t linux_minidebug_symbols(struct eg_run *r, const struct linux_elf *file,
                               struct linux_elf_symbol **out)
{
    uint64_t offset, len, vaddr;
    struct linux_elf inner;
    struct eg_space *space;
    uint8_t *packed, *bytes;
    size_t size;

    if (!linux_elf_section(r, file, ".gnu_debugdata", &offset, &len, &vaddr) || !len ||
        len > PACKED_MOST)
        return 0;
    packed = eg_tmp(r, len);
    if (!eg_read(eg_view_of(r), file->space, offset, packed, len))
        return 0;
    bytes = unpack(r, packed, len, &size);
    if (!bytes || !size || eg_memory_open(&space, bytes, size, NULL) < 0)
        return 0;
    eg_run_defer(r, close_space, space);
    return linux_elf_open(r, space, 0, true, &inner) ? linux_elf_symbols(r, &inner, false, out) : 0;
}

#else

size_t linux_minidebug_symbols(struct eg_run *r, const struct linux_elf *file,
                               struct linux_elf_symbol **out)
{
    (void)r, (void)file, (void)out;
    return 0;
}

#endif
