/* utmp.c - what a record of a login says. */
#include "utmp.h"
#include "../../../core/base.h"
#include <string.h>

static int64_t number(const uint8_t *p, unsigned size, bool big)
{
    const uint64_t v = eg_load_(p, size, big);

    return (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

/* A field of text: what is behind its end is nothing, or what was there before. */
static bool text(char *out, const uint8_t *p, size_t n)
{
    size_t len = 0;

    while (len < n && p[len]) {
        if (p[len] < ' ' || p[len] == 0x7f)
            return false;
        len++;
    }
    memcpy(out, p, len);
    out[len] = 0;
    return true;
}

bool linux_utmp_decode(const uint8_t *p, size_t size, bool big, struct linux_utmp *out)
{
    const bool wide = size == LINUX_UTMP_MAX;
    const int64_t in_a_second = 1000000;

    *out = (struct linux_utmp){ .type = (int16_t)number(p, 2, big),
                                .pid = (int32_t)number(p + 4, 4, big),
                                .exit_termination = (int16_t)number(p + 332, 2, big),
                                .exit_status = (int16_t)number(p + 334, 2, big),
                                .session = number(p + 336, wide ? 8 : 4, big),
                                .sec = number(p + (wide ? 344 : 340), wide ? 8 : 4, big),
                                .usec = number(p + (wide ? 352 : 344), wide ? 8 : 4, big) };
    memcpy(out->addr, p + (wide ? 360 : 348), sizeof out->addr);
    return out->type >= 0 && out->type <= 9 && out->pid >= 0 && out->usec >= 0 &&
           out->usec < in_a_second && out->sec >= 0 && text(out->line, p + 8, 32) &&
           text(out->id, p + 40, 4) && text(out->user, p + 44, 32) && text(out->host, p + 76, 256);
}

const char *linux_utmp_type(int16_t type)
{
    static const char *const names[] = { "EMPTY",         "RUN_LVL",      "BOOT_TIME",
                                         "NEW_TIME",      "OLD_TIME",     "INIT_PROCESS",
                                         "LOGIN_PROCESS", "USER_PROCESS", "DEAD_PROCESS",
                                         "ACCOUNTING" };

    return type >= 0 && (size_t)type < countof(names) ? names[type] : NULL;
}

bool linux_lastlog_decode(const uint8_t *p, size_t size, bool big, struct linux_lastlog *out)
{
    const unsigned time = size == LINUX_LASTLOG_MAX ? 8 : 4;

    *out = (struct linux_lastlog){ .sec = number(p, time, big) };
    return out->sec >= 0 && text(out->line, p + time, 32) && text(out->host, p + time + 32, 256);
}
