/* told.c - calls that were told, and not begun. */
#include "told.h"

bool events_told_take(struct told *t, struct instant at)
{
    for (size_t i = 0; i < TOLD_MAX; i++)
        if (at.pc && t->at[i].pc == at.pc && t->at[i].sp == at.sp) {
            t->at[i].pc = 0;
            return true;
        }
    return false;
}

void events_told_step(struct told *t, struct instant was, struct instant now, bool x86)
{
    // Behind one instruction the next is near, or a call or a return moved the stack by a word.
    const bool is_near = now.pc - was.pc < 16, is_word = now.sp - was.sp + 8 <= 16;

    const bool is_kernel = was.pc >> 63;

    if (!is_kernel)
        return;
    if (now.pc == was.pc || (x86 && !is_near && !is_word))
        t->at[t->next++ % TOLD_MAX] = was;
}
