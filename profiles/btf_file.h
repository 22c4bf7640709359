/** btf_file.h - BTF in a file: raw, as /sys/kernel/btf has it, or the .BTF section of an ELF file.
 */
#ifndef EG_BTF_FILE_H
#define EG_BTF_FILE_H

#include "../core/profile.h"

/** @base: the kernel's profile, read from its BTF, for a module's; else NULL. An ELF file's symbols
 * come with its types. */
int eg_btf_file_read(struct eg_profile **out, const char *path, const struct eg_profile *base,
                     struct eg_error *e);

#endif
