/* hexdump.c - engram hexdump: sixteen bytes a row; a hole is one row with its reason. */
#include "../plugins/linux/mm/swap.h"
#include "rows.h"
#include "verb.h"
#include <inttypes.h>
#include <stdio.h>

enum { ROW = 16, LENGTH = 256 };

static const struct eg_column columns[] = {
    { "ADDRESS", EG_COL_ADDR, "of the first byte" },
    { "HEX", EG_COL_TEXT, "in hex; --: not there" },
    { "TEXT", EG_COL_TEXT, "what is printable ASCII" },
    { NULL, EG_COL_INT, NULL },
};

/* One row from @at; some of its bytes may be missing. */
static void row(struct cli_hand *h, uint64_t at, size_t n)
{
    char hex[3 * ROW + 1], text[ROW + 1];
    uint8_t byte;

    for (size_t i = 0; i < n; i++) {
        if (eg_read(&h->run->view, h->space, at + i, &byte, 1)) {
            snprintf(hex + 3 * i, 4, "%02x ", byte);
            text[i] = byte >= ' ' && byte <= '~' ? (char)byte : '.';
        } else {
            memcpy(hex + 3 * i, "-- ", 4);
            text[i] = ' ';
        }
    }
    hex[3 * n - 1] = text[n] = '\0';
    cli_table_row(&h->table, 0, (struct eg_value[]){ cli_uint(at), cli_text(hex), cli_text(text) });
}

int cli_hexdump_rows(struct cli_hand *h, uint64_t at, uint64_t last)
{
    struct eg_run *r = h->run;
    int status = cli_hand_table(h, columns, false);

    if (status)
        return status;
    while (!eg_stopped(r)) {
        struct eg_extent x;
        uint64_t end;

        eg_extent_at(&r->view, h->space, at, &x);
        end = EG_MIN(x.why ? x.last : at + EG_MIN(last - at, (uint64_t)ROW - 1), last);
        if (x.why) {
            eg_note(r, "%#" PRIx64 " to %#" PRIx64 ": %s", at, end, linux_why_text(r, &x));
            cli_table_row(
                &h->table, 0,
                (struct eg_value[]){ cli_uint(at), cli_missing(x.why, at), cli_text("") });
        } else {
            row(h, at, (size_t)(end - at) + 1);
        }
        if (end == last)
            break;
        at = end + 1;
    }
    return 0;
}

static int body(struct eg_run *r, void *hand)
{
    struct eg_addresses a;
    int status = cli_range(hand, &a);

    (void)r;
    if (!status && !a.range && !eg_add(a.first, LENGTH - 1, &a.last))
        a.last = UINT64_MAX;
    return status ? status : cli_hexdump_rows(hand, a.first, a.last);
}

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(hexdump) = {
    .name = "hexdump",
    .usage = "IMAGE ADDR [LEN]|RANGE",
    .help = "show bytes",
    .args = cli_space_args,
    .min = 1,
    .max = 2,
    .image = CLI_WANTS_IMAGE,
    .order = 40,
    .words = { "SYMBOL", "" },
    .table = true,
    .run = run_verb,
};
