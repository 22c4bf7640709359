/* tty - terminals: who has them, and what memory holds of their input and output
 * (drivers/tty/n_tty.c, tty_buffer.c, serial/serial_core.c). */
#include "../../core/base.h"
#include "../../core/map.h"
#include "../linux/fs/file.h"
#include "../linux/kernel/console.h"
#include "../linux/own/holders.h"
#include "../linux/sched/task.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

EG_FIELDS(tty_driver, name, ttys, num, tty_drivers, type);
EG_FIELDS(tty_struct, driver, index, ldisc, port, link, disc_data, driver_data, tty_files,
          write_buf, write_cnt, name);
EG_FIELD_AS(tty_session, tty_struct, "ctrl.session|session"); // moved in 5.15
EG_FIELD_AS(tty_pgrp, tty_struct, "ctrl.pgrp|pgrp");
EG_FIELDS(tty_ldisc, ops);
EG_FIELDS(tty_ldisc_ops, name, receive_buf);
EG_FIELD_AS(receive_buf2, tty_ldisc_ops, "receive_buf2");
EG_FIELDS(n_tty_data, read_buf, read_head, read_tail, echo_buf, echo_head, echo_tail);
EG_FIELD_AS(flip_head, tty_port, "buf.head");
EG_FIELD_AS(flip_free, tty_port, "buf.free.first");
EG_FIELD_AS(flip_sentinel, tty_port, "buf.sentinel");
EG_FIELD_AS(xmit_in, tty_port, "xmit_fifo.kfifo.in");
EG_FIELD_AS(xmit_out, tty_port, "xmit_fifo.kfifo.out");
EG_FIELD_AS(xmit_mask, tty_port, "xmit_fifo.kfifo.mask");
EG_FIELD_AS(xmit_data, tty_port, "xmit_fifo.kfifo.data");
EG_FIELDS(tty_buffer, next, used, size, read, data);
EG_FIELDS(tty_file_private, file, list, tty);
EG_FIELD_AS(file_private, file, "private_data");
EG_FIELD_AS(signal_tty, signal_struct, "tty");
EG_TYPE(file);
EG_TYPE(uart_state);
EG_FIELD_AS(uart_port_, uart_state, "port");
EG_FIELD_AS(uart_xmit_buf, uart_state, "xmit.buf"); // until 6.9
EG_FIELD_AS(uart_xmit_head, uart_state, "xmit.head");
EG_FIELD_AS(uart_xmit_tail, uart_state, "xmit.tail");
EG_FIELD_AS(pid_numbers, pid, "numbers");
EG_FIELD_AS(upid_number, upid, "nr");
EG_SYMBOL(tty_drivers, "list_head");

#define COLUMNS(C)                                                                                 \
    C(OFFSET, ADDR, "where its struct tty_struct or vc_data is", EG_MINOR)                         \
    C(TTY, TEXT, "the terminal: tty1, pts/0; ptm/0: the side of the program that made it")         \
    LINUX_COLUMN_PID(C)                                                                            \
    LINUX_COLUMN_COMM(C)                                                                           \
    C(FOREGROUND, INT, "the process group that may read from it", EG_MINOR)                        \
    C(OPENERS, TEXT, "processes that have it open")                                                \
    C(DISCIPLINE, TEXT, "the line discipline", EG_MINOR)                                           \
    C(HANDLER, TEXT, "its function that takes what was typed", EG_MINOR)                           \
    C(BUFFER, TEXT, "where the text lies: screen, input, echo, flip, output, write")               \
    C(STATE, TEXT, "waiting: not read, or not sent; past: what the buffer still holds of before")  \
    C(SCREEN_LINE, INT, "line of a screen, from 1", EG_MINOR)                                      \
    C(SIZE, INT, "bytes")                                                                          \
    C(TEXT, TEXT, "what stands there", EG_LIST)
EG_COLUMNS(COLUMNS);

enum {
    RING = 4096, // N_TTY_BUF_SIZE; a power of two
    TTYS_MAX = 1 << 16,
    NAME_LEN = 64,
    BUFFERS_MAX = 256,
    FLIP_MAX = 1 << 16,
    OPENERS_MAX = 64,
    FILES_MAX = 4096,
    DRIVERS_MAX = 512,
    SERIAL = 3, // TTY_DRIVER_TYPE_SERIAL (include/linux/tty_driver.h)
};

/** One terminal: what all of its rows have. */
struct line {
    struct eg_run *r;
    struct eg_obj tty;
    const char *name;
    struct eg_cell pid, comm, foreground, openers, discipline, handler;
    uint64_t rows;
};

static void text_row(struct line *l, const char *source, const char *state, const void *text,
                     size_t len)
{
    const uint8_t *from = text;

    // What was given on is often cleared.
    while (len && !from[len - 1])
        len--;
    while (len && !*from)
        from++, len--;
    text = from;
    if (!len)
        return;
    l->rows++;
    eg_row(l->r, .OFFSET = eg_addr(l->tty), .TTY = eg_text(l->name), .PID = l->pid, .COMM = l->comm,
           .FOREGROUND = l->foreground, .OPENERS = l->openers, .DISCIPLINE = l->discipline,
           .HANDLER = l->handler, .BUFFER = eg_text(source), .STATE = eg_text(state),
           .SIZE = eg_uint(len), .TEXT = eg_textn(text, len));
    if (eg_arg_flag(l->r, "dump")) {
        char name[2 * NAME_LEN]; // with the address: each namespace has its own pts/0
        void *file;

        snprintf(name, sizeof name, "%.40s-%" PRIx64 "-%" PRIu64 "-%s-%s.bin", l->name, l->tty.addr,
                 l->rows, source, state);
        for (char *p = name; *p; p++)
            if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *p))
                *p = '_';
        if (name[0] == '.')
            name[0] = '_';
        file = eg_output(l->r, name);
        if (file) {
            fwrite(text, 1, len, file);
            eg_output_done(l->r, file);
        }
    }
}

static void lost(struct line *l, const char *source)
{
    eg_row(l->r, .OFFSET = eg_addr(l->tty), .TTY = eg_text(l->name), .PID = l->pid, .COMM = l->comm,
           .FOREGROUND = l->foreground, .OPENERS = l->openers, .DISCIPLINE = l->discipline,
           .HANDLER = l->handler, .BUFFER = eg_text(source),
           .TEXT = eg_missing((enum eg_why)eg_view_of(l->r)->why, eg_view_of(l->r)->why_addr));
    l->rows++;
}

/* A ring of @size bytes, a power of two, at @at: [tail, head) waits, and what is before it was
 * there earlier. */
static void ring(struct line *l, const char *source, uint64_t at, size_t size, uint64_t head,
                 uint64_t tail)
{
    uint8_t *raw = eg_tmp(l->r, 2 * size), *text = raw + size;
    const uint64_t waiting = head - tail <= size ? head - tail : 0;
    size_t past = 0;

    if (!eg_read(eg_view_of(l->r), eg_kernel(l->r), at, raw, size)) {
        lost(l, source);
        return;
    }
    if (head - tail > size)
        eg_note(l->r, "%s: the %s buffer's ends cannot be true: it is shown from its beginning",
                l->name, source);
    for (uint64_t i = head - size; i != head - waiting; i++)
        text[past++] = raw[i & (size - 1)];
    text_row(l, source, "past", text, past);
    text = eg_tmp(l->r, size);
    for (uint64_t i = 0; i < waiting; i++)
        text[i] = raw[(tail + i) & (size - 1)];
    text_row(l, source, "waiting", text, waiting);
}

/* ---- input: the line discipline's buffers, and what the driver has not given to it yet ---- */

static void discipline(struct line *l)
{
    struct eg_obj data =
        eg_object(l->r, n_tty_data, eg_get_or((uint64_t)0, l->tty, tty_struct.disc_data));
    struct eg_obj buf = eg_at(data, n_tty_data.read_buf);
    uint64_t head, tail;

    if (buf.why)
        return;
    if (eg_get(&head, data, n_tty_data.read_head) && eg_get(&tail, data, n_tty_data.read_tail))
        ring(l, "input", buf.addr, RING, head, tail);
    else
        lost(l, "input");
    buf = eg_at(data, n_tty_data.echo_buf);
    if (eg_get(&head, data, n_tty_data.echo_head) && eg_get(&tail, data, n_tty_data.echo_tail) &&
        head != tail && head - tail <= RING)
        ring(l, "echo", buf.addr, RING, head, tail);
}

static void flip(struct line *l, struct eg_obj b, bool freed)
{
    struct eg_obj data = eg_at(b, tty_buffer.data);
    uint32_t used, read, size;
    uint8_t *bytes;

    if (!eg_get(&used, b, tty_buffer.used) || !eg_get(&read, b, tty_buffer.read) ||
        !eg_get(&size, b, tty_buffer.size) || !used)
        return;
    if (used > 2 * (uint64_t)size || size > FLIP_MAX) { // twice: for characters without flags
        eg_note(l->r, "%s: the buffer at %#" PRIx64 " has a size that cannot be true", l->name,
                b.addr);
        return;
    }
    if (freed || read > used)
        read = used;
    bytes = eg_tmp(l->r, used);
    if (!eg_read(eg_view_of(l->r), eg_kernel(l->r), data.addr, bytes, used)) {
        lost(l, "flip");
        return;
    }
    text_row(l, "flip", "past", bytes, read);
    text_row(l, "flip", "waiting", bytes + read, used - read);
}

static void flips(struct line *l, struct eg_obj port)
{
    struct eg_obj b = eg_deref(eg_at(port, flip_head));
    uint64_t sentinel = eg_at(port, flip_sentinel).addr, seen[BUFFERS_MAX];
    unsigned n = 0;

    for (int freed = 0; freed <= 1; freed++) {
        for (; !b.why && n < BUFFERS_MAX; b = eg_deref(eg_at(b, tty_buffer.next))) {
            unsigned i = 0;

            while (i < n && seen[i] != b.addr)
                i++;
            if (i < n)
                break;
            seen[n++] = b.addr;
            if (b.addr != sentinel)
                flip(l, b, freed);
        }
        b = eg_cast(eg_at(port, flip_free), tty_buffer); // a buffer begins with the link
        b = eg_deref(b);
    }
    if (n == BUFFERS_MAX)
        eg_note(l->r, "%s: only the first %d buffers of its input are shown", l->name, BUFFERS_MAX);
}

/* ---- output ---- */

static void output(struct line *l, struct eg_obj port)
{
    const uint64_t state_at = eg_get_or((uint64_t)0, l->tty, tty_struct.driver_data);
    struct eg_obj state = eg_object(l->r, uart_state, state_at);
    uint64_t at = 0, head, tail, mask;
    uint32_t written;
    uint8_t *bytes;

    // A serial port's state has the tty_port inside, as others' have.
    if (eg_get_or(0, l->tty, tty_struct.driver, tty_driver.type) == SERIAL && state_at &&
        eg_has(l->r, uart_xmit_buf) && eg_at(state, uart_port_).addr == port.addr) {
        if (eg_get(&at, state, uart_xmit_buf) && at && eg_get(&head, state, uart_xmit_head) &&
            eg_get(&tail, state, uart_xmit_tail))
            ring(l, "output", at, RING, head, head >= tail ? tail : tail - RING);
    } else if (eg_get(&at, port, xmit_data) && at && eg_get(&head, port, xmit_in) &&
               eg_get(&tail, port, xmit_out) && eg_get(&mask, port, xmit_mask) && mask < FLIP_MAX &&
               (mask & (mask + 1)) == 0 && mask) {
        ring(l, "output", at, mask + 1, head, tail);
    }
    // The last piece that a program wrote, which the kernel copied here first.
    if (!eg_get(&at, l->tty, tty_struct.write_buf) || !at ||
        !eg_get(&written, l->tty, tty_struct.write_cnt) || !written || written > FLIP_MAX)
        return;
    bytes = eg_tmp(l->r, written);
    if (eg_read(eg_view_of(l->r), eg_kernel(l->r), at, bytes, written))
        text_row(l, "write", "past", bytes, written);
    else
        lost(l, "write");
}

/* ---- who has it ---- */

static struct eg_cell openers(struct line *l)
{
    const struct linux_holders *all = linux_holders(l->r);
    struct eg_obj private;
    int64_t pids[OPENERS_MAX];
    const char *text = "";
    unsigned n = 0, files = 0;

    if (!all)
        return (struct eg_cell){ 0 };
    eg_each_list(private, eg_at(l->tty, tty_struct.tty_files), tty_file_private.list) {
        struct eg_obj file = eg_deref(eg_at(private, tty_file_private.file));
        const struct linux_holder *h;
        size_t count = 0;

        if (files++ == FILES_MAX) {
            eg_note(l->r, "%s: only the first %d files that have it open are looked at", l->name,
                    FILES_MAX);
            break;
        }
        h = linux_holders_of(all, linux_file_inode(l->r, file).addr, &count);
        for (size_t i = 0; h && i < count && n < OPENERS_MAX; i++) {
            unsigned k = 0;

            if (h[i].file != file.addr || h[i].pid < 0)
                continue;
            while (k < n && pids[k] != h[i].pid)
                k++;
            if (k == n)
                pids[n++] = h[i].pid;
        }
    }
    for (unsigned i = 0; i < n; i++) { // in order: a handful
        for (unsigned k = i + 1; k < n; k++)
            if (pids[k] < pids[i]) {
                const int64_t t = pids[i];

                pids[i] = pids[k];
                pids[k] = t;
            }
        text = eg_strf(l->r, "%s%s%" PRId64, text, i ? "," : "", pids[i]);
    }
    return eg_text(text);
}

/* The process with this id, if it lives. */
static struct eg_obj process(struct eg_run *r, int64_t pid)
{
    struct eg_obj task;

    linux_each_process(r, task)
        if (eg_get_or((int64_t)-1, task, task_struct.tgid) == pid)
            return task;
    return LINUX_NOBODY;
}

static struct eg_cell function(struct eg_run *r, uint64_t va)
{
    const char *name = eg_name_of(r, va);

    return eg_text(name ? name : eg_strf(r, "%#" PRIx64, va));
}

/* The id of a struct pid in the first pid namespace. */
static struct eg_obj first_number(struct eg_obj pid)
{
    return eg_at(eg_index(eg_at(pid, pid_numbers), 0), upid_number);
}

static void describe(struct line *l)
{
    struct eg_obj ops = eg_deref(eg_at(l->tty, tty_struct.ldisc, tty_ldisc.ops));
    struct eg_obj session = eg_at(l->tty, tty_session), group = eg_at(l->tty, tty_pgrp), task;
    uint64_t at = 0, receive = 0;
    int64_t pid;

    if (eg_load(&at, session) && at && eg_load(&pid, first_number(eg_deref(session)))) {
        l->pid = eg_int(pid);
        task = process(l->r, pid);
        if (!task.why)
            l->comm = linux_comm(task);
    }
    if (eg_load(&at, group) && at)
        l->foreground = eg_cell_of(first_number(eg_deref(group)));
    if (!ops.why) {
        l->discipline = eg_val(ops, tty_ldisc_ops.name);
        if ((eg_get(&receive, ops, receive_buf2) && receive) ||
            (eg_get(&receive, ops, tty_ldisc_ops.receive_buf) && receive))
            l->handler = function(l->r, receive);
    }
    l->openers = openers(l);
}

static void terminal(struct eg_run *r, struct eg_obj tty, const char *driver)
{
    struct line l = { .r = r, .tty = tty };
    const char *name = eg_string(r, eg_at(tty, tty_struct.name), NAME_LEN);
    struct eg_obj port = eg_deref(eg_at(tty, tty_struct.port));
    int32_t index;

    if (!name) {
        eg_note(r, "the terminal at %#" PRIx64 " of %s cannot be read", tty.addr, driver);
        return;
    }
    l.name = name;
    if ((!strcmp(driver, "pts") || !strcmp(driver, "ptm")) && eg_get(&index, tty, tty_struct.index))
        l.name = eg_strf(r, "%s/%" PRId32, driver, index);
    describe(&l);
    if (eg_arg_limits(r, "pid") && (l.pid.tag != EG_CELL_INT || !eg_arg_match(r, "pid", l.pid.i)))
        return;
    discipline(&l);
    flips(&l, port);
    output(&l, port);
    if (!l.rows) // it is there, with nothing in its buffers
        eg_row(r, .OFFSET = eg_addr(tty), .TTY = eg_text(l.name), .PID = l.pid, .COMM = l.comm,
               .FOREGROUND = l.foreground, .OPENERS = l.openers, .DISCIPLINE = l.discipline,
               .HANDLER = l.handler);
}

/* ---- terminals that no driver's table has: those of /dev/pts ---- */

struct found {
    struct eg_run *r;
    struct eg_map *seen; /**< those of drivers' tables, too */
    uint64_t at[TTYS_MAX / 4];
    size_t n;
    bool cut;
};

static void add(struct found *f, uint64_t tty)
{
    if (!tty || !eg_run_map_add(f->r, f->seen, tty, 0))
        return;
    if (f->n < countof(f->at))
        f->at[f->n++] = tty;
    else
        f->cut = true;
}

/* Both sides of one: of its files, of the sessions that have it, and each other's. */
static void pseudo_terminals(struct eg_run *r, struct eg_map *seen)
{
    struct found *f = eg_tmp(r, sizeof *f);
    const struct linux_holders *all = linux_holders(r);
    struct eg_obj task;
    uint64_t at, back;

    f->r = r;
    f->seen = seen;
    linux_each_process(r, task)
        if (eg_get(&at, task, task_struct.signal, signal_tty))
            add(f, at);
    for (size_t i = 0; all && i < all->n && !eg_stopped(r); i++) {
        struct eg_obj file = eg_object(r, file, all->at[i].file), private;

        if (!all->at[i].file || all->at[i].how == LINUX_HOLD_MAPPING ||
            all->at[i].how == LINUX_HOLD_EXE || !eg_get(&at, file, file_private) || !at)
            continue;
        private = eg_object(r, tty_file_private, at);
        // It says of which file it is, and nothing else there does.
        if (eg_get(&back, private, tty_file_private.file) && back == all->at[i].file &&
            eg_get(&at, private, tty_file_private.tty))
            add(f, at);
    }
    for (size_t i = 0; i < f->n; i++) // it grows by the other sides
        if (eg_get(&at, eg_object(r, tty_struct, f->at[i]), tty_struct.link))
            add(f, at);
    if (f->cut)
        eg_note(r, "only the first %zu terminals of /dev/pts are looked at", f->n);
    for (size_t i = 0; i < f->n && !eg_stopped(r); i++) {
        struct eg_obj tty = eg_object(r, tty_struct, f->at[i]);
        const char *name = eg_string(r, eg_at(tty, tty_struct.driver, tty_driver.name), NAME_LEN);
        uint64_t table;

        if (eg_get(&table, tty, tty_struct.driver, tty_driver.ttys) && !table)
            terminal(r, tty, name ? name : "?");
    }
}

static void screen_line(struct eg_run *r, void *arg, const struct linux_console_line *at)
{
    (void)arg;
    eg_row(r, .OFFSET = eg_uint(at->vc), .TTY = eg_text(at->name), .BUFFER = eg_text(at->source),
           .SCREEN_LINE = at->line ? eg_uint(at->line) : (struct eg_cell){ 0 },
           .SIZE = at->why ? (struct eg_cell){ 0 } : eg_uint(at->len),
           .TEXT = at->why ? eg_missing(at->why, at->why_addr) : eg_textn(at->text, at->len));
}

static int run(struct eg_run *r)
{
    struct eg_map *seen = eg_run_map(r);
    struct eg_obj driver;
    uint64_t n = 0, drivers = 0;

    eg_each_list(driver, eg_sym(r, tty_drivers), tty_driver.tty_drivers) {
        const char *name = eg_string(r, eg_at(driver, tty_driver.name), NAME_LEN);
        struct eg_obj ttys = eg_at(driver, tty_driver.ttys), tty;
        uint32_t count;
        uint64_t table;

        if (drivers++ == DRIVERS_MAX) {
            eg_note(r, "only the first %d drivers of terminals are shown", DRIVERS_MAX);
            break;
        }
        if (!eg_load(&table, ttys) || !table || !eg_get(&count, driver, tty_driver.num))
            continue; // pty drivers of /dev/pts have none: below
        for (uint32_t i = 0; i < count && !eg_stopped(r); i++) {
            if (n++ == TTYS_MAX) {
                eg_note(r,
                        "the table of the driver %s claims %u terminals: only %u of them are "
                        "looked at",
                        name ? name : "?", count, i);
                break;
            }
            tty = eg_deref(eg_index(ttys, i));
            if (!tty.why && eg_run_map_add(r, seen, tty.addr, 0))
                terminal(r, tty, name ? name : "?");
        }
        n = EG_MIN(n, TTYS_MAX);
    }
    pseudo_terminals(r, seen);
    if (!eg_arg_limits(r, "pid"))
        linux_screens(r, screen_line, NULL);
    return 0;
}

EG_PLUGIN(tty) = {
    .os = "linux",
    .help = "Show terminals: who has them, what is on their screens and in their buffers",
    .manual =
        "Screens of virtual consoles are shown line by line. input is what was typed, or on the "
        "side ptm what programs wrote to the terminal: the last 4096 bytes, those that nobody has "
        "read yet as waiting. This holds passwords that were typed. flip is what the driver "
        "received, output what a serial port sends, write the last piece that a program wrote. "
        "past is what a buffer still holds from before; its beginning may be cut. PID is the "
        "session's leader. A screen that a graphics card holds is not in an image of memory. A "
        "HANDLER other than n_tty_receive_buf2 takes what is typed away from the usual discipline, "
        "as key loggers do.",
    .aliases = EG_NAMES("linux.tty_check.tty_check", "linux.malware.tty_check.Tty_Check",
                        "tty_check", "linux_check_tty"),
    .columns = columns,
    .args = EG_ARGS(EG_ARG(pid, INT, "only terminals of these sessions' leaders"),
                    EG_ARG(dump, FLAG, "also write each buffer into a file")),
    .needs = EG_NEEDS(tty_driver.tty_drivers, tty_struct.name),
    .needs_symbols = EG_NEEDS_SYMBOLS(tty_drivers),
    .run = run,
};
