/* kallsyms_scan.c - finds the tables of kallsyms by their structure, for kernels whose VMCOREINFO
 * does not name them (before 6.0) or is lost. scripts/kallsyms.c writes them one after the other
 * into .rodata, aligned to 4 or 8:
 *
 *    to 6.3: offsets | relative_base | num_syms | names | markers | [seqs_of_names] |
 *            token_table | token_index; or addresses | num_syms | names ...
 *    6.4 on: num_syms | names | markers | token_table | token_index | offsets | relative_base
 *    7.0 on: the same without relative_base
 *
 *  token_table is found first: a digit is always a token of its own, so "0" "1" ... "9" follow each
 * other. token_index must say where each of the 256 is. markers, the offsets of every 256th name,
 * end before token_table and lead back to names; the number of names stands before them. */
#include "kallsyms_tables.h"
#include <stdlib.h>

static const uint8_t digits[] = { '0', 0, '1', 0, '2', 0, '3', 0, '4', 0,
                                  '5', 0, '6', 0, '7', 0, '8', 0, '9', 0 };

enum {
    DIGITS = sizeof digits,
    DIGIT = '0', // number of the first one's token
    TOKENS = 256,
    BEFORE = 8 << 10, // bytes of token_table before the digits, at most
    AFTER = 24 << 10, // and from them to the end of token_index
    MARKED = 256,     // symbols between two markers
    MARKERS_MIN = 4,
    MARKERS_MAX = EG_KS_SYMBOLS_MAX / MARKED,
    STEP_MIN = 2 * MARKED,
    STEP_MAX = 64 << 10, // bytes of so many names
    NAMES_MAX = 64 << 20,
    TRIES = 64, // places of the names that are tried to the end
    // Limits the work on false matches, which a hostile image could be full of: checking one costs
    // 1, and a real image has some 70.
    BUDGET = 4096,
    TABLE_COST = 64,
    WINDOW = 1 << 20,
};

struct scan {
    struct eg_view *view;
    struct eg_space *space;
    bool big;
    struct eg_kallsyms k; // what is known of the tables at hand
};

static uint32_t u16(const struct scan *s, const uint8_t *p)
{
    return s->big ? eg_be16(p) : eg_le16(p);
}

static uint32_t u32(const struct scan *s, const uint8_t *p)
{
    return s->big ? eg_be32(p) : eg_le32(p);
}

static uint64_t word(const struct scan *s, const uint8_t *p, size_t size)
{
    return size == 4 ? u32(s, p) : s->big ? eg_be64(p) : eg_le64(p);
}

// Bytes before @end (fewer at the start of the space), zeros for what is not there. Freed by the
// caller.
static uint8_t *bytes_before(const struct scan *s, uint64_t end, size_t *len)
{
    uint8_t *p;

    *len = (size_t)EG_MIN((uint64_t)*len, end);
    p = malloc(*len + 1);
    if (p)
        eg_read_some(s->view, s->space, end - *len, p, *len, NULL);
    return p;
}

/* ---- token_table and token_index ---- */

// Is the offset that @index has for each token where its text begins? @digit: offset of "0" in @p.
static bool index_agrees(const struct scan *s, const uint8_t *p, size_t digit, const uint8_t *index,
                         size_t *table)
{
    const size_t first = u16(s, index + 2 * DIGIT);

    if (first > digit || u16(s, index) != 0)
        return false;
    p += digit - first;
    for (size_t i = 0; i < TOKENS; i++) {
        const size_t at = u16(s, index + 2 * i);
        const size_t next = i + 1 < TOKENS ? u16(s, index + 2 * (i + 1))
                                           : at + strnlen((const char *)p + at, BEFORE) + 1;

        if (next <= at || p + next > index ||
            strnlen((const char *)p + at, next - at) + 1 != next - at)
            return false;
    }
    *table = digit - first;
    return true;
}

static bool find_tokens(struct scan *s, uint64_t hit)
{
    uint8_t p[BEFORE + AFTER];
    const size_t digit = (size_t)EG_MIN((uint64_t)BEFORE, hit);
    size_t end = digit, table;

    eg_read_some(s->view, s->space, hit - digit, p, digit + AFTER, NULL);
    for (int i = DIGIT; i < TOKENS; i++) {
        end += strnlen((const char *)p + end, digit + AFTER - end) + 1;
        if (end + 8 + 2 * TOKENS > digit + AFTER)
            return false;
    }
    for (uint64_t align = 8; align >= 4; align /= 2) {
        const size_t index = (size_t)(eg_align_up(hit - digit + end, align) - (hit - digit));

        if (!index_agrees(s, p, digit, p + index, &table) || (hit - digit + table) % 4)
            continue;
        s->k.token_table = hit - digit + table;
        s->k.token_index = hit - digit + index;
        return true;
    }
    return false;
}

/* ---- markers ---- */

static bool is_step(uint64_t from, uint64_t to)
{
    return to > from && to - from >= STEP_MIN && to - from <= STEP_MAX;
}

// Markers that end at @p + @end: back from the last to the first, which is 0. @return how many.
static size_t markers_back(const struct scan *s, const uint8_t *p, size_t end, size_t size)
{
    size_t n = 1;

    if (end < size)
        return 0;
    while (n < MARKERS_MAX && end >= (n + 1) * size &&
           is_step(word(s, p + end - (n + 1) * size, size), word(s, p + end - n * size, size)))
        n++;
    return n >= MARKERS_MIN && !word(s, p + end - n * size, size) ? n : 0;
}

struct markers {
    uint8_t *bytes; // owned
    const uint8_t *first;
    uint64_t at; // address of the first
    size_t n, size;
};

// Right before token_table, up to 8 bytes of padding; or 3 bytes for every symbol between them
// (6.2).
static bool find_markers(const struct scan *s, struct markers *m)
{
    size_t len = 3 * EG_KS_SYMBOLS_MAX + 8 * MARKERS_MAX, end = 0;

    *m = (struct markers){ .bytes = bytes_before(s, s->k.token_table, &len) };
    if (!m->bytes)
        return false;
    for (size_t try = 0; try < 4 && !m->n && len > 4; try++) {
        end = len - (try & 1 ? 4 : 0);
        m->size = try & 2 ? 8 : 4;
        m->n = markers_back(s, m->bytes, end, m->size);
    }
    for (size_t gap = 3 * (MARKERS_MIN - 1) * MARKED; !m->n && gap < len; gap += 4) {
        // The number of symbols determines that of markers: names are walked only if it fits.
        const size_t most = (gap / 3 + MARKED - 1) / MARKED;

        end = len - gap;
        m->size = 4;
        for (size_t n = ((gap - 11) / 3 + MARKED - 1) / MARKED; !m->n && n <= most; n++)
            if (4 * n <= end && !u32(s, m->bytes + end - 4 * n) &&
                is_step(0, u32(s, m->bytes + end - 4 * n + 4)) &&
                markers_back(s, m->bytes, end, 4) == n)
                m->n = n;
    }
    m->first = m->bytes + end - m->n * m->size;
    m->at = s->k.token_table - (len - (size_t)(m->first - m->bytes));
    return m->n;
}

/* ---- names ---- */

// Do @count names from @p lead to each marker, and end where the markers begin?
static bool names_agree(const struct scan *s, const struct markers *m, const uint8_t *p, size_t len,
                        uint32_t count)
{
    size_t at = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t head, n;

        if (at + 2 > len ||
            (i % MARKED == 0 && word(s, m->first + i / MARKED * m->size, m->size) != at))
            return false;
        n = eg_kallsyms_length(p + at, &head);
        if (!n)
            return false;
        at += head + n;
    }
    return at <= len && len - at < 8;
}

// Their number stands before them: a u32, the same with 4 bytes of padding, or an unsigned long
// (before 4.20). @return 0: not a place where names begin.
static uint32_t count_before(const struct scan *s, const uint8_t *names, size_t n_markers)
{
    const uint32_t near = u32(s, names - 4), far = u32(s, names - 8);
    const uint32_t count = near ? near : far;

    return (count + (uint64_t)MARKED - 1) / MARKED == n_markers ? count : 0;
}

static bool find_names(struct scan *s, const struct markers *m)
{
    const uint64_t last = word(s, m->first + (m->n - 1) * m->size, m->size);
    size_t len = (size_t)last + STEP_MAX;
    bool good = false;
    int tries = 0;
    uint8_t *p;

    if (last > NAMES_MAX)
        return false;
    p = bytes_before(s, m->at, &len);
    for (size_t at = 8 + (len & 3); p && at + last < len && !good && tries < TRIES; at += 4) {
        s->k.count = count_before(s, p + at, m->n);
        if (!s->k.count)
            continue;
        tries++;
        good = names_agree(s, m, p + at, len - at, s->k.count);
        s->k.names = m->at - (len - at);
        s->k.num_syms = s->k.names - (u32(s, p + at - 4) ? 4 : 8);
    }
    free(p);
    return good;
}

/* ---- addresses ---- */

// Is the variable at @at a relative_base: the address of _text or _stext?
static bool is_base(const struct scan *s, uint64_t at, uint8_t ptr_size)
{
    uint64_t base;
    uint32_t low = 0;

    if (ptr_size == 8 ? !eg_read_u64(s->view, s->space, at, s->big, &base)
                      : !eg_read_u32(s->view, s->space, at, s->big, &low))
        return false;
    base = ptr_size == 8 ? base : low;
    return base && !(base & 0xfff);
}

static bool addresses_at(struct scan *s, uint8_t ptr_size, enum eg_kallsyms_form form,
                         uint64_t offsets, uint64_t relative_base)
{
    struct eg_kallsyms_addresses a;

    if (relative_base && !is_base(s, relative_base, ptr_size))
        return false;
    s->k.ptr_size = ptr_size;
    s->k.form = form;
    s->k.offsets = offsets;
    s->k.relative_base = relative_base;
    if (eg_kallsyms_addresses(&a, s->view, &s->k, NULL) < 0)
        return false;
    s->k.form = a.form;
    free(a.raw);
    return true;
}

static bool find_addresses(struct scan *s)
{
    const uint64_t bytes = 4 * (uint64_t)s->k.count, behind = s->k.token_index + 2 * TOKENS;

    for (uint8_t ptr = 8; ptr >= 4; ptr /= 2) {
        const uint64_t after = eg_align_up(behind, ptr);
        const uint64_t before = s->k.names - ptr; // num_syms, padded

        if (addresses_at(s, ptr, 0, after, eg_align_up(after + bytes, ptr)) ||
            (before > bytes &&
             addresses_at(s, ptr, 0, before - ptr - eg_align_up(bytes, ptr), before - ptr)) ||
            (before > ptr * (uint64_t)s->k.count &&
             addresses_at(s, ptr, EG_KS_ABSOLUTE, before - ptr * (uint64_t)s->k.count, 0)))
            return true;
    }
    return addresses_at(s, 8, EG_KS_PLACE_RELATIVE, behind, 0);
}

/* ---- the scan ---- */

static bool find_table(struct scan *s, uint64_t hit, int *budget)
{
    struct markers m;
    bool good;

    s->k = (struct eg_kallsyms){ .space = s->space, .big_endian = s->big };
    --*budget;
    if (!find_tokens(s, hit))
        return false;
    *budget -= TABLE_COST;
    good = find_markers(s, &m) && find_names(s, &m) && find_addresses(s);
    free(m.bytes);
    return good;
}

// Where in @p the digits are, or @len.
static size_t find_digits(const uint8_t *p, size_t len)
{
    const uint8_t *hit = memmem(p, len, digits, DIGITS);

    return hit ? (size_t)(hit - p) : len;
}

// The next hit in a window at @from that is @len bytes long and lies at @p; also one that begins in
// it and ends behind it.
static size_t next_hit(struct scan *s, uint64_t from, const uint8_t *p, size_t len)
{
    const size_t at = find_digits(p, len), tail = EG_MIN(len, (size_t)DIGITS - 1);
    uint8_t seam[2 * DIGITS];
    size_t hit;

    if (at < len || !eg_read(s->view, s->space, from + len - tail, seam, tail + (size_t)DIGITS - 1))
        return at;
    hit = find_digits(seam, tail + DIGITS - 1);
    return hit < tail ? len - tail + hit : len;
}

size_t eg_kallsyms_scan(struct eg_view *v, struct eg_space *as, uint64_t from, uint64_t to,
                        bool big_endian, bool (*found)(void *context, const struct eg_kallsyms *k),
                        void *context, int *budget)
{
    struct scan s = { .view = v, .space = as, .big = big_endian };
    int own = BUDGET;
    size_t n = 0;

    budget = budget ? budget : &own;
    to = EG_MIN(to, as->last);
    while (from <= to && *budget > 0) {
        size_t len = (size_t)EG_MIN(to - from, (uint64_t)WINDOW - 1) + 1, step = len;
        const uint8_t *p = eg_map_some(v, as, from, &len);

        if (p) {
            const size_t hit = next_hit(&s, from, p, len);

            step = hit < len ? hit + 1 : len;
            if (hit < len && find_table(&s, from + hit, budget)) {
                n++;
                if (found(context, &s.k))
                    break;
            }
        } else {
            struct eg_extent x;

            if (!eg_next_mapped(v, as, from, to, &x))
                break;
            // The page tables map it, but physical memory has nothing there: try the next page.
            step = x.start > from ? x.start - from : EG_VIEW_PAGE - (from & (EG_VIEW_PAGE - 1));
        }
        if (to - from < step)
            break;
        from += step;
    }
    return n;
}
