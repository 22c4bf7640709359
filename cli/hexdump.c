/* hexdump.c - engram hexdump: sixteen bytes a row; a hole is one row with its reason. */
#include "cli.h"
#include <inttypes.h>
#include <stdio.h>

enum { ROW = 16 };

static const struct eg_column columns[] = {
    { "ADDRESS", EG_COL_ADDR, "of the first byte" },
    { "BYTES", EG_COL_TEXT, "in hex; --: not there" },
    { "TEXT", EG_COL_TEXT, "what is printable ASCII" },
    { NULL, EG_COL_INT, NULL },
};

/* One row from @at; some of its bytes may be missing. */
static void row(struct hand *h, uint64_t at, size_t n)
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

int cli_hexdump_rows(struct hand *h, uint64_t at, uint64_t len)
{
    struct eg_run *r = h->run;
    uint64_t last;
    int status = cli_hand_table(h, columns, false);

    if (status)
        return status;
    if (!eg_add(at, len - 1, &last))
        last = UINT64_MAX;
    while (!eg_stopped(r)) {
        struct eg_extent x;
        uint64_t end;

        eg_extent_at(&r->view, h->space, at, &x);
        end = EG_MIN(x.why ? x.last : at + EG_MIN(last - at, (uint64_t)ROW - 1), last);
        if (x.why) {
            eg_note(r, "%#" PRIx64 " to %#" PRIx64 ": %s", at, end, eg_why_text(x.why));
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
    struct hand *h = hand;
    const struct cli *c = h->cli;
    uint64_t at, len = 256;
    int status;

    (void)r;
    if ((status = cli_address(h, c->words.at[0], &at)) ||
        (c->words.n > 1 && (status = cli_length(h, c->words.at[1], &len))))
        return status;
    return cli_hexdump_rows(h, at, len);
}

int cli_hexdump(struct cli *c)
{
    return cli_by_hand(c, body);
}
