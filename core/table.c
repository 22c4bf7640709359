/* table.c - values as text: escapes, times, and numbers as the kind of their column demands. */
#include "table.h"
#include <inttypes.h>
#include <stdlib.h>

const char *eg_column_kind_name(enum eg_column_kind kind)
{
    // ORDER eg_column_kind
    static const char *const names[] = { "?",     "int",  "big",   "addr", "text",
                                         "bytes", "time", "flags", "bool", "duration" };

    return (size_t)kind < countof(names) ? names[kind] : "?";
}

/* ---- text ---- */

size_t eg_utf8(const void *text, size_t len, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const uint8_t *p = text;
    uint32_t c;
    size_t n;

    if (!len)
        return 0;
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    n = p[0] >> 5 == 6 ? 2 : (p[0] >> 4 == 14 ? 3 : (p[0] >> 3 == 30 ? 4 : 0));
    if (!n || n > len)
        return 0;
    c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

bool eg_is_printable(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    // Characters that control the direction of text; line and paragraph separators; what nobody
    // sees: a space without width, invisible operators, the BOM. Joiners are parts of words.
    return !(c == 0x61c || c == 0x200b || (c >= 0x2060 && c <= 0x2064) ||
             (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
             (c >= 0x2066 && c <= 0x2069) || c == 0xfeff);
}

/** How many bytes from @p on need no escape: printable ASCII except the backslash. */
static size_t plain(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && (uint8_t)(p[n] - 0x20) < 0x5f && p[n] != '\\')
        n++;
    return n;
}

/** Would the text from the backslash at @p on read as an escape that eg_escape() writes? */
static bool reads_as_escape(const uint8_t *p, size_t len)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    unsigned v;

    if (len < 4 || p[1] != 'x' || !p[2] || !p[3] || !strchr(digits, p[2]) || !strchr(digits, p[3]))
        return false;
    v = (unsigned)strtoul((char[]){ (char)p[2], (char)p[3], 0 }, NULL, 16);
    return v < 0x20 || v >= 0x7f || v == '\\';
}

size_t eg_escape(char *out, size_t size, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t total = 0, end = 0;

    for (size_t i = 0; i < len;) {
        char piece[4 * 4 + 1];
        uint32_t code;
        size_t n = plain(p + i, len - i), put = 0;

        if (n) {
            if (total < size) {
                end = EG_MIN(total + n, size - 1);
                memcpy(out + total, p + i, end - total);
            }
            total += n;
            i += n;
            continue;
        }
        n = eg_utf8(p + i, len - i, &code);
        if (n && eg_is_printable(code) && !(code == '\\' && reads_as_escape(p + i, len - i))) {
            memcpy(piece, p + i, n);
            put = n;
        } else {
            n = n ? n : 1;
            for (size_t k = 0; k < n; k++)
                put += (size_t)snprintf(piece + put, sizeof piece - put, "\\x%02x", p[i + k]);
        }
        if (total + put < size) {
            memcpy(out + total, piece, put);
            end = total + put;
        }
        total += put;
        i += n;
    }
    if (size)
        out[end] = 0;
    return total;
}

/* ---- values ---- */

const char *eg_bad_text(const struct eg_value *v, char *out)
{
    bool has_place = v->why != EG_NULL && (v->why < EG_NO_MEMBER || v->why > EG_NO_TYPE);

    if (has_place)
        snprintf(out, 96, "%s at %#" PRIx64, eg_why_text(v->why), v->u);
    else
        snprintf(out, 96, "%s", eg_why_text(v->why));
    return out;
}

/** A number as text, such as "0x1f" or "-5". Ten times as fast as snprintf(). */
static char *digits_text(struct eg_arena *a, uint64_t u, unsigned base, bool minus)
{
    char text[24], *p = text + sizeof text;

    do
        *--p = "0123456789abcdef"[u % base];
    while (u /= base);
    if (base == 16) {
        *--p = 'x';
        *--p = '0';
    }
    if (minus)
        *--p = '-';
    return eg_arena_strndup(a, p, (size_t)(text + sizeof text - p));
}

static char *copied(struct eg_arena *a, const char *s)
{
    return eg_arena_strndup(a, s, strlen(s));
}

static char *number_text(struct eg_arena *a, enum eg_column_kind kind, const struct eg_value *v)
{
    const bool minus = v->tag == EG_V_INT && v->i < 0;
    char time[40];

    switch (kind) {
    case EG_COL_ADDR:
    case EG_COL_FLAGS:
        return digits_text(a, v->u, 16, false);
    case EG_COL_TIME:
        return copied(a, eg_time_text(NULL, v->i, time));
    case EG_COL_DURATION:
        return copied(a, eg_duration_text(v->i, time));
    case EG_COL_BOOL:
        return copied(a, v->u ? "true" : "false");
    default:
        return digits_text(a, minus ? -v->u : v->u, 10, minus);
    }
}

static char *hex_text(struct eg_arena *a, const uint8_t *p, size_t len)
{
    char *s = len < SIZE_MAX / 2 ? eg_arena_alloc(a, 2 * len + 1) : NULL;

    if (s)
        eg_hex(s, p, len);
    return s;
}

static char *escaped_text(struct eg_arena *a, const uint8_t *p, size_t len)
{
    size_t n;
    char *s;

    if (plain(p, len) == len)
        return eg_arena_strndup(a, (const char *)p, len);
    n = eg_escape(NULL, 0, p, len);
    s = eg_arena_alloc(a, n + 1);
    if (s)
        eg_escape(s, n + 1, p, len);
    return s;
}

char *eg_value_text(struct eg_arena *a, const struct eg_column *c, const struct eg_value *v)
{
    switch (v->tag) {
    case EG_V_NONE:
        return eg_arena_strndup(a, "", 0);
    case EG_V_BAD:
        return eg_arena_strf(a, "-");
    case EG_V_TEXT:
        if (c->kind != EG_COL_BYTES)
            return escaped_text(a, v->bytes.p, v->bytes.len);
        return hex_text(a, v->bytes.p, v->bytes.len);
    case EG_V_BYTES:
        return hex_text(a, v->bytes.p, v->bytes.len);
    default:
        return number_text(a, c->kind, v);
    }
}

char *eg_value_plain_text(struct eg_arena *a, const struct eg_column *c, const struct eg_value *v)
{
    if (v->tag != EG_V_TEXT || c->kind == EG_COL_BYTES)
        return eg_value_text(a, c, v);
    return eg_arena_strndup(a, (const char *)v->bytes.p,
                            strnlen((const char *)v->bytes.p, v->bytes.len));
}

char *eg_cell_text(struct eg_arena *a, const struct eg_result_head *h, size_t i,
                   const struct eg_value *v)
{
    char time[40];

    if (h->columns[i].kind == EG_COL_TIME && (v->tag == EG_V_INT || v->tag == EG_V_UINT))
        return copied(a, eg_time_text(h->zone, v->i, time));
    return eg_value_text(a, &h->columns[i], v);
}

void eg_no_begin(void *state, FILE *f, const struct eg_provenance *p)
{
    (void)state;
    (void)f;
    (void)p;
}

void eg_free_row(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error)
{
    (void)f;
    (void)h;
    (void)notes;
    (void)error;
    eg_arena_fini(state);
}

void eg_no_head(void *state, FILE *f, const struct eg_result_head *h)
{
    (void)state;
    (void)f;
    (void)h;
}

void eg_no_end(void *state, FILE *f)
{
    (void)state;
    (void)f;
}
