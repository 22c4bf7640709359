/* minidebug.c - an ELF file in xz in a section of an ELF file. */
#include "minidebug.h"
#include "../../../core/run.h"
#include "config.h"

#ifdef HAVE_XZ
#include <lzma.h>
#include <stdlib.h>

enum {
    PACKED_MOST = 8 << 20,
    UNPACKED_MOST = 64 << 20,
    DECODER_MOST = 64 << 20, // bytes that the decoder may use
};

/* What a file needs while its symbols are read. It is not in the run's memory: a process can map
 * many files that each unpack to a multiple of their size. */
struct room {
    uint8_t *packed, *unpacked;
    struct eg_space *space;
};

static void leave(void *arg)
{
    struct room *m = arg;

    eg_space_close(m->space);
    free(m->packed);
    free(m->unpacked);
    *m = (struct room){ 0 };
}

/* @return how many bytes were unpacked; 0: not valid. */
static size_t unpack(struct eg_run *r, struct room *m, size_t len)
{
    for (size_t room = 8 * len; room <= UNPACKED_MOST; room *= 4) {
        uint64_t memory = DECODER_MOST;
        size_t in = 0, size = 0;
        lzma_ret rc;

        free(m->unpacked);
        m->unpacked = malloc(room);
        if (!m->unpacked) {
            eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for symbols");
            return 0;
        }
        rc = lzma_stream_buffer_decode(&memory, 0, NULL, m->packed, &in, len, m->unpacked, &size,
                                       room);
        if (rc == LZMA_OK)
            return size;
        if (rc != LZMA_BUF_ERROR || size < room)
            break;
    }
    return 0;
}

size_t linux_minidebug_symbols(struct eg_run *r, const struct linux_elf *file,
                               struct linux_elf_symbol **out)
{
    struct room *m = eg_tmp(r, sizeof *m);
    uint64_t offset, len, vaddr;
    struct linux_elf inner;
    size_t size, n = 0;

    if (!linux_elf_section(r, file, ".gnu_debugdata", &offset, &len, &vaddr) || !len ||
        len > PACKED_MOST)
        return 0;
    eg_run_defer(r, leave, m);
    m->packed = malloc((size_t)len);
    if (!m->packed) {
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for symbols");
        return 0;
    }
    if (eg_read(eg_view_of(r), file->space, offset, m->packed, (size_t)len) &&
        (size = unpack(r, m, (size_t)len)) && !eg_memory_open(&m->space, m->unpacked, size, NULL)) {
        if (linux_elf_open(r, m->space, 0, true, &inner))
            n = linux_elf_symbols(r, &inner, false, out);
        eg_view_forget(eg_view_of(r), m->space);
    }
    leave(m);
    return n;
}

#else

size_t linux_minidebug_symbols(struct eg_run *r, const struct linux_elf *file,
                               struct linux_elf_symbol **out)
{
    (void)r, (void)file, (void)out;
    return 0;
}

#endif
