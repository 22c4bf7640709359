/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/** ring.h - the file in shared memory through which QEMU's plugin (../contrib/qemu-plugin) tells
 * Engram what happens in a guest, and Engram tells the plugin what to look for.
 *
 *  Three parts, one behind the other: struct ring_head, which the plugin writes; struct
 * ring_control, which Engram writes; records, a ring of them. Both sides are little-endian machines
 * of 64 bits, on one host. Neither side trusts a number of the other: lengths are those of this
 * header, counts are cut to what there is room for.
 *
 *  A record is taken by moving head on, filled, and then published by its @seq, which is its number
 * of all records + 1. Where no record is free the event is counted in lost, and the guest never
 * waits for one. */
#ifndef EG_LIVE_RING_H
#define EG_LIVE_RING_H

#include <stdint.h>

#define RING_MAGIC UINT64_C(0x31474e4952474545) /* "EEGRING1" */
enum {
    RING_VERSION = 2,
    RING_CPUS = 64,
    RING_POINTS = 512,
    RING_RANGES = 16,
    RING_CALLS = 512, /**< system calls that can be chosen, of each kind of program */
    RING_REGS_MAX = 34,
    RING_ENTRY_MAX = 336,
    RING_TEXTS = 2,
    RING_TEXT_MAX = 128,
    RING_CONTROL_AT = 4096,
    RING_RECORDS_AT = 65536,
    RING_RECORDS_MAX = 1 << 20,
};

/** What a point is, and what a record tells: the numbers of enum event_kind. */
enum ring_kind {
    RING_CALL = 1,
    RING_RETURN,
    RING_WRITE,
    RING_SYSCALL,
    RING_SYSRET,
    RING_RESET,
};
enum ring_want {
    RING_WANT_REGS = 1,  /**< registers of the processor; the plugin needs API 2 for them */
    RING_WANT_ENTRY = 2, /**< pt_regs at the top of the task's stack in the kernel */
    RING_WANT_TASK = 4,  /**< its ids and name */
    RING_WANT_TEXT = 8,  /**< texts that the arguments of a system call point to */
    RING_WANT_SYNC = 16, /**< the processor waits until Engram answers */
};

struct ring_head {
    uint64_t magic;
    uint32_t version, control_at, records_at;
    uint32_t n_records; /**< a power of two */
    uint32_t record_size;
    uint32_t api;     /**< the version of QEMU's interface of plugins that this one was built for */
    uint32_t machine; /**< EM_… of the guest */
    uint32_t n_cpus;
    uint32_t n_regs; /**< that a record can have: 0 with API 1 */
    uint32_t pid;    /**< of QEMU */
    uint64_t pad[8];
    /* from here on they change */
    uint64_t head;     /**< records that were taken since the plugin was loaded */
    uint64_t lost;     /**< events that found no free record */
    uint32_t applied;  /**< the generation of the control area that is in use */
    uint32_t flushes;  /**< how often translated code was thrown away for that */
    uint32_t asked;    /**< futex: counts events that wait for an answer */
    uint32_t timeouts; /**< how often a processor went on without one */
    uint32_t memory;   /**< 1: the guest's memory is mapped; 2: it could not be */
    uint32_t pad2;
    char memory_file[256]; /**< what the plugin was told of it when it was loaded; "": nothing */
};

struct ring_point {
    uint64_t address; /**< virtual */
    uint64_t root;    /**< physical address of the page tables in which it counts; 0: in all */
    uint64_t sp;      /**< RING_RETURN: the stack pointer has this value; 0: any */
    uint32_t id;
    uint8_t kind, want;
    uint8_t abi; /**< RING_SYSCALL: 0 of 64-bit programs, 1 of 32-bit ones */
    uint8_t pad;
    uint32_t len; /**< RING_WRITE */
    uint32_t pad2;
};
/** How the plugin finds the task that runs, and what of it belongs into a record. Offsets in
 * bytes. */
struct ring_linux {
    uint64_t current[RING_CPUS];  /**< physical address of the processor's current task; 0: none */
    uint64_t root;                /**< physical address of the kernel's page tables */
    uint64_t direct, direct_len;  /**< where physical memory from 0 on is in the kernel's space */
    uint32_t levels;              /**< of page tables; 0: none of all this is known */
    uint32_t page_shift, va_bits; /**< AArch64: of page tables, the kernel's and programs' */
    uint32_t stack, mm, pid, tgid, comm; /**< of task_struct */
    uint32_t pgd;                        /**< of mm_struct */
    uint32_t entry;                      /**< from the beginning of a stack to its pt_regs */
    uint32_t entry_len;                  /**< bytes of pt_regs that a record has */
    /* Of pt_regs; by the kind of program, [0] of 64 bits: */
    uint32_t number[2][2]; /**< the call's number, [1] where it leaves */
    uint32_t number_len;   /**< its bytes: 4 or 8 */
    uint32_t result;
    uint32_t args[2][6];
    uint32_t first; /**< the first argument where a call leaves; 0: as where it enters */
    uint32_t mode, mode_mask, mode_32; /**< 4 bytes that say which kind of program it is */
};
struct ring_range {
    uint64_t start, len; /**< physical */
    uint64_t at;         /**< in the file */
};
struct ring_control {
    uint32_t generation; /**< odd while Engram writes; a change makes the plugin read all of this */
    uint32_t timeout_ms; /**< after which a processor goes on without an answer */
    uint32_t timed;      /**< 1: records have the time; 0: they have none, so that runs are equal */
    uint32_t n_points;
    uint32_t n_ranges;
    uint32_t pad;
    uint64_t tail;                /**< records that Engram has read; not part of the generation */
    uint32_t answered[RING_CPUS]; /**< futex: the ticket of the last answer to that processor */
    char memory[256];             /**< the file that is the guest's memory; "": none */
    struct ring_range ranges[RING_RANGES];
    struct ring_linux os;
    uint64_t calls[2][RING_CALLS / 64]; /**< bit: this system call is wanted */
    uint8_t texts[2][RING_CALLS];       /**< bit i: argument i is a text to read */
    struct ring_point points[RING_POINTS];
};
struct ring_record {
    uint64_t seq;
    uint64_t lost; /**< events that were lost before this one */
    uint64_t time; /**< ns of the host's monotonic clock */
    uint64_t pc, root, task;
    uint64_t address, value; /**< RING_WRITE */
    uint32_t kind, point, cpu;
    uint32_t ticket; /**< not 0: the processor waits for this answer */
    uint32_t pid, tgid;
    char comm[16];
    uint8_t len;    /**< RING_WRITE: bytes */
    uint8_t n_regs; /**< in the order of eg_arch.registers (core/arch) */
    uint16_t entry_len;
    uint16_t text_len[RING_TEXTS];
    uint8_t text_arg[RING_TEXTS]; /**< which argument it is */
    uint8_t has_value;
    uint8_t texts; /**< bit i: text i was read, and has an end or is cut */
    uint8_t pad[44];
    uint64_t regs[RING_REGS_MAX];
    uint8_t entry[RING_ENTRY_MAX];
    char text[RING_TEXTS][RING_TEXT_MAX];
};

/** Between two looks at a word that is about to change. Both sides look some 2,000 times, which
 * takes some 50 us, before they sleep: most answers come sooner than a sleeper wakes. */
static inline void ring_pause(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#if defined __cplusplus || __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct ring_head) <= RING_CONTROL_AT, "the head is one page");
_Static_assert(RING_CONTROL_AT + sizeof(struct ring_control) <= RING_RECORDS_AT, "control fits");
_Static_assert(sizeof(struct ring_record) == 1024, "both sides have the same record");
#endif

#endif
