/** guest.h - a running guest of QEMU, reached through its monitor (QMP; libvirt's too): where its
 * memory is, its registers, its pauses. It is never stopped unless live_guest_pause() is called.
 *
 *  Nothing is needed in the guest. Memory is read by the first way that works: the file or memfd
 * that QEMU shares, mapped; QEMU's own memory by process_vm_readv; the monitor, which is slow. */
#ifndef EG_LIVE_GUEST_H
#define EG_LIVE_GUEST_H

#include "../core/image.h"

enum live_way { LIVE_SHARED = 1, LIVE_PROCESS, LIVE_MONITOR };

struct live_guest;
/** @where: the path of a unix socket, or HOST:PORT. */
int live_guest_open(struct live_guest **out, const char *where, struct eg_error *e);
void live_guest_close(struct live_guest *g); /**< lets it go on; NULL-safe */

enum live_way live_guest_way(const struct live_guest *g);
/** Its physical memory; owned by the guest's caller from then on, and valid as long as @g. */
int live_guest_memory(struct live_guest *g, struct eg_space **out, struct eg_error *e);
/** The state of its processors now: QEMU's note of a dump of one byte, else `info registers`. */
int live_guest_cpus(struct live_guest *g, struct eg_image *img, struct eg_error *e);

/** Stop it. Whatever happens to this process, it must go on: a helper process that holds the
 * monitor says `cont` when this one has gone. */
int live_guest_pause(struct live_guest *g, struct eg_error *e);
/** Let it go on. *@ns: how long it stood. */
int live_guest_resume(struct live_guest *g, uint64_t *ns, struct eg_error *e);
/** Does it still run, and is it the same boot? @return false with *@why. */
bool live_guest_alive(struct live_guest *g, const char **why);

#endif
