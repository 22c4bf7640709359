/* records.c - the declarations of one kind, of this program and of modules, by name. */
#include "records.h"

// Records of all kinds begin like this one, but it is not their type: hence memcpy.
struct common {
    const char *name, *file;
};

const void *eg_record_at(const void *array, size_t i)
{
    const void *record;

    memcpy(&record, (const char *)array + i * sizeof record, sizeof record);
    return record;
}

const char *eg_record_name(const void *record)
{
    struct common c;

    memcpy(&c, record, sizeof c);
    return c.name;
}

const char *eg_record_file(const void *record)
{
    struct common c;

    memcpy(&c, record, sizeof c);
    return c.file;
}

/** How many are in the section. */
static size_t built_in(const struct eg_records *r)
{
    return (size_t)((const char *)r->end - (const char *)r->from) / sizeof(void *);
}

size_t eg_record_count(const struct eg_records *r)
{
    return built_in(r) + r->added.n;
}

const void *eg_record_any(const struct eg_records *r, size_t i)
{
    const size_t n = built_in(r);

    if (i < n)
        return eg_record_at(r->from, i);
    return i - n < r->added.n ? r->added.at[i - n] : NULL;
}

const void *eg_record_next(const struct eg_records *r, const void *last)
{
    const void *record, *next = NULL;

    for (size_t i = 0; (record = eg_record_any(r, i)); i++) {
        if (last && strcmp(eg_record_name(record), eg_record_name(last)) <= 0)
            continue;
        if (!next || strcmp(eg_record_name(record), eg_record_name(next)) < 0)
            next = record;
    }
    return next;
}

const void *eg_record_nth(const struct eg_records *r, size_t i)
{
    const void *record = eg_record_next(r, NULL);

    while (record && i--)
        record = eg_record_next(r, record);
    return record;
}

const void *eg_record_find(const struct eg_records *r, const char *name)
{
    const void *record;

    for (size_t i = 0; (record = eg_record_any(r, i)); i++)
        if (!strcmp(eg_record_name(record), name))
            return record;
    return NULL;
}
