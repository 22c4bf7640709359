/** gdbstub.h - the debugger's side of gdb's remote serial protocol, as far as QEMU's stub needs it:
 * requests and answers, stops, registers by name, memory.
 *
 *  While the machine runs, any byte stops it: so each answer is acknowledged exactly once, with the
 * next request. What the stub says is checked like a file's bytes. */
#ifndef EG_LIVE_GDBSTUB_H
#define EG_LIVE_GDBSTUB_H

#include "../core/image.h"
#include "rsp.h"
#include <pthread.h>

enum { GDBSTUB_REGISTERS_MAX = 2048, GDBSTUB_STOP_MAX = 256 };

/** A register of the target's description. */
struct gdbstub_register {
    char name[24];
    uint16_t number; /**< of `p` */
    uint16_t size;   /**< bytes */
    uint32_t at;     /**< in the answer to `g`, as far as that goes */
};
/** What of it is wanted: places in struct eg_cpu. */
struct gdbstub_layout {
    const struct eg_arch *arch;
    bool big_endian;
    EG_VEC(struct gdbstub_register) all;
    int16_t of[40]; /**< eg_cpu.regs[i] is all[of[i]]; -1: there is none */
    int16_t cr3, cr4, gs, kernel_gs, cs, efer;   /**< x86-64 */
    int16_t sp_el0, ttbr1[2], vbar[2], tpidr[2]; /**< AArch64; of EL1, of EL2 */
    int16_t pc, sp;
};

struct gdbstub {
    int fd;
    struct rsp_in in;
    struct rsp_out out;
    uint8_t buffer[1 << 16]; /**< bytes that have come and are not yet a packet */
    size_t taken, filled;
    bool owes;    /**< the last answer is not acknowledged */
    bool running; /**< the machine runs */
    bool closed;
    bool stopped; /**< @stop has a stop that nobody has looked at */
    char stop[GDBSTUB_STOP_MAX];
    size_t packet;     /**< the most bytes of memory in one answer */
    bool has_physical; /**< QEMU's mode for physical memory is there */
    bool physical;     /**< and on */
    uint64_t thread;   /**< that registers are of; 0: not known */
    struct gdbstub_layout layout;
    pthread_mutex_t lock; /**< of requests: fill() of its memory is called by many threads */
};

/** Begin to talk: capabilities, the first stop, registers. @fd is owned from then on. */
int gdbstub_open(struct gdbstub **out, int fd, struct eg_error *e);
void gdbstub_close(struct gdbstub *g); /**< says nothing to the stub; NULL-safe */
/** Leave: the machine goes on without any breakpoint. */
int gdbstub_detach(struct gdbstub *g, struct eg_error *e);

/* Under the lock. Each negative answer but -EG_EUSAGE (the stub refuses) means that the connection
 * is of no use any more. */

/** A request, and its answer in g->in.data, NUL-terminated. */
int gdbstub_ask(struct gdbstub *g, struct eg_error *e, const char *format, ...) EG_PRINTF(3, 4);
/** The same, where the answer has to be OK. */
int gdbstub_order(struct gdbstub *g, struct eg_error *e, const char *format, ...) EG_PRINTF(3, 4);
/** A command of QEMU's monitor: its text, which the caller frees. */
int gdbstub_monitor(struct gdbstub *g, const char *command, char **text, struct eg_error *e);
/** A request that lets the machine run: vCont. */
int gdbstub_go(struct gdbstub *g, struct eg_error *e, const char *format, ...) EG_PRINTF(3, 4);
/** Wait for a stop, at most @ms. @return 1: it is in g->stop; 0: none; negative: closed. */
int gdbstub_wait(struct gdbstub *g, int ms, struct eg_error *e);
/** What a stop says: the thread, and of a watchpoint the address. */
struct gdbstub_stop {
    unsigned signal;
    uint64_t thread, watched;
    bool has_thread, is_watch, ended;
};
struct gdbstub_stop gdbstub_stop_of(const char *text);
/** Have it stand, if it runs: g->stop then says why it stopped. */
int gdbstub_halt(struct gdbstub *g, struct eg_error *e);
/** Read memory of the processor g->thread, or physical. @return how many bytes of it were read;
 * negative: closed. */
int64_t gdbstub_read(struct gdbstub *g, bool physical, uint64_t at, void *to, size_t len,
                     struct eg_error *e);
/** The state of the processor that is thread @thread. *@known: bit i: cpu->regs[i] is known;
 * *@task: what the kernel keeps in a register as its current task; 0: none, or not in the kernel.
 */
int gdbstub_cpu(struct gdbstub *g, uint64_t thread, struct eg_cpu *cpu, uint64_t *known,
                uint64_t *task, struct eg_error *e);
/** Threads: one for each processor. @return how many; negative: closed. */
int gdbstub_threads(struct gdbstub *g, uint64_t *out, size_t max, struct eg_error *e);

/* ---- between its files ---- */

/** Read the target's description into g->layout. (gdbstub_regs.c) */
int gdbstub_describe(struct gdbstub *g, struct eg_error *e);
/** Take <reg> elements of a description, and the names of files that it includes. */
int gdbstub_read_xml(struct gdbstub_layout *l, const char *xml, size_t len, uint32_t *number,
                     char (*files)[64], size_t *n_files, size_t max_files, struct eg_error *e);
void gdbstub_layout_end(struct gdbstub_layout *l, const char *architecture);
/** Decode the answer to `g`. (gdbstub_regs.c) */
void gdbstub_take_registers(const struct gdbstub_layout *l, const uint8_t *bytes, size_t len,
                            struct eg_cpu *cpu, uint64_t *known);

/** A space over the machine's physical memory: where it is, the stub's monitor says. It can be read
 * while the machine stands; gdbstub_memory_renew() when it ran. (gdbstub_memory.c) */
int gdbstub_memory_open(struct eg_space **out, struct gdbstub *g, struct eg_error *e);
void gdbstub_memory_renew(struct eg_space *as);
/** RAM in the text of `info mtree -f`. @return how many ranges; they are sorted. */
struct gdbstub_ram {
    uint64_t first, last;
};
size_t gdbstub_ram_of(const char *mtree, struct gdbstub_ram *out, size_t max);

#endif
