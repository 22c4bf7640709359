/** zone.h - times as people write and read them: ISO 8601, in UTC or another time zone; and how
 * long something takes, in seconds. */
#ifndef EG_ZONE_H
#define EG_ZONE_H

#include "base.h"

struct eg_zone {
    int32_t offset; /**< seconds east of UTC */
    bool local;     /**< instead: as the C library says, by $TZ */
};

/** "UTC", "local", an offset ("+02:00", "-0330", "+2"), or a name of the time zone database
 * ("Europe/Berlin"), which becomes the process's $TZ: call it before there are threads.
 * @return 0 or -EG_EUSAGE. */
int eg_zone_parse(const char *text, struct eg_zone *out, struct eg_error *e);

/** ISO 8601 with as many digits of the second as are not zero. @zone NULL: UTC, which ends in Z;
 * other times end in their offset. @out has 40 bytes. */
const char *eg_time_text(const struct eg_zone *zone, int64_t ns, char *out);

/** Parse "2026-03-14", "2026-03-14T09:26" or "2026-03-14 09:26:53.5+01:00". A time without an
 * offset is in @zone (NULL: UTC). A text that gives fewer digits stands for all times from @first
 * to @last.
 * @return false if it is not a time, or does not fit 64 bits of nanoseconds. */
bool eg_time_parse(const char *text, const struct eg_zone *zone, int64_t *first, int64_t *last);

/** Seconds with six digits behind the point, also a number in JSON. What is less than the last
 * digit is cut off towards smaller numbers. @out has 24 bytes. */
const char *eg_duration_text(int64_t ns, char *out);

/** Parse seconds: "12", "-0.5", "12.345678901". With six digits or fewer the text stands for all
 * durations that are written so, from @first to @last.
 * @return false if it is none, or does not fit 64 bits of nanoseconds. */
bool eg_duration_parse(const char *text, int64_t *first, int64_t *last);

#endif
