/* sysmap.c - System.map. */
#include "sysmap.h"
#include "../core/reader.h"
#include <stdlib.h>

struct line {
    uint64_t addr;
    const char *name;
    size_t name_len;
    unsigned digits;
    char letter;
    bool of_module;
};

/** @return the bytes of the line and its end; 0: not such a line. */
static size_t parse(const char *p, size_t len, struct line *l)
{
    const char *end = memchr(p, '\n', len);
    const size_t n = end ? (size_t)(end - p) : len;
    size_t at = 0;

    *l = (struct line){ 0 };
    for (; at < n && at < 17; at++) {
        const char c = p[at];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            break;
        l->addr = l->addr << 4 | (uint64_t)digit;
    }
    l->digits = (unsigned)at;
    if ((at != 8 && at != 16) || n < at + 4 || p[at] != ' ' || p[at + 2] != ' ')
        return 0;
    l->letter = p[at + 1];
    if (!(((l->letter | 32) >= 'a' && (l->letter | 32) <= 'z') || l->letter == '?'))
        return 0;
    l->name = p + at + 3;
    while (at + 3 + l->name_len < n && (unsigned char)l->name[l->name_len] > ' ')
        l->name_len++;
    l->of_module = at + 3 + l->name_len < n && l->name[l->name_len] == '\t';
    return l->name_len ? n + (end != NULL) : 0;
}

int eg_sysmap_read(struct eg_profile **out, const char *text, size_t len, const char *source,
                   struct eg_error *e)
{
    struct eg_model model = { 8, 8, false };
    struct eg_builder *b;
    bool link_time = true, any = false;
    size_t n = 0;
    struct line l;

    if (parse(text, len, &l) && l.digits == 8)
        model.ptr_size = model.long_size = 4;
    b = eg_builder_new(model, source);
    for (size_t at = 0; at < len; at += n) {
        n = parse(text + at, len - at, &l);
        if (!n || l.digits != 2u * model.ptr_size) {
            eg_builder_free(b);
            return eg_fail(e, EG_EFORMAT, "%s: no \"address letter name\" at byte %zu", source, at);
        }
        any = any || l.addr;
        link_time = link_time && !l.of_module;
        if (!l.of_module)
            eg_builder_symbol(b, eg_builder_name(b, l.name, l.name_len), l.addr, 0, l.letter);
    }
    if (!any) {
        eg_builder_free(b);
        return eg_fail(e, EG_EFORMAT,
                       "%s: every address is 0: a /proc/kallsyms has to be saved by root", source);
    }
    if (link_time)
        eg_builder_link_time(b);
    return eg_builder_finish(b, out, NULL, e);
}

static int probe(const uint8_t *head, size_t len, const char *path)
{
    struct line l;

    (void)path;
    return parse((const char *)head, len, &l) ? 70 : 0;
}

static int read_(struct eg_profile **out, const char *path, unsigned threads, struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *text = NULL;
    size_t len;
    int rc = eg_reader_slurp(&text, &len, path, 1 << 28, e);

    (void)threads;
    return rc < 0 ? rc : eg_sysmap_read(out, (const char *)text, len, path, e);
}

EG_READER(sysmap) = { .desc = "System.map", .also = "System.map", .probe = probe, .read = read_ };
