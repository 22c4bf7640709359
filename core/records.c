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

const void *eg_record_nth(const struct eg_records *r, size_t i)
{
    const void *record, *other;

    // They are few: the i-th is the one that i others come before.
    for (size_t x = 0; (record = eg_record_any(r, x)); x++) {
        size_t before = 0;

        for (size_t y = 0; (other = eg_record_any(r, y)); y++)
            before += strcmp(eg_record_name(other), eg_record_name(record)) < 0;
        if (before == i)
            return record;
    }
    return NULL;
}

const void *eg_record_find(const struct eg_records *r, const char *name)
{
    const void *record;

    for (size_t i = 0; (record = eg_record_any(r, i)); i++)
        if (!strcmp(eg_record_name(record), name))
            return record;
    return NULL;
}
