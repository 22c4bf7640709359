/** finder.c - what a search may spend: an image may hold what looks like a kernel in every page. */
#include "finder.h"
#include <inttypes.h>

/* A real image needs a few per cent of each. ORDER linux_work (finder.h) */
static const struct {
    int64_t most;
    const char *what;
} limits[LINUX_WORKS] = {
    [LINUX_CANDIDATES] = { 40, "candidates of one trace" },
    [LINUX_PAGES] = { 1 << 14, "pages that look like VMCOREINFO" },
    [LINUX_MAPS] = { 1 << 12, "places that look like a map of memory" },
    [LINUX_EXTENTS] = { 1 << 22, "mapped pieces of page tables" },
    [LINUX_BASES] = { 1 << 20, "addresses at which the memory might begin" },
    [LINUX_RECORDS] = { 1 << 24, "records of BTF" },
    [LINUX_HEADERS] = { 1 << 12, "headers of BTF without types" },
    [LINUX_KALLSYMS] = { 1 << 16, "places that look like kallsyms" },
    [LINUX_ROOTS] = { 1 << 20, "pages as a page-table root" },
    [LINUX_ELEMENTS] = { 1 << 23, "elements of lists" },
    [LINUX_WORDS] = { 1 << 22, "words that might point to a name, or to themselves" },
    [LINUX_TARGETS] = { 1 << 18, "addresses in the kernel's code" },
};

void linux_budgets(struct linux_finder *f)
{
    for (size_t i = 0; i < LINUX_WORKS; i++)
        f->left[i] = limits[i].most;
}

bool linux_spend(struct linux_finder *f, enum linux_work what, int64_t n)
{
    if (__atomic_load_n(&f->left[what], __ATOMIC_RELAXED) > 0 &&
        __atomic_sub_fetch(&f->left[what], n, __ATOMIC_RELAXED) >= 0)
        return true;
    __atomic_store_n(&f->spent[what], true, __ATOMIC_RELAXED);
    return false;
}

void linux_note_spent(struct linux_finder *f)
{
    for (size_t i = 0; i < LINUX_WORKS; i++)
        if (f->spent[i])
            eg_system_note(f->sys,
                           "the search for a kernel was cut short: more than %" PRId64
                           " %s; the others were not looked at",
                           limits[i].most, limits[i].what);
}
