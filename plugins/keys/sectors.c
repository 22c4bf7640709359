/* sectors.c - decryption of sectors: see sectors.h. */
#include "sectors.h"
#include "config.h"
#include <stdio.h>
#include <stdlib.h>

#ifdef HAVE_SHA256
#include <openssl/evp.h>

enum { BLOCK = 16, NAME_LEN = 32, SECTOR_MAX = 4096 };

enum mode { ECB, CBC, XTS };
enum vector { NONE, ZERO, PLAIN, PLAIN64, PLAIN64BE, BENBI, ESSIV, EBOIV };

struct eg_sectors {
    enum mode mode;
    enum vector vector;
    uint32_t size;
    uint64_t iv_offset;
    unsigned iv_shift;
    EVP_CIPHER_CTX *data;  // ECB of the cipher's XTS by hand, else the mode itself
    EVP_CIPHER_CTX *tweak; // of XTS by hand: ECB with the second half of the key
    EVP_CIPHER_CTX *iv;    // ECB by which ESSIV and EBOIV make vectors
    bool by_hand;
};

/* The words of a cipher: aes, xts, plain64; and of its vectors' options. */
struct spec {
    char cipher[NAME_LEN], mode[NAME_LEN], vector[NAME_LEN], option[NAME_LEN];
};

static bool word(char *to, const char **from, const char *ends)
{
    const size_t n = strcspn(*from, ends);

    if (n >= NAME_LEN)
        return false;
    memcpy(to, *from, n);
    to[n] = '\0';
    *from += n;
    return true;
}

/* "aes-cbc-essiv:sha256", "aes-plain", "capi:xts(aes)-plain64", "capi:essiv(cbc(aes),sha256)". */
static bool read_spec(const char *text, struct spec *s)
{
    const char *at = text;

    memset(s, 0, sizeof *s);
    if (!strncmp(at, "capi:", 5)) {
        at += 5;
        if (!word(s->mode, &at, "(") || *at++ != '(' || !word(s->cipher, &at, "()") ||
            *at++ != ')' || (*at && *at++ != '-'))
            return false;
    } else {
        if (!word(s->cipher, &at, "-:") || *at == ':') // several keys
            return false;
        if (!*at++ || !word(s->mode, &at, "-") || (*at && *at++ != '-'))
            return false;
        // Of old: the vector alone, or nothing.
        if (!*at && !strcmp(s->mode, "plain"))
            at = "plain", strcpy(s->mode, "cbc");
    }
    if (!word(s->vector, &at, ":"))
        return false;
    if (*at == ':')
        at++;
    return word(s->option, &at, "") && s->cipher[0];
}

static EVP_CIPHER *fetch(const char *cipher, size_t key, const char *mode)
{
    char name[2 * NAME_LEN];

    snprintf(name, sizeof name, "%s-%u-%s", cipher, (unsigned)(8 * key), mode);
    return EVP_CIPHER_fetch(NULL, name, NULL);
}

static EVP_CIPHER_CTX *context(const char *cipher, const char *mode, const uint8_t *key,
                               size_t key_size, size_t bits_of, bool encrypt)
{
    EVP_CIPHER *c = fetch(cipher, bits_of, mode);
    EVP_CIPHER_CTX *x = c ? EVP_CIPHER_CTX_new() : NULL;

    if (x &&
        ((size_t)EVP_CIPHER_get_key_length(c) != key_size ||
         !EVP_CipherInit_ex(x, c, NULL, key, NULL, encrypt) || !EVP_CIPHER_CTX_set_padding(x, 0))) {
        EVP_CIPHER_CTX_free(x);
        x = NULL;
    }
    EVP_CIPHER_free(c);
    return x;
}

static bool open_vector(struct eg_sectors *s, const struct spec *w,
                        const struct eg_sectors_how *how)
{
    static const char *const names[] = { "null",  "plain", "plain64", "plain64be",
                                         "benbi", "essiv", "eboiv" };
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD *md;

    if (s->mode == ECB)
        return true;
    for (size_t i = 0; i < countof(names); i++)
        if (!strcmp(w->vector, names[i]))
            s->vector = (enum vector)(ZERO + i);
    if (s->vector == EBOIV)
        s->iv = context(w->cipher, "ecb", how->key, how->key_size, how->key_size, true);
    if (s->vector == ESSIV && (md = EVP_MD_fetch(NULL, w->option, NULL))) {
        if (EVP_Digest(how->key, how->key_size, sum, &n, md, NULL))
            s->iv = context(w->cipher, "ecb", sum, n, n, true);
        EVP_MD_free(md);
    }
    return s->vector && ((s->vector != EBOIV && s->vector != ESSIV) || s->iv);
}

static bool open_mode(struct eg_sectors *s, const struct spec *w, const struct eg_sectors_how *how)
{
    const size_t half = how->key_size / 2;

    if (!strcmp(w->mode, "xts") && how->key_size % 2 == 0) {
        s->mode = XTS;
        s->data = context(w->cipher, "xts", how->key, how->key_size, half, false);
        if (s->data)
            return true;
        s->by_hand = true;
        s->data = context(w->cipher, "ecb", how->key, half, half, false);
        s->tweak = context(w->cipher, "ecb", how->key + half, half, half, true);
        return s->data && s->tweak;
    }
    if (strcmp(w->mode, "cbc") != 0 && strcmp(w->mode, "ecb") != 0)
        return false;
    s->mode = w->mode[0] == 'c' ? CBC : ECB;
    s->data = context(w->cipher, w->mode, how->key, how->key_size, how->key_size, false);
    return s->data != NULL;
}

void eg_sectors_close(struct eg_sectors *s)
{
    if (!s)
        return;
    EVP_CIPHER_CTX_free(s->data);
    EVP_CIPHER_CTX_free(s->tweak);
    EVP_CIPHER_CTX_free(s->iv);
    free(s);
}

struct eg_sectors *eg_sectors_open(const struct eg_sectors_how *how, const char **why)
{
    struct eg_sectors *s = calloc(1, sizeof *s);
    struct spec w;

    *why = "out of memory";
    if (!s)
        return NULL;
    s->size = how->sector_size;
    s->iv_offset = how->iv_offset;
    *why = NULL;
    if (how->sector_size < 512 || how->sector_size > SECTOR_MAX ||
        (how->sector_size & (how->sector_size - 1)))
        *why = "its sectors have no size that dm-crypt knows";
    else if (!how->key_size || !read_spec(how->cipher, &w))
        *why = "its cipher has several keys, or is written in a way that is not known";
    else if (!open_mode(s, &w, how))
        *why = "libcrypto has not its cipher";
    else if (EVP_CIPHER_CTX_get_block_size(s->data) == 8)
        *why = "libcrypto has not its cipher";
    else if (!open_vector(s, &w, how))
        *why = "initial vectors of its kind are not computed here";
    if (*why) {
        eg_sectors_close(s);
        return NULL;
    }
    while (how->iv_large && how->sector_size >> s->iv_shift > 512)
        s->iv_shift++;
    return s;
}

static void put64(uint8_t *p, uint64_t v, bool big)
{
    for (unsigned i = 0; i < 8; i++)
        p[big ? 7 - i : i] = (uint8_t)(v >> (8 * i));
}

static bool make_vector(struct eg_sectors *s, uint64_t sector, uint8_t *iv)
{
    int n;

    sector = (sector + s->iv_offset) >> s->iv_shift;
    memset(iv, 0, BLOCK);
    switch (s->vector) {
    case NONE:
    case ZERO:
        return true;
    case PLAIN:
        put64(iv, (uint32_t)sector, false);
        return true;
    case PLAIN64:
        put64(iv, sector, false);
        return true;
    case PLAIN64BE:
        put64(iv + BLOCK - 8, sector, true);
        return true;
    case BENBI: // blocks of the cipher, from 1
        put64(iv + BLOCK - 8, (sector << 5) + 1, true);
        return true;
    case ESSIV:
        put64(iv, sector, false);
        break;
    case EBOIV:
        put64(iv, sector * s->size, false);
        break;
    }
    return EVP_CipherUpdate(s->iv, iv, &n, iv, BLOCK) && n == BLOCK;
}

/* XTS of a cipher of which libcrypto has the blocks alone (IEEE 1619). */
static bool by_hand(struct eg_sectors *s, const uint8_t *iv, const uint8_t *in, uint8_t *out)
{
    uint8_t tweaks[SECTOR_MAX], t[BLOCK], mixed[SECTOR_MAX];
    int n;

    if (!EVP_CipherUpdate(s->tweak, t, &n, iv, BLOCK) || n != BLOCK)
        return false;
    for (uint32_t at = 0; at < s->size; at += BLOCK) {
        unsigned carry = 0;

        memcpy(tweaks + at, t, BLOCK);
        for (unsigned i = 0; i < BLOCK; i++) {
            const unsigned next = t[i] >> 7;

            t[i] = (uint8_t)(t[i] << 1 | carry);
            carry = next;
        }
        t[0] ^= carry ? 0x87 : 0;
    }
    for (uint32_t i = 0; i < s->size; i++)
        mixed[i] = in[i] ^ tweaks[i];
    if (!EVP_CipherUpdate(s->data, out, &n, mixed, (int)s->size) || n != (int)s->size)
        return false;
    for (uint32_t i = 0; i < s->size; i++)
        out[i] ^= tweaks[i];
    return true;
}

bool eg_sectors_decrypt(struct eg_sectors *s, uint64_t sector, const uint8_t *in, uint8_t *out)
{
    uint8_t iv[BLOCK];
    int n;

    if (!make_vector(s, sector, iv))
        return false;
    if (s->by_hand)
        return by_hand(s, iv, in, out);
    return (s->mode == ECB || EVP_CipherInit_ex(s->data, NULL, NULL, NULL, iv, -1)) &&
           EVP_CipherUpdate(s->data, out, &n, in, (int)s->size) && n == (int)s->size;
}

#else

struct eg_sectors *eg_sectors_open(const struct eg_sectors_how *how, const char **why)
{
    (void)how;
    *why = "this build has no ciphers: it was made without libcrypto";
    return NULL;
}

void eg_sectors_close(struct eg_sectors *s)
{
    (void)s;
}

bool eg_sectors_decrypt(struct eg_sectors *s, uint64_t sector, const uint8_t *in, uint8_t *out)
{
    (void)s, (void)sector, (void)in, (void)out;
    return false;
}

#endif

/* ---- what the plain text is ---- */

/* Its superblock's own fields must make sense: the magic number has but two bytes. */
static bool is_ext(const uint8_t *b, size_t len)
{
    const uint8_t *s = b + 1024;

    return len >= 2048 && eg_le16(s + 56) == 0xef53 && eg_le32(s + 24) <= 6 &&
           eg_le32(s + 20) <= 1 && eg_le32(s + 76) <= 1 && eg_le16(s + 58) <= 7 &&
           eg_le16(s + 60) <= 3 && eg_le32(s) && eg_le32(s + 4);
}

const char *eg_volume_content(const uint8_t *b, size_t len)
{
    static const struct {
        const char *name, *magic;
        uint32_t at, size;
    } known[] = {
        { "xfs", "XFSB", 0, 4 },
        { "btrfs", "_BHRfS_M", 0x10040, 8 },
        { "swap", "SWAPSPACE2", 4086, 10 },
        { "LUKS", "LUKS\xba\xbe", 0, 6 },
        { "LVM", "LABELONE", 512, 8 },
        { "ntfs", "NTFS    ", 3, 8 },
        { "exfat", "EXFAT   ", 3, 8 },
        { "vfat", "FAT32   ", 82, 8 },
        { "vfat", "FAT16   ", 54, 8 },
        { "vfat", "FAT12   ", 54, 8 },
        { "iso9660", "\1CD001", 0x8000, 6 },
        { "squashfs", "hsqs", 0, 4 },
        { "f2fs", "\x10\x20\xf5\xf2", 1024, 4 },
        { "bcache", "\xc6\x85\x73\xf6\x4e\x1a\x45\xca", 4120, 8 },
        { "gpt", "EFI PART", 512, 8 },
        { "erofs", "\xe2\xe1\xf5\xe0", 1024, 4 },
    };

    for (size_t i = 0; i < countof(known); i++)
        if (known[i].at + known[i].size <= len &&
            !memcmp(b + known[i].at, known[i].magic, known[i].size))
            return known[i].name;
    return is_ext(b, len) ? "ext2/3/4" : NULL;
}
