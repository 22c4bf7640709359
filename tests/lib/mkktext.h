/** mkktext.h - a synthetic machine with code of the kernel and of two modules, and the records of
 * what the kernel patches in it: for tests of kernelcode. */
#ifndef MK_KTEXT_H
#define MK_KTEXT_H

#include "mklinux.h"

enum { MK_TEXT = 0x2000, MK_FUNCTION = 0x100 };

/* Functions of the kernel: one that a case writes, one that is called, one that the kernel patches;
 * the module's, and another module's that it does not use. */
struct mk_ktext {
    struct mk *k;
    uint64_t text, data, module, other, head, mod, key, call_key, jump, site, record, probes, bpf;
};

extern const char mk_ktext_types[];
const struct mk_machine *mk_machine_named(const char *arch);
/** Of x86-64. mk_free(.k) when done. */
struct mk_ktext mk_ktext(void);
void mk_ktext_code(struct mk_ktext *w, uint64_t at, const char *bytes, size_t len);
/** A call, jump or branch with 4 bytes of displacement behind its @n bytes of opcode. */
void mk_ktext_leads(struct mk_ktext *w, uint64_t at, const char *opcode, size_t n, uint64_t target);
/** A struct module whose code is the page at @base. */
uint64_t mk_ktext_module(struct mk_ktext *w, const char *name, uint64_t base);
/** As mk_rows. */
const char *mk_ktext_rows(struct mk_ktext *w, const char *plugin, const char *const *args);

#endif
