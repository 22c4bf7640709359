/* printk_buffer.c - the log from 3.11 to 5.9: one buffer of struct printk_log, each followed by its
 * text and its dictionary (kernel/printk/printk.c). */
#include "printk.h"
#include <string.h>

EG_FIELDS(printk_log, ts_nsec, len, text_len, dict_len, facility, level, caller_id);
EG_SYMBOL(log_buf, "char *");
EG_SYMBOL(log_buf_len, "u32");
EG_SYMBOL(log_first_idx, "u32");
EG_SYMBOL(log_next_idx, "u32");
EG_SYMBOL(log_first_seq, "u64");

/* KEY=value strings, a NUL between them. */
static const char *in_dict(struct eg_run *r, const char *dict, size_t len, const char *key)
{
    const size_t n = strlen(key);

    for (size_t at = 0; at < len; at += strnlen(dict + at, len - at) + 1)
        if (len - at > n && !memcmp(dict + at, key, n) && dict[at + n] == '=')
            return eg_strf(r, "%.*s", (int)strnlen(dict + at + n + 1, len - at - n - 1),
                           dict + at + n + 1);
    return NULL;
}

static bool record_at(struct eg_run *r, struct eg_obj log, uint16_t len,
                      struct linux_log_record *out)
{
    uint64_t room = len, head = eg_size(r, printk_log);
    uint16_t text_len, dict_len;
    char *bytes;

    if (!eg_get(&text_len, log, printk_log.text_len) ||
        !eg_get(&dict_len, log, printk_log.dict_len) ||
        !eg_get(&out->ts_nsec, log, printk_log.ts_nsec) ||
        !eg_get(&out->level, log, printk_log.level) ||
        !eg_get(&out->facility, log, printk_log.facility) || head + text_len + dict_len > room)
        return false;
    bytes = eg_tmp(r, (size_t)text_len + dict_len + 1);
    if (!eg_read(eg_view_of(r), eg_kernel(r), log.addr + head, bytes, (size_t)text_len + dict_len))
        return false;
    out->text = bytes;
    out->len = text_len;
    out->has_caller = eg_get(&out->caller, log, printk_log.caller_id);
    out->subsystem = in_dict(r, bytes + text_len, dict_len, "SUBSYSTEM");
    out->device = in_dict(r, bytes + text_len, dict_len, "DEVICE");
    return true;
}

static void walk(struct eg_run *r, linux_log_fn *emit, void *state)
{
    struct linux_log_record record = { .seq = 0 };
    uint64_t buf;
    uint32_t size, at, end, done = 0;
    uint16_t len;

    eg_load(&record.seq, eg_sym(r, log_first_seq));
    if (!eg_load(&buf, eg_sym(r, log_buf)) || !eg_load(&size, eg_sym(r, log_buf_len)) ||
        !eg_load(&at, eg_sym(r, log_first_idx)) || !eg_load(&end, eg_sym(r, log_next_idx))) {
        eg_note(r, "the log's buffer cannot be read");
        return;
    }
    while (at != end && done <= size && !eg_stopped(r)) {
        struct eg_obj log = eg_object(r, printk_log, buf + at);

        if (at >= size || !eg_get(&len, log, printk_log.len)) {
            eg_note(r, "the log broke after %u bytes", done);
            return;
        }
        if (!len) { // what follows is at the start
            done += size - at;
            at = 0;
            continue;
        }
        if (!record_at(r, log, len, &record)) {
            eg_note(r, "the log broke at record %llu, after %u bytes",
                    (unsigned long long)record.seq, done);
            return;
        }
        emit(r, state, &record);
        record.seq++;
        at += len;
        done += len;
    }
}

bool linux_log_buffer(struct eg_run *r, linux_log_fn *emit, void *state)
{
    if (!eg_has_type(r, printk_log))
        return false;
    walk(r, emit, state);
    return true;
}
