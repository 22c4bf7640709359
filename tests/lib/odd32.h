/** odd32.h - a machine that does not exist: 32 bits, big endian, pages of 64 KiB. */
#ifndef ODD32_H
#define ODD32_H

#include "arch.h"

extern const struct eg_arch odd32_arch;

#endif
