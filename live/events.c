/* events.c - the doors by which running machines report events, by name. */
#include "events.h"
#include "events_ring.h"
#include <string.h>

/* To add a door: its line here, its prototype in events.h. */
static const struct {
    const char *scheme;
    int (*open)(struct events **out, const char *where, struct eg_error *e);
} doors[] = {
    { "gdb:", events_gdb_open },
    { "ring:", events_ring_open },
};

int events_open(struct events **out, const char *where, struct eg_error *e)
{
    for (size_t i = 0; i < countof(doors); i++) {
        const size_t len = strlen(doors[i].scheme);

        if (!strncmp(where, doors[i].scheme, len))
            return doors[i].open(out, where + len, e);
    }
    return eg_fail(
        e, EG_EUSAGE,
        "%s: no way to the events of a machine: gdb:HOST:PORT or gdb:SOCKET (QEMU's -gdb), "
        "or ring:FILE of the plugin in contrib/qemu-plugin is wanted",
        where);
}

void events_close(struct events *s)
{
    if (s)
        s->ops->close(s);
}
