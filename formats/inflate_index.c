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
    GAPS_MAX = 1 << 16,
    INPUT = 1 << 18,
    BGZF_HEADER = 18,
    BGZF_SHORTEST = BGZF_HEADER + 2 + 8,
    TRAILER = 8,
    TRIAL = 1 << 16,      // bytes of content that are made at once to prove a member
    TRIALS_MAX = 1 << 28, // and altogether
    USUAL_PADDING = 512,
    TAPE_BLOCK = 10240, // of tar, padded with zeros
    SLACK = 1 << 16,    // a header may have a name and a comment
    RATIO_MAX = 1032,   // bytes of content that one byte can make
    GUESS_SHIFT = 44,   // content ends below 2^44 where what is missing is a guess
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
    const uint64_t end = eg_space_size(x->file), from = r->in;

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
    if (r->in >= end) {
        r->padding = r->in - from > TAPE_BLOCK ? EG_MAX(r->padding, r->in - from) : r->padding;
        return EG_INFLATED_END;
    }
    if (!begin(r, (int)x->kind))
        return EG_INFLATED_STARVED;
    if (x->size && !x->unread)
        inflateValidate(&r->z, 0); // it was checked when it was indexed
    r->inside = true;
    r->raw = false;
    r->padding = EG_MAX(r->padding, r->in - from);
    r->member.in = r->in;
    r->member.out = r->out;
    return EG_INFLATED_MORE;
}

/** Interpret the result of inflate() at the end of a member. */
static enum eg_inflated ended(struct eg_inflater *r, const struct eg_inflate_index *x, int rc)
{
    const char *why = rc == Z_DATA_ERROR && r->z.msg ? r->z.msg : "";

    if (rc == Z_STREAM_END) {
        if (r->raw) {
            r->in += x->kind == EG_INFLATE_GZIP ? TRAILER : 4;
        } else {
            r->usual.in = EG_MAX(r->usual.in, r->in - r->member.in);
            r->usual.out = r->out - r->member.out;
        }
        r->inside = false;
        return EG_INFLATED_MORE;
    }
    if (!strcmp(why, "incorrect data check") || !strcmp(why, "incorrect length check")) {
        r->wrong = why[10] == 'd';
        r->in += x->kind == EG_INFLATE_GZIP && r->wrong ? 4 : 0; // the length is not yet read
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
        // What was asked for may be complete where the damage begins.
        if (rc != Z_OK && (state = ended(r, x, rc)) != EG_INFLATED_MORE)
            return state == EG_INFLATED_BAD && *len == want ? EG_INFLATED_MORE : state;
        if (block && (rc == Z_STREAM_END || r->z.data_type & 128))
            return EG_INFLATED_MORE;
    }
    return EG_INFLATED_MORE;
}

/* ---- points ---- */

static void drop(struct eg_inflate_index *x, struct eg_inflate_point *p)
{
    x->windows -= p->packed;
    free(p->window);
    p->window = NULL;
}

/** Drop every second point when there are too many: @x->spacing doubles. */
static void thin(struct eg_inflate_index *x)
{
    size_t kept = 1;

    x->spacing *= 2;
    for (size_t i = 1; i < x->points.n; i++) {
        struct eg_inflate_point *p = &x->points.at[i];

        if (p->behind_gap || p->out - x->points.at[kept - 1].out >= x->spacing) {
            x->points.at[kept++] = *p;
        } else {
            drop(x, p);
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

bool eg_inflate_bgzf(const struct eg_inflate_index *x, struct eg_view *v, uint64_t in,
                     uint64_t *len, uint64_t *content)
{
    static const uint8_t head[] = { 0x1f, 0x8b, 8, 4 }, extra[] = { 6, 0, 'B', 'C', 2, 0 };
    uint8_t h[BGZF_HEADER], tail[4];

    if (x->kind != EG_INFLATE_GZIP || !eg_within(in, sizeof h, eg_space_size(x->file)) ||
        !eg_read(v, x->file, in, h, sizeof h) || memcmp(h, head, sizeof head) ||
        memcmp(h + 10, extra, sizeof extra))
        return false;
    *len = eg_le16(h + 16) + UINT64_C(1);
    if (*len < BGZF_SHORTEST || !eg_within(in, *len, eg_space_size(x->file)) ||
        !eg_read(v, x->file, in + *len - 4, tail, 4) || eg_le32(tail) > 1 << 16)
        return false;
    *content = eg_le32(tail);
    return true;
}

/** Skip a member if its header states its size, and its end the usual size of content: if either is
 * damaged, all that follows would be at wrong addresses. *@bgzf: it states its size. */
static bool skip_bgzf(struct eg_inflate_index *x, struct eg_inflater *r, struct eg_view *v,
                      bool *bgzf)
{
    uint64_t len, content;
    uint8_t next;

    *bgzf = eg_inflate_bgzf(x, v, r->in, &len, &content);
    if (!*bgzf)
        return false;
    if (content != r->usual.out || !eg_within(r->in + len, 1, eg_space_size(x->file)) ||
        !eg_read(v, x->file, r->in + len, &next, 1) || next != 0x1f)
        return false;
    r->usual.in = EG_MAX(r->usual.in, len);
    r->in += len;
    r->out += content;
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

/* ---- damage ---- */

/** Is there a member at @at? Content may have files in gzip, too, but hardly one with another, or
 * the end of the file, right behind it. @many: members before it were whole, so this may be the
 * last one of a file that is cut off. */
static bool is_member(const struct eg_inflate_index *x, struct eg_view *v, uint64_t at, bool many,
                      uint64_t *trials)
{
    const uint64_t end = eg_space_size(x->file);
    struct eg_inflater r = { .in = at };
    enum eg_inflated state = EG_INFLATED_MORE;

    while (state == EG_INFLATED_MORE && r.member.in <= at && *trials < TRIALS_MAX) {
        size_t n = TRIAL;

        state = eg_inflate_some(&r, x, v, NULL, &n, true);
        *trials += n + TRIAL / 16;
    }
    eg_inflater_fini(&r);
    // The next one begins without padding, or nothing follows.
    return (r.member.in > at && r.padding == 0) || (state == EG_INFLATED_END && r.in == end) ||
           (state == EG_INFLATED_CUT && many);
}

/** Find the next member at or after @at. @return the size of the file: there is none. */
static uint64_t find_member(const struct eg_inflate_index *x, struct eg_view *v, uint64_t at,
                            bool many, uint64_t *trials)
{
    static const uint8_t magic[] = { 0x1f, 0x8b, 8 };
    const uint64_t end = eg_space_size(x->file);

    for (; (at = eg_find_bytes(v, x->file, at, end, magic, sizeof magic)) < end; at++) {
        if (*trials > TRIALS_MAX || eg_cancelled)
            break;
        if (is_member(x, v, at, many, trials))
            return at;
    }
    return end;
}

/** Bytes of content of the member from @in to @next, which its end says; 0: that cannot be true. */
static uint64_t stated_size(const struct eg_inflate_index *x, struct eg_view *v, uint64_t in,
                            uint64_t next)
{
    const uint64_t packed = next - in;
    uint32_t size;

    return eg_read_u32(v, x->file, next - 4, false, &size) && size / RATIO_MAX <= packed &&
                   size + size / 64 + SLACK >= packed
               ? size
               : 0;
}

/** Forget what was made of a damaged member and, unnoticed, of those behind it. */
static void forget(struct eg_inflate_index *x, struct eg_inflater *r, uint64_t out)
{
    while (x->points.n > 1 && x->points.at[x->points.n - 1].out > out)
        drop(x, &x->points.at[--x->points.n]);
    r->out = out;
}

/** Continue with the member after the damaged one, which begins at @m. The end of a member is the
 * size of its content, and so tells what is missing. @return false: there is no further one, or out
 * of memory. */
static bool resume(struct eg_inflate_index *x, struct eg_image *img, struct eg_inflater *r,
                   struct eg_inflate_place m, uint64_t *trials)
{
    const uint64_t damage = r->in, end = eg_space_size(x->file);
    uint64_t next = m.in, size, members, usual = 0;
    struct eg_inflate_gap *gap;

    // Damage may be found only when the members behind it have been taken for its data.
    do {
        next = find_member(x, img->view, next + 1, r->usual.in, trials);
        size = next < end ? stated_size(x, img->view, m.in, next) : 0;
    } while (next <= damage && next < end && !size);
    // Without a size: as many members as would need the space, each with the content of the last
    // healthy one.
    members = r->usual.in ? (next - m.in + r->usual.in / 2) / r->usual.in : 0;
    if (!size && (!eg_mul(EG_MAX(members, UINT64_C(1)), r->usual.out, &usual) ||
                  (usual | m.out) >> GUESS_SHIFT))
        return false;
    if (next >= end || x->gaps.n >= GAPS_MAX || !(gap = eg_vec_push(&x->gaps)))
        return false;
    if (next <= damage)
        forget(x, r, m.out);
    else if (size && size < r->out - m.out)
        forget(x, r, m.out + size);
    *gap = (struct eg_inflate_gap){ r->out, m.out + (size ? size : EG_MAX(usual, r->out - m.out)) };
    eg_image_note(
        img,
        "%s: damaged at %#" PRIx64 ": %" PRIu64 " KiB of content up to the next member at %#" PRIx64
        " are missing%s",
        x->name, EG_MIN(damage, next), (gap->to - gap->from + 1023) >> 10, next,
        size ? "" : ", a guess from the member before: what follows may be at wrong addresses");
    r->in = next;
    r->out = gap->to;
    r->inside = false;
    return true;
}

/** A point where the reader is, behind damage. */
static bool add_behind_gap(struct eg_inflate_index *x, const struct eg_inflater *r)
{
    struct eg_inflate_point *p = eg_vec_push(&x->points);

    if (p)
        *p = (struct eg_inflate_point){ .in = r->in, .out = r->out, .behind_gap = true };
    return p;
}

/** Behind a member whose checksum is wrong: if its content has not the size that it should have,
 * what follows belongs elsewhere. @return false: out of memory. */
static bool place(struct eg_inflate_index *x, struct eg_image *img, struct eg_inflater *r)
{
    const uint64_t got = r->out - r->member.out, end = eg_space_size(x->file);
    struct eg_inflate_gap *gap;
    uint8_t next[TRAILER + 2] = { 0 };
    uint64_t size = 0, to;

    // It may have ended too early by some bits, and the end of its size look like padding.
    eg_read_some(img->view, x->file, r->in, next, (size_t)EG_MIN(sizeof next, end - r->in), NULL);
    for (size_t i = 0; r->wrong && i <= TRAILER && !size; i++) {
        if (r->in + i == end || (next[i] == 0x1f && next[i + 1] == 0x8b))
            size = stated_size(x, img->view, r->member.in, r->in + i);
        if (next[i])
            break;
    }
    to = r->member.out + size;
    // Some false symbols change the size a little; but the size itself may be what is damaged.
    if (!size || size == got || got == r->usual.out ||
        EG_MAX(size, got) - EG_MIN(size, got) > SLACK)
        return add_behind_gap(x, r);
    gap = eg_vec_push(&x->gaps);
    if (!gap)
        return false;
    if (to < r->out)
        forget(x, r, to);
    *gap = (struct eg_inflate_gap){ r->out, to };
    r->out = to;
    return add_behind_gap(x, r);
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
    if (r->padding > USUAL_PADDING)
        eg_image_note(img,
                      "%s: %" PRIu64
                      " zeros between or behind members: a lost one? What follows may be at "
                      "wrong addresses",
                      x->name, r->padding);
    if (wrong)
        eg_image_note(img, "%s: the checksum of %u members is wrong: their content may be damaged",
                      x->name, wrong);
}

/* ---- the index ---- */

/** Read on, and record what was read. */
static enum eg_inflated advance(struct eg_inflate_index *x, struct eg_inflater *r,
                                struct eg_image *img, uint8_t *buf, bool *bgzf)
{
    const uint64_t out = r->out;
    size_t n = EG_INFLATE_RUN - (size_t)(out % EG_INFLATE_RUN);
    enum eg_inflated state = EG_INFLATED_MORE;
    bool known = add_point(x, r, img->view);

    if (!r->inside && skip_bgzf(x, r, img->view, bgzf)) { // at most 64 KiB, so of two runs
        known = known && note_zeros(x, out, false) && note_zeros(x, r->out, false);
    } else { // BGZF: up to the end of the member
        state = eg_inflate_some(r, x, img->view, buf, &n, *bgzf || is_due(x, r));
        known = known && (!n || note_zeros(x, out, eg_all_zero(buf, n)));
    }
    return known ? state : EG_INFLATED_STARVED;
}

int eg_inflate_index(struct eg_inflate_index *x, struct eg_image *img, bool quiet,
                     struct eg_error *e)
{
    eg_cleanup(eg_free_) uint8_t *buf = malloc(EG_INFLATE_RUN);
    enum eg_inflated state = buf ? EG_INFLATED_MORE : EG_INFLATED_STARVED;
    const uint64_t end = eg_space_size(x->file);
    struct eg_progress_line *progress;
    struct eg_inflater r = { 0 };
    uint64_t trials = 0;
    unsigned wrong = 0;
    // A member with a wrong checksum: if no other follows, damage ended it early.
    struct eg_inflate_place doubtful = { 0 };
    uint64_t doubtful_end = UINT64_MAX;
    bool bgzf = false;

    x->spacing = SPACING;
    progress = eg_progress_begin("indexing", end, "B", quiet);
    while (state == EG_INFLATED_MORE || state == EG_INFLATED_CHECK) {
        const uint64_t in = r.in;

        state = advance(x, &r, img, buf, &bgzf);
        if (state == EG_INFLATED_CHECK) {
            wrong++;
            if (wrong <= GAPS_MAX && !place(x, img, &r))
                state = EG_INFLATED_STARVED;
            doubtful = r.member;
            doubtful_end = r.out;
        } else if (state != EG_INFLATED_MORE && state != EG_INFLATED_STARVED && !eg_cancelled &&
                   x->kind == EG_INFLATE_GZIP && (r.in < end || state != EG_INFLATED_END) &&
                   resume(x, img, &r,
                          r.out == doubtful_end      ? doubtful
                          : state == EG_INFLATED_END ? (struct eg_inflate_place){ r.in, r.out }
                                                     : r.member,
                          &trials)) {
            state = add_behind_gap(x, &r) ? EG_INFLATED_MORE : EG_INFLATED_STARVED;
        }
        eg_progress_add(progress, r.in - in);
    }
    eg_progress_end(progress);
    eg_inflater_fini(&r);
    x->size = r.out;
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (state == EG_INFLATED_STARVED || (x->size && !note_zeros(x, x->size - 1, true)))
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
    eg_vec_fini(&x->gaps);
    free(x->zero);
}
