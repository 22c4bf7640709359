/** table.h - rows on their way from a plugin to a renderer. Values only: cursors have been read. */
#ifndef EG_TABLE_H
#define EG_TABLE_H

#include "arena.h"
#include "engram.h"
#include <stdio.h>

/** A cell as renderers see it. */
struct eg_value {
    enum { EG_V_NONE, EG_V_BAD, EG_V_INT, EG_V_UINT, EG_V_TEXT, EG_V_BYTES } tag;
    enum eg_why why; /**< EG_V_BAD */
    union {
        int64_t i;
        uint64_t u; /**< EG_V_BAD: the failing address */
        struct {
            const uint8_t *p;
            size_t len;
        } bytes;
    };
};

/** What provenance says of a whole result. All borrowed; NULL or 0: not known. */
struct eg_provenance {
    const char *tool, *image, *format, *sha256;
    uint64_t image_size;
    const char *os, *kernel, *found_by, *profile, *build_id;
    const char *const *notes; /**< of the image and the system; NULL-terminated */
    size_t n_results; /**< that will follow: text gives each a title when there are several */
};

struct eg_result_head {
    const char *plugin;
    const struct eg_column *columns; /**< NULL name at the end */
    size_t n_columns;
    bool tree;
    const char *const *args; /**< "pid=1", NULL-terminated */
};

/** One renderer, one file (render_NAME.c). Calls come from one thread, results one after another.
 */
struct eg_renderer {
    const char *name, *desc;
    size_t state; /**< bytes of zeroed state */
    void (*begin)(void *state, FILE *f, const struct eg_provenance *p);
    void (*head)(void *state, FILE *f, const struct eg_result_head *h);
    void (*row)(void *state, FILE *f, const struct eg_result_head *h, unsigned depth,
                const struct eg_value *v);
    void (*tail)(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error);
    void (*end)(void *state, FILE *f);
};
struct eg_renderer_reg {
    const char *name, *file;
    const struct eg_renderer *renderer;
};
#define EG_RENDERER(n)                                                                             \
    static const struct eg_renderer eg_renderer_##n;                                               \
    static const struct eg_renderer_reg eg_rdreg_##n = { #n, __FILE__, &eg_renderer_##n };         \
    EG_ENTRY(eg_renderers, eg_renderer_reg, rnd_##n) = &eg_rdreg_##n;                              \
    static const struct eg_renderer eg_renderer_##n
const struct eg_renderer *eg_renderer_find(const char *name);
const struct eg_renderer_reg *eg_renderer_nth(size_t i);

const char *eg_column_kind_name(enum eg_column_kind kind); /**< "int", "text", … */

/** Text for people of one value by its column's kind, without control characters: used by text and
 * csv. A bad value is "-", an unset one empty. NULL: out of memory. */
char *eg_value_text(struct eg_arena *a, const struct eg_column *c, const struct eg_value *v);
/** Why a bad value is one, and where: "not mapped at 0xffff…". @out has 96 bytes. */
const char *eg_bad_text(const struct eg_value *v, char *out);
/** The escapes of all output for people: C0, C1, DEL, what turns the direction of text or breaks
 * its line, and bad UTF-8 as \xNN, backslash doubled. @return the whole length; @out (may be NULL
 * with
 * @size 0) takes what fits, with a NUL. */
size_t eg_escape(char *out, size_t size, const void *text, size_t len);
/** One code point of UTF-8. @return its bytes; 0: not valid. */
size_t eg_utf8(const void *text, size_t len, uint32_t *code);
/** May this code point stand in a terminal's line as it is? */
bool eg_is_printable(uint32_t code);
/** ISO 8601 UTC with as many digits as are not zero (…T…Z). @out has 40 bytes. */
const char *eg_time_text(int64_t ns, char *out);

#endif
