/* isf_banner.c - finds which kernel an ISF document belongs to: its symbol linux_banner has the
 * text of the kernel's banner as "constant_data", in base64. The document has some 50 MB, so it
 * is searched instead of parsed. */
#include "isf.h"
#include <stdlib.h>

// Bytes searched at once, and the largest size of a symbol's object.
enum { WINDOW = 1 << 18, OBJECT = 1 << 14 };

static const char key[] = "\"linux_banner\"";

static size_t spaces(const uint8_t *p, size_t at, size_t n)
{
    while (at < n && (p[at] == ' ' || p[at] == '\t' || p[at] == '\r' || p[at] == '\n'))
        at++;
    return at;
}

/* The string that begins at p[@at], a quote: *@end is behind it. */
static bool string(const uint8_t *p, size_t at, size_t n, size_t *end)
{
    for (at++; at < n && p[at] != '"'; at++)
        at += p[at] == '\\';
    *end = at + 1;
    return at < n;
}

/* Base64 (RFC 4648) up to the end of the text's first line. */
static bool decode(const uint8_t *p, size_t n, char *out, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t have = 0, len = 0;

    for (size_t i = 0; i < n && p[i] != '='; i++) {
        const char *d = p[i] ? strchr(digits, p[i]) : NULL;
        char c;

        if (!d)
            return false;
        bits = bits << 6 | (uint32_t)(d - digits);
        have += 6;
        if (have < 8)
            continue;
        c = (char)(bits >> (have -= 8));
        if (!c || c == '\n')
            break;
        if (len + 1 >= size)
            return false;
        out[len++] = c;
    }
    out[len] = 0;
    return len != 0;
}

/* The symbol's object behind its name. */
static bool constant(const uint8_t *p, size_t n, char *out, size_t size)
{
    static const char wanted[] = "\"constant_data\"";
    size_t at = spaces(p, sizeof key - 1, n), end;
    unsigned depth = 0;

    if (at >= n || p[at] != ':')
        return false;
    for (at = spaces(p, at + 1, n); at < n; at++) {
        if (p[at] == '{') {
            depth++;
        } else if (p[at] == '}') {
            if (depth < 2)
                return false;
            depth--;
        } else if (!depth) {
            return false;
        } else if (p[at] == '"') {
            const size_t from = at;

            if (!string(p, at, n, &end))
                return false;
            at = end - 1;
            if (depth != 1 || end - from != sizeof wanted - 1 ||
                memcmp(p + from, wanted, sizeof wanted - 1) != 0)
                continue;
            at = spaces(p, end, n);
            if (at >= n || p[at] != ':')
                continue;
            at = spaces(p, at + 1, n);
            return at < n && p[at] == '"' && string(p, at, n, &end) &&
                   decode(p + at + 1, end - at - 2, out, size);
        }
    }
    return false;
}

bool eg_isf_banner_in(const struct eg_isf_source *from, char *out, size_t size)
{
    eg_cleanup(eg_free_) uint8_t *window = malloc(WINDOW);
    size_t n = 0, keep;
    long got = 1;

    while (window && got > 0) {
        const uint8_t *at = window, *hit;

        got = from->read(from->context, window + n, WINDOW - n, NULL);
        n += got > 0 ? (size_t)got : 0;
        for (; (hit = memmem(at, n - (size_t)(at - window), key, sizeof key - 1)); at = hit + 1) {
            const size_t left = n - (size_t)(hit - window);

            if (left < OBJECT && got > 0)
                break; // its object may not be there yet
            if (constant(hit, left, out, size))
                return true;
        }
        keep = EG_MIN(hit ? n - (size_t)(hit - window) : sizeof key - 2, n);
        memmove(window, window + n - keep, keep);
        n = keep;
    }
    return false;
}
