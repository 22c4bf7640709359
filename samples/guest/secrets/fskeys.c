/* fskeys.c - keys that file systems and keyrings keep: adds them as fscryptctl, mount.ecryptfs and
 * mount.cifs do, and tells which keys the kernel derives from them. Bytes are given in hex. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define die(what) (fprintf(stderr, "fskeys: %s: %s\n", what, strerror(errno)), exit(1))

/* include/uapi/linux/fscrypt.h */
struct add_key {
    struct {
        uint32_t type, reserved; // 1: descriptor, 2: identifier
        uint8_t u[32];
    } spec;
    uint32_t raw_size, key_id, reserved[8];
    uint8_t raw[64];
};
struct policy_v1 {
    uint8_t version, contents, names, flags, descriptor[8];
};
struct policy_v2 {
    uint8_t version, contents, names, flags, reserved[4], identifier[16];
};
#define ADD_KEY    _IOWR('f', 23, uint8_t[80])
#define SET_POLICY _IOR('f', 19, uint8_t[12])
#define GET_NONCE  _IOR('f', 27, uint8_t[16])

static size_t unhex(const char *text, uint8_t *out, size_t max)
{
    size_t n = 0;

    for (; n < max && sscanf(text + 2 * n, "%2hhx", &out[n]) == 1; n++)
        if (!text[2 * n + 1])
            break;
    return n;
}

static void hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    printf("\n");
}

/* ---- what the kernel computes ---- */

static int algorithm(const char *type, const char *name, const uint8_t *key, size_t len)
{
    struct sockaddr_alg a = { .salg_family = AF_ALG };
    const int s = socket(AF_ALG, SOCK_SEQPACKET, 0);
    int op;

    strcpy((char *)a.salg_type, type);
    strcpy((char *)a.salg_name, name);
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 ||
        setsockopt(s, SOL_ALG, ALG_SET_KEY, key, len) < 0 || (op = accept(s, NULL, 0)) < 0)
        die(name);
    close(s);
    return op;
}

static void hmac(const uint8_t *key, size_t len, const void *data, size_t n, uint8_t *out)
{
    const int s = algorithm("hash", "hmac(sha512)", key, len);

    if (send(s, data, n, 0) != (ssize_t)n || read(s, out, 64) != 64)
        die("hmac");
    close(s);
}

/* RFC 5869 with SHA-512 and no salt, at most 64 bytes. */
static void hkdf(const uint8_t *key, size_t len, const void *info, size_t n, uint8_t *out)
{
    static const uint8_t salt[64];
    uint8_t prk[64], text[128];

    hmac(salt, sizeof salt, key, len, prk);
    memcpy(text, info, n);
    text[n] = 1;
    hmac(prk, sizeof prk, text, n + 1, out);
}

static void aes_ecb(const uint8_t *key, const uint8_t *in, size_t n, uint8_t *out)
{
    const int s = algorithm("skcipher", "ecb(aes)", key, 16);
    uint8_t control[CMSG_SPACE(4)] = { 0 };
    struct iovec v = { (void *)(uintptr_t)in, n };
    struct msghdr m = {
        .msg_control = control, .msg_controllen = sizeof control, .msg_iov = &v, .msg_iovlen = 1
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_ALG;
    c->cmsg_type = ALG_SET_OP;
    c->cmsg_len = CMSG_LEN(4);
    *(uint32_t *)CMSG_DATA(c) = ALG_OP_ENCRYPT;
    if (sendmsg(s, &m, 0) != (ssize_t)n || read(s, out, n) != (ssize_t)n)
        die("ecb(aes)");
    close(s);
}

/* ---- fscrypt ---- */

/* protect FOLDER KEY DESCRIPTOR|- CONTENTS NAMES: of version 2 where there is no descriptor. */
static void protect(char **a)
{
    struct add_key add = { 0 };
    struct policy_v1 p1 = { 0 };
    struct policy_v2 p2 = { 2, (uint8_t)atoi(a[3]), (uint8_t)atoi(a[4]), 0, { 0 }, { 0 } };
    const int fd = open(a[0], O_RDONLY | O_DIRECTORY);
    const int first = a[2][0] != '-';

    add.spec.type = first ? 1 : 2;
    if (first)
        unhex(a[2], add.spec.u, 8);
    add.raw_size = (uint32_t)unhex(a[1], add.raw, 64);
    if (fd < 0 || ioctl(fd, ADD_KEY, &add) < 0)
        die("FS_IOC_ADD_ENCRYPTION_KEY");
    if (first) {
        p1 = (struct policy_v1){ 0, p2.contents, p2.names, 0, { 0 } };
        memcpy(p1.descriptor, add.spec.u, 8);
    } else {
        memcpy(p2.identifier, add.spec.u, 16);
        if (p2.contents == 9)
            p2.flags = 4; // one key for all files, FSCRYPT_POLICY_FLAG_DIRECT_KEY
    }
    if (ioctl(fd, SET_POLICY, first ? (void *)&p1 : (void *)&p2) < 0)
        die("FS_IOC_SET_ENCRYPTION_POLICY");
    hex(add.spec.u, first ? 8 : 16);
}

/* filekey FILE KEY 1|2 BYTES: the key of a file, that master key's */
static void filekey(char **a)
{
    uint8_t key[64], nonce[16], out[64], info[8 + 1 + 16] = "fscrypt\0\2";
    const size_t len = unhex(a[1], key, 64), n = (size_t)atoi(a[3]);
    const int fd = open(a[0], O_RDONLY);

    if (fd < 0 || ioctl(fd, GET_NONCE, nonce) < 0)
        die("FS_IOC_GET_ENCRYPTION_NONCE");
    if (a[2][0] == '1') {
        aes_ecb(nonce, key, n, out);
    } else {
        memcpy(info + 9, nonce, 16);
        hkdf(key, len, info, sizeof info, out);
    }
    hex(out, n);
}

/* modekey KEY MODE: of all files with FSCRYPT_POLICY_FLAG_DIRECT_KEY */
static void modekey(char **a)
{
    uint8_t key[64], out[64], info[8 + 2] = "fscrypt\0\3";
    const size_t len = unhex(a[0], key, 64);

    info[9] = (uint8_t)atoi(a[1]);
    hkdf(key, len, info, sizeof info, out);
    hex(out, 32);
}

/* hold FILES...: open and in memory until the end */
static void hold(char **a)
{
    for (; *a; a++) {
        const int fd = open(*a, O_RDONLY);
        struct stat st;
        volatile const char *p;

        if (fd < 0 || fstat(fd, &st) < 0)
            die(*a);
        p = S_ISREG(st.st_mode) && st.st_size
                ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0)
                : NULL;
        for (off_t at = 0; p && p != MAP_FAILED && at < st.st_size; at += 4096)
            (void)p[at];
    }
    for (;;)
        pause();
}

/* ---- eCryptfs ---- */

/* include/linux/ecryptfs.h */
struct auth_tok {
    uint16_t version, type;
    uint32_t flags;
    struct {
        uint32_t flags, encrypted_size, decrypted_size;
        uint8_t encrypted[512], decrypted[64];
    } session;
    uint8_t reserved[32];
    struct {
        uint32_t password_bytes;
        int32_t hash;
        uint32_t iterations, key_bytes, flags;
        uint8_t key[64], signature[17], salt[8];
    } password;
} __attribute__((packed));

/* token KEY SIGNATURE: into the user's keyring */
static void token(char **a)
{
    uint8_t bytes[740] = { 0 };
    struct auth_tok *t = (struct auth_tok *)bytes;

    t->version = 4;
    t->password.hash = 10; // PGP_DIGEST_ALGO_SHA512
    t->password.iterations = 65536;
    t->password.key_bytes = (uint32_t)unhex(a[0], t->password.key, 64);
    t->password.flags = 2; // ECRYPTFS_SESSION_KEY_ENCRYPTION_KEY_SET
    memcpy(t->password.signature, a[1], 16);
    memcpy(t->password.salt, "\0\x11\x22\x33\x44\x55\x66\x77", 8);
    if (syscall(SYS_add_key, "user", a[1], bytes, sizeof bytes, -4) < 0)
        die("add_key");
}

/* mount WHAT WHERE TYPE OPTIONS */
static void attach(char **a)
{
    if (mount(a[0], a[1], a[2], 0, a[3]) < 0)
        die(a[2]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int n;
        void (*work)(char **);
    } all[] = { { "protect", 5, protect }, { "filekey", 4, filekey }, { "modekey", 2, modekey },
                { "token", 2, token },     { "mount", 4, attach },    { "hold", 1, hold } };

    for (size_t i = 0; argc > 1 && i < sizeof all / sizeof *all; i++)
        if (!strcmp(argv[1], all[i].name) && argc - 2 >= all[i].n) {
            all[i].work(argv + 2);
            return 0;
        }
    fprintf(stderr, "fskeys: wrong arguments\n");
    return 2;
}
