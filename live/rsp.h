/** rsp.h - packets of gdb's remote serial protocol: $DATA#SUM, with escapes, runs, acknowledgements
 * and interrupts (gdb's manual, "Remote Serial Protocol", Overview). Both sides use it: the server
 * of `engram gdb`, and the client of QEMU's gdbstub. No function here reads or writes a file. */
#ifndef EG_LIVE_RSP_H
#define EG_LIVE_RSP_H

#include "../core/base.h"
#include "../core/vec.h"

/** The largest packet that is accepted or made, without its frame; PacketSize of qSupported. */
enum { RSP_PACKET_MAX = 0x20000 };

enum rsp_what {
    RSP_MORE,      /**< nothing is complete yet */
    RSP_PACKET,    /**< data/len */
    RSP_ACK,       /**< + */
    RSP_NACK,      /**< -: send the last packet again */
    RSP_INTERRUPT, /**< the byte 3: Ctrl-C of the debugger */
    RSP_BROKEN,    /**< a wrong sum, or a packet that is too long: answer - where that is in use */
};
/** Bytes become packets. Zeroed: empty. */
struct rsp_in {
    EG_VEC(uint8_t)
    data; /**< of the last RSP_PACKET: escapes and runs are expanded; a NUL is
                               behind the last byte */
    uint8_t state, sum, said;
    bool keeps_runs; /**< '*' has no meaning: what a debugger sends has no runs */
    bool too_long;
};
/** Take bytes from @p up to the end of the first thing that is complete. @return how many were
 * taken. */
size_t rsp_take(struct rsp_in *in, const void *p, size_t len, enum rsp_what *what);
void rsp_in_fini(struct rsp_in *in);

/** A packet that is being made. Zeroed: empty. Errors of memory are kept in @failed. */
struct rsp_out {
    EG_VEC(uint8_t) at; /**< what is to be sent, whole packets with their frames */
    size_t begun;       /**< where the open packet begins */
    bool failed;
};
void rsp_begin(struct rsp_out *o);
void rsp_text(struct rsp_out *o, const char *format, ...) EG_PRINTF(2, 3); /**< escaped */
void rsp_bytes(struct rsp_out *o, const void *p, size_t len);              /**< escaped: binary */
void rsp_hex(struct rsp_out *o, const void *p, size_t len);                /**< two digits a byte */
void rsp_end(struct rsp_out *o);
void rsp_out_fini(struct rsp_out *o);

/** Numbers and bytes of a packet's text. Each moves *@p on. @return false: no digit, or more than
 * 64 bits. */
bool rsp_number(const char **p, const char *end, uint64_t *out);
/** @return how many bytes were made of pairs of hex digits, at most @max. */
size_t rsp_unhex(const char *p, const char *end, void *out, size_t max);

#endif
