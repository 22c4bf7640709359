/** events.h - what a running machine reports: a function is called, a function returns, memory is
 * written. One interface for each door into it: QEMU's gdbstub, the plugin in contrib/qemu-plugin. */
#ifndef EG_LIVE_EVENTS_H
#define EG_LIVE_EVENTS_H

#include "../core/cpu.h"
#include "../core/image.h"

/** LibVMI's names of events are in docs/introspection.md beside these. */
enum event_kind {
    EVENT_CALL = 1, /**< execution reaches @address: the entry of a function */
    EVENT_RETURN,   /**< the call that a handler asked to follow has returned */
    EVENT_WRITE,    /**< memory at @address was written */
    EVENT_SYSCALL,  /**< the plugin alone: any system call is entered */
    EVENT_SYSRET,   /**< the plugin alone: and left */
    EVENT_RESET,    /**< the guest was reset: what was known of it is void */
};
struct event_point {
    enum event_kind kind;
    uint64_t address; /**< virtual, of the kernel, or of the space @root */
    uint32_t len;     /**< EVENT_WRITE: 1, 2, 4, 8 or, where the door can, more */
    uint64_t root;    /**< physical address of the page tables in which it counts; 0: in all */
    uint64_t sp;      /**< EVENT_RETURN: the stack pointer that the frame will have; 0: any */
};
struct event {
    enum event_kind kind;
    uint32_t point; /**< the id of events_add() */
    uint32_t cpu;
    uint64_t number;     /**< counts all events of the machine, from 0, also those that were lost */
    uint64_t time;       /**< ns since the trace began; by the host */
    struct eg_cpu state; /**< registers that are known now; n_regs 0: none */
    uint64_t known;      /**< bit i: state.regs[i] is known */
    uint64_t address, value; /**< EVENT_WRITE: where, and what is there now */
    uint8_t len;
    uint64_t task; /**< address of the current task_struct; 0: not told by the door */
};

struct events;
struct events_ops {
    const char *name;
    bool synchronous; /**< the guest stands still from next() to the following call */
    int (*add)(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e);
    int (*remove)(struct events *s, uint32_t id, struct eg_error *e);
    /** Let the machine run until an event, at most @ms. @return 1: *@out; 0: none in that time;
     * negative: the door is closed (-EG_ENOTFOUND: the machine has ended). */
    int (*next)(struct events *s, struct event *out, int ms, struct eg_error *e);
    uint64_t (*lost)(struct events *s); /**< events that had no room; NULL: none ever */
    /** Physical memory of the machine as it is now, or NULL: another way has to be given. */
    struct eg_space *(*memory)(struct events *s);
    void (*close)(struct events *s); /**< the machine goes on without any point */
};
struct events {
    const struct events_ops *ops;
    void *priv;
};
/** @where: "gdb:HOST:PORT", "gdb:SOCKET"; "ring:FILE" of the plugin. */
int events_open(struct events **out, const char *where, struct eg_error *e);
void events_close(struct events *s); /**< NULL-safe */

#endif
