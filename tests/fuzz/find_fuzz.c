/* find_fuzz.c - any changes to the memory of a synthetic machine: is a kernel found in it, within a
 * bounded amount of memory?
 *
 *  An input: a byte that says which traces are taken away, then changes: where (u32), how often and
 *  how far apart (u16 each), how many bytes (u8), the bytes. */
#include "mkkernel.h"
#include "registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { HEAD = 9, MORE_KIB = 128 << 10, WRITES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static long peak(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_maxrss;
}

static void change(struct mk_kernel *k, const uint8_t *data, size_t size)
{
    unsigned writes = 0;

    while (size > HEAD) {
        const uint32_t apart = eg_le16(data + 6);
        const size_t len = EG_MIN((size_t)data[8], size - HEAD);
        uint64_t at = eg_le32(data) % MK_RAM;

        for (uint32_t i = 0; i <= eg_le16(data + 4) && at + len <= MK_RAM && writes < WRITES_MAX;
             i++, at += EG_MAX(apart, 1u), writes++)
            memcpy(k->ram + at, data + HEAD, len);
        data += HEAD + len;
        size -= HEAD + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static long before; /* of the first input: the others need no more */
    const struct eg_find_options o = { .exhaustive = true, .threads = 1 };
    struct mk_kernel k;
    struct eg_system *sys;

    if (!before && eg_registry_init(NULL) < 0)
        abort();
    if (!size)
        return 0;
    mk_kernel_init(&k, data[0] & 16 ? 5 : 4);
    if (data[0] & 1)
        mk_kernel_no_trampoline(&k);
    if (data[0] & 2)
        mk_kernel_no_vmcoreinfo(&k);
    if (data[0] & 4)
        mk_kernel_no_btf(&k);
    if (data[0] & 8)
        mk_kernel_no_kallsyms(&k);
    change(&k, data + 1, size - 1);
    before = before ? before : peak() + 1;
    sys = mk_kernel_open(&k, MK_RAM, 0, &o);
#ifdef MEASURED
    if (peak() - before > MORE_KIB) {
        fprintf(stderr, "%ld KiB more\n", peak() - before);
        abort();
    }
#endif
    mk_kernel_close(sys);
    mk_kernel_fini(&k);
    return 0;
}
