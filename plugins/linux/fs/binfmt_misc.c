/* binfmt_misc.c - what binfmt_misc keeps of an interpreter (fs/binfmt_misc.c, where it is a typedef
 * Node, and since 7.3 binfmt_misc_entry): the private data of the file that stands for it. */
#include "inode.h"

EG_FIELDS_OF("binfmt_misc", Node, flags, interpreter, magic, mask, offset, size);
EG_FIELDS_OF("binfmt_misc", binfmt_misc_entry, flags, interpreter, magic, mask, offset, size);
EG_FIELD_AS(inode_private, inode, "i_private");

static struct eg_obj binfmt_misc_entry(struct eg_run *r, struct eg_obj inode)
{
    struct eg_obj type = eg_at(inode, inode.i_sb, super_block.s_type, file_system_type.name);
    const char *fs = eg_string(r, type, 16);
    uint64_t entry;

    // The files "register" and "status" have none.
    if (!fs || __builtin_strcmp(fs, "binfmt_misc") || !eg_get(&entry, inode, inode_private))
        return eg_bad(inode, EG_BAD_VALUE, inode.addr);
    if (!entry)
        return eg_bad(inode, EG_NULL, 0);
    return eg_has(r, Node.flags) ? eg_object(r, Node, entry)
                                 : eg_object(r, binfmt_misc_entry, entry);
}

EG_FUNCTION(binfmt_misc_entry) = {
    .os = "linux",
    .help = "what binfmt_misc keeps of an interpreter (Node), by the inode of its file",
    .args = "inode",
    .returns = "Node",
    .cursor = binfmt_misc_entry,
};
