#!/bin/sh
# Print core/abi.h: a hash of the layouts that plugins see. Usage: abi.sh HEADER...
printf '/* Made by core/abi.sh: a plugin built with other headers is refused. */\n#define EG_ABI "%s"\n' \
    "$(cat "$@" | cksum | tr ' ' -)"
