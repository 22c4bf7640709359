/** mkcorpus.h - files of the fuzz targets' corpora, which unit tests read too. */
#ifndef MK_CORPUS_H
#define MK_CORPUS_H

#include "check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 8192 };

/* Texts of a file are as long as they are: what has no room is an error of the test. */
static inline void __attribute__((__format__(__printf__, 3, 4)))
print(char *out, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out, size, format, args);
    va_end(args);
    assert_in_range(n, 0, (int)size - 1);
}

struct loaded {
    uint8_t bytes[FILE_MAX + 1];
    size_t len;
};

/* A file of a corpus: "tokens/ghp". */
static inline void load(const char *name, struct loaded *out)
{
    char path[512];
    FILE *f;

    print(path, sizeof path, "%s/tests/fuzz/corpus/%s", getenv("SOURCE_ROOT"), name);
    f = fopen(path, "rb");
    assert_non_null(f);
    out->len = fread(out->bytes, 1, FILE_MAX, f);
    out->bytes[out->len] = 0;
    fclose(f);
    assert_true(out->len > 0);
}

#endif
