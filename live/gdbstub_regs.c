/* gdbstub_regs.c - registers of QEMU's gdbstub by the names in its description of the target, which
 * has another order in each version. */
#include "../core/arch.h"
#include "gdbstub.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { XML_MAX = 1 << 20, FILES_MAX = 32, NAME = 64 };

/* ---- the description ---- */

/* The value of @name="…" in an element, without entities: no name of a register has any. */
static bool attribute(const char *at, const char *end, const char *name, char *out, size_t size)
{
    const size_t len = strlen(name);

    for (; at + len + 2 < end; at++) {
        const char *value = at + len + 2, *close;

        if ((*at != ' ' && *at != '\t' && *at != '\n') || strncmp(at + 1, name, len) != 0 ||
            at[len + 1] != '=' || value >= end || (*value != '"' && *value != '\''))
            continue;
        close = memchr(value + 1, *value, (size_t)(end - value - 1));
        if (!close || (size_t)(close - value) > size)
            return false;
        memcpy(out, value + 1, (size_t)(close - value - 1));
        out[close - value - 1] = 0;
        return true;
    }
    return false;
}

static bool number_of(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    const unsigned long long v = strtoull(text, &end, 10);

    if (!*text || *text == '-' || *end || v > max)
        return false;
    *out = v;
    return true;
}

static int add_register(struct gdbstub_layout *l, const char *at, const char *end, uint32_t *number,
                        struct eg_error *e)
{
    char name[NAME], text[16];
    struct gdbstub_register *r;
    uint64_t bits, own;

    if (attribute(at, end, "regnum", text, sizeof text)) {
        if (!number_of(text, UINT16_MAX - 1, &own))
            return eg_fail(e, EG_EFORMAT, "the stub describes a register with the number '%s'",
                           text);
        *number = (uint32_t)own;
    }
    if (!attribute(at, end, "name", name, sizeof name) ||
        !attribute(at, end, "bitsize", text, sizeof text) || !number_of(text, 1 << 16, &bits) ||
        bits % 8 || *number >= UINT16_MAX || l->all.n == GDBSTUB_REGISTERS_MAX)
        return eg_fail(e, EG_EFORMAT, "the stub's description of registers is damaged");
    r = eg_vec_push(&l->all);
    if (!r)
        return eg_fail(e, EG_ENOMEM, "out of memory for registers");
    *r = (struct gdbstub_register){ .number = (uint16_t)(*number)++, .size = (uint16_t)(bits / 8) };
    snprintf(r->name, sizeof r->name, "%.23s", name);
    return 0;
}

int gdbstub_read_xml(struct gdbstub_layout *l, const char *xml, size_t len, uint32_t *number,
                     char (*files)[64], size_t *n_files, size_t max_files, struct eg_error *e)
{
    const char *end = xml + len;

    for (const char *at = xml; (at = memchr(at, '<', (size_t)(end - at)));) {
        const bool comment = end - at > 4 && !strncmp(at, "<!--", 4); // 7.2 has registers in one
        const char *close = comment ? memmem(at + 4, (size_t)(end - at - 4), "-->", 3)
                                    : memchr(at, '>', (size_t)(end - at));
        int rc = 0;

        if (!close)
            break;
        if (close - at > 5 && !strncmp(at, "<reg", 4) && strchr(" \t\n", at[4]))
            rc = add_register(l, at, close, number, e);
        else if (close - at > 11 && !strncmp(at, "<xi:include", 11) && *n_files < max_files &&
                 attribute(at, close, "href", files[*n_files], sizeof files[0]))
            ++*n_files;
        if (rc)
            return rc;
        at = close;
    }
    return 0;
}

static int16_t find(const struct gdbstub_layout *l, const char *name)
{
    for (size_t i = 0; i < l->all.n; i++)
        if (!strcasecmp(l->all.at[i].name, name) && l->all.at[i].size <= 8)
            return (int16_t)i;
    return -1;
}

static int16_t either(const struct gdbstub_layout *l, const char *name, const char *other)
{
    const int16_t i = find(l, name);

    return i >= 0 ? i : find(l, other);
}

void gdbstub_layout_end(struct gdbstub_layout *l, const char *architecture)
{
    uint32_t at = 0;

    l->arch = strstr(architecture, "x86-64")    ? eg_arch_find("x86_64")
              : strstr(architecture, "aarch64") ? eg_arch_find("aarch64")
                                                : NULL;
    for (size_t i = 0; i < l->all.n; i++) {
        l->all.at[i].at = at;
        at += l->all.at[i].size;
    }
    for (size_t i = 0; i < countof(l->of); i++)
        l->of[i] = -1;
    for (size_t i = 0; l->arch && l->arch->registers[i] && i < countof(l->of); i++) {
        const char *name = l->arch->registers[i];

        l->of[i] = !strcmp(name, "rflags")   ? either(l, "eflags", name)
                   : !strcmp(name, "pstate") ? either(l, "cpsr", name)
                                             : find(l, name);
    }
    l->cr3 = find(l, "cr3");
    l->cr4 = find(l, "cr4");
    l->gs = find(l, "gs_base");
    l->kernel_gs = find(l, "k_gs_base");
    l->cs = find(l, "cs");
    l->efer = find(l, "efer");
    l->ttbr1[0] = find(l, "ttbr1_el1");
    l->ttbr1[1] = find(l, "ttbr1_el2");
    l->vbar[0] = either(l, "vbar_el1", "vbar");
    l->vbar[1] = find(l, "vbar_el2");
    l->sp_el0 = find(l, "sp_el0");
    l->tpidr[0] = find(l, "tpidr_el1");
    l->tpidr[1] = find(l, "tpidr_el2");
    l->pc = either(l, "rip", "pc");
    l->sp = either(l, "rsp", "sp");
}

/* One file of the description, piece by piece. */
static int fetch(struct gdbstub *g, const char *file, char **out, size_t *len, struct eg_error *e)
{
    EG_VEC(char) all = { 0 };
    const size_t piece = EG_MIN(g->packet, (size_t)2048);
    int rc = 0;

    for (bool more = true; more && !rc;) {
        rc = gdbstub_ask(g, e, "qXfer:features:read:%s:%zx,%zx", file, all.n, piece);
        if (rc)
            break;
        if (g->in.data.n < 1 || !strchr("ml", g->in.data.at[0])) {
            rc = eg_fail(e, EG_EUNSUP, "the stub does not describe its registers (%s)", file);
        } else if (all.n + g->in.data.n > XML_MAX || !eg_vec_reserve(&all, all.n + g->in.data.n)) {
            rc = eg_fail(e, EG_EFORMAT, "the stub's description of registers is too long");
        } else {
            more = g->in.data.at[0] == 'm' && g->in.data.n > 1;
            memcpy(all.at + all.n, g->in.data.at + 1, g->in.data.n - 1);
            all.n += g->in.data.n - 1;
            all.at[all.n] = 0; // there is room: the letter was not copied
        }
    }
    if (rc) {
        eg_vec_fini(&all);
        return rc;
    }
    *out = all.at;
    *len = all.n;
    return 0;
}

static void architecture_of(const char *xml, size_t len, char out[NAME])
{
    static const char tag[] = "<architecture>";
    const char *at = memmem(xml, len, tag, sizeof tag - 1), *end = xml + len;
    size_t n = 0;

    if (!at)
        return;
    for (at += sizeof tag - 1; at < end && *at != '<' && n < NAME - 1; at++)
        out[n++] = *at;
    out[n] = 0;
}

int gdbstub_describe(struct gdbstub *g, struct eg_error *e)
{
    char files[FILES_MAX][64] = { "target.xml" }, architecture[NAME] = "";
    size_t n = 1;
    uint32_t number = 0;

    for (size_t i = 0; i < n; i++) {
        char *xml;
        size_t len;
        int rc;

        if (files[i][strcspn(files[i], ":#$,;")])
            return eg_fail(e, EG_EFORMAT,
                           "the stub's description of registers names a file '%.40s'", files[i]);
        rc = fetch(g, files[i], &xml, &len, e);
        if (rc)
            return rc;
        if (!*architecture)
            architecture_of(xml, len, architecture);
        rc = gdbstub_read_xml(&g->layout, xml, len, &number, files, &n, FILES_MAX, e);
        free(xml);
        if (rc)
            return rc;
    }
    gdbstub_layout_end(&g->layout, architecture);
    if (!g->layout.arch || g->layout.pc < 0 || g->layout.sp < 0)
        return eg_fail(e, EG_EUNSUP,
                       "the stub is of a machine '%.40s': x86-64 and AArch64 can be traced",
                       architecture);
    return 0;
}

/* ---- values ---- */

static uint64_t number(const struct gdbstub_layout *l, const uint8_t *p, size_t size)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)p[l->big_endian ? size - 1 - i : i] << 8 * i;
    return v;
}

static bool in_answer(const struct gdbstub_layout *l, int i, const uint8_t *bytes, size_t len,
                      uint64_t *out)
{
    const struct gdbstub_register *r = i >= 0 ? &l->all.at[i] : NULL;

    if (!r || r->size > 8 || !eg_within(r->at, r->size, len))
        return false;
    *out = number(l, bytes + r->at, r->size);
    return true;
}

void gdbstub_take_registers(const struct gdbstub_layout *l, const uint8_t *bytes, size_t len,
                            struct eg_cpu *cpu, uint64_t *known)
{
    uint64_t v, cs = 0, gs[2] = { 0, 0 };

    *cpu = (struct eg_cpu){ .arch = l->arch };
    *known = 0;
    for (size_t i = 0; l->arch && l->arch->registers[i] && i < countof(l->of); i++) {
        cpu->n_regs = (uint8_t)(i + 1);
        if (in_answer(l, l->of[i], bytes, len, &cpu->regs[i]))
            *known |= UINT64_C(1) << i;
    }
    if (in_answer(l, l->cr3, bytes, len, &v))
        cpu->root = v & UINT64_C(0x000ffffffffff000);
    if (in_answer(l, l->cr4, bytes, len, &v))
        cpu->control = v;
    if (in_answer(l, l->efer, bytes, len, &v)) {
        cpu->x86[EG_X86_EFER] = v;
        cpu->x86_known |= 1u << EG_X86_EFER;
    }
    if (in_answer(l, l->gs, bytes, len, &gs[0]) && in_answer(l, l->kernel_gs, bytes, len, &gs[1]) &&
        in_answer(l, l->cs, bytes, len, &cs))
        cpu->gs_base = gs[(cs & 3) == 3];
}

/* A register that `g` does not have. @return false: it is not known. */
static bool one(struct gdbstub *g, int i, uint64_t *out)
{
    const struct gdbstub_layout *l = &g->layout;
    uint8_t bytes[8];
    struct eg_error e;

    if (i < 0 || gdbstub_ask(g, &e, "p%x", l->all.at[i].number) ||
        rsp_unhex((const char *)g->in.data.at, (const char *)g->in.data.at + g->in.data.n, bytes,
                  l->all.at[i].size) != l->all.at[i].size)
        return false;
    *out = number(l, bytes, l->all.at[i].size);
    return true;
}

/* A kernel that was booted at EL2 stays there, and EL1's registers are of its guests. */
static uint64_t of_level(struct gdbstub *g, const int16_t of[2], bool el2)
{
    uint64_t v = 0;

    for (int i = el2; i < 2 && !v; i++)
        if (!one(g, of[i], &v))
            v = 0;
    return v;
}

int gdbstub_cpu(struct gdbstub *g, uint64_t thread, struct eg_cpu *cpu, uint64_t *known,
                uint64_t *task, struct eg_error *e)
{
    enum { BYTES_MAX = 1 << 14, EL = 0xc, EL2 = 8, PSTATE = 33 };
    uint8_t bytes[BYTES_MAX];
    uint64_t v, mode;
    size_t n;
    int rc = 0;

    *task = 0;
    if (g->thread != thread && (rc = gdbstub_order(g, e, "Hg%" PRIx64, thread)))
        return rc;
    g->thread = thread;
    if ((rc = gdbstub_ask(g, e, "g")))
        return rc;
    n = rsp_unhex((const char *)g->in.data.at, (const char *)g->in.data.at + g->in.data.n, bytes,
                  sizeof bytes);
    gdbstub_take_registers(&g->layout, bytes, n, cpu, known);
    mode = cpu->n_regs > PSTATE ? cpu->regs[PSTATE] & EL : 0;
    if (mode && one(g, g->layout.sp_el0, &v))
        *task = v; // arch/arm64/include/asm/current.h
    if (g->layout.ttbr1[0] >= 0) {
        cpu->root = of_level(g, g->layout.ttbr1, mode == EL2) & UINT64_C(0x0000ffffffffffc0);
        cpu->vectors = of_level(g, g->layout.vbar, mode == EL2);
        cpu->gs_base = of_level(g, g->layout.tpidr, mode == EL2); // asm/percpu.h
    }
    return g->closed ? eg_fail(e, EG_ENOTFOUND, "the machine has ended") : 0;
}
