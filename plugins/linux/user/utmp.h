/** user/utmp.h - records of logins: utmp, wtmp, btmp and lastlog (glibc: bits/types/struct_utmp.h).
 *
 *  Machines with a 32-bit form beside their own (x86, riscv64) keep times of 32 bits there for its
 * sake, others (arm64) of 64: a record has 384 or 400 bytes, one of lastlog 292 or 296. */
#ifndef EG_LINUX_UTMP_H
#define EG_LINUX_UTMP_H

#include "../../../core/engram.h"

enum { LINUX_UTMP_MAX = 400, LINUX_LASTLOG_MAX = 296 };

struct linux_utmp {
    int16_t type;
    int32_t pid;
    int64_t session, sec, usec;
    char line[33], id[5], user[33], host[257];
    uint8_t addr[16]; /**< of IPv4 the first four bytes */
    int16_t exit_termination, exit_status;
};
/** Decode a record of @size bytes (384 or 400). @return false: it cannot be one. */
bool linux_utmp_decode(const uint8_t *p, size_t size, bool big_endian, struct linux_utmp *out);
/** "USER_PROCESS" and the like. */
const char *linux_utmp_type(int16_t type);

struct linux_lastlog {
    int64_t sec;
    char line[33], host[257];
};
/** Decode a record of @size bytes (292 or 296). @return false: it cannot be one. */
bool linux_lastlog_decode(const uint8_t *p, size_t size, bool big_endian,
                          struct linux_lastlog *out);

#endif
