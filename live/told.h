/** told.h - calls that were told, and not begun: an interrupt came before their first instruction,
 * and behind it the processor comes to them again. */
#ifndef EG_LIVE_TOLD_H
#define EG_LIVE_TOLD_H

#include "../core/base.h"

/** No other call has the same stack pointer until this one is over. */
struct instant {
    uint64_t pc, sp;
};
enum { TOLD_MAX = 16 };
struct told {
    struct instant at[TOLD_MAX]; /**< pc 0: none */
    unsigned next;
};

/** A step from @was, where a call was told, ended at @now. On x86 (@x86) it is seen if that is
 * another place than behind an instruction, on others only if it is the same. Only of the kernel:
 * in a program a page may be missing, and who follows programs waits until it is there. */
void events_told_step(struct told *t, struct instant was, struct instant now, bool x86);
/** Was this call told, and is it met again? It is then forgotten. */
bool events_told_take(struct told *t, struct instant at);

#endif
