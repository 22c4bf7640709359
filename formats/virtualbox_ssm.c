/* virtualbox_ssm.c - records of saved states, version 2.0 (VirtualBox 3.1 and later,
 * src/VBox/VMM/VMMR3/SSM.cpp). All is little-endian:
 *
 *   unit: 8 "\nUnit\n", u64 its offset, u32 checksum so far, u32 checksum of this header with the
 *     name (of zeros in its own place), u32 version, u32 instance, u32 pass, u32 flags, u32 length
 * of the name, the name with its zero; then records; behind the last unit 8 "\nTheEnd" record: u8:
 * bits 0-3 type, 4 important, 7 set; its length as UTF-8 would store it; so many bytes */
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
        more++; // bytes that follow the first: as many as it has ones, less one
    len = h[1] & (more ? 0x3f >> more : 0x7f);
    for (unsigned i = 0; i < more; i++) {
        if ((h[2 + i] & 0xc0) != 0x80)
            return false;
        len = len << 6 | (h[2 + i] & 0x3f);
    }
    *out = (struct eg_ssm_record){ .type = h[0] & 15, .at = at + 2 + more, .len = len };
    return eg_within(out->at, len, s->size);
}

/** Go into the next raw record. */
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

/** The record of a page, and how it is packed. */
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

/** LZF (liblzf): a byte below 32 is followed by so many bytes, and one, as they are; else its upper
 * 3 bits (and a further byte, if they are all ones) are a length, and its lower 5 with another byte
 * say how far back that was already. @return whether just @out_len bytes came out. */
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
