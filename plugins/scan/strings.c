/* strings - printable texts: ASCII, UTF-8 and UTF-16, of a least length. */
#include "../../core/scan.h"
#include "../../core/space.h"
#include "../../core/table.h"
#include "pattern.h"
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 256 << 10 }; // bytes of one text; the rest of a longer one is left out
enum encoding { ASCII, UTF8, UTF16LE, UTF16BE, ENCODINGS };
static const char *const names[] = { "ascii", "utf8", "utf16le", "utf16be" }; // ORDER encoding

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(ENCODING, TEXT, "ascii, utf8, utf16le or utf16be")                                           \
    C(STRING, TEXT, "the text")
EG_COLUMNS(COLUMNS);

struct strings {
    size_t min; // characters
    bool wanted[ENCODINGS];
    struct scan_pattern *match; // NULL: all
    uint8_t *bytes, *text;      // of a hit: as in memory, where it is not in one place; as UTF-8
};

/* ---- begin ---- */

static int encodings(struct eg_run *r, struct strings *s)
{
    const char *list = eg_arg_text(r, "encoding");

    for (list = list ? list : "utf8,utf16le"; *list;) {
        const size_t n = strcspn(list, ",");
        size_t i = 0;

        while (i < ENCODINGS && (strlen(names[i]) != n || memcmp(names[i], list, n) != 0))
            i++;
        if (i == ENCODINGS)
            return eg_refused(r, "--encoding '%.*s': it is one of ascii, utf8, utf16le, utf16be",
                              (int)EG_MIN(n, (size_t)40), list);
        s->wanted[i] = true;
        list += n + (list[n] == ',');
    }
    return 0;
}

static int begin(struct eg_run *r, void **state)
{
    struct strings *s = *state = eg_tmp(r, sizeof *s);
    const char *match = eg_arg_text(r, "match");
    int64_t min = 4;

    if (eg_arg_int(r, "min", &min) && (min < 1 || min > LONGEST / 4))
        return eg_refused(r, "--min %lld: it is from 1 to %d", (long long)min, LONGEST / 4);
    s->min = (size_t)min;
    s->bytes = eg_tmp(r, LONGEST);
    s->text = eg_tmp(r, LONGEST);
    if (encodings(r, s) < 0)
        return -1;
    if (match && !(s->match = scan_pattern_open(r, match, SCAN_UTF)))
        return -1;
    return 0;
}

static void end(void *state)
{
    const struct strings *s = state;

    if (s)
        scan_pattern_close(s->match);
}

/* ---- what is printable ---- */

/** As strings(1) has it: a tab is, other white space but the blank is not. */
static bool is_text(uint8_t c)
{
    return (uint8_t)(c - 0x20) < 0x5f || c == '\t';
}

/** The printable character of several bytes at @p. @return its bytes; 0: there is none. */
static size_t several(const uint8_t *p, size_t len)
{
    uint32_t code;
    const size_t n = len > 1 && p[1] >> 6 == 2 ? eg_utf8(p, len, &code) : 0;

    return n > 1 && eg_is_printable(code) ? n : 0;
}

/** Of 32 bytes, a bit for each. */
struct masks {
    uint32_t ascii, zero;
    uint32_t chars; // of printable characters, also of several bytes
};

/** Bit i is byte i, which is 0 or 1. */
static uint32_t bits(const uint8_t flags[32])
{
    const uint64_t gather = UINT64_C(0x0102040810204080);
    uint32_t all = 0;

    for (unsigned i = 0; i < 4; i++)
        all |= (uint32_t)(eg_le64(flags + 8 * i) * gather >> 56) << 8 * i;
    return all;
}

/** @rest: bits that the characters before reach into these bytes, and those that reach behind. */
static struct masks classify(const uint8_t *p, size_t len, bool utf8, uint64_t *rest)
{
    uint8_t flags[32];
    struct masks m = { 0 };
    uint32_t high;

    if (!(eg_le64(p) | eg_le64(p + 8) | eg_le64(p + 16) | eg_le64(p + 24)))
        return (struct masks){ .zero = UINT32_MAX };
    for (size_t i = 0; i < 32; i++) // loops that become vectors
        flags[i] = (uint8_t)(p[i] - 0x20) < 0x5f || p[i] == '\t';
    m.ascii = m.chars = bits(flags);
    for (size_t i = 0; i < 32; i++)
        flags[i] = p[i] == 0;
    m.zero = bits(flags);
    if (!utf8)
        return m;
    for (size_t i = 0; i < 32; i++)
        flags[i] = p[i] >= 0xc2;
    for (high = bits(flags); high; high &= high - 1) {
        const size_t i = (size_t)__builtin_ctz(high);

        *rest |= ((UINT64_C(1) << several(p + i, len - i)) - 1) << i;
    }
    m.chars |= (uint32_t)*rest;
    *rest >>= 32;
    return m;
}

/** The same at the end of a window. */
static struct masks masks_at(const struct eg_window *w, size_t at, bool utf8, uint64_t *rest)
{
    uint8_t end[32];

    if (at + 32 <= w->len)
        return classify(w->bytes + at, w->len - at, utf8, rest);
    memset(end, 1, sizeof end); // neither text nor zero
    if (at < w->len)
        memcpy(end, w->bytes + at, w->len - at);
    return classify(end, sizeof end, utf8, rest);
}

/** Where in the next 32 bytes do @n characters of @step bytes begin that follow each other? */
static uint32_t runs(uint64_t chars, size_t n, size_t step)
{
    for (size_t have = 1, more; have < n; have += more) {
        more = EG_MIN(have, n - have);
        chars &= chars >> more * step;
    }
    return (uint32_t)chars;
}

/* ---- texts ---- */

struct worker {
    struct scan_matcher *matcher;
    uint8_t text[LONGEST];
};

struct looking {
    const struct strings *s;
    struct worker *worker;
    const struct eg_window *w;
    struct eg_hits *out;
};

/** UTF-16 as UTF-8. @return its bytes. */
static size_t narrowed(const uint8_t *p, size_t len, bool big, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i + 1 < len; i += 2)
        out[n++] = p[i + big];
    return n;
}

static void add(const struct looking *l, size_t from, size_t to, size_t characters,
                enum encoding encoding)
{
    const uint8_t *text = l->w->bytes + from;
    size_t len = EG_MIN(to - from, (size_t)LONGEST), shown, begin, end;

    if (characters < l->s->min || from < l->w->from || from >= l->w->to)
        return;
    while (encoding == UTF8 && len < to - from && text[len] >> 6 == 2) // never half a character
        len--;
    shown = len;
    if (l->s->match && encoding >= UTF16LE) {
        shown = narrowed(text, len, encoding == UTF16BE, l->worker->text);
        text = l->worker->text;
    }
    if (!l->s->match || scan_match(l->s->match, l->worker->matcher, text, shown, 0, shown, &begin,
                                   &end) == SCAN_MATCH)
        eg_hit_add(l->out, l->w->addr + from, (uint32_t)len, encoding);
}

/** @return where the text that begins at @from ends. */
static size_t text_of_bytes(const struct looking *l, size_t from)
{
    const struct eg_window *w = l->w;
    size_t at = from, inner = 0; // bytes that begin no character

    for (;;) {
        size_t n;

        while (at < w->len && is_text(w->bytes[at]))
            at++;
        n = l->s->wanted[UTF8] && at < w->len ? several(w->bytes + at, w->len - at) : 0;
        if (!n)
            break;
        inner += n - 1;
        at += n;
    }
    add(l, from, at, at - from - inner, inner ? UTF8 : ASCII);
    return at;
}

static size_t text_of_pairs(const struct looking *l, size_t from, enum encoding encoding)
{
    const struct eg_window *w = l->w;
    const bool big = encoding == UTF16BE;
    size_t at = from;

    while (at + 1 < w->len && is_text(w->bytes[at + big]) && !w->bytes[at + !big])
        at += 2;
    add(l, from, at, (at - from) / 2, encoding);
    return at;
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    const struct strings *s = state;
    const struct looking l = { s, worker, w, out };
    const bool bytes = s->wanted[ASCII] || s->wanted[UTF8], utf8 = s->wanted[UTF8];
    size_t done[ENCODINGS] = { 0 };
    uint64_t rest = 0;
    struct masks now = masks_at(w, 0, utf8, &rest);

    for (size_t at = 0; at < w->to; at += 32) {
        const struct masks next = masks_at(w, at + 32, utf8, &rest);
        const uint64_t ascii = now.ascii | (uint64_t)next.ascii << 32;
        const uint64_t chars = now.chars | (uint64_t)next.chars << 32;
        const uint64_t zero = now.zero | (uint64_t)next.zero << 32;

        now = next;
        if (!chars)
            continue;
        if (bytes)
            for (uint32_t b = runs(chars, EG_MIN(s->min, (size_t)32), 1); b; b &= b - 1) {
                const size_t i = at + (size_t)__builtin_ctz(b);

                if (i >= done[ASCII])
                    done[ASCII] = text_of_bytes(&l, i);
            }
        for (enum encoding e = UTF16LE; e <= UTF16BE; e++) {
            const uint64_t pairs = e == UTF16LE ? ascii & zero >> 1 : zero & ascii >> 1;

            if (!s->wanted[e] || !pairs)
                continue;
            for (uint32_t b = runs(pairs, EG_MIN(s->min, (size_t)16), 2); b; b &= b - 1) {
                const size_t i = at + (size_t)__builtin_ctz(b);

                if (i >= done[e])
                    done[e] = text_of_pairs(&l, i, e);
            }
        }
    }
}

static void *worker(void *state)
{
    struct worker *w = calloc(1, sizeof *w);

    (void)state;
    if (w && !(w->matcher = scan_matcher_new())) {
        free(w);
        w = NULL;
    }
    return w;
}

static void worker_end(void *worker)
{
    struct worker *w = worker;

    scan_matcher_free(w->matcher);
    free(w);
}

/* ---- rows ---- */

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    struct strings *s = state;
    struct eg_view *v = eg_view_of(r);
    size_t len = h->len;
    const uint8_t *text = eg_map_some(v, region->space, h->addr, &len);

    if (!text || len < h->len) {
        eg_read_some(v, region->space, h->addr, s->bytes, h->len, NULL);
        text = s->bytes;
    }
    len = h->len;
    if (h->tag >= UTF16LE) {
        len = narrowed(text, len, h->tag == UTF16BE, s->text);
        text = s->text;
    }
    if (h->len > LONGEST - 4)
        eg_note(r, "texts of more than %d KiB are cut there", LONGEST >> 10);
    eg_row(r, EG_HIT_CELLS(r, region, h), .ENCODING = eg_text(names[h->tag]),
           .STRING = eg_textn(text, len));
}

static const struct eg_scan scan = {
    .before = 16, // that a character which reaches in is known as one
    .behind = LONGEST,
    .begin = begin,
    .end = end,
    .worker = worker,
    .worker_end = worker_end,
    .look = look,
    .hit = hit,
};

EG_PLUGIN(strings) = {
    .help = "Find printable texts",
    .manual = "UTF-8 includes ASCII; UTF-16 is looked for as far as it is ASCII, at any address.\n"
              "A text ends where the image has a hole. One of more than 256 KiB is cut, and a\n"
              "note says so. `strings -t x -n 6` finds what --encoding ascii --min 6 finds.",
    .columns = columns,
    .args = EG_ARGS(EG_SCAN_ARGS, EG_ARG(min, INT, "the least number of characters (4)"),
                    EG_ARG(encoding, TEXT,
                           "utf8 and utf16le unless given: ascii, utf8, utf16le, utf16be"),
                    EG_ARG(match, TEXT, "only those that this regular expression matches")),
    .scan = &scan,
};
