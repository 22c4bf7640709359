/* dis.c - engram dis: instructions, with the names of what they refer to. */
#include "../core/disasm.h"
#include "rows.h"
#include "verb.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { INSTRUCTIONS = 16 };

static const struct eg_column columns[] = {
    { "ADDRESS", EG_COL_ADDR, "of the first byte" },
    { "SYMBOL", EG_COL_TEXT, "where that is" },
    { "HEX", EG_COL_TEXT, "in hex" },
    { "CODE", EG_COL_TEXT, "the instruction; (bad): none that is known" },
    { "TARGET", EG_COL_TEXT, "the symbol that it jumps to, calls, or takes the address of" },
    { NULL, EG_COL_INT, NULL },
};

/* The symbol of the first address among an instruction's operands. Capstone prints what a jump or a
 * call goes to, and x86's places relative to the next instruction as "[rip + 0x12]". */
static const char *target(const struct cli_hand *h, const struct eg_instruction *in, uint64_t at)
{
    for (const char *p = in->operands; (p = strstr(p, "0x"));) {
        const bool after = p - in->operands >= 6 && !strncmp(p - 6, "rip + ", 6);
        const bool before = p - in->operands >= 6 && !strncmp(p - 6, "rip - ", 6);
        char *end;
        const uint64_t n = strtoull(p, &end, 16), next = at + in->size;
        const char *name = eg_name_of(h->run, after ? next + n : before ? next - n : n);

        if (name)
            return name;
        p = end;
    }
    return NULL;
}

static void row(struct cli_hand *h, uint64_t at, const uint8_t *bytes, size_t n, const char *code,
                const char *to)
{
    char hex[3 * EG_INSTRUCTION_MAX + 1] = "";

    for (size_t i = 0; i < n; i++)
        snprintf(hex + 3 * i, 4, "%02x ", bytes[i]);
    hex[n ? 3 * n - 1 : 0] = 0;
    cli_table_row(&h->table, 0,
                  (struct eg_value[]){ cli_uint(at), cli_text(eg_name_of(h->run, at)),
                                       cli_text(hex), cli_text(code), cli_text(to) });
}

/* One instruction, or a byte or word that is none. @return its length; 0: a hole. */
static size_t one(struct cli_hand *h, struct eg_disasm *engine, uint64_t at)
{
    struct eg_view *v = &h->run->view;
    const size_t unit = h->o.sys->arch->code_unit;
    uint8_t bytes[EG_INSTRUCTION_MAX];
    struct eg_instruction in;
    size_t len = 0;

    while (len < EG_INSTRUCTION_MAX && eg_read(v, h->space, at + len, bytes + len, 1))
        len++;
    if (len < unit) {
        eg_note(h->run, "%#" PRIx64 ": %s", at + len, eg_why_text((enum eg_why)v->why));
        cli_table_row(&h->table, 0,
                      (struct eg_value[]){ cli_uint(at), cli_text(eg_name_of(h->run, at)),
                                           cli_missing((enum eg_why)v->why, at + len),
                                           cli_text(NULL), cli_text(NULL) });
        return 0;
    }
    if (eg_disasm_one(engine, bytes, len, at, &in)) {
        row(h, at, bytes, in.size, eg_strf(h->run, "%s", in.text), target(h, &in, at));
        return in.size;
    }
    row(h, at, bytes, unit, "(bad)", NULL);
    return unit;
}

struct listing {
    struct cli_hand *hand;
    struct eg_disasm *engine;
    uint64_t at, n;
};

static int list(struct eg_run *r, void *context)
{
    struct listing *l = context;
    size_t len;

    for (; l->n && !eg_stopped(r) && (len = one(l->hand, l->engine, l->at)); l->n--)
        l->at += len;
    return 0;
}

int cli_dis_rows(struct cli_hand *h, uint64_t at, uint64_t n)
{
    struct listing l = { .hand = h, .at = at, .n = n };
    const struct eg_arch *arch = h->o.sys->arch;
    const char *why;
    int status;

    l.engine = eg_disasm_open(arch, false, &why);
    if (!l.engine)
        return eg_run_fail(h->run, EG_EUNSUP, "%s: %s", arch ? arch->name : "instructions", why);
    status = cli_hand_table(h, columns, false);
    if (!status)
        status = eg_run_do(h->run, list, &l); // comes back here to give it back
    eg_disasm_close(l.engine);
    return status;
}

static int body(struct eg_run *r, void *hand)
{
    struct cli_hand *h = hand;
    const struct cli *c = h->cli;
    uint64_t at, n = INSTRUCTIONS;
    int status = cli_address(h, c->words.at[0], &at);

    if (!status && c->words.n > 1 && (!eg_number_parse(c->words.at[1], &n) || !n))
        return eg_run_fail(r, EG_EUSAGE, "%s: not a number of instructions", c->words.at[1]);
    return status ? status : cli_dis_rows(h, at, n);
}

static int run_verb(struct cli *c)
{
    return cli_by_hand(c, body);
}

CLI_VERB(dis) = {
    .name = "dis",
    .usage = "IMAGE ADDR [N]",
    .help = "show instructions",
    .args = cli_space_args,
    .min = 1,
    .max = 2,
    .image = CLI_WANTS_IMAGE,
    .order = 50,
    .words = { "SYMBOL", "" },
    .table = true,
    .run = run_verb,
};
