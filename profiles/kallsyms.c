/* kallsyms.c - decodes the kernel's own symbol table (kernel/kallsyms.c, scripts/kallsyms.c).
 *
 *    names         for each symbol a length (one byte; since 6.1 two when the first one has its
 *                  highest bit set) and as many token numbers; the texts of these tokens, one
 *                  behind the other, are the type letter and the name
 *    token_table   256 strings
 *    token_index   256 x u16: the offset of each string in token_table
 *    offsets       for each symbol an i32; or addresses, for each an unsigned long */
#include "kallsyms.h"
#include "../core/parallel.h"
#include "kallsyms_tables.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    PIECE = 2048, // symbols
    TOKENS = 256,
    TOKEN_MAX = 512,
    COPY = 16, // a short token is copied as so many bytes
    NAMES_MAX = 64 << 20,
    TEXT_MEAN_MAX = 128, // bytes of a name, on the average of all
};

static int damaged(struct eg_error *e, const char *what, uint64_t at)
{
    return eg_fail(e, EG_EFORMAT,
                   "kallsyms: %s at %#" PRIx64 ": damaged, or no symbol table; look for it by "
                   "its shape, or give a System.map",
                   what, at);
}

/* ---- addresses ---- */

static bool rises(const struct eg_kallsyms_addresses *a, uint32_t count)
{
    uint32_t up = 0, down = 0;
    uint64_t last = eg_kallsyms_address(a, 0);

    for (uint32_t i = 1; i < count; i++) {
        const uint64_t addr = eg_kallsyms_address(a, i);

        up += addr > last;
        down += addr < last;
        last = addr;
    }
    return up >= count / 2 && down <= count / 100;
}

int eg_kallsyms_addresses(struct eg_kallsyms_addresses *out, struct eg_view *v,
                          const struct eg_kallsyms *k, struct eg_error *e)
{
    struct eg_kallsyms_addresses a = { .big_endian = k->big_endian, .ptr_size = k->ptr_size };
    const size_t each = k->form == EG_KS_ABSOLUTE ? k->ptr_size : 4;
    enum eg_kallsyms_form forms[2] = { k->form, k->form };
    uint32_t negative = 0;
    uint64_t base = 0;

    if (k->relative_base) {
        uint32_t low;

        if (k->ptr_size == 8 ? !eg_read_u64(v, k->space, k->relative_base, k->big_endian, &base)
                             : !eg_read_u32(v, k->space, k->relative_base, k->big_endian, &low))
            return damaged(e, "relative base", k->relative_base);
        base = k->ptr_size == 8 ? base : low;
    }
    a.raw = malloc(k->count * each);
    if (!a.raw)
        return eg_fail(e, EG_ENOMEM, "kallsyms: out of memory");
    if (!eg_read(v, k->space, k->offsets, a.raw, k->count * each)) {
        free(a.raw);
        return damaged(e, "offsets", k->offsets);
    }
    for (uint32_t i = 0; i < k->count && !k->form; i++)
        negative += a.raw[4 * i + (k->big_endian ? 0 : 3)] >> 7;
    if (!k->form && !k->relative_base) {
        forms[0] = forms[1] = EG_KS_PLACE_RELATIVE;
    } else if (!k->form) {
        forms[negative > k->count / 2 ? 0 : 1] = EG_KS_ABS_PERCPU;
        forms[negative > k->count / 2 ? 1 : 0] = EG_KS_BASE_RELATIVE;
    }
    for (int i = 0; i < 2; i++) {
        a.form = forms[i];
        a.base = a.form == EG_KS_PLACE_RELATIVE ? k->offsets + k->va_delta : base;
        if (rises(&a, k->count)) {
            *out = a;
            return 0;
        }
    }
    free(a.raw);
    return damaged(e, "addresses that do not rise", k->offsets);
}

/* ---- names ---- */

struct table {
    struct eg_view *view;
    const struct eg_kallsyms *k;
    struct eg_kallsyms_addresses addresses;
    struct token {
        const char *text;
        uint32_t len;
    } tokens[TOKENS];
    char *token_texts;
    const uint8_t *names;
    size_t names_len;   // of them in our memory
    uint8_t *own_names; // NULL: they are the view's
    struct piece {
        uint32_t names; // where its first name is
        uint32_t text;  // and where its text will be
    } * pieces;         // and one past the last
    size_t n_pieces;
    char *text;
    struct eg_symbol *symbols;
};

static void table_fini(struct table *t)
{
    free(t->addresses.raw);
    free(t->token_texts);
    free(t->own_names);
    free(t->pieces);
}

static int read_tokens(struct table *t, struct eg_error *e)
{
    const struct eg_kallsyms *k = t->k;
    uint8_t index[2 * TOKENS];
    size_t at = 0, len;

    if (!eg_read(t->view, k->space, k->token_index, index, sizeof index))
        return damaged(e, "token index", k->token_index);
    len = k->big_endian ? eg_be16(index + 2 * (TOKENS - 1)) : eg_le16(index + 2 * (TOKENS - 1));
    len += TOKEN_MAX;
    t->token_texts = calloc(1, len + COPY);
    if (!t->token_texts)
        return eg_fail(e, EG_ENOMEM, "kallsyms: out of memory");
    eg_read_some(t->view, k->space, k->token_table, t->token_texts, len, NULL);
    for (size_t i = 0; i < TOKENS; i++) {
        const uint16_t start = k->big_endian ? eg_be16(index + 2 * i) : eg_le16(index + 2 * i);

        t->tokens[i].text = t->token_texts + at;
        t->tokens[i].len = (uint32_t)strnlen(t->token_texts + at, len - at);
        if (start != at || at + t->tokens[i].len >= len)
            return damaged(e, "token table", k->token_table + at);
        for (size_t c = 0; c < t->tokens[i].len; c++)
            if (t->tokens[i].text[c] <= ' ' || t->tokens[i].text[c] == 0x7f)
                return damaged(e, "token that is no text", k->token_table + at);
        at += t->tokens[i].len + 1;
    }
    return 0;
}

// The total length of the names is not stored; token_table follows them. If they are contiguous in
// our memory, they are used in place, which is safe because nothing else is read through the view
// from here on. If not, they are copied piece by piece while their lengths are read.
static bool more_names(struct table *t)
{
    const struct eg_kallsyms *k = t->k;
    size_t len = t->names_len ? 2 * t->names_len : (size_t)k->count * 16 + 4096;
    uint8_t *names;

    if (!t->names_len && k->token_table > k->names && k->token_table - k->names < NAMES_MAX) {
        size_t whole = len = (size_t)(k->token_table - k->names);
        const uint8_t *p = eg_map_some(t->view, k->space, k->names, &whole);

        if (p && whole == len) {
            t->names = p;
            t->names_len = len;
            return true;
        }
    }
    names = len <= NAMES_MAX && (t->own_names || !t->names_len) ? realloc(t->own_names, len) : NULL;
    if (!names)
        return false;
    t->names = t->own_names = names;
    len -= t->names_len;
    names += t->names_len;
    t->names_len += len;
    return eg_read_some(t->view, k->space, k->names + (t->names_len - len), names, len, NULL);
}

// One quick walk over the lengths: where each piece begins.
static int find_pieces(struct table *t, struct eg_error *e)
{
    size_t at = 0;

    t->n_pieces = (t->k->count + PIECE - 1) / PIECE;
    t->pieces = calloc(t->n_pieces + 1, sizeof *t->pieces);
    if (!t->pieces)
        return eg_fail(e, EG_ENOMEM, "kallsyms: out of memory");
    for (uint32_t i = 0; i < t->k->count; i++) {
        uint32_t head, len;

        while (at + 2 > t->names_len)
            if (!more_names(t))
                return damaged(e, "names", t->k->names + at);
        if (i % PIECE == 0)
            t->pieces[i / PIECE].names = (uint32_t)at;
        len = eg_kallsyms_length(t->names + at, &head);
        if (!len)
            return damaged(e, "empty name", t->k->names + at);
        at += head + len;
    }
    while (at > t->names_len)
        if (!more_names(t))
            return damaged(e, "names", t->k->names + at);
    return 0;
}

// First pass: the length of a piece's text, with a letter and a NUL for each symbol.
static int measure(void *context, size_t piece, unsigned worker)
{
    struct table *t = context;
    const uint8_t *p = t->names + t->pieces[piece].names;
    const size_t count = EG_MIN(t->k->count - piece * PIECE, (size_t)PIECE);
    uint32_t sum = 0;

    (void)worker;
    for (size_t i = 0; i < count; i++) {
        uint32_t head, len = eg_kallsyms_length(p, &head), text = 0;

        p += head;
        for (const uint8_t *end = p + len; p < end; p++)
            text += t->tokens[*p].len;
        if (text < 2 || text > EG_KS_NAME_MAX)
            return 1;
        sum += text + 1;
    }
    t->pieces[piece + 1].text = sum;
    return 0;
}

// Second pass: write letters, names and hashes to their final places.
static int decode(void *context, size_t piece, unsigned worker)
{
    struct table *t = context;
    const uint8_t *p = t->names + t->pieces[piece].names;
    const size_t last = EG_MIN((size_t)t->k->count, (piece + 1) * PIECE);
    char *out = t->text + t->pieces[piece].text;
    char *const end = t->text + t->pieces[piece + 1].text; // where the next piece's begins

    (void)worker;
    for (size_t i = piece * PIECE; i < last; i++) {
        char *const name = out + 1;
        uint32_t head, len = eg_kallsyms_length(p, &head);

        p += head;
        for (const uint8_t *stop = p + len; p < stop; p++) {
            const struct token *token = &t->tokens[*p];

            if (token->len <= COPY && end - out >= COPY)
                memcpy(out, token->text, COPY);
            else
                memcpy(out, token->text, token->len);
            out += token->len;
        }
        *out = 0;
        t->symbols[i] = (struct eg_symbol){
            .addr = eg_kallsyms_address(&t->addresses, (uint32_t)i),
            .name = (uint32_t)(name - t->text),
            .hash = eg_hash(name, (size_t)(out - name)),
            .letter = (uint8_t)name[-1],
        };
        out++;
    }
    return 0;
}

static int read_names(struct table *t, unsigned threads, struct eg_builder *b, struct eg_error *e)
{
    uint64_t total = 1; // text begins with the empty name

    if (eg_parallel(threads, t->n_pieces, measure, t))
        return damaged(e, "a name that is none", t->k->names);
    for (size_t i = 0; i <= t->n_pieces; i++) {
        total += t->pieces[i].text;
        t->pieces[i].text = (uint32_t)total;
    }
    if (total > (uint64_t)t->k->count * TEXT_MEAN_MAX)
        return damaged(e, "names longer than can be", t->k->names);
    t->text = eg_builder_strings(b, NULL, total);
    t->symbols = eg_builder_symbols(b, t->k->count);
    if (!t->text || !t->symbols)
        return eg_fail(e, EG_ENOMEM, "kallsyms: out of memory");
    t->text[0] = 0;
    eg_parallel(threads, t->n_pieces, decode, t);
    return 0;
}

// Before 4.20 kallsyms_num_syms was an unsigned long, whose other half is 0 (kernel/kallsyms.c).
static int read_count(struct eg_view *v, struct eg_kallsyms *k, struct eg_error *e)
{
    uint32_t low = k->count;
    uint64_t count = 0;

    if (!low && (!eg_read_u32(v, k->space, k->num_syms, k->big_endian, &low) ||
                 (!low && k->big_endian && k->ptr_size == 8 &&
                  !eg_read_u64(v, k->space, k->num_syms, true, &count))))
        return damaged(e, "number of symbols", k->num_syms);
    count = low ? low : count;
    if (!count || count > EG_KS_SYMBOLS_MAX)
        return damaged(e, "number of symbols that cannot be", k->num_syms);
    k->count = (uint32_t)count;
    return 0;
}

static int read_table(struct table *t, struct eg_builder *b, unsigned threads, struct eg_error *e)
{
    int rc = eg_kallsyms_addresses(&t->addresses, t->view, t->k, e);

    if (!rc)
        rc = read_tokens(t, e);
    if (!rc)
        rc = find_pieces(t, e);
    if (!rc)
        rc = read_names(t, threads, b, e);
    return rc;
}

int eg_kallsyms_read(struct eg_profile **out, struct eg_view *v, struct eg_kallsyms *k,
                     unsigned threads, struct eg_error *e)
{
    struct table t = { .view = v, .k = k };
    struct eg_builder *b;
    int rc;

    assert(k->ptr_size == 4 || k->ptr_size == 8);
    rc = read_count(v, k, e);
    if (rc)
        return rc;
    b = eg_builder_new((struct eg_model){ k->ptr_size, k->ptr_size, k->big_endian },
                       "kallsyms of the image");
    rc = read_table(&t, b, threads, e);
    if (rc) {
        eg_builder_free(b);
    } else {
        k->form = t.addresses.form;
        rc = eg_builder_finish(b, out, NULL, e);
    }
    table_fini(&t);
    return rc;
}
