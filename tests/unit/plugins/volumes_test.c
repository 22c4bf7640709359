/* volumes_test.c - what proves the key of a volume, keys in several parts and of other ciphers than
 * AES, and decryption of its disk. */
#include "../../../core/digest.h"
#include "../../../plugins/keys/serpent.h"
#include "check.h"
#include "config.h"
#include "mkvolume.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SHA256
enum { START = 32 * 512 }; // of the volume on its disk

static const char *folder(void)
{
    static char dir[64];

    snprintf(dir, sizeof dir, "/tmp/engram-volumes-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

/** A file of @size bytes of @dir, with @bytes at @at. @return its path. */
static const char *file_with(const char *dir, const char *name, size_t size, size_t at,
                             const void *bytes, size_t n)
{
    static char path[4][128];
    static unsigned next;
    char *p = path[next++ % 4];
    FILE *f;

    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    f = fopen(p, "w");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fflush(f), 0);
    assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
    assert_int_equal(fclose(f), 0);
    return p;
}

static const char *with_disk(struct world *w, const char *plugin, const char *path)
{
    char disk[160];

    snprintf(disk, sizeof disk, "disk=%s", path);
    return mk_rows(w->k, plugin, (const char *[]){ "show", disk, NULL });
}

/** The header of LUKS1 that has the digest of the key 0, 1, … 31. */
static void header(uint8_t *p)
{
    static const uint8_t digest[] = { 0x63, 0x92, 0xf4, 0xbc, 0x41, 0xb8, 0xcd, 0x63, 0x9b, 0x6a,
                                      0xcf, 0xe6, 0x70, 0xc0, 0x5b, 0x0c, 0x4b, 0xf4, 0x37, 0xd9 };

    memset(p, 0, 592);
    memcpy(p, "LUKS\xba\xbe\0\1", 8);
    memcpy(p + 72, "sha256", 6);
    p[111] = 32;
    memcpy(p + 112, digest, sizeof digest);
    for (unsigned i = 0; i < 32; i++)
        p[132 + i] = (uint8_t)(0x40 + i);
    p[166] = 1000 >> 8;
    p[167] = 1000 & 255;
    memcpy(p + 168, "5de6a5c7-18af-4557-8a9c-2e8a9c102dcc", 36);
}

static const char *const own = "CRYPT-LUKS1-5de6a5c718af45578a9c2e8a9c102dcc-vault";

static void digest(void **state)
{
    const char *dir = folder(), *path;
    const char *nobody;
    uint8_t bytes[592], key[64];

    (void)state;
    header(bytes);
    path = file_with(dir, "disk", 4096, 0, bytes, sizeof bytes);
    bytes[168] = '\0';
    nobody = file_with(dir, "nobody", 4096, 0, bytes, sizeof bytes);
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-aes", 300);

        mk_write_ptr(k, w.tfms, tfm);
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        use(&w, "aes-cbc-plain64", 32);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|LUKS digest");
        assert_int_equal(mk_row_notes(NULL), 0);
        // Without a UUID the digest says whose header it is; another's is left alone.
        mk_put(k, w.cell, "hash_cell.uuid", 0);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|LUKS digest");
        mk_put(k, w.cell, "hash_cell.uuid",
               text(k, "CRYPT-LUKS1-5de6a5c718af45578a9c2e8a9c102dcd-vault"));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15), "crypt_config|");
        assert_int_equal(mk_row_notes("no header and no sector of a volume"), 1);
        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-vault"));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15), "crypt_config|");
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", nobody), 14, 15),
                            "crypt_config|");
        // What the cipher expanded is not the key of the header: then it is none.
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        key_of(key);
        key[0] = 1;
        schedule(k, context_of(k, tfm, "crypto_skcipher.base"), key, 8);
        wipe(&w);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 19),
                            "|||||its LUKS header has the digest of another key");
        key[0] = 0;
        schedule(k, context_of(k, tfm, "crypto_skcipher.base"), key, 8);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "schedule|schedule, LUKS digest");
        mk_free(k);
    }
    unlink(path);
    unlink(nobody);
    rmdir(dir);
}

/* Two keys of which nothing but the header says which is the first. */
static void either(void **state)
{
    const char *dir = folder(), *path;
    uint8_t bytes[592], key[64];

    (void)state;
    header(bytes);
    path = file_with(dir, "disk", 4096, 0, bytes, sizeof bytes);
    key_of(key);
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "xts-aes-hw", 600);
        const uint64_t at = context_of(k, tfm, "crypto_skcipher.base");
        char want[400];

        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        use(&w, "aes-xts-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, tfm);
        for (unsigned i = 0; i < 2; i++) {
            schedule(k, at, key + 16 * i, 4);
            schedule(k, at + 256, key + 16 * !i, 4);
            assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
            assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 19),
                                found32(want, "schedule|LUKS digest", "aes-xts-plain64"));
        }
        mk_free(k);
    }
    unlink(path);
    rmdir(dir);
}

/* Which of two keys is the volume's: that of which the other is the hash, or that which is
 * proven. */
static void which(void **state)
{
    const char *dir = folder(), *path;
    uint8_t bytes[592], key[64], hash[32];
    struct eg_digest *d = eg_digest_open(1 << EG_SHA256);
    struct eg_sums sums;

    (void)state;
    header(bytes);
    path = file_with(dir, "disk", 4096, 0, bytes, sizeof bytes);
    key_of(key);
    assert_true(eg_digest_begin(d) && eg_digest_add(d, key, 32) && eg_digest_end(d, &sums));
    memcpy(hash, sums.of[EG_SHA256], sizeof hash);
    eg_digest_close(d);
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t tfm = transform(k, "crypto_skcipher", "crypto_skcipher.base", "essiv-hw", 600);
        const uint64_t at = context_of(k, tfm, "crypto_skcipher.base");
        char want[400];

        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        use(&w, "aes-cbc-essiv:sha256", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, tfm);
        schedule(k, at, hash, 8);
        schedule(k, at + 256, key, 8);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "aes-cbc-essiv:sha256"));
        use(&w, "aes-cbc-essiv:sha1", 32);
        wipe(&w);
        assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 19),
                            found32(want, "schedule|LUKS digest", "aes-cbc-essiv:sha1"));
        mk_free(k);
    }
    unlink(path);
    rmdir(dir);
}

/* What AES-256 makes of "XFSB" and zeros, and of "the last sector.", by the key 0, 1, …. */
static const uint8_t xfs[16] = { 0x56, 0x56, 0x5e, 0xb0, 0x23, 0x2d, 0x72, 0xa0,
                                 0xfb, 0xee, 0x22, 0xe1, 0x18, 0x35, 0xc2, 0xad };
static const uint8_t last[16] = { 0x93, 0x2e, 0x1f, 0xd3, 0xb6, 0x5e, 0x4d, 0x2f,
                                  0x76, 0x83, 0x8e, 0xcd, 0x63, 0x70, 0x1a, 0xb2 };

/** The array of struct page is believed when it says that the first process is of a slab. */
static uint64_t pages(struct world *w, const struct mk_machine *m)
{
    struct mk *k = w->k;
    const uint64_t page = mk_page_size(k), size = mk_size(k, "page");
    const uint64_t task = mk_alloc_aligned(k, page, page), cache = mk_object(k, "kmem_cache");
    uint64_t link = mk_at(k, task, "task_struct.tasks"), map, at;
    size_t ram;

    mk_ram(k, &ram);
    map = mk_alloc(k, ram / page * size);
    mk_symbol(k, "vmemmap", map);
    mk_user_map(k, m, mk_user_root(k, m), 0, task); // tells the size of its pages
    mk_put(k, task, "task_struct.pid", 1);
    mk_list(k, mk_at(k, w->init, "task_struct.tasks"), &link, 1);
    link = mk_at(k, cache, "kmem_cache.list");
    mk_list(k, mk_alloc(k, 2 * mk_model(k)->ptr_size), &link, 1);
    at = map + mk_physical(k, task) / page * size;
    mk_put(k, at, "page.flags", 2);
    mk_put(k, at, "slab.slab_cache", cache);
    return map;
}

/** Page 0 of the page cache of a disk has @bytes, again and again. */
static void cache(struct world *w, uint64_t map, size_t i, const void *bytes, size_t n,
                  unsigned flags)
{
    struct mk *k = w->k;
    const uint64_t page = mk_page_size(k), size = mk_size(k, "page");
    const uint64_t at = mk_alloc_aligned(k, page, page),
                   inode = w->bdev[i] - mk_at(k, 0, "bdev_inode.bdev") +
                           mk_at(k, 0, "bdev_inode.vfs_inode");
    const uint64_t mapping = mk_at(k, inode, "inode.i_data");

    for (uint64_t to = 0; to < page; to += n)
        mk_write(k, at + to, bytes, n);
    mk_put(k, inode, "inode.i_mapping", mapping);
    mk_put(k, inode, "inode.i_size", page);
    mk_put(k, mapping, "address_space.host", inode);
    mk_put(k, mapping, "address_space.i_pages.xa_head", map + mk_physical(k, at) / page * size);
    mk_put(k, map + mk_physical(k, at) / page * size, "page.mapping", mapping);
    mk_put(k, map + mk_physical(k, at) / page * size, "page.flags", flags);
}

/* What the key decrypts of the disk's page cache is what that of the open volume has. */
static void cached(void **state)
{
    enum { DIRTY = 4, FRESH = 8 };
    static const struct {
        const char *plain;
        unsigned disk, volume; // flags of their pages
        const char *want;
    } cases[] = {
        { "the last sector.", FRESH, FRESH, "crypt_config|sector decrypts" },
        { "the lost sector.", FRESH, FRESH, "crypt_config|" },
        { "the last sector.", 0, FRESH, "crypt_config|" },
        { "the last sector.", FRESH, 0, "crypt_config|" },
        { "the last sector.", FRESH, FRESH | DIRTY, "crypt_config|" },
    };

    (void)state;
    mk_each_machine(m)
    {
        for (size_t i = 0; i < countof(cases); i++) {
            struct world w = begin(m);
            uint64_t map;

            use(&w, "aes-ecb", 32);
            mk_put(w.k, w.config, "crypt_config.start", 0);
            mk_put(w.k, w.target, "dm_target.begin", 0);
            map = pages(&w, m);
            cache(&w, map, 0, last, sizeof last, cases[i].disk);
            cache(&w, map, 1, cases[i].plain, 16, cases[i].volume);
            assert_string_equal(mk_columns(mk_rows(w.k, "volumekeys", NULL), 14, 15),
                                cases[i].want);
            mk_free(w.k);
        }
    }
}

static bool file_has(const char *dir, const char *name, uint64_t at, const char *want)
{
    char path[128], got[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f || fseek(f, (long)at, SEEK_SET) || fread(got, 1, strlen(want), f) != strlen(want))
        return false;
    fclose(f);
    return !strcmp(got, want);
}

static void remove_all(const char *dir)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* The volume lies on a partition, and the file has all of the disk, or the partition. */
static void partition(void **state)
{
    const char *dir = folder(), *path;

    (void)state;
    path = file_with(dir, "disk", START + 4096, START, xfs, sizeof xfs);
    mk_each_machine(m)
    {
        static const struct {
            unsigned partition, start; // in sectors
            const char *want;
        } cases[] = {
            { 16, 16, "sda1|crypt_config|sector decrypts" },
            { 16, 32, "sda1|crypt_config|sector decrypts" },
            { 16, 17, "sda1|crypt_config|" },
            { 0, 16, "sda|crypt_config|" },
        };

        for (size_t i = 0; i < countof(cases); i++) {
            struct world w = begin(m);
            const char *rows;

            mk_put(w.k, w.bdev[0], "block_device.bd_start_sect", cases[i].partition);
            mk_put(w.k, w.bdev[0], "block_device.__bd_flags.counter", cases[i].partition != 0);
            mk_put(w.k, w.config, "crypt_config.start", cases[i].start);
            use(&w, "aes-ecb", 32);
            rows = with_disk(&w, "volumekeys", path);
            assert_int_equal(strncmp(mk_columns(rows, 4, 4), cases[i].want, 3), 0);
            assert_string_equal(mk_columns(rows, 14, 15), strchr(cases[i].want, '|') + 1);
            mk_free(w.k);
        }
    }
    remove_all(dir);
}

static void decrypts(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        const char *dir = folder(), *path, *rows;
        struct world w = begin(m);
        struct mk *k = w.k;
        uint8_t disk[START + 2048] = { 0 }, head[592];
        char args[2][160], plain[160], want[240];
        struct stat st;

        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-vault"));
        use(&w, "aes-ecb", 32);
        memcpy(disk + START, xfs, 16);
        memcpy(disk + START + 2048 - 16, last, 16);
        path = file_with(dir, "disk", sizeof disk + 100, 0, disk, sizeof disk);
        assert_string_equal(mk_columns(with_disk(&w, "volumekeys", path), 14, 15),
                            "crypt_config|sector decrypts");
        snprintf(args[0], sizeof args[0], "disk=%s", path);
        mk_out_dir = dir;
        rows = mk_rows(k, "decrypt", (const char *[]){ args[0], NULL });
        snprintf(plain, sizeof plain,
                 "dm-0|vault|aes-ecb|sector decrypts|%s|vault.img|51200|2048|49152|xfs|", path);
        assert_string_equal(rows, plain);
        assert_int_equal(mk_row_notes("vault.img: 49152 of 51200 bytes are missing"), 1);
        assert_true(file_has(dir, "vault.img", 0, "XFSB"));
        assert_true(file_has(dir, "vault.img", 2032, "the last sector."));
        snprintf(plain, sizeof plain, "%s/vault.img", dir);
        assert_int_equal(stat(plain, &st), 0);
        assert_int_equal(st.st_size, 51200);
        unlink(plain);
        // Of others nothing is written.
        assert_string_equal(mk_rows(k, "decrypt", (const char *[]){ args[0], "volume=dm-1", NULL }),
                            "");
        assert_int_equal(access(plain, F_OK), -1);
        // Nothing says that it is the disk of this volume, but the user.
        path = file_with(dir, "other", START + 1024, START + 512, last, 16);
        snprintf(args[1], sizeof args[1], "disk=%s", path);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], NULL }), 5, 10),
            "|51200||||not its disk, by header and content; --volume NAME takes it all the same");
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], "volume=vault", NULL }), 5,
                       10),
            "vault.img|51200|1024|50176||nothing in the file says that it is its disk");
        assert_true(file_has(dir, "vault.img", 512, "the last sector."));
        unlink(plain);
        // The header is in a file of its own.
        use(&w, "aes-ecb", 32);
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        header(head);
        path = file_with(dir, "header", 4096, 0, head, sizeof head);
        snprintf(args[1], sizeof args[1], "disk=%s", path);
        snprintf(want, sizeof want, "LUKS digest, sector decrypts|%s|vault.img|51200|2048",
                 args[0] + strlen("disk="));
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], args[0], NULL }), 3, 7),
            want);
        unlink(plain);
        // A header of another volume: the user is not believed.
        mk_put(k, w.cell, "hash_cell.uuid",
               text(k, "CRYPT-LUKS1-ffffffffffffffffffffffffffffffff-vault"));
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], "volume=vault", NULL }), 5,
                       10),
            "|51200||||the LUKS header in the file is another volume's");
        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-vault"));
        // A disk that ends before the volume begins; one that cannot be where it says.
        path = file_with(dir, "short", 512, 0, last, 16);
        snprintf(args[1], sizeof args[1], "disk=%s", path);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[1], "volume=vault", NULL }), 5,
                       10),
            "vault.img|51200|0|51200||nothing in the file says that it is its disk");
        unlink(plain);
        mk_put(k, w.config, "crypt_config.start", UINT64_MAX);
        assert_string_equal(
            mk_columns(mk_rows(k, "decrypt", (const char *[]){ args[0], NULL }), 5, 10),
            "|51200||||its place on the disk cannot be");
        mk_put(k, w.config, "crypt_config.start", 32);
        // Ciphers that are not computed here, and no disk.
        use(&w, "serpent-xts-plain64", 32);
        assert_non_null(
            strstr(mk_rows(k, "decrypt", (const char *[]){ args[0], "volume=vault", NULL }),
                   "|libcrypto has not its cipher"));
        assert_non_null(strstr(mk_rows(k, "decrypt", NULL),
                               "|memory has nothing of its disk: --disk gives a copy"));
        mk_put(k, w.config, "crypt_config.cipher_flags", 1);
        assert_non_null(
            strstr(mk_rows(k, "decrypt", NULL), "|its sectors lie among the tags of dm-integrity"));
        mk_out_dir = NULL;
        mk_free(k);
        remove_all(dir);
    }
}
#endif

/* Keys in several parts, and those that other ciphers than AES keep. */
static void others(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        struct world w = begin(m);
        struct mk *k = w.k;
        uint64_t top = transform(k, "crypto_skcipher", "crypto_skcipher.base", "adiantum(x)", 32);
        uint64_t chacha =
            transform(k, "crypto_skcipher", "crypto_skcipher.base", "xchacha12-simd", 36);
        uint64_t ecb = transform(k, "crypto_skcipher", "crypto_skcipher.base", "cbc-serpent", 532);
        uint64_t at = context_of(k, chacha, "crypto_skcipher.base");
        uint32_t words[SERPENT_WORDS];
        uint8_t key[64], n[4] = { 12, 12, 12, 12 };
        char want[400];

        key_of(key);
        use(&w, "xchacha12,aes-adiantum-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, top);
        mk_write_ptr(k, context_of(k, top, "crypto_skcipher.base"), chacha);
        for (unsigned i = 0; i < 8; i++)
            mk_write_u32(k, at + 4 * i, eg_le32(key + 4 * i));
        mk_write_u32(k, at + 32, 12);
        assert_string_equal(found(&w), found32(want, "context|", "xchacha12,aes-adiantum-plain64"));
        mk_write(k, at + 32, n, 4); // no number of rounds
        assert_non_null(strstr(found(&w), "the kernel has wiped its copy"));
        use(&w, "serpent-cbc-plain64", 32);
        wipe(&w);
        mk_write_ptr(k, w.tfms, ecb);
        assert_non_null(strstr(found(&w), "what this cipher made of it is not turned back"));
        eg_serpent_expand(key, 32, words);
        for (unsigned i = 0; i < SERPENT_WORDS; i++)
            mk_write_u32(k, context_of(k, ecb, "crypto_skcipher.base") + 4 + 4 * i, words[i]);
        assert_string_equal(found(&w), found32(want, "schedule|schedule", "serpent-cbc-plain64"));
        // The part that signs was wiped with the rest.
        use(&w, "serpent-cbc-plain64", 48);
        wipe(&w);
        mk_put(k, w.config, "crypt_config.key_mac_size", 16);
        assert_string_equal(found(&w), "schedule|schedule|630dcd2966c43366|" KEY32
                                       "||the cipher's part of the key: the rest was wiped, of "
                                       "which HMAC keeps hashes alone");
        use(&w, "serpent-cbc-plain64", 48);
        assert_non_null(strstr(found(&w), "crypt_config|schedule of the cipher|"));
        mk_free(k);
    }
}

#ifdef HAVE_SHA256
/** Has the file of @dir this text? */
static bool says(const char *dir, const char *name, const char *text)
{
    char path[160], all[4096];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/x/%s", dir, name);
    f = fopen(path, "r");
    assert_non_null(f);
    n = fread(all, 1, sizeof all - 1, f);
    all[n] = '\0';
    fclose(f);
    return strstr(all, text) != NULL;
}

/* The vault's rows, and its files, with the commands that take them. */
static void vault(void **state)
{
    (void)state;
    mk_each_machine(m)
    {
        const char *dir = folder(), *rows;
        struct world w = begin(m);
        struct mk *k = w.k;
        char export[100], address[32];

        use(&w, "aes-cbc-tcw", 48);
        mk_put(k, w.config, "crypt_config.key_extra_size", 32);
        mk_put(k, w.cell, "hash_cell.name", text(k, "it's"));
        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-PLAIN-it's"));
        snprintf(export, sizeof export, "export=%s/x", dir);
        rows = mk_rows(k, "keys", (const char *[]){ "show", export, NULL });
        snprintf(address, sizeof address, "|%#llx|",
                 (unsigned long long)mk_at(k, w.config, "crypt_config.key") + 32);
        assert_non_null(strstr(rows, address)); // of what whitens
        assert_string_equal(mk_columns(rows, 0, 4),
                            "dm-crypt|dm-0 it's|plain volume key|aes-cbc-tcw|384\n"
                            "dm-crypt|dm-0 it's|cipher key|aes-cbc-tcw|128\n"
                            "dm-crypt|dm-0 it's|IV seed|aes-cbc-tcw|128\n"
                            "dm-crypt|dm-0 it's|whitening|aes-cbc-tcw|128");
        assert_true(says(dir, "manifest.jsonl",
                         "cryptsetup open --type plain --cipher 'aes-cbc-tcw' --key-size 384 "
                         "--key-file 'it'\\\\''s.key' --offset 32 --skip 7 --size 100 DISK "
                         "'it'\\\\''s'\""));
        assert_true(says(dir, "keys/volumes/it's.table", "5 100 crypt aes-cbc-tcw " KEY32));
        assert_true(says(dir, "keys/volumes/it's.table", " 7 /dev/sda 32"));
        remove_all(dir);
        // Of LUKS the header says the rest; of a kind that is not known there is no command.
        dir = folder();
        use(&w, "aes-cbc-plain64", 32);
        mk_put(k, w.config, "crypt_config.key_extra_size", 0);
        mk_put(k, w.cell, "hash_cell.name", text(k, "../x"));
        mk_put(k, w.cell, "hash_cell.uuid", text(k, own));
        snprintf(export, sizeof export, "export=%s/x", dir);
        mk_rows(k, "keys", (const char *[]){ "show", export, NULL });
        assert_true(
            says(dir, "manifest.jsonl",
                 "cryptsetup open --type luks1 --volume-key-file '../x.key' DISK '../x'\""));
        assert_true(says(dir, "manifest.jsonl", "\"file\":\"keys/volumes/"));
        mk_put(k, w.cell, "hash_cell.uuid", text(k, "CRYPT-TCRYPT-vault"));
        remove_all(dir);
        dir = folder();
        snprintf(export, sizeof export, "export=%s/x", dir);
        rows = mk_rows(k, "keys", (const char *[]){ export, NULL });
        assert_null(strstr(rows, KEY16));
        assert_string_equal(mk_columns(rows, 2, 3), "TCRYPT volume key|aes-cbc-plain64");
        assert_false(says(dir, "manifest.jsonl", "cryptsetup"));
        mk_free(k);
        remove_all(dir);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others),
#ifdef HAVE_SHA256
        cmocka_unit_test(digest), cmocka_unit_test(either),    cmocka_unit_test(which),
        cmocka_unit_test(cached), cmocka_unit_test(partition), cmocka_unit_test(decrypts),
        cmocka_unit_test(vault),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
