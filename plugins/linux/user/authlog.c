/* authlog.c - times, programs and users of lines that syslog wrote. */
#include "authlog.h"
#include "../../../core/base.h"
#include <ctype.h>
#include <string.h>

enum { LINE_LEN = 8192, LAST_YEAR = 2200 }; // later ones have no ns in 64 bits
enum { PROGRAM, USER, TTY, FROM };          // places in .words

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t year_of(int64_t now)
{
    int64_t year = 1970;
    const int64_t today = now / 1000000000 / 86400;

    while (year < LAST_YEAR && days(year + 1, 1, 1) <= today)
        year++;
    return year;
}

/* @n digits at @p, after blanks for those that are missing. @return -1: there are none. */
static int digits(const char *p, unsigned n)
{
    int v = 0;
    bool any = false;

    for (unsigned i = 0; i < n; i++) {
        if (p[i] == ' ' && !any)
            continue;
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = 10 * v + p[i] - '0';
        any = true;
    }
    return any ? v : -1;
}

static bool clock_time(const char *p, int64_t *sec)
{
    const int h = digits(p, 2), m = digits(p + 3, 2), s = digits(p + 6, 2);

    *sec = (int64_t)h * 3600 + m * 60 + s;
    return p[2] == ':' && p[5] == ':' && h >= 0 && h < 24 && m >= 0 && m < 60 && s >= 0 && s <= 60;
}

/* "2026-03-14T09:21:07.123456+01:00 " @return bytes of it; 0: it is none. */
static size_t iso_time(const char *p, size_t len, int64_t *ns)
{
    int year, month, day;
    int64_t sec, fraction = 0, unit = 100000000;
    size_t i = 19;

    if (len < 21 || p[4] != '-' || p[7] != '-' || p[10] != 'T' || !clock_time(p + 11, &sec))
        return 0;
    year = digits(p, 4);
    month = digits(p + 5, 2);
    day = digits(p + 8, 2);
    if (year < 1970 || year > LAST_YEAR || month < 1 || month > 12 || day < 1 || day > 31)
        return 0;
    sec += days(year, month, day) * 86400;
    if (p[i] == '.')
        for (i++; i < len && isdigit((unsigned char)p[i]); i++, unit /= 10)
            fraction += (p[i] - '0') * unit;
    if (i + 6 <= len && (p[i] == '+' || p[i] == '-')) {
        const int h = digits(p + i + 1, 2), m = digits(p + i + 4, 2);

        if (h < 0 || m < 0)
            return 0;
        sec += (p[i] == '+' ? -1 : 1) * ((int64_t)h * 3600 + m * 60);
        i += 6;
    } else if (i < len && p[i] == 'Z') {
        i++;
    }
    *ns = sec * 1000000000 + fraction;
    return i;
}

/* "Mar 14 09:21:07 " */
static size_t old_time(const char *p, size_t len, int64_t now, int64_t *ns)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t sec, year = year_of(now), month = 0;
    int day;

    if (len < 16 || p[3] != ' ' || p[6] != ' ' || !clock_time(p + 7, &sec))
        return 0;
    while (month < 12 && strncmp(months + 3 * month, p, 3) != 0)
        month++;
    day = digits(p + 4, 2);
    if (month == 12 || day < 1 || day > 31)
        return 0;
    *ns = (days(year, month + 1, day) * 86400 + sec) * 1000000000;
    if (now > 0 && *ns - now > INT64_C(86400000000000)) // a day, for clocks of other zones
        *ns = (days(year - 1, month + 1, day) * 86400 + sec) * 1000000000;
    return 15;
}

/* Anyone may write many lines, so no word takes memory of the run. */
static const char *keep(struct linux_auth_line *out, unsigned which, const char *p, size_t n)
{
    n = EG_MIN(n, (size_t)LINUX_AUTH_WORD);
    memcpy(out->words[which], p, n);
    out->words[which][n] = 0;
    return out->words[which];
}

/* The word behind @key in a text; NULL: there is none. */
static const char *word_after(struct linux_auth_line *out, unsigned which, const char *text,
                              const char *key)
{
    const char *p = strstr(text, key);
    size_t n;

    if (!p)
        return NULL;
    p += strlen(key);
    n = strcspn(p, " ;,()[]'\"\n");
    return n && n < LINUX_AUTH_WORD ? keep(out, which, p, n) : NULL;
}

void linux_auth_message(const char *program, const char *text, size_t len,
                        struct linux_auth_line *out)
{
    static const char *const programs[] = {
        "sudo",           "su",     "sshd",    "sshd-session",  "login",
        "systemd-logind", "doas",   "useradd", "userdel",       "usermod",
        "groupadd",       "passwd", "chage",   "gdm-password]", "runuser",
        "pkexec",         "polkitd"
    };
    static const char *const says[] = { "session opened for user",
                                        "session closed for user",
                                        "Accepted ",
                                        "Failed password",
                                        "Invalid user",
                                        "authentication failure" };
    char s[LINE_LEN + 1];

    out->text = text;
    out->len = len;
    for (size_t i = 0; program && i < countof(programs); i++)
        out->about_login |= !strcmp(program, programs[i]);
    len = EG_MIN(len, (size_t)LINE_LEN);
    memcpy(s, text, len);
    s[len] = 0;
    for (size_t i = 0; i < countof(says); i++)
        out->about_login |= strstr(s, says[i]) != NULL;
    if (program && (!strcmp(program, "sudo") || !strcmp(program, "doas")) &&
        strstr(s, "COMMAND=")) { // "alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id"
        const char *p = s + strspn(s, " ");

        out->user = keep(out, USER, p, strcspn(p, " :"));
        out->tty = word_after(out, TTY, s, "TTY=");
        return;
    }
    out->from = word_after(out, FROM, s, " from ");
    out->user = word_after(out, USER, s, "for invalid user ");
    if (!out->user)
        out->user = word_after(out, USER, s, "Invalid user ");
    if (!out->user)
        out->user = word_after(out, USER, s, " for user ");
    if (!out->user && (strstr(s, "Accepted ") || strstr(s, "Failed ")))
        out->user = word_after(out, USER, s, " for ");
    if (!out->user)
        out->user = word_after(out, USER, s, "of user ");
}

bool linux_auth_line(const char *line, size_t len, int64_t now, struct linux_auth_line *out)
{
    const char *end = line + len, *p, *host, *colon;
    size_t skip;

    *out = (struct linux_auth_line){ 0 };
    for (size_t i = 0; i < len; i++)
        if (!line[i])
            return false;
    skip = iso_time(line, len, &out->time);
    if (!skip)
        skip = old_time(line, len, now, &out->time);
    if (!skip || skip >= len || line[skip] != ' ')
        return false;
    out->has_time = true;
    host = line + skip + 1;
    p = memchr(host, ' ', (size_t)(end - host));
    if (!p)
        return false;
    p++;
    colon = p;
    while (colon < end && *colon != ':' && *colon != ' ' && *colon != '[')
        colon++;
    if (colon == p || colon == end || *colon == ' ') { // no program: all of it is the message
        linux_auth_message(NULL, p, (size_t)(end - p), out);
        return true;
    }
    out->program = keep(out, PROGRAM, p, (size_t)(colon - p));
    if (*colon == '[') {
        for (colon++; colon < end && isdigit((unsigned char)*colon) && out->pid < INT32_MAX;
             colon++)
            out->pid = 10 * out->pid + *colon - '0';
        while (colon < end && *colon != ':')
            colon++;
    }
    colon += colon < end;
    while (colon < end && *colon == ' ')
        colon++;
    linux_auth_message(out->program, colon, (size_t)(end - colon), out);
    return true;
}
