/** btf_file.h - BTF in a file: raw, as in /sys/kernel/btf, or the .BTF section of an ELF file. */
#ifndef EG_BTF_FILE_H
#define EG_BTF_FILE_H

#include "../core/profile.h"

/** @base: for a module, the kernel's profile from BTF; else NULL. The symbols of an ELF file are
 * read too. */
int eg_btf_file_read(struct eg_profile **out, const char *path, const struct eg_profile *base,
                     struct eg_error *e);

#endif
