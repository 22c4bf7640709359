/** own.h - what session, threads, registers, memory and query share beside gdb.h. */
#ifndef EG_LIVE_GDB_OWN_H
#define EG_LIVE_GDB_OWN_H

#include "../../plugins/linux/text.h"
#include "gdb.h"

/** A packet's text that is still to be read. */
struct gdb_words {
    const char *at, *end;
};
/** If it begins with @word, go past it. */
bool gdb_word(struct gdb_words *w, const char *word);
/** A thread as packets name it: p2.1f, 1f, -1. The ids are 0 where any is meant, and GDB_ALL where
 * all are; without p the process is that of now. */
enum { GDB_ALL = 0x7fffffff };
bool gdb_ids(struct gdb *g, struct gdb_words *w, uint32_t *pid, uint32_t *tid);
/** Choose what @pid and @tid name. @return false: it is not there, and nothing has changed. */
bool gdb_choose(struct gdb *g, uint32_t pid, uint32_t tid);
/** Go to the inferior @pid, to its leader; a debugger that knows one process has this one now. */
bool gdb_enter(struct gdb *g, uint32_t pid);

/* ---- threads.c ---- */

void gdb_threads_find(struct gdb *g);
/** Is it one that the debugger has as an inferior? */
bool gdb_sees(struct gdb *g, uint32_t pid);
/** The threads of the inferior @pid, from *@i = 0 on. */
struct gdb_thread *gdb_thread_next(struct gdb *g, uint32_t pid, size_t *i);
/** The inferiors, from *@i = 0 on: the kernel, then processes. @return 0: no more. */
uint32_t gdb_inferior_next(struct gdb *g, size_t *i);
/** What `info threads` says behind the name. */
const char *gdb_thread_text(struct gdb *g, struct gdb_thread *t);
/** "p2.1" or "1" */
void gdb_put_ids(struct gdb *g, uint32_t pid, uint32_t tid);
/** Answer with the stop of the thread that is chosen. */
void gdb_stop_reply(struct gdb *g);
/** qfThreadInfo, qsThreadInfo, qThreadExtraInfo, qThreadStopInfo, jThreadsInfo, T. */
bool gdb_thread_packet(struct gdb *g, struct gdb_words *w);
const uint8_t *gdb_threads_xml(struct gdb *g, const char *annex, size_t *len, const char **error);

/* ---- registers.c ---- */

/** g and p. */
bool gdb_register_packet(struct gdb *g, struct gdb_words *w);
const uint8_t *gdb_target_xml(struct gdb *g, const char *annex, size_t *len, const char **error);
/** The bits of an address of programs, or with @high of the kernel, that may be a signature. */
uint64_t gdb_address_mask(const struct gdb *g, bool high);

/* ---- memory.c ---- */

/** m, x, qMemoryRegionInfo, qqemu.PhyMemMode. */
bool gdb_memory_packet(struct gdb *g, struct gdb_words *w);
const uint8_t *gdb_memory_map(struct gdb *g, const char *annex, size_t *len, const char **error);

/* ---- query.c ---- */

/** The other q, Q and j packets. */
bool gdb_query_packet(struct gdb *g, struct gdb_words *w);

#endif
