/** fs/overlay.h - overlayfs: which file of a layer below an inode of it stands for. */
#ifndef EG_LINUX_OVERLAY_H
#define EG_LINUX_OVERLAY_H

#include "../../../core/engram.h"

/** The inode that has the bytes of @inode: of an overlay that of the upper layer, if the file was
 * written to, else that of a lower one; of any other file system @inode itself. Where the overlay's
 * types are not known, or do not fit, also @inode itself. */
EG_API struct eg_obj linux_overlay_data(struct eg_run *r, struct eg_obj inode);
/** Is it an inode of an overlay? */
EG_API bool linux_is_overlay(struct eg_run *r, struct eg_obj inode);

#endif
