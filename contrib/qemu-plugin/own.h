/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* own.h - between the files of the plugin. */
#ifndef OWN_H
#define OWN_H

#include "../../live/ring.h"
#include "api.h"
#include <pthread.h>

enum { X86 = 62, ARM64 = 183 }; /* EM_... */
enum { SLOTS = 1024, HASH = 4096, NONE = 0xffff, WRITES_MAX = 16 };

extern qemu_plugin_id_t self;
extern int ring_fd;
extern struct ring_head *head;
extern struct ring_control *control;
extern struct ring_record *records;
extern uint32_t n_records, n_regs, machine; /* never read back: others can write what is in *head */

/* What is in use: a copy of the control area, and the addresses that translated code has calls for.
 * Guarded by @lock; those calls take it for reading. */
struct in_use {
    struct ring_control c;
    struct slot {
        uint64_t address;
        uint16_t first; /* of its points; NONE: it is not looked at now */
    } slots[SLOTS];
    uint16_t next[RING_POINTS], hash[HASH];
    unsigned n_slots;
    uint64_t lowest, highest; /* of the kernel's */
    uint64_t low[4096 / 64];  /* bit: a place of programs has had this place in its page */
    unsigned n_writes;
    uint16_t writes[WRITES_MAX];
    bool owned; /* an Engram was there when the points were set */
};
extern struct in_use now;
extern uint64_t write_first, write_last; /* atomic: what all points of writing are in */
extern pthread_rwlock_t lock;

#define LOAD(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define ADD(p, v)   __atomic_add_fetch((p), (v), __ATOMIC_ACQ_REL)

/* ---- engram.c ---- */

void install_callbacks(void);

/* ---- control.c ---- */

int failed(const char *what, const char *which);
/* A new file, so that who still reads the one of an earlier QEMU is left alone. @keep: with the
 * points of that one, for a replay. @return 0, or -1 and it was said why. */
int make_ring(const char *path, uint32_t n, bool keep);
/* @return false: the name is too long. */
bool set_memory_file(const char *path);
/* Take what Engram wants now. Only from a thread of a processor. @return false: Engram writes it. */
bool poll_control(void);
/* Nobody reads any more: the guest goes on without points. */
void disarm(void);
bool engram_is_there(void);
struct slot *find_slot(uint64_t address); /* with @lock held */

/* Of a program, and registers say where it runs. */
static inline bool is_programs(uint64_t address)
{
    return PLUGIN_API >= 2 && !(address >> 63);
}

#endif
