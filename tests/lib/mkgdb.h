/** mkgdb.h - a small guest of x86-64 that a debugger looks at: init (1), kthreadd (2), and a
 * process of two threads (700, 701), all asleep. */
#ifndef MK_GDB_H
#define MK_GDB_H

#include "mkguest.h"

enum {
    MK_GDB_PAGE = 0x401000,     /**< of process 700, readable and executable: bytes 0, 1, 2, … */
    MK_GDB_PC = 0x401020,       /**< where 700 entered the kernel, by read(); 701 is 0x10 behind */
    MK_GDB_WRITABLE = 0x403000, /**< one page of its data: zeros; 0x402000 is not mapped */
};
struct mk_gdb {
    struct mk_guest g;
    struct eg_run *r;
    uint64_t code;    /**< of the kernel: where all sleep; its bytes are 0xf0, 0xf1, … */
    uint64_t task[4]; /**< of 1, 2, 700, 701 */
    uint64_t sp[4];   /**< of their kernel stacks, behind the frame that the scheduler left */
};
struct mk_gdb mk_gdb(void);
void mk_gdb_free(struct mk_gdb *d);

#endif
