/* ring_fuzz.c - any bytes as the file of QEMU's plugin: its head and its first records; then what a
 * trace does with it. The input is the head's changeable part (64 bytes), then 96 bytes for each of
 * the records; the rest of a record is of its kind. */
#include "../../live/events_ring.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORDS = 16, HEAD = 64, EACH = 96 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(uint8_t *bytes, const uint8_t *data, size_t size)
{
    struct ring_head *h = (struct ring_head *)(void *)bytes;

    *h = (struct ring_head){ .magic = RING_MAGIC,
                             .version = RING_VERSION,
                             .control_at = RING_CONTROL_AT,
                             .records_at = RING_RECORDS_AT,
                             .n_records = RECORDS,
                             .record_size = sizeof(struct ring_record),
                             .machine = 62 };
    for (size_t i = 0; i < HEAD && i < size; i++)
        bytes[i] ^= data[i];
    for (size_t k = 0; k < RECORDS; k++) {
        struct ring_record *r = (struct ring_record *)(void *)(bytes + RING_RECORDS_AT) + k;
        const size_t at = HEAD + k * EACH;

        memset(r, 0x41, sizeof *r);
        r->seq = k + 1;
        if (at < size)
            memcpy((uint8_t *)r + 72, data + at, EACH < size - at ? EACH : size - at);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t len = RING_RECORDS_AT + RECORDS * sizeof(struct ring_record);
    const int fd = memfd_create("ring", MFD_CLOEXEC);
    uint8_t *bytes = calloc(1, len);
    struct events *s;
    struct eg_error e;
    struct event ev;
    char path[32];

    if (fd < 0 || !bytes)
        abort();
    make(bytes, data, size);
    if (write(fd, bytes, len) != (ssize_t)len)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d%s", fd, size & 1 ? ",sync" : "");
    if (!events_ring_open(&s, path, &e)) {
        while (s->ops->next(s, &ev, 0, &e) == 1) {
            const struct ring_record *n = events_ring_record(s);

            if (ev.state.n_regs > RING_REGS_MAX || n->entry_len > RING_ENTRY_MAX ||
                n->text_len[0] > RING_TEXT_MAX || n->text_len[1] > RING_TEXT_MAX ||
                n->comm[sizeof n->comm - 1])
                abort();
        }
        s->ops->close(s);
    }
    free(bytes);
    close(fd);
    return 0;
}
