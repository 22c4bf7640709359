/** net/pcapng.h - packets as a pcapng file (draft-ietf-opsawg-pcapng), which tshark and wireshark
 * read. Little-endian, whatever the machines are. */
#ifndef EG_LINUX_PCAPNG_H
#define EG_LINUX_PCAPNG_H

#include "../../../core/engram.h"

enum linux_linktype { LINUX_LINK_ETHERNET = 1, LINUX_LINK_RAW = 101, LINUX_LINK_USER0 = 147 };

struct linux_pcapng {
    void *file; /**< of eg_output(); NULL: nothing is written */
    struct {
        const char *name;
        enum linux_linktype type;
    } * interfaces;
    size_t n, cap;
    bool failed;
};
/** Create @name in the folder of -o. @return false: there is none, and the run fails. */
EG_API bool linux_pcapng_open(struct eg_run *r, struct linux_pcapng *p, const char *name);
/** @interface: may be NULL. @time: ns since 1970; 0: not known. @comment: may be NULL. */
EG_API void linux_pcapng_packet(struct eg_run *r, struct linux_pcapng *p, const char *interface,
                                enum linux_linktype type, uint64_t time, const uint8_t *bytes,
                                size_t len, const char *comment);
/** @return false: not all of it reached the disk, and the run fails. */
EG_API bool linux_pcapng_close(struct eg_run *r, struct linux_pcapng *p);

#endif
