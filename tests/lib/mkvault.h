/** mkvault.h - what `keys` lists of a synthetic machine. */
#ifndef MK_VAULT_H
#define MK_VAULT_H

#include "mkguest.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** NAME|PURPOSE|ALGORITHM|VERIFIED|the first four bytes of SECRET, of this KIND. */
static inline const char *mk_told(struct mk_guest *g, const char *kind)
{
    static char out[4096];
    size_t n = 0;

    for (const char *line = mk_guest_rows(g, "keys", "show"), *end; *line;
         line = end + (*end != 0)) {
        const char *cells[14] = { line };

        end = line + strcspn(line, "\n");
        for (size_t i = 1; i < 14 && cells[i - 1] < end; i++)
            cells[i] = cells[i - 1] + strcspn(cells[i - 1], "|\n") + 1;
        if (strncmp(line, kind, strlen(kind)) != 0 || line[strlen(kind)] != '|')
            continue;
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s|%.*s|%.8s\n",
                              (int)(cells[4] - 1 - cells[1]), cells[1],
                              (int)(cells[10] - 1 - cells[9]), cells[9], cells[11]);
        assert_true(n < sizeof out);
    }
    out[n] = 0;
    return out;
}

static inline void mk_fill(struct mk *k, uint64_t object, const char *member, int byte, size_t n)
{
    uint8_t bytes[128];

    memset(bytes, byte, sizeof bytes);
    mk_write(k, mk_at(k, object, member), bytes, n);
}

static inline int mk_remove(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

/** The file keys/@path that --export writes, until the next call; NULL: there is none. */
static inline const char *mk_exported(struct mk_guest *g, const char *path)
{
    static char text[4096];
    char folder[] = "/tmp/engram-keys-XXXXXX", name[200];
    FILE *f;

    if (!mkdtemp(folder))
        return NULL;
    snprintf(name, sizeof name, "export=%s/out", folder);
    mk_guest_rows(g, "keys", name);
    snprintf(name, sizeof name, "%s/out/keys/%s", folder, path);
    f = fopen(name, "r");
    if (f) {
        text[fread(text, 1, sizeof text - 1, f)] = 0;
        fclose(f);
    }
    nftw(folder, mk_remove, 8, FTW_DEPTH | FTW_PHYS);
    return f ? text : NULL;
}

#endif
