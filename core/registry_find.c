/* registry_find.c - plugins by the names that users give them; names that are nearly right. */
#include "registry.h"
#include <ctype.h>

/** Is @name equal to @alias, or to @alias without its class: "proc" for "proc.Maps"? */
static bool is_alias(const char *alias, const char *name)
{
    const char *dot = strrchr(alias, '.');
    const size_t len = strlen(name);

    return !strcasecmp(alias, name) ||
           (dot && isupper((unsigned char)dot[1]) && (size_t)(dot - alias) == len &&
            !strncasecmp(alias, name, len));
}

/** "linux.proc.Maps" is also "proc.Maps". */
static bool has_alias(const struct eg_plugin_reg *p, const char *name)
{
    for (const char *const *a = p->plugin->aliases; a && *a; a++) {
        const char *dot = strchr(*a, '.');

        if (is_alias(*a, name) || (dot && strchr(dot + 1, '.') && is_alias(dot + 1, name)))
            return true;
    }
    return false;
}

/** As in Volatility: "linux.NAME" and "linux.NAME.Class" for plugins of the system linux; in
 * Volatility 2 "linux_NAME". */
static bool is_dotted(const struct eg_plugin_reg *p, const char *name)
{
    size_t os = p->plugin->os ? strlen(p->plugin->os) : 0, n = strlen(p->name);
    bool dot;

    if (!os || strncasecmp(name, p->plugin->os, os) != 0 || (name[os] != '.' && name[os] != '_'))
        return false;
    dot = name[os] == '.';
    name += os + 1;
    return (!strncasecmp(name, p->name, n) &&
            (!name[n] || (dot && name[n] == '.' && name[n + 1]))) ||
           (!dot && has_alias(p, name));
}

const struct eg_plugin_reg *eg_plugin_find(const char *name)
{
    const struct eg_plugin_reg *p;

    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; (p = eg_plugin_nth(i)); i++)
            if (pass == 0 ? !strcasecmp(p->name, name)
                          : (pass == 1 ? has_alias(p, name) : is_dotted(p, name)))
                return p;
    return NULL;
}

/** Edit distance: insertions, deletions, replacements and swaps of adjacent letters; case is
 * ignored. */
static unsigned distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    unsigned row[3][LONGEST + 1], *last = row[0], *cur = row[1], *before = row[2];
    size_t n = strlen(a), m = strlen(b);

    if (n > LONGEST || m > LONGEST)
        return UINT32_MAX;
    for (size_t j = 0; j <= m; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *spare = before;

        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

            cur[j] = EG_MIN(EG_MIN(last[j], cur[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                cur[j] = EG_MIN(cur[j], before[j - 2] + 1);
        }
        before = last;
        last = cur;
        cur = spare;
    }
    return last[m];
}

const char *eg_nearest(const char *name, const char *const *names)
{
    unsigned best = (unsigned)EG_MAX(strlen(name) / 3, 1) + 1;
    const char *nearest = NULL;

    for (; *names; names++) {
        unsigned d = distance(name, *names);
        // Of two that are as near, the one whose beginning was typed.
        const bool longer = nearest && !strncasecmp(name, *names, strlen(name));

        if (d < best || (d == best && longer)) {
            best = d;
            nearest = *names;
        }
    }
    return nearest;
}
