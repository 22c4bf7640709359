/* vmware.c - memory of VMware's machines: a .vmem with a .vmss (suspended) or .vmsn (snapshot)
 * beside it, or one of those that holds the memory itself (ESX, older products). The file has the
 * memory without gaps; the group "memory" of the state lists which pages are at which address.
 *
 * A machine that panics in debug mode leaves debug.vmem and debug.guest, which has the holes and
 * the CPUs (crash, vmware_guestdump.c):
 *
 *   0 u32 version 4   4 u32 CPUs   8 u8 1   14 u64 0   22 u64 last address   30 u64 pages of memory
 *   42 u32 holes   46 two holes: u64 first page number, u64 pages   78 a state for each CPU, and
 *   behind these a page for each */
#include "../core/arch.h"
#include "../core/image.h"
#include "vmware_tags.h"
#include <inttypes.h>
#include <strings.h>

enum {
    PAGE_SHIFT = 12,
    REGIONS_MAX = 1 << 12, // usually there are two or three
    CPUS_MAX = 1 << 10,
    ARM_PLATFORM = 3, // Checkpoint/Platform, after LeechCore
    GUEST_VERSION = 4,
    GUEST_HOLES = 2,
    GUEST_HEADER = 78,
};
static const uint64_t pci_hole = 0xc0000000, above_hole = UINT64_C(1) << 32, arm_base = 0x80000000;

struct region {
    uint64_t page, ppn, size; // page number in the file and in the machine; number of pages
    uint8_t seen;             // a bit for each of them
};
enum { ALL_SEEN = 7 };

struct memory {
    struct eg_space *file; // where the bytes are; NULL: not in the saved state
    uint64_t at, size;     // and where in it
    bool compressed;
    uint64_t n_regions;
    EG_VEC(struct region) regions;
    uint64_t base; // without regions: the physical address of the first byte
    EG_VEC(struct eg_segment) segments;
    uint64_t missing; // bytes that the file should have but does not
    bool full;        // out of memory
};

static bool ends(const char *path, const char *suffix)
{
    const size_t n = path ? strlen(path) : 0, m = strlen(suffix);

    return n > m && !strcasecmp(path + n - m, suffix);
}

static bool is_guest(const uint8_t *h)
{
    return eg_le32(h) == GUEST_VERSION && h[8] == 1 && !eg_le64(h + 14) && eg_le64(h + 30) &&
           eg_le32(h + 42) <= GUEST_HOLES;
}

static int probe(const struct eg_head *h)
{
    if (h->len >= 12 && eg_vmware_is_state(h->at))
        return 90;
    if (h->len >= GUEST_HEADER && ends(h->path, ".guest") && is_guest(h->at))
        return 90;
    return ends(h->path, ".vmem") ? 40 : 0; // raw memory, perhaps with a saved state beside it
}

/* ---- the saved state ---- */

static void read_region(struct eg_vmware_state *s, struct memory *m, const struct eg_vmware_tag *t)
{
    static const struct {
        const char *name;
        size_t at;
    } members[] = { { "regionPageNum", offsetof(struct region, page) },
                    { "regionPPN", offsetof(struct region, ppn) },
                    { "regionSize", offsetof(struct region, size) } };
    uint64_t value;

    if (t->n_index != 1 || t->index[0] >= REGIONS_MAX || !eg_vmware_number(s, t, &value))
        return;
    for (size_t i = 0; i < countof(members); i++) {
        if (strcmp(t->name, members[i].name) != 0)
            continue;
        while (m->regions.n <= t->index[0])
            if (!eg_vec_push(&m->regions)) {
                eg_view_starved(s->view);
                return;
            }
        memcpy((char *)&m->regions.at[t->index[0]] + members[i].at, &value, sizeof value);
        m->regions.at[t->index[0]].seen |= (uint8_t)(1 << i);
    }
}

static void read_memory(struct eg_vmware_state *s, struct memory *m)
{
    struct eg_vmware_tag t;
    uint64_t at, platform;

    if (eg_vmware_group(s, "memory", &at))
        while (eg_vmware_tag(s, &at, &t) ||
               (!m->file && m->regions.n < m->n_regions && eg_vmware_resume(s, "region", &at) &&
                eg_vmware_tag(s, &at, &t))) {
            if (!strcmp(t.name, "Memory") && t.size && !m->file) {
                m->file = s->file;
                m->at = t.at;
                m->size = t.size;
                m->compressed = t.size != t.mem_size;
            } else if (!strcmp(t.name, "regionsCount")) {
                eg_vmware_number(s, &t, &m->n_regions);
            } else {
                read_region(s, m, &t);
            }
        }
    if (eg_vmware_group(s, "Checkpoint", &at))
        while (eg_vmware_tag(s, &at, &t))
            if (!strcmp(t.name, "Platform") && eg_vmware_number(s, &t, &platform) &&
                platform == ARM_PLATFORM)
                m->base = arm_base;
}

static struct eg_cpu *cpu_at(struct eg_image *img, uint32_t i)
{
    struct eg_cpu *cpu;

    if (i < img->cpus.n)
        return &img->cpus.at[i];
    if (i != img->cpus.n || i >= CPUS_MAX)
        return NULL;
    cpu = eg_vec_push(&img->cpus);
    if (!cpu)
        eg_view_starved(img->view);
    else
        cpu->arch = eg_arch_of_record(EG_CPU_VMWARE);
    return cpu;
}

static void set_register(struct eg_cpu *cpu, const char *name, uint64_t value)
{
    for (uint8_t i = 0; cpu->arch && cpu->arch->registers[i] && i < countof(cpu->regs); i++)
        if (!strcmp(cpu->arch->registers[i], !strcmp(name, "eflags") ? "rflags" : name)) {
            cpu->regs[i] = value;
            cpu->n_regs = EG_MAX(cpu->n_regs, (uint8_t)(i + 1));
        }
}

/** Registers are single values ("rax[0]", "CR64[0][3]") or, in newer products, one block for each
 * CPU ("gpregs[0]", "CR64[0]"). */
static void read_cpu(struct eg_vmware_state *s, struct eg_image *img, const struct eg_vmware_tag *t)
{
    const bool cr = !strcmp(t->name, "CR64"), all = !strcmp(t->name, "gpregs");
    uint8_t b[16 * 8] = { 0 };
    struct eg_cpu *cpu;
    uint64_t value;

    if (!t->n_index || (!cr && !all && t->size != 8 && strcmp(t->name, "eflags") != 0))
        return;
    if ((cr && t->n_index == 1 && t->size >= 40) || (all && t->size == sizeof b)) {
        const size_t len = (size_t)EG_MIN(t->size, (uint64_t)sizeof b);

        if (!eg_within(t->at, len, s->size) || !eg_read(s->view, s->file, t->at, b, len) ||
            !(cpu = cpu_at(img, t->index[0])))
            return;
        if (cr) {
            cpu->root = eg_le64(b + 24);
            cpu->control = eg_le64(b + 32);
        }
        if (all)
            eg_cpu_read(cpu, EG_CPU_VMWARE, false, b, sizeof b);
        return;
    }
    if (!eg_vmware_number(s, t, &value) || !(cpu = cpu_at(img, t->index[0])))
        return;
    if (cr && t->n_index == 2 && t->index[1] == 3)
        cpu->root = value;
    else if (cr && t->n_index == 2 && t->index[1] == 4)
        cpu->control = value;
    else if (t->n_index == 1)
        set_register(cpu, t->name, value);
}

static void read_state(struct eg_vmware_state *s, struct eg_image *img, struct memory *m)
{
    struct eg_vmware_tag t;
    uint64_t at;

    read_memory(s, m);
    if (!m->base && eg_vmware_group(s, "cpu", &at))
        while (eg_vmware_tag(s, &at, &t))
            read_cpu(s, img, &t);
    if (s->cut)
        eg_image_note(img, "VMware: the saved state is damaged or cut off: a group of it ends in "
                           "the middle");
}

/** The holes and the CPUs of a debug.guest. @return false: @file is none. */
static bool read_guest(struct eg_space *file, struct eg_image *img, struct memory *m)
{
    enum { STATE_MIN = 158, PAGE = 1 << PAGE_SHIFT };
    const uint64_t size = eg_space_size(file);
    uint64_t at = 0, ppn = 0, pages, cpus, holes, state;
    uint8_t h[GUEST_HEADER], b[28];

    if (size < sizeof h || !eg_read(img->view, file, 0, h, sizeof h) || !is_guest(h))
        return false;
    cpus = eg_le32(h + 4);
    pages = eg_le64(h + 30);
    holes = eg_le32(h + 42);
    for (uint64_t i = 0; i <= holes && at < pages; i++) {
        const uint64_t hole = i < holes ? eg_le64(h + 46 + 16 * i) : UINT64_MAX;
        struct region *r;

        if (hole < ppn)
            return false;
        r = hole > ppn ? eg_vec_push(&m->regions) : NULL;
        if (hole > ppn && !r)
            return eg_view_starved(img->view), false;
        if (r) {
            *r = (struct region){ at, ppn, EG_MIN(hole - ppn, pages - at), ALL_SEEN };
            at += r->size;
        }
        if (i < holes && !eg_add(hole, eg_le64(h + 54 + 16 * i), &ppn))
            return false;
    }
    m->n_regions = m->regions.n;
    state = cpus && cpus <= CPUS_MAX ? (size - sizeof h) / cpus : 0;
    if (state < STATE_MIN + PAGE) {
        eg_image_note(img, "VMware: the states of %" PRIu64 " CPUs are not in the .guest: cut off?",
                      cpus);
        return true;
    }
    for (uint64_t i = 0; i < cpus; i++) {
        struct eg_cpu *cpu = cpu_at(img, (uint32_t)i);

        if (!cpu || !eg_read(img->view, file, sizeof h + i * (state - PAGE), b, sizeof b))
            break;
        cpu->root = eg_le64(b + 12);
        cpu->control = eg_le64(b + 20);
    }
    return true;
}

/* ---- the memory ---- */

/** @len bytes at physical address @start are those at @from in the file's memory. */
static void push(struct memory *m, uint64_t start, uint64_t from, uint64_t len)
{
    const uint64_t stored = from < m->size ? EG_MIN(len, m->size - from) : 0;
    struct eg_segment *g = len ? eg_vec_push(&m->segments) : NULL;

    m->full |= len && !g;
    if (!g)
        return;
    *g = (struct eg_segment){ .start = start,
                              .last = start + len - 1,
                              .below = m->file,
                              .below_addr = m->at + from,
                              .stored = stored,
                              .tail = EG_UNREADABLE };
    m->missing += len - stored;
}

static int open_regions(struct eg_space **out, struct eg_image *img, struct memory *m,
                        struct eg_error *e)
{
    const uint64_t pages_max = UINT64_C(1) << (52 - PAGE_SHIFT);
    const uint64_t end = eg_space_size(m->file), claimed = m->size;
    size_t overlaps = 0, bad = 0;
    int rc;

    m->size = m->at < end ? EG_MIN(m->size, end - m->at) : 0;
    for (size_t i = 0; i < m->regions.n && i < m->n_regions; i++) {
        const struct region *r = &m->regions.at[i];

        if (r->seen != ALL_SEEN || !r->size || r->ppn >= pages_max || r->page >= pages_max ||
            r->size > pages_max - r->ppn) {
            bad++;
            continue;
        }
        push(m, r->ppn << PAGE_SHIFT, r->page << PAGE_SHIFT, r->size << PAGE_SHIFT);
    }
    if (!m->n_regions && claimed <= pages_max << PAGE_SHIFT)
        push(m, m->base, 0, claimed);
    if (bad || m->regions.n < m->n_regions)
        eg_image_note(img, "VMware: of %" PRIu64 " regions of memory %" PRIu64 " are not described",
                      m->n_regions, m->n_regions - EG_MIN(m->n_regions, m->regions.n) + bad);
    if (m->full)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for its regions", img->path);
    if (!m->segments.n)
        return eg_fail(e, EG_EFORMAT, "%s: VMware: the saved state describes no memory", img->path);
    rc = eg_segments_open(out, img->path, m->segments.at, m->segments.n, &overlaps, e);
    if (!rc && overlaps)
        eg_image_note(img, "VMware: %zu regions overlap: the first is used", overlaps);
    if (!rc && m->missing)
        eg_image_note(img, "VMware: truncated: %" PRIu64 " KiB of the memory are missing",
                      m->missing >> 10);
    return rc;
}

/** Does a Linux boot_params in the first MiB (Documentation/arch/x86/zero-page.rst) say that there
 * is no RAM between 3 and 4 GiB, and above 4 GiB just as much as the file has past 3? */
static bool has_hole(struct eg_view *v, struct eg_space *file, uint64_t size)
{
    enum { ENTRIES = 0x1e8, MAGIC = 0x1fe, TABLE = 0x2d0, ENTRY = 20, MAX = 128, USABLE = 1 };

    for (uint64_t at = 0; at < 1 << 20; at += 16) {
        const uint8_t *h = eg_bytes(v, file, at + MAGIC, 8);
        uint8_t p[TABLE + MAX * ENTRY];
        bool stated = false, against = false;

        if (!h || eg_le16(h) != 0xaa55 || memcmp(h + 4, "HdrS", 4) != 0 ||
            !eg_read(v, file, at, p, sizeof p))
            continue;
        for (unsigned i = 0; i < EG_MIN(p[ENTRIES], MAX); i++) {
            const uint8_t *x = p + TABLE + i * ENTRY;
            const uint64_t start = eg_le64(x), len = eg_le64(x + 8);

            if (eg_le32(x + 16) != USABLE)
                continue;
            stated |= start == above_hole && len == size - pci_hole;
            against |= start < above_hole && start + len > pci_hole;
        }
        if (stated && !against)
            return true;
    }
    return false;
}

/** A .vmem without its saved state. */
static int open_alone(struct eg_space **out, struct eg_image *img, struct memory *m,
                      struct eg_error *e)
{
    eg_image_note(img,
                  "VMware: no saved state (.vmss, .vmsn) with this name is beside the .vmem: only "
                  "it states where the memory was");
    if (m->size > pci_hole && has_hole(img->view, m->file, m->size)) {
        push(m, 0, 0, pci_hole);
        push(m, above_hole, pci_hole, m->size - pci_hole);
        eg_image_note(img,
                      "VMware: what is past 3 GiB in the file is taken as memory above 4 GiB, as "
                      "the e820 map in Linux's boot_params says");
        return eg_segments_open(out, img->path, m->segments.at, m->segments.n, NULL, e);
    }
    if (m->size > pci_hole) {
        img->movable = true;
        eg_image_note(img,
                      "VMware: what is past 3 GiB in the file was usually at 4 GiB and above, but "
                      "nothing in the file confirms this: places in the file are taken as "
                      "addresses, which may be wrong above 3 GiB, unless a kernel proves others");
    }
    return open_regions(out, img, m, e);
}

/* ---- the files ---- */

/** Open the file with the image's name and another @suffix. */
static int open_beside(struct eg_space **out, struct eg_image *img, const char *suffix,
                       struct eg_error *e)
{
    const char *slash = strrchr(img->path, '/'), *name = slash ? slash + 1 : img->path;
    const char *dot = strrchr(name, '.');
    char *other = eg_arena_strf(&img->arena, "%.*s%s", (int)(dot - name), name, suffix);

    if (!other)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory", img->path);
    return eg_image_beside(out, img, other, e);
}

/** The state of a .vmem: a .vmss or .vmsn, or a .guest, whose content goes to @m. */
static bool find_state(struct eg_vmware_state *s, struct eg_image *img, struct memory *m)
{
    struct eg_space *guest;
    static const char *const suffixes[] = { ".vmss", ".vmsn" };

    for (size_t i = 0; i < countof(suffixes); i++) {
        struct eg_space *file;
        struct eg_error ignored;

        if (!ends(img->path, ".vmem") || open_beside(&file, img, suffixes[i], &ignored) != 0)
            continue;
        if (eg_vmware_state_init(s, img->view, file))
            return true;
        eg_image_note(img, "VMware: the %s beside it is not a saved state", suffixes[i]);
    }
    s->file = NULL;
    if (!ends(img->path, ".vmem") || open_beside(&guest, img, ".guest", NULL) != 0)
        return false;
    if (read_guest(guest, img, m))
        return true;
    eg_image_note(img, "VMware: the .guest beside it is none, or of another version");
    return false;
}

static int find_memory(struct memory *m, struct eg_image *img, struct eg_error *e)
{
    if (m->file && m->compressed)
        return eg_fail(e, EG_EUNSUP,
                       "%s: VMware: the memory in it is compressed in an unknown way: "
                       "convert it with `vmss2core`",
                       img->path);
    if (m->file)
        return 0;
    if ((ends(img->path, ".vmss") || ends(img->path, ".vmsn") || ends(img->path, ".guest")) &&
        open_beside(&m->file, img, ".vmem", e) == 0) {
        m->size = eg_space_size(m->file);
        return 0;
    }
    return eg_fail(e, EG_ENOTFOUND,
                   "%s: VMware: a saved state without the memory, and no .vmem of its name is "
                   "beside it",
                   img->path);
}

static int open_(struct eg_space **out, struct eg_image *img, struct eg_space *file,
                 const struct eg_open_options *o, struct eg_error *e)
{
    struct eg_vmware_state state;
    struct memory m = { 0 };
    int rc;

    (void)o;
    if (eg_vmware_state_init(&state, img->view, file)) {
        read_state(&state, img, &m);
        rc = find_memory(&m, img, e);
        if (!rc)
            rc = open_regions(out, img, &m, e);
    } else if (ends(img->path, ".guest")) {
        rc = read_guest(file, img, &m)
                 ? find_memory(&m, img, e)
                 : eg_fail(e, EG_EFORMAT, "%s: VMware: its holes are not plausible", img->path);
        if (!rc)
            rc = open_regions(out, img, &m, e);
    } else {
        const bool found = find_state(&state, img, &m);

        if (found && state.file)
            read_state(&state, img, &m);
        m.file = file;
        m.at = 0;
        m.size = eg_space_size(file);
        rc = found ? open_regions(out, img, &m, e) : open_alone(out, img, &m, e);
    }
    eg_vec_fini(&m.regions);
    eg_vec_fini(&m.segments);
    return rc;
}

EG_FORMAT(vmware) = {
    .desc = "VMware",
    .suffix = ".vmem",
    .head = GUEST_HEADER,
    .probe = probe,
    .open = open_,
};
