/* constants.c - names of bits and values. */
#include "run.h"
#include <inttypes.h>

const char *eg_constant_name(const struct eg_constant *list, uint64_t value)
{
    while (list->name && list->value != value)
        list++;
    return list->name;
}

const char *eg_bits_text(struct eg_run *r, const struct eg_constant *list, uint64_t bits,
                         const char *gap)
{
    const char *text = "";

    for (; list->name; list++)
        if (list->value && (bits & list->value) == list->value) {
            text = *text ? eg_strf(r, "%s%s%s", text, gap, list->name) : list->name;
            bits &= ~list->value;
        }
    return bits ? eg_strf(r, "%s%s%#" PRIx64, text, *text ? gap : "", bits) : text;
}
