/* format.c - the dump formats of this build and of modules, and which of them a file is. */
#include "image.h"
#include "records.h"

static struct eg_records formats = { __start_eg_formats, __stop_eg_formats };

struct eg_records *eg_format_records(void)
{
    return &formats;
}

const struct eg_format_reg *eg_format_nth(size_t i)
{
    return eg_record_nth(&formats, i);
}

int eg_format_probe(const struct eg_format_reg **out, int *score, struct eg_view *v,
                    struct eg_space *file, const char *name, bool on_disk, struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *head = malloc(EG_HEAD_MAX);
    const struct eg_format_reg *f = NULL, *best = NULL, *equal = NULL;
    const uint64_t size = eg_space_size(file);
    int best_score = 0;

    if (!head)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", name);
    while ((f = eg_record_next(&formats, f))) {
        struct eg_head h = { .at = head, .size = size, .path = on_disk ? name : NULL };
        int s;

        h.len = EG_MIN(f->format->head, (size_t)EG_HEAD_MAX);
        h.len = size ? EG_MIN(h.len, size) : h.len;
        eg_read_some(v, file, 0, head, h.len, NULL);
        s = EG_MIN(f->format->probe(&h), EG_SURE);
        if (s > best_score) {
            best = f;
            best_score = s;
            equal = NULL;
        } else if (s == best_score) {
            equal = f;
        }
    }
    if (!best)
        return eg_fail(e, EG_EFORMAT, "%s: no format fits: name one with --format", name);
    if (equal)
        return eg_fail(e, EG_EFORMAT, "%s: could be %s or %s: name one with --format", name,
                       best->name, equal->name);
    *out = best;
    *score = best_score;
    return 0;
}

const struct eg_format_reg *eg_format_damaged(struct eg_view *v, struct eg_space *file)
{
    const struct eg_format_reg *f = NULL;

    if (!(eg_space_size(file) % EG_VIEW_PAGE) && eg_bytes(v, file, 0, 1))
        return NULL;
    while ((f = eg_record_next(&formats, f)))
        if (f->format->damaged && f->format->damaged(v, file))
            return f;
    return NULL;
}
