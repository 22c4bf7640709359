/* known.c - see known.h. To add a kind of file: a line in the table. */
#include "known.h"
#include "../core/base.h"

#define UNPACK "unpack it first"
#define DISK   "a dump of the memory is needed"
#define OTHER  "Engram analyses only Linux"
#define AT(offset, bytes, what, advice)                                                            \
    {                                                                                              \
        offset, sizeof bytes - 1, bytes, what, advice                                              \
    }

/* The longer magic first where two begin alike. Places and values are those of file(1)'s database
 * and of the headers named. */
static const struct eg_known table[] = {
    AT(30, "container.description", "an AFF4 container", "export its memory as raw first"),
    AT(0, "PK\3\4", "a zip archive", UNPACK),
    AT(0, "7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    AT(0, "Rar!\x1a\7", "a RAR archive", UNPACK),
    AT(257, "ustar", "a tar archive", UNPACK),
    AT(0, "070701", "a cpio archive", UNPACK),
    AT(0, "070702", "a cpio archive", UNPACK),
    AT(0, "070707", "a cpio archive", UNPACK),
    AT(0, "MSCF", "a cabinet archive", UNPACK),
    AT(0, "ZOO ", "a zoo archive", UNPACK),
    AT(0, "!<arch>\n", "an ar archive", UNPACK),
    AT(0, "\xed\xab\xee\xdb", "an rpm package", UNPACK),
    AT(0, "LRZI", "a file of lrzip", UNPACK),
    AT(0, "LZIP", "an lzip file", UNPACK),
    AT(0, "\xff\6\0\0sNaPpY", "a framed snappy file", UNPACK),
    AT(0, "ZDMP", "a compressed dump of zdmp", UNPACK),
    AT(0, "VMA\0", "a backup of Proxmox", "unpack it with `vma extract`"),
    AT(0, "AVML", "an AVML dump of another version", "convert it with `avml-convert`"),
    AT(0, "QEVM", "a QEMU migration stream, but not of version 3", "dump with `dump-guest-memory`"),
    AT(0, "LibxlFmt", "a saved guest of Xen", "dump with `xl dump-core`"),
    AT(0, "LinuxGuestRecord", "a saved guest of Xen", "dump with `xl dump-core`"),
    AT(0, "\xed\xeb\x0f\xf0", "a Xen core of before 2007", "dump with `xl dump-core`"),
    AT(0, "\xee\xeb\x0f\xf0", "a Xen core of before 2007", "dump with `xl dump-core`"),
    AT(0, "\xed\x23\x8f\x61\x73\x01\x19\xa8", "an LKCD dump", "convert it with `makedumpfile`"),
    AT(0, "\xa8\x19\x01\x73\x61\x8f\x23\xed", "an LKCD dump", "convert it with `makedumpfile`"),
    AT(0, "\xa8\x19\x01\x73\x61\x8f\x23\xfd", "a dump of an s390 machine",
       "convert it with `zgetdump -f elf`"),
    AT(0, "PAGEDU64", "a Windows crash dump", OTHER),
    AT(0, "PAGEDUMP", "a Windows crash dump", OTHER),
    AT(0, "MDMP", "a Windows minidump", OTHER),
    AT(0, "HIBR", "a Windows hibernation file", OTHER),
    AT(0, "hibr", "a Windows hibernation file", OTHER),
    AT(0, "WAKE", "a Windows hibernation file", OTHER),
    AT(0, "wake", "a Windows hibernation file", OTHER),
    AT(0, "\xcf\xfa\xed\xfe", "a Mach-O file", OTHER),
    AT(0, "\xce\xfa\xed\xfe", "a Mach-O file", OTHER),
    AT(0, "%PDF-", "a PDF document", DISK),
    AT(0, "SQLite format 3", "a database of SQLite", DISK),
    AT(0, "\xd4\xc3\xb2\xa1", "a packet capture", DISK),
    AT(0, "\x0a\x0d\x0d\x0a", "a packet capture", DISK),
    AT(0, "\x19\x43\x56\x54", "an image of CRIU",
       "it has programs, not the machine: a dump of its memory is needed"),
    AT(0, "\x40\x59\x10\x55", "an image of CRIU",
       "it has programs, not the machine: a dump of its memory is needed"),
    AT(0, "<?xml", "an XML text", "the memory image is needed"),
    AT(0, "\x9f\xeb\1\0", "type information (BTF)", "give it with --vmlinux"),
    AT(0, "EGP", "a profile of Engram", "give it with --profile"),
    AT(0, "[    0.000000]", "a kernel log as text", "the memory image is needed"),
    AT(0, "<!DOCTYPE", "a web page", "the download failed: was a login needed?"),
    AT(0, "<html", "a web page", "the download failed: was a login needed?"),
    AT(0, "version https://git-lfs", "a pointer of Git LFS", "get the file with `git lfs pull`"),
    AT(2, "\x64\x86\x84\x19\x10\7", "the state of a Firecracker snapshot",
       "open the file of its memory, which is raw"),
    AT(2, "\xaa\xaa\x84\x19\x10\7", "the state of a Firecracker snapshot",
       "open the file of its memory, which is raw"),
    AT(0, "KDMV", "a VMware disk", DISK),
    AT(0, "COWD", "a VMware disk", DISK),
    AT(0, "QED\0", "a QEMU disk (QED)", DISK),
    AT(0, "WithoutFreeSpace", "a Parallels disk", DISK),
    AT(0, "WithouFreSpacExt", "a Parallels disk", DISK),
    AT(64, "\x7f\x10\xda\xbe", "a VirtualBox disk", DISK),
    AT(0, "Bochs Virtual HD Image", "a Bochs disk", DISK),
    AT(0, "# Disk DescriptorFile", "the description of a VMware disk", DISK),
    AT(0, "vhdxfile", "a Hyper-V disk", DISK),
    AT(0, "conectix", "a Hyper-V disk", DISK),
    AT(0, "LUKS\xba\xbe", "an encrypted disk (LUKS)", DISK),
    AT(0, "ADSEGMENTEDFILE\0", "an AD1 image of files", DISK),
    AT(0, "AFF10\r\n", "an AFF image", "unpack it with `affconvert -r`"),
    AT(4086, "ULSUSPEND", "a swap space that holds a hibernated machine", DISK),
    AT(4086, "S1SUSPEND", "a swap space that holds a hibernated machine", DISK),
    AT(4086, "SWAPSPACE2", "a swap space", DISK),
    AT(16374, "SWAPSPACE2", "a swap space", DISK), // by the page size of the machine
    AT(65526, "SWAPSPACE2", "a swap space", DISK),
    AT(0x8001, "CD001", "an ISO image", DISK),
    AT(512, "EFI PART", "a disk with a partition table", DISK),
    AT(0, "XFSB", "a file system (XFS)", DISK),
    AT(0, "hsqs", "a file system (squashfs)", DISK),
    AT(32, "NXSB", "a file system (APFS)", DISK),
    AT(1024, "H+\0\4", "a file system (HFS+)", DISK),
    AT(1024, "HX\0\5", "a file system (HFSX)", DISK),
    AT(0x10040, "_BHRfS_M", "a file system (btrfs)", DISK),
};
/** lzma(1) writes no magic number. The usual properties, a dictionary of 2^n or 3 * 2^n bytes, the
 * size of the content or that it is unknown, and the first byte of the range coder, always 0
 * (lzma-file-format.txt of xz; its decoder takes these for lzma, too). */
static bool is_lzma(const uint8_t *h, size_t len, uint64_t size)
{
    const uint32_t dictionary = len > 13 ? eg_le32(h + 1) : 0, low = dictionary & -dictionary;

    (void)size;
    return dictionary >= 4096 && (dictionary == low || dictionary == 3 * low) && h[0] == 0x5d &&
           !h[13] && (eg_le64(h + 5) == UINT64_MAX || eg_le64(h + 5) >> 38 == 0);
}

/** compress(1): a short magic number, then the width of its codes, 9 to 16 bits. */
static bool is_compress(const uint8_t *h, size_t len, uint64_t size)
{
    (void)size;
    return len > 3 && h[0] == 0x1f && h[1] == 0x9d && (h[2] & 0x1f) >= 9 && (h[2] & 0x1f) <= 16;
}

/** cpio's oldest form (cpio(5)): a short magic number in either byte order, then 12 more numbers of
 * 16 bits, the 11th the length of the name that follows. */
static bool is_old_cpio(const uint8_t *h, size_t len, uint64_t size)
{
    const bool big = len > 1 && h[0] == 0x71;
    const unsigned name = len < 26 ? 0 : big ? eg_be16(h + 20) : eg_le16(h + 20);

    (void)size;
    return len > 26 && (big ? eg_be16(h) : eg_le16(h)) == 070707 && name > 1 && name < 4096 &&
           eg_within(26, name, len) && strnlen((const char *)h + 26, name) == name - 1;
}

static bool is_json(const uint8_t *h, size_t len, uint64_t size)
{
    size_t i = 0;

    (void)size;
    if (!len || h[0] != '{')
        return false;
    while (i < EG_MIN(len, (size_t)16) &&
           ((h[i] >= ' ' && h[i] < 0x7f) || h[i] == '\n' || h[i] == '\r' || h[i] == '\t'))
        i++;
    return i == 16;
}

/** An ELF file ends with its section headers. Memory may begin with a copy of one: then far more
 * follows. */
static bool is_elf(const uint8_t *h, size_t len, uint64_t size)
{
    const uint64_t room = 1 << 20; // of what is appended: a signature, a debug link
    uint64_t shoff;

    if (len < 64 || memcmp(h, "\x7f\x45LF", 4) != 0)
        return false;
    shoff = h[5] == 2 ? (h[4] == 2 ? eg_be64(h + 40) : eg_be32(h + 32))
                      : (h[4] == 2 ? eg_le64(h + 40) : eg_le32(h + 32));
    return !shoff || shoff > size || size - shoff < room + 64 * UINT16_MAX;
}

/** struct ext2_super_block at 1024: s_log_block_size, s_magic. */
static bool is_ext(const uint8_t *h, size_t len, uint64_t size)
{
    (void)size;
    return len > 2048 && eg_le16(h + 1024 + 56) == 0xef53 && eg_le32(h + 1024 + 24) <= 6;
}

static const struct {
    bool (*is)(const uint8_t *head, size_t len, uint64_t size);
    struct eg_known known;
} shapes[] = {
    { is_lzma, { .what = "a file of lzma(1)", .advice = UNPACK } },
    { is_compress, { .what = "a file of compress(1)", .advice = UNPACK } },
    { is_old_cpio, { .what = "a cpio archive", .advice = UNPACK } },
    { is_json,
      { .what = "a JSON text", .advice = "give a Volatility symbol file with --profile" } },
    { is_elf, { .what = "an ELF file, but no core", .advice = "give a vmlinux with --vmlinux" } },
    { is_ext, { .what = "a file system (ext2, 3 or 4)", .advice = DISK } },
};

const struct eg_known *eg_known(const uint8_t *head, size_t len, uint64_t size)
{
    for (size_t i = 0; i < countof(table); i++)
        if (eg_within(table[i].at, table[i].len, len) &&
            !memcmp(head + table[i].at, table[i].magic, table[i].len))
            return &table[i];
    for (size_t i = 0; i < countof(shapes); i++)
        if (shapes[i].is(head, len, size))
            return &shapes[i].known;
    return NULL;
}
