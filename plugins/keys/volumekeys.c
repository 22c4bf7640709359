/* volumekeys - the keys of dm-crypt: LUKS, plain, and what else cryptsetup opens. */
#include "fingerprint.h"
#include "volume.h"

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where the crypt_config is", EG_MINOR)                                         \
    C(NAME, TEXT, "the kernel's name of the device")                                               \
    C(MAPPED_NAME, TEXT, "the name that device mapper knows it by")                                \
    C(UUID, TEXT, "the id that device mapper knows it by: LUKS1, LUKS2, PLAIN", EG_MINOR)          \
    C(BACKED_BY, TEXT, "the device with the encrypted data")                                       \
    C(CIPHER, TEXT, "how it is encrypted")                                                         \
    C(KEY_BITS, INT, "length of the key")                                                          \
    C(SECTOR_SIZE, INT, "bytes that are encrypted together", EG_MINOR)                             \
    C(START_SECTOR, INT, "where in the device it begins, in 512 bytes", EG_MINOR)                  \
    C(SECTORS, INT, "length in 512 bytes", EG_MINOR)                                               \
    C(IV_OFFSET, INT, "is added to a sector's number for its initial vector", EG_MINOR)            \
    C(BACKING_SECTOR, INT, "where on BACKED_BY the data begins, in 512 bytes", EG_MINOR)           \
    C(FLAGS, FLAGS, "SUSPENDED, KEY_VALID, INTEGRITY_AEAD, IV_LARGE_SECTORS and others")           \
    C(KEY_STRING, TEXT, "the key of a keyring that it came from", EG_MINOR)                        \
    C(FOUND_BY, TEXT, "where the key is: crypt_config; schedule or context of its cipher")         \
    C(VERIFIED, TEXT,                                                                              \
      "schedule: it is what the cipher works with; LUKS digest: the header's is its; sector "      \
      "decrypts: what it decrypts is known")                                                       \
    C(FINGERPRINT, TEXT, "of the key: the first 8 bytes of its SHA-256")                           \
    C(SECRET, BYTES, "the key itself", EG_ASKED)                                                   \
    C(DM_TABLE, TEXT, "a table that opens it again, with the key: for `dmsetup create`", EG_ASKED) \
    C(HINTS, TEXT, "why there is no key, or not all of it")
EG_COLUMNS(COLUMNS);

static void show(void *context, struct eg_volume *v)
{
    struct eg_run *r = context;
    const struct linux_dm_crypt *c = &v->c;
    const bool shown = v->has && eg_arg_flag(r, "show");
    const struct eg_cell none = { 0 };

    eg_row(r, .OFFSET = eg_uint(c->at), .NAME = eg_text(v->b->name),
           .MAPPED_NAME = eg_text(v->dm.name), .UUID = eg_text(v->dm.uuid),
           .BACKED_BY = v->backed_by ? eg_text(v->backed_by) : eg_missing(EG_UNREADABLE, c->dev),
           .CIPHER = eg_text(c->cipher), .KEY_BITS = eg_uint(c->key_size * 8u),
           .SECTOR_SIZE = eg_uint(c->sector_size), .START_SECTOR = eg_uint(v->t.begin),
           .SECTORS = eg_uint(v->t.len), .IV_OFFSET = eg_uint(c->iv_offset),
           .BACKING_SECTOR = eg_uint(c->start),
           .FLAGS = eg_text(eg_bits_text(r, linux_dm_crypt_flags, c->flags, ",")),
           .KEY_STRING = eg_text(c->key_string), .FOUND_BY = eg_text(v->from),
           .VERIFIED = eg_text(v->verified),
           .FINGERPRINT = v->has ? eg_text(eg_key_fingerprint(r, v->key, v->has)) : none,
           .SECRET = shown ? eg_blob(v->key, v->has) : none,
           .DM_TABLE = eg_text(shown ? eg_volume_table(v) : NULL), .HINTS = eg_text(v->hints));
}

static int run(struct eg_run *r)
{
    eg_volumes(r, show, r);
    return 0;
}

EG_PLUGIN(volumekeys) = {
    .os = "linux",
    .help = "Find the keys of encrypted disks (dm-crypt: LUKS and others)",
    .manual =
        "The key of each open volume, in the memory of dm-crypt and in the key schedules of its\n"
        "cipher, for the kernel wipes its own copy of a key from a keyring (LUKS2). VERIFIED says\n"
        "what proves it: the schedules agree (AES, Serpent, Twofish); the digest in the LUKS\n"
        "header, which the page cache or a file of --disk has, is that of the key; a sector that\n"
        "the key decrypts is what the page cache has of the open volume, or begins a file system.\n"
        "Not found are wiped keys of Camellia, ARIA and other ciphers whose schedules do not lead\n"
        "back to the key, of ciphers that work in hardware or bit-sliced, and those that\n"
        "luksSuspend wiped. Volumes that are closed have no key in the kernel.\n"
        "Keys are shown by fingerprints, which can be compared and passed on; --show prints\n"
        "the keys themselves, and the table that opens a copy of the disk again:\n"
        "`dmsetup create` takes it, with the copy as its device; or the bytes of SECRET in a file\n"
        "as the volume key of `cryptsetup open`.",
    .aliases = EG_NAMES("dmcrypt", "dm_crypt", "luks"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(show, FLAG, "print the keys too: they are secrets"),
                    EG_ARG(disk, FILE, "file with an encrypted volume: proves its key")),
    .looks_for = EG_NAMES("encryption keys"),
    .run = run,
};
