/** reader.h - readers of files with types or symbols: how one is declared, and how the one for a
 * file is found.
 *
 *  Each reader is one file with one declaration, in this tree or in a module. It pushes what the
 * file says to an eg_builder (profile.h), which checks it. */
#ifndef EG_READER_H
#define EG_READER_H

#include "profile.h"

struct eg_reader {
    const char *desc; /**< shown to the user: "System.map" */
    /** How sure it is, 0 (it is not) to 100, by the first @len bytes of the file, at most 4096. The
     * best score wins; two readers with the same best score are an error. */
    int (*probe)(const uint8_t *head, size_t len, const char *path);
    /** Read the file on at most @threads threads. The caller owns *@out, which eg_builder_finish
     * made. @return 0; or `return eg_fail(e, EG_EFORMAT, "…")`, with all freed. */
    int (*read)(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e);
    /** More names by which `engram help` finds it, with spaces between them; may be NULL. */
    const char *also;
};
struct eg_reader_reg {
    const char *name, *file;
    const struct eg_reader *reader;
};
/** `EG_READER(sysmap) = { .desc = "System.map", … };` registers a reader; nothing else is
 * needed. */
#define EG_READER(n)                                                                               \
    static const struct eg_reader eg_reader_##n;                                                   \
    static const struct eg_reader_reg eg_rreg_##n = { #n, __FILE__, &eg_reader_##n };              \
    EG_ENTRY(eg_readers, eg_reader_reg, rd_##n) = &eg_rreg_##n;                                    \
    static const struct eg_reader eg_reader_##n

/** Read a whole file of at most @max bytes. The caller frees *@out, which has a NUL after the last
 * byte. */
int eg_reader_slurp(uint8_t **out, size_t *len, const char *path, uint64_t max, struct eg_error *e);

/* ---- finding and calling them ---- */

const struct eg_reader_reg *eg_reader_nth(size_t i); /**< sorted by name; NULL past the end */
struct eg_records;
struct eg_records *eg_reader_records(void); /**< for the registry: modules' are added here */

/** The reader with the best score for a file. @return NULL: none, or two with the same score. */
const struct eg_reader_reg *eg_reader_find(const char *path, struct eg_error *e);
int eg_reader_read(const struct eg_reader_reg *r, struct eg_profile **out, const char *path,
                   unsigned threads, struct eg_error *e);
/** Both. */
int eg_profile_read(struct eg_profile **out, const char *path, unsigned threads,
                    struct eg_error *e);

#endif
