/** mkkeys.h - keys that the plugin `keys` lists on a synthetic machine. */
#ifndef MK_KEYS_H
#define MK_KEYS_H

#include "check.h"
#include "mkguest.h"
#include <stdio.h>
#include <string.h>

/** Bytes that count up. */
static inline void mk_count(uint8_t *out, size_t n, uint8_t from)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(from + i);
}

static inline void mk_unhex(uint8_t *out, const char *hex)
{
    for (; *hex; hex += 2)
        assert_int_equal(sscanf(hex, "%2hhx", out++), 1);
}

/** How many rows have these cells; NULL: any. */
static inline size_t mk_key_rows(struct mk_guest *g, const char *const *cells)
{
    static const int at[] = { 0, 1, 2, 3, 9, 11 };
    const char *line = mk_guest_rows(g, "keys", "show");
    size_t n = 0;

    for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        bool all = true;

        for (size_t i = 0; i < sizeof at / sizeof *at && cells[i]; i++) {
            const char *cell = line;

            for (int k = 0; k < at[i]; k++)
                cell += strcspn(cell, "|\n") + 1;
            all &=
                !strncmp(cell, cells[i], strlen(cells[i])) && strchr("|\n", cell[strlen(cells[i])]);
        }
        n += all;
    }
    return n;
}
/* KIND, NAME, PURPOSE, ALGORITHM, VERIFIED, SECRET. */
#define ROWS(w, ...)     mk_key_rows(&(w)->c.g, (const char *const[]){ __VA_ARGS__, NULL })
#define FINDS(w, ...)    assert_int_equal(ROWS(w, __VA_ARGS__), 1)
#define FINDS_NO(w, ...) assert_int_equal(ROWS(w, __VA_ARGS__), 0)

#endif
