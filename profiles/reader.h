/** reader.h - what readers of profile files share. */
#ifndef EG_READER_H
#define EG_READER_H

#include "../core/base.h"

/** A file's bytes, at most @max of them. The caller frees; a NUL follows the last byte. */
int eg_reader_slurp(uint8_t **out, size_t *len, const char *path, uint64_t max, struct eg_error *e);

#endif
