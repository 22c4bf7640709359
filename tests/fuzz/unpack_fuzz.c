/* unpack_fuzz.c - any bytes as a page of zram: the first says which compressor, and how long the
 * page is. */
#include "../../plugins/linux/mm/unpack.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "lzo", "842", "lzo-rle", "zstd", "lz4", "deflate" };
    const size_t n = sizeof names / sizeof *names;
    const size_t len = size ? (data[0] / n % 2 ? 65536 : 4096) - data[0] / 128 : 0;
    uint8_t *out;

    if (!size)
        return 0;
    out = malloc(len + 1);
    if (!out)
        return 0;
    out[len] = 0xa5;
    linux_unpack(names[data[0] % n], NULL, data + 1, size - 1, out, len);
    if (out[len] != 0xa5)
        abort();
    free(out);
    return 0;
}
