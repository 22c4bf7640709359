/* vmcoreinfo.c - kernel/vmcore_info.c (crash_core.c before 6.9): an ELF note that fills the start
 * of a page, namesz 11, type 0, then lines of KEY=VALUE. */
#include "vmcoreinfo.h"
#include <stdio.h>

static const char first_key[] = "OSRELEASE=";

enum { NOTE_TEXT = 24, TEXT_MAX = 65536 };

// The text ends at the first NUL: vmcoreinfo_data is a whole page, and the size in a note is not
// reliable.
static bool take_text(const uint8_t *p, size_t len, struct eg_vmcoreinfo *v)
{
    if (len < sizeof first_key || memcmp(p, first_key, sizeof first_key - 1) != 0)
        return false;
    *v = (struct eg_vmcoreinfo){ (const char *)p, strnlen((const char *)p, len) };
    return true;
}

bool eg_vmcoreinfo_page(const uint8_t *page, size_t len, bool *bare, struct eg_vmcoreinfo *v)
{
    uint32_t size;

    if (take_text(page, len, v)) {
        *bare = true;
        return true;
    }
    // The byte order is not known yet: namesz, 11, tells it.
    if (len < NOTE_TEXT || memcmp(page + 12, "VMCOREINFO", 11) != 0 || eg_le32(page + 8) != 0)
        return false;
    if (eg_le32(page) == 11)
        size = eg_le32(page + 4);
    else if (eg_be32(page) == 11)
        size = eg_be32(page + 4);
    else
        return false;
    if (size > TEXT_MAX || !take_text(page + NOTE_TEXT, EG_MIN(size, len - NOTE_TEXT), v))
        return false;
    *bare = false;
    return true;
}

bool eg_vmcoreinfo_next(const struct eg_vmcoreinfo *v, size_t *at, const char **key, size_t *klen,
                        const char **value, size_t *vlen)
{
    while (*at < v->len) {
        const char *line = v->text + *at;
        const char *end = memchr(line, '\n', v->len - *at);
        const size_t len = end ? (size_t)(end - line) : v->len - *at;
        const char *equals = memchr(line, '=', len);

        *at += len + (end != NULL);
        if (!equals)
            continue;
        *key = line;
        *klen = (size_t)(equals - line);
        *value = equals + 1;
        *vlen = len - *klen - 1;
        return true;
    }
    return false;
}

bool eg_vmcoreinfo_text(const struct eg_vmcoreinfo *v, const char *key, char *out, size_t size)
{
    const char *k, *value;
    size_t at = 0, klen, vlen;

    while (eg_vmcoreinfo_next(v, &at, &k, &klen, &value, &vlen)) {
        if (klen != strlen(key) || memcmp(k, key, klen) != 0)
            continue;
        if (vlen >= size)
            return false;
        memcpy(out, value, vlen);
        out[vlen] = 0;
        return true;
    }
    return false;
}

// A number, if the whole text is one and it fits into 64 bits.
static bool number(const char *text, int base, uint64_t *out)
{
    const bool negative = *text == '-';
    uint64_t value = 0;

    text += negative;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        base = 16;
    } else if (!base) {
        base = 10;
    }
    if (!*text)
        return false;
    for (; *text; text++) {
        const char c = *text | 0x20;
        const int digit = c >= 'a' ? c - 'a' + 10 : *text - '0';

        if (digit < 0 || digit >= base || !eg_mul(value, (uint64_t)base, &value) ||
            !eg_add(value, (uint64_t)digit, &value))
            return false;
    }
    *out = negative ? 0 - value : value;
    return true;
}

bool eg_vmcoreinfo_hex(const struct eg_vmcoreinfo *v, const char *key, uint64_t *out)
{
    char text[64];

    return eg_vmcoreinfo_text(v, key, text, sizeof text) && number(text, 16, out);
}

bool eg_vmcoreinfo_symbol(const struct eg_vmcoreinfo *v, const char *name, uint64_t *out)
{
    char key[256];

    return (size_t)snprintf(key, sizeof key, "SYMBOL(%s)", name) < sizeof key &&
           eg_vmcoreinfo_hex(v, key, out);
}

bool eg_vmcoreinfo_number(const struct eg_vmcoreinfo *v, const char *name, int64_t *out)
{
    const bool whole = strchr(name, '(') != NULL;
    char key[256], text[64];
    uint64_t value;

    if ((size_t)snprintf(key, sizeof key, whole ? "%s" : "NUMBER(%s)", name) >= sizeof key ||
        !eg_vmcoreinfo_text(v, key, text, sizeof text) || !number(text, 0, &value))
        return false;
    *out = (int64_t)value;
    return true;
}
