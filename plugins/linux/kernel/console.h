/** kernel/console.h - what is on the screens of virtual consoles (drivers/tty/vt/vt.c). */
#ifndef EG_LINUX_CONSOLE_H
#define EG_LINUX_CONSOLE_H

#include "../../../core/engram.h"

struct linux_console_line {
    uint64_t vc;        /**< the struct vc_data */
    const char *name;   /**< "tty1" */
    const char *source; /**< "screen"; "saved": what an editor's screen of its own hides */
    unsigned line;    /**< from 1; 0: nothing of the screen can be read, and why says the reason */
    const char *text; /**< UTF-8, without the blanks at the end */
    size_t len;
    enum eg_why why;
    uint64_t why_addr;
};
typedef void linux_console_fn(struct eg_run *r, void *arg, const struct linux_console_line *line);
/** Every line with text of every console that was used. Lines are read as Unicode where the kernel
 * keeps that, else by the numbers of the PC's first font. */
EG_API void linux_screens(struct eg_run *r, linux_console_fn *each, void *arg);

#endif
