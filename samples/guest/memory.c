/* memory: keys and regions of every sort, with their places. */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/if_alg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- memory
 * -------------------------------------------------------------------------------------------------------------
 */

static uint8_t sbox(uint8_t x)
{
    uint8_t inverse = 0;
    for (int y = 1; x && y < 256; y++) {
        unsigned product = 0;
        for (int bit = 0; bit < 8; bit++)
            if (y >> bit & 1)
                product ^= (unsigned)x << bit;
        for (int bit = 15; bit > 7; bit--)
            if (product >> bit & 1)
                product ^= 0x11bu << (bit - 8);
        if (product == 1)
            inverse = (uint8_t)y;
    }
    uint8_t out = 0x63;
    for (int turn = 0; turn < 5; turn++)
        out ^= (uint8_t)(inverse << turn | inverse >> (8 - turn));
    return out;
}

/* FIPS 197, section 5.2: the schedule as AES libraries keep it in memory. */
static void expand_key(uint8_t *w, const uint8_t *key, size_t key_size)
{
    uint8_t rcon = 1;
    memcpy(w, key, key_size);
    for (size_t i = key_size; i < 4 * (key_size + 28); i += 4) {
        uint8_t t[4];
        memcpy(t, w + i - 4, 4);
        if (i % key_size == 0) {
            uint8_t first = t[0];
            t[0] = sbox(t[1]) ^ rcon;
            t[1] = sbox(t[2]);
            t[2] = sbox(t[3]);
            t[3] = sbox(first);
            rcon = (uint8_t)(rcon << 1 ^ (rcon & 0x80 ? 0x1b : 0));
        } else if (key_size == 32 && i % key_size == 16) {
            for (int k = 0; k < 4; k++)
                t[k] = sbox(t[k]);
        }
        for (int k = 0; k < 4; k++)
            w[i + k] = w[i + k - key_size] ^ t[k];
    }
}

static void hex(char *out, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sprintf(out + 2 * i, "%02x", data[i]);
}

/* Keys that anyone can work out: byte i of key n is n * 31 + i * 7 + i * i. */
static void lab_key(uint8_t *key, size_t size, unsigned n)
{
    for (size_t i = 0; i < size; i++)
        key[i] = (uint8_t)(n * 31 + i * 7 + i * i);
}

/* /dev/mapper/lab-crypt over /dev/loop1, as `dmsetup create` makes it. */
static bool map_crypt(const char *key)
{
    static struct {
        struct dm_ioctl head;
        struct dm_target_spec target;
        char params[256];
    } d;
    static const unsigned long steps[] = { DM_DEV_CREATE, DM_TABLE_LOAD, DM_DEV_SUSPEND };
    int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
    for (size_t i = 0; i < 3; i++) {
        memset(&d, 0, sizeof d);
        d.head = (struct dm_ioctl){ .version = { 4, 0, 0 },
                                    .data_size = sizeof d,
                                    .data_start = sizeof d.head,
                                    .target_count = i == 1 };
        strcpy(d.head.name, "lab-crypt");
        strcpy(d.head.uuid, i ? "" : "LAB-crypt-0001");
        if (i == 1) {
            d.target = (struct dm_target_spec){ .length = 256, .target_type = "crypt" };
            snprintf(d.params, sizeof d.params, "aes-xts-plain64 %s 0 /dev/loop1 0", key);
        }
        if (ioctl(fd, steps[i], &d)) {
            check(false, "device mapper");
            break;
        }
    }
    memset(&d, 0, sizeof d);
    close(fd);
    return true;
}

void keeper(void)
{
    uint8_t key[32], *schedule[3];
    char text[3][65];
    static const size_t sizes[] = { 16, 24, 32 };
    for (unsigned i = 0; i < 3; i++) {
        lab_key(key, sizes[i], i + 1);
        hex(text[i], key, sizes[i]);
        schedule[i] = malloc(256);
        expand_key(schedule[i], key, sizes[i]);
    }
    lab_key(key, 32, 9);
    char kernel_key[65], ring[3][16] = { "-", "-", "-" };
    hex(kernel_key, key, 32);
    struct sockaddr_alg alg = { .salg_family = AF_ALG,
                                .salg_type = "skcipher",
                                .salg_name = "cbc(aes)" };
    int s = socket(AF_ALG, SOCK_SEQPACKET, 0);
    bool af_alg = s >= 0 && !bind(s, (void *)&alg, sizeof alg) &&
                  !setsockopt(s, SOL_ALG, ALG_SET_KEY, key, 32);
    if (af_alg)
        af_alg = accept(s, NULL, NULL) >= 0;
    static const char *const types[] = { "user", "logon", "keyring" };
    static const char *const names[] = { "lab:user-key", "lab:logon-key", "lab:ring" };
    for (int i = 0; i < 3; i++)
        snprintf(ring[i], sizeof ring[i], "%ld",
                 syscall(SYS_add_key, types[i], names[i], i < 2 ? "a key of the lab" : NULL,
                         i < 2 ? 16 : 0, -3));
    uint8_t disk_key[64];
    char disk_text[129];
    lab_key(disk_key, 64, 5);
    hex(disk_text, disk_key, 64);
    map_crypt(disk_text);
    memset(key, 0, sizeof key);
    memset(disk_key, 0, sizeof disk_key);
    fact("{\"kind\":\"dm-crypt\",\"name\":\"lab-crypt\",\"cipher\":\"aes-xts-plain64\",\"key\":\"%"
         "s\"}",
         disk_text);
    fact("{\"kind\":\"keys\",\"pid\":%d,\"aes\":[\"%s\",\"%s\",\"%s\"],\"at\":[\"%p\",\"%p\",\"%"
         "p\"],\"af_alg\":%s,\"af_alg_key\":\"%s\",\"keyring\":[%s,%s,%s]}",
         getpid(), text[0], text[1], text[2], (void *)schedule[0], (void *)schedule[1],
         (void *)schedule[2], af_alg ? "true" : "false", kernel_key, ring[0], ring[1], ring[2]);
    sleep_for_ever();
}

/* The entry of /proc/self/pagemap: bit 63 present, bit 62 swapped, then the page frame or the place
 * in swap. */
static uint64_t pagemap(const void *at)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pread(fd, &entry, 8, (off_t)((uintptr_t)at / (uintptr_t)sysconf(_SC_PAGESIZE) * 8)) != 8)
        entry = 0;
    close(fd);
    return entry;
}

static void region(const char *what, const char *at, const char *words)
{
    if (at == MAP_FAILED) {
        check(false, what);
        return;
    }
    fact("{\"kind\":\"region\",\"pid\":%d,\"what\":\"%s\",\"at\":\"%p\",\"words\":\"%s\","
         "\"pagemap\":\"0x%llx\"}",
         getpid(), what, (const void *)at, words, (unsigned long long)pagemap(at));
}

/* Memory of every sort, each beginning with words that say which. */
void regions(void)
{
    enum { ANON = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE, HUGE = 2 << 20 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *code = mmap(NULL, 2 * page, RW | PROT_EXEC, ANON, -1, 0);
    memcpy(code, "\x90\x90\x48\x31\xc0\xc3", 6);
    strcpy(code + 64, "words in writable code");

    int memfd = memfd_create("lab-memfd", 0);
    check(!ftruncate(memfd, (off_t)(3 * page)), "ftruncate");
    char *shared = mmap(NULL, 3 * page, RW, MAP_SHARED, memfd, 0);
    strcpy(shared, "shared words of the lab");

    char *locked = mmap(NULL, 4 * page, RW, ANON, -1, 0);
    memset(locked, 'L', 4 * page);
    strcpy(locked, "locked words");
    check(!mlock(locked, 4 * page), "mlock");
    mprotect(locked + page, page, PROT_NONE);
    mprotect(locked + 2 * page, page, PROT_READ);

    int fd = open("/tmp/lab-removed", O_RDWR | O_CREAT, 0600);
    check(write(fd, "removed but mapped", 19) == 19, "write");
    char *gone = mmap(NULL, page, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    unlink("/tmp/lab-removed");

    int id = shmget(0x1ab, 8192, IPC_CREAT | 0640);
    char *segment = shmat(id, NULL, 0);
    strcpy(segment, "System V shared memory of the lab");
    int queue = msgget(0x1ac, IPC_CREAT | 0600), sem = semget(0x1ad, 2, IPC_CREAT | 0600);
    struct {
        long type;
        char text[16];
    } message = { 1, "queued words" };
    check(!msgsnd(queue, &message, sizeof message.text, 0), "msgsnd");
    check(!semctl(sem, 1, SETVAL, 5), "semctl");

    char *heap = malloc(4096);
    strcpy(heap, "LAB-HEAP-MARKER 0123456789");

    char *space = mmap(NULL, 2 * HUGE, RW, ANON, -1, 0);
    char *huge = (char *)(((uintptr_t)space + HUGE - 1) & -(uintptr_t)HUGE);
    madvise(huge, HUGE, MADV_HUGEPAGE);
    memset(huge, 'H', HUGE);
    strcpy(huge, "words on a transparent huge page");

    char *reserved = mmap(NULL, HUGE, RW, ANON | MAP_HUGETLB, -1, 0);
    if (reserved != MAP_FAILED)
        strcpy(reserved, "words on a reserved huge page");

    /* Out to swap (the stage has one on zram): a page of words, a page of one byte value, a page
     * that does not pack. */
    char *out = mmap(NULL, 8 * page, RW, ANON, -1, 0);
    uint64_t random = 1;
    for (size_t i = 0; i < 8 * page; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        out[i] = i < page ? 0 : i < 2 * page ? 'S' : (char)(random >> 56);
    }
    strcpy(out, "swapped words");
    for (int i = 0; i < 20 && !(pagemap(out) >> 62 & 1); i++) {
        madvise(out, 8 * page, 21 /* MADV_PAGEOUT */);
        usleep(100000);
    }

    region("writable code", code + 64, code + 64);
    region("memfd", shared, shared);
    region("locked", locked, locked);
    region("removed file", gone, gone);
    region("System V", segment, segment);
    region("heap", heap, heap);
    region("huge", huge, huge);
    region("reserved huge", reserved, reserved == MAP_FAILED ? "" : reserved);
    region("swapped", out, "swapped words");
    region("swapped byte", out + page, "SSSSSSSS");
    region("swapped noise", out + 2 * page, "");
    fact("{\"kind\":\"memory\",\"pid\":%d,\"shm_key\":\"0x1ab\",\"msg_key\":\"0x1ac\",\"sem_key\":"
         "\"0x1ad\"}",
         getpid());
    sleep_for_ever();
}
