/** mkfile.h - files that tests write. */
#ifndef MKFILE_H
#define MKFILE_H

#include "check.h"
#include <stdio.h>

static inline void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

#endif
