/* source.c - machines that are not a file: which of them a path names. */
#include "image.h"
#include "records.h"
#include <unistd.h>

extern const struct eg_source_reg *const __start_eg_sources[]
    __attribute__((__weak__, __visibility__("hidden")));
extern const struct eg_source_reg *const __stop_eg_sources[]
    __attribute__((__weak__, __visibility__("hidden")));

const struct eg_source_reg *eg_source_nth(size_t i)
{
    const struct eg_records sources = { __start_eg_sources, __stop_eg_sources };

    return eg_record_nth(&sources, i);
}

const struct eg_source_reg *eg_source_find(const char *path, const char **where)
{
    const size_t len = strcspn(path, ":");
    const bool is_file = access(path, F_OK) == 0;
    const struct eg_source_reg *s;

    for (size_t i = 0; (s = eg_source_nth(i)); i++) {
        if (is_file && s->source->is && s->source->is(path)) {
            *where = path;
            return s;
        }
        if (!is_file && path[len] && strlen(s->name) == len && !memcmp(s->name, path, len)) {
            *where = path + len + 1;
            return s;
        }
    }
    return NULL;
}
