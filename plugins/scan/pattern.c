/* pattern.c - PCRE2 as the searches use it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_MAX = 200000,  // of one match at one place
    HEAP_MAX = 16 << 10, // KiB, where the pattern could not be compiled for the processor
    STACK_MIN = 32 << 10,
    STACK_MAX = 1 << 20,
};

struct scan_pattern {
    pcre2_code *code;
};

struct scan_matcher {
    pcre2_match_context *context;
    pcre2_match_data *data;
    pcre2_jit_stack *stack;
};

struct scan_pattern *scan_pattern_open(struct eg_run *r, const char *text, unsigned flags)
{
    const uint32_t options =
        PCRE2_USE_OFFSET_LIMIT |
        (flags & SCAN_LITERAL ? PCRE2_LITERAL : PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C) |
        (flags & SCAN_IGNORE_CASE ? PCRE2_CASELESS : 0) |
        (flags & SCAN_UTF ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : 0);
    struct scan_pattern *p = calloc(1, sizeof *p);
    pcre2_compile_context *c = pcre2_compile_context_create(NULL);
    PCRE2_SIZE at = 0;
    int error = 0;

    if (p && c) {
        pcre2_set_newline(c, PCRE2_NEWLINE_LF);
        p->code = pcre2_compile((PCRE2_SPTR)text, strlen(text), options, &error, &at, c);
    }
    pcre2_compile_context_free(c);
    if (p && p->code) {
        pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); // slower without, but the same
        return p;
    }
    free(p);
    if (error) {
        PCRE2_UCHAR why[160];

        pcre2_get_error_message(error, why, sizeof why);
        eg_refused(r, "'%s': %s, at its byte %zu", text, (const char *)why, (size_t)at + 1);
    } else {
        eg_failed(r, "'%s': out of memory", text);
    }
    return NULL;
}

void scan_pattern_close(struct scan_pattern *p)
{
    if (p)
        pcre2_code_free(p->code);
    free(p);
}

struct scan_matcher *scan_matcher_new(void)
{
    struct scan_matcher *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->context = pcre2_match_context_create(NULL);
    m->data = pcre2_match_data_create(1, NULL);
    m->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    if (!m->context || !m->data || !m->stack) {
        scan_matcher_free(m);
        return NULL;
    }
    pcre2_set_match_limit(m->context, STEPS_MAX);
    pcre2_set_heap_limit(m->context, HEAP_MAX);
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return m;
}

void scan_matcher_free(struct scan_matcher *m)
{
    if (!m)
        return;
    pcre2_match_context_free(m->context);
    pcre2_match_data_free(m->data);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

enum scan_found scan_match(const struct scan_pattern *p, struct scan_matcher *m,
                           const uint8_t *bytes, size_t len, size_t from, size_t to, size_t *begin,
                           size_t *end)
{
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(m->data);
    int rc;

    pcre2_set_offset_limit(m->context, to);
    rc = pcre2_match(p->code, bytes, len, from, PCRE2_NOTEMPTY, m->data, m->context);
    if (rc < 0)
        return rc == PCRE2_ERROR_NOMATCH ? SCAN_NONE : SCAN_LIMIT;
    if (place[1] <= place[0]) // \K may turn them round
        return SCAN_NONE;
    *begin = place[0];
    *end = place[1];
    return SCAN_MATCH;
}
