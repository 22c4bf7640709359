/** derived_conditions.c - the conditions by which the address of a variable is known: derived.h
 * lists them. */
#include "derived.h"

enum { NAME_LEN = 64, DEPTH_MAX = 16, SLOTS_MAX = 64 /* XA_CHUNK_SIZE */ };

/* ---- reading ---- */

bool derived_is_text(const struct derive *d, uint64_t at)
{
    char text[NAME_LEN] = "";
    const size_t n = eg_read_some(d->f->v, d->c->space, at, text, sizeof text, NULL);
    size_t len = 0;

    while (len < n && text[len] > ' ' && text[len] < 0x7f)
        len++;
    return len && len < n && !text[len];
}

/* ---- tests ---- */

/** A list that closes and whose elements have names. An empty list is rejected: many places look
 * like one. */
bool derived_list_of(const struct derive *d, const struct test *t, uint64_t va)
{
    const struct eg_binding b = linux_binding(d->c);
    struct eg_list_walk w;
    struct eg_obj element;
    uint64_t link, name, size, own = 0, self, key = 0;
    bool named = true;

    if (!derived_member(d, t->type, t->link, &link, NULL) ||
        !derived_member(d, t->behind ? t->behind : t->type, t->name, &name, &size) ||
        (t->behind && !derived_member(d, t->type, t->key, &key, NULL)) ||
        (t->own && !derived_member(d, t->type, t->own, &own, NULL)))
        return false;
    w = linux_list(d->f->v, d->c->space, &b, va, link);
    while (named && linux_spend(d->f, LINUX_ELEMENTS, 1) && eg_list_next_(&w, &element)) {
        uint64_t at = element.addr + name;

        if (t->behind) {
            named = derived_pointer(d, element.addr + key, &at);
            at += name;
        }
        // Either a pointer to the name, or an array of characters.
        named =
            named && (size != d->model->ptr_size || derived_pointer(d, at, &at)) &&
            derived_is_text(d, at) &&
            (!t->own || (derived_pointer(d, element.addr + own, &self) && self == element.addr));
    }
    return named && w.n && !w.why;
}

/** The entry with the lowest index in the xarray whose head is at @at (include/linux/xarray.h). */
static bool first_entry(const struct derive *d, uint64_t at, uint64_t *entry, uint64_t *index)
{
    uint64_t slots, shift, size, e;

    *index = 0;
    if (!derived_member(d, "xa_node", "slots", &slots, &size) ||
        !derived_member(d, "xa_node", "shift", &shift, NULL) || !derived_pointer(d, at, &e))
        return false;
    for (unsigned depth = 0; (e & 3) == 2 && e > 4096 && depth < DEPTH_MAX; depth++) {
        const uint64_t node = e & ~UINT64_C(3), n = size / d->model->ptr_size;
        uint64_t i = 0;
        uint8_t bits;

        if (n > SLOTS_MAX || !eg_read(d->f->v, d->c->space, node + shift, &bits, 1) || bits > 60)
            return false;
        for (e = 0; i < n && !e; i++)
            if (!derived_pointer(d, node + slots + i * d->model->ptr_size, &e))
                return false;
        if (!e)
            return false;
        *index += (i - 1) << bits;
    }
    *entry = e;
    return (e & 3) == 0 && e > 4096;
}

/** It has no object, and the flags of an idr: its own, and the tag that says that there is room
 * (include/linux/idr.h, IDR_RT_MARKER). */
static bool is_empty_idr(const struct derive *d, uint64_t va, uint64_t head)
{
    enum { IS_IDR = 4, TAG_SHIFT = 20 };
    uint64_t off, first;
    uint32_t flags;

    return derived_pointer(d, va + head, &first) && !first &&
           derived_member(d, "idr", "idr_rt.xa_flags", &off, NULL) &&
           derived_word(d, va + off, &flags) && flags & IS_IDR && flags >> TAG_SHIFT &&
           __builtin_popcount(flags) == 2;
}

/** An idr whose first object stores its own id, or that never had one. */
bool derived_idr_of(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t head, entry, index, off, base = 0, i;
    uint32_t base32 = 0, id;

    if (!derived_member(d, "idr", "idr_rt.xa_head", &head, NULL) ||
        !derived_member(d, "idr", "idr_base", &base, NULL) || !derived_word(d, va + base, &base32))
        return false;
    if (is_empty_idr(d, va, head))
        return true;
    if (!first_entry(d, va + head, &entry, &index))
        return false;
    if (t->behind && (!derived_member(d, t->type, t->link, &off, NULL) ||
                      !derived_pointer(d, entry + off, &entry)))
        return false;
    return derived_member(d, t->behind ? t->behind : t->type, t->name, &i, NULL) &&
           derived_word(d, entry + i, &id) && id == index + base32;
}

/** A pointer, out of the image, to text. */
bool derived_text_pointer(const struct derive *d, const struct test *t, uint64_t va)
{
    char text[2];
    uint64_t at;

    (void)t;
    return derived_pointer(d, va, &at) && !derived_in_image(d, at) &&
           eg_read(d->f->v, d->c->space, at, text, sizeof text) && text[0] > ' ' &&
           text[0] < 0x7f && text[1] >= ' ' && text[1] < 0x7f;
}

/** A pointer to the text of VMCOREINFO. */
bool derived_vmcoreinfo(const struct derive *d, const struct test *t, uint64_t va)
{
    static const char first[] = "OSRELEASE=";
    char text[sizeof first - 1];
    uint64_t at;

    (void)t;
    return derived_pointer(d, va, &at) && eg_read(d->f->v, d->c->space, at, text, sizeof text) &&
           !memcmp(text, first, sizeof text);
}

/** An object whose member t->key points to the symbol t->name. */
bool derived_points_at(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t off, to, at;

    return derived_member(d, t->type, t->key, &off, NULL) && derived_sym(d, t->name, &to) &&
           derived_pointer(d, va + off, &at) && at == to;
}

/** An object whose members t->key and t->link point to itself. */
bool derived_points_home(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t key, link, a, b;

    return derived_member(d, t->type, t->key, &key, NULL) &&
           derived_member(d, t->type, t->link, &link, NULL) && derived_pointer(d, va + key, &a) &&
           a == va && derived_pointer(d, va + link, &b) && b == va;
}

/** A table of 255 pointers to structs, each where the rest of its own number puts it
 * (fs/char_dev.c, block/genhd.c). */
bool derived_majors(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { MAJORS = 255, FEW = 2 };
    unsigned found = 0;
    uint64_t off, at;
    uint32_t number;

    if (!derived_member(d, t->type, t->name, &off, NULL))
        return false;
    for (unsigned i = 0; i < MAJORS; i++) {
        if (!derived_pointer(d, va + i * d->model->ptr_size, &at))
            return false;
        if (!at)
            continue;
        if (derived_in_image(d, at) || !derived_word(d, at + off, &number) || number % MAJORS != i)
            return false;
        found++;
    }
    return found > FEW;
}

/** @n chains from @base on: each first element of one points back to its head, and has a pointer
 * t->key. @return how many are not empty; 0: one of them is no chain. */
static unsigned chains(const struct derive *d, const struct test *t, uint64_t base, unsigned n)
{
    const unsigned ptr = d->model->ptr_size;
    uint64_t link, key, node, back, other, first;
    unsigned found = 0;

    if (!derived_member(d, t->type, t->link, &link, NULL) ||
        !derived_member(d, t->type, t->key, &key, NULL))
        return 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t head = base + (uint64_t)i * ptr;

        if (!linux_spend(d->f, LINUX_ELEMENTS, 1) || !derived_pointer(d, head, &node))
            return 0;
        node &= ~UINT64_C(1); // the lock of a struct hlist_bl_head
        if (!node)
            continue;
        if (!derived_pointer(d, node + ptr, &back) || back != head ||
            !derived_pointer(d, node - link + key, &other) || !derived_pointer(d, other, &first))
            return 0;
        found++;
    }
    return found;
}

/** A pointer to a hash table (fs/inode.c, fs/dcache.c). */
bool derived_hash_table(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { LOOKED_AT = 1024, FEW = 4 };
    uint64_t at;

    return derived_pointer(d, va, &at) && !derived_in_image(d, at) &&
           chains(d, t, at, LOOKED_AT) >= FEW;
}

/** An array of t->count chains. */
bool derived_hash_of(const struct derive *d, const struct test *t, uint64_t va)
{
    *d->room = (uint64_t)t->count * d->model->ptr_size;
    return chains(d, t, va, t->count);
}

/** The logarithm of how many chains it has, or that less than t->key_at: the last ones are some. */
bool derived_hash_shift(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { LOOKED_AT = 256, LEAST = 10, MOST = 28 };
    uint64_t table, at;
    uint32_t shift;

    if (!derived_sym(d, t->name, &table) || !derived_pointer(d, table, &at) ||
        !derived_word(d, va, &shift))
        return false;
    if (t->key_at)
        shift = t->key_at - shift;
    return shift >= LEAST && shift <= MOST &&
           chains(d, t, at + ((UINT64_C(1) << shift) - LOOKED_AT) * d->model->ptr_size, LOOKED_AT);
}

/** arm64: on the first CPU its struct has what MIDR_EL1 and CTR_EL0 cannot be without: all models
 * are of architecture 15, and bit 31 of the second is set (arch/arm64/kernel/cpuinfo.c). */
bool derived_midr(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t midr, ctr, at, offset, value;
    uint32_t word_;

    (void)t;
    return derived_member(d, "cpuinfo_arm64", "reg_midr", &midr, NULL) &&
           derived_member(d, "cpuinfo_arm64", "reg_ctr", &ctr, NULL) &&
           derived_sym(d, "__per_cpu_offset", &at) && derived_pointer(d, at, &offset) &&
           derived_pointer(d, va + offset + midr, &value) && value >> 32 == 0 &&
           (value >> 16 & 15) == 15 && value >> 24 && derived_word(d, va + offset + ctr, &word_) &&
           word_ >> 31;
}

/** A radix tree whose first irq_desc stores its own number. */
bool derived_irq_tree(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t head, entry, index, off;
    uint32_t irq;

    (void)t;
    return derived_member(d, "xarray", "xa_head", &head, NULL) &&
           first_entry(d, va + head, &entry, &index) &&
           derived_member(d, "irq_desc", "irq_data.irq", &off, NULL) &&
           derived_word(d, entry + off, &irq) && irq == index;
}

/** A sequence count followed by a timekeeper. A timekeeper contains one value twice: offs_real
 * is the negative of wall_to_monotonic. */
bool derived_timekeeper(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t real, sec, nsec, a, b, c;

    (void)t;
    if (!derived_member(d, "timekeeper", "offs_real", &real, NULL) ||
        !derived_member(d, "timekeeper", "wall_to_monotonic.tv_sec", &sec, NULL) ||
        !derived_member(d, "timekeeper", "wall_to_monotonic.tv_nsec", &nsec, NULL))
        return false;
    for (uint64_t off = 4; off <= 128; off += 4)
        if (derived_pointer(d, va + off + real, &a) && a &&
            derived_pointer(d, va + off + sec, &b) && derived_pointer(d, va + off + nsec, &c) &&
            a == -(b * 1000000000 + c))
            return true;
    return false;
}

/** "Linux version 6.1.0 (...) #1 ..." and the end of the line. 6.1 and later keep another one
 * beside it, without the build's version: a blank is in its place (init/version.c). */
bool derived_banner(const struct derive *d, const struct test *t, uint64_t va)
{
    static const char begin[] = "Linux version ";
    enum { BEGIN = sizeof begin - 1, BANNER_MAX = 512 };
    char text[BANNER_MAX];
    size_t n, len;

    (void)t;
    if (!eg_read(d->f->v, d->c->space, va, text, BEGIN + 1) || memcmp(text, begin, BEGIN) != 0 ||
        text[BEGIN] < '1' || text[BEGIN] > '9')
        return false;
    n = eg_read_some(d->f->v, d->c->space, va, text, sizeof text, NULL);
    len = strnlen(text, n);
    return len < n && len > BEGIN + 2 && text[len - 1] == '\n' && text[len - 2] != ' ';
}

/** An object whose member t->key points to the text t->name. */
bool derived_says(const struct derive *d, const struct test *t, uint64_t va)
{
    char text[NAME_LEN] = "";
    uint64_t off, at;

    return derived_member(d, t->type, t->key, &off, NULL) && derived_pointer(d, va + off, &at) &&
           eg_read_some(d->f->v, d->c->space, at, text, sizeof text - 1, NULL) &&
           !strcmp(text, t->name);
}

/** The distance between the per-CPU areas of the first two CPUs. */
bool derived_unit_size(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t at, first, second;
    uint32_t size;

    (void)t;
    return derived_sym(d, "__per_cpu_offset", &at) && derived_pointer(d, at, &first) &&
           derived_pointer(d, at + d->model->ptr_size, &second) && derived_word(d, va, &size) &&
           size && second - first == size;
}

/** The link-time address of the per-CPU variables: the address of the first per-CPU area minus
 * __per_cpu_offset[0] (mm/percpu.c). @at: address of the pointer to that area. */
bool derived_percpu_start(const struct derive *d, uint64_t at, uint64_t *va)
{
    uint64_t base, offset;

    if (!derived_pointer(d, at, &base) || !derived_sym(d, "__per_cpu_offset", &at) ||
        !derived_pointer(d, at, &offset) || !derived_in_image(d, base - offset) ||
        (base - offset) % 4096)
        return false;
    *va = base - offset;
    return true;
}

bool derived_first_unit(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t start;

    (void)t;
    return derived_percpu_start(d, va, &start);
}

/** Does @offset lead from per-CPU variables to a copy of them? Their own addresses begin at 0 on
 * x86 until 6.14, else they are in the image (arch/x86/kernel/vmlinux.lds.S). */
static bool leads_to_copy(const struct derive *d, uint64_t offset)
{
    const uint64_t last = d->c->end - d->model->ptr_size;
    uint64_t there;

    return derived_pointer(d, offset, &there) || derived_pointer(d, offset + d->c->start, &there) ||
           derived_pointer(d, offset + last, &there);
}

/** The first CPU has its copy of the variables, so the first entry is no address in the image.
 * Those of later CPUs may still be. */
bool derived_cpu_offsets(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { PAGE = 4096, APART_MAX = 1 << 28 };
    uint64_t first, second;

    (void)t;
    if (!derived_pointer(d, va, &first) || !derived_pointer(d, va + d->model->ptr_size, &second) ||
        !first || first % PAGE || second % PAGE || derived_in_image(d, first) ||
        !leads_to_copy(d, first))
        return false;
    return second > first ? second - first <= APART_MAX : derived_in_image(d, second);
}

/** Both parts have a power of two of entries, or bytes. */
bool derived_log_ring(const struct derive *d, const struct test *t, uint64_t va)
{
    static const char *const parts[][2] = { { "desc_ring.count_bits", "desc_ring.descs" },
                                            { "text_data_ring.size_bits", "text_data_ring.data" } };
    uint64_t bits, to, ring, at, first;
    uint32_t n;

    (void)t;
    if (!derived_pointer(d, va, &ring))
        return false;
    for (size_t i = 0; i < countof(parts); i++)
        if (!derived_member(d, "printk_ringbuffer", parts[i][0], &bits, NULL) ||
            !derived_member(d, "printk_ringbuffer", parts[i][1], &to, NULL) ||
            !derived_word(d, ring + bits, &n) || n < 4 || n >= 32 ||
            !derived_pointer(d, ring + to, &at) || !derived_pointer(d, at, &first))
            return false;
    return true;
}

/** The mapping of x86's vsyscall page. */
bool derived_vsyscall_page(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint64_t page = UINT64_C(0xffffffffff600000);
    uint64_t start, at;

    return derived_member(d, t->type, t->key, &start, NULL) &&
           derived_pointer(d, va + start, &at) && at == page;
}

/** A number of an enumeration of three. */
bool derived_one_of_three(const struct derive *d, const struct test *t, uint64_t va)
{
    uint32_t n;

    (void)t;
    return derived_word(d, va, &n) && n < 3;
}

/* ---- x86: where its address space is divided (Documentation/arch/x86/x86_64/mm.rst) ---- */

/** An address at which a region may begin: it is moved by multiples of what one entry of a table
 * of the third level maps (arch/x86/mm/kaslr.c). */
static bool region(const struct derive *d, uint64_t va, uint64_t *begin)
{
    const uint64_t step = UINT64_C(1) << 30;

    return derived_pointer(d, va, begin) && *begin % step == 0 && *begin >> 63 &&
           *begin < d->c->arch->image_min;
}

static bool maps(const struct derive *d, uint64_t va, uint64_t to)
{
    uint64_t pa;

    return eg_translate(d->f->v, d->c->space, va, d->f->phys, &pa) && pa == to;
}

bool derived_linear_base(const struct derive *d, const struct test *t, uint64_t va)
{
    const uint64_t root = d->c->paging.root, image = d->c->start - d->c->delta;
    uint64_t base;

    (void)t;
    return region(d, va, &base) && maps(d, base + root, root) && maps(d, base + image, image);
}

/** Pages of the image are used once each: they never were free (mm/mm_init.c). */
bool derived_is_memmap(const struct derive *d, uint64_t base)
{
    const uint64_t size = derived_size(d, "page");
    uint64_t used, task;
    uint32_t n;

    if (maps(d, base + d->c->paging.root, d->c->paging.root) ||
        !derived_member(d, "page", "_refcount.counter", &used, NULL) ||
        !derived_sym(d, "init_task", &task))
        return false;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t pa = (i ? task : d->c->start) - d->c->delta;

        if (!derived_word(d, base + (pa >> d->c->paging.arch->page_shift) * size + used, &n) ||
            n != 1)
            return false;
    }
    return true;
}

bool derived_memmap_base(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t base;

    (void)t;
    return region(d, va, &base) && derived_is_memmap(d, base);
}

/** Between the two. */
bool derived_vmalloc_base(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t base, at, before, behind;

    (void)t;
    return region(d, va, &base) && derived_sym(d, "page_offset_base", &at) &&
           derived_pointer(d, at, &before) && derived_sym(d, "vmemmap_base", &at) &&
           derived_pointer(d, at, &behind) && base > before && base < behind;
}

/** The header of its setup: Documentation/arch/x86/boot.rst. */
bool derived_boot_params(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { FLAG = 0x1fe, BYTES = 8 };
    uint8_t p[BYTES];

    (void)t;
    return eg_read(d->f->v, d->c->space, va + FLAG, p, sizeof p) && eg_le16(p) == 0xaa55 &&
           !memcmp(p + 4, "HdrS", 4);
}

/** A list that closes, each element of which leads to types of a module, with its name. */
bool derived_module_btfs(const struct derive *d, const struct test *t, uint64_t va)
{
    const struct eg_binding b = linux_binding(d->c);
    uint64_t link, btf, kernel, name, at;
    struct eg_list_walk w;
    struct eg_obj element;
    bool fit = true;

    (void)t;
    if (!derived_member(d, "btf_module", "list", &link, NULL) ||
        !derived_member(d, "btf_module", "btf", &btf, NULL) ||
        !derived_member(d, "btf", "kernel_btf", &kernel, NULL) ||
        !derived_member(d, "btf", "name", &name, NULL))
        return false;
    w = linux_list(d->f->v, d->c->space, &b, va, link);
    while (fit && linux_spend(d->f, LINUX_ELEMENTS, 1) && eg_list_next_(&w, &element)) {
        uint8_t is = 0;

        fit = derived_pointer(d, element.addr + btf, &at) &&
              eg_read(d->f->v, d->c->space, at + kernel, &is, 1) && is == 1 &&
              derived_is_text(d, at + name);
    }
    return fit && w.n && !w.why;
}

/* ---- swap ---- */

enum { SWAP_DEVICES = 32 };

/** Pointers to structs that store their own number in the array, of which one is in use. */
bool derived_swap_devices(const struct derive *d, const struct test *t, uint64_t va)
{
    const unsigned ptr = d->model->ptr_size;
    uint64_t type, flags, file, at, opened;
    unsigned used = 0;

    (void)t;
    if (!derived_member(d, "swap_info_struct", "type", &type, NULL) ||
        !derived_member(d, "swap_info_struct", "flags", &flags, NULL) ||
        !derived_member(d, "swap_info_struct", "swap_file", &file, NULL))
        return false;
    for (unsigned i = 0; i < SWAP_DEVICES && derived_pointer(d, va + i * ptr, &at) && at; i++) {
        uint64_t bits;
        uint8_t own;

        if (derived_in_image(d, at) || !eg_read(d->f->v, d->c->space, at + type, &own, 1) ||
            own != i || !derived_pointer(d, at + flags, &bits) ||
            !derived_pointer(d, at + file, &opened))
            break;
        used += bits & 1 && opened && derived_pointer(d, opened, &opened);
    }
    return used;
}

/** Pointers to address spaces of no file, with operations that are in the image. */
bool derived_swap_caches(const struct derive *d, const struct test *t, uint64_t va)
{
    uint64_t host, ops, at, a, b;

    (void)t;
    return derived_member(d, "address_space", "host", &host, NULL) &&
           derived_member(d, "address_space", "a_ops", &ops, NULL) && derived_pointer(d, va, &at) &&
           at && !derived_in_image(d, at) && derived_pointer(d, at + host, &a) && !a &&
           derived_pointer(d, at + ops, &b) && derived_in_image(d, b);
}

/** The first entry of a red-black tree whose root is at @at. */
static bool first_node(const struct derive *d, uint64_t at, uint64_t link, uint64_t *entry)
{
    *entry = 0;
    if (!derived_pointer(d, at, &at) || !at)
        return false;
    *entry = at - link;
    return true;
}

/** Pointers to trees, xarrays since 6.10, with an entry that stores the number of the device. */
bool derived_zswap_trees(const struct derive *d, const struct test *t, uint64_t va)
{
    enum { TREES = 64, TYPE_SHIFT = 58 };
    const unsigned ptr = d->model->ptr_size;
    uint64_t root = 0, size, slot, link = 0, head = 0, trees, entry, index, value;
    const bool old = derived_member(d, "zswap_tree", "rbroot.rb_node", &root, NULL);

    (void)t;
    size = derived_size(d, old ? "zswap_tree" : "xarray");
    if (!size || !derived_member(d, "zswap_entry", "swpentry.val", &slot, NULL) ||
        (old ? !derived_member(d, "zswap_entry", "rbnode", &link, NULL)
             : !derived_member(d, "xarray", "xa_head", &head, NULL)))
        return false;
    for (unsigned i = 0; i < SWAP_DEVICES && derived_pointer(d, va + i * ptr, &trees); i++)
        for (unsigned k = 0; trees && !derived_in_image(d, trees) && k < TREES; k++) {
            const uint64_t tree = trees + k * size;

            if (!linux_spend(d->f, LINUX_ELEMENTS, 1))
                return false;
            if (!(old ? first_node(d, tree + root, link, &entry)
                      : first_entry(d, tree + head, &entry, &index)))
                break;
            return derived_pointer(d, entry + slot, &value) && value >> TYPE_SHIFT == i;
        }
    return false;
}
