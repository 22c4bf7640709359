/** table.h - the rows that a renderer gets. They hold values only: cursors were read before. */
#ifndef EG_TABLE_H
#define EG_TABLE_H

#include "arena.h"
#include "engram.h"
#include "zone.h"
#include <stdio.h>

/** A cell of such a row. */
struct eg_value {
    enum { EG_V_NONE, EG_V_BAD, EG_V_INT, EG_V_UINT, EG_V_TEXT, EG_V_BYTES } tag;
    enum eg_why why; /**< EG_V_BAD */
    union {
        int64_t i;
        uint64_t u; /**< EG_V_BAD: the address that could not be read */
        struct {
            const uint8_t *p;
            size_t len;
        } bytes;
    };
};

/** The provenance of all results of a command. Nothing is owned; NULL or 0: not known. */
struct eg_provenance {
    const char *tool, *image, *format, *sha256;
    uint64_t image_size;
    const char *os, *kernel, *found_by, *profile, *build_id;
    const char *const *notes; /**< of the image and the system; NULL-terminated */
    size_t n_results; /**< that will follow; if there are several, text gives each a title */
};

/** Of how many rows those of a result were chosen (select.h). */
struct eg_selected {
    uint64_t rows;    /**< of the plugin */
    uint64_t matched; /**< that the filter lets pass */
    uint64_t shown;   /**< of those, up to the limit */
    uint64_t above;   /**< shown too: the ancestors of these in a tree */
    uint64_t unknown; /**< left out: where a regular expression took too many steps */
    bool no_room;     /**< rows are missing: more than 1 GiB of them to sort */
};

struct eg_result_head {
    const char *plugin;
    const struct eg_column *columns; /**< the last one has the name NULL */
    size_t n_columns;
    bool tree;
    const char *const *args;            /**< "pid=1", NULL-terminated */
    const struct eg_selected *selected; /**< its numbers are known at the tail; NULL: all rows */
    const struct eg_zone *zone;         /**< of times for people; NULL: UTC */
    bool wide;                          /**< text is not fitted to the terminal */
};

/** A renderer; each is one file, render_NAME.c. All calls are made by one thread, and one result is
 * written after the other. */
struct eg_renderer {
    const char *name, *desc;
    const char *suffix; /**< of a file of its own, without a dot; NULL: it is for people, who read
                           it at once */
    size_t state;       /**< bytes of zeroed state */
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
/** For a renderer that has nothing to write there. */
void eg_no_begin(void *state, FILE *f, const struct eg_provenance *p);
void eg_no_head(void *state, FILE *f, const struct eg_result_head *h);
void eg_no_end(void *state, FILE *f);
/** The tail of a renderer that writes none and whose state is a struct eg_arena, for the texts of a
 * row. */
void eg_free_row(void *state, FILE *f, const struct eg_result_head *h, const char *const *notes,
                 const char *error);
const struct eg_renderer *eg_renderer_find(const char *name);
const struct eg_renderer_reg *eg_renderer_nth(size_t i);

const char *eg_column_kind_name(enum eg_column_kind kind); /**< "int", "text", … */

/** One value as text for people, without control characters, as the kind of its column demands. A
 * bad value is "-", one that was not computed is empty. NULL: out of memory. */
char *eg_value_text(struct eg_arena *a, const struct eg_column *c, const struct eg_value *v);
/** The same for what becomes part of a cell: text is as it is up to a zero byte, for it is escaped
 * when that cell is shown. */
char *eg_value_plain_text(struct eg_arena *a, const struct eg_column *c, const struct eg_value *v);
/** The same for column @i of a result, with times in its time zone. */
char *eg_cell_text(struct eg_arena *a, const struct eg_result_head *h, size_t i,
                   const struct eg_value *v);
/** The reason of a bad value, with the address: "not mapped at 0xffff…". @out has 96 bytes. */
const char *eg_bad_text(const struct eg_value *v, char *out);
/** Escape text for people. Control characters (C0, C1, DEL), characters that change the direction
 * of text or end a line, and invalid UTF-8 become \xNN, byte by byte. All else stays as it is, but
 * that a backslash becomes \x5c where it and what follows would read as such an escape. @out gets
 * what fits into @size bytes, with a NUL; it may be NULL if @size is 0. @return the length of the
 * whole text. */
size_t eg_escape(char *out, size_t size, const void *text, size_t len);
/** Decode one code point of UTF-8. @return how many bytes it has; 0: it is not valid. */
size_t eg_utf8(const void *text, size_t len, uint32_t *code);
/** Can this code point be written to a terminal without an escape? */
bool eg_is_printable(uint32_t code);
#endif
