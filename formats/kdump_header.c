/* kdump_header.c - the headers of a kdump (makedumpfile's IMPLEMENTATION and diskdump_mod.h, QEMU's
 * include/sysemu/dump.h), in the byte order and with the alignment of the machine that wrote them,
 * which no field states. */
#include "../core/arch.h"
#include "elfnotes.h"
#include "kdump.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    UTSNAME = 12,
    NAME = 65, // of its six names; the fifth is the machine
    BLOCK_MIN = 4096,
    BLOCK_MAX = 1 << 18,
    VERSION_MAX = 0xffff,
    NOTES_MAX = 64 << 20,
    TEXT_MAX = 1 << 20,
    SUB = 104, // bytes of the largest sub-header
};

/** Offsets in the sub-header, by the writer's alignment. What is `unsigned long` has 32 bits in the
 * 32-bit layouts. */
struct layout {
    uint8_t level, split, from, to, vmcoreinfo, vmcoreinfo_len, notes, notes_len, eraseinfo,
        eraseinfo_len, from_64, to_64, pages_64;
};
static const struct layout layouts[] = {
    { 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96 }, // 64 bits
    { 4, 8, 12, 16, 20, 28, 32, 40, 44, 52, 56, 64, 72 },  // i386, and QEMU for any of 32 bits
    { 4, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88 },  // 32 bits where 64 are aligned to 64
};

static uint32_t get32(const struct eg_kdump_header *h, const uint8_t *p)
{
    return h->big ? eg_be32(p) : eg_le32(p);
}
static uint64_t get64(const struct eg_kdump_header *h, const uint8_t *p)
{
    return h->big ? eg_be64(p) : eg_le64(p);
}
static uint64_t get_long(const struct eg_kdump_header *h, const uint8_t *p)
{
    return h->wide ? get64(h, p) : get32(h, p);
}

/** Are the numbers plausible in this byte order and width? */
static bool main_header(struct eg_kdump_header *h, bool wide, bool big)
{
    const uint8_t *p = h->head + (wide ? 424 : 412);
    uint64_t sub, bitmaps;

    h->wide = wide;
    h->big = big;
    h->version = get32(h, h->head + 8);
    h->status = get32(h, p);
    h->block = get32(h, p + 4);
    sub = get32(h, p + 8);
    bitmaps = get32(h, p + 12);
    h->claimed = get32(h, p + 16);
    if (h->version > VERSION_MAX || h->block < BLOCK_MIN || h->block > BLOCK_MAX ||
        h->block & (h->block - 1) || sub > INT32_MAX || !bitmaps || bitmaps > INT32_MAX)
        return false;
    h->ram = (1 + sub) * h->block;
    h->descs = h->ram + bitmaps * h->block;
    return true;
}

/** There are two bitmaps where there is room for two: a diskdump of all of memory has one. */
static void bitmaps(struct eg_kdump_header *h)
{
    const uint64_t half = (h->descs - h->ram) / h->block / 2 * h->block;

    h->two = h->claimed <= 8 * half;
    h->written = h->two ? h->ram + half : h->ram;
    h->pages = EG_MIN(h->claimed, 8 * (h->descs - h->written));
}

/** Is this a place in the sub-header's blocks? */
static bool in_sub(const struct eg_kdump_header *h, uint64_t at, uint64_t len)
{
    return len && at > h->block && eg_within(at, len, h->ram);
}

/** Which of the two 32-bit layouts is it? QEMU always packs, compilers align: decide by which
 * places of pieces are plausible. */
static const struct layout *layout_of(const struct eg_kdump_header *h, const uint8_t *sub)
{
    if (h->wide)
        return &layouts[0];
    for (size_t i = 2; i >= 1; i--) {
        const struct layout *l = &layouts[i];

        if ((h->version >= 4 &&
             in_sub(h, get64(h, sub + l->notes), get32(h, sub + l->notes_len))) ||
            in_sub(h, get64(h, sub + l->vmcoreinfo), get32(h, sub + l->vmcoreinfo_len)))
            return l;
    }
    return &layouts[1];
}

static struct eg_kdump_piece piece(const struct eg_kdump_header *h, const uint8_t *sub, uint8_t at,
                                   uint8_t len)
{
    return (struct eg_kdump_piece){ get64(h, sub + at), get_long(h, sub + len) };
}

/** A later version has the members of the earlier ones, and more. */
static void sub_header(struct eg_kdump_header *h, const uint8_t *sub)
{
    const struct layout *l = layout_of(h, sub);

    if (h->version >= 1)
        h->level = (int32_t)get32(h, sub + l->level);
    if (h->version >= 2) {
        h->split = get32(h, sub + l->split);
        h->from = get_long(h, sub + l->from);
        h->to = get_long(h, sub + l->to);
    }
    if (h->version >= 3)
        h->vmcoreinfo = piece(h, sub, l->vmcoreinfo, l->vmcoreinfo_len);
    if (h->version >= 4)
        h->notes = piece(h, sub, l->notes, l->notes_len);
    if (h->version >= 5)
        h->eraseinfo = piece(h, sub, l->eraseinfo, l->eraseinfo_len);
    if (h->version >= 6) {
        h->from = get64(h, sub + l->from_64);
        h->to = get64(h, sub + l->to_64);
        if (get64(h, sub + l->pages_64))
            h->claimed = get64(h, sub + l->pages_64);
    }
}

int eg_kdump_header(struct eg_kdump_header *out, struct eg_view *v, struct eg_space *file,
                    const char *name, struct eg_error *e)
{
    struct eg_kdump_header h = { .level = -1 };
    const uint64_t size = eg_space_size(file);
    const struct eg_arch *arch;
    uint8_t sub[SUB] = { 0 };
    bool wide = true;

    if (size < sizeof h.head || !eg_read(v, file, 0, h.head, sizeof h.head))
        return eg_fail(e, EG_EFORMAT, "%s: kdump: its header is cut off", name);
    arch = eg_arch_of_uname((const char *)h.head + UTSNAME + 4 * NAME, NAME);
    if (arch) {
        h.machine = arch->elf_machine;
        wide = arch->model.ptr_size == 8;
    }
    if (!main_header(&h, wide, false) && !main_header(&h, wide, true) &&
        !main_header(&h, !wide, false) && !main_header(&h, !wide, true))
        return eg_fail(e, EG_EFORMAT, "%s: kdump: the numbers in its header are not plausible",
                       name);
    h.diskdump = !memcmp(h.head, "DISKDUMP", 8);
    if (!h.diskdump && h.version) {
        eg_read_some(v, file, h.block, sub, sizeof sub, NULL);
        sub_header(&h, sub);
    }
    bitmaps(&h);
    h.from = h.split ? EG_MIN(h.from, h.pages) : 0;
    h.to = h.split ? EG_MAX(EG_MIN(h.to, h.pages), h.from) : h.pages;
    *out = h;
    return 0;
}

/** @return the bytes of the piece with a NUL after them; the caller frees. NULL: none, and a note
 * if there should be. */
static char *bytes_of(struct eg_image *img, struct eg_space *file, struct eg_kdump_piece p,
                      uint64_t max, const char *what)
{
    char *bytes = NULL;

    if (!p.len)
        return NULL;
    if (p.len <= max && eg_within(p.at, p.len, eg_space_size(file)))
        bytes = malloc(p.len + 1);
    if (!bytes || !eg_read(img->view, file, p.at, bytes, p.len)) {
        eg_image_note(img, "kdump: %s cannot be read: %" PRIu64 " bytes at %#" PRIx64, what, p.len,
                      p.at);
        free(bytes);
        return NULL;
    }
    bytes[p.len] = 0;
    return bytes;
}

void eg_kdump_hints(struct eg_image *img, struct eg_space *file, const struct eg_kdump_header *h)
{
    const struct eg_elf_class c = { .wide = h->wide, .big = h->big, .machine = h->machine };
    struct eg_elf_cpus cpus = { 0 };
    char *bytes = bytes_of(img, file, h->notes, NOTES_MAX, "its notes");

    img->elf_machine = h->machine;
    if (bytes)
        eg_elf_notes(img, c, (const uint8_t *)bytes, h->notes.len, &cpus);
    free(bytes);
    if (!img->vmcoreinfo) {
        bytes = bytes_of(img, file, h->vmcoreinfo, TEXT_MAX, "VMCOREINFO");
        if (bytes)
            img->vmcoreinfo = eg_arena_strndup(&img->arena, bytes, h->vmcoreinfo.len);
        free(bytes);
    }
    bytes = bytes_of(img, file, h->eraseinfo, TEXT_MAX, "the list of what was erased");
    if (bytes)
        eg_elf_erased(img, bytes, h->eraseinfo.len);
    free(bytes);
}
