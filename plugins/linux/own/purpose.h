/** own/purpose.h - what an area of vmalloc is for, and who has it. */
#ifndef EG_LINUX_PURPOSE_H
#define EG_LINUX_PURPOSE_H

#include "../mm/vmalloc.h"

/** What areas can be told by: threads by their stacks, modules by their memory. In the run's
 * memory. */
struct linux_purposes;
struct linux_purposes *linux_purposes(struct eg_run *r);

struct linux_purpose {
    const char *text;   /**< NULL: not known */
    const char *module; /**< whose memory it is, or whose code asked for it; NULL: the kernel's */
    struct eg_obj task; /**< whose stack it is; bad: none */
};
void linux_purpose_of(struct linux_purposes *p, const struct linux_area *area,
                      struct linux_purpose *out);

#endif
