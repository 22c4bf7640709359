/* yara - memory that matches YARA rules.
 *
 *  Strings are looked for in windows, on all cores. A rule's condition is about all of them: when
 * all of a place (physical memory, the kernel, a process) has been seen, libyara looks again at all
 * of it, if it is small, else at its beginning and at the bytes around what was found there, and
 * says which rules match. */
#include "../../core/scan.h"
#include "config.h"
#ifdef HAVE_YARA
#include "yara_rules.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    AROUND = 16 << 10,    // how far a match may reach behind a window
    BEFORE = 64,          // and what is before it: is it a whole word?
    BLOCK_MAX = 16 << 20, // bytes that a condition sees in one piece; of a place that it sees whole
    HEAD = 64 << 10,      // bytes of the beginning of a larger one
    MATCHES_MAX = 1000000, // of a string in one place; YARA has the same
    SHOWN_MAX = 64,        // bytes of a match
    MARK = -1,             // a hit that says: these bytes were seen
};

#define COLUMNS(C)                                                                                 \
    EG_HIT_COLUMNS(C)                                                                              \
    C(RULE, TEXT, "the rule's name")                                                               \
    C(NAMESPACE, TEXT, "the file that it is from")                                                 \
    C(TAGS, TEXT, "its tags")                                                                      \
    C(COMPONENT, TEXT, "which of its strings; empty where the condition alone matches")            \
    C(LENGTH, INT, "bytes that match")                                                             \
    C(MATCH, TEXT, "the first 64 of them")
EG_COLUMNS(COLUMNS);

struct found {
    uint64_t addr;
    const struct eg_region *region;
    uint32_t len, string;
};

struct block {
    uint64_t from, last;
};

struct search {
    struct eg_run *run;
    struct yara_rules rules;
    int flags;
    unsigned failures; // windows that libyara could not search whole
    int failure;       // its last error

    // of the place at hand
    const struct eg_region *first; // its first region; NULL: nothing yet
    EG_VEC(struct found) found;
    uint64_t size;            // bytes that it has
    EG_VEC(struct block) all; // them, if they are at most BLOCK_MAX; else the first
    char modules[256];        // that its conditions used and that look at memory
    uint32_t *counts;         // of each string
    bool *matches;            // of each rule
    uint8_t *shown;           // of each rule: it has a row
    EG_VEC(struct block) blocks;
    size_t at;             // the next block that libyara asks for
    YR_MEMORY_BLOCK block; // the last one
    uint8_t *bytes;        // of it; BLOCK_MAX
};

/* ---- windows ---- */

struct worker {
    struct search *search;
    YR_SCANNER **scanners; // of each set
    const struct eg_window *window;
    struct eg_hits *out;
    const struct yara_set *set;
    YR_MEMORY_BLOCK block;
};

static const uint8_t *window_bytes(YR_MEMORY_BLOCK *b)
{
    const struct worker *w = b->context;

    return w->window->bytes;
}

static YR_MEMORY_BLOCK *first_window(YR_MEMORY_BLOCK_ITERATOR *it)
{
    struct worker *w = it->context;

    it->last_error = ERROR_SUCCESS;
    w->block = (YR_MEMORY_BLOCK){
        .size = w->window->len, .base = w->window->addr, .context = w, .fetch_data = window_bytes
    };
    return &w->block;
}

static YR_MEMORY_BLOCK *no_more(YR_MEMORY_BLOCK_ITERATOR *it)
{
    it->last_error = ERROR_SUCCESS;
    return NULL;
}

/** All matches of all strings, whatever the conditions make of them here. */
static void take_matches(struct worker *w, const YR_SCAN_CONTEXT *c)
{
    const uint64_t from = w->window->addr + w->window->from;

    for (uint32_t i = 0; i < w->set->rules->num_strings; i++) {
        YR_MATCH m; // libyara keeps them in places that are not aligned

        for (const void *p = c->matches[i].head; p; p = m.next) {
            uint64_t at;

            memcpy(&m, p, sizeof m);
            at = (uint64_t)(m.base + m.offset);
            if (at >= from && at - from < w->window->to - w->window->from)
                eg_hit_add(w->out, at, (uint32_t)m.match_length, w->set->first_string + i);
        }
    }
}

static int window_seen(YR_SCAN_CONTEXT *c, int message, void *data, void *context)
{
    (void)data;
    if (message == CALLBACK_MSG_SCAN_FINISHED)
        take_matches(context, c);
    return CALLBACK_CONTINUE;
}

static void worker_end(void *worker)
{
    struct worker *w = worker;

    for (size_t i = 0; w->scanners && i < w->search->rules.sets.n; i++)
        if (w->scanners[i])
            yr_scanner_destroy(w->scanners[i]);
    free(w->scanners);
    free(w);
}

static void *worker_begin(void *state)
{
    struct search *s = state;
    struct worker *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->search = s;
    w->scanners = calloc(s->rules.sets.n, sizeof *w->scanners);
    for (size_t i = 0; w->scanners && i < s->rules.sets.n; i++) {
        if (yr_scanner_create(s->rules.sets.at[i].rules, &w->scanners[i]) != ERROR_SUCCESS)
            goto failed;
        yr_scanner_set_callback(w->scanners[i], window_seen, w);
        yr_scanner_set_flags(w->scanners[i], s->flags);
    }
    if (w->scanners)
        return w;
failed:
    worker_end(w);
    return NULL;
}

static void look(void *state, void *worker, const struct eg_window *window, struct eg_hits *out)
{
    struct search *s = state;
    struct worker *w = worker;

    w->window = window;
    w->out = out;
    if (!window->region->join)
        eg_hit_add(out, window->addr + window->from, (uint32_t)(window->to - window->from),
                   (uint32_t)MARK);
    for (size_t i = 0; i < s->rules.sets.n; i++) {
        YR_MEMORY_BLOCK_ITERATOR it = { .context = w, .first = first_window, .next = no_more };
        int rc;

        w->set = &s->rules.sets.at[i];
        rc = yr_scanner_scan_mem_blocks(w->scanners[i], &it);
        if (rc != ERROR_SUCCESS) {
            __atomic_fetch_add(&s->failures, 1, __ATOMIC_RELAXED);
            __atomic_store_n(&s->failure, rc, __ATOMIC_RELAXED);
        }
    }
}

/* ---- a place, when all of it was seen ---- */

static int by_address(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->string < y->string ? -1 : x->string > y->string;
}

/** @to grows to @last, if [@from, @last] joins it and it stays small enough. */
static bool joins(struct block *to, uint64_t from, uint64_t last)
{
    if ((from > to->last && from - to->last > 1) || EG_MAX(last, to->last) - to->from >= BLOCK_MAX)
        return false;
    to->last = EG_MAX(last, to->last);
    return true;
}

static void add_block(struct search *s, uint64_t from, uint64_t last)
{
    struct block *b = s->blocks.n ? &s->blocks.at[s->blocks.n - 1] : NULL;

    if (b && (last <= b->last || joins(b, from, last))) // the last address may be 2^64 - 1
        return;
    if (b && from <= b->last) // blocks do not overlap
        from = b->last + 1;
    b = eg_vec_push(&s->blocks);
    if (!b) {
        eg_run_fail(s->run, EG_ENOMEM, "%s", "out of memory for matches");
        return;
    }
    *b = (struct block){ from, EG_MIN(last, from + BLOCK_MAX - 1) };
}

/** What conditions may look at: all, or the beginning, the matches, and a little around them. */
static void make_blocks(struct search *s)
{
    const bool whole = s->all.n && s->size <= BLOCK_MAX;

    s->blocks.n = 0;
    for (size_t i = 0; i < (whole ? s->all.n : EG_MIN(s->all.n, (size_t)1)); i++) {
        const struct block *b = &s->all.at[i];

        add_block(s, b->from, whole ? b->last : EG_MIN(b->last, b->from + HEAD - 1));
    }
    for (size_t i = 0; !whole && i < s->found.n; i++) {
        const struct found *f = &s->found.at[i];
        const struct eg_region *r = f->region;
        const uint64_t end = f->addr + (f->len ? f->len - 1 : 0);

        add_block(s, f->addr - EG_MIN((uint64_t)BEFORE, f->addr - r->first),
                  end + EG_MIN((uint64_t)BEFORE, r->last - EG_MIN(end, r->last)));
    }
}

static const uint8_t *block_bytes(YR_MEMORY_BLOCK *b)
{
    struct search *s = b->context;

    return eg_read_some(eg_view_of(s->run), s->first->space, b->base, s->bytes, b->size, NULL)
               ? s->bytes
               : NULL;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *it)
{
    struct search *s = it->context;
    const struct block *b;

    it->last_error = ERROR_SUCCESS;
    if (s->at == s->blocks.n || eg_stopped(s->run))
        return NULL;
    b = &s->blocks.at[s->at++];
    s->block = (YR_MEMORY_BLOCK){ .size = (size_t)(b->last - b->from + 1),
                                  .base = b->from,
                                  .context = s,
                                  .fetch_data = block_bytes };
    return &s->block;
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *it)
{
    struct search *s = it->context;

    s->at = 0;
    return next_block(it);
}

/** Only physical memory is a file. */
static uint64_t file_size(YR_MEMORY_BLOCK_ITERATOR *it)
{
    const struct search *s = it->context;

    return s->first->last + 1;
}

struct verdict {
    struct search *search;
    const struct yara_set *set;
};

/** Remember a module that looks at memory. */
static void uses(struct search *s, const char *module)
{
    static const char *const blind[] = { "console", "cuckoo", "string", "time" };
    const size_t len = strlen(s->modules);

    for (size_t i = 0; i < countof(blind); i++)
        if (!strcmp(module, blind[i]))
            return;
    if (!strstr(s->modules, module))
        snprintf(s->modules + len, sizeof s->modules - len, "%s%s", len ? ", " : "", module);
}

static int judged(YR_SCAN_CONTEXT *c, int message, void *data, void *context)
{
    const struct verdict *v = context;

    (void)c;
    if (message == CALLBACK_MSG_RULE_MATCHING)
        v->search->matches[v->set->first_rule + ((YR_RULE *)data - v->set->rules->rules_table)] =
            true;
    if (message == CALLBACK_MSG_IMPORT_MODULE)
        uses(v->search, ((const YR_MODULE_IMPORT *)data)->module_name);
    return CALLBACK_CONTINUE;
}

static void judge(struct search *s, const struct yara_set *set)
{
    YR_MEMORY_BLOCK_ITERATOR it = { .context = s, .first = first_block, .next = next_block };
    struct verdict v = { s, set };
    int rc;

    if (s->first->space == eg_physical(s->run))
        it.file_size = file_size;
    rc = yr_rules_scan_mem_blocks(set->rules, &it, SCAN_FLAGS_REPORT_RULES_MATCHING | s->flags,
                                  judged, &v, 0);
    if (rc != ERROR_SUCCESS)
        eg_note(s->run, "conditions could not be judged whole: %s (YARA's error %d)",
                yara_error_text(rc), rc);
}

static const char *tags_of(struct eg_run *r, const YR_RULE *rule)
{
    const char *tag, *all = NULL;

    yr_rule_tags_foreach(rule, tag)
    {
        all = all ? eg_strf(r, "%s,%s", all, tag) : tag;
    }
    return all;
}

static void emit(struct search *s, const struct found *f, const YR_RULE *rule, const char *string)
{
    const struct eg_hit h = { f->addr, f->len, f->string };
    uint8_t text[SHOWN_MAX];
    const size_t len = eg_read_some(eg_view_of(s->run), f->region->space, f->addr, text,
                                    EG_MIN((size_t)f->len, sizeof text), NULL);

    eg_row(s->run, EG_HIT_CELLS(s->run, f->region, &h), .RULE = eg_text(rule->identifier),
           .NAMESPACE = eg_text(rule->ns->name), .TAGS = eg_text(tags_of(s->run, rule)),
           .COMPONENT = eg_text(string), .LENGTH = eg_int(f->len), .MATCH = eg_textn(text, len));
}

static void emit_all(struct search *s)
{
    const struct yara_rules *y = &s->rules;

    memset(s->shown, 0, y->n_rules);
    for (size_t i = 0; i < s->found.n; i++) {
        const struct yara_string *string = &y->strings[s->found.at[i].string];

        if (s->matches[string->rule] && !STRING_IS_PRIVATE(string->string))
            s->shown[string->rule] = true;
    }
    for (uint32_t i = 0; i < y->n_rules; i++)
        if (s->matches[i] && !s->shown[i])
            emit(s, &(struct found){ s->first->first, s->first, 0, 0 }, y->rules[i], "");
    for (size_t i = 0; i < s->found.n; i++) {
        const struct found *f = &s->found.at[i];
        const struct yara_string *string = &y->strings[f->string];

        if (s->matches[string->rule] && !STRING_IS_PRIVATE(string->string))
            emit(s, f, y->rules[string->rule], string->string->identifier);
    }
}

static void finish(struct search *s)
{
    if (!s->first)
        return;
    if (s->found.n)
        qsort(s->found.at, s->found.n, sizeof *s->found.at, by_address);
    make_blocks(s);
    memset(s->matches, 0, s->rules.n_rules * sizeof *s->matches);
    *s->modules = '\0';
    for (size_t i = 0; i < s->rules.sets.n && !eg_stopped(s->run); i++)
        judge(s, &s->rules.sets.at[i]);
    if (*s->modules && s->size > BLOCK_MAX)
        eg_note(s->run,
                "of more than %d MiB of memory the modules of rules (%s) see only the beginning "
                "and what is around the strings that were found: rules that use them may be judged "
                "wrongly",
                BLOCK_MAX >> 20, s->modules);
    emit_all(s);
    s->found.n = s->all.n = 0;
    s->first = NULL;
    s->size = 0;
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    struct search *s = state;
    struct found *new;

    if (s->first && s->first->space != region->space)
        finish(s);
    if (!s->first) {
        s->first = region;
        memset(s->counts, 0, s->rules.n_strings * sizeof *s->counts);
    }
    if (h->tag == (uint32_t)MARK) {
        struct block *all = NULL;

        s->size += h->len;
        if ((s->size <= BLOCK_MAX || !s->all.n) && !(all = eg_vec_push(&s->all)))
            eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for matches");
        if (all)
            *all = (struct block){ h->addr, h->addr + (h->len - 1) };
        return;
    }
    if (s->counts[h->tag]++ >= MATCHES_MAX) {
        const struct yara_string *y = &s->rules.strings[h->tag];

        eg_note(r, "rule %s, string %s: only the first %d matches are looked at",
                s->rules.rules[y->rule]->identifier, y->string->identifier, MATCHES_MAX);
        return;
    }
    new = eg_vec_push(&s->found);
    if (!new) {
        eg_run_fail(r, EG_ENOMEM, "%s", "out of memory for matches");
        return;
    }
    *new = (struct found){ h->addr, region, h->len, h->tag };
}

static int done(struct eg_run *r, void *state)
{
    struct search *s = state;

    finish(s);
    if (eg_stopped(NULL))
        eg_note(r, "stopped: conditions were judged by what had been found until then; on all of "
                   "memory they may be judged otherwise");
    if (s->failures)
        eg_note(r, "%u times libyara could not search all of a piece of memory: %s (error %d)",
                s->failures, yara_error_text(s->failure), s->failure);
    return 0;
}

/* ---- life ---- */

static int begin(struct eg_run *r, void **state)
{
    struct search *s = *state = eg_tmp(r, sizeof *s);

    s->run = r;
    s->flags = SCAN_FLAGS_NO_TRYCATCH | (eg_arg_flag(r, "fast") ? SCAN_FLAGS_FAST_MODE : 0);
    if (yara_rules_open(r, &s->rules) < 0)
        return r->status;
    s->counts = eg_tmp(r, (s->rules.n_strings + 1) * sizeof *s->counts);
    s->matches = eg_tmp(r, (s->rules.n_rules + 1) * sizeof *s->matches);
    s->shown = eg_tmp(r, s->rules.n_rules + 1);
    s->bytes = eg_tmp(r, BLOCK_MAX);
    return 0;
}

static void end(void *state)
{
    struct search *s = state;

    if (!s)
        return;
    yara_rules_close(&s->rules);
    eg_vec_fini(&s->found);
    eg_vec_fini(&s->all);
    eg_vec_fini(&s->blocks);
}

static const struct eg_scan scan = { .before = BEFORE,
                                     .behind = AROUND,
                                     .begin = begin,
                                     .end = end,
                                     .worker = worker_begin,
                                     .worker_end = worker_end,
                                     .look = look,
                                     .hit = hit,
                                     .done = done };
#else
#define COLUMNS(C) EG_HIT_COLUMNS(C)
EG_COLUMNS(COLUMNS);

static int begin(struct eg_run *r, void **state)
{
    (void)state;
    return eg_failed(r, "this build has no libyara: build it where libyara's headers are");
}

static void look(void *state, void *worker, const struct eg_window *w, struct eg_hits *out)
{
    (void)state, (void)worker, (void)w, (void)out;
}

static void hit(struct eg_run *r, void *state, const struct eg_region *region,
                const struct eg_hit *h)
{
    (void)state;
    eg_row(r, EG_HIT_CELLS(r, region, h));
}

static const struct eg_scan scan = { .begin = begin, .look = look, .hit = hit };
#endif

EG_PLUGIN(yara) = {
    .help = "Find memory that matches YARA rules",
    .manual =
        "A row for each match of each string of a rule that matches. A rule's condition is judged "
        "once for all of physical memory (as the yara command does with a file: filesize is the "
        "image's, offsets are physical addresses), once for the kernel, and once for each process "
        "(as the yara command does with a process: filesize is not defined, offsets are its "
        "addresses). A page that several processes share is looked at in the first one of them; "
        "--pid 1 sees all of process 1. Strings are found in up to 16 KiB; conditions that read "
        "memory (uint32(@a + 4)), and modules (math, elf), see all of it if that is at most 16 "
        "MiB, else its first 64 KiB, what matched, and 64 bytes around that. Rules of one file are "
        "a namespace. A file that needs a variable that --define does not give is left out, with "
        "a note. Compiled rules are programs: load only those that you made.",
    .aliases = EG_NAMES("yarascan.YaraScan", "vadyarascan.VadYaraScan",
                        "linux.vmayarascan.VmaYaraScan"),
    .columns = columns,
    .args =
        EG_ARGS(EG_SCAN_ARGS,
                EG_ARG(rules, FILE, "a file of rules, compiled or not, or a folder; repeatable"),
                EG_ARG(define, TEXT, "NAME=VALUE, for the rules; repeatable"),
                EG_ARG(fast, FLAG, "one match of a string will do, where the condition allows")),
    .scan = &scan,
};
