/* address.c - numbers and addresses as users write them. */
#include "address.h"
#include <errno.h>
#include <stdlib.h>

static const char hex_digits[] = "0123456789abcdefABCDEF";
enum { NAME_MAX_LEN = 511, BARE_DIGITS = 16 };

size_t eg_number_at(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text, *unit;
    char *end;
    uint64_t v;

    if (!strspn(digits, hex ? hex_digits : "0123456789"))
        return 0;
    errno = 0;
    v = strtoull(digits, &end, hex ? 16 : 10);
    if (errno)
        return 0;
    if (*end && (unit = strchr(units, *end))) {
        if (!eg_mul(v, UINT64_C(1) << 10 * (unit - units + 1), &v))
            return 0;
        end++;
    }
    *out = v;
    return (size_t)(end - text);
}

bool eg_number_parse(const char *text, uint64_t *out)
{
    uint64_t v;
    const size_t n = eg_number_at(text, &v);

    if (!n || text[n])
        return false;
    *out = v;
    return true;
}

static int not_one(const char *text, struct eg_error *e)
{
    return eg_fail(e, EG_EUSAGE,
                   "'%.200s': not an address: 0x1000, 4096, init_task, init_task+0x10", text);
}

/** Parse an ADDRESS and move *@text behind it. */
static int one(const char **text, const struct eg_names *names, uint64_t *out, struct eg_error *e)
{
    const char *s = *text;
    char name[NAME_MAX_LEN + 1];
    const size_t len = strcspn(s, "+-,");
    const bool number = *s >= '0' && *s <= '9';
    const bool bare = len == BARE_DIGITS && strspn(s, hex_digits) == len;
    uint64_t at, v;
    size_t n = len;

    if (bare) {
        at = strtoull(s, NULL, 16); // stops at the sign
    } else if (number) {
        if ((n = eg_number_at(s, &at)) != len)
            return not_one(*text, e);
    } else {
        if (!len || len > NAME_MAX_LEN)
            return not_one(*text, e);
        memcpy(name, s, len);
        name[len] = 0;
        if (!names)
            return eg_fail(e, EG_EUSAGE, "%s: a symbol is not possible here: give a number", name);
        if (!names->find(names->context, name, &at))
            return eg_fail(e, EG_EUSAGE, "%s: no symbol of this name", name);
    }
    for (s += n; *s == '+' || (*s == '-' && !number && !bare); s += n + 1) {
        if (!(n = eg_number_at(s + 1, &v))) {
            if (*s == '-') // up to another symbol
                break;
            return not_one(*text, e);
        }
        if (*s == '+' ? !eg_add(at, v, &at) : at < v)
            return eg_fail(e, EG_EUSAGE, "'%.200s': past the last address", *text);
        at -= *s == '-' ? v : 0;
    }
    *text = s;
    *out = at;
    return 0;
}

int eg_address_parse(const char *text, const struct eg_names *names, uint64_t *out,
                     struct eg_error *e)
{
    const char *s = text;
    uint64_t at;
    const int rc = one(&s, names, &at, e);

    if (rc < 0)
        return rc;
    if ((*s == ',' || *s == '-') && s[1])
        return eg_fail(e, EG_EUSAGE, "'%.200s': give one address here, not several", text);
    if (*s)
        return not_one(text, e);
    *out = at;
    return 0;
}

int eg_address_next(const char **text, const struct eg_names *names, struct eg_addresses *out,
                    struct eg_error *e)
{
    const char *s = *text;
    struct eg_addresses a = { 0 };
    uint64_t v;
    size_t n;
    int rc;

    if (!*s)
        return 0;
    if ((rc = one(&s, names, &a.first, e)) < 0)
        return rc;
    a.last = a.first;
    if (*s == '-') {
        s++;
        if ((rc = one(&s, names, &v, e)) < 0)
            return rc;
        if (v <= a.first)
            return eg_fail(e, EG_EUSAGE, "'%.200s': this range ends before it begins", *text);
        a.last = v - 1;
        a.range = true;
    } else if (s[0] == ',' && s[1] == '+') {
        if (!(n = eg_number_at(s + 2, &v)) || !v)
            return not_one(*text, e);
        if (!eg_add(a.first, v - 1, &a.last))
            return eg_fail(e, EG_EUSAGE, "'%.200s': past the last address", *text);
        s += n + 2;
        a.range = true;
    }
    if (*s && (*s != ',' || !s[1]))
        return not_one(*text, e);
    *text = s + (*s == ',');
    *out = a;
    return 1;
}

// Unsigned numbers of 64 bits are allowed, because addresses are such.
bool eg_number_next(const char **s, int64_t *out)
{
    const char *at = *s;
    const bool minus = *at == '-';
    uint64_t v;
    size_t n;

    at += minus || *at == '+';
    if (!(n = eg_number_at(at, &v)) || (at[n] && at[n] != ',') || (minus && v > INT64_MAX))
        return false;
    *s = at + n + (at[n] == ',' && at[n + 1]);
    *out = minus ? -(int64_t)v : (int64_t)v;
    return true;
}
