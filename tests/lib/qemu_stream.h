/** qemu_stream.h - migration streams as tests write them. */
#ifndef QEMU_STREAM_H
#define QEMU_STREAM_H

#include "mkdump.h"
#include <zlib.h>

enum {
    PAGE = 4096,
    RAM_ID = 2,
    OTHER_ID = 0x21,
    ZERO = 2,
    SIZE = 4,
    WHOLE = 8,
    EOS = 0x10,
    CONTINUE = 0x20,
    XBZRLE = 0x40,
    COMPRESS = 0x100,
    START = 1,
    PART = 2,
    END = 3,
    FULL = 4,
    FOOTER = 0x7e,
};

static inline void text(const char *s, size_t n)
{
    put(strlen(s), n);
    append(s, strlen(s));
}

static inline void section(int type, uint32_t id, const char *name)
{
    put((uint64_t)type, 1);
    put(id, 4);
    if (name) {
        text(name, 1);
        put(0, 4);
        put(4, 4);
    }
}

static inline void footer(uint32_t id)
{
    put(FOOTER, 1);
    put(id, 4);
}

static inline void begin(const char *machine)
{
    clear();
    file.big = true;
    put(0x5145564d, 4);
    put(3, 4);
    put(7, 1);
    text(machine, 4);
}

/** The list of one or two blocks. */
static inline void blocks(const char *a, uint64_t size_a, const char *b, uint64_t size_b)
{
    section(START, RAM_ID, "ram");
    put((size_a + (b ? size_b : 0)) | SIZE, 8);
    text(a, 1);
    put(size_a, 8);
    if (b) {
        text(b, 1);
        put(size_b, 8);
    }
    put(EOS, 8);
    footer(RAM_ID);
}

static inline void head(uint64_t page, uint32_t flags, const char *block)
{
    put(page * PAGE | flags | (block ? 0 : CONTINUE), 8);
    if (block)
        text(block, 1);
}

static inline void whole(uint64_t page, int c, const char *block)
{
    head(page, WHOLE, block);
    fill(c, PAGE);
}

static inline void zero(uint64_t page, int c, const char *block)
{
    head(page, ZERO, block);
    put((uint64_t)c, 1);
}

static inline void change(uint64_t page, unsigned at, uint8_t c)
{
    head(page, XBZRLE, NULL);
    put(1, 1);
    put(4, 2);
    put((at & 127) | 128, 1); // bytes that stay
    put(at >> 7, 1);
    put(1, 1); // one new byte
    put(c, 1);
}

static inline void packed(uint64_t page, int c)
{
    uint8_t content[PAGE], z[PAGE];
    uLongf n = sizeof z;

    memset(content, c, PAGE);
    assert_int_equal(compress(z, &n, content, PAGE), Z_OK);
    head(page, COMPRESS, NULL);
    put(n, 4);
    append(z, n);
}

static inline void end_ram(void)
{
    put(EOS, 8);
    footer(RAM_ID);
    section(END, RAM_ID, NULL);
    put(EOS, 8);
    footer(RAM_ID);
}

/** A machine of 256 pages; page 1 was sent three times. */
static inline void healthy(void)
{
    begin("pc-i440fx-7.2");
    put(8, 1); // a command
    put(1, 2);
    put(3, 2);
    fill(0x7e, 3);
    blocks("pc.ram", 256 * PAGE, "vga.vram", 16 * PAGE);
    section(START, OTHER_ID, "dirty-bitmap"); // not known: its end is found by its footer
    fill(FOOTER, 50);
    footer(OTHER_ID + 1);
    fill(1, 50);
    footer(OTHER_ID);
    section(PART, RAM_ID, NULL);
    whole(0, 0x10, "pc.ram");
    whole(1, 0x11, NULL);
    zero(2, 0, NULL);
    zero(3, 0, NULL);
    zero(4, 0xaa, NULL);
    whole(2, 0x66, "vga.vram");
    whole(0xa0, 0x77, "pc.ram"); // behind the screen's window
    packed(5, 0x15);
    whole(6, 0x16, NULL);
    put(EOS, 8);
    footer(RAM_ID);
    section(PART, RAM_ID, NULL);
    whole(1, 0x21, "pc.ram");
    change(1, 300, 0x31);
    change(1, 301, 0x41);
    change(1, 300, 0x51);
    zero(6, 0, NULL);
    change(3, 4095, 9);
    end_ram();
}

static inline void section_device(const char *name, const uint8_t *content, size_t n)
{
    section(FULL, OTHER_ID, name);
    append(content, n);
    footer(OTHER_ID);
}

static inline void check_healthy(void)
{
    static const struct {
        uint64_t at;
        int byte;
    } all[] = {
        { 0, 0x10 },
        { 4095, 0x10 },
        { PAGE, 0x21 },
        { PAGE + 299, 0x21 },
        { PAGE + 300, 0x51 },
        { PAGE + 301, 0x41 },
        { PAGE + 302, 0x21 },
        { 2 * PAGE, 0 },
        { 3 * PAGE + 4094, 0 },
        { 3 * PAGE + 4095, 9 },
        { 4 * PAGE, 0xaa },
        { 5 * PAGE + 99, 0x15 },
        { 6 * PAGE, 0 },
        { 7 * PAGE, -EG_ABSENT },
        { 0xa0000, -EG_ABSENT },
        { 0xc0000, -EG_ABSENT },
        { 0x100000, -EG_ABSENT },
    };

    for (size_t i = 0; i < countof(all); i++)
        if (peek(all[i].at) != all[i].byte)
            fail_msg("%#lx: %d, not %d", (long)all[i].at, peek(all[i].at), all[i].byte);
}

#endif
