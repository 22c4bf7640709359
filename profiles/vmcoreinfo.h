/** vmcoreinfo.h - the note that the kernel prepares for its crash dump (kernel/vmcore_info.c,
 * Documentation/admin-guide/kdump). */
#ifndef EG_VMCOREINFO_H
#define EG_VMCOREINFO_H

#include "../core/base.h"

/** Text of KEY=VALUE lines, not NUL-terminated. Borrowed. */
struct eg_vmcoreinfo {
    const char *text;
    size_t len;
};

/** Is this page the start of the ELF note in memory (name VMCOREINFO, type 0, text begins
 * OSRELEASE=)? @v: its text, inside @page. *@bare: the page starts with the text itself
 * (vmcoreinfo_data). */
bool eg_vmcoreinfo_page(const uint8_t *page, size_t len, bool *bare, struct eg_vmcoreinfo *v);

/** The value of a key: as text; the address SYMBOL(@name); the number NUMBER(@name), or of the
 * whole key if @name has a parenthesis ("OFFSET(uts_namespace.name)", "SIZE(page)"); and a
 * hexadecimal one without 0x, such as KERNELOFFSET. */
bool eg_vmcoreinfo_text(const struct eg_vmcoreinfo *v, const char *key, char *out, size_t size);
bool eg_vmcoreinfo_symbol(const struct eg_vmcoreinfo *v, const char *name, uint64_t *out);
bool eg_vmcoreinfo_number(const struct eg_vmcoreinfo *v, const char *name, int64_t *out);
bool eg_vmcoreinfo_hex(const struct eg_vmcoreinfo *v, const char *key, uint64_t *out);

/** Iterate over all lines: start with *@at 0. Key and value are borrowed and have lengths. */
bool eg_vmcoreinfo_next(const struct eg_vmcoreinfo *v, size_t *at, const char **key, size_t *klen,
                        const char **value, size_t *vlen);

#endif
