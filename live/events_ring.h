/** events_ring.h - what the door of QEMU's plugin has beside that of events.h: a system's place of
 * things, system calls, and what a record has of a task. */
#ifndef EG_LIVE_EVENTS_RING_H
#define EG_LIVE_EVENTS_RING_H

#include "events.h"
#include "ring.h"

/** @where: the plugin's file. The guest's processor waits at a function or a store until the next
 * events->next(), with the others running on; at a system call, whose record has all, it does not.
 * With ",sync" behind the file it waits at all of them, with ",async" at none. */
int events_ring_open(struct events **out, const char *where, struct eg_error *e);
bool events_is_ring(const struct events *s);

/** How the plugin finds tasks and their registers at the kernel's entry; @calls and @texts: see
 * ring_control. They are copied. */
void events_ring_os(struct events *s, const struct ring_linux *os,
                    const uint8_t texts[2][RING_CALLS]);
/** Which system calls are told: all, until this is called. */
void events_ring_calls(struct events *s, const uint64_t calls[2][RING_CALLS / 64]);
/** Where the guest's memory is, for the plugin. @path "": it reads it as it was told when it was
 * loaded, or not at all. */
void events_ring_memory(struct events *s, const char *path, const struct ring_range *ranges,
                        unsigned n);
/** Wait until all points are in use. @return false: not within @ms. */
bool events_ring_ready(struct events *s, int ms);

/** The record of the last event of next(); every length in it is right. Until the next call. */
const struct ring_record *events_ring_record(const struct events *s);
/** The head of the ring; its numbers are what the other process says. */
const struct ring_head *events_ring_head(const struct events *s);

#endif
