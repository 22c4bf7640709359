/** finder.c - the limits of a search: every page of a hostile image may look like part of a
 * kernel. */
#include "finder.h"
#include <inttypes.h>

/* A real image needs a few per cent of each limit. ORDER linux_work (finder.h) */
static const struct {
    int64_t most;
    const char *what;
} limits[LINUX_WORKS] = {
    [LINUX_CANDIDATES] = { 40, "candidates of one kind of evidence" },
    [LINUX_PAGES] = { 1 << 14, "pages that look like VMCOREINFO" },
    [LINUX_MAPS] = { 1 << 12, "places that look like a memory map" },
    [LINUX_EXTENTS] = { 1 << 22, "extents of page tables" },
    [LINUX_BASES] = { 1 << 20, "possible addresses of the first byte" },
    [LINUX_RECORDS] = { 1 << 24, "records of BTF" },
    [LINUX_HEADERS] = { 1 << 12, "headers of BTF without types" },
    [LINUX_KALLSYMS] = { 1 << 16, "places that look like kallsyms" },
    [LINUX_ROOTS] = { 1 << 20, "possible page-table roots" },
    [LINUX_ELEMENTS] = { 1 << 23, "elements of lists" },
    [LINUX_WORDS] = { 1 << 22, "words that may refer to a name or a task" },
    [LINUX_DATA] = { INT64_C(1) << 32, "bytes of a kernel's data" },
    [LINUX_TARGETS] = { 1 << 18, "addresses used by kernel code" },
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
                           " %s; the rest were not examined",
                           limits[i].most, limits[i].what);
}
