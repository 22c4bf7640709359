/* rsp.c - packets of gdb's remote serial protocol. */
#include "rsp.h"
#include <stdarg.h>
#include <stdio.h>

/* ---- what arrives ---- */

enum { IDLE, BODY, ESCAPED, RUN, SUM1, SUM2 };

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void begin(struct rsp_in *in)
{
    in->state = BODY;
    in->sum = 0;
    in->bad = false;
    in->data.n = 0;
}

/* What does not fit is dropped, and the packet is broken: its end is still looked for. */
static void add(struct rsp_in *in, uint8_t c, size_t times)
{
    if (in->bad || times > RSP_PACKET_MAX - in->data.n ||
        !eg_vec_reserve(&in->data, in->data.n + times + 1)) {
        in->bad = true;
        return;
    }
    memset(in->data.at + in->data.n, c, times);
    in->data.n += times;
}

static void body(struct rsp_in *in, uint8_t c)
{
    if (c == '$') { // in data it is escaped: the end of the packet before was lost
        begin(in);
        return;
    }
    if (c == '#') {
        in->bad |= in->state != BODY; // in the middle of an escape or a run
        in->state = SUM1;
        return;
    }
    in->sum += c;
    if (in->state == ESCAPED) {
        add(in, c ^ 0x20, 1);
        in->state = BODY;
    } else if (in->state == RUN) {
        if (c < ' ' || c > '~' || !in->data.n)
            in->bad = true;
        else
            add(in, in->data.at[in->data.n - 1], c - 29u);
        in->state = BODY;
    } else if (c == '}') {
        in->state = ESCAPED;
    } else if (c == '*' && !in->keeps_runs) {
        in->state = RUN;
    } else {
        add(in, c, 1);
    }
}

static enum rsp_what end(struct rsp_in *in, uint8_t c)
{
    const int d = digit(c);

    if (in->state == SUM1) {
        in->bad |= d < 0;
        in->said = d < 0 ? 0 : (uint8_t)(d << 4);
        in->state = SUM2;
        return RSP_MORE;
    }
    in->state = IDLE;
    if (d < 0 || in->bad || (in->said | d) != in->sum || !eg_vec_reserve(&in->data, in->data.n + 1))
        return RSP_BROKEN;
    in->data.at[in->data.n] = 0;
    return RSP_PACKET;
}

static enum rsp_what idle(struct rsp_in *in, uint8_t c)
{
    switch (c) {
    case '$':
        begin(in);
        return RSP_MORE;
    case '+':
        return RSP_ACK;
    case '-':
        return RSP_NACK;
    case 3:
        return RSP_INTERRUPT;
    default:
        return RSP_MORE; // noise of a line, or a notification, which is for nobody here
    }
}

size_t rsp_take(struct rsp_in *in, const void *p, size_t len, enum rsp_what *what)
{
    const uint8_t *b = p;
    size_t i = 0;

    *what = RSP_MORE;
    while (i < len && *what == RSP_MORE) {
        const uint8_t c = b[i++];

        if (in->state == IDLE)
            *what = idle(in, c);
        else if (in->state < SUM1)
            body(in, c);
        else
            *what = end(in, c);
    }
    return i;
}

void rsp_in_fini(struct rsp_in *in)
{
    eg_vec_fini(&in->data);
    memset(in, 0, sizeof *in);
}

/* ---- what is sent ---- */

static void put(struct rsp_out *o, const char *p, size_t len)
{
    if (o->failed || !eg_vec_reserve(&o->at, o->at.n + len)) {
        o->failed = true;
        return;
    }
    memcpy(o->at.at + o->at.n, p, len);
    o->at.n += len;
}

void rsp_begin(struct rsp_out *o)
{
    put(o, "$", 1);
    o->begun = o->at.n;
}

void rsp_bytes(struct rsp_out *o, const void *p, size_t len)
{
    const uint8_t *b = p;

    if (o->failed || len > SIZE_MAX / 4 || !eg_vec_reserve(&o->at, o->at.n + 2 * len)) {
        o->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        const bool special = b[i] == '#' || b[i] == '$' || b[i] == '}' || b[i] == '*';

        if (special)
            o->at.at[o->at.n++] = '}';
        o->at.at[o->at.n++] = special ? b[i] ^ 0x20 : b[i];
    }
}

void rsp_text(struct rsp_out *o, const char *format, ...)
{
    char text[512], *all = text;
    va_list ap;
    int len;

    va_start(ap, format);
    len = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (len >= (int)sizeof text && (all = malloc((size_t)len + 1))) {
        va_start(ap, format);
        vsnprintf(all, (size_t)len + 1, format, ap);
        va_end(ap);
    }
    if (len < 0 || !all)
        o->failed = true;
    else
        rsp_bytes(o, all, (size_t)len);
    if (all != text)
        free(all);
}

void rsp_hex(struct rsp_out *o, const void *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = p;

    if (o->failed || len > SIZE_MAX / 4 || !eg_vec_reserve(&o->at, o->at.n + 2 * len)) {
        o->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        o->at.at[o->at.n++] = (uint8_t)digits[b[i] >> 4];
        o->at.at[o->at.n++] = (uint8_t)digits[b[i] & 15];
    }
}

void rsp_end(struct rsp_out *o)
{
    uint8_t sum = 0;
    char end[4];

    for (size_t i = o->begun; i < o->at.n; i++)
        sum += o->at.at[i];
    snprintf(end, sizeof end, "#%02x", sum);
    put(o, end, 3);
}

void rsp_out_fini(struct rsp_out *o)
{
    eg_vec_fini(&o->at);
    memset(o, 0, sizeof *o);
}

/* ---- the text of a packet ---- */

bool rsp_number(const char **p, const char *end, uint64_t *out)
{
    const char *s = *p;
    uint64_t v = 0;
    int d;

    for (; s < end && (d = digit((uint8_t)*s)) >= 0; s++) {
        if (v >> 60)
            return false;
        v = v << 4 | (uint64_t)d;
    }
    if (s == *p)
        return false;
    *p = s;
    *out = v;
    return true;
}

size_t rsp_unhex(const char *p, const char *end, void *out, size_t max)
{
    uint8_t *b = out;
    size_t n = 0;
    int high, low;

    for (; n < max && end - p >= 2; p += 2) {
        if ((high = digit((uint8_t)p[0])) < 0 || (low = digit((uint8_t)p[1])) < 0)
            break;
        b[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}
