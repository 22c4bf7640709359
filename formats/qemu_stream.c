/* qemu_stream.c - indexes a migration stream (QEMU: migration/savevm.c, ram.c, xbzrle.c) in one
 * pass, without decompressing. All numbers are big-endian:
 *
 *   "QEVM", u32 version, then sections:
 *   u8 type
 *   START and FULL: u32 id, u8 n, n bytes of name, u32 instance, u32 version;  PART and END: u32 id
 *   the content, whose length only the device's own code knows
 *   footer (machines since 2.4): u8 0x7e, u32 id
 *
 * A record of the section "ram" is a u64: an address in a block, and flags in its low bits. */
#include "../core/parallel.h"
#include "qemu.h"
#include "sparse.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SECTION_START = 1,
    SECTION_PART = 2,
    SECTION_END = 3,
    SECTION_FULL = 4,
    SUBSECTION = 5,
    CONFIGURATION = 7,
    COMMAND = 8,
    FOOTER = 0x7e,

    ZERO = 2,
    MEM_SIZE = 4,
    PAGE = 8,
    EOS = 0x10,
    CONTINUE = 0x20, // the block is that of the record before
    XBZRLE = 0x40,
    HOOK = 0x80,
    COMPRESS = 0x100, // until QEMU 9.0
    MULTIFD_FLUSH = 0x200,
    FLAGS = 0x3fe,

    BLOCKS_MAX = 4096, // a machine has some dozens
    RECORD_MIN = 9,
    SLACK = 512,           // pages that are indexed in the smallest file
    SEARCH_MAX = 64 << 20, // bytes that are searched for a next record after damage, in all
};

struct stream {
    struct eg_qemu *q;
    struct eg_image *img;
    struct eg_view *v;
    uint64_t at;
    uint32_t ram_id;
    bool in_ram, ended; // START, END of "ram" have been read
    size_t block;       // of the last record; blocks.n: an unknown one
    uint64_t unknown, beyond;
    uint64_t search; // bytes that may still be searched
    uint64_t shown;
    struct eg_progress_line *progress;
    bool starved;
};

/** One record of a page. */
struct record {
    uint64_t addr; // in the block
    uint32_t flags;
    size_t block;
    uint64_t data, next; // the end of its header; the end of the record
};

static const uint8_t *bytes(struct stream *s, uint64_t at, size_t n)
{
    return eg_within(at, n, s->q->size) ? eg_bytes(s->v, s->q->file, at, n) : NULL;
}

static bool get(struct stream *s, size_t n, uint64_t *out)
{
    const uint8_t *p = bytes(s, s->at, n);

    if (!p)
        return false;
    *out = n == 1 ? p[0] : n == 2 ? eg_be16(p) : n == 4 ? eg_be32(p) : eg_be64(p);
    s->at += n;
    return true;
}

static bool skip(struct stream *s, uint64_t n)
{
    if (!eg_within(s->at, n, s->q->size))
        return false;
    s->at += n;
    return true;
}

/** A text after its length, which has @n bytes. */
static bool text(struct stream *s, size_t n, char out[256])
{
    uint64_t len;

    if (!get(s, n, &len) || len > 255 || !eg_within(s->at, len, s->q->size) ||
        !eg_read(s->v, s->q->file, s->at, out, len))
        return false;
    out[len] = 0;
    s->at += len;
    return true;
}

/** The machine's name, and options that differ from their defaults. */
static bool configuration(struct stream *s)
{
    const uint8_t *p;
    uint64_t n, version;
    char name[256];

    if (!text(s, 4, name))
        return false;
    memcpy(s->q->machine, name, strnlen(name, sizeof s->q->machine - 1));
    while ((p = bytes(s, s->at, 1)) && *p == SUBSECTION) {
        s->at++;
        if (!text(s, 1, name) || !get(s, 4, &version))
            return false;
        if (!strcmp(name, "configuration/target-page-bits")) {
            if (!get(s, 4, &n) || n < 10 || n > 16)
                return false;
            s->q->page_shift = (uint8_t)n;
            s->q->page_known = true;
        } else if (!strcmp(name, "configuration/capabilities")) {
            if (!get(s, 4, &n))
                return false;
            while (n--) {
                if (!text(s, 1, name))
                    return false;
                s->q->ignore_shared |= !strcmp(name, "x-ignore-shared");
                s->q->mapped_ram |= !strcmp(name, "mapped-ram");
            }
        } else if (!strcmp(name, "configuration/uuid")) {
            if (!skip(s, 16))
                return false;
        } else {
            return false;
        }
    }
    return p;
}

/** With capability mapped-ram, a header follows the block's entry, then room for bitmap and
 * pages. */
static bool mapped(struct stream *s, struct eg_qemu_block *b)
{
    uint64_t version, page, bitmap, data, base, len;

    if (!get(s, 4, &version) || version != 1 || !get(s, 8, &page) || !get(s, 8, &bitmap) ||
        !get(s, 8, &data))
        return false;
    if (!bitmap && !data) {
        b->elsewhere = true;
        return true;
    }
    // Places in the whole file; the stream may begin somewhere in it. The bitmap follows at once.
    if (page != UINT64_C(1) << s->q->page_shift || bitmap < s->at || data < bitmap ||
        data - bitmap < b->size / page / 8)
        return false;
    base = bitmap - s->at;
    b->mapped = true;
    b->bitmap = s->at;
    b->data = data - base;
    if (!eg_add(b->data, b->size, &len))
        return false;
    s->at = EG_MIN(len, s->q->size);
    s->q->cut |= len > s->q->size;
    return true;
}

/** Read the list of blocks, which have @total bytes together. */
static bool list_blocks(struct stream *s, uint64_t total)
{
    struct eg_qemu *q = s->q;

    while (total) {
        struct eg_qemu_block *b = q->blocks.n < BLOCKS_MAX ? eg_vec_push(&q->blocks) : NULL;
        uint64_t shared;

        if (!b)
            return false;
        if (!text(s, 1, b->name) || !get(s, 8, &b->size) || b->size > total ||
            (q->ignore_shared && !get(s, 8, &shared)) || (q->mapped_ram && !mapped(s, b))) {
            q->blocks.n--;
            return false;
        }
        total -= b->size;
    }
    return true;
}

/** Allocate the index: for not more pages than the file can hold. */
static bool make_index(struct stream *s)
{
    struct eg_qemu *q = s->q;

    eg_qemu_choose(q, s->img);
    for (size_t i = 0; i < q->blocks.n; i++) {
        struct eg_qemu_block *b = &q->blocks.at[i];

        if (!b->main || b->mapped || b->pages)
            continue;
        b->n_pages = EG_MIN(b->size >> q->page_shift, q->size / RECORD_MIN + SLACK);
        b->pages = calloc(b->n_pages ? b->n_pages : 1, sizeof *b->pages);
        if (!b->pages) {
            s->starved = true;
            return false;
        }
    }
    return true;
}

static size_t find_block(const struct eg_qemu *q, const char *name)
{
    size_t i = 0;

    while (i < q->blocks.n && strcmp(q->blocks.at[i].name, name) != 0)
        i++;
    return i;
}

/** Read the record of a page at @at. @return false: it is not valid, or not complete. s->at is
 * undefined afterwards. */
static bool read_record(struct stream *s, uint64_t at, struct record *r)
{
    const uint64_t page = UINT64_C(1) << s->q->page_shift;
    uint64_t head, len = 1;
    char name[256];

    s->at = at;
    if (!get(s, 8, &head))
        return false;
    *r = (struct record){ .addr = head & ~(page - 1),
                          .flags = head & (page - 1),
                          .block = s->block };
    if (!(r->flags & CONTINUE)) {
        if (!text(s, 1, name))
            return false;
        r->block = find_block(s->q, name);
    }
    r->data = s->at;
    switch (r->flags & ~(uint32_t)CONTINUE) {
    case ZERO:
        break;
    case PAGE:
        len = page;
        break;
    case COMPRESS:
        if (!get(s, 4, &len) || len > 2 * page)
            return false;
        len += 4;
        break;
    case XBZRLE: // u8 1, u16 length
        if (!get(s, 1, &head) || head != 1 || !get(s, 2, &len) || len > page)
            return false;
        r->data++;
        len += 2;
        break;
    default:
        return false;
    }
    s->at = r->data;
    if (!skip(s, len))
        return false;
    r->next = s->at;
    return true;
}

static bool index_record(struct stream *s, const struct record *r)
{
    const uint64_t page = r->addr >> s->q->page_shift;
    struct eg_qemu_block *b;
    struct eg_qemu_delta *d;
    uint64_t kind, value = r->data;
    const uint8_t *p;

    s->block = r->block;
    if (r->block == s->q->blocks.n) {
        s->unknown++;
        return true;
    }
    b = &s->q->blocks.at[r->block];
    if (!b->main || !b->pages)
        return true;
    if (page >= b->n_pages) {
        s->beyond++;
        return true;
    }
    switch (r->flags & ~(uint32_t)CONTINUE) {
    case ZERO:
        p = bytes(s, r->data, 1);
        if (!p)
            return true;
        kind = EG_QEMU_BYTE;
        value = *p;
        break;
    case PAGE:
        kind = EG_QEMU_PAGE;
        break;
    case COMPRESS:
        kind = EG_QEMU_ZLIB;
        break;
    default:
        d = eg_vec_push(&s->q->deltas);
        if (!d)
            return s->starved = true, false;
        *d = (struct eg_qemu_delta){ r->data, b->pages[page] };
        kind = EG_QEMU_DELTA;
        value = s->q->deltas.n - 1;
    }
    b->pages[page] = value << EG_QEMU_KIND_BITS | kind;
    return true;
}

/** The stream states its page size only for processors that have several. Find the one with which
 * the record of page 1 follows that of page 0; else it is 4 KiB. */
static void guess_page_size(struct stream *s)
{
    struct eg_qemu *q = s->q;
    const uint64_t at = s->at;
    struct record first, second;

    q->page_known = true;
    for (uint8_t shift = 16; shift >= 10; shift--) {
        q->page_shift = shift;
        if (read_record(s, at, &first) && !first.addr && first.block < q->blocks.n) {
            const size_t block = s->block;
            bool fits;

            s->block = first.block;
            fits = read_record(s, first.next, &second) && second.addr >> shift == 1 &&
                   second.block == first.block;
            s->block = block;
            if (fits)
                break;
        }
        q->page_shift = 12;
    }
    s->at = at;
}

/** Search after s->at for two adjacent records of known blocks. */
static bool resync(struct stream *s)
{
    uint64_t at = s->at + 1;

    s->q->cut = true;
    while (s->search && eg_within(at, 8, s->q->size) && !eg_cancelled) {
        size_t n = (size_t)EG_MIN(s->q->size - at, s->search);
        const uint8_t *p = eg_map_some(s->v, s->q->file, at, &n);
        struct eg_extent x;
        size_t i = 0;

        if (!p) {
            if (!eg_next_mapped(s->v, s->q->file, at, s->q->size - 1, &x))
                break;
            at = EG_MAX(x.start, (at | (EG_VIEW_PAGE - 1)) + 1);
            continue;
        }
        // The flags of a header have one kind, and CONTINUE or not.
        for (; i + 8 <= n; i++) {
            const uint32_t flags = eg_be16(p + i + 6) & 0x3ff & ~(uint32_t)CONTINUE;
            struct record r, after;

            if (flags != PAGE && flags != ZERO && flags != COMPRESS && flags != XBZRLE)
                continue;
            if (read_record(s, at + i, &r) && r.block < s->q->blocks.n &&
                r.addr < s->q->blocks.at[r.block].size) {
                s->block = r.block;
                if (read_record(s, r.next, &after) && after.block < s->q->blocks.n &&
                    after.addr < s->q->blocks.at[after.block].size &&
                    (after.block != r.block || after.addr > r.addr)) {
                    s->at = at + i;
                    return true;
                }
            }
            p = eg_map_some(s->v, s->q->file, at, &n); // reading may have invalidated it
            if (!p)
                break;
        }
        i = EG_MAX(i, (size_t)1);
        s->search -= EG_MIN(s->search, (uint64_t)i);
        at += i;
    }
    return false;
}

static void show_progress(struct stream *s)
{
    const uint64_t mib = s->at >> 20;

    if (mib > s->shown)
        eg_progress_add(s->progress, mib - s->shown);
    s->shown = EG_MAX(s->shown, mib);
}

/** The content of a section of RAM. @return false: the rest of the stream is lost. */
static bool ram_section(struct stream *s)
{
    struct eg_qemu *q = s->q;

    while (!eg_cancelled) {
        const uint64_t at = s->at;
        struct record r;
        uint64_t head;
        uint32_t flags;

        show_progress(s);
        if (!get(s, 8, &head))
            break;
        flags = head & FLAGS;
        if (head == EOS)
            return true;
        if (flags == MEM_SIZE && !q->blocks.n) {
            const bool whole = list_blocks(s, head & ~(uint64_t)0xfff);

            if (!make_index(s))
                return false;
            if (whole)
                continue;
            break;
        }
        if (head == HOOK)
            continue;
        if (head == MULTIFD_FLUSH) {
            q->multifd = true;
            continue;
        }
        s->at = at;
        if (!q->page_known && q->blocks.n)
            guess_page_size(s);
        if (read_record(s, at, &r)) {
            if (!index_record(s, &r))
                return false;
            s->at = r.next;
            continue;
        }
        s->at = at;
        if (at + 8 + (UINT64_C(1) << q->page_shift) >= q->size || !q->blocks.n)
            break;
        if (!resync(s)) {
            s->at = at;
            break;
        }
        eg_image_note(s->img,
                      "QEMU: no record of a page at %#" PRIx64 " of the stream; the next one is at "
                      "%#" PRIx64 ": what is between them is lost",
                      at, s->at);
    }
    return false;
}

/** Skip the content of an unknown section: search its footer and a section's type after it. */
static bool skip_section(struct stream *s, uint32_t id)
{
    const uint8_t mark[] = { FOOTER, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                             (uint8_t)id };

    while ((s->at = eg_find_bytes(s->v, s->q->file, s->at, s->q->size, mark, sizeof mark)) <
           s->q->size) {
        const uint8_t *next = bytes(s, s->at + sizeof mark, 1);

        show_progress(s);
        if (next && (*next <= SECTION_FULL || *next == COMMAND)) {
            s->at += sizeof mark;
            return true;
        }
        s->at++;
    }
    return false;
}

/** Read a section or command. @return false: nothing more can be read. */
static bool section(struct stream *s)
{
    uint64_t type, id, n;
    char name[256];

    if (!get(s, 1, &type))
        return false;
    switch (type) {
    case CONFIGURATION:
        return configuration(s);
    case COMMAND:
        return skip(s, 2) && get(s, 2, &n) && skip(s, n);
    case FOOTER:
        return skip(s, 4);
    case SECTION_START:
    case SECTION_FULL:
        if (!get(s, 4, &id) || !text(s, 1, name) || !skip(s, 8))
            return false;
        if (type == SECTION_START && !strcmp(name, "ram")) {
            s->in_ram = true;
            s->ram_id = (uint32_t)id;
            return ram_section(s);
        }
        return skip_section(s, (uint32_t)id);
    case SECTION_PART:
    case SECTION_END:
        if (!get(s, 4, &id))
            return false;
        if (!s->in_ram || id != s->ram_id)
            return skip_section(s, (uint32_t)id);
        s->ended = type == SECTION_END;
        if (ram_section(s))
            return !s->ended;
        s->ended = false;
        return false;
    default:
        return false;
    }
}

/** No section is at @at: continue with the next pages that can be found behind it. */
static bool again(struct stream *s, uint64_t at)
{
    const uint64_t page = UINT64_C(1) << s->q->page_shift;

    if (!s->in_ram || s->ended || s->starved || eg_cancelled || !s->q->page_known ||
        s->q->size - EG_MIN(at, s->q->size) < 2 * page)
        return false;
    s->at = at;
    if (!resync(s))
        return s->at = at, false;
    eg_image_note(s->img,
                  "QEMU: no section at %#" PRIx64 " of the stream; the next page is at %#" PRIx64
                  ": what is between them is lost",
                  at, s->at);
    return ram_section(s);
}

static void note(struct stream *s, uint64_t at)
{
    struct eg_qemu *q = s->q;

    if (!s->ended) {
        q->cut = true;
        if (s->at >= q->size || q->size - at < UINT64_C(9) << q->page_shift)
            eg_image_note(
                s->img, "QEMU: truncated: the stream ends before its memory does: pages that were "
                        "to be sent again have their earlier content");
        else
            eg_image_note(s->img,
                          "QEMU: the stream cannot be followed beyond %#" PRIx64 ": the last "
                          "%" PRIu64
                          " MiB of the file are left out, and pages that they send again "
                          "have their earlier content",
                          at, (q->size - at) >> 20);
    }
    if (s->unknown)
        eg_image_note(s->img, "QEMU: %" PRIu64 " pages of blocks that were not announced: left out",
                      s->unknown);
    if (s->beyond)
        eg_image_note(s->img, "QEMU: %" PRIu64 " pages beyond the end of their blocks: left out",
                      s->beyond);
    if (q->multifd && !q->mapped_ram)
        eg_image_note(s->img,
                      "QEMU: pages were sent through other channels (multifd): they are not "
                      "in this file");
}

int eg_qemu_stream(struct eg_qemu *q, struct eg_image *img, bool quiet, struct eg_error *e)
{
    struct stream s = { .q = q, .img = img, .v = img->view, .at = 8, .search = SEARCH_MAX };
    uint64_t at;

    s.progress = eg_progress_begin("indexing the stream", q->size >> 20, "MiB", quiet);
    do
        at = s.at;
    while (section(&s) || again(&s, at));
    eg_progress_end(s.progress);
    if (eg_cancelled)
        return eg_fail(e, EG_ECANCEL, "stopped");
    if (s.starved)
        return eg_fail(e, EG_ENOMEM, "%s: out of memory for the index of its pages", img->path);
    if (!q->blocks.n)
        return eg_fail(e, EG_EFORMAT,
                       "%s: QEMU migration stream: no memory found in it: is it cut off?",
                       img->path);
    note(&s, EG_MAX(at, s.at));
    q->devices = s.ended ? s.at : 0;
    return 0;
}
