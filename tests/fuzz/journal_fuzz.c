/* journal_fuzz.c - any bytes as a file of systemd's journal, and as records of logins of each
 * size. */
#include "../../core/run.h"
#include "../../plugins/linux/user/journal.h"
#include "../../plugins/linux/user/utmp.h"
#include <stdlib.h>

enum { FIELD_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void records(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + LINUX_UTMP_MAX <= size; at += 8) {
        struct linux_lastlog l;
        struct linux_utmp u;

        for (int big = 0; big <= 1; big++) {
            if (linux_utmp_decode(data + at, 384, big, &u) && !linux_utmp_type(u.type))
                abort();
            linux_utmp_decode(data + at, 400, big, &u);
            linux_lastlog_decode(data + at, 292, big, &l);
            linux_lastlog_decode(data + at, 296, big, &l);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct eg_view v; // larger than a stack should hold
    static uint8_t out[FIELD_MAX];
    struct linux_journal_entry e;
    struct linux_journal j;
    struct eg_space *space;
    size_t len;

    if (!size || eg_memory_open(&space, data, size, NULL) < 0)
        return 0;
    eg_view_init(&v, NULL);
    if (linux_journal_open(&j, &v, space, size + 4096))
        for (uint64_t at = 0; at < size; at += 8)
            if (linux_journal_entry_at(&j, at, &e))
                for (uint64_t i = 0; i < e.items; i++)
                    if (linux_journal_field(&j, &e, i, out, sizeof out, &len) ==
                            LINUX_JOURNAL_FIELD &&
                        (!len || len > sizeof out))
                        abort();
    records(data, size);
    eg_view_fini(&v);
    eg_space_close(space);
    return 0;
}
