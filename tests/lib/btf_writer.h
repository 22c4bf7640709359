/** btf_writer.h - writes BTF record by record, in either byte order, for the tests of BTF. */
#ifndef EG_BTF_WRITER_H
#define EG_BTF_WRITER_H

#include "../../core/base.h"
#include "../../profiles/btf.h"
#include "check.h"
#include <stdlib.h>

enum {
    INT = 1,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    FUNC_PROTO,
    VAR,
    DATASEC,
    FLOAT,
    DECL_TAG,
    TYPE_TAG,
    ENUM64
};
enum { KIND_FLAG = 1 << 7 };

struct writer {
    bool big;
    uint32_t types_len, strings_len, base_strings, n;
    uint8_t types[2048];
    char strings[1024];
    uint8_t file[4096];
    uint32_t layout[32]; // bytes: once, each, 0, 0; appended when n_layout
    uint32_t n_layout;
};

static inline void store(const struct writer *w, uint8_t *p, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[w->big ? bytes - 1 - i : i] = (uint8_t)(v >> 8 * i);
}

static inline void word(struct writer *w, uint32_t v)
{
    store(w, w->types + w->types_len, v, 4);
    w->types_len += 4;
}

static inline uint32_t str(struct writer *w, const char *s)
{
    const uint32_t at = w->strings_len;

    if (!*s)
        return 0;
    memcpy(w->strings + at, s, strlen(s) + 1);
    w->strings_len += (uint32_t)strlen(s) + 1;
    return w->base_strings + at;
}

// @kind may have KIND_FLAG. @return the record's number, from 1.
static inline uint32_t type(struct writer *w, unsigned kind, const char *name, uint32_t vlen,
                            uint32_t size)
{
    word(w, str(w, name));
    word(w, kind << 24 | vlen);
    word(w, size);
    return ++w->n;
}

static inline void member(struct writer *w, const char *name, uint32_t id, uint32_t off)
{
    word(w, str(w, name));
    word(w, id);
    word(w, off);
}

static inline uint32_t integer(struct writer *w, const char *name, uint32_t size, uint32_t encoding)
{
    const uint32_t id = type(w, INT, name, 0, size);

    word(w, encoding << 24 | 8 * size);
    return id;
}

static inline struct writer *begin(bool big)
{
    struct writer *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->big = big;
    w->strings_len = 1;
    return w;
}

static inline size_t bytes_of(struct writer *w)
{
    const uint32_t header = w->n_layout ? 32 : 24, layout = 4 * w->n_layout;

    memset(w->file, 0, sizeof w->file);
    store(w, w->file, 0xeb9f, 2);
    w->file[2] = 1;
    store(w, w->file + 4, header, 4);
    store(w, w->file + 12, w->types_len, 4);
    store(w, w->file + 16, w->types_len, 4);
    store(w, w->file + 20, w->strings_len, 4);
    if (layout) {
        store(w, w->file + 24, w->types_len + w->strings_len, 4);
        store(w, w->file + 28, layout, 4);
        memcpy(w->file + header + w->types_len + w->strings_len, w->layout, layout);
    }
    memcpy(w->file + header, w->types, w->types_len);
    memcpy(w->file + header + w->types_len, w->strings, w->strings_len);
    return header + w->types_len + w->strings_len + layout;
}

static inline struct eg_profile *read_(struct writer *w, const struct eg_profile *base)
{
    const struct eg_model model = { 8, 8, w->big };
    const size_t len = bytes_of(w);
    struct eg_profile *p = NULL;
    struct eg_error e = { 0 };
    uint64_t total;
    uint32_t n;

    assert_true(eg_btf_header(w->file, len, w->big, &total) && total == len);
    assert_false(eg_btf_header(w->file, len, !w->big, &total));
    if (!base) {
        assert_true(eg_btf_valid(w->file, len, w->big, &n));
        assert_int_equal(n, w->n);
    }
    if (eg_btf_read(&p, w->file, len, model, base, base ? "module" : NULL, "test", &e) != 0)
        fail_msg("%s", e.text);
    return p;
}

static inline void declared(const struct eg_types *ts, uint32_t id, const char *text)
{
    char s[256];

    eg_type_declare(ts, id, "x", s, sizeof s);
    assert_string_equal(s, text);
}

#endif
