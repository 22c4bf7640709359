/* disasm.c - instructions as text, by libcapstone. */
#include "disasm.h"
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#ifdef HAVE_CAPSTONE
#include <capstone.h>

struct eg_disasm {
    csh engine;
    cs_insn *in;
};

struct eg_disasm *eg_disasm_open(const struct eg_arch *arch, bool narrow, const char **why)
{
    struct eg_disasm *d;
    cs_arch code;
    cs_mode mode;

    *why = "instructions of this processor are not known here";
    if (!arch || !arch->code_unit)
        return NULL;
    code = (cs_arch)arch->capstone.arch;
    mode = (cs_mode)arch->capstone.mode;
    if (narrow && code == CS_ARCH_X86)
        mode = CS_MODE_32;
    if (narrow && code == CS_ARCH_ARM64) {
        code = CS_ARCH_ARM;
        mode = CS_MODE_ARM;
    }
    *why = "out of memory";
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    if (cs_open(code, mode, &d->engine) != CS_ERR_OK) {
        *why = "libcapstone was built without this processor";
        free(d);
        return NULL;
    }
    d->in = cs_malloc(d->engine);
    if (!d->in) {
        cs_close(&d->engine);
        free(d);
        return NULL;
    }
    return d;
}

void eg_disasm_close(struct eg_disasm *d)
{
    if (!d)
        return;
    cs_free(d->in, 1);
    cs_close(&d->engine);
    free(d);
}

bool eg_disasm_one(struct eg_disasm *d, const uint8_t *bytes, size_t len, uint64_t at,
                   struct eg_instruction *out)
{
    if (!cs_disasm_iter(d->engine, &bytes, &len, &at, d->in))
        return false;
    out->size = d->in->size;
    snprintf(out->text, sizeof out->text, "%s%s%s", d->in->mnemonic, *d->in->op_str ? " " : "",
             d->in->op_str);
    out->operands = out->text + EG_MIN(strlen(d->in->mnemonic), sizeof out->text - 1);
    return true;
}
#else
struct eg_disasm *eg_disasm_open(const struct eg_arch *arch, bool narrow, const char **why)
{
    (void)arch, (void)narrow;
    *why = "this build has no libcapstone";
    return NULL;
}

void eg_disasm_close(struct eg_disasm *d)
{
    (void)d;
}

bool eg_disasm_one(struct eg_disasm *d, const uint8_t *bytes, size_t len, uint64_t at,
                   struct eg_instruction *out)
{
    (void)d, (void)bytes, (void)len, (void)at, (void)out;
    return false;
}
#endif
