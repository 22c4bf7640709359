/* crc32c.c - CRC-32C for make_packed.py: Python has none, and in Python it takes half a minute. */
#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const uint8_t *p, size_t n);

uint32_t crc32c(const uint8_t *p, size_t n)
{
    static uint32_t table[256];
    uint32_t c = 0xffffffff;

    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (int bit = 0; bit < 8; bit++)
                table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0x82f63b78 : 0);
        }
    for (; n; n--)
        c = c >> 8 ^ table[(c ^ *p++) & 0xff];
    return ~c;
}
