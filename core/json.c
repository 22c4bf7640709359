/* json.c - strings, cells and provenance as JSON. */
#include "json.h"
#include <inttypes.h>
#include <stdlib.h>

static bool is_utf8(const uint8_t *p, size_t len)
{
    uint32_t code;
    size_t n;

    for (; len; p += n, len -= n)
        if (!(n = eg_utf8(p, len, &code)))
            return false;
    return true;
}

static void unicode(FILE *f, uint32_t code)
{
    if (code < 0x10000)
        fprintf(f, "\\u%04" PRIx32, code);
    else
        fprintf(f, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd800 + ((code - 0x10000) >> 10),
                0xdc00 + (code & 0x3ff));
}

/** Text that is not UTF-8, as eg_escape() writes it. */
static void escaped(FILE *f, const uint8_t *p, size_t len)
{
    const size_t size = eg_escape(NULL, 0, p, len) + 1;
    eg_cleanup(eg_free_) char *text = malloc(size);

    if (text)
        eg_escape(text, size, p, len);
    for (const char *c = text ? text : "(out of memory)"; *c; c++)
        fprintf(f, *c == '\\' || *c == '"' ? "\\%c" : "%c", *c);
}

/** How many bytes at @p need no escape. */
static size_t plain(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && p[n] >= ' ' && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
        n++;
    return n;
}

bool eg_json_text(FILE *f, const void *text, size_t len)
{
    const uint8_t *p = text;
    const bool valid = is_utf8(p, len);

    putc('"', f);
    if (!valid)
        escaped(f, p, len);
    while (valid && len) {
        uint32_t code;
        size_t n = plain(p, len);

        if (n) {
            fwrite(p, 1, n, f);
        } else {
            n = eg_utf8(p, len, &code);
            if (code == '"' || code == '\\')
                fprintf(f, "\\%c", (char)code);
            else if (eg_is_printable(code))
                fwrite(p, 1, n, f);
            else
                unicode(f, code);
        }
        p += n;
        len -= n;
    }
    putc('"', f);
    return valid;
}

void eg_json_string(FILE *f, const char *s)
{
    if (s)
        eg_json_text(f, s, strlen(s));
    else
        fputs("null", f);
}

void eg_json_strings(FILE *f, const char *const *list)
{
    putc('[', f);
    for (size_t i = 0; list && list[i]; i++) {
        if (i)
            putc(',', f);
        eg_json_string(f, list[i]);
    }
    putc(']', f);
}

void eg_json_provenance(FILE *f, const struct eg_provenance *p)
{
    const struct {
        const char *name, *value;
    } members[] = {
        { "tool", p->tool },         { "image", p->image },     { "format", p->format },
        { "sha256", p->sha256 },     { "os", p->os },           { "kernel", p->kernel },
        { "found_by", p->found_by }, { "profile", p->profile }, { "build_id", p->build_id },
    };

    fputs("\"schema\":2", f);
    for (size_t i = 0; i < countof(members); i++) {
        fprintf(f, ",\"%s\":", members[i].name);
        eg_json_string(f, members[i].value);
    }
    fprintf(f, ",\"image_size\":%" PRIu64 ",\"notes\":", p->image_size);
    eg_json_strings(f, p->notes);
}

static void hex(FILE *f, const uint8_t *p, size_t len)
{
    putc('"', f);
    for (size_t i = 0; i < len; i++)
        fprintf(f, "%02x", p[i]);
    putc('"', f);
}

/** The same as "0x%x", ten times as fast. */
static void hex_number(FILE *f, uint64_t u)
{
    char text[20], *p = text + sizeof text;

    *--p = '"';
    do
        *--p = "0123456789abcdef"[u & 15];
    while (u >>= 4);
    *--p = 'x';
    *--p = '0';
    *--p = '"';
    fwrite(p, 1, (size_t)(text + sizeof text - p), f);
}

/** The same as "%d". */
static void decimal(FILE *f, uint64_t u, bool minus)
{
    char text[24], *p = text + sizeof text;

    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (minus)
        *--p = '-';
    fwrite(p, 1, (size_t)(text + sizeof text - p), f);
}

static void number(FILE *f, enum eg_column_kind kind, const struct eg_value *v)
{
    const int64_t exact = INT64_C(1) << 53; // the largest integers that a double holds exactly
    char time[40];

    switch (kind) {
    case EG_COL_ADDR:
    case EG_COL_FLAGS:
        hex_number(f, v->u);
        break;
    case EG_COL_TIME:
        putc('"', f);
        fputs(eg_time_text(NULL, v->i, time), f);
        putc('"', f);
        break;
    case EG_COL_DURATION:
        fputs(eg_duration_text(v->i, time), f);
        break;
    case EG_COL_BOOL:
        fputs(v->u ? "true" : "false", f);
        break;
    default:
        if (kind == EG_COL_INT && v->i <= exact &&
            (v->tag == EG_V_INT ? v->i >= -exact : v->i >= 0))
            decimal(f, v->i < 0 ? -v->u : v->u, v->i < 0);
        else if (v->tag == EG_V_INT)
            fprintf(f, "\"%" PRId64 "\"", v->i);
        else
            fprintf(f, "\"%" PRIu64 "\"", v->u);
    }
}

static void cell(FILE *f, const struct eg_column *c, const struct eg_value *v)
{
    char text[96];

    switch (v->tag) {
    case EG_V_NONE:
        fputs("null", f);
        break;
    case EG_V_BAD:
        fprintf(f, "null,\"%s_why\":\"%s\"", c->name, eg_bad_text(v, text));
        break;
    case EG_V_BYTES:
        hex(f, v->bytes.p, v->bytes.len);
        break;
    case EG_V_TEXT:
        if (c->kind == EG_COL_BYTES) {
            hex(f, v->bytes.p, v->bytes.len);
        } else if (!eg_json_text(f, v->bytes.p, v->bytes.len)) {
            fprintf(f, ",\"%s_raw\":", c->name);
            hex(f, v->bytes.p, v->bytes.len);
        }
        break;
    default:
        number(f, c->kind, v);
    }
}

void eg_json_cells(FILE *f, const struct eg_result_head *h, unsigned depth,
                   const struct eg_value *v)
{
    if (h->tree)
        fprintf(f, "\"depth\":%u%s", depth, h->n_columns ? "," : "");
    for (size_t i = 0; i < h->n_columns; i++) {
        fputs(i ? ",\"" : "\"", f);
        fputs(h->columns[i].name, f);
        fputs("\":", f);
        cell(f, &h->columns[i], &v[i]);
    }
}

void eg_json_selected(FILE *f, const struct eg_selected *s)
{
    fprintf(f, "{\"rows\":%" PRIu64 ",\"matched\":%" PRIu64 ",\"shown\":%" PRIu64, s->rows,
            s->matched, s->shown);
    fprintf(f, ",\"ancestors\":%" PRIu64 "}", s->above);
}
