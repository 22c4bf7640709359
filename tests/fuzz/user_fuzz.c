/* user_fuzz.c - what plugins read of a process's own memory: a shell's history and tables, its
 * environment, chunks of malloc. They end, and do not fail, whatever is there.
 *
 *  The input changes a process in which all of it is right: edits of six bytes, the number of a
 * word (16 bits) and what becomes of it (32 bits): with the top bit set a pointer to a word (bits
 * 8 to 23) with low bits (0 to 7), else the number itself. */
#include "mkheap.h"
#include "mkshell.h"
#include <stdlib.h>

enum { DATA_WORDS = 512, HEAP_WORDS = 2048 };

struct world {
    struct mk_heap h;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t place(const struct world *w, size_t i)
{
    return i < DATA_WORDS ? w->h.u.data + i * w->h.ptr : w->h.u.heap + (i - DATA_WORDS) * w->h.ptr;
}

/** Of each kind a small one. */
static void lay(struct world *w, const struct mk_machine *m, unsigned p, const struct mk_layout *l)
{
    static const char *const lines[] = { "cd /srv", "ls" };
    struct mk_user *u = &w->h.u;
    struct pair pairs[3];
    uint64_t at[3], list;

    w->h = mk_heap(m, p, l);
    chunk(&w->h, 64, 1);
    at[0] = chunk(&w->h, 64, 1);
    top(&w->h, w->h.main, 1024);
    cached(&w->h, w->h.ptr == 8 ? 2 : 3, at[0], 1);
    link_to(&w->h, at[0] + 2 * w->h.ptr, 0);
    u->at = u->heap + 4096;
    at[0] = entry(u, "first", "#1700000001");
    at[1] = entry(u, "second", "#1700000002");
    list = MK_WORDS(u, at[0], at[1]);
    mk_user_variable(u, 0, list);
    for (uint64_t i = 0; i < 3; i++)
        at[i] = histent(u, i ? "zsh" : NULL, 1700000000 + i, i);
    ring(u, at, 3);
    line_input(u, true, lines, 2);
    libedit(u, lines, 2, 1);
    pairs[0] =
        (struct pair){ mk_user_text(u, "list"), variable(u, "list", array(u, false), 5, 0), 0 };
    pairs[1] =
        (struct pair){ mk_user_text(u, "A"), variable(u, "A", mk_user_text(u, "1"), 1, 0), 0 };
    table(u, pairs, 2);
    pairs[2] =
        (struct pair){ mk_user_text(u, "ls"), MK_WORDS(u, mk_user_text(u, "/bin/ls"), 0), 0 };
    table(u, pairs + 2, 1);
    mk_user_variable(u, 1, MK_WORDS(u, mk_user_text(u, "A=1"), mk_user_text(u, "B=2")));
}

/** Of a page that was never written it is 0. */
static uint64_t word_at(const struct world *w, uint64_t va)
{
    const struct mk_guest *g = &w->h.u.g;

    for (size_t i = 0; i < g->n_pages; i++)
        if (g->pages[i].mm == w->h.u.mm && g->pages[i].va == va - va % g->page)
            return mk_read_ptr(g->k, g->pages[i].at + va % g->page) &
                   (w->h.ptr == 4 ? UINT32_MAX : UINT64_MAX);
    return 0;
}

/** Undone when the plugins have run. */
struct edit {
    uint64_t at, was;
};

static void run(struct world *w, bool whole)
{
    static const char *const plugins[][2] = {
        { "bash", NULL }, { "bash", "env hash" }, { "envars", "now" }, { "heap", "strings" }
    };

    for (size_t i = 0; i < countof(plugins); i++)
        if (!*mk_guest_rows(&w->h.u.g, plugins[i][0], plugins[i][1]) && whole)
            abort(); // nothing is left to be fuzzed
}

static struct world *world_of(size_t i)
{
    static struct world *all[2 * countof(mk_layouts)];

    if (!all[i]) {
        all[i] = calloc(1, sizeof *all[i]);
        if (!all[i])
            abort();
        lay(all[i], mk_machines, i % 2 ? 4 : 0, &mk_layouts[i / 2]);
        run(all[i], true);
    }
    return all[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world_of(size ? data[0] % (2 * countof(mk_layouts)) : 0);
    struct edit edits[64];
    size_t n = 0;

    for (size_t i = 1; i + 6 <= size && n < countof(edits); i += 6) {
        const uint32_t what = eg_le32(data + i + 2);
        uint64_t value = what;

        if (what >> 31)
            value = place(w, (what >> 8 & 0xffff) % (DATA_WORDS + HEAP_WORDS)) + (what & 0xff);
        edits[n].at = place(w, (size_t)(data[i] | data[i + 1] << 8) % (DATA_WORDS + HEAP_WORDS));
        edits[n].was = word_at(w, edits[n].at);
        mk_user_word(&w->h.u, edits[n].at, 0, value);
        n++;
    }
    run(w, false);
    while (n--)
        mk_user_word(&w->h.u, edits[n].at, 0, edits[n].was);
    return 0;
}
