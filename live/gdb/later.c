/* later.c - objects of processes and files are not here yet. */
#include "gdb.h"

const struct gdb_object gdb_objects_process[] = { { NULL, NULL } };

bool gdb_vfile(struct gdb *g, const char *packet, size_t len)
{
    if (len < 6 || memcmp(packet, "vFile:", 6) != 0)
        return false;
    gdb_reply(g, "F-1,2");
    return true;
}
