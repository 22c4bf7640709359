/* factor.c - a conservative reader of PCRE2's syntax (pcre2pattern(3)): what it does not know, it
 * says nothing about. */
#include "factor.h"

enum {
    STEPS_MAX = 512, // of one branch
    COPIES_MAX = 16, // of x in x{n}
    DEPTH_MAX = 32,
};

/** A step of a branch: exactly one byte of the set, or @min to @max of them. */
struct step {
    struct scan_set set;
    size_t min, max; // SIZE_MAX: no end
};
struct branch {
    struct step at[STEPS_MAX];
    size_t n;
};

struct reader {
    const char *p;
    bool ignore_case, literal;
    bool unknown; // something that we do not understand: give up
    int depth;
};

static size_t sum(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t product(size_t a, size_t b)
{
    return a && b > SIZE_MAX / a ? SIZE_MAX : a * b;
}

static void invert(struct scan_set *s)
{
    for (unsigned i = 0; i < 4; i++)
        s->bits[i] = ~s->bits[i];
}

static void add_range(struct scan_set *s, unsigned from, unsigned to)
{
    for (unsigned b = from; b <= to; b++)
        scan_set_add(s, (uint8_t)b);
}

/** \d, \w, \s and what they exclude. */
static bool class_of(char c, struct scan_set *out)
{
    *out = (struct scan_set){ { 0 } };
    switch (c | 0x20) {
    case 'd':
        add_range(out, '0', '9');
        break;
    case 'w':
        add_range(out, '0', '9');
        add_range(out, 'A', 'Z');
        add_range(out, 'a', 'z');
        scan_set_add(out, '_');
        break;
    case 's':
        add_range(out, '\t', '\r');
        scan_set_add(out, ' ');
        break;
    default:
        return false;
    }
    if (c >= 'A' && c <= 'Z')
        invert(out);
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'
               ? c - '0'
               : ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1);
}

/** The character behind a backslash at r->p, or -1. */
static int escaped(struct reader *r)
{
    static const char names[] = "nrtfae", values[] = "\n\r\t\f\a\x1b";
    const char c = *r->p, *name = c ? strchr(names, c) : NULL;
    int high, low;

    r->p += c != 0;
    if (name)
        return values[name - names];
    if (c == 'x' && (high = hex(r->p[0])) >= 0 && (low = hex(r->p[1])) >= 0) {
        r->p += 2;
        return high << 4 | low;
    }
    if (c && (unsigned char)c < 0x80 && !(c >= '0' && c <= '9') &&
        !((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return c;
    r->unknown = true;
    return -1;
}

/** One character or class inside of brackets. @return the character, -1 for a class. */
static int bracket_item(struct reader *r, struct scan_set *set)
{
    struct scan_set class;

    if (*r->p == '[' && (r->p[1] == ':' || r->p[1] == '.' || r->p[1] == '=')) {
        r->unknown = true;
        return -1;
    }
    if (*r->p != '\\')
        return (unsigned char)*r->p++;
    r->p++;
    if (class_of(*r->p, &class)) {
        r->p++;
        scan_set_join(set, &class);
        return -1;
    }
    if (*r->p == 'b') {
        r->p++;
        return '\b';
    }
    return escaped(r);
}

/** Behind the '['. */
static struct scan_set bracket(struct reader *r)
{
    struct scan_set set = { { 0 } };
    const bool inverted = *r->p == '^';

    r->p += inverted;
    for (bool first = true; !r->unknown && (first || *r->p != ']'); first = false) {
        int from, to;

        if (!*r->p) {
            r->unknown = true;
            break;
        }
        from = to = bracket_item(r, &set);
        if (from >= 0 && *r->p == '-' && r->p[1] != ']') {
            r->p++;
            to = bracket_item(r, &set);
            r->unknown |= to < from;
        }
        if (from >= 0 && to >= from)
            add_range(&set, (unsigned)from, (unsigned)to);
    }
    r->p += *r->p == ']';
    if (r->ignore_case)
        for (unsigned c = 'a'; c <= 'z'; c++)
            if (scan_set_has(&set, (uint8_t)c) || scan_set_has(&set, (uint8_t)(c - 32))) {
                scan_set_add(&set, (uint8_t)c);
                scan_set_add(&set, (uint8_t)(c - 32));
            }
    if (inverted)
        invert(&set);
    return set;
}

static struct scan_set one(const struct reader *r, unsigned char c)
{
    struct scan_set set = { { 0 } };

    scan_set_add(&set, c);
    if (r->ignore_case && (c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        scan_set_add(&set, c ^ 0x20);
    return set;
}

/** "*", "+", "?", "{n}", "{n,}", "{n,m}", with what may follow them. */
static void quantifier(struct reader *r, size_t *min, size_t *max)
{
    *min = *max = 1;
    if (*r->p == '*' || *r->p == '+' || *r->p == '?') {
        *min = *r->p == '+';
        *max = *r->p == '?' ? 1 : SIZE_MAX;
        r->p++;
    } else if (*r->p == '{') {
        size_t n[2] = { 0, 0 }, k = 0;
        const char *p = r->p + 1;

        r->unknown |= *p < '0' || *p > '9';
        for (; (*p >= '0' && *p <= '9') || (*p == ',' && !k); p++)
            if (*p == ',')
                n[++k] = p[1] == '}' ? SIZE_MAX : 0;
            else if (n[k] < 100000)
                n[k] = n[k] * 10 + (size_t)(*p - '0');
        r->unknown |= *p != '}';
        *min = n[0];
        *max = k ? n[1] : n[0];
        r->p = p + (*p != 0);
    } else {
        return;
    }
    r->p += *r->p == '?' || *r->p == '+';
}

static void push(struct reader *r, struct branch *b, struct scan_set set, size_t min, size_t max)
{
    if (!max)
        return;
    if (b->n == STEPS_MAX)
        r->unknown = true;
    else
        b->at[b->n++] = (struct step){ set, min, max };
}

/** @min to @max of a set: some for certain, and a gap. The certain ones stand where they are next
 * to what follows, or at the end of the branch to what is before. */
static void push_many(struct reader *r, struct branch *b, struct scan_set set, size_t min,
                      size_t max)
{
    const size_t sure = EG_MIN(min, (size_t)COPIES_MAX);
    const bool last = !*r->p || *r->p == '|' || *r->p == ')';
    const size_t rest = max == SIZE_MAX ? SIZE_MAX : max - sure;

    if (!last)
        push(r, b, set, min - sure, rest);
    for (size_t i = 0; i < sure; i++)
        push(r, b, set, 1, 1);
    if (last)
        push(r, b, set, min - sure, rest);
}

static bool alternatives(struct reader *r, struct branch *b, struct step *all,
                         bool (*each)(void *context, const struct branch *b), void *context);

/** A group of any content is one step: any number of its bytes. */
static void group(struct reader *r, struct branch *b)
{
    struct step all = { .min = SIZE_MAX };
    struct branch inner;
    size_t min, max;

    if (*r->p == '?' && r->p[1] == ':')
        r->p += 2;
    else
        r->unknown |= *r->p == '?' || *r->p == '*';
    if (r->unknown || ++r->depth > DEPTH_MAX) {
        r->unknown = true;
        return;
    }
    alternatives(r, &inner, &all, NULL, NULL);
    r->depth--;
    r->unknown |= *r->p != ')';
    r->p += *r->p == ')';
    quantifier(r, &min, &max);
    push(r, b, all.set, product(all.min, min), product(all.max, max));
}

/** Up to the end, a '|' or a ')'. */
static void sequence(struct reader *r, struct branch *b)
{
    b->n = 0;
    while (*r->p && !r->unknown && (r->literal || (*r->p != '|' && *r->p != ')'))) {
        struct scan_set set = { { 0 } };
        const unsigned char c = (unsigned char)*r->p++;
        size_t min, max;

        if (r->literal) {
            push(r, b, one(r, c), 1, 1);
            continue;
        }
        if (c == '(') {
            group(r, b);
            continue;
        }
        if (c == '^' || c == '$' || (c == '\\' && (*r->p | 0x20) == 'b')) {
            r->p += c == '\\';
            r->unknown |= *r->p && strchr("*+?{", *r->p) != NULL;
            continue;
        }
        if (c == '[') {
            set = bracket(r);
        } else if (c == '.') {
            scan_set_add(&set, '\n');
            invert(&set);
        } else if (c == '\\' && class_of(*r->p, &set)) {
            r->p++;
        } else {
            const int e = c == '\\' ? escaped(r) : c;

            r->unknown |= e < 0 || strchr("*+?{", c) != NULL;
            set = one(r, (unsigned char)e);
        }
        quantifier(r, &min, &max);
        push_many(r, b, set, min, max);
    }
}

/** Branches up to the end or a ')': all of them as one step, and each by itself. */
static bool alternatives(struct reader *r, struct branch *b, struct step *all,
                         bool (*each)(void *context, const struct branch *b), void *context)
{
    for (;;) {
        size_t min = 0, max = 0;

        sequence(r, b);
        if (r->unknown || (each && !each(context, b)))
            return false;
        for (size_t i = 0; i < b->n; i++) {
            scan_set_join(&all->set, &b->at[i].set);
            min = sum(min, b->at[i].min);
            max = sum(max, b->at[i].max);
        }
        all->min = EG_MIN(all->min, min);
        all->max = EG_MAX(all->max, max);
        if (*r->p != '|')
            return true;
        r->p++;
    }
}

/* ---- the rarest sequence of a branch ---- */

static bool is_one(const struct step *s)
{
    return s->min == 1 && s->max == 1;
}

static bool choose(void *context, const struct branch *b)
{
    struct scan_factors *out = context;
    struct scan_factor *f = &out->at[out->n];
    unsigned best = 0;
    size_t place = 0, before = 0;

    if (out->n == SCAN_BRANCHES_MAX)
        return false;
    for (size_t i = 0; i < b->n; i++) {
        struct scan_set sets[SCAN_FACTOR_MAX];

        for (size_t n = 0; n < SCAN_FACTOR_MAX && i + n < b->n && is_one(&b->at[i + n]); n++) {
            unsigned rare;

            sets[n] = b->at[i + n].set;
            rare = scan_rareness(sets, n + 1);
            if (rare > best) {
                best = rare;
                place = i;
                f->n = n + 1;
                memcpy(f->at, sets, sizeof sets);
            }
        }
    }
    if (best < 6) // too common to be of use
        return false;
    for (size_t i = 0; i < place; i++) {
        scan_set_join(&out->before, &b->at[i].set);
        before = sum(before, b->at[i].max);
    }
    out->before_max = EG_MAX(out->before_max, before);
    out->n++;
    return true;
}

bool scan_factors(const char *pattern, bool ignore_case, bool literal, struct scan_factors *out)
{
    struct reader r = { .p = pattern, .ignore_case = ignore_case, .literal = literal };
    struct step all = { .min = SIZE_MAX };
    struct branch b;

    out->n = 0;
    out->before = (struct scan_set){ { 0 } };
    out->before_max = 0;
    return alternatives(&r, &b, &all, choose, out) && !*r.p;
}
