/* vtop.c - engram vtop: an address on its way down: each table entry, the physical address, each
 * layer of the image's format, the place in the file. */
#include "../plugins/linux/mm/swap.h"
#include "hand.h"
#include "verb.h"
#include <inttypes.h>

static const struct eg_column columns[] = {
    { "STEP", EG_COL_TEXT, "a level of page tables, or a space" },
    { "ADDRESS", EG_COL_ADDR, "of the table entry, or in this space" },
    { "ENTRY", EG_COL_ADDR, "the table entry as it stands" },
    { "MEANING", EG_COL_TEXT, "what it says" },
    { NULL, EG_COL_INT, NULL },
};
enum { STEPS_MAX = 8 };

static void put(struct cli_hand *h, const char *step, uint64_t addr, struct eg_value entry,
                const char *meaning)
{
    cli_table_row(&h->table, 0,
                  (struct eg_value[]){ cli_text(step), cli_uint(addr), entry, cli_text(meaning) });
}

/* "4K page, rw-, user, accessed, dirty" */
static const char *page(struct eg_run *r, const struct eg_extent *x, unsigned shift)
{
    static const char units[] = " KMGT";
    const uint16_t f = x->flags;

    return eg_strf(r, "%u%c page %c%c%c%s%s%s%s%s", 1u << shift % 10, units[shift / 10],
                   f & EG_X_PROT_NONE ? '-' : 'r', f & EG_X_WRITE ? 'w' : '-',
                   f & EG_X_EXEC ? 'x' : '-', f & EG_X_USER ? " user" : "",
                   f & EG_X_GLOBAL ? " global" : "", f & EG_X_ACCESSED ? " accessed" : "",
                   f & EG_X_DIRTY ? " dirty" : "", f & EG_X_PROT_NONE ? " PROT_NONE" : "");
}

static void tables(struct eg_run *r, struct cli_hand *h, uint64_t addr, const struct eg_extent *x)
{
    struct eg_table_step s[STEPS_MAX];
    const unsigned n = h->space->ops->steps(&r->view, h->space, addr, s, STEPS_MAX);

    for (unsigned i = 0; i < n; i++) {
        const char *means = "the next table", *swapped = i + 1 == n ? linux_swap_text(r, x) : NULL;

        if (s[i].why)
            means = eg_strf(r, "unreadable: %s", eg_why_text(s[i].why));
        else if (swapped)
            means = swapped;
        else if (i + 1 == n && x->why)
            means = eg_why_text(x->why);
        else if (i + 1 == n)
            means = page(r, x, s[i].shift);
        put(h, eg_strf(r, "level %u", s[i].level + 1u), s[i].addr,
            s[i].why ? cli_missing(s[i].why, s[i].addr) : cli_uint(s[i].entry), means);
    }
}

/* What a space is to the user: the file by its name, the rest by its kind. */
static const char *space_name(const struct cli_hand *h, const struct eg_space *as)
{
    if (as == h->o.image->phys)
        return "physical";
    if (as == h->o.image->files[0])
        return "file";
    return as->ops->name;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    struct eg_space *as = h->space;
    struct eg_extent x;
    uint64_t addr;
    int status = cli_address(h, h->cli->words.at[0], &addr);

    if (status || (status = cli_hand_table(h, columns, false)))
        return status;
    if (!h->phys)
        put(h, "virtual", addr, cli_text(NULL), h->pid >= 0 ? NULL : eg_name_of(r, addr));
    for (;; as = x.below, addr = x.below_addr + (addr - x.start)) {
        eg_extent_at(&r->view, as, addr, &x);
        if (as->ops->steps)
            tables(r, h, addr, &x);
        else
            put(h, space_name(h, as), addr, cli_text(NULL),
                x.why    ? eg_why_text(x.why)
                : x.zero ? "zeros, not stored"
                : x.made ? "unpacked when read"
                         : NULL);
        if (x.why)
            return eg_run_fail(r, EG_ENOTFOUND, "%#" PRIx64 ": %s", addr, linux_why_text(r, &x));
        if (!x.below)
            return 0;
    }
}

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(vtop) = {
    .name = "vtop",
    .usage = "IMAGE ADDR",
    .help = "translate an address: each table on the way, then the file offset",
    .args = cli_space_args,
    .min = 1,
    .max = 1,
    .image = CLI_WANTS_IMAGE,
    .order = 60,
    .words = { "SYMBOL" },
    .table = true,
    .run = run_verb,
};
