/* SPDX-License-Identifier: GPL-2.0-or-later OR Apache-2.0 */
/* control.c - the plugin's beginning, the file in shared memory, and what Engram asks for in it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "guest.h"
#include "own.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

int qemu_plugin_version = PLUGIN_API;
qemu_plugin_id_t self;
int ring_fd = -1;
struct ring_head *head;
struct ring_control *control;
struct ring_record *records;
uint32_t n_records, n_regs, machine;
struct in_use now;
uint64_t write_first, write_last;
pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static uint32_t seen;  /* atomic: the generation of now.c */
static bool resetting; /* guarded by @lock */

/* ---- what Engram wants ---- */

static unsigned hash_of(uint64_t address)
{
    return (unsigned)(address * UINT64_C(0x9e3779b97f4a7c15) >> 52) % HASH;
}

struct slot *find_slot(uint64_t address)
{
    for (unsigned h = hash_of(address); now.hash[h] != NONE; h = (h + 1) % HASH)
        if (now.slots[now.hash[h]].address == address)
            return &now.slots[now.hash[h]];
    return NULL;
}

static void add_slot(uint64_t address)
{
    unsigned h = hash_of(address);

    if (now.n_slots == SLOTS)
        return;
    while (now.hash[h] != NONE)
        h = (h + 1) % HASH;
    now.hash[h] = (uint16_t)now.n_slots;
    now.slots[now.n_slots++] = (struct slot){ address, NONE };
    if (is_programs(address))
        return;
    if (address < now.lowest)
        now.lowest = address;
    if (address > now.highest)
        now.highest = address;
}

static void no_slots(void)
{
    now.n_slots = 0;
    now.lowest = UINT64_MAX;
    now.highest = 0;
    memset(now.hash, 0xff, sizeof now.hash);
}

/* One page of a library is at other addresses in other processes, and QEMU (since 8.0) translates it
 * once for all. So it is translated with calls wherever a place in a page is that of some point, and
 * which address it is there is seen when it runs. @return whether that is new. */
static bool add_low(uint64_t address)
{
    const unsigned at = address % 4096;
    const bool had = now.low[at / 64] >> at % 64 & 1;

    now.low[at / 64] |= UINT64_C(1) << at % 64;
    return !had;
}

/* Hang the points to their addresses. @return whether code has to be translated anew. */
static bool arrange(void)
{
    const bool wrote = now.n_writes > 0;
    uint64_t first = UINT64_MAX, last = 0;
    bool anew = false;

    if (now.n_slots + now.c.n_points > SLOTS)
        no_slots();
    for (unsigned i = 0; i < now.n_slots; i++)
        now.slots[i].first = NONE;
    now.n_writes = 0;
    for (unsigned i = now.c.n_points; i-- > 0;) {
        const struct ring_point *p = &now.c.points[i];
        struct slot *s;

        if (p->kind == RING_WRITE) {
            if (now.n_writes == WRITES_MAX || !p->len)
                continue;
            now.writes[now.n_writes++] = (uint16_t)i;
            first = p->address < first ? p->address : first;
            last = p->address + p->len - 1 > last ? p->address + p->len - 1 : last;
            continue;
        }
        if (!find_slot(p->address)) {
            add_slot(p->address);
            anew |= is_programs(p->address) ? add_low(p->address) : true;
        }
        s = find_slot(p->address);
        if (s) {
            now.next[i] = s->first;
            s->first = (uint16_t)i;
        }
    }
    STORE(&write_first, first);
    STORE(&write_last, last);
    return anew || wrote != (now.n_writes > 0);
}

bool engram_is_there(void)
{
    if (flock(ring_fd, LOCK_SH | LOCK_NB))
        return errno == EWOULDBLOCK;
    flock(ring_fd, LOCK_UN);
    return false;
}

PLUGIN_CB(was_reset)
{
    UNUSED;
    pthread_rwlock_wrlock(&lock);
    resetting = false;
    STORE(&head->applied, seen);
    pthread_rwlock_unlock(&lock);
    ADD(&head->flushes, 1);
    install_callbacks();
}

static char memory_file[256];

/* With @lock held for writing. @return false: Engram writes it now, so the next look takes it. */
static bool take_control(uint32_t generation)
{
    static struct ring_control copy;
    struct ring_control *c = &now.c;

    memcpy(&copy, control, sizeof copy);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (LOAD(&control->generation) != generation)
        return false;
    *c = copy;
    if (c->n_points > RING_POINTS)
        c->n_points = RING_POINTS;
    if (c->n_ranges > RING_RANGES)
        c->n_ranges = RING_RANGES;
    c->memory[sizeof c->memory - 1] = 0;
    guest_ranges(c->ranges, c->n_ranges);
    // Only now: QEMU loads plugins before it makes the guest's memory.
    if (!guest_mapped() && (c->memory[0] || memory_file[0]))
        head->memory = guest_map(memory_file[0] ? memory_file : c->memory) ? 1 : 2;
    now.owned = engram_is_there();
    STORE(&seen, generation);
    return true;
}

bool poll_control(void)
{
    const uint32_t g = LOAD(&control->generation);
    bool anew = false;

    if (g == LOAD(&seen))
        return true;
    if (g & 1)
        return false;
    pthread_rwlock_wrlock(&lock);
    if (take_control(g)) {
        anew = arrange() && !resetting; // what is still to be thrown away is, with these too
        resetting |= anew;
        if (!resetting)
            STORE(&head->applied, g);
    }
    pthread_rwlock_unlock(&lock);
    if (anew)
        qemu_plugin_reset(self, was_reset OWN);
    return g == LOAD(&seen);
}

void disarm(void)
{
    pthread_rwlock_wrlock(&lock);
    now.c.n_points = 0;
    now.owned = false;
    if (!resetting)
        arrange();
    pthread_rwlock_unlock(&lock);
}

/* ---- the file ---- */

int failed(const char *what, const char *which)
{
    fprintf(stderr, "engram: %s: %s\n", what, which);
    return -1;
}

int make_ring(const char *path, uint32_t n, bool keep)
{
    const size_t size = RING_RECORDS_AT + (size_t)n * sizeof(struct ring_record);
    static struct ring_control old;
    struct flock alive = { .l_type = F_WRLCK, .l_len = 1 }; // Engram sees by it that QEMU lives
    struct ring_head was;
    bool kept = false;
    void *at;
    int fd = keep ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    if (fd >= 0) {
        kept = pread(fd, &was, sizeof was, 0) == (ssize_t)sizeof was && was.magic == RING_MAGIC &&
               was.version == RING_VERSION &&
               pread(fd, &old, sizeof old, RING_CONTROL_AT) == (ssize_t)sizeof old;
        close(fd);
    }
    (void)unlink(path);
    ring_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (ring_fd < 0 || ftruncate(ring_fd, (off_t)size) || fcntl(ring_fd, F_OFD_SETLK, &alive))
        return failed(path, strerror(errno));
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd, 0);
    if (at == MAP_FAILED)
        return failed(path, strerror(errno));
    head = at;
    control = (void *)((char *)at + RING_CONTROL_AT);
    records = (void *)((char *)at + RING_RECORDS_AT);
    if (kept) {
        *control = old;
        control->tail = 0;
        control->timed = 0;
        control->generation = 2;
    }
    head->n_records = n_records = n;
    no_slots();
    return 0;
}

bool set_memory_file(const char *path)
{
    if (strlen(path) >= sizeof memory_file)
        return false;
    memcpy(memory_file, path, strlen(path) + 1);
    memcpy(head->memory_file, memory_file, sizeof memory_file);
    return true;
}

/* ---- loading ---- */

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    const char *ring = NULL, *memory = NULL;
    unsigned long n = 16384;
    bool keep = false;

    if (!info->system_emulation)
        return failed("it is for whole machines", "not for user mode");
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "ring=", 5))
            ring = argv[i] + 5;
        else if (!strncmp(argv[i], "memory=", 7))
            memory = argv[i] + 7;
        else if (!strncmp(argv[i], "records=", 8))
            n = strtoul(argv[i] + 8, NULL, 0);
        else if (!strcmp(argv[i], "keep=on") || !strcmp(argv[i], "keep=off"))
            keep = argv[i][6] == 'n';
        else
            return failed("not an option (ring=, memory=, records=, keep=)", argv[i]);
    if (!ring)
        return failed("a file has to be given", "ring=FILE");
    if (n < 16 || n > RING_RECORDS_MAX || n & (n - 1))
        return failed("records=", "a power of two, from 16 to 1048576, is wanted");
    self = id;
    if (make_ring(ring, (uint32_t)n, keep))
        return -1;
    head->version = RING_VERSION;
    head->control_at = RING_CONTROL_AT;
    head->records_at = RING_RECORDS_AT;
    head->record_size = sizeof(struct ring_record);
    head->api = PLUGIN_API;
    machine = !strcmp(info->target_name, "x86_64")    ? X86
              : !strcmp(info->target_name, "aarch64") ? ARM64
                                                      : 0;
    head->machine = machine;
    head->n_cpus = (uint32_t)info->system.smp_vcpus;
    n_regs = PLUGIN_API < 2 ? 0 : machine == X86 ? 18 : machine == ARM64 ? 34 : 0;
    head->n_regs = n_regs;
    head->pid = (uint32_t)getpid();
    if (memory && !set_memory_file(memory))
        return failed(memory, "the name is too long");
    STORE(&head->magic, RING_MAGIC);
    install_callbacks();
    return 0;
}
