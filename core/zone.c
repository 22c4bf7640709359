/* zone.c - times in a time zone, as text. */
#include "zone.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400, OFFSET_MAX = 18 * 3600 };
#define SECOND INT64_C(1000000000)

/* ---- the calendar ---- */

/** The date of a day counted from 1970-01-01, by eras of 400 years, which begin in March so that
 * the leap day is the last day of a year. */
static void civil(int64_t day, int64_t *year, unsigned *month, unsigned *mday)
{
    int64_t era, y;
    unsigned in_era, in_year, m;

    day += 719468; // from 0000-03-01
    era = (day >= 0 ? day : day - 146096) / 146097;
    in_era = (unsigned)(day - era * 146097);
    y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    in_year = in_era - (unsigned)(365 * y + y / 4 - y / 100);
    m = (5 * in_year + 2) / 153;
    *mday = in_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (*month <= 2);
}

/** The inverse, for years from 1 on. */
static int64_t day_number(int64_t year, unsigned month, unsigned mday)
{
    const int64_t y = year - (month <= 2), era = y / 400;
    const unsigned in_era_year = (unsigned)(y - era * 400);
    const unsigned in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + mday - 1;

    return era * 146097 + in_era_year * 365 + in_era_year / 4 - in_era_year / 100 + in_year -
           719468;
}

static unsigned days_of(int64_t year, unsigned month)
{
    static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* ---- zones ---- */

/** Seconds east of UTC at that moment. */
static int64_t offset_at(const struct eg_zone *z, int64_t seconds)
{
    const time_t t = (time_t)seconds;
    struct tm tm;

    if (!z || !z->local)
        return z ? z->offset : 0;
    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

/** Up to @max digits. @return how many; 0: there is none. */
static size_t digits(const char *text, size_t max, unsigned *out)
{
    size_t n = 0;

    for (*out = 0; n < max && text[n] >= '0' && text[n] <= '9'; n++)
        *out = *out * 10 + (unsigned)(text[n] - '0');
    return n;
}

/** "+02:00", "+0200", "+2". @return its length; 0: it is none. */
static size_t offset_of(const char *text, int32_t *out)
{
    unsigned hours, minutes = 0;
    size_t n = *text == '+' || *text == '-' ? digits(text + 1, 2, &hours) : 0, more = 0;

    if (!n)
        return 0;
    n++;
    if (text[n] == ':' && (more = digits(text + n + 1, 2, &minutes)) == 2)
        n++;
    else if (text[n] != ':')
        more = digits(text + n, 2, &minutes);
    if ((more && more != 2) || minutes > 59 || hours * 3600 + minutes * 60 > OFFSET_MAX)
        return 0;
    *out = (int32_t)(hours * 3600 + minutes * 60) * (*text == '-' ? -1 : 1);
    return n + more;
}

/** Is there such a file of the time zone database? */
static bool is_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    const char *dir = getenv("TZDIR");
    char path[512], magic[4] = "";
    bool ok = false;
    FILE *f;

    if (!*name || *name == '/' || name[strspn(name, allowed)] ||
        (size_t)snprintf(path, sizeof path, "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo",
                         name) >= sizeof path)
        return false;
    if ((f = fopen(path, "re"))) {
        ok = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "TZif", 4);
        fclose(f);
    }
    return ok;
}

int eg_zone_parse(const char *text, struct eg_zone *out, struct eg_error *e)
{
    size_t n;

    *out = (struct eg_zone){ 0 };
    if (!strcasecmp(text, "UTC") || !strcasecmp(text, "Z"))
        return 0;
    if (!strcasecmp(text, "local")) {
        out->local = true;
        tzset();
        return 0;
    }
    n = offset_of(text, &out->offset);
    if (n && !text[n])
        return 0;
    if (!is_name(text))
        return eg_fail(e, EG_EUSAGE,
                       "'%.100s': no time zone: UTC, local, an offset as +02:00, or a name as "
                       "Europe/Berlin of a time zone that this machine knows",
                       text);
    if (setenv("TZ", text, 1))
        return eg_fail(e, EG_ENOMEM, "out of memory");
    out->local = true;
    tzset();
    return 0;
}

/* ---- text ---- */

/** @n digits with leading zeros, and @end behind them. @return what follows. Ten times as fast as
 * snprintf(). */
static char *put_digits(char *out, unsigned value, unsigned n, char end)
{
    for (unsigned i = n; i--; value /= 10)
        out[i] = (char)('0' + value % 10);
    out[n] = end;
    return out + n + 1;
}

const char *eg_time_text(const struct eg_zone *zone, int64_t ns, char *out)
{
    int64_t s = ns / SECOND - (ns % SECOND < 0), day, year;
    const int64_t offset = offset_at(zone, s);
    unsigned in_day, month, mday, part = (unsigned)((ns % SECOND + SECOND) % SECOND);
    char *at = out;

    s += offset;
    day = s / DAY - (s % DAY < 0);
    in_day = (unsigned)(s - day * DAY);
    civil(day, &year, &month, &mday);
    // 64 bits of nanoseconds begin in 1677 and end in 2262.
    at = put_digits(at, (unsigned)year, 4, '-');
    at = put_digits(at, month, 2, '-');
    at = put_digits(at, mday, 2, 'T');
    at = put_digits(at, in_day / 3600, 2, ':');
    at = put_digits(at, in_day / 60 % 60, 2, ':');
    at = put_digits(at, in_day % 60, 2, '.');
    if (part) {
        at = put_digits(at, part, 9, 0) - 1;
        while (at[-1] == '0')
            at--;
    } else {
        at--; // the point
    }
    if (zone && (zone->local || offset)) {
        const unsigned minutes = (unsigned)(offset < 0 ? -offset : offset) / 60;

        *at++ = offset < 0 ? '-' : '+';
        at = put_digits(at, minutes / 60 % 100, 2, ':');
        put_digits(at, minutes % 60, 2, 0);
    } else {
        *at++ = 'Z';
        *at = 0;
    }
    return out;
}

/** "09:26:53.5", or less. *@unit: how much time what is written leaves open. @return its length; 0:
 * it is none. */
static size_t clock_of(const char *text, int64_t *ns, int64_t *unit)
{
    unsigned hour, minute, second = 0, part = 0;
    size_t n = 5, width = 0;

    if (digits(text, 2, &hour) != 2 || text[2] != ':' || digits(text + 3, 2, &minute) != 2)
        return 0;
    *unit = 60 * SECOND;
    if (text[n] == ':') {
        if (digits(text + n + 1, 2, &second) != 2)
            return 0;
        n += 3;
        *unit = SECOND;
        if (text[n] == '.' && !(width = digits(text + n + 1, 9, &part)))
            return 0;
        n += width ? width + 1 : 0;
    }
    if (hour > 23 || minute > 59 || second > 60)
        return 0;
    for (size_t i = 0; i < width; i++)
        *unit /= 10;
    *ns = (int64_t)(hour * 3600 + minute * 60 + second) * SECOND + (int64_t)part * *unit;
    return n;
}

bool eg_time_parse(const char *text, const struct eg_zone *zone, int64_t *first, int64_t *last)
{
    int64_t in_day = 0, unit = DAY * SECOND, day, seconds, ns;
    struct eg_zone own = { 0 };
    unsigned year, month, mday;
    size_t n;

    if (digits(text, 4, &year) != 4 || text[4] != '-' || digits(text + 5, 2, &month) != 2 ||
        text[7] != '-' || digits(text + 8, 2, &mday) != 2 || !year || !month || month > 12 ||
        !mday || mday > days_of(year, month))
        return false;
    text += 10;
    if (*text == 'T' || *text == 't' || *text == ' ') {
        if (!(n = clock_of(text + 1, &in_day, &unit)))
            return false;
        text += n + 1;
    }
    if ((*text == 'Z' || *text == 'z') && !text[1]) {
        zone = NULL;
    } else if (*text) {
        if (!(n = offset_of(text, &own.offset)) || text[n])
            return false;
        zone = &own;
    }
    day = day_number(year, month, mday);
    seconds = day * DAY + in_day / SECOND;
    // Of a local time the offset depends on the moment, which depends on the offset.
    seconds -= offset_at(zone, seconds - offset_at(zone, seconds));
    return !__builtin_mul_overflow(seconds, SECOND, &ns) &&
           !__builtin_add_overflow(ns, in_day % SECOND, first) &&
           !__builtin_add_overflow(*first, unit - 1, last);
}

/* ---- durations ---- */

const char *eg_duration_text(int64_t ns, char *out)
{
    const int64_t us = ns / 1000 - (ns % 1000 < 0);
    const uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;

    snprintf(out, 24, "%s%" PRIu64 ".%06u", us < 0 ? "-" : "", size / 1000000,
             (unsigned)(size % 1000000));
    return out;
}

bool eg_duration_parse(const char *text, int64_t *first, int64_t *last)
{
    const bool minus = *text == '-';
    int64_t whole = 0, part = 0;
    size_t digits = 0;

    text += minus || *text == '+';
    if (!isdigit((unsigned char)*text))
        return false;
    for (; isdigit((unsigned char)*text); text++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *text - '0', &whole))
            return false;
    if (*text == '.' && isdigit((unsigned char)text[1]))
        for (text++; isdigit((unsigned char)*text) && digits < 9; text++, digits++)
            part = part * 10 + (*text - '0');
    for (size_t i = digits; i < 9; i++)
        part *= 10;
    if (*text || __builtin_mul_overflow(minus ? -whole : whole, SECOND, first) ||
        __builtin_add_overflow(*first, minus ? -part : part, first))
        return false;
    return !__builtin_add_overflow(*first, digits > 6 ? 0 : 999, last);
}
