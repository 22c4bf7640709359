/** net/xt.h - extensions of iptables: matches and targets with the options that iptables-save has
 * for them. Their data is what iptables hands to the kernel, and does not change
 * (include/uapi/linux/netfilter/xt_*.h). */
#ifndef EG_LINUX_XT_H
#define EG_LINUX_XT_H

#include "../text.h"

/** A match "conntrack" that was written as "state", a target "CT" that was "NOTRACK". */
enum { LINUX_XT_DATA_MAX = 512, LINUX_XT_STATE_ALIAS = 1 << 13, LINUX_XT_NOTRACK_ALIAS = 2 };

/** What an extension is asked to do. */
struct linux_xt {
    char name[32];
    uint8_t revision, family;
    bool match; /**< else a target */
    uint8_t data[LINUX_XT_DATA_MAX];
    size_t size; /**< bytes of it that could be read */
};
/** The name and revision of a struct xt_match or xt_target at @ext. @return false: unreadable. */
bool linux_xt_name(struct eg_run *r, uint64_t ext, struct linux_xt *x);
/** The name that it was written with. */
const char *linux_xt_shown(const struct linux_xt *x);
/** Its options: " --dport 22"; for what is not known its data in hex. */
void linux_xt_options(struct linux_text *t, const struct linux_xt *x);
/** For rules that iptables-nft made: `xt match "tcp" --dport 22`. @info: its data, of @size bytes
 * at most; 0: unreadable. NULL: its name cannot be read. In the run's memory. */
const char *linux_xt_extension(struct eg_run *r, uint8_t family, uint64_t ext, bool match,
                               uint64_t info, uint32_t size);

/** The name of a struct xt_table: "filter"; NULL: it is none. */
EG_API const char *linux_xt_table_name(struct eg_run *r, uint64_t table);

/** Where the name of a struct nf_conntrack_helper is; 0: it cannot be read. */
uint64_t linux_nf_helper_name(struct eg_run *r, uint64_t helper);

/* ---- xt_match.c, xt_target.c: @return false: not known ---- */

bool linux_xt_match_options(struct linux_text *t, const struct linux_xt *x);
bool linux_xt_target_options(struct linux_text *t, const struct linux_xt *x);

static inline uint32_t linux_xt_u32(const struct linux_xt *x, size_t at)
{
    return (uint32_t)eg_load_(x->data + at, 4, false);
}
static inline uint16_t linux_xt_u16(const struct linux_xt *x, size_t at)
{
    return (uint16_t)eg_load_(x->data + at, 2, false);
}
static inline uint16_t linux_xt_be16(const struct linux_xt *x, size_t at)
{
    return (uint16_t)eg_load_(x->data + at, 2, true);
}
/** An address of the extension's family. */
void linux_xt_address(struct linux_text *t, const struct linux_xt *x, size_t at);
/** Text as iptables-save quotes it. */
void linux_xt_quoted(struct linux_text *t, const void *text, size_t len);

#endif
