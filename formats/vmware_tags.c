/* vmware_tags.c - saved states of VMware. There is no specification; the layout is what crash
 * (vmware_vmss.h, by VMware), Volatility, mdb_kvm of illumos and LeechCore agree on. All numbers
 * are little-endian:
 *
 *   header: u32 magic, u32 version, u32 number of groups
 *   each group: 64 bytes name, u64 position, u64 size
 *   at a group's position, values, until 16 bits of zero:
 *     u8 (bits 0-5 size, bits 6-7 number of indices), u8 length of the name, name, u32 each index
 *     size 62 or 63, a block: its size in the file, its size in memory (u64; u32 in version 0),
 *       u16 length of padding, padding, bytes;  any other size: as many bytes */
#include "vmware_tags.h"
#include "sparse.h"

enum {
    HEADER = 12,
    GROUP = 80,
    GROUP_NAME = 64,
    GROUPS_MAX = 1 << 12, // usually there are some hundred
    TAGS_MAX = 1 << 21,   // usually some thousand for each CPU
    BLOCK = 62,           // this size and 63
    FAR = 64 << 10,       // of the search behind a damaged value
    NAME_USUAL = 32,
};

bool eg_vmware_is_state(const uint8_t *head)
{
    // Volatility and crash disagree about version 0: both are accepted.
    static const uint32_t magics[] = { 0xbed0bed0, 0xbed2bed0, 0xbad1bad1,
                                       0xbad2bad2, 0xbed2bed2, 0xbed3bed3 };

    for (size_t i = 0; i < countof(magics); i++)
        if (eg_le32(head) == magics[i])
            return true;
    return false;
}

bool eg_vmware_state_init(struct eg_vmware_state *s, struct eg_view *v, struct eg_space *file)
{
    const uint64_t size = eg_space_size(file);
    uint8_t magic[4];

    if (size < HEADER || !eg_read(v, file, 0, magic, sizeof magic) || !eg_vmware_is_state(magic))
        return false;
    *s = (struct eg_vmware_state){
        .view = v, .file = file, .size = size, .wide = magic[0] & 15, .left = TAGS_MAX
    };
    return true;
}

bool eg_vmware_group(struct eg_vmware_state *s, const char *name, uint64_t *at)
{
    uint8_t g[GROUP];
    uint32_t n;

    if (!eg_read_u32(s->view, s->file, 8, false, &n))
        return false;
    n = EG_MIN(n, (uint32_t)GROUPS_MAX);
    for (uint64_t i = 0; i < n && eg_within(HEADER + i * GROUP, GROUP, s->size); i++) {
        if (!eg_read(s->view, s->file, HEADER + i * GROUP, g, sizeof g))
            break;
        if (!strncmp((const char *)g, name, GROUP_NAME)) {
            *at = eg_le64(g + GROUP_NAME);
            return true;
        }
    }
    return false;
}

/** Read @len bytes at *@at, and move *@at to their end. */
static bool take(struct eg_vmware_state *s, uint64_t *at, void *to, size_t len)
{
    if (!eg_within(*at, len, s->size) || !eg_read(s->view, s->file, *at, to, len))
        return false;
    *at += len;
    return true;
}

static bool read_tag(struct eg_vmware_state *s, uint64_t at, struct eg_vmware_tag *t)
{
    const size_t word = s->wide ? 8 : 4;
    uint8_t b[18];
    size_t name_len;

    *t = (struct eg_vmware_tag){ 0 };
    if (!take(s, &at, b, 2))
        return false;
    name_len = b[1];
    t->size = t->mem_size = b[0] & 63;
    t->n_index = b[0] >> 6;
    if (!name_len || !take(s, &at, t->name, name_len))
        return false;
    for (size_t i = 0; i < name_len; i++)
        if (t->name[i] <= ' ' || t->name[i] > '~')
            return false;
    for (unsigned i = 0; i < t->n_index; i++) {
        if (!take(s, &at, b, 4))
            return false;
        t->index[i] = eg_le32(b);
    }
    t->at = at;
    if (t->size >= BLOCK) {
        if (!take(s, &at, b, 2 * word + 2))
            return false;
        t->size = s->wide ? eg_le64(b) : eg_le32(b);
        t->mem_size = s->wide ? eg_le64(b + 8) : eg_le32(b + 4);
        t->at = at + eg_le16(b + 2 * word);
    }
    return t->at <= s->size;
}

bool eg_vmware_tag(struct eg_vmware_state *s, uint64_t *at, struct eg_vmware_tag *out)
{
    static const uint8_t end[2];
    uint8_t b[2];

    if (eg_within(*at, 2, s->size) && eg_read(s->view, s->file, *at, b, 2) && !memcmp(b, end, 2))
        return false;
    if (!s->left || !read_tag(s, *at, out)) {
        s->cut = true;
        return false;
    }
    s->left--;
    // A truncated block is returned; nothing follows it.
    *at = out->size <= s->size - out->at ? out->at + out->size : s->size;
    return true;
}

bool eg_vmware_resume(struct eg_vmware_state *s, const char *prefix, uint64_t *at)
{
    const uint64_t end = EG_MIN(s->size, *at + FAR);
    struct eg_vmware_tag t;

    for (uint64_t i = *at + 3; i < end; i++) {
        i = eg_find_bytes(s->view, s->file, i, end, prefix, strlen(prefix));
        if (i < end && read_tag(s, i - 2, &t) && !strncmp(t.name, prefix, strlen(prefix)) &&
            strlen(t.name) < NAME_USUAL) {
            *at = i - 2;
            return true;
        }
    }
    return false;
}

bool eg_vmware_number(struct eg_vmware_state *s, const struct eg_vmware_tag *t, uint64_t *out)
{
    uint8_t b[8] = { 0 };
    uint64_t at = t->at;

    if (!t->size || t->size > sizeof b || !take(s, &at, b, (size_t)t->size))
        return false;
    *out = eg_le64(b);
    return true;
}
