/* exchange: locks and leases with those who wait for them, System V and POSIX queues, semaphores
 * and shared memory. */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int opened(const char *path, int flags)
{
    int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0644);
    check(fd >= 0, path);
    return fd;
}

static void lock_of(int fd, int command, short type, off_t start, off_t length)
{
    struct flock l = { .l_type = type, .l_start = start, .l_len = length };
    check(!fcntl(fd, command, &l), "lock");
}

/* ---- locks ---- */

static void waits_for_range(void)
{
    lock_of(opened("/run/lab/locked", O_RDWR), F_SETLKW, F_WRLCK, 15, 10);
}

static void waits_for_file(void)
{
    flock(opened("/run/lab/flocked", O_RDWR), LOCK_EX);
}

static void locks(void)
{
    int fd = opened("/run/lab/locked", O_RDWR);
    check(!ftruncate(fd, 1000), "size");
    lock_of(fd, F_SETLK, F_WRLCK, 10, 20);
    lock_of(fd, F_SETLK, F_RDLCK, 100, 0);
    child("lock-waiter", waits_for_range);
    fd = opened("/run/lab/flocked", O_RDWR);
    check(!flock(fd, LOCK_SH), "flock");
    child("flock-waiter", waits_for_file);
    fd = opened("/run/lab/ofd", O_RDWR);
    lock_of(fd, F_OFD_SETLK, F_WRLCK, 7, 1);
    fd = opened("/run/lab/leased", O_RDWR);
    check(!fcntl(fd, F_SETLEASE, F_WRLCK), "lease");
    fd = opened("/run/lab/leased-to-read", O_RDONLY);
    check(!fcntl(fd, F_SETLEASE, F_RDLCK), "lease");
    fd = opened("/run/lab/flocked-alone", O_RDONLY);
    check(!flock(fd, LOCK_EX), "flock");
    fact("{\"kind\":\"locks\",\"pid\":%d,\"what\":\"POSIX 10-29 write and 100- read of "
         "/run/lab/locked with a waiter, flock of flocked and flocked-alone, OFD of ofd, leases\"}",
         getpid());
}

/* ---- System V ---- */

static void waits_in_semaphore(void)
{
    struct sembuf op = { .sem_num = 2, .sem_op = -9 };
    semop(semget(0x1ab00003, 0, 0), &op, 1);
}

static void undoes(void)
{
    struct sembuf op = { .sem_num = 1, .sem_op = 2, .sem_flg = SEM_UNDO };
    semop(semget(0x1ab00003, 0, 0), &op, 1);
    sleep_for_ever();
}

static void waits_for_message(void)
{
    struct {
        long type;
        char words[16];
    } m;
    msgrcv(msgget(0x1ab00005, 0), &m, sizeof m.words, 99, 0);
}

static void attaches(void)
{
    check(shmat(shmget(0x1ab00001, 0, 0), NULL, SHM_RDONLY) != (void *)-1, "shmat");
    sleep_for_ever();
}

static void system_v(const char *words)
{
    int plain = shmget(0x1ab00001, 70000, IPC_CREAT | 0640),
        gone = shmget(IPC_PRIVATE, 8192, IPC_CREAT | 0600),
        locked = shmget(0x1ab00002, 4096, IPC_CREAT | 0600),
        huge = shmget(0x1ab00006, 2 << 20, IPC_CREAT | SHM_HUGETLB | 0600);
    char *at = shmat(plain, NULL, 0), *removed = shmat(gone, NULL, 0);
    check(plain >= 0 && gone >= 0 && locked >= 0 && at != (void *)-1 && removed != (void *)-1,
          "shm");
    strcpy(at, words);
    strcpy(at + 65536, "words in the last page of System V memory");
    strcpy(removed, "words of System V memory that was removed");
    shmctl(gone, IPC_RMID, NULL);
    shmctl(locked, SHM_LOCK, NULL);
    child("attaches", attaches);
    int sem = semget(0x1ab00003, 3, IPC_CREAT | 0600);
    unsigned short values[3] = { 5, 6, 7 };
    check(sem >= 0 && !semctl(sem, 0, SETALL, values), "sem");
    child("sem-waiter", waits_in_semaphore);
    child("sem-undo", undoes);
    int queue = msgget(0x1ab00004, IPC_CREAT | 0600), empty = msgget(0x1ab00005, IPC_CREAT | 0600);
    static struct {
        long type;
        char words[8000];
    } m = { .type = 11 };
    snprintf(m.words, sizeof m.words, "%s", words);
    check(queue >= 0 && empty >= 0 && !msgsnd(queue, &m, strlen(words), 0), "msg");
    m.type = 12;
    for (size_t i = 0; i < 6000; i++) /* more than a page */
        m.words[i] = (char)('a' + i % 23);
    check(!msgsnd(queue, &m, 6000, 0), "msg");
    child("msg-waiter", waits_for_message);
    fact("{\"kind\":\"sysv\",\"pid\":%d,\"shm\":%d,\"removed\":%d,\"locked\":%d,\"huge\":%d,"
         "\"sem\":%d,\"values\":[5,8,7],\"msg\":%d,\"empty\":%d,\"words\":\"%s\"}",
         getpid(), plain, gone, locked, huge, sem, queue, empty, words);
}

static void elsewhere(void)
{
    check(!unshare(CLONE_NEWIPC), "unshare");
    system_v("words of the second IPC namespace");
    sleep_for_ever();
}

/* ---- POSIX ---- */

static void posix(void)
{
    struct mq_attr a = { .mq_maxmsg = 4, .mq_msgsize = 6000 };
    mqd_t q = mq_open("/lab-queue", O_RDWR | O_CREAT, 0640, &a),
          told = mq_open("/lab-notify", O_RDWR | O_CREAT, 0600, &a);
    char large[5000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)('a' + i % 23);
    check(q >= 0 && !mq_send(q, "a message of low priority", 25, 3) &&
              !mq_send(q, "a message of high priority", 26, 30) &&
              !mq_send(q, large, sizeof large, 7),
          "mqueue");
    struct sigevent by = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    signal(SIGUSR2, SIG_IGN);
    check(told >= 0 && !mq_notify(told, &by), "mq_notify");
    int shm = shm_open("/lab-shm", O_RDWR | O_CREAT, 0600);
    check(shm >= 0 && write(shm, "words in POSIX shared memory", 28) == 28, "shm_open");
    fact("{\"kind\":\"mqueue\",\"pid\":%d,\"fd\":%d,\"words\":[\"a message of low priority\",\"a "
         "message of high priority\"],\"notify\":%d}",
         getpid(), (int)q, (int)told);
}

void exchange(void)
{
    locks();
    system_v("words in System V memory and in a queue");
    child("other-ipc", elsewhere);
    posix();
    usleep(500000);
    fact("{\"kind\":\"exchange\",\"pid\":%d}", getpid());
    sleep_for_ever();
}
