/* show.c - struct definitions in the style of pahole. */
#include "show.h"
#include "table.h"
#include <inttypes.h>

enum { DEEPEST = 24, LINES_MAX = 100000, WIDTH = 48, TEXT = 4096 };

struct show {
    FILE *f;
    const struct eg_types *ts;
    const struct eg_model *m;
    bool nested;
    size_t lines;
    uint64_t holes, hole_bits; // of the outermost struct
};

static const char *tag_of(uint8_t kind)
{
    return kind == EG_T_STRUCT ? "struct" : kind == EG_T_UNION ? "union" : "enum";
}

// Print the part of a declaration before " {" or ";"; its width is needed to align comments.
static int put(struct show *s, int depth, const char *text)
{
    char safe[TEXT];

    s->lines++;
    eg_escape(safe, sizeof safe, text, strlen(text));
    return fprintf(s->f, "%*s%s", 4 * depth, "", safe);
}

static void pad(struct show *s, int width)
{
    fprintf(s->f, "%*s", EG_MAX(WIDTH - width, 1), "");
}

static void hole(struct show *s, int depth, uint64_t bits)
{
    s->holes += depth == 1;
    s->hole_bits += depth == 1 ? bits : 0;
    if (bits / 8)
        fprintf(s->f, "\n%*s/* %" PRIu64 " bytes hole */\n", 4 * depth, "", bits / 8);
    if (bits % 8)
        fprintf(s->f, "\n%*s/* %" PRIu64 " bits hole */\n", 4 * depth, "", bits % 8);
}

static void enumerators(struct show *s, uint32_t id, int depth)
{
    const struct eg_profile *p;
    const struct eg_type *t = eg_type(s->ts, id, &p);

    for (uint32_t i = 0; p && i < t->count && s->lines < LINES_MAX; i++) {
        const struct eg_enumerator *e = &p->enumerators[t->first + i];

        put(s, depth, p->strings + e->name);
        fprintf(s->f, t->flags & EG_TF_SIGNED ? " = %" PRId64 ",\n" : " = %" PRIu64 ",\n",
                e->value);
    }
}

static void members(struct show *s, uint32_t id, uint64_t base, int depth);

// The struct of a member is printed inline if it is anonymous, or if all are.
static bool inside(const struct show *s, uint32_t type, int depth)
{
    const uint8_t kind = eg_type(s->ts, type, NULL)->kind;

    return (kind == EG_T_STRUCT || kind == EG_T_UNION) && depth < DEEPEST &&
           (s->nested || !*eg_type_name(s->ts, type));
}

static void member(struct show *s, const struct eg_member_at *m, uint64_t base, int depth)
{
    uint32_t element = m->type, of;
    char text[TEXT], rest[TEXT];
    size_t len;
    int width;

    while (eg_type(s->ts, element, NULL)->kind == EG_T_ARRAY)
        element = eg_type_ref(s->ts, element);
    of = s->nested ? eg_type_strip(s->ts, element) : element;
    if (inside(s, of, depth)) {
        snprintf(text, sizeof text, "%s %s%s{", tag_of(eg_type(s->ts, of, NULL)->kind),
                 eg_type_name(s->ts, of), *eg_type_name(s->ts, of) ? " " : "");
        put(s, depth, text);
        fputs("\n", s->f);
        members(s, of, base + m->bit_off, depth + 1);
        // The rest of the declaration: the name and its dimensions.
        len = eg_type_declare(s->ts, element, "", text, sizeof text);
        eg_type_declare(s->ts, m->type, m->name, rest, sizeof rest);
        snprintf(text, sizeof text, "}%s;", len < strlen(rest) ? rest + len : "");
    } else {
        eg_type_declare(s->ts, m->type, m->name, text, sizeof text - 16);
        len = strlen(text);
        if (m->bit_size)
            len += (size_t)snprintf(text + len, sizeof text - len, " : %" PRIu32, m->bit_size);
        snprintf(text + len, sizeof text - len, ";");
    }
    width = put(s, depth, text);
    pad(s, width);
    if (m->bit_size)
        fprintf(s->f, "/* %6" PRIu64 ":%2" PRIu64 " %4" PRIu64 " */\n", (base + m->bit_off) / 8,
                (base + m->bit_off) % 8, eg_type_size(s->ts, m->type, s->m));
    else
        fprintf(s->f, "/* %6" PRIu64 " %7" PRIu64 " */\n", (base + m->bit_off) / 8,
                eg_type_size(s->ts, m->type, s->m));
}

static void members(struct show *s, uint32_t id, uint64_t base, int depth)
{
    const struct eg_type *t = eg_type(s->ts, id, NULL);
    uint64_t end = 0;
    struct eg_member_at m;

    for (uint32_t i = 0; eg_type_member(s->ts, id, i, &m); i++) {
        const uint64_t bits = m.bit_size ? m.bit_size : 8 * eg_type_size(s->ts, m.type, s->m);

        if (s->lines >= LINES_MAX)
            return;
        if (t->kind == EG_T_STRUCT && m.bit_off > end)
            hole(s, depth, m.bit_off - end);
        member(s, &m, base, depth);
        end = EG_MAX(end, m.bit_off + bits);
    }
    if (8 * t->size > end && t->count)
        fprintf(s->f, "\n%*s/* %" PRIu64 " bytes padding */\n", 4 * depth, "", t->size - end / 8);
}

static bool is_tag(uint8_t kind)
{
    return kind == EG_T_STRUCT || kind == EG_T_UNION || kind == EG_T_ENUM;
}

void eg_show_type(FILE *f, const struct eg_types *ts, const struct eg_model *m, uint32_t id,
                  bool nested)
{
    struct show s = { .f = f, .ts = ts, .m = m, .nested = nested };
    const uint32_t named = id, of = eg_type_strip(ts, id);
    const struct eg_type *t = eg_type(ts, of, NULL);
    const bool define = is_tag(t->kind) && (t->kind != EG_T_ENUM || t->count),
               own_name = *eg_type_name(ts, of);
    // "typedef struct {...} name;" is one definition; else the typedef is printed before its
    // target.
    const bool one = named != of && define && !own_name;
    char text[TEXT], inner[TEXT];

    if (named != of && !one) {
        eg_type_declare(ts, eg_type_ref(ts, named), eg_type_name(ts, named), inner, sizeof inner);
        snprintf(text, sizeof text, "typedef %.*s;", (int)sizeof text - 16, inner);
        put(&s, 0, text);
        fputs("\n", f);
    }
    if (!define) {
        eg_type_declare(ts, of, "", text, sizeof text);
        put(&s, 0, text);
        if (t->kind == EG_T_FWD)
            fputs("; /* members not known */\n", f);
        else if (t->kind == EG_T_ENUM)
            fputs("; /* values not known */\n", f);
        else
            fprintf(f, "; /* size: %" PRIu64 " */\n", eg_type_size(ts, of, m));
        return;
    }
    snprintf(text, sizeof text, "%s%s%s%s {", one ? "typedef " : "", tag_of(t->kind),
             own_name ? " " : "", eg_type_name(ts, of));
    put(&s, 0, text);
    fputs("\n", f);
    if (t->kind == EG_T_ENUM)
        enumerators(&s, of, 1);
    else
        members(&s, of, 0, 1);
    if (s.lines >= LINES_MAX)
        fputs("    /* and more: too long to be shown */\n", f);
    snprintf(text, sizeof text, "}%s%s;", one ? " " : "", one ? eg_type_name(ts, named) : "");
    put(&s, 0, text);
    fprintf(f, " /* size: %" PRIu64 ", %s: %" PRIu32, t->size,
            t->kind == EG_T_ENUM ? "values" : "members", t->count);
    if (s.holes)
        fprintf(f, ", holes: %" PRIu64 " (%" PRIu64 " bytes, %" PRIu64 " bits)", s.holes,
                s.hole_bits / 8, s.hole_bits % 8);
    fputs(" */\n", f);
}
