/* elfcore.c - ELF cores of machines: QEMU's dump-guest-memory, kdump's vmcore, VirtualBox's, a copy
 * of /proc/kcore (System V ABI, chapters 4 and 5). Fields that are not needed are not checked: QEMU
 * 7.2 writes an e_ehsize of 8, and section headers before the program headers. */
#include "../core/arch.h"
#include "elfnotes.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    ET_CORE = 4,
    PT_LOAD = 1,
    PT_NOTE = 4,
    PN_XNUM = 0xffff, // the number of program headers is sh_info of section 0
    SEGMENTS_MAX = 1 << 22,
    NOTES_MAX = 64 << 20, // most bytes of notes that are read
};

struct load {
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

struct core {
    struct eg_image *img;
    struct eg_space *file;
    uint64_t size; // of the file
    struct eg_elf_class c;
    uint64_t phoff, phnum;
    uint16_t phentsize;
    EG_VEC(struct load) loads;
    struct eg_elf_cpus cpus;
    uint64_t notes; // bytes of them so far
    bool any_paddr; // at least one is neither 0 nor -1
    size_t zero_paddrs;
    uint64_t odd; // program headers of another type than memory and notes, which no dump has
};
struct segments {
    EG_VEC(struct eg_segment) at;
    uint64_t missing; // bytes missing at the end of the file
    size_t bad;       // ranges that wrap around
    bool full;        // out of memory
};

static int probe(const struct eg_head *head)
{
    const uint8_t *h = head->at;

    if (head->len < 20 || memcmp(h, "\x7f\x45LF", 4) || h[4] < 1 || h[4] > 2 || h[5] < 1 ||
        h[5] > 2)
        return 0;
    return (h[5] == 2 ? eg_be16(h + 16) : eg_le16(h + 16)) == ET_CORE ? 95 : 0;
}

static uint64_t word(struct eg_elf_class c, const uint8_t *p)
{
    return c.wide ? eg_elf64(c, p) : eg_elf32(c, p);
}

static int read_header(struct core *k, struct eg_error *e)
{
    uint8_t h[64] = { 0 }, section[64];
    const size_t need = 64;
    uint64_t shoff;

    if (eg_read_some(k->img->view, k->file, 0, h, EG_MIN(need, k->size), NULL) < 52)
        return eg_fail(e, EG_EFORMAT, "%s: ELF core: its header is cut off", k->img->path);
    k->c.wide = h[4] == 2;
    k->c.big = h[5] == 2;
    k->c.machine = eg_elf16(k->c, h + 18);
    k->phoff = word(k->c, h + (k->c.wide ? 32 : 28));
    shoff = word(k->c, h + (k->c.wide ? 40 : 32));
    k->phentsize = eg_elf16(k->c, h + (k->c.wide ? 54 : 42));
    k->phnum = eg_elf16(k->c, h + (k->c.wide ? 56 : 44));
    if (k->phentsize < (k->c.wide ? 56 : 32))
        return eg_fail(e, EG_EFORMAT, "%s: ELF core: program headers of %u bytes are too short",
                       k->img->path, k->phentsize);
    if (k->phnum == PN_XNUM) {
        if (eg_within(shoff, sizeof section, k->size) &&
            eg_read(k->img->view, k->file, shoff, section, sizeof section))
            k->phnum = eg_elf32(k->c, section + (k->c.wide ? 44 : 28));
        else
            eg_image_note(k->img,
                          "ELF core: the number of segments is in section 0, which is "
                          "missing: %u assumed",
                          PN_XNUM);
    }
    if (k->phnum > SEGMENTS_MAX) {
        eg_image_note(k->img, "ELF core: %" PRIu64 " segments: only the first %d are read",
                      k->phnum, SEGMENTS_MAX);
        k->phnum = SEGMENTS_MAX;
    }
    return 0;
}

static void read_notes(struct core *k, uint64_t offset, uint64_t len)
{
    uint8_t *bytes;

    if (!eg_within(offset, len, k->size) || len > NOTES_MAX - k->notes) {
        eg_image_note(k->img,
                      "ELF core: a note segment of %" PRIu64 " bytes at %#" PRIx64
                      " is cut off or too large: left out",
                      len, offset);
        return;
    }
    k->notes += len;
    bytes = malloc(len ? len : 1);
    if (bytes && eg_read(k->img->view, k->file, offset, bytes, len))
        eg_elf_notes(k->img, k->c, bytes, len, &k->cpus);
    free(bytes);
}

static int read_segments(struct core *k, struct eg_error *e)
{
    const uint64_t none = k->c.wide ? UINT64_MAX : UINT32_MAX; // kcore's "no physical address"
    const bool wide = k->c.wide;

    for (uint64_t i = 0; i < k->phnum; i++) {
        const uint64_t at = k->phoff + i * k->phentsize;
        struct load l, *slot;
        uint8_t p[56];
        uint32_t type;

        if (at < k->phoff || !eg_within(at, wide ? 56 : 32, k->size) ||
            !eg_read(k->img->view, k->file, at, p, wide ? 56 : 32)) {
            eg_image_note(k->img,
                          "ELF core: truncated: %" PRIu64 " of %" PRIu64
                          " program headers are missing",
                          k->phnum - i, k->phnum);
            break;
        }
        type = eg_elf32(k->c, p);
        l.offset = word(k->c, p + (wide ? 8 : 4));
        l.vaddr = word(k->c, p + (wide ? 16 : 8));
        l.paddr = word(k->c, p + (wide ? 24 : 12));
        l.filesz = word(k->c, p + (wide ? 32 : 16));
        l.memsz = EG_MAX(word(k->c, p + (wide ? 40 : 20)), l.filesz);
        if (type == PT_NOTE)
            read_notes(k, l.offset, l.filesz);
        k->odd += type != PT_LOAD && type != PT_NOTE;
        if (type != PT_LOAD || !l.memsz)
            continue;
        if (l.paddr == none)
            l.paddr = UINT64_MAX;
        k->any_paddr |= l.paddr && l.paddr != UINT64_MAX;
        k->zero_paddrs += !l.paddr;
        slot = eg_vec_push(&k->loads);
        if (!slot)
            return eg_fail(e, EG_ENOMEM, "%s: out of memory for its segments", k->img->path);
        *slot = l;
    }
    return 0;
}

static void push(struct segments *s, struct eg_segment g)
{
    struct eg_segment *slot = eg_vec_push(&s->at);

    if (slot)
        *slot = g;
    else
        s->full = true;
}

/** Add the bytes of a segment at @start: those in the file, and those missing at its end. */
static void add(const struct core *k, struct segments *s, const struct load *l, uint64_t start)
{
    const uint64_t room = l->offset < k->size ? k->size - l->offset : 0;
    uint64_t last;

    if (!eg_add(start, l->memsz - 1, &last) || last == UINT64_MAX) {
        s->bad++;
        return;
    }
    if (!l->filesz)
        return;
    push(s, (struct eg_segment){ start, start + (l->filesz - 1), k->file, l->offset,
                                 EG_MIN(l->filesz, room), EG_UNREADABLE });
    s->missing += l->filesz - EG_MIN(l->filesz, room);
}

/** Add the part of a segment that has no bytes in the file (memsz above filesz). The ABI says that
 * it is zeros, but makedumpfile ends a segment early at pages excluded by the dump level, and QEMU
 * writes no bytes for what is not RAM: a segment without any bytes is a plain hole. Called after
 * all add(), so that bytes in the file win. */
static void add_rest(const struct core *k, struct segments *s, const struct load *l, uint64_t start)
{
    uint64_t last;

    if (l->filesz && l->memsz > l->filesz && eg_add(start, l->memsz - 1, &last) &&
        last != UINT64_MAX)
        push(s, (struct eg_segment){ .start = start + l->filesz,
                                     .last = last,
                                     .below = k->file,
                                     .tail = k->img->vmcoreinfo ? EG_EXCLUDED : EG_OK });
}

static bool has_paddr(const struct core *k, const struct load *l)
{
    // If all are zero, this is an old kcore without physical addresses; a single zero is the
    // beginning of RAM.
    return l->paddr != UINT64_MAX && (l->paddr || k->any_paddr || k->zero_paddrs == 1);
}

static bool is_kernel_va(const struct core *k, const struct load *l)
{
    const struct eg_arch *a = eg_arch_of_elf(k->c.machine, k->c.big);

    if (a && a->qemu_user_last && l->vaddr >= a->qemu_user_first && l->vaddr <= a->qemu_user_last)
        return false;
    return k->c.wide ? l->vaddr >> 63 : l->vaddr >= 0x40000000 && l->vaddr != l->paddr;
}

static int open_spaces(struct core *k, struct eg_space **out, struct eg_error *e)
{
    struct eg_image *img = k->img;
    struct segments phys = { 0 }, va = { 0 };
    size_t overlaps = 0;
    uint64_t missing;
    int rc = 0;

    for (size_t i = 0; i < 2 * k->loads.n; i++) {
        const struct load *l = &k->loads.at[i % k->loads.n];
        void (*part)(const struct core *, struct segments *, const struct load *, uint64_t) =
            i < k->loads.n ? add : add_rest;

        if (has_paddr(k, l))
            part(k, &phys, l, l->paddr);
        if (is_kernel_va(k, l))
            part(k, &va, l, l->vaddr);
    }
    if (phys.full || va.full)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for its segments", img->path);
    else if (!phys.at.n && k->cpus.program)
        rc = eg_fail(e, EG_EUNSUP,
                     "%s: is the core of a program, not of a machine: dump the machine's memory",
                     img->path);
    else if (!phys.at.n && !va.at.n)
        rc =
            eg_fail(e, EG_EFORMAT,
                    "%s: ELF core: no segment has a physical address or one of a kernel: is it the "
                    "core of a program?",
                    img->path);
    if (!rc && !phys.at.n) { // an image must have physical memory: here it is empty
        img->virtual_only = true;
        eg_image_note(img,
                      "ELF core: segments have virtual addresses only: it is not known where in "
                      "physical memory they are");
        push(&phys, (struct eg_segment){ 0, 4095, k->file, 0, 0, EG_ABSENT });
    }
    if (!rc && va.at.n)
        rc = eg_segments_open(&img->kernel_va, img->path, va.at.at, va.at.n, NULL, e);
    if (!rc)
        rc = eg_segments_open(out, img->path, phys.at.at, phys.at.n, &overlaps, e);
    if (!rc && overlaps && !va.at.n) // several virtual segments may map the same memory
        eg_image_note(img,
                      "ELF core: %zu segments overlap: of bytes in the file the first are used",
                      overlaps);
    if (!rc && phys.bad)
        eg_image_note(img, "ELF core: %zu segments reach past the address space: left out",
                      phys.bad);
    // Segments without a physical address do not count as memory: a copy of /proc/kcore has 32 TiB
    // of vmalloc.
    missing = img->virtual_only ? va.missing : phys.missing;
    if (!rc && missing)
        eg_image_note(img, "ELF core: truncated: %" PRIu64 " MiB of its segments are missing",
                      missing >> 20);
    if (!rc && k->odd)
        eg_image_note(img,
                      "ELF core: %" PRIu64
                      " program headers are neither memory nor notes: damaged? They are left out",
                      k->odd);
    eg_vec_fini(&phys.at);
    eg_vec_fini(&va.at);
    return rc;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct core k = { .img = img, .file = file, .size = eg_space_size(file) };
    int rc;

    (void)o;
    rc = read_header(&k, e);
    if (!rc)
        rc = read_segments(&k, e);
    if (!rc)
        rc = open_spaces(&k, out, e);
    if (!rc)
        img->elf_machine = k.c.machine;
    eg_vec_fini(&k.loads);
    return rc;
}

EG_FORMAT(elfcore) = {
    .desc = "ELF core",
    .suffix = ".elf",
    .head = 20,
    .probe = probe,
    .open = open_,
};
