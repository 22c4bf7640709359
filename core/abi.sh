#!/bin/sh
# Print core/abi.h: a hash of the layouts and signatures that plugins see. Usage: abi.sh HEADER...
# Comments and white space are not part of it: a plugin need not be built again for them.
printf '/* Made by core/abi.sh: a plugin built with other headers is refused. */\n#define EG_ABI "%s"\n' \
    "$(sed 's@//.*@@' "$@" | tr -d '[:space:]' | sed -E 's@/\*([^*]|\*+[^*/])*\*+/@@g' | cksum | tr ' ' -)"
