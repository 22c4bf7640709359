/** source_device.h - this machine's physical memory by a device. */
#ifndef EG_LIVE_SOURCE_DEVICE_H
#define EG_LIVE_SOURCE_DEVICE_H

#include "../core/image.h"

/** Open @path, which is read at physical addresses; @iomem is /proc/iomem. Ownership as of
 * eg_source.open. */
int live_device_open(struct eg_space **out, struct eg_image *img, const char *path,
                     const char *iomem, struct eg_error *e);

#endif
