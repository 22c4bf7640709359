/** json.h - functions shared by the json and jsonl renderers. Their output is always valid JSON in
 * valid UTF-8 without control characters, whatever the image contains. */
#ifndef EG_JSON_H
#define EG_JSON_H

#include "table.h"

/** Write a quoted string. Code points that must not reach a terminal become \u escapes; bytes that
 * are not UTF-8 are written as eg_escape() does. @return false: there were such bytes. */
bool eg_json_text(FILE *f, const void *text, size_t len);
void eg_json_string(FILE *f, const char *s); /**< NULL: null */

/** The members of the provenance, without braces: `"schema":2,…`. */
void eg_json_provenance(FILE *f, const struct eg_provenance *p);

/** The members of a row, without braces: each column, with its _why or _raw. */
void eg_json_cells(FILE *f, const struct eg_result_head *h, unsigned depth,
                   const struct eg_value *v);

/** `["a","b"]` of a NULL-terminated list (NULL: empty). */
void eg_json_strings(FILE *f, const char *const *list);

/** How many rows those of a result were chosen of: an object. */
void eg_json_selected(FILE *f, const struct eg_selected *s);

#endif
