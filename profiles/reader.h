/** reader.h - what readers of profile files share. */
#ifndef EG_READER_FIND_H
#define EG_READER_FIND_H

#include "../core/base.h"

struct eg_reader_reg;

/** The reader that a file's head fits best. @return NULL: none, or two. */
const struct eg_reader_reg *eg_reader_find(const char *path, struct eg_error *e);

/** A file's bytes, at most @max of them. The caller frees; a NUL follows the last byte. */
int eg_reader_slurp(uint8_t **out, size_t *len, const char *path, uint64_t max, struct eg_error *e);

#endif
