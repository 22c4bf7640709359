/** json.h - what the json and jsonl renderers share. Everything is valid JSON in valid UTF-8,
 * without control characters, whatever the image held. */
#ifndef EG_JSON_H
#define EG_JSON_H

#include "table.h"

/** A string, quoted. Code points that must not reach a terminal are \u escapes; bytes that are no
 * UTF-8 are written as eg_escape does (then @return is false). */
bool eg_json_text(FILE *f, const void *text, size_t len);
void eg_json_string(FILE *f, const char *s); /**< NULL: null */

/** `"schema":1,…`: the members of the provenance, without braces. */
void eg_json_provenance(FILE *f, const struct eg_provenance *p);

/** The members of a row, without braces: one for each column, and its _why or _raw. */
void eg_json_cells(FILE *f, const struct eg_result_head *h, unsigned depth,
                   const struct eg_value *v);

/** `["a","b"]` of a NULL-terminated list (NULL: empty). */
void eg_json_strings(FILE *f, const char *const *list);

#endif
