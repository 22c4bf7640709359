/** tracee.h - what a Linux is doing at an event: where functions begin, who called, with which
 * arguments, in which task. Everything is read from memory and registers at that moment. */
#ifndef EG_LIVE_TRACEE_H
#define EG_LIVE_TRACEE_H

#include "../core/run.h"
#include "events.h"

enum { TRACEE_ADDRESSES_MAX = 64, TRACEE_ARGS_MAX = 16, TRACEE_STACK_ARGS = 10 };

/** A place where a function begins. */
struct tracee_function {
    uint64_t address; /**< where execution is to be caught: behind endbr64, if that is there */
    uint64_t entry;   /**< its first byte */
    bool clone; /**< made by the compiler (NAME.isra.0, NAME.constprop.0): with other parameters */
};
/** All of this name, of the kernel and of loaded modules; of its clones only when nothing has the
 * name itself. @return how many. */
size_t tracee_functions(struct eg_run *r, const char *name, struct tracee_function *out,
                        size_t max);
/** Its parameters (an EG_T_FUNC); 0: BTF does not have them, or several functions that differ. */
uint32_t tracee_prototype(struct eg_run *r, const char *name);

/** A call as it was entered: what has to be known of it later. */
struct tracee_call {
    struct eg_cpu state;
    uint64_t returns_to, sp; /**< where it returns to, and the stack pointer there; 0: not known */
    uint64_t stack[TRACEE_STACK_ARGS]; /**< arguments on the stack */
    unsigned n_stack;
};
void tracee_enter(struct eg_run *r, const struct event *ev, bool wants_stack,
                  struct tracee_call *out);
/** An address of code without a signature (AArch64's PAC) or tag. */
uint64_t tracee_plain(struct eg_run *r, uint64_t address);
/** A register by its name in the state ("rdi", "x0"). */
bool tracee_register(const struct eg_cpu *c, const char *name, uint64_t *out);
const char *tracee_register_name(const struct eg_cpu *c, unsigned i); /**< NULL: there is none */
/** How many arguments are in registers. */
unsigned tracee_registers(const struct eg_cpu *c);

/** A value that was passed. */
struct tracee_value {
    enum { TRACEE_NONE, TRACEE_NUMBER, TRACEE_PLACE, TRACEE_TEXT } kind;
    uint64_t number;  /**< as the type says: sign-extended where that is signed */
    struct eg_obj at; /**< TRACEE_PLACE: what a pointer leads to, in the kernel's or the task's
                           memory; bad: NULL, or there is no such memory */
    struct eg_space *space; /**< TRACEE_TEXT: the text is at .number there */
};
/** Argument @i (from 0) of @call by @prototype; prototype 0: as a number, by register. TRACEE_NONE:
 * there is none. */
void tracee_argument(struct eg_run *r, const struct tracee_call *call, struct eg_obj task,
                     uint32_t prototype, unsigned i, struct tracee_value *out);
/** What a function returns, at its return. */
void tracee_result(struct eg_run *r, const struct eg_cpu *c, struct eg_obj task, uint32_t prototype,
                   struct tracee_value *out);

/** The task that runs on the event's processor; bad: not in the kernel, or not known. */
struct eg_obj tracee_task(struct eg_run *r, const struct event *ev);
/** The kernel's number of the event's processor. */
unsigned tracee_cpu(struct eg_run *r, const struct event *ev);
/** The container that the task is in, by the paths of its control groups, in the run's memory; "":
 * none; NULL: not known. */
const char *tracee_container(struct eg_run *r, struct eg_obj task);
/** "commit_creds+0x5 <- __sys_setresuid+0x1a3 <- …", innermost first: the next frame of it. Begin
 * with a zeroed @w; the event's state is to be in the image's cpus. In the run's memory; NULL: no
 * more. */
struct tracee_frames;
const char *tracee_next_frame(struct eg_run *r, struct eg_obj task, struct tracee_frames **w);

/** Say of the image which state the event's processor has. */
void tracee_put_state(struct eg_image *img, const struct event *ev);

#endif
