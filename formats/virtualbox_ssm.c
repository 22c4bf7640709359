/* virtualbox_ssm.c - records of saved states, version 2.0 (VirtualBox 3.1 and later,
 * src/VBox/VMM/VMMR3/SSM.cpp). All numbers are little-endian:
 *
 *   unit: "\nUnit\n" in 8 bytes, u64 its offset, u32 checksum of the file so far, u32 checksum of
 *     this header with the name (computed with zeros here), u32 version, u32 instance, u32 pass,
 *     u32 flags, u32 length of the name, the name with a NUL; then records
 *   after the last unit: "\nTheEnd" in 8 bytes
 *   record: u8 (bits 0-3 type, bit 4 important, bit 7 always set), its length encoded as UTF-8
 *     encodes a character, its bytes */
#include "virtualbox_ssm.h"
#include <zlib.h>

enum {
    UNIT_HEADER = 44,
    NAME_MAX_ = 48,
    CRC_AT = 20,
    RECORD_HEADER_MAX = 7,
};

bool eg_ssm_unit(const struct eg_ssm *s, uint64_t at, struct eg_ssm_unit *out)
{
    static const uint8_t zeros[4];
    uint8_t h[UNIT_HEADER + NAME_MAX_];
    uint32_t name_len;
    uLong crc;

    *out = (struct eg_ssm_unit){ 0 };
    if (!eg_within(at, UNIT_HEADER, s->size) || !eg_read(s->view, s->file, at, h, UNIT_HEADER))
        return false;
    out->last = !memcmp(h, "\nTheEnd", 8);
    if (out->last)
        return true;
    name_len = eg_le32(h + 40);
    if (memcmp(h, "\nUnit\n\0", 8) != 0 || name_len > NAME_MAX_ ||
        !eg_within(at + UNIT_HEADER, name_len, s->size) ||
        !eg_read(s->view, s->file, at + UNIT_HEADER, h + UNIT_HEADER, name_len))
        return false;
    memcpy(out->name, h + UNIT_HEADER, name_len);
    out->version = eg_le32(h + 24);
    out->instance = eg_le32(h + 28);
    out->pass = eg_le32(h + 32);
    out->data = at + UNIT_HEADER + name_len;
    crc = crc32(0, h, CRC_AT);
    crc = crc32(crc, zeros, sizeof zeros);
    crc = crc32(crc, h + CRC_AT + 4, (uInt)(UNIT_HEADER - CRC_AT - 4 + name_len));
    out->checked = crc == eg_le32(h + CRC_AT);
    return true;
}

bool eg_ssm_record(const struct eg_ssm *s, uint64_t at, struct eg_ssm_record *out)
{
    uint8_t h[RECORD_HEADER_MAX] = { 0 };
    unsigned more = 0;
    uint64_t len;

    if (at >= s->size)
        return false;
    eg_read_some(s->view, s->file, at, h, EG_MIN(sizeof h, s->size - at), NULL);
    if ((h[0] & 0xe0) != 0x80 || (h[1] & 0xc0) == 0x80 || h[1] >= 0xfe)
        return false;
    while (h[1] & 0x80 && h[1] & 0x40 >> more)
        more++; // further bytes: one less than the leading ones of the first
    len = h[1] & (more ? 0x3f >> more : 0x7f);
    for (unsigned i = 0; i < more; i++) {
        if ((h[2 + i] & 0xc0) != 0x80)
            return false;
        len = len << 6 | (h[2 + i] & 0x3f);
    }
    *out = (struct eg_ssm_record){ .type = h[0] & 15, .at = at + 2 + more, .len = len };
    return eg_within(out->at, len, s->size);
}

/** Move to the bytes of the next record, which must be raw. */
static bool enter(struct eg_ssm *s)
{
    struct eg_ssm_record r;

    if (!eg_ssm_record(s, s->at, &r) || r.type != EG_SSM_RAW)
        return false;
    s->at = r.at;
    s->left = r.len;
    return true;
}

bool eg_ssm_get(struct eg_ssm *s, void *to, size_t len)
{
    uint8_t *p = to;

    while (len) {
        const size_t n = (size_t)EG_MIN(s->left, (uint64_t)len);

        if (!eg_read(s->view, s->file, s->at, p, n))
            return false;
        p += n;
        len -= n;
        s->at += n;
        s->left -= n;
        if (len && !enter(s))
            return false;
    }
    return true;
}

bool eg_ssm_skip(struct eg_ssm *s, uint64_t len)
{
    while (len) {
        const uint64_t n = EG_MIN(s->left, len);

        len -= n;
        s->at += n;
        s->left -= n;
        if (len && !enter(s))
            return false;
    }
    return true;
}

/** Read the header of a page's record. @return false: it is no page. */
static bool page_record(const struct eg_ssm *s, uint64_t at, struct eg_ssm_record *out)
{
    uint8_t kib;

    if (!eg_ssm_record(s, at, out))
        return false;
    if (out->type == EG_SSM_RAW)
        return out->len == EG_SSM_PAGE;
    return (out->type == EG_SSM_LZF || out->type == EG_SSM_ZERO) && out->len &&
           eg_read(s->view, s->file, out->at, &kib, 1) && kib == EG_SSM_PAGE >> 10;
}

bool eg_ssm_page(struct eg_ssm *s, uint64_t *at)
{
    struct eg_ssm_record r;

    if (s->left || !page_record(s, s->at, &r))
        return false;
    *at = s->at;
    s->at = r.at + r.len;
    return true;
}

/** LZF (liblzf). A byte n below 32: n + 1 literal bytes follow. Else a copy of earlier output: the
 * upper 3 bits are its length - 2 (all ones: plus the next byte), the lower 5 bits and the next
 * byte its distance - 1. @return false: damaged, or not exactly @out_len bytes. */
static bool unlzf(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    size_t i = 0, o = 0;

    while (i < in_len) {
        const uint8_t c = in[i++];
        size_t len = c < 32 ? c + 1u : c >> 5, back;

        if (c < 32) {
            if (len > in_len - i || len > out_len - o)
                return false;
            memcpy(out + o, in + i, len);
            i += len;
            o += len;
            continue;
        }
        if (len == 7 && i < in_len)
            len += in[i++];
        len += 2;
        if (i == in_len)
            return false;
        back = (size_t)((c & 31u) << 8 | in[i++]) + 1;
        if (back > o || len > out_len - o)
            return false;
        for (; len; len--, o++)
            out[o] = out[o - back]; // may overlap: byte by byte
    }
    return o == out_len;
}

bool eg_ssm_unpack(const struct eg_ssm *s, uint64_t at, void *page)
{
    uint8_t packed[EG_SSM_PAGE];
    struct eg_ssm_record r;

    if (!page_record(s, at, &r))
        return false;
    if (r.type == EG_SSM_RAW)
        return eg_read(s->view, s->file, r.at, page, EG_SSM_PAGE);
    if (r.type == EG_SSM_ZERO) {
        memset(page, 0, EG_SSM_PAGE);
        return true;
    }
    return r.len <= sizeof packed && eg_read(s->view, s->file, r.at + 1, packed, r.len - 1) &&
           unlzf(packed, r.len - 1, page, EG_SSM_PAGE);
}
