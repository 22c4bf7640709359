/** user/authlog.h - lines of authentication logs, and messages about logins. */
#ifndef EG_LINUX_AUTHLOG_H
#define EG_LINUX_AUTHLOG_H

#include "../../../core/engram.h"

enum { LINUX_AUTH_WORD = 256 };

/** Its words are in itself: a copy of it points into the first one. */
struct linux_auth_line {
    bool has_time;
    int64_t time;                  /**< ns since 1970, as if it were UTC unless a zone is given */
    int64_t pid;                   /**< of who wrote it; 0: it does not say */
    const char *program;           /**< NULL: it does not say */
    const char *user, *tty, *from; /**< as far as the message says them */
    const char *text;              /**< the message */
    size_t len;
    bool about_login; /**< a login, a change of user, or a change of users */
    char words[4]
              [LINUX_AUTH_WORD + 1]; /**< of the program, the user, the terminal, and where from */
};
/** A line of syslog: "Mar 14 09:21:07 host sudo[12]: …" or with a time of ISO 8601. @now: ns; one
 * that would be later is of the year before. @return false: it is no such line. */
EG_API bool linux_auth_line(const char *line, size_t len, int64_t now, struct linux_auth_line *out);
/** What a message of this program says. */
EG_API void linux_auth_message(const char *program, const char *text, size_t len,
                               struct linux_auth_line *out);

#endif
