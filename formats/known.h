/** known.h - files that are often mistaken for memory images, recognised by their first bytes, so
 * that they are refused by name and not read as raw memory. */
#ifndef EG_KNOWN_H
#define EG_KNOWN_H

#include <stddef.h>
#include <stdint.h>

enum { EG_KNOWN_HEAD = 0x10100 }; /**< bytes of a file that are examined */

struct eg_known {
    uint32_t at; /**< offset of @magic in the file */
    uint8_t len; /**< bytes of @magic */
    const char *magic;
    const char *what, *advice; /**< "a zip archive", "unpack it first" */
};

/** What a file of @size bytes is, by its first @len bytes; NULL: not known. */
const struct eg_known *eg_known(const uint8_t *head, size_t len, uint64_t size);

#endif
