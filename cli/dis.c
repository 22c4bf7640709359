/* dis.c - engram dis: instructions, with the names of what they refer to. */
#include "config.h"
#include "rows.h"
#include "verb.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef HAVE_CAPSTONE
#include <capstone.h>
#endif

enum { INSTRUCTIONS = 16 };

#ifdef HAVE_CAPSTONE
enum { LONGEST = 16 }; // bytes of one

static const struct eg_column columns[] = {
    { "ADDRESS", EG_COL_ADDR, "of the first byte" },
    { "SYMBOL", EG_COL_TEXT, "where that is" },
    { "HEX", EG_COL_TEXT, "in hex" },
    { "CODE", EG_COL_TEXT, "the instruction; (bad): none that is known" },
    { "TARGET", EG_COL_TEXT, "the symbol that it jumps to, calls, or takes the address of" },
    { NULL, EG_COL_INT, NULL },
};

static int open_engine(struct cli_hand *h, csh *out)
{
    const struct eg_arch *arch = h->o.sys->arch;

    if (!arch || !arch->code_unit)
        return eg_run_fail(h->run, EG_EUNSUP, "instructions of %s are not known here",
                           arch ? arch->name : "this processor");
    if (cs_open((cs_arch)arch->capstone.arch, (cs_mode)arch->capstone.mode, out) != CS_ERR_OK)
        return eg_run_fail(h->run, EG_EUNSUP, "libcapstone was built without %s", arch->name);
    return 0;
}

/* The symbol of the first address among an instruction's operands. Capstone prints what a jump or a
 * call goes to, and x86's places relative to the next instruction as "[rip + 0x12]". */
static const char *target(const struct cli_hand *h, const cs_insn *in)
{
    for (const char *p = in->op_str; (p = strstr(p, "0x"));) {
        const bool after = p - in->op_str >= 6 && !strncmp(p - 6, "rip + ", 6);
        const bool before = p - in->op_str >= 6 && !strncmp(p - 6, "rip - ", 6);
        char *end;
        const uint64_t n = strtoull(p, &end, 16), next = in->address + in->size;
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
    char hex[3 * LONGEST + 1] = "";

    for (size_t i = 0; i < n; i++)
        snprintf(hex + 3 * i, 4, "%02x ", bytes[i]);
    hex[n ? 3 * n - 1 : 0] = 0;
    cli_table_row(&h->table, 0,
                  (struct eg_value[]){ cli_uint(at), cli_text(eg_name_of(h->run, at)),
                                       cli_text(hex), cli_text(code), cli_text(to) });
}

/* One instruction, or a byte or word that is none. @return its length; 0: a hole. */
static size_t one(struct cli_hand *h, csh engine, cs_insn *in, uint64_t at)
{
    struct eg_view *v = &h->run->view;
    const size_t unit = h->o.sys->arch->code_unit;
    uint8_t bytes[LONGEST];
    size_t len = 0, left;
    const uint8_t *p = bytes;
    uint64_t to = at;

    while (len < LONGEST && eg_read(v, h->space, at + len, bytes + len, 1))
        len++;
    left = len;
    if (len < unit) {
        eg_note(h->run, "%#" PRIx64 ": %s", at + len, eg_why_text((enum eg_why)v->why));
        cli_table_row(&h->table, 0,
                      (struct eg_value[]){ cli_uint(at), cli_text(eg_name_of(h->run, at)),
                                           cli_missing((enum eg_why)v->why, at + len),
                                           cli_text(NULL), cli_text(NULL) });
        return 0;
    }
    if (cs_disasm_iter(engine, &p, &left, &to, in)) {
        row(h, at, bytes, in->size,
            eg_strf(h->run, "%s%s%s", in->mnemonic, *in->op_str ? " " : "", in->op_str),
            target(h, in));
        return in->size;
    }
    row(h, at, bytes, unit, "(bad)", NULL);
    return unit;
}

struct listing {
    struct cli_hand *hand;
    csh engine;
    cs_insn *in;
    uint64_t at, n;
};

static int list(struct eg_run *r, void *context)
{
    struct listing *l = context;
    size_t len;

    for (; l->n && !eg_stopped(r) && (len = one(l->hand, l->engine, l->in, l->at)); l->n--)
        l->at += len;
    return 0;
}

int cli_dis_rows(struct cli_hand *h, uint64_t at, uint64_t n)
{
    struct listing l = { .hand = h, .at = at, .n = n };
    int status = open_engine(h, &l.engine);

    if (status)
        return status;
    l.in = cs_malloc(l.engine);
    status =
        l.in ? cli_hand_table(h, columns, false) : eg_run_fail(h->run, EG_ENOMEM, "out of memory");
    if (!status)
        status = eg_run_do(h->run, list, &l); // comes back here to give both back
    if (l.in)
        cs_free(l.in, 1);
    cs_close(&l.engine);
    return status;
}
#else
int cli_dis_rows(struct cli_hand *h, uint64_t at, uint64_t n)
{
    (void)at;
    (void)n;
    return eg_run_fail(h->run, EG_EUNSUP, "this build has no libcapstone");
}
#endif

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
