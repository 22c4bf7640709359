/** vmware_tags.h - VMware's saved states (.vmss, .vmsn): groups of named values. */
#ifndef EG_VMWARE_TAGS_H
#define EG_VMWARE_TAGS_H

#include "../core/space.h"

/** A saved state that is being read. */
struct eg_vmware_state {
    struct eg_view *view;
    struct eg_space *file; /**< borrowed */
    uint64_t size;
    bool wide;   /**< sizes of blocks are 64 bits wide */
    size_t left; /**< how many more values may be read: a bound for hostile files */
    bool cut;    /**< a group ended inside a value, or was too long */
};

struct eg_vmware_tag {
    char name[256];
    uint32_t index[3]; /**< "CR64[cpu][n]" */
    uint8_t n_index;
    uint64_t at;       /**< its bytes in the file */
    uint64_t size;     /**< of them */
    uint64_t mem_size; /**< size in memory; if it differs from size, the block is compressed */
};

/** Are the first 4 bytes of a file, @head, those of a saved state? */
bool eg_vmware_is_state(const uint8_t *head);

/** @return false: the file is not a saved state. */
bool eg_vmware_state_init(struct eg_vmware_state *s, struct eg_view *v, struct eg_space *file);

/** Find where the values of group @name begin. @return false: there is no such group. */
bool eg_vmware_group(struct eg_vmware_state *s, const char *name, uint64_t *at);

/** Behind a damaged value: find the next one of the group whose name begins with @prefix, within
 * 64 KiB, and move *@at to it. @return false: there is none. */
bool eg_vmware_resume(struct eg_vmware_state *s, const char *prefix, uint64_t *at);

/** Read the value at *@at and move *@at behind it. @return false: the group ends, or is damaged. */
bool eg_vmware_tag(struct eg_vmware_state *s, uint64_t *at, struct eg_vmware_tag *out);

/** The tag's value as a number of at most 8 bytes. */
bool eg_vmware_number(struct eg_vmware_state *s, const struct eg_vmware_tag *t, uint64_t *out);

#endif
