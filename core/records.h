/** records.h - all declarations of one kind (EG_FORMAT, EG_READER, …): those of this program, which
 * the linker collects in a section, and those that modules add.
 *
 *  A record is a struct that begins with its name and the file that declares it, both strings.
 * There are a few dozen of a kind at most. */
#ifndef EG_RECORDS_H
#define EG_RECORDS_H

#include "vec.h"

/** The highest score of a probe, more counts as this; and that of raw memory: nothing else fits. */
enum { EG_SURE = 100, EG_GUESS = 1 };

struct eg_records {
    const void *from, *end; /**< the section: an array of pointers to records; NULL, NULL: none */
    EG_VEC(const void *) added;
};

/** The @i-th record by name; NULL past the end. */
const void *eg_record_nth(const struct eg_records *r, size_t i);
/** The one behind @last by name, the first for NULL; NULL: none. For loops that run often. */
const void *eg_record_next(const struct eg_records *r, const void *last);
/** The record named @name; NULL: none. */
const void *eg_record_find(const struct eg_records *r, const char *name);

size_t eg_record_count(const struct eg_records *r);
const void *eg_record_any(const struct eg_records *r, size_t i); /**< the @i-th, in no order */
/** The @i-th record of an array of pointers to records. */
const void *eg_record_at(const void *array, size_t i);

const char *eg_record_name(const void *record);
const char *eg_record_file(const void *record);

#endif
