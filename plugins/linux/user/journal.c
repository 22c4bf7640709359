/* journal.c - entries of systemd's journal and their fields. All numbers are little-endian. */
#include "journal.h"
#include "../../../core/base.h"
#include "config.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_XZ
#include <lzma.h>
#endif

enum {
    HEADER_MIN = 208, // of systemd 187
    OBJECT = 16,      // type, flags, size
    TYPE_DATA = 1,
    TYPE_ENTRY = 3,
    ENTRY = 64, // where an entry's references begin
    DATA = 64,  // where a field begins; 8 bytes more where it is compact
    ITEMS_MAX = 1024,
    COMPACT = 1 << 4, // HEADER_INCOMPATIBLE_COMPACT
    XZ = 1,
    LZ4 = 2,
    ZSTD = 4,
    PACKED_MAX = 1 << 20,
    REPEATED_MAX = 16, // how often each packed byte may be read: fields of the same bytes are one
    PACKED_MIN = 64 << 20,
};

bool linux_journal_open(struct linux_journal *j, struct eg_view *v, struct eg_space *file,
                        uint64_t size)
{
    uint8_t h[HEADER_MIN];

    *j = (struct linux_journal){ .view = v, .file = file, .size = size, .header = HEADER_MIN };
    if (size < HEADER_MIN)
        return false;
    if (!eg_read(v, file, 0, h, sizeof h))
        return true; // the rest may be there
    if (memcmp(h, "LPKSHHRH", 8) != 0)
        return false;
    j->known = true;
    j->compact = eg_le32(h + 12) & COMPACT;
    j->header = eg_le64(h + 88);
    j->n_entries = eg_le64(h + 152);
    j->tail_seqnum = eg_le64(h + 160);
    j->first_usec = eg_le64(h + 184);
    j->last_usec = eg_le64(h + 192);
    if (j->header < HEADER_MIN || j->header > size || j->header % 8)
        j->header = HEADER_MIN;
    return true;
}

bool linux_journal_entry_at(const struct linux_journal *j, uint64_t offset,
                            struct linux_journal_entry *out)
{
    const uint64_t year_2000 = UINT64_C(946684800000000), year_2200 = UINT64_C(7258118400000000);
    uint8_t h[ENTRY];
    uint64_t size;

    if (offset < j->header || offset % 8 || !eg_read(j->view, j->file, offset, h, sizeof h) ||
        h[0] != TYPE_ENTRY || h[1] || eg_le32(h + 2) || h[6] || h[7])
        return false;
    size = eg_le64(h + 8);
    *out = (struct linux_journal_entry){ .offset = offset,
                                         .seqnum = eg_le64(h + 16),
                                         .realtime = eg_le64(h + 24),
                                         .item_bytes = j->compact ? 4 : 16 };
    if (size < ENTRY + out->item_bytes || (size - ENTRY) % out->item_bytes)
        return false;
    out->items = (size - ENTRY) / out->item_bytes;
    return out->items <= ITEMS_MAX && out->seqnum && out->realtime > year_2000 &&
           out->realtime < year_2200 && offset + size <= j->size &&
           (!j->known || !j->tail_seqnum || out->seqnum <= j->tail_seqnum);
}

/* @return the bytes that were made; 0: damaged. */
static size_t unzstd(const uint8_t *p, size_t n, uint8_t *out, size_t max)
{
    ZSTD_DStream *d = ZSTD_createDStream();
    ZSTD_inBuffer in = { p, n, 0 };
    ZSTD_outBuffer made = { out, max, 0 };
    size_t left = d ? 1 : 0;

    while (left && !ZSTD_isError(left) && made.pos < max) {
        const size_t before = in.pos + made.pos;

        left = ZSTD_decompressStream(d, &made, &in);
        if (in.pos + made.pos == before)
            break;
    }
    ZSTD_freeDStream(d);
    return ZSTD_isError(left) ? 0 : made.pos;
}

#ifdef HAVE_LZ4
/* Its unpacked size, and one block. */
static size_t unlz4(const uint8_t *p, size_t n, uint8_t *out, size_t max)
{
    int made;

    if (n <= 8 || n > INT_MAX || max > INT_MAX)
        return 0;
    made = LZ4_decompress_safe_partial((const char *)p + 8, (char *)out, (int)n - 8, (int)max,
                                       (int)max);
    return made > 0 ? (size_t)made : 0;
}
#endif

#ifdef HAVE_XZ
static size_t unxz(const uint8_t *p, size_t n, uint8_t *out, size_t max)
{
    lzma_stream s = LZMA_STREAM_INIT;
    size_t made = 0;

    if (lzma_stream_decoder(&s, UINT64_C(64) << 20, 0) != LZMA_OK)
        return 0;
    s.next_in = p;
    s.avail_in = n;
    s.next_out = out;
    s.avail_out = max;
    switch (lzma_code(&s, LZMA_FINISH)) {
    case LZMA_OK:
    case LZMA_STREAM_END:
    case LZMA_BUF_ERROR: // the room is full
        made = max - s.avail_out;
        break;
    default:
        break;
    }
    lzma_end(&s);
    return made;
}
#endif

static enum linux_journal_field unpack(struct linux_journal *j, uint64_t at, size_t n,
                                       unsigned codec, uint8_t *out, size_t max, size_t *len)
{
    size_t (*with)(const uint8_t *p, size_t n, uint8_t *out, size_t max) = NULL;
    enum linux_journal_field got = LINUX_JOURNAL_DAMAGED;
    uint8_t *packed;

    if (codec == ZSTD)
        with = unzstd;
#ifdef HAVE_LZ4
    if (codec == LZ4)
        with = unlz4;
#endif
#ifdef HAVE_XZ
    if (codec == XZ)
        with = unxz;
#endif
    if (!with)
        return codec == XZ || codec == LZ4 ? LINUX_JOURNAL_NO_CODEC : LINUX_JOURNAL_DAMAGED;
    if (n > PACKED_MAX || !(packed = malloc(n)))
        return LINUX_JOURNAL_DAMAGED;
    j->unpacked += n;
    j->excess |= j->unpacked / REPEATED_MAX > j->size && j->unpacked > PACKED_MIN;
    if (!eg_read(j->view, j->file, at, packed, n))
        got = LINUX_JOURNAL_ABSENT;
    else if ((*len = with(packed, n, out, max)))
        got = LINUX_JOURNAL_FIELD;
    free(packed);
    return got;
}

enum linux_journal_field linux_journal_field(struct linux_journal *j,
                                             const struct linux_journal_entry *e, uint64_t i,
                                             uint8_t *out, size_t max, size_t *len)
{
    const uint64_t begin = DATA + (j->compact ? 8 : 0);
    uint8_t ref[8] = { 0 }, h[OBJECT];
    uint64_t at, size;

    *len = 0;
    if (i >= e->items || j->excess)
        return LINUX_JOURNAL_DAMAGED;
    j->referred += e->item_bytes;
    if ((j->excess = j->referred > j->size))
        return LINUX_JOURNAL_DAMAGED;
    if (!eg_read(j->view, j->file, e->offset + ENTRY + i * e->item_bytes, ref, j->compact ? 4 : 8))
        return LINUX_JOURNAL_ABSENT;
    at = eg_le64(ref);
    if (at < j->header || at % 8 || at >= j->size)
        return LINUX_JOURNAL_DAMAGED;
    if (!eg_read(j->view, j->file, at, h, sizeof h))
        return LINUX_JOURNAL_ABSENT;
    size = eg_le64(h + 8);
    if (h[0] != TYPE_DATA || size <= begin || size > j->size - at)
        return LINUX_JOURNAL_DAMAGED;
    size -= begin;
    if (h[1])
        return unpack(j, at + begin, (size_t)size, h[1], out, max, len);
    *len = (size_t)EG_MIN(size, (uint64_t)max);
    return eg_read(j->view, j->file, at + begin, out, *len) ? LINUX_JOURNAL_FIELD
                                                            : LINUX_JOURNAL_ABSENT;
}
