/** reader.h - readers of files with types or symbols: how they are declared, and how the one for a
 * file is found. */
#ifndef EG_READER_H
#define EG_READER_H

#include "profile.h"

/** A reader of files with types or symbols: ELF with DWARF, .egp, ISF, System.map, raw BTF. */
struct eg_reader {
    const char *desc;
    int (*probe)(const uint8_t *head, size_t len, const char *path); /**< 0..100 */
    int (*read)(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e);
};
struct eg_reader_reg {
    const char *name, *file;
    const struct eg_reader *reader;
};
#define EG_READER(n)                                                                               \
    static const struct eg_reader eg_reader_##n;                                                   \
    static const struct eg_reader_reg eg_rreg_##n = { #n, __FILE__, &eg_reader_##n };              \
    EG_ENTRY(eg_readers, eg_reader_reg, rd_##n) = &eg_rreg_##n;                                    \
    static const struct eg_reader eg_reader_##n
const struct eg_reader_reg *eg_reader_nth(size_t i); /**< sorted by name; NULL past the end */
struct eg_records;
struct eg_records *eg_reader_records(void); /**< for the registry: modules' are added here */
int eg_profile_read(struct eg_profile **out, const char *path, unsigned threads,
                    struct eg_error *e);

/** The reader with the best score for a file. @return NULL: none, or two with the same score. */
const struct eg_reader_reg *eg_reader_find(const char *path, struct eg_error *e);

/** Read a whole file of at most @max bytes. The caller frees *@out, which has a NUL after the last
 * byte. */
int eg_reader_slurp(uint8_t **out, size_t *len, const char *path, uint64_t max, struct eg_error *e);

#endif
