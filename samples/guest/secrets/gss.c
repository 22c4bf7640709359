/* gss - stands for rpc.gssd and rpc.svcgssd: gives the kernel's NFS client and server contexts of Kerberos whose session
 * keys it was told, mounts the server and looks at it as each of the users.  `gss UID:TYPE:KEY...`: a user, an encryption
 * type of Kerberos, a key in hex; the first is root, who mounts.  It goes on answering. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { PIPES = 64, USERS = 8, KEY = 32, CFX = 2 };

static struct user {
    uint32_t uid, type, len;
    uint8_t key[KEY];
} users[USERS];
static int n_users;
static struct {
    char path[300];
    int fd;
} pipes[PIPES];
static int n_pipes;

static void open_pipes(void)
{
    static const char *const tops[] = { "gssd", "nfs", "nfsd4_cb", "lockd" };
    char path[300];

    for (size_t t = 0; t < sizeof tops / sizeof *tops; t++) {
        struct dirent *e;
        DIR *d;
        int i;

        snprintf(path, sizeof path, "/run/rpc_pipefs/%s", tops[t]);
        d = opendir(path);
        while (d && (e = readdir(d))) {
            if (strncmp(e->d_name, "clnt", 4) != 0)
                continue;
            snprintf(path, sizeof path, "/run/rpc_pipefs/%s/%.200s/gssd", tops[t], e->d_name);
            for (i = 0; i < n_pipes && strcmp(pipes[i].path, path) != 0; i++)
                ;
            if (i < n_pipes || n_pipes == PIPES)
                continue;
            pipes[i].fd = open(path, O_RDWR | O_NONBLOCK);
            if (pipes[i].fd < 0)
                continue;
            strcpy(pipes[i].path, path);
            n_pipes++;
        }
        if (d)
            closedir(d);
    }
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static uint8_t *put32(uint8_t *at, uint32_t v)
{
    return put(at, &v, sizeof v);
}

/* What gss_import_sec_context() of the kernel takes. */
static size_t context(const struct user *u, uint32_t flags, uint8_t *out)
{
    const uint64_t sequence = 1000;
    uint8_t *p = put32(out, flags | CFX);

    p = put32(p, 0x7ffffff0);
    p = put(p, &sequence, sizeof sequence);
    p = put32(p, u->type);
    return (size_t)(put(p, u->key, u->len) - out);
}

static void print_hex(FILE *f, const uint8_t *bytes, size_t n)
{
    fputs("\\x", f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", bytes[i]);
}

static int serve(const struct user *u, uint32_t handle)
{
    char line[1024] = "";
    uint8_t bytes[128];
    size_t n = context(u, 0, bytes);
    FILE *f = fmemopen(line, sizeof line, "w");
    int fd = open("/proc/net/rpc/auth.rpcsec.context/channel", O_RDWR), ok;

    print_hex(f, (uint8_t *)&handle, sizeof handle);
    fprintf(f, " 2147483647 %u %u 0 krb5 ", u->uid, u->uid);
    print_hex(f, bytes, n);
    fprintf(f, " user%u@LAB.EXAMPLE\n", u->uid);
    fclose(f);
    ok = fd >= 0 && write(fd, line, strlen(line)) > 0;

    if (!ok)
        perror("auth.rpcsec.context");
    if (fd >= 0)
        close(fd);
    return ok;
}

static void answer(int fd, const char *asked)
{
    static uint32_t handle = 0x6c616200;
    const char *at = strstr(asked, "uid=");
    const uint32_t uid = at ? (uint32_t)strtoul(at + 4, NULL, 10) : 0;
    uint8_t out[256], bytes[128], *p = out;
    int i = 0;
    size_t n;

    fprintf(stderr, "asked: %s", asked);
    while (i < n_users && users[i].uid != uid)
        i++;
    if (i == n_users)
        i = 0;
    serve(&users[i], ++handle);
    p = put32(p, uid);
    p = put32(p, 86400); // seconds
    p = put32(p, 128);   // window
    p = put32(p, sizeof handle);
    p = put32(p, handle);
    n = context(&users[i], 1, bytes);
    p = put32(p, (uint32_t)n);
    p = put(p, bytes, n);
    p = put32(p, 19);
    p = put(p, "nfs@lab.lab.example", 19);
    if (write(fd, out, (size_t)(p - out)) < 0)
        perror("gssd");
}

static void say(const char *path, const char *line)
{
    int fd = open(path, O_RDWR);

    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        perror(path);
    if (fd >= 0)
        close(fd);
}

/* What a client does, beside the one who answers. */
static void look(void)
{
    if (mount("lab:/", "/mnt/nfs", "nfs4", 0,
              "addr=127.0.0.1,clientaddr=127.0.0.1,sec=krb5p,vers=4.2")) {
        perror("mount");
        return;
    }
    for (int i = 0; i < n_users; i++) {
        DIR *d;

        if (fork())
            continue;
        if (setgid(users[i].uid) || setuid(users[i].uid))
            _exit(1);
        d = opendir("/mnt/nfs");
        if (d && readdir(d)) {
            printf("%u\n", users[i].uid);
            fflush(stdout);
        } else {
            perror("readdir");
        }
        for (;;)
            pause();
    }
    sleep(8);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc && n_users < USERS; i++) {
        struct user *u = &users[n_users++];
        char key[2 * KEY + 1] = "";

        sscanf(argv[i], "%u:%u:%64s", &u->uid, &u->type, key);
        for (u->len = 0; u->len < strlen(key) / 2; u->len++) {
            unsigned v = 0;

            sscanf(key + 2 * u->len, "%2x", &v);
            u->key[u->len] = (uint8_t)v;
        }
    }
    say("/proc/net/rpc/auth.unix.ip/channel", "nfsd 127.0.0.1 2147483647 *\n");
    say("/proc/net/rpc/nfsd.export/channel",
        "* /srv/data 2147483647 8195 65534 65534 0 secinfo 1 390005 8195\n");
    say("/proc/net/rpc/nfsd.fh/channel", "* 1 \\x00000000 2147483647 /srv/data\n");
    // One more of each user for the server, which stays also where the mount does not work.
    for (int i = 0; i < n_users; i++)
        if (serve(&users[i], 0x73657200 + (uint32_t)i))
            printf("%u\n", users[i].uid);
    fflush(stdout);
    open_pipes();
    if (!fork())
        look();
    for (;;) {
        char asked[1024];

        open_pipes();
        for (int i = 0; i < n_pipes; i++) {
            ssize_t n = read(pipes[i].fd, asked, sizeof asked - 1);

            if (n <= 0)
                continue;
            asked[n] = 0;
            answer(pipes[i].fd, asked);
        }
        usleep(50000);
    }
}
