/* sha256.c - SHA-256 of a file by libcrypto. */
#include "sha256.h"
#include "../core/mapped.h"
#include "../core/parallel.h"
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SHA256
#include <openssl/evp.h>

static void free_digest(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

const char *sha256_of_file(struct eg_arena *a, const char *path, bool quiet, struct eg_error *e)
{
    enum { CHUNK = 1 << 20 };
    eg_cleanup(eg_close_fd_) int fd = eg_open_input(AT_FDCWD, path, 0);
    eg_cleanup(eg_free_) uint8_t *buf = malloc(CHUNK);
    eg_cleanup(free_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    struct eg_progress_line *progress;
    struct stat st;
    uint8_t sum[EVP_MAX_MD_SIZE];
    char hex[65];
    bool ok;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st)) {
        eg_fail(e, EG_EIO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    ok = buf && digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    progress = eg_progress_begin("sha256", (uint64_t)st.st_size, "B", quiet);
    while (ok && (n = read(fd, buf, CHUNK)) > 0 && !eg_cancelled) {
        ok = EVP_DigestUpdate(digest, buf, (size_t)n);
        eg_progress_add(progress, (uint64_t)n);
    }
    eg_progress_end(progress);
    if (!ok || !EVP_DigestFinal_ex(digest, sum, NULL)) {
        eg_fail(e, EG_ENOMEM, "sha256: out of memory");
        return NULL;
    }
    if (n) {
        eg_fail(e, n < 0 ? EG_EIO : EG_ECANCEL, "%s: %s", path,
                n < 0 ? strerror(errno) : "stopped");
        return NULL;
    }
    eg_hex(hex, sum, 32);
    return eg_arena_strndup(a, hex, 64);
}

#else

const char *sha256_of_file(struct eg_arena *a, const char *path, bool quiet, struct eg_error *e)
{
    (void)a, (void)quiet;
    eg_fail(e, EG_EUNSUP, "%s: this build knows no SHA-256 (libcrypto): try sha256sum", path);
    return NULL;
}

#endif

const char *sha256_said(struct eg_arena *a, const char *path, bool quiet)
{
    struct eg_error e;
    struct stat st;
    const char *digest =
        stat(path, &st) || !S_ISREG(st.st_mode) ? NULL : sha256_of_file(a, path, quiet, &e);
    const char *text = digest ? eg_arena_strf(a, ", SHA-256 %s", digest) : NULL;

    return text ? text : "";
}
