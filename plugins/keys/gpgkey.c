/* gpgkey.c - S-expressions with private keys, taken apart without recursion. */
#include "gpgkey.h"

/* ---- words ---- */

enum sexp { SEXP_BAD, SEXP_OPEN, SEXP_CLOSE, SEXP_ATOM };

struct reader {
    struct eg_key_bytes from;
    struct eg_gpg_key *key; // whose store gets what must be decoded
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("-./_:*+=", c));
}

static void skip(struct reader *r, size_t n)
{
    r->from.at += n;
    r->from.n -= n;
}

static bool keep(struct reader *r, uint8_t byte)
{
    if (r->key->used == sizeof r->key->store)
        return false;
    r->key->store[r->key->used++] = byte;
    return true;
}

static int hex_of(uint8_t c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* "#00C4 17…#": blanks may stand between the digits. */
static enum sexp read_hex(struct reader *r, struct eg_key_bytes *atom)
{
    int high = -1;

    atom->at = r->key->store + r->key->used;
    for (skip(r, 1); r->from.n; skip(r, 1)) {
        const uint8_t c = *r->from.at;
        const int digit = hex_of(c);

        if (c == '#') {
            skip(r, 1);
            atom->n = (size_t)(r->key->store + r->key->used - atom->at);
            return high < 0 ? SEXP_ATOM : SEXP_BAD;
        }
        if (is_blank(c))
            continue;
        if (digit < 0 || (high >= 0 && !keep(r, (uint8_t)(high << 4 | digit))))
            return SEXP_BAD;
        high = high < 0 ? digit : -1;
    }
    return SEXP_BAD;
}

/* "3:rsa"; or a word, which may begin with a digit too. */
static enum sexp read_word(struct reader *r, struct eg_key_bytes *atom)
{
    const uint8_t *p = r->from.at;
    size_t n = 0, len = 0;

    while (n < r->from.n && n < 6 && is_digit(p[n]))
        len = 10 * len + (size_t)(p[n++] - '0');
    if (n && n < r->from.n && p[n] == ':') {
        n++;
        if (len > r->from.n - n)
            return SEXP_BAD;
        *atom = (struct eg_key_bytes){ p + n, len };
        skip(r, n + len);
        return SEXP_ATOM;
    }
    for (n = 0; n < r->from.n && is_word(p[n]);)
        n++;
    *atom = (struct eg_key_bytes){ p, n };
    skip(r, n);
    return n ? SEXP_ATOM : SEXP_BAD;
}

/* Of quoted text nobody needs the characters. */
static enum sexp read_quoted(struct reader *r, struct eg_key_bytes *atom)
{
    size_t n = 1;

    while (n < r->from.n && r->from.at[n] != '"')
        n += r->from.at[n] == '\\' ? 2 : 1;
    if (n >= r->from.n)
        return SEXP_BAD;
    *atom = (struct eg_key_bytes){ r->from.at + 1, n - 1 };
    skip(r, n + 1);
    return SEXP_ATOM;
}

static enum sexp next(struct reader *r, struct eg_key_bytes *atom)
{
    while (r->from.n && is_blank(*r->from.at))
        skip(r, 1);
    if (!r->from.n)
        return SEXP_BAD;
    switch (*r->from.at) {
    case '(':
        skip(r, 1);
        return SEXP_OPEN;
    case ')':
        skip(r, 1);
        return SEXP_CLOSE;
    case '#':
        return read_hex(r, atom);
    case '"':
        return read_quoted(r, atom);
    default:
        return read_word(r, atom);
    }
}

/* ---- the key ---- */

static bool copy(struct eg_key_bytes atom, char *out, size_t size)
{
    if (atom.n >= size)
        return false;
    for (size_t i = 0; i < atom.n; i++)
        if (atom.at[i] < ' ' || atom.at[i] > '~')
            return false;
    memcpy(out, atom.at, atom.n);
    out[atom.n] = 0;
    return true;
}

/* Each byte of memory is read for the lists around it: these are few. */
enum { DEPTH_MAX = 8 };

/* (private-key (ecc (curve …) (flags …) (q …) (d …)) (comment …)): where a word stands. */
struct place {
    unsigned depth;
    unsigned lists;           // within the outermost, so far: the first has the key
    unsigned words;           // of the list at depth 3, so far
    struct eg_key_bytes name; // its first
};

static bool take_word(struct eg_gpg_key *k, struct place *at, struct eg_key_bytes word)
{
    if (at->depth == 1 && !at->lists) {
        k->protected = eg_ssh_is(word, "protected-private-key");
        return k->protected || eg_ssh_is(word, "private-key");
    }
    if (at->lists != 1 || at->depth > 3)
        return true;
    if (at->depth == 2)
        return *k->algorithm || copy(word, k->algorithm, sizeof k->algorithm);
    if (!at->words++) {
        at->name = word;
        return true;
    }
    if (eg_ssh_is(at->name, "curve"))
        return copy(word, k->curve, sizeof k->curve);
    if (eg_ssh_is(at->name, "flags")) {
        k->eddsa |= eg_ssh_is(word, "eddsa");
        k->djb |= eg_ssh_is(word, "djb-tweak");
    } else if (at->name.n == 1 && *at->name.at >= 'a' && *at->name.at <= 'z' && at->words == 2) {
        k->of[*at->name.at - 'a'] = word;
    }
    return true;
}

bool eg_gpg_read(const uint8_t *p, size_t len, struct eg_gpg_key *out)
{
    struct reader r = { { p, EG_MIN(len, (size_t)KEY_MAX) }, out };
    struct place at = { 0 };
    struct eg_key_bytes atom;

    memset(out, 0, offsetof(struct eg_gpg_key, store));
    do {
        switch (next(&r, &atom)) {
        case SEXP_BAD:
            return false;
        case SEXP_OPEN:
            at.lists += at.depth == 1;
            at.words = 0;
            if (++at.depth > DEPTH_MAX)
                return false;
            break;
        case SEXP_CLOSE:
            if (!at.depth--)
                return false;
            break;
        case SEXP_ATOM:
            if (!at.depth || !take_word(out, &at, atom))
                return false;
        }
    } while (at.depth);
    out->size = (size_t)(r.from.at - p);
    return *out->algorithm != 0;
}

size_t eg_gpg_begins(const uint8_t *p, size_t len)
{
    static const char *const forms[] = { "(private-key", "(protected-private-key",
                                         "(11:private-key(", "(21:protected-private-key(" };

    for (size_t i = 0; i < countof(forms); i++)
        if (len >= strlen(forms[i]) && !memcmp(p, forms[i], strlen(forms[i])))
            return strlen(forms[i]);
    return 0;
}
