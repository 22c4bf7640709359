/** boot.h - which boot of which machine an image shows, to tell whether another is of the same. */
#ifndef EG_CLI_BOOT_H
#define EG_CLI_BOOT_H

#include "open.h"

struct cli_boot {
    char banner[161];
    uint64_t text;   /**< where the kernel's code begins; 0: not known */
    int64_t started; /**< process 1: ns since boot; 0: not known. No two boots have the same */
    int64_t clock;   /**< wall clock minus time since boot, in ns; 0: not known */
    int64_t now;     /**< its wall clock, in ns; 0: not known */
};
/** What cannot be read is left out. */
void cli_boot_of(struct cli_boot *b, struct eg_system *sys);
/** Are both of one boot? What is not known differs from nothing. */
bool cli_boot_same(const struct cli_boot *a, const struct cli_boot *b);
/** "rebooted: since 2026-…, before that since 2026-…", in @a; NULL: out of memory. */
const char *cli_boot_text(struct eg_arena *a, const struct cli_boot *before,
                          const struct cli_boot *after);

#endif
