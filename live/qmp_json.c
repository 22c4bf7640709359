/* qmp_json.c - the values that QEMU's monitor answers with: yajl's trees, of text whose depth is
 * bounded, since they are freed by recursion. */
#include "config.h"
#include "qmp.h"
#include <stdlib.h>
#ifdef HAVE_YAJL
#include <yajl/yajl_tree.h>

/** Are arrays and objects at most QMP_DEPTH_MAX deep in each other? A comment, which yajl skips, is
 * refused: what is in it would be counted. */
static bool is_flat(const char *text, size_t len)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        const char c = text[i];

        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > QMP_DEPTH_MAX)
                return false;
        } else if (c == ']' || c == '}') {
            depth--;
        } else if (c == '/') {
            return false;
        }
    }
    return true;
}

int qmp_parse(struct qmp_value **out, const char *text, size_t len, struct eg_error *e)
{
    char *copy, why[128] = "";
    yajl_val v;

    if (memchr(text, 0, len) || !is_flat(text, len))
        return eg_fail(e, EG_EFORMAT, "an answer that is not JSON, or too deep");
    copy = strndup(text, len);
    if (!copy)
        return eg_fail(e, EG_ENOMEM, "out of memory");
    v = yajl_tree_parse(copy, why, sizeof why);
    free(copy);
    if (!v)
        return eg_fail(e, EG_EFORMAT, "an answer that is not JSON");
    *out = (struct qmp_value *)v;
    return 0;
}

static yajl_val tree(struct qmp_value *v)
{
    return (yajl_val)v;
}

void qmp_free(struct qmp_value *v)
{
    yajl_tree_free(tree(v));
}

struct qmp_value *qmp_member(struct qmp_value *v, const char *name)
{
    if (!v || !YAJL_IS_OBJECT(tree(v)))
        return NULL;
    for (size_t i = 0; i < tree(v)->u.object.len; i++)
        if (!strcmp(tree(v)->u.object.keys[i], name))
            return (struct qmp_value *)tree(v)->u.object.values[i];
    return NULL;
}

struct qmp_value *qmp_item(struct qmp_value *v, size_t i)
{
    return v && YAJL_IS_ARRAY(tree(v)) && i < tree(v)->u.array.len
               ? (struct qmp_value *)tree(v)->u.array.values[i]
               : NULL;
}

const char *qmp_text(struct qmp_value *v)
{
    return v && YAJL_IS_STRING(tree(v)) ? YAJL_GET_STRING(tree(v)) : NULL;
}

bool qmp_number(struct qmp_value *v, uint64_t *out)
{
    if (!v || !YAJL_IS_INTEGER(tree(v)) || YAJL_GET_INTEGER(tree(v)) < 0)
        return false;
    *out = (uint64_t)YAJL_GET_INTEGER(tree(v));
    return true;
}

bool qmp_true(struct qmp_value *v)
{
    return v && YAJL_IS_TRUE(tree(v));
}

#else

int qmp_parse(struct qmp_value **out, const char *text, size_t len, struct eg_error *e)
{
    (void)out, (void)text, (void)len;
    return eg_fail(e, EG_EUNSUP, "this build has no JSON: it was made without yajl");
}

void qmp_free(struct qmp_value *v)
{
    (void)v;
}

struct qmp_value *qmp_member(struct qmp_value *v, const char *name)
{
    (void)v, (void)name;
    return NULL;
}

struct qmp_value *qmp_item(struct qmp_value *v, size_t i)
{
    (void)v, (void)i;
    return NULL;
}

const char *qmp_text(struct qmp_value *v)
{
    (void)v;
    return NULL;
}

bool qmp_number(struct qmp_value *v, uint64_t *out)
{
    (void)v, (void)out;
    return false;
}

bool qmp_true(struct qmp_value *v)
{
    (void)v;
    return false;
}
#endif
