#!/bin/sh
# Files as C text: embed.sh FILE....
echo '#include "library.h"'
i=0
for f in "$@"; do
    echo "static const char text_$i[] = {"
    od -An -v -tx1 "$f" | sed 's/ \(..\)/0x\1,/g'
    echo '0};'
    i=$((i + 1))
done
echo 'const struct script_file script_library[] = {'
i=0
for f in "$@"; do
    echo "{ \"plugins/$(basename "$f")\", text_$i, sizeof text_$i - 1, 0 },"
    i=$((i + 1))
done
echo '{ 0, 0, 0, 0 } };'
