/* xen.c - the cores of `xl dump-core` and the like (Xen, docs/misc/dump-core-format.txt, version
 * 0.1): ELF files without program headers, whose sections hold pages and the frame number of each.
 */
#include "../core/arch.h"
#include "elfnotes.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    ET_CORE = 4,
    HEADER = 64,
    SECTION = 64,
    SECTIONS_MAX = 256, // there are 7
    NOTES_MAX = 1 << 20,
    NOTE_HEADER = 0x2000001, // u64 magic, virtual CPUs, pages, page size
    CPUS_MAX = 8192,
    CPU_SIZE_MAX = 64 << 10,
    RUNS_MAX = 1 << 20,
};

struct section {
    uint64_t offset, size, entry;
};

struct core {
    struct eg_image *img;
    struct eg_space *file;
    uint64_t size;
    struct eg_elf_class c;
    struct section notes, prstatus, p2m, pfn, pages;
    uint64_t page;
};

static int probe(const struct eg_head *h)
{
    const struct eg_elf_class c = { .wide = true, .big = h->len > 5 && h->at[5] == 2 };

    if (h->len < HEADER || memcmp(h->at, "\x7f\x45LF\2", 5) || h->at[5] < 1 || h->at[5] > 2 ||
        eg_elf16(c, h->at + 16) != ET_CORE)
        return 0;
    return !eg_elf16(c, h->at + 56) && eg_elf16(c, h->at + 60) ? 96
                                                               : 0; // no segments, but sections
}

static bool get(const struct core *k, uint64_t at, void *to, size_t n)
{
    return eg_within(at, n, k->size) && eg_read(k->img->view, k->file, at, to, n);
}

/** Find the sections by their names. */
static bool read_sections(struct core *k)
{
    const struct {
        const char *name;
        struct section *to;
    } wanted[] = { { ".note.Xen", &k->notes },
                   { ".xen_prstatus", &k->prstatus },
                   { ".xen_p2m", &k->p2m },
                   { ".xen_pfn", &k->pfn },
                   { ".xen_pages", &k->pages } };
    uint8_t h[HEADER], s[SECTION];
    uint64_t at, strings;
    uint16_t n;

    if (!get(k, 0, h, sizeof h))
        return false;
    k->c = (struct eg_elf_class){ .wide = true, .big = h[5] == 2 };
    k->c.machine = eg_elf16(k->c, h + 18);
    at = eg_elf64(k->c, h + 40);
    n = EG_MIN(eg_elf16(k->c, h + 60), (uint16_t)SECTIONS_MAX);
    if (!eg_within(at, (uint64_t)n * SECTION, k->size) ||
        !get(k, at + (uint64_t)eg_elf16(k->c, h + 62) * SECTION, s, sizeof s))
        return false;
    strings = eg_elf64(k->c, s + 24);
    for (uint16_t i = 0; i < n; i++) {
        char name[16] = "";
        uint64_t where;

        if (!get(k, at + (uint64_t)i * SECTION, s, sizeof s) ||
            !eg_add(strings, eg_elf32(k->c, s), &where) || where >= k->size)
            continue;
        eg_read_some(k->img->view, k->file, where, name,
                     EG_MIN(sizeof name - 1, (size_t)(k->size - where)), NULL);
        for (size_t w = 0; w < countof(wanted); w++)
            if (!strcmp(name, wanted[w].name))
                *wanted[w].to = (struct section){ eg_elf64(k->c, s + 24), eg_elf64(k->c, s + 32),
                                                  eg_elf64(k->c, s + 56) };
    }
    return true;
}

static void read_notes(struct core *k)
{
    const uint64_t len = EG_MIN(k->notes.size, (uint64_t)NOTES_MAX);
    uint64_t at = 0;
    uint8_t p[12 + 4 + 32];

    while (eg_within(at, 12, len) && eg_within(k->notes.offset, len, k->size) &&
           get(k, k->notes.offset + at, p, 12)) {
        const uint64_t name = eg_elf32(k->c, p), desc = eg_elf32(k->c, p + 4);

        if (eg_elf32(k->c, p + 8) == NOTE_HEADER && name == 4 && desc >= 32 &&
            get(k, k->notes.offset + at, p, sizeof p) && !memcmp(p + 12, "Xen", 4))
            k->page = eg_elf64(k->c, p + 40);
        at += 12 + eg_align_up(name, 4) + eg_align_up(desc, 4);
    }
}

static void read_cpus(struct core *k)
{
    const uint64_t size = k->prstatus.entry;
    const uint64_t n = size ? EG_MIN(k->prstatus.size / size, (uint64_t)CPUS_MAX) : 0;
    uint8_t *p = n && size <= CPU_SIZE_MAX ? malloc((size_t)size) : NULL;

    for (uint64_t i = 0; p && i < n && k->prstatus.offset < k->size; i++) {
        struct eg_cpu cpu = { .arch = eg_arch_of_elf(k->c.machine, k->c.big) }, *slot;

        if (!get(k, k->prstatus.offset + i * size, p, (size_t)size) ||
            !eg_cpu_read(&cpu, EG_CPU_XEN, k->c.big, p, (size_t)size) ||
            !(slot = eg_vec_push(&k->img->cpus)))
            break;
        *slot = cpu;
    }
    free(p);
}

/** Pages whose frame numbers follow each other are one segment. */
static int open_pages(struct core *k, struct eg_space **out, struct eg_error *e)
{
    const struct section *table = k->pfn.size ? &k->pfn : &k->p2m;
    const uint64_t entry = table == &k->pfn ? 8 : 16;
    const uint64_t pages =
        EG_MIN(k->pages.size, k->pages.offset < k->size ? k->size - k->pages.offset : 0) / k->page;
    const uint64_t listed = table->size / entry, n = EG_MIN(pages, listed);
    EG_VEC(struct eg_segment) segs = { 0 };
    struct eg_segment *s = NULL;
    uint64_t invalid = 0, i = 0;
    size_t overlaps = 0;
    bool full = false, many = false;
    int rc;

    for (; i < n && !full; i++) {
        uint8_t word[8];
        uint64_t pfn, at;

        if (!eg_add(table->offset, i * entry, &at) || !get(k, at, word, sizeof word))
            break;
        pfn = eg_elf64(k->c, word);
        if (pfn > UINT64_MAX / k->page - 1) {
            invalid++;
            s = NULL;
            continue;
        }
        if (s && s->last + 1 == pfn * k->page) {
            s->last += k->page;
            s->stored += k->page;
            continue;
        }
        many = segs.n == RUNS_MAX;
        if (many)
            break;
        s = eg_vec_push(&segs);
        full = !s;
        if (s)
            *s = (struct eg_segment){ .start = pfn * k->page,
                                      .last = pfn * k->page + (k->page - 1),
                                      .below = k->file,
                                      .below_addr = k->pages.offset + i * k->page,
                                      .stored = k->page };
    }
    if (full)
        rc = eg_fail(e, EG_ENOMEM, "%s: out of memory for its pages", k->img->path);
    else if (!segs.n)
        rc =
            eg_fail(e, EG_EFORMAT,
                    "%s: Xen core: the address of no page is known: the table of frame numbers, at "
                    "the end of the file, is missing: is it cut off?",
                    k->img->path);
    else
        rc = eg_segments_open(out, k->img->path, segs.at, segs.n, &overlaps, e);
    eg_vec_fini(&segs);
    if (rc)
        return rc;
    if (many)
        eg_image_note(k->img,
                      "Xen core: more than %d runs of pages: %" PRIu64 " of %" PRIu64
                      " pages are left out",
                      RUNS_MAX, listed - i, listed);
    else if (i < listed)
        eg_image_note(k->img, "Xen core: truncated: %" PRIu64 " of %" PRIu64 " pages are missing",
                      listed - i, listed);
    if (invalid)
        eg_image_note(k->img, "Xen core: %" PRIu64 " pages have no frame number: left out",
                      invalid);
    if (overlaps)
        eg_image_note(k->img, "Xen core: %zu runs of pages overlap: the first in the file is used",
                      overlaps);
    return 0;
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct core k = { .img = img, .file = file, .size = eg_space_size(file) };
    int rc;

    (void)o;
    if (!read_sections(&k) || !k.pages.size)
        return eg_fail(e, EG_EFORMAT, "%s: ELF core without segments, and without Xen's sections",
                       img->path);
    read_notes(&k);
    if (!k.page)
        k.page = k.pages.entry;
    if (k.page < 4096 || k.page > 65536 || k.page & (k.page - 1))
        return eg_fail(e, EG_EFORMAT, "%s: Xen core: pages of %" PRIu64 " bytes", img->path,
                       k.page);
    rc = open_pages(&k, out, e);
    if (rc)
        return rc;
    img->elf_machine = k.c.machine;
    if (k.pfn.size)
        read_cpus(&k);
    else
        eg_image_note(img, "Xen core: of a paravirtualised guest, whose page tables hold the frame "
                           "numbers of the host: they cannot translate kernel addresses");
    return 0;
}

EG_FORMAT(xen) = {
    .desc = "Xen core",
    .suffix = ".core",
    .head = HEADER,
    .probe = probe,
    .open = open_,
};
