/* pcapng.c - packets as a pcapng file. */
#include "pcapng.h"
#include <stdio.h>
#include <string.h>

enum {
    SECTION = 0x0a0d0d0a, // block types
    INTERFACE = 1,
    PACKET = 6,
    OPT_COMMENT = 1, // options
    IF_NAME = 2,
    IF_TSRESOL = 9,
    INTERFACES_MAX = 4096,
    COMMENT_MAX = 1024,
};

static void put(struct linux_pcapng *p, const void *bytes, size_t len)
{
    if (len && fwrite(bytes, 1, len, p->file) != len)
        p->failed = true;
}

static void put32(struct linux_pcapng *p, uint32_t v)
{
    const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

    put(p, b, sizeof b);
}

static void put_padded(struct linux_pcapng *p, const void *bytes, size_t len)
{
    put(p, bytes, len);
    put(p, "\0\0\0", -len & 3);
}

static size_t option_size(size_t len)
{
    return len ? 4 + ((len + 3) & ~(size_t)3) : 0;
}

static void put_option(struct linux_pcapng *p, unsigned code, const void *bytes, size_t len)
{
    if (!len)
        return;
    put32(p, code | (uint32_t)len << 16);
    put_padded(p, bytes, len);
}

bool linux_pcapng_open(struct eg_run *r, struct linux_pcapng *p, const char *name)
{
    *p = (struct linux_pcapng){ .file = eg_output(r, name) };
    if (!p->file)
        return false;
    put32(p, SECTION);
    put32(p, 28);
    put32(p, 0x1a2b3c4d); // byte order
    put32(p, 1);          // version 1.0
    put32(p, UINT32_MAX); // length of the section: not known
    put32(p, UINT32_MAX);
    put32(p, 28);
    return true;
}

/** The number of an interface, which is described when it is first used. */
static uint32_t interface_number(struct eg_run *r, struct linux_pcapng *p, const char *name,
                                 enum linux_linktype type)
{
    const size_t len = strlen(name), size = 20 + option_size(len) + option_size(1) + 4;
    const uint8_t nanoseconds = 9;

    for (size_t i = 0; i < p->n; i++)
        if (p->interfaces[i].type == type &&
            (strcmp(p->interfaces[i].name, name) == 0 || p->n >= INTERFACES_MAX))
            return (uint32_t)i;
    p->interfaces = eg_grow(r, p->interfaces, p->n, &p->cap, sizeof *p->interfaces);
    p->interfaces[p->n].name = name;
    p->interfaces[p->n].type = type;
    put32(p, INTERFACE);
    put32(p, (uint32_t)size);
    put32(p, (uint32_t)type);
    put32(p, 0); // no limit on the length of packets
    put_option(p, IF_NAME, name, len);
    put_option(p, IF_TSRESOL, &nanoseconds, 1);
    put32(p, 0); // the end of options
    put32(p, (uint32_t)size);
    return (uint32_t)p->n++;
}

void linux_pcapng_packet(struct eg_run *r, struct linux_pcapng *p, const char *interface,
                         enum linux_linktype type, uint64_t time, const uint8_t *bytes, size_t len,
                         const char *comment)
{
    size_t words = comment ? strlen(comment) : 0, size;
    uint32_t number;

    if (!p->file || len > UINT32_MAX / 2)
        return;
    if (words > COMMENT_MAX)
        words = COMMENT_MAX;
    number = interface_number(r, p, interface ? interface : "", type);
    size = 32 + ((len + 3) & ~(size_t)3) + option_size(words) + (words ? 4 : 0);
    put32(p, PACKET);
    put32(p, (uint32_t)size);
    put32(p, number);
    put32(p, (uint32_t)(time >> 32));
    put32(p, (uint32_t)time);
    put32(p, (uint32_t)len);
    put32(p, (uint32_t)len);
    put_padded(p, bytes, len);
    if (words) {
        put_option(p, OPT_COMMENT, comment, words);
        put32(p, 0);
    }
    put32(p, (uint32_t)size);
}

bool linux_pcapng_close(struct eg_run *r, struct linux_pcapng *p)
{
    if (!p->file)
        return true;
    return eg_output_done(r, p->file) && !p->failed;
}
