/* inflate_index.c - see inflate_index.h. The formats: RFC 1950 to 1952; BGZF, gzip members that say
 * their size, is in the SAM specification (4.1). */
#include "inflate_index.h"
#include "../core/parallel.h"
#include "sparse.h"
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

enum {
    WINDOW = 32 << 10,
    SPACING = 1 << 20,
    WINDOWS_MAX = 32 << 20,
    POINTS_MAX = 1 << 17,
    INPUT = 1 << 18,
    BGZF_HEADER = 18,
    BGZF_SHORTEST = BGZF_HEADER + 2 + 8,
    TRAILER = 8,
};

/* ---- the reader ---- */

static bool begin(struct eg_inflater *r, int bits)
{
    if (!r->open) {
        r->open = inflateInit2(&r->z, bits) == Z_OK;
        return r->open;
    }
    return inflateReset2(&r->z, bits) == Z_OK;
}

void eg_inflater_fini(struct eg_inflater *r)
{
    if (r->open)
        inflateEnd(&r->z);
    r->open = false;
}

bool eg_inflate_seek(struct eg_inflater *r, const struct eg_inflate_index *x,
                     const struct eg_inflate_point *p)
{
    uint8_t window[WINDOW];
    size_t n;

    (void)x;
    r->in = p->in;
    r->out = p->out;
    r->inside = r->raw = p->window;
    if (!p->window)
        return true;
    n = ZSTD_decompress(window, sizeof window, p->window + 1, p->packed - 1);
    if (ZSTD_isError(n) || !begin(r, -MAX_WBITS))
        return false;
    if (p->bits && inflatePrime(&r->z, p->bits, *p->window >> (8 - p->bits)) != Z_OK)
        return false;
    return inflateSetDictionary(&r->z, window, (uInt)n) == Z_OK;
}

/** Between members: find the beginning of the next. Zeros are padding. */
static enum eg_inflated next_member(struct eg_inflater *r, const struct eg_inflate_index *x,
                                    struct eg_view *v)
{
    const uint64_t end = eg_space_size(x->file);

    if (x->kind == EG_INFLATE_ZLIB && r->in)
        return EG_INFLATED_END;
    while (r->in < end && x->kind == EG_INFLATE_GZIP && !eg_cancelled) {
        size_t n = EG_MIN(end - r->in, (uint64_t)INPUT), i = 0;
        const uint8_t *p = eg_map_some(v, x->file, r->in, &n);

        if (!p)
            return EG_INFLATED_CUT;
        while (i < n && !p[i])
            i++;
        r->in += i;
        if (i == n) {
            r->in = eg_skip_zeros(v, x->file, r->in, end);
            continue;
        }
        if (p[i] != 0x1f)
            return EG_INFLATED_END;
        break;
    }
    if (r->in >= end)
        return EG_INFLATED_END;
    if (!begin(r, (int)x->kind))
        return EG_INFLATED_STARVED;
    if (x->size && !x->unread)
        inflateValidate(&r->z, 0); // it was checked when it was indexed
    r->inside = true;
    r->raw = false;
    return EG_INFLATED_MORE;
}

/** Interpret the result of inflate() at the end of a member. */
static enum eg_inflated ended(struct eg_inflater *r, const struct eg_inflate_index *x, int rc)
{
    const char *why = rc == Z_DATA_ERROR && r->z.msg ? r->z.msg : "";

    if (rc == Z_STREAM_END) {
        if (r->raw)
            r->in += x->kind == EG_INFLATE_GZIP ? TRAILER : 4;
        r->inside = false;
        return EG_INFLATED_MORE;
    }
    if (!strcmp(why, "incorrect data check") || !strcmp(why, "incorrect length check")) {
        r->in += x->kind == EG_INFLATE_GZIP && why[10] == 'd' ? 4 : 0; // the length is not yet read
        r->inside = false;
        return EG_INFLATED_CHECK;
    }
    return rc == Z_MEM_ERROR ? EG_INFLATED_STARVED : EG_INFLATED_BAD;
}

enum eg_inflated eg_inflate_some(struct eg_inflater *r, const struct eg_inflate_index *x,
                                 struct eg_view *v, uint8_t *to, size_t *len, bool block)
{
    const uint64_t end = eg_space_size(x->file);
    const size_t want = *len;
    uint8_t skipped[4096];

    *len = 0;
    while (*len < want) {
        enum eg_inflated state = EG_INFLATED_MORE;
        uint8_t *dest = to ? to + *len : skipped;
        size_t room = to ? want - *len : EG_MIN(want - *len, sizeof skipped);
        size_t n;
        const uint8_t *p;
        int rc;

        if (eg_cancelled)
            return EG_INFLATED_CUT;
        if (!r->inside && (state = next_member(r, x, v)) != EG_INFLATED_MORE)
            return state;
        n = (size_t)EG_MIN(end - EG_MIN(r->in, end), (uint64_t)INPUT);
        p = n ? eg_map_some(v, x->file, r->in, &n) : NULL;
        if (!p && n)
            return EG_INFLATED_CUT;
        r->z.next_in = (uint8_t *)(uintptr_t)p;
        r->z.avail_in = (uInt)n;
        r->z.next_out = dest;
        r->z.avail_out = (uInt)EG_MIN(room, (size_t)1 << 30);
        room = r->z.avail_out;
        rc = inflate(&r->z, block ? Z_BLOCK : Z_NO_FLUSH);
        r->in += n - r->z.avail_in;
        r->out += room - r->z.avail_out;
        *len += room - r->z.avail_out;
        if (rc == Z_BUF_ERROR || (rc == Z_OK && !n && r->z.avail_out == room))
            return EG_INFLATED_CUT;
        if (rc != Z_OK && (state = ended(r, x, rc)) != EG_INFLATED_MORE)
            return state;
        if (block && (rc == Z_STREAM_END || r->z.data_type & 128))
            return EG_INFLATED_MORE;
    }
    return EG_INFLATED_MORE;
}

/* ---- the index ---- */

/** Drop every second point when there are too many: @x->spacing doubles. */
static void thin(struct eg_inflate_index *x)
{
    size_t kept = 1;

    x->spacing *= 2;
    for (size_t i = 1; i < x->points.n; i++) {
        struct eg_inflate_point *p = &x->points.at[i];

        if (p->out - x->points.at[kept - 1].out >= x->spacing) {
            x->points.at[kept++] = *p;
        } else {
            x->windows -= p->packed;
            free(p->window);
        }
    }
    x->points.n = kept;
}

static bool is_due(const struct eg_inflate_index *x, const struct eg_inflater *r)
{
    return !x->points.n || r->out - x->points.at[x->points.n - 1].out >= x->spacing;
}

/** Add a point at the reader's position, if the last one is far enough away. @return false: out of
 * memory. */
static bool add_point(struct eg_inflate_index *x, struct eg_inflater *r, struct eg_view *v)
{
    struct eg_inflate_point *p;
    uint8_t window[WINDOW], packed[ZSTD_COMPRESSBOUND(WINDOW) + 1];
    uInt n = 0;

    if (!is_due(x, r) ||
        (r->inside &&
         (r->z.data_type & 192) != 128)) // not at the end of a block, or at that of the last
        return true;
    if (x->windows > WINDOWS_MAX || x->points.n >= POINTS_MAX)
        thin(x);
    p = eg_vec_push(&x->points);
    if (!p)
        return false;
    p->in = r->in;
    p->out = r->out;
    if (!r->inside)
        return true;
    inflateGetDictionary(&r->z, window, &n);
    p->bits = (uint8_t)(r->z.data_type & 7);
    p->packed = 1 + (uint32_t)ZSTD_compress(packed + 1, sizeof packed - 1, window, n, 1);
    packed[0] = 0;
    if (p->bits && !eg_read(v, x->file, r->in - 1, packed, 1))
        return false;
    p->window = malloc(p->packed);
    if (!p->window) {
        x->points.n--;
        return false;
    }
    memcpy(p->window, packed, p->packed);
    x->windows += p->packed;
    return true;
}

/** Skip a member if its header states its size (BGZF). @return false: it does not. */
static bool skip_bgzf(struct eg_inflate_index *x, struct eg_inflater *r, struct eg_view *v)
{
    static const uint8_t head[] = { 0x1f, 0x8b, 8, 4 }, extra[] = { 6, 0, 'B', 'C', 2, 0 };
    uint8_t h[BGZF_HEADER], tail[4];
    uint64_t len;

    if (x->kind != EG_INFLATE_GZIP || !eg_within(r->in, sizeof h, eg_space_size(x->file)) ||
        !eg_read(v, x->file, r->in, h, sizeof h) || memcmp(h, head, sizeof head) ||
        memcmp(h + 10, extra, sizeof extra))
        return false;
    len = eg_le16(h + 16) + UINT64_C(1);
    if (len < BGZF_SHORTEST || !eg_within(r->in, len, eg_space_size(x->file)) ||
        !eg_read(v, x->file, r->in + len - 4, tail, 4) || eg_le32(tail) > 1 << 16)
        return false;
    r->in += len;
    r->out += eg_le32(tail);
    x->unread = true;
    return true;
}

/** Record for the run that holds @out whether some of its content is all @zeros. */
static bool note_zeros(struct eg_inflate_index *x, uint64_t out, bool zeros)
{
    const uint64_t run = out / EG_INFLATE_RUN, byte = run / 8;

    if (byte >= x->zero_len) {
        const uint64_t more = byte + byte / 2 + 64;
        uint8_t *grown = realloc(x->zero, more);

        if (!grown)
            return false;
        memset(grown + x->zero_len, 0xff, more - x->zero_len);
        x->zero = grown;
        x->zero_len = more;
    }
    if (!zeros)
        x->zero[byte] &= (uint8_t) ~(1 << run % 8);
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    return !p[0] && !memcmp(p, p + 1, n - 1);
}

static void note_end(const struct eg_inflate_index *x, struct eg_image *img,
                     const struct eg_inflater *r, enum eg_inflated state, unsigned wrong)
{
    const uint64_t size = eg_space_size(x->file);

    if (state == EG_INFLATED_CUT || state == EG_INFLATED_BAD)
        eg_image_note(img,
                      "%s: %s at %#" PRIx64 " of %#" PRIx64 " bytes: what follows %" PRIu64
                      " MiB of content is missing",
                      x->name, state == EG_INFLATED_CUT ? "truncated" : "damaged", r->in, size,
                      r->out >> 20);
    else if (r->in < size)
        eg_image_note(img, "%s: the last %" PRIu64 " bytes of the file belong to something else",
                      x->name, size - r->in);
    if (wrong)
        eg_image_note(img, "%s: the checksum of %u members is wrong: their content may be damaged",
                      x->name, wrong);
}

int eg_inflate_index(struct eg_inflate_index *x, struct eg_image *img, bool quiet,
                     struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *buf = malloc(EG_INFLATE_RUN);
    enum eg_inflated state = buf ? EG_INFLATED_MORE : EG_INFLATED_STARVED;
    struct eg_inflater r = { 0 };
    struct eg_progress_line *progress;
    unsigned wrong = 0;

    x->spacing = SPACING;
    progress = eg_progress_begin("indexing", eg_space_size(x->file), "B", quiet);
    while (state == EG_INFLATED_MORE || state == EG_INFLATED_CHECK) {
        const uint64_t in = r.in, out = r.out;
        size_t n = EG_INFLATE_RUN - (size_t)(out % EG_INFLATE_RUN);
        bool known = add_point(x, &r, img->view);

        if (!r.inside && skip_bgzf(x, &r, img->view)) { // at most 64 KiB, so of two runs
            known = known && note_zeros(x, out, false) && note_zeros(x, r.out, false);
        } else {
            state = eg_inflate_some(&r, x, img->view, buf, &n, is_due(x, &r));
            wrong += state == EG_INFLATED_CHECK;
            known = known && (!n || note_zeros(x, out, all_zero(buf, n)));
        }
        if (!known)
            state = EG_INFLATED_STARVED;
        eg_progress_add(progress, r.in - in);
    }
    eg_progress_end(progress);
    eg_inflater_fini(&r);
    x->size = r.out;
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (state == EG_INFLATED_STARVED)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    if (!x->size)
        return eg_fail(e, EG_EFORMAT, "%s: %s: is empty, or damaged at its beginning", img->path,
                       x->name);
    note_end(x, img, &r, state, wrong);
    return 0;
}

void eg_inflate_index_fini(struct eg_inflate_index *x)
{
    for (size_t i = 0; i < x->points.n; i++)
        free(x->points.at[i].window);
    eg_vec_fini(&x->points);
    free(x->zero);
}
