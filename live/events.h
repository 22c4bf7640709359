/** events.h - what a running machine reports: a function is called, a function returns, memory is
 * written. One interface for each door into it: QEMU's gdbstub, the plugin in contrib/qemu-plugin.
 */
#ifndef EG_LIVE_EVENTS_H
#define EG_LIVE_EVENTS_H

#include "../core/cpu.h"
#include "../core/image.h"

/** LibVMI's names of events are in docs/introspection.md beside these. */
enum event_kind {
    EVENT_CALL = 1, /**< execution reaches @address: the entry of a function */
    EVENT_RETURN, /**< execution comes back to @address, where a call that is followed returns to */
    EVENT_WRITE,  /**< memory at @address was written */
    EVENT_SYSCALL, /**< the plugin alone: any system call is entered */
    EVENT_SYSRET,  /**< the plugin alone: and left */
    EVENT_RESET,   /**< the guest was reset: what was known of it is void. Told without a point of
                      its own; not by a debugger's port on KVM */
};
enum { EVENT_POINTS_MAX = 65536, EVENT_CPUS_MAX = 1024 };
struct event_point {
    enum event_kind kind;
    uint64_t address; /**< virtual, of the kernel, or of the space @root */
    uint32_t len;     /**< EVENT_WRITE: 1, 2, 4, 8 or, where the door can, more */
    uint64_t root;    /**< physical address of the page tables in which it counts; 0: in all */
    uint64_t sp;      /**< EVENT_RETURN: the stack pointer that the caller will have: stacks of the
                      kernel are of one task, so it says whose return it is; 0: any */
    bool waits;       /**< the machine waits for the following next() at this one, where the door
                      lets it run on at others */
};
struct event {
    enum event_kind kind;
    uint32_t point; /**< the id of add(); EVENT_RESET: EVENT_POINTS_MAX */
    uint32_t cpu;
    uint64_t number;     /**< counts all events of the machine, from 0, also those that were lost */
    uint64_t time;       /**< ns since the trace began; by the host */
    struct eg_cpu state; /**< of @cpu: registers that are known now; n_regs 0: none */
    uint64_t known;      /**< bit i: state.regs[i] is known */
    uint64_t address, value; /**< EVENT_WRITE: where, and what is there now */
    uint8_t len;
    uint64_t task; /**< address of the current task_struct; 0: not told by the door */
};

struct events;
struct events_ops {
    const char *name;
    /** @id: chosen by the caller, below EVENT_POINTS_MAX, and not in use. Points may be added and
     * removed while the machine stands or runs. @return -EG_EUSAGE: the door cannot do this (too
     * many, this length); others: it is closed. */
    int (*add)(struct events *s, const struct event_point *p, uint32_t id, struct eg_error *e);
    int (*remove)(struct events *s, uint32_t id, struct eg_error *e);
    /** Let the machine run until an event, at most @ms. @return 1: *@out; 0: none in that time, or
     * eg_cancelled: the machine runs on; negative: the door is closed (-EG_ENOTFOUND: the machine
     * has ended; the error says how). Several points can have been met at once: each is an event of
     * its own, and the machine stands until the last of them was given. */
    int (*next)(struct events *s, struct event *out, int ms, struct eg_error *e);
    /** Have it stand still until the next next(), to read its memory. NULL: it cannot be stopped.
     */
    int (*stand)(struct events *s, struct eg_error *e);
    uint64_t (*lost)(struct events *s);  /**< events that had no room; NULL: none ever */
    uint64_t (*stood)(struct events *s); /**< ns that it has stood for events; NULL: not known */
    /** Physical memory of the machine as it is now, borrowed until close(). What a view has of it
     * is void after next(). @return -EG_ENOTFOUND: another way has to be given. NULL: the same. */
    int (*memory)(struct events *s, struct eg_space **out, struct eg_error *e);
    /** The file that is its memory; NULL: not known. NULL: the same. */
    const char *(*file)(struct events *s);
    /** The state of all processors, while it stands still: into img->cpus. NULL: not known. */
    int (*cpus)(struct events *s, struct eg_image *img, struct eg_error *e);
    /** The machine goes on without any point, and all is freed, *@s too. */
    void (*close)(struct events *s);
};
struct events {
    const struct events_ops *ops;
    void *priv;
    bool emulated; /**< a stop at a function costs tens of milliseconds: what the emulator has
                        translated is dropped */
};
/** @where: "gdb:HOST:PORT", "gdb:SOCKET"; "ring:FILE" of the plugin. */
int events_open(struct events **out, const char *where, struct eg_error *e);
void events_close(struct events *s); /**< NULL-safe */

/* ---- the doors, for events.c ---- */

int events_gdb_open(struct events **out, const char *where, struct eg_error *e);
/** The same on a connection that exists, which is owned from then on (tests). */
int events_gdb_open_fd(struct events **out, int fd, struct eg_error *e);

#endif
