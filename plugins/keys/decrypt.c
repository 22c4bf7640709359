/* decrypt - the plain content of encrypted volumes, by the keys that the image has. */
#include "../../core/parallel.h"
#include "../../core/run.h"
#include "../linux/mm/copy.h"
#include "volume.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS(C)                                                                                 \
    C(NAME, TEXT, "the kernel's name of the device")                                               \
    C(MAPPED_NAME, TEXT, "the name that device mapper knows it by")                                \
    C(CIPHER, TEXT, "how it is encrypted")                                                         \
    C(VERIFIED, TEXT, "how its key was proven, as in volumekeys", EG_MINOR)                        \
    C(READ_FROM, TEXT, "the file of --disk, or whose page cache")                                  \
    C(FILE, TEXT, "name in the folder of -o")                                                      \
    C(SIZE, INT, "of the volume, in bytes")                                                        \
    C(DECRYPTED, INT, "bytes of it")                                                               \
    C(MISSING, INT, "bytes that were not there: holes of the file")                                \
    C(CONTENT, TEXT, "what it begins with: ext2/3/4, xfs, btrfs, swap, LVM, …; empty: unknown")    \
    C(HINTS, TEXT, "why it was not decrypted")
EG_COLUMNS(COLUMNS);

// of a disk that a kernel can have: more than one of a pebibyte is none
static const uint64_t most_sectors = UINT64_C(1) << 41;
enum { PIECE = 1 << 20, PIECES = 64, WORKERS_MAX = 256, SECTOR_MAX = 4096 };

struct piece {
    uint64_t at; // in the volume
    uint32_t len;
    uint64_t done;
};
struct decrypting {
    struct eg_run *r;
    struct eg_volume *v;
    const struct eg_volume_source *from;
    struct eg_sectors *workers[WORKERS_MAX];
    unsigned n_workers;
    uint32_t sector;
    int fd;
    struct piece pieces[PIECES];
    size_t n;
    atomic_int error; // errno
    uint64_t done, size;
};

/* ---- sectors ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    return !p[0] && !memcmp(p, p + 1, n - 1);
}

static bool write_at(struct decrypting *d, const uint8_t *p, size_t len, uint64_t at)
{
    while (len) {
        const ssize_t n = pwrite(d->fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            atomic_store(&d->error, n ? errno : ENOSPC);
            return false;
        }
        p += n;
        len -= (size_t)n;
        at += (size_t)n;
    }
    return true;
}

/* On any thread, when the sectors come from a file. */
static int decrypt_piece(void *context, size_t i, unsigned worker)
{
    struct decrypting *d = context;
    struct piece *p = &d->pieces[i];
    const uint64_t start = d->v->c.start * 512;
    uint8_t in[SECTOR_MAX], out[SECTOR_MAX];

    for (uint32_t at = 0; at < p->len; at += d->sector) {
        const uint64_t here = p->at + at;

        if (atomic_load(&eg_cancelled))
            return 1;
        if (!eg_volume_bytes(d->from, start + here, in, d->sector) ||
            !eg_sectors_decrypt(d->workers[worker], here / 512, in, out))
            continue;
        p->done += d->sector;
        if (!is_zero(out, d->sector) && !write_at(d, out, d->sector, here))
            return 1;
    }
    return 0;
}

static bool flush(struct decrypting *d)
{
    eg_parallel(d->n_workers, d->n, decrypt_piece, d);
    for (size_t i = 0; i < d->n; i++)
        d->done += d->pieces[i].done;
    if (d->n)
        eg_progress(d->r, d->pieces[d->n - 1].at, d->size);
    d->n = 0;
    return !atomic_load(&d->error) && !eg_stopped(d->r);
}

/* Only what is there: a volume can claim any size. */
static bool decrypt_all(struct decrypting *d)
{
    const uint64_t start = d->v->c.start * 512;
    uint64_t next;

    for (uint64_t at = 0; at < d->size; at = next) {
        const bool there = eg_volume_has(d->from, start + at, &next);

        next = next > start ? next - start : UINT64_MAX;
        // sectors that lie over two parts of the page cache belong to the first
        next =
            next > d->size - d->sector ? d->size : (next + d->sector - 1) / d->sector * d->sector;
        for (uint64_t from = at; there && from < next; from += PIECE) {
            d->pieces[d->n++] =
                (struct piece){ .at = from, .len = (uint32_t)EG_MIN(next - from, PIECE) };
            if (d->n == PIECES && !flush(d))
                return false;
        }
        if (next <= at)
            break;
    }
    return flush(d);
}

/* ---- volumes ---- */

static void close_sectors(void *s)
{
    eg_sectors_close(s);
}

static bool open_workers(struct decrypting *d, const char **why)
{
    const struct eg_sectors_how how = eg_volume_how(d->v);

    // page caches are read through the run's view, which is one thread's
    d->n_workers = d->from->file ? EG_MIN(eg_threads(d->r->options->threads), WORKERS_MAX) : 1;
    d->sector = how.sector_size;
    for (unsigned i = 0; i < d->n_workers; i++) {
        d->workers[i] = eg_sectors_open(&how, why);
        if (!d->workers[i])
            return false;
        eg_run_defer(d->r, close_sectors, d->workers[i]);
    }
    return true;
}

static bool is_asked(const struct eg_volume *v)
{
    const char *name;
    size_t i;

    for (i = 0; (name = eg_arg_text_nth(v->r, "volume", i)); i++)
        if (!strcmp(name, v->b->name) || (v->dm.name && !strcmp(name, v->dm.name)))
            return true;
    return !i;
}

/* The first that is known to be its own; of files that say nothing, the one that the user names. */
static const struct eg_volume_source *choose(const struct eg_volume *v, const char **why)
{
    const bool files = eg_arg_text(v->r, "disk") != NULL;
    const struct eg_volume_source *any = NULL;
    uint64_t next;
    bool other = false;

    for (size_t i = 0; i < v->disk.n; i++) {
        const struct eg_volume_source *s = &v->disk.at[i];

        if (files != (s->file != NULL))
            continue;
        if (s->is_own && eg_volume_has(s, v->c.start * 512, &next))
            return s; // a file may have the header alone
        if (!any && !s->is_other && (!files || eg_arg_text(v->r, "volume")))
            any = s;
        other |= s->is_other;
    }
    if (!any && other && eg_arg_text(v->r, "volume"))
        *why = "the LUKS header in the file is another volume's";
    else if (!any)
        *why = files ? "not its disk, by header and content; --volume NAME takes it all the same"
                     : "memory has nothing of its disk: --disk gives a copy";
    return any;
}

static const char *source_name(const struct eg_volume *v, const struct eg_volume_source *s)
{
    return s->file ? s->file->path : eg_strf(v->r, "page cache of %s", v->backed_by);
}

static const char *refusal(const struct eg_volume *v)
{
    if (!v->has)
        return v->hints ? v->hints : "its key is not in memory";
    if (v->c.flags & LINUX_DM_CRYPT_AEAD)
        return "its sectors lie among the tags of dm-integrity";
    if (!v->cipher_size || v->extra_size)
        return "initial vectors of its kind are not computed here";
    if (v->c.start > most_sectors || v->t.len > most_sectors)
        return "its place on the disk cannot be";
    return NULL;
}

static void emit(const struct decrypting *d, const char *file, const char *content, const char *why)
{
    const struct eg_volume *v = d->v;
    const struct eg_cell none = { 0 };

    eg_row(v->r, .NAME = eg_text(v->b->name), .MAPPED_NAME = eg_text(v->dm.name),
           .CIPHER = eg_text(v->c.cipher), .VERIFIED = eg_text(v->verified),
           .READ_FROM = eg_text(d->from ? source_name(v, d->from) : NULL), .FILE = eg_text(file),
           .SIZE = v->t.len <= UINT64_MAX / 512 ? eg_uint(v->t.len * 512) : none,
           .DECRYPTED = file ? eg_uint(d->done) : none,
           .MISSING = file ? eg_uint(d->size - d->done) : none, .CONTENT = eg_text(content),
           .HINTS = eg_text(why));
}

static void decrypt(void *context, struct eg_volume *v)
{
    struct eg_run *r = v->r;
    struct decrypting *d = context;
    const char *why, *name, *content;
    FILE *f;

    if (!is_asked(v))
        return;
    memset(d, 0, sizeof *d);
    d->r = r;
    d->v = v;
    why = refusal(v);
    if (!why)
        d->from = choose(v, &why);
    if (why || !open_workers(d, &why)) {
        emit(d, NULL, NULL, why);
        return;
    }
    if (d->from->file)
        d->from->file->used = true;
    d->size = v->t.len * 512 / d->sector * d->sector;
    name = linux_copy_name(r, v->dm.name && *v->dm.name ? v->dm.name : v->b->name);
    if (v->dm.n > 1)
        name = eg_strf(r, "%s.%llu", name, (unsigned long long)v->t.begin);
    name = eg_strf(r, "%s.img", name);
    f = eg_output(r, name);
    if (!f)
        return;
    d->fd = fileno(f);
    fchmod(d->fd, 0600); // it was secret
    if (ftruncate(d->fd, (off_t)d->size) < 0)
        atomic_store(&d->error, errno);
    if (atomic_load(&d->error) || !decrypt_all(d)) {
        if (atomic_load(&d->error))
            eg_run_fail(r, EG_EIO, "%s: %s", name, strerror(atomic_load(&d->error)));
        return;
    }
    if (!eg_output_done(r, f))
        return;
    content = eg_volume_begins(v, d->from, d->workers[0]);
    emit(d, name, content,
         d->from->file && !d->from->is_own ? "nothing in the file says that it is its disk" : NULL);
    if (d->done < d->size)
        eg_note(r, "%s: %llu of %llu bytes are missing, and holes of the file", name,
                (unsigned long long)(d->size - d->done), (unsigned long long)d->size);
}

static int run(struct eg_run *r)
{
    struct decrypting *d = eg_tmp(r, sizeof *d);

    eg_volumes(r, decrypt, d);
    // as its name is not known: a typing error would look like an image without volumes
    if (!d->v && eg_arg_text(r, "volume") && !eg_stopped(r))
        eg_note(r, "--volume: no volume has such a name; `volumekeys` lists them");
    return 0;
}

EG_PLUGIN(decrypt) = {
    .os = "linux",
    .help = "Decrypt volumes of dm-crypt, by the keys that the image has",
    .manual =
        "The plain content of each open volume becomes a file NAME.img in the folder of -o, which\n"
        "can be mounted or examined as the disk that it is. The encrypted sectors come from a "
        "file\n"
        "of --disk, which is a copy of the disk, of a partition or of the file below a loop "
        "device;\n"
        "without one from what the page cache of the image has of them, and the rest is a hole of\n"
        "the file: only a loop device leaves much there, for dm-crypt reads others by itself.\n"
        "A file is taken for a volume's disk when its LUKS header or what it decrypts to says so,\n"
        "or when --volume names the volume. Sectors are decrypted by libcrypto: AES, Camellia and\n"
        "ARIA in the modes XTS, CBC and ECB, with the vectors plain, plain64, plain64be, benbi,\n"
        "essiv, eboiv and null. Serpent, Twofish and Adiantum are not, nor are volumes with\n"
        "integrity or with several keys: `keys --export` writes what opens those.",
    .columns = columns,
    .args = EG_ARGS(EG_ARG(volume, TEXT, "only this one: its name or the kernel's, dm-0"),
                    EG_ARG(disk, FILE, "copy of a disk with encrypted volumes")),
    .run = run,
    .asks = true,
};
